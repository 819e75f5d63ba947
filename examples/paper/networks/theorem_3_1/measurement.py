"""Local errors of a case against the flows of all orders, and what its steps do to its units."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.flatten_util import ravel_pytree

import bea
from bea.errors import NotSmoothWarning
from bea.models.data import Dataset
from bea.models.losses import batch_cross_entropy, cross_entropy
from bea.models.resnet import ResNet
from examples.paper.networks.theorem_3_1.cases import (
    ACTIVATIONS,
    BELOW,
    DEFAULT,
    LEARNING_RATE,
    NETWORKS,
    ORDER,
    TRAINING_STEPS,
    Case,
    columns_of,
)
from examples.paper.results import Row

if TYPE_CHECKING:
    from bea import OrderReport


class Problem:
    """The loss of a case: where it starts, its field f = −∇E, and what a step does to its units."""

    def __init__(self, case: Case, data: Dataset) -> None:
        chosen = data.subset(case.examples, 0, seed=case.seed)
        self._case = case
        self._model = NETWORKS[case.network].clone(activation=ACTIVATIONS[case.activation])
        in_batches = isinstance(self._model, ResNet)
        self._x: Any
        self._x, _ = chosen.standardized() if in_batches else chosen.scaled(flat=True)
        self._labels: Any = chosen.train_labels
        self._mode: dict[str, Any] = (
            {"train": True, "mutable": ["batch_stats"]} if in_batches else {}
        )
        self._variables = jax.jit(self._model.init)(jax.random.key(0), self._x)
        with jax.enable_x64(True):
            theta = jax.tree.map(lambda w: jnp.asarray(w, float), self._variables["params"])
            self.theta = self._trained(theta) if case.point == "trained" else theta
            self.loss = float(jax.jit(self._loss)(self.theta))
            positive = jax.eval_shape(self._positive, theta) if case.has_kinks else None
            self.pre_activations = positive and positive.size

    def field(self, theta: Any) -> Any:
        """f(θ) = −∇E(θ)."""
        return jax.tree.map(jnp.negative, jax.grad(self._loss)(theta))

    def effects(self, h: float) -> tuple[int | None, float]:
        """How many pre-activations have changed sign after a step of h, and what H misses of f."""
        with jax.enable_x64(True):
            crossed, missed = self._effects(self.theta, h)
        return int(crossed) if self._case.has_kinks else None, float(missed)

    def step_sizes(self) -> list[float] | None:
        """Those that the case asks for; None for the default."""
        if self._case.step_sizes == DEFAULT:
            return None
        first = 2 * LEARNING_RATE
        if self._case.step_sizes == BELOW:
            while self.effects(first)[0]:
                first /= 2 ** (1 / 8)
            first *= 0.9
        return [first / 2 ** (k / 2) for k in range(8)]

    def _loss(self, theta: Any) -> jax.Array:
        if self._mode:
            statistics = self._variables["batch_stats"]
            return batch_cross_entropy(self._model)(theta, statistics, self._x, self._labels)[0]
        return cross_entropy(self._model)(theta, self._x, self._labels)

    def _trained(self, theta: Any) -> Any:
        def descend(_: Any, theta: Any) -> Any:
            return jax.tree.map(lambda w, v: w + LEARNING_RATE * v, theta, self.field(theta))

        return jax.jit(lambda theta: jax.lax.fori_loop(0, TRAINING_STEPS, descend, theta))(theta)

    def _positive(self, theta: Any) -> jax.Array:
        """Which hidden pre-activations, of all units and examples, are positive."""
        seen: list[jax.Array] = []

        def watching(z: jax.Array) -> jax.Array:
            seen.append((z > 0).ravel())
            return nn.relu(z)

        watched = self._model.clone(activation=watching)
        watched.apply({**self._variables, "params": theta}, self._x, **self._mode)
        return jnp.concatenate(seen)

    @cached_property
    def _effects(self) -> Callable[[Any, float], tuple[jax.Array, jax.Array]]:
        @jax.jit
        def effects(theta: Any, h: float) -> tuple[jax.Array, jax.Array]:
            displacement = jax.tree.map(lambda v: h * v, self.field(theta))
            after = jax.tree.map(jnp.add, theta, displacement)
            before, predicted = jax.jvp(self.field, (theta,), (displacement,))
            change, predicted = (
                ravel_pytree(v)[0]
                for v in (jax.tree.map(jnp.subtract, self.field(after), before), predicted)
            )
            crossed = (self._positive(theta) != self._positive(after)).sum()
            missed = jnp.linalg.norm(change - predicted) / jnp.linalg.norm(change)
            return crossed, missed

        return effects


def measure(case: Case, data: Dataset) -> tuple[list[Row], list[Row], set[str]]:
    """The rows of both tables for a case, and what bea warned of."""
    problem = Problem(case, data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NotSmoothWarning)
        reports = bea.verify_orders(
            bea.modified_series("euler", ORDER),
            problem.theta,
            field=problem.field,
            step_sizes=problem.step_sizes(),
            progress=True,
        )
    texts = {str(w.message) for w in caught if w.category is NotSmoothWarning}
    for w in (w for w in caught if w.category is not NotSmoothWarning):
        warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    effects = {h: problem.effects(h) for h in reports[0].step_sizes}
    m = sum(leaf.size for leaf in jax.tree.leaves(problem.theta))
    points: list[Row] = []
    orders: list[Row] = []
    for report in reports:
        new = list(points_of(case, report, effects))
        across = [row for row in new if row["kinks_crossed"]]
        points += new
        orders.append(
            {
                **asdict(case),
                "parameters": m,
                "loss": problem.loss,
                "pre_activations": problem.pre_activations,
                "order": report.order,
                "expected_order": report.expected_order,
                "measured_order": report.measured_order,
                "slope_across_kinks": slope(across) if len(across) > 2 else None,
                "leading_constant": report.leading_constant,
                "leading_constant_ratio": report.leading_constant_ratio,
                "leading_defect": report.leading_defect,
                "passed": "yes" if report.passed else "no",
                "note": report.note,
            }
        )
    return points, orders, texts


def points_of(
    case: Case, report: OrderReport, effects: Mapping[float, tuple[int | None, float]]
) -> Iterator[Row]:
    columns = (report.step_sizes, report.errors, report.floors, report.usable)
    for h, error, floor, usable in zip(*columns, strict=True):
        crossed, missed = effects[h]
        yield {
            **asdict(case),
            "order": report.order,
            "step_size": h,
            "error": error,
            "leading_term": report.leading_constant * h**report.expected_order,
            "floor": floor,
            "usable": "yes" if usable else "no",
            "kinks_crossed": crossed,
            "missed_by_hessian": missed,
        }


def slope(rows: Sequence[Row]) -> float:
    """The exponent of h in the errors, by least squares."""
    h, errors = columns_of(rows, "step_size", "error")
    return float(np.polyfit(np.log(h), np.log(errors), 1)[0])


def measure_all(
    cases: Sequence[Case], data: Mapping[str, Callable[[], Dataset]]
) -> tuple[list[Row], list[Row]]:
    """The rows of the table of errors, and those of the table of orders."""
    points: list[Row] = []
    orders: list[Row] = []
    warned: set[str] = set()
    for i, case in enumerate(cases, 1):
        print(f"[{i}/{len(cases)}] {case}; step sizes: {case.step_sizes}", flush=True)
        begun = perf_counter()
        new_points, new_orders, texts = measure(case, data[case.data]())
        points += new_points
        orders += new_orders
        for text in sorted(texts - warned):
            print(f"    bea warns: {text}")
        warned |= texts
        print(f"    {perf_counter() - begun:.0f} s", flush=True)
    return points, orders
