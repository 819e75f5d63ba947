"""Where the models of a stratum are compared, and which of them are left out.

All statistics treat models alike: one that diverges at any time is in none of them, even if it was
measured before; one that never fits its training data is in none that says so. What "at equal E",
"at equal T" and "best" are is fixed in mnist/declared_claims.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.paper.results import Row
from examples.paper.tables import (
    MODEL,
    Model,
    crossing,
    last_common_step,
    never_fits,
)

DIVERGES, NEVER_FITS = "diverges", "never fits"
EVERY_MODEL, FITTED = (DIVERGES,), (DIVERGES, NEVER_FITS)  # what is excluded of the models
EQUAL_E, EQUAL_T, EQUAL_STEP = "equal E", "equal T", "equal step"
BEST, APART, HIGHEST, NOISE = "best", "best apart", "highest", "noise"
NEAR = 0.01  # of times that are called equal

Noise = Mapping[tuple[int, int, float], tuple[float, float]]
"""(width, seed, h) ↦ (slope, test accuracy) under noise."""
Compared = list[Row | str]
"""Of every model of a stratum the row that is compared, or why there is none."""


@dataclass(frozen=True)
class Comparison:
    """Which models are compared, where, and with which.

    Attributes:
        at: EQUAL_E, EQUAL_T, EQUAL_STEP, BEST, APART, HIGHEST or NOISE.
        strata: the columns in which models that are compared with one another are equal.
        excluded: DIVERGES, NEVER_FITS, both, or nothing.
    """

    at: str
    strata: tuple[str, ...]
    excluded: tuple[str, ...]


def compare(models: Iterable[Model], how: Comparison, noise: Noise | None = None) -> list[Row]:
    """A row per model, with what is compared, or why the model is excluded."""
    strata: dict[tuple[float, ...], list[Model]] = {}
    rows: list[Row] = []
    for model in models:
        if reason := reason_of(model, how.excluded):
            rows.append(told(model, reason))
        else:
            strata.setdefault(tuple(getattr(model, name) for name in how.strata), []).append(model)
    for key in sorted(strata):
        alike = strata[key]
        compared = AT[how.at](alike, how.excluded)
        for model, found in zip(alike, compared, strict=True):
            rows.append(told(model, found, noise if how.at == NOISE else None))
    return rows


def reason_of(model: Model, excluded: Collection[str]) -> str | None:
    """Why a model is not compared with any."""
    if DIVERGES in excluded and model.diverged_at is not None:
        return f"diverged at step {model.diverged_at}"
    if NEVER_FITS in excluded and (reason := never_fits(model)):
        return reason
    return None if model.rows else "not measured before it diverged"


def told(model: Model, found: Row | str, noise: Noise | None = None) -> Row:
    """What is compared of a model, with all that follows from what was measured."""
    row: dict[str, Any] = {name: getattr(model, name) for name in MODEL}
    if isinstance(found, str):
        return {**row, "excluded": found}
    row = {**found, **row, "excluded": None}
    row["regularizer_over_loss"] = row["regularizer"] / row["loss"] if row["loss"] else None
    row["squared_slope"] = row["slope"] ** 2
    if noise is not None:
        if (found := noise.get((model.width, model.seed, model.learning_rate))) is None:  # type: ignore[assignment]
            return {**row, "excluded": "not perturbed"}
        row["noisy_slope"], row["noisy_test_accuracy"] = found
        row["lost_test_accuracy"] = row["test_accuracy"] - row["noisy_test_accuracy"]
    return row


# Where


def at_equal_loss(models: Sequence[Model], excluded: Collection[str]) -> Compared:
    """Where E first falls to the smallest value to which all of them come."""
    common = max(min(row["loss"] for row in model.rows) for model in models)
    none = f"never measured on either side of E = {common:.3g}"
    return [crossing(model, common) or none for model in models]


def at_equal_time(models: Sequence[Model], excluded: Collection[str]) -> Compared:
    """At the last T > 0 of the smallest h at which all are measured, up to 1 %."""
    first = min(models, key=lambda model: (model.learning_rate, model.mu))
    times = sorted({row["physical_time"] for row in first.rows} - {0.0}, reverse=True)
    for T in times:
        found = [nearest(model, T) for model in models]
        if all(abs(row["physical_time"] / T - 1) <= NEAR for row in found):
            return list(found)
    return ["never measured at a time of all others"] * len(models)


def nearest(model: Model, T: float) -> Row:
    return min(model.rows, key=lambda row: abs(row["physical_time"] - T))


def at_equal_step(models: Sequence[Model], excluded: Collection[str]) -> Compared:
    """At the last step at which all that do not diverge are measured."""
    step = last_common_step(models)
    at = [next((row for row in model.rows if row["step"] == step), None) for model in models]
    return [row or f"not measured at step {step:.0f}" for row in at]


def at_best(models: Sequence[Model], excluded: Collection[str]) -> Compared:
    """At the highest test accuracy: of the steps at which all is fitted, if that is asked for."""
    return [highest(candidates(model, excluded), "test_accuracy") for model in models]


def at_best_apart(models: Sequence[Model], excluded: Collection[str]) -> Compared:
    """At the highest accuracy on one half of the test set, with the accuracy on the other half.

    As `at_best` where no half was measured (`chosen_apart`).
    """
    if not chosen_apart(models):
        return at_best(models, excluded)
    best = [highest(candidates(model, excluded), "validation_accuracy") for model in models]
    return [
        {**row, "test_accuracy": 2 * row["test_accuracy"] - row["validation_accuracy"]}
        for row in best
    ]


def at_highest(models: Sequence[Model], excluded: Collection[str]) -> Compared:
    """At the highest test accuracy, whether or not all is fitted by then."""
    return [highest(model.rows, "test_accuracy") for model in models]


AT: Mapping[str, Callable[[Sequence[Model], Collection[str]], Compared]] = {
    EQUAL_E: at_equal_loss, EQUAL_T: at_equal_time, EQUAL_STEP: at_equal_step, BEST: at_best,
    APART: at_best_apart, HIGHEST: at_highest, NOISE: at_best,
}  # fmt: skip


def candidates(model: Model, excluded: Collection[str]) -> Sequence[Row]:
    return [row for row in model.rows if row["accuracy"] == 1 or NEVER_FITS not in excluded]


def highest(rows: Sequence[Row], name: str) -> Row:
    """The first of the rows with the highest accuracy."""
    return max(rows, key=lambda row: row[name])


def chosen_apart(models: Iterable[Model]) -> bool:
    """Whether all steps have an accuracy on a half of the test set that is set apart."""
    rows = [row for model in models for row in model.rows]
    return bool(rows) and all(row.get("validation_accuracy") is not None for row in rows)
