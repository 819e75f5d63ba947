"""The modified equation of a method, as a user holds it.

`modified_equation` takes a loss, a field or a one-step map, checks it, and hands it to the carrier
and the recursion; `ModifiedEquation` offers what comes out, f̃ = f + h f_1 + … + h^p f_p, as SymPy
matrices, as numerical kernels, as a scalar where there is one, and as LaTeX. A module that only
some methods need is imported there, so that corrections do not wait for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import sympy as sp
from sympy import Expr, ImmutableDenseMatrix

from bea.errors import InputError, NotAGradientError
from bea.predicates import predicate
from bea.symbolic.coordinates.problem import Problem, StepMap
from bea.symbolic.derivation import Derivation, by_recursion
from bea.symbolic.functions import rules as functions
from bea.symbolic.methods.named import METHODS
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS, check_order
from bea.symbolic.recursion import literal_fields
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.ring.unexpanded_algebra import undistributed
from bea.symbolic.trees.by_order import coefficients_of
from bea.whole_numbers import checked_order, order_within

if TYPE_CHECKING:
    import jax
    import mpmath

    from bea.symbolic.kernels.polynomials import PolynomialFields
    from bea.symbolic.modified_loss import Gradients
    from bea.symbolic.printing.shared_form import SharedForm
    from bea.symbolic.structure.gradient_split import GradientSplit, LossStructure
    from bea.symbolic.trees.tree import Tree


class TreeSource(Protocol):
    """A series over rooted trees that an equation was made from."""

    kind: str

    @property
    def order(self) -> int:
        """The highest l there is."""
        ...

    def extended(self, order: int) -> TreeSource:
        """The series to another order."""
        ...

    def coefficients(self, l: int) -> Mapping[Tree, Scalar]:
        """b(τ) for all trees of f_l."""
        ...

    def subs(self, values: Mapping[sp.Symbol | str, Any]) -> TreeSource:
        """The series of the method with values for some of its symbols."""
        ...

    def equation(self, problem: Problem) -> ModifiedEquation:
        """The series on the field of a problem."""
        ...


class ModifiedEquation:
    """θ̇ = f̃ = f + h f_1 + … + h^p f_p, whose flow a numerical step follows up to O(h^{p+2}).

    Made by `modified_equation`. Everything is derived when it is first asked for, and kept.

    Attributes:
        params: the parameters θ, a tuple of m symbols.
        step_size: the symbol h.
        order: the highest power p of h.
        loss: the loss E, or None if a field or a step was given. One that contains h is a series
            in h, of which the f_l have their parts.
        method: the Butcher tableau of the step, or None if a step was given.
        kind: "modified equation", or "modifying integrator" for the field that
            `modifying_integrator` hands to the method.
    """

    def __init__(
        self,
        problem: Problem,
        order: int,
        *,
        derivation: Derivation | None = None,
        source: TreeSource | None = None,
    ) -> None:
        check_order(order, problem.most_terms)
        self._problem = problem
        self._source = source
        self._derivation = derivation or Derivation(lambda: by_recursion(problem))
        self.order = order
        self.params: tuple[sp.Symbol, ...] = problem.params
        self.step_size: sp.Symbol = problem.step_size
        self.loss: Expr | None = problem.loss_of_step_size if problem.loss is None else problem.loss
        self.method: ButcherTableau | None = None if problem.step else problem.method
        self.kind = source.kind if source else "modified equation"

    def __reduce__(self) -> tuple[Any, ...]:
        """What it was derived from: in another process it is derived again when it is asked for."""
        return _restored, (self._problem, self.order, self._source)

    def __copy__(self) -> ModifiedEquation:
        return self  # nothing in it changes

    def __deepcopy__(self, memo: dict[int, Any]) -> ModifiedEquation:
        return self

    # --- exact ------------------------------------------------------------------------------

    @property
    def is_modifying(self) -> bool:
        """Is this the field of a modifying integrator, whose steps follow f itself?"""
        return self.kind == "modifying integrator"

    @property
    def constants(self) -> tuple[sp.Symbol, ...]:
        """The symbols of the input that are no parameters, by name."""
        return self._problem.constants

    @cached_property
    def corrections(self) -> tuple[ImmutableDenseMatrix, ...]:
        """The fields f_0 = f, f_1, …, f_p, each an m×1 matrix."""
        return tuple(
            self._derivation.carrier.matrix(self._derivation[l]) for l in range(self.order + 1)
        )

    def derive(self, progress: bool = False) -> None:
        """Derive all corrections now.

        Args:
            progress: show a progress bar on standard error.
        """
        from tqdm import tqdm

        for l in tqdm(range(self.order + 1), desc="corrections", disable=not progress, leave=False):
            self._derivation[l]

    def vector_field(self, order: int | None = None) -> ImmutableDenseMatrix:
        """The field f + h f_1 + … + h^p f_p.

        Args:
            order: p, at most the order of the equation, which is the default.

        Returns:
            An m×1 matrix in the parameters and the step size.

        Raises:
            InputError: the order is negative or beyond that of the equation.
        """
        h, p = self.step_size, self._checked(order)
        terms = [h**l * f for l, f in enumerate(self.corrections[: p + 1])]
        return ImmutableDenseMatrix(sum(terms[1:], terms[0]))

    def curl(self, l: int) -> ImmutableDenseMatrix:
        """The matrix ∂_i (f_l)_j − ∂_j (f_l)_i; f_l is a gradient if and only if it is zero.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Returns:
            An antisymmetric m×m matrix.

        Raises:
            InputError: there is no such correction in this equation.
            UndecidedError: it is not known whether an entry is zero.

        Source: mathematics of gradient structure, HLW VI.2 (integrability lemma).
        """
        return self._gradients.curl(self._checked(l))

    @predicate
    def is_gradient(self, l: int) -> bool:
        """Is f_l the gradient of a scalar, that is, on a domain without holes, free of curl?

        The answer holds where the equation is real (`domain`).

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Raises:
            UndecidedError: it is not known whether the curl vanishes; the message says what was
                tried.
        """
        return self._gradients.is_gradient(self._checked(l))

    @property
    def domain(self) -> tuple[Expr, ...]:
        """What must be positive, or where it is a root's not negative, for the input to be real.

        These are the arguments of logarithms and of roots of even order, but for those that are
        positive whatever the symbols are. The statements about the equation hold where they are.

        Example:
            >>> import bea
            >>> bea.modified_equation(loss="log(x) + sqrt(y - 5)", params="x, y").domain
            (x, y - 5)
        """
        return functions.arguments_that_must_be_positive(self._problem.expressions)

    def modified_loss(self, order: int | None = None) -> Expr:
        """The scalar Ẽ with f + h f_1 + … + h^p f_p = −∇Ẽ.

        For gradient descent Ẽ = E + (h/4)|∇E|² + O(h²). From order 2 on there is none in general:
        f_2 is not a gradient (docs/mathematics.md). Losses of one parameter, quadratic and
        separable losses have it to every order.

        Args:
            order: p, at most the order of the equation, which is the default.

        Returns:
            Ẽ, up to a constant; with the loss itself for its part of order 0, and an unevaluated
            `Integral` where no antiderivative in closed form was found.

        Raises:
            NotAGradientError: some f_l with l ≤ p has a curl; the message names l and shows it.
            UndecidedError: it is not known whether some f_l is a gradient.
            InputError: the order is negative or beyond that of the equation.

        Source: Theorem 3.1 of Barrett and Dherin (2020), arXiv:2009.11162.

        Example:
            >>> import bea
            >>> a, b = sp.symbols("a b")
            >>> bea.modified_equation(loss=a**2 + b**2 / 2, params=(a, b), order=1).modified_loss()
            a**2 + b**2/2 + h*(a**2 + b**2/4)
        """
        p = self._checked(order)
        for l in range(p + 1):
            if (obstruction := self.obstruction(l)) is not None:
                raise NotAGradientError(obstruction, order=l, curl=self.curl(l))
        h = self.step_size
        return sp.Add(*(undistributed(h**l, self._gradients.loss(l)) for l in range(p + 1)))

    def modified_loss_term(self, l: int) -> Expr:
        """The scalar Ẽ_l with f_l = −∇Ẽ_l, the coefficient of h^l in the modified loss.

        Args:
            l: its index.

        Raises:
            NotAGradientError, UndecidedError: as `modified_loss`.
        """
        if (obstruction := self.obstruction(l)) is not None:
            raise NotAGradientError(obstruction, order=l, curl=self.curl(l))
        return self._gradients.loss(l)

    def shared(self, order: int | None = None) -> SharedForm:
        """The corrections f_0, …, f_p with names for the parts that occur again.

        What a person can read of an equation on data: the field and the activations have names, and
        sums over the data stay sums.

        Args:
            order: p, at most the order of the equation, which is the default.

        Returns:
            The definitions, and all components, those of f_0 first, in terms of them.

        Example:
            >>> import bea
            >>> eq = bea.modified_equation(loss="log(1 + exp(2*x + 1))", params="x", order=1)
            >>> print(eq.shared())
            u1 = -2*x - 1
            u2 = exp(u1) + 1
            f_0[x] = -2/u2
            f_1[x] = -4/(u2**2*(1 + exp(-u1)))
        """
        from bea.symbolic.printing.factored import readable_form

        return readable_form(self, self._checked(order))

    def multiple_of_acceleration(self) -> Scalar | None:
        """The κ with f_1 = κ f'f for every field, of a Runge–Kutta method; None for a step.

        It is −1/2 for explicit Euler, and 0 for methods of order 2.
        """
        return self._gradients.multiple_of_acceleration()

    def gradient_split(self, l: int) -> GradientSplit:
        """f_l = −∇Ẽ_l + r_l, with the Ẽ_l that the trees give, also where f_l is no gradient.

            Ẽ_l = (−1)^l Σ_φ b̄(φ)/|Aut φ| · H_φ(E)

        over free trees φ of l + 1 nodes, with the mean b̄ of b over the choices of a root. The
        remainder vanishes if b is constant on every φ, and then for every loss.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Returns:
            Ẽ_l and r_l, exact. Another loss may have another split with a smaller remainder: this
            one is the same formula for all losses.

        Raises:
            InputError: there is no such correction, or no loss and Runge–Kutta method.

        Source: the free-tree criterion, HLW IX.9.

        Example:
            >>> import bea
            >>> eq = bea.modified_equation(loss="(3/5 - a*b)**2/2", params="a, b", order=2)
            >>> sp.factor(eq.gradient_split(1).potential)
            (a**2 + b**2)*(5*a*b - 3)**2/100
        """
        from bea.symbolic.structure.gradient_split import GradientSplit

        structure = self._needs_loss("a split into a gradient and a remainder")
        l = order_within(l, self.order, "this equation")
        if l == 0:
            return GradientSplit(
                self._gradients.loss(0), ImmutableDenseMatrix([0] * len(self.params))
            )
        return structure.split(l)

    def preconditioner(self, order: int | None = None) -> ImmutableDenseMatrix:
        """The symmetric matrix M = I + h M_1 + … with f + h f_1 + … + h^p f_p = −M∇E, exactly.

        For gradient descent M = I + (h/2) H + h²(⅓ H² + 1/12 ∇³E[∇E]) + …, with the Hessian H. It
        exists to every order, also where there is no modified loss; while it is positive
        definite the modified flow descends E, because dE/dt = −∇EᵀM∇E.

        Args:
            order: p, at most the order of the equation, which is the default.

        Returns:
            A symmetric m×m matrix in the parameters and the step size.

        Raises:
            InputError: the order is negative or beyond that of the equation, or there is no loss
                and Runge–Kutta method.

        Source: `bea.symbolic.structure.symmetric_form`, where the formula is derived.

        Example:
            >>> import bea
            >>> eq = bea.modified_equation(loss="a**2 + b**2/2", params="a, b", order=2)
            >>> eq.preconditioner()
            Matrix([
            [4*h**2/3 + h + 1,                0],
            [               0, h**2/3 + h/2 + 1]])
        """
        structure = self._needs_loss("the form f̃ = −M∇E")
        p, h = self._checked(order), self.step_size
        M = sp.eye(len(self.params))
        for l in range(1, p + 1):
            M += h**l * structure.matrix(l)
        return ImmutableDenseMatrix(M)

    @cached_property
    def _gradients(self) -> Gradients:
        """Which corrections are gradients, and of what."""
        from bea.symbolic.modified_loss import Gradients

        trees = None if self.method is None else self._tree_coefficients
        return Gradients(self._derivation, self._problem, trees, is_modifying=self.is_modifying)

    def _needs_loss(self, what: str) -> LossStructure:
        structure = self._gradients.structure
        if structure is None:
            raise InputError(
                f"{what} is of a Runge–Kutta method on a loss: derive the equation with loss="
            )
        return structure

    def obstruction(self, l: int) -> str | None:
        """Why f_l is not the gradient of a scalar, in a sentence; None if it is.

        Args:
            l: the index of the correction, 0 ≤ l ≤ order.

        Raises:
            UndecidedError: it is not known.

        Example:
            >>> import bea
            >>> bea.modified_equation(field=["y", "-x"], params="x, y", order=0).obstruction(0)
            'f_0 is not a gradient: ∂f_y/∂x − ∂f_x/∂y = -2 is not zero, so there is no modified \
loss of order 0; the field itself is no gradient, so it has no loss'
        """
        return self._gradients.obstruction(self._checked(l))

    def literal_corrections(self) -> tuple[ImmutableDenseMatrix, ...]:
        """The corrections by the paper's (A.11) and (A.14), read literally: wrong from f_3 on.

        For readers of the paper who want to see where its formula leaves the truth, also for
        gradient descent; `corrections` is what holds.

        Returns:
            f_0, …, f_p by that formula, each an m×1 matrix.

        Raises:
            InputError: the equation is not that of explicit Euler, which the formula is about.

        Source: Barrett and Dherin (2020), arXiv:2009.11162, (A.11) and (A.14).
        """
        if self.method != METHODS["euler"]:
            raise InputError(
                "the paper's formula is about explicit Euler: leave the method at 'euler'"
            )
        carrier = self._derivation.carrier
        fields = literal_fields(carrier, self._derivation[0])
        return tuple(carrier.matrix(next(fields)) for _ in range(self.order + 1))

    def extended(self, order: int) -> ModifiedEquation:
        """The same equation to another order, higher or lower. What is derived is kept.

        Args:
            order: the new order, at least 0.
        """
        return ModifiedEquation(
            self._problem, checked_order(order), derivation=self._derivation, source=self._source
        )

    def subs(self, values: Mapping[sp.Symbol | str, Any]) -> ModifiedEquation:
        """The equation with numbers or expressions for some of its constants.

        Args:
            values: from a constant, or its name, to what is put in its place. Floats are read as
                the decimal number they print as, so that everything stays exact.

        Raises:
            InputError: something is no constant of the equation.
        """
        problem = self._problem.subs(values)
        if self._source is None:
            return ModifiedEquation(problem, self.order)
        if problem.step is not None and self._problem.step is None and self.is_modifying:
            raise InputError(
                f"these values bring in the step size {self.step_size}, and the field of a "
                "modifying integrator is one without it: choose another symbol with "
                "step_size= (--step-size)"
            )
        if problem.step is not None:  # f has become a series in h, which the trees do not know
            return ModifiedEquation(problem, self.order)
        exact = self._problem.replacement(values)
        of_method = {s: exact[s] for s in self._problem.method.symbols if s in exact}
        source = self._source.subs(of_method)
        return source.equation(problem).extended(self.order)

    def _checked(self, order: int | None) -> int:
        return self.order if order is None else order_within(order, self.order, "this equation")

    # --- numbers ----------------------------------------------------------------------------

    def polynomial_fields(self, order: int | None = None) -> PolynomialFields:
        """f_0, …, f_p as polynomials in the same functions, which is what the kernels evaluate.

        Args:
            order: p, at most the order of the equation, which is the default.
        """
        p = self._checked(order)
        if p not in self._derivation.polynomials:
            self._derivation.polynomials[p] = self._collected(p)
        fields: PolynomialFields = self._derivation.polynomials[p]
        return fields

    def _collected(self, p: int) -> PolynomialFields:
        # Here: NumPy is not for who only derives.
        from bea.symbolic.kernels.polynomials import PolynomialFields

        algebra = self._derivation.carrier.algebra
        columns = [self._derivation[l].components for l in range(p + 1)]
        meanings, polynomials = algebra.polynomials([c for column in columns for c in column])
        m = len(self.params)
        return PolynomialFields.collect(
            self.params,
            meanings,
            [polynomials[l * m : (l + 1) * m] for l in range(len(columns))],
        )

    def to_jax(
        self,
        order: int | None = None,
        constants: Mapping[sp.Symbol | str, Any] | None = None,
        checked: bool = True,
    ) -> Callable[[Any, Any], jax.Array]:
        """The field (θ, h) ↦ f + h f_1 + … + h^p f_p as a JAX function.

        It returns no number with fewer than half of its digits right (docs/kernels.md): called
        with numbers it goes to multiprecision for those, and inside jit, vmap and grad it returns
        nan. Near a zero of the field a value inside them is only as exact as θ is to eps^(2/3).

        Args:
            order: p, at most the order of the equation, which is the default.
            constants: a number for every constant, by symbol or by name.
            checked: without, the value is returned as it comes, in a quarter to a tenth of the
                time where points are many.

        Returns:
            A function of θ, shape (…, m) or a dictionary of the parameters by name, and h, a
            number or an array that broadcasts against the leading axes of θ. Its value has the
            form and the dtype of θ. It may be jitted, vmapped and differentiated in either mode.

        Raises:
            InputError: a constant has no value, or JAX lacks a function that occurs.

        Example:
            >>> import bea, jax.numpy as jnp
            >>> x = sp.Symbol("x")
            >>> f = bea.modified_equation(loss=x**2 / 2, params=[x], order=1).to_jax()
            >>> f(jnp.array([[1.0], [2.0]]), 0.5)  # −x − h x/2
            Array([[-1.25],
                   [-2.5 ]], dtype=float32)
        """
        from bea.symbolic.kernels.choice import kernel_of

        return kernel_of(self, self._checked(order), self._constants(constants), is_checked=checked)

    def flow(
        self,
        theta: Any,
        time: float,
        *,
        h: float,
        order: int | None = None,
        constants: Mapping[sp.Symbol | str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """The flow θ(time) of θ̇ = f + h f_1 + … + h^p f_p from θ(0) = theta, in float64.

        After the time h it has arrived where one step of the method ends, up to O(h^{p+2}).

        Args:
            theta: where it starts: m numbers, or a dictionary of them by name.
            time: how long it runs; negative times run backwards.
            h: the step size.
            order: p, at most the order of the equation, which is the default.
            constants: a number for every constant, by symbol or by name.
            options: times, rtol, atol, max_steps or solver, as for `bea.flow`.

        Returns:
            θ(time) in float64, in the form of theta; with times= one axis more in front.

        Raises:
            InputError: as `to_jax` and `bea.flow`.
            BeaError: the end was not reached, because the field is stiff or runs to infinity.

        Source: HLW IX.1.

        Example:
            >>> import bea
            >>> eq = bea.modified_equation(loss="x**2/2", params="x", order=3)
            >>> eq.flow([1.0], 0.1, h=0.1).round(6)  # one step ends at 1 − h = 0.9
            array([0.900002])
        """
        from bea.flows.flow import flow  # JAX: not for who only derives

        field = self.to_jax(order, constants)
        return flow(lambda at: field(at, h), theta, time, **options)

    def tree_factors(self, l: int) -> Mapping[Tree, Scalar] | None:
        """The b(τ)/σ(τ) with f_l = Σ_τ b(τ)/σ(τ) F(τ)(f); None if a step was given.

        Args:
            l: the index of the correction.
        """
        if self.method is None:
            return None
        coefficients = self._tree_coefficients(l)
        return {tree: b / tree.symmetry for tree, b in coefficients.items() if b}

    @cached_property
    def _tree_coefficients(self) -> Callable[[int], Mapping[Tree, Scalar]]:
        """L ↦ b(τ) for all trees of f_l."""
        source = self._source
        if source is None:
            assert self.method is not None
            return coefficients_of(self.method)
        return lambda l: (source if l <= source.order else source.extended(l)).coefficients(l)

    def to_mpmath(
        self, order: int | None = None, constants: Mapping[sp.Symbol | str, Any] | None = None
    ) -> Callable[[Sequence[Any], Any], list[mpmath.mpf]]:
        """The field (θ, h) ↦ f + h f_1 + … + h^p f_p in multiprecision arithmetic.

        Args:
            order: p, at most the order of the equation, which is the default.
            constants: a number for every constant, by symbol or by name; rationals stay exact.

        Returns:
            A function of m numbers, or of a dictionary of them by name, and h, with m mpmath
            numbers of the precision in force when it is called (`mpmath.workdps`), or a
            dictionary of them. All their digits are right; nan, where there is no value.
        """
        from bea.symbolic.kernels.multiprecision import mpmath_field

        return mpmath_field(self.polynomial_fields(order), self._constants(constants))

    def _constants(self, values: Mapping[sp.Symbol | str, Any] | None) -> dict[sp.Symbol, Any]:
        return self._problem.constants_named({} if values is None else values)

    @property
    def problem(self) -> Problem:
        """What the equation was derived from: the loss, field or step, and the method."""
        return self._problem

    # --- to be read -------------------------------------------------------------------------

    def __str__(self) -> str:
        from bea.symbolic.printing import equation as present

        return present.as_text(self)

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self.params)
        return f"<{self.kind} of order {self.order} in {names} for {self._problem.title}>"

    def latex(self, form: str = "auto") -> str:
        """The equation and its corrections as LaTeX, an `aligned` block without dollar signs.

        Args:
            form: "plain", "shared" for names of parts that occur again, or "auto" for these where
                the equation is long.
        """
        from bea.symbolic.printing import equation as present

        return present.as_latex(self, form)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def _restored(problem: Problem, order: int, source: TreeSource | None) -> ModifiedEquation:
    if source is None or problem.step is not None:
        return ModifiedEquation(problem, order)
    return source.equation(problem).extended(order)


def modified_equation(
    *,
    loss: Expr | str | None = None,
    field: Sequence[Expr | str] | None = None,
    step: StepMap | None = None,
    params: Sequence[sp.Symbol | str] | sp.Symbol | str,
    order: int = 1,
    method: str | ButcherTableau = "euler",
    step_size: sp.Symbol | str = "h",
    progress: bool = False,
    most_terms: int = MAX_DERIVED_TERMS,
) -> ModifiedEquation:
    """The modified equation θ̇ = f + h f_1 + … + h^p f_p of a one-step method.

    The corrections solve f_l = d_{l+1} − Σ_{n=2}^{l+1} L_{n,l+1−n}/n!, where d_j is the coefficient
    of h^j in the step and Σ_k h^k L_{n,k} = D_f̃^{n−1} f̃. They are exact.

    Args:
        loss: the loss E; then f = −∇E, and the method "euler" is gradient descent.
        field: the components of f, for a method applied to θ̇ = f(θ).
        step: a one-step map, (θ, h) ↦ the m components of θ⁺, called with the symbols; θ⁺ = θ at
            h = 0. Exactly one of loss, field and step is given.
        params: the parameters θ: symbols, or their names ("a, b").
        order: the highest power p of h, at least 0.
        method: the name of a Runge–Kutta method, or a `ButcherTableau`. Not used with a step.
        step_size: the symbol h, or its name. A loss or field that contains it is allowed with
            "euler": it is then a method whose field changes with the step size.
        progress: derive at once, with a progress bar on standard error. By default the corrections
            are derived when they are first asked for.
        most_terms: refuse to write down more terms than this for all corrections together.

    Text is read by `bea`'s own parser, never evaluated. Symbols that are not parameters are
    constants. Floats are read as the decimal number they print as.

    Returns:
        The equation.

    Raises:
        InputError: the input cannot be used; the message names what is wrong and what to do.
            Likewise, when a correction is asked for, if it takes more terms than allowed.
        NotSmoothError: the input is not smooth.

    Source: HLW IX.1; Barrett and Dherin (2020), arXiv:2009.11162, appendix A, as corrected in
    docs/where-the-paper-errs.md.

    Example:
        >>> import bea
        >>> eq = bea.modified_equation(field=["y", "-x"], params="x, y", order=2)
        >>> eq.corrections[1]
        Matrix([
        [x/2],
        [y/2]])
    """
    problem = Problem.checked(
        loss=loss,
        field=field,
        step=step,
        params=params,
        method=method,
        step_size=step_size,
        most_terms=most_terms,
    )
    if problem.unused:
        warnings.warn(problem.unused_message, stacklevel=2)
    equation = ModifiedEquation(problem, checked_order(order))
    if progress:
        equation.derive(progress=True)
    return equation
