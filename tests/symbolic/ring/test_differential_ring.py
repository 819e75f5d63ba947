"""The differential ring: right derivatives, one normal form, and the same result without it.

Derivatives are held to `sympy.diff` at points in mpmath; the normal form to the identities between
the functions; and the corrections that the ring gives to those of expressions, letter by letter.
"""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from flint import fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

import bea
from bea.symbolic.coordinates.carrier import (
    CoordinatesCarrier,
    algebra_for,
    euler_displacement,
)
from bea.symbolic.functions.lattice import Lattice, commensurable, expanded, independent
from bea.symbolic.functions.rules import DERIVATIVE, DISGUISES, canonical, exact
from bea.symbolic.recursion import modified_fields
from bea.symbolic.ring.construction import NoRuleError
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.expression_algebra import ExpressionAlgebra
from bea.symbolic.ring.terms import expression_of
from tests.quick import quick
from tests.symbolic.oracles import values
from tests.symbolic.strategies import examples, functions, polynomials

x, y, z = sp.symbols("x y z")
a, b, c = sp.symbols("a b c")
F = sp.Function("F")


# --- derivatives -------------------------------------------------------------------------------

POINTS = [
    {x: mpmath.mpf("0.371"), y: mpmath.mpf("1.219"), a: mpmath.mpf("0.83")},
    {x: mpmath.mpc("0.61", "0.13"), y: mpmath.mpc("0.47", "-0.29"), a: mpmath.mpf("1.7")},
]
"""The functions are analytic: an identity between derivatives holds at complex points, too."""


def numbers(expressions: list[sp.Expr], point: dict) -> list | None:
    """Their values; None at a pole, or where they are too large to be compared."""
    with mpmath.workdps(50):
        try:
            found = sp.lambdify([*point], expressions, modules="mpmath")(*point.values())
        except (ZeroDivisionError, OverflowError, ValueError, mpmath.libmp.NoConvergence):
            return None
        return found if all(mpmath.isfinite(v) and abs(v) < 1e15 for v in found) else None


def assert_derivatives(u: sp.Expr) -> bool:
    """Was there a point at which they could be compared?"""
    if u.has(sp.zoo, sp.nan):
        return False
    ring = DifferentialRing([x, y], [u])
    element = ring.element(u)
    ours = [ring.expression(element)]
    theirs = [u]
    for j, variable in enumerate((x, y)):
        once = ring.partial(element, j)
        ours += [ring.expression(once), ring.expression(ring.partial(once, 0))]
        theirs += [sp.diff(u, variable), sp.diff(u, variable, x)]
    compared = 0
    for point in POINTS:
        left, right = numbers(ours, point), numbers(theirs, point)
        if left is None or right is None:
            continue
        compared += 1
        for p, q in zip(left, right, strict=True):
            assert abs(p - q) <= mpmath.mpf(10) ** -25 * (1 + abs(q)), u
    return compared > 0


@examples(60)
@given(functions(2, (x, y)))
def test_derivatives_of_nested_functions(u):
    try:
        assume(assert_derivatives(u))
    except bea.InputError:  # 1/(u − u): the ring has to see that as well
        assert zero_denominator(u)


def zero_denominator(u: sp.Expr) -> bool:
    denominators = [p.base for p in u.atoms(sp.Pow) if p.exp.is_negative]
    return u.has(sp.zoo, sp.nan) or any(sp.simplify(d) == 0 for d in denominators)


@pytest.mark.slow
@examples(150)
@given(functions(3, (x, y)))
def test_derivatives_of_deeply_nested_functions(u):
    assume(u.count_ops() < 25)
    try:
        assume(assert_derivatives(u))
    except bea.InputError:
        assert zero_denominator(u)


RULED = [F for F in DERIVATIVE if F is not sp.exp] + [*DISGUISES]


@pytest.mark.parametrize("function", RULED, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "argument", quick([x, x * y - 2, sp.exp(x) + y], [x, sp.exp(x) + y]), ids=str
)
def test_every_rule_of_derivation(function, argument):
    assert assert_derivatives(function(argument) * y)


