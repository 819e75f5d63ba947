"""The recursion against what it is derived from, computed in other ways.

The exact property comes first: the flow of f̃ and the step of the method have the same Taylor
coefficients in h, identically in θ, through the order. Then the logarithm of the shift operator,
elementary differentials, stability functions, and examples whose modified equation is known.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import pytest
import sympy as sp
from hypothesis import given, reject
from hypothesis import strategies as st

import bea
from bea.symbolic.coordinates.carrier import CoordinatesCarrier, algebra_for
from bea.symbolic.methods.stages import RungeKuttaStep, step_coefficients
from bea.symbolic.recursion import LieDerivatives, literal_fields, modified_fields
from tests.quick import quick
from tests.symbolic.oracles import (
    SeriesSpace,
    assert_equal_at,
    elementary_differential,
    euler_corrections,
)
from tests.symbolic.strategies import (
    THETA,
    H,
    examples,
    fractions,
    functions,
    one_step_maps,
    polynomial_fields,
    polynomial_losses,
    rational,
    tableaus,
)

pytestmark = pytest.mark.filterwarnings("ignore:the field does not depend")

x, y, z = THETA
ORDER = {1: 4, 2: 3, 3: 2}
"""How far a property is looked at, by the number of parameters."""


def assert_same_series(space: SeriesSpace, flow: list, step: list) -> None:
    for power in range(space.highest + 1):
        assert space.expressions(flow, power) == space.expressions(step, power), power


def gradient(loss: sp.Expr, params: tuple) -> list[sp.Expr]:
    return [sp.diff(loss, p) for p in params]


# --- the exact property ------------------------------------------------------------------------


@given(polynomial_losses())
def test_the_flow_meets_gradient_descent_through_the_order(problem):
    params, loss = problem
    p = ORDER[len(params)]
    eq = bea.modified_equation(loss=loss, params=params, order=p)
    space = SeriesSpace(params, p + 1)
    descent = [
        space.polynomial(theta, space.identity) - space.polynomial(g, space.identity).times_h()
        for theta, g in zip(params, gradient(loss, params), strict=True)
    ]
    assert_same_series(space, space.flow(eq.corrections), descent)


@examples(25)
@given(polynomial_fields(most=2), tableaus())
def test_the_flow_meets_every_runge_kutta_step_through_the_order(problem, method):
    params, field = problem
    p = ORDER[len(params)] - 1
    derived = bea.modified_equation(field=[*field], params=params, order=p, method=method)
    space = SeriesSpace(params, p + 1)
    step = space.runge_kutta(field, method.A, method.b)
    assert_same_series(space, space.flow(derived.corrections), step)


@given(one_step_maps())
def test_the_flow_meets_every_one_step_map_through_the_order(problem):
    params, step = problem
    p = ORDER[len(params)]
    eq = bea.modified_equation(step=lambda theta, h: step, params=params, order=p, step_size=H)
    space = SeriesSpace(params, p + 1)
    assert_same_series(space, space.flow(eq.corrections), space.one_step_map(step, H))


def test_the_property_would_notice_a_wrong_correction():
    eq = bea.modified_equation(loss=x**3 + x * y**2, params=(x, y), order=2)
    space = SeriesSpace((x, y), 3)
    step = space.runge_kutta(eq.corrections[0], [[Fraction(0)]], [Fraction(1)])
    wrong = [*eq.corrections[:2], eq.corrections[2] * sp.Rational(12, 11)]
    with pytest.raises(AssertionError):
        assert_same_series(space, space.flow(wrong), step)


@pytest.mark.slow
@examples(60)
@given(polynomial_fields(most=3), tableaus())
def test_the_flow_meets_runge_kutta_steps_to_higher_order(problem, method):
    params, field = problem
    p = ORDER[len(params)]
    derived = bea.modified_equation(field=[*field], params=params, order=p, method=method)
    space = SeriesSpace(params, p + 1)
    step = space.runge_kutta(field, method.A, method.b)
    assert_same_series(space, space.flow(derived.corrections), step)


# --- the logarithm of the shift operator -------------------------------------------------------


@given(polynomial_losses())
def test_corrections_are_the_logarithm_of_the_shift(problem):
    params, loss = problem
    p = ORDER[len(params)]
    field = [-g for g in gradient(loss, params)]
    space = SeriesSpace(params, p + 1)
    expected = space.log_of_shift(
        lambda at: space.runge_kutta(field, [[Fraction(0)]], [Fraction(1)], at)
    )
    eq = bea.modified_equation(loss=loss, params=params, order=p)
    for f, g in zip(eq.corrections, expected, strict=True):
        assert [sp.expand(a - b) for a, b in zip(f, g, strict=True)] == [0] * len(params)


@given(one_step_maps())
def test_corrections_of_maps_are_the_logarithm_of_the_shift(problem):
    params, step = problem
    p = ORDER[len(params)] - 1
    space = SeriesSpace(params, p + 1)
    expected = space.log_of_shift(lambda at: space.one_step_map(step, H, at))
    eq = bea.modified_equation(step=lambda theta, h: step, params=params, order=p, step_size=H)
    for f, g in zip(eq.corrections, expected, strict=True):
        assert [sp.expand(a - b) for a, b in zip(f, g, strict=True)] == [0] * len(params)


def test_the_two_parameter_model_to_order_5_with_symbolic_data():
    a, b, X, Y = symbols = sp.symbols("a b x y")
    loss = (Y - a * b * X) ** 2 / 2
    space = SeriesSpace(symbols, 6)  # the data are coordinates that stand still
    field = [-sp.diff(loss, a), -sp.diff(loss, b), sp.Integer(0), sp.Integer(0)]
    expected = space.log_of_shift(
        lambda at: space.runge_kutta(field, [[Fraction(0)]], [Fraction(1)], at)
    )
    eq = bea.modified_equation(loss=loss, params=(a, b), order=5)
    for f, g in zip(eq.corrections, expected, strict=True):
        assert [sp.expand(e) for e in f] == [sp.expand(e) for e in g[:2]]


# --- elementary differentials ------------------------------------------------------------------

LOSSES = [
    x**3 * y - 2 * x * y**2 + y,
    sp.exp(x * y) + y * sp.tanh(x) + x**2 / 2,
    sp.log(1 + x**2 + y**2),
    sp.sqrt(1 + x**2 * y) + sp.sin(x - y),
    1 / (1 + sp.exp(-x * y)) + x / (2 + y**2),
    sp.atan(x) * sp.erf(y) + sp.cosh(x - y) + x * y,
    x**y + sp.LambertW(x) * y,
    sp.gamma(x) * y + sp.besselj(0, y),
    sp.tan(x / 3) * sp.asinh(y) + sp.pi * x**2 * sp.cbrt(y),
]


@pytest.mark.parametrize("loss", quick(LOSSES, LOSSES[:4]), ids=str)
def test_gradient_descent_has_the_elementary_differentials_of_euler(loss):
    eq = bea.modified_equation(loss=loss, params=(x, y), order=3)
    expected = euler_corrections([-g for g in gradient(loss, (x, y))], (x, y))
    for f, g in zip(eq.corrections, expected, strict=True):
        assert_equal_at([*f], g, (x, y), (sp.Rational(7, 10), sp.Rational(13, 10)))


FIELDS = [
    ((x, y), [-y / (x**2 + y**2), x / (x**2 + y**2)]),
    ((x, y, z), [sp.exp(y) * z, sp.tanh(x), sp.log(x) / y]),
    ((x,), [sp.sqrt(x) * sp.exp(-x)]),
    ((x, y, z), [10 * (y - x), x * (28 - z) - y, x * y - sp.Rational(8, 3) * z]),
    ((x, y), [sp.sin(x * y), sp.cos(x + y) / (1 + x)]),
    ((x, y), [y + sp.tanh(x), sp.exp(x)]),
    ((x, y), [sp.tan(x), sp.sin(x) * y]),
    ((x, y), [sp.sinh(x / 2) * y, sp.exp(2 * x / 3)]),
]


@pytest.mark.parametrize(("params", "field"), FIELDS, ids=str)
def test_euler_on_a_field_has_its_elementary_differentials(params, field):
    eq = bea.modified_equation(field=field, params=params, order=3)
    point = [sp.Rational(7, 10), sp.Rational(13, 10), sp.Rational(-3, 5)][: len(params)]
    for f, g in zip(eq.corrections, euler_corrections(field, params), strict=True):
        assert_equal_at([*f], g, params, point)


@examples(12)
@given(st.lists(functions(1, (x, y)), min_size=2, max_size=2))
def test_euler_on_random_functions_has_their_elementary_differentials(field):
    field = [f + p for f, p in zip(field, (x, y), strict=True)]
    try:
        eq = bea.modified_equation(field=field, params=(x, y), order=2)
    except bea.InputError:  # 1/0, or √(−2)
        reject()
    point = [sp.Rational(7, 10), sp.Rational(13, 10), sp.Rational(8, 5)]
    for f, g in zip(eq.corrections, euler_corrections(field, (x, y)), strict=False):
        assert_equal_at([*f], g, (x, y, sp.Symbol("a")), point)


@given(polynomial_fields())
def test_first_order_correction_of_euler_and_of_implicit_euler(problem):
    params, field = problem
    acceleration = elementary_differential(field, params, field)
    for method, sign in (("euler", -1), ("implicit_euler", 1)):
        eq = bea.modified_equation(field=field, params=params, order=1, method=method)
        half = [sp.expand(sp.Rational(sign, 2) * a) for a in acceleration]
        assert [sp.expand(e) for e in eq.corrections[1]] == half


@given(polynomial_fields())
def test_second_order_methods_begin_at_f_2(problem):
    params, field = problem
    f2 = elementary_differential(field, params, field, field)
    f11 = elementary_differential(field, params, elementary_differential(field, params, field))
    # f_2 = (Σ_i b_i c_i²/2 − 1/6) f''(f,f) + (Σ_ij b_i a_ij c_j − 1/6) f'f'f
    known = {
        "midpoint": ("-1/24", "-1/6"),
        "implicit_midpoint": ("-1/24", "1/12"),
        "trapezoidal": ("1/12", "1/12"),
        "heun": ("1/12", "-1/6"),
        "ralston": ("0", "-1/6"),
    }
    for method, (c2, c11) in known.items():
        eq = bea.modified_equation(field=field, params=params, order=2, method=method)
        assert list(eq.corrections[1]) == [0] * len(params)
        expected = [
            sp.Rational(c2) * u + sp.Rational(c11) * v for u, v in zip(f2, f11, strict=True)
        ]
        assert [sp.expand(e) for e in eq.corrections[2]] == [sp.expand(e) for e in expected]


# --- linear fields: f̃ = log R(hA)/h ------------------------------------------------------------

w = sp.Symbol("w")
EXPONENTIAL = [1, w, w**2 / 2, w**3 / 6, w**4 / 24]
STABILITY = {
    "euler": 1 + w,
    "implicit_euler": 1 / (1 - w),
    "midpoint": sum(EXPONENTIAL[:3]),
    "heun": sum(EXPONENTIAL[:3]),
    "ralston": sum(EXPONENTIAL[:3]),
    "implicit_midpoint": (1 + w / 2) / (1 - w / 2),
    "trapezoidal": (1 + w / 2) / (1 - w / 2),
    "kutta3": sum(EXPONENTIAL[:4]),
    "ssprk33": sum(EXPONENTIAL[:4]),
    "rk4": sum(EXPONENTIAL),
    "rk38": sum(EXPONENTIAL),
}
SIX = 6


def logarithm(R: sp.Expr) -> list[sp.Rational]:
    """The coefficients of log R(w) at w, w², …: those of R'/R, integrated."""
    numerator, denominator = sp.fraction(sp.cancel(sp.diff(R, w) / R))
    series = sp.Poly(sp.series(numerator / denominator, w, 0, SIX + 1).removeO(), w)
    return [series.coeff_monomial(w**l) / (l + 1) for l in range(SIX + 1)]


