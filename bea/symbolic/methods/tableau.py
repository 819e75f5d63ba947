"""One-step methods: Butcher tableaus with exact entries, checked when they are built.

A tableau (A, b) is the step θ⁺ = θ + h Σ_i b_i k_i with k_i = f(θ + h Σ_j a_ij k_j); explicit
Euler, A = (0), b = (1), is gradient descent. Methods with a name are in `named`, methods
made of several in `composition`. `stages` expands a step in powers of h. Maps that are not
Runge–Kutta methods are given as `step(θ, h)`, and `coordinates.step_expansion` expands them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

import sympy as sp
from sympy import Expr

from bea.errors import InputError
from bea.symbolic.ring.scalars import (
    Scalar,
    as_list,
    exact_scalar,
    exact_scalars,
    expression_of_scalar,
    normal_scalars,
    same,
    scalar_of,
    scalar_sum,
    symbols_in_order,
)
from bea.whole_numbers import counted

Entry: TypeAlias = "int | str | Fraction | Expr"


@dataclass(frozen=True)
class ButcherTableau:
    """A Runge–Kutta method with s stages and exact entries, explicit or implicit.

    Entries may be irrational, and may contain symbols: a family of methods is one tableau.

    Args:
        A: the s×s matrix a_ij. Entries are integers, fractions, SymPy expressions without floats,
            or text such as "1/6", "1/4 - sqrt(3)/6" or "alpha"; a float is refused, because 1/3
            is not 0.333….
        b: the s weights b_i.
        c: the s nodes, if they are to be checked against the row sums of A.
        name: how the method introduces itself.

    Raises:
        InputError: the tableau is not square, its lengths differ, an entry is not exact, the
            nodes are not the row sums, or Σ b_i ≠ 1.

    Source: HLW II.1.1.

    Example:
        >>> midpoint = ButcherTableau([[0, 0], ["1/2", 0]], [0, 1])
        >>> midpoint.is_explicit, midpoint.c
        (True, (Fraction(0, 1), Fraction(1, 2)))
        >>> theta_method = ButcherTableau([[0, 0], ["1 - theta", "theta"]], ["1 - theta", "theta"])
        >>> theta_method.symbols, theta_method.subs({"theta": 0}).is_explicit
        ((theta,), True)
    """

    A: tuple[tuple[Scalar, ...], ...]
    b: tuple[Scalar, ...]
    c: tuple[Scalar, ...]
    name: str = field(compare=False)

    def __init__(
        self,
        A: Sequence[Sequence[Entry]],
        b: Sequence[Entry],
        c: Sequence[Entry] | None = None,
        name: str = "Runge–Kutta method",
    ) -> None:
        weights = exact_scalars(b, "b")
        rows = [exact_scalars(row, f"A[{i}]") for i, row in enumerate(_rows(A))]
        nodes = None if c is None else exact_scalars(c, "c")
        weights, *rows, given = _one_symbol_a_name([weights, *rows, nodes or []])
        if not weights:
            raise InputError("the tableau has no stages: give at least one row and one weight")
        if len(rows) != len(weights):
            raise InputError(
                f"the tableau has {counted(len(rows), 'row')} in A and "
                f"{counted(len(weights), 'weight')} in b: "
                "give one row and one weight for each stage"
            )
        for i, row in enumerate(rows):
            if len(row) != len(rows):
                raise InputError(
                    f"row {i} of A has {len(row)} {'entry' if len(row) == 1 else 'entries'} for "
                    f"{counted(len(rows), 'stage')}: A must be square "
                    "(fill an explicit method up with zeros)"
                )
        s = len(rows)
        normal = normal_scalars(
            [
                *(e for row in rows for e in row),
                *weights,
                *map(scalar_sum, rows),
                scalar_sum(weights),
            ]
        )
        matrix = tuple(tuple(normal[i * s : (i + 1) * s]) for i in range(s))
        row_sums, total = tuple(normal[s * s + s : -1]), normal[-1]
        if nodes is not None and (len(given) != s or not all(map(same, given, row_sums))):
            raise InputError(
                f"the nodes c = ({_listed(given)}) are not the row sums ({_listed(row_sums)}) "
                "of A: correct one of them, or leave c out"
            )
        if not same(total, Fraction(1)):
            raise InputError(
                f"the weights b add up to {total}, not to 1: "
                "the step would not follow f even to first order"
            )
        for attribute, value in (
            ("A", matrix),
            ("b", tuple(normal[s * s : s * s + s])),
            ("c", row_sums),
            ("name", name),
        ):
            object.__setattr__(self, attribute, value)

    @classmethod
    def collocation(cls, c: Sequence[Entry], name: str = "collocation method") -> ButcherTableau:
        """The collocation method with these nodes: a polynomial that solves the equation there.

            a_ij = ∫_0^{c_i} ℓ_j(t) dt,    b_j = ∫_0^1 ℓ_j(t) dt,    ℓ_j Lagrange's polynomials.

        Args:
            c: s different nodes, exact.
            name: how the method introduces itself.

        Raises:
            InputError: two nodes are equal, or one is not exact.

        Source: HLW II.1.2, Theorem 1.4.

        Example:
            >>> gauss2 = ButcherTableau.collocation(["1/2 - sqrt(3)/6", "1/2 + sqrt(3)/6"])
            >>> gauss2.b
            (Fraction(1, 2), Fraction(1, 2))
        """
        t, given = sp.Dummy("t"), exact_scalars(c, "c")
        nodes = [expression_of_scalar(node) for node in given]
        for i, node in enumerate(given):
            for j in range(i):
                if same(node, given[j]):
                    raise InputError(
                        f"the nodes c[{j}] and c[{i}] are both {node}: collocation needs "
                        "different nodes"
                    )
        A: list[list[Expr]] = [[] for _ in nodes]
        b = []
        for j, own in enumerate(nodes):
            others = [node for m, node in enumerate(nodes) if m != j]
            numerator = sp.Poly(sp.prod([t - node for node in others]), t).integrate(t)
            denominator = sp.prod([own - node for node in others])
            b.append(numerator.eval(1) / denominator)
            for row, node in zip(A, nodes, strict=True):
                row.append(numerator.eval(node) / denominator)
        return cls(A, b, given, name)

    @property
    def is_explicit(self) -> bool:
        """Does every stage use earlier stages only?"""
        return not any(any(row[i:]) for i, row in enumerate(self.A))

    @property
    def is_rational(self) -> bool:
        """Are all entries rational numbers?"""
        return not self.irrational_entries

    @property
    def entries(self) -> tuple[Scalar, ...]:
        """All a_ij and b_i."""
        return tuple(e for row in (*self.A, self.b) for e in row)

    @property
    def irrational_entries(self) -> tuple[Expr, ...]:
        """The entries that are not rational numbers, each once."""
        return tuple(dict.fromkeys(e for e in self.entries if not isinstance(e, Fraction)))

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The symbols in the entries, by name."""
        found = set().union(*(e.free_symbols for e in self.irrational_entries))
        return tuple(sorted(found, key=lambda symbol: symbol.name))

    def subs(self, values: Mapping[sp.Symbol | str, Entry]) -> ButcherTableau:
        """The method with exact values for some of its symbols.

        Args:
            values: from a symbol, or its name, to a number, an expression or text.

        Raises:
            InputError: something is no symbol of this tableau, or a value is not exact.
        """
        replacement = self.replacement(values)

        def put(scalar: Scalar) -> Scalar:
            if isinstance(scalar, Fraction):
                return scalar
            return scalar_of(scalar.subs(replacement, simultaneous=True))

        A = [[put(entry) for entry in row] for row in self.A]
        try:
            return ButcherTableau(A, [put(weight) for weight in self.b], name=self.name)
        except InputError as reason:
            given = ", ".join(f"{key} = {value}" for key, value in values.items())
            raise InputError(f"{self.name} with {given}: {reason}") from None

    def replacement(self, values: Mapping[sp.Symbol | str, Entry]) -> dict[sp.Symbol, Expr]:
        """The values by symbol, as exact expressions.

        Raises:
            InputError: something is no symbol of this tableau, or a value is not exact.
        """
        known = {symbol.name: symbol for symbol in self.symbols}
        if len({str(key) for key in values}) < len(values):
            raise InputError("a symbol is given two values: give each name once")
        for key in values:
            if str(key) not in known:
                raise InputError(
                    f"{key} is no symbol of {self.name}: it has {', '.join(known) or 'none'}"
                )
        return {
            known[str(key)]: expression_of_scalar(exact_scalar(v, f"the value of {key}"))
            for key, v in values.items()
        }

    def adjoint(self) -> ButcherTableau:
        """The adjoint method Φ*_h = Φ_{−h}^{−1}: the point from which a step −h leads back.

        With s stages a*_ij = b_{s+1−j} − a_{s+1−i,s+1−j} and b*_i = b_{s+1−i}. A method that is
        its own adjoint, up to the numbering of its stages, is symmetric; its modified equation has
        even powers of h only.

        Source: HLW II.3 and V.2.1 (Theorem 2.1), IX.2 (Theorem 2.2).

        Example:
            >>> ButcherTableau([[0]], [1]).adjoint().A  # of explicit Euler: implicit Euler
            ((Fraction(1, 1),),)
        """
        s = len(self.b)
        backwards = range(s - 1, -1, -1)
        A = [
            [
                expression_of_scalar(self.b[j]) - expression_of_scalar(self.A[i][j])
                for j in backwards
            ]
            for i in backwards
        ]
        return ButcherTableau(A, [self.b[i] for i in backwards], name=_adjoint_name(self.name))

    def conjugate(self) -> ButcherTableau:
        """The method with â_ij = b_j − b_j a_ji / b_i, the symplectic partner of this one.

        Together the two are a symplectic partitioned method, this one for the positions and the
        conjugate for the momenta; Lobatto IIIB is the conjugate of Lobatto IIIA. A method that is
        its own conjugate, such as Gauss's, preserves quadratic invariants.

        Raises:
            InputError: a weight b_i is zero.

        Source: HLW IV.2.1 (Theorem 2.2) and VI.4.2.
        """
        for i, weight in enumerate(self.b):
            if same(weight, Fraction(0)):
                raise InputError(
                    f"{self.name} has no conjugate: its weight b[{i}] is zero, and the formula "
                    "divides by it: take a method without such a stage"
                )
        b = [expression_of_scalar(weight) for weight in self.b]
        A = [
            [b_j - b_j * expression_of_scalar(self.A[j][i]) / b_i for j, b_j in enumerate(b)]
            for i, b_i in enumerate(b)
        ]
        return ButcherTableau(A, b, name=f"conjugate of {self.name}")


def _one_symbol_a_name(rows: Sequence[Sequence[Scalar]]) -> list[list[Scalar]]:
    """The rows with equal names made one symbol: assumptions must not split what reads the same."""
    found: dict[str, sp.Symbol] = {}
    same: dict[sp.Symbol, sp.Symbol] = {}
    irrational = (e for row in rows for e in row if not isinstance(e, Fraction))
    for symbol in symbols_in_order(irrational):
        same[symbol] = found.setdefault(symbol.name, symbol)
    if "h" in found:
        raise InputError("a tableau cannot contain the step size h: rename the symbol")
    return [[e if isinstance(e, Fraction) else e.xreplace(same) for e in row] for row in rows]


def _rows(A: Any) -> list[Any]:
    return A.tolist() if isinstance(A, sp.MatrixBase) else as_list(A, "A")


def _listed(scalars: Iterable[Scalar]) -> str:
    return ", ".join(map(str, scalars))


def _adjoint_name(name: str) -> str:
    prefix = "adjoint of "
    return name.removeprefix(prefix) if name.startswith(prefix) else prefix + name
