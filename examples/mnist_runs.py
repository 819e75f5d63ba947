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

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from table_and_figure import Row, produce, write_table, write_text
from tqdm import tqdm

import bea
from bea.errors import InputError
from bea.models.data import Dataset, load_digits, load_mnist
from bea.models.losses import classifier
from bea.models.mlp import MLP
from bea.numeric.measured_steps import spread_steps
from bea.tables import recorded

PAPER_RATES = (0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005)
PAPER_WIDTHS = (50, 100, 200, 400, 800, 1600)
FULL_BATCH_RATES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
FULL = "full"  # the batch of full-batch descent, as the tables name it
CURVE = 20  # measured epochs of a learning curve; more than the default of `bea.train`
MEASUREMENTS, PERTURBATIONS = TABLES = "measurements.csv", "perturbations.csv"


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


def ensure(
    profile: str,
    out: Path,
    data: Path | None = None,
    progress: bool | None = None,
    mesh: Mesh | None = None,
    **changes: Any,
) -> None:
    """Train what a profile asks for, with these changes, and is not there yet; write both tables.

    Raises:
        InputError: `out` holds tables of another profile, the data are missing, or a change cannot
            be.
    """
    ask_for_the_same_bits()
    asked = replace(PROFILES[profile], **changes)
    check(asked)
    configuration = json.loads(json.dumps({"profile": profile, **asdict(asked)}))
    claim(out, configuration)
    tables = [(out / name).with_suffix(s) for name in TABLES for s in (".csv", ".json")]
    if not all(path.is_file() for path in tables):
        Experiment(asked, load(asked, data), out, progress, mesh).run(configuration)


def claim(out: Path, configuration: dict[str, Any]) -> None:
    """Note what a folder is for, or hold what is asked for to the note."""
    path = out / "configuration.json"
    if path.is_file():
        there = json.loads(path.read_text(encoding="utf-8"))
        differing = [name for name in configuration if there.get(name) != configuration[name]]
        if differing:
            named = ", ".join(
                f"{name} = {there.get(name)!r} and not {configuration[name]!r}"
                for name in differing
            )
            raise InputError(
                f"{out} holds a run with {named}: name another folder with --out, or draw what is "
                "there with --redraw"
            )
    elif jax.process_index() == 0:
        out.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(configuration, indent=1) + "\n")


def ask_for_the_same_bits() -> None:
    """On a GPU as well; XLA reads it when JAX first looks for devices."""
    flag, given = "--xla_gpu_deterministic_ops=", os.environ.get("XLA_FLAGS", "")
    if flag not in given:
        os.environ["XLA_FLAGS"] = f"{given} {flag}true".strip()


def check(profile: Profile) -> None:
    """Refuse what cannot be before anything is trained."""
    widths = profile.widths
    if not widths or min(widths) < 1 or len(set(widths)) < len(widths):
        raise InputError(
            f"the widths are {list(widths)}: give different whole numbers of hidden units, from 1"
        )
    for rates in (profile.learning_rates, profile.full_batch_rates):
        if not rates or not all(0 < h < math.inf for h in rates):
            raise InputError(f"the learning rates are {list(rates)}: give positive numbers")
    if profile.compared_width not in widths:
        raise InputError(
            f"the width {profile.compared_width} of figures 3 and A.2 to A.5 is not among the "
            f"widths {list(widths)}: add it, or name another with --compared-width"
        )
    for name in (*NUMBERS, "perturbed_examples"):
        if getattr(profile, name) < 1:
            raise InputError(f"{name} = {getattr(profile, name)}: give a whole number from 1")


def load(profile: Profile, folder: Path | None) -> Dataset:
    """The data of a profile, as many of the training examples as it asks for."""
    if profile.data == "digits":
        return load_digits().subset(profile.examples)
    if folder is None:
        raise InputError(
            "this profile trains on MNIST: name the folder that its files are in, or are put in by "
            "bea.models.data.download_mnist, with --data FOLDER"
        )
    place = folder / "mnist" if (folder / "mnist").is_dir() else folder
    return load_mnist(place).subset(profile.examples)


