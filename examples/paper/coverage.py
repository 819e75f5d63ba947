"""From how many of the paper's models a figure is drawn, counted in the figure's own table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from examples.paper.results import Row
from examples.paper.tables import grouped, included

OURS = "*"
"""Beside a learning rate that the paper does not have."""


@dataclass(frozen=True)
class Grid:
    """The models that a figure of the paper is drawn from: all pairs of a width and a rate.

    Attributes:
        widths: the paper's; one, where its figure is of one width.
        rates: its learning rates h.
        examples: its training images.
    """

    widths: tuple[int, ...]
    rates: tuple[float, ...]
    examples: int

    def name(self, h: float) -> str:
        """A learning rate, marked if it is not the paper's."""
        return f"{h:g}" + OURS * (h not in self.rates)

    def told(self, rows: Sequence[Row], drawn: Sequence[Row] | None = None) -> str:
        """How many of these models, images and seeds; drawn are the rows not excluded, else those.

        In a sentence, for the foot of the figure.
        """
        drawn = included(rows) if drawn is None else drawn
        devices = sorted({row["device"] for row in rows if row.get("device")})
        parts = [self._models(rows, drawn), self._images(rows), seeds(drawn)]
        return ", ".join(parts) + (f", on {' and '.join(devices)}." if devices else ".")

    def marks(self, rows: Sequence[Row]) -> str:
        """What the mark of a learning rate says, if one has it."""
        ours = {row["learning_rate"] for row in rows} - set(self.rates)
        return f" {OURS} An h of ours, not of the paper's figure." if ours else ""

    def _models(self, rows: Sequence[Row], drawn: Sequence[Row]) -> str:
        """How many pairs, or how many learning rates at one width, which may be another one."""
        here = {row["width"] for row in rows}
        elsewhere = len(self.widths) == 1 and len(here) == 1 and not here & set(self.widths)
        widths = here if elsewhere else set(self.widths)
        found, trained = (
            {(row["width"], row["learning_rate"]) for row in part} for part in (drawn, rows)
        )
        pairs = {(width, h) for width in widths for h in self.rates}
        what = "learning rates" if len(self.widths) == 1 else "pairs of width and h"
        told = f"{len(found & pairs)} of the paper's {len(pairs)} {what}"
        if len(found & pairs) < len(trained & pairs):
            told += f" ({len(trained & pairs)} trained)"
        if others := len(found - pairs):
            told += f" and {counted(others, 'other')} of ours"
        if elsewhere:
            told += f" at width {here.pop():g} (the paper's: {self.widths[0]})"
        return told

    def _images(self, rows: Sequence[Row]) -> str:
        found = sorted({row["examples"] for row in rows})
        if found == [self.examples]:
            return f"all of its {self.examples:,} images"
        counts = " or ".join(f"{count:,.0f}" for count in found)
        return f"{counts} images (the paper's: {self.examples:,})"


def seeds(rows: Sequence[Row]) -> str:
    """How many seeds the models have that differ in them alone."""
    alike = grouped(rows, ("width", "batch", "learning_rate")).values()
    counts = sorted({len({row["seed"] for row in models}) for models in alike})
    if not counts:
        return "no seed"
    least, most = counts[0], counts[-1]
    return f"{least} to " * (least < most) + counted(most, "seed")


def counted(count: int, what: str) -> str:
    """So many of them, in the plural but for one."""
    return f"{count} {what}{'s' * (count != 1)}"
