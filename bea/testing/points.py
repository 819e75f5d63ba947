"""Points where nothing vanishes by accident.

At a round point such as (1, 0) a wrong term may be zero, and two wrong ones may cancel. These
points have no relation to one another nor to any formula; they are the same in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
import mpmath
import numpy as np

from bea.numeric.orders.plain_field import is_row_of_numbers
from bea.pytrees import PyTree

SEED = 20
RANGES = (
    (-1, 0.4, 1.6),  # of either sign
    (-1, 1.6, 6.0),
    (-1, 0.05, 0.4),
    *[(-1, 0.4, 1.6)] * 8,
    *[(1, 0.4, 1.6)] * 4,  # positive, for logarithms and roots
    *[(1, 1.2, 3.0)] * 4,
    *[(-1, 0.05, 0.4)] * 3,
    *[(1, 0.05, 0.4)] * 4,
)
"""The least sign, and from where to where in size: others are tried where a field is not finite."""
FAR = (3.0, 10.0, 100.0, 0.01)
DISTANCE = 0.1
"""Of a neighbour from a point, relative to its size."""


def generic_points(m: int) -> Iterator[np.ndarray]:
    """Points of m coordinates with all their digits in use, the most natural ones first.

    Args:
        m: the number of parameters.
    """
    random = np.random.default_rng([SEED, m])
    for sign, low, high in RANGES:
        signs = random.choice([sign, 1], size=m)
        yield signs * random.uniform(low, high, size=m)


def far_points(m: int) -> Iterator[np.ndarray]:
    """Points at other scales than `generic_points`, all signs: a mistake may be there only.

    Args:
        m: the number of parameters.
    """
    random = np.random.default_rng([SEED, m, 1])
    for size in FAR:
        for sign in (1, random.choice([-1, 1], size=m)):
            yield sign * size * random.uniform(1.0, 3.0, size=m)


def neighbour(theta: np.ndarray, number: int = 0) -> np.ndarray:
    """A generic point near another one, also where some of its coordinates are zero.

    Args:
        theta: the point, shape (m,).
        number: which of its neighbours.
    """
    random = np.random.default_rng([SEED, len(theta), number])
    theta = np.asarray(theta, dtype=float)
    size = float(np.abs(theta).max(initial=0.0)) or 1.0
    moves = random.uniform(0.3, 1.0, size=len(theta)) * random.choice([-1, 1], size=len(theta))
    return theta + DISTANCE * np.maximum(np.abs(theta), 0.1 * size) * moves


def neighbour_of_tree(theta: PyTree, number: int = 0) -> PyTree:
    """The same for a point that may be a pytree of arrays.

    Args:
        theta: the point.
        number: which of its neighbours.
    """
    if is_row_of_numbers(theta):
        return neighbour(np.array([float(mpmath.mpmathify(t)) for t in theta]), number)
    row, like_it = _in_a_row(theta)
    return like_it(neighbour(row, number))


def far_trees(theta: PyTree) -> Iterator[tuple[str, PyTree]]:
    """`far_points` in units of the largest entry of each leaf, and what to call them.

    Args:
        theta: a pytree of arrays, such as the parameters that a network starts from.
    """
    leaves = [np.asarray(leaf, dtype=float) for leaf in jax.tree.leaves(theta)]
    sizes = [float(np.abs(leaf).max(initial=0.0)) or 1.0 for leaf in leaves]
    units = np.repeat(sizes, [leaf.size for leaf in leaves])
    _, like_it = _in_a_row(theta)
    for point in far_points(len(units)):
        size = float(np.abs(point).max())
        yield f"random parameters up to {size:.2g} times as large", like_it(units * point)


def _in_a_row(theta: PyTree) -> tuple[np.ndarray, Callable[[np.ndarray], PyTree]]:
    """All entries of a pytree, and the way back."""
    leaves, structure = jax.tree.flatten(theta)
    row = np.concatenate([np.ravel(np.asarray(leaf, dtype=float)) for leaf in leaves])

    def like_it(row: np.ndarray) -> PyTree:
        entries = iter(row)
        parts = [[next(entries) for _ in range(np.size(leaf))] for leaf in leaves]
        return jax.tree.unflatten(
            structure,
            [np.reshape(p, np.shape(leaf)) for p, leaf in zip(parts, leaves, strict=True)],
        )

    return row, like_it
