"""E_μ and its derivatives against E + μ|∇E|² differentiated as it stands, and in optax chains."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import bea
from bea.flows.precision import double_precision
from bea.numeric.regularization.explicit import (
    add_explicit_gradient_regularization,
    cancel_implicit_regularization,
    explicit_gradient_regularization,
    modified_loss,
    without_implicit_regularization,
)

reals = st.floats(-3, 3)


def outputs(theta, x):
    return jnp.tanh(x @ theta["hidden"]["w"]) @ theta["out"]


def mean_square(theta, batch):
    return jnp.mean((outputs(theta, batch["x"]) - batch["label"]) ** 2)


@pytest.fixture
def small():
    """A network of m = 12 parameters in float64, and a batch of 6 with integer labels."""
    rng = np.random.default_rng(0)
    theta = {"hidden": {"w": rng.normal(size=(3, 3))}, "out": rng.normal(size=3)}
    batch = {"x": rng.normal(size=(6, 3)), "label": rng.integers(0, 3, 6)}
    with double_precision():
        yield jax.tree.map(jnp.asarray, (theta, batch))


def as_it_stands(loss, mu, normalization="sum"):
    """E + μ|∇E|² or E + (μ/m)|∇E|², which JAX differentiates by itself."""

    def regularized(theta, *data):
        flat, _ = ravel_pytree(jax.grad(loss)(theta, *data))
        return loss(theta, *data) + mu * flat @ flat / (flat.size if normalization == "mean" else 1)

    return regularized


FORMS = explicit_gradient_regularization, as_it_stands


@jax.jit
def reference(mu, theta, batch):
    """E + μ|∇E|² and its gradient, compiled once."""
    return jax.value_and_grad(as_it_stands(mean_square, mu))(theta, batch)


def assert_same(found, expected, rtol=1e-12):
    """Two pytrees agree to rtol of the largest entry, and in structure and dtypes."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    pairs = list(zip(*map(jax.tree.leaves, (found, expected)), strict=True))
    assert [u.dtype for u, _ in pairs] == [v.dtype for _, v in pairs]
    scale = max(np.abs(v).max() for _, v in pairs)
    for u, v in pairs:
        np.testing.assert_allclose(u, v, rtol=rtol, atol=rtol * scale)


def flat(theta) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(theta)])


# E_μ, its gradient and its other derivatives.


@pytest.mark.parametrize(("normalization", "m"), [("sum", 1), ("mean", 12)])
def test_value_and_gradient_are_those_of_the_formula(small, normalization, m):
    @jax.jit
    def jitted(mu, *args):
        regularized = explicit_gradient_regularization(mean_square, mu, normalization)
        return jax.value_and_grad(regularized)(*args)

    for mu in (0.3, -0.3, 0.0, 1e-3):
        assert_same(jitted(mu, *small), reference(mu / m, *small))


@given(reals, reals, reals, reals, reals)
def test_both_normalizations_on_the_two_parameter_model(a, b, x, y, mu):
    """E(1 + 2μ(a²+b²)x²) of (8), and E(1 + μ(a²+b²)x²) of (A.31), with m = 2."""

    def loss(theta, x, y):
        return (y - theta[0] * theta[1] * x) ** 2 / 2

    with double_precision():
        theta, E = jnp.array([a, b]), (y - a * b * x) ** 2 / 2
        for normalization, factor in (("sum", 2), ("mean", 1)):
            found = explicit_gradient_regularization(loss, mu, normalization)(theta, x, y)
            expected = E * (1 + factor * mu * (a**2 + b**2) * x**2)
            np.testing.assert_allclose(
                found, expected, rtol=1e-12, atol=1e-14 * E * (1 + abs(mu) * (a**2 + b**2) * x**2)
            )


def test_the_modified_loss_and_the_one_without_are_a_quarter_of_h(small):
    for of, quarter in ((modified_loss, 0.25), (without_implicit_regularization, -0.25)):

        @jax.jit
        def derivatives(h, *args, of=of):
            by_h = jax.grad(lambda h: of(mean_square, h)(*args))(h)
            return by_h, jax.value_and_grad(of(mean_square, h))(*args)

        by_h, by_theta = derivatives(0.2, *small)
        gradient = flat(reference(0.0, *small)[1])
        assert_same(by_h, quarter * gradient @ gradient)
        assert_same(by_theta, reference(0.2 * quarter, *small))


