"""What the digits of a kernel cost: as written or as polynomials, with and without the bound.

Of each problem the field of the highest order is called in float64 at a thousand points at once:

    polynomials    the coefficient table times monomials, without a bound: what kernels were
    written        the input as it was written, without a bound
    checked        what `to_jax` gives: the value, the bound at two points, and the decision

and compiled for them. For losses on data the cost is compared with that of f, in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from tqdm import tqdm

import bea
from bea.flows.precision import double_precision
from bea.symbolic.kernels.choice import as_written, by_polynomials
from benchmarks.report import best_time, write_table

POINTS, REPEATS = 1000, 20


def logistic(points: int, parameters: int = 2) -> tuple[sp.Expr, tuple[sp.Symbol, ...]]:
    """A logistic loss on made-up data of three decimals."""
    random = Random(points)
    weights = sp.symbols(f"w1:{parameters + 1}")

    def number() -> sp.Rational:
        return sp.Rational(random.randrange(-3000, 3000), 1000)

    scores = (sum(number() * w for w in weights) + number() for _ in range(points))
    return sum(sp.log(1 + sp.exp(s)) for s in scores), weights


PROBLEMS: dict[str, Callable[[], tuple[Any, Any, int]]] = {
    "2-d model": lambda: ("(3/5 - a*b)**2/2", "a, b", 2),
    "tanh": lambda: ("tanh(60*x)*y + y**2/2", "x, y", 2),
    "bell": lambda: ("1 - exp(-((x-20)**2 + (y-20)**2)/2)", "x, y", 2),
    "sin(x)/x": lambda: ("sin(x)/x", "x", 1),
    "logistic, 6 points": lambda: (*logistic(6), 2),
    "logistic, 20 points": lambda: (*logistic(20), 2),
    "logistic, 20 points, 5 parameters": lambda: (*logistic(20, 5), 2),
    "logistic, 200 points": lambda: (*logistic(200), 1),
}


def timed(function: Callable[..., Any], *args: Any) -> tuple[float, float]:
    """Seconds to compile a function for its arguments, and to call it then."""
    jitted = jax.jit(function)
    start = perf_counter()
    jax.block_until_ready(jitted(*args))
    compiled = perf_counter() - start
    return compiled, best_time(lambda: jax.block_until_ready(jitted(*args)), REPEATS)


def measure(name: str) -> dict[str, object]:
    loss, params, order = PROBLEMS[name]()
    eq = bea.modified_equation(loss=loss, params=params, order=order)
    random = np.random.default_rng(0)
    theta = jnp.asarray(random.normal(size=(POINTS, len(eq.params))))
    h = jnp.full(POINTS, 0.1)
    factors = [eq.tree_factors(l) for l in range(order + 1)]
    written, _ = as_written(eq, factors, {})
    plain, _ = as_written(eq, factors[:1], {})
    variants: dict[str, Callable[..., Any]] = {
        "f alone": jax.vmap(plain),
        "written": jax.vmap(written),
        "checked": eq.to_jax(),
    }
    if "200" not in name and "5 parameters" not in name:
        variants["polynomials"] = jax.vmap(by_polynomials(eq.polynomial_fields(), {}))
    row: dict[str, object] = {"problem": name, "order": order}
    times = {key: timed(f, theta, h) for key, f in variants.items()}
    for key, (compiled, called) in times.items():
        row[f"{key}: compile_s"] = round(compiled, 3)
        row[f"{key}: µs_per_1000"] = round(called * 1e6, 1)
    row["written / f alone"] = round(times["written"][1] / times["f alone"][1], 2)
    row["checked / written"] = round(times["checked"][1] / times["written"][1], 2)
    if "polynomials" in times:
        row["checked / polynomials"] = round(times["checked"][1] / times["polynomials"][1], 2)
    return row


def main() -> None:
    print("Kernels in float64, 1000 points a call\n")
    with double_precision():
        rows = [measure(name) for name in tqdm(PROBLEMS, desc="problems", leave=False)]
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    write_table("kernels.csv", [{key: row.get(key, "") for key in columns} for row in rows])


if __name__ == "__main__":
    main()
