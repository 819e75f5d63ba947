"""The field at one point, to as many digits as are wanted, or the answer that it is unknown.

The corrections are known exactly. In balls (`zero.balls`) they are evaluated with rising precision
until the digits of the result are right. Where a function is not defined at the point itself
although the field has a limit there, as sin(x)/x has at 0, the field is expanded in a power series
along a line through the point (`coordinates.step_expansion`), and its first coefficient is the
limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import isfinite, nan

import sympy as sp
from flint import arb
from sympy import Expr

from bea.errors import BeaError
from bea.symbolic.coordinates.step_expansion import limit_along
from bea.symbolic.kernels.polynomials import PolynomialFields
from bea.symbolic.zero.balls import NoBallError, ball, precision, rational

PRECISIONS = (128, 512, 2048, 8192)
"""Bits that are tried one after the other."""

MANY = (*PRECISIONS, 2**16, 2**20)
"""The same for multiprecision: terms may cancel to their last e^(−700 000)."""

TINY = 1100
"""Below 2^−1100 a value is zero in float64; in multiprecision, below 2^−(the last precision)."""


class CertifiedField:
    """θ, h ↦ f_0 + h f_1 + … + h^p f_p, certified.

    Args:
        fields: the corrections.
        constants: exact values of the symbols that are no parameters.
    """

    def __init__(self, fields: PolynomialFields, constants: Mapping[sp.Symbol, Expr]) -> None:
        self._fields = fields
        self._meanings = [m.xreplace(dict(constants)) for m in fields.meanings]

    @cached_property
    def has_balls(self) -> bool:
        """Is there a ball for every function that occurs?"""
        try:
            for m in self._meanings:
                ball(m, dict.fromkeys(self._fields.params, arb(1)))
        except NoBallError:
            return False
        return True

    def values(self, theta: Sequence[float], h: float, bits: int) -> list[float]:
        """The components, each right to so many bits, nan where that is out of reach.

        Args:
            theta: θ, m floats, taken as the numbers that they are.
            h: the step size.
            bits: of the result.
        """
        if not all(map(isfinite, [*theta, h])):
            return [nan] * len(theta)
        point = [sp.Rational(Fraction(t)) for t in theta]
        return list(map(_float, self.balls(point, sp.Rational(Fraction(h)), bits=bits)))

    def balls(
        self,
        point: Sequence[sp.Rational],
        step: sp.Rational,
        *,
        bits: int,
        precisions: Sequence[int] = PRECISIONS,
    ) -> list[arb]:
        """The components as balls of so many bits, nan where that is out of reach.

        Args:
            point: θ, exactly.
            step: the step size, exactly.
            bits: that each has right.
            precisions: bits to compute with, one after the other.
        """
        tiny = TINY if precisions is PRECISIONS else precisions[-1]
        found: list[arb | None] = [None] * len(point)
        for working in precisions:
            working = working + 2 * bits
            with precision(working):
                components = self._balls(point, step)
                for i, value in enumerate(components):
                    if found[i] is None:
                        found[i] = _digits(value, bits, tiny)
            if not any(f is None and c.is_finite() for f, c in zip(found, components, strict=True)):
                break
        return [
            self._limit(i, point, step, bits=bits, tiny=tiny) if value is None else value
            for i, value in enumerate(found)
        ]

    def corrections(self, point: Sequence[sp.Rational], bits: int) -> list[list[arb]]:
        """The corrections f_0, …, f_p at a point, each component right to so many bits.

        What cannot be told from zero with thousands of bits is zero.

        Args:
            point: θ, exactly.
            bits: that each has right.

        Returns:
            m balls for each correction; not finite where it is not defined.
        """
        for working in PRECISIONS:
            with precision(working + 2 * bits):
                fields = self._corrections(point)
            if all(_has_digits(v, bits) for f in fields for v in f if v.is_finite()):
                break
        return [
            [arb(0) if not _has_digits(v, bits) and v.is_finite() and 0 in v else v for v in f]
            for f in fields
        ]

    def _balls(self, point: Sequence[sp.Rational], h: sp.Rational) -> list[arb]:
        step, total = rational(h), [arb(0)] * len(point)
        for f in reversed(self._corrections(point)):  # Horner in h
            total = [t * step + value for t, value in zip(total, f, strict=True)]
        return total

    def _corrections(self, point: Sequence[sp.Rational]) -> list[list[arb]]:
        """f_0, …, f_p at the precision in force."""
        at = dict(zip(self._fields.params, map(rational, point), strict=True))
        try:
            functions = [ball(m, at) for m in self._meanings]
        except NoBallError:
            return [[arb.nan()] * len(point) for _ in self._fields.coefficients]
        monomials = [_monomial(functions, exponents) for exponents in self._fields.monomials]
        return [
            [
                sum((monomials[k] * c.numerator / c.denominator for k, c in row.items()), arb(0))
                for row in field
            ]
            for field in self._fields.coefficients
        ]

    def _limit(
        self, i: int, point: Sequence[sp.Rational], h: sp.Rational, *, bits: int, tiny: int
    ) -> arb:
        """The limit of a component at a point where it is not defined; nan if there is none."""
        terms = []
        for l, field in enumerate(self._fields.coefficients):
            for k, c in field[i].items():
                factors = zip(self._meanings, self._fields.monomials[k], strict=True)
                monomial = sp.Mul(*(m**e for m, e in factors if e))
                terms.append(sp.Rational(c.numerator, c.denominator) * h**l * monomial)
        m = len(point)
        # Two lines: a limit along one of them only is none.
        directions = [[sp.Integer(1)] * m, [sp.Integer(2 + j) * (-1) ** j for j in range(m)]]
        values = []
        for direction in directions:
            try:
                value = limit_along(
                    sp.Add(*terms), self._fields.params, point=point, direction=direction
                )
                with precision(PRECISIONS[-1] + 2 * bits):
                    values.append(ball(value, {}))
            except BeaError:
                return arb.nan()
        digits = _digits(values[0], bits, tiny) if values[0].overlaps(values[1]) else None
        return arb.nan() if digits is None else digits


def _monomial(functions: Sequence[arb], exponents: Sequence[int]) -> arb:
    value = arb(1)
    for function, exponent in zip(functions, exponents, strict=True):
        if exponent:
            value = value * function**exponent
    return value


def _has_digits(value: arb, bits: int) -> bool:
    return value.is_exact() or value.rel_accuracy_bits() > bits


def _digits(value: arb, bits: int, tiny: int) -> arb | None:
    """The ball, if it is small enough; an exact zero for what is far below every float."""
    if not value.is_finite():
        return None
    if value.rel_accuracy_bits() > bits:
        return value
    return arb(0) if value.abs_upper() < arb(2) ** -tiny else None


def _float(value: arb) -> float:
    if not value.is_finite():
        return float("nan")
    middle = value.mid()
    try:
        return float(middle)
    except OverflowError:
        return float("inf") if middle > 0 else float("-inf")
