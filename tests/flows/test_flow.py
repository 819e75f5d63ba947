"""Flows against closed forms, on vectors and pytrees, and what is said when there is none."""

from __future__ import annotations

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bea
from bea.flows.precision import double_precision


@pytest.fixture(autouse=True)
def _configuration_of_jax():
    """Whatever happens in a flow, JAX stays in float32 outside it."""
    yield
    assert not jax.config.jax_enable_x64
    assert jnp.ones(1).dtype == jnp.float32


def rotation(x):
    return jnp.stack([x[1], -x[0]])


def test_rotation_at_times_between():
    times = np.linspace(0, 10, 41)
    path = bea.flow(rotation, [1, 0], 10, times=times)
    assert path.shape == (41, 2) and path.dtype == np.float64
    exact = np.stack([np.cos(times), -np.sin(times)], axis=1)
    assert abs(path - exact).max() < 1e-12  # dense output would only give 1e-10


def test_backwards_in_time():
    times = -np.linspace(0, 3, 7)
    x = np.array([0.25, 0.5])
    path = bea.flow(lambda x: x * (1 - x), x, -3.0, times=times)
    growth = np.exp(times)[:, None]
    assert path == pytest.approx(x * growth / (1 + x * (growth - 1)), rel=1e-12)


def test_kepler_as_a_pytree_returns_after_a_period():
    eccentricity = 0.9

    def field(state):
        q, (p,) = state["q"], state["momenta"]
        return {"q": p, "momenta": (-q / (q @ q) ** 1.5,)}

    q, p = np.float32(1 - eccentricity), 4
    start = {"q": np.array([q, 0], np.float32), "momenta": (jnp.array([0, p]),)}
    energy = p**2 / 2 - 1 / float(q)
    period = 2 * np.pi * (-2 * energy) ** -1.5
    path = bea.flow(
        field, start, period, times=[0, 0.1 * period, 0.5 * period, 0.5 * period, period]
    )
    assert set(path) == {"q", "momenta"} and isinstance(path["momenta"], tuple)
    assert path["q"].dtype == path["momenta"][0].dtype == np.float64
    assert path["q"].shape == (5, 2) and path["momenta"][0].shape == (5, 2)
    assert path["q"][0].tolist() == [q, 0]
    assert path["q"][2].tolist() == path["q"][3].tolist()
    assert path["q"][-1] == pytest.approx([q, 0], abs=1e-10)
    assert path["momenta"][0][-1] == pytest.approx([0, p], abs=1e-9)
    energies = (path["momenta"][0] ** 2).sum(1) / 2 - 1 / np.sqrt((path["q"] ** 2).sum(1))
    assert energies == pytest.approx(energy, rel=1e-11)


def test_the_modified_flow_of_a_linear_problem_is_its_truncated_logarithm():
    # f̃ = −x (1 + h/2 + h²/3 + h³/4) for gradient descent on x²/2
    kernel = bea.modified_equation(loss="x**2/2", params="x", order=3).to_jax()
    h = 0.5
    found = bea.flow(lambda x: kernel(x, h), [2.0], 3.0)
    assert found == pytest.approx(2 * np.exp(-3 * (1 + h / 2 + h**2 / 3 + h**3 / 4)), rel=1e-12)


def test_whatever_comes_in_the_field_sees_float64():
    seen = []

    def field(state):
        seen.extend(leaf.dtype for leaf in jax.tree.leaves(state))
        return jax.tree.map(jnp.negative, state)

    start = (np.ones(1, np.float32), np.ones(1, int), jnp.ones((1, 2)), [1, 2.0], np.float16(1))
    end = jax.tree.leaves(bea.flow(field, start, 0.5))
    assert set(seen) == {np.dtype(np.float64)}
    assert {leaf.dtype for leaf in end} == {np.dtype(np.float64)}
    assert end[0] == pytest.approx([np.exp(-0.5)], rel=1e-13)
    assert end[-2] == pytest.approx(2 * np.exp(-0.5), rel=1e-13)


def test_in_a_session_that_is_in_float64_already():
    with double_precision():
        end = bea.flow(lambda x: jnp.array([1, 2]), jnp.zeros(2), 3.0)  # a field of integers
        assert jnp.ones(1).dtype == jnp.float64
    assert end == pytest.approx([3.0, 6.0])


