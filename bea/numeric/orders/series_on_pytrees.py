"""One step and the flows of a series on a JAX field: the parts of a network's local error.

The counterpart of `step_and_flow` where there are no coordinates: the corrections are kernels of
nested Jacobian-vector products, vectors are parameters laid out in a row, and float64 is all there
is. `local_error` draws the conclusions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cache, cached_property
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from bea import pytrees
from bea.errors import InputError, StepError
from bea.flows.flow import checked_start
from bea.flows.precision import double_precision, unjitted
from bea.numeric.orders.components import leaves_of
from bea.numeric.orders.displacement import contracting_displacement, runge_kutta_displacement
from bea.numeric.orders.noise import line_of_points, noise_of_each, relative_noise
from bea.numeric.orders.round_off_floor import floor_of_flow, floor_of_step, round_off_of
from bea.numeric.orders.step_and_flow import finite_differences
from bea.numeric.orders.user_step import Comparison, Step
from bea.pytrees import Field, PyTree
from bea.smoothness import kinks
from bea.symbolic.series import Series, modified_series

SUBSTEPS = 2
"""Steps of Dopri8 to one step of the method. At h = T/8, T being the time scale of the field, they
leave (1/16)⁹ ≈ 10⁻¹¹ of it, where the error of order 3 is (1/8)⁴ of it."""
SUBSTEPS_WITH_KINKS = 16
"""For fields with kinks, which no method crosses but with an error of its own."""
POWER_ITERATIONS = 20
SAMPLES = 4
"""Points that differ from θ in the last digit, for an estimate of the round-off."""


class SeriesOnPytrees:
    """A series on a field at a point, in float64.

    Args:
        series: its method, and the corrections up to its order.
        field: f, a JAX function of a pytree.
        theta: the point, a pytree; integers, and floats of fewer digits, are taken to float64.
        constants: values for the symbols in the tableau, if it has any.
        step: a user's step on pytrees; by default the method's own.

    Raises:
        InputError: the point or the field is not usable.
    """

    name = "float64"
    finer = ""
    eps = float(np.finfo(np.float64).eps)

    def __init__(
        self,
        series: Series,
        field: Field,
        theta: PyTree,
        *,
        constants: Mapping[Any, Any] | None = None,
        step: Step | None = None,
    ) -> None:
        self._series = series.subs(constants) if constants else series
        self._user_step = step
        self._point = theta
        with double_precision():
            start = jax.tree.map(jnp.asarray, checked_start(theta))
            pytrees.check_field(field, start)
            theta, self._unravel = ravel_pytree(start)
            self._theta = np.asarray(theta)
            self.kinks = kinks(field, start)
            self._parts = leaves_of(start)
        self._field = field
        self._velocity, self._flow = cache(self._velocity_of), cache(self._flow_of)
        self._noise_at = cache(self._noise_measured)
        # Shared by all that is moved from here, so that it is compiled once.
        self._euler = cache(lambda: SeriesOnPytrees(modified_series("euler", 2), field, start))

    def moved_to(self, theta: PyTree) -> SeriesOnPytrees:
        """The same at another point; what is compiled is kept."""
        moved = copy(self)
        for of_the_point in ("corrections", "_noises", "stiffness"):
            vars(moved).pop(of_the_point, None)
        with double_precision():
            moved._point = theta
            moved._theta = np.asarray(ravel_pytree(checked_start(theta))[0], np.float64)
        moved._noise_at = cache(moved._noise_measured)
        return moved

    @property
    def is_modifying(self) -> bool:
        """Is the series that of a modifying integrator?"""
        return self._series.is_modifying

    def includes(self, series: Series) -> bool:
        """Are the corrections of another series among these?"""
        mine = self._series
        same = (mine.method, mine.kind) == (series.method, series.kind)
        return same and mine.order >= series.order

    @property
    def euler(self) -> SeriesOnPytrees:
        """Explicit Euler's series on the same field at the same point, to order 2 at least."""
        if self.includes(modified_series("euler", 2)):
            return self
        return self._euler().moved_to(self._point)

    def number(self, value: Any) -> float:
        """The nearest float64."""
        return float(value)

    @cached_property
    def corrections(self) -> np.ndarray:
        """The corrections f_0, …, f_P at the point, shape (P+1, m)."""
        return self._evaluated(self._fields, self._theta)

    @property
    def significant_corrections(self) -> np.ndarray:
        """The corrections, with zeros for those that are nothing but round-off."""
        sizes = np.linalg.norm(self.corrections, axis=-1)
        return np.where((sizes > self.noise)[:, None], self.corrections, 0.0)

    @cached_property
    def stiffness(self) -> float:
        """The largest |λ| of f'(θ), to a few digits, by power iteration.

        Near a minimum f has little left in the directions in which it is steepest, and its
        corrections do not tell how soon a flow of high order leaves them.
        """

        def iterated(theta: jax.Array, v: jax.Array) -> jax.Array:
            field = self._modified(0)

            def multiply(_: Any, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
                v, _ = state
                Jv = jax.jvp(lambda theta: field(theta, 0.0), (theta,), (v,))[1]
                length = jnp.linalg.norm(Jv)
                return Jv / jnp.where(length > 0, length, 1.0), length

            return jax.lax.fori_loop(0, POWER_ITERATIONS, multiply, (v, jnp.zeros(())))[1]

        start = np.random.default_rng(0).normal(size=len(self._theta))
        start /= np.linalg.norm(start)
        return float(self._evaluated(jax.jit(iterated), self._theta, start))

    @property
    def noise(self) -> np.ndarray:
        """The round-off in each of them, in the Euclidean norm, shape (P+1,)."""
        return np.linalg.norm(self._noises, axis=-1)

    @cached_property
    def _noises(self) -> np.ndarray:
        """The round-off in every component of them, shape (P+1, m).

        How far they move when θ moves in its last digit: conditioning and round-off.
        """

        def fields(theta: np.ndarray) -> np.ndarray:
            return self._evaluated(self._fields, theta)

        return round_off_of(fields, self._theta, self.eps, samples=SAMPLES)

    def local_errors(self, p: int, step_sizes: Sequence[float]) -> list[np.ndarray]:
        """The differences θ_1 − θ̃(h) for the flow θ̃ of order p, one for each step size.

        For a modifying integrator it is the step that takes the field of order p, and the flow is
        that of f itself.

        Raises:
            BeaError: the step or the flow is not finite for one of the step sizes.
        """
        in_step, in_flow = (p, 0) if self.is_modifying else (0, p)
        displacement = self._flow(in_flow)
        return finite_differences(
            step_sizes,
            [self._step(h, in_step) for h in step_sizes],
            [self._evaluated(displacement, self._theta, h) for h in step_sizes],
        )

    def floors(self, p: int, step_sizes: Sequence[float]) -> list[float]:
        """The round-off in the local errors: that of the flow and that of the step."""
        return [float(np.linalg.norm(each)) for each in self.floors_of_each(p, step_sizes)]

    def floors_of_each(self, p: int, step_sizes: Sequence[float]) -> list[np.ndarray]:
        """The same for every parameter, arrays of shape (m,)."""
        return [
            floor_of_flow(h, self._noises[: p + 1])
            + h * self._noises[0]
            + self._rounding(h, step_sizes)
            for h in step_sizes
        ]

    def components(self) -> list[tuple[str, slice]]:
        """The leaves, which are judged by themselves."""
        return self._parts

    def _rounding(self, h: float, step_sizes: Sequence[float]) -> np.ndarray:
        """The noise of a user's step: its rounding to the digits of θ, and what grows with h."""
        if self._user_step is None:
            return np.zeros(len(self._theta))
        largest, smallest = max(step_sizes), min(step_sizes)
        grown, rounded = self._noise_at(largest)[0], self._noise_at(smallest)[0]
        least = self.eps * abs(self._theta)
        return floor_of_step(h / largest, least, rounded=rounded, grown=grown)

    def step_noise(self, h: float) -> float | None:
        """The noise of a user's step, relative to what is moved, as in `OrderReport`."""
        if self._user_step is None:
            return None
        noise, moved = self._noise_at(h)
        start = float(np.linalg.norm(self._theta))
        return relative_noise(float(np.linalg.norm(noise)), moved, start)

    def off_the_method(self, h: float, p: int) -> Comparison:
        """By how much a user's step is not the series' own.

        Args:
            h: the step size.
            p: the order of the field in the step of a modifying integrator, else 0.

        Raises:
            BeaError: one of them is not finite.
        """

        def field(theta: np.ndarray) -> np.ndarray:
            return self._evaluated(self._velocity(p), theta, h)

        expected = contracting_displacement(
            field, self._theta, h, tableau=self._series.method, number=float
        )
        (difference,) = finite_differences([h], [self._moved(self._theta, h)], [expected])

        def noise() -> np.ndarray:
            signs = np.random.default_rng(0).choice([-1, 1], size=(SAMPLES, len(self._theta)))
            there = [field(self._theta * (1 + self.eps * s)) - field(self._theta) for s in signs]
            return self._noise_at(h)[0] + h * np.max(np.abs(there), axis=0)

        return Comparison.of(difference, expected, theta=self._theta, noise=noise)

    def _noise_measured(self, h: float) -> tuple[np.ndarray, float]:
        """The noise σ of a user's step, of each, and the length of its displacement."""
        values = [self._moved(theta, h) for theta in line_of_points(self._theta)]
        return noise_of_each(values), float(np.linalg.norm(values[0]))

    @cached_property
    def _fields(self) -> Callable[[jax.Array], jax.Array]:
        kernels = self._series.corrections_to_jax(self._field)

        def fields(theta: jax.Array) -> jax.Array:
            return jnp.stack([ravel_pytree(f)[0] for f in kernels(self._unravel(theta))])

        return jax.jit(fields)

    def _modified(self, p: int) -> Callable[[jax.Array, Any], jax.Array]:
        """(θ, h) ↦ f + … + h^p f_p on parameters in a row."""
        kernel = self._series.to_jax(self._field, order=p)
        return lambda theta, h: ravel_pytree(kernel(self._unravel(theta), h))[0]

    def _flow_of(self, p: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
        """(θ, h) ↦ θ̃(h) − θ by the flow of order p."""
        modified = self._modified(p)
        substeps = SUBSTEPS_WITH_KINKS if self.kinks else SUBSTEPS

        def displacement(theta: jax.Array, h: jax.Array) -> jax.Array:
            def field(s: Any, delta: jax.Array, args: Any) -> jax.Array:  # dδ/ds = h f̃(θ + δ)
                return h * modified(theta + delta, h)

            solution = unjitted(diffrax.diffeqsolve)(
                diffrax.ODETerm(field),
                diffrax.Dopri8(),
                t0=0.0,
                t1=1.0,
                dt0=1.0 / substeps,
                y0=jnp.zeros_like(theta),
                max_steps=substeps + 1,
            )
            return solution.ys[0]

        return jax.jit(displacement)

    def _velocity_of(self, p: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
        return jax.jit(self._modified(p))

    def _step(self, h: float, p: int) -> np.ndarray:
        if self._user_step is not None:
            return self._moved(self._theta, h)
        return runge_kutta_displacement(
            lambda theta: self._evaluated(self._velocity(p), theta, h),
            self._theta,
            h,
            tableau=self._series.method,
            number=float,
        )

    def _moved(self, theta: np.ndarray, h: float) -> np.ndarray:
        assert self._user_step is not None
        with double_precision():
            before = self._unravel(jnp.asarray(theta))
            after = self._user_step(before, h)
            try:
                pytrees.check_field(lambda theta: after, before)
            except InputError as error:
                raise StepError(str(error).replace("the field", "the step")) from None
            return np.asarray(ravel_pytree(after)[0]) - theta

    def _evaluated(self, function: Callable[..., jax.Array], *args: Any) -> np.ndarray:
        with double_precision():
            return np.asarray(function(*(jnp.asarray(a, jnp.float64) for a in args)))
