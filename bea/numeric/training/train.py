"""Training many models at once, measured on the way, and going on where it was interrupted.

θ_{i+1} = θ_i − h∇E(θ_i) on the batches of an epoch, for every learning rate h and seed in one
compiled program (`ensemble`) or one after another (`sequential`), on one device or many
(`sharding`). States are saved at intervals (`checkpoints`), the input is checked in `inputs`, the
result is a `run`. This module is the loop over blocks of steps. What runs at a step depends on the
step alone, never on where a run was interrupted. So a run that goes on ends in the same bits, on
the same device and versions.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from time import perf_counter
from typing import Any

import jax
import numpy as np
import optax
from jax.experimental import multihost_utils
from jax.sharding import Mesh
from tqdm import tqdm

from bea.classifier import Classifier
from bea.errors import InputError
from bea.numeric.training.checkpoints import SavedRun
from bea.numeric.training.ensemble import DIVERGED, Best, Ensemble, Models, Optimizer
from bea.numeric.training.evaluation import Measurement
from bea.numeric.training.inputs import (
    Examples,
    check_labels,
    check_split,
    checked_examples,
    checked_rates,
    checked_seeds,
    checked_steps,
    checked_whole,
    fingerprint,
)
from bea.numeric.training.run import TrainingRun
from bea.numeric.training.sequential import OneByOne
from bea.numeric.training.sharding import BATCH, MODELS, Sharding, memory_for
from bea.pytrees import PyTree


def train(
    classifier: Classifier,
    train: Examples,
    test: Examples,
    *,
    learning_rates: Sequence[float],
    epochs: int,
    seeds: Sequence[int] = (0,),
    batch_size: int | None = 32,
    optimizer: Optimizer = optax.sgd,
    measured_steps: Sequence[int] | None = None,
    measured_batch: int = 1000,
    folder: str | os.PathLike[str] | None = None,
    save_every: float = 60.0,
    configuration: Mapping[str, Any] | None = None,
    mesh: Mesh | None = None,
    together: bool = True,
    progress: bool | str | None = None,
) -> TrainingRun:
    """Train a network with every learning rate and seed at once, and measure it on the way.

    θ_{i+1} = θ_i − h∇E(θ_i), E the mean loss of a batch, the examples being taken in a new random
    order in every epoch (as many as fill whole batches). Models of one seed have the same start and
    the same batches. E, |∇E|², accuracy and |θ| are measured on the whole training and test set.
    With a folder the state is saved at intervals; the same call goes on where the last one ended,
    and returns at once what is finished. On the same device and versions the result is the same to
    the last bit; a GPU needs XLA_FLAGS=--xla_gpu_deterministic_ops=true in the environment for it.

    Args:
        classifier: the network; `bea.models.losses.classifier` makes one of a Flax module.
        train: the inputs (N, …) and labels (N,) to train on, NumPy arrays; they are kept on the
            device as they are.
        test: inputs and labels to test on, likewise.
        learning_rates: h, positive numbers; one model for each, and each seed.
        epochs: how often all examples are taken.
        seeds: whole numbers; each one draws a start and an order of examples.
        batch_size: the examples of a step; None for all of them, gradient descent proper.
        optimizer: h ↦ an optax transformation; its update receives value_fn, the loss of the batch,
            as `bea.add_explicit_gradient_regularization` wants it.
        measured_steps: the steps i at which to measure; by default 0, 1, 64, 4096 … and then five
            epochs evenly spaced: in 100 epochs of a perceptron with batches of 32 that takes below
            5 % of the time, of a convolutional network 10 %. Curves, and the best of the fitted
            models, want more. The end is always measured.
        measured_batch: how many examples are measured at once; fewer need less memory. With batch
            normalization E and ∇E are means over batches of this size.
        folder: where the state, the table measurements.csv and the configuration are kept; the same
            one for all processes.
        save_every: seconds between two savings.
        configuration: what else tells this run from others, in the terms of JSON, such as the name
            of the network: a folder holds one configuration.
        mesh: a `jax.sharding.Mesh` with axes "models", over which the learning rates are split,
            and "batch", over which the examples of a batch are; by default one device.
        together: whether the models share one program; False for convolutional networks, which are
            faster one after another, as convolutions of many models become grouped ones. These
            can be split over devices along "batch" alone.
        progress: a progress bar, or its title; by default where standard error is a terminal.

    Returns:
        The measurements and the models.

    Raises:
        InputError: a learning rate, seed, size or shape cannot be used; the folder holds another
            run, a damaged checkpoint, or has no room; the device has too little memory.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, section 7 and appendix E.

    Example:
        >>> from bea.models.data import load_digits
        >>> from bea.models.losses import classifier
        >>> from bea.models.mlp import MLP
        >>> data = load_digits()
        >>> x, x_test = data.scaled(flat=True)
        >>> network = classifier(MLP(width=16, depth=1), image=x.shape[1:])
        >>> run = train(network, (x, data.train_labels), (x_test, data.test_labels),
        ...             learning_rates=[0.3, 0.1], epochs=10)
        >>> bool((run.accuracy[-1, 0] > 0.9).all())
        True
    """
    rates, seeds = checked_rates(learning_rates), checked_seeds(seeds)
    epochs = checked_whole("epochs", epochs, least=0)
    x, labels = checked_examples("train", train)
    x_test, test_labels = checked_examples("test", test)
    if batch_size is not None:
        batch_size = checked_whole(
            "batch_size", batch_size, least=1, most=len(x), of="the training examples, or None"
        )
    sharding = Sharding.on(mesh)
    check_split(sharding, batch_size=batch_size, examples=len(x), together=together)
    measured_batch = checked_whole("measured_batch", measured_batch, least=1)
    ensemble = _ensemble(
        Ensemble if together else OneByOne,
        classifier, optimizer, batch_size, len(x), measured_batch, sharding,
    )  # fmt: skip
    measured = checked_steps(measured_steps, ensemble.steps_per_epoch, epochs)
    show = sys.stderr.isatty() if progress is None else progress
    with memory_for(
        f"{len(seeds)} × {len(rates)} models",
        f"lower measured_batch (now {measured_batch:,}) or batch_size (now "
        f"{len(x) if batch_size is None else batch_size:,}), train fewer at once, or give a mesh "
        f"of more devices with an axis '{MODELS if together else BATCH}'",
    ):
        run = _Run(ensemble, rates, seeds, measured, len(x_test))
        check_labels(ensemble, run.models, x, {"train": labels, "test": test_labels})
        try:
            if folder is not None:
                asked = {
                    "learning_rates": rates,
                    "seeds": seeds,
                    "epochs": epochs,
                    "batch_size": batch_size,
                    "measured_steps": measured,
                    "measured_batch": measured_batch,
                    "parameters": run.shapes(),
                    "data": fingerprint(x, labels, x_test, test_labels),
                    "jax": jax.__version__,
                    "program": ensemble.program(x, labels),
                    **({} if together else {"together": False}),
                }
                clash = next((name for name in configuration or {} if name in asked), None)
                if clash:
                    raise InputError(
                        f"configuration has {clash!r}, which is told anyway: rename it"
                    )
                run.resume(SavedRun(folder, {**asked, **(configuration or {})}), save_every)
            shown = show if jax.process_index() == 0 else False
            run.go(((x, labels), (x_test, test_labels)), shown)
        finally:
            run.close()
        return run.result()


@lru_cache(maxsize=16)
def _ensemble(kind: type[Ensemble], *what: Any) -> Ensemble:
    """An ensemble with what it has compiled, for runs that differ in numbers alone."""
    return kind(*what)


class _Run:
    """The models on their way, and what has been measured of them."""

    def __init__(
        self,
        ensemble: Ensemble,
        rates: tuple[float, ...],
        seeds: tuple[int, ...],
        measured: tuple[int, ...],
        test_examples: int,
    ) -> None:
        self.ensemble, self.sharding = ensemble, ensemble.sharding
        self.rates, self.seeds, self.measured = rates, seeds, measured
        self.test_examples = test_examples
        # The devices share the learning rates evenly: models with h = 0 fill up what is missing.
        self.width = -(-len(rates) // self.sharding.parts(MODELS)) * self.sharding.parts(MODELS)
        self.step, self.done = 0, 0
        self.seconds = {"training": 0.0, "measuring": 0.0, "saving": 0.0}
        self.history = np.zeros((len(Measurement._fields), len(measured), len(seeds), len(rates)))
        self.saved: SavedRun | None = None
        self.save_every, self.saved_at = math.inf, perf_counter()
        self.models, self.best = ensemble.start(seeds, self.width)

    def shapes(self) -> dict[str, list[int]]:
        """The shape of every parameter, by its name."""
        leaves = jax.tree_util.tree_leaves_with_path(self.models.theta)
        return {jax.tree_util.keystr(path): list(leaf.shape[2:]) for path, leaf in leaves}

    # --- the loop

    def go(self, data: tuple[Examples, Examples], progress: bool | str) -> None:
        """From where it is to the end."""
        total = self.measured[-1]
        if self.done == len(self.measured):
            return
        train, test = self.sharding.put(data, self.sharding.whole)
        padded = np.zeros(self.width, np.float32)
        padded[: len(self.rates)] = self.rates
        rates = self.sharding.put(padded, self.sharding.by_rate)
        order, epoch = None, None
        with tqdm(
            desc=progress if isinstance(progress, str) else None,
            total=total,
            initial=self.step,
            unit=" steps",
            disable=not progress,
        ) as bar:
            while True:
                if self.measured[self.done] == self.step:
                    self._measure(train, test)
                    self._save_if_due(self.step == total)
                    bar.set_postfix_str(self._summary(), refresh=False)
                if self.step == total:
                    return
                begun = self.step // self.ensemble.steps_per_epoch
                if self.ensemble.batch_size is not None and begun != epoch:
                    epoch, order = begun, self.ensemble.order(self.seeds, begun)
                count = self._count()
                with self._timed("training"):
                    self.models, E = self.ensemble.advance(
                        self.models, rates, order, *train, np.int32(self.step), count
                    )
                    E.block_until_ready()
                self.step += count
                bar.update(count)
                if self.measured[self.done] != self.step:
                    self._save_if_due()

    def _count(self) -> int:
        """How many steps to run at once, from the step alone: a block if it fits, or one."""
        stop = self.measured[self.done]
        if self.ensemble.batch_size is not None:  # the order is that of one epoch
            n = self.ensemble.steps_per_epoch
            stop = min(stop, (self.step // n + 1) * n)
        return self.ensemble.block if self.step + self.ensemble.block <= stop else 1

    def _measure(self, train: Examples, test: Examples) -> None:
        with self._timed("measuring"):
            found, self.best = self.ensemble.measure(
                self.models, self.best, train, test, np.int32(self.step)
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
            test_accuracy=named["test_correct"] / self.test_examples,
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
