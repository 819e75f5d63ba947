"""The coefficients of a modifying integrator for all trees at once, without the recursion.

Wanted is the field f̂ = Σ h^{|τ|−1} b̂(τ)/σ(τ) F(τ)(f) with which one step of the method is the exact
flow of f. The stages of that step, k_i = f̂(Y_i) at Y_i = θ + h Σ_j a_ij k_j, are B-series; with the
cuts of a tree (`cuts`) their coefficients, and that the step is exact, read

    k_i(τ) = Σ_cuts b̂(θ) Π_{branches} η_i(branch),    η_i(τ) = Σ_j a_ij k_j(τ),
    Σ_i b_i k_i(τ) = 1/γ(τ).

The cut that cuts nothing off is b̂(τ) itself and Σ_i b_i = 1, so one pass from small trees to large
gives b̂. In which numbers it runs, and how they become exact, is left to `arithmetic`.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np

from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.trees.arithmetic import Arithmetic, exact_values
from bea.symbolic.trees.cuts import Cuts, cuts_by_order
from bea.symbolic.trees.table import TreeTable


def modifying_coefficients(tableau: ButcherTableau, table: TreeTable) -> list[Scalar]:
    """b̂(τ) for every tree of a table: f̂_l = Σ_{|τ|=l+1} b̂(τ)/σ(τ) · F(τ)(f).

    Args:
        tableau: a Runge–Kutta method, explicit or implicit.
        table: the trees.

    Returns:
        The coefficients, in the order of the table.

    Source: Chartier, Hairer and Vilmart 2007, doi:10.1090/S0025-5718-07-01967-9.

    Example:
        >>> from bea.symbolic.methods.named import METHODS
        >>> list(map(str, modifying_coefficients(METHODS["euler"], TreeTable(3))))
        ['1', '1/2', '1/3', '1/6']
    """
    cuts = list(cuts_by_order(table))

    def scale(D: int, n: int) -> int:
        return D ** (2 * n - 2) * factorial(n)  # n!/γ(τ) is an integer, and so is n!/Π n_i!

    return exact_values(
        tableau.entries,
        table,
        scale=scale,
        run=lambda arithmetic: _solved(arithmetic, tableau, table, cuts=cuts),
    )


def _solved(
    arithmetic: Arithmetic, tableau: ButcherTableau, table: TreeTable, *, cuts: list[Cuts]
) -> np.ndarray:
    plus, times, stages = arithmetic.plus, arithmetic.times, range(len(tableau.b))
    A = [[(j, arithmetic.constant(a)) for j, a in enumerate(row) if a] for row in tableau.A]
    minus_b = [arithmetic.constant(-w) for w in tableau.b]
    exact = [arithmetic.constant(Fraction(1, gamma)) for gamma in _densities(table)]

    result = arithmetic.filled(Fraction(0), len(table))
    products = [arithmetic.filled(Fraction(1), len(table)) for _ in stages]  # Π_children η_i
    eta = [np.empty_like(result) for _ in stages]
    for n, cut in enumerate(cuts, start=1):
        here = table.of_order(n)
        rest, child = table.rest[here], table.child[here]
        if n > 1:
            for i in stages:
                products[i][:, here] = times(products[i][:, rest], eta[i][:, child])
        known = cut.top < here.start
        k = [arithmetic.filled(Fraction(0), here.stop - here.start) for _ in stages]
        for i in stages:
            terms = times(result[:, cut.top[known]], products[i][:, cut.branches[known]])
            terms = arithmetic.reduce(terms * cut.multiplicity[known])
            for coordinate, term in zip(k[i], terms, strict=True):
                np.add.at(coordinate, cut.tree[known] - here.start, term)  # a tree has many cuts
            k[i] = arithmetic.reduce(k[i])
        own = np.concatenate(exact[here], axis=1)
        for i in stages:
            own = plus(own, times(minus_b[i], k[i]))
        result[:, here] = own
        for i in stages:
            total = arithmetic.filled(Fraction(0), here.stop - here.start)
            for j, a in A[i]:
                total = plus(total, times(a, plus(own, k[j])))
            eta[i][:, here] = total
    return result


def _densities(table: TreeTable) -> list[int]:
    """γ(τ) for every tree, from those of its parts: γ/|τ| is a product over the children."""
    gamma, orders = [1], [1]
    for rest, child in table.pairs:
        n = orders[rest] + orders[child]
        orders.append(n)
        gamma.append(n * (gamma[rest] // orders[rest]) * gamma[child])
    return gamma
