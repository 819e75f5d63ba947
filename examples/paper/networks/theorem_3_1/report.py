"""What the tables say, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from examples.paper.networks.theorem_3_1.cases import ORDER, cases_of, columns_of
from examples.paper.results import Row


def summary(points: Sequence[Row], orders: Sequence[Row]) -> Iterator[str]:
    """The table of orders as plain text, and what happened at the kinks."""
    by_case = cases_of(points)
    for case, rows in cases_of(orders).items():
        size, loss = rows[0]["parameters"], rows[0]["loss"]
        batch = " of this batch" if case.network == "ResNet" else ""
        yield f"\n{case}: m = {size:,.0f}, E = {loss:.4g}{batch}; step sizes: {case.step_sizes}"
        yield "  p   order expected   measured   |f_(p+1)|   error/h^(p+2)/|f_(p+1)|"
        for row in rows:
            slope, ratio = row["slope_across_kinks"], row["leading_constant_ratio"]
            measured = row["measured_order"] if slope is None else slope
            limit = "–" if slope is not None or ratio is None else f"{ratio:.6f}"
            yield (
                f"  {row['order']:.0f} {row['expected_order']:16.0f} "
                f"{'–' if measured is None else format(measured, '.4f'):>10} "
                f"{row['leading_constant']:11.4g} {limit:>11}   "
                + ("confirmed" if row["passed"] == "yes" else "NOT CONFIRMED")
            )
        if case.has_kinks:
            yield from at_the_kinks(by_case[case])


def at_the_kinks(points: Sequence[Row]) -> Iterator[str]:
    """What the corrections gain where kinks are crossed, and what the Hessian misses there."""
    by_order = [[row for row in points if row["order"] == p] for p in range(ORDER + 1)]
    steps = [step for step in zip(*by_order, strict=True) if step[0]["kinks_crossed"]]
    if not steps:
        yield "  no pre-activation changes its sign in any of these steps"
        return
    errors = np.array([[row["error"] for row in step] for step in steps]).T
    h, kinks, missed = columns_of(
        [step[-1] for step in steps], "step_size", "kinks_crossed", "missed_by_hessian"
    )
    gain, spread = errors[0] / errors[-1], errors[1:].max(0) / errors[1:].min(0)
    many = (errors[-1] / (h * kinks**0.5))[kinks >= 10]
    yield (
        f"  pre-activations that change sign: n = {kinks[0]:,.0f} at h = {h[0]:.2g}, "
        f"{kinks[-1]:.0f} at {h[-1]:.2g}. There H misses {min(missed):.0%} to {max(missed):.0%}"
    )
    yield (
        f"  of the change of ∇E; the orders 1 to {ORDER} err the same within "
        f"{spread.max() - 1:.0%}, the plain flow {gain.min():.2g} to {gain.max():.2g} times as"
    )
    yield (
        f"  much as order {ORDER}"
        + (
            f"; their error/(h·√n) is {min(many):.2g} to {max(many):.2g} for n ≥ 10"
            * bool(len(many))
        )
    )