@pytest.mark.parametrize(
    "u",
    [
        sp.exp(x) * sp.exp(-2 * x) + sp.exp(x / 2) * sp.exp(y / 3),
        sp.sqrt(2 * x + 2) * sp.sqrt(3 * x + 3) * sp.cbrt(12 * x * y),
        x**a * x ** (a + 1) * x ** (2 * a - 3) / y,
        (x**a) ** sp.sqrt(3),
        sp.exp(-sp.exp(-(x + y) / 2)),
        sp.asinh(x + sp.E) * sp.exp(x + sp.Rational(1, 2)),
        sp.cot(sp.erfc(sp.exp(x))),
        sp.exp(x) ** a,
        (1 + x * y) ** (a + sp.Rational(3, 2)) * (1 + x * y) ** (-a),
        x**x * y**x,
        sp.pi**x + 2**x * 6**y + x**sp.pi,
        sp.sqrt(1 + sp.sqrt(1 + sp.sqrt(x))),
        1 / (1 + 1 / (1 + 1 / (1 + x))),
        sp.log(sp.log(x)) / sp.log(x),
        sp.sqrt(x / (1 + y)) / sp.sqrt(1 + y),
        sp.cos(3 * x - 2 * y) * sp.sin(x) ** 2 + sp.tan(x),
        sp.tanh(x) * sp.exp(2 * x) + sp.cosh(x / 2),
        sp.tanh(x + y) / (1 + sp.sinh(2 * x + 2 * y)),
        sp.LambertW(x) + sp.LambertW(x * y),
        sp.exp(-(x**2) / 2 + x * y) * sp.erf(x + y),
        (x - sp.sqrt(2)) / (x**2 - 2),
        sp.sin(1 / x) * sp.exp(1 / x),
        sp.acosh(2 + x) * sp.atanh(x / 2) * sp.asin(x / 3),
    ],
    ids=str,
)
def test_derivatives_where_functions_depend_on_one_another(u):
    assert assert_derivatives(u)


# --- the normal form is one --------------------------------------------------------------------

EQUAL = [
    (sp.exp(x) * sp.exp(-x), 1),
    (sp.exp(x + y), sp.exp(x) * sp.exp(y)),
    (sp.exp(2 * x), sp.exp(x) ** 2),
    ((sp.exp(x) ** 2 - 1) / (sp.exp(x) - 1), sp.exp(x) + 1),
    (sp.sin(x) ** 2 + sp.cos(x) ** 2, 1),
    (sp.sin(2 * x), 2 * sp.sin(x) * sp.cos(x)),
    (sp.cos(x + y), sp.cos(x) * sp.cos(y) - sp.sin(x) * sp.sin(y)),
    (sp.sin(x - 2 * y), sp.sin(x) * sp.cos(2 * y) - sp.cos(x) * sp.sin(2 * y)),
    (sp.sinh(x - y), sp.sinh(x) * sp.cosh(y) - sp.cosh(x) * sp.sinh(y)),
    (sp.cos(3 * x), 4 * sp.cos(x) ** 3 - 3 * sp.cos(x)),
    (sp.tan(x) * sp.cos(x), sp.sin(x)),
    (1 + sp.tan(x) ** 2 + sp.sin(x), sp.sec(x) ** 2 + sp.sin(x)),
    (sp.cosh(x) ** 2 - sp.sinh(x) ** 2, 1),
    (sp.sinh(x) + sp.cosh(x), sp.exp(x)),
    (sp.tanh(x), 1 - 2 / (sp.exp(2 * x) + 1)),
    (1 / (1 + sp.exp(-x)), sp.exp(x) / (1 + sp.exp(x))),
    (1 - 1 / (1 + sp.exp(-x)), 1 / (1 + sp.exp(x))),
    (1 / (1 + sp.exp(-x)) / (1 + sp.exp(x)), sp.exp(x) / (1 + sp.exp(x)) ** 2),
    (1 / (x * (x + 1)), 1 / x - 1 / (x + 1)),
    ((x**2 - 1) / (x - 1), x + 1),
    (x / (x + y) + y / (x + y), 1),
    (1 / (x**2 - y**2), (1 / (x - y) - 1 / (x + y)) / (2 * y)),
    (1 / (1 - x), -1 / (x - 1)),
    (sp.sqrt(2 * x + 2), sp.sqrt(2) * sp.sqrt(x + 1)),
    (sp.sqrt(x + 1) ** 3 / (x + 1), sp.sqrt(x + 1)),
    (1 / sp.sqrt(x), sp.sqrt(x) / x),
    (1 / (sp.sqrt(x) + 1), (sp.sqrt(x) - 1) / (x - 1)),
    (1 / (sp.sqrt(2) + 1), sp.sqrt(2) - 1),
    (sp.sqrt(8) * x, 2 * sp.sqrt(2) * x),
    (sp.sqrt(sp.Rational(1, 2)), sp.sqrt(2) / 2),
    (x ** (a + 1) / x, x**a),
    (x ** (a + sp.Rational(1, 2)) / sp.sqrt(x), x**a),
    (x ** (2 * a), (x**a) ** 2),
    (sp.Float("0.6") * x, sp.Rational(3, 5) * x),
    (x ** sp.Float("0.5"), sp.sqrt(x)),
    (sp.coth(x) * sp.tanh(x) + sp.sinh(x) * 0, 1),
    (sp.sinc(x) * x, sp.sin(x)),
    (sp.erfc(x), 1 - sp.erf(x)),
    (sp.acot(x), sp.atan(1 / x)),
    (sp.Integer(8) ** x, (sp.Integer(2) ** x) ** 3),
]


