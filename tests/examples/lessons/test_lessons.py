"""The lessons say what is so: their numbers, read back from what they print."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sympy as sp

import bea
from bea.models import two_parameter as model

LESSONS = Path(__file__).parents[3] / "examples" / "lessons"
OFFERED = {"bea", "bea.models", "bea.testing"}

Run = Callable[..., list[str]]


@pytest.fixture
def run(capsys, monkeypatch) -> Run:
    """The lines that a lesson prints."""

    def lines(name: str, *options: str) -> list[str]:
        path = LESSONS / f"{name}.py"
        monkeypatch.setattr("sys.argv", [str(path), *options])
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.py")), ids=lambda path: path.stem)
def test_a_lesson_needs_what_bea_offers_and_no_other_file(path):
    """import-linter holds the modules of `bea` to this, but sees no files beside the lesson."""
    imports = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if type(n) is ast.ImportFrom]
    ours = {n.module for n in imports if n.module and n.module.split(".")[0] in ("bea", "examples")}
    assert ours <= OFFERED and not any(node.level for node in imports)
    beside = {other.stem for other in LESSONS.glob("*.py")}
    assert not beside & {n.module for n in imports}


def test_what_replaces_the_modified_loss(run, tmp_path):
    lines = run("what_replaces_the_modified_loss", "--out", str(tmp_path / "lesson"))
    assert "   Ẽ = E + h/4 |∇E|² + …" in lines
    assert any("b is 1/3 at [1, 2, 3], 1/6 at [1, 2, 2]" in line for line in lines)
    assert any("f + h f_1 + h² f_2 + M∇E = [0, 0]" in line for line in lines)
    last = next(line for line in lines if line.strip().startswith("6.104e-5")).split()
    assert [float(order) for order in last[2::2]] == pytest.approx([3, 3, 4], abs=0.05)
    table = [line.split() for line in lines if "eigenvalues from" in line and "step" in line]
    losses, least = ([float(row[i]) for row in table] for i in (4, 7))
    assert losses == sorted(losses, reverse=True) and min(least) > 0
    root = ElementTree.parse(tmp_path / "lesson" / "trees_of_euler.svg").getroot()
    assert root.tag.endswith("svg")


def test_the_errors_there_are_what_the_second_scalar_and_m_leave(run):
    """Over h³ they tend to |f_2| without Ẽ_2 and to |r_2| with it, over h⁴ to |f_3|."""
    eq = bea.modified_equation(loss=model.loss(), params=model.PARAMS, order=3)
    at = dict(zip(eq.params, (sp.Rational(14, 5), sp.Rational(7, 2)), strict=True))
    missing = (eq.corrections[2], eq.gradient_split(2).remainder, eq.corrections[3])
    limits = [float(field.subs(at).norm()) for field in missing]
    lines = run("what_replaces_the_modified_loss")
    last = next(line for line in lines if line.strip().startswith("6.104e-5")).split()
    h = 2.0**-14
    found = [float(last[i]) / h**n for i, n in ((1, 3), (3, 3), (5, 4))]
    assert found == pytest.approx(limits, rel=0.03)


def test_the_remainder_is_what_the_second_scalar_lacks():
    """By hand: f_2 = −(⅓ H²g + 1/12 T(g, g)), and ∇(gᵀHg/2) = H²g + ½ T(g, g), with g = ∇E.

    Of the path's three nodes two are ends, with b = 1/3, and one is the middle, with b = 1/6.
    """
    eq = bea.modified_equation(loss=model.loss(), params=model.PARAMS, order=2)
    potential, remainder = eq.gradient_split(2)
    gradient = sp.Matrix([sp.diff(potential, p) for p in eq.params])
    g = sp.Matrix([sp.diff(eq.loss, p) for p in eq.params])
    H = g.jacobian(eq.params)
    T = (H * g).jacobian(eq.params) * g - H * H * g  # T(g, g), from D_g(Hg) = T(g, g) + H²g
    mean = sp.Rational(1, 3) * (sp.Rational(1, 3) + sp.Rational(1, 3) + sp.Rational(1, 6))
    assert sp.expand(potential - mean * (g.T * H * g)[0] / 2) == 0
    by_hand = (mean - sp.Rational(1, 3)) * H * H * g + (mean / 2 - sp.Rational(1, 12)) * T
    assert (remainder - by_hand).applyfunc(sp.expand) == sp.zeros(2, 1)
    assert (eq.corrections[2] + gradient - remainder).applyfunc(sp.expand) == sp.zeros(2, 1)


def test_where_the_paper_leaves_the_truth(run):
    lines = run("where_the_paper_leaves_the_truth")
    agree = [line.endswith("= 0") for line in lines if line.startswith("f_")]
    assert agree == [True, True, True, False]
    last = [line for line in lines if re.match(r"\s+\d", line)][-1].split()
    assert float(last[2]) == pytest.approx(5, abs=0.05)
    assert float(last[4]) == pytest.approx(4, abs=0.05)


@pytest.mark.slow
def test_testing_an_optimizer(run):
    lines = [line.strip() for line in run("testing_an_optimizer")]
    assert "descent           error ~ h^2.000" in lines
    assert "descent_in_place  error ~ h^2.000" in lines
    assert any(line.startswith("descent: f_1 and f_2 are confirmed at 3 points") for line in lines)
    assert sum("f_1 is not the step's" in line for line in lines) == 1
    assert lines[-1].endswith("fails: SampleLoss('x*y', 'x, y')")


@pytest.mark.slow
def test_the_tour(run, tmp_path):
    lines = run("tour", "--out", str(tmp_path))
    assert "every order is confirmed" in lines and lines[-1] == f"All results are in {tmp_path}."
    ends = [float(line.split()[-4]) for line in lines if "ends at a distance" in line]
    assert len(ends) == 5 and ends == sorted(ends, reverse=True)
    assert {p.name for p in tmp_path.iterdir()} == {
        "modified_equation.tex", "orders.json", "trees.svg", "flows.png",
    }  # fmt: skip
