"""Is every number of a kernel right to half of its digits? Floats and mpmath against balls.

The exact value of f̃ at the floating-point θ comes from `truth` with eighty bits. A finite number
with fewer than half of its digits right is a finding, unless another θ of which the given one is
the nearest float has that value: what is ill-conditioned cannot be better, and is counted apart.
So are a component that is wrong but small beside another one of the same field, and values that are
not finite where the true one is: they say that they are not known.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import mpmath
import numpy as np
from flint import arb

import bea
from fuzz.jets import ball, precision
from fuzz.pool import Outcome, Tell, failure
from fuzz.truth import Ball, Subject, limit_at

POINTS = 10
"""Points for each equation, dtype and way to call: one compilation serves them all."""

STEPS = (1e-3, 0.1, 0.1, 1.0)


def check(subject: Subject, tell: Tell = lambda stage: None) -> list[Outcome]:
    """Kernels of one loss at some points, in both precisions, eager and jitted."""
    import jax

    random = Random(str(subject))
    order = random.choice([0, 1, 1, 2 if subject.size < 60 else 1])
    outcomes: list[Outcome] = []

    def tried(what: str, make: Callable[[], Any]) -> Any:
        tell(what)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return make()
        except Exception as error:
            outcomes.append(failure(what, error))
            return None

    eq = tried(
        "modified_equation",
        lambda: bea.modified_equation(
            loss=subject.loss, params=subject.names, order=order, method=subject.method
        ),
    )
    kernel = eq and tried("to_jax", lambda: eq.to_jax(constants=dict(subject.constants)))
    if kernel is None:
        return outcomes
    for dtype in (np.float64, np.float32):
        thetas = np.array(places(subject, random, dtype))
        h = dtype(random.choice(STEPS))
        tell("the truth")
        true = [
            limit_at(subject, [Fraction(float(t)) for t in theta], Fraction(float(h)), order)
            for theta in thetas
        ]
        for way in ("eager", "jit"):
            what = f"{np.dtype(dtype)}, {way}, order {order}"
            call = jax.jit(kernel) if way == "jit" else kernel
            with jax.enable_x64(dtype is np.float64):
                values = tried(what, lambda call=call, at=(thetas, h): np.asarray(call(*at)))
            if values is not None:
                outcomes += judged(what, thetas, h, values, true)
        if dtype is np.float64:
            exact = tried("to_mpmath", lambda: eq.to_mpmath(constants=dict(subject.constants)))
            if exact is not None:
                outcomes += in_multiprecision(exact, thetas, h, true, tried)
    return outcomes


def in_multiprecision(
    kernel: Callable[..., Any],
    thetas: np.ndarray,
    h: Any,
    true: Sequence[list[Ball] | None],
    tried: Callable[[str, Callable[[], Any]], Any],
) -> list[Outcome]:
    """Values in 30 digits, of which 15 must be right."""
    what, counts, examples = "to_mpmath", Counter[str](), {}
    for theta, exact in zip(thetas, true, strict=True):
        if exact is None:
            continue
        with mpmath.workdps(30):
            values = tried(
                what,
                lambda at=(theta, h): kernel(
                    [mpmath.mpf(float(t)) for t in at[0]], mpmath.mpf(float(at[1]))
                ),
            )
        for i, (value, right) in enumerate(zip(values or (), exact, strict=False)):
            with precision(256):
                if not mpmath.isfinite(value):
                    verdict = "not finite"
                elif isinstance(value, mpmath.mpc):
                    verdict = "not real"
                else:
                    sign, mantissa, exponent, _ = value._mpf_
                    number = ball(int(mantissa)) * arb(2) ** exponent * (-1) ** sign
                    error, size = abs(number - right.value), abs(right.value)
                    verdict = "WRONG"
                    if error <= size * arb(10) ** -15 or error == 0:
                        verdict = "right"
                    elif error <= right.sensitivity * arb(10) ** -29:
                        verdict = "ill-conditioned"
            counts[verdict] += 1
            where = ", ".join(repr(t.item()) for t in theta)
            known = right.value.str(20, radius=False)
            shown = f"component {i} at ({where}), h = {h}: {value}, right: {known}"
            examples.setdefault(verdict, shown)
    return [Outcome(what, v, examples[v], count) for v, count in sorted(counts.items())]


def places(subject: Subject, random: Random, dtype: Callable[[float], Any]) -> list[list[Any]]:
    """Points from 1e-4 to 1e4, and at and around the places of interest."""
    found = []
    for k in range(POINTS):
        if subject.near and k % 2 == 0:
            centre = random.choice(subject.near)
            reach = 0 if k == 0 else 10 ** random.uniform(-8, 1)
            found.append([dtype(float(c) + reach * random.gauss(0, 1)) for c in centre])
            continue
        spread = random.choice([4, 4, 1])
        found.append(
            [
                dtype(random.choice([-1, 1]) * 10 ** random.uniform(-spread, spread))
                for _ in subject.names
            ]
        )
    return found


def judged(
    what: str,
    thetas: np.ndarray,
    h: Any,
    values: np.ndarray,
    true: Sequence[list[Ball] | None],
) -> list[Outcome]:
    """One outcome for each verdict, with how many values have it and the first of them."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for theta, row, exact in zip(thetas, values, true, strict=True):
        for i, value in enumerate(row):
            if exact is None:
                verdict = "a number without reference" if np.isfinite(value) else "no reference"
            else:
                verdict = verdict_on(value, exact, i)
            counts[verdict] += 1
            if verdict not in examples:
                right = "unknown" if exact is None else exact[i].value.str(8, radius=False)
                where = ", ".join(repr(t.item()) for t in theta)
                examples[verdict] = f"component {i} at ({where}), h = {h}: {value}, right: {right}"
    return [Outcome(what, v, examples.get(v, ""), count) for v, count in sorted(counts.items())]


def verdict_on(value: Any, field: Sequence[Ball], i: int) -> str:
    """What a floating-point number is worth as component i of the field."""
    kind, exact = np.finfo(value.dtype), field[i]
    with precision(256):
        size, half = abs(exact.value), arb(2) ** -((kind.nmant + 1) // 2)
        if not np.isfinite(value):
            return "right" if size > ball(Fraction(float(kind.max))) else "not finite"
        error = abs(ball(Fraction(float(value))) - exact.value)
        if error < size * half or error <= ball(Fraction(float(kind.tiny))) * 4:
            return "right"
        if error <= exact.sensitivity * ball(Fraction(float(kind.eps))) * 2:
            return "ill-conditioned"
        if any(error < abs(other.value) * half for other in field):
            return "wrong beside larger ones"
        return "WRONG"
