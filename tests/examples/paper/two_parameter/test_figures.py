"""Figures 1a, 1b and A.1: what their tables show, and that the pictures show their tables."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.integrate import solve_ivp

from bea.models.two_parameter import (
    POINT_I,
    POINT_II,
    explicitly_regularized_loss,
    gradient,
    implicit_regularizer,
    least_norm_minimum,
    loss,
)
from bea.tables import read_table, write_table, write_text
from examples.paper.drawing import drawing
from examples.paper.two_parameter import figure_1a, figure_1b, figure_a1
from tests.quick import quick

ROOT = Path(__file__).parents[4]
SCRIPTS = {"figure_1a": figure_1a, "figure_1b": figure_1b, "figure_a1": figure_a1}
NAMES = tuple(SCRIPTS)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Callable[[str], Path]:
    """The folder with the table and figure of a script as it writes them, at the first use."""
    folder = tmp_path_factory.mktemp("figures") / "new" / "folder"

    @cache
    def make(name: str) -> Path:
        SCRIPTS[name].main(["--out", str(folder)])
        return folder

    return make


@pytest.fixture(scope="session")
def tables(made) -> Callable[[str], list[dict]]:
    return cache(lambda name: read_table(made(name.removesuffix("_ends")) / f"{name}.csv"))


def descend(start: tuple[float, float], h: float) -> tuple[float, float]:
    """The end of gradient descent, in plain Python."""
    a, b = start
    while math.hypot(*(slopes := gradient((a, b)))) > 1e-12:
        a, b = a - h * slopes[0], b - h * slopes[1]
    return a, b


def numerical_flow(start, velocity, time: float = 20.0) -> np.ndarray:
    """The end of a flow, by an implicit method that knows nothing of `bea`."""
    solution = solve_ivp(
        lambda _, theta: velocity(*theta), (0, time), start, method="Radau", rtol=1e-9, atol=1e-11
    )
    return solution.y[:, -1]


def ends_1a(tables) -> dict[tuple, dict]:
    return {(row["start"], row["curve"], row["order"]): row for row in tables("figure_1a_ends")}


# Figure 1a


@pytest.mark.slow
@pytest.mark.parametrize("point", [POINT_I, POINT_II], ids=lambda point: point.name)
def test_every_further_order_ends_closer_to_gradient_descent(tables, point):
    ends = ends_1a(tables)
    distances = [
        ends[point.name, "flow", order]["distance_to_descent_at_h_M"] for order in range(5)
    ]
    assert all(later < 0.7 * earlier for earlier, later in pairwise(distances))


@pytest.mark.slow
def test_order_one_ends_visibly_short_from_point_one(tables):
    ends = ends_1a(tables)
    distances = [ends["I", "flow", order]["distance_to_descent_at_h_M"] for order in range(5)]
    assert distances == pytest.approx([0.0964, 0.0271, 0.0115, 0.0058, 0.0032], abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize("point", [POINT_I, POINT_II], ids=lambda point: point.name)
def test_descents_end_where_plain_python_does(tables, point):
    end = ends_1a(tables)[point.name, "gradient descent h_M", None]
    assert (end["a"], end["b"]) == pytest.approx(descend(point.start, point.h_M), abs=1e-8)
    assert end["step_size"] == point.h_M


@pytest.mark.slow
@pytest.mark.parametrize("point", [POINT_I, POINT_II], ids=lambda point: point.name)
@pytest.mark.parametrize("mu_of", ["h_M", "mu"])
def test_flows_end_where_another_solver_does(tables, point, mu_of):
    """The flow of Ẽ is that of E_μ with μ = h/2, by the closed form and central differences."""
    mu = point.h_M / 2 if mu_of == "h_M" else point.mu
    key = ("flow", 1) if mu_of == "h_M" else ("EGR flow", None)

    def velocity(a: float, b: float) -> list[float]:
        residual, weight = 0.6 - a * b, 1 + mu * (a * a + b * b)
        return [
            residual * b * weight - mu * a * residual**2,
            residual * a * weight - mu * b * residual**2,
        ]

    eps = 1e-6  # the velocity is −∇E_μ
    a, b = 0.7, 1.3
    slope = explicitly_regularized_loss(mu, (a + eps, b)) - explicitly_regularized_loss(
        mu, (a - eps, b)
    )
    assert velocity(a, b)[0] == pytest.approx(-slope / (2 * eps), rel=1e-6)

    end = ends_1a(tables)[point.name, *key]
    assert (end["a"], end["b"]) == pytest.approx(numerical_flow(point.start, velocity), abs=1e-6)


@pytest.mark.slow
def test_egr_from_point_two_ends_elsewhere_than_its_flow(tables):
    ends = ends_1a(tables)
    assert ends["II", "EGR descent", None]["norm"] == pytest.approx(1.746, abs=5e-4)
    assert ends["II", "EGR flow", None]["norm"] == pytest.approx(1.355, abs=5e-4)
    thrown = [row for row in tables("figure_1a") if row["curve"] == "EGR descent"]
    first = [(row["a"], row["b"]) for row in thrown if row["start"] == "II"][1:3]
    assert first[0] == pytest.approx((-70.7, -70.9), abs=0.05)
    assert first[1] == pytest.approx((38.9, 38.7), abs=0.05)


@pytest.mark.slow
def test_egr_from_point_one_follows_its_flow(tables):
    ends = ends_1a(tables)
    descent, flow = ends["I", "EGR descent", None], ends["I", "EGR flow", None]
    assert math.dist((descent["a"], descent["b"]), (flow["a"], flow["b"])) < 2e-3
    assert descent["norm"] < ends["I", "gradient descent h_M", None]["norm"]


@pytest.mark.slow
def test_all_ends_are_minima_and_none_has_less_than_the_least_norm(tables):
    least = math.hypot(*map(float, least_norm_minimum()))
    for row in tables("figure_1a_ends"):
        assert loss((row["a"], row["b"])) < 1e-18
        assert row["norm"] > least
    for row in tables("figure_1a"):
        if row["start"] is None:
            assert loss((row["a"], row["b"])) < 1e-28


@pytest.mark.slow
def test_curves_start_at_their_points_and_keep_their_first_steps(tables):
    starts = {"I": POINT_I.start, "II": POINT_II.start}
    seen = set()
    for row in tables("figure_1a"):
        key = (row["start"], row["curve"], row["order"])
        if row["start"] is not None and key not in seen:
            seen.add(key)
            assert (row["time"], row["a"], row["b"]) == (0.0, *starts[row["start"]])
    assert len(seen) == 2 * 9  # two descents, five flows and EGR twice, from either point
    descent = [row["time"] for row in tables("figure_1a") if row["curve"] == "gradient descent h_M"]
    assert descent[:10] == pytest.approx([step * POINT_I.h_M for step in range(10)])


# Figure 1b


def test_ratio_falls_to_the_least_possible_at_the_turn(tables):
    converged = [row for row in tables("figure_1b") if row["outcome"] == "converged"]
    assert converged[0]["step_size"] == 1e-3
    assert converged[0]["regularizer_over_loss"] == pytest.approx(4.556, abs=1e-3)
    turn = figure_1b.turn_of(converged)
    assert turn["step_size"] == pytest.approx(0.1087, abs=2e-4)
    assert turn["regularizer_over_loss"] == pytest.approx(1.2, abs=1e-4)
    assert all(row["regularizer_over_loss"] >= 1.2 - 1e-12 for row in converged)
    assert all(row["least_regularizer_over_loss"] == pytest.approx(1.2) for row in converged)


def test_after_the_turn_the_ratio_rises_on_the_other_branch(tables):
    rows = {row["step_size"]: row for row in tables("figure_1b")}
    assert rows[0.1]["a"] > 0 > rows[0.12]["a"]
    ratios = [rows[h]["regularizer_over_loss"] for h in (0.11, 0.12, 0.13, 0.15, 0.17)]
    assert ratios == sorted(ratios)
    assert ratios[-1] > rows[1e-3]["regularizer_over_loss"]


def test_gradient_descent_diverges_from_02114_on(tables):
    diverged = [row["step_size"] for row in tables("figure_1b") if row["outcome"] == "diverged"]
    assert diverged[0] == pytest.approx(0.2114)
    assert diverged[-1] == 0.22
    assert all(row["outcome"] == "diverged" for row in tables("figure_1b")[-len(diverged) :])


def test_ratio_is_the_limit_of_the_regularizer_over_the_loss(tables):
    """The table has the closed form; here are the two, a few steps before the end."""
    theta, h = POINT_I.start, 0.05
    while loss(theta) > 1e-12:
        theta = tuple(np.subtract(theta, h * np.array(gradient(theta))))
    (row,) = [row for row in tables("figure_1b") if row["step_size"] == h]
    assert row["regularizer_over_loss"] == pytest.approx(
        implicit_regularizer(theta) / loss(theta), rel=1e-4
    )


# Figure A.1


def test_large_steps_end_on_the_other_branch_and_farther_out(tables):
    by_size = {row["step_size"]: row for row in tables("figure_a1")}  # the last row of each
    small, large = by_size[POINT_I.h_S], by_size[POINT_I.h_L]
    assert small["norm"] == pytest.approx(2.135, abs=1e-3)
    assert large["norm"] == pytest.approx(2.331, abs=1e-3)
    assert small["a"] > 0 > large["a"]
    assert large["step"] < 20
    assert small["loss"] < 1e-20 and large["loss"] < 1e-20


@pytest.mark.slow
def test_the_figures_agree_where_they_overlap(tables):
    ends = {row["step_size"]: row for row in tables("figure_1b")}
    ends_a1 = {row["step_size"]: row for row in tables("figure_a1")}
    moderate = ends_1a(tables)["I", "gradient descent h_M", None]
    for row in (ends_a1[POINT_I.h_S], ends_a1[POINT_I.h_L], moderate):
        other = ends[row["step_size"]]
        assert (row["a"], row["b"]) == pytest.approx((other["a"], other["b"]), abs=1e-8)


# The scripts


@pytest.mark.parametrize("name", quick(NAMES, NAMES[1:]))
def test_redrawing_needs_nothing_but_the_table(made, name, tmp_path, monkeypatch):
    shutil.copy(made(name) / f"{name}.csv", tmp_path)

    def not_again():
        raise AssertionError("redrawing computed the table again")

    monkeypatch.setattr(SCRIPTS[name], "make_table", not_again)
    SCRIPTS[name].main(["--out", str(tmp_path), "--redraw"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.csv", f"{name}.png"]
    assert (tmp_path / f"{name}.png").read_bytes() == (made(name) / f"{name}.png").read_bytes()
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name",
    quick(NAMES, ["figure_a1"]),
)
def test_another_process_writes_the_same_bytes(made, name, tmp_path):
    command = [sys.executable, "-m", SCRIPTS[name].__name__, "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {f"{name}.csv", f"{name}.json", f"{name}.png"} <= written.keys()
    assert written == {path.name: path.read_bytes() for path in made(name).glob(f"{name}*")}


@pytest.mark.parametrize("name", quick(NAMES, NAMES[1:]))
def test_another_table_gives_another_figure(made, name, tmp_path):
    rows = read_table(made(name) / f"{name}.csv")
    for row in rows:
        for column in {"a", "norm", "regularizer_over_loss"} & row.keys():
            row[column] = row[column] and 1.1 * row[column]
    write_table(tmp_path / "table.csv", rows)
    SCRIPTS[name].draw(tmp_path / "table.csv", tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes() != (made(name) / f"{name}.png").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_redrawing_without_a_table_is_an_error(name, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        SCRIPTS[name].main(["--out", str(tmp_path), "--redraw"])
    assert stopped.value.code == 2
    assert "run without --redraw first" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_an_example(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        SCRIPTS[name].main(["--help"])
    assert stopped.value.code == 0
    assert (
        f"example: python -m examples.paper.two_parameter.{name} --out build/figures"
        in capsys.readouterr().out
    )


def test_tables_come_back_as_they_were_written(tmp_path):
    rows = [{"curve": "flow, 1", "a": 0.1 + 0.2, "b": None}, {"curve": "x", "a": 1e-300, "b": 2.0}]
    write_table(tmp_path / "table.csv", rows)
    assert read_table(tmp_path / "table.csv") == rows


def test_a_table_that_fails_halfway_leaves_the_old_one(tmp_path):
    write_table(tmp_path / "table.csv", [{"a": 1.0}])
    with pytest.raises(ValueError, match="surprise"):
        write_table(tmp_path / "table.csv", [{"a": 2.0}, {"surprise": 3.0}])
    assert read_table(tmp_path / "table.csv") == [{"a": 1.0}]
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_figure_that_fails_halfway_leaves_nothing(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        drawing(tmp_path / "figure.png", size=(1, 1)),
    ):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_text_that_fails_halfway_leaves_the_old_one(tmp_path):
    write_text(tmp_path / "orders.json", "before")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "orders.json", "after \ud800")
    assert (tmp_path / "orders.json").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["orders.json"]


def test_a_figure_that_is_interrupted_while_it_is_saved_leaves_the_old_one(tmp_path, monkeypatch):
    def half(self, path, *given, **options):
        if not isinstance(path, Path):  # in memory
            return save(self, path, *given, **options)
        path.write_bytes(b"\x89PNG")
        raise KeyboardInterrupt

    save = Image.Image.save

    (tmp_path / "figure.png").write_bytes(b"before")
    monkeypatch.setattr("PIL.Image.Image.save", half)
    with (
        pytest.raises(KeyboardInterrupt),
        drawing(tmp_path / "figure.png", size=(1, 1)),
    ):
        pass
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_computing_a_table_does_not_load_matplotlib():
    code = (
        "import sys; from examples.paper.two_parameter import figure_1a, figure_1b, figure_a1;"
        "figure_1b.make_table(); figure_a1.make_table();"
        "print('matplotlib' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.stdout.strip() == "False", answer.stderr
