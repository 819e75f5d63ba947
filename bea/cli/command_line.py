"""The commands together: one parser, one run, and the exit status.

Anything wrong with the input is one line on standard error and exit status 2; an order that is not
confirmed is exit status 1.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module

from bea.cli.messages import OneLineParser, tell
from bea.cli.versions import VersionAction
from bea.errors import BeaError
from bea.streams import run_with_streams

EXAMPLES = """\
examples:
  bea derive "(3/5 - a*b)**2/2" --params a,b --order 3
  bea series --method rk4 --order 4
  bea methods
  bea verify "(3/5 - a*b)**2/2" --params a,b --at 2.8,3.5 --order 2
'bea derive --help' has more, and so have the other commands."""


COMMANDS = {
    "derive": "derive the corrections f_1, f_2, … of a modified equation",
    "verify": "measure local errors against the modified flows",
    "series": "the modified equation of a method for every field, over rooted trees",
    "methods": "list the methods that have a name",
    "completion": "print a script that completes bea's options in a shell",
}
"""What each command does; a module of its name in this folder says how."""


def parser(described: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        described: the commands whose options are wanted; only their modules are imported.
    """
    whole = OneLineParser(
        prog="bea",
        description="Modified equations of gradient descent and other one-step methods.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action=VersionAction)
    commands = whole.add_subparsers(dest="command", metavar="command")
    for name, what in COMMANDS.items():
        command = commands.add_parser(
            name, help=what, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name in described:
            import_module(f"bea.cli.{name}").describe(command)
    return whole


VALUED = (
    "--field",
    "--step",
    "--at",
    "--set",
    "--step-size",
    "--step-sizes",
    "--A",
    "--b",
    "--file",
)
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
        of_all = parser(arguments)
        if not arguments:
            of_all.print_help()
            return 0
        options = of_all.parse_args(_joined(arguments))
        if options.command is None:
            of_all.error(f"a command is missing: {', '.join(COMMANDS)}")
        options.parser = parser
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always", UserWarning)
            status = options.run(options)
        for remark in remarks:
            tell(f"note: {remark.message}")
        return status
    except BeaError as error:
        tell(error)
        return 2
