"""Sums over data stay sums: the same corrections as in the ring, in a form that can be read."""

from __future__ import annotations

from random import Random

import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import bea
from bea.symbolic.coordinates.carrier import (
    CoordinatesCarrier,
    algebra_for,
    euler_displacement,
    is_better_unexpanded,
)
from bea.symbolic.printing.equation import as_python, as_text
from bea.symbolic.printing.factored import readable_form
from bea.symbolic.printing.shared_form import SharedForm, tree_size
from bea.symbolic.recursion import modified_fields
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra, undistributed
from bea.symbolic.zero.decision import Answer, decide
from tests.symbolic.strategies import examples, functions

x, y = sp.symbols("x y")
R = sp.Rational


def logistic(points: int, parameters: int, seed: int = 1) -> tuple[sp.Expr, tuple[sp.Symbol, ...]]:
    """A logistic loss on made-up data of three decimals."""
    random = Random(seed)
    weights = sp.symbols(f"w1:{parameters + 1}")

    def number() -> sp.Rational:
        return R(random.randrange(-3000, 3000), 1000)

    scores = (sum(number() * w for w in weights) + number() for _ in range(points))
    return sum(sp.log(1 + sp.exp(s)) for s in scores), weights


@examples(20)
@given(functions(2, (x, y)))
def test_derivatives_are_those_of_sympy(u):
    algebra = UnexpandedAlgebra([x, y])
    element = algebra.element(u)
    for j, v in enumerate((x, y)):
        assert decide(algebra.partial(element, j) - sp.diff(u, v)).answer is Answer.ZERO
    (along,) = algebra.derivatives_along([element], [y, x * y])
    expected = sp.diff(u, x) * y + sp.diff(u, y) * x * y
    assert decide(along - expected).answer is Answer.ZERO


@pytest.mark.parametrize(
    "loss",
    [
        sp.log(1 + sp.exp(x - 2 * y)) + (x - 3) ** 4 * y,
        sp.tanh(x * y) / (1 + x**2) + sp.sqrt(1 + y**2),
        sp.exp(-((x - 8) ** 2)) * sp.sin(y) + sp.atan(x) * sp.erf(y),
    ],
)
def test_corrections_agree_with_those_of_the_ring(loss):
    found = []
    for algebra in (UnexpandedAlgebra([x, y]), DifferentialRing([x, y], [loss])):
        carrier = CoordinatesCarrier(algebra)
        gradient = carrier.gradient(algebra.element(loss))
        f = carrier.column([-algebra.expression(c) for c in gradient.components])
        fields = modified_fields(carrier, euler_displacement(f))
        found.append([carrier.matrix(next(fields)) for _ in range(3)])
    for by_sums, by_ring in zip(*found, strict=True):
        for u, v in zip(by_sums, by_ring, strict=True):
            assert decide(u - v).answer is Answer.ZERO


def test_what_stays_in_the_ring_and_what_does_not():
    a, b = sp.symbols("a b")
    assert not is_better_unexpanded([a, b], [(R(3, 5) - a * b) ** 2 / 2])
    assert not is_better_unexpanded([x], [(x - 1000) ** 40])
    assert not is_better_unexpanded([x, y], [sum(1 / (1 + (x - i) ** 2 + y**2) for i in range(5))])
    for points, parameters in ((8, 2), (20, 2), (20, 5), (40, 20)):
        E, weights = logistic(points, parameters)
        assert is_better_unexpanded(weights, [E])
        assert isinstance(algebra_for(weights, [E]), UnexpandedAlgebra)
    Y, U, V = (sp.Matrix(2, 2, sp.symbols(f"{n}1:5")) for n in "yuv")
    assert is_better_unexpanded([*U, *V], [sum(d**2 for d in Y - U * V.T) / 2])


def test_long_radicands_and_denominators_are_not_completed():
    """Their relations have hundreds of terms, of which a Gröbner basis does not come."""
    L = sum((R(n, 7) - n * sp.sin(n * x + y + R(1, n))) ** 2 for n in range(1, 8))
    field = [x * sp.exp(-sp.sqrt(1 + L**2) / 100) + sp.log(1 + L**2), y]
    assert is_better_unexpanded([x, y], field)
    assert not bea.modified_equation(field=field, params=[x, y], order=1).is_gradient(1)


