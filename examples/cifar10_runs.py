"""ResNet-18 on CIFAR-10, the paper's section 7 and appendix E: the training its figures are of.

A residual network with a 3×3 stem and batch normalization, per-channel standardized images without
augmentation, mean softmax cross-entropy, plain SGD in a new order each epoch, a constant learning
rate: for figures A.6 and A.7 at five learning rates h, for figure 3c with explicit gradient
regularization, E + μ|∇E|² (8), at a small h and several μ. Descent with learning rate h regularizes
implicitly with μ = h/4, so that μ = 0.05 adds at h = 0.005 what h = 0.2 would.

∇E is over the batch of a step; E and R_IG are measured over the whole training set in chunks of
`measured_batch`, each normalized by its own statistics, in float32 also where the training computes
in bfloat16. One table is written, and every figure is drawn from it alone:

    measurements.csv    a row per model and measured step

A run that is interrupted goes on where it was when it is started again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import data_folder
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from run_scripts import MEASUREMENTS, Script, check_rates, peak_memory
from table_and_figure import produce, write_table

import bea
from bea.classifier import Classifier
from bea.errors import InputError
from bea.models.data import Dataset, download_cifar10
from bea.models.losses import classifier
from bea.models.resnet import ResNet
from bea.numeric.measured_steps import spread_steps

RATES = (0.2, 0.1, 0.05, 0.01, 0.005)
CURVE = 5  # measured epochs of a learning curve


@dataclass(frozen=True)
class Profile:
    """What is trained, and how long; the same code for every one.

    Attributes:
        examples: how many training images, the first ones.
        test_examples: how many test images, the first ones.
        stages: the number of blocks of each stage.
        width: the channels of the first stage.
        dtype: in what the training computes; it is measured in float32.
        learning_rates: h of plain SGD.
        mus: μ of explicit gradient regularization, in |∇E|².
        regularized_rates: h with these.
        seeds: each draws the start and the orders of the examples.
        epochs: of batches of `batch`.
        batch: the images of a step.
        measured_batch: the images that are measured at once, a batch of batch normalization.
    """

    examples: int
    test_examples: int
    stages: tuple[int, ...]
    width: int
    dtype: str
    learning_rates: tuple[float, ...]
    mus: tuple[float, ...]
    regularized_rates: tuple[float, ...]
    seeds: tuple[int, ...]
    epochs: int
    batch: int
    measured_batch: int

    @property
    def cases(self) -> Iterator[tuple[float, tuple[float, ...]]]:
        """Every μ, 0 first, with the learning rates that are trained with it."""
        yield 0.0, tuple(dict.fromkeys((*self.learning_rates, *self.regularized_rates)))
        for mu in self.mus:
            yield mu, self.regularized_rates


PROFILES = {
    "quick": Profile(
        examples=1000, test_examples=500, stages=(1, 1, 1), width=8, dtype="float32",
        learning_rates=RATES, mus=(0.0125, 0.05), regularized_rates=(0.01,), seeds=(0, 1),
        epochs=10, batch=64, measured_batch=250,
    ),
    "laptop": Profile(
        examples=2000, test_examples=1000, stages=(1, 1, 1), width=8, dtype="float32",
        learning_rates=RATES, mus=(0.0125, 0.05, 0.2), regularized_rates=(0.01,),
        seeds=(0, 1, 2), epochs=15, batch=64, measured_batch=500,
    ),
    "paper": Profile(
        examples=50_000, test_examples=10_000, stages=(2, 2, 2, 2), width=64, dtype="bfloat16",
        learning_rates=RATES, mus=(0.0125, 0.05, 0.2), regularized_rates=(0.005,),
        seeds=(0, 1, 2), epochs=50, batch=512, measured_batch=1000,
    ),
}  # fmt: skip


def check(profile: Profile) -> None:
    """Refuse what cannot be before anything is trained."""
    check_rates(profile.learning_rates)
    check_rates(profile.regularized_rates)
    if profile.batch > profile.examples:
        raise InputError(
            f"batch = {profile.batch} of {profile.examples} examples: give no more than there are"
        )
    for mu in profile.mus:
        if not mu > 0:
            raise InputError(f"μ = {mu}: give positive numbers; μ = 0 is trained anyway")


def load(profile: Profile, folder: Path | None) -> Dataset:
    """As many images of CIFAR-10 as a profile asks for."""
    return data_folder.cifar10(folder).subset(profile.examples, profile.test_examples)


class Experiment:
    """The runs of a profile, one for every μ, and the table made of them."""

    def __init__(
        self,
        profile: Profile,
        data: Dataset,
        out: Path,
        progress: bool = False,
        mesh: Mesh | None = None,
    ) -> None:
        self.profile, self.out, self.progress, self.mesh = profile, out, progress, mesh
        x, x_test = data.standardized()
        self.train, self.test = (x, data.train_labels), (x_test, data.test_labels)
        self.network = network(profile)
        self.seconds: dict[str, dict[str, float]] = {}

    def run(self, configuration: dict[str, Any]) -> None:
        """Train, measure, and write the table."""
        profile, rows = self.profile, []
        for mu, rates in profile.cases:
            run = self.trained(mu, rates)
            model = {"width": profile.width, "batch": profile.batch, "examples": len(self.train[0])}
            rows += [{**model, "mu": mu, **row} for row in run.rows()]
            if jax.process_index() == 0:  # what is known, should a later μ be cut off
                write_table(self.out / MEASUREMENTS, rows)
        if jax.process_index() == 0:
            produce(
                self.out / MEASUREMENTS, lambda: rows, ("flax", "optax", "orbax-checkpoint"),
                made_by=f"examples/cifar10_runs.py --profile {configuration['profile']}",
                **configuration,
                parameters=run.parameters,
                devices=1 if self.mesh is None else int(self.mesh.size),
                seconds=self.seconds,
                peak_memory_mib=peak_memory(),
            )  # fmt: skip

    def trained(self, mu: float, rates: tuple[float, ...]) -> bea.TrainingRun:
        """All learning rates and seeds of a μ, trained or taken up where they were."""
        profile, name = self.profile, f"mu {mu:g}"
        run = bea.train(
            self.network,
            self.train,
            self.test,
            learning_rates=rates,
            seeds=profile.seeds,
            epochs=profile.epochs,
            batch_size=profile.batch,
            optimizer=descent(mu),
            measured_steps=spread_steps(
                profile.examples // profile.batch, profile.epochs, evenly=CURVE, powers=8
            ),
            measured_batch=profile.measured_batch,
            folder=self.out / "runs" / name.replace(" ", "-"),
            configuration={"mu": mu, "dtype": profile.dtype},
            mesh=self.mesh,
            together=False,  # convolutions of many models at once are slow
            progress=f"μ = {mu:g}" if self.progress else False,
        )
        self.seconds[name] = {what: round(s, 1) for what, s in run.seconds.items()}
        return run


def network(profile: Profile) -> Classifier:
    """The network of a profile, trained in its dtype and measured in float32."""
    measured = ResNet(profile.stages, profile.width)
    return classifier(
        measured.clone(dtype=jnp.dtype(profile.dtype)), image=(32, 32, 3), measured=measured
    )


def descent(mu: float) -> Any:
    """Plain SGD on E + μ|∇E|², as a function of the learning rate."""
    if not mu:
        return optax.sgd
    return lambda h: optax.chain(bea.add_explicit_gradient_regularization(mu), optax.sgd(h))


SCRIPT = Script(
    "cifar10_runs",
    __doc__,
    (
        "--data FOLDER --download",
        "--profile paper --data FOLDER",
        "--data FOLDER --mus 0.1 --seeds 0",
    ),
    PROFILES,
    check,
    lambda profile, data, *rest: Experiment(profile, load(profile, data), *rest),
    (MEASUREMENTS,),
    lists={"learning_rates": float, "mus": float, "regularized_rates": float, "seeds": int},
    numbers=("epochs", "examples", "test_examples", "width", "batch", "measured_batch"),
    data="where CIFAR-10 is",
    download=download_cifar10,
    axis="batch",
)

if __name__ == "__main__":
    SCRIPT.main()
