"""The bound on the norm holds for gradient descent, and for nothing that is no gradient descent."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bea.flows.precision import double_precision
from bea.numeric.regularization.geometry import gradient_geometry
from bea.numeric.regularization.norm_bound import ParameterNormMonitor

STEPS, M = 20, 4
entries = st.lists(st.floats(-3, 3), min_size=M, max_size=M).map(np.array)


def waves(theta, A):
    """|Aθ|²/2 with waves on it."""
    v = A @ theta["w"]
    return v @ v / 2 + jnp.sum(jnp.sin(theta["w"] + theta["b"]))


@cache
def descent(dtype):
    """A jitted gradient descent with its monitor, in some precision."""

    @jax.jit
    def run(theta, A, h):
        def step(carry, _):
            theta, monitor = carry
            geometry = gradient_geometry(waves)(theta, A)
            after = jax.tree.map(
                lambda t, s: t - jnp.asarray(h, dtype) * s, theta, geometry.gradient
            )
            monitor = monitor.after(theta, after, geometry.slope, h)
            return (after, monitor), (theta, geometry.slope)

        start = theta, ParameterNormMonitor.start()
        (_, monitor), path = jax.lax.scan(step, start, None, length=STEPS)
        return monitor, path

    def in_this_precision(w, A, h):
        theta = {"w": jnp.asarray(w, dtype), "b": jnp.asarray(0.5, dtype)}
        return run(theta, jnp.asarray(A, dtype), h)

    return in_this_precision


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
@given(
    w=entries, A=st.lists(entries, min_size=M, max_size=M).map(np.array),
    scale=st.integers(-2, 2), log_h=st.floats(-6, 0),
)  # fmt: skip
def test_gradient_descent_keeps_to_it(dtype, w, A, scale, log_h):
    """From tiny steps to beyond stability, on any slope, in any precision."""
    with double_precision():
        monitor, (_, slopes) = descent(dtype)(w * 10.0**scale, A, 10**log_h)
        if np.isfinite(slopes).all():
            assert monitor.violations == 0 and monitor.first_violation == -1, str(monitor)
            assert monitor.steps == STEPS and 0 <= monitor.worst_step < STEPS
            assert 0 <= monitor.worst_ratio <= 1 + 10 * jnp.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_rounding_is_no_false_alarm_where_the_bound_is_attained(dtype):
    """5000 single steps along θ itself, in which h, h∇E and θ' are rounded."""
    rng = np.random.default_rng(1)
    w = rng.normal(size=(5000, 1)) * 10.0 ** rng.integers(-1, 3, size=(5000, 1))
    c, h = 10.0 ** rng.uniform(-4, 1, size=(5000, 1)), 10.0 ** rng.uniform(-4, 0, size=5000)

    @jax.jit
    @jax.vmap
    def step(theta, gradient, h):
        after = theta - h.astype(dtype) * gradient
        slope = jnp.linalg.norm(gradient.astype(jnp.promote_types(dtype, jnp.float32)))
        return ParameterNormMonitor.start().after(theta, after, slope, h)

    with double_precision():
        theta, gradient = (
            jnp.asarray(w, dtype),
            jnp.asarray(w * c * rng.choice([1, -1], (5000, 1)), dtype),
        )
        monitor = step(theta, gradient, jnp.asarray(h))
    assert not monitor.violations.any()
    assert 0.99 < monitor.worst_ratio.max() <= 1 + 10 * jnp.finfo(dtype).eps


def norms(thetas) -> np.ndarray:
    return np.linalg.norm(np.array(thetas, dtype=np.float64), axis=1)


def watched(thetas, slopes, hs) -> ParameterNormMonitor:
    """The monitor after a trajectory that is given."""
    monitor, after = ParameterNormMonitor.start(), jax.jit(ParameterNormMonitor.after)
    for theta, theta_next, slope, h in zip(thetas, thetas[1:], slopes, hs, strict=False):
        monitor = after(monitor, theta, theta_next, slope, h)
    return monitor


def trajectory(step, theta=(3.0, -4.0, 12.0), steps=8):
    """The points, by step(n, θ_n, θ_{n−1}), and the slopes of E = |θ|²/2, which are |θ_n|."""
    thetas = [np.array(theta)]
    for n in range(steps):
        thetas.append(step(n, thetas[-1], thetas[max(0, n - 1)]))
    return thetas, norms(thetas)


