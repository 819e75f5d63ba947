"""The figure, from the tables alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from examples.paper.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, drawing
from examples.paper.networks.theorem_3_1.cases import (
    DEFAULT,
    ORDER,
    Case,
    cases_of,
    columns_of,
    orders_of,
)
from examples.paper.results import Row, read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


COLUMNS = 3
COLOURS = (ORANGE, BLUE, GREEN, VERMILION)
LABELS = (
    r"$p = 0$, gradient flow: $h^2$",
    r"$p = 1$, modified flow of Theorem 3.1: $h^3$",
    r"$p = 2$: $h^4$",
    r"$p = 3$: $h^5$",
)
TITLES = (
    "Smooth networks: every order of the flow gains a power of $h$",
    "ReLU: across kinks no order gains a power of $h$; below the first kink all of them do",
)


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the tables alone."""
    points, orders = cases_of(read_table(table)), cases_of(read_table(orders_of(table)))
    groups: tuple[dict[Case, list[Case]], ...] = ({}, {})
    for case in points:  # what is below the first kink joins what is above it
        above = replace(case, step_sizes=DEFAULT)
        panels = groups[case.has_kinks]
        panels.setdefault(above if above in points else case, []).append(case)
    columns = min(COLUMNS, max(map(len, groups)))
    rows = [-(-len(group) // columns) for group in groups]
    heights = [3.1 * rows[0] + 0.4, 4.0 * rows[1] + 0.4]
    with drawing(png, size=(max(8.5, 4.6 * columns), sum(heights) + 0.7)) as figure:
        parts: Any = figure.subfigures(2, 1, height_ratios=heights, hspace=0.03)
        for kinked, (part, title, panels) in enumerate(zip(parts, TITLES, groups, strict=True)):
            part.suptitle(title, weight="bold", x=0.01, ha="left", fontsize=13)
            ratios = (1, 0.25) if kinked else (1,)
            grid = part.add_gridspec(
                len(ratios) * rows[kinked], columns, height_ratios=ratios * rows[kinked]
            )
            for i, cases in enumerate(panels.values()):
                row, column = len(ratios) * (i // columns), i % columns
                axes = lowest = part.add_subplot(grid[row, column])
                shown = [row for case in cases for row in points[case]]
                shown.sort(key=lambda row: row["step_size"])
                draw_errors(axes, shown)
                described = "; ".join(describe(orders[case]) for case in cases)
                axes.set_title(f"{cases[0]}\n{described}", fontsize=10)
                if kinked:
                    lowest = part.add_subplot(grid[row + 1, column], sharex=axes)
                    draw_kinks(axes, lowest, [row for row in shown if row["order"] == ORDER])
                lowest.set_xlabel("step size $h$")
                if column == 0:
                    axes.set_ylabel(r"error $|\theta_1 - \tilde\theta(h)|$")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, columns + 1))


def describe(orders: Sequence[Row]) -> str:
    """What a panel shows, in a few words."""
    slopes = [row["slope_across_kinks"] for row in orders]
    if None in slopes:
        return "orders " + ", ".join(f"{row['measured_order'] or 0:.2f}" for row in orders)
    low, high = (f"$h^{{{slope:.1f}}}$" for slope in (min(slopes), max(slopes)))
    return f"across kinks all like {low if low == high else f'{low} to {high}'}"


def draw_errors(axes: Axes, rows: Sequence[Row]) -> None:
    """Errors and their leading terms, and the floor under them."""
    from matplotlib.ticker import LogLocator, NullLocator

    for p, colour in enumerate(COLOURS):
        line = [row for row in rows if row["order"] == p]
        h, errors, terms, floors = columns_of(line, "step_size", "error", "leading_term", "floor")
        size = 7 - 1.4 * p  # where they coincide, all of them are seen
        axes.plot(h, terms, "--", color=colour, linewidth=0.8, zorder=1)
        axes.plot(h, errors, "o", color=colour, markersize=size, label=LABELS[p])
        unused = columns_of([r for r in line if r["usable"] == "no"], "step_size", "error")
        axes.plot(*unused, "o", color="white", markersize=size - 1.5)
        for free in (False, True):  # no line from where kinks are crossed to where none is
            part = [row for row in line if (row["kinks_crossed"] == 0) == free]
            axes.plot(*columns_of(part, "step_size", "error"), color=colour, linewidth=1.2)
    bottom = min(floors) / 3
    axes.fill_between(h, floors, bottom, color=GREY, alpha=0.35, linewidth=0, label="round-off")
    axes.plot([], [], "--", color=GREY, linewidth=0.8, label=r"$|f_{p+1}(\theta_0)|\,h^{p+2}$")
    axes.set(xscale="log", yscale="log", xlim=(h[0] / 1.4, h[-1] * 1.4))
    axes.set_ylim(bottom, 5 * max(row["error"] for row in rows))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())


def draw_kinks(axes: Axes, strip: Axes, rows: Sequence[Row]) -> None:
    """How many kinks each step crosses, the errors they leave, and the h that cross none."""
    crossed = [row for row in rows if row["kinks_crossed"]]
    h, kinks, errors = (
        np.array([row[name] for row in crossed]) for name in ("step_size", "kinks_crossed", "error")
    )
    strip.bar(h, kinks, width=0.25 * h, color=GREY)
    for x, n in zip(h, kinks, strict=True):
        strip.annotate(
            f"{n:,.0f}", (x, n), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    label = r"$c\,h\sqrt{n}$, $n$ kinks crossed"
    c = np.median(errors / (h * np.sqrt(kinks))) if len(h) else 0
    axes.plot(h, c * h * np.sqrt(kinks), ":", color=BLACK, linewidth=1.2, zorder=3, label=label)
    strip.set(yscale="log", ylim=(0.5, 12 * max(kinks, default=1)), ylabel="kinks\ncrossed")
    strip.yaxis.minorticks_off()
    axes.tick_params(labelbottom=False)
    left, right = axes.get_xlim()
    free = [row["step_size"] for row in rows if not row["kinks_crossed"]]
    if free:
        edge = (max(free) * h[0]) ** 0.5 if len(h) else right
        for each in (axes, strip):
            each.axvspan(left, edge, color=BLUE, alpha=0.08, linewidth=0)
        strip.text((left * edge) ** 0.5, 0.8, "none", ha="center", fontsize=8.5)
    if not len(h):
        strip.set_yticks([])
    axes.set_xlim(left, right)
