"""The coordinates carrier: fields as columns of m components, D_v g = g'·v by the Jacobian.

The components live in an algebra, either a `DifferentialRing` (polynomials, fast) or, where a
function has no rule of derivation, an `ExpressionAlgebra`; `algebra_for` chooses. This module
turns a user's loss, field or one-step map into what the `recursion` starts from, and knows the
curl of a column. What a modified equation offers its user is left to `equation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import factorial
from typing import Any, Protocol

import sympy as sp
from sympy import Expr, ImmutableDenseMatrix

from bea.errors import InputError
from bea.symbolic.expressions import ExpressionAlgebra
from bea.symbolic.limits import MOST_TERMS
from bea.symbolic.recursion import Displacement
from bea.symbolic.ring import DifferentialRing, NoRuleError
from bea.symbolic.scalars import Scalar
from bea.symbolic.terms import Monomial
from bea.symbolic.zero import decide

Element = Any
"""An element of an algebra: a polynomial or an expression. Both know +, − and ·."""


class Algebra(Protocol):
    """A commutative ring of functions with the partial derivatives ∂_1, …, ∂_m."""

    variables: tuple[sp.Symbol, ...]

    @property
    def zero(self) -> Element:
        """The constant 0."""
        ...

    def element(self, expr: Expr) -> Element:
        """The element that an expression means, in normal form."""
        ...

    def expression(self, element: Element) -> Expr:
        """The expression that an element means."""
        ...

    def polynomials(
        self, elements: Sequence[Element]
    ) -> tuple[Sequence[Expr], list[dict[Monomial, Any]]]:
        """Functions of θ, and each element as a polynomial in them."""
        ...

    def scale(self, c: Fraction, element: Element) -> Element:
        """c·g for a rational c."""
        ...

    def partial(self, element: Element, j: int) -> Element:
        """∂g/∂θ_j."""
        ...

    def product(self, a: Element, b: Element) -> Element:
        """a·b, to be brought into normal form."""
        ...

    def length(self, element: Element) -> int:
        """The number of terms."""
        ...

    def normal(self, element: Element) -> Element:
        """The normal form of a sum or product of elements."""
        ...

    def is_zero(self, element: Element) -> bool:
        """Is this the zero function?"""
        ...


def algebra_for(
    variables: Sequence[sp.Symbol], expressions: Sequence[Expr], most_terms: int = MOST_TERMS
) -> Algebra:
    """The differential ring of these expressions; expressions themselves where there is none."""
    try:
        return DifferentialRing(variables, expressions, most_terms=most_terms)
    except NoRuleError:
        return ExpressionAlgebra(variables, expressions, most_terms)


class Column:
    """A vector field: m components, and their Jacobian once it has been asked for."""

    __slots__ = ("components", "jacobian")

    def __init__(self, components: Sequence[Element]) -> None:
        self.components = tuple(components)
        self.jacobian: tuple[tuple[Element, ...], ...] | None = None


class CoordinatesCarrier:
    """Rational combinations, Lie derivatives, gradients and curls of columns.

    Args:
        algebra: the arithmetic of the components; its variables are the coordinates θ.
    """

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self.dimension = len(algebra.variables)

    def column(self, expressions: Sequence[Expr]) -> Column:
        """The field with these components."""
        return Column([self.algebra.element(e) for e in expressions])

    def matrix(self, g: Column) -> ImmutableDenseMatrix:
        """The field as a SymPy column matrix."""
        return ImmutableDenseMatrix([self.algebra.expression(c) for c in g.components])

    def combine(self, terms: Iterable[tuple[Scalar, Column]]) -> Column:
        """Σ c·g; irrational c must be in the algebra."""
        total = [self.algebra.zero] * self.dimension
        for c, g in terms:
            scaled = g.components if c == 1 else [self.scaled(c, e) for e in g.components]
            total = [a + b for a, b in zip(total, scaled, strict=True)]
        return Column(total)

    def scaled(self, c: Scalar, element: Element) -> Element:
        """c·e."""
        if isinstance(c, Fraction):
            return self.algebra.scale(c, element)
        return self.algebra.normal(self.algebra.element(c) * element)

    def derive(self, g: Column, along: Column) -> Column:
        """D_v g = g'·v: the components Σ_j ∂_j g_i · v_j."""
        return Column([self._dot(row, along.components) for row in self.jacobian(g)])

    def jacobian(self, g: Column) -> tuple[tuple[Element, ...], ...]:
        """The rows (∂_j g_i)_j, computed once for each column."""
        if g.jacobian is None:
            g.jacobian = tuple(
                tuple(self.algebra.partial(c, j) for j in range(self.dimension))
                for c in g.components
            )
        return g.jacobian

    def gradient(self, scalar: Element) -> Column:
        """∇s."""
        return Column([self.algebra.partial(scalar, j) for j in range(self.dimension)])

    def inner_product(self, u: Column, v: Column) -> Element:
        """⟨u, v⟩ = Σ u_i v_i."""
        return self._dot(u.components, v.components)

    def gradient_of_product(self, u: Column, v: Column) -> Column:
        """∇⟨u, v⟩."""
        return self.gradient(self.inner_product(u, v))

    def curl(self, g: Column) -> dict[tuple[int, int], Element]:
        """∂_i g_j − ∂_j g_i for i < j, where it is not zero."""
        rows = self.jacobian(g)
        differences = {
            (i, j): self.algebra.normal(rows[j][i] - rows[i][j])
            for j in range(self.dimension)
            for i in range(j)
        }
        return {ij: d for ij, d in sorted(differences.items()) if not self.algebra.is_zero(d)}

    def _dot(self, a: Sequence[Element], b: Sequence[Element]) -> Element:
        total = self.algebra.zero
        for x, y in zip(a, b, strict=True):
            total = total + self.algebra.product(x, y)
        return self.algebra.normal(total)


