"""What stands where in a picture of a rooted tree, or in a chart of a series.

A tree stands as in HLW III.1, the root below and its children above it; a chart shows for each
power of h the trees τ with their F(τ) and their factors b(τ)/σ(τ). Everything is laid out once, in
pixels, as lines, dots and words; what becomes of them is left to `pictures`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from bea.errors import InputError
from bea.symbolic.printing.series import differential
from bea.symbolic.structure.contractions import SUPERSCRIPTS
from bea.symbolic.trees.tree import Tree, number_of_trees

if TYPE_CHECKING:
    from bea.symbolic.series import Series

MOST_DRAWN = 500
"""A chart of more trees is refused unless its caller asks for it: through h⁸ there are at most 486,
which is some eighty lines of them, through h⁹ up to 1205."""

LONGEST_FACTOR = 30
"""Characters of a factor in a chart, where all trees stand equally far apart: a long
symbolic factor would push them off the page. The tooltip and the table give it in full."""

UNIT = 16.0  # pixels between neighbouring leaves of a tree in a chart
MARGIN, POWERS = 16.0, 92.0  # of a chart, and the width of the column that names the power of h
SIZE = 13.0  # of its words


class Node(NamedTuple):
    """Where a node stands: x in distances of leaves; 0 and −1 are level and parent of the root."""

    x: float
    level: int
    parent: int


class DrawnTree(NamedTuple):
    """A tree in its place."""

    name: str
    edges: list[tuple[float, float, float, float]]
    dots: list[tuple[float, float, float]]  # x, y, radius
    thickness: float  # of the edges


class Text(NamedTuple):
    """Words in their place."""

    x: float
    y: float  # of the line the letters stand on
    words: str
    size: float = SIZE
    centred: bool = False
    faint: bool = False


@dataclass
class Drawing:
    """All of a picture, in pixels, y downwards."""

    name: str
    width: float
    height: float
    trees: list[DrawnTree] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    rules: list[float] = field(default_factory=list)  # the y of lines across


def tree_layout(tree: Tree) -> list[Node]:
    """Where the nodes of a tree stand, in depth-first order, the root first.

    Leaves stand one unit apart, a parent in the middle below its first and its last child. So
    disjoint subtrees stand over intervals at least one unit apart, and no edges cross. A tree that
    can be drawn with mirror symmetry is; any other has its children in the order of `Tree`.

    Args:
        tree: the tree.

    Returns:
        The nodes; the x of the leaves are 0, 1, 2, …

    Source: HLW III.1, for the root below.

    Example:
        >>> [(node.x, node.level) for node in tree_layout(Tree(Tree(), Tree()))]
        [(0.5, 0), (0.0, 1), (1.0, 1)]
    """
    nodes: list[Node] = []
    leaves = count()

    def place(tree: Tree, level: int, parent: int, mirrored: bool) -> float:
        here = len(nodes)
        nodes.append(Node(0.0, level, parent))
        children = _arranged(tree)
        if mirrored:
            children = [(child, not flipped) for child, flipped in reversed(children)]
        xs = [place(child, level + 1, here, flipped) for child, flipped in children]
        x = (xs[0] + xs[-1]) / 2 if xs else float(next(leaves))
        nodes[here] = Node(x, level, parent)
        return x

    place(tree, 0, -1, False)
    return nodes


def _arranged(tree: Tree) -> list[tuple[Tree, bool]]:
    """The children from left to right, and whether each is to be mirrored."""
    if not _is_symmetric(tree):
        return [(child, False) for child in tree.children]
    counts = Counter(tree.children)
    half = [child for child, m in counts.items() for _ in range(m // 2)]
    middle = [child for child, m in counts.items() if m % 2]
    return [(child, False) for child in half + middle] + [(child, True) for child in half[::-1]]


def _is_symmetric(tree: Tree) -> bool:
    """Has it a drawing with mirror symmetry? Children come in pairs then, but for one between."""
    odd = [child for child, m in Counter(tree.children).items() if m % 2]
    return not odd or (len(odd) == 1 and _is_symmetric(odd[0]))


def _extent(tree: Tree, unit: float) -> tuple[float, float]:
    nodes = tree_layout(tree)
    width, height = max(node.x for node in nodes), max(node.level for node in nodes)
    return (width + 0.5) * unit, (height + 0.5) * unit


def _tree_at(tree: Tree, name: str, unit: float, middle: float, bottom: float) -> DrawnTree:
    """The tree in a box of its extent that stands on this point."""
    nodes = tree_layout(tree)
    left = middle - max(node.x for node in nodes) * unit / 2
    points = [(left + node.x * unit, bottom - (node.level + 0.25) * unit) for node in nodes]
    edges = [(*points[n.parent], *p) for n, p in zip(nodes, points, strict=True) if n.parent >= 0]
    # The root is larger, not hollow: in HLW III.2 hollow nodes stand for a second field.
    (root, *others) = points
    dots = [(*root, 0.25 * unit), *((*p, 0.17 * unit) for p in others)]
    return DrawnTree(name, edges, dots, 0.08 * unit)


def portrait(tree: Tree, unit: float) -> Drawing:
    """One tree."""
    (width, height), air = _extent(tree, unit), unit / 4
    name = f"rooted tree {list(tree.level_sequence)}"
    drawn = _tree_at(tree, "", unit, width / 2 + air, height + air)
    return Drawing(name, width + 2 * air, height + 2 * air, [drawn])


def chart(series: Series, width: float, most_trees: int) -> Drawing:
    """The trees of a series by powers of h; see `pictures.series_svg`."""
    rows: list[list[tuple[Tree, Any, str, str]]] = []
    for l in range(series.order + 1):
        terms = series.terms(l)
        total = sum(map(len, rows)) + len(terms)
        if total > most_trees:
            raise InputError(
                f"a chart of the series through order {l} already has {total} trees, more than "
                f"the {most_trees} allowed: lower the order, or pass most_trees= (--most-trees) to "
                "risk it"
            )
        # Bushy trees first, as in the formula.
        rows.append(
            [(tree, c, differential(tree), _factor(c)) for tree, c in reversed(terms.items())]
        )
    cells = [cell for row in rows for cell in row]
    widest = [
        max(_extent(tree, UNIT)[0], _text_width(words, SIZE), _text_width(factor, SIZE))
        for tree, _, words, factor in cells
    ]
    cell_width = max([44.0, *widest]) + 16
    columns = max(1, int((width - POWERS - 2 * MARGIN) // cell_width))

    title = Text(MARGIN, MARGIN + 14, title_of(series), 18)
    subtitle = "the trees τ of each power of h, with F(τ) and their factors b(τ)/σ(τ)"
    texts = [title, Text(MARGIN, MARGIN + 34, subtitle, 12, faint=True)]
    right = max(MARGIN + _text_width(text.words, text.size) for text in texts)
    drawing = Drawing(title.words, right + MARGIN, MARGIN + 50, texts=texts)
    for l, row in enumerate(rows):
        _add_row(drawing, l, row, cell_width, columns)
    return drawing


def _add_row(
    drawing: Drawing,
    l: int,
    row: list[tuple[Tree, Any, str, str]],
    cell_width: float,
    columns: int,
) -> None:
    """Add the trees of h^l at the lower end, in several lines if need be."""
    top, left = drawing.height, MARGIN + POWERS
    drawing.rules.append(top)
    lines = ceil(len(row) / columns)
    first = bottom = top + 30
    for i in range(lines):
        # As many trees in each line as in the next, or one more: none ends up alone in the last.
        start, end = (len(row) // lines * j + min(j, len(row) % lines) for j in (i, i + 1))
        line = row[start:end]
        bottom = top + 18 + max(_extent(tree, UNIT)[1] for tree, *_ in line)
        first = first if i else bottom
        for k, (tree, c, words, factor) in enumerate(line):
            middle = left + (k + 0.5) * cell_width
            drawing.width = max(drawing.width, middle + cell_width / 2 + MARGIN)
            name = f"{list(tree.level_sequence)}: σ = {tree.symmetry}, b/σ = {c}"
            drawing.trees.append(_tree_at(tree, name, UNIT, middle, bottom))
            drawing.texts.append(Text(middle, bottom + 19, words, centred=True))
            drawing.texts.append(Text(middle, bottom + 37, factor, centred=True))
        top = bottom + 42
    power, total = f"h{str(l).translate(SUPERSCRIPTS)}", number_of_trees(l + 1)
    drawing.texts.append(Text(MARGIN, first, power, 17))
    if len(row) < total:
        zeros = f"{total - len(row)} of {total} zero"
        drawing.texts.append(Text(MARGIN, first + 19, zeros, 11, faint=True))
    drawing.height = max(top, first + 24) + 13


def _factor(c: object) -> str:
    words = str(c).replace("-", "−")
    return words if len(words) <= LONGEST_FACTOR else f"{words[: LONGEST_FACTOR - 1]}…"


def _text_width(words: str, size: float) -> float:
    """An upper bound for sans-serif letters, since the font is known only where it is shown."""
    narrow = dict.fromkeys("()/⁽⁾", 0.46) | dict.fromkeys("f, ", 0.37) | {"'": 0.29}
    usual = {c for c in words if c.isdigit() or c.islower() or c in "*_"} - set("mwω")
    return size * sum(narrow.get(c, 0.65 if c in usual else 1.0) for c in words)


def title_of(series: Series) -> str:
    """The title of a series, as a headline."""
    title = " ".join(series.title.split())
    return title[:1].upper() + title[1:]
