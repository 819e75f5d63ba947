"""Compositions: one method made of several, each over a fraction of the step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from bea.errors import InputError
from bea.symbolic.methods.named import method_named
from bea.symbolic.methods.tableau import ButcherTableau, Entry
from bea.symbolic.ring.scalars import exact_scalars, expression_of_scalar, same, scalar_sum
from bea.whole_numbers import counted


def composition(
    methods: Iterable[str | ButcherTableau] | str | ButcherTableau,
    steps: Sequence[Entry] | None = None,
    name: str | None = None,
) -> ButcherTableau:
    """One method of several: Φ_h = Φ^{(m)}_{γ_m h} ∘ … ∘ Φ^{(1)}_{γ_1 h}, the first one first.

    Args:
        methods: the methods in the order in which they are applied: names, or tableaus.
        steps: the fractions γ_k of the step, exact, which add up to 1 and may be negative; equal
            ones by default.
        name: how the method introduces itself.

    Returns:
        The tableau with the stages of all of them.

    Raises:
        InputError: there are no methods, not as many fractions, or they do not add up to 1.

    Source: HLW II.4 (composition methods).

    Example:
        >>> trapezoidal = composition(["euler", "implicit_euler"])
        >>> [str(w) for w in trapezoidal.b], [str(node) for node in trapezoidal.c]
        (['1/2', '1/2'], ['0', '1'])
    """
    if isinstance(methods, (str, ButcherTableau)):
        methods = [methods]
    if not isinstance(methods, Iterable):
        raise InputError(f"{methods!r} is no list of methods: give their names, or tableaus")
    tableaus = [method_named(m) for m in methods]
    if not tableaus:
        raise InputError("a composition of no methods is no method: give at least one")
    count = len(tableaus)
    given = [Fraction(1, count)] * count if steps is None else exact_scalars(steps, "steps")
    if len(given) != count:
        raise InputError(
            f"steps= has {counted(len(given), 'fraction')} for {counted(count, 'method')}: "
            "give one for each"
        )
    if not same(scalar_sum(given), Fraction(1)):
        raise InputError(
            f"the fractions of the step add up to {scalar_sum(given)}, not to 1: "
            "together the methods must make one step"
        )
    A: list[list[Any]] = []
    done: list[Any] = []  # γ_k b^{(k)} of the methods before
    size = sum(len(t.b) for t in tableaus)
    for tableau, fraction in zip(tableaus, map(expression_of_scalar, given), strict=True):
        for row in tableau.A:
            own = [fraction * expression_of_scalar(entry) for entry in row]
            A.append([*done, *own, *[0] * (size - len(done) - len(own))])
        done += [fraction * expression_of_scalar(weight) for weight in tableau.b]
    return ButcherTableau(A, done, name=name or " then ".join(t.name for t in tableaus))
