"""How a problem may be typed: components with commas, files, constants with values, notes."""

from __future__ import annotations

import io
import json
import re

import pytest
import sympy as sp

import bea
from bea import cli
from bea.cli.values import components, entries
from bea.symbolic.parsing.vocabulary import OF_ONE, OF_TWO

ROTATION = ["--params", "x,y", "--order", "2", "--format", "json"]


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        status = cli.main(arguments)
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_bea_alone_prints_the_help(capsys):
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    assert out == run(capsys, "--help")[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("y,-x", ["y", "-x"]),
        ("atan2(y, x), besselj(0, (x))", ["atan2(y, x)", " besselj(0, (x))"]),
        ("x", ["x"]),
        ("", [""]),
        ("y,", ["y", ""]),
        ("x),y", ["x)", "y"]),  # the brackets are the parser's business
    ],
)
def test_commas_separate_but_for_those_in_brackets(text, found):
    assert entries(text) == found
    assert components([text, "z"]) == [*found, "z"]


@pytest.mark.parametrize("option", ["--field", "--step"])
def test_components_may_be_in_one_text(capsys, option):
    first, second = ("y", "-x") if option == "--field" else ("x + h*y", "y - h*x")
    apart = run(capsys, "derive", option, first, option, second, *ROTATION)
    together = run(capsys, "derive", option, f"{first}, {second}", *ROTATION)
    assert apart == together and apart[0] == 0
    status, _, err = run(capsys, "derive", option, "y,-x,x", *ROTATION)
    assert status == 2 and "3 components for 2 parameters" in err


def test_a_loss_from_a_file_and_from_standard_input(capsys, tmp_path, monkeypatch):
    (tmp_path / "loss.txt").write_text("(3/5\n - a*b)**2/2\n", encoding="utf-8")
    asked = ["--params", "a,b", "--order", "1"]
    expected = run(capsys, "derive", "(3/5 - a*b)**2/2", *asked)
    assert expected[0] == 0
    assert run(capsys, "derive", "--file", str(tmp_path / "loss.txt"), *asked) == expected
    for words in (["-"], ["--file", "-"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("(3/5 - a*b)**2/2\n"))
        assert run(capsys, "derive", *words, *asked) == expected
    status, out, _ = run(
        capsys, "verify", "--file", str(tmp_path / "loss.txt"), *asked, "--at", "2.8,3.5"
    )
    assert status == 0 and "every order is confirmed" in out


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "UTF-8"), (b"a" * 100_001, "100000")],
)
def test_a_file_that_has_no_loss_is_refused_in_one_line(capsys, tmp_path, content, problem):
    (tmp_path / "loss").write_bytes(content)
    status, out, err = run(capsys, "derive", "--file", str(tmp_path / "loss"), "--params", "a")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert problem in err and "loss" in err


def test_standard_input_that_is_closed_is_refused(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    status, out, err = run(capsys, "derive", "-", "--params", "a")
    assert (status, out) == (2, "")
    assert err == "bea: cannot read the loss from standard input: it is closed\n"


@pytest.mark.parametrize("given", [["c=2,k=1/3"], ["c=2", "k=1/3"], ["k=1/3,c=sqrt(4)"]])
def test_constants_get_exact_values(capsys, given):
    words = [word for text in given for word in ("--set", text)]
    status, out, err = run(
        capsys, "derive", "c*x**2 + k*x*y*q", "--params", "x,y", "--order", "1", "--format",
        "json", *words,
    )  # fmt: skip
    assert (status, err) == (0, "")
    eq = bea.modified_equation(loss="2*x**2 + x*y*q/3", params="x,y", order=1)
    assert json.loads(out)["corrections"] == [[str(c) for c in f] for f in eq.corrections]


def test_constants_of_a_tableau_get_values(capsys):
    tableau = ["--A", "0,0; r,0", "--b", "1-1/(2*r), 1/(2*r)", "--order", "2", "--format", "json"]
    status, out, _ = run(capsys, "derive", "x**3", "--params", "x", *tableau, "--set", "r=2/3")
    eq = bea.modified_equation(loss="x**3", params="x", order=2, method="ralston")
    assert status == 0
    assert json.loads(out)["corrections"] == [[str(c) for c in f] for f in eq.corrections]


def test_a_constant_with_the_name_of_euler_number_gets_a_note(capsys):
    asked = ("--params", "x", "--order", "0")
    for loss in ("e**x", "x + E**(2*x)"):
        status, _, err = run(capsys, "derive", loss, *asked)
        assert status == 0 and err.count("\n") == 1
        assert err.startswith("bea: note: ") and "Euler's number is exp(1)" in err
    for loss, more in (("exp(x)", ()), ("e*x**2", ()), ("e**2*x", ()), ("e**x", ("--set", "e=2"))):
        assert run(capsys, "derive", loss, *asked, *more)[2] == ""


def test_euler_number_in_an_answer_is_read_back(capsys):
    status, out, _ = run(
        capsys, "derive", "exp(1)*x**2", "--params", "x", "--order", "1", "--format", "json"
    )
    (f,), _ = json.loads(out)["corrections"]
    assert status == 0
    from bea.symbolic.parsing.text import parse_expression

    assert parse_expression(f) == -2 * sp.E * sp.Symbol("x")
    status, out, _ = run(capsys, "derive", "exp(1)*x**2", "--params", "x", "--order", "0")
    assert "exp(1)" in out and "E*" not in out


def test_special_functions_are_derived_and_verified(capsys):
    status, out, _ = run(
        capsys, "verify", "gamma(x + 2) + atan2(x, 2)*besselj(0, x)", "--params", "x",
        "--at", "1/2", "--order", "1",
    )  # fmt: skip
    assert status == 0 and "every order is confirmed" in out


def test_the_help_names_every_function(capsys):
    said = run(capsys, "derive", "--help")[1]
    written_out = set(re.findall(r"\w+", said))
    families = {f"{prefix}{name}{h}" for prefix in ("", "a", "arc") for h in ("", "h")
                for name in ("sin", "cos", "tan", "sec", "csc", "cot")}  # fmt: skip
    known = {*OF_ONE, *OF_TWO} - families - {"lgamma", "arctan2"}
    assert known <= written_out


def test_versions_are_those_of_what_answers_depend_on(capsys):
    from importlib.metadata import version

    status, out, _ = run(capsys, "--version")
    assert status == 0 and out.count("\n") == 1
    assert out.startswith(f"bea {bea.__version__} (Python ")
    for name, package in (("SymPy", "sympy"), ("python-flint", "python-flint"), ("JAX", "jax")):
        assert f"{name} {version(package)}" in out
