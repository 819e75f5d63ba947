"""Coefficients b(τ): closed forms, the recursion on the tree carrier, and coordinates."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, product

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import bea
from bea.symbolic.derivation import field_of
from bea.symbolic.methods.named import METHODS
from bea.symbolic.methods.stages import step_coefficients
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.recursion import modified_fields
from bea.symbolic.series import modified_series
from bea.symbolic.structure.elementary_differentials import ElementaryDifferentials
from bea.symbolic.structure.free_trees import FreeTree
from bea.symbolic.trees.carrier import TreeCarrier
from bea.symbolic.trees.table import TreeTable
from bea.symbolic.trees.tree import Tree, trees
from tests.quick import quick

entries = st.fractions(-2, 2, max_denominator=3)
RATIONAL = [name for name, tableau in METHODS.items() if tableau.is_rational]
IRRATIONAL = ["sdirk2", "crouzeix3", "gauss4", "yoshida4"]
"""Square roots and a cube root, explicit stages and implicit ones."""


@st.composite
def tableaus(draw) -> ButcherTableau:
    stages = draw(st.integers(1, 3))
    A = [[draw(entries) for _ in range(stages)] for _ in range(stages)]
    b = [draw(entries) for _ in range(stages - 1)]
    return ButcherTableau(A, [*b, 1 - sum(b, Fraction(0))])


class MultipliedOut(TreeCarrier):
    """Coefficients in SymPy, where √3·√3 is 3 only when it is multiplied out."""

    def combine(self, terms):
        return self._expanded(super().combine(terms))

    def derive(self, g, along):
        return self._expanded(super().derive(g, along))

    @staticmethod
    def _expanded(g):
        expanded = {tree: sp.expand(sp.sympify(c)) for tree, c in g.items()}
        return {tree: c for tree, c in expanded.items() if c != 0}


def by_recursion(
    tableau: ButcherTableau, order: int, carrier: TreeCarrier | None = None
) -> list[dict[Tree, Fraction]]:
    carrier = carrier or TreeCarrier()
    step = step_coefficients(carrier, {Tree(): Fraction(1)}, tableau)
    return list(islice(modified_fields(carrier, step), order + 1))


@pytest.mark.parametrize("name", RATIONAL)
def test_the_pass_and_the_recursion_agree_tree_by_tree(name):
    order = 6 if len(METHODS[name].b) <= 4 else 4
    series, fields = modified_series(name, order=order), by_recursion(METHODS[name], order)
    for l, field in enumerate(fields):
        assert series.terms(l) == field


@pytest.mark.parametrize("name", IRRATIONAL)
def test_they_agree_where_entries_are_irrational(name):
    series, fields = modified_series(name, order=4), by_recursion(METHODS[name], 4, MultipliedOut())
    assert any(field != {} for field in fields[1:])
    for l, field in enumerate(fields):
        ours = {tree: sp.expand(sp.sympify(c)) for tree, c in series.terms(l).items()}
        assert ours == field


def test_they_agree_where_entries_are_symbols():
    family = ButcherTableau([[0, 0], ["alpha", "beta"]], ["1 - gamma", "gamma"])
    series, fields = modified_series(family, order=3), by_recursion(family, 3, MultipliedOut())
    for l, field in enumerate(fields):
        ours = {tree: sp.expand(sp.sympify(c)) for tree, c in series.terms(l).items()}
        assert ours == field


@settings(max_examples=25)
@given(tableaus())
def test_they_agree_for_any_tableau(tableau):
    series, fields = modified_series(tableau, order=4), by_recursion(tableau, 4)
    for l, field in enumerate(fields):
        assert series.terms(l) == field


def test_tall_and_bushy_trees_of_euler():
    series = modified_series("euler", order=13)
    for n in range(1, 15):
        tall = Tree.from_level_sequence(range(1, n + 1))
        assert series[tall] == Fraction((-1) ** (n - 1), n)
        bushy = Tree.from_level_sequence([1, *[2] * (n - 1)])
        B = sp.bernoulli(n - 1) if n != 2 else sp.Rational(-1, 2)
        assert series[bushy] == Fraction(int(B.p), int(B.q))


@pytest.mark.parametrize(
    "name", quick(RATIONAL, ["euler", "implicit_midpoint", "rk4", "lobatto_iiic2", "rk38"])
)
def test_tall_trees_are_the_logarithm_of_the_stability_function(name):
    t, z = METHODS[name], sp.Symbol("z")
    A, b = sp.Matrix(t.A), sp.Matrix(t.b)
    one = sp.ones(len(t.b), 1)
    R = 1 + z * (b.T * (sp.eye(len(t.b)) - z * A).LUsolve(one))[0]
    logarithm = sp.series(sp.log(sp.simplify(R)), z, 0, 9).removeO()
    series = modified_series(t, order=7)
    for n in range(1, 9):
        tall = Tree.from_level_sequence(range(1, n + 1))
        c = sp.Rational(logarithm.coeff(z, n))
        assert series[tall] == Fraction(int(c.p), int(c.q))


@pytest.mark.parametrize("name", ["implicit_midpoint", "trapezoidal"])
def test_symmetric_methods_have_even_powers_only(name):
    series = modified_series(name, order=7)
    for l in (1, 3, 5, 7):
        assert series.terms(l) == {}
    assert series.terms(2)


def test_the_adjoint_has_the_series_with_minus_h():
    euler, implicit = modified_series("euler", order=7), modified_series("implicit_euler", order=7)
    for tree in euler:
        assert implicit[tree] == (-1) ** (tree.order - 1) * euler[tree]


@pytest.mark.parametrize(
    ("name", "order"), [("euler", 1), ("heun", 2), ("ssprk33", 3), ("rk38", 4)]
)
def test_the_order_is_read_off_the_series(name, order):
    assert modified_series(name, order=5).method_order == order
    assert modified_series(name, order=order - 1).method_order is None


@pytest.mark.parametrize("name", ["euler", "kutta3", "implicit_midpoint", "sdirk2"])
def test_on_a_field_the_series_is_the_equation_in_coordinates(name):
    x, y = sp.symbols("x y")
    f = sp.Matrix([x * y + y**2, sp.exp(x) - y])

    def differential(tree: Tree) -> sp.Matrix:
        """F(τ) = Σ ∂_{j_1}…∂_{j_m} f · F(τ_1)_{j_1} … F(τ_m)_{j_m}, with frozen directions."""
        result = f
        directions = [differential(child) for child in tree.children]
        symbols = [sp.symbols(f"u{k}_:2") for k in range(len(directions))]
        for u in symbols:
            result = result.jacobian([x, y]) * sp.Matrix(u)
        frozen = {s: v for u, d in zip(symbols, directions) for s, v in zip(u, d)}  # noqa: B905
        return result.subs(frozen)

    series = modified_series(name, order=3)
    eq = bea.modified_equation(field=list(f), params=(x, y), order=3, method=name)
    for l in range(4):
        total = sum(
            (sp.sympify(c) * differential(t) for t, c in series.terms(l).items()),
            sp.zeros(2, 1),
        )  # fmt: skip
        assert sp.expand(total - eq.corrections[l]) == sp.zeros(2, 1)


@pytest.mark.parametrize(
    "name",
    quick(
        ["euler", "rk4", "implicit_midpoint", "gauss4", "sdirk2", "yoshida4"],
        ["euler", "implicit_midpoint"],
    ),
)
def test_a_series_on_a_loss_gives_the_letters_of_the_recursion(name):
    a, b = sp.symbols("a b")
    loss = sp.exp(a * b) + a * sp.tanh(b) + (a - 2 * b) ** 3
    by_trees = modified_series(name, order=4).on(loss=loss, params=(a, b))
    by_recursion = bea.modified_equation(loss=loss, params=(a, b), order=4, method=name)
    assert by_trees.corrections == by_recursion.corrections
    assert by_trees.modified_loss(order=1) == by_recursion.modified_loss(order=1)


@pytest.mark.parametrize("name", ["euler", "implicit_midpoint", "sdirk2"])
def test_a_series_on_a_loss_goes_on_beyond_its_order(name):
    a, b = sp.symbols("a b")
    loss = sp.exp(a * b) + a**2 * b
    by_trees = modified_series(name, order=1).on(loss=loss, params=(a, b))
    by_recursion = bea.modified_equation(loss=loss, params=(a, b), order=4, method=name)
    for _ in range(2):  # and a second time, too
        assert by_trees.extended(4).corrections == by_recursion.corrections
    assert by_trees.corrections == by_recursion.corrections[:2]


def test_gradient_structure_of_gradient_descent():
    series = modified_series("euler", order=2)
    assert [series.is_gradient(l) for l in range(3)] == [True, True, False]
    ((free, c),) = series.gradient_structure(1).potential.items()
    assert (free.contraction(), free.symmetry, c) == ("E_i E_i", 2, Fraction(1, 4))
    structure = series.gradient_structure(2)
    ((free, values),) = structure.obstruction.items()
    tall, cherry = Tree.from_level_sequence([1, 2, 3]), Tree.from_level_sequence([1, 2, 2])
    assert values == {tall: Fraction(1, 3), cherry: Fraction(1, 6)}
    assert free.contraction() == "E_i E_ij E_j"


def test_the_obstruction_in_words():
    """Of the six free trees of six nodes it names three, and counts the others."""
    series = modified_series("euler", order=5)
    assert series.gradient_structure(1).obstruction_in_words() == ""
    words = series.gradient_structure(2).obstruction_in_words()
    assert words == "on the free tree of ∇EᵀH∇E b is 1/3 at [1, 2, 3], 1/6 at [1, 2, 2]"
    for l in (3, 4):  # two, and three
        words = series.gradient_structure(l).obstruction_in_words().split("; ")
        assert len(words) == l - 1 and all(w.startswith("on the free tree of ") for w in words)
    *shown, last = series.gradient_structure(5).obstruction_in_words().split("; ")
    assert len(shown) == 3 and last == "and on 3 more"


def test_a_contraction_runs_out_of_letters():
    """E is a letter already, and so is o like a zero: 25 edges have a letter of their own."""
    assert FreeTree.of(Tree()).contraction() == "E"
    path = FreeTree.of(Tree.from_level_sequence(range(1, 29)))
    *nodes, last = path.contraction().split()
    assert nodes[:3] == ["E_i", "E_ij", "E_jk"]
    assert [*nodes[-2:], last] == ["E_h•", "E_••", "E_•"]
    letters = {letter for node in nodes for letter in node[2:]} - {"•"}
    assert len(letters) == 25 and "o" not in letters


@pytest.mark.parametrize("name", ["euler", "heun", "implicit_midpoint", "kutta3"])
def test_the_split_into_gradient_and_remainder_on_a_loss(name):
    """f_l = −∇Ẽ_l + r_l with Ẽ_l by contractions of derivative tensors, written out here."""
    a, b = sp.symbols("a b")
    E = a**3 * b - 2 * a * b**2 + sp.exp(a + 2 * b)
    theta = (a, b)

    def contraction(free) -> sp.Expr:
        (root, _), *_ = free.rootings.items()
        total = sp.Integer(0)
        edges = root.order - 1

        def nodes(tree: Tree, above: list[int]) -> list[list[int]]:
            mine, found = list(above), []
            found.append(mine)
            for child in tree.children:
                edge = next(fresh)
                mine.append(edge)
                found += nodes(child, [edge])
            return found

        fresh = iter(range(edges))
        incident = nodes(root, [])
        for values in product(theta, repeat=edges):
            term = sp.Integer(1)
            for edges_of_node in incident:
                term *= sp.diff(E, *(values[e] for e in edges_of_node)) if edges_of_node else E
            total += term
        return total

    series = modified_series(name, order=3)
    eq = series.on(loss=E, params=theta)
    f = ElementaryDifferentials(*field_of(eq.problem))
    for l in range(4):
        structure = series.gradient_structure(l)
        assert structure.is_gradient == (structure.remainder == {})
        scalar = sum(
            (sp.Rational(c.numerator, c.denominator) * contraction(free)
             for free, c in structure.potential.items()),
            sp.Integer(0),
        )  # fmt: skip
        gradient = sp.Matrix([sp.diff(scalar, p) for p in theta])
        r = eq._derivation.carrier.matrix(f.combination(structure.remainder))
        difference = (eq.corrections[l] + gradient - r).applyfunc(sp.expand)
        assert difference == sp.zeros(2, 1)
        if structure.is_gradient:
            assert eq.is_gradient(l)
        else:
            assert not eq.is_gradient(l)  # for this loss, too


def test_text_and_latex():
    series = modified_series("euler", order=3)
    assert str(series) == (
        "f − h/2 f'f + h²(1/12 f''(f,f) + 1/3 f'f'f) "
        "+ h³(−1/12 f''(f,f'f) − 1/12 f'f''(f,f) − 1/4 f'f'f'f) + …"
    )
    assert modified_series("euler", order=1).latex() == ("f - \\tfrac{h}{2} f'f + \\dots")
    assert "f⁽⁴⁾(f,f,f,f)" in str(modified_series("rk4", order=4))


def test_a_series_is_a_mapping_over_the_trees():
    series = modified_series("heun", order=4)
    assert len(series) == len(TreeTable(5)) == 17
    assert set(series) == {t for n in range(1, 6) for t in trees(n)}
    assert all(isinstance(b, Fraction) for b in series.values())


def test_bad_input():
    with pytest.raises(bea.InputError, match="unknown method 'rk5'"):
        modified_series("rk5")
    with pytest.raises(bea.InputError, match="order is -1"):
        modified_series("euler", order=-1)
    with pytest.raises(bea.InputError, match="rooted trees with up to 31 nodes"):
        modified_series("euler", order=30)
    series = modified_series("euler", order=2)
    with pytest.raises(bea.InputError, match="ends at 3 nodes"):
        series[Tree.from_level_sequence([1, 2, 3, 4])]
    with pytest.raises(bea.InputError, match="is no Tree"):
        series[(1, 2)]
    with pytest.raises(bea.InputError, match="order 3 is not among 0 … 2"):
        series.terms(3)


def test_a_message_counts_trees_as_far_as_it_may_and_names_what_would_do():
    with pytest.raises(bea.InputError, match="there are 37 rooted trees with up to 6 nodes") as few:
        modified_series("euler", order=5, most_trees=36)
    assert "or pass most_trees=37 (--most-trees 37)" in str(few.value)
    assert modified_series("euler", order=5, most_trees=37).order == 5
    with pytest.raises(bea.InputError, match="there are more than ") as many:
        modified_series("euler", order=150)
    assert "or pass" not in str(many.value)
    with pytest.raises(bea.InputError, match=r"has 5: derive it with order=4$"):
        modified_series("euler", order=2)[Tree.from_level_sequence([1, 2, 3, 4, 5])]


@pytest.mark.parametrize("name", ["implicit_midpoint", "gauss4", "gauss6", "yoshida4"])
def test_symplectic_methods_are_hamiltonian_to_every_order(name):
    series = modified_series(name, order=5)
    assert all(series.is_hamiltonian(l) for l in range(6)) and series.is_symmetric()


@pytest.mark.parametrize(
    ("name", "first"), [("euler", 1), ("heun", 3), ("trapezoidal", 2), ("rk4", 4)]
)
def test_other_methods_are_not_and_some_hamiltonian_says_so(name, first):
    """f_l is Hamiltonian if and only if J f_l is a gradient."""
    series = modified_series(name, order=first)
    assert [series.is_hamiltonian(l) for l in range(first + 1)] == [True] * first + [False]
    q, p, x, y = params = sp.symbols("q p x y")
    H = p**2 * x + q**3 - y * q * p + x * y**2 + q * x
    eq = series.on(field=[H.diff(p), -H.diff(q), H.diff(y), -H.diff(x)], params=params)

    def is_hamiltonian(f):
        jacobian = sp.Matrix([-f[1], f[0], -f[3], f[2]]).jacobian(params)
        return (jacobian - jacobian.T).applyfunc(sp.expand) == sp.zeros(4, 4)

    assert [is_hamiltonian(f) for f in eq.corrections] == [True] * first + [False]


def test_a_modifying_integrator_is_refused_sooner():
    with pytest.raises(bea.InputError, match=r"141083 rooted trees .* 60000 are allowed"):
        bea.modifying_integrator("rk4", order=14)


def test_a_series_goes_on_within_its_own_bound():
    series = modified_series("euler", order=2, most_trees=8)
    assert series.extended(3).order == 3
    with pytest.raises(bea.InputError, match="17 rooted trees with up to 5 nodes, and 8 are"):
        series.extended(4)


def test_equal_tableaus_are_equal_whatever_they_are_called():
    assert ButcherTableau([[0]], [1], name="mine") == METHODS["euler"]
    assert len({ButcherTableau([[0]], [1], name="mine"), METHODS["euler"]}) == 1


def test_what_a_series_does_not_reach_is_said_of_this_series():
    with pytest.raises(bea.InputError, match="this series"):
        bea.modified_series("euler", 2).gradient_structure(3)
