"""Flows in multiprecision: extrapolation of the midpoint rule (Gragg, Bulirsch and Stoer).

One step over the whole interval, with 2, 4, 6, … substeps of the modified midpoint rule and the
Aitken–Neville table in their squares, until two neighbours in the table agree. It knows nothing
of the recursion whose results it is used to check, and needs a field's values only. The
intervals it is meant for are short against the time scale of the field, as those of a local error.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np

from bea.errors import BeaError

MAX_COLUMNS = 40
MAX_COLUMNS_BEYOND = 3
"""Columns for the digits of small components, once the vector has its digits."""

Field = Callable[[np.ndarray], np.ndarray]


def displacement(field: Field, theta: np.ndarray, time: mpmath.mpf, *, digits: int) -> np.ndarray:
    """The displacement θ(time) − θ(0) for θ̇ = f(θ), θ(0) = theta.

    Args:
        field: f on object arrays of mpmath numbers, shape (m,).
        theta: the starting point.
        time: the length of the interval.
        digits: how many digits of the displacement are wanted; the working precision must exceed
            it by five for the short intervals of a local error, and by more for longer ones.

    Raises:
        BeaError: the table does not converge, because the interval is too long for the field.

    Source: Hairer, Nørsett, Wanner, *Solving Ordinary Differential Equations I*, II.9.

    Example:
        >>> with mpmath.workdps(40):
        ...     one, time = np.array([mpmath.mpf(1)]), mpmath.mpf("0.1")
        ...     moved = displacement(lambda x: x, one, time, digits=30)
        ...     print(mpmath.nstr(moved[0], 30))  # e^0.1 − 1
        0.10517091807564762481170782649
    """
    row: list[np.ndarray] = []
    agreed = 0
    for j in range(1, MAX_COLUMNS + 1):
        previous, row = row, [_modified_midpoint(field, theta, time, n=2 * j, digits=digits)]
        for k in range(1, j):  # T_{j,k+1} = T_{j,k} + (T_{j,k} − T_{j−1,k}) / ((n_j/n_{j−k})² − 1)
            ratio = (mpmath.mpf(j) / (j - k)) ** 2 - 1
            row.append(row[-1] + (row[-1] - previous[k - 1]) / ratio)
        if j == 1:
            continue
        change, size = abs(row[-1] - row[-2]), abs(row[-1])
        agreed += bool(change.max() <= mpmath.mpf(10) ** -digits * size.max())
        # Small components are to have their digits too, as far as the arithmetic goes.
        if agreed > MAX_COLUMNS_BEYOND or (
            agreed and all(change <= size * mpmath.mpf(10) ** -digits)
        ):
            return row[-1]
    raise _too_long(time)


def _modified_midpoint(
    field: Field, theta: np.ndarray, time: mpmath.mpf, *, n: int, digits: int
) -> np.ndarray:
    """Gragg's rule with n substeps, as a displacement; its error has even powers of time/n only."""
    step = time / n  # to the right of arrays: to its right, mpmath would look at them as a whole
    before, now = 0 * theta, field(theta) * step
    most = mpmath.mpf(10) ** digits * (abs(theta).max() + abs(now * n).max())
    for _ in range(n - 1):
        before, now = now, before + field(theta + now) * (2 * step)
        if not abs(now).max() <= most:  # sin or exp of what comes next could take for ever
            raise _too_long(time)
    return (before + now + field(theta + now) * step) / 2


def _too_long(time: mpmath.mpf) -> BeaError:
    return BeaError(
        f"the flow does not converge over a time of {mpmath.nstr(time, 5)}: use smaller step sizes"
    )
