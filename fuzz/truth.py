"""What is true of a loss or a field, from jets alone: f_l, whether it has a curl, and its values.

    f_1 = −½ f'f,   f_2 = 1/12 f''(f,f) + ⅓ f'f'f,
    f_3 = −¼ f'f'f'f − 1/12 f'f''(f,f) − 1/12 f''(f, f'f)

for explicit Euler (docs/mathematics.md) and the same with other weights for some other methods,
written out here and not taken from the recursion. A ball
that excludes zero proves a curl, whatever the scale. That there is none is believed after points of
many scales and signs, of which some are near to where the loss does something, with hundreds of
digits; for the first correction of a loss it is Theorem 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from random import Random

from flint import arb

from fuzz.jets import Jet, ball, precision, space
from fuzz.readings import Point, Reader

WEIGHTS = {
    "euler": (Fraction(-1, 2), Fraction(1, 12), Fraction(1, 3)),
    "implicit_euler": (Fraction(1, 2), Fraction(1, 12), Fraction(1, 3)),
    "midpoint": (Fraction(0), Fraction(-1, 24), Fraction(-1, 6)),
    "implicit_midpoint": (Fraction(0), Fraction(-1, 24), Fraction(1, 12)),
    "heun": (Fraction(0), Fraction(1, 12), Fraction(-1, 6)),
    "trapezoidal": (Fraction(0), Fraction(1, 12), Fraction(1, 12)),
}
"""Of f'f in f_1, and of f''(f,f) and f'f'f in f_2: with the nodes c and weights b of the tableau
κ = Σ b c − ½, then ½ Σ b c² − κ/2 − 1/6 and Σ b A c − κ − 1/6."""

BITS = (128, 1024, 4096)
"""Precisions at which a sign is looked for."""

MANY_BITS = (128, 512, 2048, 8192, 32768)
"""Precisions at which the digits of a value are looked for."""


@dataclass(frozen=True)
class Subject:
    """A loss, a field or a step, as text, with the places where something happens.

    Attributes:
        kind: what family it was drawn from.
        names: the parameters.
        loss: the text of the loss, or None.
        field: the texts of the components, or none.
        step: those of a one-step map Φ_h(θ), in the parameters and h, or none.
        near: points of interest, such as the centre of a bell.
        method: one of `WEIGHTS`.
        constants: symbols that are no parameters, each with the value at which answers are judged.
    """

    kind: str
    names: tuple[str, ...]
    loss: str | None = None
    field: tuple[str, ...] = ()
    step: tuple[str, ...] = ()
    near: tuple[tuple[Fraction, ...], ...] = ()
    method: str = "euler"
    constants: tuple[tuple[str, Fraction], ...] = ()

    @property
    def size(self) -> int:
        """Characters."""
        return sum(map(len, (self.loss or "", *self.field, *self.step)))

    def __str__(self) -> str:
        what = self.loss or (
            f"step ({', '.join(self.step)})" if self.step else f"field ({', '.join(self.field)})"
        )
        by = "" if self.method == "euler" else f" by {self.method}"
        by += "".join(f", {name} = {value}" for name, value in self.constants)
        return f"{what}   [{','.join(self.names)}]{by}"


def first_field(subject: Subject, point: Point, degree: int) -> list[Jet]:
    """The field f = f_0 at a point, to a degree."""
    if subject.loss is None:
        reader = Reader(subject.names, point, degree, dict(subject.constants))
        return [reader.text(component) for component in subject.field]
    loss = Reader(subject.names, point, degree + 1, dict(subject.constants)).text(subject.loss)
    return [-loss.partial(i) for i in range(len(subject.names))]


def along(g: Sequence[Jet], *directions: Sequence[Jet]) -> list[Jet]:
    """g'(v), g''(v, w), …: the derivative of each component along constant copies of the v."""
    m = len(g)
    total = []
    for component in g:
        result = None
        for index in product(range(m), repeat=len(directions)):
            term = component
            for i in index:
                term = term.partial(i)
            for i, v in zip(index, directions, strict=True):
                term = term * v[i]
            result = term if result is None else result + term
        assert result is not None
        total.append(result)
    return total


