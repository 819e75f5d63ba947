"""Text to SymPy: what is read and how exactly, what is refused and how fast, and nothing else."""

from __future__ import annotations

import inspect
import re
import sys
import time
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr, Rational

from bea.errors import InputError, NotSmoothError
from bea.symbolic.parsing import vocabulary
from bea.symbolic.parsing.text import parse_expression, parse_number, parse_numbers, parse_symbols
from tests.symbolic.strategies import examples

a, b, x, y = sp.symbols("a b x y")
FAST = 5.0
"""Seconds: what is refused in time takes a tenth of one, what is not takes minutes."""


def refusal(text: str, kind: type[InputError] = InputError) -> str:
    """The message with which a text is refused, a single line that a terminal can show."""
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        parse_expression(text, name="the loss")
    assert time.perf_counter() - start < FAST
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.startswith("the loss: ")
    assert message.isprintable()
    assert len(message) < 400
    return message


# What is read.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(3/5 - a*b)**2/2", (Rational(3, 5) - a * b) ** 2 / 2),
        ("(0.6 - a*b)**2/2", (Rational(3, 5) - a * b) ** 2 / 2),
        ("-a**2", -(a**2)),
        ("2**-1", Rational(1, 2)),
        ("2**3**2", sp.Integer(512)),
        ("a - b - x", a - b - x),
        ("a/b/x*y", a / b / x * y),
        ("a - (b - x)", a - (b - x)),
        ("a/(b/x)", a / (b / x)),
        ("--a + +b", a + b),
        ("x**y", x**y),
        ("x**0.5", sp.sqrt(x)),
        ("x**-2.5", x ** Rational(-5, 2)),
        ("x**(1/3)", x ** Rational(1, 3)),
        ("8**(1/3)", sp.Integer(2)),
        ("0**0", sp.Integer(1)),
        ("0**2", sp.Integer(0)),
        ("exp(a)*exp(b)", sp.exp(a) * sp.exp(b)),
        ("(a + b)**1000", (a + b) ** 1000),
        ("10**400", sp.Integer(10) ** 400),
        ("2*pi*π", 2 * sp.pi**2),
        ("E + e + I", sp.Symbol("E") + sp.Symbol("e") + sp.Symbol("I")),
        ("θ_1*Δ", sp.Symbol("θ_1") * sp.Symbol("Δ")),
        ("ﬁ", sp.Symbol("fi")),  # the ligature: Python's identifiers are NFKC
        ("\n  (a\t+\n\u00a0 b) \n", a + b),
        ("0x1F + 1_000", sp.Integer(1031)),
        ("((((((((((a))))))))))", a),
    ],
)
def test_reads(text: str, expected: Expr) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", Rational(1, 10)),
        (".5", Rational(1, 2)),
        ("5.", sp.Integer(5)),
        ("1e-3", Rational(1, 1000)),
        ("1E+2", sp.Integer(100)),
        ("1_0.2_5e1_0", sp.Integer(102500000000)),
        ("1e400", sp.Integer(10) ** 400),
        ("1e-400", Rational(1, 10**400)),
        ("θ*0 + 0.25", Rational(1, 4)),  # columns of the syntax tree count bytes, not characters
        ("0." + "3" * 60, Rational(int("3" * 60), 10**60)),
    ],
)
def test_numbers_are_those_that_are_written(text: str, expected: Rational) -> None:
    number = parse_expression(text)
    assert number == expected
    assert number.is_Rational


@examples(100)
@given(st.integers(0, 10**40), st.integers(0, 10**40), st.integers(-300, 300))
def test_decimals_lose_no_digit(whole: int, part: int, power: int) -> None:
    text = f"{whole}.{part}e{power}"
    assert parse_expression(text) == Rational(Fraction(text))


