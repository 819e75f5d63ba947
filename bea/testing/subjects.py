"""What a step is held against: a modified equation, a series on a field, or the field itself.

Each subject knows points to look at and how to measure there; `assertions` judges the measurements.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from bea.errors import InputError
from bea.numeric import checks
from bea.numeric.field_arithmetic import FieldArithmetic
from bea.numeric.local_error import Precision, digits_for, in_coordinates, on_field
from bea.numeric.measurement import LEAST_SIZES, leading_vector, measure, norm
from bea.numeric.order_report import OrderReport
from bea.numeric.own_step import FLOW_DIGITS, Step, StepInMultiprecision
from bea.numeric.plain_field import (
    LOST,
    FieldOfStepSize,
    PlainField,
    compiled_where_possible,
    expectation,
    is_row_of_numbers,
)
from bea.pytrees import Field, PyTree
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.method_table import method_named
from bea.symbolic.methods import ButcherTableau
from bea.symbolic.series import Series, modified_series
from bea.testing.points import generic_points, neighbour, neighbour_of_tree
from bea.testing.verdict import Verdict, verdict

ENOUGH = 3
"""Generic points at which an assertion looks."""
MOST_TRIED_DIMENSIONS = 12
Reports = Callable[[int], OrderReport]
"""p ↦ the local error against the flow of order p."""


class Subject(ABC):
    """What a step is held against.

    Attributes:
        title: how a message calls it.
        order: p.
        sizes: the step sizes, if not the default ones.
        enough: at how many of the generic points to look.
    """

    title: str
    order: int
    enough = ENOUGH
    remedy_if_closer = ""
    """What to do if the step is of a higher order, as the end of a sentence."""

    def __init__(self, step: Step, sizes: Sequence[Any] | None) -> None:
        self.step = step
        self.sizes = None if sizes is None else checks.step_sizes(sizes, LEAST_SIZES)

    @abstractmethod
    def points(self) -> Iterator[tuple[Any, bool]]:
        """Points to look at, each with whether it was given; others are generic."""

    @abstractmethod
    def reports_at(self, point: Any, precision: Precision = "auto") -> Reports:
        """The measurements at a point.

        Args:
            point: one of `points`.
            precision: another than the one that was asked for.

        Raises:
            BeaError: there are none, because something is not finite there.
        """

    def verdict(self, report: OrderReport) -> Verdict:
        """What a report says about the order p + 2 and the limit f_{p+1}."""
        return verdict(report, chosen_sizes=self.sizes is not None)

    def shown(self, point: Any) -> str:
        """The point in a message."""
        if not is_row_of_numbers(point):
            return "the parameters given, or near them"
        numbers = [mpmath.nstr(mpmath.mpmathify(sp.N(t, 17)), 17) for t in point]
        return f"({', '.join(numbers[:6])}{', …' if len(numbers) > 6 else ''})"

    def is_known_to_vanish(self, l: int) -> bool:
        """Is f_l = 0 for every field, because of the method?"""
        return False

    @property
    def lower_orders(self) -> range:
        """The orders below p for which the same step can be measured."""
        return range(self.order)


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

    def _precision(self, point: Any) -> Precision:
        """Multiprecision if the step computes in it, else float64."""
        if self._asked_precision != "auto":
            return self._asked_precision
        theta = checks.point(self._equation, point)
        with mpmath.workdps(60):
            tried = StepInMultiprecision(self._equation.extended(0), theta, self._values, self.step)
            return "mpmath" if tried.is_exact(mpmath.mpf(2) ** -10) else "float64"

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


class OnSeries(Subject):
    """A series on a field of pytrees in JAX."""

    def __init__(
        self,
        step: Step,
        series: Series,
        order: int | None,
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
        self._start = getattr(field, "parameters", None) if at is None else at
        if self._start is None:
            raise InputError(
                "the parameters of this field are not known: give at=, such as those that a "
                "network starts from"
            )

    @cached_property
    def _highest(self) -> int:
        """The order of the last flow that may be asked for."""
        p = self.order
        while p < self.order + 6 and self.is_known_to_vanish(p + 1):
            p += 1
        return p

    @cached_property
    def _arithmetic(self) -> FieldArithmetic:
        series = self._series.extended(self._highest + 1)
        return FieldArithmetic(series, self._field, self._start, step=self.step)

    def points(self) -> Iterator[tuple[Any, bool]]:
        """The given parameters, and neighbours of them."""
        yield self._start, True
        for number in range(ENOUGH):
            yield neighbour_of_tree(self._start, number), False

    enough = 1

    def reports_at(self, point: Any, precision: Precision = "auto") -> Reports:
        """By `on_field`; what is compiled serves all points."""
        return on_field(self._arithmetic.moved_to(point), self.sizes)

    def is_known_to_vanish(self, l: int) -> bool:
        """Does the series have no term with h^l?"""
        return not self._series.extended(max(l, self._series.order)).terms(l)

    @property
    def lower_orders(self) -> range:
        """None for a modifying integrator: a step has its field of one order."""
        return range(0) if self._series.is_modifying else range(self.order)


class OnPlainField(Subject):
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

    def __init__(
        self,
        step: Step,
        field: FieldOfStepSize,
        order: int,
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
        self._given = at
        self._fast: FieldOfStepSize | None = None

    def points(self) -> Iterator[tuple[Any, bool]]:
        """The given point and neighbours, or generic ones."""
        if self._given is not None:
            yield self._given, True
            for number in range(ENOUGH):
                yield neighbour_of_tree(self._given, number), False
            return
        yield from ((p, False) for p in generic_points(self._dimension))

    @cached_property
    def _dimension(self) -> int:
        """How many parameters the field has: what it takes and gives back."""
        for m in (3, 2, 1, *range(4, MOST_TRIED_DIMENSIONS + 1)):
            theta = next(generic_points(m))
            for digits in (30, None):
                try:
                    PlainField(self._field, self.step, theta, digits).velocity(
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
                return self._measured(PlainField(field, self.step, point, digits), p)

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

    def _measured(self, arithmetic: PlainField, p: int) -> OrderReport:
        scale = arithmetic.time_scale()
        sizes = self.sizes or [
            arithmetic.number(scale / mpmath.mpf(2) ** k) for k in arithmetic.powers
        ]
        steps = [arithmetic.number(h) for h in sizes]
        floors = arithmetic.floors(p, steps)
        differences = (
            arithmetic.local_errors(p, steps)
            if self._method is None
            else arithmetic.differences_of(self._method, steps)
        )
        clear = [i for i, d in enumerate(differences) if norm(d) > 50 * floors[i]]
        limit = np.zeros(len(differences[0]))
        if len(clear) >= LEAST_SIZES:
            size = norm(differences[clear[-1]]) / steps[clear[-1]] ** (p + 2)
            vector, _ = leading_vector(differences, floors, steps, p, size)
            limit = vector * float(size)
        velocity = arithmetic.velocity(arithmetic.theta, max(steps))
        return measure(arithmetic, expectation(velocity, limit, p, scale), p, steps)

    @property
    def lower_orders(self) -> range:
        """None: there is one flow."""
        return range(0)


def subject_of(
    step: Step,
    equation: Any,
    order: int | None,
    *,
    field: Field | None,
    method: str | ButcherTableau | None,
    at: Any,
    constants: Mapping[Any, Any] | None,
    step_sizes: Sequence[Any] | None,
    precision: Precision,
) -> Subject:
    """The subject that the arguments of an assertion describe.

    Raises:
        InputError: they describe none.
    """
    if not callable(step):
        raise InputError(f"the step is {step!r}: give a function of (theta, h)")
    if precision not in ("auto", "float64", "mpmath"):
        raise InputError(f"unknown precision {precision!r}: use 'auto', 'float64' or 'mpmath'")
    if isinstance(equation, (ModifiedEquation, Series)) and method is not None:
        raise InputError("the equation has its method already: method= is for a plain field")
    if isinstance(equation, ModifiedEquation):
        if field is not None:
            raise InputError("the equation has its field already: field= is for a series")
        return OnEquation(step, equation, order, at, constants, step_sizes, precision)
    if isinstance(equation, Series):
        return OnSeries(step, equation, order, field, at, constants, step_sizes)
    if field is not None:
        raise InputError("two fields were given: field= is for a series")
    if not callable(equation):
        raise InputError(
            f"{equation!r} is neither a modified equation nor a series nor a field: give what "
            "bea.modified_equation or bea.modified_series returns, or a function of theta"
        )
    return _on_plain_field(step, equation, order, method, at, step_sizes, precision)


def _on_plain_field(
    step: Step,
    field: Callable[..., Any],
    order: int | None,
    method: str | ButcherTableau | None,
    at: Any,
    sizes: Sequence[Any] | None,
    precision: Precision,
) -> Subject:
    if at is None:
        at = getattr(field, "parameters", None)
    if _takes_step_size(field):
        if method is not None:
            raise InputError(
                "a field of (theta, h) is a modified one, and its method is not asked for: leave "
                "out method="
            )
        if order is None:
            raise InputError(
                "the order of a field of (theta, h) is not known: give order=p for an error of "
                "order p + 2"
            )
        return OnPlainField(step, field, order, None, at, sizes, precision)

    def of_theta(theta: Any, h: Any) -> Any:
        return field(theta)

    if method is None and order:
        return OnPlainField(step, of_theta, order, None, at, sizes, precision)
    tableau = method_named("euler" if method is None else method)
    own = _order_of(tableau) - 1
    if order is None or order == own:
        return OnPlainField(step, of_theta, own, tableau, at, sizes, precision)
    if at is None:
        at = next(OnPlainField(step, of_theta, own, tableau, at, sizes, precision).points())[0]
    return OnSeries(step, modified_series(tableau, order), order, field, at, None, sizes)


def _order_of(method: ButcherTableau) -> int:
    """The order of a method, at most 8."""
    return modified_series(method, 8).method_order or 8


def _takes_step_size(field: Callable[..., Any]) -> bool:
    """Is it a function of (θ, h)?"""
    try:
        parameters = inspect.signature(field).parameters.values()
    except (TypeError, ValueError):  # built in: such as a compiled function
        return False
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) == 2


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
