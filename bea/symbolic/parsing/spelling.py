"""Suggestions for mathematics that is not written as Python writes it.

x^2, 2x, x², a·b, |x| and e^x are not Python, and some of them mean another thing there. Nothing is
guessed: an expression that cannot be read is refused, and where there is one way to write it that
can, it is shown whole, ready to be pasted.
"""

from __future__ import annotations

import keyword
import re

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
OPERATORS = str.maketrans({"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "−": "-", "–": "-"})

FRACTIONS = str.maketrans({"½": "(1/2)", "⅓": "(1/3)", "¼": "(1/4)", "¾": "(3/4)", "⅔": "(2/3)"})

NAMES = {"lambda": "lam", "is": "i_s", "in": "i_n", "as": "a_s", "or": "o_r", "and": "a_nd"}
"""Names to take in the place of keywords of Python; for others an underscore is added."""


def respelled(text: str, functions: frozenset[str]) -> str:
    """The text in Python's spelling, as far as it has one.

    Args:
        text: an expression.
        functions: the names that may be called; before other names a bracket is a product.

    Example:
        >>> respelled("2x^2 + 3 sin(x)·y₁ − |x|", frozenset({"sin"}))
        '2*x**2 + 3*sin(x)*y_1 - sqrt((x)**2)'
        >>> respelled("lambda*x(y+1) + e^x", frozenset({"exp"}))
        'lam*x*(y+1) + exp(x)'
    """
    text = text.translate(OPERATORS).translate(FRACTIONS)
    text = re.sub(r"√\s*(\w+)", r"sqrt(\1)", text).replace("√", "sqrt")
    text = re.sub(r"\blog\(([^(),]*),([^(),]*)\)", r"(log(\1)/log(\2))", text)
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: f"**{m[0].translate(SUPERSCRIPTS)}", text)
    text = re.sub(r"([^\W\d_])([₀-₉]+)", lambda m: f"{m[1]}_{m[2].translate(SUBSCRIPTS)}", text)
    text = re.sub(r"([^\W\d]\w*)\[(\d+)\]", r"\1_\2", text)
    text = re.sub(r"\be\s*(?:\^|\*\*)\s*(\([^()]*\)|\w+)", lambda m: f"exp({_bare(m[1])})", text)
    text = re.sub(r"\s*\^\s*", "**", text)
    text = re.sub(r"\|([^|]+)\|", r"sqrt((\1)**2)", text)
    text = re.sub(
        r"(?<![\w.])(\d+(?:\.\d*)?|\.\d+)\s*(?=[^\W\d_]|\()(?![eE][+-]?\d|[xXoObB][0-9a-fA-F])",
        r"\1*",
        text,
    )
    called = {*functions, "sqrt", "exp"}
    applied = "|".join(sorted(called))
    text = re.sub(rf"\b({applied})\s+([^\W\d]\w*)(?=\s*(?:[-+)]|$))", r"\1(\2)", text)
    text = re.sub(
        r"([^\W\d]\w*)\s*\(",
        lambda m: m[0] if m[1] in called or len(m[1]) > 2 else f"{m[1]}*(",
        text,
    )
    text = re.sub(r"\)\s*(?=[\w(])", ")*", text)
    text = re.sub(r"(?<=\w)\s+(?=[^\W\d_])", "*", text)
    return re.sub(
        r"[^\W\d]\w*",
        lambda m: NAMES.get(m[0], f"{m[0]}_") if keyword.iskeyword(m[0]) else m[0],
        text,
    )


def keyword_in(text: str) -> re.Match[str] | None:
    """The first name in the text that is a keyword of Python."""
    for match in re.finditer(r"[^\W\d]\w*", text):
        if keyword.iskeyword(match[0]):
            return match
    return None


def _bare(exponent: str) -> str:
    return exponent[1:-1] if exponent.startswith("(") else exponent
