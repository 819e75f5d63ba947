"""Any arguments end `bea.cli.main` with an exit status and, at 2, one line that says why.

Orders are low and losses short, so that an input takes milliseconds; `bea verify` checks its
arguments but measures nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from importlib import import_module
from itertools import islice, pairwise
from pkgutil import walk_packages
from types import CodeType
from typing import Any
from unittest.mock import patch

import bea.cli
import bea.symbolic
from bea import cli
from fuzz.watch import Permission, Violation, watched
from fuzz.words import in_a_row

# What a command imports where it is used, now and not under the eyes of `watched`.
for package in (bea.cli, bea.symbolic):
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)
import_module("bea.numeric.orders.local_error")

LOSSES = (
    *("(3/5 - a*b)**2/2", "a", "x**2*y", "log(a)", "sin(a*b)", "a*c + h", "abs(a)", "1/a", "0"),
    *("-", "e**a", "exp(1)*a", "erfc(a)", "atan2(a, b)", "gamma*a"),
)
FIELDS = (
    "y",
    "-x",
    "a*h",
    "sqrt(x)",
    "0",
    "1/0",
    "exp(x",
    "y - x**2",
    "y,-x",
    "atan2(y, x),0",
    ",",
)
STEPS = ("x + h*y", "y - h*x", "x", "y", "x + 1", "x + h/x", "x*exp(h)", "x + sqrt(h)", "x+h,y")
FILES = ("-", "no-such-folder/loss.txt", "", "\0", "\udc80")
NAMES = ("a,b", "a", "x,y", "x", "h", "a,a", "", "exp", "pi", "a b", "θ", "_x", "lambda")
ORDERS = ("0", "1", "2", "-1", "2.5", "x", "", " 1", "0_1", "٢", "9" * 30, "0x1")
METHODS = ("euler", "rk4", "implicit_midpoint", "gauss4", "RK4", "rk5", "")
ROWS = ("0", "0,0; 1/2,0", "alpha", "0,0; r,0", "1/2", "sqrt(2)/2", "0,0; 1", ";", "", "h", "1e400")
WEIGHTS = ("1", "0,1", "1/2,1/2", "1-1/(2*r), 1/(2*r)", "1-alpha, alpha", "2", "", ",", "one(two)")
POINTS = ("2.8,7/2", "-1", "1,0.5", "sqrt(2)", "nan", "1e999", "", ",", "a", "1/0,1")
SETTINGS = (
    "c=1",
    "h=2",
    "a=1",
    "c",
    "=",
    "c=",
    "c=x",
    "alpha=1/2",
    "c=1=2",
    "x,y=1",
    "c=1,h=2",
    "c=1/0",
)

METHOD = {"--method": METHODS, "--A": ROWS, "--b": WEIGHTS}
PROBLEM = {
    **{"": LOSSES, "--params": NAMES, "--field": FIELDS, "--step": STEPS, "--order": ORDERS},
    **{
        "--step-size": ("h", "t", "a", "", "h k", "-0.1", "nan"),
        "--file": FILES,
        "--set": SETTINGS,
        "--most-terms": ("9", "1000", "0", "x"),
        **METHOD,
    },
}
COMMANDS: dict[str, dict[str, tuple[str, ...]]] = {
    "derive": {**PROBLEM, "--format": ("text", "latex", "json", "python", "html")},
    "verify": {
        **PROBLEM,
        **{"--at": POINTS, "--step-sizes": ("1,2,3,4", "0", "1e-3,1e-2")},
        **{"--precision": ("auto", "float64", "mpmath", "half"), "--format": ("text", "json")},
    },
    "series": {
        **METHOD,
        **{
            "--order": (*ORDERS, "3", "4", "40"),
            "--most-trees": ("0", "-1", "2.5", "x", "", "3", "100"),
        },
        **{"--modifying": (), "--gradient": (), "--picture": ("trees.gif", "", ".")},
        "--format": ("text", "latex", "json"),
    },
    "methods": {"--format": ("text", "json", "html")},
    "completion": {"": ("bash", "zsh", "fish", "ksh")},
    "": {"": ("--help", "--version", "differentiate", "-h", "--", "derive", "-1")},
}
"""The options of each command, with values: some that make sense and some that do not."""

MAX_ARGUMENTS = 12


def arguments(data: bytes) -> list[str]:
    """The command line that the bytes stand for.

    A byte chooses the command, and then by turns one an option and one its value; from 240 on that
    is text, of up to eight words.
    """
    source = iter(data)
    command = list(COMMANDS)[next(source, 0) % len(COMMANDS)]
    options = list(COMMANDS[command].items())
    words = [command] if command else []
    for option, byte in zip(source, source, strict=False):
        name, values = options[option % len(options)]
        words += [name] * bool(name)
        if byte >= 240:
            words.append(in_a_row(bytes(islice(source, byte % 8 + 1))))
        elif values:
            words.append(values[byte % len(values)])
        if len(words) > MAX_ARGUMENTS:
            break
    return words


def seeds() -> Iterator[bytes]:
    """One option after the other for each command."""
    for command, options in enumerate(COMMANDS.values()):
        for shift in range(12):
            pairs = (bytes([option, shift]) for option in range(len(options)))
            yield bytes([command]) + b"".join(pairs)


def check(data: bytes) -> None:
    """Run the command line that the bytes stand for.

    Raises:
        Violation: it ended in another way than the documented ones, or something happened besides.
    """
    words = arguments(data)
    out, err = _stream(), _stream()
    nothing_measured = patch("bea.numeric.orders.local_error.verify_orders", lambda *_, **__: [])
    no_package_read = patch("bea.cli.versions.versions", lambda: "bea")
    some_loss = patch("sys.stdin", io.StringIO("a**2\n * b"))
    streams = (some_loss, redirect_stdout(out), redirect_stderr(err))
    with ExitStack() as stack:
        for context in (nothing_measured, no_package_read, *streams):
            stack.enter_context(context)
        stack.enter_context(watched(_only_lambdified_and_files(words)))
        status = _status(words)
    printed, said = _text(out), _text(err)
    if status not in (0, 1, 2):
        raise Violation(f"exit status {status} of {words}")
    if status == 2:
        line = said.removesuffix("\n")
        if printed or not line.startswith("bea") or not line.isprintable():
            raise Violation(f"{words}: {printed!r} and {said!r}")


def _status(words: list[str]) -> Any:
    try:
        return cli.main(words)
    except SystemExit as end:
        return end.code


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def _only_lambdified_and_files(words: list[str]) -> Permission:
    """The file that --file names may be opened, too."""
    named = {after for word, after in pairwise(words) if word == "--file"}
    named |= {word.removeprefix("--file=") for word in words}

    def permitted(event: str, arguments: tuple[Any, ...]) -> bool:
        return (event == "open" and arguments[0] in named) or _only_lambdified(event, arguments)

    return permitted


def _only_lambdified(event: str, arguments: tuple[Any, ...]) -> bool:
    """SymPy's `lambdify` writes code for an expression, and runs a line that imports mpmath."""
    if event == "compile":
        return arguments[1] in ("<unknown>", "<string>") or _is_lambdified(arguments[1])
    if event == "exec":
        code: CodeType = arguments[0]
        return code.co_filename == "<string>" or _is_lambdified(code.co_filename)
    return False


def _is_lambdified(file: str) -> bool:
    return str(file).startswith("<lambdifygenerated")