def neuron(theta, x, label):
    return jnp.mean((jnp.tanh(x @ theta) - label) ** 2)


def of_everything(form, normalization="sum"):
    """μ, θ, x ↦ E_μ of one neuron, with integer labels."""

    def of(mu, theta, x):
        return form(neuron, mu, normalization)(theta, x, jnp.arange(4))

    return of


NEURON = 0.3, np.array([0.3, -0.7]), np.array([[1.0, 0.5], [-0.4, 0.2], [0.3, 0.1], [0.6, -0.9]])


def test_it_is_differentiated_by_mu_and_by_the_data():
    found, expected = (of_everything(form, "mean") for form in FORMS)

    @jax.jit
    def derivatives(*args):
        alone = jax.grad(found, 0)(*args), jax.grad(found, 1)(*args), jax.grad(found, 2)(*args)
        return alone, jax.grad(found, (0, 1, 2))(*args), jax.jacfwd(found, (0, 1, 2))(*args)

    with double_precision():
        gradient = jax.jit(jax.grad(expected, (0, 1, 2)))(*NEURON)
        for derivative in derivatives(*NEURON):
            assert_same(derivative, gradient)


def test_what_the_loss_closes_over_is_differentiated_as_well():
    theta, x = jnp.linspace(0.1, 1, 3), jnp.arange(3.0)

    def loss(theta, x):
        return jnp.sum(jnp.tanh(theta * x))

    def closed(x):
        return explicit_gradient_regularization(lambda theta: loss(theta, x), 0.1)(theta)

    expected = jax.grad(explicit_gradient_regularization(loss, 0.1), argnums=1)(theta, x)
    assert_same(jax.grad(closed)(x), expected, 1e-6)


def test_small_weights_are_not_rounded_in_half_precision():
    link = add_explicit_gradient_regularization(1e-4, "mean")
    theta = jnp.ones(5000, jnp.float16)
    updates, _ = link.update(
        0 * theta, link.init(theta), theta, value_fn=lambda t: 50 * jnp.sum(t**2)
    )
    assert updates[0] == pytest.approx(2 * 1e-4 / 5000 * 100**2, rel=2e-3)


@pytest.fixture(scope="module")
def second_derivatives():
    """All of them, of E + μ|∇E|² as it stands."""
    with double_precision():
        of = of_everything(as_it_stands)
        yield jax.jit(jax.jacfwd(jax.jacrev(of, (0, 1, 2)), (0, 1, 2)))(*NEURON)


@pytest.mark.parametrize("outer", [jax.jacfwd, jax.jacrev])
@pytest.mark.parametrize("inner", [jax.jacfwd, jax.jacrev])
def test_the_gradient_is_differentiated_by_everything(second_derivatives, outer, inner):
    with double_precision():
        of = of_everything(explicit_gradient_regularization)
        found = jax.jit(outer(inner(of, 1), (0, 1, 2)))(*NEURON)
        assert_same(found, second_derivatives[1])


def test_the_derivatives_by_mu_and_by_the_data_are_differentiated_by_everything(second_derivatives):
    with double_precision():
        of = of_everything(explicit_gradient_regularization)
        found = jax.jit(jax.jacfwd(jax.jacrev(of, (0, 2)), (0, 1, 2)))(*NEURON)
        assert_same(found, second_derivatives[::2])


def test_it_is_mapped_over_everything(small):
    theta, batch = small
    thetas = jax.tree.map(lambda leaf: np.stack([leaf, leaf / 2, -leaf]), theta)
    batches = jax.tree.map(lambda leaf: np.stack([leaf, leaf[::-1], 2 * leaf]), batch)
    mus = np.array([0.3, 0.0, -0.3])

    def found(mu, theta, batch):
        regularized = explicit_gradient_regularization(mean_square, mu)
        return jax.value_and_grad(regularized)(theta, batch)

    for axes, args in (
        ((0, None, None), (mus, theta, batch)),
        ((None, 0, 0), (0.3, thetas, batches)),
    ):
        each = [
            reference(*(jax.tree.map(lambda leaf, i=i: leaf[i], arg) if axis == 0 else arg
                        for arg, axis in zip(args, axes, strict=True)))
            for i in range(3)
        ]  # fmt: skip
        mapped = jax.jit(jax.vmap(found, axes))(*args)
        assert_same(mapped, jax.tree.map(lambda *leaves: np.stack(leaves), *each))


