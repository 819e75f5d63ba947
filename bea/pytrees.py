"""The checks that every function on pytrees makes, and the little arithmetic they share.

Parameters are pytrees of floating-point arrays of one dtype; a field gives one array for each of
them; a loss gives one number. Each check costs a look at shapes and dtypes, never a computation, so
it may be made while JAX traces. It says which leaf does not fit, by its path: θ['bias'].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bea.errors import InputError

PyTree = Any
Loss = Callable[..., Any]
"""(θ, *data) ↦ E, a number."""
Field = Callable[[PyTree], PyTree]
"""θ ↦ f(θ), a pytree like θ."""


def check_parameters(theta: PyTree) -> None:
    """Are these parameters?

    Raises:
        InputError: a leaf is no array of floating-point numbers, or of another dtype than the rest,
            or there is none.
    """
    leaves = jax.tree_util.tree_leaves_with_path(theta)
    if not leaves:
        raise InputError("θ has no leaves: give the parameters as a pytree of arrays")
    first = None
    for path, leaf in leaves:
        name = f"θ{jax.tree_util.keystr(path)}"
        try:
            if isinstance(leaf, (str, type, np.dtype)):  # which JAX would take for a dtype
                raise TypeError
            dtype = jnp.result_type(leaf)
        except (TypeError, ValueError):
            raise InputError(
                f"{name} is a {type(leaf).__name__}: parameters are floating-point arrays; keep "
                "the others out of θ"
            ) from None
        if not jnp.issubdtype(dtype, jnp.floating):
            raise InputError(
                f"{name} is {dtype}: parameters are floating-point arrays; keep the others out of θ"
            )
        if first is None:
            first = name, dtype
        elif dtype != first[1]:
            raise InputError(
                f"{name} is {dtype}, but {first[0]} is {first[1]}: give all parameters one dtype"
            )


def check_field(field: Field, theta: PyTree) -> None:
    """Is the value of the field a vector at θ?

    Raises:
        InputError: θ does not fit, or f(θ) has another structure, shape or dtype.
    """
    check_parameters(theta)
    leaves, structure = jax.tree_util.tree_flatten_with_path(theta)
    found, other = jax.tree_util.tree_flatten_with_path(jax.eval_shape(field, theta))
    if str(other) != str(structure):
        raise InputError(
            f"the field returns {_on_one_line(other)} for {_on_one_line(structure)}: it must "
            "return one array for each parameter, such as the gradient of a loss with a minus"
        )
    for (path, leaf), (_, value) in zip(leaves, found, strict=True):
        if jnp.shape(leaf) != value.shape or jnp.result_type(leaf) != value.dtype:
            raise InputError(
                f"the field at θ{jax.tree_util.keystr(path)} has {value.dtype}{value.shape} "
                f"for {jnp.result_type(leaf)}{jnp.shape(leaf)}: shape and dtype must agree"
            )


def check_loss(loss: Loss, theta: PyTree, *data: Any, has_aux: bool = False) -> None:
    """Is the value of the loss one number?

    Raises:
        InputError: θ does not fit, or the loss returns something else.
    """
    check_parameters(theta)
    value = jax.eval_shape(loss, theta, *data)
    if has_aux:
        if not isinstance(value, tuple) or len(value) != 2:
            raise InputError(
                "the loss does not return a pair: with has_aux=True it must be (loss, auxiliary)"
            )
        value = value[0]
    if not isinstance(value, jax.ShapeDtypeStruct):
        raise InputError(
            f"the loss returns a {type(value).__name__}: it must return one number, or a pair "
            "(number, auxiliary) where there is has_aux=True"
        )
    if value.shape:
        raise InputError(
            f"the loss returns an array of shape {value.shape}: it must return one number, such as "
            "the mean over the batch"
        )
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise InputError(f"the loss returns {value.dtype}: it must return a floating-point number")


def size(theta: PyTree) -> int:
    """The number of parameters m."""
    return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(theta))


def inner(u: PyTree, v: PyTree) -> jax.Array:
    """⟨u, v⟩, summed in float32 at least."""
    return reduce(jnp.add, jax.tree.leaves(jax.tree.map(_inner, u, v)))


def scaled(w: Any, v: PyTree) -> PyTree:
    """w·v for a number w, in the dtypes of v; multiplied in float32 at least."""
    return jax.tree.map(lambda x: _product(w, x).astype(jnp.result_type(x)), v)


def added(u: PyTree, v: PyTree) -> PyTree:
    """The sum u + v."""
    return jax.tree.map(jnp.add, u, v)


def total(parts: Sequence[PyTree]) -> PyTree:
    """The sum of one vector or more."""
    return reduce(added, parts)


def _inner(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.sum(_product(x, y))


def _product(x: Any, y: jax.Array) -> jax.Array:
    dtype = jnp.promote_types(jnp.result_type(y), jnp.float32)
    return jnp.asarray(x, dtype) * jnp.asarray(y, dtype)


def _on_one_line(structure: Any) -> str:
    text = " ".join(str(structure).split())
    return text if len(text) <= 120 else f"{text[:119]}…"
