"""The trainings, and the rows of the table from the epochs at which θ is held."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.flatten_util import ravel_pytree
from tqdm import tqdm

import bea
from bea.classifier import Classifier
from bea.models.data import Dataset
from bea.models.losses import classifier
from bea.models.resnet import ResNet
from bea.numeric.training.sharding import memory_for
from bea.tables import write_text
from examples.paper.cifar10.local_error_of_resnet.steps import Descent, Place, compare
from examples.paper.results import Row
from examples.paper.shares import known

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {"GELU": nn.gelu, "ReLU": nn.relu}
KINKED = ("ReLU",)
SAVE_EVERY = 300.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Which network learns what, at which rates, and when it is looked at.

    Attributes:
        stages: the number of blocks of each stage of the residual network.
        width: the channels of its first stage.
        images: how many training images, the first ones; so many as well to test on, at most.
        batch: the examples of a step, and of the fixed batch B.
        learning_rates: h.
        epochs: after which the step is looked at.
        bfloat16: whether training computes in it; what is measured does not.
        substeps: of the Runge–Kutta rule in a step at most; twice as many of the midpoint rule.
        seeds: of the parameters, and of the order of the examples.
    """

    stages: tuple[int, ...]
    width: int
    images: int
    batch: int
    learning_rates: tuple[float, ...]
    epochs: tuple[int, ...]
    bfloat16: bool
    substeps: int
    seeds: tuple[int, ...] = (0, 1, 2)

    def network(self, activation: str, **options: Any) -> ResNet:
        return ResNet(self.stages, self.width, activation=ACTIVATIONS[activation], **options)


PROFILES = {
    "quick": Profile(
        stages=(1, 1, 1), width=4, images=200, batch=16, learning_rates=(0.01, 0.05, 0.2),
        epochs=(0, 1, 4), bfloat16=False, substeps=8, seeds=(0, 1),
    ),
    "laptop": Profile(
        stages=(1, 1, 1), width=8, images=1000, batch=16, learning_rates=(0.01, 0.05, 0.2),
        epochs=(0, 1, 4), bfloat16=False, substeps=8,
    ),
    "paper": Profile(
        stages=(2, 2, 2, 2), width=64, images=50_000, batch=512,
        learning_rates=(0.005, 0.01, 0.05, 0.1, 0.2), epochs=(0, 1, 3, 10, 30), bfloat16=True,
        substeps=16,
    ),
}  # fmt: skip


def keeping(network: Classifier, steps: Sequence[int]) -> Classifier:
    """The same network, which keeps θ as it was at these steps, in its state.

    So one training shows θ at all of them, and goes on with them where it was interrupted.
    """

    def init(key: jax.Array) -> tuple[Any, Any]:
        theta, state = network.init(key)
        kept = {str(step): theta for step in steps}
        return theta, {"network": state, "step": jnp.int32(0), "kept": kept}

    def loss(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
        E, (outputs, new) = network.loss(theta, state["network"], x, labels)
        kept = {
            step: jax.tree.map(partial(jnp.where, state["step"] == int(step)), theta, before)
            for step, before in state["kept"].items()
        }
        return E, (outputs, {"network": new, "step": state["step"] + 1, "kept": kept})

    def evaluate(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> tuple[Any, jax.Array]:
        return network.evaluate(theta, state["network"], x, labels)

    def measured_loss(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> Any:
        return (network.measured_loss or network.loss)(theta, state["network"], x, labels)

    return Classifier(init, loss, evaluate, measured_loss)


def trained(
    profile: Profile, activation: str, data: Dataset, *, out: Path, progress: bool
) -> tuple[bea.TrainingRun, list[Any]]:
    """The run of a profile's network, and θ at its epochs, (seeds, learning rates, …) each."""
    model = profile.network(activation)
    training = profile.network(activation, dtype=jnp.bfloat16) if profile.bfloat16 else model
    per_epoch = profile.images // profile.batch
    *before, last = (per_epoch * epoch for epoch in profile.epochs)
    x, x_test = data.standardized()
    run = bea.train(
        keeping(classifier(training, x.shape[1:], measured=model), before),
        (x, data.train_labels),
        (x_test, data.test_labels),
        learning_rates=profile.learning_rates,
        epochs=profile.epochs[-1],
        seeds=profile.seeds,
        batch_size=profile.batch,
        measured_steps=[*before, last],
        measured_batch=min(1000, profile.images // 2),
        folder=out / "runs" / activation,
        save_every=SAVE_EVERY,
        configuration={"activation": activation, "profile": asdict(profile)},
        together=False,
        progress=f"{activation}, training" if progress else False,
    )
    return run, [*(run.state["kept"][str(step)] for step in before), run.theta]


def loss_on_batch(
    profile: Profile, activation: str, data: Dataset, *, like: Any
) -> Callable[[jax.Array], jax.Array]:
    """E of θ as a vector in float64, on the fixed batch; θ is taken apart as `like`."""
    network = classifier(profile.network(activation), data.image_shape)
    x, labels = data.standardized()[0][: profile.batch], data.train_labels[: profile.batch]
    _, state = jax.eval_shape(network.init, jax.random.key(0))
    unused = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), state)  # in training mode
    _, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, float), like))
    at = jnp.asarray(x, float), jnp.asarray(labels)
    return lambda theta: network.loss(unravel(theta), unused, *at)[0]


