"""All claims of the paper that `bea` tests in training, in one table: results/claims.csv.

    python -m examples.paper.verdicts
    python -m examples.paper.verdicts --mnist build/mnist/quick --cifar10 build/cifar10/quick \
        --claims build/claims.csv

From the tables that are there, of `mnist/runs.py` and of `cifar10/runs.py`; nothing is trained.
Each claim has its statistic, its value, its interval over seeds and its verdict (`claims.py`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bea.streams import Parser, run_as_script
from examples.paper.cifar10 import claims as cifar10_claims
from examples.paper.cifar10 import tables as cifar10_tables
from examples.paper.claims import written
from examples.paper.commands import command
from examples.paper.mnist import claims as mnist_claims
from examples.paper.mnist import tables as mnist_tables
from examples.paper.results import Row
from examples.paper.scripts import errors_in_one_line


def make_table(mnist: Path, cifar10: Path) -> list[Row]:
    """The claims on both experiments."""
    return [
        *mnist_claims.make_table(mnist_tables.Tables(mnist)),
        *cifar10_claims.make_table(cifar10_tables.Tables(cifar10)),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(
        prog=command("verdicts"),
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
    with errors_in_one_line("verdicts"):
        written(given.claims, make_table(given.mnist, given.cifar10))


if __name__ == "__main__":
    run_as_script(main)
