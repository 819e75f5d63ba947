"""The measurement that chose Flax: the CIFAR ResNet-18 in Flax and in Equinox.

The same architecture with ReLU and batch normalization in training mode, on the same batch of 32
random images: the loss with its gradient, and the modified field f + h f_1, in units of Flax's
gradient. Flax has the channels last; Equinox has them first and maps a network of one image over
the batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from tqdm import tqdm

from bea import pytrees
from bea.errors import NotSmoothWarning
from bea.models.resnet import resnet18
from benchmarks.interleaved import Contender, compiled, interleaved, print_rows
from benchmarks.quantities import GRADIENT, Problem, gradient, modified_field, resnet_problem
from benchmarks.quantities import H as LEARNING_RATE
from benchmarks.report import write_table

BATCH, ROUNDS = 32, 7


class Block(eqx.Module):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)), of one image."""

    main: tuple[eqx.Module, ...]
    shortcut: tuple[eqx.Module, ...]

    def __init__(self, before: int, channels: int, stride: int, key: jax.Array) -> None:
        first, second, third = jax.random.split(key, 3)
        self.main = (
            *normalized_conv(before, channels, 3, stride, first),
            *normalized_conv(channels, channels, 3, 1, second),
        )
        change = before != channels
        self.shortcut = normalized_conv(before, channels, 1, stride, third) if change else ()

    def __call__(self, x: jax.Array, state: eqx.nn.State) -> tuple[jax.Array, eqx.nn.State]:
        y, state = applied(self.main[:2], x, state)
        y, state = applied(self.main[2:], jax.nn.relu(y), state)
        x, state = applied(self.shortcut, x, state)
        return jax.nn.relu(x + y), state


class ResNet18(eqx.Module):
    """The network of one image (channels, height, width), within a batch named "batch"."""

    stem: tuple[eqx.Module, ...]
    blocks: list[Block]
    head: eqx.nn.Linear

    def __init__(self, key: jax.Array) -> None:
        keys = iter(jax.random.split(key, 10))
        self.stem = normalized_conv(3, 64, 3, 1, next(keys))
        before, self.blocks = 64, []
        for channels in (64, 64, 128, 128, 256, 256, 512, 512):
            stride = 1 if channels == before else 2
            self.blocks.append(Block(before, channels, stride, next(keys)))
            before = channels
        self.head = eqx.nn.Linear(512, 10, key=next(keys))

    def __call__(self, x: jax.Array, state: eqx.nn.State) -> tuple[jax.Array, eqx.nn.State]:
        x, state = applied(self.stem, x, state)
        x = jax.nn.relu(x)
        for block in self.blocks:
            x, state = block(x, state)
        return self.head(x.mean((1, 2))), state


def normalized_conv(
    before: int, channels: int, size: int, stride: int, key: jax.Array
) -> tuple[eqx.Module, ...]:
    conv = eqx.nn.Conv2d(before, channels, size, stride, size // 2, use_bias=False, key=key)
    return conv, eqx.nn.BatchNorm(channels, "batch", momentum=0.9, mode="batch")


def applied(
    layers: tuple[Any, ...], x: jax.Array, state: eqx.nn.State
) -> tuple[jax.Array, eqx.nn.State]:
    """A convolution and its normalization; or neither."""
    if layers:
        conv, norm = layers
        return norm(conv(x), state)
    return x, state


def equinox_problem() -> Problem:
    """The same problem as `flax_problem`, with Equinox's network and initialization."""
    images, labels = flax_problem().data[-2:]
    model, state = eqx.nn.make_with_state(ResNet18)(jax.random.key(0))
    theta, rest = eqx.partition(model, eqx.is_inexact_array)

    def loss(theta: Any, state: Any, x: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
        network = eqx.combine(theta, rest)
        over_batch = jax.vmap(network, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
        logits, new = over_batch(x, state)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), new

    return Problem("resnet18", loss, theta, (state, jnp.transpose(images, (0, 3, 1, 2)), labels))


def flax_problem() -> Problem:
    return resnet_problem(BATCH, resnet18())


def contenders(library: str, problem: Problem) -> list[Contender]:
    functions: dict[str, Callable[..., Any]] = {
        GRADIENT: gradient(problem),
        "f_1": modified_field(problem, 1),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotSmoothWarning)  # only the time is of interest
        return [
            compiled(
                library,
                quantity,
                function,
                problem.theta,
                LEARNING_RATE,
                *problem.data,
                unit=("Flax", GRADIENT),
            )
            for quantity, function in functions.items()
        ]


def main() -> None:
    print(f"\nNetwork libraries: the ResNet-18 with ReLU, batch {BATCH}\n")
    problems = {"Flax": flax_problem(), "Equinox": equinox_problem()}
    sizes = {pytrees.size(problem.theta) for problem in problems.values()}
    if len(sizes) > 1:
        raise AssertionError(f"the networks have different numbers of parameters: {sizes}")
    progress = tqdm(problems.items(), desc="compilation", leave=False)
    both = [each for library, problem in progress for each in contenders(library, problem)]
    rows = interleaved(both, ROUNDS, "network libraries")
    print_rows(rows)
    columns = {"network": "resnet18", "parameters": sizes.pop(), "batch": BATCH}
    packages = ["jax", "jaxlib", "flax", "equinox"]
    write_table("network_libraries.csv", [columns | row for row in rows], packages=packages)


if __name__ == "__main__":
    main()
