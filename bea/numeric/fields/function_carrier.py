"""The recursion on JAX functions of pytrees: the general carrier, with no trees in it.

A field is a function θ ↦ v(θ), a combination is pointwise, and the Lie derivative is one
Jacobian-vector product, D_v g = g'·v. The recursion (`bea.symbolic.recursion`) then runs on any
network as it stands. Every L_{n,k} is a closure over others, so that functions are evaluated many
times over: f_3 of gradient descent costs 33 to 42 gradients in place of about 10. It is here as the
independent road to `Series.to_jax`, and for one-step maps that are no Runge–Kutta method.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from bea.pytrees import Field, PyTree, added, scaled


class FunctionCarrier:
    """Fields as JAX functions of pytrees, for `modified_fields` and the like.

    Source: mathematics of `bea.symbolic.recursion`; HLW IX.1.

    Example:
        >>> from itertools import islice
        >>> from bea.symbolic.recursion import modified_fields
        >>> f = lambda theta: {"w": -theta["w"]}
        >>> euler = {1: f}.get  # θ⁺ = θ + h f(θ)
        >>> fields = islice(modified_fields(FunctionCarrier(), euler), 3)
        >>> [round(float(f_l({"w": 1.0})["w"]), 4) for f_l in fields]  # log(1 − h)/h
        [-1.0, -0.5, -0.3333]
    """

    def combine(self, terms: Iterable[tuple[Any, Field]]) -> Field:
        """θ ↦ Σ c·g(θ); the empty sum is zero."""
        weighted = [(float(c), g) for c, g in terms]

        def total(theta: PyTree) -> PyTree:
            result = jax.tree.map(jnp.zeros_like, theta)
            for c, g in weighted:
                result = added(result, scaled(c, g(theta)))
            return result

        return total

    def derive(self, g: Field, along: Field) -> Field:
        """θ ↦ g'(θ)·v(θ) for v = `along`, a function of θ that later derivatives see."""
        return lambda theta: jax.jvp(g, (theta,), (along(theta),))[1]
