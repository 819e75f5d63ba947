"""One step and the flows in float64: the kernels in JAX, the flows by diffrax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import sympy as sp

from bea.errors import BeaError
from bea.flows.precision import double_precision, unjitted
from bea.numeric.orders.corrections import SymbolicMap
from bea.numeric.orders.step_and_flow import StepAndFlow
from bea.symbolic.kernels.multiprecision import rational_of
from bea.symbolic.kernels.polynomials import PolynomialFields, jax_kernel
from bea.symbolic.ring.terms import Monomial

SUBSTEPS = 8
"""Steps of Dopri8 to one step of the method. At h = T/8, where T is the time scale of the field,
they leave (1/64)⁹ ≈ 10⁻¹⁶ of it."""


class Float64(StepAndFlow):
    """float64: the kernels in JAX, the flows by diffrax."""

    name = "float64"
    finer = " or precision='mpmath'"
    eps = float(np.finfo(np.float64).eps)

    def number(self, value: Any) -> float:
        """The nearest float64.

        Raises:
            BeaError: the value is out of its range.
        """
        result = float(value)
        if not np.isfinite(result) or (result == 0 and value != 0):
            raise BeaError(
                f"{mpmath.nstr(mpmath.mpmathify(value), 5)} is out of the range of float64: "
                "use precision='mpmath'"
            )
        return result

    def fields(self, theta: np.ndarray, p: int) -> np.ndarray:
        """The corrections by the JAX kernel."""
        with double_precision():
            return np.asarray(self._programs.fields(jnp.asarray(theta)))[: p + 1]

    def _flows(self, p: int, step_sizes: Sequence[float]) -> Sequence[np.ndarray]:
        with double_precision():
            included = jnp.arange(self._equation.order + 1) <= p
            flows = self._programs.flows(
                jnp.asarray(self._theta), included, jnp.asarray(step_sizes)
            )
            return list(map(np.asarray, flows))

    @cached_property
    def _programs(self) -> _Programs:
        fields = self._equation.polynomial_fields()
        coefficients = tuple(
            tuple(tuple(sorted(row.items())) for row in field) for field in fields.coefficients
        )
        constants = tuple(sorted(self._corrections.constants.items()))
        return _compiled(
            fields.params,
            fields.meanings,
            fields.monomials,
            coefficients=coefficients,
            constants=constants,
        )

    def _cancelled(self) -> Any:
        certified = self._corrections.certified(self._equation.order)
        if not certified.has_balls:
            return 0
        point = [rational_of(mpmath.mpf(float(t))) for t in self._theta]
        exact = np.array([list(map(float, f)) for f in certified.corrections(point, 60)])
        # At a removable singularity there is no ball, and so nothing to compare with.
        return np.where(np.isfinite(exact), abs(self.corrections - exact), 0.0)

    @cached_property
    def _map(self) -> SymbolicMap:
        return SymbolicMap.of(self._corrections, ["scipy", "numpy"])


@dataclass(frozen=True)
class _Programs:
    """What JAX compiles for the corrections f_0, …, f_P, whatever the point and the order.

    Attributes:
        fields: θ ↦ f_0(θ), …, f_P(θ).
        flows: θ, which corrections to include, step sizes ↦ the displacements θ̃(h) − θ.
    """

    fields: Callable[[jax.Array], jax.Array]
    flows: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


@lru_cache(maxsize=8)
def _compiled(
    params: tuple[sp.Symbol, ...],
    meanings: tuple[sp.Expr, ...],
    monomials: tuple[Monomial, ...],
    *,
    coefficients: tuple[tuple[tuple[tuple[int, Fraction], ...], ...], ...],
    constants: tuple[tuple[str, sp.Expr], ...],
) -> _Programs:
    """The programs for `PolynomialFields`, of which the arguments are the parts, to be hashed."""
    rows = tuple(tuple(map(dict, field)) for field in coefficients)
    kernel = jax_kernel(PolynomialFields(params, meanings, monomials, rows), dict(constants))

    def displacement(theta: jax.Array, included: jax.Array, h: jax.Array) -> jax.Array:
        weights = jnp.where(included, h ** jnp.arange(1, len(included) + 1), 0.0)

        def field(s: Any, delta: jax.Array, args: Any) -> jax.Array:  # dδ/ds = h f̃(θ + δ)
            return weights @ kernel(theta + delta)

        solution = unjitted(diffrax.diffeqsolve)(
            diffrax.ODETerm(field),
            diffrax.Dopri8(),
            t0=0.0,
            t1=1.0,
            dt0=1.0 / SUBSTEPS,
            y0=jnp.zeros_like(theta),
        )
        return solution.ys[0]

    return _Programs(jax.jit(kernel), jax.jit(jax.vmap(displacement, in_axes=(None, None, 0))))
