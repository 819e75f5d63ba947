"""`bea verify` where nothing moves: nothing is shown, and it says so."""

from __future__ import annotations

import json

from bea import cli

AT_REST = ["verify", "(3/5 - a*b)**2/2", "--params", "a,b", "--at", "0,0", "--order", "1"]


def test_a_stationary_point_confirms_nothing(capsys):
    assert cli.main(AT_REST) == 1
    said = capsys.readouterr().out
    assert "NOT TESTED: p = 0, 1" in said and "another point" in said
    assert "every order is confirmed" not in said
    assert cli.main([*AT_REST, "--format", "json"]) == 1
    orders = json.loads(capsys.readouterr().out)["orders"]
    assert [(r["outcome"], r["passed"]) for r in orders] == [("not tested", False)] * 2
