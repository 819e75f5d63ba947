"""Irrational and symbolic tableaus: equal numbers are recognized, equal names are one symbol."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import bea
from bea.symbolic.ring.number_algebra import NumberAlgebra

r2, r3, r5 = map(sp.sqrt, (2, 3, 5))


def two_stages(a, b) -> bea.ButcherTableau:
    """The explicit method with these entries; of order 2 if ab = 1/2."""
    a, b = map(sp.sympify, (a, b))
    return bea.ButcherTableau([[0, 0], [a, 0]], [1 - b, b])


DEPENDENT = {
    "√(2−√2)·√(2+√2) = √2": (sp.sqrt(2 - r2) / r2, sp.sqrt(2 + r2) / 2),
    "√(3+2√2) = 1+√2": (sp.sqrt(3 + 2 * r2), (r2 - 1) / 2),
    "√(5+2√6) = √2+√3": (sp.sqrt(5 + 2 * sp.sqrt(6)), (r3 - r2) / 2),
    "√(1+√2)·√(√2−1) = 1": (sp.sqrt(1 + r2), sp.sqrt(r2 - 1) / 2),
    "golden ratio": (sp.GoldenRatio, (r5 - 1) / 4),
    "log 4 = 2 log 2": (sp.log(2), 1 / sp.log(4)),
    "2^{1/6}·2^{1/3} = √2": (2 ** sp.Rational(1, 6), 2 ** sp.Rational(1, 3) / r2 / 2),
    "cos(π/5)": (2 * sp.cos(sp.pi / 5), (r5 - 1) / 4),
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_numbers_that_depend_on_one_another_cancel(name):
    tableau = two_stages(*DEPENDENT[name])
    series = bea.modified_series(tableau, order=2)
    assert series.method_order == 2
    assert series.terms(1) == {} and series[bea.Tree(bea.Tree())] == 0
    assert bea.modifying_integrator(tableau, order=2).method_order == 2


def test_alexanders_method_of_order_three():
    """γ is a root of a cubic, real by sin and cos only (Alexander 1977, Hairer–Wanner IV.6)."""
    angle = sp.atan(r2 / 4) / 3
    g = 1 + sp.sqrt(6) / 2 * sp.sin(angle) - r2 / 2 * sp.cos(angle)
    b_1, b_2 = (-6 * g**2 + 16 * g - 1) / 4, (6 * g**2 - 20 * g + 5) / 4
    A = [[g, 0, 0], [(1 - g) / 2, g, 0], [b_1, b_2, g]]
    assert bea.modified_series(bea.ButcherTableau(A, A[-1]), order=3).method_order == 3


def test_equal_numbers_are_written_alike():
    assert bea.ButcherTableau([[sp.sqrt(3 + 2 * r2)]], [1]) == bea.ButcherTableau(
        [["1+sqrt(2)"]], [1]
    )
    hidden = bea.ButcherTableau([[sp.sqrt(3 + 2 * r2) - 1 - r2, 0], [1, 0]], ["1/2", "1/2"])
    assert hidden.is_explicit and hidden.is_rational
    product = bea.ButcherTableau([[sp.sqrt(2 - r2) * sp.sqrt(2 + r2) * r2]], [1])
    assert product.A[0][0] == 2


def test_the_root_of_a_zero_in_disguise():
    zero = sp.sqrt(3 + 2 * r2 - (1 + r2) ** 2)
    assert bea.ButcherTableau([[zero]], [1]).A == bea.ButcherTableau([[0]], [1]).A
    x = sp.Symbol("x")
    eq = bea.modified_equation(loss=sp.sqrt((x + 1) ** 2 - x**2 - 2 * x - 1) + x**2, params=[x])
    assert eq.corrections[1][0] == -2 * x
    with pytest.raises(bea.InputError, match="not a real number"):
        bea.ButcherTableau([[1 / zero]], [1])


def test_a_field_has_no_relations_and_what_is_none_has_its_own():
    assert NumberAlgebra.of([r2, r3])._relations == {}
    algebra = NumberAlgebra.of([sp.sqrt(2 - r2), sp.sqrt(2 + r2)])
    assert len(algebra.basis) - len(algebra._relations) == 4  # ℚ(√(2+√2)) has both


MIXED = [
    two_stages(sp.cbrt(2), r2),
    two_stages(r3 * sp.cbrt(2), r2 * sp.cbrt(3)),
    two_stages(sp.root(2, 4), sp.cbrt(2)),
    two_stages(sp.cbrt(sp.Symbol("q")), sp.sqrt(sp.Symbol("q"))),
]


@pytest.mark.parametrize("tableau", MIXED, ids=lambda t: str(t.irrational_entries))
def test_roots_of_one_number_that_sympy_merges(tableau):
    eq = bea.modified_equation(loss="x**3 + x*y", params="x, y", order=2, method=tableau)
    on = bea.modified_series(tableau, order=2).on(loss="x**3 + x*y", params="x, y")
    point = {sp.Symbol("x"): 2, sp.Symbol("y"): sp.Rational(1, 3), sp.Symbol("q"): 5}
    gradient = sp.Matrix([sp.diff(eq.loss, p) for p in eq.params])
    P, remainder = eq.gradient_split(2)
    split = remainder - sp.Matrix([sp.diff(P, p) for p in eq.params])
    for difference in (
        eq.corrections[2] - on.corrections[2],
        (eq.vector_field() + eq.preconditioner() * gradient).subs(eq.step_size, 3),
        eq.corrections[2] - split,
    ):
        assert all(abs(sp.N(e.subs(point), 50)) < sp.Float("1e-40", 50) for e in difference)


def test_equal_names_are_one_symbol():
    a, positive = sp.Symbol("a"), sp.Symbol("a", positive=True)
    tableau = bea.ButcherTableau([[0, 0], [positive, 0]], [1 - 1 / (2 * a), 1 / (2 * positive)])
    assert len(tableau.symbols) == 1
    assert bea.ButcherTableau([[a]], [1], c=[positive]).c == (a,)
    assert bea.modified_series(tableau, order=1).terms(1) == {}
    for own, other in ((a, positive), (positive, a)):
        method = bea.ButcherTableau([[own]], [1])
        for eq in (
            bea.modified_equation(loss=other * sp.Symbol("x") ** 2, params="x", method=method),
            bea.modified_series(method, 1).on(loss=other * sp.Symbol("x") ** 2, params="x"),
        ):
            assert [c.name for c in eq.constants] == ["a"]
            put = eq.subs({"a": 2})
            assert put.constants == () and put.method.A[0][0] == 2
            assert str(put.loss) == "2*x**2"


FAMILY = two_stages("alpha", "1/(2*alpha)")


@pytest.mark.parametrize("derive", ["modified_equation", "series.on"])
def test_values_of_a_symbol(derive):
    def equation() -> bea.ModifiedEquation:
        if derive == "modified_equation":
            return bea.modified_equation(loss="x**4", params="x", order=2, method=FAMILY)
        return bea.modified_series(FAMILY, order=2).on(loss="x**4", params="x")

    ralston = bea.modified_equation(loss="x**4", params="x", order=2, method="ralston")
    assert equation().subs({"alpha": "2/3"}).corrections == ralston.corrections
    assert equation().subs({"alpha": 0.5}).method.A[1][0] == Fraction(1, 2)  # a decimal number
    for value, complaint in (
        ("x", "x is a parameter and a symbol of"),
        ("h", "cannot contain the step size h"),
        (0, "with alpha = 0: "),
    ):
        with pytest.raises(bea.InputError, match=complaint) as caught:
            equation().subs({"alpha": value})
        assert "\n" not in str(caught.value)
    with pytest.raises(bea.InputError, match="beta is unknown"):
        equation().subs({"beta": 1})


def test_a_constant_of_a_method_is_not_offered_for_a_parameter():
    with pytest.warns(UserWarning, match="does not depend on the parameter y$"):
        bea.modified_equation(loss="x**2", params="x, y", method=FAMILY)


def test_tableaus_come_in_many_kinds():
    matrix = bea.ButcherTableau(sp.Matrix([[0, 0], [1, 0]]), sp.Matrix([0, 1]))
    array = bea.ButcherTableau(np.array([[0, 0], [1, 0]]), np.array([0, 1]))
    assert matrix == array == bea.ButcherTableau([[0, 0], [1, 0]], [0, 1])
    assert bea.ButcherTableau.collocation(["t", "1"]).symbols == (sp.Symbol("t"),)


@pytest.mark.parametrize(
    "entry",
    ["1e99999999", sp.I * sp.Symbol("q"), sp.sqrt(-2), sp.nan, "h", sp.CRootOf("x**5-x-1", 0), {}],
    ids=str,
)
def test_entries_that_cannot_be(entry):
    with pytest.raises(bea.InputError) as caught:
        bea.ButcherTableau([[entry]], [1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [True, None, 2.0, -1, 4, "1", [1]], ids=str)
def test_orders_that_cannot_be(bad):
    series = bea.modified_series("euler", order=3)
    series.gradient_structure(2)  # is known from now on
    asks = [series.terms, series.coefficients, series.gradient_structure, series.is_gradient]
    if bad is not None:
        asks += [series.modified_loss, series.preconditioner]
    for ask in asks:
        with pytest.raises(bea.InputError, match="among 0 … 3"):
            ask(bad)


def test_orders_of_other_kinds():
    series = bea.modified_series("euler", order=np.int64(3))
    assert series.terms(sp.Integer(1)) == series.terms(1)
    assert len(bea.trees(np.int64(4))) == 4
    with pytest.raises(bea.InputError, match="3 is no list of methods"):
        bea.composition(3)


def test_a_series_is_a_mapping_and_goes_on():
    series = bea.modified_series("heun", order=2)
    large = bea.trees(6)[0]
    assert large not in series and "x" not in series
    assert series.get(large, 7) == 7 and series.get(bea.Tree()) == 1
    eq = series.on(loss="x**4 + x*y", params="x, y")
    assert bea.verify_order(eq, at=(1, 0.5)).passed  # which needs f_3
    longer = bea.modified_equation(loss="x**4 + x*y", params="x, y", order=4, method="heun")
    assert eq.extended(4).corrections == longer.corrections
    assert eq.extended(4).preconditioner() == longer.preconditioner()
