"""A step against a modified equation in coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from bea.numeric.orders import checks
from bea.numeric.orders.corrections import Corrections
from bea.numeric.orders.local_error import Precision, in_coordinates
from bea.numeric.orders.report import OrderReport
from bea.numeric.orders.user_step import Step, StepInFloat64, StepInMultiprecision
from bea.symbolic.equation import ModifiedEquation
from bea.testing.points import far_points, generic_points, neighbour
from bea.testing.references.far_away import ComparisonOfSteps, FarAway
from bea.testing.references.reference import ENOUGH, NEIGHBOURS, Reference, Reports


class EquationReference(Reference):
    """A modified equation in coordinates."""

    def __init__(
        self,
        step: Step,
        equation: ModifiedEquation,
        order: int | None,
        *,
        at: Any,
        constants: Mapping[Any, Any] | None,
        sizes: Sequence[Any] | None,
        precision: Precision,
    ) -> None:
        super().__init__(step, sizes)
        self.order = checks.order(equation, order)
        self.title = f"the {equation.kind} of {equation.problem.title}"
        self._equation, self._corrections = equation, Corrections.of(equation, constants)
        self._given = None if at is None else _points(equation, at)
        self.enough = max(ENOUGH, len(self._given or ()))
        self._asked_precision: Precision = precision

    def points(self) -> Iterator[tuple[Any, bool]]:
        """The given points and then neighbours of each in turn, or generic ones."""
        if self._given is None:
            yield from ((p, False) for p in generic_points(len(self._equation.params)))
            return
        for point in self._given:
            yield point, True
        given = [
            np.array([float(t) for t in checks.point(self._equation, point)])
            for point in self._given
        ]
        yield from ((neighbour(theta, i), False) for i in range(NEIGHBOURS) for theta in given)

    def reports_at(self, point: Any, precision: Precision = "auto") -> Reports:
        """By `in_coordinates`, further orders when they are asked for."""
        found: dict[int, Reports] = {}
        theta = checks.point(self._equation, point)

        @cache
        def report(p: int) -> OrderReport:
            highest = max(p, self.order)
            if highest not in found:
                found[highest] = in_coordinates(
                    self._corrections, theta, highest, step=self.step, sizes=self.sizes,
                    precision=self._precision(theta) if precision == "auto" else precision,
                    settles=lambda report: self.verdict(report) == "confirmed",
                )  # fmt: skip
            return found[highest](p)

        return report

    def look_elsewhere(self, confirmed: Sequence[OrderReport]) -> None:
        """Where the step is the equation's own to all digits, it must be that everywhere."""
        if self._given is not None or self.sizes is not None:
            return
        m = len(self._equation.params)
        near, far = self.named(next(generic_points(m))), map(self.named, far_points(m))
        time = min(report.time_scale for report in confirmed)
        self._elsewhere(confirmed[-1].precision).look(near, far, time)

    def shown_by_the_method(self, report: OrderReport) -> set[str]:
        """By the equation's own step, if it is explicit or a formula."""
        if self._equation.method is not None and not self._equation.method.is_explicit:
            return set()
        parts = {q.name: slice(i, i + 1) for i, q in enumerate(self._equation.params)}
        near, _ = next(self.points())
        return self._elsewhere(report.precision).shows(near, report, parts)

    def _elsewhere(self, precision: str) -> FarAway:
        p = self.order if self._equation.is_modifying else 0
        kind = StepInMultiprecision if precision == "mpmath" else StepInFloat64
        corrections = self._corrections.extended(p)

        def at(point: Any) -> ComparisonOfSteps:
            both = kind(corrections, checks.point(self._equation, point), step=self.step)
            return lambda h: both.off_the_method(both.number(h), p)

        return FarAway(at)

    def _precision(self, theta: Sequence[sp.Expr]) -> Precision:
        """Multiprecision if the step computes in it, else float64."""
        if self._asked_precision != "auto":
            return self._asked_precision
        with mpmath.workdps(60):
            tried = StepInMultiprecision(self._corrections.extended(0), theta, step=self.step)
            return "mpmath" if tried.is_exact else "float64"

    def is_known_to_vanish(self, l: int) -> bool:
        """Does the series of the method have no term with h^l?"""
        method = self._equation.method
        if method is None or method.symbols or self._equation.is_modifying:
            return False
        return not self._equation.tree_factors(l)

    @property
    def lower_orders(self) -> range:
        """None for a modifying integrator: a step has its field of one order."""
        return range(0) if self._equation.is_modifying else range(self.order)


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
