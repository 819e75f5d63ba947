"""A network under noise on its parameters: θ_p = θ(1 + η), η ~ N(0, σ²) for every parameter.

Figures 3a and 3b of Barrett and Dherin (2020), arXiv:2009.11162, show how the slope |∇E| and the
test accuracy change with σ.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bea.classifier import Classifier
from bea.errors import InputError
from bea.numeric.training.evaluation import Sets, Variables, measured
from bea.numeric.training.sharding import memory_for
from bea.pytrees import PyTree


class NoiseRobustness(NamedTuple):
    """Slope |∇E| and test accuracy of a perturbed network, arrays (σ, draws)."""

    slope: np.ndarray
    test_accuracy: np.ndarray


def perturbed(theta: PyTree, key: jax.Array, sigma: Any) -> PyTree:
    """θ(1 + η) with η ~ N(0, σ²), drawn for every parameter by itself.

    Args:
        theta: θ, a pytree of floating-point arrays.
        key: a key of `jax.random`, an array.
        sigma: σ, a number; it may be traced.

    Returns:
        A pytree like θ.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, section 7, figure 3.

    Example:
        >>> x, y = perturbed(jnp.array([1.0, 0.0]), jax.random.key(0), 0.5)
        >>> print(f"{x:.3f} {y:.3f}")
        1.502 0.000
    """
    leaves, structure = jax.tree.flatten(theta)
    keys = jax.random.split(key, len(leaves))
    noisy = [
        leaf * (1 + sigma * jax.random.normal(k, leaf.shape, leaf.dtype))
        for k, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, noisy)


def noise_robustness(
    classifier: Classifier,
    theta: PyTree,
    state: PyTree,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    sigmas: Sequence[float],
    draws: int,
    key: jax.Array,
    draws_at_once: int = 10,
    measured_batch: int = 1000,
) -> NoiseRobustness:
    """The slope and the test accuracy of a network at θ(1 + η), η ~ N(0, σ²), for many draws of η.

    Args:
        classifier: the network.
        theta: θ, a pytree of arrays, such as `TrainingRun.best_theta` at a seed and a learning
            rate.
        state: the state beside it, a pytree of arrays.
        train: the inputs and labels over which E and ∇E are taken, arrays.
        test: the inputs and labels of the test accuracy, arrays.
        sigmas: σ, each 0 or more.
        draws: of η for every σ; the same ones, scaled, for all of them.
        key: a key of `jax.random`, an array.
        draws_at_once: how many are computed together; fewer need less memory.
        measured_batch: how many examples are taken at once.

    Returns:
        The slope |∇E| and the test accuracy, float32 arrays (σ, draws).

    Raises:
        InputError: a σ is negative or no number, there are no draws, or too little memory.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, section 7, figures 3a and 3b.

    Example:
        >>> from bea.models.losses import classifier
        >>> from bea.models.mlp import MLP
        >>> network = classifier(MLP(width=8, depth=1), image=(4,))
        >>> theta, state = network.init(jax.random.key(0))
        >>> data = np.ones((6, 4), np.float32), np.arange(6)
        >>> found = noise_robustness(network, theta, state, data, data, sigmas=[0, 1], draws=5,
        ...                          key=jax.random.key(1))
        >>> found.slope.shape
        (2, 5)
    """
    for sigma in sigmas:
        if not sigma >= 0:
            raise InputError(f"σ = {sigma!r}: give standard deviations of 0 or more")
    if draws < 1:
        raise InputError(f"draws = {draws}: give 1 or more")

    shape = (len(sigmas), draws)
    with memory_for(
        f"{draws_at_once} draws at once",
        f"lower draws_at_once, or measured_batch (now {measured_batch:,})",
    ):
        found = _measured_under_noise(
            classifier, Variables(theta, state), np.asarray(sigmas, np.float32),
            key=key, sets=Sets(train, test),
            draws=draws, at_once=draws_at_once, chunk=measured_batch,
        )  # fmt: skip
        squared_slope, correct = map(np.asarray, found)
        return NoiseRobustness(
            np.sqrt(squared_slope).reshape(shape),
            (correct / len(test[0])).astype(np.float32).reshape(shape),
        )


@partial(jax.jit, static_argnames=("classifier", "draws", "at_once", "chunk"))
def _measured_under_noise(
    classifier: Classifier,
    variables: Variables,
    sigmas: jax.Array,
    *,
    key: jax.Array,
    sets: Sets,
    draws: int,
    at_once: int,
    chunk: int,
) -> tuple[jax.Array, jax.Array]:
    """|∇E|² and the number of test examples classified right, for every σ and draw in a row.

    What else is measured is not returned, so that the compiler leaves it out.
    """

    def one(case: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        sigma, draw = case
        theta = perturbed(variables.theta, jax.random.fold_in(key, draw), sigma)
        moved = variables._replace(theta=theta)
        found = measured(classifier, moved, sets, chunk=chunk)
        return found.squared_slope, found.test_correct

    cases = (jnp.repeat(sigmas, draws), jnp.tile(jnp.arange(draws), len(sigmas)))
    found: tuple[jax.Array, jax.Array] = jax.lax.map(one, cases, batch_size=at_once)
    return found
