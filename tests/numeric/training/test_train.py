"""Training many models at once: the same as one by one, measured right, and nothing ever lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bea
from bea.classifier import Classifier
from bea.models.data import load_digits
from bea.models.losses import classifier, cross_entropy
from bea.models.mlp import MLP
from bea.models.resnet import ResNet
from bea.numeric.training import checkpoints as saved_run
from bea.numeric.training import choice, loop
from bea.numeric.training.ensemble import Ensemble
from bea.numeric.training.schedule import spread_steps
from bea.numeric.training.sharding import Sharding
from tests.quick import quick

DATA = load_digits().subset(96, 64)
X, X_TEST = DATA.scaled(flat=True)
TRAIN, TEST = (X, DATA.train_labels), (X_TEST, DATA.test_labels)
VALIDATION = X_TEST[::2], DATA.test_labels[::2]
MODEL = MLP(width=8, depth=2)
NETWORK = classifier(MODEL, image=(64,))
RATES = (0.3, 0.1, 0.03)


def run(**options: Any) -> bea.TrainingRun:
    asked: dict[str, Any] = {
        "validation": VALIDATION, "learning_rates": RATES, "epochs": 2, "seeds": (0, 1),
    }  # fmt: skip
    return bea.train(NETWORK, TRAIN, TEST, **{**asked, **options})


@pytest.fixture(scope="module")
def usual() -> bea.TrainingRun:
    return run()


def at(tree: Any, s: int, r: int) -> Any:
    return jax.tree.map(lambda array: array[s, r], tree)


# --- what is trained -----------------------------------------------------------------------------


def test_all_at_once_is_one_after_another(usual):
    """Against a loop that knows nothing of ensembles but the order of the examples."""
    loss = jax.jit(jax.value_and_grad(cross_entropy(MODEL)))
    for s, seed in enumerate(usual.seeds):
        orders = [order_of(seed, epoch) for epoch in range(2)]
        for r, h in enumerate(RATES):
            theta, _ = NETWORK.init(jax.random.fold_in(jax.random.key(seed), 0))
            for order in orders:
                for batch in order.reshape(-1, 32):
                    _, gradient = loss(theta, X[batch], DATA.train_labels[batch])
                    theta = jax.tree.map(lambda w, g, h=h: w - h * g, theta, gradient)
            for ours, theirs in zip(
                jax.tree.leaves(at(usual.theta, s, r)), jax.tree.leaves(theta), strict=True
            ):
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def order_of(seed: int, epoch: int) -> np.ndarray:
    ensemble = Ensemble(NETWORK, optax.sgd, 32, len(X), 1000, Sharding.on(None))
    return np.asarray(ensemble.permutations([seed], epoch))[0]


def test_every_epoch_takes_every_example_in_an_order_of_its_own():
    orders = [order_of(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(96)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert (order_of(1, 1) == orders[3]).all()


def test_measurements_of_all_sets_are_those_of_the_network(usual):
    """E, |∇E|² and accuracy, each set by itself in one piece, not chunk by chunk."""
    E = jax.jit(jax.value_and_grad(cross_entropy(MODEL)))
    for s, r in np.ndindex(usual.diverged_at.shape):
        theta = at(usual.theta, s, r)
        for name, (x, labels) in (("", TRAIN), ("test_", TEST)):
            loss, gradient = E(theta, x, labels)
            squared = sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(gradient))
            assert getattr(usual, name + "loss")[-1, s, r] == pytest.approx(float(loss), rel=1e-4)
            found = getattr(usual, name + "squared_slope")[-1, s, r]
            assert found == pytest.approx(squared, rel=1e-3)
        for name, (x, labels) in (("test", TEST), ("validation", VALIDATION)):
            outputs = MODEL.apply({"params": theta}, x)
            right = (np.asarray(outputs).argmax(-1) == labels).mean()
            assert getattr(usual, name + "_accuracy")[-1, s, r] == pytest.approx(right)


def test_without_a_validation_set_there_is_no_accuracy_on_it():
    found = run(validation=None, epochs=0)
    assert found.validation_accuracy is None
    assert {row["validation_accuracy"] for row in found.rows()} == {None}


def test_a_validation_set_that_does_not_fit_is_refused():
    with pytest.raises(bea.InputError, match="validation"):
        run(validation=(TEST[0], TEST[1][:3]))
    with pytest.raises(bea.InputError, match="validation has labels"):
        run(validation=(TEST[0], TEST[1] + 10))


@pytest.mark.slow
def test_full_batch_is_gradient_descent():
    found = run(batch_size=None, epochs=5, seeds=[3])
    loss = jax.grad(cross_entropy(MODEL))
    theta, _ = NETWORK.init(jax.random.fold_in(jax.random.key(3), 0))
    for _ in range(5):
        theta = jax.tree.map(lambda w, g: w - 0.1 * g, theta, loss(theta, *TRAIN))
    for ours, theirs in zip(
        jax.tree.leaves(at(found.theta, 0, 1)), jax.tree.leaves(theta), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_an_optimizer_that_regularizes():
    """μ = h/4 in front of a step of descent; on one batch against the loss Ẽ itself."""

    def regularized(h: Any) -> optax.GradientTransformation:
        return optax.chain(bea.add_explicit_gradient_regularization(mu=h / 4), optax.sgd(h))

    found = run(batch_size=None, epochs=1, optimizer=regularized, seeds=[0])
    theta, _ = NETWORK.init(jax.random.fold_in(jax.random.key(0), 0))
    for r, h in enumerate(RATES):
        slope = jax.grad(bea.modified_loss(cross_entropy(MODEL), h))(theta, *TRAIN)
        wanted = jax.tree.map(lambda w, g, h=h: w - h * g, theta, slope)
        for ours, theirs in zip(
            jax.tree.leaves(at(found.theta, 0, r)), jax.tree.leaves(wanted), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_network_with_a_state():
    """Batch normalization: the running averages move, and the test set is judged by them."""
    network = classifier(ResNet(stages=(1,), width=2), image=(8, 8, 1))
    x, x_test = DATA.scaled()
    found = bea.train(
        network, (x, TRAIN[1]), (x_test, TEST[1]), learning_rates=[0.1], epochs=1,
        measured_steps=[0], measured_batch=40,
    )  # fmt: skip
    _, start = network.init(jax.random.fold_in(jax.random.key(0), 0))
    moved = jax.tree.map(lambda a, b: abs(a - b).max() > 0, at(found.state, 0, 0), start)
    assert any(jax.tree.leaves(moved))
    E, outputs = network.evaluate(at(found.theta, 0, 0), at(found.state, 0, 0), x_test, TEST[1])
    assert found.test_loss[-1, 0, 0] == pytest.approx(float(E), rel=1e-5)
    assert found.test_accuracy[-1, 0, 0] == (outputs.argmax(-1) == TEST[1]).mean()


@pytest.mark.slow
def test_one_after_another_is_the_same(usual):
    """Steps, measurements, the best, and what diverges beside others, in one order or the other."""
    alone = run(together=False)
    for name in ("loss", "squared_slope", "accuracy", "test_loss", "test_squared_slope",
                 "test_accuracy", "validation_accuracy", "norm"):  # fmt: skip
        np.testing.assert_allclose(getattr(alone, name), getattr(usual, name), rtol=2e-4)
    assert (alone.best_step == usual.best_step).all()
    for ours, theirs in zip(
        jax.tree.leaves((alone.theta, alone.best_theta)),
        jax.tree.leaves((usual.theta, usual.best_theta)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("way", [choice.AT_ONCE, choice.IN_TURN])
def test_at_once_or_in_turn_is_the_same(usual, way, monkeypatch, tmp_path):
    """Whichever is measured to be faster; and a run that goes on stays with it."""
    seconds = {choice.AT_ONCE: [1.0, 2.0], choice.IN_TURN: [2.0, 1.0]}
    monkeypatch.setattr(choice, "_seconds", lambda *_: seconds[way])
    found = run(together=None, folder=tmp_path, epochs=1)
    assert found.together == way
    other = run(together=None, epochs=2)
    for ours, theirs in zip(
        jax.tree.leaves(other.theta), jax.tree.leaves(usual.theta), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(choice, "_seconds", lambda *_: seconds[way][::-1])
    again = run(together=None, folder=tmp_path, epochs=1)
    assert again.together == way and (again.loss == found.loss).all()


def test_the_choice_is_by_measurement():
    """Nothing is said of which one is faster, only that both were timed; one rate has no choice."""
    ours = Ensemble(NETWORK, optax.sgd, 32, len(X), 1000, Sharding.on(None))
    ensembles = [ours, replace(ours, in_turn=True)]
    assert all(s > 0 for s in choice._seconds(ensembles, (0,), RATES, TRAIN))
    assert run(together=None, learning_rates=[0.1], epochs=0).together == choice.AT_ONCE


@pytest.mark.slow
def test_one_after_another_in_all_its_cases():
    """Full batch, chunks with a rest, a model that diverges, a network with a state."""
    options = {"seeds": (0,), "batch_size": None, "measured_batch": 40}
    rates = (1e6, 0.1)
    ours, theirs = (run(learning_rates=rates, together=t, **options) for t in (False, True))
    assert (ours.diverged_at == theirs.diverged_at).all() and ours.diverged_at[0, 0] >= 0
    assert [row["loss"] for row in ours.rows() if row["learning_rate"] == 0.1] == pytest.approx(
        [row["loss"] for row in theirs.rows() if row["learning_rate"] == 0.1], rel=1e-5
    )
    model = ResNet(stages=(1,), width=2)
    images = TRAIN[0].reshape(-1, 8, 8, 1), TRAIN[1]
    found = [
        bea.train(
            classifier(model, (8, 8, 1)), images, images,
            learning_rates=[0.1, 0.05], epochs=2, together=together,
        )
        for together in (False, True)
    ]  # fmt: skip
    np.testing.assert_allclose(found[0].loss, found[1].loss, rtol=1e-4)
    np.testing.assert_allclose(found[0].test_loss, found[1].test_loss, rtol=1e-3)


@pytest.mark.slow
def test_it_is_measured_in_the_precision_that_is_asked_for(usual):
    """A network that computes in bfloat16, whose E and ∇E are those of float32 all the same."""
    coarse = MLP(width=8, depth=2, dtype=jnp.bfloat16)
    found, rounded = (
        bea.train(
            classifier(coarse, (64,), measured=measured), TRAIN, TEST,
            learning_rates=[0.3], epochs=0, seeds=(0, 1),
        )
        for measured in (MODEL, None)
    )  # fmt: skip
    np.testing.assert_allclose(found.loss[0], usual.loss[0, :, :1], rtol=1e-6)
    np.testing.assert_allclose(found.squared_slope[0], usual.squared_slope[0, :, :1], rtol=1e-5)
    assert (abs(rounded.squared_slope / found.squared_slope - 1) > 1e-4).all()


def test_too_little_memory_is_told():
    def loss(theta, state, x, labels):
        E, rest = NETWORK.loss(theta, state, x, labels)
        return E + 0 * jnp.cumsum(jnp.ones(2**44) * E)[-1], rest

    huge = Classifier(NETWORK.init, loss, NETWORK.evaluate, measured_loss=NETWORK.loss)
    with pytest.raises(bea.InputError, match="too little memory for 1 × 1 models: lower"):
        bea.train(huge, TRAIN, TEST, learning_rates=[0.1], epochs=1)


def test_who_diverges_leaves_the_others_alone(usual):
    found = run(learning_rates=(*RATES, 1e4))
    assert (found.diverged_at[:, 3] > 0).all() and (found.diverged_at[:, :3] == -1).all()
    np.testing.assert_allclose(found.loss[:, :, :3], usual.loss, rtol=1e-4)
    gone = [row for row in found.rows() if row["learning_rate"] == 1e4]
    for row in gone:
        known = row["step"] < row["diverged_at"]
        assert (row["loss"] is not None) == (row["norm"] is not None) == known
    assert any(row["loss"] is None for row in gone)


# --- what is measured ----------------------------------------------------------------------------


def test_measurements_are_of_the_whole_sets(usual):
    loss = cross_entropy(MODEL)
    q = usual.steps.index(6)
    for s, r in np.ndindex(2, 3):
        theta = at(usual.theta, s, r)
        geometry = bea.gradient_geometry(loss)(theta, *TRAIN)
        assert usual.loss[q, s, r] == pytest.approx(float(geometry.loss), rel=1e-5)
        assert usual.squared_slope[q, s, r] == pytest.approx(float(geometry.squared_norm), rel=1e-4)
        right = (MODEL.apply({"params": theta}, X_TEST).argmax(-1) == TEST[1]).mean()
        assert usual.test_accuracy[q, s, r] == pytest.approx(float(right))
        norm = optax.tree.norm(theta)
        assert usual.norm[q, s, r] == pytest.approx(float(norm), rel=1e-6)


@pytest.mark.slow
def test_in_which_pieces_does_not_matter(usual):
    """96 examples as 96, and as 40 + 40 + 16."""
    found = run(measured_batch=40)
    np.testing.assert_allclose(found.loss, usual.loss, rtol=1e-5)
    np.testing.assert_allclose(found.squared_slope, usual.squared_slope, rtol=1e-4)
    assert (found.accuracy == usual.accuracy).all()


def test_measuring_changes_nothing(usual):
    found = run(measured_steps=[1, 2, 4, 5])
    assert found.steps == (1, 2, 4, 5, 6)
    for ours, theirs in zip(
        jax.tree.leaves(found.theta), jax.tree.leaves(usual.theta), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_the_columns_of_the_table(usual):
    m = usual.parameters
    assert m == sum(leaf[0, 0].size for leaf in jax.tree.leaves(usual.theta))
    assert len(usual.rows()) == 2 * 3 * len(usual.steps)
    for row in usual.rows():
        h = row["learning_rate"]
        assert row["physical_time"] == pytest.approx(row["step"] * h)
        assert row["regularizer"] == pytest.approx(row["squared_slope"] / m)
        assert row["slope"] ** 2 == pytest.approx(row["squared_slope"])
        assert row["regularization_rate"] == pytest.approx(h * m / 4)
        rate = row["regularization_rate"]
        assert row["regularization"] == pytest.approx(rate * row["regularizer"])


@pytest.mark.slow
def test_the_best_is_kept():
    """Fitting all examples comes before the test accuracy, the first of equals before others."""
    found = run(epochs=60, seeds=[0], learning_rates=[0.3, 1e-4], measured_steps=range(0, 180, 6))
    for r in range(2):
        fits = found.accuracy[:, 0, r] == 1
        score = found.test_accuracy[:, 0, r] + fits
        assert found.best_step[0, r] == found.steps[int(np.argmax(score))]
        theta = at(found.best_theta, 0, r)
        right = (MODEL.apply({"params": theta}, X_TEST).argmax(-1) == TEST[1]).mean()
        assert float(right) == pytest.approx(found.test_accuracy[np.argmax(score), 0, r])
    assert (found.accuracy[:, 0, 0] == 1).any() and not (found.accuracy[:, 0, 1] == 1).any()


@given(st.integers(1, 3000), st.integers(0, 400), st.integers(1, 30), st.integers(2, 100))
def test_steps_are_dense_at_first_and_then_even(steps_per_epoch, epochs, evenly, powers):
    steps = spread_steps(steps_per_epoch, epochs, evenly=evenly, powers=powers)
    total = steps_per_epoch * epochs
    assert steps[0] == 0 and steps[-1] == total and list(steps) == sorted(set(steps))
    assert total < 2 or epochs <= 1 or steps[1] == 1
    early = [step for step in steps[1:] if step % steps_per_epoch or step < total / evenly]
    assert len(steps) - len(early) <= evenly + 1
    gap = total / evenly + steps_per_epoch
    assert all(after <= max(powers * before, gap + before, 1) for before, after in pairwise(steps))


def test_nine_measurements_in_the_papers_runs_by_default():
    """Half an epoch each: below 5 % of the training."""
    assert len(spread_steps(60_000 // 32, 100)) == 8


# --- nothing is lost -----------------------------------------------------------------------------


class Killed(BaseException):
    """In the place of a signal."""


def table(folder: Path) -> bytes:
    return (folder / "measurements.csv").read_bytes()


ONE_BY_ONE = {"together": False, "learning_rates": (1e6, 0.1)}


@pytest.mark.parametrize(
    ("at_saving", "options"),
    quick(
        [(1, {}), (3, {}), (5, {}), (1, ONE_BY_ONE), (3, ONE_BY_ONE), (4, ONE_BY_ONE)],
        [(1, {}), (5, {}), (3, ONE_BY_ONE)],
    ),
)
def test_a_run_that_was_cut_off_ends_in_the_same_bits(at_saving, options, tmp_path, monkeypatch):
    """Models together, and one by one, of which some diverge."""
    whole = run(folder=tmp_path / "whole", save_every=0, **options)
    cut_off_at(at_saving, tmp_path / "cut", monkeypatch, **options)
    resumed = run(folder=tmp_path / "cut", save_every=0, **options)
    assert table(tmp_path / "cut") == table(tmp_path / "whole")
    same = jax.tree.map(lambda a, b: a.tobytes() == b.tobytes(), whole.theta, resumed.theta)
    assert all(jax.tree.leaves(same))
    assert (whole.best_step == resumed.best_step).all()


def test_a_finished_run_is_not_redone(tmp_path, monkeypatch):
    first = run(folder=tmp_path)
    monkeypatch.setattr(Ensemble, "advance", None)
    monkeypatch.setattr(Ensemble, "measure", None)
    again = run(folder=tmp_path)
    assert again.rows() == first.rows()
    assert again.seconds["training"] == first.seconds["training"]


ELSEWHERE = """
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

