"""Departure from the gradient flow: against closed forms, and what a run of the script leaves."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from bea.errors import NotSmoothWarning
from bea.models.data import load_digits
from bea.models.mlp import MLP
from bea.tables import read_table, write_table
from examples.paper import shares
from examples.paper.mnist.departure_from_gradient_flow import __main__ as script
from examples.paper.mnist.departure_from_gradient_flow import figure, measurement, report

ROOT = Path(__file__).parents[4]
NAME = "departure_from_gradient_flow"
CURVATURES = np.array([0.5, 2.0, 9.0, -1.0])
START = np.array([1.0, -2.0, 0.5, 0.3])
TIME = 1.0
QUADRATIC = ("order 0", "order 1", "order 2", "log-shift 4")
TINY = """(
    data="digits", images=30, width=4, depth=1, step_sizes=(0.5, 0.1), windows=(0, 1), time=0.5,
    seeds=(0, 1), motions=("order 0", "order 1", measurement.HALF_BACK)
)"""


@pytest.fixture(scope="module")
def quadratic() -> tuple[list[dict], list[dict]]:
    """Both tables for E = 3 + Σ λ_i θ_i²/2, as if of the activation tanh."""
    tables: tuple[list[dict], list[dict]] = ([], [])
    with jax.enable_x64(True):
        training = measurement.Training(
            lambda theta, _: 3 + (CURVATURES * theta**2).sum() / 2, motions=QUADRATIC
        )
        start = jnp.asarray(START)
        curvature = training.curvature(start)
        for h in (0.25, 0.2, 0.1, 0.02):
            both = measurement.compare(training, start, h, time=TIME, curvature=curvature)
            for table, rows in zip(tables, both, strict=True):
                table += [{"activation": "tanh", "seed": 0, "window": 0.0, **row} for row in rows]
    return tables


@pytest.fixture(scope="module")
def kinked() -> list[dict]:
    """E = 2 + θ for θ > 0, 2 + θ/2 for θ < 0: from θ = 0.33 with steps of 0.1, in the time 1."""
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotSmoothWarning)
        training = measurement.Training(
            lambda theta, _: 2 + (theta + jnp.maximum(theta, 0)).sum() / 2,
            lambda theta, _: theta > 0,
            motions=("order 0", "order 1", measurement.HALF_BACK),
        )
        return measurement.compare(training, jnp.array([0.33]), 0.1, time=1.0, curvature=0.0)[0]


def flows(h: float) -> dict[str, np.ndarray]:
    """Where the flows on the quadratic loss end: θ̇ = −λ Σ_{j≤p} (hλ)^j/(j+1) θ."""

    def end(p: int) -> np.ndarray:
        rate = CURVATURES * sum((h * CURVATURES) ** j / (j + 1) for j in range(p + 1))
        return START * np.exp(-TIME * rate)

    return {f"order {p}": end(p) for p in range(3)} | {"log-shift 4": end(3)}


# What is measured


@pytest.mark.slow
def test_on_a_quadratic_loss_everything_is_known(quadratic):
    rows = [row for row in quadratic[0] if row["step_size"] < 0.25]
    assert len(rows) == 3 * 4
    for row in rows:
        h, flow = row["step_size"], flows(row["step_size"])
        descent = START * (1 - h * CURVATURES) ** round(TIME / h)
        distance, departure = (
            np.linalg.norm(descent - flow[name]) for name in (row["motion"], "order 0")
        )

        def ratio(theta):
            return np.mean((CURVATURES * theta) ** 2) / (3 + CURVATURES @ theta**2 / 2)

        assert row["steps"] == round(TIME / h) and row["kinks_crossed"] is None
        assert row["curvature"] == pytest.approx(9, rel=1e-10)
        assert row["step_times_curvature"] == pytest.approx(9 * h, rel=1e-10)
        assert row["step_times_curvature_end"] == pytest.approx(9 * h, rel=1e-10)
        assert row["displacement"] == pytest.approx(np.linalg.norm(descent - START), rel=1e-12)
        assert row["distance"] == pytest.approx(distance, abs=1e-9)
        assert row["departure"] == pytest.approx(departure, rel=1e-7)
        assert row["explained"] == pytest.approx(1 - distance / departure, abs=1e-6)
        assert row["explained_low"] <= row["explained"] <= row["explained_high"]
        assert row["explained_high"] - row["explained_low"] < 1e-5
        assert row["descent_error"] < 1e-12 and row["substeps"] is None
        assert row["integration_error"] < 1e-6 * departure
        assert row["ratio_start"] == pytest.approx(ratio(START), rel=1e-12)
        assert row["ratio_descent"] == pytest.approx(ratio(descent), rel=1e-10)
        assert row["ratio_flow"] == pytest.approx(ratio(flow[row["motion"]]), rel=1e-8)
        left = abs(ratio(descent) - ratio(flow[row["motion"]]))
        share = 1 - left / abs(ratio(descent) - ratio(flow["order 0"]))
        assert row["ratio_explained"] == pytest.approx(share, abs=1e-6)


@pytest.mark.slow
def test_an_unstable_step_leaves_the_costly_flows_out_and_says_so(quadratic):
    plain, *others = (row for row in quadratic[0] if row["step_size"] == 0.25)
    assert plain["step_times_curvature"] == pytest.approx(2.25)
    assert plain["motion"] == "order 0" and plain["explained"] == 0 and plain["departure"] > 0
    assert others.pop(0)["motion"] == "order 1"  # which is computed up to 4
    assert len(others) == 2
    for row in others:
        assert row["note"] == "not computed, h·λ_max > 2"
        assert row["distance"] is row["explained"] is row["ratio_explained"] is None
        assert row["departure"] == plain["departure"]


@pytest.mark.slow
def test_the_tracks_begin_and_end_where_the_table_says(quadratic):
    rows, tracks = quadratic
    for row in rows:
        for motion, column in ((row["motion"], "ratio_flow"), ("descent", "ratio_descent")):
            along = [
                each
                for each in tracks
                if (each["step_size"], each["motion"]) == (row["step_size"], motion)
            ]
            if row[column] is None:
                assert not along
                continue
            assert (along[0]["time"], along[-1]["time"]) == (0, pytest.approx(TIME))
            assert along[0]["ratio"] == pytest.approx(row["ratio_start"], rel=1e-12)
            assert along[-1]["ratio"] == pytest.approx(row[column], rel=1e-6)


@pytest.mark.slow
def test_what_order_p_leaves_falls_with_the_pth_power_of_h():
    with jax.enable_x64(True):
        training = measurement.Training(
            lambda theta, _: jnp.log(jnp.cosh(theta[0] * theta[1] - 1)) + theta[1] ** 4 / 8,
            motions=("order 0", "order 3"),
        )
        start = jnp.array([1.5, 1.1])
        both = [
            measurement.compare(training, start, h, time=1.0, curvature=0.0)[0]
            for h in (0.05, 0.025)
        ]
    for p, row, finer in zip((0, 3), *both, strict=True):
        power = np.log2((1 - row["explained"]) / (1 - finer["explained"]))
        assert power == pytest.approx(p, abs=0.1)


@pytest.mark.slow
def test_across_a_kink_derivatives_explain_nothing_and_a_look_back_does(kinked):
    """Descent is late by what is left of its step where it crosses, here 0.07 of 0.1."""
    by_motion = {row["motion"]: row for row in kinked}
    assert {row["kinks_crossed"] for row in kinked} == {1}
    assert by_motion["order 0"]["displacement"] == pytest.approx(0.4 + 0.6 / 2)
    assert by_motion["order 0"]["departure"] == pytest.approx(0.07 / 2, abs=0.1 / 64 / 2)
    assert by_motion["order 1"]["explained"] == 0
    # Where f = −1/2, half a step back is a quarter of 0.1 back: so far the flow goes on at speed 1.
    row = by_motion["half a step back"]
    assert row["distance"] == pytest.approx(0.045 / 2, abs=0.1 / 64 / 2)
    assert row["explained_low"] > 0.15


def test_the_bounds_hold_for_all_vectors_within_the_errors():
    """Both lengths are of vectors that are off by errors of any direction."""
    rng = np.random.default_rng(0)
    left, departure, errors = rng.normal(size=5), 2 * rng.normal(size=5), (0.3, 0.2)
    low, high = shares.bounds(
        *map(np.linalg.norm, (left, departure)), left_error=errors[0], departure_error=errors[1]
    )
    found = []
    for signs in ((1, 1), (-1, -1), (1, -1), (-1, 1), *rng.normal(size=(200, 2))):
        for along in (True, False):
            v, w = (left, departure) if along else rng.normal(size=(2, 5))
            pairs = zip(signs, errors, (v, w), strict=True)
            off = [s * e * u / np.linalg.norm(u) for s, e, u in pairs]
            off = [o / max(1, np.linalg.norm(o) / e) for o, e in zip(off, errors, strict=True)]
            true = [np.linalg.norm(u + o) for u, o in zip((left, departure), off, strict=True)]
            found.append(1 - true[0] / true[1])
    assert min(found) == pytest.approx(low) and max(found) == pytest.approx(high)
    assert np.isnan(shares.bounds(1.0, 0.5, left_error=0.1, departure_error=0.5)).all()


def test_an_error_is_the_distance_of_runs_and_chance_makes_it_no_less():
    """Ends in ℝ¹: 1.00 and 1.02 as finer ones agree, and 1.40 coarser by far."""
    runs = [(jnp.array([x]), np.array([[2.0], [y]])) for x, y in ((1.4, 4), (1.02, 2), (1, 2.2))]
    flow = measurement.flow_of(runs, 64)
    assert flow.error == pytest.approx(0.2) and flow.ratio_error == pytest.approx(0.45)
    assert measurement.flow_of(runs[1:], 64).error == pytest.approx(0.02)
    assert measurement.flow_of([*runs[:2], None], 64) is None
    for lost in ([None, *runs[1:]], runs[-1:]):
        assert measurement.flow_of(lost, 64).error == np.inf


def test_where_tolerances_bind_nothing_two_runs_still_differ_by_their_error():
    """θ̇ = −19 θ near 0, where steps grow as fast as they may: in one run as in the other."""
    start, decay = np.array([1e-10, 2e-10]), np.exp(-19 * 0.2)
    with jax.enable_x64(True):
        training = measurement.Training(lambda theta, _: 19 * (theta**2).sum() / 2)
        flow = training.flow("order 0", jnp.asarray(start), 0.1, time=0.2)
        error = np.linalg.norm(np.asarray(flow.end) - start * decay)
    assert error < flow.error < 1e-9 * np.linalg.norm(start)


def test_across_kinks_the_error_told_is_no_less_than_the_error():
    """Forty θ_i, each of which falls with the speed 2 above 0 and with 1 below."""
    start = np.linspace(0.1, 1, 40)
    with jax.enable_x64(True):
        training = measurement.Training(
            lambda theta, _: (theta + jnp.maximum(theta, 0)).sum(), lambda theta, _: theta > 0
        )
        flow = training.flow("order 0", jnp.asarray(start), 0.1, time=0.4)
        end = np.asarray(flow.end)
    exact = np.where(start > 0.8, start - 0.8, start / 2 - 0.4)
    error = np.linalg.norm(end - exact)
    assert 0 < error < flow.error < 20 * error and flow.substeps == 64
    assert flow.error < 0.01


@pytest.mark.slow
def test_a_network_is_that_of_flax():
    """E, its kinks and λ_max of a small ReLU network, by Flax and a full Hessian."""
    profile = measurement.Profile(
        data="digits", images=20, width=3, depth=2, step_sizes=(0.1,), windows=(0,), time=0.1,
        seeds=(0,)
    )  # fmt: skip
    data = load_digits().subset(20, 0, seed=0)
    x, labels = data.scaled(flat=True)[0], data.train_labels
    model = MLP(3, 2)
    with jax.enable_x64(True):
        training, draw = measurement.network(profile, "ReLU", load_digits())
        theta, training.examples = draw(0)
        params = model.init(jax.random.key(0), x)["params"]
        flat, unravel = ravel_pytree(jax.tree.map(lambda w: jnp.asarray(w, float), params))
        assert (theta == flat).all()

        @jax.jit
        def loss(theta):
            logits = jax.nn.log_softmax(model.apply({"params": unravel(theta)}, x))
            return -jnp.mean(logits[jnp.arange(20), labels])

        @jax.jit
        def positive(theta):
            _, seen = model.apply({"params": unravel(theta)}, x, capture_intermediates=True)
            layers = seen["intermediates"]
            return jnp.stack([layers[f"Dense_{i}"]["__call__"][0] > 0 for i in range(2)])

        gradient = jax.jit(jax.grad(loss))
        points = [flat]
        for _ in range(5):
            points.append(points[-1] - 0.1 * gradient(points[-1]))
        end, states, crossed = training.descend(theta, 0.1, 5)
        assert np.allclose(end, points[-1], rtol=1e-12)
        assert states[0] == pytest.approx([float(loss(point)) for point in points])
        assert states[1] == pytest.approx(
            [float(np.mean(gradient(point) ** 2)) for point in points]
        )
        kinks = sum((positive(a) != positive(b)).sum() for a, b in pairwise(points))
        assert crossed == kinks > 0
        spectrum = np.linalg.eigvalsh(jax.jit(jax.hessian(loss))(theta))
        assert training.curvature(theta) == pytest.approx(spectrum[-1], rel=1e-3)


# What is said and drawn


def test_the_summary_says_where_order_1_stops():
    shares = {0.1: (0.9, 0.99), 0.2: (0.7, 0.8), 0.4: (0.4, 0.3)}
    rows = [
        {
            "activation": "tanh",
            "seed": 0,
            "window": 0.0,
            "step_size": h,
            "motion": motion,
            "step_times_curvature": 3 * h,
            "step_times_curvature_end": 2 * h,
            "distance": 1 - share,
            "departure": 1.0,
            **dict.fromkeys(("explained", "explained_low", "explained_high"), share),
            **dict.fromkeys(("ratio_explained", "ratio_explained_low"), share),
            "ratio_explained_high": share,
            "integration_error": 1e-9,
            "kinks_crossed": None,
            "note": None,
        }
        for h, explained in shares.items()
        for motion, share in zip(("order 0", "order 1", "order 2"), (0.0, *explained), strict=True)
    ]
    said = "\n".join(report.verdict(rows))
    assert "more than half of the departure up to h·λ_max = 0.6, and 40 % at h·λ_max = 1.2" in said
    assert "order 2 is worse than order 1 at h·λ_max = 1.2 (h = 0.4 from t = 0)" in said
    assert next(report.comparison(rows)).endswith("explains of the departure 90 % with tanh")


def shares_of(bounds: dict[int, tuple[float, float, float] | None], motion: str) -> list[dict]:
    """Rows of one flow by seed: the least, the likely and the largest share, if it was computed."""
    names = ("explained_low", "explained", "explained_high")
    return [
        {
            "activation": "ReLU",
            "seed": seed,
            "window": 0.0,
            "step_size": 0.1,
            "motion": motion,
            "curvature": 10.0,
            "step_times_curvature": 1.0,
            "step_times_curvature_end": 1.0,
            **dict(zip(names, some or (None,) * 3, strict=True)),
            "note": None if some else "not computed, h·λ_max > 2",
        }
        for seed, some in bounds.items()
    ]


def test_seeds_and_errors_are_in_what_is_said_and_drawn():
    from matplotlib.figure import Figure

    known = shares_of({0: (-0.1, 0.1, 0.2), 1: (0.3, 0.4, 0.6), 2: (0.2, 0.2, 0.2)}, "order 1")
    rows = known + shares_of({0: (0.1, 0.2, 0.3), 1: None, 2: None}, "order 2")
    assert report.spread(known) == "20 % (−10 % to 60 %)"
    assert report.spread(shares_of({0: None}, "order 2")) == "–"
    unbounded = shares_of({0: (None, 0.2, None)}, "order 1")
    assert report.spread(unbounded) == "20 % (? to ?)"
    (said,) = report.left_out(rows)
    assert said.endswith("order 2, 2 of 3: not computed, h·λ_max > 2: h = 0.1 from t = 0 (2 seeds)")
    axes = Figure().subplots()
    axes.set(yscale="log", ylim=(0.01, 10))
    figure.draw_shares(axes, rows)
    assert "2 of 6\nnot computed" in [text.get_text() for text in axes.texts]
    bars = [segment[:, 1] for each in axes.collections for segment in each.get_segments()]
    assert any(np.allclose(bar, [0.4, 1.1]) for bar in bars)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.5, "50 %"),
        (0.987, "99 %"),
        (0.99971, "99.97 %"),
        (-1.5, "−150 %"),
        (None, "–"),
        (1, "100 %"),
    ],
)
def test_shares_have_the_digits_that_matter(share, text):
    assert shares.percent(share) == text


@pytest.mark.slow
def test_the_figure_is_drawn_from_the_tables_alone(quadratic, tmp_path, monkeypatch):
    table = tmp_path / f"{NAME}.csv"
    for path, rows in zip((table, figure.tracks_of(table)), quadratic, strict=True):
        write_table(path, rows)
    monkeypatch.setattr(script, "measure_all", None)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        script.main(["--out", str(tmp_path), "--redraw"])
    assert "tanh, from t = 0 to 1: at the start" in printed.getvalue()
    first = (tmp_path / f"{NAME}.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    figure.draw(table, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == first


@pytest.mark.slow
def test_what_is_missing_is_named(quadratic, tmp_path, capsys):
    write_table(tmp_path / f"{NAME}.csv", quadratic[0])
    asked = {
        "--redraw": "run without --redraw first",
        "--profile=laptop": "this is of MNIST: name the folder",
        f"--profile=paper --data={tmp_path}": "holds none of",
    }
    for options, message in asked.items():
        with pytest.raises(SystemExit) as stopped:
            script.main(["--out", str(tmp_path), *options.split()])
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path):
    program = (
        f"from examples.paper.mnist.{NAME} import __main__ as script, measurement\n"
        f"measurement.PROFILES['quick'] = measurement.Profile{TINY}\nscript.main()\n"
    )
    for seed in ("1", "2"):
        command = [sys.executable, "-c", program, "--out", str(tmp_path / seed)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    first, second = (sorted((tmp_path / seed).iterdir()) for seed in ("1", "2"))
    assert len(first) == 4
    for path, other in zip(first, second, strict=True):
        assert path.read_bytes() == other.read_bytes()
    made = json.loads((tmp_path / "1" / f"{NAME}.json").read_text())
    rows = read_table(tmp_path / "1" / f"{NAME}.csv")
    assert made["rows"] == len(rows) == 2 * 2 * 2 * 2 * 3
    assert {row["seed"] for row in rows} == {0, 1}
    again = tmp_path / "3"
    again.mkdir()
    for path in (tmp_path / "1").glob("*.csv"):
        shutil.copy(path, again)
    with contextlib.redirect_stdout(io.StringIO()):
        script.main(["--out", str(again), "--redraw"])
    assert (again / f"{NAME}.png").read_bytes() == (tmp_path / "1" / f"{NAME}.png").read_bytes()
