"""How a B-series is written, as in f − h/2 f'f + h²(1/12 f''(f,f) + 1/3 f'f'f) + ….

Elementary differentials in the notation of HLW III.1, as text and as LaTeX.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from bea.symbolic.trees import Tree

if TYPE_CHECKING:
    from bea.symbolic.series import Series

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


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


def as_text(series: Series) -> str:
    """The series on one line."""
    parts = ["f"]
    for l in range(1, series.order + 1):
        power = "h" if l == 1 else f"h{str(l).translate(SUPERSCRIPTS)}"
        # Bushy trees first, as is usual.
        terms = list(reversed(series.terms(l).items()))
        if not terms:
            continue
        if len(terms) == 1:
            tree, c = terms[0]
            size = abs(c)
            factor = (
                power
                if size == 1
                else (
                    f"{power}/{size.denominator}"
                    if size.numerator == 1
                    else f"{size.numerator}{power}/{size.denominator}"
                )
            )
            parts.append(f"{'−' if c < 0 else '+'} {factor} {differential(tree)}")
        else:
            parts.append(f"+ {power}({_sum(terms)})")
    return " ".join([*parts, "+ …"])


def as_dictionary(series: Series) -> dict[str, Any]:
    """What `bea series --format json` prints; "coefficient" is b(τ)."""
    return {
        "method": series.method.name,
        "order": series.order,
        "terms": [
            {
                "level_sequence": list(tree.level_sequence),
                "order": tree.order,
                "symmetry": tree.symmetry,
                "coefficient": str(series[tree]),
            }
            for tree in sorted(series)
        ],
    }


def as_report(series: Series) -> str:
    """The series, the order of its method, and what of it is a gradient for every loss."""
    lines = [f"{series.title[0].upper()}{series.title[1:]}", str(series), ""]
    order = series.method_order
    lines.append(
        f"order of the method: {order}" if order else f"order of the method: above {series.order}"
    )
    for l in range(1, series.order + 1):
        structure = series.gradient_structure(l)
        if not series.terms(l):
            continue
        if structure.is_gradient:
            scalar = " + ".join(
                f"{c} {free.contraction()}" for free, c in structure.potential.items()
            )
            lines.append(f"f_{l} is a gradient for every loss: f_{l} = −∇({scalar})")
            continue
        free, values = next(iter(structure.obstruction.items()))
        shown = ", ".join(f"{b} at {list(t.level_sequence)}" for t, b in values.items())
        more = len(structure.obstruction) - 1
        lines.append(
            f"f_{l} is no gradient for a general loss: on the free tree of {free.contraction()} "
            f"b is {shown}" + (f"; and on {more} more" if more else "")
        )
    return "\n".join(lines)


def _sum(terms: list[tuple[Tree, Fraction]]) -> str:
    text = ""
    for tree, c in terms:
        sign = ("−" if c < 0 else "") if not text else (" − " if c < 0 else " + ")
        size = "" if abs(c) == 1 else f"{abs(c)} "
        text += f"{sign}{size}{differential(tree)}"
    return text


def as_latex(series: Series) -> str:
    """The series as LaTeX."""
    parts = ["f"]
    for l in range(1, series.order + 1):
        terms = list(reversed(series.terms(l).items()))
        if not terms:
            continue
        body = ""
        for tree, c in terms:
            sign = ("-" if c < 0 else "") if not body else (" - " if c < 0 else " + ")
            body += f"{sign}{_latex_fraction(abs(c))}{differential_latex(tree)}"
        power = "h" if l == 1 else f"h^{{{l}}}"
        parts.append(f"+ {power} \\left( {body} \\right)")
    return " ".join([*parts, "+ \\dots"])


def _latex_fraction(c: Fraction) -> str:
    if c == 1:
        return ""
    return str(c) if c.denominator == 1 else f"\\tfrac{{{c.numerator}}}{{{c.denominator}}} "
