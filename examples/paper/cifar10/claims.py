"""The paper's claims on ResNet-18 and CIFAR-10, each with its statistic, interval and a verdict.

What Figures 3c, A.6 and A.7 of Barrett and Dherin (2020), arXiv:2009.11162, show, from the table of
`cifar10/runs.py` alone (`examples/paper/claims.py` has the rule of the verdict). Written are
claims.csv and, to the screen, the same as a Markdown table.
"""

from __future__ import annotations

from collections.abc import Sequence

from bea.streams import run_as_script
from examples.paper.cifar10.tables import RESULTS, Tables, of_the_greatest_gain
from examples.paper.claims import (
    ALL,
    RISES,
    Claim,
    H,
    Statistic,
    falls,
    rises,
    rows_of,
    write,
)
from examples.paper.results import Row
from examples.paper.tables import at_highest, at_step, last_common_step, select
from examples.paper.trends import Found, Trend

EXPERIMENT = "ResNet on CIFAR-10"
REPORTED_GAIN = 12.0  # points, section 7


def best(tables: Tables, width: int | None) -> list[Row]:
    return select(tables.plain(), at_highest)


def same_step(tables: Tables, width: int | None) -> list[Row]:
    models = tables.plain()
    return select(models, at_step(last_common_step(models)))


def regularized(tables: Tables, width: int | None) -> list[Row]:
    return select(tables.regularized(), at_highest)


def greatest_gain(tables: Tables, width: int | None) -> list[Row]:
    return of_the_greatest_gain(tables)


def gain(rows: Sequence[Row]) -> Found | None:
    """The points of test accuracy that the model of one seed gains."""
    return (rows[0]["gain"], 1) if rows and rows[0]["gain"] is not None else None


CLAIMS = (
    Claim(
        "R_IG falls with h", "Prediction 2.1, Figure A.7",
        "at their highest test accuracy, larger learning rates have a smaller R_IG",
        statistic=falls("regularizer"), rows=best, of=ALL,
    ),
    Claim(
        "R_IG/E falls with h", "Prediction 2.1",
        "at their highest test accuracy, larger learning rates have a smaller R_IG/E",
        statistic=falls("regularizer_over_loss"), rows=best, of=ALL,
    ),
    Claim(
        "slope falls with h", "Prediction 2.2, Figure A.7",
        "at their highest test accuracy, larger learning rates have a smaller slope |∇E|, which of "
        "one network has the order of R_IG, so that this repeats the first claim",
        statistic=falls("slope"), rows=best, of=ALL,
    ),
    Claim(
        "test accuracy rises with h", "Prediction 2.3, Figure A.7",
        "larger learning rates reach a higher test accuracy",
        statistic=rises("test_accuracy", told="the highest test accuracy"), rows=best, of=ALL,
    ),
    Claim(
        "test accuracy falls with R_IG", "Prediction 2.3, Figure A.7",
        "models with a smaller R_IG test better",
        statistic=falls("test_accuracy", "regularizer", told="the highest test accuracy"),
        rows=best, of=ALL,
    ),
    Claim(
        "|θ| rises with h", "control of L2 regularization, Figure A.6",
        "larger learning rates do not end at a smaller |θ|, as they would if they acted like L2 "
        "regularization: tested is that |θ| rises",
        statistic=rises("norm", at=" at the highest test accuracy"), rows=best, of=ALL,
    ),
    Claim(
        "R_IG falls with h at the same step", "Prediction 2.1, Figure A.6",
        "after the same number of steps, larger learning rates have a smaller R_IG",
        statistic=falls("regularizer", at=" at the last step"), rows=same_step, of=ALL,
    ),
    Claim(
        "test accuracy rises with h at the same step", "Prediction 2.3, Figure A.6",
        "after the same number of steps, larger learning rates test better",
        statistic=rises("test_accuracy", at=" at the last step"), rows=same_step, of=ALL,
    ),
    Claim(
        "test accuracy rises with μ", "section 7, Figure 3c",
        "with a small learning rate, explicit gradient regularization tests better the stronger it "
        "is",
        statistic=rises(
            "test_accuracy", "mu", told="the highest test accuracy", at=" at equal h", at_equal=H,
        ),
        rows=regularized, of=ALL,
    ),
    Claim(
        "R_IG falls with μ", "section 7, Figure 3c",
        "with a small learning rate, explicit gradient regularization makes R_IG smaller",
        statistic=falls(
            "regularizer", "mu", at=" at equal h, at the highest test accuracy", at_equal=H,
        ),
        rows=regularized, of=ALL,
    ),
    Claim(
        "EGR gains test accuracy", "section 7, Figure 3c",
        "explicit gradient regularization gains test accuracy over plain SGD with the same small "
        "learning rate",
        statistic=Statistic(
            "points gained at the μ of the greatest mean gain, which is chosen from these very "
            "seeds",
            gain, RISES, over=Trend.mean,
        ),
        rows=greatest_gain, of=ALL,
    ),
    Claim(
        "EGR gains more than 12 points", "section 7, Figure 3c",
        "explicit gradient regularization gains more than 12 points of test accuracy",
        statistic=Statistic(
            "points gained at the μ of the greatest mean gain, which is chosen from these very "
            "seeds",
            gain, RISES, beyond=REPORTED_GAIN, over=Trend.mean,
        ),
        rows=greatest_gain, of=ALL,
    ),
)  # fmt: skip


def make_table(tables: Tables) -> list[Row]:
    """A row per claim."""
    return rows_of(CLAIMS, tables, EXPERIMENT)


def main(argv: Sequence[str] | None = None) -> None:
    write(argv, "cifar10.claims", __doc__, make_table=make_table, kind=Tables, results=RESULTS)


if __name__ == "__main__":
    run_as_script(main)
