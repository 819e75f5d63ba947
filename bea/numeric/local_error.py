"""What one step of a method says about its modified equation: orders and leading constants.

With θ̃ the flow of the equation of order p, one step from θ_0 satisfies

    (θ_1 − θ̃(h)) / h^{p+2}  →  f_{p+1}(θ_0)        as h → 0,

so that a measurement can check more than a slope on a log–log plot: the limit itself, length and
direction. Errors below the round-off floor of the arithmetic are never used. Where float64 cannot
resolve an order, the measurement is made in multiprecision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from typing import Any, Literal

import mpmath
import numpy as np
import sympy as sp
from tqdm import tqdm

from bea.errors import BeaError, InputError
from bea.numeric import checks
from bea.numeric.arithmetic import Arithmetic, DoublePrecision, Multiprecision, Step
from bea.numeric.field_arithmetic import FieldArithmetic
from bea.pytrees import Field
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.method_table import METHODS
from bea.symbolic.series import Series, modified_series

Precision = Literal["auto", "float64", "mpmath"]

SAFETY = 50
"""How many times the round-off floor an error must be to count: 2 % of noise in it at most."""
DEEP, SHALLOW = 40, 9
"""Multiprecision takes its steps from T/2⁴⁰ on, T being the time scale of the field, and from T/2⁹
where f_{p+1}(θ_0) = 0."""
LEAST_SIZES = 4
"""Step sizes for a fit."""
LARGE = 1e100
ORDER_TOLERANCE = 0.1
CONSTANT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class OrderReport:
    """The local error of one step against the flow of the modified equation of order p.

    Attributes:
        order: p.
        expected_order: p + 2.
        measured_order: the exponent q of the error C·h^q (1 + c h + …) fitted to the usable errors;
            None if there were too few.
        leading_constant: |f_{p+1}(θ_0)|, which the error divided by h^{p+2} must tend to.
        leading_constant_ratio: that limit, measured, over the leading constant; None where the
            leading constant is zero.
        leading_defect: |limit − f_{p+1}(θ_0)| / |f_{p+1}(θ_0)|, which sees the direction as well.
        round_off_floor: the size of the round-off at the smallest step size that was used.
        step_sizes, errors, floors: what was measured; |θ_1 − θ̃(h)| in the Euclidean norm.
        usable: which of the errors stand clear of their floors and were used.
        precision: "float64" or "mpmath".
        note: a remark where there is something to explain, else empty.
    """

    order: int
    expected_order: int
    measured_order: float | None
    leading_constant: float
    leading_constant_ratio: float | None
    leading_defect: float | None
    round_off_floor: float
    step_sizes: tuple[float, ...]
    errors: tuple[float, ...]
    floors: tuple[float, ...]
    usable: tuple[bool, ...]
    precision: str
    note: str = ""

    @property
    def passed(self) -> bool:
        """Is the order p + 2 within 0.1, and the limit f_{p+1}(θ_0) to three digits?

        If f_{p+1}(θ_0) = 0 the error is of higher order, and that is no failure: then the measured
        order must be higher, or the error nothing at all in multiprecision.
        """
        if self.measured_order is None:
            return (
                self.leading_constant == 0 and self.precision == "mpmath" and not any(self.usable)
            )
        if self.leading_defect is None:
            return self.measured_order > self.expected_order + 1 - ORDER_TOLERANCE
        return (
            abs(self.measured_order - self.expected_order) < ORDER_TOLERANCE
            and self.leading_defect < CONSTANT_TOLERANCE
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as `bea verify --format json` prints it."""
        return {
            "order": self.order,
            "expected": self.expected_order,
            "measured": self.measured_order,
            "leading_constant": self.leading_constant,
            "leading_constant_ratio": self.leading_constant_ratio,
            "floor": self.round_off_floor,
            "precision": self.precision,
            "passed": self.passed,
            "step_sizes": list(self.step_sizes),
            "errors": list(self.errors),
            "usable": list(self.usable),
            "note": self.note,
        }

    def __str__(self) -> str:
        measured = "–" if self.measured_order is None else f"{self.measured_order:.4f}"
        ratio = "–" if self.leading_constant_ratio is None else f"{self.leading_constant_ratio:.6f}"
        return (
            f"p = {self.order}: order {measured} (expected {self.expected_order}), "
            f"error/h^{self.expected_order} → {ratio} × |f_{self.order + 1}| "
            f"(= {self.leading_constant:.6g}), {sum(self.usable)} step sizes in {self.precision}, "
            f"floor {self.round_off_floor:.1e}: {'ok' if self.passed else 'NOT CONFIRMED'}"
            + (f" ({self.note})" if self.note else "")
        )


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
    return _verify(equation, at, [p], field, constants, step, step_sizes, precision, False)[0]


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
) -> tuple[OrderReport, ...]:
    """`verify_order` for every p from 0 to the order asked for.

    Args:
        equation: the modified equation, or a series together with a field.
        at: the point θ_0.
        order: the last p; by default that of the equation.
        field: f, for a series.
        constants: a number for every constant of the equation.
        step: a step of one's own to check.
        step_sizes: at least four, if the default will not do.
        precision: "auto", "float64" or "mpmath"; all of these as for `verify_order`.
        progress: show a progress bar on standard error.

    Returns:
        One report for each p = 0, …, order.

    Raises:
        InputError, BeaError: as `verify_order`.

    Source: HLW IX.1.

    Example:
        >>> import bea
        >>> eq = bea.modified_equation(loss="a**4", params="a", order=2)
        >>> [r.passed for r in verify_orders(eq, at=["1/2"], precision="mpmath")]
        [True, True, True]
    """
    orders = range(checks.order(equation, order) + 1)
    return _verify(equation, at, orders, field, constants, step, step_sizes, precision, progress)


