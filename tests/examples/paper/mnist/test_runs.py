"""The training behind the figures on MNIST: its tables, its restarts, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import pytest

import bea
from bea.models.losses import classifier, cross_entropy
from bea.models.mlp import MLP
from bea.tables import read_table
from examples.paper.mnist import runs

SMALL: dict[str, Any] = {
    "widths": (6,), "compared_width": 6, "learning_rates": (0.1, 0.02), "seeds": (0, 1),
    "epochs": 2, "full_batch_steps": 3, "examples": 160, "draws": 2, "perturbed_examples": 160,
    "sigmas": (0.0, 1.0), "full_batch_rates": (0.2, 0.1), "full_batch_examples": 80,
}  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `main` sets for JAX stays in its test."""
    monkeypatch.setenv("XLA_FLAGS", "")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    runs.SCRIPT.ensure("quick", folder, **SMALL)
    return folder


@pytest.mark.slow
def test_the_tables(out):
    rows = read_table(out / "measurements.csv")
    models = {(r["width"], r["batch"], r["seed"], r["learning_rate"]) for r in rows}
    assert len(models) == 1 * 2 * 2 * 2  # widths, batches, seeds, learning rates
    # T = ih = 0.02 · 10 is measured for both learning rates
    at_T = {r["step"] for r in rows if abs(r["physical_time"] - 0.2) < 1e-9 and r["batch"] == 32}
    assert at_T == {2, 10}
    full = [row for row in rows if row["batch"] == "full"]
    assert {row["learning_rate"] for row in full} == {0.2, 0.1}
    assert {row["examples"] for row in full} == {80} and rows[0]["examples"] == 160
    noise = read_table(out / "perturbations.csv")
    assert len(noise) == 2 * 2 * 2 * 2  # seeds, learning rates, σ, draws
    assert (out / "measurements.json").is_file() and (out / "perturbations.json").is_file()


@pytest.mark.slow
def test_without_noise_the_perturbed_is_the_best(out):
    data = runs.load(replace(runs.PROFILES["quick"], **SMALL), None)
    x, x_test = data.scaled(flat=True)
    run = bea.train(
        classifier(MLP(width=6), image=(64,)), (x, data.train_labels), (x_test, data.test_labels),
        learning_rates=(0.1, 0.02), seeds=(0, 1), epochs=2, measured_steps=range(11),
    )  # fmt: skip
    still = [r for r in read_table(out / "perturbations.csv") if r["sigma"] == 0]
    slope = bea.slope(cross_entropy(MLP(width=6)))
    for row in still:
        s, r = int(row["seed"]), run.learning_rates.index(row["learning_rate"])
        rows = [
            m for m in read_table(out / "measurements.csv")
            if (m["batch"], m["seed"], m["learning_rate"]) == (32, s, row["learning_rate"])
        ]  # fmt: skip
        best = max(rows, key=lambda m: (m["accuracy"] == 1, m["test_accuracy"]))
        assert row["slope"] == pytest.approx(best["slope"], rel=1e-4)
        assert row["test_accuracy"] == pytest.approx(best["test_accuracy"])
        if best["step"] == 10:
            theta = jax.tree.map(lambda a, s=s, r=r: a[s, r], run.theta)
            assert float(slope(theta, x, data.train_labels)) == pytest.approx(
                row["slope"], rel=1e-3
            )


@pytest.mark.slow
def test_what_is_there_is_not_trained_again(out, monkeypatch):
    before = {path.name: path.read_bytes() for path in out.glob("*.*")}
    with monkeypatch.context() as patch:
        patch.setattr(bea, "train", None)
        runs.SCRIPT.ensure("quick", out, **SMALL)
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == before


@pytest.mark.slow
def test_tables_that_are_lost_are_made_again_from_the_runs(out):
    names = ("measurements.csv", "perturbations.csv")
    before = [(out / name).read_bytes() for name in names]
    for path in out.glob("*.*"):
        if path.is_file():
            path.unlink()
    runs.SCRIPT.ensure("quick", out, **SMALL)
    assert [(out / name).read_bytes() for name in names] == before


@pytest.mark.slow
def test_another_profile_is_refused(out):
    with pytest.raises(bea.InputError, match=r"a run with epochs = 2 and not 3: name another"):
        runs.SCRIPT.ensure("quick", out, **{**SMALL, "epochs": 3})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--widths", "0"], "give whole numbers of hidden units"),
        (["--widths", "16"], "the width 64 of figures 3"),
        (["--widths", "64,64"], "--widths has a number twice"),
        (["--learning-rates", "0.1,-1"], "give positive numbers"),
        (["--learning-rates", "0.1,nan"], "give positive numbers"),
        (["--draws", "0"], "draws = 0: give a whole number from 1"),
        (["--profile", "laptop"], "with --data FOLDER"),
        (["--profile", "laptop", "--data", "no/such"], "there is no folder no/such"),
        (["--devices", "99"], "--devices 99: there are"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(options, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        runs.SCRIPT.main(["--out", str(tmp_path / "new"), *options])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1


def test_a_list_that_is_none(capsys):
    with pytest.raises(SystemExit):
        runs.SCRIPT.main(["--widths", "wide"])
    assert "'wide' is no list of numbers" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["quick", "laptop"])
def test_all_models_are_measured_at_one_physical_time(name):
    profile = runs.PROFILES[name]
    experiment = runs.Perceptrons(profile, None, out=Path())
    (_, training), *_ = experiment.trainings()
    steps = training.measured_steps()
    T = min(profile.learning_rates) * (profile.examples // profile.batch) * profile.epochs
    for h in profile.learning_rates:
        before = max(step for step in steps if step * h <= T * (1 + 1e-9))
        assert 0 <= T - before * h + 1e-6 < h
