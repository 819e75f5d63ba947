"""The flow of a modified equation in one line, beside that of its kernel and a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

import bea

MODEL = bea.modified_equation(loss="(y - a*b)**2/2", params="a, b", order=2)


def test_of_a_linear_field_it_is_the_exponential_of_the_truncated_logarithm():
    eq = bea.modified_equation(loss="k*x**2/2", params="x", order=4)
    h, k = 0.125, 1.5
    rate = -sum((h * k) ** (l + 1) / (l + 1) for l in range(5)) / h  # log(1 − hk)/h, cut
    found = eq.flow([3.0], 2.0, h=h, constants={"k": k})
    np.testing.assert_allclose(found, [3.0 * math.exp(2.0 * rate)], rtol=1e-12)


def test_each_order_comes_closer_to_where_the_steps_end():
    theta, h = np.array([2.8, 3.5]), 0.005
    ends = theta.copy()
    for _ in range(20):
        r = 0.6 - ends[0] * ends[1]
        ends = ends + h * r * ends[::-1]
    away = [
        np.linalg.norm(MODEL.flow(theta, 20 * h, h=h, order=p, constants={"y": 0.6}) - ends)
        for p in range(3)
    ]
    assert away == sorted(away, reverse=True) and away[2] < 1e-1 * away[0]


def test_it_is_the_flow_of_the_kernel_in_every_form():
    kernel = MODEL.to_jax(order=1, constants={"y": 0.6})
    expected = bea.flow(lambda theta: kernel(theta, 0.1), [2.0, 0.5], -0.25)
    given = {"h": 0.1, "order": 1, "constants": {"y": 0.6}}
    assert MODEL.flow([2.0, 0.5], -0.25, **given).tolist() == expected.tolist()
    by_name = MODEL.flow({"b": 0.5, "a": 2.0}, -0.25, **given)
    assert [float(by_name[name]) for name in "ab"] == pytest.approx(expected.tolist(), rel=1e-13)
    track = MODEL.flow([2.0, 0.5], -0.25, times=[-0.125, -0.25], **given)
    assert track.shape == (2, 2) and track[-1].tolist() == pytest.approx(expected.tolist())


def test_what_is_missing_is_named():
    with pytest.raises(bea.InputError, match="no value for the constant y"):
        MODEL.flow([1.0, 2.0], 1.0, h=0.1)
    with pytest.raises(TypeError, match="'h'"):
        MODEL.flow([1.0, 2.0], 1.0)
