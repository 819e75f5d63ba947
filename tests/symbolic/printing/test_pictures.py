"""Pictures: the layout against its geometry, SVG, HTML and matplotlib against the trees shown."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from itertools import combinations, pairwise, permutations, product
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure

import bea
from bea.symbolic.drawing.layout import Node, tree_layout
from bea.symbolic.drawing.svg import tree_svg
from bea.symbolic.printing.chart import MAX_FACTOR_LENGTH
from bea.symbolic.printing.pictures import (
    MAX_ROWS,
    draw_series,
    draw_tree,
    save_picture,
    series_html,
    series_svg,
)
from bea.symbolic.printing.series import differential
from bea.symbolic.series import modified_series
from bea.symbolic.trees.tree import Tree, trees

SVG = "{http://www.w3.org/2000/svg}"
SMALL_TREES = [tree for n in range(1, 8) for tree in trees(n)]


@st.composite
def random_trees(draw: st.DrawFn, most: int = 14) -> Tree:
    levels = [1]
    for _ in range(draw(st.integers(0, most - 1))):
        levels.append(draw(st.integers(2, levels[-1] + 1)))
    return Tree.from_level_sequence(levels)


class Terms:
    """What a picture asks of a series, with any coefficients: b at trees, zero elsewhere."""

    def __init__(self, b: dict[Tree, object], title: str = "a series") -> None:
        self.b, self.title, self.asked = b, title, []
        self.order = max(tree.order for tree in b) - 1

    def __getitem__(self, tree: Tree) -> object:
        return self.b[tree]

    def __len__(self) -> int:
        return sum(len(trees(l + 1)) for l in range(self.order + 1))

    def terms(self, l: int) -> dict[Tree, object]:
        self.asked.append(l)
        return {t: self.b[t] / t.symmetry for t in sorted(self.b) if t.order == l + 1}


def symbolic() -> Terms:
    a, alpha_long = sp.symbols("a alpha_long")
    factors = [a / 2, (a**2 - alpha_long) / 7, sum(a**k / alpha_long for k in range(40))]
    return Terms({t: factors[k % 3] for k, t in enumerate(SMALL_TREES[:17])}, "of two symbols")


SERIES = {
    "euler": lambda: modified_series("euler", order=6),
    "rk4": lambda: modified_series("rk4", order=5),
    "symbolic": symbolic,
}


def shown(series) -> list[Tree]:
    """The trees with a coefficient, in the order of the formula."""
    return [t for l in range(series.order + 1) for t in reversed(series.terms(l))]


# --- the layout --------------------------------------------------------------------------------


def subtree(nodes: list[Node], here: int) -> Tree:
    return Tree(*(subtree(nodes, k) for k, node in enumerate(nodes) if node.parent == here))


@given(random_trees())
def test_the_layout_is_the_tree(tree):
    nodes = tree_layout(tree)
    for here, (_, level, parent) in enumerate(nodes):
        assert parent < here
        assert level == (nodes[parent].level + 1 if here else 0)
    assert nodes[0].parent == -1
    assert subtree(nodes, 0) == tree


@given(random_trees())
def test_nodes_keep_their_distance(tree):
    nodes = tree_layout(tree)
    for p, q in combinations(nodes, 2):
        assert p.level != q.level or abs(p.x - q.x) >= 1
    parents = {node.parent for node in nodes}
    leaves = [node.x for k, node in enumerate(nodes) if k not in parents]
    assert leaves == list(range(len(leaves)))
    for k, node in enumerate(nodes):
        if k in parents:
            above = [other.x for other in nodes if other.parent == k]
            assert node.x == (min(above) + max(above)) / 2


@given(random_trees())
def test_edges_do_not_cross(tree):
    nodes = tree_layout(tree)
    points = [(Fraction(node.x), node.level) for node in nodes]
    edges = [(points[node.parent], points[k]) for k, node in enumerate(nodes) if k]

    def apart(p, q, r, s) -> bool:
        """Do all of r and s lie strictly on one side of the line pq, or of pq's extent?"""

        def side(at) -> int:
            area = (q[0] - p[0]) * (at[1] - p[1]) - (q[1] - p[1]) * (at[0] - p[0])
            return (area > 0) - (area < 0)

        if side(r) * side(s) > 0:
            return True
        return any(max(p[i], q[i]) < min(r[i], s[i]) for i in range(2))

    for (p, q), (r, s) in combinations(edges, 2):
        if len({p, q, r, s}) == 4:
            assert apart(p, q, r, s) or apart(r, s, p, q)


