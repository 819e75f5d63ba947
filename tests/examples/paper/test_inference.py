"""Tests, intervals and numbers of seeds: calibrated without an effect, sharp with one, by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from examples.paper.inference import (
    Design,
    Inference,
    Stratum,
    elasticity,
    exponent_test,
    interval,
    p_value,
    rank_correlation,
    rank_test,
    sign_test,
)

FAST = Design(resamples=499)
H = (0.005, 0.01, 0.02, 0.05, 0.1)


def strata(
    rng: np.random.Generator, effect: float, *, seeds: int = 3, each: int = 2, covariate: float = 0
) -> list[Stratum]:
    """Let log y = a_stratum + effect · log h + covariate · log z + noise, with z that follows h."""
    found = []
    for seed, _ in itertools.product(range(seeds), range(each)):
        x = np.log(H)
        z = -x + rng.normal(size=len(x))
        y = rng.normal() + effect * x + covariate * z + rng.normal(scale=0.5, size=len(x))
        found.append(Stratum.of(seed, np.exp([x, y, z]).T))
    return found


# Calibration and power


@pytest.mark.parametrize(
    ("test", "covariate"), [(rank_test, 0), (exponent_test, 2)], ids=["rank", "exponent"]
)
def test_without_an_effect_every_p_is_equally_likely(test, covariate):
    """Kolmogorov and Smirnov's test, and the share below 0.05 of 250 tables."""
    ps = []
    for i in range(250):
        rng = np.random.default_rng([1, i])
        found = test(strata(rng, 0, covariate=covariate), Design(199, (i,)))
        ps.append(found.p)
    assert stats.kstest(ps, "uniform").pvalue > 0.01
    assert np.mean(np.array(ps) <= 0.05) == pytest.approx(0.05, abs=0.042)  # 3 deviations


def test_signs_without_an_effect_are_calibrated():
    ps = [
        sign_test(
            enumerate(np.random.default_rng([2, i]).normal(0.5, 1, 12)),
            Design(199, (i,)),
            beyond=0.5,
        ).p
        for i in range(400)
    ]
    assert stats.kstest(ps, "uniform").pvalue > 0.01


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_effect_is_found_with_its_sign(sign):
    rng = np.random.default_rng(3)
    made = strata(rng, sign * 1.0, covariate=2)
    found = exponent_test(made, FAST)
    assert found.p == 1 / 500 and found.value == pytest.approx(sign, abs=0.35)
    assert found.low < sign * 1.0 < found.high or abs(found.value - sign) < 0.35
    plain = strata(rng, sign * 1.0)
    ranks = rank_test(plain, FAST)
    assert ranks.p == 1 / 500 and ranks.value * sign > 0.7
    slope, low, high = elasticity(plain, FAST)
    assert slope == pytest.approx(sign, abs=0.3) and low < slope < high


def test_a_covariate_that_explains_all_leaves_nothing():
    """Y follows h by z alone: the ranks see a trend, the exponent beside z does not."""
    made = strata(np.random.default_rng(4), 0, covariate=3, seeds=5)
    assert rank_test(made, FAST).p <= 0.01
    found = exponent_test(made, FAST)
    assert found.p > 0.05 and abs(found.value) < 0.3
    assert "of the covariate 3.0" in found.remark or "of the covariate 2.9" in found.remark


# Against code that shares nothing with it


def test_two_small_strata_by_brute_force():
    """All 24 · 6 pairs of orders, in plain Python."""
    a = ([1, 2, 3, 4], [5.0, 7.0, 6.0, 9.0])
    b = ([1, 2, 3], [2.0, 4.0, 3.0])

    def rho(x, y):
        d = sum((i - j) ** 2 for i, j in zip(x, [sorted(y).index(v) + 1 for v in y], strict=True))
        return 1 - 6 * d / (len(x) * (len(x) ** 2 - 1))

    observed = (rho(*a) + rho(*b)) / 2
    every = [
        (rho(a[0], list(p)) + rho(b[0], list(q))) / 2
        for p in itertools.permutations(a[1])
        for q in itertools.permutations(b[1])
    ]
    exact = sum(abs(value) >= abs(observed) - 1e-12 for value in every) / len(every)
    made = [Stratum.of(s, list(zip(*xy, strict=True))) for s, xy in enumerate((a, b))]
    found = rank_test(made, Design(9999))
    assert found.value == pytest.approx(observed)
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9999))


