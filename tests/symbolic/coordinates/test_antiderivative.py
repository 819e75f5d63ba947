"""Modified losses: an antiderivative where there is one, the obstruction where there is none."""

from __future__ import annotations

import warnings
from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import bea
from bea.symbolic import modified_loss
from bea.symbolic.coordinates import antiderivative
from bea.symbolic.coordinates.carrier import CoordinatesCarrier, algebra_for
from tests.quick import quick
from tests.symbolic.strategies import examples, functions

a, b, c, x, y, z, h = sp.symbols("a b c x y z h")


def assert_modified_loss(eq: bea.ModifiedEquation) -> sp.Expr:
    """−∇Ẽ is the vector field: as an expression, or to 30 digits at three points."""
    modified = eq.modified_loss()
    for p, component in zip(eq.params, eq.vector_field(), strict=True):
        difference = sp.expand(sp.diff(modified, p) + component)
        if difference == 0:
            continue
        symbols = sorted(difference.free_symbols, key=str)
        for k in range(3):
            point = {s: sp.Rational(3 + 2 * i + 5 * k, 17) for i, s in enumerate(symbols)}
            value = sp.N(difference.subs(point), 30)
            scale = max(abs(sp.N(t.subs(point), 30)) for t in sp.Add.make_args(difference))
            assert abs(value) < sp.Float("1e-25") * scale
    return modified


coefficients = st.fractions(-3, 3, max_denominator=4).map(
    lambda q: sp.Rational(q.numerator, q.denominator)
)


@settings(max_examples=6)
@given(st.lists(coefficients, min_size=9, max_size=9))
def test_quadratic_losses_have_one_to_every_order(q):
    loss = (
        q[0] * x**2 + q[1] * y**2 + q[2] * z**2 + q[3] * x * y + q[4] * y * z + q[5] * x * z
        + q[6] * x + q[7] * y + q[8] * z + x + y + z
    )  # fmt: skip
    eq = bea.modified_equation(loss=loss + c * (x - y) ** 2, params=(x, y, z), order=3)
    assert all(eq.is_gradient(l) for l in range(4))
    assert_modified_loss(eq)


@pytest.mark.parametrize(
    "loss",
    [
        (x**2 - 1) ** 2 / 4,
        sp.cosh(x),
        sp.log(1 + sp.exp(x)),
        sp.sin(x) + c * x**2,
        sp.exp(-(x**2)),
        sp.log(1 + x**2),
        x - sp.log(x),
        sp.sqrt(1 + x**2),
        sp.log(sp.cosh(x)),
        x * sp.atan(x),
        x * sp.sin(x),
        1 / (1 + x**2),
        x ** sp.Rational(5, 2),
        sp.exp(x) + sp.exp(-2 * x),
        sp.tanh(x) ** 2,
        2**x,
        x**c,
    ],
    ids=str,
)
def test_one_parameter_losses_in_closed_form(loss):
    eq = bea.modified_equation(loss=loss, params=[x], order=3)
    assert not assert_modified_loss(eq).has(sp.Integral)


@pytest.mark.parametrize("loss", [x * sp.erf(x), sp.exp(x) * sp.log(x), x * sp.tanh(x)], ids=str)
def test_integrals_that_are_not_elementary_stand(loss):
    eq = bea.modified_equation(loss=loss, params=[x], order=2)
    modified = eq.modified_loss()
    assert modified.has(sp.Integral)
    difference = sp.diff(modified, x) + eq.vector_field()[0]
    value = sp.N(difference.doit().subs({x: sp.Rational(2, 3), h: sp.Rational(1, 5)}), 30)
    assert abs(value) < 1e-25


def test_an_integral_that_stands_is_over_its_parameter():
    eq = bea.modified_equation(field=[sp.exp(c * x) / x, y], params=(x, y), order=0)
    (integral,) = eq.modified_loss().atoms(sp.Integral)
    assert integral.limits == ((x,),)
    assert sp.expand(sp.diff(eq.modified_loss(), x) + sp.exp(c * x) / x) == 0