@pytest.mark.parametrize("method", STABILITY)
def test_linear_fields_follow_the_logarithm_of_the_stability_function(method):
    A = sp.Matrix([[1, 2], [sp.Rational(-1, 2), 3]])
    theta = sp.Matrix([x, y])
    eq = bea.modified_equation(field=[*(A * theta)], params=(x, y), order=SIX, method=method)
    for l, c in enumerate(logarithm(STABILITY[method])):
        assert (eq.corrections[l] - c * A ** (l + 1) * theta).expand() == sp.zeros(2, 1), l


@examples(10)
@given(tableaus(), fractions.filter(bool))
def test_scalar_linear_field_of_every_tableau(method, slope):
    s = len(method.b)
    A = sp.Matrix(s, s, lambda i, j: rational(method.A[i][j]))
    b = sp.Matrix([[rational(e) for e in method.b]])
    # R(w) = det(I − wA + w·1·bᵀ)/det(I − wA)  (HLW VI.4; Hairer, Wanner IV.3.2)
    R = sp.Poly((sp.eye(s) - w * A + w * sp.ones(s, 1) * b).det(), w) / sp.Poly(
        (sp.eye(s) - w * A).det(), w
    )
    eq = bea.modified_equation(field=[rational(slope) * x], params=x, order=4, method=method)
    for l, c in enumerate(logarithm(R)[:5]):
        assert eq.corrections[l][0] == sp.expand(c * rational(slope) ** (l + 1) * x)


