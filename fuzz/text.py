"""Any text is read or refused by `bea.symbolic.parsing.text`: in time, and never run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp

from bea import BeaError
from bea.symbolic.parsing import vocabulary
from bea.symbolic.parsing.spelling import respelled
from bea.symbolic.parsing.text import (
    parse_expression,
    parse_number,
    parse_numbers,
    parse_symbols,
)
from bea.symbolic.parsing.vocabulary import CONSTANTS
from fuzz.watch import Violation, watched
from fuzz.words import sentence

READERS: tuple[Callable[..., Any], ...] = (
    *(parse_expression,) * 5,
    parse_number,
    parse_numbers,
    parse_symbols,
)

KNOWN = (
    *(sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.cot, sp.sinh, sp.cosh, sp.tanh, sp.coth),
    *(sp.asin, sp.acos, sp.atan, sp.asinh, sp.acosh, sp.atanh, sp.erf),
    *(sp.sec, sp.csc, sp.sech, sp.csch, sp.acot, sp.acoth, sp.atan2, sp.erfc, sp.erfi, sp.erfinv),
    *(sp.gamma, sp.loggamma, sp.polygamma, sp.zeta, sp.Ei, sp.li, sp.Si, sp.Ci, sp.Shi, sp.Chi),
    *(sp.airyai, sp.airybi, sp.airyaiprime, sp.airybiprime, sp.fresnels, sp.fresnelc, sp.LambertW),
    *(sp.besselj, sp.bessely, sp.besseli, sp.besselk),
)
"""What a text can call, and what SymPy makes of that: tan(x + π/2) is −cot(x), and ψ''(1) is a zeta
function."""

CONSTANTS_OF_SYMPY = (sp.pi, sp.E, sp.EulerGamma, sp.Catalan)
NODES = (sp.Add, sp.Mul, sp.Pow, sp.Symbol, sp.Rational, *map(type, CONSTANTS_OF_SYMPY), *KNOWN)

TEXTS = (
    *("(3/5 - a*b)**2/2", "exp(x*y) + sin(x)/sqrt(1 + y**2)", "softplus(-1.5e-3*x) - tanh(x/2)"),
    *("x**y*log(2 + cos(pi*x))", "2.8, 3.5", "-1/3, sqrt(2)", "a, b", "θ ﬁ match", "0x1F + 1_000"),
    *("erf(x) - atan(2*x)*asinh(x)", "sqrt(1 + sqrt(2))", "8**(1/3)", "x**-2.5", "sigmoid(x)"),
    *("(a + b)**1000", "10**400", "__import__('os').system('true')", "(lambda: 0)()", "x.y[0]"),
    *("acosh(2) + atanh(1/2) + asin(1/2) + acos(x)", "tan(x)*cosh(x)*sinh(x)", "abs(x)", "x % 2"),
    *(
        "gamma(x)*besselj(1/2, x) + gamma",
        "atan2(y, -x) + sec(x)*log10(x)",
        "erfc(x) - LambertW(x)",
    ),
    *("polygamma(2, 5) + loggamma(7/2)", "tanh(airyai(x))*sech(erfi(x))", "bessely(3, 2*x)**y"),
)


def seeds() -> Iterator[bytes]:
    """Texts that reach far, for each reader."""
    for reader in (0, 5, 6, 7):
        for text in TEXTS:
            yield bytes([reader, 0]) + text.encode("ascii", "replace")
        yield bytes([reader, 255, *range(0, 250, 7)])


def check(data: bytes) -> None:
    """Read the text that the bytes stand for.

    Raises:
        Violation: it was not read and not refused, or something happened besides.
    """
    reader, text = READERS[data[0] % len(READERS)] if data else parse_expression, sentence(data[1:])
    with watched(_only_parsing(text)):
        try:
            found = reader(text)
        except BeaError as error:
            if not str(error).isprintable():
                raise Violation(f"a message of more than one line: {error!r}") from None
            return
    names = set(re.findall(r"\w+", unicodedata.normalize("NFKC", text))) - {*CONSTANTS}
    for expr in found if isinstance(found, tuple) else (found,):
        for node in sp.preorder_traversal(expr):
            if not isinstance(node, NODES):
                raise Violation(f"{type(node).__name__} in {expr} from {text!r}")
        if strangers := {symbol.name for symbol in expr.free_symbols} - names:
            raise Violation(f"{strangers} in {expr} from {text!r}")


def _only_parsing(text: str) -> Callable[[str, tuple[Any, ...]], bool]:
    """`ast.parse` of the text, or of an entry of a list, compiles a file called "<unknown>".

    What cannot be read is tried once more as it may have been meant, to be shown, never returned.
    """
    functions = vocabulary.CALLABLE
    entries = [text, *text.split(",")]
    readable = [text, *(respelled(" ".join(entry.split()), functions) for entry in entries)]

    def permitted(event: str, arguments: tuple[Any, ...]) -> bool:
        if event != "compile" or arguments[1] != "<unknown>":
            return False
        source = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
        return any("".join(source.split()) in "".join(each.split()) for each in readable)

    return permitted
