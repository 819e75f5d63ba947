"""Where the arrays of a training run lie: on one device, on several, on those of several hosts.

JAX shards by a mesh of named axes: along "models" the learning rates are split, along "batch" the
examples of a batch. Every device holds the data, and all that is not split, whole. With several
hosts every process passes the same NumPy arrays and gets whole NumPy arrays back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from bea.errors import InputError
from bea.pytrees import PyTree

MODELS, BATCH = "models", "batch"
AXES = (MODELS, BATCH)


@contextmanager
def memory_for(what: str, remedy: str) -> Iterator[None]:
    """Where a device has too little memory, one line says for what, and what helps.

    Raises:
        InputError: it has.
    """
    try:
        yield
    except RuntimeError as error:  # of XLA
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise InputError(f"the device has too little memory for {what}: {remedy}") from error


@dataclass(frozen=True)
class Sharding:
    """A mesh, and what goes where on it.

    Attributes:
        mesh: its axes are among "models" and "batch".
    """

    mesh: Mesh

    @classmethod
    def on(cls, mesh: Mesh | None) -> Sharding:
        """The sharding on a mesh; on the default device if there is none.

        Raises:
            InputError: an axis has another name.
        """
        if mesh is None:
            return cls(Mesh(np.array(jax.devices()[:1]), (MODELS,)))
        strange = [name for name in mesh.axis_names if name not in AXES]
        if strange:
            raise InputError(
                f"the mesh has an axis {strange[0]!r}: its axes are 'models', along which the "
                "learning rates are split, and 'batch', along which the examples are"
            )
        return cls(Mesh(mesh.devices, mesh.axis_names))  # axes of which the compiler keeps track

    def parts(self, axis: str) -> int:
        """Into how many parts the mesh splits along this axis."""
        return self.mesh.shape.get(axis, 1)

    @cached_property
    def whole(self) -> NamedSharding:
        """Held by every device."""
        return self._sharding()

    @cached_property
    def by_model(self) -> NamedSharding:
        """Arrays (seeds, learning rates, …), split along the second axis."""
        return self._sharding(None, MODELS)

    @cached_property
    def by_rate(self) -> NamedSharding:
        """The learning rates."""
        return self._sharding(MODELS)

    @cached_property
    def by_example(self) -> NamedSharding:
        """Arrays (examples, …), split along the first axis."""
        return self._sharding(BATCH)

    @cached_property
    def by_seed_and_example(self) -> NamedSharding:
        """Arrays (seeds, examples, …), split along the second axis."""
        return self._sharding(None, BATCH)

    def split(self, array: jax.Array) -> jax.Array:
        """Inside a compiled program: examples, split where they can be split evenly."""
        if len(array) % self.parts(BATCH):
            return array
        return jax.lax.with_sharding_constraint(array, self.by_example)

    def put(self, tree: PyTree, sharding: NamedSharding) -> PyTree:
        """NumPy arrays to the devices."""

        def placed(array: Any) -> jax.Array:
            array = np.asarray(array)
            return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])

        return jax.tree.map(placed, tree)

    def fetch(self, tree: PyTree) -> PyTree:
        """Arrays on the devices to NumPy, whole in every process."""
        if jax.process_count() == 1:
            return jax.tree.map(np.asarray, tree)
        return jax.tree.map(
            lambda array: np.asarray(multihost_utils.process_allgather(array, tiled=True)), tree
        )

    def _sharding(self, *axes: str | None) -> NamedSharding:
        there = [axis if axis in self.mesh.axis_names else None for axis in axes]
        return NamedSharding(self.mesh, PartitionSpec(*there))
