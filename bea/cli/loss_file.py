"""A loss from a file or from standard input, for those that are too long for a command line."""

from __future__ import annotations

import sys

from bea.errors import InputError

STANDARD_INPUT = "-"


def loss_in(path: str) -> str:
    """The text in a file; line breaks in it are spaces.

    Args:
        path: the file, or - for standard input.

    Raises:
        InputError: it cannot be read, is empty, or is longer than any text that is read.
    """
    from bea.symbolic.parsing.reader import MAX_CHARACTERS

    name = "standard input" if path == STANDARD_INPUT else path
    try:
        if path == STANDARD_INPUT:
            text = _from_standard_input(MAX_CHARACTERS)
        else:
            with open(path, encoding="utf-8") as file:
                text = file.read(MAX_CHARACTERS + 1)
    except UnicodeDecodeError:
        raise InputError(f"{name} is no text in UTF-8: give a file with an expression") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the loss from {name}: {reason}") from None
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"{name} has more than the {MAX_CHARACTERS} characters that are read: "
            "build a long expression in SymPy and pass it to bea.modified_equation"
        )
    if not text.strip():
        raise InputError(f"{name} is empty: write an expression such as x**2/2 into it")
    return text


def _from_standard_input(most: int) -> str:
    if sys.stdin is None:
        raise OSError(0, "it is closed")
    if sys.stdin.isatty():
        print("bea: type the loss; end it with Ctrl-D on a line of its own", file=sys.stderr)
    return sys.stdin.read(most + 1)
