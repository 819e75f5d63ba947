"""Figure 1b of the paper: what the learning rate does to the minimum that gradient descent reaches.

Gradient descent from point I of Table A.1, for learning rates from 1e-3 until it diverges; at
convergence R_IG/E, in its closed form (a² + b²) x² since E itself vanishes there, and |θ|. As the
paper says, the ratio falls as h grows, but only up to h = 0.109, where it reaches 6/5, the least
that any minimum has. At this turn the descent changes to the other branch of ab = y/x, and the
ratio rises again. Towards h = 0.2114 the end depends on h ever more wildly; from there on gradient
descent diverges.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bea.models.two_parameter import DATA, POINT_I, gradient
from bea.streams import run_as_script
from examples.paper.drawing import BLACK, BLUE, GREY, VERMILION, drawing
from examples.paper.results import Row, make_and_draw, read_table

NAME = "two_parameter.figure_1b"
# Finer towards the end, where a small change of h changes much.
STEP_SIZES = np.concatenate([np.arange(5, 1000) / 5000, np.arange(4000, 4401) / 20000])
CONVERGED = 1e-12  # a descent ends where the slope |∇E| falls below this
DIVERGED = 1e6  # … or where |θ| exceeds this, from where there is no way back


def make_table() -> list[Row]:
    """Where gradient descent from point I ends, for every learning rate, all at once."""
    theta: Any = np.outer(POINT_I.start, np.ones_like(STEP_SIZES))
    running = np.ones(STEP_SIZES.shape, dtype=bool)
    while running.any():
        slopes = np.array(gradient(theta))
        theta = theta - running * STEP_SIZES * slopes
        running &= (np.hypot(*slopes) > CONVERGED) & (np.hypot(*theta) < DIVERGED)

    x, y = map(float, DATA)
    rows: list[Row] = []
    for h, (a, b) in zip(STEP_SIZES.tolist(), theta.T.tolist(), strict=True):
        norm = float(np.hypot(a, b))
        converged = norm < DIVERGED
        rows.append(
            {
                "step_size": h,
                "outcome": "converged" if converged else "diverged",
                "a": a if converged else None,
                "b": b if converged else None,
                "norm": norm if converged else None,
                "regularizer_over_loss": norm**2 * x**2 if converged else None,
                "least_regularizer_over_loss": 2 * abs(x * y),
                "least_norm": (2 * abs(y / x)) ** 0.5,
            }
        )
    return rows


def turn_of(converged: Sequence[Row]) -> Row:
    """The learning rate up to which the ratio R_IG/E falls."""
    return next(
        row
        for row, after in pairwise(converged)
        if after["regularizer_over_loss"] > row["regularizer_over_loss"]
    )


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the table alone."""
    rows = read_table(table)
    converged = [row for row in rows if row["outcome"] == "converged"]
    first_diverged = next(row["step_size"] for row in rows if row["outcome"] == "diverged")
    turn = turn_of(converged)
    branches = (
        ("ends on the branch $a, b > 0$", BLUE, [row for row in converged if row["a"] > 0]),
        ("ends on the branch $a, b < 0$", VERMILION, [row for row in converged if row["a"] < 0]),
    )
    with drawing(png, size=(11, 4.7)) as figure:
        panels = figure.subplots(1, 2)
        for axes, column, name in (
            (panels[0], "regularizer_over_loss", "$R_{IG}/E$"),
            (panels[1], "norm", r"$|\theta|$"),
        ):
            for label, colour, ends in branches:
                axes.plot(
                    [row["step_size"] for row in ends],
                    [row[column] for row in ends],
                    ".",
                    color=colour,
                    markersize=3.5,
                    label=label,
                )
            highest = max(row[column] for row in converged)
            least = rows[0][f"least_{column}"]
            axes.set(xlim=(0, rows[-1]["step_size"]), ylim=(0, 1.05 * highest))
            axes.set(xlabel="learning rate $h$", title=f"{name} at convergence")
            axes.axhline(least, color=GREY, linewidth=1, linestyle="--", zorder=0)
            axes.annotate(
                f"least possible: {least:.2f}",
                (0, least),
                xytext=(6, -13),
                textcoords="offset points",
                color="#666666",
            )
            axes.annotate(
                f"the turn: {name} = {turn[column]:.2f} at $h$ = {turn['step_size']:.3f}",
                (turn["step_size"], turn[column]),
                xytext=(0, -42),
                textcoords="offset points",
                ha="center",
                arrowprops={"arrowstyle": "-|>", "color": BLACK, "shrinkB": 4},
            )
            axes.axvspan(first_diverged, rows[-1]["step_size"], color=GREY, alpha=0.25, linewidth=0)
            axes.text(
                (first_diverged + rows[-1]["step_size"]) / 2,
                0.5 * highest,
                f"diverges from $h$ = {first_diverged:.4f}",
                ha="center",
                va="center",
                rotation=90,
                color=BLACK,
                fontsize=9.5,
            )
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=2,
            markerscale=4,
            handletextpad=0.2,
        )


def main(argv: Sequence[str] | None = None) -> None:
    make_and_draw(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
