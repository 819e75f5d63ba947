"""Butcher tableaus: checked when built, exact, and of the order their names promise."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

import bea
from bea.symbolic.method_table import METHODS, method_named

ORDERS = {
    "euler": 1,
    "implicit_euler": 1,
    "midpoint": 2,
    "implicit_midpoint": 2,
    "trapezoidal": 2,
    "heun": 2,
    "ralston": 2,
    "kutta3": 3,
    "ssprk33": 3,
    "rk4": 4,
    "rk38": 4,
}


def test_every_method_is_in_the_table_of_orders():
    assert set(ORDERS) == set(METHODS) == set(bea.METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_order_conditions(name):
    """The conditions of order 1 to 4 (Hairer, Nørsett, Wanner, Solving ODEs I, II.2)."""
    t = METHODS[name]
    A, b, c = sp.Matrix(t.A), sp.Matrix(t.b).T, sp.Matrix(t.c)
    one = sp.ones(len(t.b), 1)
    square, cube = c.multiply_elementwise(c), c.multiply_elementwise(c).multiply_elementwise(c)
    conditions = {
        1: [(b * one, 1)],
        2: [(b * c, sp.Rational(1, 2))],
        3: [(b * square, sp.Rational(1, 3)), (b * A * c, sp.Rational(1, 6))],
        4: [
            (b * cube, sp.Rational(1, 4)),
            (b * c.multiply_elementwise(A * c), sp.Rational(1, 8)),
            (b * A * square, sp.Rational(1, 12)),
            (b * A * A * c, sp.Rational(1, 24)),
        ],
    }
    met = [all(left[0] == right for left, right in conditions[p]) for p in range(1, 5)]
    assert ([*met, False]).index(False) == ORDERS[name]


@pytest.mark.parametrize("name", METHODS)
def test_the_first_correction_appears_at_the_order(name):
    x, y = sp.symbols("x y")
    eq = bea.modified_equation(field=[y, -sp.sin(x)], params=(x, y), order=4, method=name)
    first = next(l for l in range(1, 5) if eq.corrections[l] != sp.zeros(2, 1))
    assert first == ORDERS[name]


@pytest.mark.parametrize("name", METHODS)
def test_entries_are_fractions_and_nodes_row_sums(name):
    t = METHODS[name]
    assert all(isinstance(entry, Fraction) for row in (*t.A, t.b, t.c) for entry in row)
    assert t.c == tuple(map(sum, t.A))
    assert t.name == name
    implicit = {"implicit_euler", "implicit_midpoint", "trapezoidal"}
    assert t.is_explicit == (name not in implicit)


def test_names_are_forgiving_and_tableaus_stand_for_themselves():
    assert method_named("RK4") is method_named("rk4")
    assert method_named("implicit-midpoint") is METHODS["implicit_midpoint"]
    mine = bea.ButcherTableau([["1/2"]], [1])
    assert method_named(mine) is mine


def test_entries_of_several_kinds_are_the_same_tableau():
    tableaus = [
        bea.ButcherTableau([[0, 0], [half, 0]], [0, 1], name="m")
        for half in ("1/2", "0.5", Fraction(1, 2), sp.Rational(1, 2))
    ]
    assert len(set(tableaus)) == 1


def test_a_tableau_of_ones_own_derives():
    x = sp.Symbol("x")
    theta = bea.ButcherTableau([[0, 0], ["2/3", "1/3"]], ["2/3", "1/3"])  # Crank–Nicolson-like
    eq = bea.modified_equation(field=[x], params=[x], order=1, method=theta)
    z = sp.Symbol("z")
    R = (
        1
        + z * (sp.Matrix(theta.b).T * (sp.eye(2) - z * sp.Matrix(theta.A)).inv() * sp.ones(2, 1))[0]
    )
    expected = sp.series(sp.log(R) / z, z, 0, 2).removeO()
    assert sp.expand(eq.vector_field()[0] / x - expected.subs(z, eq.step_size)) == 0


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (([[0, 0], [1]], [0, 1]), "row 1 of A has 1 entries for 2 stages"),
        (([[0], [1]], [0, 1]), "row 0 of A has 1 entries for 2 stages"),
        (([[0, 0]], [0, 1]), "1 rows in A and 2 weights"),
        (([[0.5]], [1]), "A[0][0] = 0.5 is not a rational number"),
        (([["x"]], [1]), "A[0][0] = 'x'"),
        (([["1/0"]], [1]), "A[0][0] = '1/0'"),
        (([[0]], [sp.sqrt(2)]), "b[0] = sqrt(2)"),
        (([[0, 0], [1, 0]], ["1/2", "1/3"]), "add up to 5/6"),
        (
            ([[0, 0], [1, 0]], ["1/2", "1/2"], [0, "1/2"]),
            "c = (0, 1/2) are not the row sums (0, 1)",
        ),
    ],
)
def test_bad_tableaus_get_one_line(arguments, culprit):
    with pytest.raises(bea.InputError) as caught:
        bea.ButcherTableau(*arguments)
    assert culprit in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(bea.InputError) as caught:
        method_named("rk5")
    assert all(name in str(caught.value) for name in METHODS)
