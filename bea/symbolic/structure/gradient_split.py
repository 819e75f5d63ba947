"""The gradient structure of a method on one loss: scalars Ẽ_l, remainders r_l, matrices M_l.

The coefficients of f_l on trees are the same for every loss; here the `free_trees` and the ways of
`symmetric_form` become functions of θ, by the `elementary_differentials` of f = −∇E.
"""

from __future__ import annotations

from typing import NamedTuple

from sympy import Expr, ImmutableDenseMatrix

from bea.symbolic.coordinates.carrier import Column, CoordinatesCarrier
from bea.symbolic.structure.elementary_differentials import ElementaryDifferentials
from bea.symbolic.structure.free_trees import GradientStructure, gradient_structure
from bea.symbolic.structure.symmetric_form import symmetric_weights
from bea.symbolic.trees.by_order import Coefficients


class GradientSplit(NamedTuple):
    """f_l = −∇Ẽ_l + r_l on a concrete loss.

    Attributes:
        potential: the scalar Ẽ_l.
        remainder: the field r_l, an m×1 matrix.
    """

    potential: Expr
    remainder: ImmutableDenseMatrix


class LossStructure:
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
