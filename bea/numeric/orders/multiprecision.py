"""One step and the flows in mpmath: the fields in balls, the flows by extrapolation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from bea.errors import InputError
from bea.flows import extrapolation
from bea.numeric.orders.step_and_flow import StepAndFlow, SymbolicMap, certified_field, is_finite
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.kernels.multiprecision import mpf_of, rational_of
from bea.symbolic.kernels.polynomials import mpmath_kernel


class Multiprecision(StepAndFlow):
    """mpmath, at the precision in force when it is made: the flows by extrapolation."""

    name = "mpmath"
    finer = ""

    def __init__(
        self,
        equation: ModifiedEquation,
        theta: Sequence[sp.Expr],
        constants: Mapping[str, sp.Expr],
    ) -> None:
        super().__init__(equation, theta, constants)
        self.eps = mpmath.mpf(10) ** (5 - mpmath.mp.dps)  # extrapolation loses a few digits
        self._kernels: dict[int, Callable[[Sequence[Any]], list[list[Any]]]] = {}

    def number(self, value: Any) -> mpmath.mpf:
        """The nearest number at the precision in force."""
        return multiprecise(value)

    def fields(self, theta: np.ndarray, p: int) -> np.ndarray:
        """The corrections in multiprecision.

        Raises:
            InputError: they have no finite and real values here.
        """
        if p not in self._kernels:
            self._kernels[p] = self._kernel(p)
        try:
            values = np.array(self._kernels[p](list(theta)), dtype=object)
        except (ZeroDivisionError, ValueError):
            values = np.array([mpmath.nan])
        if not is_finite(values):
            point = ", ".join(mpmath.nstr(t, 5) for t in theta)
            raise InputError(
                f"the corrections are not finite at ({point}): stay away from the singularity of "
                f"{self._equation.problem.title}"
            )
        return values

    def _kernel(self, p: int) -> Callable[[Sequence[Any]], list[list[Any]]]:
        """θ ↦ f_0(θ), …, f_p(θ), each with all its digits: far out, terms cancel."""
        certified = certified_field(self._equation, self._constants, p)
        if not certified.has_balls:
            return mpmath_kernel(self._equation.polynomial_fields(p), self._constants)

        def fields(theta: Sequence[Any]) -> list[list[Any]]:
            if not is_finite(np.array(theta, dtype=object)):
                return [[mpmath.nan] * len(theta)]
            found = certified.corrections(list(map(rational_of, theta)), mpmath.mp.prec)
            return [list(map(mpf_of, f)) for f in found]

        return fields

    def _flows(self, p: int, step_sizes: Sequence[mpmath.mpf]) -> Sequence[np.ndarray]:
        return [self._flow(p, h) for h in step_sizes]

    def _flow(self, p: int, h: mpmath.mpf) -> np.ndarray:
        weights = self._powers(h, p)
        velocity = abs(weights @ self.corrections[: p + 1]).max()
        if velocity == 0:
            return 0 * self._theta
        digits = int(mpmath.log10(velocity / (weights @ self.noise[: p + 1])))
        return extrapolation.displacement(
            lambda theta: weights @ self.fields(theta, p), self._theta, h, digits
        )

    @cached_property
    def _map(self) -> SymbolicMap:
        return SymbolicMap.of(self._equation, self._constants, ["mpmath"])


def multiprecise(value: Any) -> mpmath.mpf:
    """The nearest mpmath number, at the precision in force, also of a SymPy number."""
    return mpmath.mpmathify(sp.N(value, mpmath.mp.dps) if isinstance(value, sp.Expr) else value)
