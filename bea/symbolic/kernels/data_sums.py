"""Sums over data: terms that differ in their numbers only, as one term in arrays of numbers.

A logistic loss on 20 points is Σ_n log(1 + exp(u_n)) with u_n = Σ_j x_nj w_j + c_n. Written out, it
is a program of hundreds of operations, and a field of its derivatives one of thousands. As one term
in the vector u = Xw + c it is a few, however many the data are.

The terms are brought to one *form*: an expression with a place for every number, and one for every
affine function of the symbols, whose coefficients may also be 0 or 1. Numbers that say which
function it is, exponents and the 1 of 1 + exp(u), stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from sympy import Expr

MIN_TERMS = 6
"""So many terms of one form are computed as an array."""

OF_AN_ORDER = (sp.besselj, sp.bessely, sp.besseli, sp.besselk, sp.polygamma, sp.zeta)
"""Functions with a number for their first argument that says which function it is."""

CLOSE_TO_ONE = (sp.exp, sp.sin, sp.cos, sp.cosh, sp.tanh, sp.erf)
"""Functions that may be close to ±1, or their squares: the difference is recognized."""

Affine = Mapping[Expr, sp.Rational]
"""Σ c_s s + c_1: the coefficients by symbol, that of 1 by the number 1."""


@dataclass(frozen=True)
class DataSum:
    """Σ_n form(numbers_n, affine functions_n).

    Attributes:
        form: the term, with symbols for the places.
        rows: how many terms.
        numbers: for each place of a number its value in each term, shape (rows,).
        affine: for each place of an affine function its values in each term: shape
            (rows, len(symbols)) by the symbols, and (rows,) for the constants.
        symbols: of the affine functions.
    """

    form: Expr
    rows: int
    numbers: Mapping[sp.Symbol, np.ndarray]
    affine: Mapping[sp.Symbol, tuple[np.ndarray, np.ndarray]]
    symbols: tuple[Expr, ...]


def data_sums(terms: Sequence[Expr]) -> tuple[list[DataSum], list[Expr]]:
    """The terms of a sum by their forms, and those that have too few of their form.

    Args:
        terms: of any kind.

    Returns:
        The sums over data in the order of their first terms, and the terms that are in none.

    Example:
        >>> x, y = sp.symbols("x y")
        >>> terms = [sp.exp(n * x + (n - 1) * y) for n in range(1, 9)]
        >>> (found,), rest = data_sums([*terms, x**2])
        >>> found.rows, rest
        (8, [x**2])
        >>> [(c, n) for c, n in found.affine.values()][0][0][:3].tolist()
        [[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]]
    """
    by_form: dict[Expr, list[tuple[Expr, _Places]]] = {}
    shapes = _Shapes()
    for term in terms:
        places = _Places(shapes)
        by_form.setdefault(places.form_of_term(term), []).append((term, places))
    found, few = [], []
    for form, having in by_form.items():
        if len(having) < MIN_TERMS:
            few += [term for term, _ in having]
        else:
            found.append(_collected(form, [places for _, places in having]))
    return found, few


def _collected(form: Expr, rows: Sequence[_Places]) -> DataSum:
    functions = np.array([[places.affine for places in rows]], dtype=object).reshape(len(rows), -1)
    symbols = sorted({s for f in functions.flat for s in f if s != 1}, key=lambda s: s.sort_key())
    table = np.array([[float(x) for x in places.numbers] for places in rows])
    return DataSum(
        form=form,
        rows=len(rows),
        numbers={_number_place(i): column for i, column in enumerate(table.T)},
        affine={
            _affine_place(i): (
                np.array([[float(f.get(s, 0)) for s in symbols] for f in column]),
                np.array([float(f.get(sp.S.One, 0)) for f in column]),
            )
            for i, column in enumerate(functions.T)
        },
        symbols=tuple(symbols),
    )


class _Shapes:
    """What is left of expressions without their numbers, as words to sort them by.

    SymPy sorts the terms of a sum by their coefficients; with others they would come in another
    order.
    """

    def __init__(self) -> None:
        self._known: dict[Expr, str] = {}

    def of(self, e: Expr) -> str:
        if e not in self._known:
            self._known[e] = self._computed(e)
        return self._known[e]

    def _computed(self, e: Expr) -> str:
        if e.is_Rational:
            return "0"
        if not e.args:
            return f"{e.sort_key()}"
        parts = list(map(self.of, e.args))
        if e.is_Mul or e.is_Add:
            parts = sorted(part for part in parts if part != "0")
            if e.is_Mul and len(parts) == 1:  # 2x is like x
                return parts[0]
        return f"{type(e).__name__}({','.join(parts)})"


class _Places:
    """The numbers and the affine functions of one term, in the order of their places."""

    def __init__(self, shapes: _Shapes) -> None:
        self._shapes = shapes
        self.numbers: list[sp.Rational] = []
        self.affine: list[Affine] = []

    def form_of_term(self, term: Expr) -> Expr:
        """The form of a term. Its factor always has a place, also if it is 1."""
        factor, rest = term.as_coeff_Mul()
        if not factor.is_Rational:
            factor, rest = sp.S.One, term
        place = self._number(factor)
        return sp.Mul(place, self._form(rest), evaluate=False)

    def _number(self, number: sp.Rational) -> sp.Symbol:
        self.numbers.append(number)
        return _number_place(len(self.numbers) - 1)

    def _form(self, e: Expr, parent: Expr | None = None) -> Expr:
        if e.is_Rational:
            return self._number(e)
        is_argument = parent is not None and parent.is_Function
        if (e.is_Add or is_argument) and (function := _affine(e)) is not None:
            return self._sum_in_logarithm(function, parent) or self._affine_form(function)
        if not e.args:
            return e
        if e.is_Pow and e.exp.is_Rational and not isinstance(e, sp.exp):
            return sp.Pow(self._form(e.base, e), e.exp, evaluate=False)
        if isinstance(e, OF_AN_ORDER) and len(e.args) == 2:
            return e.func(e.args[0], self._form(e.args[1], e))
        if e.is_Add and not _is_recognized(e, parent):
            return self._sum(e)
        parts = sorted(e.args, key=self._shapes.of) if e.is_Add or e.is_Mul else e.args
        form = self._recognizable if e.is_Add else self._form
        return e.func(*(form(a, e) for a in parts), evaluate=False)

    def _recognizable(self, e: Expr, parent: Expr) -> Expr:
        """The form of a term of 1 + exp(u) or 1 − tanh(u)²: ±1 stay what they are."""
        if e in (1, -1):
            return e
        factor, rest = e.as_coeff_Mul()
        if factor == -1:
            return sp.Mul(-1, self._form(rest, parent), evaluate=False)
        return self._form(e, parent)

    def _sum(self, e: Expr) -> Expr:
        """Numbers times functions, an affine function or a number: all places, also of 1 and 0."""
        affine: dict[Expr, sp.Rational] = {}
        parts = []
        for term in sorted(e.args, key=self._shapes.of):
            if (function := _affine(term)) is not None or term.is_Rational:
                affine |= function or {sp.S.One: term}
            else:
                parts.append(self.form_of_term(term))
        if affine.keys() <= {sp.S.One}:
            parts.append(self._number(affine.get(sp.S.One, sp.S.Zero)))
        else:
            parts.append(self._affine_form(affine))
        return sp.Add(*parts, evaluate=False)

    def _sum_in_logarithm(self, function: Affine, parent: Expr | None) -> Expr | None:
        """1 + u in log(1 + u), which keeps more digits when the 1 is known."""
        if not isinstance(parent, sp.log) or function.get(sp.S.One) != 1:
            return None
        rest = {s: c for s, c in function.items() if s != 1}
        return sp.Add(sp.S.One, self._affine_form(rest), evaluate=False)

    def _affine_form(self, function: Affine) -> Expr:
        """Its place, or a multiple of an earlier one's, so that exp(u)/(1 + exp(u)) is seen."""
        for i, earlier in enumerate(self.affine):
            if (ratio := _ratio(function, earlier)) is not None:
                return ratio * _affine_place(i)
        self.affine.append(function)
        return _affine_place(len(self.affine) - 1)