class Doubled:
    def __call__(self, x: Any) -> Any:
        return 2 * x

@jax.custom_vjp
def twice(x: Any) -> Any:
    return jax.pure_callback(Doubled(), x, x, vmap_method="broadcast_all")

twice.defvjp(lambda x: (twice(x), None), lambda _, g: (2 * g,))

class Network(nn.Module):
    factor: float = 1.0

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return twice(nn.Dense(10)(jnp.tanh(self.factor * x)))
"""


def test_a_saved_run_does_not_care_in_which_module_the_network_is(monkeypatch):
    """Modules move between two releases. What is computed is another matter."""

    def program(module: str, factor: float = 1.0) -> str:
        there = ModuleType(module)
        monkeypatch.setitem(sys.modules, module, there)
        exec(ELSEWHERE, vars(there))
        network = classifier(there.Network(factor), image=(64,))
        return Ensemble(network, optax.sgd, 32, len(X), 96, Sharding.on(None)).program(TRAIN)

    assert program("here") == program("in_another.place.now") != program("here", factor=0.5)


def test_what_is_saved_names_no_module_of_ours(tmp_path):
    """So that a run begun before they are moved can be resumed after."""
    run(folder=tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "configuration.json" for path in files)
    assert [path for path in files if b"bea." in path.read_bytes()] == []


def cut_off_at(
    at_saving: int, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> None:
    """A run that ends when it has been saved so often."""
    keep, count = saved_run.SavedRun.keep, 0

    def dying(self: Any, *args: Any, **given: Any) -> None:
        nonlocal count
        keep(self, *args, **given)
        count += 1
        if count == at_saving:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(saved_run.SavedRun, "keep", dying)
        run(folder=folder, save_every=0, **options)


def test_another_device_is_told(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_environment", lambda sharding: "an abacus")
        cut_off_at(2, tmp_path, monkeypatch)
    with pytest.warns(UserWarning, match="begun with an abacus and goes on with JAX"):
        run(folder=tmp_path)


@pytest.mark.parametrize("times", [1, 3])
def test_a_table_that_was_cut_off_is_written_again(times, tmp_path, monkeypatch):
    """After the state and before the table, which is then that of the state before, or missing."""
    run(folder=tmp_path / "whole", save_every=0)
    write, count = saved_run.write_table, 0

    def dying(*args: Any) -> None:
        nonlocal count
        count += 1
        if count == times:
            raise Killed
        write(*args)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(saved_run, "write_table", dying)
        run(folder=tmp_path / "cut", save_every=0 if times > 1 else 1e9)
    run(folder=tmp_path / "cut", save_every=0)
    assert table(tmp_path / "cut") == table(tmp_path / "whole")


def test_a_claim_that_was_cut_off_is_made_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(saved_run, "write_text", lambda *args: (_ for _ in ()).throw(Killed()))
        run(folder=tmp_path)
    (tmp_path / ".left").mkdir()
    run(folder=tmp_path, epochs=1)


def test_a_folder_of_which_nothing_is_saved_takes_another_configuration(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Ensemble, "measure", property(lambda self: (_ for _ in ()).throw(Killed())))
        run(folder=tmp_path)
    assert run(folder=tmp_path, epochs=1).steps[-1] == 3


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    held = saved_run.SavedRun(tmp_path, {})
    with pytest.raises(bea.InputError, match=r"another process trains in .*: wait for it"):
        run(folder=tmp_path)
    held.close()


def test_what_diverges_in_the_last_step_is_told():
    found = run(learning_rates=[1e30], batch_size=None, epochs=1, seeds=[0])
    assert found.diverged_at.tolist() == [[1]]
    last = found.rows()[-1]
    assert last["accuracy"] is None and last["loss"] is None and last["diverged_at"] == 1


@pytest.mark.parametrize(
    "change, named",
    [
        ({"epochs": 3}, "epochs is 2 there and 3 now"),
        ({"learning_rates": (0.3,)}, r"learning_rates is \[0.3, 0.1, 0.03\] there and \[0.3\] now"),
        ({"configuration": {"network": "other"}}, 'network is not given there and "other" now'),
        ({"seeds": (0, 2)}, r"seeds is \[0, 1\] there"),
        ({"optimizer": lambda h: optax.sgd(h, momentum=0.5)}, "its optimizer is another"),
        ({"optimizer": lambda h: optax.sgd(2 * h)}, "its optimizer is another"),
        ({"configuration": {"epochs": 2}}, "configuration has 'epochs'"),
    ],
)
def test_another_configuration_is_refused(change, named, tmp_path):
    run(folder=tmp_path)
    before = table(tmp_path)
    with pytest.raises(bea.InputError, match=named):
        run(folder=tmp_path, **change)
    assert table(tmp_path) == before


def test_other_data_are_refused(tmp_path):
    run(folder=tmp_path)
    with pytest.raises(bea.InputError, match="data is "):
        bea.train(
            NETWORK, (X + np.float32(1e-3), TRAIN[1]), TEST,
            learning_rates=RATES, epochs=2, seeds=(0, 1), folder=tmp_path,
        )  # fmt: skip


def test_another_network_is_refused(tmp_path):
    """The same parameters, another activation, told from the program; and other shapes."""
    run(folder=tmp_path)
    for model, named in (
        (MLP(width=8, depth=2, activation=jnp.tanh), "the network, its loss or its optimizer"),
        (MLP(width=9, depth=2), r"parameters\['Dense_0'\]\['bias'\] is \[8\] there and \[9\] now"),
    ):
        with pytest.raises(bea.InputError, match=named):
            bea.train(
                classifier(model, image=(64,)), TRAIN, TEST,
                learning_rates=RATES, epochs=2, seeds=(0, 1), folder=tmp_path,
            )  # fmt: skip


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    with pytest.raises(bea.InputError, match=r"holds thesis\.tex, and no configuration\.json"):
        run(folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_damaged_checkpoint_is_named_and_the_one_before_kept(tmp_path):
    whole = run(folder=tmp_path, save_every=0)
    expected = table(tmp_path)
    steps = sorted(int(path.name) for path in (tmp_path / "checkpoints").iterdir())
    latest = tmp_path / "checkpoints" / str(steps[-1])
    for path in sorted(latest.rglob("d/*"), key=lambda path: path.stat().st_size)[-1:]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    with pytest.raises(bea.InputError, match=f"{latest} is damaged .* from step {steps[0]}"):
        run(folder=tmp_path, save_every=0)
    shutil.rmtree(latest)
    assert run(folder=tmp_path, save_every=0).rows() == whole.rows()
    assert table(tmp_path) == expected


def test_a_changed_byte_that_orbax_reads_is_noticed(tmp_path, monkeypatch):
    """What is read is held against the sum of what was to be saved."""
    digest = saved_run.digest
    with monkeypatch.context() as patch:
        patch.setattr(
            saved_run, "digest", lambda a, n: digest({**a, "history": a["history"] + 1e-9}, n)
        )
        run(folder=tmp_path)
    with pytest.raises(bea.InputError, match="its SHA-256 has changed"):
        run(folder=tmp_path)


@pytest.mark.parametrize("note", ["step", "seconds"])
def test_a_changed_digit_in_the_notes_is_noticed(tmp_path, note):
    """Another step would give other bits, or a run without an end."""
    run(folder=tmp_path)
    changed = 0
    for path in (tmp_path / "checkpoints").rglob("*"):
        if path.is_file() and path.parent.name == "notes" and f'"{note}"' in path.read_text():
            text = path.read_text()
            start = text.index(":", text.index(f'"{note}"')) + 1
            digit = next(i for i in range(start, len(text)) if text[i].isdigit())
            flipped = str((int(text[digit]) + 1) % 10)
            path.write_text(text[:digit] + flipped + text[digit + 1 :])
            changed += 1
    assert changed
    with pytest.raises(bea.InputError, match="its SHA-256 has changed"):
        run(folder=tmp_path)


def test_no_room_to_save(tmp_path, monkeypatch):
    def no_room(self: Any, *args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    import orbax.checkpoint

    monkeypatch.setattr(orbax.checkpoint.CheckpointManager, "save", no_room)
    with pytest.raises(bea.InputError, match=r"could not be saved in .*No space left.*make room"):
        run(folder=tmp_path)


SCRIPT = """
import sys
from tests.numeric.training import test_train as t
t.run(folder=sys.argv[1], epochs=40, save_every=float(sys.argv[2]), progress=False)
"""


def in_a_process(folder: Path, *more: str, **options: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), *more], env=environment, **options
    )


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path):
    """Kill −9, again and again, at moments drawn from a fixed seed; then to the end."""
    assert in_a_process(tmp_path / "whole", "0").wait() == 0
    moments = np.random.default_rng(5).uniform(0.02, 1.5, 4)
    for seconds in moments:
        process = in_a_process(tmp_path / "cut", "0")
        checkpoints = tmp_path / "cut" / "checkpoints"
        before = names_in(checkpoints)
        while process.poll() is None and names_in(checkpoints) == before:
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert in_a_process(tmp_path / "cut", "0").wait() == 0
    assert table(tmp_path / "cut") == table(tmp_path / "whole")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.slow
def test_a_disk_that_is_full(tmp_path):
    """Files may not grow beyond some bytes: the state before survives, and is gone on from."""
    script = """
