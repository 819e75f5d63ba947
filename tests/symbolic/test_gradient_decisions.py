"""Gradients and modified losses far from θ = 1, at every scale, and with many terms."""

from __future__ import annotations

from random import Random

import pytest
import sympy as sp

import bea
from bea.symbolic.zero.decision import Answer, decide
from tests.quick import quick

x, y = sp.symbols("x y")
R = sp.Rational


def decimal(random: Random, size: float) -> sp.Rational:
    """A number of up to four digits."""
    return sp.Rational(str(round(random.uniform(-size, size), random.randrange(3))))


def random_loss(seed: int) -> sp.Expr:
    """A loss of a kind that people minimize, anywhere and at any scale."""
    random = Random(seed)
    kind = random.choice(("wells", "robust", "cauchy", "logistic", "bell", "bodies", "steep"))
    n = random.randrange(1, 8)
    size = random.choice((1, 1, 8, 50))
    c = [[decimal(random, size) for _ in range(3)] for _ in range(n)]
    residuals = [a * x + b * y - k for a, b, k in c]
    loss = {
        "wells": lambda: sum(1 / (1 + (x - a) ** 2 + (y - b) ** 2) for a, b, _ in c),
        "robust": lambda: sum(r**2 / (1 + r**2) for r in residuals),
        "cauchy": lambda: sum(sp.log(1 + r**2) for r in residuals),
        "logistic": lambda: sum(sp.log(1 + sp.exp(r)) for r in residuals[:3]),
        "bell": lambda: 1 - sp.exp(-(((x - c[0][0]) ** 2 + 2 * (y - c[0][1]) ** 2) / 2)),
        "bodies": lambda: sum(1 / sp.sqrt((x - a) ** 2 + (y - b) ** 2 + 1) for a, b, _ in c[:4]),
        "steep": lambda: sp.tanh(c[0][0] * x + y) * y + x * sp.sin(c[0][1] * y + R(1, 3)),
    }[kind]()
    return R(10) ** random.choice((0, 0, -90, 40)) * loss


@pytest.mark.parametrize("seed", quick(range(40), range(20)))
def test_theorem_3_1_holds_for_every_loss(seed):
    """f_1 is a gradient, that of −¼|∇E|²; SymPy's own derivatives are the other road."""
    E = random_loss(seed)
    if not {x, y} <= E.free_symbols:
        return
    eq = bea.modified_equation(loss=E, params=(x, y), order=1)
    assert eq.is_gradient(0) and eq.is_gradient(1)
    expected = E + eq.step_size * (sp.diff(E, x) ** 2 + sp.diff(E, y) ** 2) / 4
    difference = eq.modified_loss(1).coeff(eq.step_size) - expected.coeff(eq.step_size)
    assert decide(difference).answer is Answer.ZERO
    # A field that is not a gradient is not called one, however small what it lacks is.
    f = eq.corrections[0]
    field = [f[0] + R(10) ** -200 * sp.exp(-((x - 9) ** 2)) * y, f[1]]
    assert not bea.modified_equation(field=field, params=(x, y), order=0).is_gradient(0)


SEEN = {
    "a bell far away": ("1 - exp(-((x-8)**2+2*(y-8)**2)/2)", [True, True, False]),
    "a steep tanh": ("tanh(60*x)*y + y**2/2", [True, True, False]),
    "steep logistic": (
        "log(1+exp(-(200*x+150*y))) + log(1+exp(120*x-180*y))",
        [True, True, False],
    ),
    "two bells at 12": (
        "-log(exp(-(x-12)**2-(y-12)**2) + exp(-2*(x-12)**2-(y-15)**2))",
        [True, True, False],
    ),
    "separable": ("1/(1-tanh(100*x)**2) + y**4", [True, True, True]),
    "commensurable": ("sin(2.3*x)*cos(0.7*y) + sin(12*x)*y", [True, True, False]),
}


@pytest.mark.parametrize("name", SEEN)
def test_which_corrections_are_gradients(name):
    loss, expected = SEEN[name]
    eq = bea.modified_equation(loss=loss, params="x, y", order=2)
    assert [eq.is_gradient(l) for l in range(3)] == expected


