"""Numbers as they are typed: an order, a point, the values of constants."""

from __future__ import annotations

import argparse
from typing import Any

from bea.errors import InputError


def whole(text: str) -> int:
    """A whole number, as `argparse` asks for it."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def point(text: str) -> Any:
    """The point of `--at 2.8,7/2`, or by names, `--at a=2.8,b=7/2`."""
    from bea.symbolic.parsing.text import parse_numbers

    if "=" not in text:
        return parse_numbers(text)
    pairs = [assignment(entry, "--at") for entry in text.split(",")]
    if len(dict(pairs)) < len(pairs):
        raise InputError(f"--at {text!r} names a parameter twice")
    return dict(pairs)


def assignment(text: str, option: str = "--set") -> tuple[str, Any]:
    """The name and the number of `a=2`."""
    from bea.symbolic.parsing.text import parse_number, parse_symbols

    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{option} {text!r} has no value: write {option} name=number")
    symbols = parse_symbols(name, name=option)
    if len(symbols) > 1:
        raise InputError(
            f"{option} {text!r} has one value for several names: write one {option} for each"
        )
    return symbols[0].name, parse_number(value, name=f"{option} {symbols[0].name}")
