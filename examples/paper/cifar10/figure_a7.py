"""Figure A.7 of the paper: residual networks on CIFAR-10, each at its highest test accuracy.

(a) R_IG, (b) slope and (c) test accuracy against the learning rate h, and (d) test accuracy against
R_IG, of plain SGD. Predictions 2.1 to 2.3 are that (a), (b) and (d) fall and (c) rises.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.cifar10.coverage import PLAIN
from examples.paper.cifar10.tables import Tables, show
from examples.paper.panels import HOLLOW, exclusions, panels
from examples.paper.results import Row, read_table
from examples.paper.tables import at_highest, included, select

NAME = "cifar10.figure_a7"
PANELS = (
    ("(a) Regularizer against h", "learning_rate", "regularizer"),
    ("(b) Slope against h", "learning_rate", "slope"),
    ("(c) Test accuracy against h", "learning_rate", "test_accuracy"),
    ("(d) Test accuracy against $R_{IG}$", "regularizer", "test_accuracy"),
)


def make_table(tables: Tables) -> list[Row]:
    """A row per model of plain SGD: what it is at its best, or why it is excluded."""
    return select(tables.plain(), at_highest)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    shown = f"{rows[0]['examples']:,.0f} training images"
    told = f"{PLAIN.told(rows)} {HOLLOW}{PLAIN.marks(included(rows))}"
    notes = (told, exclusions(rows, table.name))
    panels(png, rows, PANELS, groups=[(shown, rows)], notes=notes, grid=PLAIN)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