import resource, signal, sys
from tests.numeric.training import test_train as t
import bea
from bea.numeric.training import checkpoints as saved_run
keep, count = saved_run.SavedRun.keep, 0
def limited(self, *args, **given):
    global count
    count += 1
    if count == 3:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    keep(self, *args, **given)
saved_run.SavedRun.keep = limited
try:
    t.run(folder=sys.argv[1], save_every=0)
except bea.InputError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "cut")],
        env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "could not be saved" in said and "make room" in said
    run(folder=tmp_path / "whole", save_every=0)
    run(folder=tmp_path / "cut", save_every=0)
    assert table(tmp_path / "cut") == table(tmp_path / "whole")


# --- many devices --------------------------------------------------------------------------------

ON_DEVICES = """
import json, sys
import jax, numpy as np
from jax.sharding import Mesh
from tests.numeric.training import test_train as t
devices = np.array(jax.devices())
meshes = {
    "one": None,
    "models": Mesh(devices, ("models",)),
    "batch": Mesh(devices, ("batch",)),
    "both": Mesh(devices.reshape(2, 2), ("models", "batch")),
}
for size in (32, None):
    for name, mesh in meshes.items():
        found = t.run(mesh=mesh, batch_size=size)
        print(json.dumps([size, name, found.loss.tolist(), found.best_step.tolist()]))
    found = t.run(mesh=meshes["batch"], batch_size=size, together=False)
    print(json.dumps([size, "alone", found.loss.tolist(), found.best_step.tolist()]))
try:
    t.run(mesh=meshes["models"], together=False)
except t.bea.InputError as error:
    print(error, file=sys.stderr)
"""


