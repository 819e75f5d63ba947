"""Files are there complete or not at all, and nothing here writes one in any other way."""

from __future__ import annotations

import ast
import csv
import os
import stat
from pathlib import Path

import pytest

from bea.files import written_atomically
from benchmarks.report import write_table

ROOT = Path(__file__).parents[1]
FOLDERS = ("bea", "examples/paper", "benchmarks")  # lessons write as their readers do
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


class Nothing:
    """Behind its name in a table is an error, which comes when the rows before are written."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


# The helper


@pytest.mark.parametrize("error", [ValueError, OSError(28, "No space left"), KeyboardInterrupt])
@pytest.mark.parametrize("before", [None, b"before"])
def test_an_error_halfway_leaves_what_was_there(tmp_path, error, before):
    path = tmp_path / "table.csv"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(type(error) if isinstance(error, OSError) else error):  # noqa: SIM117
        with written_atomically(path) as partial:
            partial.write_bytes(b"half of")
            raise error
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_the_file_changes_at_the_end_of_the_block_and_not_before(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"before")
    with written_atomically(path) as partial, partial.open("wb") as file:
        file.write(b"af")
        file.flush()
        assert path.read_bytes() == b"before"
        file.write(b"ter")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_two_who_write_the_same_file_do_not_mix(tmp_path):
    path = tmp_path / "table.csv"
    with written_atomically(path) as one, written_atomically(path) as two:
        assert one != two
        one.write_bytes(b"one" * 100)
        two.write_bytes(b"two")
    assert path.read_bytes() == b"one" * 100
    assert list(tmp_path.iterdir()) == [path]


def test_the_suffix_stays_and_the_longest_names_fit(tmp_path):
    path = tmp_path / f"{'a' * 251}.png"
    with written_atomically(path) as partial:
        assert partial.suffix == ".png"
        partial.write_bytes(b"after")
    assert path.read_bytes() == b"after"


def test_others_may_read_it_as_far_as_the_umask_lets_them(tmp_path):
    before = os.umask(0o027)
    try:
        with written_atomically(tmp_path / "a") as partial:
            partial.write_bytes(b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_link_leads_where_it_led(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path, link = tmp_path / "elsewhere" / "table.csv", tmp_path / "link.csv"
    path.write_bytes(b"before")
    link.symlink_to(path)
    with written_atomically(link) as partial:
        partial.write_bytes(b"after")
    assert link.is_symlink()
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("kind", ["a loop", "a pipe", "a device", "a folder"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind):
    """A rename would put a table where /dev/null was."""
    path = tmp_path / "table.csv"
    if kind == "a loop":
        path.symlink_to(path)
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/null")
    else:
        path.mkdir()
    before = path.lstat()
    with pytest.raises(OSError, match=r"table\.csv"):  # noqa: SIM117
        with written_atomically(path) as partial:
            partial.write_bytes(b"after")
    assert path.lstat().st_ino == before.st_ino and os.listdir(tmp_path) == ["table.csv"]
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("place", ["full", "gone", "of a file"])
def test_the_error_names_the_file_and_not_what_is_beside_it(tmp_path, place):
    path = tmp_path / "table.csv"
    if place != "full":
        path = tmp_path / "folder" / "table.csv"
    if place == "of a file":
        path.parent.write_bytes(b"")
    with pytest.raises(OSError) as caught:  # noqa: SIM117
        with written_atomically(path):
            raise OSError(28, "No space left on device")
    assert caught.value.filename == str(path)


def test_errors_of_something_else_are_as_they_were(tmp_path):
    """Such as those of a server, from which what is written comes."""
    for error in (OSError("no route"), ConnectionError(111, "refused"), OSError(2, "none", "/x/y")):
        with pytest.raises(OSError) as caught:  # noqa: SIM117
            with written_atomically(tmp_path / "table.csv"):
                raise error
        assert caught.value is error


# Those who use it: the figures' are tried in tests/examples, the pictures' in tests/symbolic


def test_a_table_of_times_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    write_table("times.csv", [{"a": 1}], folder=tmp_path / "new", packages=["numpy"])
    path = tmp_path / "new" / "times.csv"
    before = path.read_bytes()
    rows = [{"a": k} for k in range(10_000)]  # more than a buffer holds
    with pytest.raises(KeyboardInterrupt):
        write_table("times.csv", [*rows, {"a": Nothing()}], folder=path.parent)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["a"] for row in csv.DictReader(file)] == ["1"]


# Nobody goes past it

METHODS = {"write_text", "write_bytes", "savefig", "tofile", "to_csv", "touch", "rename"}
FUNCTIONS = {
    **dict.fromkeys(("NamedTemporaryFile", "mkstemp", "urlretrieve"), 0),
    **dict.fromkeys(("save", "savez", "savez_compressed", "savetxt"), 1),
    **dict.fromkeys(("copy", "copy2", "copyfile", "copytree", "move"), 2),
}
"""What writes a file, the functions with the least number of arguments with which they do: x.copy()
is of something else. What writes to an open file, as json.dump, needs it opened first."""
ATOMIC_BY_ITSELF = frozenset({"self._manager"})
"""Orbax's, which writes a folder beside its place and renames it at the end."""


