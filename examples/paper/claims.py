"""Claims on models in training: each with its effect, its tests and a verdict of three values.

Primary claims are declared before the run, in a file whose SHA-256 is in the table of claims; their
p are corrected by Holm's method over that family. All others are exploratory: shown with a p
that is not corrected. What each word means is fixed in mnist/declared_claims.toml. In short:

    supported      the value is on the claimed side, and p is at most α
    contradicted   it is on the other side, and p is at most α
    undecided      neither, with the number of seeds that would decide, or why there is none

A claim is computed again without any exclusion, and once more with the best chosen on one half of
the test set and tested on the other half. Where the resamples are too few to tell on which side of
α the corrected p of a primary claim is, it is tested again with thirty times as many, and the
larger one of the two p counts.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

from bea.errors import InputError
from examples.paper.comparisons import (
    APART,
    NOISE,
    Comparison,
    Noise,
    chosen_apart,
    compare,
)
from examples.paper.inference import (
    Design,
    Inference,
    Stratum,
    exponent_test,
    rank_test,
    sign_test,
)
from examples.paper.results import Row
from examples.paper.tables import Model, grouped, included

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
PRIMARY, EXPLORATORY = "primary", "exploratory"
RISES, FALLS = 1, -1
SIDES = {"rises": RISES, "falls": FALLS}
RANK, EXPONENT, SHARE, MEAN = "rank", "exponent", "share", "mean"
H, RATE, MU = "learning_rate", "regularization_rate", "mu"
UNMEASURED = "not measured yet"
FINER = 30  # times as many resamples where a p is near α

SYMBOLS = {
    H: "h", RATE: "λ", "width": "n_l", MU: "μ", "regularizer": "R_IG", "norm": "|θ|", "loss": "E",
    "regularizer_over_loss": "R_IG/E", "slope": "|∇E|", "squared_slope": "|∇E|²",
    "test_accuracy": "test accuracy", "noisy_slope": "slope under noise",
    "noisy_test_accuracy": "test accuracy under noise",
    "lost_test_accuracy": "test accuracy lost to noise", "gain": "points gained",
}  # fmt: skip
"""What the columns are called in claims."""


@dataclass(frozen=True)
class Claim:
    """One claim, and how it is tested.

    Attributes:
        name: its name in the table.
        source: the prediction and the figure of the paper, or that it is a control of ours.
        words: what is claimed.
        y: the column that is claimed to follow x.
        x: what it follows.
        side: RISES if the value is claimed to be above `beyond`, FALLS if below.
        how: where the models are compared, and which.
        statistic: RANK, EXPONENT, SHARE or MEAN.
        beyond: what the value is claimed to be above or below.
        given: the covariate of an exponent.
        batch: "32", another one, "full", or what the experiment has.
        note: what else the table says of it.
        id: its number in the declared family; 0 for exploratory claims.
        rows: (tables, excluded, apart) ↦ the rows, for what is not compared as others are.
    """

    name: str
    source: str
    words: str
    _: KW_ONLY
    y: str
    side: int
    how: Comparison
    x: str = H
    statistic: str = RANK
    beyond: float = 0.0
    given: str = "loss"
    batch: str | None = None
    note: str = ""
    id: int = 0
    rows: Callable[[Any, Collection[str], bool], list[Row]] | None = None

    @property
    def family(self) -> str:
        return PRIMARY if self.id else EXPLORATORY

    @property
    def told(self) -> str:
        """The statistic and the claimed side, in words."""
        x, y = SYMBOLS[self.x], SYMBOLS[self.y]
        what = {
            RANK: f"mean ρ of {x} and {y}",
            EXPONENT: f"exponent of {x} in {y} beside {SYMBOLS[self.given]}",
            SHARE: f"share of the way in log {y} from h to h'",
            MEAN: f"mean of {y}",
        }[self.statistic]
        return (
            f"{what}, {self.how.at}; claimed {'>' if self.side == RISES else '<'} {self.beyond:g}"
        )


@dataclass(frozen=True)
class Declaration:
    """The primary claims of an experiment and how they are judged, as they were declared.

    Attributes:
        claims: in the order of the file.
        alpha: the level of all tests.
        resamples: of every test and interval.
        seed: of these.
        level: of the intervals.
        digest: the SHA-256 of the file.
    """

    claims: tuple[Claim, ...]
    alpha: float
    resamples: int
    seed: int
    level: float
    digest: str

    @classmethod
    def of(cls, path: Path) -> Declaration:
        """Read the file."""
        data = path.read_bytes()
        told = tomllib.loads(data.decode())
        return cls(
            tuple(map(_declared, told["claim"])), told["alpha"], told["resamples"], told["seed"],
            told["interval"], hashlib.sha256(data).hexdigest(),
        )  # fmt: skip

    def design(self, number: int) -> Design:
        return Design(self.resamples, (self.seed, number), self.level)


def _declared(told: Mapping[str, Any]) -> Claim:
    how = Comparison(told["at"], tuple(told["strata"]), tuple(told["excluded"]))
    return Claim(
        told["name"], told["source"], told["words"], y=told["y"], side=SIDES[told["side"]], how=how,
        x=told["x"], statistic=told["statistic"], beyond=told.get("beyond", 0.0),
        batch=told.get("batch"), id=told["id"],
    )  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """What an experiment's claims are judged by.

    Attributes:
        name: in the table.
        declaration: the file of the primary claims.
        exploratory: all the others.
        models: (tables, claim) ↦ the models that a claim is of.
        noise: (tables) ↦ what they are under noise.
        of_the_paper: (rows) ↦ how many of the paper's cases these are.
    """

    name: str
    declaration: Path
    exploratory: tuple[Claim, ...]
    models: Callable[[Any, Claim], list[Model]]
    noise: Callable[[Any], Noise]
    of_the_paper: Callable[[Sequence[Row]], str]


# What is found


@dataclass(frozen=True)
class Judged:
    """A claim, the models that it is of, and what was inferred of them."""

    claim: Claim
    rows: Sequence[Row]
    found: Inference | None
    finer: float | None = None
    """p with more resamples, where those that were declared leave it open."""

    @property
    def p(self) -> float:
        """The p that counts; of what is not measured, 1."""
        return max(self.found.p, self.finer or 0.0) if self.found else 1.0

    @property
    def kept(self) -> list[Row]:
        """The rows of strata that count."""
        strata = grouped(told_of(self.rows, self.claim), self.claim.how.strata).values()
        return [row for rows in strata if counts(rows, self.claim) for row in rows]


def judge(
    experiment: Experiment,
    claim: Claim,
    tables: Any,
    design: Design,
    *,
    everything: bool = False,
    apart: bool = False,
) -> Judged:
    """What the models say.

    Args:
        experiment: whose claim it is.
        claim: what is claimed.
        tables: of the experiment.
        design: of the tests.
        everything: without exclusions.
        apart: with the best chosen on one half of the test set, where that was measured.
    """
    how = replace(claim.how, excluded=()) if everything else claim.how
    if claim.rows:
        rows = claim.rows(tables, how.excluded, apart)
    else:
        how = replace(how, at=APART) if apart else how
        models = experiment.models(tables, claim)
        noise = experiment.noise(tables) if claim.how.at == NOISE else None
        rows = [] if apart and not chosen_apart(models) else compare(models, how, noise)
    return Judged(claim, rows, infer(claim, rows, design))


def told_of(rows: Iterable[Row], claim: Claim) -> list[Row]:
    """The rows that are included and have what the claim is of."""
    names = (claim.x, claim.y) if claim.statistic != MEAN else (claim.y,)
    return [row for row in included(rows) if None not in (row.get(name) for name in names)]


def counts(rows: Sequence[Row], claim: Claim) -> bool:
    """Whether a stratum says something on the claim."""
    if claim.statistic == SHARE:
        return share(rows, claim.y) is not None
    return claim.statistic == MEAN or stratum(rows, claim).counts


def infer(claim: Claim, rows: Iterable[Row], design: Design) -> Inference | None:
    """The claim's statistic with its test and its interval; None where nothing says anything."""
    groups = list(grouped(told_of(rows, claim), claim.how.strata).values())
    if claim.statistic in (SHARE, MEAN):
        measure = share if claim.statistic == SHARE else mean
        found = [(int(group[0]["seed"]), measure(group, claim.y)) for group in groups]
        values = [(seed, value) for seed, value in found if value is not None]
        return sign_test(values, design, claim.beyond)
    strata = [stratum(group, claim) for group in groups]
    return (exponent_test if claim.statistic == EXPONENT else rank_test)(strata, design)


