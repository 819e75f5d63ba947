"""Many models in one program: one for every seed and learning rate, all of them trained at once.

Every array of a model has two axes in front, (seeds, learning rates). `jax.vmap` runs over both;
models of one seed share their start and their batches and differ in the learning rate alone, so
that the images of a batch are gathered once for all of them. Steps run inside `jax.lax.scan`.

A model diverges when its E is huge or not a number. It goes on by itself, mostly with NaN, since
the models do not touch one another. Its step is noted, and it costs the others nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bea.classifier import Classifier
from bea.numeric.training.evaluation import (
    Examples,
    Measurement,
    Sets,
    Variables,
    in_training,
    in_use,
    measured,
)
from bea.numeric.training.sharding import Sharding
from bea.pytrees import PyTree

Optimizer = Callable[[Any], optax.GradientTransformation]
"""h ↦ the optax transformation with this learning rate; h may be traced."""

MIN_BLOCK, MAX_BLOCK = 32, 128

DIVERGED = 1e6
"""A loss above this has diverged, even if it comes back: no classifier has it on purpose."""


class Models(NamedTuple):
    """Models in training; every array (seeds, learning rates, …)."""

    theta: PyTree
    state: PyTree
    optimizer: PyTree
    diverged_at: jax.Array
    """The step i at which E(θ_i) of the batch was huge or no number; −1 if it never was."""

    @property
    def variables(self) -> Variables:
        """θ and the state beside it."""
        return Variables(self.theta, self.state)


class Best(NamedTuple):
    """The models as they were when they fitted all training examples and tested best.

    Before a model fits them all, as it was when it tested best.
    """

    theta: PyTree
    state: PyTree
    step: jax.Array
    fits: jax.Array
    test_correct: jax.Array


def noted(models: Models, E: jax.Array, i: jax.Array) -> tuple[Models, jax.Array]:
    """The models after step i, with a note of those whose E before it was no number or huge."""
    gone = ~(E < DIVERGED) & (models.diverged_at < 0)
    return models._replace(diverged_at=jnp.where(gone, i, models.diverged_at)), E


@dataclass(frozen=True)
class Ensemble:
    """The compiled functions of a training run.

    Attributes:
        classifier: the network.
        optimizer: of a learning rate.
        batch_size: examples of a step; None for all of them.
        examples: N, the number of training examples.
        chunk: how many examples are measured at once.
        sharding: where the arrays lie.
        in_turn: whether, within a block of steps, one learning rate is trained after another, and
            not all of them at once. Where one model fills the device this is faster.
    """

    classifier: Classifier
    optimizer: Optimizer
    batch_size: int | None
    examples: int
    chunk: int
    sharding: Sharding
    in_turn: bool = False

    @property
    def steps_per_epoch(self) -> int:
        """⌊N/batch⌋: what is left over of a permutation is not used in its epoch."""
        return 1 if self.batch_size is None else self.examples // self.batch_size

    @property
    def block(self) -> int:
        """How many steps one call runs: a divisor of the steps of an epoch where there is one."""
        if self.batch_size is None:
            return MAX_BLOCK
        n = self.steps_per_epoch
        sizes = range(min(n, MAX_BLOCK), min(n, MIN_BLOCK) - 1, -1)
        return next((size for size in sizes if n % size == 0), min(n, MAX_BLOCK))

    def program(self, examples: Examples) -> str:
        """A fingerprint of one step: of the network, the loss and the optimizer, with constants.

        And of the loss that is measured, where it is another.
        """
        models, _ = jax.eval_shape(lambda key: self._started(*self.classifier.init(key)), _key(0))
        size = len(examples[0]) if self.batch_size is None else self.batch_size
        batch = tuple(jax.ShapeDtypeStruct((size, *a.shape[1:]), a.dtype) for a in examples)
        h = jax.ShapeDtypeStruct((), jnp.float32)
        programs = [jax.make_jaxpr(self._step)(models, h, batch)]
        if self.classifier.measured_loss is not None:
            measures = partial(in_training, self.classifier), partial(in_use, self.classifier)
            programs += [jax.make_jaxpr(part)(models.variables, batch) for part in measures]
        # Objects in it are shown as <module.Class object at 0x…>: saved runs outlive both.
        text = re.sub(r"<(?:\w+\.)+(?=[\w.]+ object at 0x)", "<", "".join(map(str, programs)))
        return hashlib.sha256(re.sub(r"0x[0-9a-f]+", "", text).encode()).hexdigest()[:16]

    # --- the start

    def start(self, seeds: Sequence[int], rates: int) -> tuple[Models, Best]:
        """The models at θ_0, the same for every learning rate."""
        init = jax.jit(self.classifier.init)

        def one(seed: int) -> tuple[Models, Best]:
            return self._started(*init(jax.random.fold_in(_key(seed), 0)))

        def stacked(*leaves: jax.Array) -> np.ndarray:
            array = np.stack([np.asarray(leaf) for leaf in leaves])
            return np.repeat(array[:, None], rates, axis=1)

        every_seed = jax.tree.map(stacked, *map(one, seeds))
        started: tuple[Models, Best] = self.sharding.put(every_seed, self.sharding.by_model)
        return started

    def _started(self, theta: PyTree, state: PyTree) -> tuple[Models, Best]:
        """One model at its start, which is its best so far."""
        models = Models(theta, state, self.optimizer(0.0).init(theta), jnp.int32(-1))
        return models, Best(theta, state, jnp.int32(0), jnp.array(False), jnp.int32(-1))

    @cached_property
    def permutations(self) -> Callable[[Sequence[int], int], jax.Array]:
        """(seeds, epoch) ↦ how the examples are shuffled in this epoch, (seeds, N)."""

        @partial(jax.jit, out_shardings=self.sharding.whole)
        def permutations(seeds: jax.Array, epoch: jax.Array) -> jax.Array:
            def one(seed: jax.Array) -> jax.Array:
                key = jax.random.fold_in(_key(seed), 1)
                return jax.random.permutation(jax.random.fold_in(key, epoch), self.examples)

            return jax.vmap(one)(seeds)

        return lambda seeds, epoch: permutations(np.array(seeds, np.uint32), np.uint32(epoch))

    # --- steps

    @cached_property
    def advance(self) -> Callable[..., tuple[Models, jax.Array]]:
        """The models after so many steps, and E.

        A function of the models, the learning rates and the training set, and by name of the
        permutations of the epoch, the first step and the number of steps.

        All steps are of one epoch, unless each is one. The models that are handed in are used up.
        E is that of the last batch; waiting for it is waiting for the steps.
        """

        @partial(
            jax.jit,
            donate_argnums=0,
            static_argnames="count",
            out_shardings=(self.sharding.by_model, self.sharding.by_model),
        )
        def advance(
            models: Models,
            rates: jax.Array,
            examples: Examples,
            *,
            permutations: jax.Array | None,
            step: jax.Array,
            count: int,
        ) -> tuple[Models, jax.Array]:
            def block(models: Models, rates: jax.Array) -> tuple[Models, jax.Array]:
                """Of models (seeds, learning rates, …)."""

                def body(models: Models, i: jax.Array) -> tuple[Models, jax.Array]:
                    batch, axis = self._batch(examples, permutations, i % self.steps_per_epoch)
                    every_rate = jax.vmap(self._step, (0, 0, None))
                    every_seed = jax.vmap(every_rate, (0, None, axis))
                    return noted(*every_seed(models, rates, batch), i)

                models, E = jax.lax.scan(body, models, step + jnp.arange(count))
                return models, E[-1]

            return (_in_turn(block) if self.in_turn else block)(models, rates)

        return advance

    def _batch(
        self, examples: Examples, permutations: jax.Array | None, i: jax.Array
    ) -> tuple[Examples, int | None]:
        """The examples of step i of an epoch, by seed; or all of them, the same for every seed."""
        x, labels = examples
        if self.batch_size is None or permutations is None:
            return (self.sharding.split(x), self.sharding.split(labels)), None
        size = self.batch_size
        chosen = jax.lax.dynamic_slice_in_dim(permutations, i * size, size, axis=1)
        chosen = jax.lax.with_sharding_constraint(chosen, self.sharding.by_seed_and_example)
        return (x[chosen], labels[chosen]), 0

    def _step(self, model: Models, h: jax.Array, batch: Examples) -> tuple[Models, jax.Array]:
        """One step of one model on one batch, and E at the point from which it leads."""

        def loss(theta: PyTree) -> tuple[jax.Array, Any]:
            return self.classifier.loss(theta, model.state, *batch)

        (E, (_, state)), gradient = jax.value_and_grad(loss, has_aux=True)(model.theta)
        transformation = optax.with_extra_args_support(self.optimizer(h))
        updates, optimizer = transformation.update(
            gradient, model.optimizer, model.theta, value_fn=lambda theta: loss(theta)[0]
        )
        theta = optax.apply_updates(model.theta, updates)
        return Models(theta, state, optimizer, model.diverged_at), E

    # --- measurements

    @cached_property
    def measure(self) -> Callable[..., tuple[Measurement, Best]]:
        """The measurement, and who is best now.

        A function of the models and the best so far, and by name of the sets of examples and the
        step. As `evaluation.measured`, for all of them at once.
        """

        @partial(
            jax.jit,
            donate_argnums=1,
            out_shardings=(self.sharding.by_model, self.sharding.by_model),
        )
        def measure(
            models: Models,
            best: Best,
            *,
            sets: Sets,
            step: jax.Array,
        ) -> tuple[Measurement, Best]:
            def one(variables: Variables) -> Measurement:
                return measured(
                    self.classifier, variables, sets, chunk=self.chunk, split=self.sharding.split
                )

            found = jax.vmap(jax.vmap(one))(models.variables)
            return found, self._best(models, best, found=found, step=step)

        return measure

    def _best(self, models: Models, best: Best, *, found: Measurement, step: jax.Array) -> Best:
        """Who is best now."""
        fits = found.correct == self.examples
        better = (models.diverged_at < 0) & (found.loss < DIVERGED)
        better &= (fits & ~best.fits) | (
            (fits == best.fits) & (found.test_correct > best.test_correct)
        )
        new = Best(
            models.theta,
            models.state,
            jnp.broadcast_to(step, fits.shape),
            fits,
            found.test_correct,
        )

        def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
            where = better.reshape(better.shape + (1,) * (old.ndim - better.ndim))
            return jnp.where(where, new, old)

        return jax.tree.map(chosen, new, best)


def _in_turn(block: Callable[..., Any]) -> Callable[..., Any]:
    """The block of all learning rates, the second axis of every array, for one after another."""

    def one(model: tuple[Models, jax.Array]) -> Any:
        return block(jax.tree.map(lambda array: array[:, None], model[0]), model[1][None])

    def every(models: Models, rates: jax.Array) -> Any:
        first = jax.tree.map(lambda array: jnp.moveaxis(array, 1, 0), models)
        found = jax.lax.map(one, (first, rates))
        return jax.tree.map(lambda array: jnp.moveaxis(array[:, :, 0], 0, 1), found)

    return every


def _key(seed: Any) -> jax.Array:
    return jax.random.key(seed)
