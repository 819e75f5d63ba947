"""A step against a series on a field of pytrees in JAX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

from bea.errors import InputError
from bea.numeric.orders import checks
from bea.numeric.orders.local_error import Precision, on_field
from bea.numeric.orders.report import OrderReport
from bea.numeric.orders.series_on_pytrees import SeriesOnPytrees
from bea.numeric.orders.user_step import Step
from bea.pytrees import Field, PyTree
from bea.symbolic.series import Series
from bea.testing.points import far_trees, neighbour_of_tree
from bea.testing.references.far_away import ComparisonOfSteps, FarAway
from bea.testing.references.reference import NEIGHBOURS, Reference, Reports


class SeriesReference(Reference):
    """A series on a field of pytrees in JAX."""

    enough = 1
    """Every point costs the time of a network."""

    def __init__(
        self,
        step: Step,
        series: Series,
        order: int | None,
        *,
        field: Field | None,
        at: PyTree,
        constants: Mapping[Any, Any] | None,
        sizes: Sequence[Any] | None,
    ) -> None:
        super().__init__(step, sizes)
        if field is None:
            raise InputError(
                "a series holds for every field: give field=, a JAX function of pytrees"
            )
        self.order = checks.order(series, order)
        self.title = f"the {series.title} on the given field"
        self._series = series.subs(constants) if constants else series
        self._field = field
        self._arithmetic = cache(self._compiled)
        self._start = getattr(field, "parameters", None) if at is None else at
        if self._start is None:
            raise InputError(
                "the parameters of this field are not known: give at=, such as those that a "
                "network starts from"
            )

    @cached_property
    def _highest(self) -> int:
        """The order of the last flow that is asked for, if it is not by accident that f_l = 0."""
        p = self.order
        while p < self.order + 6 and self.is_known_to_vanish(p + 1):
            p += 1
        return p

    def _compiled(self, highest: int) -> SeriesOnPytrees:
        series = self._series.extended(highest + 1)
        return SeriesOnPytrees(series, self._field, self._start, step=self.step)

    def points(self) -> Iterator[tuple[Any, bool]]:
        """The given parameters, and neighbours of them."""
        yield self._start, True
        for number in range(NEIGHBOURS):
            yield neighbour_of_tree(self._start, number), False

    def reports_at(self, point: Any, precision: Precision = "auto") -> Reports:
        """By `on_field`; what is compiled serves all points."""

        @cache
        def until(highest: int) -> Reports:
            return on_field(self._arithmetic(highest).moved_to(point), self.sizes)

        return lambda p: until(max(p, self._highest))(p)

    def look_elsewhere(self, confirmed: Sequence[OrderReport]) -> None:
        """Where the step is the method's own to all digits, it must be that everywhere."""
        if self.sizes is not None:
            return
        time = min(report.time_scale for report in confirmed)
        self._elsewhere().look(self.named(self._start), far_trees(self._start), time)

    def shown_by_the_method(self, report: OrderReport) -> set[str]:
        """By the series' own step, if it is explicit."""
        if not self._series.method.is_explicit:
            return set()
        parts = dict(self._arithmetic(self._highest).components())
        return self._elsewhere().shows(self._start, report, parts)

    def _elsewhere(self) -> FarAway:
        p = self.order if self._series.is_modifying else 0
        arithmetic = self._arithmetic(max(p, self._highest))

        def at(theta: Any) -> ComparisonOfSteps:
            moved = arithmetic.moved_to(theta)
            return lambda h: moved.off_the_method(h, p)

        return FarAway(at)

    def is_known_to_vanish(self, l: int) -> bool:
        """Does the series have no term with h^l?"""
        return not self._series.extended(max(l, self._series.order)).terms(l)

    @property
    def lower_orders(self) -> range:
        """None for a modifying integrator: a step has its field of one order."""
        return range(0) if self._series.is_modifying else range(self.order)
