"""The 2-d model: Table A.1, and every closed form against the derivatives it stands for."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from bea.errors import InputError
from bea.models.two_parameter import (
    DATA,
    PARAMS,
    POINT_I,
    POINT_II,
    SYMBOLIC_DATA,
    explicitly_regularized_loss,
    gradient,
    implicit_regularizer,
    least_norm_minimum,
    loss,
    minima,
    modified_loss,
    regularization_rate,
)

A, B = PARAMS
X, Y = SYMBOLIC_DATA
H, MU = sympy.symbols("h mu")
E = (Y - A * B * X) ** 2 / 2
SLOPE_SQUARED = sympy.diff(E, A) ** 2 + sympy.diff(E, B) ** 2

reals = st.floats(-5, 5, allow_nan=False)


def same(left: sympy.Expr, right: sympy.Expr) -> bool:
    return sympy.expand(left - right) == 0


def largest_scaled_curvature(point, h: float, mu: float) -> float:
    """The largest eigenvalue of h times the Hessian of E_μ at a starting point."""
    matrix = sympy.hessian(explicitly_regularized_loss(mu), PARAMS)
    at_start = matrix.subs(dict(zip(PARAMS, point.start, strict=True)))
    return h * np.linalg.eigvalsh(np.array(at_start, dtype=float)).max()


def test_table_a1():
    assert dataclasses.astuple(POINT_I) == ("I", (2.8, 3.5), 1e-3, 2.5e-2, 1.8e-1, 0.5, 1e-4)
    assert dataclasses.astuple(POINT_II) == (
        "II",
        (75.0, 74.925),
        1e-6,
        0.5e-4,
        None,
        4.1e-2,
        5e-7,
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        POINT_I.h_S = 1.0


def test_egr_is_stable_from_point_one_and_not_from_point_two():
    """2 is the border, beyond which the printed step lies, at 9.7."""
    one, two = (largest_scaled_curvature(at, at.h_euler, at.mu) for at in (POINT_I, POINT_II))
    assert one < 2
    assert two == pytest.approx(9.7, abs=0.05)


def test_moderate_rates_lie_where_the_series_converges_at_the_start():
    """1 is the border for linear fields, whose modified equation is log(1 − hλ)/h."""
    one, two = (largest_scaled_curvature(at, at.h_M, 0) for at in (POINT_I, POINT_II))
    assert (one, two) == pytest.approx((0.73, 0.84), abs=5e-3)


def test_loss_is_the_papers_with_exact_data():
    assert loss(data=SYMBOLIC_DATA) == E
    x, y = DATA
    assert (x, y) == (1, sympy.Rational(3, 5))
    assert loss() == (sympy.Rational(3, 5) - A * B) ** 2 / 2
    assert loss().free_symbols == set(PARAMS)


def test_gradient_is_the_derivative():
    assert same(gradient(data=SYMBOLIC_DATA)[0], sympy.diff(E, A))
    assert same(gradient(data=SYMBOLIC_DATA)[1], sympy.diff(E, B))


def test_implicit_regularizer_is_half_the_squared_slope():
    assert same(implicit_regularizer(data=SYMBOLIC_DATA), SLOPE_SQUARED / 2)


def test_modified_loss_is_the_loss_with_a_quarter_of_h_times_the_squared_slope():
    assert regularization_rate(H) == H / 2
    assert same(modified_loss(H, data=SYMBOLIC_DATA), E + H / 4 * SLOPE_SQUARED)


def test_the_two_forms_of_egr_differ_by_two():
    printed = explicitly_regularized_loss(MU, data=SYMBOLIC_DATA)
    assert same(printed, E + MU * SLOPE_SQUARED / 2)
    assert printed == explicitly_regularized_loss(MU, data=SYMBOLIC_DATA, form="A.31")
    eighth = explicitly_regularized_loss(MU, data=SYMBOLIC_DATA, form="8")
    assert same(eighth, E + MU * SLOPE_SQUARED)


def test_h_is_twice_mu_in_the_form_a31():
    assert same(explicitly_regularized_loss(MU), modified_loss(2 * MU))


def test_unknown_form_is_refused():
    with pytest.raises(InputError, match=r'form=.31. .* choose "A\.31" or "8"'):
        explicitly_regularized_loss(MU, form="31")


def test_minima_have_no_loss_and_no_slope():
    on_minima = {B: minima(data=SYMBOLIC_DATA)}
    assert same(loss(data=SYMBOLIC_DATA).subs(on_minima), 0)
    assert all(same(part.subs(on_minima), 0) for part in gradient(data=SYMBOLIC_DATA))


@pytest.mark.parametrize("data", [DATA, (2, -5), (sympy.Rational(-1, 3), 7)])
def test_least_norm_minimum(data):
    a, b = least_norm_minimum(data)
    norm_squared = A**2 + minima(data=data) ** 2
    assert loss((a, b), data) == 0
    assert sympy.diff(norm_squared, A).subs(A, a) == 0
    assert sympy.diff(norm_squared, A, 2).subs(A, a) > 0
    assert sympy.simplify(a**2 + b**2 - 2 * abs(sympy.Rational(data[1]) / data[0])) == 0


def test_data_without_minima_are_refused():
    for function in (lambda: least_norm_minimum((0, 1)), lambda: minima(data=(0, 1))):
        with pytest.raises(InputError, match="x = 0 in the data"):
            function()


@given(a=reals, b=reals)
def test_numbers_agree_with_the_exact_expressions(a, b):
    at = {A: sympy.Rational(a), B: sympy.Rational(b)}
    for function in (loss, implicit_regularizer):
        assert function((a, b)) == pytest.approx(float(function().subs(at)), rel=1e-9, abs=1e-12)
    numbers, exact = gradient((a, b)), gradient()
    assert numbers == pytest.approx([float(part.subs(at)) for part in exact], abs=1e-9)
    assert all(isinstance(number, float) for number in numbers)


def test_arrays_go_through():
    theta = np.array([[2.8, 75.0], [3.5, 74.925]])
    expected = [loss(POINT_I.start), loss(POINT_II.start)]
    assert loss(theta).dtype == np.float64
    np.testing.assert_array_equal(loss(theta), expected)
    np.testing.assert_array_equal(gradient(theta)[0], theta[1] * (theta[0] * theta[1] - 0.6))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jax_differentiates_the_loss(dtype):
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        theta = jnp.array(POINT_I.start, dtype=dtype)
        automatic = jax.jit(jax.grad(loss))(theta)
        assert automatic.dtype == dtype
        precision = 1e-6 if dtype == "float32" else 1e-14
        np.testing.assert_allclose(automatic, gradient(POINT_I.start), rtol=precision)


def test_import_loads_neither_jax_nor_other_parts_of_bea():
    code = (
        "import sys, bea.models.two_parameter;"
        "print([name for name in sys.modules"
        " if name == 'jax' or name.startswith(('bea.symbolic', 'bea.numeric'))])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_data_as_text_are_not_evaluated(tmp_path):
    code = f"open({str(tmp_path / 'made')!r}, 'w')"
    with pytest.raises(InputError, match="give two symbols or numbers"):
        least_norm_minimum((1, code))
    assert not list(tmp_path.iterdir())
