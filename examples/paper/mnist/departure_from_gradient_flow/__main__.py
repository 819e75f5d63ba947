"""The command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bea.models.data import Dataset, load_digits
from bea.streams import run_as_script
from examples.paper import data_folder
from examples.paper.mnist import departure_from_gradient_flow as package
from examples.paper.mnist.departure_from_gradient_flow import NAME
from examples.paper.mnist.departure_from_gradient_flow.figure import draw, tracks_of
from examples.paper.mnist.departure_from_gradient_flow.measurement import (
    ATOL,
    COARSEST,
    COSTLY,
    ENOUGH,
    FINEST,
    LOOSER,
    PROFILES,
    RTOL,
    START_STEP,
    Profile,
    measure_all,
)
from examples.paper.mnist.departure_from_gradient_flow.report import summary
from examples.paper.profiles import Measuring, measure_and_draw
from examples.paper.results import read_table


def load(profile: Profile, folder: Path | None) -> Dataset:
    """The data set of a profile.

    Raises:
        bea.InputError: it is MNIST, and its files are not in the folder.
    """
    if profile.data == "digits":
        return load_digits()
    return data_folder.mnist(folder)


def prepare(name: str, folder: Path | None, out: Path) -> Measuring:
    """The flows beside descent, of a profile's network on its data."""
    profile = PROFILES[name]
    data = load(profile, folder)
    return Measuring(
        lambda: measure_all(profile, data),
        packages=("flax", "optax", "scikit-learn"),
        configuration={
            "settings": asdict(profile),
            "start_step": START_STEP,
            "tolerances": {"rtol": RTOL, "atol": ATOL, "looser": LOOSER},
            "substeps": {"coarsest": COARSEST, "finest": FINEST, "half_for": COSTLY},
            "enough": ENOUGH,
        },
    )


def main(argv: Sequence[str] | None = None) -> None:
    measure_and_draw(
        argv,
        NAME,
        package.__doc__,
        profiles=tuple(PROFILES),
        profile_help="quick (a minute or two): small perceptrons on digits; laptop (a quarter of "
        "an hour): five layers of 50 on MNIST; paper: five layers of 400, for an accelerator",
        data_help="where laptop and paper find mnist/",
        examples=["--profile laptop --data FOLDER", "--redraw"],
        prepare=prepare,
        draw=draw,
        summary=lambda table: summary(read_table(table)),
        second_of=tracks_of,
    )


if __name__ == "__main__":
    run_as_script(main)
