"""Coordinates arithmetic on SymPy expressions, for functions without a rule of derivation.

Γ, Bessel functions or a function that is only a name have derivatives that no finite ring holds.
Then SymPy differentiates, and after *each* derivative the result is brought into the normal form
of a `differential_ring` in which the functions met so far are opaque generators, so that it never
grows beyond what the normal form needs. On an input that the ring can carry by itself, the two give
the same expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp
from flint import fmpq
from sympy import Expr

from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS
from bea.symbolic.ring.construction import NoRuleError
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.terms import Monomial
from bea.symbolic.zero.decision import Decider


class ExpressionAlgebra:
    """The same operations as `DifferentialRing`, with SymPy expressions for elements.

    Args:
        variables: what is differentiated by, in order.
        expressions: the input; later elements may contain further functions.
        most_terms: refuse elements that are longer.
    """

    def __init__(
        self,
        variables: Sequence[sp.Symbol],
        expressions: Sequence[Expr],
        most_terms: int = MAX_DERIVED_TERMS,
    ) -> None:
        self.variables = tuple(variables)
        self._most_terms = most_terms
        self._seen = list(expressions)
        self._ring = self._ring_of_what_was_seen()
        self._decider = Decider()

    def _ring_of_what_was_seen(self) -> DifferentialRing:
        return DifferentialRing(
            self.variables, self._seen, opaque=True, most_terms=self._most_terms
        )

    @property
    def zero(self) -> Expr:
        """The constant 0."""
        return sp.Integer(0)

    def element(self, expr: Expr) -> Expr:
        """The expression in normal form."""
        return self.normal(expr)

    def expression(self, element: Expr) -> Expr:
        """The element itself."""
        return element

    def polynomials(
        self, elements: Sequence[Expr]
    ) -> tuple[Sequence[Expr], list[dict[Monomial, fmpq]]]:
        """What the opaque generators mean, and each element as its coefficients by monomial."""
        normal = [self.normal(element) for element in elements]
        return self._ring.polynomials([self._ring.element(element) for element in normal])

    def scale(self, c: Fraction, element: Expr) -> Expr:
        """c·g for a rational c."""
        return sp.Rational(c.numerator, c.denominator) * element

    def partial(self, element: Expr, j: int) -> Expr:
        """∂g/∂θ_j."""
        return self.normal(sp.diff(element, self.variables[j]))

    def product(self, a: Expr, b: Expr) -> Expr:
        """a·b, to be brought into normal form."""
        return a * b

    def length(self, element: Expr) -> int:
        """The number of terms."""
        return len(sp.Add.make_args(element))

    def normal(self, element: Expr) -> Expr:
        """The normal form: a polynomial in the functions that occur."""
        try:
            known = self._ring.element(element)
        except NoRuleError:  # a derivative brought a new function
            self._seen.append(element)
            self._ring = self._ring_of_what_was_seen()
            known = self._ring.element(element)
        return self._ring.expression(known)

    def is_zero(self, element: Expr) -> bool:
        """Is this the zero function? As `DifferentialRing.is_zero`.

        Raises:
            UndecidedError: it cannot be decided.
        """
        normal = self.normal(element)
        return normal == 0 or self._decider.is_zero(normal, "whether an expression vanishes")
