"""The paper's claims on MLPs and MNIST, each with its statistic, its interval and a verdict.

Predictions 2.1 to 2.4 of Barrett and Dherin (2020), arXiv:2009.11162, and what its Figures 2, 3a,
3b and A.2 to A.5 show, as statistics that are the same for every run, from the tables of
`mnist/runs.py` alone (`examples/paper/claims.py` has the rule of the verdict). Models that never
fit all of their training data are excluded, unless what is compared is something else. Written are
claims.csv and, to the screen, the same as a Markdown table.
"""

from __future__ import annotations

from collections.abc import Sequence

from bea.streams import run_as_script
from examples.paper.claims import (
    ALL,
    COMPARED,
    EVERY,
    FALLS,
    RATE,
    RISES,
    Claim,
    H,
    rank,
    rows_of,
    write,
)
from examples.paper.mnist.tables import RESULTS, Tables, under_noise
from examples.paper.results import Row
from examples.paper.tables import (
    at_best,
    at_highest,
    at_loss,
    at_step,
    at_time,
    last_common_loss,
    last_common_step,
    last_common_time,
    select,
)
from examples.paper.trends import correlation, mean_correlation, partial_correlation

EXPERIMENT = "MLP on MNIST"

# Which models are compared


def best(tables: Tables, width: int | None) -> list[Row]:
    return select(tables.models(width), at_best)


def full_batch(tables: Tables, width: int | None) -> list[Row]:
    return select(tables.models(width, full_batch=True), at_best)


def same_step(tables: Tables, width: int | None) -> list[Row]:
    models = tables.models(width)
    return select(models, at_step(last_common_step(models)))


def same_time(tables: Tables, width: int | None) -> list[Row]:
    models = tables.models(width)
    return select(models, at_time(last_common_time(models)))


def same_loss(tables: Tables, width: int | None) -> list[Row]:
    models = tables.models(width)
    return select(models, at_loss(last_common_loss(models)))


def any_time(tables: Tables, width: int | None) -> list[Row]:
    return select(tables.models(width), at_highest)


def noisy(tables: Tables, width: int | None) -> list[Row]:
    return under_noise(tables)


# The claims

