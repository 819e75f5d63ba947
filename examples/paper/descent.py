"""The optimizer of the paper's experiments: plain SGD, or SGD with explicit regularization (8)."""

from __future__ import annotations

from functools import lru_cache

import optax

import bea
from bea.numeric.training.ensemble import Optimizer


@lru_cache
def descent(mu: float) -> Optimizer:
    """Plain SGD on E + μ|∇E|², as a function of the learning rate.

    The same function for the same μ, so that what JAX has compiled for it is found again.
    """
    if not mu:
        return optax.sgd
    return lambda h: optax.chain(bea.add_explicit_gradient_regularization(mu), optax.sgd(h))
