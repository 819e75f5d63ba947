"""The benchmark of training the ResNet counts what it says; its times are nobody's business here.

The operations in convolutions are known from the shapes. XLA counts those that it compiles, leaves
out products with the zeros of the padding, and adds what is done entry by entry.
"""

from __future__ import annotations

import csv

import jax
import jax.numpy as jnp
import pytest

from bea.models.resnet import ResNet
from benchmarks import in_pytorch
from benchmarks import resnet_training as benchmark
from benchmarks.report import write_table

SMALL = benchmark.Training(width=2, batch=4, stages=(1,))


@pytest.fixture(scope="module")
def ours():
    return benchmark.our_cases(SMALL)


@pytest.fixture(scope="module")
def rows(ours):
    return benchmark.measure(SMALL, [*ours, *benchmark.device_cases((16, 64), 4096)], rounds=1)


def named(rows):
    return {f"{row['library']} {row['quantity']}": row for row in rows}


@pytest.mark.parametrize("training", [benchmark.Training(16, 8), benchmark.Training(32, 2, (1, 2))])
def test_the_operations_are_those_that_xla_counts(training):
    model = training.model("float32")
    x = jax.ShapeDtypeStruct((training.batch, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    counted = jax.jit(model.apply).lower(variables, x).cost_analysis()["flops"]
    assert training.forward_flops(padded=False) == pytest.approx(counted, rel=0.03)
    assert training.forward_flops() == pytest.approx(counted, rel=0.2)
    assert training.forward_flops() > counted


def test_the_operations_of_the_resnet18():
    """0.5554 × 10⁹ multiplications an image, as is known of this network: 2 operations each."""
    assert benchmark.Training(64, 1).forward_flops() == 2 * 555_422_720
    assert benchmark.Training(64, 1).model("float32") == ResNet(
        (2, 2, 2, 2), 64, dtype=jnp.dtype("float32")
    )


@pytest.mark.slow
def test_regularization_takes_three_gradients_of_products(rows):
    of = named(rows)
    for dtype in ("float32", "bfloat16"):
        plain, regularized = (of[f"bea {dtype} {q}"] for q in ("step", "step with EGR"))
        assert regularized["tflop"] == pytest.approx(3 * plain["tflop"], rel=1e-3)
        assert regularized["relative_to"] == f"bea {dtype} step"
        assert (regularized["target"], regularized["target_is"]) == (3.0, "at most")
        assert regularized["flops_ratio"] < 3.0


@pytest.mark.slow
def test_the_rows(rows, tmp_path):
    write_table("resnet_training.csv", rows, folder=tmp_path, packages=["jax", "flax"])
    with (tmp_path / "resnet_training.csv").open(encoding="utf-8") as file:
        table = named(csv.DictReader(file))
    ours = [f"bea {' '.join(each)}" for each in benchmark.QUANTITIES]
    products = [f"device {dtype} product {n}" for dtype in benchmark.DTYPES for n in (16, 64)]
    assert [*table] == [*ours, *products, "device float32 a + 1"]
    assert table["bea float32 measurement"]["relative_to"] == "bea float32 step"
    assert table["bea float32 measurement"]["share_of_matrix_rate"] == ""
    assert [name for name, row in table.items() if row["share_target"]] == ["bea bfloat16 step"]
    for name, row in table.items():
        assert (row["width"], row["batch"], row["rounds"]) == ("2", "4", "1")
        assert row["quantity"].startswith(row["dtype"])
        assert float(row["seconds"]) > 0 and float(row["memory_mib"]) > 0
        if name.startswith("device"):
            assert row["relative_to"] == name


@pytest.mark.slow
def test_the_share_is_of_the_fastest_product_of_the_dtype(rows):
    of = named(rows)
    for dtype in benchmark.DTYPES:
        rates = [of[f"device {dtype} product {n}"]["tflop_per_second"] for n in (16, 64)]
        row = of[f"bea {dtype} step"]
        rate = 3 * SMALL.forward_flops() / 1e12 / row["seconds"]
        assert row["share_of_matrix_rate"] == pytest.approx(rate / max(rates), rel=2e-3)


@pytest.mark.slow
@pytest.mark.skipif(not in_pytorch.is_there(), reason="PyTorch is not installed")
def test_the_steps_of_pytorch_start_with_the_same_loss(ours):
    float32, bfloat16 = (case.contender for case in benchmark.pytorch_cases(SMALL, ours))
    assert (float32.quantity, float32.unit) == ("float32 step", ("bea", "float32 step"))
    assert (bfloat16.quantity, bfloat16.unit) == ("bfloat16 step", ("bea", "bfloat16 step"))
    assert (float32.target, bfloat16.target) == (None, 1.0)
    first = float32.call()
    assert float32.call() < first  # from where the last one ended


@pytest.mark.slow
def test_what_is_printed(rows, capsys):
    benchmark.print_training([{**row, "peak_mib": ""} for row in rows])
    text = capsys.readouterr().out
    for sentence in ("bea bfloat16 step: ", "; target at least 35%: ", "memory bandwidth: "):
        assert sentence in text
    below = [row for row in rows if (row["share_of_matrix_rate"] or 1) < benchmark.SHARE]
    ours = [row for row in below if row["library"] == "bea"]
    assert text.count("bound by ") == len(ours)


def test_a_target_from_below_and_from_above():
    row = {"library": "PyTorch", "quantity": "bfloat16 step", "relative_to": "bea bfloat16 step",
           "target": 1.0, "target_is": "at least", "ratio": 1.2}  # fmt: skip
    assert benchmark.target_sentence(row).endswith("measured 1.2: met")
    assert benchmark.target_sentence({**row, "ratio": 0.9}).endswith("missed")
    assert benchmark.target_sentence({**row, "target_is": "at most"}).endswith("missed")


def test_bound_by_memory_traffic():
    """12 GiB at 2000 GiB/s are 6 of 10 ms; 1.5 TFLOP at 750 TFLOP/s are 2."""
    text = benchmark.what_bounds(0.010, 1.5, 1.6, 12.0, 750.0, 2000.0)
    assert text.startswith(
        "bound by memory traffic: 12 GiB at 2000 GiB/s would take 6 ms of 10 ms; its matrix "
        "products would take 2 ms at the matrix rate; XLA counts 124 operations per byte"
    )
    faster = benchmark.what_bounds(0.005, 1.5, 1.6, 12.0, 750.0, 2000.0)
    assert "6 ms of 5 ms, so that caches must have served a part" in faster


def test_bound_by_something_else():
    slow = benchmark.what_bounds(0.100, 1.5, 1.6, 12.0, 750.0, 2000.0)
    assert slow.startswith("bound by neither rate alone: 12 GiB at 2000 GiB/s would take 6 ms of")
    uncounted = benchmark.what_bounds(0.010, 1.5, "", "", 750.0, 2000.0)
    assert "2 ms at the matrix rate; XLA counts no bytes here" in uncounted


def test_the_help_has_an_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        benchmark.main(["--help"])
    assert "example: python -m benchmarks.resnet_training --width 64" in capsys.readouterr().out
