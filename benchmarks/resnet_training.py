"""How fast the CIFAR ResNet-18 trains, as a share of the rate at which the device multiplies.

    python -m benchmarks.resnet_training
    python -m benchmarks.resnet_training --width 64 --batch 512 --rounds 20 --out build/benchmarks
    python -m benchmarks.resnet_training --trace build/trace

A step of gradient descent on the cross-entropy of a batch of random images: ReLU, batch
normalization in training mode, parameters in float32, computed in float32 and in bfloat16. Beside
it the same with explicit gradient regularization, in units of the plain step of the same dtype, and
one chunk of a measurement, E and ∇E of as many images in full float32. Where PyTorch imports, its
steps are taken in the same rounds (`in_pytorch`): on a GPU in channels-last layout and compiled,
with autocast for bfloat16 and TF32 for float32, on a CPU eagerly.

What the device can do is measured in the same rounds: square matrix products, and a + 1 for a large
array a. A step is held to 2 operations for each multiplication of its convolutions and of its last
layer, three times for a gradient and nine times with regularization, where each of a gradient's
products has a derivative of two terms. The zeros around the images count, as usual. The share of a
step is that number over its time and over the fastest product of its dtype. Where the share is too
small, what XLA counts in the compiled program says what bounds the step.

Memory is that which XLA plans for a program, and what a process of its own had at most in use on
the device while it compiled and ran it; on a CPU, what it had resident.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from tqdm import tqdm

from bea import pytrees
from bea.models.losses import batch_cross_entropy
from bea.models.resnet import ResNet
from benchmarks.interleaved import (
    MIB,
    Contender,
    compiled,
    interleaved,
    print_rows,
    significant,
    unless_out_of_memory,
)
from benchmarks.networks import peak_resident_mib
from benchmarks.quantities import H, Problem, gradient, resnet_problem, sgd_step
from benchmarks.report import RESULTS, write_table

DTYPES = FLOAT32, BFLOAT16 = "float32", "bfloat16"
STEP, STEP_WITH_EGR, MEASUREMENT = "step", "step with EGR", "measurement"
QUANTITIES = (
    (FLOAT32, STEP),
    (BFLOAT16, STEP),
    (FLOAT32, STEP_WITH_EGR),
    (BFLOAT16, STEP_WITH_EGR),
    (FLOAT32, MEASUREMENT),
)
ALONE = ((FLOAT32, STEP), (BFLOAT16, STEP), (BFLOAT16, STEP_WITH_EGR))
"""What is run once more in a process of its own, to see how much memory that takes."""

PASSES = {STEP: 3, STEP_WITH_EGR: 9, MEASUREMENT: 3}
"""How many forward passes have as many multiplications."""

SHARE, EGR, PYTORCH = 0.35, 3.0, 1.0
"""On an H100: the least share of the matrix rate in bfloat16, the most that a step with EGR takes
in plain steps, and the least that PyTorch takes in steps of bea."""

TERA, GIB = 1e12, 2**30


@dataclass(frozen=True)
class Training:
    """The network and the size of its batches.

    Attributes:
        width: the channels of the first stage.
        batch: the images of a step.
        stages: the number of blocks of each stage, those of the ResNet-18.
    """

    width: int
    batch: int
    stages: tuple[int, ...] = (2, 2, 2, 2)

    def model(self, dtype: str) -> ResNet:
        return ResNet(self.stages, self.width, dtype=jnp.dtype(dtype))

    def forward_flops(self, padded: bool = True) -> int:
        """Twice the multiplications of a forward pass, layer by layer.

        Args:
            padded: count those with the zeros around the images, too.
        """
        pixels, channels = 32, self.width
        products = taps(pixels, 1, padded) * 3 * channels
        for i, blocks in enumerate(self.stages):
            for j in range(blocks):
                stride, wider = (2 if i > 0 and j == 0 else 1), self.width * 2**i
                pixels //= stride
                products += taps(pixels, stride, padded) * channels * wider
                products += taps(pixels, 1, padded) * wider * wider
                if stride == 2:
                    products += pixels**2 * channels * wider  # the shortcut, 1×1
                channels = wider
        return 2 * self.batch * (products + channels * 10)


def taps(pixels: int, stride: int, padded: bool) -> int:
    """Entries of the image under a 3×3 kernel, in all its places on pixels×pixels outputs.

    Padding lies under its first row, and with stride 1 under its last row, too.
    """
    return (3 * pixels - (0 if padded else 3 - stride)) ** 2


@dataclass(frozen=True)
class Case:
    """A contender, the dtype it multiplies in, and the operations in its matrix products."""

    contender: Contender
    dtype: str
    flops: float | None = None


def problem_of(training: Training, dtype: str) -> Problem:
    """The network that computes in this dtype, from the same start and on the same batch."""
    return replace(start_of(training), loss=batch_cross_entropy(training.model(dtype)))


@cache
def start_of(training: Training) -> Problem:
    """It takes seconds to compile."""
    return resnet_problem(training.batch, training.model(FLOAT32))


# --- what is measured -------------------------------------------------------------------------


def measurement(problem: Problem) -> Callable[..., Any]:
    """E and ∇E, their products in full float32, as bea.train measures them."""

    def value_and_gradient(*args: Any) -> Any:
        with jax.default_matmul_precision("float32"):
            return gradient(problem)(*args)

    return value_and_gradient


def our_case(training: Training, dtype: str, quantity: str) -> Case:
    """One of the quantities, compiled."""
    problem = problem_of(training, dtype)
    functions = {
        STEP: sgd_step,
        STEP_WITH_EGR: partial(sgd_step, with_egr=True),
        MEASUREMENT: measurement,
    }
    contender = compiled(
        "bea",
        f"{dtype} {quantity}",
        functions[quantity](problem),
        problem.theta,
        H,
        *problem.data,
        unit=("bea", f"{dtype} {STEP}"),
        target=EGR if quantity == STEP_WITH_EGR else None,
    )
    return Case(contender, dtype, PASSES[quantity] * training.forward_flops())


def our_cases(training: Training) -> list[Case]:
    progress = tqdm(QUANTITIES, desc="compilation", leave=False)
    ready = ((" ".join(each), partial(our_case, training, *each)) for each in progress)
    return [case for each in ready if (case := unless_out_of_memory(*each))]


def pytorch_cases(training: Training, ours: Sequence[Case]) -> list[Case]:
    """The plain steps in PyTorch; none where it is not installed.

    Args:
        training: the network.
        ours: the cases of bea, to compare E with.
    """
    from benchmarks import in_pytorch  # not above: PyTorch would count as resident memory

    if not in_pytorch.is_there():
        return []
    steps = [case for case in ours if case.contender.quantity == f"{case.dtype} {STEP}"]
    progress = tqdm(steps, desc="PyTorch: first calls", leave=False)
    ready = ((f"PyTorch {each.dtype}", partial(pytorch_case, training, each)) for each in progress)
    return [case for each in ready if (case := unless_out_of_memory(*each))]


def pytorch_case(training: Training, ours: Case) -> Case | None:
    """The step of a case in PyTorch; a line and None where autocast does not run.

    Raises:
        AssertionError: its E at the start is not that of bea.
    """
    from benchmarks import in_pytorch

    quantity, dtype = ours.contender.quantity, ours.dtype
    try:
        way, step = in_pytorch.sgd_step(problem_of(training, dtype), H, dtype)
        theirs = step()
    except NotImplementedError as error:
        print(f"left out: PyTorch {dtype}: {error}")
        return None
    (E, _), *_ = ours.contender.call()
    if abs(theirs - E) > in_pytorch.TOLERANCE * E:
        raise AssertionError(f"{quantity}: E is {theirs} in PyTorch, {E} in bea")
    contender = Contender(
        "PyTorch",
        quantity,
        step,
        unit=ours.contender.unit,
        way=way,
        target=PYTORCH if dtype == BFLOAT16 else None,
        counter="PyTorch",
        memory=in_pytorch.peak_memory(step),
    )
    return Case(contender, dtype, ours.flops)


def device_cases(sizes: Sequence[int], entries: int) -> list[Case]:
    """What the device can do: products of n×n matrices, and a + 1 for an array of float32.

    The sum takes the place of a: the first touch of new memory is slow on a CPU.
    """
    found = []
    factors = jax.random.normal(jax.random.key(0), (2, max(sizes), max(sizes)))
    for dtype in DTYPES:
        for n in sizes:
            a, b = factors[:, :n, :n].astype(dtype)
            name = f"{dtype} product {n}"
            product = compiled("device", name, jnp.matmul, a, b, unit=("device", name))
            found.append(Case(product, dtype, 2 * n**3))
    a = jnp.zeros(entries, FLOAT32)
    plus_one = jax.jit(lambda a: a + 1, donate_argnums=0)

    def call() -> None:
        nonlocal a
        a = plus_one(a).block_until_ready()

    unit = ("device", f"{FLOAT32} a + 1")
    copy = Contender(*unit, call, unit, traffic=2 * a.nbytes, memory=a.nbytes)
    return [*found, Case(copy, FLOAT32)]


def usual_device_cases() -> list[Case]:
    """Of sizes that fill this device, and whose calls are long beside what a call costs."""
    if jax.default_backend() == "cpu":
        return device_cases((512, 1024, 2048), 2**26)
    return device_cases((4096, 8192, 16384), 2**29)


# --- measurements -----------------------------------------------------------------------------


def measure(training: Training, cases: Sequence[Case], rounds: int) -> list[dict[str, Any]]:
    """The rows of the table.

    Args:
        training: the network.
        cases: what to time, products of each dtype among them.
        rounds: how often.
    """
    rows = interleaved([case.contender for case in cases], rounds, "resnet18")
    by_key = {case.contender.key: case for case in cases}
    found = [
        row | numbers(by_key[row["library"], row["quantity"], row["way"]], row["seconds"])
        for row in rows
    ]
    size = {
        "width": training.width,
        "parameters": pytrees.size(start_of(training).theta),
        "batch": training.batch,
    }
    return [
        {
            **size,
            **row,
            "target_is": target_is(row),
            "share_of_matrix_rate": significant(share(row, found)),
            "share_target": SHARE if is_held_to_share(row) else "",
        }
        for row in found
    ]


def numbers(case: Case, seconds: float) -> dict[str, Any]:
    """Operations and traffic of a case, and its rates."""
    flops, traffic = case.flops, case.contender.traffic
    return {
        "dtype": case.dtype,
        "tflop": significant(flops and flops / TERA),
        "tflop_per_second": significant(flops and flops / TERA / seconds),
        "xla_tflop": significant(case.contender.flops and case.contender.flops / TERA),
        "xla_gib": significant(traffic and traffic / GIB),
        "gib_per_second": significant(traffic and traffic / GIB / seconds),
    }


def is_held_to_share(row: dict[str, Any]) -> bool:
    return (row["library"], row["quantity"]) == ("bea", f"{BFLOAT16} {STEP}")


def target_is(row: dict[str, Any]) -> str:
    """Which side of its target the ratio is to be on."""
    if row["target"] == "":
        return ""
    return "at least" if row["library"] == "PyTorch" else "at most"


def share(row: dict[str, Any], rows: Iterable[dict[str, Any]]) -> float | None:
    """Of the matrix rate of its dtype; none of a measurement, which multiplies more precisely."""
    if row["tflop"] == "" or MEASUREMENT in row["quantity"]:
        return None
    return row["tflop_per_second"] / matrix_rate(row["dtype"], rows)


def matrix_rate(dtype: str, rows: Iterable[dict[str, Any]]) -> float:
    """The most TFLOP/s of all products in this dtype."""
    return max(
        row["tflop_per_second"]
        for row in rows
        if (row["library"], row["dtype"]) == ("device", dtype) and row["tflop"] != ""
    )


def bandwidth(rows: Iterable[dict[str, Any]]) -> float:
    """The GiB/s of a + 1."""
    return next(
        row["gib_per_second"] for row in rows if row["library"] == "device" and row["tflop"] == ""
    )


def peak_mib(training: Training, dtype: str, quantity: str) -> float:
    """The most memory that a fresh process takes which compiles and computes a quantity."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_here, training, dtype, quantity).result()


