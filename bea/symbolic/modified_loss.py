"""Which corrections are gradients, and of what: the scalars Ẽ_l with f_l = −∇Ẽ_l.

A correction is the gradient of a scalar where its curl vanishes. The scalar comes from a theorem
where there is one (f_1 = κ f'f = ∇(κ/2 |f|²), Theorem 3.1), from the trees of the method, or from
`coordinates.antiderivative`. `equation` is what a user holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp
from sympy import Expr, ImmutableDenseMatrix

from bea.errors import UndecidedError
from bea.symbolic.coordinates.antiderivative import antiderivative
from bea.symbolic.coordinates.carrier import Column, CoordinatesCarrier
from bea.symbolic.coordinates.problem import Problem
from bea.symbolic.derivation import Derivation
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.printing.equation import shortened
from bea.symbolic.ring.scalars import Scalar, expression_of_scalar, normal_scalars, scalar_of
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra
from bea.symbolic.structure.gradient_split import LossStructure
from bea.symbolic.trees.by_order import Coefficients


class Gradients:
    """The gradient structure of the corrections of one equation; everything is found once.

    Args:
        derivation: the corrections f_l.
        problem: what they were derived from.
        coefficients: l ↦ b(τ) for the trees of f_l; None for a step, which has no trees.
        is_modifying: are they those of a modifying integrator?
    """

    def __init__(
        self,
        derivation: Derivation,
        problem: Problem,
        coefficients: Coefficients | None,
        *,
        is_modifying: bool,
    ) -> None:
        self._derivation, self._problem = derivation, problem
        self._coefficients, self._is_modifying = coefficients, is_modifying
        self._curls: dict[int, ImmutableDenseMatrix] = {}
        self._firsts_of_curls: dict[int, tuple[int, int, Any] | None] = {}
        self._losses: dict[int, Expr] = {}

    @cached_property
    def structure(self) -> LossStructure | None:
        """What the trees of the method say on the loss, if there are both."""
        if self._problem.loss is None or self._coefficients is None:
            return None
        return LossStructure(self._derivation.carrier, self._derivation[0], self._coefficients)

    def curl(self, l: int) -> ImmutableDenseMatrix:
        """The matrix ∂_i (f_l)_j − ∂_j (f_l)_i."""
        if l not in self._curls:
            self._curls[l] = self._curl(l)
        return self._curls[l]

    def _curl(self, l: int) -> ImmutableDenseMatrix:
        carrier, m = self._derivation.carrier, len(self._problem.params)
        if self._is_gradient_for_every_loss(l):
            return ImmutableDenseMatrix.zeros(m, m)
        with self._undecided(l):
            upper = carrier.curl(self._derivation[l])
        values = {ij: carrier.algebra.expression(c) for ij, c in upper.items()}
        return ImmutableDenseMatrix(
            m, m, lambda i, j: values.get((i, j), 0) - values.get((j, i), 0)
        )

    def is_gradient(self, l: int) -> bool:
        """Is f_l free of curl?"""
        return self._is_gradient_for_every_loss(l) or self._first_of_curl(l) is None

    def _first_of_curl(self, l: int) -> tuple[int, int, Any] | None:
        """What shows that f_l is no gradient."""
        if l not in self._firsts_of_curls:
            with self._undecided(l):
                first = self._derivation.carrier.first_of_curl(self._derivation[l])
            self._firsts_of_curls[l] = first
        return self._firsts_of_curls[l]

    @contextmanager
    def _undecided(self, l: int) -> Iterator[None]:
        """Say what it is that was not decided."""
        try:
            yield
        except UndecidedError as error:
            message = f"whether f_{l} is a gradient cannot be decided: {error.tried}"
            raise UndecidedError(message, error.tried) from None

    def _is_gradient_for_every_loss(self, l: int) -> bool:
        """Is it one by a theorem, whatever the loss is?

        The first correction of a Runge–Kutta method is κ f'f = ∇(κ/2 |f|²) (Theorem 3.1). Further
        ones ask the trees of the method, which is worth it where f_l is long.
        """
        if self.structure is None:
            return False
        if l <= 1:
            return True
        is_long = isinstance(self._derivation.carrier.algebra, UnexpandedAlgebra)
        return is_long and self.structure.structure(l).is_gradient

    def loss(self, l: int) -> Expr:
        """The scalar Ẽ_l with f_l = −∇Ẽ_l."""
        if l not in self._losses:
            self._losses[l] = self._found_loss(l)
        return self._losses[l]

    def _found_loss(self, l: int) -> Expr:
        carrier, f = self._derivation.carrier, self._derivation
        if l == 0 and self._problem.loss is not None:
            return self._problem.loss
        if l == 1 and self.is_gradient(0) and (P := self._half_square()) is not None:
            return -P
        is_long, structure = isinstance(carrier.algebra, UnexpandedAlgebra), self.structure
        P = None if is_long else antiderivative(carrier, f[l])
        is_open = P is None or P.has(sp.Integral)
        if is_open and structure is not None and structure.structure(l).is_gradient:
            return structure.split(l).potential  # for every loss, by a formula
        return -(antiderivative(carrier, f[l]) if P is None else P)

    def _half_square(self) -> Expr | None:
        """κ/2·|f|² where f_1 = κ f'f, exactly: for gradient descent the −¼|∇E|² of Theorem 3.1."""
        carrier, f = self._derivation.carrier, self._derivation
        kappa = self.multiple_of_acceleration()
        if kappa is None:
            return half_square(carrier, f[0], f[1])
        half = carrier.algebra.scale(Fraction(1, 2), carrier.inner_product(f[0], f[0]))
        return carrier.algebra.expression(carrier.scaled(kappa, half))

    def multiple_of_acceleration(self) -> Scalar | None:
        """The κ with f_1 = κ f'f for every field, of a Runge–Kutta method; None for a step."""
        if self._problem.step is not None:
            return None
        kappa = second_order_defect(self._problem.method)
        return -kappa if self._is_modifying else kappa

    def obstruction(self, l: int) -> str | None:
        """Why f_l is not the gradient of a scalar, in a sentence; None if it is."""
        if self.is_gradient(l) or (first := self._first_of_curl(l)) is None:
            return None
        i, j, difference = first
        a, b = self._problem.params[i], self._problem.params[j]
        remedy = (
            f"modified_loss(order={l - 1}) exists"
            if l
            else "the field itself is no gradient, so it has no loss"
        )
        has_form = self.structure is not None
        instead = f", and so does the symmetric M of f̃ = −M∇E, preconditioner({l})" * has_form
        shown = shortened(self._derivation.carrier.algebra.expression(difference))
        return (
            f"f_{l} is not a gradient: ∂f_{b}/∂{a} − ∂f_{a}/∂{b} = {shown} is not zero, "
            f"so there is no modified loss of order {l}; {remedy}{instead}"
        )