def stratum(rows: Sequence[Row], claim: Claim) -> Stratum:
    names = (claim.x, claim.y, *([claim.given] if claim.statistic == EXPONENT else []))
    return Stratum.of(int(rows[0]["seed"]), [[row[name] for name in names] for row in rows])


def mean(rows: Sequence[Row], y: str) -> float | None:
    return sum(row[y] for row in rows) / len(rows) if rows else None


def share(rows: Sequence[Row], y: str) -> float | None:
    """How far explicit regularization goes from the small h to h' = h + 4μ, in log y.

    Σab/Σb² over μ, with b the way from h to h' and a that from μ = 0 to μ at h.
    """
    logs = {(row[H], row[MU]): math.log(row[y]) for row in rows if row[y] > 0}
    ab = bb = 0.0
    for (h, mu), reached in logs.items():
        start = logs.get((h, 0.0))
        goals = [log for (k, none), log in logs.items() if not none and same(k, h + 4 * mu)]
        if mu and start is not None and goals:
            ab += (reached - start) * (goals[0] - start)
            bb += (goals[0] - start) ** 2
    return ab / bb if bb else None


def same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-6)


# Their verdicts


def verdict(found: Inference | None, p: float, side: int, alpha: float) -> str:
    """The rule, which is that of the module's head."""
    if found is None or p > alpha or found.value == found.beyond:
        return UNDECIDED
    return SUPPORTED if (found.value > found.beyond) == (side == RISES) else CONTRADICTED


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's corrected p."""
    if not ps:
        return []
    try:
        from statsmodels.stats.multitest import multipletests
    except ImportError:
        raise InputError('claims need statsmodels: pip install "bea[claims]"') from None
    return [float(p) for p in multipletests(list(ps), method="holm")[1]]


