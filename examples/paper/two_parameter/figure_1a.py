"""Figure 1a of the paper, continued to order 4: where gradient descent and its flows end.

From the points I and II of Table A.1: gradient descent with the small and the moderate learning
rate, the flow of E, the flow of the modified loss Ẽ at h_M (the equation of order 1), and, which
the paper has not, the flows of orders 2, 3 and 4 at h_M. All of them end on the hyperbola of minima
ab = y/x. The flow of Ẽ ends visibly short of gradient descent at h_M; each further order ends
closer. That holds from point II too, far out as it is: h_M times the largest eigenvalue of the
Hessian is 0.73 at point I and 0.84 at point II, below 1, where the series of a linear field stops.

Explicit gradient regularization (EGR) is shown twice: as the paper's gradient descent on E_μ with
h_Euler, and as the flow of E_μ, which it discretizes. From point I the two agree. From point II the
printed h_Euler is unstable: the first step throws (a, b) from (75, 74.9) to (−70.7, −70.9), the
second back to (38.9, 38.7), and the descent ends at |θ| = 1.746, where the flow ends at 1.355.

The descents use the model's own gradient and the flows the kernels of `bea`, so that where the two
meet, two computations agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bea.models.two_parameter import (
    PARAMS,
    POINT_I,
    POINT_II,
    StartingPoint,
    explicitly_regularized_loss,
    least_norm_minimum,
    loss,
    minima,
)
from bea.streams import run_as_script
from examples.paper.drawing import BLACK, GREEN, GREY, VERMILION, drawing
from examples.paper.results import Row, make_and_draw, read_table

if TYPE_CHECKING:
    import jax
    from matplotlib.axes import Axes

    from bea import ModifiedEquation

NAME = "two_parameter.figure_1a"
ORDER = 4
CONVERGED = 1e-9  # a descent ends where the slope of its loss falls below this
THINNING = 1.04  # of a descent, steps 0, 1, 2, … are kept, and later one in every 4 % of them
FINAL_TIME = 20.0  # by then every flow has reached its minimum

COLUMNS = ("start", "curve", "order", "step_size", "mu", "time", "a", "b")


# The table


def make_table() -> list[Row]:
    """Every point of every curve."""
    import bea

    equation = bea.modified_equation(loss=loss(), params=PARAMS, order=ORDER)
    rows: list[Row] = []
    for point in (POINT_I, POINT_II):
        rows += descend(point, "gradient descent h_S", loss, h=point.h_S)
        rows += descend(point, "gradient descent h_M", loss, h=point.h_M)
        regularized_loss = partial(explicitly_regularized_loss, point.mu)
        rows += descend(point, "EGR descent", regularized_loss, h=point.h_euler, mu=point.mu)

        regularized = bea.modified_equation(loss=regularized_loss(), params=PARAMS, order=0)
        rows += flows(point, equation, regularized)
    for i in range(201):
        a = 0.1 * 60 ** (i / 200)
        rows.append(row_of(curve="minima", a=a, b=minima(a)))
    a, b = map(float, least_norm_minimum())
    rows.append(row_of(curve="least-norm minimum", a=a, b=b))
    return rows


def descend(
    point: StartingPoint,
    curve: str,
    objective: Callable[..., Any],
    *,
    h: float,
    mu: float | None = None,
) -> list[Row]:
    """Gradient descent θ ← θ − h∇E until it has converged, thinned."""
    import jax
    import jax.numpy as jnp

    gradient = jax.grad(objective)

    @jax.jit
    def advance(theta: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
        theta = jax.lax.fori_loop(0, steps, lambda _, theta: theta - h * gradient(theta), theta)
        return theta, jnp.linalg.norm(gradient(theta))

    rows: list[Row] = []
    step, steps, slope = 0, 0, math.inf
    with jax.enable_x64(True):
        theta = jnp.array(point.start)
        while slope > CONVERGED:
            theta, slope = advance(theta, steps)
            step += steps
            a, b = theta.tolist()
            rows.append(
                row_of(start=point.name, curve=curve, step_size=h, mu=mu, time=step * h, a=a, b=b)
            )
            steps = max(1, round(step * (THINNING - 1)))
    return rows


def flows(
    point: StartingPoint, equation: ModifiedEquation, regularized: ModifiedEquation
) -> list[Row]:
    """The flows of f_0 + … + h^p f_p for h = h_M and p = 0, …, 4, and that of E_μ: side by side."""
    import numpy as np

    import bea

    curves: list[dict[str, Any]] = [{"curve": "flow", "order": 0}]  # which does not depend on h
    for order in range(1, ORDER + 1):
        curves.append({"curve": "flow", "order": order, "step_size": point.h_M})
    curves.append({"curve": "EGR flow", "mu": point.mu})
    kernels = [equation.to_jax(order=order) for order in range(ORDER + 1)]
    kernels.append(regularized.to_jax(order=0))

    def field(thetas: list[jax.Array]) -> list[jax.Array]:
        return [kernel(theta, point.h_M) for kernel, theta in zip(kernels, thetas, strict=True)]

    starts = [np.array(point.start)] * len(kernels)
    times = np.geomspace(point.h_euler / 100, FINAL_TIME, 240)
    paths = bea.flow(field, starts, FINAL_TIME, times=times.tolist())
    return [
        row_of(start=point.name, **curve, time=float(time), a=float(a), b=float(b))
        for curve, start, path in zip(curves, starts, paths, strict=True)
        for time, (a, b) in zip([0.0, *times], [start, *path], strict=True)
    ]


def row_of(**values: Any) -> Row:
    return {column: values.get(column) for column in COLUMNS}


def curves_of(rows: Sequence[Row]) -> dict[tuple[Any, ...], list[Row]]:
    """The rows of each curve, by (start, curve, order)."""
    curves: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        curves.setdefault((row["start"], row["curve"], row["order"]), []).append(row)
    return curves


def end_points(rows: Sequence[Row]) -> list[Row]:
    """Where each curve ends, and how far that is from the end of gradient descent at h_M."""
    ends = {key: points[-1] for key, points in curves_of(rows).items() if key[0] is not None}
    table: list[Row] = []
    for (start, _, _), end in ends.items():
        target = ends[start, "gradient descent h_M", None]
        theta = (end["a"], end["b"])
        distance = math.dist(theta, (target["a"], target["b"]))
        table.append({**end, "norm": math.hypot(*theta), "distance_to_descent_at_h_M": distance})
    return table


# The figure

# How the curves look, by (curve, order): the label, the line. Later ones cover earlier ones.
LOOKS: dict[tuple[str, int | None], tuple[str, dict[str, Any]]] = {
    ("minima", None): (
        "minima, $ab = y/x$",
        {"color": GREY, "alpha": 0.3, "linewidth": 6, "solid_capstyle": "round"},
    ),
    ("least-norm minimum", None): (
        "least-norm minimum",
        {"color": BLACK, "linestyle": "none", "marker": "*", "markersize": 13},
    ),
    ("EGR descent", None): (r"EGR: descent on $E_\mu$", {"color": GREEN}),
    ("EGR flow", None): (r"EGR: flow of $E_\mu$", {"color": GREEN, "linestyle": (0, (4, 2))}),
    ("flow", 0): ("flow of $E$", {"color": "#9a9a9a"}),
    ("flow", 1): (r"order 1, flow of $\tilde E$", {"color": "#7fc4f0"}),
    ("flow", 2): ("order 2", {"color": "#3a97d9"}),
    ("flow", 3): ("order 3", {"color": "#1765ad"}),
    ("flow", 4): ("order 4", {"color": "#0a3566"}),
    ("gradient descent h_S", None): (
        "gradient descent, $h_S$",
        {"color": BLACK, "linewidth": 3, "linestyle": (0, (0.1, 2)), "dash_capstyle": "round"},
    ),
    ("gradient descent h_M", None): (
        "gradient descent, $h_M$",
        {"color": VERMILION, "linewidth": 0.8, "marker": "o", "markersize": 3.5},
    ),
}


def draw(table: Path, png: Path) -> None:
    """Draw the figure from the table alone."""
    rows = read_table(table)
    curves, ends = curves_of(rows), end_points(rows)
    with drawing(png, size=(11, 6.9)) as figure:
        panels = figure.subplot_mosaic([["plane", "I"], ["plane", "II"]], width_ratios=(1.24, 1))
        for axes in panels.values():
            draw_curves(axes, curves)
            axes.set(xlabel="$a$", ylabel="$b$")
        frame_plane(panels["plane"], curves, ends)
        frame_ends(panels["I"], [end for end in ends if end["start"] == "I"])
        frame_ends(panels["II"], [end for end in ends if end["start"] == "II"])
        handles, labels = panels["plane"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)


def draw_curves(axes: Axes, curves: Mapping[tuple[Any, ...], list[Row]]) -> None:
    for (curve, order), (label, look) in LOOKS.items():
        for start in ("I", "II", None):
            points = curves.get((start, curve, order))
            if points is None:
                continue
            a, b = [row["a"] for row in points], [row["b"] for row in points]
            if curve == "EGR descent" and start == "II":
                axes.plot(a[:3], b[:3], color=GREEN, linewidth=0.7, linestyle=(0, (7, 4)))
                a, b = a[2:], b[2:]  # thin lines for the two steps that leave the picture
            axes.plot(a, b, **{"linewidth": 1.8, **look}, label=None if start == "II" else label)
            if start is not None:
                axes.plot(a[-1], b[-1], "o", color=look["color"], markersize=6)


def frame_plane(
    axes: Axes, curves: Mapping[tuple[Any, ...], list[Row]], ends: Sequence[Row]
) -> None:
    """Show the whole way, but for the long approach from point II."""
    axes.set(xlim=(0, 4.3), ylim=(0, 4.3), aspect="equal")
    axes.set_title("From the points I and II to the minima")
    (a_I, b_I), (a_II, b_II) = (
        (curves[start, "flow", 0][0]["a"], curves[start, "flow", 0][0]["b"])
        for start in ("I", "II")
    )
    axes.text(a_I, b_I + 0.12, f"I, ({a_I:g}, {b_I:g})", ha="center", fontsize=9.5)
    axes.text(3.52, 0.52, f"from II,\n({a_II:g}, {b_II:g})", fontsize=9.5)
    axes.text(
        1.32, 1.42, "EGR from II: the first two steps", color=GREEN, fontsize=9, rotation=44.7
    )
    for curve, side, shift in (("EGR flow", "right", 4), ("EGR descent", "left", -8)):
        (end,) = (end for end in ends if (end["start"], end["curve"]) == ("II", curve))
        axes.annotate(
            rf"$|\theta|$ = {end['norm']:.3f}",
            (end["a"], end["b"]),
            xytext=(shift, -20),
            textcoords="offset points",
            ha=side,
            color=GREEN,
        )


def frame_ends(axes: Axes, ends: Sequence[Row]) -> None:
    """Show the ends without EGR's, and list their distances to the end of descent at h_M."""
    shown = [end for end in ends if not end["curve"].startswith("EGR")]
    shown.sort(key=lambda end: -end["distance_to_descent_at_h_M"])
    for name, set_limits in (("a", axes.set_xlim), ("b", axes.set_ylim)):
        low, high = min(end[name] for end in shown), max(end[name] for end in shown)
        set_limits(low - 0.8 * (high - low), high + 0.2 * (high - low))
    axes.locator_params(nbins=6)
    axes.set_title(f"Ends from {shown[0]['start']}: each order comes closer")
    markers, labels = [], []
    for end in shown:
        label, look = LOOKS[end["curve"], end["order"]]
        (marker,) = axes.plot([], [], "o", color=look["color"], markersize=6)
        markers.append(marker)
        labels.append(f"{end['distance_to_descent_at_h_M']:.4f}  {label}")
    axes.legend(
        markers,
        labels,
        title="distance to descent at $h_M$",
        loc="lower left",
        handlelength=0.8,
        labelspacing=0.3,
        alignment="left",
    )


def main(argv: Sequence[str] | None = None) -> None:
    make_and_draw(
        argv, NAME, __doc__, make_table=make_table, draw=draw, beside={"ends": end_points}
    )


if __name__ == "__main__":
    run_as_script(main)
