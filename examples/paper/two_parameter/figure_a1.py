"""Figure A.1 of the paper: gradient descent from point I at a small and a large learning rate.

At h_S = 1e-3 gradient descent follows the flow of E to the near branch of the hyperbola ab = y/x.
At h_L = 0.18 the modified equation no longer describes it: h_L times the largest eigenvalue of the
Hessian is 5.3 at the start, the first step carries (a, b) across both branches, and the descent
ends on the other one and farther from the origin than with h_S. The bias towards small norms
belongs to moderate learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from bea.models.two_parameter import POINT_I, gradient, loss
from bea.streams import run_as_script
from examples.paper.drawing import BLACK, BLUE, GREY, VERMILION, drawing
from examples.paper.results import Row, make_and_draw, read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "two_parameter.figure_a1"
CONVERGED = 1e-12  # a descent ends where the slope |∇E| falls below this


def make_table() -> list[Row]:
    """Every iterate of gradient descent from point I, with h_S and then with h_L."""
    assert POINT_I.h_L is not None
    return descend(POINT_I.start, POINT_I.h_S) + descend(POINT_I.start, POINT_I.h_L)


def descend(theta: tuple[float, float], h: float) -> list[Row]:
    rows: list[Row] = []
    slope = math.inf
    while slope > CONVERGED:
        a, b = theta
        rows.append(
            {
                "step_size": h,
                "step": len(rows),
                "a": a,
                "b": b,
                "loss": loss(theta),
                "norm": math.hypot(a, b),
            }
        )
        gradient_a, gradient_b = gradient(theta)
        slope = math.hypot(gradient_a, gradient_b)
        theta = (a - h * gradient_a, b - h * gradient_b)
    return rows


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the table alone."""
    descents = [list(rows) for _, rows in groupby(read_table(table), lambda row: row["step_size"])]
    small, large = sorted(descents, key=lambda rows: rows[0]["step_size"])
    looks = (
        (small, "$h_S$", {"color": BLUE, "linewidth": 1.8}),
        (large, "$h_L$", {"color": VERMILION, "linewidth": 1, "marker": "o", "markersize": 5}),
    )
    with drawing(png, size=(11, 5.2)) as figure:
        plane, norms = figure.subplots(1, 2, width_ratios=(1, 1.1))
        draw_minima(plane, small[-1]["a"] * small[-1]["b"])  # the ratio y/x: the end is a minimum
        for rows, name, look in looks:
            a, b = [row["a"] for row in rows], [row["b"] for row in rows]
            label = f"gradient descent, {name} = {rows[0]['step_size']:g}"
            plane.plot(a, b, **look, label=label)
            plane.plot(a[-1], b[-1], "o", color=look["color"], markersize=8)

            norm = [row["norm"] for row in rows]
            # 1 + step, so that the start has a place on the logarithmic axis
            norms.plot(range(1, len(rows) + 1), norm, **look)
            norms.plot(len(rows), norm[-1], "o", color=look["color"], markersize=8)
            norms.annotate(
                f"{norm[-1]:.3f} after\n{len(rows) - 1} steps",
                (len(rows), norm[-1]),
                xytext=(0, -12),
                textcoords="offset points",
                ha="center",
                va="top",
                color=look["color"],
            )
        for row, offset in zip(large[:3], ((7, -4), (-14, -4), (-3, 8)), strict=False):
            plane.annotate(
                f"{row['step']:.0f}",
                (row["a"], row["b"]),
                xytext=offset,
                textcoords="offset points",
                color=VERMILION,
            )
        plane.set_title("A large step crosses to the other branch")
        least = math.sqrt(2 * abs(small[-1]["a"] * small[-1]["b"]))
        norms.axhline(least, color=GREY, linewidth=1, linestyle="--")
        norms.annotate(
            f"least possible at a minimum: {least:.3f}",
            (1, least),
            xytext=(0, -15),
            textcoords="offset points",
            color="#666666",
        )
        norms.set(
            xscale="log", xlabel="1 + step", ylabel=r"$|\theta|$", ylim=(0, 4.8), xlim=(0.7, 2e4)
        )
        norms.set_title("and ends farther from the origin")
        figure.legend(*plane.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def draw_minima(plane: Axes, ratio: float) -> None:
    """Both branches of ab = ratio, with the minimum of least norm on each."""
    limit = 4
    a = [ratio / limit * (limit**2 / ratio) ** (i / 200) for i in range(201)]
    for sign in (1, -1):
        plane.plot(
            [sign * value for value in a],
            [sign * ratio / value for value in a],
            color=GREY,
            alpha=0.3,
            linewidth=6,
            solid_capstyle="round",
            label="minima, $ab = y/x$" if sign == 1 else None,
        )
        plane.plot(
            sign * math.sqrt(ratio),
            sign * math.sqrt(ratio),
            "*",
            color=BLACK,
            markersize=12,
            label="least-norm minima" if sign == 1 else None,
        )
    plane.set(
        xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel="$a$", ylabel="$b$"
    )


def main(argv: Sequence[str] | None = None) -> None:
    make_and_draw(argv, NAME, __doc__, make_table=make_table, draw=draw)


if __name__ == "__main__":
    run_as_script(main)
