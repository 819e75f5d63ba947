"""The input of a training run, checked: every error names the culprit and the remedy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from bea.classifier import Classifier
from bea.errors import InputError
from bea.numeric.training.checkpoints import digest
from bea.numeric.training.evaluation import Examples, Variables
from bea.numeric.training.schedule import spread_steps
from bea.numeric.training.sharding import BATCH, MODELS, Sharding
from bea.whole_numbers import whole_number


def checked_rates(values: Sequence[float]) -> tuple[float, ...]:
    """The learning rates, positive and different."""
    rates = tuple(_listed("learning_rates", values, _number))
    for h in rates:
        if not 0 < h < math.inf:
            raise InputError(f"the learning rate {h} is no positive number: give h > 0")
    return rates


def checked_seeds(values: Sequence[int]) -> tuple[int, ...]:
    """The seeds, whole numbers of 32 bits and different."""

    def checked(name: str, seed: Any) -> int:
        return checked_whole(name, seed, least=0, most=2**32 - 1)

    return tuple(_listed("seeds", values, checked))


def _listed(name: str, values: Any, checked: Callable[[str, Any], Any]) -> list[Any]:
    if isinstance(values, str | Mapping) or not hasattr(values, "__iter__"):
        raise InputError(f"{name} = {values!r}: give a sequence of numbers")
    found = [checked(f"{name}[{i}]", value) for i, value in enumerate(values)]
    if not found:
        raise InputError(f"{name} is empty: give at least one")
    twice = [value for i, value in enumerate(found) if value in found[:i]]
    if twice:
        raise InputError(f"{name} has {twice[0]} twice: give each one once")
    return found


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} = {value!r} is no number") from None


def checked_whole(
    name: str, value: Any, *, least: int, most: float = math.inf, of: str = ""
) -> int:
    """A whole number within these bounds, `of` what it is a part."""
    whole = whole_number(value)
    if whole is None or not least <= whole <= most:
        bounds = f"from {least}" + (f" to {most:,}" if most < math.inf else "")
        raise InputError(
            f"{name} = {value!r}: give a whole number {bounds}" + (f", {of}" if of else "")
        )
    return whole


def checked_examples(name: str, examples: Any) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and the labels, which belong together."""
    if not isinstance(examples, tuple | list) or len(examples) != 2:
        raise InputError(f"{name} is no pair: give (inputs, labels)")
    x, labels = map(np.asarray, examples)
    if not x.ndim or not len(x) or labels.shape != x.shape[:1] or labels.dtype.kind not in "iu":
        raise InputError(
            f"{name} has inputs of shape {x.shape} and {labels.dtype} labels of shape "
            f"{labels.shape}: give n inputs, n ≥ 1, and the index of a class for each"
        )
    return x, labels.astype(np.int32)


def check_labels(
    classifier: Classifier, variables: Variables, examples: Mapping[str, Examples]
) -> None:
    """Refuse labels that are of no class of the network."""
    x, labels = next(iter(examples.values()))
    _, outputs = jax.eval_shape(classifier.evaluate, *variables, x[:1], labels[:1])
    classes = outputs.shape[-1]
    for name, (_, values) in examples.items():
        if values.min() < 0 or values.max() >= classes:
            raise InputError(
                f"{name} has labels from {values.min()} to {values.max()}: the network has the "
                f"classes 0 … {classes - 1}"
            )


def check_split(
    sharding: Sharding, *, batch_size: int | None, examples: int, together: bool
) -> None:
    """Refuse a batch that the devices cannot share evenly, and models that are not together."""
    if not together and sharding.parts(MODELS) > 1:
        raise InputError(
            "models one after another (together=False) cannot be split over devices: give a mesh "
            "with the axis 'batch' alone, or train them together"
        )
    parts = sharding.parts(BATCH)
    size = examples if batch_size is None else batch_size
    if size % parts:
        raise InputError(
            f"a batch of {size:,} examples cannot be split evenly over {parts} devices: give a "
            f"batch size that {parts} divides, or a mesh with another 'batch' axis"
        )


def checked_steps(
    asked: Sequence[int] | None, steps_per_epoch: int, epochs: int
) -> tuple[int, ...]:
    """The steps at which to measure; the end is among them."""
    total = steps_per_epoch * epochs
    if asked is None:
        return spread_steps(steps_per_epoch, epochs)
    found = [
        checked_whole(f"measured_steps[{i}]", step, least=0, most=total)
        for i, step in enumerate(asked)
    ]
    return tuple(sorted({*found, total}))


def fingerprint(*arrays: np.ndarray) -> str:
    """What tells these data from others."""
    return digest({str(i): array for i, array in enumerate(arrays)})[:16]
