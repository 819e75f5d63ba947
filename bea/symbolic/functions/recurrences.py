"""Special functions by recurrence: those of shifted argument or order in terms of a few of them.

The derivative of J_n is ½(J_{n−1} − J_{n+1}), and Γ(x + 1) = xΓ(x): SymPy keeps all of them apart,
and a sum of them that vanishes would not be seen to. Here each is written in the functions of the
lowest argument or order, which nothing algebraic is known to relate any more.

Source: NIST Digital Library of Mathematical Functions, 5.5.1, 5.15.5, 10.6.1, 10.29.1.
"""

from __future__ import annotations

import sympy as sp
from sympy import Expr

HIGHEST = 60
"""Steps of a recurrence that are taken."""

NEXT = {
    # F: (ν, x, F_ν, F_{ν−1}) ↦ F_{ν+1}
    sp.besselj: lambda nu, x, f, before: 2 * nu / x * f - before,
    sp.bessely: lambda nu, x, f, before: 2 * nu / x * f - before,
    sp.besseli: lambda nu, x, f, before: before - 2 * nu / x * f,
    sp.besselk: lambda nu, x, f, before: before + 2 * nu / x * f,
}


def lowered(e: Expr) -> Expr | None:
    """The same function by those of lower argument or order; None if it has the lowest.

    Args:
        e: a function applied to its arguments.

    Example:
        >>> x = sp.Symbol("x")
        >>> lowered(sp.gamma(x + 1))
        x*gamma(x)
        >>> lowered(sp.besselj(2, x))
        -besselj(0, x) + 2*besselj(1, x)/x
    """
    if type(e) in NEXT:
        return _of_lower_order(e)
    if isinstance(e, sp.gamma):
        rest, steps = _without_whole_part(e.args[0])
        factors = [rest + k for k in range(steps)]
        return sp.Mul(sp.gamma(rest), *factors) if steps else None
    if isinstance(e, sp.loggamma):
        rest, steps = _without_whole_part(e.args[0])
        logarithms = [sp.log(rest + k) for k in range(steps)]
        return sp.Add(sp.loggamma(rest), *logarithms) if steps else None
    if isinstance(e, sp.polygamma) and e.args[0].is_Integer:
        n = e.args[0]
        rest, steps = _without_whole_part(e.args[1])
        terms = [(-1) ** n * sp.factorial(n) / (rest + k) ** (n + 1) for k in range(steps)]
        return sp.Add(sp.polygamma(n, rest), *terms) if steps else None
    return None


def _without_whole_part(argument: Expr) -> tuple[Expr, int]:
    """(u, n) with argument = u + n and n ≥ 0, as large as the number in the sum allows."""
    number, _ = argument.as_coeff_Add()
    steps = int(sp.floor(number))
    return (argument - steps, steps) if 0 < steps <= HIGHEST else (argument, 0)


def _of_lower_order(e: Expr) -> Expr | None:
    order, x = e.args
    if not order.is_Rational or abs(order) > HIGHEST:
        return None
    if order < 0 and order.is_Integer:
        sign = 1 if isinstance(e, (sp.besseli, sp.besselk)) else (-1) ** order
        return sign * e.func(-order, x)
    if order < 0 or order < 2:
        return None
    return sp.expand(NEXT[type(e)](order - 1, x, e.func(order - 1, x), e.func(order - 2, x)))