@cache
def plane_trees(tree: Tree) -> set[tuple]:
    """Every way to draw a tree, as nested tuples from left to right."""
    return {
        order
        for children in product(*map(plane_trees, tree.children))
        for order in permutations(children)
    }


def mirrored(plane: tuple) -> tuple:
    return tuple(mirrored(child) for child in reversed(plane))


CROOKED = Tree.from_level_sequence([1, 2, 3, 2])
PAIRS = [Tree(t, t, *more) for t in (CROOKED, Tree(CROOKED, Tree())) for more in ([], [Tree()])]


def test_trees_that_can_look_symmetric_do_and_others_keep_their_order():
    for tree in SMALL_TREES + PAIRS + [Tree(pair) for pair in PAIRS]:
        root, *others = nodes = tree_layout(tree)
        edges = {(n.x - root.x, nodes[n.parent].x - root.x, n.level) for n in others}
        looks = edges == {(-x, -below, level) for x, below, level in edges}
        can = any(plane == mirrored(plane) for plane in plane_trees(tree))
        assert looks == can, tree
        if not can:
            children = sorted((n.x, k) for k, n in enumerate(nodes) if n.parent == 0)
            assert [subtree(nodes, k) for _, k in children] == list(tree.children)


def test_the_picture_belongs_to_the_tree_and_not_to_a_labelling():
    one = Tree.from_level_sequence([1, 2, 2, 3, 2, 3, 4])
    other = Tree.from_level_sequence([1, 2, 3, 4, 2, 3, 2])
    assert tree_svg(one) == tree_svg(other)


# --- SVG ---------------------------------------------------------------------------------------


def numbers(element: ElementTree.Element, *names: str) -> tuple[float, ...]:
    return tuple(float(element.get(name)) for name in names)


def circles(parent: ElementTree.Element) -> list[tuple[float, float, float]]:
    return [numbers(c, "cx", "cy", "r") for c in parent.iter(f"{SVG}circle")]


def segments(parent: ElementTree.Element) -> list[tuple[float, ...]]:
    data = "".join(path.get("d") for path in parent.iter(f"{SVG}path"))
    found = re.findall(r"M(\S+) (\S+?)L(\S+) ([^M]+)", data)
    return [tuple(map(float, segment)) for segment in found]


def tree_of(group: ElementTree.Element) -> Tree:
    """Read a tree back from its picture: the root is the largest node."""
    nodes, edges = circles(group), segments(group)
    (root,) = [k for k, node in enumerate(nodes) if node[2] == max(n[2] for n in nodes)]
    number = {(x, y): k for k, (x, y, _) in enumerate(nodes)}
    neighbours = [[] for _ in nodes]
    for x, y, u, v in edges:
        neighbours[number[x, y]].append(number[u, v])
        neighbours[number[u, v]].append(number[x, y])
    assert len(number) == len(nodes) == len(edges) + 1

    def above(k: int, below: int) -> Tree:
        assert all(nodes[j][1] < nodes[k][1] for j in neighbours[k] if j != below)
        return Tree(*(above(j, k) for j in neighbours[k] if j != below))

    return above(root, -1)


def check_standalone(svg: ElementTree.Element) -> None:
    width, height = numbers(svg, "width", "height")
    assert svg.tag == f"{SVG}svg"
    assert svg.get("role") == "img"
    assert [float(x) for x in svg.get("viewBox").split()] == [0, 0, width, height]
    for x, y, r in circles(svg):
        assert r <= x <= width - r
        assert r <= y <= height - r
    colours = {e.get(name) for e in svg.iter() for name in ("fill", "stroke", "style", "color")}
    assert colours == {None, "currentColor"}


