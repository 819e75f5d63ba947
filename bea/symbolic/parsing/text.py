"""Text to SymPy: an expression, names, a number or several, as a user types them.

Losses, fields and points of a command line are read here. `reader` turns a text into
SymPy with the words of `vocabulary`, and refuses what is not among them; `building` bounds what
SymPy computes on the way. Which names are parameters, and what is done with the expression, is left
to `coordinates.problem`.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable

import sympy as sp
from sympy import Expr

from bea.errors import InputError
from bea.symbolic.parsing.quotation import cut, quoted
from bea.symbolic.parsing.reader import Reader, check_length
from bea.symbolic.parsing.vocabulary import reserved

__all__ = ["parse_expression", "parse_number", "parse_numbers", "parse_symbols"]


def parse_expression(text: str, *, name: str = "the expression") -> Expr:
    """The SymPy expression that a text describes.

    Numbers are exact (0.6 is 3/5), names are plain symbols except for the constant pi, and the
    functions are those of `vocabulary`, among them sigmoid(x) = 1/(1 + e^{−x}) and
    softplus(x) = log(1 + eˣ). The result is real and finite as far as its constants can tell.

    Args:
        text: the expression, in Python's notation.
        name: what a message calls it, such as "the loss".

    Returns:
        The expression, as SymPy builds it: 2*x + x is 3*x, and nothing is multiplied out.

    Raises:
        NotSmoothError: the text calls a function with a kink or a jump, such as abs or max.
        InputError: the text contains anything else that is not on the list, divides by zero, has
            a value that is not real, or would grow beyond the limits of `building`.

    Example:
        >>> parse_expression("(0.6 - a*b)**2/2")
        (-a*b + 3/5)**2/2
        >>> parse_expression("abs(a)", name="the loss")
        Traceback (most recent call last):
        ...
        bea.errors.NotSmoothError: the loss: abs is not smooth, and the theory needs derivatives
        of every order (at character 1: 'abs(a)'); try sqrt(x**2 + c) with a small c > 0
    """
    return Reader(text, name).expression()


def parse_symbols(
    names: str | Iterable[str], *, name: str = "the parameters"
) -> tuple[sp.Symbol, ...]:
    """The symbols that a list of names describes, in its order.

    Args:
        names: "a, b", "a b", or one name for each entry of an iterable.
        name: what a message calls the list.

    Returns:
        One plain symbol for each name.

    Raises:
        InputError: there is none, one comes twice, or one is no name: not an identifier, a keyword
            of Python, the name of a function or a constant, or one that begins with "_".

    Example:
        >>> parse_symbols("a, b")
        (a, b)
    """
    if isinstance(names, str):
        check_length(names, name)
        names = [part for piece in names.split(",") for part in piece.split() or [""]]
    symbols: dict[str, sp.Symbol] = {}
    for entry in names:
        identifier = _checked_identifier(entry, name)
        if identifier in symbols:
            raise InputError(f"{name}: {quoted(identifier)} comes twice; name each one once")
        symbols[identifier] = sp.Symbol(identifier)
    if not symbols:
        raise InputError(f"{name}: there is no name; write them as in 'a,b'")
    return tuple(symbols.values())


def parse_number(text: str, *, name: str = "the number") -> Expr:
    """The exact real number that a text describes.

    Args:
        text: "2.8", "-1/3", "1e-3", "sqrt(2)", or any expression without names.
        name: what a message calls it.

    Returns:
        A SymPy rational where it is one, otherwise an expression without symbols.

    Raises:
        InputError: as in `parse_expression`, or the text contains a name.

    Example:
        >>> parse_number("2.8"), parse_number("sqrt(2)/2")
        (14/5, sqrt(2)/2)
    """
    reader = Reader(text, name)
    number = reader.expression()
    if number.free_symbols:
        unknown = ", ".join(sorted(symbol.name for symbol in number.free_symbols))
        raise InputError(
            f"{name}: {quoted(reader.source)} is not a number, for it contains {cut(unknown)}; "
            "write digits, or a constant such as sqrt(2)"
        )
    return number


def parse_numbers(text: str, *, name: str = "the point") -> tuple[Expr, ...]:
    """The exact real numbers in a list with commas, such as the point of `--at 2.8,3.5`.

    Args:
        text: the numbers, each as in `parse_number`.
        name: what a message calls the list.

    Returns:
        One number for each entry.

    Raises:
        InputError: as in `parse_number`; the message says which entry it is.

    Example:
        >>> parse_numbers("2.8, 3.5")
        (14/5, 7/2)
    """
    check_length(text, name)
    with_commas = ",".join(text.replace(";", " ").split())
    try:
        return tuple(
            parse_number(entry, name=f"{name}, number {position}")
            for position, entry in enumerate(text.split(","), start=1)
        )
    except InputError:
        if "," in text or with_commas == text:
            raise
        parse_numbers(with_commas, name=name)  # it is a list of numbers, or this says what is not
        raise InputError(
            f"{name}: numbers are separated by commas; write {cut(with_commas)}"
        ) from None


def _checked_identifier(entry: object, name: str) -> str:
    if not isinstance(entry, str):
        raise InputError(f"{name}: expected names, not {type(entry).__name__}")
    # Python normalizes the identifiers in an expression so, and both must give the same symbol.
    identifier = unicodedata.normalize("NFKC", entry.strip())
    problem = (
        "is empty" if not identifier
        else "is not a name of letters and digits" if not identifier.isidentifier()
        else "contains a product" if "·" in identifier
        else "is a keyword of Python" if keyword.iskeyword(identifier)
        else reserved(identifier)
    )  # fmt: skip
    if problem:
        raise InputError(f"{name}: {quoted(entry)} {problem}; write names as in 'a,b'")
    return identifier
