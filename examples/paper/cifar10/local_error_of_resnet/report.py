"""What the table says, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np

from examples.paper.results import Row
from examples.paper.shares import bounds, percent, split_by


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """The shares as plain text, and what follows from them."""
    for activation, of_activation in split_by(rows, "activation").items():
        for epoch, of_epoch in split_by(of_activation, "epoch").items():
            yield f"\n{activation}, epoch {epoch:g}: what f_1 explains of"
            yield (
                "seed     h  h·λ_max  E on B   |e|/|h∇E|   local error   cosine"
                "   change of f   log-shift 6   half back"
            )
            for row in of_epoch:
                yield f"{row['seed']:4g} {row['step_size']:5g}  " + (row["note"] or line(row))
    yield ""
    for activation, of_activation in split_by(rows, "activation").items():
        yield from verdict(activation, of_activation)


def line(row: Row) -> str:
    """The numbers of a row; in brackets what is not settled."""
    local = percent(row["explained"])
    shift = percent(row["explained_log_shift_6"])
    return (
        f"{row['step_times_curvature']:7.3g} {row['loss']:7.3g} {row['relative_local_error']:11.3g}"
        f" {local if row['flow_settled'] == 'yes' else f'({local})':>13}"
        f" {row['cosine']:8.3f} {percent(row['explained_log_shift_2']):>13}"
        f" {shift if row['log_shift_settled'] == 'yes' else f'({shift})':>13}"
        f" {percent(row['explained_half_back']):>11}"
    )


def limits(row: Row) -> tuple[float, float]:
    """The least and the largest share of the local error that the flow's error leaves possible."""
    e, error = row["local_error"], row["integration_error"]
    left = (1 - row["explained"]) * e
    low, high = bounds(left, e, left_error=error, departure_error=error)
    return (low, high) if np.isfinite(low) else (-np.inf, np.inf)


def usable(rows: Sequence[Row]) -> list[Row]:
    """The rows whose local error is known."""
    return [row for row in rows if row["flow_settled"] == "yes" and row["explained"] is not None]


def verdict(activation: str, rows: Sequence[Row]) -> Iterator[str]:
    """What f_1 explains with an activation: by h·λ_max, by learning rate and by epoch."""
    asked, rows = len(rows), usable(rows)
    if not rows:
        yield f"{activation}: no local error is known well enough"
        return
    left_out = f", {len(rows)} of {asked} rows being known well enough" if len(rows) < asked else ""
    yield f"{activation}: of the local error f_1 explains{left_out}"
    inside = [row for row in rows if row["step_times_curvature"] < 1]
    beyond = [row for row in rows if row["step_times_curvature"] >= 1]
    for where, some in (("where h·λ_max < 1", inside), ("beyond", beyond)):
        if some:
            yield f"  {where}: {middle(some)} (n = {len(some)})"
    for name, title in (("step_size", "h"), ("epoch", "epoch")):
        found = split_by(sorted(rows, key=itemgetter(name)), name)
        yield f"  by {title}: " + "; ".join(f"{v:g}: {middle(some)}" for v, some in found.items())
    settled = [row for row in rows if row["log_shift_settled"] == "yes"]
    yield f"  the log-shift estimate is settled in {len(settled)} of {len(rows)} rows" + (
        f", where f_1 explains {middle(settled, 'explained_log_shift_6')} of it" if settled else ""
    )
    half = np.median([row["explained"] for row in rows])
    yield (
        f"  so f_1 {'is most' if half > 0.5 else 'is not the larger part'} of a step's local error"
        f" in the median, {percent(half)}"
    )


def middle(rows: Sequence[Row], quantity: str = "explained") -> str:
    """The median of the shares, and the least and the largest."""
    values = [row[quantity] for row in rows]
    low, mid, high = (percent(float(f(values))) for f in (min, np.median, max))
    return mid if low == high else f"{mid} ({low} to {high})"
