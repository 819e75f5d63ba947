"""The coefficients b(τ) of a modified equation for all trees at once, without the recursion.

Let α_t(τ) be the B-series coefficient of t steps of a method. In t it is a polynomial of degree
|τ|, and b(τ) is its derivative at t = 0 (the flow of f̃ over the time t is "t steps"). With the
stage coefficients η_{i,t}, explicit or implicit,

    α_{t+1}(τ) − α_t(τ) = Σ_i b_i Π_children η_{i,t}(child),      α_0 = 0,
    η_{i,t}(τ) = α_t(τ) + Σ_j a_ij Π_children η_{j,t}(child)

one pass from small trees to large gives α_t for t = 0, …, |τ|, and differences give the derivative.
The pass runs on integer arrays, one entry a tree, modulo as many primes as a bound on the result
asks for, so that it is exact and still as fast as floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from math import comb, lcm, prod
from typing import Any

import numpy as np
import sympy as sp

from bea.symbolic.methods import ButcherTableau
from bea.symbolic.trees import TreeTable

Reduction = Callable[[Any], Any]
"""Keeps the numbers of an arithmetic small: x ↦ x mod p, or nothing."""

LARGEST_PRIME = 2**31
"""Residues below it have products within 64 bits."""


def modified_coefficients(tableau: ButcherTableau, table: TreeTable) -> list[Fraction]:
    """b(τ) for every tree of a table: f_l = Σ_{|τ|=l+1} b(τ)/σ(τ) · F(τ)(f).

    Args:
        tableau: a Runge–Kutta method, explicit or implicit.
        table: the trees.

    Returns:
        The coefficients, in the order of the table.

    Source: HLW III.1 and IX.9; the flow over integer times as iterates of the method.

    Example:
        >>> from bea.symbolic.methods import METHODS
        >>> list(map(str, modified_coefficients(METHODS["euler"], TreeTable(3))))
        ['1', '-1/2', '1/6', '1/3']
    """
    denominator = lcm(*(e.denominator for row in (*tableau.A, tableau.b) for e in row))
    scales = [denominator**n * lcm(*range(1, n + 1)) for n in range(1, table.order + 1)]
    bound = _bound(tableau, table, scales)
    residues, modulus = [], []
    for p in _primes():
        residues.append(_scaled_coefficients(tableau, table, scales, p))
        modulus.append(p)
        if prod(modulus) > 2 * bound:
            break
    integers = _symmetric_lift(residues, modulus)
    return [
        Fraction(number, scale)
        for n, scale in enumerate(scales, start=1)
        for number in integers[table.of_order(n)]
    ]


def _primes() -> Iterator[int]:
    p = LARGEST_PRIME
    while True:
        p = int(sp.prevprime(p))
        yield p


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
    A: np.ndarray, b: np.ndarray, table: TreeTable, reduce: Reduction
) -> Iterator[np.ndarray]:
    """α_0, α_1, … on all trees, in the arithmetic of A and b; `reduce` keeps numbers small."""
    stages = range(len(b))
    alpha = np.zeros(len(table), dtype=b.dtype)
    while True:
        yield alpha
        products = np.ones((len(b), len(table)), dtype=b.dtype)  # Π_children η_i
        eta = np.empty_like(products)
        for n in range(1, table.order + 1):
            here = table.of_order(n)
            if n > 1:
                rest, child = table.rest[here], table.child[here]
                products[:, here] = reduce(products[:, rest] * eta[:, child])
            for i in stages:
                total = alpha[here]
                for j in stages:
                    if A[i, j]:
                        total = total + reduce(A[i, j] * products[j, here])
                eta[i, here] = reduce(total)
        increment = sum(reduce(b[i] * products[i]) for i in stages if b[i])
        alpha = reduce(alpha + increment)


def _scaled_coefficients(
    tableau: ButcherTableau, table: TreeTable, scales: Sequence[int], p: int
) -> np.ndarray:
    """scale_n · b(τ) modulo p, with n = |τ|."""

    def residue(entry: Fraction) -> int:
        return entry.numerator * pow(entry.denominator, -1, p) % p

    A = np.array([[residue(e) for e in row] for row in tableau.A], dtype=np.int64)
    b = np.array([residue(e) for e in tableau.b], dtype=np.int64)
    result = np.zeros(len(table), dtype=np.int64)
    weights = [[residue(w * s) for w in _derivative_weights(n)] for n, s in enumerate(scales, 1)]
    steps = islice(_iterates(A, b, table, lambda x: x % p), table.order + 1)
    for t, alpha in enumerate(steps):
        for n in range(max(t, 1), table.order + 1):
            here = table.of_order(n)
            result[here] = (result[here] + weights[n - 1][t] * alpha[here]) % p
    return result


def _bound(tableau: ButcherTableau, table: TreeTable, scales: Sequence[int]) -> int:
    """An integer that no |scale_n · b(τ)| exceeds: the same pass on absolute values."""
    A = np.array([[abs(float(e)) for e in row] for row in tableau.A])
    b = np.array([abs(float(e)) for e in tableau.b])
    largest = [0.0] * table.order
    steps = islice(_iterates(A, b, table, lambda x: x), table.order + 1)
    for t, alpha in enumerate(steps):
        for n in range(max(t, 1), table.order + 1):
            weight = abs(float(_derivative_weights(n)[t]))
            largest[n - 1] += weight * float(alpha[table.of_order(n)].max())
    # Twice as much covers the rounding of a few thousand operations many times over.
    return max(int(2 * x) * s + s for x, s in zip(largest, scales, strict=True))


def _symmetric_lift(residues: Sequence[np.ndarray], moduli: Sequence[int]) -> list[int]:
    """The integers of least absolute value with these residues (Garner's algorithm)."""
    digits: list[np.ndarray] = []
    for k, (residue, p) in enumerate(zip(residues, moduli, strict=True)):
        value, radix = np.zeros_like(residue), 1
        for digit, q in zip(digits, moduli[:k], strict=True):
            value = (value + digit % p * (radix % p)) % p
            radix *= q
        digits.append((residue - value) % p * pow(radix, -1, p) % p)
    total, radix = digits[0].astype(object), moduli[0]
    for digit, p in zip(digits[1:], moduli[1:], strict=True):
        total = total + digit.astype(object) * radix
        radix *= p
    half = radix // 2
    return [number - radix if number > half else number for number in total.tolist()]
