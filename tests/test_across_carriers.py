"""One recursion on carriers that have nothing in common, and the same corrections.

The carrier for rooted trees is written here, in a few lines; those of coordinates and of functions
of pytrees are the package's. The coefficients of the trees are held, besides, to the order
polynomials of mathematics.md, section 4, which know no recursion.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import islice, pairwise
from math import factorial, prod

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import bea
from bea.flows.precision import double_precision
from bea.numeric.fields.function_carrier import FunctionCarrier
from bea.symbolic.coordinates.carrier import CoordinatesCarrier, algebra_for, euler_displacement
from bea.symbolic.methods.stages import step_coefficients
from bea.symbolic.recursion import modified_fields
from bea.testing import assert_modified_equation, butcher_tableaus, losses, vector_fields
from bea.testing.points import generic_points
from benchmarks.assertions import runge_kutta
from tests.quick import quick
from tests.symbolic.oracles import assert_equal_at, combination, elementary_differential
from tests.symbolic.strategies import examples, tableaus

# --- rooted trees: a tree is the sorted tuple of what hangs on its root ------------------------

Tree = tuple
DOT: Tree = ()


class Trees:
    """Rational combinations {tree: c} of elementary differentials; D_v g grafts."""

    def combine(self, terms):
        total = Counter()
        for c, g in terms:
            for tree, coefficient in g.items():
                total[tree] += c * coefficient
        return {tree: c for tree, c in total.items() if c}

    def derive(self, g, along):
        return self.combine(
            (c * d, {grafted: 1})
            for u, c in g.items()
            for w, d in along.items()
            for grafted in graftings(u, w)
        )


def graftings(u: Tree, w: Tree) -> list[Tree]:
    """The trees with w on a node of u, for every node."""
    below = [
        tuple(sorted((*u[:i], grafted, *u[i + 1 :])))
        for i, child in enumerate(u)
        for grafted in graftings(child, w)
    ]
    return [tuple(sorted((*u, w))), *below]


def size(tree: Tree) -> int:
    return 1 + sum(map(size, tree))


def symmetry(tree: Tree) -> int:
    return prod(factorial(n) * symmetry(child) ** n for child, n in Counter(tree).items())


def trees(n: int) -> set[Tree]:
    return {DOT} if n == 1 else {g for tree in trees(n - 1) for g in graftings(tree, DOT)}


def tree_fields(method: bea.ButcherTableau, order: int) -> list[dict[Tree, Fraction]]:
    step = step_coefficients(Trees(), {DOT: Fraction(1)}, method)
    return list(islice(modified_fields(Trees(), step), order + 1))


def modified_coefficient(tree: Tree, method: bea.ButcherTableau) -> Fraction:
    """b(τ) = dα_t(τ)/dt at t = 0, from α at t = 0, 1, …, |τ| and its differences there."""
    stages = range(len(method.b))

    @cache
    def alpha(t: int, tree: Tree) -> Fraction:
        if t == 0:
            return Fraction(0)
        return alpha(t - 1, tree) + sum(
            method.b[i] * prod((eta(i, t - 1, c) for c in tree), start=Fraction(1)) for i in stages
        )

    @cache
    def eta(i: int, t: int, tree: Tree) -> Fraction:
        return alpha(t, tree) + sum(
            method.A[i][j] * prod((eta(j, t, c) for c in tree), start=Fraction(1)) for j in stages
        )

    differences, slope = [alpha(t, tree) for t in range(size(tree) + 1)], Fraction(0)
    for k in range(1, size(tree) + 1):
        differences = [b - a for a, b in pairwise(differences)]
        slope += Fraction((-1) ** (k + 1), k) * differences[0]
    return slope


def test_there_are_as_many_trees_as_there_should_be():
    assert [len(trees(n)) for n in range(1, 8)] == [1, 1, 2, 4, 9, 20, 48]


RATIONAL = [name for name, method in bea.METHODS.items() if method.is_rational]


@pytest.mark.parametrize("name", RATIONAL)
def test_trees_have_the_coefficients_of_the_order_polynomials(name):
    method = bea.METHODS[name]
    for l, field in enumerate(tree_fields(method, 4 if len(method.b) <= 4 else 3)):
        expected = {t: modified_coefficient(t, method) / symmetry(t) for t in trees(l + 1)}
        assert field == {t: c for t, c in expected.items() if c}


@pytest.mark.parametrize("name", ["sdirk2", "gauss4", "yoshida4"])
def test_they_have_them_where_entries_are_irrational(name):
    method = bea.METHODS[name]
    for l, field in enumerate(tree_fields(method, 3)):
        for t in trees(l + 1):
            expected = modified_coefficient(t, method) / symmetry(t)
            assert sp.expand(sp.sympify(field.get(t, 0)) - sp.sympify(expected)) == 0


@examples(15)
@given(tableaus())
def test_trees_of_every_tableau_have_the_coefficients_of_the_order_polynomials(method):
    for l, field in enumerate(tree_fields(method, 3)):
        expected = {t: modified_coefficient(t, method) / symmetry(t) for t in trees(l + 1)}
        assert field == {t: c for t, c in expected.items() if c}


def test_tall_and_bushy_trees_of_euler():
    euler = tree_fields(bea.METHODS["euler"], 6)
    tall = DOT
    for n in range(1, 8):
        assert euler[n - 1][tall] == Fraction((-1) ** (n - 1), n)
        bernoulli = -sp.Rational(1, 2) if n == 2 else sp.bernoulli(n - 1)
        bushy = (DOT,) * (n - 1)
        assert euler[n - 1].get(bushy, 0) * factorial(n - 1) == Fraction(
            int(bernoulli.p), int(bernoulli.q)
        )
        tall = (tall,)


X = sp.symbols("x y")
FIELDS = [
    [X[1] + sp.tanh(X[0]), sp.exp(X[0] * X[1] / 3)],
    [-X[1] / (X[0] ** 2 + X[1] ** 2), sp.log(X[0]) * X[1]],
    [sp.sqrt(X[0] + X[1]), sp.sin(X[0]) * sp.cos(X[1])],
]


def elementary(tree: Tree, field: list[sp.Expr]) -> list[sp.Expr]:
    return elementary_differential(field, X, *(elementary(child, field) for child in tree))


@pytest.mark.parametrize("field", FIELDS, ids=str)
@pytest.mark.parametrize("name", ["euler", "implicit_midpoint", "kutta3", "gauss4"])
def test_trees_and_coordinates_agree(field, name):
    eq = bea.modified_equation(field=field, params=X, order=3, method=name)
    for series, f in zip(tree_fields(bea.METHODS[name], 3), eq.corrections, strict=True):
        zero = (sp.Integer(0), [sp.Integer(0)] * 2)
        expected = combination(
            zero, *((1, [c * e for e in elementary(t, field)]) for t, c in series.items())
        )
        assert_equal_at([*f], expected, X, (sp.Rational(7, 10), sp.Rational(13, 10)))


# --- functions of pytrees in JAX ---------------------------------------------------------------


def network_loss(theta, library):
    """A neuron with two weights and a bias, in JAX or in SymPy."""
    (u, v), b = theta["weights"], theta["bias"]
    return library.tanh(u / 2 + b) * v + (u * v - b) ** 2 / 3 + library.exp(b * u / 2)


THETA = {"weights": jnp.array([0.4, -0.7]), "bias": jnp.array(0.3)}
U, V, B = sp.symbols("u v b")


def exact_corrections(method: str, order: int) -> list[np.ndarray]:
    loss = network_loss({"weights": (U, V), "bias": B}, sp)
    eq = bea.modified_equation(loss=loss, params=(U, V, B), order=order, method=method)
    point = {U: sp.Rational(2, 5), V: sp.Rational(-7, 10), B: sp.Rational(3, 10)}
    return [np.array(f.subs(point).evalf(20), dtype=float)[:, 0] for f in eq.corrections]


@pytest.mark.parametrize(
    ("method", "order"),
    quick([("euler", 3), ("heun", 2), ("implicit_euler", 2)], [("implicit_euler", 2)]),
)
def test_pytrees_and_coordinates_agree(method, order):
    def field(theta):
        return jax.tree.map(jnp.negative, jax.grad(network_loss)(theta, jnp))

    tableau = bea.METHODS[method]
    carrier = FunctionCarrier()
    step = {1: field}.get if method == "euler" else step_coefficients(carrier, field, tableau)
    fields = list(islice(modified_fields(carrier, step), order + 1))
    with double_precision():
        theta = jax.tree.map(lambda leaf: jnp.asarray(np.round(np.float64(leaf), 3)), THETA)
        for f, exact in zip(fields, exact_corrections(method, order), strict=True):
            value = jax.jit(f)(theta)
            found = np.concatenate([value["weights"], value["bias"][None]])
            np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-13)


def test_trees_and_the_recursion_agree_on_a_network():
    """`Series.to_jax` against the recursion on functions, which knows of no tree."""
    assert_kernels_are_those_of_the_recursion(bea.METHODS["euler"], order=3)
    assert_kernels_are_those_of_the_recursion(bea.METHODS["heun"], order=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["heun", "kutta3", "implicit_midpoint", "sdirk2"])
def test_they_agree_for_other_methods(name):
    assert_kernels_are_those_of_the_recursion(bea.METHODS[name], order=3)


@pytest.mark.slow
@examples(5)
@given(tableaus())
def test_they_agree_for_every_tableau(method):
    assert_kernels_are_those_of_the_recursion(method, order=2)


def assert_kernels_are_those_of_the_recursion(method: bea.ButcherTableau, order: int) -> None:
    def field(theta):
        hidden = jnp.tanh(jnp.linspace(-1, 1, 5)[:, None] * theta["first"] + theta["bias"])
        return {"first": hidden.mean(0) * theta["second"], "second": -hidden.sum(0), "bias": bend(
            hidden @ theta["second"])}  # fmt: skip

    def bend(outputs):
        return jnp.exp(outputs.mean() / 3) * jnp.ones(2)

    carrier = FunctionCarrier()
    step = step_coefficients(carrier, field, method)
    fields = islice(modified_fields(carrier, step), order + 1)
    kernels = bea.modified_series(method, order).corrections_to_jax(field)
    with double_precision():
        names = ("first", "second", "bias")
        theta = {n: jnp.array([0.4, -0.9]) + i / 7 for i, n in enumerate(names)}
        for f, found in zip(fields, jax.jit(kernels)(theta), strict=True):
            expected = jax.jit(f)(theta)
            for name in names:
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-10, atol=1e-12)


# --- and the package's own ---------------------------------------------------------------------


def test_the_two_ways_of_coordinates_to_euler_agree():
    """Gradient descent by its own displacement, and as the Runge–Kutta method with one stage."""
    for field in FIELDS:
        carrier = CoordinatesCarrier(algebra_for(X, field))
        f = carrier.column(field)
        short = modified_fields(carrier, euler_displacement(f))
        long = modified_fields(carrier, step_coefficients(carrier, f, bea.METHODS["euler"]))
        for _ in range(4):
            assert carrier.matrix(next(short)) == carrier.matrix(next(long))


def test_equivalent_tableaus_have_the_same_equation():
    """A stage given twice, and a stage that is never used, change nothing."""
    heun = bea.METHODS["heun"]
    twice = bea.ButcherTableau([[0, 0, 0], [1, 0, 0], [1, 0, 0]], ["1/2", "1/4", "1/4"])
    unused = bea.ButcherTableau([[0, 0, 0], [1, 0, 0], ["1/3", 5, "1/7"]], ["1/2", "1/2", 0])
    for method in (twice, unused):
        assert tree_fields(method, 5) == tree_fields(heun, 5)


# --- all of them at once ------------------------------------------------------------------------


@examples(6)
@given(losses(dim=2), st.one_of(butcher_tableaus(stages=2), butcher_tableaus(order=2)))
def test_coordinates_trees_and_multiprecision_agree(loss, method):
    """The recursion in coordinates, the series of the method on the loss, and the steps it takes.

    The steps know nothing of either: what they are held against are f_0, …, f_3 of the recursion.
    """
    eq = loss.equation(order=2, method=method)
    on_trees = bea.modified_series(method, 3).on(loss=loss.expression, params=loss.params)
    assert list(on_trees.corrections[:3]) == list(eq.corrections)
    assert on_trees.corrections[3] == eq.extended(3).corrections[3]
    assert_modified_equation(runge_kutta(loss.field, method), eq)


@examples(6)
@given(vector_fields(dim=2), st.one_of(butcher_tableaus(stages=2), butcher_tableaus(order=2)))
def test_coordinates_and_the_logarithm_of_the_shift_agree(field, method):
    """F + h f_1 + h² f_2 + h³ f_3 against four steps, whose differences make h f̃ up to h⁵."""
    eq = field.equation(order=3, method=method)
    step = runge_kutta(field, method)
    defects = []
    with mpmath.workdps(80):
        start = np.array([mpmath.mpf(t) for t in next(generic_points(2))])
        for h in (mpmath.mpf(2) ** -40, mpmath.mpf(2) ** -41):
            iterates = [start]
            for _ in range(4):
                iterates.append(step(iterates[-1], h))
            differences = [np.diff(np.array(iterates), n=k + 1, axis=0)[0] for k in range(4)]
            estimate = sum((-1) ** k * d / (k + 1) for k, d in enumerate(differences)) / h
            exact = np.array(eq.to_mpmath()(start, h))
            defects.append(max(abs(estimate - exact)))
    assert defects[0] < 1e-30 * max(1, float(abs(exact).max()))
    if defects[0] > mpmath.mpf(10) ** -60:
        assert float(mpmath.log(defects[0] / defects[1], 2)) == pytest.approx(4, abs=0.01)


@examples(3)
@given(losses(dim=2), st.one_of(butcher_tableaus(stages=2), butcher_tableaus(order=2)))
def test_coordinates_and_pytrees_agree(loss, method):
    """The kernels of nested derivatives, on a dictionary of parameters, against exact values."""

    def field(theta):
        value = loss.field(jnp.stack([theta["first"], theta["second"][0]]))
        return {"first": value[0], "second": value[1:]}

    eq = loss.equation(order=2, method=method)
    kernels = bea.modified_series(method, 2).corrections_to_jax(field)
    x, y = next(generic_points(2))
    at = dict(zip(loss.params, (sp.Rational(x), sp.Rational(y)), strict=True))
    with double_precision():
        found = jax.jit(kernels)({"first": jnp.asarray(x), "second": jnp.asarray([y])})
    for f, exact in zip(found, eq.corrections, strict=True):
        expected = [float(c) for c in exact.subs(at)]
        np.testing.assert_allclose([f["first"], f["second"][0]], expected, rtol=1e-11, atol=1e-11)
