"""The corrections in the factors of the input, for reading and for export.

The ring in which corrections are derived multiplies everything out: −½H∇E of a loss on six points
is a sum over pairs of them. By the trees of the method on the input as it was written
(`ring.unexpanded_algebra`), sums over data stay sums, residuals stay residuals, and what occurs
again gets a name (`shared_form`). Both forms are exact; the shorter one is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import sympy as sp
from sympy import Expr, ImmutableDenseMatrix

from bea.symbolic.coordinates.carrier import Column, CoordinatesCarrier
from bea.symbolic.coordinates.problem import Problem
from bea.symbolic.parsing.limits import TooManyTermsError
from bea.symbolic.printing.shared_form import SharedForm
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra
from bea.symbolic.structure.elementary_differentials import ElementaryDifferentials
from bea.symbolic.trees.tree import Tree

MAX_ORDER = 4
"""Beyond, the trees have more in common than their sums that are multiplied out."""

MAX_NODES = 20_000
"""Derivatives that are taken for it."""


class Factorable(Protocol):
    """A modified equation, as far as its form in the author's factors asks."""

    params: tuple[sp.Symbol, ...]
    step_size: sp.Symbol

    @property
    def constants(self) -> tuple[sp.Symbol, ...]:
        """The symbols that are no parameters."""
        ...

    @property
    def problem(self) -> Problem:
        """What it was derived from."""
        ...

    @property
    def corrections(self) -> tuple[ImmutableDenseMatrix, ...]:
        """f_0, …, f_p."""
        ...

    def modified_loss_term(self, l: int) -> Expr:
        """Ẽ_l."""
        ...

    def multiple_of_acceleration(self) -> Scalar | None:
        """κ with f_1 = κ f'f for every field."""
        ...

    def tree_factors(self, l: int) -> Mapping[Tree, Scalar] | None:
        """The b(τ)/σ(τ) of f_l; None if a step was given."""
        ...


def readable_form(eq: Factorable, p: int, with_losses: int = 0) -> SharedForm:
    """The corrections f_0, …, f_p with names for the parts that occur again.

    Args:
        eq: the equation.
        p: the highest correction.
        with_losses: the terms Ẽ_1, …, up to this order, of the modified loss come after them.

    Returns:
        All components, those of f_0 first, and the losses.
    """
    taken = {*(s.name for s in (*eq.params, *eq.constants, eq.step_size)), "E"}
    labels = [f"f_{l}[{name}]" for l in range(p + 1) for name in eq.params]
    losses = [eq.modified_loss_term(l) for l in range(1, with_losses + 1)]
    forms = [
        SharedForm.of([*components, *losses_of_form], taken, labels)
        for components, losses_of_form in (
            ([c for f in eq.corrections[: p + 1] for c in f], losses),
            *_as_written(eq, p, losses),
        )
    ]
    return min(forms, key=lambda form: form.size)


def _as_written(
    eq: Factorable, p: int, losses: Sequence[Expr]
) -> list[tuple[list[Expr], list[Expr]]]:
    """The same by trees on the input as it was written; nothing where that is not to be had."""
    factors = [eq.tree_factors(l) for l in range(p + 1)] if p <= MAX_ORDER else [None]
    if any(weights is None for weights in factors):
        return []
    carrier = CoordinatesCarrier(UnexpandedAlgebra(eq.params, MAX_NODES))
    problem, algebra = eq.problem, carrier.algebra
    try:
        if problem.loss is None:
            f = carrier.column(problem.expressions)
        else:
            gradient = carrier.gradient(algebra.element(problem.loss))
            f = Column([-c for c in gradient.components])
        differentials = ElementaryDifferentials(carrier, f)
        fields = [differentials.combination(weights) for weights in factors if weights is not None]
    except TooManyTermsError:
        return []
    losses = list(losses)
    if losses and (kappa := eq.multiple_of_acceleration()) is not None:  # Ẽ_1 = −κ/2·|f|²
        square = carrier.inner_product(f, f)
        half = algebra.scale(Fraction(-1, 2), square)
        losses[0] = algebra.expression(carrier.scaled(kappa, half))
    return [([algebra.expression(c) for g in fields for c in g.components], losses)]
