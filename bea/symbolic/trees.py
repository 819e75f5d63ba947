"""Rooted trees: canonical objects, and tables of all of them by order.

A rooted tree stands for an elementary differential: • for f, a root with children τ_1, …, τ_m for
f^{(m)}(F(τ_1), …, F(τ_m)) (HLW III.1). A `Tree` is what a user holds; a `TreeTable` is all trees
through some order as integer arrays, each tree given by the tree without its last child and by
that child, which is what one pass of a series over all trees needs (`series`). Grafting, which
makes trees carry the recursion, is in `tree_carrier`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from math import factorial, prod

import numpy as np

from bea.errors import InputError

MOST_TREES = 5_000_000
"""A table larger than this is refused unless its caller asks for it: 17 nodes are 1.2 million
trees of some 100 bytes each, 19 nodes 7.5 million."""


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
        ordered = sorted(children, key=lambda t: t.level_sequence, reverse=True)
        levels = (1, *(level + 1 for child in ordered for level in child.level_sequence))
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
        levels = list(levels)
        if not levels:
            raise InputError("an empty level sequence is no tree: one node is [1]")
        if not all(isinstance(level, (int, np.integer)) for level in levels):
            raise InputError(f"the level sequence {levels} is no tree: levels are integers")
        for i, (before, level) in enumerate(pairwise(levels), start=1):
            if not levels[0] < level <= before + 1:
                raise InputError(
                    f"the level sequence {levels} is no tree: entry {i} is {level}, after "
                    f"{before} and below a root at {levels[0]} it must be from "
                    f"{levels[0] + 1} to {before + 1}"
                )

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

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Tree cannot be changed: make another one, Tree(…), for {name}")

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


class TreeTable:
    """All rooted trees through an order, as arrays.

    Trees are numbered by order; tree k of more than one node is tree `rest[k]` with tree
    `child[k]` added as a last child at the root. A tree is listed once, because its children are
    added in decreasing numbers.

    Args:
        order: the largest number of nodes.
        most_trees: refuse a table larger than this.

    Raises:
        InputError: the order is not positive, or there are more trees than allowed.
    """

    def __init__(self, order: int, most_trees: int = MOST_TREES) -> None:
        if not isinstance(order, int) or order < 1:
            raise InputError(f"trees of {order} nodes: the number of nodes must be 1 or more")
        total = sum(number_of_trees(n) for n in range(1, order + 1))
        if total > most_trees:
            raise InputError(
                f"there are {total} rooted trees with up to {order} nodes, more than the "
                f"{most_trees} allowed: lower the order, or pass most_trees={total} to risk it"
            )
        self.order = order
        starts, rests, children = [0, 1], [np.zeros(1, np.int64)], [np.full(1, -1)]
        last = np.array([total])  # the number of the last child; • takes any
        for n in range(2, order + 1):
            rest_parts, child_parts = [], []
            for size in range(1, n):  # of the last child
                rest = np.arange(starts[n - size - 1], starts[n - size])
                first, end = starts[size - 1], starts[size]
                fitting = np.clip(last[rest] + 1 - first, 0, end - first)
                rest_parts.append(np.repeat(rest, fitting))
                offsets = np.arange(fitting.sum()) - np.repeat(
                    np.cumsum(fitting) - fitting, fitting
                )
                child_parts.append(first + offsets)
            rests.append(np.concatenate(rest_parts))
            children.append(np.concatenate(child_parts))
            last = np.concatenate([last, children[-1]])
            starts.append(starts[-1] + len(rests[-1]))
        self.rest, self.child = np.concatenate(rests), np.concatenate(children)
        self._starts = starts

    def __len__(self) -> int:
        return len(self.rest)

    def of_order(self, n: int) -> slice:
        """Where the trees of n nodes stand."""
        return slice(self._starts[n - 1], self._starts[n])

    @cached_property
    def _trees(self) -> dict[int, Tree]:
        return {0: Tree()}

    def tree(self, k: int) -> Tree:
        """Tree number k."""
        if k not in self._trees:
            rest, child = self.tree(int(self.rest[k])), self.tree(int(self.child[k]))
            self._trees[k] = Tree(*rest.children, child)
        return self._trees[k]

    @cached_property
    def _numbers(self) -> dict[tuple[int, int], int]:
        pairs = zip(self.rest[1:].tolist(), self.child[1:].tolist(), strict=True)
        return {pair: k for k, pair in enumerate(pairs, start=1)}

    def number(self, tree: Tree) -> int:
        """The number of a tree.

        Raises:
            KeyError: the tree has more nodes than the table.
        """
        k = 0
        for child in sorted(map(self.number, tree.children), reverse=True):
            k = self._numbers[k, child]
        return k


@lru_cache
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


def trees(order: int, most_trees: int = MOST_TREES) -> list[Tree]:
    """All rooted trees with so many nodes, the tall tree first.

    Args:
        order: the number of nodes, 1 or more.
        most_trees: refuse to make more than this.

    Raises:
        InputError: the order is not positive, or there are more trees than allowed.

    Example:
        >>> [len(trees(n)) for n in range(1, 8)]
        [1, 1, 2, 4, 9, 20, 48]
    """
    table = TreeTable(order, most_trees)
    here = table.of_order(order)
    return sorted(table.tree(k) for k in range(here.start, here.stop))
