"""The figures of the MLPs on MNIST, from small tables whose trends are known."""

from __future__ import annotations

import csv
import itertools
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import bea
from bea.tables import read_table, write_table
from examples.paper import common_times, scripts, trends
from examples.paper import panels as run_panels
from examples.paper import tables as run_tables
from examples.paper.coverage import Grid
from examples.paper.mnist import claims as mnist_claims
from examples.paper.mnist import (
    figure_2,
    figure_3,
    figure_a2,
    figure_a3,
    figure_a4,
    figure_a5,
    figure_equal_loss,
    figure_equal_step,
    figure_intervention,
)
from examples.paper.mnist import tables as mnist_tables
from tests.examples.paper.seen import seen

FIGURES = {
    "figure_2": figure_2, "figure_3": figure_3, "figure_a2": figure_a2, "figure_a3": figure_a3,
    "figure_a4": figure_a4, "figure_a5": figure_a5, "figure_equal_step": figure_equal_step,
    "figure_equal_loss": figure_equal_loss, "figure_intervention": figure_intervention,
}  # fmt: skip
SCRIPTS = {**FIGURES, "claims": mnist_claims}
WIDTHS, RATES, SEEDS, STEPS = (8, 16, 32), (0.01, 0.02, 0.04, 0.08), (0, 1, 2), (0, 10, 20, 40, 80)
SIGMAS, DRAWS = (0.0, 0.5, 1.0), 3
COMPARED = 32


# Tables with known trends


def measurement(width: int, h: float, seed: int, step: int, side: int = 1, **given) -> dict:
    """A row in which all is as the paper says, or with side = −1 the opposite of it.

    R_IG/E = 1/(h n_l) and E = 1/(1 + h i) with the steps i, so that R_IG falls with h and n_l.
    """
    m, rank = 10 * width, RATES.index(h) if h in RATES else 0
    effect = (h * width) ** side
    loss = 1 / (1 + (h if side > 0 else 1e-3 / h) * step)
    regularizer = given.pop("regularizer", loss * 1e-3 / effect)
    # |θ| rises with h, but in an order of its own, so that it does not account for all.
    size = (1, 3, 2, 4)[rank] if side > 0 else (4, 2, 3, 1)[rank]
    row = {
        "width": width,
        "examples": 1000,
        "batch": "32",
        "seed": seed,
        "learning_rate": h,
        "step": step,
        "epoch": step / 10,
        "physical_time": step * h,
        "loss": loss,
        "squared_slope": m * regularizer,
        "slope": math.sqrt(m * regularizer),
        "regularizer": regularizer,
        "regularization_rate": h * m / 4,
        "regularization": h * m / 4 * regularizer,
        "accuracy": 1.0 if step >= 20 else 0.5,
        "test_loss": loss,
        "test_accuracy": 0.8 + 0.01 * math.log(effect) + (0.002 if step >= 40 else 0.0),
        "norm": 10.0 + size + step / 1000,
        "diverged_at": None,
    }
    return {**row, **given}


def world(side: int = 1, seeds: Sequence[int] = SEEDS) -> list[dict]:
    """Mini-batch runs of all widths and full-batch runs of one."""
    cases = [(width, "32") for width in WIDTHS] + [(COMPARED, "full")]
    return [
        measurement(width, h, seed, step, side, batch=batch)
        for width, batch in cases
        for seed, h, step in itertools.product(seeds, RATES, STEPS)
    ]


def noise(side: int = 1, seeds: Sequence[int] = SEEDS) -> list[dict]:
    """What σ adds to the slope and takes from the test accuracy falls with h, or rises with it."""
    return [
        {
            "width": COMPARED,
            "seed": seed,
            "learning_rate": h,
            "sigma": sigma,
            "draw": draw,
            "slope": (1 + sigma) * h**-side * (1 + draw),
            "test_accuracy": measurement(COMPARED, h, seed, 40, side)["test_accuracy"]
            - sigma * (0.001 / h if side > 0 else 0.5 * h)
            - 0.01 * (draw - 1),
        }
        for seed, h, sigma, draw in itertools.product(seeds, RATES, SIGMAS, range(DRAWS))
    ]


