"""bea against other public programs for the same: kauri, BSeries and nodepy, where they import.

Three jobs, each with its result in the program's own objects: the coefficients b(τ) of a modified
series for all rooted trees through so many nodes; the modified equation of a field in coordinates,
through the power of h that as many nodes give; the list of all trees with so many nodes. Whatever
a program returns is compared with bea's answer before its time enters the table.

Every measurement has a Python process to itself, with the packages imported before the clock
starts. All these programs remember something, kauri the coproducts and antipodes of trees (most
of its time), SymPy its expressions. So there are two times: the "first" call of the process, and
"again", the best of a few more calls with another method object and other letters, which profit
only from what does not depend on the problem. kauri computes b(τ) in floats, its default; in
fractions it takes up to 20 % longer. nodepy has trees, but no modified equations, through 10 nodes.

kauri comes with `make setup`. The others need

    pip install BSeries nodepy six        (nodepy imports six without asking for it)

and are left out, with a line that says so, where they do not import; the table in results/ is then
left alone, so that all its rows are of one run. pybs 0.1 does not import under Python 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from time import perf_counter
from typing import Any, NamedTuple

import sympy as sp
from tqdm import tqdm

import bea
from bea.symbolic.trees.tree import trees
from benchmarks.report import write_table

Answer = Mapping[Any, float]
Job = tuple[Callable[[int], Any], Callable[[Any], Answer]]
"""What is timed, as a function of the number of the run; and its result in comparable form."""

SERIES = [("euler", 7), ("rk4", 6), ("rk4", 7), ("rk4", 8), ("implicit_midpoint", 7)]
FIELDS = {
    "Lotka–Volterra": lambda u, v: [u * (1 - v), v * (u - 1)],
    "−∇(3/5 − ab)²/2": lambda a, b: [(sp.Rational(3, 5) - a * b) * p for p in (b, a)],
}
EQUATIONS = [(method, name, 6) for name in FIELDS for method in ("euler", "rk4")]
LISTS = [5, 10, 13, 15]

PACKAGES = ["kauri", "BSeries", "nodepy"]
MAX_NODES = {"nodepy": 10}

AGAIN, LONG = 3, 5.0
"""So many more calls, but one only if the first took longer than so many seconds."""


def letters(run: int) -> tuple[sp.Symbol, sp.Symbol]:
    return sp.symbols(f"x{run} y{run}")


def by_levels(levels: list[int]) -> tuple[int, ...]:
    return bea.Tree.from_level_sequence(levels).level_sequence


def at_a_point(f, h: sp.Symbol) -> Answer:
    """The components of a field, at a point, as polynomials in h."""
    point = dict(zip(letters(0), (sp.Rational(3, 7), sp.Rational(5, 3)), strict=True))
    polynomials = [sp.Poly(sp.expand(e.subs(point)), h).as_dict() for e in f]
    return {(i, *k): float(c) for i, p in enumerate(polynomials) for k, c in p.items()}


# --- the contenders ---------------------------------------------------------------------------


def bea_series(method: str, nodes: int) -> Job:
    modified_series = bea.modified_series  # loaded here, with what it needs

    def run(_: int):
        return dict(modified_series(method, order=nodes - 1))

    return run, lambda found: {t.level_sequence: float(b) for t, b in found.items()}


def bea_equation(method: str, field: str, nodes: int) -> Job:
    modified_equation = bea.modified_equation

    def run(k: int):
        theta = letters(k)
        return modified_equation(
            field=FIELDS[field](*theta), params=theta, order=nodes - 1, method=method
        ).vector_field()

    return run, lambda found: at_a_point(found, sp.Symbol("h"))


def bea_trees(nodes: int) -> Job:
    return lambda _: trees(nodes), lambda found: Counter((t.symmetry, t.density) for t in found)


def kauri_method(name: str):
    import kauri

    tableau = bea.METHODS[name]
    return kauri.RK([[float(a) for a in row] for row in tableau.A], list(map(float, tableau.b)))


def kauri_series(method: str, nodes: int) -> Job:
    import kauri

    def run(_: int):
        b = kauri_method(method).modified_equation_map()
        return {t: b(t) for t in kauri.trees_up_to_order(nodes) if t.nodes()}

    return run, lambda found: {by_levels(t.level_sequence()): b for t, b in found.items()}


def kauri_equation(method: str, field: str, nodes: int) -> Job:
    import kauri

    def run(k: int):
        theta = letters(k)
        b = kauri_method(method).modified_equation_map()
        return kauri.BSeries(sp.Matrix(theta), sp.Matrix(FIELDS[field](*theta)), b, nodes)

    def comparable(found) -> Answer:
        # Its series begins with the empty tree and has a power of h for every node: θ + h f̃.
        f = (found.series() - sp.Matrix(letters(0))) / found.h
        return at_a_point(f, found.h)

    return run, comparable


def kauri_trees(nodes: int) -> Job:
    import kauri

    def comparable(found) -> Answer:
        return Counter((t.sigma(), t.factorial()) for t in found)

    return lambda _: list(kauri.trees_of_order(nodes)), comparable


def bseries_method(name: str):
    import numpy as np

    def rational(entry: Fraction) -> sp.Rational:
        return sp.Rational(entry.numerator, entry.denominator)

    tableau = bea.METHODS[name]
    A = np.array([[rational(a) for a in row] for row in tableau.A], dtype=object)
    return A, np.array([rational(b) for b in tableau.b], dtype=object)


def bseries_series(method: str, nodes: int) -> Job:
    """Its `modified_equation` up to the coefficients: subs(b, e) = a, tree by tree."""
    from BSeries import bs, trees

    def run(_: int):
        A, weights = bseries_method(method)
        b = bs.TreeMap("b")
        for n in range(1, nodes + 1):
            for tree in trees.all_trees(n):
                b[tree] = sp.Integer(0)  # it enters subs(b, e) of its own tree with a factor 1
                known = bs.subs(b, lambda t: sp.Rational(1, t.density()), tree)
                b[tree] = bs.elementary_weight(tree, A, weights) - known
        return b

    def comparable(found) -> Answer:
        def levels(node, level: int) -> list[int]:
            below = [levels(child, level + 1) for child in node.children or []]
            return sum(below, [level])

        return {by_levels(levels(t.root, 1)): float(b) for t, b in found.items()}

    return run, comparable


def bseries_equation(method: str, field: str, nodes: int) -> Job:
    import numpy as np
    from BSeries import bs

    def run(k: int):
        theta = letters(k)
        f = np.array(FIELDS[field](*theta), dtype=object)
        return bs.modified_equation(np.array(theta), f, *bseries_method(method), nodes)

    return run, lambda found: at_a_point(found, bs.h)


def bseries_trees(nodes: int) -> Job:
    from BSeries import trees

    def comparable(found) -> Answer:
        return Counter((int(t.symmetry()), t.density()) for t in found)

    return lambda _: trees.all_trees(nodes), comparable


def nodepy_trees(nodes: int) -> Job:
    from nodepy import rooted_trees

    def comparable(found) -> Answer:
        return Counter((int(t.symmetry()), int(t.density())) for t in found)

    return lambda _: rooted_trees.list_trees(nodes), comparable


# --- clocks -----------------------------------------------------------------------------------


class Measurement(NamedTuple):
    first: float
    again: float
    answer: Answer


def measure(contender: Callable[..., Job], *args: object) -> Measurement:
    """Run a contender in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure_here, contender, *args).result()


