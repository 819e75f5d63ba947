"""The recursion for the modified equation, over any carrier.

A one-step method θ⁺ = θ + Σ_{j≥1} h^j d_j(θ) is the exact time-h flow of the formal field
f̃ = f_0 + h f_1 + h² f_2 + …  Comparing the powers of h in the Taylor series of that flow,

    θ⁺ − θ = Σ_{n≥1} h^n/n! · D_f̃^{n−1} f̃,        D_f̃^{n−1} f̃ = Σ_k h^k L_{n,k},

gives f_l from the f_i with i < l (HLW IX.1; Lemma A.2 of the paper). Nothing here knows what a
field *is*: a carrier supplies rational combinations and the Lie derivative D_v g = g'·v, and the
same lines then run on columns of polynomials, on rooted trees and on functions of pytrees.

The paper's own formula for the L_{n,k}, (A.14) read literally, stands at the end. It is wrong from
f_3 on, and readers of the paper will want to see where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cache
from math import factorial
from typing import Generic, Protocol, TypeVar

G = TypeVar("G")

Terms = Iterable[tuple[Fraction, G]]
Displacement = Callable[[int], G | None]
"""j ↦ d_j, the coefficient of h^j in one step of the method; None stands for zero."""

ONE = Fraction(1)


class Carrier(Protocol[G]):
    """What the recursion asks of its elements: a rational vector space with Lie derivatives."""

    def combine(self, terms: Terms[G]) -> G:
        """Σ c·g over the pairs (c, g); the empty sum is the zero field."""
        ...

    def derive(self, g: G, along: G) -> G:
        """D_v g = g'·v for v = `along`."""
        ...


class LieDerivatives(Generic[G]):
    """The table L_{n,k} = [h^k] D_v^{n−1} g of repeated Lie derivatives, each computed once.

    Args:
        carrier: the arithmetic.
        field: i ↦ v_i, the coefficients of v = Σ h^i v_i.
        seed: k ↦ g_k, the coefficients of g = Σ h^k g_k; None stands for zero.
    """

    def __init__(
        self, carrier: Carrier[G], field: Callable[[int], G], seed: Callable[[int], G | None]
    ) -> None:
        self._carrier, self._field, self._seed = carrier, field, seed
        self._table: dict[tuple[int, int], G | None] = {}

    def __call__(self, n: int, k: int) -> G | None:
        """L_{n,k} for n ≥ 1, k ≥ 0; None if it is zero because the seed is."""
        if n == 1:
            return self._seed(k)  # L_{1,k} = g_k
        if (n, k) not in self._table:
            self._table[n, k] = self._derivative(n, k)
        return self._table[n, k]

    def _derivative(self, n: int, k: int) -> G | None:
        # L_{n,k} = Σ_{i+j=k} D_{v_i} L_{n−1,j}
        terms = [
            (ONE, self._carrier.derive(previous, along=self._field(k - j)))
            for j in range(k + 1)
            if (previous := self(n - 1, j)) is not None
        ]
        return self._carrier.combine(terms) if terms else None


def unit_weight(n: int) -> Fraction:
    """The weight 1 of a one-step method in front of every h^n/n! D^{n−1} f̃."""
    return ONE


def modified_fields(
    carrier: Carrier[G],
    displacement: Displacement[G],
    weight: Callable[[int], Fraction] = unit_weight,
) -> Iterator[G]:
    """The fields f_0, f_1, f_2, … of the modified equation, one after the other, without end.

    They solve Σ_{n≥1} w_n h^n/n! · D_f̃^{n−1} f̃ = Σ_{j≥1} h^j d_j order by order:

        w_1 f_l = d_{l+1} − Σ_{n=2}^{l+1} w_n/n! · L_{n,l+1−n}.

    Args:
        carrier: the arithmetic of the fields.
        displacement: j ↦ d_j (j ≥ 1), None where d_j = 0. Explicit Euler has d_1 = f and no other.
        weight: n ↦ w_n. One-step methods have w_n = 1; a linear multistep recurrence on its slow
            manifold has others (heavy ball: w_n = 1 + β(−1)^n), with the same table.

    Yields:
        f_l for l = 0, 1, 2, …

    Source: HLW IX.1 and IX.7; Lemma A.2 of Barrett and Dherin (2020), arXiv:2009.11162.

    Example:
        >>> from itertools import islice
        >>> class Linear:  # the fields c·λθ, with h in units of 1/λ: D_v g is the product
        ...     def combine(self, terms):
        ...         return sum(c * g for c, g in terms)
        ...     def derive(self, g, along):
        ...         return g * along
        >>> euler = {1: Fraction(1)}.get  # θ⁺ = (1 + λh) θ = exp(h·log(1 + λh)/h) θ
        >>> [str(f) for f in islice(modified_fields(Linear(), euler), 5)]
        ['1', '-1/2', '1/3', '-1/4', '1/5']
    """
    f: list[G] = []
    L = LieDerivatives(carrier, field=f.__getitem__, seed=f.__getitem__)
    while True:
        l = len(f)
        terms = [(ONE, displacement(l + 1))]
        terms += [(-weight(n) / factorial(n), L(n, l + 1 - n)) for n in range(2, l + 2)]
        f.append(carrier.combine((c / weight(1), g) for c, g in terms if g is not None))
        yield f[l]


class InnerProductCarrier(Carrier[G], Protocol[G]):
    """A carrier that also knows gradients of inner products, which the paper's (A.14) needs."""

    def gradient_of_product(self, u: G, v: G) -> G:
        """∇⟨u, v⟩ = u'ᵀv + v'ᵀu."""
        ...


def literal_fields(carrier: InnerProductCarrier[G], f: G) -> Iterator[G]:
    """The paper's (A.11) with (A.14) read literally: right for f_1 and f_2, wrong from f_3 on.

    With L_{n,k} = d^{n−2}/dt^{n−2} ½∇Σ_{i+j=k} ⟨f_i, f_j⟩ the correction is
    f_l = −Σ_{n=2}^{l+1} L_{n,l+1−n}/n!.  An L_{n,k} that is the coefficient of a power of h leaves
    only one reading of d/dt: along the flow of f_0.  Two things then fail, even for f = −∇E.
    The derivative along f̃ carries powers of h, so that D_{f_1}L_{2,0} belongs to L_{3,1} and is
    missing.  And ½∇⟨f̃, f̃⟩ = f̃'f̃ needs a symmetric f̃', but f_2 is not a gradient.
    `modified_fields` is what holds; this is kept so that the difference can be shown.

    Args:
        carrier: the arithmetic, with gradients of inner products.
        f: the field f_0.

    Yields:
        f_0, f_1, f_2, … by the literal formula.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, equations (A.11) and (A.14).
    """
    fields: list[G] = [f]

    @cache
    def half_gradient(k: int) -> G:
        # ½∇Σ_{i+j=k} ⟨f_i, f_j⟩
        return carrier.combine(
            (Fraction(1, 2), carrier.gradient_of_product(fields[i], fields[k - i]))
            for i in range(k + 1)
        )

    @cache
    def L(n: int, k: int) -> G:  # (A.14)
        return half_gradient(k) if n == 2 else carrier.derive(L(n - 1, k), along=f)

    while True:
        yield fields[-1]
        l = len(fields)
        fields.append(  # (A.11)
            carrier.combine((Fraction(-1, factorial(n)), L(n, l + 1 - n)) for n in range(2, l + 2))
        )
