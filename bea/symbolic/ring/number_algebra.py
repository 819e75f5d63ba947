"""Algebraic numbers by coordinates: the algebra over ℚ that some of them generate.

Its basis are monomials in the roots that occur, its products those of the `DifferentialRing` of
the numbers. Roots may depend on one another in a way that the ring does not know (√(3 + 2√2) is
1 + √2); what the numbers of the algebra are worth is then its quotient by the elements of value 0,
which is found once, from the factors of the characteristic polynomial of one element. In the
quotient, a field, equal numbers have equal coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import sympy as sp
from flint import arb, fmpq, fmpq_mat, fmpq_poly
from sympy import Expr

from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.zero.balls import ball, precision

MAX_DIMENSIONS = 24
"""Algebras up to this size are calculated in by coordinates: a product takes its square in
multiplications. √2, √3, √5 and their products make 8."""


MAX_ATTEMPTS = 8
"""Elements α that are tried. Roots are of different numbers, so that one of the first will do."""


class NumberAlgebra:
    """The algebra over ℚ that some algebraic numbers generate, with a basis of monomials in roots.

    Attributes:
        basis: e_0 = 1, e_1, …, as SymPy expressions.
        structure: (i, j, k, c) for each term of e_i·e_j = Σ_k c e_k.
    """

    def __init__(self, ring: DifferentialRing | None, monomials: Sequence[tuple[int, ...]]) -> None:
        self._ring = ring
        self._positions = {monomial: k for k, monomial in enumerate(monomials)}
        if ring is None:
            self.basis: list[Expr] = [sp.Integer(1)]
            self.structure: tuple[tuple[int, int, int, Fraction], ...] = ((0, 0, 0, Fraction(1)),)
            return
        elements = [ring.monomial(m) for m in monomials]
        self.basis = [ring.expression(e) for e in elements]
        self.structure = tuple(
            (i, j, k, c)
            for (i, x), (j, y) in product(enumerate(elements), repeat=2)
            for k, c in enumerate(self._coordinates(ring.normal(x * y)))
            if c
        )

    @classmethod
    def of(cls, scalars: Sequence[Fraction | Expr]) -> NumberAlgebra | None:
        """The algebra of these scalars; None if they have symbols, or it is too large.

        Args:
            scalars: fractions and SymPy expressions.

        Example:
            >>> sorted(NumberAlgebra.of([sp.sqrt(3) / 6, 1 - sp.sqrt(2)]).basis, key=str)
            [1, sqrt(2), sqrt(3), sqrt(6)]
        """
        irrational = [s for s in scalars if not isinstance(s, Fraction)]
        if not irrational:
            return cls(None, [()])
        if any(s.free_symbols for s in irrational):
            return None
        ring = DifferentialRing([], irrational)
        one = (0,) * len(ring.meanings)
        monomials = {one}.union(*(ring.element(s).to_dict() for s in irrational))
        while len(monomials) <= MAX_DIMENSIONS:
            pairs = product(map(ring.monomial, sorted(monomials)), repeat=2)
            wider = monomials.union(*(ring.normal(x * y).to_dict() for x, y in pairs))
            if wider == monomials:
                return cls(ring, sorted(monomials))
            monomials = wider
        return None

    @property
    def dimensions(self) -> range:
        """0, …, d − 1."""
        return range(len(self.basis))

    @property
    def is_integral(self) -> bool:
        """Are all c integers?"""
        return all(c.denominator == 1 for *_, c in self.structure)

    def coordinates(self, scalar: Fraction | Expr) -> list[Fraction]:
        """The x_k with scalar = Σ_k x_k e_k."""
        if isinstance(scalar, Fraction):
            return [scalar, *[Fraction(0)] * (len(self.basis) - 1)]
        assert self._ring is not None
        return self._coordinates(self._ring.element(scalar))

    def _coordinates(self, element: Any) -> list[Fraction]:
        found = [Fraction(0)] * len(self._positions)
        for monomial, c in element.to_dict().items():
            found[self._positions[monomial]] = _fraction(c)
        return found

    def scalar(self, coordinates: Sequence[Fraction]) -> Fraction | Expr:
        """Σ_k x_k e_k, in the one way in which the number is written with this basis."""
        reduced = list(coordinates)
        for pivot, row in self._relations.items():
            if factor := reduced[pivot]:
                reduced = [x - factor * r for x, r in zip(reduced, row, strict=True)]
        if not any(reduced[1:]):
            return reduced[0]
        terms = zip(reduced, self.basis, strict=True)
        return sp.Add(*(sp.Rational(x.numerator, x.denominator) * e for x, e in terms))

    @cached_property
    def _relations(self) -> dict[int, list[Fraction]]:
        """Coordinates of a basis of the elements of value 0, each with a pivot, 1 there.

        They are the multiples of p(α), if p is the irreducible factor of the characteristic
        polynomial of an element α that its value is a root of, and α tells the others apart.
        """
        if len(self.basis) == 1:
            return {}
        d = len(self.basis)
        for k in range(1, MAX_ATTEMPTS + 1):
            weights = [(i + 1) ** k for i in self.dimensions]
            by_alpha = fmpq_mat(d, d, [0] * (d * d))  # row j: the coordinates of e_j·α
            for i, j, n, c in self.structure:
                by_alpha[j, n] += weights[i] * fmpq(c.numerator, c.denominator)
            factors = by_alpha.charpoly().factor()[1]
            if all(multiplicity == 1 for _, multiplicity in factors):
                break
        else:
            return {}  # nilpotent elements: there is no such α
        if len(factors) == 1:
            return {}  # a field already
        alpha = sp.Add(*(w * e for w, e in zip(weights, self.basis, strict=True)))
        p = _vanishing([p for p, _ in factors], alpha)
        value = fmpq_mat(d, d, [0] * (d * d))
        identity = fmpq_mat(d, d, [int(i == j) for i in range(d) for j in range(d)])
        for coefficient in reversed(p.coeffs()):
            value = value * by_alpha + identity * coefficient
        # The latest elements of the basis are expressed by the earlier ones: columns from behind.
        backwards = fmpq_mat([row[::-1] for row in value.tolist()])
        reduced, rank = backwards.rref()
        relations = {}
        for row in reduced.tolist()[:rank]:
            coordinates = [_fraction(x) for x in row[::-1]]
            relations[max(k for k, x in enumerate(coordinates) if x)] = coordinates
        return relations


def _fraction(x: fmpq) -> Fraction:
    return Fraction(int(x.p), int(x.q))


def _vanishing(factors: Sequence[fmpq_poly], alpha: Expr) -> fmpq_poly:
    """The factor that α is a root of: one of them is, and a ball excludes the others."""
    bits = 64
    while len(factors) > 1:
        with precision(bits):
            value = ball(alpha, {})
            factors = [p for p in factors if _at(p, value).contains(0)]
        bits *= 2
    return factors[0]


def _at(p: fmpq_poly, x: arb) -> arb:
    total = arb(0)
    for c in reversed(p.coeffs()):
        total = total * x + arb(c)
    return total
