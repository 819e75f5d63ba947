"""How far a step may move the norm of the parameters: Proposition B.4, watched along a trajectory.

A step of gradient descent is as long as h·slope, and the triangle inequality leaves the norm no
more than that:

    | |θ_{n+1}| − |θ_n| | ≤ h·slope(θ_n)                                     (A.20)

The bound is certain for θ_{n+1} = θ_n − h∇E(θ_n). Weight decay, momentum, another learning rate or
the gradient of another batch break it: a violation shows that another program runs than was meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from bea import pytrees
from bea.pytrees import PyTree


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["steps", "violations", "first_violation", "worst_step", "worst_ratio"],
    meta_fields=[],
)
@dataclass(frozen=True)
class ParameterNormMonitor:
    """Counts the steps that break | |θ_{n+1}| − |θ_n| | ≤ h·slope(θ_n), beyond round-off.

    It is a pytree, carried along a trajectory by jitted loops and `jax.lax.scan` as well as by
    Python's: `monitor = monitor.after(theta, theta_next, slope, h)`. Printed, it is a report.

    Attributes:
        steps: how many were watched.
        violations: how many of them broke the bound.
        first_violation: the index of the first that did, counted from 0; −1 if none.
        worst_step: the index of the step with the largest ratio; −1 before the first step.
        worst_ratio: the largest ratio of the change of the norm, less its round-off, to its bound;
            at most 1 in gradient descent, near 1 where θ and ∇E are parallel; ∞ for a step to NaN.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, Proposition B.4, equation (A.20).

    Example:
        >>> monitor, theta = ParameterNormMonitor.start(), jnp.array([3.0, 4.0])
        >>> for _ in range(3):  # E = |θ|²/2, so that ∇E = θ
        ...     after = theta - 0.5 * theta
        ...     monitor = monitor.after(theta, after, slope=jnp.linalg.norm(theta), h=0.5)
        ...     theta = after
        >>> print(monitor)
        norm bound (A.20): 3 steps, none beyond h·slope; the closest used 100 % of it, at step 0
        >>> print(monitor.after(theta, theta, slope=1.0, h=0.1).after(theta, 0 * theta, 1.0, 0.1))
        norm bound (A.20): 5 steps, 1 beyond h·slope, first at step 4; the worst, step 4, changed
        the norm by 6.25 times the bound
    """

    steps: jax.Array
    violations: jax.Array
    first_violation: jax.Array
    worst_step: jax.Array
    worst_ratio: jax.Array

    @classmethod
    def start(cls) -> ParameterNormMonitor:
        """The monitor before the first step."""
        none = jnp.asarray(-1, jnp.int32)
        zero = jnp.zeros((), jnp.int32)
        return cls(zero, zero, none, none, jnp.zeros((), jnp.float32))

    def after(self, theta: PyTree, theta_next: PyTree, slope: Any, h: Any) -> ParameterNormMonitor:
        """The monitor after one step more.

        Args:
            theta: θ_n, a pytree of floating-point arrays.
            theta_next: θ_{n+1}, a pytree of the same structure and shapes.
            slope: |∇E(θ_n)|, a number: that of the loss whose gradient the step took;
                `bea.gradient_geometry` has it from the same evaluation.
            h: the learning rate of this step, a number.
        """
        change, round_off, eps = _change_of_norm(theta, theta_next)
        bound = jnp.abs(h) * jnp.asarray(slope, change.dtype)
        beyond = ~(change - round_off <= bound * (1 + 8 * eps))
        ratio = jnp.where(change > round_off, (change - round_off) / bound, 0)
        # A violation without a ratio is one by NaN, and there is none worse.
        ratio = jnp.where(beyond & ~(ratio > 1), jnp.inf, ratio).astype(self.worst_ratio.dtype)
        worse = (ratio > self.worst_ratio) | (self.worst_step < 0)
        return ParameterNormMonitor(
            steps=self.steps + 1,
            violations=self.violations + beyond,
            first_violation=jnp.where(
                beyond & (self.first_violation < 0), self.steps, self.first_violation
            ),
            worst_step=jnp.where(worse, self.steps, self.worst_step),
            worst_ratio=jnp.where(worse, ratio, self.worst_ratio),
        )

    def __str__(self) -> str:
        text = f"norm bound (A.20): {self.steps} steps, "
        if not self.steps:
            return text + "nothing watched yet"
        if not self.violations:
            return text + (
                f"none beyond h·slope; the closest used {100 * float(self.worst_ratio):.3g} % of "
                f"it, at step {self.worst_step}"
            )
        return text + (
            f"{self.violations} beyond h·slope, first at step {self.first_violation}; the worst, "
            f"step {self.worst_step}, changed the norm by {float(self.worst_ratio):.3g} times the "
            "bound"
        )


def _change_of_norm(theta: PyTree, theta_next: PyTree) -> tuple[jax.Array, jax.Array, Any]:
    """| |θ'| − |θ| |, the round-off of a step in it, and the precision of θ.

    As ⟨θ' − θ, θ' + θ⟩/(|θ'| + |θ|), in which the digits that the two norms share do not cancel.
    """
    step = jax.tree.map(jnp.subtract, theta_next, theta)
    norms = jnp.sqrt(pytrees.inner(theta, theta)) + jnp.sqrt(pytrees.inner(theta_next, theta_next))
    product = pytrees.inner(step, pytrees.added(theta_next, theta))
    change = jnp.abs(product) / jnp.where(norms > 0, norms, 1)
    # θ' is rounded in each of its entries when it is stored, by half of eps at most.
    eps = jnp.finfo(jnp.result_type(jax.tree.leaves(theta)[0])).eps
    return change, eps * norms / 2, eps
