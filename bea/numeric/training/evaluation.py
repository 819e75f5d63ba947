"""The evaluation of a network on whole sets of examples, chunk by chunk.

E and ∇E are means over a set. Of the training set they are taken in training mode: with batch
normalization each chunk is a batch of its own. Of the test set they are taken in evaluation mode.
Of the validation set, if there is one, the accuracy alone is taken. Products of matrices are formed
in full float32, also where the device would round them for training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bea import pytrees
from bea.classifier import Classifier
from bea.pytrees import PyTree

Examples = tuple[Any, Any]
"""Inputs (n, …) and labels (n,), arrays of NumPy or of JAX."""

Split = Callable[[jax.Array], jax.Array]
"""What spreads the examples of a chunk over devices."""


class Variables(NamedTuple):
    """All that changes in a network."""

    theta: PyTree
    state: PyTree
    """What it carries along beside θ, as running averages of batch normalization."""


Part = Callable[[Variables, Examples], tuple[PyTree, jax.Array]]
"""(variables, examples) ↦ what is averaged over the examples, and what is summed."""


class Sets(NamedTuple):
    """The sets of examples on which a network is evaluated."""

    train: Examples
    test: Examples
    validation: Examples | None = None


class Measurement(NamedTuple):
    """E, |∇E|² and the number of examples classified as labelled, of each set."""

    loss: jax.Array
    squared_slope: jax.Array
    correct: jax.Array
    test_loss: jax.Array
    test_squared_slope: jax.Array
    test_correct: jax.Array
    validation_correct: jax.Array
    """0 where there is no validation set."""
    squared_norm: jax.Array
    """|θ|²."""


def measured(
    classifier: Classifier,
    variables: Variables,
    sets: Sets,
    *,
    chunk: int,
    split: Split = lambda array: array,
) -> Measurement:
    """Measure one network, inside a compiled program.

    Args:
        classifier: the network.
        variables: θ, and the state beside it.
        sets: the examples.
        chunk: how many examples at once.
        split: what spreads the examples of a chunk over devices.
    """

    def over(part: Part, examples: Examples) -> tuple[PyTree, jax.Array]:
        n, size = len(examples[0]), min(chunk, len(examples[0]))
        chunks, rest = divmod(n, size)
        sum_over = ChunkSum(part, split)

        def body(total: Any, i: jax.Array) -> tuple[Any, None]:
            start = i * size
            return sum_over.added(total, variables, examples, start=start, size=size), None

        total, _ = jax.lax.scan(body, sum_over.nothing(variables, examples), jnp.arange(chunks))
        start = chunks * size
        if not rest:
            return total
        return sum_over.added(total, variables, examples, start=start, size=rest)

    totals = [over(partial(part, classifier), examples) for part, examples in parts_of(sets)]
    return summary(totals, variables.theta)


def parts_of(sets: Sets) -> list[tuple[Callable[..., tuple[PyTree, jax.Array]], Examples]]:
    """What is taken of each set, as a function of (classifier, variables, examples)."""
    first = [(in_training, sets.train), (in_use, sets.test)]
    return first if sets.validation is None else [*first, (right_in_use, sets.validation)]


def in_training(
    classifier: Classifier, variables: Variables, examples: Examples
) -> tuple[PyTree, jax.Array]:
    """(E, ∇E) of a batch in training mode, and how many of its examples are classified right."""

    def loss(theta: PyTree) -> tuple[jax.Array, jax.Array]:
        measured_loss = classifier.measured_loss or classifier.loss
        E, (outputs, _) = measured_loss(theta, variables.state, x, labels)
        return E, _correct(outputs, labels)

    x, labels = examples
    return _with_gradient(loss, variables.theta)


def in_use(
    classifier: Classifier, variables: Variables, examples: Examples
) -> tuple[PyTree, jax.Array]:
    """(E, ∇E) of a batch in evaluation mode, and how many of its examples are classified right."""

    def loss(theta: PyTree) -> tuple[jax.Array, jax.Array]:
        E, outputs = classifier.evaluate(theta, variables.state, *examples)
        return E, _correct(outputs, examples[1])

    return _with_gradient(loss, variables.theta)


def _with_gradient(
    loss: Callable[[PyTree], tuple[jax.Array, jax.Array]], theta: PyTree
) -> tuple[PyTree, jax.Array]:
    """(E, ∇E), and the number that the loss counts beside E."""
    with jax.default_matmul_precision("float32"):
        (E, correct), gradient = jax.value_and_grad(loss, has_aux=True)(theta)
        return (E, gradient), correct


def right_in_use(
    classifier: Classifier, variables: Variables, examples: Examples
) -> tuple[PyTree, jax.Array]:
    """How many examples of a batch are classified right in evaluation mode; no mean of anything."""
    with jax.default_matmul_precision("float32"):
        _, outputs = classifier.evaluate(*variables, *examples)
        return (), _correct(outputs, examples[1])


class ChunkSum(NamedTuple):
    """A sum over the examples of a set, chunk by chunk.

    Attributes:
        part: what is averaged, and what is summed.
        split: what spreads the examples of a chunk over devices.
    """

    part: Part
    split: Split

    def nothing(self, variables: Variables, examples: Examples) -> Any:
        """The zeros with which summing up begins."""
        x, labels = examples
        shapes = jax.eval_shape(self.part, variables, (x[:1], labels[:1]))
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def added(
        self, total: Any, variables: Variables, examples: Examples, *, start: Any, size: int
    ) -> Any:
        """The total with what so many examples from `start` on add to it."""
        x, labels = (
            self.split(jax.lax.dynamic_slice_in_dim(array, start, size)) for array in examples
        )
        mean, number = self.part(variables, (x, labels))
        share = size / len(examples[0])
        return jax.tree.map(jnp.add, total, (jax.tree.map(lambda m: m * share, mean), number))


def summary(totals: Sequence[tuple[PyTree, jax.Array]], theta: PyTree) -> Measurement:
    """The measurement, from the totals of the sets."""
    ((loss, gradient), correct), ((test_loss, test_gradient), test_correct), *validation = totals
    validation_correct = validation[0][1] if validation else jnp.zeros_like(test_correct)
    with jax.default_matmul_precision("float32"):
        return Measurement(
            loss=loss,
            squared_slope=pytrees.inner(gradient, gradient),
            correct=correct,
            test_loss=test_loss,
            test_squared_slope=pytrees.inner(test_gradient, test_gradient),
            test_correct=test_correct,
            validation_correct=validation_correct,
            squared_norm=pytrees.inner(theta, theta),
        )


def _correct(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """How many outputs are largest for their labels."""
    return jnp.sum(jnp.argmax(outputs, axis=-1) == labels)
