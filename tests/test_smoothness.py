"""Tests of bea.smoothness: kinks are found, and only where there are some.

Each function is tried as a loss and as its gradient field, in which differentiation has replaced
some operations by others, and within jit, scan, remat, cond, vmap and while.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn
from jax.experimental import pallas

from bea.errors import NotSmoothWarning
from bea.smoothness import kinks, warn_of_kinks

KEY = jax.random.key(0)
THETA = jnp.linspace(-1.0, 1.5, 16).reshape(4, 4)
LABELS = jnp.array([0, 3, 1, 1])
WEIGHTS = 0.1 * jax.random.normal(KEY, (4, 4))
IMAGE = (1, 1, 4, 4)

Function = Callable[[jax.Array], jax.Array]


def pooled(x: jax.Array, start: float, by: Callable[..., jax.Array]) -> jax.Array:
    return lax.reduce_window(x.reshape(IMAGE), start, by, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def through_net(activation: Function) -> Function:
    """A network with θ for its weights."""
    return lambda w: activation(activation(WEIGHTS @ w) @ w) @ w


def while_growing(x: jax.Array) -> jax.Array:
    return lax.while_loop(lambda y: jnp.sum(y) < 10.0, lambda y: 2.0 * y, x * x)


@jax.custom_jvp
def straight_floor(x: jax.Array) -> jax.Array:
    return jnp.floor(x)


straight_floor.defjvps(lambda dx, value, x: dx * x)


# The function, and a part of what is to be said of it, as a loss and as a field.
KINKED: dict[str, tuple[Function, str]] = {
    "relu": (nn.relu, "max in relu"),
    "relu net": (through_net(nn.relu), "max in relu"),
    "maximum": (lambda x: jnp.maximum(x, 0.0), "max"),
    "max(x, 0) ** 2": (lambda x: jnp.maximum(x, 0.0) ** 2, "max"),
    "minimum of two": (lambda x: jnp.minimum(x, x.T), "min"),
    "abs": (jnp.abs, "abs"),
    "abs of a net": (through_net(jnp.abs), "abs"),
    "norm 1": (lambda x: jnp.linalg.norm(x, ord=1, axis=1), "abs"),
    "clip": (lambda x: jnp.clip(x, -0.5, 0.5), "in clip"),
    "clip of a probability": (lambda x: jnp.log(jnp.clip(nn.sigmoid(x), 0.1, 0.9)), "in clip"),
    "clamp": (lambda x: lax.clamp(-0.5, x, 0.5), "clamp"),
    "where": (lambda x: jnp.where(x > 0, x, 0.1 * x), "comparison"),
    "where of another": (lambda x: jnp.where(x[0, 0] > 0, x, x**2), "comparison"),
    "relu6": (nn.relu6, "in relu6"),
    "leaky_relu": (nn.leaky_relu, "comparison in leaky_relu"),
    "hard_tanh": (nn.hard_tanh, "comparison in hard_tanh"),
    "hard_sigmoid": (nn.hard_sigmoid, "in relu6"),
    "hard_silu": (nn.hard_silu, "in relu6"),
    "elu": (nn.elu, "comparison in elu"),
    "celu": (nn.celu, "in celu"),
    "selu": (nn.selu, "comparison in elu"),
    "huber": (
        lambda x: jnp.where(jnp.abs(x) < 1.0, 0.5 * x**2, jnp.abs(x) - 0.5),
        "abs",
    ),
    "max-pooling": (lambda x: pooled(x, -jnp.inf, lax.max), "reduce_window_max"),
    "max-pooling by equinox": (lambda x: eqx.nn.MaxPool2d(2)(x.reshape(IMAGE[1:])), "max"),
    "max": (lambda x: jnp.max(x, axis=0), "reduce_max"),
    "min": (jnp.min, "reduce_min"),
    "min-pooling": (lambda x: pooled(x, jnp.inf, lax.min), "reduce_window_min"),
    "segment_min": (lambda x: jax.ops.segment_min(x, LABELS, num_segments=4), "scatter-min"),
    "approx_max_k": (lambda x: lax.approx_max_k(x, 2)[0], "approx_top_k"),
    "segment_max": (lambda x: jax.ops.segment_max(x, LABELS, num_segments=4), "scatter-max"),
    "softmax with a max by hand": (
        lambda x: jnp.exp(x - x.max()) / jnp.exp(x - x.max()).sum(),
        "reduce_max",
    ),
    "sort": (lambda x: jnp.sort(x, axis=1) @ WEIGHTS, "sort"),
    "top_k": (lambda x: lax.top_k(x, 2)[0], "top_k"),
    "median": (jnp.median, "sort in quantile"),
    "argmax": (lambda x: x[jnp.argmax(x[:, 0])], "argmax"),
    "argmin": (lambda x: x[jnp.argmin(x[:, 0])], "argmin"),
    "floor": (lambda x: x * jnp.floor(x), "floor"),
    "ceil": (lambda x: x * jnp.ceil(x), "ceil"),
    "round": (lambda x: x * jnp.round(x), "round"),
    "sign": (lambda x: x * jnp.sign(x), "sign"),
    "remainder": (lambda x: lax.rem(x, 1.0), "rem"),
    "bits": (lambda x: x * lax.bitcast_convert_type(x, jnp.int32), "bitcast"),
    "less or equal": (lambda x: jnp.where(x <= 0.5, x, 0.5), "comparison"),
    "cast": (lambda x: x * x.astype(int), "rounding"),
    "index": (lambda x: WEIGHTS[(4 * x).astype(int)] * x, "rounding"),
    "cond": (lambda x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x), "comparison"),
    "mask of stop_gradient": (lambda x: jnp.where(lax.stop_gradient(x) > 0, x, 0), "comparison"),
    "floor with a derivative": (straight_floor, "floor in straight_floor"),
    "kink after stop_gradient": (lambda x: nn.relu(x - lax.stop_gradient(x.max())), "relu"),
    "kink beside logaddexp": (lambda x: jnp.logaddexp(x, nn.relu(x)), "relu"),
    "dense layer by equinox": (
        lambda x: jax.vmap(eqx.nn.MLP(4, 4, 8, 2, nn.relu, key=KEY))(x),
        "max in relu",
    ),
    "abs of a sum that may vanish": (lambda x: jnp.abs(jnp.exp(x) - 1.0), "abs"),
    "means over other axes, cut": (
        lambda x: jnp.maximum(0.0, (x**2).mean(axis=0) - x.mean(axis=1) ** 2),
        "max",
    ),
    "abs where some are NaN": (lambda x: jnp.abs(jnp.where(x == 0.0, x, x + jnp.nan)), "abs"),
    "mean of too many, cut": (
        lambda x: jnp.maximum(0.0, (x**2).sum() / 20 - (x.sum() / 16) ** 2),
        "max",
    ),
    "biased variance, cut": (
        lambda x: jnp.maximum(0.0, (x**2).mean() - 1.1 * x.mean() ** 2),
        "max",
    ),
}


def norm_by_moments(x: jax.Array) -> jax.Array:
    """The fast variance of flax."""
    mean = x.mean(axis=1)
    variance = jnp.maximum(0.0, jnp.mean(lax.square(x), axis=1) - lax.square(mean))
    return (x - mean[:, None]) * lax.rsqrt(variance + 1e-6)[:, None]


def attention(x: jax.Array) -> jax.Array:
    scores = jnp.where(jnp.tril(jnp.ones((4, 4), bool)), x @ x.T, -jnp.inf)
    return nn.softmax(scores) @ x


def softmax(x: jax.Array) -> jax.Array:
    e = jnp.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(x: jax.Array) -> jax.Array:
    return -nn.log_softmax(x)[jnp.arange(4), LABELS]


def loop(x: jax.Array) -> jax.Array:
    def body(state: tuple[int, jax.Array]) -> tuple[int, jax.Array]:
        return state[0] + 1, jnp.tanh(state[1])

    return lax.while_loop(lambda state: state[0] < 3, body, (0, x))[1]


@jax.custom_vjp
def clipped_cotangent(x: jax.Array) -> jax.Array:
    return x


clipped_cotangent.defvjp(lambda x: (x, None), lambda _, ct: (2.0 * ct,))

SMOOTH: dict[str, Function] = {
    "tanh": jnp.tanh,
    "sigmoid": nn.sigmoid,
    "softplus": nn.softplus,
    "gelu by tanh": lambda x: nn.gelu(x, approximate=True),
    "gelu by erf": lambda x: nn.gelu(x, approximate=False),
    "silu": nn.silu,
    "mish": nn.mish,
    "log_sigmoid": nn.log_sigmoid,
    "squareplus": nn.squareplus,
    "glu": nn.glu,
    "erf": lax.erf,
    "exp": jnp.exp,
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "logsumexp": lambda x: nn.logsumexp(x, axis=1),
    "logsumexp with weights": lambda x: nn.logsumexp(x, b=jnp.exp(x), axis=1),
    "logaddexp": lambda x: jnp.logaddexp(x, x.T),
    "logaddexp2": lambda x: jnp.logaddexp2(x, x.T),
    "softmax by hand": lambda x: jnp.exp(x - lax.stop_gradient(x.max())),
    "straight through": lambda x: x + lax.stop_gradient(jnp.round(x) - x),
    "cross-entropy, integer labels": cross_entropy,
    "cross-entropy, one-hot": lambda x: -jnp.sum(nn.one_hot(LABELS, 4) * nn.log_softmax(x)),
    "binary cross-entropy": lambda x: -WEIGHTS * nn.log_sigmoid(x) - nn.log_sigmoid(-x),
    "square": lambda x: 0.5 * (x - WEIGHTS) ** 2,
    "norm": jnp.linalg.norm,
    "abs of what is positive": lambda x: jnp.abs(jnp.exp(x) + x**2),
    "max of what is positive": lambda x: jnp.maximum(0.0, jnp.tanh(x) ** 2),
    "abs of a fourth power": lambda x: jnp.abs(x**4 - x * 0.0),
    "clamp of a probability": lambda x: lax.clamp(0.0, nn.sigmoid(x), 1.0),
    "clip of a probability": lambda x: jnp.clip(nn.sigmoid(x), 0.0, 1.0),
    "comparison of apart": lambda x: jnp.where(x**2 >= 0.0, x, -x),
    "equality": lambda x: jnp.where(x == 0.0, 1.0, jnp.sin(x) / jnp.where(x == 0.0, 1.0, x)),
    "nan to zero": lambda x: jnp.where(jnp.isfinite(x), x, 0.0),
    "zero times a kink": lambda x: x + 0.0 * jnp.abs(x) + 0.0 * jnp.floor(x),
    "kink thrown away": lambda x: (jnp.abs(x), x**2)[1],
    "variance": lambda x: jnp.var(x, axis=0),
    "std": lambda x: jnp.std(x, axis=0),
    "batch norm": lambda x: (x - x.mean(0)) / jnp.sqrt(((x - x.mean(0)) ** 2).mean(0) + 1e-5),
    "norm by moments": norm_by_moments,
    "layer norm by equinox": jax.vmap(eqx.nn.LayerNorm(4)),
    "attention": attention,
    "dot_product_attention": lambda x: nn.dot_product_attention(
        *(x.reshape(4, 2, 2) for _ in range(3)), is_causal=True
    ),
    "average pooling": lambda x: pooled(x, 0.0, lax.add) / 4,
    "conv by equinox": lambda x: eqx.nn.Conv2d(1, 2, 3, key=KEY)(x.reshape(IMAGE[1:])),
    "net": through_net(jnp.tanh),
    "net by equinox": jax.vmap(eqx.nn.MLP(4, 4, 8, 2, nn.softplus, key=KEY)),
    "scan over layers": lambda x: lax.scan(lambda y, w: (nn.softplus(y @ w), y), x, x[:, None] * x)[
        0
    ],
    "fori": lambda x: lax.fori_loop(0, 3, lambda i, y: jnp.tanh(y * i), x),
    "dropout": lambda x: jnp.where(jax.random.bernoulli(KEY, 0.8, x.shape), x / 0.8, 0.0),
    "sorted along": lambda x: lax.sort((WEIGHTS, x), num_keys=1)[1],
    "linear along max-pooling": lambda x: jax.vjp(lambda y: pooled(y, -jnp.inf, lax.max), WEIGHTS)[
        1
    ](x[:1, :4].reshape(1, 1, 2, 2))[0],
    "shuffled": lambda x: jax.random.permutation(KEY, x) @ x,
    "indexing": lambda x: x[jnp.arange(4), LABELS],
    "negative index": lambda x: x[LABELS - 4],
    "taking": lambda x: jnp.take_along_axis(x, LABELS[:, None], axis=1),
    "scattered": lambda x: jnp.zeros((4, 4)).at[LABELS].add(x).at[0].set(x[1]),
    "solve": lambda x: jnp.linalg.solve(x + 3 * jnp.eye(4), x[0]),
    "cholesky": lambda x: jnp.linalg.cholesky(x @ x.T + jnp.eye(4)),
    "inverse": lambda x: jnp.linalg.inv(x + 3 * jnp.eye(4)),
    "det": lambda x: jnp.linalg.det(x[:2, :2]) + jnp.linalg.det(x[:3, :3]) + jnp.linalg.det(x),
    "slogdet": lambda x: jnp.linalg.slogdet(x + 3 * jnp.eye(4))[1],
    "eigh": lambda x: jnp.linalg.eigh(x + x.T)[0] ** 2,
    "solve by iteration": lambda x: jax.scipy.sparse.linalg.cg(x @ x.T + jnp.eye(4), x[0])[0],
    "expm": jax.scipy.linalg.expm,
    "probit": jax.scipy.special.log_ndtr,
    "hypot": lambda x: jnp.hypot(x, x.T),
    "sinc": jnp.sinc,
    "softmax by its name": jax.jit(softmax),
    "powers": lambda x: (x**2 + 1) ** 0.5 + x**3 + (x**2 + 1) ** -1.5,
    "complex abs": lambda x: jnp.abs(jnp.fft.fft(x)),
    "cond on a constant": lambda x: lax.cond(jnp.sum(LABELS) > 1, jnp.sin, jnp.cos, x),
    "custom vjp": clipped_cotangent,
}
# Not to be differentiated backwards.
FORWARD_KINKED: dict[str, tuple[Function, str]] = {
    "cummax": (lax.cummax, "cummax"),
    "cummin": (lax.cummin, "cummin"),
    "nextafter": (lambda x: jnp.nextafter(x, x.T), "nextafter"),
    "while": (while_growing, "comparison in while_loop"),
}
FORWARD_SMOOTH = {"while": loop}


def loss_of(f: Function) -> Function:
    return lambda x: jnp.sum(jnp.sin(f(x)))


def field_of(f: Function) -> Function:
    return lambda x: jax.tree.map(jnp.negative, jax.grad(loss_of(f))(x))


def scanned(f: Function) -> Function:
    """Twice f, with another layer in between and the parameters carried along."""

    def body(x: jax.Array, s: jax.Array) -> tuple[jax.Array, jax.Array]:
        return x * s, jnp.sum(jnp.sin(f(x * s)))

    return lambda x: lax.scan(body, x, jnp.array([1.0, 2.0]))[1]


def branched(f: Function) -> Function:
    return lambda x: lax.cond(LABELS[0] > 0, lambda y: jnp.sum(y), lambda y: jnp.sum(f(y)), x)


NESTS: dict[str, Callable[[Function], Function]] = {
    "jit": lambda f: jax.jit(lambda x: f(x)),
    "remat": lambda f: jax.checkpoint(lambda x: f(x)),
    "scan": scanned,
    "cond": branched,
    "vmap": lambda f: lambda x: jax.vmap(f)(jnp.stack([x, 2 * x])),
    "remat of scan of jit": lambda f: jax.checkpoint(scanned(jax.jit(lambda x: f(x)))),
}
# One of each kind.
NESTED_KINKED = ["relu", "abs", "leaky_relu", "max-pooling", "sort", "cond", "elu"]
NESTED_SMOOTH = [
    "softplus",
    "logaddexp",
    "cross-entropy, integer labels",
    "norm by moments",
    "solve",
    "dropout",
    "fori",
]
FORMS = pytest.mark.parametrize("form", [loss_of, field_of])


@FORMS
@pytest.mark.parametrize("name", KINKED)
def test_kinks_are_found(name: str, form: Callable[[Function], Function]) -> None:
    f, expected = KINKED[name]
    found = kinks(form(f), THETA)
    assert any(expected in each for each in found), found


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (jnp.abs, "abs"),
        (nn.relu, "max in relu"),
        (jax.jit(lambda x: 2 * nn.relu(x)), "max in relu"),
        (nn.leaky_relu, "comparison in leaky_relu"),
        (lambda x: lax.clamp(-0.5, x, 0.5), "clamp"),
        (lambda x: pooled(x, -jnp.inf, lax.max), "reduce_window_max"),
        (lambda x: jax.jvp(lambda y: pooled(y, -jnp.inf, lax.max), (x,), (x,))[1], ""),
        (lambda x: lax.scan(lambda y, _: (nn.relu(y), None), x, None, length=2)[0], "max in relu"),
    ],
)
def test_kinks_are_found_by_the_derivative_alone(f: Function, expected: str) -> None:
    """The gradient of a sum has no use for the value of f, only for the side it is on."""
    (found,) = kinks(jax.grad(lambda x: jnp.sum(f(x))), THETA)
    assert expected in found


@FORMS
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_have_none(name: str, form: Callable[[Function], Function]) -> None:
    assert kinks(form(SMOOTH[name]), THETA) == ()


NEVER_NEGATIVE: dict[str, Function] = {
    "exp2": jnp.exp2,
    "fourth power": lambda x: x**4,
    "itself times itself": lambda x: x * x,
    "odd power": lambda x: jnp.exp(x) ** 3,
    "real power": lambda x: jnp.exp(x) ** 1.5,
    "sqrt": lambda x: jnp.sqrt(1.0 + x),
    "rsqrt": lambda x: lax.rsqrt(1.0 + x),
    "abs": lambda x: jnp.abs(jnp.fft.fft(x)),
    "tanh": lambda x: 1.0 - jnp.tanh(x),
    "erf": lambda x: 1.0 - lax.erf(x),
    "sine": lambda x: 1.0 - jnp.sin(x),
    "cosine": lambda x: jnp.cos(x) + 1.0,
    "logistic": lambda x: 1.0 - nn.sigmoid(x),
    "erfc": lambda x: 2.0 - lax.erfc(x),
    "cosh": lambda x: jnp.cosh(x) - 1.0,
    "product": lambda x: (0.5 * jnp.tanh(x) - 0.5) * (jnp.sin(x) - 1.0),
    "quotient": lambda x: jnp.exp(x) / jnp.cosh(x),
    "matrix product": lambda x: jnp.exp(x) @ jnp.exp(x),
    "convolution": lambda x: lax.conv(
        jnp.exp(x).reshape(IMAGE), jnp.exp(x).reshape(IMAGE), (1, 1), "SAME"
    ),
    "sum": lambda x: jnp.exp(x).sum(axis=0),
    "product of all": lambda x: jnp.exp(x).prod(axis=0),
    "pooled": lambda x: pooled(jnp.exp(x), 0.0, lax.add),
    "cumulated": lambda x: jnp.cumsum(jnp.exp(x), axis=0),
    "log1p": lambda x: jnp.log1p(jnp.exp(x)),
    "expm1": lambda x: jnp.expm1(jnp.exp(x)),
    "moved about": lambda x: jnp.pad(lax.rev(jnp.exp(x), (0,)).T.ravel()[2:9], 1),
    "in two": lambda x: jnp.concatenate([jnp.exp(x[:2]), x**2]).reshape(2, 3, 4).squeeze(),
    "sliced": lambda x: lax.dynamic_slice(jnp.exp(x), LABELS[:2] * 0, (2, 2)),
    "stopped": lambda x: x**2 + lax.stop_gradient(jnp.exp(x)),
    "greatest": lambda x: jnp.exp(lax.stop_gradient(x.max() + x.min())) * x**2,
}


@pytest.mark.parametrize("name", NEVER_NEGATIVE)
def test_ranges(name: str) -> None:
    f = NEVER_NEGATIVE[name]
    assert jnp.nanmin(f(THETA)) >= 0
    assert kinks(lambda x: jnp.abs(f(x)), THETA) == ()
    assert kinks(lambda x: jnp.maximum(-f(x), 0.0), THETA) == ()
    assert kinks(lambda x: jnp.abs(f(x) - 1e-3), THETA) == ("abs",)


@pytest.mark.parametrize("name", FORWARD_KINKED)
def test_kinks_are_found_in_what_has_no_gradient(name: str) -> None:
    f, expected = FORWARD_KINKED[name]
    assert kinks(f, THETA) == (expected,)


@pytest.mark.parametrize("name", FORWARD_SMOOTH)
def test_what_has_no_gradient_may_be_smooth(name: str) -> None:
    f = FORWARD_SMOOTH[name]
    assert kinks(f, THETA) == ()
    assert kinks(lambda x: jax.jvp(f, (x,), (x,))[1], THETA) == ()


@FORMS
@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("name", NESTED_KINKED)
def test_kinks_are_found_within(name: str, nest: str, form: Callable[[Function], Function]) -> None:
    f, _ = KINKED[name]
    assert kinks(form(NESTS[nest](f)), THETA)


@FORMS
@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("name", NESTED_SMOOTH)
def test_smooth_functions_have_none_within(
    name: str, nest: str, form: Callable[[Function], Function]
) -> None:
    assert kinks(form(NESTS[nest](SMOOTH[name])), THETA) == ()


def test_all_arguments_and_leaves_are_parameters() -> None:
    def loss(theta: dict[str, jax.Array], scale: jax.Array) -> jax.Array:
        return jnp.sum(jnp.tanh(theta["w"] @ theta["b"])) + jnp.abs(scale)

    theta = {"w": WEIGHTS, "b": jnp.ones(4)}
    assert kinks(loss, theta, jnp.float32(1.0)) == ("abs",)
    assert kinks(lambda t: loss(t, jnp.float32(1.0)), theta) == ()


def test_data_may_have_kinks() -> None:
    data = nn.relu(WEIGHTS)
    assert kinks(lambda x: jnp.sum(x * jnp.abs(data) * (data > 0.1)), THETA) == ()


def test_the_sides_of_a_kink_are_not_counted_beside_it() -> None:
    assert kinks(field_of(through_net(nn.relu)), THETA) == ("max in relu",)


def test_several_kinks_in_the_order_of_the_program() -> None:
    assert kinks(lambda x: jnp.sum(jnp.floor(x) + jnp.abs(nn.relu(x) - 1.0)), THETA) == (
        "floor",
        "max in relu",
        "abs",
    )


@pytest.mark.parametrize(
    "around",
    [
        jax.jit,
        jax.vmap,
        jax.grad,
        jax.checkpoint,
        lambda f: lambda x: jax.jvp(f, (x,), (x,)),
        lambda f: lambda x: jax.linearize(f, x),
        lambda f: lambda x: lax.map(f, x),
    ],
    ids=["jit", "vmap", "grad", "remat", "jvp", "linearize", "map"],
)
def test_while_something_else_is_traced(around: Callable[..., Callable[..., object]]) -> None:
    """θ is a tracer, and so is what the function closes over."""
    seen = []

    def outer(x: jax.Array) -> jax.Array:
        scale = jnp.sum(x)
        seen.append(kinks(field_of(lambda y: nn.relu(y * scale)), x))
        seen.append(kinks(field_of(lambda y: jnp.tanh(y * scale)), x))
        return jnp.sum(x**2)

    around(outer)(THETA[0] if around is jax.grad else THETA)
    assert seen[:2] == [("max in relu",), ()]


def test_nothing_is_computed() -> None:
    shape = jax.ShapeDtypeStruct((10**6, 10**6), "float32")
    assert kinks(lambda x: jnp.sum(nn.relu(x @ x)), shape) == ("max in relu",)


def test_what_cannot_be_traced_has_none() -> None:
    assert kinks(lambda x: float(x), 1.0) == ()
    assert kinks(lambda x: {}[0], 1.0) == ()
    assert kinks(lambda x: x, "text") == ()


def test_a_function_in_an_unknown_primitive_counts() -> None:
    """A reduction of the caller's own, which JAX keeps as `reduce` with a jaxpr."""

    def largest(x: jax.Array) -> jax.Array:
        return lax.reduce(x, jnp.float32(-1e9), lambda a, b: jnp.maximum(a, b) + 0.0, (0, 1))

    def product(x: jax.Array) -> jax.Array:
        return lax.reduce(x, jnp.float32(1.0), lambda a, b: a * b + 0.0, (0, 1))

    assert kinks(largest, THETA) == ("max",)
    assert kinks(product, THETA) == ()
    assert kinks(lambda x: product(jnp.floor(x)), THETA) == ("floor",)
    # The bounds of one application are not those of the whole.
    assert kinks(lambda x: jnp.maximum(product(nn.sigmoid(x) + 1.0), 2.0), THETA) == ("max",)


