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

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bea
from bea.errors import InputError
from bea.models.data import Dataset, download_cifar10
from bea.streams import run_as_script
from examples.paper.cifar10.training import ResidualTraining
from examples.paper.results import Row
from examples.paper.scripts import MEASUREMENTS, Experiment, Script, check_rates

NAME = "cifar10.runs"
RATES = (0.2, 0.1, 0.05, 0.01, 0.005)


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
        measured_epochs: how many, evenly spaced, beside some steps of the first ones. Each costs
            as much as an epoch; the highest test accuracy is the highest of these.
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
    measured_epochs: int

    @property
    def cases(self) -> Iterator[tuple[float, tuple[float, ...]]]:
        """Every μ, 0 first, with the learning rates that are trained with it."""
        yield 0.0, tuple(dict.fromkeys((*self.learning_rates, *self.regularized_rates)))
        for mu in self.mus:
            yield mu, self.regularized_rates

    def training(self, mu: float, rates: tuple[float, ...]) -> ResidualTraining:
        """That of a μ."""
        shared = {name: getattr(self, name) for name in SHARED}
        return ResidualTraining(mu=mu, learning_rates=rates, **shared)


SHARED = (
    "examples", "test_examples", "stages", "width", "dtype", "seeds", "epochs", "batch",
    "measured_batch", "measured_epochs",
)  # fmt: skip
"""The fields of a profile that all of its trainings share."""


PROFILES = {
    "quick": Profile(  # few images, here and below, that they come to be fitted
        examples=256, test_examples=500, stages=(1, 1, 1), width=8, dtype="float32",
        learning_rates=RATES, mus=(0.0125, 0.05), regularized_rates=(0.01,), seeds=(0, 1),
        epochs=40, batch=32, measured_batch=256, measured_epochs=5,
    ),
    "laptop": Profile(
        examples=512, test_examples=1000, stages=(1, 1, 1), width=8, dtype="float32",
        learning_rates=RATES, mus=(0.0125, 0.05, 0.2), regularized_rates=(0.01,),
        seeds=(0, 1, 2), epochs=100, batch=64, measured_batch=256, measured_epochs=10,
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
        if not 0 < mu < math.inf:
            raise InputError(f"μ = {mu}: give positive numbers; μ = 0 is trained anyway")


class ResidualNetworks(Experiment):
    """The runs of a profile, one for every μ, and the table made of them."""

    script = NAME
    profile: Profile

    def run(self, configuration: dict[str, Any]) -> None:
        """Train, measure, and write the table."""

        def trained() -> Iterator[tuple[str, list[Row], bea.TrainingRun]]:
            for mu, rates in self.profile.cases:
                training = self.profile.training(mu, rates)
                sets = training.sets(self.data)
                run = training.train(
                    sets,
                    folder=self.out / "runs" / f"mu-{mu:g}",
                    mesh=self.mesh,
                    progress=f"μ = {mu:g}" if self.progress else False,
                )
                yield f"mu {mu:g}", training.tables(run, sets)[MEASUREMENTS], run

        self.write(MEASUREMENTS, self.train_all(trained()), configuration)


def residual_networks(profile: Profile, folder: Path | None, **where: Any) -> ResidualNetworks:
    """The experiment of a profile on its images."""
    return ResidualNetworks(profile, load(profile, folder), **where)


def load(profile: Profile, folder: Path | None) -> Dataset:
    """The data of a profile."""
    return profile.training(0.0, profile.learning_rates).load(folder)


SCRIPT = Script(
    name=NAME,
    description=__doc__,
    examples=(
        "--data FOLDER --download",
        "--profile laptop --data FOLDER",
        "--data FOLDER --mus 0.1 --seeds 0",
    ),
    profiles=PROFILES,
    check=check,
    experiment=residual_networks,
    tables=(MEASUREMENTS,),
    lists={"learning_rates": float, "mus": float, "regularized_rates": float, "seeds": int},
    numbers=("epochs", "examples", "test_examples", "width", "batch", "measured_batch"),
    data="where CIFAR-10 is",
    download=download_cifar10,
    axis="batch",
)

if __name__ == "__main__":
    run_as_script(SCRIPT.main)
