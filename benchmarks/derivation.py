"""How long deriving takes, expressions included, against two plainer ways to run the recursion.

Five problems, each to the order its row names, best of several runs after import. Beside them, at
an order that they can still reach, the same recursion (a) on polynomials of `sympy.polys.rings`
and (b) on SymPy expressions expanded after each derivative. Machines are noisy: the ratios of
one run are what counts. All three are checked to give the same corrections before they are timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import sympy as sp
from sympy import QQ
from sympy.polys.rings import ring
from tqdm import tqdm

import bea
from bea.symbolic.recursion import modified_fields
from benchmarks.report import best_time, write_table

REPEATS = 5

a, b, x, y, u, v, w = sp.symbols("a b x y u v w")


@dataclass(frozen=True)
class Case:
    """A problem with the order and the time that were asked for."""

    name: str
    params: tuple[sp.Symbol, ...]
    order: int
    target: float
    plain_order: int
    loss: sp.Expr | None = None
    field: tuple[sp.Expr, ...] | None = None

    def f(self) -> list[sp.Expr]:
        return list(self.field or [-sp.diff(self.loss, p) for p in self.params])

    def derive(self, order: int) -> tuple[sp.ImmutableMatrix, ...]:
        return bea.modified_equation(
            loss=self.loss, field=self.field, params=self.params, order=order
        ).corrections


CASES = [
    Case("2-d model, symbolic x, y", (a, b), 12, 0.5, 5, loss=(y - a * b * x) ** 2 / 2),
    Case(
        "exp(uv) + u tanh(w) + w²/2", (u, v, w), 6, 1.5, 3,
        loss=sp.exp(u * v) + u * sp.tanh(w) + w**2 / 2,
    ),
    Case("Lotka–Volterra", (u, v), 7, 0.05, 6, field=(u * (1 - v), v * (u - 1))),
    Case(
        "rational oscillator", (u, v), 7, 0.02, 4,
        field=(-v / (u**2 + v**2), u / (u**2 + v**2)),
    ),
    Case(
        "Rosenbrock's gradient flow", (u, v), 7, 0.1, 6,
        loss=(1 - u) ** 2 + 100 * (v - u**2) ** 2,
    ),
]  # fmt: skip


class PlainCarrier:
    """The recursion on anything with +, ·, a way to differentiate and one to tidy up."""

    def __init__(self, m: int, zero: object, derive: Callable, scale: Callable, tidy: Callable):
        self.m, self.zero, self._derive, self._scale, self.tidy = m, zero, derive, scale, tidy

    def combine(self, terms):
        total = [self.zero] * self.m
        for c, g in terms:
            total = [t + self._scale(c, e) for t, e in zip(total, g, strict=True)]
        return total

    def derive(self, g, along):
        return [
            self.tidy(sum((self._derive(e, j) * v for j, v in enumerate(along)), self.zero))
            for e in g
        ]


def on_expressions(case: Case, order: int) -> list[list[sp.Expr]]:
    """SymPy as it comes: diff, multiply, expand (and cancel, where there are denominators)."""
    rational = case.name == "rational oscillator"
    carrier = PlainCarrier(
        len(case.params),
        sp.Integer(0),
        derive=lambda e, j: sp.diff(e, case.params[j]),
        scale=lambda c, e: sp.Rational(c.numerator, c.denominator) * e,
        tidy=sp.cancel if rational else sp.expand,
    )
    source = modified_fields(carrier, {1: case.f()}.get)
    return [list(map(carrier.tidy, f)) for f in islice(source, order + 1)]


def on_sympy_rings(case: Case, order: int) -> list[list[sp.Expr]]:
    """`sympy.polys.rings`, with the ring of the case put together by hand."""
    f = case.f()
    symbols = sorted({s for e in f for s in e.free_symbols}, key=str)
    functions = sorted(sp.Tuple(*f).atoms(sp.exp, sp.tanh), key=str)
    reciprocal = [1 / (u**2 + v**2)] if case.name == "rational oscillator" else []
    R, *gens = ring([f"r{i}" for i in range(len(reciprocal) + len(functions))]
                    + [s.name for s in symbols], QQ)  # fmt: skip
    meaning = [*reciprocal, *functions, *symbols]
    relation = gens[0] * (gens[1] ** 2 + gens[2] ** 2) - 1 if reciprocal else None
    by_meaning = dict(zip(meaning, gens, strict=True))

    def element(e: sp.Expr):
        names = {m: sp.Symbol(str(g)) for m, g in by_meaning.items()}
        return R.from_expr(sp.expand(e.subs(names)))

    rules = [[element(sp.diff(m, p)) for p in case.params] for m in meaning]

    def derive(e, j):
        return sum((e.diff(g) * rules[i][j] for i, g in enumerate(gens)), R.zero)

    carrier = PlainCarrier(
        len(case.params),
        R.zero,
        derive=derive,
        scale=lambda c, e: e.mul_ground(QQ(c.numerator, c.denominator)),
        tidy=lambda e: e.rem(relation) if relation is not None else e,
    )
    start = [carrier.tidy(element(e)) for e in f]
    fields = islice(modified_fields(carrier, {1: start}.get), order + 1)
    return [[e.as_expr(*meaning) for e in field] for field in fields]


def check_agreement(case: Case) -> None:
    ours = case.derive(case.plain_order)
    for name, other in (("expressions", on_expressions), ("sympy.polys.rings", on_sympy_rings)):
        for l, f in enumerate(other(case, case.plain_order)):
            point = {s: sp.Rational(3 + i, 7) for i, s in enumerate((a, b, x, y, u, v, w))}
            difference = [sp.N((p - q).subs(point), 30) for p, q in zip(f, ours[l], strict=True)]
            if any(abs(d) > 1e-20 for d in difference):
                raise AssertionError(f"{case.name}: f_{l} differs on {name}")


def measure(case: Case) -> dict[str, object]:
    check_agreement(case)
    full = best_time(lambda: case.derive(case.order), REPEATS)
    same_order = best_time(lambda: case.derive(case.plain_order), REPEATS)
    rings = best_time(lambda: on_sympy_rings(case, case.order), 2)
    expressions = best_time(lambda: on_expressions(case, case.plain_order), 1)
    return {
        "problem": case.name,
        "order": case.order,
        "seconds": round(full, 5),
        "target_seconds": case.target,
        "sympy_rings_seconds": round(rings, 5),
        "sympy_rings_ratio": round(rings / full, 1),
        "expressions_order": case.plain_order,
        "expressions_seconds": round(expressions, 5),
        "expressions_ratio": round(expressions / same_order, 1),
    }


def main() -> None:
    print("Deriving, expressions included (seconds; ratios are to bea at the same order)\n")
    rows = [measure(case) for case in tqdm(CASES, desc="problems", leave=False)]
    print(f"{'problem':28} {'order':>5} {'bea':>9} {'target':>7} {'sympy rings':>17} "
          f"{'expressions, to order':>24}")  # fmt: skip
    for r in rows:
        print(
            f"{r['problem']:28} {r['order']:5} {r['seconds']:9.4f} {r['target_seconds']:7} "
            f"{r['sympy_rings_seconds']:9.4f} = {r['sympy_rings_ratio']:4}× "
            f"{r['expressions_order']:4}: {r['expressions_seconds']:7.3f} = "
            f"{r['expressions_ratio']:5}×"
        )
    write_table("derivation.csv", rows)
