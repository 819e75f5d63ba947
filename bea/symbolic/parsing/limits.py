"""How many terms a derivation may write down, and the message where that is not enough.

Corrections can grow a hundredfold with each order. The bound is counted in terms, as time and
memory are, checked while the work grows, and raised by `most_terms`, as that on trees is by
`most_trees=` (`trees.tree`). Text is bounded before, in `building`.
"""

from __future__ import annotations

from sympy import Expr

from bea.errors import InputError
from bea.symbolic.parsing.expanded_size import extent_of, longest_product
from bea.whole_numbers import counted

MAX_DERIVED_TERMS = 50_000_000
"""Terms that the recursion may write down for all corrections together: one to two GiB, and a
minute or more."""

INPUT_SHARE = 100
"""A loss or a component may have one in so many of these terms: f_1 alone makes many times as
many, and while the input is read a term takes half a kilobyte."""

REMEDY = "raise the limit with most_terms= (--most-terms)"


TOO_DEEP = "too many functions inside one another: give some a symbol of their own, as a constant"
"""Said where Python's stack ends: SymPy uses up to seven of its 1000 frames a level."""


class TooManyTermsError(InputError):
    """Something outgrew the limit on terms.

    Attributes:
        most: the limit.
    """

    def __init__(self, most: int, what: str = "a function on the way") -> None:
        remedy = f"ask for a lower order, or {REMEDY}"
        super().__init__(f"{what} has more than {counted(most, 'term')}: {remedy}")
        self.most = most


def check_extent(expr: Expr, name: str, most_terms: int) -> None:
    """Refuse an input that is too long for a ring, which multiplies it out.

    Raises:
        InputError: it, or something in it, has more than its share of the terms.
    """
    terms, share = max(extent_of(expr).terms, longest_product(expr)), 1 + most_terms // INPUT_SHARE
    if terms > share:
        raise InputError(
            f"{name} has up to {counted(terms, 'term')} when it is multiplied out, and {share} "
            f"{'is' if share == 1 else 'are'} allowed: "
            f"shorten it, or {REMEDY}"
        )


def check_order(order: int, most_terms: int) -> None:
    """Refuse an order that cannot be within the limit.

    The table of the L_{n,k} takes Σ_{n+k≤p+1, n≥2} (k + 1) = p(p + 1)(p + 2)/6 Lie derivatives, and
    each of them writes down a term or more.

    Raises:
        InputError: there are more than the limit.
    """
    if order * (order + 1) * (order + 2) // 6 > most_terms:
        raise InputError(
            f"the order is {order}: more than {order}³/6 derivatives would have more than the "
            f"{most_terms} terms that are allowed: ask for a lower order, or {REMEDY}"
        )
