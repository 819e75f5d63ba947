"""How series are written: text and LaTeX, in f and in ∇E, H, ∇³E, with any factors."""

from __future__ import annotations

from itertools import chain

import pytest
from matplotlib.mathtext import MathTextParser

import bea
from bea.symbolic.structure import contractions
from bea.symbolic.structure.contractions import LATEX
from bea.symbolic.trees.tree import trees

FAMILY = bea.ButcherTableau([[0, 0], ["r", 0]], ["1 - 1/(2*r)", "1/(2*r)"])


def test_in_elementary_differentials():
    assert bea.modified_series("euler", 0).text() == "f + …"
    assert bea.modified_series("euler", 1).latex() == r"f - \tfrac{h}{2} f'f + \dots"
    assert bea.modified_series(FAMILY, 2).text() == "f + h²((r/4 − 1/6) f''(f,f) − 1/6 f'f'f) + …"
    assert bea.modified_series(FAMILY, 2).latex() == (
        r"f + h^{2} \left( \left( \frac{r}{4} - \frac{1}{6} \right) f''(f,f)"
        r" - \tfrac{1}{6} f'f'f \right) + \dots"
    )
    assert bea.modified_series("radau_iia3", 3).text().startswith("f + h³(")


def test_in_derivatives_of_a_loss():
    series = bea.modified_series("euler", order=2)
    assert series.text(gradient=True) == ("−∇E − h/2 H∇E + h²(−1/12 ∇³E[∇E, ∇E] − 1/3 H²∇E) + …")
    assert series.latex(gradient=True) == (
        r"-\nabla E - \tfrac{h}{2} H\,\nabla E + h^{2} \left( -\tfrac{1}{12} \nabla^{3} E"
        r"[\nabla E, \nabla E] - \tfrac{1}{3} H^{2}\,\nabla E \right) + \dots"
    )


def test_scalars_and_matrices():
    assert bea.modified_series("euler", 1).modified_loss().latex() == (
        r"E + \tfrac{h}{4} \lvert \nabla E \rvert^{2} + \dots"
    )
    assert str(bea.modified_series("rk4", 3).modified_loss()) == "E + …"
    M = bea.modified_series("euler", 2).preconditioner()
    assert M.latex() == (
        r"I + \tfrac{h}{2} H + h^{2} \left( \tfrac{1}{3} H^{2} + \tfrac{1}{12} "
        r"\nabla^{3} E[\nabla E] \right) + \dots"
    )
    assert M._repr_latex_() == f"$\\displaystyle {M.latex()}$"
    assert repr(M) == "<symmetric M in f̃ = −M∇E of the modified equation of euler, to order 2>"


def test_every_tree_has_a_contraction_of_its_own():
    for n in range(1, 9):
        for notation in (contractions.TEXT, LATEX):
            assert len({contractions.vector(tree, notation) for tree in trees(n)}) == len(trees(n))


@pytest.mark.parametrize("method", ["euler", "sdirk2", FAMILY], ids=str)
def test_latex_is_typeset(method):
    """As far as the parser of matplotlib knows LaTeX."""
    series = bea.modified_series(method, order=3)
    matrices = series.preconditioner()
    parser = MathTextParser("agg")
    for text in (series.latex(), series.latex(gradient=True), matrices.latex()):
        assert text.count("{") == text.count("}") and text.count(r"\left") == text.count(r"\right")
        parser.parse(f"${text.replace('tfrac', 'frac')}$")


def test_scalars_of_free_trees_are_typeset_alike():
    parser = MathTextParser("agg")
    free = {bea.FreeTree.of(tree) for tree in chain(*map(trees, range(1, 8)))}
    assert len({tree.latex() for tree in free}) == len(free)
    for tree in free:
        text = tree.latex().replace(r"\lvert", "|").replace(r"\rvert", "|")
        parser.parse("$" + text.replace(r"^{\mathsf{T}}", "^T") + "$")


def test_notebooks_show_formula_and_pictures():
    series = bea.modified_series("euler", order=2)
    html = series._repr_html_()
    assert series._repr_latex_() in html and html.count("<svg") == 4
    assert bea.Tree(bea.Tree())._repr_html_().startswith("<svg")
    assert series.svg().count("<g>") == 4
    assert "Modified equation of euler" in [text.get_text() for text in series.draw().axes[0].texts]


def test_a_modified_loss_of_every_loss_is_refused_where_there_is_none():
    with pytest.raises(
        bea.NotAGradientError, match="f_2 of the modified equation of euler"
    ) as caught:
        bea.modified_series("euler", order=3).modified_loss()
    assert caught.value.order == 2 and caught.value.curl is None
    assert "\n" not in str(caught.value)
    with pytest.raises(bea.InputError, match="order 4 is not among 0 … 3"):
        bea.modified_series("euler", order=3).modified_loss(4)


def test_one_term_with_a_numerator():
    """Alone in its power of h, with a factor other than 1/n."""
    for a, text in (("5/4", "+ 3h/4"), ("5/2", "+ 2h"), ("-1/6", "− 2h/3")):
        series = bea.modified_series(bea.ButcherTableau([[a]], ["1"]), order=1)
        assert series.text() == f"f {text} f'f + …"


@pytest.mark.parametrize(
    ("method", "order", "text", "latex"),
    [
        ("rk4", 2, "f + O(h⁴)", "f + O(h^{4})"),
        ("gauss6", 1, "f + O(h⁶)", "f + O(h^{6})"),
        ("rk4", 0, "f + …", r"f + \dots"),  # of order 0 no correction was asked for
        ("euler", 1, "f − h/2 f'f + …", r"f - \tfrac{h}{2} f'f + \dots"),
    ],
)
def test_a_series_without_corrections_says_where_they_begin(method, order, text, latex):
    series = bea.modified_series(method, order=order)
    assert (str(series), series.latex()) == (text, latex)
    assert series.text(gradient=True) == text.replace("f'f", "H∇E").replace("f", "−∇E")


def test_where_corrections_begin_is_the_order_of_the_method():
    for name, tableau in bea.METHODS.items():
        first = bea.modified_series(tableau, order=1).first_correction
        longer = bea.modified_series(tableau, order=first)
        assert longer.method_order == first, name
        assert not any(longer.terms(l) for l in range(1, first))
    nystrom = bea.composition(["rk4"] * 2)
    assert bea.modified_series(nystrom, order=2).first_correction == 4


def test_a_series_is_printed_within_its_bound_and_without_a_long_search():
    assert str(bea.modified_series("rk4", order=1, most_trees=2)) == "f + …"
    three = bea.composition(["gauss4"] * 3)  # of order 4, with six irrational stages
    assert bea.modified_series(three, order=1).first_correction == 4
    nodes = bea.METHODS["gauss6"].adjoint()
    assert str(bea.modified_series(nodes, order=2)) == "f + O(h⁶)"


def test_what_is_no_name_is_no_method():
    assert bea.METHODS.get(None) is None and bea.METHODS.get(3) is None
    with pytest.raises(KeyError):
        bea.METHODS[3]
