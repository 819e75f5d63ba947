"""What was written in powers of x − c is printed in them, and keeps its digits."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy as sp

import bea
from bea.symbolic.printing import equation as present
from bea.symbolic.ring.centres import centres

x, y = sp.symbols("x y")

FAR = {
    "(x-1000)**4": 1000.5,
    "(1-x)**20": 1.1,
    "(x-1e6)**6/720": 1e6 + 3,
    "(x-1000)**4*exp(-(x-1000)**2)": 1000.7,
    "log(1+(2*x-3000)**2)": 1500.3,
    "1/(1+(x+800)**2)": -800.2,
    "sqrt(2+(x-1e4)**2)": 10001.5,
}


def true_field(loss: str, at: float, h: float) -> mpmath.mpf:
    """f_0 + h f_1 + h² f_2 of gradient descent on the line, from derivatives of E by mpmath."""
    E = sp.lambdify(x, sp.sympify(loss, rational=True), "mpmath")
    with mpmath.workdps(60):
        point = mpmath.mpf(at)
        e1, e2, e3 = (mpmath.diff(E, point, n) for n in (1, 2, 3))
        # f = −E′, f_1 = −½ f′f, f_2 = f″f²/12 + f′²f/3
        return -e1 - h * e2 * e1 / 2 + mpmath.mpf(h) ** 2 * (-e3 * e1**2 / 12 - e2**2 * e1 / 3)


@pytest.mark.parametrize("loss", FAR)
def test_an_exported_function_has_its_digits_far_from_zero(loss):
    eq = bea.modified_equation(loss=loss, params="x", order=2)
    module: dict = {}
    exec(present.as_python(eq), module)
    (found,) = module["modified_field"]([FAR[loss]], 0.125)
    assert abs(found / true_field(loss, FAR[loss], 0.125) - 1) < 1e-8


@pytest.mark.parametrize("c", [Fraction(1000), Fraction(-77, 3), Fraction(10**9)])
def test_what_is_derived_does_not_depend_on_the_centre(c):
    """Moved by c it is the equation of the loss around 0, term by term."""
    c = sp.Rational(c)
    loss = (x**4 * y**2 + x**3) * sp.exp(-(x**2)) + x * y + sp.log(1 + (3 * x) ** 2)
    moved = bea.modified_equation(loss=loss.subs(x, x - c), params=(x, y), order=2)
    at_zero = bea.modified_equation(loss=loss, params=(x, y), order=2)
    assert centres([loss.subs(x, x - c)], [x, y])
    for f, g in zip(moved.corrections, at_zero.corrections, strict=True):
        point = {x: sp.Rational(3, 7), y: sp.Rational(-5, 4)}
        there = {x: sp.Rational(3, 7) + c, y: sp.Rational(-5, 4)}
        assert all(
            abs(sp.N(a.subs(there) - b.subs(point), 30)) < 1e-25 for a, b in zip(f, g, strict=True)
        )
    assert moved.is_gradient(1) and not moved.is_gradient(2)
    difference = moved.modified_loss(1).subs(x, x + c) - at_zero.modified_loss(1)
    assert (
        bea.symbolic.zero.decision.decide(difference).answer
        is bea.symbolic.zero.decision.Answer.ZERO
    )


def test_near_zero_everything_is_multiplied_out():
    assert centres([(sp.Rational(3, 5) - x * y) ** 2, (1 - x) ** 2 + (x - 3) ** 2], [x, y]) == {}
    assert centres([(x - 1000) ** 4 + (x - 7) ** 4], [x]) == {}
    eq = bea.modified_equation(loss=(x - 1000) ** 4, params=x, order=2)
    assert str(eq.corrections[2][0]) == "-224*(x - 1000)**7"
    assert eq.modified_loss(2).coeff(eq.step_size, 2) == 28 * (x - 1000) ** 8
    short = bea.modified_equation(loss=(x + y) ** 500, params=(x, y), order=2)
    assert len(str(short)) < 1_000


def test_what_lies_elsewhere_is_not_torn_apart():
    far = sp.exp(-((x - 10**8) ** 2))
    assert centres([sp.cbrt(x**2 + 1) + far], [x]) == {}
    assert centres([(x - 1000) ** 4 + x * y + (y - 3) ** 2], [x, y]) == {}
    eq = bea.modified_equation(loss=sp.cbrt(x**2 + 1) + far, params=x, order=1)
    module: dict = {}
    exec(present.as_python(eq), module)
    (found,) = module["modified_field"]([0.1], 0.25)
    assert found == pytest.approx(float(eq.to_mpmath()([mpmath.mpf(0.1)], 0.25)[0]), rel=1e-10)
