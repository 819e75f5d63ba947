"""Times taken in turns: ratios that hold on a machine that is not quiet.

In every round each contender runs once, in an order that moves on by one from round to round, and
its time is divided by that of its unit, such as the gradient, in the same round. What is reported
is the median of these ratios over the rounds, between their quartiles. Short calls are repeated
within a round, so that a time is of 50 ms at least. Everything is compiled before, and a call ends
when its result is there.

Beside the time stands what bounds it, as XLA counts it in the compiled program and so the same in
every run: floating-point operations, bytes read and written by all its operations, and memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from statistics import median, quantiles
from time import perf_counter
from typing import Any, TypeVar

import jax
from tqdm import tqdm

from examples.paper.device import cores, device_name

LEAST, SLOW = 0.05, 1.0
"""Seconds: shorter calls than the one are repeated, than the other called twice beforehand."""

MIB = 2**20
Key = tuple[str, str, str]
T = TypeVar("T")


@dataclass(frozen=True)
class Contender:
    """A call to be timed, and what is known of it already.

    Attributes:
        library: whose it is.
        quantity: what it computes.
        call: computes it, and returns when it is there.
        unit: the library and the quantity that ratios are to.
        way: how, where there are several ways.
        target: what the ratio is to stay below.
        flops: its floating-point operations.
        traffic: the bytes that they read and write.
        memory: the bytes it takes at most, arguments and results included.
        counter: who counted these; ratios are of counts by the same.
    """

    library: str
    quantity: str
    call: Callable[[], Any]
    unit: tuple[str, str]
    way: str = ""
    target: float | None = None
    flops: float | None = None
    traffic: float | None = None
    memory: float | None = None
    counter: str = "XLA"

    @property
    def key(self) -> Key:
        return self.library, self.quantity, self.way


def compiled(
    library: str, quantity: str, function: Callable[..., Any], *args: Any, **known: Any
) -> Contender:
    """A JAX function on these arguments, compiled for them but not with them inside."""
    program = jax.jit(function).lower(*args).compile()
    operations = program.cost_analysis() or {}
    memory = program.memory_analysis()
    sizes = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
    return Contender(
        library,
        quantity,
        lambda: jax.block_until_ready(program(*args)),
        flops=operations.get("flops"),
        traffic=operations.get("bytes accessed"),
        memory=sum(getattr(memory, size) for size in sizes) if memory else None,
        **known,
    )


def interleaved(contenders: Sequence[Contender], rounds: int, title: str) -> list[dict[str, Any]]:
    """A row for each contender; those without enough memory are left out, with a line.

    Args:
        contenders: what to time, the units among them.
        rounds: how often.
        title: what to call it while it runs.

    Returns:
        Rows of a table, with `device_columns` first.
    """
    warn_of_load()
    repeats = {}
    for contender in tqdm(contenders, desc=f"{title}: first calls", leave=False):
        if (needed := _repeats(contender)) is not None:
            repeats[contender.key] = needed
    there = [contender for contender in contenders if contender.key in repeats]
    times: dict[Key, list[float]] = {contender.key: [] for contender in there}
    for k in tqdm(range(rounds), desc=f"{title}: rounds", leave=False):
        start = k % len(there)
        for contender in there[start:] + there[:start]:
            if repeats[contender.key] > 1:
                contender.call()  # untimed, in the wake of the one before
            times[contender.key].append(_seconds(contender.call, repeats[contender.key]))
    by_key = {contender.key: contender for contender in there}
    return [_row(contender, by_key, times) for contender in there]


def device_columns() -> dict[str, str]:
    """What it was measured on."""
    return {"device": device_name(), "platform": jax.devices()[0].platform}


def unless_out_of_memory(what: str, run: Callable[[], T]) -> T | None:
    """The result of a call; a line and None if it takes more memory than there is."""
    try:
        return run()
    except RuntimeError as error:
        if not any(sign in str(error) for sign in ("RESOURCE_EXHAUSTED", "out of memory")):
            raise
    print(f"left out: {what}, which does not fit into memory")
    return None


def warn_of_load() -> None:
    """A line, if other programs are running."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > cores() + 0.5:
        print(f"\nthe machine is not quiet: its load was {load:.1f} in the last minute")


def significant(x: float | None, digits: int = 4) -> float | str:
    """A number for a table: to so many digits, and nothing where there is none."""
    return "" if x is None else float(f"{x:.{digits}g}")


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows of a network on the screen."""
    print(f"{'library':8} {'quantity':27} {'seconds':>8}  {'in units of':19} {'ratio':>6} "
          f"{'quartiles':>15} {'target':>6} {'flops':>6} {'bytes':>6} {'memory':>15}")  # fmt: skip
    for r in rows:
        quantity = f"{r['quantity']}, {r['way']}" if r["way"] else r["quantity"]
        quartiles = f"({r['ratio_low']:.4g} – {r['ratio_high']:.4g})"
        memory = f"{r['memory_mib']:.0f} MiB" if r["memory_mib"] != "" else ""
        times = f"= {r['memory_ratio']:.2f}×" if r["memory_ratio"] != "" else ""
        print(f"{r['library']:8} {quantity:27} {r['seconds']:8.4f}  {r['relative_to']:19} "
              f"{r['ratio']:6.3f} {quartiles:>15} {r['target']:>6} {_short(r['flops_ratio']):>6} "
              f"{_short(r['traffic_ratio']):>6} {memory:>8} {times:>7}")  # fmt: skip


def _repeats(contender: Contender) -> int | None:
    """How often to call it in a round; None if there is not enough memory for it."""

    def usual_seconds() -> float:
        first = _seconds(contender.call, 1)  # the first call of a program is slower
        return first if first > SLOW else _seconds(contender.call, 1)

    seconds = unless_out_of_memory(" ".join(contender.key).strip(), usual_seconds)
    return None if seconds is None else ceil(LEAST / seconds)


def _seconds(call: Callable[[], Any], repeats: int) -> float:
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats


def _row(
    contender: Contender, by_key: Mapping[Key, Contender], times: Mapping[Key, Sequence[float]]
) -> dict[str, Any]:
    unit = by_key[(*contender.unit, "")]
    mine, theirs = times[contender.key], times[unit.key]
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    low, middle, high = quantiles(ratios, method="inclusive") if len(ratios) > 1 else ratios * 3
    relative = partial(_relative, contender, unit)
    return {
        **device_columns(),
        "library": contender.library,
        "quantity": contender.quantity,
        "way": contender.way,
        "relative_to": " ".join(contender.unit),
        "seconds": significant(median(mine)),
        "ratio": significant(middle),
        "ratio_low": significant(low),
        "ratio_high": significant(high),
        "target": significant(contender.target),
        "flops_ratio": significant(relative("flops")),
        "traffic_ratio": significant(relative("traffic")),
        "memory_mib": significant(contender.memory and contender.memory / MIB),
        "memory_ratio": significant(relative("memory")),
        "rounds": len(mine),
    }


def _relative(contender: Contender, unit: Contender, name: str) -> float | None:
    mine, theirs = getattr(contender, name), getattr(unit, name)
    known = mine and theirs and contender.counter == unit.counter
    return mine / theirs if known else None


def _short(x: float | str) -> str:
    return f"{x:.2f}" if isinstance(x, float) else x
