"""A B-series: exact coefficients b(τ) on all rooted trees through some order.

    Σ_τ h^{|τ|−1} b(τ)/σ(τ) · F(τ)(f)

What is said here follows from the coefficients alone, whatever method they came from; a series
that knows its method, and can be extended, is `series.Series`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

from bea.errors import InputError
from bea.predicates import predicate
from bea.symbolic.ring.scalars import Scalar, linear_combination, same
from bea.symbolic.trees.table import TreeTable
from bea.symbolic.trees.tree import Tree, neighbours
from bea.whole_numbers import order_within


class BSeries(Mapping[Tree, Scalar]):
    """A mapping from trees to their coefficients b(τ), cut at a power of h.

    Args:
        table: the trees.
        coefficients: b(τ), in the order of the table.
    """

    def __init__(self, table: TreeTable, coefficients: list[Scalar]) -> None:
        self._table, self._coefficients = table, coefficients

    @property
    def order(self) -> int:
        """The highest power p of h; trees have up to p + 1 nodes."""
        return self._table.order - 1

    def __getitem__(self, tree: Tree) -> Scalar:
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

    def __contains__(self, tree: object) -> bool:
        return isinstance(tree, Tree) and tree.order <= self._table.order

    def get(self, tree: Any, default: Any = None) -> Any:
        """b(τ) of a tree τ, or the default if the series does not reach this tree."""
        return self[tree] if self.__contains__(tree) else default

    def __iter__(self) -> Iterator[Tree]:
        return (self._table.tree(k) for k in range(len(self._table)))

    def __len__(self) -> int:
        return len(self._table)

    def coefficients(self, l: int) -> dict[Tree, Scalar]:
        """b(τ) for all trees of f_l, zeros with them.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Raises:
            InputError: there is no such correction in this series.
        """
        l = order_within(l, self.order, "this series")
        here = self._table.of_order(l + 1)
        return {self._table.tree(k): self._coefficients[k] for k in range(here.start, here.stop)}

    def terms(self, l: int) -> dict[Tree, Scalar]:
        """f_l as the factors b(τ)/σ(τ) of its elementary differentials, without zeros.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Raises:
            InputError: there is no such correction in this series.
        """
        found = {tree: b for tree, b in self.coefficients(l).items() if b}
        return {
            tree: linear_combination([(Fraction(1, tree.symmetry), found[tree])])
            for tree in sorted(found)
        }

    @cached_property
    def method_order(self) -> int | None:
        """The order of the method: the l of the first f_l ≠ 0 with l ≥ 1; None if beyond p."""
        return next((l for l in range(1, self.order + 1) if self.terms(l)), None)

    @predicate
    def is_symmetric(self) -> bool:
        """Are all f_l with odd l zero, to the order of this series?

        So they are to every order if Φ* = Φ. Further terms are not looked at: a series of order 2
        has only f_1 to say so.

        Source: HLW IX.2, Theorem 2.2.

        Example:
            >>> from bea import modified_series
            >>> modified_series("implicit_midpoint", order=4).is_symmetric()
            True
        """
        return not any(self.terms(l) for l in range(1, self.order + 1, 2))

    @predicate
    def is_hamiltonian(self, l: int) -> bool:
        """Is f_l Hamiltonian for every Hamiltonian f? So they all are if the method is symplectic.

        It is if and only if moving the root to a neighbour changes the sign of b:
        b(u∘v) + b(v∘u) = 0, where u∘v is u with v for one more child.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Source: HLW IX.9.2, Theorem 9.3.

        Example:
            >>> from bea import modified_series
            >>> series = modified_series("implicit_midpoint", order=4)
            >>> [series.is_hamiltonian(l) for l in range(5)]
            [True, True, True, True, True]
        """
        b = self.coefficients(l)
        return all(
            same(linear_combination([(Fraction(1), b[tree]), (Fraction(1), b[moved])]), Fraction(0))
            for tree in b
            for moved in neighbours(tree)
        )

    def _checked(self, order: int | None) -> int:
        return self.order if order is None else order_within(order, self.order, "this series")
