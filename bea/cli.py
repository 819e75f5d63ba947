"""The command line: `bea derive`, `bea series` and `bea verify`, thin over the public face.

Text goes in through `bea.symbolic.parsing.text`, results come out of
`bea.symbolic.printing.equation`, `bea.symbolic.printing.series` and `OrderReport`. Anything wrong
with the input is one line on standard error and exit status 2; an order that is not confirmed is
exit status 1. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from bea import __version__
from bea.errors import BeaError, InputError
from bea.streams import Parser, run_with_streams, say

if TYPE_CHECKING:
    from bea.symbolic.equation import ModifiedEquation
    from bea.symbolic.methods.tableau import ButcherTableau

GREETING = """\
examples:
  bea derive "(3/5 - a*b)**2/2" --params a,b --order 3
  bea series --method rk4 --order 4
  bea verify "(3/5 - a*b)**2/2" --params a,b --at 2.8,3.5 --order 2
'bea derive --help', 'bea series --help' and 'bea verify --help' have more."""

DERIVE_EXAMPLES = """\
examples:
  gradient descent on a loss; names that are not parameters are constants:
    bea derive "(y - a*b*x)**2/2" --params a,b --order 2
  a Runge-Kutta method on a field:
    bea derive --field "y" --field "-x" --params x,y --order 4 --method rk4
  any one-step map, here symplectic Euler for the pendulum, with the step size h:
    bea derive --step "q + h*(p - h*sin(q))" --step "p - h*sin(q)" --params q,p
  for a paper, for a program, for Python without dependencies:
    bea derive "exp(u*v) + u*tanh(w)" --params u,v,w --format latex
    bea derive "log(1 + exp(x))" --params x --order 4 --format json
    bea derive "log(1 + exp(x))" --params x --order 4 --format python"""

SERIES_EXAMPLES = """\
examples:
  gradient descent, with what of it is a gradient for every loss:
    bea series --order 3
  a Runge-Kutta method, for a paper and for a program (its "coefficient" is b of the tree):
    bea series --method rk4 --order 4 --format latex
    bea series --method implicit_midpoint --order 6 --format json
  in the gradient, Hessian and third derivative of a loss; the trees as a picture:
    bea series --order 2 --gradient
    bea series --method gauss4 --order 5 --picture trees.svg
  your own tableau, rows separated by semicolons; entries may be irrational or have symbols:
    bea series --A "0,0; alpha,0" --b "1-1/(2*alpha), 1/(2*alpha)" --order 2
  the field to hand to Euler so that its steps are exact:
    bea series --modifying --order 3"""

VERIFY_EXAMPLES = """\
examples:
  the orders 0 to 2 of the paper's 2-d model at its point I:
    bea verify "(3/5 - a*b)**2/2" --params a,b --at 2.8,3.5 --order 2
  a rotation under RK4, for a program:
    bea verify --field "y" --field "-x" --params x,y --at 1,0.5 --order 3 --method rk4 --format json
  numbers for constants, and multiprecision throughout:
    bea verify "(y - a*b*x)**2/2" --params a,b --set x=1 --set y=3/5 --at 2.8,7/2 --precision mpmath

