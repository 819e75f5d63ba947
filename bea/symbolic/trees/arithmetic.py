"""Exact arithmetic on arrays with one number for each tree, as fast as floating point.

A pass over all trees (`coefficients`, `modifying_integrator`) is written once, in the few
operations of `Arithmetic`, and runs three times over: on magnitudes in floating point, which bounds
its result; on residues modulo as many 31-bit primes as the bound asks for, which determine it
exactly; and, where entries contain symbols, on elements of their differential ring instead.
Irrational algebraic entries, such as √3, are carried as coordinates in a basis of their
`ring.number_algebra`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, lcm, prod
from typing import Any

import numpy as np
import sympy as sp

from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.number_algebra import NumberAlgebra
from bea.symbolic.ring.scalars import Scalar, expression_of_scalar, scalar_of
from bea.symbolic.trees.table import TreeTable

MAX_PRIME = 2**31
"""Residues below it have products within 64 bits."""


@dataclass(frozen=True)
class Arithmetic:
    """Arrays of shape (d, n): n numbers x = Σ_i x_i e_i by their coordinates.

    Attributes:
        structure: (i, j, k, c) for each term of the products e_i·e_j = Σ_k c e_k, with e_0 = 1.
        dtype: of the coordinates.
        embed: scalar ↦ its d coordinates.
        reduce: keeps coordinates small: x ↦ x mod p, a normal form, or nothing.
    """

    structure: tuple[tuple[int, int, int, Any], ...]
    dtype: type
    embed: Callable[[Scalar], Sequence[Any]]
    reduce: Callable[[np.ndarray], np.ndarray]

    def constant(self, scalar: Scalar) -> np.ndarray:
        """The scalar, shape (d, 1)."""
        coordinates = self.embed(scalar)
        result: np.ndarray = np.empty((len(coordinates), 1), self.dtype)
        for k, x in enumerate(coordinates):  # np.array would take a polynomial for a sequence
            result[k, 0] = x
        return result

    def filled(self, scalar: Scalar, n: int) -> np.ndarray:
        """The scalar n times, shape (d, n)."""
        return np.repeat(self.constant(scalar), n, axis=1)

    def times(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The products x·y, number by number."""
        if len(self.structure) == 1:
            return self.reduce(x * y)
        total: np.ndarray = np.zeros(np.broadcast_shapes(x.shape, y.shape), self.dtype)
        for i, j, k, c in self.structure:
            total[k] += self.reduce(c * self.reduce(x[i] * y[j]))
        return self.reduce(total)

    def plus(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The sums x + y, number by number."""
        return self.reduce(x + y)


Pass = Callable[[Arithmetic], np.ndarray]
"""A pass over all trees of a table, in any arithmetic; its result has shape (d, trees)."""


def exact_values(
    entries: Sequence[Scalar],
    table: TreeTable,
    *,
    scale: Callable[[int, int], int],
    run: Pass,
) -> list[Scalar]:
    """The result of a pass over trees, exactly.

    Args:
        entries: all scalars that the pass embeds, except for fractions that `scale` accounts for.
        table: the trees.
        scale: (D, n) ↦ a multiple of the denominators of the result on trees of n nodes, if D is
            one of those of the entries.
        run: the pass.

    Returns:
        One scalar a tree: a Fraction where it is rational.
    """
    algebra = NumberAlgebra.of(entries)
    if algebra is None or not algebra.is_integral:
        return _values_in_ring(entries, run)
    D = lcm(*(x.denominator for e in entries for x in algebra.coordinates(e)))
    scales = [scale(D, n) for n in range(1, table.order + 1)]
    bound = _bound(algebra, table, scales=scales, run=run)
    if bound is None:
        return _values_in_ring(entries, run)
    residues, moduli = [], []
    for p in _primes(D):
        result = run(_residues(algebra, p))
        for n, s in enumerate(scales, start=1):
            here = table.of_order(n)
            result[:, here] = result[:, here] * (s % p) % p
        residues.append(result)
        moduli.append(p)
        if prod(moduli) > 2 * bound:
            break
    numerators = [_symmetric_lift([r[k] for r in residues], moduli) for k in algebra.dimensions]
    denominators = [s for n, s in enumerate(scales, 1) for _ in range(*_ends(table.of_order(n)))]
    if len(algebra.basis) == 1:
        return [Fraction(x, s) for x, s in zip(numerators[0], denominators, strict=True)]
    return [
        algebra.scalar([Fraction(x, s) for x in coordinates])
        for *coordinates, s in zip(*numerators, denominators, strict=True)
    ]


def _ends(here: slice) -> tuple[int, int]:
    return here.start, here.stop


def _residues(algebra: NumberAlgebra, p: int) -> Arithmetic:
    """Modulo a prime."""

    def residue(x: Fraction) -> int:
        return x.numerator * pow(x.denominator, -1, p) % p

    return Arithmetic(
        tuple((i, j, k, residue(c)) for i, j, k, c in algebra.structure),
        np.int64,
        lambda scalar: [residue(x) for x in algebra.coordinates(scalar)],
        lambda x: x % p,
    )


def _magnitudes(algebra: NumberAlgebra) -> Arithmetic:
    """Bounds of coordinates: with absolute values everywhere, what a pass gives exceeds |x_k|."""
    return Arithmetic(
        tuple((i, j, k, abs(float(c))) for i, j, k, c in algebra.structure),
        np.float64,
        lambda scalar: [abs(float(x)) for x in algebra.coordinates(scalar)],
        lambda x: x,
    )


def _bound(
    algebra: NumberAlgebra, table: TreeTable, *, scales: Sequence[int], run: Pass
) -> int | None:
    """An integer that no coordinate of scale_n · result exceeds; None beyond floating point."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            magnitudes = run(_magnitudes(algebra))
    except OverflowError:
        return None
    largest = [magnitudes[:, table.of_order(n)].max() for n in range(1, table.order + 1)]
    if not all(map(isfinite, largest)):
        return None
    # Twice as much covers the rounding of a few thousand operations many times over.
    return max(int(2 * x) * s + s for x, s in zip(largest, scales, strict=True))


def _values_in_ring(entries: Sequence[Scalar], run: Pass) -> list[Scalar]:
    """The pass on elements of the differential ring of the entries: slower, for any entries."""
    ring = DifferentialRing([], [expression_of_scalar(e) for e in entries])
    arithmetic = Arithmetic(
        ((0, 0, 0, 1),),
        object,
        lambda scalar: [ring.element(expression_of_scalar(scalar))],
        np.frompyfunc(ring.normal, 1, 1),
    )
    return [
        Fraction(0) if ring.is_zero(x) else scalar_of(ring.expression(x))
        for x in run(arithmetic)[0]
    ]


def _primes(excluded_factors: int) -> Iterator[int]:
    p = MAX_PRIME
    while True:
        p = int(sp.prevprime(p))
        if excluded_factors % p:
            yield p


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
