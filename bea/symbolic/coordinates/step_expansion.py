"""A one-step map as a power series in the step size, θ⁺ = θ + h d_1(θ) + h² d_2(θ) + ….

The expression of the map is read as an equation among power series in h (`power_series`). Their
coefficients live in the algebra of the functions of θ that the map consists of at h = 0. A map is
a step if it is smooth at h = 0 and the identity there; both are checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy import Expr

from bea.errors import InputError
from bea.symbolic.coordinates.carrier import (
    Algebra,
    Column,
    CoordinatesCarrier,
    algebra_for,
)
from bea.symbolic.coordinates.power_series import Reader, not_smooth
from bea.symbolic.functions import rules as functions
from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS
from bea.symbolic.ring.construction import NoRuleError
from bea.symbolic.ring.expression_algebra import ExpressionAlgebra
from bea.symbolic.ring.terms import Monomial
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra
from bea.symbolic.zero.decision import decide, is_zero


class StepExpansion:
    """The coefficients d_j = 1/j! · ∂^j Φ_h/∂h^j at h = 0 of a one-step map.

    Args:
        step: the components of Φ_h(θ).
        params: the coordinates θ.
        step_size: the symbol h.
        most_terms: refuse functions that are longer.

    Raises:
        InputError: Φ is not smooth at h = 0, or Φ_0 is not the identity.
        UndecidedError: that is not known.
    """

    def __init__(
        self,
        step: Sequence[Expr],
        params: Sequence[sp.Symbol],
        step_size: sp.Symbol,
        *,
        most_terms: int = MAX_DERIVED_TERMS,
    ) -> None:
        self._h = step_size
        canonical = [functions.canonical(component) for component in step]
        # The functions of θ that occur are known once the series have begun: then their algebra is.
        begun = Reader(step_size, _PlainExpressions())
        for component in canonical:
            series = begun.series(component)
            for k in range(min(series.lowest, 0), 2):
                series[k]
        make = algebra_for if begun.is_closed else ExpressionAlgebra
        try:
            self._read(canonical, make(params, [*params, *begun.functions], most_terms))
        except NoRuleError:  # log(uv) came back from the ring as another function, multiplied out
            self._read(canonical, UnexpandedAlgebra(params, most_terms))
        self._check_identity(params, step)

    def _read(self, components: Sequence[Expr], algebra: Algebra) -> None:
        """Begin the series with coefficients in this algebra."""
        self.carrier = CoordinatesCarrier(algebra)
        reader = Reader(self._h, algebra)
        self._components = [reader.series(component) for component in components]
        for series in self._components:  # the functions that occur do so from the start
            for k in range(min(series.lowest, 0), 2):
                series[k]

    def _check_identity(self, params: Sequence[sp.Symbol], step: Sequence[Expr]) -> None:
        algebra = self.carrier.algebra
        for i, (series, param) in enumerate(zip(self._components, params, strict=True)):
            for k in range(series.lowest, 0):
                if not algebra.is_zero(series[k]):
                    raise not_smooth(self._h, step[i])
            difference = algebra.normal(series[0] - algebra.element(param))
            if not algebra.is_zero(difference):
                reason = decide(algebra.expression(difference)).reason
                where = f" ({reason[9:]})" if reason.startswith("not zero at") else ""
                raise InputError(
                    f"component {i} of the step is {algebra.expression(series[0])} at "
                    f"{self._h} = 0, not {param}{where}: a one-step map starts from the identity"
                )

    def displacement(self, j: int) -> Column:
        """d_j, for j ≥ 1."""
        return Column([series[j] for series in self._components])


def limit_along(
    expr: Expr,
    variables: Sequence[sp.Symbol],
    *,
    point: Sequence[Expr],
    direction: Sequence[Expr],
) -> Expr:
    """The limit of an expression as t → 0 at the point + t·direction, exactly.

    Args:
        expr: the expression.
        variables: its variables.
        point: exact coordinates.
        direction: of the line.

    Raises:
        InputError: there is none along this line, or no power series in t.
        UndecidedError: it is not known whether a coefficient vanishes.

    Example:
        >>> x = sp.Symbol("x")
        >>> limit_along((1 - sp.cos(x)) / x**2, [x], point=[sp.Integer(0)], direction=[1])
        1/2
    """
    t = sp.Dummy("t")
    line = {v: c + t * d for v, c, d in zip(variables, point, direction, strict=True)}
    algebra = _PlainExpressions()
    series = Reader(t, algebra).series(functions.canonical(expr).xreplace(line))
    for k in range(series.lowest, 0):
        if not algebra.is_zero(series[k]):
            raise InputError(f"{expr} has a pole at {', '.join(map(str, point))}")
    return series[0]


class _PlainExpressions:
    """Expressions as they are: enough to find which functions of θ occur."""

    variables: tuple[sp.Symbol, ...] = ()
    zero = sp.Integer(0)

    def element(self, expr: Expr) -> Expr:
        return expr

    expression = normal = element

    def polynomials(
        self, elements: Sequence[Expr]
    ) -> tuple[Sequence[Expr], list[dict[Monomial, Any]]]:
        return elements, []

    def scale(self, c: Fraction, element: Expr) -> Expr:
        return sp.Rational(c.numerator, c.denominator) * element

    def partial(self, element: Expr, j: int) -> Expr:
        return sp.diff(element, self.variables[j])

    def product(self, a: Expr, b: Expr) -> Expr:
        return a * b

    def length(self, element: Expr) -> int:
        return 1

    def is_zero(self, element: Expr) -> bool:
        return is_zero(element, "whether a coefficient vanishes")
