"""How a message quotes what was typed: short, and with nothing in it that a terminal obeys."""

from __future__ import annotations

EXCERPT = 40
"""Characters that a message quotes, so that it stays one line."""


def cut(text: str) -> str:
    """The text, or its beginning."""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def quoted(text: str) -> str:
    """The text, or its beginning, between quotation marks."""
    return repr(cut(text))
