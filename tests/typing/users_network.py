"""What a user writes about networks, in mypy's strict mode.

pyright's strict mode complains of JAX, Flax and optax here, whose types are partially unknown, and
of nothing of `bea`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import bea
from bea.models.losses import classifier, cross_entropy
from bea.models.mlp import MLP


def on_networks() -> float:
    model = MLP(width=4, depth=1)
    x, labels = jnp.ones((6, 3)), jnp.zeros(6, int)
    theta: Any = model.init(jax.random.key(0), x)["params"]
    loss = cross_entropy(model)

    def energy(theta: Any) -> jax.Array:
        return jnp.asarray(loss(theta, x, labels))

    modified = bea.modified_loss(energy, 0.1)
    regularized = bea.explicit_gradient_regularization(energy, 0.01)
    geometry: bea.GradientGeometry = bea.gradient_geometry(energy)(theta)
    optimizer = optax.chain(bea.add_explicit_gradient_regularization(0.01), optax.sgd(0.1))
    end = bea.flow(lambda t: jax.tree.map(jnp.negative, jax.grad(energy)(t)), theta, 0.1)
    data = (np.ones((8, 3), np.float32), np.arange(8) % 2)
    run: bea.TrainingRun = bea.train(
        classifier(model, image=(3,)),
        data,
        data,
        learning_rates=[0.1],
        epochs=1,
        batch_size=4,
        seeds=[0],
    )
    rows: Sequence[Mapping[str, str | float | None]] = run.rows()
    print(jax.grad(modified)(theta), regularized(theta), optimizer, end, rows[0])
    return float(geometry.slope)


if __name__ == "__main__":
    print(on_networks())