@pytest.mark.parametrize(
    ("points", "parameters"), [(20, 2), (20, 5), pytest.param(30, 12, marks=pytest.mark.slow)]
)
def test_a_logistic_regression_reads_like_a_sum_over_the_data(points, parameters):
    E, weights = logistic(points, parameters)
    eq = bea.modified_equation(loss=E, params=weights, order=1)
    for w, component in zip(weights, eq.corrections[0], strict=True):
        assert len(sp.Add.make_args(component)) == points
        assert decide(component + sp.diff(E, w)).answer is Answer.ZERO
    # −½H∇E, as it stands
    gradient = sp.Matrix([sp.diff(E, w) for w in weights])
    row = sp.Matrix([sp.diff(gradient[0], w) for w in weights])
    assert decide(eq.corrections[1][0] + row.dot(gradient) / 2).answer is Answer.ZERO
    assert [eq.is_gradient(l) for l in (0, 1)] == [True, True]
    term = eq.modified_loss_term(1)
    assert decide(term - gradient.dot(gradient) / 4).answer is Answer.ZERO
    assert tree_size([term]) < 3 * parameters * tree_size([eq.corrections[0][0]])
    assert not eq.extended(2).is_gradient(2)


def test_long_equations_give_names_to_their_parts():
    E, weights = logistic(10, 2)
    eq = bea.modified_equation(loss=E, params=weights, order=2)
    text = as_text(eq)
    assert "parts that occur again" in text and "f_2 is not a gradient" in text
    assert "modified loss of order 1: E + h*(" in text
    plain = as_text(eq, "plain")
    assert "parts that occur again" not in plain and len(text) < len(plain) / 2
    assert len(max(text.splitlines(), key=len)) < 6000
    assert "s_{1} &=" in eq.latex("shared")
    with pytest.raises(bea.InputError, match="unknown form 'long': use 'auto', 'plain', 'shared'"):
        as_text(eq, "long")
    short = bea.modified_equation(loss="x**4", params="x", order=2)
    assert as_text(short) == as_text(short, "plain")


def written_out(form: SharedForm, params: tuple[sp.Symbol, ...]) -> list[sp.Expr]:
    """The expressions with the meanings of the names, each in terms of those before it."""
    names = [name for name, _ in form.definitions]
    assert len(set(names)) == len(names) and not set(names) & set(params)
    known: dict[sp.Symbol, sp.Expr] = {}
    for name, value in form.definitions:
        assert not value.free_symbols & {*names} - {*known}
        known[name] = value.xreplace(known)
    return [e.xreplace(known) for e in form.expressions]


def test_the_shared_form_is_the_same_function():
    E, weights = logistic(12, 3)
    eq = bea.modified_equation(loss=E, params=weights, order=2)
    everything = [c for f in eq.corrections for c in f]
    for named, plain in zip(written_out(eq.shared(), weights), everything, strict=True):
        assert decide(named - plain).answer is Answer.ZERO


@examples(15)
@given(functions(2, (x, y)), st.sampled_from(["euler", "heun", "implicit_euler", "kutta3"]))
def test_the_form_that_is_read_is_the_one_that_was_derived(loss, method):
    """In the ring everything is multiplied out, and by trees nothing: both are the corrections."""
    assume(loss.free_symbols == {x, y})
    eq = bea.modified_equation(loss=loss, params=(x, y), order=2, method=method)
    form = readable_form(eq, 2, with_losses=1)
    first, everything = eq.modified_loss_term(1), [c for f in eq.corrections for c in f]
    for named, plain in zip(written_out(form, (x, y)), [*everything, first], strict=True):
        assert decide(named - plain).answer is Answer.ZERO


