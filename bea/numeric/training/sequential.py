"""The models of an ensemble one after another, for networks that fill the device by themselves.

Trained together, convolutions of many models become grouped ones, and steps run inside a compiled
loop. Neither is fast for convolutional networks (`benchmarks/one_by_one.py` measures it). So here
each step of each model is one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bea.classifier import Classifier
from bea.numeric.training.ensemble import Best, Ensemble, Models, noted
from bea.numeric.training.evaluation import (
    ChunkSum,
    Examples,
    Measurement,
    Sets,
    Variables,
    parts_of,
    summary,
)
from bea.numeric.training.sharding import Sharding


class OneByOne(Ensemble):
    """An `Ensemble` whose models do not share a program; the same but for models that diverge.

    They stay as they were at the end of the block of steps in which they did.
    """

    # --- steps

    @cached_property
    def advance(self) -> Callable[..., tuple[Models, jax.Array]]:
        """As `Ensemble.advance`."""

        def advance(
            models: Models,
            rates: jax.Array,
            examples: Examples,
            *,
            permutations: jax.Array | None,
            step: np.int32,
            count: int,
        ) -> tuple[Models, jax.Array]:
            each_rate, gone = np.asarray(rates), np.asarray(models.diverged_at) >= 0
            after, losses = [], []
            for s, r in self._cases(models):
                model, E = self._taken(models, s, r), jnp.float32(jnp.nan)
                if not gone[s, r]:
                    permutation = None if permutations is None else permutations[s : s + 1]
                    for i in range(int(step), int(step) + count):
                        model, E = self._advance_one(
                            model, each_rate[r], examples, permutation=permutation, i=i
                        )
                after.append(model)
                losses.append(E)
            together: tuple[Models, jax.Array] = self._put_together(after, losses, gone.shape)
            return together

        return advance

    @cached_property
    def _advance_one(self) -> Callable[..., tuple[Models, jax.Array]]:
        """One step of one model, and E at the point from which it leads."""

        @partial(jax.jit, donate_argnums=0, out_shardings=(self.sharding.whole,) * 2)
        def advance(
            model: Models,
            h: jax.Array,
            examples: Examples,
            *,
            permutation: jax.Array | None,
            i: jax.Array,
        ) -> tuple[Models, jax.Array]:
            batch, axis = self._batch(examples, permutation, i % self.steps_per_epoch)
            batch = batch if axis is None else jax.tree.map(lambda array: array[0], batch)
            return noted(*self._step(model, h, batch), i)

        return advance

    # --- measurements

    @cached_property
    def measure(self) -> Callable[..., tuple[Measurement, Best]]:
        """As `Ensemble.measure`."""

        def measure(
            models: Models, best: Best, *, sets: Sets, step: np.int32
        ) -> tuple[Measurement, Best]:
            found = []
            for s, r in self._cases(models):
                variables = self._taken(models.variables, s, r)
                totals = [
                    self._total(part, variables, examples) for part, examples in parts_of(sets)
                ]
                found.append(self._summary(totals, variables.theta))
            shape = models.diverged_at.shape
            everything: Measurement = self._put_together(found, None, shape)[0]
            return everything, self._kept(models, best, found=everything, step=step)

        return measure

    def _total(self, part: Callable[..., Any], variables: Variables, examples: Examples) -> Any:
        """The sum over the chunks of a set."""
        begin, add = _compiled(part, self.classifier, self.sharding)
        total, n = begin(variables, examples), len(examples[0])
        for start in range(0, n, self.chunk):
            size = min(self.chunk, n - start)
            total = add(total, variables, examples, start=np.int32(start), size=size)
        return total

    @cached_property
    def _summary(self) -> Callable[..., Measurement]:
        return jax.jit(summary)

    @cached_property
    def _kept(self) -> Callable[..., Best]:
        return jax.jit(self._best, donate_argnums=1, out_shardings=self.sharding.by_model)

    # --- one of many

    @staticmethod
    def _cases(models: Models) -> Iterator[tuple[int, int]]:
        """Every seed with every learning rate."""
        return iter(np.ndindex(*models.diverged_at.shape))

    @cached_property
    def _taken(self) -> Callable[..., Any]:
        """(models, s, r) ↦ one of them."""
        return jax.jit(
            lambda models, s, r: jax.tree.map(lambda array: array[s, r], models),
            out_shardings=self.sharding.whole,
        )

    @cached_property
    def _put_together(self) -> Callable[..., Any]:
        """The inverse, (models, E, shape) ↦ the arrays of all of them."""

        def put_together(models: list[Any], losses: Any, shape: tuple[int, int]) -> Any:
            def stacked(*leaves: jax.Array) -> jax.Array:
                return jnp.stack(leaves).reshape(*shape, *leaves[0].shape)

            return (
                jax.tree.map(stacked, *models),
                None if losses is None else stacked(*losses),
            )

        return jax.jit(put_together, static_argnums=2, out_shardings=self.sharding.by_model)


@lru_cache(maxsize=8)
def _compiled(
    part: Callable[..., Any], classifier: Classifier, sharding: Sharding
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """How a sum over chunks begins, and what adds a chunk; the same for every optimizer."""
    total = ChunkSum(partial(part, classifier), sharding.split)
    return (
        jax.jit(total.nothing),
        jax.jit(total.added, static_argnames="size", donate_argnums=0),
    )