@pytest.mark.parametrize(("u", "v"), EQUAL, ids=str)
def test_equal_functions_are_the_same_element(u, v):
    u, v = sp.sympify(u), sp.sympify(v)
    ring = DifferentialRing([x, y], [u, v])
    assert ring.element(u) == ring.element(v)
    assert ring.is_zero(ring.element(u) - ring.element(v))
    assert not ring.is_zero(ring.element(u) - ring.element(v) + ring.element(x))


@pytest.mark.parametrize(
    ("u", "v"),
    [
        (sp.log(x * y), sp.log(x) + sp.log(y)),
        (sp.tanh(2 * x), 2 * sp.tanh(x) / (1 + sp.tanh(x) ** 2)),
        (sp.tan(2 * x), 2 * sp.tan(x) / (1 - sp.tan(x) ** 2)),
        (sp.sqrt(x) * sp.sqrt(y), sp.sqrt(x * y)),
        (sp.asin(x) + sp.acos(x), sp.pi / 2),
        (sp.Integer(12) ** x, sp.Integer(2) ** (2 * x) * sp.Integer(3) ** x),
        (sp.Rational(3, 2) ** x, sp.Integer(3) ** x * sp.Integer(2) ** (-x)),
        (sp.asinh(x), sp.log(x + sp.sqrt(1 + x**2))),
        (sp.LambertW(x) * sp.exp(sp.LambertW(x)), x),
        (sp.exp(sp.sin(x) ** 2), sp.exp(1 - sp.cos(x) ** 2)),
        (sp.sqrt(3 + 2 * sp.sqrt(2)) * x, (1 + sp.sqrt(2)) * x),
    ],
    ids=str,
)
def test_relations_that_the_ring_does_not_know_are_found_by_values(u, v):
    ring = DifferentialRing([x, y], [u, v])
    difference = ring.element(u) - ring.element(v)
    assert ring.is_zero(difference)
    assert not ring.is_zero(difference + ring.element(x) * fmpq(1, 10**12))


@examples(25)
@given(functions(2, (x, y)), st.sampled_from([sp.expand, sp.together, sp.factor, sp.powsimp]))
def test_a_function_written_differently_is_the_same(u, rewrite):
    v = rewrite(u)
    try:
        ring = DifferentialRing([x, y], [u, v])
    except bea.InputError:
        assume(False)
    assert ring.is_zero(ring.element(u) - ring.element(v))


