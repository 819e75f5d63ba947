"""All claims of the paper that `bea` tests in training, in one table: results/claims.csv.

    python -m examples.paper.verdicts --page docs/claims.md
    python -m examples.paper.verdicts --mnist build/mnist/quick --cifar10 build/cifar10/quick \
        --claims build/claims.csv

From the tables that are there, of `mnist/runs.py` and of `cifar10/runs.py`; nothing is trained.
Each claim has its effect, its interval over seeds, its p and its verdict (`claims.py`). With
--page the table on a page, between <!-- claims --> and <!-- end of claims -->, is written as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bea.errors import InputError
from bea.streams import Parser, run_as_script
from bea.tables import write_text
from examples.paper.cifar10 import claims as cifar10_claims
from examples.paper.cifar10 import tables as cifar10_tables
from examples.paper.claims_table import written
from examples.paper.commands import command
from examples.paper.mnist import claims as mnist_claims
from examples.paper.mnist import tables as mnist_tables
from examples.paper.results import Row
from examples.paper.scripts import errors_in_one_line

START, END = "<!-- claims -->\n", "\n<!-- end of claims -->"


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
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="a Markdown page whose table is written, too"
    )
    given = parser.parse_args(argv)
    with errors_in_one_line("verdicts"):
        head, tail = parts(given.page) if given.page else ("", "")
        table = written(given.claims, make_table(given.mnist, given.cifar10))
        if given.page:
            write_text(given.page, f"{head}{table}{tail}")
            print(f"\nwrote {given.page}")


def parts(page: Path) -> tuple[str, str]:
    """What stands before and after the table on a page, with the marks around it."""
    if not page.is_file():
        raise InputError(f"there is no page {page}: name one with --page")
    text = page.read_text(encoding="utf-8")
    if START not in text or END not in text:
        raise InputError(f"{page} has no table between {START!r} and {END!r}: put them there first")
    head, rest = text.split(START, 1)
    return head + START, END + rest.split(END, 1)[1]


if __name__ == "__main__":
    run_as_script(main)