def _measure_here(contender: Callable[..., Job], *args: object) -> Measurement:
    run, comparable = contender(*args)
    start = perf_counter()
    result = run(0)
    times = [perf_counter() - start]
    for k in range(1, 1 + (AGAIN if times[0] < LONG else 1)):
        start = perf_counter()
        run(k)
        times.append(perf_counter() - start)
    return Measurement(times[0], min(times[1:]), comparable(result))


def check_agreement(what: str, ours: Answer, theirs: Answer) -> None:
    for key in ours.keys() | theirs.keys():
        a, b = ours.get(key, 0), theirs.get(key, 0)
        if abs(a - b) > 1e-9 * max(1, abs(a)):
            raise AssertionError(f"{what} differs at {key}: {a} here, {b} there")


def compared(
    there: list[str], job: str, problem: str, nodes: int, args: tuple, ours, others: dict
) -> list[dict]:
    """A row for every program that is there, from one run of bea and one of each."""
    mine, rows = measure(ours, *args), []
    for package, contender in others.items():
        if package not in there or nodes > MAX_NODES.get(package, nodes):
            continue
        theirs = measure(contender, *args)
        check_agreement(f"{package}: {job} {problem}", mine.answer, theirs.answer)
        rows.append(
            {
                "job": job,
                "problem": problem,
                "nodes": nodes,
                "package": package,
                "version": version(package),
                "bea_first_seconds": round(mine.first, 5),
                "first_seconds": round(theirs.first, 5),
                "first_ratio": round(theirs.first / mine.first, 2),
                "bea_again_seconds": round(mine.again, 5),
                "again_seconds": round(theirs.again, 5),
                "again_ratio": round(theirs.again / mine.again, 2),
            }
        )
    return rows


def imports(package: str) -> bool:
    try:
        import_module(package)
    except ImportError:
        return False
    return True


def comparisons() -> list[tuple]:
    series = {"kauri": kauri_series, "BSeries": bseries_series}
    equation = {"kauri": kauri_equation, "BSeries": bseries_equation}
    lists = {"kauri": kauri_trees, "BSeries": bseries_trees, "nodepy": nodepy_trees}
    return [
        *(("modified series", m, n, (m, n), bea_series, series) for m, n in SERIES),
        *(
            ("modified equation", f"{m}, {field}", n, (m, field, n), bea_equation, equation)
            for m, field, n in EQUATIONS
        ),
        *(("trees", "all", n, (n,), bea_trees, lists) for n in LISTS),
    ]


def main() -> None:
    print("\nAgainst other programs (seconds; a ratio above 1 says that bea takes less)\n")
    there = [package for package in PACKAGES if imports(package)]
    missing = [package for package in PACKAGES if package not in there]
    if missing:
        print(f"left out, because they do not import: {', '.join(missing)}\n")
    if not there:
        return
    progress = tqdm(comparisons(), desc="comparisons", leave=False)
    rows = [row for c in progress for row in compared(there, *c)]
    print(f"{'job':18} {'problem':27} {'nodes':>5} {'package':8} "
          f"{'bea, first and again':>20} {'the other, first and again':>36}")  # fmt: skip
    for r in rows:
        print(
            f"{r['job']:18} {r['problem']:27} {r['nodes']:5} {r['package']:8} "
            f"{r['bea_first_seconds']:10.4f} {r['bea_again_seconds']:9.4f} "
            f"{r['first_seconds']:10.4f} = {r['first_ratio']:7}× "
            f"{r['again_seconds']:8.4f} = {r['again_ratio']:7}×"
        )
    if missing:
        print(
            "\nresults/benchmarks/against_others.csv is left as it is: this table is not the whole"
        )
    else:
        write_table("against_others.csv", rows)


if __name__ == "__main__":
    main()
