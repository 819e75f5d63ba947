"""Slope, R_IG, metric and Ẽ against closed forms and against the quantities they abbreviate."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import bea
from bea.flows.precision import double_precision
from bea.numeric.regularization.geometry import (
    GradientGeometry,
    gradient_geometry,
    implicit_gradient_regularizer,
    slope,
)

reals = st.floats(-5, 5).filter(lambda x: x == 0 or abs(x) > 1e-3)
same = partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-300)


def two_parameters(theta, x=1.0, y=0.6):
    a, b = theta
    return (y - a * b * x) ** 2 / 2


def wave(theta, x=1.0):
    """A loss in five parameters, without symmetries."""
    w, (b, c) = theta["w"], theta["rest"]
    return jnp.sin(w @ jnp.array([1.0, 2.0, 3.0]) * x) * jnp.exp(b) + c * jnp.prod(w) + b * c**2


POINT = {"w": np.array([0.3, -0.7, 0.2]), "rest": [np.array(0.5), np.array(-1.1)]}


def perceptron(theta, x, y):
    for w, b in theta[:-1]:
        x = jnp.tanh(x @ w + b)
    w, b = theta[-1]
    return jnp.mean((x @ w + b - y) ** 2)


@given(reals, reals, reals, reals, st.floats(0, 1))
def test_the_closed_forms_of_the_two_parameter_model(a, b, x, y, h):
    E = (y - a * b * x) ** 2 / 2
    with double_precision():
        geometry = gradient_geometry(two_parameters)((np.array(a), np.array(b)), x, y)
        R = geometry.implicit_gradient_regularizer
        assert geometry.parameters == 2
        same(geometry.loss, E)
        same(R, (a**2 + b**2) * x**2 * E)
        same(geometry.regularization_rate(h), h / 2)
        same(geometry.modified_loss(h), E * (1 + h / 2 * (a**2 + b**2) * x**2))
        same(geometry.modified_loss(h), geometry.loss + geometry.regularization_rate(h) * R)
        same(geometry.slope, abs((y - a * b * x) * x) * np.hypot(a, b), rtol=1e-11)


def flat(theta) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(theta)])


@pytest.fixture(scope="module")
def at_the_point():
    """∇E and the Hessian of the wave at POINT, as a vector and a matrix."""
    with double_precision():
        v, restore = ravel_pytree(POINT)

        def restored(v):
            return wave(restore(v))

        of = jax.jit(lambda v: (jax.grad(restored)(v), jax.hessian(restored)(v)))
        return tuple(np.array(a) for a in of(v))


def test_the_metric_is_that_of_the_loss_surface(at_the_point):
    """The inner products of its tangents (e_i, ∂_iE), and their determinant."""
    g, _ = at_the_point
    tangents = np.concatenate([np.eye(5), g[:, None]], axis=1)
    metric = tangents @ tangents.T
    same(metric, np.eye(5) + np.outer(g, g))
    with double_precision():
        geometry = jax.jit(gradient_geometry(wave))(POINT)
        assert geometry.parameters == 5
        same(geometry.metric_determinant, np.linalg.det(metric))
        same(geometry.metric_determinant, 1 + 5 * geometry.implicit_gradient_regularizer)


@pytest.mark.parametrize("factor", [0, 1e-8, 1.0, 1e8])
def test_the_angle_is_that_between_the_surface_and_the_horizontal(at_the_point, factor):
    """Between the normals (−∇E, 1) and (0, 1): level, nearly level, and nearly vertical."""
    normal = np.append(-factor * at_the_point[0], 1.0)
    with double_precision():
        geometry = GradientGeometry(0.0, None, factor**2 * at_the_point[0] @ at_the_point[0], 5)
        same(geometry.cosine, normal[-1] / np.linalg.norm(normal))
        same(geometry.slope, np.linalg.norm(normal[:-1]))
        same(np.cos(geometry.angle), geometry.cosine, atol=1e-15)
        same(np.tan(geometry.angle), geometry.slope, rtol=1e-7)
        same(geometry.slope**2, 5 * geometry.implicit_gradient_regularizer)


def test_slope_and_regularizer_alone_and_with_an_auxiliary_part(at_the_point):
    def with_aux(theta, x):
        return wave(theta, x), {"step": 7, "name": x}

    g, _ = at_the_point
    with double_precision():
        for loss, aux in ((wave, None), (with_aux, {"step": 7, "name": 1.0})):
            geometry = jax.jit(gradient_geometry(loss, aux is not None))(POINT, 1.0)
            assert geometry.aux == aux
            same(geometry.loss, jax.jit(wave)(POINT))
            same(flat(geometry.gradient), g)
            same(jax.jit(slope(loss, aux is not None))(POINT, 1.0), np.linalg.norm(g))
            R = jax.jit(implicit_gradient_regularizer(loss, aux is not None))(POINT, 1.0)
            same(R, g @ g / 5)


def test_it_is_jitted_and_mapped():
    with double_precision():
        geometry, scales = jax.jit(gradient_geometry(wave)), np.array([0.5, 1.0, 2.0])
        mapped = jax.jit(jax.vmap(gradient_geometry(wave), in_axes=(None, 0)))(POINT, scales)
        assert isinstance(mapped, GradientGeometry) and mapped.parameters == 5
        assert mapped.slope.shape == (3,)
        for i, x in enumerate(scales):
            same(mapped.slope[i], geometry(POINT, x).slope)
            same(mapped.modified_loss(0.1)[i], geometry(POINT, x).modified_loss(0.1))


def test_it_is_differentiated(at_the_point):
    g, H = at_the_point
    geometry = gradient_geometry(wave)

    @jax.jit
    def derivatives(theta):
        return (
            jax.grad(implicit_gradient_regularizer(wave))(theta),
            jax.grad(lambda theta: geometry(theta).modified_loss(0.1))(theta),
            jax.grad(slope(wave))(theta),
        )

    with double_precision():
        found = derivatives(POINT)
    expected = 2 * H @ g / 5, g + 0.05 * H @ g, H @ g / np.linalg.norm(g)
    for derivative, of in zip(found, expected, strict=True):
        same(flat(derivative), of)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_short_floats_keep_their_gradient_and_sum_in_float32(dtype):
    """|∇E|² = 4·300² is beyond float16, and 10⁴ ones are beyond bfloat16's digits."""
    geometry = jax.jit(gradient_geometry(lambda t: jnp.sum(300 * t)))(jnp.zeros(4, dtype))
    assert geometry.loss.dtype == geometry.gradient.dtype == dtype
    assert geometry.squared_norm == 360_000 and geometry.modified_loss(0.1) == 9_000
    many = jnp.zeros(10_000, dtype)
    geometry = jax.jit(gradient_geometry(lambda t: t @ jnp.ones_like(t)))(many)
    assert geometry.slope == 100 and geometry.metric_determinant == 10_001


