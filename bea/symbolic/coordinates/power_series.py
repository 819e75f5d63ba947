"""Lazy power series in one small quantity h, over the algebra of functions of θ.

An expression is read as an equation among series. Sums and products are Cauchy's; a quotient
divides by the first coefficient that is not zero, so that sin(h)/h has a value at h = 0; and
y = F(u) solves y' = F'(u)u', term by term, by the rule of derivation of F. Every coefficient is
computed once, in normal form: h is never a variable, and nothing is substituted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp
from sympy import Expr

from bea.errors import InputError
from bea.symbolic.coordinates.carrier import Algebra, Element
from bea.symbolic.functions import rules as functions

MAX_ZEROS = 12
"""Leading coefficients of a denominator that may vanish, as three do in h − sin(h)."""


def _rule_of_lambert(u: Expr, y: Expr) -> Expr:
    """Y' = exp(−y)/(1 + y): the rule of the ring, y/(u(1 + y)), divides by zero at u = 0."""
    return sp.exp(-y) / (1 + y)


RULES: dict[type, Callable[[Expr, Expr], Expr]] = {
    **functions.DERIVATIVE,
    sp.LambertW: _rule_of_lambert,
}


class PowerSeries(ABC):
    """Σ_k c_k h^k from k = lowest on, each coefficient computed once.

    Args:
        algebra: the arithmetic of the coefficients.
        lowest: coefficients below are zero.
    """

    def __init__(self, algebra: Algebra, lowest: int = 0) -> None:
        self._algebra, self.lowest = algebra, lowest
        self._known: dict[int, Element] = {}

    def __getitem__(self, k: int) -> Element:
        """The coefficient c_k."""
        if k < self.lowest:
            return self._algebra.zero
        if k not in self._known:
            self._known[k] = self._coefficient(k)
        return self._known[k]

    @abstractmethod
    def _coefficient(self, k: int) -> Element: ...

    def _combination(self, terms: Sequence[tuple[Fraction, Element, Element]]) -> Element:
        """Σ c·a·b, in normal form."""
        total = self._algebra.zero
        for c, a, b in terms:
            if c and not _is_plainly_zero(a) and not _is_plainly_zero(b):
                total = total + self._algebra.scale(c, self._algebra.product(a, b))
        return self._algebra.normal(total)


class Constant(PowerSeries):
    """A function of θ, plus the step size itself as often as asked."""

    def __init__(self, algebra: Algebra, value: Element, times_h: int = 0) -> None:
        super().__init__(algebra, times_h)
        self._value = value

    def _coefficient(self, k: int) -> Element:
        return self._value if k == self.lowest else self._algebra.zero


class Sum(PowerSeries):
    """Σ a_k h^k + Σ b_k h^k + …."""

    def __init__(self, algebra: Algebra, parts: Sequence[PowerSeries]) -> None:
        super().__init__(algebra, min(part.lowest for part in parts))
        self._parts = parts

    def _coefficient(self, k: int) -> Element:
        return self._algebra.normal(sum((part[k] for part in self._parts), self._algebra.zero))


class Product(PowerSeries):
    """(Σ a_i h^i)(Σ b_j h^j) = Σ_k h^k Σ_{i+j=k} a_i b_j."""

    def __init__(self, algebra: Algebra, a: PowerSeries, b: PowerSeries) -> None:
        super().__init__(algebra, a.lowest + b.lowest)
        self._a, self._b = a, b

    def _coefficient(self, k: int) -> Element:
        pairs = range(self._a.lowest, k - self._b.lowest + 1)
        return self._combination([(Fraction(1), self._a[i], self._b[k - i]) for i in pairs])


class Power(PowerSeries):
    """Y = u^α for a rational α, from u y' = α u' y:  k u_0 y_k = Σ_j (αj − (k − j)) u_j y_{k−j}.

    Args:
        algebra: the arithmetic of the coefficients.
        u: the base.
        first: the index of its first coefficient that is not zero; α times it is an integer.
        alpha: α.
        start: the first coefficient to the power α.
        reciprocal: 1 over the first coefficient.
    """

    def __init__(
        self,
        algebra: Algebra,
        u: PowerSeries,
        *,
        first: int,
        alpha: Fraction,
        start: Element,
        reciprocal: Element,
    ) -> None:
        super().__init__(algebra, int(alpha * first))
        self._u, self._first, self._alpha = u, first, alpha
        self._start, self._reciprocal = start, reciprocal

    def _coefficient(self, k: int) -> Element:
        n = k - self.lowest
        if n == 0:
            return self._start
        terms = [
            ((self._alpha * j - (n - j)) / n, self._u[self._first + j], self[k - j])
            for j in range(1, n + 1)
        ]
        total = self._combination(terms)
        return self._algebra.normal(self._algebra.product(total, self._reciprocal))


class Function(PowerSeries):
    """y = F(u_1, …) from y' = Σ_i ∂_iF(u_1, …) u_i'."""

    def __init__(self, algebra: Algebra, value: Element, arguments: Sequence[PowerSeries]) -> None:
        super().__init__(algebra)
        self._value, self._arguments = value, arguments
        self.derivatives: Sequence[PowerSeries] = ()

    def _coefficient(self, k: int) -> Element:
        if k == 0:
            return self._value
        return self._combination(
            [
                (Fraction(j, k), u[j], d[k - j])
                for u, d in zip(self._arguments, self.derivatives, strict=True)
                for j in range(1, k - d.lowest + 1)
            ]
        )


