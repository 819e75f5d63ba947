"""At which physical times T = ih models of several learning rates are measured alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from examples.paper.results import Row
from examples.paper.tables import Model, along, at_best

NEAR = 0.01  # of times that are called equal
MIN_RATES = 3  # fewer have no trend
MOST = 7  # times that one panel can show


def along_with_common_times(models: Sequence[Model]) -> list[Row]:
    """A row per model and measured step, as `along` has them, with T where it is a common one."""
    marks = {
        (*key_of(model), row["step"]): T
        for T in common_times(models)
        for model in models
        if (row := measured_at(model, T)) is not None
    }
    return [
        {**row, "common_time": marks.get((row["learning_rate"], row["seed"], row["step"]))}
        for row in along(models, at_best)
    ]


def common_times(models: Sequence[Model]) -> list[float]:
    """The times T > 0 at which three or more learning rates are measured, up to 1 %.

    With all seeds that do not diverge. Of such times those count that are the end of a run, where
    smaller learning rates have no more to tell, and those at which every rate is measured that gets
    so far; of many, seven that are evenly spread.
    """
    kept = [model for model in models if model.diverged_at is None and model.rows]
    by_rate: dict[float, list[Model]] = {}
    for model in kept:
        by_rate.setdefault(model.learning_rate, []).append(model)
    ends = {h: rounded(min(map(end, alike))) for h, alike in by_rate.items()}
    measured = Counter(rounded(row["physical_time"]) for model in kept for row in model.rows)
    found: list[float] = []
    for T in sorted(measured.keys() - {0.0}, key=lambda T: (T not in ends.values(), -measured[T])):
        there = [h for h, alike in by_rate.items() if all(measured_at(m, T) for m in alike)]
        reach = [h for h, last in ends.items() if last >= T * (1 - NEAR)]
        counts = len(there) >= MIN_RATES and (T in ends.values() or len(there) == len(reach))
        if counts and all(abs(T / other - 1) > NEAR for other in found):
            found.append(T)
    found.sort()
    spread = np.linspace(0, len(found) - 1, min(len(found), MOST)).round().astype(int)
    return [found[i] for i in spread]


def measured_at(model: Model, T: float) -> Row | None:
    """The measurement of a model that does not diverge nearest to T, if it is within 1 % of it."""
    if model.diverged_at is not None or not model.rows:
        return None
    row = min(model.rows, key=lambda row: abs(row["physical_time"] - T))
    return row if abs(row["physical_time"] / T - 1) <= NEAR else None


def rounded(T: float) -> float:
    """T = ih as it is meant: h is no binary number."""
    return float(f"{T:.9g}")


def end(model: Model) -> float:
    return float(model.rows[-1]["physical_time"])


def key_of(model: Model) -> tuple[float, int]:
    return model.learning_rate, model.seed


def at(rows: Iterable[Row], T: float) -> list[Row]:
    """The rows of a common time; no model is excluded for not fitting its training data by then."""
    return [{**row, "excluded": None} for row in rows if row["common_time"] == T]


def times_of(rows: Iterable[Row]) -> list[float]:
    return sorted({row["common_time"] for row in rows if row["common_time"] is not None})
