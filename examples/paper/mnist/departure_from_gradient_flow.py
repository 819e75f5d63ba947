"""How much of gradient descent's departure from the gradient flow do the modified flows explain?

Theorem 3.1 is about one step. Training takes many, and the paper's learning rates are no small
numbers: h·λ_max, the step times the largest curvature, is near 1 or beyond. So here gradient
descent runs for a fixed time T, n = T/h steps from a point θ of the training of a perceptron, and
beside it, from the same θ over the same time, run the flows of what is said to explain it:

* order p, θ̇ = f + h f_1 + … + h^p f_p with f = −∇E, p = 0 being the gradient flow, p = 1 the
  modified flow of Theorem 3.1;
* log-shift K, θ̇ = Σ_{k<K} (−1)^k/(k+1) Δ^k f, the estimate of f̃ from K gradients along the
  iterates from θ. It is of order K − 1, so that K = 2 and 4 stand beside the orders 1 and 3;
* half a step back, θ̇ = f(θ − (h/2) f(θ)) = f + h f_1 + O(h²): order 1 by two gradients.

With θ_GD where the descent ends and θ_p where a flow ends, the flow explains the share

    1 − |θ_GD − θ_p| / |θ_GD − θ_0|

of the departure |θ_GD − θ_0| from the gradient flow: 1 is everything, 0 nothing, and less than 0
worse than the gradient flow. The same is asked of R_IG/E, R_IG = |∇E|²/m, the paper's measure.

Two things are to be expected. Along an eigenvector of curvature λ the corrections add up to
log(1 − hλ), whose series converges for hλ < 1 and which is not real beyond: there the iterates jump
from one side to the other, as no flow does. Where hλ_max > 2 at the start the step is unstable, and
of the flows only the gradient flow is computed; λ_max may rise on the way, so it is recorded where
the gradient flow ends as well. And a ReLU network has kinks. The derivatives in f_1, f_2, … do not
see them; the last two kinds of flow do, because they compare gradients at different points.

All learning rates start from the same points, those that descent with the small one of START_STEP
reaches; a large one might never get there. Smooth fields are integrated by Dopri8, those with
kinks, where a method of high order gains nothing, by the midpoint rule in equal steps, and all
of them twice, the second time more coarsely: the difference is the column integration_error.

Two tables are written, one with a row per flow, one of R_IG/E along the way. The figure is drawn
from them. The quick profile is of scikit-learn's digits; laptop and paper are of MNIST.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.flatten_util import ravel_pytree

import bea
from bea.errors import InputError, NotSmoothWarning
from bea.models.data import Dataset, load_digits
from bea.models.losses import cross_entropy
from bea.models.mlp import MLP
from bea.streams import run_as_script
from examples.paper import data_folder
from examples.paper.curvature import largest_eigenvalue
from examples.paper.results import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    Row,
    drawing,
    parse_options,
    produce,
    read_table,
    write_table,
)
from examples.paper.script_names import identity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Motion = Callable[[jax.Array, float], jax.Array]

NAME = "mnist.departure_from_gradient_flow"
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


@dataclass(frozen=True)
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
    "quick": Profile("digits", 500, 16, 2, (0.5, 0.2, 0.1, 0.05, 0.02), (0, 8), 1),
    "laptop": Profile("MNIST", 256, 50, 5, (0.5, 0.1, 0.05, 0.02), (0, 8), 0.5),
    "paper": Profile("MNIST", 1024, 400, 5, (0.5, 0.1, 0.05, 0.02, 0.01, 0.005), (0, 2, 8), 0.5),
}


# The tables


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
        theta, states, crossed = self._descend(theta, h, n, size)
        states = np.stack([*np.array(states)[:n], np.array(self.state(theta))]).T
        return theta, states, None if self._positive is None else int(crossed)

    def flow(
        self, motion: str, theta: jax.Array, h: float, time: float
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
    x, labels = chosen.scaled(flat=True)[0], chosen.train_labels
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
                    compare(training, theta, h, profile.time, curvature),
                    strict=True,
                ):
                    table += [{**here, **row} for row in new]
            print(f"  {activation}, from t = {window}: {perf_counter() - begun:.0f} s", flush=True)
    return rows, tracks


def compare(
    training: Training, theta: jax.Array, h: float, time: float, curvature: float
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
    tracks = [*track("descent", h, h * shown, states[:, shown])]
    (E_0, E), (R_0, R) = states[:, [0, -1]]
    rows: list[Row] = []
    departure = ratio_departure = curvature_end = np.nan
    for motion in training.motions:
        wanted = motion == GRADIENT_FLOW or h * curvature <= UNSTABLE
        flow = training.flow(motion, theta, h, time) if wanted else None
        theta_p, along, error = flow or (np.nan, np.full((2, GRID + 1), np.nan), np.nan)
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
            tracks += track(motion, h, time * np.linspace(0, 1, GRID + 1), along)
    return rows, tracks


def track(motion: str, h: float, times: np.ndarray, states: np.ndarray) -> Iterator[Row]:
    """The rows of the second table: E and R_IG/E along the way."""
    for time, E, R in zip(times, *states, strict=True):
        row = {"step_size": h, "motion": motion, "time": time, "loss": E, "ratio": R / E}
        yield {name: known(value) for name, value in row.items()}


def explained(left: float, departure: float) -> float:
    """1 − left/departure; NaN where nothing departs."""
    return 1 - left / departure if departure else np.nan


def norm(v: jax.Array) -> float:
    return float(jnp.linalg.norm(v))


def known(value: str | float | None) -> str | float | None:
    """A number as Python's, and None, an empty field, for one that is not finite."""
    if value is None or isinstance(value, (str, int)):
        return value
    return float(value) if np.isfinite(value) else None


