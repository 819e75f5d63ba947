"""`python -m fuzz losses` and `python -m fuzz kernels`: many random subjects, and what came out.

    python -m fuzz losses --count 10000 --seed 0 --workers 2
    python -m fuzz kernels --count 250

Prints how often each verdict came, and of every kind of finding the shortest example. Ends with
status 1 if an answer was wrong, hung or crashed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic

from tqdm import tqdm

from fuzz import families
from fuzz.pool import Outcome, checked
from fuzz.truth import Subject

BAD = ("WRONG", "not real", "hang", "killed", "crash")
"""Verdicts that are findings."""

NO_FINDING = ("right", "no reference", "not checked")
"""Verdicts of which no example is shown."""

KINDS = {
    "losses": (families.ALL, 10.0, 6.0),
    "kernels": ((*families.LOSSES, families.scaled, families.symbolic, families.mixed), 90.0, 64.0),
}
"""For each campaign: families, seconds of processor time, gigabytes of address space."""


def main(arguments: Sequence[str]) -> int:
    """Run a campaign and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("campaign", choices=KINDS)
    parser.add_argument("--count", type=int, default=1000, help="subjects (1000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other subjects (0)")
    parser.add_argument("--seconds", type=float, help="processor time for one of them")
    parser.add_argument("--workers", type=int, default=1, help="processes at a time (1)")
    parser.add_argument("--families", help="only these, by the names of their functions")
    parser.add_argument("--findings", type=Path, help="a file of JSON lines for all that is found")
    given = parser.parse_args(arguments)
    chosen, seconds, gigabytes = KINDS[given.campaign]
    if given.families:
        chosen = [getattr(families, name) for name in given.families.split(",")]
    subjects = families.subjects(given.seed, given.count, chosen)
    results, start = [], monotonic()
    file = given.findings.open("w", encoding="utf-8") if given.findings else None
    try:
        for subject, outcomes in tqdm(
            checked(
                f"fuzz.{given.campaign}:check",
                subjects,
                seconds=given.seconds or seconds,
                workers=given.workers,
                gigabytes=gigabytes,
            ),
            total=len(subjects),
            desc=given.campaign,
            disable=None,
        ):
            results.append((subject, outcomes))
            for o in outcomes:
                if file and o.verdict not in NO_FINDING:
                    row = [subject.kind, str(subject), o.check, o.verdict, o.detail, o.count]
                    print(json.dumps(row, ensure_ascii=False), file=file, flush=True)
    except KeyboardInterrupt:
        print("interrupted: this is what there is")
    print("\n".join(report(results)))
    print(f"{len(results)} subjects in {monotonic() - start:.0f} s")
    return int(any(o.verdict in BAD for _, outcomes in results for o in outcomes))


def report(results: Iterable[tuple[Subject, Sequence[Outcome]]]) -> list[str]:
    """The lines of the report: the shortest example of each finding, and all counts."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    found: dict[tuple[str, str, str], list[tuple[Subject, Outcome]]] = defaultdict(list)
    for subject, outcomes in results:
        for outcome in outcomes:
            counts[outcome.check][outcome.verdict] += outcome.count
            if outcome.verdict not in NO_FINDING:
                found[outcome.verdict, outcome.check, subject.kind].append((subject, outcome))
    lines = []
    for (verdict, check, kind), cases in sorted(found.items()):
        subject, outcome = min(cases, key=lambda case: (case[0].size, str(case[0])))
        lines += [
            f"{verdict}: {check}, {kind}, {len(cases)} subjects",
            f"    {subject}",
            f"    {outcome.detail}",
        ]
    lines.append("")
    for check, by_verdict in sorted(counts.items()):
        total = sum(by_verdict.values())
        parts = [f"{n} {verdict} ({n / total:.2%})" for verdict, n in by_verdict.most_common()]
        lines.append(f"{check}: {', '.join(parts)}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
