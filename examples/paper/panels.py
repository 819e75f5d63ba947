"""How the figures of training runs are drawn: one look for widths, learning rates and spread.

Seeds are faint points, their mean is a line: the geometric mean of what is drawn on a logarithmic
axis. A hollow point is a model that does not fit all of its training examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from examples.paper.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, drawing
from examples.paper.results import Row
from examples.paper.tables import MODEL, column, grouped, included
from examples.paper.trends import Trend, correlation, trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour = tuple[float, ...]

COLOURS = (ORANGE, BLUE, GREEN, VERMILION, PURPLE, BLACK)
MARKERS = "osD^vP"
NAMES = {
    "learning_rate": "learning rate $h$",
    "regularization_rate": r"regularization rate $\lambda = hm/4$",
    "regularizer": r"$R_{IG} = |\nabla E|^2/m$",
    "regularizer_over_loss": "$R_{IG}/E$",
    "test_accuracy": "test accuracy (%)",
    "loss": "loss $E$",
    "slope": r"slope $|\nabla E|$",
    "norm": r"$|\theta|$",
    "step": "step $i$",
    "sigma": r"noise $\sigma$",
}
HOLLOW = "Hollow: not all of the training set is fitted."
LINEAR = ("test_accuracy", "norm", "sigma")  # all else is drawn on logarithmic axes


def look(i: int) -> tuple[str, str]:
    """The colour and the marker of the i-th of several groups."""
    return COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]


def values(rows: Iterable[Row], name: str) -> np.ndarray:
    """A column in the unit of its axis."""
    return column(rows, name) * (100 if name == "test_accuracy" else 1)


def mean(rows: Iterable[Row], name: str) -> float:
    """The mean over seeds, geometric on logarithmic axes."""
    found = values(rows, name)
    if name in LINEAR or not (found > 0).all():
        return float(found.mean())
    return float(np.exp(np.log(found).mean()))


def series(
    axes: Axes, rows: Sequence[Row], of: tuple[str, str], *, label: str, look: tuple[str, str]
) -> None:
    """The models of a width, columns (x, y), and a line through their means by learning rate."""
    (x, y), (colour, marker) = of, look
    kept = included(rows)
    for fits, face in ((True, colour), (False, "white")):
        part = [row for row in kept if (row["accuracy"] == 1) == fits]
        axes.plot(
            values(part, x), values(part, y), marker, color=colour, markerfacecolor=face,
            markersize=4, alpha=0.45, zorder=2,
        )  # fmt: skip
    means = [
        (mean(models, x), mean(models, y)) for models in grouped(kept, ["learning_rate"]).values()
    ]
    axes.plot(
        *np.array(means).reshape(-1, 2).T, "-", marker=marker, color=colour, markersize=6.5,
        markeredgecolor="white", linewidth=1.6, label=label, zorder=3,
    )  # fmt: skip


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Labels, and logarithmic axes but for what is linear."""
    axes.set(xlabel=NAMES[x], ylabel=NAMES[y])
    if x == "step":
        axes.set_xscale("symlog", linthresh=1)  # for step 0
        axes.set_xlim(left=0)
    else:
        axes.set_xscale("linear" if x in LINEAR else "log")
    axes.set_yscale("linear" if y in LINEAR else "log")
    axes.grid(color=GREY, alpha=0.15, linewidth=0.6)


def tick(axes: Axes, rates: Iterable[float]) -> None:
    """Ticks at the learning rates and nowhere else."""
    axes.set_xticks(sorted(rates), [f"{h:g}" for h in sorted(rates)], fontsize=8)
    axes.minorticks_off()


def head(axes: Axes, title: str, found: Sequence[Trend], *, names: Sequence[str] = ()) -> None:
    """A title, and under it the rank correlation of the panel, or of each of its groups."""
    told = [f"{found[0]}, {found[0].seeds} seeds"]
    if len(found) > 1:
        told = [f"{each}, {name}" for each, name in zip(found, names, strict=True)]
    axes.set_title(title + "\n" * len(told), weight="bold")
    text = "\n".join(f"rank correlation {each}" for each in told)
    axes.text(0, 1.025, text, transform=axes.transAxes, fontsize=9, color="#555555")


def say_nothing_left(axes: Axes) -> None:
    axes.set(xscale="linear", yscale="linear", xticks=[], yticks=[])
    axes.text(
        0.5, 0.5, "every model is excluded", transform=axes.transAxes, ha="center", va="center"
    )


