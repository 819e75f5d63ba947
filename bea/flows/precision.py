"""float64 for a block of code, and for no more than that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

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


def unjitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself of one that Equinox jits.

    Its cache keeps every field that was ever handed to `diffeqsolve`, 5 to 11 MB each. Inside a jit
    of our own, which goes when the equation goes, nothing is kept.
    """
    return getattr(function, "__wrapped__", function)