# --- symmetric methods, and orders -------------------------------------------------------------


@examples(8)
@given(polynomial_fields(most=2))
@pytest.mark.parametrize("method", ["implicit_midpoint", "trapezoidal"])
def test_symmetric_methods_have_even_powers_only(method, problem):
    params, field = problem
    eq = bea.modified_equation(field=field, params=params, order=5, method=method)
    for l in (1, 3, 5):
        assert list(eq.corrections[l]) == [0] * len(params)


@pytest.mark.parametrize(
    ("method", "order"),
    [("midpoint", 2), ("ralston", 2), ("heun", 2), ("kutta3", 3), ("ssprk33", 3), ("rk4", 4),
     ("rk38", 4)],
)  # fmt: skip
def test_a_method_of_order_p_has_its_first_correction_at_p(method, order):
    field = [x * y + y**2, x**2 - y]
    eq = bea.modified_equation(field=field, params=(x, y), order=order, method=method)
    assert all(list(f) == [0, 0] for f in eq.corrections[1:order])
    assert list(eq.corrections[order]) != [0, 0]


# --- examples with a known answer --------------------------------------------------------------


def test_the_oscillator_has_one_term_at_order_7():
    u, v = sp.symbols("u v")
    eq = bea.modified_equation(
        field=[-v / (u**2 + v**2), u / (u**2 + v**2)], params=(u, v), order=7
    )
    assert eq.corrections[7][0] == sp.Rational(7, 24) * u / (u**2 + v**2) ** 8
    assert eq.corrections[7][1] == sp.Rational(7, 24) * v / (u**2 + v**2) ** 8


