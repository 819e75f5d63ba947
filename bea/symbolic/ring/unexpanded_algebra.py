"""Coordinates arithmetic in which nothing is multiplied out: products and sums stay as they are.

A loss on data is a sum over the data, and so are its derivatives; −½H∇E as it stands is two of
them, where a ring of polynomials writes down every product of two terms. Here elements are SymPy
expressions with the author's own factors in them, equal parts are one object, and derivatives are
taken node by node, once for each node. There is no normal form: whether an element is zero is left
to `zero.decision`, which expands nothing either. Which algebra an input gets is decided in
`coordinates.carrier`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import sympy as sp
from flint import fmpq
from sympy import Expr

from bea.symbolic.functions import rules as functions
from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS, TooManyTermsError
from bea.symbolic.ring.terms import Monomial
from bea.symbolic.zero.decision import Decider

Derived = dict[Expr, Expr]
"""Derivatives by node, in one direction."""


class UnexpandedAlgebra:
    """The same operations as `DifferentialRing`, on expressions that stay as they are.

    Args:
        variables: what is differentiated by, in order.
        most_terms: refuse to differentiate more nodes than this.

    Example:
        >>> x, y = sp.symbols("x y")
        >>> A = UnexpandedAlgebra([x, y])
        >>> A.partial((x - y) ** 4 * (x + y), 0)
        (x - y)**4 + 4*(x - y)**3*(x + y)
    """

    def __init__(self, variables: Sequence[sp.Symbol], most_terms: int = MAX_DERIVED_TERMS) -> None:
        self.variables = tuple(variables)
        self._most_nodes, self._nodes = most_terms, 0
        self._partials: list[Derived] = [{} for _ in self.variables]
        self._moving: dict[Expr, bool] = {}
        self._decider = Decider()

    @property
    def zero(self) -> Expr:
        """The constant 0."""
        return sp.Integer(0)

    def element(self, expr: Expr) -> Expr:
        """The expression, with exact numbers and no function in disguise."""
        return functions.canonical(expr)

    def expression(self, element: Expr) -> Expr:
        """The element itself."""
        return element

    def normal(self, element: Expr) -> Expr:
        """The element itself."""
        return element

    def polynomials(
        self, elements: Sequence[Expr]
    ) -> tuple[Sequence[Expr], list[dict[Monomial, fmpq]]]:
        """The elements are functions by themselves, each with the coefficient 1."""
        meanings = list(dict.fromkeys(e for e in elements if e != 0))
        position = {e: k for k, e in enumerate(meanings)}

        def alone(e: Expr) -> dict[Monomial, fmpq]:
            if e == 0:
                return {}
            return {tuple(int(k == position[e]) for k in range(len(meanings))): fmpq(1)}

        return meanings, [alone(e) for e in elements]

    def scale(self, c: Fraction, element: Expr) -> Expr:
        """c·g for a rational c."""
        return undistributed(sp.Rational(c.numerator, c.denominator), element)

    def product(self, a: Expr, b: Expr) -> Expr:
        """a·b."""
        return undistributed(a, b)

    def length(self, element: Expr) -> int:
        """The number of terms of the outermost sum."""
        return len(sp.Add.make_args(element))

    def is_zero(self, element: Expr) -> bool:
        """Is this the zero function? As `zero.decision` decides.

        Raises:
            UndecidedError: it cannot be decided.
        """
        return element == 0 or self._decider.is_zero(element, "whether an expression vanishes")

    def partial(self, element: Expr, j: int) -> Expr:
        """∂g/∂θ_j."""
        variable = self.variables[j]
        return self._derivative(element, self._partials[j], lambda s: sp.Integer(s == variable))

    def derivatives_along(self, elements: Sequence[Expr], v: Sequence[Expr]) -> list[Expr]:
        """Σ_j ∂_j g · v_j for each g, in one pass through what they consist of.

        Args:
            elements: the g.
            v: the components of the direction.
        """
        direction = dict(zip(self.variables, v, strict=True))
        derived: Derived = {}
        return [
            self._derivative(g, derived, lambda s: direction.get(s, sp.Integer(0)))
            for g in elements
        ]

    def _derivative(self, g: Expr, derived: Derived, of: Callable[[sp.Symbol], Expr]) -> Expr:
        """The derivative in a direction, of which the components are given by variable."""
        if g not in derived:
            derived[g] = self._rule(g, derived, of)
            self._nodes += 1
            if self._nodes > self._most_nodes:
                raise TooManyTermsError(self._most_nodes)
        return derived[g]

    def _moves(self, g: Expr) -> bool:
        """Does it contain a variable? SymPy would walk through equal parts again and again."""
        if g not in self._moving:
            self._moving[g] = g in self.variables or any(map(self._moves, g.args))
        return self._moving[g]

    def _rule(self, g: Expr, derived: Derived, of: Callable[[sp.Symbol], Expr]) -> Expr:
        if g.is_Symbol:
            return of(g)
        if not self._moves(g):
            return sp.Integer(0)
        inner = [
            self._derivative(a, derived, of) if isinstance(a, Expr) else sp.Integer(0)
            for a in g.args
        ]
        if g.is_Add:
            return sp.Add(*inner)
        if g.is_Mul:
            return sp.Add(
                *(
                    undistributed(sp.Mul(*g.args[:i], *g.args[i + 1 :]), d)
                    for i, d in enumerate(inner)
                    if d != 0
                )
            )
        if (u := _logistic_argument(g)) is not None:
            # s = 1/(1 + e^u): s' = −s(1 − s), and log(1 + e^u)' = 1 − s = 1/(1 + e^{−u})
            along_u = self._derivative(u, derived, of)
            other = 1 / (1 + sp.exp(-u))
            return other * along_u if isinstance(g, sp.log) else -g * other * along_u
        if g.is_Pow and not isinstance(g, sp.exp):
            base, exponent = g.args
            along_base = undistributed(exponent, base ** (exponent - 1)) * inner[0]
            return along_base + (g * sp.log(base) * inner[1] if inner[1] != 0 else 0)
        rule = functions.DERIVATIVE.get(type(g))
        if rule is not None:
            return rule(g.args[0], g) * inner[0]
        if isinstance(g, sp.Function):
            return sp.Add(*(g.fdiff(i + 1) * d for i, d in enumerate(inner) if d != 0))
        symbols = sorted(g.free_symbols & set(self.variables), key=str)
        return sp.Add(*(sp.diff(g, s) * of(s) for s in symbols))


def undistributed(a: Expr, b: Expr) -> Expr:
    """a·b. SymPy multiplies a number into a sum, which makes as many terms as it has."""
    number, other = (a, b) if a.is_Rational else (b, a)
    if number.is_Rational and other.is_Add and number not in (0, 1):
        return sp.Mul(number, other, evaluate=False)
    return a * b


def _logistic_argument(g: Expr) -> Expr | None:
    """The u of log(1 + exp(u)) or 1/(1 + exp(u))."""
    if isinstance(g, sp.log):
        inside = g.args[0]
    elif g.is_Pow and g.exp == -1:
        inside = g.base
    else:
        return None
    if inside.is_Add and len(inside.args) == 2 and inside.args[0] == 1:
        exponential = inside.args[1]
        return exponential.exp if isinstance(exponential, sp.exp) else None
    return None
