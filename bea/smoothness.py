"""Kinks of a JAX function, read off its jaxpr: what automatic differentiation does not see.

Corrections beyond order 0 are derivatives of the field f, and Theorem 3.1 asks for a smooth f.
Where f is put together from pieces (ReLU, max-pooling, abs, clip, a comparison that chooses),
automatic differentiation differentiates the pieces and not the seams, and the iterates cross them.

`kinks` follows what depends on θ through the jaxpr of f, with a range for each value, so that
max(0, x²) has no kink. Three things are taken on trust: functions smooth by name (`SMOOTH`) are,
whatever they do inside; what comes out of `stop_gradient` is meant as a constant, as the maximum in
log-softmax is; and equality decides nothing, since it holds at isolated points. What is smooth for
reasons that neither ranges nor the two patterns in `primitives` show is reported with the rest: a
softmax by hand that subtracts max(x) without `stop_gradient`, say. Mutable references
(`jax.new_ref`) are not followed, and roots and poles are not looked for: √(x²) passes for smooth.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from bea.errors import NotSmoothWarning
from bea.primitives import KINKED, SIDES, Value, anew, applied, chosen, hull, joined, literal, union

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
    inputs = [Value(depends=True) for _ in closed.in_avals]
    return joined(_run(closed.jaxpr, inputs, "")[0]).kinks


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


def _run(jaxpr: Any, inputs: Sequence[Value], inside: str) -> tuple[list[Value], list[Value]]:
    """What a jaxpr returns, and every value on the way; `inside` names the function around it."""
    from jax.extend.core import Literal

    known = dict(zip(jaxpr.invars, inputs, strict=True))
    causes: dict[Any, tuple[str, ...]] = {}

    def value(atom: Any) -> Value:
        # What is not known is a constant of the jaxpr.
        return literal(atom) if isinstance(atom, Literal) else known.get(atom, Value())

    for eqn in jaxpr.eqns:
        values = [value(atom) for atom in eqn.invars]
        results = _results(eqn, values, inside)
        before = joined(values).kinks
        if new := tuple(kink for kink in joined(results).kinks if kink not in before):
            # Derivatives compare what a kinked function, seen before, was applied to.
            moved = [atom for atom, v in zip(eqn.invars, values, strict=True) if v.depends]
            cause = union(causes.get(atom, ()) for atom in moved)
            if cause and eqn.primitive.name in SIDES:
                results = [replace(v, kinks=union((before, cause))) for v in results]
            elif len(moved) == 1:
                causes.setdefault(moved[0], new)
        known.update(zip(eqn.outvars, results, strict=True))
    return [value(atom) for atom in jaxpr.outvars], list(known.values())


def _results(eqn: Any, values: list[Value], inside: str) -> list[Value]:
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
        return [joined(values) for _ in eqn.outvars]
    if name in KINKED or not bodies:
        return applied(eqn, values, inside)
    if name == "scan" and len(bodies) == 1:
        return _scan(eqn, bodies[0], values, inside)
    if name == "while" and {"cond_jaxpr", "body_jaxpr"} <= params.keys():
        return _while(eqn, values, inside)
    if name == "cond":
        branches = zip(*(_run(body, values[1:], inside)[0] for body in bodies), strict=True)
        return [chosen(values[0], hull(each)) for each in branches]
    arities = [(len(body.invars), len(body.outvars)) for body in bodies]
    if arities == [(len(values), len(eqn.outvars))] and (name in CALLS or "_call" in name):
        return _run(bodies[0], values, inside)[0]
    # There is no telling what it does with its functions: a kink in one of them may come out.
    every = [*values]
    for body in bodies:
        every += _run(body, [joined(values) for _ in body.invars], inside)[1]
    return [joined(every) for _ in eqn.outvars]


def _jaxprs(parameter: Any) -> list[Any]:
    """The functions in a parameter of an equation."""
    from jax.extend.core import ClosedJaxpr, Jaxpr

    each = parameter if isinstance(parameter, tuple | list) else (parameter,)
    return [getattr(b, "jaxpr", b) for b in each if isinstance(b, ClosedJaxpr | Jaxpr)]


def _scan(eqn: Any, body: Any, values: list[Value], inside: str) -> list[Value]:
    """Operands are constants, the carry, and arrays whose slices the body gets."""
    # How many of each is named otherwise in other versions of JAX; slices tell by their rank.
    n_slices, n_stacked = (
        sum(_rank(a) != _rank(b) for a, b in zip(outer, inner, strict=True))
        for outer, inner in ((eqn.invars, body.invars), (eqn.outvars, body.outvars))
    )
    n_carry = len(eqn.outvars) - n_stacked
    first, last = len(values) - n_slices - n_carry, len(values) - n_slices
    fixed, slices = values[:first], [anew(v) for v in values[last:]]
    carry, outputs = _settled(
        lambda now: _run(body, [*fixed, *now, *slices], inside)[0], values[first:last]
    )
    return carry + outputs[n_carry:]


def _rank(atom: Any) -> int:
    return len(getattr(atom.aval, "shape", ()))


def _while(eqn: Any, values: list[Value], inside: str) -> list[Value]:
    """Operands are constants of the condition, constants of the body, and the carry."""
    (condition,), (body,) = map(_jaxprs, (eqn.params["cond_jaxpr"], eqn.params["body_jaxpr"]))
    first, last = len(condition.invars) - len(eqn.outvars), len(values) - len(eqn.outvars)
    carry, _ = _settled(
        lambda now: _run(body, [*values[first:last], *now], inside)[0], values[last:]
    )
    (test,) = _run(condition, values[:first] + carry, inside or "while_loop")[0]
    return [chosen(test, v) for v in carry]


def _settled(
    step: Callable[[list[Value]], list[Value]], start: Iterable[Value]
) -> tuple[list[Value], list[Value]]:
    """The carry before any step, and what the last step returns."""
    carry = [anew(v) for v in start]
    while True:
        outputs = step(carry)
        after = [hull(pair) for pair in zip(carry, outputs, strict=False)]
        if after == carry:
            return carry, outputs
        # Kinks only accumulate, and a range that moves is given up, so it ends.
        stays = [(v.low, v.high) == (w.low, w.high) for v, w in zip(carry, after, strict=True)]
        carry = [v if stay else joined([v]) for v, stay in zip(after, stays, strict=True)]