def test_the_data_may_be_closed_over_and_may_be_integers_and_keys():
    """As in training loops: under jit and vmap, with labels and keys of random numbers."""
    _, theta, x = NEURON

    def gradient(form, key, x):
        def noisy(theta, key, label):
            return neuron(theta, x + jax.random.normal(key, x.shape), label)

        return jax.grad(form(noisy, 0.3))(theta, key, jnp.arange(4))

    with double_precision():
        keys, xs = jax.random.split(jax.random.key(3), 2), np.stack([x, 2 * x])
        found, expected = (jax.jit(jax.vmap(partial(gradient, form)))(keys, xs) for form in FORMS)
        assert_same(found, expected)


def test_the_auxiliary_part_is_handed_on(small):
    def loss(theta, batch):
        right = jnp.round(outputs(theta, batch["x"])) == batch["label"]
        aux = {
            "right": right.sum(),
            "mean": outputs(theta, batch["x"]).mean(),
            "labels": batch["label"],
        }
        return mean_square(theta, batch), aux

    @jax.jit
    def expected(theta, batch):
        by_x = jax.grad(lambda x: as_it_stands(mean_square, 0.3)(theta, batch | {"x": x}))
        return reference(0.3, theta, batch), by_x(batch["x"]), loss(theta, batch)[1]

    regularized = explicit_gradient_regularization(loss, 0.3, has_aux=True)

    @jax.jit
    def found(theta, batch):
        def of_x(theta, x):
            return regularized(theta, batch | {"x": x})

        (value, aux), gradient = jax.value_and_grad(regularized, has_aux=True)(theta, batch)
        by_x, same_aux = jax.grad(of_x, 1, has_aux=True)(theta, batch["x"])
        through = [
            jax.grad(lambda *args: of_x(*args)[1]["mean"], which)(theta, batch["x"])
            for which in (0, (0, 1))
        ]
        return ((value, gradient), by_x, aux), same_aux, through

    result, aux, through = found(*small)
    assert_same(result, expected(*small))
    assert_same(aux, result[2])
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(through))  # no derivative
    for other in (
        modified_loss(loss, 1.2, True),
        without_implicit_regularization(loss, -1.2, True),
    ):
        assert_same(jax.jit(other)(*small), (result[0][0], aux))


@pytest.mark.parametrize(
    ("dtype", "mu"),
    [(jnp.bfloat16, 1e-4), (jnp.float16, np.float64(1e-4)), (jnp.float32, jnp.bfloat16(1e-4))],
)
def test_the_dtype_is_that_of_the_loss(dtype, mu):
    """And the penalty is summed in float32: 10⁴ ones, of which bfloat16 would count 256."""
    with double_precision():
        regularized = explicit_gradient_regularization(lambda t: t @ jnp.ones_like(t), mu)
        value, gradient = jax.jit(jax.value_and_grad(regularized))(jnp.zeros(10_000, dtype))
        assert value.dtype == gradient.dtype == dtype
        assert abs(value - 1) < 0.005 and np.all(gradient == 1)
        curved = explicit_gradient_regularization(lambda t: t @ t / 2, 5_000 * mu)
        ones = jnp.ones(4, dtype)
        value, by_ones = jax.jit(lambda t: jax.jvp(curved, (t,), (t,)))(ones)
        assert value.dtype == by_ones.dtype == dtype
        assert abs(value - 4) < 0.02 and abs(by_ones - 8) < 0.04


def test_it_is_checkpointed_and_summed_over_microbatches():
    _, theta, x = NEURON
    parts = x.reshape(2, 2, 2), np.arange(4).reshape(2, 2)

    def summed(form, wrap, theta):
        regularized = wrap(form(neuron, 0.3))

        def add(so_far, part):
            return so_far + regularized(theta, *part), None

        return jax.lax.scan(add, 0.0, parts)[0]

    with double_precision():
        expected = jax.jit(jax.grad(partial(summed, as_it_stands, lambda f: f)))(theta)
        for wrap in (jax.jit, jax.checkpoint):
            of = partial(summed, explicit_gradient_regularization, wrap)
            assert_same(jax.jit(jax.grad(of))(theta), expected)


