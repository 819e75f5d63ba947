"""Figure A.5 of the paper: learning rates, widths and batches, and whether |θ| explains it all.

All at the time of the highest test accuracy with all of the training set fitted. (a) R_IG and (b)
test accuracy against h and (c) test error against R_IG, of the compared width with several batch
sizes, up to full-batch descent, of which the paper's theory is; (d) R_IG and (e) test accuracy
against the width by learning rate, and (f) test error against R_IG of all widths, with batches of
32; (g) |θ| against h and (h) test accuracy against |θ|, and (i) R_IG against the batch size. The
regularizer might act through the size of the parameters, as L2 regularization does: if it did, |θ|
would fall in (g) and the accuracy with |θ| in (h). Full-batch descent has learning rates of its
own, that it may come to fit its examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bea.streams import run_as_script
from examples.paper.curves import rates
from examples.paper.drawing import drawing
from examples.paper.mnist.coverage import ALL, COMPARED
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import (
    Look,
    colours_of,
    empty,
    exclusions,
    foot,
    head,
    known,
    legend,
    look,
    name_axes,
    panel,
    rising,
    say,
    say_nothing_left,
    series,
    subtitle,
    tick,
)
from examples.paper.results import Row, read_table
from examples.paper.tables import FULL, at_best, grouped, included, select
from examples.paper.trends import correlation, trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "mnist.figure_a5"
BY_BATCH = (
    ("(a) Regularizer against h", "learning_rate", "regularizer"),
    ("(b) Test accuracy against h", "learning_rate", "test_accuracy"),
    ("(c) Test error against $R_{IG}$", "regularizer", "test_error"),
)
BY_WIDTH = (
    ("(d) Regularizer against width", "width", "regularizer"),
    ("(e) Test accuracy against width", "width", "test_accuracy"),
)
OF_WIDTHS = ("(f) Test error against $R_{IG}$, all widths", "regularizer", "test_error")
SIZES = (
    (r"(g) $|\theta|$ against h", "learning_rate", "norm"),
    (r"(h) Test accuracy against $|\theta|$", "norm", "test_accuracy"),
)
BATCHES = ("(i) Regularizer against batch size", "batch_size", "regularizer")


def make_table(tables: Tables) -> list[Row]:
    """A row per model: of the compared width with every batch, and of all widths with 32."""
    compared = tables.compared_width
    models = [
        model
        for model in tables.all_models
        if not model.mu and (model.width == compared or model.batch == tables.batch)
    ]
    models.sort(key=lambda model: size_of(model.batch, model.examples))  # stable
    return [
        {
            **row,
            "batch_size": size_of(row["batch"], row["examples"]),
            "test_error": None if row["test_accuracy"] is None else 1 - row["test_accuracy"],
            "compared_width": compared,
            "compared_batch": tables.batch,
        }
        for row in select(models, at_best)
    ]


def size_of(batch: str, examples: int) -> int:
    """How many examples a step is taken with."""
    return examples if batch == FULL else int(batch)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    shown = [row for row in rows if row["width"] == row["compared_width"]]
    sgd = [row for row in rows if row["batch"] == row["compared_batch"]]
    groups = [(name_of(models), models) for models in grouped(shown, ["batch_size"]).values()]
    looks = {h: (c, look(i)[1]) for i, (h, c) in enumerate(colours_of(rates(rows)).items())}
    with drawing(png, size=(14, 14.5)) as figure:
        batches, widths, sizes = figure.subfigures(3, 1, squeeze=False)[:, 0]
        axes = batches.subplots(1, 3)
        for each, (title, x, y) in zip(axes, BY_BATCH, strict=True):
            panel(each, title, (x, y), groups, grid=COMPARED)
        legend(batches, axes, loc="outside right upper", title="(a–c)")
        axes = widths.subplots(1, 3)
        for each, (title, x, y) in zip(axes, BY_WIDTH, strict=False):
            by_rate(each, title, (x, y), sgd, looks)
        of_widths(axes[-1], sgd)
        legend(widths, axes[:-1], loc="outside right upper", title="(d, e)")
        legend(widths, axes[-1:], loc="outside right lower", title="(f)")
        axes = sizes.subplots(1, 3)
        for each, (title, x, y) in zip(axes, SIZES, strict=False):
            panel(each, title, (x, y), groups, grid=COMPARED)
        title, x, y = BATCHES
        by_rate(axes[-1], title, (x, y), shown, looks)
        legend(sizes, axes[:-1], loc="outside right upper", title="(g, h)")
        legend(sizes, axes[-1:], loc="outside right lower", title="(i)")
        foot(figure, *notes(rows, groups, table.name))


def notes(
    rows: Sequence[Row], groups: Sequence[tuple[str, Sequence[Row]]], table: str
) -> list[str]:
    """From how many models the panels are drawn."""
    first = rows[0]
    sgd = [row for row in rows if row["batch"] == first["compared_batch"]]
    said = [
        f"(a–c, g–i): $n_l$ = {first['compared_width']:g}. "
        "ρ: rank correlation, mean over seeds and its 95 % interval. "
        f"Models that are excluded are in {table}.{COMPARED.marks(included(rows))}"
    ]
    if sgd:
        said.append(f"(d–f): batches of {first['compared_batch']:g}, {ALL.told(sgd)}")
    for name, models in groups:
        told = f"{COMPARED.told(models)} {exclusions(models)}"
        said.append(f"{name[0].upper()}{name[1:]}: {told}")
    return said


def name_of(rows: Sequence[Row]) -> str:
    """Of a batch size."""
    batch, size = rows[0]["batch"], rows[0]["batch_size"]
    return f"full batch of {size:,.0f}" if batch == FULL else f"batches of {batch:g}"


def by_rate(
    axes: Axes,
    title: str,
    of: tuple[str, str],
    rows: Sequence[Row],
    looks: Mapping[float, Look],
) -> None:
    """A line for every learning rate, where there are two places for it."""
    x, y = of
    kept = known(included(rows), x, y)
    for h, shown in looks.items():
        models = [row for row in kept if row["learning_rate"] == h]
        if len({row[x] for row in models}) > 1:
            series(axes, models, of, label=f"$h$ = {COMPARED.name(h)}", look=shown, by=x)
    name_axes(axes, x, y)
    count = rising(rows, x, y, ("learning_rate", "seed"))
    places = "widths" if x == "width" else "batch sizes"
    told = f"by h and seed: rises in {count}" if count.of else f"no h has three {places}"
    subtitle(axes, title, told)
    tick(axes, (row[x] for row in kept), "{:,.0f}".format)
    if empty(axes):
        say(axes, f"no h is compared at two {places}")


def of_widths(axes: Axes, rows: Sequence[Row]) -> None:
    """Test error against R_IG of every width."""
    title, x, y = OF_WIDTHS
    for i, ((width,), models) in enumerate(grouped(rows, ["width"]).items()):
        series(axes, models, (x, y), label=f"$n_l$ = {width:g}", look=look(i))
    name_axes(axes, x, y)
    head(axes, title, [trend(rows, correlation(x, y))])
    if not included(rows):
        say_nothing_left(axes)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
