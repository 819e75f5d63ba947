"""The paper's claims on MLPs and MNIST, each with its statistic, its interval and a verdict.

Predictions 2.1 to 2.4 of Barrett and Dherin (2020), arXiv:2009.11162, and what its Figures 2, 3a,
3b and A.2 to A.5 show, as statistics that are the same for every run, from the tables of
`mnist_runs.py` alone. Every one is a rank correlation, for which no scale or outlier matters, of
the models of one seed; its value is the mean over seeds, with a 95 % interval over these
(`mnist_trends.Trend`, which says what interval). The rule of the verdict is the same for all:

    agrees           the interval lies on the claimed side of 0 entirely
    does not agree   it contains 0, or lies on the other side
    not tested       fewer than three learning rates (or widths) are left in every seed but one at
                     most: without a second seed there is no interval

Models that never fit all of their training data are excluded, unless what is compared is something
else, and counted. Written are claims.csv and, to the screen, the same as a Markdown table.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_tables import (
    MODEL,
    Tables,
    at_best,
    at_highest,
    at_loss,
    at_step,
    at_time,
    errors_in_one_line,
    included,
    last_common_loss,
    last_common_step,
    last_common_time,
    read_options,
    select,
    under_noise,
)
from mnist_trends import Measure, Trend, correlation, mean_correlation, partial_correlation, trend
from table_and_figure import Row, read_table, write_table

from bea.errors import InputError

AGREES, DISAGREES, UNTESTED = "agrees", "does not agree", "not tested"
RISES, FALLS = 1, -1
Selected = Callable[[Tables, int | None], list[Row]]
"""The models of one width, or of all, as they are compared."""


@dataclass(frozen=True)
class Claim:
    """One claim, and how it is tested.

    Attributes:
        name: its name in the table.
        source: the prediction and the figure of the paper, or that it is a control of ours.
        words: what is claimed.
        statistic: what is computed for every seed, in words.
        side: RISES if it is claimed to be positive, FALLS if negative.
        rows: which models are compared.
        measure: the statistic.
        of: "every width", "compared width" or "all widths" in one.
        none: why no seed may have a value.
    """

    name: str
    source: str
    words: str
    statistic: str
    side: int
    rows: Selected
    measure: Measure
    of: str
    none: str = "no seed has enough models left"


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

H, RATE = "learning_rate", "regularization_rate"
EVERY, COMPARED, ALL = "every width", "compared width", "all widths"


def rank(x: str, y: str, at: str = "") -> str:
    return f"Spearman's ρ of {x} and {y}{at}"


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


# Their verdicts


def verdict(found: Trend, side: int) -> str:
    """The rule, which is that of the module's head."""
    if found.low is None or found.high is None:
        return UNTESTED
    return AGREES if (found.low > 0 if side == RISES else found.high < 0) else DISAGREES


def remark(found: Trend, claim: Claim) -> str | None:
    """Why a claim was not tested, or what is seen instead of it."""
    if found.seeds < 2:
        return "one seed has a value: no interval" if found.seeds else claim.none
    if verdict(found, claim.side) == AGREES:
        return None
    opposite = verdict(found, -claim.side) == AGREES
    return "the opposite is seen" if opposite else "the interval contains 0"


def make_table(tables: Tables) -> list[Row]:
    """A row per claim, and per width where that applies."""
    return [row for claim in CLAIMS for row in rows_of(claim, tables)]


def rows_of(claim: Claim, tables: Tables) -> Iterator[Row]:
    widths: dict[str, Sequence[int | None]] = {
        EVERY: sorted({model.width for model in tables.models()}),
        COMPARED: [tables.compared_width],
        ALL: [None],
    }
    for width in widths[claim.of]:
        rows = claim.rows(tables, width)
        found = trend(rows, claim.measure)
        models = models_of(included(rows))
        yield {
            "claim": claim.name,
            "source": claim.source,
            "words": claim.words,
            "statistic": f"{claim.statistic}; claimed {'> 0' if claim.side == RISES else '< 0'}",
            "width": "all" if width is None else width,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "seeds": found.seeds,
            "models": len(models),
            "excluded": len(models_of(rows)) - len(models),
            "verdict": verdict(found, claim.side),
            "remark": remark(found, claim),
        }


def models_of(rows: Iterable[Row]) -> set[tuple]:
    return {tuple(row[name] for name in MODEL) for row in rows}


# As Markdown


def markdown(rows: Sequence[Row]) -> str:
    """The table of the claims as a section of a README."""
    counts = Counter(row["verdict"] for row in rows)
    lines = [
        "Rank correlations: mean over seeds, with its 95 % interval. Of "
        f"{len(rows)} tests {counts[AGREES]} agree with the paper, {counts[DISAGREES]} do not, and "
        f"{counts[UNTESTED]} could not be made.",
        "",
        "| claim | of the paper | n_l | ρ | models (excluded) | verdict |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(line_of, rows)])


def line_of(row: Row) -> str:
    found = Trend(row["value"], row["low"], row["high"], int(row["seeds"]))
    width = row["width"] if row["width"] == "all" else f"{row['width']:g}"
    judged = f"**{row['verdict']}**" if row["verdict"] == DISAGREES else row["verdict"]
    judged += f": {row['remark']}" if row["remark"] else ""
    cells = (
        row["claim"], row["source"], width, str(found),
        f"{row['models']:.0f} ({row['excluded']:.0f})", judged,
    )  # fmt: skip
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--claims",
        type=Path,
        metavar="FILE",
        help="the table that is written (default: claims.csv in the folder of --out)",
    )


def main(argv: Sequence[str] | None = None) -> None:
    with errors_in_one_line("mnist_claims"):
        given, tables = read_options(argv, "mnist_claims", __doc__, add_options)
        path, rows = given.claims or given.out / "claims.csv", make_table(tables)
        if not path.parent.is_dir():
            raise InputError(f"there is no folder {path.parent} for {path.name}: make it first")
        write_table(path, rows)
        print(f"wrote {path}\n\n{markdown(read_table(path))}")


if __name__ == "__main__":
    main()