def test_the_loss_may_be_checkpointed(small):
    regularized = explicit_gradient_regularization(jax.checkpoint(mean_square), 0.3)
    assert_same(jax.jit(jax.value_and_grad(regularized))(*small), reference(0.3, *small))


def test_training_steps_in_a_scan_are_differentiated_by_mu():
    def trained(form, mu, theta, x):
        def step(theta, _):
            gradient = jax.grad(form(neuron, mu))(theta, x, jnp.arange(4))
            return theta - 0.2 * gradient, None

        return jax.lax.scan(step, theta, None, length=4)[0]

    with double_precision():
        expected = jax.jit(jax.jacfwd(partial(trained, as_it_stands)))(*NEURON)
        found = jax.jacrev(partial(trained, explicit_gradient_regularization))
        assert_same(jax.jit(found)(*NEURON), expected)


BAD = {
    "integers": (mean_square, {"w": np.arange(3, dtype=np.int32)}, r"θ\['w'\] is int32"),
    "no number": (lambda t, batch: t["w"], {"w": jnp.ones(3)}, r"an array of shape \(3,\)"),
    "a pair": (
        lambda t, batch: (t["w"].sum(), 1),
        {"w": jnp.ones(3)},
        "where there is has_aux=True",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize(
    "of", [explicit_gradient_regularization, modified_loss, without_implicit_regularization]
)
def test_what_does_not_fit_is_refused_in_one_line(case, of):
    loss, theta, message = BAD[case]
    for function in (of(loss, 0.1), jax.jit(jax.grad(of(loss, 0.1), allow_int=True))):
        with pytest.raises(bea.InputError, match=message) as caught:
            function(theta, None)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("unknown", ["max", None, "Sum", 1])
def test_an_unknown_normalization_is_refused(unknown):
    for make in (
        partial(explicit_gradient_regularization, mean_square),
        add_explicit_gradient_regularization,
    ):
        with pytest.raises(bea.InputError, match=r"use 'sum' for .* or 'mean' for") as caught:
            make(0.1, normalization=unknown)
        assert repr(unknown) in str(caught.value) and "\n" not in str(caught.value)


# What it costs.


def flops(f, *args) -> float:
    return jax.jit(f).lower(*args).compile().cost_analysis()["flops"]


def perceptron(theta, x):
    for w, b in theta[:-1]:
        x = jnp.tanh(x @ w + b)
    w, b = theta[-1]
    return jnp.mean((x @ w + b) ** 2)


@pytest.fixture(scope="module")
def three_layers():
    """Parameters and inputs of a perceptron, and the flops of its loss and gradient."""
    shapes = (32, 64), (64, 64), (64, 64), (64, 1)
    args = (
        [(np.ones((i, o), np.float32), np.ones(o, np.float32)) for i, o in shapes],
        np.ones((64, 32), np.float32),
    )
    return *args, flops(jax.value_and_grad(perceptron), *args)


def test_a_gradient_costs_three(three_layers):
    """Flops of the compiled functions: two gradients more, and running backwards twice no fewer."""
    *args, one = three_layers
    found, double_reverse = (
        flops(jax.value_and_grad(form(perceptron, 0.1)), *args) for form in FORMS
    )
    assert 2 * one < found <= 3.05 * one
    assert found <= double_reverse


def test_a_gradient_of_a_checkpointed_loss_costs_three(three_layers):
    """Where running backwards twice costs more, because it recomputes what was recomputed."""
    theta, x, _ = three_layers

    def checkpointed(theta, x):
        for w, b in theta[:2]:
            x = jax.checkpoint(lambda x, w, b: jnp.tanh(x @ w + b))(x, w, b)
        return jnp.mean(x**2)

    one = flops(jax.value_and_grad(checkpointed), theta, x)
    found, double_reverse = (
        flops(jax.value_and_grad(form(checkpointed, 0.1)), theta, x) for form in FORMS
    )
    assert 2 * one < found <= 3.05 * one
    assert double_reverse > 1.2 * found


def test_a_step_with_optax_costs_three(three_layers):
    """The gradient that the link forms anew is found to be the one handed in."""
    theta, x, one = three_layers
    optimizer = optax.chain(add_explicit_gradient_regularization(0.1), optax.sgd(0.1))

    def step(theta, state, x):
        loss, gradient = jax.value_and_grad(perceptron)(theta, x)
        updates, state = optimizer.update(
            gradient, state, theta, value_fn=lambda theta: perceptron(theta, x)
        )
        return optax.apply_updates(theta, updates), state, loss

    assert 2 * one < flops(step, theta, optimizer.init(theta), x) <= 3.05 * one


# The link of an optax chain.


def run(optimizer, theta, loss, steps=3, **extra):
    """The parameters after some steps with fresh gradients of the loss."""

    @jax.jit
    def step(theta, state):
        updates, state = optimizer.update(jax.grad(loss)(theta), state, theta, **extra)
        return optax.apply_updates(theta, updates), state

    state = optimizer.init(theta)
    for _ in range(steps):
        theta, state = step(theta, state)
    return theta


def regularized_run(tail, mus, theta, batch):
    """The parameters after steps of an optimizer that is given the gradients of the E_μ."""

    @jax.jit
    def step(gradient, theta, state):
        updates, state = tail.update(gradient, state, theta)
        return optax.apply_updates(theta, updates), state

    state = tail.init(theta)
    for mu in mus:
        theta, state = step(reference(mu, theta, batch)[1], theta, state)
    return theta


TAILS = {
    "sgd": optax.sgd(0.2),
    "momentum": optax.sgd(0.1, momentum=0.9, nesterov=True),
    "adamw": optax.chain(optax.clip_by_global_norm(0.1), optax.adamw(1e-2, weight_decay=0.1)),
}


@pytest.mark.parametrize(
    ("tail", "normalization"),
    [("sgd", "sum"), ("momentum", "mean"), ("adamw", "mean")],
)
def test_at_the_head_of_a_chain_the_gradient_is_that_of_the_regularized_loss(
    small, tail, normalization
):
    theta, batch = small
    loss = partial(mean_square, batch=batch)
    head = add_explicit_gradient_regularization(0.3, normalization)
    found = run(optax.chain(head, TAILS[tail]), theta, loss, value_fn=loss)
    mu = 0.3 / 12 if normalization == "mean" else 0.3
    assert_same(found, regularized_run(TAILS[tail], [mu] * 3, theta, batch), rtol=1e-10)


def test_behind_a_link_that_clips_the_regularization_is_added_unclipped(small):
    theta, batch = small
    (gradient, regularized), loss = (reference(mu, *small)[1] for mu in (0.0, 0.3)), mean_square
    clipped = 0.01 / np.linalg.norm(flat(gradient))
    expected = -0.2 * (clipped * flat(gradient) + flat(regularized) - flat(gradient))
    optimizer = optax.chain(
        optax.clip_by_global_norm(0.01), add_explicit_gradient_regularization(0.3), optax.sgd(0.2)
    )
    update = jax.jit(partial(optimizer.update, value_fn=partial(loss, batch=batch)))
    found, _ = update(gradient, optimizer.init(theta), theta)
    assert_same(flat(found), expected)


def test_mu_may_follow_a_schedule(small):
    theta, batch = small
    loss, mus = partial(mean_square, batch=batch), jnp.array([0.3, 0.1, -0.2])
    expected = regularized_run(optax.sgd(0.2), mus, theta, batch)
    head = add_explicit_gradient_regularization(lambda count: mus[count])
    assert_same(run(optax.chain(head, optax.sgd(0.2)), theta, loss, value_fn=loss), expected)

    @optax.inject_hyperparams
    def injected(mu, h):
        return optax.chain(add_explicit_gradient_regularization(mu), optax.sgd(h))

    scheduled = injected(lambda count: mus[count], 0.2)
    assert_same(run(scheduled, theta, loss, value_fn=loss), expected)
    optimizer = injected(0.5, 0.2)
    state, update = optimizer.init(theta), jax.jit(partial(optimizer.update, value_fn=loss))
    for mu in mus:
        state.hyperparams["mu"] = mu  # set by hand, as a sweep would
        updates, state = update(reference(0.0, theta, batch)[1], state, theta)
        theta = jax.tree.map(np.add, theta, updates)
    assert_same(theta, expected)


def test_a_jitted_step_donates_its_buffers_and_a_scan_takes_many(small):
    theta, batch = small
    mus = jnp.array([0.3, 0.1, -0.2])
    optimizer = optax.chain(
        add_explicit_gradient_regularization(lambda count: mus[count]), optax.adam(0.1)
    )

    def step(carry, batch):
        theta, state = carry
        loss = partial(mean_square, batch=batch)
        updates, state = optimizer.update(jax.grad(loss)(theta), state, theta, value_fn=loss)
        return (optax.apply_updates(theta, updates), state), None

    start, expected = (theta, optimizer.init(theta)), regularized_run(optax.adam(0.1), mus, *small)
    batches = jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), batch)
    (found, (link, _)), _ = jax.jit(lambda *args: jax.lax.scan(step, *args))(start, batches)
    assert_same(found, expected, rtol=1e-10)
    assert link.step == 3
    carry, jitted = jax.tree.map(jnp.copy, start), jax.jit(step, donate_argnums=0)
    for _ in range(3):
        given = carry
        carry, _ = jitted(given, batch)
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given))
    assert_same(carry[0], expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_the_updates_keep_their_dtype(dtype):
    theta = gradient = {"w": jnp.ones(4, dtype), "none": None}
    link = add_explicit_gradient_regularization(0.5)
    update = jax.jit(partial(link.update, value_fn=lambda t: t["w"] @ t["w"] / 2, value=2.0))
    found, state = update(gradient, link.init(theta), theta)
    assert found["w"].dtype == dtype and found["none"] is None
    assert found["w"].tolist() == [2, 2, 2, 2] and state.step == 1


MISSING = {
    "parameters": (None, {"value_fn": lambda t: t.sum()}, "needs the parameters"),
    "value_fn": (jnp.ones(2), {}, "needs value_fn=, the loss of this step"),
    "both": (None, {}, "needs the parameters"),
    "a number": (jnp.ones(2), {"value_fn": lambda t: t}, "must return one number"),
    "floats": (jnp.arange(2), {"value_fn": lambda t: t.sum()}, "θ is int32"),
}


@pytest.mark.parametrize("case", MISSING)
@pytest.mark.parametrize(
    "link", [add_explicit_gradient_regularization(0.1), cancel_implicit_regularization(0.1)]
)
def test_what_an_update_lacks_is_named(case, link):
    params, extra, message = MISSING[case]
    optimizer = optax.chain(link, optax.sgd(0.1))
    with pytest.raises(bea.InputError, match=message) as caught:
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)), params, **extra)
    assert "\n" not in str(caught.value)