@given(random_trees(), st.sampled_from([10, 24, 61.7]))
def test_a_tree_can_be_read_back_from_its_svg(tree, unit):
    svg = ElementTree.fromstring(tree_svg(tree, unit))
    check_standalone(svg)
    assert tree_of(svg) == tree
    assert str(list(tree.level_sequence)) in svg[0].text
    xs = sorted(x for x, _, _ in circles(svg))
    middle, width = (xs[0] + xs[-1]) / 2, float(svg.get("width"))
    assert middle == pytest.approx(width / 2, abs=0.02)


def words_below(svg: ElementTree.Element, group: ElementTree.Element) -> list[str]:
    """The two words under the root of a tree, from above."""
    xs = [x for x, _, _ in circles(group)]
    middle, bottom = (min(xs) + max(xs)) / 2, max(y for _, y, _ in circles(group))
    texts = [(*numbers(text, "x", "y"), text.text) for text in svg.iter(f"{SVG}text")]
    near = [(y, w) for x, y, w in texts if abs(x - middle) < 0.02 and bottom < y < bottom + 50]
    return [words for _, words in sorted(near)]


@pytest.mark.parametrize("name", SERIES)
def test_a_chart_has_every_tree_of_the_series_over_its_words(name):
    series = SERIES[name]()
    svg = ElementTree.fromstring(series_svg(series))
    check_standalone(svg)
    assert svg[0].text == series.title[0].upper() + series.title[1:]
    groups = svg.findall(f"{SVG}g")
    assert [tree_of(group) for group in groups] == shown(series)
    for group in groups:
        tree = tree_of(group)
        factor = str(series[tree] / tree.symmetry)
        assert group[0].text.endswith(f"σ = {tree.symmetry}, b/σ = {factor}")
        words, number = words_below(svg, group)
        assert words == differential(tree)
        if len(factor) <= MAX_FACTOR_LENGTH:
            assert number == factor.replace("-", "−")
        else:
            assert number[-1] == "…"
            assert factor.replace("-", "−").startswith(number[:-1])
            assert len(number) == MAX_FACTOR_LENGTH


@pytest.mark.parametrize("name", SERIES)
def test_a_chart_has_one_row_for_each_power(name):
    series = SERIES[name]()
    svg = ElementTree.fromstring(series_svg(series))
    rules = [
        float(re.fullmatch(r"M\S+ (\S+)H\S+", p.get("d"))[1]) for p in svg.findall(f"{SVG}path")
    ]
    assert len(rules) == series.order + 1
    for l, (top, end) in enumerate(pairwise([*rules, float(svg.get("height"))])):
        inside = [g for g in svg.findall(f"{SVG}g") if top < circles(g)[0][1] < end]
        assert [tree_of(group) for group in inside] == list(reversed(series.terms(l)))
        assert all(top < y < end for group in inside for _, y, _ in circles(group))
        at = {t.text: float(t.get("y")) for t in svg.iter(f"{SVG}text")}
        texts = [words for words, y in at.items() if top < y < end]
        power = f"h{'⁰¹²³⁴⁵⁶⁷'[l]}"
        assert power in texts
        if inside:  # on the ground of the first line
            assert at[power] == pytest.approx(max(y for _, y, _ in circles(inside[0])), abs=10)
        total = len(trees(l + 1))
        zeros = [text for text in texts if text.endswith("zero")]
        assert zeros == [f"{total - len(inside)} of {total} zero"] * (len(inside) < total)


def test_lines_wrap_evenly_and_end_at_the_width():
    for width in (600, 960, 2000):
        svg = ElementTree.fromstring(series_svg(modified_series("euler", order=7), width=width))
        assert float(svg.get("width")) <= width
        groups = [g for g in svg.findall(f"{SVG}g") if tree_of(g).order == 8]
        assert len(groups) == 103  # 12 of the 115 have b = 0
        in_line = Counter(max(y for _, y, _ in circles(group)) for group in groups)
        lengths = [in_line[y] for y in sorted(in_line)]
        assert lengths == sorted(lengths, reverse=True)
        assert lengths[0] - lengths[-1] <= 1
    narrow = ElementTree.fromstring(series_svg(modified_series("euler", order=3), width=1))
    assert len({x for g in narrow.findall(f"{SVG}g") for x, _, r in circles(g) if r > 3}) <= 3


