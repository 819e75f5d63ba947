"""Joining the files of slices into the tables that figures and claims are drawn from.

Rows of two devices never agree to the bit, so the device is a part of what names a row. Of a slice
that was run on several devices one file counts: that of the device from which most slices of the
experiment come, the first in the alphabet of several; so most of a table is of one device. Two
files of one device that disagree on the same rows are refused, since one of them must be wrong.
The same files make the same tables, byte for byte, in whatever order they are found.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from bea.errors import InputError
from bea.tables import write_table, write_text
from examples.paper.commands import made_by
from examples.paper.mnist.training import PERTURBATIONS
from examples.paper.results import Row
from examples.paper.scripts import MEASUREMENTS
from examples.paper.slices import NAME
from examples.paper.slices.catalogue import Slice
from examples.paper.slices.probe import probe, same
from examples.paper.slices.slice_file import ENDING, SliceFile, differences, read_slice
from examples.paper.tables import MEASURED

KEYS = {
    MEASUREMENTS: ("width", "batch", "examples", "mu", "seed", "learning_rate", "step"),
    PERTURBATIONS: ("width", "seed", "learning_rate", "sigma", "draw"),
}
"""What names a row of each table, beside the device."""

DATA = {
    "MNIST": "f50ecbaa244f303cf2554a0d03a507a0db5b656f3b49222077f707017335cf98",
    "CIFAR-10": "80a26008168396178fe5fdacb995405fea4b56d53623e298e9b7fd5b41b91796",
}
"""The SHA-256 of the published data sets, as `running.fingerprint` takes it."""


@dataclass(frozen=True)
class Found:
    """The files of slices in some folders.

    Attributes:
        files: those that are of slices of the profile, by their names.
        refused: why others are not.
    """

    files: tuple[SliceFile, ...]
    refused: tuple[str, ...]


def find(folders: Iterable[Path], slices: Sequence[Slice], *, probing: bool = True) -> Found:
    """All files of slices in the folders.

    Args:
        folders: or files.
        slices: of the profile.
        probing: whether the program of each file is compared too, which takes some seconds.

    Raises:
        InputError: there is no such folder.
    """
    by_name = {slice.name: slice for slice in slices}
    files, refused = [], []
    for folder in folders:
        if not folder.exists():
            raise InputError(f"there is no folder {folder}: name those that slices were run into")
        for path in sorted(folder.glob(f"*{ENDING}")) if folder.is_dir() else [folder]:
            try:
                file = read_slice(path)
                check(file, by_name, probing)
            except InputError as error:
                refused.append(str(error))
            else:
                files.append(file)
    return Found(
        tuple(sorted(files, key=lambda f: (f.name, f.device, json.dumps(f.content)))),
        tuple(refused),
    )


def check(file: SliceFile, by_name: dict[str, Slice], probing: bool) -> None:
    """Refuse a file of another slice, another program or other data."""
    slice = by_name.get(file.name)
    if slice is None:
        raise InputError(f"{file.path} is of {file.name}, which is no slice of this profile")
    if found := differences(file, slice):
        raise InputError(f"{file.path} is of another slice of the name {file.name}: {found[0]}")
    pinned = DATA.get(slice.training.data)
    if pinned and file.content["data"] != pinned:
        raise InputError(f"{file.path} is of other data than {slice.training.data} as published")
    for table, key in KEYS.items():
        check_rows(file, table, key, expected(slice, table))
    if probing and not same(probe(slice.training), file.content["probe"]):
        raise InputError(
            f"{file.path} is of another program: what it computed on made-up numbers is not what "
            f"the sources here compute; run {file.name} again"
        )


def check_rows(
    file: SliceFile, table: str, key: Sequence[str], asked: set[tuple[Any, ...]]
) -> None:
    """Refuse a file whose rows are not those that its slice has, each once."""
    try:
        rows = file.rows(table)
        found = Counter(tuple(row[name] for name in key) for row in rows)
        lacking = [name for name in MEASURED if table == MEASUREMENTS and name not in rows[0]]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise InputError(
            f"{file.path} has a damaged table {table}: run {file.name} again"
        ) from None
    values = (value for row in rows for value in row.values() if isinstance(value, float))
    wrong = (
        f"has no column {lacking[0]}" if lacking
        else "lacks rows that it should have" if asked - set(found)
        else "has rows of other models or steps" if set(found) - asked
        else "has a row twice" if max(found.values(), default=0) > 1
        else "has a number that is not finite" if not all(map(math.isfinite, values))
        else None
    )  # fmt: skip
    if wrong:
        raise InputError(f"{file.path} {wrong} in {table}: run {file.name} again")


def expected(slice: Slice, table: str) -> set[tuple[Any, ...]]:
    """What names the rows of a table of this slice."""
    training = slice.training
    models = product(training.seeds, training.learning_rates)
    if table == MEASUREMENTS:
        common = training.common()
        shared = tuple(common[name] for name in ("width", "batch", "examples", "mu"))
        return {(*shared, *model, i) for model in models for i in training.measured_steps()}
    noise = getattr(training, "noise", None)
    if noise is None:
        return set()
    draws = product(models, noise.sigmas, range(noise.draws))
    return {(training.width, *model, sigma, draw) for model, sigma, draw in draws}


def refuse_disagreement(files: Sequence[SliceFile]) -> None:
    """Refuse files of one device that have other numbers in the same rows.

    Raises:
        InputError: there are such; it names the first rows.
    """
    seen: dict[tuple[Any, ...], tuple[SliceFile, Row]] = {}
    for file in files:
        for table, key in KEYS.items():
            for row in file.rows(table):
                name = (table, file.experiment, file.device, *(row.get(k) for k in key))
                other, there = seen.setdefault(name, (file, row))
                if there != row:
                    differing = next(c for c in row if row[c] != there.get(c))
                    told = ", ".join(f"{k} = {row[k]}" for k in key if k in row)
                    raise InputError(
                        f"{other.path} and {file.path} are of one device ({file.device}) and "
                        f"disagree on the row {told}: {differing} is {there.get(differing)} and "
                        f"{row[differing]}; run {file.name} again and leave out what is wrong"
                    )


def counting(files: Sequence[SliceFile]) -> list[SliceFile]:
    """One file for each slice: of the device that most slices of its experiment come from."""
    there = {(file.experiment, file.name, file.device) for file in files}
    number = Counter((experiment, device) for experiment, _, device in there)
    chosen: dict[str, SliceFile] = {}
    for file in sorted(files, key=lambda f: (-number[f.experiment, f.device], f.device, f.name)):
        chosen.setdefault(file.name, file)
    return [chosen[name] for name in sorted(chosen)]


def merge(found: Found, slices: Sequence[Slice], out: Path, profile: str) -> dict[str, list[Path]]:
    """Write the tables of all experiments of which there are files.

    Args:
        found: the files.
        slices: of the profile; what is missing is noted.
        out: the folder, in which every experiment has one of its own.
        profile: its name.

    Returns:
        The tables that were written, by experiment.

    Raises:
        InputError: files of one device disagree.
    """
    refuse_disagreement(found.files)
    files, written = counting(found.files), dict[str, list[Path]]()
    for experiment in sorted({file.experiment for file in files}):
        chosen = [file for file in files if file.experiment == experiment]
        passed = [f for f in found.files if f.experiment == experiment and f not in chosen]
        folder = out / experiment
        folder.mkdir(parents=True, exist_ok=True)
        for table, key in KEYS.items():
            rows = [row for file in chosen for row in file.rows(table)]
            path = (folder / table).with_suffix(".json")
            if not rows:  # a table of other slices must not stand beside those of these
                for stale in (folder / table, path):
                    stale.unlink(missing_ok=True)
                continue
            rows.sort(key=partial(_place, key))
            write_table(folder / table, rows)
            note = provenance(table, len(rows), profile, experiment, chosen, passed, slices)
            write_text(path, json.dumps(note, indent=1) + "\n")
            written.setdefault(experiment, []).append(folder / table)
    return written


def provenance(
    table: str,
    rows: int,
    profile: str,
    experiment: str,
    files: Sequence[SliceFile],
    passed: Sequence[SliceFile],
    slices: Sequence[Slice],
) -> dict[str, Any]:
    """What a merged table was made of."""
    told = ("device", "git_revision", "python", "versions", "seconds")
    return {
        "table": table,
        "rows": rows,
        "made_by": f"{made_by(NAME)} merge",
        "profile": profile,
        "slices": {f.name: {name: f.content[name] for name in told} for f in files},
        "also_run_on": {
            f.name: f.device
            for f in passed
            if f.device not in {g.device for g in files if g.name == f.name}
        },
        "missing": missing(files, [s for s in slices if s.training.experiment == experiment]),
    }


def missing(files: Sequence[SliceFile], slices: Sequence[Slice]) -> list[str]:
    """The names of the slices of which there is no file."""
    there = {file.name for file in files}
    return [slice.name for slice in slices if slice.name not in there]


def _place(key: Sequence[str], row: Row) -> list[tuple[bool, float, str]]:
    """By which a table is sorted."""
    return [_ordered(row.get(name)) for name in key]


def _ordered(value: Any) -> tuple[bool, float, str]:
    """Numbers before texts, and texts that are numbers among these."""
    try:
        return False, float(value), ""
    except (TypeError, ValueError):
        return True, 0.0, str(value)
