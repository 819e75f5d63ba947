"""Theorem 3.1 on networks: what the quick run measures, and what the committed tables say."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.flatten_util import ravel_pytree

from bea.models.data import load_digits
from bea.tables import read_table
from examples.paper.networks.theorem_3_1 import __main__ as script
from examples.paper.networks.theorem_3_1 import cases, measurement

ROOT = Path(__file__).parents[4]
NAME = "theorem_3_1_on_networks"
COMMITTED = ROOT / "results" / "networks"
BLOCKS = ("BasicBlock_0", "BasicBlock_1")


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> tuple[Path, str]:
    """A folder with what the quick profile writes, and what it prints."""
    folder = tmp_path_factory.mktemp("networks") / "new"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        script.main(["--out", str(folder)])
    return folder, printed.getvalue()


@pytest.fixture(params=[pytest.param("quick", marks=pytest.mark.slow), "committed"])
def tables(request):
    """The rows of both tables by case: of a quick run, and those committed."""
    folder = COMMITTED if request.param == "committed" else request.getfixturevalue("quick")[0]
    table = folder / f"{NAME}.csv"
    both = (read_table(table), read_table(cases.orders_of(table)))
    points, orders = map(cases.cases_of, both)
    assert list(points) == list(orders)
    for case, rows in points.items():
        assert [row["order"] for row in orders[case]] == [0, 1, 2, 3]
        assert [p for p, _ in groupby(rows, lambda row: row["order"])] == [0, 1, 2, 3]
    return points, orders


def assert_confirmed(case, orders) -> None:
    for p, row in enumerate(orders):
        assert row["passed"] == "yes", (case, row)
        assert row["expected_order"] == p + 2
        assert row["measured_order"] == pytest.approx(p + 2, abs=0.1)
        assert row["leading_constant_ratio"] == pytest.approx(1, abs=0.005)


def across(points) -> np.ndarray:
    """The errors of the steps that cross kinks, shape (orders, step sizes)."""
    crossing = [row for row in points if row["kinks_crossed"]]
    return np.array([[r["error"] for r in crossing if r["order"] == p] for p in range(4)])


# What is measured


def test_smooth_networks_have_all_orders_and_their_leading_constants(tables):
    points, orders = tables
    smooth = [case for case in orders if not case.has_kinks]
    assert smooth
    for case in smooth:
        assert_confirmed(case, orders[case])
        assert all(row["kinks_crossed"] is None for row in points[case])
        finest = min(points[case], key=lambda row: row["step_size"])
        assert finest["missed_by_hessian"] < 0.02


def test_where_relu_crosses_kinks_no_order_helps(tables):
    points, orders = tables
    crossing = [c for c in orders if c.has_kinks and c.step_sizes != cases.BELOW]
    assert crossing
    for case in crossing:
        errors = across(points[case])
        assert errors.shape[1] >= 4
        assert max(row["kinks_crossed"] for row in points[case]) > 10
        # A factor, the same for all orders from 1 on, and no power of h.
        assert (errors[1:].max(axis=0) < 1.6 * errors[1:].min(axis=0)).all()
        assert (errors[0] < 5 * errors[3]).all()
        assert all(row["passed"] == "no" for row in orders[case][1:])
        assert all("kinks" in row["note"] for row in orders[case][1:])
        assert all(1 < row["slope_across_kinks"] < 2.6 for row in orders[case])
        missed = [row["missed_by_hessian"] for row in points[case] if row["kinks_crossed"]]
        assert min(missed) > 0.1


def test_below_the_first_kink_relu_has_all_orders(tables):
    points, orders = tables
    below = [c for c in orders if c.has_kinks and c.step_sizes == cases.BELOW]
    assert below
    for case in below:
        assert_confirmed(case, orders[case])
        assert all(row["kinks_crossed"] == 0 for row in points[case])


def test_errors_are_leading_terms_where_h_is_small_and_no_kink_is_crossed(tables):
    points, _ = tables
    for case, rows in points.items():
        if case.has_kinks and case.step_sizes != cases.BELOW:
            continue
        for p in range(4):
            usable = [r for r in rows if r["order"] == p and r["usable"] == "yes"]
            finest = min(usable, key=lambda row: row["step_size"])
            assert finest["error"] == pytest.approx(finest["leading_term"], rel=0.06)
            assert finest["error"] > 50 * finest["floor"]


# Against other computations


def plain_problem(case):
    """θ_0 and E of a perceptron in float64, without the script's Problem; and the images."""
    data = load_digits().subset(case.examples, 0, seed=case.seed)
    x, labels = data.scaled(flat=True)[0], data.train_labels
    model = cases.NETWORKS[case.network].clone(activation=cases.ACTIVATIONS[case.activation])
    theta = model.init(jax.random.key(0), x)["params"]

    def loss(theta):
        logits = jax.nn.log_softmax(model.apply({"params": theta}, x))
        return -jnp.mean(logits[jnp.arange(len(x)), labels])

    return model, jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), theta), loss, x


