"""A kernel that returns only numbers of which half the digits are known to be right.

Its value comes with a bound on the round-off in it (`running_error`). Where the bound exceeds half
of the digits, one of three things happens:

* where the kernel is called with numbers, the value is computed anew in multiprecision
  (`certified_field`) and returned with all its digits;
* inside jit, vmap and grad it is nan,
* unless it is near a zero of the field, where a flow may end, and is the value at a θ moved by
  eps^(2/3) of it, or of 1 if it is smaller: then it is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bea.errors import InputError
from bea.symbolic.coordinates.symbols import name_of
from bea.symbolic.kernels.running_error import with_bound

NEAR = 0.1
"""Near a zero a value is so much smaller than one at eps^(1/3) of |θ| away from it."""

Field = Callable[[jax.Array, jax.Array], jax.Array]
Certified = Callable[[Any, Any, int], Any]


def checked_kernel(
    field: Field,
    certified: Certified,
    *,
    names: tuple[str, ...],
    is_checked: bool = True,
    rounded: Collection[float] = (),
) -> Callable[..., Any]:
    """The kernel of a field (θ, h) ↦ f̃(θ, h).

    Args:
        field: a JAX function of θ, shape (m,), and h, shape ().
        certified: θ and h as floats, and bits ↦ the components, right to so many bits.
        names: of the parameters, m of them.
        is_checked: without, the value is returned as it comes.
        rounded: constants of the field that are not exact, as in `with_bound`.

    Returns:
        A function of θ, shape (…, m), or a dictionary of the parameters by name, and of h, a number
        or an array that broadcasts against the leading axes of θ. Its value has the form and the
        dtype of θ.
    """
    bounded = with_bound(field, rounded)
    weights = np.random.default_rng(0).uniform(0.5, 1.0, len(names))
    signs = np.random.default_rng(1).choice([-1.0, 1.0], len(names))

    each = jax.vmap(bounded)

    def is_known(value: jax.Array, bound: jax.Array, allowed: jax.Array) -> jax.Array:
        smallest = 8 * float(jnp.finfo(value.dtype).tiny)  # what is lost below the range of floats
        return (bound <= allowed + smallest) & jnp.isfinite(value)

    def few_digits(theta: jax.Array, h: jax.Array) -> jax.Array:
        """Which components at points (N, m) have lost half of their digits, or may have."""
        value, bound = each(theta, h)
        return ~is_known(value, bound, float(jnp.finfo(theta.dtype).eps) ** 0.5 * jnp.abs(value))

    def few_digits_away_from_zeros(theta: jax.Array, h: jax.Array) -> jax.Array:
        """The same, but for what is as exact as a slightly moved θ, near a zero.

        Nothing is derived by it: it decides, and does not contribute to the value.
        """
        theta, h = jax.lax.stop_gradient((theta, h))
        eps = float(jnp.finfo(theta.dtype).eps)
        move = eps ** (1 / 3)
        size = jnp.maximum(jnp.abs(theta), 1.0)
        direction = size * jnp.asarray(weights * signs, theta.dtype)
        points = jnp.stack([theta, theta + move * direction], axis=1)
        values, bounds = jax.vmap(each, (1, None), 1)(points, h)
        (value, there), (bound, bound_there) = (jnp.moveaxis(a, 1, 0) for a in (values, bounds))
        # |f'|·max(|θ|, 1) to within a factor, certainly; and no more than there is close to θ.
        slope = (jnp.abs(there - value) - bound - bound_there) / move
        close = jax.vmap(field)(theta + eps**0.5 * direction, h)
        slope = jnp.minimum(slope, (jnp.abs(close - value) + 4 * bound) / eps**0.5)
        allowed = eps**0.5 * jnp.abs(value)
        is_near = jnp.abs(value) <= NEAR * jnp.abs(there)
        near_zero = jnp.fmax(allowed, eps ** (2 / 3) * slope)
        return ~is_known(value, bound, jnp.where(is_near, near_zero, allowed))

    @jax.jit  # a derivative that is taken outside of jit would run it operation by operation
    def inside_a_transformation(theta: jax.Array, h: jax.Array) -> jax.Array:
        # A factor, and not a choice: the derivatives of what is nan are nan too.
        sign = jnp.where(few_digits_away_from_zeros(theta, h), jnp.nan, 1.0)
        return jax.vmap(field)(theta, h) * sign.astype(theta.dtype)

    plain = jax.jit(jax.vmap(field))
    value_and_few = jax.jit(lambda theta, h: (jax.vmap(field)(theta, h), few_digits(theta, h)))

    def with_numbers(theta: jax.Array, h: jax.Array) -> jax.Array:
        values, few = value_and_few(theta, h)
        missing = np.asarray(few)
        return (
            _completed(values, missing, points=theta, step=h, certified=certified)
            if missing.any()
            else values
        )

    def at_points(theta: jax.Array, h: jax.Array) -> jax.Array:
        theta, short = (
            (theta.astype(jnp.float32), theta.dtype)
            if jnp.finfo(theta.dtype).bits < 32
            else (theta, None)
        )
        shape = theta.shape
        step = _step_sizes(h, theta.dtype, shape[:-1]).reshape(-1)
        points = theta.reshape(-1, shape[-1])
        is_traced = isinstance(points, jax.core.Tracer) or isinstance(step, jax.core.Tracer)
        if not is_checked:
            values = plain(points, step)
        else:
            values = (inside_a_transformation if is_traced else with_numbers)(points, step)
        values = values.reshape(shape)
        return values if short is None else values.astype(short)

    def kernel(theta: Any, h: Any) -> Any:
        if isinstance(theta, dict):
            values = at_points(_array(_stacked(theta, names), names), h)
            return {name: values[..., i] for i, name in enumerate(theta_names(theta, names))}
        return at_points(_array(theta, names), h)

    return kernel


def _completed(
    values: jax.Array,
    missing: np.ndarray,
    *,
    points: jax.Array,
    step: jax.Array,
    certified: Certified,
) -> jax.Array:
    """The values with those that are missing computed in multiprecision."""
    filled = np.array(values)
    bits = int(-np.log2(float(jnp.finfo(values.dtype).eps))) + 2
    for n in np.flatnonzero(missing.any(axis=1)):
        exact = certified([float(t) for t in points[n]], float(step[n]), bits)
        with np.errstate(over="ignore"):  # beyond the largest float is infinity
            filled[n] = np.where(missing[n], np.asarray(exact).astype(filled.dtype), filled[n])
    return jnp.asarray(filled)


def _array(theta: Any, names: tuple[str, ...]) -> jax.Array:
    """θ as an array of floating-point numbers whose last axis holds the parameters."""
    try:
        theta = jnp.asarray(theta)
    except (TypeError, ValueError):
        raise InputError(
            f"theta is {type(theta).__name__}: give an array whose last axis holds the parameters "
            f"{', '.join(names)}, or a dictionary of them by name"
        ) from None
    if jnp.issubdtype(theta.dtype, jnp.complexfloating):
        raise InputError("theta is complex: the field is one of real numbers")
    if not jnp.issubdtype(theta.dtype, jnp.floating):
        theta = theta.astype(jnp.result_type(float))
    if theta.shape[-1:] != (len(names),):
        raise InputError(
            f"theta has shape {theta.shape}, but its last axis must hold the {len(names)} "
            f"parameter{'s' * (len(names) != 1)} {', '.join(names)}"
        )
    return theta


def _step_sizes(h: Any, dtype: Any, shape: tuple[int, ...]) -> jax.Array:
    """The step sizes for points of this shape."""
    try:
        sizes = jnp.asarray(h, dtype)
    except (TypeError, ValueError):
        raise InputError(f"the step size is {h!r}: give a real number, or an array") from None
    try:
        return jnp.broadcast_to(sizes, shape)
    except ValueError:
        raise InputError(
            f"the step sizes have shape {sizes.shape}, the points {shape}: give one for all or "
            "one for each"
        ) from None


def theta_names(theta: dict[Any, Any], names: tuple[str, ...]) -> list[Any]:
    """The keys of a dictionary of parameters, in the order of the parameters.

    Raises:
        InputError: they are not the parameters.
    """
    keys = {name_of(key): key for key in theta}
    if set(keys) != set(names) or len(keys) != len(theta):
        given = ", ".join(map(str, theta)) or "nothing"
        raise InputError(
            f"theta is a dictionary of {given}: give one number for each of {', '.join(names)}"
        )
    return [keys[name] for name in names]


def _stacked(theta: dict[Any, Any], names: tuple[str, ...]) -> Any:
    columns = [jnp.asarray(theta[key]) for key in theta_names(theta, names)]
    return jnp.stack(jnp.broadcast_arrays(*columns), axis=-1)
