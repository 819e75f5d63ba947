"""How long slices take on this device, from a short measurement and from what has been run here.

A step of a perceptron with m parameters on a batch of B examples is measured at two widths, and so
is the measurement of a set. With n models, for a step, and for N examples of a measurement,

    t_step = n(a + b·Bm),   t_measurement = n·c·Nm,

where a is what small steps cost that fill no device. Residual networks are timed by a step on few
images. A slice whose sibling with another seed has been run on this device takes as long as that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import jax
import numpy as np

import bea
from bea.models.losses import classifier
from bea.models.mlp import MLP
from bea.models.resnet import ResNet
from bea.numeric.training.evaluation import Examples
from bea.tables import write_text
from examples.paper.cifar10.training import ResidualTraining
from examples.paper.device import device_name
from examples.paper.slices.catalogue import Slice
from examples.paper.slices.slice_file import SliceFile

WIDTHS = 50, 400
MEASURED_EXAMPLES = 2000
RATES = tuple(0.1 / 2**k for k in range(8))
REGULARIZED = 3.0
"""How many gradients a step on E + μ|∇E|² costs, about: one, and one through it."""
COMPILING = 15.0
"""Seconds for compiling a slice, about."""


@dataclass(frozen=True)
class Speed:
    """Of a device.

    Attributes:
        step: a, seconds for each model and step of a perceptron beside the arithmetic.
        arithmetic: b, seconds for each example and parameter in a step.
        measurement: c, seconds for each example and parameter in a measurement.
        image: seconds for each image in a step of ResNet-18.
    """

    step: float
    arithmetic: float
    measurement: float
    image: float


def estimate(slice: Slice, speed: Speed) -> float:
    """Seconds that a slice takes."""
    training = slice.training
    models = len(training.learning_rates) * len(training.seeds)
    steps = training.steps_per_epoch * training.epochs
    gradients = REGULARIZED if training.mu else 1.0
    measurements = len(training.measured_steps())
    if isinstance(training, ResidualTraining):
        images = steps * training.batch * gradients + measurements * training.examples
        return COMPILING + models * images * speed.image
    m = parameters(training.width)
    batch = training.batch or training.examples
    stepping = steps * gradients * (speed.step + speed.arithmetic * batch * m)
    measuring = measurements * training.examples * m * speed.measurement
    noise = training.noise
    if noise is not None:
        measuring += (
            len(noise.sigmas) * noise.draws * (noise.examples + 3000) * m * (speed.measurement)
        )
    return COMPILING + models * (stepping + measuring)


def parameters(width: int, inputs: int = 784) -> int:
    """M of a perceptron with five hidden layers."""
    return (inputs + 1) * width + 4 * (width + 1) * width + 10 * (width + 1)


def estimates(
    slices: Iterable[Slice], speed: Speed, files: Sequence[SliceFile]
) -> dict[str, float]:
    """Seconds by the names of the slices; those of a sibling that was run on this device."""
    here = device_name()
    known = {_kind(file.content["slice"]): file.wall_time for file in files if file.device == here}
    return {
        slice.name: known.get(_kind(slice.description)) or estimate(slice, speed)
        for slice in slices
    }


def _kind(description: Mapping[str, object]) -> str:
    """All that siblings share."""
    return json.dumps(
        {name: value for name, value in description.items() if name not in ("name", "seeds")},
        sort_keys=True,
    )


def speed_of_this_device(cache: Path, *, residual: bool, afresh: bool = False) -> Speed:
    """The speed, measured in some ten seconds unless it is in the cache.

    Args:
        cache: a JSON file, by devices.
        residual: whether that of residual networks is asked for; else it counts as none.
        afresh: measure again.
    """
    here = f"{device_name()}, JAX {jax.__version__}"
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    known = known if isinstance(known, dict) else {}
    found: dict[str, float] = {} if afresh else known.get(here) or {}
    if set(found) != {field.name for field in fields(Speed)} or (residual and not found["image"]):
        found = asdict(measured(residual))
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_text(cache, json.dumps({**known, here: found}, indent=1) + "\n")
    return Speed(**found)


def measured(residual: bool) -> Speed:
    """The short measurement."""
    small, large = (_perceptrons(width) for width in WIDTHS)
    m, M = map(parameters, WIDTHS)
    arithmetic = max((large[0] - small[0]) / (32 * (M - m)), 1e-15)
    return Speed(
        step=max(small[0] - arithmetic * 32 * m, 0.0),
        arithmetic=arithmetic,
        measurement=large[1] / (MEASURED_EXAMPLES * M),
        image=_residual_networks() if residual else 0.0,
    )


def _perceptrons(width: int) -> tuple[float, float]:
    """Seconds for a step and for a measurement of one of several models."""
    network = classifier(MLP(width=width), image=(784,))
    examples = _made_up(MEASURED_EXAMPLES, (784,))
    for _ in range(2):  # the first run compiles
        run = bea.train(
            network, examples, _few(examples), learning_rates=RATES, epochs=1, measured_steps=(0,),
            progress=False,
        )  # fmt: skip
    steps, measurements = run.steps[-1], len(run.steps)
    n = len(RATES)
    return run.seconds["training"] / (n * steps), run.seconds["measuring"] / (n * measurements)


def _residual_networks() -> float:
    """Seconds for each image in a step of ResNet-18."""
    network = classifier(ResNet((2, 2, 2, 2), 64), image=(32, 32, 3))
    batch = 16 if jax.default_backend() == "cpu" else 512
    examples = _made_up(3 * batch, (32, 32, 3))
    for _ in range(2):
        run = bea.train(
            network, examples, _few(examples), learning_rates=(0.1,), epochs=1,
            batch_size=batch, measured_steps=(), together=False, progress=False,
        )  # fmt: skip
    return run.seconds["training"] / len(examples[0])


def _made_up(n: int, shape: tuple[int, ...]) -> Examples:
    draws = np.random.default_rng(0)
    x = draws.uniform(size=(n, *shape)).astype(np.float32)
    return x, draws.integers(10, size=n).astype(np.int32)


def _few(examples: Examples) -> Examples:
    x, labels = examples
    return x[:8], labels[:8]
