"""How a modified equation is shown: as text, as LaTeX, as a dictionary, as a Python function.

Only forms, no mathematics; the command line and the notebook both take what is here.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import sympy as sp
from sympy import Expr, ImmutableDenseMatrix

from bea.errors import InputError, UndecidedError
from bea.symbolic.parsing.writing import written
from bea.symbolic.printing.factored import Factorable, readable_form
from bea.symbolic.printing.shared_form import tree_size
from bea.symbolic.ring.unexpanded_algebra import undistributed

MAX_NODES = 1_500
"""Of the corrections of an equation that is written out in full: some 5000 characters."""

MODULES = ("math", "numpy")
"""What the Python code imports."""

LONG = 120
"""Characters of an expression that still fit into a message."""


class WrittenEquation(Factorable, Protocol):
    """A modified equation, as far as writing it asks."""

    order: int
    kind: str

    @property
    def domain(self) -> tuple[Expr, ...]:
        """What must be positive for the input to be real."""
        ...

    def vector_field(self, order: int | None = None) -> ImmutableDenseMatrix:
        """F + h f_1 + … + h^p f_p."""
        ...

    def is_gradient(self, l: int) -> bool:
        """Is f_l a gradient?"""
        ...

    def obstruction(self, l: int) -> str | None:
        """Why f_l is no gradient, in words."""
        ...

    def modified_loss(self, order: int | None = None) -> Expr:
        """Ẽ."""
        ...


def shortened(expr: Expr) -> str:
    """The expression on one line, cut where it gets long."""
    if (size := tree_size([expr])) > MAX_NODES:  # it would take long only to be cut
        return f"an expression of {size} nodes, which"
    text = written(expr)
    return text if len(text) <= LONG else f"{text[:LONG]}… ({len(expr.args)} terms)"


def highest_modified_loss(eq: WrittenEquation) -> tuple[int, Expr] | None:
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


FORMS = ("auto", "plain", "shared")


def is_shared(eq: WrittenEquation, form: str) -> bool:
    """Are parts of the equation to be given names?

    Raises:
        InputError: there is no such form.
    """
    if form not in FORMS:
        raise InputError(f"unknown form {form!r}: use {', '.join(map(repr, FORMS))}")
    return form == "shared" or (
        form == "auto" and tree_size([c for f in eq.corrections for c in f]) > MAX_NODES
    )


def as_text(eq: WrittenEquation, form: str = "auto") -> str:
    """The equation, its corrections and its modified loss, one to a line.

    Args:
        eq: the equation.
        form: "plain" writes everything out, "shared" gives names to parts that occur again, and
            "auto" does so where the equation is long.
    """
    if is_shared(eq, form):
        return _as_shared_text(eq)
    lines = [
        f"{eq.kind.capitalize()} of {eq.problem.title}",
        f"d({', '.join(p.name for p in eq.params)})/dt = {_series(eq.order, eq.step_size.name)}",
    ]
    for l, f in enumerate(eq.corrections):
        lines.append("")
        lines += [f"f_{l}[{p}] = {written(e)}" for p, e in zip(eq.params, f, strict=True)]
    lines.append("")
    found = highest_modified_loss(eq)
    if found is not None:
        lines.append(f"modified loss of order {found[0]}: {written(found[1])}")
    return "\n".join([*lines, *_remarks(eq, found)])


def _remarks(eq: WrittenEquation, found: tuple[int, Expr] | None) -> list[str]:
    """Why there is no modified loss of the order of the equation, and where all this holds."""
    lines = []
    if found is None or found[0] < eq.order:
        try:
            obstruction = eq.obstruction(0 if found is None else found[0] + 1)
        except UndecidedError as error:
            obstruction = str(error)
        if obstruction is not None:
            lines.append(obstruction)
    if domain := eq.domain:
        lines.append(f"where {', '.join(f'{shortened(u)} > 0' for u in domain)}")
    return lines


def _as_shared_text(eq: WrittenEquation) -> str:
    """The same with names for what occurs again, and E for the loss in the modified loss."""
    found = highest_modified_loss(eq)
    shared = readable_form(eq, eq.order, with_losses=0 if found is None else found[0])
    lines = [
        f"{eq.kind.capitalize()} of {eq.problem.title}",
        f"d({', '.join(p.name for p in eq.params)})/dt = {_series(eq.order, eq.step_size.name)}",
    ]
    if shared.definitions:
        lines += ["", "parts that occur again (--form plain writes everything out):"]
        lines += [f"{name} = {written(value)}" for name, value in shared.definitions]
    m, labels = len(eq.params), shared.labels
    for k, (label, component) in enumerate(zip(labels, shared.expressions, strict=False)):
        lines += [""] * (k % m == 0)
        lines.append(f"{label} = {written(component)}")
    lines.append("")
    if found is not None:
        has_e = "E" in {s.name for s in (*eq.params, *eq.constants, eq.step_size)}
        is_e = eq.problem.loss is not None and not has_e
        terms = ["E" if is_e else written(eq.modified_loss(0))]
        for l, e in enumerate(shared.expressions[len(labels) :], start=1):
            h = eq.step_size.name if l == 1 else f"{eq.step_size.name}**{l}"
            terms.append(f"{h}*({written(e)})")
        lines.append(f"modified loss of order {found[0]}: {' + '.join(terms)}")
    return "\n".join([*lines, *_remarks(eq, found)])


def as_latex(eq: WrittenEquation, form: str = "auto") -> str:
    """The equation and its corrections as an `aligned` block.

    Args:
        eq: the equation.
        form: as for `as_text`.
    """
    h = sp.latex(eq.step_size)
    theta = sp.latex(sp.Matrix(eq.params))
    lines = [rf"\frac{{d}}{{dt}} {theta} &= {_series(eq.order, h)}"]
    corrections = [sp.Matrix(f) for f in eq.corrections]
    if is_shared(eq, form):
        m, shared = len(eq.params), readable_form(eq, eq.order)
        lines += [rf"{sp.latex(name)} &= {sp.latex(value)}" for name, value in shared.definitions]
        columns = [shared.expressions[l * m : (l + 1) * m] for l in range(eq.order + 1)]
        corrections = [sp.Matrix(column) for column in columns]
    lines += [rf"f_{{{l}}} &= {sp.latex(f)}" for l, f in enumerate(corrections)]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def as_dictionary(eq: WrittenEquation) -> dict[str, Any]:
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
        "corrections": [[written(component) for component in f] for f in eq.corrections],
        "modified_loss": None
        if found is None
        else {"order": found[0], "expression": written(found[1])},
        **undecided,
    }


def _common_parts(eq: WrittenEquation) -> tuple[Sequence[tuple[sp.Symbol, Expr]], Sequence[Expr]]:
    """The field with names for what occurs again."""
    if not is_shared(eq, "auto"):
        return sp.cse(list(eq.vector_field()), symbols=sp.numbered_symbols("_x"))
    form, m = readable_form(eq, eq.order), len(eq.params)
    by_order = [form.expressions[l * m : (l + 1) * m] for l in range(eq.order + 1)]
    powers = [eq.step_size**l for l in range(eq.order + 1)]
    field = [sp.Add(*map(undistributed, powers, f)) for f in zip(*by_order, strict=True)]
    return form.definitions, field


def _python_names(symbols: Sequence[sp.Symbol]) -> dict[Expr, sp.Symbol]:
    """For each symbol one whose name Python can use and no other has."""
    taken = {s.name for s in symbols}
    names: dict[Expr, sp.Symbol] = {}
    for symbol in symbols:
        name = symbol.name
        if not name.isidentifier() or keyword.iskeyword(name) or name in MODULES:
            name = _unused(re.sub(r"\W", "_", name).strip("_") or "x", {*taken, *MODULES})
            taken.add(name)
        names[symbol] = sp.Symbol(name)
    return names


def _unused(name: str, taken: Collection[str]) -> str:
    """The name with so many underscores behind it that it is new, and no keyword."""
    while name in taken or keyword.iskeyword(name) or not name.isidentifier():
        name = f"{name}_" if name.isidentifier() else f"x{name}"
    return name


def as_python(eq: WrittenEquation) -> str:
    """A Python module with the function modified_field(theta, h, …), which needs NumPy only.

    The parameters lie along the first axis of theta, so that it may be one point or many; constants
    are further arguments. erf and Γ, which NumPy lacks, are Python's, for each number of an array.

    Raises:
        InputError: the equation contains a function that neither NumPy nor Python's `math` has.
    """
    from sympy.printing.codeprinter import PrintMethodNotImplementedError
    from sympy.printing.numpy import NumPyPrinter

    shared, reduced = _common_parts(eq)
    symbols = [*eq.params, eq.step_size, *eq.constants]
    names = _python_names([*symbols, *(name for name, _ in shared)])
    code = NumPyPrinter({"fully_qualified_modules": True})
    try:
        body = [f"{names[name]} = {code.doprint(value.xreplace(names))}" for name, value in shared]
        components = ", ".join(code.doprint(e.xreplace(names)) for e in reduced)
    except PrintMethodNotImplementedError as error:
        name = str(error).splitlines()[0].split(": ")[-1]
        raise InputError(
            f"NumPy has no function {name}: choose another format, such as json, or to_jax()"
        ) from None
    taken = {name.name for name in names.values()} | set(MODULES)
    of_math = sorted(set(re.findall(r"\bmath\.(\w+)", "\n".join([*body, components]))))
    helpers = {name: _unused(f"_{name}", taken) for name in of_math}

    def of_arrays(line: str) -> str:
        return re.sub(r"\bmath\.(\w+)", lambda found: helpers[found[1]], line)

    params = [names[s].name for s in eq.params]
    others = [names[s].name for s in symbols[len(params) :]]
    point = _unused("theta", taken)
    title = f"{eq.kind.capitalize()} of {eq.problem.title}"
    return "\n".join(
        [
            f'"""{title}, to order {eq.order}. Made by bea."""',
            *(["import math", ""] if of_math else []),
            "import numpy",
            "",
            *(f"{helpers[name]} = numpy.vectorize(math.{name}, [float])" for name in of_math),
            "",
            f"def modified_field({', '.join([point, *others])}):",
            f"    {', '.join(params)}{',' * (len(params) == 1)} = numpy.asarray({point}, float)",
            *(f"    {of_arrays(line)}" for line in body),
            f"    return numpy.stack(numpy.broadcast_arrays({of_arrays(components)}))",
        ]
    )
