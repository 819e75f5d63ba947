"""Zero, not zero, or not decided: identities, near misses at every scale, random disguises."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import bea
from bea.symbolic.zero.decision import Answer, Decider, decide, is_zero
from bea.symbolic.zero.finite_field import GROUP, PRIME, Residues, factored, monomials
from tests.quick import quick
from tests.symbolic.strategies import examples, functions

x, y, a = sp.symbols("x y a")
F = sp.Function("F")
R = sp.Rational
r2, r3 = sp.sqrt(2), sp.sqrt(3)


def curl_of_correction(E: sp.Expr, l: int) -> sp.Expr:
    """∂_x (f_l)_y − ∂_y (f_l)_x for gradient descent, l = 1 or 2, by SymPy's derivatives."""
    f = -sp.Matrix([sp.diff(E, x), sp.diff(E, y)])

    def along(g: sp.Matrix) -> sp.Matrix:
        return g.jacobian([x, y]) * f

    f_1 = -along(f) / 2
    # f_2 = 1/12 f''(f, f) + 1/3 f'f'f, and D_f(f'f) = f''(f, f) + f'f'f
    correction = f_1 if l == 1 else along(along(f)) / 12 + f.jacobian([x, y]) * along(f) / 4
    return sp.diff(correction[1], x) - sp.diff(correction[0], y)


FIVE_LOGS = sum(
    sp.log(1 + u**2) for u in (x + 2 * y - 1, 2 * x - y, x + y - 3, 3 * x + y + 1, x - 2 * y - 2)
)
LOSSES = {
    "five robust terms": FIVE_LOGS,
    "five wells": sum(1 / (1 + (x - i) ** 2 + y**2) for i in range(5)),
    "five bodies": sum(1 / sp.sqrt((x - i) ** 2 + (y - i**2) ** 2) for i in range(5)),
    "bell far away": sp.exp(-((x - 80) ** 2 + 2 * (y - 8) ** 2) / 2),
    "bell times log": sp.exp(-((x - 20) ** 2)) * sp.log(x) * y,
    "steep tanh": sp.tanh(60 * x) * y + y**2 / 2,
    "steep logistic": sp.log(1 + sp.exp(-200 * x - 150 * y))
    + sp.log(1 + sp.exp(120 * x - 180 * y)),
    "commensurable angles": sp.sin(R("2.3") * x) * sp.cos(R("0.7") * y) + x * sp.sin(12 * x * y),
    "a root of a product": 2 * sp.sqrt((x - 5) * (y - 5)),
    "bessel": sp.besselj(0, x) * y + sp.besselj(2, x * y),
    "tiny": R(10) ** -90 * sp.sin(x * y) * y,
    "huge": R(10) ** 200 * sp.cosh(x + y) * sp.atan(x * y),
}


HEAVY = ("five bodies", "steep logistic", "bell times log", "huge")


@pytest.mark.parametrize("name", quick(LOSSES, set(LOSSES) - {*HEAVY}))
def test_the_first_correction_of_every_loss_is_a_gradient_and_the_second_is_not(name):
    assert decide(curl_of_correction(LOSSES[name], 1)).answer is Answer.ZERO
    assert decide(curl_of_correction(LOSSES[name], 2)).answer is Answer.NOT_ZERO


