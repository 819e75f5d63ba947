"""What a program computes on numbers that everybody has, by which programs are told apart.

A slice may be run today on one machine and years later on another, by sources that have changed in
the meantime. Whether both are of one program is not a matter of revisions, nor of compiled code,
but of what is computed: the start, the loss, the order of the examples, the step, the measurement.
So each file of a slice carries the measurements of a tiny training: a narrow network of the
experiment, made-up images, five steps. On another device they differ by round-off alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from bea.numeric.training.evaluation import Examples, Sets
from examples.paper.mnist.training import PerceptronTraining
from examples.paper.slices.catalogue import Training

TOLERANCE = 0.02
"""By which a GPU that multiplies in fewer bits may differ after five steps; a mistake is larger."""
MEASURED = ("loss", "squared_slope", "test_loss", "test_squared_slope", "norm")
EXAMPLES = 40


def probe(training: Training) -> tuple[float, ...]:
    """The measurements of the tiny training that stands for this one."""
    if isinstance(training, PerceptronTraining):
        batch = None if training.batch is None else 8
        return _computed(
            replace(
                training, examples=EXAMPLES, width=16, batch=batch, learning_rates=(0.1,),
                seeds=(0,), epochs=1 if batch else 5, times=(), noise=None,
            )
        )  # fmt: skip
    return _computed(
        replace(
            training, examples=EXAMPLES, test_examples=EXAMPLES, stages=(1,), width=4,
            learning_rates=(0.1,), seeds=(0,), epochs=1, batch=8, measured_batch=8,
            measured_epochs=1, dtype="float32",
        )
    )  # fmt: skip


def same(ours: tuple[float, ...], theirs: list[float]) -> bool:
    """Do they agree but for round-off?"""
    return len(ours) == len(theirs) and bool(np.allclose(ours, theirs, rtol=TOLERANCE, atol=1e-6))


@lru_cache
def _computed(training: Training) -> tuple[float, ...]:
    run = training.train(_made_up(training), progress=False)
    values = [getattr(run, name)[q, 0, 0] for q in (0, -1) for name in MEASURED]
    return tuple(float(f"{value:.6g}") for value in values)


def _made_up(training: Training) -> Sets:
    """Images and labels without a file: NumPy promises to keep what this generator draws."""
    if isinstance(training, PerceptronTraining):
        shape: tuple[int, ...] = (64 if training.data == "digits" else 784,)
    else:
        shape = (32, 32, 3)
    draws = np.random.RandomState(0)

    def examples() -> Examples:
        x = draws.uniform(size=(EXAMPLES, *shape)).astype(np.float32)
        return x, draws.randint(10, size=EXAMPLES).astype(np.int32)

    return Sets(examples(), examples())
