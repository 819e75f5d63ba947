"""How a differential ring is put together: generators, their relations, a Gröbner basis.

A generator is adjoined for every function of the input, innermost first, each with its derivative
and the relation that it satisfies: e = exp(u) has ∂e = e ∂u, r = 1/u has ∂r = −r² ∂u and r·u = 1,
s = √u has ∂s = ½ r s ∂u and s² = u, and so on (`functions.rules`). This is done in
`sympy.polys.rings`, which has factors and Gröbner bases; what is calculated in the finished ring
is `differential_ring`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import lcm
from typing import Any, NamedTuple

import sympy as sp
from sympy import QQ, Expr
from sympy.polys.groebnertools import groebner
from sympy.polys.orderings import lex
from sympy.polys.rings import PolyElement, PolyRing

from bea.errors import InputError
from bea.symbolic.functions import rules as functions
from bea.symbolic.functions.lattice import Lattice, expanded
from bea.symbolic.ring.centres import centres
from bea.symbolic.ring.terms import expression_of
from bea.symbolic.zero.decision import Answer, decide

MAX_COMPLETED = 8
"""The number of reciprocals, times that of the variables and constants in them, up to which the
relations are completed in several variables. Measured on sums of 1/|θ − c_i| to f_3: four in two
variables take 6.4 s, and 4.1 s without completion, which leaves five times the terms; five take
22 s, and 8.6 s without. Three wells with constants of their own can take minutes."""

DIVISION_BY_ZERO = "the input divides by zero: look for a denominator that vanishes"


class NoRuleError(Exception):
    """The input contains a function that the ring has no rule of derivation for."""


class Generator(NamedTuple):
    """One generator y of the ring: what it means, and ∂y = derivative · ∂argument.

    A parameter has neither derivative nor argument, and so has a constant. A function without a
    rule is opaque: it can be calculated with but not differentiated here.
    """

    symbol: sp.Symbol
    meaning: Expr
    argument: Expr | None = None
    derivative: Expr | None = None


class RingConstruction:
    """The generators and relations of ℚ[θ, constants, functions of the input], made once.

    After the constructor nothing is adjoined any more; `converted` finds what is there.

    Args:
        variables: what is differentiated by, in order.
        expressions: everything that the ring must contain.
        opaque: adjoin functions without a rule as they are, instead of refusing them.

    Attributes:
        coordinates: what the generators of the variables mean: x, or x − c where the input is
            centred.
        generators: the largest first, which is the order of the ring's monomials.
        basis: the relations, monic, and completed if `is_complete`.
        is_complete: are remainders modulo the basis unique?

    Raises:
        NoRuleError: a function has no rule, and `opaque` is false.
        InputError: an expression divides by zero.
    """

    def __init__(
        self, variables: Sequence[sp.Symbol], expressions: Sequence[Expr], *, opaque: bool
    ) -> None:
        self._variables = tuple(variables)
        self._opaque, self._closed = opaque, False
        self._generators: dict[Expr, Generator] = {}
        self._relations: list[PolyElement] = []
        self._ring = PolyRing((), QQ, lex)
        # A ring with opaque functions is one of several for the same elements: they are to agree.
        self._centres = {} if opaque else centres(expressions, self._variables)
        self.coordinates = [x - self._centres.get(x, 0) for x in self._variables]

        system = functions.canonical(sp.Tuple(*expressions))
        self._one_family = functions.one_family(system)
        system = self._one_family(system)
        closure = _closure(system)
        self._root_orders = functions.root_orders(closure)
        self._exponentials = Lattice(functions.exponents(closure))
        self._angles = Lattice(functions.arguments(closure, sp.sin, sp.cos))
        self._hyperbolic_angles = Lattice(functions.arguments(closure, sp.sinh, sp.cosh))

        symbols = set().union(*(e.free_symbols for e in system)) - set(self._variables)
        constants = sorted(symbols, key=lambda s: s.name, reverse=True)
        self._adjoin_together([*constants, *reversed(self.coordinates)])
        for expr in system:
            self._convert(expr)
        self._close()
        self.generators = list(reversed(self._generators.values()))
        self.is_complete = self._is_completed()
        self.basis = self._completed() if self.is_complete else self._monic()

    def converted(self, expr: Expr) -> PolyElement:
        """The element that an expression means.

        Raises:
            NoRuleError: the expression contains a function that is not in the ring.
        """
        (canonical,) = self._one_family(functions.canonical(sp.Tuple(expr)))
        return self._convert(canonical)

    def _adjoin(
        self, meaning: Expr, argument: Expr | None = None, derivative: Expr | None = None
    ) -> PolyElement:
        """The generator of this meaning, new or known. The latest is the largest in the order."""
        if meaning not in self._generators:
            if self._closed:
                raise NoRuleError(f"{meaning} is not in the ring")
            symbol = meaning if meaning.is_Symbol else sp.Dummy(f"y{len(self._generators)}")
            self._generators[meaning] = Generator(symbol, meaning, argument, derivative)
            self._ring = PolyRing((symbol, *self._ring.symbols), QQ, lex)
            self._relations = [self._lift(relation) for relation in self._relations]
        return self._ring.gens[self._ring.symbols.index(self._generators[meaning].symbol)]

    def _adjoin_together(self, meanings: Sequence[Expr]) -> None:
        """Generators of an empty ring: SymPy makes a ring once, not once for each."""
        for i, meaning in enumerate(meanings):
            symbol = meaning if meaning.is_Symbol else sp.Dummy(f"y{i}")
            self._generators[meaning] = Generator(symbol, meaning, None, None)
        self._ring = PolyRing([g.symbol for g in reversed(self._generators.values())], QQ, lex)

    def _lift(self, element: PolyElement) -> PolyElement:
        return element if element.ring is self._ring else element.set_ring(self._ring)

    def _meaning(self, element: PolyElement) -> Expr:
        meanings = [g.meaning for g in reversed(self._generators.values())]
        return expression_of(self._lift(element), meanings)

    def _product(self, factors: Sequence[PolyElement]) -> PolyElement:
        return reduce(lambda p, q: p * q, map(self._lift, factors), self._ring.one)

    def _relate(self, relation: PolyElement) -> None:
        """Make an element zero."""
        self._relations.append(relation)

    def _convert(self, expr: Expr) -> PolyElement:
        """The element that an expression means, adjoining what is missing, innermost first."""
        if expr.is_Rational:
            return self._ring(QQ(int(expr.p), int(expr.q)))
        if expr in self._generators:
            return self._adjoin(expr)
        if (c := self._centres.get(expr)) is not None:
            return self._adjoin(expr - c) + self._ring(QQ(int(c.p), int(c.q)))
        if expr.is_Add:
            parts = [self._convert(a) for a in expr.args]
            return sum(map(self._lift, parts), self._ring.zero)
        if expr.is_Mul:
            return self._product([self._convert(a) for a in expr.args])
        if isinstance(expr, sp.exp) or expr is sp.E:
            return self._exponential(functions.exponent(expr))
        if expr.is_Pow:
            return self._power(expr)
        if isinstance(expr, (sp.sin, sp.cos)):
            return self._angle(expr, lattice=self._angles, pair=(sp.cos, sp.sin), sign=-1)
        if isinstance(expr, (sp.sinh, sp.cosh)):
            return self._angle(
                expr, lattice=self._hyperbolic_angles, pair=(sp.cosh, sp.sinh), sign=1
            )
        if (rule := functions.DERIVATIVE.get(type(expr))) is not None:
            self._convert(expr.args[0])
            return self._adjoin(expr, expr.args[0], rule(expr.args[0], expr))
        if expr.is_Atom or self._is_constant(expr):
            return self._adjoin(expr)  # π, or F(c) for a constant c
        if self._opaque:
            return self._adjoin(expr, argument=expr)
        raise NoRuleError(f"{expr.func.__name__} has no rule of derivation")

    def _is_constant(self, expr: Expr) -> bool:
        return expr.free_symbols.isdisjoint(self._variables)

    def _exponential(self, exponent: Expr) -> PolyElement:
        # exp(Σ n_i b_i) = Π exp(b_i)^{n_i},  ∂exp(b) = exp(b) ∂b
        factors = []
        for b, n in _coordinates(self._exponentials, exponent):
            self._convert(b)
            meaning = functions.exponential(b)
            e = self._adjoin(meaning, argument=b, derivative=meaning)
            factors.append(e**n if n > 0 else self._reciprocal(e) ** -n)
        return self._product(factors)

    def _angle(
        self, expr: Expr, *, lattice: Lattice, pair: tuple[type, type], sign: int
    ) -> PolyElement:
        # cos and sin of Σ n_i b_i by the addition theorems, with c² + s² = 1 (hyperbolic: c² − s²)
        cosine, sine = pair
        c_total, s_total = self._ring.one, self._ring.zero
        for b, n in _coordinates(lattice, expr.args[0]):
            self._convert(b)
            known = sine(b) in self._generators
            self._adjoin(cosine(b), argument=b, derivative=sign * sine(b))
            s = self._adjoin(sine(b), argument=b, derivative=cosine(b))
            c = self._adjoin(cosine(b))
            if not known:
                self._relate(s**2 - sign * c**2 + sign)
            c_total, s_total = self._lift(c_total), self._lift(s_total)
            for _ in range(abs(n)):
                turn = s if n > 0 else -s
                c_total, s_total = (
                    c_total * c + sign * s_total * turn,
                    s_total * c + c_total * turn,
                )
        return c_total if isinstance(expr, cosine) else s_total

    def _power(self, power: Expr) -> PolyElement:
        # u^{n + p/q + w} = u^n · (u^{1/q})^p · exp(w log u), with n an integer and 0 ≤ p < q
        rational, symbolic = expanded(power.exp).as_coeff_Add()
        whole, rest = int(rational // 1), rational % 1
        if whole < 0 and whole == power.exp and 1 / power.base in self._generators:
            return self._adjoin(1 / power.base) ** -whole
        u = self._normal_so_far(self._convert(power.base))
        if not u and power.exp.is_positive:
            return u  # a zero in disguise
        factors = [u**whole if whole >= 0 else self._reciprocal(u) ** -whole]
        if rest:
            factors.append(self._root(u, rest))
        if symbolic:
            factors.append(self._exponential(symbolic * functions.logarithm(power.base)))
        return self._product(factors)

    def _root(self, u: PolyElement, exponent: sp.Rational) -> PolyElement:
        """u^{p/q} with 0 < p/q < 1: powers of s = u^{1/q}, of which s^q = u and ∂s = s/(qu) ∂u."""
        content, primitive = self._lift(u).primitive()
        factors = [self._rational_root(content, exponent)]
        if primitive != 1:
            base = self._meaning(primitive)
            q = lcm(int(exponent.q), self._root_orders.get(base, 1))
            root = base ** sp.Rational(1, q)
            known = root in self._generators
            self._reciprocal(primitive)
            s = self._adjoin(root, argument=base, derivative=root / (q * base))
            if not known:
                self._relate(s**q - self._lift(primitive))
            factors.append(s ** int(exponent * q))
        return self._product(factors)

    def _rational_root(self, content: Any, exponent: sp.Rational) -> PolyElement:
        """c^{p/q} for a positive rational c, by its prime factors."""
        rational = sp.Rational(int(content.numerator), int(content.denominator))
        factors = []
        for prime, multiplicity in sp.factorrat(rational).items():
            whole, rest = divmod(multiplicity * exponent, 1)
            factors.append(self._ring(QQ(int(prime)) ** int(whole)))
            if rest:
                q = lcm(int(rest.q), self._root_orders.get(sp.Integer(prime), 1))
                root = sp.Integer(prime) ** sp.Rational(1, q)
                known = root in self._generators
                s = self._adjoin(root)
                if not known:
                    self._relate(s**q - int(prime))
                factors.append(s ** int(rest * q))
        return self._product(factors)

    def _reciprocal(self, u: PolyElement) -> PolyElement:
        """1/u: a generator r for each irreducible factor p of u, with r·p = 1 and ∂r = −r² ∂p."""
        u = self._normal_so_far(u)
        if not u:
            raise InputError(DIVISION_BY_ZERO)
        u, inverses = self._without_reciprocals(u)
        content, powers = u.factor_list()
        factors = [self._ring(1 / content), *inverses]
        for p, multiplicity in powers:
            meaning = self._meaning(p)
            known = 1 / meaning in self._generators
            if not known and not is_rational(meaning) and decide(meaning).answer is Answer.ZERO:
                raise InputError(DIVISION_BY_ZERO)
            r = self._adjoin(1 / meaning, argument=meaning, derivative=-1 / meaning**2)
            if not known:
                self._relate(r * self._lift(p) - 1)
            factors.append(r**multiplicity)
        return self._product(factors)

    def _without_reciprocals(self, u: PolyElement) -> tuple[PolyElement, list[PolyElement]]:
        """(v, [w_i]) with u = v/Πw_i and no reciprocal left in v."""
        multipliers: list[PolyElement] = []
        for generator in reversed(list(self._generators.values())):
            if generator.meaning.is_Pow and generator.meaning.exp == -1:
                degree = u.degree(self._adjoin(generator.meaning))
                if degree > 0:
                    w = self._convert(generator.argument) ** degree
                    u = self._normal_so_far(u * w)
                    multipliers.append(w)
        return u, multipliers

    def _normal_so_far(self, u: PolyElement) -> PolyElement:
        """The remainder modulo the relations found until now, before they are completed."""
        u = self._lift(u)
        return u.rem(self._relations) if self._relations else u

    def _close(self) -> None:
        """Adjoin what the derivatives of the generators need, and theirs, and so on."""
        closed = 0
        while closed < len(self._generators):
            generator = list(self._generators.values())[closed]
            if generator.derivative is not None:
                self._convert(generator.derivative)
            closed += 1
        self._closed = True

    def _is_completed(self) -> bool:
        """Are the relations to be completed?

        Completion splits products of reciprocals into partial fractions, and so makes results
        short; in several variables the basis grows fast with the number of reciprocals. Without
        it an element has several remainders, all of them right, and `zero.decision` is asked.
        """
        denominators = [m.base for m in self._generators if m.is_Pow and m.exp == -1]
        symbols = set().union(*(d.free_symbols for d in denominators))
        return len(symbols) <= 1 or len(denominators) * len(symbols) <= MAX_COMPLETED

    def _completed(self) -> list[PolyElement]:
        return groebner(self._relations, self._ring) if self._relations else []

    def _monic(self) -> list[PolyElement]:
        return [relation.monic() for relation in self._relations]


def _closure(system: sp.Tuple) -> sp.Tuple:
    """The system with the derivatives of all its functions, and of theirs, and so on."""
    found: dict[Expr, Expr] = {}
    pending = set(system.atoms(sp.Function))
    while pending:
        atom = pending.pop()
        rule = functions.DERIVATIVE.get(type(atom))
        if atom not in found and rule is not None:
            found[atom] = rule(atom.args[0], atom)
            pending |= found[atom].atoms(sp.Function)
    return sp.Tuple(*system, *sorted(found.values(), key=sp.default_sort_key))


def _coordinates(lattice: Lattice, argument: Expr) -> list[tuple[Expr, int]]:
    """The argument in the lattice; by itself if it came about only while SymPy simplified."""
    try:
        return lattice.coordinates(argument)
    except KeyError:
        return [(argument, 1)]


def is_rational(expr: Expr) -> bool:
    """Is it written as a rational function with rational coefficients?"""
    return all(
        node.is_Symbol
        or node.is_Rational
        or node.is_Add
        or node.is_Mul
        or (node.is_Pow and node.exp.is_Integer)
        for node in sp.preorder_traversal(expr)
    )
