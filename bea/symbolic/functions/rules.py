"""The functions that the differential ring knows, each with its rule of derivation.

A function F belongs here when F' is a polynomial in F, in its argument's field and in other
functions of this table, so that adjoining it once keeps every later derivative inside the ring
(docs/mathematics.md). The module also brings an input into the form the ring expects:
exact numbers, no function that is another one in disguise, nothing that is not smooth.
`ring.differential_ring` uses the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from math import isfinite, lcm

import sympy as sp
from sympy import Expr

from bea.errors import InputError, NotSmoothError
from bea.symbolic.functions.lattice import commensurable, expanded

Rule = Callable[[Expr, Expr], Expr]

DERIVATIVE: dict[type, Rule] = {
    # F: (u, y = F(u)) ↦ F'(u)
    sp.exp: lambda u, y: y,
    sp.log: lambda u, y: 1 / u,
    sp.sin: lambda u, y: sp.cos(u),
    sp.cos: lambda u, y: -sp.sin(u),
    sp.tan: lambda u, y: 1 + y**2,
    sp.sinh: lambda u, y: sp.cosh(u),
    sp.cosh: lambda u, y: sp.sinh(u),
    sp.tanh: lambda u, y: 1 - y**2,
    sp.asin: lambda u, y: 1 / sp.sqrt(1 - u**2),
    sp.acos: lambda u, y: -1 / sp.sqrt(1 - u**2),
    sp.atan: lambda u, y: 1 / (1 + u**2),
    sp.asinh: lambda u, y: 1 / sp.sqrt(1 + u**2),
    sp.acosh: lambda u, y: 1 / (sp.sqrt(u - 1) * sp.sqrt(u + 1)),
    sp.atanh: lambda u, y: 1 / (1 - u**2),
    sp.erf: lambda u, y: 2 * sp.exp(-(u**2)) / sp.sqrt(sp.pi),
    sp.erfi: lambda u, y: 2 * sp.exp(u**2) / sp.sqrt(sp.pi),
    sp.Ei: lambda u, y: sp.exp(u) / u,
    sp.Si: lambda u, y: sp.sin(u) / u,
    sp.Ci: lambda u, y: sp.cos(u) / u,
    sp.LambertW: lambda u, y: y / (u * (1 + y)),
}
"""The functions of one argument that the ring can adjoin, innermost first, with F'."""

DISGUISES: dict[type, Callable[[Expr], Expr]] = {
    sp.sec: lambda u: 1 / sp.cos(u),
    sp.csc: lambda u: 1 / sp.sin(u),
    sp.cot: lambda u: sp.cos(u) / sp.sin(u),
    sp.sech: lambda u: 1 / sp.cosh(u),
    sp.csch: lambda u: 1 / sp.sinh(u),
    sp.coth: lambda u: sp.cosh(u) / sp.sinh(u),
    sp.acot: lambda u: sp.atan(1 / u),
    sp.acoth: lambda u: sp.atanh(1 / u),
    sp.erfc: lambda u: 1 - sp.erf(u),
    sp.sinc: lambda u: sp.sin(u) / u,
}
"""Functions that are rational in those above, and what they are."""

QUOTIENTS: dict[type, tuple[type, type]] = {
    sp.tanh: (sp.sinh, sp.cosh),
    sp.tan: (sp.sin, sp.cos),
}
"""Functions that have a rule of their own, and are a numerator over a denominator as well."""

NOT_SMOOTH: tuple[type, ...] = (
    sp.Abs,
    sp.Max,
    sp.Min,
    sp.Piecewise,
    sp.sign,
    sp.Heaviside,
    sp.DiracDelta,
    sp.floor,
    sp.ceiling,
    sp.frac,
    sp.Mod,
    sp.re,
    sp.im,
    sp.arg,
    sp.conjugate,
    sp.core.relational.Relational,
)

UNDEFINED = (sp.nan, sp.zoo, sp.oo, -sp.oo)


