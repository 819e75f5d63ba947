"""The value of an expression at a point as a ball: an interval that is proved to contain it.

python-flint's `arb` computes with balls: a midpoint, and a radius that bounds every error made on
the way. A ball that excludes zero is a proof that a value is not zero, at any scale, and a ball
that is small is a value with so many right digits. How precise to be, and at which points to look,
is left to the caller (`decision`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import sympy as sp
from flint import acb, arb, ctx
from sympy import Expr

from bea.errors import BeaError


class NoBallError(BeaError):
    """The expression contains something that has no value here, such as an undefined function."""


FUNCTIONS: dict[type, Callable[..., arb]] = {
    sp.exp: arb.exp,
    sp.log: arb.log,
    sp.sin: arb.sin,
    sp.cos: arb.cos,
    sp.tan: arb.tan,
    sp.cot: arb.cot,
    sp.sec: arb.sec,
    sp.csc: arb.csc,
    sp.sinc: arb.sinc,
    sp.asin: arb.asin,
    sp.acos: arb.acos,
    sp.atan: arb.atan,
    sp.acot: lambda u: (1 / u).atan(),
    sp.sinh: arb.sinh,
    sp.cosh: arb.cosh,
    sp.tanh: arb.tanh,
    sp.coth: arb.coth,
    sp.sech: arb.sech,
    sp.csch: arb.csch,
    sp.asinh: arb.asinh,
    sp.acosh: arb.acosh,
    sp.atanh: arb.atanh,
    sp.acoth: lambda u: (1 / u).atanh(),
    sp.erf: arb.erf,
    sp.erfc: arb.erfc,
    sp.erfi: arb.erfi,
    sp.erfinv: arb.erfinv,
    sp.Ei: arb.ei,
    sp.li: arb.li,
    sp.Si: arb.si,
    sp.Ci: arb.ci,
    sp.Shi: arb.shi,
    sp.Chi: arb.chi,
    sp.fresnelc: arb.fresnel_c,
    sp.fresnels: arb.fresnel_s,
    sp.gamma: arb.gamma,
    sp.loggamma: arb.lgamma,
    sp.digamma: arb.digamma,
    sp.airyai: arb.airy_ai,
    sp.airybi: arb.airy_bi,
    sp.airyaiprime: lambda u: u.airy_ai(1),
    sp.airybiprime: lambda u: u.airy_bi(1),
    sp.LambertW: lambda u, *k: u.lambertw(int(k[0].unique_fmpz())) if k else u.lambertw(),
    sp.atan2: lambda y, x: arb.atan2(y, x),
    sp.besselj: lambda n, u: u.bessel_j(n),
    sp.bessely: lambda n, u: u.bessel_y(n),
    sp.besseli: lambda n, u: u.bessel_i(n),
    sp.besselk: lambda n, u: u.bessel_k(n),
    sp.polygamma: lambda n, u: acb(u).polygamma(n).real,
    sp.uppergamma: lambda s, u: u.gamma_upper(s),
    sp.lowergamma: lambda s, u: u.gamma_lower(s),
}
"""The functions that have balls, by SymPy's class."""

CONSTANTS: dict[Expr, Callable[[], arb]] = {
    sp.pi: arb.pi,
    sp.E: arb.const_e,
    sp.EulerGamma: arb.const_euler,
    sp.Catalan: arb.const_catalan,
    sp.GoldenRatio: lambda: (1 + arb(5).sqrt()) / 2,
}


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Balls of so many bits, within a `with` statement."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def rational(number: sp.Rational) -> arb:
    """The ball of a rational number."""
    return arb(int(number.p)) / arb(int(number.q)) if number.q != 1 else arb(int(number.p))


def ball(expr: Expr, point: Mapping[sp.Symbol, arb], known: dict[Expr, arb] | None = None) -> arb:
    """A ball that contains the value of the expression, at the precision in force.

    Args:
        expr: the expression, with exact numbers.
        point: a ball for every symbol.
        known: values of subexpressions at this point, to be used and added to.

    Returns:
        The ball; not finite where the expression is not defined, or this precision is too low to
        tell that it is.

    Raises:
        NoBallError: a symbol has no value, or a function no ball.

    Example:
        >>> x = sp.Symbol("x")
        >>> bool(ball(sp.exp(-x**2), {x: arb(40)}) > 0)
        True
    """
    values: dict[Expr, arb] = {} if known is None else known

    def value(e: Expr) -> arb:
        if e not in values:
            values[e] = computed(e)
        return values[e]

    def computed(e: Expr) -> arb:
        if e.is_Symbol:
            if e not in point:
                raise NoBallError(f"{e} has no value")
            return point[e]
        if e.is_Rational:
            return rational(e)
        if e.is_Add:
            return sum(map(value, e.args), arb(0))
        if e.is_Mul:
            product = arb(1)
            for factor in e.args:
                product = product * value(factor)
            return product
        if e.is_Pow:
            return _power(value(e.base), e.exp, value)
        if e in CONSTANTS:
            return CONSTANTS[e]()
        if type(e) in FUNCTIONS:
            return FUNCTIONS[type(e)](*map(value, e.args))
        raise NoBallError(f"{type(e).__name__} has no ball")

    return value(expr)


def _power(base: arb, exponent: Expr, value: Callable[[Expr], arb]) -> arb:
    if exponent.is_Integer:
        return base ** int(exponent)
    if exponent.is_Rational:  # u^{p/q} = (u^{1/q})^p, real for u ≥ 0 and without a sign there
        if not base >= 0:
            return arb.nan()
        root = base.sqrt() if exponent.q == 2 else base.root(int(exponent.q))
        return root ** int(exponent.p)
    return (value(exponent) * base.log()).exp()
