"""The same networks, losses and quantities in PyTorch, where it is installed.

It gets the parameters and the batch of the JAX problem, and its fields are compared with bea's
before they are timed. H∇E, the Hessian times the gradient, has two ways: "double backward", through
the graph of the gradient, and "jvp of grad", forward over reverse with `torch.func`, where the
gradient is computed first and once more within. f_2 is nested `jvp`s. On a GPU the ResNet runs in
channels-last layout. PyTorch runs eagerly, but for the training step on a GPU, which is compiled;
of operations it counts those of matrix products and convolutions only, and of memory nothing on a
CPU.

Threads of OpenMP wait asleep. When they wait spinning, its default, they take the time of what runs
beside and after them: on two cores with other programs the gradient took 4 to 30 times as long.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import sqrt
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from bea import pytrees
from benchmarks.interleaved import Contender, unless_out_of_memory
from benchmarks.quantities import Problem
from examples.paper.device import cores

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when PyTorch is imported
try:
    import torch
    import torch.nn.functional as F
    from torch.utils.flop_counter import FlopCounterMode
except ImportError:
    torch = None

Vector = Sequence[Any]
"""A tensor for each array of θ."""

DOUBLE_BACKWARD, JVP = "double backward", "jvp of grad"
TOLERANCE = 0.02
"""Of the norm of a field; the numbers of TF32 have 10 bits."""

PACKAGES = [] if torch is None else ["torch"]


def is_there() -> bool:
    return torch is not None


def contenders(problem: Problem, h: float, ours: Iterable[Contender]) -> list[Contender]:
    """The quantities of a problem in PyTorch; none where it is not installed.

    Args:
        problem: the network.
        h: the learning rate.
        ours: the contenders of bea, with some of the same quantities among them.

    Raises:
        AssertionError: a field is not that of bea.
    """
    if not is_there():
        return []
    prepare(jax.default_backend())
    fields = {each.quantity: each for each in ours if each.quantity.startswith("f_")}
    quantities = tqdm(OnTorch(problem, h).quantities(), desc="PyTorch: first calls", leave=False)
    found = []
    for quantity, way, run in quantities:
        ready = partial(contender, quantity, way, run, fields.get(quantity))
        found.append(unless_out_of_memory(f"PyTorch {quantity} {way}".strip(), ready))
    return [each for each in found if each]


def prepare(platform: str) -> None:
    """As many threads as JAX has, and the same precision."""
    torch.set_num_threads(cores())
    if platform != "cpu":
        torch.set_float32_matmul_precision("high")  # TF32, as in JAX
        torch.backends.cudnn.benchmark = True


def contender(quantity: str, way: str, run: Callable[[], Any], ours: Contender | None) -> Contender:
    """A quantity, run once to count its operations and to compare it with bea's."""

    def call() -> Any:
        result = run()
        if on_gpu():
            torch.cuda.synchronize()
        return result

    with FlopCounterMode(display=False) as counter, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's about itself
        result = call()
    if ours:
        check_agreement(f"{quantity}, {way}", result, ours.call())
    return Contender(
        "PyTorch",
        quantity,
        call,
        unit=("bea" if quantity == "gradient" else "PyTorch", "gradient"),
        way=way,
        counter="PyTorch",
        flops=counter.get_total_flops(),
        memory=peak_memory(call),
    )


def check_agreement(what: str, theirs: Vector, ours: Any) -> None:
    a, b = sqrt(squared_norm(theirs)), sqrt(pytrees.inner(ours, ours))
    if abs(a - b) > TOLERANCE * b:
        raise AssertionError(f"{what}: the norm in PyTorch is {a}, in bea {b}")


def on_gpu() -> bool:
    return jax.default_backend() != "cpu" and torch.cuda.is_available()


def peak_memory(call: Callable[[], Any]) -> float | None:
    if not on_gpu():
        return None
    torch.cuda.reset_peak_memory_stats()
    call()
    return torch.cuda.max_memory_allocated()


# --- the networks, with the names that Flax gives their parameters ----------------------------


def perceptron(theta: Mapping[str, Any], x: Any) -> Any:
    *hidden, last = (theta[f"Dense_{i}"] for i in range(len(theta)))
    for layer in hidden:
        x = torch.tanh(dense(layer, x))
    return dense(last, x)


def residual_network(theta: Mapping[str, Any], x: Any) -> Any:
    x = gelu(norm(theta["BatchNorm_0"], conv(theta["Conv_0"], x)))
    for i in range(8):
        x = basic_block(theta[f"BasicBlock_{i}"], x, stride=2 if i in (2, 4, 6) else 1)
    return dense(theta["Dense_0"], x.mean((2, 3)))


