"""Series over trees to JAX: f̃ of any function of pytrees, by nested Jacobian-vector products.

F(τ) = f^{(m)}(F(τ_1), …, F(τ_m)) is the m-th directional derivative of f along fields held fixed:
v ↦ f^{(m)}(F(τ_1), …, F(τ_{m−1}), v) is the linear map of θ ↦ f^{(m−1)}(F(τ_1), …) at θ, and no
array is larger than θ. Each map is linearized once, each F(τ) computed once, and since it is linear
a whole sum of trees that differ in one branch only goes through it at once:

    Σ_τ c_τ f'(F(τ)) = f'(Σ_τ c_τ F(τ)).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bea.errors import InputError
from bea.symbolic.trees import Tree

if TYPE_CHECKING:
    import jax

PyTree = Any
Field = Callable[[PyTree], PyTree]
Forest = tuple[Tree, ...]
Weights = Mapping[Tree, Any]
"""Σ w·F(τ): a number, or a traced one, for each tree."""


def tree_kernel(orders: Sequence[Mapping[Tree, float]], field: Field) -> Callable[..., PyTree]:
    """The function (θ, h) ↦ Σ_l h^l Σ_τ c(τ) F(τ)(f)(θ).

    Args:
        orders: for each l the factors c(τ) = b(τ)/σ(τ) of f_l.
        field: f, a JAX function of a pytree with a value of the same structure.

    Returns:
        A function of θ, a pytree of floating-point arrays, and of h, a number.
    """
    import jax.numpy as jnp

    def kernel(theta: PyTree, h: Any) -> PyTree:
        differentials = _Differentials(field, theta)
        step = jnp.asarray(h)
        weights = {tree: c * step**l for l, terms in enumerate(orders) for tree, c in terms.items()}
        return differentials.combination(weights)

    return kernel


class _Differentials:
    """Elementary differentials of a field at one point, each computed once."""

    def __init__(self, field: Field, theta: PyTree) -> None:
        self._field, self._theta = field, theta
        self._known: dict[Tree, PyTree] = {}
        self._linear: dict[Forest, tuple[PyTree, Callable[[PyTree], PyTree]]] = {}
        self._check()

    def __getitem__(self, tree: Tree) -> PyTree:
        """F(τ)."""
        if tree not in self._known:
            *fixed, last = tree.children or (None,)
            value, linear_map = self._linearized(tuple(child for child in fixed if child))
            self._known[tree] = value if last is None else linear_map(self[last])
        return self._known[tree]

    def combination(self, weights: Weights) -> PyTree:
        """Σ w·F(τ)."""
        if len(weights) == 1:
            ((tree, w),) = weights.items()
            return _scaled(w, self[tree])
        return self._contracted((), {tree.children: w for tree, w in weights.items()})

    def _contracted(self, fixed: Forest, forests: Mapping[Forest, Any]) -> PyTree:
        """Σ w·f^{(m)}(F(fixed), F(forest))."""
        parts = []
        value, linear_map = self._linearized(fixed)
        if () in forests:
            parts.append(_scaled(forests[()], value))
        if single := {forest[0]: w for forest, w in forests.items() if len(forest) == 1}:
            parts.append(linear_map(self.combination(single)))
        rest = {forest: w for forest, w in forests.items() if len(forest) > 1}
        while rest:
            # The branch that most of them have is the one to be held fixed.
            ((branch, _),) = Counter(t for forest in rest for t in set(forest)).most_common(1)
            having = {forest: w for forest, w in rest.items() if branch in forest}
            without = {_without(branch, forest): w for forest, w in having.items()}
            parts.append(self._contracted((*fixed, branch), without))
            rest = {forest: w for forest, w in rest.items() if forest not in having}
        return _sum(parts)

    def _linearized(self, fixed: Forest) -> tuple[PyTree, Callable[[PyTree], PyTree]]:
        """The value and the linear map of θ ↦ f^{(m)}(F(fixed)) with the fields held fixed."""
        import jax

        key = tuple(sorted(fixed))
        if key not in self._linear:
            g = self._field
            for branch in key:
                g = _along(g, self[branch])
            self._linear[key] = jax.linearize(g, self._theta)
        return self._linear[key]

    def _check(self) -> None:
        """Is the value of the field a vector at θ?

        Raises:
            InputError: θ has a leaf that is no floating-point array, or f has another structure.
        """
        import jax
        import jax.numpy as jnp

        leaves, structure = jax.tree_util.tree_flatten_with_path(self._theta)
        for path, leaf in leaves:
            if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
                raise InputError(
                    f"θ{jax.tree_util.keystr(path)} is {jnp.result_type(leaf)}: parameters are "
                    "floating-point arrays; keep the others out of θ"
                )
        values = jax.eval_shape(self._field, self._theta)
        found, other = jax.tree_util.tree_flatten_with_path(values)
        if str(other) != str(structure):
            raise InputError(
                f"the field returns {other} for {structure}: it must return one array for each "
                "parameter, such as the gradient of a loss with a minus"
            )
        for (path, leaf), (_, value) in zip(leaves, found, strict=True):
            if jnp.shape(leaf) != value.shape or jnp.result_type(leaf) != value.dtype:
                raise InputError(
                    f"the field at θ{jax.tree_util.keystr(path)} has {value.dtype}{value.shape} "
                    f"for {jnp.result_type(leaf)}{jnp.shape(leaf)}: shape and dtype must agree"
                )


def _along(g: Field, direction: PyTree) -> Field:
    import jax

    return lambda theta: jax.jvp(g, (theta,), (direction,))[1]


def _without(branch: Tree, forest: Forest) -> Forest:
    i = forest.index(branch)
    return forest[:i] + forest[i + 1 :]


def _scaled(w: jax.Array, v: PyTree) -> PyTree:
    import jax

    return jax.tree.map(lambda x: w.astype(x.dtype) * x, v)


def _sum(parts: Sequence[PyTree]) -> PyTree:
    import jax

    return jax.tree.map(lambda *xs: sum(xs[1:], xs[0]), *parts)
