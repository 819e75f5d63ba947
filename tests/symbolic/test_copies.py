"""Equations and series travel: through pickle, to other processes, and between threads."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import sympy as sp

import bea
from bea.symbolic.parsing.limits import TooManyTermsError

x, y = sp.symbols("x y")

EQUATIONS = {
    "loss": lambda: bea.modified_equation(loss=x**4 * y + sp.exp(x * y), params=(x, y), order=2),
    "field": lambda: bea.modified_equation(
        field=["y", "-sin(x)"], params="x, y", order=3, method="rk4"
    ),
    "step": lambda: bea.modified_equation(
        step=lambda t, h: [t[0] + h * sp.sin(t[1]), t[1] * sp.exp(h)], params=(x, y), order=2
    ),
    "modifying": lambda: bea.modifying_integrator("euler", 2).on(loss=x**4, params=x),
    "a family": lambda: bea.modified_series(
        bea.ButcherTableau([[0, 0], ["a", 0]], ["1 - 1/(2*a)", "1/(2*a)"]), 2
    ).on(field=["x*y", "x"], params="x, y"),
    "expressions": lambda: bea.modified_equation(loss=sp.gamma(x) * y, params=(x, y), order=1),
    "long": lambda: bea.modified_equation(
        loss=sum(sp.log(1 + sp.exp(i * x - y * i**2 + 1)) for i in range(1, 12)),
        params=(x, y),
        order=1,
    ),
}


@pytest.fixture(params=EQUATIONS)
def eq(request) -> bea.ModifiedEquation:
    equation = EQUATIONS[request.param]()
    assert equation.corrections and equation.is_gradient(0) in (True, False)
    return equation


@pytest.mark.parametrize(
    "copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy]
)
def test_a_copy_is_the_same_equation(eq, copied):
    again = copied(eq)
    assert again.corrections == eq.corrections
    assert (again.order, again.params, again.kind, again.loss) == (
        eq.order, eq.params, eq.kind, eq.loss
    )  # fmt: skip
    assert str(again) == str(eq)
    assert again.extended(eq.order + 1).corrections == eq.extended(eq.order + 1).corrections


@pytest.mark.parametrize(
    "thing",
    [
        bea.modified_series("rk4", 4),
        bea.modifying_integrator("heun", 3),
        bea.METHODS["dormand_prince"],
        bea.Tree(bea.Tree(), bea.Tree(bea.Tree())),
        bea.ButcherTableau([["1/2 - sqrt(3)/6"]], [1]),
    ],
    ids=lambda t: type(t).__name__,
)
def test_series_methods_and_trees(thing):
    for again in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing)):
        assert str(again) == str(thing)
        assert again == thing or isinstance(thing, bea.Series)


def test_errors_travel_with_what_they_know():
    eq = bea.modified_equation(loss=x**2 * y, params=(x, y), order=2)
    with pytest.raises(bea.NotAGradientError) as caught:
        eq.modified_loss()
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert (again.order, again.curl) == (caught.value.order, caught.value.curl)
    too_many = pickle.loads(pickle.dumps(TooManyTermsError(5, "f_1")))
    assert too_many.most == 5 and "f_1" in str(too_many)
    undecided = pickle.loads(pickle.dumps(bea.UndecidedError("it is not known", "two points")))
    assert (str(undecided), undecided.tried) == ("it is not known", "two points")


def correction(eq: bea.ModifiedEquation) -> sp.Expr:
    return eq.corrections[1][0]


@pytest.mark.slow
def test_equations_go_to_other_processes():
    equations = [EQUATIONS[name]() for name in ("loss", "step", "modifying")]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(correction, equations) == list(map(correction, equations))


def test_several_threads_derive_once():
    eq = bea.modified_equation(loss=(x - y) ** 6 + sp.exp(x * y), params=(x, y), order=4)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda k: eq.extended(k % 5).corrections[-1], range(40)))
    assert found == [eq.corrections[k % 5] for k in range(40)]
