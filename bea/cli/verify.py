"""`bea verify`: measured orders of the local error, as a table or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from bea.cli.problem import add_problem_options, equation_of
from bea.cli.values import point

if TYPE_CHECKING:
    pass

EXAMPLES = """\
examples:
  the orders 0 to 2 of the paper's 2-d model at its point I:
    bea verify "(3/5 - a*b)**2/2" --params a,b --at 2.8,3.5 --order 2
  a rotation under RK4, for a program:
    bea verify --field "y,-x" --params x,y --at 1,0.5 --order 3 --method rk4 --format json
  numbers for constants, and multiprecision throughout:
    bea verify "(y - a*b*x)**2/2" --params a,b --set x=1,y=3/5 --at 2.8,7/2 --precision mpmath
  step sizes of your own, at least four, and a long loss from a file:
    bea verify --file loss.txt --params a,b --at 1,2 --step-sizes 0.1,0.05,0.02,0.01

exit status: 0 if every order is confirmed, 1 if one is not, or was not tested
2 if the input cannot be used."""


def describe(command: argparse.ArgumentParser) -> None:
    """The options of the command, and what its help says."""
    command.description = (
        "Measure that one step leaves the modified flow of order p by "
        "f_{p+1} h^{p+2}, for each p from 0 to the order asked for."
    )
    command.epilog = EXAMPLES
    add_problem_options(command)
    command.add_argument(
        "--at", required=True, metavar="NUMBERS", help="the point: 2.8,7/2 or a=2.8,b=7/2"
    )
    command.add_argument(
        "--step-sizes",
        metavar="NUMBERS",
        help="at least four; default: below the field's time scale",
    )
    command.add_argument(
        "--precision",
        choices=("auto", "float64", "mpmath"),
        default="auto",
        help="default: auto, which is float64, and mpmath where that does not resolve the order",
    )
    command.add_argument("--format", choices=("text", "json"), default="text", dest="form")
    command.set_defaults(run=verify)


def verify(options: argparse.Namespace) -> int:
    """Print the reports; the exit status is 1 if an order is not confirmed."""
    from bea.symbolic.parsing.text import parse_numbers

    eq = equation_of(options)
    at = point(options.at)
    step_sizes = (
        None
        if options.step_sizes is None
        else parse_numbers(options.step_sizes, name="the step sizes")
    )
    from bea.numeric.orders.local_error import verify_orders

    reports = verify_orders(
        eq,
        at,
        step_sizes=step_sizes,
        precision=options.precision,
        progress=sys.stderr.isatty(),
    )
    if options.form == "json":
        print(json.dumps({"orders": [r.to_dict() for r in reports]}, allow_nan=False))
    else:
        print(reports)
    return 0 if reports.passed else 1
