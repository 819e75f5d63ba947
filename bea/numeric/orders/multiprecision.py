"""One step and the flows in mpmath: the fields in balls, the flows by extrapolation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from bea.errors import InputError
from bea.flows import extrapolation
from bea.numeric.orders.corrections import Corrections, SymbolicMap
from bea.numeric.orders.fits import is_finite
from bea.numeric.orders.step_and_flow import StepAndFlow


class Multiprecision(StepAndFlow):
    """mpmath, at the precision in force when it is made: the flows by extrapolation."""

    name = "mpmath"
    finer = ""

    def __init__(self, corrections: Corrections, theta: Sequence[sp.Expr]) -> None:
        super().__init__(corrections, theta)
        self.eps = mpmath.mpf(10) ** (5 - mpmath.mp.dps)  # extrapolation loses a few digits

    def number(self, value: Any) -> mpmath.mpf:
        """The nearest number at the precision in force."""
        return multiprecise(value)

    def fields(self, theta: np.ndarray, p: int) -> np.ndarray:
        """The corrections in multiprecision.

        Raises:
            InputError: they have no finite and real values here.
        """
        try:
            values = np.array(self._corrections.in_multiprecision(p)(list(theta)), dtype=object)
        except (ZeroDivisionError, ValueError):
            values = np.array([mpmath.nan])
        if not is_finite(values):
            point = ", ".join(mpmath.nstr(t, 5) for t in theta)
            raise InputError(
                f"the corrections are not finite at ({point}): stay away from the singularity of "
                f"{self._equation.problem.title}"
            )
        return values

    def _flows(self, p: int, step_sizes: Sequence[mpmath.mpf]) -> Sequence[np.ndarray]:
        return [self._flow(p, h) for h in step_sizes]

    def _flow(self, p: int, h: mpmath.mpf) -> np.ndarray:
        weights = self._powers(h, p)
        velocity = abs(weights @ self.corrections[: p + 1]).max()
        if velocity == 0:
            return 0 * self._theta
        digits = int(mpmath.log10(velocity / (weights @ self.noise[: p + 1])))
        return extrapolation.displacement(
            lambda theta: weights @ self.fields(theta, p), self._theta, h, digits=digits
        )

    @cached_property
    def _map(self) -> SymbolicMap:
        return SymbolicMap.of(self._corrections, ["mpmath"])


def multiprecise(value: Any) -> mpmath.mpf:
    """The nearest mpmath number, at the precision in force, also of a SymPy number."""
    return mpmath.mpmathify(sp.N(value, mpmath.mp.dps) if isinstance(value, sp.Expr) else value)
