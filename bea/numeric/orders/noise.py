"""The computational noise of a function: the scatter of its values that is neither slope nor bend.

Differences of high order along a short line remove the smooth part and leave the round-off, in
whatever arithmetic the function was computed. So a step that computes in float32 is detected,
although it takes and returns float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

POINTS = 12
DIFFERENCE = 6
"""The order k of the differences. At the spacing below they leave 10⁻³⁶ of what is smooth."""
SPACING = 1e-6
"""Relative to θ: ten times the last digit of float32, so that its rounding is seen to jump."""


def line_of_points(theta: np.ndarray) -> list[np.ndarray]:
    """Equally spaced points on a short line from θ.

    Args:
        theta: θ, shape (m,), in float64 or mpmath numbers.

    Example:
        >>> len(line_of_points(np.array([1.0, 2.0])))
        12
    """
    signs = np.random.default_rng(0).choice([-1, 1], size=len(theta))
    size = max(abs(theta).max(), np.finfo(float).tiny)
    # Each on its own scale, for a small component may be steep; what is zero has none.
    spacing = SPACING * signs * np.where(theta != 0, abs(theta), size / 1000)
    return [theta + i * spacing for i in range(POINTS)]


def computational_noise(values: Sequence[Any]) -> float:
    """The standard deviation σ of the noise in values at equally spaced points.

        σ² = (k!)²/(2k)! · mean |Δ^k F|²

    for the differences Δ^k of order k, here 6. White noise of variance σ² gives Δ^k the variance
    σ² (2k)!/(k!)².

    Args:
        values: F at the points of `line_of_points`, arrays of shape (m,), in float64 or mpmath
            numbers.

    Returns:
        σ in the Euclidean norm.

    Source: Moré and Wild, Estimating computational noise, SIAM J. Sci. Comput. 33 (2011),
        doi:10.1137/100786125.

    Example:
        >>> points = line_of_points(np.array([0.7]))
        >>> computational_noise([np.sin(x) for x in points]) < 1e-15
        True
        >>> computational_noise([np.sin(np.float32(x)) for x in points]) > 1e-9
        True
    """
    return float(np.linalg.norm(noise_of_each(values)))


def noise_of_each(values: Sequence[Any]) -> np.ndarray:
    """The same for every component, shape (m,).

    Args:
        values: F at the points of `line_of_points`, arrays of shape (m,).
    """
    signed = [(-1) ** j * comb(DIFFERENCE, j) for j in range(DIFFERENCE + 1)]
    differences = [
        np.array(sum(c * values[i + j] for j, c in enumerate(signed)), dtype=float)
        for i in range(len(values) - DIFFERENCE)
    ]
    return np.sqrt(np.mean(np.square(differences), axis=0) / comb(2 * DIFFERENCE, DIFFERENCE))


def relative_noise(noise: float, moved: float, start: float) -> float:
    """The noise of a step in proportion to what it computes: σ / (|θ_1 − θ_0| + |θ_0|/50).

    Args:
        noise: σ.
        moved: |θ_1 − θ_0|.
        start: |θ_0|, whose last digits the step rounds off in any arithmetic.
    """
    size = moved + start / 50
    return noise / size if size else noise
