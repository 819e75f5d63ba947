"""What stands beside a table: of which sources it is, and a warning if nobody else has them."""

from __future__ import annotations

import json

import pytest

from examples.paper import results


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("0123456789ab", ""),
        ("0123456789ab+", "warning: made with changes that are not committed, so some.csv cannot"),
        (None, "warning: made outside a clone, so some.csv cannot"),
    ],
)
def test_a_table_that_cannot_be_made_again_is_told(revision, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(results, "REVISION", revision)
    results.produce("mnist.runs", tmp_path / "some.csv", lambda: [{"a": 1}])
    printed = capsys.readouterr().out
    assert said in printed and printed.count("warning") == bool(said)
    assert json.loads((tmp_path / "some.json").read_text())["git_revision"] == revision
