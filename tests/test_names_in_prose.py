"""Modules, files and attributes that are spoken of are there: in docs, docstrings and comments.

In backticks stand four kinds of names of ours, and each must lead somewhere:

    bea.symbolic.parsing.text, tests.test_reference     a module, or an attribute of one
    bea/symbolic/parsing/text.py, results/trees/        a file or a folder, from the root
    figure_a2.py                                a file somewhere in the folders with code
    zero                                        a module, above all in the docstring of another;
                                                or what the code there, or a user, calls so

Commands (python examples/NAME.py, python -m fuzz) are tried with or without backticks, but for
names in capitals, which stand for any. The changelog may speak of what has gone, and is left out.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import keyword
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import bea
from tests.test_public_face import MEMBERS, PUBLIC
from tests.test_reference import commands

ROOT = Path(__file__).parents[1]
WITH_CODE = ("bea", "benchmarks", "examples", "fuzz", "tests")
FOLDERS = (*WITH_CODE, "docs", "results")
SOURCES = sorted(path for folder in WITH_CODE for path in (ROOT / folder).rglob("*.py"))
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(p for f in FOLDERS for p in (ROOT / f).rglob("*.md")))
    if path.name != "CHANGELOG.md"
)
MODULES = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}

IN_BACKTICKS = re.compile(r"(?<!`)`{1,2}([^`\n]+)`{1,2}(?!`)")
DOTTED = re.compile(rf"(?<![\w./-])(?:{'|'.join(WITH_CODE)})(?:\.[A-Za-z_]\w*)+(?!\w*[/])")
PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*(?![\w{{])")
FILE = re.compile(r"(?<![\w./*-])\w+\.py\b")
COMMAND = re.compile(r"python (?:(?P<path>[\w/]+\.py)\b|-m (?P<module>[\w.]+\w))")
NAME = re.compile(r"[a-z_][a-z0-9_]*")

Spoken = Iterator[tuple[int, str]]
"""Lines and what is spoken of there."""


def spoken(text: str, pattern: re.Pattern[str] = IN_BACKTICKS) -> Spoken:
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[match.lastindex or 0]


# What is there


@cache
def is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or any(place.glob("*.py"))


@cache
def leads_to_something(dotted: str) -> bool:
    """Is it a module of ours, or an attribute of one, or of a class in it?"""
    parts = dotted.split(".")
    n = next(n for n in range(len(parts), -1, -1) if n == 0 or is_module(".".join(parts[:n])))
    if n == 0:
        return False
    module, attributes = ".".join(parts[:n]), parts[n:]
    if not attributes:
        return True
    if parts[0] != "bea":  # scripts are not imported: what they define is read
        return attributes[0] in defined_in(ROOT.joinpath(*parts[:n]).with_suffix(".py"))
    thing: object = importlib.import_module(module)
    for name in attributes:
        if name in annotated(thing):
            return True
        try:
            thing = getattr(thing, name)
        except AttributeError:
            return False
    return True


def annotated(thing: object) -> set[str]:
    """The fields of a class that have no value there."""
    bases = thing.__mro__ if inspect.isclass(thing) else ()
    return {name for base in bases for name in vars(base).get("__annotations__", ())}


def is_there(path: str) -> bool:
    path = path.rstrip(".")
    return any(ROOT.glob(path.rstrip("/"))) if "*" in path else (ROOT / path).exists()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Functions, classes, their methods and fields, and constants: what a module gives a name."""
    if not path.is_file() and not (path := path.with_suffix("") / "__init__.py").is_file():
        return frozenset()  # a folder without one
    bodies = [tree_of(path), *(n for n in ast.walk(tree_of(path)) if isinstance(n, ast.ClassDef))]
    found: set[str] = set()
    for statement in (s for body in bodies for s in body.body):
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found.add(statement.name)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            found |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return frozenset(found)


@cache
def words_of_code(path: Path) -> frozenset[str]:
    """The names that the code of a file uses, and the words that are texts in it; no imports."""
    found = set(defined_in(path))
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
                found.add(word)
            case ast.keyword(arg=str(word)) | ast.FunctionDef(name=word):
                found.add(word)
            case ast.Constant(value=str(word)) if len(word) < 80:
                found.update(NAME.findall(word))
    return frozenset(found)


@cache
def longer_definitions() -> frozenset[str]:
    """Functions and classes of all modules, those with two words for a name."""
    return frozenset(
        statement.name
        for path in SOURCES
        for statement in tree_of(path).body
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and "_" in statement.name
    )


PUBLIC_NAMES = frozenset(
    name.rpartition(".")[2] for name in (*PUBLIC, *MEMBERS, *bea.__all__, *commands())
)
PYTHON = frozenset(dir(builtins)) | frozenset(keyword.kwlist)
THEIRS = {"aligned", "arb", "ast", "custom_jvp_call", "diffeqsolve", "jvp", "lambdify"}
THEIRS |= {"argparse", "preprocessed_integrator", "stop_gradient"}
"""Names from LaTeX, Python's library and the packages in use."""