@examples(30)
@given(polynomials((x, y), 3), polynomials((x, y), 2), polynomials((x, y), 2))
def test_the_normal_form_of_rational_functions_decides_equality(p, q, r):
    assume(q != 0 and r != 0)
    u, v = p / q + r, sp.together(p / q) + r * q / q
    ring = DifferentialRing([x, y], [u, v, 1 / r])
    assert ring.element(u) == ring.element(v)
    assert ring.element(p / r) == ring.element(sp.cancel(p / r)) or not sp.cancel(p / r).equals(
        p / r
    )
    assert ring.element(u) != ring.element(v + x)


def test_arithmetic_of_elements():
    ring = DifferentialRing([x], [sp.sqrt(x), sp.exp(x)])
    s = ring.element(sp.sqrt(x))
    assert ring.expression(ring.normal(s * s)) == x
    assert ring.expression(ring.scale(Fraction(-2, 3), s)) == -2 * sp.sqrt(x) / 3
    assert ring.zero == 0 and ring.is_zero(ring.zero)


def test_an_element_outside_of_the_ring_is_refused():
    ring = DifferentialRing([x], [sp.exp(-x)])
    for stranger in (sp.exp(x / 2), sp.exp(y), sp.tanh(x), 1 / x, sp.sqrt(x), y, sp.sin(x)):
        with pytest.raises(NoRuleError, match="not in the ring"):
            ring.element(stranger)
    assert ring.expression(ring.element(x + sp.exp(-3 * x))) == x + sp.exp(-3 * x)
    with pytest.raises(NoRuleError, match="gamma has no rule"):
        DifferentialRing([x], [sp.gamma(x)])


@pytest.mark.parametrize(
    "u",
    [
        1 / (sp.exp(x) * sp.exp(-2 * x) * sp.exp(x) - 1 + sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1),
        1 / (1 - sp.sin(x) ** 2 - sp.cos(x) ** 2),
        (sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1) ** -2,
        1 / ((x + 1) ** 2 - x**2 - 2 * x - 1),
        sp.log(x) / (sp.sqrt(x + 1) ** 2 * (1 + y) - x * y - x - y - 1),
    ],
    ids=str,
)
def test_a_denominator_that_vanishes_is_refused(u):
    with pytest.raises(bea.InputError, match="divides by zero"):
        DifferentialRing([x, y], [u])


def test_opposite_generators_in_an_opaque_ring():
    ring = DifferentialRing([x], [sp.gamma(x) * x], opaque=True)
    assert ring.expression(ring.element(sp.gamma(x) * x) - ring.element(x)) == x * sp.gamma(x) - x


# --- one result, whichever way it was computed -------------------------------------------------

BOTH_WAYS = [
    x**3 * y - y**2 / 2,
    sp.exp(x * y) + x * sp.tanh(y),
    sp.log(1 + x**2 + y**2) * a,
    sp.sqrt(1 + x**2 * y) + sp.sin(x - y),
    1 / (1 + sp.exp(-x * y)),
    sp.atan(x / y) + sp.pi * x,
    x**a * y ** (1 - a),
    sp.cosh(x) * sp.sqrt(y) + x / y,
    sp.erf(x) * y,
    sp.tan(x) * y + sp.asinh(y),
]


def corrections_in(algebra: object, field: list[sp.Expr], order: int) -> list[sp.Matrix]:
    carrier = CoordinatesCarrier(algebra)
    fields = modified_fields(carrier, euler_displacement(carrier.column(field)))
    return [carrier.matrix(next(fields)) for _ in range(order + 1)]


@pytest.mark.parametrize("loss", BOTH_WAYS, ids=str)
def test_the_ring_and_expressions_give_the_same_letters(loss):
    field = [-sp.diff(loss, x), -sp.diff(loss, y)]
    ring = corrections_in(DifferentialRing([x, y], field), field, 2)
    expressions = corrections_in(ExpressionAlgebra([x, y], field), field, 2)
    assert ring == expressions


@examples(12)
@given(functions(1, (x, y)), functions(1, (x, y)))
def test_the_ring_and_expressions_give_the_same_letters_for_random_fields(u, v):
    ring = corrections_in(DifferentialRing([x, y], [u, v]), [u, v], 1)
    assert ring == corrections_in(ExpressionAlgebra([x, y], [u, v]), [u, v], 1)


