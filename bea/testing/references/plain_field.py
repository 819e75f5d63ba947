"""A step against the flow of a field that is known by its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from bea.errors import InputError
from bea.numeric.orders.components import MIN_SIZES, SAFETY
from bea.numeric.orders.fits import norm
from bea.numeric.orders.local_error import Precision, digits_for
from bea.numeric.orders.measurement import leading_vector, measure
from bea.numeric.orders.plain_field import (
    LOST,
    FieldOfStepSize,
    PlainField,
    compiled_where_possible,
    expectation,
    is_row_of_numbers,
)
from bea.numeric.orders.report import CONSTANT_TOLERANCE, OrderReport
from bea.numeric.orders.user_step import AS_CLOSE, FLOW_DIGITS, Step
from bea.symbolic.methods.tableau import ButcherTableau
from bea.testing.points import far_points, far_trees, generic_points, neighbour_of_tree
from bea.testing.references.far_away import ComparisonOfSteps, FarAway
from bea.testing.references.reference import NEIGHBOURS, Reference, Reports
from bea.testing.verdict import Verdict

MAX_TRIED_DIMENSIONS = 12
TOO_SLOW = 0.25
"""By how much an order must be below p + 2 to be lower."""


class PlainFieldReference(Reference):
    """The flow of a field itself, known by its values.

    Args:
        step: (θ, h) ↦ θ⁺.
        field: (θ, h) ↦ f.
        order: p, for an error of order p + 2.
        method: whose leading constant is expected; None if it is not known.
        at: the point, if not generic ones.
        sizes: the step sizes, if not the default ones.
        precision: as for `verify_order`.
    """

    looks_further = False

    def __init__(
        self,
        step: Step,
        field: FieldOfStepSize,
        order: int,
        *,
        method: ButcherTableau | None,
        at: Any,
        sizes: Sequence[Any] | None,
        precision: Precision,
    ) -> None:
        super().__init__(step, sizes)
        self.order = order
        self.title = "the flow of the given field"
        if method is not None:
            self.title += f" by {method.name}"
            self.remedy_if_closer = " (name its method with method=)"
        self._field, self._method, self._asked_precision = field, method, precision
        self.knows_the_limit = method is not None
        self._given = at
        self._fast: FieldOfStepSize | None = None

    def points(self) -> Iterator[tuple[Any, bool]]:
        """The given point and neighbours, or generic ones."""
        if self._given is not None:
            yield self._given, True
            for number in range(NEIGHBOURS):
                yield neighbour_of_tree(self._given, number), False
            return
        yield from ((p, False) for p in generic_points(self._dimension))

    @cached_property
    def _dimension(self) -> int:
        """How many parameters the field has: what it takes and gives back."""
        for m in (3, 2, 1, *range(4, MAX_TRIED_DIMENSIONS + 1)):
            theta = next(generic_points(m))
            for digits in (30, None):
                try:
                    PlainField(self._field, self.step, theta, digits=digits).velocity(
                        np.array([mpmath.mpf(t) for t in theta]), mpmath.mpf(1) / 64
                    )
                except Exception:  # whatever the user's function raises for a wrong dimension
                    continue
                return m
        raise InputError(
            "the dimension of the field could not be found out by trying: give at=, a point"
        )

    def reports_at(self, point: Any, precision: Precision = "auto") -> Reports:
        """By extrapolated flows; only the order p of the field itself."""

        def report(p: int) -> OrderReport:
            wanted = self._asked_precision if precision == "auto" else precision
            exact = wanted == "mpmath" or (wanted == "auto" and self._is_exact(point))
            field = self._field if exact else self._compiled(point)
            digits = digits_for(p) + LOST if exact else None
            with mpmath.workdps(digits or FLOW_DIGITS), np.errstate(all="ignore"):
                return self._settling(PlainField(field, self.step, point, digits=digits), p)

        return report

    def _compiled(self, point: Any) -> FieldOfStepSize:
        """The field, compiled once for all points if it is written in JAX."""
        if self._fast is None:
            self._fast = compiled_where_possible(self._field, point)
        return self._fast

    def _is_exact(self, point: Any) -> bool:
        try:
            with mpmath.workdps(60):
                return PlainField(self._field, self.step, point, digits=60).is_exact
        except (TypeError, ValueError):  # a pytree is no row of mpmath numbers
            return False

    def _settling(self, arithmetic: PlainField, p: int) -> OrderReport:
        """By all step sizes, or the smaller ones where the fit does not describe the larger."""
        scale = arithmetic.time_scale()
        sizes = self.sizes or [scale / mpmath.mpf(2) ** k for k in arithmetic.powers]
        steps = [arithmetic.number(h) for h in sizes]
        report = self._measured(arithmetic, p, scale, steps)
        if self.sizes is None:
            for largest in (len(steps) // 3, len(steps) // 2):
                if self.verdict(report) == "confirmed":
                    break
                closer = self._measured(arithmetic, p, scale, steps[largest:])
                report = closer if closer.measured_order is not None else report
        return report

    def _measured(
        self, arithmetic: PlainField, p: int, scale: mpmath.mpf, steps: Sequence[mpmath.mpf]
    ) -> OrderReport:
        floors = arithmetic.floors(p, steps)
        found = arithmetic.local_errors(p, steps)
        if self._method is None:
            exemplary = found
        else:
            exemplary = arithmetic.differences_of(self._method, steps)
        clear = [i for i, d in enumerate(exemplary) if norm(d) > SAFETY * floors[i]]
        limit = np.zeros(len(exemplary[0]))
        if len(clear) >= MIN_SIZES:
            size = norm(exemplary[clear[-1]]) / steps[clear[-1]] ** (p + 2)
            vector, _ = leading_vector(exemplary, floors, steps, p=p, size=size)
            limit = vector * float(size)
        velocity = arithmetic.velocity(arithmetic.theta, max(steps))
        expected = expectation(velocity, limit, p=p, time_scale=scale)
        report = measure(arithmetic, expected, p, sizes=steps, differences=found)
        each = arithmetic.floors_of_each(p, steps)
        same = len(clear) >= MIN_SIZES and all(
            bool((abs(d - e) <= AS_CLOSE * floor).all())
            for d, e, floor in zip(found, exemplary, each, strict=True)
        )
        return replace(report, is_the_method=self._method is not None and same)

    def verdict(self, report: OrderReport) -> Verdict:
        """No more is refuted than is known: f_{p+1} is measured, and may be lost in noise."""
        said = super().verdict(report)
        if said != "refuted" or self._method is None or report.is_coarse:
            return said
        lost = report.vanishes or report.uncertainty > CONSTANT_TOLERANCE
        slow = report.measured_order is not None and (
            report.measured_order < report.expected_order - TOO_SLOW
        )
        return "unresolved" if lost and not slow else said

    def look_elsewhere(self, confirmed: Sequence[OrderReport]) -> None:
        """Where the step is the method's own to all digits, it must be that everywhere."""
        if self._method is None or self.sizes is not None:
            return
        method, last = self._method, confirmed[-1]
        exact = last.precision == "mpmath"

        def at(theta: Any) -> ComparisonOfSteps:
            field = self._field if exact else self._compiled(theta)
            both = PlainField(field, self.step, theta, digits=FLOW_DIGITS if exact else None)
            return lambda h: both.off_the_method(method, both.number(h))

        near, _ = next(self.points())
        far: Iterable[tuple[str, Any]]
        if self._given is None:
            far = map(self.named, far_points(self._dimension))
        elif is_row_of_numbers(near):
            return  # the points that were given are those that matter
        else:
            far = far_trees(near)
        time = min(report.time_scale for report in confirmed)
        FarAway(at).look(self.named(near), far, time)

    @property
    def lower_orders(self) -> range:
        """None: there is one flow."""
        return range(0)
