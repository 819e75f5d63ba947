"""Descent and the flows that are to explain it, run side by side: the rows of both tables."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from time import perf_counter
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.flatten_util import ravel_pytree

import bea
from bea.errors import NotSmoothWarning
from bea.models.data import Dataset
from bea.models.losses import cross_entropy
from bea.models.mlp import MLP
from examples.paper.curvature import largest_eigenvalue
from examples.paper.results import Row
from examples.paper.shares import bounds, explained, known, norm

Field = Callable[[jax.Array], jax.Array]
Motion = Callable[[jax.Array, float], jax.Array]

ACTIVATIONS = {"tanh": jnp.tanh, "ReLU": nn.relu}
KINKED = ("ReLU",)
ORDER = 3
SHIFTS = (2, 4)
GRADIENT_FLOW, HALF_BACK = "order 0", "half a step back"
ORDERS = {f"order {p}": p for p in range(ORDER + 1)}
LOG_SHIFTS = {f"log-shift {K}": K for K in SHIFTS}
MOTIONS = (*ORDERS, *LOG_SHIFTS, HALF_BACK)
DESCENT = "gradient descent"
HALF = 0.5  # of the departure: what explains less does not explain it
START_STEP = 0.01
GRID = 16  # times at which R_IG/E is recorded
LANCZOS_STEPS, LANCZOS_SEED = 30, 0
SHORT = {HALF_BACK: "half back"}
UNSTABLE = 2.0  # h·λ_max beyond which descent on a quadratic diverges
LIMIT = 4.0  # up to where two cheap flows are computed nevertheless
FURTHER = ("order 1", HALF_BACK)
NOT_COMPUTED = "not computed, h·λ_max > "
RTOL, ATOL, LOOSER = 1e-8, 1e-10, 30  # for smooth fields, and the coarser run's factor
MAX_STEPS = 512
COARSEST, FINEST = 16, 64  # steps with kinks in a step of descent, at first and at most
COSTLY = ("order 2", "order 3", "log-shift 4")  # which have half as many
ENOUGH = 0.005  # of the departure: an error that is not made smaller


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Which network, on how many images, learns at which rates, and when it is looked at."""

    data: str
    images: int
    width: int
    depth: int
    step_sizes: tuple[float, ...]
    windows: tuple[float, ...]  # the times t at which one starts
    time: float  # T, how long it lasts; a multiple of all step sizes
    seeds: tuple[int, ...]  # of the parameters, and of the draw of the images
    motions: tuple[str, ...] = MOTIONS  # the flows


PROFILES = {
    "quick": Profile(
        data="digits", images=500, width=16, depth=2, step_sizes=(0.2, 0.1, 0.05, 0.02),
        windows=(0, 8), time=1, seeds=(0, 1),
    ),
    "laptop": Profile(
        data="MNIST", images=256, width=50, depth=5, step_sizes=(0.1, 0.05, 0.02),
        windows=(0, 8), time=0.2, seeds=(0, 1, 2),
        motions=("order 0", "order 1", "order 2", "log-shift 2", HALF_BACK),
    ),
    "paper": Profile(
        data="MNIST", images=1024, width=400, depth=5,
        step_sizes=(0.1, 0.05, 0.02, 0.01, 0.005), windows=(0, 2, 8), time=0.5, seeds=(0, 1, 2),
    ),
}  # fmt: skip


def motion(name: str, field: Field) -> Motion:
    """The right side (θ, h) ↦ θ̇ of this name, which is to explain descent along a field."""
    if name in ORDERS:
        right_side: Motion = bea.modified_series("euler", ORDER).to_jax(field, order=ORDERS[name])
        return right_side
    if name in LOG_SHIFTS:
        return partial(bea.log_shift_estimate, field, steps=LOG_SHIFTS[name])
    return lambda theta, h: field(theta - h / 2 * field(theta))


