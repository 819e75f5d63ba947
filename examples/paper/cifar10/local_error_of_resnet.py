"""How much of a step's local error on a residual network does f_1 explain, during training?

Theorem 3.1 corrects the gradient flow θ̇ = f, f = −∇E, by h f_1 = −(h/2) H∇E, H the Hessian of E,
which the paper calls implicit gradient regularization. What it could not say of its ResNet-18 on
CIFAR-10 is how much this correction is worth there: at which learning rate, and when in training.

Networks are trained by plain SGD, with batch normalization in training mode, for every learning
rate h. At some epochs θ is held and ONE fixed batch B is looked at, the first images of the
training set, as many as a batch has: E and all that follows is E on B, with the batch statistics of
B, in float64. From θ one step is taken, θ_1 = θ + h f(θ), and two things are asked of it.

* Its local error e = θ_1 − θ(h), θ(h) the end of the gradient flow over the time h. To leading
  order e is h²f_1, and f_1 explains the share 1 − |e − h²f_1|/|e|. The flow is integrated in equal
  substeps, whose number is doubled until two ends differ by 2 % of e at most: `integration_error`
  is that difference, and where it stays above 10 % the flow is not settled. The classical
  Runge–Kutta rule is used. Where there are kinks a method of high order gains nothing, and two
  ends may agree by chance: there it is the midpoint rule in as many substeps as are allowed.
* What the step itself says of its modified field f̃. From K iterates on B, without derivatives, the
  log-shift estimate of f̃ − f is d_K = Σ_{0<k<K} (−1)^k/(k+1) Δ^k f. It is h f_1 + h²f_2 + …, of
  which h f_1 explains 1 − |d_K − h f_1|/|d_K|. It is settled where d_6 and d_4 differ by less than
  10 % of d_6; along an eigenvector of curvature λ its series converges for hλ < 1 only. An
  estimate that is not settled is none of f̃, and no share of it means anything: the table says so.
  Half a step back, f(θ − (h/2) f) − f = h f_1 + O(h²), stands beside it. d_2 is half of how f
  changes over the step, so that the share of d_2 is how much of this change H predicts.

A share of 1 is everything, 0 nothing, and less than 0 worse than no correction. On a quadratic
loss, along an eigenvector and with a = hλ, e and h²f_1 are as e^{−a} − 1 + a and a²/2: 64 % are
explained at a = 1, 24 % at a = 2, nothing from a = 2.6 on. The figure shows this curve.

Twice, with GELU, which is smooth, and with ReLU, which the paper's network has: its kinks are
where f changes and H does not see it. λ_max on B is found by Lanczos' iteration from ∇E.

One table is written, with a row per activation, learning rate and epoch, and the figure is drawn
from it. What is interrupted goes on, trainings and measurements, when it is started again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.flatten_util import ravel_pytree
from tqdm import tqdm

import bea
from bea.classifier import Classifier
from bea.models.data import Dataset
from bea.models.losses import classifier
from bea.models.resnet import ResNet
from bea.numeric.training.sharding import memory_for
from bea.streams import run_as_script
from examples.paper import data_folder
from examples.paper.curvature import largest_eigenvalue
from examples.paper.mnist.departure_from_gradient_flow import (
    explained,
    grouped,
    known,
    norm,
    percent,
)
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
    write_text,
)
from examples.paper.scripts import ask_for_the_same_bits, errors_in_one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Field = Callable[[jax.Array], jax.Array]
Rule = Callable[[Field, jax.Array, jax.Array, float], jax.Array]

NAME = "cifar10.local_error_of_resnet"
ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {"GELU": nn.gelu, "ReLU": nn.relu}
KINKED = ("ReLU",)
SHIFTS = (2, 3, 4, 6)  # K, the iterates of the log-shift estimates
SETTLED = 0.1  # what two estimates of one thing differ by at most, of the finer one
TOLERANCE = 0.02  # of the local error, to which the flow is integrated where that can be done
LANCZOS_STEPS = 10
SEED = 0
SAVE_EVERY = 300.0  # seconds


@dataclass(frozen=True)
class Profile:
    """Which network learns what, at which rates, and when it is looked at.

    Attributes:
        stages: the number of blocks of each stage of the residual network.
        width: the channels of its first stage.
        images: how many training images, the first ones; so many as well to test on, at most.
        batch: the examples of a step, and of the fixed batch B.
        learning_rates: h.
        epochs: after which the step is looked at.
        bfloat16: whether training computes in it; what is measured does not.
        substeps: of the Runge–Kutta rule in a step at most; twice as many of the midpoint rule.
    """

    stages: tuple[int, ...]
    width: int
    images: int
    batch: int
    learning_rates: tuple[float, ...]
    epochs: tuple[int, ...]
    bfloat16: bool
    substeps: int

    def network(self, activation: str, **options: Any) -> ResNet:
        return ResNet(self.stages, self.width, activation=ACTIVATIONS[activation], **options)


PROFILES = {
    "quick": Profile((1, 1, 1), 8, 1000, 32, (0.01, 0.05, 0.2), (0, 1, 4), False, 8),
    "laptop": Profile((1, 1, 1), 8, 2000, 64, (0.01, 0.05, 0.2), (0, 1, 3, 10), False, 8),
    "paper": Profile(
        (2, 2, 2, 2), 64, 50_000, 512, (0.005, 0.01, 0.05, 0.1, 0.2), (0, 1, 3, 10, 30), True, 16
    ),
}


# A step and its local error


@dataclass(frozen=True)
class Place:
    """A point θ ∈ ℝ^m, and what is the same there for every step size.

    Attributes:
        theta: θ.
        loss: E.
        slope: f = −∇E.
        correction: f_1 = −½H∇E.
        curvature: λ_max of H.
    """

    theta: jax.Array
    loss: float
    slope: jax.Array
    correction: jax.Array
    curvature: float


class Descent:
    """Steps θ + h f(θ), f = −∇E, on a loss E of θ ∈ ℝ^m, a vector in float64.

    Two functions are compiled, ∇E and H·v, and called from here: inside a compiled loop
    convolutions are many times slower on a CPU.

    Args:
        loss: E.
        kinked: whether E has kinks.
        substeps: of the Runge–Kutta rule in a step at most; the midpoint rule, at half the cost,
            has twice as many.
    """

    def __init__(self, loss: Callable[[jax.Array], jax.Array], kinked: bool, substeps: int) -> None:
        gradient = jax.grad(loss)
        self._value_and_gradient = jax.jit(jax.value_and_grad(loss))
        self.hessian_product = jax.jit(lambda theta, v: jax.jvp(gradient, (theta,), (v,))[1])
        self.rule: Rule = midpoint if kinked else runge_kutta
        self.substeps = 2 * substeps if kinked else substeps
        self.coarsest = max(self.substeps // 2, 1) if kinked else 1

    def field(self, theta: jax.Array) -> jax.Array:
        """f(θ)."""
        return -self._value_and_gradient(theta)[1]

    def place(self, theta: jax.Array) -> Place:
        """What is needed at θ for steps of every size."""
        E, gradient = self._value_and_gradient(theta)
        product = partial(self.hessian_product, theta)
        curvature = largest_eigenvalue(product, gradient, LANCZOS_STEPS)
        return Place(theta, float(E), -gradient, -product(gradient) / 2, curvature)

    def flow(self, at: Place, h: float) -> tuple[jax.Array, float, int]:
        """θ(h), |the error| and the substeps of θ̇ = f from a place."""
        after, n = at.theta + h * at.slope, self.coarsest
        end = self._integrated(at, h, n)
        while True:
            n, before, end = 2 * n, end, self._integrated(at, h, 2 * n)
            error = norm(end - before)
            if error <= TOLERANCE * norm(after - end) or 2 * n > self.substeps:
                return end, error, n

    def _integrated(self, at: Place, h: float, n: int) -> jax.Array:
        """θ(h) in n equal substeps."""
        theta = self.rule(self.field, at.theta, at.slope, h / n)
        for _ in range(n - 1):
            theta = self.rule(self.field, theta, self.field(theta), h / n)
        return theta

    def log_shift(self, at: Place, h: float) -> dict[int, jax.Array]:
        """d_K = Σ_{0<k<K} (−1)^k/(k+1) Δ^k f for all K, from the same iterates."""
        theta, slopes = at.theta, [at.slope]
        while len(slopes) < max(SHIFTS):
            theta = theta + h * slopes[-1]
            slopes.append(self.field(theta))

        def estimate(K: int) -> jax.Array:
            along = iter(slopes)
            return bea.log_shift_estimate(lambda theta: next(along), at.theta, h, steps=K)

        return {K: estimate(K) - at.slope for K in SHIFTS}


def midpoint(field: Field, theta: jax.Array, slope: jax.Array, h: float) -> jax.Array:
    """A step of the midpoint rule, slope = f(θ)."""
    return theta + h * field(theta + h / 2 * slope)


def runge_kutta(field: Field, theta: jax.Array, slope: jax.Array, h: float) -> jax.Array:
    """A step of the classical rule of order 4, slope = f(θ)."""
    second = field(theta + h / 2 * slope)
    third = field(theta + h / 2 * second)
    fourth = field(theta + h * third)
    return theta + h / 6 * (slope + 2 * second + 2 * third + fourth)


# The table


def compare(descent: Descent, at: Place, h: float) -> Row:
    """What a step of size h leaves to be explained, and how much of it f_1 explains."""
    end, error, substeps = descent.flow(at, h)
    local_error = at.theta + h * at.slope - end
    predicted = h * at.correction
    departures = descent.log_shift(at, h)
    fine, coarse = departures[6], departures[4]
    back = descent.field(at.theta - h / 2 * at.slope) - at.slope
    row: dict[str, str | float | None] = {
        "loss": at.loss,
        "gradient_norm": norm(at.slope),
        "curvature": at.curvature,
        "step_times_curvature": h * at.curvature,
        "local_error": norm(local_error),
        "relative_local_error": norm(local_error) / (h * norm(at.slope)),
        **shares("", local_error, h * predicted),
        "integration_error": error,
        "substeps": substeps,
        "flow_settled": yes(error < SETTLED * norm(local_error)),
        "log_shift_settled": yes(norm(fine - coarse) < SETTLED * norm(fine)),
        "log_shift_change": norm(fine - coarse) / norm(fine),
    }
    named = {f"log_shift_{K}": departure for K, departure in departures.items()}
    for name, departure in {**named, "half_back": back}.items():
        row[f"departure_{name}"] = norm(departure) / norm(at.slope)
        row |= shares(f"_{name}", departure, predicted)
    return {name: known(value) for name, value in row.items()}


def shares(name: str, measured: jax.Array, predicted: jax.Array) -> dict[str, float]:
    """How much of a vector a prediction explains, their angle, and the ratio of their lengths."""
    lengths = norm(measured), norm(predicted)
    cosine = float(measured @ predicted) / (lengths[0] * lengths[1]) if all(lengths) else np.nan
    return {
        f"explained{name}": explained(norm(measured - predicted), lengths[0]),
        f"cosine{name}": cosine,
        f"length_ratio{name}": lengths[1] / lengths[0] if lengths[0] else np.nan,
    }


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


# The trainings


def keeping(network: Classifier, steps: Sequence[int]) -> Classifier:
    """The same network, which keeps θ as it was at these steps, in its state.

    So one training shows θ at all of them, and goes on with them where it was interrupted.
    """

    def init(key: jax.Array) -> tuple[Any, Any]:
        theta, state = network.init(key)
        kept = {str(step): theta for step in steps}
        return theta, {"network": state, "step": jnp.int32(0), "kept": kept}

    def loss(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
        E, (outputs, new) = network.loss(theta, state["network"], x, labels)
        kept = {
            step: jax.tree.map(partial(jnp.where, state["step"] == int(step)), theta, before)
            for step, before in state["kept"].items()
        }
        return E, (outputs, {"network": new, "step": state["step"] + 1, "kept": kept})

    def evaluate(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> tuple[Any, jax.Array]:
        return network.evaluate(theta, state["network"], x, labels)

    def measured_loss(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> Any:
        return (network.measured_loss or network.loss)(theta, state["network"], x, labels)

    return Classifier(init, loss, evaluate, measured_loss)


def trained(
    profile: Profile, activation: str, data: Dataset, out: Path, progress: bool
) -> tuple[bea.TrainingRun, list[Any]]:
    """The run of a profile's network at all learning rates, and θ at its epochs, (1, R, …) each."""
    model = profile.network(activation)
    training = profile.network(activation, dtype=jnp.bfloat16) if profile.bfloat16 else model
    per_epoch = profile.images // profile.batch
    *before, last = (per_epoch * epoch for epoch in profile.epochs)
    x, x_test = data.standardized()
    run = bea.train(
        keeping(classifier(training, x.shape[1:], measured=model), before),
        (x, data.train_labels),
        (x_test, data.test_labels),
        learning_rates=profile.learning_rates,
        epochs=profile.epochs[-1],
        seeds=(SEED,),
        batch_size=profile.batch,
        measured_steps=[*before, last],
        measured_batch=min(1000, profile.images // 2),
        folder=out / "runs" / activation,
        save_every=SAVE_EVERY,
        configuration={"activation": activation, "profile": asdict(profile)},
        together=False,
        progress=f"{activation}, training" if progress else False,
    )
    return run, [*(run.state["kept"][str(step)] for step in before), run.theta]


def loss_on_batch(
    profile: Profile, activation: str, data: Dataset, like: Any
) -> Callable[[jax.Array], jax.Array]:
    """E of θ as a vector in float64, on the fixed batch; θ is taken apart as `like`."""
    network = classifier(profile.network(activation), data.image_shape)
    x, labels = data.standardized()[0][: profile.batch], data.train_labels[: profile.batch]
    _, state = jax.eval_shape(network.init, jax.random.key(0))
    unused = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), state)  # in training mode
    _, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, float), like))
    return lambda theta: network.loss(unravel(theta), unused, jnp.asarray(x, float), labels)[0]


