"""The paper's claims on ResNet-18 and CIFAR-10, each with its effect, its tests and a verdict.

What Figures 3c, A.6 and A.7 of Barrett and Dherin (2020), arXiv:2009.11162, show, from the table of
`cifar10/runs.py` alone. The primary claims are those of declared_claims.toml; those below are
exploratory. `examples/paper/claims.py` has the rule of the verdict. Written are claims.csv and, to
the screen, the same as a Markdown table.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.cifar10.runs import RATES
from examples.paper.cifar10.tables import RESULTS, Tables, chosen_by_others, of_the_greatest_gain
from examples.paper.claims import (
    FALLS,
    MEAN,
    MU,
    RISES,
    Claim,
    Experiment,
    H,
)
from examples.paper.claims_table import rows_of, write
from examples.paper.comparisons import BEST, EQUAL_STEP, EVERY_MODEL, HIGHEST, Comparison
from examples.paper.results import Row
from examples.paper.tables import Model

REPORTED_GAIN = 12.0  # points, section 7
BEST_OF_SEED = Comparison(BEST, ("seed",), EVERY_MODEL)
BEST_AT_H = Comparison(BEST, (H, "seed"), EVERY_MODEL)
STEP = Comparison(EQUAL_STEP, ("seed",), EVERY_MODEL)
GAIN = Comparison(HIGHEST, ("seed",), EVERY_MODEL)
CHOSEN = "μ chosen on the same seeds; apart: on the others, one left out at a time"


def gains(tables: Tables, excluded: Collection[str], apart: bool) -> list[Row]:
    """The gain of every seed, at the μ of the greatest gain of all seeds, or of the others."""
    return chosen_by_others(tables) if apart else of_the_greatest_gain(tables)


EXPLORATORY = (
    Claim(
        "R_IG falls with h", "Prediction 2.1, Figure A.7",
        "at their highest test accuracy, larger learning rates have a smaller R_IG",
        y="regularizer", side=FALLS, how=BEST_OF_SEED,
    ),
    Claim(
        "R_IG/E falls with h", "Prediction 2.1",
        "at their highest test accuracy, larger learning rates have a smaller R_IG/E",
        y="regularizer_over_loss", side=FALLS, how=BEST_OF_SEED,
    ),
    Claim(
        "slope falls with h", "Prediction 2.2, Figure A.7",
        "at their highest test accuracy, larger learning rates have a smaller slope |∇E|",
        y="slope", side=FALLS, how=BEST_OF_SEED,
        note="repeats R_IG, whose order the slope of one network has",
    ),
    Claim(
        "test accuracy falls with R_IG", "Prediction 2.3, Figure A.7",
        "models with a smaller R_IG test better",
        x="regularizer", y="test_accuracy", side=FALLS, how=BEST_OF_SEED,
        note="follows from R_IG and test accuracy against h",
    ),
    Claim(
        "|θ| rises with h", "control of L2 regularization, Figure A.6",
        "larger learning rates do not end at a smaller |θ|, as they would if they acted like L2 "
        "regularization: tested is that |θ| rises",
        y="norm", side=RISES, how=BEST_OF_SEED,
    ),
    Claim(
        "R_IG falls with h at the same step", "Prediction 2.1, Figure A.6",
        "after the same number of steps, larger learning rates have a smaller R_IG",
        y="regularizer", side=FALLS, how=STEP,
    ),
    Claim(
        "test accuracy rises with h at the same step", "Prediction 2.3, Figure A.6",
        "after the same number of steps, larger learning rates test better",
        y="test_accuracy", side=RISES, how=STEP,
    ),
    Claim(
        "R_IG falls with μ", "section 7, Figure 3c",
        "with a small learning rate, explicit gradient regularization makes R_IG smaller",
        x=MU, y="regularizer", side=FALLS, how=BEST_AT_H,
    ),
    *(
        Claim(
            f"EGR gains {told}test accuracy", "section 7, Figure 3c",
            f"explicit gradient regularization gains {told}test accuracy over plain SGD with the "
            "same small learning rate",
            y="gain", side=RISES, how=GAIN, statistic=MEAN, beyond=beyond, rows=gains, note=CHOSEN,
        )
        for told, beyond in (("", 0.0), ("more than 12 points of ", REPORTED_GAIN))
    ),
)  # fmt: skip


def models(tables: Tables, claim: Claim) -> list[Model]:
    """The plain models, or with μ as what is varied those at the learning rates that have some."""
    return tables.regularized() if claim.x == MU else tables.plain()


def of_the_paper(rows: Sequence[Row]) -> str:
    """How many of the paper's learning rates, or how many μ > 0."""
    if mus := {row[MU] for row in rows if row[MU]}:
        return f"{len(mus)} μ"
    return f"{len({row[H] for row in rows} & set(RATES))} of {len(RATES)} h"


EXPERIMENT = Experiment(
    name="ResNet on CIFAR-10",
    declaration=Path(__file__).with_name("declared_claims.toml"),
    exploratory=EXPLORATORY,
    models=models,
    noise=lambda tables: {},
    of_the_paper=of_the_paper,
)


def make_table(tables: Tables) -> list[Row]:
    """A row per claim."""
    return rows_of(EXPERIMENT, tables)


def main(argv: Sequence[str] | None = None) -> None:
    write(argv, "cifar10.claims", __doc__, make_table=make_table, kind=Tables, results=RESULTS)


if __name__ == "__main__":
    run_as_script(main)
