"""Exact numbers on arrays: algebras of irrational entries, the bound, and the way back."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import bea
from bea.symbolic.ring.scalars import normal_scalars
from bea.symbolic.trees import arithmetic as tree_arithmetic
from bea.symbolic.trees import coefficients
from bea.symbolic.trees.arithmetic import NumberAlgebra
from bea.symbolic.trees.coefficients import modified_coefficients
from bea.symbolic.trees.table import TreeTable

FIELDS = {
    "rational": [Fraction(2, 3)],
    "square root": [sp.sqrt(3) / 6],
    "two": [sp.sqrt(2), sp.sqrt(3)],
    "cube root": [sp.cbrt(2)],
    "nested": [sp.sqrt(2 + sp.sqrt(2))],
    "golden": [(1 + sp.sqrt(5)) / 2],
}
DIMENSIONS = {"rational": 1, "square root": 2, "two": 4, "cube root": 3, "nested": 4, "golden": 2}


@pytest.mark.parametrize("name", FIELDS)
def test_coordinates_multiply_like_the_numbers(name):
    algebra = NumberAlgebra.of(FIELDS[name])
    assert len(algebra.basis) == DIMENSIONS[name] and algebra.basis[0] == 1
    x, y = range(1, 1 + len(algebra.basis)), range(7, 7 - len(algebra.basis), -1)
    product = [sum(x[i] * y[j] * c for i, j, k, c in algebra.structure if k == n)
               for n in algebra.dimensions]  # fmt: skip
    left = sp.expand(sum(n * e for n, e in zip(x, algebra.basis, strict=True)))
    right = sp.expand(sum(n * e for n, e in zip(y, algebra.basis, strict=True)))
    difference = left * right - sum(
        sp.Rational(str(n)) * e for n, e in zip(product, algebra.basis, strict=True)
    )
    assert abs(sp.N(difference, 60)) < sp.Float("1e-50", 60)


@pytest.mark.parametrize("entries", [[sp.Symbol("a")], [sp.pi], [sp.sqrt(2) + sp.Symbol("a")]])
def test_what_is_not_finite_dimensional_is_left_to_the_ring(entries):
    assert NumberAlgebra.of(entries) is None


SYMBOLIC = bea.ButcherTableau([[0, 0], ["r", 0]], ["1 - 1/(2*r)", "1/(2*r)"])


@pytest.mark.parametrize(
    "value", ["2/3", "-5", "sqrt(2)", "1/3 + sqrt(5)/2", "2**(1/3)", "1/(1 + 2**(1/3))", "pi"]
)
def test_residues_and_the_ring_give_the_same(value):
    """The family in the ring, evaluated, against its member in its own arithmetic."""
    table = TreeTable(5)
    member = modified_coefficients(SYMBOLIC.subs({"r": value}), table)
    family = modified_coefficients(SYMBOLIC, table)
    r = sp.sympify(value, rational=True)
    for ours, theirs in zip(member, family, strict=True):
        theirs = theirs if isinstance(theirs, Fraction) else theirs.subs(sp.Symbol("r"), r)
        difference = sp.sympify(ours) - sp.sympify(theirs)
        assert abs(sp.N(difference, 60)) < sp.Float("1e-45", 60)


@pytest.fixture
def on_arrays(monkeypatch):
    """Few trees are not left to Python's integers."""
    monkeypatch.setattr(coefficients, "FEW_TREES", 0)


@pytest.fixture(params=["integers", "arrays"])
def either_way(request):
    if request.param == "arrays":
        request.getfixturevalue("on_arrays")


ENTRIES_OF_MANY_KINDS = bea.ButcherTableau([["-7/3", "22/15"], [0, "5/4"]], ["10/9", "-1/9"])


@pytest.mark.parametrize(
    "tableau",
    [bea.METHODS[m] for m in ("euler", "rk4", "implicit_midpoint", "dormand_prince")]
    + [ENTRIES_OF_MANY_KINDS],
    ids=lambda tableau: tableau.name,
)
def test_integers_and_arrays_give_the_same(tableau, monkeypatch):
    table = TreeTable(8)
    in_integers = modified_coefficients(tableau, table)
    monkeypatch.setattr(coefficients, "_in_integers", None)  # not called
    monkeypatch.setattr(coefficients, "FEW_TREES", 0)
    assert modified_coefficients(tableau, table) == in_integers
    assert all(type(b) is Fraction for b in in_integers)


