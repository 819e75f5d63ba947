"""The coefficients b(τ) of a modified equation for all trees at once, without the recursion.

Let α_t(τ) be the B-series coefficient of t steps of a method. In t it is a polynomial of degree
|τ|, and b(τ) is its derivative at t = 0 (the flow of f̃ over the time t is "t steps"). With the
stage coefficients η_{i,t}, explicit or implicit,

    α_{t+1}(τ) − α_t(τ) = Σ_i b_i Π_children η_{i,t}(child),      α_0 = 0,
    η_{i,t}(τ) = α_t(τ) + Σ_j a_ij Π_children η_{j,t}(child)

one pass from small trees to large gives α_t for t = 0, …, |τ|, and differences give the derivative.
For a rational method and few trees it runs in integers, D^|τ| α_t with a common denominator D of
A and b. Otherwise in which numbers it runs, and how they become exact, is left to `arithmetic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from math import comb, lcm
from operator import mul
from typing import TYPE_CHECKING

from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.trees.table import TreeTable

if TYPE_CHECKING:
    import numpy as np

    from bea.symbolic.trees.arithmetic import Arithmetic

FEW_TREES = 500
"""Through 9 nodes Python's integers are faster than NumPy's arrays, which need not be loaded."""


def modified_coefficients(tableau: ButcherTableau, table: TreeTable) -> list[Scalar]:
    """b(τ) for every tree of a table: f_l = Σ_{|τ|=l+1} b(τ)/σ(τ) · F(τ)(f).

    Args:
        tableau: a Runge–Kutta method, explicit or implicit.
        table: the trees.

    Returns:
        The coefficients, in the order of the table.

    Source: HLW III.1 and IX.9; the flow over integer times as iterates of the method.

    Example:
        >>> from bea.symbolic.methods.named import METHODS
        >>> list(map(str, modified_coefficients(METHODS["euler"], TreeTable(3))))
        ['1', '-1/2', '1/6', '1/3']
    """
    if len(table) <= FEW_TREES and all(isinstance(e, Fraction) for e in tableau.entries):
        return list(_in_integers(tableau, table))
    from bea.symbolic.trees.arithmetic import exact_values

    def scale(D: int, n: int) -> int:
        return D**n * lcm(*range(1, n + 1))  # α_t has D^n, and the weights of q'(0) the rest

    return exact_values(
        tableau.entries,
        table,
        scale=scale,
        run=lambda arithmetic: _derivative(arithmetic, tableau, table),
    )


def _in_integers(tableau: ButcherTableau, table: TreeTable) -> Iterator[Fraction]:
    """dα_t/dt at t = 0 on all trees, for a method with rational entries."""
    D = lcm(*(Fraction(e).denominator for e in tableau.entries))
    iterates = list(islice(_integer_iterates(D, tableau, table), table.order + 1))
    for n in range(1, table.order + 1):
        here, weights = table.of_order(n), _derivative_weights(n)
        common = lcm(*(w.denominator for w in weights))
        whole = [int(w * common) for w in weights]
        for values in zip(*(alpha[here] for alpha in iterates[: n + 1]), strict=True):
            yield Fraction(sum(map(mul, whole, values)), common * D**n)


def _integer_iterates(D: int, tableau: ButcherTableau, table: TreeTable) -> Iterator[list[int]]:
    """D^|τ| α_0, D^|τ| α_1, … on all trees."""
    A = [[int(D * a) for a in row] for row in tableau.A]
    b = [int(D * w) for w in tableau.b]
    alpha = [0] * len(table)
    while True:
        yield alpha
        products = [[1] * len(b)]  # Π_children η_i for every stage i, tree by tree
        eta = [[alpha[0] + sum(row) for row in A]]
        for value, (rest, child) in zip(alpha[1:], table.pairs, strict=True):
            product = list(map(mul, products[rest], eta[child]))
            products.append(product)
            eta.append([value + sum(map(mul, row, product)) for row in A])
        alpha = [
            value + sum(map(mul, b, product))
            for value, product in zip(alpha, products, strict=True)
        ]


def _derivative(arithmetic: Arithmetic, tableau: ButcherTableau, table: TreeTable) -> np.ndarray:
    """dα_t/dt at t = 0 on all trees."""
    result = arithmetic.filled(Fraction(0), len(table))
    for t, alpha in enumerate(islice(_iterates(arithmetic, tableau, table), table.order + 1)):
        for n in range(max(t, 1), table.order + 1):
            here = table.of_order(n)
            weight = arithmetic.constant(_derivative_weights(n)[t])
            result[:, here] = arithmetic.plus(
                result[:, here], arithmetic.times(weight, alpha[:, here])
            )
    return result


@lru_cache
def _derivative_weights(n: int) -> list[Fraction]:
    """w_t with q'(0) = Σ_t w_t q(t) for polynomials of degree n, from Σ_k (−1)^{k−1}/k · Δ^k."""
    return [
        sum(
            (
                Fraction((-1) ** (k - 1) * (-1) ** (k - t) * comb(k, t), k)
                for k in range(max(t, 1), n + 1)
            ),
            Fraction(0),
        )
        for t in range(n + 1)
    ]


def _iterates(
    arithmetic: Arithmetic, tableau: ButcherTableau, table: TreeTable
) -> Iterator[np.ndarray]:
    """α_0, α_1, … on all trees."""
    plus, times = arithmetic.plus, arithmetic.times
    A = [[(j, arithmetic.constant(a)) for j, a in enumerate(row) if a] for row in tableau.A]
    b = [(i, arithmetic.constant(w)) for i, w in enumerate(tableau.b) if w]
    alpha = arithmetic.filled(Fraction(0), len(table))
    while True:
        yield alpha
        one = arithmetic.filled(Fraction(1), len(table))
        products = [one.copy() for _ in A]  # Π_children η_i
        eta = [one.copy() for _ in A]
        for n in range(1, table.order + 1):
            here = table.of_order(n)
            rest, child = table.rest[here], table.child[here]
            for i in range(len(A)):
                if n > 1:
                    products[i][:, here] = times(products[i][:, rest], eta[i][:, child])
            for i, row in enumerate(A):
                total = alpha[:, here]
                for j, a in row:
                    total = plus(total, times(a, products[j][:, here]))
                eta[i][:, here] = total
        for i, w in b:
            alpha = plus(alpha, times(w, products[i]))
