"""Where roots cannot change their signs, so that a relation that holds at a point holds everywhere.

√(u²) − u vanishes where u > 0 and not beyond. A relation between roots, and between functions that
are calculated by some, is carried on analytically from one point to all of its domain where

* every radicand is positive, or zero only in points, by the signs of its parts, and
* the domain is connected: all of ℝᵐ but for points, or the part of it in which some of the
  radicands, which are linear in one parameter each, are positive.

What √(c P) has to do with √P, for a number c > 0, is no matter of signs
(`with_primitive_radicands`).
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from sympy import Expr

from bea.symbolic.zero.finite_field import AREA, ON_THE_CIRCLE

LONGEST = 2_000
"""Operations in a radicand up to which it is looked at."""


def with_primitive_radicands(expr: Expr) -> Expr:
    """The expression with √c √P for √(c P), where P is a polynomial without a common factor.

    Args:
        expr: any expression.

    Example:
        >>> x, y = sp.symbols("x y")
        >>> with_primitive_radicands(sp.sqrt(2 * x + 4 * y) - sp.sqrt(2) * sp.sqrt(x + 2 * y))
        0
    """

    def is_root(e: Expr) -> bool:
        return bool(e.is_Pow and e.exp.is_Rational and e.exp.q % 2 == 0)

    def primitive(root: Expr) -> Expr:
        base, symbols = root.base, sorted(root.base.free_symbols, key=str)
        if not symbols or not base.is_rational_function(*symbols) or _is_long(base):
            return root
        above, below = (p.as_poly(*symbols) for p in sp.fraction(sp.together(base)))
        if above is None or below is None or not (above.domain.is_QQ or above.domain.is_ZZ):
            return root
        (c, P), (d, Q) = above.primitive(), below.primitive()
        return (sp.Rational(c) / sp.Rational(d)) ** root.exp * (
            P.as_expr() / Q.as_expr()
        ) ** root.exp

    return expr.replace(is_root, primitive)


def has_one_sheet(expr: Expr) -> bool:
    """Are all of its roots of even order positive on a connected domain, for certain?

    Args:
        expr: any expression in real symbols.

    Example:
        >>> x, y = sp.symbols("x y")
        >>> has_one_sheet(sp.sqrt(x) * sp.sqrt(y) - sp.sqrt(x * y))
        True
        >>> has_one_sheet(sp.sqrt(x**2) - x)
        False
    """
    radicands = list(dict.fromkeys(_radicands(expr)))
    if any(map(_is_long, radicands)):
        return False
    symbols = set().union(*(r.free_symbols for r in radicands))
    meanings = {s: _meaning(s, radicands) for s in symbols}
    return all(_is_positive(r, meanings) for r in radicands)


def _radicands(expr: Expr) -> Iterator[Expr]:
    """What stands under roots of even order, also of those by which functions are calculated."""
    for e in sp.preorder_traversal(expr):
        if isinstance(e, sp.Pow) and e.exp.is_Rational and e.exp.q % 2 == 0:
            yield e.base
        elif type(e) in AREA:
            yield from _radicands(AREA[type(e)](e.args[0]))
        elif type(e) in ON_THE_CIRCLE:
            for part in ON_THE_CIRCLE[type(e)](e.args[0]):
                yield from _radicands(part)


def _meaning(s: sp.Symbol, radicands: list[Expr]) -> Expr:
    """The symbol by another one that runs over all reals, or over the positive ones.

    Where radicands are linear in it alone they leave it a half-line or an interval.
    """
    lower: list[Expr] = []
    upper: list[Expr] = []
    for r in radicands:
        slope = sp.diff(r, s)
        if r.free_symbols == {s} and slope.is_Rational and slope != 0:
            (lower if slope > 0 else upper).append(-r.subs(s, 0) / slope)
    t = sp.Dummy(s.name, positive=True)
    if not all(b.is_Rational for b in lower + upper):
        return sp.Dummy(s.name, real=True)
    if lower and upper:
        a, b = max(lower), min(upper)
        return (a + b * t) / (1 + t) if a < b else sp.Dummy(s.name, real=True)
    if lower:
        return max(lower) + t
    return min(upper) - t if upper else sp.Dummy(s.name, real=True)


def _is_positive(radicand: Expr, meanings: dict[sp.Symbol, Expr]) -> bool:
    """Is it positive on the domain, but for points?"""
    if radicand.xreplace(meanings).is_positive:
        return True
    if not radicand.is_rational_function(*radicand.free_symbols):
        return False
    if bool(sp.factor(sp.together(radicand.xreplace(meanings))).is_positive):
        return True
    factors = sp.Mul.make_args(sp.factor(sp.together(radicand)))
    bases = [f.base if f.is_Pow else f for f in factors]
    return all(
        bool(base.xreplace(meanings).is_positive) or _is_positive_quadratic(base) for base in bases
    )


def _is_positive_quadratic(radicand: Expr) -> bool:
    """Is it c + (x − a)ᵀA(x − a), positive but perhaps in a point of more than a line?"""
    symbols = sorted(radicand.free_symbols, key=str)
    if not symbols or not radicand.is_polynomial(*symbols):
        return False
    if sp.Poly(radicand, *symbols).total_degree() != 2:
        return False
    A = sp.hessian(radicand, symbols)
    if not A.is_positive_definite:
        return False
    centre = A.solve(
        -sp.Matrix([sp.diff(radicand, s).subs(dict.fromkeys(symbols, 0)) for s in symbols])
    )
    least = sp.expand(radicand.subs(dict(zip(symbols, centre, strict=True))))
    return bool(least > 0 or (least == 0 and len(symbols) > 1))


def _is_long(expr: Expr) -> bool:
    return bool(expr.count_ops() > LONGEST)
