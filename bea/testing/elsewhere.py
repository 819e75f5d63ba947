"""Is the step the same map where nothing was measured: far away, and at larger step sizes?

An order is a limit at a point. A step that is its method's own there to all digits should be it
everywhere, and then there is nothing to estimate: the two are compared, one call each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from bea.errors import StepError
from bea.numeric.own_step import FLOW_DIGITS

Named = tuple[str, Any]

LARGER, SMALLER = range(-1, 9), (6, 12)
"""The k of step sizes T/2^k near the points that were measured, and far away."""
SAME, OTHER = 1e-9, 1e-8
JUMP, FALLS = 2.0**-20, 2.0**-26
"""What is smooth in h falls by 2^−q when h is halved; what agrees to 10⁻⁹ at T/2⁸, by q ≥ 4."""


class Elsewhere:
    """A comparison of a step with its method's own.

    Args:
        off: (θ, h) ↦ by how much they differ, relative to what moves; it may raise anything where
            one of the two has no value.
    """

    def __init__(self, off: Callable[[Any, float], float]) -> None:
        self._off = off

    def look(self, near: Named, far: Iterable[Named], time: float) -> None:
        """Compare the two at larger step sizes, and then at other points.

        Args:
            near: a point among those that were measured, or near them, after what to call it.
            far: the other points, likewise.
            time: T, the time scale of the field near the first.

        Raises:
            StepError: they are the same near the first point for small h, and differ elsewhere.
        """
        here, point = near
        off = [self._at(point, time / 2**k) for k in LARGER]
        if any(x is None for x in off[-3:]) or max(x or 0.0 for x in off[-3:]) > SAME:
            return
        for k, (x, closer) in zip(LARGER, pairwise(off), strict=False):
            if x is not None and closer is not None and x > OTHER and closer < x * JUMP:
                raise StepError(
                    f"the step is that of the equation at h = {time / 2 ** (k + 1):.3g} and "
                    f"smaller, and another one at h = {time / 2**k:.3g}, at {here}"
                )
        for there, point in far:
            x, closer = (self._at(point, time / 2**k) for k in SMALLER)
            if x is not None and closer is not None and x > OTHER and closer > x * FALLS:
                raise StepError(
                    f"the step is that of the equation at {here}, and another one at {there}"
                )

    def _at(self, theta: Any, h: float) -> float | None:
        with mpmath.workdps(FLOW_DIGITS), np.errstate(all="ignore"):
            try:
                return self._off(theta, h)
            except Exception:  # whatever a user's function raises where it is not defined
                return None