def check_smooth(expr: Expr, name: str) -> None:
    """Refuse what has no Taylor series with real coefficients.

    Args:
        expr: the input.
        name: what to call it in the message, such as "the loss".

    Raises:
        NotSmoothError: the input contains |·|, max, a piecewise function or the like.
        InputError: the input contains nan, an infinity or the imaginary unit.
    """
    for node in sp.preorder_traversal(expr):
        if isinstance(node, sp.core.relational.Relational) and node is expr:
            raise InputError(f"{name} is a comparison, {node}: give an expression, with a value")
        if isinstance(node, NOT_SMOOTH):
            raise NotSmoothError(
                f"{name} contains {type(node).__name__}, which is not smooth, and the modified "
                "equation needs every derivative; use a smooth substitute, such as "
                "sqrt(x**2 + c) for |x| or log(1 + exp(x)) for max(0, x)"
            )
        if node in UNDEFINED:
            raise InputError(
                f"{name} contains {node}: give it a finite value (is there a division by zero?)"
            )
        if node is sp.I:
            raise InputError(f"{name} contains the imaginary unit: give it a real value")
        if node.is_Pow and not _has_real_power(node):
            raise InputError(
                f"{name} contains {node}, a power of {node.base} that is not real and smooth: "
                "give it a positive base"
            )


def _has_real_power(power: Expr) -> bool:
    """Not so 0^x, (−1)^x and (−2)^{1/3}."""
    base, exponent = power.args
    return not base.is_number or base.is_positive is not False or exponent.is_integer is True


def exact(number: sp.Float) -> sp.Rational:
    """The rational whose decimal notation is the shortest that reads back as this float.

    A user who writes 0.6 means 3/5, not 5404319552844595/9007199254740992.
    """
    double = float(number)
    fits = number._prec <= 53 and isfinite(double) and (double != 0) == (number != 0)
    text = repr(double) if fits else str(number)
    fraction = Fraction(text)
    return sp.Rational(fraction.numerator, fraction.denominator)


def evaluated(expr: Expr) -> Expr:
    """The expression with the sums and integrals in it that SymPy can evaluate."""
    if not expr.has(sp.Sum, sp.Product, sp.Integral):
        return expr
    return expr.replace(
        lambda e: isinstance(e, (sp.Sum, sp.Product, sp.Integral)), lambda e: e.doit()
    )


def canonical(expr: Expr) -> Expr:
    """The same function in the ring's vocabulary: exact numbers, no function in disguise."""
    expr = expr.replace(lambda e: isinstance(e, sp.Float), exact)
    return _replaced(
        expr,
        lambda e: type(e) in DISGUISES and len(e.args) == 1,
        lambda e: DISGUISES[type(e)](e.args[0]),
    )


def _replaced(expr: Expr, query: Callable[[Expr], bool], value: Callable[[Expr], Expr]) -> Expr:
    """`expr.replace` until nothing is left: on its way SymPy turns cot(1 − u) into −cot(u − 1)."""
    while (result := expr.replace(query, value)) != expr:
        expr = result
    return expr


def exponent(expr: Expr) -> Expr | None:
    """The v of an expr = exp(v), where that is exp(v) itself, e or u^w = exp(w log u).

    A power counts if its exponent is not a rational number, and then without the rational part of
    the exponent: x^{a+2} gives a·log(x). None for everything else.
    """
    if isinstance(expr, sp.exp):
        return expr.exp
    if expr is sp.E:
        return sp.Integer(1)
    if expr.is_Pow and not expr.exp.is_Rational:
        return expanded(expr.exp).as_coeff_Add()[1] * logarithm(expr.base)
    return None


def logarithm(u: Expr) -> Expr:
    """The logarithm; of an integer that is a power by its root, as 8^x is (2^x)³."""
    root, n = (u.is_Integer and u > 1 and sp.perfect_power(u)) or (u, 1)
    return n * sp.log(root)


