"""One step of the method an equation was derived for, in the arithmetic of its arguments.

Only the displacement θ⁺ − θ is formed: subtracting θ from θ⁺ afterwards would lose the digits in
which a local error lives. Arrays of float64 and object arrays of mpmath numbers go through the
same lines.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from bea.errors import BeaError
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import Scalar

Vector = np.ndarray
Field = Callable[[Vector], Vector]

MAX_ITERATIONS = 500
"""Fixed-point iterations for an implicit stage; at the step sizes of a local error, 20 do."""
PATIENCE = 10
"""Iterations without progress after which the arithmetic has no more digits to give. (A change of
the stages may grow for a few iterations, if f' is far from normal.)"""
CONVERGED = 1e-6
"""If the changes end above this, relative to the stages, it is no round-off that ended them."""


def runge_kutta_displacement(
    field: Field, theta: Vector, h: Any, *, tableau: ButcherTableau, number: Callable[[Any], Any]
) -> Vector:
    """The displacement h Σ_i b_i k_i, with the stages k_i = f(θ + h Σ_j a_ij k_j).

    Args:
        field: f.
        theta: θ, shape (m,).
        h: the step size.
        tableau: A and b. The stages of an implicit method are found by fixed-point iteration.
        number: integer or SymPy expression ↦ number of the arithmetic in use, in which a fraction
            is p/q.

    Raises:
        BeaError: the stages of an implicit method do not converge: h is too large.

    Source: HLW II.1.1.

    Example:
        >>> from bea.symbolic.methods.named import METHODS
        >>> heun = METHODS["heun"]
        >>> runge_kutta_displacement(lambda x: -x, np.ones(1), 0.5, tableau=heun, number=float)
        array([-0.375])
    """

    def entry(scalar: Scalar) -> Any:
        if isinstance(scalar, Fraction):
            return number(scalar.numerator) / number(scalar.denominator)
        return number(scalar)

    A = [[entry(a) for a in row] for row in tableau.A]
    b = [entry(w) for w in tableau.b]

    def stages(k: list[Vector]) -> list[Vector]:
        k = list(k)
        for i, row in enumerate(A):  # a stage takes the new values of those before it
            k[i] = field(theta + _combination(row, k) * h) if any(row) else field(theta)
        return k

    k = stages([field(theta)] * len(b))
    if not tableau.is_explicit:
        k = _fixed_point(stages, k)
        if k is None:
            raise BeaError(
                f"the implicit stages of {tableau.name} do not converge at h = {float(h):.3g}: "
                "use smaller step sizes"
            )
    return _combination(b, k) * h


def contracting_displacement(
    field: Field, theta: Vector, h: Any, *, tableau: ButcherTableau, number: Callable[[Any], Any]
) -> Vector:
    """The same where the stages are well determined: those of an implicit method also at 4h.

    Whoever solves for them in another way finds the same ones there, and does not run off.

    Args:
        field: f; the others as for `runge_kutta_displacement`.
        theta: θ, shape (m,).
        h: the step size.
        tableau: A and b.
        number: integer or SymPy expression ↦ number of the arithmetic in use.

    Raises:
        BeaError: they are not.
    """
    if not tableau.is_explicit:
        runge_kutta_displacement(field, theta, 4 * h, tableau=tableau, number=number)
    return runge_kutta_displacement(field, theta, h, tableau=tableau, number=number)


def _combination(weights: list[Any], vectors: list[Vector]) -> Vector:
    """Σ_i w_i v_i without the terms that are zero, of which there must be others."""
    first, *rest = (v * w for w, v in zip(weights, vectors, strict=True) if w)
    return sum(rest, first)


def _fixed_point(stages: Callable[[list[Vector]], list[Vector]], k: list[Vector]) -> Any:
    """The k with k = stages(k), as far as the arithmetic goes; None if it is not approached."""
    smallest, waited = None, 0
    for _ in range(MAX_ITERATIONS):
        previous, k = k, stages(k)
        change = abs(np.array(k) - np.array(previous)).max()
        if change == 0:
            return k
        waited = 0 if smallest is None or change < smallest else waited + 1
        smallest = change if waited == 0 else smallest
        if waited >= PATIENCE:
            return k if change <= CONVERGED * abs(np.array(k)).max() else None
    return None
