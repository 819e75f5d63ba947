"""What the command line says: one line with the culprit and the remedy, on standard error."""

from __future__ import annotations

from typing import NoReturn

from bea.streams import Parser, say

MAX_LINE_LENGTH = 600
"""Characters of a message that are shown: it may repeat what was typed, however long that is."""


class OneLineParser(Parser):
    """A parser whose complaints are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and the message."""
        line = shown_line(" ".join(message.split()))
        self.exit(2, f"{self.prog}: {line} (see {self.prog} --help)\n")


def shown_line(message: str) -> str:
    """The message, its culprit and its remedy, without anything in it that a terminal obeys."""
    if len(message) > MAX_LINE_LENGTH:
        message = f"{message[: MAX_LINE_LENGTH // 2]} … {message[-MAX_LINE_LENGTH // 2 :]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)


def tell(message: object) -> None:
    """Print a message."""
    say("bea", shown_line(str(message)))