def test_the_exponents_are_those_of_least_squares():
    made = strata(np.random.default_rng(5), 0.4, covariate=1.5)
    y, x, z = (np.concatenate([np.log(getattr(s, name)) for s in made]) for name in "yxz")
    own = np.kron(np.eye(len(made)), np.ones((len(H), 1)))
    design = np.column_stack([x, z, own])
    beta, *_ = np.linalg.lstsq(design, y, rcond=None)
    left = y - design @ beta
    variance = left @ left / (len(y) - design.shape[1])
    error = math.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0])
    found = exponent_test(made, FAST)
    assert found.value == pytest.approx(beta[0])
    assert f"standard error {error:.2g}" in found.remark
    assert f"of the covariate {beta[1]:.2f}" in found.remark


def test_freedman_and_lane_by_brute_force():
    """Strata of four and three points: all 24 · 6 orders of residuals, by whole regressions."""
    a = Stratum.of(0, [(1, 2.0, 3.0), (2, 2.5, 1.0), (4, 9.0, 2.0), (8, 7.0, 5.0)])
    b = Stratum.of(1, [(1, 50.0, 2.0), (2, 10.0, 4.0), (4, 90.0, 1.0)])  # of larger residuals
    x, y, z = (np.log(np.concatenate([getattr(s, name) for s in (a, b)])) for name in "xyz")
    own = np.repeat(np.eye(2), [4, 3], axis=0)
    whole, reduced = np.column_stack([own, z, x]), np.column_stack([own, z])

    def t(y):
        beta, *_ = np.linalg.lstsq(whole, y, rcond=None)
        left = y - whole @ beta
        variance = left @ left / (7 - 4)
        return beta[3] / math.sqrt(variance * np.linalg.inv(whole.T @ whole)[3, 3])

    fitted = reduced @ np.linalg.lstsq(reduced, y, rcond=None)[0]
    left = y - fitted
    every = [
        abs(t(fitted + np.array([*p, *q])))
        for p in itertools.permutations(left[:4])
        for q in itertools.permutations(left[4:])
    ]
    exact = np.mean([value >= abs(t(y)) - 1e-9 for value in every])
    found = exponent_test([a, b], Design(9999))
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9999))


def test_signs_by_brute_force():
    values = [0.9, 0.7, 0.6, 0.2, 1.1]
    every = [
        abs(sum(s * (v - 0.5) for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=5)
    ]
    exact = np.mean([value >= sum(values) - 2.5 - 1e-12 for value in every])
    found = sign_test(enumerate(values), Design(9999), beyond=0.5)
    assert found.value == pytest.approx(0.7)
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9999))


def test_p_counts_what_is_as_far_up_to_round_off():
    assert p_value(np.array([0.3, -0.1 - 0.2, 0.1]), 0.1 + 0.2) == 3 / 4


# What does not matter, and what is missing


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_strata_and_of_points_does_not_matter(random):
    made = strata(np.random.default_rng(6), 0.2, covariate=1)
    points = [(s.seed, list(zip(s.x, s.y, s.z, strict=True))) for s in made]
    random.shuffle(points)
    for _, each in points:
        random.shuffle(each)
    again = [Stratum.of(*each) for each in points]
    design = Design(99)
    for test in (rank_test, exponent_test):
        assert test(again, design) == test(made, design)
    values = [(s.seed, float(s.y[0])) for s in made]
    shuffled = random.sample(values, len(values))
    assert sign_test(shuffled, design) == sign_test(values, design)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([np.exp, np.cbrt, lambda y: y * 3 + 1]))
def test_ranks_know_no_scale(seed, monotone):
    rng = np.random.default_rng(seed)
    made = [Stratum.of(s, rng.normal(size=(4, 2))) for s in range(3)]
    other = [Stratum(s.seed, s.x, monotone(s.y), s.z) for s in made]
    found, again = rank_test(made, Design(99)), rank_test(other, Design(99))
    assert (found.value, found.p) == (again.value, again.p)
    mirrored = rank_test([Stratum(s.seed, s.x, -s.y, s.z) for s in made], Design(99))
    assert mirrored.value == pytest.approx(-found.value)


