"""Figures 3a and 3b of the paper: slope and test accuracy of MLPs on MNIST under noise, by h.

The models of the compared width, where their test accuracy is highest with all of the training set
fitted, are perturbed: θ_p = θ(1 + η), η ~ N(0, σ²) for every parameter. (a) the slope |∇E| and (b)
the test accuracy at θ_p against σ, medians and quartiles over draws and seeds. Predictions 2.2 and
2.4 are that a larger h gives the smaller slope and the higher accuracy. The noise of a seed is the
same for all learning rates. The slope is over the first training images, as many as the profile
says (`Profile.perturbed_examples`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bea.streams import run_as_script
from examples.paper.drawing import drawing
from examples.paper.mnist.coverage import COMPARED
from examples.paper.mnist.tables import Tables, draws_by, show, under_noise
from examples.paper.panels import (
    Colour,
    colours_of,
    exclusions,
    foot,
    head,
    name_axes,
    say,
    say_nothing_left,
)
from examples.paper.results import Row, read_table
from examples.paper.tables import column, included
from examples.paper.trends import correlation, trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "mnist.figure_3"
QUARTILES = {"lower": 0.25, "median": 0.5, "upper": 0.75}
PANELS = (("(a) Slope under noise", "slope"), ("(b) Test accuracy under noise", "test_accuracy"))


def make_table(tables: Tables) -> list[Row]:
    """A row per h and σ with the quartiles, then a row per model with its means over σ > 0.

    The rows of models, which have a seed, are what the rank correlations are of, or say why a model
    is excluded.
    """
    models = tables.models(tables.compared_width)
    if not models:
        return []
    first = models[0]
    same = {"width": first.width, "batch": first.batch, "examples": first.examples}
    empty = dict.fromkeys((*QUARTILES, "mean"))
    rows: list[Row] = []
    for (h, sigma), draws in draws_by(tables, ("learning_rate", "sigma")).items():
        row = {**same, "seed": None, "learning_rate": h}
        row |= {"sigma": sigma, "draws": len(draws)}
        for _, name in PANELS:
            row |= {f"{name}_{what}": quantile(draws, name, q) for what, q in QUARTILES.items()}
            row[f"{name}_mean"] = None
        rows.append({**row, "device": None, "excluded": None})
    for model in under_noise(tables):
        row = {**same, "seed": model["seed"], "learning_rate": model["learning_rate"]}
        row |= {"sigma": None, "draws": None}
        for _, name in PANELS:
            row |= {f"{name}_{what}": value for what, value in empty.items()}
            row[f"{name}_mean"] = model[f"noisy_{name}"]
        rows.append({**row, "device": model["device"], "excluded": model["excluded"]})
    return rows


def quantile(draws: Sequence[Row], name: str, q: float) -> float:
    return float(np.quantile(column(draws, name), q))


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    models = [row for row in rows if row["seed"] is not None]
    curves = [row for row in rows if row["seed"] is None]
    perturbed = [row for row in models if row["slope_mean"] is not None]
    colours = colours_of(row["learning_rate"] for row in rows)
    with drawing(png, size=(11.5, 5)) as figure:
        for axes, (title, name) in zip(figure.subplots(1, 2), PANELS, strict=True):
            for h, colour in colours.items():
                at_h = [row for row in curves if row["learning_rate"] == h]
                draw_curve(axes, at_h, name, colour=colour)
            name_axes(axes, "sigma", name)
            head(axes, title, [trend(models, correlation("learning_rate", f"{name}_mean"))])
            if not included(models):
                say_nothing_left(axes)
            elif not curves:
                say(axes, "no model was perturbed")
        figure.legend(
            *axes.get_legend_handles_labels(), loc="outside right upper", title="learning rate"
        )
        foot(
            figure,
            f"$n_l$ = {rows[0]['width']:g}. Lines: medians over draws and seeds; bands: quartiles. "
            "Rank correlations: of $h$ and the mean over all σ > 0.",
            COMPARED.told(models, drawn=perturbed) + COMPARED.marks(perturbed),
            exclusions(models, table.name),
        )


def draw_curve(axes: Axes, rows: Sequence[Row], name: str, *, colour: Colour) -> None:
    """Median and quartiles against σ, for one learning rate."""
    if not rows:
        return
    scale = 100 if name == "test_accuracy" else 1
    sigma = [row["sigma"] for row in rows]
    lower, median, upper = (
        scale * np.array([row[f"{name}_{what}"] for row in rows]) for what in QUARTILES
    )
    label = f"$h$ = {COMPARED.name(rows[0]['learning_rate'])}"
    axes.fill_between(sigma, lower, upper, color=colour, alpha=0.13, linewidth=0)
    axes.plot(sigma, median, "o-", color=colour, markersize=4.5, linewidth=1.6, label=label)


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
