"""The difference between one step of a method and the flow of a field, in some arithmetic.

For a step size h, the displacement of the flow of order p is taken from that of the step, and a
floor says below which size such a difference is nothing but round-off (`round_off_floor`). The two
arithmetics are `float64` and `multiprecision`; `local_error` draws the conclusions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from bea.errors import BeaError
from bea.numeric.orders.corrections import Corrections, SymbolicMap
from bea.numeric.orders.displacement import runge_kutta_displacement
from bea.numeric.orders.fits import is_finite
from bea.numeric.orders.round_off_floor import floor_of_flow, round_off_of


class StepAndFlow(ABC):
    """One step and the flows from a point, in one arithmetic; vectors are arrays of shape (m,).

    Args:
        corrections: f_0, …, f_P.
        theta: the point, m exact SymPy numbers.
    """

    name: str
    finer: str
    """What to try where this arithmetic does not resolve an order, as the end of a sentence."""
    eps: Any
    """The last digit, relative to a number."""

    def __init__(self, corrections: Corrections, theta: Sequence[sp.Expr]) -> None:
        self._corrections, self._equation = corrections, corrections.equation
        self._theta = np.array([self.number(t) for t in theta])

    @abstractmethod
    def number(self, value: Any) -> Any:
        """A number of this arithmetic."""

    @abstractmethod
    def fields(self, theta: np.ndarray, p: int) -> np.ndarray:
        """The corrections f_0(θ), …, f_p(θ), shape (p+1, m)."""

    @abstractmethod
    def _flows(self, p: int, step_sizes: Sequence[Any]) -> Sequence[np.ndarray]:
        """The displacements θ̃(h) − θ by the flow of order p."""

    @cached_property
    @abstractmethod
    def _map(self) -> SymbolicMap:
        """The displacement by a symbolic one-step map."""

    @cached_property
    def corrections(self) -> np.ndarray:
        """The corrections f_0, …, f_P at the point, shape (P+1, m)."""
        return self.fields(self._theta, self._equation.order)

    @cached_property
    def noise(self) -> np.ndarray:
        """The round-off in each of them, shape (P+1,)."""
        return self._noises.sum(axis=-1)

    @cached_property
    def _noises(self) -> np.ndarray:
        """The round-off in every component of them, shape (P+1, m)."""
        moved = self._noise_of(lambda theta: self.fields(theta, self._equation.order))
        return moved + self._cancelled()

    def _cancelled(self) -> Any:
        """What the corrections lose where terms cancel, which a move of θ does not show."""
        return 0

    def local_errors(self, p: int, step_sizes: Sequence[Any]) -> list[np.ndarray]:
        """The differences θ_1 − θ̃(h) for the flow θ̃ of order p, one for each step size.

        For a modifying integrator it is the step that takes the field of order p, and the flow is
        that of f itself.

        Raises:
            BeaError: the step or the flow is not finite and real for one of the step sizes.
        """
        in_step, in_flow = (p, 0) if self._equation.is_modifying else (0, p)
        steps = [self._step(h, in_step) for h in step_sizes]
        return finite_differences(step_sizes, steps, self._flows(in_flow, step_sizes))

    def floors(self, p: int, step_sizes: Sequence[Any]) -> list[Any]:
        """The round-off in the local errors: that of the flow and that of the step."""
        return [floor_of_flow(h, self.noise[: p + 1]) + self._step_noise(h) for h in step_sizes]

    def components(self) -> list[tuple[str, slice]]:
        """The parameters, which are judged by themselves."""
        return [(q.name, slice(i, i + 1)) for i, q in enumerate(self._equation.params)]

    def floors_of_each(self, p: int, step_sizes: Sequence[Any]) -> list[np.ndarray]:
        """The round-off in every component of the local errors, arrays of shape (m,)."""
        return [
            floor_of_flow(h, self._noises[: p + 1]) + self._step_noise_of_each(h)
            for h in step_sizes
        ]

    def step_noise(self, h: Any) -> float | None:
        """The noise of a user's step, as in `OrderReport`; None where none is measured."""
        return None

    def _step(self, h: Any, p: int) -> np.ndarray:
        if self._corrections.method is None:
            return self._displacement(self._theta, h)
        return runge_kutta_displacement(
            lambda theta: self._powers(h, p) @ self.fields(theta, p),
            self._theta,
            h,
            tableau=self._corrections.method,
            number=self.number,
        )

    def _step_noise(self, h: Any) -> Any:
        return self._step_noise_of_each(h).sum()

    def _step_noise_of_each(self, h: Any) -> np.ndarray:
        if self._equation.method is None:
            noise = self._noise_of(lambda theta: self._displacement(theta, h))
            return noise if self._map.cancels else noise + self._rounding
        return h * self._noises[0]

    @property
    def _rounding(self) -> np.ndarray:
        """The round-off of a step that forms θ + …, and so rounds to the digits of θ."""
        return self.eps * abs(self._theta)

    def _displacement(self, theta: np.ndarray, h: Any) -> np.ndarray:
        return np.array(self._map.function(theta, h), dtype=self._theta.dtype)

    def _powers(self, h: Any, p: int) -> np.ndarray:
        return np.array([h**l for l in range(p + 1)])

    def _noise_of(self, function: Callable[[np.ndarray], np.ndarray]) -> Any:
        return round_off_of(function, self._theta, self.eps)


def finite_differences(
    step_sizes: Sequence[Any], steps: Sequence[np.ndarray], flows: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The displacements of the step minus those of the flow.

    Raises:
        BeaError: one of them is not finite and real.
    """
    differences = [step - flow for step, flow in zip(steps, flows, strict=True)]
    if len(steps) > 1 and not any(map(is_finite, steps)):
        raise BeaError(
            "the step returns nan or infinity at all step sizes, "
            f"from {float(max(step_sizes)):.3g} to {float(min(step_sizes)):.3g}"
        )
    for h, difference, flow in zip(step_sizes, differences, flows, strict=True):
        if not is_finite(difference):
            step_alone = "the step, not the flow, returns nan or is not finite"
            raise BeaError(
                f"{step_alone if is_finite(flow) else 'the flow is not finite'} "
                f"at h = {float(h):.3g}: "
                "use smaller step sizes"
            )
    return differences