def test_at_a_minimum_everything_is_level():
    geometry = jax.jit(gradient_geometry(two_parameters))((0.5, 1.2))
    assert geometry.slope == geometry.angle == geometry.implicit_gradient_regularizer == 0
    assert geometry.cosine == geometry.metric_determinant == 1
    assert geometry.modified_loss(10.0) == geometry.loss == 0


def test_one_gradient_evaluation_gives_all_of_it():
    shapes = (32, 64), (64, 64), (64, 64), (64, 10)
    theta, x, y = jax.tree.map(
        np.float32,
        ([(np.ones(s), np.ones(s[1])) for s in shapes], np.ones((64, 32)), np.ones((64, 10))),
    )

    def everything(theta, x, y):
        g = gradient_geometry(perceptron)(theta, x, y)
        return g, g.slope, g.angle, g.cosine, g.metric_determinant, g.modified_loss(0.1)

    plain = jax.value_and_grad(perceptron)
    flops, least = (
        jax.jit(f).lower(theta, x, y).compile().cost_analysis()["flops"]
        for f in (everything, plain)
    )
    assert least < flops <= 1.05 * least
    products = [
        str(jax.make_jaxpr(f)(theta, x, y)).count("dot_general") for f in (everything, plain)
    ]
    assert products[0] == products[1] == 11  # before the compiler looks for what is done twice


def test_a_jitted_geometry_does_not_call_the_loss_again():
    calls = []

    def loss(theta, x):
        calls.append(type(theta["w"]))
        return wave(theta, x)

    geometry = jax.jit(gradient_geometry(loss))
    for x in (1.0, 2.0, 3.0):
        geometry(POINT, x)
    assert len(calls) == 2  # for its shape and for its gradient, while tracing
    assert all(issubclass(kind, jax.core.Tracer) for kind in calls)


def test_printed_it_is_short():
    geometry = gradient_geometry(lambda t: (t @ t, {"activations": t}), has_aux=True)(jnp.ones(3))
    assert "parameters=3" in repr(geometry) and "\n" not in repr(geometry)
    assert "gradient=" not in repr(geometry) and "aux=" not in repr(geometry)


BAD = {
    "integers": (wave, False, POINT | {"w": np.arange(3, dtype=np.int32)}, r"θ\['w'\] is int32"),
    "no number": (lambda t: t["w"], False, POINT, r"an array of shape \(3,\)"),
    "a pair unannounced": (lambda t: (wave(t), 1), False, POINT, "where there is has_aux=True"),
    "no pair": (wave, True, POINT, "the loss does not return a pair"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("of", [gradient_geometry, implicit_gradient_regularizer, slope])
def test_what_does_not_fit_is_refused_in_one_line(case, of):
    loss, has_aux, theta, message = BAD[case]
    for function in (of(loss, has_aux=has_aux), jax.jit(of(loss, has_aux=has_aux))):
        with pytest.raises(bea.InputError, match=message) as caught:
            function(theta)
        assert "\n" not in str(caught.value)