def basic_block(theta: Mapping[str, Any], x: Any, stride: int) -> Any:
    y = gelu(norm(theta["BatchNorm_0"], conv(theta["Conv_0"], x, stride)))
    y = norm(theta["BatchNorm_1"], conv(theta["Conv_1"], y))
    if "Conv_2" in theta:
        x = norm(theta["BatchNorm_2"], conv(theta["Conv_2"], x, stride))
    return gelu(x + y)


def dense(theta: Mapping[str, Any], x: Any) -> Any:
    return F.linear(x, theta["kernel"], theta["bias"])


def conv(theta: Mapping[str, Any], x: Any, stride: int = 1) -> Any:
    kernel = theta["kernel"]
    return F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)


def norm(theta: Mapping[str, Any], x: Any) -> Any:
    return F.batch_norm(x, None, None, theta["scale"], theta["bias"], training=True, eps=1e-5)


def gelu(x: Any) -> Any:
    return F.gelu(x, approximate="tanh")


NETWORKS = {"mlp": perceptron, "resnet18": residual_network}


def as_tensor(array: Any, *order: int) -> Any:
    """An array with its axes in this order, on the device of JAX."""
    tensor = torch.tensor(np.asarray(array))
    tensor = tensor.permute(order).contiguous() if order else tensor
    if not on_gpu():
        return tensor
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    return tensor.to("cuda", memory_format=layout)


def parameter(array: Any) -> Any:
    """(height, width, in, out) to (out, in, height, width), (in, out) to (out, in)."""
    return as_tensor(array, *{4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, ()))


def images(array: Any) -> Any:
    """(n, height, width, channels) to (n, channels, height, width); vectors as they are."""
    return as_tensor(array, *((0, 3, 1, 2) if array.ndim == 4 else ()))


# --- the quantities ---------------------------------------------------------------------------


class OnTorch:
    """A problem in PyTorch, its θ twice: as tensors, and as leaves of autograd's graphs."""

    def __init__(self, problem: Problem, h: float) -> None:
        self.network = NETWORKS[problem.network]
        self.h = h
        self.theta = jax.tree.map(parameter, problem.theta)
        self.live = jax.tree.map(lambda t: t.clone().requires_grad_(), self.theta)
        self.x = images(problem.data[-2])
        self.labels = as_tensor(problem.data[-1]).long()

    def quantities(self) -> list[tuple[str, str, Callable[[], Any]]]:
        """The name, the way if there are several, and the call."""
        return [
            ("gradient", "", self.gradient),
            *(("f_1", way, partial(self.f_1, way)) for way in (DOUBLE_BACKWARD, JVP)),
            ("f_2", JVP, self.f_2),
            *(("EGR", way, partial(self.regularized, way)) for way in (DOUBLE_BACKWARD, JVP)),
            ("R_IG", "", self.implicit_regularizer),
        ]

    def loss(self, theta: Any) -> Any:
        return F.cross_entropy(self.network(theta, self.x), self.labels)

    def gradient(self, create_graph: bool = False) -> tuple[Any, Vector]:
        E = self.loss(self.live)
        return E, torch.autograd.grad(E, leaves(self.live), create_graph=create_graph)

    def f_1(self, way: str) -> Vector:
        """−∇E − (h/2)H∇E: the whole field to that order."""
        _, slope, image = self.hessian_times_gradient(way)
        return [-g - self.h / 2 * Hg for g, Hg in zip(slope, image, strict=True)]

    def f_2(self) -> Vector:
        """−∇E − (h/2)H∇E − h²(∇³E[∇E, ∇E]/12 + HH∇E/3).

        The last term is the derivative of H∇E, θ moving by ∇E/12 and ∇E by H∇E/3.
        """
        slope = torch.func.grad(self.loss)(self.theta)
        image = self.along(self.theta, slope)
        moves = (scaled(1 / 12, slope), scaled(1 / 3, image))
        _, second = torch.func.jvp(self.along, (self.theta, slope), moves)
        terms = zip(leaves(slope), leaves(image), leaves(second), strict=True)
        return [-g - self.h / 2 * Hg - self.h**2 * d for g, Hg, d in terms]

    def regularized(self, way: str) -> tuple[Any, Vector]:
        """E + μ|∇E|² with μ = h/4, and its gradient."""
        mu = self.h / 4
        if way == DOUBLE_BACKWARD:
            E, slope = self.gradient(create_graph=True)
            E_mu = E + mu * squared_norm(slope)
            return E_mu, torch.autograd.grad(E_mu, leaves(self.live))
        E, slope, image = self.hessian_times_gradient(way)
        gradient = [g + 2 * mu * Hg for g, Hg in zip(slope, image, strict=True)]
        return E + mu * squared_norm(slope), gradient

    def implicit_regularizer(self) -> tuple[Any, Vector, Any]:
        E, slope = self.gradient()
        return E, slope, squared_norm(slope) / sum(g.numel() for g in slope)

    def hessian_times_gradient(self, way: str) -> tuple[Any, Vector, Vector]:
        """E, ∇E and H∇E."""
        if way == JVP:
            slope, E = torch.func.grad_and_value(self.loss)(self.theta)
            return E, leaves(slope), leaves(self.along(self.theta, slope))
        E, slope = self.gradient(create_graph=True)
        fixed = [g.detach() for g in slope]
        return E, fixed, torch.autograd.grad(slope, leaves(self.live), grad_outputs=fixed)

    def along(self, theta: Any, direction: Any) -> Any:
        """(θ, u) ↦ H(θ)u."""
        return torch.func.jvp(torch.func.grad(self.loss), (theta,), (direction,))[1]


