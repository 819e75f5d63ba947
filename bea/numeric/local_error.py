"""What one step of a method says about its modified equation: orders and leading constants.

With θ̃ the flow of the equation of order p, one step from θ_0 satisfies

    (θ_1 − θ̃(h)) / h^{p+2}  →  f_{p+1}(θ_0)        as h → 0,

so that a measurement can check more than a slope on a log–log plot: the limit itself, length and
direction. Errors below the round-off floor of the arithmetic are never used. Where float64 cannot
resolve an order, the measurement is made in multiprecision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import mpmath
import numpy as np
import sympy as sp
from tqdm import tqdm

from bea.errors import InputError
from bea.numeric.arithmetic import Arithmetic, DoublePrecision, Multiprecision, Step
from bea.symbolic.equation import ModifiedEquation

Precision = Literal["auto", "float64", "mpmath"]

SAFETY = 50
"""How many times the round-off floor an error must be to count: 2 % of noise in it at most."""
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
        ratio = (
            "–" if self.leading_constant_ratio is None else f"{self.leading_constant_ratio:.6f}"
        )
        return (
            f"p = {self.order}: order {measured} (expected {self.expected_order}), "
            f"error/h^{self.expected_order} → {ratio} × |f_{self.order + 1}| "
            f"(= {self.leading_constant:.6g}), {sum(self.usable)} step sizes in {self.precision}, "
            f"floor {self.round_off_floor:.1e}: {'ok' if self.passed else 'NOT CONFIRMED'}"
            + (f" ({self.note})" if self.note else "")
        )


def verify_order(
    equation: ModifiedEquation,
    at: Sequence[Any],
    order: int | None = None,
    *,
    constants: Mapping[Any, Any] | None = None,
    step: Step | None = None,
    step_sizes: Sequence[Any] | None = None,
    precision: Precision = "auto",
) -> OrderReport:
    """Measure the local error of one step against the modified flow of order p.

    The error is expected to be f_{p+1}(θ_0)·h^{p+2} + O(h^{p+3}). Order and limit are fitted to the
    errors at several step sizes, those near the round-off floor left out.

    Args:
        equation: the modified equation; corrections beyond its order are derived as needed.
        at: the point θ_0, m numbers: floats, rationals, text such as "1/3", mpmath numbers, or a
            float64 array. A float32 array is refused, not rounded up.
        order: p; by default that of the equation.
        constants: a number for every constant of the equation.
        step: (θ, h) ↦ θ⁺, to check a step of one's own instead of the method's: called with a
            float64 array of shape (m,), or in multiprecision with a list of mpmath numbers.
        step_sizes: at least four, if the default will not do. By default a geometric sequence well
            below the time scale of the field at the point, min_l (|f_0|/|f_l|)^{1/l}.
        precision: "float64" (kernels in JAX, flows by diffrax), "mpmath" (multiprecision), or
            "auto": float64, and mpmath where that does not resolve the order.

    Returns:
        The report; `report.passed` says whether the order and the leading constant are confirmed.

    Raises:
        InputError: the point, a step size or a constant is not usable.

    Source: HLW IX.1; Theorem 3.1 of Barrett and Dherin (2020) is the case p = 1.

    Example:
        >>> import bea
        >>> eq = bea.modified_equation(field=["y", "-x"], params="x, y", order=1)
        >>> report = bea.verify_order(eq, at=(1, "1/2"), precision="mpmath")
        >>> report.expected_order, round(report.measured_order, 3), report.passed
        (3, 3.0, True)
    """
    p = equation.order if order is None else order
    return _verify(equation, at, [p], constants, step, step_sizes, precision, False)[0]


def verify_orders(
    equation: ModifiedEquation,
    at: Sequence[Any],
    order: int | None = None,
    *,
    constants: Mapping[Any, Any] | None = None,
    step: Step | None = None,
    step_sizes: Sequence[Any] | None = None,
    precision: Precision = "auto",
    progress: bool = False,
) -> tuple[OrderReport, ...]:
    """`verify_order` for every p from 0 to the order asked for.

    Args:
        equation, at, constants, step, step_sizes, precision: as for `verify_order`.
        order: the last p; by default that of the equation.
        progress: show a progress bar on standard error.

    Returns:
        One report for each p = 0, …, order.

    Raises:
        InputError: as `verify_order`.

    Source: HLW IX.1.

    Example:
        >>> import bea
        >>> eq = bea.modified_equation(loss="a**4", params="a", order=2)
        >>> [r.passed for r in verify_orders(eq, at=["1/2"], precision="mpmath")]
        [True, True, True]
    """
    last = equation.order if order is None else order
    return _verify(
        equation, at, range(last + 1), constants, step, step_sizes, precision, progress
    )


def _verify(
    equation: ModifiedEquation,
    at: Sequence[Any],
    orders: Sequence[int],
    constants: Mapping[Any, Any] | None,
    step: Step | None,
    step_sizes: Sequence[Any] | None,
    precision: Precision,
    progress: bool,
) -> tuple[OrderReport, ...]:
    if precision not in ("auto", "float64", "mpmath"):
        raise InputError(f"unknown precision {precision!r}: use 'auto', 'float64' or 'mpmath'")
    theta = _checked_point(equation, at)
    values = {getattr(k, "name", k): _exact(v, f"constant {k}") for k, v in (constants or {}).items()}
    sizes = None if step_sizes is None else _checked_sizes(step_sizes)
    last = max(orders, default=0)
    equation = equation.extended(last + 1)

    def in_float64(p: int) -> Arithmetic:
        return double

    def in_mpmath(p: int) -> Arithmetic:
        return Multiprecision(equation.extended(p + 1), theta, values, step, mpmath.mp.dps)

    double = DoublePrecision(equation, theta, values, step)
    choices = {
        "auto": [in_float64, in_mpmath],
        "float64": [in_float64],
        "mpmath": [in_mpmath],
    }[precision]
    reports = []
    for p in tqdm(orders, desc="orders", disable=not progress):
        with mpmath.workdps(20 + 5 * (p + 2)):  # h/T ≥ 2⁻¹³, so that h^{p+2} needs 4(p+2) digits
            for choice in choices:
                arithmetic = choice(p)
                _check_finite(equation, arithmetic)
                report = _measure(arithmetic, p, sizes)
                if report.passed:
                    break
        reports.append(report)
    return tuple(reports)


def _measure(arithmetic: Arithmetic, p: int, sizes: Sequence[Any] | None) -> OrderReport:
    fields = arithmetic.corrections()
    scale = _time_scale(fields)
    number = arithmetic.number
    if sizes is None:
        # float64: T/8 … T/1024; multiprecision can afford to be deep in the asymptotic regime.
        powers = range(3, 11) if arithmetic.name == "float64" else range(9, 14)
        hs = [scale / 2**k for k in powers]
    else:
        hs = [number(h) for h in sizes]
    differences = arithmetic.local_errors(p, hs)
    errors = [_norm(d) for d in differences]
    floors = [arithmetic.floor(h) for h in hs]
    usable = [e > SAFETY * floor for e, floor in zip(errors, floors, strict=True)]
    limit = fields[p + 1]
    constant = _norm(limit)
    if constant <= arithmetic.tiny * _norm(fields[0]) / scale ** (p + 1):
        constant = constant * 0  # f_{p+1}(θ_0) = 0 but for round-off

    chosen = [i for i, u in enumerate(usable) if u]
    ratio = defect = measured = None
    if len(chosen) >= 4:
        x = [float(hs[i] / max(hs)) for i in chosen]
        measured = _fitted_order([float(mpmath.log(hs[i])) for i in chosen],
                                 [float(mpmath.log(errors[i])) for i in chosen], x)
        if constant > 0:
            scaled = [differences[i] / hs[i] ** (p + 2) / constant for i in chosen]
            noise = [float(floors[i] / errors[i]) for i in chosen]
            found = _fitted_limit(x, [[float(c) for c in s] for s in scaled], noise)
            ratio = float(np.linalg.norm(found))
            defect = float(np.linalg.norm(found - np.array([float(c / constant) for c in limit])))
    return OrderReport(
        order=p,
        expected_order=p + 2,
        measured_order=measured,
        leading_constant=float(constant),
        leading_constant_ratio=ratio,
        leading_defect=defect,
        round_off_floor=float(floors[min(chosen or [0], key=lambda i: hs[i])]),
        step_sizes=tuple(float(h) for h in hs),
        errors=tuple(float(e) for e in errors),
        floors=tuple(float(f) for f in floors),
        usable=tuple(bool(u) for u in usable),
        precision=arithmetic.name,
        note=_note(p, constant, len(chosen), arithmetic.name),
    )


def _note(p: int, constant: Any, usable: int, precision: str) -> str:
    if constant == 0:
        return f"f_{p + 1} vanishes at this point, so the error is of higher order"
    if usable < 4:
        return (
            f"only {usable} errors stand clear of round-off: use larger step sizes"
            + ("" if precision == "mpmath" else " or precision='mpmath'")
        )
    return ""


def _time_scale(fields: np.ndarray) -> Any:
    """min_l (|f_0|/|f_l|)^{1/l}: the step size at which the corrections are as large as f."""
    sizes = [_norm(f) for f in fields]
    scales = [
        (sizes[0] / size) ** (sizes[0] ** 0 / l) for l, size in enumerate(sizes) if l and size > 0
    ]
    return min(scales, default=sizes[0] ** 0) if sizes[0] > 0 else sizes[0] * 0 + 1


def _fitted_order(log_h: list[float], log_error: list[float], x: list[float]) -> float:
    """q in log error = log C + q log h + c_1 h + c_2 h² by least squares (x is h, scaled)."""
    powers = [np.ones(len(x)), np.array(log_h), np.array(x), np.array(x) ** 2]
    design = np.stack(powers[: min(4, len(x) - 1)], axis=1)
    return float(np.linalg.lstsq(design, np.array(log_error), rcond=None)[0][1])


def _fitted_limit(x: list[float], values: list[list[float]], noise: list[float]) -> np.ndarray:
    """The value at h = 0 of a cubic through the scaled errors, weighted by what they are worth."""
    degree = min(3, len(x) - 1)
    weight = 1 / (np.array(noise) + np.array(x) ** (degree + 1) * 1e-3)
    design = np.stack([np.array(x) ** k for k in range(degree + 1)], axis=1)
    weighted = weight[:, None] * np.array(values)
    return np.linalg.lstsq(weight[:, None] * design, weighted, rcond=None)[0][0]


def _norm(vector: np.ndarray) -> Any:
    return sum(x * x for x in vector) ** 0.5 if vector.dtype != object else mpmath.norm(list(vector))


def _checked_point(equation: ModifiedEquation, at: Sequence[Any]) -> list[Any]:
    dtype = getattr(at, "dtype", None)
    if dtype is not None and np.issubdtype(dtype, np.floating) and dtype != np.float64:
        raise InputError(
            f"the point is {dtype}, whose round-off hides every order above 2: "
            "give it in float64 (np.asarray(theta, dtype=np.float64)) or as numbers"
        )
    values = list(at) if not isinstance(at, (str, sp.Expr, float, int)) else [at]
    if len(values) != len(equation.params):
        names = ", ".join(p.name for p in equation.params)
        raise InputError(
            f"the point has {len(values)} coordinates for {len(equation.params)} parameters "
            f"({names}): give one for each"
        )
    return [_exact(v, p.name) for v, p in zip(values, equation.params, strict=True)]


def _exact(value: Any, name: str) -> Any:
    """A number as it was given: a rational stays one, a float is itself."""
    if isinstance(value, np.generic):
        if isinstance(value, np.floating) and not isinstance(value, np.float64):
            raise InputError(
                f"{name} is {value.dtype}, whose round-off hides every order above 2: "
                "convert it with float()"
            )
        value = value.item()
    if isinstance(value, str):
        from bea.symbolic.text import parse_number

        value = parse_number(value)
    if isinstance(value, mpmath.mpf):
        finite = bool(mpmath.isfinite(value))
    else:
        try:
            value = sp.sympify(value, strict=True) if not isinstance(value, float) else value
            finite = bool(np.isfinite(float(value)))
        except (TypeError, sp.SympifyError):
            raise InputError(f"{name} = {value!r} is not a number") from None
    if not finite:
        raise InputError(f"{name} is {value}: give a finite number")
    return value


def _checked_sizes(step_sizes: Sequence[Any]) -> list[Any]:
    sizes = [_exact(h, "a step size") for h in step_sizes]
    for h in sizes:
        if not h > 0:
            raise InputError(f"the step size {h} is not positive: a local error needs h > 0")
    if len(set(sizes)) < 4:
        raise InputError(
            f"{len(set(sizes))} different step sizes were given: an order needs at least 4"
        )
    return sizes


def _check_finite(equation: ModifiedEquation, arithmetic: Arithmetic) -> None:
    try:
        fields = arithmetic.corrections()
        finite = all(mpmath.isfinite(x) for x in fields.flat)
    except (ZeroDivisionError, ValueError):
        finite = False
    if not finite:
        raise InputError(
            "the corrections are not finite at this point: move away from the singularity of "
            f"{equation.problem.title}"
        )