def direct_writes(source: str) -> list[str]:
    """The calls that write a file whose path is not one of `written_atomically`, as line: code."""
    found: list[str] = []

    def visit(node: ast.AST, safe: frozenset[str]) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            safe = frozenset(buffers_of(node))
        if isinstance(node, ast.With):
            for item in node.items:
                visit(item.context_expr, safe)
                if called(item.context_expr) == "written_atomically":
                    safe |= {ast.unparse(item.optional_vars or item.context_expr)}
            for statement in node.body:
                visit(statement, safe)
            return
        if (
            isinstance(node, ast.Call)
            and writes(node)
            and not (safe | ATOMIC_BY_ITSELF) & set(operands(node))
        ):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
        for child in ast.iter_child_nodes(node):
            visit(child, safe)

    visit(ast.parse(source), frozenset())
    return found


def called(node: ast.AST) -> str | None:
    """The last name of what is called."""
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None


def writes(call: ast.Call) -> bool:
    name, method = called(call), isinstance(call.func, ast.Attribute)
    if name == "open":
        given = [*call.args[not method : 2], *(k.value for k in call.keywords if k.arg == "mode")]
        modes = [str(word.value) for word in given if isinstance(word, ast.Constant)]
        return any(set(mode) & set("wax+") and set(mode) <= set("wax+rbt") for mode in modes)
    if name in METHODS:
        return method
    return name in FUNCTIONS and len(call.args) >= FUNCTIONS[name]


def operands(call: ast.Call) -> list[str]:
    """What could be the path: the object of a method, and the first argument."""
    nodes = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return [ast.unparse(node) for node in (*nodes, *call.args[:1])]


def buffers_of(function: ast.AST) -> list[str]:
    """The names for a BytesIO or StringIO, which are in memory."""
    return [
        ast.unparse(target)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and called(node.value) in ("BytesIO", "StringIO")
        for target in node.targets
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_written_but_through_the_helper(path):
    assert direct_writes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("Path('a').write_text('b')", 1),
        ("open('a', 'w')", 1),
        ("path.open(mode='ab')", 1),
        ("open('a', encoding='utf-8')", 0),
        ("tarfile.open(archive, 'r:gz')", 0),
        ("figure.savefig(path)", 1),
        ("def f():\n    buffer = BytesIO()\n    figure.savefig(buffer)", 0),
        ("np.save('a.npy', x); json.dumps(x)", 1),
        ("rows.copy(); copy(self); shutil.copy(a, b); mkstemp()", 2),
        ("with written_atomically(path) as partial:\n    partial.write_text('b')", 0),
        ("with written_atomically(path) as partial:\n    figure.savefig(partial)", 0),
        ("with written_atomically(path) as p, p.open('w') as file:\n    json.dump(x, file)", 0),
        ("with written_atomically(path) as partial:\n    path.write_text('b')", 1),
        ("with written_atomically(path) as p:\n    pass\np.write_text('b')", 1),
        ("with written_atomically(path) as p:\n    def f(p):\n        p.write_text('b')", 1),
    ],
)
def test_what_goes_past_the_helper_is_seen(code, count):
    assert len(direct_writes(code)) == count