def _is_recognized(e: Expr, parent: Expr | None) -> bool:
    """A sum that `expressions` may know, as log(1 + exp(u)) or 1 − tanh(u)², by its 1."""
    if isinstance(parent, sp.log) or (
        parent is not None and parent.is_Pow and parent.exp.is_negative
    ):
        return True
    return any(term in (1, -1) for term in e.args) and any(
        isinstance(f.base if f.is_Pow and f.exp == 2 else f, CLOSE_TO_ONE)
        for _, f in (term.as_coeff_Mul() for term in e.args)
    )


def _affine(e: Expr) -> Affine | None:
    """The coefficients of an affine function with rational ones; None if it is none."""
    found: dict[Expr, sp.Rational] = {}
    for term in sp.Add.make_args(e):
        c, s = term.as_coeff_Mul()
        if not c.is_Rational or not (s.is_Symbol or s == 1):
            return None
        found[s] = c
    return found if any(s != 1 for s in found) else None


def _ratio(function: Affine, earlier: Affine) -> sp.Rational | None:
    if function.keys() != earlier.keys():
        return None
    ratios = {c / earlier[s] for s, c in function.items()}
    return ratios.pop() if len(ratios) == 1 else None


def _number_place(i: int) -> sp.Symbol:
    return sp.Dummy(f"number{i}", dummy_index=10**6 + i)


def _affine_place(i: int) -> sp.Symbol:
    return sp.Dummy(f"u{i}", dummy_index=2 * 10**6 + i)
