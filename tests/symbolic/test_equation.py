"""`modified_equation` and what it returns: names, forms of input, and one-line errors."""

from __future__ import annotations

import warnings

import mpmath
import numpy as np
import pytest
import sympy as sp

import bea

a, b, c, x, y, h = sp.symbols("a b c x y h")


def test_attributes():
    loss = (y - a * b * x) ** 2 / 2
    eq = bea.modified_equation(loss=loss, params=(a, b), order=2)
    assert eq.params == (a, b)
    assert eq.step_size == h
    assert eq.order == 2
    assert eq.loss == loss
    assert eq.constants == (x, y)
    assert eq.method == bea.METHODS["euler"]
    assert len(eq.corrections) == 3
    assert all(f.shape == (2, 1) for f in eq.corrections)
    assert eq.corrections[0] == sp.Matrix([sp.expand(-sp.diff(loss, p)) for p in (a, b)])


def test_vector_field_is_the_sum():
    eq = bea.modified_equation(loss=a**3 * b, params=(a, b), order=3)
    for p in range(4):
        total = sum((h**l * eq.corrections[l] for l in range(p + 1)), sp.zeros(2, 1))
        assert sp.expand(eq.vector_field(order=p) - total) == sp.zeros(2, 1)
    assert eq.vector_field() == eq.vector_field(order=3)


def test_curl_is_what_it_says():
    field = [x * y**2, sp.exp(x) - y]
    eq = bea.modified_equation(field=field, params=(x, y), order=1)
    for l, f in enumerate(eq.corrections):
        curl = sp.diff(f[1], x) - sp.diff(f[0], y)
        assert sp.expand(eq.curl(l) - sp.Matrix([[0, curl], [-curl, 0]])) == sp.zeros(2, 2)
        assert not eq.is_gradient(l)


def test_text_and_symbols_are_the_same_input():
    by_symbols = bea.modified_equation(loss=(y - a * b * x) ** 2 / 2, params=(a, b), order=2)
    by_text = bea.modified_equation(loss="(y - a*b*x)**2/2", params="a, b", order=2)
    by_names = bea.modified_equation(loss="(y - a*b*x)**2/2", params=["a", b], order=2)
    assert by_text.corrections == by_symbols.corrections == by_names.corrections


def test_floats_mean_their_decimals():
    eq = bea.modified_equation(loss=(0.6 - a) ** 2 / 2 + 1e-3 * a**3, params=[a], order=0)
    assert eq.corrections[0][0] == sp.Rational(3, 5) - a - sp.Rational(3, 1000) * a**2


def test_assumptions_on_a_symbol_do_not_split_it():
    positive = sp.Symbol("a", positive=True)
    eq = bea.modified_equation(loss=positive**2 * b, params=("a", "b"), order=0)
    assert eq.corrections[0] == sp.Matrix([-2 * a * b, -(a**2)])


def test_assumptions_do_not_split_a_symbol_of_several_components_or_values():
    plain, positive = sp.Symbol("c"), sp.Symbol("c", positive=True)
    eq = bea.modified_equation(field=[plain * b, positive * a + positive], params=(a, b), order=1)
    assert len(eq.constants) == 1
    (c,) = eq.constants
    assert sp.expand(eq.corrections[1] + sp.Matrix([c * (c * a + c), c * c * b]) / 2).is_zero_matrix
    given = bea.modified_equation(loss="p*a**4 + q*a + c*a**2", params="a", order=0)
    assert given.subs({"p": positive, "q": plain}).constants == given.constants[:1]


def test_the_step_size_may_have_another_name():
    eta = sp.Symbol("eta")
    eq = bea.modified_equation(loss=h * a**2, params=[a], order=1, step_size=eta)
    assert eq.step_size == eta
    assert eq.constants == (h,)
    assert sp.expand(eq.vector_field()[0] + 2 * a * h + 2 * eta * a * h**2) == 0


def test_a_loss_with_the_step_size_cancels_its_own_regularization():
    """Gradient descent on E − (h/4)|∇E|² has no correction of first order."""
    E = a**2 * b + b**2
    square = sp.diff(E, a) ** 2 + sp.diff(E, b) ** 2
    eq = bea.modified_equation(loss=E - h / 4 * square, params=(a, b), order=2)
    assert sp.expand(eq.corrections[0] + sp.Matrix([2 * a * b, a**2 + 2 * b])) == sp.zeros(2, 1)
    assert eq.corrections[1] == sp.zeros(2, 1)
    assert eq.corrections[2] != sp.zeros(2, 1)