def second_order_defect(tableau: ButcherTableau) -> Scalar:
    """The κ of f_1 = κ f_0'f_0 for a Runge–Kutta method: Σ b_i a_ij/(Σ b_i)² − ½.

    For explicit Euler −½, and 0 for every method of order two.

    Example:
        >>> from bea.symbolic.methods.named import METHODS
        >>> second_order_defect(METHODS["euler"]), second_order_defect(METHODS["heun"])
        (Fraction(-1, 2), Fraction(0, 1))
    """
    A, b = tableau.A, list(map(expression_of_scalar, tableau.b))
    products = [w * expression_of_scalar(a) for w, row in zip(b, A, strict=True) for a in row if a]
    kappa = sp.Add(*products) / sp.Add(*b) ** 2 - sp.Rational(1, 2)
    return normal_scalars([scalar_of(kappa)])[0]


def half_square(carrier: CoordinatesCarrier, f: Column, g: Column) -> Expr | None:
    """κ/2·|f|² if g = κ f'f ≠ 0 for a gradient f and a rational κ; None otherwise.

    So it is for some steps that are no Runge–Kutta method, since f'f = ∇(½|f|²) where f' is
    symmetric. Where f'f = 0 any κ would do, and none is better than another.
    """
    algebra = carrier.algebra
    acceleration = carrier.derive(f, along=f)
    if all(c == 0 for c in acceleration.components):
        return None
    for kappa in (Fraction(n, d) for d in (1, 2, 3, 4, 6) for n in (-1, 1)):
        scaled = carrier.combine([(Fraction(1), g), (-kappa, acceleration)])
        if all(c == 0 for c in scaled.components):
            return algebra.expression(algebra.scale(kappa / 2, carrier.inner_product(f, f)))
    return None
