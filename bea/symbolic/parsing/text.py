"""Text to SymPy through a whitelist over Python's `ast`; nothing that a user types is ever run.

By this door a loss, a field or a point comes in from a command line. Python's parser turns the text
into a tree, and one method for each kind of node turns the tree into SymPy: exact numbers, names,
+ − * / **, and the smooth functions in `FUNCTIONS`. What is not on that list is refused by name.
SymPy computes while it builds (10**10**10 is a number as soon as it is written), so each step is
bounded before it is taken: `Extent` measures what an expression will become when the differential
ring multiplies it out (docs/mathematics.md), and the `MAX_…` constants say where that ends.
Which names are parameters, and what is done with the expression, is left to `coordinates.problem`.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from sympy import Expr

from bea.errors import InputError, NotSmoothError
from bea.symbolic.parsing.expanded_size import (
    MAX_DEGREE,
    MAX_NODES,
    Extent,
    deep_degree,
    extent_of,
    layers,
    longest_product,
    nesting,
    power_extent,
    powers_in_exponential,
)
from bea.symbolic.parsing.spelling import keyword_in, respelled

__all__ = ["parse_expression", "parse_number", "parse_numbers", "parse_symbols"]

MAX_CHARACTERS = 100_000
"""A logistic regression of 100 points and 10 parameters has 12 000, written out by a program."""

MAX_DEPTH = 60
"""Operations inside one another. SymPy uses up to seven Python frames a level; 1000 are there."""

MAX_DIGITS = 400
"""Digits in a row: as many as the largest power of ten below."""

MAX_DECIMAL_EXPONENT = 400
"""The e of 1e±400. Floating point ends near 1e308; exact numbers beyond that only cost time."""

MAX_BITS = 2_048
"""Numerator or denominator of an exact number, 616 digits. SymPy looks for factors of whatever it
takes a root of: 0.05 s for a number of this size, 14 s for one eight times as long."""

MAX_TOTAL_BITS = 65_536
"""All numbers of a text and powers of numbers end to end, so that no sum of them is longer. Twice
what 10 000 digits of data need."""

MAX_RADICAND_BITS = 5_000
"""A number's size times the denominator of its exponent. SymPy makes 12**0.9 to 2*(2**8*3**9)**0.1
and factors what is under that root: 0.3 s for this much."""

MAX_TERMS = 100_000
"""Terms after multiplying out, which the degree does not bound: ten variables and degree 10 make
184 756. The recursion differentiates every one of them many times."""

MAX_LOGARITHM = 230
"""Irrational constants lie between 1e-100 and 1e100: SymPy compares numbers to 100 digits, and what
it cannot tell apart it tries for a long time."""

MAX_SHIFT = 1e6
"""The c in exp(x + c), which nobody makes a factor: exp(800*(x − 1000)) is an ordinary bend."""

MAX_CONSTANT_NESTING = 4
"""Functions and powers of constants inside one another, as in exp(sqrt(2)). SymPy evaluates them to
learn their signs, four times as slowly with each level: 0.01 s at this one."""

MAX_SPLIT_DEGREE = 8
MAX_SPLIT_TERMS = 20
"""Degree, through all functions, and terms of any product in what SymPy splits into real and
imaginary parts: what is under sinh, cosh and tanh, and u in (u**2)**pi and u**(x/y). It multiplies
that out, in 0.1 s as a rule and in minutes at twice these limits. Four layers of tanh have degree
8."""

MAX_LAYERS = 6
"""Hyperbolic functions inside one another, as `layers` counts them: 0.5 s for this many."""

MAX_ANGLE = 10**30
"""Constants under sin, cos and tan. SymPy compares what is left of a larger one modulo 2π to 100
digits, in vain, and a float64 of this size is only known to within 10**14 turns."""

EXCERPT = 40
"""Characters that a message quotes, so that it stays one line."""


def _sigmoid(u: Expr) -> Expr:
    return 1 / (1 + sp.exp(-u))


def _softplus(u: Expr) -> Expr:
    return sp.log(1 + sp.exp(u))


FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {
    "exp": sp.exp,
    "log": sp.log,
    "ln": sp.log,
    "sqrt": sp.sqrt,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": sp.atan,
    "asinh": sp.asinh,
    "acosh": sp.acosh,
    "atanh": sp.atanh,
    "erf": sp.erf,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
}
"""The functions of one argument that a text may call."""

CONSTANTS: dict[str, Expr] = {"pi": sp.pi, "π": sp.pi}

NOT_SMOOTH: dict[str, str] = {
    **dict.fromkeys(("abs", "Abs", "fabs"), "sqrt(x**2 + c) with a small c > 0"),
    **dict.fromkeys(("max", "Max", "maximum"), "y + softplus(k*(x - y))/k"),
    **dict.fromkeys(("min", "Min", "minimum", "clip"), "y - softplus(k*(y - x))/k"),
    **dict.fromkeys(("relu", "ReLU", "leaky_relu"), "softplus(x)"),
    **dict.fromkeys(("sign", "sgn"), "tanh(k*x)"),
    **dict.fromkeys(("Heaviside", "heaviside", "Piecewise", "where"), "sigmoid(k*x)"),
    **dict.fromkeys(("floor", "ceil", "ceiling", "round", "trunc"), "x itself"),
    **dict.fromkeys(("mod", "Mod", "fmod", "frac"), "sin or cos for what is periodic"),
}
"""Functions with a kink or a jump, and something smooth to try instead."""

_NOT_FINITE = ("nan", "inf", "infinity", "oo", "zoo")
_GROWING = ("exp", "sinh", "cosh", "sigmoid", "softplus")
_PERIODIC = ("sin", "cos", "tan")
_HYPERBOLIC = ("sinh", "cosh", "tanh")
_SUM = (ast.Add, ast.Sub)
_PRODUCT = (ast.Mult, ast.Div)
_CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.Attribute: "attribute access",
    ast.Subscript: "a subscript",
    ast.Compare: "a comparison",
    ast.BoolOp: "'and' or 'or'",
    ast.IfExp: "a conditional",
    ast.Lambda: "a lambda",
    ast.NamedExpr: "an assignment",
    ast.Starred: "a star",
    ast.JoinedStr: "an f-string",
    ast.Tuple: "a comma",
    ast.List: "a list",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Not: "'not'",
    ast.Invert: "the operator ~",
    ast.MatMult: "the operator @",
}
_ALLOWED = "an expression is made of numbers, names, + - * / **, brackets and function calls"


def parse_expression(text: str, *, name: str = "the expression") -> Expr:
    """The SymPy expression that a text describes.

    Numbers are exact (0.6 is 3/5), names are plain symbols except for the constant pi, and the
    functions are those of `FUNCTIONS`, among them sigmoid(x) = 1/(1 + e^{−x}) and
    softplus(x) = log(1 + eˣ). The result is real and finite as far as its constants can tell.

    Args:
        text: the expression, in Python's notation.
        name: what a message calls it, such as "the loss".

    Returns:
        The expression, as SymPy builds it: 2*x + x is 3*x, and nothing is multiplied out.

    Raises:
        NotSmoothError: the text calls a function with a kink or a jump, such as abs or max.
        InputError: the text contains anything else that is not on the list, divides by zero, has
            a value that is not real, or would grow beyond the limits of this module.

    Example:
        >>> parse_expression("(0.6 - a*b)**2/2")
        (-a*b + 3/5)**2/2
        >>> parse_expression("abs(a)", name="the loss")
        Traceback (most recent call last):
        ...
        bea.errors.NotSmoothError: the loss: abs is not smooth, and the theory needs derivatives
        of every order (at character 1: 'abs(a)'); try sqrt(x**2 + c) with a small c > 0
    """
    return _Reader(text, name).expression()


def parse_symbols(
    names: str | Iterable[str], *, name: str = "the parameters"
) -> tuple[sp.Symbol, ...]:
    """The symbols that a list of names describes, in its order.

    Args:
        names: "a, b", "a b", or one name for each entry of an iterable.
        name: what a message calls the list.

    Returns:
        One plain symbol for each name.

    Raises:
        InputError: there is none, one comes twice, or one is no name: not an identifier, a keyword
            of Python, the name of a function or a constant, or one that begins with "_".

    Example:
        >>> parse_symbols("a, b")
        (a, b)
    """
    if isinstance(names, str):
        _check_length(names, name)
        names = [part for piece in names.split(",") for part in piece.split() or [""]]
    symbols: dict[str, sp.Symbol] = {}
    for entry in names:
        identifier = _checked_identifier(entry, name)
        if identifier in symbols:
            raise InputError(f"{name}: {_quoted(identifier)} comes twice; name each one once")
        symbols[identifier] = sp.Symbol(identifier)
    if not symbols:
        raise InputError(f"{name}: there is no name; write them as in 'a,b'")
    return tuple(symbols.values())


def parse_number(text: str, *, name: str = "the number") -> Expr:
    """The exact real number that a text describes.

    Args:
        text: "2.8", "-1/3", "1e-3", "sqrt(2)", or any expression without names.
        name: what a message calls it.

    Returns:
        A SymPy rational where it is one, otherwise an expression without symbols.

    Raises:
        InputError: as in `parse_expression`, or the text contains a name.

    Example:
        >>> parse_number("2.8"), parse_number("sqrt(2)/2")
        (14/5, sqrt(2)/2)
    """
    reader = _Reader(text, name)
    number = reader.expression()
    if number.free_symbols:
        unknown = ", ".join(sorted(symbol.name for symbol in number.free_symbols))
        raise InputError(
            f"{name}: {_quoted(reader.source)} is not a number, for it contains {_cut(unknown)}; "
            "write digits, or a constant such as sqrt(2)"
        )
    return number


def parse_numbers(text: str, *, name: str = "the point") -> tuple[Expr, ...]:
    """The exact real numbers in a list with commas, such as the point of `--at 2.8,3.5`.

    Args:
        text: the numbers, each as in `parse_number`.
        name: what a message calls the list.

    Returns:
        One number for each entry.

    Raises:
        InputError: as in `parse_number`; the message says which entry it is.

    Example:
        >>> parse_numbers("2.8, 3.5")
        (14/5, 7/2)
    """
    _check_length(text, name)
    with_commas = ",".join(text.replace(";", " ").split())
    try:
        return tuple(
            parse_number(entry, name=f"{name}, number {position}")
            for position, entry in enumerate(text.split(","), start=1)
        )
    except InputError:
        if "," in text or with_commas == text:
            raise
        parse_numbers(with_commas, name=name)  # it is a list of numbers, or this says what is not
        raise InputError(
            f"{name}: numbers are separated by commas; write {_cut(with_commas)}"
        ) from None


def _check_length(text: object, name: str) -> None:
    if not isinstance(text, str):
        raise InputError(f"{name}: expected text, not {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"{name}: {len(text)} characters are more than the {MAX_CHARACTERS} that are read; "
            "build a long expression in SymPy and pass it as it is"
        )


def _checked_identifier(entry: object, name: str) -> str:
    if not isinstance(entry, str):
        raise InputError(f"{name}: expected names, not {type(entry).__name__}")
    # Python normalizes the identifiers in an expression so, and both must give the same symbol.
    identifier = unicodedata.normalize("NFKC", entry.strip())
    problem = (
        "is empty" if not identifier
        else "is not a name of letters and digits" if not identifier.isidentifier()
        else "contains a product" if "·" in identifier
        else "is a keyword of Python" if keyword.iskeyword(identifier)
        else _reserved(identifier)
    )  # fmt: skip
    if problem:
        raise InputError(f"{name}: {_quoted(entry)} {problem}; write names as in 'a,b'")
    return identifier


def _reserved(identifier: str) -> str:
    """Why an identifier cannot be the name of a symbol, or nothing."""
    if identifier in FUNCTIONS or identifier in NOT_SMOOTH:
        return "is the name of a function"
    if identifier in CONSTANTS:
        return "is a constant"
    if identifier.casefold() in _NOT_FINITE:
        return "is not a finite number"
    if identifier.startswith("_"):
        return "begins with an underscore"
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def _quoted(text: str) -> str:
    """The text between quotation marks, short, and with nothing in it that a terminal obeys."""
    return repr(_cut(text))


@lru_cache(maxsize=2 * MAX_NODES)
def _evaluated(constant: Expr) -> Expr:
    return constant.evalf()


def _is_constant(expr: Expr) -> bool:
    return not expr.free_symbols


def _chain(
    node: ast.expr, operators: tuple[type[ast.operator], ...]
) -> list[tuple[ast.operator | None, ast.expr]]:
    """The operands of a - b + c or a / b * c, each with the operator before it."""
    operands: list[tuple[ast.operator | None, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, operators):
        operands.append((node.op, node.right))
        node = node.left
    return [(None, node), *reversed(operands)]


def _continues(node: ast.AST, child: ast.AST) -> bool:
    """Is the child one more link of its parent's chain?"""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(child, ast.BinOp)
        and child is node.left
        and any(
            isinstance(node.op, kind) and isinstance(child.op, kind) for kind in (_SUM, _PRODUCT)
        )
    )


