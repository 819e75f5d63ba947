"""From a problem to its corrections: the one place where method, carrier and recursion meet."""

from __future__ import annotations

from collections.abc import Iterator

from bea.symbolic.coordinates import (
    Column,
    CoordinatesCarrier,
    StepExpansion,
    algebra_for,
    euler_displacement,
)
from bea.symbolic.methods import METHODS
from bea.symbolic.problem import Problem
from bea.symbolic.recursion import modified_fields, runge_kutta_displacement


class Derivation:
    """The corrections of a problem, derived as far as anybody has asked, and never twice.

    Args:
        problem: a method on a loss or a field, or a step.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._begin()

    def _begin(self) -> None:
        self.carrier, self._source = _start(self._problem)
        self._fields: list[Column] = []

    def __getitem__(self, l: int) -> Column:
        """The field f_l."""
        try:
            while len(self._fields) <= l:
                self._fields.append(next(self._source))
        except KeyboardInterrupt:
            self._begin()  # an interrupted recursion cannot go on, but can be asked again
            raise
        return self._fields[l]


def _start(problem: Problem) -> tuple[CoordinatesCarrier, Iterator[Column]]:
    """The carrier for a problem, and its fields f_0, f_1, … by the recursion."""
    if problem.step is not None:
        expansion = StepExpansion(problem.step, problem.params, problem.step_size)
        return expansion.carrier, modified_fields(expansion.carrier, expansion.displacement)
    carrier, f = _field(problem)
    if problem.method == METHODS["euler"]:
        return carrier, modified_fields(carrier, euler_displacement(f))
    step = runge_kutta_displacement(carrier, f, problem.method.A, problem.method.b)
    return carrier, modified_fields(carrier, step)


def _field(problem: Problem) -> tuple[CoordinatesCarrier, Column]:
    """f, or f = −∇E, in the algebra made for it."""
    carrier = CoordinatesCarrier(algebra_for(problem.params, problem.expressions))
    if problem.loss is None:
        return carrier, carrier.column(problem.expressions)
    gradient = carrier.gradient(carrier.algebra.element(problem.loss))
    return carrier, Column([-c for c in gradient.components])
