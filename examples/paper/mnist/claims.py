"""The paper's claims on MLPs and MNIST, each with its effect, its tests and a verdict.

Predictions 2.1 to 2.4 of Barrett and Dherin (2020), arXiv:2009.11162, and what its Figures 2, 3a,
3b and A.2 to A.5 show, from the tables of `mnist/runs.py` alone. The primary claims are those of
declared_claims.toml; those below are exploratory. `examples/paper/claims.py` has the rule of the
verdict. Written are claims.csv and, to the screen, the same as a Markdown table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bea.streams import run_as_script
from examples.paper.claims import (
    EXPONENT,
    FALLS,
    MU,
    RATE,
    RISES,
    SHARE,
    Claim,
    Experiment,
    H,
)
from examples.paper.claims_table import rows_of, write
from examples.paper.comparisons import (
    BEST,
    EQUAL_E,
    EQUAL_STEP,
    EQUAL_T,
    EVERY_MODEL,
    FITTED,
    HIGHEST,
    NOISE,
    Comparison,
)
from examples.paper.mnist.runs import PAPER_RATES, PAPER_WIDTHS
from examples.paper.mnist.tables import RESULTS, Tables, noise_of
from examples.paper.results import Row
from examples.paper.tables import FULL, Model

# Which models are compared, and where

WITHIN, ACROSS, AT_H = ("width", "seed"), ("seed",), (H, "seed")
BEST_WITHIN, BEST_ACROSS, BEST_AT_H = (
    Comparison(BEST, strata, FITTED) for strata in (WITHIN, ACROSS, AT_H)
)
LOSS = Comparison(EQUAL_E, WITHIN, FITTED)
TIME = Comparison(EQUAL_T, WITHIN, FITTED)
TIME_OF_ALL = Comparison(EQUAL_T, WITHIN, EVERY_MODEL)
STEP = Comparison(EQUAL_STEP, WITHIN, EVERY_MODEL)
ANY_TIME = Comparison(HIGHEST, WITHIN, EVERY_MODEL)
NOISY = Comparison(NOISE, WITHIN, FITTED)
ORDER_OF_R = "follows from R_IG and test accuracy against h"

# The exploratory claims

EXPLORATORY = (
    Claim(
        "R_IG falls with h", "Prediction 2.1, Figure 2a",
        "larger learning rates end at a smaller R_IG",
        y="regularizer", side=FALLS, how=BEST_WITHIN, note="E differs: see claim 5",
    ),
    Claim(
        "E falls with h", "control of Prediction 2.1, not in the paper",
        "larger learning rates end at a smaller loss E, so that R_IG is smaller for that alone",
        y="loss", side=FALLS, how=BEST_WITHIN,
    ),
    Claim(
        "R_IG falls with λ", "Prediction 2.1, Figure 2a",
        "over all widths, a larger regularization rate λ = hm/4 ends at a smaller R_IG",
        x=RATE, y="regularizer", side=FALLS, how=BEST_ACROSS, note="E differs: see claim 5",
    ),
    Claim(
        "R_IG falls with width", "Prediction 2.1, Figure 2a",
        "at the same learning rate, a larger network ends at a smaller R_IG",
        x="width", y="regularizer", side=FALLS, how=BEST_AT_H, note="E differs: see claim 10",
    ),
    Claim(
        "R_IG/E falls with h", "Prediction 2.1",
        "larger learning rates end at a smaller R_IG relative to the loss E",
        y="regularizer_over_loss", side=FALLS, how=BEST_WITHIN,
    ),
    Claim(
        "slope falls with h", "Prediction 2.2",
        "larger learning rates end at flatter optima: at a smaller slope |∇E| = √(m R_IG)",
        y="slope", side=FALLS, how=BEST_WITHIN,
        note="repeats R_IG, whose order the slope has within a width",
    ),
    Claim(
        "test accuracy rises with h", "Prediction 2.3, Figure 2b",
        "larger learning rates test better",
        y="test_accuracy", side=RISES, how=BEST_WITHIN,
    ),
    Claim(
        "test accuracy rises with λ at the paper's best", "Prediction 2.3, Figure 2b",
        "over all widths, a larger regularization rate λ = hm/4 tests better",
        x=RATE, y="test_accuracy", side=RISES, how=BEST_ACROSS,
        note="claim 9 with the best as the paper chooses it",
    ),
    Claim(
        "test accuracy rises with width", "Prediction 2.3, Figure 2b",
        "at the same learning rate, a larger network tests better",
        x="width", y="test_accuracy", side=RISES, how=BEST_AT_H,
    ),
    Claim(
        "test accuracy falls with R_IG", "Prediction 2.3, Figure 2c",
        "models with a smaller R_IG test better",
        x="regularizer", y="test_accuracy", side=FALLS, how=BEST_WITHIN, note=ORDER_OF_R,
    ),
    Claim(
        "test accuracy falls with R_IG over all widths", "Prediction 2.3, Figure 2c",
        "over all widths, models with a smaller R_IG test better",
        x="regularizer", y="test_accuracy", side=FALLS, how=BEST_ACROSS, note=ORDER_OF_R,
    ),
    Claim(
        "test accuracy lost to noise falls with h", "Prediction 2.4",
        "larger learning rates lose less of their test accuracy when θ is perturbed",
        y="lost_test_accuracy", side=FALLS, how=NOISY,
    ),
    Claim(
        "R_IG falls with h at the same step", "Prediction 2.1, Figure A.2",
        "after the same number of steps, larger learning rates have a smaller R_IG",
        y="regularizer", side=FALLS, how=STEP,
    ),
    Claim(
        "R_IG/E falls with h at the same step", "Prediction 2.1, Figure A.2",
        "after the same number of steps, larger learning rates have a smaller R_IG/E",
        y="regularizer_over_loss", side=FALLS, how=STEP,
    ),
    Claim(
        "test accuracy rises with h at the same step", "Prediction 2.3, Figure A.2",
        "after the same number of steps, larger learning rates test better",
        y="test_accuracy", side=RISES, how=STEP,
    ),
    Claim(
        "highest test accuracy rises with h", "Prediction 2.3, Figure A.3",
        "the learning curves of larger learning rates reach a higher test accuracy, whether or not "
        "the training data are fitted by then",
        y="test_accuracy", side=RISES, how=ANY_TIME,
    ),
    Claim(
        "R_IG at the last T of all falls with h", "Prediction 2.1, Figure A.4",
        "after the same physical time T, whether or not the training data are ever fitted, larger "
        "learning rates have a smaller R_IG",
        y="regularizer", side=FALLS, how=TIME_OF_ALL,
    ),
    Claim(
        "R_IG/E at equal T falls with h", "Prediction 2.1, Figure A.4",
        "after the same physical time T, larger learning rates have a smaller R_IG/E",
        y="regularizer_over_loss", side=FALLS, how=TIME,
    ),
    Claim(
        "R_IG falls with h, full batch", "Prediction 2.1, Figure A.5",
        "with the full batch, larger learning rates end at a smaller R_IG",
        y="regularizer", side=FALLS, how=BEST_WITHIN, batch=FULL, note="E differs: see claim 6",
    ),
    Claim(
        "R_IG/E falls with h, full batch", "Prediction 2.1, Figure A.5",
        "with the full batch, larger learning rates end at a smaller R_IG/E",
        y="regularizer_over_loss", side=FALLS, how=BEST_WITHIN, batch=FULL,
    ),
    Claim(
        "test accuracy at equal T rises with h, full batch", "Prediction 2.3, Figure A.5",
        "with the full batch, after the same physical time T, larger learning rates test better",
        y="test_accuracy", side=RISES, how=TIME_OF_ALL, batch=FULL,
    ),
    *(
        Claim(
            f"{told} with h, batch {batch}", "Figure A.5",
            f"with batches of {batch}, larger learning rates {words}",
            y=y, side=side, how=how, batch=batch,
        )
        for batch in ("128", "512")
        for told, words, y, side, how in (
            ("R_IG at equal E falls", "have a smaller R_IG at the same E", "regularizer", FALLS,
             LOSS),
            ("R_IG at equal T falls", "have a smaller R_IG at the same T", "regularizer", FALLS,
             TIME),
            ("test accuracy rises", "test better", "test_accuracy", RISES, BEST_WITHIN),
        )
    ),
    Claim(
        "|θ| rises with h", "control of L2 regularization, Figure A.5",
        "larger learning rates do not end at a smaller |θ|, as they would if they acted like L2 "
        "regularization: tested is that |θ| rises",
        y="norm", side=RISES, how=BEST_WITHIN,
    ),
    Claim(
        "test accuracy rises with h beyond |θ|", "control of L2 regularization, Figure A.5",
        "of how test accuracy rises with h, |θ| does not account for all",
        y="test_accuracy", side=RISES, how=BEST_WITHIN, statistic=EXPONENT, given="norm",
    ),
    *(
        Claim(
            f"{told} with μ", "control by intervention",
            f"with a small h, after the same physical time T, explicit regularization {words}",
            x=MU, y=y, side=side, how=TIME_OF_ALL,
        )
        for told, words, y, side in (
            ("R_IG at equal T falls", "makes R_IG smaller", "regularizer", FALLS),
            ("test accuracy at equal T rises", "tests better", "test_accuracy", RISES),
        )
    ),
    Claim(
        "slope at equal E falls with width", "control of claim 10",
        "when they first come to the same loss E with the same learning rate, larger networks have "
        "a smaller slope |∇E|, and not only a larger m in R_IG = |∇E|²/m",
        x="width", y="slope", side=FALLS, how=Comparison(EQUAL_E, AT_H, FITTED),
    ),
)  # fmt: skip


def models(tables: Tables, claim: Claim) -> list[Model]:
    """The models of a claim: those of its batch, with μ > 0 only where that is what is varied."""
    if claim.x == MU:
        return tables.intervened() if claim.statistic == SHARE else tables.regularized()
    return tables.models(full_batch=claim.batch == FULL, batch=batch_of(tables, claim))


def batch_of(tables: Tables, claim: Claim) -> str | None:
    """Batches of 32, as claimed, are those that an experiment has if it has no such ones."""
    return None if claim.batch in (None, FULL, "32") else claim.batch


def of_the_paper(rows: Sequence[Row]) -> str:
    """How many of the paper's pairs of width and learning rate."""
    pairs = {(width, h) for width in PAPER_WIDTHS for h in PAPER_RATES}
    found = {(row["width"], row[H]) for row in rows}
    return f"{len(pairs & found)} of {len(pairs)}"


EXPERIMENT = Experiment(
    name="MLP on MNIST",
    declaration=Path(__file__).with_name("declared_claims.toml"),
    exploratory=EXPLORATORY,
    models=models,
    noise=lambda tables: noise_of(tables.noise),
    of_the_paper=of_the_paper,
)


def make_table(tables: Tables) -> list[Row]:
    """A row per claim."""
    return rows_of(EXPERIMENT, tables)


def main(argv: Sequence[str] | None = None) -> None:
    write(argv, "mnist.claims", __doc__, make_table=make_table, kind=Tables, results=RESULTS)


if __name__ == "__main__":
    run_as_script(main)
