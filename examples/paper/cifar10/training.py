"""One training of residual networks on CIFAR-10: a μ, with learning rates and seeds.

A residual network with a 3×3 stem and batch normalization, per-channel standardized images without
augmentation, mean softmax cross-entropy, plain SGD in a new order each epoch, a constant learning
rate; with μ > 0 on E + μ|∇E|² of the batch (8). Models are trained one after another, as
convolutions of many models become grouped ones, which are slow.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp

import bea
from bea.classifier import Classifier
from bea.models.data import Dataset
from bea.models.losses import classifier
from bea.models.resnet import ResNet
from bea.numeric.training.evaluation import Sets
from bea.numeric.training.schedule import spread_steps
from examples.paper import data_folder
from examples.paper.descent import descent
from examples.paper.results import Row
from examples.paper.scripts import MEASUREMENTS, steps_at


@dataclass(frozen=True)
class ResidualTraining:
    """What is trained together, and what is measured of it.

    Attributes:
        examples: how many training images, the first ones.
        test_examples: how many test images, the first ones.
        stages: the number of blocks of each stage.
        width: the channels of the first stage.
        dtype: in what the training computes; it is measured in float32.
        learning_rates: h.
        seeds: each draws the start and the orders of the examples.
        epochs: how often all examples are taken.
        batch: the images of a step.
        measured_batch: the images that are measured at once, a batch of batch normalization.
        measured_epochs: how many, evenly spaced, beside some steps of the first ones. Each costs
            as much as an epoch; the highest test accuracy is the highest of these.
        mu: μ of explicit gradient regularization; 0 for none.
        times: physical times T = ih at which every model that reaches them is measured.
    """

    experiment: ClassVar[str] = "cifar10"

    examples: int
    test_examples: int
    stages: tuple[int, ...]
    width: int
    dtype: str
    learning_rates: tuple[float, ...]
    seeds: tuple[int, ...]
    epochs: int
    batch: int
    measured_batch: int
    measured_epochs: int
    _: KW_ONLY
    mu: float = 0.0
    times: tuple[float, ...] = ()
    data: str = "CIFAR-10"

    @property
    def steps_per_epoch(self) -> int:
        """⌊N/batch⌋."""
        return self.examples // self.batch

    @property
    def network(self) -> Classifier:
        """The network, trained in its dtype and measured in float32."""
        return _network(self.stages, self.width, self.dtype)

    def common(self) -> dict[str, Any]:
        """What all rows of the table have in common."""
        return {
            "width": self.width, "batch": self.batch, "examples": self.examples, "mu": self.mu,
        }  # fmt: skip

    def measured_steps(self) -> list[int]:
        """Evenly spaced epochs, some of the first steps, and the times that are compared."""
        end, evenly = self.steps_per_epoch * self.epochs, self.measured_epochs
        curves = spread_steps(self.steps_per_epoch, self.epochs, evenly=evenly, powers=8)
        return sorted({*curves, *steps_at(self.times, self.learning_rates, end)})

    def load(self, folder: Path | None) -> Dataset:
        """The whole data set.

        Raises:
            InputError: it is not in the folder.
        """
        return data_folder.cifar10(folder)

    def sets(self, data: Dataset) -> Sets:
        """The training set, the test set, and the half of this on which models may be chosen."""
        data = data.subset(self.examples, self.test_examples)
        x, x_test = data.standardized()
        return Sets(
            (x, data.train_labels),
            (x_test, data.test_labels),
            (x_test[::2], data.test_labels[::2]),
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
            measured_batch=self.measured_batch,
            configuration={"mu": self.mu, "dtype": self.dtype},
            together=False,
            **how,
        )

    def tables(
        self, run: bea.TrainingRun, sets: Sets, *, progress: bool = False
    ) -> dict[str, list[Row]]:
        """The rows of the table, by its name."""
        common = self.common()
        return {MEASUREMENTS: [{**common, **row} for row in run.rows()]}


@lru_cache
def _network(stages: tuple[int, ...], width: int, dtype: str) -> Classifier:
    """The same one for the same sizes, so that what has been compiled for it is found again."""
    measured = ResNet(stages, width)
    trained = measured.clone(dtype=jnp.dtype(dtype))
    return classifier(trained, image=(32, 32, 3), measured=measured)
