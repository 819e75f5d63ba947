"""An intervention, not in the paper: a small h with μ = (h' − h)/4 beside h and h' themselves.

Implicit regularization adds (h/4)|∇E|² to E. So SGD with a small h on E + μ|∇E|², μ = (h' − h)/4,
adds explicitly what a larger h' has beyond h, and nothing else of h'. For every width that has such
models: (a) R_IG and (b) test accuracy along the physical time T = ih of h (black), of h' (lines)
and of h with μ (dashed, in the colour of its h'). (c) R_IG over that of h, at the times at which
both are measured. (d) The same models at one T, the last that all of them reach: how far R_IG is
from that of h, with μ (up) and with h' (along), in decades. On the diagonal μ does all that h'
does, on the level line nothing. The share is the slope of a line through the origin and the points
of a seed, its mean over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bea.streams import run_as_script
from examples.paper.comparisons import EQUAL_T, EVERY_MODEL, NEAR, Comparison, compare
from examples.paper.coverage import counted
from examples.paper.curves import curve, only
from examples.paper.drawing import BLACK, GREY, drawing
from examples.paper.mnist.coverage import ALL, COMPARED
from examples.paper.mnist.tables import Tables, show
from examples.paper.panels import (
    Colour,
    colours_of,
    foot,
    known,
    legend,
    look,
    name_axes,
    say,
    subtitle,
)
from examples.paper.results import Row, read_table
from examples.paper.tables import MODEL, along, at_best, grouped, included

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "mnist.figure_intervention"
CURVES = (("(a) Regularizer", "regularizer"), ("(b) Test accuracy", "test_accuracy"))
RELATIVE = "(c) Regularizer relative to that of h"
AT_EQUAL_TIME = "(d) Regularizer at the same T"
NONE = "no model with μ > 0 is in the table"


def make_table(tables: Tables) -> list[Row]:
    """A row per model and measured step of the widths with μ > 0; one is marked, at equal T.

    Column "equals" has h + 4μ. Without such models those of the compared width, all of them plain.
    """
    widths = {model.width for model in tables.regularized() if model.mu}
    models = [model for model in tables.intervened() if model.width in widths]
    models = models or tables.models(tables.compared_width)
    equal = {
        key_of(row): row.get("step")
        for row in compare(models, Comparison(EQUAL_T, ("width", "seed"), EVERY_MODEL))
    }
    return [
        {
            **only(row, "regularizer", "test_accuracy"),
            "equals": equals(row),
            "compared": "here" if row["step"] == equal[key_of(row)] else None,
            "excluded": diverged(row),
        }
        for row in along(models, at_best)
    ]


def key_of(row: Row) -> tuple[float | str, ...]:
    return tuple(row[name] for name in MODEL)


def equals(row: Row) -> float:
    """What h' is of the same strength: h + 4μ."""
    return float(f"{row['learning_rate'] + 4 * row['mu']:.9g}")


def diverged(row: Row) -> str | None:
    """Why a model is not compared, if it is not."""
    at = row["diverged_at"]
    return None if at is None else f"diverged at step {at:.0f}"


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    small = {row["learning_rate"] for row in rows if row["mu"]}
    mimicked = sorted({row["equals"] for row in rows} - small)
    colours = {h: look(i)[0] for i, h in enumerate(mimicked)}
    if not small:
        colours = dict(colours_of(mimicked))
    widths = grouped(rows, ["width"])
    with drawing(png, size=(11.5, 8 * len(widths) + 0.8)) as figure:
        subfigures = figure.subfigures(len(widths), 1, squeeze=False)[:, 0]
        for subfigure, ((width,), models) in zip(subfigures, widths.items(), strict=True):
            subfigure.suptitle(f"$n_l$ = {width:g}", x=0.01, ha="left")
            axes = list(subfigure.subplots(2, 2).flat)
            for each, (title, y) in zip(axes, CURVES, strict=False):
                for key, alike in grouped(models, ("equals", "learning_rate", "mu")).items():
                    draw_curve(each, alike, key, y, colours)
                name_axes(each, "physical_time", y)
                subtitle(each, title)
            relative_to_small(axes[2], models, colours)
            at_equal_time(axes[3], models, colours)
            legend(subfigure, axes[:1], loc="outside right upper")
        foot(figure, *notes(rows, table.name))


def draw_curve(
    axes: Axes,
    rows: Sequence[Row],
    key: Sequence[float],
    y: str,
    colours: Mapping[float, str | Colour],
) -> None:
    """The curve of models with one h and μ."""
    equal, h, mu = key
    label = f"$h$ = {COMPARED.name(h)}" + f", $\\mu$ = {mu:g}" * bool(mu)
    style, colour = "--" if mu else "-", colours.get(equal, BLACK)
    curve(axes, rows, ("physical_time", y), label=label, colour=colour, style=style)


def relative_to_small(
    axes: Axes, rows: Sequence[Row], colours: Mapping[float, str | Colour]
) -> None:
    """R_IG of h' (lines) and of h with μ (dashed) over that of h, wherever both are measured."""
    subtitle(axes, RELATIVE)
    for (equal, _, mu), models in grouped(rows, ("equals", "learning_rate", "mu")).items():
        ratios = [row for model in grouped(models, ["seed"]).values() for row in over(model, rows)]
        if equal not in colours or not ratios:
            continue
        curve(
            axes, ratios, ("physical_time", "regularizer"), label="", colour=colours[equal],
            style="--" if mu else "-",
        )  # fmt: skip
    name_axes(axes, "physical_time", "regularizer")
    axes.set_ylabel("$R_{IG}$ over that of $h$")
    if any(row["mu"] for row in rows):
        axes.axhline(1, color=BLACK, linewidth=1.2)
    else:
        say(axes, NONE)


