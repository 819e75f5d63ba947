"""From a problem to its corrections: the one place where method, carrier and recursion meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import count, islice
from threading import RLock
from typing import Any

from bea.errors import InputError
from bea.symbolic.coordinates.carrier import (
    Column,
    CoordinatesCarrier,
    algebra_for,
    euler_displacement,
)
from bea.symbolic.coordinates.problem import Problem
from bea.symbolic.methods.named import METHODS
from bea.symbolic.methods.stages import step_coefficients
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.parsing.limits import TOO_DEEP, TooManyTermsError
from bea.symbolic.recursion import modified_fields
from bea.symbolic.ring.scalars import Scalar, linear_combination
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra
from bea.symbolic.trees.by_order import coefficients_of

Start = Callable[[], tuple[CoordinatesCarrier, Callable[[], Iterator[Column]]]]


class Derivation:
    """Corrections, derived when they are first needed, and never twice.

    Several threads may ask: one derives, and the others wait for it.

    Args:
        start: makes the carrier, and what makes on it the fields f_0, f_1, … one after the other.
    """

    def __init__(self, start: Start) -> None:
        try:
            self.carrier, self._from_the_first = start()
        except RecursionError:
            raise InputError(f"the input has {TOO_DEEP}") from None
        self._source = self._from_the_first()
        self._fields: list[Column] = []
        self._lock = RLock()
        self.polynomials: dict[int, Any] = {}
        """The input of kernels, by order, converted once for all equations with these fields."""

    def __getitem__(self, l: int) -> Column:
        """The field f_l.

        Raises:
            TooManyTermsError: it, or one before it, outgrows the limit.
        """
        with self._lock:
            return self._derived(l)

    def _derived(self, l: int) -> Column:
        try:
            while len(self._fields) <= l:
                self._fields.append(next(self._source))
        except BaseException as end:
            # A generator that was interrupted cannot go on, but another one can catch up with it.
            known = len(self._fields)
            self._source = islice(self._from_the_first(), known, None)
            if isinstance(end, TooManyTermsError):
                what = f"f_{known}, with all that it is derived from,"
                raise TooManyTermsError(end.most, what) from None
            raise
        return self._fields[l]


class CountedTerms:
    """The carrier with which the recursion works: it counts the terms that are written down.

    Args:
        carrier: the arithmetic.
        most: refuse more terms than this in all.
    """

    def __init__(self, carrier: CoordinatesCarrier, most: int) -> None:
        self._carrier, self._most, self._terms = carrier, most, 0

    def combine(self, terms: Iterable[tuple[Scalar, Column]]) -> Column:
        """Σ c·g."""
        return self._counted(self._carrier.combine(terms))

    def derive(self, g: Column, along: Column) -> Column:
        """D_v g."""
        return self._counted(self._carrier.derive(g, along))

    def _counted(self, g: Column) -> Column:
        self._terms += sum(map(self._carrier.algebra.length, g.components))
        if self._terms > self._most:
            raise TooManyTermsError(self._most)
        return g


def by_recursion(
    problem: Problem,
) -> tuple[CoordinatesCarrier, Callable[[], Iterator[Column]]]:
    """The carrier for a problem, and what makes its fields f_0, f_1, … by the recursion."""
    most = problem.most_terms
    if problem.step is not None:
        from bea.symbolic.coordinates.step_expansion import StepExpansion

        expansion = StepExpansion(problem.step, problem.params, problem.step_size, most_terms=most)
        carrier = expansion.carrier
        return carrier, lambda: modified_fields(CountedTerms(carrier, most), expansion.displacement)
    carrier, f = field_of(problem)

    if isinstance(carrier.algebra, UnexpandedAlgebra):
        return carrier, lambda: _by_trees(carrier, f, problem.method)

    def fields() -> Iterator[Column]:
        counted = CountedTerms(carrier, most)
        if problem.method == METHODS["euler"]:
            return modified_fields(counted, euler_displacement(f))
        step = step_coefficients(counted, f, problem.method)
        return modified_fields(counted, step)

    return carrier, fields


def _by_trees(carrier: CoordinatesCarrier, f: Column, method: ButcherTableau) -> Iterator[Column]:
    """The fields f_l = Σ_τ b(τ)/σ(τ) F(τ)(f).

    Where nothing is multiplied out no terms cancel, and the L_{n,k} of the recursion would stand
    in its results with all that they have in common.
    """
    from bea.symbolic.structure.elementary_differentials import ElementaryDifferentials

    differentials, coefficients = ElementaryDifferentials(carrier, f), coefficients_of(method)
    for l in count():
        factors = {
            tree: linear_combination([(Fraction(1, tree.symmetry), b)])
            for tree, b in coefficients(l).items()
        }
        yield differentials.combination({tree: c for tree, c in factors.items() if c})


def field_of(problem: Problem) -> tuple[CoordinatesCarrier, Column]:
    """f, or f = −∇E, in the algebra made for it."""
    needed = [*problem.expressions, *problem.method.irrational_entries]
    carrier = CoordinatesCarrier(algebra_for(problem.params, needed, problem.most_terms))
    if problem.loss is None:
        return carrier, carrier.column(problem.expressions)
    gradient = carrier.gradient(carrier.algebra.element(problem.loss))
    return carrier, Column([-c for c in gradient.components])
