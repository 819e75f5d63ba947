"""The neural tangent kernel against Jacobians written out, and the losses written with it."""

from __future__ import annotations

from functools import cache, partial
from itertools import pairwise
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bea
from bea.flows.precision import double_precision
from bea.numeric.regularization.explicit import modified_loss
from bea.numeric.regularization.geometry import implicit_gradient_regularizer
from bea.numeric.regularization.tangent_kernel import (
    least_squares_modified_loss,
    neural_tangent_kernel,
    tangent_kernel_product,
)

same = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-10)

RNG = np.random.default_rng(0)
X, OTHER = RNG.normal(size=(7, 3)), RNG.normal(size=(4, 3))
M = 3 * 5 + 5 + 5 * 2
THETA = {
    "hidden": [RNG.normal(size=(3, 5)), RNG.normal(size=5)],
    "out": RNG.normal(size=(5, 2)) / 2,
}


def two_outputs(theta, x):
    w, b = theta["hidden"]
    return jnp.tanh(x @ w + b) @ theta["out"]


def one_output(theta, x):
    return two_outputs(theta, x)[:, 0]


NETWORKS = {"(n,)": one_output, "(n, c)": two_outputs}


@pytest.fixture(autouse=True)
def _double_precision():
    with double_precision():
        yield


@cache
def jacobian(outputs: str, other: bool = False) -> np.ndarray:
    """∂f/∂θ, one row for each output of each example."""
    blocks = jax.jit(jax.jacrev(NETWORKS[outputs]))(THETA, OTHER if other else X)
    axes = 1 if outputs == "(n,)" else 2
    return np.concatenate(
        [np.reshape(block, (prod(block.shape[:axes]), -1)) for block in jax.tree.leaves(blocks)], 1
    )


@pytest.mark.parametrize(("outputs", "chunk"), [("(n,)", 3), ("(n, c)", 7), ("(n, c)", 100)])
def test_it_is_the_product_of_the_jacobians(outputs, chunk):
    """In chunks that divide the 7 or 14 columns, that do not, and in one of all."""
    kernel = jax.jit(neural_tangent_kernel(NETWORKS[outputs], chunk))
    J, J_other = jacobian(outputs), jacobian(outputs, other=True)
    c = () if outputs == "(n,)" else (2,)
    assert len(J) == 7 * prod(c) and J.shape[1] == M
    K, K_other = kernel(THETA, X), kernel(THETA, X, OTHER)
    assert K.shape == (7, *c, 7, *c) and K_other.shape == (7, *c, 4, *c)
    assert K.dtype == K_other.dtype == np.float64
    same(K, (J @ J.T).reshape(K.shape))
    same(K_other, (J @ J_other.T).reshape(K_other.shape))


@pytest.mark.parametrize("outputs", NETWORKS)
def test_its_product_with_a_vector_is_taken_without_it(outputs):
    J = jacobian(outputs)
    v = np.cos(np.arange(len(J)))
    shape = (7,) if outputs == "(n,)" else (7, 2)
    found = jax.jit(tangent_kernel_product(NETWORKS[outputs]))(THETA, X, v.reshape(shape))
    assert found.shape == shape
    same(np.ravel(found), J @ (J.T @ v))


def test_it_is_symmetric_and_positive_semidefinite_of_the_rank_of_the_parameters():
    """Of a network with few parameters: no more eigenvalues than those are above zero."""

    def small(theta, x):
        return jnp.tanh(x @ theta["w"]) + theta["b"]

    theta = {"w": RNG.normal(size=3), "b": np.array(0.3)}
    K = jax.jit(neural_tangent_kernel(small))(theta, X)
    same(K, K.T, rtol=1e-14)
    eigenvalues = np.linalg.eigvalsh(K)[::-1]
    assert abs(eigenvalues[4:]).max() < 1e-12 < 1e-3 < eigenvalues[:4].min()


@pytest.mark.parametrize("outputs", NETWORKS)
def test_the_regularizer_is_four_times_the_kernel_between_the_residuals(outputs):
    """(A.21), m R_IG = 4 Σ εᵀKε, and Ẽ = E + h Σ εᵀKε."""
    network, h = NETWORKS[outputs], 0.3
    y = np.sin(np.arange(len(jacobian(outputs)), dtype=float))
    y = y if outputs == "(n,)" else y.reshape(7, 2)

    def loss(theta):
        return jnp.sum((network(theta, X) - y) ** 2)

    @jax.jit
    def measured(theta):
        kernel = neural_tangent_kernel(network)(theta, X)
        of_the_kernel = partial(least_squares_modified_loss(network, h), x=X, y=y)
        both = [jax.value_and_grad(f)(theta) for f in (of_the_kernel, modified_loss(loss, h))]
        regularizer = implicit_gradient_regularizer(loss)(theta)
        return network(theta, X) - y, kernel, regularizer, both

    residuals, K, R, ((found, slope), (expected, expected_slope)) = measured(THETA)
    e = np.ravel(residuals)
    K = np.reshape(K, (len(e), len(e)))
    same(M * R, 4 * e @ K @ e)
    same(e @ (np.eye(len(e)) + h * K) @ e, expected)
    assert abs(e @ (np.eye(len(e)) + K) @ e / expected - 1) > 0.1  # (A.23) leaves out the h
    same(found, expected)
    jax.tree.map(same, slope, expected_slope)