@pytest.mark.slow
def test_on_several_devices():
    """Four devices of a CPU; three learning rates are no multiple of two or four."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    said = subprocess.run(
        [sys.executable, "-c", ON_DEVICES], env=environment, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert "cannot be split over devices" in said.stderr
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    found = {(size, name): np.array(loss) for size, name, loss, _ in lines}
    assert len(found) == 10
    for (size, _), loss in found.items():
        np.testing.assert_allclose(loss, found[size, "one"], rtol=1e-4)


TWO_PROCESSES = """
import sys
import jax
jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
import numpy as np
from jax.sharding import Mesh
from tests.numeric.training import test_train as t
mesh = Mesh(np.array(jax.devices()), ("models",))
found = t.run(mesh=mesh, folder=sys.argv[3], save_every=0, progress=False)
again = t.run(mesh=mesh, folder=sys.argv[3], save_every=0, progress=False)
assert again.rows() == found.rows()
alone = t.run(mesh=Mesh(mesh.devices, ("batch",)), together=False, progress=False)
np.testing.assert_allclose(alone.loss, found.loss, rtol=1e-4)
"""


@pytest.mark.slow
def test_in_two_processes(tmp_path, usual):
    """`jax.distributed` on this machine: one table, written once, the same in every process."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_PROCESSES, address, str(i), str(tmp_path)],
            env=environment, stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    found = run(folder=tmp_path)  # finished, and read by one process alone
    np.testing.assert_allclose(found.loss, usual.loss, rtol=1e-4)