IDENTITIES = [
    sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1,
    sp.sin(R("2.3") * x) * sp.cos(R("0.7") * x) - (sp.sin(3 * x) + sp.sin(R("1.6") * x)) / 2,
    1 / (1 + sp.exp(R("1.234") * x)) + 1 / (1 + sp.exp(-R("1.234") * x)) - 1,
    sp.log(1 + sp.exp(-x)) - sp.log(1 + sp.exp(x)) + x,
    sp.log(x * y) - sp.log(x) - sp.log(y),
    sp.log(x**2 - 1) - sp.log(x - 1) - sp.log(x + 1),
    sp.log(sp.cosh(x)) - sp.log(sp.exp(x) + sp.exp(-x)) + sp.log(2),
    sp.exp(1 / (2 - 2 * x)) ** 2 * sp.exp(1 / (x - 1)) - 1,
    sp.exp(sp.sin(x) ** 2) - sp.exp(1 - sp.cos(x) ** 2),
    sp.Integer(12) ** x - sp.Integer(2) ** (2 * x) * sp.Integer(3) ** x,
    (x * y) ** a - x**a * y**a,
    sp.sin(x + sp.pi / 3) - sp.sin(x) / 2 - r3 / 2 * sp.cos(x),
    sp.cos(3 * sp.acos(x)) - 4 * x**3 + 3 * x,
    sp.tan(2 * x) - 2 * sp.tan(x) / (1 - sp.tan(x) ** 2),
    sp.tanh(2 * x) - 2 * sp.tanh(x) / (1 + sp.tanh(x) ** 2),
    sp.atanh(x) - (sp.log(1 + x) - sp.log(1 - x)) / 2,
    sp.asinh(x) - sp.log(x + sp.sqrt(1 + x**2)),
    sp.asinh(sp.sinh(x)) - x,
    sp.acosh(x) - sp.log(x + sp.sqrt(x**2 - 1)),
    sp.asin(x) + sp.acos(x) - sp.pi / 2,
    sp.atan(1 / (2 * x - 2)) + sp.atan(1 / (2 - 2 * x)),
    sp.LambertW(x) * sp.exp(sp.LambertW(x)) - x,
    sp.gamma(x + 3) - x * (x + 1) * (x + 2) * sp.gamma(x),
    sp.loggamma(x + 1) - sp.loggamma(x) - sp.log(x),
    sp.polygamma(1, x + 2) - sp.polygamma(1, x) + 1 / x**2 + 1 / (x + 1) ** 2,
    sp.besselj(0, x) + sp.besselj(2, x) - 2 * sp.besselj(1, x) / x,
    x**2 * sp.diff(sp.besselk(3, x), x, 2)
    + x * sp.diff(sp.besselk(3, x), x)
    - (x**2 + 9) * sp.besselk(3, x),
    sp.sqrt(x * y) - sp.sqrt(x) * sp.sqrt(y),
    sp.sqrt((x - 5) * (y - 5)) / (x - 5) - sp.sqrt((x - 5) * (y - 5)) ** 3 / (x - 5) ** 2 / (y - 5),
    sp.cbrt(x * y) - sp.cbrt(x) * sp.cbrt(y),
    sp.sqrt(sp.exp(2 * x)) - sp.exp(x),
    sp.sqrt(3 + 2 * r2) - 1 - r2,
    sp.sqrt(5 + 2 * sp.sqrt(6)) - r2 - r3,
    sp.cbrt(2 + sp.sqrt(5)) - (1 + sp.sqrt(5)) / 2,
    F(x) * y - y * F(x),
    sp.Float("0.1") * x - x / 10,
]


@pytest.mark.parametrize("identity", IDENTITIES, ids=str)
def test_identities_are_zero_and_near_misses_are_not(identity):
    assert decide(identity).answer is Answer.ZERO
    for size in (1, R(10) ** -90, R(10) ** 90):
        assert decide(identity + size * (x**2 + 1)).answer is Answer.NOT_ZERO
    assert is_zero(identity * (x + y), "it")


@pytest.mark.parametrize(
    "expr",
    [
        sp.sqrt(x**2) - x,
        sp.sqrt((x - 5) ** 2) - (x - 5),
        sp.sqrt((x + 1000) ** 2) - (x + 1000),
        sp.sqrt(x**2 * y**2) - x * y,
        1 - sp.tanh(100 * x),
        1 - sp.tanh(100 * x) ** 2,
        sp.erf(x - 20) + 1,
        sp.exp(-((x - 12) ** 2)) + sp.exp(-((x - 12) ** 2) - (y - 12) ** 2),
        sp.log(x - 10**6) - sp.log(x),
        sp.log(-x - 300) * x,
        R(10) ** -90 * sp.sin(x) * y,
        sp.sin(x) - sp.sin(x * (1 + R(10) ** -40)),
        sp.atan(x) + sp.atan(1 / x) - sp.pi / 2,  # −π for x < 0
        sp.exp(sp.pi * sp.sqrt(163)) - 640320**3 - 744,
        sp.pi - R(31415926535897932384626433832795028841971, 10**40),
        sp.sqrt(5 + 2 * sp.sqrt(6)) - r2 - r3 + R(10) ** -300,
        F(x),
        F(x) - F(y),
        sp.gamma(x + 1) - x * sp.gamma(x) * (1 + R(10) ** -50),
    ],
    ids=str,
)
def test_what_is_small_somewhere_is_not_zero(expr):
    assert decide(expr).answer is Answer.NOT_ZERO


@pytest.mark.parametrize(
    "expr",
    [
        sp.sqrt(-1 - x**2),  # real nowhere
        sp.Mul(x, sp.Pow(0, -1, evaluate=False), evaluate=False),  # without a value
        sp.zeta(x, 2) - sp.zeta(x, 1) + 1,  # without a ball
    ],
    ids=str,
)
def test_what_is_not_known_is_said(expr):
    assert decide(expr).answer is Answer.UNDECIDED
    with pytest.raises(
        bea.UndecidedError, match="whether it vanishes cannot be decided: "
    ) as caught:
        is_zero(expr, "whether it vanishes")
    assert caught.value.tried == decide(expr).reason


@examples(60)
@given(functions(2, (x, y)), st.sampled_from([sp.expand, sp.together, sp.factor, sp.powsimp]))
def test_a_function_less_itself_in_disguise_is_never_called_other_than_zero(u, rewrite):
    try:
        v = rewrite(u)
    except Exception:  # whatever SymPy's rewriting raises for a random function
        assume(False)
    assert decide(u - v).answer is not Answer.NOT_ZERO
    assert decide((u - v) * (x + 1)).answer is not Answer.NOT_ZERO


