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
from bea.numeric.precision import double_precision

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


@pytest.fixture(params=LOSSES)
def eq(request) -> bea.ModifiedEquation:
    return bea.modified_equation(loss=LOSSES[request.param], params=(a, b), order=2)


POINT, STEP = (0.375, -0.6875), 0.125


def test_values_in_float64(eq):
    with double_precision():
        field = eq.to_jax()(jnp.array(POINT), STEP)
        assert field.dtype == jnp.float64
    expected = [float(v) for v in reference(eq, POINT, STEP)]
    np.testing.assert_allclose(np.asarray(field), expected, rtol=1e-13, atol=1e-14)


def test_values_in_multiprecision(eq):
    with mpmath.workdps(50):
        found = eq.to_mpmath()([mpmath.mpf(t) for t in POINT], mpmath.mpf(STEP))
        expected = reference(eq, POINT, STEP, digits=55)
        for value, true in zip(found, expected, strict=True):
            assert abs(value - true) < mpmath.mpf(10) ** -46


def test_the_dtype_is_that_of_theta(eq):
    kernel = eq.to_jax()
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


def test_jit_and_derivatives(eq):
    kernel = eq.to_jax()
    with double_precision():
        theta = jnp.array(POINT)
        values = dict(zip(eq.params, map(sp.Rational, map(str, POINT)), strict=True))
        jacobian = eq.vector_field().jacobian(eq.params)
        exact = jacobian.subs(eq.step_size, sp.Rational(str(STEP))).subs(values)
        exact = np.array(exact.evalf(20).tolist(), dtype=float)
        for derivative in (jax.jacfwd, jax.jacrev):
            found = jax.jit(derivative(kernel))(theta, STEP)
            np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-12)
        gradient = jax.grad(lambda t: kernel(t, STEP)[0])(theta)
        np.testing.assert_allclose(gradient, exact[0], rtol=1e-11, atol=1e-12)
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


def test_batches_by_vmap_and_by_broadcasting(eq):
    kernel = eq.to_jax()
    with double_precision():
        points = jnp.array(POINT) + jnp.arange(24.0).reshape(3, 4, 2) / 100
        singly = jnp.stack([jnp.stack([kernel(p, STEP) for p in row]) for row in points])
        np.testing.assert_allclose(kernel(points, STEP), singly, rtol=1e-13, atol=1e-15)
        by_vmap = jax.vmap(jax.vmap(kernel, (0, None)), (0, None))(points, STEP)
        np.testing.assert_allclose(by_vmap, singly, rtol=1e-13, atol=1e-15)
        steps = jnp.array([0.0, 0.1, 0.2, 0.3])
        each = jnp.stack([kernel(points[:, i], steps[i]) for i in range(4)], axis=1)
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
    with pytest.raises(
        bea.InputError, match="no value for the constants x, y: pass constants="
    ):
        eq.to_jax()
    with pytest.raises(bea.InputError, match="no value for the constant y"):
        eq.to_mpmath(constants={"x": 1})


def test_rational_constants_stay_exact_in_multiprecision():
    eq = bea.modified_equation(field=[c * x], params=[x], order=0)
    with mpmath.workdps(40):
        (value,) = eq.to_mpmath(constants={c: sp.Rational(1, 3)})([1], 0)
        assert abs(3 * value - 1) < mpmath.mpf(10) ** -38


def test_functions_that_jax_lacks_are_named():
    eq = bea.modified_equation(loss=sp.besselj(0, x), params=[x], order=0)
    with pytest.raises(bea.InputError, match="JAX has no function besselj"):
        eq.to_jax()(jnp.ones(1), 0.0)
    (value,) = eq.to_mpmath()([1], 0)
    assert value == pytest.approx(float(mpmath.besselj(1, 1)), rel=1e-14)


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


def test_many_terms_compile_to_few_operations():
    """The size of what XLA compiles does not grow with the number of terms."""
    eq = bea.modified_equation(loss=sp.exp(a * b) + a * sp.tanh(b), params=(a, b), order=4)
    sizes = []
    for p in (1, 4):
        jaxpr = jax.make_jaxpr(eq.to_jax(p))(jnp.zeros(2), 0.1)
        sizes.append(len(jaxpr.eqns))
    terms = [sum(len(sp.Add.make_args(e)) for e in f) for f in eq.corrections]
    assert sum(terms) > 300
    assert sizes[1] < sizes[0] + 60
