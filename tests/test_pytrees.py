"""What is no pytree of parameters, no field and no loss is named, by its path and in one line."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bea
from bea import pytrees
from bea.flows.precision import double_precision


class Layer(NamedTuple):
    w: Any
    b: Any


NESTED = {"layers": [Layer(jnp.ones((2, 3)), None), Layer(jnp.ones(4), jnp.ones(()))], "scale": 2.0}
NETWORK = eqx.nn.MLP(2, 1, 4, 1, key=jax.random.key(0))
FLAX = nn.Dense(3).init(jax.random.key(1), jnp.ones((1, 2)))
PYTREES = {
    "one array": (jnp.ones((2, 2)), 4),
    "a number of Python's": (0.5, 1),
    "NumPy's arrays": ({"w": np.ones(3, np.float32), "b": np.float32(0)}, 4),
    "dict, list, NamedTuple and None": (NESTED, 12),
    "the arrays of an Equinox network": (eqx.filter(NETWORK, eqx.is_inexact_array), 17),
    "the parameters of a Flax network": (FLAX, 9),
}


def half_the_square(theta):
    return sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(theta)) / 2


def refusal(check, *args, jit=False, **options) -> str:
    """The one line of the InputError, raised at once or while JAX traces."""
    check = partial(check, **options)
    with pytest.raises(bea.InputError) as caught:
        jax.jit(check)(*args) if jit else check(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("case", PYTREES)
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["at once", "jitted"])
def test_parameters_come_in_any_pytree(case, wrap):
    theta, m = PYTREES[case]

    def checked(theta):
        pytrees.check_parameters(theta)
        pytrees.check_field(jax.grad(half_the_square), theta)
        pytrees.check_loss(half_the_square, theta)
        return theta

    assert jax.tree.structure(wrap(checked)(theta)) == jax.tree.structure(theta)
    assert pytrees.size(theta) == m


def test_a_check_computes_nothing():
    shapes = jax.eval_shape(lambda: NESTED)  # no arrays, only what is known while tracing
    pytrees.check_parameters(shapes)
    pytrees.check_field(jax.grad(half_the_square), shapes)
    pytrees.check_loss(half_the_square, shapes)


BAD_PARAMETERS = {
    "integers": ({"w": np.arange(3, dtype=np.int32), "b": np.ones(2)}, r"θ['w'] is int32: "),
    "in a list": ([{"w": 1.0}, {"w": True}], r"θ[1]['w'] is bool: "),
    "in a NamedTuple": ([Layer(jnp.ones(1), jnp.arange(2))], r"θ[0].b is int32: "),
    "complex numbers": ((1j,), r"θ[0] is complex64: "),
    "a key": ({"w": 1.0, "rng": jax.random.key(0)}, r"θ['rng'] is key<fry>: "),
    "an array alone": (jnp.arange(3), "θ is int32: "),
    "two dtypes": (
        {"w": np.ones(2, np.float32), "b": np.ones(2, np.float16)},
        "θ['w'] is float32, but θ['b'] is float16: give all parameters one dtype",
    ),
    "no leaves": ({"w": None, "b": []}, "θ has no leaves: "),
}
NO_ARRAYS = {
    "a string": ({"w": 1.0, "name": "dense"}, "θ['name'] is a str: "),
    "a function": (NETWORK, "θ.activation is a "),
    "the name of a dtype": ({"w": "float32"}, "θ['w'] is a str: "),
    "a type": ({"w": float}, "θ['w'] is a type: "),
    "an array of strings": ({"w": np.array(["a"])}, "θ['w'] is a ndarray: "),
}


@pytest.mark.parametrize("jit", [False, True], ids=["at once", "jitted"])
@pytest.mark.parametrize("case", BAD_PARAMETERS)
@pytest.mark.parametrize(
    "check",
    [
        pytrees.check_parameters,
        partial(pytrees.check_loss, half_the_square),
        partial(pytrees.check_field, lambda theta: theta),
    ],
    ids=["parameters", "loss", "field"],
)
def test_the_leaf_that_is_no_parameter_is_named(check, case, jit):
    theta, start = BAD_PARAMETERS[case]
    assert refusal(check, theta, jit=jit).startswith(start)


@pytest.mark.parametrize("case", NO_ARRAYS)
def test_what_is_no_array_is_no_parameter(case):
    theta, start = NO_ARRAYS[case]
    assert refusal(pytrees.check_parameters, theta).startswith(start)


def test_float64_among_float32_is_named_where_there_is_float64():
    theta = {"b": np.ones(2, np.float32), "w": [np.ones(2), np.ones(2)]}
    pytrees.check_parameters(theta)  # all float32 to JAX here
    with double_precision():
        assert refusal(pytrees.check_parameters, theta) == (
            "θ['w'][0] is float64, but θ['b'] is float32: give all parameters one dtype"
        )


BAD_LOSSES = {
    "an array": (lambda t: t["w"] ** 2, False, "the loss returns an array of shape (2,): "),
    "one number in an array": (
        lambda t: t["w"][:1],
        False,
        "the loss returns an array of shape (1",
    ),
    "a pair": (
        lambda t: (t["w"].sum(), 1.0),
        False,
        "a tuple: it must return one number, or a pair (number, auxiliary)",
    ),
    "a dict": (lambda t: {"loss": t["w"].sum()}, False, "the loss returns a dict: it must return"),
    "nothing": (lambda t: None, False, "the loss returns a NoneType: it must return one number"),
    "an integer": (lambda t: 3, False, "the loss returns int32: "),
    "a truth value": (lambda t: t["w"].sum() > 0, False, "the loss returns bool: "),
    "a complex number": (lambda t: 1j * t["w"].sum(), False, "the loss returns complex64: "),
    "no pair": (lambda t: t["w"].sum(), True, "with has_aux=True it must be (loss, auxiliary)"),
    "three": (lambda t: (t["w"].sum(), 1, 2), True, "the loss does not return a pair: "),
    "a list of two": (lambda t: [t["w"].sum(), 1], True, "the loss does not return a pair: "),
    "an array first": (lambda t: (t["w"], 1), True, "the loss returns an array of shape (2,): "),
    "pairs in pairs": (
        lambda t: ((1.0, 2), 1),
        True,
        "the loss returns a tuple: it must return one",
    ),
}


@pytest.mark.parametrize("jit", [False, True], ids=["at once", "jitted"])
@pytest.mark.parametrize("case", BAD_LOSSES)
def test_a_loss_is_one_number(case, jit):
    loss, has_aux, part = BAD_LOSSES[case]
    check = partial(pytrees.check_loss, loss, has_aux=has_aux)
    assert part in refusal(check, {"w": jnp.ones(2)}, jit=jit)


def test_a_loss_has_its_data_and_its_auxiliary_part():
    seen = []

    def loss(theta, x, labels):
        seen.append((x["image"].shape, labels.dtype))
        return jnp.sum(theta) * jnp.sum(x["image"]), {"labels": labels}

    data = {"image": np.ones((4, 2))}, np.arange(4, dtype=np.int32)
    pytrees.check_loss(loss, jnp.ones(3), *data, has_aux=True)
    assert seen == [((4, 2), np.int32)]


BAD_FIELDS = {
    "a structure": (
        lambda t: [t["w"], t["b"]],
        "the field returns PyTreeDef([*, *]) for PyTreeDef({",
    ),
    "one leaf less": (lambda t: {"w": t["w"]}, "it must return one array for each parameter"),
    "None for a leaf": (lambda t: t | {"b": None}, "it must return one array for each parameter"),
    "a number": (lambda t: t["w"].sum(), "it must return one array for each parameter"),
    "a shape": (lambda t: t | {"w": t["w"].T}, "at θ['w'] has float32(3, 2) for float32(2, 3): "),
    "a dtype": (
        lambda t: t | {"b": t["b"].astype(jnp.bfloat16)},
        "the field at θ['b'] has bfloat16() for float32(): shape and dtype must agree",
    ),
    "integers": (lambda t: t | {"b": 1}, "the field at θ['b'] has int32() for float32(): "),
}


@pytest.mark.parametrize("jit", [False, True], ids=["at once", "jitted"])
@pytest.mark.parametrize("case", BAD_FIELDS)
def test_a_field_gives_one_array_for_each_parameter(case, jit):
    field, part = BAD_FIELDS[case]
    theta = {"w": jnp.ones((2, 3)), "b": jnp.ones(())}
    assert part in refusal(partial(pytrees.check_field, field), theta, jit=jit)


def test_a_large_structure_is_cut_off():
    theta = {f"weights of layer {i}": 1.0 for i in range(30)}
    assert len(refusal(partial(pytrees.check_field, lambda theta: 1.0), theta)) < 400


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("double", [False, True])
def test_inner_products_of_short_floats_are_summed_in_float32(dtype, double):
    """float16 counts to 2048 in steps of one, bfloat16 to 256; 300² is beyond float16."""
    with double_precision() if double else nullcontext():
        ones = {"w": jnp.ones((100, 100), dtype), "b": [jnp.ones((), dtype)]}
        found = pytrees.inner(ones, ones)
        assert found.dtype == jnp.float32 and found == 10_001
        assert pytrees.inner(jnp.asarray(300, dtype), jnp.asarray(300, dtype)) == 90_000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_inner_product_is_that_of_the_flat_vectors(dtype):
    rng = np.random.default_rng(0)
    u, v = ({"w": rng.normal(size=(3, 4)), "b": [rng.normal(), None]} for _ in range(2))
    with double_precision():
        u, v = jax.tree.map(lambda x: jnp.asarray(x, dtype), (u, v))
        found = pytrees.inner(u, v)
    assert found.dtype == dtype
    flat = [np.concatenate([np.ravel(t["w"]), np.ravel(t["b"][0])]).astype(float) for t in (u, v)]
    np.testing.assert_allclose(found, flat[0] @ flat[1], rtol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("weight", [3, 3.0, np.float64(3), jnp.float32(3), np.int64(3)])
def test_multiples_and_sums_keep_the_dtype(dtype, weight):
    with double_precision():
        v = {"w": jnp.arange(3).astype(dtype), "b": [jnp.ones((), dtype), None]}
        tripled = pytrees.scaled(weight, v)
        summed = pytrees.total([v, v, v])
        assert jax.tree.structure(tripled) == jax.tree.structure(summed) == jax.tree.structure(v)
        for leaf in jax.tree.leaves((tripled, summed, pytrees.added(v, v))):
            assert leaf.dtype == dtype
        assert tripled["w"].tolist() == summed["w"].tolist() == [0, 3, 6]
        assert tripled["b"][0] == summed["b"][0] == 3


def test_the_sum_of_one_vector_is_it():
    assert pytrees.total([{"w": jnp.ones(2)}])["w"].tolist() == [1, 1]
