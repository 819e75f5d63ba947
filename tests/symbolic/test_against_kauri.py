"""Trees and coefficients b(τ) against kauri, an independent program for the same algebra.

bea differentiates the series of t steps of a method with respect to t; kauri convolves characters
of the Hopf algebra of contractions (`kauri.cem`), that is, it inverts the substitution law. With φ
the elementary weights of a method and e(τ) = 1/γ(τ) those of the exact flow, its definitions are

    b ★ e = φ   for the modified equation        (`Map.modified_equation`),
    b ★ φ = e   for the modifying integrator     (`Map.preprocessed_integrator`).

Normalisation: `kauri.BSeries` is Σ h^|τ| b(τ)/σ(τ) F(τ), divided by the symmetry as here, so that
b(τ) needs no factor. Numbers: kauri's own e is made of floats, but its products take any numbers.
With e in fractions, and the tableau in fractions or in the number field of its entries, they are
exact, and so is every comparison but the one that says it has a tolerance.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction

import kauri
import pytest
import sympy as sp
from kauri import cem

import bea
from bea import METHODS, ButcherTableau, Tree, modified_series, modifying_integrator
from bea.symbolic.trees.tree import trees
from tests.quick import EVERY_METHOD

Number = Fraction | sp.Expr

NODES = 6
"""Each node more costs kauri six times as long: 7 take it four seconds, 8 some twenty."""

FLOW = kauri.Map(lambda tree: Fraction(1, tree.factorial()))
"""e, in fractions."""


def to_kauri(tree: Tree) -> kauri.Tree:
    def nested(t: Tree) -> list:
        return [nested(child) for child in t.children]

    return kauri.Tree(nested(tree))


def from_kauri(tree: kauri.Tree) -> Tree:
    return Tree.from_level_sequence(tree.level_sequence())


def exact(number: Number) -> Number:
    """One form for every number: a fraction if it is one, or else multiplied out."""
    value = sp.expand(sp.sympify(number))
    return Fraction(int(value.p), int(value.q)) if value.is_Rational else value


def exactly(series: Mapping[Tree, Number]) -> dict[Tree, Number]:
    return {tree: exact(b) for tree, b in series.items()}


class InKauri:
    """A tableau there: its entries as fractions, or as elements of the field they generate."""

    def __init__(self, tableau: ButcherTableau) -> None:
        size, entries = len(tableau.b), [*(e for row in tableau.A for e in row), *tableau.b]
        self.field = None
        if not all(isinstance(e, Fraction) for e in entries):
            self.field, entries = sp.construct_domain(
                list(map(sp.sympify, entries)), extension=True
            )
            assert self.field.is_Algebraic
        rows = [entries[size * i : size * (i + 1)] for i in range(size)]
        self.method = kauri.RK(rows, entries[size * size :])
        self.weights = self.method.elementary_weights_map()

    def coefficients(self, values: kauri.Map, nodes: int) -> dict[Tree, Number]:
        """What a map says of every tree through so many nodes, as trees and numbers of bea."""
        found = {t: values(t) for n in range(1, nodes + 1) for t in kauri.trees_of_order(n)}
        return {from_kauri(t): self._number(value) for t, value in found.items()}

    def _number(self, value: object) -> Number:
        if self.field is not None and not isinstance(value, (int, Fraction)):
            return exact(self.field.to_sympy(value))
        assert isinstance(value, (int, Fraction))  # no float
        return Fraction(value)


def modified(weights: kauri.Map) -> kauri.Map:
    """What `modified_equation` does, φ ★ e⁻¹ with e⁻¹ = e ∘ antipode, without floats."""
    return weights ^ (FLOW & cem.antipode)


def modified_by_kauri(tableau: ButcherTableau, nodes: int = NODES) -> dict[Tree, Number]:
    there = InKauri(tableau)
    return there.coefficients(modified(there.weights), nodes)


def modifying_by_kauri(tableau: ButcherTableau, nodes: int = NODES) -> dict[Tree, Number]:
    """What `preprocessed_integrator` does, e ★ φ⁻¹ with φ⁻¹ = φ ∘ antipode, without floats."""
    there = InKauri(tableau)
    return there.coefficients(FLOW ^ (there.weights & cem.antipode), nodes)


def random_tableau(generator: random.Random, stages: int, explicit: bool) -> ButcherTableau:
    def entry() -> Fraction:
        return Fraction(generator.randint(-6, 6), generator.randint(1, 5))

    A = [[entry() if j < i or not explicit else 0 for j in range(stages)] for i in range(stages)]
    b = [entry() for _ in range(stages - 1)]
    return ButcherTableau(A, [*b, 1 - sum(b, Fraction(0))])


@pytest.mark.parametrize("n", range(1, 11))
def test_the_same_trees_with_the_same_numbers(n):
    theirs = list(kauri.trees_of_order(n))
    assert len(theirs) == len(trees(n))
    assert set(map(from_kauri, theirs)) == set(trees(n))
    for tree in trees(n):
        other = to_kauri(tree)
        assert (tree.order, tree.symmetry) == (other.nodes(), other.sigma())
        assert tree.density == other.factorial()  # their density() is γ(τ)/n!


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_modified_series_tree_by_tree(name):
    ours = modified_series(name, order=NODES - 1)
    assert exactly(ours) == modified_by_kauri(METHODS[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "nodes"),
    [("euler", 8), ("rk4", 8), ("implicit_midpoint", 8), ("gauss6", 7), ("lobatto_iiic6", 7)],
)
def test_both_through_more_nodes(name, nodes):
    ours, inverse = (of(name, nodes - 1) for of in (modified_series, modifying_integrator))
    assert exactly(ours) == modified_by_kauri(METHODS[name], nodes)
    assert exactly(inverse) == modifying_by_kauri(METHODS[name], nodes)


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_modified_series_of_random_tableaus(stages, explicit):
    tableau = random_tableau(random.Random(10 * stages + explicit), stages, explicit)
    ours = modified_series(tableau, order=NODES - 1)
    assert exactly(ours) == modified_by_kauri(tableau)


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_modifying_integrator_tree_by_tree(name):
    ours = modifying_integrator(name, order=4)
    assert exactly(ours) == modifying_by_kauri(METHODS[name], 5)


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_modifying_integrator_of_random_tableaus(stages, explicit):
    tableau = random_tableau(random.Random(10 * stages + explicit), stages, explicit)
    ours = modifying_integrator(tableau, order=NODES - 1)
    assert exactly(ours) == modifying_by_kauri(tableau)


@pytest.mark.parametrize("name", ["heun", "kutta3", "rk38", "implicit_euler", "sdirk2"])
def test_the_adjoint_is_the_inverse_with_the_step_reversed(name):
    """In the group of characters, with no tableau: φ* = φ⁻¹ times (−1)^|τ|."""
    there = InKauri(METHODS[name])
    theirs = there.coefficients(modified((there.weights**-1) & kauri.sign), NODES)
    ours = modified_series(METHODS[name].adjoint(), order=NODES - 1)
    assert exactly(ours) == theirs


@pytest.mark.parametrize(
    ("names", "steps"),
    [
        (("euler", "implicit_euler"), (Fraction(1, 2), Fraction(1, 2))),
        (("rk4", "ralston"), (Fraction(2, 3), Fraction(1, 3))),
        (("heun", "euler", "implicit_midpoint"), (Fraction(5, 4), Fraction(-1, 2), Fraction(1, 4))),
    ],
)
def test_composition_is_the_product_of_characters(names, steps):
    """Their product has the method applied first on the left; a step γh has the weights γ^|τ| φ."""

    def scaled(name: str, step: Fraction) -> kauri.Map:
        weights = InKauri(METHODS[name]).weights
        return kauri.Map(lambda tree: step ** tree.nodes() * weights(tree))

    product, *rest = (scaled(*one) for one in zip(names, steps, strict=True))
    for factor in rest:
        product = product * factor
    whole = bea.composition(names, steps)
    ours = modified_series(whole, order=NODES - 1)
    assert exactly(ours) == InKauri(whole).coefficients(modified(product), NODES)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("euler", kauri.euler),
        ("implicit_euler", kauri.backward_euler),
        ("midpoint", kauri.midpoint),
        ("implicit_midpoint", kauri.implicit_midpoint),
        ("trapezoidal", kauri.crank_nicolson),
        ("heun", kauri.heun_rk2),
        ("kutta3", kauri.kutta_rk3),
        ("rk4", kauri.rk4),
    ],
)
def test_methods_of_the_same_name(ours, theirs):
    """Their tableau and their own road to b(τ), in floats: to 1e−13, numbers being below 1."""
    values, series = theirs.modified_equation_map(), modified_series(ours, order=NODES - 1)
    for tree, b in series.items():
        assert values(to_kauri(tree)) == pytest.approx(float(b), rel=0, abs=1e-13)
    assert series.method_order == theirs.order()


def test_on_a_field_with_their_elementary_differentials():
    x, y = sp.symbols("x y")
    field, method = [x * y + sp.exp(y), sp.exp(x) - y**2], METHODS["ralston"]
    b = modified(InKauri(method).weights)
    theirs = kauri.BSeries(sp.Matrix([x, y]), sp.Matrix(field), b, 4)
    eq = bea.modified_equation(field=field, params=(x, y), order=3, method=method)
    # Theirs begins with the empty tree and has a power of h for every node: θ + h f̃.
    ours = sp.Matrix([x, y]) + theirs.h * eq.vector_field().subs(eq.step_size, theirs.h)
    assert (theirs.series() - ours).applyfunc(sp.expand) == sp.zeros(2, 1)
