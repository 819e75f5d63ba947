"""Arithmetic with SymPy, each step bounded before it is taken.

SymPy computes while it builds (10**10**10 is a number as soon as it is written). `Extent` measures
what an expression will become when the differential ring multiplies it out (docs/mathematics.md),
and the `MAX_…` constants say where that ends. What is refused here is a `Refusal`; `reader` adds
the place in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from mpmath.libmp import NoConvergence
from sympy import Expr

from bea.symbolic.parsing.expanded_size import (
    HYPERBOLIC,
    MAX_DEGREE,
    MAX_NODES,
    Extent,
    deep_degree,
    extent_of,
    has_special_functions,
    layers,
    longest_product,
    nesting,
    power_extent,
    powers_in_exponential,
)
from bea.symbolic.parsing.vocabulary import (
    FUNCTIONS,
    OF_A_NUMBER,
    OF_AN_ORDER,
    OF_ONE,
    OF_TWO,
    SPECIAL,
)

MAX_DECIMAL_EXPONENT = 400
"""The e of 1e±400. Floating point ends near 1e308; exact numbers beyond that only cost time."""

MAX_BITS = 2_048
"""Numerator or denominator of an exact number, 616 digits. SymPy looks for factors of whatever it
takes a root of: 0.05 s for a number of this size, 14 s for one eight times as long."""

MAX_TOTAL_BITS = 65_536
"""All numbers of a text and powers of numbers end to end, so that no sum of them is longer. Twice
what 10 000 digits of data need."""

MAX_RADICAND_BITS = 5_000
"""A number's size times the denominator of its exponent. SymPy makes 12**0.9 to 2*(2**8*3**9)**0.1
and factors what is under that root: 0.3 s for this much."""

MAX_TERMS = 100_000
"""Terms after multiplying out, which the degree does not bound: ten variables and degree 10 make
184 756. The recursion differentiates every one of them many times."""

MAX_LOGARITHM = 230
"""Irrational constants lie between 1e-100 and 1e100: SymPy compares numbers to 100 digits, and what
it cannot tell apart it tries for a long time."""

MAX_SHIFT = 1e6
"""The c in exp(x + c), which nobody makes a factor: exp(800*(x − 1000)) is an ordinary bend."""

MAX_CONSTANT_NESTING = 4
"""Functions and powers of constants inside one another, as in exp(sqrt(2)). SymPy evaluates them to
learn their signs, four times as slowly with each level: 0.01 s at this one."""

MAX_SPLIT_DEGREE = 8
MAX_SPLIT_TERMS = 20
"""Degree, through all functions, and terms of any product in what SymPy splits into real and
imaginary parts: what is under sinh, cosh and tanh, and u in (u**2)**pi and u**(x/y). It multiplies
that out, in 0.1 s as a rule and in minutes at twice these limits. Four layers of tanh have degree
8."""

MAX_LAYERS = 6
"""Hyperbolic functions inside one another, as `layers` counts them: 0.5 s for this many."""

MAX_ANGLE = 10**30
"""Constants under sin, cos and tan. SymPy compares what is left of a larger one modulo 2π to 100
digits, in vain, and a float64 of this size is only known to within 10**14 turns."""

MAX_SPECIAL = 100
"""Constants under Γ, Bessel functions and the like, which SymPy and mpmath compute: 100! has 525
bits, and Γ of a larger number soon none that fit."""

MAX_ORDER = 60
"""Orders of Bessel functions, and their denominators: as far as recurrences are taken."""

_GROWING = ("exp", "sinh", "cosh", "sech", "csch", "coth", "sigmoid", "softplus", "expm1")
_PERIODIC = ("sin", "cos", "tan", "sec", "csc", "cot")
_HYPERBOLIC = ("sinh", "cosh", "tanh", "sech", "csch", "coth")


class Refusal(Exception):
    """Something is not built.

    Attributes:
        problem: why not.
        remedy: what to do.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