def test_a_chart_with_too_many_trees_is_refused_before_they_are_made():
    series = Terms(dict.fromkeys(SMALL_TREES, Fraction(1)))
    message = "through order 4 already has 17 trees, more than the 16 allowed: lower the order"
    for draw in (series_svg, draw_series):
        series.asked.clear()
        with pytest.raises(bea.InputError, match=message):
            draw(series, most_trees=16)
        assert max(series.asked) == 4
    with pytest.raises(bea.InputError, match=message):
        save_picture(series, "never.svg", most_trees=16)
    assert series_svg(series, most_trees=85).count("<g>") == 85
    many = Terms(dict.fromkeys(trees(10)[:501], Fraction(1)))
    with pytest.raises(bea.InputError, match="501 trees, more than the 500 allowed"):
        series_svg(many)


@example("<b>\"R&D\"</b> of ]]> and 'it'")
@given(st.text(st.one_of(st.sampled_from("<>&'\"] \0"), st.characters())))
def test_any_title_is_shown_and_harms_nothing(title):
    series = Terms({Tree(): Fraction(1)}, title)
    svg = ElementTree.fromstring(series_svg(series))
    html = ElementTree.fromstring(series_html(series))
    assert len(svg.findall(f"{SVG}g")) == 1
    assert [child.tag for child in html] == ["caption", "tr", "tr"]
    if title.isprintable() and title == " ".join(title.split()):
        capitalized = title[:1].upper() + title[1:]
        assert (svg[0].text or "") == capitalized
        assert html[0].text.startswith(f"{capitalized}: 1 of 1 trees")


# --- HTML --------------------------------------------------------------------------------------


