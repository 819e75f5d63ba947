"""The table of the residual networks on CIFAR-10, and what its figures and claims share.

`runs` writes measurements.csv; everything is selected from it alone. Models are compared
at the measured step of their highest test accuracy: not all of them come to fit their training
data, and in training mode their accuracy on these depends on the chunks of batch normalization.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from examples.paper import tables as run_tables
from examples.paper.cifar10 import runs
from examples.paper.results import Row
from examples.paper.tables import Model, RunTables, at_highest, column, grouped, included, select

RESULTS = "results/cifar10"


class Tables(RunTables):
    """The table in a folder, read when it is asked for."""

    script = runs.SCRIPT

    def models(self) -> list[Model]:
        """All models, in the order of learning rate, μ and seed."""
        return self.all_models

    def plain(self) -> list[Model]:
        """Those of plain SGD."""
        return [model for model in self.models() if not model.mu]

    def regularized(self) -> list[Model]:
        """Those with learning rates at which some are regularized explicitly."""
        rates = {model.learning_rate for model in self.models() if model.mu}
        return [model for model in self.models() if model.learning_rate in rates]


def gains(tables: Tables) -> list[Row]:
    """Every model of figure 3c, and what its test accuracy gains over μ = 0, in points.

    Over the model of the same learning rate and seed, each at its own highest test accuracy.
    """
    rows = select(tables.regularized(), at_highest)
    plain = {
        (row["learning_rate"], row["seed"]): row["test_accuracy"]
        for row in included(rows)
        if not row["mu"]
    }

    def gain(row: Row) -> float | None:
        before = plain.get((row["learning_rate"], row["seed"]))
        if row["excluded"] or before is None:
            return None
        return 100 * (row["test_accuracy"] - before)

    return [{**row, "gain": gain(row)} for row in rows]


def of_the_greatest_gain(tables: Tables) -> list[Row]:
    """The models of the learning rate and μ > 0 whose mean gain is the greatest."""
    return greatest([row for row in gains(tables) if row["mu"]])


def chosen_by_others(tables: Tables) -> list[Row]:
    """Of every seed the model of the learning rate and μ > 0 that gains the most in the others."""
    rows = [row for row in gains(tables) if row["mu"]]
    found: list[Row] = []
    for seed in sorted({row["seed"] for row in rows}):
        best = greatest([row for row in rows if row["seed"] != seed])
        cases = {(row["learning_rate"], row["mu"]) for row in best}
        mine = (row for row in rows if row["seed"] == seed)
        found += [row for row in mine if (row["learning_rate"], row["mu"]) in cases]
    return found


def greatest(rows: Sequence[Row]) -> list[Row]:
    """Those of the learning rate and μ whose mean gain is the greatest.

    Among those of which the most seeds have a gain: one that mostly diverges is no choice.
    """

    def preference(rows: Sequence[Row]) -> tuple[int, float]:
        found = column(rows, "gain")
        return len(found), float(found.mean()) if len(found) else 0.0

    return max(grouped(rows, ["learning_rate", "mu"]).values(), key=preference, default=[])


show: Callable[..., None] = partial(run_tables.show_tables, kind=Tables, results=RESULTS)
"""(argv, name, description, make_table, draw): the whole of a figure's script."""
