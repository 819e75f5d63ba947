"""Which reference the arguments of an assertion describe."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bea.errors import InputError
from bea.numeric.orders.local_error import Precision
from bea.numeric.orders.user_step import Step
from bea.pytrees import Field
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.methods.named import method_named
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.series import Series, modified_series
from bea.testing.references.equation import EquationReference
from bea.testing.references.plain_field import PlainFieldReference
from bea.testing.references.reference import Reference
from bea.testing.references.series import SeriesReference
from bea.testing.samples import SampleField, SampleLoss, SampleNetwork


def reference_of(
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
) -> Reference:
    """The reference that the arguments of an assertion describe.

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
        return EquationReference(
            step, equation, order, at=at, constants=constants, sizes=step_sizes, precision=precision
        )
    if isinstance(equation, Series):
        return SeriesReference(
            step, equation, order, field=field, at=at, constants=constants, sizes=step_sizes
        )
    if field is not None:
        raise InputError("two fields were given: field= is for a series")
    if not callable(equation):
        raise InputError(
            f"{equation!r} is neither a modified equation nor a series nor a field: give what "
            "bea.modified_equation or bea.modified_series returns, or a function of theta"
        )
    return _on_plain_field(
        step, equation, order=order, method=method, at=at, sizes=step_sizes, precision=precision
    )


def _on_plain_field(
    step: Step,
    field: Callable[..., Any],
    *,
    order: int | None,
    method: str | ButcherTableau | None,
    at: Any,
    sizes: Sequence[Any] | None,
    precision: Precision,
) -> Reference:
    if isinstance(field, SampleNetwork):
        raise InputError("a SampleNetwork is a loss: give its field, network.field")
    if isinstance(field, SampleLoss):
        field = field.field
    if isinstance(field, SampleField) and (method is not None or not order):
        # The field is exact: f_{p+1} is derived, and nothing about it is estimated.
        tableau = method_named("euler" if method is None else method)
        p = _order_of(tableau) - 1 if order is None else order
        equation = field.equation(order=p, method=tableau)
        reference = EquationReference(
            step, equation, p, at=at, constants=None, sizes=sizes, precision=precision
        )
        reference.title = f"the flow of the given field by {tableau.name}"
        reference.remedy_if_closer = " (name its method with method=)"
        return reference
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
        return PlainFieldReference(
            step,
            cast(Callable[..., Any], field),
            order,
            method=None,
            at=at,
            sizes=sizes,
            precision=precision,
        )

    def of_theta(theta: Any, h: Any) -> Any:
        return field(theta)

    if method is None and order:
        return PlainFieldReference(
            step, of_theta, order, method=None, at=at, sizes=sizes, precision=precision
        )
    tableau = method_named("euler" if method is None else method)
    own = _order_of(tableau) - 1
    if order is None or order == own:
        return PlainFieldReference(
            step, of_theta, own, method=tableau, at=at, sizes=sizes, precision=precision
        )
    if at is None:
        at = next(
            PlainFieldReference(
                step, of_theta, own, method=tableau, at=at, sizes=sizes, precision=precision
            ).points()
        )[0]
    return SeriesReference(
        step,
        modified_series(tableau, order),
        order,
        field=field,
        at=at,
        constants=None,
        sizes=sizes,
    )


def _order_of(method: ButcherTableau) -> int:
    """The order of a method, the l of its first f_l ≠ 0, as far as 8; no further is derived."""
    return next((l for l in range(1, 9) if modified_series(method, l).terms(l)), 8)


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
