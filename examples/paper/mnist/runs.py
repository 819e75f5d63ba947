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

import jax
import numpy as np
from tqdm import tqdm

import bea
from bea.errors import InputError
from bea.models.data import Dataset, download_mnist, load_digits
from bea.models.losses import classifier
from bea.models.mlp import MLP
from bea.numeric.training.schedule import spread_steps
from bea.streams import run_as_script
from bea.tables import recorded
from examples.paper import data_folder
from examples.paper.results import Row
from examples.paper.scripts import MEASUREMENTS, Experiment, Script, check_rates, last_step
from examples.paper.tables import FULL

NAME = "mnist.runs"
PAPER_RATES = (0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005)
PAPER_WIDTHS = (50, 100, 200, 400, 800, 1600)
FULL_BATCH_RATES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
CURVE = 20  # measured epochs of a learning curve; more than the default of `bea.train`
PERTURBATIONS = "perturbations.csv"
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


SIGMAS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
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
    "paper": Profile(
        data="MNIST", examples=60_000, widths=PAPER_WIDTHS, learning_rates=PAPER_RATES,
        seeds=(0, 1, 2), epochs=100, batch=32,
        full_batch_examples=10_000, full_batch_rates=FULL_BATCH_RATES, full_batch_steps=10_000,
        compared_width=400,
        perturbed_examples=10_000, sigmas=SIGMAS, draws=100,
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


def load(profile: Profile, folder: Path | None) -> Dataset:
    """The data of a profile, as many of the training examples as it asks for."""
    if profile.data == "digits":
        return load_digits().subset(profile.examples)
    return data_folder.mnist(folder).subset(profile.examples)


class Perceptrons(Experiment):
    """The runs of a profile, one for every width, and the tables made of them."""

    script = NAME
    profile: Profile

    def run(self, configuration: dict[str, Any]) -> None:
        """Train, measure and perturb, and write the tables."""
        configuration["network"] = "5 hidden layers, ReLU, He-uniform weights, zero biases"
        runs: dict[tuple[int, str], bea.TrainingRun] = {}

        def trained() -> Iterator[tuple[str, Row, bea.TrainingRun]]:
            for width, batch in self.cases():
                name = f"width {width}" + ", full batch" * (batch == FULL)
                runs[width, batch] = run = self.trained(name, width, batch == FULL)
                shown = len(self.examples(batch == FULL)[0])
                yield name, {"width": width, "batch": batch, "examples": shown}, run

        rows = self.train_all(trained())
        best = runs[self.profile.compared_width, str(self.profile.batch)]
        noise = list(self.perturbations(best))  # in every process: they end together
        self.write(MEASUREMENTS, rows, configuration)
        self.write(PERTURBATIONS, noise, configuration)

    def cases(self) -> Iterator[tuple[int, str]]:
        """The widths with their batches; full batch for the compared width."""
        for width in self.profile.widths:
            yield width, str(self.profile.batch)
        yield self.profile.compared_width, FULL

    def trained(self, name: str, width: int, full: bool) -> bea.TrainingRun:
        """All learning rates and seeds of a width, trained or taken up where they were."""
        profile = self.profile
        return bea.train(
            classifier(MLP(width=width), image=self.train[0].shape[1:]),
            self.examples(full),
            self.test,
            learning_rates=profile.full_batch_rates if full else profile.learning_rates,
            seeds=profile.seeds,
            epochs=profile.full_batch_steps if full else profile.epochs,
            batch_size=None if full else profile.batch,
            measured_steps=self.measured_steps(full),
            folder=self.out / "runs" / name.replace(" ", "-").replace(",", ""),
            configuration={"network": f"MLP 5×{width}, ReLU"},
            mesh=self.mesh,
            progress=name if self.progress else False,
        )

    def examples(self, full: bool) -> tuple[np.ndarray, np.ndarray]:
        """The training set, or the first of it for the full batch."""
        x, labels = self.train
        shown = self.profile.full_batch_examples if full else len(x)
        return x[:shown], labels[:shown]

    def measured_steps(self, full: bool) -> list[int]:
        """Enough for curves, and the physical time T = ih that all models reach, for every h."""
        profile = self.profile
        rates = profile.full_batch_rates if full else profile.learning_rates
        per_epoch = 1 if full else profile.examples // profile.batch
        epochs = profile.full_batch_steps if full else profile.epochs
        T = min(rates) * per_epoch * epochs
        curves = spread_steps(per_epoch, epochs, evenly=CURVE, powers=4)
        return [*curves, *(last_step(T / h) for h in rates)]

    def perturbations(self, run: bea.TrainingRun) -> Iterator[Row]:
        """Slope and test accuracy at θ(1 + η) around the best of every model."""
        width, profile = self.profile.compared_width, self.profile
        network = classifier(MLP(width=width), image=self.train[0].shape[1:])
        x, labels = (array[: profile.perturbed_examples] for array in self.train)
        cases = [(s, r) for s in range(len(run.seeds)) for r in range(len(run.learning_rates))]
        for s, r in tqdm(cases, desc="noise", unit=" models", disable=not self.progress):
            theta, state = jax.tree.map(
                lambda array, s=s, r=r: array[s, r], (run.best_theta, run.best_state)
            )
            found = bea.noise_robustness(
                network, theta, state, (x, labels), self.test, sigmas=profile.sigmas,
                draws=profile.draws, key=jax.random.fold_in(jax.random.key(run.seeds[s]), 2),
            )  # fmt: skip
            for i, sigma in enumerate(profile.sigmas):
                for draw in range(profile.draws):
                    yield {
                        "width": width,
                        "seed": run.seeds[s],
                        "learning_rate": run.learning_rates[r],
                        "sigma": sigma,
                        "draw": draw,
                        "slope": recorded(found.slope[i, draw]),
                        "test_accuracy": recorded(found.test_accuracy[i, draw]),
                    }


def perceptrons(profile: Profile, folder: Path | None, **where: Any) -> Perceptrons:
    """The experiment of a profile on its data."""
    data = load(profile, folder)
    return Perceptrons(profile, data, data.scaled(flat=True), **where)


SCRIPT = Script(
    name=NAME,
    description=__doc__,
    examples=("", "--profile paper --data FOLDER", "--widths 32 --compared-width 32 --seeds 0"),
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
