"""`bea derive`: the corrections of one problem, as text, LaTeX, JSON or Python."""

from __future__ import annotations

import argparse
import json

from bea.cli.problem import add_problem_options, equation_of

EXAMPLES = """\
examples:
  gradient descent on a loss; names that are not parameters are constants:
    bea derive "(y - a*b*x)**2/2" --params a,b --order 2
  a Runge-Kutta method on a field:
    bea derive --field "y,-x" --params x,y --order 4 --method rk4
  any one-step map, here symplectic Euler for the pendulum, with the step size h:
    bea derive --step "q + h*(p - h*sin(q)), p - h*sin(q)" --params q,p
  the values of constants; Euler's number is exp(1), and special functions are known:
    bea derive "c*exp(-k*x**2) + gamma(x + 2)" --params x --set c=2,k=1/3
  a long loss from a file, or from a program:
    bea derive --file loss.txt --params a,b
    python make_loss.py | bea derive - --params a,b
  for a paper, for a program, for Python with NumPy:
    bea derive "exp(u*v) + u*tanh(w)" --params u,v,w --format latex
    bea derive "log(1 + exp(x))" --params x --order 4 --format json
    bea derive "log(1 + exp(x))" --params x --order 4 --format python

what a text may contain: exact numbers (0.6 is 3/5), names, + - * / **, brackets, pi, and
  exp log ln log2 log10 log1p expm1 sqrt sigmoid softplus; sin cos tan sec csc cot, sinh …;
  asin … acoth, or arcsin …; atan2(y, x); erf erfc erfi erfinv; gamma loggamma digamma
  polygamma(n, x); besselj(nu, x) bessely besseli besselk; airyai airybi airyaiprime airybiprime;
  Ei li Si Ci Shi Chi; fresnels fresnelc; LambertW; zeta(n).
  All of them have values in verify and in JAX."""


def describe(command: argparse.ArgumentParser) -> None:
    """The options of the command, and what its help says."""
    command.description = "Derive the modified equation f + h f_1 + h^2 f_2 + … exactly."
    command.epilog = EXAMPLES
    add_problem_options(command)
    command.add_argument(
        "--format", choices=("text", "latex", "json", "python"), default="text", dest="form"
    )
    command.add_argument(
        "--form",
        choices=("auto", "plain", "shared"),
        default="auto",
        dest="parts",
        help="of text and latex: shared gives names to parts that occur again, plain writes "
        "everything out; default: auto, which is shared where it is long",
    )
    command.set_defaults(run=derive)


def derive(options: argparse.Namespace) -> int:
    """Print the equation; the exit status."""
    from bea.symbolic.printing import equation as present

    eq = equation_of(options)
    if options.form == "json":
        print(json.dumps(present.as_dictionary(eq)))
    elif options.form == "python":
        print(present.as_python(eq))
    else:
        forms = {"text": present.as_text, "latex": present.as_latex}
        print(forms[options.form](eq, options.parts))
    return 0
