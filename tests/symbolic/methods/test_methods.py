"""Butcher tableaus: checked when built, exact, and of the order their names promise."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import bea
from bea import ButcherTableau, composition, modified_series, modifying_integrator
from bea.symbolic.methods.named import ALIASES, METHODS, method_named
from bea.symbolic.methods.properties import PROPERTIES
from bea.symbolic.ring.scalars import normal_scalars
from tests.symbolic.strategies import examples

ORDERS = {
    "euler": 1,
    "implicit_euler": 1,
    "midpoint": 2,
    "implicit_midpoint": 2,
    "trapezoidal": 2,
    "heun": 2,
    "ralston": 2,
    "sdirk2": 2,
    "tr_bdf2": 2,
    "lobatto_iiib2": 2,
    "lobatto_iiic2": 2,
    "kutta3": 3,
    "heun3": 3,
    "bogacki_shampine": 3,
    "ssprk33": 3,
    "radau_ia3": 3,
    "radau_iia3": 3,
    "crouzeix3": 3,
    "rk4": 4,
    "rk38": 4,
    "gill4": 4,
    "ralston4": 4,
    "merson4": 4,
    "ssprk104": 4,
    "gauss4": 4,
    "lobatto_iiia4": 4,
    "lobatto_iiib4": 4,
    "lobatto_iiic4": 4,
    "yoshida4": 4,
    "butcher5": 5,
    "fehlberg5": 5,
    "cash_karp": 5,
    "dormand_prince": 5,
    "radau_ia5": 5,
    "radau_iia5": 5,
    "gauss6": 6,
    "lobatto_iiia6": 6,
    "lobatto_iiib6": 6,
    "lobatto_iiic6": 6,
}
EXPLICIT = {
    "euler", "midpoint", "heun", "ralston", "kutta3", "heun3", "bogacki_shampine", "ssprk33",
    "rk4", "rk38", "gill4", "ralston4", "merson4", "ssprk104", "butcher5", "fehlberg5",
    "cash_karp", "dormand_prince",
}  # fmt: skip
IRRATIONAL = {
    "sdirk2", "tr_bdf2", "crouzeix3", "gill4", "ralston4", "gauss4", "yoshida4", "radau_ia5",
    "radau_iia5", "gauss6", "lobatto_iiia6", "lobatto_iiib6", "lobatto_iiic6",
}  # fmt: skip
SYMPLECTIC = {"implicit_midpoint", "gauss4", "gauss6", "yoshida4"}
SYMMETRIC = SYMPLECTIC | {
    "trapezoidal", "lobatto_iiia4", "lobatto_iiia6",
    "lobatto_iiib2", "lobatto_iiib4", "lobatto_iiib6",
}  # fmt: skip
STIFFLY_ACCURATE = {
    "implicit_euler", "trapezoidal", "sdirk2", "tr_bdf2", "radau_iia3", "radau_iia5",
    "lobatto_iiia4", "lobatto_iiia6", "lobatto_iiic2", "lobatto_iiic4", "lobatto_iiic6",
}  # fmt: skip


def exprs(*scalars: Any) -> list[sp.Expr]:
    return [sp.sympify(s) for s in scalars]


def matrices(tableau: ButcherTableau) -> tuple[sp.Matrix, sp.Matrix]:
    """A, and b as a column, in SymPy."""
    return sp.Matrix([exprs(*row) for row in tableau.A]), sp.Matrix(exprs(*tableau.b))


def is_zero(matrix: sp.Matrix) -> bool:
    """Do all entries vanish, multiplied out?"""
    return matrix.applyfunc(sp.expand) == sp.zeros(*matrix.shape)


def same_tableau(one: ButcherTableau, other: ButcherTableau) -> bool:
    return all(is_zero(u - v) for u, v in zip(matrices(one), matrices(other), strict=True))


def same_series(one: bea.Series, other: bea.Series) -> bool:
    """Are all coefficients equal, each difference in normal form?"""
    assert one.order == other.order and set(one) == set(other)
    differences = [sp.sympify(one[t]) - sp.sympify(other[t]) for t in one]
    return not any(normal_scalars(differences))


def test_what_methods_are_known_for_is_what_they_are():
    assert list(PROPERTIES) == list(METHODS)
    assert {name: known.order for name, known in PROPERTIES.items()} == ORDERS
    assert {name for name, known in PROPERTIES.items() if known.is_explicit} == EXPLICIT
    assert {name for name, known in PROPERTIES.items() if known.is_symmetric} == SYMMETRIC
    assert {name for name, known in PROPERTIES.items() if known.is_symplectic} == SYMPLECTIC
    for name, known in PROPERTIES.items():
        assert known.stages == len(METHODS[name].b)
        assert set(known.words.split()) <= {"explicit", "symmetric", "symplectic"}


# --- orders ------------------------------------------------------------------------------------


def test_every_method_is_in_the_table_of_orders():
    assert set(ORDERS) == set(METHODS) == set(bea.METHODS)
    assert len(METHODS) == len(list(METHODS)) == len(ORDERS)


Tree = tuple


def trees(n: int) -> set[Tree]:
    """Rooted trees as sorted tuples of what hangs on the root."""
    if n == 1:
        return {()}
    return {g for tree in trees(n - 1) for g in with_a_leaf(tree)}


def with_a_leaf(tree: Tree) -> list[Tree]:
    below = [
        tuple(sorted((*tree[:i], grown, *tree[i + 1 :])))
        for i, child in enumerate(tree)
        for grown in with_a_leaf(child)
    ]
    return [tuple(sorted((*tree, ()))), *below]


def size(tree: Tree) -> int:
    return 1 + sum(map(size, tree))


def density(tree: Tree) -> int:
    return size(tree) * prod(map(density, tree))


def test_there_are_as_many_trees_as_there_should_be():
    assert [len(trees(n)) for n in range(1, 8)] == [1, 1, 2, 4, 9, 20, 48]


@pytest.mark.parametrize("name", METHODS)
def test_order_conditions(name):
    """φ(τ) = 1/γ(τ) on all trees through the order and on not all beyond it (HNW II.2).

    In the field of numbers that the entries generate, exactly.
    """
    t = METHODS[name]
    s = len(t.b)
    domain, entries = sp.construct_domain(exprs(*t.entries), extension=True, field=True)
    assert domain.is_QQ or domain.is_Algebraic
    A, b = [entries[s * i : s * (i + 1)] for i in range(s)], entries[s * s :]

    @cache
    def stages(tree: Tree) -> list:
        """Π over the children of Σ_j a_ij (stages of the child)_j, for every i."""
        result = [domain.one] * s
        for child in tree:
            values = stages(child)
            for i in range(s):
                inner = sum((a * v for a, v in zip(A[i], values, strict=True)), domain.zero)
                result[i] = result[i] * inner
        return result

    def weight(tree: Tree):
        return sum((w * v for w, v in zip(b, stages(tree), strict=True)), domain.zero)

    def holds(tree: Tree) -> bool:
        return weight(tree) * domain.convert(density(tree)) == domain.one

    met = [all(map(holds, trees(n))) for n in range(1, 8)]
    assert met.index(False) == ORDERS[name]


@pytest.mark.parametrize("name", METHODS)
def test_the_first_correction_appears_at_the_order(name):
    assert modified_series(name, order=6).method_order == ORDERS[name]
    assert modifying_integrator(name, order=6).method_order == ORDERS[name]


@pytest.mark.parametrize("name", ["euler", "sdirk2", "ralston", "radau_iia3", "rk4", "gauss4"])
def test_the_first_correction_in_coordinates_appears_at_the_order(name):
    x, y = sp.symbols("x y")
    eq = bea.modified_equation(field=[y, -sp.sin(x)], params=(x, y), order=4, method=name)
    first = next(l for l in range(1, 5) if eq.corrections[l] != sp.zeros(2, 1))
    assert first == ORDERS[name]


# --- entries -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_entries_are_exact_and_nodes_row_sums(name):
    t = METHODS[name]
    for entry in (*t.entries, *t.c):
        if not isinstance(entry, Fraction):
            assert isinstance(entry, sp.Expr) and not entry.is_Rational
            assert entry.is_real and not entry.has(sp.Float) and not entry.free_symbols
    A, b = matrices(t)
    assert is_zero(A * sp.ones(len(t.b), 1) - sp.Matrix(exprs(*t.c)))
    assert is_zero(sp.Matrix([sum(b) - 1]))
    assert t.name == name
    assert t.is_explicit == (name in EXPLICIT)
    assert (
        t.is_rational
        == (name not in IRRATIONAL)
        == all(isinstance(entry, Fraction) for entry in t.entries)
    )
    assert bool(t.irrational_entries) == (name in IRRATIONAL)
    assert t.symbols == ()


PUBLISHED = {
    # Hairer, Lubich, Wanner, Geometric Numerical Integration, 2nd ed., Table II.1.1 (Gauss);
    # Hairer, Wanner, Solving ODEs II, 2nd ed., Tables IV.5.1 to IV.5.11 (Gauss, Radau, Lobatto)
    "gauss4": ("1/4, 1/4 - sqrt(3)/6; 1/4 + sqrt(3)/6, 1/4", "1/2, 1/2"),
    "gauss6": (
        "5/36, 2/9 - sqrt(15)/15, 5/36 - sqrt(15)/30;"
        "5/36 + sqrt(15)/24, 2/9, 5/36 - sqrt(15)/24;"
        "5/36 + sqrt(15)/30, 2/9 + sqrt(15)/15, 5/36",
        "5/18, 4/9, 5/18",
    ),
    "radau_ia3": ("1/4, -1/4; 1/4, 5/12", "1/4, 3/4"),
    "radau_ia5": (
        "1/9, (-1 - sqrt(6))/18, (-1 + sqrt(6))/18;"
        "1/9, (88 + 7*sqrt(6))/360, (88 - 43*sqrt(6))/360;"
        "1/9, (88 + 43*sqrt(6))/360, (88 - 7*sqrt(6))/360",
        "1/9, (16 + sqrt(6))/36, (16 - sqrt(6))/36",
    ),
    "radau_iia3": ("5/12, -1/12; 3/4, 1/4", "3/4, 1/4"),
    "radau_iia5": (
        "(88 - 7*sqrt(6))/360, (296 - 169*sqrt(6))/1800, (-2 + 3*sqrt(6))/225;"
        "(296 + 169*sqrt(6))/1800, (88 + 7*sqrt(6))/360, (-2 - 3*sqrt(6))/225;"
        "(16 - sqrt(6))/36, (16 + sqrt(6))/36, 1/9",
        "(16 - sqrt(6))/36, (16 + sqrt(6))/36, 1/9",
    ),
    "lobatto_iiia4": ("0, 0, 0; 5/24, 1/3, -1/24; 1/6, 2/3, 1/6", "1/6, 2/3, 1/6"),
    "lobatto_iiia6": (
        "0, 0, 0, 0;"
        "(11 + sqrt(5))/120, (25 - sqrt(5))/120, (25 - 13*sqrt(5))/120, (-1 + sqrt(5))/120;"
        "(11 - sqrt(5))/120, (25 + 13*sqrt(5))/120, (25 + sqrt(5))/120, (-1 - sqrt(5))/120;"
        "1/12, 5/12, 5/12, 1/12",
        "1/12, 5/12, 5/12, 1/12",
    ),
    "lobatto_iiib2": ("1/2, 0; 1/2, 0", "1/2, 1/2"),
    "lobatto_iiib4": ("1/6, -1/6, 0; 1/6, 1/3, 0; 1/6, 5/6, 0", "1/6, 2/3, 1/6"),
    "lobatto_iiib6": (
        "1/12, (-1 - sqrt(5))/24, (-1 + sqrt(5))/24, 0;"
        "1/12, (25 + sqrt(5))/120, (25 - 13*sqrt(5))/120, 0;"
        "1/12, (25 + 13*sqrt(5))/120, (25 - sqrt(5))/120, 0;"
        "1/12, (11 - sqrt(5))/24, (11 + sqrt(5))/24, 0",
        "1/12, 5/12, 5/12, 1/12",
    ),
    "lobatto_iiic2": ("1/2, -1/2; 1/2, 1/2", "1/2, 1/2"),
    "lobatto_iiic4": ("1/6, -1/3, 1/6; 1/6, 5/12, -1/12; 1/6, 2/3, 1/6", "1/6, 2/3, 1/6"),
    "lobatto_iiic6": (
        "1/12, -sqrt(5)/12, sqrt(5)/12, -1/12;"
        "1/12, 1/4, (10 - 7*sqrt(5))/60, sqrt(5)/60;"
        "1/12, (10 + 7*sqrt(5))/60, 1/4, -sqrt(5)/60;"
        "1/12, 5/12, 5/12, 1/12",
        "1/12, 5/12, 5/12, 1/12",
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_entries_as_published(name):
    rows, b = PUBLISHED[name]
    published = ButcherTableau([row.split(",") for row in rows.split(";")], b.split(","))
    assert same_tableau(METHODS[name], published)


PUBLISHED_NODES = {  # HNW II.4 and II.5; Ralston 1962 to eight digits
    "merson4": "0 1/3 1/3 1/2 1",
    "butcher5": "0 1/4 1/4 1/2 3/4 1",
    "fehlberg5": "0 1/4 3/8 12/13 1 1/2",
    "cash_karp": "0 1/5 3/10 3/5 1 7/8",
    "dormand_prince": "0 1/5 3/10 4/5 8/9 1",
}


@pytest.mark.parametrize("name", PUBLISHED_NODES)
def test_nodes_as_published(name):
    assert METHODS[name].c == tuple(map(Fraction, PUBLISHED_NODES[name].split()))


def test_decimals_as_published():
    """Ralston 1962, and the steps of Suzuki's and Yoshida's triple jump (HLW II.4)."""
    t = METHODS["ralston4"]
    published = {
        t.c[2]: 0.45573725, t.A[2][0]: 0.29697761, t.A[2][1]: 0.15875964,
        t.A[3][0]: 0.21810040, t.A[3][1]: -3.05096516, t.A[3][2]: 3.83286476,
        t.b[0]: 0.17476028, t.b[1]: -0.55148066, t.b[2]: 1.20553560, t.b[3]: 0.17118478,
    }  # fmt: skip
    assert len(published) == 10
    for entry, decimals in published.items():
        assert float(entry) == pytest.approx(decimals, abs=1.2e-8)  # a_41 ends in …388, not …400
    jump = [1.3512071919596578, -1.7024143839193153, 1.3512071919596578]
    assert [float(w) for w in METHODS["yoshida4"].b] == pytest.approx(jump, rel=1e-15)


# --- collocation -------------------------------------------------------------------------------

T = sp.Symbol("t")
NODES = {
    # HW IV.5: nodes are the roots of d^k/dt^k of t^p (t − 1)^q, for (k, p, q)
    "implicit_midpoint": (1, 1, 1),
    "gauss4": (2, 2, 2),
    "gauss6": (3, 3, 3),
    "radau_ia3": (1, 2, 1),
    "radau_ia5": (2, 3, 2),
    "implicit_euler": (0, 0, 1),
    "radau_iia3": (1, 1, 2),
    "radau_iia5": (2, 2, 3),
    "trapezoidal": (0, 1, 1),
    "lobatto_iiia4": (1, 2, 2),
    "lobatto_iiia6": (2, 3, 3),
    "lobatto_iiic2": (0, 1, 1),
    "lobatto_iiic4": (1, 2, 2),
    "lobatto_iiic6": (2, 3, 3),
}


@pytest.mark.parametrize("name", NODES)
def test_nodes_are_the_roots_of_derivatives_of_powers(name):
    k, p, q = NODES[name]
    polynomial = sp.Poly(sp.diff(T**p * (T - 1) ** q, T, k), T).monic()
    found = sp.prod([T - c for c in exprs(*METHODS[name].c)])
    assert sp.expand(found - polynomial.as_expr()) == 0
    nodes = [float(c) for c in METHODS[name].c]
    assert nodes == sorted(nodes)


def test_gauss_nodes_are_those_of_legendre():
    for s, name in ((1, "implicit_midpoint"), (2, "gauss4"), (3, "gauss6")):
        for c in METHODS[name].c:
            assert sp.expand(sp.legendre(s, 2 * sp.sympify(c) - 1)) == 0


def stage_conditions(name: str) -> tuple[int, int]:
    """The largest η ≤ s with C(η) and the largest ζ ≤ s with D(ζ) (HW IV.5)."""
    A, b = matrices(METHODS[name])
    s, c = len(b), A * sp.ones(len(b), 1)
    powers = [c.applyfunc(lambda e, k=k: e**k) for k in range(s + 1)]
    C = [is_zero(A * powers[k - 1] - powers[k] / k) for k in range(1, s + 1)]
    D = [
        is_zero(
            sp.Matrix(
                [
                    sum(b[i] * powers[k - 1][i] * A[i, j] for i in range(s))
                    - b[j] * (1 - powers[k][j]) / k
                    for j in range(s)
                ]
            )
        )
        for k in range(1, s + 1)
    ]
    return [*C, False].index(False), [*D, False].index(False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [  # HW, Table IV.5.13: B(p), C(η), D(ζ)
        ("gauss4", (2, 2)),
        ("gauss6", (3, 3)),
        ("radau_ia3", (1, 2)),
        ("radau_ia5", (2, 3)),
        ("radau_iia3", (2, 1)),
        ("radau_iia5", (3, 2)),
        ("lobatto_iiia4", (3, 1)),
        ("lobatto_iiia6", (4, 2)),
        ("lobatto_iiib4", (1, 3)),
        ("lobatto_iiib6", (2, 4)),
        ("lobatto_iiic4", (2, 2)),
        ("lobatto_iiic6", (3, 3)),
    ],
)
def test_stage_conditions(name, expected):
    assert stage_conditions(name) == expected


def test_collocation_with_nodes_of_ones_own():
    nodes = ["0", "1/4", "1"]
    t = ButcherTableau.collocation(nodes, name="mine")
    assert t.name == "mine" and t.c == tuple(map(Fraction, nodes))
    A, b = matrices(t)
    for k in range(3):  # exact for quadratic polynomials, on every stage
        powers = sp.Matrix([sp.Rational(c) ** k for c in nodes])
        assert is_zero(A * powers - sp.Matrix([sp.Rational(c) ** (k + 1) for c in nodes]) / (k + 1))
        assert (b.T * powers)[0] == sp.Rational(1, k + 1)
    family = ButcherTableau.collocation(["c", "1"])
    assert [str(symbol) for symbol in family.symbols] == ["c"]
    assert same_tableau(family.subs({"c": "1/3"}), METHODS["radau_iia3"])
    assert same_tableau(family.subs({"c": 0}), METHODS["trapezoidal"])


# --- symplectic, stiffly accurate, symmetric ---------------------------------------------------


def test_symplectic_methods():
    """b_i a_ij + b_j a_ji = b_i b_j (HLW, Theorem VI.4.3), and for no other method."""

    def symplectic(name: str) -> bool:
        A, b = matrices(METHODS[name])
        weighted = sp.diag(*b) * A
        return is_zero(weighted + weighted.T - b * b.T)

    assert {name for name in METHODS if symplectic(name)} == SYMPLECTIC


def test_stiffly_accurate_methods():
    assert {name for name, t in METHODS.items() if t.A[-1] == t.b} == STIFFLY_ACCURATE


@pytest.mark.parametrize("name", METHODS)
def test_symmetric_methods_and_they_only_have_no_odd_corrections(name):
    series = modified_series(name, order=7)
    odd = [l for l in (1, 3, 5, 7) if series.terms(l)]
    assert (odd == []) == (name in SYMMETRIC)
    assert any(series.terms(l) for l in (1, 2, 4, 5, 6))
    # they are their own adjoint, stage by stage
    assert same_tableau(METHODS[name].adjoint(), METHODS[name]) == (name in SYMMETRIC)


# --- adjoint -----------------------------------------------------------------------------------


def test_adjoints_that_are_known():
    assert METHODS["euler"].adjoint().entries == METHODS["implicit_euler"].entries
    assert METHODS["implicit_euler"].adjoint().entries == METHODS["euler"].entries
    assert METHODS["trapezoidal"].adjoint().entries == METHODS["trapezoidal"].entries
    assert METHODS["heun"].adjoint().name == "adjoint of heun"
    assert METHODS["heun"].adjoint().adjoint().name == "heun"
    # HW IV.5: Radau I and Radau II are the two halves of a reflection; IA and IIA are no adjoints
    assert not same_tableau(METHODS["radau_ia3"].adjoint(), METHODS["radau_iia3"])


@pytest.mark.parametrize("name", METHODS)
def test_the_adjoint_of_the_adjoint_is_the_method(name):
    method = METHODS[name]
    twice = method.adjoint().adjoint()
    assert same_tableau(twice, method) and twice.name == name


@pytest.mark.parametrize("name", ["euler", "ralston", "kutta3", "sdirk2", "radau_iia3", "gill4"])
def test_the_adjoint_has_the_series_with_minus_h(name):
    method = METHODS[name]
    series, adjoint = modified_series(method, order=5), modified_series(method.adjoint(), order=5)
    for tree, b in series.items():
        sign = (-1) ** (tree.order - 1)
        assert sp.expand(sp.sympify(adjoint[tree]) - sign * sp.sympify(b)) == 0


# --- composition -------------------------------------------------------------------------------


def test_compositions_that_are_known():
    trapezoidal = composition(["euler", "implicit_euler"])
    midpoint = composition(["implicit_euler", "euler"])
    assert trapezoidal.entries == METHODS["trapezoidal"].entries
    assert trapezoidal.name == "euler then implicit_euler"
    assert same_series(modified_series(trapezoidal, 6), modified_series("trapezoidal", 6))
    assert same_series(modified_series(midpoint, 6), modified_series("implicit_midpoint", 6))
    assert not same_series(modified_series(midpoint, 6), modified_series("trapezoidal", 6))


def test_the_triple_jump_is_a_composition():
    jump = composition(["implicit_midpoint"] * 3, METHODS["yoshida4"].b)
    assert same_tableau(jump, METHODS["yoshida4"])


def test_one_method_alone_is_itself_and_names_may_be_given():
    for methods in ("heun", ["heun"], [METHODS["heun"]]):
        assert composition(methods) == METHODS["heun"]
    assert composition(["euler", "heun"], name="mine").name == "mine"


@pytest.mark.parametrize("name", ["euler", "ralston", "kutta3", "rk4", "sdirk2", "radau_iia3"])
def test_a_method_composed_with_its_adjoint_is_symmetric(name):
    method = METHODS[name]
    for whole in ([method, method.adjoint()], [method.adjoint(), method]):
        series = modified_series(composition(whole), order=5)
        assert [series.terms(l) for l in (1, 3, 5)] == [{}] * 3
        assert series.method_order in (2, 4)


def test_composition_is_one_map_after_the_other():
    """Against a step map written out: Heun over a third of the step, Euler over the rest."""
    x, y = sp.symbols("x y")

    def f(theta):
        u, v = theta
        return u * v + v, u - v**2

    def euler(theta, h):
        return [p + h * d for p, d in zip(theta, f(theta), strict=True)]

    def heun(theta, h):
        ends = zip(theta, f(theta), f(euler(theta, h)), strict=True)
        return [p + h * (d + e) / 2 for p, d, e in ends]

    third = sp.Rational(1, 3)
    orders = {
        ("heun", "euler"): lambda theta, h: euler(heun(theta, third * h), (1 - third) * h),
        ("euler", "heun"): lambda theta, h: heun(euler(theta, (1 - third) * h), third * h),
    }
    corrections = []
    for names, step in orders.items():
        fractions = ["1/3", "2/3"] if names[0] == "heun" else ["2/3", "1/3"]
        ours = bea.modified_equation(
            field=f((x, y)), params=(x, y), order=3, method=composition(names, fractions)
        )
        theirs = bea.modified_equation(step=step, params=(x, y), order=3)
        for u, v in zip(ours.corrections, theirs.corrections, strict=True):
            assert is_zero(u - v)
        corrections.append(ours.corrections)
    assert corrections[0] != corrections[1]


def test_fractions_of_the_step_may_be_symbols():
    whole = composition(["euler", "implicit_euler"], ["gamma", "1 - gamma"])
    assert [str(symbol) for symbol in whole.symbols] == ["gamma"]
    series = modified_series(whole, order=4)
    for value in ("0", "1/3", "1/2", "1", "-2", "sqrt(2)"):
        steps = [value, f"1 - ({value})"]
        expected = modified_series(composition(["euler", "implicit_euler"], steps), order=4)
        assert same_series(series.subs({"gamma": value}), expected)
    assert same_series(series.subs({"gamma": "1/2"}), modified_series("trapezoidal", order=4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "a composition of no methods is no method: give at least one"),
        ((["euler", "heun"], ["1/2", "1/3"]), "fractions of the step add up to 5/6, not to 1"),
        ((["euler", "heun"], ["gamma", "gamma"]), "add up to 2*gamma, not to 1"),
        ((["euler"], ["1/2", "1/2"]), "steps= has 2 fractions for 1 method: give one for each"),
        ((["euler", "heun"], []), "steps= has 0 fractions for 2 methods"),
        ((["euler", "heun"], [0.1**0.5, 0.5]), "stands for no short fraction: write it exactly"),
        ((["euler", "heun"], "1/2 1/2"), "steps is str, not a list"),
        ((["euler", "foo"],), "unknown method 'foo'"),
        ((5,), "5 is no list of methods: give their names, or tableaus"),
    ],
)
def test_compositions_that_cannot_be_made(arguments, message):
    with pytest.raises(bea.InputError) as caught:
        composition(*arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


# --- conjugate ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "partner"),
    [
        ("trapezoidal", "lobatto_iiib2"),
        ("lobatto_iiia4", "lobatto_iiib4"),
        ("lobatto_iiia6", "lobatto_iiib6"),
        ("gauss4", "gauss4"),
        ("gauss6", "gauss6"),
        ("yoshida4", "yoshida4"),
        ("lobatto_iiic4", None),
        ("radau_iia5", None),
    ],
)
def test_conjugates(name, partner):
    method = METHODS[name]
    conjugate = method.conjugate()
    # b_i â_ij + b_j a_ji = b_i b_j (HLW, Theorem VI.4.6)
    (A, b), (hat, weights) = matrices(method), matrices(conjugate)
    assert is_zero(weights - b)
    assert is_zero(sp.diag(*b) * hat + (sp.diag(*b) * A).T - b * b.T)
    assert same_tableau(conjugate.conjugate(), method)
    if partner:
        assert same_tableau(conjugate, METHODS[partner])
    else:
        assert not same_tableau(conjugate, method)


@pytest.mark.parametrize("name", ["midpoint", "heun3", "dormand_prince"])
def test_a_zero_weight_has_no_conjugate(name):
    with pytest.raises(
        bea.InputError, match=rf"{name} has no conjugate: its weight b\[\d\] is zero"
    ):
        METHODS[name].conjugate()


# --- families ----------------------------------------------------------------------------------

FAMILY = ButcherTableau([[0, 0], ["alpha", 0]], ["1 - 1/(2*alpha)", "1/(2*alpha)"], name="family")
THETA_METHOD = ButcherTableau([[0, 0], ["1 - theta", "theta"]], ["1 - theta", "theta"])
FAMILY_SERIES = [of(FAMILY, order=4) for of in (modified_series, modifying_integrator)]
THETA_SERIES = [of(THETA_METHOD, order=4) for of in (modified_series, modifying_integrator)]
ALPHAS = st.fractions(-3, 3, max_denominator=7)


def test_the_family_of_order_two():
    assert FAMILY.is_explicit and not FAMILY.is_rational
    assert [str(symbol) for symbol in FAMILY.symbols] == ["alpha"]
    assert [series.method_order for series in FAMILY_SERIES] == [2, 2]
    for value, name in (("1/2", "midpoint"), (1, "heun"), (sp.Rational(2, 3), "ralston")):
        for key in ("alpha", sp.Symbol("alpha")):
            tableau = FAMILY.subs({key: value})
            assert tableau.entries == METHODS[name].entries and tableau.symbols == ()
    # f_2 = (α/4 − 1/6) f''(f,f) − 1/6 f'f'f: Σ b_i c_i² = α/2
    alpha = sp.Symbol("alpha")
    tall, cherry = sorted(FAMILY_SERIES[0].coefficients(2))
    assert sp.expand(FAMILY_SERIES[0][cherry] - (alpha / 2 - sp.Rational(1, 3))) == 0
    assert FAMILY_SERIES[0][tall] == Fraction(-1, 6)


def test_the_theta_method():
    assert not THETA_METHOD.is_explicit
    assert THETA_METHOD.subs({"theta": 0}).is_explicit
    for value, name in ((0, "euler"), ("1/2", "trapezoidal"), (1, "implicit_euler")):
        ours = THETA_SERIES[0].subs({"theta": value})
        assert same_series(ours, modified_series(name, order=4))
        assert ours.method.is_rational
    assert THETA_METHOD.subs({"theta": "1/2"}).entries == METHODS["trapezoidal"].entries


@examples(15)
@given(ALPHAS.filter(bool))
def test_substitution_and_series_commute(alpha):
    for series, of in zip(FAMILY_SERIES, (modified_series, modifying_integrator), strict=True):
        substituted = series.subs({"alpha": alpha})
        expected = of(FAMILY.subs({"alpha": alpha}), order=4)
        assert dict(substituted) == dict(expected)
        assert all(isinstance(b, Fraction) for b in substituted.values())
        assert substituted.method == expected.method


@examples(15)
@given(ALPHAS)
def test_substitution_and_series_commute_for_an_implicit_family(theta):
    for series, of in zip(THETA_SERIES, (modified_series, modifying_integrator), strict=True):
        expected = of(THETA_METHOD.subs({"theta": theta}), order=4)
        assert dict(series.subs({"theta": theta})) == dict(expected)


def test_families_stay_exact_with_irrational_and_symbolic_values():
    for value in ("sqrt(2)/2", "1/(2-2**(1/3))", "beta", "1 + beta"):
        series = FAMILY_SERIES[0].subs({"alpha": value})
        assert same_series(series, modified_series(FAMILY.subs({"alpha": value}), order=4))
    for series in (*FAMILY_SERIES, *THETA_SERIES):
        for b in series.values():
            assert isinstance(b, Fraction) or (isinstance(b, sp.Expr) and not b.has(sp.Float))
            assert not isinstance(b, sp.Rational)


def test_a_family_composed_with_its_adjoint_is_symmetric():
    series = modified_series(composition([FAMILY, FAMILY.adjoint()]), order=3)
    assert [series.terms(l) for l in (1, 3)] == [{}, {}]
    assert series.terms(2)


def test_a_family_in_coordinates_has_its_symbol_for_a_constant():
    x, alpha = sp.symbols("x alpha")
    eq = bea.modified_equation(field=["x**2"], params="x", order=2, method=FAMILY)
    assert eq.constants == (alpha,)
    # on x²: f''(f,f) = 2x⁴ and f'f'f = 4x⁴
    expected = 2 * (alpha / 4 - sp.Rational(1, 6)) - sp.Rational(4, 6)
    assert sp.expand(eq.corrections[2][0] - expected * x**4) == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"params": "alpha", "field": ["alpha**2"]}, "a parameter"),
        ({"params": [sp.Symbol("alpha", real=True)], "field": [1]}, "a parameter"),
        ({"params": "x", "field": ["x**2"], "step_size": "alpha"}, "the step size"),
    ],
)
@pytest.mark.filterwarnings("ignore:the field does not depend")
def test_a_symbol_that_is_taken(arguments, what):
    with pytest.raises(bea.InputError) as caught:
        bea.modified_equation(method=FAMILY, order=1, **arguments)
    assert f"alpha is {what} and a symbol of family: rename one of them" in str(caught.value)


@pytest.mark.parametrize("entry", ["h", sp.Symbol("h", positive=True), "1/(1 + h)"])
def test_the_step_size_is_no_entry(entry):
    with pytest.raises(bea.InputError, match="a tableau cannot contain the step size h: rename"):
        ButcherTableau([[entry]], [1])


def test_symbols_of_one_name_are_one_symbol():
    positive = sp.Symbol("alpha", positive=True)
    mixed = ButcherTableau([[0, 0], ["alpha", 0]], [1 - 1 / (2 * positive), 1 / (2 * positive)])
    assert len(mixed.symbols) == 1
    for key in ("alpha", positive, sp.Symbol("alpha")):
        assert mixed.subs({key: 1}).entries == METHODS["heun"].entries


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beta": 1}, "beta is no symbol of family: it has alpha"),
        ({"alpha": 2**0.5}, "the value of alpha = 1.4142135623730951 is a float that stands for"),
        ({"alpha": 0}, "not a real number"),
        ({"alpha": True}, "the value of alpha = True is not a number"),
        ({"alpha": "1/0"}, "the value of alpha: a division by zero"),
    ],
)
def test_values_that_cannot_be_put_in(values, message):
    for subject in (FAMILY, *FAMILY_SERIES):
        with pytest.raises(bea.InputError) as caught:
            subject.subs(values)
        assert message in str(caught.value) and "\n" not in str(caught.value)


def test_there_is_nothing_to_put_into_a_number():
    with pytest.raises(bea.InputError, match="alpha is no symbol of rk4: it has none"):
        METHODS["rk4"].subs({"alpha": 1})


# --- names -------------------------------------------------------------------------------------


def test_names_are_forgiving_and_tableaus_stand_for_themselves():
    assert method_named("RK4") is method_named("rk4")
    assert method_named("implicit-midpoint") is METHODS["implicit_midpoint"]
    assert method_named(" Dormand Prince ") is METHODS["dormand_prince"]
    mine = ButcherTableau([["1/2"]], [1])
    assert method_named(mine) is mine


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_resolve(alias):
    assert alias not in set(METHODS) and METHODS[alias] is METHODS[ALIASES[alias]]
    assert method_named(alias) is METHODS[ALIASES[alias]]
    assert method_named(alias.upper().replace("_", "-")).name == ALIASES[alias]


def test_a_library_is_a_mapping_that_builds_when_asked():
    assert METHODS["gauss4"] is METHODS["gauss4"]
    assert "gauss4" in METHODS and "rk5" not in METHODS and 4 not in METHODS
    assert METHODS.get("rk5") is None and METHODS["RK4"] is METHODS["rk4"]
    assert METHODS["rk45"] is METHODS["Dormand-Prince"] is METHODS["dormand_prince"]
    with pytest.raises(KeyError, match=r"^unknown method .rk5.: did you mean rk4"):
        METHODS["rk5"]
    with pytest.raises(KeyError):
        METHODS["rk5"]


@pytest.mark.parametrize("name", ["none", "", 4, None, ["euler"]])
def test_unknown_names_list_the_known_ones(name):
    with pytest.raises(bea.InputError) as caught:
        method_named(name)
    assert f"unknown method {name!r}" in str(caught.value) and "\n" not in str(caught.value)
    assert all(known in str(caught.value) for known in METHODS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RK5", "rk4, rk45 (dormand_prince) or rkf45 (fehlberg5)?"),
        ("eulr", "euler?"),
        ("Backward Eulers", "backward_euler (implicit_euler)"),
    ],
)
def test_a_misspelled_name_finds_those_like_it(name, meant):
    with pytest.raises(bea.InputError, match=f"unknown method '{name}': did you mean ") as caught:
        METHODS[name]
    assert meant in str(caught.value)


# --- a tableau of one's own --------------------------------------------------------------------


def test_entries_of_several_kinds_are_the_same_tableau():
    tableaus = [
        ButcherTableau([[0, 0], [half, 0]], [0, 1], name="m")
        for half in ("1/2", "0.5", Fraction(1, 2), sp.Rational(1, 2))
    ]
    assert len(set(tableaus)) == 1
    square = sp.Matrix([[0, 0], [sp.Rational(1, 2), 0]])
    for b in ((0, 1), sp.Matrix([0, 1]), sp.Matrix([[0, 1]]), sp.ImmutableMatrix([0, 1])):
        assert ButcherTableau(square, b, name="m") == tableaus[0]


def test_integer_arrays_are_exact():
    t = ButcherTableau(np.array([[0, 0], [1, 0]]), np.array([0, 1]), name="m")
    assert t == ButcherTableau([[0, 0], [1, 0]], [0, 1], name="m")
    assert all(type(entry) is Fraction and type(entry.numerator) is int for entry in t.entries)


def test_irrational_entries_of_several_kinds_are_the_same_tableau():
    ways = ("1 - sqrt(2)/2", 1 - sp.sqrt(2) / 2, "(2 - sqrt(2))/2", 1 / (2 + sp.sqrt(2)))
    tableaus = [ButcherTableau([[way]], [1], name="m") for way in ways]
    assert len(set(tableaus)) == 1
    four = ButcherTableau([["sqrt(2)*sqrt(8)"]], [1])
    assert four.entries == (Fraction(4), Fraction(1)) and four.is_rational
    assert ButcherTableau([[0]], ["sqrt(3)**2/3"]).is_rational
    nodes = ["3/(2*sqrt(3))"]
    assert ButcherTableau([["sqrt(3)/2"]], [1], nodes).c == (sp.sqrt(3) / 2,)


def test_a_tableau_of_ones_own_derives():
    x = sp.Symbol("x")
    theta = ButcherTableau([[0, 0], ["2/3", "1/3"]], ["2/3", "1/3"])  # Crank–Nicolson-like
    eq = bea.modified_equation(field=[x], params=[x], order=1, method=theta)
    z = sp.Symbol("z")
    R = (
        1
        + z * (sp.Matrix(theta.b).T * (sp.eye(2) - z * sp.Matrix(theta.A)).inv() * sp.ones(2, 1))[0]
    )
    expected = sp.series(sp.log(R) / z, z, 0, 2).removeO()
    assert sp.expand(eq.vector_field()[0] / x - expected.subs(z, eq.step_size)) == 0


EXACTLY = "write it as an integer, a Fraction, a SymPy expression or text such as '1/3'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0, 0], [1]], [0, 1]), "row 1 of A has 1 entry for 2 stages: A must be square"),
        (([[0], [1]], [0, 1]), "row 0 of A has 1 entry for 2 stages: A must be square"),
        (([[0, 0]], [0, 1]), "1 row in A and 2 weights in b: give one row and one weight"),
        (([], []), "the tableau has no stages: give at least one row and one weight"),
        ((5, [1]), "A is int, not a list: a tableau is made of rows of entries"),
        (("0", [1]), "A is str, not a list"),
        (([0], [1]), "A[0] is int, not a list"),
        (([{0: 1}], [1]), "A[0] is dict, not a list"),
        (([[0]], 1), "b is int, not a list"),
        (([[0]], "1"), "b is str, not a list"),
        (([[0]], [1], "0"), "c is str, not a list"),
        (
            ([[3**0.5 / 6]], [1]),
            "A[0][0] = 0.28867513459481287 is a float that stands",
        ),
        (
            ([[np.float32(0.2886751)]], [1]),
            "is a float that stands for no short fraction",
        ),
        (([[0]], [1 + 1e-9]), "b[0] = 1.000000001 is a float that stands for no short fraction"),
        (([[sp.sqrt(2) * sp.Float(0.5)]], [1]), "contains a float: write it exactly"),
        (([[float("nan")]], [1]), "A[0][0] = nan is a float that stands for no short fraction"),
        (([[1j]], [1]), f"A[0][0] = 1j is not exact: {EXACTLY}"),
        (([[None]], [1]), f"A[0][0] = None is not exact: {EXACTLY}"),
        (([[True]], [1]), "A[0][0] = True is not a number"),
        (([[sp.nan]], [1]), "A[0][0] = nan is not a real number"),
        (([[sp.oo]], [1]), "A[0][0] = oo is not a real number"),
        (([[sp.zoo]], [1]), "A[0][0] = zoo is not a real number"),
        (([[sp.sqrt(-1)]], [1]), "A[0][0] = I is not a real number"),
        (([[1 + sp.sqrt(-3)]], [1]), "A[0][0] = 1 + sqrt(3)*I is not a real number"),
        (([[sp.I * sp.Symbol("alpha")]], [1]), "A[0][0] = I*alpha is not a real number"),
        (([[sp.sqrt(-6) + sp.Symbol("x")]], [1]), "A[0][0] = x + sqrt(6)*I is not a real number"),
        (([["sqrt(-1)"]], [1]), "A[0][0]: the value is not a real number"),
        (([["(-8)**(1/3)"]], [1]), "A[0][0]: the value is not a real number"),
        (([["nan"]], [1]), "A[0][0]: nan is not a finite number"),
        (([["1/0"]], [1]), "A[0][0]: a division by zero"),
        (([["1/(sqrt(2) - sqrt(2))"]], [1]), "A[0][0]: a division by zero"),
        (([["x y"]], [1]), "A[0][0]: invalid syntax"),
        (([["1/2+"]], [1]), "A[0][0]: invalid syntax"),
        (([[0]], [sp.sqrt(2)]), "the weights b add up to sqrt(2), not to 1"),
        (([[0]], ["alpha"]), "the weights b add up to alpha, not to 1"),
        (([[0, 0], [1, 0]], ["1/2", "1/3"]), "add up to 5/6, not to 1"),
        (([[0]], [1], ["0", "0"]), "c = (0, 0) are not the row sums (0) of A"),
        (
            ([[0, 0], [1, 0]], ["1/2", "1/2"], [0, "1/2"]),
            "c = (0, 1/2) are not the row sums (0, 1) of A: correct one of them, or leave c out",
        ),
    ],
)
def test_bad_tableaus_get_one_line(arguments, message):
    with pytest.raises(bea.InputError) as caught:
        ButcherTableau(*arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (["0", "0"], "the nodes c[0] and c[1] are both 0: collocation needs different nodes"),
        (["1", "sqrt(8)", "2*sqrt(2)"], "the nodes c[1] and c[2] are both 2*sqrt(2)"),
        ([], "the tableau has no stages"),
        ("1/2", "c is str, not a list"),
    ],
)
def test_nodes_without_a_collocation_method(nodes, message):
    with pytest.raises(bea.InputError) as caught:
        ButcherTableau.collocation(nodes)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_other_names_of_methods():
    """Each as in the literature; a method of one's own may not be called by a name of the table."""
    names = {
        "euler": ["gradient_descent", "explicit_euler"],
        "implicit_euler": ["backward_euler", "radau_iia1"],
        "implicit_midpoint": ["gauss2"],
        "trapezoidal": ["crank_nicolson", "lobatto_iiia2"],
        "midpoint": ["explicit_midpoint", "rk2"],
        "heun": ["heun2", "ssprk22"],
        "ralston": ["ralston2"],
        "bogacki_shampine": ["bs3", "ralston3"],
        "rk4": ["classical"],
        "rk38": ["kutta4"],
        "fehlberg5": ["rkf45"],
        "dormand_prince": ["dopri5", "rk45"],
    }
    for name, others in names.items():
        for other in others:
            assert bea.modified_series(other, 0).method == bea.METHODS[name]