def _verify(
    equation: ModifiedEquation | Series,
    at: Any,
    orders: Sequence[int],
    field: Field | None,
    constants: Mapping[Any, Any] | None,
    step: Step | None,
    step_sizes: Sequence[Any] | None,
    precision: Precision,
    progress: bool,
) -> tuple[OrderReport, ...]:
    if precision not in ("auto", "float64", "mpmath"):
        raise InputError(f"unknown precision {precision!r}: use 'auto', 'float64' or 'mpmath'")
    sizes = None if step_sizes is None else checks.step_sizes(step_sizes, LEAST_SIZES)
    measure: Callable[[int], OrderReport]
    with tqdm(total=len(orders), desc="corrections", disable=not progress) as bar:
        if isinstance(equation, Series):
            measure = _on_field(equation, at, max(orders), field, constants, step, sizes, precision)
        elif field is not None:
            raise InputError("the equation has its field already: field= is for a series")
        else:
            measure = _in_coordinates(equation, at, max(orders), constants, step, sizes, precision)
        bar.set_description("orders")
        reports = []
        for p in orders:
            reports.append(measure(p))
            bar.update()
    return tuple(reports)


def _on_field(
    series: Series,
    at: Any,
    highest: int,
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
    arithmetic = FieldArithmetic(series.extended(highest + 1), field, at, constants, step)
    expected = _Expected.on_field(arithmetic)
    powers = [Fraction(k, 2) for k in range(6, 16)]  # there is no multiprecision to go to: close by
    return lambda p: _measure(arithmetic, expected, p, sizes or expected.step_sizes(powers))


def _in_coordinates(
    equation: ModifiedEquation,
    at: Any,
    highest: int,
    constants: Mapping[Any, Any] | None,
    step: Step | None,
    sizes: Sequence[sp.Expr] | None,
    precision: Precision,
) -> Callable[[int], OrderReport]:
    theta = checks.point(equation, at)
    values = checks.constants(equation, constants or {})
    equation = equation.extended(highest + 1)
    with mpmath.workdps(_digits(highest)):
        expected = _Expected.at(equation, theta, values)
    double = cache(partial(DoublePrecision, equation, theta, values, step))

    def in_float64(p: int) -> OrderReport:
        # What is not finite is found and said; numbers that no flow depends on need few digits.
        with np.errstate(all="ignore"), mpmath.workdps(30):
            return _measure(double(), expected, p, sizes or expected.step_sizes(range(3, 11)))

    def in_mpmath(p: int, deep: int = 1) -> OrderReport:
        # Deep enough that the leading term stands out; a higher order is better seen from above.
        first = SHALLOW if deep == 1 and expected.vanishes(p + 1) else deep * DEEP
        with mpmath.workdps((2 * deep - 1) * _digits(p)):
            arithmetic = Multiprecision(equation.extended(p), theta, values, step)
            powers = range(first, first + 5)
            return _measure(arithmetic, expected, p, sizes or expected.step_sizes(powers))

    attempts: list[Callable[[int], OrderReport]] = []
    if precision != "mpmath":
        attempts.append(in_float64)
    if precision != "float64":
        attempts += [in_mpmath, partial(in_mpmath, deep=2)]
    return lambda p: _first_that_passes([partial(attempt, p) for attempt in attempts])


def _digits(p: int) -> int:
    """The digits for order p: at h/T ≥ 2⁻⁴⁴ the error h^{p+2} needs 14(p+2) of them."""
    return 20 + 14 * (p + 2)


def _first_that_passes(attempts: Sequence[Callable[[], OrderReport]]) -> OrderReport:
    """The report of the first attempt that passes; of the last one possible, if none does."""
    report: OrderReport | None = None
    obstacles = []
    for attempt in attempts:
        try:
            report = attempt()
        except BeaError as error:
            obstacles.append(error)
        else:
            if report.passed:
                return report
    if report is None:
        raise obstacles[0]
    return report


@dataclass(frozen=True)
class _Expected:
    """What is known of the corrections at θ, in multiprecision.

    Attributes:
        fields: f_0(θ), …, f_P(θ); what is round-off there is zero here.
        time_scale: T, the step size at which the corrections are as large as f.
        sign: −1 for a modifying integrator: its step lacks f̂_{p+1}, and otherwise the flow does.
    """

    fields: np.ndarray
    time_scale: mpmath.mpf
    sign: int

    def limit(self, p: int) -> np.ndarray:
        """What (θ_1 − θ̃(h))/h^{p+2} tends to for the flow, or the step, of order p."""
        return self.sign * self.fields[p + 1]

    @classmethod
    def on_field(cls, arithmetic: FieldArithmetic) -> _Expected:
        """Those of a series on a field, and Euler's of the same field."""
        fields = euler = arithmetic.significant_corrections
        if not arithmetic.includes(modified_series("euler", 2)):
            euler = arithmetic.with_series(modified_series("euler", 2)).significant_corrections
        time_scales = _time_scales(fields) + _time_scales(euler)
        if stiffness := arithmetic.stiffness:
            time_scales.append(mpmath.mpf(2) / stiffness)  # |f|/|f_1| where f is steepest
        time_scale = min(time_scales, default=mpmath.mpf(1))
        return cls(fields, time_scale, -1 if arithmetic.is_modifying else 1)

    def vanishes(self, l: int) -> bool:
        """Is f_l(θ) = 0?"""
        return not self.fields[l].any()

    def step_sizes(self, powers: Sequence[int | Fraction]) -> list[mpmath.mpf]:
        """The step sizes T/2^k."""
        return [self.time_scale / mpmath.mpf(2) ** mpmath.mpmathify(k) for k in powers]

    @classmethod
    def at(
        cls, equation: ModifiedEquation, theta: Sequence[sp.Expr], constants: Mapping[str, sp.Expr]
    ) -> _Expected:
        """Evaluate the corrections of an equation, and Euler's of the same field.

        Those of a method of high order may vanish, and say nothing about the field then.
        """
        fields = _significant_corrections(equation, theta, constants)
        euler = _significant_corrections(_with_euler(equation), theta, constants)
        time_scale = min(_time_scales(fields) + _time_scales(euler), default=mpmath.mpf(1))
        return cls(fields, time_scale, -1 if equation.is_modifying else 1)


def _significant_corrections(
    equation: ModifiedEquation, theta: Sequence[sp.Expr], constants: Mapping[str, sp.Expr]
) -> np.ndarray:
    arithmetic = Multiprecision(equation, theta, constants)
    fields = arithmetic.corrections
    return np.where((abs(fields).max(axis=-1) > arithmetic.noise)[:, None], fields, 0 * fields)


def _with_euler(equation: ModifiedEquation) -> ModifiedEquation:
    """Explicit Euler's modified equation for the same f_0, to order 2."""
    euler, problem = METHODS["euler"], equation.problem
    if equation.method == euler:
        return equation.extended(2)
    if problem.step is not None:
        problem = replace(problem, step=None, field=tuple(equation.extended(0).corrections[0]))
    return ModifiedEquation(replace(problem, method=euler), order=2)


def _time_scales(fields: np.ndarray) -> list[mpmath.mpf]:
    """The scales (|f_k|/|f_l|)^{1/(l−k)}, where f_k is the first correction that is not zero."""
    sizes = [(l, _norm(f)) for l, f in enumerate(fields) if f.any()]
    return [mpmath.root(sizes[0][1] / size, l - sizes[0][0]) for l, size in sizes[1:]]


def _measure(
    arithmetic: Arithmetic | FieldArithmetic, expected: _Expected, p: int, sizes: Sequence[Any]
) -> OrderReport:
    limit = expected.limit(p)
    constant = _norm(limit)
    steps = [arithmetic.number(h) for h in sizes]
    differences = arithmetic.local_errors(p, steps)
    floors = [mpmath.mpf(floor) for floor in arithmetic.floors(p, steps)]
    h = [mpmath.mpf(step) for step in steps]
    errors = [_norm(d) for d in differences]
    usable = [bool(e > SAFETY * floor) for e, floor in zip(errors, floors, strict=True)]

    chosen = [i for i, u in enumerate(usable) if u]
    measured = ratio = defect = None
    uncertainty = 0.0
    if len(chosen) >= LEAST_SIZES:
        x = np.array([float(h[i] / max(h)) for i in chosen])
        measured = _fitted_order(x, np.array([float(mpmath.log(errors[i])) for i in chosen]))
        if constant > 0:
            scaled = [_divided(differences[i], h[i] ** (p + 2) * constant) for i in chosen]
            noise = np.array([float(floors[i] / errors[i]) for i in chosen])
            found, uncertainty = _fitted_limit(x, np.array(scaled), noise)
            ratio = float(np.linalg.norm(found))
            defect = float(np.linalg.norm(found - _divided(limit, constant)))
    report = OrderReport(
        order=p,
        expected_order=p + 2,
        measured_order=measured,
        leading_constant=_float(constant),
        leading_constant_ratio=ratio,
        leading_defect=defect,
        round_off_floor=_float(floors[min(chosen or [0], key=lambda i: h[i])]),
        step_sizes=tuple(map(_float, h)),
        errors=tuple(map(_float, errors)),
        floors=tuple(map(_float, floors)),
        usable=tuple(usable),
        precision=arithmetic.name,
    )
    notes = _notes(report, uncertainty, float(expected.time_scale), arithmetic)
    return replace(report, note="; ".join(notes))


def _notes(
    report: OrderReport,
    uncertainty: float,
    time_scale: float,
    arithmetic: Arithmetic | FieldArithmetic,
) -> Iterator[str]:
    """What a reader should know about the measurement, and what to do where it falls short."""
    p, usable = report.order, sum(report.usable)
    if report.leading_constant == 0:
        yield f"f_{p + 1} vanishes at this point, so the error is of higher order"
    if report.passed:
        return
    if isinstance(arithmetic, FieldArithmetic) and arithmetic.kinks:
        kinks = ", ".join(arithmetic.kinks)
        yield f"the field has kinks ({kinks}), and the order asks for a smooth one"
    if usable < LEAST_SIZES:
        yield (
            f"only {usable} errors stand clear of round-off: use larger step sizes"
            f"{arithmetic.finer}"
        )
    if uncertainty > CONSTANT_TOLERANCE:
        yield (
            f"round-off leaves the limit uncertain by {uncertainty:.1g}: "
            f"use larger step sizes{arithmetic.finer}"
        )
    if max(report.step_sizes) > time_scale / 2:
        yield f"the step sizes are not small against {time_scale:.2g}, the time scale of the field"


def _fitted_order(x: np.ndarray, log_error: np.ndarray) -> float:
    """The q in log error = log C + q log h + c_1 h + c_2 h² by least squares; x is h, scaled."""
    powers = [np.ones(len(x)), np.log(x), x, x**2]
    design = np.stack(powers[: min(4, len(x) - 1)], axis=1)
    return float(np.linalg.lstsq(design, log_error, rcond=None)[0][1])


def _fitted_limit(x: np.ndarray, values: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, float]:
    """The value at h = 0 of a cubic through the scaled errors, and what round-off may do to it.

    Each error has the weight that it is worth, by its noise and by the terms beyond the cubic.
    """
    degree = min(3, len(x) - 1)
    weight = 1 / (noise + 1e-3 * x ** (degree + 1))
    design = np.stack([x**k for k in range(degree + 1)], axis=1)
    extrapolation = np.linalg.pinv(weight[:, None] * design)[0] * weight
    return extrapolation @ values, float(abs(extrapolation) @ noise)


def _float(number: mpmath.mpf) -> float:
    if not np.isfinite(float(number)):
        raise BeaError(
            f"{mpmath.nstr(number, 5)} is out of the range of float64: rescale the parameters"
        )
    return float(number)


def _norm(vector: np.ndarray) -> mpmath.mpf:
    if vector.dtype != np.float64:
        return mpmath.norm(list(vector))
    largest = np.abs(vector).max()  # taken out, so that no square leaves the range
    return mpmath.mpf(largest) * np.linalg.norm(vector / largest) if largest else mpmath.mpf(0)


def _divided(vector: np.ndarray, size: mpmath.mpf) -> np.ndarray:
    """The vector over a number that may be out of the range of floats, in floats."""
    if vector.dtype == np.float64:
        largest = np.abs(vector).max()
        if largest == 0:
            return vector
        vector, size = vector / largest, size / mpmath.mpf(largest)
        return vector * float(min(1 / size, LARGE))
    # A wrong order makes them as large as you like, and no float holds them.
    return np.clip(np.array(vector / size, dtype=float), -LARGE, LARGE)