def combined(*terms: tuple[Fraction, Sequence[Jet]]) -> list[Jet]:
    """Σ c·v."""
    columns = [[jet.scaled(c) for jet in v] for c, v in terms]
    total = columns[0]
    for column in columns[1:]:
        total = [a + b for a, b in zip(total, column, strict=True)]
    return total


def corrections(f: Sequence[Jet], order: int, method: str = "euler") -> list[list[Jet]]:
    """f_0, …, f_p, each known to as many degrees less as it has derivatives in it."""
    found, (of_ff, of_f_ff, of_fff) = [list(f)], WEIGHTS[method]
    if order >= 1:
        ff = along(f, f)
        found.append(combined((of_ff, ff)))
    if order >= 2:
        fff, f_ff = along(f, ff), along(f, f, f)
        found.append(combined((of_f_ff, f_ff), (of_fff, fff)))
    if order >= 3:
        assert method == "euler"
        found.append(
            combined(
                (Fraction(-1, 4), along(f, fff)),
                (Fraction(-1, 12), along(f, f_ff)),
                (Fraction(-1, 12), along(f, f, ff)),
            )
        )
    return found


def corrections_at(subject: Subject, point: Point, order: int, degree: int = 0) -> list[list[Jet]]:
    """f_0, …, f_p of a subject, the last of them to some degree and the others to more."""
    if subject.step:
        return of_a_step(subject, point, order, degree)
    return corrections(first_field(subject, point, order + degree), order, subject.method)


def of_a_step(subject: Subject, point: Point, order: int, degree: int) -> list[list[Jet]]:
    """f_0, …, f_p of a step θ + h d_1 + h² d_2 + …; not finite where it is not θ at h = 0.

    f_0 = d_1, f_1 = d_2 − ½ f_0'f_0, f_2 = d_3 − ½ (f_1'f_0 + f_0'f_1) − 1/6 (f_0''(f_0,f_0) +
    f_0'f_0'f_0).
    """
    m, most = len(subject.names), order + degree + order + 1
    reader = Reader((*subject.names, "h"), (*point, Fraction(0)), most)
    components = [reader.text(text) for text in subject.step]
    starts = [jet.value - ball(t) for jet, t in zip(components, point, strict=True)]
    if not all(s.is_finite() and s.contains(0) for s in starts):
        nowhere = Jet(components[0].space, [arb.nan()] * len(components[0].coefficients))
        components = [nowhere] * m
    d = [[_in_the_last(jet, j) for jet in components] for j in range(order + 2)]
    found, half = [d[1]], Fraction(-1, 2)
    one = Fraction(1)
    if order >= 1:
        found.append(combined((one, d[2]), (half, along(d[1], d[1]))))
    if order >= 2:
        f, f_1 = found
        thrice = combined((one, along(f, f, f)), (one, along(f, along(f, f))))
        found.append(
            combined(
                (one, d[3]), (half, along(f_1, f)), (half, along(f, f_1)), (Fraction(-1, 6), thrice)
            )
        )
    assert order <= 2 and len(found[0]) == m
    return found


def _in_the_last(jet: Jet, power: int) -> Jet:
    """The coefficient of a power of the last variable, in the others."""
    target = space(jet.space.m - 1, jet.space.degree - power)
    return Jet(
        target, [jet.coefficients[jet.space.position[*index, power]] for index in target.indices]
    )


def curl(g: Sequence[Jet]) -> list[tuple[arb, arb]]:
    """∂_i g_j − ∂_j g_i for i < j, each with the larger of the two."""
    found = []
    for i in range(len(g)):
        for j in range(i + 1, len(g)):
            a, b = g[j].partial(i).value, g[i].partial(j).value
            found.append((a - b, abs(a).max(abs(b))))
    return found


# --- where to look ----------------------------------------------------------------------------


def some_points(subject: Subject, random: Random, n: int) -> list[tuple[Fraction, ...]]:
    """Points of many scales and signs, every other one near to a place of interest."""
    points: list[tuple[Fraction, ...]] = []
    for k in range(n):
        if subject.near and k % 2 == 0:
            centre = random.choice(subject.near)
            reach = 10 ** random.uniform(-2, 0.7)
            values = [float(c) + reach * random.gauss(0, 1) for c in centre]
        else:
            low, high = random.choice([(-2, 2), (-1, 1), (0, 0.5), (-4, 4)])
            one_sign = random.random() < 0.5
            values = [
                (1 if one_sign else random.choice([-1, 1])) * 10 ** random.uniform(low, high)
                for _ in subject.names
            ]
        points.append(tuple(Fraction(round(v * 2**24), 2**24) + Fraction(1, 2**26) for v in values))
    return points