class Experiment:
    """The runs of a profile, one for every width, and the tables made of them."""

    def __init__(
        self,
        profile: Profile,
        data: Dataset,
        out: Path,
        progress: bool | None = None,
        mesh: Mesh | None = None,
    ) -> None:
        self.profile, self.out = profile, out
        self.progress = sys.stderr.isatty() if progress is None else progress
        self.mesh = mesh
        x, x_test = data.scaled(flat=True)
        self.train, self.test = (x, data.train_labels), (x_test, data.test_labels)
        self.seconds: dict[str, dict[str, float]] = {}

    def run(self, configuration: dict[str, Any]) -> None:
        """Train, measure and perturb, and write the tables."""
        common = {
            "made_by": f"examples/mnist_runs.py --profile {configuration['profile']}",
            **configuration,
            "network": "5 hidden layers, ReLU, He-uniform weights, zero biases",
            "devices": 1 if self.mesh is None else int(self.mesh.size),
        }
        packages = ("flax", "optax", "orbax-checkpoint")
        runs: dict[tuple[int, str], bea.TrainingRun] = {}
        rows: list[Row] = []
        for width, batch in self.cases():
            runs[width, batch] = run = self.trained(width, batch)
            shown = len(self.examples(batch == FULL)[0])
            model = {"width": width, "batch": batch, "examples": shown}
            rows += [{**model, **row} for row in run.rows()]
            if jax.process_index() == 0:  # what is known, should a later width be cut off
                write_table(self.out / MEASUREMENTS, rows)
        best = runs[self.profile.compared_width, str(self.profile.batch)]
        noise = list(self.perturbations(best))  # in every process: they end together
        if jax.process_index() == 0:
            produce(
                self.out / MEASUREMENTS, lambda: rows, packages, **common, seconds=self.seconds,
                peak_memory_mib=peak_memory(),
            )  # fmt: skip
            produce(self.out / PERTURBATIONS, lambda: noise, packages, **common)

    def cases(self) -> Iterator[tuple[int, str]]:
        """The widths with their batches; full batch for the compared width."""
        for width in self.profile.widths:
            yield width, str(self.profile.batch)
        yield self.profile.compared_width, FULL

    def trained(self, width: int, batch: str) -> bea.TrainingRun:
        """All learning rates and seeds of a width, trained or taken up where they were."""
        full, profile = batch == FULL, self.profile
        name = f"width {width}" + ", full batch" * full
        run = bea.train(
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
        self.seconds[name] = {what: round(s, 1) for what, s in run.seconds.items()}
        return run

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
        shown = tuple(array[: profile.perturbed_examples] for array in self.train)
        cases = [(s, r) for s in range(len(run.seeds)) for r in range(len(run.learning_rates))]
        for s, r in tqdm(cases, desc="noise", unit=" models", disable=not self.progress):
            theta, state = jax.tree.map(
                lambda array, s=s, r=r: array[s, r], (run.best_theta, run.best_state)
            )
            found = bea.noise_robustness(
                network, theta, state, shown, self.test, sigmas=profile.sigmas,
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


def last_step(steps: float) -> int:
    """The last whole step, never later than T, also where round-off puts T/h just below one."""
    return math.floor(steps * (1 + 1e-9))


def peak_memory() -> float:
    """What the run needed at most: memory of the device, or of the process on a CPU."""
    stats = jax.devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use") or 1024 * getrusage(RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20, 1)


# The script


def mesh_of(devices: int | None) -> Mesh | None:
    """So many devices, over which the learning rates are split; None for one of them."""
    if devices is None and jax.process_count() == 1:
        return None
    there = jax.devices()
    count = len(there) if devices is None else devices
    if not 1 <= count <= len(there) or (jax.process_count() > 1 and count < len(there)):
        raise InputError(f"--devices {count}: there are {len(there)}")
    return Mesh(np.array(there[:count]), ("models",))


LISTS: dict[str, Callable[[str], Any]] = {
    "widths": int, "learning_rates": float, "seeds": int, "full_batch_rates": float,
}  # fmt: skip
NUMBERS = (
    "epochs", "full_batch_steps", "full_batch_examples", "compared_width", "examples", "draws",
)  # fmt: skip


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


def listed(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """What reads a list of numbers with commas between them."""

    def read(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part) for part in text.split(","))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers A,B,…") from None

    return read


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="mnist_runs.py",
        description=__doc__,
        epilog="examples: python examples/mnist_runs.py\n"
        "          python examples/mnist_runs.py --profile paper --data FOLDER\n"
        "          python examples/mnist_runs.py --widths 32 --compared-width 32 --seeds 0\n"
        "two hosts: … --coordinator HOST:PORT --processes 2 --process 0   (and 1 on the other)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=PROFILES, default="quick")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where MNIST is")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for tables and states; build/mnist/PROFILE"
    )
    changes = parser.add_argument_group("what is to differ from the profile")
    for name, kind in LISTS.items():
        changes.add_argument(option(name), type=listed(kind), metavar="A,B,…")
    for name in NUMBERS:
        changes.add_argument(option(name), type=int, metavar="N")
    parser.add_argument("--devices", type=int, help="over how many to split the learning rates")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="of several processes")
    parser.add_argument("--processes", type=int, help="how many there are")
    parser.add_argument("--process", type=int, help="which of them this is, from 0")
    given = parser.parse_args(argv)
    ask_for_the_same_bits()
    if given.coordinator is not None:
        jax.distributed.initialize(given.coordinator, given.processes, given.process)
    out = given.out or Path("build/mnist") / given.profile
    try:
        asked = {name: getattr(given, name) for name in (*LISTS, *NUMBERS)}
        changed = {name: value for name, value in asked.items() if value is not None}
        ensure(given.profile, out, given.data, mesh=mesh_of(given.devices), **changed)
    except (InputError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    print(f"the tables are in {out}")


if __name__ == "__main__":
    main()
