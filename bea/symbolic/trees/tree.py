"""Rooted trees: canonical, immutable, hashable; and the list of all with so many nodes.

A rooted tree stands for an elementary differential: • for f, a root with children τ_1, …, τ_m for
f^{(m)}(F(τ_1), …, F(τ_m)) (HLW III.1). A `Tree` is what a user holds; all trees through
some order, as arrays, are in `table`. Grafting, which makes trees carry the recursion, is in
`carrier`.
"""

from __future__ import annotations

import gc
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, total_ordering
from itertools import pairwise, repeat
from math import factorial, prod
from numbers import Integral
from operator import attrgetter

from bea.errors import InputError
from bea.whole_numbers import checked_limit, whole_number

MAX_LEVELS = 200
"""Levels of a tree. Its properties are found by recursion, and Python allows 1000 calls. A level
fits into a byte."""

MAX_TREES = 5_000_000
"""More trees than this are made only if the caller asks for them. A series through 17 nodes, a
million trees, takes 0.4 GiB; 19 nodes are 7.4 million."""

MAX_COUNTED = 100
"""Nodes up to which messages give the number of trees exactly; it has 40 digits there."""

KEPT_NODES = 8
"""Trees with so many nodes, 115, or fewer are listed once and kept: every list begins with them."""

ONE_LEVEL_UP = bytes(range(1, 256)) + b"\xff"
"""As a table of `bytes.translate`: the levels of a tree that hangs on a root."""