# What is not


def lost(path: Path) -> list[str]:
    """What a file speaks of and is nowhere, each with its line."""
    text = path.read_text(encoding="utf-8")
    missing = [*lost_in_backticks(text), *lost_commands(text)]
    if path.suffix == ".py":
        missing += lost_names(path)
    return [f"{path.relative_to(ROOT)}:{line}: `{name}`" for line, name in sorted(set(missing))]


def lost_in_backticks(text: str) -> Spoken:
    for line, span in spoken(text):
        missing = [m[0] for m in DOTTED.finditer(span) if not leads_to_something(m[0])]
        missing += [m[0] for m in PATH.finditer(span) if not is_there(m[0])]
        missing += [m[0] for m in FILE.finditer(span) if m[0][:-3] not in MODULES]
        yield from ((line, name) for name in missing)


def lost_commands(text: str) -> Spoken:
    for match in COMMAND.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        path, module = match["path"], match["module"]
        is_ours = path and path.split("/")[0] in FOLDERS and not Path(path).stem.isupper()
        if is_ours and not is_there(path):
            yield line, path
        if module and module.split(".")[0] in WITH_CODE and not is_module(module):
            yield line, module


def lost_names(path: Path) -> Spoken:
    """Bare names. A module's docstring speaks of modules: others of one word must be its own."""
    head = docstring_of(path)
    words = words_of_code(path) | longer_definitions() | PUBLIC_NAMES
    own = defined_in(path) | {word for word in words if "_" in word}
    for line, span in spoken(path.read_text(encoding="utf-8")):
        known = MODULES | PYTHON | THEIRS | (own if line in head else words)
        if NAME.fullmatch(span) and span not in known:
            yield line, span


def docstring_of(path: Path) -> range:
    first = next(iter(tree_of(path).body), None)
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return range(first.lineno, first.end_lineno + 1) if is_docstring else range(0)


def test_the_names_in_the_pages_are_there():
    names = [name for path in PAGES for name in lost(path)]
    assert not names, "nowhere:\n" + "\n".join(names)


@pytest.mark.parametrize("folder", WITH_CODE)
def test_the_names_in_docstrings_and_comments_are_there(folder):
    names = [name for p in SOURCES if p.is_relative_to(ROOT / folder) for name in lost(p)]
    assert not names, "nowhere:\n" + "\n".join(names)


# That they would be noticed


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("bea.flow", "bea.nothing"),
        ("bea.testing.trees(order)", "bea.testing.nothing(loss)"),
        ("help(bea.Tree.order)", "help(bea.Tree.nothing)"),
        ("bea.symbolic", "bea.nothing.at_all"),
        ("tests.test_reference.PAGE", "tests.test_reference.nothing"),
        ("examples", "examples.nothing"),
        ("bea/cli/values.py", "bea/nothing.py"),
        ("results/trees/", "results/nothing/"),
        ("examples/**/figure_*.py", "examples/**/nothing_*.py"),
        ("test_reference.py", "nothing.py"),
    ],
)
def test_a_name_that_leads_nowhere_is_noticed(right, wrong):
    assert [*lost_in_backticks(f"first line\nand `{right}` there")] == []
    for ticks in ("`", "``"):
        text = f"first line\nand {ticks}{wrong}{ticks} there"
        assert [line for line, _ in lost_in_backticks(text)] == [2]


def test_a_command_that_runs_nothing_is_noticed():
    script = next((ROOT / "examples").rglob("tour.py")).relative_to(ROOT)
    for right in (f"{script} --out build", "-m benchmarks", "-m pytest", "examples/NAME.py"):
        assert [*lost_commands(f"    python {right}\n")] == []
    for wrong in ("examples/nothing.py --out build", "-m benchmarks.nothing"):
        assert [line for line, _ in lost_commands(f"\n    python {wrong}\n")] == [2]


def test_a_module_that_is_renamed_is_noticed_where_it_is_spoken_of(monkeypatch):
    """All but a few: the code of who speaks of it may give the same name to something else."""
    noticed = []
    names = {p.stem for p in SOURCES if p.is_relative_to(ROOT / "bea")} - {"__init__", "bea"}
    mentions = {path: [*spoken(path.read_text(encoding="utf-8"))] for path in SOURCES}
    for name in sorted(names):
        monkeypatch.setitem(globals(), "MODULES", MODULES - {name})
        for path, there in mentions.items():
            if asked := [line for line, span in there if span == name]:
                found = [line for line, span in lost_names(path) if span == name]
                noticed += [line in found for line in asked]
        monkeypatch.undo()
    assert len(noticed) >= 60  # others are spoken of with their room, which is checked like a path
    assert sum(noticed) > 0.85 * len(noticed)
