"""All named methods as the parameters of a test: a dozen at once, the others in `make test-all`."""

from __future__ import annotations

import pytest

from bea import METHODS

QUICK = (
    "euler", "implicit_euler", "heun", "implicit_midpoint", "trapezoidal", "sdirk2", "kutta3",
    "rk4", "gauss4", "lobatto_iiia4", "radau_iia5", "dormand_prince",
)  # fmt: skip
"""Explicit and implicit, rational and irrational, symmetric or not, of orders 1 to 5."""

EVERY_METHOD = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in METHODS
]