def test_a_kernel_that_returns_by_reference() -> None:
    def relu(x: Any, out: Any) -> None:
        out[...] = jnp.maximum(x[...], 0.0)

    def tanh(x: Any, out: Any) -> None:
        out[...] = jnp.tanh(x[...])

    shape = jax.ShapeDtypeStruct(THETA.shape, THETA.dtype)
    assert kinks(pallas.pallas_call(relu, out_shape=shape), THETA) == ("max",)
    assert kinks(pallas.pallas_call(tanh, out_shape=shape), THETA) == ()


def test_a_range_that_moves_in_a_loop_is_given_up() -> None:
    def grown(x: jax.Array) -> jax.Array:
        start = nn.sigmoid(x)
        total = lax.fori_loop(0, 5, lambda _, y: y + start, start)
        return jnp.sum(jnp.minimum(total, 1.0))

    assert kinks(grown, THETA) == ("min",)


def test_a_kink_comes_around_in_a_loop() -> None:
    """It takes as many steps as there are places to get from one end of the carry to the other."""

    def shifted(x: jax.Array) -> jax.Array:
        def body(carry: tuple[jax.Array, ...], _: None) -> tuple[tuple[jax.Array, ...], None]:
            a, b, c, d = carry
            return (jnp.abs(d), a, b, c), None

        return jnp.sum(lax.scan(body, (x, x, x, x), None, length=5)[0][3])

    assert kinks(shifted, THETA) == ("abs",)


