"""Figure A.4 of the paper: the models of Figure 2's compared width, all at one time T = ih.

A step of a large learning rate goes farther along the gradient flow than one of a small rate. Here
all models are compared after the same time T = ih of the flow, the largest that all models that do
not diverge have reached: the last measurement of each up to T. Where the schedule has no step at
T/h this is earlier than T, by the factor that is written under the figure. Models that do not fit
their training data by then, which is not asked, are drawn hollow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.mnist.figure_a2 import PANELS
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import HOLLOW, exclusions, panels
from examples.paper.results import Row, read_table
from examples.paper.tables import at_time, column, last_common_time, select

NAME = "mnist.figure_a4"


def make_table(tables: Tables, time: float | None = None) -> list[Row]:
    """A row per model of the compared width: what it is at the time, or why it is not there."""
    models = tables.models(tables.compared_width)
    return select(models, at_time(last_common_time(models) if time is None else time))


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    width = f"$n_l$ = {rows[0]['width']:g}"
    notes = (f"{width}, {times(rows)} {HOLLOW}", exclusions(rows, table.name))
    panels(png, rows, PANELS, groups=[(width, rows)], notes=notes)


def times(rows: Sequence[Row]) -> str:
    """At which times the models were measured."""
    found = column(rows, "physical_time")
    if not len(found):
        return "no model has been measured."
    first, last = min(found), max(found)
    if last / first < 1.005:
        return f"all models at T = {last:.4g}."
    return f"models at T = {first:.4g} to {last:.4g}: up to a factor of {last / first:.3g} earlier."


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
