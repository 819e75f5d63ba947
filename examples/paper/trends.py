"""Trends in the tables of training runs: rank correlations, and their intervals over seeds.

Models of one seed share their start and their batches. A statistic is therefore computed for every
seed on its own, and its mean and its interval are over seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from examples.paper.results import Row
from examples.paper.tables import grouped, included

MIN_POINTS = 3  # fewer have no trend
CONFIDENCE = 0.95

Found = tuple[float, int]
"""A statistic of one seed's models, mostly a rank correlation, and the k points that it is of."""
Measure = Callable[[Sequence[Row]], Found | None]
"""The statistic of one seed's models, or None where it has none."""


@dataclass(frozen=True)
class Trend:
    """The mean over seeds of a statistic, and an interval around it.

    That of a rank correlation (`over`; of other numbers see `mean`) has the wider of two
    half-widths, and is cut off at −1 and 1. One is Student's, t s/√n with the standard deviation s
    of n seeds. (A bootstrap of three seeds never leaves their range, which misses the median of
    what they are drawn from once in four times.) The other is
    1.96/√Σ(k − 1): rank correlations of k points of which all orders are equally likely have the
    variance 1/(k − 1). Without it three seeds that happen to agree, as those of few points often
    do, would have an interval of no width. Together they let chance pass for a trend of a given
    sign in 1 to 3.3 of 100 tables with three seeds and 3 to 7 points.
    """

    value: float | None
    low: float | None
    high: float | None
    seeds: int

    @classmethod
    def over(cls, found: Sequence[Found]) -> Trend:
        """Of the rank correlations of so many seeds; one seed has no interval."""
        n = len(found)
        if not n:
            return cls(None, None, None, 0)
        values, points = zip(*found, strict=True)
        mean = float(np.mean(values))
        if n == 1:
            return cls(mean, None, None, 1)
        level = (1 + CONFIDENCE) / 2
        student = float(stats.t.ppf(level, n - 1)) * float(np.std(values, ddof=1)) / n**0.5
        chance = float(stats.norm.ppf(level)) / sum(k - 1 for k in points) ** 0.5
        half = max(student, chance)
        return cls(mean, max(mean - half, -1.0), min(mean + half, 1.0), n)

    @classmethod
    def mean(cls, found: Sequence[Found]) -> Trend:
        """Of numbers that are no correlations: their mean, with Student's interval alone.

        Seeds that happen to agree to the last digit, as shares of few examples may, have none.
        """
        values = [value for value, _ in found]
        if len(set(values)) < 2:
            return cls(values[0] if values else None, None, None, len(values))
        level = (1 + CONFIDENCE) / 2
        student = float(stats.t.ppf(level, len(values) - 1)) * float(np.std(values, ddof=1))
        half, middle = student / len(values) ** 0.5, float(np.mean(values))
        return cls(middle, middle - half, middle + half, len(values))

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{interval}".replace("-", "−")


def trend(
    rows: Iterable[Row], measure: Measure, over: Callable[[Sequence[Found]], Trend] = Trend.over
) -> Trend:
    """The statistic of every seed that has one, a rank correlation if nothing else is said."""
    found = map(measure, grouped(included(rows), ["seed"]).values())
    return over([each for each in found if each is not None])


def correlation(x: str, y: str) -> Measure:
    """Spearman's rank correlation ρ of two columns."""

    def measure(rows: Sequence[Row]) -> Found | None:
        kept = [row for row in rows if row[x] is not None and row[y] is not None]
        a, b = ([row[name] for row in kept] for name in (x, y))
        value = rank_correlation(a, b)
        return None if value is None else (value, len(set(a)))

    return measure


def mean_correlation(x: str, y: str, at_equal: str) -> Measure:
    """The mean of the rank correlations of two columns among rows that are equal in a third.

    It counts as one of as many points as the largest of them: they need not be independent.
    """

    def measure(rows: Sequence[Row]) -> Found | None:
        parts = [correlation(x, y)(part) for part in grouped(rows, [at_equal]).values()]
        found = [part for part in parts if part is not None]
        if not found:
            return None
        return float(np.mean([value for value, _ in found])), max(k for _, k in found)

    return measure


def partial_correlation(x: str, y: str, given: str) -> Measure:
    """The rank correlation of two columns that a third does not account for.

    (ρ_xy − ρ_xz ρ_yz)/√((1 − ρ_xz²)(1 − ρ_yz²)), of one point less; there is none where z has the
    order of x or y.
    """

    def measure(rows: Sequence[Row]) -> Found | None:
        pairs = ((x, y), (x, given), (y, given))
        found = [each for pair in pairs if (each := correlation(*pair)(rows)) is not None]
        if len(found) < len(pairs):
            return None
        (xy, k), (xz, _), (yz, _) = found
        left = (1 - xz**2) * (1 - yz**2)
        return ((xy - xz * yz) / left**0.5, k - 1) if left > 1e-9 else None

    return measure


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's ρ, equal values sharing their mean rank; 0 where y does not vary at all.

    None if x has fewer than three different values.
    """
    if len(set(x)) < MIN_POINTS:
        return None
    a, b = (stats.rankdata(values) - (len(x) + 1) / 2 for values in (x, y))
    return float(a @ b / np.sqrt((a @ a) * (b @ b))) if b.any() else 0.0