def test_double_precision_ends_with_its_block_even_after_an_error():
    with pytest.raises(ZeroDivisionError), double_precision():
        assert jnp.ones(1).dtype == jnp.float64
        raise ZeroDivisionError


@pytest.mark.parametrize("time, times", [(0, None), (0.0, [0, 0]), (1.0, [])])
def test_no_time_at_all(time, times):
    end = bea.flow(lambda x: {"a": -x["a"]}, {"a": np.array([1.0, 2.0])}, time, times=times)
    assert end["a"].shape == ((2,) if times is None else (len(times), 2))
    assert (end["a"] == [1.0, 2.0]).all()


def test_the_start_is_left_alone():
    start = np.array([1.0, 2.0])
    end = bea.flow(lambda x: -x, start, 0.0)
    end += 1
    assert start.tolist() == [1, 2]


@pytest.mark.parametrize(
    "field, time",
    [
        (lambda x: x**2, 2.0),  # 1/(1 − t)
        (lambda x: -1 / (2 * x), 2.0),  # √(1 − t)
    ],
)
def test_a_flow_that_is_not_reached(field, time):
    with pytest.raises(bea.BeaError, match=f"did not reach t = {time}") as caught:
        bea.flow(field, [1.0], time, max_steps=300)
    message = str(caught.value)
    assert "\n" not in message and "stiff" in message and "300 steps" in message


@pytest.mark.slow
def test_a_stiff_field_and_the_remedy():
    def field(x):
        return -1e9 * (x - 2)

    with pytest.raises(bea.BeaError, match=r"try solver=diffrax.Kvaerno5\(\)"):
        bea.flow(field, [1.0], 1.0, max_steps=300)
    end = bea.flow(field, [1.0], 1.0, solver=diffrax.Kvaerno5(), rtol=1e-9, atol=1e-9)
    assert end == pytest.approx([2.0], rel=1e-8)


@pytest.mark.parametrize(
    "theta, time, options, words",
    [
        ([1.0, np.nan], 1.0, {}, "theta is not finite"),
        ({"w": np.array([np.inf])}, 1.0, {}, "theta is not finite"),
        ([], 1.0, {}, "theta is empty"),
        (None, 1.0, {}, "theta is empty"),
        ([1j], 1.0, {}, "theta is complex"),
        (np.array([1j]), 1.0, {}, "theta is complex"),
        ("one", 1.0, {}, "theta is 'one'"),
        ([1.0], np.nan, {}, "time nan is not finite"),
        ([1.0], np.inf, {}, "time inf is not finite"),
        ([1.0], 1.0, {"times": [0.5, np.nan]}, "not finite"),
        ([1.0], 1.0, {"times": [0.5, 0.4]}, "from 0 to 1.0"),
        ([1.0], 1.0, {"times": [0.5, 1.5]}, "from 0 to 1.0"),
        ([1.0], -1.0, {"times": [0.5]}, "from 0 to -1.0"),
        ([1.0], 0.0, {"times": [1.0]}, "from 0 to 0.0"),
        ([1.0], 1.0, {"times": [[0.5]]}, "from 0 to 1.0"),
    ],
)
def test_input_that_cannot_be_used(theta, time, options, words):
    with pytest.raises(bea.InputError, match=words) as caught:
        bea.flow(lambda x: jax.tree.map(jnp.negative, x), theta, time, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "field, words",
    [
        (lambda x: x[:1], r"shape \(1,\) for \(2,\)"),
        (lambda x: x[0], r"shape \(\) for \(2,\)"),
        (lambda x: [x[1], -x[0]], r"returns PyTreeDef\(\[\*, \*\]\)"),
        (lambda x: None, r"PyTreeDef\(None\)"),
        (lambda x: x.astype(jnp.float32), "returns float32 for float64"),
        (lambda x: 1j * x, "returns complex128"),
        (np.sin, "cannot be traced by JAX"),
        (lambda x: x if x[0] > 0 else -x, "cannot be traced by JAX"),
    ],
)
def test_a_field_that_cannot_be_used(field, words):
    with pytest.raises(bea.InputError, match=words) as caught:
        bea.flow(field, [1.0, 2.0], 1.0)
    assert "\n" not in str(caught.value)


def test_a_field_that_changes_is_not_remembered():
    rate = -1.0

    def field(x):
        return rate * x

    first = bea.flow(field, [1.0], 1.0)
    rate = 1.0
    assert bea.flow(field, [1.0], 1.0) == pytest.approx(1 / first, rel=1e-12)
