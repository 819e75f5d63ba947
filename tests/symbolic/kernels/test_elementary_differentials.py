"""Series on JAX functions of pytrees, against the recursion in coordinates, which has no trees."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import bea
from bea.flows.precision import double_precision

a, b, c = sp.symbols("a b c")
LOSS = sp.exp(a * b) + sp.tanh(a - 2 * c) + a**2 * b * c - b**3 * c / 3
POINT = {"w": np.array([0.3, -0.7]), "bias": np.array(0.45)}


def loss(theta):
    (x, y), z = theta["w"], theta["bias"]
    return jnp.exp(x * y) + jnp.tanh(x - 2 * z) + x**2 * y * z - y**3 * z / 3


def field(theta):
    return jax.tree.map(jnp.negative, jax.grad(loss)(theta))


def flat(theta) -> np.ndarray:
    return np.concatenate([np.ravel(theta["w"]), np.ravel(theta["bias"])])


@pytest.mark.parametrize(
    ("method", "order"),
    [
        ("euler", 4),
        pytest.param("rk4", 4, marks=pytest.mark.slow),
        ("implicit_midpoint", 4),
        pytest.param("gauss4", 4, marks=pytest.mark.slow),
        ("sdirk2", 3),
    ],
)
def test_every_order_agrees_with_the_coordinates(method, order):
    series = bea.modified_series(method, order=order)
    eq = bea.modified_equation(loss=LOSS, params=(a, b, c), method=method, order=order)
    for p in range(order + 1):
        exact = eq.to_mpmath(p)([0.3, -0.7, 0.45], 0.25)
        with double_precision():
            found = jax.jit(series.to_jax(field, order=p))(POINT, 0.25)
        assert found["w"].dtype == np.float64
        np.testing.assert_allclose(flat(found), np.array(exact, dtype=float), rtol=1e-11)


def test_the_modifying_integrator_and_a_family():
    family = bea.ButcherTableau([[0, 0], ["r", 0]], ["1 - 1/(2*r)", "1/(2*r)"])
    for series, other, constants in (
        (bea.modifying_integrator("heun", 3), bea.modifying_integrator("heun", 3), None),
        (bea.modified_series(family, 3), bea.modified_series("ralston", 3), {"r": "2/3"}),
    ):
        exact = other.on(loss=LOSS, params=(a, b, c)).to_mpmath()([0.3, -0.7, 0.45], 0.25)
        with double_precision():
            found = series.to_jax(field, constants=constants)(POINT, 0.25)
        np.testing.assert_allclose(flat(found), np.array(exact, dtype=float), rtol=1e-11)
    with pytest.raises(bea.InputError, match="has the symbols r: give constants="):
        bea.modified_series(family, 3).to_jax(field)


@pytest.mark.slow
def test_it_is_jitted_mapped_and_differentiated_and_keeps_dtypes():
    kernel = bea.modified_series("euler", order=2).to_jax(field)
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), POINT)
    assert {leaf.dtype for leaf in jax.tree.leaves(kernel(single, 0.1))} == {np.dtype("float32")}
    with double_precision():
        batch = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), POINT)
        mapped = jax.vmap(kernel, in_axes=(0, None))(batch, 0.1)
        for i in range(2):
            alone = kernel(jax.tree.map(lambda x, i=i: x[i], batch), 0.1)
            np.testing.assert_allclose(flat(alone), flat(jax.tree.map(lambda x, i=i: x[i], mapped)))
        by_h = jax.grad(lambda h: kernel(POINT, h)["bias"])(0.1)
        difference = (kernel(POINT, 0.1 + 1e-6)["bias"] - kernel(POINT, 0.1 - 1e-6)["bias"]) / 2e-6
        assert by_h == pytest.approx(float(difference), rel=1e-6)


def test_no_array_is_larger_than_the_parameters():
    m = 300
    kernel = bea.modified_series("euler", order=3).to_jax(lambda x: -jnp.sin(x) * x.sum())
    text = str(jax.make_jaxpr(kernel)(jnp.ones(m), 0.1))
    assert f"{m}]" in text and f"{m},{m}" not in text


BAD = {
    "integers": ({"w": np.arange(2), "bias": np.array(0.5)}, field, r"θ\['w'\] is int"),
    "another structure": (POINT, lambda t: t["w"], "one array for each parameter"),
    "another shape": (POINT, lambda t: {"w": t["w"][:1], "bias": t["bias"]}, r"θ\['w'\] has"),
    "another dtype": (
        POINT,
        lambda t: {"w": t["w"].astype(np.float16), "bias": t["bias"]},
        r"θ\['w'\] has float16",
    ),
    "a loss in place of a field": (POINT, loss, "one array for each parameter"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_in_one_line(case):
    theta, f, message = BAD[case]
    with pytest.raises(bea.InputError, match=message) as caught:
        bea.modified_series("euler", order=1).to_jax(f)(theta, 0.1)
    assert "\n" not in str(caught.value)
    with pytest.raises(bea.InputError, match="order 2 is not among 0 … 1"):
        bea.modified_series("euler", order=1).to_jax(f, order=2)
