"""What a text and what a SymPy expression mean, as jets: two readers that share nothing with `bea`.

A text is read by Python's own parser, decimals as the fractions that they write. A SymPy
expression, which is how `bea` answers, is walked as it stands. Neither is rewritten, simplified or
differentiated as a formula.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import sympy as sp
from flint import arb
from sympy import Expr

from fuzz.jets import FUNCTIONS, Jet, ball

Point = Sequence[Fraction]

AGREE, MAX_SPLITS = 1e-13, 16
"""How well two quadratures must agree on a piece of an integral, and how often it is halved."""


class Unreadable(Exception):
    """An expression contains something that has no jet here."""


class Reader:
    """Reads expressions in named variables at a point, to some degree."""

    def __init__(
        self, names: Sequence[str], point: Point, degree: int, given: Mapping[str, Fraction] = {}
    ) -> None:
        self.m, self.degree = len(names), degree
        self.known = {
            name: Jet.variable(self.m, degree, i, ball(value))
            for i, (name, value) in enumerate(zip(names, point, strict=True))
        } | {name: self.number(value) for name, value in given.items()}
        self._seen: dict[Expr, Jet] = {}

    def number(self, value: Fraction | int | arb) -> Jet:
        """A constant jet."""
        number = value if isinstance(value, arb) else ball(value)
        return Jet.constant(self.m, self.degree, number)

    # --- text -------------------------------------------------------------------------------

    def text(self, text: str) -> Jet:
        """The jet of what the text writes."""
        return self._node(parsed(text), text)

    def _node(self, node: ast.expr, text: str) -> Jet:
        if (value := rational(node, text)) is not None:
            return self.number(value)
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._node(node.operand, text)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
            return self._node(node.operand, text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            argument = self._node(node.args[0], text)
            return argument.through(_function(node.func.id))
        if isinstance(node, ast.BinOp):
            left = self._node(node.left, text)
            if isinstance(node.op, ast.Pow):
                exponent = rational(node.right, text)
                if exponent is not None:
                    return left.rational_power(exponent)
                return _real_power(left, self._node(node.right, text))
            right = self._node(node.right, text)
            if isinstance(node.op, ast.Add):
                return left + right
            if isinstance(node.op, ast.Sub):
                return left - right
            if isinstance(node.op, ast.Mult):
                return left * right
            if isinstance(node.op, ast.Div):
                return left * right.power(-1)
        raise Unreadable(ast.dump(node)[:80])

    def _named(self, name: str) -> Jet:
        if name in self.known:
            return self.known[name]
        if name in ("pi", "π"):
            return self.number(arb.pi())
        if name == "E":
            return self.number(arb(1).exp())
        raise Unreadable(name)

    # --- SymPy ------------------------------------------------------------------------------

    def expression(self, expr: Expr) -> Jet:
        """The jet of a SymPy expression, each distinct part read once."""
        if expr not in self._seen:
            self._seen[expr] = self._expression(expr)
        return self._seen[expr]

    def _expression(self, expr: Expr) -> Jet:
        if isinstance(expr, sp.Rational):
            return self.number(Fraction(int(expr.p), int(expr.q)))
        if isinstance(expr, sp.Float):
            exact = sp.Rational(expr)
            return self.number(Fraction(int(exact.p), int(exact.q)))
        if expr is sp.pi or expr is sp.E or isinstance(expr, sp.Symbol):
            return self._named({sp.pi: "pi", sp.E: "E"}.get(expr, getattr(expr, "name", "")))
        if expr.is_Add or expr.is_Mul:
            combine = operator.add if expr.is_Add else operator.mul
            total, *rest = map(self.expression, expr.args)
            for jet in rest:
                total = combine(total, jet)
            return total
        if isinstance(expr, sp.exp):
            return self.expression(expr.args[0]).through(FUNCTIONS["exp"])
        if expr.is_Pow:
            base = self.expression(expr.base)
            if expr.exp.is_Rational:
                return base.rational_power(Fraction(int(expr.exp.p), int(expr.exp.q)))
            return _real_power(base, self.expression(expr.exp))
        if isinstance(expr, sp.Integral):
            definite = len(expr.limits) == 1 and len(expr.limits[0]) == 3
            return self._definite(expr) if definite else self._primitive(expr)
        if isinstance(expr, sp.Function) and len(expr.args) == 1:
            return self.expression(expr.args[0]).through(_function(type(expr).__name__))
        raise Unreadable(f"{type(expr).__name__}: {str(expr)[:60]}")

    def _primitive(self, integral: sp.Integral) -> Jet:
        """∫ g(x) dx, with 0 for its constant, where g depends on no other variable."""
        names = [*self.known]
        variable = integral.limits[0][0]
        if len(integral.limits) > 1 or len(integral.limits[0]) > 1 or variable.name not in names:
            raise Unreadable(f"a definite integral: {str(integral)[:60]}")
        i, integrand = names.index(variable.name), self.expression(integral.function)
        s, result = integrand.space, self.number(0)
        for k, index in enumerate(s.indices):
            if integrand.coefficients[k] is None:
                continue
            if sum(index) != index[i]:
                raise Unreadable(f"an integral with more variables: {str(integral)[:60]}")
            if index[i] < self.degree:
                above = tuple(e + (j == i) for j, e in enumerate(index))
                result.coefficients[s.position[above]] = integrand.coefficients[k] / (index[i] + 1)
        return result

    def _definite(self, integral: sp.Integral) -> Jet:
        """∫ g ds between two numbers, by Gauss and Legendre on ever smaller pieces.

        A piece is small enough when two numbers of nodes agree; their difference, many times, is
        the radius. That is an estimate and no proof.
        """
        variable, low, high = integral.limits[0]
        if not (low.is_Rational and high.is_Rational):
            raise Unreadable(f"an integral between no numbers: {str(integral)[:60]}")

        def quadrature(nodes: int, start: Fraction, end: Fraction) -> Jet:
            total = self.number(0)
            for k in range(nodes):
                root, weight = arb.legendre_p_root(nodes, k, weight=True)
                reader = Reader((), (), 0)
                reader.m, reader.degree = self.m, self.degree
                s = self.number(ball(end - start) * (root + 1) / 2 + ball(start))
                reader.known = {**self.known, variable.name: s}
                total = total + reader.expression(integral.function).scaled(weight)
            return total.scaled((end - start) / 2)

        def piece(start: Fraction, end: Fraction, splits: int) -> Jet:
            coarse, fine = quadrature(14, start, end), quadrature(20, start, end)
            off = [
                abs(c - d) if c is not None and d is not None else arb(0)
                for c, d in zip(fine.coefficients, coarse.coefficients, strict=True)
            ]
            size = sum((abs(c).upper() for c in fine.coefficients if c is not None), arb(1))
            if not all(e.upper() < AGREE * size for e in off):
                if splits == 0:
                    raise Unreadable(f"an integral that does not converge: {str(integral)[:60]}")
                middle = (start + end) / 2
                return piece(start, middle, splits - 1) + piece(middle, end, splits - 1)
            return Jet(
                fine.space,
                [
                    c if c is None else c + arb(0, (1000 * e).upper())
                    for c, e in zip(fine.coefficients, off, strict=True)
                ],
            )

        ends = (Fraction(int(v.p), int(v.q)) for v in (low, high))
        return piece(*ends, MAX_SPLITS)


def _function(name: str) -> Callable[[arb, int], list[arb]]:
    if name not in FUNCTIONS:
        raise Unreadable(name)
    return FUNCTIONS[name]


def _real_power(base: Jet, exponent: Jet) -> Jet:
    return (exponent * base.through(FUNCTIONS["log"])).through(FUNCTIONS["exp"])


def parsed(text: str) -> ast.expr:
    """The text as Python parses it."""
    return ast.parse(text.strip(), mode="eval").body


def rational(node: ast.expr, text: str) -> Fraction | None:
    """The number that a part of the text writes, if it is a rational one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(ast.get_source_segment(text.strip(), node) or "")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = rational(node.operand, text)
        return None if value is None else -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = rational(node.left, text), rational(node.right, text)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div) and right:
            return left / right
        if isinstance(node.op, ast.Pow) and right.denominator == 1 and (left or right > 0):
            return left ** int(right)
    return None
