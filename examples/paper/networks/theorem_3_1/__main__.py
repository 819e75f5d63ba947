"""The command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from bea.models.data import Dataset, load_cifar10, load_digits, load_mnist
from bea.streams import run_as_script
from examples.paper.networks import theorem_3_1 as package
from examples.paper.networks.theorem_3_1 import NAME
from examples.paper.networks.theorem_3_1.cases import (
    LEARNING_RATE,
    QUICK,
    TRAINING_STEPS,
    full,
    orders_of,
)
from examples.paper.networks.theorem_3_1.figure import draw
from examples.paper.networks.theorem_3_1.measurement import measure_all
from examples.paper.networks.theorem_3_1.report import summary
from examples.paper.profiles import Measuring, measure_and_draw
from examples.paper.results import read_table


def loaders(folder: Path | None) -> dict[str, Callable[[], Dataset]]:
    """The data sets at hand, by name."""
    found: dict[str, Callable[[], Dataset]] = {"digits": load_digits}
    if folder is not None and (folder / "mnist").is_dir():
        found["MNIST"] = partial(load_mnist, folder / "mnist")
    if folder is not None and (folder / "cifar-10-batches-bin").is_dir():
        found["CIFAR-10"] = partial(load_cifar10, folder / "cifar-10-batches-bin")
    return {name: cache(load) for name, load in found.items()}


def prepare(profile: str, folder: Path | None, out: Path) -> Measuring:
    """The cases of a profile, on the data that are there."""
    data = loaders(folder)
    large = [name if name in data else "digits" for name in ("MNIST", "CIFAR-10")]
    cases = QUICK if profile == "quick" else full(*large)
    return Measuring(
        lambda: measure_all(cases, data),
        packages=("flax", "optax", "scikit-learn"),
        configuration={
            "parameters_seed": 0,
            "training": {"steps": TRAINING_STEPS, "learning_rate": LEARNING_RATE},
        },
    )


def main(argv: Sequence[str] | None = None) -> None:
    measure_and_draw(
        argv,
        NAME,
        package.__doc__,
        profiles=("quick", "full"),
        profile_help="quick (half a minute): perceptrons on the digits; full (some ten minutes): "
        "larger ones, residual networks, a trained point",
        data_help="where full finds mnist/ and cifar-10-batches-bin/; it takes the digits for what "
        "is not there",
        examples=["--profile full --data FOLDER", "--redraw"],
        prepare=prepare,
        draw=draw,
        summary=lambda table: summary(read_table(table), read_table(orders_of(table))),
        second_of=orders_of,
    )


if __name__ == "__main__":
    run_as_script(main)
