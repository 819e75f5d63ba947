"""The figure, from the table alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from examples.paper.cifar10.local_error_of_resnet.report import limits
from examples.paper.cifar10.local_error_of_resnet.trainings import ACTIVATIONS
from examples.paper.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, drawing
from examples.paper.results import Row, read_table
from examples.paper.shares import percent, split_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, GREEN, ORANGE, VERMILION, PURPLE)
MARKERS = {"GELU": "o", "ReLU": "s"}
LOWEST = -1.0  # share drawn; lower ones stand on the edge as triangles, with their number
ASIDE = 0.13  # between the places of two learning rates at one epoch


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
    steps = sorted(split_by(rows, "step_size"))
    colours = dict(zip(steps, COLOURS, strict=False))
    with drawing(png, size=(10.5, 8.2)) as figure:
        grid = figure.subplots(2, 2)
        for axes, activation in zip(grid[0], ACTIVATIONS, strict=True):
            some = [row for row in rows if row["activation"] == activation]
            draw_by_epoch(axes, some, colours)
            seeds = len(split_by(some, "seed"))
            of = f", {seeds} seeds" if seeds > 1 else ""
            axes.set_title(f"{activation}: share of the local error{of}", weight="bold")
        draw_by_curvature(
            grid[1, 0],
            rows,
            colours,
            quantity="explained",
            settled="flow_settled",
            curve=on_a_quadratic,
        )
        grid[1, 0].set_title("the local error, by curvature", weight="bold")
        draw_by_curvature(
            grid[1, 1],
            rows,
            colours,
            quantity="explained_log_shift_6",
            settled="log_shift_settled",
            curve=shift_on_a_quadratic,
        )
        grid[1, 1].set_title(r"$d_6$, the log-shift estimate of $\tilde f - f$", weight="bold")
        looks = [("-", {"color": colours[h], "label": f"$h$ = {h:g}"}) for h in steps]
        looks += [(mark, {"color": GREY, "label": name}) for name, mark in MARKERS.items()]
        below = f"below {percent(LOWEST)}, with the number"
        looks += [
            ("v", {"color": GREY, "label": below}),
            ("o", {"color": GREY, "mfc": "none", "label": "not settled"}),
            ("--", {"color": BLACK, "label": "along an eigenvector"}),
        ]
        handles = [grid[1, 0].plot([], [], shape, **look)[0] for shape, look in looks]
        figure.legend(handles=handles, loc="outside lower center", ncols=4)


def face(rows: Sequence[Row], settled: str, colour: str) -> str:
    """Hollow marks for what is not settled in all of the rows."""
    return colour if all(row[settled] == "yes" for row in rows) else "none"


def draw_share(
    axes: Axes,
    x: float,
    share: float,
    mark: str,
    *,
    colour: str,
    face: str,
    least: float | None = None,
) -> None:
    """A share; where it is below the edge its number stands there, with the least of the seeds."""
    inside = share >= LOWEST
    axes.plot(x, max(share, LOWEST), mark if inside else "v", color=colour, mfc=face, zorder=3)
    if not inside:
        number = percent(share)
        if least is not None and percent(least) != number:
            number += f", least {percent(least)}"
        axes.annotate(
            number, (x, LOWEST), xytext=(2, 5), textcoords="offset points", color=colour,
            fontsize=8, ha="left", rotation=90,
        )  # fmt: skip


def draw_by_epoch(axes: Axes, rows: Sequence[Row], colours: dict[float, str]) -> None:
    """The share of the local error over the epochs, by learning rate: the median of the seeds.

    The bars are what all seeds, and the errors of integration, leave possible.
    """
    epochs = sorted(split_by(rows, "epoch"))
    by_step = split_by(rows, "step_size")
    for k, (h, of_step) in enumerate(by_step.items()):
        colour, aside = colours[h], ASIDE * (k - (len(by_step) - 1) / 2)
        places, medians = [], []
        for epoch, some in split_by(of_step, "epoch").items():
            x = epochs.index(epoch) + aside
            median = float(np.median([row["explained"] for row in some]))
            low, high = min(limits(row)[0] for row in some), max(limits(row)[1] for row in some)
            axes.plot([x, x], np.maximum([low, high], LOWEST), color=colour, linewidth=1)
            if low < LOWEST <= median:  # the bar goes on
                draw_share(axes, x, low, "v", colour=colour, face="none")
            filled = face(some, "flow_settled", colour)
            mark = MARKERS[some[0]["activation"]]
            draw_share(axes, x, median, mark, colour=colour, face=filled, least=low)
            places.append(x)
            medians.append(max(median, LOWEST))
        axes.plot(places, medians, color=colour, linewidth=1)
    axes.set_xticks(range(len(epochs)), [f"{epoch:g}" for epoch in epochs])
    axes.set(xlabel="epoch", ylabel="share explained by $f_1$")
    levels(axes)


def draw_by_curvature(
    axes: Axes,
    rows: Sequence[Row],
    colours: dict[float, str],
    *,
    quantity: str,
    settled: str,
    curve: Callable[[np.ndarray], np.ndarray],
) -> None:
    """A share over h·λ_max, and what it is along an eigenvector of that curvature."""
    for row in rows:
        colour = colours[row["step_size"]]
        filled, mark = face([row], settled, colour), MARKERS[row["activation"]]
        at = row["step_times_curvature"]
        draw_share(axes, at, row[quantity], mark, colour=colour, face=filled)
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