def test_a_step_is_called_with_the_symbols():
    seen = []

    def step(theta, size):
        seen.append((theta, size))
        return [theta[0] + size * theta[0] ** 2]

    eq = bea.modified_equation(step=step, params=[x], order=2)
    assert seen == [((x,), h)]
    assert eq.method is None
    euler = bea.modified_equation(field=[x**2], params=[x], order=2)
    assert eq.corrections == euler.corrections


def test_steps_of_two_player_games():
    """Alternating updates of min_x max_y xy: symplectic Euler, so area-preserving, trace f' = 0."""

    def alternate(theta, size):
        u, v = theta
        u_new = u - size * v
        return [u_new, v + size * u_new]

    eq = bea.modified_equation(step=alternate, params=(x, y), order=4)
    for f in eq.corrections:
        assert sp.expand(f.jacobian([x, y]).trace()) == 0


def test_extended_and_subs():
    eq = bea.modified_equation(loss=(y - a * b * x) ** 2 / 2, params=(a, b), order=1)
    longer = eq.extended(4)
    assert longer.order == 4
    assert longer.corrections[:2] == eq.corrections
    assert longer.extended(0).corrections == eq.corrections[:1]
    numbers = longer.subs({x: 1, "y": 0.6})
    assert numbers.constants == ()
    for f, g in zip(numbers.corrections, longer.corrections, strict=True):
        assert sp.expand(f - g.subs({x: 1, y: sp.Rational(3, 5)})) == sp.zeros(2, 1)


def test_numbers_may_be_put_into_a_step_and_a_field():
    def euler(theta, size):
        return [theta[0] + size * (c * theta[0] + theta[1]), theta[1] - size * c * theta[0]]

    step = bea.modified_equation(step=euler, params=(a, b), order=2)
    field = bea.modified_equation(field=[c * a + b, -c * a], params=(a, b), order=2)
    third = sp.Rational(1, 3)
    for eq in (step, field):
        numbers = eq.subs({c: third})
        assert numbers.constants == ()
        assert numbers.corrections == tuple(f.subs(c, third) for f in eq.corrections)
    assert step.subs({c: third}).corrections == field.subs({c: third}).corrections


def test_whole_numbers_of_other_libraries_are_orders():
    eq = bea.modified_equation(loss=a**2, params=[a], order=sp.Integer(2))
    assert eq.order == 2 and type(eq.order) is int
    assert eq.extended(np.int64(3)).vector_field(np.int32(1)) == eq.vector_field(order=1)


def test_the_step_size_for_a_constant_makes_a_map():
    eq = bea.modified_equation(loss=c * a**2 / 2, params=[a], order=2).subs({c: 1 - h})
    direct = bea.modified_equation(loss=(1 - h) * a**2 / 2, params=[a], order=2)
    assert eq.corrections == direct.corrections
    assert eq.corrections[1][0] == a / 2  # log(1 − h + h²)/h = −1 + h/2 + …


def test_constants_may_change_places():
    eq = bea.modified_equation(loss="c*a**2 + k*a**4", params="a", order=1)
    swapped = bea.modified_equation(loss="k*a**2 + c*a**4", params="a", order=1)
    assert eq.subs({"c": "k", "k": "c"}).corrections == swapped.corrections
    tableau = bea.ButcherTableau([[0, 0], ["r", 0]], ["1 - s", "s"])
    turned = bea.ButcherTableau([[0, 0], ["s", 0]], ["1 - r", "r"])
    assert tableau.subs({"r": "s", "s": "r"}) == turned


def test_a_loss_with_the_step_size_in_it_is_a_series_in_it():
    eq = bea.modified_equation(loss=(1 - h) * a**2 / 2, params=[a], order=1)
    assert eq.loss == (1 - h) * a**2 / 2 and str(eq.loss) in repr(eq)
    assert [f[0] for f in eq.corrections] == [-a, a / 2]
    assert sp.expand(eq.modified_loss() - a**2 / 2 + h * a**2 / 4) == 0
    with pytest.raises(bea.InputError, match="of a Runge–Kutta method on a loss"):
        eq.preconditioner()