class Builder:
    """Builds the expressions of one text, whose numbers together are bounded, too.

    Every method returns what SymPy makes of its arguments: finite, real and of bounded extent.

    Raises:
        Refusal: it would not be.
    """

    def __init__(self) -> None:
        self._bits = 0

    def whole(self, value: int) -> Expr:
        """An integer."""
        return self._number(sp.Integer(value))

    def decimal(self, digits: str) -> Expr:
        """The number as it is written, such as 1e-3, not the float to which Python rounds it."""
        if abs(int(digits.lower().partition("e")[2] or 0)) > MAX_DECIMAL_EXPONENT:
            problem = f"a power of ten beyond ±{MAX_DECIMAL_EXPONENT}"
            raise Refusal(problem, "rescale the problem")
        return self._number(sp.Rational(Fraction(digits.lower())))

    def sum(self, terms: Sequence[Expr]) -> Expr:
        """Σ of the terms."""
        return self._built(sp.Add, *terms)

    def product(self, factors: Sequence[Expr]) -> Expr:
        """Π of the factors."""
        _check_extent(Extent.of_product([extent_of(factor) for factor in factors]))
        return self._built(sp.Mul, *factors)

    def reciprocal(self, u: Expr) -> Expr:
        """1/u."""
        return self._built(sp.Pow, u, sp.S.NegativeOne)

    def power(self, base: Expr, exponent: Expr) -> Expr:
        """base^exponent."""
        if exponent.free_symbols and _is_constant(base) and _float(base) <= 0:
            raise Refusal("powers of this base are not all real", "make it positive")
        self._check_power(base, exponent)
        return self._built(sp.Pow, base, exponent)

    def call(self, name: str, *arguments: Expr) -> Expr:
        """A function of the vocabulary, applied to as many arguments as it takes."""
        if name in OF_AN_ORDER:
            _check_order(name, arguments[0])
        if name in OF_A_NUMBER and not (arguments[0].is_Integer and 2 <= arguments[0] <= MAX_ORDER):
            raise Refusal(f"{name} is taken of whole numbers from 2 to {MAX_ORDER}", "write one")
        for argument in arguments:
            self._check_argument(name, argument)
        return self._built((OF_ONE | OF_TWO)[name], *arguments)

    def _number(self, number: sp.Rational) -> Expr:
        self._spend(extent_of(number))
        return number

    # Bounds: those of powers, products and arguments come before the work is done.

    def _check_power(self, base: Expr, exponent: Expr) -> None:
        extent = power_extent(base, exponent)
        _check_extent(extent)
        self._spend(extent)
        if not exponent.is_Integer:
            split = [factor.base for factor in sp.Mul.make_args(base) if factor.is_Pow]
            for part in split if exponent.is_Atom else [base, *split]:
                _check_split(part)
        if base == 0 or not (_is_constant(base) and _is_constant(exponent)):
            return
        if not (base.is_Rational and exponent.is_Rational):
            _check_constant_nesting(base, exponent)
            positive = base if _float(base) > 0 else -base
            _check_logarithm(exponent * sp.log(positive))

    def _check_argument(self, name: str, argument: Expr) -> None:
        if _is_constant(argument):
            _check_constant_nesting(argument)
            if name in _PERIODIC and abs(_float(argument)) > MAX_ANGLE:
                raise Refusal(f"{name} of more than {MAX_ANGLE:.0e}", "rescale it")
            if (name in SPECIAL or name in OF_AN_ORDER) and abs(_float(argument)) > MAX_SPECIAL:
                raise Refusal(f"{name} of a constant beyond ±{MAX_SPECIAL}", "rescale it")
        if name in _GROWING:
            terms = sp.Add.make_args(argument)
            shift = sp.Add(*(term for term in terms if _is_constant(term)))
            if _is_constant(argument):
                _check_logarithm(shift)
            elif abs(_evaluated(shift)) > MAX_SHIFT:
                beyond = f"a constant beyond ±{MAX_SHIFT:.0e} in an exponent"
                raise Refusal(beyond, "rescale the problem")
            for base, exponent in powers_in_exponential(argument):
                self._check_power(base, exponent)
        if name == "sqrt":
            self._check_power(argument, sp.S.Half)
        is_further = name not in FUNCTIONS or has_special_functions(argument)
        if name in _HYPERBOLIC or (is_further and nesting(argument, *HYPERBOLIC)):
            _check_split(argument)

    def _spend(self, extent: Extent) -> None:
        self._bits += extent.bits
        if self._bits > MAX_TOTAL_BITS:
            raise Refusal("the numbers in this text are too long", "round them")

    def _built(self, build: Callable[..., Expr], *parts: Expr) -> Expr:
        try:
            expr = build(*parts)
        except OverflowError:  # SymPy 1.14 takes a logarithm in floating point while it factors
            raise Refusal("too long a number under a root", "round it") from None
        except (TypeError, AttributeError):
            # It could not tell a number from π, say, and stumbles (1.14) over its own complaint.
            problem = "two numbers are too close to be told apart"
            raise Refusal(problem, "round them or write them differently") from None
        if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            raise Refusal("a division by zero or another infinite value", "avoid it")
        if expr.has(sp.I):
            raise _not_real()
        if _is_constant(expr) and not expr.is_Rational:
            _check_logarithm(sp.log(abs(_float(expr))))
        _check_extent(extent_of(expr))
        return expr


