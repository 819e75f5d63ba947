"""Is every answer about a random loss or field right? Gradients and modified losses against jets.

Asked of each: is f_0, f_1 (of small ones f_2) a gradient; are the corrections the fields that they
should be; and is −∇Ẽ of `modified_loss`, at random points and step sizes, f + h f_1 + … What is
true comes from `truth`, where nothing is taken from `bea`. "Not decided" is an answer of its own
and never a wrong one; a refusal is counted with its message.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import sympy as sp
from flint import arb
from sympy import Expr

import bea
from fuzz.families import TEXT_FUNCTIONS
from fuzz.jets import ball, precision
from fuzz.pool import Outcome, Tell, failure
from fuzz.readings import Point, Reader, Unreadable
from fuzz.truth import BITS, Subject, combined, corrections_at, is_gradient, some_points

SMALL = 90
"""Characters up to which f_2 is asked for, too."""

STEPS = (Fraction(1, 10), Fraction(-3, 7), Fraction(2))
"""h at which Ẽ is compared: as many as it has powers of h, so that each of its parts is."""


MANY = 200
"""Points at which a curl is looked for that is zero on most of the plane."""

EXACTLY = 3
"""Points at which a difference must vanish to three hundred digits."""


def check(subject: Subject, tell: Tell = lambda stage: None) -> list[Outcome]:
    """All that there is to ask about one subject."""
    random = Random(str(subject))
    points = some_points(subject, random, 14 if subject.loss else MANY)
    as_expression = random.random() < 0.5
    one, small = len(subject.names) == 1, subject.size <= SMALL
    order = 2 if one or small else 1
    outcomes = [Outcome("subject", "right")]

    def ask(what: str, question: Callable[[], list[Outcome]]) -> None:
        tell(what)
        outcomes.extend(_answered(what, question))

    def equation() -> list[Outcome]:
        outcomes.append(Outcome("equation", "right"))
        given = _given(subject, as_expression)
        equations.append(
            bea.modified_equation(**given, params=subject.names, order=order, method=subject.method)
        )
        return []

    equations: list[Any] = []
    ask("modified_equation", equation)
    if subject.step and (found := _of_start(subject, bool(equations), outcomes, points)):
        return found
    if not equations:
        return outcomes
    eq, true = equations[0], []
    for l in range(order + 1):
        tell("the truth")
        true.append(is_gradient(subject, l, points))
        ask(f"is_gradient({l})", lambda l=l: [_of_gradient(l, eq.is_gradient(l), true[l])])
        if l < 2 or one:
            ask(f"f_{l}", lambda l=l: _of_correction(subject, l, eq.corrections[l], points))
    for p in range(1, order + 1):
        if None not in true[: p + 1]:
            ask(
                f"modified_loss({p})",
                lambda p=p: _of_loss(subject, p, eq, all(true[: p + 1]), points, tell),
            )
    return outcomes


def _given(subject: Subject, as_expression: bool) -> dict[str, Any]:
    """The loss or field by one of the two doors."""

    def through(text: str) -> Any:
        if not as_expression:
            return text
        # Fractions: with floats SymPy would round before `bea` sees anything.
        return sp.sympify(text, locals=dict(TEXT_FUNCTIONS), rational=True)

    if subject.loss is not None:
        return {"loss": through(subject.loss)}
    if subject.step:
        step = [through(component) for component in subject.step]
        return {"step": lambda theta, h: step}
    return {"field": [through(component) for component in subject.field]}


def _of_start(
    subject: Subject, accepted: bool, outcomes: list[Outcome], points: Sequence[Point]
) -> list[Outcome]:
    """What there is to say of a step that is not θ at h = 0, or was said not to be; or nothing."""
    with precision(BITS[-1]):
        values = [
            Reader(subject.names, point, 0, {"h": Fraction(0)}).text(component).value - ball(t)
            for point in (*points, *([-t for t in point] for point in points))
            for component, t in zip(subject.step, point, strict=True)
        ]
    real = [v for v in values if v.is_finite()]
    never = bool(real) and all(not v.contains(0) for v in real[:: len(subject.names)])
    if accepted and never:
        return [Outcome("identity at h = 0", "WRONG", "it is θ nowhere, but was accepted")]
    refused = [o for o in outcomes if o.verdict == "refused" and "= 0" in o.detail]
    many = len(real) > len(values) / 2
    if refused and many and all(v.contains(0) for v in real):
        return [Outcome("identity at h = 0", "WRONG", f"it is θ, but: {refused[0].detail}")]
    return [Outcome("identity at h = 0", "right")] if refused else []


def _answered(what: str, question: Callable[[], list[Outcome]]) -> list[Outcome]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return question()
    except Unreadable as error:
        return [Outcome(what, "not checked", str(error))]
    except Exception as error:
        return [failure(what, error)]


def _of_gradient(l: int, answer: Any, true: bool | None) -> Outcome:
    if true is None:
        return Outcome(f"is_gradient({l})", "not checked", "no reference")
    verdict = "right" if answer is true else "WRONG"
    return Outcome(f"is_gradient({l})", verdict, f"{answer}, but it is {true}")


def _of_correction(
    subject: Subject, l: int, f_l: sp.Matrix, points: Sequence[Point]
) -> list[Outcome]:
    def difference(point: Point) -> list[tuple[arb, arb]]:
        reader = Reader(subject.names, point, 0, dict(subject.constants))
        right = corrections_at(subject, point, l)[l]
        return [
            (reader.expression(c).value - r.value, r.value) for c, r in zip(f_l, right, strict=True)
        ]

    return [compared(f"f_{l}", difference, points)]


def _of_loss(
    subject: Subject, p: int, eq: Any, exists: bool, points: Sequence[Point], tell: Tell
) -> list[Outcome]:
    what = f"modified_loss({p})"
    try:
        loss: Expr = eq.modified_loss(p)
    except bea.NotAGradientError as error:
        return [Outcome(what, "WRONG" if exists else "right", str(error)[:300])]
    if not exists:
        return [Outcome(what, "WRONG", f"there is none, but it says {str(loss)[:300]}")]

    def difference(point: Point) -> list[tuple[arb, arb]]:
        parts, found = corrections_at(subject, point, p), []
        for h in STEPS[: p + 1]:
            reader = Reader(subject.names, point, 1, {"h": h, **dict(subject.constants)})
            jet = reader.expression(loss)
            right = combined(*((h**l, part) for l, part in enumerate(parts)))
            for i, r in enumerate(right):
                found.append((jet.partial(i).value + r.value, r.value))
        return found

    by_quadrature = any(len(limits) == 3 for i in loss.atoms(sp.Integral) for limits in i.limits)
    if by_quadrature:
        points = points[:3]
    tell(f"the truth of {what}")
    digits = 30 if by_quadrature else None
    return [compared(what, difference, points, detail=str(loss)[:300], most_bits=digits)]


def compared(
    what: str,
    difference: Callable[[Point], list[tuple[arb, arb]]],
    points: Sequence[Point],
    detail: str = "",
    most_bits: int | None = None,
) -> Outcome:
    """Is an answer the truth at the points where there is one?

    Args:
        what: the name of the check.
        difference: answer minus truth, and the truth, in balls, of everything at a point.
        points: where.
        detail: what was answered.
        most_bits: bits beyond which the balls do not shrink with the precision.
    """
    same = not_real = 0
    for k, point in enumerate(points[:8]):
        for bits in BITS:
            enough = most_bits or (bits // 2 if k >= EXACTLY else BITS[-1] // 4)
            with precision(bits):
                found = difference(point)
                if not all(right.is_finite() for _, right in found):
                    continue
                where = "(" + ", ".join(f"{float(t):.6g}" for t in point) + ")"
                if not all(d.is_finite() for d, _ in found):
                    not_real += bits == BITS[-1]
                    continue
                for d, right in found:
                    if not d.contains(0):
                        values = f"off by {d.str(6)} where it is {right.str(8)}"
                        return Outcome(what, "WRONG", f"at {where}: {values}; {detail}")
                small = arb(2) ** -enough
                if all(d.abs_upper() <= (r.abs_upper() + 1) * small for d, r in found):
                    same += 1
                    break
    if not_real:
        return Outcome(what, "not real", f"at {not_real} points where the loss is; {detail}")
    return Outcome(what, "right" if same >= 2 else "not checked", "no point settles it")
