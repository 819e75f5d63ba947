"""The estimate from the iterates against the series, and its order."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bea
from bea.flows.precision import double_precision

KEYS = jax.random.split(jax.random.key(7), 4)


def network(activation):
    """Minus the gradient of a small network's loss, and its parameters, in float64."""
    with double_precision():
        x = jax.random.normal(KEYS[0], (16, 3), jnp.float64)
        y = jnp.sin(x.sum(axis=1, keepdims=True))
        theta = {
            "first": jax.random.normal(KEYS[1], (3, 8), jnp.float64) / 2,
            "second": jax.random.normal(KEYS[2], (8, 1), jnp.float64) / 2,
        }

    def loss(theta):
        return jnp.mean((activation(x @ theta["first"]) @ theta["second"] - y) ** 2)

    return lambda theta: jax.tree.map(jnp.negative, jax.grad(loss)(theta)), theta


def distance(u, v) -> float:
    return float(sum(jnp.sum((p - q) ** 2) for p, q in
                     zip(jax.tree.leaves(u), jax.tree.leaves(v), strict=True)) ** 0.5)  # fmt: skip


@pytest.mark.parametrize("K", [1, *(pytest.param(K, marks=pytest.mark.slow) for K in (2, 3, 4))])
def test_it_leaves_the_modified_field_by_a_power_of_h(K):
    """Against the series to order 4: the difference is O(h^K), with the next term of the log."""
    field, theta = network(jnp.tanh)
    kernel = bea.modified_series("euler", order=4).to_jax(field)
    with double_precision():
        errors = [
            distance(bea.log_shift_estimate(field, theta, h, steps=K), kernel(theta, h))
            for h in (0.02, 0.01)
        ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(K, abs=0.1)


def test_it_is_exact_where_the_logarithm_is_known():
    with double_precision():
        found = bea.log_shift_estimate(lambda x: -x, jnp.ones(2), 0.1, steps=12)
    np.testing.assert_allclose(found, np.log(0.9) / 0.1, rtol=1e-11)


def test_any_step_has_an_increment():
    """The explicit midpoint rule, by its increment at this h."""
    field, theta = network(jnp.tanh)
    h = 0.01

    def increment(theta):
        half = jax.tree.map(lambda t, f: t + h / 2 * f, theta, field(theta))
        return field(half)

    kernel = bea.modified_series("midpoint", order=4).to_jax(field)
    with double_precision():
        found = bea.log_shift_estimate(increment, theta, h, steps=5)
        assert distance(found, kernel(theta, h)) < 1e-3 * distance(field(theta), kernel(theta, h))


def test_it_needs_no_derivatives():
    """Of a function that has none, from outside JAX, of which the series says so."""

    def field(theta):
        return jax.pure_callback(lambda x: -np.sin(x), theta, theta)

    theta, h = jnp.array([0.3, -1.2], jnp.float32), 0.125
    with pytest.raises(ValueError, match="Pure callbacks do not support JVP"):
        bea.modified_series("euler", order=1).to_jax(field)(theta, h)
    found = jax.jit(lambda t: bea.log_shift_estimate(field, t, h, steps=3))(theta)
    expected = bea.log_shift_estimate(lambda t: -jnp.sin(t), theta, h, steps=3)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_two_steps_where_the_field_has_kinks():
    field, theta = network(jax.nn.relu)
    with double_precision():
        estimate = jax.jit(lambda t: bea.log_shift_estimate(field, t, 1e-3, steps=2))(theta)
        after = jax.tree.map(lambda t, f: t + 1e-3 * f, theta, field(theta))
        expected = jax.tree.map(lambda f, g: 1.5 * f - 0.5 * g, field(theta), field(after))
        assert distance(estimate, expected) < 1e-12


@pytest.mark.parametrize("steps", [0, -1, 2.5, True, "3"])
def test_the_number_of_steps_is_a_whole_one(steps):
    with pytest.raises(bea.InputError, match="give a whole number, 1 or more"):
        bea.log_shift_estimate(lambda x: x, jnp.ones(1), 0.1, steps=steps)
