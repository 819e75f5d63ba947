"""Kinks of a JAX function, read off its jaxpr: what automatic differentiation does not see.

Corrections beyond order 0 are derivatives of the field f, and Theorem 3.1 asks for a smooth f.
Where f is put together from pieces (ReLU, max-pooling, abs, clip, a comparison that chooses),
automatic differentiation differentiates the pieces and not the seams, and the iterates cross them.

`kinks` follows what depends on θ through the jaxpr of f, with a range for each value, so that
max(0, x²) has no kink. Three things are taken on trust: functions smooth by name (`SMOOTH`) are,
whatever they do inside; what comes out of `stop_gradient` is meant as a constant, as the maximum in
log-softmax is; and equality decides nothing, since it holds at isolated points. What is smooth for
reasons that neither ranges nor the two patterns at the end show is reported with the rest: a
softmax by hand that subtracts max(x) without `stop_gradient`, say. Mutable references
(`jax.new_ref`) are not followed, and roots and poles are not looked for: √(x²) passes for smooth.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from bea.errors import NotSmoothWarning

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
# Smooth, though computed with max, abs or pivots: names of functions with `jax.jit` or a derivative
# rule, which stay in the jaxprs of gradients, and of one primitive.
SMOOTH = {
    *("logaddexp", "logaddexp2", "logsumexp", "softplus", "sigmoid", "log_sigmoid"),
    *("softmax", "_softmax", "log_softmax", "log_ndtr", "hypot", "sinc", "expm"),
    *("det", "slogdet", "custom_linear_solve"),
}

# Calls of one function with all operands, in one version of JAX or another; so are those with
# "_call" in their name, such as `custom_jvp_call`.
CALLS = {"jit", "pjit", "remat", "remat2", "checkpoint", "shard_map"}

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
class _Value:
    """What is known of a variable: its kinks, its range, and the operation that made it."""

    depends: bool = False
    kinks: tuple[str, ...] = ()
    low: float = -INF
    high: float = INF
    made: str = field(default="", compare=False)
    parts: tuple[_Value, ...] = field(default=(), compare=False, repr=False)


def kinks(function: Callable[..., Any], *args: Any) -> tuple[str, ...]:
    """The operations that keep a function of θ from being smooth.

    The function is traced on shapes and dtypes: nothing is computed, and the arguments may belong
    to a function that is being traced itself.

    Args:
        function: a function of pytrees of arrays, such as a loss or a field.
        *args: its arguments, all of them θ: arrays, tracers or `jax.ShapeDtypeStruct`s.

    Returns:
        Descriptions, such as "max in relu"; none for a function that cannot be traced.

    Example:
        >>> import jax
        >>> theta = jax.ShapeDtypeStruct((3,), "float32")
        >>> kinks(lambda x: jax.nn.relu(x).sum(), theta)
        ('max in relu',)
        >>> kinks(lambda x: jax.nn.softplus(x).sum(), theta)
        ()
    """
    import jax

    try:
        shapes = jax.eval_shape(lambda *leaves: leaves, *args)
        closed = jax.make_jaxpr(function)(*shapes)
    except Exception:  # The function is the caller's: it may raise anything, and will when called.
        return ()
    inputs = [_Value(depends=True) for _ in closed.in_avals]
    return _joined(_run(closed.jaxpr, inputs, "")[0]).kinks


def warn_of_kinks(f: Callable[[Any], Any], theta: Any) -> tuple[str, ...]:
    """Warn if the field f has kinks, and return them; how often is the caller's business.

    Args:
        f: the field, a JAX function of θ.
        theta: θ, or its shapes and dtypes.

    Warns:
        NotSmoothWarning: there are some.
    """
    found = kinks(f, theta)
    if found:
        warnings.warn(
            f"the field has kinks ({'; '.join(found)}): derivatives do not see them, so "
            "corrections beyond order 0 are not those of the iterates; use a smooth activation "
            "(tanh, gelu, softplus), or bea.log_shift_estimate",
            NotSmoothWarning,
            stacklevel=_stacklevel(),
        )
    return found


def _stacklevel() -> int:
    """For the caller: the level of the first frame outside `bea` and what calls its functions."""
    inner = {"bea", "jax", "equinox", "diffrax", "optimistix", "functools", "contextlib"}
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in inner:
        frame, level = frame.f_back, level + 1
    return level


def _run(jaxpr: Any, inputs: Sequence[_Value], inside: str) -> tuple[list[_Value], list[_Value]]:
    """What a jaxpr returns, and every value on the way; `inside` names the function around it."""
    from jax.extend.core import Literal

    known = dict(zip(jaxpr.invars, inputs, strict=True))
    causes: dict[Any, tuple[str, ...]] = {}

    def value(atom: Any) -> _Value:
        # What is not known is a constant of the jaxpr.
        return _literal(atom) if isinstance(atom, Literal) else known.get(atom, _Value())

    for eqn in jaxpr.eqns:
        values = [value(atom) for atom in eqn.invars]
        results = _results(eqn, values, inside)
        before = _joined(values).kinks
        if new := tuple(kink for kink in _joined(results).kinks if kink not in before):
            # Derivatives compare what a kinked function, seen before, was applied to.
            moved = [atom for atom, v in zip(eqn.invars, values, strict=True) if v.depends]
            cause = _union(causes.get(atom, ()) for atom in moved)
            if cause and eqn.primitive.name in SIDES:
                results = [replace(v, kinks=_union((before, cause))) for v in results]
            elif len(moved) == 1:
                causes.setdefault(moved[0], new)
        known.update(zip(eqn.outvars, results, strict=True))
    return [value(atom) for atom in jaxpr.outvars], list(known.values())


def _results(eqn: Any, values: list[_Value], inside: str) -> list[_Value]:
    """The values that an equation of a jaxpr returns."""
    name, params = eqn.primitive.name, eqn.params
    bodies = [body for each in params.values() for body in _jaxprs(each)]
    label = str(params.get("name") or "")
    if name.startswith("custom_") and bodies:
        info = getattr(bodies[0], "debug_info", None)
        label = str(getattr(info, "func_src_info", "")).partition(" ")[0]
    if label.isidentifier() and not label.startswith("_"):
        inside = label
    if name in SMOOTH or label in SMOOTH:
        return [_joined(values) for _ in eqn.outvars]
    if name in KINKED or not bodies:
        return _applied(eqn, values, inside)
    if name == "scan" and len(bodies) == 1:
        return _scan(eqn, bodies[0], values, inside)
    if name == "while" and {"cond_jaxpr", "body_jaxpr"} <= params.keys():
        return _while(eqn, values, inside)
    if name == "cond":
        branches = zip(*(_run(body, values[1:], inside)[0] for body in bodies), strict=True)
        return [_chosen(values[0], _hull(each)) for each in branches]
    arities = [(len(body.invars), len(body.outvars)) for body in bodies]
    if arities == [(len(values), len(eqn.outvars))] and (name in CALLS or "_call" in name):
        return _run(bodies[0], values, inside)[0]
    # There is no telling what it does with its functions: a kink in one of them may come out.
    every = [*values]
    for body in bodies:
        every += _run(body, [_joined(values) for _ in body.invars], inside)[1]
    return [_joined(every) for _ in eqn.outvars]


def _jaxprs(parameter: Any) -> list[Any]:
    """The functions in a parameter of an equation."""
    from jax.extend.core import ClosedJaxpr, Jaxpr

    each = parameter if isinstance(parameter, tuple | list) else (parameter,)
    return [getattr(b, "jaxpr", b) for b in each if isinstance(b, ClosedJaxpr | Jaxpr)]


def _scan(eqn: Any, body: Any, values: list[_Value], inside: str) -> list[_Value]:
    """Operands are constants, the carry, and arrays whose slices the body gets."""
    # How many of each is named otherwise in other versions of JAX; slices tell by their rank.
    n_slices, n_stacked = (
        sum(_rank(a) != _rank(b) for a, b in zip(outer, inner, strict=True))
        for outer, inner in ((eqn.invars, body.invars), (eqn.outvars, body.outvars))
    )
    n_carry = len(eqn.outvars) - n_stacked
    first, last = len(values) - n_slices - n_carry, len(values) - n_slices
    fixed, slices = values[:first], [_anew(v) for v in values[last:]]
    carry, outputs = _settled(
        lambda now: _run(body, [*fixed, *now, *slices], inside)[0], values[first:last]
    )
    return carry + outputs[n_carry:]


def _rank(atom: Any) -> int:
    return len(getattr(atom.aval, "shape", ()))


def _while(eqn: Any, values: list[_Value], inside: str) -> list[_Value]:
    """Operands are constants of the condition, constants of the body, and the carry."""
    (condition,), (body,) = map(_jaxprs, (eqn.params["cond_jaxpr"], eqn.params["body_jaxpr"]))
    first, last = len(condition.invars) - len(eqn.outvars), len(values) - len(eqn.outvars)
    carry, _ = _settled(
        lambda now: _run(body, [*values[first:last], *now], inside)[0], values[last:]
    )
    (test,) = _run(condition, values[:first] + carry, inside or "while_loop")[0]
    return [_chosen(test, v) for v in carry]


def _settled(
    step: Callable[[list[_Value]], list[_Value]], start: Iterable[_Value]
) -> tuple[list[_Value], list[_Value]]:
    """The carry before any step, and what the last step returns."""
    carry = [_anew(v) for v in start]
    while True:
        outputs = step(carry)
        after = [_hull(pair) for pair in zip(carry, outputs, strict=False)]
        if after == carry:
            return carry, outputs
        # Kinks only accumulate, and a range that moves is given up, so it ends.
        stays = [(v.low, v.high) == (w.low, w.high) for v, w in zip(carry, after, strict=True)]
        carry = [v if stay else _joined([v]) for v, stay in zip(after, stays, strict=True)]


def _applied(eqn: Any, values: list[_Value], inside: str) -> list[_Value]:
    """The values of a primitive that calls no function."""
    name, made = eqn.primitive.name, _made(eqn, values)
    low, high = _range(made, values, eqn.outvars)
    if low == high:  # Zero times a kink is zero.
        return [_Value(low=low, high=high)]
    joined = _joined(values)
    found = joined.kinks
    if name == "stop_gradient":
        found = ()
    elif name in ("add", "add_any") and (pair := _logaddexp(values)):
        found = _joined(pair).kinks
    elif not (found and name in SIDES) and _has_kink(eqn, values):
        what = "comparison" if name in COMPARISONS else NAMES.get(name, name)
        found = _union((found, [f"{what} in {inside}" if inside not in ("", what) else what]))
    if len(eqn.outvars) == 1:
        return [_Value(joined.depends, found, low, high, made, tuple(values))]
    return [_Value(joined.depends, found) for _ in eqn.outvars]


def _has_kink(eqn: Any, values: list[_Value]) -> bool:
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


def _made(eqn: Any, values: list[_Value]) -> str:
    """The name of a primitive, with what ranges and patterns have to know of its parameters."""
    name, power = eqn.primitive.name, eqn.params.get("y", 1)
    if (name == "mul" and values[0] is values[1]) or (name == "integer_pow" and power == 2):
        return "square"
    if name == "integer_pow" and power % 2 == 0:
        return "even power"
    return f"sum over {eqn.params.get('axes')}" if name == "reduce_sum" else str(name)


def _range(made: str, values: list[_Value], results: Sequence[Any]) -> tuple[float, float]:
    """Bounds of a result."""
    if len(results) != 1:
        return -INF, INF
    if _is(results[0], "bool_"):
        return 0.0, 1.0
    low, high = RANGES.get(made, (-INF, INF))
    if made in ENTRIES:
        v = _hull(values[ENTRIES[made]])
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


def _literal(atom: Any) -> _Value:
    """A number in a jaxpr; NaN is in no range."""
    if atom.aval.ndim or not _is(atom, "floating", "integer", "bool_"):
        return _Value()
    number = float(atom.val)
    return _Value(low=INF, high=-INF) if math.isnan(number) else _Value(low=number, high=number)


def _anew(v: _Value) -> _Value:
    """Another value of which as much is known, but not where it comes from."""
    return replace(v, made="", parts=())


def _union(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kink for group in groups for kink in group))


def _joined(values: Sequence[_Value]) -> _Value:
    """What may come of these values."""
    return _Value(any(v.depends for v in values), _union(v.kinks for v in values))


def _hull(values: Sequence[_Value]) -> _Value:
    """One of these values."""
    low, high = min(v.low for v in values), max(v.high for v in values)
    return replace(_joined(values), low=low, high=high)


def _chosen(choice: _Value, v: _Value) -> _Value:
    """A value there because of a choice."""
    return replace(_joined((v, choice)), low=v.low, high=v.high)


def _root(v: _Value) -> _Value:
    """A value before it was brought into its shape or dtype."""
    while v.made in RESHAPED:
        v = v.parts[0]
    return v


def _same(v: _Value, w: _Value) -> bool:
    v, w = _root(v), _root(w)
    return v is w or v.low == v.high == w.low == w.high


def _within(v: _Value, *names: str) -> _Value:
    """The x of a value made as name(…name(x)), or a value like no other."""
    for name in names:
        v = _root(v)
        v = v.parts[0] if v.made == name else _Value()
    return _root(v)


def _logaddexp(values: Sequence[_Value]) -> tuple[_Value, ...]:
    """The x, y if values are max(x, y), log(1 + exp(−|x − y|)), whose sum is smooth; () if not.

    Within a scan, differentiation dissolves `jnp.logaddexp` and with it the name.
    """
    for top, rest in (values, values[::-1]):
        gap, top = _within(rest, "log1p", "exp", "neg", "abs"), _root(top)
        pair = gap.parts if gap.made == "sub" else (gap, _Value(low=0.0, high=0.0))
        if top.made == "max" and all(any(_same(x, y) for y in top.parts) for x in pair):
            return pair
    return ()


def _is_variance(a: _Value, b: _Value) -> bool:
    """Is a − b mean(x²) − mean(x)², as flax's BatchNorm and LayerNorm compute it?"""
    over, mean_square, mean = _within(a, "div").made, _root(a), _within(b, "square")
    return (
        mean_square.made == mean.made == "div"
        and over.startswith("sum over")
        and _same(mean_square.parts[1], mean.parts[1])
        and _same(_within(a, "div", over, "square"), _within(b, "square", "div", over))
    )
