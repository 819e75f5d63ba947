"""Balls against mpmath, for every function that has one, at points of several scales and signs."""

import mpmath
import pytest
import sympy as sp
from flint import arb, ctx

from bea.symbolic.zero.balls import FUNCTIONS, NoBallError, ball, precision, rational

x, y = sp.symbols("x y")

OF_ONE = [f for f in FUNCTIONS if 1 in getattr(f, "nargs", {1}) and f not in (sp.zeta,)]
OF_TWO = [sp.besselj, sp.bessely, sp.besseli, sp.besselk, sp.uppergamma, sp.lowergamma]
OF_MPMATH = {
    "airyaiprime": lambda u: mpmath.airyai(u, derivative=1),
    "airybiprime": lambda u: mpmath.airybi(u, derivative=1),
}
"""What mpmath has by another name."""

POINTS = ["-123/10", "-3/10", "1/1000", "37/100", "17/10", "25"]


def agrees(b: arb, expr: sp.Expr, at: sp.Rational) -> bool:
    """Does the ball contain what mpmath gives with 40 digits, where that is real?"""
    evaluate = sp.lambdify(x, expr, modules=[OF_MPMATH, "mpmath"])
    with mpmath.workdps(40):
        try:
            value = mpmath.mpmathify(evaluate(mpmath.mpf(int(at.p)) / int(at.q)))
        except (ValueError, ZeroDivisionError):
            return not b.is_finite()
        if value.imag:
            return not b.is_finite()
        digits = mpmath.nstr(value.real, 35)
    with precision(160):
        return bool(b.overlaps(arb(digits) * (1 + arb(0, "1e-30"))))


@pytest.mark.parametrize("function", OF_ONE, ids=lambda f: f.__name__)
def test_functions_of_one_argument(function):
    compared = 0
    for at in map(sp.Rational, POINTS):
        b = ball(function(x), {x: rational(at)})
        if b.is_finite():
            compared += 1
            assert agrees(b, function(x), at), (function, at, b)
    assert compared >= 2


@pytest.mark.parametrize("function", OF_TWO, ids=lambda f: f.__name__)
def test_functions_of_two_arguments(function):
    for first in (sp.Rational(1, 3), sp.Integer(2)):
        for at in map(sp.Rational, POINTS[2:]):
            expr = function(first, x)
            assert agrees(ball(expr, {x: rational(at)}), expr, at), (expr, at)


def test_a_value_far_below_every_float_is_told_from_zero():
    b = ball(sp.exp(-(x**2)) * sp.Rational(10) ** -90, {x: arb(100)})
    assert b > 0 and b.rel_accuracy_bits() > 30


def test_what_is_not_defined_is_not_finite():
    for expr in (sp.log(x), sp.sqrt(x), x ** sp.Rational(2, 3), x**y, sp.asin(x - 1), 1 / (x + 1)):
        assert not ball(expr, {x: arb(-1), y: arb(2)}).is_finite(), expr


def test_what_has_no_ball_is_said():
    with pytest.raises(NoBallError, match="f has no ball"):
        ball(sp.Function("f")(x), {x: arb(1)})
    with pytest.raises(NoBallError, match="y has no value"):
        ball(x + y, {x: arb(1)})


def test_the_precision_is_put_back():
    before = ctx.prec
    with pytest.raises(ZeroDivisionError), precision(300):
        assert ctx.prec == 300
        raise ZeroDivisionError
    assert ctx.prec == before
