"""Exact scalars: the entries of a Butcher tableau, and the coefficients of a series.

A `Fraction` where the number is rational; otherwise a SymPy expression of algebraic numbers, such
as √3, and of symbols, in the normal form of a `DifferentialRing` without variables. A float is no
exact scalar: 0.333… is not 1/3.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from fractions import Fraction
from math import isfinite
from numbers import Rational
from typing import Any, TypeAlias

import sympy as sp
from sympy import Expr
from sympy.core.function import AppliedUndef

from bea.errors import InputError
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.number_algebra import NumberAlgebra

Scalar: TypeAlias = Fraction | Expr
"""An exact number, or an expression in symbols that stand for some."""


ARE_REAL = "a scalar is real and finite, made of rationals, roots and symbols"


def exact_scalar(value: Any, name: str) -> Scalar:
    """The scalar that a user wrote: an integer, a fraction, a SymPy expression or text.

    Args:
        value: such as 1, Fraction(1, 3), sqrt(3)/6, "1/3", "1/2 - sqrt(3)/6" or "alpha".
        name: what a message calls it.

    Raises:
        InputError: it is none of these, it contains a float, or it is not real.
    """
    if isinstance(value, bool):
        raise InputError(f"{name} = {value} is not a number: write {int(value)}")
    if isinstance(value, str):
        plain = re.fullmatch(r"\s*([+-]?\d{1,400})(?:/(\d{1,400}))?\s*", value)
        if plain and int(plain[2] or 1):  # 500 times as fast as the parser of expressions
            return Fraction(int(plain[1]), int(plain[2] or 1))
        from bea.symbolic.parsing.text import parse_expression

        return scalar_of(parse_expression(value, name=name))
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, float) or "float" in str(getattr(value, "dtype", "")):
        return _of_float(value, name)
    if isinstance(value, Expr):
        if value.is_Float:
            return _of_float(float(value), name)
        if value.has(sp.Float):
            raise InputError(f"{name} = {value} contains a float: write it exactly, such as 1/3")
        if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I) or value.is_extended_real is False:
            raise InputError(f"{name} = {value} is not a real number: {ARE_REAL}")
        if value.has(sp.ComplexRootOf):
            raise InputError(f"{name} = {value} is a root without radicals: write it with them")
        if value.has(AppliedUndef, sp.Piecewise):
            raise InputError(f"{name} = {value} is not one number: {ARE_REAL}")
        return scalar_of(value)
    shown = " ".join(repr(value).split())[:60]
    raise InputError(
        f"{name} = {shown} is not exact: "
        "write it as an integer, a Fraction, a SymPy expression or text such as '1/3'"
    )


MAX_DENOMINATOR, LARGEST_IN_FLOAT32 = 1_000_000, 200
"""Of what a float is read as. One float64 in thirty thousand is so short by chance."""


def _of_float(value: Any, name: str) -> Fraction:
    """The short fraction that a float, Python's or NumPy's, stands for: it is the nearest to it.

    Warns:
        UserWarning: which fraction it was read as.

    Raises:
        InputError: there is none.
    """
    is_short = hasattr(value, "dtype") and value.dtype.itemsize < 8
    number = float(value)
    if isfinite(number):
        most = LARGEST_IN_FLOAT32 if is_short else MAX_DENOMINATOR
        fraction = Fraction(number).limit_denominator(most)
        nearest = type(value)(fraction.numerator / fraction.denominator)
        if nearest == value:
            if fraction.denominator != 1:
                warnings.warn(f"{name} = {value} is read as {fraction}", stacklevel=6)
            return fraction
    raise InputError(
        f"{name} = {value} is a float that stands for no short fraction: write it exactly, such as "
        "sqrt(3)/6 or '1/3'"
    )


def exact_scalars(values: Any, name: str) -> list[Scalar]:
    """The scalars in a list, a tuple, an array or a SymPy matrix.

    Raises:
        InputError: it is no list, or one of its entries is not exact.
    """
    return [exact_scalar(e, f"{name}[{i}]") for i, e in enumerate(as_list(values, name))]


def as_list(values: Any, name: str) -> list[Any]:
    """What is in a list, a tuple or an array; the entries of a SymPy matrix.

    Raises:
        InputError: it is no list.
    """
    if isinstance(values, sp.MatrixBase):
        return values.flat()
    if hasattr(values, "dtype") and values.ndim > 0:
        return list(values)
    if isinstance(values, (str, Mapping, Set)) or not isinstance(values, Iterable):
        raise InputError(
            f"{name} is {type(values).__name__}, not a list: a tableau is made of rows of entries"
        )
    return list(values)


def scalar_sum(scalars: Sequence[Scalar]) -> Scalar:
    """Σ of the scalars, not in normal form."""
    if all(isinstance(s, Fraction) for s in scalars):
        return sum(scalars, Fraction(0))
    return scalar_of(sp.Add(*map(expression_of_scalar, scalars)))


def scalar_of(expr: Expr) -> Scalar:
    """The expression, as a Fraction if it is a rational number."""
    return Fraction(int(expr.p), int(expr.q)) if isinstance(expr, sp.Rational) else expr


def expression_of_scalar(scalar: Scalar) -> Expr:
    """The scalar as a SymPy expression."""
    if isinstance(scalar, Fraction):
        return sp.Rational(scalar.numerator, scalar.denominator)
    return scalar


def normal_scalars(scalars: Sequence[Scalar | Expr]) -> list[Scalar]:
    """The scalars in the normal form of one ring: sums and products multiplied out.

    Args:
        scalars: fractions, and expressions in any form.

    Raises:
        InputError: one of them divides by zero.

    Example:
        >>> normal_scalars([Fraction(1, 2), (1 + sp.sqrt(3)) * (1 - sp.sqrt(3)) / 4])
        [Fraction(1, 2), Fraction(-1, 2)]
    """
    if all(isinstance(s, Fraction) for s in scalars):
        return list(scalars)
    algebra = NumberAlgebra.of(scalars)
    if algebra is not None:
        return [algebra.scalar(algebra.coordinates(s)) for s in scalars]
    expressions = [expression_of_scalar(s) for s in scalars]
    ring = DifferentialRing([], expressions)
    elements = [ring.element(e) for e in expressions]
    return [Fraction(0) if ring.is_zero(x) else scalar_of(ring.expression(x)) for x in elements]


def linear_combination(terms: Iterable[tuple[Fraction, Scalar]]) -> Scalar:
    """Σ c·x, in normal form."""
    pairs = list(terms)
    if all(isinstance(x, Fraction) for _, x in pairs):
        return sum((c * x for c, x in pairs), Fraction(0))
    products = (expression_of_scalar(c) * expression_of_scalar(x) for c, x in pairs)
    return normal_scalars([sp.Add(*products)])[0]


def same(a: Scalar | Expr, b: Scalar | Expr) -> bool:
    """Are two scalars equal, however they are written?"""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    return normal_scalars([expression_of_scalar(a) - expression_of_scalar(b)]) == [0]


def symbols_in_order(expressions: Iterable[Expr]) -> list[sp.Symbol]:
    """The symbols that occur, by name; those of one name, which no hash may order, by assumptions.

    Args:
        expressions: where they occur.
    """
    found = set().union(*(e.free_symbols for e in expressions))
    return sorted(found, key=lambda s: (s.name, sorted(s.assumptions0.items())))
