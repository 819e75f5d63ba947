"""Elementary differentials in coordinates: vectors F(τ), scalars H_φ(E) and matrices W(s).

F(τ) = f^{(m)}(F(τ_1), …, F(τ_m)) contracts the m-th derivative of f with fields that are held
fixed. Each partial derivative of f is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from bea.symbolic.coordinates.carrier import FEW_VARIABLES, Column, CoordinatesCarrier, Element
from bea.symbolic.recursion import ONE
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra
from bea.symbolic.structure.free_trees import FreeTree
from bea.symbolic.structure.symmetric_form import Way
from bea.symbolic.trees.tree import Tree

Matrix = Sequence[Sequence[Element]]
"""m rows of m elements."""


class ElementaryDifferentials:
    """F(τ)(f) for one field f, each computed once.

    Args:
        carrier: the arithmetic.
        f: the field.
    """

    def __init__(self, carrier: CoordinatesCarrier, f: Column) -> None:
        self._carrier = carrier
        self._partials: dict[tuple[int, ...], Column] = {(): f}
        self._known: dict[Tree, Column] = {}
        self._linear_maps: dict[tuple[Tree, ...], Matrix] = {}

    def __getitem__(self, tree: Tree) -> Column:
        """F(τ)."""
        if tree not in self._known:
            self._known[tree] = self.contracted([self[child] for child in tree.children])
        return self._known[tree]

    def contracted(self, directions: Sequence[Column], indices: tuple[int, ...] = ()) -> Column:
        """∂_indices f^{(m)}(v_1, …, v_m) for fixed directions v_k."""
        if not directions:
            return self._partial(indices)
        v, *rest = directions
        algebra = self._carrier.algebra
        if isinstance(algebra, UnexpandedAlgebra) and self._carrier.dimension > FEW_VARIABLES:
            return Column(self._along_directions(directions, indices))
        total = [algebra.zero] * self._carrier.dimension
        for j, v_j in enumerate(v.components):
            g = self.contracted(rest, tuple(sorted((*indices, j))))
            products = (algebra.product(v_j, c) for c in g.components)
            total = [t + p for t, p in zip(total, products, strict=True)]
        return Column([algebra.normal(t) for t in total])

    def _along_directions(
        self, directions: Sequence[Column], indices: tuple[int, ...]
    ) -> list[Element]:
        """The same by derivatives along symbols, in whose places the directions are put."""
        algebra = self._carrier.algebra
        assert isinstance(algebra, UnexpandedAlgebra)
        places: dict[sp.Symbol, Element] = {}
        components = list(self._partial(indices).components)
        if len(directions) == 1:
            return algebra.derivatives_along(components, directions[0].components)
        for v in directions:
            names = [sp.Dummy(f"v{j}") for j in range(self._carrier.dimension)]
            components = algebra.derivatives_along(components, names)
            places.update(zip(names, v.components, strict=True))
        return [c.xreplace(places) for c in components]

    def _partial(self, indices: tuple[int, ...]) -> Column:
        if indices not in self._partials:
            g = self._partial(indices[:-1])
            partial = self._carrier.algebra.partial
            self._partials[indices] = Column([partial(c, indices[-1]) for c in g.components])
        return self._partials[indices]

    def combination(self, terms: Mapping[Tree, Scalar]) -> Column:
        """Σ c(τ) F(τ)."""
        return self._carrier.combine((c, self[tree]) for tree, c in terms.items())

    def scalar(self, terms: Mapping[FreeTree, Scalar]) -> Element:
        """Σ c(φ) H_φ(E) for f = −∇E and free trees of at least two nodes."""
        carrier = self._carrier
        total = carrier.algebra.zero
        for free, c in terms.items():
            # H_φ(E) = (−1)^n ⟨F(τ_1), F(τ_2)⟩ for the halves of φ at one of its edges
            u, v = (self[half] for half in free.halves())
            product = carrier.inner_product(u, v)
            total = total + carrier.scaled((-1) ** free.order * c, product)
        return total

    def matrix(self, terms: Mapping[Way, Scalar]) -> Matrix:
        """Σ c(s) W(s)."""
        carrier, m = self._carrier, self._carrier.dimension
        total = [Column([carrier.algebra.zero] * m) for _ in range(m)]
        for way, c in terms.items():
            total = [
                carrier.combine([(ONE, row), (c, Column(own))])
                for row, own in zip(total, self._along(way), strict=True)
            ]
        return [row.components for row in total]

    def _along(self, way: Way) -> Matrix:
        """W(s): the product of the linear maps at the nodes of the way."""
        algebra, m = self._carrier.algebra, self._carrier.dimension
        one = algebra.element(sp.Integer(1))
        product: Matrix = [[one if i == j else algebra.zero for j in range(m)] for i in range(m)]
        for branches in way.branches:
            columns = [*zip(*self._linear_map(branches), strict=True)]
            product = [
                [self._carrier.inner_product(Column(row), Column(column)) for column in columns]
                for row in product
            ]
        return product

    def _linear_map(self, branches: tuple[Tree, ...]) -> Matrix:
        """f^{(m+1)}(F(branches), ·)."""
        if branches not in self._linear_maps:
            directions = [self[branch] for branch in branches]
            columns = [
                self.contracted(directions, (j,)).components for j in range(self._carrier.dimension)
            ]
            self._linear_maps[branches] = [*zip(*columns, strict=True)]
        return self._linear_maps[branches]
