"""The coordinates carrier: fields as columns of m components, D_v g = g'·v by the Jacobian.

The components live in an algebra, either a `DifferentialRing` (polynomials, fast) or, where a
function has no rule of derivation, an `ExpressionAlgebra`; `algebra_for` chooses. This module
turns a user's loss or field into what the `recursion` starts from, and knows the curl of a column.
One-step maps are left to `step_expansion`, what a modified equation offers its user to `equation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol

import sympy as sp
from sympy import Expr, ImmutableDenseMatrix

from bea.symbolic.expressions import ExpressionAlgebra
from bea.symbolic.limits import MOST_TERMS
from bea.symbolic.recursion import Displacement
from bea.symbolic.ring import DifferentialRing, NoRuleError
from bea.symbolic.scalars import Scalar
from bea.symbolic.terms import Monomial

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


def euler_displacement(f: Column) -> Displacement[Column]:
    """d_1 = f and no other: one step of explicit Euler, and of gradient descent."""
    return lambda j: f if j == 1 else None