def test_expressions_are_in_normal_form_after_each_derivative():
    algebra = ExpressionAlgebra([x], [sp.gamma(x) * sp.sin(x)])
    derivative = algebra.partial(algebra.element(sp.sin(x) * sp.cos(x) + sp.gamma(x)), 0)
    assert derivative == 2 * sp.cos(x) ** 2 - 1 + sp.gamma(x) * sp.polygamma(0, x)


def test_the_algebra_is_chosen_by_the_functions():
    assert isinstance(algebra_for([x], [sp.exp(x)]), DifferentialRing)
    assert isinstance(algebra_for([x], [sp.exp(x) * sp.gamma(x)]), ExpressionAlgebra)


@pytest.mark.parametrize(
    "loss",
    [
        sp.gamma(x) * y,
        sp.besselj(1, x * y),
        sp.atan2(y, x) ** 2,
        sp.zeta(x + 2) + x * y,
        sp.erf2(x, y) + sp.exp(y),
        sp.asec(2 + x) + y * x,
    ],
    ids=str,
)
def test_functions_without_a_rule(loss):
    eq = bea.modified_equation(loss=loss, params=(x, y), order=1)
    half_square = sum(sp.diff(loss, v) ** 2 for v in (x, y)) / 4
    expected = [-sp.diff(half_square, v) for v in (x, y)]
    point = (sp.Rational(7, 10), sp.Rational(13, 10))
    for p, q in zip(
        values([*eq.corrections[1]], (x, y), point), values(expected, (x, y), point), strict=True
    ):
        assert abs(p - q) < mpmath.mpf(10) ** -25 * (1 + abs(q))


def test_an_undefined_function():
    eq = bea.modified_equation(loss=F(x), params=x, order=2)
    d1, d2, d3 = (F(x).diff(x, n) for n in (1, 2, 3))
    assert eq.corrections[1][0] == -d1 * d2 / 2
    assert eq.corrections[2][0] == sp.expand(-d1 * d2**2 / 3 - d1**2 * d3 / 12)


def test_an_undefined_function_of_two_variables_and_of_a_product():
    eq = bea.modified_equation(loss=F(x, y), params=(x, y), order=1)
    square = (F(x, y).diff(x) ** 2 + F(x, y).diff(y) ** 2) / 4
    assert (eq.corrections[1] + sp.Matrix([square.diff(x), square.diff(y)])).expand() == sp.zeros(
        2, 1
    )
    eq = bea.modified_equation(loss=F(x * y), params=(x, y), order=1)
    known = bea.modified_equation(loss=(x * y) ** 3, params=(x, y), order=1)
    assert eq.corrections[1].replace(F, lambda u: u**3).doit() == known.corrections[1]


def test_an_undefined_function_in_a_step():
    eq = bea.modified_equation(step=lambda t, h: [x + h * F(x + h)], params=x, order=1)
    assert eq.corrections[0][0] == F(x)
    assert eq.corrections[1][0] == F(x).diff(x) - F(x) * F(x).diff(x) / 2


# --- the parts ---------------------------------------------------------------------------------


@given(st.lists(polynomials((x, y), 2, terms=3), min_size=1, max_size=4))
def test_arguments_are_integer_combinations_of_the_lattice(arguments):
    lattice = Lattice(arguments)
    for u in arguments:
        pairs = lattice.coordinates(u)
        assert all(isinstance(n, int) and n for _, n in pairs)
        assert sp.expand(sum(n * v for v, n in pairs) - u) == 0


def test_the_lattice_refuses_what_it_does_not_hold():
    lattice = Lattice([x, 2 * x, y])
    for stranger in (x / 2, z, x * y):
        with pytest.raises(KeyError):
            lattice.coordinates(stranger)


def test_the_lattice_shares_generators():
    assert Lattice([x, 2 * x, -x]).coordinates(-2 * x) == [(x, -2)]
    assert Lattice([x / 2, x / 3]).coordinates(x / 2) == [(x / 6, 3)]
    assert Lattice([-(x**2)]).coordinates(-(x**2)) == [(-(x**2), 1)]


