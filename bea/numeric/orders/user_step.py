"""A user's own step, compared with the flows of an equation: in multiprecision, or in float64.

The flows are computed in multiprecision either way, so that in float64 the step's own round-off is
all there is, and it is measured (`noise`). `measurement` draws the conclusions.
"""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import sympy as sp

from bea.errors import BeaError, StepError
from bea.flows.precision import double_precision
from bea.numeric.orders.corrections import Corrections
from bea.numeric.orders.displacement import contracting_displacement
from bea.numeric.orders.multiprecision import Multiprecision
from bea.numeric.orders.noise import (
    computational_noise,
    line_of_points,
    noise_of_each,
    relative_noise,
)
from bea.numeric.orders.round_off_floor import floor_of_flow, floor_of_step
from bea.numeric.orders.step_and_flow import finite_differences

Step = Callable[[Any, Any], Any]
"""A user's own one-step map, (θ, h) ↦ θ⁺."""

FLOW_DIGITS = 28
"""For flows against a step in float64: they outdo it by far, and their lowest digits are lost."""
FARTHEST = 10
ROUNDED = 1e-12
"""What rounding leaves of a step at most, relative to θ, as 0.1 for 1/10 does."""
AS_CLOSE = 10
"""Steps that differ by so many times their round-off, in every component, are the same."""
EXACT = 1e-25
"""Less noise than this, relative to the values, and no float64 was at work."""
TRIED = mpmath.mpf(2) ** -40
"""A step size to try a step with: at a larger one an implicit step may run off, and never end."""


class UserStep(Multiprecision):
    """The flows of an equation, and a step that is called instead of the equation's own method.

    Args:
        corrections: f_0, …, f_P.
        theta: the point, m exact SymPy numbers.
        step: (θ, h) ↦ θ⁺.
    """

    def __init__(self, corrections: Corrections, theta: Sequence[sp.Expr], *, step: Step) -> None:
        super().__init__(corrections, theta)
        self._user_step = step

    @abstractmethod
    def _after(self, theta: np.ndarray, h: Any) -> np.ndarray:
        """What the step makes of θ."""

    def _step(self, h: Any, p: int) -> np.ndarray:
        return self._moved(self._theta, h)

    def off_the_method(self, h: Any, p: int) -> Comparison:
        """By how much the step is not the equation's own.

        Args:
            h: the step size.
            p: the order of the field in the step of a modifying integrator, else 0.

        Raises:
            BeaError: one of them is not finite.
        """

        def field(theta: np.ndarray) -> np.ndarray:
            if not abs(theta).max() <= FARTHEST * (1 + abs(self._theta).max()):
                raise BeaError("the step leaves its neighbourhood")  # exp of that takes for ever
            return self._powers(h, p) @ self.fields(theta, p)

        if self._corrections.method is None:
            expected = super()._step(h, p)
        else:
            expected = contracting_displacement(
                field, self._theta, h, tableau=self._corrections.method, number=self.number
            )
        (difference,) = finite_differences([h], [self._moved(self._theta, h)], [expected])
        return Comparison.of(
            difference, expected, theta=self._theta, noise=lambda: self._noise_of_step(h)
        )

    def _noise_of_step(self, h: Any) -> np.ndarray:
        """The round-off in the step, of each component."""
        return 0 * self._theta

    def _moved(self, theta: np.ndarray, h: Any) -> np.ndarray:
        after = self._after(theta, h)
        if after.shape != theta.shape:
            raise StepError(
                f"the step returned shape {after.shape} for {theta.shape}: "
                "it must return one number for each parameter"
            )
        return after - theta


class StepInMultiprecision(UserStep):
    """A step that is called with an array of mpmath numbers and returns as many."""

    def _step_noise_of_each(self, h: Any) -> np.ndarray:
        return h * self._noises[0] + self._rounding

    def _after(self, theta: np.ndarray, h: Any) -> np.ndarray:
        try:
            after = np.array(self._user_step(theta.copy(), h), dtype=object)
        except TypeError as error:  # how NumPy, JAX and others refuse numbers that are not theirs
            raise StepError(
                f"the step cannot compute with mpmath numbers ({str(error).splitlines()[0]}): "
                "use precision='float64'"
            ) from error
        for x in after.flat:
            if not isinstance(x, (mpmath.mpf, int)):
                raise StepError(
                    f"the step returned {type(x).__name__} for mpmath numbers: compute with the "
                    "numbers it is given, or use precision='float64'"
                )
        return after

    @property
    def is_exact(self) -> bool:
        """Does the step compute in multiprecision, not in float64 in between?"""
        try:
            with np.errstate(all="ignore"):
                values = [self._moved(theta, TRIED) for theta in line_of_points(self._theta)]
            return is_free_of_noise(values)
        except Exception:  # whatever a user's function raises for numbers that it does not know
            return False


