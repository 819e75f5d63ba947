"""What of the parameters of a test is tried at once, and what in `make test-all` alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

from bea import METHODS


def quick(values: Iterable[Any], at_once: Collection[Any]) -> list[Any]:
    """The parameters of a test, of which all but some are marked slow.

    Args:
        values: all of them; a plain tuple if the test has several parameters.
        at_once: those that are not slow.
    """
    return [
        pytest.param(
            *(v if type(v) is tuple else (v,)),
            marks=() if v in at_once else pytest.mark.slow,
        )
        for v in values
    ]


EVERY_METHOD = quick(
    METHODS,
    (
        "euler", "implicit_euler", "heun", "implicit_midpoint", "trapezoidal", "sdirk2", "kutta3",
        "rk4", "gauss4", "lobatto_iiia4", "radau_iia5", "dormand_prince",
    ),
)  # fmt: skip
"""The quick ones: explicit and implicit, rational and irrational, symmetric or not, to order 5."""
