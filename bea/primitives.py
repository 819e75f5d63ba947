"""What the primitives of JAX do to values that are followed through a jaxpr: kinks and ranges.

Each value carries whether it depends on θ, the kinks on its way, and bounds of its entries, so that
max(0, x²) and |exp(x)| have no kink. Two patterns are smooth for reasons that bounds do not show,
logaddexp and a variance. The walk through the jaxpr is `bea.smoothness`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

INF = math.inf

# Kinks or jumps, whatever the operands. The last two are the derivatives of max-pooling: where one
# operand has its maximum decides which entries of the other are added.
KINKED = {
    *("floor", "ceil", "round", "rem", "nextafter", "sort", "top_k", "approx_top_k"),
    *("argmax", "argmin", "reduce_max", "reduce_min", "cummax", "cummin", "pmax", "pmin"),
    *("reduce_window_max", "reduce_window_min", "scatter-max", "scatter-min"),
    *("select_and_scatter_add", "select_and_gather_add"),
}
# `max`, `min`, `clamp`, `abs`, `sign` and these have kinks unless the ranges of operands are apart.
COMPARISONS = {"lt", "le", "gt", "ge"}
# Kinks where the result is an integer.
CASTS = {"convert_element_type", "bitcast_convert_type"}
NAMES = {"convert_element_type": "rounding"}
# What tells the derivative of a kinked function on which side it is.
SIDES = {*COMPARISONS, "sign", "select_and_scatter_add", "select_and_gather_add"}
RESHAPED = {"broadcast_in_dim", "reshape", "squeeze", "convert_element_type", "copy"}
# The entries of the result are entries of these operands.
ENTRIES = {
    **dict.fromkeys((*RESHAPED, "transpose", "rev", "slice", "dynamic_slice"), slice(1)),
    **dict.fromkeys(("stop_gradient", "reduce_max", "reduce_min"), slice(1)),
    **{"concatenate": slice(None), "pad": slice(None), "select_n": slice(1, None)},
}
RANGES = {
    **dict.fromkeys(("exp", "exp2", "even power", "square", "sqrt", "rsqrt", "abs"), (0.0, INF)),
    **dict.fromkeys(("tanh", "erf", "sin", "cos"), (-1.0, 1.0)),
    **{"logistic": (0.0, 1.0), "erfc": (0.0, 2.0), "cosh": (1.0, INF)},
}
# Not negative where no operand is.
POSITIVE = {
    *("div", "dot_general", "conv_general_dilated", "reduce_window_sum", "cumsum", "reduce_prod"),
    *("integer_pow", "pow", "log1p", "expm1", "sign"),
}


@dataclass(frozen=True)
class Value:
    """What is known of a variable: its kinks, its range, and the operation that made it."""

    depends: bool = False
    kinks: tuple[str, ...] = ()
    low: float = -INF
    high: float = INF
    made: str = field(default="", compare=False)
    parts: tuple[Value, ...] = field(default=(), compare=False, repr=False)


def applied(eqn: Any, values: list[Value], inside: str) -> list[Value]:
    """The values of a primitive that calls no function."""
    name, made = eqn.primitive.name, _made(eqn, values)
    low, high = _range(made, values, eqn.outvars)
    if low == high:  # Zero times a kink is zero.
        return [Value(low=low, high=high)]
    before = joined(values)
    found = before.kinks
    if name == "stop_gradient":
        found = ()
    elif name in ("add", "add_any") and (pair := _logaddexp(values)):
        found = joined(pair).kinks
    elif not (found and name in SIDES) and _has_kink(eqn, values):
        what = "comparison" if name in COMPARISONS else NAMES.get(name, name)
        found = union((found, [f"{what} in {inside}" if inside not in ("", what) else what]))
    if len(eqn.outvars) == 1:
        return [Value(before.depends, found, low, high, made, tuple(values))]
    return [Value(before.depends, found) for _ in eqn.outvars]


def _has_kink(eqn: Any, values: list[Value]) -> bool:
    """Has the primitive a kink or a jump that θ can come across?

    Only real operands count: an integer that depends on θ has its kink from where it was made.
    """
    name, operands = eqn.primitive.name, list(zip(eqn.invars, values, strict=True))
    if name in ("select_and_scatter_add", "select_and_gather_add"):
        operands = operands[1:2]
    elif name == "sort":
        operands = operands[: eqn.params.get("num_keys")]
    if not any(v.depends and _is(atom, "floating") for atom, v in operands):
        return False
    if name in CASTS:
        return _is(eqn.outvars[0], "integer")
    if name in ("abs", "sign"):
        return values[0].low < 0 < values[0].high
    if name == "clamp":
        least, x, most = values
        return x.low < least.high or x.high > most.low
    if name in ("max", "min") or name in COMPARISONS:
        # Ranges that touch are apart: the operands agree at isolated points.
        a, b = values
        return a.low < b.high and b.low < a.high
    return name in KINKED


def _is(atom: Any, *kinds: str) -> bool:
    import jax.numpy as jnp

    dtype = getattr(atom.aval, "dtype", None)
    return dtype is not None and any(jnp.issubdtype(dtype, getattr(jnp, kind)) for kind in kinds)


def _made(eqn: Any, values: list[Value]) -> str:
    """The name of a primitive, with what ranges and patterns have to know of its parameters."""
    name, power = eqn.primitive.name, eqn.params.get("y", 1)
    if (name == "mul" and values[0] is values[1]) or (name == "integer_pow" and power == 2):
        return "square"
    if name == "integer_pow" and power % 2 == 0:
        return "even power"
    return f"sum over {eqn.params.get('axes')}" if name == "reduce_sum" else str(name)


def _range(made: str, values: list[Value], results: Sequence[Any]) -> tuple[float, float]:
    """Bounds of a result."""
    if len(results) != 1:
        return -INF, INF
    if _is(results[0], "bool_"):
        return 0.0, 1.0
    low, high = RANGES.get(made, (-INF, INF))
    if made in ENTRIES:
        v = hull(values[ENTRIES[made]])
        low, high = v.low, v.high
    elif made in ("add", "add_any"):
        low, high = sum(v.low for v in values), sum(v.high for v in values)
    elif made == "sub":
        a, b = values
        low, high = (0.0, INF) if _is_variance(a, b) else (a.low - b.high, a.high - b.low)
    elif made == "neg":
        low, high = -values[0].high, -values[0].low
    elif made == "mul":
        pairs = product(*((v.low, v.high) for v in values))
        ends = [x * y if x and y else 0.0 for x, y in pairs]  # Zero times an open end is zero.
        low, high = min(ends), max(ends)
    elif made in ("max", "min"):
        best = max if made == "max" else min
        low, high = best(v.low for v in values), best(v.high for v in values)
    elif made in POSITIVE or made.startswith("sum over"):
        low = 0.0 if min(v.low for v in values) >= 0 else low
    return (-INF if math.isnan(low) else low), (INF if math.isnan(high) else high)


def literal(atom: Any) -> Value:
    """A number in a jaxpr; NaN is in no range."""
    if atom.aval.ndim or not _is(atom, "floating", "integer", "bool_"):
        return Value()
    number = float(atom.val)
    return Value(low=INF, high=-INF) if math.isnan(number) else Value(low=number, high=number)


def anew(v: Value) -> Value:
    """Another value of which as much is known, but not where it comes from."""
    return replace(v, made="", parts=())


def union(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """The kinks of all groups, each once, in the order of their appearance."""
    return tuple(dict.fromkeys(kink for group in groups for kink in group))


def joined(values: Sequence[Value]) -> Value:
    """What may come of these values."""
    return Value(any(v.depends for v in values), union(v.kinks for v in values))


def hull(values: Sequence[Value]) -> Value:
    """One of these values."""
    low, high = min(v.low for v in values), max(v.high for v in values)
    return replace(joined(values), low=low, high=high)


def chosen(choice: Value, v: Value) -> Value:
    """A value there because of a choice."""
    return replace(joined((v, choice)), low=v.low, high=v.high)


def _root(v: Value) -> Value:
    """A value before it was brought into its shape or dtype."""
    while v.made in RESHAPED:
        v = v.parts[0]
    return v


def _same(v: Value, w: Value) -> bool:
    v, w = _root(v), _root(w)
    return v is w or v.low == v.high == w.low == w.high


def _within(v: Value, *names: str) -> Value:
    """The x of a value made as name(…name(x)), or a value like no other."""
    for name in names:
        v = _root(v)
        v = v.parts[0] if v.made == name else Value()
    return _root(v)


def _logaddexp(values: Sequence[Value]) -> tuple[Value, ...]:
    """The x, y if values are max(x, y), log(1 + exp(−|x − y|)), whose sum is smooth; () if not.

    Within a scan, differentiation dissolves `jnp.logaddexp` and with it the name.
    """
    for top, rest in (values, values[::-1]):
        gap, top = _within(rest, "log1p", "exp", "neg", "abs"), _root(top)
        pair = gap.parts if gap.made == "sub" else (gap, Value(low=0.0, high=0.0))
        if top.made == "max" and all(any(_same(x, y) for y in top.parts) for x in pair):
            return pair
    return ()


def _is_variance(a: Value, b: Value) -> bool:
    """Is a − b mean(x²) − mean(x)², as flax's BatchNorm and LayerNorm compute it?"""
    over, mean_square, mean = _within(a, "div").made, _root(a), _within(b, "square")
    return (
        mean_square.made == mean.made == "div"
        and over.startswith("sum over")
        and _same(mean_square.parts[1], mean.parts[1])
        and _same(_within(a, "div", over, "square"), _within(b, "square", "div", over))
    )
