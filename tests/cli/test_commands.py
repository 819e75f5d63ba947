"""The command line as its users meet it: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import sympy as sp

import bea
from bea import cli
from bea.cli import command_line, completion, derive, methods, series, verify
from bea.symbolic.parsing.text import parse_expression

COMMANDS = {
    "derive": derive,
    "verify": verify,
    "series": series,
    "methods": methods,
    "completion": completion,
}
LOSS = "(3/5 - a*b)**2/2"


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        status = cli.main(arguments)
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_derive_json_has_the_fields_promised_and_reads_back(capsys):
    status, out, err = run(
        capsys, "derive", LOSS, "--params", "a,b", "--order", "3", "--format", "json"
    )
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert set(result) == {"params", "step_size", "order", "corrections", "modified_loss"}
    assert (result["params"], result["step_size"], result["order"]) == (["a", "b"], "h", 3)

    a, b, h = sp.symbols("a b h")
    E = (sp.Rational(3, 5) - a * b) ** 2 / 2
    f = -sp.Matrix([E]).jacobian([a, b]).T
    read = [sp.Matrix([parse_expression(c) for c in row]) for row in result["corrections"]]
    assert len(read) == 4
    assert sp.expand(read[0] - f) == sp.zeros(2, 1)
    assert sp.expand(read[1] + f.jacobian([a, b]) * f / 2) == sp.zeros(2, 1)
    assert result["modified_loss"]["order"] == 1
    modified = parse_expression(result["modified_loss"]["expression"])
    assert sp.expand(modified - E - h / 4 * f.dot(f)) == 0


def test_derive_a_field_with_a_method(capsys):
    status, out, _ = run(
        capsys, "derive", "--field", "y", "--field", "-x", "--params", "x,y",
        "--order", "4", "--method", "rk4", "--format", "json",
    )  # fmt: skip
    assert status == 0
    result = json.loads(out)
    assert result["corrections"][1:4] == [["0", "0"]] * 3
    assert result["corrections"][4] == ["-y/120", "x/120"]  # log R(ih)/h = i(1 − h⁴/120 + …)
    assert result["modified_loss"] is None


def test_derive_a_step_map(capsys):
    # Symplectic Euler for the harmonic oscillator: f_1 = ½(−q, p), from H̃ = H − h pq/2.
    status, out, _ = run(
        capsys, "derive", "--step", "q + h*(p - h*q)", "--step", "p - h*q",
        "--params", "q,p", "--order", "1", "--format", "json",
    )  # fmt: skip
    assert status == 0
    assert json.loads(out)["corrections"] == [["p", "-q"], ["-q/2", "p/2"]]


def test_derive_text_names_the_obstruction(capsys):
    status, out, _ = run(capsys, "derive", LOSS, "--params", "a,b", "--order", "2")
    assert status == 0
    assert out.startswith("Modified equation of gradient descent on E = ")
    assert "f_0[a] = -a*b**2 + 3*b/5" in out
    assert "modified loss of order 1" in out
    assert "f_2 is not a gradient" in out


def test_derive_latex_is_the_equations(capsys):
    status, out, _ = run(
        capsys, "derive", LOSS, "--params", "a,b", "--order", "1", "--format", "latex"
    )
    a, b = sp.symbols("a b")
    eq = bea.modified_equation(loss=LOSS, params=(a, b), order=1)
    assert status == 0
    assert out.strip() == eq.latex()


def test_derive_python_runs_by_itself(capsys):
    status, out, _ = run(
        capsys, "derive", "log(1 + exp(x)) + c*x*y**2", "--params", "x,y",
        "--order", "3", "--format", "python",
    )  # fmt: skip
    assert status == 0
    namespace: dict = {}
    exec(out, namespace)
    eq = bea.modified_equation(loss="log(1 + exp(x)) + c*x*y**2", params="x,y", order=3)
    expected = eq.vector_field().subs({"x": 0.3, "y": -1.25, "h": 0.125, "c": 0.75})
    assert namespace["modified_field"]((0.3, -1.25), 0.125, 0.75) == pytest.approx(
        [float(e) for e in expected], rel=1e-13
    )


def test_series_json_lists_every_tree(capsys):
    status, out, err = run(
        capsys, "series", "--method", "euler", "--order", "5", "--format", "json"
    )
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert (result["method"], result["order"]) == ("euler", 5)
    assert len(result["terms"]) == 1 + 1 + 2 + 4 + 9 + 20
    found = {tuple(t["level_sequence"]): t for t in result["terms"]}
    assert found[1, 2, 2] == {
        "level_sequence": [1, 2, 2],
        "order": 3,
        "symmetry": 2,
        "coefficient": "1/6",
    }
    assert found[1, 2, 3, 4, 5, 6]["coefficient"] == "-1/6"


def test_series_text_says_what_is_a_gradient(capsys):
    status, out, _ = run(capsys, "series", "--order", "2")
    assert status == 0
    assert out.splitlines() == [
        "Modified equation of euler",
        "f − h/2 f'f + h²(1/12 f''(f,f) + 1/3 f'f'f) + …",
        "",
        "order of the method: 1",
        "f_1 is a gradient for every loss: f_1 = −∇(1/4 |∇E|²)",
        "f_2 is no gradient for a general loss: on the free tree of ∇EᵀH∇E "
        "b is 1/3 at [1, 2, 3], 1/6 at [1, 2, 2]",
        "",
        "for every loss, with a symmetric M: f + h f_1 + … = −M∇E,",
        "M = I + h/2 H + h²(1/3 H² + 1/12 ∇³E[∇E]) + …",
    ]


def test_verify_json_has_one_entry_for_each_order(capsys):
    status, out, err = run(
        capsys, "verify", "--field", "y", "--field", "-x", "--params", "x,y", "--at", "1,0.5",
        "--order", "3", "--method", "rk4", "--format", "json",
    )  # fmt: skip
    assert (status, err) == (0, "")
    orders = json.loads(out)["orders"]
    assert [o["order"] for o in orders] == [0, 1, 2, 3]
    assert [o["expected"] for o in orders] == [2, 3, 4, 5]
    for o in orders:
        assert o["measured"] == pytest.approx(5, abs=0.05)  # rk4 has order 4: f_1 = f_2 = f_3 = 0
        assert 0 < o["floor"] < 1e-12
    assert [o["leading_constant_ratio"] for o in orders[:3]] == [None] * 3
    assert orders[3]["leading_constant_ratio"] == pytest.approx(1, abs=1e-3)


def test_verify_text_with_constants_and_negative_numbers(capsys):
    status, out, err = run(
        capsys, "verify", "(y - a*b*x)**2/2", "--params", "a,b", "--set", "x=1", "--set", "y=3/5",
        "--at", "-2.8,7/2", "--order", "1", "--precision", "mpmath",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "every order is confirmed"
    assert len(out.splitlines()) == 4


def test_a_point_by_names(capsys):
    by_place = run(capsys, "verify", "a**2*b", "--params", "a,b", "--order", "1", "--at", "1,2")
    by_name = run(capsys, "verify", "a**2*b", "--params", "a,b", "--order", "1", "--at", "b=2, a=1")
    assert by_place == by_name and by_name[0] == 0


BAD_INPUT = {
    "an unknown function": (["derive", "foo(a)", "--params", "a"], "foo"),
    "a kink": (["derive", "abs(a)", "--params", "a"], "smooth"),
    "attribute access": (["derive", "a.real", "--params", "a"], "attribute"),
    "a huge number": (["derive", "10**10**10", "--params", "a"], "limit"),
    "a megabyte of brackets": (["derive", "(" * 10**6, "--params", "a"], "characters"),
    "twice the same parameter": (["derive", "a*b", "--params", "a,a"], "twice"),
    "no parameter": (["derive", "a*b"], "--params"),
    "a negative order": (["derive", "a", "--params", "a", "--order", "-1"], "order"),
    "no whole order": (["derive", "a", "--params", "a", "--order", "2.5"], "whole number"),
    "too few components": (["derive", "--field", "x", "--params", "x,y"], "component"),
    "loss and field": (["derive", "a", "--field", "a", "--params", "a"], "choose one"),
    "nothing": (["derive", "--params", "a"], "loss="),
    "an unknown method": (
        ["derive", "a", "--params", "a", "--method", "rk5"],
        "did you mean rk4, rk45 (dormand_prince) or rkf45 (fehlberg5)?",
    ),
    "a step that does not start at rest": (
        ["derive", "--step", "x + 1", "--params", "x"],
        "identity",
    ),
    "the step size as a parameter": (["derive", "h**2", "--params", "h"], "step size"),
    "a point that is no number": (["verify", "a**2", "--params", "a", "--at", "nan"], "nan"),
    "an infinite point": (["verify", "a**2", "--params", "a", "--at", "1e999"], "1e999"),
    "a point of the wrong length": (["verify", "a**2", "--params", "a", "--at", "1,2"], "2 coord"),
    "a point with spaces": (["verify", "a*b", "--params", "a,b", "--at", "1 2"], "write 1,2"),
    "step sizes with spaces": (
        ["verify", "a**2", "--params", "a", "--at", "1", "--step-sizes", "0.1 0.2"],
        "the step sizes: numbers are separated by commas",
    ),
    "a point without b": (["verify", "a*b", "--params", "a,b", "--at", "a=1"], "each of a, b"),
    "a twice": (["verify", "a*b", "--params", "a,b", "--at", "a=1,a=2"], "a parameter twice"),
    "a constant without a value": (["verify", "c*a**2", "--params", "a", "--at", "1"], "--set c="),
    "h = 0": (
        ["verify", "a**2", "--params", "a", "--at", "1", "--step-sizes", "0,1,2,3"],
        "h > 0",
    ),
    "a singular point": (["verify", "log(a)", "--params", "a", "--at", "0"], "not finite"),
    "an unknown command": (["differentiate"], "derive"),
    "an order without end": (["derive", "a", "--params", "a", "--order", "1000"], "--most-terms"),
    "a derivation without end": (
        ["derive", "sin(a*b)", "--params", "a,b", "--order", "9", "--most-terms", "1000"],
        "f_4, with all that it is derived from, has more than 1000 terms",
    ),
    "no number of terms": (["derive", "a", "--params", "a", "--most-terms", "0"], "most_terms"),
    "too many terms for verify": (
        ["verify", LOSS, "--params", "a,b", "--at", "1,2", "--most-terms", "9"],
        "--most-terms",
    ),
    "a colour": (["derive", "a", "--params", "a", "\x1b[31mred"], r"\x1b[31mred"),
    "a colour in a file's name": (["series", "--picture", "\x1b[31m"], r"\x1b[31m"),
    "two constants with one value": (
        ["verify", "x*y*a", "--params", "a", "--at", "1", "--set", "x,y=1"],
        "write --set x=1,y=2",
    ),
    "two values of a constant": (
        ["derive", "c*a", "--params", "a", "--set", "c=1", "--set", "c=2"],
        "--set gives c two values",
    ),
    "a value for a parameter": (["derive", "c*a", "--params", "a", "--set", "a=1"], "a parameter"),
    "no number for a constant": (["derive", "c*a", "--params", "a", "--set", "c=x"], "not a numb"),
    "a number as the step size": (
        ["derive", "a", "--params", "a", "--step-size", "-0.1"],
        "names the symbol of the step size, such as --step-size eta",
    ),
    "an option alone": (["--order", "3"], "argument"),
    "a shell without a script": (["completion", "ksh"], "ksh"),
    "a file that is not there": (
        ["derive", "--params", "a", "--file", "nowhere/loss.txt"],
        "cannot read the loss from nowhere/loss.txt: No such file or directory",
    ),
    "a folder": (["derive", "--params", "a", "--file", "."], "Is a directory"),
    "a file without end": (["derive", "--params", "a", "--file", "/dev/zero"], "100000 characters"),
    "two losses": (["derive", "a", "--file", "loss.txt", "--params", "a"], "given twice"),
    "a bell in a constant": (
        ["verify", "a", "--params", "a", "--at", "1", "--set", "\a=1"],
        r"\x07",
    ),
    "no Unicode": (["derive", "\udc80", "--params", "a"], r"\udc80"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_status_2(capsys, case):
    arguments, culprit = BAD_INPUT[case]
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert len(err) < 500
    assert culprit in err


@pytest.mark.parametrize(
    "argument", ["b" * 10**6, f"--order={'9' * 4000}"], ids=["words", "digits"]
)
def test_an_argument_is_not_repeated_at_any_length(capsys, argument):
    status, out, err = run(capsys, "derive", "a", "--params", "a", argument)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert len(err) < 700


def test_an_output_without_the_letters_says_how_to_have_them():
    result = subprocess.run(
        [sys.executable, "-m", "bea", "series", "--order", "1"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr == (
        "bea: the encoding ascii of the output has no '\\u2212': set PYTHONUTF8=1\n"
    )


def test_a_limit_on_terms_can_be_raised(capsys):
    asked = ("derive", "sin(a*b)", "--params", "a,b", "--order", "6", "--most-terms")
    assert run(capsys, *asked, "1000")[0] == 2
    assert run(capsys, *asked, "100000")[0] == 0


def test_a_parameter_that_does_nothing_gets_a_word(capsys):
    status, out, err = run(capsys, "derive", "a**2*c", "--params", "a,b", "--order", "1")
    assert status == 0
    assert "f_0[b] = 0" in out
    assert err.count("\n") == 1
    assert "parameter b" in err
    assert "constants are c" in err


def test_an_order_that_is_not_confirmed_is_status_1(capsys):
    status, out, _ = run(
        capsys, "verify", "sin(a)", "--params", "a", "--at", "1", "--order", "0",
        "--step-sizes", "1,2,3,4", "--precision", "float64",
    )  # fmt: skip
    assert status == 1
    assert "NOT confirmed: p = 0" in out


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_has_examples_that_work(capsys, command):
    status, out, _ = run(capsys, *command, "--help")
    assert status == 0
    assert "examples:" in out


def test_the_examples_of_the_help_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one of them draws a picture
    import shlex

    (tmp_path / "loss.txt").write_text("(3/5 -\n a*b)**2/2\n")
    pages = [command_line.EXAMPLES, *(module.EXAMPLES for module in COMMANDS.values())]
    lines = "\n".join(pages).splitlines()
    commands = [re.split(r" [|>] ", line)[0] for line in lines if line.strip().startswith("bea ")]
    assert len(commands) >= 20
    for command in commands:
        if " verify " not in command:  # those are in the tests above
            assert cli.main(shlex.split(command)[1:]) == 0


def test_the_reader_may_stop_reading():
    script = f"{sys.executable} -m bea derive '{LOSS}' --params a,b --order 4 | head -n 1"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("Modified equation")
    assert result.stderr == ""


def test_series_in_derivatives_of_a_loss_with_a_picture(capsys, tmp_path):
    picture = tmp_path / "trees.svg"
    status, out, _ = run(capsys, "series", "--order", "2", "--gradient", "--picture", str(picture))
    assert status == 0
    assert "−∇E − h/2 H∇E + h²(−1/12 ∇³E[∇E, ∇E] − 1/3 H²∇E) + …" in out
    assert "M = I + h/2 H + h²(1/3 H² + 1/12 ∇³E[∇E]) + …" in out
    assert picture.read_text(encoding="utf-8").count("<circle") == 9
    status, out, err = run(capsys, "series", "--picture", str(tmp_path / "no" / "trees.svg"))
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_series_of_a_tableau_and_of_a_modifying_integrator(capsys):
    given = ("--A", "0,0; r,0", "--b", "1-1/(2*r), 1/(2*r)", "--order", "2")
    status, out, _ = run(capsys, "series", *given)
    assert status == 0
    assert "f + h²((r/4 − 1/6) f''(f,f) − 1/6 f'f'f) + …" in out
    status, out, _ = run(capsys, "series", "--modifying", "--order", "1", "--format", "latex")
    assert (status, out.strip()) == (0, r"f + \tfrac{h}{2} f'f + \dots")
    status, out, _ = run(capsys, "derive", "x**2", "--params", "x", "--A", "-1", "--b", "1")
    assert status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--A", "0,0; 1,0"),
        ("--b", "1"),
        ("--A", "0", "--b", "1", "--method", "rk4"),
        ("--A", "0,0; 1", "--b", "1/2,1/2"),
        ("--A", "0", "--b", "1/2"),
        ("--A", "0", "--b", "one(two)"),
        ("--order", "40"),
        ("--picture", "trees.gif"),
    ],
    ids=str,
)
def test_series_that_cannot_be_are_refused_in_one_line(capsys, arguments):
    status, out, err = run(capsys, "series", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("bea: ") and err.count("\n") == 1


def test_json_of_a_modifying_integrator_says_what_it_is(capsys):
    status, out, _ = run(capsys, "series", "--modifying", "--order", "1", "--format", "json")
    assert (status, json.loads(out)["series"]) == (0, "modifying integrator")
    status, out, _ = run(capsys, "series", "--order", "1", "--format", "json")
    assert set(json.loads(out)) == {"method", "order", "terms"}
    status, _, err = run(capsys, "series", "--gradient", "--format", "json")
    assert status == 2 and err.count("\n") == 1
    status, _, err = run(capsys, "series", "--order", "3", "--most-trees", "3")
    assert status == 2 and "3 are allowed" in err
