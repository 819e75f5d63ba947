"""Fits to local errors at several step sizes: the exponent, and the limit at h = 0.

    log e = log C + q log h + c_1 h + c_2 h²,        e/h^{p+2} = f_{p+1} + c_1 h + c_2 h² + c_3 h³

The caller scales numbers that no float holds; `measurement` and `components` conclude.
"""

from __future__ import annotations

import mpmath
import numpy as np

LARGE = 1e100


def fitted_order(x: np.ndarray, log_error: np.ndarray) -> float:
    """The q in log error = log C + q log h + c_1 h + c_2 h² by least squares; x is h, scaled."""
    powers = [np.ones(len(x)), np.log(x), x, x**2]
    design = np.stack(powers[: min(4, len(x) - 1)], axis=1)
    return float(np.linalg.lstsq(design, log_error, rcond=None)[0][1])


def fitted_limit(
    x: np.ndarray, values: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """The value at h = 0 of a cubic through the scaled errors.

    Each error has the weight that it is worth, by its noise and by the terms beyond the cubic.

    Args:
        x: h, scaled to 1 at most.
        values: the errors over h^{p+2}, one row for each.
        noise: the round-off in each.

    Returns:
        The limit; what round-off may do to it; by how much the smaller half of the values
        miss the cubic, beyond their noise.
    """
    degree = min(3, len(x) - 1)
    weight = 1 / (noise + 1e-3 * x ** (degree + 1))
    design = np.stack([x**k for k in range(degree + 1)], axis=1)
    solve = np.linalg.pinv(weight[:, None] * design) * weight
    coefficients = solve @ values
    missed = np.linalg.norm(design @ coefficients - values, axis=-1) - 2 * noise
    smaller = np.argsort(x)[: max(2, len(x) // 2)]
    return (
        coefficients[0],
        float(abs(solve[0]) @ noise),
        max(0.0, float(missed[smaller].max())),
    )


def norm(vector: np.ndarray) -> mpmath.mpf:
    """The Euclidean norm, of a vector whose squares may be out of the range of floats."""
    if vector.dtype != np.float64:
        return mpmath.norm(list(vector))
    largest = np.abs(vector).max(initial=0.0)  # taken out, so that no square leaves the range
    return mpmath.mpf(largest) * np.linalg.norm(vector / largest) if largest else mpmath.mpf(0)


def divided(vector: np.ndarray, size: mpmath.mpf) -> np.ndarray:
    """The vector over a number that may be out of the range of floats, in floats."""
    if vector.dtype == np.float64:
        largest = np.abs(vector).max()
        if largest == 0:
            return vector
        vector, size = vector / largest, size / mpmath.mpf(largest)
        return vector * float(min(1 / size, LARGE))
    # A wrong order makes them as large as you like, and no float holds them.
    return np.clip(np.array(vector / size, dtype=float), -LARGE, LARGE)


def is_finite(values: np.ndarray) -> bool:
    """Are they all real and finite numbers, of either kind?"""
    if values.dtype == np.float64:
        return bool(np.isfinite(values).all())
    return all(not isinstance(x, mpmath.mpc) and mpmath.isfinite(x) for x in values.flat)
