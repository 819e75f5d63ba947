"""Residual networks trained together and one after another: why `bea.train` has together=False.

    python -m benchmarks.one_by_one
    python -m benchmarks.one_by_one --width 64 --stages 2 2 2 2 --batch 512 --out build/benchmarks

Five learning rates take the same steps on random images of the size of CIFAR-10's: in one program,
by `jax.vmap` inside `jax.lax.scan` (together=True), and model by model and step by step
(together=False), which is the unit. Convolutions of many models become grouped ones, and on a CPU
convolutions inside a compiled loop run on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from bea.models.losses import classifier
from bea.models.resnet import ResNet
from bea.numeric.training.ensemble import Ensemble
from bea.numeric.training.sequential import OneByOne
from bea.numeric.training.sharding import Sharding
from benchmarks.interleaved import Contender, interleaved, print_rows
from benchmarks.report import RESULTS, write_table

RATES = (0.2, 0.1, 0.05, 0.01, 0.005)
UNIT = ("bea", "one after another")
STEPS = 2


def steps(kind: type[Ensemble], model: ResNet, batch: int) -> Callable[[], Any]:
    """Two steps of all models, each call from where the last one ended."""
    rng = np.random.default_rng(0)
    examples = STEPS * batch
    x = rng.standard_normal((examples, 32, 32, 3), np.float32)
    labels = rng.integers(0, 10, examples).astype(np.int32)
    network = classifier(model, image=x.shape[1:])
    ensemble = kind(network, optax.sgd, batch, examples, batch, Sharding.on(None))
    models, _ = ensemble.start([0], len(RATES))
    data = ensemble.sharding.put((x, labels), ensemble.sharding.whole)
    rates, permutations = np.array(RATES, np.float32), ensemble.permutations([0], 0)

    def call() -> None:
        nonlocal models
        models, E = ensemble.advance(
            models, rates, data, permutations=permutations, step=np.int32(0), count=STEPS
        )
        jax.block_until_ready(E)

    return call


def measure(model: ResNet, batch: int, rounds: int) -> list[dict[str, Any]]:
    """The rows of the table."""
    contenders = [
        Contender(*UNIT, steps(OneByOne, model, batch), unit=UNIT),
        Contender("bea", "together", steps(Ensemble, model, batch), unit=UNIT),
    ]
    shape = {"stages": " ".join(map(str, model.stages)), "width": model.width, "batch": batch}
    return [{**shape, "models": len(RATES), "steps": STEPS, **row} for row in
            interleaved(contenders, rounds, f"width {model.width}")]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=8, help="channels of the first stage")
    parser.add_argument("--stages", type=int, nargs="+", default=[1, 1, 1], help="their blocks")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    rows = measure(ResNet(tuple(given.stages), given.width), given.batch, given.rounds)
    print_rows(rows)
    write_table("one_by_one.csv", rows, folder=given.out, packages=["jax", "flax", "optax"])


if __name__ == "__main__":
    main()
