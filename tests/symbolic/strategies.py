"""Hypothesis strategies for what `bea.symbolic` is given: polynomials, functions, methods, maps."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp
from hypothesis import settings
from hypothesis import strategies as st
from sympy import Expr

from bea import ButcherTableau

THETA = sp.symbols("x y z")
H = sp.Symbol("h")

fractions = st.builds(Fraction, st.integers(-4, 4), st.sampled_from([1, 1, 1, 2, 3]))
nonzero_fractions = fractions.filter(bool)


def examples(number: int) -> settings:
    """So many examples, and in the same proportion more in a profile that asks for more."""
    return settings(max_examples=number * settings().max_examples // 20)


def rational(c: Fraction) -> sp.Rational:
    return sp.Rational(c.numerator, c.denominator)


@st.composite
def polynomials(
    draw: st.DrawFn, variables: tuple[sp.Symbol, ...], degree: int, terms: int = 4
) -> Expr:
    """A polynomial with few terms and small rational coefficients."""
    exponents = st.tuples(*[st.integers(0, degree)] * len(variables)).filter(
        lambda m: sum(m) <= degree
    )
    monomials = draw(st.dictionaries(exponents, nonzero_fractions, min_size=1, max_size=terms))
    return sp.Add(
        *(
            rational(c) * sp.Mul(*(v**e for v, e in zip(variables, m, strict=True)))
            for m, c in monomials.items()
        )
    )


def parameters(most: int = 3) -> st.SearchStrategy[tuple[sp.Symbol, ...]]:
    return st.integers(1, most).map(lambda m: THETA[:m])


@st.composite
def polynomial_fields(draw: st.DrawFn, most: int = 3, degree: int = 2) -> tuple:
    """(params, components) of a polynomial field."""
    params = draw(parameters(most))
    return params, [draw(polynomials(params, degree, terms=3)) for _ in params]


@st.composite
def polynomial_losses(draw: st.DrawFn, most: int = 3, degree: int = 3) -> tuple:
    """(params, loss) of a polynomial loss in which every parameter occurs."""
    params = draw(parameters(most))
    loss = draw(polynomials(params, degree))
    return params, loss + sp.Add(*(p**2 for p in params if p not in loss.free_symbols))


@st.composite
def tableaus(draw: st.DrawFn, stages: int = 3) -> ButcherTableau:
    """A Runge–Kutta method, implicit more often than not."""
    s = draw(st.integers(1, stages))
    entries = st.lists(fractions, min_size=s, max_size=s)
    A = [draw(entries) for _ in range(s)]
    if draw(st.integers(0, 3)) == 0:  # an explicit one
        A = [[a if j < i else Fraction(0) for j, a in enumerate(row)] for i, row in enumerate(A)]
    b = draw(st.lists(fractions, min_size=s - 1, max_size=s - 1))
    return ButcherTableau(A, [*b, 1 - sum(b, Fraction(0))])


@st.composite
def one_step_maps(draw: st.DrawFn, most: int = 2) -> tuple:
    """(params, components) of θ + h p(θ, h), a polynomial map that starts from the identity."""
    params = draw(parameters(most))
    return params, [
        sp.expand(p + H * draw(polynomials((*params, H), degree=2, terms=3))) for p in params
    ]


# --- functions ---------------------------------------------------------------------------------

UNARY = (
    sp.exp, sp.log, sp.tanh, sp.tan, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.sqrt, sp.cbrt,
    sp.atan, sp.asinh, sp.erf, sp.cot, sp.sech, sp.erfc,
    lambda u: 1 / u,
    lambda u: u**2,
    lambda u: u ** sp.Rational(-3, 2),
    lambda u: u ** sp.Symbol("a"),
    lambda u: sp.Rational(3, 2) ** u,
    lambda u: 1 / (1 + sp.exp(-u)),
    lambda u: u ** (sp.Symbol("a") + 1),
)  # fmt: skip
CONSTANTS = (sp.pi, sp.E, sp.sqrt(2), sp.Symbol("a"), sp.Rational(-7, 3))


def functions(depth: int, variables: tuple[sp.Symbol, ...]) -> st.SearchStrategy[Expr]:
    """Nested expressions in the functions of the ring."""
    leaves = st.one_of(
        st.sampled_from(variables), st.sampled_from(variables),
        st.integers(1, 3).map(sp.Integer), st.sampled_from(CONSTANTS),
    )  # fmt: skip
    if depth == 0:
        return leaves
    inner = functions(depth - 1, variables)
    return st.one_of(
        st.builds(lambda F, u: F(u), st.sampled_from(UNARY), inner),
        st.builds(lambda u, v: u + v, inner, inner),
        st.builds(lambda u, v: u * v, inner, inner),
    )
