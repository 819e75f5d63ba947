"""Is an expression identically zero, when no normal form can tell?

Whether an elementary function vanishes identically is undecidable in general (Richardson 1968,
doi:10.2307/2271358). What can be done is to evaluate it: one point with a value away from zero
disproves it, and a value of 10^−40 at several points that nobody chose leaves no reasonable doubt.
"""

from __future__ import annotations

import mpmath
import sympy as sp
from sympy import Expr
from sympy.core.function import AppliedUndef

DIGITS = 60
POINTS = 4
SMALL = mpmath.mpf(10) ** -40


def vanishes_numerically(expr: Expr) -> bool:
    """Does the expression vanish at every one of a few fixed generic points?

    Args:
        expr: any expression; one with undefined functions has no values and counts as not zero.

    Returns:
        True if it vanishes to 40 digits, relative to its largest term, at each of the points
        where it has a value, and it has one at some point.
    """
    symbols = sorted(expr.free_symbols, key=lambda s: s.name)
    if expr.has(AppliedUndef, sp.Derivative, sp.Integral):
        return False
    evaluate = sp.lambdify(symbols, sp.Add.make_args(expr), modules="mpmath")
    seen = False
    with mpmath.workdps(DIGITS):
        for point in range(POINTS):
            try:
                terms = evaluate(*_generic_point(len(symbols), point))
            except (ZeroDivisionError, ValueError, mpmath.libmp.NoConvergence):
                continue  # a pole, or outside the domain: says nothing
            largest = max(abs(t) for t in terms)
            if not mpmath.isfinite(largest):
                continue
            seen = True
            if abs(mpmath.fsum(terms)) > SMALL * max(largest, SMALL):
                return False
    return seen


def _generic_point(dimension: int, number: int) -> list[mpmath.mpf]:
    # Fractional parts of multiples of √prime: reproducible, and no simple relation between them.
    return [
        mpmath.mpf("0.2") + mpmath.frac((number + 1) * mpmath.sqrt(sp.prime(i + 2 + number)))
        for i in range(dimension)
    ]
