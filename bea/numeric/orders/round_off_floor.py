"""The round-off floor of a local error: below it, a difference of step and flow means nothing.

The flow over the time h has the round-off of the corrections in it, h Σ_l h^l ε_l. A step has a
part that grows with h, and one that does not: its result is rounded to the digits of θ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SAMPLES = 8
"""Points that differ from θ in the last digit, for an estimate of the round-off."""


def round_off_of(
    function: Callable[[np.ndarray], np.ndarray],
    theta: np.ndarray,
    eps: Any,
    *,
    samples: int = SAMPLES,
) -> np.ndarray:
    """How far F(θ) moves when θ moves in its last digit: conditioning and round-off.

    Args:
        function: F, with values of any shape.
        theta: θ, shape (m,).
        eps: the last digit, relative to a number.
        samples: how many points near θ are tried.
    """
    signs = np.random.default_rng(0).choice([-1, 1], size=(samples, len(theta)))
    value = function(theta)
    moves = [abs(function(theta * (1 + eps * s)) - value) for s in signs]
    return np.max(moves, axis=0) + eps * abs(value)


def floor_of_flow(h: Any, of_corrections: np.ndarray) -> Any:
    """The round-off h Σ_l h^l ε_l of a flow, from the ε_l of its corrections.

    Args:
        h: the step size.
        of_corrections: ε_0, …, ε_p, numbers or arrays.
    """
    return h * (np.array([h**l for l in range(len(of_corrections))]) @ of_corrections)


def floor_of_step(share: float, least: Any, *, rounded: Any, grown: Any) -> Any:
    """The round-off of a step that was measured at a small and at the largest step size.

    Args:
        share: the step size relative to the largest.
        least: the last digit of θ, below which no step can be.
        rounded: the noise at a small step size, which is the rounding of the result.
        grown: the noise at the largest step size, which grows in proportion to h.
    """
    return np.maximum(np.maximum(least, rounded), grown * share)
