"""Random Butcher tableaus of a given order: A first, then the weights b from a linear system.

For a given A the conditions of order q,

    Σ_i b_i Φ_i(τ) = 1/γ(τ)        for all trees τ of up to q nodes,

are linear in b (HLW III.1). Some methods with as few stages as possible are taken from known
families; every other stage may be anything, and b is a random point of the solutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from bea.errors import InputError
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.trees.table import TreeTable
from bea.symbolic.trees.tree import Tree

MAX_EXPLICIT = 4
"""The highest order of an explicit method that is drawn; beyond it, stages outnumber the order."""
MAX_IMPLICIT = 6

FRACTIONS = sorted(
    {Fraction(p, q) for q in (1, 2, 3, 4) for p in range(-2 * q, 2 * q + 1)},
    key=lambda c: (c.denominator, abs(c), c < 0),
)
"""Entries, the simplest first: Hypothesis shrinks towards the front."""
NODES = [c for c in FRACTIONS if c]

Matrix = list[list[Fraction]]


def butcher_tableaus(
    order: int = 1, stages: int | None = None, *, explicit: bool | None = None
) -> st.SearchStrategy[ButcherTableau]:
    """Runge–Kutta methods of an order, with rational entries.

    Args:
        order: q, the least order of the method: Σ_i b_i Φ_i(τ) = 1/γ(τ) for trees of q nodes or
            fewer. At most 4 for explicit methods, 6 for implicit ones.
        stages: how many; by default as many as the order needs, and up to two more.
        explicit: True or False for explicit or implicit methods only.

    Returns:
        A strategy for `bea.ButcherTableau`. Examples shrink to few stages and simple fractions.

    Raises:
        InputError: no such method is known here.

    Source: HLW II.1.1 and III.1; explicit methods with four stages: Hairer, Nørsett, Wanner,
        *Solving ODEs I*, II.1.

    Example:
        >>> from bea.testing import butcher_tableaus
        >>> from hypothesis import find
        >>> find(butcher_tableaus(order=2, explicit=True), lambda method: True).b
        (Fraction(1, 2), Fraction(1, 2))
    """
    _check(order, stages, explicit)
    return _tableaus(order, stages, explicit)


@st.composite
def _tableaus(
    draw: st.DrawFn, order: int, stages: int | None, explicit: bool | None
) -> ButcherTableau:
    possible = [e for e in (True, False) if explicit in (None, e) and _least(order, e, stages)]
    is_explicit = draw(st.sampled_from(possible))
    least = _least(order, is_explicit, stages)
    s = stages or draw(st.integers(least, least + 2))
    A = draw(_explicit_start(order)) if is_explicit else draw(_implicit_start(order, s))
    A = draw(_with_more_stages(A, s, is_explicit))
    b = draw(_weights(A, order))
    return ButcherTableau(A, b, name=f"a random method of order {order}")


def _check(order: int, stages: int | None, explicit: bool | None) -> None:
    if order < 1 or (stages is not None and stages < 1):
        raise InputError(f"order {order} with {stages} stages: give whole numbers, 1 or more")
    if not any(_least(order, e, stages) for e in (True, False) if explicit in (None, e)):
        kind = {None: "", True: "explicit ", False: "implicit "}[explicit]
        with_stages = "" if stages is None else f" with {stages} stages"
        raise InputError(
            f"no {kind}tableaus of order {order}{with_stages} are drawn here: explicit ones go to "
            f"order {MAX_EXPLICIT} and implicit ones to order {MAX_IMPLICIT}, with as many "
            "stages as the order or more"
        )


def _least(order: int, explicit: bool, stages: int | None) -> int:
    """The stages that an order needs here; 0 if it is not to be had (with so many stages)."""
    if order > (MAX_EXPLICIT if explicit else MAX_IMPLICIT):
        return 0
    least = 1 if (order, explicit) == (2, False) else order  # the implicit midpoint rule
    return least if stages is None or stages >= least else 0


@st.composite
def _explicit_start(draw: st.DrawFn, order: int) -> Matrix:
    """Stages of an explicit method that suffice for the order."""
    zero = Fraction(0)
    if order == 1:
        return [[zero]]
    u = draw(st.sampled_from(NODES))
    if order == 2:
        return [[zero, zero], [u, zero]]
    v = draw(st.sampled_from(NODES))
    if order == 3:
        # nodes 0, u, v with the quadrature of order 3, and Σ b_i a_ij c_j = 1/6
        assume(u != v and u != Fraction(2, 3))
        b3 = (Fraction(1, 3) - u / 2) / (v * (v - u))
        a32 = Fraction(1, 6) / (b3 * u)
        return [[zero] * 3, [u, zero, zero], [v - a32, a32, zero]]
    # Nodes 0, u, v, 1; D(1): Σ_i b_i a_ij = b_j (1 − c_j); and Σ b_i c_i a_ij c_j = 1/8.
    assume(len({zero, u, v, Fraction(1)}) == 4)
    nodes = [zero, u, v, Fraction(1)]
    b = _quadrature(nodes)
    assume(b[2] and b[3])
    a43 = b[2] * (1 - v) / b[3]
    right, other = b[1] * (1 - u), (Fraction(1, 8) - b[3] * a43 * v) / u
    # b_3 a_32 + b_4 a_42 = right  and  v b_3 a_32 + b_4 a_42 = other
    a32 = (right - other) / (b[2] * (1 - v))
    a42 = (right - b[2] * a32) / b[3]
    return [
        [zero] * 4,
        [u, zero, zero, zero],
        [v - a32, a32, zero, zero],
        [1 - a42 - a43, a42, a43, zero],
    ]


@st.composite
def _implicit_start(draw: st.DrawFn, order: int, stages: int) -> Matrix:
    """Stages of an implicit method that suffice for the order: a collocation method."""
    if order == 1:
        return [[draw(st.sampled_from(NODES))]]
    if order == 2 and stages == 1:
        return [[Fraction(1, 2)]]
    nodes = st.lists(
        st.sampled_from([c for c in FRACTIONS if 0 <= c <= 1]),
        min_size=order, max_size=order, unique=True,
    ) if order <= 4 else st.permutations([Fraction(k, order) for k in range(order + 1)]).map(
        lambda nodes: nodes[:order]
    )  # fmt: skip
    method = ButcherTableau.collocation(draw(nodes))
    return [[Fraction(a) for a in row] for row in method.A]


@st.composite
def _with_more_stages(draw: st.DrawFn, A: Matrix, stages: int, explicit: bool) -> Matrix:
    """The stages of A, which remain what they are, and others that may use them."""
    zero = Fraction(0)
    rows = [[*row, *[zero] * (stages - len(A))] for row in A]
    for i in range(len(A), stages):
        used = i if explicit else stages
        row = [draw(st.sampled_from(FRACTIONS)) for _ in range(used)]
        rows.append([*row, *[zero] * (stages - used)])
    return rows


@st.composite
def _weights(draw: st.DrawFn, A: Matrix, order: int) -> list[Fraction]:
    """A random solution b of the order conditions."""
    trees = TreeTable(order)
    conditions = [(tree, stage_weights(tree, A)) for tree in map(trees.tree, range(len(trees)))]
    augmented = [[*weights, Fraction(1, tree.density)] for tree, weights in conditions]
    s = len(A)
    reduced, pivots = DomainMatrix(
        [[QQ(c.numerator, c.denominator) for c in row] for row in augmented],
        (len(augmented), s + 1),
        QQ,
    ).rref()
    assert s not in pivots, "the order conditions contradict one another"
    rows = reduced.to_list()
    free = [j for j in range(s) if j not in pivots]
    b = {j: draw(st.sampled_from(FRACTIONS)) for j in free}
    for row, pivot in zip(rows, pivots, strict=False):
        b[pivot] = _fraction(row[s]) - sum((_fraction(row[j]) * b[j] for j in free), Fraction(0))
    return [b[j] for j in range(s)]


def _fraction(number: Any) -> Fraction:
    return Fraction(int(number.numerator), int(number.denominator))


def stage_weights(tree: Tree, A: Sequence[Sequence[Scalar]]) -> list[Fraction]:
    """Φ_i(τ) = Π over the children of Σ_j a_ij Φ_j(child), for all stages i.

    Args:
        tree: τ.
        A: the matrix of the tableau, rational.

    Source: HLW III.1.1.

    Example:
        >>> from bea import METHODS
        >>> cherry = Tree(Tree(), Tree())
        >>> stage_weights(cherry, METHODS["rk4"].A)  # c_i²
        [Fraction(0, 1), Fraction(1, 4), Fraction(1, 4), Fraction(1, 1)]
    """

    @cache
    def weights(tree: Tree) -> list[Fraction]:
        factors = [weights(child) for child in tree.children]
        return [
            prod(
                (sum((a * w for a, w in zip(row, f, strict=True)), Fraction(0)) for f in factors),
                start=Fraction(1),
            )
            for row in A
        ]

    return weights(tree)


def _quadrature(nodes: Sequence[Fraction]) -> list[Fraction]:
    """The weights of the interpolatory quadrature on [0, 1] with these nodes."""
    return [Fraction(weight) for weight in ButcherTableau.collocation(list(nodes)).b]
