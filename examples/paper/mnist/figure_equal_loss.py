"""Does a larger h have a smaller R_IG, or only a smaller E? Not a figure of the paper.

At the times of Figure 2, larger learning rates have come to a smaller loss E as well, and |∇E|²
falls as E does. So (a) with batches of 32, of all widths, and (b) with the full batch, |∇E|² is
drawn against E, coloured by h: what follows one line whatever h is, is E alone. The exponents are
those of |∇E|² = a E^b h^c by least squares, with a constant a of its own for every width and seed.
(c) R_IG against h where the models of a width and seed first come to one and the same E, the
smallest that all of them reach: what h does beyond E (`examples/paper/comparisons.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bea.streams import run_as_script
from examples.paper.comparisons import EQUAL_E, FITTED, Comparison, compare
from examples.paper.curves import rates
from examples.paper.drawing import drawing
from examples.paper.inference import Design, Stratum, exponent_test
from examples.paper.mnist.coverage import ALL, COMPARED
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import (
    HOLLOW,
    Colour,
    colours_of,
    exclusions,
    foot,
    known,
    legend,
    look,
    name_axes,
    rising,
    say,
    say_nothing_left,
    series,
    subtitle,
    tick,
    values,
)
from examples.paper.results import Row, read_table
from examples.paper.tables import FULL, MEASURED, MODEL, at_best, grouped, included, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "mnist.figure_equal_loss"
BEST = "best"
TITLES = (
    "(a) $|\\nabla E|^2$ against E",
    "(b) $|\\nabla E|^2$ against E, full batch",
    "(c) Regularizer at equal E",
)
STRATA = ("width", "seed")
FEW = Design(resamples=99)  # of the test, which is not shown here


def make_table(tables: Tables) -> list[Row]:
    """Two rows per model of SGD, at its best time and at equal E, and one of the full batch."""
    plain, full = tables.models(), tables.models(full_batch=True)
    equal = compare(plain, Comparison(EQUAL_E, STRATA, FITTED))
    columns = (*MODEL, *MEASURED, "device", "excluded")
    rows: list[Row] = [
        {"at": at, **{name: row.get(name) for name in columns}}
        for at, found in ((BEST, select([*plain, *full], at_best)), (EQUAL_E, equal))
        for row in found
    ]
    return [{**row, "squared_slope": squared(row["slope"])} for row in rows]


def squared(slope: float | None) -> float | None:
    return None if slope is None else slope**2


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    best = [row for row in rows if row["at"] == BEST]
    full = [row for row in best if row["batch"] == FULL]
    plain = [row for row in best if row["batch"] != FULL]
    equal = [row for row in rows if row["at"] == EQUAL_E]
    colours = colours_of(rates(included(best)))
    with drawing(png, size=(14.5, 5.6)) as figure:
        axes = figure.subplots(1, 3)
        for each, title, part in zip(axes, TITLES, (plain, full), strict=False):
            against_loss(each, title, part, colours)
        at_equal_loss(axes[2], equal)
        order = [label_of(h) for h in colours]
        legend(figure, axes, order=order, loc="outside right upper", fontsize=9)
        foot(figure, *notes(plain, full, table.name))


def against_loss(
    axes: Axes, title: str, rows: Sequence[Row], colours: Mapping[float, Colour]
) -> None:
    """A point for every model, with the colour of its h and the marker of its width."""
    widths = sorted({row["width"] for row in rows})
    for (h, width), models in grouped(included(rows), ["learning_rate", "width"]).items():
        axes.plot(
            values(models, "loss"), values(models, "squared_slope"), look(widths.index(width))[1],
            color=colours[h], markersize=6, alpha=0.85, label=label_of(h),
        )  # fmt: skip
    name_axes(axes, "loss", "squared_slope")
    subtitle(axes, title, *([exponents(rows)] if included(rows) else []))
    if not rows:
        say(axes, "no such model was trained")
    elif not included(rows):
        say_nothing_left(axes)


def label_of(h: float) -> str:
    return f"$h$ = {COMPARED.name(h)}"


def exponents(rows: Sequence[Row]) -> str:
    """The exponents of |∇E|² = a E^b h^c, with the standard error of c."""
    strata = [
        Stratum.of(int(seed), [(r["learning_rate"], r["squared_slope"], r["loss"]) for r in models])
        for (_, seed), models in grouped(known(included(rows), "loss"), STRATA).items()
    ]
    found = exponent_test(strata, FEW)
    if found is None:
        return "too few models for exponents"
    return f"exponent of $h$ {found.value:.2f}, {found.remark}".replace("-", "−").replace(
        "of the covariate", "of $E$"
    )


def at_equal_loss(axes: Axes, rows: Sequence[Row]) -> None:
    """R_IG against h, by width."""
    for i, ((width,), models) in enumerate(grouped(rows, ["width"]).items()):
        label = f"$n_l$ = {width:g}"
        series(axes, models, ("learning_rate", "regularizer"), label=label, look=look(i))
    name_axes(axes, "learning_rate", "regularizer")
    count = rising(rows, "learning_rate", "regularizer", STRATA)
    subtitle(axes, TITLES[2], f"by width and seed: rises with h in {count}")
    tick(axes, rates(included(rows)), COMPARED.name)
    if not included(rows):
        say_nothing_left(axes)


def notes(plain: Sequence[Row], full: Sequence[Row], table: str) -> list[str]:
    """From how many models the panels are drawn."""
    marks = COMPARED.marks(included([*plain, *full]))
    said = [
        f"Markers in (a): widths, as in (c). {HOLLOW} R² is within widths and seeds. "
        f"Models that are excluded are in {table}.{marks}"
    ]
    if plain:
        batch = plain[0]["batch"]
        said.append(f"Batches of {batch:g}: {ALL.told(plain)} {exclusions(plain)}")
    if full:
        said.append(f"Full batch: {COMPARED.told(full)} {exclusions(full)}")
    return said


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
