"""What a measurement of a local error found: an order and a leading constant, confirmed or not.

`measurement` does the measuring.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Literal

import mpmath

from bea.numeric.orders.components import CLEAR, ComponentReport

ORDER_TOLERANCE = 0.1
CONSTANT_TOLERANCE = 1e-3
COARSE = 1e-11
"""Relative noise of a step that float64 does not explain: it leaves 1e-16 and float32 1e-8."""

SAID = {"confirmed": "ok", "refuted": "NOT CONFIRMED", "not tested": "NOT TESTED"}


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
        limit, expected_limit: the two vectors in it, as numbers in a row; limit is None with the
            ratio. (For a modifying integrator of order p the expected one is −f_{p+1}(θ_0).)
        uncertainty: what round-off may do to the defect.
        round_off_floor: the size of the round-off at the smallest step size that was used.
        step_sizes, errors, floors: what was measured; |θ_1 − θ̃(h)| in the Euclidean norm.
        usable: which of the errors stand clear of their floors and were used.
        precision: "float64" or "mpmath".
        step_noise: for a step of the user's own in float64, its noise at the largest step size,
            relative to |θ_1 − θ_0| + |θ_0|/50: about 1e-15 in float64, above 1e-10 where float32
            is at work inside; else None.
        speed: |f(θ_0)|.
        time_scale: T, the step size at which the corrections are as large as f.
        note: a remark where there is something to explain, else empty.
        vanishes: whether f_{p+1}(θ_0) = 0; its length in floats may be 0 before.
        components: the parameters, or the leaves, each judged on its own scale.
        is_the_method: whether the step was found to be that of a named method, to round-off, at
            every step size; where f_{p+1} is itself measured that tells more than a fit.
    """

    order: int
    expected_order: int
    measured_order: float | None
    leading_constant: float
    leading_constant_ratio: float | None
    leading_defect: float | None
    limit: tuple[float, ...] | None
    expected_limit: tuple[float, ...]
    uncertainty: float
    round_off_floor: float
    step_sizes: tuple[float, ...]
    errors: tuple[float, ...]
    floors: tuple[float, ...]
    usable: tuple[bool, ...]
    precision: str
    step_noise: float | None = None
    speed: float = 0.0
    time_scale: float = 1.0
    note: str = ""
    vanishes: bool = False
    components: tuple[ComponentReport, ...] = ()
    is_the_method: bool = False

    @property
    def is_coarse(self) -> bool:
        """Does the step compute with fewer digits than float64 has?"""
        return self.step_noise is not None and self.step_noise > COARSE

    @property
    def refuted(self) -> tuple[ComponentReport, ...]:
        """The components whose errors are not those of the order p."""
        if self.is_the_method:
            return ()
        return tuple(c for c in self.components if c.outcome == "refuted")

    @property
    def untested(self) -> tuple[str, ...]:
        """The names of the components of which nothing is known."""
        return tuple(c.name for c in self.components if c.outcome in ("not tested", "unsettled"))

    def digits_missing(self) -> int:
        """How many digits more would show f_{p+1} in the components whose errors are round-off."""
        h, n = mpmath.mpf(min(self.step_sizes)), self.expected_order
        ratios = [
            mpmath.mpf(max(c.floors)) / (mpmath.mpf(c.expected) * h**n)
            for c in self.components
            if c.outcome == "not tested" and c.expected
        ]
        return max((ceil(mpmath.log10(CLEAR * ratio)) for ratio in ratios if ratio), default=0)

    def with_components_of(self, other: OrderReport) -> OrderReport:
        """The same, with what another measurement at the point tells of untested components.

        Args:
            other: the measurement, at other step sizes.
        """
        components = tuple(
            theirs if mine.name in self.untested else mine
            for mine, theirs in zip(self.components, other.components, strict=True)
        )
        return replace(self, components=components, note=other.note)

    @property
    def outcome(self) -> Literal["confirmed", "refuted", "not tested"]:
        """Is the order p + 2 within 0.1, and the limit f_{p+1}(θ_0) to three digits?

        If f_{p+1}(θ_0) = 0 the error is of higher order, and that is no failure: then the measured
        order must be higher, or the error nothing at all in multiprecision, where the step moves.
        Each component must have its limit to two digits, unless it is not tested. A step that
        computes with fewer digits than float64 has is refuted. Where too few errors are clear of
        round-off, as at a stationary point, nothing was tested.
        """
        return "refuted" if self.refuted else self.as_a_whole

    @property
    def as_a_whole(self) -> Literal["confirmed", "refuted", "not tested"]:
        """The outcome by the norm of the whole vector alone."""
        if self.is_coarse:
            return "refuted"
        if self.is_the_method:
            return "confirmed"
        if self.measured_order is None:
            exact = self.vanishes and self.precision == "mpmath" and not any(self.usable)
            return "confirmed" if exact and self.speed else "not tested"
        if self.leading_defect is None:
            beyond = self.measured_order > self.expected_order + 1 - ORDER_TOLERANCE
            return "confirmed" if beyond else "refuted"
        close = (
            abs(self.measured_order - self.expected_order) < ORDER_TOLERANCE
            and self.leading_defect < CONSTANT_TOLERANCE
        )
        return "confirmed" if close else "refuted"

    @property
    def passed(self) -> bool:
        """Is the order confirmed? False also where nothing was tested: `outcome` tells which."""
        return self.outcome == "confirmed"

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
            "outcome": self.outcome,
            "passed": self.passed,
            "not_tested": list(self.untested),
            "step_sizes": list(self.step_sizes),
            "errors": list(self.errors),
            "usable": list(self.usable),
            "note": self.note,
        }

    def __str__(self) -> str:
        measured = "–" if self.measured_order is None else f"{self.measured_order:.4f}"
        tiny = self.leading_constant == 0 and not self.vanishes
        constant = "below 1e-308" if tiny else f"{self.leading_constant:.6g}"
        ratio = "–" if self.leading_constant_ratio is None else f"{self.leading_constant_ratio:.6f}"
        return (
            f"p = {self.order}: order {measured} (expected {self.expected_order}), "
            f"error/h^{self.expected_order} → {ratio} × |f_{self.order + 1}| "
            f"(= {constant}), {sum(self.usable)} step sizes in {self.precision}, "
            f"floor {self.round_off_floor:.1e}: {SAID[self.outcome]}"
            + (f" ({self.note})" if self.note else "")
        )


