"""Effects, tests and intervals of models in strata: what a claim is judged by.

Models of a stratum share their start and the order of their batches, so that they are compared
with one another alone. Three statistics, each with a two-sided permutation test of its own:

    rank_test      the mean over strata of Spearman's ρ; y is permuted within every stratum
    exponent_test  c of log y = a_stratum + b log z + c log x; Freedman and Lane's residuals are
    sign_test      the mean of a number of every stratum; the signs of its deviations are flipped

Intervals are percentiles of a bootstrap over seeds, which needs three of them: strata of one seed
are not independent. No result depends on the order of the strata given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

MIN_POINTS = 3  # fewer have no trend
MIN_SEEDS = 3  # fewer have no interval
MANY_SEEDS = 100  # of which more would be no help
POWER = 0.8
SAME = 1e-9  # of statistics that differ by round-off

Array = np.ndarray


@dataclass(frozen=True)
class Stratum:
    """The models that are compared with one another.

    Attributes:
        seed: of all of them.
        x: what is varied.
        y: what is claimed to follow it.
        z: a covariate.
    """

    seed: int
    x: Array
    y: Array
    z: Array

    @classmethod
    def of(cls, seed: int, points: Iterable[Sequence[float]]) -> Stratum:
        """Of points (x, y) or (x, y, z), in an order that is theirs alone."""
        x, y, *z = np.array(sorted(map(tuple, points)), float).T
        return cls(seed, x, y, z[0] if z else np.ones_like(x))

    @property
    def counts(self) -> bool:
        """Whether there is a trend to be seen."""
        return len(set(self.x)) >= MIN_POINTS

    @property
    def key(self) -> tuple[float, ...]:
        return (self.seed, *self.x, *self.y, *self.z)


@dataclass(frozen=True)
class Design:
    """How it is tested: the number of resamples, what they are drawn from, the interval's level."""

    resamples: int = 9999
    entropy: tuple[int, ...] = (0,)
    level: float = 0.95

    def rng(self, *what: int) -> np.random.Generator:
        return np.random.default_rng([*self.entropy, *what])


@dataclass(frozen=True)
class Inference:
    """An effect, its interval over seeds, and how often chance alone would be as far from `beyond`.

    Attributes:
        value: the effect.
        low: of its interval; None with fewer than three seeds.
        high: likewise.
        p: of the two-sided permutation test.
        seeds: how many.
        strata: how many.
        spread: the standard deviation of one seed's effect over seeds; None with fewer than three.
        chance: the standard deviation of one seed's effect if there is none.
        beyond: what the effect is compared with.
        flips: of a test by signs, how many are flipped for each seed; else 0.
        remark: what else was found.
    """

    value: float
    low: float | None
    high: float | None
    p: float
    seeds: int
    strata: int
    spread: float | None
    chance: float
    beyond: float = 0.0
    flips: float = 0.0
    remark: str = ""

    def seeds_that_decide(self, alpha: float) -> float | None:
        """With how many seeds a test at this level would tell the effect, 80 times of 100.

        If the effect and its spread are as they are now: n seeds find it where its mean, whose
        standard deviation is spread/√n, is z(1 − α/2) · chance/√n from `beyond`, so that

            n = ((z(1 − α/2) · chance + z(0.8) · spread)/|value − beyond|)².

        A test by signs needs so many that all of one sign, 2/2^signs of what is possible, suffice.
        Infinity if there is no effect, None if its spread is not known.
        """
        if self.spread is None:
            return None
        distance = abs(self.value - self.beyond)
        needed = stats.norm.isf(alpha / 2) * self.chance + stats.norm.ppf(POWER) * self.spread
        if distance <= SAME or needed > 1e6 * distance:
            return math.inf
        least = math.log2(2 / alpha) / self.flips if self.flips else 0.0
        return float(max(math.ceil((needed / distance) ** 2), math.ceil(least), self.seeds + 1))


# The three tests


def rank_test(strata: Iterable[Stratum], design: Design = Design()) -> Inference | None:
    """The mean over strata of Spearman's ρ; None where no stratum has three different x."""
    kept = usable(strata)
    if not kept:
        return None
    values = np.array([rank_correlation(s.x, s.y) for s in kept])
    null = np.mean([rank_null(s, design, i) for i, s in enumerate(kept)], axis=0)
    return _of_means([s.seed for s in kept], values, null, design)


def sign_test(
    values: Iterable[tuple[int, float]],
    design: Design = Design(),
    beyond: float = 0.0,
) -> Inference | None:
    """The mean of numbers (seed, value), against a distribution that is symmetric at `beyond`."""
    pairs = sorted(values)
    if not pairs:
        return None
    deviations = np.array([value for _, value in pairs]) - beyond
    if len(pairs) == 1:  # scipy wants two observations
        null = np.array([1.0, -1.0]) * deviations
    else:
        null = stats.permutation_test(
            (deviations,), _mean, permutation_type="samples", vectorized=True,
            n_resamples=design.resamples, rng=design.rng(0),
        ).null_distribution  # fmt: skip
    null = resampled(null, design, 0)
    return _of_means([seed for seed, _ in pairs], deviations + beyond, null, design, signs=beyond)