def colours_of_rates(rates: Iterable[float]) -> dict[float, Colour]:
    """A colour for each learning rate, from dark to light as they grow.

    Of a scale which colour-blind readers see as one of brightness: rates have an order, and there
    are more of them than colours that can be told apart.
    """
    from matplotlib import colormaps

    ordered = sorted(set(rates))
    places = np.linspace(0, 0.88, len(ordered)) if len(ordered) > 1 else [0.4]
    return {h: colormaps["viridis"](place) for h, place in zip(ordered, places, strict=True)}


def exclusions(rows: Iterable[Row], table: str) -> str:
    """How many models are excluded and why, in one line."""
    models = {tuple(row.get(name) for name in MODEL): row["excluded"] for row in rows}
    reasons = [reason for reason in models.values() if reason]
    if not reasons:
        return f"No model of {len(models)} is excluded."
    kinds = Counter(kind_of(reason) for reason in reasons)
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"Excluded: {len(reasons)} of {len(models)} models ({listed}); each one is in {table}."


def kind_of(reason: str) -> str:
    """A reason without the numbers that differ from model to model."""
    return reason.split(" at step ")[0].split(":")[0]


def foot(figure: Figure, *lines: str) -> None:
    """Notes under a figure."""
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=9, color="#555555")


def curves(
    png: Path, rows: Sequence[Row], shown: Sequence[tuple[str, str]], *, note: str, table: str
) -> None:
    """Panels (title, y) of learning curves by learning rate, in two rows."""
    rates = grouped(rows, ["learning_rate"])
    colours = colours_of_rates(h for (h,) in rates)
    columns = len(shown) // 2
    with drawing(png, size=(4.2 * columns + 0.4, 8)) as figure:
        for axes, (title, name) in zip(figure.subplots(2, columns).flat, shown, strict=True):
            for (h,), models in rates.items():
                curve(axes, models, name, colour=colours[h])
            name_axes(axes, "step", name)
            axes.set_title(title, weight="bold")
        figure.legend(
            *axes.get_legend_handles_labels(), loc="outside right upper", title="learning rate"
        )
        foot(figure, f"{note} {exclusions(rows, table)}")


def curve(axes: Axes, rows: Sequence[Row], name: str, *, colour: Colour) -> None:
    """The mean and the range over seeds, as long as none has diverged, and where it is compared."""
    seeds = {row["seed"] for row in rows}
    by_step = {
        step: found
        for (step,), found in grouped(rows, ["step"]).items()
        if len(found) == len(seeds) and len(values(found, name))
    }
    spread = [(values(found, name), mean(found, name)) for found in by_step.values()]
    middle = [average for _, average in spread]
    low, high = ([limit(each) for each, _ in spread] for limit in (min, max))
    label = f"$h$ = {rows[0]['learning_rate']:g}"
    axes.fill_between(list(by_step), low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(list(by_step), middle, color=colour, linewidth=1.6, label=label)
    compared = [row for row in rows if row["compared"]]
    axes.plot(
        values(compared, "step"), values(compared, name), "o", color=colour, markersize=5,
        markeredgecolor="white", zorder=3,
    )  # fmt: skip


def panels(
    png: Path,
    rows: Sequence[Row],
    shown: Sequence[tuple[str, str, str]],
    *,
    groups: Sequence[tuple[str, Sequence[Row]]],
    notes: Sequence[str],
) -> None:
    """Four panels (title, x, y) of some models by learning rate, each with its rank correlations.

    Every group of models has a name.
    """
    with drawing(png, size=(10.5, 8.2)) as figure:
        for axes, (title, x, y) in zip(figure.subplots(2, 2).flat, shown, strict=True):
            for i, (name, models) in enumerate(groups):
                if included(models):
                    each = ((BLUE, VERMILION)[i], MARKERS[i])
                    series(axes, models, (x, y), label=name, look=each)
            name_axes(axes, x, y)
            if x == "learning_rate":
                tick(axes, {row[x] for row in included(rows)})
            names, models = zip(*groups, strict=True)
            head(axes, title, [trend(each, correlation(x, y)) for each in models], names=names)
            if not included(rows):
                say_nothing_left(axes)
        if len(groups) > 1:
            figure.legend(
                *figure.axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2
            )
        foot(figure, *notes)