def measure(
    profile: Profile, activation: str, data: Dataset, out: Path, progress: bool
) -> list[Row]:
    """The rows of one activation: those that are there, and the others.

    They stand beside the run that they are of, in a file of this script.
    """
    run, thetas = trained(profile, activation, data, out, progress)
    kept = out / "runs" / activation / "local_errors.json"  # in the folder of this very run
    rows: list[Row] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else []
    cases = [(i, r) for i in range(len(profile.epochs)) for r in range(len(run.learning_rates))]
    remedy = "take a smaller profile, or a device with more"
    with jax.enable_x64(True), memory_for("E and H∇E of the fixed batch in float64", remedy):
        at_start = None
        descent: Descent | None = None
        for i, r in tqdm(
            cases[len(rows) :],
            desc=f"{activation}, steps",
            initial=len(rows),
            total=len(cases),
            disable=not progress,
        ):
            h, epoch = run.learning_rates[r], profile.epochs[i]
            theta = jax.tree.map(lambda leaf, r=r: leaf[0, r], thetas[i])
            if descent is None:
                loss = loss_on_batch(profile, activation, data, theta)
                descent = Descent(loss, activation in KINKED, profile.substeps)
            vector = jnp.asarray(ravel_pytree(theta)[0], float)
            diverged = 0 <= run.diverged_at[0, r] <= epoch * run.steps_per_epoch
            finite = bool(jnp.isfinite(vector).all()) and not diverged
            row: Row = {
                "activation": activation,
                "step_size": h,
                "epoch": epoch,
                "training_loss": known(run.loss[i, 0, r]),
                "test_accuracy": known(run.test_accuracy[i, 0, r]),
                "note": "" if finite else "diverged",
            }
            if finite:
                at = at_start if epoch == 0 and at_start is not None else descent.place(vector)
                at_start = at if epoch == 0 else None  # where all learning rates start
                row = {**row, **compare(descent, at, h)}
            rows.append(row)
            write_text(kept, json.dumps(rows, indent=1) + "\n")
    return rows


