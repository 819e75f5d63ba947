"""When is f_l a gradient for every loss? Free trees, their scalars, and what stands in the way.

Let f = −∇E. Forgetting the root sorts rooted trees into classes, the free trees φ. With H_φ(E) the
contraction of derivative tensors of E, one at every node, along the edges, ∇H_φ is the sum of F
over all choices of the root, so that a series is a gradient for every E if and only if b takes
one value on all rootings of each φ (HLW IX.9). Then f_l = −∇Ẽ_l with

    Ẽ_l = (−1)^{n+1} Σ_φ b(φ)/|Aut φ| · H_φ(E),      n = l + 1 nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from bea.symbolic.ring.scalars import Scalar, linear_combination, same
from bea.symbolic.structure import contractions
from bea.symbolic.trees.tree import Tree

MAX_SHOWN = 3
"""Free trees that a message names: all that there are of an f_3, half of those of an f_4."""


@dataclass(frozen=True, repr=False)
class FreeTree:
    """A tree without a root: the rooted trees that come of choosing one.

    Attributes:
        rootings: the rooted trees, each with the number of nodes whose choice gives it.

    Example:
        >>> path = FreeTree.of(Tree.from_level_sequence([1, 2, 3]))
        >>> path == FreeTree.of(Tree.from_level_sequence([1, 2, 2])), path.symmetry, str(path)
        (True, 2, '∇EᵀH∇E')
    """

    rootings: Mapping[Tree, int]

    @classmethod
    def of(cls, tree: Tree) -> FreeTree:
        """The free tree of a rooted one."""
        found = Counter(tree.rootings())
        return cls(MappingProxyType({t: found[t] for t in sorted(found)}))

    @property
    def order(self) -> int:
        """The number of nodes."""
        return sum(self.rootings.values())

    @property
    def symmetry(self) -> int:
        """|Aut φ| = σ(τ) · (the nodes whose choice gives τ), for any rooting τ."""
        tree, nodes = next(iter(self.rootings.items()))
        return tree.symmetry * nodes

    def __hash__(self) -> int:
        return hash(frozenset(self.rootings))

    def __reduce__(self) -> tuple[object, ...]:
        return FreeTree.of, (next(iter(self.rootings)),)

    def __repr__(self) -> str:
        return f"<free tree {self}>"

    def halves(self) -> tuple[Tree, Tree]:
        """The two rooted trees that are left when an edge is taken away, as equal as possible.

        They give the scalar from vectors: H_φ(E) = (−1)^n ⟨F(τ_1)(−∇E), F(τ_2)(−∇E)⟩.

        Raises:
            ValueError: the tree has one node, and so no edge.
        """
        cuts = [
            (child, Tree(*tree.children[:i], *tree.children[i + 1 :]))
            for tree in self.rootings
            for i, child in enumerate(tree.children)
        ]
        return min(cuts, key=lambda cut: (abs(cut[0].order - cut[1].order), cut))

    def __str__(self) -> str:
        return contractions.scalar([*self.rootings])

    def latex(self) -> str:
        """H_φ(E) as LaTeX, in ∇E, H and higher derivatives of E."""
        return contractions.scalar([*self.rootings], contractions.LATEX)

    def contraction(self) -> str:
        """H_φ(E) with an index for every edge: E_i E_ij E_j for the path of three nodes."""
        tree = min(self.rootings, key=lambda t: (len(t.children), t))
        edges: list[list[str]] = []
        letters = iter("ijklmnpqrstuvwxyzabcdefgh")

        def visit(node: Tree, above: list[str]) -> None:
            mine = list(above)
            edges.append(mine)
            for child in node.children:
                letter = next(letters, "•")
                mine.append(letter)
                visit(child, [letter])

        visit(tree, [])
        return " ".join("E" + (f"_{''.join(e)}" if e else "") for e in edges)


@dataclass(frozen=True)
class GradientStructure:
    """f_l as a gradient and a remainder, for every loss: f_l = −∇Ẽ_l + r_l.

    Attributes:
        potential: the factors of the H_φ(E) in Ẽ_l, from free trees.
        obstruction: the free trees on which b is not constant, with its values there.
        remainder: r_l as factors of elementary differentials of f, with f_l = −∇Ẽ_l + r_l; empty
            if and only if f_l is a gradient for every loss.
    """

    potential: Mapping[FreeTree, Scalar]
    obstruction: Mapping[FreeTree, Mapping[Tree, Scalar]]
    remainder: Mapping[Tree, Scalar]

    @property
    def is_gradient(self) -> bool:
        """Is there no obstruction?"""
        return not self.obstruction

    def obstruction_in_words(self) -> str:
        """The first free trees on which b is not constant, and its values there; "" if none is."""
        if not self.obstruction:
            return ""
        shown = [
            f"on the free tree of {free} b is "
            + ", ".join(f"{b} at {list(t.level_sequence)}" for t, b in values.items())
            for free, values in list(self.obstruction.items())[:MAX_SHOWN]
        ]
        more = len(self.obstruction) - len(shown)
        return "; ".join(shown + [f"and on {more} more"] * bool(more))


def gradient_structure(coefficients: Mapping[Tree, Scalar]) -> GradientStructure:
    """Split Σ b(τ)/σ(τ) F(τ)(−∇E), over the trees of one order, into a gradient and a remainder.

    On a free tree where b is not constant the gradient part takes its mean over the nodes, which
    makes the remainder r have Σ b_r = 0 over the rootings by every node of φ.

    Args:
        coefficients: b(τ) for all rooted trees τ with the same number of nodes.

    Source: HLW IX.9, where Hamiltonian fields have the same classes, with alternating signs.
    """
    potential: dict[FreeTree, Scalar] = {}
    obstruction: dict[FreeTree, dict[Tree, Scalar]] = {}
    remainder: dict[Tree, Scalar] = {}
    done: set[Tree] = set()
    for tree in sorted(coefficients):
        if tree in done:
            continue
        free = FreeTree.of(tree)
        done.update(free.rootings)
        values = {t: coefficients[t] for t in free.rootings}
        n = free.order
        mean = linear_combination(
            (Fraction(nodes, n), values[t]) for t, nodes in free.rootings.items()
        )
        if mean:
            potential[free] = linear_combination([(Fraction((-1) ** (n + 1), free.symmetry), mean)])
        if not all(same(b, coefficients[tree]) for b in values.values()):
            obstruction[free] = values
            for t, b in values.items():
                rest = (Fraction(1, t.symmetry), b), (Fraction(-1, t.symmetry), mean)
                if r := linear_combination(rest):
                    remainder[t] = r
    return GradientStructure(potential, obstruction, remainder)