class Reader:
    """From an expression to its series.

    Args:
        h: the step size.
        algebra: the arithmetic of the coefficients.

    Attributes:
        functions: the functions of θ that have occurred as first coefficients.
        is_closed: later coefficients consist of the same functions, for all have rules.
    """

    def __init__(self, h: sp.Symbol, algebra: Algebra) -> None:
        self._h, self._algebra = h, algebra
        self.functions: dict[Expr, None] = {}
        self.is_closed = True

    def series(self, expr: Expr) -> PowerSeries:
        """The series of an expression in θ and h."""
        h = Constant(self._algebra, self._element(sp.Integer(1)), times_h=1)
        return self._series(expr, {self._h: h})

    def _element(self, expr: Expr) -> Element:
        self.functions[expr] = None
        return self._algebra.element(expr)

    def _series(self, e: Expr, known: dict[Expr, PowerSeries]) -> PowerSeries:
        """The series of an expression, where those of some symbols are known."""
        if e not in known:
            known[e] = self._read(e, known)
        return known[e]

    def _read(self, e: Expr, known: dict[Expr, PowerSeries]) -> PowerSeries:
        moving = {s for s in known if s.is_Symbol}
        if e.free_symbols.isdisjoint(moving):
            return Constant(self._algebra, self._element(e))
        if e.is_Add:
            return Sum(self._algebra, [self._series(a, known) for a in e.args])
        if e.is_Mul:
            return self._product([self._series(a, known) for a in e.args])
        if e.is_Pow and not isinstance(e, sp.exp):
            if e.exp.is_Rational:
                return self._power(e, self._series(e.base, known))
            if e.base is not sp.E:
                return self._series(sp.exp(e.exp * sp.log(e.base), evaluate=False), known)
            e = sp.exp(e.exp, evaluate=False)
        return self._function(e, known)

    def _product(self, factors: Sequence[PowerSeries]) -> PowerSeries:
        first, *rest = factors
        for factor in rest:
            first = Product(self._algebra, first, factor)
        return first

    def _power(self, e: Expr, u: PowerSeries) -> PowerSeries:
        alpha = Fraction(int(e.exp.p), int(e.exp.q))
        if alpha > 0 and alpha.denominator == 1 and alpha <= 4:
            return self._product([u] * int(alpha))
        first = self._first(u, e)
        if (alpha * first).denominator != 1 or (first and alpha.denominator % 2 == 0):
            raise not_smooth(self._h, e)  # √h; and √(h²) is |h|
        leading = self._algebra.expression(u[first])
        return Power(
            self._algebra, u, first=first, alpha=alpha,
            start=self._element(leading**e.exp), reciprocal=self._element(1 / leading),
        )  # fmt: skip

    def _first(self, u: PowerSeries, e: Expr) -> int:
        """The index of the first coefficient that is not zero."""
        for k in range(u.lowest, u.lowest + MAX_ZEROS):
            value = u[k]
            if not _is_plainly_zero(value) and not self._algebra.is_zero(value):
                return k
        raise InputError(
            f"the step divides by {e.base}, which is zero or vanishes at {self._h} = 0 to a high "
            "order: simplify it"
        )

    def _function(self, e: Expr, known: dict[Expr, PowerSeries]) -> PowerSeries:
        """F(u_1, …), or anything else that SymPy can differentiate, by its arguments."""
        moving = {s for s in known if s.is_Symbol}
        if isinstance(e, sp.Function):
            arguments = [a for a in e.args if not a.free_symbols.isdisjoint(moving)]
        else:  # the derivative of a function that is only a name
            arguments = sorted(moving & e.free_symbols, key=str)
        series = [self._series(a, known) for a in arguments]
        for u in series:
            if any(not self._algebra.is_zero(u[k]) for k in range(u.lowest, 0)):
                raise not_smooth(self._h, e)
        starts = [self._algebra.expression(u[0]) for u in series]
        names = [sp.Dummy(f"u{i}") for i in range(len(arguments))]
        named = dict(zip(arguments, names, strict=True))
        if isinstance(e, sp.Function):
            generic = e.func(*(named.get(a, a) for a in e.args))
        else:
            generic = e.xreplace(named)
        self.is_closed = self.is_closed and type(generic) in RULES
        value = generic.subs(dict(zip(names, starts, strict=True)), simultaneous=True).doit()
        if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            raise not_smooth(self._h, e)
        y = Function(self._algebra, self._element(value), series)
        itself = sp.Dummy("y")
        inner: dict[Expr, PowerSeries] = {**dict(zip(names, series, strict=True)), itself: y}
        derivatives = [derivative_of(generic, name, itself) for name in names]
        y.derivatives = [Later(self._algebra, partial(self._series, s, inner)) for s in derivatives]
        return y


class Later(PowerSeries):
    """A series that is read when its first coefficient is asked for."""

    def __init__(self, algebra: Algebra, read: Callable[[], PowerSeries]) -> None:
        super().__init__(algebra)
        self._read = read
        self._series: PowerSeries | None = None

    def _coefficient(self, k: int) -> Element:
        if self._series is None:
            self._series = self._read()
        return self._series[k]


def derivative_of(generic: Expr, name: sp.Symbol, itself: sp.Symbol) -> Expr:
    """The derivative of F in one of its arguments, in terms of them and of the value."""
    rule = RULES.get(type(generic))
    if rule is not None and generic.args == (name,):
        return rule(name, itself)
    return sp.diff(generic, name)


def _is_plainly_zero(element: Any) -> bool:
    return bool(element == 0)


def not_smooth(h: sp.Symbol, expr: Expr) -> InputError:
    """The complaint about an expression without a power series."""
    return InputError(
        f"the step has {expr} in it, which has no Taylor series at {h} = 0, as a one-step map must "
        "have: if the whole has one, write the step without it"
    )
