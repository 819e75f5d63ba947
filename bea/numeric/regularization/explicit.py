"""Explicit gradient regularization: E_μ = E + μ|∇E|² as a loss, and as a link of an optax chain.

Its gradient is ∇E + 2μ H∇E, with H the Hessian: a gradient and one Hessian-vector product, both
from one linearization of ∇E. Differentiating E + μ|∇E|² as it stands runs backwards through a run
backwards, which takes as many operations for a perceptron, but more where layers are checkpointed,
and much more time for convolutions; so the loss brings its derivative along.

With μ = h/4 it is the loss Ẽ that plain gradient descent follows to first order. With μ = −h/4 it
cancels that: −∇E + (h/2)H∇E is the modifying integrator of order 1, and gradient
descent then leaves the gradient flow of E by O(h³) a step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.custom_derivatives import SymbolicZero, zero_from_primal

from bea import pytrees
from bea.errors import InputError
from bea.pytrees import Loss, PyTree

Normalization = Literal["sum", "mean"]
Schedule = Callable[[Any], Any]
"""The number of steps taken ↦ a coefficient."""


def explicit_gradient_regularization(
    loss: Loss, mu: Any, normalization: Normalization = "sum", has_aux: bool = False
) -> Loss:
    """The loss with explicit gradient regularization, E_μ = E + μ|∇E|² or E + μR_IG.

    Args:
        loss: E, a JAX function (θ, *data) ↦ a number, θ a pytree of floating-point arrays of one
            dtype, the data pytrees of arrays.
        mu: μ, a number of either sign; it may be traced.
        normalization: "sum" for μ|∇E|² (equation 8), "mean" for μR_IG = (μ/m)|∇E|² with m
            parameters (equation A.31). The μ of the one is 1/m times that of the other.
        has_aux: the loss returns a pair (number, auxiliary), and so does E_μ. No derivative is
            taken through the auxiliary part.

    Returns:
        A function (θ, *data) ↦ E_μ in the dtype of E. Its gradient in θ costs about one gradient
        and one Hessian-vector product; it may be jitted, vmapped, and differentiated again, by μ
        and by the data, too.

    Raises:
        InputError: the normalization is unknown; or, when the function is called, the loss is no
            single number, θ has integer leaves or leaves of several dtypes.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equations (8) and (A.31).

    Example:
        >>> regularized = explicit_gradient_regularization(lambda x: (x**2).sum() / 2, mu=0.5)
        >>> print(regularized(jnp.array([1.0, 1.0])))  # 1 + 2/2
        2.0
        >>> jax.grad(regularized)(jnp.array([1.0, 1.0]))  # (I + 2μH)∇E
        Array([2., 2.], dtype=float32)
    """
    _check(normalization)

    def regularized(theta: PyTree, *data: Any) -> Any:
        pytrees.check_loss(loss, theta, *data, has_aux=has_aux)
        # What the loss closes over becomes an argument, so that it is differentiated as well.
        open_loss, closed_over = jax.closure_convert(loss, theta, *data)
        penalized = _with_its_derivative(open_loss, has_aux)
        E_mu, aux = penalized(_weight(mu, normalization, theta), theta, (*data, *closed_over))
        return (E_mu, aux) if has_aux else E_mu

    return regularized


def _with_its_derivative(loss: Loss, has_aux: bool) -> Callable[..., tuple[jax.Array, Any]]:
    """(μ, θ, data) ↦ E + μ|∇E|² and the auxiliary part, with the derivative of the former."""

    @jax.custom_jvp
    def penalized(mu: jax.Array, theta: PyTree, data: tuple[Any, ...]) -> tuple[jax.Array, Any]:
        value, gradient = jax.value_and_grad(loss, has_aux=has_aux)(theta, *data)
        value, aux = value if has_aux else (value, None)
        return _sum(value, mu * pytrees.inner(gradient, gradient)), jax.lax.stop_gradient(aux)

    @partial(penalized.defjvp, symbolic_zeros=True)
    def derivative(primals: Any, tangents: Any) -> Any:
        (mu, theta, data), (by_mu, by_theta, by_data) = primals, tangents
        if any(not _is_zero(t) for t in jax.tree.leaves((by_mu, by_data))):
            return jax.jvp(penalized.fun, primals, jax.tree.map(_dense, tangents))
        value, aux, gradient, hessian = _linearized(loss, has_aux, theta, data)
        E_mu = _sum(value, mu * pytrees.inner(gradient, gradient))
        slope = pytrees.added(gradient, pytrees.scaled(2 * mu, hessian(gradient)))
        along = pytrees.inner(slope, jax.tree.map(_dense, by_theta)).astype(E_mu.dtype)
        return (E_mu, aux), (along, jax.tree.map(zero_from_primal, aux))

    return penalized


def modified_loss(loss: Loss, h: Any, has_aux: bool = False) -> Loss:
    """Ẽ = E + λR_IG = E + (h/4)|∇E|²: the loss that gradient descent follows to first order.

    One step of gradient descent on E with learning rate h leaves the gradient flow of Ẽ by O(h³),
    and that of E by O(h²).

    Args:
        loss: E, a JAX function (θ, *data) ↦ a number.
        h: the learning rate, a number; it may be traced.
        has_aux: the loss returns a pair (number, auxiliary), and so does Ẽ.

    Returns:
        A function (θ, *data) ↦ Ẽ, `explicit_gradient_regularization` with μ = h/4.

    Raises:
        InputError: as `explicit_gradient_regularization`.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equation (4) and Theorem 3.1.

    Example:
        >>> print(modified_loss(lambda x: (x**2).sum() / 2, h=0.5)(jnp.array([2.0])))  # 2 + 4/8
        2.5
    """
    return explicit_gradient_regularization(loss, h / 4, has_aux=has_aux)


def without_implicit_regularization(loss: Loss, h: Any, has_aux: bool = False) -> Loss:
    """E − (h/4)|∇E|²: gradient descent on it follows the gradient flow of E itself, to first order.

    The negative regularization cancels the implicit one: a step of gradient descent on this loss
    leaves the gradient flow of E by O(h³), not O(h²). For comparing training with and without
    implicit regularization at the same learning rate. It has no lower bound as a loss: where an
    eigenvalue of the Hessian exceeds 2/h, its gradient points the other way.

    Args:
        loss: E, a JAX function (θ, *data) ↦ a number.
        h: the learning rate, a number; it may be traced.
        has_aux: the loss returns a pair (number, auxiliary), and so does the new one.

    Returns:
        A function (θ, *data) ↦ E − (h/4)|∇E|².

    Raises:
        InputError: as `explicit_gradient_regularization`.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equation (4), with the sign reversed; it is
        the modifying integrator of Chartier, Hairer and Vilmart 2007,
        doi:10.1090/S0025-5718-07-01967-9, to order 1.

    Example:
        >>> loss = without_implicit_regularization(lambda x: (x**2).sum() / 2, h=0.5)
        >>> jax.grad(loss)(jnp.array([1.0]))  # (I − (h/2)H)∇E
        Array([0.75], dtype=float32)
    """
    return explicit_gradient_regularization(loss, -h / 4, has_aux=has_aux)


class RegularizationState(NamedTuple):
    """The state of `add_explicit_gradient_regularization`: the steps taken, for a scheduled μ."""

    step: jax.Array


def add_explicit_gradient_regularization(
    mu: float | jax.Array | Schedule, normalization: Normalization = "sum"
) -> optax.GradientTransformationExtraArgs:
    """A link of an optax chain that adds ∇(μ|∇E|²) = 2μ H∇E to the updates, or ∇(μR_IG).

    As `optax.add_decayed_weights` does for |θ|². At the head of a chain the updates are ∇E and
    become ∇E_μ; behind other links, such as one that clips, ∇E_μ − ∇E is added to theirs.

    Args:
        mu: μ, a number of either sign, or an optax schedule.
        normalization: "sum" for μ|∇E|² (equation 8), "mean" for μR_IG = (μ/m)|∇E|² (A.31).

    Returns:
        A transformation whose update is to be given `value_fn`, the loss as a function of the
        parameters alone, on the batch of this step: `update(gradient, state, params, value_fn=E)`.
        It forms ∇E anew, in one linearization with H∇E; inside one jitted step the compiler finds
        that the gradient handed in is the same, and one gradient and one Hessian-vector product
        are what is left. Sharded arrays stay as they are sharded.

    Raises:
        InputError: the normalization is unknown; or, in an update: `params` or `value_fn` is
            missing, the loss is no single number.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equation (8).

    Example:
        >>> loss = lambda theta: (theta**2).sum() / 2
        >>> optimizer = optax.chain(add_explicit_gradient_regularization(mu=0.5), optax.sgd(0.1))
        >>> theta = jnp.array([1.0, 1.0])
        >>> state = optimizer.init(theta)
        >>> updates, state = optimizer.update(jax.grad(loss)(theta), state, theta, value_fn=loss)
        >>> updates  # −h(I + 2μH)∇E
        Array([-0.2, -0.2], dtype=float32)
    """
    _check(normalization)

    def init(params: PyTree) -> RegularizationState:
        return RegularizationState(jnp.zeros((), jnp.int32))

    def update(
        updates: PyTree,
        state: RegularizationState,
        params: PyTree | None = None,
        *,
        value_fn: Loss | None = None,
        **extra: Any,
    ) -> tuple[PyTree, RegularizationState]:
        missing = "the parameters" if params is None else "value_fn=, the loss of this step"
        if params is None or value_fn is None:
            raise InputError(
                f"explicit gradient regularization needs {missing}: call "
                "update(gradient, state, params, value_fn=loss)"
            )
        pytrees.check_loss(value_fn, params)
        coefficient = mu(state.step) if callable(mu) else mu
        weight = 2 * _weight(coefficient, normalization, params)
        _, _, gradient, hessian = _linearized(value_fn, False, params, ())
        change = pytrees.scaled(weight, hessian(gradient))
        regularized = jax.tree.map(lambda u, c: u + c.astype(u.dtype), updates, change)
        return regularized, RegularizationState(optax.safe_increment(state.step))

    return optax.GradientTransformationExtraArgs(init, update)


def cancel_implicit_regularization(
    learning_rate: float | jax.Array | Schedule,
) -> optax.GradientTransformationExtraArgs:
    """A link of an optax chain that cancels the implicit regularization to first order: μ = −h/4.

    In front of `optax.sgd(h)` it makes a step of gradient descent follow the gradient flow of E
    with an error of O(h³) in place of O(h²).

    Args:
        learning_rate: h, a number or an optax schedule: that of the descent behind it.

    Returns:
        `add_explicit_gradient_regularization` with μ = −h/4; its update needs `value_fn`.

    Raises:
        InputError: as `add_explicit_gradient_regularization`.

    Source: as `without_implicit_regularization`.

    Example:
        >>> loss = lambda theta: (theta**2).sum() / 2
        >>> optimizer = optax.chain(cancel_implicit_regularization(0.1), optax.sgd(0.1))
        >>> theta = jnp.array([1.0])
        >>> updates, _ = optimizer.update(theta, optimizer.init(theta), theta, value_fn=loss)
        >>> print(theta + updates)  # 1 − h + h²/2, where the flow goes to exp(−h)
        [0.905]
    """
    if callable(learning_rate):
        schedule = learning_rate
        return add_explicit_gradient_regularization(lambda count: -schedule(count) / 4)
    return add_explicit_gradient_regularization(-learning_rate / 4)


def _linearized(
    loss: Loss, has_aux: bool, theta: PyTree, data: tuple[Any, ...]
) -> tuple[jax.Array, Any, PyTree, Callable[[PyTree], PyTree]]:
    """E, the auxiliary part, ∇E and the map v ↦ Hv, from one linearization."""
    gradient = jax.value_and_grad(lambda theta: loss(theta, *data), has_aux=has_aux)
    (value, slope), linear_map = jax.linearize(gradient, theta)
    value, aux = value if has_aux else (value, None)
    return value, aux, slope, lambda v: linear_map(v)[1]


def _sum(value: jax.Array, penalty: jax.Array) -> jax.Array:
    """E + the penalty, in the dtype of E."""
    return (value + penalty).astype(value.dtype)


def _weight(mu: Any, normalization: Normalization, theta: PyTree) -> jax.Array:
    """The factor of |∇E|², in the precision in which that is summed."""
    dtype = jnp.promote_types(jnp.result_type(jax.tree.leaves(theta)[0]), jnp.float32)
    weight = mu / pytrees.size(theta) if normalization == "mean" else mu
    return jnp.asarray(weight, dtype)


def _check(normalization: str) -> None:
    if normalization not in ("sum", "mean"):
        raise InputError(
            f"unknown normalization {normalization!r}: use 'sum' for μ|∇E|² or 'mean' for μR_IG"
        )


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, SymbolicZero)


def _dense(tangent: Any) -> Any:
    if not isinstance(tangent, SymbolicZero):
        return tangent
    make = np.zeros if tangent.dtype == jax.dtypes.float0 else jnp.zeros
    return make(tangent.shape, tangent.dtype)
