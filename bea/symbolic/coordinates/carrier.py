"""The coordinates carrier: fields as columns of m components, D_v g = g'·v by the Jacobian.

The components live in an algebra, either a `DifferentialRing` (polynomials, fast) or, where a
function has no rule of derivation, an `ExpressionAlgebra`; `algebra_for` chooses. This module
turns a user's loss or field into the start of the `recursion`, and computes the curl of a column.
`step_expansion` expands one-step maps; `equation` is what a user holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol

import sympy as sp
from sympy import Expr, ImmutableDenseMatrix

from bea.symbolic.parsing.expanded_size import extent_of
from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS
from bea.symbolic.recursion import Displacement
from bea.symbolic.ring.construction import NoRuleError
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.expression_algebra import ExpressionAlgebra
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.ring.terms import Monomial
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra

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


MAX_ATOMS = 14
"""Functions, roots and reciprocals up to which a ring is tried: beyond, the products of them that
the corrections consist of are too many to be read."""

MAX_DENOMINATORS = 6
"""Denominators, in several variables. The relations of five are not completed any more."""

MAX_DENOMINATOR_TERMS = 100
"""Terms of a denominator or radicand, multiplied out. Completing the relations of longer ones
takes too long."""

MIN_VARIABLES, MIN_TERMS, GROWTH = 5, 20, 4
"""A polynomial in so many variables, or more, stays as it is if multiplied out it has so many
terms, and so many times as many as it is written with."""

GROWTH_OF_FEW = 60
"""The same for fewer variables, of which (x + y)**60 is made."""

FEW_VARIABLES = 8
"""Up to so many, D_v g is taken by the Jacobian of g: there Σ_j ∂_j g · v_j is shorter."""


def algebra_for(
    variables: Sequence[sp.Symbol], expressions: Sequence[Expr], most_terms: int = MAX_DERIVED_TERMS
) -> Algebra:
    """The differential ring of these expressions, where its elements stay short.

    Sums over data and products of many terms are kept as they are (`ring.unexpanded_algebra`).
    Functions that the ring has no rule for are left to SymPy (`ring.expression_algebra`).
    """
    if is_better_unexpanded(variables, expressions):
        return UnexpandedAlgebra(variables, most_terms)
    try:
        return DifferentialRing(variables, expressions, most_terms=most_terms)
    except NoRuleError:
        return ExpressionAlgebra(variables, expressions, most_terms)


def is_better_unexpanded(variables: Sequence[sp.Symbol], expressions: Sequence[Expr]) -> bool:
    """Would the corrections of this input be too long, were they multiplied out?"""
    moving = set(variables)
    atoms, denominators = set(), set()
    for e in sp.Tuple(*expressions).atoms(sp.Function, sp.Pow):
        if e.free_symbols.isdisjoint(moving):
            continue
        if isinstance(e, sp.Function) or not e.exp.is_Integer or e.exp < 0:
            atoms.add(e if isinstance(e, sp.Function) or not e.exp.is_Integer else 1 / e.base)
        if e.is_Pow and not isinstance(e, sp.exp) and e.exp.is_negative:
            denominators.add(e.base)
        elif isinstance(e, (sp.log, sp.atan)):
            denominators.add(e.args[0])
    radicands = {e.base for e in atoms if e.is_Pow and not isinstance(e, sp.exp)}
    if any(extent_of(u).terms > MAX_DENOMINATOR_TERMS for u in denominators | radicands):
        return True
    if len(atoms) > MAX_ATOMS or (len(moving) > 1 and len(denominators) > MAX_DENOMINATORS):
        return True
    if atoms:
        return False
    written = sum(len(sp.Add.make_args(e)) for e in expressions)
    terms = sum(extent_of(e).terms for e in expressions)
    growth = GROWTH if len(moving) >= MIN_VARIABLES else GROWTH_OF_FEW
    return terms >= MIN_TERMS and terms >= growth * written


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
        if isinstance(self.algebra, UnexpandedAlgebra) and self.dimension > FEW_VARIABLES:
            return Column(self.algebra.derivatives_along(g.components, along.components))
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

    def first_of_curl(self, g: Column) -> tuple[int, int, Element] | None:
        """(i, j, ∂_i g_j − ∂_j g_i) for the first i < j where it is not zero; None if it is none.

        Nothing more is derived after it.
        """
        algebra = self.algebra
        for j in range(self.dimension):
            for i in range(j):
                if g.jacobian is not None:
                    upper, lower = g.jacobian[j][i], g.jacobian[i][j]
                else:
                    upper = algebra.partial(g.components[j], i)
                    lower = algebra.partial(g.components[i], j)
                difference = algebra.normal(upper - lower)
                if not algebra.is_zero(difference):
                    return i, j, difference
        return None

    def _dot(self, a: Sequence[Element], b: Sequence[Element]) -> Element:
        total = self.algebra.zero
        for x, y in zip(a, b, strict=True):
            total = total + self.algebra.product(x, y)
        return self.algebra.normal(total)


def euler_displacement(f: Column) -> Displacement[Column]:
    """d_1 = f and no other: one step of explicit Euler, and of gradient descent."""
    return lambda j: f if j == 1 else None
