"""The flow of a vector field: θ(t) for θ̇ = f(θ), θ(0) given, by diffrax in float64.

Dopri8, an explicit method of order 8, with step sizes chosen for tolerances near the round-off of
float64, so that a comparison with the flow shows the error of the other side.
`orders.local_error` measures such comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from bea.errors import BeaError, InputError
from bea.flows.precision import double_precision

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
    solver: diffrax.AbstractSolver[Any] | None = None,
) -> Any:
    """The solution θ(time) of θ̇ = f(θ) that starts from θ(0) = theta.

    Args:
        field: θ ↦ dθ/dt in JAX, pytree to pytree of the same structure, in the dtype of θ.
        theta: where the flow starts; a pytree of arrays, which are taken to float64. A list of
            numbers is a vector.
        time: how long it runs; negative times run backwards.
        times: if given, the times from 0 to `time` at which the solution is wanted, in this order.
        rtol: the relative tolerance of the step size controller.
        atol: its absolute tolerance.
        max_steps: give up after so many steps, which a stiff field will reach.
        solver: another diffrax solver, such as `diffrax.Kvaerno5()` for stiff fields.

    Returns:
        θ(time) as float64 NumPy arrays in the structure of theta; with `times`, every array has
        one more axis in front, one entry for each time.

    Raises:
        InputError: theta, time, times or the field cannot be used.
        BeaError: the solution was not reached, because the field is stiff or runs to infinity.

    Source: Dormand and Prince's 8(5,3) pair, Hairer, Nørsett, Wanner, *Solving ODEs I*, II.10.

    Example:
        >>> flow(lambda x: -x, np.array([1.0]), 1.0)
        array([0.36787944])
    """
    with double_precision():
        start = checked_start(theta)
        _check_field(field, start)
        wanted = _checked_times(time, times)
        if time == 0 or len(wanted) == 0:
            values = jax.tree.map(lambda y: np.repeat(y[None], len(wanted), axis=0), start)
            return values if times is not None else start
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: field(y)),
            diffrax.Dopri8() if solver is None else solver,
            t0=0.0,
            t1=float(time),
            dt0=None,
            y0=jax.tree.map(jnp.asarray, start),
            saveat=diffrax.SaveAt(ts=jnp.asarray(wanted)),
            # Steps that end at the times wanted: between them, Dopri8 has lost three digits.
            stepsize_controller=diffrax.ClipStepSizeController(
                diffrax.PIDController(rtol=rtol, atol=atol), step_ts=jnp.asarray(np.unique(wanted))
            ),
            max_steps=max_steps,
            throw=False,
        )
        values = jax.tree.map(np.asarray, solution.ys)
        reached = bool(solution.result == diffrax.RESULTS.successful)
    if not reached or not all(np.isfinite(y).all() for y in jax.tree.leaves(values)):
        raise BeaError(
            f"the flow did not reach t = {time} in {max_steps} steps: the field is stiff (try "
            "solver=diffrax.Kvaerno5() or a larger max_steps) or runs to infinity before that"
        )
    return values if times is not None else jax.tree.map(lambda y: y[0], values)


def checked_start(theta: Any) -> Any:
    """Where a flow or a step starts: the pytree in float64, a list of numbers as a vector.

    Raises:
        InputError: there are no numbers in it, or others than real and finite ones.
    """
    if isinstance(theta, (list, tuple)) and all(np.isscalar(leaf) for leaf in theta):
        theta = np.array(theta)  # a point written as numbers is a vector, not a pytree of them
    leaves = jax.tree.leaves(theta)
    if any(np.iscomplexobj(leaf) for leaf in leaves):
        raise InputError("theta is complex: give its real and imaginary parts as two parameters")
    try:
        start = jax.tree.map(lambda leaf: np.array(leaf, dtype=np.float64), theta)
    except (TypeError, ValueError):
        raise InputError(f"theta is {theta!r}: give a pytree of arrays of numbers") from None
    if not sum(np.size(leaf) for leaf in leaves):
        raise InputError("theta is empty: give the numbers to start the flow from")
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(start)):
        raise InputError("theta is not finite: start the flow from numbers")
    return start


def _check_field(field: Field, start: Any) -> None:
    """Refuse a field whose values are not velocities of θ in float64."""
    try:
        velocity = jax.eval_shape(lambda y: field(y), start)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
        raise InputError(
            "the field cannot be traced by JAX: write it in jax.numpy, without NumPy's functions "
            "and without branching on the value of theta"
        ) from None
    found, expected = (str(jax.tree.structure(tree)) for tree in (velocity, start))
    if found != expected:
        raise InputError(f"the field returns {found} for {expected}: it must be that of theta")
    for v, y in zip(jax.tree.leaves(velocity), jax.tree.leaves(start), strict=True):
        if v.shape != y.shape:
            raise InputError(
                f"the field returns shape {v.shape} for {y.shape}: it must be that of theta"
            )
        if v.dtype != np.float64 and jnp.issubdtype(v.dtype, jnp.inexact):
            raise InputError(
                f"the field returns {v.dtype} for float64: let it compute in the dtype of theta"
            )


def _checked_times(time: float, times: Sequence[float] | None) -> np.ndarray:
    """The times at which the solution is wanted: `time`, unless others are."""
    time, wanted = float(time), np.array([time] if times is None else times, dtype=np.float64)
    if not np.isfinite(time) or not np.isfinite(wanted).all():
        raise InputError(f"the time {time if times is None else times} is not finite: give numbers")
    steps = np.diff(np.array([0, *wanted.ravel(), time]))
    if wanted.ndim != 1 or ((steps < 0).any() and (steps > 0).any()):
        raise InputError(
            f"times must be a sequence that runs from 0 to {time}, without turning back"
        )
    return wanted