@pytest.mark.parametrize(
    "loss",
    [
        "erf(x-20)",
        "exp(-(x-20)**2)*log(x)",
        "exp(-(x-20)**2)*atan(x)",
        "exp(-(x-20)**2)*sqrt(x)",
        "10**-60*sin(12*x)",
        "x/(exp(x)+1) - atan(x)",
    ],
)
@pytest.mark.parametrize("method", ["euler", "heun"])
def test_in_one_dimension_every_order_belongs_to_the_loss(loss, method):
    eq = bea.modified_equation(loss=loss, params="x", order=2, method=method)
    h = eq.step_size
    derivative = sp.diff(eq.modified_loss(2), x).doit()
    for l, f in enumerate(eq.corrections):
        part = derivative.coeff(h, l) if l else derivative.subs(h, 0)
        assert decide(part + f[0]).answer is Answer.ZERO
    if loss == "erf(x-20)" and method == "euler":
        assert abs(float(eq.corrections[2][0].subs(x, R(41, 2))) + 0.16966) < 1e-5


def test_fields_that_are_gradients_only_on_a_part_of_the_plane():
    root = sp.sqrt((x - 5) * (y - 5))
    for field in ([root / (x - 5), root / (y - 5)], [root / (x - 5), root * root / root / (y - 5)]):
        assert bea.modified_equation(field=field, params=(x, y), order=0).is_gradient(0)
    for field in (
        [(sp.sqrt(x**2) - x) * y, 1],
        [R(10) ** -90 * sp.sin(x) * y, 0],
        [sp.sqrt((x - 300) ** 2) * y, (x - 300) * x / 2 - 150 * x],
    ):
        assert not bea.modified_equation(field=field, params=(x, y), order=0).is_gradient(0)


def test_the_loss_itself_is_never_hidden_by_a_constant():
    h = sp.Symbol("h")
    for loss, slope_squared in (
        (x, 1),
        (3 * x + 4 * y, 25),
        (sp.sqrt(x**2 + y**2), 1),
        (x / 7 - 5, R(1, 49)),
    ):
        params = sorted(loss.free_symbols, key=str)
        eq = bea.modified_equation(loss=loss, params=params, order=1)
        assert sp.expand(eq.modified_loss() - loss - h * slope_squared / 4) == 0
    # a method of order two has no such term, and a modifying integrator the opposite one
    assert bea.modified_equation(loss=x, params=x, order=1, method="heun").modified_loss() == x
    eq = bea.modifying_integrator("euler", 1).on(loss=3 * x, params=x)
    assert eq.modified_loss() == 3 * x - 9 * h / 4


def test_what_is_not_known_reaches_the_user():
    """Γ(2x) by Legendre's duplication formula, which no algebra here knows."""
    duplicated = 2 ** (2 * x - 1) * sp.gamma(x) * sp.gamma(x + R(1, 2)) / sp.sqrt(sp.pi)
    field = [y * (sp.gamma(2 * x) - duplicated), sp.Integer(0)]
    eq = bea.modified_equation(field=field, params=(x, y), order=0)
    for ask in (lambda: eq.is_gradient(0), lambda: eq.modified_loss(0), lambda: eq.curl(0)):
        with pytest.raises(bea.UndecidedError, match="whether f_0 is a gradient cannot be decided"):
            ask()
    assert "whether f_0 is a gradient cannot be decided: to 1024 bits" in str(eq)


@pytest.mark.parametrize(
    ("loss", "domain"),
    [
        ("log(x) + sqrt(y-5)", (x, y - 5)),
        ("log(1+x**2) + sqrt(x**2+y**2+1)", ()),
        ("sqrt(exp(x)+1) + y", ()),
        ("x**pi + cbrt(y)", (x,)),
        ("x**(1/3) + y", ()),
    ],
)
def test_the_domain_is_said(loss, domain):
    loss = loss.replace("cbrt(y)", "y**2")
    eq = bea.modified_equation(loss=loss, params="x, y", order=0)
    assert eq.domain == domain
    assert ("where " in str(eq).splitlines()[-1]) == bool(domain)
