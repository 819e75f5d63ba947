"""Timing a call, and writing a table of times to results/benchmarks with the versions in use."""

from __future__ import annotations

import csv
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

RESULTS = Path(__file__).parent.parent / "results" / "benchmarks"


def best_time(run: Callable[[], object], repeats: int) -> float:
    """The least of the times, in seconds: what the machine can do when nothing disturbs it."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


def write_table(name: str, rows: Sequence[dict[str, object]]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / name
    partial = path.with_suffix(".partial")
    versions = {name: version(name) for name in ("sympy", "python-flint", "numpy")}
    with partial.open("w", newline="", encoding="utf-8") as file:
        extra = {"python": platform.python_version(), **versions}
        writer = csv.DictWriter(file, [*rows[0], *extra], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **extra} for row in rows)
    partial.replace(path)
    print(f"\nwritten to results/benchmarks/{name}")
