"""Learning curves by learning rate, along steps or along the physical time T = ih."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from examples.paper.coverage import Grid
from examples.paper.drawing import drawing
from examples.paper.panels import (
    Colour,
    colours_of,
    empty,
    foot,
    known,
    legend,
    mean,
    name_axes,
    say,
    subtitle,
    values,
)
from examples.paper.results import Row
from examples.paper.tables import MODEL, grouped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = ("device", "compared", "excluded", "diverged_at")
ABSENT = {
    "test_loss": "the loss of the test set was not recorded",
    "test_regularizer": "$R_{IG}$ of the test set was not recorded",
    "test_regularizer_over_loss": "$R_{IG}$ of the test set was not recorded",
}


def curves(
    png: Path,
    rows: Sequence[Row],
    shown: Sequence[tuple[str, str]],
    *,
    notes: Sequence[str],
    grid: Grid,
    x: str = "step",
) -> None:
    """Panels (title, y) of learning curves, in two rows."""
    columns = len(shown) // 2
    with drawing(png, size=(4.2 * columns + 0.4, 8)) as figure:
        for axes, (title, y) in zip(figure.subplots(2, columns).flat, shown, strict=True):
            draw_panel(axes, title, rows, (x, y), colours=colours_of(rates(rows)), grid=grid)
        legend(figure, figure.axes, loc="outside right upper", title="learning rate")
        foot(figure, *notes)


def only(row: Row, *names: str) -> Row:
    """What a curve's table has of a row: the model, where it is on its way, and these columns."""
    return {name: row[name] for name in (*MODEL, "step", "physical_time", *names, *MARKS)}


def rates(rows: Sequence[Row]) -> list[float]:
    """The learning rates."""
    return sorted({row["learning_rate"] for row in rows})


def draw_panel(
    axes: Axes,
    title: str,
    rows: Sequence[Row],
    of: tuple[str, str],
    *,
    colours: dict[float, Colour],
    grid: Grid,
) -> None:
    """A curve for every learning rate, or what is missing."""
    for (h,), models in grouped(rows, ["learning_rate"]).items():
        curve(axes, models, of, label=f"$h$ = {grid.name(h)}", colour=colours[h])
    name_axes(axes, *of)
    subtitle(axes, title)
    if empty(axes):
        absent = of[1] in ABSENT and not known(rows, of[1])
        say(axes, ABSENT[of[1]] if absent else "no model has a measurement here")


def curve(
    axes: Axes,
    rows: Sequence[Row],
    of: tuple[str, str],
    *,
    label: str,
    colour: str | Colour,
    style: str = "-",
) -> None:
    """The mean and the range over seeds, as long as none has diverged, and where it is compared."""
    x, y = of
    seeds = {row["seed"] for row in rows}
    told = [row for row in known(rows, x, y) if x == "step" or row[x] > 0]
    alike = [found for found in grouped(told, ["step"]).values() if len(found) == len(seeds)]
    if not alike:
        return
    places = [mean(found, x) for found in alike]
    low, high = ([limit(values(found, y)) for found in alike] for limit in (min, max))
    axes.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(
        places, [mean(found, y) for found in alike], style, color=colour, linewidth=1.6,
        label=label,
    )  # fmt: skip
    compared = [row for row in told if row.get("compared")]
    axes.plot(
        values(compared, x), values(compared, y), "o", color=colour, markersize=5,
        markeredgecolor="white", zorder=3,
    )  # fmt: skip
