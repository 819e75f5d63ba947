"""The claims that are published are those that the published tables say."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def paper_claims() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "examples")
        yield importlib.import_module("paper_claims")


def test_the_published_claims_are_those_of_the_published_tables(paper_claims, tmp_path, capsys):
    path = tmp_path / "claims.csv"
    folders = [f"--{name}={ROOT / 'results' / name}" for name in ("mnist", "cifar10")]
    paper_claims.main([*folders, "--claims", str(path)])
    assert path.read_bytes() == (ROOT / "results/claims.csv").read_bytes()
    table = capsys.readouterr().out.split("\n\n", 1)[1].strip()
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    (page,) = (text for p in pages if "<!-- claims -->" in (text := p.read_text(encoding="utf-8")))
    assert f"<!-- claims -->\n{table}\n<!-- end of claims -->" in page


def test_a_folder_without_tables_is_named(paper_claims, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        paper_claims.main(["--mnist", str(tmp_path), "--claims", str(tmp_path / "claims.csv")])
    assert stop.value.code == 2
    assert "python examples/mnist_runs.py --profile PROFILE --out" in capsys.readouterr().err
    assert not (tmp_path / "claims.csv").exists()
