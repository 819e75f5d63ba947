"""Figure A.4 of the paper: the models of Figure 2's compared width along the time T = ih.

A step of a large learning rate goes farther along the gradient flow than one of a small rate. So E,
R_IG, R_IG/E and the test accuracy are drawn against the physical time T = ih of the flow, with
mini-batches and, where there are such models, with the full batch, which has no noise of SGD. Two
more panels compare all models at the same T: at the last one that all reach, and at later ones, for
which only the larger learning rates are there. Common are times at which three or more rates are
measured up to 1 %. Models that do not fit their training data by then, which is not asked, are
drawn hollow; those that diverge at any time are not compared. Under the figure stands how often
R_IG rises with h at these times, over all widths and seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bea.streams import run_as_script
from examples.paper.common_times import along_with_common_times, at, times_of
from examples.paper.curves import draw_panel, only, rates
from examples.paper.drawing import drawing
from examples.paper.mnist.coverage import COMPARED
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import (
    HOLLOW,
    Colour,
    colours_of,
    foot,
    known,
    legend,
    look,
    name_axes,
    rising,
    say,
    series,
    subtitle,
    tick,
)
from examples.paper.results import Row, read_table
from examples.paper.tables import FULL

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

NAME = "mnist.figure_a4"
CURVES = (
    ("(a) Loss", "loss"),
    ("(b) Regularizer", "regularizer"),
    ("(c) Regularizer relative to E", "regularizer_over_loss"),
    ("(d) Test accuracy", "test_accuracy"),
)
COMPARISONS = (
    ("(e) Regularizer at the same T", "regularizer"),
    ("(f) Test accuracy at the same T", "test_accuracy"),
)
SHOWN = (*(y for _, y in CURVES), "common_time", "compared_width")
NO_TIME = "fewer than three learning rates are measured at the same T"


def make_table(tables: Tables) -> list[Row]:
    """A row per model and measured step of the compared width, with T where this is a common time.

    Of the other widths the rows at common times.
    """
    compared = tables.compared_width
    rows: list[Row] = []
    for full in (False, True):
        models = tables.models(full_batch=full)
        for width in sorted({model.width for model in models}):
            alike = [model for model in models if model.width == width]
            rows += [
                only({**row, "compared_width": compared}, "accuracy", *SHOWN)
                for row in along_with_common_times(alike)
                if width == compared or row["common_time"] is not None
            ]
    return rows


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    shown = [row for row in rows if row["width"] == row["compared_width"]]
    parts = [[row for row in shown if (row["batch"] == FULL) == full] for full in (False, True)]
    parts = [part for part in parts if part]
    colours = colours_of(rates(shown))
    with drawing(png, size=(13.4, 8 * len(parts) + 1)) as figure:
        subfigures = figure.subfigures(len(parts), 1, squeeze=False)[:, 0]
        for subfigure, part in zip(subfigures, parts, strict=True):
            subfigure.suptitle(batch_of(part), x=0.01, ha="left", weight="bold")
            draw_part(subfigure, part, colours)
        foot(figure, *notes(rows, parts))


def batch_of(rows: Sequence[Row]) -> str:
    """What a step is taken with."""
    first = rows[0]
    if first["batch"] == FULL:
        return f"Full batch of {first['examples']:,.0f} images"
    return f"Batches of {first['batch']:g}"


def draw_part(figure: SubFigure, rows: Sequence[Row], colours: dict[float, Colour]) -> None:
    """The panels of one batch size."""
    axes = list(figure.subplots(2, 3).flat)
    for each, (title, y) in zip(axes, CURVES, strict=False):
        draw_panel(each, title, rows, ("physical_time", y), colours=colours, grid=COMPARED)
    times = times_of(rows)
    by_time = colours_of(times, "plasma")
    for each, (title, y) in zip(axes[len(CURVES) :], COMPARISONS, strict=True):
        for i, (T, colour) in enumerate(by_time.items()):
            found = at(rows, T)
            label = f"$T$ = {T:,.5g}, {len(rates(found))} rates"
            series(each, found, ("learning_rate", y), label=label, look=(colour, look(i)[1]))
        name_axes(each, "learning_rate", y)
        subtitle(each, title)
        tick(each, rates(known(rows, "common_time")), COMPARED.name)
        if not times:
            say(each, NO_TIME)
    legend(figure, axes[:4], loc="outside right upper", title="learning rate")
    legend(figure, axes[4:], loc="outside right lower", title="time")


def notes(rows: Sequence[Row], parts: Sequence[Sequence[Row]]) -> list[str]:
    """What the figure is of, and how R_IG goes with h at the common times, over all widths."""
    said = [
        f"$n_l$ = {parts[0][0]['width']:g}. Points on curves: where Figure 2 compares the models. "
        f"{HOLLOW}{COMPARED.marks([row for part in parts for row in part])}"
    ]
    for part in parts:
        batch = part[0]["batch"]
        alike = [row for row in rows if row["batch"] == batch]
        counts = {T: rising(at(alike, T), *CELL) for T in times_of(part)}
        told = ", ".join(f"at T = {T:,.5g} in {count}" for T, count in counts.items() if count.of)
        said.append(f"{batch_of(part)}: {COMPARED.told(part, drawn=part)}{diverged(part)}")
        if told:
            said.append(f"R_IG rises with h (rank correlation ρ > 0), by width and seed: {told}.")
    if not any(row["batch"] == FULL for row in rows):
        said.append("No model was trained with the full batch.")
    return said


def diverged(rows: Sequence[Row]) -> str:
    """How many models are not compared at the same T."""
    models = {(row["learning_rate"], row["seed"]): row["diverged_at"] for row in rows}
    lost = sum(at is not None for at in models.values())
    return f" Not compared at the same T: {lost} of {len(models)} models, diverged." if lost else ""


CELL = ("learning_rate", "regularizer", ("width", "seed"))


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