@dataclass(frozen=True)
class Flow:
    """Where a flow ends, and how well that is known.

    Attributes:
        end: θ(T).
        states: E and R_IG on the grid of times, in two rows.
        error: of θ(T).
        ratio_error: of R_IG/E at T.
        substeps: in a step of descent; None where they are not equal.
    """

    end: jax.Array
    states: np.ndarray
    error: float
    ratio_error: float
    substeps: float | None


class Training:
    """Descent and flows on a loss E(θ, examples) of θ ∈ ℝ^m, a vector in float64.

    `positive`, for a loss with kinks, says on which side of each of them θ is. Other examples, of
    the same shapes, can be set: what has been compiled holds for them too.
    """

    def __init__(
        self,
        loss: Callable[[jax.Array, Any], jax.Array],
        positive: Callable[[jax.Array, Any], jax.Array] | None = None,
        motions: tuple[str, ...] = MOTIONS,
    ) -> None:
        self._loss, self._positive, self.motions = loss, positive, motions
        self.examples: Any = None
        self._integrals: dict[str, Callable[..., tuple[jax.Array, ...]]] = {}

    def descend(
        self, theta: jax.Array, h: float, n: int
    ) -> tuple[jax.Array, np.ndarray, int | None]:
        """θ_n, E and R_IG at θ_0 … θ_n in two rows, and how many kinks the n steps crossed."""
        size = 2 ** int(n).bit_length()  # so that few sizes are compiled
        theta, before, last, crossed = self._descend(theta, self.examples, h, n, size)
        states = np.stack([*np.array(before)[:n], np.array(last)]).T
        return theta, states, None if self._positive is None else int(crossed)

    def flow(
        self, name: str, theta: jax.Array, h: float, *, time: float, enough: float = 0.0
    ) -> Flow | None:
        """The flow from θ over a time T; None if T is not reached.

        Where E has kinks the steps are halved until the error is below `enough`, or until there
        are as many as are allowed.
        """
        if name not in self._integrals:
            integrate = self._in_steps if self._positive else self._smoothly
            self._integrals[name] = jax.jit(partial(integrate, name))
        if self._positive is None:
            runs = [self._run(name, theta, h, time, coarser) for coarser in (LOOSER, 1.0)]
            return flow_of(runs, None)
        less = 2 if name in COSTLY else 1
        steps = math.ceil(COARSEST / less * time / h / GRID)
        runs = []
        while True:
            runs.append(self._run(name, theta, h, time, steps))
            substeps = steps * GRID * h / time
            found = flow_of(runs, substeps)
            settled = found is not None and len(runs) > 2 and found.error <= enough
            if settled or found is None or 1.5 * substeps > FINEST / less:
                return found
            steps *= 2

    def curvature(self, theta: jax.Array) -> float:
        """λ_max of the Hessian of E, by Lanczos' iteration from a random vector."""
        v = jnp.asarray(np.random.default_rng(LANCZOS_SEED).standard_normal(theta.size))
        product = partial(self._hessian_product, theta, self.examples)
        return largest_eigenvalue(product, v, LANCZOS_STEPS)

    def _run(self, name: str, theta: jax.Array, h: float, time: float, steps: float) -> Run | None:
        end, states, reached = self._integrals[name](theta, self.examples, h, time, steps)
        return (end, np.array(states)) if reached and jnp.isfinite(end).all() else None

    def _state(self, theta: jax.Array, examples: Any) -> jax.Array:
        """E and R_IG = |∇E|²/m."""
        E, gradient = jax.value_and_grad(self._loss)(theta, examples)
        return jnp.array([E, (gradient**2).mean()])

    @cached_property
    def _descend(self) -> Callable[..., tuple[jax.Array, ...]]:
        def side(theta: jax.Array, examples: Any) -> jax.Array:
            return jnp.zeros(0) if self._positive is None else self._positive(theta, examples)

        def descend(
            theta: jax.Array, examples: Any, h: float, n: int, size: int
        ) -> tuple[jax.Array, ...]:
            def step(i: jax.Array, so_far: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
                theta, states, crossed = so_far
                E, gradient = jax.value_and_grad(self._loss)(theta, examples)
                after = theta - h * gradient
                state = jnp.array([E, (gradient**2).mean()])
                crossed += (side(theta, examples) != side(after, examples)).sum()
                return after, states.at[i].set(state), crossed

            start = theta, jnp.zeros((size, 2)), jnp.zeros((), int)
            theta, states, crossed = jax.lax.fori_loop(0, n, step, start)
            return theta, states, self._state(theta, examples), crossed

        return jax.jit(descend, static_argnames="size")

    @cached_property
    def _hessian_product(self) -> Callable[..., jax.Array]:
        def product(theta: jax.Array, examples: Any, v: jax.Array) -> jax.Array:
            gradient = jax.grad(lambda theta: self._loss(theta, examples))
            return jax.jvp(gradient, (theta,), (v,))[1]

        return jax.jit(product)

    def _motion(self, name: str, examples: Any) -> Motion:
        return motion(name, lambda theta: -jax.grad(self._loss)(theta, examples))

    def _in_steps(
        self, name: str, theta: jax.Array, examples: Any, h: float, time: float, steps: int
    ) -> tuple[jax.Array, ...]:
        """By Adams and Bashforth's two-step rule, in `steps` equal steps between times of the grid.

        A step across a kink is wrong by what of it lies behind the kink, and the next one by minus
        a half: in the mean over where kinks lie that is nothing, with one evaluation a step.
        """
        right_side, dt = self._motion(name, examples), time / (GRID * steps)

        def step(_: Any, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            theta, before = at
            slope = right_side(theta, h)
            return theta + dt * (3 * slope - before) / 2, slope

        def to_the_next_time(at: tuple[jax.Array, jax.Array], _: Any) -> tuple[Any, jax.Array]:
            after = jax.lax.fori_loop(0, steps, step, at)
            return after, self._state(after[0], examples)

        start = theta, right_side(theta, h)
        (end, _), states = jax.lax.scan(to_the_next_time, start, length=GRID)
        states = jnp.concatenate([self._state(theta, examples)[None], states])
        return end, states.T, jnp.array(True)

    def _smoothly(
        self, name: str, theta: jax.Array, examples: Any, h: float, time: float, coarser: float
    ) -> tuple[jax.Array, ...]:
        """By Dopri8. bea.flow would compile anew for every h, θ and tolerance.

        Two runs must not take the same steps, or their difference says nothing of their error. On a
        slow flow they would, whatever the tolerances are, if steps were not limited otherwise.
        """
        right_side = self._motion(name, examples)
        longest = time / GRID * jnp.where(coarser > 1, 2, 1)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, theta, h: right_side(theta, h)),
            diffrax.Dopri8(),
            t0=0.0,
            t1=time,
            dt0=None,
            y0=theta,
            args=h,
            saveat=diffrax.SaveAt(
                subs=[
                    diffrax.SubSaveAt(t1=True),
                    diffrax.SubSaveAt(
                        ts=time * jnp.linspace(0, 1, GRID + 1),
                        fn=lambda t, theta, h: self._state(theta, examples),
                    ),
                ]
            ),
            stepsize_controller=diffrax.PIDController(
                rtol=coarser * RTOL, atol=coarser * ATOL, dtmax=longest
            ),
            max_steps=MAX_STEPS,
            throw=False,
        )
        end, states = solution.ys
        return end[0], states.T, solution.result == diffrax.RESULTS.successful


