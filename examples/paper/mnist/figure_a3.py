"""Figure A.3 of the paper: learning curves of the MLPs on MNIST by learning rate.

Test accuracy, loss, R_IG = |∇E|²/m, R_IG/E, slope and |θ| of the models of the compared width along
their training. A line is the mean over seeds, geometric where the axis is logarithmic, a band
reaches from the least seed to the largest, and the points are where Figure 2 compares the models.
Where one seed diverges, the line of its learning rate ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import curves
from examples.paper.results import Row, read_table
from examples.paper.tables import along, at_best

NAME = "mnist.figure_a3"
PANELS = (
    ("(a) Test accuracy", "test_accuracy"),
    ("(b) Loss", "loss"),
    ("(c) Regularizer", "regularizer"),
    ("(d) Regularizer relative to E", "regularizer_over_loss"),
    ("(e) Slope", "slope"),
    ("(f) Size of the parameters", "norm"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model and measured step; one is marked as the one where the model is compared.

    The column "excluded" says why Figure 2 does not compare a model. Its curve is drawn all the
    same.
    """
    return along(tables.models(tables.compared_width), at_best)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    note = f"$n_l$ = {rows[0]['width']:g}. Points: where Figure 2 compares the models."
    curves(png, rows, PANELS, note=note, table=table.name)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
