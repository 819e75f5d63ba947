"""A step against a modified equation in coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from bea.errors import StepError
from bea.numeric import checks
from bea.numeric.local_error import Precision, in_coordinates
from bea.numeric.order_report import OrderReport
from bea.numeric.own_step import FLOW_DIGITS, Step, StepInFloat64, StepInMultiprecision
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.series import modified_series
from bea.testing.points import far_points, generic_points, neighbour
from bea.testing.subject import ENOUGH, Reports, Subject

LARGER, SMALLER = range(-1, 9), (6, 12)
"""The k of step sizes T/2^k near the points that were measured, and far away."""
SAME, OTHER = 1e-9, 1e-8
JUMP, FALLS = 2.0**-20, 2.0**-26
"""What is smooth in h falls by 2^−q when h is halved; what agrees to 10⁻⁹ at T/2⁸, by q ≥ 4."""


class OnEquation(Subject):
    """A modified equation in coordinates."""

    def __init__(
        self,
        step: Step,
        equation: ModifiedEquation,
        order: int | None,
        at: Any,
        constants: Mapping[Any, Any] | None,
        sizes: Sequence[Any] | None,
        precision: Precision,
    ) -> None:
        super().__init__(step, sizes)
        self.order = checks.order(equation, order)
        self.title = f"the {equation.kind} of {equation.problem.title}"
        self._equation, self._constants = equation, constants
        self._values = checks.constants(equation, constants or {})
        equation.to_mpmath(0, self._values)  # refuses what has no value
        self._given = None if at is None else _points(equation, at)
        self._asked_precision: Precision = precision

    def points(self) -> Iterator[tuple[Any, bool]]:
        """The given points and a neighbour of each, or generic ones."""
        if self._given is None:
            yield from ((p, False) for p in generic_points(len(self._equation.params)))
            return
        for point in self._given:
            yield point, True
        for point in self._given:
            theta = np.array([float(t) for t in checks.point(self._equation, point)])
            yield from ((neighbour(theta, i), False) for i in range(ENOUGH))

    def reports_at(self, point: Any, precision: Precision = "auto") -> Reports:
        """By `in_coordinates`, further orders when they are asked for."""
        found: dict[int, Reports] = {}

        @cache
        def report(p: int) -> OrderReport:
            highest = max(p, self.order)
            if highest not in found:
                found[highest] = in_coordinates(
                    self._equation, point, highest, self._constants, self.step, self.sizes,
                    self._precision(point) if precision == "auto" else precision,
                    lambda report: self.verdict(report) == "confirmed",
                )  # fmt: skip
            return found[highest](p)

        return report

    def look_elsewhere(self, confirmed: Sequence[OrderReport]) -> None:
        """Where the step is the equation's own to all digits, it must be that everywhere."""
        method = self._equation.method
        if self._given is not None or self.sizes is not None:
            return
        if self._equation.is_modifying or method is None or not method.is_explicit:
            return  # an implicit step may run off, and never end
        m = len(self._equation.params)
        at = Off(self.step, self._equation, self._values, confirmed[-1].precision == "mpmath")
        time = min(report.time_scale for report in confirmed)
        near = next(generic_points(m))
        off = [at(near, time / 2**k) for k in LARGER]
        if any(x is None for x in off[-3:]) or max(x or 0.0 for x in off[-3:]) > SAME:
            return
        for k, (x, closer) in zip(LARGER, pairwise(off), strict=False):
            if x is not None and closer is not None and x > OTHER and closer < x * JUMP:
                raise StepError(
                    f"the step is that of the equation at h = {time / 2 ** (k + 1):.3g} and "
                    f"smaller, and another one at h = {time / 2**k:.3g}, at θ = {self.shown(near)}"
                )
        for point in far_points(m):
            x, closer = (at(point, time / 2**k) for k in SMALLER)
            if x is not None and closer is not None and x > OTHER and closer > x * FALLS:
                raise StepError(
                    f"the step is that of the equation at θ = {self.shown(near)}, and another one "
                    f"at θ = {self.shown(point)}"
                )

    def _precision(self, point: Any) -> Precision:
        """Multiprecision if the step computes in it, else float64."""
        if self._asked_precision != "auto":
            return self._asked_precision
        theta = checks.point(self._equation, point)
        with mpmath.workdps(60):
            tried = StepInMultiprecision(self._equation.extended(0), theta, self._values, self.step)
            return "mpmath" if tried.is_exact else "float64"

    def is_known_to_vanish(self, l: int) -> bool:
        """Does the series of the method have no term with h^l?"""
        method = self._equation.method
        if method is None or method.symbols or self._equation.is_modifying:
            return False
        return not modified_series(method, l).terms(l)

    @property
    def lower_orders(self) -> range:
        """None for a modifying integrator: a step has its field of one order."""
        return range(0) if self._equation.is_modifying else range(self.order)


class Off:
    """By how much a step is not the equation's own, at any point and step size.

    Args:
        step: (θ, h) ↦ θ⁺.
        equation: whose method, or symbolic step, is the other one.
        values: of the constants.
        exact: whether to give the step mpmath numbers, and not float64.
    """

    def __init__(
        self, step: Step, equation: ModifiedEquation, values: Mapping[str, Any], exact: bool
    ) -> None:
        self._step, self._equation, self._values = step, equation.extended(0), values
        self._kind = StepInMultiprecision if exact else StepInFloat64

    def __call__(self, theta: np.ndarray, h: float) -> float | None:
        """Relative to what moves; None where one of the two has no finite value."""
        point = checks.point(self._equation, theta)
        with mpmath.workdps(FLOW_DIGITS), np.errstate(all="ignore"):
            try:
                both = self._kind(self._equation, point, self._values, self._step)
                return both.off_the_method(both.number(h), 0)
            except Exception:  # whatever a user's function raises where it is not defined
                return None


def _points(equation: ModifiedEquation, at: Any) -> list[Any]:
    """One point or a list of them, as a list, and all of them numbers."""
    entries = list(at) if np.iterable(at) and not isinstance(at, (str, Mapping)) else [at]
    several = bool(entries) and all(
        np.iterable(entry) and not isinstance(entry, str) for entry in entries
    )
    points = entries if several else [at]
    for point in points:
        checks.point(equation, point)
    return points