@pytest.mark.parametrize("name", vocabulary.FUNCTIONS)
def test_functions(name: str) -> None:
    meaning = {
        "ln": sp.log,
        "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
        "softplus": lambda u: sp.log(1 + sp.exp(u)),
    }
    function = meaning.get(name) or getattr(sp, name)
    assert parse_expression(f"{name}(2*x + y)") == function(2 * x + y)
    assert parse_expression(f"x*{name}(x/3)**2") == x * function(x / 3) ** 2


def test_symbols_are_plain() -> None:
    (symbol,) = parse_expression("x").free_symbols
    assert symbol == sp.Symbol("x")
    assert symbol.is_real is None


def test_long_sums_and_products_are_not_deep() -> None:
    assert parse_expression(" + ".join(f"x{i}" for i in range(900))).args[899:]
    assert parse_expression("*".join(["x"] * 900)) == x**900


def test_what_is_read_at_the_greatest_depth_can_be_used() -> None:
    deep = parse_expression("sin(1 + " * 29 + "x" + ")" * 29)
    assert parse_expression(str(deep)) == deep
    assert sp.diff(deep, x).subs(x, 0).evalf() != 0


def test_layers_of_tanh() -> None:
    assert parse_expression("(y - d*tanh(c*tanh(b*tanh(a*x))))**2").count(sp.tanh) == 3


def test_data_in_the_text() -> None:
    points = [(f"{0.37 * i:.3f}", f"{1.234567 * i:.6f}") for i in range(150)]
    loss = parse_expression(" + ".join(f"({v} - a*{u} - b)**2" for u, v in points))
    assert loss.subs({a: 0, b: 0}) == sum(Rational(v) ** 2 for _, v in points)


# What is read is what SymPy and Python mean by it.

numbers = st.builds(Rational, st.integers(-9, 9), st.sampled_from([1, 1, 2, 3, 10]))
# Of tanh and its like SymPy takes only a few inside one another.
without_layers = [function for name, function in vocabulary.FUNCTIONS.items() if name[-1] != "h"]
functions = st.sampled_from(without_layers)


def _power(base: Expr, exponent: Expr) -> Expr:
    return base**exponent if base.free_symbols else base


def _call(function: Callable[[Expr], Expr], argument: Expr) -> Expr:
    return function(argument) if argument.free_symbols else argument


expressions = st.recursive(
    numbers | st.sampled_from([a, b, x, y, sp.pi]),
    lambda inner: st.one_of(
        st.builds(sp.Add, inner, inner),
        st.builds(sp.Mul, inner, inner),
        st.builds(_power, inner, st.integers(-3, 3).map(sp.Integer)),
        st.builds(_power, inner, st.sampled_from([Rational(1, 2), Rational(-3, 2), y, x / 2])),
        st.builds(_call, functions, inner),
    ),
    max_leaves=9,
).filter(lambda e: not e.has(sp.zoo, sp.nan, sp.oo, sp.I, sp.E))


@examples(100)
@given(expressions)
def test_what_sympy_prints_is_read_back(expr: Expr) -> None:
    assert parse_expression(str(expr)) == expr


@examples(100)
@given(
    st.lists(st.tuples(st.sampled_from(["", "-", "+", "(", "-("]), st.integers(1, 9)), min_size=2),
    st.lists(st.sampled_from(["+", "-", "*", "/", "**2*", "**-1/"]), min_size=9),
)
def test_precedence_is_that_of_python(
    operands: list[tuple[str, int]], operators: list[str]
) -> None:
    operands, opened = operands[:9], sum("(" in prefix for prefix, _ in operands[:9])
    between = [*operators[: len(operands) - 1], ")" * opened]

    def written(number: str) -> str:
        pieces = zip(operands, between, strict=True)
        return "".join(p + number.format(n) + operator for (p, n), operator in pieces)

    try:
        expected = eval(written("Fraction({})"), {"Fraction": Fraction})
    except ZeroDivisionError:
        assert "division by zero" in refusal(written("{}"))
    else:
        assert parse_expression(written("{}")) == Rational(expected)