READ = [
    ([[0, 0], [0.5, 0]], [0.0, 1.0], [["0", "0"], ["1/2", "0"]]),
    (np.array([[0, 0], [2 / 3, 0]]), np.array([0.25, 0.75]), [["0", "0"], ["2/3", "0"]]),
    (np.float32([[0, 0], [2 / 3, 0]]), np.float32([0.25, 0.75]), [["0", "0"], ["2/3", "0"]]),
    ([[0, 0], [sp.Float(0.1) * 5, 0]], [0, 1], [["0", "0"], ["1/2", "0"]]),
]


@pytest.mark.parametrize(("A", "b", "exact"), READ)
def test_floats_are_read_as_the_short_fractions_they_stand_for(A, b, exact):
    with pytest.warns(UserWarning, match=r" = 0\.\d+ is read as \d/\d") as caught:
        tableau = ButcherTableau(A, b)
    assert tuple(tuple(map(Fraction, row)) for row in exact) == tableau.A
    assert any(f"is read as {exact[1][0]}" in str(w.message) for w in caught)


def test_the_tableau_of_dormand_and_prince_in_floats_is_the_exact_one():
    exact = METHODS["dormand_prince"]
    with pytest.warns(UserWarning, match="is read as"):
        read = ButcherTableau(np.array(exact.A, float), np.array(exact.b, float))
    assert read == exact