def test_rk4_on_the_rotation():
    eq = bea.modified_equation(field=[y, -x], params=(x, y), order=4, method="rk4")
    assert list(eq.corrections[4]) == [-y / 120, x / 120]


def test_the_literature_example_of_hlw():
    # HLW IX.1.1: explicit Euler on ẏ = y² has ỹ' = y² − h y³ + 3/2 h² y⁴ − 8/3 h³ y⁵ + 31/6 h⁴ y⁶ …
    eq = bea.modified_equation(field=[x**2], params=x, order=5)
    expected = [1, -1, "3/2", "-8/3", "31/6", "-157/15"]
    assert [f[0] for f in eq.corrections] == [
        sp.Rational(c) * x ** (l + 2) for l, c in enumerate(expected)
    ]


def test_a_root_is_the_identity_at_zero_only_where_its_argument_is_positive():
    r = sp.Symbol("r", positive=True)
    eq = bea.modified_equation(step=lambda t, h: [sp.sqrt(r**2 + 2 * h)], params=r, order=3)
    assert [f[0] for f in eq.corrections] == [1 / r, 0, 0, 0]
    for base in (x, x - 7):
        with pytest.raises(bea.InputError, match=r"sqrt\(.*\).* at h = 0, not x \(at x = -?\d"):
            bea.modified_equation(
                step=lambda t, h, base=base: [sp.sqrt(base**2 + h) + x - base], params=x
            )


