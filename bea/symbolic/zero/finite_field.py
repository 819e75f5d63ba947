"""The value of an expression in a finite field, where nothing is expanded and nothing is rounded.

A polynomial identity holds if it holds for random values modulo a large prime, but for an error of
probability degree/p (Schwartz 1980, doi:10.1145/322217.322225; Zippel 1979). Functions join in as
far as they are independent of one another: every independent thing has a random value, and what
depends on it is calculated from that. Over arguments that are linearly independent over ℚ,
exponentials are algebraically independent (Ax 1971, doi:10.2307/1970774), and so

    exp(Σ c_i m_i) = Π t_i^{c_i}     for monomials m_i, rational c_i and random t_i,
    cos u, sin u   = (z ± 1/z)/2, /2i   with z = exp(iu) of the same kind,
    log Π u_i^{c_i} = Σ c_i log u_i  with a random log u_i for what is no product,

tanh, sigmoid and their kind are rational in these, and a root is one of the roots that the field
has, drawn anew in each trial. A relation that holds for these values holds for the functions where
they are real. The converse needs independence, and is left to `decision`, which asks for a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd
from random import Random
from typing import Any

import sympy as sp
from flint import fq_default_ctx, fq_default_poly_ctx
from sympy import Expr
from sympy.core.function import AppliedUndef

from bea.errors import BeaError
from bea.symbolic.functions import rules as functions
from bea.symbolic.functions.lattice import expanded
from bea.symbolic.functions.recurrences import lowered

GROUP = 576_460_752_303_422_839
"""The prime order of a subgroup of 𝔽_p: in it every rational power is defined, and unique."""

PRIME = 4 * GROUP + 1
"""p, near 2⁶¹: 1 modulo 4, so that −1 has a root, and 2 modulo 3, so that cube roots are unique.
Values are taken in the field of p² elements, where every element of 𝔽_p has a square root."""

Residue = Any
"""An element of the field."""

ODD = (sp.asin, sp.atan, sp.erf, sp.erfi, sp.erfinv, sp.Si, sp.Shi, sp.fresnelc, sp.fresnels)
"""Functions with F(−u) = −F(u) that have no value but a random one."""

FACTORED = 40
"""Operations in the argument of a logarithm up to which its factors are looked for."""

AREA: dict[type, Any] = {
    sp.asinh: lambda u: u + sp.sqrt(1 + u**2),
    sp.acosh: lambda u: u + sp.sqrt(u - 1) * sp.sqrt(u + 1),
}
"""Functions that are the logarithm of this."""

ON_THE_CIRCLE: dict[type, Any] = {
    sp.asin: lambda u: (sp.sqrt(1 - u**2), u),
    sp.acos: lambda u: (u, sp.sqrt(1 - u**2)),
    sp.atan: lambda u: (1 / sp.sqrt(1 + u**2), u / sp.sqrt(1 + u**2)),
}
"""The cosine and the sine of an angle that is given by such a function."""

_EXPONENTIAL = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)


class NoResidueError(BeaError):
    """This trial has no value: a denominator is zero in it, or a root is not in the field."""


class Residues:
    """One random assignment of field elements to whatever is independent.

    Args:
        seed: of the random values.

    Example:
        >>> x = sp.Symbol("x")
        >>> R = Residues(1)
        >>> R.value(sp.sin(2 * x) - 2 * sp.sin(x) * sp.cos(x)) == 0
        True
        >>> R.value(sp.tanh(x) - sp.tanh(x * sp.Rational(101, 100))) == 0
        False
    """

    def __init__(self, seed: int) -> None:
        self._field = fq_default_ctx(PRIME, 2)
        self._random = Random(seed)
        self._values: dict[Expr, Residue] = {}
        self._exponentials: dict[str, Residue] = {}
        self._exponents: dict[str, Residue] = {}
        self._angles: dict[str, Residue] = {}
        self._roots: dict[tuple[str, int], Residue] = {}
        self._opaque: dict[Any, Residue] = {}
        self._i = self._square_root(self._field(-1))

    # --- expressions ------------------------------------------------------------------------

    def value(self, expr: Expr) -> Residue:
        """The value of an expression.

        Raises:
            NoResidueError: it has none in this trial.
        """
        if expr not in self._values:
            self._values[expr] = self._computed(expr)
        return self._values[expr]

    def _computed(self, e: Expr) -> Residue:
        if e.is_Rational:
            return self._field(int(e.p)) * self._inverse(self._field(int(e.q)))
        if e.is_Symbol:
            return self._drawn(e)
        if e.is_Add:
            return sum(map(self.value, e.args), self._field(0))
        if e.is_Mul:
            product = self._field(1)
            for factor in e.args:
                product = product * self.value(factor)
            return product
        if isinstance(e, sp.exp) or e is sp.E:
            return self._exponential(functions.exponent(e))
        if e.is_Pow:
            return self._power(e)
        if isinstance(e, (sp.sin, sp.cos, sp.tan)):
            return self._trigonometric(e)
        if isinstance(e, _EXPONENTIAL):
            return self.value(e.rewrite(sp.exp))
        if isinstance(e, sp.log) and len(e.args) == 1:
            return self._logarithm(e.args[0])
        if isinstance(e, sp.atanh):
            u = e.args[0]
            return (self._logarithm(1 + u) - self._logarithm(1 - u)) * self._inverse(self._field(2))
        if type(e) in AREA:
            return self._logarithm(AREA[type(e)](e.args[0]))
        if isinstance(e, sp.acos):
            return self.value(sp.pi / 2 - sp.asin(e.args[0]))
        if (simpler := lowered(e)) is not None:
            return self.value(simpler)
        if type(e) in functions.DISGUISES and len(e.args) == 1:
            return self.value(functions.DISGUISES[type(e)](e.args[0]))
        if e is sp.GoldenRatio:
            return self.value((1 + sp.sqrt(5)) / 2)
        return self._function(e)

    def _drawn(self, key: Any) -> Residue:
        """The random value of something independent."""
        if key not in self._opaque:
            self._opaque[key] = self._of_the_group()
        return self._opaque[key]

    def _of_the_group(self) -> Residue:
        return self._field(pow(self._random.randrange(2, PRIME - 1), 4, PRIME))

    def _function(self, e: Expr) -> Residue:
        """The same random value for the same function of arguments of the same value."""
        if not isinstance(e, sp.Function) or isinstance(e, AppliedUndef) or not e.args:
            return self._drawn(e)
        arguments = [self.value(a) for a in e.args]
        key = (type(e), *map(str, arguments))
        if isinstance(e, ODD):
            mirrored = (type(e), *(str(-a) for a in arguments))
            if mirrored in self._opaque:
                return -self._opaque[mirrored]
        return self._drawn(key)

    # --- exponentials and angles --------------------------------------------------------------

    def _exponential(self, exponent: Expr) -> Residue:
        value = self._field(1)
        for monomial, c in monomials(exponent).items():
            if isinstance(monomial, sp.log):
                value = value * self._rational_power(monomial.args[0], c)
            elif isinstance(monomial, sp.LambertW) and c.is_Integer:
                y = self.value(monomial)  # y exp(y) = u
                quotient = self.value(monomial.args[0]) * self._inverse(y)
                value = value * self._integer_power(quotient, int(c))
            else:
                value = value * self._power_of_one(self._exponentials, monomial, c)
        return value

    def _power_of_one(self, store: dict[str, Residue], monomial: Expr, c: Expr) -> Residue:
        """t^c, with one t for each monomial; a monomial is known by its value, up to its sign."""
        m = self.value(monomial)
        key, mirrored = str(m), str(-m)
        if mirrored in store:
            key, c = mirrored, -c
        if key not in store:
            store[key] = self._of_the_group()
            if store is self._exponentials:
                known, inverse = store[key], store[key].inverse()
                self._exponents[str(known)] = -m if key == mirrored else m
                self._exponents[str(inverse)] = -self._exponents[str(known)]
        return store[key] ** (int(c.p) * pow(int(c.q), -1, GROUP) % GROUP)

    def _trigonometric(self, e: Expr) -> Residue:
        """The functions cos u = (z + 1/z)/2 and sin u = (z − 1/z)/(2i) with z = exp(iu)."""
        z = self._field(1)
        for monomial, c in monomials(e.args[0]).items():
            if monomial is sp.pi:  # a root of unity
                z = z * (self.value(sp.cos(c * sp.pi)) + self._i * self.value(sp.sin(c * sp.pi)))
            elif type(monomial) in ON_THE_CIRCLE:
                cosine, sine = map(self.value, ON_THE_CIRCLE[type(monomial)](monomial.args[0]))
                root = self._root(cosine + self._i * sine, int(c.q))
                z = z * self._integer_power(root, int(c.p))
            else:
                z = z * self._power_of_one(self._angles, monomial, c)
        inverse, half = self._inverse(z), self._inverse(self._field(2))
        cosine, sine = (z + inverse) * half, (inverse - z) * half * self._i
        if isinstance(e, sp.tan):
            return sine * self._inverse(cosine)
        return cosine if isinstance(e, sp.cos) else sine

    # --- logarithms ---------------------------------------------------------------------------

    def _logarithm(self, u: Expr) -> Residue:
        """log|u|, additive in the factors of u as far as they are found."""
        if u.is_Rational:
            total = self._field(0)
            for prime, n in sp.factorrat(abs(u)).items():
                total = total + self._field(int(n)) * self._drawn(("log", int(prime)))
            return total
        if u.is_Mul:
            return sum(map(self._logarithm, u.args), self._field(0))
        if isinstance(u, sp.exp):
            return self.value(u.exp)
        if u.is_Pow:
            return self.value(u.exp) * self._logarithm(u.base)
        if isinstance(u, _EXPONENTIAL):
            return self._logarithm(u.rewrite(sp.exp))
        if u.is_Add:
            product = factored(u)
            if not product.is_Add:
                return self._logarithm(product)
        v = self.value(u)
        for sign in (1, -1):
            if str(sign * v) in self._exponents:
                return self._exponents[str(sign * v)]
        for key in (v, -v):
            if ("log", str(key)) in self._opaque:
                return self._drawn(("log", str(key)))
            if not key.is_zero() and ("log", str(key.inverse())) in self._opaque:
                return -self._drawn(("log", str(key.inverse())))
        return self._drawn(("log", str(v)))

    # --- powers and roots -----------------------------------------------------------------------

    def _power(self, e: Expr) -> Residue:
        rational, symbolic = expanded(e.exp).as_coeff_Add()
        value = self._rational_power(e.base, rational)
        if symbolic:
            value = value * self._exponential(expanded(symbolic * logarithm_of_factors(e.base)))
        return value

    def _rational_power(self, base: Expr, exponent: sp.Rational) -> Residue:
        if exponent.is_Integer:
            return self._integer_power(self.value(base), int(exponent))
        if isinstance(base, sp.exp):
            return self._exponential(expanded(base.exp * exponent))
        if base.is_Rational and base > 0:
            value = self._field(1)
            for prime, n in sp.factorrat(base).items():
                whole, rest = divmod(n * exponent, 1)
                value = value * self._integer_power(self._field(int(prime)), int(whole))
                if rest:
                    value = value * self._root(self._field(int(prime)), int(rest.q)) ** int(rest.p)
            return value
        root = self._root(self.value(base), int(exponent.q))
        return self._integer_power(root, int(exponent.p))

    def _root(self, u: Residue, order: int) -> Residue:
        """One of the roots of an element, the same whenever it is asked for in this trial."""
        key = (str(u), order)
        if key not in self._roots:
            even = 1
            while order % 2 == 0:
                even, order = 2 * even, order // 2
            root = self._odd_root(u, order) if order > 1 else u
            while even > 1:
                root, even = self._square_root(root), even // 2
                if self._random.random() < 0.5:
                    root = -root
            self._roots[key] = root
        return self._roots[key]

    def _odd_root(self, u: Residue, order: int) -> Residue:
        if not any(u.to_list()[1:]) and gcd(order, 4 * GROUP) == 1:
            return u ** pow(order, -1, 4 * GROUP)  # of an element of 𝔽_p: the one in 𝔽_p
        polynomials = fq_default_poly_ctx(self._field)
        # The stubs of python-flint know lists of its own numbers only.
        roots = polynomials([-u, *[0] * (order - 1), 1]).roots()  # type: ignore[arg-type]
        if not roots:
            raise NoResidueError("no root of this order in the field")
        return self._random.choice(sorted((root for root, _ in roots), key=str))

    def _square_root(self, u: Residue) -> Residue:
        if not u.is_square():
            raise NoResidueError("no square root in the field")
        return u.sqrt()

    def _integer_power(self, u: Residue, n: int) -> Residue:
        return u**n if n >= 0 else self._inverse(u) ** -n

    def _inverse(self, u: Residue) -> Residue:
        if u.is_zero():
            raise NoResidueError("a denominator is zero")
        return u.inverse()


def monomials(expr: Expr) -> Mapping[Expr, sp.Rational]:
    """The expression as Σ c·m with rational c, the contents of all denominators taken out of m.

    The squares of cosines are written by sines, of which they are no independent monomials.
    """
    total: dict[Expr, sp.Rational] = {}
    for pair, sign in ((sp.cos, -1), (sp.cosh, 1)):
        if expr.has(pair):
            expr = expr.replace(lambda e, f=pair: _is_square(e, f), _by_sines(sign))
    for monomial, c in expanded(expr).as_coefficients_dict().items():
        content, factors = sp.Rational(c), []
        for factor in sp.Mul.make_args(monomial):
            base, exponent = factor.as_base_exp()
            if base.is_Add and exponent.is_Integer:
                inner, base = base.primitive()
                content, factor = content * inner**exponent, base**exponent
            factors.append(factor)
        m = sp.Mul(*factors)
        total[m] = total.get(m, sp.Integer(0)) + content
    return {m: c for m, c in total.items() if c}


def _is_square(e: Expr, cosine: type) -> bool:
    return bool(e.is_Pow and isinstance(e.base, cosine) and e.exp.is_Integer and e.exp > 1)


def _by_sines(sign: int) -> Callable[[Expr], Expr]:
    """cos² = 1 − sin², or cosh² = 1 + sinh²."""
    sine = sp.sin if sign < 0 else sp.sinh

    def written(power: Expr) -> Expr:
        squares, rest = divmod(int(power.exp), 2)
        return (1 + sign * sine(power.base.args[0]) ** 2) ** squares * power.base**rest

    return written


def logarithm_of_factors(u: Expr) -> Expr:
    """The logarithm of u as the sum of the logarithms of what u is a product of."""
    if u.is_Rational and u > 0:
        return sp.Add(*(n * sp.log(prime) for prime, n in sp.factorrat(u).items()))
    if u.is_Mul:
        return sp.Add(*map(logarithm_of_factors, u.args))
    if isinstance(u, sp.exp):
        return u.exp
    if u.is_Pow and u.exp.is_Rational:
        return u.exp * logarithm_of_factors(u.base)
    return sp.log(u)


def factored(u: Expr) -> Expr:
    """A sum as a product, without its content, exponentials and denominators; itself if it is none.

    1 + exp(−x) is exp(−x)(1 + exp(x)), and x² − 1 is (x − 1)(x + 1).
    """
    content, u = u.primitive()
    terms = sp.Add.make_args(u)
    exponents = [_exponent_of(term) for term in terms]
    lowest = {m: min(e.get(m, sp.Integer(0)) for e in exponents) for m in set().union(*exponents)}
    shift = sp.Add(*(c * m for m, c in lowest.items()))
    if shift != 0:
        u = sp.Add(*(expanded(term * sp.exp(-shift)) for term in terms))
    parts: list[Expr] = [content, sp.exp(shift)]
    if u.count_ops() <= FACTORED and all(
        n.is_Symbol or n.is_Rational or n.is_Add or n.is_Mul or (n.is_Pow and n.exp.is_Integer)
        for n in sp.preorder_traversal(u)
    ):
        parts.append(sp.factor(u))
    else:
        parts.append(u)
    return sp.Mul(*parts)


def _exponent_of(term: Expr) -> Mapping[Expr, sp.Rational]:
    """The v of the factor exp(v) of a term."""
    powers = [f.exp for f in sp.Mul.make_args(term) if isinstance(f, sp.exp)]
    return monomials(sp.Add(*powers))
