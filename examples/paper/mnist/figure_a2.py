"""Figure A.2 of the paper: learning curves of the MLPs on MNIST, of their training data.

The loss E, R_IG = |∇E|²/m, what the modified loss adds to E relative to E, λR_IG/E, and R_IG/E, the
training accuracy, and, not in the paper, |θ|, of the models of the compared width along their
steps. A line is the mean over seeds, geometric where the axis is logarithmic, a band reaches from
the least seed to the largest, and the points are where Figure 2 compares the models. Where one seed
diverges, the line of its learning rate ends. Figure A.3 has the same of the test set, Figure A.4
along the physical time; all models at one step are in `figure_equal_step.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.curves import curves, only
from examples.paper.mnist.coverage import COMPARED
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import exclusions
from examples.paper.results import Row, read_table
from examples.paper.tables import along, at_best

NAME = "mnist.figure_a2"
PANELS = (
    ("(a) Loss", "loss"),
    ("(b) Regularizer", "regularizer"),
    (r"(c) $\lambda R_{IG}$ relative to E", "regularization_over_loss"),
    ("(d) Regularizer relative to E", "regularizer_over_loss"),
    ("(e) Training accuracy", "accuracy"),
    ("(f) Size of the parameters", "norm"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model and measured step; one is marked as the one where the model is compared.

    The column "excluded" says why Figure 2 does not compare a model. Its curve is drawn all the
    same.
    """
    return [
        only({**row, "regularization_over_loss": relative(row)}, *(y for _, y in PANELS))
        for row in along(tables.models(tables.compared_width), at_best)
    ]


def relative(row: Row) -> float | None:
    """λR_IG/E."""
    ratio = row["regularizer_over_loss"]
    return None if ratio is None else row["regularization_rate"] * ratio


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    curves(png, rows, PANELS, notes=notes(rows, table.name), grid=COMPARED)


def notes(rows: Sequence[Row], table: str) -> list[str]:
    """What is under the curves of one width."""
    points = "Points: where Figure 2 compares the models, if it does."
    return [
        f"$n_l$ = {rows[0]['width']:g}. {points} {COMPARED.told(rows, drawn=rows)}"
        + COMPARED.marks(rows),
        exclusions(rows, table),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
