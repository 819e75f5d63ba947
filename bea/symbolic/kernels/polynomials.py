"""Corrections as polynomials in the same few functions of θ, evaluated in JAX and in mpmath.

Each function is evaluated once, then each monomial, and one matrix of coefficients is multiplied by
them; what XLA sees stays small however high the order is, but terms may cancel. It is the way for
steps and for orders beyond 3; up to there Runge–Kutta methods go by `as_written`. In both,
`checked_kernel` makes sure that missing digits are not hidden.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import sympy as sp
from sympy import Expr
from sympy.core.function import AppliedUndef
from sympy.printing.codeprinter import PrintMethodNotImplementedError

from bea.errors import InputError
from bea.symbolic.kernels.constants import Number, constant_values, double
from bea.symbolic.ring.terms import Monomial
from bea.whole_numbers import counted

if TYPE_CHECKING:
    import jax

MAX_DENOMINATOR_BITS = 256
"""Bits: a longer common denominator would make the numerators long, and their products slow."""


@dataclass(frozen=True)
class PolynomialFields:
    """Fields f_0, …, f_p with Σ_k c_k μ_k for components, over one list of monomials μ_k.

    Attributes:
        params: the coordinates θ, m of them.
        meanings: the functions that the monomials are products of.
        monomials: the exponents of each μ_k.
        coefficients: coefficients[l][i][k] is the c_k of component i of f_l; zeros are left out.
    """

    params: tuple[sp.Symbol, ...]
    meanings: tuple[Expr, ...]
    monomials: tuple[Monomial, ...]
    coefficients: tuple[tuple[Mapping[int, Fraction], ...], ...]

    @classmethod
    def collect(
        cls,
        params: Sequence[sp.Symbol],
        meanings: Sequence[Expr],
        fields: Sequence[Sequence[Mapping[Monomial, Any]]],
    ) -> PolynomialFields:
        """Bring polynomials with the same generators over one list of monomials."""
        occurring = sorted({m for field in fields for component in field for m in component})
        used = [i for i in range(len(meanings)) if any(m[i] for m in occurring)]
        position = {m: k for k, m in enumerate(occurring)}
        return cls(
            params=tuple(params),
            meanings=tuple(meanings[i] for i in used),
            monomials=tuple(tuple(m[i] for i in used) for m in occurring),
            coefficients=tuple(
                tuple(
                    {
                        position[m]: Fraction(int(c.numerator), int(c.denominator))
                        for m, c in component.items()
                    }
                    for component in field
                )
                for field in fields
            ),
        )

    def constants(self) -> set[sp.Symbol]:
        """The symbols that are no parameters and need a value."""
        return set().union(*(e.free_symbols for e in self.meanings)) - set(self.params)

    def coefficient_array(self) -> np.ndarray:
        """The coefficients as float64, shape (p+1, m, monomials), each correctly rounded."""
        array = np.zeros((len(self.coefficients), len(self.params), len(self.monomials)))
        for l, field in enumerate(self.coefficients):
            for i, component in enumerate(field):
                for k, c in component.items():
                    try:
                        array[l, i, k] = c.numerator / c.denominator
                    except OverflowError:
                        raise InputError(
                            f"a coefficient of f_{l} exceeds the range of float64: "
                            "rescale the loss or the parameters"
                        ) from None
        return array


def jax_kernel(
    fields: PolynomialFields, constants: Mapping[Any, Number] | None = None
) -> Callable[[jax.Array], jax.Array]:
    """θ ↦ (f_0(θ), …, f_p(θ)) in JAX.

    Args:
        fields: the fields.
        constants: values for the symbols that are no parameters.

    Returns:
        A function of θ, shape (…, m), floating point, with values of shape (p+1, …, m) and the
        dtype of θ. It may be jitted, vmapped and differentiated in either mode.

    Raises:
        InputError: a constant has no value, or JAX lacks a function that occurs.
    """
    import jax.numpy as jnp

    from bea.symbolic.kernels.expressions import evaluate

    values = {
        s: double(s.name, v)
        for s, v in constant_values(fields.constants(), fields.meanings, constants).items()
    }
    table = fields.coefficient_array()
    exponents = np.array(fields.monomials, dtype=int).reshape(
        len(fields.monomials), len(fields.meanings)
    )
    dimension, largest = len(fields.params), abs(table).max(initial=0.0)

    def kernel(theta: jax.Array) -> jax.Array:
        theta = jnp.asarray(theta)
        if jnp.issubdtype(theta.dtype, jnp.complexfloating):
            raise InputError("theta is complex: the field is one of real numbers")
        if not jnp.issubdtype(theta.dtype, jnp.floating):
            theta = theta.astype(jnp.result_type(float))
        if theta.shape[-1:] != (dimension,):
            names = ", ".join(p.name for p in fields.params)
            raise InputError(
                f"theta has shape {theta.shape}, but its last axis must hold the {dimension} "
                f"parameter{'s' * (dimension != 1)} {names}"
            )
        if largest > jnp.finfo(theta.dtype).max:
            raise InputError(
                f"a coefficient exceeds the range of {theta.dtype}: pass theta in float64"
            )
        coefficients = table.astype(theta.dtype)
        point = dict(values) | {p: theta[..., i] for i, p in enumerate(fields.params)}
        monomials = jnp.ones((len(exponents), *theta.shape[:-1]), theta.dtype)
        for function, degrees in zip(evaluate(fields.meanings, point), exponents.T, strict=True):
            y = jnp.broadcast_to(jnp.asarray(function, theta.dtype), theta.shape[:-1])
            monomials = monomials * jnp.stack(_powers(y, int(degrees.max())))[degrees]
        # TensorFloat-32 would cost half the digits of a float32 product.
        result = jnp.tensordot(coefficients, monomials, axes=1, precision="highest")
        return jnp.moveaxis(result, 1, -1)

    return kernel


def _powers(y: Any, highest: int) -> list[Any]:
    """1, y, y², …, each with the fewest multiplications in a row."""
    powers = [y * 0 + 1, y]
    for e in range(2, highest + 1):
        powers.append(powers[e // 2] * powers[e - e // 2])
    return powers[: highest + 1]


def mpmath_kernel(
    fields: PolynomialFields, constants: Mapping[Any, Number] | None = None
) -> Callable[[Sequence[mpmath.mpf]], list[list[mpmath.mpf]]]:
    """θ ↦ [f_0(θ), …, f_p(θ)] in mpmath, at whatever precision is in force when it is called.

    Args:
        fields: the fields.
        constants: values for the symbols that are no parameters; rationals stay exact.

    Returns:
        A function from m numbers to p+1 lists of m numbers.
    """
    values = constant_values(fields.constants(), fields.meanings, constants)
    meanings = [m.subs(values) for m in fields.meanings]
    try:
        # Dummies: a parameter may have the name of a function, such as gamma.
        functions = sp.lambdify([fields.params], meanings, "mpmath", cse=True, dummify=True)
    except PrintMethodNotImplementedError as error:
        unknown = next(iter(sp.Tuple(*meanings).atoms(AppliedUndef)), "a function of the input")
        raise InputError(
            f"{unknown} has no values: put an expression in its place to compute with numbers"
        ) from error
    highest = [max((m[i] for m in fields.monomials), default=0) for i in range(len(meanings))]
    rows = [[_by_denominator(row) for row in field] for field in fields.coefficients]

    def kernel(theta: Sequence[mpmath.mpf]) -> list[list[mpmath.mpf]]:
        if len(theta) != len(fields.params):
            names = ", ".join(p.name for p in fields.params)
            raise InputError(
                f"theta has {counted(len(theta), 'coordinate')}: give one for each of {names}"
            )
        powers = [
            _powers(mpmath.mpmathify(y), d)
            for y, d in zip(functions([mpmath.mpmathify(t) for t in theta]), highest, strict=True)
        ]
        monomials = [
            mpmath.fprod([p[e] for p, e in zip(powers, m, strict=True) if e])
            for m in fields.monomials
        ]
        return [
            [
                mpmath.fsum(mpmath.fdot([(n, monomials[k]) for k, n in ns]) / d for d, ns in row)
                for row in field
            ]
            for field in rows
        ]

    return kernel


def _by_denominator(row: Mapping[int, Fraction]) -> list[tuple[int, list[tuple[int, int]]]]:
    """A sum of monomials with few divisions: pairs of a denominator and what it divides.

    Args:
        row: the coefficients by the number of the monomial.

    Returns:
        For each denominator the numbers of the monomials with their numerators. It is a common
        denominator of all, unless that is long.
    """
    common = math.lcm(*(c.denominator for c in row.values()))
    short = common.bit_length() <= MAX_DENOMINATOR_BITS
    groups: dict[int, list[tuple[int, int]]] = {}
    for k, c in row.items():
        d = common if short else c.denominator
        groups.setdefault(d, []).append((k, c.numerator * (d // c.denominator)))
    return list(groups.items())
