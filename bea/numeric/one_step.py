"""One step of the method an equation was derived for, in the arithmetic of its arguments.

Only the displacement θ⁺ − θ is formed: subtracting θ from θ⁺ afterwards would lose the digits in
which a local error lives. Arrays of float64 and object arrays of mpmath numbers go through the
same lines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bea.errors import BeaError
from bea.symbolic.methods import ButcherTableau

Vector = np.ndarray
Field = Callable[[Vector], Vector]

MOST_ITERATIONS = 500
"""Fixed-point iterations for an implicit stage; at the step sizes of a local error, 20 do."""


def runge_kutta_displacement(
    field: Field, theta: Vector, h: object, tableau: ButcherTableau, number: Callable[[int], object]
) -> Vector:
    """h Σ_i b_i k_i with k_i = f(θ + h Σ_j a_ij k_j).

    Args:
        field: f.
        theta: θ, shape (m,).
        h: the step size.
        tableau: A and b. The stages of an implicit method are found by fixed-point iteration.
        number: integer ↦ number of the arithmetic in use, in which a fraction is p/q.

    Raises:
        BeaError: the stages of an implicit method do not converge: h is too large.
    """
    A = [[number(a.numerator) / number(a.denominator) if a else 0 for a in row] for row in tableau.A]
    b = [number(w.numerator) / number(w.denominator) if w else 0 for w in tableau.b]

    def stages(k: list[Vector]) -> list[Vector]:
        k = list(k)
        for i, row in enumerate(A):
            increments = [a * k_j for a, k_j in zip(row, k, strict=True) if a]
            k[i] = field(theta + h * sum(increments) if increments else theta)
        return k

    k = stages([field(theta)] * len(b))
    smallest = None
    for _ in range(0 if tableau.is_explicit else MOST_ITERATIONS):
        previous, k = k, stages(k)
        change = max(abs(x - y).max() for x, y in zip(k, previous, strict=True))
        if change == 0 or (smallest is not None and change >= smallest):
            break  # as far as the arithmetic goes
        smallest = change
    else:
        if not tableau.is_explicit:
            raise BeaError(
                f"the implicit stages of {tableau.name} do not converge at h = {h}: "
                "use smaller step sizes"
            )
    return h * sum(w * k_i for w, k_i in zip(b, k, strict=True) if w)
