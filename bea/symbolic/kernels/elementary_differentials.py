"""Series over trees to JAX: f̃ of any function of pytrees, by nested Jacobian-vector products.

F(τ) = f^{(m)}(F(τ_1), …, F(τ_m)) is the m-th directional derivative of f along the differentials of
the branches, held fixed, and no array is larger than θ. Each F(τ) that is a branch of another tree
is computed once. The others are computed together, several in one pass, because a derivative is
linear in its direction and because a curve has a second derivative along its tangent and its bend:

    f''(F(τ), u) + f''(F(τ), v) = f''(F(τ), u + v),
    f''(u, v) + f'(w) = d/dε f'(θ + εv)(u + εw).

Where the same direction is taken twice, as in f''(f, f), both derivatives run through the same
operations, and a compiler that removes common subexpressions is left with little more than Taylor's
formula needs. So jit what is made here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bea.symbolic.trees.tree import Tree

if TYPE_CHECKING:
    from bea.pytrees import Field, PyTree

Forest = tuple[Tree, ...]
Weights = Mapping[Tree, float]
"""Σ w·F(τ): a number for each tree."""


def correction_kernels(
    orders: Sequence[Weights], field: Field, is_smooth: bool = False
) -> Callable[[PyTree], list[PyTree]]:
    """The function θ ↦ [f_0, f_1, …] with f_l = Σ_τ c(τ) F(τ)(f)(θ).

    Args:
        orders: for each l the factors c(τ) = b(τ)/σ(τ) of f_l, none of them zero.
        field: f, a JAX function of a pytree with a value of the same structure. If it has kinks,
            and derivatives of it are taken, the first call warns of them.
        is_smooth: f is known to have none.

    Returns:
        A function of θ, a pytree of floating-point arrays of one dtype.
    """
    branches = _branches(tree for terms in orders for tree in terms)
    takes_derivatives = any(tree.children for terms in orders for tree in terms)
    checked = is_smooth

    def kernels(theta: PyTree) -> list[PyTree]:
        import jax
        import jax.numpy as jnp

        from bea import pytrees
        from bea.smoothness import warn_of_kinks

        nonlocal checked
        pytrees.check_field(field, theta)
        if takes_derivatives and not checked:
            warn_of_kinks(field, theta)
        checked = True
        differentials = _Differentials(field, theta)

        def correction(terms: Weights) -> PyTree:
            known = {tree: c for tree, c in terms.items() if tree in branches or not tree.children}
            others = {tree: c for tree, c in terms.items() if tree not in known}
            parts = [_times(c, differentials[tree]) for tree, c in known.items()]
            parts += [differentials.together(others)] if others else []
            return pytrees.total(parts) if parts else jax.tree.map(jnp.zeros_like, theta)

        return [correction(terms) for terms in orders]

    return kernels


def tree_kernel(orders: Sequence[Weights], field: Field) -> Callable[[PyTree, Any], PyTree]:
    """The function (θ, h) ↦ Σ_l h^l Σ_τ c(τ) F(τ)(f)(θ).

    Args:
        orders: as for `correction_kernels`, which it sums up.
        field: likewise.

    Returns:
        A function of θ and of h, a number.
    """
    corrections = correction_kernels(orders, field)

    def kernel(theta: PyTree, h: Any) -> PyTree:
        import jax.numpy as jnp

        from bea import pytrees

        step = jnp.asarray(h)
        terms = [
            pytrees.scaled(step**l, f_l)
            for l, f_l in enumerate(corrections(theta))
            if l == 0 or orders[l]
        ]
        return pytrees.total(terms)

    return kernel


class _Differentials:
    """Elementary differentials of a field at one point, each computed once."""

    def __init__(self, field: Field, theta: PyTree) -> None:
        self._field, self._theta = field, theta
        self._known: dict[Tree, PyTree] = {}

    def __getitem__(self, tree: Tree) -> PyTree:
        """F(τ)."""
        if tree not in self._known:
            alone = {tree: 1.0}
            self._known[tree] = self.together(alone) if tree.children else self._field(self._theta)
        return self._known[tree]

    def together(self, weights: Weights) -> PyTree:
        """Σ w·F(τ) over trees other than the single node."""
        from bea import pytrees

        bend = {tree.children[0]: w for tree, w in weights.items() if len(tree.children) == 1}
        rest = {tree.children: w for tree, w in weights.items() if len(tree.children) > 1}
        parts = []
        for branch, forests in _by_branch(rest):
            pairs = {forest[0]: w for forest, w in forests.items() if len(forest) == 1}
            if bend and pairs:
                parts.append(self._second(branch, pairs, bend))
                bend = {}
                forests = {forest: w for forest, w in forests.items() if len(forest) > 1}
            if forests:
                parts.append(self._higher((branch,), forests))
        if bend:  # Σ w f'(F(branch))
            parts.append(_along(self._field, self._sum(bend))(self._theta))
        return pytrees.total(parts)

    def _second(self, branch: Tree, others: Weights, bend: Weights) -> PyTree:
        """Σ w f''(F(branch), F(other)) + Σ w f'(F(bend)).

        In units of the first weight: a direction that occurs twice is then the same array twice.
        """
        import jax

        from bea import pytrees

        unit = next(iter(others.values()))
        u = self[branch]
        v = self._sum({tree: w / unit for tree, w in others.items()})
        w = self._sum({tree: w / unit for tree, w in bend.items()})

        def derivative(theta: PyTree, u: PyTree) -> PyTree:  # f'(θ)u
            return jax.jvp(self._field, (theta,), (u,))[1]

        return pytrees.scaled(unit, jax.jvp(derivative, (self._theta, u), (v, w))[1])

    def _higher(self, fixed: Forest, forests: Mapping[Forest, float]) -> PyTree:
        """Σ w f^{(m)}(F(fixed), F(forest)), the directions held fixed."""
        from bea import pytrees

        g = self._field
        for branch in fixed:
            g = _along(g, self[branch])
        parts = []
        if last := {forest[0]: w for forest, w in forests.items() if len(forest) == 1}:
            parts.append(_along(g, self._sum(last))(self._theta))
        rest = {forest: w for forest, w in forests.items() if len(forest) > 1}
        parts += [self._higher((*fixed, branch), having) for branch, having in _by_branch(rest)]
        return pytrees.total(parts)

    def _sum(self, weights: Weights) -> PyTree:
        """Σ w·F(τ), every one of them by itself."""
        from bea import pytrees

        return pytrees.total([_times(w, self[tree]) for tree, w in weights.items()])


def _branches(trees: Iterable[Tree]) -> set[Tree]:
    """The trees that hang, near or far, on the root of one of these."""
    found: set[Tree] = set()
    waiting = list(trees)
    while waiting:
        new = set(waiting.pop().children) - found
        found |= new
        waiting += new
    return found


def _by_branch(
    forests: Mapping[Forest, float],
) -> Iterable[tuple[Tree, Mapping[Forest, float]]]:
    """The forests sorted by a branch of theirs, the most common first, and without it."""
    rest = dict(forests)
    while rest:
        ((branch, _),) = Counter(t for forest in rest for t in dict.fromkeys(forest)).most_common(1)
        having = {forest: w for forest, w in rest.items() if branch in forest}
        yield branch, {_without(branch, forest): w for forest, w in having.items()}
        rest = {forest: w for forest, w in rest.items() if forest not in having}


def _along(g: Field, direction: PyTree) -> Field:
    """θ ↦ g'(θ)·direction."""
    import jax

    return lambda theta: jax.jvp(g, (theta,), (direction,))[1]


def _without(branch: Tree, forest: Forest) -> Forest:
    i = forest.index(branch)
    return forest[:i] + forest[i + 1 :]


def _times(w: float, v: PyTree) -> PyTree:
    """w·v, and v itself for w = 1."""
    from bea import pytrees

    return v if w == 1 else pytrees.scaled(w, v)
