"""What must not happen while a stranger's text is read: no code runs, nothing opens, nothing warns.

Python tells an audit hook of all of that. A hook stays for good, so it looks the other way but for
the time inside `watched`.
"""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 5.0
"""Processor time that one input may take."""

Permission = Callable[[str, tuple[Any, ...]], bool]
"""(event, its arguments) ↦ may it happen?"""

HARMLESS = ("array.__new__", "object.__getattr__", "sys._getframe", "builtins.id")
"""Events of looking at things and of counting primes, none of which a text can aim at anything."""

LIBRARIES = ("sympy", "mpmath", "flint")
"""What imports modules of its own when it first needs them."""


WRITTEN = ("hypsum_", "monomial_")
"""What functions are called that these libraries write for themselves."""


class Violation(BaseException):
    """Something happened that must not; no `except Exception` of the package hides it."""


_permissions: list[Permission] = []
_violations: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _permissions or event in HARMLESS or _permissions[-1](event, arguments):
        return
    if event == "import" and arguments[0].startswith(LIBRARIES):
        return
    if _is_of_a_library(event, arguments):
        return
    if _inside_an_import():
        return
    _violations.append(f"{event}{tuple(map(_short, arguments))}")
    raise Violation(_violations[-1])


def _is_of_a_library(event: str, arguments: tuple[Any, ...]) -> bool:
    """Do mpmath or SymPy write a loop for a series or a monomial?

    It depends on the kinds and the number of its arguments, not on their values or on any name.
    """
    if event == "compile":
        source = arguments[0].decode() if isinstance(arguments[0], bytes) else str(arguments[0])
        return arguments[1] == "<string>" and source.startswith(tuple(f"def {w}" for w in WRITTEN))
    if event == "exec":
        names = arguments[0].co_names
        return len(names) == 1 and names[0].startswith(WRITTEN)
    return False


def _inside_an_import() -> bool:
    """Is a module being loaded? That it may be was asked before."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame.f_back is not None


def _short(argument: Any) -> str:
    return repr(argument)[:200]


def _too_slow(*_: object) -> None:
    raise Violation(f"more than {SECONDS} s of processor time")


@contextmanager
def watched(permitted: Permission) -> Iterator[None]:
    """Raise a `Violation` for a forbidden event or a long time, and make warnings errors."""
    _install()
    before = signal.signal(signal.SIGVTALRM, _too_slow)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _violations.clear()
        _permissions.append(permitted)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            _permissions.pop()
            signal.signal(signal.SIGVTALRM, before)
    if _violations:
        raise Violation(_violations.pop())


_installed = False


def _install() -> None:
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
