"""What the figure scripts share: a tidy table is written first, and the figure is drawn from it.

A table is a CSV with one row per point and named columns; numbers are written so that they come
back exactly, and what does not apply is left empty. Tables and figures appear at their paths
complete or not at all. What is computed and how it is drawn stays with each figure's script.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import jax

from bea.files import written_atomically
from bea.streams import Parser
from bea.tables import Row as Row
from bea.tables import read_table as read_table
from bea.tables import write_table as write_table
from bea.tables import write_text as write_text
from examples.paper.script_names import command, identity, made_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PACKAGES = ("bea", "sympy", "jax", "diffrax", "numpy")

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLACK, GREY, ORANGE = "#222222", "#8a8a8a", "#e69f00"
BLUE, GREEN, VERMILION, PURPLE = "#0072b2", "#009e73", "#d55e00", "#cc79a7"

STYLE = {
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": BLACK,
    "xtick.color": "#666666",
    "ytick.color": "#666666",
    "legend.frameon": False,
    "savefig.dpi": 160,
}


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
    description: str,
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
        "versions": {name: version(name) for name in (*PACKAGES, *packages)},
        **configuration,
    }
    write_text(path.with_suffix(".json"), json.dumps(provenance, indent=1) + "\n")
    print(f"wrote {path}")
    return rows


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


@contextmanager
def drawing(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """An empty figure, saved as PNG at the end of the block; size in inches."""
    import matplotlib
    from matplotlib.figure import Figure  # without pyplot: Agg, and no state left behind

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        with written_atomically(path) as partial:
            figure.savefig(partial, format="png")