Run = tuple[jax.Array, np.ndarray]


def flow_of(runs: Sequence[Run | None], substeps: float | None) -> Flow | None:
    """The last of several runs, each finer than the one before; None if it did not arrive.

    Its error is its distance from the one before. Two may agree by chance, so it is no less than
    half of the distance from a third.
    """
    if runs[-1] is None:
        return None
    end, states = runs[-1]
    coarser = [run for run in runs[-2:-4:-1] if run is not None]
    if len(coarser) < min(len(runs) - 1, 2) or not coarser:
        return Flow(end, states, np.inf, np.inf, substeps)
    errors = [norm(end - other) / k for k, (other, _) in enumerate(coarser, 1)]
    ratios = [abs(ratio(states) - ratio(other)) / k for k, (_, other) in enumerate(coarser, 1)]
    return Flow(end, states, max(errors), max(ratios), substeps)


def ratio(states: np.ndarray) -> float:
    """R_IG/E at the end."""
    return float(states[1, -1] / states[0, -1])


def network(
    profile: Profile, activation: str, data: Dataset
) -> tuple[Training, Callable[[int], tuple[jax.Array, Any]]]:
    """The training of a profile's perceptron, and what a seed draws: θ at time 0, and examples."""
    model = MLP(profile.width, profile.depth, activation=ACTIVATIONS[activation])

    def draw(seed: int) -> tuple[jax.Array, Any]:
        chosen = data.subset(profile.images, 0, seed=seed)
        x: Any = jnp.asarray(chosen.scaled(flat=True)[0])
        params = jax.jit(model.init)(jax.random.key(seed), x)["params"]
        theta, _ = ravel_pytree(jax.tree.map(lambda w: jnp.asarray(w, float), params))
        return theta, (x, jnp.asarray(chosen.train_labels))

    params = jax.eval_shape(model.init, jax.random.key(0), draw(profile.seeds[0])[1][0])["params"]
    _, unravel = ravel_pytree(jax.tree.map(lambda w: jnp.zeros(w.shape), params))

    def positive(theta: jax.Array, examples: Any) -> jax.Array:
        seen: list[jax.Array] = []

        def watching(z: jax.Array) -> jax.Array:
            seen.append((z > 0).ravel())
            return ACTIVATIONS[activation](z)

        model.clone(activation=watching).apply({"params": unravel(theta)}, examples[0])
        return jnp.concatenate(seen)

    def loss(theta: jax.Array, examples: Any) -> jax.Array:
        return cross_entropy(model)(unravel(theta), *examples)

    return Training(loss, positive if activation in KINKED else None, profile.motions), draw


