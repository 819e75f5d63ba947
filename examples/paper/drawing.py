"""Figures as files, in one style, with colours that colour-blind readers can tell apart.

A PNG has a palette of 256 colours, in which no reader sees a difference: a third of the size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bea.files import written_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLACK, GREY, ORANGE = "#222222", "#8a8a8a", "#e69f00"
BLUE, GREEN, VERMILION, PURPLE = "#0072b2", "#009e73", "#d55e00", "#cc79a7"

STYLE: Any = {
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": BLACK,
    "xtick.color": "#666666",
    "ytick.color": "#666666",
    "legend.frameon": False,
    "savefig.dpi": 160,
}


@contextmanager
def drawing(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """An empty figure, saved as PNG at the end of the block; size in inches."""
    import matplotlib
    from matplotlib.figure import Figure  # without pyplot: Agg, and no state left behind
    from PIL import Image

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        drawn = BytesIO()
        figure.savefig(drawn, format="png")
        with written_atomically(path) as partial, Image.open(drawn) as image:
            image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(partial, "PNG")