@pytest.mark.parametrize(
    ("flow", "field"),
    [
        (lambda h: [x / (1 + h * x)], [-(x**2)]),
        (lambda h: [x * sp.exp(-h)], [-x]),
        (lambda h: [sp.log(sp.exp(x) + h)], [sp.exp(-x)]),
        (lambda h: [sp.asinh(sp.sinh(x) + h)], [1 / sp.sqrt(1 + sp.sinh(x) ** 2)]),
        (lambda h: [(x + sp.tan(h)) / (1 - x * sp.tan(h))], [1 + x**2]),
        (lambda h: [x * sp.cos(h) + y * sp.sin(h), y * sp.cos(h) - x * sp.sin(h)], [y, -x]),
        (lambda h: [x + h * y + h**2 / 2, y + h], [y, sp.Integer(1)]),
        (lambda h: [x, y * sp.exp(h * sp.gamma(x))], [sp.Integer(0), y * sp.gamma(x)]),
        (lambda h: [x, y + h * sp.besselj(0, x)], [sp.Integer(0), sp.besselj(0, x)]),
    ],
)
def test_a_step_that_is_an_exact_flow_has_no_corrections(flow, field):
    params = (x, y)[: len(field)]
    eq = bea.modified_equation(step=lambda theta, h: flow(h), params=params, order=4)
    assert_equal_at(
        [*eq.corrections[0]], field, params, (sp.Rational(3, 5), sp.Rational(6, 5))[: len(params)]
    )
    for f in eq.corrections[1:]:
        assert_equal_at(
            [*f],
            [sp.Integer(0)] * len(field),
            params,
            (sp.Rational(3, 5), sp.Rational(6, 5))[: len(params)],
        )


def test_weight_decay_is_gradient_descent_on_the_sum():
    decay = sp.Symbol("lambda")
    loss = x**4 / 4 + x * y
    g = gradient(loss, (x, y))
    step = bea.modified_equation(
        step=lambda theta, h: [p * (1 - h * decay) - h * d for p, d in zip(theta, g, strict=True)],
        params=(x, y),
        order=3,
    )
    descent = bea.modified_equation(loss=loss + decay * (x**2 + y**2) / 2, params=(x, y), order=3)
    for f, g in zip(step.corrections, descent.corrections, strict=True):
        assert (f - g).expand() == sp.zeros(2, 1)


def test_a_loss_that_contains_the_step_size_is_a_map():
    h = sp.Symbol("h")
    eq = bea.modified_equation(loss=x**2 * (1 - h) / 2, params=x, order=3)
    # θ⁺ = θ(1 − h + h²) and so f̃ = log(1 − h + h²)/h·θ
    expected = sp.series(sp.log(1 - h + h**2), h, 0, 5).removeO().expand()
    assert [f[0] for f in eq.corrections] == [expected.coeff(h, l + 1) * x for l in range(4)]


# --- heavy ball --------------------------------------------------------------------------------


def heavy_ball_fields(loss: sp.Expr, params: tuple, beta: Fraction, order: int) -> list:
    carrier = CoordinatesCarrier(algebra_for(params, [loss]))
    minus_gradient = carrier.column([-g for g in gradient(loss, params)])
    fields = modified_fields(
        carrier, {1: minus_gradient}.get, weight=lambda n: 1 + beta * (-1) ** n
    )
    return [carrier.matrix(f) for f in islice(fields, order + 1)]