CLAIMS = (
    Claim(
        "R_IG falls with h", "Prediction 2.1, Figure 2a",
        "larger learning rates end at a smaller R_IG",
        rank("h", "R_IG"), FALLS, best, correlation(H, "regularizer"), EVERY,
    ),
    Claim(
        "R_IG falls with λ", "Prediction 2.1, Figure 2a",
        "over all widths, a larger regularization rate λ = hm/4 ends at a smaller R_IG",
        rank("λ", "R_IG"), FALLS, best, correlation(RATE, "regularizer"), ALL,
    ),
    Claim(
        "R_IG falls with width", "Prediction 2.1, Figure 2a",
        "at the same learning rate, a larger network ends at a smaller R_IG",
        rank("n_l", "R_IG", " at equal h, mean over h"), FALLS, best,
        mean_correlation("width", "regularizer", H), ALL,
    ),
    Claim(
        "R_IG/E falls with h", "Prediction 2.1",
        "larger learning rates end at a smaller R_IG relative to the loss E",
        rank("h", "R_IG/E"), FALLS, best, correlation(H, "regularizer_over_loss"), EVERY,
    ),
    Claim(
        "R_IG at the same E falls with h", "control of Prediction 2.1, not in the paper",
        "when they first come to the same loss E, larger learning rates have a smaller R_IG",
        rank("h", "R_IG", " at the least E that all compared models reach"), FALLS, same_loss,
        correlation(H, "regularizer"), EVERY,
    ),
    Claim(
        "slope falls with h", "Prediction 2.2",
        "larger learning rates end at flatter optima: at a smaller slope |∇E| = √(m R_IG), which "
        "within a width has the order of R_IG, so that this repeats the first claim",
        rank("h", "slope"), FALLS, best, correlation(H, "slope"), COMPARED,
    ),
    Claim(
        "slope under noise falls with h", "Prediction 2.2, Figure 3a",
        "around the optima of larger learning rates, at θ(1 + η), the slope is smaller",
        rank("h", "the geometric mean over σ > 0 of the median slope over draws"), FALLS, noisy,
        correlation(H, "noisy_slope"), COMPARED,
    ),
    Claim(
        "test accuracy rises with h", "Prediction 2.3, Figure 2b",
        "larger learning rates test better",
        rank("h", "test accuracy"), RISES, best, correlation(H, "test_accuracy"), EVERY,
    ),
    Claim(
        "test accuracy rises with λ", "Prediction 2.3, Figure 2b",
        "over all widths, a larger regularization rate λ = hm/4 tests better",
        rank("λ", "test accuracy"), RISES, best, correlation(RATE, "test_accuracy"), ALL,
    ),
    Claim(
        "test accuracy rises with width", "Prediction 2.3, Figure 2b",
        "at the same learning rate, a larger network tests better",
        rank("n_l", "test accuracy", " at equal h, mean over h"), RISES, best,
        mean_correlation("width", "test_accuracy", H), ALL,
    ),
    Claim(
        "test accuracy falls with R_IG", "Prediction 2.3, Figure 2c",
        "models with a smaller R_IG test better",
        rank("R_IG", "test accuracy"), FALLS, best,
        correlation("regularizer", "test_accuracy"), EVERY,
    ),
    Claim(
        "test accuracy falls with R_IG over all widths", "Prediction 2.3, Figure 2c",
        "over all widths, models with a smaller R_IG test better",
        rank("R_IG", "test accuracy"), FALLS, best,
        correlation("regularizer", "test_accuracy"), ALL,
    ),
    Claim(
        "test accuracy under noise rises with h", "Prediction 2.4, Figure 3b",
        "larger learning rates test better when θ is perturbed to θ(1 + η)",
        rank("h", "the mean over σ > 0 of the median test accuracy over draws"), RISES, noisy,
        correlation(H, "noisy_test_accuracy"), COMPARED,
    ),
    Claim(
        "test accuracy lost to noise falls with h", "Prediction 2.4",
        "larger learning rates lose less of their test accuracy when θ is perturbed",
        rank("h", "how much less that mean is than the test accuracy without noise"), FALLS, noisy,
        correlation(H, "lost_test_accuracy"), COMPARED,
    ),
    Claim(
        "R_IG falls with h at the same step", "Prediction 2.1, Figure A.2",
        "after the same number of steps, larger learning rates have a smaller R_IG",
        rank("h", "R_IG", " at the last step"), FALLS, same_step, correlation(H, "regularizer"),
        COMPARED,
    ),
    Claim(
        "R_IG/E falls with h at the same step", "Prediction 2.1, Figure A.2",
        "after the same number of steps, larger learning rates have a smaller R_IG/E",
        rank("h", "R_IG/E", " at the last step"), FALLS, same_step,
        correlation(H, "regularizer_over_loss"), COMPARED,
    ),
    Claim(
        "test accuracy rises with h at the same step", "Prediction 2.3, Figure A.2",
        "after the same number of steps, larger learning rates test better",
        rank("h", "test accuracy", " at the last step"), RISES, same_step,
        correlation(H, "test_accuracy"), COMPARED,
    ),
    Claim(
        "highest test accuracy rises with h", "Prediction 2.3, Figure A.3",
        "the learning curves of larger learning rates reach a higher test accuracy, whether or not "
        "the training data are fitted by then",
        rank("h", "the highest test accuracy at any time"), RISES, any_time,
        correlation(H, "test_accuracy"), COMPARED,
    ),
    Claim(
        "R_IG falls with h at the same T", "Prediction 2.1, Figure A.4",
        "after the same physical time T = ih, larger learning rates have a smaller R_IG",
        rank("h", "R_IG", " at the last T that all reach"), FALLS, same_time,
        correlation(H, "regularizer"), COMPARED,
    ),
    Claim(
        "R_IG/E falls with h at the same T", "Prediction 2.1, Figure A.4",
        "after the same physical time T = ih, larger learning rates have a smaller R_IG/E",
        rank("h", "R_IG/E", " at the last T that all reach"), FALLS, same_time,
        correlation(H, "regularizer_over_loss"), COMPARED,
    ),
    Claim(
        "test accuracy rises with h at the same T", "Prediction 2.3, Figure A.4",
        "after the same physical time T = ih, larger learning rates test better",
        rank("h", "test accuracy", " at the last T that all reach"), RISES, same_time,
        correlation(H, "test_accuracy"), COMPARED,
    ),
    Claim(
        "R_IG falls with h, full batch", "Prediction 2.1, Figure A.5",
        "with the full batch, larger learning rates end at a smaller R_IG",
        rank("h", "R_IG"), FALLS, full_batch, correlation(H, "regularizer"), COMPARED,
    ),
    Claim(
        "R_IG/E falls with h, full batch", "Prediction 2.1, Figure A.5",
        "with the full batch, larger learning rates end at a smaller R_IG/E",
        rank("h", "R_IG/E"), FALLS, full_batch, correlation(H, "regularizer_over_loss"), COMPARED,
    ),
    Claim(
        "test accuracy rises with h, full batch", "Prediction 2.3, Figure A.5",
        "with the full batch, larger learning rates test better",
        rank("h", "test accuracy"), RISES, full_batch, correlation(H, "test_accuracy"), COMPARED,
    ),
    Claim(
        "|θ| rises with h", "control of L2 regularization, Figure A.5",
        "larger learning rates do not end at a smaller |θ|, as they would if they acted like L2 "
        "regularization: tested is that |θ| rises",
        rank("h", "|θ|"), RISES, best, correlation(H, "norm"), COMPARED,
    ),
    Claim(
        "test accuracy rises with h beyond |θ|", "control of L2 regularization, Figure A.5",
        "of how test accuracy rises with h, |θ| does not account for all; where |θ| has the very "
        "order of h the two cannot be told apart",
        "partial rank correlation of h and test accuracy given |θ|", RISES, best,
        partial_correlation(H, "test_accuracy", given="norm"), COMPARED,
        none="|θ| has the order of h in every seed, or too few models are left",
    ),
)  # fmt: skip


def make_table(tables: Tables) -> list[Row]:
    """A row per claim, and per width where that applies."""
    return rows_of(CLAIMS, tables, EXPERIMENT)


def main(argv: Sequence[str] | None = None) -> None:
    write(argv, "mnist.claims", __doc__, make_table, kind=Tables, results=RESULTS)


if __name__ == "__main__":
    run_as_script(main)