exit status: 0 if every order is confirmed, 1 if one is not, or was not tested
2 if the input cannot be used."""


LONGEST_LINE = 600
"""Characters of a message that are shown: it may repeat what was typed, however long that is."""


class _Parser(Parser):
    """Complaints in one line, like all others."""

    def error(self, message: str) -> NoReturn:
        line = _shown_line(" ".join(message.split()))
        self.exit(2, f"{self.prog}: {line} (see {self.prog} --help)\n")


def _shown_line(message: str) -> str:
    """The message, its culprit and its remedy, without anything in it that a terminal obeys."""
    if len(message) > LONGEST_LINE:
        message = f"{message[: LONGEST_LINE // 2]} … {message[-LONGEST_LINE // 2 :]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)


def _say(message: object) -> None:
    say("bea", _shown_line(str(message)))


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="bea",
        description="Modified equations of gradient descent and other one-step methods.",
        epilog=GREETING,
        formatter_class=raw,
    )
    parser.add_argument("--version", action="version", version=f"bea {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)

    derive = commands.add_parser(
        "derive",
        help="derive the corrections f_1, f_2, … of a modified equation",
        description="Derive the modified equation f + h f_1 + h^2 f_2 + … exactly.",
        epilog=DERIVE_EXAMPLES,
        formatter_class=raw,
    )
    verify = commands.add_parser(
        "verify",
        help="measure local errors against the modified flows",
        description="Measure that one step leaves the modified flow of order p by "
        "f_{p+1} h^{p+2}, for each p from 0 to the order asked for.",
        epilog=VERIFY_EXAMPLES,
        formatter_class=raw,
    )
    series = commands.add_parser(
        "series",
        help="the modified equation of a method for every field, over rooted trees",
        description="The modified equation in elementary differentials, with exact coefficients.",
        epilog=SERIES_EXAMPLES,
        formatter_class=raw,
    )
    series.add_argument("--order", type=_order, default=3, metavar="P", help="default: 3")
    series.add_argument(
        "--most-trees", type=_order, metavar="N", help="refuse more trees than this; default: 5e6"
    )
    series.add_argument("--modifying", action="store_true", help="the modifying integrator instead")
    series.add_argument(
        "--gradient", action="store_true", help="write it for f = −∇E, in ∇E, H = ∇²E, ∇³E, …"
    )
    series.add_argument(
        "--picture", metavar="FILE", help="draw the trees, too: .svg, or .png and .pdf (matplotlib)"
    )
    series.add_argument("--format", choices=("text", "latex", "json"), default="text", dest="form")
    series.set_defaults(run=_series)
    for command in (derive, verify, series):
        method = command.add_argument_group("the method")
        method.add_argument("--method", metavar="NAME", help="default: euler (gradient descent)")
        method.add_argument("--A", metavar="ROWS", help='your own, such as "0,0; 1/2,0" …')
        method.add_argument("--b", metavar="WEIGHTS", help='… with its weights, such as "0,1"')
    for command in (derive, verify):
        problem = command.add_argument_group("what is asked about (one of these)")
        problem.add_argument("loss", nargs="?", help="the loss E, for f = −∇E")
        problem.add_argument(
            "--field", action="append", metavar="EXPR", help="a component of f; once for each"
        )
        problem.add_argument(
            "--step", action="append", metavar="EXPR", help="a component of the map; once for each"
        )
        command.add_argument("--params", required=True, metavar="NAMES", help="such as a,b")
        command.add_argument("--order", type=_order, default=2, metavar="P", help="default: 2")
        command.add_argument(
            "--step-size", default="h", metavar="NAME", help="the name of the step size, default: h"
        )
        command.add_argument(
            "--most-terms",
            type=_order,
            metavar="N",
            help="refuse more terms than this; default: 5e7",
        )
    derive.add_argument(
        "--format", choices=("text", "latex", "json", "python"), default="text", dest="form"
    )
    derive.add_argument(
        "--form",
        choices=("auto", "plain", "shared"),
        default="auto",
        dest="parts",
        help="of text and latex: shared gives names to parts that occur again, plain writes "
        "everything out; default: auto, which is shared where it is long",
    )
    verify.add_argument(
        "--at", required=True, metavar="NUMBERS", help="the point: 2.8,7/2 or a=2.8,b=7/2"
    )
    verify.add_argument(
        "--set", action="append", default=[], metavar="NAME=NUMBER", help="the value of a constant"
    )
    verify.add_argument(
        "--step-sizes",
        metavar="NUMBERS",
        help="at least four; default: below the field's time scale",
    )
    verify.add_argument(
        "--precision",
        choices=("auto", "float64", "mpmath"),
        default="auto",
        help="default: auto, which is float64, and mpmath where that does not resolve the order",
    )
    verify.add_argument("--format", choices=("text", "json"), default="text", dest="form")
    derive.set_defaults(run=_derive)
    verify.set_defaults(run=_verify)
    return parser


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


def _order(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _equation(options: argparse.Namespace) -> ModifiedEquation:
    from bea.symbolic.equation import modified_equation

    limit = {} if options.most_terms is None else {"most_terms": options.most_terms}
    return modified_equation(
        loss=None if options.loss is None else options.loss.strip(),
        field=options.field,
        step=_step(options.step, options.step_size) if options.step else None,
        params=options.params,
        order=options.order,
        method=_method(options),
        step_size=options.step_size,
        progress=sys.stderr.isatty(),
        **limit,
    )


def _method(options: argparse.Namespace) -> str | ButcherTableau:
    """The method by name, or by its tableau."""
    if options.A is None and options.b is None:
        return options.method or "euler"
    if options.A is None or options.b is None or options.method is not None:
        raise InputError("a tableau of your own is --A with --b, and no --method")
    from bea.symbolic.methods.tableau import ButcherTableau

    rows = [row.split(",") for row in options.A.split(";")]
    return ButcherTableau(rows, options.b.split(","), name="the given tableau")


def _step(components: Sequence[str], step_size: str) -> Any:
    from bea.symbolic.parsing.text import parse_expression

    parsed = [
        parse_expression(c, name=f"component {i} of the step") for i, c in enumerate(components)
    ]
    return lambda theta, h: parsed


def _derive(options: argparse.Namespace) -> int:
    from bea.symbolic.printing import equation as present

    eq = _equation(options)
    if options.form == "json":
        print(json.dumps(present.as_dictionary(eq)))
    elif options.form == "python":
        print(present.as_python(eq))
    else:
        forms = {"text": present.as_text, "latex": present.as_latex}
        print(forms[options.form](eq, options.parts))
    return 0


def _series(options: argparse.Namespace) -> int:
    from bea.symbolic.printing import series as series_text
    from bea.symbolic.series import modified_series, modifying_integrator

    derived = modifying_integrator if options.modifying else modified_series
    if options.gradient and options.form == "json":
        raise InputError("--gradient is for text and LaTeX: JSON names trees, which have no signs")
    limit = {} if options.most_trees is None else {"most_trees": options.most_trees}
    series = derived(_method(options), order=options.order, **limit)
    if options.picture is not None:
        from bea.symbolic.printing.pictures import save_picture

        save_picture(series, options.picture, **limit)
    if options.form == "json":
        print(json.dumps(series_text.as_dictionary(series)))
    elif options.form == "latex":
        print(series.latex(gradient=options.gradient))
    else:
        print(series_text.as_report(series, gradient=options.gradient))
    return 0


def _verify(options: argparse.Namespace) -> int:
    from bea.symbolic.parsing.text import parse_numbers

    eq = _equation(options)
    at = _point(options.at)
    constants = dict(map(_assignment, options.set))
    step_sizes = (
        None
        if options.step_sizes is None
        else parse_numbers(options.step_sizes, name="the step sizes")
    )
    from bea.numeric.orders.local_error import verify_orders

    reports = verify_orders(
        eq,
        at,
        constants=constants,
        step_sizes=step_sizes,
        precision=options.precision,
        progress=sys.stderr.isatty(),
    )
    if options.form == "json":
        print(json.dumps({"orders": [r.to_dict() for r in reports]}, allow_nan=False))
    else:
        print(reports)
    return 0 if all(r.passed for r in reports) else 1


def _point(text: str) -> Any:
    """The point of `--at 2.8,7/2`, or by names, `--at a=2.8,b=7/2`."""
    from bea.symbolic.parsing.text import parse_numbers

    if "=" not in text:
        return parse_numbers(text)
    pairs = [_assignment(entry, "--at") for entry in text.split(",")]
    if len(dict(pairs)) < len(pairs):
        raise InputError(f"--at {text!r} names a parameter twice")
    return dict(pairs)


def _assignment(text: str, option: str = "--set") -> tuple[str, Any]:
    from bea.symbolic.parsing.text import parse_number, parse_symbols

    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{option} {text!r} has no value: write {option} name=number")
    symbols = parse_symbols(name, name=option)
    if len(symbols) > 1:
        raise InputError(
            f"{option} {text!r} has one value for several names: write one {option} for each"
        )
    return symbols[0].name, parse_number(value, name=f"{option} {symbols[0].name}")


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
        options = _parser().parse_args(_joined(arguments))
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always", UserWarning)
            status = options.run(options)
        for remark in remarks:
            _say(f"note: {remark.message}")
        return status
    except BeaError as error:
        _say(error)
        return 2


if __name__ == "__main__":
    sys.exit(main())
