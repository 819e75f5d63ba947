"""The tables of the MLPs on MNIST, and what figures and claims of them share.

`runs` writes measurements.csv and perturbations.csv; everything is selected from the two
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
from scipy import stats

from examples.paper import tables as run_tables
from examples.paper.mnist import runs
from examples.paper.mnist.training import PERTURBATIONS
from examples.paper.results import Row
from examples.paper.tables import FULL, Model, RunTables, at_best, column, grouped, included, select

PERTURBED = ("width", "seed", "learning_rate", "sigma", "draw", "slope", "test_accuracy")
NOISY = ("noisy_slope", "noisy_test_accuracy", "lost_test_accuracy")
RESULTS = "results/mnist"


class Tables(RunTables):
    """The two tables in a folder, read when they are asked for."""

    script = runs.SCRIPT

    @cached_property
    def perturbations(self) -> list[Row]:
        return self._read(PERTURBATIONS, PERTURBED)

    @cached_property
    def compared_width(self) -> int:
        """n_l of the figures of one width: the one that is trained with the full batch as well."""
        widths = {row["width"] for row in self.measurements if row["batch"] == FULL}
        return int(max(widths or {row["width"] for row in self.measurements}))

    def models(self, width: int | None = None, full_batch: bool = False) -> list[Model]:
        """The models of one width, or of all, in the order of width, learning rate and seed."""
        return self._models(
            row
            for row in self.measurements
            if (row["batch"] == FULL) == full_batch and width in (None, row["width"])
        )


def under_noise(tables: Tables) -> list[Row]:
    """A model of the compared width per row, and what it is at θ_p = θ(1 + η), η ~ N(0, σ²).

    Medians over the draws, averaged over all measured σ > 0: the geometric mean of the slope, the
    mean of the test accuracy, and how much less this is than without noise.
    """
    medians: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for (seed, h, sigma), draws in draws_by(tables, ("seed", "learning_rate", "sigma")).items():
        if sigma > 0:
            slope, accuracy = (
                float(np.median(column(draws, name))) for name in ("slope", "test_accuracy")
            )
            medians.setdefault((seed, h), []).append((slope, accuracy))
    rows: list[Row] = []
    for row in select(tables.models(tables.compared_width), at_best):
        noisy: Row = dict.fromkeys(NOISY)
        if found := medians.get((row["seed"], row["learning_rate"])):
            slopes, accuracies = np.array(found).T
            accuracy = float(accuracies.mean())
            slope = float(stats.gmean(slopes)) if slopes.all() else 0.0
            means = slope, accuracy, row["test_accuracy"] - accuracy
            noisy = dict(zip(NOISY, means, strict=True))
        rows.append({**row, **noisy})
    return rows


def draws_by(tables: Tables, names: Sequence[str]) -> dict[tuple[float, ...], list[Row]]:
    """The perturbed models of the compared width by these columns, without those excluded.

    Nor are draws counted whose slope is too large for its number format.
    """
    models = select(tables.models(tables.compared_width), at_best)
    kept = {(row["seed"], row["learning_rate"]) for row in included(models)}
    return grouped(
        (
            row
            for row in tables.perturbations
            if row["slope"] is not None
            and row["width"] == tables.compared_width
            and (row["seed"], row["learning_rate"]) in kept
        ),
        names,
    )


show: Callable[..., None] = partial(run_tables.show_tables, kind=Tables, results=RESULTS)
"""(argv, name, description, make_table=…, draw=…): the whole of a figure's script."""