# What the tables say


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """The shares explained as plain text, and where the explanations stop."""
    for activation, of_activation in grouped(rows, "activation").items():
        for window, of_window in grouped(of_activation, "window").items():
            first = of_window[0]
            yield (
                f"\n{activation}, from t = {window:g} to {window + first['time']:g}: at the start "
                f"E = {first['loss_start']:.4g}, λ_max = {first['curvature']:.3g}"
            )
            yield "share of the departure explained by"
            names = [name for name in grouped(of_window, "motion") if name != GRADIENT_FLOW]
            yield "      h   h·λ_max, to  departure" + "".join(
                f"{SHORT.get(name, name):>12}" for name in names
            )
            for h, (plain, *others) in grouped(of_window, "step_size").items():
                yield (
                    f"{h:7g} {plain['step_times_curvature']:9.2f} "
                    f"{plain['step_times_curvature_end'] or np.nan:5.2f}  "
                    f"{plain['departure'] or np.nan:9.2e}"
                    + "".join(f"{percent(row['explained']):>12}" for row in others)
                    + f"   {others[0]['note'] or ''}"
                )
    for activation, of_activation in grouped(rows, "activation").items():
        yield f"\n{activation}"
        yield from verdict(of_activation)
    yield ""
    yield from comparison(rows)


def verdict(rows: Sequence[Row]) -> Iterator[str]:
    """Where the explanations of one activation stop, and how well they were computed."""
    by_motion = grouped([row for row in rows if row["explained"] is not None], "motion")
    first = by_motion.get("order 1")
    if first is None:
        yield "  no flow of order 1 was reached"
        return
    for quantity, of in (("explained", "the departure"), ("ratio_explained", "that of R_IG/E")):
        yield "  order 1 explains " + reach(first, quantity, of)
    for name in [name for name in by_motion if name not in (GRADIENT_FLOW, "order 1")]:
        _, failing = until(by_motion[name], lambda row: not worse(row, twin(row, rows)))
        yield f"  {name} is " + (
            f"worse than order 1 at {place(failing)}" if failing else "nowhere worse than order 1"
        )
    known = [row for row in rows if row["explained"] is not None and twin(row, rows) in first]
    errors = [row["integration_error"] / row["departure"] for row in known]
    yield (
        f"  integration errors over the departure: median {np.median(errors):.1g}, "
        f"at most {max(errors):.1g}"
    )
    left_out = grouped([row for row in rows if row["note"] == UNSTABLE_STEP], "window")
    for window, of_window in left_out.items():
        steps = ", ".join(f"{h:g}" for h in grouped(of_window, "step_size"))
        yield f"  left out from t = {window:g}: h = {steps}, unstable with h·λ_max > {UNSTABLE:g}"
    kinks = [row["kinks_crossed"] for row in by_motion[GRADIENT_FLOW]]
    if None not in kinks:
        yield f"  descent crosses {min(kinks):,.0f} to {max(kinks):,.0f} kinks in a window"


