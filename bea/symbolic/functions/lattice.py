"""Arguments of exponentials, sines and powers as integer combinations of fewer ones.

exp(x), exp(−x) and exp(2x) must not become three generators of a ring, or exp(x)·exp(−x) − 1
would not be seen to vanish. Over ℚ-independent arguments, exponentials are algebraically
independent modulo constants (Ax 1971, doi:10.2307/1970774), so it is enough to find independent
arguments b_i with every u an integer combination Σ n_i b_i, and to write exp(u) = Π exp(b_i)^{n_i}.
Where that would take high powers, arguments keep generators of their own: dependence decides about
zeros, which `zero.decision` does without rewriting, and no formula is rewritten in steeper
functions or to higher degrees for its sake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import gcd, lcm

import sympy as sp
from sympy import QQ, Expr
from sympy.polys.matrices import DomainMatrix

Vector = dict[Expr, sp.Rational]
Direction = frozenset[tuple[Expr, sp.Rational]]

MAX_DEGREE = 4
"""Up to this degree Σ|n_i| an exponential is written in those of other arguments."""

MAX_COMBINATION = {1: 0, 2: 8, 3: 8, 4: 5, 5: 4, 6: 4}
"""SymPy merges exp(u)·exp(v) to exp(u + v). So many factors are found again, by the number of
units; two, where there are more units: it takes at most 20 000 trials."""


def expanded(expr: Expr) -> Expr:
    """Products of sums multiplied out, and nothing else: exp(x + 1) stays what it is."""
    return expr.expand(power_base=False, power_exp=False, log=False)


def vector(argument: Expr) -> Vector:
    """The rational coefficients of the expanded argument, by monomial."""
    return {m: c for m, c in expanded(argument).as_coefficients_dict().items() if c}


def leading(v: Vector) -> sp.Rational:
    """The coefficient of the first monomial in a fixed order."""
    return v[min(v, key=sp.default_sort_key)]


def direction(v: Vector) -> Direction:
    """The vector up to a factor: the same for proportional arguments."""
    scale = leading(v)
    return frozenset((m, c / scale) for m, c in v.items())


def commensurable(first: Sequence[Expr], second: Sequence[Expr]) -> bool:
    """Is some argument of the first p/q times one of the second, with small p and q?"""
    known: dict[Direction, list[sp.Rational]] = {}
    for v in map(vector, first):
        known.setdefault(direction(v), []).append(leading(v))
    return any(
        max(abs(ratio.p), ratio.q) <= MAX_DEGREE
        for v in map(vector, second)
        for c in known.get(direction(v), [])
        for ratio in [c / leading(v)]
    )


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
    """Units b_i, of which every given argument is an integer combination.

    Args:
        arguments: what the exponentials (or sines, or powers) of an input are taken of, as they
            are written there.
    """

    def __init__(self, arguments: Sequence[Expr]) -> None:
        spelled = _spelled(arguments)
        vectors = [vector(a) for a in spelled.values()]
        self._units = _units(vectors, spelled)
        if not independent([u for units in self._units.values() for u in units]):
            by_monomial = _units([{m: c} for v in vectors for m, c in v.items()], spelled)
            if all(len(units) == 1 for units in by_monomial.values()) and all(
                _degree(v, by_monomial) <= MAX_DEGREE for v in vectors
            ):
                self._units = by_monomial

    def coordinates(self, argument: Expr) -> list[tuple[Expr, int]]:
        """The pairs (b_i, n_i) with Σ n_i b_i = argument and n_i ≠ 0.

        Args:
            argument: one of those given, or a small integer combination that comes of them.

        Raises:
            KeyError: the argument is not such a combination.
        """
        v = vector(argument)
        if not any(v.values()):
            return []
        parts = [v] if direction(v) in self._units else [{m: c} for m, c in v.items()]
        pairs: list[tuple[Expr, int]] = []
        for part in parts:
            units = self._units[direction(part)]
            found = _combination(leading(part), [leading(vector(b)) for b in units])
            if found is None:
                raise KeyError(argument)
            pairs += [(b, n) for b, n in zip(units, found, strict=True) if n]
        return pairs


def _spelled(arguments: Sequence[Expr]) -> dict[Expr, Expr]:
    """The arguments by their expanded forms, the shortest spelling of each."""
    spelled: dict[Expr, Expr] = {}
    for argument in sorted(arguments, key=lambda a: (a.count_ops(), sp.default_sort_key(a))):
        if (form := expanded(argument)) != 0:
            spelled.setdefault(form, argument)
    return spelled


def _units(
    vectors: Sequence[Vector], spelled: Mapping[Expr, Expr]
) -> dict[Direction, tuple[Expr, ...]]:
    """For proportional vectors a few arguments, of one of which each is a small multiple.

    A unit that was given, or whose negative was, is spelled as it was.
    """
    groups: dict[Direction, list[Vector]] = {}
    for v in vectors:
        groups.setdefault(direction(v), []).append(v)
    units = {}
    for key, group in groups.items():
        first = group[0]
        clusters = _clusters([leading(v) for v in group])
        found = []
        for cluster in clusters:
            scale = common_unit(cluster) / leading(first)
            unit = sp.Add(*(c * scale * m for m, c in first.items()))
            found.append(spelled.get(unit) or _minus(spelled.get(expanded(-unit))) or unit)
        units[key] = tuple(found)
    return units


def _minus(argument: Expr | None) -> Expr | None:
    return None if argument is None else -argument


def _clusters(coefficients: Sequence[sp.Rational]) -> list[list[sp.Rational]]:
    """The coefficients in groups, in each of which all are small multiples of a common unit.

    sin(2x) and sin(3x) are polynomials in sin(x) and cos(x). sin(2.3x) and sin(0.7x) are so in
    sin(x/10) too, of degrees 23 and 7, with coefficients that cost all digits: they stay.
    """
    clusters: list[list[sp.Rational]] = []
    for c in sorted(set(coefficients), key=lambda c: (abs(c), c)):
        for cluster in clusters:
            together = [*cluster, c]
            unit = abs(common_unit(together))
            if all(abs(x) / unit <= MAX_DEGREE for x in together):
                cluster.append(c)
                break
        else:
            clusters.append([c])
    return clusters


def _combination(coefficient: sp.Rational, units: Sequence[sp.Rational]) -> tuple[int, ...] | None:
    """Integers n_i with Σ n_i u_i = c and the least Σ|n_i|; None if it exceeds the largest.

    One unit may be taken as often as it takes: exp(30x) is a power of exp(x) if SymPy makes it of
    thirty factors.
    """
    multiples = [(coefficient / u, i) for i, u in enumerate(units)]
    whole = [(abs(n), i, int(n)) for n, i in multiples if n.is_Integer]
    if whole:
        _, i, n = min(whole)
        return tuple(n if j == i else 0 for j in range(len(units)))
    for total in range(2, MAX_COMBINATION.get(len(units), 2) + 1):
        for signed in _integer_vectors(len(units), total):
            if sum(n * u for n, u in zip(signed, units, strict=True)) == coefficient:
                return signed
    return None


def _integer_vectors(length: int, total: int) -> Iterator[tuple[int, ...]]:
    """The integer vectors with Σ|n_i| = total."""
    if length == 0:
        if total == 0:
            yield ()
        return
    for n in range(-total, total + 1):
        for rest in _integer_vectors(length - 1, total - abs(n)):
            yield (n, *rest)


def _degree(v: Vector, by_monomial: Mapping[Direction, tuple[Expr, ...]]) -> int:
    """Σ|n_i| of an argument in terms of its monomials."""
    parts = [{m: c} for m, c in v.items()]
    return sum(abs(leading(p) / leading(vector(by_monomial[direction(p)][0]))) for p in parts)