# What is refused, and what the message says.


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a.b", "attribute access"),
        ("a.__class__", "attribute access"),
        ("a[0]", "subscript"),
        ("a < b", "comparison"),
        ("a == b", "comparison"),
        ("lambda: a", "lambda"),
        ("[a for a in b]", "comprehension"),
        ("{a for a in b}", "comprehension"),
        ("{a: b for a in b}", "comprehension"),
        ("(a for a in b)", "comprehension"),
        ("(a := 2)", "assignment"),
        ("f'{a}'", "f-string"),
        ("a and b", "'and'"),
        ("not a", "'not'"),
        ("~a", "~"),
        ("a @ b", "@"),
        ("a << b", "LShift"),
        ("a if b else x", "conditional"),
        ("a, b", "comma"),
        ("[a]", "list"),
        ("{a}", "set"),
        ("{a: b}", "dictionary"),
        ("a^2", "write **"),
        ("'a'", "'str'"),
        ("b'a'", "'bytes'"),
        ("1j", "'complex'"),
        ("True", "'bool'"),
        ("None", "'NoneType'"),
        ("...", "'ellipsis'"),
        ("foo(x)", "no function foo"),
        ("foo(x)", "exp, log, ln, sqrt"),
        ("__import__('os').system('true')", "only a name can be called"),
        ("__import__('os')", "no function __import__"),
        ("eval('1')", "no function eval"),
        ("x(y)", "no function x"),
        ("x(y)", "a product with *"),
        ("2(x)", "a product with *"),
        ("exp()", "one argument"),
        ("exp(a, b)", "one argument"),
        ("exp(x=a)", "one argument"),
        ("exp(*a)", "one argument"),
        ("exp(**a)", "one argument"),
        ("exp + 1", "function"),
        ("abs", "function"),
        ("_a", "underscore"),
        ("nan", "finite"),
        ("-inf", "finite"),
        ("oo", "finite"),
        ("2a", "products with *"),
        ("2 a", "products with *"),
        ("a = 3", "invalid syntax"),
        ("import os", "import is a keyword of Python, and no name"),
        ("a; b", "invalid syntax"),
        ("lambda", "lambda is a keyword of Python, and no name"),
        ("(a", "never closed"),
        ("x²", "U+00B2"),
        ("a − b", "U+2212"),
        ("a # b", "'#'"),
        ("a\0", r"\x00"),
        ("a\x1b[31m", r"\x1b"),
        ("a\u202eb", r"\u202e"),
        ("\ud800", r"\ud800"),
        ("", "empty"),
        (" \n\t ", "empty"),
    ],
)
def test_refuses(text: str, problem: str) -> None:
    assert problem in refusal(text)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("abs(x)", "sqrt(x**2 + c)"),
        ("Abs(x)", "sqrt(x**2 + c)"),
        ("max(x, 0)", "softplus"),
        ("Min(x, y)", "softplus"),
        ("relu(x)", "softplus(x)"),
        ("sign(x)", "tanh"),
        ("Heaviside(x)", "sigmoid"),
        ("Piecewise((x, x > 0))", "sigmoid"),
        ("where(x > 0, x, 0)", "sigmoid"),
        ("floor(x)", "smooth"),
        ("mod(x, 2)", "periodic"),
        ("x % 2", "periodic"),
        ("x // 2", "periodic"),
    ],
)
def test_refuses_what_is_not_smooth(text: str, remedy: str) -> None:
    message = refusal(f"1 + {text}", NotSmoothError)
    assert "smooth" in message
    assert remedy in message


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        ("abs Abs fabs", "sqrt(x**2 + c)"),
        ("max Max maximum", "y + softplus(k*(x - y))/k"),
        ("min Min minimum clip", "y - softplus(k*(y - x))/k"),
        ("relu ReLU leaky_relu", "softplus(x)"),
        ("sign sgn", "tanh(k*x)"),
        ("Heaviside heaviside Piecewise where", "sigmoid(k*x)"),
        ("floor ceil ceiling round trunc", "x itself"),
        ("mod Mod fmod frac", "sin or cos"),
    ],
)
def test_kinks_are_known_by_their_names_in_other_libraries(names: str, remedy: str) -> None:
    for name in names.split():
        assert remedy in refusal(f"{name}(x)", NotSmoothError)


