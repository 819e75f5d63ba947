"""All rooted trees through some order, as integer arrays.

Each tree is given by the tree without its last child and by that child, which is what one pass of a
series over all trees needs (`coefficients`, `modifying_integrator`).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from bea.symbolic.trees.tree import MOST_TREES, Tree, checked_size, number_of_trees


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
        self.order = order = checked_size(order, most_trees)
        starts, rests, children = [0, 1], [np.zeros(1, np.int64)], [np.full(1, -1)]
        any_tree = sum(map(number_of_trees, range(1, order + 1)))
        last = np.array([any_tree])  # the number of the last child; • takes any
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
            k = self.number_of(k, child)
        return k

    def number_of(self, rest: int, child: int) -> int:
        """The number of tree `rest` with tree `child` added as its last child.

        Raises:
            KeyError: the tree has more nodes than the table, or an earlier child a lesser number.
        """
        return self._numbers[rest, child]
