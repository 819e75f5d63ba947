"""A bound on the round-off in the value of a JAX function, computed along with the value.

The jaxpr of the function is run with pairs, a value and a bound on its error, in the arithmetic of
the values. An operation y = f(u, v, …) adds to the errors of what it is given, |∂f/∂u| e_u + …, its
own rounding of a few units in the last place; sums and products of arrays add one unit for each
term. It is a running error analysis (Wilkinson; Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., section 3.3), to first order in the errors: a bound that is small is right, and
one that is large says that the digits are gone.

A value near zero loses its digits, too, however it is computed: `checked_kernel` tells the two
apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bea.symbolic.kernels import stable_functions

ULPS = 4.0
"""Units in the last place that an elementary function may be off, generously."""

EXACT = {
    *("neg", "abs", "sign", "copy", "stop_gradient", "copy_p", "max", "min", "real"),
    *("floor", "ceil", "round", "convert_element_type"),
}
"""Elementwise operations that round nothing."""

BASIC = {"add", "sub", "mul", "div", "sqrt", "add_any", "square"}
"""Operations that are rounded to half a unit."""

ELEMENTARY = {
    *("exp", "exp2", "log", "log1p", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "pow", "integer_pow"),
    *("rsqrt", "cbrt", "logistic", "rem", "nextafter", "clamp"),
}
"""Operations that are accurate where they are close to zero, too."""

MOVING = {
    *("broadcast_in_dim", "reshape", "squeeze", "transpose", "slice", "dynamic_slice", "gather"),
    *("concatenate", "rev", "expand_dims", "pad", "select_n", "split"),
    *("stack", "unstack"),
}
"""Operations that move values and compute nothing."""

POLES = {"div": 1, "log": 0, "rsqrt": 0, "pow": 0}
"""Operations with a pole, and the operand that must keep away from zero."""

CALLS = {
    *("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "remat2"),
    *("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr", "custom_lin"),
}

Pair = tuple[Any, Any]
"""A value, and a bound on its error; None for an error of exactly zero."""


def with_bound(
    function: Callable[..., Any], rounded: Collection[float] = ()
) -> Callable[..., Pair]:
    """The same function with a bound on the round-off in its value.

    Args:
        function: of arrays of floating-point numbers, with one array as its value.
        rounded: absolute values of constants that are known to be rounded; others are taken to be
            exact if they have few digits.

    Returns:
        A function of the same arguments, which are taken to be exact, with the value and the
        bound, an array of the same shape. Where the bound is nan or infinite nothing is known.

    Example:
        >>> value, bound = with_bound(lambda x: (x + 1e4) - 1e4)(jnp.float32(1e-3))
        >>> bool(abs(value - 1e-3) < bound) and bool(bound < 1e-2)
        True
    """

    def bounded(*args: Any) -> Pair:
        arrays = [jnp.asarray(a) for a in args]
        closed = jax.make_jaxpr(function)(*arrays)
        ((value, error),) = _Run(rounded).of(
            closed.jaxpr, closed.consts, [(a, None) for a in arrays]
        )
        return value, jnp.zeros_like(value) if error is None else error

    return bounded


class _Run:
    """One run of a jaxpr with pairs. What was computed once, of the same pairs, is not again."""

    def __init__(self, rounded: Collection[float]) -> None:
        self._rounded = np.array(sorted(rounded))
        self._known: dict[Any, list[Pair]] = {}
        self._kept: list[Any] = []  # so that no identity is given twice
        self._sizes = _Sizes()

    def of(self, jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Pair]) -> list[Pair]:
        """The pairs that the jaxpr returns."""
        known: dict[Any, Pair] = {}

        def pair(atom: Any) -> Pair:
            if type(atom).__name__ == "Literal":
                return self._constant(atom.val, atom.aval)
            return known[atom]

        for variable, constant in zip(jaxpr.constvars, constants, strict=True):
            known[variable] = self._constant(constant, variable.aval)
        known.update(zip(jaxpr.invars, inputs, strict=True))
        for eqn in jaxpr.eqns:
            results = self._equation(eqn, list(map(pair, eqn.invars)))
            known.update(zip(eqn.outvars, results, strict=True))
        return list(map(pair, jaxpr.outvars))

    def _constant(self, constant: Any, aval: Any) -> Pair:
        """A constant of the program: rounded to its last place, unless it has few digits."""
        if not jnp.issubdtype(aval.dtype, jnp.floating) or isinstance(constant, jax.core.Tracer):
            return jnp.asarray(constant), None
        key = ("constant", aval.dtype, np.shape(constant), np.asarray(constant).tobytes())
        if key not in self._known:
            number = np.asarray(constant, float)
            value = jnp.asarray(constant)
            is_in_range = (number == 0) | (np.abs(number) >= 2 * float(jnp.finfo(aval.dtype).tiny))
            is_short = is_in_range & _has_few_digits(number, jnp.finfo(aval.dtype).nmant)
            is_short &= ~np.isin(abs(number), self._rounded)
            error = (
                None
                if is_short.all()
                else jnp.where(
                    is_in_range,
                    _half_ulp(value) * np.where(is_short, 0, 1),
                    jnp.asarray(jnp.finfo(aval.dtype).tiny, aval.dtype),
                )
            )
            self._known[key] = [(value, error)]
        return self._known[key][0]

    def _scan(self, eqn: Any, operands: list[Pair]) -> list[Pair]:
        """The rounds of a loop one after the other."""
        body, length = eqn.params["jaxpr"], eqn.params["length"]
        fixed, states = eqn.params["num_consts"], eqn.params["num_carry"]
        constants, rows = operands[:fixed], operands[fixed + states :]
        carry, results = operands[fixed : fixed + states], []
        for k in reversed(range(length)) if eqn.params["reverse"] else range(length):
            slices = [(v[k], None if e is None else e[k]) for v, e in rows]
            found = self.of(body.jaxpr, body.consts, [*constants, *carry, *slices])
            carry = found[:states]
            results.append(found[states:])
        if eqn.params["reverse"]:
            results.reverse()
        return [*carry, *map(_stacked, zip(*results, strict=True))]

    def _equation(self, eqn: Any, operands: list[Pair]) -> list[Pair]:
        label = str(eqn.params.get("name", ""))
        if label not in stable_functions.BY_NAME and eqn.primitive.name in CALLS:
            for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
                if (body := eqn.params.get(name)) is not None:
                    inner = getattr(body, "jaxpr", body)
                    return self.of(inner, getattr(body, "consts", ()), operands)
        if eqn.primitive.name == "scan" and eqn.params["length"] <= MAX_LOOP_LENGTH:
            return self._scan(eqn, operands)
        is_stable = label in stable_functions.BY_NAME
        parameters = (
            label if is_stable else str(sorted(eqn.params.items(), key=lambda item: item[0]))
        )
        key = (eqn.primitive.name, parameters, tuple(id(value) for value, _ in operands))
        if key not in self._known:
            self._kept += operands
            self._known[key] = (
                _stable(label, operands) if is_stable else _computed(eqn, operands, self._sizes)
            )
        return self._known[key]


MAX_LOOP_LENGTH = 64
"""Rounds of a loop that are written out, as in polynomials by Horner's rule."""


