"""Is the step the same map where nothing was measured: far away, and at larger step sizes?

An order is a limit at a point. A step that is its method's own there to all digits should be it
everywhere, and then there is nothing to estimate: the two are compared, one call each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from bea.errors import StepError
from bea.numeric.orders.fits import norm
from bea.numeric.orders.report import OrderReport
from bea.numeric.orders.user_step import FLOW_DIGITS, Comparison

Named = tuple[str, Any]
ComparisonOfSteps = Callable[[float], Comparison]
"""h ↦ by how much two steps from one point differ."""

LARGER, SMALLER = range(-1, 9), (6, 12)
"""The k of step sizes T/2^k near the points that were measured, and far away."""
SAME, OTHER = 1e-9, 1e-8
JUMP, FALLS = 2.0**-20, 2.0**-26
"""What is smooth in h falls by 2^−q when h is halved; what agrees to 10⁻⁹ at T/2⁸, by q ≥ 4."""

MAX_DOUBLINGS = 60
SHARE = 1e-3
"""Of f_{p+1}·h^{p+2}: what is off by less is not another f_{p+1}."""


class FarAway:
    """A comparison of a step with its method's own.

    Args:
        at: θ ↦ their comparison there; both functions may raise anything where one of the two steps
            has no value.
    """

    def __init__(self, at: Callable[[Any], ComparisonOfSteps]) -> None:
        self._at = at

    def look(self, near: Named, far: Iterable[Named], time: float) -> None:
        """Compare the two at larger step sizes, and then at other points.

        Args:
            near: a point among those that were measured, or near them, after what to call it.
            far: the other points, likewise.
            time: T, the time scale of the field near the first.

        Raises:
            StepError: they are the same near the first point for small h, and differ far away.
        """
        here, point = near
        compared = self._compared_at(point)
        off = [_relative(compared(time / 2**k)) for k in LARGER]
        if any(x is None for x in off[-3:]) or max(x or 0.0 for x in off[-3:]) > SAME:
            return
        for k, (x, closer) in zip(LARGER, pairwise(off), strict=False):
            if x is not None and closer is not None and x > OTHER and closer < x * JUMP:
                raise StepError(
                    f"the step is that of the equation at h = {time / 2 ** (k + 1):.3g} and "
                    f"smaller, and another one at h = {time / 2**k:.3g}, at {here}"
                )
        for there, point in far:
            compared = self._compared_at(point)
            x, closer = (_relative(compared(time / 2**k)) for k in SMALLER)
            if x is not None and closer is not None and x > OTHER and closer > x * FALLS:
                raise StepError(
                    f"the step is that of the equation at {here}, and another one at {there}"
                )

    def shows(self, near: Any, report: OrderReport, parts: Mapping[str, slice]) -> set[str]:
        """The components in which the step is its method's own at larger step sizes.

        There f_{p+1} of a slow component is seen although that of a fast one hides it, or makes it
        round-off, at the step sizes of a local error.

        Args:
            near: the point of the report, or near it.
            report: of the order p.
            parts: the components, by name.
        """
        p, seen = report.order, set[str]()
        expected = {c.name: c.expected for c in report.components}
        compared = self._compared_at(near)
        for k in range(0, MAX_DOUBLINGS, 2):
            h = report.time_scale * 2.0**k
            found = compared(h)
            if found is None:
                break
            for name, part in parts.items():
                leading = mpmath.mpf(expected[name]) * mpmath.mpf(h) ** (p + 2)
                if SHARE * leading > norm(found.rounding[part]):
                    if norm(found.off[part]) > SHARE * leading:
                        return seen  # another map, whose difference is no round-off
                    seen.add(name)
        return seen

    def _compared_at(self, theta: Any) -> Callable[[float], Comparison | None]:
        """H ↦ the comparison at a point, None where one of the steps has no value."""
        made = cache(lambda: self._at(theta))

        def compared(h: float) -> Comparison | None:
            with mpmath.workdps(FLOW_DIGITS), np.errstate(all="ignore"):
                try:
                    return made()(h)
                except Exception:  # whatever a user's function raises where it is not defined
                    return None

        return compared


def _relative(found: Comparison | None) -> float | None:
    return None if found is None else found.relative