SHARDED = """
    import jax, jax.numpy as jnp, numpy as np, optax
    from jax.sharding import NamedSharding, PartitionSpec as P
    from bea.numeric.regularization.explicit import (
        add_explicit_gradient_regularization, explicit_gradient_regularization
    )

    assert jax.device_count() == 2
    mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
    rng = np.random.default_rng(0)
    theta = {"w": rng.normal(size=(6, 8)), "v": rng.normal(size=(8, 1))}
    batch = rng.normal(size=(4, 6)), rng.normal(size=(4, 1))

    def loss(theta, x, y):
        return jnp.mean((jnp.tanh(x @ theta["w"]) @ theta["v"] - y) ** 2)

    optimizer = optax.chain(add_explicit_gradient_regularization(0.3), optax.sgd(0.1))

    @jax.jit
    def step(theta, state, x, y):
        gradient = jax.grad(loss)(theta, x, y)
        updates, state = optimizer.update(gradient, state, theta, value_fn=lambda t: loss(t, x, y))
        slope = jax.grad(explicit_gradient_regularization(loss, 0.3))(theta, x, y)
        return updates, optax.apply_updates(theta, updates), slope, state

    whole = step(theta, optimizer.init(theta), *batch)
    columns = {"w": P(None, "x"), "v": P("x", None)}
    for spec, rows in ((columns, P("x")), (dict.fromkeys(theta, P()), P("x"))):
        placed = jax.tree.map(lambda a, s: jax.device_put(a, NamedSharding(mesh, s)), theta, spec)
        data = [jax.device_put(a, NamedSharding(mesh, rows)) for a in batch]
        assert {s.data.shape for s in placed["w"].addressable_shards} == {
            (6, 4) if spec is columns else (6, 8)
        }
        parts = step(placed, optimizer.init(placed), *data)
        for part in parts[:3]:  # the updates, the new parameters, the gradient of the loss
            for name, array in part.items():
                assert array.sharding.is_equivalent_to(placed[name].sharding, array.ndim)
        for a, b in zip(jax.tree.leaves(parts), jax.tree.leaves(whole), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
"""


