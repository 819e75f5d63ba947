"""The command line of the slices: list them, run them, merge what they left."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from bea.errors import InputError
from bea.streams import Parser, run_as_script
from examples.paper.commands import command
from examples.paper.device import device_name
from examples.paper.scripts import ask_for_the_same_bits, errors_in_one_line
from examples.paper.slices import NAME
from examples.paper.slices import __doc__ as description
from examples.paper.slices.catalogue import PROFILES, Slice, named, slices
from examples.paper.slices.merging import Found, counting, find, merge, missing
from examples.paper.slices.running import Runner
from examples.paper.slices.timing import estimates, speed_of_this_device

DEFAULT = Path("build/slices")
RESULTS = Path("results/slices")
"""Where the files of slices are committed; `list` and `run --within` look there too."""


def list_slices(given: argparse.Namespace) -> None:
    """All slices, which are done, and how long each takes here."""
    found = there_already(given)
    done = {file.name: file for file in counting(found.files)}
    seconds = expected(given, chosen(given), found)
    rows: list[dict[str, Any]] = [
        {
            "name": slice.name,
            "done": slice.name in done,
            "device": done[slice.name].device if slice.name in done else None,
            "seconds": round(seconds[slice.name], 1),
        }
        for slice in chosen(given)
    ]
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"profile {given.profile}, most worth first; seconds on {device_name()}\n")
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        state = f"done on {row['device']}" if row["done"] else f"about {spoken(row['seconds'])}"
        print(f"{row['name']:{width}}  {state}")
    left = sum(row["seconds"] for row in rows if not row["done"])
    print(f"\n{len(done)} of {len(rows)} are done; the others take about {spoken(left)} here")
    complain(found)


def run_slices(given: argparse.Namespace) -> None:
    """One slice by its name, or those that fit."""
    show = sys.stderr.isatty() if given.progress is None else given.progress
    given.out.mkdir(parents=True, exist_ok=True)
    runner = Runner(given.out, given.data, show)
    if given.names:
        if given.within is not None or given.only is not None:
            raise InputError("a slice is named, so leave out --within and --only")
        for slice in [named(given.profile, name) for name in given.names]:
            runner.run(slice)
            print(f"{runner.path(slice)} is there")
        return
    if given.within is None:
        raise InputError("say which slice to run, by its name, or how long: --within SECONDS")
    if not 0 < given.within < math.inf:
        raise InputError(f"--within {given.within:g}: give a number of seconds above 0")
    begun = perf_counter()
    found = there_already(given)
    there = {file.name for file in found.files}
    left = [slice for slice in chosen(given) if slice.name not in there]
    if not left:
        print("every slice is done")
        return
    complain(found)
    seconds = expected(given, left, found)
    done = runner.run_within(left, given.within - (perf_counter() - begun), seconds)
    print(f"{len(done)} slices were run; {len(left) - len(done)} are left")


def merge_slices(given: argparse.Namespace) -> None:
    """The tables of all files there."""
    found = find(given.folders, slices(given.profile))
    complain(found)
    if not found.files:
        raise InputError(
            f"there is no file of a slice of the profile {given.profile} in "
            f"{', '.join(map(str, given.folders))}: the command `run` makes them"
        )
    for experiment, tables in merge(found, slices(given.profile), given.out, given.profile).items():
        files = [file for file in counting(found.files) if file.experiment == experiment]
        devices = sorted({file.device for file in files})
        print(f"{experiment}: {len(files)} slices of {' and '.join(devices)}")
        for table in tables:
            print(f"wrote {table}")
    left = missing(found.files, slices(given.profile))
    print(f"missing: {', '.join(left)}" if left else "no slice is missing")


def chosen(given: argparse.Namespace) -> Sequence[Slice]:
    """The slices that are asked for."""
    found = [
        s for s in slices(given.profile) if given.only is None or s.name.startswith(given.only)
    ]
    if not found:
        raise InputError(f"--only {given.only}: no slice begins like that")
    return found


def expected(given: argparse.Namespace, slices: Sequence[Slice], found: Found) -> dict[str, float]:
    """Seconds of each slice on this device."""
    residual = any(slice.training.experiment == "cifar10" for slice in slices)
    speed = speed_of_this_device(
        DEFAULT / "speed.json", residual=residual, afresh=given.measure_again
    )
    return estimates(slices, speed, found.files)


def there_already(given: argparse.Namespace) -> Found:
    """The files of the slices that are asked for, committed or in the folder of --out."""
    folders = [folder for folder in (RESULTS, given.out) if folder.is_dir()]
    return find(folders, chosen(given), probing=False)


def complain(found: Found) -> None:
    """Say which files are left out."""
    for reason in found.refused:
        print(f"left out: {reason}", file=sys.stderr)


def spoken(seconds: float) -> str:
    """A duration in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def parser() -> Parser:
    """The options."""
    called = command(NAME)
    whole = Parser(
        prog=called, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = whole.add_subparsers(required=True, metavar="{list,run,merge}")

    def part(name: str, does: Any, help: str, examples: Sequence[str]) -> argparse.ArgumentParser:
        added = parts.add_parser(
            name,
            help=help,
            description=does.__doc__,
            epilog="examples: " + "\n          ".join(f"{called} {name} {e}" for e in examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(does=does)
        added.add_argument("--profile", choices=PROFILES, default="paper")
        return added

    def timed(added: argparse.ArgumentParser) -> None:
        added.add_argument(
            "--out", type=Path, default=DEFAULT, metavar="DIR",
            help=f"where the files of slices are (default: {DEFAULT})",
        )  # fmt: skip
        added.add_argument("--only", metavar="PREFIX", help="slices whose names begin so")
        added.add_argument(
            "--measure-again", action="store_true", help="measure the speed of this device afresh"
        )

    listing = part(
        "list", list_slices, "all slices, which are done, how long the others take",
        ("", "--only mnist-w50", "--json"),
    )  # fmt: skip
    timed(listing)
    listing.add_argument("--json", action="store_true", help="for other programs")
    running = part(
        "run", run_slices, "run a slice, or those that fit into a time",
        ("mnist-w50-s0 --data FOLDER", "--within 480 --data FOLDER --out DIR"),
    )  # fmt: skip
    running.add_argument("names", nargs="*", metavar="NAME", help="of slices")
    timed(running)
    running.add_argument("--within", type=float, metavar="SECONDS", help="those that fit into it")
    running.add_argument("--data", type=Path, metavar="FOLDER", help="where the data sets are")
    running.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="bars (default: on a terminal)"
    )
    merging = part(
        "merge", merge_slices, "the tables of all files of slices in these folders",
        ("results/slices build/slices --out results",),
    )  # fmt: skip
    merging.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    merging.add_argument(
        "--out", type=Path, default=Path("build"), metavar="FOLDER",
        help="where each experiment's folder of tables is (default: build)",
    )  # fmt: skip
    return whole


def main(argv: Sequence[str] | None = None) -> None:
    given = parser().parse_args(argv)
    ask_for_the_same_bits()
    with errors_in_one_line(NAME):
        given.does(given)


if __name__ == "__main__":
    run_as_script(main)
