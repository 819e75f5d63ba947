"""Orders and leading constants of the local error of one step.

With θ̃ the flow of the equation of order p, one step from θ_0 satisfies

    (θ_1 − θ̃(h)) / h^{p+2}  →  f_{p+1}(θ_0)        as h → 0,

so that a measurement can check more than a slope on a log–log plot: the limit itself, length and
direction. Errors below the round-off floor of the arithmetic are never used. Where float64 cannot
resolve an order, multiprecision is used. `measurement` does the measuring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache, partial
from typing import Any, Literal

import mpmath
import numpy as np
import sympy as sp
from tqdm import tqdm

from bea.errors import BeaError, InputError
from bea.numeric.orders import checks
from bea.numeric.orders.components import MIN_SIZES
from bea.numeric.orders.corrections import Corrections
from bea.numeric.orders.float64 import Float64
from bea.numeric.orders.measurement import Expected, measure
from bea.numeric.orders.multiprecision import Multiprecision
from bea.numeric.orders.report import OrderReport, OrderReports
from bea.numeric.orders.series_on_pytrees import SeriesOnPytrees
from bea.numeric.orders.step_and_flow import StepAndFlow
from bea.numeric.orders.user_step import FLOW_DIGITS, Step, StepInFloat64, StepInMultiprecision
from bea.pytrees import Field
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.series import Series

Precision = Literal["auto", "float64", "mpmath"]

DEEP, SHALLOW = 40, 9
"""Multiprecision takes its steps from T/2⁴⁰ on, T being the time scale of the field, and from T/2⁹
where f_{p+1}(θ_0) = 0."""


def verify_order(
    equation: ModifiedEquation | Series,
    at: Any,
    order: int | None = None,
    *,
    field: Field | None = None,
    constants: Mapping[Any, Any] | None = None,
    step: Step | None = None,
    step_sizes: Sequence[Any] | None = None,
    precision: Precision = "auto",
) -> OrderReport:
    """Measure the local error of one step against the modified flow of order p.

    The error is expected to be f_{p+1}(θ_0)·h^{p+2} + O(h^{p+3}). Order and limit are fitted to the
    errors at several step sizes, those near the round-off floor left out.

    Args:
        equation: the modified equation; corrections beyond its order are derived as needed. Or a
            series, together with a field.
        at: the point θ_0, m numbers: floats, rationals, text such as "1/3", mpmath numbers, or a
            float64 array. A float32 array is refused, not rounded up. For a series a pytree of
            arrays, such as the parameters of a network, which is taken to float64 as it is.
        order: p; by default that of the equation.
        field: f for a series, a JAX function of pytrees such as minus the gradient of a network's
            loss. Data in it should be in float32 or float64, and its arithmetic in float64.
        constants: a number for every constant of the equation.
        step: (θ, h) ↦ θ⁺, to check a step of one's own instead of the method's: called with an
            array of shape (m,) in float64 (as JAX is while it runs), and in multiprecision with
            one of mpmath numbers; for a series with a pytree.
        step_sizes: at least four, if the default will not do. By default a geometric sequence well
            below the time scale of the field at the point, min_l (|f_0|/|f_l|)^{1/l}.
        precision: "float64" (kernels in JAX, flows by diffrax), "mpmath" (multiprecision), or
            "auto": float64, and mpmath where that does not resolve the order. A field in JAX knows
            float64 only.

    Returns:
        The report; `report.passed` says whether the order and the leading constant are confirmed.

    Raises:
        InputError: the point, a step size, a constant, the field or the step is not usable.
        BeaError: the flow or an implicit stage does not converge at the step sizes given.

    Source: HLW IX.1; Theorem 3.1 of Barrett and Dherin (2020) is the case p = 1.

    Example:
        >>> import bea
        >>> eq = bea.modified_equation(field=["y", "-x"], params="x, y", order=1)
        >>> report = bea.verify_order(eq, at=(1, "1/2"), precision="mpmath")
        >>> report.expected_order, round(report.measured_order, 3), report.passed
        (3, 3.0, True)
        >>> field = lambda theta: {"w": -theta["w"] ** 3}
        >>> bea.verify_order(bea.modified_series("euler", 1), {"w": 1.0}, field=field).passed
        True
    """
    p = checks.order(equation, order)
    return _verify(
        equation,
        at,
        [p],
        field=field,
        constants=constants,
        step=step,
        step_sizes=step_sizes,
        precision=precision,
        progress=False,
    )[0]


def verify_orders(
    equation: ModifiedEquation | Series,
    at: Any,
    order: int | None = None,
    *,
    field: Field | None = None,
    constants: Mapping[Any, Any] | None = None,
    step: Step | None = None,
    step_sizes: Sequence[Any] | None = None,
    precision: Precision = "auto",
    progress: bool = False,
) -> OrderReports:
    """`verify_order` for every p from 0 to the order asked for.

    Args:
        equation: the modified equation, or a series together with a field.
        at: the point θ_0, as for `verify_order`.
        order: the last p; by default that of the equation.
        field: f, for a series.
        constants: a number for every constant of the equation.
        step: a step of one's own to check.
        step_sizes: at least four, if the default will not do.
        precision: "auto", "float64" or "mpmath"; all of these as for `verify_order`.
        progress: show a progress bar on standard error.

    Returns:
        One report for each p = 0, …, order: a tuple that prints as a table.

    Raises:
        InputError, BeaError: as `verify_order`.

    Source: HLW IX.1.

    Example:
        >>> import bea
        >>> eq = bea.modified_equation(loss="a**4", params="a", order=2)
        >>> reports = verify_orders(eq, at=["1/2"], precision="mpmath")
        >>> [report.passed for report in reports]
        [True, True, True]
        >>> print(str(reports).splitlines()[-1])
        every order is confirmed
    """
    orders = range(checks.order(equation, order) + 1)
    return _verify(
        equation,
        at,
        orders,
        field=field,
        constants=constants,
        step=step,
        step_sizes=step_sizes,
        precision=precision,
        progress=progress,
    )


def _verify(
    equation: ModifiedEquation | Series,
    at: Any,
    orders: Sequence[int],
    *,
    field: Field | None,
    constants: Mapping[Any, Any] | None,
    step: Step | None,
    step_sizes: Sequence[Any] | None,
    precision: Precision,
    progress: bool,
) -> OrderReports:
    if precision not in ("auto", "float64", "mpmath"):
        raise InputError(f"unknown precision {precision!r}: use 'auto', 'float64' or 'mpmath'")
    sizes = None if step_sizes is None else checks.step_sizes(step_sizes, MIN_SIZES)
    at_order: Callable[[int], OrderReport]
    with tqdm(total=len(orders), desc="corrections", disable=not progress) as bar:
        if isinstance(equation, Series):
            at_order = _on_field(
                equation,
                at,
                max(orders),
                field=field,
                constants=constants,
                step=step,
                sizes=sizes,
                precision=precision,
            )
        elif field is not None:
            raise InputError("the equation has its field already: field= is for a series")
        else:
            at_order = in_coordinates(
                Corrections.of(equation, constants),
                checks.point(equation, at),
                max(orders),
                step=step,
                sizes=sizes,
                precision=precision,
            )
        bar.set_description("orders")
        reports = []
        for p in orders:
            reports.append(at_order(p))
            bar.update()
    return OrderReports(reports)


def _on_field(
    series: Series,
    at: Any,
    highest: int,
    *,
    field: Field | None,
    constants: Mapping[Any, Any] | None,
    step: Step | None,
    sizes: Sequence[sp.Expr] | None,
    precision: Precision,
) -> Callable[[int], OrderReport]:
    if field is None:
        raise InputError("a series holds for every field: give field=, a JAX function of pytrees")
    if precision == "mpmath":
        raise InputError("a JAX function computes in float64 at most: use precision='float64'")
    arithmetic = SeriesOnPytrees(
        series.extended(highest + 1), field, at, constants=constants, step=step
    )
    return on_field(arithmetic, sizes)


def on_field(
    arithmetic: SeriesOnPytrees, sizes: Sequence[sp.Expr] | None
) -> Callable[[int], OrderReport]:
    """The local error of a series on a field, a function of p below the order of the series.

    Args:
        arithmetic: the series on the field at a point.
        sizes: the step sizes, if not the default ones.
    """
    expected = Expected.on_field(arithmetic)
    powers = [Fraction(k, 2) for k in range(6, 16)]  # there is no multiprecision to go to: close by
    return lambda p: measure(arithmetic, expected, p, sizes=sizes or expected.step_sizes(powers))


def in_coordinates(
    corrections: Corrections,
    theta: Sequence[sp.Expr],
    highest: int,
    *,
    step: Step | None,
    sizes: Sequence[sp.Expr] | None,
    precision: Precision,
    settles: Callable[[OrderReport], bool] = lambda r: r.passed and not r.untested,
) -> Callable[[int], OrderReport]:
    """The local error for an equation at a point, a function of p up to the highest.

    Args:
        corrections: those of the equation; higher ones are derived as needed.
        theta: the point, m exact SymPy numbers.
        highest: the largest p that will be asked for.
        step: a step of the user's own.
        precision: both as for `verify_order`.
        sizes: the step sizes, if not the default ones.
        settles: which report needs no further attempt; by default
            one that passes, in every component.
    """
    corrections = corrections.extended(highest + 1)
    with mpmath.workdps(digits_for(highest)):
        expected = Expected.at(corrections, theta)

    @cache
    def double() -> StepAndFlow:
        if step is None:
            return Float64(corrections, theta)
        return StepInFloat64(corrections, theta, step=step)

    def in_float64(p: int, first: int = 3) -> OrderReport:
        # What is not finite is found and said; numbers that no kernel depends on need few digits.
        with np.errstate(all="ignore"), mpmath.workdps(FLOW_DIGITS if step else 30):
            arithmetic = double()
            chosen = sizes or expected.step_sizes(range(first, first + 8))
            if isinstance(arithmetic, StepInFloat64) and not sizes:
                chosen = expected.resolved_step_sizes(arithmetic, p, first)
            report = measure(arithmetic, expected, p, sizes=chosen)
            if sizes or step is None or not report.untested or not report.passed:
                return report
            # Slow components have errors above their round-off at the larger step sizes only.
            closer = expected.step_sizes([first + Fraction(3 * k, 7) for k in range(8)])
            return report.with_components_of(measure(arithmetic, expected, p, sizes=closer))

    def in_mpmath(p: int, deep: int = 1) -> OrderReport:
        # Deep enough that the leading term stands out; a higher order is better seen from above.
        first = SHALLOW if deep == 1 and expected.vanishes(p + 1) else deep * DEEP

        def measured(digits: int) -> OrderReport:
            with mpmath.workdps(digits):
                until_p = corrections.extended(p)
                arithmetic = (
                    Multiprecision(until_p, theta)
                    if step is None
                    else StepInMultiprecision(until_p, theta, step=step)
                )
                powers = range(first, first + 5)
                return measure(arithmetic, expected, p, sizes=sizes or expected.step_sizes(powers))

        digits = (2 * deep - 1) * digits_for(p)
        report = measured(digits)
        # A component that is slower than the others by 10⁸ needs so many digits more.
        more = report.digits_missing()
        return measured(digits + more + 10) if 0 < more <= MAX_DIGITS_MORE else report

    attempts: list[Callable[[int], OrderReport]] = []
    if precision != "mpmath":
        attempts.append(in_float64)
        if step is not None and not sizes:
            # closer by where f_{p+1} nearly vanishes, and the next term drowns it
            attempts += [partial(in_float64, first=6), partial(in_float64, first=10)]
    if precision != "float64":
        attempts += [in_mpmath, partial(in_mpmath, deep=2)]
    return lambda p: _first_that([partial(attempt, p) for attempt in attempts], settles)


MAX_DIGITS_MORE = 400
"""For components slower than others: by 10²⁰⁰ at p = 0, where the errors go like h²."""


def digits_for(p: int) -> int:
    """The digits for order p: at h/T ≥ 2⁻⁴⁴ the error h^{p+2} needs 14(p+2) of them."""
    return 20 + 14 * (p + 2)


def _first_that(
    attempts: Sequence[Callable[[], OrderReport]], settles: Callable[[OrderReport], bool]
) -> OrderReport:
    """The first report that settles the order; if none does, the last there is.

    Where a component was refuted, a report that does not see it settles nothing.
    """
    report: OrderReport | None = None
    doubtful: OrderReport | None = None
    obstacles = []
    for attempt in attempts:
        try:
            report = attempt()
        except BeaError as error:
            obstacles.append(error)
        else:
            if doubtful and {c.name for c in doubtful.refuted} & set(report.untested):
                report = doubtful
            elif settles(report):
                return report
            doubtful = report if report.refuted else None
    if report is None:
        raise obstacles[0]
    return report