def test_sharded_arrays_stay_as_they_are_sharded():
    """On two devices, which the host plays: the matrices and the batch, or the batch alone."""
    settings = {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(SHARDED)],
        capture_output=True,
        text=True,
        env=os.environ | settings,
    )
    assert done.returncode == 0, done.stderr


# What the implicit regularization does, and its cancelling.


def descended(loss, theta, h):
    return jax.tree.map(lambda t, s: t - h * s, theta, jax.grad(loss)(theta))


def test_the_order_of_a_step_is_raised_from_two_to_three(small):
    """By the flow of the modified loss, or by a step on the loss without implicit regularization.

    The orders are measured by halving h; the flows by the time h run by the time 1, h times as
    fast, so that one run does for all of them.
    """
    theta, batch = small
    loss, h = partial(mean_square, batch=batch), np.array([0.02, 0.01])

    def velocity(theta, h):
        of_the_modified = jax.grad(modified_loss(loss, h))(theta["modified"])
        slopes = {"plain": jax.grad(loss)(theta["plain"]), "modified": of_the_modified}
        return jax.tree.map(lambda s: -h * s, slopes)

    two = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), theta)
    flow = bea.flow(
        lambda thetas: jax.vmap(velocity)(thetas, h), {"plain": two, "modified": two}, 1.0
    )

    @jax.jit
    @jax.vmap
    def steps(h):
        cancelled = without_implicit_regularization(loss, h)
        return descended(loss, theta, h), descended(cancelled, theta, h)

    def order(step, flow) -> float:
        distances = jax.tree.map(np.subtract, step, flow)
        errors = [
            np.linalg.norm(flat(jax.tree.map(lambda d, i=i: d[i], distances))) for i in (0, 1)
        ]
        return np.log2(errors[0] / errors[1])

    plain, cancelled = steps(h)
    assert 1.9 < order(plain, flow["plain"]) < 2.1
    assert 2.9 < order(cancelled, flow["plain"]) < 3.1
    assert 2.9 < order(plain, flow["modified"]) < 3.1