def test_what_is_put_in_for_a_constant_is_read_like_the_input():
    eq = bea.modified_equation(loss=c * a**2 / 2, params=[a], order=0)
    assert eq.subs({c: 0.6}).loss == sp.Rational(3, 10) * a**2
    assert eq.subs({"c": "1/3 + b"}).constants == (b,)
    with pytest.raises(bea.InputError, match="value of c"):
        eq.subs({"c": "__import__('os')"})
    with pytest.raises(bea.NotSmoothError, match="Abs"):
        eq.subs({"c": sp.Abs(a)})


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"loss": a**2}, "gradient descent on E = a**2"),
        ({"loss": a**2, "method": "rk4"}, "rk4 on the gradient flow of E = a**2"),
        ({"field": [-a]}, "euler on f = (-a)"),
        ({"field": [b, -a], "params": (a, b), "method": "heun"}, "heun on f = (b, -a)"),
        ({"step": lambda theta, size: theta}, "the given step"),
    ],
    ids=["descent", "method", "field", "method on a field", "step"],
)
def test_an_equation_says_of_which_method_on_what_it_is(given, title):
    eq = bea.modified_equation(**{"params": [a], "order": 0, **given})
    assert str(eq).splitlines()[0] == f"Modified equation of {title}"


def test_repr_text_and_latex():
    eq = bea.modified_equation(loss=a**2 / 2, params=[a], order=1)
    assert repr(eq) == ("<modified equation of order 1 in a for gradient descent on E = a**2/2>")
    assert str(eq).splitlines() == [
        "Modified equation of gradient descent on E = a**2/2",
        "d(a)/dt = f_0 + h f_1",
        "",
        "f_0[a] = -a",
        "",
        "f_1[a] = -a/2",
        "",
        "modified loss of order 1: a**2*h/4 + a**2/2",
    ]
    assert eq.latex() == (
        "\\begin{aligned}\n"
        "\\frac{d}{dt} \\left[\\begin{matrix}a\\end{matrix}\\right] &= f_0 + h f_1 \\\\\n"
        "f_{0} &= \\left[\\begin{matrix}- a\\end{matrix}\\right] \\\\\n"
        "f_{1} &= \\left[\\begin{matrix}- \\frac{a}{2}\\end{matrix}\\right]\n"
        "\\end{aligned}"
    )
    assert eq._repr_latex_() == f"$\\displaystyle {eq.latex()}$"