@given(
    polynomial_losses(most=2), st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(-1, 3)])
)
def test_heavy_ball_recurrence_holds_on_the_slow_manifold(problem, beta):
    params, loss = problem
    p = ORDER[len(params)] - 1
    fields = heavy_ball_fields(loss, params, beta, p)
    space = SeriesSpace(params, p + 1)
    after, before = space.flow(fields, time=1), space.flow(fields, time=-1)
    for theta, plus, minus, g in zip(
        space.identity, after, before, gradient(loss, params), strict=True
    ):
        # θ(h) − θ − β(θ − θ(−h)) = −h∇E(θ)
        left = plus - theta - (theta - minus).scaled(beta)
        right = space.polynomial(-g, space.identity).times_h()
        assert left.coefficients == right.coefficients


def test_heavy_ball_modified_loss_of_order_1():
    beta, h = Fraction(9, 10), sp.Symbol("h")
    B = rational(beta)
    loss = x**3 * y - x * y + y**2
    fields = heavy_ball_fields(loss, (x, y), beta, 1)
    square = sum(g**2 for g in gradient(loss, (x, y)))
    modified = loss / (1 - B) + h * (1 + B) / (4 * (1 - B) ** 3) * square
    field = fields[0] + h * fields[1]
    assert (field + sp.Matrix(gradient(modified, (x, y)))).expand() == sp.zeros(2, 1)


def test_heavy_ball_on_a_quadratic_is_the_root_of_its_characteristic_polynomial():
    beta, h = Fraction(1, 2), sp.Symbol("h")
    B = rational(beta)
    # ρ² − (1 + β − h)ρ + β = 0 for E = θ²/2; the root that is 1 at h = 0; f̃ = log ρ/h·θ
    rho = ((1 + B - h) + sp.sqrt((1 + B - h) ** 2 - 4 * B)) / 2
    expected = sp.expand(sp.series(sp.log(rho), h, 0, 5).removeO())
    fields = heavy_ball_fields(x**2 / 2, (x,), beta, 3)
    assert [f[0] for f in fields] == [expected.coeff(h, l + 1) * x for l in range(4)]


# --- the paper's formula at its word -----------------------------------------------------------


def two_parameter_model() -> tuple:
    a, b = sp.symbols("a b")
    return (a, b), (sp.Rational(3, 5) - a * b) ** 2 / 2


def test_the_literal_formula_leaves_the_truth_at_f_3():
    params, loss = two_parameter_model()
    eq = bea.modified_equation(loss=loss, params=params, order=3)
    literal = eq.literal_corrections()
    assert literal[:3] == eq.corrections[:3]
    assert literal[3] != eq.corrections[3]
    space = SeriesSpace(params, 4)
    step = space.runge_kutta(eq.corrections[0], [[Fraction(0)]], [Fraction(1)])
    assert_same_series(space, space.flow(eq.corrections), step)
    with pytest.raises(AssertionError):
        assert_same_series(space, space.flow(literal), step)


def test_the_literal_formula_is_what_the_paper_prints():
    # (A.11) with (A.14): f_3 = −(L_{2,2}/2 + L_{3,1}/6 + L_{4,0}/24), d/dt along f_0
    params, loss = two_parameter_model()
    f = [sp.Matrix([-g for g in gradient(loss, params)])]

    def half_gradient(k: int) -> sp.Matrix:
        product = sum((f[i].T * f[k - i])[0] for i in range(k + 1)) / 2
        return sp.Matrix(gradient(product, params))

    def d_dt(g: sp.Matrix) -> sp.Matrix:
        return g.jacobian(params) * f[0]

    f.append(-half_gradient(0) / 2)
    f.append(-half_gradient(1) / 2 - d_dt(half_gradient(0)) / 6)
    f.append(-half_gradient(2) / 2 - d_dt(half_gradient(1)) / 6 - d_dt(d_dt(half_gradient(0))) / 24)
    eq = bea.modified_equation(loss=loss, params=params, order=3)
    for ours, theirs in zip(eq.literal_corrections(), f, strict=True):
        assert (ours - theirs).expand() == sp.zeros(2, 1)


def test_the_literal_formula_is_wrong_at_f_1_for_the_rotation():
    eq = bea.modified_equation(field=[y, -x], params=(x, y), order=1)
    assert list(eq.literal_corrections()[1]) == [-x / 2, -y / 2]
    assert list(eq.corrections[1]) == [x / 2, y / 2]