@pytest.mark.parametrize(
    "text",
    [
        *("1/0", "x/0", "0/0", "x/(y - y)", "0**-1", "(x - x)**-2", "log(0)", "log(0*x)"),
        *("tan(pi/2)", "atanh(1)", "x + 1/(sqrt(2)*sqrt(2) - 2)"),
    ],
)
def test_refuses_what_is_not_finite(text: str) -> None:
    assert "division by zero or another infinite value" in refusal(text)


@pytest.mark.parametrize(
    "text",
    ["sqrt(-1)", "log(-1)", "asin(2)", "acosh(1/2)", "atanh(2)", "(-8)**(1/3)", "x*sqrt(1 - pi)"],
)
def test_refuses_what_is_not_real(text: str) -> None:
    assert "not a real number" in refusal(text)


@pytest.mark.parametrize("text", ["(-2)**x", "0**x", "(1 - pi)**x"])
def test_refuses_powers_that_are_not_all_real(text: str) -> None:
    assert "not all real" in refusal(text)


def test_refuses_to_divide_by_what_may_be_zero() -> None:
    assert "zero" in refusal("1/(sqrt(3 + 2*sqrt(2)) - 1 - sqrt(2))")


@pytest.mark.parametrize(
    ("text", "position", "excerpt"),
    [
        ("1 + a.b", 5, "'a.b'"),
        ("  \n 1 + a.b", 9, "'a.b'"),
        ("θ + Ω*a.b", 7, "'a.b'"),
        ("1 + 2a", 5, "'1 + 2a'"),
        ("x + " + "a." * 100 + "b", 5, "…'"),
        ("(1 +\n'a\x7f')", 8, r"(1 + 'a\x7f')"),
    ],
)
def test_says_where(text: str, position: int, excerpt: str) -> None:
    message = refusal(text)
    assert f"character {position}" in message
    assert excerpt in message


def test_no_advice_on_python_reaches_the_user() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        refusal("1or x")  # "invalid decimal literal", a warning of the tokenizer
        refusal("2(x)")  # "'int' object is not callable"
        refusal("'\\d'")  # "invalid escape sequence"
    assert not caught


@pytest.mark.parametrize("text", [None, 3, b"x", x, ["x"]])
def test_refuses_what_is_not_text(text: Any) -> None:
    with pytest.raises(InputError, match="expected text"):
        parse_expression(text)


