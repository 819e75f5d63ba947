"""What is printed is what was derived: text and Python code read back give the same field."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given

import bea
from bea.symbolic.parsing.text import parse_expression
from bea.symbolic.printing import equation as present
from tests.symbolic.strategies import polynomial_losses

a, b, x, y, theta = sp.symbols("a b x y theta")
MODEL = (y - a * b * x) ** 2 / 2
EQUATIONS = {
    "2-d model": {"loss": MODEL, "params": (a, b), "order": 3},
    "functions": {
        "loss": sp.exp(a * b) + a * sp.tanh(b) + sp.sqrt(1 + a**2) / 3 + sp.erf(b),
        "params": (a, b),
        "order": 1,
    },
    "rotation by rk4": {"field": [y, -x], "params": (x, y), "order": 4, "method": "rk4"},
    "a map": {"step": lambda t, h: [t[0] * (1 - h) + h**2 * sp.pi], "params": x, "order": 2},
    "constants in exponents": {"loss": x**y + 2**x, "params": x, "order": 1},
}


@pytest.fixture(params=EQUATIONS)
def eq(request) -> bea.ModifiedEquation:
    return bea.modified_equation(**EQUATIONS[request.param])


def executed(code: str):
    names: dict = {}
    exec(compile(code, "<made by bea>", "exec"), names)
    return names["modified_field"]


def test_python_code_computes_the_field(eq):
    values = {s: 0.6 + 0.3 * i for i, s in enumerate((*eq.params, *eq.constants))}
    function = executed(present.as_python(eq))
    found = function([values[p] for p in eq.params], 0.125, *(values[c] for c in eq.constants))
    exact = eq.vector_field().subs(eq.step_size, sp.Rational(1, 8))
    exact = exact.subs({s: sp.Rational(str(round(v, 3))) for s, v in values.items()})
    assert found == pytest.approx([float(e) for e in exact], rel=1e-13)


@given(polynomial_losses())
def test_python_code_of_random_losses(problem):
    params, loss = problem
    eq = bea.modified_equation(loss=loss, params=params, order=2)
    found = executed(present.as_python(eq))([0.75, -0.5, 1.25][: len(params)], 0.25)
    point = dict(zip(params, map(sp.Rational, ("3/4", "-1/2", "5/4")), strict=False))
    exact = eq.vector_field().subs({**point, eq.step_size: sp.Rational(1, 4)})
    assert found == pytest.approx([float(e) for e in exact], rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ({"loss": x**2 * theta, "params": x}, [3.0]),
        ({"loss": x**2 * sp.sin(sp.Symbol("math")), "params": x}, [3.0]),
        ({"loss": sp.exp(theta) * x, "params": (theta, x)}, []),
        ({"loss": x**2, "params": x, "step_size": theta}, []),
        ({"loss": x**2 * sp.Symbol("lambda"), "params": x}, [3.0]),
        ({"loss": sp.Symbol("_x0") * sp.exp(x) * sp.exp(x * a), "params": x}, [3.0, 0.5]),
    ],
)
def test_python_code_with_names_that_could_collide(arguments, values):
    eq = bea.modified_equation(order=1, **arguments)
    found = executed(present.as_python(eq))([0.5] * len(eq.params), 0.25, *values)
    point = {**dict.fromkeys(eq.params, sp.Rational(1, 2)), eq.step_size: sp.Rational(1, 4)}
    point |= {c: sp.Rational(str(v)) for c, v in zip(eq.constants, values, strict=True)}
    assert found == pytest.approx([float(e) for e in eq.vector_field().subs(point)], rel=1e-14)


def test_python_code_says_what_numpy_lacks():
    eq = bea.modified_equation(loss=sp.besselj(0, x), params=x, order=0)
    with pytest.raises(bea.InputError, match="NumPy has no function besselj") as caught:
        present.as_python(eq)
    assert "\n" not in str(caught.value)


def test_python_code_takes_from_math_what_numpy_lacks():
    polynomial = present.as_python(bea.modified_equation(loss=x**4, params=x, order=1))
    assert "math" not in polynomial
    gamma = sp.Symbol("gamma")
    loss = sp.gamma(x) + sp.erf(x) * sp.loggamma(y) * gamma
    eq = bea.modified_equation(field=[loss, sp.erfc(x)], params=(x, y), order=0)
    points = np.array([[0.5, 1.5, 2.5], [1.0, 3.0, 4.0]])
    found = executed(present.as_python(eq))(points, 0.0, 2.0)
    assert found.shape == (2, 3)
    for (u, v), (f, g) in zip(points.T, found.T, strict=True):
        assert f == pytest.approx(math.gamma(u) + 2 * math.erf(u) * math.lgamma(v), rel=1e-14)
        assert g == pytest.approx(1 - math.erf(u), rel=1e-12)


def test_python_code_runs_on_many_points_at_once():
    eq = bea.modified_equation(loss=sp.exp(x) * theta + y**2, params=(x, y), order=1)
    function = executed(present.as_python(eq))
    points = np.array([[0.5, 1.0, 2.0], [1.0, -1.0, 3.0]])
    each = np.stack([function(point, 0.1, 3.0) for point in points.T], axis=1)
    assert function(points, 0.1, 3.0) == pytest.approx(each, rel=1e-15)
    assert function([1, 2], 0, 3).tolist() == pytest.approx([-3 * math.e, -4.0])


def test_python_code_of_a_polynomial():
    polynomial = present.as_python(bea.modified_equation(loss=x**4, params=x, order=1))
    assert math.isclose(executed(polynomial)([2.0], 0.5)[0], -32.0 - 0.5 * 4 * 8 * 12 * 4 / 2)


def test_the_dictionary_is_json_whose_text_reads_back(eq):
    d = json.loads(json.dumps(present.as_dictionary(eq)))
    assert d["params"] == [p.name for p in eq.params]
    assert (d["step_size"], d["order"]) == (eq.step_size.name, eq.order)
    assert len(d["corrections"]) == eq.order + 1
    for texts, f in zip(d["corrections"], eq.corrections, strict=True):
        for text, component in zip(texts, f, strict=True):
            assert (parse_expression(text) - component).expand() == 0
    loss = d["modified_loss"]
    if eq.is_gradient(0):
        gradient = [sp.diff(parse_expression(loss["expression"]), p) for p in eq.params]
        field = eq.vector_field(order=loss["order"])
        point = {s: sp.Rational(3 + i, 5) for i, s in enumerate((*eq.params, *eq.constants))}
        point[eq.step_size] = sp.Rational(1, 7)
        for g, component in zip(gradient, field, strict=True):
            assert abs(sp.N((g + component).subs(point), 30)) < 1e-25
    else:
        assert loss is None


def test_the_dictionary_goes_as_far_as_there_is_a_modified_loss():
    model = bea.modified_equation(loss=MODEL, params=(a, b), order=4)
    assert present.as_dictionary(model)["modified_loss"]["order"] == 1
    line = bea.modified_equation(loss=x**4 - x, params=x, order=4)
    assert present.as_dictionary(line)["modified_loss"]["order"] == 4
    assert present.highest_modified_loss(line) == (4, line.modified_loss())
    turning = bea.modified_equation(field=[y, -x], params=(x, y), order=1)
    assert present.highest_modified_loss(turning) is None


def test_text_names_every_component_and_the_obstruction():
    text = str(bea.modified_equation(loss=MODEL, params=(a, b), order=2))
    lines = text.splitlines()
    assert lines[1] == "d(a, b)/dt = f_0 + h f_1 + h^2 f_2"
    for l in range(3):
        for p in "ab":
            assert any(line.startswith(f"f_{l}[{p}] = ") for line in lines)
    assert any(line.startswith("modified loss of order 1: ") for line in lines)
    assert lines[-1].startswith("f_2 is not a gradient")


def test_text_of_a_field_without_a_loss_says_so_once():
    text = str(bea.modified_equation(field=[y, -x], params=(x, y), order=1))
    assert text.count("not a gradient") == 1
    assert "modified loss of order 1:" not in text


def test_latex_holds_the_matrices_of_sympy(eq):
    latex = eq.latex()
    assert latex.startswith("\\begin{aligned}") and latex.endswith("\\end{aligned}")
    for l, f in enumerate(eq.corrections):
        assert f"f_{{{l}}} &= {sp.latex(f)}" in latex
    assert latex.count("&=") == eq.order + 2
    assert latex.count("{") == latex.count("}")


def test_long_expressions_are_shortened_in_messages():
    assert present.shortened(x + 1) == "x + 1"
    long = sp.Add(*(x**n for n in range(60)))
    short = present.shortened(long)
    assert len(short) < 160
    assert short.endswith("… (60 terms)")