class StepInFloat64(UserStep):
    """A step that is called with an array of float64, NumPy's, and returns one, NumPy's or JAX's.

    The point is taken to the nearest float64 before anything else.
    """

    name = "float64"
    finer = " or a step that takes mpmath numbers"

    def number(self, value: Any) -> mpmath.mpf:
        """The nearest float64."""
        return mpmath.mpf(float(value))

    def noise_and_move(self, h: Any) -> tuple[float, float]:
        """The noise σ of the step and the length of its displacement, at one step size."""
        each, moved = self._noise_at(float(h))
        return float(np.linalg.norm(each)), moved

    @cached_property
    def _noise_at(self) -> Callable[[float], tuple[np.ndarray, float]]:
        return cache(self._noise_measured)

    def _noise_of_step(self, h: Any) -> np.ndarray:
        return self._noise_at(float(h))[0]

    def step_noise(self, h: Any) -> float:
        """The noise relative to what is moved, as in `OrderReport`."""
        noise, moved = self.noise_and_move(h)
        return relative_noise(noise, moved, float(mpmath.norm(list(self._theta))))

    def floors(self, p: int, step_sizes: Sequence[Any]) -> list[Any]:
        """The noise of the step: its rounding to the digits of θ, and what grows with h."""
        largest = max(step_sizes)
        grown, _ = self.noise_and_move(largest)
        rounded, _ = self.noise_and_move(largest / 2**20)
        least = float(np.finfo(float).eps) * float(mpmath.norm(list(self._theta)))
        return [
            floor_of_step(float(h / largest), least, rounded=rounded, grown=grown)
            for h in step_sizes
        ]

    def floors_of_each(self, p: int, step_sizes: Sequence[Any]) -> list[Any]:
        """The same for every component; the flow is as exact as its largest component is."""
        largest = max(step_sizes)
        grown, _ = self._noise_at(float(largest))
        rounded, _ = self._noise_at(float(largest / 2**20))
        least = np.finfo(float).eps * abs(self._theta.astype(float))
        return [
            floor_of_step(float(h / largest), least, rounded=rounded, grown=grown)
            + float(floor_of_flow(h, self.noise[: p + 1]))
            for h in step_sizes
        ]

    def _noise_measured(self, h: float) -> tuple[np.ndarray, float]:
        points = line_of_points(self._theta.astype(float))
        values = [self._moved(np.array([mpmath.mpf(t) for t in x]), h) for x in points]
        return noise_of_each(values), float(mpmath.norm(list(values[0])))

    def _after(self, theta: np.ndarray, h: Any) -> np.ndarray:
        return called_in_float64(self._user_step, theta.astype(float), float(h))


@dataclass(frozen=True)
class Comparison:
    """How far a step is from another one, in every component.

    Attributes:
        expected: the displacement that it should have, shape (m,).
        off: by how much its displacement differs, beyond the round-off.
        rounding: the round-off.
    """

    expected: np.ndarray
    off: np.ndarray
    rounding: np.ndarray

    @classmethod
    def of(
        cls,
        difference: np.ndarray,
        expected: np.ndarray,
        *,
        theta: np.ndarray,
        noise: Callable[[], np.ndarray],
    ) -> Comparison:
        """Compare.

        Args:
            difference: of the two displacements, shape (m,).
            expected: the displacement that it should have.
            theta: where from.
            noise: the measured round-off, asked for if there is a difference.
        """
        rounding = ROUNDED * (abs(theta) + abs(expected))
        if (abs(difference) > rounding).any():
            rounding = rounding + AS_CLOSE * noise()
        return cls(expected, np.maximum(abs(difference) - rounding, 0 * rounding), rounding)

    @property
    def relative(self) -> float:
        """By how much it is off, relative to what moves, in the worst component."""
        return max(
            float(d / abs(m)) if d and m else float(d > 0)
            for d, m in zip(self.off, self.expected, strict=True)
        )


def is_free_of_noise(values: Sequence[np.ndarray]) -> bool:
    """Are the values at the points of `line_of_points` smooth, far beyond float64?"""
    size = max(float(mpmath.norm(list(value))) for value in values)
    return computational_noise(values) <= EXACT * size


def called_in_float64(
    function: Callable[[Any, Any], Any], theta: np.ndarray, h: float
) -> np.ndarray:
    """The value of a function of (θ, h), in mpmath numbers.

    Args:
        function: such as a step; in NumPy, in JAX, which is in float64 while it runs, or neither.
        theta: θ, shape (m,).
        h: the step size.

    Raises:
        StepError: it is no array of numbers with the digits of float64.
    """
    with double_precision():
        try:
            value = function(theta, h)
        except AttributeError:  # such as θ.at[0].add(…), which is JAX's
            value = function(jnp.asarray(theta), h)
        check_is_point(value)
        if isinstance(value, dict):
            raise StepError(
                f"the step returned a dictionary of {', '.join(map(str, value))} for an array: "
                "it must return one number for each parameter"
            )
        after = np.asarray(value)
    if after.dtype.kind == "c":
        raise StepError("the step returned complex numbers: it must return real ones")
    if after.dtype != np.float64 and not all(
        isinstance(x, (mpmath.mpf, float)) for x in after.flat
    ):
        raise StepError(
            f"the step returned {after.dtype}: orders need float64, so compute in float64 "
            "inside the step (or verify with precision='mpmath')"
        )
    return np.array([mpmath.mpf(x) for x in after.flat]).reshape(after.shape)


def check_is_point(after: Any) -> None:
    """Refuse what a step cannot have meant as a new point.

    Args:
        after: what it returned.

    Raises:
        StepError: it is None, or contains text or other things that are no numbers.
    """
    if after is None:
        raise StepError("the step returned None: it must return the new point")
    for leaf in jax.tree.leaves(after):
        entries = np.asarray(leaf)
        if entries.dtype.kind in "fiubcV":  # V: bfloat16
            continue
        for x in entries.flat:
            if not isinstance(x, (numbers.Number, mpmath.mpf, mpmath.mpc, sp.Expr)):
                shown = x.item() if isinstance(x, np.generic) else x
                raise StepError(
                    f"the step returned {shown!r}: it must return the new point, numbers"
                )
