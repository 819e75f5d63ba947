"""Assertions on a user's step: orders and leading constants, at points where nothing vanishes.

An assertion passes on evidence only. At several points the error must have been measured clear of
round-off, with the order p + 2 and with the limit f_{p+1}, which sees what no slope sees. Where a
measurement settles nothing, another point is tried, and where none settles it, the assertion fails
and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bea.errors import BeaError, InputError, StepError
from bea.numeric.orders.local_error import Precision
from bea.numeric.orders.report import OrderReport
from bea.numeric.orders.user_step import Step
from bea.pytrees import Field
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.series import Series
from bea.testing.references.choice import reference_of
from bea.testing.references.reference import Reference, Reports
from bea.testing.verdict import is_rounding_of_literals

LOOK_FURTHER = 2
"""Orders beyond p that are measured where f_{p+1} = 0, in search of one that does not vanish."""
MAX_KNOWN_TO_VANISH = 8


def assert_local_error_order(
    step: Step,
    equation: ModifiedEquation | Series | Field,
    order: int | None = None,
    *,
    field: Field | None = None,
    method: str | ButcherTableau | None = None,
    at: Any = None,
    constants: Mapping[Any, Any] | None = None,
    step_sizes: Sequence[Any] | None = None,
    precision: Precision = "auto",
) -> tuple[OrderReport, ...]:
    """Assert that a step leaves the flow of order p by f_{p+1}·h^{p+2} + O(h^{p+3}).

    Order and leading constant are measured as by `bea.verify_order`, in multiprecision if the step
    computes in it and else in float64. This is done at three generic points. If points are given,
    it is done at each of them and at one near each, three of these at least (of a series, one).

    Beyond these points the step is compared with the equation's own, if the two agreed there to all
    digits: at step sizes up to the time scale of the field, and at points from 0.01 to 300 in size,
    of all signs. Everything is asked twice, in another order: a step whose answers differ is no
    function of (θ, h). What a step keeps inside and begins anew in every call, such as the state of
    an optimizer, is part of the map: momentum that starts from nothing is plain descent.

    Args:
        step: (θ, h) ↦ θ⁺. θ is an array of shape (m,): of mpmath numbers if the step can compute
            with them (it is tried), else of float64, NumPy's. For a series it is a pytree of JAX
            arrays in float64. It returns the same kind of thing.
        equation: a `ModifiedEquation`; a `Series`, with field=; or a plain field: a function f(θ)
            of mpmath numbers, of an array or of a pytree, or a modified one, f̃(θ, h).
        order: p, by default that of the equation. For a plain field the flow is that of f itself:
            p = 0 and explicit Euler's f_1 are expected, for another method (method=) of order q
            p = q − 1 and its f_q; for f̃(θ, h), or where p > 0 is given without a method, f_{p+1} is
            not known, and the assertion is that there is one.
        field: f for a series, a JAX function of pytrees such as minus the gradient of a loss.
        method: for a plain field: the method that the step should be, by name or by its tableau.
        at: a point or a list of points, for a series a pytree; at each one, and generic ones near
            them, the assertion must hold. Without it, generic points are chosen; the pytree of a
            `SampleNetwork` is known.
        constants: a number for every constant of the equation.
        step_sizes: at least four, if the default ones will not do.
        precision: "auto", "float64" or "mpmath".

    Returns:
        The reports that settled it, one for each point.

    Raises:
        AssertionError: the order or the constant is another one, the step computes with too few
            digits or returns something else than a point, or too few points settled it. The
            message says which order was measured, where, and shows the table.
        InputError: the arguments cannot be used.

    Source: HLW IX.1; Theorem 3.1 of Barrett and Dherin (2020), arXiv:2009.11162, is p = 1.

    Example:
        >>> import bea
        >>> from bea.testing import assert_local_error_order
        >>> eq = bea.modified_equation(loss="x**3/3 + x*y", params="x, y", order=1)
        >>> def descent(theta, h):
        ...     x, y = theta
        ...     return [x - h * (x**2 + y), y - h * x]
        >>> reports = assert_local_error_order(descent, eq)
        >>> [round(report.measured_order, 6) for report in reports]
        [3.0, 3.0, 3.0]
    """
    reference = reference_of(
        step, equation, order, field=field, method=method, at=at, constants=constants,
        step_sizes=step_sizes, precision=precision,
    )  # fmt: skip
    return _examined(reference, [reference.order])


def assert_modified_equation(
    step: Step,
    equation: ModifiedEquation | Series,
    order: int | None = None,
    *,
    field: Field | None = None,
    at: Any = None,
    constants: Mapping[Any, Any] | None = None,
    step_sizes: Sequence[Any] | None = None,
    precision: Precision = "auto",
) -> tuple[OrderReport, ...]:
    """Assert that an equation is the modified equation of a step: f_0, …, f_p and f_{p+1} are its.

    `assert_local_error_order` for every order from 0 to p, the lowest first: so what fails says
    which f_l is the first that is not the step's, and shows both.

    Args:
        step: (θ, h) ↦ θ⁺, on mpmath numbers, arrays of float64 or pytrees.
        equation: a `ModifiedEquation`, or a `Series` with field=.
        order: p, by default that of the equation.
        field: f for a series, a JAX function of pytrees.
        at: a point or a list of points, for a series a pytree; by default generic points.
        constants: a number for every constant of the equation.
        step_sizes: at least four, if the default ones will not do.
        precision: "auto", "float64" or "mpmath"; all of these as for `assert_local_error_order`.

    Returns:
        The reports that settled it, one for each point and order. (For a modifying integrator
        only the order p, since a step takes one field.)

    Raises:
        AssertionError: as by `assert_local_error_order`.
        InputError: the arguments cannot be used.

    Source: HLW IX.1.

    Example:
        >>> import bea
        >>> from bea.testing import assert_modified_equation
        >>> eq = bea.modified_equation(loss="x**3/3 + x*y", params="x, y", order=2)
        >>> def momentum(theta, h):  # one step of it, with a velocity that starts from −∇E/10
        ...     x, y = theta
        ...     return [x - 11 * h * (x**2 + y) / 10, y - 11 * h * x / 10]
        >>> assert_modified_equation(momentum, eq)
        Traceback (most recent call last):
        ...
        AssertionError: the step is not that of the modified equation of gradient descent on
        E = x**3/3 + x*y: at θ = (...) its local error against the flow of order 0 is of order
        1.000, not 2, so f_0 is not the step's
        ...
    """
    if not isinstance(equation, (ModifiedEquation, Series)):
        raise InputError(
            f"{equation!r} is no modified equation: give that of its method, such as "
            "loss.equation(order=1) of a sample or bea.modified_equation(...)"
        )
    reference = reference_of(
        step, equation, order, field=field, method=None, at=at, constants=constants,
        step_sizes=step_sizes, precision=precision,
    )  # fmt: skip
    return _examined(reference, [*reference.lower_orders, reference.order])


def _examined(reference: Reference, orders: Sequence[int]) -> tuple[OrderReport, ...]:
    """The reports that confirm all the orders, at enough points."""
    confirmed: list[OrderReport] = []
    found: list[OrderReport]
    generic = 0
    obstacle = "there was no point to try"
    for point, is_given in reference.points():
        try:
            at_order = reference.reports_at(point)
            try:
                found = [_settled(reference, at_order, p=p, point=point) for p in orders]
            finally:
                reference.step.examine()  # what is no function has no order: that is said first
        except StepError as error:
            raise AssertionError(f"{reference.title}: {error}") from error
        except BeaError as error:
            found, obstacle = [], f"at θ = {reference.shown(point)}: {error}"
        else:
            for report in found:
                if reference.verdict(report) == "unresolved":
                    obstacle = f"at θ = {reference.shown(point)}: {report}"
        settled = [r for r in found if reference.verdict(r) == "confirmed"]
        if len(settled) < len(orders):
            if is_given:
                raise AssertionError(f"nothing is settled about {reference.title} {obstacle}")
            continue
        confirmed += settled
        generic += not is_given
        if generic == reference.enough:
            break
    if generic < reference.enough:
        where = "none" if not generic else f"{generic} and not {reference.enough}"
        raise AssertionError(
            f"nothing is settled about {reference.title}: of the points tried {where} told "
            f"anything; give at=, points where the field is smooth; the last was {obstacle}"
        )
    if unseen := reference.never_seen(confirmed):
        raise AssertionError(
            f"nothing is settled about {', '.join(unseen[:4])} in {reference.title}: its errors "
            "are round-off, or hidden by the next term, wherever the others are not; give "
            f"step_sizes= at which they are not, or a step that takes mpmath numbers; the last was "
            f"{confirmed[-1]}"
        )
    try:
        reference.look_elsewhere(confirmed)
        reference.step.examine()
    except StepError as error:
        raise AssertionError(f"{reference.title}: {error}") from error
    return tuple(confirmed)


def _settled(reference: Reference, at_order: Reports, *, p: int, point: Any) -> OrderReport:
    """The report of order p, or where f_{p+1} vanishes that of the first order that tells more.

    Raises:
        AssertionError: it refutes what is asserted.
    """
    q = p
    while q < p + MAX_KNOWN_TO_VANISH and reference.is_known_to_vanish(q + 1):
        q += 1
    report = at_order(q)
    for _ in range(LOOK_FURTHER if reference.looks_further else 0):
        if not report.vanishes or reference.verdict(report) == "refuted":
            break
        q += 1
        report = at_order(q)
    if is_rounding_of_literals(report) and reference.verdict(report) == "refuted":
        at_order = reference.reports_at(point, "float64")
        report = at_order(q)
    if reference.verdict(report) == "refuted":
        raise AssertionError(_refutation(reference, at_order, report=report, point=point))
    return report


def _refutation(reference: Reference, at_order: Reports, *, report: OrderReport, point: Any) -> str:
    """What was measured, where, which correction is the first that does not fit, and the table."""
    for p in reference.lower_orders:
        if p < report.order:
            lower = at_order(p)
            if reference.verdict(lower) == "refuted":
                report = lower
                break
    p = report.order
    measured = "" if report.measured_order is None else f" of order {report.measured_order:.3f}"
    head = (
        f"the step is not that of {reference.title}: at θ = {reference.shown(point)} its local "
        f"error against the flow of order {p} is{measured}"
    )
    if report.is_coarse:
        said = (
            f", and it has a relative noise of {report.step_noise:.1g}: is float32 at work in it?"
        )
    elif report.refuted and report.as_a_whole == "confirmed":
        said = f", as it should, but {'; '.join(f'{c.name} {c.why}' for c in report.refuted[:4])}"
    elif report.measured_order is None:
        said = (
            f", below the round-off, and not of order {p + 2}: the step follows it more closely "
            f"than that{reference.remedy_if_closer}"
        )
    elif report.vanishes:
        said = f", not above {p + 2}, where f_{p + 1} = 0"
    elif abs(report.measured_order - (p + 2)) < 0.1:
        said = (
            f", as it should, but error/h^{p + 2} tends to {_shown(report.limit)} "
            f"and not to {_shown(report.expected_limit)}, so f_{p + 1} is not the step's"
        )
    elif report.measured_order > p + 2:
        said = (
            f", not {p + 2}: the step follows it more closely than that{reference.remedy_if_closer}"
        )
    else:
        wrong = max(0, min(round(report.measured_order) - 1, p))
        said = f", not {p + 2}, so f_{wrong} is not the step's"
    by_component = report.refuted and report.as_a_whole == "confirmed"  # the note says it again
    note = f" ({report.note})" if report.note and not (report.is_coarse or by_component) else ""
    return f"{head}{said}{note}\n{_table(report)}"


def _table(report: OrderReport) -> str:
    n = report.expected_order
    rows = zip(report.step_sizes, report.errors, report.floors, report.usable, strict=True)
    lines = [f"        h        |θ_1 − θ̃(h)|    …/h^{n:<6d}   floor      ({report.precision})"]
    lines += [
        f"  {h:12.4e}  {error:12.4e}  {_over(error, h, n)}  {floor:9.1e}"
        + ("" if used else "   below the floor")
        for h, error, floor, used in rows
    ]
    return "\n".join(lines)


def _over(error: float, h: float, n: int) -> str:
    """The quotient error/hⁿ, whose power may be out of the range of floats."""
    import mpmath

    return f"{mpmath.nstr(mpmath.mpf(error) / mpmath.mpf(h) ** n, 6):>12}"


def _shown(vector: Sequence[float] | None) -> str:
    numbers = [f"{x:.6g}" for x in vector or ()]
    return f"({', '.join(numbers[:4])}{', …' if len(numbers) > 4 else ''})"
