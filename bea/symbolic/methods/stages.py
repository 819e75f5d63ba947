"""A Runge–Kutta step in powers of h, over any carrier: its d_j, and the fields that modify it.

The stages are near-identity maps themselves, so that the `recursion` is all that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from math import factorial
from typing import Any, Generic

from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.recursion import Carrier, Displacement, G, LieDerivatives, modified_fields


class RungeKuttaStep(Generic[G]):
    """One Runge–Kutta step θ⁺ = θ + h Σ_i b_i k_i, explicit or implicit, in powers of h.

    A stage Y_i = θ + h Σ_j a_ij k_j is itself a near-identity map, so it is the time-h flow of a
    field y_i, which `modified_fields` finds; and k_i = f(Y_i) is a Lie series along that field,

        k_i = exp(h D_{y_i}) f,        [h^n] k_i = Σ_{m=0}^{n} 1/m! · [h^{n−m}] D_{y_i}^m f.

    So the recursion is all that is needed, on any carrier, and an implicit stage is no
    harder than an explicit one: [h^n] k_i needs only [h^{n−1}] of the k_j.

    Args:
        carrier: the arithmetic of the fields.
        field: n ↦ f_n, the coefficients of f = Σ h^n f_n; None stands for zero.
        method: its tableau (A, b), in scalars that the carrier combines with.

    Source: HLW III.1 and IX.9 (the Lie series of a near-identity map).
    """

    def __init__(
        self,
        carrier: Carrier[G],
        field: Callable[[int], G | None],
        method: ButcherTableau,
    ) -> None:
        self._carrier, self._field, self._A, self._b = carrier, field, method.A, method.b
        self._lie_series = [self._along_stage(i) for i in range(len(method.b))]
        self._shifts: dict[tuple[int, int], G | None] = {}

    def displacement(self, j: int) -> G | None:
        """d_j = Σ_i b_i [h^{j−1}] k_i, for j ≥ 1."""
        return self._weighted(self._b, j - 1)

    def shift(self, i: int, n: int) -> G | None:
        """[h^n] k_i − f_n, which needs f_0, …, f_{n−1} only: what f changes by from θ to Y_i."""
        if n == 0 or not any(self._A[i]):
            return None  # Y_i = θ + O(h), or Y_i = θ
        if (i, n) not in self._shifts:
            D = self._lie_series[i]
            terms = [(Fraction(1, factorial(m)), D(m + 1, n - m)) for m in range(1, n + 1)]
            self._shifts[i, n] = self._sum(terms)
        return self._shifts[i, n]

    def _along_stage(self, i: int) -> LieDerivatives[G]:
        fields: list[G] = []
        source = modified_fields(  # [h^j] (Y_i − θ) = Σ_m a_im [h^{j−1}] k_m
            self._carrier, lambda j: self._weighted(self._A[i], j - 1)
        )

        def y(n: int) -> G:
            while len(fields) <= n:
                fields.append(next(source))
            return fields[n]

        return LieDerivatives(self._carrier, field=y, seed=self._field)

    def _weighted(self, weights: Sequence[Any], n: int) -> G | None:
        """Σ_i w_i [h^n] k_i."""
        used = [(i, w) for i, w in enumerate(weights) if w]
        terms = [(w, self._field(n)) for _, w in used]
        return self._sum(terms + [(w, self.shift(i, n)) for i, w in used])

    def _sum(self, terms: Iterable[tuple[Any, G | None]]) -> G | None:
        present = [(c, g) for c, g in terms if g is not None]
        return self._carrier.combine(present) if present else None


def step_coefficients(carrier: Carrier[G], f: G, method: ButcherTableau) -> Displacement[G]:
    """The coefficients d_j of one Runge–Kutta step on the field f, explicit or implicit.

    Args:
        carrier: the arithmetic of the fields.
        f: the field.
        method: its tableau (A, b).

    Returns:
        j ↦ d_j, for j ≥ 1; see `RungeKuttaStep`.
    """
    return RungeKuttaStep(carrier, lambda n: f if n == 0 else None, method).displacement


def modifying_fields(carrier: Carrier[G], f: G, method: ButcherTableau) -> Iterator[G]:
    """The field f̂ = f + h f̂_1 + … with which a Runge–Kutta step is the exact flow of f.

    Taylor's formula for that flow must equal the step, power by power. Since Σ_i b_i = 1,

        f̂_l = 1/(l+1)! · D_f^l f − Σ_i b_i ([h^l] k_i − f̂_l),

    where the bracket needs f̂_0, …, f̂_{l−1} only. Explicit Euler has no stage but θ itself, and so
    f̂_l = 1/(l+1)! · D_f^l f.

    Args:
        carrier: the arithmetic of the fields.
        f: the field.
        method: its tableau (A, b).

    Yields:
        f̂_l for l = 0, 1, 2, …

    Source: Chartier, Hairer and Vilmart 2007, doi:10.1090/S0025-5718-07-01967-9.
    """
    fields: list[G] = []
    step = RungeKuttaStep(carrier, fields.__getitem__, method)
    derivative = f  # D_f^l f
    while True:
        l = len(fields)
        terms = [(-weight, step.shift(i, l)) for i, weight in enumerate(method.b) if weight]
        present = [(c, g) for c, g in terms if g is not None]
        fields.append(carrier.combine([(Fraction(1, factorial(l + 1)), derivative), *present]))
        yield fields[l]
        derivative = carrier.derive(derivative, along=f)
