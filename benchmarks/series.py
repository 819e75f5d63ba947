"""How long the coefficients of a modified series take, against the recursion on trees.

Each row: a method, all rooted trees through so many nodes, best of several runs; beside it the
recursion on the tree carrier (`trees.carrier`) at a size that it can still reach, in the same run.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

from tqdm import tqdm

import bea
from bea.symbolic.methods.stages import step_coefficients
from bea.symbolic.recursion import modified_fields
from bea.symbolic.trees.carrier import TreeCarrier, graftings
from benchmarks.report import best_time, write_table

CASES = [
    ("euler", 10, 0.06),
    ("euler", 14, 3.0),
    ("euler", 15, 12.0),
    ("rk4", 10, 0.1),
    ("rk4", 12, 0.8),
    ("implicit_midpoint", 10, 0.1),
    ("implicit_midpoint", 12, 0.8),
]
COMPARED_NODES = 9


def by_recursion(method: str, nodes: int) -> list[dict]:
    graftings.cache_clear()
    carrier, tableau = TreeCarrier(), bea.METHODS[method]
    step = step_coefficients(carrier, {bea.Tree(): Fraction(1)}, tableau)
    return list(islice(modified_fields(carrier, step), nodes))


def measure(method: str, nodes: int, target: float) -> dict[str, object]:
    series = bea.modified_series(method, order=nodes - 1)
    seconds = best_time(lambda: bea.modified_series(method, order=nodes - 1), 5)
    small = best_time(lambda: bea.modified_series(method, order=COMPARED_NODES - 1), 5)
    recursion = best_time(lambda: by_recursion(method, COMPARED_NODES), 1)
    return {
        "method": method,
        "nodes": nodes,
        "trees": len(series),
        "seconds": round(seconds, 5),
        "target_seconds": target,
        "sum_of_coefficients": str(sum(series.values())),
        "recursion_nodes": COMPARED_NODES,
        "recursion_seconds": round(recursion, 5),
        "recursion_ratio": round(recursion / small, 1),
    }


def main() -> None:
    print("\nCoefficients of modified series (seconds; the ratio is to bea at 9 nodes)\n")
    rows = [measure(*case) for case in tqdm(CASES, desc="series", leave=False)]
    print("method             nodes   trees       bea  target   recursion, 9 nodes")
    for r in rows:
        print(
            f"{r['method']:18} {r['nodes']:5} {r['trees']:7} {r['seconds']:9.4f} "
            f"{r['target_seconds']:7} {r['recursion_seconds']:11.3f} = {r['recursion_ratio']:5}×"
        )
    write_table("series.csv", rows)
