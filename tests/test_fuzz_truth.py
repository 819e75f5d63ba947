"""What the fuzzer takes for true, against closed forms and against SymPy with mpmath."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb

import bea
from bea.testing.samples import SampleField
from fuzz import families, kernels, losses
from fuzz.jets import FUNCTIONS, precision
from fuzz.pool import checked
from fuzz.readings import Reader
from fuzz.truth import (
    WEIGHTS,
    Ball,
    Subject,
    corrections,
    curl,
    field_at,
    first_field,
    is_gradient,
    limit_at,
    some_points,
)

x, y = sp.symbols("x y")
CLOSE = mpmath.mpf(10) ** -30


def number(value: arb) -> mpmath.mpf:
    assert value.rel_accuracy_bits() > 100 or value == 0
    return mpmath.mpf(value.mid().str(50, radius=False))


def same(value: arb, right: mpmath.mpf) -> bool:
    return abs(number(value) - right) <= CLOSE * (1 + abs(right))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_has_the_derivatives_that_sympy_says(name):
    u = "0.3 + 0.4*x*y + y/5" if name not in ("acosh",) else "1.3 + 0.4*x*y + y/5"
    point = (Fraction(3, 4), Fraction(-1, 3))
    expr = sp.sympify(f"{name}({u})", locals=families.TEXT_FUNCTIONS, rational=True)
    with precision(300), mpmath.workdps(45):
        jet = Reader(("x", "y"), point, 4).text(f"{name}({u})")
        again = Reader(("x", "y"), point, 4).expression(expr)
        for (i, j), c in zip(jet.space.indices, jet.coefficients, strict=True):
            if i + j > 2 and (i, j) not in ((2, 1), (4, 0)):
                continue
            right = sp.diff(expr, x, i, y, j).subs({x: sp.Rational(3, 4), y: sp.Rational(-1, 3)})
            value = mpmath.mpmathify(sp.N(right, 40)) / mpmath.factorial(i) / mpmath.factorial(j)
            assert same(c, value)
            assert same(again.coefficients[again.space.position[i, j]], value)


def test_tails_keep_their_relative_accuracy():
    with precision(128), mpmath.workdps(60):
        for u in (-200, 200):
            jet = Reader(("x",), (Fraction(u),), 2).text("tanh(x)")
            assert same(
                jet.coefficients[1] * arb(10) ** 173, mpmath.sech(200) ** 2 * mpmath.mpf(10) ** 173
            )
            assert jet.coefficients[1].rel_accuracy_bits() > 100


@pytest.mark.parametrize("l", [0, 1, 2, 3])
def test_a_linear_field_has_the_coefficients_of_the_logarithm(l):
    with precision(200):
        f = first_field(
            Subject("", ("x", "y"), None, ("3*x", "-y/2")), (Fraction(2), Fraction(5)), 4
        )
        f_l = corrections(f, l)[l]
        for jet, rate, start in zip(f_l, (Fraction(3), Fraction(-1, 2)), (2, 5), strict=True):
            right = Fraction((-1) ** l, l + 1) * rate ** (l + 1) * start
            assert (jet.value - arb(right.numerator) / right.denominator).contains(0)


@pytest.mark.parametrize("field", [("x*y", "x**2 - y"), ("y**3 - x", "x*y**2 + 1")])
def test_the_formulas_are_those_of_the_recursion(field):
    sample, point = SampleField(list(field), "x,y"), (Fraction(2, 3), Fraction(-5, 7))
    equation = sample.equation(order=3)
    with precision(300):
        found = corrections(first_field(Subject("", ("x", "y"), None, field), point, 4), 3)
        for column, jets in zip(equation.corrections, found, strict=True):
            for c, jet in zip(column, jets, strict=True):
                assert (Reader(("x", "y"), point, 0).expression(c).value - jet.value).contains(0)


@pytest.mark.parametrize("method", WEIGHTS)
def test_the_weights_of_other_methods_follow_from_their_tableaus(method):
    A, b = (np.array(each, dtype=object) for each in (bea.METHODS[method].A, bea.METHODS[method].b))
    c, sixth = A.sum(axis=1), Fraction(1, 6)
    k = (b * c).sum() - Fraction(1, 2)
    right = k, (b * c * c).sum() / 2 - k / 2 - sixth, (b * (A @ c)).sum() - k - sixth
    assert WEIGHTS[method] == right
    # θ' = λθ: log R(hλ)/h with the stability function R = 1 + z + …
    rates = [WEIGHTS[method][0], WEIGHTS[method][2]]
    z = sp.Symbol("z")
    step = 1 + z * (sp.Matrix([list(b)]) * (sp.eye(len(b)) - z * sp.Matrix(A.tolist())).inv()
                    * sp.ones(len(b), 1))[0]  # fmt: skip
    series = sp.series(sp.log(step), z, 0, 4).removeO()
    assert [series.coeff(z, 2), series.coeff(z, 3)] == rates


@pytest.mark.parametrize("number_of_subject", range(len(families.LOSSES)))
def test_the_first_corrections_of_a_random_loss_by_sympy(number_of_subject):
    family = families.LOSSES[number_of_subject]
    subject = family(Random(5))
    names = sp.symbols(subject.names)
    loss = sp.sympify(subject.loss, locals=families.TEXT_FUNCTIONS, rational=True)
    f = sp.Matrix([-sp.diff(loss, v) for v in names])
    f_1 = -f.jacobian(names) * f / 2
    point = next(
        p for p in some_points(subject, Random(1), 9) if field_at(subject, p, Fraction(0), 1)
    )
    with precision(1000), mpmath.workdps(250):
        values = {
            v: sp.Rational(t.numerator, t.denominator) for v, t in zip(names, point, strict=True)
        }
        for right, jet in zip(f_1, corrections(first_field(subject, point, 1), 1)[1], strict=True):
            value = mpmath.mpmathify(sp.N(right.subs(values), 60, maxn=2000))
            assert abs(number(jet.value) - value) <= CLOSE * abs(value)


def test_what_the_issue_says_of_bells_far_away():
    bell = Subject("", ("x", "y"), "1-exp(-((x-8)**2+2*(y-8)**2)/2)")
    with precision(200):
        f_2 = corrections(first_field(bell, (Fraction(17, 2), Fraction(77, 10)), 3), 2)[2]
        assert abs(curl(f_2)[0][0] + arb("0.0947015888502400133")) < arb("1e-18")
        erf = first_field(Subject("", ("x",), "erf(x-20)"), (Fraction(41, 2),), 2)
        assert abs(corrections(erf, 2)[2][0].value + arb("0.16966")) < arb("1e-5")


@pytest.mark.parametrize(
    ("subject", "l", "right"),
    [
        (Subject("", ("x", "y"), "tanh(60*x)*y + y**2/2"), 2, False),
        (Subject("", ("x", "y"), "log(1 + (x + 2*y)**2)"), 2, True),
        (Subject("", ("x", "y"), "exp(-(x**2 + y**2)/3)"), 2, True),
        (Subject("", ("x", "y"), None, ("1e-90*sin(x)*y", "0")), 0, False),
        (Subject("", ("x", "y"), None, ("(sqrt(x**2) - x)*y", "1")), 0, False),
        (Subject("", ("x", "y"), None, ("(sin(x)**2 + cos(x)**2 - 1)*y", "1")), 0, True),
        (Subject("", ("x", "y"), None, ("sqrt(-1 - x**2)*y", "1")), 0, None),
    ],
)
def test_gradients_are_told_from_others(subject, l, right):
    assert is_gradient(subject, l, some_points(subject, Random(2), 14)) is right


def test_a_removable_singularity_has_its_limit():
    loss = Subject("", ("x",), "sin(x)/x")
    (at_zero,) = limit_at(loss, (Fraction(0),), Fraction(1, 10), 1)
    (near,) = limit_at(loss, (Fraction(1, 1000),), Fraction(1, 10), 1)
    assert at_zero.value == 0
    assert float(near.value) == pytest.approx(3.2777775e-4, rel=1e-7)
    quotient = Subject("", ("x", "y"), "y*(x/(exp(x) - 1))")
    values = [b.value for b in limit_at(quotient, (Fraction(0), Fraction(0)), Fraction(1, 10), 0)]
    assert values[0] == 0 and float(values[1]) == -1.0
    assert limit_at(Subject("", ("x",), "1/x"), (Fraction(0),), Fraction(1), 1) is None


# --- wrong answers are seen -------------------------------------------------------------------


class Lying:
    """An equation with one answer replaced."""

    def __init__(self, equation, **answers):
        self._equation, self._answers = equation, answers

    def __getattr__(self, name):
        return self._answers.get(name) or getattr(self._equation, name)


def outcomes(monkeypatch, subject, **answers):
    true = bea.modified_equation
    monkeypatch.setattr(
        bea, "modified_equation", lambda **k: Lying(true(**k), **answers), raising=False
    )
    return {o.check: o.verdict for o in losses.check(subject)}


def test_a_wrong_modified_loss_is_seen_however_small_the_mistake(monkeypatch):
    subject = Subject("", ("x", "y"), "x**2*y + sin(y)")
    assert outcomes(monkeypatch, subject)["modified_loss(1)"] == "right"
    equation = bea.modified_equation(loss=subject.loss, params="x,y", order=1)
    loss = equation.modified_loss(1) + sp.Rational(1, 10**100) * x
    found = outcomes(monkeypatch, subject, modified_loss=lambda p: loss)
    assert found["modified_loss(1)"] == "WRONG"
    assert found["modified_loss(2)"] == "WRONG"  # there is none


def test_a_wrong_word_about_a_gradient_is_seen(monkeypatch):
    subject = Subject("", ("x", "y"), "x**2*y + sin(y)")
    found = outcomes(monkeypatch, subject, is_gradient=lambda l: True)
    assert [found[f"is_gradient({l})"] for l in range(3)] == ["right", "right", "WRONG"]


def test_a_wrong_correction_is_seen(monkeypatch):
    subject = Subject("", ("x",), "x**4")
    zero = sp.ImmutableMatrix([[0]])
    assert outcomes(monkeypatch, subject, corrections=[zero, zero, zero])["f_1"] == "WRONG"


def test_digits_are_counted():
    with precision(200):
        field = [Ball(arb(1) / 3, arb(1)), Ball(arb("1e-20"), arb("1e-20"))]
    for value, verdict in [
        (np.float64(1 / 3 + 1e-9), "right"),
        (np.float64(1 / 3 + 1e-7), "WRONG"),
        (np.float32(1 / 3 + 1e-5), "right"),
        (np.float32(1 / 3 + 1e-3), "WRONG"),
        (np.float64("nan"), "not finite"),
    ]:
        assert kernels.verdict_on(value, field, 0) == verdict
    assert kernels.verdict_on(np.float64(2e-20), field, 1) == "wrong beside larger ones"
    with precision(200):
        hard = [Ball(arb("1e-9"), arb(1000))]
    assert kernels.verdict_on(np.float64(1.0001e-9), hard, 0) == "ill-conditioned"


def test_hanging_and_dying_are_findings_and_the_work_goes_on():
    found = dict(
        checked(
            "tests.pool_target:check", ["good", "hang", "kill", "fine"],
            seconds=0.2, workers=1, gigabytes=8,
        )
    )  # fmt: skip
    verdicts = {item: (o.check, o.verdict) for item, (o,) in found.items()}
    assert verdicts["good"] == verdicts["fine"] == ("work", "right")
    assert verdicts["hang"] == ("a long way", "hang")
    assert verdicts["kill"] == ("a long way", "killed")
