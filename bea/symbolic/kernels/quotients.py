"""Quotients with a removable singularity, f(u)/u and u/f(u), finite at 0 and without overflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import sympy as sp

from bea.symbolic.kernels import stable_functions as stable


def tanh_over(u: Any) -> Any:
    """The quotient tanh(u)/u, finite at 0."""
    near = jnp.abs(u) < 1
    small, large = jnp.where(near, u, 0.0), jnp.where(near, 1.0, u)
    return jnp.where(
        near, stable.spherical(0, 1)(small) / jnp.cosh(small), stable.tanh(large) / large
    )


def expm1_over(u: Any) -> Any:
    """The quotient (e^u − 1)/u, which is e^{u/2} sinh(u/2)/(u/2) near 0."""
    near = jnp.abs(u) < 1
    half, large = jnp.where(near, u / 2, 0.0), jnp.where(near, 1.0, u)
    return jnp.where(near, jnp.exp(half) * stable.spherical(0, 1)(half), jnp.expm1(large) / large)


def over_sinh(u: Any) -> Any:
    """The quotient u/sinh(u), without overflow: 2|u| e^{−|u|}/(1 − e^{−2|u|}) for |u| > 1."""
    near, away = jnp.abs(u) < 1, jnp.abs(u)
    small, large = jnp.where(near, u, 0.0), jnp.where(near, 1.0, away)
    far = 2 * large * jnp.exp(-large) / -jnp.expm1(-2 * large)
    return jnp.where(near, 1 / stable.spherical(0, 1)(small), far)


def over_expm1(u: Any) -> Any:
    """The quotient u/(e^u − 1), without overflow: u e^{−u}/(1 − e^{−u}) for u > 1."""
    near, large = jnp.abs(u) < 1, jnp.where(jnp.abs(u) < 1, 1.0, u)
    half, away = jnp.where(near, u / 2, 0.0), jnp.abs(large)
    far = jnp.where(large > 0, jnp.exp(-away), 1.0) * away / -jnp.expm1(-away)
    return jnp.where(near, jnp.exp(-half) / stable.spherical(0, 1)(half), far)


OVER_ARGUMENT: dict[type, Callable[[Any], Any]] = {
    sp.sin: stable.spherical(0, -1),
    sp.sinh: stable.spherical(0, 1),
    sp.tan: lambda u: stable.spherical(0, -1)(u) / jnp.cos(u),
    sp.tanh: tanh_over,
}
"""The functions that vanish with u like u, over u."""

ARGUMENT_OVER: dict[type, Callable[[Any], Any]] = {sp.sinh: over_sinh}
"""Where u/f(u) is in range although f(u) is not."""