def _peak_here(training: Training, dtype: str, quantity: str) -> float:
    call = our_case(training, dtype, quantity).contender.call
    for _ in range(2):
        call()
    peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    return peak / MIB if peak else peak_resident_mib()


def traced(cases: Iterable[Case], folder: Path, steps: int = 3) -> None:
    """A profile of a few steps of each kind, for TensorBoard, XProf or Perfetto."""
    with jax.profiler.trace(str(folder)):
        for case in cases:
            for k in range(steps):
                with jax.profiler.StepTraceAnnotation(case.contender.quantity, step_num=k):
                    case.contender.call()
    print(f"\na profile of {steps} steps of each kind is in {folder}")


# --- report ---------------------------------------------------------------------


def print_training(rows: Sequence[dict[str, Any]]) -> None:
    first = rows[0]
    print(f"\nResNet-18 of width {first['width']}: {first['parameters']:,} parameters, batch "
          f"{first['batch']}, {first['device']}, {first['rounds']} rounds\n")  # fmt: skip
    print_rows([row for row in rows if row["library"] != "device"])
    print()
    for row in rows:
        if row["library"] == "device":
            print(rate_sentence(row))
    for dtype in DTYPES:
        print(f"matrix rate in {dtype}: {matrix_rate(dtype, rows):.4g} TFLOP/s")
    print(f"memory bandwidth: {bandwidth(rows):.4g} GiB/s")
    for row in rows:
        if row["library"] != "device" and row["share_of_matrix_rate"] != "":
            print(share_sentence(row))
            if row["library"] == "bea" and row["share_of_matrix_rate"] < SHARE:
                print(f"    {bound_of(row, rows)}")
    for row in rows:
        if row["target"] != "":
            print(target_sentence(row))
    for row in rows:
        if row["peak_mib"] != "":
            print(f"{row['library']} {row['quantity']}: at most {row['peak_mib']:.0f} MiB in a "
                  "process of its own")  # fmt: skip


