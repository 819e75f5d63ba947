"""Residual networks for 32×32 images, ResNet-18 among them, on Flax.

A 3×3 stem without pooling, stages of basic blocks (conv–norm–act–conv–norm, added to a shortcut),
each stage after the first of half the resolution and twice the channels, the mean over the image, a
linear layer. With batch normalization the outputs of a training pass depend on the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from flax import linen as nn

KERNEL_INIT = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
"""He's initialization, as for the ImageNet networks."""


class BasicBlock(nn.Module):
    """act(norm(conv(act(norm(conv(x))))) + shortcut(x)).

    Attributes:
        channels: the channels that come out.
        stride: 2 halves the resolution.
        activation: a function of an array, entry by entry.
        conv: a convolution, to be told channels, kernel and stride.
        norm: a normalization.

    Source: He, Zhang, Ren and Sun 2016, arXiv:1512.03385, figure 5, left.
    """

    channels: int
    stride: int
    activation: Callable[[jax.Array], jax.Array]
    conv: Callable[..., nn.Module]
    norm: Callable[[], nn.Module]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(n, height, width, channels) ↦ (n, height/stride, width/stride, self.channels)."""
        y = self.conv(self.channels, (3, 3), self.stride, padding=1)(x)
        y = self.activation(self.norm()(y))
        y = self.norm()(self.conv(self.channels, (3, 3), padding=1)(y))
        if x.shape != y.shape:
            x = self.norm()(self.conv(self.channels, (1, 1), self.stride)(x))
        return self.activation(x + y)


class ResNet(nn.Module):
    """A residual network of basic blocks for small images.

    Attributes:
        stages: the number of blocks of each stage.
        width: the channels of the first stage.
        classes: the number of outputs.
        activation: a function of an array, entry by entry; smooth ones, such as flax.linen.gelu,
            where the modified equation beyond order 0 is asked for.
        momentum: the share of the old running average that batch normalization keeps.
        dtype: in what the layers compute, such as jax.numpy.bfloat16; by default in the dtype of
            inputs and parameters. Batch statistics are formed in float32 at least.
        param_dtype: the dtype of the parameters.

    Source: He, Zhang, Ren and Sun 2016, arXiv:1512.03385; the 3×3 stem without pooling is the usual
        change for CIFAR-10.

    Example:
        >>> import jax.numpy as jnp
        >>> model = ResNet(stages=(1, 1), width=8, activation=nn.gelu)
        >>> variables = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
        >>> images = jnp.zeros((4, 32, 32, 3))
        >>> sorted(variables), jax.eval_shape(model.apply, variables, images).shape
        (['batch_stats', 'params'], (4, 10))
    """

    stages: tuple[int, ...]
    width: int = 64
    classes: int = 10
    activation: Callable[[jax.Array], jax.Array] = nn.relu
    momentum: float = 0.9
    dtype: Any = None
    param_dtype: Any = jax.numpy.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The outputs (n, classes) for n images (n, height, width, channels).

        Args:
            x: the images.
            train: normalize by the statistics of this batch, not by the running averages.
        """
        dtypes = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        conv = partial(nn.Conv, use_bias=False, kernel_init=KERNEL_INIT, **dtypes)
        norm = partial(
            nn.BatchNorm,
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=1e-5,
            use_fast_variance=False,  # E[x²] − E[x]² loses digits, and is kept above 0 by a kink
            **dtypes,
        )
        x = self.activation(norm()(conv(features=self.width, kernel_size=(3, 3), padding=1)(x)))
        for i, blocks in enumerate(self.stages):
            for j in range(blocks):
                stride = 2 if i > 0 and j == 0 else 1
                x = BasicBlock(self.width * 2**i, stride, self.activation, conv, norm)(x)
        return nn.Dense(self.classes, **dtypes)(x.mean(axis=(1, 2)))


def resnet18(**options: Any) -> ResNet:
    """The CIFAR ResNet-18 of section 7: four stages of two blocks, 11.17 × 10⁶ parameters.

    Args:
        options: any attribute of `ResNet` but the stages.

    Returns:
        The network.

    Source: He, Zhang, Ren and Sun 2016, arXiv:1512.03385.

    Example:
        >>> import jax.numpy as jnp
        >>> images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
        >>> variables = jax.eval_shape(resnet18().init, jax.random.key(0), images)
        >>> sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
        11173962
    """
    return ResNet(stages=(2, 2, 2, 2), **options)
