"""`bea series`: the modified equation of a method for every field, over rooted trees."""

from __future__ import annotations

import argparse
import json

from bea.cli.methods import add_method_options, method_of
from bea.cli.values import whole
from bea.errors import InputError

EXAMPLES = """\
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


def describe(command: argparse.ArgumentParser) -> None:
    """The options of the command, and what its help says."""
    command.description = (
        "The modified equation in elementary differentials, with exact coefficients."
    )
    command.epilog = EXAMPLES
    command.add_argument("--order", type=whole, default=1, metavar="P", help="default: 1")
    command.add_argument(
        "--most-trees", type=whole, metavar="N", help="refuse more trees than this; default: 5e6"
    )
    command.add_argument(
        "--modifying", action="store_true", help="the modifying integrator instead"
    )
    command.add_argument(
        "--gradient", action="store_true", help="write it for f = −∇E, in ∇E, H = ∇²E, ∇³E, …"
    )
    command.add_argument(
        "--picture", metavar="FILE", help="draw the trees, too: .svg, or .png and .pdf (matplotlib)"
    )
    command.add_argument("--format", choices=("text", "latex", "json"), default="text", dest="form")
    add_method_options(command)
    command.set_defaults(run=series)


def series(options: argparse.Namespace) -> int:
    """Print the series; the exit status."""
    from bea.symbolic.printing import series as present
    from bea.symbolic.series import modified_series, modifying_integrator

    derived = modifying_integrator if options.modifying else modified_series
    if options.gradient and options.form == "json":
        raise InputError("--gradient is for text and LaTeX: JSON names trees, which have no signs")
    limit = {} if options.most_trees is None else {"most_trees": options.most_trees}
    result = derived(method_of(options), order=options.order, **limit)
    if options.picture is not None:
        from bea.symbolic.printing.pictures import save_picture

        save_picture(result, options.picture, **limit)
    if options.form == "json":
        print(json.dumps(present.as_dictionary(result)))
    elif options.form == "latex":
        print(result.latex(gradient=options.gradient))
    else:
        print(present.as_report(result, gradient=options.gradient))
    return 0
