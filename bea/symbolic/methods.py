"""One-step methods: Butcher tableaus with exact entries, checked when they are built.

A tableau (A, b) is the step θ⁺ = θ + h Σ_i b_i k_i with k_i = f(θ + h Σ_j a_ij k_j); explicit
Euler, A = (0), b = (1), is gradient descent. What a step does to a field in powers of h is
`recursion.runge_kutta_displacement`'s business; maps that are not Runge–Kutta methods come in as
`step(θ, h)` and are expanded in `coordinates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import TypeAlias

import sympy as sp

from bea.errors import InputError

Entry: TypeAlias = "int | str | Fraction | sp.Rational"


@dataclass(frozen=True)
class ButcherTableau:
    """A Runge–Kutta method with s stages and rational entries, explicit or implicit.

    Args:
        A: the s×s matrix a_ij. Entries are integers, fractions, SymPy rationals or text such as
            "1/6"; a float is refused, because 1/3 is not 0.333….
        b: the s weights b_i.
        c: the s nodes, if they are to be checked against the row sums of A.
        name: how the method introduces itself.

    Raises:
        InputError: the tableau is not square, its lengths differ, an entry is not rational, the
            nodes are not the row sums, or Σ b_i ≠ 1.

    Source: HLW II.1.1.

    Example:
        >>> midpoint = ButcherTableau([[0, 0], ["1/2", 0]], [0, 1])
        >>> midpoint.is_explicit, midpoint.c
        (True, (Fraction(0, 1), Fraction(1, 2)))
    """

    A: tuple[tuple[Fraction, ...], ...]
    b: tuple[Fraction, ...]
    c: tuple[Fraction, ...]
    name: str

    def __init__(
        self,
        A: Sequence[Sequence[Entry]],
        b: Sequence[Entry],
        c: Sequence[Entry] | None = None,
        name: str = "Runge–Kutta method",
    ) -> None:
        weights = tuple(_rational(entry, f"b[{i}]") for i, entry in enumerate(b))
        if len(A) != len(weights):
            raise InputError(
                f"the tableau has {len(A)} rows in A and {len(weights)} weights in b: "
                "give one row and one weight for each stage"
            )
        for i, row in enumerate(A):
            if len(row) != len(A):
                raise InputError(
                    f"row {i} of A has {len(row)} entries for {len(A)} stages: A must be square "
                    "(fill an explicit method up with zeros)"
                )
        matrix = tuple(
            tuple(_rational(entry, f"A[{i}][{j}]") for j, entry in enumerate(row))
            for i, row in enumerate(A)
        )
        row_sums = tuple(sum(row, Fraction(0)) for row in matrix)
        if c is not None:
            nodes = tuple(_rational(entry, f"c[{i}]") for i, entry in enumerate(c))
            if nodes != row_sums:
                raise InputError(
                    f"the nodes c = ({_listed(nodes)}) are not the row sums ({_listed(row_sums)}) "
                    "of A: correct one of them, or leave c out"
                )
        if sum(weights) != 1:
            raise InputError(
                f"the weights b add up to {sum(weights)}, not to 1: "
                "the step would not follow f even to first order"
            )
        for field, value in (("A", matrix), ("b", weights), ("c", row_sums), ("name", name)):
            object.__setattr__(self, field, value)

    @property
    def is_explicit(self) -> bool:
        """Does every stage use earlier stages only?"""
        return not any(any(row[i:]) for i, row in enumerate(self.A))


def _rational(entry: Entry, where: str) -> Fraction:
    if isinstance(entry, sp.Rational):
        return Fraction(int(entry.p), int(entry.q))
    if isinstance(entry, (str, Rational)):
        try:
            return Fraction(entry)
        except (ValueError, ZeroDivisionError):
            pass
    raise InputError(
        f"{where} = {entry!r} is not a rational number: "
        "write it as an integer, a Fraction or text such as '1/3'"
    )


def _listed(numbers: Sequence[Fraction]) -> str:
    return ", ".join(map(str, numbers))


METHODS: dict[str, ButcherTableau] = {
    tableau.name: tableau
    for tableau in (
        ButcherTableau([[0]], [1], name="euler"),
        ButcherTableau([[1]], [1], name="implicit_euler"),
        ButcherTableau([[0, 0], ["1/2", 0]], [0, 1], name="midpoint"),
        ButcherTableau([["1/2"]], [1], name="implicit_midpoint"),
        ButcherTableau([[0, 0], ["1/2", "1/2"]], ["1/2", "1/2"], name="trapezoidal"),
        ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], name="heun"),
        ButcherTableau([[0, 0], ["2/3", 0]], ["1/4", "3/4"], name="ralston"),
        ButcherTableau(
            [[0, 0, 0], ["1/2", 0, 0], [-1, 2, 0]], ["1/6", "2/3", "1/6"], name="kutta3"
        ),
        ButcherTableau(
            [[0, 0, 0], [1, 0, 0], ["1/4", "1/4", 0]], ["1/6", "1/6", "2/3"], name="ssprk33"
        ),
        ButcherTableau(
            [[0, 0, 0, 0], ["1/2", 0, 0, 0], [0, "1/2", 0, 0], [0, 0, 1, 0]],
            ["1/6", "1/3", "1/3", "1/6"],
            name="rk4",
        ),
        ButcherTableau(
            [[0, 0, 0, 0], ["1/3", 0, 0, 0], ["-1/3", 1, 0, 0], [1, -1, 1, 0]],
            ["1/8", "3/8", "3/8", "1/8"],
            name="rk38",
        ),
    )
}
"""The methods known by name. Tables: Hairer, Nørsett, Wanner, *Solving ODEs I*, II.1; Ralston 1962
(doi:10.1090/S0025-5718-1962-0150954-0); Shu and Osher 1988 (doi:10.1016/0021-9991(88)90177-5)."""


def method_named(method: str | ButcherTableau) -> ButcherTableau:
    """The tableau of this name; a tableau stands for itself.

    Raises:
        InputError: there is no such method; the message lists those there are.
    """
    if isinstance(method, ButcherTableau):
        return method
    known = METHODS.get(method.lower().replace("-", "_")) if isinstance(method, str) else None
    if known is None:
        raise InputError(
            f"unknown method {method!r}: use one of {', '.join(METHODS)}, or a ButcherTableau"
        )
    return known