def reach(rows: Sequence[Row], quantity: str, of: str) -> str:
    """How far a flow explains more than half of something, in words."""
    held, failing = until(rows, lambda row: row[quantity] > HALF)
    if held is None:
        return f"{percent(failing[quantity])} of {of} at the smallest {place(failing)}"
    stop = f", and {percent(failing[quantity])} at {place(failing)}" if failing else ", the largest"
    return f"more than half of {of} up to h·λ_max = {held:.2g}{stop}"


def comparison(rows: Sequence[Row]) -> Iterator[str]:
    """What is explained with one activation and with the other, at the same learning rates."""
    for motion in ("order 1", HALF_BACK):
        of_motion = [
            row for row in rows if row["motion"] == motion and row["explained"] is not None
        ]
        for h, of_step in sorted(grouped(of_motion, "step_size").items()):
            parts = [
                f"{spread(of_activation)} with {activation}"
                for activation, of_activation in grouped(of_step, "activation").items()
            ]
            yield f"at h = {h:g} {motion} explains of the departure " + ", ".join(parts)


def until(rows: Sequence[Row], holds: Callable[[Row], bool]) -> tuple[float | None, Row | None]:
    """Up to which h·λ_max it holds in all of the rows, and the row where it does not any more."""
    held = None
    for row in sorted(rows, key=largest_curvature):
        if not holds(row):
            return held, row
        held = largest_curvature(row)
    return held, None


def largest_curvature(row: Row) -> float:
    """h·λ_max where the gradient flow starts or where it ends, whichever is larger."""
    return max(row["step_times_curvature"], row["step_times_curvature_end"])


def worse(row: Row, other: Row) -> bool:
    """Whether a flow ends farther from the descent, by more than both were computed to."""
    if other["distance"] is None:
        return False
    doubt = row["integration_error"] + other["integration_error"]
    return row["distance"] > other["distance"] + doubt


def twin(row: Row, rows: Sequence[Row]) -> Row:
    """The row of order 1 at the same learning rate, in the same window."""
    wanted = {"motion": "order 1", "step_size": row["step_size"], "window": row["window"]}
    return next(other for other in rows if wanted.items() <= other.items())


def place(row: Row) -> str:
    return (
        f"h·λ_max = {largest_curvature(row):.2g} "
        f"(h = {row['step_size']:g} from t = {row['window']:g})"
    )


def spread(rows: Sequence[Row]) -> str:
    """The least and the largest share of the departure in the rows, in words."""
    shares = [row["explained"] for row in rows]
    low, high = percent(min(shares)), percent(max(shares))
    return low if low == high else f"{low} to {high}"


def percent(share: float | None) -> str:
    """A share, with as many digits as it takes to tell it from 100 %."""
    if share is None:
        return "–"
    digits = max(0, int(np.ceil(-np.log10(max(1 - share, 1e-12)))) - 2)
    return f"{round(100 * share, digits) + 0.0:.{digits}f} %".replace("-", "−")


