"""The tables of the MLPs on MNIST, and what figures and claims of them share.

`runs` writes measurements.csv and perturbations.csv; everything is selected from the two
alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial

import numpy as np
from scipy import stats

from examples.paper import tables as run_tables
from examples.paper.mnist import runs
from examples.paper.mnist.training import PERTURBATIONS
from examples.paper.results import Row
from examples.paper.tables import (
    FULL,
    Model,
    RunTables,
    at_best,
    column,
    grouped,
    included,
    select,
)

PERTURBED = ("width", "seed", "learning_rate", "sigma", "draw", "slope", "test_accuracy")
NOISY = ("noisy_slope", "noisy_test_accuracy", "lost_test_accuracy")
RESULTS = "results/mnist"
PAPER_BATCH = "32"


class Tables(RunTables):
    """The two tables in a folder, read when they are asked for."""

    script = runs.SCRIPT

    @cached_property
    def perturbations(self) -> list[Row]:
        return self._read(PERTURBATIONS, PERTURBED)

    @cached_property
    def noise(self) -> list[Row]:
        """The perturbations of plain models, none where no table of them is there."""
        if not (self.folder / PERTURBATIONS).is_file():
            return []
        return [row for row in self.perturbations if not row.get("mu")]

    @cached_property
    def batch(self) -> str:
        """The batch of plain SGD: "32", as in the paper, where there are several."""
        sizes = {model.batch for model in self.all_models} - {FULL}
        return PAPER_BATCH if PAPER_BATCH in sizes else min(sizes, key=float, default=PAPER_BATCH)

    @cached_property
    def compared_width(self) -> int:
        """n_l of the figures of one width.

        The one that is trained with the full batch as well, else the one that is perturbed, else
        the one of the most models; of several the largest.
        """
        full = {model.width for model in self.all_models if model.batch == FULL}
        if widths := full or {int(row["width"]) for row in self.noise}:
            return max(widths)
        counts = Counter(model.width for model in self.models())
        return max(counts, key=lambda width: (counts[width], width))

    def models(
        self,
        width: int | None = None,
        full_batch: bool = False,
        *,
        batch: str | None = None,
        regularized: bool = False,
    ) -> list[Model]:
        """The models of one width, or of all, in the order of width, learning rate and seed.

        Args:
            width: n_l; None for all.
            full_batch: those of full-batch descent, not of SGD.
            batch: of SGD with batches of so many; by default those of `self.batch`.
            regularized: those with μ > 0 as well.
        """
        asked = FULL if full_batch else batch or self.batch
        return [
            model
            for model in self.all_models
            if model.batch == asked
            and width in (None, model.width)
            and (regularized or not model.mu)
        ]

    def regularized(self) -> list[Model]:
        """The models with the learning rates at which some have μ > 0."""
        models = self.models(regularized=True)
        small = {model.learning_rate for model in models if model.mu}
        return [model for model in models if model.learning_rate in small]

    def intervened(self) -> list[Model]:
        """These, and the plain models with h' = h + 4μ."""
        regularized = self.regularized()
        small = {model.learning_rate for model in regularized}
        targets = {float(f"{target(model):.9g}") for model in regularized if model.mu} - small
        plain = (model for model in self.models() if model.learning_rate in targets)
        return [*regularized, *plain]


def target(model: Model) -> float:
    """The learning rate h' = h + 4μ, which regularizes implicitly as h and μ do together."""
    return model.learning_rate + 4 * model.mu


def noise_of(rows: Iterable[Row]) -> dict[tuple[int, int, float], tuple[float, float]]:
    """(width, seed, h) ↦ slope and test accuracy at θ(1 + η), η ~ N(0, σ²).

    Medians over the draws, averaged over all measured σ > 0: the geometric mean of the slope, the
    mean of the test accuracy.
    """
    medians: dict[tuple[int, int, float], list[tuple[float, float]]] = {}
    measured = (row for row in rows if row["slope"] is not None and row["sigma"] > 0)
    for (width, seed, h, _), draws in grouped(
        measured, ("width", "seed", "learning_rate", "sigma")
    ).items():
        slope, accuracy = (
            float(np.median(column(draws, name))) for name in ("slope", "test_accuracy")
        )
        medians.setdefault((int(width), int(seed), h), []).append((slope, accuracy))
    return {
        model: (
            float(stats.gmean(slopes)) if min(slopes) > 0 else 0.0,
            float(np.mean(accuracies)),
        )
        for model, (slopes, accuracies) in (
            (model, tuple(zip(*found, strict=True))) for model, found in medians.items()
        )
    }


def under_noise(tables: Tables) -> list[Row]:
    """A model of the compared width per row, and what it is at θ_p = θ(1 + η) (`noise_of`).

    With how much less the test accuracy is than without noise.
    """
    means = noise_of(tables.noise)
    rows: list[Row] = []
    for row in select(tables.models(tables.compared_width), at_best):
        noisy: Row = dict.fromkeys(NOISY)
        found = means.get((row["width"], row["seed"], row["learning_rate"]))
        if found and not row["excluded"]:
            slope, accuracy = found
            values = slope, accuracy, row["test_accuracy"] - accuracy
            noisy = dict(zip(NOISY, values, strict=True))
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
            for row in tables.noise
            if row["slope"] is not None
            and row["width"] == tables.compared_width
            and (row["seed"], row["learning_rate"]) in kept
        ),
        names,
    )


show: Callable[..., None] = partial(run_tables.show_tables, kind=Tables, results=RESULTS)
"""(argv, name, description, make_table=…, draw=…): the whole of a figure's script."""
