"""How a method is chosen: by its name, or by a tableau of one's own."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bea.errors import InputError

if TYPE_CHECKING:
    from bea.symbolic.methods.tableau import ButcherTableau


def add_method_options(command: argparse.ArgumentParser) -> None:
    """The options that choose a method."""
    method = command.add_argument_group("the method")
    method.add_argument("--method", metavar="NAME", help="default: euler (gradient descent)")
    method.add_argument("--A", metavar="ROWS", help='your own, such as "0,0; 1/2,0" …')
    method.add_argument("--b", metavar="WEIGHTS", help='… with its weights, such as "0,1"')


def method_of(options: argparse.Namespace) -> str | ButcherTableau:
    """The method by name, or by its tableau."""
    if options.A is None and options.b is None:
        return options.method or "euler"
    if options.A is None or options.b is None or options.method is not None:
        raise InputError("a tableau of your own is --A with --b, and no --method")
    from bea.symbolic.methods.tableau import ButcherTableau

    rows = [row.split(",") for row in options.A.split(";")]
    return ButcherTableau(rows, options.b.split(","), name="the given tableau")
