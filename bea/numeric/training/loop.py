"""The loop of a training run over blocks of steps: training, measuring, saving.

What runs at a step depends on the step alone, never on where a run was interrupted. So a run that
goes on ends in the same bits, on the same device and versions. `ensemble` computes the steps and
the measurements, `checkpoints` saves the states.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from time import perf_counter
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from tqdm import tqdm

from bea.numeric.training.checkpoints import SavedRun
from bea.numeric.training.ensemble import DIVERGED, Best, Ensemble, Models
from bea.numeric.training.evaluation import Measurement, Sets
from bea.numeric.training.run import TrainingRun
from bea.numeric.training.sharding import MODELS, Sharding
from bea.pytrees import PyTree


class TrainingLoop:
    """The models on their way, and what has been measured of them.

    Args:
        ensemble: what trains and measures them.
        learning_rates: h, one for each model of a seed.
        seeds: of the starts and the batches.
        measured_steps: the steps at which to measure, rising; the last one is the end.
        sets: the examples.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        *,
        learning_rates: tuple[float, ...],
        seeds: tuple[int, ...],
        measured_steps: tuple[int, ...],
        sets: Sets,
    ) -> None:
        self.ensemble, self.sharding = ensemble, ensemble.sharding
        self.rates, self.seeds, self.measured = learning_rates, seeds, measured_steps
        self.sets = sets
        parts = self.sharding.parts(MODELS)
        # The devices share the learning rates evenly: models with h = 0 fill up what is missing.
        self.width = -(-len(self.rates) // parts) * parts
        self.step, self.done = 0, 0
        self.seconds = {"training": 0.0, "measuring": 0.0, "saving": 0.0}
        self.history = np.zeros(
            (len(Measurement._fields), len(self.measured), len(seeds), len(self.rates))
        )
        self.saved: SavedRun | None = None
        self.save_every, self.saved_at = math.inf, perf_counter()
        self.models, self.best = ensemble.start(seeds, self.width)

    def shapes(self) -> dict[str, list[int]]:
        """The shape of every parameter, by its name."""
        leaves = jax.tree_util.tree_leaves_with_path(self.models.theta)
        return {jax.tree_util.keystr(path): list(leaf.shape[2:]) for path, leaf in leaves}

    # --- the loop

    def go(self, *, progress: bool | str) -> None:
        """From where it is to the end, with a progress bar if asked for, or its title."""
        total = self.measured[-1]
        if self.done == len(self.measured):
            return
        sets = self.sharding.put(self.sets, self.sharding.whole)
        padded = np.zeros(self.width, np.float32)
        padded[: len(self.rates)] = self.rates
        rates = self.sharding.put(padded, self.sharding.by_rate)
        permutations, epoch = None, None
        with tqdm(
            desc=progress if isinstance(progress, str) else None,
            total=total,
            initial=self.step,
            unit=" steps",
            disable=not progress,
        ) as bar:
            while True:
                if self.measured[self.done] == self.step:
                    self._measure(sets)
                    self._save_if_due(self.step == total)
                    bar.set_postfix_str(self._summary(), refresh=False)
                if self.step == total:
                    return
                begun = self.step // self.ensemble.steps_per_epoch
                if self.ensemble.batch_size is not None and begun != epoch:
                    epoch, permutations = begun, self.ensemble.permutations(self.seeds, begun)
                count = self._count()
                with self._timed("training"):
                    self.models, E = self.ensemble.advance(
                        self.models,
                        rates,
                        sets.train,
                        permutations=permutations,
                        step=np.int32(self.step),
                        count=count,
                    )
                    E.block_until_ready()
                self.step += count
                bar.update(count)
                if self.measured[self.done] != self.step:
                    self._save_if_due()

    def _count(self) -> int:
        """How many steps to run at once, from the step alone: a block if it fits, or one."""
        stop = self.measured[self.done]
        if self.ensemble.batch_size is not None:  # a permutation is that of one epoch
            n = self.ensemble.steps_per_epoch
            stop = min(stop, (self.step // n + 1) * n)
        return self.ensemble.block if self.step + self.ensemble.block <= stop else 1

    def _measure(self, sets: Sets) -> None:
        with self._timed("measuring"):
            found, self.best = self.ensemble.measure(
                self.models, self.best, sets=sets, step=np.int32(self.step)
            )
            values = self.sharding.fetch(found)
        self.history[:, self.done] = np.stack(values)[:, :, : len(self.rates)]
        self.done += 1

    def _summary(self) -> str:
        """How many have diverged."""
        diverged = int((self._fetched(self.models.diverged_at) >= 0).sum())
        return f"diverged: {diverged}" if diverged else ""

    # --- what is saved

    def resume(self, saved: SavedRun, save_every: float) -> None:
        """Go on from the last state that was saved, and save there."""
        self.saved, self.save_every = saved, save_every
        found = saved.latest(self._arrays())
        if found is not None:
            arrays, notes = found
            here, there = _environment(self.sharding), notes["environment"]
            if here != there and notes["done"] < len(self.measured):
                warnings.warn(
                    f"this run was begun with {there} and goes on with {here}: its last bits are "
                    "those of neither alone",
                    stacklevel=3,
                )
            self.step, self.done, self.seconds = notes["step"], notes["done"], notes["seconds"]
            self.history = arrays.pop("history")
            self.models, self.best = self.sharding.put(
                self._unpacked(arrays), self.sharding.by_model
            )
            saved.write(self._so_far().rows())

    def close(self) -> None:
        """Let go of the folder."""
        if self.saved is not None:
            self.saved.close()

    def _save_if_due(self, at_the_end: bool = False) -> None:
        if self.saved is None:
            return
        due = at_the_end or perf_counter() - self.saved_at >= self.save_every
        if jax.process_count() > 1:  # the clock of the first process is that of all
            due = bool(multihost_utils.broadcast_one_to_all(np.array(due)))
        if not due:
            return
        with self._timed("saving"):
            arrays = self._arrays()
            notes = {
                "step": self.step,
                "done": self.done,
                "seconds": dict(self.seconds),
                "environment": _environment(self.sharding),
            }
            self.saved.keep(self.step, arrays, notes=notes, rows=self._so_far().rows())
        self.saved_at = perf_counter()

    def _arrays(self) -> dict[str, np.ndarray]:
        """All that is saved, by name, without the models that only fill up."""
        leaves = jax.tree_util.tree_leaves_with_path((self.models, self.best))
        arrays = {jax.tree_util.keystr(path): self.sharding.fetch(leaf) for path, leaf in leaves}
        arrays = {name: array[:, : len(self.rates)] for name, array in arrays.items()}
        return {**arrays, "history": self.history}

    def _unpacked(self, arrays: Mapping[str, np.ndarray]) -> tuple[Models, Best]:
        """The models from what was saved, the last of them repeated where there must be more."""
        more = self.width - len(self.rates)

        def padded(path: Any, _: Any) -> np.ndarray:
            array = arrays[jax.tree_util.keystr(path)]
            return np.concatenate([array, np.repeat(array[:, -1:], more, axis=1)], axis=1)

        unpacked: tuple[Models, Best] = jax.tree_util.tree_map_with_path(
            padded, (self.models, self.best)
        )
        return unpacked

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = perf_counter()
        yield
        self.seconds[what] += perf_counter() - begun

    # --- what comes out

    def result(self) -> TrainingRun:
        """What has been measured, and the models now."""
        return replace(
            self._so_far(),
            theta=self._fetched(self.models.theta),
            state=self._fetched(self.models.state),
            best_theta=self._fetched(self.best.theta),
            best_state=self._fetched(self.best.state),
            best_step=self._fetched(self.best.step),
        )

    def _so_far(self) -> TrainingRun:
        """What has been measured up to now, without the models."""
        named = dict(zip(Measurement._fields, self.history[:, : self.done], strict=True))
        diverged_at = self._fetched(self.models.diverged_at)
        if self.done:  # after the last batch a measurement alone sees it
            last = self.measured[self.done - 1]
            gone = ~(named["loss"][-1] < DIVERGED) & (diverged_at < 0)
            diverged_at = np.where(gone, last, diverged_at)
        shapes = self.shapes().values()
        test, validation = self.sets.test, self.sets.validation
        return TrainingRun(
            learning_rates=self.rates,
            seeds=self.seeds,
            steps=self.measured[: self.done],
            steps_per_epoch=self.ensemble.steps_per_epoch,
            parameters=sum(math.prod(shape) for shape in shapes),
            loss=named["loss"],
            squared_slope=named["squared_slope"],
            accuracy=named["correct"] / self.ensemble.examples,
            test_loss=named["test_loss"],
            test_squared_slope=named["test_squared_slope"],
            test_accuracy=named["test_correct"] / len(test[0]),
            validation_accuracy=(
                None if validation is None else named["validation_correct"] / len(validation[0])
            ),
            norm=np.sqrt(named["squared_norm"]),
            diverged_at=diverged_at,
            theta=None,
            state=None,
            best_theta=None,
            best_state=None,
            best_step=np.zeros(0),
            seconds=dict(self.seconds),
        )

    def _fetched(self, tree: PyTree) -> PyTree:
        """Without the models that only fill up."""
        return jax.tree.map(lambda a: a[:, : len(self.rates)], self.sharding.fetch(tree))


def _environment(sharding: Sharding) -> str:
    """What the last bits of a result depend on, beside what is asked for."""
    devices = sharding.mesh.devices
    return (
        f"JAX {jax.__version__}, jaxlib {version('jaxlib')} on {devices.size} × "
        f"{devices.flat[0].device_kind}"
    )
