"""The models of Figure 2's compared width, all at one and the same step; not a figure of the paper.

That the models of Figure 2 are compared each at its own best time might favour some learning rate.
Here all of them are compared after the same number of steps i, the largest at which all models that
do not diverge are measured: the right end of the curves of Figure A.2. Whether they fit their
training data by then is not asked; those that do not are drawn hollow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.mnist.coverage import COMPARED
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import HOLLOW, exclusions, panels
from examples.paper.results import Row, read_table
from examples.paper.tables import at_step, included, last_common_step, select

NAME = "mnist.figure_equal_step"
PANELS = (
    ("(a) Regularizer against h", "learning_rate", "regularizer"),
    ("(b) Regularizer relative to E", "learning_rate", "regularizer_over_loss"),
    ("(c) Test accuracy against h", "learning_rate", "test_accuracy"),
    ("(d) Test accuracy against $R_{IG}$", "regularizer", "test_accuracy"),
)


def make_table(tables: Tables, step: int | None = None) -> list[Row]:
    """A row per model of the compared width: what it is at the step, or why it is not there."""
    models = tables.models(tables.compared_width)
    return select(models, at_step(last_common_step(models) if step is None else step))


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    steps = sorted({row["step"] for row in included(rows)})
    where = f"at step {', '.join(f'{step:,.0f}' for step in steps)}" if steps else "nowhere"
    width = f"$n_l$ = {rows[0]['width']:g}"
    notes = (
        f"{width}, all models {where}. {HOLLOW}",
        COMPARED.told(rows) + COMPARED.marks(included(rows)),
        exclusions(rows, table.name),
    )
    panels(png, rows, PANELS, groups=[(width, rows)], notes=notes, grid=COMPARED)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
