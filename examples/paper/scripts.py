"""What the scripts that train have in common: profiles, a folder for one of them, the command line.

A script is a table of profiles, dataclasses whose fields are what is trained and how long, and an
experiment that trains what a profile asks for and writes its tables. Fields can be changed from the
command line. A folder holds what one profile with such changes has made: what is asked for again is
not made again, what was interrupted goes on where it was, and anything else is refused.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from bea import TrainingRun
from bea.errors import BeaError, InputError
from bea.models.dataset import Dataset
from bea.numeric.training.checkpoints import locked
from bea.streams import Parser
from bea.tables import write_table, write_text
from examples.paper.commands import command, made_by
from examples.paper.results import Row, produce

CONFIGURATION = "configuration.json"
MEASUREMENTS = "measurements.csv"
"""The table with a row per model and measured step, of every experiment."""


class Experiment(ABC):
    """What a script trains on a data set, and the tables it makes of it.

    Args:
        profile: what is asked for.
        data: the data set.
        out: the folder of tables and states.
        progress: whether to show bars.
        mesh: the devices, if there is more than one.
    """

    script: ClassVar[str]
    """Its name."""

    def __init__(
        self,
        profile: Any,
        data: Dataset,
        *,
        out: Path,
        progress: bool = False,
        mesh: Mesh | None = None,
    ) -> None:
        self.profile, self.data, self.out = profile, data, out
        self.progress, self.mesh = progress, mesh
        self.seconds: dict[str, Mapping[str, float]] = {}

    @abstractmethod
    def run(self, configuration: dict[str, Any]) -> None:
        """Train and write the tables."""

    def train_all(self, runs: Iterable[tuple[str, Sequence[Row], TrainingRun]]) -> list[Row]:
        """The rows of all runs; each comes with its name.

        What is known is written after each run, should a later one be cut off.
        """
        rows: list[Row] = []
        for name, found, run in runs:
            rows += found
            self.seconds[name] = {what: round(s, 1) for what, s in run.seconds.items()}
            if jax.process_index() == 0:
                write_table(self.out / MEASUREMENTS, rows)
        return rows

    def write(self, name: str, rows: Sequence[Row], configuration: dict[str, Any]) -> None:
        """A table, and beside it what it was made with."""
        if jax.process_index() == 0:
            produce(
                self.script,
                self.out / name,
                lambda: rows,
                packages=("flax", "optax", "orbax-checkpoint"),
                **configuration,
                devices=1 if self.mesh is None else int(self.mesh.size),
                seconds=self.seconds,
                peak_memory_mib=peak_memory(),
            )


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script that trains.

    Attributes:
        name: its place below examples/paper, as in mnist.runs.
        description: what it does, for --help.
        examples: how it is called, what follows the command.
        profiles: by name; the first one is what runs if none is named.
        check: refuses a profile that cannot be before anything is trained.
        experiment: (profile, folder of the data or None, out=…, progress=…, mesh=…) ↦ what is to be
            run.
        tables: the files that are there when all is done.
        lists: the fields of a profile that are lists of numbers, with the type of these.
        numbers: the fields that are whole numbers.
        data: what --data names.
        download: what puts the data into a folder.
        axis: of the mesh, along which several devices share the work: "models" or "batch".
    """

    name: str
    description: str
    examples: Sequence[str]
    profiles: Mapping[str, Any]
    check: Callable[[Any], None]
    experiment: Callable[..., Experiment]
    tables: Sequence[str]
    lists: Mapping[str, Callable[[str], Any]]
    numbers: Sequence[str]
    data: str
    download: Callable[[Path], object]
    axis: str = "models"

    def folder(self, profile: str) -> Path:
        """Where a profile's tables are if no other place is named."""
        return Path("build") / self.name.partition(".")[0] / profile

    def ensure(
        self,
        profile: str,
        out: Path,
        data: Path | None = None,
        *,
        progress: bool | None = None,
        mesh: Mesh | None = None,
        **changes: Any,
    ) -> None:
        """Train what a profile asks for, with these changes, unless its tables are there.

        Raises:
            InputError: `out` holds tables of another profile, the data are missing, or a change
                cannot be.
        """
        ask_for_the_same_bits()
        asked = replace(self.profiles[profile], **changes)
        self._check(asked)
        configuration = json.loads(json.dumps({"profile": profile, **asdict(asked)}))
        refuse_another(out, configuration)
        tables = [(out / name).with_suffix(s) for name in self.tables for s in (".csv", ".json")]
        there = [path.name for path in tables if path.exists()]
        if there and not (out / CONFIGURATION).is_file():
            raise InputError(
                f"{out} holds {there[0]} and no {CONFIGURATION} that says of which run: name "
                "another folder with --out"
            )
        if not all(map(is_whole, tables)):
            show = sys.stderr.isatty() if progress is None else progress
            experiment = self.experiment(asked, data, out=out, progress=show, mesh=mesh)
            with claimed(out, configuration):
                self._run(experiment, profile, configuration)

    def _run(self, experiment: Experiment, profile: str, configuration: dict[str, Any]) -> None:
        """Train, and write the tables."""
        made = f"{made_by(self.name)} --profile {profile}"
        experiment.run({"made_by": made, **configuration})

    def _check(self, profile: Any) -> None:
        for name in self.lists:
            if len(set(getattr(profile, name))) < len(getattr(profile, name)):
                raise InputError(f"{option(name)} has a number twice: give each one once")
        for name in self.numbers:
            if getattr(profile, name) < 1:
                raise InputError(f"{name} = {getattr(profile, name)}: give a whole number from 1")
        self.check(profile)

    def main(self, argv: Sequence[str] | None = None) -> None:
        """The command line."""
        parser = Parser(
            prog=command(self.name),
            description=self.description,
            epilog="examples: "
            + "\n          ".join(f"{command(self.name)} {e}" for e in self.examples)
            + "\ntwo hosts: … --coordinator HOST:PORT --processes 2 --process 0   "
            "(and 1 on the other)",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        default = next(iter(self.profiles))
        parser.add_argument("--profile", choices=self.profiles, default=default)
        parser.add_argument("--data", type=Path, metavar="FOLDER", help=self.data)
        parser.add_argument(
            "--download", action="store_true", help="get the data first, into the folder of --data"
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="FOLDER",
            help=f"for tables and states (default: {self.folder('PROFILE')})",
        )
        changes = parser.add_argument_group("what is to differ from the profile")
        for name, kind in self.lists.items():
            changes.add_argument(option(name), type=listed(kind), metavar="A,B,…")
        for name in self.numbers:
            changes.add_argument(option(name), type=int, metavar="N")
        parser.add_argument("--devices", type=int, help="over how many to split the work")
        parser.add_argument("--coordinator", metavar="HOST:PORT", help="of several processes")
        parser.add_argument("--processes", type=int, help="how many there are")
        parser.add_argument("--process", type=int, help="which of them this is, from 0")
        given = parser.parse_args(argv)
        ask_for_the_same_bits()
        out = given.out or self.folder(given.profile)
        asked = {name: getattr(given, name) for name in (*self.lists, *self.numbers)}
        changed = {name: value for name, value in asked.items() if value is not None}
        with errors_in_one_line(self.name):
            if given.coordinator is not None:
                connect(given)
            if given.download:
                if given.data is None:
                    raise InputError("--download: say with --data FOLDER where to")
                if jax.process_index() == 0:
                    self.download(given.data)
                wait_for_all("download")
            self.ensure(
                given.profile, out, given.data, mesh=mesh_of(given.devices, self.axis), **changed
            )
        print(f"the tables are in {out}")


def connect(given: argparse.Namespace) -> None:
    """Be one of several processes."""
    if given.processes is None or given.process is None:
        raise InputError("--coordinator needs --processes and --process: how many, and which")
    try:
        jax.distributed.initialize(given.coordinator, given.processes, given.process)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--coordinator {given.coordinator}: {reason}") from error


def wait_for_all(name: str) -> None:
    """No process goes on before all of them are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


@contextmanager
def errors_in_one_line(name: str) -> Iterator[None]:
    """Errors of `bea` and of files end the script with one line on standard error, and 2."""
    try:
        yield
    except (BeaError, OSError) as error:
        print(f"{command(name)}: {error}", file=sys.stderr)
        sys.exit(2)


@contextmanager
def claimed(out: Path, configuration: dict[str, Any]) -> Iterator[None]:
    """The folder of a run, with its configuration in it, for one process at a time.

    Raises:
        InputError: another process is at work there; nothing has been written then.
    """
    lock = None
    if jax.process_index() == 0:
        out.mkdir(parents=True, exist_ok=True)
        lock = locked(out)
    try:
        if jax.process_index() == 0:
            refuse_another(out, configuration)  # it may have been claimed in the meantime
            write_text(out / CONFIGURATION, json.dumps(configuration, indent=1) + "\n")
        yield
    finally:
        if lock is not None:
            os.close(lock)


def is_whole(table: Path) -> bool:
    """Is this a table with rows in it, or a description that can be read?"""
    try:
        text = table.read_text(encoding="utf-8")
        return bool(json.loads(text)) if table.suffix == ".json" else text.count("\n") > 1
    except (OSError, ValueError):
        return False


def refuse_another(out: Path, configuration: dict[str, Any]) -> None:
    """Hold what is asked for to what the folder is for, if it is for something."""
    path = out / CONFIGURATION
    if path.is_file():
        try:
            there = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:80]
            raise InputError(
                f"{path} cannot be read ({reason}): name another folder with --out, or delete it "
                "with the tables beside it"
            ) from None
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


def ask_for_the_same_bits() -> None:
    """On a GPU as well; XLA reads it when JAX first looks for devices."""
    flag, given = "--xla_gpu_deterministic_ops=", os.environ.get("XLA_FLAGS", "")
    if flag not in given:
        os.environ["XLA_FLAGS"] = f"{given} {flag}true".strip()


def check_rates(rates: Iterable[float]) -> None:
    """Refuse learning rates that cannot be."""
    rates = list(rates)
    if not rates or not all(0 < h < math.inf for h in rates):
        raise InputError(f"the learning rates are {rates}: give positive numbers")


def last_step(steps: float) -> int:
    """The last whole step, never later than T, also where round-off puts T/h just below one."""
    return math.floor(steps * (1 + 1e-9))


def steps_at(times: Iterable[float], rates: Sequence[float], end: int) -> set[int]:
    """The steps T/h of all times and learning rates, as far as a run of so many steps has them."""
    return {i for T in times for h in rates if 0 < (i := last_step(T / h)) <= end}


def peak_memory() -> float | None:
    """What the run needed at most: memory of the device, or of the process on a CPU."""
    peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    if peak is None:
        try:
            import resource
        except ImportError:  # on Windows
            return None
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return round(peak / 2**20, 1)


def mesh_of(devices: int | None, axis: str) -> Mesh | None:
    """So many devices along an axis; None for one of them."""
    if devices is None and jax.process_count() == 1:
        return None
    there = jax.devices()
    count = len(there) if devices is None else devices
    if not 1 <= count <= len(there) or (jax.process_count() > 1 and count < len(there)):
        raise InputError(f"--devices {count}: there are {len(there)}")
    return Mesh(np.array(there[:count]), (axis,))


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