@pytest.mark.parametrize(
    ("slope", "loss"),
    [
        (1 / (x * sp.log(x)), sp.log(sp.log(x))),
        (sp.exp(x) / (1 + sp.exp(x)), sp.log(1 + sp.exp(x))),
        (1 / (x * (c + sp.log(x))), sp.log(c + sp.log(x))),
        (sp.exp(c * x) / (1 + sp.exp(c * x)), sp.log(1 + sp.exp(c * x)) / c),
        (sp.exp(c * x) + 1 / (x * sp.log(x)), sp.exp(c * x) / c + sp.log(sp.log(x))),
    ],
    ids=str,
)
def test_an_antiderivative_may_bring_in_a_logarithm(slope, loss):
    eq = bea.modified_equation(field=[-slope], params=[x], order=0)
    assert sp.expand(eq.modified_loss() - loss) == 0


def test_one_variable_may_have_a_ring_where_all_together_have_none():
    loss = sp.sqrt(x) ** 3 * (sp.log(x) - sp.Rational(2, 3)) * sp.Rational(2, 3)
    eq = bea.modified_equation(
        field=[-sp.sqrt(x) * sp.log(x), -sp.gamma(y)], params=(x, y), order=0
    )
    modified = eq.modified_loss()
    assert sp.expand(modified - loss + sp.Integral(-sp.gamma(y), y)) == 0


@pytest.mark.filterwarnings("ignore:the field does not depend on the parameter y")
def test_a_variable_that_adds_nothing_does_not_hide_the_next():
    eq = bea.modified_equation(field=[-sp.gamma(x), 0, -2 * z], params=(x, y, z), order=0)
    assert sp.expand(eq.modified_loss() + sp.Integral(-sp.gamma(x), x) - z**2) == 0


def test_an_antiderivative_of_roots_may_bring_in_an_arctangent():
    eq = bea.modified_equation(field=[-sp.sqrt(x) / (1 + x)], params=[x], order=0)
    assert sp.expand(eq.modified_loss() - 2 * sp.sqrt(x) + 2 * sp.atan(sp.sqrt(x))) == 0


def test_a_wrong_antiderivative_is_not_believed(monkeypatch):
    """SymPy has its errors: what it gives is differentiated, and must be real."""
    carrier = CoordinatesCarrier(algebra_for((x,), [sp.log(x)]))
    primitive = x * sp.log(x) - x
    monkeypatch.setattr(antiderivative, "_in_ring", lambda *args: None)
    for F, used in ((primitive, True), (2 * primitive, False), (primitive + sp.I, False)):
        monkeypatch.setattr(antiderivative, "risch_integrate", lambda f, s, F=F: F)
        found = antiderivative.antiderivative(carrier, carrier.column([sp.log(x)]))
        assert found == (primitive if used else sp.Integral(sp.log(x), x))


def test_functions_without_a_rule():
    for loss in (sp.gamma(x), sp.Function("V")(x)):
        eq = bea.modified_equation(loss=loss, params=[x], order=2)
        difference = sp.diff(eq.modified_loss(), x) + eq.vector_field()[0]
        assert sp.expand(difference.doit()) == 0
    V = sp.Function("V")(x, y)
    eq = bea.modified_equation(loss=V, params=(x, y), order=1)
    assert sp.expand(eq.modified_loss() - V - h / 4 * (V.diff(x) ** 2 + V.diff(y) ** 2)) == 0


def test_separable_losses_have_one_to_every_order():
    loss = sp.cosh(x) + y**4 + sp.exp(-z) * c + sp.log(1 + y**2)
    eq = bea.modified_equation(loss=loss, params=(x, y, z), order=3)
    assert not assert_modified_loss(eq).has(sp.Integral)


@pytest.mark.parametrize("method", ["euler", "implicit_euler", "heun", "implicit_midpoint", "rk4"])
def test_order_one_of_every_method(method):
    loss = sp.exp(a * b) + sp.log(1 + a**2 + b**2)
    assert_modified_loss(bea.modified_equation(loss=loss, params=(a, b), order=1, method=method))


