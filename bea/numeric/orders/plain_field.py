"""A step compared with the flow of a field that is known by its values only.

The field may be any function of mpmath numbers, of a NumPy or JAX array, or of a pytree: nothing
is differentiated or compiled. Flows are extrapolated (`flows.extrapolation`), in multiprecision
where field and step compute in it, and otherwise from values in float64. Without derivatives there
is no f_{p+1}; the limit that a named method has is measured on the same field instead. Against
flows of higher order there are `user_step` for formulas and `series_on_pytrees` for networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.flatten_util import ravel_pytree

from bea.errors import BeaError, InputError, StepError
from bea.flows import extrapolation
from bea.flows.precision import double_precision
from bea.numeric.orders.components import leaves_of
from bea.numeric.orders.displacement import contracting_displacement, runge_kutta_displacement
from bea.numeric.orders.fits import norm
from bea.numeric.orders.measurement import Expected
from bea.numeric.orders.multiprecision import multiprecise
from bea.numeric.orders.noise import line_of_points, noise_of_each, relative_noise
from bea.numeric.orders.round_off_floor import floor_of_step
from bea.numeric.orders.step_and_flow import finite_differences
from bea.numeric.orders.user_step import (
    TRIED,
    Comparison,
    Step,
    called_in_float64,
    is_free_of_noise,
)
from bea.symbolic.methods.tableau import ButcherTableau

FieldOfStepSize = Callable[[Any, Any], Any]
"""(θ, h) ↦ f(θ), where f may depend on h."""

FLOAT64_DIGITS = 12
"""To which two columns of the extrapolation must agree; the last one is better."""
LAST_DIGIT = 1e-16
LOST = 15
"""Digits that an extrapolation loses at most."""
DEEP = 40
"""Multiprecision takes its steps from T/2⁴⁰ on."""
MAX_HALVINGS = 60


class PlainField:
    """A step and the flow of a field at a point; all vectors are arrays of mpmath numbers.

    Args:
        field: (θ, h) ↦ f.
        step: (θ, h) ↦ θ⁺.
        theta: the point: numbers in a row, or a pytree of arrays.
        digits: of the mpmath numbers that field and step are given; None to give them float64.

    Raises:
        StepError: the step returns something else than a point.
        InputError: so does the field.
    """

    def __init__(
        self, field: FieldOfStepSize, step: Step, theta: Any, *, digits: int | None
    ) -> None:
        exact = digits is not None
        self._field, self._step, self._exact = field, step, exact
        self._digits = digits or FLOAT64_DIGITS + LOST
        self.name = "mpmath" if exact else "float64"
        self.finer = "" if exact else " or a field and a step that take mpmath numbers"
        self._unravel: Callable[[Any], Any] | None = None
        if not exact and not is_row_of_numbers(theta):
            with double_precision():
                start = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
                row, self._unravel = ravel_pytree(start)
                theta = np.asarray(row)
        self._parts = leaves_of(np.zeros(len(theta)) if self._unravel is None else start)
        self.theta = np.array([self.number(t) for t in theta])
        self._noise_of_step = cache(self._measured_noise_of_step)

    @property
    def powers(self) -> Sequence[float]:
        """The k of the step sizes T/2^k that serve well."""
        return range(DEEP, DEEP + 5) if self._exact else [3 + k / 2 for k in range(14)]

    def number(self, value: Any) -> mpmath.mpf:
        """The nearest number of the arithmetic in which field and step compute."""
        return mpmath.mpmathify(value if self._exact else float(value))

    @property
    def is_exact(self) -> bool:
        """Do field and step compute in multiprecision, not in float64 in between?"""
        try:
            points = line_of_points(self.theta)
            with np.errstate(all="ignore"):
                velocities = [self.velocity(theta, TRIED) for theta in points]
                moves = [self._moved(theta, TRIED) for theta in points]
            return is_free_of_noise(velocities) and is_free_of_noise(moves)
        except Exception:  # whatever a user's function raises for numbers that it does not know
            return False

    def velocity(self, theta: np.ndarray, h: Any) -> np.ndarray:
        """f(θ)."""
        try:
            return self._called(self._field, theta, h)
        except StepError as error:
            raise InputError(str(error).replace("the step", "the field")) from None

    def local_errors(self, p: int, step_sizes: Sequence[Any]) -> list[np.ndarray]:
        """The differences θ_1 − θ̃(h), one for each step size; the field is of its own order p."""
        return self._errors_of(lambda h: self._moved(self.theta, h), step_sizes)

    def floors(self, p: int, step_sizes: Sequence[Any]) -> list[Any]:
        """The noise of the step and of the flow."""
        if self._exact:
            return [norm(each) for each in self.floors_of_each(p, step_sizes)]
        largest = max(step_sizes)
        grown, rounded = (norm(self._noise_of_step(h)) for h in (largest, largest / 2**20))
        least = float(np.finfo(float).eps) * float(norm(self.theta))
        of_field = norm(self._noise_of_field(largest))
        return [
            floor_of_step(float(h / largest), least, rounded=rounded, grown=grown) + h * of_field
            for h in step_sizes
        ]

    def floors_of_each(self, p: int, step_sizes: Sequence[Any]) -> list[np.ndarray]:
        """The same in every component; a flow is as exact as its largest component is."""
        largest = max(step_sizes)
        if self._exact:
            size = norm(self.theta) + largest * norm(self.velocity(self.theta, step_sizes[0]))
            floor = size * mpmath.mpf(10) ** (LOST - self._digits)
            return [np.array([floor for _ in self.theta]) for _ in step_sizes]
        grown, rounded = self._noise_of_step(largest), self._noise_of_step(largest / 2**20)
        least = np.finfo(float).eps * abs(self.theta.astype(float))
        of_field = self._noise_of_field(largest)
        of_field = of_field + LAST_DIGIT * float(norm(self.velocity(self.theta, largest)))
        return [
            floor_of_step(float(h / largest), least, rounded=rounded, grown=grown)
            + float(h) * of_field
            for h in step_sizes
        ]

    def components(self) -> list[tuple[str, slice]]:
        """The components that are judged by themselves."""
        return self._parts

    def step_noise(self, h: Any) -> float | None:
        """The noise of the step, relative to what is moved, as in `OrderReport`."""
        if self._exact:
            return None
        moved = float(norm(self._moved(self.theta, h)))
        return relative_noise(float(norm(self._noise_of_step(h))), moved, float(norm(self.theta)))

    def differences_of(self, method: ButcherTableau, step_sizes: Sequence[Any]) -> list[np.ndarray]:
        """What the local errors would be for the step of a method."""

        def step(h: Any) -> np.ndarray:
            return runge_kutta_displacement(
                lambda theta: self.velocity(theta, h),
                self.theta,
                h,
                tableau=method,
                number=multiprecise,
            )

        return self._errors_of(step, step_sizes)

    def off_the_method(self, method: ButcherTableau, h: Any) -> Comparison:
        """By how much the step is not that of a method.

        Raises:
            BeaError: one of them is not finite.
        """

        def field(theta: np.ndarray) -> np.ndarray:
            return self.velocity(theta, h)

        expected = contracting_displacement(
            field, self.theta, h, tableau=method, number=multiprecise
        )
        (difference,) = finite_differences([h], [self._moved(self.theta, h)], [expected])

        def noise() -> np.ndarray:
            if self._exact:
                return 0 * self.theta
            return self._noise_of_step(h) + float(h) * self._noise_of_field(h)

        return Comparison.of(difference, expected, theta=self.theta, noise=noise)

    def time_scale(self) -> mpmath.mpf:
        """T such that f changes by about half its size along steps h f with h ≤ T/2."""
        f = self.velocity(self.theta, mpmath.mpf(0))
        if not any(f):
            return mpmath.mpf(1)
        h = max(norm(self.theta), mpmath.mpf(1)) / norm(f)
        steady = 0
        for _ in range(MAX_HALVINGS):
            steady = steady + 1 if self._is_steady(f, h) else 0
            if steady == 2:
                return 4 * h
            h = h / 2
        raise BeaError("the field changes too fast at this point: choose another with at=")

    def _is_steady(self, f: np.ndarray, h: mpmath.mpf) -> bool:
        try:
            there = [self.velocity(self.theta + s * h * f, mpmath.mpf(0)) for s in (1, -1)]
        except (ArithmeticError, ValueError):
            return False
        changes = [norm(g - f) for g in there]
        return all(bool(mpmath.isfinite(c)) and c <= norm(f) / 4 for c in changes)

    def _errors_of(
        self, step: Callable[[Any], np.ndarray], step_sizes: Sequence[Any]
    ) -> list[np.ndarray]:
        return finite_differences(
            step_sizes, [step(h) for h in step_sizes], [self._flow(h) for h in step_sizes]
        )

    def _flow(self, h: Any) -> np.ndarray:
        if not any(self.velocity(self.theta, h)):
            return 0 * self.theta
        return extrapolation.displacement(
            lambda theta: self.velocity(theta, h), self.theta, h, digits=self._digits - LOST
        )

    def _moved(self, theta: np.ndarray, h: Any) -> np.ndarray:
        return self._called(self._step, theta, h) - theta

    def _called(self, function: Callable[[Any, Any], Any], theta: np.ndarray, h: Any) -> np.ndarray:
        """The value of a function of (θ, h), as mpmath numbers in a row."""
        if self._exact:
            value = np.array(function(theta.copy(), h), dtype=object)
            if not all(isinstance(x, (mpmath.mpf, int)) for x in value.flat):
                raise StepError("the step returned other numbers than it was given")
            value = np.array([mpmath.mpf(x) for x in value.flat]).reshape(value.shape)
        else:
            on_row = function if self._unravel is None else self._on_row(function)
            value = called_in_float64(on_row, theta.astype(float), float(h))
        if value.shape != theta.shape:
            raise StepError(
                f"the step returned shape {value.shape} for {theta.shape}: "
                "it must return one number for each parameter"
            )
        return value

    def _on_row(self, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], jax.Array]:
        """A function of pytrees as one of parameters in a row."""
        unravel = self._unravel
        assert unravel is not None

        def on_row(theta: Any, h: Any) -> jax.Array:
            before = unravel(jnp.asarray(theta))
            after = function(before, h)
            if str(jax.tree.structure(after)) != str(jax.tree.structure(before)):
                raise StepError(
                    f"the step returned {jax.tree.structure(after)} for "
                    f"{jax.tree.structure(before)}: it must return every leaf"
                )
            if coarse := {str(jnp.result_type(x)) for x in jax.tree.leaves(after)} - {"float64"}:
                raise StepError(
                    f"the step returned {', '.join(sorted(coarse))}: orders need float64, so "
                    "compute in float64 inside the step"
                )
            return ravel_pytree(after)[0]

        return on_row

    def _measured_noise_of_step(self, h: Any) -> np.ndarray:
        points = line_of_points(self.theta.astype(float))
        moves = [self._moved(np.array([mpmath.mpf(t) for t in x]), h) for x in points]
        return noise_of_each(moves)

    def _noise_of_field(self, h: Any) -> np.ndarray:
        points = line_of_points(self.theta.astype(float))
        values = [self.velocity(np.array([mpmath.mpf(t) for t in x]), h) for x in points]
        return noise_of_each(values)


def compiled_where_possible(field: FieldOfStepSize, theta: Any) -> FieldOfStepSize:
    """The field, compiled if it is written in JAX: a flow asks for thousands of values.

    Args:
        field: (θ, h) ↦ f.
        theta: a point.
    """
    with double_precision():
        try:
            start = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
            jax.eval_shape(field, start, 1.0)
        except Exception:  # whatever NumPy, mpmath and others raise for a traced array
            return field
    compiled = jax.jit(field)

    def called(theta: Any, h: Any) -> Any:
        with double_precision():
            return compiled(theta, h)

    return called


def expectation(
    velocity: np.ndarray, limit: Sequence[float] | np.ndarray, *, p: int, time_scale: mpmath.mpf
) -> Expected:
    """What is expected of a step where f and the limit at order p are known.

    Args:
        velocity: f(θ).
        limit: of (θ_1 − θ̃(h))/h^{p+2}.
        p: the order.
        time_scale: T.
    """
    fields = np.zeros((p + 2, len(limit)), dtype=object) + mpmath.mpf(0)
    fields[0] = velocity
    fields[p + 1] = [mpmath.mpf(x) for x in limit]
    return Expected(fields, time_scale, 1)


def is_row_of_numbers(theta: Any) -> bool:
    """Is the point a vector of numbers, and not a pytree of arrays?"""
    if isinstance(theta, np.ndarray):
        return theta.ndim == 1
    return isinstance(theta, (list, tuple)) and all(map(np.isscalar, theta))
