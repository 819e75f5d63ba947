"""Which slices there are: the trainings of the paper's experiments, in the order of their worth.

The profile `paper` has the paper's sizes: all 60 000 images of MNIST, six widths, 100 epochs, and
ResNet-18 on all of CIFAR-10. Beside the paper's learning rates stand others, so that more of them
fit their training data; smaller and larger batches (figure A.5); and an intervention that the paper
does not have: SGD with a small h and explicit regularization with μ = (h′ − h)/4, what a larger h′
would add implicitly. The profile `rehearsal` has the same kinds of slices in sizes of seconds, on
scikit-learn's digits.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from bea.errors import InputError
from examples.paper.cifar10.training import ResidualTraining
from examples.paper.mnist.runs import FULL_BATCH_RATES, PAPER_RATES
from examples.paper.mnist.training import Noise, PerceptronTraining

Training = PerceptronTraining | ResidualTraining

FURTHER_RATES = (0.2, 0.03, 0.02)
RATES = tuple(sorted((*PAPER_RATES, *FURTHER_RATES), reverse=True))
TIMES = (93.75, 187.5, 937.5, 1875.0, 3750.0, 9375.0)
"""T = ih of the ends of the runs with h = 0.0005, 0.001, 0.005, 0.01, 0.02 and 0.05."""
FULL_BATCH_TIMES = (50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
SMALL_RATE = 0.01
MIMICKED_RATES = (0.05, 0.1, 0.2)
"""h of the intervention, and the h′ whose implicit regularization it adds explicitly."""
CIFAR10_RATES = (0.2, 0.1, 0.05, 0.01, 0.005)
CIFAR10_MUS = (0.05, 0.0125, 0.2)
CIFAR10_TIMES = (1.0, 4.0, 14.55)
"""The last is the end of the runs with h = 0.005: 30 epochs of 97 steps."""


@dataclass(frozen=True)
class Slice:
    """A training with a name.

    Attributes:
        name: which tells its experiment and what is particular about it.
        training: what is trained and measured.
    """

    name: str
    training: Training

    @property
    def description(self) -> dict[str, Any]:
        """The training in the terms of JSON, from which nothing of its results is free."""
        told = {"experiment": self.training.experiment, **asdict(self.training)}
        return dict(json.loads(json.dumps(told)))


def paper() -> Iterator[Slice]:
    """The slices of the paper, those of most worth first."""
    yield from perceptrons(400, seeds=range(3))
    yield from (full_batch(400, seed) for seed in range(3))
    yield from perceptrons(800, seeds=range(3))
    yield from perceptrons(1600, seeds=range(1))
    yield from perceptrons(50, seeds=range(5))
    yield from perceptrons(100, seeds=range(5))
    yield from (mimicking(50, h, range(5)) for h in MIMICKED_RATES)
    yield from perceptrons(200, seeds=range(3))
    yield from residual_networks(seed=0)
    yield from perceptrons(1600, seeds=range(1, 3))
    yield from (other_batch(50, batch, seed) for batch in (128, 512) for seed in range(3))
    yield from (mimicking(400, h, range(3)) for h in MIMICKED_RATES)
    yield from (other_batch(400, batch, seed) for batch in (128, 512) for seed in range(3))
    yield from (slice for seed in (1, 2) for slice in residual_networks(seed))
    yield from perceptrons(200, seeds=range(3, 5))
    yield from perceptrons(400, seeds=range(3, 5))


def perceptrons(width: int, seeds: range) -> Iterator[Slice]:
    """All learning rates with batches of 32, a slice for each seed."""
    noise = {400: Noise(10_000, 100), 100: Noise(2000, 20)}.get(width)
    for seed in seeds:
        training = PerceptronTraining(
            "MNIST", 60_000, width, 32, RATES, (seed,), 100, times=TIMES, noise=noise
        )
        yield Slice(f"mnist-w{width}-s{seed}", training)


def other_batch(width: int, batch: int, seed: int) -> Slice:
    """All learning rates with batches of another size."""
    training = PerceptronTraining("MNIST", 60_000, width, batch, RATES, (seed,), 100, times=TIMES)
    return Slice(f"mnist-w{width}-b{batch}-s{seed}", training)


def full_batch(width: int, seed: int) -> Slice:
    """Gradient descent on the whole training set (figure A.5)."""
    training = PerceptronTraining(
        "MNIST", 60_000, width, None, FULL_BATCH_RATES, (seed,), 10_000, times=FULL_BATCH_TIMES
    )
    return Slice(f"mnist-w{width}-full-s{seed}", training)


def mimicking(width: int, mimicked: float, seeds: range) -> Slice:
    """The intervention: a small h with μ = (h′ − h)/4."""
    mu = (mimicked - SMALL_RATE) / 4
    training = PerceptronTraining(
        "MNIST", 60_000, width, 32, (SMALL_RATE,), tuple(seeds), 100, mu=mu, times=TIMES
    )
    return Slice(f"mnist-w{width}-mu{mu:g}", training)


def residual_networks(seed: int) -> Iterator[Slice]:
    """ResNet-18: the learning rates of figures A.6 and A.7, then the μ of figure 3c."""
    cases = [(h, 0.0) for h in CIFAR10_RATES] + [(min(CIFAR10_RATES), mu) for mu in CIFAR10_MUS]
    for h, mu in cases:
        training = ResidualTraining(
            examples=50_000, test_examples=10_000, stages=(2, 2, 2, 2), width=64,
            dtype="bfloat16", learning_rates=(h,), seeds=(seed,), epochs=30, batch=512,
            measured_batch=512, measured_epochs=3, mu=mu, times=CIFAR10_TIMES,
        )  # fmt: skip
        what = f"mu{mu:g}" if mu else f"h{h:g}"
        yield Slice(f"cifar10-{what}-s{seed}", training)


def rehearsal() -> Iterator[Slice]:
    """One slice of every kind on MLPs, in sizes of seconds."""
    base = PerceptronTraining(
        "digits", 320, 8, 32, (0.2, 0.1, 0.05), (0,), 6, noise=Noise(100, 2, (0.0, 0.5))
    )
    for seed in (0, 1):
        yield Slice(f"digits-w8-s{seed}", replace(base, seeds=(seed,)))
    full = replace(base, batch=None, epochs=40, learning_rates=(0.5, 0.2, 0.1), noise=None)
    yield Slice("digits-w8-full-s0", full)
    mu = (0.2 - 0.05) / 4
    yield Slice(
        f"digits-w8-mu{mu:g}",
        replace(base, learning_rates=(0.05,), seeds=(0, 1), mu=mu, noise=None),
    )
    yield Slice("digits-w16-s0", replace(base, width=16, noise=None))


PROFILES: dict[str, Callable[[], Iterator[Slice]]] = {"paper": paper, "rehearsal": rehearsal}


@cache
def slices(profile: str) -> tuple[Slice, ...]:
    """The slices of a profile, those of most worth first."""
    return tuple(PROFILES[profile]())


def named(profile: str, name: str) -> Slice:
    """The slice of a name.

    Raises:
        InputError: there is none.
    """
    names = {slice.name: slice for slice in slices(profile)}
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        meant = f"did you mean {close[0]}?" if close else "the command `list` names them"
        raise InputError(f"there is no slice {name} in the profile {profile}: {meant}")
    return names[name]
