"""What training needs from a network that classifies: its start, its loss, its evaluation.

A plain type, so that networks (`bea.models`) and training (`bea.numeric`) need not know each other:
`bea.models.losses.classifier` makes one of a Flax module, `bea.train` trains it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax

from bea.pytrees import PyTree

Loss = Callable[[PyTree, PyTree, jax.Array, jax.Array], tuple[jax.Array, tuple[jax.Array, PyTree]]]


@dataclass(frozen=True)
class Classifier:
    """A network that classifies, as functions of its parameters θ and its state.

    The state is what a network carries along beside θ, without derivatives: the running averages of
    batch normalization. Of a network that has none it is an empty pytree.

    Attributes:
        init: key ↦ (θ_0, state), a random start.
        loss: (θ, state, x, labels) ↦ (E, (outputs, state)), the mean loss of a batch in training
            mode, the outputs (n, classes) and the new state.
        evaluate: (θ, state, x, labels) ↦ (E, outputs), the same for a network in use, where the
            outputs for one input do not depend on the others.
        measured_loss: as `loss`, in the precision in which E and ∇E are to be measured; by default
            `loss` itself.

    Source: the terms are those of Barrett and Dherin (2020), arXiv:2009.11162, section 7.

    Example:
        >>> from bea.models.losses import classifier
        >>> from bea.models.mlp import MLP
        >>> network = classifier(MLP(width=8), image=(28, 28))
        >>> theta, state = network.init(jax.random.key(0))
        >>> state
        {}
    """

    init: Callable[[jax.Array], tuple[PyTree, PyTree]]
    loss: Loss
    evaluate: Callable[[PyTree, PyTree, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
    measured_loss: Loss | None = None
