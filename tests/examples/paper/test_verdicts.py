"""The claims that are published are those that the published tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.paper import verdicts

ROOT = Path(__file__).parents[3]


def test_the_published_claims_are_those_of_the_published_tables(tmp_path, capsys):
    path = tmp_path / "claims.csv"
    folders = [f"--{name}={ROOT / 'results' / name}" for name in ("mnist", "cifar10")]
    verdicts.main([*folders, "--claims", str(path)])
    assert path.read_bytes() == (ROOT / "results/claims.csv").read_bytes()
    table = capsys.readouterr().out.split("\n\n", 1)[1].strip()
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    (page,) = (text for p in pages if "<!-- claims -->" in (text := p.read_text(encoding="utf-8")))
    assert f"<!-- claims -->\n{table}\n<!-- end of claims -->" in page


def test_a_folder_without_tables_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        verdicts.main(["--mnist", str(tmp_path), "--claims", str(tmp_path / "claims.csv")])
    assert stop.value.code == 2
    assert "python -m examples.paper.mnist.runs --profile PROFILE --out" in capsys.readouterr().err
    assert not (tmp_path / "claims.csv").exists()
