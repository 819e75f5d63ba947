"""Figures 1a, 1b and A.1 of the paper, with the flows of orders 2, 3 and 4: all in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import Parser, run_as_script
from examples.paper.commands import command
from examples.paper.two_parameter import figure_1a, figure_1b, figure_a1


def main(argv: Sequence[str] | None = None) -> None:
    called = command("two_parameter")
    parser = Parser(
        prog=called, description=__doc__, epilog=f"example: {called} --out build/figures"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/figures"),
        metavar="FOLDER",
        help="where the tables and the figures go (default: build/figures)",
    )
    out = str(parser.parse_args(argv).out)
    for figure in (figure_1a, figure_1b, figure_a1):
        figure.main(["--out", out])


if __name__ == "__main__":
    run_as_script(main)
