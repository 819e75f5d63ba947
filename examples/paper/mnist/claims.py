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
    RATE,
    RISES,
    Claim,
    H,
    Statistic,
    falls,
    rises,
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
from examples.paper.trends import partial_correlation

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
        statistic=falls("regularizer"), rows=best, of=EVERY,
    ),
    Claim(
        "R_IG falls with λ", "Prediction 2.1, Figure 2a",
        "over all widths, a larger regularization rate λ = hm/4 ends at a smaller R_IG",
        statistic=falls("regularizer", RATE), rows=best, of=ALL,
    ),
    Claim(
        "R_IG falls with width", "Prediction 2.1, Figure 2a",
        "at the same learning rate, a larger network ends at a smaller R_IG",
        statistic=falls("regularizer", "width", at=" at equal h, mean over h", at_equal=H),
        rows=best, of=ALL,
    ),
    Claim(
        "R_IG/E falls with h", "Prediction 2.1",
        "larger learning rates end at a smaller R_IG relative to the loss E",
        statistic=falls("regularizer_over_loss"), rows=best, of=EVERY,
    ),
    Claim(
        "R_IG at the same E falls with h", "control of Prediction 2.1, not in the paper",
        "when they first come to the same loss E, larger learning rates have a smaller R_IG",
        statistic=falls("regularizer", at=" at the least E that all compared models reach"),
        rows=same_loss, of=EVERY,
    ),
    Claim(
        "slope falls with h", "Prediction 2.2",
        "larger learning rates end at flatter optima: at a smaller slope |∇E| = √(m R_IG), which "
        "within a width has the order of R_IG, so that this repeats the first claim",
        statistic=falls("slope"), rows=best, of=COMPARED,
    ),
    Claim(
        "slope under noise falls with h", "Prediction 2.2, Figure 3a",
        "around the optima of larger learning rates, at θ(1 + η), the slope is smaller",
        statistic=falls(
            "noisy_slope", told="the geometric mean over σ > 0 of the median slope over draws",
        ),
        rows=noisy, of=COMPARED,
    ),
    Claim(
        "test accuracy rises with h", "Prediction 2.3, Figure 2b",
        "larger learning rates test better",
        statistic=rises("test_accuracy"), rows=best, of=EVERY,
    ),
    Claim(
        "test accuracy rises with λ", "Prediction 2.3, Figure 2b",
        "over all widths, a larger regularization rate λ = hm/4 tests better",
        statistic=rises("test_accuracy", RATE), rows=best, of=ALL,
    ),
    Claim(
        "test accuracy rises with width", "Prediction 2.3, Figure 2b",
        "at the same learning rate, a larger network tests better",
        statistic=rises("test_accuracy", "width", at=" at equal h, mean over h", at_equal=H),
        rows=best, of=ALL,
    ),
    Claim(
        "test accuracy falls with R_IG", "Prediction 2.3, Figure 2c",
        "models with a smaller R_IG test better",
        statistic=falls("test_accuracy", "regularizer"), rows=best, of=EVERY,
    ),
    Claim(
        "test accuracy falls with R_IG over all widths", "Prediction 2.3, Figure 2c",
        "over all widths, models with a smaller R_IG test better",
        statistic=falls("test_accuracy", "regularizer"), rows=best, of=ALL,
    ),
    Claim(
        "test accuracy under noise rises with h", "Prediction 2.4, Figure 3b",
        "larger learning rates test better when θ is perturbed to θ(1 + η)",
        statistic=rises(
            "noisy_test_accuracy",
            told="the mean over σ > 0 of the median test accuracy over draws",
        ),
        rows=noisy, of=COMPARED,
    ),
    Claim(
        "test accuracy lost to noise falls with h", "Prediction 2.4",
        "larger learning rates lose less of their test accuracy when θ is perturbed",
        statistic=falls(
            "lost_test_accuracy",
            told="how much less that mean is than the test accuracy without noise",
        ),
        rows=noisy, of=COMPARED,
    ),
    Claim(
        "R_IG falls with h at the same step", "Prediction 2.1, Figure A.2",
        "after the same number of steps, larger learning rates have a smaller R_IG",
        statistic=falls("regularizer", at=" at the last step"), rows=same_step, of=COMPARED,
    ),
    Claim(
        "R_IG/E falls with h at the same step", "Prediction 2.1, Figure A.2",
        "after the same number of steps, larger learning rates have a smaller R_IG/E",
        statistic=falls("regularizer_over_loss", at=" at the last step"),
        rows=same_step, of=COMPARED,
    ),
    Claim(
        "test accuracy rises with h at the same step", "Prediction 2.3, Figure A.2",
        "after the same number of steps, larger learning rates test better",
        statistic=rises("test_accuracy", at=" at the last step"), rows=same_step, of=COMPARED,
    ),
    Claim(
        "highest test accuracy rises with h", "Prediction 2.3, Figure A.3",
        "the learning curves of larger learning rates reach a higher test accuracy, whether or not "
        "the training data are fitted by then",
        statistic=rises("test_accuracy", told="the highest test accuracy at any time"),
        rows=any_time, of=COMPARED,
    ),
    Claim(
        "R_IG falls with h at the same T", "Prediction 2.1, Figure A.4",
        "after the same physical time T = ih, larger learning rates have a smaller R_IG",
        statistic=falls("regularizer", at=" at the last T that all reach"),
        rows=same_time, of=COMPARED,
    ),
    Claim(
        "R_IG/E falls with h at the same T", "Prediction 2.1, Figure A.4",
        "after the same physical time T = ih, larger learning rates have a smaller R_IG/E",
        statistic=falls("regularizer_over_loss", at=" at the last T that all reach"),
        rows=same_time, of=COMPARED,
    ),
    Claim(
        "test accuracy rises with h at the same T", "Prediction 2.3, Figure A.4",
        "after the same physical time T = ih, larger learning rates test better",
        statistic=rises("test_accuracy", at=" at the last T that all reach"),
        rows=same_time, of=COMPARED,
    ),
    Claim(
        "R_IG falls with h, full batch", "Prediction 2.1, Figure A.5",
        "with the full batch, larger learning rates end at a smaller R_IG",
        statistic=falls("regularizer"), rows=full_batch, of=COMPARED,
    ),
    Claim(
        "R_IG/E falls with h, full batch", "Prediction 2.1, Figure A.5",
        "with the full batch, larger learning rates end at a smaller R_IG/E",
        statistic=falls("regularizer_over_loss"), rows=full_batch, of=COMPARED,
    ),
    Claim(
        "test accuracy rises with h, full batch", "Prediction 2.3, Figure A.5",
        "with the full batch, larger learning rates test better",
        statistic=rises("test_accuracy"), rows=full_batch, of=COMPARED,
    ),
    Claim(
        "|θ| rises with h", "control of L2 regularization, Figure A.5",
        "larger learning rates do not end at a smaller |θ|, as they would if they acted like L2 "
        "regularization: tested is that |θ| rises",
        statistic=rises("norm"), rows=best, of=COMPARED,
    ),
    Claim(
        "test accuracy rises with h beyond |θ|", "control of L2 regularization, Figure A.5",
        "of how test accuracy rises with h, |θ| does not account for all; where |θ| has the very "
        "order of h the two cannot be told apart",
        statistic=Statistic(
            "partial rank correlation of h and test accuracy given |θ|",
            partial_correlation(H, "test_accuracy", given="norm"), RISES,
            none="|θ| has the order of h in every seed, or too few models are left",
        ),
        rows=best, of=COMPARED,
    ),
)  # fmt: skip


def make_table(tables: Tables) -> list[Row]:
    """A row per claim, and per width where that applies."""
    return rows_of(CLAIMS, tables, EXPERIMENT)


def main(argv: Sequence[str] | None = None) -> None:
    write(argv, "mnist.claims", __doc__, make_table=make_table, kind=Tables, results=RESULTS)


if __name__ == "__main__":
    run_as_script(main)