class StepExpansion:
    """The coefficients d_j = 1/j! · ∂^j Φ_h/∂h^j at h = 0 of a one-step map.

    In the differential ring of Φ with h as one more variable every ∂^j/∂h^j is a polynomial, and
    what it is at h = 0 is found by sending each generator to its own value there.

    Args:
        step: the components of Φ_h(θ).
        params: the coordinates θ.
        step_size: the symbol h.
        most_terms: refuse functions that are longer.

    Raises:
        InputError: Φ is not smooth at h = 0, or Φ_0 is not the identity.
    """

    def __init__(
        self,
        step: Sequence[Expr],
        params: Sequence[sp.Symbol],
        step_size: sp.Symbol,
        most_terms: int = MOST_TERMS,
    ) -> None:
        self._source = algebra_for((*params, step_size), step, most_terms)
        self._h, self._most_terms = step_size, most_terms
        self._derivatives = [[self._source.element(e) for e in step]]
        self.carrier = CoordinatesCarrier(self._algebra_at_zero(params))
        self._check_identity(params)

    def _algebra_at_zero(self, params: Sequence[sp.Symbol]) -> Algebra:
        if isinstance(self._source, DifferentialRing):
            self._values = [self._at_zero(e) for e in self._source.meanings]
            return algebra_for(params, self._values, self._most_terms)
        # The derivatives in h bring functions that Φ_0 = id does not contain.
        return ExpressionAlgebra(params, params, self._most_terms)

    def _at_zero(self, expr: Expr) -> Expr:
        value = expr.subs(self._h, 0).replace(sp.Subs, lambda *args: sp.Subs(*args).doit())
        if value.has(sp.nan, sp.zoo, sp.oo):
            raise InputError(
                f"the step is not smooth at {self._h} = 0 because of {expr}: "
                "a one-step map must have a Taylor series in the step size"
            )
        return value

    def _check_identity(self, params: Sequence[sp.Symbol]) -> None:
        for component, value, param in zip(
            range(len(params)), self._coefficient(0).components, params, strict=True
        ):
            algebra = self.carrier.algebra
            difference = value - algebra.element(param)
            if not algebra.is_zero(difference):
                where = decide(algebra.expression(difference)).reason.removeprefix("not zero ")
                raise InputError(
                    f"component {component} of the step is {algebra.expression(value)} at "
                    f"{self._h} = 0, not {param} ({where}): a one-step map starts from the identity"
                )

    def displacement(self, j: int) -> Column:
        """d_j, for j ≥ 1."""
        return self._coefficient(j)

    def _coefficient(self, j: int) -> Column:
        while len(self._derivatives) <= j:
            h = len(self._source.variables) - 1
            self._derivatives.append([self._source.partial(e, h) for e in self._derivatives[-1]])
        values = [self._value(e) for e in self._derivatives[j]]
        return Column([self.carrier.algebra.scale(Fraction(1, factorial(j)), v) for v in values])

    def _value(self, element: Element) -> Element:
        algebra = self.carrier.algebra
        if not isinstance(self._source, DifferentialRing):
            return algebra.element(self._at_zero(self._source.expression(element)))
        images = [algebra.element(v) for v in self._values]
        total = algebra.zero
        for monomial, coefficient in element.to_dict().items():
            c = Fraction(int(coefficient.numerator), int(coefficient.denominator))
            term = algebra.scale(c, algebra.element(sp.Integer(1)))
            for image, degree in zip(images, monomial, strict=True):
                if degree:
                    term = term * image**degree
            total = total + term
        return algebra.normal(total)


def euler_displacement(f: Column) -> Displacement[Column]:
    """d_1 = f and no other: one step of explicit Euler, and of gradient descent."""
    return lambda j: f if j == 1 else None
