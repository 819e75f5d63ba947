"""`bea --version`: of `bea`, and of what its answers depend on. Nothing of it is imported."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from bea import __version__

BESIDE = {"SymPy": "sympy", "python-flint": "python-flint", "JAX": "jax"}
"""Packages by the names under which people know them."""


class VersionAction(argparse.Action):
    """Print the versions, and end."""

    def __init__(self, option_strings: list[str], dest: str, **_: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the versions, and end")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """What `argparse` calls."""
        parser._print_message(f"{versions()}\n", sys.stdout)
        parser.exit()


def versions() -> str:
    """One line with all of them."""
    from importlib.metadata import PackageNotFoundError, version

    found = [f"Python {'.'.join(map(str, sys.version_info[:3]))}"]
    for name, package in BESIDE.items():
        try:
            found.append(f"{name} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return f"bea {__version__} ({', '.join(found)})"