@total_ordering
class Tree:
    """A rooted tree, in canonical form: immutable, hashable, equal to every relabelling of itself.

    Children are ordered by decreasing level sequence, so that the level sequence of the whole is
    the lexicographically largest there is (Beyer and Hedetniemi 1980, doi:10.1137/0209055).

    Args:
        children: the subtrees at the root, in any order; none for the tree • of one node.

    Example:
        >>> cherry = Tree(Tree(), Tree())
        >>> cherry.order, cherry.symmetry, cherry.density
        (3, 2, 3)
        >>> cherry == Tree.from_level_sequence([1, 2, 2])
        True
    """

    __slots__ = ("__weakref__", "_levels", "children")

    children: tuple[Tree, ...]
    _levels: bytes  # Python compares bytes at once, and remembers their hash

    def __init__(self, *children: Tree) -> None:
        for child in children:
            if not isinstance(child, Tree):
                raise InputError(
                    f"{child!r} is no Tree: a child is one, as in Tree(Tree(), Tree())"
                )
        ordered = sorted(children, key=_levels, reverse=True)
        levels = b"\1" + b"".join(map(_levels, ordered)).translate(ONE_LEVEL_UP)
        if max(levels) > MAX_LEVELS:
            raise InputError(f"the tree has more than {MAX_LEVELS} levels: take a lower one")
        object.__setattr__(self, "children", tuple(ordered))
        object.__setattr__(self, "_levels", levels)

    @classmethod
    def from_level_sequence(cls, levels: Sequence[int]) -> Tree:
        """The tree whose nodes, in depth-first order, have these levels.

        Args:
            levels: the level of the root first, then those of the other nodes; the root's may be
                any integer. The order of siblings does not matter.

        Raises:
            InputError: the sequence is empty, or a node has no possible parent.
        """
        if not isinstance(levels, Iterable):
            raise InputError(f"{levels!r} is no level sequence: give a list such as [1, 2, 3, 2]")
        levels = list(levels)
        if not levels:
            raise InputError("an empty level sequence is no tree: one node is [1]")
        if not all(isinstance(level, Integral) for level in levels):
            raise InputError(f"the level sequence {levels} is no tree: levels are integers")
        for i, (before, level) in enumerate(pairwise(levels), start=1):
            if not levels[0] < level <= before + 1:
                raise InputError(
                    f"the level sequence {levels} is no tree: entry {i} is {level}, after "
                    f"{before} and below a root at {levels[0]} it must be from "
                    f"{levels[0] + 1} to {before + 1}"
                )

        if max(levels) - levels[0] >= MAX_LEVELS:
            raise InputError(f"the tree has more than {MAX_LEVELS} levels: take a lower one")

        def subtree(start: int) -> tuple[Tree, int]:
            children, end = [], start + 1
            while end < len(levels) and levels[end] > levels[start]:
                child, end = subtree(end)
                children.append(child)
            return cls(*children), end

        return subtree(0)[0]

    @property
    def level_sequence(self) -> tuple[int, ...]:
        """The levels of the nodes in depth-first order, that of the root being 1."""
        return tuple(self._levels)

    @property
    def order(self) -> int:
        """The number |τ| of nodes."""
        return len(self._levels)

    @property
    def symmetry(self) -> int:
        """The number σ(τ) of automorphisms: Π over the distinct children of m!·σ(child)^m."""
        return prod(factorial(m) * t.symmetry**m for t, m in Counter(self.children).items())

    @property
    def density(self) -> int:
        """γ(τ) = |τ| · Π γ(child): the exact flow has 1/γ(τ) for its coefficient."""
        return self.order * prod(t.density for t in self.children)

    def rootings(self) -> list[Tree]:
        """The tree with each of its nodes in turn for the root, itself first."""
        return list(_rootings(self))

    def svg(self) -> str:
        """A picture, the root below, as the text of an SVG file."""
        from bea.symbolic.drawing.svg import tree_svg

        return tree_svg(self)

    def _repr_html_(self) -> str:
        # Inside the page the picture takes the colour of the text, which a dark page needs.
        return self.svg()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Tree cannot be changed: make another one, Tree(…), for {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Tree cannot be changed: it keeps its {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self._levels == other._levels

    def __hash__(self) -> int:
        return hash(self._levels)

    def __lt__(self, other: Tree) -> bool:
        return (self.order, other._levels) < (other.order, self._levels)

    def __repr__(self) -> str:
        return f"Tree.from_level_sequence({list(self._levels)})"

    def __reduce__(self) -> tuple[object, ...]:
        return Tree.from_level_sequence, (self.level_sequence,)


_levels = attrgetter("_levels")
_set_levels, _set_children = (getattr(Tree, slot).__set__ for slot in ("_levels", "children"))


def _rootings(tree: Tree, above: Tree | None = None) -> Iterator[Tree]:
    """The tree rooted at each of its nodes; `above` is what hangs over the present root."""
    here = Tree(*tree.children, *([above] if above is not None else []))
    yield here
    for i, child in enumerate(tree.children):
        siblings = tree.children[:i] + tree.children[i + 1 :]
        yield from _rootings(child, Tree(*siblings, *([above] if above is not None else [])))


def neighbours(tree: Tree) -> Iterator[Tree]:
    """The tree with each child of the root in turn for the root."""
    for i, child in enumerate(tree.children):
        yield Tree(*child.children, Tree(*tree.children[:i], *tree.children[i + 1 :]))


@cache
def number_of_trees(n: int) -> int:
    """How many rooted trees have n nodes (OEIS A000081).

    n·r(n+1) = Σ_{k=1}^n (Σ_{d|k} d·r(d)) r(n−k+1).
    """
    if n <= 1:
        return max(n, 0)
    return sum(
        sum(d * number_of_trees(d) for d in range(1, k + 1) if k % d == 0) * number_of_trees(n - k)
        for k in range(1, n)
    ) // (n - 1)


def checked_size(order: int, most_trees: int) -> int:
    """The number of nodes through which all trees are wanted.

    Raises:
        InputError: it is not positive, or there are more trees than allowed.
    """
    nodes, bound = whole_number(order), checked_limit("most_trees", most_trees)
    if nodes is None or nodes < 1:
        raise InputError(f"trees of {order} nodes: give a whole number of nodes, 1 or more")
    if nodes < MAX_COUNTED and 3 ** (nodes - 1) <= bound:
        return nodes  # there are not more: r(n) grows like 2.9558^n/n^{3/2} (Otter 1948)
    total = 0
    for n in range(1, nodes + 1):
        total += number_of_trees(n)
        if total > bound:
            raise InputError(_too_many(nodes, total, bound))
    return nodes


def _too_many(order: int, found: int, bound: int) -> str:
    counted = order <= MAX_COUNTED
    total = sum(map(number_of_trees, range(1, order + 1))) if counted else found
    number = f"{total}" if counted else f"more than {total}"
    remedy = f", or pass most_trees={total} (--most-trees {total}) to risk it" * counted
    return (
        f"there are {number} rooted trees with up to {order} nodes, and {bound} are allowed: "
        f"lower the order{remedy}"
    )


def trees(order: int, most_trees: int = MAX_TREES) -> list[Tree]:
    """All rooted trees with so many nodes, the tall tree first.

    A tree of n nodes is a first child of k nodes, its largest, and a rest: a tree of n − k nodes
    whose own first child is no larger. Equal subtrees are the same object.

    Args:
        order: the number of nodes, 1 or more.
        most_trees: refuse to make more than this.

    Returns:
        The trees, as many as OEIS A000081 says.

    Raises:
        InputError: the order is not positive, or there are more trees than allowed.

    Source: HLW III.1; Beyer and Hedetniemi 1980, doi:10.1137/0209055, for the canonical form.

    Example:
        >>> [len(trees(n)) for n in range(1, 8)]
        [1, 1, 2, 4, 9, 20, 48]
    """
    order = checked_size(order, most_trees)
    # Trees have no cycles, but Python would search all of them for some, again and again.
    was_searching = gc.isenabled()
    gc.disable()
    try:
        if order <= KEPT_NODES:
            return _of_few_nodes(order).trees[::-1]
        smaller = [_of_few_nodes(n) for n in range(1, KEPT_NODES + 1)]
        while len(smaller) < order - 1:
            smaller.append(_OfOneSize(_with_one_more_node(smaller)))
        return _with_one_more_node(smaller)[::-1]
    finally:
        if was_searching:
            gc.enable()


@cache
def _of_few_nodes(n: int) -> _OfOneSize:
    if n == 1:
        return _OfOneSize([Tree()])
    return _OfOneSize(_with_one_more_node([_of_few_nodes(k) for k in range(1, n)]))


class _OfOneSize:
    """All trees of one size by increasing level sequence, and what larger ones are put together of.

    As lists beside one another: thousands of trees are joined by a few loops within Python.
    """

    def __init__(self, trees: list[Tree]) -> None:
        self.trees = trees
        self.children = [t.children for t in trees]
        self.levels = [t._levels for t in trees]
        self.firsts = [children[0]._levels if children else b"" for children in self.children]
        self.forests = [levels[1:] for levels in self.levels]
        self.on_a_root = [b"\1" + levels.translate(ONE_LEVEL_UP) for levels in self.levels]


def _with_one_more_node(smaller: list[_OfOneSize]) -> list[Tree]:
    levels: list[bytes] = []
    children: list[tuple[Tree, ...]] = []
    for first, rest in zip(smaller, reversed(smaller), strict=True):
        # The loop in Python is over the shorter list, the one within over the longer.
        if len(rest.trees) <= len(first.trees):
            for least, others, forest in zip(rest.firsts, rest.children, rest.forests, strict=True):
                start = bisect_left(first.levels, least)
                levels += [head + forest for head in first.on_a_root[start:]]
                children += zip(first.trees[start:], *map(repeat, others), strict=False)
        else:
            for most, child, head in zip(first.levels, first.trees, first.on_a_root, strict=True):
                end = bisect_right(rest.firsts, most)
                levels += [head + forest for forest in rest.forests[:end]]
                one = (child,)
                children += [one + others for others in rest.children[:end]]
    # A tree is made without its checks, and its slots are set past `__setattr__`, which refuses.
    made = list(map(object.__new__, repeat(Tree, len(levels))))
    deque(map(_set_levels, made, levels), maxlen=0)
    deque(map(_set_children, made, children), maxlen=0)
    return sorted(made, key=_levels)
