"""Tidy tables as CSV: a row per point and named columns, which come back as they were written.

Numbers are written so that they come back exactly, what does not apply is left empty. Files appear
complete or not at all.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bea.files import written_atomically

Value = str | float | None
Row = Mapping[str, Value]


def recorded(value: Any) -> float | None:
    """A number in nine digits, which give a float32 back exactly; nothing where it is none."""
    return float(f"{value:.9g}") if math.isfinite(value) else None


def write_table(path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
    """Write the rows as CSV under the column names of the first row."""
    with (
        written_atomically(path) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file."""
    with written_atomically(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_table(path: str | os.PathLike[str]) -> list[dict[str, Value]]:
    """Read a table back: numbers as floats, empty fields as None, anything else as text."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [{name: _parse(text) for name, text in row.items()} for row in csv.DictReader(file)]


def _parse(text: str) -> Value:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text
