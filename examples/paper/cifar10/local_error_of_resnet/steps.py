"""A step of descent, its local error, and what of it f_1 explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

import bea
from examples.paper.curvature import largest_eigenvalue
from examples.paper.results import Row
from examples.paper.shares import explained, known, norm

Field = Callable[[jax.Array], jax.Array]
Rule = Callable[[Field, jax.Array, jax.Array, float], jax.Array]

SHIFTS = (2, 3, 4, 6)  # K, the iterates of the log-shift estimates
SETTLED = 0.1  # what two estimates of one thing differ by at most, of the finer one
TOLERANCE = 0.02  # of the local error, to which the flow is integrated where that can be done
LANCZOS_STEPS = 10


@dataclass(frozen=True)
class Place:
    """A point θ ∈ ℝ^m, and what is the same there for every step size.

    Attributes:
        theta: θ.
        loss: E.
        slope: f = −∇E.
        correction: f_1 = −½H∇E.
        curvature: λ_max of H.
    """

    theta: jax.Array
    loss: float
    slope: jax.Array
    correction: jax.Array
    curvature: float


class Descent:
    """Steps θ + h f(θ), f = −∇E, on a loss E of θ ∈ ℝ^m, a vector in float64.

    Two functions are compiled, ∇E and H·v, and called from here: inside a compiled loop
    convolutions are many times slower on a CPU.

    Args:
        loss: E.
        kinked: whether E has kinks.
        substeps: of the Runge–Kutta rule in a step at most; the midpoint rule, at half the cost,
            has twice as many.
    """

    def __init__(self, loss: Callable[[jax.Array], jax.Array], kinked: bool, substeps: int) -> None:
        gradient = jax.grad(loss)
        self._value_and_gradient = jax.jit(jax.value_and_grad(loss))
        self.hessian_product = jax.jit(lambda theta, v: jax.jvp(gradient, (theta,), (v,))[1])
        self.rule: Rule = midpoint if kinked else runge_kutta
        self.substeps = 2 * substeps if kinked else substeps
        self.coarsest = max(self.substeps // 2, 1) if kinked else 1

    def field(self, theta: jax.Array) -> jax.Array:
        """f(θ)."""
        return -self._value_and_gradient(theta)[1]

    def place(self, theta: jax.Array) -> Place:
        """What is needed at θ for steps of every size."""
        E, gradient = self._value_and_gradient(theta)
        product = partial(self.hessian_product, theta)
        curvature = largest_eigenvalue(product, gradient, LANCZOS_STEPS)
        return Place(theta, float(E), -gradient, -product(gradient) / 2, curvature)

    def flow(self, at: Place, h: float) -> tuple[jax.Array, float, int]:
        """θ(h), |the error| and the substeps of θ̇ = f from a place."""
        after, n = at.theta + h * at.slope, self.coarsest
        end = self._integrated(at, h, n)
        while True:
            n, before, end = 2 * n, end, self._integrated(at, h, 2 * n)
            error = norm(end - before)
            if error <= TOLERANCE * norm(after - end) or 2 * n > self.substeps:
                return end, error, n

    def _integrated(self, at: Place, h: float, n: int) -> jax.Array:
        """θ(h) in n equal substeps."""
        theta = self.rule(self.field, at.theta, at.slope, h / n)
        for _ in range(n - 1):
            theta = self.rule(self.field, theta, self.field(theta), h / n)
        return theta

    def log_shift(self, at: Place, h: float) -> dict[int, jax.Array]:
        """d_K = Σ_{0<k<K} (−1)^k/(k+1) Δ^k f for all K, from the same iterates."""
        theta, slopes = at.theta, [at.slope]
        while len(slopes) < max(SHIFTS):
            theta = theta + h * slopes[-1]
            slopes.append(self.field(theta))

        def estimate(K: int) -> jax.Array:
            along = iter(slopes)
            return bea.log_shift_estimate(lambda theta: next(along), at.theta, h, steps=K)

        return {K: estimate(K) - at.slope for K in SHIFTS}


def midpoint(field: Field, theta: jax.Array, slope: jax.Array, h: float) -> jax.Array:
    """A step of the midpoint rule, slope = f(θ)."""
    return theta + h * field(theta + h / 2 * slope)


def runge_kutta(field: Field, theta: jax.Array, slope: jax.Array, h: float) -> jax.Array:
    """A step of the classical rule of order 4, slope = f(θ)."""
    second = field(theta + h / 2 * slope)
    third = field(theta + h / 2 * second)
    fourth = field(theta + h * third)
    return theta + h / 6 * (slope + 2 * second + 2 * third + fourth)


def compare(descent: Descent, at: Place, h: float) -> Row:
    """What a step of size h leaves to be explained, and how much of it f_1 explains."""
    end, error, substeps = descent.flow(at, h)
    local_error = at.theta + h * at.slope - end
    predicted = h * at.correction
    departures = descent.log_shift(at, h)
    fine, coarse = departures[6], departures[4]
    back = descent.field(at.theta - h / 2 * at.slope) - at.slope
    row: dict[str, str | float | None] = {
        "loss": at.loss,
        "gradient_norm": norm(at.slope),
        "curvature": at.curvature,
        "step_times_curvature": h * at.curvature,
        "local_error": norm(local_error),
        "relative_local_error": norm(local_error) / (h * norm(at.slope)),
        **shares("", local_error, h * predicted),
        "integration_error": error,
        "substeps": substeps,
        "flow_settled": yes(error < SETTLED * norm(local_error)),
        "log_shift_settled": yes(norm(fine - coarse) < SETTLED * norm(fine)),
        "log_shift_change": norm(fine - coarse) / norm(fine),
    }
    named = {f"log_shift_{K}": departure for K, departure in departures.items()}
    for name, departure in {**named, "half_back": back}.items():
        row[f"departure_{name}"] = norm(departure) / norm(at.slope)
        row |= shares(f"_{name}", departure, predicted)
    return {name: known(value) for name, value in row.items()}


def shares(name: str, measured: jax.Array, predicted: jax.Array) -> dict[str, float]:
    """How much of a vector a prediction explains, their angle, and the ratio of their lengths."""
    lengths = norm(measured), norm(predicted)
    cosine = float(measured @ predicted) / (lengths[0] * lengths[1]) if all(lengths) else np.nan
    return {
        f"explained{name}": explained(norm(measured - predicted), lengths[0]),
        f"cosine{name}": cosine,
        f"length_ratio{name}": lengths[1] / lengths[0] if lengths[0] else np.nan,
    }


def yes(holds: bool) -> str:
    return "yes" if holds else "no"
