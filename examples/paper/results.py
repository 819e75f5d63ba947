"""Results: a tidy table, with what it was made with beside it, and the figure drawn from it.

A table is a CSV with one row per point and named columns (`bea.tables`). Tables and figures appear
at their paths complete or not at all. What is computed and how it is drawn stays with each figure's
script, which says so here in one call: `make_and_draw`.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from bea import tables
from bea.streams import Parser
from bea.tables import write_table, write_text
from examples.paper.commands import command, identity, made_by

Row = Mapping[str, Any]
"""A number, a text or None for every column; which of them a column has, its script knows."""

PACKAGES = ("bea", "sympy", "jax", "diffrax", "numpy")


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    table: Path
    figure: Path
    redraw: bool
    given: argparse.Namespace
    """All of it, with what a script has added."""


def parse_options(
    argv: Sequence[str] | None,
    script: str,
    description: str | None,
    *,
    add: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
    examples: Sequence[str] = (),
) -> Options:
    """Read `--out FOLDER` and `--redraw`; the files are FOLDER/figure_1a.csv and .png, for example.

    `add` adds further options, and `examples` shows their use.
    """
    name, called = identity(script), command(script)
    shown = [f"{called} {given}" for given in ("--out build/figures", *examples)]
    parser = Parser(
        prog=called,
        description=description,
        epilog="example: " + "\n         ".join(shown),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/figures"),
        metavar="FOLDER",
        help="where the table and the figure go (default: build/figures)",
    )
    parser.add_argument(
        "--redraw", action="store_true", help="draw from the table that is there, compute nothing"
    )
    add(parser)
    given = parser.parse_args(argv)
    options = Options(given.out / f"{name}.csv", given.out / f"{name}.png", given.redraw, given)
    if options.redraw and not options.table.is_file():
        parser.error(f"there is no table {options.table} to draw from: run without --redraw first")
    return options


def produce(
    script: str,
    path: Path,
    make_table: Callable[[], Sequence[Row]],
    *,
    packages: Sequence[str] = (),
    **configuration: object,
) -> Sequence[Row]:
    """Make a table, write it, and write beside it (as JSON) what it was made with.

    To the packages whose versions are noted a script may add others, and its own configuration.
    """
    rows = make_table()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, rows)
    provenance = {
        "table": path.name,
        "rows": len(rows),
        "made_by": made_by(script),
        "git_revision": REVISION,
        "python": platform.python_version(),
        "device": jax.devices()[0].device_kind,
        "versions": versions((*PACKAGES, *packages)),
        **configuration,
    }
    write_text(path.with_suffix(".json"), json.dumps(provenance, indent=1) + "\n")
    print(f"wrote {path}")
    if REVISION is None or REVISION.endswith("+"):
        where = "outside a clone" if REVISION is None else "with changes that are not committed"
        print(f"warning: made {where}, so {path.name} cannot be made again: commit, then run again")
    return rows


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Of these packages; None of one that runs from its sources, or is not there."""
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def git_revision() -> str | None:
    """The commit these sources are from, with + if they have changed; None outside a clone."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        result = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


REVISION = git_revision()
"""When the script began: a commit may be made while it runs."""


def read_table(path: Path) -> list[Row]:
    """The rows of a table: numbers as floats, empty fields as None, anything else as text."""
    return list(tables.read_table(path))


def make_and_draw(
    argv: Sequence[str] | None,
    script: str,
    description: str | None,
    *,
    make_table: Callable[[], Sequence[Row]],
    draw: Callable[[Path, Path], None],
    beside: Mapping[str, Callable[[Sequence[Row]], Sequence[Row]]] | None = None,
) -> None:
    """The whole of a figure's script: its table, those made from it, and the figure.

    The tables `beside` it end in what they are named here.
    """
    options = parse_options(argv, script, description)
    if not options.redraw:
        rows = produce(script, options.table, make_table)
        for ending, derived in (beside or {}).items():
            write_table(options.table.with_stem(f"{identity(script)}_{ending}"), derived(rows))
    draw(options.table, options.figure)
    print(f"wrote {options.figure}")
