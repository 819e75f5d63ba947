"""The neural tangent kernel, and the modified loss of least squares written with it.

For E = Σ_i |ε_i|² with the residuals ε_i = f_θ(x_i) − y_i the gradient is 2 Σ_i ∇ε_i ε_i, so that
with K(x_i, x_j) = ∇ε_iᵀ∇ε_j

    m R_IG = 4 Σ_ij ε_iᵀ K(x_i, x_j) ε_j                                     (A.21)
    Ẽ = E + (h/4) m R_IG = E + h Σ_ij ε_iᵀ K(x_i, x_j) ε_j,

and for networks with one output Ẽ = εᵀ(I + hK)ε; the paper's (A.23) leaves out the h. A product Kv
is a vector-Jacobian product followed by a Jacobian-vector product, and the kernel is the products
with the unit vectors, some at a time: no array is larger than the kernel or a few copies of θ.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from bea import pytrees
from bea.errors import InputError
from bea.pytrees import PyTree
from bea.whole_numbers import whole_number

Network = Callable[[PyTree, Any], Any]
"""(θ, x) ↦ the outputs for a batch of inputs, shape (n,) or (n, c)."""


def neural_tangent_kernel(network: Network, chunk: int = 16) -> Callable[..., jax.Array]:
    """K(x, x') = ∂f_θ(x)/∂θ · (∂f_θ(x')/∂θ)ᵀ, the empirical neural tangent kernel, as an array.

    Args:
        network: a JAX function (θ, x) ↦ outputs of shape (n,) or (n, c) for a batch x; θ a pytree
            of m floating-point numbers of one dtype.
        chunk: how many unit vectors are multiplied at a time. Each takes the memory of one θ and
            of one pass through the network.

    Returns:
        A function (θ, x, other=None) ↦ K of shape (n, n') or (n, c, n', c), in the dtype of the
        outputs, where the second pair belongs to the inputs `other`, by default x. It costs n'·c
        backward and forward passes; to multiply by K only, `tangent_kernel_product` needs one.

    Raises:
        InputError: the chunk is no whole number from 1 on; or, when the function is called, θ has
            integer leaves or leaves of several dtypes.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, Proposition C.1; Jacot, Gabriel and
        Hongler 2018, arXiv:1806.07572.

    Example:
        >>> K = neural_tangent_kernel(lambda theta, x: x @ theta)
        >>> x = jnp.array([[1.0, 2.0], [0.0, 1.0]])
        >>> print(K(jnp.zeros(2), x))  # x xᵀ, for a network linear in θ
        [[5. 2.]
         [2. 1.]]
    """
    at_a_time = whole_number(chunk)
    if at_a_time is None or at_a_time < 1:
        raise InputError(f"the chunk is {chunk}: give a whole number, 1 or more")

    def kernel(theta: PyTree, x: Any, other: Any = None) -> jax.Array:
        pytrees.check_parameters(theta)
        outputs, forward = jax.linearize(lambda theta: network(theta, x), theta)
        _check_outputs(outputs)
        if other is None:
            others, backward = outputs, jax.linear_transpose(forward, theta)
        else:
            others, backward = jax.vjp(lambda theta: network(theta, other), theta)
        n = prod(others.shape)

        def column(i: jax.Array) -> jax.Array:  # K e_i = J Jᵀ e_i
            unit = (jnp.arange(n) == i).astype(others.dtype).reshape(others.shape)
            return forward(*backward(unit))

        columns = jax.lax.map(column, jnp.arange(n), batch_size=min(at_a_time, n))
        return jnp.moveaxis(columns, 0, -1).reshape(*outputs.shape, *others.shape)

    return kernel


def tangent_kernel_product(network: Network) -> Callable[..., jax.Array]:
    """Σ_j K(x_i, x_j) v_j, the neural tangent kernel times a vector, in one pass back and forth.

    Args:
        network: a JAX function (θ, x) ↦ outputs of shape (n,) or (n, c) for a batch x.

    Returns:
        A function (θ, x, v) ↦ Kv, v and Kv in the shape and dtype of the outputs.

    Raises:
        InputError: when the function is called: θ has integer leaves or leaves of several dtypes,
            or v is not of the shape of the outputs.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, Proposition C.1.

    Example:
        >>> product = tangent_kernel_product(lambda theta, x: x @ theta)
        >>> x = jnp.array([[1.0, 2.0], [0.0, 1.0]])
        >>> print(product(jnp.zeros(2), x, jnp.array([1.0, 0.0])))  # the first column of x xᵀ
        [5. 2.]
    """

    def product(theta: PyTree, x: Any, v: Any) -> jax.Array:
        pytrees.check_parameters(theta)
        outputs, forward = jax.linearize(lambda theta: network(theta, x), theta)
        _check_outputs(outputs)
        _check_shape("v", v, outputs)
        return forward(*jax.linear_transpose(forward, theta)(jnp.asarray(v, outputs.dtype)))

    return product


def least_squares_modified_loss(network: Network, h: Any) -> Callable[..., jax.Array]:
    """Ẽ = E + h Σ_ij ε_iᵀ K(x_i, x_j) ε_j for E = Σ_i |ε_i|², ε_i = f_θ(x_i) − y_i.

    The same number as `bea.modified_loss` of E, reached through the kernel. For one output it is
    εᵀ(I + hK)ε. The sum is over the batch, as in the paper; a mean over n examples is E/n, whose
    modified loss has the learning rate h/n in this formula, and is divided by n.

    Args:
        network: a JAX function (θ, x) ↦ outputs of shape (n,) or (n, c) for a batch x.
        h: the learning rate, a number.

    Returns:
        A function (θ, x, y) ↦ Ẽ, y in the shape of the outputs.

    Raises:
        InputError: when the function is called: θ has integer leaves or leaves of several dtypes,
            or y is not of the shape of the outputs.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, Proposition C.1: (A.21) with (4), and
        (A.23) with the h that it leaves out.

    Example:
        >>> loss = least_squares_modified_loss(lambda theta, x: x * theta, h=0.5)
        >>> print(loss(jnp.array(2.0), jnp.array([1.0]), jnp.array([0.0])))  # ε = 2, K = 1
        6.0
    """
    product = tangent_kernel_product(network)

    def modified(theta: PyTree, x: Any, y: Any) -> jax.Array:
        outputs = network(theta, x)
        _check_shape("y", y, outputs)
        residuals = outputs - y
        return jnp.vdot(residuals, residuals + h * product(theta, x, residuals))

    return modified


def _check_outputs(outputs: Any) -> None:
    if not isinstance(outputs, jax.Array):
        raise InputError(
            f"the network returns a {type(outputs).__name__}: it must return one array of outputs"
        )


def _check_shape(name: str, v: Any, outputs: jax.Array) -> None:
    if jnp.shape(v) != outputs.shape:  # broadcasting would answer another question
        raise InputError(
            f"{name} has shape {jnp.shape(v)}, the outputs of the network have {outputs.shape}: "
            "they must agree"
        )
