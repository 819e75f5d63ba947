"""Theorem 3.1 on networks: one step of gradient descent, where E is smooth and where it is not.

The step from θ_0 to θ_1 is compared with the flow θ̃ of f + h f_1 + … + h^p f_p, f = −∇E, for p = 0
(the gradient flow), p = 1 (the modified flow of Theorem 3.1) and the two orders above it, in
float64. On smooth networks (tanh, GELU) |θ_1 − θ̃(h)| falls with h^(p+2), and over h^(p+2) it tends
to |f_{p+1}(θ_0)|: both are measured, on perceptrons and on a small residual network with batch
normalization in training mode, whose E and ∇E are those of this batch as a whole.

ReLU stands beside them, as what the theorem does not cover. A step carries some pre-activations of
hidden units across zero, where E has a kink and ∇E jumps. Automatic differentiation differentiates
the pieces and not the seams: its Hessian H does not see the kinks, misses half of the change
of ∇E over the step or more, and −½H∇E is not the correction that the iterates ask for. A step with
n kinks, n ≥ 10, leaves an error of about c·h·√n, as of n jumps in random directions, whatever p;
with n ∝ h that is h^1.5. Between its kinks a ReLU network is smooth: where h is so small that no
pre-activation changes its sign, the orders 2, 3, 4 and 5 are back.

Two tables are written, one with a row per error and the kinks that its step crossed, one with a row
per order. The figure is drawn from them. The quick profile has perceptrons on scikit-learn's
digits, the full one also networks on MNIST and CIFAR-10, where they are found under --data, and
a point reached by training.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.flatten_util import ravel_pytree

import bea
from bea.errors import NotSmoothWarning
from bea.models.data import Dataset, load_cifar10, load_digits, load_mnist
from bea.models.losses import batch_cross_entropy, cross_entropy
from bea.models.mlp import MLP
from bea.models.resnet import ResNet
from bea.streams import run_as_script
from examples.paper.results import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
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

    from bea import OrderReport

NAME = "networks.theorem_3_1"
ORDER = 3
ACTIVATIONS = {"tanh": jnp.tanh, "GELU": nn.gelu, "ReLU": nn.relu}
NETWORKS = {
    "MLP 2×16": MLP(width=16, depth=2),
    "MLP 5×100": MLP(width=100, depth=5),
    "ResNet": ResNet(stages=(1, 1), width=4),
}
TRAINING_STEPS, LEARNING_RATE = 300, 0.05  # of gradient descent, on the examples of the case
DEFAULT, BELOW, TRAINED = "default", "below the first kink", "from twice the learning rate"


@dataclass(frozen=True)
class Case:
    """A network at a point, and the step sizes from there. The names are columns of the tables.

    DEFAULT step sizes are those of `bea.verify_orders`. Of the others there are eight, each smaller
    by √2 than the one before: BELOW from 0.9 of where a pre-activation first changes its sign, and
    TRAINED from twice the learning rate, for points where so little is left of f that float64 has
    digits for the highest order in the largest step sizes only.
    """

    network: str
    activation: str
    data: str
    examples: int
    seed: int = 0  # draws the examples
    point: str = "start"
    step_sizes: str = DEFAULT

    @classmethod
    def of(cls, row: Row) -> Case:
        """The case that a row of a table belongs to."""
        named = {name: row[name] for name in cls.__annotations__}
        return cls(**{**named, "examples": int(row["examples"]), "seed": int(row["seed"])})

    @property
    def has_kinks(self) -> bool:
        return self.activation == "ReLU"

    def __str__(self) -> str:
        images = "image" if self.examples == 1 else "images"
        where = "at the start" if self.point == "start" else "trained"
        return (
            f"{self.network}, {self.activation}, {self.examples} {images} of {self.data}, {where}"
        )


# The seeds that are not 0 are of images whose first kink is far off, so that float64 shows what is
# below it.
SMALL = Case("MLP 2×16", "ReLU", "digits", 64, seed=15)
QUICK = (replace(SMALL, activation="tanh"), SMALL, replace(SMALL, step_sizes=BELOW))


def full(mnist: str, cifar: str) -> tuple[Case, ...]:
    """The cases of the full profile, on these data."""
    mlp = partial(Case, "MLP 5×100", data=mnist)
    return (
        *QUICK,
        replace(SMALL, activation="GELU"),
        *(mlp(activation=name, examples=256) for name in ("tanh", "GELU")),
        mlp(activation="tanh", examples=256, point="trained", step_sizes=TRAINED),
        Case("ResNet", "GELU", cifar, 4),
        mlp(activation="ReLU", examples=256),
        mlp(activation="ReLU", examples=256, point="trained", step_sizes=TRAINED),
        Case("ResNet", "ReLU", cifar, 4),
        mlp(activation="ReLU", examples=1, seed=9, step_sizes=BELOW),
        Case("ResNet", "ReLU", "digits", 2, seed=1, step_sizes=BELOW),
    )


# The tables


class Problem:
    """The loss of a case: where it starts, its field f = −∇E, and what a step does to its units."""

    def __init__(self, case: Case, data: Dataset) -> None:
        chosen = data.subset(case.examples, 0, seed=case.seed)
        self._case = case
        self._model = NETWORKS[case.network].clone(activation=ACTIVATIONS[case.activation])
        in_batches = isinstance(self._model, ResNet)
        self._x, _ = chosen.standardized() if in_batches else chosen.scaled(flat=True)
        self._labels = chosen.train_labels
        self._mode = {"train": True, "mutable": ["batch_stats"]} if in_batches else {}
        self._variables = jax.jit(self._model.init)(jax.random.key(0), self._x)
        with jax.enable_x64(True):
            theta = jax.tree.map(lambda w: jnp.asarray(w, float), self._variables["params"])
            self.theta = self._trained(theta) if case.point == "trained" else theta
            self.loss = float(jax.jit(self._loss)(self.theta))
            positive = jax.eval_shape(self._positive, theta) if case.has_kinks else None
            self.pre_activations = positive and positive.size

    def field(self, theta: Any) -> Any:
        """f(θ) = −∇E(θ)."""
        return jax.tree.map(jnp.negative, jax.grad(self._loss)(theta))

    def effects(self, h: float) -> tuple[int | None, float]:
        """How many pre-activations have changed sign after a step of h, and what H misses of f."""
        with jax.enable_x64(True):
            crossed, missed = self._effects(self.theta, h)
        return int(crossed) if self._case.has_kinks else None, float(missed)

    def step_sizes(self) -> list[float] | None:
        """Those that the case asks for; None for the default."""
        if self._case.step_sizes == DEFAULT:
            return None
        first = 2 * LEARNING_RATE
        if self._case.step_sizes == BELOW:
            while self.effects(first)[0]:
                first /= 2 ** (1 / 8)
            first *= 0.9
        return [first / 2 ** (k / 2) for k in range(8)]

    def _loss(self, theta: Any) -> jax.Array:
        if self._mode:
            statistics = self._variables["batch_stats"]
            return batch_cross_entropy(self._model)(theta, statistics, self._x, self._labels)[0]
        return cross_entropy(self._model)(theta, self._x, self._labels)

    def _trained(self, theta: Any) -> Any:
        def descend(_: Any, theta: Any) -> Any:
            return jax.tree.map(lambda w, v: w + LEARNING_RATE * v, theta, self.field(theta))

        return jax.jit(lambda theta: jax.lax.fori_loop(0, TRAINING_STEPS, descend, theta))(theta)

    def _positive(self, theta: Any) -> jax.Array:
        """Which hidden pre-activations, of all units and examples, are positive."""
        seen: list[jax.Array] = []

        def watching(z: jax.Array) -> jax.Array:
            seen.append((z > 0).ravel())
            return nn.relu(z)

        watched = self._model.clone(activation=watching)
        watched.apply({**self._variables, "params": theta}, self._x, **self._mode)
        return jnp.concatenate(seen)

    @cached_property
    def _effects(self) -> Callable[[Any, float], tuple[jax.Array, jax.Array]]:
        @jax.jit
        def effects(theta: Any, h: float) -> tuple[jax.Array, jax.Array]:
            displacement = jax.tree.map(lambda v: h * v, self.field(theta))
            after = jax.tree.map(jnp.add, theta, displacement)
            before, predicted = jax.jvp(self.field, (theta,), (displacement,))
            change, predicted = (
                ravel_pytree(v)[0]
                for v in (jax.tree.map(jnp.subtract, self.field(after), before), predicted)
            )
            crossed = (self._positive(theta) != self._positive(after)).sum()
            missed = jnp.linalg.norm(change - predicted) / jnp.linalg.norm(change)
            return crossed, missed

        return effects


def measure(case: Case, data: Dataset) -> tuple[list[Row], list[Row], set[str]]:
    """The rows of both tables for a case, and what bea warned of."""
    problem = Problem(case, data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NotSmoothWarning)
        reports = bea.verify_orders(
            bea.modified_series("euler", ORDER),
            problem.theta,
            field=problem.field,
            step_sizes=problem.step_sizes(),
            progress=True,
        )
    texts = {str(w.message) for w in caught if w.category is NotSmoothWarning}
    for w in (w for w in caught if w.category is not NotSmoothWarning):
        warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    effects = {h: problem.effects(h) for h in reports[0].step_sizes}
    m = sum(leaf.size for leaf in jax.tree.leaves(problem.theta))
    points: list[Row] = []
    orders: list[Row] = []
    for report in reports:
        new = list(points_of(case, report, effects))
        across = [row for row in new if row["kinks_crossed"]]
        points += new
        orders.append(
            {
                **asdict(case),
                "parameters": m,
                "loss": problem.loss,
                "pre_activations": problem.pre_activations,
                "order": report.order,
                "expected_order": report.expected_order,
                "measured_order": report.measured_order,
                "slope_across_kinks": slope(across) if len(across) > 2 else None,
                "leading_constant": report.leading_constant,
                "leading_constant_ratio": report.leading_constant_ratio,
                "leading_defect": report.leading_defect,
                "passed": "yes" if report.passed else "no",
                "note": report.note,
            }
        )
    return points, orders, texts


def points_of(
    case: Case, report: OrderReport, effects: Mapping[float, tuple[int | None, float]]
) -> Iterator[Row]:
    columns = (report.step_sizes, report.errors, report.floors, report.usable)
    for h, error, floor, usable in zip(*columns, strict=True):
        crossed, missed = effects[h]
        yield {
            **asdict(case),
            "order": report.order,
            "step_size": h,
            "error": error,
            "leading_term": report.leading_constant * h**report.expected_order,
            "floor": floor,
            "usable": "yes" if usable else "no",
            "kinks_crossed": crossed,
            "missed_by_hessian": missed,
        }


def slope(rows: Sequence[Row]) -> float:
    """The exponent of h in the errors, by least squares."""
    h, errors = columns_of(rows, "step_size", "error")
    return float(np.polyfit(np.log(h), np.log(errors), 1)[0])


def columns_of(rows: Sequence[Row], *names: str) -> list[np.ndarray]:
    return [np.array([row[name] for row in rows], dtype=float) for name in names]


# What the tables say


def summary(points: Sequence[Row], orders: Sequence[Row]) -> Iterator[str]:
    """The table of orders as plain text, and what happened at the kinks."""
    by_case = cases_of(points)
    for case, rows in cases_of(orders).items():
        size, loss = rows[0]["parameters"], rows[0]["loss"]
        batch = " of this batch" if case.network == "ResNet" else ""
        yield f"\n{case}: m = {size:,.0f}, E = {loss:.4g}{batch}; step sizes: {case.step_sizes}"
        yield "  p   order expected   measured   |f_(p+1)|   error/h^(p+2)/|f_(p+1)|"
        for row in rows:
            slope, ratio = row["slope_across_kinks"], row["leading_constant_ratio"]
            measured = row["measured_order"] if slope is None else slope
            limit = "–" if slope is not None or ratio is None else f"{ratio:.6f}"
            yield (
                f"  {row['order']:.0f} {row['expected_order']:16.0f} "
                f"{'–' if measured is None else format(measured, '.4f'):>10} "
                f"{row['leading_constant']:11.4g} {limit:>11}   "
                + ("confirmed" if row["passed"] == "yes" else "NOT CONFIRMED")
            )
        if case.has_kinks:
            yield from at_the_kinks(by_case[case])


def at_the_kinks(points: Sequence[Row]) -> Iterator[str]:
    """What the corrections gain where kinks are crossed, and what the Hessian misses there."""
    by_order = [[row for row in points if row["order"] == p] for p in range(ORDER + 1)]
    steps = [step for step in zip(*by_order, strict=True) if step[0]["kinks_crossed"]]
    if not steps:
        yield "  no pre-activation changes its sign in any of these steps"
        return
    errors = np.array([[row["error"] for row in step] for step in steps]).T
    h, kinks, missed = columns_of(
        [step[-1] for step in steps], "step_size", "kinks_crossed", "missed_by_hessian"
    )
    gain, spread = errors[0] / errors[-1], errors[1:].max(0) / errors[1:].min(0)
    many = (errors[-1] / (h * kinks**0.5))[kinks >= 10]
    yield (
        f"  pre-activations that change sign: n = {kinks[0]:,.0f} at h = {h[0]:.2g}, "
        f"{kinks[-1]:.0f} at {h[-1]:.2g}. There H misses {min(missed):.0%} to {max(missed):.0%}"
    )
    yield (
        f"  of the change of ∇E; the orders 1 to {ORDER} err the same within "
        f"{spread.max() - 1:.0%}, the plain flow {gain.min():.2g} to {gain.max():.2g} times as"
    )
    yield (
        f"  much as order {ORDER}"
        + (
            f"; their error/(h·√n) is {min(many):.2g} to {max(many):.2g} for n ≥ 10"
            * bool(len(many))
        )
    )


def cases_of(rows: Sequence[Row]) -> dict[Case, list[Row]]:
    """The rows of every case, in the order of the table."""
    found: dict[Case, list[Row]] = {}
    for row in rows:
        found.setdefault(Case.of(row), []).append(row)
    return found


# The figure

COLUMNS = 3
COLOURS = (ORANGE, BLUE, GREEN, VERMILION)
LABELS = (
    r"$p = 0$, gradient flow: $h^2$",
    r"$p = 1$, modified flow of Theorem 3.1: $h^3$",
    r"$p = 2$: $h^4$",
    r"$p = 3$: $h^5$",
)
TITLES = (
    "Smooth networks: every order of the flow gains a power of $h$",
    "ReLU: across kinks no order gains a power of $h$; below the first kink all of them do",
)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the tables alone."""
    points, orders = cases_of(read_table(table)), cases_of(read_table(orders_of(table)))
    groups: tuple[dict[Case, list[Case]], ...] = ({}, {})
    for case in points:  # what is below the first kink joins what is above it
        above = replace(case, step_sizes=DEFAULT)
        panels = groups[case.has_kinks]
        panels.setdefault(above if above in points else case, []).append(case)
    columns = min(COLUMNS, max(map(len, groups)))
    rows = [-(-len(group) // columns) for group in groups]
    heights = [3.1 * rows[0] + 0.4, 4.0 * rows[1] + 0.4]
    with drawing(png, size=(max(8.5, 4.6 * columns), sum(heights) + 0.7)) as figure:
        parts = figure.subfigures(2, 1, height_ratios=heights, hspace=0.03)
        for kinked, (part, title, panels) in enumerate(zip(parts, TITLES, groups, strict=True)):
            part.suptitle(title, weight="bold", x=0.01, ha="left", fontsize=13)
            ratios = (1, 0.25) if kinked else (1,)
            grid = part.add_gridspec(
                len(ratios) * rows[kinked], columns, height_ratios=ratios * rows[kinked]
            )
            for i, cases in enumerate(panels.values()):
                row, column = len(ratios) * (i // columns), i % columns
                axes = lowest = part.add_subplot(grid[row, column])
                shown = [row for case in cases for row in points[case]]
                shown.sort(key=lambda row: row["step_size"])
                draw_errors(axes, shown)
                described = "; ".join(describe(orders[case]) for case in cases)
                axes.set_title(f"{cases[0]}\n{described}", fontsize=10)
                if kinked:
                    lowest = part.add_subplot(grid[row + 1, column], sharex=axes)
                    draw_kinks(axes, lowest, [row for row in shown if row["order"] == ORDER])
                lowest.set_xlabel("step size $h$")
                if column == 0:
                    axes.set_ylabel(r"error $|\theta_1 - \tilde\theta(h)|$")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, columns + 1))


def describe(orders: Sequence[Row]) -> str:
    """What a panel shows, in a few words."""
    slopes = [row["slope_across_kinks"] for row in orders]
    if None in slopes:
        return "orders " + ", ".join(f"{row['measured_order'] or 0:.2f}" for row in orders)
    low, high = (f"$h^{{{slope:.1f}}}$" for slope in (min(slopes), max(slopes)))
    return f"across kinks all like {low if low == high else f'{low} to {high}'}"


def draw_errors(axes: Axes, rows: Sequence[Row]) -> None:
    """Errors and their leading terms, and the floor under them."""
    from matplotlib.ticker import LogLocator, NullLocator

    for p, colour in enumerate(COLOURS):
        line = [row for row in rows if row["order"] == p]
        h, errors, terms, floors = columns_of(line, "step_size", "error", "leading_term", "floor")
        size = 7 - 1.4 * p  # where they coincide, all of them are seen
        axes.plot(h, terms, "--", color=colour, linewidth=0.8, zorder=1)
        axes.plot(h, errors, "o", color=colour, markersize=size, label=LABELS[p])
        unused = columns_of([r for r in line if r["usable"] == "no"], "step_size", "error")
        axes.plot(*unused, "o", color="white", markersize=size - 1.5)
        for free in (False, True):  # no line from where kinks are crossed to where none is
            part = [row for row in line if (row["kinks_crossed"] == 0) == free]
            axes.plot(*columns_of(part, "step_size", "error"), color=colour, linewidth=1.2)
    bottom = min(floors) / 3
    axes.fill_between(h, floors, bottom, color=GREY, alpha=0.35, linewidth=0, label="round-off")
    axes.plot([], [], "--", color=GREY, linewidth=0.8, label=r"$|f_{p+1}(\theta_0)|\,h^{p+2}$")
    axes.set(xscale="log", yscale="log", xlim=(h[0] / 1.4, h[-1] * 1.4))
    axes.set_ylim(bottom, 5 * max(row["error"] for row in rows))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())


