"""The commands together: one parser, one run, and the exit status.

Anything wrong with the input is one line on standard error and exit status 2; an order that is not
confirmed is exit status 1.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

from bea import __version__
from bea.cli.derive import add_derive
from bea.cli.messages import OneLineParser, tell
from bea.cli.series import add_series
from bea.cli.verify import add_verify
from bea.errors import BeaError
from bea.streams import run_with_streams

EXAMPLES = """\
examples:
  bea derive "(3/5 - a*b)**2/2" --params a,b --order 3
  bea series --method rk4 --order 4
  bea verify "(3/5 - a*b)**2/2" --params a,b --at 2.8,3.5 --order 2
'bea derive --help', 'bea series --help' and 'bea verify --help' have more."""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    whole = OneLineParser(
        prog="bea",
        description="Modified equations of gradient descent and other one-step methods.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"bea {__version__}")
    commands = whole.add_subparsers(dest="command", metavar="command", required=True)
    for add in (add_derive, add_verify, add_series):
        add(commands)
    return whole


VALUED = ("--field", "--step", "--at", "--set", "--step-sizes", "--A", "--b")
"""Options whose value may start with a minus, which argparse would take for another option."""


def _joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--at -1,2` written as `--at=-1,2`, and a loss `-x**2` as ` -x**2`."""
    joined: list[str] = []
    for word in arguments:
        starts_with_minus = word.startswith("-") and not word.startswith("--")
        if joined and joined[-1] in VALUED and starts_with_minus:
            joined[-1] += f"={word}"
        elif starts_with_minus and word != "-h" and len(word) > 1:
            joined.append(f" {word}")  # argparse takes what begins with a space for no option
        else:
            joined.append(word)
    return joined


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what the `bea` script calls.

    Args:
        arguments: the words after `bea`; by default those of the process.

    Returns:
        The exit status: 0, 1 for an order not confirmed or not tested,
        2 for input that is not usable.
    """
    words = sys.argv[1:] if arguments is None else arguments
    return run_with_streams(lambda: _run(words), "bea", "interrupted")


def _run(arguments: Sequence[str]) -> int:
    try:
        options = parser().parse_args(_joined(arguments))
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always", UserWarning)
            status = options.run(options)
        for remark in remarks:
            tell(f"note: {remark.message}")
        return status
    except BeaError as error:
        tell(error)
        return 2
