"""The cases: networks at points, with their step sizes; and their rows in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from bea.models.mlp import MLP
from bea.models.resnet import ResNet
from examples.paper.commands import identity
from examples.paper.networks.theorem_3_1 import NAME
from examples.paper.results import Row

ORDER = 3
ACTIVATIONS = {"tanh": jnp.tanh, "GELU": nn.gelu, "ReLU": nn.relu}
NETWORKS = {
    "MLP 2×16": MLP(width=16, depth=2),
    "MLP 5×100": MLP(width=100, depth=5),
    "ResNet": ResNet(stages=(1, 1), width=4),
}
TRAINING_STEPS, LEARNING_RATE = 300, 0.05  # of gradient descent, on the examples of the case
DEFAULT, BELOW, TRAINED = "default", "below the first kink", "from twice the learning rate"


@dataclass(frozen=True)
class Case:
    """A network at a point, and the step sizes from there. The names are columns of the tables.

    DEFAULT step sizes are those of `bea.verify_orders`. Of the others there are eight, each smaller
    by √2 than the one before: BELOW from 0.9 of where a pre-activation first changes its sign, and
    TRAINED from twice the learning rate, for points where so little is left of f that float64 has
    digits for the highest order in the largest step sizes only.
    """

    network: str
    activation: str
    data: str
    examples: int
    seed: int = 0  # draws the examples
    point: str = "start"
    step_sizes: str = DEFAULT

    @classmethod
    def of(cls, row: Row) -> Case:
        """The case that a row of a table belongs to."""
        named = {name: row[name] for name in cls.__annotations__}
        return cls(**{**named, "examples": int(row["examples"]), "seed": int(row["seed"])})

    @property
    def has_kinks(self) -> bool:
        return self.activation == "ReLU"

    def __str__(self) -> str:
        images = "image" if self.examples == 1 else "images"
        where = "at the start" if self.point == "start" else "trained"
        return (
            f"{self.network}, {self.activation}, {self.examples} {images} of {self.data}, {where}"
        )


# The seeds that are not 0 are of images whose first kink is far off, so that float64 shows what is
# below it.
SMALL = Case("MLP 2×16", "ReLU", "digits", 64, seed=15)
QUICK = (replace(SMALL, activation="tanh"), SMALL, replace(SMALL, step_sizes=BELOW))


def full(mnist: str, cifar: str) -> tuple[Case, ...]:
    """The cases of the full profile, on these data."""
    mlp = partial(Case, "MLP 5×100", data=mnist)
    return (
        *QUICK,
        replace(SMALL, activation="GELU"),
        *(mlp(activation=name, examples=256) for name in ("tanh", "GELU")),
        mlp(activation="tanh", examples=256, point="trained", step_sizes=TRAINED),
        Case("ResNet", "GELU", cifar, 4),
        mlp(activation="ReLU", examples=256),
        mlp(activation="ReLU", examples=256, point="trained", step_sizes=TRAINED),
        Case("ResNet", "ReLU", cifar, 4),
        mlp(activation="ReLU", examples=1, seed=9, step_sizes=BELOW),
        Case("ResNet", "ReLU", "digits", 2, seed=1, step_sizes=BELOW),
    )


def cases_of(rows: Sequence[Row]) -> dict[Case, list[Row]]:
    """The rows of every case, in the order of the table."""
    found: dict[Case, list[Row]] = {}
    for row in rows:
        found.setdefault(Case.of(row), []).append(row)
    return found


def columns_of(rows: Sequence[Row], *names: str) -> list[np.ndarray]:
    return [np.array([row[name] for row in rows], dtype=float) for name in names]


def orders_of(table: Path) -> Path:
    """The table with a row per order, beside the one with a row per error."""
    return table.with_stem(f"{identity(NAME)}_orders")
