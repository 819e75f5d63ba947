"""A differential polynomial ring made to measure for an input (docs/mathematics.md).

ℚ[θ, constants] is extended by one generator for every function the input contains, each with its
rule of derivation (`construction`). Every derivative of the input is then again a polynomial, kept
in normal form modulo the relations, and expressions do not swell. The elements are python-flint's,
with which the derivations of `benchmarks/` are 2 to 13 times as fast as in `sympy.polys.rings`. The
meaning of a field, and the recursion, are left to `coordinates.carrier` and `recursion`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from operator import ge

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Expr

from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS, TooManyTermsError
from bea.symbolic.ring.construction import RingConstruction, is_rational
from bea.symbolic.ring.terms import Monomial, expression_of
from bea.symbolic.zero.decision import Decider

MAX_PRODUCT = 1_000_000
"""Pairs of terms that flint multiplies in one call, 0.2 s: in between Ctrl-C is heard, and what has
grown too large is noticed."""


class DifferentialRing:
    """ℚ[θ, constants, functions of the input] with the derivations ∂_1, …, ∂_m.

    Args:
        variables: what is differentiated by, in order.
        expressions: everything that the ring must contain.
        opaque: adjoin functions without a rule as they are (they cannot be differentiated then)
            instead of refusing them.
        most_terms: refuse elements that are longer.

    Raises:
        NoRuleError: a function has no rule, and `opaque` is false.
        InputError: an expression divides by zero, or is too long.

    Example:
        >>> x = sp.Symbol("x")
        >>> R = DifferentialRing([x], [sp.log(1 + sp.exp(x))])
        >>> R.expression(R.partial(R.element(sp.log(1 + sp.exp(x))), 0))
        1 - 1/(exp(x) + 1)
    """

    def __init__(
        self,
        variables: Sequence[sp.Symbol],
        expressions: Sequence[Expr],
        *,
        opaque: bool = False,
        most_terms: int = MAX_DERIVED_TERMS,
    ) -> None:
        self.variables = tuple(variables)
        self.most_terms = most_terms
        self._construction = RingConstruction(variables, expressions, opaque=opaque)
        self.coordinates = self._construction.coordinates
        """What the generators of the variables mean: x, or x − c where the input is centred."""
        self.meanings = [g.meaning for g in self._construction.generators]
        """What the generators mean, in the order of the ring's monomials."""
        self._context = fmpq_mpoly_ctx.get(
            [f"y{i}" for i in range(len(self.meanings))], Ordering.lex
        )
        self._basis = [
            (relation.leading_expv(), self._context.from_dict(dict(relation)))
            for relation in self._construction.basis
        ]
        self._partials: dict[int, list[fmpq_mpoly]] = {}
        self._derive_generators()
        self._decider = Decider()

    # --- elements ---------------------------------------------------------------------------

    def element(self, expr: Expr) -> fmpq_mpoly:
        """The normal form of an expression whose functions are all in the ring.

        Raises:
            NoRuleError: the expression contains a function that is not in the ring.
        """
        return self.normal(self._context.from_dict(dict(self._construction.converted(expr))))

    def expression(self, element: fmpq_mpoly) -> Expr:
        """The SymPy expression that an element means."""
        return expression_of(element.to_dict(), self.meanings)

    def polynomials(
        self, elements: Sequence[fmpq_mpoly]
    ) -> tuple[Sequence[Expr], list[dict[Monomial, fmpq]]]:
        """What the generators mean, and each element as its coefficients by monomial."""
        return self.meanings, [element.to_dict() for element in elements]

    @property
    def zero(self) -> fmpq_mpoly:
        """The constant 0."""
        return self._context.constant(0)

    @property
    def moving(self) -> list[int]:
        """The positions of the generators that depend on the variables."""
        return sorted(self._partials)

    def monomial(self, exponents: Monomial) -> fmpq_mpoly:
        """Π y_i^{e_i}, in normal form."""
        return self.normal(self._context.from_dict({exponents: fmpq(1)}))

    def scale(self, c: Fraction, element: fmpq_mpoly) -> fmpq_mpoly:
        """c·g for a rational c."""
        return element * fmpq(c.numerator, c.denominator)

    def partial(self, element: fmpq_mpoly, j: int) -> fmpq_mpoly:
        """∂g/∂θ_j = Σ_y ∂g/∂y · ∂y/∂θ_j over the generators y."""
        total = self.zero
        for i, rules in self._partials.items():
            if not rules[j].is_zero():
                total += self.product(element.derivative(i), rules[j])
        return self.normal(total)

    def product(self, a: fmpq_mpoly, b: fmpq_mpoly) -> fmpq_mpoly:
        """a·b, to be brought into normal form."""
        if len(a) * len(b) <= MAX_PRODUCT:
            return a * b
        shorter, longer = sorted((a, b), key=len)
        total = self.zero
        for piece in self._pieces(shorter, 1 + MAX_PRODUCT // len(longer)):
            total += piece * longer
            self._check_length(total)
        return total

    def _pieces(self, element: fmpq_mpoly, length: int) -> Iterator[fmpq_mpoly]:
        """The element as a sum of elements that are not longer than this."""
        terms = iter(element.to_dict().items())
        while piece := dict(islice(terms, length)):
            yield self._context.from_dict(piece)

    def length(self, element: fmpq_mpoly) -> int:
        """The number of terms."""
        return len(element)

    def _check_length(self, element: fmpq_mpoly) -> None:
        if len(element) > self.most_terms:
            raise TooManyTermsError(self.most_terms)

    def normal(self, element: fmpq_mpoly) -> fmpq_mpoly:
        """The remainder modulo the relations: zero if and only if they make the element zero.

        No term of a remainder is divisible by the leading monomial of a relation, and modulo a
        Gröbner basis there is only one such remainder, in whatever order the divisions are made.
        """
        self._check_length(element)
        reducible = True
        while reducible:
            reducible = False
            degrees = element.degrees()
            for lead, relation in self._basis:
                if all(map(ge, degrees, lead)):  # otherwise it divides no term
                    quotient, element = divmod(element, relation)
                    if not quotient.is_zero():
                        reducible, degrees = len(self._basis) > 1, element.degrees()
        return element

    def is_zero(self, element: fmpq_mpoly) -> bool:
        """Is this the zero function?

        A normal form that is zero proves it, and one that is not zero disproves it where it is
        rational and the relations were completed. Functions may depend on one another in a way
        that the ring does not know (log(xy) on log x and log y), and then `zero.decision` decides.

        Raises:
            UndecidedError: it cannot be decided.
        """
        if element.is_zero():
            return True
        used = [m for m, degree in zip(self.meanings, element.degrees(), strict=True) if degree]
        if self._construction.is_complete and all(map(is_rational, used)):
            return False
        return self._decider.is_zero(self.expression(element), "whether an expression vanishes")

    def _derive_generators(self) -> None:
        """∂y/∂θ_j for every generator y that moves, by its position, innermost first."""
        for i, generator in reversed(list(enumerate(self._construction.generators))):
            if generator.meaning in self.coordinates:
                partials = [
                    self._context.constant(generator.meaning == x) for x in self.coordinates
                ]
            elif generator.derivative is not None:
                derivative, argument = (
                    self.element(generator.derivative),
                    self.element(generator.argument),
                )
                partials = [
                    self.normal(derivative * self.partial(argument, j))
                    for j in range(len(self.variables))
                ]
            else:
                continue
            if not all(p.is_zero() for p in partials):
                self._partials[i] = partials