def test_literal_fields_begin_with_the_field_itself():
    carrier = CoordinatesCarrier(algebra_for((x,), [x**2]))
    f = carrier.column([x**2])
    assert next(literal_fields(carrier, f)) is f


# --- the recursion as a program ----------------------------------------------------------------


class Counting:
    """Scalar fields c·θ^n as {n: c}, which counts how often it differentiates."""

    def __init__(self) -> None:
        self.derivatives = 0

    def combine(self, terms):
        total: dict[int, Fraction] = {}
        for c, g in terms:
            for n, coefficient in g.items():
                total[n] = total.get(n, Fraction(0)) + c * coefficient
        return total

    def derive(self, g, along):
        self.derivatives += 1
        total: dict[int, Fraction] = {}
        for n, c in g.items():
            for m, d in along.items():
                total[n + m - 1] = total.get(n + m - 1, Fraction(0)) + n * c * d
        return total


def test_every_L_is_computed_once():
    carrier = Counting()
    fields = modified_fields(carrier, {1: {2: Fraction(1)}}.get)
    list(islice(fields, 8))
    # L_{n,k} takes k + 1 derivatives; f_l needs those with n ≥ 2 and n + k = l + 1.
    needed = sum(l + 1 - n + 1 for l in range(8) for n in range(2, l + 2))
    assert carrier.derivatives == needed


def test_corrections_come_one_at_a_time():
    carrier = Counting()
    fields = modified_fields(carrier, {1: {2: Fraction(1)}}.get)
    next(fields)
    assert carrier.derivatives == 0


def test_a_wider_table_is_the_same_as_repeated_derivatives():
    # L_{n,k} = [h^k] D_v^{n−1} g with v = θ + hθ², g = θ³ + hθ
    one = Fraction(1)
    v = [{1: one}, {2: one}]
    g = [{3: one}, {1: one}]
    L = LieDerivatives(
        Counting(),
        field=lambda i: v[i] if i < 2 else {},
        seed=lambda k: g[k] if k < 2 else None,
    )
    h = sp.Symbol("h")
    expected = x**3 + h * x
    for n in range(1, 5):
        poly = sp.Poly(expected, x, h)
        for k in range(5):
            ours = {m: c for m, c in (L(n, k) or {}).items() if c}
            theirs = {m[0]: c for m, c in poly.terms() if m[1] == k and c}
            assert ours == {m: Fraction(int(c)) for m, c in theirs.items()}
        expected = sp.diff(expected, x) * (x + h * x**2)


def test_nothing_is_computed_where_there_is_nothing_to_derive():
    """Zero is None: the derivatives of no field, and the shift of a stage that stands at θ."""
    carrier = Counting()
    f = {2: Fraction(1)}
    L = LieDerivatives(carrier, field=lambda i: f, seed=lambda k: None)
    assert [L(n, k) for n in (1, 2, 3) for k in (0, 1)] == [None] * 6
    step = RungeKuttaStep(
        carrier, lambda n: f if n == 0 else None, bea.ButcherTableau([[0, 0], [1, 0]], [0, 1])
    )
    assert [step.shift(0, n) for n in range(4)] == [None] * 4
    assert step.shift(1, 0) is None
    euler = step_coefficients(carrier, f, bea.METHODS["euler"])
    assert [euler(j) for j in (1, 2, 3)] == [f, None, None]
    assert carrier.derivatives == 0
    assert step.shift(1, 1) == {3: 2}  # f(θ + hf) = f + h f'f + …


def test_step_coefficients_begins_with_the_field():
    carrier = Counting()
    f = {2: Fraction(1)}
    half = Fraction(1, 2)
    d = step_coefficients(carrier, f, bea.ButcherTableau([[half]], [1]))
    # implicit midpoint on θ̇ = θ²: k = f + h/2 f'f + h²(1/4 f'f'f + 1/8 f''(f,f)) + …
    assert d(1) == f
    assert d(2) == {3: Fraction(1)}
    assert d(3) == {4: Fraction(1) + Fraction(1, 4)}
