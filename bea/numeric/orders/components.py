"""The local error of one component, or of one leaf of a pytree, judged on its own scale.

The norm of the whole vector hides a slow coordinate behind a fast one. So each component i must
meet

    (θ_1 − θ̃(h))_i / h^{p+2}  →  f_{p+1,i}(θ_0)        as h → 0

by itself, above a floor that is its own round-off. The differences come from a `step_and_flow`; the
whole vector is judged by `measurement`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import jax
import mpmath
import numpy as np

from bea.numeric.orders.fits import divided, fitted_limit, norm

Outcome = Literal["confirmed", "refuted", "unsettled", "not tested"]

SAFETY = 50
"""How many times the round-off floor an error must be to count: 2 % of noise in it at most."""
MIN_SIZES = 4
"""Step sizes for a fit."""
CLEAR = 1e4
"""A leading term of so many times the round-off could not be overlooked."""
OFF = 1e-2
"""A limit that is off by less, relative to what was measured, refutes nothing."""
CLOSE = 5
"""Nor does one that is off by less than so many times what round-off may do."""
FITTED = 1e-2
"""The errors must be met by the fit so well, or it says nothing."""
HIDING = 10
"""Errors of so many times the leading term are those of the next one: they do not show it."""
TOO_SLOW, ONE_SLOPE, BEYOND = 0.6, 0.2, 0.5


@dataclass(frozen=True)
class ComponentReport:
    """The local error of one component of θ.

    Attributes:
        name: the parameter, or the path to the leaf.
        outcome: "confirmed"; "refuted"; "unsettled" where the fit does not describe the errors;
            "not tested" where they are below the component's own round-off, or hidden.
        why: what was seen, as a piece of a sentence.
        expected: |f_{p+1,i}(θ_0)|.
        found: the limit that was measured, its length; None where there is none.
        speed: |f_i(θ_0)|.
        errors: |(θ_1 − θ̃(h))_i| at the step sizes of the whole report.
        floors: the round-off in them.
    """

    name: str
    outcome: Outcome
    why: str
    expected: float
    found: float | None
    speed: float
    errors: tuple[float, ...]
    floors: tuple[float, ...]

    @property
    def rests(self) -> bool:
        """Is it not moved, by the step and by the flow?"""
        return not self.speed and not self.expected and not any(self.errors)


def leaves_of(theta: Any) -> list[tuple[str, slice]]:
    """The leaves of a pytree, by their paths, and where they are in the row of all parameters.

    Args:
        theta: a pytree of arrays; an array alone has its entries for components.
    """
    leaves = jax.tree_util.tree_leaves_with_path(theta)
    if len(leaves) == 1 and not leaves[0][0]:
        return [(f"theta[{i}]", slice(i, i + 1)) for i in range(np.size(leaves[0][1]))]
    ends = np.cumsum([np.size(leaf) for _, leaf in leaves])
    return [
        (f"the leaf {jax.tree_util.keystr(path)}", slice(int(end) - np.size(leaf), int(end)))
        for (path, leaf), end in zip(leaves, ends, strict=True)
        if np.size(leaf)
    ]


def judged(
    name: str,
    differences: Sequence[np.ndarray],
    floors: Sequence[Any],
    *,
    step_sizes: Sequence[mpmath.mpf],
    p: int,
    limit: np.ndarray,
    speed: Any,
) -> ComponentReport:
    """Judge one component.

    Args:
        name: what a message calls it.
        differences: (θ_1 − θ̃(h))_i, arrays of the entries of the component.
        floors: the round-off in them.
        step_sizes: h.
        p: the order of the flow.
        limit: f_{p+1,i}, with the sign that it has in the difference.
        speed: |f_i|.
    """
    n, h = p + 2, step_sizes
    errors, constant = [norm(d) for d in differences], norm(limit)
    clear = [k for k, e in enumerate(errors) if e > SAFETY * floors[k]]

    def report(outcome: Outcome, why: str, found: Any = None) -> ComponentReport:
        return ComponentReport(
            name, outcome, why, float(constant), None if found is None else float(found),
            float(speed), tuple(map(float, errors)), tuple(map(float, floors)),
        )  # fmt: skip

    if len(clear) < MIN_SIZES:
        missed = sum(
            k not in clear and constant * h[k] ** n > CLEAR * floors[k] for k in range(len(h))
        )
        if missed >= MIN_SIZES:
            return report("refuted", f"has no error where |f_{p + 1}|·h^{n} is clear of round-off")
        if constant == 0 and speed:
            return report("confirmed", "has no error, as it should")
        return report("not tested", "has errors below its round-off")
    smaller = sorted(clear, key=lambda k: h[k])[: max(MIN_SIZES, len(clear) // 2 + 1)]
    slopes = [
        float(mpmath.log(errors[k] / errors[l]) / mpmath.log(h[k] / h[l]))
        for k, l in pairwise(smaller)
        if h[k] != h[l]
    ]
    slope, has_one = sum(slopes) / len(slopes), max(slopes) - min(slopes) < ONE_SLOPE
    if has_one and slope < n - TOO_SLOW:
        return report("refuted", f"has an error of order {slope:.3f}, not {n}")
    if constant == 0:  # an error of higher order, whichever; a fit would ask which
        if slope > n + BEYOND:
            return report("confirmed", "")
        why = f"has an error of order {slope:.3f}, where f_{p + 1} = 0"
        return report("refuted" if has_one else "unsettled", why)
    # What the fit must meet, in a unit of its own: the scaled errors at the smaller step sizes.
    unit = max([constant, *(errors[k] / h[k] ** n for k in smaller)])
    largest = max(h[k] for k in clear)
    x = np.array([float(h[k] / largest) for k in clear])
    scaled = np.array([divided(differences[k], h[k] ** n * unit) for k in clear])
    noise = np.array([float(floors[k] / (unit * h[k] ** n)) for k in clear])
    found, uncertainty, residual = fitted_limit(x, scaled, noise)
    few = np.argsort(x)[: max(MIN_SIZES, 2 * len(x) // 3)]
    if len(few) < len(x):  # what the larger step sizes do to the limit is not known to be right
        closer, _, _ = fitted_limit(x[few] / x[few].max(), scaled[few], noise[few])
        uncertainty += float(np.linalg.norm(found - closer))
    length = float(np.linalg.norm(found)) * unit
    off = float(np.linalg.norm(found - divided(limit, unit)))
    if residual > FITTED:
        return report("unsettled", "has errors that the fit does not describe", length)
    if off > OFF + CLOSE * uncertainty:
        said = f"{mpmath.nstr(length, 4)}, not {mpmath.nstr(constant, 4)}"
        if abs(length - constant) < OFF * constant:
            said = "a limit of the right size, in another direction"
        return report("refuted", f"has error/h^{n} → {said}", length)
    if unit > HIDING * constant:
        return report("not tested", f"has f_{p + 1} hidden behind the next term", length)
    if uncertainty > OFF:
        return report("not tested", "has errors too near to its round-off", length)
    return report("confirmed", "", length)