def test_of_a_mean_over_the_examples_the_learning_rate_is_divided_twice():
    """E/n has Ẽ_h(E/n) = Ẽ_{h/n}(E)/n, as the documentation says."""
    h, n, y = 0.3, len(X), np.arange(7) / 7

    def mean(theta):
        return jnp.mean((one_output(theta, X) - y) ** 2)

    found = jax.jit(least_squares_modified_loss(one_output, h / n))(THETA, X, y) / n
    same(found, jax.jit(modified_loss(mean, h))(THETA))


def test_single_precision_stays_single():
    theta, x, y = jax.tree.map(np.float32, (THETA, X, np.ones((7, 2))))
    for function, args in (
        (neural_tangent_kernel(two_outputs), (theta, x)),
        (tangent_kernel_product(two_outputs), (theta, x, np.ones((7, 2)))),
        (least_squares_modified_loss(two_outputs, 0.1), (theta, x, y)),
    ):
        assert jax.eval_shape(function, *args).dtype == np.float32


def jaxprs_in(value):
    """The programs among the parameters of an operation."""
    if hasattr(value, "eqns"):
        yield value
    elif hasattr(value, "jaxpr"):
        yield from jaxprs_in(value.jaxpr)
    elif isinstance(value, (tuple, list)):
        for entry in value:
            yield from jaxprs_in(entry)


def largest_array(jaxpr) -> int:
    """How many entries the largest array has that the operations return, at any depth."""
    sizes = [prod(out.aval.shape) for eqn in jaxpr.eqns for out in eqn.outvars]
    inner = [j for eqn in jaxpr.eqns for value in eqn.params.values() for j in jaxprs_in(value)]
    return max(sizes + [largest_array(j) for j in inner], default=0)


def test_nothing_is_as_large_as_the_jacobian():
    """Of 24 examples with 2 outputs and m = 9154 parameters it would have 48 m entries."""
    widths, n = (10, 64, 64, 64, 2), 24
    theta = [(np.ones((i, o), np.float32) / i, np.ones(o, np.float32)) for i, o in pairwise(widths)]
    m = sum(leaf.size for leaf in jax.tree.leaves(theta))
    x = np.ones((n, 10), np.float32)
    assert m == 9154

    def network(theta, x):
        for w, b in theta[:-1]:
            x = jnp.tanh(x @ w + b)
        w, b = theta[-1]
        return x @ w + b

    assert largest_array(jax.make_jaxpr(jax.jacrev(network))(theta, x).jaxpr) >= 48 * 64 * 64
    for chunk in (1, 2, 5):
        kernel = neural_tangent_kernel(network, chunk)
        activations = n * 64
        found = largest_array(jax.make_jaxpr(kernel)(theta, x).jaxpr)
        assert found <= chunk * max(64 * 64, activations) < chunk * m
    product = jax.make_jaxpr(tangent_kernel_product(network))(theta, x, np.ones((n, 2)))
    assert largest_array(product.jaxpr) == 64 * 64


@pytest.mark.parametrize("chunk", [0, -1, 2.5, True, "3", None])
def test_the_chunk_is_a_whole_number(chunk):
    with pytest.raises(bea.InputError, match="give a whole number, 1 or more"):
        neural_tangent_kernel(one_output, chunk)


INTEGERS = THETA | {"out": np.ones((5, 2), np.int32)}
MISUSES = {
    "integers in the kernel": (neural_tangent_kernel(one_output), (INTEGERS, X), "θ['out'] is int"),
    "integers in the product": (
        tangent_kernel_product(one_output),
        (INTEGERS, X, np.ones(7)),
        "θ['out'] is int32",
    ),
    "integers in the loss": (
        least_squares_modified_loss(one_output, 0.1),
        (INTEGERS, X, np.ones(7)),
        "θ['out'] is int32",
    ),
    "a vector of another shape": (
        tangent_kernel_product(one_output),
        (THETA, X, np.ones(6)),
        "v has shape (6,), the outputs of the network have (7,): they must agree",
    ),
    "targets that would broadcast": (
        least_squares_modified_loss(one_output, 0.1),
        (THETA, X, np.ones((7, 1))),
        "y has shape (7, 1), the outputs of the network have (7,): they must agree",
    ),
    "one target for all": (
        least_squares_modified_loss(two_outputs, 0.1),
        (THETA, X, 0.0),
        "y has shape (), the outputs",
    ),
}


@pytest.mark.parametrize("case", MISUSES)
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["at once", "jitted"])
def test_what_does_not_fit_is_refused_in_one_line(case, wrap):
    function, args, part = MISUSES[case]
    with pytest.raises(bea.InputError) as caught:
        wrap(function)(*args)
    assert part in str(caught.value) and "\n" not in str(caught.value)
