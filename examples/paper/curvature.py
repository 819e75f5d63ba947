"""The largest curvature of a loss, λ_max of its Hessian, by Hessian-vector products alone."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np


def largest_eigenvalue(
    product: Callable[[jax.Array], jax.Array], start: jax.Array, steps: int
) -> float:
    """The largest eigenvalue of a symmetric matrix H, by Lanczos' iteration.

    Args:
        product: v ↦ Hv.
        start: a vector that has a part in the eigenvector; ∇E, if it is descent that matters.
        steps: of the iteration, each one product.

    Returns:
        The eigenvalue; NaN if a product is not finite.
    """
    basis, diagonal, beside = [start / jnp.linalg.norm(start)], [], []
    for _ in range(min(steps, start.size)):
        w = product(basis[-1])
        diagonal.append(float(basis[-1] @ w))
        for v in basis * 2:  # twice is enough for vectors orthogonal to round-off
            w = w - (v @ w) * v
        beside.append(float(jnp.linalg.norm(w)))
        if not beside[-1] > 1e-10 * max(map(abs, diagonal)):  # they span an invariant space
            break
        basis.append(w / beside[-1])
    tridiagonal = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
    return float(np.linalg.eigvalsh(tridiagonal)[-1]) if np.isfinite(tridiagonal).all() else np.nan
