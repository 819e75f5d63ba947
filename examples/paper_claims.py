"""All claims of the paper that `bea` tests in training, in one table: results/claims.csv.

    python examples/paper_claims.py
    python examples/paper_claims.py --mnist build/mnist/quick --cifar10 build/cifar10/quick \
        --claims build/claims.csv

From the tables that are there, of `mnist_runs.py` and of `cifar10_runs.py`; nothing is trained.
Each claim has its statistic, its value, its interval over seeds and its verdict (`run_claims`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cifar10_claims
import cifar10_tables
import mnist_claims
import mnist_tables
from run_claims import written
from run_scripts import errors_in_one_line
from table_and_figure import Row

from bea.streams import Parser, run_as_script


def make_table(mnist: Path, cifar10: Path) -> list[Row]:
    """The claims on both experiments."""
    return [
        *mnist_claims.make_table(mnist_tables.Tables(mnist)),
        *cifar10_claims.make_table(cifar10_tables.Tables(cifar10)),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(
        prog="paper_claims.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, place in (("mnist", mnist_tables.RESULTS), ("cifar10", cifar10_tables.RESULTS)):
        parser.add_argument(
            f"--{name}", type=Path, default=Path(place), metavar="FOLDER",
            help=f"where the tables are (default: {place})",
        )  # fmt: skip
    parser.add_argument(
        "--claims",
        type=Path,
        default=Path("results/claims.csv"),
        metavar="FILE",
        help="the table that is written (default: results/claims.csv)",
    )
    given = parser.parse_args(argv)
    with errors_in_one_line("paper_claims"):
        written(given.claims, make_table(given.mnist, given.cifar10))


if __name__ == "__main__":
    run_as_script(main)
