"""How a method is chosen, by its name or by its tableau, and `bea methods`, which lists them."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from bea.errors import InputError

if TYPE_CHECKING:
    from bea.symbolic.methods.tableau import ButcherTableau

EXAMPLES = """\
examples:
  all of them, and those that are symmetric:
    bea methods
    bea methods | grep symmetric
  for a program:
    bea methods --format json"""


def add_method_options(command: argparse.ArgumentParser) -> None:
    """The options that choose a method."""
    method = command.add_argument_group("the method")
    method.add_argument(
        "--method",
        metavar="NAME",
        help="default: euler (gradient descent); 'bea methods' lists the names",
    )
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


def describe(command: argparse.ArgumentParser) -> None:
    """The options of the command, and what its help says."""
    command.description = (
        "The methods that have a name, with their stages, their order, and whether "
        "they are explicit, symmetric and symplectic."
    )
    command.epilog = EXAMPLES
    command.add_argument("--format", choices=("text", "json"), default="text", dest="form")
    command.set_defaults(run=list_methods)


def list_methods(options: argparse.Namespace) -> int:
    """Print the list; the exit status."""
    rows = _rows()
    if options.form == "json":
        print(json.dumps(rows))
    else:
        print(_table(rows))
    return 0


def _rows() -> list[dict[str, Any]]:
    from bea.symbolic.methods.named import METHODS
    from bea.symbolic.methods.properties import PROPERTIES

    return [
        {
            "name": name,
            "aliases": METHODS.aliases(name),
            "stages": known.stages,
            "order": known.order,
            "explicit": known.is_explicit,
            "symmetric": known.is_symmetric,
            "symplectic": known.is_symplectic,
        }
        for name, known in PROPERTIES.items()
    ]


def _table(rows: list[dict[str, Any]]) -> str:
    wide = max(len(row["name"]) for row in rows)
    lines = [f"{'name':{wide}}  order  stages            symmetric  symplectic  other names"]
    lines += [
        f"{row['name']:{wide}}  {row['order']:5}  {row['stages']:6}  "
        f"{'explicit' if row['explicit'] else 'implicit':8}  "
        f"{'symmetric' if row['symmetric'] else '':9}  "
        f"{'symplectic' if row['symplectic'] else '':10}  {', '.join(row['aliases'])}".rstrip()
        for row in rows
    ]
    return "\n".join(lines)
