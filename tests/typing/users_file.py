"""What a user writes, typed as strictly as mypy and pyright can be told to; it also runs.

There is no JAX in it: pyright finds that partially unknown by itself (`users_network.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import bea
from bea.models.two_parameter import POINT_I, gradient
from bea.testing import SampleLoss, assert_local_error_order, assert_modified_equation


def exactly() -> tuple[str, bool]:
    eq: bea.ModifiedEquation = bea.modified_equation(
        loss="(3/5 - a*b)**2/2", params="a, b", order=2, method=bea.METHODS["euler"]
    )
    names: list[str] = [p.name for p in eq.params]
    first = eq.corrections[1]
    answer: bool = eq.is_gradient(1)
    kernel = eq.to_jax(order=1)
    field = kernel(np.array([2.8, 3.5]), 0.01)
    report: bea.OrderReport = bea.verify_order(eq, at=(2.8, 3.5), order=1)
    reports: bea.OrderReports = bea.verify_orders(eq, at=("2.8", "3.5"), order=1)
    confirmed: bool = reports.passed and report.passed
    try:
        eq.modified_loss(order=2)
    except bea.NotAGradientError as error:
        print(error.order, error)
    print(first, field.shape, eq.latex(), eq.flow([2.8, 3.5], 0.1, h=0.01))
    return ", ".join(names), answer and confirmed


def a_step(theta: Sequence[Any], h: Any) -> list[Any]:
    return [theta[0] - h * theta[1], theta[1] - h * theta[0]]


def without_coordinates(path: Path) -> Fraction:
    heun = bea.ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], name="mine")
    series: bea.Series = bea.modified_series(heun, order=3)
    cherry = bea.Tree.from_level_sequence([1, 2, 2])
    b = series[cherry]
    hamiltonian: list[bool] = [series.is_hamiltonian(l) for l in range(series.order + 1)]
    free: Mapping[bea.FreeTree, Any] = series.modified_loss(0).terms(0)
    own = bea.modified_equation(step=a_step, params=("x", "y"), order=1)
    twice = bea.composition([heun, "rk4"], ["1/2", "1/2"])
    inverse: bea.Series = bea.modifying_integrator("euler", order=2)
    bea.save_picture(series, path / "trees.svg")
    print(hamiltonian, series.is_symmetric(), free, own.order, twice.name, inverse, bea.trees(4))
    return Fraction(str(b))


def tested() -> None:
    loss = SampleLoss("x*y + x**2", "x, y")
    assert_modified_equation(lambda t, h: t - h * loss.gradient(t), loss.equation(order=1))
    assert_local_error_order(lambda t, h: t - h * t, lambda t: -t, at=np.array([[1.0, 2.0]]))


if __name__ == "__main__":
    print(exactly(), POINT_I.start, gradient(POINT_I.start))
    tested()
