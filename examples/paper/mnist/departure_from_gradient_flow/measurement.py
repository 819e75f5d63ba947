"""Descent and the flows that are to explain it, run side by side: the rows of both tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
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
from examples.paper.shares import explained, known, norm

Motion = Callable[[jax.Array, float], jax.Array]

ACTIVATIONS = {"tanh": jnp.tanh, "ReLU": nn.relu}
KINKED = ("ReLU",)
ORDER = 3
SHIFTS = (2, 4)
GRADIENT_FLOW, HALF_BACK = "order 0", "half a step back"
UNSTABLE_STEP = "unstable step"
DESCENT = "gradient descent"
HALF = 0.5  # of the departure: what explains less does not explain it
START_STEP = 0.01
SEED = 0  # of the parameters, and of the draw of the images
GRID = 16  # times at which R_IG/E is recorded
LANCZOS_STEPS = 30
SHORT = {HALF_BACK: "half back"}
UNSTABLE = 2.0  # h·λ_max beyond which descent on a quadratic diverges
RTOL, ATOL, LOOSER = 1e-11, 1e-13, 100  # for smooth fields, and the coarser run's factor
SUBSTEPS, WIDER = 12, 2  # of the midpoint rule in a step of descent, and the coarser run's factor
MAX_STEPS = 4096


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


PROFILES = {
    "quick": Profile(
        data="digits", images=500, width=16, depth=2, step_sizes=(0.5, 0.2, 0.1, 0.05, 0.02),
        windows=(0, 8), time=1,
    ),
    "laptop": Profile(
        data="MNIST", images=256, width=50, depth=5, step_sizes=(0.5, 0.1, 0.05, 0.02),
        windows=(0, 8), time=0.5,
    ),
    "paper": Profile(
        data="MNIST", images=1024, width=400, depth=5,
        step_sizes=(0.5, 0.1, 0.05, 0.02, 0.01, 0.005), windows=(0, 2, 8), time=0.5,
    ),
}  # fmt: skip


def motions(field: Callable[[jax.Array], jax.Array]) -> dict[str, Motion]:
    """The right sides (θ, h) ↦ θ̇ that are to explain descent along a field, by name."""
    series = bea.modified_series("euler", ORDER)
    orders = {f"order {p}": series.to_jax(field, order=p) for p in range(ORDER + 1)}
    shifts = {f"log-shift {K}": partial(bea.log_shift_estimate, field, steps=K) for K in SHIFTS}
    return {**orders, **shifts, HALF_BACK: lambda theta, h: field(theta - h / 2 * field(theta))}


class Training:
    """Descent and flows on a loss E of θ ∈ ℝ^m, a vector in float64.

    `positive`, for a loss with kinks, says on which side of each of them θ is.
    """

    def __init__(
        self,
        loss: Callable[[jax.Array], jax.Array],
        positive: Callable[[jax.Array], jax.Array] | None = None,
    ) -> None:
        self._geometry = bea.gradient_geometry(loss)
        self._gradient = jax.grad(loss)
        self._positive = positive
        self.motions = motions(lambda theta: -self._gradient(theta))
        self._integrals: dict[str, Callable[..., tuple[jax.Array, ...]]] = {}

    def state(self, theta: jax.Array) -> tuple[jax.Array, jax.Array]:
        """E and R_IG = |∇E|²/m."""
        at = self._geometry(theta)
        return at.loss, at.implicit_gradient_regularizer

    def descend(
        self, theta: jax.Array, h: float, n: int
    ) -> tuple[jax.Array, np.ndarray, int | None]:
        """θ_n, E and R_IG at θ_0 … θ_n in two rows, and how many kinks the n steps crossed."""
        size = 2 ** int(n).bit_length()  # so that few sizes are compiled
        theta, before, crossed = self._descend(theta, h, n, size)
        states = np.stack([*np.array(before)[:n], np.array(self.state(theta))]).T
        return theta, states, None if self._positive is None else int(crossed)

    def flow(
        self, motion: str, theta: jax.Array, h: float, *, time: float
    ) -> tuple[jax.Array, np.ndarray, float] | None:
        """θ(T), E and R_IG on the grid of times, and |the error|; None if T is not reached."""
        if motion not in self._integrals:
            self._integrals[motion] = jax.jit(partial(self._integrate, self.motions[motion]))
        integrate = self._integrals[motion]
        end, states, reached = integrate(theta, h, time, 1)
        if not reached or not jnp.isfinite(end).all():
            return None
        coarser = LOOSER if self._positive is None else WIDER
        check, _, _ = integrate(theta, h, time, coarser)
        return end, np.array(states), float(jnp.linalg.norm(end - check))

    def curvature(self, theta: jax.Array) -> float:
        """λ_max of the Hessian of E, by Lanczos' iteration from a random vector."""
        v = jnp.asarray(np.random.default_rng(SEED).standard_normal(theta.size))
        return largest_eigenvalue(partial(self._hessian_product, theta), v, LANCZOS_STEPS)

    @cached_property
    def _descend(self) -> Callable[..., tuple[jax.Array, ...]]:
        def side(theta: jax.Array) -> jax.Array:
            return jnp.zeros(0) if self._positive is None else self._positive(theta)

        def descend(theta: jax.Array, h: float, n: int, size: int) -> tuple[jax.Array, ...]:
            def step(i: jax.Array, so_far: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
                theta, states, crossed = so_far
                at = self._geometry(theta)
                after = theta - h * at.gradient
                state = jnp.array([at.loss, at.implicit_gradient_regularizer])
                crossed += (side(theta) != side(after)).sum()
                return after, states.at[i].set(state), crossed

            return jax.lax.fori_loop(0, n, step, (theta, jnp.zeros((size, 2)), jnp.zeros((), int)))

        return jax.jit(descend, static_argnames="size")

    @cached_property
    def _hessian_product(self) -> Callable[[jax.Array, jax.Array], jax.Array]:
        return jax.jit(lambda theta, v: jax.jvp(self._gradient, (theta,), (v,))[1])

    def _integrate(
        self, motion: Motion, theta: jax.Array, h: float, time: float, coarser: float
    ) -> tuple[jax.Array, ...]:
        # bea.flow would compile anew for every h, θ and tolerance; here they are arguments.
        smooth = self._positive is None
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, theta, h: motion(theta, h)),
            diffrax.Dopri8() if smooth else diffrax.Midpoint(),
            t0=0.0,
            t1=time,
            dt0=None if smooth else coarser * h / SUBSTEPS,
            y0=theta,
            args=h,
            saveat=diffrax.SaveAt(
                subs=[
                    diffrax.SubSaveAt(t1=True),
                    diffrax.SubSaveAt(
                        ts=time * jnp.linspace(0, 1, GRID + 1),
                        fn=lambda t, theta, h: jnp.array(self.state(theta)),
                    ),
                ]
            ),
            stepsize_controller=diffrax.PIDController(rtol=coarser * RTOL, atol=coarser * ATOL)
            if smooth
            else diffrax.ConstantStepSize(),
            max_steps=MAX_STEPS,
            throw=False,
        )
        end, states = solution.ys
        return end[0], states.T, solution.result == diffrax.RESULTS.successful