def draw_kinks(axes: Axes, strip: Axes, rows: Sequence[Row]) -> None:
    """How many kinks each step crosses, the errors they leave, and the h that cross none."""
    crossed = [row for row in rows if row["kinks_crossed"]]
    h, kinks, errors = (
        np.array([row[name] for row in crossed]) for name in ("step_size", "kinks_crossed", "error")
    )
    strip.bar(h, kinks, width=0.25 * h, color=GREY)
    for x, n in zip(h, kinks, strict=True):
        strip.annotate(
            f"{n:,.0f}", (x, n), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    label = r"$c\,h\sqrt{n}$, $n$ kinks crossed"
    c = np.median(errors / (h * np.sqrt(kinks))) if len(h) else 0
    axes.plot(h, c * h * np.sqrt(kinks), ":", color=BLACK, linewidth=1.2, zorder=3, label=label)
    strip.set(yscale="log", ylim=(0.5, 12 * max(kinks, default=1)), ylabel="kinks\ncrossed")
    strip.yaxis.minorticks_off()
    axes.tick_params(labelbottom=False)
    left, right = axes.get_xlim()
    free = [row["step_size"] for row in rows if not row["kinks_crossed"]]
    if free:
        edge = (max(free) * h[0]) ** 0.5 if len(h) else right
        for each in (axes, strip):
            each.axvspan(left, edge, color=BLUE, alpha=0.08, linewidth=0)
        strip.text((left * edge) ** 0.5, 0.8, "none", ha="center", fontsize=8.5)
    if not len(h):
        strip.set_yticks([])
    axes.set_xlim(left, right)


def orders_of(table: Path) -> Path:
    """The table with a row per order, beside the one with a row per error."""
    return table.with_stem(f"{identity(NAME)}_orders")


# The script


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        choices=("quick", "full"),
        default="quick",
        help="quick (half a minute): perceptrons on the digits; full (some ten minutes): larger "
        "ones, residual networks, a trained point",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="where full finds mnist/ and cifar-10-batches-bin/; it takes the digits for what is "
        "not there",
    )


