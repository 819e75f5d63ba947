"""The two arithmetics in which a local error can be measured: float64 and multiprecision.

Each one evaluates the corrections at a point and forms, for a step size h, the difference between
the displacement of the method and that of the flow of order p; each one says below which size such
a difference is nothing but round-off. What is concluded from the differences is `local_error`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import diffrax
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import sympy as sp

from bea.errors import InputError
from bea.numeric import extrapolation
from bea.numeric.one_step import runge_kutta_displacement
from bea.numeric.precision import double_precision
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.kernels import constant_values, jax_kernel, mpmath_kernel

Step = Callable[[Any, Any], Any]
"""A user's own one-step map, (θ, h) ↦ θ⁺."""

SUBSTEPS = 8
"""Steps of Dopri8 to one step of the method. At h = T/8, where T is the time scale of the field,
they leave (1/64)⁹ ≈ 10⁻¹⁶ of it."""


class Arithmetic(Protocol):
    """What a measurement needs: all vectors are NumPy arrays of shape (m,), of its own numbers."""

    name: str
    tiny: Any
    """Below this, relative to what is natural, a correction counts as zero."""

    def number(self, value: Any) -> Any:
        """A number of this arithmetic."""
        ...

    def corrections(self) -> np.ndarray:
        """f_0(θ), …, f_P(θ), shape (P+1, m)."""
        ...

    def local_errors(self, p: int, step_sizes: Sequence[Any]) -> list[np.ndarray]:
        """θ_1 − θ̃(h) for the flow θ̃ of order p, one for each step size."""
        ...

    def floor(self, h: Any) -> Any:
        """The round-off in a local error over a step of size h."""
        ...


class DoublePrecision:
    """float64: the kernels in JAX, the flows by diffrax.

    Args:
        equation: the corrections up to the order P that is looked at.
        theta: the point, m numbers.
        constants: a number for every constant.
        step: a user's step; by default the method's own.
    """

    name = "float64"
    tiny = 1e-13

    def __init__(
        self,
        equation: ModifiedEquation,
        theta: Sequence[Any],
        constants: dict[str, Any],
        step: Step | None,
    ) -> None:
        self._equation, self._constants, self._step = equation, constants, step
        self._theta = np.array([float(t) for t in theta])
        self._fields = jax_kernel(equation.polynomial_fields(), constants)

    def number(self, value: Any) -> float:
        return float(value)

    def corrections(self) -> np.ndarray:
        return self._at(self._theta)

    def _at(self, theta: np.ndarray) -> np.ndarray:
        with double_precision():
            return np.asarray(self._evaluate(jnp.asarray(theta)))

    @cached_property
    def _evaluate(self) -> Callable[[Any], Any]:
        return jax.jit(self._fields)

    def local_errors(self, p: int, step_sizes: Sequence[float]) -> list[np.ndarray]:
        mask = np.arange(len(self.corrections())) <= p
        with double_precision():
            flows = np.asarray(self._displacements(jnp.asarray(mask), jnp.asarray(step_sizes)))
        return [self._step_displacement(h) - d for h, d in zip(step_sizes, flows, strict=True)]

    @cached_property
    def _displacements(self) -> Callable[[Any, Any], Any]:
        """Flows of every order and step size by one compiled program: the order is a mask."""
        theta = self._theta

        def displacement(mask: jax.Array, h: jax.Array) -> jax.Array:
            weights = jnp.where(mask, h ** jnp.arange(1, len(mask) + 1), 0.0)

            def field(s: Any, delta: jax.Array, args: Any) -> jax.Array:  # dδ/ds = h f̃(θ + δ)
                return weights @ self._fields(theta + delta)

            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(field),
                diffrax.Dopri8(),
                t0=0.0,
                t1=1.0,
                dt0=1.0 / SUBSTEPS,
                y0=jnp.zeros_like(theta),
            )
            return solution.ys[0]

        return jax.jit(jax.vmap(displacement, in_axes=(None, 0)))

    def _step_displacement(self, h: float) -> np.ndarray:
        if self._step is not None:
            after = np.asarray(self._step(self._theta.copy(), h))
            if after.dtype != np.float64:
                raise InputError(
                    f"the step returned {after.dtype}: orders need float64, so compute in float64 "
                    "inside the step (or verify with precision='mpmath')"
                )
            return after - self._theta
        if self._equation.method is None:
            return np.array([float(d) for d in self._map_displacement(self._theta, h)])
        return runge_kutta_displacement(
            lambda theta: self._at(theta)[0], self._theta, h, self._equation.method, float
        )

    @cached_property
    def _map_displacement(self) -> Callable[[Any, Any], Any]:
        return displacement_function(self._equation, self._constants, "numpy", float)

    def floor(self, h: float) -> float:
        eps = np.finfo(np.float64).eps
        own_step = eps * abs(self._theta).max() if self._step is not None else 0.0
        return 2 * h * self._noise + own_step

    @cached_property
    def _noise(self) -> float:
        """How much f moves when θ moves in its last digit: conditioning and round-off together."""
        eps = np.finfo(np.float64).eps
        signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(16, len(self._theta)))
        f = self._at(self._theta)[0]
        moved = [abs(self._at(self._theta * (1 + eps * s))[0] - f).max() for s in signs]
        return float(max(moved) + eps * abs(f).max())


