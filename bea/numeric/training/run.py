"""The result of `bea.train`: the measurements of models trained together, and the models.

With m parameters, the learning rate h and the step i

    R_IG = |∇E|²/m,   λ = hm/4,   slope = |∇E|,   T = ih              (2)–(4), (9)

of Barrett and Dherin (2020), arXiv:2009.11162.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bea.pytrees import PyTree
from bea.tables import Row, recorded


@dataclass(frozen=True)
class TrainingRun:
    """What was measured of models trained together, and the models.

    Attributes:
        learning_rates: h of the R learning rates.
        seeds: the S seeds.
        steps: the Q steps i at which was measured.
        steps_per_epoch: the steps of an epoch.
        parameters: m, the number of parameters of a model.
        loss: E over the training set, computed in float32; an array (Q, S, R).
        squared_slope: |∇E|² over the training set, likewise.
        accuracy: the share of the training set that is classified as labelled, likewise; with batch
            normalization in training mode.
        test_loss: E over the test set, likewise; like all that follows in evaluation mode.
        test_squared_slope: |∇E|² over the test set, likewise.
        test_accuracy: the accuracy on the test set, likewise.
        validation_accuracy: the accuracy on the validation set, likewise; None if there is none.
        norm: |θ|, likewise.
        diverged_at: the step at which E of the batch, or in the end that of the training set, was
            above 10⁶ or no number, (S, R); −1 for models that did not diverge.
        theta: θ at the end, a pytree of NumPy arrays (S, R, …).
        state: the state of the networks at the end, likewise.
        best_theta: θ at the measured step of the highest test accuracy among those with all of the
            training set classified as labelled, or among all steps if there are none, likewise.
        best_state: the state then, likewise.
        best_step: that step, (S, R); 0 for a model that had diverged before it was measured.
        together: how the models of several learning rates were trained: "at once", "in turn" (in
            blocks of steps) or "one by one".
        seconds: the wall time spent in "training", "measuring" and "saving", over all parts of an
            interrupted run; the first calls, which compile, are included.

    Source: Barrett and Dherin (2020), arXiv:2009.11162, sections 6 and 7.
    """

    learning_rates: tuple[float, ...]
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    steps_per_epoch: int
    parameters: int
    loss: np.ndarray
    squared_slope: np.ndarray
    accuracy: np.ndarray
    test_loss: np.ndarray
    test_squared_slope: np.ndarray
    test_accuracy: np.ndarray
    validation_accuracy: np.ndarray | None
    norm: np.ndarray
    diverged_at: np.ndarray
    theta: PyTree = field(repr=False)
    state: PyTree = field(repr=False)
    best_theta: PyTree = field(repr=False)
    best_state: PyTree = field(repr=False)
    best_step: np.ndarray
    seconds: Mapping[str, float]
    together: str = "at once"

    def rows(self) -> list[Row]:
        """The measurements as a tidy table, one row per model and measured step.

        Returns:
            Rows with the columns seed, learning_rate, step i, epoch, physical_time T = ih, loss E,
            squared_slope |∇E|², slope |∇E|, regularizer R_IG = |∇E|²/m, regularization_rate
            λ = hm/4, regularization λR_IG, accuracy, test_loss, test_squared_slope and
            test_regularizer, |∇E|² and R_IG of the test set, test_accuracy, validation_accuracy
            (None without a validation set), norm |θ| and diverged_at. From the step at which a
            model diverged, it has no values.

        Source: Barrett and Dherin (2020), arXiv:2009.11162, equations (2)–(4) and (9).

        Example:
            >>> import bea
            >>> from bea.models.data import load_digits
            >>> from bea.models.losses import classifier
            >>> from bea.models.mlp import MLP
            >>> data = load_digits().subset(64, 64)
            >>> x, x_test = data.scaled(flat=True)
            >>> network = classifier(MLP(width=8, depth=1), image=x.shape[1:])
            >>> run = bea.train(network, (x, data.train_labels), (x_test, data.test_labels),
            ...                 learning_rates=[0.1, 0.01], epochs=1)
            >>> [row["step"] for row in run.rows() if row["learning_rate"] == 0.1]
            [0, 1, 2]
        """
        return [
            self._row(s, r, q)
            for s in range(len(self.seeds))
            for r in range(len(self.learning_rates))
            for q in range(len(self.steps))
        ]

    def _row(self, s: int, r: int, q: int) -> Row:
        h, step, m = self.learning_rates[r], self.steps[q], self.parameters
        diverged_at = int(self.diverged_at[s, r])
        told = diverged_at < 0 or step < diverged_at

        def number(value: Any) -> float | None:
            return recorded(value) if told else None

        squared_slope = float(self.squared_slope[q, s, r])
        test_squared_slope = float(self.test_squared_slope[q, s, r])
        validation = self.validation_accuracy
        return {
            "seed": self.seeds[s],
            "learning_rate": h,
            "step": step,
            "epoch": step / self.steps_per_epoch,
            "physical_time": step * h,
            "loss": number(self.loss[q, s, r]),
            "squared_slope": number(squared_slope),
            "slope": number(math.sqrt(squared_slope)),
            "regularizer": number(squared_slope / m),
            "regularization_rate": h * m / 4,
            "regularization": number(h / 4 * squared_slope),
            "accuracy": number(self.accuracy[q, s, r]),
            "test_loss": number(self.test_loss[q, s, r]),
            "test_squared_slope": number(test_squared_slope),
            "test_regularizer": number(test_squared_slope / m),
            "test_accuracy": number(self.test_accuracy[q, s, r]),
            "validation_accuracy": None if validation is None else number(validation[q, s, r]),
            "norm": number(self.norm[q, s, r]),
            "diverged_at": None if diverged_at < 0 else diverged_at,
        }
