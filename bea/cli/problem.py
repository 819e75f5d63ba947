"""What `bea derive` and `bea verify` work on: a loss, a field or a step, and its equation."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bea.cli.loss_file import STANDARD_INPUT, loss_in
from bea.cli.methods import add_method_options, method_of
from bea.cli.values import components, settings, whole
from bea.errors import InputError

if TYPE_CHECKING:
    from bea.symbolic.equation import ModifiedEquation


def add_problem_options(command: argparse.ArgumentParser) -> None:
    """The options that state a problem and the order of its equation."""
    add_method_options(command)
    problem = command.add_argument_group("the problem (one of these)")
    problem.add_argument(
        "loss", nargs="?", help="the loss E, for f = −∇E; - reads it from standard input"
    )
    problem.add_argument("--file", metavar="PATH", help="a file with the loss; - likewise")
    problem.add_argument(
        "--field",
        action="append",
        metavar="EXPRS",
        help="the components of f, separated by commas; or repeat the option for each",
    )
    problem.add_argument(
        "--step", action="append", metavar="EXPRS", help="the components of the map, likewise"
    )
    command.add_argument("--params", required=True, metavar="NAMES", help="such as a,b")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="the value of a constant, exactly; several with commas, or repeat the option",
    )
    command.add_argument("--order", type=whole, default=1, metavar="P", help="default: 1")
    command.add_argument(
        "--step-size", default="h", metavar="NAME", help="the symbol of the step size, default: h"
    )
    command.add_argument(
        "--most-terms", type=whole, metavar="N", help="refuse more terms than this; default: 5e7"
    )


def equation_of(options: argparse.Namespace) -> ModifiedEquation:
    """The modified equation of the problem that the options state.

    Warns:
        UserWarning: a constant has the name of Euler's number, and stands under a power.
    """
    from bea.symbolic.equation import modified_equation

    _check_step_size(options.step_size)
    limit = {} if options.most_terms is None else {"most_terms": options.most_terms}
    equation = modified_equation(
        loss=_loss(options),
        field=components(options.field) if options.field else None,
        step=_step(components(options.step)) if options.step else None,
        params=options.params,
        order=options.order,
        method=method_of(options),
        step_size=options.step_size,
        **limit,
    )
    if values := settings(options.set):
        equation = equation.subs(values)
    _note_euler(equation)
    if sys.stderr.isatty():
        equation.derive(progress=True)
    return equation


def _loss(options: argparse.Namespace) -> str | None:
    if options.file is not None and options.loss is not None:
        raise InputError("the loss was given twice: as an argument and as --file")
    path = options.file
    if options.loss is not None:
        loss = str(options.loss).strip()
        if loss != STANDARD_INPUT:
            return loss
        path = STANDARD_INPUT
    return None if path is None else loss_in(path)


def _step(given: Sequence[str]) -> Any:
    from bea.symbolic.parsing.text import parse_expression

    parsed = [parse_expression(c, name=f"component {i} of the step") for i, c in enumerate(given)]
    return lambda theta, h: parsed


def _check_step_size(name: str) -> None:
    """Refuse a number where the symbol is named."""
    try:
        float(name)
    except ValueError:
        return
    raise InputError(
        f"--step-size {name} is a number: the option names the symbol of the step size, such as "
        "--step-size eta; numbers are given to verify, as --step-sizes 0.1,0.05,0.02,0.01"
    )


def _note_euler(equation: ModifiedEquation) -> None:
    import sympy as sp

    expressions = sp.Tuple(*equation.problem.expressions)
    for power in sorted(expressions.atoms(sp.Pow), key=sp.default_sort_key):
        if (
            power.base in equation.constants
            and power.base.name in ("e", "E")
            and power.exp.free_symbols
        ):
            warnings.warn(
                f"{power.base} in {power} is a constant like others: Euler's number is exp(1), and "
                "its powers are exp(…)",
                stacklevel=2,
            )
            return
