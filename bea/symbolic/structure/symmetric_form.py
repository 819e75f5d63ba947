"""f̃ = −M(θ, h)∇E with a symmetric matrix M, for every loss and every B-series.

Take a leaf off a rooted tree τ. The nodes on the way from the root to where the leaf was, with what
branches off at each of them, are a matrix W, and W f is the elementary differential F(τ): with a
vector in place of the leaf, f^{(m)}(F(branches), ·) at every node of the way. The derivatives of
f = −∇E are symmetric tensors, so that Wᵀ belongs to the same way backwards. Hence

    f_l = M_l f,    M_l = Σ_s β(s)/σ(s) · W(s)     over the ways s of l nodes, branches included,

holds for every E if b(τ) = Σ β(s) over the leaves of each τ, and M_l is symmetric if β(s) = β(sᵀ).

These equations always have a solution. Hang one more leaf x on the root of τ: then a way is a pair
of leaves (x, y) of a free tree with l + 2 nodes, and b is a number b_x at each of its m leaves. Of
all β with β_xy = β_yx and b_x = Σ_{y≠x} β_xy the one with the least Σ β² is u_x + u_y, that is

    β_xy = (b_x + b_y − Σ_z b_z/(m − 1)) / (m − 2),      and β_xy = b_x = b_y if m = 2,

where the tree is a path that a reflection maps to itself.

While M is positive definite, dE/dt = −∇EᵀM∇E < 0: the modified flow still descends E.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, prod

from bea.symbolic.ring.scalars import Scalar, linear_combination
from bea.symbolic.structure import contractions
from bea.symbolic.trees.tree import Tree


@dataclass(frozen=True, order=True)
class Way:
    """A path of nodes with branches: a matrix, F(branches) contracted in at every node.

    Attributes:
        branches: what branches off at each node of the path, from its start to its end.
    """

    branches: tuple[tuple[Tree, ...], ...]

    @property
    def order(self) -> int:
        """The number of nodes, those of the branches with them."""
        return sum(1 + sum(t.order for t in here) for here in self.branches)

    @property
    def symmetry(self) -> int:
        """The number of automorphisms that keep the path in its place."""
        return prod(
            factorial(m) * t.symmetry**m for here in self.branches for t, m in Counter(here).items()
        )

    @property
    def transposed(self) -> Way:
        """The way back, which is the transposed matrix."""
        return Way(self.branches[::-1])

    @property
    def tree(self) -> Tree:
        """The tree rooted at the start, with a leaf at the end."""
        tree = Tree()
        for here in reversed(self.branches):
            tree = Tree(*here, tree)
        return tree

    def __str__(self) -> str:
        return contractions.matrix(self.branches)

    def latex(self) -> str:
        """The matrix as LaTeX, in H and higher derivatives of E."""
        return contractions.matrix(self.branches, contractions.LATEX)


def ways(tree: Tree) -> Counter[Way]:
    """The ways from the root to where a leaf hangs, each with the number of leaves it leads to.

    Args:
        tree: a tree of at least two nodes.

    Example:
        >>> for way, leaves in ways(Tree.from_level_sequence([1, 2, 3, 2])).items():
        ...     print(way, leaves)
        ∇³E[∇E]H 1
        ∇³E[H∇E] 1
    """
    return Counter(Way(tuple(branches)) for branches in _ways(tree))


def _ways(tree: Tree) -> Iterator[list[tuple[Tree, ...]]]:
    for i, child in enumerate(tree.children):
        others = tree.children[:i] + tree.children[i + 1 :]
        if child.order == 1:
            yield [others]
        else:
            yield from ([others, *further] for further in _ways(child))


def symmetric_weights(coefficients: Mapping[Tree, Scalar]) -> dict[Way, Scalar]:
    """The factors of the W(s) in the symmetric matrix M_l with f_l = M_l f for f = −∇E.

    Args:
        coefficients: b(τ) for all rooted trees τ with the same number l + 1 ≥ 2 of nodes.

    Returns:
        β(s)/σ(s) by way, without zeros; a way and its reverse have the same.

    Example:
        >>> tall, cherry = Tree.from_level_sequence([1, 2, 3]), Tree.from_level_sequence([1, 2, 2])
        >>> M_2 = symmetric_weights({tall: Fraction(1, 3), cherry: Fraction(1, 6)})
        >>> [f"{c} {way}" for way, c in M_2.items()]
        ['1/3 H²', '1/12 ∇³E[∇E]']
    """
    weights: dict[Way, Scalar] = {}
    for tree in sorted(coefficients):
        leading = ways(tree)
        m = 1 + leading.total()
        b = {way: coefficients[way.transposed.tree] for way in leading}  # at the other leaves
        for way in leading:
            share = Fraction(1, way.symmetry)
            if m == 2:
                terms = [(share, coefficients[tree])]
            else:
                share /= m - 2
                mean = -share / (m - 1)
                terms = [(share + mean, coefficients[tree]), (share, b[way])]
                terms += [(mean * leaves, b[other]) for other, leaves in leading.items()]
            if c := linear_combination(terms):
                weights[way] = c
    return weights
