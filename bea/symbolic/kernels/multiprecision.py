"""The field in mpmath with all the digits of the working precision.

It is computed in balls (`certified_field`), with rising precision until the digits are right; they
are faster than mpmath, too. Functions without a ball leave only mpmath: there the polynomials are
evaluated at two precisions beyond the one that is wanted, and digits that differ are not known.
That is no proof, since terms may cancel to nothing at both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import mpmath
import sympy as sp
from flint import arb

from bea.errors import InputError
from bea.symbolic.coordinates.symbols import name_of
from bea.symbolic.kernels.certified_field import MANY, CertifiedField
from bea.symbolic.kernels.constants import constant_values
from bea.symbolic.kernels.polynomials import PolynomialFields, mpmath_kernel
from bea.whole_numbers import counted

GUARD = 32
"""Bits beyond those asked for in the first evaluation; the second has twice as many and more."""


def mpmath_field(
    fields: PolynomialFields, constants: Mapping[Any, Any] | None = None
) -> Callable[[Any, Any], Any]:
    """(θ, h) ↦ f_0 + h f_1 + … + h^p f_p in mpmath.

    Args:
        fields: the corrections.
        constants: values for the symbols that are no parameters; rationals stay exact.

    Returns:
        A function of m numbers or a dictionary of them by name, and h.
    """
    corrections = mpmath_kernel(fields, constants)
    names = [p.name for p in fields.params]
    has_terms = [any(field[i] for field in fields.coefficients) for i in range(len(names))]

    @cache
    def certified() -> CertifiedField:
        numbers = constant_values(fields.constants(), fields.meanings, constants)
        return CertifiedField(fields, numbers)

    def evaluated(theta: list[mpmath.mpf], h: mpmath.mpf, bits: int) -> list[mpmath.mpf] | None:
        with mpmath.workprec(bits):
            try:
                *lower, field = corrections(theta)
            except (ZeroDivisionError, ValueError, mpmath.libmp.NoConvergence):
                return None
            for f in reversed(lower):
                field = [a + h * b for a, b in zip(f, field, strict=True)]
            return [v if mpmath.isfinite(v) and not mpmath.im(v) else None for v in field]

    def without_balls(theta: list[mpmath.mpf], h: mpmath.mpf) -> list[mpmath.mpf]:
        bits = mpmath.mp.prec
        once = evaluated(theta, h, bits + GUARD)
        twice = evaluated(theta, h, 2 * bits + 4 * GUARD)
        if once is None or twice is None or None in once + twice:
            return [mpmath.nan] * len(names)
        # Terms that cancel to nothing do so at both precisions.
        return [
            +v if abs(u - v) <= mpmath.ldexp(abs(v), -bits) and (v != 0 or not has) else mpmath.nan
            for u, v, has in zip(once, twice, has_terms, strict=True)
        ]

    def at(theta: list[mpmath.mpf], h: mpmath.mpf) -> list[mpmath.mpf]:
        if not all(map(mpmath.isfinite, [*theta, h])):
            return [mpmath.nan] * len(names)
        if not certified().has_balls:
            return without_balls(theta, h)
        point, bits = [rational_of(t) for t in theta], mpmath.mp.prec
        return [
            mpf_of(value)
            for value in certified().balls(point, rational_of(h), bits=bits + 4, precisions=MANY)
        ]

    def kernel(theta: Any, h: Any) -> Any:
        keys = None
        if isinstance(theta, Mapping):
            keys = {name_of(key): key for key in theta}
            if set(keys) != set(names) or len(keys) != len(theta):
                raise InputError(
                    f"theta is a dictionary of {', '.join(map(str, theta)) or 'nothing'}: give one "
                    f"number for each of {', '.join(names)}"
                )
            theta = [theta[keys[name]] for name in names]
        if len(theta) != len(names):
            raise InputError(
                f"theta has {counted(len(theta), 'coordinate')}: "
                f"give one for each of {', '.join(names)}"
            )
        values = at([_number(t) for t in theta], _number(h))
        return values if keys is None else dict(zip(map(keys.get, names), values, strict=True))

    return kernel


def _number(value: Any) -> mpmath.mpf:
    number = mpmath.mpmathify(value)
    if isinstance(number, mpmath.mpc):
        raise InputError(f"{value} is complex: the field is one of real numbers")
    return number


def rational_of(number: mpmath.mpf) -> sp.Rational:
    """The number, exactly."""
    sign, mantissa, exponent, _ = number._mpf_
    value = sp.Integer(int(mantissa)) * sp.Integer(2) ** int(exponent)
    return -value if sign else value


def mpf_of(value: arb) -> mpmath.mpf:
    """The middle of a ball."""
    if not value.is_finite():
        return mpmath.nan
    mantissa, exponent = value.mid().man_exp()
    return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))
