"""Which trees a tree is cut into: the coproduct that B-series are composed by.

Cutting branches off a tree τ leaves a tree θ with the root of τ, and the branches; gathered under a
new root they are a tree β of |τ| − |θ| + 1 nodes. A field g = Σ b(τ)/σ(τ) F(τ)(f), evaluated at a
map that is the B-series with coefficients a, is then the B-series with the coefficients

    Σ over all cuts of τ  b(θ) · Π_{branches} a(branch)

(HLW III.1.4, Theorem 1.10; Connes and Kreimer's coproduct). Here the cuts of all trees of a table
are listed, equal ones together, as arrays of numbers of trees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from bea.symbolic.trees.table import TreeTable


@dataclass(frozen=True)
class Cuts:
    """The cuts of all trees with the same number of nodes, as parallel arrays.

    Attributes:
        tree: the tree τ that is cut.
        top: what is left at its root, θ.
        branches: what is cut off, under a new root, β.
        multiplicity: how many cuts give this.
    """

    tree: np.ndarray
    top: np.ndarray
    branches: np.ndarray
    multiplicity: np.ndarray


def cuts_by_order(table: TreeTable) -> Iterator[Cuts]:
    """The cuts of the trees of one node, of two nodes, and so on; "no cut" is one of them.

    Args:
        table: the trees.

    Example:
        >>> *_, of_three_nodes = cuts_by_order(TreeTable(3))
        >>> len(of_three_nodes.tree), int(of_three_nodes.multiplicity.sum())
        (6, 7)
    """
    rest, child = table.rest.tolist(), table.child.tolist()

    @cache
    def with_child(k: int, new: int) -> int:
        """The number of tree k with one more child; children stand in decreasing numbers."""
        if k == 0 or new <= child[k]:
            return table.number_of(k, new)
        return table.number_of(with_child(rest[k], new), child[k])

    @cache
    def together(k: int, other: int) -> int:
        """The children of two trees under one root."""
        return k if other == 0 else with_child(together(k, rest[other]), child[other])

    found: list[Counter[tuple[int, int]]] = [Counter({(0, 0): 1})]  # without the cut of it all
    for n in range(1, table.order + 1):
        parts = []
        here = table.of_order(n)
        for k in range(here.start, here.stop):
            cuts: Counter[tuple[int, int]] = Counter()
            if k == 0:
                cuts = found[0]
            else:
                for (top, branches), m in found[rest[k]].items():
                    cuts[top, with_child(branches, child[k])] += m  # the last child is cut off
                    for (child_top, child_branches), c in found[child[k]].items():
                        cuts[with_child(top, child_top), together(branches, child_branches)] += (
                            m * c
                        )
                if n < table.order:  # trees of more nodes contain it
                    found.append(cuts)
            entries = ((k, top, branches, m) for (top, branches), m in cuts.items())
            parts.append(np.array([*entries], dtype=np.int64).T)
        yield Cuts(*np.concatenate(parts, axis=1))
