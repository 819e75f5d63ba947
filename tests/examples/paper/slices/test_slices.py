"""Slices of the paper's experiments: what there are, their files, how they are joined."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import bea
from bea.tables import read_table
from examples.paper.mnist.training import PERTURBATIONS, PerceptronTraining
from examples.paper.scripts import MEASUREMENTS
from examples.paper.slices import __main__ as command_line
from examples.paper.slices import merging, running, slice_file, timing
from examples.paper.slices.catalogue import PROFILES, RATES, Slice, named, slices
from examples.paper.slices.probe import probe, same
from examples.paper.slices.slice_file import ENDING, read_slice, write_slice
from examples.paper.tables import MEASURED

ROOT = Path(__file__).parents[4]
PROBE = (2.3, 0.5, 2.3, 0.4, 10.0)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled here: the program is what PROBE says."""
    monkeypatch.setenv("XLA_FLAGS", "")
    for module in (merging, running):
        monkeypatch.setattr(module, "probe", lambda training: PROBE)


def measured(slice: Slice, change: float = 0.0) -> dict[str, list[dict[str, Any]]]:
    """Made-up rows of a slice."""
    training = slice.training
    assert isinstance(training, PerceptronTraining)
    told = dict.fromkeys(MEASURED, 0.5)
    rows = [
        {**training.common(), "seed": seed, "learning_rate": h, **told, "step": step,
         "loss": h + change}
        for seed in training.seeds
        for h in training.learning_rates
        for step in training.measured_steps()
    ]  # fmt: skip
    if training.noise is None:
        return {MEASUREMENTS: rows}
    noise = [
        {"width": training.width, "seed": seed, "learning_rate": h, "sigma": sigma, "draw": draw,
         "slope": h, "test_accuracy": 0.9}
        for seed in training.seeds
        for h in training.learning_rates
        for sigma in training.noise.sigmas
        for draw in range(training.noise.draws)
    ]  # fmt: skip
    return {MEASUREMENTS: rows, PERTURBATIONS: noise}


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes the file of a slice into a folder."""

    def put(
        folder: Path, slice: Slice, *, device: str = "a chip", change: float = 0.0,
        data: str = "of the data", program: tuple[float, ...] = PROBE,
    ) -> Path:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        for module in (slice_file, timing):
            monkeypatch.setattr(module, "device_name", lambda: device)
        path = folder / f"{slice.name}{ENDING}"
        write_slice(
            path, slice, measured(slice, change), data=data, probe=program,
            seconds={"training": 40.0, "measuring": 5.0},
        )  # fmt: skip
        return path

    return put


REHEARSAL = slices("rehearsal")
FIRST, SECOND, *_ = REHEARSAL


def merge(out: Path, *folders: Path) -> None:
    command_line.main(["merge", "--profile", "rehearsal", *map(str, folders), "--out", str(out)])


# --- what there is ------------------------------------------------------------------------------


def test_the_profile_of_the_paper_is_the_papers():
    there = {}
    for slice in slices("paper"):
        training = slice.training
        if isinstance(training, PerceptronTraining):
            there.setdefault((training.width, training.batch, training.mu), []).append(slice)
            assert training.examples == 60_000 and training.data == "MNIST"
    assert {width for width, batch, mu in there if (batch, mu) == (32, 0.0)} == {
        50, 100, 200, 400, 800, 1600,
    }  # fmt: skip
    assert {0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005} <= set(RATES)
    (full,) = (found for (_, batch, _), found in there.items() if batch is None)
    assert {(s.training.examples, s.training.width) for s in full} == {(60_000, 400)}


@pytest.mark.parametrize("profile", PROFILES)
def test_no_two_slices_share_a_name_or_a_row(profile):
    found = slices(profile)
    assert len({slice.name for slice in found}) == len(found)
    models = [
        (s.training.experiment, *sorted(s.training.common().items()), seed, h)
        for s in found
        for seed in s.training.seeds
        for h in s.training.learning_rates
    ]
    assert len(set(models)) == len(models)


def test_every_common_time_is_measured_at_every_rate_that_reaches_it():
    for slice in slices("paper"):
        training = slice.training
        if not isinstance(training, PerceptronTraining):
            continue
        steps = np.array(training.measured_steps())
        for T in training.times or ():
            for h in training.learning_rates:
                if h * training.steps_per_epoch * training.epochs >= T:
                    assert (abs(steps * h / T - 1) < 0.01).any(), (slice.name, T, h)


def test_the_intervention_adds_what_the_larger_rates_have():
    mus = {s.training.mu for s in slices("paper") if "w50-mu" in s.name}
    assert mus == {(h - 0.01) / 4 for h in (0.05, 0.1, 0.2)}


def test_a_misspelt_name_is_answered_with_the_one_meant():
    with pytest.raises(bea.InputError, match=r"did you mean mnist-w50-s0\?"):
        named("paper", "mnist-w50s0")


# --- files --------------------------------------------------------------------------------------


def test_a_file_comes_back_as_it_was_written(tmp_path, put):
    file = read_slice(put(tmp_path, FIRST, device="a chip"))
    assert (file.name, file.device, file.wall_time) == (FIRST.name, "a chip", 45.0)
    assert slice_file.differences(file, FIRST) == []
    for table, rows in measured(FIRST).items():
        assert file.rows(table) == [{**row, "device": "a chip"} for row in rows]
    assert file.rows("none.csv") == []
    assert {"jax", "numpy"} <= set(file.content["versions"])


def test_the_same_content_is_the_same_file(tmp_path, put, monkeypatch):
    monkeypatch.setattr(slice_file, "peak_memory", lambda: 1.0)
    paths = [put(tmp_path / name, FIRST) for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_what_is_not_run_as_described_is_another_slice(tmp_path, put):
    file = read_slice(put(tmp_path, FIRST))
    other = replace(FIRST, training=replace(FIRST.training, epochs=7))
    assert slice_file.differences(file, other) == ["epochs = 6 and not 7"]


# --- merging ------------------------------------------------------------------------------------


def test_merged_tables_are_the_same_in_any_order(tmp_path, put, capsys):
    for i, slice in enumerate(REHEARSAL):
        put(tmp_path / str(i % 2), slice)
    merge(tmp_path / "one", tmp_path / "0", tmp_path / "1")
    merge(tmp_path / "two", tmp_path / "1", tmp_path / "0")
    names = sorted(p.name for p in (tmp_path / "one" / "mnist").iterdir())
    assert names == sorted(["measurements.csv", "measurements.json", "perturbations.csv",
                            "perturbations.json"])  # fmt: skip
    for name in names:
        one, two = (tmp_path / which / "mnist" / name for which in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    rows = read_table(tmp_path / "one" / "mnist" / MEASUREMENTS)
    assert len(rows) == sum(len(measured(slice)[MEASUREMENTS]) for slice in REHEARSAL)
    assert "no slice is missing" in capsys.readouterr().out


def test_missing_slices_are_named(tmp_path, put, capsys):
    put(tmp_path / "in", SECOND)
    merge(tmp_path / "out", tmp_path / "in")
    said = capsys.readouterr().out
    assert (
        "missing: " in said and FIRST.name in said and SECOND.name not in said.split("missing")[1]
    )
    note = json.loads((tmp_path / "out" / "mnist" / "measurements.json").read_text())
    assert FIRST.name in note["missing"] and list(note["slices"]) == [SECOND.name]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_bytes(gzip.compress(b"[1]")), "is not the file of a slice"),
        (lambda path: changed(path, format=0), "has the format 0"),
        (lambda path: changed(path, probe=[2.3, 0.5, 2.3, 0.4, 11.0]), "is of another program"),
        (lambda path: changed(path, probe=[]), "is of another program"),
        (lambda path: described(path, epochs=9), "epochs = 9 and not 6"),
        (lambda path: described(path, name="digits-w9"), "no slice of this profile"),
        (lambda path: changed(path, slice="digits"), "is not the file of a slice"),
        (lambda path: changed(path, versions=None), "is not the file of a slice"),
        (lambda path: changed(path, tables={}), "has a damaged table"),
        (lambda path: tabled(path, lambda rows: rows.pop()), "lacks rows that it should have"),
        (lambda path: tabled(path, lambda rows: rows.append(rows[0])), "has a row twice"),
        (lambda path: tabled(path, lambda rows: rows[0].pop()), "has a damaged table"),
        (lambda path: tabled(path, other_seed), "has rows of other models"),
        (lambda path: tabled(path, not_finite), "that is not finite"),
    ],
)
def test_a_file_that_cannot_be_used_is_left_out_by_its_name(tmp_path, put, capsys, damage, said):
    folder = tmp_path / "in"
    damage(put(folder, FIRST))
    put(folder, SECOND)
    merge(tmp_path / "out", folder)
    error = capsys.readouterr().err
    assert str(folder / f"{FIRST.name}{ENDING}") in error and said in error
    assert error.count("\n") == 1
    rows = read_table(tmp_path / "out" / "mnist" / MEASUREMENTS)
    assert {row["seed"] for row in rows} == {1.0}


def changed(path: Path, **new: Any) -> None:
    content = json.loads(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(json.dumps({**content, **new}).encode()))


def tabled(path: Path, change: Callable[[list[list[Any]]], object]) -> None:
    tables = json.loads(gzip.decompress(path.read_bytes()))["tables"]
    change(tables[MEASUREMENTS]["rows"])
    changed(path, tables=tables)


def other_seed(rows: list[list[Any]]) -> None:
    """One more row, of a seed that the slice does not have."""
    rows.append([*rows[0][:4], 77, *rows[0][5:]])


def not_finite(rows: list[list[Any]]) -> None:
    rows[0][-1] = float("nan")


def described(path: Path, **new: Any) -> None:
    content = json.loads(gzip.decompress(path.read_bytes()))
    changed(path, slice={**content["slice"], **new})


def test_a_byte_that_has_changed_is_seen(tmp_path, put):
    """Whichever of those that hold the content; the head of the file has bytes of no meaning."""
    path = put(tmp_path, FIRST)
    content = path.read_bytes()
    for i in range(10, len(content), 7):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        with pytest.raises(bea.InputError, match="cannot be read"):
            read_slice(path)


def test_other_data_are_refused(tmp_path, put, capsys, monkeypatch):
    monkeypatch.setitem(merging.DATA, "digits", "of the data")
    put(tmp_path / "in", FIRST, data="of others")
    put(tmp_path / "in", SECOND)
    merge(tmp_path / "out", tmp_path / "in")
    assert "is of other data than digits as published" in capsys.readouterr().err


def test_a_later_revision_makes_no_file_void(tmp_path, put, capsys):
    changed(put(tmp_path / "in", FIRST), git_revision="another", python="9.9")
    merge(tmp_path / "out", tmp_path / "in")
    assert not capsys.readouterr().err


def test_files_of_one_device_that_disagree_are_refused(tmp_path, put, capsys):
    put(tmp_path / "a", FIRST)
    put(tmp_path / "b", FIRST, change=1e-9)
    with pytest.raises(SystemExit):
        merge(tmp_path / "out", tmp_path / "a", tmp_path / "b")
    error = capsys.readouterr().err
    for word in (str(tmp_path / "a"), str(tmp_path / "b"), "a chip", "learning_rate", "loss is"):
        assert word in error
    assert error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_the_same_file_twice_counts_once(tmp_path, put):
    for name in "ab":
        put(tmp_path / name, FIRST)
    merge(tmp_path / "out", tmp_path / "a", tmp_path / "b")
    rows = read_table(tmp_path / "out" / "mnist" / MEASUREMENTS)
    assert len(rows) == len(measured(FIRST)[MEASUREMENTS])


def test_of_several_devices_the_one_with_most_slices_counts(tmp_path, put, capsys):
    put(tmp_path / "a", FIRST, device="big")
    put(tmp_path / "b", FIRST, device="a small one", change=0.5)
    put(tmp_path / "a", SECOND, device="big")
    merge(tmp_path / "out", tmp_path / "a", tmp_path / "b")
    rows = read_table(tmp_path / "out" / "mnist" / MEASUREMENTS)
    assert {row["device"] for row in rows} == {"big"}
    assert all(row["loss"] == row["learning_rate"] for row in rows)
    note = json.loads((tmp_path / "out" / "mnist" / "measurements.json").read_text())
    assert note["also_run_on"] == {FIRST.name: "a small one"}


def test_nothing_to_merge_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit):
        merge(tmp_path / "out", tmp_path)
    assert "there is no file of a slice of the profile rehearsal" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        merge(tmp_path / "out", tmp_path / "nowhere")
    assert "there is no folder" in capsys.readouterr().err


# --- running ------------------------------------------------------------------------------------

SPEED = timing.Speed(step=1e-4, arithmetic=1e-12, measurement=1e-12, image=0.01)


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch, put: Callable[..., Path]) -> list[str]:
    """Slices are run at once; the names of those that were."""
    done: list[str] = []

    def run(self: running.Runner, slice: Slice) -> None:
        done.append(slice.name)
        put(self.out, slice)

    monkeypatch.setattr(running.Runner, "run", run)
    monkeypatch.setattr(command_line, "speed_of_this_device", lambda *_, **__: SPEED)
    monkeypatch.setattr(command_line, "RESULTS", Path("no/such/folder"))
    return done


def run(out: Path, *options: str) -> None:
    command_line.main(["run", "--profile", "rehearsal", "--out", str(out), *options])


def test_those_that_fit_are_run_in_order_of_worth(tmp_path, pretend):
    run(tmp_path, "--within", "1000")
    assert pretend == [slice.name for slice in REHEARSAL]


def test_a_time_too_short_for_any_names_the_shortest(tmp_path, pretend, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, "--within", "3")
    error = capsys.readouterr().err
    assert "no slice is so short; the shortest that is left, digits-" in error
    assert error.count("\n") == 1 and not pretend


def test_what_is_done_is_not_run_again(tmp_path, pretend, put, capsys):
    put(tmp_path, FIRST)
    run(tmp_path, "--within", "1000")
    assert FIRST.name not in pretend and len(pretend) == len(REHEARSAL) - 1
    run(tmp_path, "--within", "1000")
    assert "every slice is done" in capsys.readouterr().out


def test_a_damaged_file_is_moved_aside_and_the_slice_is_run(tmp_path, put, capsys, monkeypatch):
    path = put(tmp_path, FIRST)
    path.write_bytes(path.read_bytes()[:-9])
    assert not running.Runner(tmp_path, None, progress=False).is_done(FIRST)
    aside = path.with_name(f"{path.name}.damaged")
    assert aside.is_file() and not path.exists() and str(aside) in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_refused(tmp_path, pretend, capsys, seconds):
    with pytest.raises(SystemExit):
        run(tmp_path, "--within", seconds)
    assert "give a number of seconds above 0" in capsys.readouterr().err


def test_all_names_are_known_before_the_first_is_run(tmp_path, pretend, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, FIRST.name, "digits-nope")
    assert "there is no slice digits-nope" in capsys.readouterr().err and not pretend
    with pytest.raises(SystemExit):
        run(tmp_path, FIRST.name, "--within", "100")
    assert "leave out --within and --only" in capsys.readouterr().err


def test_tables_of_other_slices_do_not_stay_beside_new_ones(tmp_path, put):
    put(tmp_path / "a", FIRST)
    put(tmp_path / "b", named("rehearsal", "digits-w16-s0"))
    merge(tmp_path / "out", tmp_path / "a")
    assert (tmp_path / "out" / "mnist" / PERTURBATIONS).is_file()
    merge(tmp_path / "out", tmp_path / "b")
    assert not list((tmp_path / "out" / "mnist").glob("perturbations.*"))


def test_a_file_of_another_slice_is_not_overwritten(tmp_path, put):
    described(put(tmp_path, FIRST), epochs=9)
    runner = running.Runner(tmp_path, None, progress=False)
    with pytest.raises(bea.InputError, match="is of another slice of this name"):
        runner.run(FIRST)


def test_data_that_are_not_there_are_asked_for(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command_line.main(["run", "mnist-w50-s0", "--out", str(tmp_path)])
    assert "this is of MNIST: name the folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command_line.main(["run", "mnist-w50-s0", "--out", str(tmp_path), "--data", "no/such"])
    assert "there is no folder no/such" in capsys.readouterr().err


def test_the_list_says_what_is_done_and_how_long_the_rest_takes(tmp_path, pretend, put, capsys):
    put(tmp_path, FIRST)
    command_line.main(["list", "--profile", "rehearsal", "--out", str(tmp_path), "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows[FIRST.name]["done"] and rows[FIRST.name]["device"] == "a chip"
    # The sibling with another seed takes as long as the one that was run.
    assert not rows[SECOND.name]["done"] and rows[SECOND.name]["seconds"] == 45.0
    command_line.main(["list", "--profile", "rehearsal", "--out", str(tmp_path)])
    assert "1 of 5 are done; the others take about" in capsys.readouterr().out


def test_estimates_grow_with_what_is_done():
    seconds = {s.name: timing.estimate(s, SPEED) for s in slices("paper")}
    assert seconds["mnist-w1600-s0"] > seconds["mnist-w400-s0"] > seconds["mnist-w50-s0"]
    assert seconds["mnist-w50-b512-s0"] < seconds["mnist-w50-b128-s0"] < seconds["mnist-w50-s0"]
    assert all(s > timing.COMPILING for s in seconds.values())


def test_parameters_are_those_of_the_network():
    for width in (16, 50):
        training = PerceptronTraining("MNIST", 60, width, 32, (0.1,), (0,), 1)
        theta, _ = jax.eval_shape(training.network.init, jax.random.key(0))
        m = sum(leaf.size for leaf in jax.tree.leaves(theta))
        assert timing.parameters(width) == m


# --- the whole way ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_probe_tells_programs_apart():
    plain, regularized = FIRST.training, named("rehearsal", "digits-w8-mu0.0375").training
    ours = probe(plain)
    assert same(ours, list(ours)) and same(ours, [x * 1.001 for x in ours])
    assert not same(ours, list(probe(regularized)))
    assert not same(ours, list(probe(replace(plain, batch=None))))


@pytest.mark.slow
def test_killed_in_the_second_and_run_again(tmp_path, monkeypatch):
    """The tables are those of a run that was not interrupted, byte for byte."""
    monkeypatch.setattr(merging, "probe", probe)
    names = [FIRST.name, "digits-w16-s0"]

    def start(out: Path) -> subprocess.Popen[bytes]:
        options = ["run", *names, "--profile", "rehearsal", "--out", str(out)]
        return subprocess.Popen(
            [sys.executable, "-m", "examples.paper.slices", *options], cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert start(whole).wait() == 0
    process = start(cut)
    second = cut / running.STATES / names[1]
    while not second.is_dir():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert (cut / f"{names[0]}{ENDING}").is_file()
    assert not (cut / f"{names[1]}{ENDING}").exists()
    assert start(cut).wait() == 0
    assert not second.exists()
    for folder in (whole, cut):
        merge(folder / "merged", folder)
    for name in (MEASUREMENTS, PERTURBATIONS):
        ours, theirs = (f / "merged" / "mnist" / name for f in (whole, cut))
        assert ours.read_bytes() == theirs.read_bytes()
