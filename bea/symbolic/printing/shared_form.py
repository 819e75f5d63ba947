"""Long expressions with names for the parts that occur again.

A correction on data consists of the same few things many times over: the field itself, and the
activations of the data. They are found by walking through the expressions once, each distinct part
once, and given names in the order in which they are needed: u1, u2, … for sums, as residuals and
arguments of activations are, s1, … for values of functions, and w1, … for products.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import sympy as sp
from sympy import Expr
from sympy.concrete.expr_with_limits import ExprWithLimits

MIN_SIZE = 4
"""Nodes of a part that is worth a name."""


@dataclass(frozen=True)
class SharedForm:
    """Expressions in terms of parts that have names.

    Attributes:
        definitions: the pairs (name, expression), each in terms of those before it.
        expressions: what was asked for, in terms of the names.
        labels: what to call the first of them.

    Example:
        >>> x, y = sp.symbols("x y")
        >>> form = SharedForm.of([sp.sqrt(x**2 + y**2 + 1) * x, y / sp.sqrt(x**2 + y**2 + 1)])
        >>> print(form)
        u1 = x**2 + y**2 + 1
        >>> form.expressions
        (sqrt(u1)*x, y/sqrt(u1))
    """

    definitions: tuple[tuple[sp.Symbol, Expr], ...]
    expressions: tuple[Expr, ...]
    labels: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, expressions: Sequence[Expr], taken: Iterable[str] = (), labels: Sequence[str] = ()
    ) -> SharedForm:
        """Name what occurs more than once in some expressions.

        Args:
            expressions: any expressions.
            taken: names that mean something else.
            labels: what to call the first of them.
        """
        uses, sizes, negatives = _uses(expressions)
        reserved = {*taken, *(s.name for s in sizes if s.is_Symbol)}
        names = {letter: _names(letter, reserved) for letter in "usw"}
        definitions: list[tuple[sp.Symbol, Expr]] = []
        known: dict[Expr, Expr] = {}

        def named(e: Expr) -> Expr:
            if e in negatives:
                return sp.Mul(-1, named(negatives[e]), evaluate=False)
            if e not in known:
                rebuilt = e.func(*map(named, _parts(e)), evaluate=False) if _parts(e) else e
                if uses[e] > 1 and sizes[e] >= MIN_SIZE:
                    name = next(names[_letter(e)])
                    definitions.append((name, rebuilt))
                    rebuilt = name
                known[e] = rebuilt
            return known[e]

        return cls(
            expressions=tuple(map(named, expressions)),
            definitions=tuple(definitions),
            labels=tuple(labels),
        )

    @property
    def size(self) -> int:
        """The nodes of all definitions and expressions: about how long they print."""
        return tree_size([*(value for _, value in self.definitions), *self.expressions])

    def __str__(self) -> str:
        labelled = zip(self.labels, self.expressions, strict=False)
        return "\n".join(f"{name} = {value}" for name, value in [*self.definitions, *labelled])


def _uses(
    expressions: Sequence[Expr],
) -> tuple[dict[Expr, int], dict[Expr, int], dict[Expr, Expr]]:
    """How often each part is an argument of another, and the nodes in it, counted each time.

    The third dictionary holds the sums that are minus another one, and this one: as arguments of
    activations they come with both signs, for s(u) and s(−u) = 1 − s(u).
    """
    uses: dict[Expr, int] = {}
    sizes: dict[Expr, int] = {}
    negatives: dict[Expr, Expr] = {}

    def walk(e: Expr) -> int:
        if e.is_Add and e not in sizes and (other := -e) in sizes:
            negatives[e] = other
        if e in negatives:
            return 1 + walk(negatives[e])
        uses[e] = uses.get(e, 0) + 1
        if e not in sizes:
            sizes[e] = 1 + sum(map(walk, _parts(e)))
        return sizes[e]

    for e in expressions:
        walk(e)
    return uses, sizes, negatives


def _names(letter: str, reserved: Collection[str]) -> Iterator[sp.Symbol]:
    return (sp.Symbol(f"{letter}{k}") for k in count(1) if f"{letter}{k}" not in reserved)


def _letter(e: Expr) -> str:
    """Of its name: u for a sum, as the argument of an activation or a residual; s for its value."""
    if e.is_Add:
        return "u"
    return "s" if e.is_Function or e.is_Pow else "w"


def _parts(e: Expr) -> tuple[Expr, ...]:
    """The arguments; none of what binds a variable, whose parts mean nothing outside of it."""
    binds = isinstance(e, (ExprWithLimits, sp.Derivative, sp.Subs))
    return () if binds else e.args


def tree_size(expressions: Sequence[Expr]) -> int:
    """The nodes of all expressions, equal ones counted each time: about how long they print."""
    sizes: dict[Expr, int] = {}

    def size(e: Expr) -> int:
        if e not in sizes:
            sizes[e] = 1 + sum(map(size, _parts(e)))
        return sizes[e]

    return sum(map(size, expressions))
