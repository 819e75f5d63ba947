"""From the local errors at several step sizes to an order and a leading constant.

The order is fitted to the errors that stand clear of the round-off floor, the limit of
(θ_1 − θ̃(h))/h^{p+2} is extrapolated from them and compared with f_{p+1}(θ_0). The errors come from
`step_and_flow` or `series_on_pytrees`; the caller (`local_error`, `bea.testing`) chooses step sizes
and arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import mpmath
import numpy as np
import sympy as sp

from bea.errors import BeaError
from bea.numeric.orders.components import MIN_SIZES, SAFETY, ComponentReport, judged
from bea.numeric.orders.corrections import Corrections
from bea.numeric.orders.fits import divided, fitted_limit, fitted_order, norm
from bea.numeric.orders.multiprecision import Multiprecision
from bea.numeric.orders.report import CONSTANT_TOLERANCE, OrderReport
from bea.numeric.orders.series_on_pytrees import SeriesOnPytrees
from bea.numeric.orders.user_step import StepInFloat64

CLEAR = 1e4
"""How many times its noise the errors of a step in float64 are, where its step sizes are chosen."""
TINY = 1e-300


class Measurable(Protocol):
    """An arithmetic in which steps and flows are computed at a point."""

    name: str
    finer: str

    def number(self, value: Any) -> Any:
        """A number of this arithmetic."""
        ...

    def local_errors(self, p: int, step_sizes: Sequence[Any]) -> list[np.ndarray]:
        """The differences θ_1 − θ̃(h) for the flow θ̃ of order p, one for each step size."""
        ...

    def floors(self, p: int, step_sizes: Sequence[Any]) -> Sequence[Any]:
        """The round-off in them."""
        ...

    def floors_of_each(self, p: int, step_sizes: Sequence[Any]) -> Sequence[np.ndarray]:
        """The round-off in every component of them."""
        ...

    def components(self) -> Sequence[tuple[str, slice]]:
        """The components that are judged by themselves, by name: parameters, or leaves."""
        ...

    def step_noise(self, h: Any) -> float | None:
        """The noise of a user's step, as in `OrderReport`."""
        ...


@dataclass(frozen=True)
class Expected:
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
    def on_field(cls, arithmetic: SeriesOnPytrees) -> Expected:
        """Those of a series on a field, and Euler's of the same field."""
        fields = arithmetic.significant_corrections
        euler = arithmetic.euler.significant_corrections
        time_scales = _time_scales(fields) + _time_scales(euler)
        if stiffness := arithmetic.stiffness:
            time_scales.append(mpmath.mpf(2) / stiffness)  # |f|/|f_1| where f is steepest
        time_scale = min(time_scales, default=mpmath.mpf(1))
        return cls(fields, time_scale, -1 if arithmetic.is_modifying else 1)

    def vanishes(self, l: int) -> bool:
        """Is f_l(θ) = 0?"""
        return not self.fields[l].any()

    def step_sizes(self, powers: Sequence[float | Fraction]) -> list[mpmath.mpf]:
        """The step sizes T/2^k."""
        return [self.time_scale / mpmath.mpf(2) ** mpmath.mpmathify(k) for k in powers]

    def resolved_step_sizes(
        self, arithmetic: StepInFloat64, p: int, first: int
    ) -> list[mpmath.mpf]:
        """Step sizes from T/2^first down to where the noise of the step comes near to its error."""
        (largest,), constant = self.step_sizes([first]), norm(self.limit(p))
        noise, _ = arithmetic.noise_and_move(largest)
        deepest = 20.0
        if constant:
            ratio = constant * self.time_scale ** (p + 2) / (CLEAR * max(noise, TINY))
            deepest = min(deepest, float(mpmath.log(ratio, 2)) / (p + 2)) if ratio > 0 else 0.0
        span = max(deepest - first, 2.0)
        return self.step_sizes([first + span * k / 7 for k in range(8)])

    @classmethod
    def at(cls, corrections: Corrections, theta: Sequence[sp.Expr]) -> Expected:
        """Evaluate the corrections of an equation, and Euler's of the same field.

        Those of a method of high order may vanish, and say nothing about the field then.
        """
        fields = _significant(corrections, theta)
        euler = _significant(corrections.euler, theta)
        time_scale = min(_time_scales(fields) + _time_scales(euler), default=mpmath.mpf(1))
        return cls(fields, time_scale, -1 if corrections.equation.is_modifying else 1)


