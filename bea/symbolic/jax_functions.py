"""SymPy expressions evaluated by JAX, each distinct subexpression once.

`sympy.lambdify` would do most of this by writing source code; it turns integers beyond 2⁶³ into
overflows and knows no way to say which function JAX lacks, and so the table stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import jax.scipy.special as special
import sympy as sp
from sympy import Expr

from bea.errors import InputError

FUNCTIONS: dict[type, Callable[[Any], Any]] = {
    sp.exp: jnp.exp,
    sp.log: jnp.log,
    sp.sin: jnp.sin,
    sp.cos: jnp.cos,
    sp.tan: jnp.tan,
    sp.asin: jnp.arcsin,
    sp.acos: jnp.arccos,
    sp.atan: jnp.arctan,
    sp.sinh: jnp.sinh,
    sp.cosh: jnp.cosh,
    sp.tanh: jnp.tanh,
    sp.asinh: jnp.arcsinh,
    sp.acosh: jnp.arccosh,
    sp.atanh: jnp.arctanh,
    sp.erf: special.erf,
    sp.Ei: special.expi,
    sp.gamma: special.gamma,
    sp.loggamma: special.gammaln,
}


def evaluate(expressions: Sequence[Expr], point: Mapping[sp.Symbol, Any]) -> list[Any]:
    """The values of the expressions at a point.

    Args:
        expressions: any SymPy expressions in the symbols of the point.
        point: an array or a number for each symbol. Numbers in the expressions become Python
            floats, so that the arrays decide the dtype.

    Raises:
        InputError: an expression contains a function that JAX does not have.
    """
    known: dict[Expr, Any] = dict(point)

    def value(expr: Expr) -> Any:
        if expr not in known:
            known[expr] = compute(expr)
        return known[expr]

    def compute(expr: Expr) -> Any:
        if expr.is_Atom or (expr.is_number and not expr.has(sp.Function)):
            return float(expr)
        if expr.is_Add or expr.is_Mul:
            total, *rest = map(value, expr.args)
            for x in rest:
                total = total + x if expr.is_Add else total * x
            return total
        if expr.is_Pow:
            return power(value(expr.base), expr.exp)
        if isinstance(expr, sp.polygamma):
            return special.polygamma(int(expr.args[0]), value(expr.args[1]))
        if type(expr) in FUNCTIONS:
            return FUNCTIONS[type(expr)](value(expr.args[0]))
        raise InputError(f"JAX has no function {type(expr).__name__}: use to_mpmath() for {expr}")

    def power(base: Any, exponent: Expr) -> Any:
        if exponent.is_Integer:
            return base ** int(exponent)  # an integer power, with derivatives also at 0
        if exponent.is_Rational and exponent.q == 2:
            return jnp.sqrt(base) ** int(exponent.p)
        return jnp.power(base, value(exponent))

    return [value(e) for e in expressions]
