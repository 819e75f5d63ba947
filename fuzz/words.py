"""From a fuzzer's bytes to text that gets past the first line of defence.

In a row, bytes below 128 are characters and the others words of the language, so that a seed is
plain text and a changed byte another word. In postfix notation every byte takes one step on a
stack, so that the text is an expression whatever the bytes are.
"""

from __future__ import annotations

from itertools import cycle, islice

from bea.symbolic.parsing.vocabulary import (
    CONSTANTS,
    FUNCTIONS,
    NOT_SMOOTH,
    OF_AN_ORDER,
    OF_ONE,
    OF_TWO,
)

NAMES = ("x", "y", "a", "h", "θ", "E")
NUMBERS = ("0", "1", "2", "3", "1/3", "0.5", "1e9", "1e-300", "1e400", "999", "10**30", "0x1F")
BINARY = ("+", "-", "*", "/", "**")
STRANGERS = (
    *("ﬁ", "²", "−", "\u00a0", "\u202e", "\ud800", "\U0001f600", "\0", "\x1b["),
    *("^", "%", "//", "@", "<<", ":=", "==", "lambda x:", "if", "else", "for", "in", "not"),
    *("__import__('os')", "().__class__", "eval", "exec", "open", "import", "f'{", "b'", "..."),
    *("nan", "inf", "oo", "1j", "True", "None", "_", "foo(", "1_0", ", ", "; ", "#", "\\", "\n"),
)
WORDS = tuple(
    islice(
        cycle(
            (
                *(f"{function}(" for function in (*FUNCTIONS, *OF_TWO)),
                *(*CONSTANTS, *NAMES, *NUMBERS, *BINARY, "(", ")", ")"),
                *STRANGERS,
                *(f"{function}(" for function in NOT_SMOOTH),
            )
        ),
        128,
    )
)
"""What the bytes from 128 on stand for."""

DUPLICATE, NEGATIVE = "duplicate", "negative"
STEPS = (*NAMES, *CONSTANTS, *NUMBERS, *BINARY, *BINARY, *OF_ONE, *OF_TWO, DUPLICATE, NEGATIVE)
"""What a byte does to the stack, modulo their number."""

ORDERS = tuple(islice(cycle(("0", "1/3", "-2", "7")), 256 // len(STEPS) + 1))
"""Of Bessel functions, whose other orders are refused at once."""

LONGEST = 2_000
"""Characters beyond which nothing is put on top: a duplicate of a duplicate would double them."""


def in_a_row(data: bytes) -> str:
    """Characters and words, one for each byte."""
    return "".join(chr(byte) if byte < 128 else WORDS[byte - 128] for byte in data)


def postfix(data: bytes) -> str:
    """The expression that the bytes build on a stack; what is left over is added up."""
    stack = ["x"]
    for byte in data:
        step = STEPS[byte % len(STEPS)]
        if len(stack[-1]) > LONGEST:
            break
        if step in OF_ONE:
            stack[-1] = f"{step}({stack[-1]})"
        elif step in OF_AN_ORDER:
            stack[-1] = f"{step}({ORDERS[byte // len(STEPS)]}, {stack[-1]})"
        elif step in OF_TWO:
            stack[-1] = f"{step}({stack.pop(-2) if len(stack) > 1 else 2}, {stack[-1]})"
        elif step == NEGATIVE:
            stack[-1] = f"(-{stack[-1]})"
        elif step == DUPLICATE:
            stack.append(stack[-1])
        elif step not in BINARY:
            stack.append(step)
        elif len(stack) > 1:
            right = stack.pop()
            stack[-1] = f"({stack[-1]}){step}({right})"
    return " + ".join(stack)


def sentence(data: bytes) -> str:
    """Text in either way, as the first byte says."""
    return (postfix if data[:1] > b"\x7f" else in_a_row)(data[1:])
