"""What a network does on the whole training and test set, measured chunk by chunk.

E and ∇E are means over the training set, taken in training mode: with batch normalization each
chunk is a batch of its own. The test set is taken in evaluation mode. Products of matrices are
formed in full float32, also where the device would round them for training.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bea import pytrees
from bea.classifier import Classifier
from bea.pytrees import PyTree

Examples = tuple[jax.Array, jax.Array]
"""Inputs (n, …) and labels (n,)."""


class Measurement(NamedTuple):
    """E, |∇E|² and the number of examples classified as labelled in training; the same in use."""

    loss: jax.Array
    squared_slope: jax.Array
    correct: jax.Array
    test_loss: jax.Array
    test_correct: jax.Array
    squared_norm: jax.Array
    """|θ|²."""


def measured(
    classifier: Classifier,
    theta: PyTree,
    state: PyTree,
    train: Examples,
    test: Examples,
    chunk: int,
    split: Callable[[jax.Array], jax.Array] = lambda array: array,
) -> Measurement:
    """Measure one network.

    Args:
        classifier: the network.
        theta: θ.
        state: the state beside it.
        train: the training set.
        test: the test set.
        chunk: how many examples at once.
        split: what spreads the examples of a chunk over devices.
    """

    def in_training(x: jax.Array, labels: jax.Array) -> Any:
        def loss(theta: PyTree) -> tuple[jax.Array, jax.Array]:
            E, (outputs, _) = classifier.loss(theta, state, x, labels)
            return E, _correct(outputs, labels)

        (E, correct), gradient = jax.value_and_grad(loss, has_aux=True)(theta)
        return (E, gradient), correct

    def in_use(x: jax.Array, labels: jax.Array) -> Any:
        E, outputs = classifier.evaluate(theta, state, x, labels)
        return E, _correct(outputs, labels)

    with jax.default_matmul_precision("float32"):
        (loss, gradient), correct = _over(in_training, *train, chunk, split)
        test_loss, test_correct = _over(in_use, *test, chunk, split)
        return Measurement(
            loss=loss,
            squared_slope=pytrees.inner(gradient, gradient),
            correct=correct,
            test_loss=test_loss,
            test_correct=test_correct,
            squared_norm=pytrees.inner(theta, theta),
        )


def _over(
    part: Callable[[jax.Array, jax.Array], Any],
    x: jax.Array,
    labels: jax.Array,
    chunk: int,
    split: Callable[[jax.Array], jax.Array],
) -> tuple[PyTree, jax.Array]:
    """The mean and the sum of the two results of a function of examples, over all of them."""
    n, size = len(x), min(chunk, len(x))
    chunks, rest = divmod(n, size)

    def weighted(count: int, x: jax.Array, labels: jax.Array) -> tuple[PyTree, jax.Array]:
        mean, number = part(x, labels)
        return jax.tree.map(lambda leaf: leaf * (count / n), mean), number

    def body(total: Any, i: jax.Array) -> tuple[Any, None]:
        x_i, labels_i = (
            split(jax.lax.dynamic_slice_in_dim(array, i * size, size)) for array in (x, labels)
        )
        return jax.tree.map(jnp.add, total, weighted(size, x_i, labels_i)), None

    shapes = jax.eval_shape(partial(weighted, size), x[:size], labels[:size])
    total = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    total, _ = jax.lax.scan(body, total, jnp.arange(chunks))
    if rest:
        last = weighted(rest, x[chunks * size :], labels[chunks * size :])
        total = jax.tree.map(jnp.add, total, last)
    return total


def _correct(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """How many outputs are largest for their labels."""
    return jnp.sum(jnp.argmax(outputs, axis=-1) == labels)
