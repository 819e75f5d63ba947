"""Plain symbols for what users call parameters: w[0], an entry of a matrix, q(t), its rate.

The mathematics needs variables without structure. An indexed variable, an entry of a matrix symbol
and a function of time that stands for a coordinate mean just that, so each is replaced by a symbol
with a readable name, w_0 for w[0], q for q(t) and q_dot for its derivative, in all that is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp
from sympy import Expr
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement

from bea.errors import InputError
from bea.symbolic.ring.scalars import symbols_in_order

STRUCTURED = (sp.Indexed, MatrixElement, AppliedUndef, sp.Derivative)
"""What may stand for a coordinate although it is no symbol."""


def plain_symbol(coordinate: Expr) -> sp.Symbol:
    """The symbol that stands for a coordinate.

    Raises:
        InputError: it is none: an index is not a number, or it is a function of several things.

    Example:
        >>> t = sp.Symbol("t")
        >>> plain_symbol(sp.IndexedBase("w")[0]), plain_symbol(sp.Function("q")(t).diff(t))
        (w_0, q_dot)
    """
    if isinstance(coordinate, sp.Symbol):
        return coordinate
    if isinstance(coordinate, (sp.Indexed, MatrixElement)):
        base, *indices = coordinate.args
        if not all(i.is_Integer for i in indices):
            raise InputError(
                f"the parameter {coordinate} has an index that is no number: name one entry, "
                f"such as {base}[0]"
            )
        return sp.Symbol("_".join([str(base), *map(str, indices)]))
    if isinstance(coordinate, sp.Derivative):
        function, *times = coordinate.args
        order = sum(int(n) for _, n in times)
        dots = {1: "_dot", 2: "_ddot"}.get(order, f"_d{order}")
        return sp.Symbol(f"{plain_symbol(function)}{dots}")
    if isinstance(coordinate, AppliedUndef) and len(coordinate.args) == 1:
        return sp.Symbol(coordinate.func.__name__)
    raise InputError(f"{coordinate!r} is no parameter: give symbols or their names")


def name_of(key: Any) -> str:
    """The name of the parameter that a key of a dictionary stands for: w_0 for w[0].

    Args:
        key: a name, a symbol, or what `plain_symbol` takes.
    """
    return plain_symbol(key).name if isinstance(key, STRUCTURED) else str(key)


def with_plain_symbols(expr: Expr, known: Mapping[Expr, sp.Symbol], name: str) -> Expr:
    """The expression with symbols for its coordinates, and for indexed constants.

    Args:
        expr: the expression.
        known: the symbols of the parameters that are none.
        name: what a message calls the expression.

    Raises:
        InputError: it contains a derivative of a coordinate that is no parameter itself.
    """
    if not expr.has(*STRUCTURED):
        return expr
    names = {s.name for s in expr.atoms(sp.Symbol)}
    for coordinate in (*known, *expr.atoms(sp.Indexed, MatrixElement)):
        plain = plain_symbol(coordinate).name
        if plain in names and expr.has(coordinate):
            raise InputError(
                f"{name} contains {coordinate} and a symbol that is called {plain}, as that would "
                "be: give it another name"
            )
    derivatives = sorted(known, key=lambda e: not isinstance(e, sp.Derivative))
    for coordinate in derivatives:  # a rate before what it is the rate of
        expr = expr.xreplace({coordinate: known[coordinate]})
    functions = {e for e in known if isinstance(e, AppliedUndef)}
    left = [d for d in expr.atoms(sp.Derivative) if d.args[0] in {*functions, *known.values()}]
    if left:
        raise InputError(f"{name} contains {left[0]}: name it as a parameter, or solve for it")
    indexed = {e: plain_symbol(e) for e in expr.atoms(sp.Indexed, MatrixElement)}
    return expr.xreplace(indexed)


def check_symbols(expressions: Iterable[Expr], name: str) -> None:
    """Refuse symbols that the mathematics cannot take for numbers, or tell apart.

    Symbols of one name and other assumptions are taken for one another only if they come from
    different expressions, as those of a loss and of the list of parameters.

    Raises:
        InputError: a symbol does not commute; a dummy has the name of another symbol; or two
            symbols in one expression have the same name.
    """
    everywhere: dict[str, sp.Symbol] = {}
    for expression in expressions:
        here: dict[str, sp.Symbol] = {}
        for s in symbols_in_order([expression]):
            if s.is_commutative is False:
                raise InputError(
                    f"{name} contains {s}, which does not commute: the components are real "
                    "functions, so declare it commutative"
                )
            other = everywhere.setdefault(s.name, s)
            is_dummy = isinstance(s, sp.Dummy) or isinstance(other, sp.Dummy)
            if here.setdefault(s.name, s) != s or (is_dummy and other != s):
                raise InputError(
                    f"{name} contains two different symbols that are called {s.name}: give them "
                    "names of their own, or the same assumptions if they are one"
                )


def check_continuous(parameter: sp.Symbol) -> None:
    """Refuse a parameter that cannot move continuously.

    Raises:
        InputError: it is declared to be an integer, or complex, or not commutative.
    """
    if parameter.is_integer or parameter.is_rational or parameter.is_real is False:
        kind = "an integer" if parameter.is_integer else "not a real number"
        raise InputError(
            f"the parameter {parameter} is declared to be {kind}, and parameters move "
            f'continuously: declare it as sp.Symbol("{parameter}", real=True), or without '
            "assumptions"
        )
    check_symbols([parameter], "params")
