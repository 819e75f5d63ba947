"""The tree carrier: fields as rational combinations of rooted trees, D_v g by grafting.

The Lie derivative of an elementary differential along another one is a sum of elementary
differentials, D_{F(σ)} F(τ) = Σ F(τ with σ grafted onto a node), over the nodes of τ (HLW III.1).
So the `recursion` runs on trees as it stands, and gives the coordinate-free f_l. It is slower than
`coefficients`, which it is there to check, and to carry what has no closed form in t.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache

from bea.symbolic.recursion import Terms
from bea.symbolic.trees.tree import Tree

Combination = Mapping[Tree, Fraction]
"""Σ c(τ)·F(τ), by tree; c(τ) = b(τ)/σ(τ) in the coefficients b of a B-series."""


class TreeCarrier:
    """Rational combinations of rooted trees with grafting for Lie derivative.

    Example:
        >>> from itertools import islice
        >>> from bea.symbolic.recursion import modified_fields
        >>> euler = {1: {Tree(): Fraction(1)}}.get
        >>> *_, f_2 = islice(modified_fields(TreeCarrier(), euler), 3)
        >>> for tree, c in sorted(f_2.items()):
        ...     print(tree, c)
        Tree.from_level_sequence([1, 2, 3]) 1/3
        Tree.from_level_sequence([1, 2, 2]) 1/12
    """

    def combine(self, terms: Terms[Combination]) -> Combination:
        """Σ c·g."""
        total: defaultdict[Tree, Fraction] = defaultdict(Fraction)
        for c, g in terms:
            for tree, coefficient in g.items():
                total[tree] += c * coefficient
        return {tree: c for tree, c in total.items() if c}

    def derive(self, g: Combination, along: Combination) -> Combination:
        """D_v g: each root of v grafted onto each node of g."""
        total: defaultdict[Tree, Fraction] = defaultdict(Fraction)
        for tree, c in g.items():
            for branch, d in along.items():
                for grafted in graftings(tree, branch):
                    total[grafted] += c * d
        return {tree: c for tree, c in total.items() if c}


@lru_cache(maxsize=100_000)
def graftings(tree: Tree, branch: Tree) -> tuple[Tree, ...]:
    """`branch` joined by an edge to each node of `tree` in turn: |tree| trees."""
    return tuple(_graftings(tree, branch))


def _graftings(tree: Tree, branch: Tree) -> Iterator[Tree]:
    yield Tree(*tree.children, branch)
    for i, child in enumerate(tree.children):
        others = tree.children[:i] + tree.children[i + 1 :]
        for grafted in graftings(child, branch):
            yield Tree(*others, grafted)
