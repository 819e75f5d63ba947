"""docs/reference.md has every public name, every command and every option, in their own words.

Run as a script, `python -m tests.test_reference`, this module writes the page anew.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import bea
from bea import cli
from bea.files import written_atomically
from tests.test_public_face import MODULES, is_defined_in, members_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference.md"
VERSION = "The version of the package."

HEAD = """\
# Reference

Every public name, the methods and properties of classes included, with the first line of its
docstring, and every option of the commands with its help. `help(bea.modified_equation)` has the
formula, the arguments, the errors and an example. This page is written by
`python -m tests.test_reference`, and a test holds it to the code.
"""


def page() -> str:
    """The page as it should be."""
    parts = [HEAD, *map(of_module, MODULES), "## The command line\n", *of_commands()]
    return "\n".join(parts)


def of_module(name: str) -> str:
    rows = [f"| `{short}` | {cell(said)} |" for n in names_of(name) for short, said in of(name, n)]
    return "\n".join([f"## `{name}`\n", "| name | what it is |", "|---|---|", *rows, ""])


def of(module: str, name: str) -> Iterator[tuple[str, str]]:
    """A name and what it is, and of a class likewise its methods and properties."""
    thing = getattr(importlib.import_module(module), name)
    yield name, first_line(module, name)
    if inspect.isclass(thing):
        for member, function in sorted(members_of(thing).items()):
            yield f"{name}.{member}", first_of(function)


def names_of(name: str) -> list[str]:
    module = importlib.import_module(name)
    constants = said_by(name)
    own = [
        n
        for n, thing in vars(module).items()
        if n in constants or (not is_constant(thing) and is_defined_in(module, thing, n))
    ]
    return sorted(getattr(module, "__all__", own))


def is_constant(thing: object) -> bool:
    return not (inspect.isclass(thing) or inspect.isfunction(thing))


def first_of(thing: object) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def first_line(module: str, name: str) -> str:
    """What the docstring says first; of a constant, what is written below it."""
    thing = getattr(importlib.import_module(module), name)
    if not is_constant(thing) and name not in said_by(module):
        return first_of(thing)
    if name == "__version__":
        return VERSION
    folder = Path(bea.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        home = ".".join(("bea", *path.relative_to(folder).with_suffix("").parts))
        if home.startswith(module) and name in (said := said_by(home)):
            return said[name].strip().partition("\n\n")[0].replace("\n", " ")
    raise LookupError(f"nothing is said of {module}.{name}: write a docstring below it")


def said_by(module: str) -> dict[str, str]:
    """The strings below the assignments of a module."""
    said = {}
    for statement, below in pairwise(body_of(module)):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(below, ast.Expr):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
                said |= {ast.unparse(target): below.value.value for target in targets}
    return said


def body_of(module: str) -> list[ast.stmt]:
    path = ROOT / Path(*module.split(".")).with_suffix(".py")
    path = path if path.is_file() else path.with_suffix("") / "__init__.py"
    return ast.parse(path.read_text(encoding="utf-8")).body


def of_commands() -> Iterator[str]:
    for name, parser in commands().items():
        yield f"`bea {name}`: {cell(parser.description or '')}\n"
        yield "| option | what it does |\n|---|---|"
        for action in parser._actions:
            if not isinstance(action, argparse._HelpAction):
                meaning = action.help or f"default: {action.default}"
                yield f"| `{cell(spelled(action))}` | {cell(meaning)} |"
        yield ""


def commands() -> dict[str, argparse.ArgumentParser]:
    (subparsers,) = (a for a in cli.parser()._actions if isinstance(a.choices, dict))
    return subparsers.choices


def spelled(action: argparse.Action) -> str:
    word = ", ".join(action.option_strings) or action.dest
    value = "|".join(action.choices or ()) or action.metavar
    return f"{word} {value}" if action.option_strings and action.nargs != 0 else word


def cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


# The tests


def test_the_page_is_what_the_docstrings_and_the_help_say():
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "write it anew: python -m tests.test_reference"


def test_the_page_has_every_public_name_and_every_option():
    """Read back from the page; the names not as they were written, but from the sources."""
    text = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `([\w.]+)`\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE))
    assert list(sections) == list(MODULES)
    for module, section in sections.items():
        rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*) \|$", section, re.MULTILINE))
        assert rows.keys() == public_names_in_the_source_of(module)
        assert [name for name, said in rows.items() if not said] == []
    words = set(re.findall(r"[\w-]+", text))
    for parser in commands().values():
        assert set(re.findall(r"--[\w-]+", parser.format_help())) - words == {"--help"}


def public_names_in_the_source_of(module: str) -> set[str]:
    """What a module offers: `__all__`, or what it defines; with the members of its classes."""
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", None) or [
        *(s.name for s in body_of(module) if isinstance(s, DEFINITIONS)),
        *said_by(module),
    ]
    public = {name for name in names if not name.startswith("_") or name == "__version__"}
    for name in list(public):
        thing = getattr(loaded, name)
        for base in thing.__mro__ if inspect.isclass(thing) else ():
            if base.__module__.partition(".")[0] == "bea":
                public |= {f"{name}.{member}" for member in members_in_the_source_of(base)}
    return public


DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def members_in_the_source_of(cls: type) -> set[str]:
    (definition,) = (
        statement
        for statement in body_of(cls.__module__)
        if isinstance(statement, ast.ClassDef) and statement.name == cls.__name__
    )
    methods = {s.name for s in definition.body if isinstance(s, ast.FunctionDef)}
    return {name for name in methods if not name.startswith("_")}


def test_no_table_is_empty():
    """A network is a class of another package's making, and was once taken for a constant."""
    for module in MODULES:
        assert names_of(module) != []
    assert names_of("bea.models.mlp") == ["MLP"]


if __name__ == "__main__":
    with written_atomically(PAGE) as partial:
        partial.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