def _significant(corrections: Corrections, theta: Sequence[sp.Expr]) -> np.ndarray:
    """The corrections at a point, with zeros for those that are nothing but round-off."""
    arithmetic = Multiprecision(corrections, theta)
    fields = arithmetic.corrections
    return np.where((abs(fields).max(axis=-1) > arithmetic.noise)[:, None], fields, 0 * fields)


def _time_scales(fields: np.ndarray) -> list[mpmath.mpf]:
    """The scales (|f_k|/|f_l|)^{1/(l−k)}, where f_k is the first correction that is not zero."""
    sizes = [(l, norm(f)) for l, f in enumerate(fields) if f.any()]
    return [mpmath.root(sizes[0][1] / size, l - sizes[0][0]) for l, size in sizes[1:]]


def measure(
    arithmetic: Measurable,
    expected: Expected,
    p: int,
    *,
    sizes: Sequence[Any],
    differences: Sequence[np.ndarray] | None = None,
) -> OrderReport:
    """The local errors for the order p at these step sizes, and what follows from them.

    Args:
        arithmetic: where steps and flows are computed.
        expected: the corrections, at least f_{p+1}.
        p: the order of the flow.
        sizes: the step sizes, positive.
        differences: θ_1 − θ̃(h), where they are known.
    """
    limit = expected.limit(p)
    constant = norm(limit)
    steps = [arithmetic.number(h) for h in sizes]
    if differences is None:
        differences = arithmetic.local_errors(p, steps)
    floors = [mpmath.mpf(floor) for floor in arithmetic.floors(p, steps)]
    h = [mpmath.mpf(step) for step in steps]
    errors = [norm(d) for d in differences]
    usable = [bool(e > SAFETY * floor) for e, floor in zip(errors, floors, strict=True)]

    chosen = [i for i, u in enumerate(usable) if u]
    measured = ratio = defect = found = None
    uncertainty = 0.0
    if len(chosen) >= MIN_SIZES:
        x = np.array([float(h[i] / max(h)) for i in chosen])
        measured = fitted_order(x, np.array([float(mpmath.log(errors[i])) for i in chosen]))
        if constant > 0:
            found, uncertainty = leading_vector(differences, floors, h, p=p, size=constant)
            ratio = float(np.linalg.norm(found))
            defect = float(np.linalg.norm(found - divided(limit, constant)))
            found = found * float(constant)
    report = OrderReport(
        order=p,
        expected_order=p + 2,
        measured_order=measured,
        leading_constant=_float(constant),
        leading_constant_ratio=ratio,
        leading_defect=defect,
        limit=None if found is None else tuple(map(_float, found)),
        expected_limit=tuple(map(float, limit)),
        uncertainty=uncertainty,
        round_off_floor=_float(floors[min(chosen or [0], key=lambda i: h[i])]),
        step_sizes=tuple(map(_float, h)),
        errors=tuple(map(_float, errors)),
        floors=tuple(map(_float, floors)),
        usable=tuple(usable),
        precision=arithmetic.name,
        step_noise=arithmetic.step_noise(max(steps)),
        speed=float(norm(expected.fields[0])),
        time_scale=float(expected.time_scale),
        vanishes=constant == 0,
        components=_judged(arithmetic, expected, p, steps=steps, differences=differences),
    )
    notes = _notes(report, arithmetic)
    return replace(report, note="; ".join(notes))


