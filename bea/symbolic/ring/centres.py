"""Where an input is centred: (x − 1000)⁴ is a polynomial in x − 1000, and should stay one.

Multiplied out in x it is exact and useless: at 1000.5 its terms are 10¹³ times as large as their
sum. So a ring has x − c for a generator where the input has a high power of it, or a function of
one. Results are then printed and evaluated as the input was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log10

import sympy as sp
from sympy import Expr

DIGITS_LOST = 4.0
"""By how many digits the terms of (x − c)ⁿ exceed their sum, at a distance of 1 from c, before it
is worth a generator of its own. (3 − x)² is read more easily multiplied out."""

IN_FUNCTIONS = 3
"""A derivative of a function of (x − c)² has such powers of it before the function."""


def centres(expressions: Iterable[Expr], variables: Sequence[sp.Symbol]) -> dict[sp.Symbol, Expr]:
    """The c for each variable x of which the input has powers of x − c, and of no other.

    There are none unless one of these powers is high and its c far from 0, and none for an x that
    occurs otherwise as well.

    Args:
        expressions: the input.
        variables: what the ring differentiates by.

    Example:
        >>> x, y = sp.symbols("x y")
        >>> centres([(x - 1000) ** 4 + (y - 1) ** 2], [x, y])
        {x: 1000, y: 1}
    """
    found: dict[sp.Symbol, set[Expr]] = {x: set() for x in variables}
    lost: dict[sp.Symbol, float] = dict.fromkeys(variables, 0.0)

    def look(e: Expr, times: int) -> None:
        if isinstance(e, sp.Pow) and e.exp.is_Integer and e.exp > 1 and e.base.is_Add:
            times *= int(e.exp)
            free = e.base.free_symbols
            if len(free) == 1 and (x := next(iter(free))) in found:
                slope = sp.diff(e.base, x)
                if slope.is_Rational and slope != 0 and (b := e.base.subs(x, 0)).is_Rational:
                    found[x].add(-b / slope)
                    lost[x] = max(lost[x], times * log10(1 + abs(float(b / slope))))
        elif isinstance(e, sp.Function) or (e.is_Pow and not (e.exp.is_Integer and e.exp > 0)):
            times *= IN_FUNCTIONS
        for argument in e.args:
            if argument.args:
                look(argument, times)

    expressions = list(expressions)
    for e in expressions:
        look(e, 1)
    centred = {
        x: c
        for x, cs in found.items()
        if len(cs) == 1 and _is_all_around((c := next(iter(cs))), x, expressions)
    }
    if all(lost[x] < DIGITS_LOST for x in centred):
        return {}
    return {x: c for x, c in centred.items() if c != 0}


def _is_all_around(c: Expr, x: sp.Symbol, expressions: Iterable[Expr]) -> bool:
    """Does x occur in multiples of x − c alone? What lies elsewhere would be torn apart."""

    def is_around(e: Expr) -> bool:
        if not e.has(x):
            return True
        if e.is_Add and e.free_symbols == {x}:
            slope = sp.diff(e, x)
            if slope.is_Rational and slope != 0:
                return bool(e.subs(x, c) == 0)
        return bool(e.args) and all(map(is_around, e.args))

    return all(map(is_around, expressions))