def exponent_test(strata: Iterable[Stratum], design: Design = Design()) -> Inference | None:
    """The exponent c of log y = a_stratum + b log z + c log x, by least squares.

    Tested by Freedman and Lane's permutation: the residuals of the regression without x are
    permuted within strata, and |t| of c is compared. None where c is not determined.
    """
    kept = [s for s in usable(strata) if min(s.x.min(), s.y.min(), s.z.min()) > 0]
    if not kept:
        return None
    logs = [Centred.of(s) for s in kept]
    x, y, z = (np.concatenate([getattr(s, name) for s in logs]) for name in "xyz")
    rest = x - z * (x @ z / (z @ z)) if z.any() else x
    freedom = len(x) - len(kept) - (2 if z.any() else 1)
    if rest @ rest <= 1e-9 * (x @ x) or freedom < 1:
        return None
    c = float(rest @ y / (rest @ rest))
    b = float(z @ (y - c * x) / (z @ z)) if z.any() else 0.0
    left = y - z * (y @ z / (z @ z)) if z.any() else y
    null = _freedman_lane(left, z, rest, freedom, [len(s.x) for s in kept], design)
    t = _t(left[None], z, rest, freedom)[0]
    errors = y - b * z - c * x
    error = math.sqrt(errors @ errors / freedom / (rest @ rest))
    determined = 1 - float(errors @ errors / (y @ y)) if y.any() else 0.0
    return Inference(
        c, *_interval_of(logs, design), p_value(null, float(t)), _count(logs), len(kept),
        _spread([_exponent(part) for part in _by_seed(logs)]),
        error * math.sqrt(_count(logs)),
        remark=f"standard error {error:.2g}; of the covariate {b:.2f}, R² {determined:.3f}",
    )  # fmt: skip


# Ranks


def rank_correlation(x: Sequence[float] | Array, y: Sequence[float] | Array) -> float | None:
    """Spearman's ρ, equal values sharing their mean rank; 0 where y does not vary at all.

    None if x has fewer than three different values.
    """
    if len(set(x)) < MIN_POINTS:
        return None
    a, b = centred_ranks(x), centred_ranks(y)
    return float(a @ b / np.sqrt((a @ a) * (b @ b))) if b.any() else 0.0


def centred_ranks(values: Sequence[float] | Array) -> Array:
    return stats.rankdata(values) - (len(values) + 1) / 2


def rank_null(stratum: Stratum, design: Design, which: int) -> Array:
    """ρ of a stratum whose y is permuted: as many values as there are resamples."""
    a, b = centred_ranks(stratum.x), centred_ranks(stratum.y)
    if not b.any():
        return np.zeros(design.resamples)
    scale = np.sqrt((a @ a) * (b @ b))

    def correlation(ranks: Array, axis: int = -1) -> Array:
        return np.moveaxis(ranks, axis, -1) @ a / scale

    found = stats.permutation_test(
        (b,), correlation, permutation_type="pairings", vectorized=True,
        n_resamples=design.resamples, rng=design.rng(which),
    )  # fmt: skip
    return resampled(found.null_distribution, design, which)


def resampled(null: Array, design: Design, which: int) -> Array:
    """As many values as there are resamples; of all possible ones, where these are fewer, drawn."""
    if len(null) == design.resamples:
        return null
    return design.rng(which, 1).choice(np.sort(null), design.resamples)


def p_value(null: Array, observed: float) -> float:
    """(1 + #)/(1 + N), # of N at least as far from 0 as what is observed, up to round-off."""
    far = np.abs(null) >= abs(observed) - SAME * max(1.0, abs(observed))
    return float(1 + far.sum()) / (1 + len(null))


# Slopes


@dataclass(frozen=True)
class Centred:
    """The logarithms of a stratum, less their means."""

    seed: int
    x: Array
    y: Array
    z: Array

    @classmethod
    def of(cls, stratum: Stratum) -> Centred:
        logs = (np.log(getattr(stratum, name)) for name in "xyz")
        return cls(stratum.seed, *(log - log.mean() for log in logs))

    @property
    def products(self) -> Array:
        """(zz, zx, xx, zy, xy), of which sums over strata determine b and c."""
        x, y, z = self.x, self.y, self.z
        return np.array([z @ z, z @ x, x @ x, z @ y, x @ y])


