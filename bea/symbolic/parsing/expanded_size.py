"""How large an expression becomes, found before it is built or multiplied out.

`building` makes expressions from what a stranger typed, and SymPy computes while it builds. So
every step is measured here first: digits, degree, terms, and how deep functions stand inside one
another. `building` says how much of each is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import comb, lcm, prod
from typing import Any, NamedTuple

import sympy as sp
from sympy import Expr
from sympy.functions.elementary.hyperbolic import HyperbolicFunction, InverseHyperbolicFunction
from sympy.functions.elementary.trigonometric import (
    InverseTrigonometricFunction,
    TrigonometricFunction,
)

MAX_NODES = 10_000
"""Numbers, names and operations together. SymPy takes about 0.1 ms for each."""

HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.sech, sp.csch, sp.coth)
"""What SymPy splits into real and imaginary parts as soon as it is asked whether it is finite."""

ELEMENTARY = (
    *(sp.exp, sp.log, TrigonometricFunction, HyperbolicFunction),
    *(InverseTrigonometricFunction, InverseHyperbolicFunction),
)
"""What SymPy splits fast."""

MAX_DEGREE = 1_000
"""Formal total degree. The ring multiplies powers out: (a + b)**1000 becomes 1001 terms."""


class Extent(NamedTuple):
    """A bound on what an expression becomes when it is multiplied out.

    Everything that is neither number nor sum, product or whole power counts as a generator, as in
    the differential ring.

    Attributes:
        bits: length of the longest numerator or denominator.
        degree: formal total degree in the generators.
        terms: number of monomials.
        generators: what the monomials are made of: expressions, and for u^(±p/q) the pair of u
            and ±1/q.
        root: common denominator of the exponents of numbers.
    """

    bits: int = 0
    degree: int = 0
    terms: int = 1
    generators: frozenset[object] = frozenset()
    root: int = 1

    @classmethod
    def of_sum(cls, parts: list[Extent]) -> Extent:
        """The extent of a sum of expressions with these extents."""
        return cls._joined(
            parts,
            bits=max(part.bits for part in parts),
            degree=max(part.degree for part in parts),
            terms=sum(part.terms for part in parts),
        )

    @classmethod
    def of_product(cls, parts: list[Extent]) -> Extent:
        """The extent of a product of expressions with these extents."""
        return cls._joined(
            parts,
            bits=sum(part.bits for part in parts),
            degree=sum(part.degree for part in parts),
            terms=prod(part.terms for part in parts),
        )

    def power(self, times: int) -> Extent:
        """The extent of a whole power, times ≥ 0."""
        # Beyond MAX_DEGREE the degree alone decides, and the binomial coefficient would be huge.
        factors = min(times, MAX_DEGREE)
        return self._joined(
            [self],
            bits=self.bits * times,
            degree=self.degree * times,
            terms=comb(self.terms + factors - 1, factors),
        )

    @classmethod
    def _joined(cls, parts: list[Extent], bits: int, degree: int, terms: int) -> Extent:
        generators = frozenset[object]().union(*(part.generators for part in parts))
        if degree <= MAX_DEGREE:  # there are only so many monomials of this degree
            terms = min(terms, comb(len(generators) + degree, degree))
        return cls(bits, degree, terms, generators, lcm(*(part.root for part in parts)))


@lru_cache(maxsize=2 * MAX_NODES)
def extent_of(expr: Expr) -> Extent:
    """The extent of an expression."""
    if expr.is_Rational:
        return Extent(bits=(max(abs(int(expr.p)), int(expr.q)) - 1).bit_length())
    if expr.is_Add:
        return Extent.of_sum([extent_of(part) for part in expr.args])
    if expr.is_Mul:
        return Extent.of_product([extent_of(part) for part in expr.args])
    if expr.is_Pow:
        return power_extent(expr.base, expr.exp)
    return Extent(degree=1, generators=frozenset([expr]))


def power_extent(base: Expr, exponent: Expr) -> Extent:
    """The extent of base^exponent, without building it."""
    extent = extent_of(base)
    root = extent.root * denominator(exponent) if extent.bits else 1
    if not exponent.is_Rational:
        bits = extent.bits * reach(exponent)
        return Extent(bits, 1, 1, frozenset([(base, exponent)]), root)
    if exponent < 0:
        return _generator_power(base, sp.Rational(-1, exponent.q), reach(exponent), root)
    whole, fraction = divmod(exponent, 1)
    if not fraction:
        return extent.power(int(whole))
    one_root = _generator_power(base, sp.Rational(1, exponent.q), 1, root)
    return Extent.of_product([extent.power(int(whole)), one_root])


def _generator_power(base: Expr, exponent: sp.Rational, times: int, root: int) -> Extent:
    """What `times` factors base^exponent add, where the exponent is −1 or ±1/q."""
    extent = extent_of(base)
    degree = max(extent.degree, int(exponent.q > 1)) * times
    return Extent(extent.bits * times, degree, 1, frozenset([(base, exponent)]), root)


def reach(exponent: Expr) -> int:
    """The largest whole number that can come out of an exponent when powers are merged.

    SymPy makes 2**(x + 9) * 2**(-x) to 2**9, and (2**(9*pi))**(1/pi) as well.
    """
    if exponent.is_Rational:
        return max(1, int(sp.ceiling(abs(exponent))))
    if exponent.is_Add:
        return sum(reach(part) for part in exponent.args)
    if exponent.is_Mul:
        return prod(reach(part) for part in exponent.args)
    if exponent.is_Pow and exponent.exp.is_Rational:
        return reach(exponent.base) ** reach(exponent.exp)
    return 1


def denominator(exponent: Expr) -> int:
    """A multiple of the denominator of any number that can come out of an exponent so."""
    return prod(int(number.q) for number in exponent.atoms(sp.Rational))


def powers_in_exponential(argument: Expr) -> Iterator[tuple[Expr, Expr]]:
    """The pairs (u, c) for which SymPy may make exp(… c*log(u) …) to u**c."""
    for part in sp.preorder_traversal(argument):
        factors = sp.Mul.make_args(part)
        for factor in factors:
            if isinstance(factor, sp.log):
                yield factor.args[0], sp.Mul(*(other for other in factors if other is not factor))


@lru_cache(maxsize=2 * MAX_NODES)
def nesting(expr: Expr, *kinds: type) -> int:
    """How many functions and powers, or expressions of these kinds, stand inside one another."""
    inside = max((nesting(part, *kinds) for part in expr.args), default=0)
    return inside + isinstance(expr, kinds or (sp.Function, sp.Pow))


def has_special_functions(expr: Expr) -> bool:
    """Is there a function in it that is not elementary, and not the error function?"""
    return any(not isinstance(f, (*ELEMENTARY, sp.erf)) for f in expr.atoms(sp.Function))


def layers(expr: Expr) -> int:
    """How many hyperbolic functions stand inside one another; more over what splits badly.

    SymPy takes twice as long for the real and imaginary part of each of them, and ten times as long
    if there is a special function, such as erf, or a root of more than a symbol inside. Around
    special functions the trigonometric ones take as long.
    """
    roots = (power.base for power in expr.atoms(sp.Pow) if power.exp.as_numer_denom()[1] != 1)
    has_roots = not all(u.is_Symbol or (-u).is_Symbol for u in roots)
    special: set[Any] = {type(f) for f in expr.atoms(sp.Function) if not isinstance(f, ELEMENTARY)}
    badly = 2 + nesting(expr, *special) if special else 3 * has_roots
    kinds = (*HYPERBOLIC, TrigonometricFunction) if special else HYPERBOLIC
    return nesting(expr, *kinds) + badly


@lru_cache(maxsize=2 * MAX_NODES)
def deep_degree(expr: Expr) -> int:
    """The total degree in the symbols: a function adds one, and roots and quotients count twice."""
    if expr.is_Rational:
        return 0
    if expr.is_Mul:
        return sum(deep_degree(part) for part in expr.args)
    if expr.is_Pow:
        whole = expr.exp.is_Integer and expr.exp > 0
        factors = reach(expr.exp) * (1 if whole else 2)
        return deep_degree(expr.base) * factors + deep_degree(expr.exp)
    inside = max((deep_degree(part) for part in expr.args), default=0)
    return inside if expr.is_Add else inside + 1


def longest_product(expr: Expr) -> int:
    """The terms of the longest product or power in an expression, multiplied out."""
    parts = sp.preorder_traversal(expr)
    return max((extent_of(part).terms for part in parts if part.is_Mul or part.is_Pow), default=1)
