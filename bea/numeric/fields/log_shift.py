"""The modified field from the iterates alone: the logarithm of the shift operator.

The iterates θ_0, θ_1, … of a near-identity step are the flow of f̃ at the times 0, h, 2h, …, so that
h f̃ = log(1 + Δ) θ = Σ_{k≥1} (−1)^{k+1}/k · Δ^k θ_0. No derivative of f is needed, and the step may
be any program. Where f is not smooth the sum has a value, and no meaning. Differences of θ would
lose the digits in which the answer lies; the increments (θ_{j+1} − θ_j)/h have them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import jax
import jax.numpy as jnp

from bea.errors import InputError
from bea.whole_numbers import whole_number

PyTree = Any


def log_shift_estimate(
    increment: Callable[..., PyTree], theta: PyTree, h: Any, steps: int = 4
) -> PyTree:
    """An estimate of f̃(θ) from K steps: f̃ = Σ_{k=0}^{K−1} (−1)^k/(k+1) · Δ^k φ(θ_0) + O(h^K).

    Args:
        increment: φ with θ⁺ = θ + h φ(θ); for gradient descent minus the gradient of the loss. A
            JAX function from a pytree of floating-point arrays to one like it. For a step whose
            increment depends on h, hand over what it is at this h.
        theta: θ_0, a pytree of floating-point arrays.
        h: the step size, a number; not zero.
        steps: K ≥ 1, the number of evaluations of φ, and the order of the error: f̃ is met up to
            O(h^K), that is, to the order K − 1 of the modified equation.

    Returns:
        The estimate, a pytree like θ. Round-off in φ is amplified by (2^K − 1)/K at most.

    Raises:
        InputError: K is not a whole number from 1 on.

    Source: HLW IX.1 and III; the expansion log(1 + Δ) = Δ − Δ²/2 + ….

    Example:
        >>> log_shift_estimate(lambda x: -x, jnp.array([1.0]), 0.1, steps=3)  # log(0.9)/0.1
        Array([-1.0533334], dtype=float32)
    """
    K = whole_number(steps)
    if K is None or K < 1:
        raise InputError(f"the number of steps is {steps}: give a whole number, 1 or more")
    # Σ_k (−1)^k/(k+1) Σ_j (−1)^{k−j} C(k,j) φ_j, summed over k for every φ_j
    weights = [(-1) ** j * sum(comb(k, j) / (k + 1) for k in range(j, K)) for j in range(K)]
    total = None
    for j, weight in enumerate(weights):
        phi = increment(theta)
        part = jax.tree.map(lambda x, w=weight: w * x, phi)
        total = part if total is None else jax.tree.map(jnp.add, total, part)
        if j < K - 1:
            theta = jax.tree.map(lambda t, x: t + jnp.asarray(h, x.dtype) * x, theta, phi)
    return total
