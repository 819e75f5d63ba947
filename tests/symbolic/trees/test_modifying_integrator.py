"""Modifying integrators: two roads to the coefficients, and steps that lie on the flow."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import bea
from bea.symbolic.coordinates.carrier import CoordinatesCarrier, algebra_for
from bea.symbolic.methods.stages import modifying_fields
from bea.symbolic.trees.carrier import TreeCarrier
from bea.symbolic.trees.cuts import cuts_by_order
from bea.symbolic.trees.table import TreeTable
from bea.symbolic.trees.tree import Tree

x, y = sp.symbols("x y")
RATIONAL = ["euler", "implicit_euler", "heun", "rk4", "implicit_midpoint", "lobatto_iiic4"]
entries = st.fractions(-2, 2, max_denominator=3)


@st.composite
def tableaus(draw) -> bea.ButcherTableau:
    stages = draw(st.integers(1, 3))
    A = [[draw(entries) for _ in range(stages)] for _ in range(stages)]
    b = [draw(entries) for _ in range(stages - 1)]
    return bea.ButcherTableau(A, [*b, 1 - sum(b, Fraction(0))])


def by_recursion(tableau: bea.ButcherTableau, order: int) -> list[dict[Tree, Fraction]]:
    f = {Tree(): Fraction(1)}
    return list(islice(modifying_fields(TreeCarrier(), f, tableau), order + 1))


@pytest.mark.parametrize("name", RATIONAL)
def test_the_pass_and_the_recursion_agree_tree_by_tree(name):
    series = bea.modifying_integrator(name, order=5)
    assert [series.terms(l) for l in range(6)] == by_recursion(bea.METHODS[name], 5)


@settings(max_examples=20)
@given(tableaus())
def test_they_agree_for_any_tableau(tableau):
    series = bea.modifying_integrator(tableau, order=3)
    assert [series.terms(l) for l in range(4)] == by_recursion(tableau, 3)


def test_for_euler_it_is_the_flow_itself():
    series = bea.modifying_integrator("euler", order=9)
    assert all(b == Fraction(1, tree.density) for tree, b in series.items())


@pytest.mark.parametrize("name", ["gauss4", "sdirk2", "yoshida4", "ralston4"])
def test_irrational_tableaus_against_the_recursion_in_coordinates(name):
    tableau, field = bea.METHODS[name], [y + x**2, x * y - 1]
    carrier = CoordinatesCarrier(algebra_for((x, y), [*field, *tableau.irrational_entries]))
    fields = modifying_fields(carrier, carrier.column(field), tableau)
    eq = bea.modifying_integrator(name, order=4).on(field=field, params=(x, y))
    for ours, theirs in zip(eq.corrections, islice(fields, 5), strict=True):
        assert ours == carrier.matrix(theirs)


def test_a_family_is_the_same_as_its_members():
    family = bea.ButcherTableau([[0, 0], ["r", 0]], ["1 - 1/(2*r)", "1/(2*r)"])
    series = bea.modifying_integrator(family, order=4)
    for value, name in (("2/3", "ralston"), ("1", "heun"), ("1/2", "midpoint")):
        assert dict(series.subs({"r": value})) == dict(bea.modifying_integrator(name, order=4))


@pytest.mark.parametrize("name", ["euler", "heun", "implicit_midpoint", "kutta3"])
@pytest.mark.parametrize("p", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_method_on_the_modifying_field_follows_the_flow(name, p):
    """The modified equation of its step has no corrections up to p, and −f̂_{p+1} after them."""
    method, field = bea.METHODS[name], [1 + x**2]
    hat = bea.modifying_integrator(name, order=p + 1).on(field=field, params=[x])

    def step(theta, h):
        return taylor_step(method, list(hat.vector_field(p)), theta, h, p + 2)

    eq = bea.modified_equation(step=step, params=[x], order=p + 1)
    assert eq.corrections[0] == hat.corrections[0]
    assert all(f == sp.zeros(1, 1) for f in eq.corrections[1 : p + 1])
    assert (eq.corrections[p + 1] + hat.corrections[p + 1]).applyfunc(sp.expand) == sp.zeros(1, 1)


def taylor_step(method, field, theta, h, powers):
    """One step by fixed-point iteration on the stages, as polynomials in h up to a power."""

    def cut(e):
        return sum(sp.expand(e).coeff(h, k) * h**k for k in range(powers + 1))

    s = range(len(method.b))
    stages = [list(field) for _ in s]
    for _ in range(powers):
        points = [
            [t + h * sum(sp.Rational(str(method.A[i][j])) * stages[j][n] for j in s)
             for n, t in enumerate(theta)]
            for i in s
        ]  # fmt: skip
        stages = [
            [cut(f.subs(dict(zip(theta, point, strict=True)), simultaneous=True)) for f in field]
            for point in points
        ]
    return [
        cut(t + h * sum(sp.Rational(str(method.b[i])) * stages[i][n] for i in s))
        for n, t in enumerate(theta)
    ]


@pytest.mark.parametrize("name", ["euler", "rk4", "gauss4"])
def test_its_local_errors_are_measured(name):
    series = bea.modifying_integrator(name, order=6)
    eq = series.on(field=["y", "-sin(x)"], params="x, y").extended(5)
    reports = bea.verify_orders(eq, at=(1, "1/2"), precision="mpmath")
    assert all(report.passed for report in reports)
    assert [r.leading_constant == 0 for r in reports[:3]] == [name != "euler"] * 3


def test_a_wrong_modifying_field_is_seen():
    series = bea.modifying_integrator("euler", order=3)
    eq = series.on(loss="(3/5 - a*b)**2/2", params="a, b").extended(2)
    assert bea.verify_order(eq, at=(2.8, 3.5)).passed
    modified = bea.modified_series("euler", order=3)
    modified.kind = eq.kind  # the field of the modified equation, handed to the method
    wrong = modified.on(loss="(3/5 - a*b)**2/2", params="a, b").extended(2)
    assert not bea.verify_order(wrong, at=(2.8, 3.5)).passed


def test_it_cancels_the_implicit_regularization_of_gradient_descent():
    loss = bea.modifying_integrator("euler", order=1).modified_loss()
    assert str(loss) == "E − h/4 |∇E|² + …"


def test_what_it_is_called():
    series = bea.modifying_integrator("euler", order=2)
    assert str(series) == "f + h/2 f'f + h²(1/6 f''(f,f) + 1/6 f'f'f) + …"
    assert repr(series) == "<modifying integrator of euler, to order 2, 4 trees>"
    eq = series.on(field=[y, -x], params=(x, y))
    assert repr(eq).startswith("<modifying integrator of order 2 in x, y for euler")
    assert str(eq).startswith("Modifying integrator of euler")
    with pytest.raises(bea.InputError, match="the order is -1"):
        bea.modifying_integrator("euler", order=-1)
    with pytest.raises(bea.InputError, match="most_trees"):
        bea.modifying_integrator("euler", order=40)


def test_constants_of_a_field_are_put_into_it_and_not_into_another():
    k = sp.Symbol("k")
    eq = bea.modifying_integrator("heun", order=3).on(field=[k * x**2], params=[x])
    put = eq.subs({k: 3})
    assert put.kind == "modifying integrator" and put.order == 3
    assert put.corrections == tuple(f.subs(k, 3) for f in eq.corrections)


@pytest.mark.parametrize("n", range(1, 7))
def test_every_connected_set_of_nodes_at_the_root_is_a_cut(n):
    """All subsets of the nodes, by force."""
    table = TreeTable(n)
    *_, cuts = cuts_by_order(table)
    for k in range(table.of_order(n).start, table.of_order(n).stop):
        levels = table.tree(k).level_sequence
        parents = [None, *(
            max(j for j in range(i) if levels[j] == levels[i] - 1) for i in range(1, n)
        )]  # fmt: skip
        expected: dict[tuple[int, int], int] = {}
        for bits in range(2 ** (n - 1)):
            kept = [0, *(i for i in range(1, n) if bits >> (i - 1) & 1)]
            if any(parents[i] not in kept for i in kept[1:]):
                continue

            def tree(i, within, parents=parents):
                return Tree(*(tree(j, within) for j in within if parents[j] == i))

            cut_off = [i for i in range(1, n) if i not in kept]
            roots = [i for i in cut_off if parents[i] in kept]
            branches = Tree(*(tree(i, cut_off) for i in roots))
            key = table.number(tree(0, kept)), table.number(branches)
            expected[key] = expected.get(key, 0) + 1
        here = cuts.tree == k
        found = zip(cuts.top[here], cuts.branches[here], cuts.multiplicity[here], strict=True)
        assert {(int(t), int(b)): int(m) for t, b, m in found} == expected
