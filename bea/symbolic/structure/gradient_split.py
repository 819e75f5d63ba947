"""What the trees of a method say on one loss: scalars Ẽ_l, remainders r_l and matrices M_l.

The coefficients of f_l on trees are the same for every loss; here the `free_trees` and the ways of
`symmetric_form` become functions of θ, by the `elementary_differentials` of f = −∇E.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sympy import Expr, ImmutableDenseMatrix

from bea.symbolic.coordinates.carrier import Column, CoordinatesCarrier
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.structure.elementary_differentials import ElementaryDifferentials
from bea.symbolic.structure.free_trees import GradientStructure, gradient_structure
from bea.symbolic.structure.symmetric_form import symmetric_weights
from bea.symbolic.trees.tree import Tree

Coefficients = Callable[[int], Mapping[Tree, Scalar]]
"""l ↦ b(τ) for all trees of f_l."""


class GradientSplit(NamedTuple):
    """f_l = −∇Ẽ_l + r_l on a concrete loss.

    Attributes:
        potential: the scalar Ẽ_l.
        remainder: the field r_l, an m×1 matrix.
    """

    potential: Expr
    remainder: ImmutableDenseMatrix


class OnALoss:
    """The gradient structure of the corrections on one loss.

    Args:
        carrier: the arithmetic.
        f: the field −∇E.
        coefficients: b(τ) for the trees of each f_l.
    """

    def __init__(self, carrier: CoordinatesCarrier, f: Column, coefficients: Coefficients) -> None:
        self._carrier, self._coefficients = carrier, coefficients
        self._differentials = ElementaryDifferentials(carrier, f)

    def structure(self, l: int) -> GradientStructure:
        """f_l as a gradient and a remainder, for every loss."""
        return gradient_structure(self._coefficients(l))

    def split(self, l: int) -> GradientSplit:
        """Ẽ_l and r_l, for l ≥ 1."""
        structure = self.structure(l)
        return GradientSplit(
            self._carrier.algebra.expression(self._differentials.scalar(structure.potential)),
            self._carrier.matrix(self._differentials.combination(structure.remainder)),
        )

    def matrix(self, l: int) -> ImmutableDenseMatrix:
        """The symmetric M_l with f_l = −M_l∇E, for l ≥ 1."""
        rows = self._differentials.matrix(symmetric_weights(self._coefficients(l)))
        expression = self._carrier.algebra.expression
        return ImmutableDenseMatrix([[expression(e) for e in row] for row in rows])


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
    from bea.symbolic.trees.coefficients import (
        modified_coefficients,  # NumPy: not for who only derives
    )
    from bea.symbolic.trees.table import TreeTable

    table = TreeTable(order + 1)
    values = modified_coefficients(method, table)
    slices = map(table.of_order, range(1, order + 2))
    return [{table.tree(k): values[k] for k in range(s.start, s.stop)} for s in slices]