@pytest.mark.parametrize("name", ["rk4", "gauss4", "yoshida4", "radau_iia5", "lobatto_iiic6"])
@pytest.mark.usefixtures("on_arrays")
def test_more_primes_than_the_bound_asks_for_change_nothing(name, monkeypatch):
    table, usual = TreeTable(7), tree_arithmetic._bound
    once = modified_coefficients(bea.METHODS[name], table)
    monkeypatch.setattr(tree_arithmetic, "_bound", lambda *args, **run: usual(*args, **run) * 2**70)
    assert modified_coefficients(bea.METHODS[name], table) == once


@pytest.mark.parametrize("digits", [200, 400])  # what is beyond is the square, the number
@pytest.mark.usefixtures("either_way")
def test_entries_beyond_floating_point_are_exact_too(digits):
    huge = 10**digits
    weights = [1 - Fraction(1, huge), f"1e-{digits}"]
    tableau = bea.ButcherTableau([[0, 0], [Fraction(huge), 0]], weights)
    series = bea.modified_series(tableau, order=3)
    assert series[bea.Tree(bea.Tree())] == Fraction(1, 2)  # Σ b_i c_i − 1/2
    cherry = bea.Tree(bea.Tree(), bea.Tree())
    # f_1 = ½ f'f, and b(cherry) = Σ b_i c_i² − 1/3 − (what the flow of f + h f_1 has of it)
    assert series[cherry] == Fraction(huge) + Fraction(1, 6) - 1


@pytest.mark.usefixtures("either_way")
def test_large_entries_need_more_primes():
    A, b = [[Fraction(10**9, 7), -3], [Fraction(-(10**12)), Fraction(1, 10**9)]], ["1/3", "2/3"]
    tableau = bea.ButcherTableau(A, b)
    series = bea.modified_series(tableau, order=4)
    eq = bea.modified_equation(field=["x**2 + 1"], params="x", order=4, method=tableau)
    on = series.on(field=["x**2 + 1"], params="x")
    assert on.corrections == eq.corrections


@pytest.mark.usefixtures("either_way")
def test_a_denominator_may_be_one_of_the_primes():
    """Of order two: b = Σ b_i c_i² − 1/3 = r/2 − 1/3 on the cherry, −1/6 on the tall tree."""
    r = Fraction(1, 2147483647)
    series = bea.modified_series(SYMBOLIC.subs({"r": r}), order=2)
    tall, cherry = bea.Tree(bea.Tree(bea.Tree())), bea.Tree(bea.Tree(), bea.Tree())
    assert (series[cherry], series[tall]) == (r / 2 - Fraction(1, 3), Fraction(-1, 6))


@given(st.lists(st.integers(-(2**80), 2**80), min_size=1, max_size=5))
def test_lifting_is_the_way_back_from_residues(numbers):
    moduli = [2147483647, 2147483629, 2147483587]
    residues = [np.array([n % p for n in numbers], dtype=np.int64) for p in moduli]
    assert tree_arithmetic._symmetric_lift(residues, moduli) == numbers


def test_lifting_reaches_half_of_the_product_of_the_moduli_on_either_side():
    moduli = [2147483647, 2147483629]
    half = (moduli[0] * moduli[1] - 1) // 2
    numbers = [half, -half, half - 1, 1 - half, half // 2 + 1, 1, 0, -1]
    residues = [np.array([n % p for n in numbers], dtype=np.int64) for p in moduli]
    assert tree_arithmetic._symmetric_lift(residues, moduli) == numbers


def test_scalars_in_one_normal_form():
    r = sp.Symbol("r")
    found = normal_scalars([sp.sqrt(2) * sp.sqrt(6), (r**2 - 1) / (r - 1) - r, Fraction(1, 3)])
    assert found == [2 * sp.sqrt(3), Fraction(1), Fraction(1, 3)]


@pytest.mark.parametrize("digits", [5, 6, 7, 9, 12, 15, 20])
def test_numerators_of_small_numbers_are_as_long_as_their_denominators(digits):
    """The tall tree of two nodes has Σ b_i c_i − 1/2: it is below one, its numerator is not."""
    c = Fraction(1, 10**digits)
    series = bea.modified_series(bea.ButcherTableau([[0, 0], [c, 0]], ["1/2", "1/2"]), order=1)
    assert series[bea.Tree(bea.Tree())] == c / 2 - Fraction(1, 2)