def elasticity(
    strata: Iterable[Stratum], design: Design
) -> tuple[float | None, float | None, float | None]:
    """The exponent d log y/d log x within strata, with its interval; none of what is ≤ 0."""
    kept = usable(strata)
    if not kept or min(min(s.x.min(), s.y.min()) for s in kept) <= 0:
        return None, None, None
    logs = [Centred.of(Stratum(s.seed, s.x, s.y, np.ones_like(s.x))) for s in kept]
    return _exponent(logs), *_interval_of(logs, design)


def _exponent(logs: Sequence[Centred]) -> float:
    return float(_solved(sum((s.products for s in logs), np.zeros(5))[None])[0])


def _solved(products: Array) -> Array:
    """The exponent c of every row of summed products; NaN where it is not determined."""
    zz, zx, xx, zy, xy = products.T
    none = zz <= 1e-12  # no covariate
    with np.errstate(invalid="ignore", divide="ignore"):
        alone, beside = xy / xx, (xy * zz - zx * zy) / (xx * zz - zx**2)
        determined = np.where(none, xx > 0, xx * zz - zx**2 > 1e-9 * xx * zz)
    return np.where(determined, np.where(none, alone, beside), np.nan)


def _by_seed(logs: Sequence[Centred]) -> list[list[Centred]]:
    return [[s for s in logs if s.seed == seed] for seed in sorted({s.seed for s in logs})]


def _count(logs: Sequence[Centred]) -> int:
    return len({s.seed for s in logs})


def _interval_of(logs: Sequence[Centred], design: Design) -> tuple[float | None, float | None]:
    sums = np.array([sum((s.products for s in part), np.zeros(5)) for part in _by_seed(logs)])
    return interval(lambda drawn, axis=-1: _solved_along(sums[drawn.astype(int)], axis), len(sums),
                    design)  # fmt: skip


def _solved_along(products: Array, axis: int) -> Array:
    summed = products.sum(axis=axis - 1 if axis < 0 else axis)
    return _solved(summed.reshape(-1, 5)).reshape(summed.shape[:-1])


def _freedman_lane(
    left: Array, z: Array, rest: Array, freedom: int, sizes: Sequence[int], design: Design
) -> Array:
    """Student's t of c for residuals that are permuted within strata."""
    ends = np.cumsum(sizes)
    parts = np.split(left, ends[:-1])
    permuted = [
        design.rng(i).permuted(np.tile(part, (design.resamples, 1)), axis=1)
        for i, part in enumerate(parts)
    ]
    return _t(np.concatenate(permuted, axis=1), z, rest, freedom)


def _t(y: Array, z: Array, rest: Array, freedom: int) -> Array:
    """Student's t of c, for each row of y; 0 where all of y is explained without x."""
    along, beside = y @ rest / math.sqrt(rest @ rest), y @ z / math.sqrt(z @ z or 1.0)
    total = (y**2).sum(axis=-1)
    errors = np.maximum(total - along**2 - beside**2, 1e-18 * total)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, along / np.sqrt(errors / freedom), 0.0)


# Over seeds


def interval(
    statistic: Callable[..., Array], seeds: int, design: Design
) -> tuple[float | None, float | None]:
    """Percentiles of a statistic of so many seeds, drawn with replacement; None below three."""
    if seeds < MIN_SEEDS:
        return None, None
    drawn = stats.bootstrap(
        (np.arange(seeds),), statistic, n_resamples=design.resamples, vectorized=True,
        confidence_level=design.level, method="percentile", rng=design.rng(0, 2),
    ).bootstrap_distribution  # fmt: skip
    tail = (1 - design.level) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def usable(strata: Iterable[Stratum]) -> list[Stratum]:
    """Those that count, in an order that is theirs alone."""
    return sorted((s for s in strata if s.counts), key=lambda s: s.key)


def _of_means(
    seeds: Sequence[int], values: Array, null: Array, design: Design, signs: float | None = None
) -> Inference:
    """The inference on a mean over strata; `signs` says where those change, if they are tested."""
    beyond, flips = (0.0, 0.0) if signs is None else (signs, len(values) / len(set(seeds)))
    different = sorted(set(seeds))
    mine = [np.array([v for s, v in zip(seeds, values, strict=True) if s == d]) for d in different]
    sums, counts = np.array([(part.sum(), len(part)) for part in mine]).T

    def mean(drawn: Array, axis: int = -1) -> Array:
        which = drawn.astype(int)
        return sums[which].sum(axis=axis) / counts[which].sum(axis=axis)

    value = float(np.mean(values))
    return Inference(
        value, *interval(mean, len(different), design), p_value(null, value - beyond),
        len(different), len(values), _spread(sums / counts),
        float(np.std(null)) * math.sqrt(len(different)), beyond, flips,
    )  # fmt: skip


def _spread(of_seeds: Sequence[float] | Array) -> float | None:
    known = [value for value in of_seeds if np.isfinite(value)]
    return float(np.std(known, ddof=1)) if len(known) >= MIN_SEEDS else None


def _mean(values: Array, axis: int = -1) -> Array:
    return values.mean(axis=axis)
