"""What the tables say, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from examples.paper.mnist.departure_from_gradient_flow.measurement import (
    GRADIENT_FLOW,
    HALF,
    HALF_BACK,
    NOT_COMPUTED,
    SHORT,
    UNSTABLE,
)
from examples.paper.results import Row
from examples.paper.shares import percent, split_by


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """The shares explained as plain text, and where the explanations stop."""
    for activation, of_activation in split_by(rows, "activation").items():
        for window, of_window in split_by(of_activation, "window").items():
            first = of_window[0]
            yield (
                f"\n{activation}, from t = {window:g} to {window + first['time']:g}: at the start "
                f"E = {first['loss_start']:.4g}, λ_max = {first['curvature']:.3g}"
            )
            yield "share of the departure explained by"
            names = [name for name in split_by(of_window, "motion") if name != GRADIENT_FLOW]
            yield "      h   h·λ_max, to  departure" + "".join(
                f"{SHORT.get(name, name):>12}" for name in names
            )
            for h, (plain, *others) in split_by(of_window, "step_size").items():
                yield (
                    f"{h:7g} {plain['step_times_curvature']:9.2f} "
                    f"{plain['step_times_curvature_end'] or np.nan:5.2f}  "
                    f"{plain['departure'] or np.nan:9.2e}"
                    + "".join(f"{percent(row['explained']):>12}" for row in others)
                    + f"   {others[0]['note'] or ''}"
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
    for name in [name for name in by_motion if name not in (GRADIENT_FLOW, "order 1")]:
        _, failing = until(by_motion[name], lambda row: not worse(row, twin(row, rows)))
        yield f"  {name} is " + (
            f"worse than order 1 at {place(failing)}" if failing else "nowhere worse than order 1"
        )
    known = [row for row in rows if row["explained"] is not None and twin(row, rows) in first]
    errors = [row["integration_error"] / row["departure"] for row in known]
    yield (
        f"  integration errors over the departure: median {np.median(errors):.1g}, "
        f"at most {max(errors):.1g}"
    )
    left_out = split_by([row for row in rows if row["note"] == NOT_COMPUTED], "window")
    for window, of_window in left_out.items():
        steps = ", ".join(f"{h:g}" for h in split_by(of_window, "step_size"))
        yield f"  left out from t = {window:g}: h = {steps}, unstable with h·λ_max > {UNSTABLE:g}"
    kinks = [row["kinks_crossed"] for row in by_motion[GRADIENT_FLOW]]
    if None not in kinks:
        yield f"  descent crosses {min(kinks):,.0f} to {max(kinks):,.0f} kinks in a window"


def reach(rows: Sequence[Row], quantity: str, of: str) -> str:
    """How far a flow explains more than half of something, in words."""
    held, failing = until(rows, lambda row: row[quantity] > HALF)
    if held is None and failing is not None:
        return f"{percent(failing[quantity])} of {of} at the smallest {place(failing)}"
    stop = f", and {percent(failing[quantity])} at {place(failing)}" if failing else ", the largest"
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
    if other["distance"] is None:
        return False
    doubt = row["integration_error"] + other["integration_error"]
    return row["distance"] > other["distance"] + doubt


def twin(row: Row, rows: Sequence[Row]) -> Row:
    """The row of order 1 at the same learning rate, in the same window."""
    wanted = {"motion": "order 1", "step_size": row["step_size"], "window": row["window"]}
    return next(other for other in rows if wanted.items() <= other.items())


def place(row: Row) -> str:
    return (
        f"h·λ_max = {largest_curvature(row):.2g} "
        f"(h = {row['step_size']:g} from t = {row['window']:g})"
    )


def spread(rows: Sequence[Row]) -> str:
    """The least and the largest share of the departure in the rows, in words."""
    shares = [row["explained"] for row in rows]
    low, high = percent(min(shares)), percent(max(shares))
    return low if low == high else f"{low} to {high}"
