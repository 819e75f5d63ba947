"""The words of the language: what a text may call, what it may not, and what names are free.

Whoever adds a function here makes sure that the derivation takes it (`functions.rules`, or SymPy
differentiates it), and that what SymPy computes while it builds one is bounded in `building`.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from sympy import Expr


def _sigmoid(u: Expr) -> Expr:
    return 1 / (1 + sp.exp(-u))


def _softplus(u: Expr) -> Expr:
    return sp.log(1 + sp.exp(u))


FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {
    "exp": sp.exp,
    "log": sp.log,
    "ln": sp.log,
    "sqrt": sp.sqrt,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": sp.atan,
    "asinh": sp.asinh,
    "acosh": sp.acosh,
    "atanh": sp.atanh,
    "erf": sp.erf,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
}
"""The functions of one argument that a text may call."""

CONSTANTS: dict[str, Expr] = {"pi": sp.pi, "π": sp.pi}

NOT_SMOOTH: dict[str, str] = {
    **dict.fromkeys(("abs", "Abs", "fabs"), "sqrt(x**2 + c) with a small c > 0"),
    **dict.fromkeys(("max", "Max", "maximum"), "y + softplus(k*(x - y))/k"),
    **dict.fromkeys(("min", "Min", "minimum", "clip"), "y - softplus(k*(y - x))/k"),
    **dict.fromkeys(("relu", "ReLU", "leaky_relu"), "softplus(x)"),
    **dict.fromkeys(("sign", "sgn"), "tanh(k*x)"),
    **dict.fromkeys(("Heaviside", "heaviside", "Piecewise", "where"), "sigmoid(k*x)"),
    **dict.fromkeys(("floor", "ceil", "ceiling", "round", "trunc"), "x itself"),
    **dict.fromkeys(("mod", "Mod", "fmod", "frac"), "sin or cos for what is periodic"),
}
"""Functions with a kink or a jump, and something smooth to try instead."""

_NOT_FINITE = ("nan", "inf", "infinity", "oo", "zoo")


def reserved(identifier: str) -> str:
    """Why an identifier cannot be the name of a symbol, or nothing."""
    if identifier in FUNCTIONS or identifier in NOT_SMOOTH:
        return "is the name of a function"
    if identifier in CONSTANTS:
        return "is a constant"
    if identifier.casefold() in _NOT_FINITE:
        return "is not a finite number"
    if identifier.startswith("_"):
        return "begins with an underscore"
    return ""
