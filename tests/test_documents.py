"""The README and the lessons say what happens: their code runs, their links lead somewhere."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bea import cli
from examples.paper.commands import IDENTITIES, made_by

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


EXAMPLES = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(
    ("code", "promised"), EXAMPLES, ids=["optax", "pendulum", "tests", "formulas"]
)
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


# Folders in folders too: what a glob does not find, nothing tries. What is not ours (.venv, build)
# is not among the folders.
FOLDERS = ["bea", "benchmarks", "docs", "examples", "fuzz", "results", "tests"]
PAGES = sorted(path.name for path in ROOT.glob("*.md"))
PAGES += sorted(
    str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")
)


def test_the_pages_are_found():
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"} <= set(PAGES)
    assert sum(page.startswith("docs/") for page in PAGES) >= 5
    assert "fuzz/README.md" in PAGES


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_the_other_pages_runs(page):
    """That of the README is run above, with what it prints."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE)
    assert {language for language, _ in blocks} <= {"python", "text"}, "nothing runs these"
    if page != "README.md":
        for code in (code for language, code in blocks if language == "python"):
            names: dict[str, object] = {}
            exec(compile(code, page, "exec"), names)
            for test in [names[name] for name in names if name.startswith("test_")]:
                assert callable(test)
                test()  # one that a page shows


def indented(page: str, program: str) -> list[str]:
    """The commands in the indented lines of a page, without what is said beside them."""
    return re.findall(rf"^    ({program} [^#\n]*?)(?: *#.*)?$", text_of(page), re.MULTILINE)


COMMANDS = [(page, command) for page in PAGES for command in indented(page, "bea")]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_the_commands_of_the_pages_run(page, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # one of them draws a picture
    assert cli.main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == re.findall(r"--picture (\S+)", command)


@pytest.mark.parametrize("page", PAGES)
def test_make_has_the_targets_that_the_pages_name(page):
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)", text_of(page)) + [
        command.split()[1] for command in indented(page, "make")
    ]
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_the_pages_name_are_there(page):
    named = re.findall(r"`((?:bea|docs|examples|benchmarks|tests|fuzz)/[\w./-]+)`", text_of(page))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.slow
def test_the_tour_ends_with_all_its_results(tmp_path):
    """Its commands are those of `make tour`, each in a process of its own."""
    target = text_of("Makefile").partition("\ntour: ")[2].partition("\n\n")[0]
    commands = re.findall(r"^\t\$\(PY\) (.+)$", target, re.MULTILINE)
    assert len(commands) == 2
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in commands:
        options = command.replace("build/tour", str(tmp_path)).split()
        subprocess.run([sys.executable, *options], cwd=ROOT, env=environment, check=True)
    names = {"figure_1a", "figure_1a_ends", "figure_1b", "figure_a1"}
    assert {path.stem for path in tmp_path.glob("*.csv")} == names
    assert {path.suffix for path in tmp_path.iterdir()} == {".tex", ".json", ".svg", ".csv", ".png"}


LESSONS = sorted(p for p in (ROOT / "examples/lessons").glob("*.py") if p.stem != "__init__")
SCRIPTS = {
    path: run[1]
    for path in sorted((ROOT / "examples/paper").rglob("*.py"))
    if (run := re.search(r"run_as_script\(([\w.]+)\)", path.read_text(encoding="utf-8")))
}
"""Scripts, and what each one runs."""


def module_of(script: Path) -> str:
    return ".".join(script.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")


def test_every_example_is_run_by_a_test():
    """Each one is named in code of a test: imported, or as a part of a path or a text."""
    code = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    assert len(LESSONS) >= 4 and len(SCRIPTS) >= 17, "they are found in no folder"
    names = [path.stem for path in LESSONS]
    names += [module_of(script).rpartition(".")[2] for script in SCRIPTS]
    assert [n for n in names if not re.search(rf"(?:[\"/.]|\bimport .*\b){n}\b", code)] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=module_of)
def test_a_commands_itself_by_the_module_that_it_is(script, capsys):
    """In its help, whose examples are to be copied."""
    module = importlib.import_module(".".join(script.relative_to(ROOT).with_suffix("").parts))
    main = eval(SCRIPTS[script], vars(module))
    with pytest.raises(SystemExit):
        main(["--help"])
    named = re.findall(r"python -m (\S+)", capsys.readouterr().out)
    assert set(named) == {module_of(script)}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_names_itself_by_the_path_where_it_is(lesson):
    named = re.findall(r"\bpython (\S+)", lesson.read_text(encoding="utf-8"))
    assert named and set(named) == {lesson.relative_to(ROOT).as_posix()}


def test_results_are_made_by_scripts_that_are_still_here():
    """By the names that results know them by, whatever folders they are in now."""
    names = {module_of(script).removeprefix("examples.paper.") for script in SCRIPTS}
    assert set(IDENTITIES) <= names
    scripts = set(map(made_by, names))
    notes = [json.loads(p.read_text("utf-8")) for p in (ROOT / "results").rglob("*.json")]
    named = [note["made_by"].split()[0] for note in notes if "made_by" in note]
    assert len(named) >= 9
    assert set(named) <= scripts


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    targets = [t for t in re.findall(r"\]\(([^)#]+)", text_of(page)) if not t.startswith("http")]
    for target in targets:
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_the_errata_name_tests_that_exist():
    page = (ROOT / "docs" / "where-the-paper-errs.md").read_text(encoding="utf-8")
    tests = (ROOT / "tests" / "test_paper_errata.py").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) >= 9
    for name in named:
        assert f"def {name}(" in tests
