"""A seeded sample of random losses and kernels; `python -m fuzz` takes thousands (see fuzz/)."""

from __future__ import annotations

import pytest

from fuzz import campaign, families, kernels, losses
from fuzz.pool import checked

WELL_KNOWN = (*families.LOSSES, families.scaled, families.mixed)


def bad(results, verdicts=campaign.BAD):
    return [
        f"{subject}: {outcome}"
        for subject, outcomes in results
        for outcome in outcomes
        if outcome.verdict in verdicts
    ]


def test_answers_about_random_losses_are_right():
    subjects = [s for s in families.subjects(1, 2 * len(families.ALL)) if s.size < 75]
    results = [(subject, losses.check(subject)) for subject in subjects]
    assert not bad(results)
    assert len({subject.kind for subject in subjects}) > 10
    answered = sum(o.verdict == "right" for _, outcomes in results for o in outcomes)
    assert answered > 6 * len(results)


def test_values_of_random_kernels_have_half_of_their_digits():
    chosen = (families.angles, families.powers)
    results = [(s, kernels.check(s)) for s in families.subjects(9, len(chosen), chosen)]
    assert not bad(results)
    assert sum(o.count for _, outcomes in results for o in outcomes if o.verdict == "right") > 50


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("losses", 170), ("kernels", 32)])
def test_many_more_of_them(name, count):
    chosen, seconds, gigabytes = campaign.KINDS[name]
    results = [
        *checked(
            f"fuzz.{name}:check", families.subjects(2, count, chosen),
            seconds=3 * seconds, workers=2, gigabytes=gigabytes,
        )
    ]  # fmt: skip
    print("\n".join(campaign.report(results)))
    assert not bad(results, ("WRONG", "not real", "killed"))


def test_a_report_shows_the_shortest_example_of_each_finding(capsys):
    short, long = families.Subject("kind", ("x",), "x"), families.Subject("kind", ("x",), "x + x")
    wrong = losses.Outcome("f_1", "WRONG", "off")
    lines = campaign.report([(long, [wrong]), (short, [wrong, losses.Outcome("f_0", "right")])])
    assert lines == [
        "WRONG: f_1, kind, 2 subjects",
        "    x   [x]",
        "    off",
        "",
        "f_0: 1 right (100.00%)",
        "f_1: 2 WRONG (100.00%)",
    ]