def grouped(rows: Sequence[Row], name: str) -> dict[Any, list[Row]]:
    """The rows by what they have in a column, in the order of the table."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


# The figure

LOOKS = {
    GRADIENT_FLOW: (ORANGE, "-", "o", "gradient flow"),
    "order 1": (BLUE, "-", "o", "order 1, Theorem 3.1"),
    "order 2": (GREEN, "-", "o", "order 2"),
    "order 3": (VERMILION, "-", "o", "order 3"),
    "log-shift 2": (BLUE, ":", "s", "log-shift, $K = 2$"),
    "log-shift 4": (VERMILION, ":", "s", "log-shift, $K = 4$"),
    HALF_BACK: (PURPLE, ":", "D", "half a step back"),
}


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the tables alone."""
    rows, tracks = grouped(read_table(table), "activation"), read_table(tracks_of(table))
    columns = max(len(grouped(of_activation, "window")) for of_activation in rows.values())
    with drawing(png, size=(max(9, 4.6 * columns), 7.2 * len(rows) + 0.6)) as figure:
        parts = figure.subfigures(len(rows), 1, hspace=0.04, squeeze=False)[:, 0]
        for part, (activation, of_activation) in zip(parts, rows.items(), strict=True):
            part.suptitle(finding(activation, of_activation), weight="bold", x=0.01, ha="left")
            left = [1 - row["explained"] for row in of_activation if row["explained"] is not None]
            grid = part.subplots(2, columns, squeeze=False, height_ratios=(1.25, 1))
            shares, ratios = grid
            for axes in shares[1:]:
                axes.sharey(shares[0])
                axes.tick_params(labelleft=False)
            for i, (window, of_window) in enumerate(grouped(of_activation, "window").items()):
                draw_shares(shares[i], of_window)
                shown = largest_explained(of_window)
                along = [
                    row
                    for row in tracks
                    if (row["activation"], row["window"]) == (activation, window)
                    and row["step_size"] == shown["step_size"]
                ]
                draw_ratio(ratios[i], shown, along)
            shares[0].set_ylim(min(left, default=1) / 4, 2 * max(left, default=1))
            shares[0].set_ylabel(
                r"share left, $|\theta_{GD} - \theta_p|\,/\,|\theta_{GD} - \theta_0|$"
            )
        handles, labels = shares[0].get_legend_handles_labels()
        more, names = ratios[0].get_legend_handles_labels()
        figure.legend([more[0], *handles], [names[0], *labels], loc="outside lower center", ncols=4)


def finding(activation: str, rows: Sequence[Row]) -> str:
    """What is found with an activation, in two lines."""
    by_motion = grouped([row for row in rows if row["explained"] is not None], "motion")
    shares = [
        f"{spread(by_motion[name])} by {name}"
        for name in ("order 1", "order 3", HALF_BACK)
        if name in by_motion
    ]
    title = f"{activation}: what is explained of the departure from the gradient flow"
    return f"{title}\n{', '.join(shares)}"


def largest_explained(rows: Sequence[Row]) -> Row:
    """The row of order 1 at the largest learning rate for which its flow is known."""
    of_order_1 = [row for row in rows if row["motion"] == "order 1"]
    return max(of_order_1, key=lambda row: (row["explained"] is not None, row["step_size"]))