@examples(25)
@given(functions(2, (x, y)))
def test_order_one_of_every_loss_is_a_gradient(loss):
    """∂_i f_j − ∂_j f_i is found to vanish whatever functions the loss is made of."""
    loss += x**2 * y
    try:
        eq = bea.modified_equation(loss=loss, params=(x, y), order=1)
    except bea.InputError:  # 1/0, or √(−2)
        reject()
    assert eq.is_gradient(0)
    assert eq.is_gradient(1)
    square = sum(sp.diff(loss, p) ** 2 for p in (x, y)) / 4
    point = {x: sp.Rational(7, 10), y: sp.Rational(13, 10), a: sp.Rational(8, 5)}
    difference = (eq.modified_loss() - loss - h * square).subs(point)
    assert abs(sp.N(difference.subs(h, 1), 20)) <= 1e-12 * (1 + abs(sp.N(square.subs(point), 20)))


def test_order_one_is_the_theorem():
    loss = (y - a * b * x) ** 2 / 2
    eq = bea.modified_equation(loss=loss, params=(a, b), order=1)
    square = sp.diff(loss, a) ** 2 + sp.diff(loss, b) ** 2
    assert sp.expand(eq.modified_loss() - loss - h / 4 * square) == 0
    assert eq.modified_loss(order=0) == loss  # the loss as it was given, not an integral of it


@pytest.mark.parametrize("denominator", range(1, 8))
@pytest.mark.parametrize("sign", [1, -1])
def test_multiples_of_the_acceleration_are_gradients_of_half_a_square(sign, denominator):
    """κ f'f = ∇(κ/2 |f|²), for the κ that first corrections have; others go other ways."""
    loss = sp.exp(a * b) + a**2
    f = [-sp.diff(loss, p) for p in (a, b)]
    carrier = CoordinatesCarrier(algebra_for((a, b), f))
    column = carrier.column(f)
    kappa = Fraction(sign, denominator)
    g = carrier.combine([(kappa, carrier.derive(column, along=column))])
    found = modified_loss.half_square(carrier, column, g)
    if denominator in (5, 7):
        assert found is None
    else:
        square = sp.Rational(sign, 2 * denominator) * (f[0] ** 2 + f[1] ** 2)
        assert sp.expand(found - square) == 0


def test_the_2d_model_has_none_of_order_two():
    eq = bea.modified_equation(loss=(y - a * b * x) ** 2 / 2, params=(a, b), order=3)
    assert [eq.is_gradient(l) for l in range(4)] == [True, True, False, False]
    with pytest.raises(bea.NotAGradientError) as caught:
        eq.modified_loss(order=3)
    f = eq.corrections[2]
    curl = sp.diff(f[1], a) - sp.diff(f[0], b)
    assert caught.value.order == 2
    assert sp.expand(caught.value.curl[0, 1] - curl) == 0
    assert caught.value.curl == -caught.value.curl.T == eq.curl(2)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("f_2 is not a gradient: ∂f_b/∂a − ∂f_a/∂b = ")
    assert str(curl.expand()) in message
    assert "modified_loss(order=1) exists" in message
    assert message.endswith("preconditioner(2)")


def test_a_field_that_is_no_gradient_has_no_loss_at_all():
    eq = bea.modified_equation(field=[y, -x], params=(x, y), order=1)
    assert eq.curl(0) == sp.Matrix([[0, -2], [2, 0]])
    with pytest.raises(bea.NotAGradientError, match="the field itself is no gradient"):
        eq.modified_loss()