def _judged(
    arithmetic: Measurable,
    expected: Expected,
    p: int,
    *,
    steps: Sequence[Any],
    differences: Sequence[np.ndarray],
) -> tuple[ComponentReport, ...]:
    """The components, each by itself."""
    floors, limit = arithmetic.floors_of_each(p, steps), expected.limit(p)
    h = [mpmath.mpf(step) for step in steps]
    return tuple(
        judged(
            name,
            [d[part] for d in differences],
            [norm(floor[part]) for floor in floors],
            step_sizes=h,
            p=p,
            limit=limit[part],
            speed=norm(expected.fields[0][part]),
        )
        for name, part in arithmetic.components()
    )


def leading_vector(
    differences: Sequence[np.ndarray],
    floors: Sequence[Any],
    step_sizes: Sequence[Any],
    *,
    p: int,
    size: Any,
) -> tuple[np.ndarray, float]:
    """The limit of (θ_1 − θ̃(h))/h^{p+2} as h → 0, and what round-off may do to it.

    Args:
        differences: θ_1 − θ̃(h), one for each step size.
        floors: the round-off in them.
        step_sizes: h.
        p: the order.
        size: the unit in which the limit is given, about its length.

    Returns:
        The limit over the size, in floats, and the uncertainty of its length; zeros where too few
        of the differences stand clear of their floors.
    """
    errors = [norm(d) for d in differences]
    clear = [i for i, e in enumerate(errors) if e > SAFETY * floors[i]]
    if len(clear) < MIN_SIZES:
        return np.zeros(len(differences[0])), 0.0
    largest = max(step_sizes[i] for i in clear)
    x = np.array([float(step_sizes[i] / largest) for i in clear])
    scaled = np.array([divided(differences[i], step_sizes[i] ** (p + 2) * size) for i in clear])
    noise = np.array([float(floors[i] / errors[i]) for i in clear])
    return fitted_limit(x, scaled, noise)[:2]


def _notes(
    report: OrderReport,
    arithmetic: Measurable,
) -> Iterator[str]:
    """What a reader should know about the measurement, and what to do where it falls short."""
    p, usable = report.order, sum(report.usable)
    if report.vanishes and report.speed:
        yield f"f_{p + 1} vanishes at this point, so the error is of higher order"
    names = report.untested
    if names and report.outcome != "not tested":
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        yield f"{shown} not tested: below its own round-off or hidden by the next term"
    if report.passed:
        return
    if report.as_a_whole != "refuted":
        for component in report.refuted[:4]:
            yield f"{component.name} {component.why}"
    if not report.speed and not any(report.usable):
        yield "the field is zero at this point and nothing moves: choose another point"
        return
    if isinstance(arithmetic, SeriesOnPytrees) and arithmetic.kinks:
        kinks = ", ".join(arithmetic.kinks)
        yield f"the field has kinks ({kinks}), and the order asks for a smooth one"
    if usable < MIN_SIZES:
        yield (
            f"only {usable} errors stand clear of round-off: use larger step sizes"
            f"{arithmetic.finer}"
        )
    if report.is_coarse:
        yield (
            f"the step computes with a relative noise of {report.step_noise:.1g}, which float64 "
            "does not explain: is there float32 in it?"
        )
    if report.uncertainty > CONSTANT_TOLERANCE:
        yield (
            f"round-off leaves the limit uncertain by {report.uncertainty:.1g}: "
            f"use larger step sizes{arithmetic.finer}"
        )
    if max(report.step_sizes) > report.time_scale / 2:
        yield (
            f"the step sizes are not small against {report.time_scale:.2g}, the time scale of the "
            "field"
        )


def _float(number: mpmath.mpf) -> float:
    if not np.isfinite(float(number)):
        raise BeaError(
            f"{mpmath.nstr(number, 5)} is out of the range of float64: rescale the parameters"
        )
    return float(number)
