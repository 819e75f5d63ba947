"""From a problem to its corrections: the one place where method, carrier and recursion meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bea.errors import InputError
from bea.symbolic.coordinates import (
    Column,
    CoordinatesCarrier,
    StepExpansion,
    algebra_for,
    euler_displacement,
)
from bea.symbolic.method_table import METHODS
from bea.symbolic.problem import Problem
from bea.symbolic.recursion import modified_fields, runge_kutta_displacement

Start = Callable[[], tuple[CoordinatesCarrier, Iterator[Column]]]


class Derivation:
    """Corrections, derived as far as anybody has asked, and never twice.

    Args:
        start: makes the carrier and, on it, the fields f_0, f_1, … one after the other.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._begin()

    def _begin(self) -> None:
        self.carrier, self._source = self._start()
        self._fields: list[Column] = []

    def __getitem__(self, l: int) -> Column:
        """The field f_l."""
        try:
            while len(self._fields) <= l:
                self._fields.append(next(self._source))
        except (KeyboardInterrupt, InputError):
            self._begin()  # a generator that was interrupted cannot go on, but can be made again
            raise
        return self._fields[l]


def by_recursion(problem: Problem) -> tuple[CoordinatesCarrier, Iterator[Column]]:
    """The carrier for a problem, and its fields f_0, f_1, … by the recursion."""
    if problem.step is not None:
        expansion = StepExpansion(problem.step, problem.params, problem.step_size)
        return expansion.carrier, modified_fields(expansion.carrier, expansion.displacement)
    carrier, f = field_of(problem)
    if problem.method == METHODS["euler"]:
        return carrier, modified_fields(carrier, euler_displacement(f))
    step = runge_kutta_displacement(carrier, f, problem.method.A, problem.method.b)
    return carrier, modified_fields(carrier, step)


def field_of(problem: Problem) -> tuple[CoordinatesCarrier, Column]:
    """f, or f = −∇E, in the algebra made for it."""
    needed = [*problem.expressions, *problem.method.irrational_entries]
    carrier = CoordinatesCarrier(algebra_for(problem.params, needed))
    if problem.loss is None:
        return carrier, carrier.column(problem.expressions)
    gradient = carrier.gradient(carrier.algebra.element(problem.loss))
    return carrier, Column([-c for c in gradient.components])