@examples(20)
@given(
    st.tuples(coefficients, coefficients, coefficients),
    st.sampled_from(["euler", "implicit_euler", "heun", "implicit_midpoint", "a step"]),
)
def test_corrections_may_be_gradients_where_the_field_is_none(entries, method):
    """A² is a multiple of I for A = ((a, b), (c, −a)): f_1 and f_3 are gradients."""
    p, q, r = entries
    field = [p * x + q * y, r * x - p * y]
    if method == "a step":
        eq = bea.modified_equation(
            step=lambda v, h: [v[0] + h * field[0], v[1] + h * field[1]], params=(x, y), order=3
        )
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            eq = bea.modified_equation(field=field, params=(x, y), order=3, method=method)
    for l in (1, 3):
        term = eq.modified_loss_term(l)
        gradient = [sp.diff(term, v) for v in (x, y)]
        assert [sp.expand(g + c) for g, c in zip(gradient, eq.corrections[l], strict=True)] == [
            0,
            0,
        ]


def test_a_field_that_is_a_gradient_has_a_loss():
    loss = x**2 * sp.exp(y) + sp.sin(x * y) + y**3
    field = [-sp.diff(loss, p) for p in (x, y)]
    eq = bea.modified_equation(field=field, params=(x, y), order=1)
    assert_modified_loss(eq)
    assert sp.diff(sp.expand(eq.modified_loss(order=0) - loss), x) == 0


def test_a_zero_that_only_values_show():
    """log(xy) beside log x and log y: a curl that vanishes, though its normal form does not."""
    f = sp.log(x * y) - sp.log(x) - sp.log(y)  # zero for x, y > 0, whatever it is multiplied by
    eq = bea.modified_equation(field=[-x + y * f, -y + sp.exp(y) * f], params=(x, y), order=0)
    assert eq.is_gradient(0)
    assert not bea.modified_equation(
        field=[-x + y * sp.log(x * y), -y + x * sp.log(x * y) * y], params=(x, y), order=0
    ).is_gradient(0)


def test_a_curl_too_small_for_float64_is_seen():
    tiny = sp.Rational(1, 10**30)
    eq = bea.modified_equation(
        field=[-sp.log(1 + x**2) + tiny * y, -sp.atan(y)], params=(x, y), order=0
    )
    assert not eq.is_gradient(0)
    assert mpmath.mpf(str(eq.curl(0)[1, 0].evalf())) == mpmath.mpf("1e-30")


@pytest.mark.parametrize(
    "loss",
    [
        sp.LambertW(x), sp.Si(x), sp.Ci(x), x * sp.Ei(x), sp.sqrt(x) * sp.exp(x), sp.atan(x) ** 2,
        1 / (1 + x**3), 1 / (1 + x**5), 1 / (1 + x + x**5), 1 / sp.log(x),
    ],
    ids=str,
)  # fmt: skip
def test_no_search_for_an_antiderivative_goes_on_for_long(loss):
    """With SymPy's heuristics left to themselves each of these took from minutes to hours."""
    eq = bea.modified_equation(loss=loss, params=[x], order=3)
    modified = eq.modified_loss()
    assert not modified.has(sp.I)
    difference = sp.diff(modified, x) + eq.vector_field()[0]
    value = sp.N(difference.doit().subs({x: sp.Rational(2, 3), h: sp.Rational(1, 5)}), 30)
    assert abs(value) < 1e-20


def test_angles_are_real():
    eq = bea.modified_equation(
        field=[-y / (x**2 + y**2), x / (x**2 + y**2)], params=(x, y), order=0
    )
    assert not assert_modified_loss(eq).has(sp.I)


def test_an_integral_along_a_ray_begins_where_the_field_is_finite():
    F = sp.gamma(x * y) / x
    eq = bea.modified_equation(field=[-sp.diff(F, p) for p in (x, y)], params=(x, y), order=0)
    modified = eq.modified_loss()
    assert modified.has(sp.Integral)
    (integral,) = modified.atoms(sp.Integral)
    (s, low, high) = integral.limits[0]
    integrand = sp.lambdify(s, integral.function.subs({x: 1.5, y: 1.25}), modules="mpmath")
    value = (modified / integral) * mpmath.quad(integrand, [low, high])
    assert abs(value - (F.subs({x: 1.5, y: 1.25}) - F.subs({x: 1, y: 1}))) < 1e-10


