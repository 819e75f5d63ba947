"""The lessons say what is so: their numbers, read back from what they print."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

LESSON = Path(__file__).parents[3] / "examples/lessons/what_replaces_the_modified_loss.py"


@pytest.fixture(scope="module")
def lesson() -> Iterator[dict[str, object]]:
    """The script's names; it finds what it shares with other lessons as when it is run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(LESSON.parent)
        yield runpy.run_path(str(LESSON))


def test_the_lesson_on_what_replaces_the_modified_loss(lesson, capsys, tmp_path):
    lesson["main"](["--out", str(tmp_path / "lesson")])
    lines = capsys.readouterr().out.splitlines()
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


def test_its_remainder_is_what_the_second_scalar_lacks(lesson):
    """By hand: f_2 = −(⅓ H²g + 1/12 T(g, g)), and ∇(gᵀHg/2) = H²g + ½ T(g, g), with g = ∇E.

    Of the path's three nodes two are ends, with b = 1/3, and one is the middle, with b = 1/6.
    """
    import sympy as sp

    import bea
    from bea.models import two_parameter as model

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
    # What the lesson calls a residual vanishes for M of order 2, and not for that of order 1.
    assert lesson["residual"](eq, eq.preconditioner(2) * g) == sp.zeros(2, 1)
    left = lesson["residual"](eq, eq.preconditioner(1) * g) - eq.step_size**2 * eq.corrections[2]
    assert left.applyfunc(sp.expand) == sp.zeros(2, 1)


@pytest.mark.slow
def test_the_lesson_on_testing_an_optimizer(capsys):
    path = LESSON.with_name("testing_an_optimizer.py")
    runpy.run_path(str(path))["main"]([])
    out = capsys.readouterr().out
    lines = [line.strip() for line in out.splitlines()]
    assert "descent           error ~ h^2.000" in lines
    assert "descent_in_place  error ~ h^2.000" in lines
    assert any(line.startswith("descent: f_1 and f_2 are confirmed at 3 points") for line in lines)
    assert sum("f_1 is not the step's" in line for line in lines) == 1
    assert lines[-1].endswith("fails: SampleLoss('x*y', 'x, y')")
