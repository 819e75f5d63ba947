"""`make gpu`: parts with bounds, what comes back, and the whole as a rehearsal on the CPU."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import bea
from bea.models.data_files import CIFAR10_TEST, CIFAR10_TRAIN
from examples.paper import gpu
from examples.paper.cifar10 import strips
from examples.paper.gpu import Part
from examples.paper.slices.slice_file import ENDING

ROOT = Path(__file__).parents[3]
SLEEP = ("-c", "import time; time.sleep(60)")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PACK", "SLICES", "RESULTS"):
        monkeypatch.setattr(gpu, name, tmp_path / name.lower())
    monkeypatch.setattr(gpu, "LEAST", 0.5)


def told(out: Path) -> dict[str, str]:
    return {part["part"]: part["status"] for part in json.loads((out / gpu.LOG).read_text())}


def test_a_part_ends_at_its_bound_and_the_next_begins(tmp_path):
    parts = [
        Part("endless", SLEEP, 1.0),
        Part("short", ("-c", "print('hello')"), 20.0, output="said.txt"),
        Part("wrong", ("-c", "import sys; sys.exit(3)"), 20.0),
    ]
    assert not gpu.run(parts, tmp_path / "out", 60)
    assert told(tmp_path / "out") == {
        "endless": "stopped at its bound", "short": "done", "wrong": "failed (3)",
    }  # fmt: skip
    assert (tmp_path / "out" / "said.txt").read_text() == "hello\n"


def test_what_has_no_time_left_is_not_begun(tmp_path):
    parts = [Part("kept for others", SLEEP, None, reserve=100), Part("last", ("-c", ""), 20.0)]
    assert not gpu.run(parts, tmp_path / "out", 30)
    assert told(tmp_path / "out") == {"kept for others": "no time was left", "last": "done"}


def test_what_a_part_has_started_ends_with_it(tmp_path):
    late = tmp_path / "late"
    child = f"import time, pathlib; time.sleep(4); pathlib.Path({str(late)!r}).touch()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    gpu.run([Part("parent", ("-c", parent), 2.0)], tmp_path / "out", 60)
    subprocess.run([sys.executable, "-c", "import time; time.sleep(3)"], check=True)
    assert not late.exists()


def test_slices_that_are_complete_come_back_though_the_part_is_stopped(tmp_path):
    one = gpu.SLICES / f"one{ENDING}"
    writes = f"import pathlib, time; p = pathlib.Path({str(one)!r}); p.parent.mkdir(); "
    writes += "p.write_bytes(b'rows'); time.sleep(60)"
    gpu.run([Part("slices", ("-c", writes), 2.0)], tmp_path / "out", 30)
    with zipfile.ZipFile(tmp_path / "out" / gpu.ARCHIVE) as packed:
        assert packed.namelist() == [one.name] and packed.read(one.name) == b"rows"


COMMITTED = sorted((ROOT / "results" / "slices").glob(f"mnist-w50-s*{ENDING}"))


def test_slices_that_came_back_stand_beside_those_of_other_devices(tmp_path, capsys):
    """One new, one that is there from another device, and one that is no slice."""
    first, second = COMMITTED[:2]
    content = json.loads(gzip.decompress(first.read_bytes()))
    came = gzip.compress(json.dumps({**content, "device": "Big GPU (80GB)"}).encode())
    out = tmp_path / "out"
    out.mkdir()
    with zipfile.ZipFile(out / gpu.ARCHIVE, "w") as packed:
        packed.writestr(first.name, came)
        packed.writestr(second.name, second.read_bytes())
        packed.writestr(f"none{ENDING}", b"rows")
    gpu.RESULTS.mkdir()
    (gpu.RESULTS / first.name).write_bytes(first.read_bytes())
    gpu.collect(out)
    beside = first.name.replace(ENDING, f"@big-gpu-80gb{ENDING}")
    assert {path.name for path in gpu.RESULTS.iterdir()} == {first.name, second.name, beside}
    assert (gpu.RESULTS / first.name).read_bytes() == first.read_bytes()
    error = capsys.readouterr().err
    assert error.startswith("left out: ") and "none" in error


def test_an_archive_that_is_damaged_is_written_again_and_not_collected(tmp_path):
    gpu.SLICES.mkdir()
    (gpu.SLICES / f"one{ENDING}").write_bytes(b"rows")
    (tmp_path / gpu.ARCHIVE).write_bytes(b"no zip")
    with pytest.raises(bea.InputError, match=r"slices\.zip is damaged"):
        gpu.collect(tmp_path)
    gpu.pack(tmp_path)
    (gpu.SLICES / f"one{ENDING}").write_bytes(b"more rows")
    gpu.pack(tmp_path)
    with zipfile.ZipFile(tmp_path / gpu.ARCHIVE) as packed:
        assert packed.read(f"one{ENDING}") == b"more rows"


def test_nothing_that_came_back_is_said(tmp_path):
    with pytest.raises(bea.InputError, match=r"holds neither slices\.zip nor a table"):
        gpu.collect(tmp_path)


def test_data_that_are_not_there_are_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        gpu.main(["pack", "--data", str(tmp_path / "none")])
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_no_more_files_come_back_than_eight(name, tmp_path):
    parts = gpu.plan(name, tmp_path, rehearse=False)
    benchmarks = [part for part in parts if part.name in gpu.BENCHMARKS]
    outputs = [part for part in parts if part.output]
    assert len(benchmarks) + len(outputs) + len({gpu.ARCHIVE, gpu.LOG}) <= 8
    # Bounds and reserves leave time for the slices of most worth in a call of ten minutes.
    fixed = sum(part.seconds or 0 for part in parts)
    assert fixed < 300 and all(part.reserve < 400 for part in parts)


def test_cifar10_travels_without_loss(tmp_path, monkeypatch):
    draws = np.random.default_rng(0)
    source = tmp_path / "cifar-10-batches-bin"
    source.mkdir()
    for name in (*CIFAR10_TRAIN, *CIFAR10_TEST):
        draws.integers(0, 10, (20, strips.RECORD)).astype(np.uint8).tofile(source / name)
    monkeypatch.setattr(strips, "STRIP", 7)  # a rest is left over
    folders = [tmp_path / "first", tmp_path / "second"]
    strips.pack(source, folders)
    found = strips.unpack(folders, tmp_path / "there")
    for name in (*CIFAR10_TRAIN, *CIFAR10_TEST):
        assert (found / name).read_bytes() == (source / name).read_bytes()


@pytest.mark.slow
def test_the_rehearsal(tmp_path):
    """The command itself, with the Python of the tests in the place of the other machine's."""
    out = tmp_path / "out"
    given = {"OUT": out, "WITHIN": 400, "ARGS": "--rehearse", "GPU_PYTHON": sys.executable}
    options = [f"{name}={value}" for name, value in given.items()]
    made = subprocess.run(["make", "gpu", *options], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    assert set(told(out).values()) == {"done"}
    with zipfile.ZipFile(out / gpu.ARCHIVE) as packed:
        assert {name.partition("-")[0] for name in packed.namelist()} == {"digits"}
    assert "passed" in (out / gpu.TESTS).read_text()