@pytest.mark.parametrize("sliced", [False, True])
def test_what_starts_equal_does_not_stay_so_in_a_loop(sliced: bool) -> None:
    """Else this was softplus by hand, of the entry of the carry, or of the slice."""

    def loss(x: jax.Array) -> jax.Array:
        def body(
            carry: tuple[jax.Array, jax.Array], row: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            a, b = carry
            nearly_softplus = nn.relu(row if sliced else a) + jnp.log1p(jnp.exp(-jnp.abs(b)))
            return (2 * a, b), nearly_softplus

        return jnp.sum(lax.scan(body, (x, x), x)[1])

    assert set(kinks(loss, THETA)) == {"max in relu", "abs"}


def test_the_results_of_a_smooth_function_differ() -> None:
    """Else their product was a square, and never negative."""

    @jax.jit
    def softmax(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return x, 2 * x

    def loss(x: jax.Array) -> jax.Array:
        a, b = softmax(x)
        return jnp.sum(jnp.abs(a * b))

    assert kinks(loss, THETA) == ("abs",)


def test_private_names_are_not_told() -> None:
    @jax.jit
    def _piece(x: jax.Array) -> jax.Array:
        return jnp.maximum(x, 0.0)

    @jax.jit
    def layer(x: jax.Array) -> jax.Array:
        return jnp.sum(_piece(x))

    assert kinks(layer, THETA) == ("max in layer",)
    assert kinks(_piece, THETA) == ("max",)


def test_the_warning_names_the_kinks_and_the_line_of_the_caller() -> None:
    with pytest.warns(NotSmoothWarning, match=r"has kinks \(max in relu\): .* smooth") as caught:
        assert warn_of_kinks(field_of(nn.relu), THETA) == ("max in relu",)
    assert [each.filename for each in caught] == [__file__]


def test_the_warning_is_at_the_caller_though_jax_is_in_between() -> None:
    with pytest.warns(NotSmoothWarning) as caught:
        jax.jit(lambda x: (warn_of_kinks(field_of(jnp.abs), x), x)[1])(THETA)
    assert [each.filename for each in caught] == [__file__]


def test_no_kinks_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_of_kinks(field_of(jnp.tanh), THETA) == ()
