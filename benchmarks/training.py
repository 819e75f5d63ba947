"""What training seven learning rates together saves, and what it costs to watch them.

    python -m benchmarks.training
    python -m benchmarks.training --width 400 --rounds 10 --out build/benchmarks

The paper's perceptrons with ReLU on images of the size of MNIST's, batches of 32, float32. In every
round the same steps are taken by all seven models in one program, by one model after another with
the same code, and, where PyTorch imports, by a plain loop over models in PyTorch on the same
device; the unit is the seven together. On a GPU the others are to take 5 and 10 times as long. One
measurement of E, ∇E and the accuracies over 60,000 and 10,000 images is timed beside them. From
both follows what tracking on the default schedule adds to a run of 100 epochs.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from bea.models.losses import classifier
from bea.models.mlp import MLP
from bea.numeric.training.ensemble import Ensemble
from bea.numeric.training.evaluation import Sets
from bea.numeric.training.schedule import spread_steps
from bea.numeric.training.sharding import Sharding
from benchmarks.interleaved import Contender, interleaved, print_rows, significant
from benchmarks.report import RESULTS, write_table
from examples.paper.device import cores

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when PyTorch is imported
try:
    import torch
except ImportError:
    torch = None

RATES = (0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005)
BATCH, EPOCHS = 32, 100
TOGETHER = ("bea", "seven together")
AFTER_ANOTHER, LOOP, MEASUREMENT = "seven, one after another", "seven in a loop", "one measurement"


class Training:
    """Models of one width on random images, and their next steps."""

    def __init__(self, width: int, examples: int, test_examples: int) -> None:
        rng = np.random.default_rng(0)
        self.width = width
        self.train, self.test = (
            (rng.random((n, 784), np.float32), rng.integers(0, 10, n).astype(np.int32))
            for n in (examples, test_examples)
        )
        self.ensemble = Ensemble(
            classifier(MLP(width=width), image=(784,)), optax.sgd, BATCH, examples, 1000,
            Sharding.on(None),
        )  # fmt: skip
        sharding = self.ensemble.sharding
        self.on_device = sharding.put(Sets(self.train, self.test), sharding.whole)
        self.permutations = self.ensemble.permutations([0], 0)

    def steps(self, rates: Sequence[float]) -> Callable[[], Any]:
        """A block of steps of these models, each call from where the last one ended."""
        models, _ = self.ensemble.start([0], len(rates))
        h = np.array(rates, np.float32)

        def call() -> Any:
            nonlocal models
            models, E = self.ensemble.advance(
                models,
                h,
                self.on_device.train,
                permutations=self.permutations,
                step=np.int32(0),
                count=self.ensemble.block,
            )
            return E.block_until_ready()

        return call

    def one_after_another(self) -> Callable[[], Any]:
        calls = [self.steps([h]) for h in RATES]
        return lambda: [call() for call in calls]

    def measurement(self) -> Callable[[], Any]:
        models, best = self.ensemble.start([0], len(RATES))

        def call() -> Any:
            nonlocal best
            found, best = self.ensemble.measure(models, best, sets=self.on_device, step=np.int32(0))
            return jax.block_until_ready(found)

        return call

    def in_pytorch(self) -> Callable[[], Any]:
        """The loop that one writes: model by model, batch by batch."""
        torch.set_num_threads(cores())
        torch.set_float32_matmul_precision("high")  # TF32 on a GPU, as in JAX
        device = "cuda" if jax.default_backend() != "cpu" and torch.cuda.is_available() else "cpu"
        x, labels = (torch.tensor(array, device=device) for array in self.train)
        batches = torch.tensor(np.asarray(self.order)[0].astype(np.int64), device=device)
        batches = batches.split(BATCH)[: self.ensemble.block]
        networks = [self._perceptron().to(device) for _ in RATES]
        optimizers = [
            torch.optim.SGD(network.parameters(), lr=h)
            for network, h in zip(networks, RATES, strict=True)
        ]

        def call() -> None:
            for network, optimizer in zip(networks, optimizers, strict=True):
                for batch in batches:
                    optimizer.zero_grad()
                    loss = torch.nn.functional.cross_entropy(
                        network(x[batch]), labels[batch].long()
                    )
                    loss.backward()
                    optimizer.step()
            if device == "cuda":
                torch.cuda.synchronize()

        return call

    def _perceptron(self) -> Any:
        sizes, layers = [784, *[self.width] * 5], []
        for units, more in pairwise(sizes):
            layers += [torch.nn.Linear(units, more), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers, torch.nn.Linear(self.width, 10))


def measure(training: Training, rounds: int) -> list[dict[str, Any]]:
    """The rows of the table for one width."""
    contenders = [
        Contender(*TOGETHER, training.steps(RATES), unit=TOGETHER),
        Contender("bea", AFTER_ANOTHER, training.one_after_another(), unit=TOGETHER),
        Contender("bea", MEASUREMENT, training.measurement(), unit=TOGETHER),
    ]
    if torch is not None:
        contenders.append(Contender("PyTorch", LOOP, training.in_pytorch(), unit=TOGETHER))
    rows = interleaved(contenders, rounds, f"width {training.width}")
    steps = training.ensemble.block
    stats = jax.devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return [
        {
            "width": training.width,
            "steps": steps,
            "batch": BATCH,
            **row,
            "model_epochs_per_second": significant(
                None
                if row["quantity"] == MEASUREMENT
                else len(RATES) * steps / training.ensemble.steps_per_epoch / row["seconds"]
            ),
            "peak_device_mib": significant(peak and peak / 2**20),
            "tracking": significant(
                tracking(training.ensemble, row["ratio"])
                if row["quantity"] == MEASUREMENT
                else None
            ),
        }
        for row in rows
    ]


def tracking(ensemble: Ensemble, ratio: float) -> float:
    """The time of all measurements of a run over that of its steps."""
    measurements = len(spread_steps(ensemble.steps_per_epoch, EPOCHS))
    return measurements * ratio * ensemble.block / (EPOCHS * ensemble.steps_per_epoch)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, nargs="*", default=[50, 400], help="n_l")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--examples", type=int, default=60_000, help="of the training set")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for width in options.width:
        found = measure(Training(width, options.examples, 10_000), options.rounds)
        print_rows(found)
        for row in found:
            if row["tracking"] != "":
                print(f"tracking adds {row['tracking']:.1%} to {EPOCHS} epochs at width {width}")
        rows += found
        packages = ["jax", "flax", "optax", *["torch"] * (torch is not None)]
        write_table("training.csv", rows, folder=options.out, packages=packages)


if __name__ == "__main__":
    main()
