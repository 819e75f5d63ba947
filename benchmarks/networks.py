"""What the modified equation of a neural network costs, in units of its gradient.

    python -m benchmarks.networks
    python -m benchmarks.networks --network resnet18 --batch 128 --rounds 10 --out build/benchmarks

The unit is the loss with its gradient, and for the optimizer's step with regularization the step
without. f_p stands for the whole modified field f + … + h^p f_p. Two networks, on random images:
the perceptron 784–400×4–10 with tanh, and the CIFAR ResNet-18 with batch normalization in training
mode and GELU in place of ReLU, so that f_2 and f_3 mean something. Learning rates and data are
arguments of the compiled programs. Where PyTorch imports, its times are taken in the same rounds
(`in_pytorch`).

The same program runs on a GPU, on larger batches of the ResNet. JAX multiplies float32 matrices
there in TF32 unless told otherwise, and PyTorch is told to do so, too.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from tqdm import tqdm

from bea import pytrees
from benchmarks.interleaved import (
    MIB,
    Contender,
    compiled,
    interleaved,
    print_rows,
    significant,
    unless_out_of_memory,
)
from benchmarks.quantities import (
    GRADIENT,
    STEP,
    STEP_WITH_EGR,
    H,
    Problem,
    problem_of,
    quantities,
)
from benchmarks.report import RESULTS, write_table

TARGETS = {
    "mlp": {"f_1": 2.7, "f_2": 8.0, "f_3": 14.0, "EGR": 2.7, "R_IG": 1.05},
    "resnet18": {"f_1": 3.0, "f_2": 7.5},
}
RESIDENT, MAX_RESIDENT_MIB = (GRADIENT, "f_1", STEP_WITH_EGR), 8192
"""What is run once more in a process of its own, to see how many MiB that takes, and the limit."""

ROUNDS = {"mlp": 15, "resnet18": 5}


# --- measurements -----------------------------------------------------------------------------


def contender(problem: Problem, quantity: str) -> Contender:
    """One of the quantities, compiled."""
    return compiled(
        "bea",
        quantity,
        quantities(problem)[quantity],
        problem.theta,
        H,
        *problem.data,
        unit=("bea", STEP if quantity == STEP_WITH_EGR else GRADIENT),
        target=TARGETS[problem.network].get(quantity),
    )


def measure(
    problem: Problem, rounds: int, wanted: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """The rows of a network: those of bea, and those of PyTorch where it is installed.

    Args:
        problem: the network.
        rounds: how often each quantity is timed.
        wanted: the quantities of bea, the units among them; by default all.
    """
    from benchmarks import in_pytorch  # not above: PyTorch would count as resident memory

    progress = tqdm(
        wanted or quantities(problem), desc=f"{problem.network}: compilation", leave=False
    )
    compilations = ((f"bea {name}", partial(contender, problem, name)) for name in progress)
    ours = [each for case in compilations if (each := unless_out_of_memory(*case))]
    contenders = ours + in_pytorch.contenders(problem, H, ours)
    columns = {
        "network": problem.network,
        "parameters": pytrees.size(problem.theta),
        "batch": problem.batch,
        "dtype": jnp.result_type(*jax.tree.leaves(problem.theta)).name,
    }
    return [columns | row for row in interleaved(contenders, rounds, problem.network)]


def resident_mib(network: str, quantity: str, batch: int | None) -> float:
    """The most memory that a fresh process has resident, which compiles and computes a quantity."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_resident_here, network, quantity, batch).result()


def _resident_here(network: str, quantity: str, batch: int | None) -> float:
    call = contender(problem_of(network, batch), quantity).call
    for _ in range(2):
        call()
    return peak_resident_mib()


def peak_resident_mib() -> float:
    """From the kernel's own account where there is one.

    `getrusage` counts in what a process had resident before it became this program, a copy of its
    parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def measured(network: str, batch: int | None, rounds: int | None) -> list[dict[str, Any]]:
    """The rows of a network, and on a CPU the resident memory of some."""
    on_cpu = jax.default_backend() == "cpu"
    heavy = RESIDENT if on_cpu and network == "resnet18" else ()
    progress = tqdm(heavy, desc=f"{network}: resident memory", leave=False, disable=not heavy)
    resident = {("bea", q): significant(resident_mib(network, q, batch)) for q in progress}
    rows = measure(problem_of(network, batch), rounds or ROUNDS[network])
    return [{**r, "resident_mib": resident.get((r["library"], r["quantity"]), "")} for r in rows]


# --- report ---------------------------------------------------------------------


def print_network(rows: Sequence[dict[str, Any]]) -> None:
    first = rows[0]
    print(f"\n{first['network']}: {first['parameters']:,} parameters, batch {first['batch']}, "
          f"{first['dtype']}, {first['device']}, {first['rounds']} rounds\n")  # fmt: skip
    print_rows(rows)
    print()
    for r in rows:
        if r["target"] != "":
            verdict = "met" if r["ratio"] <= r["target"] else "missed"
            print(f"target for {r['quantity']}: {r['target']}, measured {r['ratio']}: {verdict}")
    for r in rows:
        if r["resident_mib"] != "":
            print(f"{r['quantity']}: {r['resident_mib']:.0f} of {MAX_RESIDENT_MIB} MiB resident "
                  "in a process of its own")  # fmt: skip
    print_device_memory()


def print_device_memory() -> None:
    """The most that was in use on a GPU, by all of JAX together."""
    statistics = jax.devices()[0].memory_stats() or {}
    if peak := statistics.get("peak_bytes_in_use"):
        print(f"at most {peak / MIB:.0f} MiB in use on the device so far")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.networks",
        description="Time and memory of modified fields and regularizers of neural networks, in "
        "units of a gradient.",
        epilog="example: python -m benchmarks.networks --network resnet18 --batch 128 --rounds 10 "
        "--out build/benchmarks",
    )
    found.add_argument("--network", choices=[*TARGETS, "all"], default="all", help="default: all")
    found.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="images in a batch; default: 256 for the mlp, for resnet18 32 on a CPU, else 512",
    )
    found.add_argument(
        "--rounds", type=int, metavar="N", help="default: 15 for the mlp, 5 for resnet18"
    )
    found.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where to write networks.csv; default: results/benchmarks, and that only if the table "
        "is whole, of both networks and with PyTorch",
    )
    return found


def main(argv: Sequence[str] | None = None) -> None:
    from benchmarks import in_pytorch

    options = parser().parse_args(argv)
    # PyTorch needs room on a GPU, too.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    print("\nNetworks (ratios: medians over rounds; flops, bytes, memory: as XLA counts them)")
    if not in_pytorch.is_there():
        print("PyTorch is left out, because it does not import")
    networks = list(TARGETS) if options.network == "all" else [options.network]
    rows = []
    for network in networks:
        found = measured(network, options.batch, options.rounds)
        print_network(found)
        rows += found
    whole = options.network == "all" and in_pytorch.is_there()
    if options.out or whole:
        write_table(
            "networks.csv",
            rows,
            folder=options.out or RESULTS,
            packages=["jax", "jaxlib", "flax", "optax", *in_pytorch.PACKAGES],
        )
    else:
        print("\nresults/benchmarks/networks.csv is left as it is: this table is not the whole")


if __name__ == "__main__":
    main()
