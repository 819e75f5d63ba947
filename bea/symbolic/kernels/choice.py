"""Which kernel an equation gets: by trees on its input as it was written, or by polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp

from bea.errors import InputError
from bea.symbolic.coordinates.problem import Problem
from bea.symbolic.functions.rules import canonical
from bea.symbolic.kernels.as_written import MAX_ORDER_BY_TREES, kernel_as_written
from bea.symbolic.kernels.certified_field import CertifiedField
from bea.symbolic.kernels.checked_kernel import Field, checked_kernel
from bea.symbolic.kernels.constants import constant_values, double
from bea.symbolic.kernels.polynomials import PolynomialFields, jax_kernel
from bea.symbolic.ring.scalars import Scalar, expression_of_scalar
from bea.symbolic.trees.tree import Tree


class Derived(Protocol):
    """A modified equation, as far as its kernel asks."""

    params: tuple[sp.Symbol, ...]

    @property
    def problem(self) -> Problem:
        """What it was derived from."""
        ...

    def tree_factors(self, l: int) -> Mapping[Tree, Scalar] | None:
        """The b(τ)/σ(τ) of f_l; None if a step was given."""
        ...

    def polynomial_fields(self, order: int | None = None) -> PolynomialFields:
        """f_0, …, f_p as polynomials in the same functions."""
        ...


def kernel_of(
    equation: Derived, p: int, constants: Mapping[sp.Symbol, Any], *, is_checked: bool
) -> Callable[[Any, Any], Any]:
    """The kernel (θ, h) ↦ f + h f_1 + … + h^p f_p of an equation.

    Args:
        equation: the equation.
        p: its order.
        constants: values of its constants.
        is_checked: whether missing digits are looked for.

    Raises:
        InputError: a constant has no value, or a number is out of range.
    """
    factors = [equation.tree_factors(l) for l in range(p + 1)] if p <= MAX_ORDER_BY_TREES else []
    if factors and factors[0] is not None:
        field, numbers = as_written(equation, factors, constants)
    else:
        field, numbers = by_polynomials(equation.polynomial_fields(p), constants), frozenset()

    @cache
    def certified() -> CertifiedField:  # the corrections are derived where digits are missing
        fields = equation.polynomial_fields(p)
        return CertifiedField(
            fields, constant_values(fields.constants(), fields.meanings, constants)
        )

    names, extremes = tuple(s.name for s in equation.params), _extremes(numbers)
    kernel = checked_kernel(
        field,
        lambda *at: certified().values(*at),
        names=names,
        is_checked=is_checked,
        rounded=_rounded(numbers),
    )

    def in_range(theta: Any, h: Any) -> Any:
        dtype = getattr(theta, "dtype", None)
        is_floating = dtype is not None and jnp.issubdtype(dtype, jnp.floating)
        if is_floating:
            _check_range(extremes, dtype)
        return kernel(theta, h)

    in_range.__qualname__ = "kernel"  # what Python calls it where an argument is missing
    return in_range


def by_polynomials(fields: PolynomialFields, constants: Mapping[sp.Symbol, Any]) -> Field:
    """The field as polynomials in the functions that occur, without a bound."""
    corrections = jax_kernel(fields, constants)

    def field(theta: jax.Array, h: jax.Array) -> jax.Array:
        *lower, total = corrections(theta)
        for f in reversed(lower):  # Horner in h
            total = f + h * total
        return total

    return field


def as_written(
    equation: Derived,
    factors: Sequence[Mapping[Tree, Scalar] | None],
    constants: Mapping[sp.Symbol, Any],
) -> tuple[Field, frozenset[sp.Rational]]:
    """The field by trees on the input as it was written, without a bound; and its numbers."""
    problem, params = equation.problem, set(equation.params)
    loss, f = None, [canonical(e) for e in problem.field or ()]
    if problem.loss is not None:  # without its constant terms, which have no part in f
        terms = sp.Add.make_args(canonical(problem.loss))
        loss = sp.Add(*(term for term in terms if not term.free_symbols.isdisjoint(params)))
    written = f if loss is None else [loss]
    needed = set().union(*(e.free_symbols for e in written)) | {*problem.method.symbols}
    gradient = [sp.diff(loss, v) for v in equation.params] if loss is not None and constants else f
    numbers = constant_values(needed - params, gradient, constants)
    for s, number in numbers.items():
        double(s.name, number)  # refuses what is out of range
    loss, f = (None if loss is None else loss.xreplace(numbers)), [e.xreplace(numbers) for e in f]
    orders = [
        {tree: float(expression_of_scalar(c).subs(numbers)) for tree, c in weights.items()}
        for weights in factors
        if weights is not None
    ]
    written = f if loss is None else [loss]
    occurring = frozenset(abs(n) for e in written for n in e.atoms(sp.Rational) if n != 0)
    if any(n >= sp.Integer(2) ** 1023 for n in occurring):
        raise InputError(
            "a coefficient of f_0 exceeds the range of float64: rescale the loss or the parameters"
        )
    _check_range(_extremes(occurring), np.dtype(np.float64))
    return kernel_as_written(f, loss, params=equation.params, orders=orders), occurring


def _extremes(numbers: Iterable[sp.Rational]) -> tuple[float, float]:
    """The smallest and the largest of some positive numbers."""
    values = list(map(float, numbers)) or [1.0]
    return min(values), max(values)


def _check_range(extremes: tuple[float, float], dtype: Any) -> None:
    """Refuse numbers that a dtype cannot hold.

    Raises:
        InputError: the smallest or the largest is out of its range.
    """
    kind, remedy = jnp.finfo(dtype), "pass theta in float64"
    if kind.bits == 64:
        remedy = "rescale the loss or the parameters"
    if extremes[1] > float(kind.max):
        raise InputError(f"a coefficient exceeds the range of {dtype}: {remedy}")
    if extremes[0] < float(kind.tiny):
        raise InputError(f"a coefficient is below the range of {dtype}: {remedy}")


def _rounded(numbers: Iterable[sp.Rational]) -> set[float]:
    """The floats of both dtypes that stand for them and are not equal to them."""
    found = set()
    for n in numbers:
        for dtype in (np.float64, np.float32):
            with np.errstate(over="ignore", under="ignore"):
                number = float(dtype(float(n)))
            if math.isfinite(number) and sp.Rational(number) != n:
                found.add(number)
    return found
