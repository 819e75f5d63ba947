"""Taylor polynomials in several variables whose coefficients are balls: derivatives of our own.

A jet is Σ_α c_α t^α over multi-indices α of total degree at most D, the Taylor polynomial of a
function at a point; its c_α are balls of python-flint's `arb`, which contain the exact value. Sums
and products of jets are those of polynomials, and a function of one variable goes through by its
own Taylor series. Nothing here comes from `bea`, so that its formulas can be held to it. What is
no real number at the point has coefficients that are not finite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement

import flint
from flint import arb, arb_series, fmpq

Coefficients = list[arb]


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Balls of so many bits, and series long enough for every jet; afterwards all is as it was."""
    before = flint.ctx.prec, flint.ctx.cap
    flint.ctx.prec, flint.ctx.cap = bits, 12
    try:
        yield
    finally:
        flint.ctx.prec, flint.ctx.cap = before


def ball(number: Fraction | int) -> arb:
    """A rational number at the precision in force."""
    number = Fraction(number)
    return arb(fmpq(number.numerator, number.denominator))


class Space:
    """Multi-indices of m variables to total degree D, by degree, and how they add up."""

    def __init__(self, m: int, degree: int) -> None:
        self.m, self.degree = m, degree
        self.indices = [
            tuple(chosen.count(i) for i in range(m))
            for d in range(degree + 1)
            for chosen in combinations_with_replacement(range(m), d)
        ]
        self.position = {index: k for k, index in enumerate(self.indices)}
        self.sums = [
            [
                (j, self.position[total])
                for j, b in enumerate(self.indices)
                if (total := tuple(map(int.__add__, a, b))) in self.position
            ]
            for a in self.indices
        ]
        one = [tuple(int(i == j) for j in range(m)) for i in range(m)]
        self.raised = [
            [
                (k, self.position[tuple(map(int.__add__, index, unit))], index[i] + 1)
                for k, index in enumerate(self.indices)
                if sum(index) < degree
            ]
            for i, unit in enumerate(one)
        ]


@lru_cache(maxsize=64)
def space(m: int, degree: int) -> Space:
    """The one space of this kind."""
    return Space(m, degree)


class Jet:
    """A Taylor polynomial; a coefficient None is an exact zero."""

    __slots__ = ("coefficients", "space")

    def __init__(self, space: Space, coefficients: Sequence[arb | None]) -> None:
        self.space, self.coefficients = space, list(coefficients)

    @classmethod
    def constant(cls, m: int, degree: int, value: arb) -> Jet:
        """A number."""
        s = space(m, degree)
        return cls(s, [value, *[None] * (len(s.indices) - 1)])

    @classmethod
    def variable(cls, m: int, degree: int, i: int, value: arb) -> Jet:
        """The variable itself: its value plus t_i."""
        jet = cls.constant(m, degree, value)
        if degree:
            jet.coefficients[1 + i] = arb(1)
        return jet

    @property
    def value(self) -> arb:
        """The function at the point itself."""
        return _or_zero(self.coefficients[0])

    def cut(self, degree: int) -> Jet:
        """The same to a lower degree."""
        s = space(self.space.m, degree)
        return Jet(s, self.coefficients[: len(s.indices)])

    def partial(self, i: int) -> Jet:
        """∂_i, known to one degree less."""
        s = space(self.space.m, self.space.degree - 1)
        found: list[arb | None] = [None] * len(s.indices)
        for k, above, factor in self.space.raised[i]:
            c = self.coefficients[above]
            found[k] = None if c is None else c * factor
        return Jet(s, found)

    def _together(self, other: Jet) -> tuple[Jet, Jet]:
        degree = min(self.space.degree, other.space.degree)
        return (
            self if self.space.degree == degree else self.cut(degree),
            other if other.space.degree == degree else other.cut(degree),
        )

    def __add__(self, other: Jet) -> Jet:
        a, b = self._together(other)
        return Jet(
            a.space,
            [
                q if p is None else p if q is None else p + q
                for p, q in zip(a.coefficients, b.coefficients, strict=True)
            ],
        )

    def __neg__(self) -> Jet:
        return Jet(self.space, [None if c is None else -c for c in self.coefficients])

    def __sub__(self, other: Jet) -> Jet:
        return self + -other

    def __mul__(self, other: Jet) -> Jet:
        a, b = self._together(other)
        found: list[arb | None] = [None] * len(a.space.indices)
        right = b.coefficients
        for p, row in zip(a.coefficients, a.space.sums, strict=True):
            if p is None:
                continue
            for j, k in row:
                q = right[j]
                if q is not None:
                    before = found[k]
                    found[k] = p * q if before is None else before + p * q
        return Jet(a.space, found)

    def scaled(self, factor: Fraction | int | arb) -> Jet:
        """A multiple."""
        number = factor if isinstance(factor, arb) else ball(factor)
        return Jet(self.space, [None if c is None else c * number for c in self.coefficients])

    def through(self, series: Callable[[arb, int], Coefficients]) -> Jet:
        """F of this, with the Taylor coefficients of F at the value: series(value, length)."""
        degree = self.space.degree
        c = series(self.value, degree + 1)
        rest = Jet(self.space, [None, *self.coefficients[1:]])
        result = Jet.constant(self.space.m, degree, c[degree])
        for k in range(degree - 1, -1, -1):
            result = result * rest
            result.coefficients[0] = c[k]  # `rest` has no constant term, so neither has a product
        return result

    def power(self, n: int) -> Jet:
        """An integer power, by squaring; a negative one of the reciprocal."""
        if n < 0:
            return self.through(reciprocal).power(-n)
        result, square = Jet.constant(self.space.m, self.space.degree, arb(1)), self
        while n:
            if n & 1:
                result = result * square
            n >>= 1
            if n:
                square = square * square
        return result

    def rational_power(self, exponent: Fraction) -> Jet:
        """u^(p/q) for u > 0."""
        if exponent.denominator == 1:
            return self.power(int(exponent))
        return self.through(lambda u, n: binomial(u, exponent, n))


