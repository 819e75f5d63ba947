"""f̃ = −M∇E with a symmetric M: on trees, and on concrete losses."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import bea
from bea.symbolic.structure.symmetric_form import Way, symmetric_weights, ways
from bea.symbolic.trees.tree import Tree, trees
from tests.quick import quick

a, b, c = sp.symbols("a b c")
LOSSES = {
    "2-d model": (sp.Rational(3, 5) - a * b) ** 2 / 2,
    "with functions": sp.exp(a * b) + sp.cos(a - 2 * b) + a**3,
    "rational": a**2 / (1 + b**2) + b,
    "three parameters": a**2 * b - b * c**3 + a * b * c + sp.exp(c) / 2,
    "with a constant": (sp.Symbol("k") * a**2 - b) ** 2 + a * b,
}


def gradient(eq: bea.ModifiedEquation) -> sp.Matrix:
    return sp.Matrix([sp.diff(eq.loss, p) for p in eq.params])


def vanishes(matrix: sp.Matrix) -> bool:
    return matrix.applyfunc(sp.expand).is_zero_matrix


def vanishes_at(matrix: sp.Matrix, params: tuple[sp.Symbol, ...]) -> bool:
    """To 60 digits, at a point, as polynomials in h."""
    numbers = map(sp.Rational, ("3/10", "-7/5", "2/3", "5/4"))
    point = dict(zip((*params, sp.Symbol("k")), numbers, strict=False))
    coefficients = [c for e in matrix.subs(point) for c in sp.Poly(e, sp.Symbol("h")).coeffs()]
    return all(abs(sp.N(c, 60)) < sp.Float("1e-45", 60) for c in coefficients)


@pytest.mark.parametrize("n", range(2, 9))
def test_a_way_for_every_leaf_with_its_tree(n):
    for tree in trees(n):
        found = ways(tree)
        children = Counter(tree.level_sequence[i + 1] - level for i, level in
                           enumerate(tree.level_sequence[:-1]))  # fmt: skip
        leaves = n - children[1]  # a node that the next one does not lie above
        assert found.total() == leaves
        assert all(way.tree == tree and way.order == n - 1 for way in found)
        assert all(way.transposed.transposed == way for way in found)
        # orbits: σ(τ) counts the automorphisms that keep the leaf, times the leaves it may go to
        assert all(way.symmetry * leaves == tree.symmetry for way, leaves in found.items())


coefficients = st.lists(st.fractions(-3, 3, max_denominator=7), min_size=48, max_size=48)


@settings(max_examples=20)
@given(st.integers(2, 7), coefficients)
def test_it_exists_for_any_coefficients_and_is_symmetric(n, numbers):
    b_of = dict(zip(trees(n), numbers, strict=False))
    beta = {w: x * w.symmetry for w, x in symmetric_weights(b_of).items()}
    for tree, value in b_of.items():
        assert sum((beta.get(w, 0) * leaves for w, leaves in ways(tree).items())) == value
    assert all(beta[w.transposed] == x for w, x in beta.items())


@settings(max_examples=10)
@given(st.integers(4, 6), coefficients, st.data())
def test_among_all_solutions_it_is_the_least(n, numbers, data):
    """Adding a solution of the homogeneous equations to it lengthens it: they are orthogonal."""
    listed = trees(n)
    weights = symmetric_weights(dict(zip(listed, numbers, strict=False)))
    pairs = sorted({min(w, w.transposed) for tree in listed for w in ways(tree)})
    A = sp.zeros(len(listed), len(pairs))
    for i, tree in enumerate(listed):
        for w, leaves in ways(tree).items():
            A[i, pairs.index(min(w, w.transposed))] += leaves
    kernel = A.nullspace()
    assert A.rank() == len(listed)  # so that every b can be reached
    assert bool(kernel) == (n > 4)
    for vector in kernel:
        product = sum(  # Σ β δ/σ over ways: a pair of two different ones counts twice
            sp.Rational(str(weights.get(w, Fraction(0)))) * x * (1 if w == w.transposed else 2)
            for w, x in zip(pairs, vector, strict=True)
        )
        assert product == 0


def test_the_first_matrices_of_gradient_descent():
    M = bea.modified_series("euler", order=3).preconditioner()
    assert str(M) == (
        "I + h/2 H + h²(1/3 H² + 1/12 ∇³E[∇E]) + h³(1/4 H³ + 1/12 H∇³E[∇E] + 1/12 ∇³E[∇E]H) + …"
    )
    assert M.terms(1) == {Way(((),)): Fraction(1, 2)}
    with pytest.raises(bea.InputError, match="order 4 is not among 0 … 3"):
        M.terms(4)
    with pytest.raises(bea.InputError, match="order 4 is not among 0 … 3"):
        bea.modified_series("euler", order=3).preconditioner(4)


def test_the_first_and_the_last_matrix_of_a_series_are_among_its_terms():
    """M_3 = ¼H³ + (HK + KH)/12 with K = ∇³E[∇E], which leads from b = ¼, 1/12, ⅙, 0 by hand."""
    H, K = (), (Tree(),)
    expected = {(H, H, H): Fraction(1, 4), (H, K): Fraction(1, 12), (K, H): Fraction(1, 12)}
    M = bea.modified_series("euler", order=3).preconditioner()
    assert M.order == 3
    assert M.terms(0) == {Way(()): 1}
    assert M.terms(3) == {Way(branches): c for branches, c in expected.items()}


@pytest.mark.parametrize(
    "method",
    quick(["euler", "rk4", "implicit_midpoint", "gauss4", "sdirk2"], ["euler", "gauss4"]),
)
@pytest.mark.parametrize("loss", LOSSES)
def test_on_a_loss_the_field_is_minus_M_times_the_gradient(loss, method):
    E = LOSSES[loss]
    params = (a, b, c) if c in E.free_symbols else (a, b)
    order = {"euler": 3, "rk4": 4}.get(method, 2)
    eq = bea.modified_equation(loss=E, params=params, order=order, method=method)
    M = eq.preconditioner()
    assert vanishes_at(eq.vector_field() + M * gradient(eq), params)
    assert not vanishes_at(eq.vector_field() + 2 * M * gradient(eq), params)
    assert vanishes_at(M - M.T, params)
    assert M.subs(eq.step_size, 0) == sp.eye(len(params))


def test_on_a_polynomial_loss_it_holds_identically():
    eq = bea.modified_equation(loss=LOSSES["2-d model"], params=(a, b), order=4)
    for p in range(5):
        M = eq.preconditioner(p)
        assert vanishes(eq.vector_field(p) + M * gradient(eq))
        assert vanishes(M - M.T)


def test_for_a_quadratic_loss_it_is_the_logarithm():
    eq = bea.modified_equation(loss=3 * a**2 / 2, params=[a], order=6)
    h = eq.step_size  # θ⁺ = (1 − 3h)θ, so f̃ = log(1 − 3h)/h · θ = −M·3θ
    expected = sp.series(-sp.log(1 - 3 * h) / (3 * h), h, 0, 7).removeO()
    assert sp.expand(eq.preconditioner()[0] - expected) == 0


def test_the_same_on_a_modifying_integrator_and_from_a_series():
    loss = LOSSES["2-d model"]
    for series in (bea.modifying_integrator("heun", 3), bea.modified_series("heun", 3)):
        eq = series.on(loss=loss, params=(a, b))
        assert vanishes(eq.vector_field() + eq.preconditioner() * gradient(eq))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_split_adds_up_and_the_remainder_is_no_more_than_needed(loss):
    E = LOSSES[loss]
    params = (a, b, c) if c in E.free_symbols else (a, b)
    eq = bea.modified_equation(loss=E, params=params, order=2)
    for l in range(3):
        P, remainder = eq.gradient_split(l)
        f = -sp.Matrix([sp.diff(P, p) for p in params]) + remainder
        assert vanishes_at(f - eq.corrections[l], params)
        assert (l < 2) == (remainder == sp.zeros(len(params), 1))


@pytest.mark.parametrize("ask", ["preconditioner", "gradient_split"])
def test_fields_and_steps_have_neither(ask):
    for eq in (
        bea.modified_equation(field=[b, -a], params=(a, b), order=1),
        bea.modified_equation(step=lambda theta, h: [theta[0] - h * theta[0]], params=[a]),
    ):
        with pytest.raises(bea.InputError, match="of a Runge–Kutta method on a loss"):
            getattr(eq, ask)(1)
    eq = bea.modified_equation(loss=a**2, params=[a], order=1)
    with pytest.raises(bea.InputError, match="order 2 is not among 0 … 1"):
        getattr(eq, ask)(2)


def test_free_trees_have_two_halves_that_make_their_scalar():
    """H_φ(E) by summing over indices, against the product of the two vectors."""
    E, params = LOSSES["three parameters"], (a, b, c)
    eq = bea.modified_equation(loss=E, params=params, order=3)
    from bea.symbolic.derivation import field_of
    from bea.symbolic.structure.elementary_differentials import ElementaryDifferentials

    carrier, f = field_of(eq.problem)
    differentials = ElementaryDifferentials(carrier, f)
    for n in range(2, 6):
        for free in {bea.FreeTree.of(tree) for tree in trees(n)}:
            value = carrier.algebra.expression(differentials.scalar({free: Fraction(1)}))
            point = dict(zip(params, map(sp.Rational, ("1/2", "-2", "1")), strict=True))
            assert sp.simplify((value - contraction(E, params, free)).subs(point)) == 0


@pytest.mark.parametrize("n", range(2, 9))
def test_the_halves_are_as_equal_as_an_edge_can_make_them(n):
    """In a level sequence the edge above a node parts its subtree from the rest."""
    for tree in trees(n):
        levels = tree.level_sequence
        below = [
            next((j for j in range(i + 1, n) if levels[j] <= levels[i]), n) - i for i in range(1, n)
        ]
        free = bea.FreeTree.of(tree)
        one, other = free.halves()
        assert one.order + other.order == n
        assert abs(one.order - other.order) == min(abs(n - 2 * m) for m in below)
        assert Tree(*other.children, one) in free.rootings
    with pytest.raises(ValueError):
        bea.FreeTree.of(Tree()).halves()


def contraction(E: sp.Expr, params: tuple[sp.Symbol, ...], free: bea.FreeTree) -> sp.Expr:
    """H_φ(E): a derivative tensor of E at every node, one index for every edge, all summed."""
    tree: Tree = next(iter(free.rootings))
    edges: list[tuple[int, int]] = []
    levels = tree.level_sequence
    for i, level in enumerate(levels[1:], start=1):
        edges.append((max(j for j in range(i) if levels[j] == level - 1), i))
    total = sp.Integer(0)
    values: dict[tuple[int, ...], sp.Expr] = {}

    def derivative(indices: tuple[int, ...]) -> sp.Expr:
        if indices not in values:
            values[indices] = sp.diff(E, *(params[i] for i in indices)) if indices else E
        return values[indices]

    for number in range(len(params) ** len(edges)):
        indices = [number // len(params) ** k % len(params) for k in range(len(edges))]
        product = sp.Integer(1)
        for node in range(len(levels)):
            here = sorted(i for i, edge in zip(indices, edges, strict=True) if node in edge)
            product *= derivative(tuple(here))
        total += product
    return total


def test_no_two_ways_of_a_size_are_written_alike():
    for n in range(2, 8):
        found = {way for tree in trees(n) for way in ways(tree)}
        for text in (str, Way.latex):
            assert len({text(way) for way in found}) == len(found)
    assert not any(str(x) == str(y) for x, y in combinations({*map(bea.FreeTree.of, trees(7))}, 2))
