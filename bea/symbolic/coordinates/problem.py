"""The input of a modified equation: a loss, a field or a step, checked before anything is derived.

Every error about the input is raised here, in one line that names the culprit and the remedy, so
that the mathematics can trust its input.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy import Expr

from bea.errors import InputError
from bea.symbolic.coordinates.symbols import (
    check_continuous,
    check_symbols,
    plain_symbol,
    with_plain_symbols,
)
from bea.symbolic.functions.rules import check_smooth, evaluated, exact
from bea.symbolic.methods.named import METHODS, method_named
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.parsing.limits import MAX_DERIVED_TERMS, TOO_DEEP, check_extent
from bea.symbolic.parsing.writing import written
from bea.symbolic.ring.scalars import symbols_in_order
from bea.whole_numbers import checked_limit, counted

StepMap = Callable[[Sequence[sp.Symbol], sp.Symbol], Sequence[Any]]


@dataclass(frozen=True)
class Problem:
    """A method on a loss or a field, or a one-step map; exactly one of the three is not None.

    Attributes:
        params: the parameters θ.
        step_size: the symbol h.
        loss: the loss E, for f = −∇E.
        field: the components of f.
        step: the components of Φ_h(θ).
        method: the tableau that is applied to a loss or a field.
        most_terms: how many terms a derivation may write down (`parsing.limits`).
        structured: parameters that were given as w[0], q(t) and the like, with their symbols.
        loss_of_step_size: a loss that contains h, of which only the step is left.
    """

    params: tuple[sp.Symbol, ...]
    step_size: sp.Symbol
    loss: Expr | None
    field: tuple[Expr, ...] | None
    step: tuple[Expr, ...] | None
    method: ButcherTableau
    most_terms: int = MAX_DERIVED_TERMS
    structured: tuple[tuple[Expr, sp.Symbol], ...] = ()
    loss_of_step_size: Expr | None = None

    @classmethod
    def checked(
        cls,
        *,
        loss: Expr | str | None,
        field: Sequence[Expr | str] | None,
        step: StepMap | None,
        params: Sequence[sp.Symbol | str] | sp.Symbol | str,
        method: str | ButcherTableau,
        step_size: sp.Symbol | str,
        most_terms: int = MAX_DERIVED_TERMS,
    ) -> Problem:
        """The problem that a user's arguments describe.

        Raises:
            InputError: they describe none; NotSmoothError if because of a kink.
        """
        given = [
            name
            for name, value in (("loss", loss), ("field", field), ("step", step))
            if value is not None
        ]
        if len(given) != 1:
            raise InputError(
                f"{' and '.join(given)} were given: choose one of loss, field and step"
                if given
                else "nothing was given to derive from: pass one of loss=, field= or step="
            )
        h = _step_size(step_size)
        symbols, structured = _symbols(params)
        if h.name in (p.name for p in symbols):
            raise InputError(
                f"{h} is the step size and a parameter: rename the parameter, "
                "or give the step size another symbol with step_size= (--step-size)"
            )
        tableau = method_named(method)
        most = checked_limit("most_terms", most_terms)
        problem = cls(
            symbols, h, None, None, None, tableau, most, tuple(structured.items())
        )._with_symbols_of_its_own()
        if loss is not None:
            problem = replace(problem, loss=problem._expressions({"the loss": loss})[0])
        elif field is not None:
            problem = replace(problem, field=problem._components(field, "field"))
        else:
            if tableau is not METHODS["euler"]:
                raise InputError("a step was given, which is a method by itself: leave method= out")
            problem = replace(problem, step=problem._components(_stepped(step, symbols, h), "step"))
        return problem._with_field_of_the_step_size()

    def _expressions(self, values: Mapping[str, Any]) -> tuple[Expr, ...]:
        """Values by what messages call them, as exact expressions in the symbols of this problem.

        Equal names are one symbol to a reader; assumptions made elsewhere must not split them.
        """
        plain = dict(self.structured)
        expressions = [
            _expression(value, name, most_terms=self.most_terms, plain=plain)
            for name, value in values.items()
        ]
        check_symbols(expressions, " and ".join(values) if len(values) == 1 else "the input")
        one = {s.name: s for s in (*self.params, self.step_size, *self.constants)}
        found = symbols_in_order(expressions)
        same = {s: first for s in found if (first := one.setdefault(s.name, s)) != s}
        return tuple(e.xreplace(same) for e in expressions)

    def _components(self, values: Any, name: str) -> tuple[Expr, ...]:
        if isinstance(values, (str, Expr)) and not getattr(values, "is_Matrix", False):
            values = [values]
        if isinstance(values, Mapping):
            values = self._by_parameter(values, name)
        if isinstance(values, sp.MatrixBase):
            values = values.flat()
        if isinstance(values, Set) or not isinstance(values, Iterable):
            raise InputError(
                f"the {name} is {type(values).__name__}: give a list with one component for each "
                "parameter"
            )
        values = list(values)
        if len(values) != len(self.params):
            raise InputError(
                f"the {name} has {counted(len(values), 'component')} for "
                f"{counted(len(self.params), 'parameter')} "
                f"({', '.join(p.name for p in self.params)}): give one for each"
            )
        return self._expressions(
            {f"component {i} of the {name}": value for i, value in enumerate(values)}
        )

    def _by_parameter(self, values: Mapping[Any, Any], name: str) -> list[Any]:
        """The components of {x: f_x, y: f_y} in the order of the parameters."""
        plain = {**dict(self.structured)}
        keys = {str(plain.get(key, key)): value for key, value in values.items()}
        names = [p.name for p in self.params]
        if len(keys) != len(values) or set(keys) != set(names):
            raise InputError(
                f"the {name} is a dictionary of {', '.join(map(str, values)) or 'nothing'}: give "
                f"one component for each of {', '.join(names)}"
            )
        return [keys[n] for n in names]

    def _with_field_of_the_step_size(self) -> Problem:
        """Turn an f that depends on h into the step θ + h f(θ, h) of explicit Euler."""
        h = self.step_size
        if self.step is not None or not any(h in e.free_symbols for e in self.expressions):
            return self
        if self.method != METHODS["euler"]:
            raise InputError(
                f"the input contains the step size {h}, which only 'euler' allows: "
                "rename the constant, or choose another symbol with "
                "step_size= (--step-size)"
            )
        f = self.field or [-sp.diff(self.loss, p) for p in self.params]
        step = tuple(p + h * component for p, component in zip(self.params, f, strict=True))
        return replace(self, loss=None, field=None, step=step, loss_of_step_size=self.loss)

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """The input, whichever it is; nothing while the problem is being made."""
        return self.field or self.step or (() if self.loss is None else (self.loss,))

    @property
    def constants(self) -> tuple[sp.Symbol, ...]:
        """The symbols that are neither parameters nor the step size, by name."""
        symbols = set(self.method.symbols).union(*(e.free_symbols for e in self.expressions))
        return tuple(sorted(symbols - {*self.params, self.step_size}, key=lambda s: s.name))

    @property
    def unused(self) -> tuple[sp.Symbol, ...]:
        """Parameters of a loss or a field that it does not contain."""
        if self.step is not None:
            return ()
        symbols = set().union(*(e.free_symbols for e in self.expressions))
        return tuple(p for p in self.params if p not in symbols)

    @property
    def unused_message(self) -> str:
        """A word to the user about parameters that do nothing."""
        names = ", ".join(p.name for p in self.unused)
        what = "loss" if self.loss is not None else "field"
        constants = ", ".join(c.name for c in self.constants if c not in self.method.symbols)
        also = f" (its constants are {constants}: was one of them meant?)" if constants else ""
        plural = "s" * (len(self.unused) > 1)
        return f"the {what} does not depend on the parameter{plural} {names}{also}"

    @property
    def title(self) -> str:
        """What the method is, in a few words."""
        if self.loss_of_step_size is not None:
            return f"gradient descent on E = {written(self.loss_of_step_size)}"
        if self.step is not None:
            return "the given step"
        if self.loss is not None and self.method.name == "euler":
            return f"gradient descent on E = {written(self.loss)}"
        on = (
            f"the gradient flow of E = {written(self.loss)}"
            if self.loss is not None
            else f"f = ({', '.join(map(written, self.field or ()))})"
        )
        return f"{self.method.name} on {on}"

    def constants_named(self, values: Mapping[sp.Symbol | str, Any]) -> dict[sp.Symbol, Any]:
        """The values by constant.

        Raises:
            InputError: a key is no constant of this problem.
        """
        if not isinstance(values, Mapping):
            raise InputError(
                f"the constants are {type(values).__name__}: give a dictionary from their names"
            )
        known = {c.name: c for c in self.constants}
        for key in values:
            if str(key) not in known:
                what = "a parameter" if str(key) in {p.name for p in self.params} else "unknown"
                raise InputError(
                    f"{key} is {what}, not a constant of the equation: its constants are "
                    f"{', '.join(known) or 'none'}"
                )
        return {known[str(key)]: value for key, value in values.items()}

    def subs(self, values: Mapping[sp.Symbol | str, Any]) -> Problem:
        """The problem with numbers or expressions for some of its constants."""
        replacement = self.replacement(values)

        def put(expr: Expr) -> Expr:
            result = expr.subs(replacement, simultaneous=True)
            check_smooth(result, "the input with these values")
            check_extent(result, "the input with these values", self.most_terms)
            return result

        return (
            replace(
                self,
                loss=None if self.loss is None else put(self.loss),
                field=None if self.field is None else tuple(map(put, self.field)),
                step=None if self.step is None else tuple(map(put, self.step)),
                method=self.method.subs(
                    {s: replacement[s] for s in self.method.symbols if s in replacement}
                ),
            )
            ._with_symbols_of_its_own()
            ._with_field_of_the_step_size()
        )

    def replacement(self, values: Mapping[sp.Symbol | str, Any]) -> dict[sp.Symbol, Expr]:
        """The values by constant, as exact expressions.

        Raises:
            InputError: a key is no constant, or a value cannot be used.
        """
        named = self.constants_named(values)
        expressions = self._expressions({f"the value of {c}": v for c, v in named.items()})
        return dict(zip(named, expressions, strict=True))

    def _with_symbols_of_its_own(self) -> Problem:
        """This problem, if its method has no symbol that means something else here."""
        taken = {p.name: "a parameter" for p in self.params}
        taken[self.step_size.name] = "the step size"
        for symbol in self.method.symbols:
            if symbol.name in taken:
                raise InputError(
                    f"{symbol} is {taken[symbol.name]} and a symbol of {self.method.name}: "
                    "rename one of them"
                )
        return self


def _stepped(step: Any, symbols: Sequence[sp.Symbol], h: sp.Symbol) -> Any:
    """The components of θ⁺: what a function of (θ, h) returns, or text and expressions in them."""
    if not callable(step):
        if isinstance(step, (str, Expr, Sequence, Mapping, sp.MatrixBase)):
            return step
        raise InputError(
            f"step is {type(step).__name__}: give a function of (theta, h) with m components, or "
            "the components"
        )
    try:
        inspect.signature(step).bind(symbols, h)
    except TypeError as error:
        raise InputError(f"the step is no function of (theta, h): {error}") from None
    except ValueError:  # built in, and says nothing of its arguments
        pass
    try:
        return step(symbols, h)
    except (TypeError, AttributeError) as error:
        said = " ".join(str(error).split())
        if "truth value" in said:
            raise InputError(
                f"the step branches on a comparison of symbols ({said}): give one formula for all "
                "theta and h, or verify such a step by bea.testing"
            ) from error
        if "Symbol" in said or "Expr" in said or "expression" in said or "loop of ufunc" in said:
            raise InputError(
                f"the step cannot compute with symbols ({said}): use SymPy's functions in it, "
                "such as sympy.sin instead of math.sin or numpy.sin"
            ) from error
        raise


def _expression(value: Any, name: str, *, most_terms: int, plain: Mapping[Expr, sp.Symbol]) -> Expr:
    """What was given as text or as an expression, checked; its floats as fractions."""
    try:
        expr = _smooth_expression(value, name, plain)
        check_extent(expr, name, most_terms)
        return expr.replace(lambda e: isinstance(e, sp.Float), exact)
    except RecursionError:
        raise InputError(f"{name} has {TOO_DEEP}") from None


def _smooth_expression(value: Any, name: str, plain: Mapping[Expr, sp.Symbol]) -> Expr:
    if isinstance(value, str):
        from bea.symbolic.parsing.text import parse_expression  # not for expressions of SymPy

        value = parse_expression(value, name=name)
    try:
        expr = sp.sympify(value, strict=True)
    except sp.SympifyError:
        raise InputError(
            f"{name} is {type(value).__name__}, not a SymPy expression or text"
        ) from None
    if isinstance(expr, Expr) and (matrices := expr.atoms(sp.MatrixSymbol)):
        expr = expr.subs({M: M.as_explicit() for M in matrices}).doit()  # a trace, a determinant
    if isinstance(expr, sp.MatrixBase) and expr.shape == (1, 1):
        expr = expr[0, 0]
    if not isinstance(expr, Expr) or expr.is_Matrix:
        if isinstance(expr, sp.core.relational.Relational):
            check_smooth(expr, name)
        raise InputError(
            f"{name} is a {type(expr).__name__}, not a scalar expression: "
            "give a list of components as field="
        )
    expr = with_plain_symbols(evaluated(expr), plain, name)
    check_smooth(expr, name)
    return expr


def _step_size(name: sp.Symbol | str) -> sp.Symbol:
    if name == "h":  # the usual one does not wait for the parser
        return sp.Symbol("h")
    symbols = _symbols(name)[0] if isinstance(name, (sp.Symbol, str)) else ()
    if len(symbols) != 1:
        raise InputError(f"the step size is {name!r}: give one symbol, or its name")
    return symbols[0]


def _named(names: str) -> tuple[sp.Symbol, ...]:
    from bea.symbolic.parsing.text import parse_symbols

    return parse_symbols(names)


def _symbols(names: Any) -> tuple[tuple[sp.Symbol, ...], dict[Expr, sp.Symbol]]:
    """The parameters as symbols, and those that were given as something else, by what it was."""
    if isinstance(names, str):
        return _named(names), {}
    if isinstance(names, sp.MatrixBase):
        names = names.flat()
    elif isinstance(names, sp.MatrixSymbol):
        names = names.as_explicit().flat()
    elif isinstance(names, Expr) and not getattr(names, "is_Matrix", False):
        names = [names]
    if isinstance(names, Set) or not isinstance(names, Iterable):
        raise InputError(
            f"{names!r} is no list of parameters: give symbols or their names, in an order"
        )
    symbols: list[sp.Symbol] = []
    structured: dict[Expr, sp.Symbol] = {}
    for name in names:
        if isinstance(name, str):
            symbols.extend(_named(name))
        elif isinstance(name, Expr):
            symbols.append(plain_symbol(name))
            if symbols[-1] != name:
                structured[name] = symbols[-1]
        else:
            raise InputError(f"{name!r} is no parameter: give symbols or their names")
    if not symbols:
        raise InputError("there are no parameters: name at least one in params=")
    seen = set()
    for symbol in symbols:
        if symbol.name in seen:
            raise InputError(f"the parameter {symbol} is given twice: name each one once")
        seen.add(symbol.name)
        check_continuous(symbol)
    return tuple(symbols), structured
