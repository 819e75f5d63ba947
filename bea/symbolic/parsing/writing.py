"""Text that the reader reads back: Euler's number is printed as exp(1), not as a symbol E."""

from __future__ import annotations

import sympy as sp
from sympy import Expr
from sympy.printing.str import StrPrinter


def written(expr: Expr) -> str:
    """The expression as text in the language of `text`.

    Example:
        >>> x = sp.Symbol("x")
        >>> written(sp.E * x), str(sp.E * x)
        ('exp(1)*x', 'E*x')
    """
    return _Written().doprint(expr) if expr.has(sp.E) else str(expr)


class _Written(StrPrinter):
    def _print_Exp1(self, expr: Expr) -> str:
        return "exp(1)"
