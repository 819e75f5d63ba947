"""What the strategies draw: exact losses and fields, and small networks, ready for use in a test.

Their `repr` is the call that makes them again, so that the example of a failing test can be copied
into a test of its own. Losses and fields compute in the arithmetic of the numbers they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import sympy as sp

from bea.errors import InputError
from bea.pytrees import PyTree
from bea.symbolic.coordinates.problem import Problem
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.methods.tableau import ButcherTableau
from bea.whole_numbers import checked_order


class SampleField:
    """A vector field f in exact form, θ̇ = f(θ).

    Args:
        components: the components of f, SymPy expressions or text.
        params: the parameters θ, symbols or text.

    Attributes:
        components: SymPy expressions, as many as parameters.
        params: the symbols.

    Example:
        >>> rotation = SampleField(["y", "-x"], "x, y")
        >>> rotation(np.array([1.0, 2.0]))
        array([ 2., -1.])
        >>> rotation([mpmath.mpf(1), mpmath.mpf(2)])
        array([mpf('2.0'), mpf('-1.0')], dtype=object)
        >>> rotation.equation(order=1).corrections[1]
        Matrix([
        [x/2],
        [y/2]])
    """

    def __init__(
        self, components: Sequence[sp.Expr | str], params: Sequence[sp.Symbol | str] | str
    ) -> None:
        problem = _problem(field=components, params=params)
        self.params = problem.params
        self.components: tuple[sp.Expr, ...] = problem.field or ()

    def __call__(self, theta: Any) -> Any:
        """f(θ) in the arithmetic of θ.

        Args:
            theta: shape (m,): mpmath numbers in a sequence or an array, a NumPy array of floats,
                or a JAX array.

        Returns:
            An array of shape (m,) of the same kind.
        """
        return _in_arithmetic_of(theta, self._compiled)

    @cached_property
    def _compiled(self) -> Callable[[str], Callable[..., Any]]:
        return _compiler(self.params, self.components)

    def equation(self, order: int = 1, method: str | ButcherTableau = "euler") -> ModifiedEquation:
        """The modified equation of a method on this field, as by `bea.modified_equation`.

        Args:
            order: its order p.
            method: a method by name, or its tableau.
        """
        problem = _problem(field=self.components, params=self.params, method=method)
        return ModifiedEquation(problem, checked_order(order))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SampleField) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"SampleField({[str(c) for c in self.components]}, {_listed(self.params)})"


class SampleLoss:
    """A loss E in exact form; gradient descent follows f = −∇E.

    Args:
        expression: E, a SymPy expression or text.
        params: the parameters θ, symbols or text.

    Attributes:
        expression: E.
        params: the symbols.

    Example:
        >>> loss = SampleLoss("x**3/3 + x*y", "x, y")
        >>> loss.gradient(np.array([1.0, 2.0]))
        array([3., 1.])
        >>> loss.field
        SampleField(['-x**2 - y', '-x'], 'x, y')
    """

    def __init__(self, expression: sp.Expr | str, params: Sequence[sp.Symbol | str] | str) -> None:
        problem = _problem(loss=expression, params=params)
        self.params = problem.params
        self.expression: sp.Expr = problem.loss

    def __call__(self, theta: Any) -> Any:
        """E(θ), a number in the arithmetic of θ.

        Args:
            theta: shape (m,), as for `SampleField`.
        """
        return _in_arithmetic_of(theta, self._value)[0]

    def gradient(self, theta: Any) -> Any:
        """∇E(θ) in the arithmetic of θ.

        Args:
            theta: shape (m,), as for `SampleField`.

        Returns:
            An array of shape (m,) of the same kind.
        """
        return _in_arithmetic_of(theta, self._derivative)

    @cached_property
    def field(self) -> SampleField:
        """The field f = −∇E."""
        return SampleField([-sp.diff(self.expression, p) for p in self.params], self.params)

    @cached_property
    def _value(self) -> Callable[[str], Callable[..., Any]]:
        return _compiler(self.params, (self.expression,))

    @cached_property
    def _derivative(self) -> Callable[[str], Callable[..., Any]]:
        return _compiler(self.params, tuple(sp.diff(self.expression, p) for p in self.params))

    def equation(self, order: int = 1, method: str | ButcherTableau = "euler") -> ModifiedEquation:
        """The modified equation of a method on this loss, as by `bea.modified_equation`.

        Args:
            order: its order p.
            method: a method by name, or its tableau.
        """
        problem = _problem(loss=self.expression, params=self.params, method=method)
        return ModifiedEquation(problem, checked_order(order))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SampleLoss) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"SampleLoss({str(self.expression)!r}, {_listed(self.params)})"


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "sin": jnp.sin,
    "gelu": jax.nn.gelu,
}
"""Smooth activations, for orders ask for derivatives."""


@dataclass(frozen=True)
class SampleNetwork:
    """The loss of a small smooth network on a few made-up samples, a function of a pytree.

    E(θ) is the mean over the samples of ½|y − t|², or of the cross-entropy of y with labels.

    Args:
        widths: of the layers, inputs and outputs with them.
        activation: a key of `ACTIVATIONS`.
        objective: "squares" or "cross-entropy" (which wants two outputs or more).
        samples: how many.
        seed: of the samples and the parameters.

    Raises:
        InputError: the activation or the objective is unknown, or there are fewer than two widths.

    Example:
        >>> network = SampleNetwork((2, 3, 1), "tanh")
        >>> [layer["weights"].shape for layer in network.parameters]
        [(2, 3), (3, 1)]
        >>> bool(network(network.parameters) > 0)
        True
    """

    widths: tuple[int, ...] = (2, 3, 1)
    activation: str = "tanh"
    objective: str = "squares"
    samples: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise InputError(f"unknown activation {self.activation!r}: use one of {known}")
        if self.objective not in ("squares", "cross-entropy"):
            raise InputError(
                f"unknown objective {self.objective!r}: use 'squares' or 'cross-entropy'"
            )
        if len(self.widths) < 2:
            raise InputError(f"widths are {self.widths}: give inputs and outputs at least")

    @cached_property
    def parameters(self) -> PyTree:
        """The parameters to start from: a list of layers, arrays of float64 by name."""
        random = np.random.default_rng([self.seed, 1])
        return [
            {
                "weights": random.normal(size=(n, m)) / np.sqrt(n),
                "biases": random.normal(size=m) / 4,
            }
            for n, m in zip(self.widths, self.widths[1:], strict=False)
        ]

    def __call__(self, theta: PyTree) -> jax.Array:
        """E(θ).

        Args:
            theta: a pytree like `parameters`.

        Returns:
            A number in the dtype of θ.
        """
        dtype = jnp.result_type(theta[0]["weights"])
        x, targets, labels = self._data
        y = jnp.asarray(x, dtype)
        for i, layer in enumerate(theta):
            y = y @ layer["weights"] + layer["biases"]
            if i + 1 < len(theta):
                y = ACTIVATIONS[self.activation](y)
        if self.objective == "squares":
            return jnp.mean(jnp.sum((y - jnp.asarray(targets, dtype)) ** 2, axis=-1)) / 2
        chosen = jnp.take_along_axis(y, jnp.asarray(labels)[:, None], axis=-1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(y, axis=-1) - chosen)

    @cached_property
    def field(self) -> NetworkField:
        """The field f = −∇E, which knows the parameters to start from."""
        return NetworkField(self)

    @cached_property
    def _data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        random = np.random.default_rng([self.seed, 2])
        x = random.normal(size=(self.samples, self.widths[0]))
        targets = random.normal(size=(self.samples, self.widths[-1]))
        return x, targets, random.integers(self.widths[-1], size=self.samples)


@dataclass(frozen=True)
class NetworkField:
    """The field −∇E of a network's loss.

    Args:
        network: the loss.
    """

    network: SampleNetwork

    @property
    def parameters(self) -> PyTree:
        """The parameters to start from."""
        return self.network.parameters

    def __call__(self, theta: PyTree) -> PyTree:
        """f(θ) = −∇E(θ), a pytree like θ."""
        return jax.tree.map(jnp.negative, jax.grad(self.network)(theta))


def _problem(
    *,
    params: Any,
    loss: Any = None,
    field: Any = None,
    method: str | ButcherTableau = "euler",
) -> Problem:
    """As for `bea.modified_equation`; parameters that do not occur are meant to be there."""
    return Problem.checked(
        loss=loss, field=field, step=None, params=params, method=method, step_size="h"
    )


def _listed(params: Sequence[sp.Symbol]) -> str:
    return repr(", ".join(p.name for p in params))


def _compiler(
    params: Sequence[sp.Symbol], expressions: Sequence[sp.Expr]
) -> Callable[[str], Callable[..., Any]]:
    """Which arithmetic ↦ the expressions as a function in it, compiled when first asked for."""
    return cache(
        lambda arithmetic: sp.lambdify([params], list(expressions), modules=arithmetic, cse=True)
    )


def _in_arithmetic_of(theta: Any, compiled: Callable[[str], Callable[..., Any]]) -> Any:
    if isinstance(theta, jax.Array):
        values = compiled("jax")(theta)
        return jnp.stack([jnp.asarray(v, theta.dtype) for v in values])
    if any(isinstance(t, mpmath.mpf) for t in np.ravel(np.array(theta, dtype=object))):
        return np.array([mpmath.mpmathify(v) for v in compiled("mpmath")(list(theta))])
    theta = np.asarray(theta)
    dtype = theta.dtype if np.issubdtype(theta.dtype, np.floating) else np.float64
    return np.array(compiled("numpy")(theta.astype(dtype)), dtype)
