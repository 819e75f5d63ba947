"""The MLP and the residual network: sizes, values by hand, statistics of the batch, and losses."""

from __future__ import annotations

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

import bea
from bea import pytrees
from bea.models.losses import batch_cross_entropy, cross_entropy
from bea.models.mlp import MLP
from bea.models.resnet import ResNet, resnet18

KEY = jax.random.key(5)
IMAGES = jax.random.normal(jax.random.key(6), (6, 8, 8, 3))
LABELS = jnp.array([0, 1, 2, 9, 3, 1])


def parameters(model, shape):
    variables = jax.eval_shape(model.init, KEY, jax.ShapeDtypeStruct(shape, jnp.float32))
    return variables["params"]


@pytest.mark.parametrize(
    ("width", "expected"),  # n_l of the paper: (784 + 1)n + 4(n + 1)n + (n + 1)10
    [(50, 49_960), (100, 119_910), (200, 319_810), (400, 959_610), (1600, 11_518_410)],
)
def test_the_paper_s_perceptrons_have_these_parameters(width, expected):
    assert pytrees.size(parameters(MLP(width=width), (1, 28, 28))) == expected


def test_a_perceptron_is_what_it_says():
    model = MLP(width=7, depth=2, classes=3, activation=jnp.sin)
    theta = model.init(KEY, IMAGES)["params"]
    a = np.asarray(IMAGES, np.float64).reshape(6, -1)
    for name in ("Dense_0", "Dense_1"):
        a = np.sin(a @ np.asarray(theta[name]["kernel"], np.float64) + theta[name]["bias"])
    expected = a @ np.asarray(theta["Dense_2"]["kernel"], np.float64) + theta["Dense_2"]["bias"]
    np.testing.assert_allclose(model.apply({"params": theta}, IMAGES), expected, atol=1e-5)


def test_weights_start_uniformly_after_he():
    theta = MLP().init(KEY, jnp.zeros((1, 784)))["params"]["Dense_1"]
    bound = np.sqrt(6 / 400)
    assert abs(theta["kernel"]).max() <= bound
    assert theta["kernel"].std() == pytest.approx(bound / np.sqrt(3), rel=0.01)
    assert not theta["bias"].any()


def test_resnet18_has_the_published_layers():
    shapes = jax.tree.map(lambda leaf: leaf.shape, parameters(resnet18(), (1, 32, 32, 3)))
    kernels = [
        path for path, _ in jax.tree_util.tree_leaves_with_path(shapes, is_leaf=_is_shape)
        if "kernel" in jax.tree_util.keystr(path)
    ]  # fmt: skip
    assert len(kernels) == 1 + 16 + 3 + 1  # stem, blocks, shortcuts, linear: 18 without shortcuts
    by_hand = 3 * 9 * 64 + 2 * 64 + 512 * 10 + 10
    for channels_in, channels in ((64, 64), (64, 128), (128, 256), (256, 512)):
        by_hand += 9 * channels_in * channels + 3 * 9 * channels**2 + 8 * channels
        by_hand += (channels_in * channels + 2 * channels) if channels != channels_in else 0
    assert pytrees.size(parameters(resnet18(), (1, 32, 32, 3))) == by_hand == 11_173_962


def _is_shape(x):
    return isinstance(x, tuple)


def test_stages_halve_the_image_and_double_the_channels():
    model = ResNet(stages=(1, 2, 1), width=4)
    variables = jax.eval_shape(model.init, KEY, IMAGES)
    apply = partial(model.apply, capture_intermediates=True, mutable=["intermediates"])
    _, seen = jax.eval_shape(apply, variables, IMAGES)
    blocks = {k: v["__call__"][0].shape for k, v in seen["intermediates"].items() if "Block" in k}
    assert [blocks[f"BasicBlock_{i}"] for i in range(4)] == [
        (6, 8, 8, 4),
        (6, 4, 4, 8),
        (6, 4, 4, 8),
        (6, 2, 2, 16),
    ]


SMALL = ResNet(stages=(1, 1), width=4, activation=nn.gelu)


@cache
def small_variables():
    """The parameters and statistics of SMALL, initialized when they are first asked for."""
    return jax.jit(SMALL.init)(KEY, IMAGES)