class Nesting(HTMLParser):
    """Tags closed as they were opened; what is not in SVG, by row."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen[tag] += 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        assert tag in ("circle", "path")  # in SVG these may close themselves


@pytest.mark.parametrize("name", SERIES)
def test_a_table_has_one_row_for_each_tree(name):
    series = SERIES[name]()
    text = series_html(series, most_rows=1000)
    nesting = Nesting()
    nesting.feed(text)
    assert nesting.open == []
    expected = shown(series)
    assert nesting.seen["svg"] == len(expected)
    caption, heads, *rows = ElementTree.fromstring(text)
    assert len(heads) == 7
    assert len(rows) == len(expected)
    for row, tree in zip(rows, expected, strict=True):
        assert tree_of(row[0]) == tree
        assert [cell.text for cell in row[1:]] == [
            str(tree.order),
            str(list(tree.level_sequence)),
            str(tree.symmetry),
            differential(tree),
            str(series[tree]),
            str(series[tree] / tree.symmetry),
        ]
    zero = len(series) - len(rows)
    assert f": {len(rows)} of {len(series)} trees" in caption.text
    assert (f", {zero} more with b(τ) = 0" in caption.text) == (zero > 0)
    assert "left out" not in caption.text


@given(st.integers(0, 60))
def test_a_long_table_says_how_many_rows_are_left_out(most):
    series = modified_series("rk4", order=6)
    caption, _, *rows = ElementTree.fromstring(series_html(series, most_rows=most))
    assert len(rows) == min(most, len(series.terms(0)) + 9 + 10 + 48)
    zero = re.search(r"(\d+) more with b", caption.text)
    left = re.search(r"(\d+) left out after the first (\d+)", caption.text)
    accounted = len(rows) + int(zero[1] if zero else 0) + int(left[1] if left else 0)
    assert accounted == len(series) == 85
    if left:
        assert int(left[2]) == len(rows)


def test_a_table_does_not_look_at_what_it_leaves_out():
    series = Terms(dict.fromkeys(SMALL_TREES, Fraction(1)))
    assert series_html(series).count("<svg") == MAX_ROWS
    assert max(series.asked) == 6
    series.asked.clear()
    assert series_html(series, most_rows=8).count("<svg") == 8
    assert max(series.asked) == 3


# --- matplotlib --------------------------------------------------------------------------------


def painted(ax) -> tuple[list, list]:
    """The edges and the nodes (x, y, radius) on these axes."""
    edges = [
        tuple(path.vertices.flatten())
        for c in ax.collections if isinstance(c, LineCollection)
        for path in c.get_paths()
    ]  # fmt: skip
    nodes = [
        (*extents.min + extents.size / 2, extents.width / 2)
        for c in ax.collections if isinstance(c, PatchCollection)
        for extents in (path.get_extents() for path in c.get_paths())
    ]  # fmt: skip
    return edges, nodes


@given(random_trees())
def test_matplotlib_draws_the_same_tree(tree):
    ax = draw_tree(tree)
    edges, nodes = painted(ax)
    heights = [ax.transData.transform(node[:2])[1] for node in nodes]
    assert min(heights) == heights[0]  # the root
    svg = ElementTree.fromstring(tree_svg(tree, 48))
    assert np.allclose(np.reshape(nodes, (-1, 3)), circles(svg), atol=0.01)
    assert np.allclose(np.reshape(edges, (-1, 4)), np.reshape(segments(svg), (-1, 4)), atol=0.01)


@pytest.mark.parametrize("name", SERIES)
def test_matplotlib_draws_the_same_chart(name):
    series = SERIES[name]()
    figure = draw_series(series, width=700)
    svg = ElementTree.fromstring(series_svg(series, width=700))
    (ax,) = figure.axes
    edges, nodes = painted(ax)
    assert np.allclose(nodes, circles(svg), atol=0.01)
    assert np.allclose(edges, segments(svg), atol=0.01)
    assert [(t.get_text(), *map(round, t.get_position())) for t in ax.texts] == [
        (t.text, *map(round, numbers(t, "x", "y"))) for t in svg.iter(f"{SVG}text")
    ]
    assert len(ax.lines) == series.order + 1
    width, height = numbers(svg, "width", "height")
    assert tuple(figure.get_size_inches()) == pytest.approx((width / 96, height / 96))


def check_nothing_overlaps(figure: Figure) -> None:
    """Words and trees lie on the page, and apart."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (ax,) = figure.axes
    words = np.array([t.get_window_extent(canvas.get_renderer()).extents for t in ax.texts])
    assert (words[:, :2] > 0).all()
    assert (words[:, 2:] < [figure.bbox.width, figure.bbox.height]).all()
    crowns = [
        ax.transData.transform_bbox(c.get_datalim(ax.transData)).extents
        for c in ax.collections
        if isinstance(c, PatchCollection)
    ]
    boxes = np.array([*words, *crowns])
    low, high = boxes[:, :2] + 1, boxes[:, 2:] - 1  # the boxes of letters are a little too high
    overlap = np.all((low[:, None] < high[None]) & (low[None] < high[:, None]), axis=-1)
    assert np.argwhere(np.triu(overlap, 1)).tolist() == []


@pytest.mark.parametrize("name", SERIES)
def test_words_do_not_overlap_one_another_or_the_trees(name):
    check_nothing_overlaps(draw_series(SERIES[name]()))


def test_axes_and_figures_handed_in_are_used():
    figure = Figure(figsize=(6, 3))
    left, right = figure.subplots(1, 2)
    tree = Tree(Tree(), Tree(Tree()))
    assert draw_tree(tree, right) is right
    assert not left.collections
    assert len(painted(right)[1]) == 4
    assert figure.axes == [left, right]
    FigureCanvasAgg(figure).draw()
    (x0, y0), (x1, y1) = right.transData.transform([(0, 0), (1, 1)])
    assert x1 - x0 == pytest.approx(y0 - y1)  # circles are round

    series = modified_series("euler", order=3)
    for size in ((4, 6), (12, 4)):
        page = Figure(figsize=size)
        assert draw_series(series, page) is page
        assert tuple(page.get_size_inches()) == size
        check_nothing_overlaps(page)
    _, below = Figure(figsize=(6, 6)).subfigures(2)
    assert len(painted(draw_series(series, below).axes[0])[1]) == 1 + 2 + 6 + 12


