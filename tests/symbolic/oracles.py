"""Independent ways to the numbers that `bea.symbolic` gives, for its tests.

Nothing here uses the recursion or the differential ring. Power series in h with polynomial
coefficients carry the step of a method, its iterates, and the flow of a field by Picard's
iteration; elementary differentials are written out with derivative tensors; values are mpmath's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

import mpmath
import sympy as sp
from sympy import QQ, Expr
from sympy.polys.rings import PolyElement, PolyRing, ring

DIGITS = 40


# --- power series in h whose coefficients are polynomials in θ and s ---------------------------


class Series:
    """c_0 + c_1 h + … + c_N h^N, coefficients in ℚ[θ, s]."""

    def __init__(self, coefficients: Sequence[PolyElement]) -> None:
        self.coefficients = list(coefficients)

    def __add__(self, other: Series) -> Series:
        return Series([a + b for a, b in zip(self.coefficients, other.coefficients, strict=True)])

    def __sub__(self, other: Series) -> Series:
        return self + other.scaled(-1)

    def __mul__(self, other: Series) -> Series:
        a, b = self.coefficients, other.coefficients
        return Series(
            [sum((a[i] * b[n - i] for i in range(n + 1)), a[0] * 0) for n in range(len(a))]
        )

    def scaled(self, c: object) -> Series:
        factor = QQ(c.numerator, c.denominator) if isinstance(c, Fraction) else QQ(c)
        return Series([a * factor for a in self.coefficients])

    def times_h(self) -> Series:
        return Series([self.coefficients[0] * 0, *self.coefficients[:-1]])


class SeriesSpace:
    """The truncated series over parameters θ, with h counted up to h^N."""

    def __init__(self, params: Sequence[sp.Symbol], highest: int) -> None:
        self.params, self.highest = list(params), highest
        self.s = sp.Dummy("s")
        self.ring: PolyRing = ring([*params, self.s], QQ)[0]

    def constant(self, c: object) -> Series:
        return Series([self.ring(c), *[self.ring.zero] * self.highest])

    @property
    def identity(self) -> list[Series]:
        return [self.constant(self.ring(p)) for p in self.params]

    def polynomial(self, expr: Expr, at: Sequence[Series], h: sp.Symbol | None = None) -> Series:
        """expr(θ, h) with a series for each θ_i."""
        symbols = [*self.params, h] if h is not None else self.params
        values = [*at, self.constant(1).times_h()] if h is not None else list(at)
        total = self.constant(0)
        for monomial, c in sp.Poly(expr, *symbols, domain=QQ).terms():
            term = self.constant(QQ(int(c.p), int(c.q)))
            for value, degree in zip(values, monomial, strict=True):
                for _ in range(degree):
                    term = term * value
            total = total + term
        return total

    def runge_kutta(
        self,
        field: Sequence[Expr],
        A: Sequence[Sequence[Fraction]],
        b: Sequence[Fraction],
        at: Sequence[Series] | None = None,
    ) -> list[Series]:
        """θ + h Σ b_i k_i, the stages by as many fixed-point sweeps as there are powers of h."""
        at = self.identity if at is None else at

        def displaced(weights: Sequence[Fraction], k: Sequence[Sequence[Series]]) -> list[Series]:
            return [
                sum(
                    (k_i[c].scaled(w) for w, k_i in zip(weights, k, strict=True)), self.constant(0)
                ).times_h()
                + x
                for c, x in enumerate(at)
            ]

        k = [[self.constant(0)] * len(self.params) for _ in b]
        for _ in range(self.highest + 1):
            k = [[self.polynomial(f, displaced(row, k)) for f in field] for row in A]
        return displaced(b, k)

    def one_step_map(
        self, step: Sequence[Expr], h: sp.Symbol, at: Sequence[Series] | None = None
    ) -> list[Series]:
        return [self.polynomial(e, self.identity if at is None else at, h) for e in step]

    def flow(self, fields: Sequence[Sequence[Expr]], time: int = 1) -> list[Series]:
        """The flow of f_0 + h f_1 + … after the time `time`·h, by Picard's iteration.

        With t = s·h it is θ(s) = θ + ∫_0^s h f̃(θ(σ)) dσ; a sweep makes one more power of h right.
        """
        path = self.identity
        for _ in range(self.highest):
            velocity = [self.constant(0)] * len(self.params)
            for f in reversed(fields):  # Horner in h
                velocity = [
                    self.polynomial(e, path) + v.times_h() for e, v in zip(f, velocity, strict=True)
                ]
            path = [
                x + Series([self._integral(c) for c in v.times_h().coefficients])
                for x, v in zip(self.identity, velocity, strict=True)
            ]
        return [Series([c.subs(self._s_index, time) for c in x.coefficients]) for x in path]

    @property
    def _s_index(self) -> PolyElement:
        return self.ring.gens[-1]

    def _integral(self, p: PolyElement) -> PolyElement:
        """∫_0^s p ds."""
        return self.ring.from_dict({(*m[:-1], m[-1] + 1): c / QQ(m[-1] + 1) for m, c in p.terms()})

    def expressions(self, series: Sequence[Series], power: int) -> list[Expr]:
        """[h^power] of each component."""
        return [x.coefficients[power].as_expr() for x in series]

    def log_of_shift(self, step: Callable[[Sequence[Series]], list[Series]]) -> list[list[Expr]]:
        """The f_0, …, f_{N−1} of h f̃ = Σ_{k=1}^{N} (−1)^{k+1}/k Δ^k θ_0."""
        iterates = [self.identity]
        for _ in range(self.highest):
            iterates.append(step(iterates[-1]))
        total = [self.constant(0)] * len(self.params)
        differences = iterates
        for k in range(1, self.highest + 1):
            differences = [
                [y - x for x, y in zip(a, b, strict=True)] for a, b in pairwise(differences)
            ]
            weight = Fraction((-1) ** (k + 1), k)
            total = [t + d.scaled(weight) for t, d in zip(total, differences[0], strict=True)]
        return [self.expressions(total, l + 1) for l in range(self.highest)]


# --- derivative tensors ------------------------------------------------------------------------


def elementary_differential(
    field: Sequence[Expr], params: Sequence[sp.Symbol], *children: Sequence[Expr]
) -> list[Expr]:
    """f^{(k)}(v_1, …, v_k), by the k-th derivative tensor of each component."""

    def contracted(component: Expr, vectors: tuple[Sequence[Expr], ...]) -> Expr:
        if not vectors:
            return component
        first, *rest = vectors
        return sp.Add(
            *(
                v * contracted(sp.diff(component, p), tuple(rest))
                for p, v in zip(params, first, strict=True)
            )
        )

    return [contracted(component, children) for component in field]


def combination(*terms: tuple[object, Sequence[Expr]]) -> list[Expr]:
    """Σ c·v."""
    return [
        sp.Add(*(sp.Rational(c) * e for c, e in zip([c for c, _ in terms], column, strict=True)))
        for column in zip(*(v for _, v in terms), strict=True)
    ]


def euler_corrections(field: Sequence[Expr], params: Sequence[sp.Symbol]) -> list[list[Expr]]:
    """f_0 … f_3 of explicit Euler as elementary differentials (mathematics.md, section 2)."""

    def F(*children: Sequence[Expr]) -> list[Expr]:
        return elementary_differential(field, params, *children)

    f = list(field)
    f1 = F(f)
    f2 = F(f, f)
    f11 = F(f1)
    return [
        f,
        combination((sp.Rational(-1, 2), f1)),
        combination((sp.Rational(1, 3), f11), (sp.Rational(1, 12), f2)),
        combination(
            (sp.Rational(-1, 4), F(f11)),
            (sp.Rational(-1, 12), F(f2)),
            (sp.Rational(-1, 12), F(f, f1)),
        ),
    ]


# --- values ------------------------------------------------------------------------------------


def values(
    expressions: Sequence[Expr], symbols: Sequence[sp.Symbol], point: Sequence[object]
) -> list[mpmath.mpf]:
    """The expressions at a point, in DIGITS digits."""
    with mpmath.workdps(DIGITS):
        function = sp.lambdify(list(symbols), list(expressions), modules="mpmath")
        return [mpmath.mpmathify(v) for v in function(*map(mpmath.mpmathify, point))]


def assert_equal_at(
    left: Sequence[Expr],
    right: Sequence[Expr],
    symbols: Sequence[sp.Symbol],
    point: Sequence[object],
) -> None:
    """Equality at the point, relative to the size of the right side."""
    for a, b in zip(values(left, symbols, point), values(right, symbols, point), strict=True):
        assert abs(a - b) <= mpmath.mpf(10) ** (12 - DIGITS) * max(1, abs(b)), (left, right)
