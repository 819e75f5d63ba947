"""The figure, from the tables alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from examples.paper.commands import identity
from examples.paper.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, drawing
from examples.paper.mnist.departure_from_gradient_flow import NAME
from examples.paper.mnist.departure_from_gradient_flow.measurement import (
    DESCENT,
    GRADIENT_FLOW,
    HALF,
    HALF_BACK,
    UNSTABLE,
)
from examples.paper.mnist.departure_from_gradient_flow.report import spread, values
from examples.paper.results import Row, read_table
from examples.paper.shares import extent, split_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE_BY_SIDE = 1.06  # the ratio of the places of two marks

LOOKS = {
    GRADIENT_FLOW: (ORANGE, "-", "o", "gradient flow"),
    "order 1": (BLUE, "-", "o", "order 1, Theorem 3.1"),
    "order 2": (GREEN, "-", "o", "order 2"),
    "order 3": (VERMILION, "-", "o", "order 3"),
    "log-shift 2": (BLUE, ":", "s", "log-shift, $K = 2$"),
    "log-shift 4": (VERMILION, ":", "s", "log-shift, $K = 4$"),
    HALF_BACK: (PURPLE, ":", "D", "half a step back"),
}


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the tables alone."""
    rows, tracks = split_by(read_table(table), "activation"), read_table(tracks_of(table))
    columns = max(len(split_by(of_activation, "window")) for of_activation in rows.values())
    with drawing(png, size=(max(9, 4.6 * columns), 7.4 * len(rows) + 0.8)) as figure:
        parts = figure.subfigures(len(rows), 1, hspace=0.04, squeeze=False)[:, 0]
        for part, (activation, of_activation) in zip(parts, rows.items(), strict=True):
            part.suptitle(finding(activation, of_activation), weight="bold", x=0.01, ha="left")
            grid = part.subplots(2, columns, squeeze=False, height_ratios=(1.25, 1))
            shares, ratios = grid
            for axes in shares[1:]:
                axes.sharey(shares[0])
                axes.tick_params(labelleft=False)
            left = [1 - row["explained"] for row in of_activation if row["explained"] is not None]
            shares[0].set(yscale="log", ylim=(min(left, default=1) / 4, 8 * max(left, default=1)))
            for i, (window, of_window) in enumerate(split_by(of_activation, "window").items()):
                draw_shares(shares[i], of_window)
                shown = largest_explained(of_window)
                along = [
                    row
                    for row in tracks
                    if (row["activation"], row["window"]) == (activation, window)
                    and (row["seed"], row["step_size"]) == (shown["seed"], shown["step_size"])
                ]
                draw_ratio(ratios[i], shown, along)
            shares[0].set_ylabel(
                r"share left, $|\theta_{GD} - \theta_p|\,/\,|\theta_{GD} - \theta_0|$"
            )
        handles, labels = shares[0].get_legend_handles_labels()
        more, names = ratios[0].get_legend_handles_labels()
        figure.legend([more[0], *handles], [names[0], *labels], loc="outside lower center", ncols=4)


def finding(activation: str, rows: Sequence[Row]) -> str:
    """What is found with an activation, in two lines."""
    by_motion = split_by([row for row in rows if row["explained"] is not None], "motion")
    shares = [
        f"{spread(by_motion[name])} by {name}"
        for name in ("order 1", HALF_BACK)
        if name in by_motion
    ]
    title = f"{activation}: what is explained of the departure from the gradient flow"
    return f"{title}\n{', '.join(shares)}"


def largest_explained(rows: Sequence[Row]) -> Row:
    """The first seed's row of order 1 at the largest h for which its flow is known."""
    first = [row for row in rows if row["motion"] == "order 1" and row["seed"] == rows[0]["seed"]]
    return max(first, key=lambda row: (row["explained"] is not None, row["step_size"]))