def test_notebooks_show_the_figures_made_here():
    series = modified_series("euler", order=3)
    for figure, nodes in ((draw_series(series), 21), (draw_tree(Tree(Tree())).figure, 2)):
        image = matplotlib.image.imread(BytesIO(figure._repr_png_()))
        assert image.shape[1] == pytest.approx(figure.get_size_inches()[0] * 100, abs=1)
        points = [(x, y) for x, y, _ in painted(figure.axes[0])[1]]
        assert len(points) == nodes
        for x, y in figure.axes[0].transData.transform(points):
            assert image[int(image.shape[0] - y), int(x), :3].max() < 0.2
        assert image[0, 0, :3].min() == 1


def test_dollars_in_words_are_no_formula():
    figure = draw_series(Terms({Tree(): sp.Symbol("$a$")}, r"$\frac$ and $\nothing$"))
    assert figure._repr_png_()
    assert figure.axes[0].texts[0].get_text() == r"$\frac$ and $\nothing$"


def test_pyplot_is_left_alone(tmp_path):
    code = f"""
import sys
from bea.symbolic.printing.pictures import *
from bea import modified_series
series = modified_series("euler", order=2)
series_svg(series), series_html(series), tree_svg(Tree())
save_picture(series, {str(tmp_path / "a.svg")!r})
assert "matplotlib" not in sys.modules
draw_series(series), draw_tree(Tree())
save_picture(series, {str(tmp_path / "a.pdf")!r})
assert "matplotlib.figure" in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_without_matplotlib_there_are_still_svg_and_html(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    series = modified_series("euler", order=1)
    for draw in (
        lambda: draw_tree(Tree()),
        lambda: draw_series(series),
        lambda: save_picture(series, tmp_path / "a.png"),
    ):
        with pytest.raises(bea.InputError, match=r"matplotlib: pip install 'bea\[figures\]'"):
            draw()
    save_picture(series, tmp_path / "a.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


# --- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", [Tree(Tree(), Tree()), modified_series("heun", order=3)])
def test_pictures_are_saved_by_suffix(picture, tmp_path):
    save_picture(picture, tmp_path / "a.svg")
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert svg == (tree_svg(picture, 48) if isinstance(picture, Tree) else series_svg(picture))
    save_picture(picture, str(tmp_path / "b.PNG"))
    png = (tmp_path / "b.PNG").read_bytes()
    assert png.startswith(b"\x89PNG\r\n")
    width = float(ElementTree.fromstring(svg).get("width"))
    assert matplotlib.image.imread(BytesIO(png)).shape[1] == pytest.approx(2 * width, abs=2)
    save_picture(picture, tmp_path / "c.pdf")
    pdf = (tmp_path / "c.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert b"CreationDate" not in pdf
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "b.PNG", "c.pdf"]


def test_files_that_cannot_be_written(tmp_path):
    tree = Tree(Tree())
    for name in ("a.jpg", "a.svg.gz", "svg"):
        with pytest.raises(bea.InputError, match=r"written as \.svg, \.png or \.pdf, "):
            save_picture(tree, tmp_path / name)
    with pytest.raises(bea.InputError, match=r"there is no folder .*missing, make it first"):
        save_picture(tree, tmp_path / "missing" / "a.svg")
    assert not list(tmp_path.iterdir())
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(bea.InputError, match=r"cannot write .*folder\.svg: Is a directory"):
        save_picture(tree, tmp_path / "folder.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_file_is_replaced_as_a_whole_or_not_at_all(suffix, tmp_path, monkeypatch):
    path, write = tmp_path / f"a.{suffix}", Path.write_bytes
    path.write_text("before")

    def half(self, content):
        write(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    for name, failing in (("write_bytes", half), ("replace", refuse)):
        with monkeypatch.context() as patch:
            patch.setattr(Path, name, failing)
            with pytest.raises(bea.InputError, match=f"cannot write .*a.{suffix}: No space left"):
                save_picture(Tree(), path)
        assert path.read_text() == "before"
        assert list(tmp_path.iterdir()) == [path]
    save_picture(Tree(), path)
    assert path.read_bytes() != b"before"
    assert list(tmp_path.iterdir()) == [path]
