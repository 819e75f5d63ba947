"""Figure A.6 of the paper: learning curves of residual networks on CIFAR-10 by learning rate.

Test accuracy, R_IG = |∇E|²/m, slope |∇E| and |θ| along plain SGD. A line is the mean over seeds,
geometric where the axis is logarithmic, a band reaches from the least seed to the largest, and the
points are where the test accuracy is highest. Where one seed diverges, the line of its learning
rate ends. ∇E is over the whole training set, in chunks that are each normalized by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.cifar10.coverage import PLAIN
from examples.paper.cifar10.tables import Tables, show
from examples.paper.curves import curves
from examples.paper.panels import exclusions
from examples.paper.results import Row, read_table
from examples.paper.tables import along, at_highest

NAME = "cifar10.figure_a6"
PANELS = (
    ("(a) Test accuracy", "test_accuracy"),
    ("(b) Regularizer", "regularizer"),
    ("(c) Slope", "slope"),
    ("(d) Size of the parameters", "norm"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model and measured step; one is marked, that of the highest test accuracy."""
    return along(tables.plain(), at_highest)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    points = f"Points: the highest test accuracy.{PLAIN.marks(rows)}"
    notes = (f"{PLAIN.told(rows, drawn=rows)} {points}", exclusions(rows, table.name))
    curves(png, rows, PANELS, notes=notes, grid=PLAIN)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
