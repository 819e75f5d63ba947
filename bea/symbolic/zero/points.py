"""Points of many scales for balls to be evaluated at; they are the same in every run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import sympy as sp
from flint import arb
from sympy import Expr

from bea.symbolic.zero.balls import NoBallError, ball, precision, rational

SCALES = ("1", "1/3", "7", "1/30", "60", "1/1000", "700", "1/100000", "20000", "1e-9", "1e7")


class TrialPoint:
    """A point of rational coordinates, and what was evaluated there.

    Args:
        number: which one: each has a scale, and signs.
        centres: numbers around which to look, too.
    """

    def __init__(self, number: int, centres: Sequence[sp.Rational]) -> None:
        self._number, self._centres = number, centres
        self._known: dict[int, dict[Expr, arb]] = {}
        self._coordinates: dict[sp.Symbol, sp.Rational] = {}

    def coordinate(self, symbol: sp.Symbol) -> sp.Rational:
        """The value of a symbol, by its name."""
        if symbol not in self._coordinates:
            random = Random(f"{self._number} {symbol.name}")
            n = self._number
            # Alike for all symbols at every other point, a mixture of scales at the others.
            k = n // 2 if n % 2 == 0 else random.randrange(len(SCALES))
            scale = sp.Rational(SCALES[k % len(SCALES)])
            offset = scale * sp.Rational(random.randrange(500, 1500), 997)
            if symbol.is_integer:
                offset = sp.Integer(1 + n)
            sign = 1 if n % 4 == 0 or symbol.is_nonnegative else random.choice((1, -1))
            centre = sp.Integer(0)
            if self._centres and n % 3 == 2 and not symbol.is_nonnegative:
                centre = random.choice(self._centres)
            self._coordinates[symbol] = centre + sign * offset
        return self._coordinates[symbol]

    def ball(self, expr: Expr, symbols: Sequence[sp.Symbol], bits: int) -> arb | None:
        """The ball of the expression here; None where it has no finite one."""
        with precision(bits):
            point = {s: rational(self.coordinate(s)) for s in symbols}
            try:
                value = ball(expr, point, self._known.setdefault(bits, {}))
            except (NoBallError, OverflowError, ValueError, RecursionError):
                return None
        return value if value.is_finite() else None

    def is_near(self, symbols: Sequence[sp.Symbol]) -> bool:
        """Are all coordinates below 1000?"""
        return all(abs(self.coordinate(s)) < 1000 for s in symbols)

    def shown(self, symbols: Sequence[sp.Symbol]) -> str:
        """The point in a message."""
        pairs = [f"{s} = {float(self.coordinate(s)):.6g}" for s in symbols[:4]]
        return ", ".join(pairs) + ", …" * (len(symbols) > 4)


def centres_among(occurring: Iterable[sp.Rational]) -> tuple[sp.Rational, ...]:
    """A dozen of the numbers that occur, with both signs."""
    numbers = {abs(n) for n in occurring if 2 < abs(n) < 10**9}
    chosen = sorted(numbers)[:: max(1, len(numbers) // 12)]
    return tuple(s * n for n in chosen for s in (1, -1))
