"""Values for the constants of an equation, exact, and in float64 where that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from bea.errors import InputError
from bea.symbolic.functions.rules import exact

Number = Any
"""A float, an int, a Fraction, a SymPy number or an mpmath number."""


def constant_values(
    symbols: Iterable[sp.Symbol],
    functions: Iterable[Expr],
    constants: Mapping[Any, Number] | None,
) -> dict[sp.Symbol, Expr]:
    """The values of the constants that occur, exactly.

    Args:
        symbols: the constants.
        functions: what they occur in.
        constants: a number for each, by symbol or by name.

    Raises:
        InputError: a constant has no value, or one that is no finite real number, or one with
            which a function is not finite.
    """
    given = {k if isinstance(k, str) else k.name: v for k, v in (constants or {}).items()}
    needed = sorted(symbols, key=lambda s: s.name)
    missing = [s.name for s in needed if s.name not in given]
    if missing:
        values = ", ".join(f'"{name}": …' for name in missing)
        raise InputError(
            f"no value for the constant{'s' * (len(missing) > 1)} {', '.join(missing)}: "
            f"pass constants={{{values}}} (--set {missing[0]}=… on the command line)"
        )
    numbers = {s: exact_number(s.name, given[s.name]) for s in needed}
    for function in functions if numbers else ():
        if function.subs(numbers).has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
            raise InputError(
                f"{function} is not finite and real for these constants: give them other values"
            )
    return numbers


def exact_number(name: str, given: Number) -> Expr:
    """The value of a constant, exactly.

    Raises:
        InputError: it is no finite real number.
    """
    try:
        number = sp.sympify(given, strict=True)
    except sp.SympifyError:
        number = None
    if not (isinstance(number, Expr) and number.is_finite and number.is_real):
        raise InputError(f"the constant {name} is {given!r}: give it a finite real number")
    return number.replace(lambda e: isinstance(e, sp.Float), exact)


def double(name: str, number: Expr) -> float:
    """The value of a constant in float64.

    Raises:
        InputError: it is out of range.
    """
    value = float(number)
    if not np.isfinite(value):
        raise InputError(f"the constant {name} exceeds the range of float64: rescale it")
    return value
