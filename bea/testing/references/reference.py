"""What a step is compared with, in general: points to look at, and measurements there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import sympy as sp

from bea.numeric.orders import checks
from bea.numeric.orders.components import MIN_SIZES
from bea.numeric.orders.local_error import Precision
from bea.numeric.orders.plain_field import is_row_of_numbers
from bea.numeric.orders.report import OrderReport
from bea.numeric.orders.user_step import Step
from bea.testing.recorded import RecordedStep
from bea.testing.verdict import Verdict, verdict

ENOUGH = 3
"""Generic points at which an assertion must be confirmed."""
NEIGHBOURS = 12
"""Generic points near a given one, of which some may lie where the field is not defined."""

Reports = Callable[[int], OrderReport]
"""p ↦ the local error against the flow of order p."""


class Reference(ABC):
    """What a step is compared with.

    Attributes:
        title: how a message calls it.
        order: p.
        sizes: the step sizes, if not the default ones.
        enough: at how many generic points it must be confirmed.
        knows_the_limit: whether f_{p+1} is known.
    """

    title: str
    order: int
    enough = ENOUGH
    knows_the_limit = True
    looks_further = True
    """Where f_{p+1} = 0: whether there are flows of higher orders to look at."""
    remedy_if_closer = ""
    """What to do if the step is of a higher order, as the end of a sentence."""

    def __init__(self, step: Step, sizes: Sequence[Any] | None) -> None:
        self.step = RecordedStep(step)
        self.sizes = None if sizes is None else checks.step_sizes(sizes, MIN_SIZES)

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
        return verdict(report, self.sizes is not None, self.knows_the_limit)

    def never_seen(self, confirmed: Sequence[OrderReport]) -> list[str]:
        """The components that move, and were not tested in any report of some order.

        Args:
            confirmed: the reports, those at one point after those at another.
        """
        names: dict[str, None] = {}
        for p in {report.order for report in confirmed}:
            reports = [r for r in confirmed if r.order == p]
            if any(r.is_the_method for r in reports):
                continue
            unseen = [
                seen[0].name
                for seen in zip(*(r.components for r in reports), strict=True)
                if not any(c.outcome == "confirmed" or c.rests for c in seen)
            ]
            if unseen:
                shown = self.shown_by_the_method(reports[0])
                names.update(dict.fromkeys(name for name in unseen if name not in shown))
        return list(names)

    def shown_by_the_method(self, report: OrderReport) -> set[str]:
        """The components in which the step is its method's own, where f_{p+1} would be seen.

        Args:
            report: of the order p, at the first point.
        """
        return set()

    def look_elsewhere(self, confirmed: Sequence[OrderReport]) -> None:  # noqa: B027
        """Look where nothing was measured: far away, and at larger step sizes.

        Args:
            confirmed: the reports of what was.

        Raises:
            StepError: the step is another one there.
        """

    def named(self, point: Any) -> tuple[str, Any]:
        """The point after what to call it in a sentence."""
        shown = self.shown(point)
        return (f"θ = {shown}" if is_row_of_numbers(point) else shown), point

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
