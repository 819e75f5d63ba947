"""The table of the claims: a row for each, as CSV and as Markdown, and the scripts for it."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bea.errors import InputError
from bea.tables import write_table
from examples.paper.claims import (
    CONTRADICTED,
    EXPLORATORY,
    FINER,
    PRIMARY,
    RANK,
    RISES,
    SUPPORTED,
    UNDECIDED,
    UNMEASURED,
    Declaration,
    Experiment,
    Judged,
    corrected,
    infer,
    judge,
    settled,
    stratum,
    told_of,
    verdict,
)
from examples.paper.comparisons import APART, BEST, HIGHEST, NOISE
from examples.paper.inference import MANY_SEEDS, MIN_SEEDS, Design, elasticity
from examples.paper.results import Row, read_table
from examples.paper.scripts import errors_in_one_line
from examples.paper.tables import MODEL, RunTables, grouped, read_options


def rows_of(experiment: Experiment, tables: Any) -> list[Row]:
    """A row per claim, the primary ones first."""
    declared = Declaration.of(experiment.declaration)
    claims = (*declared.claims, *experiment.exploratory)
    designs = [declared.design(i + 1) for i in range(len(claims))]

    def judged(which: Collection[str] | None = None, **how: bool) -> list[Judged]:
        return [
            judge(experiment, claim, tables, design, **how)
            if which is None or claim.how.at in which
            else Judged(claim, (), None)
            for claim, design in zip(claims, designs, strict=True)
        ]

    found, every = judged(), judged(everything=True)
    apart = judged((BEST, HIGHEST, APART), apart=True)
    found = settled(found, corrected(found), declared, designs)
    ps, every_p = corrected(found), corrected(every)
    undecided = sum(p > declared.alpha for p in ps[: len(declared.claims)])
    rows: list[Row] = []
    for each, p, without, without_p, chosen, design in zip(
        found, ps, every, every_p, apart, designs, strict=True
    ):
        level = declared.alpha / (max(undecided, 1) if each.claim.id else 1)
        rows.append(
            {
                "experiment": experiment.name,
                **_told(each, design),
                "p_adjusted": rounded(p) if each.claim.id else None,
                **_size(each),
                "of_the_paper": experiment.of_the_paper(each.kept),
                **_again("without_exclusions", without, without_p, declared.alpha),
                **_again("chosen_apart", chosen, chosen.p, declared.alpha, judged=False),
                "declared": declared.digest[:16] if each.claim.id else None,
                "verdict": verdict(each.found, p, each.claim.side, declared.alpha),
                **_decided(each, p, level, declared.alpha, chosen.found is not None),
            }
        )
    return rows


def _told(each: Judged, design: Design) -> Row:
    claim, found = each.claim, each.found
    slope: tuple[float | None, ...] = (None, None, None)
    if found and claim.statistic == RANK:
        groups = grouped(told_of(each.rows, claim), claim.how.strata).values()
        slope = elasticity([stratum(group, claim) for group in groups], design)
    return {
        "family": claim.family,
        "id": claim.id or None,
        "claim": claim.name,
        "source": claim.source,
        "words": claim.words,
        "statistic": claim.told,
        "value": rounded(found.value) if found else None,
        "low": rounded(found.low) if found else None,
        "high": rounded(found.high) if found else None,
        **dict(zip(("slope", "slope_low", "slope_high"), map(rounded, slope), strict=True)),
        "by_width": by_width(each, design),
        "p": rounded(found.p) if found else None,
    }


def _size(each: Judged) -> Row:
    models, kept = models_of(each.rows), models_of(each.kept)
    widths = sorted({row["width"] for row in each.kept})
    return {
        "seeds": each.found.seeds if each.found else 0,
        "strata": each.found.strata if each.found else 0,
        "widths": ", ".join(f"{width:g}" for width in widths) or None,
        "models": len(kept),
        "excluded": len(models) - len(kept),
        "reasons": reasons(each) or None,
    }


def _again(name: str, each: Judged, p: float, alpha: float, *, judged: bool = True) -> Row:
    value = rounded(each.found.value) if each.found else None
    row: dict[str, Any] = {name: value, f"{name}_p": rounded(p) if each.found else None}
    if judged:
        row[f"{name}_verdict"] = verdict(each.found, p, each.claim.side, alpha)
    return row


def _decided(each: Judged, p: float, level: float, alpha: float, apart: bool) -> Row:
    """The number of seeds that would decide an undecided claim, and all that is to be said."""
    claim, found = each.claim, each.found
    if found is None:
        few = f"too few models are left ({reasons(each)})" if each.rows else UNMEASURED
        return {"seeds_that_decide": None, "remark": "; ".join(filter(None, (few, claim.note)))}
    remarks, needed = [], None
    if each.finer:
        remarks.append(f"near α: p with {FINER} times the resamples is {p_told(each.finer)}")
    if p > alpha:
        needed = found.seeds_that_decide(level)
        if needed is None:
            remarks.append(f"with fewer than {MIN_SEEDS} seeds there is no saying how many decide")
        elif needed > MANY_SEEDS:
            needed = None
            remarks.append(f"not even {MANY_SEEDS} seeds would decide it")
        else:
            side = "for" if (found.value > found.beyond) == (claim.side == RISES) else "against"
            remarks.append(f"about {needed:.0f} seeds would decide it, {side} it as it looks")
    if found.low is None:
        remarks.append(f"fewer than {MIN_SEEDS} seeds have no interval")
    if claim.how.at in (BEST, HIGHEST, NOISE) or (claim.how.at == APART and not apart):
        remarks.append("best chosen on the test set")
    remarks += [found.remark, claim.note]
    return {"seeds_that_decide": needed, "remark": "; ".join(filter(None, remarks)) or None}


def by_width(each: Judged, design: Design) -> str | None:
    """The values width by width, where several are compared."""
    widths = grouped(each.kept, ["width"])
    if "width" not in each.claim.how.strata or len(widths) < 2:
        return None
    few = replace(design, resamples=2)  # only the value is asked for
    found = {width: infer(each.claim, rows, few) for (width,), rows in widths.items()}
    return "; ".join(
        f"{width:g}: {each.value:.2f}".replace("-", "−") for width, each in found.items() if each
    )


def reasons(each: Judged) -> str:
    """How many models are excluded, by reason."""
    kept = models_of(each.kept)
    left = [row for row in each.rows if model_of(row) not in kept]
    kinds = Counter(
        kind_of(row["excluded"]) if row["excluded"] else "too few in the stratum" for row in left
    )
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def kind_of(reason: str) -> str:
    """A reason without the numbers that differ from model to model."""
    return reason.split(" at step ")[0].split(":")[0].split(" at E = ")[0]


def model_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in MODEL)


def models_of(rows: Iterable[Row]) -> set[tuple[Any, ...]]:
    return set(map(model_of, rows))


def rounded(value: float | None) -> float | None:
    """Six digits, which round-off does not reach."""
    return None if value is None else float(f"{value:.6g}") + 0.0


# As Markdown

HEADS = {
    "claim": "claim (of the paper)", "effect": "effect [95 %] (by width)",
    "slope": "d log y/d log x", "p": "p", "holm": "p, Holm",
    "of": "seeds, strata, models (excluded)", "paper": "of the paper",
    "without": "without exclusions", "apart": "best chosen apart", "verdict": "verdict",
}  # fmt: skip


def markdown(rows: Sequence[Row]) -> str:
    """The table of the claims as a section of a README."""
    parts: list[str] = []
    for experiment in dict.fromkeys(row["experiment"] for row in rows):
        mine = [row for row in rows if row["experiment"] == experiment]
        for family in (PRIMARY, EXPLORATORY):
            these = [row for row in mine if row["family"] == family]
            if these:
                parts += [*_head(experiment, family, these), *map(line_of, these), ""]
    return "\n".join(parts).rstrip()


def _head(experiment: str, family: str, rows: Sequence[Row]) -> list[str]:
    counts = Counter(row["verdict"] for row in rows)
    told = ", ".join(f"{counts[word]} {word}" for word in (SUPPORTED, CONTRADICTED, UNDECIDED))
    if family == PRIMARY:
        how = f"declared in a file whose SHA-256 begins with `{rows[0]['declared']}`"
    else:
        how = "not declared, p not corrected"
    shown = columns(family)
    return [
        f"**{experiment}, {family} claims** ({how}): {told}.",
        "",
        f"| {' | '.join(HEADS[name] for name in shown)} |",
        "|---" * len(shown) + "|",
    ]


def columns(family: str) -> list[str]:
    return [name for name in HEADS if family == PRIMARY or name != "holm"]


def line_of(row: Row) -> str:
    judged = row["verdict"] if row["verdict"] == UNDECIDED else f"**{row['verdict']}**"
    cells = {
        "claim": f"{row['claim']} ({row['source']})",
        "effect": effect(row["value"], row["low"], row["high"])
        + (f" ({row['by_width']})" if row["by_width"] else ""),
        "slope": effect(row["slope"], row["slope_low"], row["slope_high"], digits=".2g"),
        "p": p_told(row["p"]),
        "holm": p_told(row["p_adjusted"]),
        "of": f"{row['seeds']:.0f}, {row['strata']:.0f}, {row['models']:.0f} "
        f"({row['excluded']:.0f})",
        "paper": row["of_the_paper"],
        "without": again(row, "without_exclusions"),
        "apart": again(row, "chosen_apart"),
        "verdict": judged + (f": {row['remark']}" if row["remark"] else ""),
    }
    shown = (str(cells[name]).replace("|", "\\|") for name in columns(row["family"]))
    return f"| {' | '.join(shown)} |"


def effect(
    value: float | None, low: float | None, high: float | None, *, digits: str = ".2f"
) -> str:
    if value is None:
        return "–"
    told = f"{value:{digits}}"
    if low is not None:
        told += f" [{low:{digits}}, {high:{digits}}]"
    return told.replace("-", "−")


def p_told(p: float | None) -> str:
    return "–" if p is None else f"{p:.3f}" if p >= 0.1 else f"{p:.2g}"


def again(row: Row, name: str) -> str:
    """A value that was computed in another way, and its verdict if that is another one."""
    if row[name] is None:
        return "–"
    other = row.get(f"{name}_verdict")
    changed = f": {other}" if other and other != row["verdict"] else ""
    return f"{effect(row[name], None, None)}, p {p_told(row[f'{name}_p'])}{changed}"


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


def written(path: Path, rows: Sequence[Row]) -> str:
    """The table as a file, and on the screen as Markdown, which is returned."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for {path.name}: make it first")
    write_table(path, rows)
    told = markdown(read_table(path))
    print(f"wrote {path}\n\n{told}")
    return told
