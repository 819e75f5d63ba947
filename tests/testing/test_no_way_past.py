"""Mistakes that a norm, a single call or points near 1 do not show, and steps that are right."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import bea
from bea.testing import (
    SampleField,
    SampleLoss,
    assert_local_error_order,
    assert_modified_equation,
)
from benchmarks.assertions import in_numpy, runge_kutta

BADLY_SCALED = SampleLoss("10000*x**2/2 + y**2/2 + y**4/4", "x, y")
LOSS = SampleLoss("x**3/3 + x*y**2 - x*y/2", "x, y")
DESCENT = runge_kutta(LOSS.field, bea.METHODS["euler"])
TEXTBOOK = {
    "decay": SampleField(["-x"], "x"),
    "logistic": SampleField(["x*(1 - x)"], "x"),
    "Riccati": SampleField(["x**2"], "x"),
    "oscillator": SampleField(["y", "-x"], "x, y"),
    "pendulum": SampleField(["y", "-sin(x)"], "x, y"),
    "Lotka–Volterra": SampleField(["x*(1 - y)", "y*(x - 1)"], "x, y"),
    "van der Pol": SampleField(["y", "(1 - x**2)*y - x"], "x, y"),
    "Lorenz": SampleField(["10*(y - x)", "x*(28 - z) - y", "x*y - 8*z/3"], "x, y, z"),
}
EXPLICIT = [name for name, method in bea.METHODS.items() if method.is_explicit]
QUICK = {("pendulum", "bogacki_shampine"), ("pendulum", "cash_karp"), ("decay", "euler")}


@pytest.mark.parametrize(
    ("field", "method"),
    [
        pytest.param(f, m, marks=[pytest.mark.slow] * ((f, m) not in QUICK))
        for f in TEXTBOOK
        for m in EXPLICIT
    ],
)
def test_textbook_fields_with_every_explicit_method_in_float64(field, method):
    step = runge_kutta(TEXTBOOK[field], bea.METHODS[method])
    assert_local_error_order(step, TEXTBOOK[field], method=method, precision="float64")


@pytest.mark.parametrize("method", ["bogacki_shampine", "cash_karp", "dormand_prince"])
def test_a_field_that_is_only_a_function(method):
    def field(theta: Any) -> Any:
        return np.array([theta[1], -np.sin(theta[0])])

    step = in_numpy(runge_kutta(TEXTBOOK["pendulum"], bea.METHODS[method]))
    assert_local_error_order(step, field, method=method)


def euler_and_heun(theta: Any, h: Any) -> Any:
    x, y = theta
    first = -y - y**3
    then = y + h * first
    return np.array([x - h * 10000 * x, y + h * (first - then - then**3) / 2])


@pytest.mark.parametrize("arithmetic", [lambda step: step, in_numpy], ids=["mpmath", "NumPy"])
def test_each_component_on_its_own_scale(arithmetic):
    assert_modified_equation(
        arithmetic(runge_kutta(BADLY_SCALED.field, bea.METHODS["euler"])), BADLY_SCALED.equation(1)
    )
    with pytest.raises(AssertionError, match="y has"):
        assert_modified_equation(arithmetic(euler_and_heun), BADLY_SCALED.equation(1))


def tree_field(theta: Any) -> Any:
    return {"a": -1e8 * theta["a"] ** 3, "b": -((theta["b"] - 1) ** 3)}


START = {"a": jnp.array([1.0, 2.0]), "b": jnp.array([0.3, 0.7])}


@pytest.mark.parametrize("way", ["series", "plain field"])
def test_a_leaf_that_is_not_updated(way):
    what = {"equation": bea.modified_series("euler", 0), "field": tree_field}
    what = what if way == "series" else {"equation": tree_field}

    def right(theta: Any, h: Any) -> Any:
        return jax.tree.map(lambda x, v: x + h * v, theta, tree_field(theta))

    assert_local_error_order(right, at=START, **what)
    with pytest.raises(AssertionError, match=r"the leaf \['b'\] has"):
        assert_local_error_order(
            lambda theta, h: {**right(theta, h), "b": theta["b"]}, at=START, **what
        )


def test_optax_descent_passes():
    def field(theta: Any) -> Any:
        return jax.tree.map(lambda x: -x - x**3, theta)

    def step(theta: Any, h: Any) -> Any:
        gradient = jax.tree.map(jnp.negative, field(theta))
        descent = optax.sgd(h)
        updates, _ = descent.update(gradient, descent.init(theta))
        return optax.apply_updates(theta, updates)

    assert_local_error_order(step, field, at={"w": jnp.array([0.4, 1.2])})


class Momentum:
    def __init__(self) -> None:
        self.velocity: Any = 0

    def __call__(self, theta: Any, h: Any) -> Any:
        self.velocity = self.velocity / 2 + LOSS.gradient(theta)
        return theta - h * self.velocity


class OneCallInAHundred:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, theta: Any, h: Any) -> Any:
        self.calls += 1
        return DESCENT(theta, h) + (h * h if self.calls % 100 == 50 else 0)


@pytest.mark.parametrize("step", [Momentum, OneCallInAHundred])
def test_a_step_that_is_no_function(step):
    with pytest.raises(AssertionError, match=r"not a function of \(theta, h\)"):
        assert_modified_equation(step(), LOSS.equation(1))


@pytest.mark.parametrize("arithmetic", [lambda step: step, in_numpy], ids=["mpmath", "NumPy"])
def test_mistakes_far_away_and_at_larger_sizes(arithmetic):
    def large(theta: Any, h: Any) -> Any:
        return DESCENT(theta, h) + (h / 100 if h > 0.1 else 0)

    def far(theta: Any, h: Any) -> Any:
        return DESCENT(theta, h) + (h * h / 100 if theta[0] > 3 else 0)

    for step in (large, far):
        with pytest.raises(AssertionError, match="and another one at"):
            assert_modified_equation(arithmetic(step), LOSS.equation(1))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda theta, h: None, "returned None"),
        (lambda theta, h: np.asarray(theta) * float("nan"), "returns nan"),
    ],
)
def test_steps_that_return_no_point(step, words):
    with pytest.raises(AssertionError, match=words):
        assert_modified_equation(step, LOSS.equation(1))


def test_a_loss_is_no_equation():
    with pytest.raises(bea.InputError, match=r"give that of its method"):
        assert_modified_equation(DESCENT, LOSS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("solver", "method"),
    [("Dopri5", "dormand_prince"), ("Bosh3", "bogacki_shampine"), ("Heun", "heun")],
)
@pytest.mark.parametrize("components", [["y", "-sin(x)"], ["x - x*y", "x*y - y"]])
def test_the_solvers_of_diffrax_are_the_methods_they_are_named_for(solver, method, components):
    import diffrax

    f = SampleField(components, "x, y")

    @jax.jit
    def step(theta, h):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: f(y)),
            getattr(diffrax, solver)(),
            t0=0.0,
            t1=h,
            dt0=h,
            y0=theta,
        )
        return solution.ys[-1]

    assert_local_error_order(step, f, method=method, precision="float64")
