"""Lists, numbers and constants as they are typed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from bea.errors import InputError


def whole(text: str) -> int:
    """A whole number, as `argparse` asks for it."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def entries(text: str) -> list[str]:
    """What stands between the commas of a text, but for those within brackets.

    Example:
        >>> entries("atan2(y, x), -x")
        ['atan2(y, x)', ' -x']
    """
    found, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += character
    return found


def components(given: Sequence[str]) -> list[str]:
    """The components of `--field "y,-x"`, of `--field y --field=-x`, or of both in a row."""
    return [entry for text in given for entry in entries(text)]


def point(text: str) -> Any:
    """The point of `--at 2.8,7/2`, or by names, `--at a=2.8,b=7/2`."""
    from bea.symbolic.parsing.text import parse_numbers

    if "=" not in text:
        return parse_numbers(text)
    pairs = [_assignment(entry, "--at") for entry in entries(text)]
    if len(dict(pairs)) < len(pairs):
        raise InputError(f"--at {text!r} names a parameter twice")
    return dict(pairs)


def settings(given: Iterable[str]) -> dict[str, Any]:
    """The values of `--set a=2 --set b=1/3`, or of `--set a=2,b=1/3`, by name.

    Raises:
        InputError: one has no value, or two.
    """
    values: dict[str, Any] = {}
    for text in given:
        parts = entries(text)
        if "=" in text and not all("=" in part for part in parts):
            raise InputError(f"--set {text!r} has no value for each name: write --set x=1,y=2")
        for name, value in (_assignment(part, "--set") for part in parts):
            if name in values:
                raise InputError(f"--set gives {name} two values: leave one out")
            values[name] = value
    return values


def _assignment(text: str, option: str) -> tuple[str, Any]:
    from bea.symbolic.parsing.text import parse_number, parse_symbols

    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{option} {text!r} has no value: write {option} name=number")
    symbols = parse_symbols(name, name=option)
    if len(symbols) > 1:
        raise InputError(f"{option} {text!r} has one value for several names: write one for each")
    return symbols[0].name, parse_number(value, name=f"{option} {symbols[0].name}")