def measure(profile: Profile, activation: str, data: Dataset) -> tuple[list[Row], list[Row]]:
    """The rows of both tables for one activation; R_IG/E along the way of the first seed only."""
    rows: list[Row] = []
    tracks: list[Row] = []
    with jax.enable_x64(True), warnings.catch_warnings():
        # Of kinks: what becomes of the corrections there is what is measured.
        warnings.simplefilter("ignore", NotSmoothWarning)
        training, draw = network(profile, activation, data)
        for seed in profile.seeds:
            theta, training.examples = draw(seed)
            now = 0.0
            for window in profile.windows:
                begun = perf_counter()
                theta, _, _ = training.descend(
                    theta, START_STEP, round((window - now) / START_STEP)
                )
                now, curvature = window, training.curvature(theta)
                for h in profile.step_sizes:
                    here: Row = {"activation": activation, "seed": seed, "window": window}
                    new = compare(training, theta, h, time=profile.time, curvature=curvature)
                    rows += [{**here, **row} for row in new[0]]
                    if seed == profile.seeds[0]:
                        tracks += [{**here, **row} for row in new[1]]
                took = perf_counter() - begun
                print(f"  {activation}, seed {seed}, from t = {window}: {took:.0f} s", flush=True)
    return rows, tracks


def compare(
    training: Training, theta: jax.Array, h: float, *, time: float, curvature: float
) -> tuple[list[Row], list[Row]]:
    """The rows of both tables for descent from θ with step size h, and for every flow.

    Args:
        training: the loss, and what runs down it.
        theta: θ, where all of them start.
        h: the learning rate.
        time: T, a multiple of h.
        curvature: λ_max at θ.
    """
    n = round(time / h)
    end, states, kinks = training.descend(theta, h, n)
    beside = training.descend(theta * (1 + np.finfo(float).eps), h, n)[0]
    descent_error = norm(end - beside)  # what round-off makes of θ at least
    shown = np.unique(np.linspace(0, n, GRID + 1).round().astype(int))
    tracks = [*track("descent", h, times=h * shown, states=states[:, shown])]
    (E_0, E), (R_0, R) = states[:, [0, -1]]
    rows: list[Row] = []
    nan = np.nan
    unknown = Flow(jnp.full_like(theta, nan), np.full((2, GRID + 1), nan), nan, nan, None)
    plain, departure, ratio_departure = unknown, nan, nan
    curvature_end = nan
    for name in training.motions:
        is_plain = name == GRADIENT_FLOW  # the first of them
        limit = np.inf if is_plain else LIMIT if name in FURTHER else UNSTABLE
        wanted = h * curvature <= limit
        size = norm(end - theta) if is_plain else departure
        flow = training.flow(name, theta, h, time=time, enough=ENOUGH * size) if wanted else None
        found = flow or unknown
        E_p, R_p = found.states[:, -1]
        distance, ratio_distance = norm(end - found.end), abs(R / E - R_p / E_p)
        if is_plain:
            plain, departure, ratio_departure = found, distance, ratio_distance
            curvature_end = training.curvature(found.end) if flow else nan
        low, high = bounds(
            distance,
            departure,
            left_error=found.error + descent_error,
            departure_error=plain.error + descent_error,
        )
        ratio_low, ratio_high = bounds(
            ratio_distance,
            ratio_departure,
            left_error=found.ratio_error,
            departure_error=plain.ratio_error,
        )
        row = {
            "step_size": h,
            "motion": name,
            "curvature": curvature,
            "step_times_curvature": h * curvature,
            "step_times_curvature_end": h * curvature_end,
            "time": time,
            "steps": n,
            "displacement": norm(end - theta),
            "descent_error": descent_error,
            "departure": departure,
            "departure_error": plain.error + descent_error,
            "distance": distance,
            "integration_error": found.error,
            "substeps": found.substeps,
            "explained": explained(distance, departure),
            "explained_low": 0.0 if is_plain else low,
            "explained_high": 0.0 if is_plain else high,
            "loss_start": E_0,
            "loss_descent": E,
            "loss_flow": E_p,
            "regularizer_start": R_0,
            "regularizer_descent": R,
            "regularizer_flow": R_p,
            "ratio_start": R_0 / E_0,
            "ratio_descent": R / E,
            "ratio_flow": R_p / E_p,
            "ratio_explained": explained(ratio_distance, ratio_departure),
            "ratio_explained_low": 0.0 if is_plain else ratio_low,
            "ratio_explained_high": 0.0 if is_plain else ratio_high,
            "kinks_crossed": kinks,
            "note": "" if flow else "flow not reached" if wanted else f"{NOT_COMPUTED}{limit:g}",
        }
        rows.append({column: known(value) for column, value in row.items()})
        if flow:
            times = time * np.linspace(0, 1, GRID + 1)
            tracks += track(name, h, times=times, states=flow.states)
    return rows, tracks


def track(motion: str, h: float, *, times: np.ndarray, states: np.ndarray) -> Iterator[Row]:
    """The rows of the second table: E and R_IG/E along the way."""
    for time, E, R in zip(times, *states, strict=True):
        row = {"step_size": h, "motion": motion, "time": time, "loss": E, "ratio": R / E}
        yield {name: known(value) for name, value in row.items()}


def measure_all(profile: Profile, data: Dataset) -> tuple[list[Row], list[Row]]:
    """The rows of both tables, one activation after the other."""
    both = [measure(profile, activation, data) for activation in ACTIVATIONS]
    rows, tracks = ([*chain(*tables)] for tables in zip(*both, strict=True))
    return rows, tracks
