"""Losses of classifying networks: mean softmax cross-entropy over a batch.

E(θ) = −1/n Σ_i log softmax(f_θ(x_i))_{y_i}, natural logarithm. A network with batch normalization
runs in training mode, where f_θ(x_i) depends on the whole batch: E and ∇E belong to that batch, and
the gradient runs through its statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from bea.classifier import Classifier, Loss
from bea.errors import InputError


def cross_entropy(model: nn.Module) -> Callable[[Any, jax.Array, jax.Array], jax.Array]:
    """(θ, x, labels) ↦ E, the mean cross-entropy of a network without state, such as an `MLP`.

    Args:
        model: the network; its outputs are logits of shape (n, classes).

    Returns:
        A function of the parameters θ, of n inputs x and of n integer labels. It is a number in the
        dtype of the logits, in float32 at least.

    Raises:
        InputError: when the function is called: labels are no integers, not one for each input, or,
            where their values are known, out of range. Inside a jitted function they are not, and
            E is NaN.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, section 7.

    Example:
        >>> from bea.models.mlp import MLP
        >>> model, x = MLP(width=8), jnp.zeros((2, 4))
        >>> theta = model.init(jax.random.key(0), x)["params"]
        >>> print(cross_entropy(model)(theta, x, jnp.array([3, 7])).round(4))  # log 10
        2.3026
    """

    def loss(theta: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
        logits, _ = _in_training(model, theta, {}, x)
        return _mean_cross_entropy(logits, labels)

    return loss


def batch_cross_entropy(
    model: nn.Module,
) -> Callable[[Any, Any, jax.Array, jax.Array], tuple[jax.Array, Any]]:
    """(θ, statistics, x, labels) ↦ (E, new statistics), of a network with batch normalization.

    In training mode: E is of this batch and does not depend on the statistics handed in, the
    running averages, which are only carried along for evaluation. For has_aux=True everywhere.

    Args:
        model: the network, such as a `ResNet`.

    Returns:
        A function of the parameters θ, the running averages (`variables["batch_stats"]`), n inputs
        and n integer labels.

    Raises:
        InputError: as `cross_entropy`.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, section 7; Ioffe and Szegedy 2015,
        arXiv:1502.03167.

    Example:
        >>> from bea.models.resnet import ResNet
        >>> model, x = ResNet(stages=(1,), width=2), jnp.zeros((2, 8, 8, 3))
        >>> variables = jax.jit(model.init)(jax.random.key(0), x)
        >>> loss = batch_cross_entropy(model)
        >>> E, _ = loss(variables["params"], variables["batch_stats"], x, jnp.array([3, 7]))
        >>> print(E.round(4))  # log 10: nothing is in these images
        2.3026
    """

    def loss(theta: Any, statistics: Any, x: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
        logits, new = _in_training(model, theta, {"batch_stats": statistics}, x)
        return _mean_cross_entropy(logits, labels), new["batch_stats"]

    return loss


def classifier(
    model: nn.Module, image: Sequence[int], measured: nn.Module | None = None
) -> Classifier:
    """A network with its mean cross-entropy, as `bea.train` asks for it.

    A network with batch normalization is taken in training mode for its loss, and by its running
    averages, which are its state, for its evaluation.

    Args:
        model: an `MLP`, a `ResNet` or another module whose outputs are logits (n, classes).
        image: the shape of one input, such as (784,) or (32, 32, 3).
        measured: the network as it is measured and evaluated, with the parameters of `model`: where
            this one computes in bfloat16, the same in float32. By default `model`.

    Returns:
        Its start, its loss and its evaluation, as functions.

    Raises:
        InputError: in its functions, as `cross_entropy`.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, section 7.

    Example:
        >>> from bea.models.mlp import MLP
        >>> network = classifier(MLP(width=8), image=(4,))
        >>> theta, state = network.init(jax.random.key(0))
        >>> E, outputs = network.evaluate(theta, state, jnp.zeros((2, 4)), jnp.array([3, 7]))
        >>> print(E.round(4), outputs.shape)
        2.3026 (2, 10)
    """

    def init(key: jax.Array) -> tuple[Any, Any]:
        variables = dict(model.init(key, jnp.zeros((1, *image))))
        return variables.pop("params"), variables

    def loss_of(model: nn.Module) -> Loss:
        def loss(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
            logits, state = _in_training(model, theta, state, x)
            return _mean_cross_entropy(logits, labels), (logits, state)

        return loss

    def evaluate(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> tuple[Any, jax.Array]:
        logits: Any = (measured or model).apply({"params": theta, **state}, x)
        return _mean_cross_entropy(logits, labels), logits

    return Classifier(
        init, loss_of(model), evaluate, measured_loss=loss_of(measured) if measured else None
    )


def _in_training(model: nn.Module, theta: Any, state: Any, x: jax.Array) -> tuple[jax.Array, Any]:
    """The outputs in training mode, and the new state of a network that has one."""
    outputs: Any
    if state:
        outputs, new = model.apply({"params": theta, **state}, x, train=True, mutable=list(state))
        return outputs, dict(new)
    outputs = model.apply({"params": theta}, x)
    return outputs, state


def _mean_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    _check_labels(labels, *logits.shape)
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def _check_labels(labels: Any, n: int, classes: int) -> None:
    if not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise InputError(f"the labels are {jnp.result_type(labels)}: give the indices of classes")
    if jnp.shape(labels) != (n,):
        raise InputError(f"the labels have shape {jnp.shape(labels)} for {n} inputs: give one each")
    if isinstance(labels, jax.core.Tracer):
        return
    values = np.asarray(labels)
    bad = np.flatnonzero((values < 0) | (values >= classes))
    if len(bad):
        raise InputError(
            f"label {bad[0]} is {values[bad[0]]}: the network has the classes 0 … {classes - 1}"
        )