# What is refused before the work is done.


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(" * 500_000 + "x" + ")" * 500_000, "1000001 characters"),
        ("(" * 300 + "x" + ")" * 300, "nested"),
        ("-" * 9_000 + "x", "nested"),
        ("x" + "**x" * 3_000, "nested"),
        ("x" + "**x" * 80, "nested more than 60"),
        ("sin(" * 100 + "x" + ")" * 100, "nested more than 60"),
        ("+".join(["x*x*x*x"] * 2_000), "10000 numbers, names and operations"),
        ("9" * 5_000, "400 digits"),
        ("0." + "9" * 500, "400 digits"),
        ("1e401", "power of ten"),
        ("1e-" + "9" * 99, "power of ten"),
        ("10**10**10", "number in bits"),
        ("2**-(10**9)", "number in bits"),
        ("(1/3)**99999999", "number in bits"),
        ("(10**400)**400", "number in bits"),
        ("1/(10**400*10**-400/10**400*10**-400)", "number in bits"),
        ("1/(10**400 + 1) + 1/(10**400 + 3)", "number in bits"),
        ("2**(x + 10**9)*2**-x", "number in bits"),
        ("(2**(1000*x))**1000", "number in bits"),
        ("(2**(99*pi))**(99/pi)", "number in bits"),
        ("exp(x*log(2))*exp(10**9*(log(2) - x))", "beyond"),
        ("exp(y*(10**9*log(2) + log(3)))", "number in bits"),
        ("12**(x + 1e-100)*12**(1 - x)", "radicand"),
        ("998001**(2 - 1e-6)", "radicand"),
        ("*".join(f"sqrt(10**150 + {i})" for i in range(12)), "number in bits"),
        ("(1/14089257288625)**(7/100)", "number under a root"),
        ("+".join(f"10**{400 + i}*x{i}" for i in range(99)), "numbers in this text"),
        ("exp(exp(exp(21)))", "beyond 1e±100"),
        ("exp(10**9*log(2))", "beyond 1e±100"),
        ("exp(x - 10**9)", "beyond ±1e+06 in an exponent"),
        ("exp(pi*(10**9*log(2) + log(3)))", "beyond 1e±100"),
        ("sigmoid(-10**9*log(2))", "beyond 1e±100"),
        ("pi**pi**pi**pi", "beyond 1e±100"),
        ("pi**exp(200)", "beyond 1e±100"),
        ("exp(200)*exp(200)", "beyond 1e±100"),
        ("exp(1/999)**(10**13*log(2))", "beyond 1e±100"),
        ("acos(cos(10**200))", "cos of more than"),
        ("sqrt(2 + " * 20 + "pi" + ")" * 20, "constants in more than 4"),
        ("exp(-" * 20 + "pi" + ")" * 20, "constants in more than 4"),
        ("(3 + " * 20 + "pi" + ")**(1/3)" * 20, "constants in more than 4"),
        ("(a + b)**1000000", "total degree is 1000000"),
        ("(a + b)**-1000000", "total degree is 1000000"),
        ("((a + b)**100)**100", "total degree is 10000"),
        ("exp(1000000*log(a + b))", "total degree is 1000000"),
        ("*".join(["x**300"] * 4), "total degree is 1200"),
        ("x**(10**400)", "total degree is more than 10**12"),
        ("(a + b + c + d + e + f + g + h)**50", "number of terms"),
        ("*".join(f"(a{i} + b{i})" for i in range(20)), "number of terms"),
        ("+".join(f"(a + b + c{i})**100" for i in range(25)), "number of terms"),
        ("1/(1 + tanh((x + y + 1)**20))", "too long for SymPy"),
        ("1/(1 + sinh(" + "*".join(f"(x{i} + 1)" for i in range(8)) + "))", "too long for SymPy"),
        ("tanh(1 + " * 12 + "x" + ")" * 12, "too long for SymPy"),
        ("sigmoid(" + "tanh(" * 7 + "2*x" + ")" * 8, "too long for SymPy"),
        ("tanh(" * 4 + "erf(x)" + ")" * 4, "too long for SymPy"),
        ("tanh(" * 4 + "sqrt(1/x)" + ")" * 4, "too long for SymPy"),
        ("sqrt(tan(x**999)**pi)", "too long for SymPy"),
        ("(-x**999)**sigmoid(y)", "too long for SymPy"),
        ("tan(sinh(exp(1 - 10**9*x)))", "too long for SymPy"),
    ],
)
def test_refuses_in_time(text: str, problem: str) -> None:
    assert problem in refusal(text)


