"""The input of a measurement, checked: the order, the point, the constants, the step sizes.

Numbers are returned exact, as SymPy numbers, so that a float means the same in float64 and in
multiprecision. Every error is one line that names the culprit and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import sympy as sp

from bea.errors import InputError
from bea.symbolic.coordinates.symbols import name_of
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.parsing.text import parse_number
from bea.symbolic.series import Series
from bea.whole_numbers import counted


def order(equation: ModifiedEquation | Series, order: int | None) -> int:
    """The order p, by default that of the equation or series."""
    return equation.order if order is None else equation.extended(order).order


def point(equation: ModifiedEquation, at: Any) -> list[sp.Expr]:
    """The coordinates of a point, one for each parameter."""
    if isinstance(at, Mapping):
        at = _in_order(at, [p.name for p in equation.params])
    values = _listed(at, "the point")
    if len(values) != len(equation.params):
        names = ", ".join(p.name for p in equation.params)
        raise InputError(
            f"the point has {counted(len(values), 'coordinate')} for "
            f"{counted(len(equation.params), 'parameter')} ({names}): give one for each"
        )
    return [_exact(v, p.name) for v, p in zip(values, equation.params, strict=True)]


def constants(equation: ModifiedEquation, values: Mapping[Any, Any]) -> dict[str, sp.Expr]:
    """The values of the constants, by name."""
    numbers = {
        getattr(key, "name", key): _exact(value, f"the constant {key}")
        for key, value in values.items()
    }
    equation.problem.subs(numbers)  # refuses unknown names, and values that divide by zero
    missing = {c.name for c in equation.constants} - set(numbers)
    if missing and equation.problem.step is not None:
        raise InputError(f"no value for the constant {min(missing)}: pass it in constants=")
    return numbers


def step_sizes(values: Any, least: int) -> list[sp.Expr]:
    """The step sizes: positive, and so many different ones at least."""
    sizes = [_exact(h, "a step size") for h in _listed(values, "step_sizes")]
    for h in sizes:
        if not h > 0:
            raise InputError(f"the step size {h} is not positive: a local error needs h > 0")
    if len(set(sizes)) < least:
        raise InputError(
            f"{counted(len(set(sizes)), 'different step size')} "
            f"{'was' if len(set(sizes)) == 1 else 'were'} given: an order needs at least {least}"
        )
    return sizes


def _in_order(at: Mapping[Any, Any], names: list[str]) -> list[Any]:
    """The coordinates of {x: 1, y: 2} in the order of the parameters."""
    given = {name_of(key): value for key, value in at.items()}
    if set(given) != set(names) or len(given) != len(at):
        raise InputError(
            f"the point is a dictionary of {', '.join(map(str, at)) or 'nothing'}: give one number "
            f"for each of {', '.join(names)}"
        )
    return [given[name] for name in names]


def _listed(values: Any, name: str) -> list[Any]:
    if isinstance(values, sp.MatrixBase):
        return list(values.flat())
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        raise InputError(f"{name} is {values!r}: give a sequence of numbers")
    return list(values)


def _exact(value: Any, name: str) -> sp.Expr:
    """A number as it was given: a rational stays one, a float is the rational that it is."""
    dtype = getattr(value, "dtype", np.dtype(float))
    if jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 64:
        raise InputError(
            f"{name} is {dtype}, whose round-off hides every order above 2: give it in float64 "
            "(np.asarray(theta, dtype=np.float64)) or as a number"
        )
    if isinstance(value, str):
        value = parse_number(value)
    try:
        number = sp.sympify(value.item() if hasattr(value, "item") else value, strict=True)
    except (sp.SympifyError, ValueError):
        number = None
    if number in (sp.nan, sp.oo, -sp.oo, sp.zoo):
        raise InputError(f"{name} is {value}: give a finite number")
    if not isinstance(number, sp.Expr) or not sp.N(number).is_Number:
        raise InputError(f"{name} = {value!r} is not a real number")
    return sp.Rational(number) if number.is_Float else number