def corrected(judged: Sequence[Judged]) -> list[float]:
    """Their p, by Holm's method over the primary ones and as they are for the others."""
    primary = iter(holm([each.p for each in judged if each.claim.id]))
    return [next(primary) if each.claim.id else each.p for each in judged]


def settled(
    judged: Sequence[Judged], ps: Sequence[float], declared: Declaration, designs: Sequence[Design]
) -> list[Judged]:
    """The same, with a finer p of primary claims whose corrected p is near α."""
    return [
        replace(each, finer=finer(each, design))
        if each.claim.id and near(each.p, p, declared)
        else each
        for each, p, design in zip(judged, ps, designs, strict=True)
    ]


def near(p: float, adjusted: float, declared: Declaration) -> bool:
    """Whether α is within three standard errors of the corrected p."""
    error = 3 * math.sqrt(p * (1 - p) / declared.resamples)
    return abs(adjusted - declared.alpha) <= adjusted / p * error


def finer(each: Judged, design: Design) -> float:
    """The p of thirty tests as one; each has resamples of its own."""
    tests = (
        infer(each.claim, each.rows, replace(design, entropy=(*design.entropy, i)))
        for i in range(1, FINER + 1)
    )
    as_far = sum(round(found.p * (1 + design.resamples)) - 1 for found in tests if found)
    return (1 + as_far) / (1 + FINER * design.resamples)