def test_a_mesh_that_does_not_fit():
    strange = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("rows",))
    with pytest.raises(bea.InputError, match="an axis 'rows': its axes are 'models'"):
        run(mesh=strange)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, named",
    [
        ({"learning_rates": []}, "learning_rates is empty"),
        ({"learning_rates": [0.1, -1]}, r"the learning rate -1\.0 is no positive number"),
        ({"learning_rates": [0.1, float("nan")]}, "nan is no positive number"),
        ({"learning_rates": [0.1, 0.1]}, r"0\.1 twice"),
        ({"learning_rates": "0.1"}, "give a sequence"),
        ({"learning_rates": ["fast"]}, r"learning_rates\[0\] = 'fast' is no number"),
        ({"seeds": [-1]}, r"seeds\[0\] = -1: give a whole number from 0"),
        ({"seeds": [0.5]}, r"seeds\[0\] = 0\.5"),
        ({"epochs": 1.5}, "epochs = 1.5"),
        ({"batch_size": 97}, "batch_size = 97: .* 1 to 96, the training examples, or None"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"measured_steps": [7]}, r"measured_steps\[0\] = 7: give a whole number from 0 to 6"),
        ({"measured_batch": 0}, "measured_batch = 0"),
    ],
)
def test_what_cannot_be_used_is_named(options, named):
    with pytest.raises(bea.InputError, match=named):
        run(**options)


