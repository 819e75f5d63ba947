"""Training many models at once, measured on the way, and going on where it was interrupted.

θ_{i+1} = θ_i − h∇E(θ_i) on the batches of an epoch, for every learning rate h and seed in one
compiled program (`ensemble`) or one after another (`sequential`), on one device or many
(`sharding`). This module is what a user calls. `inputs` checks the arguments, `loop` runs, and
`checkpoints` saves at intervals; the result is a `run`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import optax
from jax.sharding import Mesh

from bea.classifier import Classifier
from bea.errors import InputError
from bea.numeric.training import choice
from bea.numeric.training.checkpoints import SavedRun
from bea.numeric.training.ensemble import Ensemble, Optimizer
from bea.numeric.training.evaluation import Examples, Measurement, Sets
from bea.numeric.training.inputs import (
    check_labels,
    check_split,
    checked_examples,
    checked_rates,
    checked_seeds,
    checked_steps,
    checked_whole,
    fingerprint,
)
from bea.numeric.training.loop import TrainingLoop
from bea.numeric.training.run import TrainingRun
from bea.numeric.training.sequential import OneByOne
from bea.numeric.training.sharding import BATCH, MODELS, Sharding, memory_for


def train(
    classifier: Classifier,
    train: Examples,
    test: Examples,
    *,
    validation: Examples | None = None,
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
    together: bool | None = True,
    progress: bool | str | None = None,
) -> TrainingRun:
    """Train a network with every learning rate and seed at once, and measure it on the way.

    θ_{i+1} = θ_i − h∇E(θ_i), E the mean loss of a batch, the examples being taken in a new random
    order in every epoch (as many as fill whole batches). Models of one seed have the same start and
    the same batches. E, |∇E|² and accuracy on the whole training and test set are measured on the
    way, and |θ|. With a folder the state is saved at intervals; the same call goes on where the
    last one ended, and returns at once what is finished. On the same device and versions the result
    is the same to the last bit; a GPU needs XLA_FLAGS=--xla_gpu_deterministic_ops=true in the
    environment for it.

    Args:
        classifier: the network; `bea.models.losses.classifier` makes one of a Flax module.
        train: the inputs (N, …) and labels (N,) to train on, NumPy arrays; they are kept on the
            device as they are.
        test: inputs and labels to test on, likewise.
        validation: inputs and labels of which the accuracy is measured too, likewise: to choose
            among models by, where the test set is to remain unseen.
        learning_rates: h, positive numbers; one model for each, and each seed.
        epochs: how often all examples are taken.
        seeds: whole numbers; each one draws a start and an order of examples.
        batch_size: the examples of a step; None for all of them, gradient descent proper.
        optimizer: h ↦ an optax transformation; its update receives value_fn, the loss of the batch,
            as `bea.add_explicit_gradient_regularization` wants it.
        measured_steps: the steps i at which to measure; by default 0, 1, 64, 4096 … and then four
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
            can be split over devices along "batch" alone. None: in one program, with all learning
            rates at once or in turn, as is faster here by a short measurement; the result says
            which, and differs in its last bits.
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
    x, _ = train = checked_examples("train", train)
    test = checked_examples("test", test)
    if validation is not None:
        validation = checked_examples("validation", validation)
    sets = Sets(train, test, validation)
    named = {name: part for name, part in sets._asdict().items() if part is not None}
    if batch_size is not None:
        batch_size = checked_whole(
            "batch_size", batch_size, least=1, most=len(x), of="the training examples, or None"
        )
    sharding = Sharding.on(mesh)
    check_split(sharding, batch_size=batch_size, examples=len(x), together=together is not False)
    measured_batch = checked_whole("measured_batch", measured_batch, least=1)
    what = classifier, optimizer, batch_size, len(x), measured_batch, sharding
    ensemble = _ensemble(OneByOne if together is False else Ensemble, *what)
    way = choice.ONE_BY_ONE if together is False else choice.AT_ONCE
    if together is None:
        in_turn = _ensemble(Ensemble, *what, True)
        way = choice.chosen(ensemble, in_turn, seeds=seeds, rates=rates, train=train, folder=folder)
        ensemble = in_turn if way == choice.IN_TURN else ensemble
    measured = checked_steps(measured_steps, ensemble.steps_per_epoch, epochs)
    show = sys.stderr.isatty() if progress is None else progress
    with memory_for(
        f"{len(seeds)} × {len(rates)} models",
        f"lower measured_batch (now {measured_batch:,}) or batch_size (now "
        f"{len(x) if batch_size is None else batch_size:,}), train fewer at once, or give a mesh "
        f"of more devices with an axis '{MODELS if together else BATCH}'",
    ):
        loop = TrainingLoop(
            ensemble,
            learning_rates=rates,
            seeds=seeds,
            measured_steps=measured,
            sets=sets,
        )
        first = jax.tree.map(lambda a: a[0, 0], loop.models.variables)
        check_labels(classifier, first, named)
        try:
            if folder is not None:
                asked = {
                    "learning_rates": rates,
                    "seeds": seeds,
                    "epochs": epochs,
                    "batch_size": batch_size,
                    "measured_steps": measured,
                    "measured_batch": measured_batch,
                    "parameters": loop.shapes(),
                    "data": fingerprint(*(array for part in named.values() for array in part)),
                    "measures": list(Measurement._fields),
                    "jax": jax.__version__,
                    "program": ensemble.program(train),
                    **_noted(together, way),
                }
                clash = next((name for name in configuration or {} if name in asked), None)
                if clash:
                    raise InputError(
                        f"configuration has {clash!r}, which is noted anyway: rename it"
                    )
                loop.resume(SavedRun(folder, {**asked, **(configuration or {})}), save_every)
            shown = show if jax.process_index() == 0 else False
            loop.go(progress=shown)
        finally:
            loop.close()
        return replace(loop.result(), together=way)


def _noted(together: bool | None, way: str) -> dict[str, Any]:
    """What the folder says of it: nothing where all were to be trained at once."""
    if together is None:
        return {"together": way}
    return {} if together else {"together": False}


@lru_cache(maxsize=16)
def _ensemble(kind: type[Ensemble], *what: Any) -> Ensemble:
    """An ensemble with what it has compiled, for runs that differ in numbers alone."""
    return kind(*what)
