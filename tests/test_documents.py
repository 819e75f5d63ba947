"""The README and the lessons say what happens: their code runs, their links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


EXAMPLES = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("code", "promised"), EXAMPLES, ids=["formulas", "networks"])
def test_the_examples_of_the_readme_print_what_they_say(code, promised):
    assert len(code.strip().splitlines()) <= 15
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {})
    # Round-off differs between machines, and random parameters between versions.
    floor = re.compile(r"floor [\d.e+-]+|\(= \d+\.\d+\)|(?<=order \d\.\d{2})\d+")
    assert floor.sub("floor", output.getvalue()) == floor.sub("floor", promised)


def test_all_the_code_of_the_readme_is_tried():
    assert README.count("```python") == len(EXAMPLES)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(
    str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md")
)])  # fmt: skip
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)", text) if not t.startswith("http")]
    for target in targets:
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_the_errata_name_tests_that_exist():
    page = (ROOT / "docs" / "where-the-paper-errs.md").read_text(encoding="utf-8")
    tests = (ROOT / "tests" / "test_paper_errata.py").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) >= 9
    for name in named:
        assert f"def {name}(" in tests


def test_the_lesson_on_the_literal_formula(capsys, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    runpy.run_path(
        str(ROOT / "examples" / "where_the_paper_leaves_the_truth.py"), run_name="__main__"
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("= 0") for line in lines if line.startswith("f_")] == [
        True,
        True,
        True,
        False,
    ]
    last = [line for line in lines if re.match(r"\s+\d", line)][-1].split()
    assert float(last[2]) == pytest.approx(5, abs=0.05)
    assert float(last[4]) == pytest.approx(4, abs=0.05)