@pytest.mark.parametrize(
    "examples, named",
    [
        (X, "train is no pair"),
        ((X, TRAIN[1][:5]), r"labels of shape \(5,\)"),
        ((X, TRAIN[1].astype(float)), "float64 labels"),
        ((X[:0], TRAIN[1][:0]), "n ≥ 1"),
        ((X, TRAIN[1] + 1), "train has labels from 1 to 10: the network has the classes 0 … 9"),
    ],
)
def test_examples_that_do_not_go_together(examples, named):
    with pytest.raises(bea.InputError, match=named):
        bea.train(NETWORK, examples, TEST, learning_rates=[0.1], epochs=1)


def test_the_start_alone():
    found = run(epochs=0)
    assert found.steps == (0,) and len(found.rows()) == 6


def test_a_bar_where_it_is_asked_for(capsys):
    run(epochs=1, progress="width 8")
    assert "width 8" in capsys.readouterr().err
    run(epochs=1)
    assert capsys.readouterr().err == ""


# --- under noise ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_noise_is_the_network_itself(usual):
    theta = at(usual.theta, 0, 0)
    found = bea.noise_robustness(
        NETWORK, theta, {}, TRAIN, TEST, sigmas=[0, 0.5], draws=3, key=jax.random.key(0)
    )
    slope = bea.slope(cross_entropy(MODEL))(theta, *TRAIN)
    np.testing.assert_allclose(found.slope[0], float(slope), rtol=1e-4)
    np.testing.assert_allclose(found.test_accuracy[0], usual.test_accuracy[-1, 0, 0], rtol=1e-6)
    assert len(set(found.slope[1])) == 3
    one = bea.perturbed(theta, jax.random.fold_in(jax.random.key(0), 1), 0.5)
    assert found.slope[1, 1] == pytest.approx(
        float(bea.slope(cross_entropy(MODEL))(one, *TRAIN)), rel=1e-4
    )


def test_the_noise_is_multiplicative_and_of_this_size():
    theta = {"w": jnp.full((200, 200), 2.0), "b": jnp.zeros(5)}
    moved = bea.perturbed(theta, jax.random.key(0), 0.25)
    eta = np.asarray(moved["w"]) / 2 - 1
    assert abs(eta.mean()) < 0.005 and eta.std() == pytest.approx(0.25, rel=0.02)
    assert not np.asarray(moved["b"]).any()


@pytest.mark.parametrize("options", [{"sigmas": [-1], "draws": 1}, {"sigmas": [1], "draws": 0}])
def test_noise_that_cannot_be(options, usual):
    with pytest.raises(bea.InputError):
        bea.noise_robustness(
            NETWORK, at(usual.theta, 0, 0), {}, TRAIN, TEST, key=jax.random.key(0), **options
        )
