"""The lines of docs/where-the-paper-errs.md, each computed."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import pytest
import sympy as sp

import bea
from bea.models import two_parameter as model
from bea.models.mlp import MLP

x, y, h = sp.symbols("x y h")


def remainder(step: sp.Matrix, field: sp.Matrix, order: int) -> sp.Matrix:
    """The coefficients of h^1 … h^order in step − flow of `field`, by Taylor's formula alone."""
    theta = sp.Matrix([x, y])
    flow, derivative = theta, field
    for n in range(1, order + 1):
        flow = flow + h**n / sp.factorial(n) * derivative
        derivative = derivative.jacobian(theta) * field
    return (step - flow).applyfunc(
        lambda e: sum(sp.expand(e).coeff(h, k) * h**k for k in range(order + 1))
    )


def test_lemma_a1():
    f = sp.Matrix([y, -x])
    theta = sp.Matrix([x, y])
    step = theta + h * f
    paper = -sp.Rational(1, 4) * sp.Matrix([f.dot(f)]).jacobian(theta).T
    true = bea.modified_equation(field=list(f), params=(x, y), order=1).corrections[1]
    assert true == -sp.Rational(1, 2) * f.jacobian(theta) * f
    assert remainder(step, f + h * paper, 2) != sp.zeros(2, 1)  # an error of order h²
    assert remainder(step, f + h * true, 2) == sp.zeros(2, 1)
    assert remainder(step, f + h * true, 3) != sp.zeros(2, 1)


def test_first_correction_of_a_field():
    eq = bea.modified_equation(field=[y**2, x], params=(x, y), order=1)
    assert not eq.is_gradient(1)
    assert eq.corrections[1] == sp.Matrix([-x * y, -(y**2) / 2])


def test_literal_formula():
    eq = bea.modified_equation(loss=model.loss(), params=model.PARAMS, order=3)
    literal = eq.literal_corrections()
    assert [
        sp.expand(p - q) == sp.zeros(2, 1) for p, q in zip(literal, eq.corrections, strict=True)
    ] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_truncation_order(n):
    """O(h^{n+1}) is true and not sharp: h^{n+1} has no part in the error, and h^{n+2} has one."""
    eq = bea.modified_equation(loss=x**3 / 3 + x * y, params=(x, y), order=n)
    step = sp.Matrix([x, y]) + h * eq.corrections[0]
    assert remainder(step, eq.vector_field(), n + 1) == sp.zeros(2, 1)
    assert remainder(step, eq.vector_field(), n + 2) != sp.zeros(2, 1)


def test_implicit_euler_as_printed():
    field = [x * y, y**2 - x]
    explicit = bea.modified_equation(field=field, params=(x, y), order=1)
    implicit = bea.modified_equation(field=field, params=(x, y), order=1, method="implicit_euler")
    f = sp.Matrix(field)
    half = f.jacobian([x, y]) * f / 2
    assert sp.expand(implicit.corrections[1] - half) == sp.zeros(2, 1)
    assert sp.expand(explicit.corrections[1] + half) == sp.zeros(2, 1)


def test_parameter_count():
    """Of the network that is trained here, and by hand."""
    network = MLP(width=400, depth=5)
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 784)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 959_610
    widths = [784, *[400] * 5, 10]
    assert sum(n_in * n_out + n_out for n_in, n_out in pairwise(widths)) == 959_610


def test_two_forms_of_the_regularized_loss():
    a, b = model.PARAMS
    u, v = model.SYMBOLIC_DATA
    mu, data = sp.Symbol("mu"), model.SYMBOLIC_DATA
    E = (v - a * b * u) ** 2 / 2
    as_in_8 = E + mu * (sp.diff(E, a) ** 2 + sp.diff(E, b) ** 2)  # μ|∇E|² = μ·m·R_IG
    as_in_a31 = E * (1 + mu * (a**2 + b**2) * u**2)  # as printed
    ours = {f: model.explicitly_regularized_loss(mu, (a, b), data, form=f) for f in ("8", "A.31")}
    assert sp.expand(ours["8"] - as_in_8) == 0
    assert sp.expand(ours["A.31"] - as_in_a31) == 0
    assert sp.expand(as_in_8 - as_in_a31) == sp.expand(mu * (a**2 + b**2) * u**2 * E)
    # The optimizer on JAX arrays has (8): its μ is half of the one in Table A.1.
    theta = [2.8, 3.5]
    regularized = bea.explicit_gradient_regularization(model.loss, 0.5)(jnp.array(theta))
    assert regularized == pytest.approx(
        float(model.explicitly_regularized_loss(0.5, theta, form="8")), rel=1e-5
    )


def test_extra_critical_points():
    # E = −x²/2 has H = −1: with h = 2, Ẽ is constant, critical everywhere, and E only at 0.
    eq = bea.modified_equation(loss=-(x**2) / 2, params=[x], order=1)
    assert sp.expand(eq.modified_loss().subs(eq.step_size, 2)) == 0
    gradient = sp.diff(eq.modified_loss(), x)
    E = -(x**2) / 2
    assert sp.expand(gradient - (1 + h / 2 * sp.diff(E, x, 2)) * sp.diff(E, x)) == 0


def test_ntk_form():
    # One output, two data: ε = f_θ(x_i) − y_i for f_θ = exp(θ_1 x) + θ_2 x², K = ∇ε^T∇ε.
    a, b = sp.symbols("a b")
    errors = sp.Matrix([sp.exp(a * d) + b * d**2 - t for d, t in ((1, 2), (3, -1))])
    E = errors.dot(errors)
    J = errors.jacobian([a, b])
    K = J * J.T
    modified = bea.modified_equation(loss=E, params=(a, b), order=1).modified_loss()
    true = (errors.T * (sp.eye(2) + h * K) * errors)[0]
    printed = (errors.T * (sp.eye(2) + K) * errors)[0]
    assert sp.expand(modified - true) == 0
    assert sp.expand(modified - printed) != 0


def test_gradient_descent_is_not_the_gradient_flow():
    """Theorem 3.1 itself, by numbers: the modified flow is closer by a power of h."""
    eq = bea.modified_equation(loss=model.loss(), params=model.PARAMS, order=1)
    kernel, start, step = eq.to_jax(), [2.8, 3.5], 1e-3
    after = jnp.array(start, jnp.float32) + step * eq.to_jax(0)(jnp.array(start), step)
    errors = [
        float(jnp.abs(after - bea.flow(lambda t, h=size: kernel(t, h), start, step)).max())
        for size in (0.0, step)
    ]
    assert errors[1] < errors[0] / 20


def test_relu():
    """E = relu(θ), θ_0 = h/2: the flow stops at the kink, the step does not, and no f_l sees it."""
    h, theta = 0.5, 0.25
    kernel = bea.modified_series("euler", order=3).to_jax(lambda t: -jax.grad(jax.nn.relu)(t))
    with pytest.warns(bea.NotSmoothWarning):
        velocity = kernel(theta, h)
    assert velocity == -1.0  # as for order 0
    # The flow of f itself, which the kernel stands for, does stop: it is the step that goes on.
    steps, end = 1000, theta
    for _ in range(steps):  # Euler's with h/1000, whose error at the kink is one of its steps
        end = end - h / steps * float(jax.grad(jax.nn.relu)(end))
    assert abs(end) <= h / steps
    after = theta + h * float(velocity)
    assert end - after == pytest.approx(h - theta, abs=h / steps)
