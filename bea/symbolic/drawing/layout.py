"""The layout of a picture of a rooted tree.

A tree stands as in HLW III.1, the root below and its children above it. Everything is laid out
once, in pixels, as lines, dots and words; `svg` writes them and `painting` paints them.
`printing.chart` lays out many trees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, Protocol

MARGIN = 16.0  # of a chart, in pixels
SIZE = 13.0  # of its words


class Rooted(Protocol):
    """A rooted tree, as far as a drawing needs to know it; equal trees have equal hashes."""

    @property
    def children(self) -> Sequence[Rooted]:
        """The trees that hang at the root."""
        ...

    @property
    def level_sequence(self) -> Sequence[int]:
        """The levels of the nodes, depth first."""
        ...


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


def tree_layout(tree: Rooted) -> list[Node]:
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
        >>> from bea import Tree
        >>> [(node.x, node.level) for node in tree_layout(Tree(Tree(), Tree()))]
        [(0.5, 0), (0.0, 1), (1.0, 1)]
    """
    nodes: list[Node] = []
    leaves = count()

    def place(tree: Rooted, level: int, parent: int, mirrored: bool) -> float:
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


def _arranged(tree: Rooted) -> list[tuple[Rooted, bool]]:
    """The children from left to right, and whether each is to be mirrored."""
    if not _is_symmetric(tree):
        return [(child, False) for child in tree.children]
    counts = Counter(tree.children)
    half = [child for child, m in counts.items() for _ in range(m // 2)]
    middle = [child for child, m in counts.items() if m % 2]
    return [(child, False) for child in half + middle] + [(child, True) for child in half[::-1]]


def _is_symmetric(tree: Rooted) -> bool:
    """Has it a drawing with mirror symmetry? Children come in pairs then, but for one between."""
    odd = [child for child, m in Counter(tree.children).items() if m % 2]
    return not odd or (len(odd) == 1 and _is_symmetric(odd[0]))


def extent(tree: Rooted, unit: float) -> tuple[float, float]:
    """Width and height of a tree in pixels."""
    nodes = tree_layout(tree)
    width, height = max(node.x for node in nodes), max(node.level for node in nodes)
    return (width + 0.5) * unit, (height + 0.5) * unit


def tree_at(tree: Rooted, name: str, *, unit: float, middle: float, bottom: float) -> DrawnTree:
    """The tree in a box of its extent that stands on this point."""
    nodes = tree_layout(tree)
    left = middle - max(node.x for node in nodes) * unit / 2
    points = [(left + node.x * unit, bottom - (node.level + 0.25) * unit) for node in nodes]
    edges = [(*points[n.parent], *p) for n, p in zip(nodes, points, strict=True) if n.parent >= 0]
    # The root is larger, not hollow: in HLW III.2 hollow nodes stand for a second field.
    (root, *others) = points
    dots = [(*root, 0.25 * unit), *((*p, 0.17 * unit) for p in others)]
    return DrawnTree(name, edges, dots, 0.08 * unit)


def portrait(tree: Rooted, unit: float) -> Drawing:
    """One tree."""
    (width, height), air = extent(tree, unit), unit / 4
    name = f"rooted tree {list(tree.level_sequence)}"
    drawn = tree_at(tree, "", unit=unit, middle=width / 2 + air, bottom=height + air)
    return Drawing(name, width + 2 * air, height + 2 * air, [drawn])