@pytest.mark.slow
def test_kinks_and_first_correction_by_flax_and_jax_alone(quick):
    """Pre-activations as Flax captures them; f_1 = −½H∇E, H by JAX."""
    case = cases.SMALL
    points = read_table(quick[0] / f"{NAME}.csv")
    counts = {r["step_size"]: r["kinks_crossed"] for r in points if cases.Case.of(r) == case}
    with jax.enable_x64(True):
        model, theta, loss, x = plain_problem(case)
        derivative = jax.jit(jax.grad(loss))
        gradient = derivative(theta)

        @jax.jit
        def positive(theta):
            _, seen = model.apply({"params": theta}, x, capture_intermediates=True)
            layers = seen["intermediates"]
            hidden = [layers[f"Dense_{i}"]["__call__"][0] for i in range(model.depth)]
            return jnp.stack(hidden) > 0

        before = np.asarray(positive(theta))
        for h, kinks in counts.items():
            after = jax.tree.map(lambda w, g, h=h: w - h * g, theta, gradient)
            assert (np.asarray(positive(after)) != before).sum() == kinks
        _, product = jax.jvp(derivative, (theta,), (gradient,))
        expected = np.linalg.norm(ravel_pytree(product)[0]) / 2
    assert max(counts.values()) > 10 and len(set(counts.values())) > 3
    (row,) = [
        row
        for row in read_table(quick[0] / f"{NAME}_orders.csv")
        if cases.Case.of(row) == case and row["order"] == 0
    ]
    assert row["leading_constant"] == pytest.approx(expected, rel=1e-10)
    assert row["pre_activations"] == before.size


@pytest.mark.slow
def test_the_residual_network_is_normalized_by_its_batch():
    """E, and the kinks that a step crosses, by Flax alone with the statistics of the batch."""
    case = cases.Case("ResNet", "ReLU", "digits", 2, seed=1)
    problem = measurement.Problem(case, load_digits())
    data = load_digits().subset(2, 0, seed=1)
    model = cases.NETWORKS["ResNet"].clone(activation=nn.relu)

    @jax.jit
    def loss(theta):
        variables = {"params": theta, "batch_stats": {}}
        logits, seen = model.apply(
            variables,
            data.standardized()[0],
            train=True,
            mutable=["batch_stats", "intermediates"],
            capture_intermediates=True,
        )
        stem, *blocks = (seen["intermediates"][n] for n in ("BatchNorm_0", *BLOCKS))
        active = [stem["__call__"][0]]  # a block's output is ReLU of its last pre-activations
        for block in blocks:
            active += [block["BatchNorm_0"]["__call__"][0], block["__call__"][0]]
        positive = jnp.concatenate([(z > 0).ravel() for z in active])
        value = -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(2), data.train_labels])
        return value, positive

    with jax.enable_x64(True):
        (value, before), gradient = jax.value_and_grad(loss, has_aux=True)(problem.theta)
        assert problem.loss == pytest.approx(float(value), rel=1e-12)
        assert problem.pre_activations == before.size
        for h in (0.1, 0.01):
            after = loss(jax.tree.map(lambda w, g, h=h: w - h * g, problem.theta, gradient))[1]
            assert problem.effects(h)[0] == (after != before).sum() > 0


# The script


@pytest.mark.slow
def test_it_says_what_it_found(quick):
    _, printed = quick
    assert printed.count("bea warns: the field has kinks (max in relu)") == 1
    assert printed.count(" confirmed") == 8
    assert printed.count("NOT CONFIRMED") == 4
    assert "no pre-activation changes its sign in any of these steps" in printed
    assert "pre-activations that change sign: n = " in printed