def written(folder: Path, measurements: Sequence[dict], perturbations: Sequence[dict]) -> Path:
    """The two tables as files, by the csv module alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("measurements", measurements), ("perturbations", perturbations)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def changed(rows: Sequence[dict], where: dict, **new) -> list[dict]:
    """The rows with other values in some of them."""
    return [
        {**row, **new} if all(row[name] == value for name, value in where.items()) else row
        for row in rows
    ]


def diverging(rows: Sequence[dict], where: dict, at: int) -> list[dict]:
    """The rows of models that diverge: nothing is told of them from that step on."""
    told = ("loss", "squared_slope", "slope", "regularizer", "regularization", "accuracy",
            "test_loss", "test_accuracy", "norm")  # fmt: skip
    rows = changed(rows, where, diverged_at=at)
    return [
        {**row, **dict.fromkeys(told)}
        if row["diverged_at"] is not None and row["step"] >= at
        else row
        for row in rows
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("agreeing"), world(), noise())


def tables_of(folder: Path):
    return mnist_tables.Tables(folder)


def model_of(rows: Sequence[dict]):
    return run_tables.Model.of(rows)


# Where models are compared


def test_best_is_the_first_of_the_highest_among_those_that_fit():
    rows = [
        measurement(8, 0.01, 0, step, accuracy=accuracy, test_accuracy=tested)
        for step, accuracy, tested in
        ((0, 0.5, 0.99), (10, 1.0, 0.7), (20, 1.0, 0.8), (40, 0.999, 0.9), (80, 1.0, 0.8))
    ]  # fmt: skip
    assert run_tables.at_best(model_of(rows))["step"] == 20
    assert run_tables.at_best(model_of(rows[::-1]))["step"] == 20
    assert run_tables.at_highest(model_of(rows))["step"] == 0


def test_what_never_fits_is_excluded_with_the_reason():
    rows = [measurement(8, 0.01, 0, step, accuracy=0.25 + step / 200) for step in STEPS]
    reason = run_tables.at_best(model_of(rows))
    assert reason == "never at 100 % training accuracy: 65.00 % at the most"


def test_what_diverges_is_excluded_even_if_it_fitted_before():
    rows = [measurement(8, 0.01, 0, step) for step in STEPS]
    early, late = (model_of(diverging(rows, {}, at)) for at in (15, 60))
    tables = run_tables
    assert tables.at_best(early) == "diverged at step 15"
    assert tables.at_best(late) == tables.at_highest(late) == "diverged at step 60"
    assert tables.at_step(20)(late) == tables.at_time(0.2)(late) == "diverged at step 60"


def test_a_model_that_diverges_at_its_first_step_is_excluded():
    rows = diverging([measurement(8, 0.5, 0, step) for step in STEPS], {}, 0)
    assert run_tables.at_best(model_of(rows)) == "diverged at step 0"


def test_the_last_common_step_and_time_are_those_of_models_that_do_not_diverge(tmp_path):
    rows = diverging(world(), {"learning_rate": 0.08}, 15)
    rows = [row for row in rows if (row["learning_rate"], row["step"]) != (0.02, 80)]
    models = tables_of(written(tmp_path, rows, noise())).models(COMPARED)
    assert run_tables.last_common_step(models) == 40
    assert run_tables.last_common_time(models) == pytest.approx(0.8)  # 80 · 0.01, 40 · 0.02
    (row,) = run_tables.select(models[-1:], run_tables.at_step(40))
    assert row["excluded"] == "diverged at step 15"


def test_a_model_is_measured_at_the_last_time_that_is_not_later():
    model = model_of([measurement(8, 0.1, 0, step) for step in (0, 1, 3, 4)])
    at_time = run_tables.at_time
    assert 3 * 0.1 > 0.3  # by round-off, which is not to matter
    assert at_time(0.3)(model)["step"] == 3
    assert at_time(0.39)(model)["step"] == 3
    assert at_time(0.05)(model) == "not measured between T = 0 and 0.05"


def test_powers_of_the_loss_are_interpolated_exactly():
    rows = [
        measurement(8, 0.1, 0, step, loss=loss, regularizer=loss**2, slope=loss)
        for step, loss in ((0, 1.0), (1, 0.3), (2, 0.4), (3, 0.05))
    ]
    found = run_tables.at_loss(0.2)(model_of([*rows, measurement(8, 0.1, 0, 20)]))
    assert (found["loss"], found["regularizer"]) == pytest.approx((0.2, 0.04))
    assert 2 < found["step"] < 3
    reason = run_tables.at_loss(2.0)(model_of([*rows, measurement(8, 0.1, 0, 20)]))
    assert reason == "never measured on either side of E = 2"


def test_the_compared_width_is_the_one_with_the_full_batch(tmp_path):
    rows = [row for row in world() if row["batch"] == "32"]
    rows += [{**row, "batch": "full"} for row in rows if row["width"] == 16]
    assert tables_of(written(tmp_path, rows, noise())).compared_width == 16


# Statistics


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlations_are_those_of_scipy(seed):
    x, y = np.random.default_rng(seed).integers(0, 5, (2, 9)).astype(float)  # with ties
    expected = stats.spearmanr(x, y).statistic
    assert trends.rank_correlation(x, y) == pytest.approx(expected)


def test_two_points_have_no_trend_and_a_constant_has_none():
    rank_correlation = trends.rank_correlation
    assert rank_correlation([1, 2, 2], [1, 2, 3]) is None
    assert rank_correlation([1, 2, 3], [5, 5, 5]) == 0.0


def test_the_interval_is_students_within_the_possible():
    values = [0.1, 0.3, 0.35, 0.2]
    found = trends.Trend.over([(value, 10**9) for value in values])
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    wide = trends.Trend.over([(-1.0, 5), (1.0, 5)])
    assert (wide.value, wide.low, wide.high) == (0, -1, 1)


def test_seeds_that_agree_have_the_interval_of_chance():
    found = trends.Trend.over([(0.9, 5), (0.9, 5), (0.9, 3)])
    assert found.low == pytest.approx(0.9 - 1.96 / math.sqrt(4 + 4 + 2), abs=1e-4)
    orders = itertools.permutations(range(5))  # the variance of chance is that of all orders
    all_of_them = [trends.rank_correlation(range(5), order) for order in orders]
    assert np.var(all_of_them) == pytest.approx(1 / 4)


def test_one_seed_has_no_interval():
    found = trends.Trend.over([(0.5, 5)])
    assert (found.value, found.low, found.high, found.seeds) == (0.5, None, None, 1)
    assert trends.Trend.over([]).value is None


@pytest.mark.parametrize(("points", "expected"), [(3, 7 / 216), (4, 0.0170), (5, 0.0130)])
def test_models_without_a_trend_seldom_have_an_interval_beyond_zero(points, expected):
    """How probable it is if all orders of the points are equally likely, in each of three seeds.

    With three points in 1 + 3·2 of 6³ cases: all three seeds have ρ = 1, or two of them have and
    the third is in one of the two orders with ρ = 1/2.
    """
    orders = itertools.permutations(range(points))
    values = Counter(round(trends.rank_correlation(range(points), order), 9) for order in orders)
    agreeing = 0
    for seeds in itertools.combinations_with_replacement(values, 3):
        found = trends.Trend.over([(value, points) for value in seeds])
        if found.low > 0:
            ways = len(set(itertools.permutations(seeds)))
            agreeing += ways * math.prod(values[value] for value in seeds)
    assert agreeing / math.factorial(points) ** 3 == pytest.approx(expected, abs=5e-4)


# Noise


def test_noise_is_averaged_over_all_its_sizes_but_zero(folder, tmp_path):
    """At h = 0.04 the slope is (1 + σ)·2/h in the median, and 0.025σ of the accuracy is lost."""
    (row,) = (
        row
        for row in mnist_tables.under_noise(tables_of(folder))
        if (row["learning_rate"], row["seed"]) == (0.04, 1)
    )
    assert row["noisy_slope"] == pytest.approx(50 * math.sqrt(1.5 * 2))
    assert row["lost_test_accuracy"] == pytest.approx(0.025 * 0.75)
    assert row["noisy_test_accuracy"] == pytest.approx(row["test_accuracy"] - 0.025 * 0.75)
    zero = [{**row, "slope": 1e9} if row["sigma"] == 0 else row for row in noise()]
    again = mnist_tables.under_noise(tables_of(written(tmp_path, world(), zero)))
    assert again == mnist_tables.under_noise(tables_of(folder))


# The figures' tables


def test_figure_2_lists_every_model_or_why_it_is_excluded(tmp_path):
    rows = diverging(world(), {"width": 8, "learning_rate": 0.08}, 15)
    rows = changed(rows, {"width": 16, "learning_rate": 0.01}, accuracy=0.75)
    found = figure_2.make_table(tables_of(written(tmp_path, rows, noise())))
    assert len(found) == len(WIDTHS) * len(RATES) * len(SEEDS)
    reasons = {(row["width"], row["learning_rate"]): row["excluded"] for row in found}
    assert reasons.pop((8, 0.08)) == "diverged at step 15"
    assert reasons.pop((16, 0.01)) == "never at 100 % training accuracy: 75.00 % at the most"
    assert set(reasons.values()) == {None}
    (row,) = (
        r for r in found if (r["width"], r["learning_rate"], r["seed"]) == (16, 0.02, 1)
    )  # E = 1/(1 + 0.02 · 40), R_IG/E = 10⁻³/(0.02 · 16), λ = 0.02 · 160/4
    assert (row["step"], row["loss"]) == (40, pytest.approx(1 / 1.8))
    assert row["regularizer_over_loss"] == pytest.approx(1e-3 / 0.32)
    assert row["regularization_rate"] == pytest.approx(0.8)
    note = run_panels.exclusions(found, "figure_2.csv")
    assert "6 of 36 models (3 diverged, 3 never at 100 % training accuracy)" in note


def test_figure_3_has_the_quartiles_over_draws_and_seeds(tmp_path):
    perturbed = [
        {**row, "slope": 10.0 * row["seed"] + row["draw"]} for row in noise()
    ]  # at every h and σ: 0, 1, 2, 10, 11, 12, 20, 21, 22
    found = figure_3.make_table(tables_of(written(tmp_path, world(), perturbed)))
    curves = [row for row in found if row["seed"] is None]
    assert len(curves) == len(RATES) * len(SIGMAS)
    for row in curves:
        assert row["draws"] == 9
        assert [row[f"slope_{what}"] for what in ("lower", "median", "upper")] == [2, 11, 20]
    means = {row["seed"]: row["slope_mean"] for row in found if row["seed"] is not None}
    assert means == pytest.approx({0: 1, 1: 11, 2: 21})


def test_a_draw_whose_slope_overflows_is_not_counted(tmp_path):
    perturbed = [{**row, "slope": None} if row["draw"] == 1 else row for row in noise()]
    found = figure_3.make_table(tables_of(written(tmp_path, world(), perturbed)))
    assert {row["draws"] for row in found if row["seed"] is None} == {6}


def test_figure_3_leaves_out_what_is_excluded_and_lists_it(tmp_path):
    rows = changed(world(), {"learning_rate": 0.04, "width": COMPARED}, accuracy=0.5)
    found = figure_3.make_table(tables_of(written(tmp_path, rows, noise())))
    assert {row["learning_rate"] for row in found if row["seed"] is None} == {0.01, 0.02, 0.08}
    listed = [row for row in found if row["excluded"]]
    assert [(row["learning_rate"], row["seed"]) for row in listed] == [
        (0.04, 0),
        (0.04, 1),
        (0.04, 2),
    ]


def test_the_figure_of_one_step_is_of_the_last_common_one(folder):
    tables = tables_of(folder)
    assert {row["step"] for row in figure_equal_step.make_table(tables)} == {80}
    assert {row["step"] for row in figure_equal_step.make_table(tables, step=10)} == {10}


@pytest.mark.parametrize("figure", [figure_a2, figure_a3])
def test_learning_curves_mark_where_the_models_are_compared(figure, folder):
    found = figure.make_table(tables_of(folder))
    assert len(found) == len(RATES) * len(SEEDS) * len(STEPS)
    assert {row["step"] for row in found if row["compared"]} == {40}


def test_figure_a2_has_the_share_of_the_regularizer_in_the_modified_loss(folder):
    """R_IG/E = 10⁻³/(h n_l) and λ = h m/4 with m = 10 n_l: λR_IG/E = 10⁻²/4 everywhere."""
    found = figure_a2.make_table(tables_of(folder))
    shares = [row["regularization_over_loss"] for row in found]
    assert shares == pytest.approx([0.0025] * len(found))


def test_figure_a3_is_of_the_test_set(tmp_path):
    rows = [{**row, "test_loss": 2.0, "test_regularizer": 0.5 * row["step"]} for row in world()]
    found = figure_a3.make_table(tables_of(written(tmp_path, rows, noise())))
    assert [row["test_regularizer_over_loss"] for row in found] == [
        row["step"] / 4 for row in found
    ]
    shown, said = seen(figure_a3, found, tmp_path)
    assert shown["(a) Loss of the test set"]["$h$ = 0.01"] == [(step, 2.0) for step in STEPS]
    curve = shown["(b) Regularizer of the test set"]["$h$ = 0.01"]
    assert [y for _, y in curve] == pytest.approx([0.5 * step for step in STEPS])
    assert "recorded" not in said


def test_figure_a3_says_what_was_not_recorded(folder, tmp_path):
    shown, said = seen(figure_a3, figure_a3.make_table(tables_of(folder)), tmp_path)
    assert said.count("of the test set was not recorded") == 2
    assert shown["(b) Regularizer of the test set"] == {}
    assert len(shown["(d) Test accuracy"]) == len(RATES)


def test_common_times_are_ends_of_runs_and_where_all_rates_are_measured(tmp_path):
    """T = 0.8 is in all four runs, 1.6 in three; 0.4 in all that are left if h = 0.08 diverges."""
    models = tables_of(written(tmp_path / "all", world(), noise())).models(COMPARED)
    assert common_times.common_times(models) == [0.8, 1.6]
    assert common_times.common_times(models[: 2 * len(SEEDS)]) == []  # two rates
    rows = diverging(world(), {"learning_rate": 0.08}, 60)
    models = tables_of(written(tmp_path / "lost", rows, noise())).models(COMPARED)
    assert common_times.common_times(models) == [0.4, 0.8]


@pytest.mark.parametrize(("off", "expected"), [(1.009, [0.8, 1.6]), (1.011, [0.8])])
def test_times_within_a_hundredth_are_common(off, expected, tmp_path):
    """One rate that is measured a little later: up to 1 % it is at the same time as the others."""
    rows = [
        {**row, "physical_time": row["physical_time"] * off} if row["learning_rate"] == 0.04 else
        row
        for row in world()
    ]  # fmt: skip
    models = tables_of(written(tmp_path, rows, noise())).models(COMPARED)
    assert common_times.common_times(models) == expected  # without it T = 1.6 is of two rates


def test_figure_a4_has_the_curves_of_one_width_and_the_common_times_of_all(folder):
    found = figure_a4.make_table(tables_of(folder))
    curves = len(RATES) * len(SEEDS) * len(STEPS)
    others = 2 * len(SEEDS) * (4 + 3)  # widths, and the rates at T = 0.8 and 1.6
    assert Counter(row["batch"] for row in found) == {"32": curves + others, "full": curves}
    at = {(row["learning_rate"], row["step"]) for row in found if row["common_time"] == 0.8}
    assert at == {(0.01, 80), (0.02, 40), (0.04, 20), (0.08, 10)}


def test_figure_a4_counts_where_r_ig_rises_at_the_same_time(tmp_path):
    """Of mini-batches R_IG falls with h at every T by construction, of the full batch it rises."""
    rows = [row for row in world() if row["batch"] == "32"]
    full = [row for row in world() if row["batch"] == "full"]
    rows += [{**row, "regularizer": row["learning_rate"]} for row in full]
    tables = tables_of(written(tmp_path, rows, noise()))
    shown, said = seen(figure_a4, figure_a4.make_table(tables), tmp_path)
    assert "at T = 0.8 in 0 of 9 (mean ρ −1.00), at T = 1.6 in 0 of 9 (mean ρ −1.00)." in said
    assert "at T = 0.8 in 3 of 3 (mean ρ 1.00), at T = 1.6 in 3 of 3 (mean ρ 1.00)." in said
    at = dict(shown["(e) Regularizer at the same T"]["$T$ = 1.6, 3 rates"])  # the full batch's
    assert at == pytest.approx({h: h for h in RATES[1:]})
    curve = shown["(b) Regularizer"]["$h$ = 0.02*"]
    assert [T for T, _ in curve] == pytest.approx([0.2, 0.4, 0.8, 1.6])


def test_who_diverges_is_not_compared_at_the_same_time_and_told(tmp_path):
    """The curve of h = 0.08 ends where a seed diverges; the other seeds are compared."""
    rows = [row for row in world() if row["batch"] == "32"]
    rows = diverging(rows, {"learning_rate": 0.08, "seed": 1, "width": COMPARED}, 60)
    tables = tables_of(written(tmp_path, rows, noise()))
    found = figure_a4.make_table(tables)
    shown, said = seen(figure_a4, found, tmp_path)
    assert "Not compared at the same T: 1 of 12 models, diverged." in said
    curve = shown["(a) Loss"]["$h$ = 0.08*"]
    assert [T for T, _ in curve] == pytest.approx([0.8, 1.6, 3.2])
    at = [row for row in found if row["common_time"] == 0.8 and row["width"] == COMPARED]
    assert Counter(row["learning_rate"] for row in at) == {0.01: 3, 0.02: 3, 0.04: 3, 0.08: 2}


def test_figure_a4_says_that_there_is_no_full_batch(tmp_path):
    rows = [row for row in world() if row["batch"] == "32"]
    tables = tables_of(written(tmp_path, rows, noise()))
    _, said = seen(figure_a4, figure_a4.make_table(tables), tmp_path)
    assert "No model was trained with the full batch." in said


def test_figure_a5_has_all_batches_of_one_width_and_all_widths_of_one_batch(tmp_path):
    rows = world()
    more = [row for row in rows if row["width"] in (16, COMPARED) and row["batch"] == "32"]
    rows += [{**row, "batch": "128"} for row in more]
    rows += [{**row, "mu": 0.1} for row in more]
    rows = [{"mu": 0.0, **row} for row in rows]
    found = figure_a5.make_table(tables_of(written(tmp_path, rows, noise())))
    counts = Counter((row["width"], row["batch"]) for row in found)
    assert counts == {(8, "32"): 12, (16, "32"): 12, (COMPARED, "32"): 12, (COMPARED, "128"): 12,
                      (COMPARED, "full"): 12}  # fmt: skip
    assert {row["batch"]: row["batch_size"] for row in found} == {
        "32": 32, "128": 128, "full": 1000,
    }  # fmt: skip
    assert all(row["test_error"] == 1 - row["test_accuracy"] for row in found)
    shown, said = seen(figure_a5, found, tmp_path)
    assert set(shown["(a) Regularizer against h"]) == {
        "batches of 32", "batches of 128", "full batch of 1,000",
    }  # fmt: skip
    at = dict(shown["(d) Regularizer against width"]["$h$ = 0.04*"])  # E = 1/(1 + 0.04 · 40)
    assert at == pytest.approx({width: 1e-3 / (0.04 * width) / 2.6 for width in WIDTHS})
    assert said.count("rises in 0 of 12 (mean ρ −1.00)") == 1  # (d)
    assert said.count("rises in 12 of 12 (mean ρ 1.00)") == 1  # (e)
    assert said.count("rises in 0 of 12 (mean ρ 0.00)") == 1  # (i): all are equal
    assert "0 of the paper's 7 learning rates" not in said  # h = 0.01 is one of them


def test_the_exponents_of_e_and_h_are_told_apart(folder, tmp_path):
    """With m = 10 n_l is |∇E|² = m E · 10⁻³/(h n_l) = 10⁻² E/h."""
    found = figure_equal_loss.make_table(tables_of(folder))
    assert Counter((row["at"], row["batch"]) for row in found) == {
        ("best", "32"): 36, ("best", "full"): 12, ("equal E", "32"): 36,
    }  # fmt: skip
    for row in found:
        if row["at"] == "best":
            expected = 0.01 * row["loss"] / row["learning_rate"]
            assert row["squared_slope"] == pytest.approx(expected)
    shown, said = seen(figure_equal_loss, found, tmp_path)
    assert said.count("exponent of $h$ −1.00") == said.count("of $E$ 1.00, R² 1.000") == 2
    at_equal = dict(shown["(c) Regularizer at equal E"]["$n_l$ = 8"])
    (loss,) = {round(row["loss"], 9) for row in found if row["at"] == "equal E"}
    assert at_equal == pytest.approx({h: loss * 1e-3 / (8 * h) for h in RATES}, rel=1e-6)
    assert "rises with h in 0 of 9 (mean ρ −1.00)" in said


def intervention(exponent: float) -> list[dict]:
    """Models of two widths; of one with μ as well: R_IG(h, μ)/R_IG(h) = (R_IG(h')/R_IG(h))^p."""
    rows = [{"mu": 0.0, **row} for row in world() if row["width"] != 8]
    for seed, mimicked, step in itertools.product(SEEDS, (0.02, 0.08), STEPS):
        small, large = (measurement(16, h, seed, step)["regularizer"] for h in (0.01, mimicked))
        row = measurement(16, 0.01, seed, step, regularizer=small * (large / small) ** exponent)
        rows.append({"mu": (mimicked - 0.01) / 4, **row})
    return rows


@pytest.mark.parametrize(("exponent", "share"), [(1.0, "1.00"), (0.5, "0.50"), (0.0, "0.00")])
def test_the_share_is_what_mu_does_of_what_h_does(exponent, share, tmp_path):
    """At one step: T is made to be the step, so that ratios do not depend on where they are."""
    rows = [{**row, "physical_time": row["step"]} for row in intervention(exponent)]
    found = figure_intervention.make_table(tables_of(written(tmp_path, rows, noise())))
    assert {row["width"] for row in found} == {16}
    assert {(row["learning_rate"], row["mu"], row["equals"]) for row in found} == {
        (0.01, 0, 0.01), (0.02, 0, 0.02), (0.08, 0, 0.08), (0.01, 0.0025, 0.02),
        (0.01, 0.0175, 0.08),
    }  # fmt: skip
    assert {row["step"] for row in found if row["compared"]} == {80}
    shown, said = seen(figure_intervention, found, tmp_path)
    assert f"share {share}, 3 seeds" in said.replace("−", "-").replace("-0.00", "0.00")
    points = shown["(d) Regularizer at the same T"]["$h'$ = 0.08*"]
    plain, large = (measurement(16, h, 0, 80)["regularizer"] for h in (0.01, 0.08))
    decades = math.log10(large / plain)
    assert np.allclose(points, [(decades, exponent * decades)] * 3)
    assert "6 models with μ > 0, not of the paper, beside 0 of the paper's 42 pairs" in said


def test_one_model_that_diverges_is_not_compared_but_told(tmp_path):
    rows = diverging(intervention(1.0), {"learning_rate": 0.08, "seed": 1}, 60)
    found = figure_intervention.make_table(tables_of(written(tmp_path, rows, noise())))
    _, said = seen(figure_intervention, found, tmp_path)
    assert "Diverged, and not compared: 1 model; each one is in seen.csv." in said


def test_an_intervention_that_is_not_there_is_missed(folder, tmp_path):
    found = figure_intervention.make_table(tables_of(folder))
    shown, said = seen(figure_intervention, found, tmp_path)
    assert said.count("no model with μ > 0 is in the") == 2
    assert len(shown["(a) Regularizer"]) == len(RATES)


# What is under the figures


GRID = Grid(widths=(8, 16), rates=(0.01, 0.02), examples=1000)


def drawn_row(width: int, h: float, seed: int = 0, **given) -> dict:
    return {"width": width, "batch": "32", "examples": 1000, "learning_rate": h, "seed": seed,
            "excluded": None, **given}  # fmt: skip


def test_the_foot_counts_models_images_and_seeds():
    rows = [drawn_row(8, 0.01, seed) for seed in range(3)] + [drawn_row(16, 0.02)]
    said = "2 of the paper's 4 pairs of width and h, all of its 1,000 images, 1 to 3 seeds."
    assert GRID.told(rows) == said
    rows.append(drawn_row(8, 0.02, excluded="diverged at step 3"))
    assert GRID.told(rows).startswith("2 of the paper's 4 pairs of width and h (3 trained), all")
    rows += [drawn_row(8, 0.05), drawn_row(32, 0.01, device="GPU")]
    said = GRID.told(rows)
    assert "(3 trained) and 2 others of ours, all" in said and said.endswith("seeds, on GPU.")


def test_the_foot_says_where_width_and_images_are_not_the_papers():
    grid = Grid(widths=(400,), rates=(0.01, 0.02, 0.1), examples=60_000)
    said = "2 of the paper's 3 learning rates at width 8 (the paper's: 400), "
    said += "1,000 images (the paper's: 60,000), 1 seed."
    assert grid.told([drawn_row(8, 0.01), drawn_row(8, 0.02)]) == said
    assert grid.told([drawn_row(400, 0.1)]).startswith("1 of the paper's 3 learning rates, 1,000")
    assert grid.told([drawn_row(8, 0.01, excluded="lost")]).endswith("no seed.")


def test_a_rate_of_ours_is_marked():
    assert [GRID.name(h) for h in (0.01, 0.05)] == ["0.01", "0.05*"]
    assert GRID.marks([drawn_row(8, 0.01)]) == ""
    assert GRID.marks([drawn_row(8, 0.05)]) == " * An h of ours, not of the paper's figure."


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_from_how_many_of_the_papers_models_it_is(name, folder, tmp_path):
    """Of the rates here one, h = 0.01, is the paper's; no width is."""
    _, said = seen(FIGURES[name], FIGURES[name].make_table(tables_of(folder)), tmp_path)
    of_one = "1 of the paper's 7 learning rates and 3 others of ours at width 32 (the paper's: 400)"
    of_all = "0 of the paper's 42 pairs of width and h and"
    assert (of_one in said) != (name in ("figure_2", "figure_intervention"))
    expected = {"figure_2": 12, "figure_intervention": 4, "figure_equal_loss": 12, "figure_a5": 12}
    assert (of_all in said) == (name in expected)
    if name in expected:
        assert f"{of_all} {expected[name]} others of ours" in said
    assert "1,000 images (the paper's: 60,000), 3 seeds." in said


# Parts of tables


def part(rows: Sequence[dict], what: str) -> list[dict]:
    """Some of the rows."""
    keep = {
        "no full batch": lambda row: row["batch"] == "32",
        "one width": lambda row: row["width"] == COMPARED,
        "one seed": lambda row: row["seed"] == 0,
        "two rates": lambda row: row["learning_rate"] < 0.03,
        "one model": lambda row: row["batch"] == "32" and row["seed"] == 0
        and row["learning_rate"] == 0.01 and row["width"] == COMPARED,
        "the start alone": lambda row: row["step"] == 0,
    }[what]  # fmt: skip
    return [row for row in rows if keep(row)]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "what",
    ["no full batch", "one width", "one seed", "two rates", "one model",
     "the start alone"],
)  # fmt: skip
def test_figures_are_drawn_of_parts_of_the_tables(name, what, tmp_path):
    """Without perturbations too."""
    out = written(tmp_path, part(world(), what), noise())
    (out / "perturbations.csv").unlink()
    _, said = seen(FIGURES[name], FIGURES[name].make_table(tables_of(out)), tmp_path)
    assert "images" in said


def test_a_table_of_the_full_batch_alone_has_no_figure_2(tmp_path, capsys):
    full = [row for row in world() if row["batch"] == "full"]
    out = written(tmp_path, full, noise())
    for name in ("figure_2", "figure_3", "figure_a2"):
        with pytest.raises(SystemExit):
            FIGURES[name].main(["--out", str(out), "--redraw"])
        assert f"{out / 'measurements.csv'} has none of the models" in capsys.readouterr().err
    for name in ("figure_a4", "figure_a5", "figure_equal_loss"):
        seen(FIGURES[name], FIGURES[name].make_table(tables_of(out)), tmp_path)


def test_panels_without_numbers_say_so(tmp_path):
    out = written(tmp_path, part(world(), "no full batch"), noise())
    (out / "perturbations.csv").unlink()
    expected = {
        "figure_3": "no model was perturbed",
        "figure_a5": "no h is compared at two batch sizes",
        "figure_equal_loss": "no such model was trained",
    }
    for name, text in expected.items():
        _, said = seen(FIGURES[name], FIGURES[name].make_table(tables_of(out)), tmp_path)
        assert text in said
    two = written(tmp_path / "two", part(world(), "two rates"), noise())
    _, said = seen(figure_a4, figure_a4.make_table(tables_of(two)), tmp_path)
    assert said.count("fewer than three learning rates are measured at the same T") == 4


# The scripts


@pytest.fixture(scope="module")
def drawn(folder, tmp_path_factory) -> Path:
    """All figures of the tables in which all is as the paper says."""
    return drawn_from(folder, tmp_path_factory.mktemp("drawn"))


def drawn_from(folder: Path, out: Path, names: Sequence[str] = tuple(FIGURES)) -> Path:
    for path in folder.glob("*s.csv"):
        (out / path.name).write_bytes(path.read_bytes())
    for name in names:
        SCRIPTS[name].main(["--out", str(out), "--redraw"])
    return out


@pytest.fixture(autouse=True)
def never_train(monkeypatch) -> None:
    def not_again(*_, **__):
        raise AssertionError("this would have trained")

    monkeypatch.setattr(scripts.Script, "ensure", not_again)


def test_a_figure_drawn_again_has_the_same_bytes(drawn, tmp_path):
    names = ("figure_2", "figure_a4", "figure_intervention")  # of one, of several, of few panels
    again = drawn_from(drawn, tmp_path, names)
    for name in names:
        for kind in ("csv", "png"):
            first, second = ((at / f"{name}.{kind}").read_bytes() for at in (drawn, again))
            assert first == second and first
        assert first.startswith(b"\x89PNG")


CHANGED = {"test_accuracy", "test_accuracy_median", "norm", "squared_slope"}


@pytest.mark.parametrize("name", FIGURES)
def test_another_table_gives_another_figure(drawn, name, tmp_path):
    rows = read_table(drawn / f"{name}.csv")
    for row in rows:
        for column in CHANGED & row.keys():
            row[column] = row[column] and 0.9 * row[column]
    write_table(tmp_path / f"{name}.csv", rows)
    SCRIPTS[name].draw(tmp_path / f"{name}.csv", tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes() != (drawn / f"{name}.png").read_bytes()


def claims_of(folder: Path) -> list[dict]:
    return mnist_claims.make_table(tables_of(folder))


def test_figures_and_claims_are_made_even_if_every_model_is_excluded(tmp_path):
    rows = diverging(world(), {}, 5)
    out = drawn_from(written(tmp_path / "tables", rows, noise()), tmp_path, ["figure_a5"])
    for name, figure in FIGURES.items():
        shown, _ = seen(figure, figure.make_table(tables_of(out)), tmp_path)
        curves = ("figure_a2", "figure_a3")
        assert any(shown.values()) == (name in curves)  # of step 0, where T = 0
    assert {(row["verdict"], row["models"]) for row in claims_of(out)} == {("undecided", 0)}


def test_trends_are_told_beside_the_panels(folder, monkeypatch, tmp_path):
    heads = []
    monkeypatch.setattr(figure_2, "head", lambda axes, title, found: heads.append(found[0]))
    table = tmp_path / "figure_2.csv"
    write_table(table, figure_2.make_table(tables_of(folder)))
    figure_2.draw(table, tmp_path / "figure_2.png")
    claims = {row["claim"]: row["value"] for row in claims_of(folder)}
    names = ("R_IG falls with λ", "test accuracy rises with λ at the paper's best",
             "test accuracy falls with R_IG over all widths")  # fmt: skip
    values = [claims[name] for name in names]
    assert [found.value for found in heads] == pytest.approx(values, abs=1e-5)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_missing_table_is_told_in_one_line(name, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        SCRIPTS[name].main(["--out", str(tmp_path), "--redraw"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"python -m examples.paper.mnist.runs --profile quick --out {tmp_path} makes it" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("table", "said"), [("a,b\n1,2\n", "no column width"), ("a\n", "no rows")])
def test_another_table_of_that_name_is_refused(table, said, tmp_path, capsys):
    (tmp_path / "measurements.csv").write_text(table)
    with pytest.raises(SystemExit):
        figure_2.main(["--out", str(tmp_path), "--redraw"])
    assert said in capsys.readouterr().err


def test_what_is_not_there_is_trained_first(folder, tmp_path, monkeypatch):
    asked = []

    def ensure(script, profile, out, data):
        asked.append((profile, out, data))
        written(out, world(), noise())

    monkeypatch.setattr(scripts.Script, "ensure", ensure)
    monkeypatch.chdir(tmp_path)
    figure_2.main([])
    assert asked == [("quick", Path("build/mnist/quick"), None)]
    assert (tmp_path / "build/mnist/quick/figure_2.png").is_file()


def test_a_refusal_to_train_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    def ensure(*_):
        raise bea.InputError("name the folder of MNIST")

    monkeypatch.setattr(scripts.Script, "ensure", ensure)
    with pytest.raises(SystemExit) as stopped:
        figure_a5.main(["--profile", "laptop", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert (
        capsys.readouterr().err
        == "python -m examples.paper.mnist.figure_a5: name the folder of MNIST\n"
    )


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as stopped:
        figure_a3.main(["--help"])
    assert stopped.value.code == 0
    assert (
        "example: python -m examples.paper.mnist.figure_a3 --profile quick"
        in capsys.readouterr().out
    )
