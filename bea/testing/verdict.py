"""What a measurement says about an assertion: confirmed, refuted, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import Literal

import mpmath

from bea.numeric.orders.components import MIN_SIZES
from bea.numeric.orders.report import CONSTANT_TOLERANCE, ORDER_TOLERANCE, OrderReport

Verdict = Literal["confirmed", "refuted", "unresolved"]

FINE_ORDER, FINE_CONSTANT = 1e-2, 1e-6
"""Tolerances in multiprecision, so deep that the leading term stands alone."""
CLOSE = 5
"""A defect of less than so many times its uncertainty settles nothing."""
HALF_WAY, AGREEING = 0.5, 1e-2
"""Where the limit is f_{p+1}, an order up to here is next terms at work, and refutes nothing."""
BEYOND = 0.5
"""By how much an order must be above p + 2 where f_{p+1} = 0."""
HIDING = 3
"""An error of so many times the leading term is that of the next one, whatever is before it."""
ONE_SLOPE, TOO_SLOW = 0.2, 0.25
CLEAR = 1e4
LITERALS = 1e-13
"""Relative errors of this size come from numbers like 0.1 and 1/3 in a program, in float64."""


def verdict(
    report: OrderReport, chosen_sizes: bool = False, knows_the_limit: bool = True
) -> Verdict:
    """What a report says about the order p + 2 and the limit f_{p+1}.

    Args:
        report: what was measured.
        chosen_sizes: whether the step sizes were the user's, and not so small.
        knows_the_limit: whether f_{p+1} is known, and not what was measured itself.
    """
    if report.is_coarse or report.refuted:
        return "refuted"
    if report.is_the_method:
        return "confirmed"
    whole = _verdict_on_the_whole(report, chosen_sizes, knows_the_limit)
    if whole == "confirmed" and any(c.outcome == "unsettled" for c in report.components):
        return "unresolved"
    return whole


def _verdict_on_the_whole(
    report: OrderReport, chosen_sizes: bool, knows_the_limit: bool
) -> Verdict:
    """By the norm of the whole vector."""
    if report.measured_order is None:
        # With f_{p+1} = 0 and nothing left of the error at any step size, step and flow are one.
        if report.vanishes and not any(report.usable):
            return "confirmed" if report.speed else "unresolved"
        return "refuted" if lacks_its_leading_term(report) else "unresolved"
    if report.vanishes:
        beyond = report.measured_order > report.expected_order + BEYOND
        return "confirmed" if beyond else "refuted"
    assert report.leading_defect is not None
    fine = report.precision == "mpmath" and not chosen_sizes
    off = abs(report.measured_order - report.expected_order)
    if off < (FINE_ORDER if fine else ORDER_TOLERANCE):
        if report.leading_defect < (FINE_CONSTANT if fine else CONSTANT_TOLERANCE):
            return "confirmed"
        if report.leading_defect < CLOSE * report.uncertainty:
            return "unresolved"
    elif knows_the_limit and not fine and report.leading_defect < AGREEING:
        # The limit is extrapolated and the better witness; the slopes are those of a mixture.
        known = max(report.leading_defect, report.uncertainty) < CONSTANT_TOLERANCE
        return "confirmed" if known and off < HALF_WAY else "unresolved"
    slopes = _slopes_at_smaller_sizes(report)
    if min(slopes) > report.expected_order and _hides_its_leading_term(report):
        return "unresolved"
    has_one = max(slopes) - min(slopes) < ONE_SLOPE
    falls_too_slowly = sum(slopes) / len(slopes) < report.expected_order - TOO_SLOW
    # Where f_{p+1} nearly vanishes, the next term is as large, and slopes come down to p + 2.
    return "refuted" if has_one or falls_too_slowly else "unresolved"


def lacks_its_leading_term(report: OrderReport) -> bool:
    """Is nothing left of the error where f_{p+1}·h^{p+2} would stand clear of the round-off?

    Args:
        report: what was measured.
    """
    constant = mpmath.mpf(report.leading_constant)
    clear = sum(
        not used and constant * mpmath.mpf(h) ** report.expected_order > CLEAR * floor
        for h, floor, used in zip(report.step_sizes, report.floors, report.usable, strict=True)
    )
    return clear >= MIN_SIZES


def _hides_its_leading_term(report: OrderReport) -> bool:
    """Are all errors so far above |f_{p+1}|·h^{p+2} that it could not be seen in them?"""
    return all(
        error > HIDING * report.leading_constant * h**report.expected_order
        for h, error, used in zip(report.step_sizes, report.errors, report.usable, strict=True)
        if used
    )


def _slopes_at_smaller_sizes(report: OrderReport) -> list[float]:
    """The local orders of the errors, between neighbours in the smaller half of the step sizes."""
    used = [i for i, usable in enumerate(report.usable) if usable]
    smaller = sorted(used, key=lambda i: report.step_sizes[i])[: max(3, len(used) // 2 + 1)]
    points = [(log(report.step_sizes[i]), log(report.errors[i])) for i in smaller]
    return [(e1 - e0) / (h1 - h0) for (h0, e0), (h1, e1) in pairwise(points) if h1 != h0]


def is_rounding_of_literals(report: OrderReport) -> bool:
    """Is what is wrong in multiprecision no more than 0.1 for 1/10 makes in the program of a step?

    What is left of the error without f_{p+1}·h^{p+2} goes like c·h^q at the smallest step sizes,
    and then q ≤ p + 2 and |c| ≤ 10⁻¹³ |f|/T^{q−1}, in every component that is refuted.

    Args:
        report: a report that refutes.
    """
    if report.precision != "mpmath":
        return False
    wrong = [(c.errors, c.expected, c.speed) for c in report.refuted] or [
        (report.errors, report.leading_constant, report.speed)
    ]
    return all(_is_that_small(report, *part) for part in wrong)


def _is_that_small(
    report: OrderReport, errors: Sequence[float], expected: float, speed: float
) -> bool:
    if speed == 0:
        return False
    n = report.expected_order
    left = {
        h: abs(error - mpmath.mpf(expected) * mpmath.mpf(h) ** n)
        for h, error in sorted(zip(report.step_sizes, errors, strict=True))[:2]
    }
    (h, c), (larger, grown) = left.items()
    if not c or not grown:
        return False
    q = max(1, round(float(mpmath.log(grown / c) / mpmath.log(larger / h))))
    relative = c / (h * speed) * (mpmath.mpf(report.time_scale) / h) ** (q - 1)
    return q <= n and bool(relative <= LITERALS)
