"""float64 for a block of code, and for no more than that."""

from __future__ import annotations

from contextlib import AbstractContextManager

import jax


def double_precision() -> AbstractContextManager[object]:
    """A context in which JAX computes in float64, whatever its configuration outside.

    Example:
        >>> import jax.numpy as jnp
        >>> with double_precision():
        ...     print(jnp.ones(1).dtype)
        float64
    """
    if hasattr(jax, "enable_x64"):  # a context manager of its own since JAX 0.8
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64(True)