def network(profile: Profile, activation: str, data: Dataset) -> tuple[Training, jax.Array]:
    """The training of a profile's perceptron on the whole of its images, and its θ at time 0."""
    chosen = data.subset(profile.images, 0, seed=SEED)
    x: Any = chosen.scaled(flat=True)[0]
    labels: Any = chosen.train_labels
    model = MLP(profile.width, profile.depth, activation=ACTIVATIONS[activation])
    start, unravel = ravel_pytree(
        jax.tree.map(
            lambda w: jnp.asarray(w, float),
            jax.jit(model.init)(jax.random.key(SEED), x)["params"],
        )
    )

    def positive(theta: jax.Array) -> jax.Array:
        seen: list[jax.Array] = []

        def watching(z: jax.Array) -> jax.Array:
            seen.append((z > 0).ravel())
            return ACTIVATIONS[activation](z)

        model.clone(activation=watching).apply({"params": unravel(theta)}, x)
        return jnp.concatenate(seen)

    def loss(theta: jax.Array) -> jax.Array:
        return cross_entropy(model)(unravel(theta), x, labels)

    return Training(loss, positive if activation in KINKED else None), start


def measure(profile: Profile, activation: str, data: Dataset) -> tuple[list[Row], list[Row]]:
    """The rows of both tables for one activation."""
    rows: list[Row] = []
    tracks: list[Row] = []
    with jax.enable_x64(True), warnings.catch_warnings():
        # Of kinks: what becomes of the corrections there is what is measured.
        warnings.simplefilter("ignore", NotSmoothWarning)
        training, theta = network(profile, activation, data)
        now = 0.0
        for window in profile.windows:
            begun = perf_counter()
            theta, _, _ = training.descend(theta, START_STEP, round((window - now) / START_STEP))
            now, curvature = window, training.curvature(theta)
            for h in profile.step_sizes:
                here: Row = {"activation": activation, "window": window}
                for table, new in zip(
                    (rows, tracks),
                    compare(training, theta, h, time=profile.time, curvature=curvature),
                    strict=True,
                ):
                    table += [{**here, **row} for row in new]
            print(f"  {activation}, from t = {window}: {perf_counter() - begun:.0f} s", flush=True)
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
    shown = np.unique(np.linspace(0, n, GRID + 1).round().astype(int))
    tracks = [*track("descent", h, times=h * shown, states=states[:, shown])]
    (E_0, E), (R_0, R) = states[:, [0, -1]]
    rows: list[Row] = []
    unknown = jnp.full_like(theta, jnp.nan), np.full((2, GRID + 1), np.nan), np.nan
    departure = ratio_departure = curvature_end = np.nan
    for motion in training.motions:
        wanted = motion == GRADIENT_FLOW or h * curvature <= UNSTABLE
        flow = training.flow(motion, theta, h, time=time) if wanted else None
        theta_p, along, error = flow or unknown
        E_p, R_p = along[:, -1]
        distance, ratio_distance = norm(end - theta_p), abs(R / E - R_p / E_p)
        if motion == GRADIENT_FLOW:  # the first of them
            departure, ratio_departure = distance, ratio_distance
            curvature_end = training.curvature(theta_p) if flow else np.nan
        row = {
            "step_size": h,
            "motion": motion,
            "curvature": curvature,
            "step_times_curvature": h * curvature,
            "step_times_curvature_end": h * curvature_end,
            "time": time,
            "steps": n,
            "displacement": norm(end - theta),
            "departure": departure,
            "distance": distance,
            "explained": explained(distance, departure),
            "integration_error": error,
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
            "kinks_crossed": kinks,
            "note": "" if flow else "flow not reached" if wanted else UNSTABLE_STEP,
        }
        rows.append({name: known(value) for name, value in row.items()})
        if flow:
            tracks += track(motion, h, times=time * np.linspace(0, 1, GRID + 1), states=along)
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