@examples(60)
@given(
    functions(2, (x, y)),
    st.integers(-120, 120),
    st.sampled_from(["3/2", "-7/3", "41", "-55/2", "1/900"]),
    st.sampled_from(["5/4", "-1/3", "17", "-200/7", "1/50"]),
)
def test_what_has_a_value_somewhere_is_never_called_zero(u, exponent, at_x, at_y):
    u = R(10) ** exponent * u.subs(a, R(1, 3))
    point = {x: R(at_x), y: R(at_y)}
    with mpmath.workdps(60):
        try:
            terms = sp.lambdify((x, y), sp.Add.make_args(u), modules="mpmath")(
                *(mpmath.mpf(int(p.p)) / int(p.q) for p in point.values())
            )
        except (ZeroDivisionError, ValueError):
            assume(False)
        terms = list(map(mpmath.mpmathify, terms))
        value = mpmath.fsum(terms)
        assume(not value.imag and mpmath.isfinite(value))
        assume(abs(value) > mpmath.mpf(10) ** -40 * max(map(abs, terms)))
    assert decide(u).answer is not Answer.ZERO


def test_parts_in_common_are_evaluated_once():
    decider = Decider()
    u = curl_of_correction(FIVE_LOGS, 1)
    assert decider.is_zero(u, "it") and decider.is_zero(u * x, "it")
    assert not decider.is_zero(u + x, "it")


# --- the field ---------------------------------------------------------------------------------


def test_the_field_is_one():
    assert sp.isprime(GROUP) and sp.isprime(PRIME)
    assert PRIME == 4 * GROUP + 1 and PRIME % 3 == 2


def test_exponents_are_those_of_independent_monomials():
    assert monomials(1 / (2 * x + 2) - 3 * x * (y + 1)) == {
        1 / (x + 1): R(1, 2),
        x * y: -3,
        x: -3,
    }
    assert monomials(sp.cos(x) ** 2 + sp.sin(x) ** 2) == {sp.Integer(1): 1}


def test_sums_are_products_where_they_are():
    assert factored(1 + sp.exp(-x)) == sp.exp(-x) * (1 + sp.exp(x))
    assert factored(x**2 - 1) == (x - 1) * (x + 1)
    assert factored(x + 1) == x + 1


@pytest.mark.parametrize("seed", range(5))
def test_values_are_a_homomorphism(seed):
    trial = Residues(seed)
    u, v = sp.exp(x) / (1 + sp.tanh(y)), sp.log(x) * sp.sqrt(y) + sp.sin(x * y)
    assert trial.value(u + v) == trial.value(u) + trial.value(v)
    assert trial.value(u * v) == trial.value(u) * trial.value(v)
    assert trial.value(sp.exp(u + v)) == trial.value(sp.exp(u)) * trial.value(sp.exp(v))
    assert trial.value(sp.sqrt(y)) ** 2 == trial.value(y)


CHANGE_THEIR_SIGNS = [
    "cos(x) + 999999/1000000",
    "(x - 33/10)**2 + (y - 77/10)**2 - 1/1000000",
    "1/2 - exp(-100*(x - 537/100)**2 - 100*(y - 721/100)**2)",
    "x**2 - 7*x + 12249999/1000000",
    "2 + x*sin(x/10**12)",
    "log(x) + 10**6",
    "x + 10**12",
    "1 - x*y/10**20",
]


@pytest.mark.parametrize("u", CHANGE_THEIR_SIGNS)
def test_a_root_that_may_change_its_sign_where_nobody_looked_is_not_taken_for_positive(u):
    u = sp.sympify(u)
    assert decide(sp.sqrt(u**2) - u).answer is not Answer.ZERO
    assert decide(sp.sqrt(1 + u**2) ** 2 - u**2 - 1).answer is Answer.ZERO


@pytest.mark.parametrize(
    "relation",
    [
        sp.sqrt(x - 5) * sp.sqrt(y - 5) - sp.sqrt((x - 5) * (y - 5)),
        sp.sqrt(1 - x) * sp.sqrt(1 + x) - sp.sqrt(1 - x**2),
        sp.sqrt((x**2 + 1) ** 2) - x**2 - 1,
        sp.sqrt(200 * x**2 + 700) - 10 * sp.sqrt(2 * x**2 + 7),
        sp.sqrt(8 * x * y - 4 * y) - 2 * sp.sqrt(y * (2 * x - 1)),
        sp.sqrt(x**2 + y**2 - 4 * x + 4) * sp.sqrt(y**2 + 1)
        - sp.sqrt(((x - 2) ** 2 + y**2) * (1 + y**2)),
    ],
)
def test_roots_that_cannot_change_their_signs(relation):
    assert decide(relation).answer is Answer.ZERO
    assert decide(relation + x / 10**9).answer is Answer.NOT_ZERO
