"""Flows in multiprecision against closed forms and mpmath's own integrator."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy as sp

import bea
from bea.flows.extrapolation import displacement


def numbers(*values) -> np.ndarray:
    return np.array([mpmath.mpf(v) for v in values])


def error(found: np.ndarray, expected) -> mpmath.mpf:
    """Relative to the displacement, which is what digits are asked of."""
    expected = np.array(list(expected))
    return abs(found - expected).max() / abs(expected).max()


@pytest.mark.parametrize("digits", [15, 40, 80])
@pytest.mark.parametrize("time", ["0.25", "-0.25", "1e-12"])
def test_closed_forms(digits, time):
    with mpmath.workdps(digits + 10):
        t, tolerance = mpmath.mpf(time), mpmath.mpf(10) ** -digits
        x, y = numbers("0.3", "-1.7")
        found = displacement(lambda u: u, numbers(3), t, digits=digits)
        assert error(found, [3 * mpmath.expm1(t)]) < tolerance
        found = displacement(lambda u: u * (1 - u), np.array([x]), t, digits=digits)
        assert error(found, [x * (1 - x) * mpmath.expm1(t) / (1 + x * mpmath.expm1(t))]) < tolerance
        found = displacement(lambda u: np.array([u[1], -u[0]]), np.array([x, y]), t, digits=digits)
        c, s = -2 * mpmath.sin(t / 2) ** 2, mpmath.sin(t)
        assert error(found, [c * x + s * y, c * y - s * x]) < tolerance


def test_a_time_that_enters_as_a_coordinate():
    with mpmath.workdps(50):
        found = displacement(
            lambda u: np.array([mpmath.mpf(1), 1 / (1 + u[0])]),
            numbers(0, 5),
            mpmath.mpf("0.1"),
            digits=42,
        )
        assert error(found, [mpmath.mpf("0.1"), mpmath.log(mpmath.mpf("1.1"))]) < mpmath.mpf(
            "1e-42"
        )


PROBLEMS = {
    "Lotka–Volterra": (["x*(1 - y)", "y*(x - 1)"], ("1.5", "0.5")),
    "pendulum": (["y", "-sin(x)"], ("1", "0.5")),
    "stiff coupling": (["-20*x + y**2", "x - y"], ("0.2", "1")),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_forty_digits_against_the_taylor_series_of_mpmath(name):
    components, start = PROBLEMS[name]
    field = sp.lambdify([sp.symbols("x y")], [sp.sympify(c) for c in components], "mpmath")
    with mpmath.workdps(55):
        time, theta = mpmath.mpf("0.0625"), numbers(*start)
        solution = mpmath.odefun(lambda t, u: field(u), 0, list(theta), tol=mpmath.mpf("1e-50"))
        found = displacement(lambda u: np.array(field(u)), theta, time, digits=45)
        assert error(found, np.array(solution(time)) - theta) < mpmath.mpf("1e-44")


def test_the_digits_asked_for_are_those_of_the_displacement():
    # |θ| is 10³⁰ times the displacement: digits of θ would not be enough
    with mpmath.workdps(80):
        theta = numbers("1e30")
        found = displacement(lambda u: mpmath.mpf("1e-30") * u, theta, mpmath.mpf(1), digits=40)
        assert error(found, [mpmath.mpf("1e30") * mpmath.expm1(mpmath.mpf("1e-30"))]) < 1e-40


def test_no_field_no_displacement():
    with mpmath.workdps(30):
        assert not displacement(lambda u: 0 * u, numbers(1, 2), mpmath.mpf(1), digits=20).any()


@pytest.mark.parametrize(
    ("field", "start"),
    [
        (lambda u: u**2, 1),  # runs to infinity at t = 1
        (lambda u: u**3 + 1, 10),
        (lambda u: np.array([mpmath.exp(u[0])]), 10),
        (lambda u: np.array([mpmath.sin(u[0] ** 9)]), 100),
        (lambda u: -1000 * u, 1),
    ],
)
def test_an_interval_that_is_too_long_is_an_error_and_soon(field, start):
    with mpmath.workdps(40), pytest.raises(bea.BeaError, match=r"over a time of 2\.0: use smaller"):
        displacement(field, numbers(start), mpmath.mpf(2), digits=30)
