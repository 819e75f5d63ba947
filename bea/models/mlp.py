"""The multilayer perceptron of the paper's MNIST experiments (section 7, appendix E), on Flax.

n–w–…–w–c: hidden layers of one width, an activation after each, and a linear layer for the classes.
The paper's has five hidden layers, which is what its 9.6 × 10⁵ parameters at width 400 mean.
Its losses are in `bea.models.losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn


class MLP(nn.Module):
    """A perceptron with hidden layers of one width.

    Attributes:
        width: n_l, the units of a hidden layer.
        depth: the number of hidden layers.
        classes: the number of outputs.
        activation: any function of an array, entry by entry. The paper's ReLU has kinks, and the
            modified equation beyond order 0 asks for a smooth one: jax.numpy.tanh, flax.linen.gelu.
        kernel_init: how the weights start; by default uniformly after He et al., var = 2/fan-in.
            Biases start at 0.
        dtype: in what the layers compute; by default in the dtype of inputs and parameters.
        param_dtype: the dtype of the parameters.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, section 7 and appendix E; He, Zhang, Ren
        and Sun 2015, arXiv:1502.01852, for the initialization.

    Example:
        >>> import jax.numpy as jnp
        >>> theta = MLP(width=400).init(jax.random.key(0), jnp.zeros((1, 28, 28)))["params"]
        >>> sum(leaf.size for leaf in jax.tree.leaves(theta))  # the paper's 9.6 × 10⁵
        959610
    """

    width: int = 400
    depth: int = 5
    classes: int = 10
    activation: Callable[[jax.Array], jax.Array] = nn.relu
    kernel_init: Callable[..., jax.Array] = nn.initializers.he_uniform()
    dtype: Any = None
    param_dtype: Any = jax.numpy.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The outputs (n, classes) for n inputs of any shape."""
        x = x.reshape(len(x), -1)
        for _ in range(self.depth):
            x = self.activation(self._layer(self.width)(x))
        return self._layer(self.classes)(x)

    def _layer(self, units: int) -> nn.Dense:
        return nn.Dense(
            units, kernel_init=self.kernel_init, dtype=self.dtype, param_dtype=self.param_dtype
        )