def test_residuals_and_sums_of_squares_are_read_as_such():
    """½‖Y − uvᵀ‖²: Ẽ = E + (h/4)|∇E|², in the residuals."""
    eq = bea.modified_equation(
        loss="((y1 - a*c)**2 + (y2 - a*d)**2 + (y3 - b*c)**2 + (y4 - b*d)**2)/2",
        params="a, b, c, d",
        order=2,
    )
    text = as_text(eq)
    assert "u1 = -a*c + y1" in text and "f_0[a] = u3" in text
    assert "modified loss of order 1: E + h*((u3**2 + u6**2 + u7**2 + u8**2)/4)" in text
    assert 3 * len(text) < len(as_text(eq, "plain"))


def test_arguments_of_both_signs_have_one_name():
    u = x - 2 * y + 1
    form = SharedForm.of([sp.exp(u) + sp.exp(-u), sp.sin(u)])
    assert str(form) == "u1 = x - 2*y + 1"
    assert str(form.expressions[0]) == "exp(u1) + exp(-u1)"


def test_python_code_of_a_long_equation_runs():
    E, weights = logistic(20, 2)
    eq = bea.modified_equation(loss=E, params=weights, order=1)
    scope: dict = {}
    exec(as_python(eq), scope)
    found = scope["modified_field"]([0.25, -0.5], 0.1)
    field = eq.vector_field().subs(
        {weights[0]: R(1, 4), weights[1]: R(-1, 2), eq.step_size: R(1, 10)}
    )
    assert found == pytest.approx([float(e.evalf(25)) for e in field], rel=1e-12)


@pytest.mark.parametrize(
    "names",
    ["math math_ h", "lambda lambda_ h", "theta theta_ h", "u1 s1 h", "_x0 _x1 h", "w[0] w_0_ h"],
)
def test_python_code_has_a_name_for_each_symbol(names):
    """And leaves SymPy's printers as they are."""
    p, q, h = (sp.Symbol(name) for name in names.split())
    eq = bea.modified_equation(loss=sp.exp(p) * q + p**3 * q**2, params=[p, q], order=1)
    scope: dict = {}
    exec(as_python(eq), scope)
    values = {p: R(1, 2), q: R(2), h: R(1, 10)}
    true = [float(e.evalf(20)) for e in eq.vector_field().subs(values)]
    assert scope["modified_field"]([0.5, 2.0], 0.1) == pytest.approx(true)
    assert list(map(float, eq.to_mpmath()([0.5, 2.0], 0.1))) == pytest.approx(true)


@pytest.mark.filterwarnings("ignore:the field does not depend on the parameter u1")
def test_names_of_parts_are_none_of_a_parameter():
    u1 = sp.Symbol("u1")
    field = [sp.exp((x + y + 1) ** 2) / (1 + x + y), sp.sin(x + y + 1), sp.cos(x + y + 1)]
    eq = bea.modified_equation(field=field, params=[x, y, u1], order=1)
    assert u1 not in [name for name, _ in eq.shared().definitions]


def test_sums_are_not_multiplied_by_numbers():
    assert undistributed(R(2), x + y).args == (2, x + y)
    assert undistributed(R(1), x + y) == x + y and undistributed(R(0), x + y) == 0


def test_names_that_are_taken_are_not_given():
    u1 = sp.Symbol("u1")
    form = SharedForm.of([sp.sin(u1 + x + y) + sp.cos(u1 + x + y)], taken=["u2"])
    assert [name.name for name, _ in form.definitions] == ["u3"]


def test_the_split_and_the_preconditioner_of_a_long_loss():
    E, weights = logistic(16, 2)
    eq = bea.modified_equation(loss=E, params=weights, order=2)
    split = eq.gradient_split(2)
    for l, w in enumerate(weights):
        again = -sp.diff(split.potential, w) + split.remainder[l]
        assert decide(again - eq.corrections[2][l]).answer is Answer.ZERO
    M = eq.preconditioner(1)
    gradient = sp.Matrix([sp.diff(E, w) for w in weights])
    product = (M * gradient)[0].subs(eq.step_size, 1)
    assert decide(product + eq.corrections[0][0] + eq.corrections[1][0]).answer is Answer.ZERO