def measure_all(profile: Profile, data: Dataset, out: Path, progress: bool) -> list[Row]:
    """The rows of the table; of a network that diverged the columns are there, and empty."""
    rows = [row for each in ACTIVATIONS for row in measure(profile, each, data, out, progress)]
    columns = max(rows, key=len)
    return [{name: row.get(name) for name in columns} for row in rows]


# What the table says


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """The shares as plain text, and what follows from them."""
    for activation, of_activation in grouped(rows, "activation").items():
        for epoch, of_epoch in grouped(of_activation, "epoch").items():
            yield f"\n{activation}, epoch {epoch:g}: what f_1 explains of"
            yield (
                "      h  h·λ_max  E on B   |e|/|h∇E|   local error   cosine"
                "   change of f   log-shift 6   half back"
            )
            for row in of_epoch:
                yield f"{row['step_size']:7g}  " + (row["note"] or line(row))
    yield ""
    for activation, of_activation in grouped(rows, "activation").items():
        yield from verdict(activation, of_activation)


def line(row: Row) -> str:
    """The numbers of a row; in brackets what is not settled."""
    local = percent(row["explained"])
    shift = percent(row["explained_log_shift_6"])
    return (
        f"{row['step_times_curvature']:7.3g} {row['loss']:7.3g} {row['relative_local_error']:11.3g}"
        f" {local if row['flow_settled'] == 'yes' else f'({local})':>13}"
        f" {row['cosine']:8.3f} {percent(row['explained_log_shift_2']):>13}"
        f" {shift if row['log_shift_settled'] == 'yes' else f'({shift})':>13}"
        f" {percent(row['explained_half_back']):>11}"
    )


