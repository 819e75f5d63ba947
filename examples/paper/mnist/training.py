"""One training of MLPs on MNIST: a width, a batch size and a μ, with learning rates and seeds.

Perceptrons with five hidden layers of n_l ReLU units, mean softmax cross-entropy, plain SGD in a
new order each epoch, a constant learning rate; or, with μ > 0, the same on E + μ|∇E|² of the batch
(8), explicit gradient regularization. All learning rates and seeds of a training share a program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np
from tqdm import tqdm

import bea
from bea.classifier import Classifier
from bea.models.data import Dataset, load_digits
from bea.models.losses import classifier
from bea.models.mlp import MLP
from bea.numeric.training.evaluation import Sets
from bea.numeric.training.schedule import spread_steps
from bea.tables import recorded
from examples.paper import data_folder
from examples.paper.descent import descent
from examples.paper.results import Row
from examples.paper.scripts import MEASUREMENTS, steps_at
from examples.paper.tables import FULL

NETWORK = "5 hidden layers, ReLU, He-uniform weights, zero biases"
PERTURBATIONS = "perturbations.csv"
CURVE = 20  # measured epochs of a learning curve; more than the default of `bea.train`
SIGMAS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Noise:
    """Around the best of every model, θ_p = θ(1 + η), η ~ N(0, σ²) (figures 3a and 3b).

    Attributes:
        examples: how many training examples the slope at θ_p is measured on, the first ones.
        draws: of η, for every model and σ.
        sigmas: σ.
    """

    examples: int
    draws: int
    sigmas: tuple[float, ...] = SIGMAS


@dataclass(frozen=True)
class PerceptronTraining:
    """What is trained together, and what is measured of it.

    Attributes:
        data: "digits", scikit-learn's, or "MNIST".
        examples: how many training examples, the first ones.
        width: n_l.
        batch: the examples of a step; None for all of them.
        learning_rates: h.
        seeds: each draws the start and the orders of the examples.
        epochs: how often all examples are taken; for the full batch these are the steps.
        mu: μ of explicit gradient regularization; 0 for none.
        times: physical times T = ih at which every model that reaches them is measured; None for
            the last one that all reach.
        noise: what is measured around the best of every model, if anything is.
    """

    experiment: ClassVar[str] = "mnist"

    data: str
    examples: int
    width: int
    batch: int | None
    learning_rates: tuple[float, ...]
    seeds: tuple[int, ...]
    epochs: int
    _: KW_ONLY
    mu: float = 0.0
    times: tuple[float, ...] | None = None
    noise: Noise | None = None

    @property
    def steps_per_epoch(self) -> int:
        """⌊N/batch⌋."""
        return 1 if self.batch is None else self.examples // self.batch

    @property
    def network(self) -> Classifier:
        """The perceptron on flat images of the data."""
        return _network(self.width, 64 if self.data == "digits" else 784)

    def common(self) -> dict[str, Any]:
        """What all rows of the tables have in common."""
        batch = FULL if self.batch is None else str(self.batch)
        return {"width": self.width, "batch": batch, "examples": self.examples, "mu": self.mu}

    def measured_steps(self) -> list[int]:
        """Enough for curves, and the times that are compared, of every learning rate."""
        end = self.steps_per_epoch * self.epochs
        curves = spread_steps(self.steps_per_epoch, self.epochs, evenly=CURVE, powers=4)
        times = (min(self.learning_rates) * end,) if self.times is None else self.times
        return sorted({*curves, *steps_at(times, self.learning_rates, end)})

    def load(self, folder: Path | None) -> Dataset:
        """The whole data set.

        Raises:
            InputError: it is not in the folder.
        """
        return load_digits() if self.data == "digits" else data_folder.mnist(folder)

    def sets(self, data: Dataset) -> Sets:
        """The training set, the test set, and the half of this on which models may be chosen."""
        x, x_test = data.scaled(flat=True)
        labels, test_labels = data.train_labels, data.test_labels
        return Sets(
            (x[: self.examples], labels[: self.examples]),
            (x_test, test_labels),
            # Every second image: the first half of MNIST's test set is easier than the other.
            (x_test[::2], test_labels[::2]),
        )

    def train(self, sets: Sets, **how: Any) -> bea.TrainingRun:
        """All learning rates and seeds, trained or taken up where they were.

        Args:
            sets: as `sets` gives them.
            how: further arguments of `bea.train`: folder, progress, mesh.
        """
        return bea.train(
            self.network,
            sets.train,
            sets.test,
            validation=sets.validation,
            learning_rates=self.learning_rates,
            seeds=self.seeds,
            epochs=self.epochs,
            batch_size=self.batch,
            optimizer=descent(self.mu),
            measured_steps=self.measured_steps(),
            together=None,
            configuration={"network": f"MLP 5×{self.width}, ReLU", "mu": self.mu},
            **how,
        )

    def tables(
        self, run: bea.TrainingRun, sets: Sets, *, progress: bool = False
    ) -> dict[str, list[Row]]:
        """The rows of the tables, by their names."""
        common = self.common()
        tables: dict[str, list[Row]] = {MEASUREMENTS: [{**common, **row} for row in run.rows()]}
        if self.noise is not None:
            tables[PERTURBATIONS] = list(self.perturbations(run, self.noise, sets, progress))
        return tables

    def perturbations(
        self, run: bea.TrainingRun, noise: Noise, sets: Sets, progress: bool
    ) -> Iterator[Row]:
        """Slope and test accuracy at θ(1 + η) around the best of every model."""
        x, labels = (array[: noise.examples] for array in sets.train)
        cases = list(np.ndindex(len(run.seeds), len(run.learning_rates)))
        for s, r in tqdm(cases, desc="noise", unit=" models", disable=not progress):
            theta, state = jax.tree.map(
                lambda array, s=s, r=r: array[s, r], (run.best_theta, run.best_state)
            )
            found = bea.noise_robustness(
                self.network, theta, state, (x, labels), sets.test, sigmas=noise.sigmas,
                draws=noise.draws, key=jax.random.fold_in(jax.random.key(run.seeds[s]), 2),
            )  # fmt: skip
            for i, sigma in enumerate(noise.sigmas):
                for draw in range(noise.draws):
                    yield {
                        "width": self.width,
                        "seed": run.seeds[s],
                        "learning_rate": run.learning_rates[r],
                        "sigma": sigma,
                        "draw": draw,
                        "slope": recorded(found.slope[i, draw]),
                        "test_accuracy": recorded(found.test_accuracy[i, draw]),
                    }


@lru_cache
def _network(width: int, inputs: int) -> Classifier:
    """The same one for the same width, so that what has been compiled for it is found again."""
    return classifier(MLP(width=width), image=(inputs,))