def test_limits_are_not_in_the_way() -> None:
    """Just within the limits that the bombs exceed."""
    within = ["x" * 10_000, "(" * 150 + "x" + ")" * 150, "+".join(["x"] * 1_000), "9" * 400]
    within += ["10**500", "(a + b)**-1000", "((a + b)**10)**40", "exp(200)", "sin(10**30)"]
    within += ["(a + b + c)**100", "tanh((x + y)**4)", "sqrt(sqrt(1 + sqrt(2)))", "(x/298.15)**0.7"]
    within += [
        "log(1 + " + "tanh(" * 6 + "2*x" + ")" * 7,
        "tanh(cosh(sinh(sqrt(sqrt(x + 1) + 1))))",
    ]
    # Formally 9 million terms, but there are only 861 monomials of degree 40 in two variables.
    within += ["((((x + y)**2 + 1)**2 + 1)**2 + 1)**5"]
    for text in within:
        start = time.perf_counter()
        parse_expression(text)
        assert time.perf_counter() - start < FAST


def test_a_caller_deep_in_the_stack_gets_a_clear_error() -> None:
    def from_depth(levels: int) -> Expr:
        if levels:
            return from_depth(levels - 1)
        return parse_expression("sin(1 + " * 20 + "x" + ")" * 20)

    with pytest.raises(InputError, match="too deeply nested"):
        from_depth(sys.getrecursionlimit() - len(inspect.stack(0)) - 50)


VALID = [
    "(3/5 - a*b)**2/2",
    "exp(x*y) + sin(x)/sqrt(1 + y**2)",
    "softplus(-1.5e-3*x) - tanh(x/2)**2",
    "x**y*log(2 + cos(pi*x))",
]
ALPHABET = "xyθ012.9e+-*/()^_ ,[]{}'\"=<>:#\\\n\t\0\ud800\u202e²−"


def _survives(text: str) -> None:
    start = time.perf_counter()
    try:
        expr = parse_expression(text)
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert not expr.has(sp.zoo, sp.nan, sp.oo, sp.I)
    assert time.perf_counter() - start < FAST


@examples(100)
@given(st.text() | st.text(alphabet=ALPHABET, max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    _survives(text)


@examples(100)
@given(st.data())
def test_any_change_of_a_text_is_read_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(VALID))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(start + 3, len(text))))
        inserted = data.draw(
            st.sampled_from(["", "**", "9", "e9", "(", ")", "-", "log(", "1/", "exp", *VALID])
            | st.text(alphabet=ALPHABET, max_size=2)
        )
        text = text[:start] + inserted + text[stop:]
    _survives(text)


wild = st.recursive(
    st.sampled_from(["x", "y", "0", "1", "2", "pi", "1/3", "0.5", "1e30", "1e-300", "999"]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(list(vocabulary.FUNCTIONS)), inner).map("{0[0]}({0[1]})".format),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(
            "({0[0]}){0[1]}({0[2]})".format
        ),
    ),
    max_leaves=8,
)


@examples(100)
@given(wild)
def test_any_expression_is_real_and_finite_or_refused(text: str) -> None:
    _survives(text)


# Names and numbers.


@pytest.mark.parametrize(
    "names", ["a,b", "a b", " a ,\tb\n", ["a", "b"], ("a", " b "), (c for c in "ab")]
)
def test_symbols(names: Any) -> None:
    assert parse_symbols(names) == (a, b)


