"""What `bea derive` and `bea verify` work on: a loss, a field or a step, and its equation."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bea.cli.methods import add_method_options, method_of
from bea.cli.values import whole

if TYPE_CHECKING:
    from bea.symbolic.equation import ModifiedEquation


def add_problem_options(command: argparse.ArgumentParser) -> None:
    """The options that state a problem and the order of its equation."""
    add_method_options(command)
    problem = command.add_argument_group("what is asked about (one of these)")
    problem.add_argument("loss", nargs="?", help="the loss E, for f = −∇E")
    problem.add_argument(
        "--field", action="append", metavar="EXPR", help="a component of f; once for each"
    )
    problem.add_argument(
        "--step", action="append", metavar="EXPR", help="a component of the map; once for each"
    )
    command.add_argument("--params", required=True, metavar="NAMES", help="such as a,b")
    command.add_argument("--order", type=whole, default=2, metavar="P", help="default: 2")
    command.add_argument(
        "--step-size", default="h", metavar="NAME", help="the name of the step size, default: h"
    )
    command.add_argument(
        "--most-terms", type=whole, metavar="N", help="refuse more terms than this; default: 5e7"
    )


def equation_of(options: argparse.Namespace) -> ModifiedEquation:
    """The modified equation of the problem that the options state."""
    from bea.symbolic.equation import modified_equation

    limit = {} if options.most_terms is None else {"most_terms": options.most_terms}
    return modified_equation(
        loss=None if options.loss is None else options.loss.strip(),
        field=options.field,
        step=_step(options.step) if options.step else None,
        params=options.params,
        order=options.order,
        method=method_of(options),
        step_size=options.step_size,
        progress=sys.stderr.isatty(),
        **limit,
    )


def _step(components: Sequence[str]) -> Any:
    from bea.symbolic.parsing.text import parse_expression

    parsed = [
        parse_expression(c, name=f"component {i} of the step") for i, c in enumerate(components)
    ]
    return lambda theta, h: parsed