class _Reader:
    """Reads one text: first the tree, then its shape, then its value from the leaves up.

    Attributes:
        name: what messages call the text.
        source: the text in one line, without the spaces around it.
    """

    def __init__(self, text: str, name: str) -> None:
        _check_length(text, name)
        line = "".join(" " if character.isspace() else character for character in text)
        self.name = name
        self.source = line.strip()
        self._start = len(line) - len(line.lstrip())
        self._bits = 0
        self._is_respelled = False

    def expression(self) -> Expr:
        try:
            return self._read()
        except InputError as error:
            meant = respelled(self.source, frozenset(FUNCTIONS) | frozenset(NOT_SMOOTH))
            if meant == self.source or self._is_respelled:
                raise
            reader = _Reader(meant, self.name)
            reader._is_respelled = True
            try:
                reader.expression()
            except InputError:
                raise error from None
            raise type(error)(f"{error}; if it means {meant}, write it so") from None

    def _read(self) -> Expr:
        self._check_characters()
        try:
            tree = self._tree()
            self._check_shape(tree)
            return self._value(tree)
        except RecursionError:  # the caller had used up Python's stack
            raise InputError(f"{self.name}: too deeply nested; build it in SymPy") from None

    # The tree.

    def _check_characters(self) -> None:
        if not self.source:
            raise InputError(f"{self.name}: the text is empty; write an expression such as x**2/2")
        for position, character in enumerate(self.source):
            # To Python a·b is one name; to everybody else it is a product.
            if not character.isprintable() or character in "#·":
                raise self._unreadable(f"unexpected character {character!a}", position)
        if digits := re.search(rf"(?<!\w)[\d_]{{{MAX_DIGITS + 1},}}", self.source):
            raise self._unreadable(f"more than {MAX_DIGITS} digits in a row", digits.start())

    def _tree(self) -> ast.expr:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # advice on Python, which the user does not write
                return ast.parse(self.source, mode="eval").body
        except SyntaxError as error:
            if word := keyword_in(self.source):
                problem = f"{word[0]} is a keyword of Python, and no name"
                raise self._unreadable(problem, word.start()) from None
            reason = error.msg.split(". ")[0]  # "Perhaps you forgot a comma?" is of no help here
            raise self._unreadable(reason, max(error.offset or 1, 1) - 1) from None
        except (MemoryError, RecursionError):
            raise self._unreadable("too deeply nested", 0) from None

    def _check_shape(self, tree: ast.expr) -> None:
        """Bound the number of nodes and their depth; a + b + c is one sum, however long."""
        pending: list[tuple[ast.AST, int]] = [(tree, 1)]
        nodes = 0
        while pending:
            node, depth = pending.pop()
            if isinstance(node, ast.expr):
                nodes += 1
                if nodes > MAX_NODES:
                    problem = f"more than {MAX_NODES} numbers, names and operations"
                    raise self._refused(tree, problem, "build it in SymPy")
                if depth > MAX_DEPTH:
                    problem = f"nested more than {MAX_DEPTH} deep"
                    raise self._refused(node, problem, "build it in SymPy")
            for child in ast.iter_child_nodes(node):
                pending.append((child, depth + (not _continues(node, child))))

    # Values.

    def _value(self, node: ast.expr) -> Expr:
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return self._symbol(node)
            case ast.UnaryOp(op=ast.UAdd()):
                return self._value(node.operand)
            case ast.UnaryOp(op=ast.USub()):
                return -self._value(node.operand)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self._sum(node)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self._product(node)
            case ast.BinOp(op=ast.Pow()):
                return self._power(node)
            case ast.Call():
                return self._call(node)
            case ast.BinOp(op=ast.BitXor()):
                raise self._refused(node, "^ is not a power", "write **")
            case ast.BinOp(op=ast.Mod() | ast.FloorDiv()):
                raise self._not_smooth(node, "mod")
            case ast.BinOp(op=culprit) | ast.UnaryOp(op=culprit):
                raise self._not_allowed(node, culprit)
            case _:
                raise self._not_allowed(node, node)

    def _number(self, node: ast.Constant) -> Expr:
        """The number as it is written, not the float to which Python rounds it."""
        if type(node.value) is int:
            number = sp.Integer(node.value)
        elif type(node.value) is float:
            digits = self._segment(node).replace("_", "").lower()
            if abs(int(digits.partition("e")[2] or 0)) > MAX_DECIMAL_EXPONENT:
                problem = f"a power of ten beyond ±{MAX_DECIMAL_EXPONENT}"
                raise self._refused(node, problem, "rescale the problem")
            number = sp.Rational(Fraction(digits))
        else:
            raise self._refused(node, f"'{type(node.value).__name__}' is no real number", _ALLOWED)
        self._spend(node, extent_of(number))
        return number

    def _symbol(self, node: ast.Name) -> Expr:
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        if problem := _reserved(node.id):
            raise self._refused(node, f"{_cut(node.id)} {problem}", "choose another name")
        return sp.Symbol(node.id)

    def _sum(self, node: ast.expr) -> Expr:
        terms = [
            -self._value(term) if isinstance(operator, ast.Sub) else self._value(term)
            for operator, term in _chain(node, _SUM)
        ]
        return self._built(node, sp.Add, *terms)

    def _product(self, node: ast.expr) -> Expr:
        factors = [
            self._built(factor, sp.Pow, self._value(factor), sp.S.NegativeOne)
            if isinstance(operator, ast.Div)
            else self._value(factor)
            for operator, factor in _chain(node, _PRODUCT)
        ]
        self._check_extent(node, Extent.of_product([extent_of(factor) for factor in factors]))
        return self._built(node, sp.Mul, *factors)

    def _power(self, node: ast.BinOp) -> Expr:
        base, exponent = self._value(node.left), self._value(node.right)
        if exponent.free_symbols and _is_constant(base) and self._float(node, base) <= 0:
            raise self._refused(node, "powers of this base are not all real", "make it positive")
        self._check_power(node, base, exponent)
        return self._built(node, sp.Pow, base, exponent)

    def _call(self, node: ast.Call) -> Expr:
        if not isinstance(node.func, ast.Name):
            raise self._refused(node, "only a name can be called", "write a product with *")
        name = node.func.id
        if name in NOT_SMOOTH:
            raise self._not_smooth(node, name)
        if name not in FUNCTIONS:
            known = f"the functions are {', '.join(FUNCTIONS)}; write a product with *"
            raise self._refused(node, f"there is no function {_cut(name)}", known)
        if node.keywords or len(node.args) != 1 or isinstance(node.args[0], ast.Starred):
            raise self._refused(node, f"{name} takes one argument, without a name", _ALLOWED)
        argument = self._value(node.args[0])
        self._check_argument(node, name, argument)
        return self._built(node, FUNCTIONS[name], argument)

    # Bounds: those of powers, products and arguments come before the work is done.

    def _check_power(self, node: ast.expr, base: Expr, exponent: Expr) -> None:
        extent = power_extent(base, exponent)
        self._check_extent(node, extent)
        self._spend(node, extent)
        if not exponent.is_Integer:
            split = [factor.base for factor in sp.Mul.make_args(base) if factor.is_Pow]
            for part in split if exponent.is_Atom else [base, *split]:
                self._check_split(node, part)
        if base == 0 or not (_is_constant(base) and _is_constant(exponent)):
            return
        if not (base.is_Rational and exponent.is_Rational):
            self._check_constant_nesting(node, base, exponent)
            positive = base if self._float(node, base) > 0 else -base
            self._check_logarithm(node, exponent * sp.log(positive))

    def _check_argument(self, node: ast.Call, name: str, argument: Expr) -> None:
        if _is_constant(argument):
            self._check_constant_nesting(node, argument)
            if name in _PERIODIC and abs(self._float(node, argument)) > MAX_ANGLE:
                raise self._refused(node, f"{name} of more than {MAX_ANGLE:.0e}", "rescale it")
        if name in _GROWING:
            terms = sp.Add.make_args(argument)
            shift = sp.Add(*(term for term in terms if _is_constant(term)))
            if _is_constant(argument):
                self._check_logarithm(node, shift)
            elif abs(_evaluated(shift)) > MAX_SHIFT:
                beyond = f"a constant beyond ±{MAX_SHIFT:.0e} in an exponent"
                raise self._refused(node, beyond, "rescale the problem")
            for base, exponent in powers_in_exponential(argument):
                self._check_power(node, base, exponent)
        if name == "sqrt":
            self._check_power(node, argument, sp.S.Half)
        if name in _HYPERBOLIC:
            self._check_split(node, argument)

    def _check_logarithm(self, node: ast.expr, logarithm: Expr) -> None:
        if abs(_evaluated(logarithm)) > MAX_LOGARITHM:
            raise self._refused(node, "a constant beyond 1e±100", "rescale the problem")

    def _check_split(self, node: ast.expr, expr: Expr) -> None:
        # In a polynomial exp(n*x) is the n-th power of exp(x), and its neighbour exp(x/n) too.
        rates = [rate for part in expr.atoms(sp.exp) for rate in part.exp.atoms(sp.Rational)]
        if (
            deep_degree(expr) > MAX_SPLIT_DEGREE
            or longest_product(expr) > MAX_SPLIT_TERMS
            or layers(expr) >= MAX_LAYERS
            or any(max(abs(rate.p), rate.q) > MAX_DEGREE for rate in rates)
        ):
            raise self._refused(node, "what is inside is too long for SymPy", "simplify it")

    def _check_constant_nesting(self, node: ast.expr, *constants: Expr) -> None:
        if any(nesting(c) >= MAX_CONSTANT_NESTING for c in constants):
            problem = f"constants in more than {MAX_CONSTANT_NESTING} functions and powers"
            raise self._refused(node, problem, "write the number, or a symbol in its place")

    def _check_extent(self, node: ast.expr, extent: Extent) -> None:
        for what, size, limit in (
            ("total degree", extent.degree, MAX_DEGREE),
            ("length of a number in bits", extent.bits, MAX_BITS),
            ("number of terms, multiplied out,", extent.terms, MAX_TERMS),
            ("length of a radicand in bits", extent.bits * extent.root, MAX_RADICAND_BITS),
        ):
            if size > limit:
                shown = size if size < 10**12 else "more than 10**12"
                problem = f"the {what} is {shown}, above the limit of {limit}"
                raise self._refused(node, problem, "lower the exponents or rescale the problem")

    def _spend(self, node: ast.expr, extent: Extent) -> None:
        self._bits += extent.bits
        if self._bits > MAX_TOTAL_BITS:
            raise self._refused(node, "the numbers in this text are too long", "round them")

    def _built(self, node: ast.expr, build: Callable[..., Expr], *parts: Expr) -> Expr:
        """What SymPy makes of the parts, if it is finite, real and of bounded extent."""
        try:
            expr = build(*parts)
        except OverflowError:  # SymPy 1.14 takes a logarithm in floating point while it factors
            raise self._refused(node, "too long a number under a root", "round it") from None
        except (TypeError, AttributeError):
            # It could not tell a number from π, say, and stumbles (1.14) over its own complaint.
            problem = "two numbers are too close to be told apart"
            raise self._refused(node, problem, "round them or write them differently") from None
        if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            raise self._refused(node, "a division by zero or another infinite value", "avoid it")
        if expr.has(sp.I):
            raise self._not_real(node)
        if _is_constant(expr) and not expr.is_Rational:
            self._check_logarithm(node, sp.log(abs(self._float(node, expr))))
        self._check_extent(node, extent_of(expr))
        return expr

    def _float(self, node: ast.expr, constant: Expr) -> Expr:
        """The value of a constant, which must be real and known to be zero if it is."""
        if constant.is_Rational:
            return constant
        value = _evaluated(constant)
        if not value.is_Float:
            raise self._not_real(node)
        if value._prec == 1:  # no digit is certain
            raise self._refused(node, "cannot be told from zero to 100 digits", "simplify it")
        return value

    # Messages.

    def _segment(self, node: ast.expr) -> str:
        encoded = self.source.encode()  # the columns of `ast` count bytes
        return encoded[node.col_offset : node.end_col_offset].decode()

    def _refused(
        self, node: ast.expr, problem: str, remedy: str, kind: type[InputError] = InputError
    ) -> InputError:
        position = self._start + len(self.source.encode()[: node.col_offset].decode()) + 1
        excerpt = _quoted(self._segment(node))
        return kind(f"{self.name}: {problem} (at character {position}: {excerpt}); {remedy}")

    def _not_allowed(self, node: ast.expr, culprit: ast.AST) -> InputError:
        construct = _CONSTRUCTS.get(type(culprit), type(culprit).__name__)
        return self._refused(node, f"{construct} is not allowed", _ALLOWED)

    def _not_real(self, node: ast.expr) -> InputError:
        return self._refused(node, "the value is not a real number", "stay in the real domain")

    def _not_smooth(self, node: ast.expr, function: str) -> InputError:
        problem = f"{function} is not smooth, and the theory needs derivatives of every order"
        return self._refused(node, problem, f"try {NOT_SMOOTH[function]}", NotSmoothError)

    def _unreadable(self, reason: str, position: int) -> InputError:
        excerpt = _quoted(self.source[max(0, position - EXCERPT // 2) :])
        return InputError(
            f"{self.name}: {reason} (at character {self._start + position + 1}, near {excerpt}); "
            "write products with *, powers with **"
        )
