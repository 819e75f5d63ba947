"""The flow of a vector field: θ(t) for θ̇ = f(θ), θ(0) given, by diffrax in float64.

Dopri8, an explicit method of order 8, with step sizes chosen for tolerances near the round-off of
float64, so that what is left of a comparison with the flow is the other side's error. Measuring
such comparisons is `local_error`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from bea.errors import BeaError, InputError
from bea.numeric.precision import double_precision

Field = Callable[[Any], Any]


def flow(
    field: Field,
    theta: Any,
    time: float,
    *,
    times: Sequence[float] | None = None,
    rtol: float = 1e-12,
    atol: float = 1e-14,
    max_steps: int = 100_000,
    solver: diffrax.AbstractSolver | None = None,
) -> Any:
    """The solution θ(time) of θ̇ = f(θ) that starts from θ(0) = theta.

    Args:
        field: θ ↦ dθ/dt in JAX, pytree to pytree of the same structure.
        theta: where the flow starts; a pytree of arrays, which are taken to float64. A list of
            numbers is a vector.
        time: how long it runs; negative times run backwards.
        times: if given, the times between 0 and `time` at which the solution is wanted.
        rtol, atol: tolerances of the step size controller.
        max_steps: give up after so many steps, which a stiff field will reach.
        solver: another diffrax solver, such as `diffrax.Kvaerno5()` for stiff fields.

    Returns:
        θ(time) as float64 NumPy arrays in the structure of theta; with `times`, every array has
        one more axis in front, one entry for each time.

    Raises:
        InputError: theta or time is not finite.
        BeaError: the solution was not reached, because the field is stiff or runs to infinity.

    Source: Dormand and Prince's 8(5,3) pair, Hairer, Nørsett, Wanner, *Solving ODEs I*, II.10.

    Example:
        >>> flow(lambda x: -x, np.array([1.0]), 1.0)
        array([0.36787944])
    """
    with double_precision():
        if isinstance(theta, (list, tuple)) and all(np.isscalar(leaf) for leaf in theta):
            theta = np.array(theta)  # a point written as numbers is a vector, not a pytree of them
        start = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
        if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(start)):
            raise InputError("theta is not finite: start the flow from numbers")
        if not np.isfinite(time):
            raise InputError(f"the time {time} is not finite: give a number")
        if time == 0:
            shape = () if times is None else (len(times),)
            return jax.tree.map(lambda y: np.broadcast_to(y, (*shape, *y.shape)).copy(), start)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: field(y)),
            diffrax.Dopri8() if solver is None else solver,
            t0=0.0,
            t1=float(time),
            dt0=None,
            y0=start,
            saveat=diffrax.SaveAt(t1=True)
            if times is None
            else diffrax.SaveAt(ts=jnp.asarray(times, jnp.float64)),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
            max_steps=max_steps,
            throw=False,
        )
        values = jax.tree.map(np.asarray, solution.ys)
    reached = solution.result == diffrax.RESULTS.successful
    if not bool(reached) or not all(np.isfinite(y).all() for y in jax.tree.leaves(values)):
        raise BeaError(
            f"the flow did not reach t = {time} in {max_steps} steps: the field is stiff (try "
            "solver=diffrax.Kvaerno5() or a larger max_steps) or runs to infinity before that"
        )
    return values if times is not None else jax.tree.map(lambda y: y[0], values)