def rate_sentence(row: dict[str, Any]) -> str:
    """What a product or a + 1 shows of the device."""
    name = "TFLOP/s" if row["tflop"] != "" else "GiB/s"
    rate = row["tflop_per_second"] if row["tflop"] != "" else row["gib_per_second"]
    return f"{row['quantity']}: {row['seconds']} s, {rate} {name}"


def share_sentence(row: dict[str, Any]) -> str:
    found, target = row["share_of_matrix_rate"], row["share_target"]
    text = (
        f"{row['library']} {row['quantity']}: {row['tflop']} TFLOP in {row['seconds']} s, "
        f"{found:.1%} of the matrix rate"
    )
    if target == "":
        return text
    return f"{text}; target at least {target:.0%}: {'met' if found >= target else 'missed'}"


def target_sentence(row: dict[str, Any]) -> str:
    at_least = row["target_is"] == "at least"
    met = row["ratio"] >= row["target"] if at_least else row["ratio"] <= row["target"]
    return (
        f"{row['library']} {row['quantity']}: target {row['target_is']} {row['target']} of "
        f"{row['relative_to']}, measured {row['ratio']}: {'met' if met else 'missed'}"
    )


def bound_of(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """What bounds the step of a row, by the rates of the others."""
    return what_bounds(
        row["seconds"],
        row["tflop"],
        row["xla_tflop"],
        row["xla_gib"],
        matrix_rate(row["dtype"], rows),
        bandwidth(rows),
    )


def what_bounds(
    seconds: float,
    tflop: float,
    xla_tflop: float | str,
    xla_gib: float | str,
    tflop_per_second: float,
    gib_per_second: float,
) -> str:
    """Is it memory traffic, and by how much?

    Args:
        seconds: what a step takes.
        tflop: the operations in its matrix products.
        xla_tflop: all its operations, as XLA counts them; "" if it does not.
        xla_gib: what they read and write, as XLA counts it; "" if it does not.
        tflop_per_second: the matrix rate.
        gib_per_second: the memory bandwidth.
    """
    multiplying = tflop / tflop_per_second
    products = f"its matrix products would take {1e3 * multiplying:.4g} ms at the matrix rate"
    if not xla_gib:
        return f"{products}; XLA counts no bytes here: --trace writes a profile"
    moving = xla_gib / gib_per_second
    traffic = (
        f"{xla_gib:.4g} GiB at {gib_per_second:.4g} GiB/s would take "
        f"{1e3 * moving:.4g} ms of {1e3 * seconds:.4g} ms"
    )
    if xla_tflop:
        intensity = xla_tflop * TERA / (xla_gib * GIB)
        balance = tflop_per_second * TERA / (gib_per_second * GIB)
        products += (
            f"; XLA counts {intensity:.3g} operations per byte, and {balance:.3g} would keep "
            "both busy"
        )
    if moving >= seconds:
        traffic += ", so that caches must have served a part"
    if moving >= max(multiplying, seconds / 2):
        return f"bound by memory traffic: {traffic}; {products}"
    return (
        f"bound by neither rate alone: {traffic}; {products}; --trace writes a profile of the rest"
    )


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.resnet_training",
        description="Time and memory of training the CIFAR ResNet-18, the share of the device's "
        "matrix rate, and what bounds it.",
        epilog="example: python -m benchmarks.resnet_training --width 64 --batch 512 --rounds 20 "
        "--out build/benchmarks",
    )
    found.add_argument(
        "--width",
        type=int,
        metavar="N",
        help="channels of the first stage; default: 16 on a CPU, else 64, the ResNet-18",
    )
    found.add_argument(
        "--batch", type=int, metavar="N", help="images of a step; default: 64 on a CPU, else 512"
    )
    found.add_argument("--rounds", type=int, metavar="N", help="default: 3 on a CPU, else 10")
    found.add_argument(
        "--out",
        type=Path,
        default=RESULTS,
        metavar="FOLDER",
        help="where to write resnet_training.csv; default: results/benchmarks",
    )
    found.add_argument(
        "--trace",
        type=Path,
        metavar="FOLDER",
        help="where to write a profile of a few steps of bea; default: none",
    )
    return found


