"""How small an algebraic number can be without being zero."""

from __future__ import annotations

from math import ceil, log2

from flint import arb
from sympy import Expr


def is_below(value: arb, bits: int) -> bool:
    """Is |value| < 2^−bits?"""
    return bool(value.abs_upper() < arb(2) ** -bits)


def root_bound(number: Expr) -> int | None:
    """The k for which an algebraic number is zero if it is below 2^−k.

    For E made of integers, +, ·, / and roots, with the product D of the degrees of its roots,
    |E| ≥ (u^{D²−1} l)^{−1} unless E = 0, with u and l from the leaves up.

    Source: Burnikel, Fleischer, Mehlhorn, Schirra, A strong and easily computable separation bound
        for arithmetic expressions involving radicals, Algorithmica 27 (2000),
        doi:10.1007/s004530010005.
    """
    roots: dict[tuple[Expr, int], int] = {}
    bounds: dict[Expr, tuple[float, float]] = {}

    def bound(e: Expr) -> tuple[float, float]:
        """(log₂ u, log₂ l) of a subexpression, rounded up."""
        if e not in bounds:
            bounds[e] = computed(e)
        return bounds[e]

    def computed(e: Expr) -> tuple[float, float]:
        if e.is_Rational:
            return (_log2(abs(int(e.p))), _log2(int(e.q)))
        if e.is_Add:
            first, *rest = map(bound, e.args)
            for other in rest:
                first = _sum(first, other)
            return first
        if e.is_Mul:
            pairs = [bound(a) for a in e.args]
            return (sum(u for u, _ in pairs), sum(l for _, l in pairs))
        (u, l), exponent = bound(e.base), e.exp
        if exponent < 0:
            u, l, exponent = l, u, -exponent
        p, q = int(exponent.p), int(exponent.q)
        if q > 1:
            roots[e.base, q] = q
            u, l = ((u + (q - 1) * l) / q, l) if u >= l else (u, (l + (q - 1) * u) / q)
        return (p * u, p * l)

    try:
        u, l = bound(number)
    except (AttributeError, TypeError, OverflowError):
        return None
    degree = 1
    for q in roots.values():
        degree *= q
    if degree > 4096:
        return None
    return ceil((degree**2 - 1) * max(u, 0.0) + max(l, 0.0)) + 2


def _log2(n: int) -> float:
    return log2(n) + 1e-9 if n > 1 else 0.0


def _sum(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The sum: u = u_1 l_2 + u_2 l_1 and l = l_1 l_2, in logarithms."""
    x, y = a[0] + b[1], b[0] + a[1]
    largest = max(x, y)
    return (
        largest + log2(2.0 ** max(x - largest, -60) + 2.0 ** max(y - largest, -60)),
        a[1] + b[1],
    )
