"""Elementary differentials in coordinates: F(τ)(f) as a column, on the carrier of a field.

F(τ) = f^{(m)}(F(τ_1), …, F(τ_m)) contracts the m-th derivative of f with fields that are held
fixed. The partial derivatives of f are taken once each, whatever their order of taking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from bea.symbolic.coordinates import Column, CoordinatesCarrier
from bea.symbolic.trees import Tree


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
        total = [algebra.zero] * self._carrier.dimension
        for j, v_j in enumerate(v.components):
            g = self.contracted(rest, tuple(sorted((*indices, j))))
            total = [t + v_j * c for t, c in zip(total, g.components, strict=True)]
        return Column([algebra.normal(t) for t in total])

    def _partial(self, indices: tuple[int, ...]) -> Column:
        if indices not in self._partials:
            g = self._partial(indices[:-1])
            partial = self._carrier.algebra.partial
            self._partials[indices] = Column([partial(c, indices[-1]) for c in g.components])
        return self._partials[indices]

    def combination(self, terms: Mapping[Tree, Fraction]) -> Column:
        """Σ c(τ) F(τ)."""
        return self._carrier.combine((c, self[tree]) for tree, c in terms.items())
