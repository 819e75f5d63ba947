"""Networks on random images, and what is computed on them: gradients, modified fields, steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

import bea
from bea.models.losses import batch_cross_entropy, cross_entropy
from bea.models.mlp import MLP
from bea.models.resnet import ResNet, resnet18
from bea.numeric.regularization.explicit import (
    add_explicit_gradient_regularization,
    explicit_gradient_regularization,
)
from bea.numeric.regularization.geometry import gradient_geometry

H = 0.1
"""The learning rate; times do not depend on it."""

GRADIENT, STEP, STEP_WITH_EGR = "gradient", "SGD step", "SGD step with EGR"


@dataclass(frozen=True)
class Problem:
    """A network with a loss, parameters to start from and a batch.

    Attributes:
        network: its name.
        loss: (θ, *data) ↦ (E, auxiliary).
        theta: θ.
        data: what else the loss gets; images and labels are the last two.
    """

    network: str
    loss: Callable[..., tuple[jax.Array, Any]]
    theta: Any
    data: tuple[Any, ...]

    @property
    def batch(self) -> int:
        return len(self.data[-1])

    def bare_loss(self, theta: Any, *data: Any) -> jax.Array:
        """E without the rest."""
        return self.loss(theta, *data)[0]


def random_batch(batch: int, *shape: int) -> tuple[jax.Array, jax.Array]:
    images, labels = jax.random.split(jax.random.key(1))
    return jax.random.normal(images, (batch, *shape)), jax.random.randint(labels, (batch,), 0, 10)


def mlp_problem(batch: int = 256, pixels: int = 784, width: int = 400, depth: int = 4) -> Problem:
    model = MLP(width=width, depth=depth, activation=jnp.tanh)
    x, labels = random_batch(batch, pixels)
    theta = jax.jit(model.init)(jax.random.key(0), x[:1])["params"]
    loss = cross_entropy(model)
    return Problem("mlp", lambda theta, *data: (loss(theta, *data), None), theta, (x, labels))


def resnet_problem(batch: int, model: ResNet | None = None) -> Problem:
    model = model or resnet18(activation=nn.gelu)
    x, labels = random_batch(batch, 32, 32, 3)
    variables = jax.jit(model.init)(jax.random.key(0), x[:1])
    data = (variables["batch_stats"], x, labels)
    return Problem("resnet18", batch_cross_entropy(model), variables["params"], data)


def problem_of(network: str, batch: int | None) -> Problem:
    """A network on a batch of this size, or of its usual size on this device."""
    if network == "mlp":
        return mlp_problem(batch or 256)
    return resnet_problem(batch or (32 if jax.default_backend() == "cpu" else 512))


# --- what is measured: functions of θ, h and the data -----------------------------------------


def gradient(problem: Problem) -> Callable[..., Any]:
    def value_and_gradient(theta: Any, h: Any, *data: Any) -> Any:
        return jax.value_and_grad(problem.loss, has_aux=True)(theta, *data)

    return value_and_gradient


def modified_field(problem: Problem, order: int) -> Callable[..., Any]:
    series = bea.modified_series("euler", order=order)

    def field(theta: Any, h: Any, *data: Any) -> Any:
        return series.to_jax(descent(problem, *data), order=order)(theta, h)

    return field


def descent(problem: Problem, *data: Any) -> Callable[[Any], Any]:
    """θ ↦ −∇E."""
    return lambda theta: jax.tree.map(jnp.negative, jax.grad(problem.bare_loss)(theta, *data))


def regularized(problem: Problem) -> Callable[..., Any]:
    def value_and_gradient(theta: Any, h: Any, *data: Any) -> Any:
        loss = explicit_gradient_regularization(problem.loss, h / 4, has_aux=True)
        return jax.value_and_grad(loss, has_aux=True)(theta, *data)

    return value_and_gradient


def implicit_regularizer(problem: Problem) -> Callable[..., Any]:
    def with_gradient(theta: Any, h: Any, *data: Any) -> Any:
        found = gradient_geometry(problem.loss, has_aux=True)(theta, *data)
        return found.loss, found.aux, found.gradient, found.implicit_gradient_regularizer

    return with_gradient


def log_shift(problem: Problem) -> Callable[..., Any]:
    def estimate(theta: Any, h: Any, *data: Any) -> Any:
        return bea.log_shift_estimate(descent(problem, *data), theta, h, steps=4)

    return estimate


def sgd_step(problem: Problem, with_egr: bool = False) -> Callable[..., Any]:
    """A step of gradient descent in optax, alone or behind the link with regularization."""

    def step(theta: Any, h: Any, *data: Any) -> Any:
        links = [add_explicit_gradient_regularization(h / 4)] if with_egr else []
        optimizer = optax.with_extra_args_support(optax.chain(*links, optax.sgd(h)))
        value, slope = jax.value_and_grad(problem.loss, has_aux=True)(theta, *data)
        updates, state = optimizer.update(
            slope,
            optimizer.init(theta),
            theta,
            value_fn=lambda theta: problem.bare_loss(theta, *data),
        )
        return value, optax.apply_updates(theta, updates), state

    return step


def quantities(problem: Problem) -> dict[str, Callable[..., Any]]:
    return {
        GRADIENT: gradient(problem),
        **{f"f_{p}": modified_field(problem, p) for p in (1, 2, 3)},
        "EGR": regularized(problem),
        STEP: sgd_step(problem),
        STEP_WITH_EGR: sgd_step(problem, with_egr=True),
        "R_IG": implicit_regularizer(problem),
        "log-shift, 4 steps": log_shift(problem),
    }
