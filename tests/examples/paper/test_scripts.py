"""A folder of a run is trusted no further than it can be read, and is one process's at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import bea
from bea.numeric.training.checkpoints import locked
from examples.paper import scripts
from examples.paper.commands import command
from examples.paper.mnist.runs import SCRIPT


@dataclass(frozen=True)
class Profile:
    rates: tuple[float, ...] = (0.1,)
    epochs: int = 2


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XLA_FLAGS", "")

    class Experiment:
        runs = 0

        def __init__(self, profile: Profile, data: Any, *, out: Path, **_: Any) -> None:
            self.profile, self.out = profile, out

        def run(self, configuration: dict[str, Any]) -> None:
            Experiment.runs += 1
            (self.out / "measurements.csv").write_text(f"epochs\n{self.profile.epochs}\n")
            (self.out / "measurements.json").write_text(json.dumps(configuration))

    made = scripts.Script(
        name="fake.runs", description="A run.", examples=["--profile quick"],
        profiles={"quick": Profile()}, check=lambda profile: None, experiment=Experiment,
        tables=["measurements"], lists={"rates": float}, numbers=["epochs"], data="none",
        download=lambda folder: None,
    )  # fmt: skip
    return made, Experiment


def test_a_folder_is_filled_once(script, tmp_path):
    made, experiment = script
    for _ in range(2):
        made.ensure("quick", tmp_path)
    assert experiment.runs == 1
    with pytest.raises(bea.InputError, match="holds a run with epochs = 2 and not 5"):
        made.ensure("quick", tmp_path, epochs=5)


def test_results_know_a_script_by_the_name_that_it_had_in_one_folder(script, tmp_path):
    made, _ = script
    made.ensure("quick", tmp_path)
    written = json.loads((tmp_path / "measurements.json").read_text())
    assert written["made_by"] == "examples/runs.py --profile quick"
    mnist = replace(made, name=SCRIPT.name)
    mnist.ensure("quick", tmp_path / "mnist")
    written = json.loads((tmp_path / "mnist" / "measurements.json").read_text())
    assert written["made_by"] == "examples/mnist_runs.py --profile quick"
    assert SCRIPT.folder("quick") == Path("build/mnist/quick")


def test_tables_of_nobody_knows_which_run_are_refused(script, tmp_path):
    made, experiment = script
    made.ensure("quick", tmp_path)
    (tmp_path / "configuration.json").unlink()
    with pytest.raises(bea.InputError, match=r"measurements\.csv and no configuration\.json"):
        made.ensure("quick", tmp_path, epochs=7)
    assert experiment.runs == 1


@pytest.mark.parametrize("content", ["", "epochs\n"])
def test_an_empty_table_is_none(script, tmp_path, content):
    made, experiment = script
    made.ensure("quick", tmp_path)
    (tmp_path / "measurements.csv").write_text(content)
    made.ensure("quick", tmp_path)
    assert experiment.runs == 2 and "2" in (tmp_path / "measurements.csv").read_text()


@pytest.mark.parametrize("content", [b"{", b"[1", b"\xff\xfe", b"7", b""])
def test_a_damaged_configuration_is_said_in_one_line(script, tmp_path, content):
    made, _ = script
    made.ensure("quick", tmp_path)
    (tmp_path / "configuration.json").write_bytes(content)
    with pytest.raises(bea.InputError, match="cannot be read") as caught:
        made.ensure("quick", tmp_path)
    assert "\n" not in str(caught.value)


def test_the_second_of_two_starts_leaves_nothing(script, tmp_path):
    made, experiment = script
    held = locked(tmp_path)
    assert held is not None
    with pytest.raises(bea.InputError, match="another process trains in"):
        made.ensure("quick", tmp_path, epochs=9)
    assert not (tmp_path / "configuration.json").exists() and experiment.runs == 0


def test_a_loop_of_links(script, tmp_path, capsys):
    made, _ = script
    out = tmp_path / "out"
    out.symlink_to(out)
    with pytest.raises(SystemExit) as end:
        made.main(["--out", str(out)])
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.count("\n") == 1
    assert said.startswith(f"{command('fake.runs')}: ")
