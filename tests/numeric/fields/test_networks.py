"""The series on networks: kernels against the iterates, and orders p + 2 with leading constants."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.flatten_util import ravel_pytree

import bea
import bea.pytrees
from bea.flows.precision import double_precision
from bea.models.data import load_digits
from bea.models.losses import batch_cross_entropy, cross_entropy
from bea.models.mlp import MLP
from bea.models.resnet import ResNet, resnet18

DIGITS = load_digits()


def perceptron(width, depth, activation=jnp.tanh, examples=32, inputs=None):
    """Minus the gradient of an MLP's loss on digits, and its parameters in float64."""
    x, labels = DIGITS.scaled(flat=True)[0][:examples], DIGITS.train_labels[:examples]
    if inputs:  # images of more pixels, the digits repeated
        x = np.tile(x, (1, -(-inputs // x.shape[1])))[:, :inputs]
    model = MLP(width=width, depth=depth, activation=activation, param_dtype=jnp.float64)
    loss = cross_entropy(model)
    with double_precision():
        theta = model.init(jax.random.key(1), x[:1])["params"]
    return descent(lambda theta: loss(theta, x, labels)), theta


def residual_network(model, images, labels):
    loss = batch_cross_entropy(model)
    with double_precision():
        variables = model.init(jax.random.key(1), images[:1])
    return (
        descent(lambda theta: loss(theta, variables["batch_stats"], images, labels)[0]),
        variables["params"],
    )


def descent(loss):
    return lambda theta: jax.tree.map(jnp.negative, jax.grad(loss)(theta))


def distance(u, v) -> float:
    return float(jnp.linalg.norm(ravel_pytree(u)[0] - ravel_pytree(v)[0]))


def assert_the_iterates_follow(field, theta, p: int, h: float) -> None:
    """What f̃_p lacks of the log-shift estimate is of order p + 1: halving h shows it."""
    kernel = jax.jit(bea.modified_series("euler", p).to_jax(field))
    estimate = jax.jit(lambda theta, h: bea.log_shift_estimate(field, theta, h, steps=p + 3))
    with double_precision():
        errors = [distance(kernel(theta, k), estimate(theta, k)) for k in (h, h / 2)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(p + 1, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("p", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_kernels_of_a_large_perceptron_follow_its_iterates(p):
    """784–400×4–10, against an estimate without derivatives."""
    field, theta = perceptron(400, 4, examples=16, inputs=784)
    assert bea.pytrees.size(theta) == 799_210
    assert_the_iterates_follow(field, theta, p, h=2e-3 / p)


@pytest.mark.slow
@pytest.mark.parametrize("p", [1, 2])
def test_kernels_of_resnet18_follow_its_iterates(p):
    """11.17 million parameters, smooth activations, in float64.

    At h = 1e-3 the orders are 2.6 and 4.4: the powers of h show only far below the 2/λ_max that
    training can bear. Halved down to 8e-6 they come to 2.001 and 3.001.
    """
    images = jax.random.normal(jax.random.key(3), (4, 32, 32, 3))
    field, theta = residual_network(
        resnet18(activation=nn.gelu, param_dtype=jnp.float64), images, np.arange(4)
    )
    assert_the_iterates_follow(field, theta, p, h=1e-4 / p)


def assert_orders(reports, digits: float) -> None:
    for report in reports:
        assert report.measured_order == pytest.approx(report.order + 2, abs=0.05), str(report)
        assert report.leading_constant_ratio == pytest.approx(1, abs=digits), str(report)
        assert report.leading_defect < digits, str(report)
        assert report.passed


@pytest.mark.slow
def test_orders_and_leading_constants_on_a_perceptron():
    field, theta = perceptron(12, 2)
    assert_orders(bea.verify_orders(bea.modified_series("euler", 3), theta, field=field), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["heun", "implicit_midpoint"])
def test_orders_of_other_methods(method):
    field, theta = perceptron(6, 1, nn.gelu)
    assert bea.verify_order(bea.modified_series(method, 2), theta, field=field).passed


@pytest.mark.slow
def test_the_modifying_integrator_on_a_perceptron():
    """The step is modified there, and the flow is that of f."""
    field, theta = perceptron(6, 1)
    series = bea.modifying_integrator("euler", 2)
    assert_orders(bea.verify_orders(series, theta, field=field), 1e-4)


@pytest.mark.slow
def test_orders_and_leading_constants_on_a_residual_network():
    model = ResNet(stages=(1, 1), width=4, activation=jnp.tanh, param_dtype=jnp.float64)
    field, theta = residual_network(model, DIGITS.scaled()[0][:32], DIGITS.train_labels[:32])
    assert_orders(bea.verify_orders(bea.modified_series("euler", 3), theta, field=field), 5e-3)


@pytest.mark.slow
def test_a_wrong_step_is_seen_by_its_order_and_by_its_constant():
    """A step of Euler with weight decay, and one that has 1 % too much of h²f_1."""
    field, theta = perceptron(3, 1, examples=8)

    def decayed(theta, h):
        return jax.tree.map(lambda t, v: t + h * v - 0.01 * h * t, theta, field(theta))

    def bent(theta, h):
        f, f_1 = bea.modified_series("euler", 1).corrections_to_jax(field)(theta)
        return jax.tree.map(lambda t, v, w: t + h * v + 0.01 * h**2 * w, theta, f, f_1)

    def euler(theta, h):
        return jax.tree.map(lambda t, v: t + h * v, theta, field(theta))

    series = bea.modified_series("euler", 1)
    found = {
        step: bea.verify_order(series, theta, p, field=field, step=step)
        for step, p in ((decayed, 0), (bent, 0), (euler, 0))
    }
    assert found[euler].passed
    assert not found[decayed].passed and found[decayed].measured_order < 1.5
    assert not found[bent].passed and found[bent].measured_order == pytest.approx(2, abs=0.05)
    assert found[bent].leading_constant_ratio == pytest.approx(1.01, abs=1e-4)


@pytest.mark.slow
def test_relu_is_warned_of_once_and_not_confirmed():
    field, theta = perceptron(12, 2, nn.relu)
    with double_precision():
        bea.modified_series("euler", 0).to_jax(field)(theta, 0.1)  # f itself: nothing to warn of
        kernel = bea.modified_series("euler", 1).to_jax(field)
        with pytest.warns(bea.NotSmoothWarning, match=r"kinks \(max in relu\)"):
            kernel(theta, 0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kernel(theta, 0.1)
    with pytest.warns(bea.NotSmoothWarning):
        report = bea.verify_order(bea.modified_series("euler", 1), theta, field=field)
    assert not report.passed and report.leading_defect > 0.1
    assert "the field has kinks (max in relu)" in report.note


BAD = {
    "no field": ({"field": None}, "a series holds for every field: give field="),
    "multiprecision": ({"precision": "mpmath"}, "float64 at most"),
    "step sizes": ({"step_sizes": [0.1, 0.2]}, "2 different step sizes"),
    "a step of another shape": ({"step": lambda theta, h: theta["w"]}, "one array for each"),
    "a step out of range": ({"step": lambda theta, h: {"w": theta["w"] / 0}}, "at all step sizes"),
    "a value": ({"constants": {"q": 1}}, "q"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_in_one_line(case):
    options, message = BAD[case]
    arguments = {"field": lambda theta: {"w": -(theta["w"] ** 3)}, **options}
    with pytest.raises(bea.BeaError, match=message) as caught:
        bea.verify_order(bea.modified_series("euler", 1), {"w": np.array([1.0])}, **arguments)
    assert "\n" not in str(caught.value)


def test_an_equation_has_its_field_already():
    eq = bea.modified_equation(loss="a**4", params="a", order=1)
    with pytest.raises(bea.InputError, match="has its field already"):
        bea.verify_order(eq, [1], field=lambda theta: theta)


def test_points_are_taken_to_float64_and_not_beyond():
    field, theta = perceptron(4, 1, examples=8)
    single = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), theta)
    assert bea.verify_order(bea.modified_series("euler", 1), single, field=field).passed
    assert jax.numpy.ones(1).dtype == np.float32
