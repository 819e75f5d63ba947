"""The modified equation of a method without coordinates: a B-series over rooted trees.

    f̃ = Σ_l h^l f_l,        f_l = Σ_{|τ|=l+1} b(τ)/σ(τ) · F(τ)(f),

with the elementary differentials F(τ)(f) = f^{(m)}(F(τ_1), …, F(τ_m)) and exact coefficients b(τ)
from `tree_pass`. Here stands what a user holds; how it is written is in `series_text`, when it is
a gradient in `free_trees`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from sympy import Expr, Symbol

from bea.errors import InputError
from bea.symbolic import series_text
from bea.symbolic.coordinates import Column, CoordinatesCarrier
from bea.symbolic.derivation import Derivation, field_of
from bea.symbolic.differentials import ElementaryDifferentials
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.free_trees import GradientStructure, gradient_structure
from bea.symbolic.methods import ButcherTableau, method_named
from bea.symbolic.problem import Problem
from bea.symbolic.tree_pass import modified_coefficients
from bea.symbolic.trees import MOST_TREES, Tree, TreeTable


class Series(Mapping[Tree, Fraction]):
    """A B-series Σ_τ h^{|τ|−1} b(τ)/σ(τ) F(τ)(f), cut at a power of h.

    It is a mapping from trees to their coefficients b(τ): `series[tree]`. Made by
    `modified_series`.

    Args:
        table: the trees.
        coefficients: b(τ), in the order of the table.
        title: what the series is of, in a few words.
        method: the method it belongs to.
    """

    def __init__(
        self, table: TreeTable, coefficients: list[Fraction], title: str, method: ButcherTableau
    ) -> None:
        self._table = table
        self._coefficients = coefficients
        self.title = title
        self.method = method

    @property
    def order(self) -> int:
        """The highest power p of h; trees have up to p + 1 nodes."""
        return self._table.order - 1

    def __getitem__(self, tree: Tree) -> Fraction:
        """b(τ).

        Raises:
            InputError: it is no tree, or it has more than p + 1 nodes.
        """
        if not isinstance(tree, Tree):
            raise InputError(f"{tree!r} is no Tree: make one with Tree.from_level_sequence([…])")
        if tree.order > self._table.order:
            raise InputError(
                f"the series of order {self.order} ends at {self._table.order} nodes, the tree "
                f"{list(tree.level_sequence)} has {tree.order}: derive it with "
                f"order={tree.order - 1}"
            )
        return self._coefficients[self._table.number(tree)]

    def __iter__(self) -> Iterator[Tree]:
        return (self._table.tree(k) for k in range(len(self._table)))

    def __len__(self) -> int:
        return len(self._table)

    def terms(self, l: int) -> dict[Tree, Fraction]:
        """f_l as the factors b(τ)/σ(τ) of its elementary differentials, without zeros.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Raises:
            InputError: there is no such correction in this series.
        """
        if not isinstance(l, int) or not 0 <= l <= self.order:
            raise InputError(f"order {l} is not among 0 … {self.order} of this series")
        here = self._table.of_order(l + 1)
        found = {
            self._table.tree(k): self._coefficients[k]
            for k in range(here.start, here.stop)
            if self._coefficients[k]
        }
        return {tree: found[tree] / tree.symmetry for tree in sorted(found)}

    @cached_property
    def method_order(self) -> int | None:
        """The order of the method: the l of the first f_l ≠ 0 with l ≥ 1; None if beyond p."""
        return next((l for l in range(1, self.order + 1) if self.terms(l)), None)

    def gradient_structure(self, l: int) -> GradientStructure:
        """f_l for f = −∇E as a gradient and a remainder, whatever E is.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Returns:
            The scalar Ẽ_l in contractions H_φ(E), the obstruction, and the remainder.
        """
        self.terms(l)  # is there such a correction?
        here = self._table.of_order(l + 1)
        return gradient_structure(
            {self._table.tree(k): self._coefficients[k] for k in range(here.start, here.stop)}
        )

    def is_gradient(self, l: int) -> bool:
        """Is f_l a gradient for every loss? That is, is b constant on every free tree?

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.
        """
        return self.gradient_structure(l).is_gradient

    def on(
        self,
        *,
        loss: Expr | str | None = None,
        field: Sequence[Expr | str] | None = None,
        params: Sequence[Symbol | str] | Symbol | str,
        step_size: Symbol | str = "h",
    ) -> ModifiedEquation:
        """The series on a loss (f = −∇E) or a field, in coordinates.

        Args:
            loss: the loss E; or
            field: the components of f.
            params: the parameters θ: symbols, or their names.
            step_size: the symbol h, or its name.

        Returns:
            The equation, of the order of the series; it cannot be extended beyond that.

        Raises:
            InputError: the input cannot be used; see `modified_equation`.

        Example:
            >>> eq = modified_series("rk4", order=4).on(field=["y", "-x"], params="x, y")
            >>> list(eq.corrections[4])
            [-y/120, x/120]
        """
        problem = Problem.checked(
            loss=loss, field=field, step=None, params=params, method="euler", step_size=step_size
        )
        if problem.step is not None:
            raise InputError(
                f"the input contains the step size {problem.step_size}, and a series has powers of "
                "its own: rename the constant, or choose another symbol with step_size="
            )
        problem = replace(problem, method=self.method)
        return ModifiedEquation(problem, self.order, Derivation(lambda: self._fields_on(problem)))

    def _fields_on(self, problem: Problem) -> tuple[CoordinatesCarrier, Iterator[Column]]:
        carrier, f = field_of(problem)
        differentials = ElementaryDifferentials(carrier, f)

        def fields() -> Iterator[Column]:
            for l in range(self.order + 1):
                yield differentials.combination(self.terms(l))
            raise InputError(
                f"the series ends at order {self.order}: derive it with order={self.order + 1}"
            )

        return carrier, fields()

    def __str__(self) -> str:
        return series_text.as_text(self)

    def __repr__(self) -> str:
        return f"<{self.title}, to order {self.order}, {len(self)} trees>"

    def latex(self) -> str:
        """The series as LaTeX, in elementary differentials, without dollar signs."""
        return series_text.as_latex(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def modified_series(
    method: str | ButcherTableau = "euler", order: int = 3, most_trees: int = MOST_TREES
) -> Series:
    """The modified equation of a Runge–Kutta method, for every field at once.

    Args:
        method: the name of a method, or a `ButcherTableau`, explicit or implicit.
        order: the highest power p of h, at least 0.
        most_trees: refuse a series over more trees than this.

    Returns:
        The series; `series[tree]` is b(τ), `str(series)` the formula.

    Raises:
        InputError: the method is unknown, the order is negative, or there are too many trees.

    Source: HLW IX.9; the coefficients as derivatives of the B-series of t steps.

    Example:
        >>> print(modified_series("euler", order=2))
        f − h/2 f'f + h²(1/12 f''(f,f) + 1/3 f'f'f) + …
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 0:
        raise InputError(f"the order is {order}: it must be a whole number, 0 or more")
    tableau = method_named(method)
    table = TreeTable(order + 1, most_trees)
    return Series(
        table,
        modified_coefficients(tableau, table),
        f"modified equation of {tableau.name}",
        tableau,
    )
