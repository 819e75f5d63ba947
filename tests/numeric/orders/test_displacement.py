"""One step of every method: against its stability function, and the stages of implicit ones."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

import bea
from bea.numeric.orders.displacement import runge_kutta_displacement
from bea.symbolic.methods.named import METHODS
from bea.symbolic.methods.tableau import ButcherTableau

IMPLICIT = [name for name, tableau in METHODS.items() if not tableau.is_explicit]
EPS = np.finfo(np.float64).eps


def number(value) -> mpmath.mpf:
    """An exact number, to the digits in force and twenty more."""
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    return mpmath.mpmathify(sp.N(value, mpmath.mp.dps + 20))


def stability(tableau: ButcherTableau, z):
    """R(z) = 1 + z bᵀ(I − zA)⁻¹ 1 (HW IV.3.2), with twenty digits to spare."""
    with mpmath.workdps(mpmath.mp.dps + 20):
        A = mpmath.matrix([[number(a) for a in row] for row in tableau.A])
        stages = mpmath.lu_solve(mpmath.eye(len(tableau.b)) - z * A, mpmath.ones(len(A), 1))
        return 1 + z * mpmath.fdot(map(number, tableau.b), stages)


def test_stability_functions_that_are_known():
    """Explicit Euler's, and Padé's of the exponential function: Gauss (2, 2), Radau IIA (2, 3)."""
    with mpmath.workdps(40):
        z = mpmath.mpf("-0.7")
        known = {
            "euler": 1 + z,
            "gauss4": (1 + z / 2 + z**2 / 12) / (1 - z / 2 + z**2 / 12),
            "radau_iia5": (1 + 2 * z / 5 + z**2 / 20) / (1 - 3 * z / 5 + 3 * z**2 / 20 - z**3 / 60),
        }
        for name, R in known.items():
            assert abs(stability(METHODS[name], z) - R) < mpmath.mpf("1e-38")


def numbers(*values) -> np.ndarray:
    return np.array([mpmath.mpf(v) for v in values])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("z", ["-1/8", "1/5"])
def test_the_step_on_a_linear_problem_in_multiprecision(name, z):
    with mpmath.workdps(60):
        h = mpmath.mpf(1) / 3
        z = mpmath.mpmathify(sp.N(sp.Rational(z), 60))
        step = runge_kutta_displacement(
            lambda x: z / h * x, numbers("1e20"), h, tableau=METHODS[name], number=number
        )
        expected = mpmath.mpf("1e20") * (stability(METHODS[name], z) - 1)
        assert abs(step[0] / expected - 1) < mpmath.mpf("1e-57")


@pytest.mark.parametrize("name", METHODS)
def test_the_step_on_a_rotation_in_float64(name):
    # θ̇ = iωθ as two real equations, with a θ far larger than the displacement
    omega, h = 0.75, 2.0**-9

    def field(x: np.ndarray) -> np.ndarray:
        return omega * np.array([-x[1], x[0]])

    step = runge_kutta_displacement(
        field, np.array([3.0, -1.0]), h, tableau=METHODS[name], number=float
    )
    with mpmath.workdps(30):
        R = stability(METHODS[name], mpmath.mpc(0, omega * h))
        expected = complex(mpmath.mpc(3, -1) * (R - 1))
    assert abs(complex(*step) - expected) < 4 * EPS * abs(expected)


def test_the_displacement_keeps_the_digits_that_theta_would_swallow():
    step = runge_kutta_displacement(
        lambda x: np.full(1, 1.0), np.array([1e30]), 0.1, tableau=METHODS["rk4"], number=float
    )
    assert step[0] == pytest.approx(0.1, rel=4 * EPS)


def test_implicit_midpoint_on_the_logistic_equation_against_the_root_of_its_quadratic():
    # k = Y(1 − Y) with Y = x + hk/2, so that h²/4 k² + (1 + h(2x − 1)/2) k + x² − x = 0
    with mpmath.workdps(50):
        x, h = mpmath.mpf("0.3"), mpmath.mpf("0.2")
        a, b, c = h**2 / 4, 1 + h * (2 * x - 1) / 2, x**2 - x
        k = -2 * c / (b + mpmath.sqrt(b * b - 4 * a * c))
        step = runge_kutta_displacement(
            lambda y: y * (1 - y),
            np.array([x]),
            h,
            tableau=METHODS["implicit_midpoint"],
            number=mpmath.mpf,
        )
        assert abs(step[0] - h * k) < mpmath.mpf("1e-48")


@pytest.mark.parametrize("name", IMPLICIT)
def test_implicit_stages_satisfy_their_equations_as_far_as_the_arithmetic_goes(name):
    tableau = METHODS[name]
    field = sp.lambdify([sp.symbols("q p")], ["p", "-sin(q)"], "mpmath")
    visited: list[np.ndarray] = []

    def recorded(theta: np.ndarray) -> np.ndarray:
        visited.append(theta)
        return np.array(field(theta))

    for dps, h in ((30, "0.5"), (80, "0.01")):
        with mpmath.workdps(dps):
            theta = numbers(1, "0.5")
            step = runge_kutta_displacement(
                recorded, theta, mpmath.mpf(h), tableau=tableau, number=number
            )
            k = [np.array(field(Y)) for Y in visited[-len(tableau.b) :]]  # the last iteration
            A = [list(map(number, row)) for row in tableau.A]
            b = list(map(number, tableau.b))
            for row, k_i in zip(A, k, strict=True):
                Y = theta + mpmath.mpf(h) * np.dot(row, k)
                residual = np.array(field(Y)) - k_i
                assert abs(residual).max() < mpmath.mpf(10) ** (2 - dps)
            assert abs(step - mpmath.mpf(h) * np.dot(b, k)).max() < mpmath.mpf(10) ** (2 - dps)


def test_stages_that_first_run_apart_are_still_found():
    # f' is far from normal: the changes of the stages grow a hundredfold in every second iteration
    def field(x: np.ndarray) -> np.ndarray:
        return np.array([1000 * x[1], x[0] / 1000])

    h = 0.5
    step = runge_kutta_displacement(
        field, np.array([1.0, 1.0]), h, tableau=METHODS["implicit_midpoint"], number=float
    )
    M = np.array([[0, 1000], [1 / 1000, 0]])
    exact = np.linalg.solve(np.eye(2) - h / 2 * M, h * M @ np.array([1.0, 1.0]))
    assert step == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("name", IMPLICIT)
@pytest.mark.parametrize("rate", [-5.0, 30.0, 1e200])
def test_stages_that_run_away_are_an_error_and_no_result(name, rate):
    with np.errstate(all="ignore"), pytest.raises(bea.BeaError, match="do not converge") as caught:
        runge_kutta_displacement(
            lambda x: rate * x, np.ones(1), 1.0, tableau=METHODS[name], number=float
        )
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", METHODS)
def test_stages_at_an_equilibrium_are_at_rest(name):
    """Away from zero; h is so large that implicit stages would not be found from elsewhere."""
    equilibrium, visited = np.array([1.5, -2.0]), []

    def field(x: np.ndarray) -> np.ndarray:
        visited.append(x)
        return -50 * (x - equilibrium)

    step = runge_kutta_displacement(field, equilibrium, 1.0, tableau=METHODS[name], number=float)
    assert (step == 0).all() and len(visited) >= len(METHODS[name].b)
    assert all((x == equilibrium).all() for x in visited)
    if not METHODS[name].is_explicit:
        with pytest.raises(bea.BeaError, match="do not converge"):
            runge_kutta_displacement(
                field, equilibrium + 1e-3, 1.0, tableau=METHODS[name], number=float
            )


def test_a_tableau_of_ones_own():
    radau = ButcherTableau([["5/12", "-1/12"], ["3/4", "1/4"]], ["3/4", "1/4"], name="radau IIA")
    with mpmath.workdps(40):
        z = -mpmath.mpf(1) / 7
        step = runge_kutta_displacement(
            lambda x: z * x, numbers(1), mpmath.mpf(1), tableau=radau, number=mpmath.mpf
        )
        expected = (1 + z / 3) / (1 - 2 * z / 3 + z**2 / 6) - 1
        assert abs(step[0] - expected) < mpmath.mpf("1e-38")