def draw_shares(axes: Axes, rows: Sequence[Row]) -> None:
    """What every flow leaves unexplained, over the learning rate."""
    from matplotlib.ticker import NullFormatter, NullLocator

    for motion, of_motion in grouped(rows, "motion").items():
        colour, line, marker, label = LOOKS[motion]
        look = {"color": colour, "label": label, "linewidth": 1.4}
        if motion == GRADIENT_FLOW:
            axes.axhline(1, **look)
            continue
        known = [row for row in of_motion if row["explained"] is not None]
        h, distance, departure, error = (
            np.array([row[name] for row in known], dtype=float)
            for name in ("step_size", "distance", "departure", "integration_error")
        )
        bars = np.minimum(error, 0.999 * distance) / departure
        look |= {"linestyle": line, "marker": marker, "markersize": 4.5, "elinewidth": 0.8}
        axes.errorbar(h, distance / departure, bars, **look)
    axes.axhline(1 - HALF, color=BLACK, linewidth=0.7, linestyle="--")
    steps = sorted(grouped(rows, "step_size"))
    left, right = min(steps) / 1.4, max(steps) * 1.4
    axes.set(xscale="log", yscale="log", xlim=(left, right), xlabel="learning rate $h$")
    axes.set_xticks(steps, [f"{h:g}" for h in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    curvature = rows[0]["curvature"]
    for edge, other, alpha in ((1, UNSTABLE, 0.12), (UNSTABLE, np.inf, 0.3)):
        start, stop = max(edge / curvature, left), min(other / curvature, right)
        if start < stop:
            axes.axvspan(start, stop, color=GREY, alpha=alpha, linewidth=0)
            text = f"$h\\lambda_{{max}} > {edge:g}$"
            in_axes = axes.get_xaxis_transform()
            axes.text(1.03 * start, 0.02, text, fontsize=8.5, rotation=90, transform=in_axes)
    ends = [
        row["step_times_curvature_end"] / row["step_size"]
        for row in rows
        if row["step_times_curvature_end"] is not None
    ]
    axes.set_title(
        f"from $t$ = {rows[0]['window']:g}, $\\lambda_{{max}}$ = {curvature:.3g}"
        + (f", later {ends[0]:.3g}" if ends else "")
    )


def draw_ratio(axes: Axes, shown: Row, tracks: Sequence[Row]) -> None:
    """R_IG/E along the descent and along every flow, at one learning rate."""
    exponent = int(np.floor(np.log10(shown["ratio_start"])))
    for motion, of_motion in grouped(tracks, "motion").items():
        time = [row["time"] for row in of_motion]
        ratio = [row["ratio"] / 10.0**exponent for row in of_motion]
        if motion == "descent":
            axes.plot(time, ratio, "o", color=BLACK, markersize=5, label=DESCENT, zorder=3)
        else:
            colour, line, _, label = LOOKS[motion]
            axes.plot(time, ratio, color=colour, linestyle=line, linewidth=1.4, label=label)
    axes.set(xlabel="time since the start", ylabel=rf"$R_{{IG}}/E\;/\;10^{{{exponent}}}$")
    share = percent(shown["ratio_explained"])
    axes.set_title(
        f"$R_{{IG}}/E$, $h$ = {shown['step_size']:g}: order 1 explains {share}", fontsize=10.5
    )


def tracks_of(table: Path) -> Path:
    """The table of R_IG/E along the way, beside the one with a row per flow."""
    return table.with_stem(f"{identity(NAME)}_tracks")


# The script


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        default="quick",
        help="quick (a minute or two): small perceptrons on digits; laptop (some minutes): five "
        "layers of 50 on MNIST; paper: five layers of 400, for an accelerator",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where laptop and paper find mnist/"
    )


def load(profile: Profile, folder: Path | None) -> Dataset:
    """The data set of a profile.

    Raises:
        bea.InputError: it is MNIST, and its files are not in the folder.
    """
    if profile.data == "digits":
        return load_digits()
    return data_folder.mnist(folder)


def measure_all(profile: Profile, data: Dataset, tracks: list[Row]) -> list[Row]:
    """The rows of the first table; those of the second are added to `tracks`."""
    rows: list[Row] = []
    for activation in ACTIVATIONS:
        new, along = measure(profile, activation, data)
        rows += new
        tracks += along
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    options = parse_options(
        argv, NAME, __doc__, add_options, ["--profile laptop --data FOLDER", "--redraw"]
    )
    second, name = tracks_of(options.table), options.given.profile
    try:
        if not options.redraw:
            data, tracks = load(PROFILES[name], options.given.data), []
            produce(
                NAME,
                options.table,
                lambda: measure_all(PROFILES[name], data, tracks),
                packages=("flax", "optax", "scikit-learn"),
                profile=name,
                settings=asdict(PROFILES[name]),
                seed=SEED,
                start_step=START_STEP,
                tolerances={"rtol": RTOL, "atol": ATOL},
                substeps=SUBSTEPS,
            )
            write_table(second, tracks)
        elif not second.is_file():
            raise InputError(f"there is no table {second} to draw from: run without --redraw first")
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    draw(options.table, options.figure)
    print(f"wrote {options.figure}")
    print("\n".join(summary(read_table(options.table))))


if __name__ == "__main__":
    run_as_script(main)
