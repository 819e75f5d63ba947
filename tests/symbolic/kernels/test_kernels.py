"""Kernels give the values of the exact field, in JAX's transformations and in every precision."""

from __future__ import annotations

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp

import bea
from bea.flows.precision import double_precision
from bea.symbolic.kernels.polynomials import jax_kernel

a, b, c, x, y = sp.symbols("a b c x y")

LOSSES = {
    "polynomial": (a**3 * b - b**2 / 7 + a * b) / 3,
    "exp and tanh": sp.exp(a * b) + a * sp.tanh(b) + b**2 / 2,
    "reciprocal and root": 1 / (1 + a**2 + b**2) + sp.sqrt(2 + a + b**2),
    "log and trig": sp.log(2 + sp.sin(a)) * sp.cos(b) + sp.atan(a * b),
    "erf and power": sp.erf(a) * b + (1 + a**2) ** sp.Rational(1, 3) + 2 ** (a * b),
    "hyperbolic": sp.cosh(a - b) + sp.sinh(2 * a),
}


def reference(eq: bea.ModifiedEquation, theta, h, digits: int = 40) -> list[mpmath.mpf]:
    """The field by SymPy's own evaluation of the expressions."""
    values = {p: sp.Rational(str(t)) for p, t in zip(eq.params, theta, strict=True)}
    field = eq.vector_field().subs(eq.step_size, sp.Rational(str(h))).subs(values)
    return [mpmath.mpf(sp.N(e, digits)._mpf_) for e in field]


