"""Shares of a departure that are explained: how they are computed, tabulated and told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from examples.paper.results import Row


def explained(left: float, departure: float) -> float:
    """1 − left/departure; NaN where nothing departs."""
    return 1 - left / departure if departure else np.nan


def bounds(
    left: float, departure: float, *, left_error: float, departure_error: float
) -> tuple[float, float]:
    """The least and the largest share that the errors of both lengths allow, by the triangle rule.

    NaN where nothing is known to depart.
    """
    if not departure > departure_error:
        return np.nan, np.nan
    low = explained(left + left_error, departure - departure_error)
    return low, explained(max(left - left_error, 0), departure + departure_error)


def norm(v: jax.Array) -> float:
    return float(jnp.linalg.norm(v))


def known(value: str | float | None) -> str | float | None:
    """A number as Python's, and None, an empty field, for one that is not finite."""
    if value is None or isinstance(value, (str, int)):
        return value
    return float(value) if np.isfinite(value) else None


def percent(share: float | None) -> str:
    """A share, with as many digits as it takes to tell it from 100 %."""
    if share is None:
        return "–"
    if share >= 1:
        return "100 %"
    digits = max(0, int(np.ceil(-np.log10(max(1 - share, 1e-12)))) - 2)
    return f"{round(100 * share, digits) + 0.0:.{digits}f} %".replace("-", "−")


def split_by(rows: Sequence[Row], name: str) -> dict[Any, list[Row]]:
    """The rows by what they have in a column, in the order of the table."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


def extent(rows: Sequence[Row], quantity: str = "explained") -> tuple[float, float, float]:
    """The least share that errors allow in any row, the median one, and the largest.

    The columns _low and _high have what errors allow; where they are empty nothing is known.
    """
    known = [row for row in rows if row[quantity] is not None]
    lows, highs = (
        [wild if (bound := row[f"{quantity}_{end}"]) is None else bound for row in known]
        for end, wild in (("low", -np.inf), ("high", np.inf))
    )
    return min(lows), float(np.median([row[quantity] for row in known])), max(highs)
