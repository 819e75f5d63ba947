"""What people write is read as what it says, or refused in one line; nothing is guessed."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
import sympy as sp
from sympy.physics.mechanics import dynamicsymbols

import bea
from bea.symbolic.coordinates.symbols import plain_symbol
from bea.symbolic.functions.rules import exact
from bea.symbolic.parsing.spelling import respelled
from bea.symbolic.parsing.text import parse_expression
from bea.symbolic.parsing.vocabulary import FUNCTIONS

x, y, t, h = sp.symbols("x y t h")
R = sp.Rational


def equation(**given):
    return bea.modified_equation(order=1, **given)


def refusal(**given) -> str:
    with pytest.raises(bea.InputError) as caught:
        equation(**given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


ROTATION = equation(field=[y, -x], params=(x, y)).corrections


@pytest.mark.parametrize(
    "given",
    [
        {"field": {x: y, y: -x}, "params": "x, y"},
        {"field": {"y": "-x", "x": "y"}, "params": [x, y]},
        {"field": sp.Matrix([y, -x]), "params": sp.Matrix([x, y])},
        {"field": sp.ImmutableMatrix([[y, -x]]), "params": sp.Matrix([[x, y]])},
        {"field": (y, "-x"), "params": (x, "y")},
    ],
)
def test_the_components_of_a_field(given):
    assert equation(**given).corrections == ROTATION


def test_components_without_an_order_are_refused():
    assert "the field is set: give a list" in refusal(field={y, -x}, params="x,y")
    assert "one component for each of x, y" in refusal(field={x: y}, params="x,y")
    assert "one component for each of x, y" in refusal(field={x: y, "z": y}, params="x,y")


def test_structured_coordinates_are_plain_symbols_inside():
    w, W = sp.IndexedBase("w"), sp.MatrixSymbol("W", 2, 2)
    q, p = dynamicsymbols("q p")
    time = dynamicsymbols._t
    a, b = sp.symbols("a b")
    expected = equation(loss=a**2 * b, params=(a, b)).corrections
    for first, second in ((w[0], w[1]), (W[0, 0], W[0, 1]), (q, p), (q, q.diff(time))):
        eq = equation(loss=first**2 * second, params=[first, second])
        named = dict(zip(eq.params, (a, b), strict=True))
        assert all(isinstance(s, sp.Symbol) for s in eq.params)
        assert [f.subs(named) for f in eq.corrections] == list(expected)
    pendulum = equation(field=[q.diff(time), -sp.sin(q)], params=[q, q.diff(time)])
    assert [s.name for s in pendulum.params] == ["q", "q_dot"]
    assert "name it as a parameter" in refusal(field=[q.diff(time)], params=[q])
    i = sp.Symbol("i")
    assert "an index that is no number" in refusal(loss=w[i] ** 2, params=[w[i]])
    assert equation(loss=w[3] * x**2, params=[x]).constants == (plain_symbol(w[3]),)


def test_symbols_that_are_no_numbers_or_not_to_be_told_apart():
    A, B = sp.symbols("A B", commutative=False)
    assert "A, which does not commute" in refusal(field=[(A * B - B * A + 1) * x], params=[x])
    same = sp.Dummy("k") * x + sp.Dummy("k")
    assert "two different symbols that are called k" in refusal(field=[same], params=[x])
    w, a, q = sp.IndexedBase("w"), sp.Symbol("a"), sp.Function("q")(sp.Symbol("t"))
    for loss, params in (
        ((sp.Dummy("a") * x - a) ** 2, [x]),
        ((sp.Symbol("a", real=True) - sp.Symbol("a", positive=True)) ** 2 * x**2, [x]),
        ((sp.Symbol("x", real=True) * x - a) ** 2, [x]),
    ):
        assert "two different symbols that are called" in refusal(loss=loss, params=params)
    for loss, params in (
        ((w[0] * x - sp.Symbol("w_0")) ** 2, [x]),
        ((w[0] * x - sp.Symbol("w_0")) ** 2, [w[0], x]),
        ((q - sp.Symbol("q")) ** 2, [q]),
    ):
        assert "give it another name" in refusal(loss=loss, params=params)
    n = sp.Symbol("n", integer=True)
    assert "declared to be an integer" in refusal(loss=sp.cos(sp.pi * n) * n**2, params=[n])
    z = sp.Symbol("z", imaginary=True)
    assert "not a real number" in refusal(loss=z**2, params=[z])


@pytest.mark.parametrize("seed", range(20))
def test_floats_are_the_decimals_they_print_as_at_every_scale(seed):
    random = Random(seed)
    digits, power = random.randrange(1, 10**15), random.randrange(-500, 500)
    number = sp.Float(f"{digits}e{power}", 17 if seed % 2 else None)
    found = exact(number)
    true = R(digits) * R(10) ** power
    assert found != 0 and abs(found / true - 1) < R(1, 10**14)
    assert exact(sp.Float("1e-400")) == R(1, 10**400)


def test_whatever_comes_to_contain_the_step_size_is_a_series_in_it():
    by_series = bea.modified_series("euler", 2).on(field=["c*x"], params="x").subs({"c": "h"})
    by_equation = bea.modified_equation(field=["c*x"], params="x", order=2).subs({"c": "h"})
    direct = bea.modified_equation(field=["h*x"], params="x", order=2)
    for eq in (by_series, by_equation, direct):
        assert [f[0] for f in eq.corrections] == [0, x, 0]
    with pytest.raises(bea.InputError, match="the step size h"):
        bea.modifying_integrator("euler", 2).on(field=["c*x"], params="x").subs({"c": "h"})
    with pytest.raises(bea.InputError, match="the step size h"):
        bea.modified_series("euler", 2).on(field=["h*x"], params="x")
    with pytest.raises(bea.InputError, match="the step size h"):
        bea.modified_series("rk4", 2).on(field=["c*x"], params="x").subs({"c": "h"})
    eq = equation(loss="(1 + h)*x**2/2", params="x")
    assert str(eq.loss) == "x**2*(h + 1)/2" and "gradient descent on E = x**2*(h + 1)/2" in repr(eq)
    derivative = sp.diff(eq.modified_loss(), x)
    assert sp.expand(derivative + eq.vector_field()[0]) == 0


def test_steps_in_several_spellings():
    q, p = sp.symbols("q p")
    expected = equation(step=lambda z, h: [q + h * p, p - h * q], params=(q, p)).corrections
    for step in (("q + h*p", "p - h*q"), [q + h * p, "p - h*q"], sp.Matrix([q + h * p, p - h * q])):
        assert equation(step=step, params="q, p").corrections == expected
    for module in (math, np):
        message = refusal(step=lambda z, h, m=module: [z[0] + h * m.sin(z[0])], params="x")
        assert "use SymPy's functions in it, such as sympy.sin" in message


def test_points_and_orders():
    eq = equation(field=["y", "-x"], params="x,y")
    for at in ({x: 1, y: "1/2"}, {"y": R(1, 2), "x": 1}):
        assert bea.verify_order(eq, at=at, precision="mpmath").passed
    with pytest.raises(bea.InputError, match="one number for each of x, y"):
        bea.verify_order(eq, at={x: 1})
    with pytest.raises(bea.InputError, match="the order is '2': it must be a whole number"):
        bea.modified_equation(loss="x**2", params="x", order="2")


def test_sums_and_integrals_are_evaluated():
    i = sp.Symbol("i", integer=True)
    assert equation(loss=sp.Sum(x**i, (i, 0, 3)), params=[x]).corrections[0][0] == -(
        3 * x**2 + 2 * x + 1
    )
    eq = equation(loss=sp.Integral(sp.exp(-(t**2)), (t, 0, x)), params=[x])
    assert eq.corrections[0][0] == -sp.exp(-(x**2))


MEANT = [
    ("2x^2 + 3 sin(x)", "2*x**2 + 3*sin(x)"),
    ("x·y + x²", "x*y + x**2"),
    ("√x + √(1 + x) − ½x", "sqrt(x) + sqrt(1 + x) - (1/2)*x"),
    ("sin x + log(x, 2)", "sin(x) + (log(x)/log( 2))"),
    ("x² − y·2", "x**2 - y*2"),
    ("|x|*y", "sqrt((x)**2)*y"),
    ("e^(x + y)*2", "exp(x + y)*2"),
    ("w[0]**2 + x₁", "w_0**2 + x_1"),
    ("x(y+1)(y-1)", "x*(y+1)*(y-1)"),
    ("lambda*x**2", "lam*x**2"),
    ("2.5x", "2.5*x"),
]


@pytest.mark.parametrize(("written", "meant"), MEANT)
def test_what_can_mean_one_thing_only_is_shown_whole(written, meant):
    assert respelled(written, frozenset(FUNCTIONS)) == meant
    with pytest.raises(bea.InputError) as caught:
        parse_expression(written)
    assert f"if it means {meant}, write it so" in str(caught.value)
    assert "\n" not in str(caught.value)
    parse_expression(meant)  # ready to be pasted
    if "lambda" in written:
        assert "lambda is a keyword of Python" in str(caught.value)


@pytest.mark.parametrize("text", ["x.y", ")x(", "x if y else 1", "sin x y", "1e5x", "x==y"])
def test_what_means_nothing_is_not_guessed_at(text):
    with pytest.raises(bea.InputError) as caught:
        parse_expression(text)
    assert "if it means" not in str(caught.value)


@pytest.mark.parametrize("text", ["2e3", "1e-3*x", "x**2", "exp(-x)*2", "a_1 + b2", "0x10"])
def test_what_is_python_is_left_alone(text):
    assert respelled(text, frozenset(FUNCTIONS)) == text


def test_matrices_stand_for_their_entries():
    M = sp.MatrixSymbol("M", 2, 2)
    by_trace = equation(loss=sp.Trace(M * M), params=M)
    by_entries = equation(loss=sum(M[i, j] * M[j, i] for i in (0, 1) for j in (0, 1)), params=M)
    assert by_trace.corrections == by_entries.corrections
    assert [s.name for s in by_trace.params] == ["M_0_0", "M_0_1", "M_1_0", "M_1_1"]
    determinant = equation(loss=sp.Determinant(M), params=M)
    a, b, c, d = determinant.params
    assert list(determinant.corrections[0]) == [-d, c, b, -a]
    assert equation(loss=sp.Matrix([[x**2]]), params=[x]).corrections[0][0] == -2 * x
    eq = equation(loss=x**2 * y, params=[x, y])
    reports = [bea.verify_order(eq, at=at) for at in (sp.Matrix([1, 2]), (1, 2))]
    assert reports[0] == reports[1]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda t, h: (t[0] if t[0] > 0 else t[0] - h,), "branches on a comparison"),
        (lambda t: t, "no function of"),
        (lambda t, h, k: t, "no function of"),
    ],
)
def test_steps_that_are_no_formulas(step, words):
    assert words in refusal(step=step, params=[x])


@pytest.mark.parametrize("h", [1j, "a", None])
def test_step_sizes_that_are_no_numbers(h):
    with pytest.raises(bea.InputError, match="the step size is"):
        equation(loss=x**2, params=[x]).to_jax()([1.0], h)


def test_a_function_without_values_is_told_so():
    eq = equation(loss=sp.Function("f")(x), params=[x])
    for ask in (lambda: eq.to_mpmath(), lambda: bea.verify_order(eq, at=[1])):
        with pytest.raises(bea.InputError, match=r"f\(x\) has no values"):
            ask()


@pytest.mark.parametrize("text", ["huber(x)", "norm(x)*2", "sum(x*i for i in range(3))"])
def test_an_unknown_function_is_no_product(text):
    with pytest.raises(bea.InputError) as caught:
        parse_expression(text)
    assert "if it means" not in str(caught.value)


def test_what_stands_for_a_coordinate_is_a_key_of_its_value():
    w, t = sp.IndexedBase("w"), sp.Symbol("t")
    q = sp.Function("q")(t)
    for first, second in ((w[0], w[1]), (q, q.diff(t))):
        eq = equation(loss=first**2 * second, params=[first, second])
        at = {second: 2.0, first: 1.5}
        assert bea.verify_order(eq, at=at) == bea.verify_order(eq, at=[1.5, 2.0])
        assert list(eq.to_jax()(at, 0.1)) == [first, second]
        assert eq.to_mpmath()(at, 0.1) == dict(
            zip((first, second), eq.to_mpmath()([1.5, 2.0], 0.1), strict=True)
        )
