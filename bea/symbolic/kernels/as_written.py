"""Kernels by trees on the input as it was written.

f is built from the loss or field as its author factored it, and the corrections are the trees of
the method on it, by Jacobian-vector products (`elementary_differentials`). Nothing is multiplied
out, sums over data stay sums, and a kernel costs what the loss costs, times a small factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import sympy as sp
from sympy import Expr

from bea.symbolic.kernels.elementary_differentials import correction_kernels
from bea.symbolic.kernels.expressions import evaluate
from bea.symbolic.trees.tree import Tree

MAX_ORDER_BY_TREES = 3
"""Beyond, there are nine trees of five nodes and more, and they take long to compile."""


def kernel_as_written(
    f: Sequence[Expr],
    loss: Expr | None,
    *,
    params: Sequence[sp.Symbol],
    orders: Sequence[Mapping[Tree, float]],
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """(θ, h) ↦ f_0 + h f_1 + … + h^p f_p by the trees of a method on f.

    Args:
        f: the components of the field, without constants; not used where there is a loss.
        loss: E, for f = −∇E, without constants.
        params: the parameters.
        orders: for each l the factors b(τ)/σ(τ) of the trees of f_l.

    Returns:
        A function of θ, shape (m,), and h, shape ().
    """

    def evaluated(expressions: Sequence[Expr], theta: jax.Array) -> list[jax.Array]:
        point = {p: theta[i] for i, p in enumerate(params)}
        found = evaluate(expressions, point, theta.dtype)
        return [jnp.broadcast_to(jnp.asarray(v, theta.dtype), ()) for v in found]

    def field(theta: jax.Array) -> jax.Array:
        if loss is not None:
            return -jax.grad(lambda t: evaluated([loss], t)[0])(theta)
        return jnp.stack(evaluated(f, theta))

    corrections = correction_kernels(orders, field, is_smooth=True)

    def kernel(theta: jax.Array, h: jax.Array) -> jax.Array:
        *lower, total = corrections(theta)
        for f_l in reversed(lower):  # Horner in h
            total = f_l + h * total
        return total

    return kernel