def _check_order(name: str, order: Expr) -> None:
    whole = name == "polygamma"
    if not order.is_Rational or (whole and not (order.is_Integer and order >= 0)):
        kind = "a whole number" if whole else "a rational number"
        raise Refusal(f"the order of {name} is its first argument, {kind}", "write one")
    if max(abs(order.p), order.q) > MAX_ORDER:
        raise Refusal(f"the order of {name} has a number beyond {MAX_ORDER}", "choose another")


def _check_logarithm(logarithm: Expr) -> None:
    if abs(_evaluated(logarithm)) > MAX_LOGARITHM:
        raise Refusal("a constant beyond 1e±100", "rescale the problem")


def _check_split(expr: Expr) -> None:
    # In a polynomial exp(n*x) is the n-th power of exp(x), and its neighbour exp(x/n) too.
    rates = [rate for part in expr.atoms(sp.exp) for rate in part.exp.atoms(sp.Rational)]
    if (
        deep_degree(expr) > MAX_SPLIT_DEGREE
        or longest_product(expr) > MAX_SPLIT_TERMS
        or layers(expr) >= MAX_LAYERS
        or any(max(abs(rate.p), rate.q) > MAX_DEGREE for rate in rates)
    ):
        raise Refusal("what is inside is too long for SymPy", "simplify it")


def _check_constant_nesting(*constants: Expr) -> None:
    if any(nesting(c) >= MAX_CONSTANT_NESTING for c in constants):
        problem = f"constants in more than {MAX_CONSTANT_NESTING} functions and powers"
        raise Refusal(problem, "write the number, or a symbol in its place")


def _check_extent(extent: Extent) -> None:
    for what, size, limit in (
        ("total degree", extent.degree, MAX_DEGREE),
        ("length of a number in bits", extent.bits, MAX_BITS),
        ("number of terms, multiplied out,", extent.terms, MAX_TERMS),
        ("length of a radicand in bits", extent.bits * extent.root, MAX_RADICAND_BITS),
    ):
        if size > limit:
            shown = size if size < 10**12 else "more than 10**12"
            problem = f"the {what} is {shown}, above the limit of {limit}"
            raise Refusal(problem, "lower the exponents or rescale the problem")


def _float(constant: Expr) -> Expr:
    """The value of a constant, which must be real and known to be zero if it is."""
    if constant.is_Rational:
        return constant
    value = _evaluated(constant)
    if not value.is_Float:
        raise _not_real()
    if value._prec == 1:  # no digit is certain
        raise Refusal("cannot be told from zero to 100 digits", "simplify it")
    return value


def _not_real() -> Refusal:
    return Refusal("the value is not a real number", "stay in the real domain")


@lru_cache(maxsize=2 * MAX_NODES)
def _evaluated(constant: Expr) -> Expr:
    try:
        return constant.evalf()
    except (ValueError, NoConvergence):  # mpmath, where a special function is not defined
        return sp.nan


def _is_constant(expr: Expr) -> bool:
    return not expr.free_symbols
