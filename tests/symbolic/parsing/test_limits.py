"""What would grow without end is refused in words and in time, and the limits can be raised."""

from __future__ import annotations

import pytest
import sympy as sp

import bea
from bea import InputError
from bea.symbolic.parsing.limits import TooManyTermsError
from bea.symbolic.ring import differential_ring as ring_module
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.expression_algebra import ExpressionAlgebra

a, b, c, x, y = sp.symbols("a b c x y")
REMEDY = r"ask for a lower order, or raise the limit with most_terms= \(--most-terms\)"


def terms_written(p: int) -> int:
    """For f = −λx, where everything is one term: all D_v g, their sums L_{n,k}, and the f_l."""
    return p * (p + 1) * (p + 2) // 6 + p * (p + 1) // 2 + p + 1


@pytest.mark.parametrize("p", [3, 8])
def test_the_terms_of_all_corrections_are_counted(p):
    enough, loss = terms_written(p), x**2
    eq = bea.modified_equation(loss=loss, params=[x], order=p, most_terms=enough)
    assert eq.corrections == bea.modified_equation(loss=loss, params=[x], order=p).corrections
    eq = bea.modified_equation(loss=loss, params=[x], order=p, most_terms=enough - 1)
    with pytest.raises(
        TooManyTermsError, match=rf"f_{p}, .* more than {enough - 1} terms: {REMEDY}"
    ):
        eq.derive()


def test_what_is_below_the_limit_can_still_be_had():
    eq = bea.modified_equation(
        field=[sp.sin(x * y), y**2 + x], params=[x, y], order=6, most_terms=1000
    )
    with pytest.raises(TooManyTermsError) as caught:
        eq.derive()
    reached = int(str(caught.value)[2])
    assert 1 < reached < 6
    whole = bea.modified_equation(field=[sp.sin(x * y), y**2 + x], params=[x, y], order=reached)
    assert eq.extended(reached - 1).corrections == whole.corrections[:-1]
    with pytest.raises(TooManyTermsError, match=f"f_{reached}, "):
        eq.extended(reached).derive()


@pytest.mark.parametrize(
    "problem",
    [
        {"field": [sp.sin(x * y), y**2 + x], "method": "rk4"},
        {"field": [sp.gamma(x * y), y**2 + x]},
        {"step": lambda theta, h: [x + h * sp.sin(x * y), y + h * (y**2 + x)]},
    ],
    ids=["stages", "functions without a rule", "a step"],
)
def test_every_kind_of_derivation_is_counted(problem):
    eq = bea.modified_equation(**problem, params=[x, y], order=6, most_terms=1000)
    with pytest.raises(TooManyTermsError, match=REMEDY):
        eq.derive()


def test_a_series_on_a_field_has_the_limit_for_each_function():
    series = bea.modified_series("euler", order=6)
    with pytest.raises(TooManyTermsError, match=REMEDY):
        series.on(loss="sin(x*y) + x*y**3", params="x, y", most_terms=100).derive()


@pytest.mark.parametrize("order", [1000, 10**30])
def test_an_order_without_end_is_refused_at_once(order):
    eq = bea.modified_equation(loss=x**2, params=[x])
    with pytest.raises(InputError, match=f"the order is {order}: .* {REMEDY}"):
        eq.extended(order)
    with pytest.raises(InputError, match="the order is"):
        bea.modified_equation(loss=x**2, params=[x], order=order)


def test_an_order_that_is_wanted_can_be_had():
    with pytest.raises(InputError, match="the order is 20"):
        bea.modified_equation(loss=x**2, params=[x], order=20, most_terms=1000)
    eq = bea.modified_equation(loss=x**2 / 2, params=[x], order=20, most_terms=10_000)
    assert eq.corrections[20] == sp.Matrix([-x / 21])  # log(1 − h)/h


@pytest.mark.parametrize("most", [0, -1, 1.5, None, "many"])
def test_a_limit_is_a_whole_number(most):
    with pytest.raises(InputError, match="most_terms is"):
        bea.modified_equation(loss=x**2, params=[x], most_terms=most)


@pytest.mark.parametrize(
    "loss",
    [
        (a + b + c + x + y) ** 100,
        sp.sin((a + b + c + x + y) ** 100),
        sp.Add(*sp.symbols("s:2000")) ** 2,
    ],
    ids=["a power", "a power in a function", "a square of thousands"],
)
def test_an_input_that_cannot_be_multiplied_out_is_refused(loss):
    with pytest.raises(InputError, match=r"the loss has up to \d+ terms .*most_terms="):
        bea.modified_equation(loss=loss, params=sorted(loss.free_symbols, key=str)[:2])


def test_a_tower_of_functions_is_refused():
    tower = x
    for _ in range(400):
        tower = sp.Function("F")(tower)
    with pytest.raises(InputError, match="too many functions inside one another"):
        bea.modified_equation(loss=tower, params=[x])


def test_a_product_in_pieces_is_the_product(monkeypatch):
    ring = DifferentialRing([x, y], [sp.exp(x) * y])
    u, v = (ring.element((x + 2 * y + sp.exp(x)) ** n) for n in (4, 6))
    whole = u * v
    monkeypatch.setattr(ring_module, "MAX_PRODUCT", 50)
    assert ring.product(u, v) == ring.product(v, u) == whole
    assert ring.product(u, ring.zero) == ring.zero


def test_a_product_that_is_too_long_is_noticed_on_the_way(monkeypatch):
    monkeypatch.setattr(ring_module, "MAX_PRODUCT", 1_000)
    ring = DifferentialRing([x, y], [x + y], most_terms=300)
    u, v = ring.element((1 + x) ** 200), ring.element((1 + y) ** 200)
    pieces, honest = [], DifferentialRing._pieces
    monkeypatch.setattr(
        DifferentialRing, "_pieces", lambda *args: (pieces.append(p) or p for p in honest(*args))
    )
    with pytest.raises(TooManyTermsError, match="more than 300 terms"):
        ring.product(u, v)  # 40 401 terms
    assert len(pieces) == 1


def test_expressions_have_the_limit_too():
    algebra = ExpressionAlgebra([x], [sp.gamma(x)], most_terms=3)
    assert algebra.normal((1 + x) * sp.gamma(x)) == x * sp.gamma(x) + sp.gamma(x)
    with pytest.raises(TooManyTermsError):
        algebra.normal((1 + x) ** 3)


@pytest.mark.parametrize("step", [
    lambda theta, h: [x + h * sp.sin(x * y), y + h * (y**2 + x)],
    lambda theta, h: [x + h * sp.gamma(x * y), y + h * (y**2 + x)],
], ids=["a ring", "functions without a rule"])  # fmt: skip
def test_the_algebra_of_a_step_has_the_limit_too(step):
    eq = bea.modified_equation(step=step, params=[x, y], order=1, most_terms=1000)
    algebra = eq._derivation.carrier.algebra
    ring = algebra if isinstance(algebra, DifferentialRing) else algebra._ring
    assert ring.most_terms == 1000