def test_cancelling_is_the_modifying_integrator(small):
    theta, batch = small
    h, loss = 0.04, partial(mean_square, batch=batch)
    field = bea.modifying_integrator("euler", 1).to_jax(
        lambda theta: jax.tree.map(jnp.negative, jax.grad(loss)(theta))
    )

    @jax.jit
    def both(theta):
        by_the_field = jax.tree.map(lambda t, f: t + h * f, theta, field(theta, h))
        return by_the_field, descended(without_implicit_regularization(loss, h), theta, h)

    expected, found = both(theta)
    assert_same(found, expected)
    optimizer = optax.chain(cancel_implicit_regularization(h), optax.sgd(h))
    assert_same(run(optimizer, theta, loss, steps=1, value_fn=loss), expected)


def test_cancelling_follows_the_schedule_of_the_descent(small):
    theta, batch = small
    hs, loss = jnp.array([0.4, 0.2, 0.1]), partial(mean_square, batch=batch)
    optimizer = optax.chain(
        cancel_implicit_regularization(lambda count: hs[count]), optax.sgd(lambda count: hs[count])
    )
    expected = theta
    for h in hs:
        slope = reference(-h / 4, expected, batch)[1]
        expected = jax.tree.map(lambda t, s, h=h: t - h * s, expected, slope)
    assert_same(run(optimizer, theta, loss, value_fn=loss), expected)
