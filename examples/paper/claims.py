"""Claims on models in training, each with its statistic, its interval and a verdict.

A statistic is computed of the models of one seed, mostly a rank correlation, for which no scale or
outlier matters; its value is the mean over seeds, with a 95 % interval over these (`trends.Trend`,
which says what interval). The rule of the verdict is the same for all:

    agrees           the interval lies on the claimed side of 0 (or of what is claimed) entirely
    does not agree   it contains that, or lies on the other side
    not tested       too few models (three learning rates, widths or μ for a correlation) are left
                     in every seed but one at most: without a second seed there is no interval

Models that are excluded are counted.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

from bea.errors import InputError
from bea.tables import write_table
from examples.paper.results import Row, read_table
from examples.paper.scripts import errors_in_one_line
from examples.paper.tables import MODEL, RunTables, included, read_options
from examples.paper.trends import Found, Measure, Trend, correlation, mean_correlation, trend

AGREES, DISAGREES, UNTESTED = "agrees", "does not agree", "not tested"
RISES, FALLS = 1, -1
H, RATE = "learning_rate", "regularization_rate"
EVERY, COMPARED, ALL = "every width", "compared width", "all widths"
Selected = Callable[[Any, int | None], list[Row]]
"""(tables, width) ↦ the models of one width, or of all, as they are compared."""


SYMBOLS = {
    H: "h", RATE: "λ", "width": "n_l", "mu": "μ", "regularizer": "R_IG", "norm": "|θ|",
    "regularizer_over_loss": "R_IG/E", "slope": "slope", "test_accuracy": "test accuracy",
}  # fmt: skip
"""What the columns are called in claims."""


@dataclass(frozen=True)
class Statistic:
    """What is computed for every seed, and on which side of what it is claimed to be.

    Attributes:
        words: what is computed.
        measure: computes it.
        side: RISES if it is claimed to be positive, FALLS if negative.
        beyond: what the value is claimed to be above or below; 0 for correlations.
        over: (values of the seeds) ↦ their mean and its interval.
        none: why no seed may have a value.
    """

    words: str
    measure: Measure
    side: int
    _: KW_ONLY
    beyond: float = 0.0
    over: Callable[[Sequence[Found]], Trend] = Trend.over
    none: str = "no seed has enough models left"


@dataclass(frozen=True)
class Claim:
    """One claim, and how it is tested.

    Attributes:
        name: its name in the table.
        source: the prediction and the figure of the paper, or that it is a control of ours.
        words: what is claimed.
        statistic: what is computed for every seed.
        rows: which models are compared.
        of: "every width", "compared width" or "all widths" in one.
    """

    name: str
    source: str
    words: str
    _: KW_ONLY
    statistic: Statistic
    rows: Selected
    of: str


def falls(
    y: str, x: str = H, *, told: str | None = None, at: str = "", at_equal: str | None = None
) -> Statistic:
    """A column y falls with x, as rank correlations tell.

    Args:
        y: what falls.
        x: with what.
        told: what y is called, if it is not its symbol.
        at: where the models are compared, in words.
        at_equal: a column in which the models that are correlated are equal.
    """
    words = f"Spearman's ρ of {SYMBOLS[x]} and {told or SYMBOLS[y]}{at}"
    measure = mean_correlation(x, y, at_equal) if at_equal else correlation(x, y)
    return Statistic(words, measure, FALLS)


def rises(y: str, x: str = H, **words: str) -> Statistic:
    """A column y rises with x; the words are those of `falls`."""
    return replace(falls(y, x, **words), side=RISES)


# Their verdicts


def verdict(found: Trend, side: int, beyond: float = 0.0) -> str:
    """The rule, which is that of the module's head."""
    if found.low is None or found.high is None:
        return UNTESTED
    return AGREES if (found.low > beyond if side == RISES else found.high < beyond) else DISAGREES


def remark(found: Trend, claim: Claim) -> str | None:
    """Why a claim was not tested, or what is seen instead of it."""
    if found.low is None:
        few = "one seed has a value" if found.seeds == 1 else "all seeds have the same value"
        return f"{few}: no interval" if found.seeds else claim.statistic.none
    side, beyond = claim.statistic.side, claim.statistic.beyond
    if verdict(found, side, beyond) == AGREES:
        return None
    opposite = verdict(found, -side, beyond) == AGREES
    return "the opposite is seen" if opposite else f"the interval contains {beyond:g}"


def rows_of(claims: Sequence[Claim], tables: Any, experiment: str) -> list[Row]:
    """A row per claim, and per width where that applies."""
    return [row for claim in claims for row in _rows(claim, tables, experiment)]


def _rows(claim: Claim, tables: Any, experiment: str) -> Iterator[Row]:
    widths: dict[str, Callable[[], Sequence[int | None]]] = {
        EVERY: lambda: sorted({model.width for model in tables.models()}),
        COMPARED: lambda: [tables.compared_width],
        ALL: lambda: [None],
    }
    tested = claim.statistic
    sign = ">" if tested.side == RISES else "<"
    for width in widths[claim.of]():
        rows = claim.rows(tables, width)
        found = trend(rows, tested.measure, tested.over)
        models = models_of(included(rows))
        yield {
            "experiment": experiment,
            "claim": claim.name,
            "source": claim.source,
            "words": claim.words,
            "statistic": f"{tested.words}; claimed {sign} {tested.beyond:g}",
            "width": "all" if width is None else width,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "seeds": found.seeds,
            "models": len(models),
            "excluded": len(models_of(rows)) - len(models),
            "verdict": verdict(found, tested.side, tested.beyond),
            "remark": remark(found, claim),
        }


def models_of(rows: Iterable[Row]) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in MODEL) for row in rows}


# As Markdown


def markdown(rows: Sequence[Row]) -> str:
    """The table of the claims as a section of a README."""
    counts = Counter(row["verdict"] for row in rows)
    lines = [
        "ρ: rank correlations, or what else is named; mean over seeds, with its 95 % interval. Of "
        f"{len(rows)} tests {counts[AGREES]} agree with the paper, {counts[DISAGREES]} do not, and "
        f"{counts[UNTESTED]} could not be made.",
        "",
        "| experiment | claim | of the paper | width | ρ | models (excluded) | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(line_of, rows)])


def line_of(row: Row) -> str:
    found = Trend(row["value"], row["low"], row["high"], int(row["seeds"]))
    width = row["width"] if row["width"] == "all" else f"{row['width']:g}"
    judged = f"**{row['verdict']}**" if row["verdict"] == DISAGREES else row["verdict"]
    judged += f": {row['remark']}" if row["remark"] else ""
    cells = (
        row["experiment"], row["claim"], row["source"], width, str(found),
        f"{row['models']:.0f} ({row['excluded']:.0f})", judged,
    )  # fmt: skip
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


# The scripts


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--claims",
        type=Path,
        metavar="FILE",
        help="the table that is written (default: claims.csv in the folder of --out)",
    )


def write(
    argv: Sequence[str] | None,
    name: str,
    description: str | None,
    *,
    make_table: Callable[[Any], Sequence[Row]],
    kind: type[RunTables],
    results: str,
) -> None:
    """The whole of a script that judges the claims of one experiment."""
    with errors_in_one_line(name):
        given, tables = read_options(
            argv, name, description, kind=kind, results=results, add=add_option
        )
        written(given.claims or given.out / "claims.csv", make_table(tables))


def written(path: Path, rows: Sequence[Row]) -> None:
    """The table as a file, and on the screen as Markdown."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for {path.name}: make it first")
    write_table(path, rows)
    print(f"wrote {path}\n\n{markdown(read_table(path))}")
