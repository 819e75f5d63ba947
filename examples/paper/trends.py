"""Trends in the tables of training runs: rank correlations, and their intervals over seeds.

Models of one seed share their start and their batches. A statistic is therefore computed for every
seed on its own, and its mean and its interval are over seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from examples.paper.inference import rank_correlation
from examples.paper.results import Row
from examples.paper.tables import grouped, included

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


def trend(rows: Iterable[Row], measure: Measure) -> Trend:
    """The rank correlation of every seed that has one."""
    found = map(measure, grouped(included(rows), ["seed"]).values())
    return Trend.over([each for each in found if each is not None])


def correlation(x: str, y: str) -> Measure:
    """Spearman's rank correlation ρ of two columns."""

    def measure(rows: Sequence[Row]) -> Found | None:
        kept = [row for row in rows if row[x] is not None and row[y] is not None]
        a, b = ([row[name] for row in kept] for name in (x, y))
        value = rank_correlation(a, b)
        return None if value is None else (value, len(set(a)))

    return measure
