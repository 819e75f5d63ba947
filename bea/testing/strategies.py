"""Hypothesis strategies for losses, fields, trees and networks.

Nothing that is drawn is special: losses are neither even nor quadratic, fields no gradients, unless
chance or shrinking makes them so. Shrinking ends at short expressions with small coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import sympy as sp
from hypothesis import strategies as st

from bea.errors import InputError
from bea.symbolic.parsing.vocabulary import FUNCTIONS
from bea.symbolic.trees.tree import Tree
from bea.testing.samples import ACTIVATIONS, SampleField, SampleLoss, SampleNetwork

NAMES = "xyzuvw"
COEFFICIENTS = sorted(
    {sp.Rational(p, q) for q in (1, 2, 3) for p in range(-4, 5) if p},
    key=lambda c: (int(c.q), abs(int(c.p)), bool(c < 0)),
)
"""The simplest first: Hypothesis shrinks towards the front."""

Dimension: TypeAlias = int | st.SearchStrategy[int] | None


def losses(
    dim: Dimension = None,
    degree: int = 3,
    *,
    terms: int = 4,
    functions: Sequence[str] = (),
) -> st.SearchStrategy[SampleLoss]:
    """Losses E: polynomials with small rational coefficients, and smooth functions if wanted.

    Args:
        dim: the number of parameters, 1 to 6, or a strategy for it; by default 1 to 3.
        degree: the highest total degree, at least 2.
        terms: at most so many terms; others are added for parameters that do not occur.
        functions: names such as "exp", "tanh", "sin", as in the text of a loss: up to two terms
            c·F(u) with a linear u.

    Returns:
        A strategy for `SampleLoss`.

    Raises:
        InputError: a dimension, degree or function is out of range.

    Example:
        >>> from bea.testing import losses
        >>> from hypothesis import find
        >>> find(losses(dim=2), lambda loss: loss.expression.has(sp.Symbol("x") ** 3))
        SampleLoss('x**3 + y**2', 'x, y')
    """
    _check(degree, 2, functions)
    return _losses(_parameters(dim), degree, terms, tuple(functions))


def vector_fields(
    dim: Dimension = None,
    degree: int = 2,
    *,
    terms: int = 3,
    functions: Sequence[str] = (),
) -> st.SearchStrategy[SampleField]:
    """Vector fields f, as a rule no gradients: polynomials, and smooth functions if wanted.

    Args:
        dim: the number of parameters, 1 to 6, or a strategy for it; by default 1 to 3.
        degree: the highest total degree of a component, at least 1.
        terms: at most so many terms a component.
        functions: names such as "exp", "tanh", "sin": up to two terms c·F(u) a component.

    Returns:
        A strategy for `SampleField`.

    Raises:
        InputError: a dimension, degree or function is out of range.

    Example:
        >>> from bea.testing import vector_fields
        >>> from hypothesis import find
        >>> find(vector_fields(dim=2), lambda f: True)
        SampleField(['x + y', 'x'], 'x, y')
    """
    _check(degree, 1, functions)
    return _vector_fields(_parameters(dim), degree, terms, tuple(functions))


def trees(max_order: int = 6) -> st.SearchStrategy[Tree]:
    """Rooted trees.

    Args:
        max_order: the largest number of nodes.

    Returns:
        A strategy for `bea.Tree`. Examples shrink to few nodes and to bushy trees.

    Raises:
        InputError: max_order is less than 1.

    Example:
        >>> from bea.testing import trees
        >>> from hypothesis import find
        >>> find(trees(5), lambda tree: tree.symmetry == 2).level_sequence
        (1, 2, 2)
    """
    if max_order < 1:
        raise InputError(f"trees of up to {max_order} nodes: give max_order=1 or more")
    return st.integers(0, max_order - 1).flatmap(_parents).map(_tree)


def pytree_losses(
    *,
    max_width: int = 3,
    max_layers: int = 2,
    activations: Sequence[str] = tuple(ACTIVATIONS),
) -> st.SearchStrategy[SampleNetwork]:
    """Losses of small smooth networks, functions of a pytree.

    Args:
        max_width: the largest number of units in a layer.
        max_layers: the largest number of layers of weights.
        activations: which to draw from, keys of `bea.testing.ACTIVATIONS`.

    Returns:
        A strategy for `SampleNetwork`; its attributes `parameters` and `field` go into the
        assertions.

    Raises:
        InputError: an activation is unknown.

    Example:
        >>> from bea.testing import pytree_losses
        >>> from hypothesis import find
        >>> find(pytree_losses(), lambda loss: True)
        SampleNetwork(widths=(1, 1), activation='tanh', objective='squares', samples=1, seed=0)
    """
    for name in activations:
        if name not in ACTIVATIONS:
            raise InputError(f"unknown activation {name!r}: use some of {', '.join(ACTIVATIONS)}")
    if max_width < 1 or max_layers < 1:
        raise InputError(f"max_width {max_width}, max_layers {max_layers}: give 1 or more")
    return _networks(max_width, max_layers, tuple(activations))


@st.composite
def _losses(
    draw: st.DrawFn,
    parameters: st.SearchStrategy[tuple[sp.Symbol, ...]],
    degree: int,
    terms: int,
    functions: tuple[str, ...],
) -> SampleLoss:
    params = draw(parameters)
    expression = draw(_expressions(params, degree, terms, functions))
    missing = [p for p in params if p not in expression.free_symbols]
    return SampleLoss(expression + sp.Add(*(p**2 for p in missing)), params)


@st.composite
def _vector_fields(
    draw: st.DrawFn,
    parameters: st.SearchStrategy[tuple[sp.Symbol, ...]],
    degree: int,
    terms: int,
    functions: tuple[str, ...],
) -> SampleField:
    params = draw(parameters)
    drawn = [draw(_expressions(params, degree, terms, functions)) for _ in params]
    occurring = sp.Matrix(drawn).free_symbols
    for i, p in enumerate(params):  # each one somewhere, in a component that is not its own
        if p not in occurring:
            drawn[i - 1] += p
    return SampleField(drawn, params)


@st.composite
def _networks(
    draw: st.DrawFn, max_width: int, max_layers: int, activations: tuple[str, ...]
) -> SampleNetwork:
    layers = draw(st.integers(1, max_layers))
    widths = tuple(draw(st.integers(1, max_width)) for _ in range(layers + 1))
    return SampleNetwork(
        widths=widths,
        activation=draw(st.sampled_from(activations)),
        objective=draw(st.sampled_from(["squares", "cross-entropy"][: 1 + (widths[-1] > 1)])),
        samples=draw(st.integers(1, 4)),
        seed=draw(st.integers(0, 1000)),
    )


def _parents(n: int) -> st.SearchStrategy[tuple[int, ...]]:
    """For each of n nodes below a root, the node it hangs on: one that was there before it."""
    return st.tuples(*(st.integers(0, node) for node in range(n)))


def _tree(parents: Sequence[int]) -> Tree:
    children: list[list[int]] = [[] for _ in range(len(parents) + 1)]
    for node, parent in enumerate(parents, start=1):
        children[parent].append(node)

    def subtree(node: int) -> Tree:
        return Tree(*map(subtree, children[node]))

    return subtree(0)


def _parameters(dim: Dimension) -> st.SearchStrategy[tuple[sp.Symbol, ...]]:
    if isinstance(dim, int) and not 1 <= dim <= len(NAMES):
        raise InputError(f"{dim} parameters: dim goes from 1 to {len(NAMES)}")
    dims = st.integers(1, 3) if dim is None else st.just(dim) if isinstance(dim, int) else dim
    return dims.map(lambda m: tuple(map(sp.Symbol, NAMES[:m])))


@st.composite
def _expressions(
    draw: st.DrawFn,
    params: Sequence[sp.Symbol],
    degree: int,
    terms: int,
    functions: tuple[str, ...],
) -> sp.Expr:
    """A polynomial without a constant term, plus a few functions of linear forms."""
    coefficient = st.sampled_from(COEFFICIENTS)
    factors = st.lists(st.sampled_from(params), min_size=1, max_size=degree)
    monomial = factors.map(lambda chosen: sp.Mul(*chosen))
    polynomial = draw(st.dictionaries(monomial, coefficient, min_size=1, max_size=max(1, terms)))
    result = sp.Add(*(c * m for m, c in polynomial.items()))
    if not functions:
        return result
    linear = st.dictionaries(st.sampled_from(params), coefficient, min_size=1, max_size=2)
    for name in draw(st.lists(st.sampled_from(functions), max_size=2)):
        u = sp.Add(*(c * p for p, c in draw(linear).items()))
        result += draw(coefficient) * FUNCTIONS[name](u)
    return result


def _check(degree: int, least: int, functions: Sequence[str]) -> None:
    if degree < least:
        raise InputError(f"degree {degree}: give {least} or more")
    for name in functions:
        if name not in FUNCTIONS:
            raise InputError(f"{name!r} is no function here: use some of {', '.join(FUNCTIONS)}")
