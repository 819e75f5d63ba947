"""Functions for JAX whose values and derivatives keep their digits, however often they are derived.

Automatic differentiation writes tanh' as 1 − tanh² and sigmoid' as s(1 − s): for large arguments
nothing is left of either. And sin(u)/u loses its derivatives near u = 0 although nothing happens
there. Each function here comes in a family that is closed under differentiation, and every member
of it is computed without cancellation and without overflow:

    tanh' = sech²,  (sech²)' = −2 tanh sech²,  sech' = −tanh sech
                                                  sigmoid' = s(u) s(−u),  softplus' = sigmoid
    (log cosh)' = tanh                              j_0 = sin(u)/u,  i_0 = sinh(u)/u

with the spherical Bessel functions j_n' = (n j_{n−1} − (n + 1) j_{n+1})/(2n + 1) and the modified
ones i_n' = (n i_{n−1} + (n + 1) i_{n+1})/(2n + 1) (NIST Digital Library of Mathematical Functions,
10.51). `expressions` recognizes them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import factorial, prod
from typing import Any

import jax
import jax.numpy as jnp

Function = Callable[[Any], Any]

PREFIX = "stable_"
"""What their names begin with where a jaxpr calls them."""

STEEPNESS: dict[str, Callable[[Any, Any, Any], Any] | None] = {}
"""By the name under which a jaxpr calls a function: (u, y, e) ↦ a bound on |y'| within e of u, for
bounds on errors; None where there is none but the derivative itself."""

BY_NAME: dict[str, Function] = {}
"""The functions by these names."""

SERIES_TERMS = 14
"""Terms of a power series: for |u| ≤ n + 1 they leave 10⁻¹⁷ of j_n and i_n."""


def with_derivative(
    compute: Function,
    derivative: Function,
    name: str,
    steepness: Callable[[Any, Any, Any], Any] | None = None,
) -> Function:
    """A function with a derivative of its own, called by this name in a jaxpr.

    Args:
        compute: the function.
        derivative: its derivative, of such functions again.
        name: a name that no other such function has.
        steepness: (u, y, e) ↦ a bound on the absolute value of the derivative within e of u.
    """
    compute.__name__ = PREFIX + name
    function = jax.custom_jvp(jax.jit(compute))
    function.defjvps(lambda t, y, u: derivative(u) * t)
    BY_NAME[compute.__name__], STEEPNESS[compute.__name__] = function, steepness
    return function


def _sech_squared(u: Any) -> Any:
    e = jnp.exp(-2 * jnp.abs(u))
    return 4 * e / (1 + e) ** 2


def _sigmoid(u: Any) -> Any:
    e = jnp.exp(-jnp.abs(u))
    return jnp.where(u < 0, e, 1.0) / (1 + e)


def _log_cosh(u: Any) -> Any:
    near = jnp.abs(u) < 1
    half = jnp.sinh(jnp.where(near, u, 0.0) / 2)
    far = jnp.abs(u) + jnp.log1p(jnp.exp(-2 * jnp.abs(u))) - jnp.log(2.0).astype(u.dtype)
    return jnp.where(near, jnp.log1p(2 * half**2), far)


def _least(u: Any, e: Any) -> Any:
    """The least absolute value within e of u."""
    return jnp.maximum(jnp.abs(u) - e, 0.0)


tanh: Function = with_derivative(
    lambda u: jnp.tanh(u),
    lambda u: sech_squared(u),
    "tanh",
    lambda u, y, e: 4 * jnp.exp(-2 * _least(u, e)),
)
sech_squared: Function = with_derivative(
    _sech_squared,
    lambda u: -2 * tanh(u) * sech_squared(u),
    "sech_squared",
    lambda u, y, e: 8 * jnp.exp(-2 * _least(u, e)),
)
sech: Function = with_derivative(
    lambda u: 2 * jnp.exp(-jnp.abs(u)) / (1 + jnp.exp(-2 * jnp.abs(u))),
    lambda u: -tanh(u) * sech(u),
    "sech",
    lambda u, y, e: 2 * jnp.exp(-_least(u, e)),
)
sigmoid: Function = with_derivative(
    _sigmoid,
    lambda u: sigmoid(u) * sigmoid(-u),
    "sigmoid",
    lambda u, y, e: jnp.exp(-_least(u, e)),
)
softplus: Function = with_derivative(
    lambda u: jnp.maximum(u, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(u))),
    lambda u: sigmoid(u),
    "softplus",
    lambda u, y, e: jnp.exp(jnp.minimum(u + e, 0.0)),
)
log_cosh: Function = with_derivative(
    _log_cosh, lambda u: tanh(u), "log_cosh", lambda u, y, e: jnp.minimum(jnp.abs(u) + e, 1.0)
)


@cache
def spherical(n: int, sign: int) -> Function:
    """The spherical Bessel function j_n for sign −1, and the modified i_n for sign +1.

    Args:
        n: its order, 0 for sin(u)/u and sinh(u)/u.
        sign: −1 or +1.
    """

    def derivative(u: Any) -> Any:
        upper = (n + 1) * spherical(n + 1, sign)(u)
        lower = n * spherical(n - 1, sign)(u) if n else 0.0
        return (lower + sign * upper) / (2 * n + 1)

    def steepness(u: Any, y: Any, e: Any) -> Any:
        """By y' = n y/u ± y_{n+1}, and |j_{n+1}| ≤ |u|^{n+1}/(2n + 3)!!, |i_{n+1}| ≤ |i_n|."""
        size = jnp.abs(u) + e
        upper = jnp.abs(y) if sign > 0 else jnp.minimum(1.0, size ** (n + 1))
        return upper if n == 0 else upper + n * jnp.abs(y) / jnp.where(size > 0, size, 1.0)

    return with_derivative(
        lambda u: _spherical(u, n, sign),
        derivative,
        f"spherical_{'i' if sign > 0 else 'j'}{n}",
        steepness,
    )


def _spherical(u: Any, n: int, sign: int) -> Any:
    """By the power series near 0, by recurrence upwards from n = 0 and 1 elsewhere.

    u^n Σ_k (±u²/2)^k / (k! (2n + 2k + 1)!!), and y_{n+1} = ±(y_{n−1} − (2n + 1)/u · y_n).
    """
    near = jnp.abs(u) < n + 1
    small, large = jnp.where(near, u, 0.0), jnp.where(near, n + 2.0, u)
    total = jnp.zeros_like(u)
    for k in reversed(range(SERIES_TERMS)):
        odd = prod(range(1, 2 * n + 2 * k + 2, 2))
        # Horner in u²/2, in units of the first coefficient, which float32 holds for every n.
        total = total * small**2 * (sign / 2) + 1 / (
            factorial(k) * odd / prod(range(1, 2 * n + 2, 2))
        )
    series = small**n * total / prod(range(1, 2 * n + 2, 2))
    s, c = (jnp.sinh(large), jnp.cosh(large)) if sign > 0 else (jnp.sin(large), jnp.cos(large))
    before, value = s / large, sign * (c / large - s / large**2)
    if n == 0:
        value = before
    for m in range(1, n):
        before, value = value, sign * (before - (2 * m + 1) / large * value)
    return jnp.where(near, series, value)
