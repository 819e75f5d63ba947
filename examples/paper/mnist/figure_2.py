"""Figure 2 of the paper: learning rate, size, regularizer and test accuracy of the MLPs on MNIST.

For every width n_l and learning rate h, at the time of the highest test accuracy among those at
which all of the training set is classified as labelled: (a) R_IG = |∇E|²/m against λ = hm/4, (b)
test accuracy against λ, (c) test accuracy against R_IG. Predictions 2.1 and 2.3 are that (a) falls,
(b) rises and (c) falls. Beside each panel stands Spearman's rank correlation over all widths, its
mean over seeds and the 95 % interval of that; by width they are in claims.csv (`mnist.claims`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.drawing import drawing
from examples.paper.mnist.coverage import ALL
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import (
    exclusions,
    foot,
    head,
    look,
    name_axes,
    say_nothing_left,
    series,
)
from examples.paper.results import Row, read_table
from examples.paper.tables import at_best, grouped, included, select
from examples.paper.trends import correlation, trend

NAME = "mnist.figure_2"
PANELS = (
    ("(a) Regularizer against λ", "regularization_rate", "regularizer"),
    ("(b) Test accuracy against λ", "regularization_rate", "test_accuracy"),
    ("(c) Test accuracy against $R_{IG}$", "regularizer", "test_accuracy"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model of the mini-batch runs: where it is compared, or why it is not."""
    return select(tables.models(), at_best)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    with drawing(png, size=(14, 5)) as figure:
        for axes, (title, x, y) in zip(figure.subplots(1, 3), PANELS, strict=True):
            for i, ((width,), models) in enumerate(grouped(rows, ["width"]).items()):
                series(axes, models, (x, y), label=f"$n_l$ = {width:g}", look=look(i))
            name_axes(axes, x, y)
            head(axes, title, [trend(rows, correlation(x, y))])
            if not included(rows):
                say_nothing_left(axes)
        figure.legend(
            *axes.get_legend_handles_labels(), loc="outside right upper", title="hidden units"
        )
        foot(figure, ALL.told(rows), exclusions(rows, table.name))


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
