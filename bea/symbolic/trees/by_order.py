"""b(τ) for the trees of one correction after the other, computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.trees.tree import Tree

Coefficients = Callable[[int], Mapping[Tree, Scalar]]
"""l ↦ b(τ) for all trees of f_l."""


def coefficients_of(method: ButcherTableau) -> Coefficients:
    """b(τ) for the trees of f_l, of the modified equation of a method.

    Args:
        method: a Runge–Kutta method.
    """
    known: list[Mapping[Tree, Scalar]] = []

    def coefficients(l: int) -> Mapping[Tree, Scalar]:
        if l >= len(known):
            known[:] = _by_order(method, l)
        return known[l]

    return coefficients


def _by_order(method: ButcherTableau, order: int) -> list[Mapping[Tree, Scalar]]:
    from bea.symbolic.trees.coefficients import modified_coefficients  # not for derivations
    from bea.symbolic.trees.table import TreeTable

    table = TreeTable(order + 1)
    values = modified_coefficients(method, table)
    slices = map(table.of_order, range(1, order + 2))
    return [{table.tree(k): values[k] for k in range(s.start, s.stop)} for s in slices]
