"""Drawings with matplotlib, in the colour of its text."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from bea.errors import InputError
from bea.symbolic.drawing.layout import MARGIN, Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(drawing: Drawing) -> Figure:
    """A figure of the size of a drawing, which a notebook shows without pyplot.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures need matplotlib: pip install 'bea[figures]'") from None

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            return file_content(self, "png", self.dpi)

    return Shown(figsize=(drawing.width / 96, drawing.height / 96))


def file_content(figure: Figure, format: str, dpi: float) -> bytes:
    """The figure as the content of a file."""
    buffer = BytesIO()
    # Without a date, so that the same picture is the same file.
    metadata = {"CreationDate": None} if format == "pdf" else None
    highest = 2**15 / max(figure.get_size_inches())  # matplotlib refuses twice as many pixels
    figure.savefig(buffer, format=format, dpi=min(dpi, highest), metadata=metadata)
    return buffer.getvalue()


def paint(drawing: Drawing, ax: Axes) -> None:
    """Paint a drawing on axes, as large as they are."""
    from matplotlib import rcParams
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Circle

    dpi, box = ax.figure.dpi, ax.get_window_extent()
    scale = 72 / dpi * min(box.width / drawing.width, box.height / drawing.height)  # in points
    colour = rcParams["text.color"]
    ax.set(xlim=(0, drawing.width), ylim=(drawing.height, 0), aspect="equal")
    ax.set_axis_off()
    for y in drawing.rules:
        ends = [MARGIN, drawing.width - MARGIN]
        ax.plot(ends, [y, y], color=colour, alpha=0.25, linewidth=scale)
    for tree in drawing.trees:
        segments = [((x, y), (u, v)) for x, y, u, v in tree.edges]
        width = tree.thickness * scale
        ax.add_collection(LineCollection(segments, colors=colour, linewidths=width))
        circles = [Circle((x, y), radius) for x, y, radius in tree.dots]
        ax.add_collection(PatchCollection(circles, color=colour, linewidths=0, zorder=2))
    for text in drawing.texts:
        ax.text(
            text.x,
            text.y,
            text.words,
            fontsize=text.size * scale,
            family="DejaVu Sans",  # comes with matplotlib, and has all of these letters
            color=colour,
            alpha=0.65 if text.faint else 1,
            ha="center" if text.centred else "left",
            parse_math=False,
            usetex=False,
        )
