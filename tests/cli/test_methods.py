"""`bea methods`, and series whose first corrections vanish."""

from __future__ import annotations

import json

from bea import METHODS, cli, modified_series


def printed(capsys, *arguments: str) -> str:
    assert cli.main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_every_method_is_listed_with_its_other_names(capsys):
    lines = printed(capsys, "methods").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(METHODS)
    (gauss,) = [line for line in lines if line.startswith("gauss4")]
    assert gauss.split() == ["gauss4", "4", "2", "implicit", "symmetric", "symplectic"]
    (heun,) = [line for line in lines if line.startswith("heun ")]
    assert heun.split() == ["heun", "2", "2", "explicit", "heun2,", "ssprk22"]


def test_the_list_for_programs(capsys):
    rows = json.loads(printed(capsys, "methods", "--format", "json"))
    assert [row["name"] for row in rows] == list(METHODS)
    assert rows[0] == {
        "name": "euler",
        "aliases": ["gradient_descent", "explicit_euler"],
        "stages": 1,
        "order": 1,
        "explicit": True,
        "symmetric": False,
        "symplectic": False,
    }
    assert all(METHODS[alias] is METHODS[row["name"]] for row in rows for alias in row["aliases"])


def test_corrections_that_vanish_are_named_and_the_first_other_one_is_printed(capsys):
    lines = printed(capsys, "series", "--method", "RK4", "--order", "3").splitlines()
    assert lines[1] == "f + O(h⁴)"
    assert lines[3:5] == ["order of the method: 4", "f_1 … f_3 vanish; f_4 does not:"]
    terms = str(modified_series("rk4", order=4)).removeprefix("f + h⁴(").removesuffix(") + …")
    assert lines[5:] == [f"f_4 = {terms}"]
    lines = printed(capsys, "series", "--method", "midpoint", "--order", "1", "--gradient")
    assert "f_1 vanishes; f_2 does not:\nf_2 = 1/24 ∇³E[∇E, ∇E] + 1/6 H²∇E\n" in lines
    assert "\nf_1 vanishes\n" in printed(capsys, "series", "--method", "heun", "--order", "2")
    assert "vanish" not in printed(capsys, "series", "--order", "2")
