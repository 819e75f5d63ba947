"""Arguments of exponentials, sines and powers as integer combinations of fewer ones.

exp(x), exp(−x) and exp(2x) must not become three generators of a ring, or exp(x)·exp(−x) − 1
would not be seen to vanish. Over ℚ-independent arguments, exponentials are algebraically
independent (Ax 1971, doi:10.2307/1970774), so it is enough to find independent arguments b_i with
every u an integer combination Σ n_i b_i, and to write exp(u) = Π exp(b_i)^{n_i}. Where that would
take high powers, as for the dozens of arguments ⟨w, x_i⟩ of a loss on data, proportional arguments
share a generator and the others get their own: correct all the same, only the normal form may
then miss a zero, which `ring` makes good by evaluating.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm

import sympy as sp
from sympy import QQ, Expr
from sympy.polys.matrices import DomainMatrix

Vector = dict[Expr, sp.Rational]
Direction = frozenset[tuple[Expr, sp.Rational]]

HIGHEST_DEGREE = 4
"""Up to this degree Σ|n_i| an exponential is written in those of the monomials of its argument."""


def expanded(expr: Expr) -> Expr:
    """Products of sums multiplied out, and nothing else: exp(x + 1) stays what it is."""
    return expr.expand(power_base=False, power_exp=False, log=False)


def vector(argument: Expr) -> Vector:
    """The rational coefficients of the expanded argument, by monomial."""
    return dict(expanded(argument).as_coefficients_dict())


def leading(v: Vector) -> sp.Rational:
    """The coefficient of the first monomial in a fixed order."""
    return v[min(v, key=sp.default_sort_key)]


def direction(v: Vector) -> Direction:
    """The vector up to a factor: the same for proportional arguments."""
    scale = leading(v)
    return frozenset((m, c / scale) for m, c in v.items())


def proportional(first: Sequence[Expr], second: Sequence[Expr]) -> bool:
    """Is some argument of the first a rational multiple of one of the second?"""
    directions = {direction(vector(a)) for a in first}
    return not directions.isdisjoint(direction(vector(a)) for a in second)


def independent(arguments: Sequence[Expr]) -> bool:
    """Are these linearly independent over ℚ? One that is given twice is not."""
    vectors = [vector(a) for a in arguments]
    monomials = list(dict.fromkeys(m for v in vectors for m in v))
    rows = [[QQ.from_sympy(sp.Rational(v.get(m, 0))) for m in monomials] for v in vectors]
    return not rows or DomainMatrix(rows, (len(rows), len(monomials)), QQ).rank() == len(rows)


def common_unit(coefficients: Sequence[sp.Rational]) -> sp.Rational:
    """The largest rational, with the sign of most of them, that divides all coefficients."""
    numerators, denominators = zip(*((int(c.p), int(c.q)) for c in coefficients), strict=True)
    unit = sp.Rational(gcd(*numerators), lcm(*denominators))
    return unit if max(coefficients) > 0 else -unit


class Lattice:
    """A basis b_i, of which every given argument is an integer combination.

    Args:
        arguments: what the exponentials (or sines, or powers) of an input are taken of.
    """

    def __init__(self, arguments: Sequence[Expr]) -> None:
        vectors = [vector(a) for a in arguments]
        self._units = _units_by_direction(vectors)
        if not independent(list(self._units.values())):
            by_monomial = _units_by_direction([{m: c} for v in vectors for m, c in v.items()])
            if all(_degree(v, by_monomial) <= HIGHEST_DEGREE for v in vectors):
                self._units = by_monomial

    def coordinates(self, argument: Expr) -> list[tuple[Expr, int]]:
        """The pairs (b_i, n_i) with Σ n_i b_i = argument and n_i ≠ 0.

        Args:
            argument: one of those given, or an integer combination that comes of them.

        Raises:
            KeyError: the argument is not such a combination.
        """
        v = vector(argument)
        parts = [v] if direction(v) in self._units else [{m: c} for m, c in v.items()]
        pairs = []
        for part in parts:
            b = self._units[direction(part)]
            n = leading(part) / leading(vector(b))
            if not n.is_Integer:
                raise KeyError(argument)
            pairs.append((b, int(n)))
        return pairs


def _units_by_direction(vectors: Sequence[Vector]) -> dict[Direction, Expr]:
    """For proportional vectors one argument of which they are integer multiples."""
    groups: dict[Direction, list[Vector]] = {}
    for v in vectors:
        groups.setdefault(direction(v), []).append(v)
    units = {}
    for key, group in groups.items():
        unit = common_unit([leading(v) for v in group]) / leading(group[0])
        units[key] = sp.Add(*(c * unit * m for m, c in group[0].items()))
    return units


def _degree(v: Vector, by_monomial: dict[Direction, Expr]) -> int:
    """Σ|n_i| of an argument in terms of its monomials."""
    parts = [{m: c} for m, c in v.items()]
    return sum(abs(leading(p) / leading(vector(by_monomial[direction(p)]))) for p in parts)
