"""The MLPs on MNIST of the paper's section 7 and appendix E: all the training its figures are of.

Perceptrons with five hidden layers of n_l ReLU units, mean softmax cross-entropy, plain SGD with
batches of 32 in a new order each epoch, a constant learning rate; all learning rates and seeds of a
width are trained together. One width is trained by full-batch descent as well (figure A.5), and one
is perturbed at its best, θ_p = θ(1 + η), η ~ N(0, σ²) (figures 3a and 3b). Two tables are written,
and every figure is drawn from these alone:

    measurements.csv    a row per model and measured step
    perturbations.csv   a row per model, σ and draw

A run that is interrupted goes on where it was when it is started again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bea
from bea.errors import InputError
from bea.models.data import Dataset, download_mnist
from bea.streams import run_as_script
from examples.paper.mnist.training import (
    NETWORK,
    PERTURBATIONS,
    SIGMAS,
    Noise,
    PerceptronTraining,
)
from examples.paper.results import Row
from examples.paper.scripts import MEASUREMENTS, Experiment, Script, check_rates

NAME = "mnist.runs"
PAPER_RATES = (0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005)
PAPER_WIDTHS = (50, 100, 200, 400, 800, 1600)
FULL_BATCH_RATES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
TABLES = MEASUREMENTS, PERTURBATIONS


@dataclass(frozen=True)
class Profile:
    """What is trained, and how long; the same code for every one.

    Attributes:
        data: "digits", scikit-learn's, or "MNIST".
        examples: how many training examples, the first ones.
        widths: n_l.
        learning_rates: h.
        seeds: each draws the start and the orders of the examples.
        epochs: of batches of `batch`.
        batch: the examples of a step.
        full_batch_examples: of full-batch descent on the compared width: the first ones, if there
            are so many.
        full_batch_rates: h of full-batch descent, large: without noise, examples are fitted slowly.
        full_batch_steps: of full-batch descent.
        compared_width: the width of figures 3 and A.2 to A.5.
        perturbed_examples: how many training examples the slope at noise is measured on.
        sigmas: σ of the multiplicative noise.
        draws: of the noise, for every model and σ.
    """

    data: str
    examples: int
    widths: tuple[int, ...]
    learning_rates: tuple[float, ...]
    seeds: tuple[int, ...]
    epochs: int
    batch: int
    full_batch_examples: int
    full_batch_rates: tuple[float, ...]
    full_batch_steps: int
    compared_width: int
    perturbed_examples: int
    sigmas: tuple[float, ...]
    draws: int


PROFILES = {
    "quick": Profile(
        data="digits", examples=1437, widths=(16, 32, 64),
        learning_rates=(0.2, 0.1, 0.05, 0.02, 0.01), seeds=(0, 1, 2), epochs=100, batch=32,
        full_batch_examples=1437, full_batch_rates=FULL_BATCH_RATES[:-1], full_batch_steps=500,
        compared_width=64,
        perturbed_examples=500, sigmas=SIGMAS[::2], draws=10,
    ),
    "laptop": Profile(
        data="MNIST", examples=10_000, widths=(50, 100, 200), learning_rates=PAPER_RATES,
        seeds=(0, 1, 2), epochs=100, batch=32,
        full_batch_examples=2000, full_batch_rates=FULL_BATCH_RATES, full_batch_steps=2000,
        compared_width=100,
        perturbed_examples=2000, sigmas=SIGMAS[::2], draws=10,
    ),
}  # fmt: skip


def check(profile: Profile) -> None:
    """Refuse what cannot be before anything is trained."""
    if not profile.widths or min(profile.widths) < 1:
        raise InputError(
            f"the widths are {list(profile.widths)}: give whole numbers of hidden units, from 1"
        )
    check_rates(profile.learning_rates)
    check_rates(profile.full_batch_rates)
    if profile.compared_width not in profile.widths:
        raise InputError(
            f"the width {profile.compared_width} of figures 3 and A.2 to A.5 is not among the "
            f"widths {list(profile.widths)}: add it, or name another with --compared-width"
        )


class Perceptrons(Experiment):
    """The runs of a profile, one for every width, and the tables made of them."""

    script = NAME
    profile: Profile

    def run(self, configuration: dict[str, Any]) -> None:
        """Train, measure and perturb, and write the tables."""
        configuration["network"] = NETWORK
        noise: list[Row] = []

        def trained() -> Iterator[tuple[str, list[Row], bea.TrainingRun]]:
            for name, training in self.trainings():
                sets = training.sets(self.data)
                run = training.train(
                    sets,
                    folder=self.out / "runs" / name.replace(" ", "-").replace(",", ""),
                    mesh=self.mesh,
                    progress=name if self.progress else False,
                )
                tables = training.tables(run, sets, progress=self.progress)
                noise.extend(tables.get(PERTURBATIONS, ()))
                yield name, tables[MEASUREMENTS], run

        rows = self.train_all(trained())
        self.write(MEASUREMENTS, rows, configuration)
        self.write(PERTURBATIONS, noise, configuration)

    def trainings(self) -> Iterator[tuple[str, PerceptronTraining]]:
        """The widths, of which the compared one is perturbed, and the full batch for this one."""
        profile, compared = self.profile, self.profile.compared_width
        noise = Noise(profile.perturbed_examples, profile.draws, profile.sigmas)
        for width in profile.widths:
            yield (
                f"width {width}",
                PerceptronTraining(
                    profile.data, profile.examples, width, profile.batch, profile.learning_rates,
                    profile.seeds, profile.epochs, noise=noise if width == compared else None,
                ),
            )  # fmt: skip
        yield (
            f"width {compared}, full batch",
            PerceptronTraining(
                profile.data, min(profile.full_batch_examples, profile.examples), compared, None,
                profile.full_batch_rates, profile.seeds, profile.full_batch_steps,
            ),
        )  # fmt: skip


def perceptrons(profile: Profile, folder: Path | None, **where: Any) -> Perceptrons:
    """The experiment of a profile on its data."""
    return Perceptrons(profile, load(profile, folder), **where)


def load(profile: Profile, folder: Path | None) -> Dataset:
    """The data of a profile."""
    width, *_ = profile.widths
    training = PerceptronTraining(
        profile.data, profile.examples, width, profile.batch, profile.learning_rates,
        profile.seeds, profile.epochs,
    )  # fmt: skip
    return training.load(folder).subset(profile.examples)


SCRIPT = Script(
    name=NAME,
    description=__doc__,
    examples=("", "--profile laptop --data FOLDER", "--widths 32 --compared-width 32 --seeds 0"),
    profiles=PROFILES,
    check=check,
    experiment=perceptrons,
    tables=TABLES,
    lists={
        "widths": int, "learning_rates": float, "seeds": int, "full_batch_rates": float,
    },
    numbers=(
        "epochs", "full_batch_steps", "full_batch_examples", "compared_width", "examples", "draws",
        "perturbed_examples",
    ),
    data="where MNIST is; quick needs none",
    download=download_mnist,
)  # fmt: skip

if __name__ == "__main__":
    run_as_script(SCRIPT.main)
