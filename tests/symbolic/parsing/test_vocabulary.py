"""The functions of the language: each is the one of that name, is derived, and has values."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp

import bea
from bea.errors import InputError
from bea.symbolic.parsing.text import parse_expression, parse_symbols
from bea.symbolic.parsing.vocabulary import FURTHER, OF_TWO, SPECIAL

x, y = sp.symbols("x y")

VALUES = {
    **{f"arc{name}": getattr(mpmath, f"a{name}") for name in ("sin", "cos", "tan", "sinh", "tanh")},
    **{"arccosh": mpmath.acosh, "log2": lambda u: mpmath.log(u, 2), "log10": mpmath.log10},
    **{"lgamma": mpmath.loggamma, "LambertW": mpmath.lambertw},
    **{"Ei": mpmath.ei, "li": mpmath.li, "Si": mpmath.si, "Ci": mpmath.ci},
    **{"Shi": mpmath.shi, "Chi": mpmath.chi},
    "airyaiprime": lambda u: mpmath.airyai(u, derivative=1),
    "airybiprime": lambda u: mpmath.airybi(u, derivative=1),
}
"""The functions that mpmath calls otherwise, or defines in another way than the language."""

POINT = {"acoth": "2.5", "arccosh": "2.5", "asec": "2.5", "acsc": "2.5"}
"""Where they are real; the others are so at 3/5."""

ORDERS = {"besselj": "1/3", "bessely": "2", "besseli": "0", "besselk": "3", "polygamma": "2"}


def of_mpmath(name):
    return VALUES.get(name) or getattr(mpmath, name)


@pytest.mark.parametrize("name", [*FURTHER, *SPECIAL, *ORDERS])
def test_a_function_is_the_one_of_that_name_and_so_are_its_corrections(name):
    """f_1 = −½ f'f for f = −F', by mpmath's F and its derivatives by differences."""
    order = ORDERS.get(name)
    text = f"{name}({f'{order}, ' if order else ''}x)"
    with mpmath.workdps(60):

        def F(t):
            return of_mpmath(name)(*first, t)

        u = mpmath.mpf(POINT.get(name, "0.6"))
        first = [mpmath.mpf(sp.Rational(order).p) / sp.Rational(order).q] if order else []
        slope, bend = mpmath.diff(F, u), mpmath.diff(F, u, 2)
    eq = bea.modified_equation(loss=text, params="x", order=1)
    with mpmath.workdps(20):
        (found,) = eq.to_mpmath()([u], mpmath.mpf("0.5"))
        assert mpmath.almosteq(found, -slope - mpmath.mpf("0.25") * bend * slope, 1e-15)
    for c in eq.corrections[0]:  # what is printed is read back
        difference = parse_expression(str(c)) - c
        assert abs(difference.subs(x, sp.Rational(POINT.get(name, "0.6"))).evalf(30)) < 1e-25


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FURTHER, *SPECIAL, *ORDERS])
def test_every_function_has_values_in_jax(name):
    order, u = ORDERS.get(name), float(POINT.get(name, "0.6"))
    text = f"{name}({f'{order}, ' if order else ''}x)"
    eq = bea.modified_equation(loss=text, params="x", order=1)
    (exact,) = eq.to_mpmath()([u], 0.5)
    assert float(eq.to_jax()([u], 0.5)[0]) == pytest.approx(float(exact), rel=1e-4)


def test_what_sympy_makes_of_special_functions_of_constants_is_read_back():
    for text in ("polygamma(2, 1/2)", "digamma(1/3)", "gamma(7/2)", "airyai(0)", "loggamma(3)"):
        constant = parse_expression(text)
        assert parse_expression(str(constant)) == constant
    eq = bea.modified_equation(loss="polygamma(2, 1)*x**2", params="x", order=0)
    assert float(eq.to_mpmath()([1.0], 0)[0]) == pytest.approx(4 * 1.2020569031595942)


def test_the_angle_of_a_point():
    assert {parse_expression(f"{name}(y, x)") for name in ("atan2", "arctan2")} == {sp.atan2(y, x)}
    eq = bea.modified_equation(loss="atan2(y, x)", params="x, y", order=1)
    assert sp.simplify(eq.corrections[0] - sp.Matrix([y, -x]) / (x**2 + y**2)) == sp.zeros(2, 1)


def test_names_of_further_functions_are_free_for_constants_and_parameters():
    assert parse_expression("gamma*sec + li") == sp.Symbol("gamma") * sp.Symbol("sec") + sp.Symbol(
        "li"
    )
    assert parse_symbols("gamma, Si") == (sp.Symbol("gamma"), sp.Symbol("Si"))
    both = parse_expression("gamma*gamma(x)")
    assert both == sp.Symbol("gamma") * sp.gamma(x) and parse_expression(str(both)) == both


def test_a_parameter_with_the_name_of_a_function_beside_that_function():
    beta = sp.Symbol("beta")  # Euler's Β has no balls: it is compiled for mpmath
    field = bea.modified_equation(field=[sp.beta(beta, 2)], params=[beta], order=0).to_mpmath()
    assert field([mpmath.mpf(2)], 0) == [pytest.approx(1 / 6)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("atan2(x)", "atan2 takes two arguments"),
        ("gamma(x, y)", "gamma takes one argument"),
        ("gama(x)", "did you mean gamma"),
        ("besselj(n, x)", "the order of besselj is its first argument, a rational number"),
        ("besselj(61, x)", "beyond 60"),
        ("bessely(1/61, x)", "beyond 60"),
        ("polygamma(1/2, x)", "a whole number"),
        ("polygamma(-1, x)", "a whole number"),
        ("gamma(101)", "gamma of a constant beyond ±100"),
        ("loggamma(10**9)", "loggamma of a constant beyond ±100"),
        ("besselj(0, -101)", "beyond ±100"),
        ("polygamma(60, 100)", "number in bits"),
        ("gamma(-1)", "infinite"),
        ("zeta(x)", "whole numbers from 2 to 60"),
        ("zeta(1)", "whole numbers from 2 to 60"),
        ("erfinv(2)", "not a real number"),
        ("LambertW(-1)", "not a real number"),
        ("Ci(-1)", "not a real number"),
        ("sec(10**31)", "sec of more than"),
        ("coth(x + 10**9)", "in an exponent"),
        ("cot(erfc(tanh(tanh(erfc(exp(csc(fresnels(x))))))))", "too long for SymPy"),
    ],
)
def test_what_would_take_long_or_is_not_real_is_refused(text, problem):
    with pytest.raises(InputError) as caught:
        parse_expression(text)
    assert problem in str(caught.value) and len(str(caught.value)) < 400


def test_two_arguments_have_orders_or_are_an_angle():
    assert set(OF_TWO) == {*ORDERS, "atan2", "arctan2"}
