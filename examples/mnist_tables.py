"""What figures and claims of the MLPs on MNIST share: which rows of the tables are compared.

`mnist_runs.py` writes measurements.csv and perturbations.csv; everything here is selected from the
two alone. With m parameters, h the learning rate, i the step and T = ih the physical time,

    R_IG = |∇E|²/m,   λ = hm/4,   slope = |∇E| = √(m R_IG)             (2)–(4), (9), (A.15)

of Barrett and Dherin (2020), arXiv:2009.11162. Models are compared at the measured step of the
highest test accuracy among those at which all of the training set is classified as labelled (the
first one where several are equal); or at one step (A.2), one physical time (A.4), one loss. A model
that does not get there is excluded, and listed with the reason.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import mnist_runs
import numpy as np
from mnist_runs import FULL
from scipy import stats
from table_and_figure import Row, read_table, write_table

from bea.errors import BeaError, InputError

MODEL = ("width", "batch", "examples", "seed", "learning_rate")
MEASURED = (
    "regularization_rate", "step", "epoch", "physical_time", "accuracy", "test_accuracy", "loss",
    "regularizer", "slope", "norm",
)  # fmt: skip
PERTURBED = ("width", "seed", "learning_rate", "sigma", "draw", "slope", "test_accuracy")
NOISY = ("noisy_slope", "noisy_test_accuracy", "lost_test_accuracy")
SAME_TIME = 1 + 1e-9  # T = ih is a rounded product


# The tables


@dataclass(frozen=True)
class Tables:
    """The two tables in a folder, read when they are asked for."""

    folder: Path
    profile: str = "quick"

    @cached_property
    def measurements(self) -> list[Row]:
        return self._read(mnist_runs.MEASUREMENTS, (*MODEL, *MEASURED, "diverged_at"))

    @cached_property
    def perturbations(self) -> list[Row]:
        return self._read(mnist_runs.PERTURBATIONS, PERTURBED)

    @cached_property
    def compared_width(self) -> int:
        """n_l of the figures of one width: the one that is trained with the full batch as well."""
        widths = {row["width"] for row in self.measurements if row["batch"] == FULL}
        return int(max(widths or {row["width"] for row in self.measurements}))

    def models(self, width: int | None = None, full_batch: bool = False) -> list[Model]:
        """The models of one width, or of all, in the order of width, learning rate and seed."""
        rows: dict[tuple[float, float, float], list[Row]] = {}
        for row in self.measurements:
            if (row["batch"] == FULL) == full_batch and width in (None, row["width"]):
                key = (row["width"], row["learning_rate"], row["seed"])
                rows.setdefault(key, []).append(row)
        return [Model.of(rows[key]) for key in sorted(rows)]

    def _read(self, name: str, columns: Iterable[str]) -> list[Row]:
        path = self.folder / name
        command = f"python examples/mnist_runs.py --profile {self.profile} --out {self.folder}"
        if not path.is_file():
            raise InputError(f"there is no table {path}: {command} makes it")
        rows = read_table(path)
        missing = [column for column in columns if rows and column not in rows[0]]
        if missing or not rows:
            lacks = f"no column {missing[0]}" if missing else "no rows"
            raise InputError(f"{path} has {lacks}: {command} makes one that has")
        return rows


@dataclass(frozen=True)
class Model:
    """What was measured of one model, up to where it diverged."""

    width: int
    batch: str
    examples: int
    seed: int
    learning_rate: float
    diverged_at: int | None
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Model:
        first = rows[0]
        batch, diverged_at = first["batch"], first["diverged_at"]
        told = [row for row in rows if None not in (row[name] for name in MEASURED)]
        return cls(
            width=int(first["width"]),
            batch=batch if isinstance(batch, str) else f"{batch:g}",
            examples=int(first["examples"]),
            seed=int(first["seed"]),
            learning_rate=first["learning_rate"],
            diverged_at=None if diverged_at is None else int(diverged_at),
            rows=tuple(sorted(told, key=lambda row: row["step"])),
        )


# Where models are compared

Selection = Callable[[Model], Row | str]
"""The row of a model that is compared with those of others, or why there is none."""


def at_best(model: Model) -> Row | str:
    """The highest test accuracy among the steps at which the whole training set is fitted."""
    fitted = [row for row in model.rows if row["accuracy"] == 1]
    if fitted:
        return max(fitted, key=lambda row: row["test_accuracy"])
    if model.diverged_at is not None:
        return _diverged(model)
    highest = max((row["accuracy"] for row in model.rows), default=0)
    return f"never at 100 % training accuracy: {100 * highest:.2f} % at the most"


def at_highest(model: Model) -> Row | str:
    """The highest test accuracy, whether or not the training set is fitted by then."""
    if model.diverged_at is not None:
        return _diverged(model)
    return max(model.rows, key=lambda row: row["test_accuracy"])


def at_step(step: float) -> Selection:
    """The measurement at a step, of models that do not diverge."""

    def selection(model: Model) -> Row | str:
        found = [row for row in model.rows if row["step"] == step]
        if model.diverged_at is not None:
            return _diverged(model)
        return found[0] if found else f"not measured at step {step:.0f}"

    return selection


def at_time(time: float) -> Selection:
    """The last measurement up to a physical time T, of models that do not diverge."""

    def selection(model: Model) -> Row | str:
        if model.diverged_at is not None:
            return _diverged(model)
        found = [row for row in model.rows if 0 < row["physical_time"] <= time * SAME_TIME]
        return found[-1] if found else f"not measured between T = 0 and {time:g}"

    return selection


def at_loss(loss: float) -> Selection:
    """Where E first falls to a value, by interpolation in log E and the logs of what it is of.

    Only of models that are compared at their best: the others need not get there.
    """

    def selection(model: Model) -> Row | str:
        if isinstance(best := at_best(model), str):
            return best
        for before, after in pairwise(model.rows):
            if before["loss"] > loss >= after["loss"] > 0:
                return _between(before, after, loss)
        return f"never measured on either side of E = {loss:.3g}"

    return selection


def last_common_step(models: Sequence[Model]) -> float:
    """The largest step at which all models that do not diverge are measured."""
    steps = [{row["step"] for row in model.rows} for model in models if model.diverged_at is None]
    return max(set.intersection(*steps), default=0) if steps else 0


def last_common_time(models: Sequence[Model]) -> float:
    """The largest physical time that all models that do not diverge have reached."""
    times = [model.rows[-1]["physical_time"] for model in models if model.diverged_at is None]
    return min(times, default=0)


def last_common_loss(models: Sequence[Model]) -> float:
    """The smallest E to which all compared models come by the time they are compared."""
    best = [row for row in map(at_best, models) if not isinstance(row, str)]
    return max((row["loss"] for row in best), default=0)


def select(models: Iterable[Model], selection: Selection) -> list[Row]:
    """A row per model: what is compared, with R_IG/E, or why the model is excluded."""
    return [_compared(model, selection(model)) for model in models]


def included(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if not row["excluded"]]


def under_noise(tables: Tables) -> list[Row]:
    """A model of the compared width per row, and what it is at θ_p = θ(1 + η), η ~ N(0, σ²).

    Medians over the draws, averaged over all measured σ > 0: the geometric mean of the slope, the
    mean of the test accuracy, and how much less this is than without noise.
    """
    medians: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for (seed, h, sigma), draws in draws_by(tables, ("seed", "learning_rate", "sigma")).items():
        if sigma > 0:
            found = tuple(np.median(column(draws, name)) for name in ("slope", "test_accuracy"))
            medians.setdefault((seed, h), []).append(found)
    rows: list[Row] = []
    for row in select(tables.models(tables.compared_width), at_best):
        noisy: Row = dict.fromkeys(NOISY)
        if found := medians.get((row["seed"], row["learning_rate"])):
            slopes, accuracies = np.array(found).T
            accuracy = float(accuracies.mean())
            slope = float(stats.gmean(slopes)) if slopes.all() else 0.0
            means = slope, accuracy, row["test_accuracy"] - accuracy
            noisy = dict(zip(NOISY, means, strict=True))
        rows.append({**row, **noisy})
    return rows


def draws_by(tables: Tables, names: Sequence[str]) -> dict[tuple[float, ...], list[Row]]:
    """The perturbed models of the compared width by these columns, without those excluded.

    Nor are draws counted whose slope is too large for its number format.
    """
    models = select(tables.models(tables.compared_width), at_best)
    kept = {(row["seed"], row["learning_rate"]) for row in included(models)}
    return grouped(
        (
            row
            for row in tables.perturbations
            if row["slope"] is not None
            and row["width"] == tables.compared_width
            and (row["seed"], row["learning_rate"]) in kept
        ),
        names,
    )


def grouped(rows: Iterable[Row], names: Sequence[str]) -> dict[tuple[float, ...], list[Row]]:
    """The rows by their values in these columns, in the order of these values."""
    found: dict[tuple[float, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return {key: found[key] for key in sorted(found)}


def column(rows: Iterable[Row], name: str) -> np.ndarray:
    """A column, without what is empty."""
    return np.array([row[name] for row in rows if row[name] is not None])


def _diverged(model: Model) -> str:
    return f"diverged at step {model.diverged_at}"


def _between(before: Row, after: Row, loss: float) -> Row:
    share = np.log(loss / before["loss"]) / np.log(after["loss"] / before["loss"])

    def value(name: str) -> float:
        a, b = before[name], after[name]
        if name in ("regularizer", "slope") and a > 0 and b > 0:
            return float(a ** (1 - share) * b**share)
        return float(a + share * (b - a))

    return {**after, **{name: value(name) for name in MEASURED}, "loss": loss}


def _compared(model: Model, found: Row | str) -> Row:
    row = {} if isinstance(found, str) else found
    loss = row.get("loss")
    return {
        **{name: getattr(model, name) for name in MODEL},
        **{name: row.get(name) for name in MEASURED},
        "regularizer_over_loss": row["regularizer"] / loss if loss else None,
        "excluded": found if isinstance(found, str) else None,
    }


# The scripts


def read_options(
    argv: Sequence[str] | None,
    name: str,
    description: str | None,
    add: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> tuple[argparse.Namespace, Tables]:
    """Read the options of a script, and train what is not there, unless told not to."""
    parser = argparse.ArgumentParser(
        prog=f"{name}.py",
        description=description,
        epilog=f"example: python examples/{name}.py --profile quick\n"
        f"         python examples/{name}.py --out results/mnist --redraw",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--profile",
        choices=tuple(mnist_runs.PROFILES),
        default="quick",
        help="what is trained, if it is not there yet (default: quick)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where the files of MNIST are; quick needs none"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where the tables are, and the results go (default: build/mnist/PROFILE)",
    )
    parser.add_argument(
        "--redraw", action="store_true", help="take the tables that are there, train nothing"
    )
    add(parser)
    given = parser.parse_args(argv)
    given.out = given.out or Path("build/mnist") / given.profile
    if not given.redraw:
        mnist_runs.ensure(given.profile, given.out, given.data)
    return given, Tables(given.out, given.profile)


def show(
    argv: Sequence[str] | None,
    name: str,
    description: str | None,
    make_table: Callable[[Tables], Sequence[Row]],
    draw: Callable[[Path, Path], None],
) -> None:
    """The whole of a figure's script: its table from the two tables, and the figure from that."""
    with errors_in_one_line(name):
        given, tables = read_options(argv, name, description)
        table = given.out / f"{name}.csv"
        write_table(table, make_table(tables))
        print(f"wrote {table}")
        draw(table, table.with_suffix(".png"))
        print(f"wrote {table.with_suffix('.png')}")


@contextmanager
def errors_in_one_line(name: str) -> Iterator[None]:
    """Errors of `bea` end the script with one line on standard error, and 2."""
    try:
        yield
    except BeaError as error:
        print(f"{name}.py: {error}", file=sys.stderr)
        sys.exit(2)