def measure(
    profile: Profile, activation: str, data: Dataset, *, out: Path, progress: bool
) -> list[Row]:
    """The rows of one activation: those that are there, and the others.

    They stand beside the run that they are of, in a file of this script.
    """
    run, thetas = trained(profile, activation, data, out=out, progress=progress)
    kept = out / "runs" / activation / "local_errors.json"  # in the folder of this very run
    rows: list[Row] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else []
    sizes = len(profile.epochs), len(profile.seeds), len(run.learning_rates)
    cases = list(product(*map(range, sizes)))
    remedy = "take a smaller profile, or a device with more"
    with jax.enable_x64(True), memory_for("E and H∇E of the fixed batch in float64", remedy):
        at_start: dict[int, Place] = {}
        descent: Descent | None = None
        for i, s, r in tqdm(
            cases[len(rows) :],
            desc=f"{activation}, steps",
            initial=len(rows),
            total=len(cases),
            disable=not progress,
        ):
            h, epoch = run.learning_rates[r], profile.epochs[i]
            theta = jax.tree.map(lambda leaf, s=s, r=r: leaf[s, r], thetas[i])
            if descent is None:
                loss = loss_on_batch(profile, activation, data, like=theta)
                descent = Descent(loss, activation in KINKED, profile.substeps)
            vector = jnp.asarray(ravel_pytree(theta)[0], float)
            diverged = 0 <= run.diverged_at[s, r] <= epoch * run.steps_per_epoch
            finite = bool(jnp.isfinite(vector).all()) and not diverged
            row: Row = {
                "activation": activation,
                "seed": profile.seeds[s],
                "step_size": h,
                "epoch": epoch,
                "training_loss": known(run.loss[i, s, r]),
                "test_accuracy": known(run.test_accuracy[i, s, r]),
                "note": "" if finite else "diverged",
            }
            if finite:
                at = (at_start.get(s) if epoch == 0 else None) or descent.place(vector)
                if epoch == 0:  # where all learning rates start
                    at_start[s] = at
                row = {**row, **compare(descent, at, h)}
            rows.append(row)
            write_text(kept, json.dumps(rows, indent=1) + "\n")
    return rows


def measure_all(profile: Profile, data: Dataset, *, out: Path, progress: bool) -> list[Row]:
    """The rows of the table; of a network that diverged the columns are there, and empty."""
    where: dict[str, Any] = {"out": out, "progress": progress}
    rows = [row for each in ACTIVATIONS for row in measure(profile, each, data, **where)]
    columns = max(rows, key=len)
    return [{name: row.get(name) for name in columns} for row in rows]
