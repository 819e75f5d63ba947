"""What the tables say, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from examples.paper.mnist.departure_from_gradient_flow.measurement import (
    GRADIENT_FLOW,
    HALF,
    HALF_BACK,
    SHORT,
    UNSTABLE,
)
from examples.paper.results import Row
from examples.paper.shares import extent, percent, split_by

BANDS = ((0.0, 1.0), (1.0, UNSTABLE), (UNSTABLE, np.inf))
"""Of h·λ_max, where the series of the corrections converge, where steps are stable, beyond."""


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """The shares explained as plain text, and where the explanations stop."""
    yield "shares are medians over the seeds; in brackets is what seeds and errors of integration"
    yield "leave possible, from the least to the largest"
    for activation, of_activation in split_by(rows, "activation").items():
        for window, of_window in split_by(of_activation, "window").items():
            yield (
                f"\n{activation}, from t = {window:g} to {window + of_window[0]['time']:g}: "
                f"at the start E = {values(of_window, 'loss_start')}, λ_max = "
                f"{values(of_window, 'curvature')}"
            )
            yield "share of the departure explained by"
            names = [name for name in split_by(of_window, "motion") if name != GRADIENT_FLOW]
            yield "      h      h·λ_max    departure" + "".join(
                f"{SHORT.get(name, name):>26}" for name in names
            )
            for h, of_step in split_by(of_window, "step_size").items():
                by_motion = split_by(of_step, "motion")
                yield (
                    f"{h:7g} {values(of_step, 'step_times_curvature'):>12} "
                    f"{np.median([row['departure'] or np.nan for row in of_step]):12.2e}"
                    + "".join(f"{spread(by_motion[name]):>26}" for name in names)
                )
    for activation, of_activation in split_by(rows, "activation").items():
        yield f"\n{activation}"
        yield from verdict(of_activation)
    yield ""
    yield from comparison(rows)


def verdict(rows: Sequence[Row]) -> Iterator[str]:
    """Where the explanations of one activation stop, and how well they were computed."""
    by_motion = split_by([row for row in rows if row["explained"] is not None], "motion")
    first = by_motion.get("order 1")
    if first is None:
        yield "  no flow of order 1 was reached"
        return
    for quantity, of in (("explained", "the departure"), ("ratio_explained", "that of R_IG/E")):
        yield "  order 1 explains " + reach(first, quantity, of)
    for name, of_motion in by_motion.items():
        if name != GRADIENT_FLOW:
            yield f"  {name} explains of the departure {by_curvature(of_motion)}"
    for name in [name for name in by_motion if name not in (GRADIENT_FLOW, "order 1")]:
        _, failing = until(by_motion[name], lambda row: not worse(row, twin(row, rows)))
        yield f"  {name} is " + (
            f"worse than order 1 at {place(failing)}" if failing else "nowhere worse than order 1"
        )
    errors = [
        row["integration_error"] / row["departure"]
        for name, of_motion in by_motion.items()
        for row in of_motion
        if row["integration_error"] is not None
    ]
    yield (
        f"  integration errors over the departure: median {np.median(errors):.1g}, "
        f"at most {max(errors):.1g}"
    )
    yield from left_out(rows)
    kinks = [row["kinks_crossed"] for row in by_motion[GRADIENT_FLOW]]
    if None not in kinks:
        yield f"  descent crosses {min(kinks):,.0f} to {max(kinks):,.0f} kinks in a window"


def left_out(rows: Sequence[Row]) -> Iterator[str]:
    """Which flows were not computed, where, and why."""
    for motion, of_motion in split_by(rows, "motion").items():
        for note, missing in split_by(of_motion, "note").items():
            if note:
                where = ", ".join(
                    f"h = {h:g} from t = {window:g} ({len(some)} seeds)"
                    for window, of_window in split_by(missing, "window").items()
                    for h, some in split_by(of_window, "step_size").items()
                )
                yield f"  {motion}, {len(missing)} of {len(of_motion)}: {note}: {where}"


def by_curvature(rows: Sequence[Row]) -> str:
    """The shares of a flow where h·λ_max is below 1, up to 2 and beyond, in words."""
    parts = []
    for low, high in BANDS:
        some = [row for row in rows if low <= largest_curvature(row) < high]
        if some:
            where = f"below {high:g}" if not low else f"beyond {low:g}"
            where = f"from {low:g} to {high:g}" if low and np.isfinite(high) else where
            parts.append(f"{spread(some)} {where}, n = {len(some)}")
    return "; ".join(parts) + " (h·λ_max)"


def reach(rows: Sequence[Row], quantity: str, of: str) -> str:
    """How far a flow certainly explains more than half of something, in words."""
    held, failing = until(rows, lambda row: (row[f"{quantity}_low"] or -np.inf) > HALF)
    if held is None and failing is not None:
        return f"{spread([failing], quantity)} of {of} at the smallest {place(failing)}"
    stop = f", and {spread([failing], quantity)} at {place(failing)}" if failing else ", the last"
    return f"more than half of {of} up to h·λ_max = {held:.2g}{stop}"


def comparison(rows: Sequence[Row]) -> Iterator[str]:
    """What is explained with one activation and with the other, at the same learning rates."""
    for motion in ("order 1", HALF_BACK):
        of_motion = [
            row for row in rows if row["motion"] == motion and row["explained"] is not None
        ]
        for h, of_step in sorted(split_by(of_motion, "step_size").items()):
            parts = [
                f"{spread(of_activation)} with {activation}"
                for activation, of_activation in split_by(of_step, "activation").items()
            ]
            yield f"at h = {h:g} {motion} explains of the departure " + ", ".join(parts)


def until(rows: Sequence[Row], holds: Callable[[Row], bool]) -> tuple[float | None, Row | None]:
    """Up to which h·λ_max it holds in all of the rows, and the row where it does not any more."""
    held = None
    for row in sorted(rows, key=largest_curvature):
        if not holds(row):
            return held, row
        held = largest_curvature(row)
    return held, None


def largest_curvature(row: Row) -> float:
    """h·λ_max where the gradient flow starts or where it ends, whichever is larger."""
    return max(row["step_times_curvature"], row["step_times_curvature_end"])


def worse(row: Row, other: Row) -> bool:
    """Whether a flow ends farther from the descent, by more than both were computed to."""
    errors = row["integration_error"], other["integration_error"]
    if other["distance"] is None or None in errors:
        return False
    return row["distance"] > other["distance"] + sum(errors)


def twin(row: Row, rows: Sequence[Row]) -> Row:
    """The row of order 1 at the same learning rate, from the same start."""
    where = ("seed", "window", "step_size")
    wanted = {"motion": "order 1", **{name: row[name] for name in where}}
    return next(other for other in rows if wanted.items() <= other.items())


def place(row: Row) -> str:
    return (
        f"h·λ_max = {largest_curvature(row):.2g} "
        f"(h = {row['step_size']:g} from t = {row['window']:g})"
    )


def values(rows: Sequence[Row], name: str) -> str:
    """The least and the largest number of a column, in words."""
    numbers = [row[name] for row in rows]
    low, high = f"{min(numbers):.3g}", f"{max(numbers):.3g}"
    return low if low == high else f"{low} to {high}"


def spread(rows: Sequence[Row], quantity: str = "explained") -> str:
    """The median share in the rows, and what they and their errors allow, in words."""
    if all(row[quantity] is None for row in rows):
        return "–"
    low, middle, high = (
        "?" if np.isinf(share) else percent(share) for share in extent(rows, quantity)
    )
    return middle if low == middle == high else f"{middle} ({low} to {high})"
