"""Orders and limits: whole numbers of Python, SymPy or NumPy, and no others."""

from __future__ import annotations

from operator import index
from typing import Any

from bea.errors import InputError


def whole_number(number: Any) -> int | None:
    """The number as an int, if it is a whole number (of SymPy's or NumPy's, too)."""
    try:
        return None if isinstance(number, bool) else index(number)
    except TypeError:
        return None


def counted(number: int, thing: str) -> str:
    """A number of things: 1 coordinate, 2 coordinates.

    Args:
        number: how many.
        thing: the noun for one, with the plural in s.

    Example:
        >>> counted(1, "row"), counted(2, "row")
        ('1 row', '2 rows')
    """
    return f"{number} {thing}{'s' * (number != 1)}"


def checked_order(order: Any) -> int:
    """The order p of an equation or a series.

    Raises:
        InputError: it is no whole number, or negative.
    """
    whole = whole_number(order)
    if whole is None or whole < 0:
        raise InputError(f"the order is {order!r}: it must be a whole number, 0 or more")
    return whole


def checked_limit(name: str, most: Any) -> int:
    """A limit that a caller gives.

    Raises:
        InputError: it is no whole number, or not positive.
    """
    whole = whole_number(most)
    if whole is None or whole < 1:
        raise InputError(f"{name} is {most}: give a whole number, 1 or more")
    return whole


def order_within(order: Any, highest: int, of: str) -> int:
    """An order l that something reaches.

    Args:
        order: l.
        highest: the largest there is.
        of: what it is that has them, such as "this series"; it knows `extended`.

    Raises:
        InputError: it is no whole number from 0 to the highest.
    """
    whole = whole_number(order)
    if whole is None or not 0 <= whole <= highest:
        beyond = whole is not None and whole > highest
        remedy = f": derive it with order={whole}, or call extended({whole})" if beyond else ""
        raise InputError(f"order {order!r} is not among 0 … {highest} of {of}{remedy}")
    return whole