def main(argv: Sequence[str] | None = None) -> None:
    options = parser().parse_args(argv)
    # PyTorch needs room on a GPU, too, and so do the processes that show their memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    on_cpu = jax.default_backend() == "cpu"
    training = Training(
        options.width or (16 if on_cpu else 64), options.batch or (64 if on_cpu else 512)
    )
    print("\nTraining (ratios: medians over rounds; flops, bytes, memory: as XLA counts them)")
    progress = tqdm(ALONE, desc="memory in processes of their own", leave=False)
    peaks = {("bea", " ".join(each)): significant(peak_mib(training, *each)) for each in progress}

    from benchmarks import in_pytorch

    if not in_pytorch.is_there():
        print("PyTorch is left out, because it does not import")
    ours = our_cases(training)
    cases = [*ours, *pytorch_cases(training, ours), *usual_device_cases()]
    rows = [
        {**row, "peak_mib": peaks.get((row["library"], row["quantity"]), "")}
        for row in measure(training, cases, options.rounds or (3 if on_cpu else 10))
    ]
    print_training(rows)
    write_table(
        "resnet_training.csv",
        rows,
        folder=options.out,
        packages=["jax", "jaxlib", "flax", "optax", *in_pytorch.PACKAGES],
    )
    if options.trace:
        traced(ours, options.trace)


if __name__ == "__main__":
    main()
