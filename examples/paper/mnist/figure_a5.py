"""Figure A.5 of the paper: full-batch gradient descent, and whether |θ| is what it is all about.

The paper's theory is of the full batch, its experiments of batches of 32. So the compared width is
trained by full-batch descent as well, on fewer examples and with learning rates of its own, that it
may come to fit them: (a) R_IG and (b) test accuracy against h. And the regularizer might act
through the size of the parameters, as L2 regularization does: (c) |θ| against h and (d) test
accuracy against |θ|. If it did, |θ| would fall in (c) and the accuracy with |θ| in (d). All at the
time of the highest test accuracy with all of the training set fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import exclusions, panels
from examples.paper.results import Row, read_table
from examples.paper.tables import FULL, at_best, select

NAME = "mnist.figure_a5"
PANELS = (
    ("(a) Regularizer against h", "learning_rate", "regularizer"),
    ("(b) Test accuracy against h", "learning_rate", "test_accuracy"),
    (r"(c) $|\theta|$ against h", "learning_rate", "norm"),
    (r"(d) Test accuracy against $|\theta|$", "norm", "test_accuracy"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model of the compared width, those of the full batch last."""
    width = tables.compared_width
    models = [*tables.models(width), *tables.models(width, full_batch=True)]
    return select(models, at_best)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    full = [row for row in rows if row["batch"] == FULL]
    rest = [row for row in rows if row["batch"] != FULL]
    groups = [(f"batches of {rest[0]['batch']:g}", rest), ("full batch", full)]
    notes = (
        f"$n_l$ = {rows[0]['width']:g}. Batches of {rest[0]['batch']:g}: "
        f"{exclusions(rest, table.name)}",
        f"Full batch of {full[0]['examples']:,.0f}: {exclusions(full, table.name)}",
    )
    panels(png, rows, PANELS, groups=groups, notes=notes)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