class Multiprecision:
    """mpmath: as many digits as the order asks for, the flows by extrapolation.

    Args:
        equation, theta, constants, step: as for `DoublePrecision`.
        digits: the working precision.
    """

    name = "mpmath"

    def __init__(
        self,
        equation: ModifiedEquation,
        theta: Sequence[Any],
        constants: dict[str, Any],
        step: Step | None,
        digits: int,
    ) -> None:
        self._equation, self._constants, self._step = equation, constants, step
        self._digits = digits
        self.tiny = mpmath.mpf(10) ** (10 - digits)
        self._theta = np.array([self.number(t) for t in theta], dtype=object)
        self._fields = [
            mpmath_kernel(equation.polynomial_fields(p), constants)
            for p in range(equation.order + 1)
        ]

    def number(self, value: Any) -> mpmath.mpf:
        if isinstance(value, sp.Expr):
            return mpmath.mpf(sp.N(value, self._digits)._mpf_)
        return mpmath.mpmathify(value)

    def corrections(self) -> np.ndarray:
        return self._at(self._theta, self._equation.order)

    def _at(self, theta: np.ndarray, p: int) -> np.ndarray:
        return np.array(self._fields[p](list(theta)), dtype=object)

    def local_errors(self, p: int, step_sizes: Sequence[mpmath.mpf]) -> list[np.ndarray]:
        return [self._step_displacement(h) - self._flow(p, h) for h in step_sizes]

    def _flow(self, p: int, h: mpmath.mpf) -> np.ndarray:
        weights = np.array([h**l for l in range(p + 1)], dtype=object)
        return extrapolation.displacement(
            lambda theta: weights @ self._at(theta, p), self._theta, h, self._digits - 5
        )

    def _step_displacement(self, h: mpmath.mpf) -> np.ndarray:
        if self._step is not None:
            after = self._step(list(self._theta), h)
            return np.array([mpmath.mpmathify(t) for t in after], dtype=object) - self._theta
        if self._equation.method is None:
            return np.array(self._map_displacement(self._theta, h), dtype=object)
        return runge_kutta_displacement(
            lambda theta: self._at(theta, 0)[0], self._theta, h, self._equation.method, mpmath.mpf
        )

    @cached_property
    def _map_displacement(self) -> Callable[[Any, Any], Any]:
        return displacement_function(self._equation, self._constants, "mpmath", sp.sympify)

    def floor(self, h: mpmath.mpf) -> mpmath.mpf:
        return mpmath.mpf(10) ** (8 - self._digits) * h * abs(self.corrections()[0]).max()


def displacement_function(
    equation: ModifiedEquation, constants: dict[str, Any], module: str, number: Callable[[Any], Any]
) -> Callable[[Any, Any], Any]:
    """(θ, h) ↦ Φ_h(θ) − θ for a symbolic one-step map, with θ cancelled exactly."""
    problem = equation.problem
    difference = [
        sp.expand(e - p) for e, p in zip(problem.step or (), problem.params, strict=True)
    ]
    values = constant_values(equation.polynomial_fields(), constants, number)
    expressions = [e.subs(values) for e in difference]
    return sp.lambdify([problem.params, problem.step_size], expressions, modules=module, cse=True)


