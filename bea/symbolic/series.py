"""The modified equation of a method without coordinates: a B-series over rooted trees.

    f̃ = Σ_l h^l f_l,        f_l = Σ_{|τ|=l+1} b(τ)/σ(τ) · F(τ)(f),

with the elementary differentials F(τ)(f) = f^{(m)}(F(τ_1), …, F(τ_m)) and exact coefficients b(τ)
from `trees.coefficients`; likewise the modifying integrator, from `trees.modifying_integrator`.
This is what a user holds. `printing.series` writes it and `printing.pictures` draws it;
`structure.free_trees` says when it is a gradient, and `structure.symmetric_form` what holds
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from sympy import Expr, Symbol

from bea.errors import InputError, NotAGradientError
from bea.predicates import predicate
from bea.symbolic.coordinates.carrier import Column, CoordinatesCarrier
from bea.symbolic.coordinates.problem import Problem
from bea.symbolic.derivation import Derivation, field_of
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.methods.named import method_named
from bea.symbolic.methods.tableau import ButcherTableau, Entry
from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS
from bea.symbolic.printing import series as series_text
from bea.symbolic.printing.series import FormalSeries
from bea.symbolic.ring.scalars import (
    Scalar,
    linear_combination,
    normal_scalars,
)
from bea.symbolic.structure.elementary_differentials import ElementaryDifferentials
from bea.symbolic.structure.free_trees import FreeTree, GradientStructure, gradient_structure
from bea.symbolic.structure.symmetric_form import Way, symmetric_weights
from bea.symbolic.trees.bseries import BSeries
from bea.symbolic.trees.coefficients import modified_coefficients
from bea.symbolic.trees.table import MAX_CUT_TREES, TreeTable
from bea.symbolic.trees.tree import MAX_TREES, Tree, number_of_trees
from bea.whole_numbers import checked_order, order_within

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MAX_ORDER_SOUGHT = 10
"""How far the first correction of a method is looked for: its 1842 trees take under a second,
and no named method is of a higher order."""


MAX_IRRATIONAL_ENTRIES = 200
"""Stages times trees of one order, up to which it is looked for where entries are irrational: a
series is printed, and nobody waits for that."""


class Series(BSeries):
    """The B-series Σ_τ h^{|τ|−1} b(τ)/σ(τ) F(τ)(f) of a method, cut at a power of h.

    It is a mapping from trees to their coefficients b(τ): `series[tree]`, a Fraction, or a SymPy
    expression where a tableau with irrational or symbolic entries makes it one. Made by
    `modified_series` and `modifying_integrator`.

    Args:
        table: the trees.
        coefficients: b(τ), in the order of the table.
        kind: "modified equation" or "modifying integrator".
        method: the method it belongs to.
        most_trees: the bound that it was made with, and is extended within.
    """

    def __init__(
        self,
        table: TreeTable,
        coefficients: list[Scalar],
        *,
        kind: str,
        method: ButcherTableau,
        most_trees: int = MAX_TREES,
    ) -> None:
        super().__init__(table, coefficients)
        self.kind = kind
        self.method = method
        self.most_trees = most_trees

    @property
    def title(self) -> str:
        """What the series is, in a few words."""
        return f"{self.kind} of {self.method.name}"

    @property
    def is_modifying(self) -> bool:
        """Is it the series of a modifying integrator?"""
        return self.kind == "modifying integrator"

    @cached_property
    def first_correction(self) -> int | None:
        """The l of the first f_l ≠ 0 with l ≥ 1, looked for beyond the order of this series.

        It is the order of the method. None if it was not found: beyond MAX_ORDER_SOUGHT, beyond
        the bound on trees, and for irrational or symbolic entries beyond MAX_IRRATIONAL_ENTRIES,
        nothing is looked for.
        """
        if self.method_order is not None:
            return self.method_order
        for l in range(self.order + 1, MAX_ORDER_SOUGHT + 1):
            trees = number_of_trees(l + 1)
            is_long = len(self.method.b) * trees > MAX_IRRATIONAL_ENTRIES
            if is_long and not self.method.is_rational:
                return None
            try:
                longer = self.extended(l)
            except InputError:  # more trees than this series may have
                return None
            if longer.terms(l):
                return l
        return None

    def gradient_structure(self, l: int) -> GradientStructure:
        """f_l for f = −∇E as a gradient and a remainder, whatever E is.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Returns:
            The scalar Ẽ_l in contractions H_φ(E), the obstruction, and the remainder.
        """
        l = order_within(l, self.order, "this series")
        if l not in self._structures:
            self._structures[l] = gradient_structure(self.coefficients(l))
        return self._structures[l]

    @cached_property
    def _structures(self) -> dict[int, GradientStructure]:
        return {}

    @predicate
    def is_gradient(self, l: int) -> bool:
        """Is f_l a gradient for every loss? That is, is b constant on every free tree?

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.
        """
        return self.gradient_structure(l).is_gradient

    def modified_loss(self, order: int | None = None) -> FormalSeries[FreeTree]:
        """The scalar Ẽ with f + h f_1 + … + h^p f_p = −∇Ẽ, for every loss E.

            Ẽ = Σ_l h^l (−1)^l Σ_φ b(φ)/|Aut φ| · H_φ(E)       over free trees φ of l + 1 nodes

        Args:
            order: p, at most the order of the series, which is the default.

        Returns:
            The factors of the contractions H_φ(E), such as |∇E|²; to be read as text or LaTeX.

        Raises:
            NotAGradientError: some f_l with l ≤ p is no gradient for a general loss; the message
                names l and the free tree. `gradient_structure` and `preconditioner` still hold.

        Example:
            >>> print(modified_series("euler", order=3).modified_loss(1))
            E + h/4 |∇E|² + …
        """
        p = self._checked(order)
        for l in range(p + 1):
            structure = self.gradient_structure(l)
            if not structure.is_gradient:
                raise NotAGradientError(
                    f"f_{l} of the {self.title} is no gradient for a general loss: "
                    f"{structure.obstruction_in_words()}; modified_loss({l - 1}) exists, "
                    f"and so does preconditioner({l})",
                    order=l,
                )
        terms = tuple(dict(self.gradient_structure(l).potential) for l in range(p + 1))
        return FormalSeries(terms, f"loss of the {self.title}")

    def preconditioner(self, order: int | None = None) -> FormalSeries[Way]:
        """The symmetric matrix M(θ, h) with f + h f_1 + … + h^p f_p = −M∇E, for every loss E.

        It exists for every method and order, also where there is no modified loss. While it is
        positive definite, and it is I at h = 0, the modified flow descends E. From f_4 on it is not
        the only one; the formula for this one is in `structure.symmetric_form`.

        Args:
            order: p, at most the order of the series, which is the default.

        Returns:
            The factors of products of H, ∇³E[…], …; to be read as text or LaTeX. On a concrete
            loss: `ModifiedEquation.preconditioner`.

        Example:
            >>> print(modified_series("euler", order=2).preconditioner())
            I + h/2 H + h²(1/3 H² + 1/12 ∇³E[∇E]) + …
        """
        p = self._checked(order)
        identity: dict[Way, Scalar] = {Way(()): Fraction(1)}
        terms = [identity]
        for l in range(1, p + 1):
            weights = symmetric_weights(self.coefficients(l))
            sign = Fraction((-1) ** l)  # a factor −1 at each of the l nodes, for f = −∇E
            terms.append({way: linear_combination([(sign, c)]) for way, c in weights.items()})
        return FormalSeries(tuple(terms), f"symmetric M in f̃ = −M∇E of the {self.title}")

    def extended(self, order: int) -> Series:
        """The series of the same method to another order, higher or lower.

        Args:
            order: the new order, at least 0.
        """
        return _series(self.method, order, most_trees=self.most_trees, kind=self.kind)

    def on(
        self,
        *,
        loss: Expr | str | None = None,
        field: Sequence[Expr | str] | None = None,
        params: Sequence[Symbol | str] | Symbol | str,
        step_size: Symbol | str = "h",
        most_terms: int = MAX_DERIVED_TERMS,
    ) -> ModifiedEquation:
        """The series on a loss (f = −∇E) or a field, in coordinates.

        Args:
            loss: the loss E; or
            field: the components of f.
            params: the parameters θ: symbols, or their names.
            step_size: the symbol h, or its name.
            most_terms: refuse functions of more terms than this.

        Returns:
            The equation, of the order of the series; what is asked beyond that is derived then.

        Raises:
            InputError: the input cannot be used; see `modified_equation`.

        Example:
            >>> eq = modified_series("rk4", order=4).on(field=["y", "-x"], params="x, y")
            >>> list(eq.corrections[4])
            [-y/120, x/120]
        """
        step_dependent = Problem.checked(
            loss=loss, field=field, step=None, params=params, method="euler", step_size=step_size
        )
        if step_dependent.step is not None:
            raise InputError(
                f"the input contains the step size {step_dependent.step_size}, and a series has "
                "powers of its own: rename the constant, or choose another symbol with "
                "step_size= (--step-size)"
            )
        problem = Problem.checked(
            loss=loss,
            field=field,
            step=None,
            params=params,
            method=self.method,
            step_size=step_size,
            most_terms=most_terms,
        )
        return self.equation(problem)

    def equation(self, problem: Problem) -> ModifiedEquation:
        """The series on the field of a problem that has been checked.

        Args:
            problem: a loss or a field, with the method of the series.
        """
        derivation = Derivation(lambda: self._fields_on(problem))
        return ModifiedEquation(problem, self.order, derivation=derivation, source=self)

    def subs(self, values: Mapping[Symbol | str, Any]) -> Series:
        """The series of the method with exact values for some of the symbols in its tableau.

        Args:
            values: from a symbol, or its name, to a number, an expression or text.

        Raises:
            InputError: something is no symbol of the tableau, or a value is not exact; or a
                coefficient is not finite there.

        Example:
            >>> family = ButcherTableau([[0, 0], ["a", 0]], ["1 - 1/(2*a)", "1/(2*a)"])
            >>> series = modified_series(family, order=2)
            >>> print(series)
            f + h²((a/4 − 1/6) f''(f,f) − 1/6 f'f'f) + …
            >>> print(series.subs({"a": "2/3"}))
            f − h²/6 f'f'f + …
        """
        method = self.method.subs(values)
        replacement = self.method.replacement(values)
        coefficients = normal_scalars(
            [
                b if isinstance(b, Fraction) else b.subs(replacement, simultaneous=True)
                for b in self._coefficients
            ]
        )
        return Series(
            self._table, coefficients, kind=self.kind, method=method, most_trees=self.most_trees
        )

    def _fields_on(
        self, problem: Problem
    ) -> tuple[CoordinatesCarrier, Callable[[], Iterator[Column]]]:
        carrier, f = field_of(problem)
        differentials = ElementaryDifferentials(carrier, f)

        def fields() -> Iterator[Column]:
            for l in count():
                series = self if l <= self.order else self.extended(l)
                yield differentials.combination(series.terms(l))

        return carrier, fields

    def to_jax(
        self,
        field: Callable[[Any], Any],
        order: int | None = None,
        constants: Mapping[Symbol | str, Entry] | None = None,
    ) -> Callable[[Any, Any], Any]:
        """The field f + … + h^p f_p for a JAX function f of pytrees, such as minus a gradient.

        Args:
            field: f, from a pytree of floating-point arrays to one of the same structure, shapes
                and dtypes. It must be smooth: where it has kinks, derivatives do not see them, and
                the first call of the function warns of them.
            order: p, at most the order of the series, which is the default.
            constants: exact values for the symbols in the tableau, if it has any.

        Returns:
            A function (θ, h) ↦ pytree in the dtypes of θ, with h a number. It may be jitted, which
            is much faster, vmapped and differentiated. No array in it is larger than θ.

        Raises:
            InputError: the order is beyond that of the series, a symbol has no value; or, when the
                function is called, θ or the value of the field has leaves that do not fit.

        Source: HLW III.1 for elementary differentials as nested directional derivatives.

        Example:
            >>> import jax
            >>> loss = lambda theta: theta["w"] ** 4 / 4
            >>> field = lambda theta: jax.tree.map(lambda g: -g, jax.grad(loss)(theta))
            >>> f = modified_series("euler", order=2).to_jax(field)
            >>> f({"w": 1.0}, 0.5)  # −w³ − (h/2)·3w⁵ − h²(1/3·9 + 1/12·6)w⁷
            {'w': Array(-2.625, dtype=float32)}
        """
        from bea.symbolic.kernels.elementary_differentials import tree_kernel

        return tree_kernel(self._weights(order, constants), field)

    def corrections_to_jax(
        self,
        field: Callable[[Any], Any],
        order: int | None = None,
        constants: Mapping[Symbol | str, Entry] | None = None,
    ) -> Callable[[Any], list[Any]]:
        """The corrections f_0, …, f_p one by one, for a JAX function f of pytrees.

        Args:
            field: f, as for `to_jax`.
            order: p, at most the order of the series, which is the default.
            constants: exact values for the symbols in the tableau, if it has any.

        Returns:
            A function θ ↦ [f_0, …, f_p], pytrees like θ; what they have in common is computed once.

        Raises:
            InputError: as `to_jax`.

        Source: HLW III.1 for elementary differentials as nested directional derivatives.

        Example:
            >>> corrections = modified_series("euler", order=2).corrections_to_jax(lambda x: -x)
            >>> [round(float(f), 4) for f in corrections(1.0)]  # log(1 − h)/h = −1 − h/2 − h²/3
            [-1.0, -0.5, -0.3333]
        """
        from bea.symbolic.kernels.elementary_differentials import correction_kernels

        return correction_kernels(self._weights(order, constants), field)

    def _weights(
        self, order: int | None, constants: Mapping[Symbol | str, Entry] | None
    ) -> list[dict[Tree, float]]:
        """The factors b(τ)/σ(τ) of f_0, …, f_p as floats."""
        p = self._checked(order)
        series = self.subs(constants) if constants else self
        if series.method.symbols:
            names = ", ".join(symbol.name for symbol in series.method.symbols)
            raise InputError(
                f"{self.method.name} has the symbols {names}: give constants= for them"
            )
        return [{tree: float(c) for tree, c in series.terms(l).items()} for l in range(p + 1)]

    def __str__(self) -> str:
        return series_text.as_text(self)

    def __repr__(self) -> str:
        return f"<{self.title}, to order {self.order}, {len(self)} trees>"

    def text(self, gradient: bool = False) -> str:
        """The series on one line.

        Args:
            gradient: write it for f = −∇E, in ∇E, the Hessian H, ∇³E, …; otherwise in elementary
                differentials of f, as `str(series)` does.

        Example:
            >>> print(modified_series("euler", order=2).text(gradient=True))
            −∇E − h/2 H∇E + h²(−1/12 ∇³E[∇E, ∇E] − 1/3 H²∇E) + …
        """
        return series_text.as_text(self, gradient)

    def latex(self, gradient: bool = False) -> str:
        """The series as LaTeX, without dollar signs.

        Args:
            gradient: write it for f = −∇E, in ∇E, the Hessian H, ∇³E, …; otherwise in elementary
                differentials of f.
        """
        return series_text.as_latex(self, gradient)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        from html import escape

        from bea.symbolic.printing import pictures

        return f"<p>{escape(self._repr_latex_(), quote=False)}</p>{pictures.series_html(self)}"

    def draw(self) -> Figure:
        """The trees with their coefficients, as a matplotlib Figure.

        Raises:
            InputError: matplotlib is not installed, or there are too many trees for a picture.
        """
        from bea.symbolic.printing import pictures

        return pictures.draw_series(self)

    def svg(self) -> str:
        """The trees with their coefficients, as the text of an SVG file.

        Raises:
            InputError: there are too many trees for a picture.
        """
        from bea.symbolic.printing import pictures

        return pictures.series_svg(self)


def modified_series(
    method: str | ButcherTableau = "euler", order: int = 1, most_trees: int = MAX_TREES
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
    return _series(method, order, most_trees=most_trees, kind="modified equation")


def modifying_integrator(
    method: str | ButcherTableau = "euler", order: int = 1, most_trees: int = MAX_CUT_TREES
) -> Series:
    """The field f̂ = f + h f̂_1 + … to hand to a method so that its steps lie on the flow of f.

    For Euler f̂ = Σ_n h^{n−1}/n! · D_f^{n−1} f, b̂(τ) = 1/γ(τ): gradient descent on E − (h/4)|∇E|²
    cancels its own implicit regularization to first order.

    Args:
        method: the name of a method, or a `ButcherTableau`, explicit or implicit.
        order: the highest power p of h, at least 0. Steps then have the order p + 1.
        most_trees: refuse a series over more trees than this.

    Returns:
        The series; `series[tree]` is b̂(τ), `series.on(loss=…, params=…)` the field.

    Raises:
        InputError: the method is unknown, the order is negative, or there are too many trees.

    Source: Chartier, Hairer and Vilmart 2007, doi:10.1090/S0025-5718-07-01967-9.

    Example:
        >>> print(modifying_integrator("euler", order=2))
        f + h/2 f'f + h²(1/6 f''(f,f) + 1/6 f'f'f) + …
    """
    return _series(method, order, most_trees=most_trees, kind="modifying integrator")


def _series(method: str | ButcherTableau, order: int, *, most_trees: int, kind: str) -> Series:
    tableau = method_named(method)
    table = TreeTable(checked_order(order) + 1, most_trees)
    if kind == "modified equation":
        return Series(
            table,
            modified_coefficients(tableau, table),
            kind=kind,
            method=tableau,
            most_trees=most_trees,
        )
    from bea.symbolic.trees.modifying_integrator import modifying_coefficients  # NumPy

    return Series(
        table,
        modifying_coefficients(tableau, table),
        kind=kind,
        method=tableau,
        most_trees=most_trees,
    )