def leaves(tree: Any) -> Vector:
    return jax.tree.leaves(tree)


def scaled(w: float, tree: Any) -> Any:
    return jax.tree.map(lambda t: w * t, tree)


def squared_norm(vector: Vector) -> Any:
    return sum((t * t).sum() for t in vector)


# --- training: the ResNet with ReLU and running averages, moved by an optimizer -----------------


def sgd_step(problem: Problem, h: float, dtype: str) -> tuple[str, Callable[[], float]]:
    """The step that one writes in PyTorch, each call from where the last one ended.

    Args:
        problem: a ResNet with ReLU in place of GELU.
        h: the learning rate.
        dtype: "float32", or "bfloat16" for autocast.

    Returns:
        How it runs, compiled or eagerly, and the step; it returns E before the step.
    """
    prepare(jax.default_backend())
    theta = jax.tree.map(lambda array: parameter(array).requires_grad_(), problem.theta)
    averages = jax.tree.map(as_tensor, problem.data[0])
    x, labels = images(problem.data[-2]), as_tensor(problem.data[-1]).long()
    optimizer = torch.optim.SGD(leaves(theta), lr=h)

    def eager(theta: Any, averages: Any, x: Any, labels: Any) -> Any:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            outputs = relu_network(theta, averages, x)
        return F.cross_entropy(outputs.float(), labels)

    way, loss = compiled_or_eager(eager, theta, averages, x, labels)

    def step() -> float:
        optimizer.zero_grad()
        E = loss(theta, averages, x, labels)
        E.backward()
        optimizer.step()
        if on_gpu():
            torch.cuda.synchronize()
        return E.item()

    return way, step


def compiled_or_eager(loss: Callable[..., Any], *args: Any) -> tuple[str, Callable[..., Any]]:
    """The loss by torch.compile on a GPU; as it is on a CPU, and where that does not work."""
    if not on_gpu():
        return "eager", loss
    try:
        fast = torch.compile(loss)
        fast(*args).backward()  # compiles both ways
    except Exception as error:  # there are many, such as that of a missing C compiler
        print(f"torch.compile does not work here: {type(error).__name__}")
        return "eager", loss
    return "compiled", fast


def relu_network(theta: Mapping[str, Any], averages: Mapping[str, Any], x: Any) -> Any:
    x = moving_norm(theta, averages, 0, conv(theta["Conv_0"], x)).relu()
    for i in range(sum(name.startswith("BasicBlock") for name in theta)):
        block = f"BasicBlock_{i}"
        x = relu_block(theta[block], averages[block], x)
    return dense(theta["Dense_0"], x.mean((2, 3)))


def relu_block(theta: Mapping[str, Any], averages: Mapping[str, Any], x: Any) -> Any:
    stride = 2 if "Conv_2" in theta else 1
    y = moving_norm(theta, averages, 0, conv(theta["Conv_0"], x, stride)).relu()
    y = moving_norm(theta, averages, 1, conv(theta["Conv_1"], y))
    if "Conv_2" in theta:
        x = moving_norm(theta, averages, 2, conv(theta["Conv_2"], x, stride))
    return (x + y).relu()


def moving_norm(theta: Mapping[str, Any], averages: Mapping[str, Any], i: int, x: Any) -> Any:
    """The norm of the batch; its statistics move the running averages."""
    name = f"BatchNorm_{i}"
    mean, var = averages[name]["mean"], averages[name]["var"]
    weights = theta[name]["scale"], theta[name]["bias"]
    return F.batch_norm(x, mean, var, *weights, training=True, momentum=0.1, eps=1e-5)
