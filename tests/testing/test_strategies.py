"""What is drawn is what it says, computes in every arithmetic, and shrinks to what can be read."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import find, given, settings
from hypothesis import strategies as st

import bea
from bea import testing
from bea.flows.precision import double_precision
from bea.testing import (
    SampleField,
    SampleLoss,
    SampleNetwork,
    butcher_tableaus,
    losses,
    pytree_losses,
    trees,
    vector_fields,
)
from bea.testing.tableaus import stage_weights
from tests.symbolic.strategies import examples

QUIET = settings(derandomize=True, database=None, deadline=None, max_examples=1000)
FUNCTIONS = ("exp", "tanh", "sigmoid")


@given(losses(degree=4), vector_fields())
def test_losses_and_fields_are_polynomials_in_all_their_parameters(loss, field):
    assert loss.expression.free_symbols == set(loss.params)
    assert sp.Poly(loss.expression, *loss.params).total_degree() <= 4
    assert sp.Matrix(field.components).free_symbols == set(field.params)
    assert len(field.components) == len(field.params)


@given(st.one_of(losses(functions=FUNCTIONS), vector_fields(functions=FUNCTIONS)))
def test_their_repr_makes_them_again(sample):
    pasted = eval(repr(sample), vars(testing))
    theta = np.linspace(0.3, -0.7, len(sample.params))
    np.testing.assert_allclose(pasted(theta), sample(theta), rtol=1e-12, atol=1e-12)
    assert pasted.params == sample.params


@examples(5)
@given(losses(dim=2, functions=FUNCTIONS))
def test_they_compute_in_the_arithmetic_of_the_point(loss):
    point = (0.4, -0.7)
    at = dict(zip(loss.params, point, strict=True))
    exact = [float(sp.diff(loss.expression, p).subs(at).evalf()) for p in loss.params]
    with double_precision():
        for theta in (np.array(point), jnp.array(point), list(map(mpmath.mpf, point))):
            value = loss.gradient(theta)
            np.testing.assert_allclose(np.array(value, dtype=float), exact, rtol=1e-12, atol=1e-12)
            field = np.array(loss.field(theta), dtype=float)
            np.testing.assert_allclose(field, -np.array(value, dtype=float), rtol=1e-12)
        assert isinstance(loss.gradient(jnp.array(point)), jax.Array)
    assert isinstance(loss.gradient([mpmath.mpf(1)] * 2)[0], mpmath.mpf)
    assert loss.gradient(np.float32([1, 2])).dtype == np.float32


def test_multiprecision_is_exact():
    with mpmath.workdps(50):
        assert SampleLoss("x**2/6", "x")([mpmath.mpf(1)]) == mpmath.mpf(1) / 6


@given(losses(dim=2))
def test_the_equation_is_that_of_the_loss(loss):
    eq = loss.equation(order=1)
    assert eq.loss == loss.expression and eq.order == 1
    assert list(eq.corrections[0]) == [sp.expand(c) for c in loss.field.components]


def test_nothing_that_is_drawn_is_special():
    """Most losses are not even, and most fields no gradients."""
    kinds: Counter[str] = Counter()

    @settings(QUIET, max_examples=100)
    @given(losses(dim=2), vector_fields(dim=2))
    def count(loss, field):
        mirrored = loss.expression.subs({p: -p for p in loss.params}, simultaneous=True)
        kinds["even"] += sp.expand(mirrored - loss.expression) == 0
        kinds["gradient"] += field.equation(order=0).is_gradient(0)

    count()
    assert 0 < kinds["even"] < 50 and 0 < kinds["gradient"] < 50


@pytest.mark.slow
def test_they_shrink_to_short_expressions():
    x, y = sp.symbols("x y")
    cubic = find(losses(dim=2), lambda loss: sp.diff(loss.expression, x, x, y) != 0, settings=QUIET)
    assert cubic == SampleLoss("x**2*y", "x, y")
    field = find(vector_fields(), lambda f: not f.equation(order=0).is_gradient(0), settings=QUIET)
    assert len(field.params) == 2 and sum(len(str(c)) for c in field.components) < 10


@given(trees(7))
def test_trees(tree):
    assert 1 <= tree.order <= 7
    assert bea.Tree.from_level_sequence(tree.level_sequence) == tree


def test_every_tree_is_drawn():
    drawn = set()

    @settings(QUIET, max_examples=400)
    @given(trees(4))
    def collect(tree):
        drawn.add(tree)

    collect()
    assert drawn == {tree for n in range(1, 5) for tree in bea.trees(n)}


def test_trees_shrink_to_few_nodes():
    assert find(trees(8), lambda t: t.density > 20, settings=QUIET).order == 4


# --- methods -----------------------------------------------------------------------------------


def defect_of_order(method: bea.ButcherTableau, order: int) -> bool:
    """Does a condition of the order fail? By the series of the method, which knows no Φ."""
    series = bea.modified_series(method, order - 1)
    return any(series.terms(l) for l in range(1, order))


@pytest.mark.parametrize(
    ("order", "explicit"),
    [*((q, True) for q in range(1, 5)), *((q, False) for q in range(1, 5))],
)
def test_methods_have_the_order_that_was_asked_for(order, explicit):
    @examples(15)
    @given(butcher_tableaus(order, explicit=explicit))
    def check(method):
        assert method.is_rational
        assert method.is_explicit or not explicit
        assert not defect_of_order(method, order)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("order", [5, 6])
def test_implicit_methods_of_high_order(order):
    @examples(10)
    @given(butcher_tableaus(order))
    def check(method):
        assert not method.is_explicit and not defect_of_order(method, order)

    check()


def test_most_methods_have_no_higher_order():
    orders: Counter[bool] = Counter()

    @settings(QUIET, max_examples=60)
    @given(butcher_tableaus(2, stages=3))
    def count(method):
        assert len(method.b) == 3
        orders[defect_of_order(method, 3)] += 1

    count()
    assert orders[True] > 3 * orders[False]


def test_stage_weights_give_the_conditions():
    """Σ b_i Φ_i(τ) = 1/γ(τ) for RK4 up to four nodes, and not for all trees of five."""
    rk4 = bea.METHODS["rk4"]

    def holds(tree):
        weights = stage_weights(tree, rk4.A)
        return sum(b * w for b, w in zip(rk4.b, weights, strict=True)) == sp.Rational(
            1, tree.density
        )

    assert all(holds(tree) for n in range(1, 5) for tree in bea.trees(n))
    assert not all(map(holds, bea.trees(5)))


def test_methods_shrink_to_few_stages():
    simple = find(butcher_tableaus(1), lambda m: not m.is_explicit, settings=QUIET)
    assert len(simple.b) == 1


# --- networks ----------------------------------------------------------------------------------


@pytest.mark.slow
@examples(5)
@given(pytree_losses())
def test_networks_are_losses_of_pytrees(network):
    with double_precision():
        value, gradient = jax.value_and_grad(network)(jax.tree.map(jnp.asarray, network.parameters))
        assert value.shape == () and value.dtype == jnp.float64 and bool(jnp.isfinite(value))
        for f, g in zip(
            jax.tree.leaves(network.field(network.parameters)),
            jax.tree.leaves(gradient),
            strict=True,
        ):
            np.testing.assert_allclose(f, -g, rtol=1e-12)
    assert eval(repr(network), vars(testing)) == network


def test_a_network_by_hand():
    network = SampleNetwork((1, 1), samples=1, seed=3)
    (layer,) = network.parameters
    (x,), (t,) = network._data[0][0], network._data[1][0]
    y = layer["weights"][0, 0] * x + layer["biases"][0]
    assert float(network(network.parameters)) == pytest.approx((y - t) ** 2 / 2, rel=1e-6)


# --- what cannot be drawn ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses(dim=7), "7 parameters: dim goes from 1 to 6"),
        (lambda: losses(degree=1), "degree 1: give 2 or more"),
        (lambda: vector_fields(functions=["abs"]), "'abs' is no function here"),
        (lambda: trees(0), "give max_order=1 or more"),
        (lambda: butcher_tableaus(order=0), "order 0"),
        (lambda: butcher_tableaus(order=5, explicit=True), "no explicit tableaus of order 5"),
        (lambda: butcher_tableaus(order=4, stages=3), "of order 4 with 3 stages"),
        (lambda: pytree_losses(activations=["relu"]), "unknown activation 'relu'"),
        (lambda: pytree_losses(max_width=0), "give 1 or more"),
        (lambda: SampleNetwork((2,)), "inputs and outputs"),
        (lambda: SampleNetwork(activation="relu"), "unknown activation"),
        (lambda: SampleNetwork(objective="l1"), "unknown objective"),
        (lambda: SampleLoss("abs(x)", "x"), "abs is not smooth"),
        (lambda: SampleField(["x"], "x, y"), "give one for each"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(call, message):
    with pytest.raises(bea.InputError, match=message):
        call()


WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None  # as if it were not installed
from bea import testing
assert testing.assert_local_error_order and testing.SampleLoss
for name in ("losses", "loses"):
    try:
        getattr(testing, name)
    except (ImportError, AttributeError) as error:
        print(error)
print(dir(testing) == sorted(testing.__all__))
"""


def test_the_assertions_do_without_hypothesis():
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_HYPOTHESIS], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == [
        "bea.testing.losses draws by Hypothesis: pip install 'bea[testing]'",
        "module 'bea.testing' has no attribute 'loses'",
        "True",
    ]
