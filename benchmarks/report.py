"""Timing a call, and writing a table of times to results/benchmarks with the versions in use."""

from __future__ import annotations

import csv
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from bea.files import written_atomically

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "benchmarks"
PACKAGES = ("sympy", "python-flint", "numpy")


def best_time(run: Callable[[], object], repeats: int) -> float:
    """The least of the times, in seconds: what the machine can do when nothing disturbs it."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


def write_table(
    name: str,
    rows: Sequence[dict[str, object]],
    folder: Path = RESULTS,
    packages: Sequence[str] = PACKAGES,
) -> None:
    """Write the rows to a folder, each with the versions of Python and of these packages."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    versions = {name: version(name) for name in packages}
    with (
        written_atomically(path) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        extra = {"python": platform.python_version(), **versions}
        writer = csv.DictWriter(file, [*rows[0], *extra], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **extra} for row in rows)
    print(f"\nwritten to {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
