"""How a series in h is written, as in f − h/2 f'f + h²(1/12 f''(f,f) + 1/3 f'f'f) + ….

Elementary differentials are in the notation of HLW III.1, or in ∇E, H and ∇³E for f = −∇E
(`structure.contractions`); as text, as LaTeX, as a dictionary, and as the report of `bea series`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Protocol, TypeVar

import sympy as sp

from bea.errors import InputError
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import Scalar, expression_of_scalar
from bea.symbolic.structure import contractions
from bea.symbolic.structure.contractions import SUPERSCRIPTS
from bea.symbolic.structure.free_trees import GradientStructure
from bea.symbolic.trees.tree import Tree
from bea.whole_numbers import whole_number

MAX_M = 4
"""The last order of M in a report: M_4 has up to 13 terms, M_5 up to 34."""

Orders = Iterable[Sequence[tuple[str, Scalar]]]
"""For each power of h, names and their factors."""


class WrittenSeries(Protocol):
    """A B-series, as far as writing it asks."""

    kind: str
    method: ButcherTableau

    @property
    def title(self) -> str:
        """What the series is, in a few words."""
        ...

    @property
    def order(self) -> int:
        """The highest power of h."""
        ...

    @property
    def first_correction(self) -> int | None:
        """The l of the first f_l ≠ 0 with l ≥ 1; None if it is not known."""
        ...

    @property
    def method_order(self) -> int | None:
        """The order of the method; None if it is higher than that of the series."""
        ...

    def extended(self, order: int) -> WrittenSeries:
        """The same series to another order."""
        ...

    def __iter__(self) -> Iterator[Tree]:
        """The trees."""
        ...

    def __getitem__(self, tree: Tree) -> Scalar:
        """b(τ)."""
        ...

    def terms(self, l: int) -> dict[Tree, Scalar]:
        """The factors b(τ)/σ(τ) of f_l, without zeros."""
        ...

    def gradient_structure(self, l: int) -> GradientStructure:
        """f_l for f = −∇E as a gradient and a remainder."""
        ...

    def preconditioner(self, order: int | None = None) -> object:
        """The symmetric M with f̃ = −M∇E."""
        ...


def differential(tree: Tree) -> str:
    """F(τ) as text: f, f'f, f''(f,f'f), f⁽⁴⁾(f,f,f,f)."""
    return _differential(tree, lambda m: f"⁽{str(m).translate(SUPERSCRIPTS)}⁾")


def differential_latex(tree: Tree) -> str:
    """F(τ) as LaTeX: f, f'f, f''(f,f'f), f^{(4)}(f,f,f,f)."""
    return _differential(tree, lambda m: f"^{{({m})}}")


def _differential(tree: Tree, derivative: Callable[[int], str]) -> str:
    children = [_differential(child, derivative) for child in reversed(tree.children)]
    m = len(children)
    f = "f" + ("'" * m if m <= 3 else derivative(m))
    return f + (children[0] if m == 1 else f"({','.join(children)})" if m else "")


def _sign_and_size(c: Scalar) -> tuple[bool, Scalar]:
    """Is c written with a minus, and what follows the sign?"""
    if isinstance(c, Fraction):
        return c < 0, abs(c)
    # A sum keeps the signs of its terms, in brackets.
    negative = c.could_extract_minus_sign() and not c.is_Add
    return negative, (-c if negative else c)


def text_sum(orders: Orders, rest: int | None = None) -> str:
    """Σ_l h^l Σ c·name on one line.

    Args:
        orders: names and factors for each power of h.
        rest: the power of h with which the terms left out begin, where that says more than "…".
    """
    parts: list[str] = []
    for l, terms in enumerate(orders):
        if not terms:
            continue
        power = "" if l == 0 else "h" if l == 1 else f"h{str(l).translate(SUPERSCRIPTS)}"
        if len(terms) > 1 and power:
            parts.append(f"{'+ ' if parts else ''}{power}({_text_terms(terms)})")
            continue
        for name, c in terms:
            negative, size = _sign_and_size(c)
            sign = ("− " if negative else "+ ") if parts else ("−" if negative else "")
            factor = _text_factor(size, power)
            parts.append(f"{sign}{factor}{' ' * bool(factor)}{name}")
    left_out = "…" if rest is None else f"O(h{str(rest).translate(SUPERSCRIPTS)})"
    return " ".join([*(parts or ["0"]), "+", left_out])


def _text_factor(size: Scalar, power: str) -> str:
    """c·h^l as 3h²/4."""
    if not isinstance(size, Fraction):
        return f"{power}({_in_words(size)})"
    if not power:
        return "" if size == 1 else str(size)
    numerator = power if size.numerator == 1 else f"{size.numerator}{power}"
    return numerator if size.denominator == 1 else f"{numerator}/{size.denominator}"


def _in_words(expr: Scalar) -> str:
    return str(expr).replace("-", "−")  # the minus of all the rest


def _text_terms(terms: Sequence[tuple[str, Scalar]]) -> str:
    text = ""
    for name, c in terms:
        negative, size = _sign_and_size(c)
        sign = ("−" if negative else "") if not text else (" − " if negative else " + ")
        shown = f"{size} " if isinstance(size, Fraction) else f"({_in_words(size)}) "
        text += f"{sign}{'' if size == 1 else shown}{name}"
    return text


def latex_sum(orders: Orders, rest: int | None = None) -> str:
    """Σ_l h^l Σ c·name as LaTeX, without dollar signs; the arguments are those of `text_sum`."""
    parts: list[str] = []
    for l, terms in enumerate(orders):
        if not terms:
            continue
        power = "" if l == 0 else "h" if l == 1 else f"h^{{{l}}}"
        if len(terms) == 1:
            ((name, c),) = terms
            negative, size = _sign_and_size(c)
            sign = ("- " if negative else "+ ") if parts else ("-" if negative else "")
            parts.append(f"{sign}{_latex_factor(size, power)}{name}")
            continue
        body = ""
        for name, c in terms:
            negative, size = _sign_and_size(c)
            sign = ("-" if negative else "") if not body else (" - " if negative else " + ")
            body += f"{sign}{_latex_factor(size)}{name}"
        parts.append(f"{'+ ' if parts else ''}{power} \\left( {body} \\right)" if power else body)
    left_out = "\\dots" if rest is None else f"O(h^{{{rest}}})"
    return " ".join([*(parts or ["0"]), "+", left_out])


def _latex_factor(size: Scalar, power: str = "") -> str:
    """c·h^l."""
    if not isinstance(size, Fraction):
        return rf"{power} \left( {sp.latex(size)} \right) ".lstrip()
    numerator = "" if size.numerator == 1 and power else str(size.numerator)
    numerator += f"{' ' * bool(numerator and power)}{power}"
    if size.denominator > 1:
        return f"\\tfrac{{{numerator}}}{{{size.denominator}}} "
    return "" if numerator == "1" else f"{numerator} "


def series_orders(series: WrittenSeries, gradient: bool, name: Callable[[Tree], str]) -> Orders:
    """The terms of a series with their names, bushy trees first, as is usual.

    Args:
        series: what is to be written.
        gradient: for f = −∇E: F(τ)(−∇E) is (−1)^|τ| times the contraction of the tree.
        name: of a tree.
    """
    for l in range(series.order + 1):
        sign = (-1) ** (l + 1) if gradient else 1
        yield [(name(tree), sign * c) for tree, c in reversed(series.terms(l).items())]


def as_text(series: WrittenSeries, gradient: bool = False) -> str:
    """The series on one line."""
    name = contractions.vector if gradient else differential
    return text_sum(series_orders(series, gradient, name), _rest(series))


def as_latex(series: WrittenSeries, gradient: bool = False) -> str:
    """The series as LaTeX."""

    def contraction(tree: Tree) -> str:
        return contractions.vector(tree, contractions.LATEX)

    name = contraction if gradient else differential_latex
    return latex_sum(series_orders(series, gradient, name), _rest(series))


def _rest(series: WrittenSeries) -> int | None:
    """The power of h with which corrections begin, if they do only beyond the series."""
    first = series.first_correction if series.order else None
    return first if first is not None and first > series.order else None


class Named(Protocol):
    """What can be written in both ways."""

    def latex(self) -> str:
        """As LaTeX, without dollar signs."""
        ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class FormalSeries(Generic[T]):
    """Σ_l h^l Σ c·t with terms t other than rooted trees: the Ẽ or the M of a modified equation.

    Attributes:
        coefficients: for each power l of h, the factors of the terms.
        title: what the series is, in a few words.
    """

    coefficients: tuple[Mapping[T, Scalar], ...]
    title: str

    @property
    def order(self) -> int:
        """The highest power of h."""
        return len(self.coefficients) - 1

    def terms(self, l: int) -> Mapping[T, Scalar]:
        """The factors of the terms with h^l, without zeros.

        Raises:
            InputError: there is no such power in this series.
        """
        whole = whole_number(l)
        if whole is None or not 0 <= whole <= self.order:
            raise InputError(f"order {l} is not among 0 … {self.order} of this series")
        return self.coefficients[whole]

    def __str__(self) -> str:
        return text_sum([(str(t), c) for t, c in here.items()] for here in self.coefficients)

    def __repr__(self) -> str:
        return f"<{self.title}, to order {self.order}>"

    def latex(self) -> str:
        """The series as LaTeX, without dollar signs."""
        return latex_sum([(t.latex(), c) for t, c in here.items()] for here in self.coefficients)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def as_dictionary(series: WrittenSeries) -> dict[str, Any]:
    """What `bea series --format json` prints; "coefficient" is b(τ)."""
    kind = {"series": series.kind} if series.kind != "modified equation" else {}
    return {
        **kind,
        "method": series.method.name,
        "order": series.order,
        "terms": [
            {
                "level_sequence": list(tree.level_sequence),
                "order": tree.order,
                "symmetry": tree.symmetry,
                "coefficient": str(expression_of_scalar(series[tree])),
            }
            for tree in sorted(series)
        ],
    }


def _first_correction(series: WrittenSeries, gradient: bool) -> list[str]:
    """Which corrections vanish, and the first that does not if it is beyond the series."""
    first = series.first_correction
    if not series.order or first is None or first == 1:
        return []
    vanish = {2: "f_1 vanishes", 3: "f_1 and f_2 vanish"}.get(first, f"f_1 … f_{first - 1} vanish")
    if first <= series.order:
        return [vanish]
    name = contractions.vector if gradient else differential
    *_, terms = series_orders(series.extended(first), gradient, name)
    return [f"{vanish}; f_{first} does not:", f"f_{first} = {_text_terms(terms)}"]


def as_report(series: WrittenSeries, gradient: bool = False) -> str:
    """The series, the order of its method, and what of it is a gradient for every loss."""
    first = series.first_correction
    lines = [
        f"{series.title[0].upper()}{series.title[1:]}",
        as_text(series, gradient),
        "",
        f"order of the method: {first or f'more than {series.order}'}",
        *_first_correction(series, gradient),
    ]
    gradients_so_far = True
    for l in range(1, series.order + 1):
        if not series.terms(l):
            continue
        structure = series.gradient_structure(l)
        if structure.is_gradient:
            scalar = _text_terms([(str(free), c) for free, c in structure.potential.items()])
            lines.append(f"f_{l} is a gradient for every loss: f_{l} = −∇({scalar})")
        else:
            gradients_so_far = False
            words = structure.obstruction_in_words()
            lines.append(f"f_{l} is no gradient for a general loss: {words}")
    if series.order and not gradients_so_far:
        lines += ["", "for every loss, with a symmetric M: f + h f_1 + … = −M∇E,"]
        lines.append(f"M = {series.preconditioner(min(series.order, MAX_M))}")
    return "\n".join(lines)