def _or_zero(c: arb | None) -> arb:
    return arb(0) if c is None else c


# --- Taylor coefficients of functions of one variable -----------------------------------------


def reciprocal(u: arb, n: int) -> Coefficients:
    """Of 1/u: (−1)^k / u^{k+1}."""
    r = 1 / u
    found = [r]
    for _ in range(n - 1):
        found.append(-found[-1] * r)
    return found


def binomial(u: arb, exponent: Fraction, n: int) -> Coefficients:
    """Of u^r: C(r, k) u^{r−k}; not finite unless u > 0."""
    r = ball(exponent)
    found = [(r * u.log()).exp()]
    for k in range(n - 1):
        found.append(found[-1] * ball((exponent - k) / (k + 1)) / u)
    return found


def exponential(u: arb, n: int) -> Coefficients:
    """Of exp: all derivatives are the same."""
    found = [u.exp()]
    for k in range(1, n):
        found.append(found[-1] / k)
    return found


def logarithm(u: arb, n: int) -> Coefficients:
    """Of log: those of 1/u, integrated."""
    r = reciprocal(u, n)
    return [u.log(), *(r[k - 1] / k for k in range(1, n))]


def _series(function: Callable[[arb_series], arb_series]) -> Callable[[arb, int], Coefficients]:
    """Of what `arb_series` knows, or of what is put together from that."""

    def coefficients(u: arb, n: int) -> Coefficients:
        if not u.is_finite():
            return [arb.nan()] * n
        try:
            s = function(arb_series([u, 1], n))
        except (ValueError, ZeroDivisionError):  # outside the domain
            return [arb.nan()] * n
        return [s[k] for k in range(n)]

    return coefficients


def _sign_of(u: arb) -> int:
    return -1 if u < 0 else 1


def _tanh(u: arb, n: int) -> Coefficients:
    """1 − 2/(1 + e^{2u}) on the side where nothing cancels: tanh is odd."""
    sign = _sign_of(u)
    one_less = _series(lambda s: 2 / (1 + (2 * s).exp()))(sign * u, n)
    found = [-c * sign**k for k, c in enumerate(one_less)]
    found[0] = 1 + found[0]
    return [sign * c for c in found]


def _sigmoid(u: arb, n: int) -> Coefficients:
    return _series(lambda s: 1 / (1 + (-s).exp()))(u, n)


def _softplus(u: arb, n: int) -> Coefficients:
    s = _sigmoid(u, n)
    value = u.exp().log1p() if u < 0 else u + (-u).exp().log1p()
    return [value, *(s[k - 1] / k for k in range(1, n))]


def _integrated(
    value: Callable[[arb], arb], slope: Callable[[arb_series], arb_series]
) -> Callable[[arb, int], Coefficients]:
    """Of a function of which the derivative is known as a series."""
    of_slope = _series(slope)

    def coefficients(u: arb, n: int) -> Coefficients:
        c = of_slope(u, n)
        return [value(u), *(c[k - 1] / k for k in range(1, n))]

    return coefficients


FUNCTIONS: dict[str, Callable[[arb, int], Coefficients]] = {
    "exp": exponential,
    "log": logarithm,
    "ln": logarithm,
    "sqrt": lambda u, n: binomial(u, Fraction(1, 2), n),
    "sin": _series(lambda s: s.sin()),
    "cos": _series(lambda s: s.cos()),
    "tan": _series(lambda s: s.tan()),
    "sinh": _series(lambda s: (s.exp() - (-s).exp()) / 2),
    "cosh": _series(lambda s: (s.exp() + (-s).exp()) / 2),
    "tanh": _tanh,
    "asin": _integrated(lambda u: u.asin(), lambda s: (1 - s * s).rsqrt()),
    "acos": _integrated(lambda u: u.acos(), lambda s: -((1 - s * s).rsqrt())),
    "atan": _integrated(lambda u: u.atan(), lambda s: 1 / (1 + s * s)),
    "asinh": _integrated(lambda u: u.asinh(), lambda s: (1 + s * s).rsqrt()),
    "acosh": _integrated(lambda u: u.acosh(), lambda s: (s - 1).rsqrt() * (s + 1).rsqrt()),
    "atanh": _integrated(lambda u: u.atanh(), lambda s: 1 / (1 - s * s)),
    "erf": _series(lambda s: s.erf()),
    "erfc": _series(lambda s: s.erfc()),
    "erfi": _series(lambda s: s.erfi()),
    "Ei": _series(lambda s: s.ei()),
    "Si": _series(lambda s: s.si()),
    "Ci": _series(lambda s: s.ci()),
    "LambertW": _series(lambda s: s.lambertw()),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
}
"""By the names that a text uses, which are SymPy's too."""
