"""Rooted trees: canonical, immutable, hashable.

A rooted tree stands for an elementary differential: • for f, a root with children τ_1, …, τ_m for
f^{(m)}(F(τ_1), …, F(τ_m)) (HLW III.1). A `Tree` is what a user holds; all trees through
some order, as arrays, are in `table`. Grafting, which makes trees carry the recursion, is in
`carrier`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, total_ordering
from itertools import pairwise
from math import factorial, prod
from numbers import Integral

from bea.errors import InputError
from bea.symbolic.drawing.svg import tree_svg

MOST_LEVELS = 200
"""Levels of a tree. What is said of it is found by recursion, and Python allows 1000 calls."""


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

    __slots__ = ("__weakref__", "_hash", "children", "level_sequence")

    children: tuple[Tree, ...]
    level_sequence: tuple[int, ...]
    _hash: int

    def __init__(self, *children: Tree) -> None:
        for child in children:
            if not isinstance(child, Tree):
                raise InputError(
                    f"{child!r} is no Tree: a child is one, as in Tree(Tree(), Tree())"
                )
        ordered = sorted(children, key=lambda t: t.level_sequence, reverse=True)
        levels = (1, *(level + 1 for child in ordered for level in child.level_sequence))
        if max(levels) > MOST_LEVELS:
            raise InputError(f"the tree has more than {MOST_LEVELS} levels: take a lower one")
        object.__setattr__(self, "children", tuple(ordered))
        object.__setattr__(self, "level_sequence", levels)
        object.__setattr__(self, "_hash", hash(levels))

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

        if max(levels) - levels[0] >= MOST_LEVELS:
            raise InputError(f"the tree has more than {MOST_LEVELS} levels: take a lower one")

        def subtree(start: int) -> tuple[Tree, int]:
            children, end = [], start + 1
            while end < len(levels) and levels[end] > levels[start]:
                child, end = subtree(end)
                children.append(child)
            return cls(*children), end

        return subtree(0)[0]

    @property
    def order(self) -> int:
        """The number |τ| of nodes."""
        return len(self.level_sequence)

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
        return tree_svg(self)

    def _repr_html_(self) -> str:
        # Inside the page the picture takes the colour of the text, which a dark page needs.
        return self.svg()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Tree cannot be changed: make another one, Tree(…), for {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Tree cannot be changed: it keeps its {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self.level_sequence == other.level_sequence

    def __hash__(self) -> int:
        return self._hash

    def __lt__(self, other: Tree) -> bool:
        return (self.order, other.level_sequence) < (other.order, self.level_sequence)

    def __repr__(self) -> str:
        return f"Tree.from_level_sequence({list(self.level_sequence)})"

    def __reduce__(self) -> tuple[object, ...]:
        return Tree.from_level_sequence, (self.level_sequence,)


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
