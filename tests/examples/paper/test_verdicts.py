"""The claims that are published are those that the published tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bea.tables import read_table
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


def test_the_table_on_a_page_is_written_between_its_marks(tmp_path, monkeypatch):
    monkeypatch.setattr(verdicts, "make_table", lambda *_: read_table(ROOT / "results/claims.csv"))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- claims -->\nold\n<!-- end of claims -->\nafter\n")
    call = ["--claims", str(tmp_path / "claims.csv"), "--page", str(page)]
    verdicts.main(call)
    first = page.read_text(encoding="utf-8")
    assert first.startswith("before\n<!-- claims -->\n**MLP on MNIST, primary claims**")
    assert first.endswith("|\n<!-- end of claims -->\nafter\n") and "old" not in first
    verdicts.main(call)
    assert page.read_text(encoding="utf-8") == first


def test_a_page_without_marks_is_left_alone(tmp_path, capsys):
    page = tmp_path / "page.md"
    for text, said in ((None, "there is no page"), ("no marks", "has no table between")):
        if text:
            page.write_text(text)
        with pytest.raises(SystemExit):
            verdicts.main(["--claims", str(tmp_path / "claims.csv"), "--page", str(page)])
        assert said in capsys.readouterr().err
    assert page.read_text() == "no marks" and not (tmp_path / "claims.csv").exists()


def test_a_folder_without_tables_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        verdicts.main(["--mnist", str(tmp_path), "--claims", str(tmp_path / "claims.csv")])
    assert stop.value.code == 2
    assert "python -m examples.paper.mnist.runs --profile PROFILE --out" in capsys.readouterr().err
    assert not (tmp_path / "claims.csv").exists()