def test_symbols_are_those_of_expressions() -> None:
    assert parse_symbols("θ ﬁ match") == tuple(map(parse_expression, ["θ", "ﬁ", "match"]))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("a,b,a", "'a' comes twice"),
        ("fi,ﬁ", "'fi' comes twice"),
        ("", "empty"),
        ("a,,b", "empty"),
        ([], "no name"),
        (["a b"], "'a b' is not a name"),
        ("2a", "'2a' is not a name"),
        ("a.b", "'a.b' is not a name"),
        ("a\0", r"'a\x00' is not a name"),
        ("lambda", "keyword"),
        ("exp", "function"),
        ("abs", "function"),
        ("pi", "constant"),
        ("NaN", "finite"),
        ("__a", "underscore"),
        ([3], "expected names, not int"),
        ("a " * 100_000, "characters"),
        ("x" * 99 + "!", "…"),
    ],
)
def test_symbols_refused(names: Any, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_symbols(names)
    assert str(caught.value).startswith("the parameters: ")
    assert problem in str(caught.value)
    assert str(caught.value).isprintable()


@examples(100)
@given(st.text(max_size=20))
def test_any_names_are_read_or_refused(names: str) -> None:
    try:
        symbols = parse_symbols(names)
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert all(parse_expression(symbol.name) == symbol for symbol in symbols)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.8", Rational(14, 5)),
        ("-1/3", Rational(-1, 3)),
        ("1e-3", Rational(1, 1000)),
        (" +7 ", sp.Integer(7)),
        ("sqrt(2)", sp.sqrt(2)),
        ("2*pi/3", 2 * sp.pi / 3),
        ("x - x", sp.Integer(0)),
    ],
)
def test_number(text: str, expected: Expr) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nan", "nan is not a finite number"),
        ("-inf", "inf is not a finite number"),
        ("1/0", "division by zero"),
        ("2*x + b", "contains b, x"),
        ("2.8 3.5", "invalid syntax"),
        ("", "empty"),
        ("1e999", "power of ten"),
        ("abs(-1)", "smooth"),
    ],
)
def test_number_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_number(text)
    assert str(caught.value).startswith("the number: ")
    assert problem in str(caught.value)


def test_numbers() -> None:
    assert parse_numbers("2.8,3.5") == (Rational(14, 5), Rational(7, 2))
    assert parse_numbers(" -1/3 , sqrt(2)") == (Rational(-1, 3), sp.sqrt(2))
    assert parse_numbers("4") == (4,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,x", "the point, number 2: 'x' is not a number"),
        ("1,,2", "the point, number 2: the text is empty"),
        ("1,2,", "the point, number 3: the text is empty"),
        ("1," * 60_000, "the point: 120000 characters"),
        (3, "the point: expected text"),
    ],
)
def test_numbers_refused(text: Any, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_numbers(text)
    assert str(caught.value).startswith(problem)


def test_every_function_of_the_language_is_the_one_of_that_name():
    x = sp.Symbol("x")
    same = ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf")
    same += tuple(f"a{name}" for name in same[3:9])
    meant = {name: getattr(sp, name)(x) for name in same}
    meant |= {"ln": sp.log(x), "sigmoid": 1 / (1 + sp.exp(-x)), "softplus": sp.log(1 + sp.exp(x))}
    assert {name: parse_expression(f"{name}(x)") for name in vocabulary.FUNCTIONS} == meant


@pytest.mark.parametrize("name", ["nan", "inf", "Infinity", "oo", "zoo"])
def test_what_is_not_finite_is_no_name(name):
    with pytest.raises(InputError, match="is not a finite number"):
        parse_symbols(name)


def test_constructs_are_called_by_their_names():
    for text, said in {"~x": "the operator ~", "x @ y": "the operator @", "[x]": "a list"}.items():
        with pytest.raises(InputError, match=re.escape(said)):
            parse_expression(text)
    with pytest.raises(InputError, match=r"^the number: 'x' is not a number"):
        parse_number("x")


@pytest.mark.parametrize("name", ["sinh", "cosh", "tanh"])
def test_what_sympy_would_split_is_bounded_in_every_hyperbolic_function(name):
    parse_expression(f"{name}((a + b)**4)")
    with pytest.raises(InputError, match="too long for SymPy"):
        parse_expression(f"{name}((a + b + c + d)**8)")


def test_what_sympy_cannot_compare_is_refused():
    """√tanh 10⁹ is 1 to hundreds of millions of digits, and acos(cos x) asks whether x > π."""
    with pytest.raises(InputError, match="too close to be told apart"):
        parse_number("acos(cos(pi*(2 - sqrt(tanh(1e9)))))")
