"""Local errors on residual networks: against closed forms, kernels, and the script as a whole."""

from __future__ import annotations

import contextlib
import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import bea
from bea.models.dataset import Dataset
from bea.models.losses import classifier
from bea.tables import read_table
from examples.paper import curvature
from examples.paper.cifar10.local_error_of_resnet import __main__ as script
from examples.paper.cifar10.local_error_of_resnet import figure, report, steps, trainings

NAME = "local_error_of_resnet"
CURVATURES = np.array([0.5, 2.0, 9.0, -1.0])
START = np.array([1.0, -2.0, 0.5, 0.3])
SHIFTS = (2, 3, 4, 6)


def images(n: int, size: int = 8) -> Dataset:
    """Noise, a little brighter in one corner for one class than for the other."""
    rng = np.random.default_rng(0)
    x, labels = rng.integers(0, 200, (2 * n, size, size, 3)), np.arange(2 * n) % 2
    x[labels == 1, : size // 2] += 55
    x = x.astype(np.uint8)
    return Dataset("noise", x[:n], labels[:n], x[n:], labels[n:], classes=tuple("0123456789"))


@pytest.fixture(scope="module")
def tiny():
    """A profile with next to nothing in it."""
    return trainings.Profile(
        stages=(1,), width=2, images=16, batch=8, learning_rates=(0.02, 0.1), epochs=(0, 1, 2),
        bfloat16=False, substeps=8, seeds=(0, 1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def network(tiny):
    """Descent on a small GELU network, and θ where it starts; use it with 64 bits."""
    data = images(16)
    theta, _ = jax.jit(classifier(tiny.network("GELU"), data.image_shape).init)(jax.random.key(0))
    with jax.enable_x64(True):
        loss = trainings.loss_on_batch(tiny, "GELU", data, like=theta)
        start = jnp.asarray(ravel_pytree(theta)[0], float)
        return steps.Descent(loss, False, 16), start, loss


def quadratic(kinked: bool = False, substeps: int = 64):
    def loss(theta):
        return 3 + (jnp.asarray(CURVATURES) * theta**2).sum() / 2

    return steps.Descent(loss, kinked, substeps)


def share(measured: np.ndarray, predicted: np.ndarray) -> float:
    return 1 - float(np.linalg.norm(measured - predicted) / np.linalg.norm(measured))


# What is measured


@pytest.mark.parametrize("h", [0.01, 0.05, 0.2])
def test_on_a_quadratic_loss_everything_is_known(h):
    with jax.enable_x64(True):
        descent = quadratic()
        row = steps.compare(descent, descent.place(jnp.asarray(START)), h)
    a, slope = h * CURVATURES, -CURVATURES * START
    error = START * (1 - a) - START * np.exp(-a)
    assert row["loss"] == pytest.approx(3 + CURVATURES @ START**2 / 2)
    assert row["curvature"] == pytest.approx(9, rel=1e-9)
    assert row["step_times_curvature"] == pytest.approx(9 * h, rel=1e-9)
    assert row["gradient_norm"] == pytest.approx(np.linalg.norm(slope))
    assert row["local_error"] == pytest.approx(np.linalg.norm(error), rel=0.01)
    assert row["integration_error"] < 0.02 * row["local_error"]
    assert row["flow_settled"] == "yes"
    assert row["explained"] == pytest.approx(share(error, -(a**2) * START / 2), abs=0.01)
    correction = a * slope / 2
    for K in SHIFTS:
        departure = sum(a**k / (k + 1) for k in range(1, K)) * slope
        assert row[f"departure_log_shift_{K}"] == pytest.approx(
            np.linalg.norm(departure) / np.linalg.norm(slope)
        )
        assert row[f"explained_log_shift_{K}"] == pytest.approx(share(departure, correction))
        assert row[f"cosine_log_shift_{K}"] == pytest.approx(
            departure @ correction / np.linalg.norm(departure) / np.linalg.norm(correction)
        )
        assert row[f"length_ratio_log_shift_{K}"] == pytest.approx(
            np.linalg.norm(correction) / np.linalg.norm(departure)
        )
    assert row["explained_half_back"] == pytest.approx(1)
    assert row["log_shift_settled"] == ("yes" if h < 0.1 else "no")


def test_along_an_eigenvector_the_shares_are_those_of_the_curves():
    with jax.enable_x64(True):
        descent = quadratic()
        at = descent.place(jnp.array([0.0, 0.0, 0.5, 0.0]))
        rows = [steps.compare(descent, at, a / 9) for a in (0.05, 1.0, 2.0)]
    found = [row["explained"] for row in rows]
    assert found == pytest.approx(figure.on_a_quadratic(np.array([0.05, 1, 2])), abs=0.02)
    assert figure.on_a_quadratic(np.array([1, 2])) == pytest.approx([0.64, 0.24], abs=0.005)
    assert figure.on_a_quadratic(np.array([2.6]))[0] < 0 < figure.on_a_quadratic(np.array([2.5]))[0]
    curve = figure.shift_on_a_quadratic(np.array([0.05]))
    assert rows[0]["explained_log_shift_6"] == pytest.approx(curve[0], abs=1e-4)


def test_the_midpoint_rule_ends_where_the_flow_does_and_tells_its_error():
    with jax.enable_x64(True):
        at = (descent := quadratic(kinked=True)).place(jnp.asarray(START))
        end, error, substeps = descent.flow(at, 0.1)
        end = np.asarray(end)
    exact = START * np.exp(-0.1 * CURVATURES)
    local_error = np.linalg.norm(START * (1 - 0.1 * CURVATURES) - exact)
    assert np.linalg.norm(end - exact) < error < 1e-3 * local_error and substeps == 128


def test_across_a_kink_f_1_explains_nothing():
    """E = 2 + θ for θ > 0, 2 + θ/2 below: the step from 0.04 is of 0.1, the flow's of 0.07."""
    with jax.enable_x64(True):
        descent = steps.Descent(
            lambda theta: 2 + (theta + jnp.maximum(theta, 0)).sum() / 2, True, 64
        )
        row = steps.compare(descent, descent.place(jnp.array([0.04])), 0.1)
    assert row["explained"] == row["explained_log_shift_2"] == 0
    assert row["cosine"] is None
    assert row["local_error"] == pytest.approx(0.03, abs=0.003)
    assert row["departure_log_shift_2"] == pytest.approx(0.25)
    assert row["curvature"] == 0


@pytest.mark.slow
def test_f_1_is_that_of_the_modified_series(network):
    descent, theta, _ = network
    with jax.enable_x64(True):
        at, h = descent.place(theta), 0.1
        first = jax.jit(bea.modified_series("euler", 1).to_jax(lambda t: descent.field(t), order=1))
        correction = (first(theta, h) - at.slope) / h
        assert jnp.allclose(at.correction, correction, rtol=1e-9, atol=1e-12)
        assert jnp.linalg.norm(correction) > 0


def test_the_share_tends_to_1_in_proportion_to_h(network):
    descent, theta, _ = network
    with jax.enable_x64(True):
        at = descent.place(theta)
        rows = [steps.compare(descent, at, h) for h in (4e-3, 2e-3)]
    for name in ("", "_log_shift_3", "_log_shift_6", "_half_back"):
        left, finer = (1 - row[f"explained{name}"] for row in rows)
        assert finer < 0.1 and left / finer == pytest.approx(2, rel=0.15), name
    assert {row["log_shift_settled"] for row in rows} == {"yes"}


def test_lanczos_finds_the_largest_eigenvalue():
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(60, 60)))
    spectrum = np.concatenate([np.linspace(-1, 1, 59), [2.5]])
    matrix = basis @ np.diag(spectrum) @ basis.T
    with jax.enable_x64(True):
        found = curvature.largest_eigenvalue(
            lambda v: jnp.asarray(matrix) @ v, jnp.asarray(rng.normal(size=60)), 10
        )
    assert found == pytest.approx(2.5, rel=1e-3)


@pytest.mark.slow
def test_the_log_shift_meets_the_kernels_of_order_3(network):
    """d_4 = h f_1 + h²f_2 + h³f_3 + O(h⁴), the right side by nested derivatives."""
    descent, theta, _ = network
    with jax.enable_x64(True):
        at = descent.place(theta)
        third = jax.jit(bea.modified_series("euler", 3).to_jax(lambda t: descent.field(t), order=3))
        left = []
        for h in (8e-3, 4e-3):
            departure, series = descent.log_shift(at, h)[4], third(theta, h) - at.slope
            left.append(float(jnp.linalg.norm(departure - series)))
            assert left[-1] < 1e-2 * float(jnp.linalg.norm(series - h * at.correction))
    assert np.log2(left[0] / left[1]) == pytest.approx(4, abs=0.3)


@pytest.mark.slow
def test_the_curvature_is_that_of_the_full_hessian(network):
    descent, theta, loss = network
    with jax.enable_x64(True):
        hessian = jax.jit(jax.hessian(loss))(theta)
        assert descent.place(theta).curvature == pytest.approx(
            np.linalg.eigvalsh(hessian)[-1], rel=0.01
        )


# The trainings


@pytest.mark.slow
def test_the_networks_are_those_of_plain_training(tiny, tmp_path):
    """θ at the epochs is where trainings end that are only so long."""
    data = images(16)
    x, x_test = data.standardized()
    run, thetas = trainings.trained(tiny, "GELU", data, out=tmp_path, progress=False)
    assert run.steps == (0, 2, 4)
    plain = classifier(tiny.network("GELU"), data.image_shape)
    for epoch, theta in zip(tiny.epochs, thetas, strict=True):
        ended = bea.train(
            plain, (x, data.train_labels), (x_test, data.test_labels), learning_rates=(0.02, 0.1),
            epochs=epoch, seeds=tiny.seeds, batch_size=8, measured_batch=8, together=False,
            progress=False,
        )  # fmt: skip
        for ours, theirs in zip(jax.tree.leaves(theta), jax.tree.leaves(ended.theta), strict=True):
            assert np.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def out(tiny, tmp_path_factory):
    """A folder with what a run on a tiny profile wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("resnet") / "new"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(trainings.PROFILES, "quick", tiny)
        patch.setattr(script.data_folder, "cifar10", lambda folder: images(16))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            script.main(["--out", str(folder), "--data", str(folder)])
    return folder, printed.getvalue()


@pytest.mark.slow
def test_a_run_from_end_to_end(out):
    folder, printed = out
    rows = read_table(folder / f"{NAME}.csv")
    assert len(rows) == 2 * 2 * 2 * 3
    names = ("activation", "seed", "step_size", "epoch")
    assert {tuple(row[name] for name in names) for row in rows} == {
        (a, s, h, e)
        for a in ("GELU", "ReLU")
        for s in (0, 1)
        for h in (0.02, 0.1)
        for e in (0, 1, 2)
    }
    start = [row for row in rows if row["epoch"] == 0 and row["activation"] == "GELU"]
    assert len({row["loss"] for row in start}) == 2  # one for each seed, whatever h is
    for row in rows:
        assert row["explained"] <= 1 and row["curvature"] > 0 and row["note"] is None
        settled = row["log_shift_change"] < 0.1
        assert row["log_shift_settled"] == ("yes" if settled else "no")
    made = json.loads((folder / f"{NAME}.json").read_text())
    assert made["rows"] == 24 and made["fixed_batch"].startswith("the first 8 training images")
    assert "GELU: of the local error f_1 explains" in printed
    assert "GELU, epoch 2: what f_1 explains of" in printed


@pytest.mark.slow
def test_a_run_that_is_cut_off_goes_on(tiny, out, tmp_path, monkeypatch):
    folder, _ = out
    before = json.loads((folder / "runs" / "GELU" / "local_errors.json").read_text())
    (folder / "runs" / "GELU" / "local_errors.json").write_text(json.dumps(before[:4]))
    measured = []
    plain = steps.compare
    monkeypatch.setattr(trainings, "compare", lambda *asked: measured.append(1) or plain(*asked))
    again = trainings.measure(tiny, "GELU", images(16).subset(16, 8), out=folder, progress=False)
    assert again == before and len(measured) == 8


@pytest.mark.slow
def test_redrawing_needs_nothing_but_the_table(out, tmp_path, monkeypatch):
    folder, _ = out
    name = f"{NAME}.csv"
    (tmp_path / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setattr(script, "measure_all", None)
    with contextlib.redirect_stdout(io.StringIO()):
        script.main(["--out", str(tmp_path), "--redraw"])
    drawn = (tmp_path / f"{NAME}.png").read_bytes()
    assert drawn.startswith(b"\x89PNG") and drawn == (folder / f"{NAME}.png").read_bytes()


# What is said and drawn


def row_of(seed: int, epoch: int, share: float, error: float = 0.0) -> dict:
    return {
        "activation": "ReLU",
        "seed": seed,
        "step_size": 0.05,
        "epoch": epoch,
        "step_times_curvature": 0.5,
        "local_error": 2.0,
        "integration_error": 2 * error,
        "explained": share,
        "flow_settled": "yes",
    }


def test_the_error_of_the_flow_is_in_the_share():
    """|e| = 2 ± 0.2, of which 1.5 ± 0.2 is left."""
    low, high = report.limits(row_of(0, 0, 0.25, 0.1))
    assert (low, high) == pytest.approx((1 - 1.7 / 1.8, 1 - 1.3 / 2.2))
    assert report.limits(row_of(0, 0, 0.25, 1.0)) == (-np.inf, np.inf)


def test_the_figure_shows_all_seeds_and_numbers_what_is_below_its_edge():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    by_epoch = {1: (0.2, 0.5, 0.9), 4: (-4.54, -1.5, 0.5), 9: (-3, 0.1, 0.2)}
    rows = [
        row_of(seed, e, share) for e, some in by_epoch.items() for seed, share in enumerate(some)
    ]
    figure.draw_by_epoch(axes, rows, {0.05: "#0072b2"})
    assert [text.get_text() for text in axes.texts] == ["−150 %, least −454 %", "−300 %"]
    bars = [line.get_ydata() for line in axes.lines if len(set(line.get_xdata())) == 1]
    for bar in ([0.2, 0.9], [-1, 0.5], [-1, 0.2]):
        assert any(np.allclose(drawn, bar) for drawn in bars)
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    edge = ("v", figure.LOWEST)  # of a median below it, and of a seed below it
    found = [(mark.get_marker(), mark.get_ydata()[0]) for mark in marks]
    assert found == [("s", 0.5), edge, edge, ("s", 0.1)]


def told(activation: str, shares_by_step: dict[float, float]) -> str:
    rows = [
        {
            "activation": activation,
            "step_size": h,
            "epoch": 0,
            "step_times_curvature": 5 * h,
            "explained": share,
            "explained_log_shift_6": share,
            "flow_settled": "no" if h == 1 else "yes",
            "log_shift_settled": "yes" if h < 0.1 else "no",
        }
        for h, share in shares_by_step.items()
    ]
    return "\n".join(report.verdict(activation, rows))


def test_the_verdict_says_where_f_1_explains_the_local_error():
    said = told("GELU", {0.01: 0.98, 0.05: 0.9, 0.5: -0.2, 1: 0.0})
    assert "explains, 3 of 4 rows being known well enough" in said
    assert "where h·λ_max < 1: 94 % (90 % to 98 %) (n = 2)" in said
    assert "beyond: −20 % (n = 1)" in said
    assert "by h: 0.01: 98 %; 0.05: 90 %; 0.5: −20 %" in said
    assert "settled in 2 of 3 rows" in said and "f_1 is most of" in said
    said = told("ReLU", {0.01: 0.2})
    assert "f_1 is not the larger part" in said
    assert told("ReLU", {1: 0.2}) == "ReLU: no local error is known well enough"


def test_a_network_that_diverged_leaves_its_row_empty(tmp_path, monkeypatch):
    full = {"activation": "GELU", "step_size": 0.1, "epoch": 0, "note": "", "explained": 1.0}
    gone = {"activation": "GELU", "step_size": 9.0, "epoch": 1, "note": "diverged"}
    monkeypatch.setattr(
        trainings,
        "measure",
        lambda profile, each, data, **_: [full, gone] if each == "GELU" else [],
    )
    found = trainings.measure_all(None, None, out=tmp_path, progress=False)
    assert found == [full, {**gone, "explained": None}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "this is of CIFAR-10: name the folder that its files are in with --data FOLDER"),
        (
            ["--profile", "paper"],
            "this is of CIFAR-10: name the folder that its files are in with --data FOLDER",
        ),
        (["--data", "no/such"], "there is no folder no/such"),
    ],
)
def test_what_is_missing_is_said_in_one_line(options, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(["--out", str(tmp_path), *options])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1


def test_the_profiles_are_of_the_same_columns():
    paper = trainings.PROFILES["paper"]
    assert paper.learning_rates == (0.005, 0.01, 0.05, 0.1, 0.2)
    assert (paper.stages, paper.width, paper.batch) == ((2, 2, 2, 2), 64, 512)
    assert paper.epochs == (0, 1, 3, 10, 30) and paper.images == 50_000 and paper.bfloat16
    for profile in trainings.PROFILES.values():
        assert profile.epochs[0] == 0 and list(profile.epochs) == sorted(profile.epochs)
