"""Figure A.3 of the paper: learning curves of the MLPs on MNIST, of the test set.

The loss E and R_IG = |∇E|²/m of the test set, R_IG relative to that E, and the test accuracy of the
models of the compared width along their steps: Figure A.2 with test images in the place of training
images. Lines, bands and points are as there. A table that was made before R_IG of the test set was
recorded has no curves of it, and its panels say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.curves import curves, only
from examples.paper.mnist.coverage import COMPARED
from examples.paper.mnist.figure_a2 import notes
from examples.paper.mnist.tables import Tables, show
from examples.paper.results import Row, read_table
from examples.paper.tables import along, at_best

NAME = "mnist.figure_a3"
PANELS = (
    ("(a) Loss of the test set", "test_loss"),
    ("(b) Regularizer of the test set", "test_regularizer"),
    ("(c) $R_{IG}$/loss of the test set", "test_regularizer_over_loss"),
    ("(d) Test accuracy", "test_accuracy"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model and measured step; one is marked as the one where the model is compared."""
    return [
        only({**row, "test_regularizer_over_loss": relative(row)}, *(y for _, y in PANELS))
        for row in along(tables.models(tables.compared_width), at_best)
    ]


def relative(row: Row) -> float | None:
    """R_IG/E of the test set."""
    regularizer, loss = row["test_regularizer"], row["test_loss"]
    return regularizer / loss if regularizer is not None and loss else None


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    curves(png, rows, PANELS, notes=notes(rows, table.name), grid=COMPARED)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