def usable(rows: Sequence[Row]) -> list[Row]:
    """The rows whose local error is known."""
    return [row for row in rows if row["flow_settled"] == "yes" and row["explained"] is not None]


def verdict(activation: str, rows: Sequence[Row]) -> Iterator[str]:
    """What f_1 explains with an activation: by h·λ_max, by learning rate and by epoch."""
    asked, rows = len(rows), usable(rows)
    if not rows:
        yield f"{activation}: no local error is known well enough"
        return
    left_out = f", {len(rows)} of {asked} rows being known well enough" if len(rows) < asked else ""
    yield f"{activation}: of the local error f_1 explains{left_out}"
    inside = [row for row in rows if row["step_times_curvature"] < 1]
    beyond = [row for row in rows if row["step_times_curvature"] >= 1]
    for where, some in (("where h·λ_max < 1", inside), ("beyond", beyond)):
        if some:
            yield f"  {where}: {middle(some)} (n = {len(some)})"
    for name, title in (("step_size", "h"), ("epoch", "epoch")):
        found = grouped(sorted(rows, key=lambda row, name=name: row[name]), name)
        yield f"  by {title}: " + "; ".join(f"{v:g}: {middle(some)}" for v, some in found.items())
    settled = [row for row in rows if row["log_shift_settled"] == "yes"]
    yield f"  the log-shift estimate is settled in {len(settled)} of {len(rows)} rows" + (
        f", where f_1 explains {middle(settled, 'explained_log_shift_6')} of it" if settled else ""
    )
    half = np.median([row["explained"] for row in rows])
    yield (
        f"  so f_1 {'is most' if half > 0.5 else 'is not the larger part'} of a step's local error"
        f" in the median, {percent(half)}"
    )


