"""How trees are written when f = −∇E: in ∇E, the Hessian H = ∇²E, and ∇³E, ∇⁴E, ….

A rooted tree is a vector, such as ∇³E[∇E, H∇E]; a free tree is a scalar, such as ∇EᵀH∇E; a path of
nodes with branches is a matrix, such as H ∇³E[∇E]. Every node is a derivative tensor of E and every
edge contracts an index. Signs are left to the caller: F(τ)(−∇E) is (−1)^|τ| times the vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bea.symbolic.trees.tree import Tree

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Notation:
    """The signs of a medium.

    Attributes:
        gradient: ∇E.
        tensor: k ↦ ∇^k E.
        power: (base, n) ↦ base to the power n.
        transposed: of a vector.
        square: of the length of a vector.
        space: between two factors.
    """

    gradient: str
    tensor: Callable[[int], str]
    power: Callable[[str, int], str]
    transposed: Callable[[str], str]
    square: Callable[[str], str]
    space: str

    def applied(self, k: int, arguments: Sequence[str]) -> str:
        """∇^k E with vectors in some of its places."""
        return f"{self.tensor(k)}[{', '.join(arguments)}]"

    def hessians(self, n: int) -> str:
        """H^n."""
        return self.power("H", n) if n > 1 else "H"


TEXT = Notation(
    gradient="∇E",
    tensor=lambda k: f"∇{str(k).translate(SUPERSCRIPTS)}E",
    power=lambda base, n: f"{base}{str(n).translate(SUPERSCRIPTS)}",
    transposed=lambda v: f"{v}ᵀ",
    square=lambda v: f"|{v}|²",
    space="",
)
LATEX = Notation(
    gradient=r"\nabla E",
    tensor=lambda k: rf"\nabla^{{{k}}} E",
    power=lambda base, n: f"{base}^{{{n}}}",
    transposed=lambda v: rf"{v}^{{\mathsf{{T}}}}",
    square=lambda v: rf"\lvert {v} \rvert^{{2}}",
    space=r"\,",
)


def vector(tree: Tree, notation: Notation = TEXT) -> str:
    """The contraction of a rooted tree, such as ∇³E[∇E, H∇E]."""
    if not tree.children:
        return notation.gradient
    if len(tree.children) > 1:
        arguments = [vector(child, notation) for child in reversed(tree.children)]
        return notation.applied(len(arguments) + 1, arguments)
    n = 0
    while len(tree.children) == 1:
        (tree,), n = tree.children, n + 1
    return f"{notation.hessians(n)}{notation.space}{vector(tree, notation)}"


def scalar(rootings: Sequence[Tree], notation: Notation = TEXT) -> str:
    """The contraction of a free tree, given by its rootings: |∇E|², ∇EᵀH∇E, and so on."""
    # At a node with most edges the fewest brackets are inside one another.
    tree = min(rootings, key=lambda t: (-len(t.children), t))
    if tree.order == 1:
        return "E"
    if tree.order == 2:
        return notation.square(notation.gradient)
    if len(tree.children) == 2:  # no node has more, so it is a path
        left = notation.transposed(notation.gradient)
        inner = notation.hessians(tree.order - 2)
        return f"{left}{notation.space}{inner}{notation.space}{notation.gradient}"
    arguments = [vector(child, notation) for child in reversed(tree.children)]
    return notation.applied(len(arguments), arguments)


def matrix(spine: Sequence[Sequence[Tree]], notation: Notation = TEXT) -> str:
    """The contraction of a path of nodes with branches, such as H²∇³E[∇E]."""
    factors = []
    for branches, same in groupby(spine):
        n = len(list(same))
        if not branches:
            factors.append(notation.hessians(n))
            continue
        arguments = [vector(branch, notation) for branch in reversed(branches)]
        tensor = notation.applied(len(arguments) + 2, arguments)
        factors.append(notation.power(f"({tensor})", n) if n > 1 else tensor)
    return notation.space.join(factors) or "I"
