"""The command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bea.models.data import Dataset
from bea.streams import run_as_script
from examples.paper import data_folder
from examples.paper.cifar10 import local_error_of_resnet as package
from examples.paper.cifar10.local_error_of_resnet import NAME
from examples.paper.cifar10.local_error_of_resnet.figure import draw
from examples.paper.cifar10.local_error_of_resnet.report import summary
from examples.paper.cifar10.local_error_of_resnet.steps import LANCZOS_STEPS, SETTLED, TOLERANCE
from examples.paper.cifar10.local_error_of_resnet.trainings import (
    PROFILES,
    Profile,
    measure_all,
)
from examples.paper.profiles import Measuring, measure_and_draw
from examples.paper.results import read_table
from examples.paper.scripts import ask_for_the_same_bits


def load(profile: Profile, folder: Path | None) -> Dataset:
    """As many of the images as a profile asks for.

    Raises:
        bea.InputError: there is no folder, or the files are not in it.
    """
    data = data_folder.cifar10(folder)
    tested = min(profile.images // 2, len(data.test_images))
    return data.subset(profile.images, tested)


def prepare(name: str, folder: Path | None, out: Path) -> Measuring:
    """The trainings of a profile on its images, and the steps in them that are looked at."""
    ask_for_the_same_bits()
    profile = PROFILES[name]
    data = load(profile, folder)
    return Measuring(
        lambda: [measure_all(profile, data, out=out, progress=sys.stderr.isatty())],
        packages=("flax", "optax", "orbax-checkpoint"),
        configuration={
            "settings": asdict(profile),
            "fixed_batch": f"the first {profile.batch} training images, training-mode batch norm",
            "precision": "float64",
            "tolerance": TOLERANCE,
            "settled": SETTLED,
            "lanczos_steps": LANCZOS_STEPS,
        },
    )


def main(argv: Sequence[str] | None = None) -> None:
    measure_and_draw(
        argv,
        NAME,
        package.__doc__,
        profiles=tuple(PROFILES),
        profile_help="quick (some minutes on two cores): a narrow ResNet on 200 images, two seeds; "
        "laptop (up to ten): a wider one on 1,000, three; paper: ResNet-18 on all of them, for a "
        "GPU",
        data_help="where CIFAR-10 is, or cifar-10-batches-bin/",
        examples=["--data FOLDER", "--profile laptop --data FOLDER", "--redraw"],
        prepare=prepare,
        draw=draw,
        summary=lambda table: summary(read_table(table)),
    )


if __name__ == "__main__":
    run_as_script(main)