def over(model: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """The rows of a model with R_IG over that of h and μ = 0 of its seed, where T is the same."""
    small = {row["learning_rate"] for row in rows if row["mu"]}
    alike = (row for row in rows if row["seed"] == model[0]["seed"] and not row["mu"])
    plain = [row for row in alike if row["learning_rate"] in small and row["physical_time"]]
    found: list[Row] = []
    for row in model:
        T = row["physical_time"]
        nearest = min(plain, key=lambda other: abs(other["physical_time"] - T), default=None)
        if T and nearest and abs(nearest["physical_time"] / T - 1) <= NEAR:
            ratio = row["regularizer"] / nearest["regularizer"]
            found.append({**row, "regularizer": ratio, "compared": None})
    return found


def at_equal_time(axes: Axes, rows: Sequence[Row], colours: Mapping[float, str | Colour]) -> None:
    """A point for every seed and h': how far R_IG is from that of h, with μ and with h'."""
    found = pairs(rows)
    for i, (equal, points) in enumerate(found.items()):
        marker = look(i)[1]
        _, x, y = np.array(points).T
        axes.plot(x, y, marker, color=colours[equal], label=f"$h'$ = {COMPARED.name(equal)}")
    if not found:
        subtitle(axes, AT_EQUAL_TIME)
        mu = any(row["mu"] for row in rows)
        say(axes, "h, h' and h with μ are not all at one T" if mu else NONE)
        return
    ends = np.array([0, *(value for points in found.values() for _, *xy in points for value in xy)])
    low, high = ends.min(), ends.max()
    for share, name in ((1, "all of $h'$"), (0.5, "half"), (0, "nothing of $h'$")):
        line = np.array([low, high])
        axes.plot(line, share * line, color=GREY, linewidth=0.9, linestyle="-" if share else ":")
        axes.annotate(
            name, (line[np.argmax(abs(line))], share * line[np.argmax(abs(line))]), fontsize=8,
            color="#555555", xytext=(4, 4), textcoords="offset points",
        )  # fmt: skip
    axes.set(
        xlabel="$R_{IG}$ of $h'$ over that of $h$ (decades)",
        ylabel=r"$R_{IG}$ of $h$ with $\mu$ over that of $h$ (decades)",
    )
    axes.grid(color=GREY, alpha=0.15, linewidth=0.6)
    shares = list(shares_of(found).values())
    told = f"share {np.mean(shares):.2f}, {counted(len(shares), 'seed')}" if shares else "no share"
    subtitle(axes, AT_EQUAL_TIME, told)
    axes.legend(fontsize=8)


def pairs(rows: Sequence[Row]) -> dict[float, list[tuple[float, float, float]]]:
    """Of every h' (seed, log₁₀ of R_IG of h' over that of h, the same of h with μ), at equal T."""
    here = known([row for row in included(rows) if row["compared"]], "regularizer")
    found: dict[float, list[tuple[float, float, float]]] = {}
    for (seed,), models in grouped(here, ["seed"]).items():
        at = {(row["learning_rate"], row["mu"]): row["regularizer"] for row in models}
        for (h, mu), regularizer in at.items():
            equal = equals({"learning_rate": h, "mu": mu})
            if mu and (h, 0) in at and (equal, 0) in at:
                x, y = (float(np.log10(R / at[h, 0])) for R in (at[equal, 0], regularizer))
                found.setdefault(equal, []).append((seed, x, y))
    return {equal: found[equal] for equal in sorted(found)}


def shares_of(found: Mapping[float, Sequence[tuple[float, float, float]]]) -> dict[float, float]:
    """Seed ↦ Σxy/Σx² over its h', where R_IG of h' and of h differ."""
    points = [point for alike in found.values() for point in alike]
    shares: dict[float, float] = {}
    for seed in sorted({point[0] for point in points}):
        x, y = np.array([point[1:] for point in points if point[0] == seed]).T
        if x.any():
            shares[seed] = float(x @ y / (x @ x))
    return shares


def notes(rows: Sequence[Row], table: str) -> list[str]:
    """What the figure is of."""
    at = sorted({f"{row['physical_time']:,.5g}" for row in rows if row["compared"]})
    times = f", {' or '.join(at)}" * bool(at)
    where = f"Points: the last T that all models of a width and seed reach{times}."
    said = [f"{where} {counted_models(rows)}{COMPARED.marks(rows)}"]
    lost = {key_of(row) for row in rows if row["excluded"]}
    if lost:
        models = counted(len(lost), "model")
        said.append(f"Diverged, and not compared: {models}; each one is in {table}.")
    return said


def counted_models(rows: Sequence[Row]) -> str:
    """From how many models it is drawn; those with μ > 0 are not the paper's."""
    plain = [row for row in rows if not row["mu"]]
    regularized = {key_of(row) for row in rows if row["mu"]}
    if not regularized:
        return f"{ALL.told(plain, drawn=plain)} {NONE[0].upper()}{NONE[1:]}."
    told = f"{counted(len(regularized), 'model')} with μ > 0, not of the paper, beside"
    return f"{told} {ALL.told(plain, drawn=plain)}" if plain else f"{told} none."


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