def exponential(v: Expr) -> Expr:
    """exp(v), written u^w where v = w·log(u)."""
    logarithms = [factor for factor in sp.Mul.make_args(v) if isinstance(factor, sp.log)]
    return logarithms[0].args[0] ** (v / logarithms[0]) if len(logarithms) == 1 else sp.exp(v)


def exponents(expr: Expr) -> list[Expr]:
    """What the exponentials in `expr` are taken of, each once, in a fixed order."""
    found = {exponent(e) for e in expr.atoms(sp.exp, sp.Pow, type(sp.E))} - {None}
    return sorted(found, key=sp.default_sort_key)


def arguments(expr: Expr, *functions: type) -> list[Expr]:
    """What these functions are taken of in `expr`, each once, in a fixed order."""
    return sorted({e.args[0] for e in expr.atoms(*functions)}, key=sp.default_sort_key)


def one_family(system: Expr) -> Callable[[Expr], Expr]:
    """How to write functions that are algebraic in one another in terms of one family of them.

    In a ring with both exp(x) and tanh(x) as generators a zero could go unnoticed. So hyperbolic
    functions become exponentials where they share an argument with one, up to a small factor;
    otherwise tanh becomes sinh/cosh beside these, and tan becomes sin/cos beside those.

    Args:
        system: all expressions of the input. What is chosen for them holds for each of them.

    Returns:
        The rewriting of an expression.
    """
    if commensurable(arguments(system, sp.sinh, sp.cosh, sp.tanh), exponents(system)):
        return lambda expr: _replaced(
            expr,
            lambda e: isinstance(e, (sp.sinh, sp.cosh, sp.tanh)),
            lambda e: e.rewrite(sp.exp),
        )
    beside = tuple(
        quotient
        for quotient, pair in QUOTIENTS.items()
        if commensurable(arguments(system, quotient), arguments(system, *pair))
    )
    return lambda expr: _replaced(expr, lambda e: isinstance(e, beside), _as_quotient)


def _as_quotient(e: Expr) -> Expr:
    numerator, denominator = QUOTIENTS[type(e)]
    return numerator(e.args[0]) / denominator(e.args[0])


def root_orders(system: sp.Basic) -> dict[Expr, int]:
    """For every prime number and symbol under roots, the least common multiple of their degrees.

    √2 and 2^{1/3} are powers of 2^{1/6}, and SymPy makes 2^{5/6} of their product.
    """
    orders: dict[Expr, int] = {}
    for power in system.atoms(sp.Pow):
        if not isinstance(power.exp, sp.Rational) or power.exp.is_Integer:
            continue
        base = power.base
        if isinstance(base, sp.Rational) and base > 0:
            bases = [sp.Integer(prime) for prime in sp.factorrat(base)]
        else:
            bases = [base] if base.is_Symbol else []
        for b in bases:
            orders[b] = lcm(orders.get(b, 1), int(power.exp.q))
    return orders


def arguments_that_must_be_positive(expressions: Iterable[Expr]) -> tuple[Expr, ...]:
    """The arguments of logarithms and of roots of even order that are not positive by themselves.

    Args:
        expressions: what is to be real.

    Returns:
        Each argument once, in a fixed order.
    """
    found: set[Expr] = set()
    for e in sp.Tuple(*expressions).atoms(sp.log, sp.Pow):
        if isinstance(e, sp.log):
            found.add(e.args[0])
        elif not isinstance(e.exp, sp.Rational) or e.exp.q % 2 == 0:
            found.add(e.base)
    return tuple(
        sorted(
            (u for u in found if u.free_symbols and not _is_positive(u)), key=sp.default_sort_key
        )
    )


def _is_positive(u: Expr) -> bool:
    """Is it positive whatever its symbols are, as far as its form shows?"""
    real = u.xreplace({s: sp.Dummy(real=True) for s in u.free_symbols if s.is_real is None})
    return any(form.is_positive for form in (real, real.expand()))