QUICK = ("exp and tanh",)
"""The others compile as long again."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in LOSSES],
)
def eq(request) -> bea.ModifiedEquation:
    return bea.modified_equation(loss=LOSSES[request.param], params=(a, b), order=2)


@pytest.fixture(scope="module")
def kernel(eq):
    """What takes time is to compile it."""
    return eq.to_jax()


POINT, STEP = (0.375, -0.6875), 0.125


def test_values_in_float64(eq, kernel):
    with double_precision():
        field = kernel(jnp.array(POINT), STEP)
        assert field.dtype == jnp.float64
    expected = [float(v) for v in reference(eq, POINT, STEP)]
    np.testing.assert_allclose(np.asarray(field), expected, rtol=1e-13, atol=1e-14)


def test_values_in_multiprecision(eq):
    with mpmath.workdps(50):
        found = eq.to_mpmath()([mpmath.mpf(t) for t in POINT], mpmath.mpf(STEP))
        expected = reference(eq, POINT, STEP, digits=55)
        for value, true in zip(found, expected, strict=True):
            assert abs(value - true) < mpmath.mpf(10) ** -46


def test_the_dtype_is_that_of_theta(kernel):
    single = kernel(jnp.array(POINT, jnp.float32), STEP)
    assert single.dtype == jnp.float32
    with double_precision():
        double = kernel(jnp.array(POINT, jnp.float64), np.float32(STEP))
        assert double.dtype == jnp.float64
        assert kernel(jnp.array(POINT, jnp.float32), jnp.float64(STEP)).dtype == jnp.float32
        half = kernel(jnp.array(POINT, jnp.bfloat16), STEP)
        assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(single, double, rtol=2e-5, atol=1e-6)


def test_integers_become_floats():
    kernel = bea.modified_equation(loss=a**2 * b, params=(a, b), order=0).to_jax()
    field = kernel(jnp.array([2, 3]), 1)
    assert field.dtype == jnp.float32
    assert field.tolist() == [-12.0, -4.0]


def test_jit_and_derivatives(eq, kernel):
    with double_precision():
        theta = jnp.array(POINT)
        values = dict(zip(eq.params, map(sp.Rational, map(str, POINT)), strict=True))
        jacobian = eq.vector_field().jacobian(eq.params)
        exact = jacobian.subs(eq.step_size, sp.Rational(str(STEP))).subs(values)
        exact = np.array(exact.evalf(20).tolist(), dtype=float)
        for derivative in (jax.jacfwd, jax.jacrev):
            found = jax.jit(derivative(kernel))(theta, STEP)
            np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-12)
        by_h = jax.jacfwd(kernel, argnums=1)(theta, STEP)
        exact_by_h = sp.diff(eq.vector_field(), eq.step_size)
        exact_by_h = exact_by_h.subs(eq.step_size, sp.Rational(str(STEP))).subs(values)
        np.testing.assert_allclose(
            by_h, np.array(exact_by_h.evalf(20).tolist(), dtype=float)[:, 0], rtol=1e-11, atol=1e-12
        )


def test_derivatives_at_zero_are_finite():
    """Powers are products, so nothing is divided by a parameter that is zero."""
    kernel = bea.modified_equation(loss=a**3 * b**2, params=(a, b), order=2).to_jax()
    for derivative in (jax.jacfwd, jax.jacrev):
        assert jnp.isfinite(derivative(kernel)(jnp.zeros(2), 0.5)).all()


def test_batches_by_vmap_and_by_broadcasting(kernel):
    with double_precision():
        points = jnp.array(POINT) + jnp.arange(24.0).reshape(3, 4, 2) / 100
        one = jax.jit(kernel)
        singly = jnp.stack([jnp.stack([one(p, STEP) for p in row]) for row in points])
        np.testing.assert_allclose(kernel(points, STEP), singly, rtol=1e-13, atol=1e-15)
        by_vmap = jax.vmap(jax.vmap(kernel, (0, None)), (0, None))(points, STEP)
        np.testing.assert_allclose(by_vmap, singly, rtol=1e-13, atol=1e-15)
        steps = jnp.array([0.0, 0.1, 0.2, 0.3])
        each = jnp.stack(
            [jnp.stack([one(p, h) for p, h in zip(row, steps, strict=True)]) for row in points]
        )
        np.testing.assert_allclose(kernel(points, steps), each, rtol=1e-13, atol=1e-15)


def test_order_selects_the_corrections(eq):
    with double_precision():
        theta = jnp.array(POINT)
        orders = [np.asarray(eq.to_jax(p)(theta, STEP)) for p in range(3)]
    for p in range(3):
        expected = [float(v) for v in reference(eq.extended(p), POINT, STEP)]
        np.testing.assert_allclose(orders[p], expected, rtol=1e-13, atol=1e-14)


def test_constant_and_zero_components():
    with pytest.warns(UserWarning, match="does not depend on the parameters y, a"):
        eq = bea.modified_equation(field=[3, 0, x], params=(x, y, a), order=2)
    field = eq.to_jax()(jnp.zeros((5, 3)) + 2, 0.5)
    assert field.shape == (5, 3)
    np.testing.assert_array_equal(field, np.tile([3.0, 0.0, 2 - 0.75], (5, 1)))


def test_large_integers_and_rationals():
    big, small = 3**60, sp.Rational(1, 7**40)
    eq = bea.modified_equation(field=[big * x + small, x * y / big], params=(x, y), order=0)
    with double_precision():
        found = np.asarray(eq.to_jax()(jnp.array([1.0, 1e30]), 0.0))
    expected = [float(Fraction(big) + Fraction(1, 7**40)), float(Fraction(10**30, big))]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_quotients_of_integers_beyond_float64():
    eq = bea.modified_equation(field=[sp.Rational(10**400 + 1, 3**840) * x], params=[x], order=0)
    with double_precision():
        assert eq.to_jax()(jnp.ones(1), 0.0)[0] == float(Fraction(10**400 + 1, 3**840))


def test_products_are_not_rounded_to_fewer_digits_on_accelerators():
    eq = bea.modified_equation(loss=a**3 * b, params=(a, b), order=4)
    assert "HIGHEST" in str(jax.make_jaxpr(eq.to_jax())(jnp.ones(2), 0.5))


def test_a_coefficient_beyond_float64_is_refused():
    eq = bea.modified_equation(field=[10**400 * x], params=[x], order=0)
    with pytest.raises(bea.InputError, match="exceeds the range of float64: rescale"):
        eq.to_jax()


def test_a_coefficient_beyond_float32_is_refused_in_float32_only():
    kernel = bea.modified_equation(field=[10**60 * x], params=[x], order=0).to_jax()
    with pytest.raises(bea.InputError, match="range of float32: pass theta in float64"):
        kernel(jnp.ones(1, jnp.float32), 0.0)
    with double_precision():
        assert kernel(jnp.ones(1), 0.0)[0] == 1e60


def test_constants_by_symbol_and_by_name():
    eq = bea.modified_equation(loss=(y - a * b * x) ** 2 / 2, params=(a, b), order=1)
    given = [
        eq.to_jax(constants=k)(jnp.array([2.0, 3.0]), 0.1) for k in ({x: 1, y: 2}, {"x": 1, "y": 2})
    ]
    substituted = eq.subs({x: 1, "y": 2}).to_jax()(jnp.array([2.0, 3.0]), 0.1)
    for field in given:
        np.testing.assert_allclose(field, substituted, rtol=1e-6)
    with pytest.raises(bea.InputError, match="no value for the constants x, y: pass constants="):
        eq.to_jax()
    with pytest.raises(bea.InputError, match="no value for the constant y"):
        eq.to_mpmath(constants={"x": 1})


def test_rational_constants_stay_exact_in_multiprecision():
    eq = bea.modified_equation(field=[c * x], params=[x], order=0)
    with mpmath.workdps(40):
        (value,) = eq.to_mpmath(constants={c: sp.Rational(1, 3)})([1], 0)
        assert abs(3 * value - 1) < mpmath.mpf(10) ** -38


def test_functions_that_jax_lacks_are_named():
    eq = bea.modified_equation(field=[sp.polylog(2, x)], params=[x], order=0)
    with pytest.raises(bea.InputError, match="JAX has no function polylog"):
        eq.to_jax()(jnp.ones(1) / 2, 0.0)
    (value,) = eq.to_mpmath()([mpmath.mpf("0.5")], 0)
    assert value == pytest.approx(float(mpmath.polylog(2, 0.5)), rel=1e-14)


def test_gamma_and_its_derivatives():
    eq = bea.modified_equation(loss=sp.gamma(x), params=[x], order=1)
    with double_precision():
        (found,) = np.asarray(eq.to_jax()(jnp.array([2.5]), 0.25))
    (expected,) = reference(eq, (2.5,), 0.25)
    assert found == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("shape", [(3,), (4, 1), ()])
def test_a_theta_of_the_wrong_shape_is_named(shape):
    kernel = bea.modified_equation(loss=a * b, params=(a, b), order=0).to_jax()
    with pytest.raises(bea.InputError, match="last axis must hold the 2 parameters a, b"):
        kernel(jnp.zeros(shape), 0.1)


def test_step_sizes_are_for_all_points_or_for_each():
    kernel = bea.modified_equation(loss=a * b, params=(a, b), order=0).to_jax()
    message = r"step sizes have shape \(4,\), the points \(3,\): give one for all or one for each"
    with pytest.raises(bea.InputError, match=message):
        kernel(jnp.zeros((3, 2)), jnp.ones(4))


def test_many_terms_compile_to_few_operations():
    """The size of what XLA compiles does not grow with the number of terms."""
    eq = bea.modified_equation(loss=sp.exp(a * b) + a * sp.tanh(b), params=(a, b), order=6)
    sizes = []
    for p in (4, 6):
        fields = eq.polynomial_fields(p)
        sizes.append(len(jax.make_jaxpr(jax_kernel(fields))(jnp.zeros(2)).eqns))
    terms = [sum(len(sp.Add.make_args(e)) for e in f) for f in eq.corrections]
    assert sum(terms) > 3 * sum(terms[:5])
    assert sizes[1] < sizes[0] + 60


@pytest.mark.parametrize("value", ["one", None, 1j, float("nan"), sp.oo, [1], x])
def test_a_constant_that_is_no_number_is_named(value):
    eq = bea.modified_equation(loss=c * a**2, params=[a], order=1)
    for compile_kernel in (eq.to_jax, eq.to_mpmath):
        with pytest.raises(bea.InputError, match=r"the constant c is .*: give it a finite real"):
            compile_kernel(constants={"c": value})


@pytest.mark.parametrize("value", [0.6, np.float64(0.6), Fraction(3, 5), sp.Rational(3, 5)])
def test_constants_of_several_kinds_are_the_same_number(value):
    eq = bea.modified_equation(loss=c * a**2 / 2, params=[a], order=0)
    with mpmath.workdps(40):
        assert eq.to_mpmath(constants={c: value})([1], 0) == [-mpmath.mpf(3) / 5]
    assert eq.to_jax(constants={c: value})(jnp.ones(1), 0.0)[0] == jnp.float32(-0.6)


@pytest.mark.parametrize(("loss", "value"), [(a**2 / c, 0), (a * sp.log(c), 0), (a * c**b, 0)])
def test_constants_at_a_pole_are_refused(loss, value):
    eq = bea.modified_equation(loss=loss + a * b, params=(a, b), order=1)
    for compile_kernel in (eq.to_jax, eq.to_mpmath):
        with pytest.raises(bea.InputError, match="not finite and real for these constants"):
            compile_kernel(constants={"c": value})


def test_a_constant_beyond_float64_is_refused():
    eq = bea.modified_equation(loss=c * a**2, params=[a], order=0)
    with pytest.raises(bea.InputError, match="the constant c exceeds the range of float64"):
        eq.to_jax(constants={"c": 10**400})
    assert eq.to_mpmath(constants={"c": 10**400})([1], 0)[0] == -2 * mpmath.mpf(10) ** 400


def test_a_complex_or_short_theta_is_refused():
    eq = bea.modified_equation(loss=a**2 * b, params=(a, b), order=0)
    with pytest.raises(bea.InputError, match="theta is complex"):
        eq.to_jax()(jnp.ones(2, jnp.complex64), 0.1)
    with pytest.raises(bea.InputError, match="theta has 1 coordinate: give one for each of a, b"):
        eq.to_mpmath()([1], 0.1)


NAMED = [
    sp.exp(x / 2), sp.log(x + 1), sp.sin(x), sp.cos(x), sp.tan(x), sp.asin(x / 2), sp.acos(x / 2),
    sp.atan(x), sp.sinh(x), sp.cosh(x), sp.tanh(x), sp.asinh(x), sp.acosh(x + 2), sp.atanh(x / 2),
    sp.erf(x), sp.erfc(x), sp.Ei(x + 1), sp.sec(x), sp.cot(x), sp.sech(x), sp.acot(x), sp.sinc(x),
    sp.gamma(x + 1), sp.loggamma(x + 1), 1 / (1 + sp.exp(-x)), sp.cbrt(x), x**sp.pi, sp.pi**x,
    (1 + x) ** sp.Rational(-3, 2), sp.E ** (2 * x) * sp.sqrt(3), sp.GoldenRatio * x**2,
]  # fmt: skip


@pytest.mark.parametrize("loss", NAMED, ids=str)
def test_every_function_in_jax_and_in_multiprecision(loss):
    eq = bea.modified_equation(loss=loss, params=[x], order=1)
    point, step = sp.Rational(5, 8), sp.Rational(1, 4)
    half_square = sp.diff(loss, x) ** 2 / 4
    exact = -sp.diff(loss + step * half_square, x).subs(x, point)
    with double_precision():
        (found,) = np.asarray(eq.to_jax()(jnp.array([0.625]), 0.25))
    assert found == pytest.approx(float(exact.evalf(25)), rel=2e-13)
    with mpmath.workdps(50):
        (digits,) = eq.to_mpmath()([mpmath.mpf("0.625")], mpmath.mpf("0.25"))
        assert abs(digits - mpmath.mpf(sp.N(exact, 60)._mpf_)) < mpmath.mpf(10) ** -46


def test_the_zero_field_in_every_transformation():
    eq = bea.modified_equation(step=lambda t, s: t, params=(a, b), order=2)
    kernel = eq.to_jax()
    assert kernel(jnp.ones((4, 2)), 0.5).tolist() == [[0.0, 0.0]] * 4
    assert jax.vmap(kernel, (0, None))(jnp.ones((4, 2)), 0.5).shape == (4, 2)
    assert jax.jacfwd(kernel)(jnp.ones(2), 0.5).tolist() == [[0.0, 0.0]] * 2
    assert jax.jacrev(jax.jit(kernel))(jnp.ones(2), 0.5).tolist() == [[0.0, 0.0]] * 2
    assert eq.to_mpmath()([1, 2], 0.5) == [0, 0]


def test_second_derivatives_and_vmap_under_jit():
    eq = bea.modified_equation(loss=sp.exp(a) * b**2, params=(a, b), order=1)
    kernel = eq.to_jax()
    with double_precision():
        points = jnp.array([[0.25, 0.5], [0.5, -1.0], [0.0, 0.0]])
        hessians = jax.jit(jax.vmap(jax.hessian(lambda t: kernel(t, 0.25)[1])))(points)
        for point, hessian in zip(points, hessians, strict=True):
            values = {a: float(point[0]), b: float(point[1])}
            f = eq.vector_field()[1].subs(eq.step_size, sp.Rational(1, 4))
            exact = sp.hessian(f, (a, b)).evalf(20, subs=values)
            np.testing.assert_allclose(hessian, np.array(exact, dtype=float), rtol=1e-12)


def test_points_of_whole_numbers_are_taken_to_floating_point():
    x = sp.Symbol("x")
    kernel = bea.modified_equation(loss=x**2 / 4, params=[x], order=0).to_jax()
    value = kernel(jnp.array([3]), 0.1)
    assert value.dtype == jnp.float32 and float(value[0]) == -1.5


def test_the_remedy_for_missing_constants_shows_all_of_them():
    eq = bea.modified_equation(loss="k*x**2 + j*x", params="x", order=0)
    message = r'constants k?j?, ?j?k?.*pass constants=\{"j": …, "k": …\} \(--set j=… '
    with pytest.raises(bea.InputError, match=message):
        eq.to_jax()


@pytest.mark.parametrize("p", [-3, -1, 1, 3, 5])
def test_half_integer_powers_inside_a_function(p):
    """Elsewhere the ring takes powers apart; the argument of a function is evaluated as it is."""
    eq = bea.modified_equation(field=[sp.sin(x ** sp.Rational(p, 2))], params=[x], order=1)
    with double_precision():
        found = float(eq.to_jax()(jnp.array([0.7]), 0.125)[0])
    assert found == pytest.approx(float(eq.to_mpmath()([0.7], 0.125)[0]), rel=1e-12)


@pytest.mark.parametrize("value", [1, -1])
def test_constants_at_which_a_function_is_infinite_with_a_sign(value):
    eq = bea.modified_equation(field=[sp.atanh(c) * x], params=[x], order=1)
    for kernel in (eq.to_jax, eq.to_mpmath):
        with pytest.raises(bea.InputError, match="not finite and real for these constants"):
            kernel(constants={"c": value})
