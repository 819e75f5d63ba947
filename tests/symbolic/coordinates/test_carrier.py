"""Columns of functions: what the carrier does to them, against SymPy's matrices."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
import sympy as sp
from hypothesis import given

import bea
from bea.symbolic.coordinates.carrier import (
    Column,
    CoordinatesCarrier,
    algebra_for,
    euler_displacement,
)
from bea.symbolic.coordinates.step_expansion import StepExpansion
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.expression_algebra import ExpressionAlgebra
from tests.symbolic.oracles import assert_equal_at
from tests.symbolic.strategies import polynomial_fields

x, y, z, a, h = sp.symbols("x y z a h")
POINT = (sp.Rational(7, 10), sp.Rational(13, 10), sp.Rational(-3, 5))


def carried(field: list[sp.Expr], params: tuple) -> tuple[CoordinatesCarrier, Column]:
    carrier = CoordinatesCarrier(algebra_for(params, field))
    return carrier, carrier.column(field)


@given(polynomial_fields())
def test_the_operations_are_those_of_matrices(problem):
    params, field = problem
    carrier, f = carried(field, params)
    F = sp.Matrix(field)
    J = F.jacobian(params)
    assert carrier.matrix(f) == F.expand()
    assert carrier.matrix(carrier.derive(f, along=f)) == (J * F).expand()
    assert carrier.matrix(carrier.gradient_of_product(f, f)) == (2 * J.T * F).expand()
    product = carrier.algebra.expression(carrier.inner_product(f, f))
    assert product == (F.T * F)[0].expand()
    third = carrier.combine([(Fraction(1), f), (Fraction(-2, 3), f), (Fraction(0), f)])
    assert carrier.matrix(third) == (F / 3).expand()
    assert carrier.matrix(carrier.combine([])) == sp.zeros(len(params), 1)
    curl = carrier.curl(f)
    for i, j in combinations(range(len(params)), 2):
        expected = sp.expand(sp.diff(field[j], params[i]) - sp.diff(field[i], params[j]))
        assert carrier.algebra.expression(curl.get((i, j), carrier.algebra.zero)) == expected
        assert ((i, j) in curl) == (expected != 0)


def test_derivatives_along_another_field():
    field, along = [sp.exp(x * y), sp.tanh(x)], [1 / x, sp.sqrt(y)]
    carrier = CoordinatesCarrier(algebra_for((x, y), [*field, *along]))
    derivative = carrier.derive(carrier.column(field), along=carrier.column(along))
    expected = sp.Matrix(field).jacobian((x, y)) * sp.Matrix(along)
    assert_equal_at([*carrier.matrix(derivative)], [*expected], (x, y), POINT[:2])


def test_the_jacobian_is_computed_once():
    carrier, f = carried([x * y, y**2], (x, y))
    assert f.jacobian is None
    assert carrier.jacobian(f) is carrier.jacobian(f)


def test_components_choose_their_functions_together():
    """tanh(x) beside exp(x) is written in exponentials, also in a component that has no other."""
    for field in (
        [sp.tanh(x), sp.exp(x)],
        [sp.tan(x), sp.sin(x) * y],
        [sp.sinh(x), 2 * sp.exp(-x)],
    ):
        carrier, f = carried(field, (x, y))
        assert isinstance(carrier.algebra, DifferentialRing)
        assert_equal_at([*carrier.matrix(f)], field, (x, y), POINT[:2])


def test_euler_moves_along_the_field_only():
    _, f = carried([x**2], (x,))
    d = euler_displacement(f)
    assert d(1) is f
    assert d(2) is None


# --- one-step maps -----------------------------------------------------------------------------


def coefficients(step: list[sp.Expr], params: tuple, highest: int) -> list[sp.Matrix]:
    expansion = StepExpansion(step, params, h)
    return [expansion.carrier.matrix(expansion.displacement(j)) for j in range(1, highest + 1)]


@pytest.mark.parametrize(
    ("step", "params"),
    [
        ([x + h * sp.sin(x + h) / (1 + h)], (x,)),
        ([x * sp.exp(h * y), y / (1 + h * x)], (x, y)),
        ([x * sp.sqrt(1 + h * a), y + sp.log(1 + h * sp.exp(x))], (x, y)),
        ([x + sp.tanh(h * x), y * (1 + h) ** a], (x, y)),
        ([x + h * (x + h * sp.cos(x)) ** 3, y * sp.cosh(h)], (x, y)),
        ([x + (sp.exp(h * a) - 1) * sp.erf(x) / a], (x,)),
        ([x + h * sp.gamma(1 + x + h)], (x,)),
        ([x + h * sp.besselj(0, h * x + 1) * y, y], (x, y)),
        ([x**2 / x * (1 + h), sp.sin(h) + sp.exp(sp.log(y))], (x, y)),
    ],
    ids=str,
)
def test_coefficients_of_a_map_are_its_taylor_coefficients(step, params):
    for j, found in enumerate(coefficients(step, params, 3), start=1):
        expected = [sp.diff(e, h, j).subs(h, 0) / sp.factorial(j) for e in step]
        symbols = (*params, a)
        assert_equal_at([*found], expected, symbols, [*POINT[: len(params)], sp.Rational(8, 5)])


def test_a_map_without_a_rule_stays_in_expressions():
    F = sp.Function("F")
    expansion = StepExpansion([x + h * F(x + h)], (x,), h)
    assert isinstance(expansion.carrier.algebra, ExpressionAlgebra)
    assert [*expansion.carrier.matrix(expansion.displacement(2))] == [F(x).diff(x)]


@pytest.mark.parametrize(
    "component",
    [
        x + sp.sqrt(h),
        x + h * sp.log(h),
        x + (sp.exp(h * x) - 1) / h**2,
        x + h**a,
        x * sp.sqrt(1 + h * sp.sqrt(h)),
        x + h * sp.sqrt(h**2),
        x + h * sp.exp(-1 / h),
        x + sp.erfinv(1 - h),  # ∞
        x + h * sp.erfinv(1 - h),  # 0·∞
    ],
    ids=str,
)
def test_a_map_without_a_taylor_series_is_refused(component):
    with pytest.raises(bea.InputError, match="no Taylor series at h = 0") as caught:
        StepExpansion([component], (x,), h)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("component", "coefficients_of_h"),
    [
        (x * sp.sin(h) / h, [0, -x / 6, 0, x / 120]),
        (x * h / sp.sin(h), [0, x / 6, 0, 7 * x / 360]),
        ((sp.exp(h * x) - 1) / h, [x**2 / 2, x**3 / 6, x**4 / 24]),
        (x - sp.LambertW(h * sp.exp(x)), [-sp.exp(x), sp.exp(2 * x), -3 * sp.exp(3 * x) / 2]),
        (x * 6 * (h - sp.sin(h)) / h**3, [0, -x / 20, 0, x / 840]),
        (x * sp.log(1 + h) / h, [-x / 2, x / 3, -x / 4]),
        (sp.tanh(h * x) / h, [0, -(x**3) / 3, 0, 2 * x**5 / 15]),
        (x + h * sp.sinc(h * x), [1, 0, -(x**2) / 6]),
        (x * sp.cbrt(sp.sin(h) ** 3) / h, [0, -x / 6, 0]),
        (x + sp.Si(h * x), [x, 0, -(x**3) / 18]),
        (x * (1 + h) ** (1 / h) * sp.exp(-1), [-x / 2, 11 * x / 24]),
    ],
    ids=str,
)
def test_singularities_at_zero_that_can_be_removed_are(component, coefficients_of_h):
    found = coefficients([component], (x,), len(coefficients_of_h))
    for (d,), expected in zip(found, coefficients_of_h, strict=True):
        assert sp.simplify(d - expected) == 0


def test_kepler_by_velocity_verlet_is_expanded():
    """Kick, drift, kick: d_2 is half the acceleration along the flow, for any splitting of f."""
    u, v = sp.symbols("u v")
    r3 = sp.Rational(3, 2)

    def kick(state, h):
        q1, q2, p1, p2 = state
        r = (q1**2 + q2**2) ** r3
        return (q1, q2, p1 - h * q1 / r, p2 - h * q2 / r)

    q1, q2, p1, p2 = kick((x, y, u, v), h / 2)
    step = kick((q1 + h * p1, q2 + h * p2, p1, p2), h / 2)
    d1, d2 = coefficients(list(step), (x, y, u, v), 2)
    f = sp.Matrix([u, v, -x / (x**2 + y**2) ** r3, -y / (x**2 + y**2) ** r3])
    assert sp.simplify(d1 - f) == sp.zeros(4, 1)
    assert sp.simplify(d2 - f.jacobian([x, y, u, v]) * f / 2) == sp.zeros(4, 1)


@pytest.mark.parametrize(
    "component", [2 * x, x + 1, sp.sin(x), h * x, x + sp.gamma(x), x * sp.cos(h + 1)], ids=str
)
def test_a_map_that_does_not_start_from_the_identity_is_refused(component):
    with pytest.raises(bea.InputError, match="starts from the identity") as caught:
        StepExpansion([component], (x,), h)
    assert "component 0 of the step" in str(caught.value)
    assert "not x" in str(caught.value)


def test_an_identity_that_only_values_show_is_accepted():
    (d1,) = coefficients([sp.exp(sp.log(x * y) - sp.log(y)) + h, y], (x, y), 1)
    assert [*d1] == [1, 0]
