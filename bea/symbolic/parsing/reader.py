"""Python's syntax tree of a text, node by node to SymPy; nothing that a user types is ever run.

Python's parser turns the text into a tree, and one method for each kind of node turns the tree into
SymPy: exact numbers, names, + − * / **, and the functions of `vocabulary`. What is not on that list
is refused by name, at its place. Each step of the arithmetic is `building`'s, with its bounds.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import sympy as sp
from sympy import Expr

from bea.errors import InputError, NotSmoothError
from bea.symbolic.parsing.building import Builder, Refusal
from bea.symbolic.parsing.expanded_size import MAX_NODES
from bea.symbolic.parsing.quotation import EXCERPT, cut, quoted
from bea.symbolic.parsing.spelling import keyword_in, respelled
from bea.symbolic.parsing.vocabulary import (
    CALLABLE,
    CONSTANTS,
    FUNCTIONS,
    NOT_SMOOTH,
    OF_ONE,
    OF_TWO,
    reserved,
)

MAX_CHARACTERS = 100_000
"""A logistic regression of 100 points and 10 parameters has 12 000, written out by a program."""

MAX_DEPTH = 60
"""Operations inside one another. SymPy uses up to seven Python frames a level; 1000 are there."""

MAX_DIGITS = 400
"""Digits in a row: as many as the largest power of ten below."""

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


def check_length(text: object, name: str) -> None:
    """Refuse what is no text, or too long a one.

    Raises:
        InputError: so it is.
    """
    if not isinstance(text, str):
        raise InputError(f"{name}: expected text, not {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"{name}: {len(text)} characters are more than the {MAX_CHARACTERS} that are read; "
            "build a long expression in SymPy and pass it as it is"
        )


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


def _functions_like(name: str) -> str:
    """What to do about a name that is no function."""
    from difflib import get_close_matches

    if close := get_close_matches(name, (*OF_ONE, *OF_TWO)):
        return f"did you mean {' or '.join(close)}? A product is written with *"
    known = f"{', '.join(FUNCTIONS)}, and others such as gamma, sec, atan2 and besselj"
    return f"the functions are {known}; write a product with *"


class Reader:
    """Reads one text: first the tree, then its shape, then its value from the leaves up.

    Args:
        text: what was typed.
        name: what messages call it.

    Attributes:
        source: the text in one line, without the spaces around it.
    """

    def __init__(self, text: str, name: str) -> None:
        check_length(text, name)
        line = "".join(" " if character.isspace() else character for character in text)
        self.name = name
        self.source = line.strip()
        self._start = len(line) - len(line.lstrip())
        self._builder = Builder()
        self._is_respelled = False

    def expression(self) -> Expr:
        """The expression; `InputError` where there is none."""
        try:
            return self._read()
        except InputError as error:
            meant = respelled(self.source, CALLABLE)
            if meant == self.source or self._is_respelled:
                raise
            reader = Reader(meant, self.name)
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
        with self._at(node):
            return self._value_of(node)

    def _value_of(self, node: ast.expr) -> Expr:
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
                return self._builder.power(self._value(node.left), self._value(node.right))
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

    @contextmanager
    def _at(self, node: ast.expr) -> Iterator[None]:
        """What is refused within is refused at this place."""
        try:
            yield
        except Refusal as refusal:
            raise self._refused(node, refusal.problem, refusal.remedy) from None

    def _number(self, node: ast.Constant) -> Expr:
        if type(node.value) is int:
            return self._builder.whole(node.value)
        if type(node.value) is float:
            return self._builder.decimal(self._segment(node).replace("_", ""))
        raise self._refused(node, f"'{type(node.value).__name__}' is no real number", _ALLOWED)

    def _symbol(self, node: ast.Name) -> Expr:
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        if problem := reserved(node.id):
            raise self._refused(node, f"{cut(node.id)} {problem}", "choose another name")
        return sp.Symbol(node.id)

    def _sum(self, node: ast.expr) -> Expr:
        return self._builder.sum(
            [
                -self._value(term) if isinstance(operator, ast.Sub) else self._value(term)
                for operator, term in _chain(node, _SUM)
            ]
        )

    def _product(self, node: ast.expr) -> Expr:
        return self._builder.product(
            [
                self._reciprocal(factor) if isinstance(operator, ast.Div) else self._value(factor)
                for operator, factor in _chain(node, _PRODUCT)
            ]
        )

    def _reciprocal(self, node: ast.expr) -> Expr:
        with self._at(node):
            return self._builder.reciprocal(self._value(node))

    def _call(self, node: ast.Call) -> Expr:
        if not isinstance(node.func, ast.Name):
            raise self._refused(node, "only a name can be called", "write a product with *")
        name = node.func.id
        if name in NOT_SMOOTH:
            raise self._not_smooth(node, name)
        if name not in OF_ONE and name not in OF_TWO:
            raise self._refused(node, f"there is no function {cut(name)}", _functions_like(name))
        arguments, wanted = node.args, 1 if name in OF_ONE else 2
        named = node.keywords or any(isinstance(e, ast.Starred) for e in arguments)
        if named or len(arguments) != wanted:
            takes = (
                "one argument, without a name" if wanted == 1 else "two arguments, without names"
            )
            raise self._refused(node, f"{name} takes {takes}", _ALLOWED)
        return self._builder.call(name, *map(self._value, arguments))

    # Messages.

    def _segment(self, node: ast.expr) -> str:
        encoded = self.source.encode()  # the columns of `ast` count bytes
        return encoded[node.col_offset : node.end_col_offset].decode()

    def _refused(
        self, node: ast.expr, problem: str, remedy: str, kind: type[InputError] = InputError
    ) -> InputError:
        position = self._start + len(self.source.encode()[: node.col_offset].decode()) + 1
        excerpt = quoted(self._segment(node))
        return kind(f"{self.name}: {problem} (at character {position}: {excerpt}); {remedy}")

    def _not_allowed(self, node: ast.expr, culprit: ast.AST) -> InputError:
        construct = _CONSTRUCTS.get(type(culprit), type(culprit).__name__)
        return self._refused(node, f"{construct} is not allowed", _ALLOWED)

    def _not_smooth(self, node: ast.expr, function: str) -> InputError:
        problem = f"{function} is not smooth, and the theory needs derivatives of every order"
        return self._refused(node, problem, f"try {NOT_SMOOTH[function]}", NotSmoothError)

    def _unreadable(self, reason: str, position: int) -> InputError:
        excerpt = quoted(self.source[max(0, position - EXCERPT // 2) :])
        return InputError(
            f"{self.name}: {reason} (at character {self._start + position + 1}, near {excerpt}); "
            "write products with *, powers with **"
        )
