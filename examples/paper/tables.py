"""What was measured of models in training, and which rows of it are compared.

With m parameters, h the learning rate, i the step and T = ih the physical time,

    R_IG = |∇E|²/m,   λ = hm/4,   slope = |∇E| = √(m R_IG)             (2)–(4), (9), (A.15)

of Barrett and Dherin (2020), arXiv:2009.11162. Models are compared at the measured step of the
highest test accuracy among those at which all of the training set is classified as labelled (the
first one where several are equal); or at the highest test accuracy of all steps; or at one step
(A.2), one physical time (A.4), one loss. A model that does not get there is excluded, and listed
with the reason; so is one that diverges at any time, wherever models are compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from bea.errors import InputError
from bea.streams import Parser
from bea.tables import write_table
from examples.paper.commands import command, identity
from examples.paper.results import Row, read_table
from examples.paper.scripts import MEASUREMENTS, Script, errors_in_one_line

FULL = "full"  # the batch of full-batch descent, as the tables name it
MODEL = ("width", "batch", "examples", "seed", "learning_rate", "mu")
MEASURED = (
    "regularization_rate", "step", "epoch", "physical_time", "accuracy", "test_accuracy", "loss",
    "regularizer", "slope", "norm",
)  # fmt: skip
OPTIONAL = ("test_loss", "test_regularizer")  # of the test set; older tables lack some
SAME_TIME = 1 + 1e-9  # T = ih is a rounded product


# The tables


@dataclass(frozen=True)
class RunTables:
    """The tables in a folder, read when they are asked for."""

    folder: Path
    profile: str = "PROFILE"
    script: ClassVar[Script]

    @cached_property
    def measurements(self) -> list[Row]:
        told = tuple(name for name in MODEL if name != "mu")  # what has none is not regularized
        return self._read(MEASUREMENTS, (*told, *MEASURED, "diverged_at"))

    @cached_property
    def all_models(self) -> list[Model]:
        """The models of the table, in the order of width, learning rate, μ and seed."""
        models: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.measurements:
            key = (row["width"], row["learning_rate"], row.get("mu") or 0.0, row["seed"])
            models.setdefault((*key, batch_of(row), row["examples"]), []).append(row)
        return [Model.of(models[key]) for key in sorted(models)]

    def _read(self, name: str, columns: Iterable[str]) -> list[Row]:
        path = self.folder / name
        command_line = f"{command(self.script.name)} --profile {self.profile} --out {self.folder}"
        if not path.is_file():
            needs = f" (--data FOLDER: {self.script.data})"
            raise InputError(f"there is no table {path}: {command_line} makes it{needs}")
        rows = read_table(path)
        missing = [column for column in columns if rows and column not in rows[0]]
        if missing or not rows:
            lacks = f"no column {missing[0]}" if missing else "no rows"
            raise InputError(f"{path} has {lacks}: {command_line} makes one that has")
        return rows


@dataclass(frozen=True)
class Model:
    """What was measured of one model, up to where it diverged."""

    width: int
    batch: str
    examples: int
    seed: int
    learning_rate: float
    mu: float
    diverged_at: int | None
    rows: tuple[Row, ...]
    device: str | None = None

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Model:
        first = rows[0]
        diverged_at = first["diverged_at"]
        told = [row for row in rows if None not in (row[name] for name in MEASURED)]
        return cls(
            width=int(first["width"]),
            batch=batch_of(first),
            examples=int(first["examples"]),
            seed=int(first["seed"]),
            learning_rate=first["learning_rate"],
            mu=first.get("mu") or 0.0,
            diverged_at=None if diverged_at is None else int(diverged_at),
            rows=tuple(sorted(told, key=lambda row: row["step"])),
            device=first.get("device"),
        )


def batch_of(row: Row) -> str:
    """The batch as it is written: "32", or "full"."""
    batch = row["batch"]
    return batch if isinstance(batch, str) else f"{batch:g}"


# Where models are compared

Selection = Callable[[Model], Row | str]
"""The row of a model that is compared with those of others, or why there is none."""


def at_best(model: Model) -> Row | str:
    """The highest test accuracy among the steps at which the whole training set is fitted."""
    if model.diverged_at is not None:
        return _diverged(model)
    if reason := never_fits(model):
        return reason
    fitted = [row for row in model.rows if row["accuracy"] == 1]
    return max(fitted, key=lambda row: row["test_accuracy"])


def never_fits(model: Model) -> str | None:
    """Why a model is not compared at its best, unless the whole training set is fitted once."""
    highest = max((row["accuracy"] for row in model.rows), default=0)
    if highest == 1:
        return None
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
        return crossing(model, loss) or f"never measured on either side of E = {loss:.3g}"

    return selection


def crossing(model: Model, loss: float) -> Row | None:
    """Where E of a model first falls to a value, if it does between two measurements."""
    for before, after in pairwise(model.rows):
        if before["loss"] > loss >= after["loss"] > 0:
            return _between(before, after, loss)
    return None


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


def along(models: Sequence[Model], selection: Selection) -> list[Row]:
    """A row per model and measured step; one is marked as the one where the model is compared."""
    rows: list[Row] = []
    for model, compared in zip(models, select(models, selection), strict=True):
        for measured in model.rows:
            here = measured["step"] == compared["step"]
            marks = {"compared": "here" if here else None, "excluded": compared["excluded"]}
            rows.append({**_compared(model, measured), **marks, "diverged_at": model.diverged_at})
    return rows


def included(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if not row["excluded"]]


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

    interpolated = {name: value(name) for name in MEASURED}
    return {**after, **dict.fromkeys(OPTIONAL), **interpolated, "loss": loss}


def _compared(model: Model, found: Row | str) -> Row:
    row = {} if isinstance(found, str) else found
    loss = row.get("loss")
    return {
        **{name: getattr(model, name) for name in MODEL},
        **{name: row.get(name) for name in (*MEASURED, *OPTIONAL)},
        "regularizer_over_loss": row["regularizer"] / loss if loss else None,
        "device": model.device,
        "excluded": found if isinstance(found, str) else None,
    }


# The scripts

TablesOf = TypeVar("TablesOf", bound=RunTables)


def read_options(
    argv: Sequence[str] | None,
    name: str,
    description: str | None,
    *,
    kind: type[TablesOf],
    results: str,
    add: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> tuple[argparse.Namespace, TablesOf]:
    """Read the options of a script, and train what is not there, unless told not to."""
    parser = Parser(
        prog=command(name),
        description=description,
        epilog=f"example: {command(name)} --profile quick\n"
        f"         {command(name)} --out {results} --redraw",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--profile",
        choices=tuple(kind.script.profiles),
        default="quick",
        help="what is trained, if it is not there yet (default: quick)",
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=kind.script.data)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help=f"where the tables are, and the results go (default: {kind.script.folder('PROFILE')})",
    )
    parser.add_argument(
        "--redraw", action="store_true", help="take the tables that are there, train nothing"
    )
    add(parser)
    given = parser.parse_args(argv)
    given.out = given.out or kind.script.folder(given.profile)
    if not given.redraw:
        kind.script.ensure(given.profile, given.out, given.data)
    return given, kind(given.out, given.profile)


def show_tables(
    argv: Sequence[str] | None,
    name: str,
    description: str | None,
    *,
    make_table: Callable[[TablesOf], Sequence[Row]],
    draw: Callable[[Path, Path], None],
    kind: type[TablesOf],
    results: str,
) -> None:
    """The whole of a figure's script: its table from the tables, and the figure from that."""
    with errors_in_one_line(name):
        given, tables = read_options(argv, name, description, kind=kind, results=results)
        table = given.out / f"{identity(name)}.csv"
        rows = make_table(tables)
        if not rows:
            raise InputError(f"{given.out / MEASUREMENTS} has none of the models of this figure")
        write_table(table, rows)
        print(f"wrote {table}")
        draw(table, table.with_suffix(".png"))
        print(f"wrote {table.with_suffix('.png')}")