# --- decisions --------------------------------------------------------------------------------


def is_gradient(subject: Subject, l: int, points: Sequence[Point]) -> bool | None:
    """Has f_l no curl? None where there are too few points at which it is real and decided."""
    if len(subject.names) == 1:
        return True
    if subject.loss is not None and l < 2:
        return True  # Theorem 3.1
    settled, left = 0, list(points)
    for bits, most in zip(BITS, (len(points), 8, 6), strict=True):
        with precision(bits):
            settled, looked_at, left = 0, left[:most], []
            for point in looked_at:
                f_l = corrections_at(subject, point, l, 1)[l]
                found = curl(f_l)
                if any(_excludes_zero(c) for c, _ in found):
                    return False
                if all(c.is_finite() for c, _ in found):
                    left.append(point)
                settled += all(_is_small(c, scale, bits // 2) for c, scale in found)
    return True if settled >= 3 else None


def _excludes_zero(c: arb) -> bool:
    return c.is_finite() and not c.contains(0)


def _is_small(c: arb, scale: arb, bits: int) -> bool:
    if not (c.is_finite() and scale.is_finite()):
        return False
    return bool(c.abs_upper() <= (scale.abs_upper() + 1) * arb(2) ** -bits)


def is_finite(jets: Sequence[Jet]) -> bool:
    """Are all values and derivatives real numbers?"""
    return all(c is None or c.is_finite() for jet in jets for c in jet.coefficients)


@dataclass(frozen=True)
class Ball:
    """A component of f̃ with what moving θ by one unit in the last place does to it.

    Attributes:
        value: the exact value in a ball of many digits.
        sensitivity: Σ_j |θ_j ∂_j f̃_i|, to be multiplied by the unit roundoff.
    """

    value: arb
    sensitivity: arb


def field_at(subject: Subject, point: Point, h: Fraction, order: int) -> list[Ball] | None:
    """f̃ of an order at a point with 80 right bits, or None where it is not real or too hard."""
    for bits in MANY_BITS:
        with precision(bits):
            parts = corrections_at(subject, point, order, 1)
            total = combined(*((h**l, part) for l, part in enumerate(parts)))
            values = [jet.value for jet in total]
            if bits == MANY_BITS[2] and all(v.is_nan() for v in values):
                return None
            if not all(v.is_finite() for v in values):
                continue
            if bits == MANY_BITS[-2]:  # what vanishes at this point would never have right digits
                none = arb(2) ** -(bits // 2)
                values = [arb(0) if v.contains(0) and abs(v) < none else v for v in values]
            if all(v.rel_accuracy_bits() >= 80 or v == 0 for v in values):
                slopes = [
                    sum((abs(jet.partial(j).value * ball(t)) for j, t in enumerate(point)), arb(0))
                    for jet in total
                ]
                return [Ball(v, s) for v, s in zip(values, slopes, strict=True)]
    return None


SHIFT = Fraction(1, 2**400)
"""A step aside from a point where a quotient is 0/0, of no consequence for 80 bits."""


def limit_at(subject: Subject, point: Point, h: Fraction, order: int) -> list[Ball] | None:
    """f̃ as `field_at`, also at a removable singularity, if both sides of it agree."""
    if (found := field_at(subject, point, h, order)) is not None:
        return found
    ahead, behind = (
        field_at(subject, [t + sign * SHIFT * (3 + i) for i, t in enumerate(point)], h, order)
        for sign in (1, -1)
    )
    if ahead is None or behind is None:
        return None
    with precision(128):
        small, none, found = arb(2) ** -80, arb(2) ** -200, []
        for a, b in zip(ahead, behind, strict=True):
            if not abs(a.value - b.value) <= small * (1 + abs(a.value)):
                return None
            vanishes = abs(a.value) < none and abs(b.value) < none
            found.append(Ball(arb(0), a.sensitivity) if vanishes else a)
    return found
