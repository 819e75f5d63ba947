"""All rooted trees through some order, as integer arrays.

Each tree is given by the tree without its last child and by that child, which is what one pass of a
series over all trees needs (`coefficients`, `modifying_integrator`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

from bea.symbolic.trees.tree import MAX_TREES, Tree, checked_size

if TYPE_CHECKING:
    import numpy as np

MAX_CUT_TREES = 60_000
"""A modifying integrator over more trees than this is refused unless its caller asks for it: 14
nodes are 53 272 trees, with 4.7 million cuts; each further node makes 3.6 times as many."""


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

    def __init__(self, order: int, most_trees: int = MAX_TREES) -> None:
        self.order = checked_size(order, most_trees)
        rest, child = array("q", [0]), array("q", [-1])
        starts = [0, 1]
        ends = [[], [0]]  # ends[n][k]: where the trees of n nodes whose last child has ≤ k end
        for n in range(2, self.order + 1):
            ends.append([len(rest)])
            for size in range(1, n):  # of the last child
                m = n - size
                first, end = starts[size - 1], starts[size]
                same, larger = (ends[m][min(k, m - 1)] for k in (size - 1, size))
                for k in range(same, larger):
                    rest.extend(repeat(k, child[k] + 1 - first))
                    child.extend(range(first, child[k] + 1))
                takers = range(larger, starts[m])  # of any child of this size; • takes all
                rest.extend(chain.from_iterable(map(repeat, takers, repeat(end - first))))
                child.extend(array("q", range(first, end)) * len(takers))
                ends[n].append(len(rest))
            starts.append(len(rest))
        self._rest, self._child, self._starts = rest, child, starts

    @cached_property
    def rest(self) -> np.ndarray:
        """For every tree, the number of what is left without its last child."""
        import numpy as np

        return np.frombuffer(self._rest, np.int64)

    @cached_property
    def child(self) -> np.ndarray:
        """For every tree, the number of its last child; −1 for the tree •."""
        import numpy as np

        return np.frombuffer(self._child, np.int64)

    @property
    def pairs(self) -> Iterator[tuple[int, int]]:
        """The rest and the last child of every tree but •, in Python's numbers."""
        return islice(zip(self._rest, self._child, strict=True), 1, None)

    def __len__(self) -> int:
        return len(self._rest)

    def of_order(self, n: int) -> slice:
        """Where the trees of n nodes stand."""
        return slice(self._starts[n - 1], self._starts[n])

    @cached_property
    def _trees(self) -> dict[int, Tree]:
        return {0: Tree()}

    def tree(self, k: int) -> Tree:
        """Tree number k."""
        if k not in self._trees:
            rest, child = self.tree(self._rest[k]), self.tree(self._child[k])
            self._trees[k] = Tree(*rest.children, child)
        return self._trees[k]

    @cached_property
    def _numbers(self) -> dict[tuple[int, int], int]:
        return {pair: k for k, pair in enumerate(self.pairs, start=1)}

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