class OrderReports(tuple[OrderReport, ...]):
    """The reports of several orders, which print as a table with a line for each order p."""

    __slots__ = ()

    @property
    def passed(self) -> bool:
        """Is every order confirmed?"""
        return all(report.passed for report in self)

    def __str__(self) -> str:
        lines = [
            "order p   expected   measured   |error|/h^(p+2) : |f_(p+1)|   floor     arithmetic",
            *(
                f"{r.order:7d} {r.expected_order:10d} {_shown(r.measured_order, '10.4f')} "
                f"{_shown(r.leading_constant_ratio, '13.6f')} : 1   {r.leading_constant:<12.6g}"
                f"{r.round_off_floor:9.1e}   {r.precision}"
                for r in self
            ),
        ]
        lines += [f"p = {r.order}: {r.note}" for r in self if r.note]
        failed = [str(r.order) for r in self if r.outcome == "refuted"]
        silent = [str(r.order) for r in self if r.outcome == "not tested"]
        if failed:
            lines.append(f"NOT confirmed: p = {', '.join(failed)}")
        if silent:
            lines.append(
                f"NOT TESTED: p = {', '.join(silent)}; nothing is shown, try another point"
            )
        if not failed and not silent:
            lines.append("every order is confirmed")
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def _shown(value: float | None, form: str) -> str:
    width = int(form.partition(".")[0])
    return f"{'–':>{width}}" if value is None else f"{value:{form}}"