def test_arguments_that_are_high_multiples_keep_generators_of_their_own():
    slow, fast = x * sp.Rational(7, 10), x * sp.Rational(23, 10)
    lattice = Lattice([slow, fast])
    assert lattice.coordinates(slow) == [(slow, 1)] and lattice.coordinates(fast) == [(fast, 1)]
    assert lattice.coordinates(3 * x) == [(slow, 1), (fast, 1)]  # exp(0.7x)·exp(2.3x), merged
    with pytest.raises(KeyError):
        lattice.coordinates(x / 10)


def test_arguments_are_spelled_as_they_were_given():
    bell = -((x - 20) ** 2) / 2
    assert Lattice([bell]).coordinates(bell) == [(bell, 1)]
    assert Lattice([bell, 2 * bell]).coordinates(sp.expand(2 * bell)) == [(bell, 2)]
    assert Lattice([sp.Integer(0), (x + 1) ** 2 - x**2 - 2 * x - 1]).coordinates(
        (x + 1) ** 2 - x**2 - 2 * x - 1
    ) == []  # fmt: skip


@given(st.lists(polynomials((x, y), 2), min_size=1, max_size=4))
def test_independence_over_the_rationals(arguments):
    # independent iff the Gram matrix of the coefficient vectors is regular
    monomials = sorted({m for u in arguments for m in sp.Poly(u, x, y).as_dict()})
    M = sp.Matrix([[sp.Poly(u, x, y).as_dict().get(m, 0) for m in monomials] for u in arguments])
    assert independent(arguments) == ((M * M.T).det() != 0)


def test_arguments_are_multiplied_out_and_functions_are_not():
    assert expanded(sp.exp(x + 1) * (y + 2) ** 2) == sum(
        c * sp.exp(x + 1) for c in (y**2, 4 * y, sp.Integer(4))
    )


def test_commensurable_arguments():
    assert commensurable([x, y + 1], [-3 * y - 3])
    assert commensurable([3 * x / 4], [x])
    assert not commensurable([x], [5 * x])
    assert not commensurable([x * sp.Rational(23, 10)], [x * sp.Rational(7, 10)])
    assert not commensurable([x, y + 1], [x + y, y])


@pytest.mark.parametrize(
    ("number", "rational"),
    [
        (0.6, "3/5"),
        (1e-3, "1/1000"),
        (0.1 + 0.2, "30000000000000004/100000000000000000"),
        (2.5e20, "250000000000000000000"),
    ],
)
def test_floats_are_the_decimals_they_print_as(number, rational):
    assert exact(sp.Float(number)) == sp.Rational(rational)
    assert canonical(sp.Float(number) * x) == sp.Rational(rational) * x


def test_floats_of_higher_precision_keep_their_digits():
    assert exact(sp.Float("0.1234567890123456789012345", 25)) == sp.Rational(
        1234567890123456789012345, 10**25
    )


@given(polynomials((x, y), 4, terms=6))
def test_terms_become_the_expression_that_sympy_would_make(p):
    q = sp.Poly(p, x, y)
    expression = expression_of({m: fmpq(int(c.p), int(c.q)) for m, c in q.terms()}, [x, y])
    assert expression == q.as_expr()
    assert expression.args == q.as_expr().args


@pytest.mark.parametrize(
    "meanings",
    [
        [sp.exp(x), sp.exp(y), 1 / x],
        [sp.sqrt(x), 1 / x, x],
        [sp.sqrt(2), sp.pi, x],
        [sp.Integer(2) ** x, sp.Integer(6) ** x, x],
        [1 + x, 1 / (1 + x), sp.E],
    ],
    ids=str,
)
def test_terms_in_functions_become_the_expression_that_sympy_would_make(meanings):
    polynomial = {
        (1, 2, 0): fmpq(-2, 3),
        (0, 0, 3): fmpq(1),
        (1, 1, 1): fmpq(5),
        (0, 0, 0): fmpq(7),
    }
    plain = sp.Add(
        *(
            sp.Rational(int(k.numerator), int(k.denominator))
            * sp.Mul(*(v**e for v, e in zip(meanings, m, strict=True)))
            for m, k in polynomial.items()
        )
    )
    assert expression_of(polynomial, meanings) == plain