def loaders(folder: Path | None) -> dict[str, Callable[[], Dataset]]:
    """The data sets at hand, by name."""
    found: dict[str, Callable[[], Dataset]] = {"digits": load_digits}
    if folder is not None and (folder / "mnist").is_dir():
        found["MNIST"] = partial(load_mnist, folder / "mnist")
    if folder is not None and (folder / "cifar-10-batches-bin").is_dir():
        found["CIFAR-10"] = partial(load_cifar10, folder / "cifar-10-batches-bin")
    return {name: cache(load) for name, load in found.items()}


def measure_all(
    cases: Sequence[Case], data: Mapping[str, Callable[[], Dataset]], orders: list[Row]
) -> list[Row]:
    """The rows of the table of errors; those of the table of orders are added to `orders`."""
    points: list[Row] = []
    warned: set[str] = set()
    for i, case in enumerate(cases, 1):
        print(f"[{i}/{len(cases)}] {case}; step sizes: {case.step_sizes}", flush=True)
        begun = perf_counter()
        new_points, new_orders, texts = measure(case, data[case.data]())
        points += new_points
        orders += new_orders
        for text in sorted(texts - warned):
            print(f"    bea warns: {text}")
        warned |= texts
        print(f"    {perf_counter() - begun:.0f} s", flush=True)
    return points


def main(argv: Sequence[str] | None = None) -> None:
    options = parse_options(
        argv, NAME, __doc__, add_options, ["--profile full --data FOLDER", "--redraw"]
    )
    second, profile = orders_of(options.table), options.given.profile
    if not options.redraw:
        data = loaders(options.given.data)
        large = [name if name in data else "digits" for name in ("MNIST", "CIFAR-10")]
        cases = QUICK if profile == "quick" else full(*large)
        orders: list[Row] = []
        produce(
            NAME,
            options.table,
            lambda: measure_all(cases, data, orders),
            packages=("flax", "optax", "scikit-learn"),
            profile=profile,
            parameters_seed=0,
            training={"steps": TRAINING_STEPS, "learning_rate": LEARNING_RATE},
        )
        write_table(second, orders)
    elif not second.is_file():
        print(
            f"there is no table {second} to draw from: run without --redraw first", file=sys.stderr
        )
        sys.exit(2)
    draw(options.table, options.figure)
    print(f"wrote {options.figure}\n")
    print("\n".join(summary(read_table(options.table), read_table(second))))


if __name__ == "__main__":
    run_as_script(main)
