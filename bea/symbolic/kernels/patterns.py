"""Forms of an expression in which it loses digits or overflows, recognized by their structure."""

from __future__ import annotations

import sympy as sp
from sympy import Expr


def rational_ratio(argument: Expr, base: Expr) -> sp.Rational | None:
    """The rational number argument/base, if it is one."""
    ratio = sp.cancel(argument / base) if argument.free_symbols == base.free_symbols else None
    return ratio if ratio is not None and ratio.is_Rational else None


def logistic(e: Expr) -> tuple[float, float, Expr, int] | None:
    """(c, log(k/c), u, n) for 1/(c + k exp(u))^n with positive c and k."""
    if not (e.is_Pow and e.exp.is_Integer and e.exp < 0 and e.base.is_Add):
        return None
    if len(e.base.args) != 2 or not e.base.args[0].is_Rational:
        return None
    c, term = e.base.args
    k, f = term.as_coeff_Mul()
    if not isinstance(f, sp.exp) or not (c > 0 and k > 0):
        return None
    return float(c), float(sp.log(k / c)) if k != c else 0.0, f.exp, int(-e.exp)


def exponential_term(term: Expr) -> tuple[float, Expr] | None:
    """(log c, u) for a term c·exp(u) with a positive rational c."""
    c, f = term.as_coeff_Mul()
    if not (c.is_Rational and c > 0):
        return None
    logarithm = float(sp.log(c)) if c != 1 else 0.0
    if f == 1:
        return logarithm, sp.Integer(0)
    return (logarithm, f.exp) if isinstance(f, sp.exp) else None