def _stacked(pairs: Sequence[Pair]) -> Pair:
    values = [v for v, _ in pairs]
    if all(e is None for _, e in pairs):
        return jnp.stack(values), None
    return jnp.stack(values), jnp.stack([jnp.zeros_like(v) if e is None else e for v, e in pairs])


def _has_few_digits(number: np.ndarray, mantissa: int) -> np.ndarray:
    """So few that it is no rounded number, but by an accident of one in 2^(2/5 of the digits)."""
    fraction, _ = np.frexp(number)
    few = 2.0 ** (mantissa - 2 * mantissa // 5)
    return fraction * few == np.round(fraction * few)


def _half_ulp(value: Any) -> Any:
    return _half_ulp_of_size(jnp.abs(value))


def _half_ulp_of_size(size: Any) -> Any:
    return size * np.asarray(jnp.finfo(size.dtype).eps / 2, size.dtype)


def _underflow(value: Any, operands: Sequence[Any]) -> Any:
    """What is lost where a result, of operands that are not zero, leaves the range below."""
    tiny = jnp.asarray(jnp.finfo(value.dtype).tiny, value.dtype)
    lost = jnp.abs(value) < 2 * tiny
    for operand in operands:
        lost = lost & (operand != 0)
    return jnp.where(lost, tiny, 0)


def _total(errors: Sequence[Any]) -> Any:
    """The sum of errors, without those that are exactly zero."""
    total = None
    for error in errors:
        if error is not None:
            total = error if total is None else total + error
    return total


def _times(factor: Any, error: Any) -> Any:
    """|factor|·error. Nothing times an infinite slope is nothing: the root of an exact zero."""
    return None if error is None else jnp.where(error == 0, 0, jnp.abs(factor) * error)


class _Sizes:
    """|v|, and where v is not zero, for values v that occur in many products: each once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Any] = {}
        self._kept: list[Any] = []  # so that no identity is given twice

    def size(self, value: Any) -> Any:
        return self._of("size", value, np.abs, jax.lax.abs)

    def is_nonzero(self, value: Any) -> Any:
        """Where it is not zero; True if that is everywhere."""

        def of_numbers(numbers: np.ndarray) -> Any:
            nonzero = numbers != 0
            return True if nonzero.all() else nonzero

        return self._of("nonzero", value, of_numbers, lambda v: jax.lax.ne(v, jnp.zeros_like(v)))

    def _of(
        self, what: str, value: Any, of_numbers: Callable[[Any], Any], of_traced: Callable[..., Any]
    ) -> Any:
        key = (what, id(value))
        if key not in self._known:
            self._kept.append(value)
            is_traced = isinstance(value, jax.core.Tracer)
            self._known[key] = of_traced(value) if is_traced else of_numbers(np.asarray(value))
        return self._known[key]


def _product(operands: Sequence[Pair], value: Any, sizes: _Sizes) -> Pair:
    """(|b| + e_b) e_a + |a| e_b and a rounding, or what is lost below the range of floats.

    Products are most of what a kernel computes: this is written so as to compile fast.
    """
    (a, e_a), (b, e_b) = operands
    farthest = sizes.size(b) if e_b is None else sizes.size(b) + e_b
    moved = [] if e_a is None else [e_a * farthest]
    moved += [] if e_b is None else [e_b * sizes.size(a)]
    if any(_is_scaling(factor) for factor in (a, b)):
        return value, _total(moved)
    size, tiny = sizes.size(value), np.asarray(jnp.finfo(value.dtype).tiny, value.dtype)
    lost = size < 2 * tiny
    for factor in (a, b):
        if (nonzero := sizes.is_nonzero(factor)) is not True:
            lost = lost & nonzero
    own = jax.lax.select(lost, jnp.full_like(size, tiny), _half_ulp_of_size(size))
    return value, _total([*moved, own])


def _is_scaling(factor: Any) -> bool:
    """A power of two that is no fraction, or 0: the product is exact."""
    if isinstance(factor, jax.core.Tracer):
        return False
    mantissa, exponent = np.frexp(np.asarray(factor))
    return bool(np.all((mantissa == 0) | ((np.abs(mantissa) == 0.5) & (exponent >= 1))))


def _stable(label: str, operands: list[Pair]) -> list[Pair]:
    ((u, error),) = operands
    value = stable_functions.BY_NAME[label](u)
    if (steepness := stable_functions.STEEPNESS[label]) is None:
        # On the host, as accurate as if the argument were rounded: near their zeros not more.
        return [_elementwise(stable_functions.BY_NAME[label], operands, 2 * ULPS, value, True)]
    slope = None if error is None else steepness(u, value, error)
    own = 2 * ULPS * _half_ulp(value) + _underflow(value, (u,))
    return [(value, _total([_times(slope, error), own]))]


def _computed(eqn: Any, operands: list[Pair], sizes: _Sizes) -> list[Pair]:
    name = eqn.primitive.name
    values, errors = [v for v, _ in operands], [e for _, e in operands]
    results = _bind(eqn, *values)
    first = results[0]
    if not all(_is_floating(r) for r in results):
        return [(r, None) for r in results]
    if name in MOVING:
        if all(e is None for e in errors):
            return [(r, None) for r in results]
        filled = [
            v if not _is_floating(v) else jnp.zeros_like(v) if e is None else e.astype(v.dtype)
            for v, e in operands
        ]
        return list(zip(results, _bind(eqn, *filled), strict=True))
    if len(results) > 1:  # no operation that is known here
        return [(r, jnp.full_like(r, jnp.inf)) for r in results]
    if name == "neg":
        return [(first, errors[0])]
    if name in ("add", "sub", "add_any"):
        # What is added to an exact zero stays what it is.
        return [(first, _total([*errors, _half_ulp_of_size(sizes.size(first))]))]
    if name == "mul":
        return [_product(operands, first, sizes)]
    if name == "reduce_sum":
        ((value, error),) = operands
        (size,) = _bind(eqn, jnp.abs(value))
        moved = None if error is None else _bind(eqn, error)[0]
        terms = value.size // max(1, first.size)
        return [(first, _total([moved, terms * _half_ulp(size)]))]
    if name == "dot_general":
        return [(first, _error_of_products(eqn, operands, first))]
    ulps = ULPS
    if name == "integer_pow":
        ulps = max(1.0, float(abs(eqn.params["y"])))
    elif name in EXACT:
        ulps = 0.0
    elif name in BASIC:
        ulps = 1.0
    if name == "polygamma":  # its order is a number that nothing moves
        operands = [(values[0], None), operands[1]]
    if name == "integer_pow" and errors[0] is not None:
        return [(first, _error_of_power(operands[0], eqn.params["y"], first))]
    is_rough = name not in EXACT | BASIC | ELEMENTARY
    value, error = _elementwise(lambda *v: _bind(eqn, *v)[0], operands, ulps, first, is_rough)
    if name in ("sin", "cos") and errors[0] is not None:  # which are flat where they are ±1
        error = _total([error, errors[0] ** 2 / 2])
    if name in ("exp", "exp2"):
        error = _total([error, _underflow(first, ())])
    elif name in ("div", "integer_pow", "pow"):
        error = _total([error, _underflow(first, values[:1])])
    if name in POLES or (name == "integer_pow" and eqn.params["y"] < 0):
        at, near = operands[POLES.get(name, 0)]
        if near is not None:
            error = jnp.where(near >= jnp.abs(at) / 4, jnp.inf, error)
    return [(value, error)]


def _error_of_power(operand: Pair, n: int, value: Any) -> Any:
    """|n| v^{n−1} e at the largest such v within e of |u|, and the rounding of uⁿ."""
    u, e = operand
    size = jnp.abs(u)
    own = max(1, abs(n)) * _half_ulp(value) + _underflow(value, (u,))
    if n > 0:
        return abs(n) * (size + e) ** (n - 1) * e + own
    error = abs(n) * (size - e) ** (n - 1) * e + own
    return jnp.where(e >= size / 4, jnp.inf, error)


def _error_of_products(eqn: Any, operands: list[Pair], result: Any) -> Any:
    (a, e_a), (b, e_b) = operands
    (size,) = _bind(eqn, jnp.abs(a), jnp.abs(b))
    (contracted, _), _ = eqn.params["dimension_numbers"]
    terms = int(np.prod([a.shape[axis] for axis in contracted]))
    moved = [
        None if e_a is None else _bind(eqn, e_a, jnp.abs(b))[0],
        None if e_b is None else _bind(eqn, jnp.abs(a), e_b)[0],
    ]
    # Products may be lost below the range of floats, all of them in a sum that is zero.
    tiny = jnp.asarray(jnp.finfo(result.dtype).tiny, result.dtype)
    (occurring,) = _bind(eqn, *((v != 0).astype(v.dtype) for v in (a, b)))
    return _total([*moved, (terms + 1) * _half_ulp(size), tiny * occurring])


def _bind(eqn: Any, *values: Any) -> list[Any]:
    """The results of an operation on other operands."""
    results = eqn.primitive.bind(*values, **eqn.params)
    return list(results) if eqn.primitive.multiple_results else [results]


def _is_floating(value: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.floating))


def _elementwise(
    f: Callable[..., Any], operands: Sequence[Pair], ulps: float, value: Any, is_rough: bool = False
) -> Pair:
    """Σ |∂f/∂u_i| e_i and the rounding of the value; if it is rough, that of the last u_i too."""
    values = [v for v, _ in operands]
    errors = [ulps * _half_ulp(value)] if ulps else []
    for i, (v, error) in enumerate(operands):
        if is_rough and _is_floating(v) and i == len(values) - 1:
            error = _total([error, ulps * _half_ulp(v)])
        if error is None or not _is_floating(v):
            continue
        if v.shape != value.shape:  # no elementwise operation, and none that is known
            return value, jnp.full_like(value, jnp.inf)
        _, moved = jax.jvp(
            lambda u, i=i: f(*values[:i], u, *values[i + 1 :]), (v,), (error.astype(v.dtype),)
        )
        errors.append(jnp.where(error == 0, 0, jnp.abs(moved)))
    return value, _total(errors)
