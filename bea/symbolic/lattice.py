"""Arguments of exponentials, sines and powers as integer combinations of independent ones.

exp(x), exp(−x) and exp(2x) must not become three generators of a ring, or exp(x)·exp(−x) − 1
would not be seen to vanish. Over ℚ-independent arguments, exponentials are algebraically
independent (Ax 1971, doi:10.2307/1970774), so it is enough to choose independent arguments b_i with
every u an integer combination Σ n_i b_i, and to write exp(u) = Π exp(b_i)^{n_i}.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm

import sympy as sp
from sympy import QQ, Expr
from sympy.polys.matrices import DomainMatrix

Vector = dict[Expr, sp.Rational]


def vector(argument: Expr) -> Vector:
    """The rational coefficients of the expanded argument, by monomial."""
    return dict(sp.expand(argument).as_coefficients_dict())


def independent(arguments: Sequence[Expr]) -> bool:
    """Are these linearly independent over ℚ? One that is given twice is not."""
    vectors = [vector(a) for a in arguments]
    monomials = list(dict.fromkeys(m for v in vectors for m in v))
    rows = [[QQ.from_sympy(sp.Rational(v.get(m, 0))) for m in monomials] for v in vectors]
    return not rows or DomainMatrix(rows, (len(rows), len(monomials)), QQ).rank() == len(rows)


class Lattice:
    """Independent arguments b_i, of which every given one is an integer combination.

    Independent arguments are kept as they are, so that exp(−x²/2 + xy) stays one function; of
    dependent ones the monomials are taken, each divided by the common denominator of its
    coefficients and with the sign that makes most exponents positive.

    Args:
        arguments: what the exponentials (or sines, or powers) of an input are taken of.
    """

    def __init__(self, arguments: Sequence[Expr]) -> None:
        distinct = list(dict.fromkeys(sp.expand(a) for a in arguments))
        self._whole = {a: a for a in distinct} if independent(distinct) else {}
        self._unit: dict[Expr, sp.Rational] = {}
        if not self._whole:
            self._split([vector(a) for a in distinct])

    def _split(self, vectors: Sequence[Vector]) -> None:
        for monomial in dict.fromkeys(m for v in vectors for m in v):
            coefficients = [v[monomial] for v in vectors if monomial in v]
            unit = sp.Rational(
                gcd(*(int(c.p) for c in coefficients)), lcm(*(int(c.q) for c in coefficients))
            )
            self._unit[monomial] = unit if max(coefficients) > 0 else -unit

    def coordinates(self, argument: Expr) -> list[tuple[Expr, int]]:
        """The pairs (b_i, n_i) with Σ n_i b_i = argument and n_i ≠ 0.

        Raises:
            KeyError: the argument is not in the lattice.
        """
        argument = sp.expand(argument)
        if argument in self._whole:
            return [(argument, 1)]
        pairs = []
        for monomial, coefficient in vector(argument).items():
            multiple = coefficient / self._unit[monomial]
            if not multiple.is_Integer:
                raise KeyError(argument)
            pairs.append((self._unit[monomial] * monomial, int(multiple)))
        return pairs