H = 0.125
CASES = {  # the step from θ_n, and the steps that break the bound
    "gradient descent": (lambda n, t, before: t - H * t, []),
    "half the learning rate": (lambda n, t, before: t - H / 2 * t, []),
    "ascent": (lambda n, t, before: t + H * t, []),  # the bound has no direction
    "weight decay": (lambda n, t, before: t - H * t - H * 0.5 * t, range(8)),
    "weight decay, later": (lambda n, t, before: t - H * (t if n < 3 else 1.5 * t), range(3, 8)),
    "twice the learning rate, once": (lambda n, t, before: t - (1 + (n == 5)) * H * t, [5]),
    "a thousandth too much, once": (lambda n, t, before: t - (1 + (n == 6) / 1000) * H * t, [6]),
    "momentum": (lambda n, t, before: t - H * t + 0.5 * (t - before), range(1, 8)),
    "a jump outwards": (lambda n, t, before: t - H * t if n != 7 else 2 * t, [7]),
    "a step to the origin": (lambda n, t, before: t - H * t if n != 2 else 0 * t, [2]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_what_is_no_gradient_descent_is_found_with_its_step(case, dtype):
    step, broken = CASES[case]
    thetas, slopes = trajectory(step)
    with np.errstate(invalid="ignore"):  # at rest in the origin, 0/0
        ratios = np.nan_to_num(abs(np.diff(norms(thetas))) / (H * slopes[:-1]))
    assert list(np.flatnonzero(ratios > 1.0001)) == list(broken)  # the case is what it says
    with double_precision():
        monitor = watched([t.astype(dtype) for t in thetas], slopes.astype(dtype), [H] * 8)
    assert monitor.steps == 8 and monitor.violations == len(broken)
    assert monitor.first_violation == (broken[0] if broken else -1)
    assert monitor.worst_ratio == pytest.approx(ratios.max(), rel=1e-5)
    assert ratios[monitor.worst_step] == pytest.approx(ratios.max(), rel=1e-5)


def test_the_gradient_of_another_batch_is_found():
    """With batches that pull apart, near the minimum of the one whose slope is believed."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype(np.float32), rng.normal(size=40).astype(np.float32)

    def loss(theta, x, y):
        return jnp.mean((x @ theta - y) ** 2)

    theta = np.linalg.lstsq(x[:20], y[:20])[0].astype(np.float32)
    monitor, geometry = ParameterNormMonitor.start(), jax.jit(gradient_geometry(loss))
    for n in range(4):
        believed = geometry(theta, x[:20], y[:20])
        taken = believed if n != 2 else geometry(theta, x[20:], y[20:])
        after = theta - 0.01 * taken.gradient
        monitor, theta = monitor.after(theta, after, believed.slope, 0.01), after
    assert monitor.violations == 1 and monitor.first_violation == monitor.worst_step == 2


@jax.jit
def shrunk(theta, h):
    """The monitor and the slopes of gradient descent on |θ|²/2, where the bound is attained."""

    def step(carry, _):
        theta, monitor = carry
        after, slope = theta - h * theta, jnp.sqrt(theta @ theta)
        return (after, monitor.after(theta, after, slope, h)), slope

    (_, monitor), slopes = jax.lax.scan(
        step, (theta, ParameterNormMonitor.start()), None, length=30
    )
    return monitor, slopes


@pytest.mark.parametrize("m", [1, 1000, 100_000])
@pytest.mark.parametrize("h", [1e-8, 1e-6, 1e-4, 1e-2])
def test_parallel_gradients_are_no_false_alarm_in_single_precision(h, m):
    """In steps from |θ| = 1000 that go below its last digit."""
    theta = np.random.default_rng(m).normal(size=m)
    monitor, slopes = shrunk((1000 * theta / np.linalg.norm(theta)).astype(np.float32), h)
    assert monitor.violations == 0, str(monitor)
    assert monitor.worst_ratio < 1 + 1e-5
    if h == 1e-2:
        assert monitor.worst_ratio > 0.999
    if (h, m) == (1e-6, 1000):  # the difference of the norms would cry wolf
        assert (abs(np.diff(slopes)) / (h * slopes[:-1])).max() > 1.01


def test_a_learning_rate_a_thousandth_off_is_found_in_single_precision():
    theta = np.full(10_000, 10, np.float32)  # |θ| = 1000
    monitor = ParameterNormMonitor.start().after(theta, theta - 1.001e-2 * theta, 1000.0, 1e-2)
    assert monitor.violations == 1


def test_it_is_the_same_in_a_loop_jitted_and_in_a_scan():
    thetas, _ = trajectory(CASES["momentum"][0])
    thetas = np.array(thetas, np.float32)
    slopes, hs = norms(thetas).astype(np.float32), np.full(8, H, np.float32)
    hs[5] = 1  # one step within the bound
    monitor = ParameterNormMonitor.start()
    for args in zip(thetas[:-1], thetas[1:], slopes[:-1], hs, strict=True):
        monitor = monitor.after(*args)
    scanned, _ = jax.lax.scan(
        lambda monitor, args: (monitor.after(*args), None),
        ParameterNormMonitor.start(),
        (thetas[:-1], thetas[1:], slopes[:-1], hs),
    )
    assert monitor.violations == 6 and monitor.first_violation == 1
    for other in (scanned, watched(thetas, slopes, hs)):
        assert jax.tree.structure(other) == jax.tree.structure(monitor)
        for found, expected in zip(jax.tree.leaves(other), jax.tree.leaves(monitor), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert str(scanned) == str(monitor)


@pytest.mark.parametrize("double", [False, True])
def test_a_scan_carries_it_in_either_precision(double):
    def run():
        def step(carry, h):
            theta, monitor = carry
            after = jax.tree.map(lambda t: t - h * t, theta)
            return (after, monitor.after(theta, after, 5.0, h)), None

        start = {"w": jnp.array([3.0, 4.0]), "none": None}, ParameterNormMonitor.start()
        return jax.lax.scan(step, start, jnp.array([0.1, 0.1]))[0][1]

    if double:
        with double_precision():
            monitor = run()
    else:
        monitor = run()
    assert monitor.violations == 0 and monitor.steps == 2 and monitor.worst_step == 0


def test_divergence_to_nan_is_a_violation_and_the_worst():
    """Gradient descent on θ⁴ from 2 with h = 1: finite, then infinite, then not even that."""
    theta, monitor, finite = jnp.float32(2), ParameterNormMonitor.start(), []
    for _ in range(8):
        slope = abs(4 * theta**3)
        after = theta - 4 * theta**3
        finite.append(bool(np.isfinite(after)))
        monitor, theta = monitor.after(theta, after, slope, 1.0), after
    assert np.isnan(theta) and finite[:3] == [True] * 3
    first = int(monitor.first_violation)
    assert 0 < finite.index(False) - 1 <= first <= finite.index(False) + 1
    assert monitor.violations == 8 - first
    assert monitor.worst_step == first and monitor.worst_ratio == np.inf
    assert str(monitor).endswith("changed the norm by inf times the bound")


@pytest.mark.parametrize("where", ["theta", "after", "slope", "h"])
def test_nan_anywhere_is_a_violation(where):
    arguments = {"theta": jnp.ones(2), "after": jnp.ones(2), "slope": 1.0, "h": 0.1}
    arguments[where] = jnp.nan * arguments[where]
    monitor = ParameterNormMonitor.start().after(*arguments.values())
    assert monitor.violations == 1 and monitor.worst_ratio == np.inf


def test_at_a_critical_point_only_rest_is_allowed():
    start, theta = ParameterNormMonitor.start(), jnp.array([3.0, 4.0])
    rest = start.after(theta, theta, 0.0, 0.1)
    assert rest.violations == 0 and rest.worst_ratio == 0 and rest.worst_step == 0
    moved = rest.after(theta, 1.01 * theta, 0.0, 0.1)
    assert moved.violations == 1 and moved.first_violation == 1 and moved.worst_ratio == np.inf


def test_at_the_origin_there_is_a_norm_too():
    start, zero = ParameterNormMonitor.start(), jnp.zeros(2)
    assert start.after(zero, zero, 0.0, 0.1).violations == 0
    away = start.after(zero, jnp.array([0.3, 0.4]), 5.0, 0.1)
    assert away.violations == 0 and away.worst_ratio == pytest.approx(1, rel=1e-6)
    assert start.after(zero, jnp.array([0.3, 0.4]), 4.0, 0.1).violations == 1


@pytest.mark.parametrize("h", [0.5, -0.5, np.float64(0.5), jnp.float32(0.5)])
@pytest.mark.parametrize("slope", [2, 2.0, np.float32(2)])
def test_slopes_and_learning_rates_are_numbers_of_any_kind(h, slope):
    start, theta = ParameterNormMonitor.start(), jnp.array([3.0, 4.0])
    monitor = start.after(theta, theta * 0.8, slope, h)
    assert monitor.violations == 0 and monitor.worst_ratio == pytest.approx(1, rel=1e-5)
    assert start.after(theta, theta, 1, 1).violations == 0


def test_the_report():
    monitor, theta = ParameterNormMonitor.start(), jnp.array([3.0, 4.0])
    assert str(monitor) == "norm bound (A.20): 0 steps, nothing watched yet"
    monitor = monitor.after(theta, 0.9 * theta, slope=10.0, h=0.1)
    assert str(monitor) == (
        "norm bound (A.20): 1 steps, none beyond h·slope; the closest used 50 % of it, at step 0"
    )
    monitor = monitor.after(theta, 0.8 * theta, 5.0, 0.1).after(theta, 0.4 * theta, 5.0, 0.1)
    assert str(monitor) == (
        "norm bound (A.20): 3 steps, 2 beyond h·slope, first at step 1; the worst, step 2, changed "
        "the norm by 6 times the bound"
    )
