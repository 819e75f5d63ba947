"""A step that remembers its calls, to be called again: is it a function of (θ, h)?

An order is that of a map. A step that keeps something from call to call, draws random numbers or
goes wrong in one call of a hundred is none, and is found out by asking everything twice, the second
time in another order. What is compared is what the measurements asked for, so nothing is missed
that they relied on.
"""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Any

import jax
import mpmath
import numpy as np

from bea.errors import StepError
from bea.flows.precision import double_precision
from bea.numeric.orders.user_step import Step, check_is_point

MOST = 400
"""Calls that are remembered between two examinations."""
LAST_DIGITS = 256
"""Sums in another order differ in so many units in the last place, and no more."""


class RecordedStep:
    """A step and its calls since the last examination.

    Args:
        step: (θ, h) ↦ θ⁺.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._calls: list[tuple[Any, Any, int, list[Any]]] = []

    def __call__(self, theta: Any, h: Any) -> Any:
        """θ⁺; what is no point, or was changed in place, is refused.

        Raises:
            StepError: there is no θ⁺.
        """
        before = deepcopy(theta) if isinstance(theta, (np.ndarray, list, dict)) else theta
        after = self._step(theta, h)
        check_is_point(after)
        if len(self._calls) < MOST:
            with suppress(TypeError, ValueError):  # no numbers: who asked for them says so
                self._calls.append((before, h, mpmath.mp.dps, _row(after)))
        return after

    def examine(self) -> None:
        """Repeat the calls in a shuffled order and compare.

        Raises:
            StepError: a result differs.
        """
        calls, self._calls = self._calls, []
        order = np.random.default_rng(len(calls)).permutation(len(calls))
        for i in order:
            theta, h, digits, expected = calls[i]
            given = deepcopy(theta) if isinstance(theta, (np.ndarray, list, dict)) else theta
            with mpmath.workdps(digits), np.errstate(all="ignore"), double_precision():
                found = _row(self._step(given, h))
                if _agree(found, expected):
                    continue
                size = max(abs(b - a) for a, b in zip(found, expected, strict=False))
            raise StepError(
                f"the step is not a function of (theta, h): called twice at h = "
                f"{mpmath.nstr(mpmath.mpf(h), 5)} and the same theta, it returned points that "
                f"differ by {mpmath.nstr(mpmath.mpf(size), 3)}; does it keep a state, or draw "
                "random numbers?"
            )


def _row(theta: Any) -> list[Any]:
    """All numbers of a point."""
    if isinstance(theta, (list, tuple)) and all(map(np.isscalar, theta)):
        return list(theta)
    leaves = jax.tree.leaves(theta)
    return [x for leaf in leaves for x in np.ravel(np.asarray(leaf)).tolist()]


def _agree(found: list[Any], expected: list[Any]) -> bool:
    """Are they the same points up to the last digits of their arithmetic?"""
    if len(found) != len(expected):
        return False
    size = max((abs(x) for x in expected), default=0)
    exact = any(isinstance(x, mpmath.mpf) for x in expected)
    unit = mpmath.mpf(10) ** -mpmath.mp.dps if exact else np.finfo(float).eps
    return all(
        a == b or (a != a and b != b) or abs(a - b) <= LAST_DIGITS * unit * size
        for a, b in zip(found, expected, strict=True)
    )
