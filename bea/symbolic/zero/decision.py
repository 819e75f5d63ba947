"""Is an expression identically zero? The one place where that is decided, with three answers.

Whether an elementary function vanishes identically is undecidable in general (Richardson 1968,
doi:10.2307/2271358), so there must be a third answer beside yes and no:

* *zero*: the expression vanishes in a finite field, in several trials (`finite_field`), so that it
  follows from the algebra of what it contains; or it is an algebraic number below its root bound.
* *not zero*: a ball excludes zero at some point (`balls`), at whatever scale, by as many digits as
  it takes; or it is rational, or of undefined functions, and does not vanish in the field.
* *not decided*: none of these.

Roots have two signs. What vanishes in the field for some choice of them, as √(x²) − x does, is not
zero if some ball says so. If none does, to thousands of bits, the right signs at these points are
among those, and it is zero as far as they are the right ones: until one of the roots vanishes. So
the answer is zero only where that cannot be (`branches`).

Everything that asks whether something vanishes asks here: the curl, division, the identity at
h = 0, potentials, and equality of scalars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

import sympy as sp
from sympy import Expr
from sympy.core.function import AppliedUndef

from bea.errors import UndecidedError
from bea.symbolic.functions.rules import exact
from bea.symbolic.zero.balls import CONSTANTS, FUNCTIONS, NoBallError, ball, precision
from bea.symbolic.zero.branches import has_one_sheet, with_primitive_radicands
from bea.symbolic.zero.finite_field import AREA, ON_THE_CIRCLE, NoResidueError, Residues
from bea.symbolic.zero.points import TrialPoint, centres_among
from bea.symbolic.zero.root_bound import is_below, root_bound

TRIALS = 3
"""In each of them a polynomial of degree d that is not zero vanishes with probability d/2⁵⁹."""

TRIALS_WITH_ROOTS = 16
"""A relation that holds for one choice of the signs of roots only holds in half of the trials or
less."""

ATTEMPTS = 200
"""Trials may have no value: half of them for each root inside another."""

CHECKED = 12
"""Points at which balls are computed before roots are tried in the finite field."""

POINTS = 32
PRECISIONS = (64, 256, 1024, 4096)
"""Points and bits tried in search of a ball that excludes zero."""

LONG = 3_000
"""Beyond so many subexpressions, fewer of both, and of scales for functions that are not
elementary: those of arguments beyond 1000 can take minutes."""

ELEMENTARY = (
    *(sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.sinc),
    *(sp.asin, sp.acos, sp.atan, sp.acot, sp.atan2, sp.LambertW),
    *(sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch),
    *(sp.asinh, sp.acosh, sp.atanh, sp.acoth, sp.erf, sp.erfc, sp.erfi),
)

MIN_POINTS = 3
"""Points at which balls leave it at zero what is zero, by algebra, for some signs of its roots."""

MAX_BITS = 60_000
"""The root bound of an algebraic number up to which it is computed: some milliseconds."""


class Answer(Enum):
    """What is known about an expression."""

    ZERO = "zero"
    NOT_ZERO = "not zero"
    UNDECIDED = "not decided"


class Decision(NamedTuple):
    """An answer with its reason.

    Attributes:
        answer: zero, not zero, or not decided.
        reason: what proves it, or what was tried, in a few words.
    """

    answer: Answer
    reason: str


def decide(expr: Expr) -> Decision:
    """Is the expression the zero function of its symbols, wherever it is real?

    Args:
        expr: any expression; floats are read as the decimals they print as.

    Example:
        >>> x = sp.Symbol("x")
        >>> decide(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1).answer
        <Answer.ZERO: 'zero'>
        >>> decide(1 - sp.tanh(100 * x) ** 2).answer
        <Answer.NOT_ZERO: 'not zero'>
        >>> decide(sp.sqrt(x**2) - x).answer
        <Answer.NOT_ZERO: 'not zero'>
    """
    return Decider().decide(expr)


def is_zero(expr: Expr, what: str) -> bool:
    """Is the expression the zero function?

    Args:
        expr: the expression.
        what: what a message says cannot be decided, such as "whether f_2 is a gradient".

    Raises:
        UndecidedError: that is not known.
    """
    return Decider().is_zero(expr, what)


class Decider:
    """Decides about many expressions that have parts in common, each part evaluated once."""

    def __init__(self) -> None:
        self._trials: list[Residues] = []
        self._seeds = iter(range(ATTEMPTS))
        self._points: dict[int, TrialPoint] = {}
        self._known: dict[Expr, Decision] = {}

    def is_zero(self, expr: Expr, what: str) -> bool:
        """As the function of this name."""
        decision = self.decide(expr)
        if decision.answer is Answer.UNDECIDED:
            raise UndecidedError(f"{what} cannot be decided: {decision.reason}", decision.reason)
        return decision.answer is Answer.ZERO

    def decide(self, expr: Expr) -> Decision:
        """As the function of this name."""
        if expr not in self._known:
            self._known[expr] = self._decided(expr)
        return self._known[expr]

    def _decided(self, expr: Expr) -> Decision:
        expr = sp.sympify(expr)
        kind = _Kind.of(expr)
        if kind.has_floats:
            expr = expr.replace(lambda e: isinstance(e, sp.Float), exact)
            kind = _Kind.of(expr)
        if expr.is_Rational:
            return ZERO_NUMBER if expr == 0 else NOT_ZERO_NUMBER
        # Roots have two signs, and of those a ball knows the right one; so it is asked first.
        if kind.has_signs and kind.has_balls and (found := self._contradicted(expr, kind)):
            return found
        vanishes = self._in_the_field(expr, kind.has_signs)
        if vanishes and all(vanishes):
            return Decision(Answer.ZERO, f"zero in {len(vanishes)} trials in a finite field")
        if vanishes and not any(vanishes) and kind.is_free:
            return Decision(Answer.NOT_ZERO, "not zero in a finite field")
        if not kind.has_balls:
            return Decision(Answer.UNDECIDED, f"{kind.obstacle} has no certified values")
        return self._by_balls(expr, kind, any(vanishes))

    # --- in a finite field ----------------------------------------------------------------------

    def _in_the_field(self, expr: Expr, has_signs: bool) -> list[bool]:
        """Whether it vanishes, in each trial in which it has a value."""
        outcomes: list[bool] = []
        trials = TRIALS_WITH_ROOTS if has_signs else TRIALS
        for trial in self._all_trials():
            try:
                outcomes.append(trial.value(expr).is_zero())
            except NoResidueError:
                continue
            except RecursionError:  # too deep for this road; the other goes no deeper
                return []
            if len(outcomes) == trials or (outcomes[-2:] == [False, False] and not has_signs):
                break
        return outcomes

    def _all_trials(self) -> Iterator[Residues]:
        """The trials made before, then new ones."""
        yield from list(self._trials)
        for seed in self._seeds:
            trial = Residues(seed)
            self._trials.append(trial)
            yield trial

    # --- by balls -------------------------------------------------------------------------------

    def _contradicted(self, expr: Expr, kind: _Kind) -> Decision | None:
        """Not zero at a point, if a ball says so."""
        symbols, centres = kind.symbols, kind.centres
        for point in (self._point(n, centres) for n in range(CHECKED)):
            if not kind.is_elementary and not point.is_near(symbols):
                continue
            value = point.ball(expr, symbols, PRECISIONS[0])
            if value is not None and not value.contains(0):
                return Decision(Answer.NOT_ZERO, f"not zero at {point.shown(symbols)}")
        return None

    def _by_balls(self, expr: Expr, kind: _Kind, vanishes_for_some_signs: bool) -> Decision:
        symbols, centres = kind.symbols, kind.centres
        if not symbols:
            return self._constant(expr, kind)
        is_long = kind.size > LONG or not kind.is_elementary
        precisions = PRECISIONS[:3] if is_long else PRECISIONS
        chosen = [self._point(n, centres) for n in range(POINTS // 2 if is_long else POINTS)]
        if not kind.is_elementary:
            chosen = [p for p in chosen if p.is_near(symbols)]
        defined: dict[int, TrialPoint] = {}
        for bits in precisions:
            for n, point in enumerate(chosen):
                value = point.ball(expr, symbols, bits)
                if value is None:
                    continue
                if not value.contains(0):
                    return Decision(Answer.NOT_ZERO, f"not zero at {point.shown(symbols)}")
                defined[n] = point
        if not defined:
            return Decision(
                Answer.UNDECIDED,
                f"it has no real value at any of {len(chosen)} points of many scales",
            )
        if vanishes_for_some_signs and len(defined) >= MIN_POINTS:
            where = next(iter(defined.values())).shown(symbols)
            primitive = self._in_the_field(with_primitive_radicands(expr), has_signs=True)
            if (primitive and all(primitive)) or has_one_sheet(expr):
                return Decision(Answer.ZERO, f"zero where its roots are real, as near {where}")
            return Decision(
                Answer.UNDECIDED,
                f"it vanishes near {where}, but its roots may change their signs elsewhere",
            )
        return Decision(
            Answer.UNDECIDED,
            f"to {precisions[-1]} bits it cannot be told from zero at {len(defined)} points of "
            "many scales, and no algebra shows that it vanishes",
        )

    def _point(self, n: int, centres: Sequence[sp.Rational]) -> TrialPoint:
        key = hash((n, *centres))
        if key not in self._points:
            self._points[key] = TrialPoint(n, centres)
        return self._points[key]

    def _constant(self, expr: Expr, kind: _Kind) -> Decision:
        bound = root_bound(expr) if kind.is_algebraic else None
        for bits in (*PRECISIONS, *([bound + 64] if bound and bound < MAX_BITS else [])):
            try:
                with precision(bits):
                    value = ball(expr, {})
            except NoBallError as error:
                return Decision(Answer.UNDECIDED, str(error))
            if value.is_finite() and not value.contains(0):
                return Decision(Answer.NOT_ZERO, "its value is not zero")
            if bound and value.is_finite() and bits >= bound and is_below(value, bound):
                return Decision(Answer.ZERO, f"an algebraic number below 2^−{bound}")
        return Decision(
            Answer.UNDECIDED, f"to {PRECISIONS[-1]} bits the number cannot be told from zero"
        )


ZERO_NUMBER = Decision(Answer.ZERO, "the number 0")
NOT_ZERO_NUMBER = Decision(Answer.NOT_ZERO, "a number other than 0")


class _Kind(NamedTuple):
    """What an expression is made of.

    Attributes:
        is_free: rational in symbols and undefined functions: it is what it is in the field.
        is_algebraic: rational in symbols and roots.
        has_signs: it has roots of even order, or functions that are calculated by some, other
            than roots of numbers and exponentials.
        has_balls: every function in it has a ball.
        obstacle: one that has none.
        is_elementary: it has no special functions, but for error functions.
        has_floats: there are floats in it.
        symbols: the symbols that it is a function of, in a fixed order.
        centres: numbers that occur in it, about which something may happen.
        size: the number of different subexpressions.
    """

    is_free: bool
    is_algebraic: bool
    has_signs: bool
    has_balls: bool
    obstacle: str
    is_elementary: bool
    has_floats: bool
    symbols: tuple[sp.Symbol, ...]
    centres: tuple[sp.Rational, ...]
    size: int

    @classmethod
    def of(cls, expr: Expr) -> _Kind:
        seen: set[Expr] = set()
        waiting = [expr]
        is_free = is_algebraic = True
        has_signs, is_elementary = False, True
        obstacle = ""
        while waiting:
            e = waiting.pop()
            if e in seen:
                continue
            seen.add(e)
            undefined = isinstance(e, (AppliedUndef, sp.Derivative, sp.Subs))
            known = (
                e.is_Symbol or e.is_Rational or e.is_Add or e.is_Mul or e in CONSTANTS
                or e.is_Pow or type(e) in FUNCTIONS
            )  # fmt: skip
            if not known and not obstacle:
                obstacle = str(e.func.__name__) if e.args else str(e)
            is_elementary = is_elementary and (not e.is_Function or isinstance(e, ELEMENTARY))
            whole = e.is_Pow and e.exp.is_Integer
            plain = (e.is_Symbol or e.is_Rational or e.is_Add or e.is_Mul) and e not in CONSTANTS
            is_free = is_free and (plain or whole or undefined)
            is_algebraic = is_algebraic and (plain or (e.is_Pow and e.exp.is_Rational))
            if e.is_Pow and e.exp.is_Rational and e.exp.q % 2 == 0:
                has_signs = has_signs or not (e.base.is_Rational or isinstance(e.base, sp.exp))
            has_signs = has_signs or type(e) in {*AREA, *ON_THE_CIRCLE}
            if not undefined:
                waiting += [a for a in e.args if isinstance(a, Expr)]
        return cls(
            is_free,
            is_algebraic,
            has_signs,
            not obstacle,
            obstacle,
            is_elementary,
            any(e.is_Float for e in seen),
            _in_order(e for e in seen if e.is_Symbol),
            centres_among(e for e in seen if e.is_Rational),
            len(seen),
        )


def _in_order(symbols: Iterable[sp.Symbol]) -> tuple[sp.Symbol, ...]:
    return tuple(sorted(symbols, key=lambda s: (s.name, str(sorted(s.assumptions0.items())))))