@pytest.mark.slow
def test_what_it_was_made_with_stands_beside_it(quick):
    for folder, profile in ((quick[0], "quick"), (COMMITTED, "full")):
        made = json.loads((folder / f"{NAME}.json").read_text())
        assert made["profile"] == profile and made["versions"]["flax"]
        assert made["rows"] == len(read_table(folder / f"{NAME}.csv"))


@pytest.mark.slow
@pytest.mark.parametrize("source", ["quick", "committed"])
def test_redrawing_needs_nothing_but_the_tables(quick, source, tmp_path, monkeypatch):
    folder = quick[0] if source == "quick" else COMMITTED
    for path in folder.glob("*.csv"):
        shutil.copy(path, tmp_path)

    def not_again(*_):
        raise AssertionError("redrawing measured again")

    monkeypatch.setattr(measurement, "measure", not_again)
    script.main(["--out", str(tmp_path), "--redraw"])
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".csv", ".png"]
    drawn = (tmp_path / f"{NAME}.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    if source == "quick":
        assert drawn == (folder / f"{NAME}.png").read_bytes()


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(quick, tmp_path):
    command = [sys.executable, "-m", "examples.paper.networks.theorem_3_1", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert len(list(tmp_path.iterdir())) == 4
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (quick[0] / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_redrawing_without_one_of_the_tables_is_an_error(quick, tmp_path, capsys):
    for missing in (f"{NAME}.csv", f"{NAME}_orders.csv"):
        folder = tmp_path / missing
        shutil.copytree(quick[0], folder)
        (folder / missing).unlink()
        with pytest.raises(SystemExit) as stopped:
            script.main(["--out", str(folder), "--redraw"])
        assert stopped.value.code == 2
        assert "run without --redraw first" in capsys.readouterr().err


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as stopped:
        script.main(["--help"])
    assert stopped.value.code == 0
    command = "python -m examples.paper.networks.theorem_3_1 --profile full --data FOLDER"
    assert command in capsys.readouterr().out


def test_data_that_are_not_there_are_replaced_by_the_digits(tmp_path):
    assert list(script.loaders(None)) == list(script.loaders(tmp_path)) == ["digits"]
    (tmp_path / "mnist").mkdir()
    assert list(script.loaders(tmp_path)) == ["digits", "MNIST"]
    on_digits = cases.full("digits", "digits")
    assert len(set(on_digits)) == len(on_digits)
    assert {case.data for case in on_digits} == {"digits"}
    assert {case.data for case in cases.full("MNIST", "CIFAR-10")} == {
        "digits",
        "MNIST",
        "CIFAR-10",
    }


def test_the_committed_results_are_those_of_the_full_profile():
    table = read_table(COMMITTED / f"{NAME}.csv")
    assert tuple(cases.cases_of(table)) == cases.full("MNIST", "CIFAR-10")
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 2**20


@pytest.mark.slow
@pytest.mark.parametrize("source", ["quick", "committed"])
def test_no_result_says_where_on_a_disk_it_was_made(quick, source):
    """Neither this clone's folder nor any other absolute path, of Unix or of Windows."""
    absolute = re.compile(rb"""(?:^|[\s"'=,:(\[])(?:/[\w.~-]+/|[A-Za-z]:[\\/]|\\\\\w)""")
    assert absolute.search(b'"made_by": "/any/where"') and absolute.search(b"C:\\data")
    for path in (quick[0] if source == "quick" else COMMITTED).iterdir():
        content = path.read_bytes()
        assert bytes(ROOT) not in content, path.name
        if path.suffix != ".png":  # whose compressed bytes may look like anything
            assert not absolute.search(content), path.name


@pytest.mark.slow
def test_a_trained_relu_network_gains_nothing_either():
    case = replace(cases.SMALL, point="trained")
    points, orders, warnings = measurement.measure(case, load_digits())
    errors = across(points)
    assert any("max in relu" in text for text in warnings)
    assert errors.shape[1] >= 4
    assert (errors[1:].max(axis=0) < 2 * errors[1:].min(axis=0)).all()
    assert orders[0]["loss"] < 0.5
