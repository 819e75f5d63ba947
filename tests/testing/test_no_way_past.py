"""Mistakes that a norm, a single call or points near 1 do not show, and steps that are right."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bea
from bea.testing import (
    SampleField,
    SampleLoss,
    assert_local_error_order,
    assert_modified_equation,
)
from benchmarks.assertions import in_numpy, runge_kutta
from tests.quick import quick
from tests.symbolic.strategies import examples

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


@pytest.mark.parametrize("way", quick(["series", "plain field"], ["series"]))
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


def elsewhere(mistake: str, far: float, large: float) -> Any:
    """(θ_1, h) ↦ what a step is off, which is nothing near θ = 1 for small h."""

    def off(first: Any, h: Any) -> Any:
        return {
            "none": lambda: 0 * first,
            "far away": lambda: (first > far) * h * h / 100,
            "at larger sizes": lambda: (h > large) * h * h / 100,
        }[mistake]()

    return off


def nonlinear(theta: Any) -> Any:
    return {"a": -(theta["a"] ** 3) / 4, "b": -jnp.tanh(theta["b"] - theta["a"].sum())}


def of_a_series(mistake: str) -> None:
    off, start = elsewhere(mistake, 5, 0.2), {"a": jnp.array([0.8, -0.6]), "b": jnp.ones(2)}

    def step(theta: Any, h: Any) -> Any:
        after = jax.tree.map(lambda x, v: x + h * v, theta, nonlinear(theta))
        return {**after, "b": after["b"] + off(theta["a"][0], h)}

    assert_modified_equation(step, bea.modified_series("euler", 1), field=nonlinear, at=start)


def of_a_plain_field(mistake: str) -> None:
    off = elsewhere(mistake, 8, 0.3)

    def field(theta: Any) -> Any:
        return np.array([theta[1], -np.sin(theta[0])])

    assert_local_error_order(lambda t, h: t + h * field(t) + off(t[0], h), field)


def of_an_implicit_method(mistake: str) -> None:
    off = elsewhere(mistake, 3, 0.08)

    def step(theta: Any, h: Any) -> Any:
        k = LOSS.field(theta)
        for _ in range(200):
            k = LOSS.field(theta + h * k / 2)
        return theta + h * k + off(theta[0], h)

    assert_modified_equation(in_numpy(step), LOSS.equation(2, "implicit_midpoint"))


def of_a_formula(mistake: str) -> None:
    eq = bea.modified_equation(step=["q + h*p", "p - h*sin(q + h*p)"], params="q, p", order=2)
    off = elsewhere(mistake, 3, 0.5)

    def step(theta: Any, h: Any) -> Any:
        q = theta[0] + h * theta[1]
        return np.array([q, theta[1] - h * np.sin(float(q)) + off(theta[0], h)])

    assert_modified_equation(step, eq, precision="float64")


@pytest.mark.parametrize(
    ("of", "mistake"),
    quick(
        [
            (of, mistake)
            for of in (of_a_series, of_a_plain_field, of_an_implicit_method, of_a_formula)
            for mistake in ("none", "far away", "at larger sizes")
        ],
        [
            *((of_a_series, "far away"), (of_a_plain_field, "none")),
            *((of_an_implicit_method, "none"), (of_a_formula, "far away")),
        ],
    ),
)
def test_elsewhere_the_step_is_the_same(of, mistake):
    if mistake == "none":
        of(mistake)
        return
    with pytest.raises(AssertionError, match=r"and another one at|nothing is settled"):
        of(mistake)


@examples(8)
@given(
    st.tuples(*[st.integers(-8, 8)] * 2),
    st.sampled_from(["right", "a component that stays", "twice as far", "half its f_1"]),
    st.integers(0, 1),
)
def test_a_component_of_any_scale_is_judged(powers, mistake, i):
    """E = Σ s_i (θ_i⁴ + θ_i²)/4 with s_i from 10⁻⁸ to 10⁸: the mistake is in one of the θ_i."""
    terms = (f"10**({p})*({q}**4 + {q}**2)/4" for p, q in zip(powers, "xy", strict=True))
    loss = SampleLoss(" + ".join(terms), "x, y")

    def step(theta: Any, h: Any) -> Any:
        moved = np.array(h * loss.field(theta))
        if mistake == "a component that stays":
            moved[i] = 0
        elif mistake == "twice as far":
            moved[i] *= 2
        elif mistake == "half its f_1":  # h f + h²f'f/4, of which Euler has nothing
            moved[i] = loss.field(theta + h * loss.field(theta) / 4)[i] * h
        return theta + moved

    if mistake == "right":
        assert_modified_equation(step, loss.equation(1))
        return
    with pytest.raises(AssertionError, match=r"the step is not that of|nothing is settled about"):
        assert_modified_equation(step, loss.equation(1))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda theta, h: None, "returned None"),
        (lambda theta, h: "x", "returned 'x': it must return the new point"),
        (lambda theta, h: ["a", "b"], "returned 'a': it must return the new point"),
        (lambda theta, h: {"x": 1.0}, "returned a dictionary of x for an array"),
        (lambda theta, h: np.asarray(theta) + 0j, "returned complex numbers"),
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
