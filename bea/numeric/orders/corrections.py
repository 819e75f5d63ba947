"""The corrections of an equation with numbers for its constants, as functions of θ.

What does not depend on the point is made here, once for all points, orders and precisions: values
of the constants, the tableau with its numbers, f_0, …, f_p in balls and in mpmath, Euler's equation
for the same field. `step_and_flow` evaluates it at a point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from bea.numeric.orders import checks
from bea.numeric.orders.fits import is_finite
from bea.symbolic.equation import ModifiedEquation
from bea.symbolic.kernels.certified_field import CertifiedField
from bea.symbolic.kernels.constants import constant_values
from bea.symbolic.kernels.multiprecision import mpf_of, rational_of
from bea.symbolic.kernels.polynomials import mpmath_kernel
from bea.symbolic.methods.named import METHODS
from bea.symbolic.methods.tableau import ButcherTableau

Kernel = Callable[[Sequence[Any]], list[list[Any]]]
"""θ ↦ f_0(θ), …, f_p(θ)."""


@dataclass(frozen=True)
class Corrections:
    """f_0, …, f_P of an equation at fixed values of its constants.

    Attributes:
        equation: the equation, to the order P.
        constants: a number for every constant, by name.
    """

    equation: ModifiedEquation
    constants: Mapping[str, sp.Expr]
    _certified: dict[int, CertifiedField] = field(default_factory=dict, repr=False)
    _kernels: dict[int, Kernel] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, equation: ModifiedEquation, constants: Mapping[Any, Any] | None) -> Corrections:
        """The corrections for a user's constants.

        Raises:
            InputError: one is unknown, or missing, or no number; or the field has no values.
        """
        corrections = cls(equation, checks.constants(equation, constants or {}))
        corrections.in_multiprecision(0)  # refuses what has no value
        return corrections

    def extended(self, order: int) -> Corrections:
        """The same to another order; what was made for one of them serves all."""
        return replace(self, equation=self.equation.extended(order))

    @cached_property
    def euler(self) -> Corrections:
        """Those of explicit Euler for the same f_0, to order 2."""
        euler, problem = METHODS["euler"], self.equation.problem
        if self.equation.method == euler:
            return self.extended(2)
        if problem.step is not None:
            f = self.equation.extended(0).corrections[0]
            problem = replace(problem, step=None, field=tuple(f))
        return Corrections(
            ModifiedEquation(replace(problem, method=euler), order=2), self.constants
        )

    @cached_property
    def method(self) -> ButcherTableau | None:
        """The tableau in numbers; None for an equation of a step."""
        method = self.equation.method
        if method is None or not method.symbols:
            return method
        return method.subs({s: self.constants[s.name] for s in method.symbols})

    def certified(self, p: int) -> CertifiedField:
        """f_0, …, f_p in balls."""
        if p not in self._certified:
            fields = self.equation.polynomial_fields(p)
            values = constant_values(fields.constants(), fields.meanings, self.constants)
            self._certified[p] = CertifiedField(fields, values)
        return self._certified[p]

    def in_multiprecision(self, p: int) -> Kernel:
        """θ ↦ f_0(θ), …, f_p(θ) in mpmath, with all digits of the precision in force.

        They come from balls, in which terms may cancel far out; where a function has no ball they
        come from mpmath as they are.
        """
        if p not in self._kernels:
            certified = self.certified(p)
            if certified.has_balls:
                self._kernels[p] = _from_balls(certified)
            else:
                fields = self.equation.polynomial_fields(p)
                self._kernels[p] = mpmath_kernel(fields, self.constants)
        return self._kernels[p]


def _from_balls(certified: CertifiedField) -> Kernel:
    def fields(theta: Sequence[Any]) -> list[list[Any]]:
        if not is_finite(np.array(theta, dtype=object)):
            return [[mpmath.nan] * len(theta)]
        found = certified.corrections(list(map(rational_of, theta)), mpmath.mp.prec)
        return [list(map(mpf_of, f)) for f in found]

    return fields


@dataclass(frozen=True)
class SymbolicMap:
    """The displacement Φ_h(θ) − θ by a symbolic one-step map.

    Attributes:
        function: (θ, h) ↦ Φ_h(θ) − θ.
        cancels: whether θ cancels in it exactly, so that its round-off is relative to h.
    """

    function: Callable[[np.ndarray, Any], Sequence[Any]]
    cancels: bool

    @classmethod
    def of(cls, corrections: Corrections, modules: list[str]) -> SymbolicMap:
        """Compile the map of an equation for a module of numerical functions."""
        problem, h = corrections.equation.problem, corrections.equation.step_size
        constants = corrections.constants
        values = {c: constants[c.name] for c in problem.constants if c.name in constants}
        differences = [
            sp.expand((after - before).subs(values))
            for after, before in zip(problem.step or (), problem.params, strict=True)
        ]
        terms = [term for d in differences for term in sp.Add.make_args(d)]
        return cls(
            sp.lambdify([problem.params, h], differences, modules, cse=True, dummify=True),
            cancels=all(term.subs(h, 0) == 0 for term in terms),
        )