def test_an_interrupted_derivation_can_be_asked_again(monkeypatch):
    from bea.symbolic.coordinates.carrier import CoordinatesCarrier

    eq = bea.modified_equation(loss=a**4 * b, params=(a, b), order=3)
    honest, calls = CoordinatesCarrier.derive, []

    def interrupted(self, g, along):
        calls.append(g)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return honest(self, g, along)

    monkeypatch.setattr(CoordinatesCarrier, "derive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        eq.derive()
    expected = bea.modified_equation(loss=a**4 * b, params=(a, b), order=3).corrections
    assert eq.corrections == expected


def test_progress_goes_to_standard_error(capsys):
    bea.modified_equation(loss=a**2, params=[a], order=2, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "corrections" in captured.err


# --- what cannot be used -----------------------------------------------------------------------

Z = sp.Symbol("z")
BAD = {
    "nothing": ({"params": [a]}, "pass one of loss=, field= or step="),
    "two problems": ({"loss": a, "field": [a], "params": [a]}, "loss and field were given"),
    "three": ({"loss": a, "field": [a], "step": len, "params": [a]}, "loss and field and step"),
    "no parameters": ({"loss": a, "params": []}, "no parameters"),
    "duplicate parameters": ({"loss": a, "params": (a, b, a)}, "a is given twice"),
    "equal names": ({"loss": a, "params": (a, sp.Symbol("a", real=True))}, "a is given twice"),
    "a parameter that is none": ({"loss": a, "params": [3]}, "3 is no parameter"),
    "the step size as parameter": ({"loss": h, "params": [h]}, "h is the step size"),
    "negative order": ({"loss": a, "params": [a], "order": -1}, "order is -1"),
    "fractional order": ({"loss": a, "params": [a], "order": 1.5}, "order is 1.5"),
    "an order that is true": ({"loss": a, "params": [a], "order": True}, "whole number"),
    "unknown method": ({"loss": a, "params": [a], "method": "none"}, "euler, implicit_euler"),
    "a method that is a number": ({"loss": a, "params": [a], "method": 4}, "unknown method 4"),
    "method with a step": (
        {"step": lambda t, s: t, "params": [a], "method": "rk4"},
        "leave method= out",
    ),
    "too short a field": ({"field": [x], "params": (x, y)}, "1 component for 2 parameters (x, y)"),
    "too long a step": (
        {"step": lambda t, s: [x, x], "params": [x]},
        "2 components for 1 parameter",
    ),
    "a step that is no function": ({"step": 5, "params": [x]}, "function of (theta, h)"),
    "Φ_0 is not the identity": (
        {"step": lambda t, s: [t[0] + s, 2 * t[1]], "params": (x, y)},
        "component 1 of the step is 2*y at h = 0, not y",
    ),
    "a step with a root of h": (
        {"step": lambda t, s: [t[0] + sp.sqrt(s) * t[0]], "params": [x]},
        "no Taylor series at h = 0",
    ),
    "a matrix for a loss": ({"loss": sp.eye(2), "params": [a]}, "not a scalar expression"),
    "a list for a loss": ({"loss": [a], "params": [a]}, "list"),
    "an equation": ({"loss": sp.Eq(a, 1), "params": [a]}, "is a comparison"),
    "Abs": ({"loss": sp.Abs(a + 1), "params": [a]}, "Abs, which is not smooth"),
    "Max": ({"loss": sp.Max(a, 0) ** 2, "params": [a]}, "Max"),
    "Piecewise": ({"loss": sp.Piecewise((a, a > 0), (0, True)), "params": [a]}, "Piecewise"),
    "sign": (
        {"field": [x, sp.sign(y)], "params": (x, y)},
        "component 1 of the field contains sign",
    ),
    "floor": ({"loss": sp.floor(a) * a, "params": [a]}, "floor"),
    "nan": ({"loss": a * sp.nan, "params": [a]}, "nan"),
    "infinity": ({"loss": a + sp.oo, "params": [a]}, "oo"),
    "complex": ({"loss": sp.I * a, "params": [a]}, "imaginary unit"),
    "division by zero": ({"loss": 1 / ((a + 1) ** 2 - a**2 - 2 * a - 1), "params": [a]}, "zero"),
    "h with a method": ({"loss": h * a**2, "params": [a], "method": "rk4"}, "only 'euler' allows"),
    "a field that is no list": ({"field": 3, "params": [a]}, "the field is int: give a list"),
    "a step that gives nothing": (
        {"step": lambda t, s: None, "params": [a]},
        "the step is NoneType",
    ),
    "a component that is nothing": ({"field": [None], "params": [a]}, "component 0 of the field"),
    "parameters that are no list": ({"loss": a, "params": None}, "None is no list of parameters"),
    "parameters without an order": ({"loss": a, "params": {a}}, "in an order"),
    "parameters twice in text": ({"loss": a, "params": "a, b, a"}, "'a' comes twice"),
    "two step sizes": ({"loss": a, "params": [a], "step_size": "h, k"}, "give one symbol"),
    "a step size of 0": ({"loss": a, "params": [a], "step_size": 0}, "the step size is 0"),
    "an order in text": ({"loss": a, "params": [a], "order": "2"}, "whole number"),
    "a root of -1": ({"loss": a * sp.cbrt(-1), "params": [a]}, "(-1)**(1/3), a power of -1"),
    "a power of a negative number": ({"loss": (-2) ** a, "params": [a]}, "a power of -2"),
    "a power of 0": ({"loss": sp.Integer(0) ** a, "params": [a]}, "a power of 0"),
    "a zero in disguise": (
        {"loss": a / (sp.sqrt(3 + 2 * sp.sqrt(2)) - 1 - sp.sqrt(2)), "params": [a]},
        "divides by zero",
    ),
    "bad text": ({"loss": "a.b", "params": [a]}, "attribute access"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line(case):
    arguments, culprit = BAD[case]
    with pytest.raises(bea.InputError) as caught:
        bea.modified_equation(**arguments)
    message = str(caught.value)
    assert culprit in message
    assert "\n" not in message
    assert len(message) < 600


def test_kinks_say_that_the_theory_needs_smoothness():
    with pytest.raises(bea.NotSmoothError, match="needs every derivative"):
        bea.modified_equation(loss=sp.Abs(a), params=[a])


def test_a_square_under_a_root_is_smooth_enough():
    real = sp.Symbol("a", real=True)
    assert sp.sqrt(real**2) == sp.Abs(real)  # SymPy's own view of it
    with pytest.raises(bea.NotSmoothError):
        bea.modified_equation(loss=sp.sqrt(real**2), params=[real])


def test_a_parameter_that_the_loss_lacks_is_worth_a_word():
    with pytest.warns(UserWarning, match=r"not depend on the parameter b \(its constants are c"):
        eq = bea.modified_equation(loss=c * a**2, params=(a, b), order=1)
    assert eq.corrections[1][1] == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bea.modified_equation(loss=c * a**2 * b, params=(a, b), order=0)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda eq: eq.vector_field(order=3), "derive it with order=3, or call extended(3)"),
        (lambda eq: eq.vector_field(order=-1), "order -1 is not among 0 … 2"),
        (lambda eq: eq.curl(5), "order 5"),
        (lambda eq: eq.is_gradient("1"), "order '1'"),
        (lambda eq: eq.modified_loss(order=3), "order 3"),
        (lambda eq: eq.to_jax(order=7), "order 7"),
        (lambda eq: eq.extended(-1), "order is -1"),
        (lambda eq: eq.subs({a: 1}), "a is a parameter, not a constant"),
        (lambda eq: eq.subs({"q": 1}), "q is unknown, not a constant"),
        (lambda eq: eq.subs({c: sp.zoo}), "zoo"),
        (lambda eq: eq.subs({3: 1}), "3 is unknown"),
        (lambda eq: eq.subs([c]), "the constants are list"),
        (lambda eq: eq.extended(1.5), "order is 1.5"),
        (lambda eq: eq.to_jax(constants={"c": 1, "q": 1}), "q is unknown, not a constant"),
        (lambda eq: eq.to_jax(constants={"c": 1, a: 1}), "a is a parameter, not a constant"),
        (lambda eq: eq.to_mpmath(constants={"C": 1}), "C is unknown"),
    ],
)
def test_bad_calls_get_one_line(call, culprit):
    eq = bea.modified_equation(loss=c * a**2 * b, params=(a, b), order=2)
    with pytest.raises(bea.InputError) as caught:
        call(eq)
    assert culprit in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_literal_formula_is_about_euler():
    eq = bea.modified_equation(loss=a**2, params=[a], order=1, method="rk4")
    with pytest.raises(bea.InputError, match="explicit Euler"):
        eq.literal_corrections()


def test_deriving_is_quiet_unless_progress_is_asked_for(capsys):
    eq = bea.modified_equation(loss=a**4 * b, params=(a, b), order=2)
    eq.derive()
    assert capsys.readouterr() == ("", "")


def test_a_kink_is_told_with_what_it_is_in():
    with pytest.raises(bea.NotSmoothError, match=r"^the loss"):
        bea.modified_equation(loss=sp.Abs(a), params=(a,))
    with pytest.raises(bea.NotSmoothError, match=r"^component 1 of the field"):
        bea.modified_equation(field=[b, sp.sign(a)], params=(a, b))


FUNCTIONS_AND_POINTS = {
    **dict.fromkeys(["exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos"], "3/10"),
    **dict.fromkeys(["atan", "asinh", "atanh", "erf", "sigmoid", "softplus"], "3/10"),
    **dict.fromkeys(["log", "sqrt", "acosh"], "17/10"),
}


@pytest.mark.parametrize("name", FUNCTIONS_AND_POINTS)
def test_derivatives_of_every_function_are_what_differences_say(name):
    """f_0 = −F' and f_1 = −½F''F', held to mpmath's numerical differentiation."""
    eq = bea.modified_equation(loss=f"{name}(x)", params="x", order=1)
    f = sp.lambdify(sp.Symbol("x"), eq.loss, "mpmath")
    with mpmath.workdps(40):
        x = mpmath.mpmathify(FUNCTIONS_AND_POINTS[name])
        first, second = mpmath.diff(f, x), mpmath.diff(f, x, 2)
        assert abs(eq.to_mpmath(0)([x], 0)[0] + first) < 1e-25
        assert abs(eq.to_mpmath()([x], 1)[0] + first + second * first / 2) < 1e-20