@pytest.mark.slow
def test_training_normalizes_by_the_batch_and_evaluation_by_the_averages():
    loss = batch_cross_entropy(SMALL)
    E, statistics = loss(
        small_variables()["params"], small_variables()["batch_stats"], IMAGES, LABELS
    )
    other = jax.tree.map(lambda s: s + 1.0, small_variables()["batch_stats"])
    assert loss(small_variables()["params"], other, IMAGES, LABELS)[0] == E
    # the running average takes a tenth of the batch's
    stem = nn.Conv(4, (3, 3), padding=1, use_bias=False)
    convolved = stem.apply({"params": small_variables()["params"]["Conv_0"]}, IMAGES)
    found = statistics["BatchNorm_0"]
    np.testing.assert_allclose(found["mean"], 0.1 * convolved.mean((0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(found["var"], 0.9 + 0.1 * convolved.var((0, 1, 2)), rtol=1e-5)
    # in evaluation an image has the outputs it has alone, in training it has not
    alone = SMALL.apply(small_variables(), IMAGES[:1])
    np.testing.assert_allclose(
        SMALL.apply(small_variables(), IMAGES)[:1], alone, rtol=1e-4, atol=1e-5
    )
    trained, _ = SMALL.apply(small_variables(), IMAGES, train=True, mutable=["batch_stats"])
    assert abs(trained[:1] - alone).max() > 1e-3


def test_the_loss_is_that_of_the_definition():
    model = MLP(width=5, depth=1, classes=10)
    theta = model.init(KEY, IMAGES)["params"]
    logits = np.asarray(model.apply({"params": theta}, IMAGES), np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(probabilities[np.arange(6), LABELS]).mean()
    assert cross_entropy(model)(theta, IMAGES, LABELS) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        MLP(width=8, dtype=jnp.bfloat16),
        pytest.param(ResNet((1,), 4, dtype="bfloat16"), marks=pytest.mark.slow),
    ],
)
def test_networks_compute_in_bfloat16_with_parameters_and_losses_in_float32(model):
    variables = model.init(KEY, IMAGES)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype("float32")}
    assert model.apply(variables, IMAGES).dtype == jnp.bfloat16
    if isinstance(model, MLP):
        assert cross_entropy(model)(variables["params"], IMAGES, LABELS).dtype == np.float32
    else:
        loss = batch_cross_entropy(model)
        E, _ = loss(variables["params"], variables["batch_stats"], IMAGES, LABELS)
        assert E.dtype == np.float32


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (jnp.array([0, 1, 2, 10, 3, 1]), "label 3 is 10: the network has the classes 0 … 9"),
        (jnp.array([0, -1, 2, 1, 3, 1]), "label 1 is -1"),
        (jnp.ones(6), "the labels are float32: give the indices of classes"),
        (jnp.ones((6, 10), int), r"shape \(6, 10\) for 6 inputs"),
        (jnp.ones(5, int), r"shape \(5,\) for 6 inputs"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    model = MLP(width=5, depth=1)
    theta = model.init(KEY, IMAGES)["params"]
    with pytest.raises(bea.InputError, match=message) as caught:
        cross_entropy(model)(theta, IMAGES, labels)
    assert "\n" not in str(caught.value)


def test_inside_a_jitted_function_a_label_out_of_range_makes_the_loss_nan():
    model = MLP(width=5, depth=1)
    theta = model.init(KEY, IMAGES)["params"]
    assert jnp.isnan(jax.jit(cross_entropy(model))(theta, IMAGES, LABELS.at[2].set(10)))


@pytest.mark.slow
def test_a_residual_network_learns():
    """Forty steps of gradient descent on six images, with their statistics carried along."""
    loss = batch_cross_entropy(SMALL)
    optimizer = optax.sgd(0.1)

    @jax.jit
    def step(theta, statistics, state):
        (E, statistics), g = jax.value_and_grad(loss, has_aux=True)(
            theta, statistics, IMAGES, LABELS
        )
        updates, state = optimizer.update(g, state)
        return optax.apply_updates(theta, updates), statistics, state, E

    theta, statistics = small_variables()["params"], small_variables()["batch_stats"]
    state, losses = optimizer.init(theta), []
    for _ in range(40):
        theta, statistics, state, E = step(theta, statistics, state)
        losses.append(float(E))
    assert losses[-1] < 0.25 * losses[0]
    evaluated = SMALL.apply({"params": theta, "batch_stats": statistics}, IMAGES)
    assert jnp.isfinite(evaluated).all()


@pytest.mark.slow
def test_everything_of_bea_takes_a_residual_network():
    """has_aux carries the statistics; regularized, measured and corrected on the same batch."""
    loss = batch_cross_entropy(SMALL)
    arguments = (small_variables()["params"], small_variables()["batch_stats"], IMAGES, LABELS)
    geometry = jax.jit(bea.gradient_geometry(loss, has_aux=True))(*arguments)
    assert geometry.parameters == pytrees.size(small_variables()["params"])
    h = 0.01
    modified, statistics = jax.jit(bea.modified_loss(loss, h, has_aux=True))(*arguments)
    assert modified == pytest.approx(float(geometry.modified_loss(h)), rel=1e-6)
    for new, old in zip(jax.tree.leaves(statistics), jax.tree.leaves(geometry.aux), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5)

    def field(theta):
        return jax.tree.map(jnp.negative, jax.grad(lambda t: loss(t, *arguments[1:])[0])(theta))

    f, f_1 = jax.jit(bea.modified_series("euler", 1).corrections_to_jax(field))(arguments[0])
    regularized, _ = jax.jit(
        jax.grad(bea.explicit_gradient_regularization(loss, 1.0, has_aux=True), has_aux=True)
    )(*arguments)
    for g, v, w in zip(*map(jax.tree.leaves, (regularized, f, f_1)), strict=True):
        np.testing.assert_allclose(g, -v - 4 * w, rtol=2e-3, atol=2e-4)  # f_1 = −½H∇E