def draw_shares(axes: Axes, rows: Sequence[Row]) -> None:
    """What every flow leaves unexplained, over the learning rate.

    A mark is the median of the seeds, and its bar is what all of them and their errors allow. Marks
    of one learning rate stand side by side.
    """
    from matplotlib.ticker import NullFormatter, NullLocator

    by_motion = split_by(rows, "motion")
    flows = [name for name in by_motion if name != GRADIENT_FLOW]
    bottom, top = axes.get_ylim()
    axes.axhline(1, color=LOOKS[GRADIENT_FLOW][0], label=LOOKS[GRADIENT_FLOW][3], linewidth=1.4)
    for k, motion in enumerate(flows):
        colour, line, marker, label = LOOKS[motion]
        aside = SIDE_BY_SIDE ** (k - (len(flows) - 1) / 2)
        places, marks, bars = [], [], []
        for h, of_step in split_by(by_motion[motion], "step_size").items():
            if all(row["explained"] is None for row in of_step):
                continue
            low, middle, high = (1 - share for share in extent(of_step)[::-1])
            places.append(h * aside)
            marks.append(middle)
            bars.append((middle - max(low, bottom / 2), min(high, 2 * top) - middle))
        look: dict[str, Any] = {"color": colour, "label": label, "linewidth": 1.2}
        look |= {"linestyle": line, "marker": marker, "markersize": 4.5, "elinewidth": 1}
        axes.errorbar(places, marks, np.reshape(bars, (-1, 2)).clip(0).T, capsize=2, **look)
    axes.axhline(1 - HALF, color=BLACK, linewidth=0.7, linestyle="--")
    steps = sorted(split_by(rows, "step_size"))
    left, right = min(steps) / 1.5, max(steps) * 1.5
    axes.set(xscale="log", xlim=(left, right), xlabel="learning rate $h$")
    axes.set_xticks(steps, [f"{h:g}" for h in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    curvature = float(np.median([row["curvature"] for row in rows]))
    in_axes = axes.get_xaxis_transform()
    for edge, other, alpha in ((1, UNSTABLE, 0.12), (UNSTABLE, np.inf, 0.3)):
        start, stop = max(edge / curvature, left), min(other / curvature, right)
        if start < stop:
            axes.axvspan(start, stop, color=GREY, alpha=alpha, linewidth=0)
            text = f"$h\\lambda_{{max}} > {edge:g}$"
            axes.text(1.03 * start, 0.02, text, fontsize=8.5, rotation=90, transform=in_axes)
    of_flows = [row for row in rows if row["motion"] in flows]
    for h, of_step in split_by(of_flows, "step_size").items():
        missing = sum(row["explained"] is None for row in of_step)
        if missing:
            text = f"{missing} of {len(of_step)}\nnot computed"
            axes.text(h, 0.98, text, fontsize=8, ha="center", va="top", transform=in_axes)
    seeds = len(split_by(rows, "seed"))
    axes.set_title(
        f"from $t$ = {rows[0]['window']:g}, $\\lambda_{{max}}$ = {values(rows, 'curvature')}"
        f" ({seeds} seed{'s' * (seeds > 1)})",
        fontsize=10.5,
    )


def draw_ratio(axes: Axes, shown: Row, tracks: Sequence[Row]) -> None:
    """R_IG/E along the descent and along every flow, at one learning rate."""
    from matplotlib.ticker import MaxNLocator

    exponent = int(np.floor(np.log10(shown["ratio_start"])))
    for motion, of_motion in split_by(tracks, "motion").items():
        time = [row["time"] for row in of_motion]
        ratio = [row["ratio"] / 10.0**exponent for row in of_motion]
        if motion == "descent":
            axes.plot(time, ratio, "o", color=BLACK, markersize=5, label=DESCENT, zorder=3)
        else:
            colour, line, _, label = LOOKS[motion]
            axes.plot(time, ratio, color=colour, linestyle=line, linewidth=1.4, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set(xlabel="time since the start", ylabel=rf"$R_{{IG}}/E\;/\;10^{{{exponent}}}$")
    share = spread([shown], "ratio_explained")
    axes.set_title(
        f"$R_{{IG}}/E$, $h$ = {shown['step_size']:g}: order 1 explains {share}", fontsize=9.5
    )


def tracks_of(table: Path) -> Path:
    """The table of R_IG/E along the way, beside the one with a row per flow."""
    return table.with_stem(f"{identity(NAME)}_tracks")
