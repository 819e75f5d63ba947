"""The geometry of a loss at a point: slope, implicit gradient regularizer, metric, modified loss.

Everything here is a function of E and |∇E|², so that one gradient evaluation gives all of it. With
m parameters and learning rate h:

    R_IG = |∇E|²/m,   λ = hm/4,   Ẽ = E + λ R_IG = E + (h/4)|∇E|²         (2)–(4)
    slope = |∇E| = tan α = √(m R_IG)                                      (9), (A.15)–(A.18)
    g_ij = δ_ij + ∂_iE ∂_jE,   det g = 1 + |∇E|²                          (A.19)

of Barrett and Dherin (2020), arXiv:2009.11162. Ẽ as a loss to be minimized is in `explicit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from bea import pytrees
from bea.pytrees import Loss, PyTree


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["loss", "gradient", "squared_norm", "aux"],
    meta_fields=["parameters"],
)
@dataclass(frozen=True)
class GradientGeometry:
    """A loss and its gradient at a point, and what follows from them alone.

    It is a pytree, so that jitted and mapped functions may return it.

    Attributes:
        loss: E, a number.
        gradient: ∇E, a pytree like θ.
        squared_norm: |∇E|², summed in float32 at least.
        parameters: m, the number of parameters.
        aux: what the loss returned beside its value, with has_aux=True; else None.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equations (2)–(4), (9), (A.15)–(A.19).
    """

    loss: jax.Array
    gradient: PyTree = field(repr=False)
    squared_norm: jax.Array
    parameters: int
    aux: Any = field(default=None, repr=False)

    @property
    def implicit_gradient_regularizer(self) -> jax.Array:
        """R_IG = |∇E|²/m (3)."""
        return self.squared_norm / self.parameters

    @property
    def slope(self) -> jax.Array:
        """|∇E| = tan α = √(m R_IG), the slope of the loss surface (A.17)."""
        return jnp.sqrt(self.squared_norm)

    @property
    def angle(self) -> jax.Array:
        """α = arctan |∇E|, in radians, between the loss surface and the horizontal (A.15)."""
        return jnp.arctan(self.slope)

    @property
    def cosine(self) -> jax.Array:
        """The cosine of that angle, 1/√(1 + m R_IG) (A.16)."""
        return 1 / jnp.sqrt(self.metric_determinant)

    @property
    def metric_determinant(self) -> jax.Array:
        """The determinant 1 + m R_IG of g, the metric induced on the loss surface (A.19)."""
        return 1 + self.squared_norm

    def regularization_rate(self, h: Any) -> Any:
        """λ = hm/4 for the learning rate h (2)."""
        return h * self.parameters / 4

    def modified_loss(self, h: Any) -> jax.Array:
        """Ẽ = E + λ R_IG = E + (h/4)|∇E|² for the learning rate h (4), the number.

        Its parts are added in the precision of |∇E|². The function, to be differentiated, is
        `bea.modified_loss`.
        """
        return self.loss + h / 4 * self.squared_norm


def gradient_geometry(loss: Loss, has_aux: bool = False) -> Callable[..., GradientGeometry]:
    """E, ∇E, R_IG, the slope and all that follows from them, by one gradient evaluation.

    Args:
        loss: E, a JAX function (θ, *data) ↦ a number, θ a pytree of floating-point arrays of one
            dtype.
        has_aux: the loss returns a pair (number, auxiliary), such as the new batch statistics.

    Returns:
        A function (θ, *data) ↦ `GradientGeometry`; it may be jitted, vmapped and differentiated.

    Raises:
        InputError: when the function is called: the loss is no single number, θ has integer leaves
            or leaves of several dtypes.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equations (2)–(4), (9), (A.15)–(A.19).

    Example:
        >>> geometry = gradient_geometry(lambda theta: theta["w"] ** 2)({"w": 2.0})
        >>> geometry
        GradientGeometry(loss=Array(4., ...), squared_norm=Array(16., ...), parameters=1)
        >>> float(geometry.slope), float(geometry.modified_loss(0.1))
        (4.0, 4.4...)
    """

    def geometry(theta: PyTree, *data: Any) -> GradientGeometry:
        pytrees.check_loss(loss, theta, *data, has_aux=has_aux)
        value, gradient = jax.value_and_grad(loss, has_aux=has_aux)(theta, *data)
        value, aux = value if has_aux else (value, None)
        squared_norm = pytrees.inner(gradient, gradient)
        return GradientGeometry(value, gradient, squared_norm, pytrees.size(theta), aux)

    return geometry


def implicit_gradient_regularizer(loss: Loss, has_aux: bool = False) -> Callable[..., jax.Array]:
    """R_IG(θ) = |∇E(θ)|²/m, the implicit gradient regularizer.

    Gradient descent with learning rate h minimizes E + λ R_IG to first order, with λ = hm/4.

    Args:
        loss: E, a JAX function (θ, *data) ↦ a number.
        has_aux: the loss returns a pair (number, auxiliary).

    Returns:
        A function (θ, *data) ↦ R_IG. `gradient_geometry` has E and ∇E besides, at no more cost.

    Raises:
        InputError: as `gradient_geometry`.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equation (3).

    Example:
        >>> R = implicit_gradient_regularizer(lambda theta: (theta**2).sum())
        >>> print(R(jnp.array([1.0, 2.0])))  # (2² + 4²)/2
        10.0
    """
    geometry = gradient_geometry(loss, has_aux)
    return lambda theta, *data: geometry(theta, *data).implicit_gradient_regularizer


def slope(loss: Loss, has_aux: bool = False) -> Callable[..., jax.Array]:
    """The slope of the loss surface, |∇E(θ)| = tan α = √(m R_IG).

    Args:
        loss: E, a JAX function (θ, *data) ↦ a number.
        has_aux: the loss returns a pair (number, auxiliary).

    Returns:
        A function (θ, *data) ↦ |∇E|. `gradient_geometry` has E and ∇E besides, at no more cost.

    Raises:
        InputError: as `gradient_geometry`.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equations (9) and (A.17).

    Example:
        >>> print(slope(lambda theta: (theta**2).sum())(jnp.array([1.5, 2.0])))
        5.0
    """
    geometry = gradient_geometry(loss, has_aux)
    return lambda theta, *data: geometry(theta, *data).slope
