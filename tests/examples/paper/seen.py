"""What figures show, without rendering them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from bea.tables import write_table


def seen(figure, rows: Sequence[dict], folder: Path) -> tuple[dict, str]:
    """What is drawn of a table: by panel and label the points (x, y), and all that is written.

    Of panels with one title the last one. Nothing is rendered.
    """
    shown: dict[str, dict[str, list[tuple[float, float]]]] = {}
    said: list[str] = []

    def save(drawn: Figure, file, **_) -> None:
        said.extend(text.get_text() for text in drawn.findobj(Text))
        for axes in drawn.axes:
            shown[axes.get_title(loc="left")] = {
                line.get_label(): [(round(x, 9), y) for x, y in line.get_xydata().tolist()]
                for line in axes.lines
                if not line.get_label().startswith("_")
            }
        Image.new("RGB", (1, 1)).save(file, "PNG")

    table = folder / "seen.csv"
    write_table(table, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save)
        figure.draw(table, table.with_suffix(".png"))
    return shown, " ".join(" ".join(said).split())
