"""Scripts that measure what one of their profiles asks for, and draw and tell what they found.

The tables are written first; the figure and its text come from the tables alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bea.errors import InputError
from bea.tables import write_table
from examples.paper.results import Row, parse_options, produce
from examples.paper.scripts import errors_in_one_line


@dataclass(frozen=True)
class Measuring:
    """What is to be measured, when its data are at hand.

    Attributes:
        tables: makes them, the main one first.
        packages: whose versions are noted beside those of `examples/paper/results.py`.
        configuration: what else is noted.
    """

    tables: Callable[[], Sequence[Sequence[Row]]]
    packages: Sequence[str]
    configuration: Mapping[str, Any] = field(default_factory=dict)


def measure_and_draw(
    argv: Sequence[str] | None,
    script: str,
    description: str | None,
    *,
    profiles: Sequence[str],
    profile_help: str,
    data_help: str,
    examples: Sequence[str],
    prepare: Callable[[str, Path | None, Path], Measuring],
    draw: Callable[[Path, Path], None],
    summary: Callable[[Path], Iterable[str]],
    second_of: Callable[[Path], Path] | None = None,
) -> None:
    """The whole of such a script.

    Args:
        argv: the options; by default those of the command line.
        script: its name, as in networks.theorem_3_1.
        description: what it does, for --help.
        profiles: their names; the first is the default.
        profile_help: what they are.
        data_help: what --data names.
        examples: how the script is called, what follows the command.
        prepare: (profile, folder of the data, folder of the results) ↦ what is to be measured.
        draw: draws the figure from the main table.
        summary: what the main table says, in lines.
        second_of: where the second table is, beside the main one, if there is one.
    """
    options = parse_options(
        argv,
        script,
        description,
        add=partial(add_options, profiles=profiles, profile_help=profile_help, data_help=data_help),
        examples=examples,
    )
    second = second_of(options.table) if second_of else None
    with errors_in_one_line(script):
        if not options.redraw:
            asked = prepare(options.given.profile, options.given.data, options.table.parent)
            first, *others = asked.tables()
            produce(
                script,
                options.table,
                lambda: first,
                packages=asked.packages,
                profile=options.given.profile,
                **asked.configuration,
            )
            if second:
                write_table(second, *others)
        elif second and not second.is_file():
            raise InputError(f"there is no table {second} to draw from: run without --redraw first")
    draw(options.table, options.figure)
    print(f"wrote {options.figure}")
    print("\n".join(summary(options.table)))


def add_options(
    parser: argparse.ArgumentParser, *, profiles: Sequence[str], profile_help: str, data_help: str
) -> None:
    parser.add_argument("--profile", choices=profiles, default=profiles[0], help=profile_help)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=data_help)