@pytest.mark.parametrize(
    ("component", "start"),
    [
        (sp.cos(x), "0"),
        (1 / x, "1"),
        (sp.sin(x) / x, "1"),  # 0/0
        (sp.erfinv(1 - x), "1"),  # ∞
        (sp.LambertW(x, -1), "1"),  # −∞
        (1 / (x * (x - 1)), "1/2"),
        (1 / (x * (x - 1) * (2 * x - 1)), "2"),
        (1 / (x * (x - 1) * (2 * x - 1) * (x - 2)), "3/7"),
    ],
    ids=str,
)
def test_the_first_of_a_few_points_where_a_field_is_finite(component, start):
    assert antiderivative._finite_at([y**2, component], (x, y)) == sp.Rational(start)


@pytest.mark.parametrize(
    ("slope", "loss"),
    [
        (sp.exp(a * x) + sp.cos(c * x), sp.exp(a * x) / a + sp.sin(c * x) / c),
        (a**x + c**x, a**x / sp.log(a) + c**x / sp.log(c)),
    ],
    ids=str,
)
def test_several_constants_are_divided_by(slope, loss):
    eq = bea.modified_equation(field=[-slope], params=[x], order=0)
    assert sp.expand(eq.modified_loss() - loss) == 0


def test_constants_are_divided_by():
    eq = bea.modified_equation(loss=sp.exp(a * x) + 2**x / c + x**c, params=[x], order=1)
    assert_modified_loss(eq)
    eq = bea.modified_equation(field=[sp.exp(a * x) * x, sp.sin(c * y)], params=(x, y), order=0)
    assert not assert_modified_loss(eq).has(sp.Integral)


LONG_SEARCHES = {
    "wells and a symbol": (
        {"loss": "1/(1 + x**2) - 2/(1 + 2*(x - 3)**2) + 1/(1 + q*(x - 4)**2) + 1/(1 + (x - 5)**2)"},
        "x", 2,
    ),
    "a symbol in a square": ({"loss": "(q*y + 1.02)**2/(1 + (2.2131*y + 1.02)**2)"}, "x, y", 2),
    "three variables in one": ({"loss": "atan(x**2 + y**2 + z**2)"}, "x, y, z", 2),
    "decimals in one": ({"loss": "atan(0.53*x - 0.731*y + z - 5/3)"}, "x, y, z", 2),
    "three logistic terms": (
        {"field": [f"-sigmoid(x + 1.073*y){'*1.073' * i} - sigmoid(x - y/10){'*(-1/10)' * i} "
                   f"- sigmoid(x + 0.719*y){'*0.719' * i}" for i in (0, 1)]},
        "x, y", 1,
    ),
    "roots in two variables": (
        {"field": ["(2 - x/2)/((x - 4)**2/2 + 2*(y - 5)**2)**(3/2) - (2*x + 8)/((x + 4)**2 + y**2)",
                   "(10 - 2*y)/((x - 4)**2/2 + 2*(y - 5)**2)**(3/2) - 2*y/((x + 4)**2 + y**2)"]},
        "x, y", 1,
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the loss does not depend")
@pytest.mark.parametrize("name", quick(LONG_SEARCHES, list(LONG_SEARCHES)[::3]))
def test_the_search_for_an_antiderivative_is_bounded(name):
    """Each of these took minutes, one of them all of the memory; a closed form is right."""
    given, params, order = LONG_SEARCHES[name]
    eq = bea.modified_equation(**given, params=params, order=order)
    modified = eq.modified_loss(order)
    if modified.has(sp.Integral):  # along a ray, whose slope SymPy would take a minute to evaluate
        return
    values = {s: sp.Rational(3 + i, 7) for i, s in enumerate((*eq.params, *eq.constants))}
    values[eq.step_size] = sp.Rational(1, 5)
    slope = sp.diff(modified, eq.params[-1])
    assert abs(sp.N((slope + eq.vector_field()[-1]).subs(values), 20)) < 1e-12
