"""How a modified equation is shown: as text, as LaTeX, as a dictionary, as a Python function.

Only forms, no mathematics; the command line and the notebook both take what is here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy import Expr

from bea.errors import InputError, NotAGradientError, UndecidedError

if TYPE_CHECKING:
    from bea.symbolic.equation import ModifiedEquation

LONG = 120
"""Characters of an expression that still fit into a message."""


def shortened(expr: Expr) -> str:
    """The expression on one line, cut where it gets long."""
    text = str(expr)
    return text if len(text) <= LONG else f"{text[:LONG]}… ({len(expr.args)} terms)"


def highest_modified_loss(eq: ModifiedEquation) -> tuple[int, Expr] | None:
    """The highest order for which a modified loss exists, and that loss; None if there is none.

    Where it is not known whether a correction is a gradient, the order before it.
    """
    order = -1
    try:
        while order < eq.order and eq.is_gradient(order + 1):
            order += 1
    except UndecidedError:
        pass
    return (order, eq.modified_loss(order)) if order >= 0 else None


def _series(p: int, h: str) -> str:
    powers = ["f_0", f"{h} f_1", *(f"{h}^{l} f_{l}" for l in range(2, p + 1))]
    return " + ".join(powers[: p + 1])


def as_text(eq: ModifiedEquation) -> str:
    """The equation, its corrections and its modified loss, one to a line."""
    lines = [
        f"{eq.kind.capitalize()} of {eq.problem.title}",
        f"d({', '.join(p.name for p in eq.params)})/dt = {_series(eq.order, eq.step_size.name)}",
    ]
    for l, f in enumerate(eq.corrections):
        lines.append("")
        lines += [f"f_{l}[{p}] = {component}" for p, component in zip(eq.params, f, strict=True)]
    lines.append("")
    found = highest_modified_loss(eq)
    if found is not None:
        lines.append(f"modified loss of order {found[0]}: {found[1]}")
    if found is None or found[0] < eq.order:
        try:
            eq.modified_loss()
        except (NotAGradientError, UndecidedError) as obstruction:
            lines.append(str(obstruction))
    if domain := eq.domain:
        lines.append(f"where {', '.join(f'{shortened(u)} > 0' for u in domain)}")
    return "\n".join(lines)


def as_latex(eq: ModifiedEquation) -> str:
    """The equation and its corrections as an `aligned` block."""
    h = sp.latex(eq.step_size)
    theta = sp.latex(sp.Matrix(eq.params))
    lines = [rf"\frac{{d}}{{dt}} {theta} &= {_series(eq.order, h)}"]
    lines += [rf"f_{{{l}}} &= {sp.latex(f)}" for l, f in enumerate(eq.corrections)]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def as_dictionary(eq: ModifiedEquation) -> dict[str, Any]:
    """What `bea derive --format json` prints; expressions are text that `bea` reads back."""
    found = highest_modified_loss(eq)
    undecided = {}
    if found is None or found[0] < eq.order:
        try:
            eq.is_gradient(0 if found is None else found[0] + 1)
        except UndecidedError as error:
            undecided = {"undecided": str(error)}
    return {
        "params": [p.name for p in eq.params],
        "step_size": eq.step_size.name,
        "order": eq.order,
        "corrections": [[str(component) for component in f] for f in eq.corrections],
        "modified_loss": None
        if found is None
        else {"order": found[0], "expression": str(found[1])},
        **undecided,
    }


def as_python(eq: ModifiedEquation) -> str:
    """A Python module with the function modified_field(theta, h), on floats and `math` alone.

    Raises:
        InputError: the equation contains a function that `math` does not have.
    """
    from sympy.printing.codeprinter import PrintMethodNotImplementedError
    from sympy.printing.pycode import PythonCodePrinter

    shared, reduced = sp.cse(list(eq.vector_field()), symbols=sp.numbered_symbols("_x"))
    code = PythonCodePrinter({"fully_qualified_modules": True})
    code.reserved_words.add("math")
    try:
        body = [f"{name} = {code.doprint(value)}" for name, value in shared]
        components = ", ".join(code.doprint(e) for e in reduced)
    except PrintMethodNotImplementedError as error:
        name = str(error).splitlines()[0].split(": ")[-1]
        raise InputError(
            f"Python's math has no function {name}: choose another format, such as json"
        ) from None
    params, others = [*map(code.doprint, eq.params)], [eq.step_size, *eq.constants]
    point = "theta_" if "theta" in {s.name for s in others} else "theta"
    arguments = ", ".join([point, *map(code.doprint, others)])
    title = f"{eq.kind.capitalize()} of {eq.problem.title}"
    imports = ["import math"] if any("math." in line for line in [*body, components]) else []
    return "\n".join(
        [
            f'"""{title}, to order {eq.order}. Made by bea."""',
            *imports,
            "",
            "",
            f"def modified_field({arguments}):",
            f"    {', '.join(params)}{',' * (len(params) == 1)} = {point}",
            *(f"    {line}" for line in body),
            f"    return [{components}]",
        ]
    )