def middle(rows: Sequence[Row], quantity: str = "explained") -> str:
    """The median of the shares, and the least and the largest."""
    values = [row[quantity] for row in rows]
    low, mid, high = (percent(float(f(values))) for f in (min, np.median, max))
    return mid if low == high else f"{mid} ({low} to {high})"


# The figure

COLOURS = (BLUE, GREEN, ORANGE, VERMILION, PURPLE)
MARKERS = {"GELU": "o", "ReLU": "s"}
LOWEST = -1.0  # share drawn; lower ones stand on the edge


def on_a_quadratic(a: np.ndarray) -> np.ndarray:
    """The share of the local error that f_1 explains along an eigenvector, a = hλ."""
    e = np.expm1(-a) + a
    return 1 - np.abs(e - a**2 / 2) / e


def shift_on_a_quadratic(a: np.ndarray) -> np.ndarray:
    """The share of f̃ − f that f_1 explains along an eigenvector, a = hλ < 1."""
    d = -np.log1p(-a) - a
    return 1 - np.abs(d - a**2 / 2) / d


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the table alone."""
    rows = [row for row in read_table(table) if row["explained"] is not None]
    steps = sorted(grouped(rows, "step_size"))
    colours = dict(zip(steps, COLOURS, strict=False))
    with drawing(png, size=(10.5, 8.2)) as figure:
        grid = figure.subplots(2, 2)
        for axes, activation in zip(grid[0], ACTIVATIONS, strict=True):
            some = [row for row in rows if row["activation"] == activation]
            draw_by_epoch(axes, some, colours)
            axes.set_title(f"{activation}: share of the local error", weight="bold")
        draw_by_curvature(grid[1, 0], rows, colours, "explained", "flow_settled", on_a_quadratic)
        grid[1, 0].set_title("the local error, by curvature", weight="bold")
        draw_by_curvature(
            grid[1, 1],
            rows,
            colours,
            "explained_log_shift_6",
            "log_shift_settled",
            shift_on_a_quadratic,
        )
        grid[1, 1].set_title(r"$d_6$, the log-shift estimate of $\tilde f - f$", weight="bold")
        looks = [("-", {"color": colours[h], "label": f"$h$ = {h:g}"}) for h in steps]
        looks += [(mark, {"color": GREY, "label": name}) for name, mark in MARKERS.items()]
        looks += [
            ("o", {"color": GREY, "mfc": "none", "label": "not settled"}),
            ("--", {"color": BLACK, "label": "along an eigenvector, $\\lambda = \\lambda_{max}$"}),
        ]
        handles = [grid[1, 0].plot([], [], shape, **look)[0] for shape, look in looks]
        figure.legend(handles=handles, loc="outside lower center", ncols=5)


def shown(row: Row, quantity: str) -> float:
    """A share within the axes."""
    return max(row[quantity], LOWEST)


def face(row: Row, settled: str, colour: str) -> str:
    """Hollow marks for what is not settled."""
    return colour if row[settled] == "yes" else "none"


def draw_by_epoch(axes: Axes, rows: Sequence[Row], colours: dict[float, str]) -> None:
    """The share of the local error over the epochs, by learning rate."""
    epochs = sorted(grouped(rows, "epoch"))
    for h, of_step in grouped(rows, "step_size").items():
        places = [epochs.index(row["epoch"]) for row in of_step]
        axes.plot(places, [shown(row, "explained") for row in of_step], color=colours[h])
        for place, row in zip(places, of_step, strict=True):
            look = {"color": colours[h], "mfc": face(row, "flow_settled", colours[h])}
            axes.plot(place, shown(row, "explained"), MARKERS[row["activation"]], **look)
    axes.set_xticks(range(len(epochs)), [f"{epoch:g}" for epoch in epochs])
    axes.set(xlabel="epoch", ylabel="share explained by $f_1$")
    levels(axes)


def draw_by_curvature(
    axes: Axes,
    rows: Sequence[Row],
    colours: dict[float, str],
    quantity: str,
    settled: str,
    curve: Callable[[np.ndarray], np.ndarray],
) -> None:
    """A share over h·λ_max, and what it is along an eigenvector of that curvature."""
    for row in rows:
        colour = colours[row["step_size"]]
        look = {"color": colour, "mfc": face(row, settled, colour)}
        mark = MARKERS[row["activation"]]
        axes.plot(row["step_times_curvature"], shown(row, quantity), mark, **look)
    measured = [row["step_times_curvature"] for row in rows if row["step_times_curvature"] > 0]
    a = np.geomspace(min(measured) / 1.5, 1.5 * max(measured), 400)
    with np.errstate(invalid="ignore"):
        share = curve(a)
    axes.plot(a, np.where(share >= LOWEST, share, np.nan), "--", color=BLACK, linewidth=1)
    axes.axvline(1, color=GREY, linewidth=0.8)
    axes.set(xscale="log", xlabel=r"$h\lambda_{max}$ on $B$", ylabel="share explained by $f_1$")
    levels(axes)


def levels(axes: Axes) -> None:
    """The scale of shares."""
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_ylim(LOWEST - 0.08, 1.05)
    axes.yaxis.set_major_formatter("{x:.0%}")


# The script


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        default="quick",
        help="quick (some minutes on two cores): a narrow ResNet on 1,000 images; laptop (up to "
        "ten): 2,000 images and larger batches; paper: ResNet-18 on all of them, for a GPU",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where CIFAR-10 is, or cifar-10-batches-bin/"
    )


def load(profile: Profile, folder: Path | None) -> Dataset:
    """As many of the images as a profile asks for.

    Raises:
        bea.InputError: there is no folder, or the files are not in it.
    """
    data = data_folder.cifar10(folder)
    tested = min(profile.images // 2, len(data.test_images))
    return data.subset(profile.images, tested)


def main(argv: Sequence[str] | None = None) -> None:
    options = parse_options(
        argv,
        NAME,
        __doc__,
        add_options,
        ["--data FOLDER", "--profile laptop --data FOLDER", "--redraw"],
    )
    name = options.given.profile
    ask_for_the_same_bits()
    with errors_in_one_line(NAME):
        if not options.redraw:
            profile = PROFILES[name]
            data = load(profile, options.given.data)
            produce(
                NAME,
                options.table,
                lambda: measure_all(profile, data, options.table.parent, sys.stderr.isatty()),
                packages=("flax", "optax", "orbax-checkpoint"),
                profile=name,
                settings=asdict(profile),
                fixed_batch=f"the first {profile.batch} training images, training-mode batch norm",
                precision="float64",
                seed=SEED,
                tolerance=TOLERANCE,
                settled=SETTLED,
                lanczos_steps=LANCZOS_STEPS,
            )
    draw(options.table, options.figure)
    print(f"wrote {options.figure}")
    print("\n".join(summary(read_table(options.table))))


if __name__ == "__main__":
    run_as_script(main)
