"""The words of the language: functions, constants, and names that are reserved.

To add a function, make sure that the derivation takes it (`functions.rules`, or SymPy
differentiates it), and that `building` bounds what SymPy computes while it builds one.
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
"""The functions of one argument whose names nothing else can have."""

FURTHER: dict[str, Callable[[Expr], Expr]] = {
    "arcsin": sp.asin,
    "arccos": sp.acos,
    "arctan": sp.atan,
    "arcsinh": sp.asinh,
    "arccosh": sp.acosh,
    "arctanh": sp.atanh,
    "log2": lambda u: sp.log(u) / sp.log(2),
    "log10": lambda u: sp.log(u) / sp.log(10),
    "log1p": lambda u: sp.log(1 + u),
    "expm1": lambda u: sp.exp(u) - 1,
    "sec": sp.sec,
    "csc": sp.csc,
    "cot": sp.cot,
    "sech": sp.sech,
    "csch": sp.csch,
    "coth": sp.coth,
    "asec": lambda u: sp.acos(1 / u),
    "acsc": lambda u: sp.asin(1 / u),
    "acot": sp.acot,
    "asech": lambda u: sp.acosh(1 / u),
    "acsch": lambda u: sp.asinh(1 / u),
    "acoth": sp.acoth,
}
"""Further elementary functions, as SymPy and NumPy call them. From here on names are functions only
where they are called: gamma and sec are good names for constants, too."""

SPECIAL: dict[str, Callable[[Expr], Expr]] = {
    "erfc": sp.erfc,
    "erfi": sp.erfi,
    "erfinv": sp.erfinv,
    "gamma": sp.gamma,
    "loggamma": sp.loggamma,
    "lgamma": sp.loggamma,
    "digamma": sp.digamma,
    "Ei": sp.Ei,
    "li": sp.li,
    "Si": sp.Si,
    "Ci": sp.Ci,
    "Shi": sp.Shi,
    "Chi": sp.Chi,
    "fresnels": sp.fresnels,
    "fresnelc": sp.fresnelc,
    "airyai": sp.airyai,
    "airybi": sp.airybi,
    "airyaiprime": sp.airyaiprime,
    "airybiprime": sp.airybiprime,
    "LambertW": sp.LambertW,
}
"""Special functions of one argument, as SymPy calls them."""

OF_AN_ORDER: dict[str, Callable[[Expr, Expr], Expr]] = {
    "besselj": sp.besselj,
    "bessely": sp.bessely,
    "besseli": sp.besseli,
    "besselk": sp.besselk,
    "polygamma": sp.polygamma,
}
"""Functions F(ν, x) of a number ν, by which nobody can differentiate, and an argument."""

OF_A_NUMBER: dict[str, Callable[[Expr], Expr]] = {"zeta": sp.zeta}
"""What SymPy makes of other functions of constants: ψ''(1/2) is −14 ζ(3)."""

OF_TWO: dict[str, Callable[[Expr, Expr], Expr]] = {
    **OF_AN_ORDER,
    "atan2": sp.atan2,
    "arctan2": sp.atan2,
}
"""The functions of two arguments."""

OF_ONE: dict[str, Callable[[Expr], Expr]] = {**FUNCTIONS, **FURTHER, **SPECIAL, **OF_A_NUMBER}
"""The functions of one argument."""

CONSTANTS: dict[str, Expr] = {"pi": sp.pi, "π": sp.pi, "EulerGamma": sp.EulerGamma}
"""The constants that have a name. Euler's number is exp(1): e and E are names like others."""

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

CALLABLE = frozenset([*OF_ONE, *OF_TWO, *NOT_SMOOTH])
"""Every name before a bracket that is no product."""

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
