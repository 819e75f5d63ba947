"""How the figures of training runs are drawn: one look for widths, learning rates and spread.

Seeds are faint points, their mean is a line: the geometric mean of what is drawn on a logarithmic
axis. A hollow point is a model that does not fit all of its training examples. A panel that its
table has no numbers for says what is missing.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from examples.paper.coverage import Grid, counted
from examples.paper.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, drawing
from examples.paper.inference import rank_correlation
from examples.paper.results import Row
from examples.paper.tables import MODEL, column, grouped, included
from examples.paper.trends import Trend, correlation, trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

Colour = tuple[float, ...]
Look = tuple[str | Colour, str]
"""A colour and a marker."""

COLOURS = (ORANGE, BLUE, GREEN, VERMILION, PURPLE, BLACK)
MARKERS = "osD^vP"
NAMES = {
    "learning_rate": "learning rate $h$",
    "width": "width $n_l$",
    "batch_size": "batch size",
    "regularization_rate": r"regularization rate $\lambda = hm/4$",
    "regularizer": r"$R_{IG} = |\nabla E|^2/m$",
    "regularizer_over_loss": "$R_{IG}/E$",
    "regularization_over_loss": r"$\lambda R_{IG}/E$",
    "accuracy": "training accuracy (%)",
    "loss": "loss $E$",
    "slope": r"slope $|\nabla E|$",
    "squared_slope": r"$|\nabla E|^2$",
    "norm": r"$|\theta|$",
    "test_accuracy": "test accuracy (%)",
    "test_error": "test error (%)",
    "test_loss": "test loss",
    "test_regularizer": "$R_{IG}$ of the test set",
    "test_regularizer_over_loss": "$R_{IG}$/loss of the test set",
    "step": "step $i$",
    "physical_time": "physical time $T = ih$",
    "sigma": r"noise $\sigma$",
}
HOLLOW = "Hollow: not all of the training set is fitted."
PERCENT = ("accuracy", "test_accuracy", "test_error")
LINEAR = (*PERCENT, "norm", "sigma")  # all else is drawn on logarithmic axes
CROWDED = 7  # ticks that fit on an axis; where they are closer, they are written aslant
LETTERS = 15.5  # of a note to an inch
LINE = 12.5  # points to a line under a title


def look(i: int) -> Look:
    """The colour and the marker of the i-th of several groups."""
    return COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]


def known(rows: Iterable[Row], *names: str) -> list[Row]:
    """The rows that have a value in all of these columns."""
    return [row for row in rows if all(row.get(name) is not None for name in names)]


def values(rows: Iterable[Row], name: str) -> np.ndarray:
    """A column in the unit of its axis."""
    return column(rows, name) * (100 if name in PERCENT else 1)


def mean(rows: Iterable[Row], name: str) -> float:
    """The mean over seeds, geometric on logarithmic axes."""
    found = values(rows, name)
    if name in LINEAR or not (found > 0).all():
        return float(found.mean())
    return float(np.exp(np.log(found).mean()))


def series(
    axes: Axes,
    rows: Sequence[Row],
    of: tuple[str, str],
    *,
    label: str,
    look: Look,
    by: str = "learning_rate",
) -> None:
    """The models of a group, columns (x, y), and a line through their means, by learning rate.

    The mean is hollow too where no model fits its training examples.
    """
    (x, y), (colour, marker) = of, look
    kept = known(included(rows), x, y)
    for fits, face in ((True, colour), (False, "white")):
        part = [row for row in kept if (row["accuracy"] == 1) == fits]
        axes.plot(
            values(part, x), values(part, y), marker, color=colour, markerfacecolor=face,
            markersize=4, alpha=0.45, zorder=2,
        )  # fmt: skip
    means = {(mean(models, x), mean(models, y)): models for models in grouped(kept, [by]).values()}
    if means:
        axes.plot(
            *np.array(list(means)).T, "-", marker=marker, color=colour, markersize=6.5,
            markeredgecolor="white", linewidth=1.6, label=label, zorder=3,
        )  # fmt: skip
    for place, models in means.items():
        if all(row["accuracy"] < 1 for row in models):
            axes.plot(
                *place, marker, color=colour, markersize=5.5, markerfacecolor="white", zorder=4
            )


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Labels, and logarithmic axes but for what is linear."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set(xlabel=NAMES[x], ylabel=NAMES[y])
    if x == "step":
        axes.set_xscale("symlog", linthresh=1)  # for step 0
        axes.set_xlim(left=0)
    else:
        axes.set_xscale("linear" if x in LINEAR else "log")
    axes.set_yscale("linear" if y in LINEAR else "log")
    if y == "test_loss":  # within two decades
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(color=GREY, alpha=0.15, linewidth=0.6)


def tick(axes: Axes, places: Iterable[float], name: Callable[[float], str] = "{:g}".format) -> None:
    """Ticks at these places and nowhere else."""
    ordered = sorted(set(places))
    axes.set_xticks(ordered, [name(x) for x in ordered], fontsize=8)
    gaps = np.diff(np.log(ordered))
    if len(gaps) and gaps.min() < gaps.sum() / CROWDED:
        axes.tick_params(axis="x", rotation=60)
    axes.minorticks_off()


def head(axes: Axes, title: str, found: Sequence[Trend], *, names: Sequence[str] = ()) -> None:
    """A title, and under it the rank correlation ρ of the panel, or of each of its groups."""
    told = [f"rank correlation {each}, {counted(each.seeds, 'seed')}" for each in found[:1]]
    if len(found) > 1:
        told = [f"ρ {each}, {name}" for each, name in zip(found, names, strict=True)]
    subtitle(axes, title, *told)


def subtitle(axes: Axes, title: str, *lines: str) -> None:
    """A title, and smaller lines under it."""
    axes.set_title(title, weight="bold", pad=6 + LINE * len(lines))
    axes.annotate(
        "\n".join(lines), (0, 1), xycoords="axes fraction", xytext=(0, 5),
        textcoords="offset points", va="bottom", fontsize=9, color="#555555",
    )  # fmt: skip


def say(axes: Axes, what: str) -> None:
    """What a panel has in the place of numbers."""
    axes.set(xscale="linear", yscale="linear", xticks=[], yticks=[])
    axes.minorticks_off()
    axes.text(
        0.5, 0.5, textwrap.fill(what, 34), transform=axes.transAxes, ha="center", va="center",
        color="#555555",
    )  # fmt: skip


def say_nothing_left(axes: Axes) -> None:
    say(axes, "every model is excluded")


def empty(axes: Axes) -> bool:
    """Whether nothing is drawn in a panel."""
    # The stubs of matplotlib allow data without a length, which no line that was drawn has.
    return not any(len(line.get_xdata()) for line in axes.lines)  # type: ignore[arg-type]


def colours_of(numbers: Iterable[float], scale: str = "viridis") -> dict[float, Colour]:
    """A colour for each number, from dark to light as they grow.

    Of a scale which colour-blind readers see as one of brightness: learning rates have an order,
    and there are more of them than colours that can be told apart.
    """
    from matplotlib import colormaps

    ordered = sorted(set(numbers))
    places = [0.4] if len(ordered) == 1 else np.linspace(0, 0.88, len(ordered))
    return {x: colormaps[scale](place) for x, place in zip(ordered, places, strict=True)}


def exclusions(rows: Iterable[Row], table: str | None = None) -> str:
    """How many models are excluded and why, in one line, and which table names them."""
    models = {tuple(row.get(name) for name in MODEL): row["excluded"] for row in rows}
    reasons = [reason for reason in models.values() if reason]
    if not reasons:
        return f"No model of {len(models)} is excluded."
    kinds = Counter(kind_of(reason) for reason in reasons)
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    where = f"; each one is in {table}" if table else ""
    return f"Excluded: {len(reasons)} of {len(models)} models ({listed}){where}."


def kind_of(reason: str) -> str:
    """A reason without the numbers that differ from model to model."""
    return reason.split(" at step ")[0].split(":")[0]


@dataclass(frozen=True)
class Rising:
    """In how many cells, of how many, a column rises with another, and their mean ρ.

    By the sign of ρ, the rank correlation. A cell is made of the models that are equal in some
    columns; it counts with three different values.
    """

    cells: int
    of: int
    mean: float | None

    def __str__(self) -> str:
        if self.mean is None:
            return "none"
        return f"{self.cells} of {self.of} (mean ρ {self.mean:.2f})".replace("-", "−")


def rising(rows: Iterable[Row], x: str, y: str, cells: Sequence[str]) -> Rising:
    """How y goes with x in the cells that are equal in these columns."""
    found = [
        rank_correlation(column(alike, x), column(alike, y))
        for alike in grouped(known(included(rows), x, y), cells).values()
    ]
    counted = [rho for rho in found if rho is not None]
    middle = float(np.mean(counted)) if counted else None
    return Rising(sum(rho > 0 for rho in counted), len(counted), middle)


def legend(
    figure: FigureBase, panels: Iterable[Axes], *, order: Iterable[str] = (), **where: object
) -> None:
    """Of all that is drawn in these panels, each name once, in an order, else as it is drawn."""
    shown: dict[str, object] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    first = [label for label in order if label in shown]
    shown = {label: shown[label] for label in dict.fromkeys([*first, *shown])}
    if shown:
        # Where the legend goes is a mapping, of which the stubs of matplotlib cannot see the types.
        figure.legend(list(shown.values()), list(shown), **where)  # type: ignore[call-overload]


def foot(figure: Figure, *lines: str) -> None:
    """Notes under a figure."""
    room = int(LETTERS * figure.get_figwidth())
    wrapped = [part for line in lines for part in textwrap.wrap(line, room)]
    figure.supxlabel("\n".join(wrapped), x=0.01, ha="left", fontsize=9, color="#555555")


def panels(
    png: Path,
    rows: Sequence[Row],
    shown: Sequence[tuple[str, str, str]],
    *,
    groups: Sequence[tuple[str, Sequence[Row]]],
    notes: Sequence[str],
    grid: Grid,
) -> None:
    """Panels (title, x, y) in two rows, of some models by learning rate, with rank correlations.

    Every group of models has a name.
    """
    with drawing(png, size=(5.25 * len(shown) / 2, 8.2)) as figure:
        axes_of = figure.subplots(2, len(shown) // 2).flat
        for axes, (title, x, y) in zip(axes_of, shown, strict=True):
            panel(axes, title, (x, y), groups, grid=grid)
        if len(groups) > 1:
            legend(figure, figure.axes, loc="outside upper right", ncols=len(groups))
        foot(figure, *notes)


def panel(
    axes: Axes,
    title: str,
    of: tuple[str, str],
    groups: Sequence[tuple[str, Sequence[Row]]],
    *,
    grid: Grid,
) -> None:
    """A panel (x, y) of groups of models by learning rate, with their rank correlations."""
    x, y = of
    for i, (name, models) in enumerate(groups):
        series(axes, models, of, label=name, look=((BLUE, VERMILION, GREEN, BLACK)[i % 4],
                                                   MARKERS[i % len(MARKERS)]))  # fmt: skip
    name_axes(axes, x, y)
    kept = [row for _, models in groups for row in known(included(models), x, y)]
    if x == "learning_rate":
        tick(axes, (row[x] for row in kept), grid.name)
    names = [name for name, _ in groups]
    head(axes, title, [trend(models, correlation(x, y)) for _, models in groups], names=names)
    if not kept:
        say_nothing_left(axes)
