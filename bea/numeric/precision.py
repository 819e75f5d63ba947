"""float64 for a block of code, and for no more than that."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module

import jax


def double_precision() -> AbstractContextManager[object]:
    """A context in which JAX computes in float64, whatever its configuration outside.

    Example:
        >>> import jax.numpy as jnp
        >>> with double_precision():
        ...     print(jnp.ones(1).dtype)
        float64
    """
    # JAX keeps this context manager in its own namespace since 0.8, in jax.experimental before.
    home = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")
    return home.enable_x64(True)