def test_one_stratum_of_three_models_proves_nothing():
    found = rank_test([Stratum.of(0, [(1, 3.0), (2, 2.0), (3, 1.0)])], FAST)
    assert found.value == -1 and found.p == pytest.approx(1 / 3, abs=0.07)
    assert (found.low, found.high, found.spread, found.seeds, found.strata) == (None,) * 3 + (1, 1)
    assert found.seeds_that_decide(0.05) is None


def test_two_learning_rates_have_no_trend():
    two = Stratum.of(0, [(1, 3.0), (2, 2.0), (2, 1.0)])
    assert rank_test([two], FAST) is None and exponent_test([two], FAST) is None
    assert elasticity([two], FAST) == (None, None, None)
    three = Stratum.of(1, [(1, 3.0), (2, 2.0), (3, 1.0)])
    assert rank_test([two, three], FAST).strata == 1
    assert sign_test([], FAST) is None and sign_test([(0, 1.0)], FAST).p == 1


def test_what_does_not_vary_has_no_effect():
    flat = [Stratum.of(s, [(x, 1.0) for x in H]) for s in range(3)]
    found = rank_test(flat, FAST)
    assert (found.value, found.p, found.low, found.high) == (0, 1, 0, 0)
    assert found.seeds_that_decide(0.05) == math.inf
    assert exponent_test(flat, FAST).value == 0


def test_an_x_in_the_order_of_the_covariate_cannot_be_told_from_it():
    made = [Stratum.of(s, [(x, x**2 * (1 + s), x**3) for x in H]) for s in range(3)]
    assert exponent_test(made, FAST) is None


def test_intervals_are_percentiles_over_seeds():
    """Of three seeds there are 27 samples: the least and the greatest one each."""
    values = {0: (-1.0, -0.5), 1: (-0.75,), 2: (0.0, 0.25)}
    pairs = [(seed, value) for seed, of_seed in values.items() for value in of_seed]
    found = sign_test(pairs, Design(9999))
    assert (found.low, found.high) == (-0.75, 0.125)
    assert found.value == pytest.approx(-0.4)
    assert interval(lambda drawn, axis: drawn.mean(axis=axis), 2, FAST) == (None, None)


def test_ties_share_their_rank_as_in_scipy():
    x, y = np.random.default_rng(7).integers(0, 4, (2, 9)).astype(float)
    assert rank_correlation(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert rank_correlation([1, 2, 2], [1, 2, 3]) is None


# How many seeds decide


def test_the_number_of_seeds_has_the_power_that_it_is_said_to_have():
    """An effect of 0.3 with a spread of 0.5 over seeds, and one of chance alone of 0.4."""
    told = Inference(0.3, 0, 1, 0.2, 3, 3, spread=0.5, chance=0.4)
    n = told.seeds_that_decide(0.05)
    assert n == math.ceil(((1.959964 * 0.4 + 0.841621 * 0.5) / 0.3) ** 2) == 17
    means = np.random.default_rng(8).normal(0.3, 0.5, (20_000, int(n))).mean(axis=1)
    assert np.mean(np.abs(means) > 1.959964 * 0.4 / math.sqrt(n)) == pytest.approx(0.8, abs=0.03)


def test_signs_need_so_many_that_all_of_them_suffice():
    values = [(s, v) for s, v in enumerate((0.71, 0.7, 0.69))]
    found = sign_test(values, FAST, beyond=0.5)
    assert found.p > 0.2
    assert found.seeds_that_decide(0.05) >= math.log2(2 / 0.05)
    assert found.seeds_that_decide(0.05 / 13) >= math.log2(2 * 13 / 0.05)


def test_more_seeds_than_there_are_decide():
    told = Inference(0.9, 0.8, 1, 0.06, 5, 5, spread=0.01, chance=0.1)
    assert told.seeds_that_decide(0.05) == 6
