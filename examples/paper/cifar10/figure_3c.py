"""Figure 3c of the paper: what explicit gradient regularization adds to the test accuracy.

Residual networks on CIFAR-10, trained by SGD on E + μ|∇E|² (8) with a small learning rate h, each
at its highest test accuracy: (a) test accuracy, (b) what it gains over μ = 0 with the same seed and
h, mean and 95 % interval over seeds, and (c) R_IG, against μ. Crosses in (a) and (c) are plain SGD
with larger learning rates h', drawn at μ = (h' − h)/4, where explicit and implicit regularization
together are as strong as theirs; what they differ in besides is how far they come in so many steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bea.streams import run_as_script
from examples.paper.cifar10.coverage import PLAIN
from examples.paper.cifar10.tables import Tables, gains, show
from examples.paper.drawing import GREY, drawing
from examples.paper.panels import NAMES, exclusions, foot, look, mean, values
from examples.paper.results import Row, read_table
from examples.paper.tables import at_highest, grouped, included, select
from examples.paper.trends import Trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "cifar10.figure_3c"


def make_table(tables: Tables) -> list[Row]:
    """A row per model: those of the regularized learning rates with their gain, then the others."""
    regularized = gains(tables)
    rates = {row["learning_rate"] for row in regularized}
    others = [model for model in tables.plain() if model.learning_rate not in rates]
    return [*regularized, *({**row, "gain": None} for row in select(others, at_highest))]


def draw(table: Path, png: Path) -> None:
    """Draw the figure from its table alone."""
    rows = read_table(table)
    rates = sorted({row["learning_rate"] for row in rows if row["mu"]})
    regularized = [row for row in rows if row["learning_rate"] in rates]
    others = [row for row in included(rows) if row["learning_rate"] > min(rates, default=0)]
    others = [row for row in others if row["learning_rate"] not in rates]
    strengths = [row["mu"] for row in rows if row["mu"]] or [1.0]
    least, most = min(strengths), max(strengths)
    with drawing(png, size=(14, 5)) as figure:
        accuracy, gain, regularizer = figure.subplots(1, 3)
        for axes, name in ((accuracy, "test_accuracy"), (regularizer, "regularizer")):
            draw_by_mu(axes, regularized, name)
            draw_plain(axes, others, name, h=min(rates, default=0))
        draw_gain(gain, regularized)
        titles = ("(a) Test accuracy", r"(b) Gained over $\mu$ = 0", "(c) Regularizer")
        for axes, title in zip((accuracy, gain, regularizer), titles, strict=True):
            axes.set_title(title, weight="bold")
            axes.set_xscale("symlog", linthresh=least)
            axes.set_xlim(-least / 4, 1.7 * most)
            axes.set_xlabel(r"$\mu$ of $E + \mu|\nabla E|^2$")
            axes.grid(color=GREY, alpha=0.15, linewidth=0.6)
        regularizer.set_yscale("log")
        figure.legend(*accuracy.get_legend_handles_labels(), loc="outside right upper")
        foot(figure, told(rows), exclusions(rows, table.name))


def told(rows: Sequence[Row]) -> str:
    """From how many models it is drawn; which μ the paper has, it does not say."""
    mus = {row["mu"] for row in included(rows) if row["mu"]}
    plain = [row for row in rows if not row["mu"]]
    beside = PLAIN.told(plain) if plain else "no plain SGD."
    return f"{len(mus)} values of μ > 0; plain SGD: {beside}"


def draw_by_mu(axes: Axes, rows: Sequence[Row], name: str) -> None:
    """Seeds as faint points, a line through their means."""
    for i, ((h,), models) in enumerate(grouped(included(rows), ["learning_rate"]).items()):
        by_mu, (colour, marker) = grouped(models, ["mu"]), look(i)
        axes.plot(values(models, "mu"), values(models, name), marker, color=colour,
                  markersize=4, alpha=0.45)  # fmt: skip
        axes.plot(
            [mu for (mu,) in by_mu], [mean(each, name) for each in by_mu.values()], "-",
            marker=marker, color=colour, label=f"$h$ = {h:g}",
        )  # fmt: skip
    axes.set_ylabel(NAMES[name])


def draw_plain(axes: Axes, rows: Sequence[Row], name: str, *, h: float) -> None:
    """Plain SGD with learning rates h' > h, at the μ that would make up for the difference."""
    for i, ((larger,), models) in enumerate(grouped(rows, ["learning_rate"]).items()):
        label = "plain SGD with $h'$,\nat $\\mu = (h' - h)/4$" if i == 0 else None
        place = (larger - h) / 4
        axes.plot(place, mean(models, name), "x", color=GREY, label=label)
        axes.annotate(f"{larger:g}", (place, mean(models, name)), xytext=(3, 4),
                      textcoords="offset points", fontsize=8, color=GREY)  # fmt: skip


def draw_gain(axes: Axes, rows: Sequence[Row]) -> None:
    """The mean over seeds and its interval."""
    known = [row for row in rows if row["gain"] is not None]
    for i, (_, models) in enumerate(grouped(known, ["learning_rate"]).items()):
        found = {
            mu: Trend.mean([(row["gain"], 1) for row in each])
            for (mu,), each in grouped(models, ["mu"]).items()
        }
        middle = np.array([each.value for each in found.values()], float)
        bounds = np.array([(each.low, each.high) for each in found.values()], float).T
        errors = np.nan_to_num(abs(bounds - middle))  # no bar where there is no interval
        colour, marker = look(i)
        axes.errorbar(list(found), middle, errors, fmt=f"-{marker}", color=colour, capsize=3)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_ylabel("points of test accuracy")


def main(argv: Sequence[str] | None = None) -> None:
    show(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
