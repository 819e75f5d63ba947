"""Pictures of rooted trees, and of a series tree by tree: SVG, HTML for notebooks, matplotlib.

What stands where is in `layout`; what writes SVG and what paints with matplotlib only
follow it. The coefficients come from `series`, the words for F(τ) from `series`.
"""

from __future__ import annotations

import re
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bea.errors import InputError
from bea.files import written_atomically
from bea.symbolic.printing.layout import MARGIN, MOST_DRAWN, Drawing, chart, portrait, title_of
from bea.symbolic.printing.series import differential
from bea.symbolic.trees.tree import Tree, number_of_trees

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bea.symbolic.series import Series

MOST_ROWS = 40
"""Rows of a table: all of a series through h⁵, which has at most 37; more would bury the notebook
cells after it."""


def tree_svg(tree: Tree, unit: float = 24) -> str:
    """A tree as a standalone SVG, in the colour of the text around it.

    Args:
        tree: the tree.
        unit: pixels between neighbouring leaves.

    Returns:
        The SVG; its title, for those who cannot see it, is the level sequence.

    Source: HLW III.1, for the root below.

    Example:
        >>> tree_svg(Tree(Tree(), Tree())).count("<circle")
        3
    """
    return _svg(portrait(tree, unit))


def series_svg(series: Series, width: float = 960, most_trees: int = MOST_DRAWN) -> str:
    """A chart of a series as a standalone SVG: its trees by powers of h, with F(τ) and b(τ)/σ(τ).

    Args:
        series: the series.
        width: where its lines of trees are to end, in pixels.
        most_trees: refuse to draw more than this.

    Returns:
        The SVG; the tooltip of each tree has its level sequence.

    Raises:
        InputError: the series has too many trees.

    Source: HLW III.1 and IX.9.

    Example:
        >>> from bea.symbolic.series import modified_series
        >>> series_svg(modified_series("euler", order=2)).count("<circle")
        9
    """
    return _svg(chart(series, width, most_trees))


def series_html(series: Series, most_rows: int = MOST_ROWS) -> str:
    """A series as an HTML table, one row for each tree with b(τ) ≠ 0, in the order of the formula.

    Args:
        series: the series.
        most_rows: leave out the trees after so many, and say how many these are.

    Returns:
        The table, with a small picture of each tree.

    Source: HLW III.1 and IX.9.

    Example:
        >>> from bea.symbolic.series import modified_series
        >>> series_html(modified_series("euler", order=2)).count("<svg")
        4
    """
    heads = ("tree τ", "nodes |τ|", "level sequence", "σ(τ)", "F(τ)", "b(τ)", "b(τ)/σ(τ)")
    rows, zeros = [_row("th", heads)], 0
    for l in range(series.order + 1):
        if len(rows) > most_rows:
            break  # the orders above may have millions of trees
        terms = series.terms(l)
        zeros += number_of_trees(l + 1) - len(terms)
        for tree, c in list(reversed(terms.items()))[: most_rows + 1 - len(rows)]:
            facts = (tree.order, list(tree.level_sequence), tree.symmetry, differential(tree))
            words = (_clean(str(fact)) for fact in (*facts, series[tree], c))
            rows.append(_row("td", (tree_svg(tree, 14), *words)))
    shown = len(rows) - 1
    more = len(series) - shown - zeros
    notes = [f"{zeros} more with b(τ) = 0"] * (zeros > 0)
    notes += [f"{more} left out after the first {shown}"] * (more > 0)
    caption = ", ".join([f"{_clean(title_of(series))}: {shown} of {len(series)} trees", *notes])
    return "\n".join(["<table>", f"<caption>{caption}</caption>", *rows, "</table>"])


def _row(tag: str, cells: tuple[str, ...]) -> str:
    # Centred, because notebooks would set everything flush right.
    inside = "".join(f'<{tag} style="text-align: center">{cell}</{tag}>' for cell in cells)
    return f"<tr>{inside}</tr>"


def _svg(drawing: Drawing) -> str:
    width, height = _number(drawing.width), _number(drawing.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" fill="currentColor" '
        'font-family="DejaVu Sans, Verdana, sans-serif">',
        f"<title>{_clean(drawing.name)}</title>",
    ]
    for y in map(_number, drawing.rules):
        line = f"M{MARGIN} {y}H{_number(drawing.width - MARGIN)}"
        lines.append(f'<path d="{line}" stroke="currentColor" opacity="0.25"/>')
    for tree in drawing.trees:
        parts = [f"<title>{_clean(tree.name)}</title>"] if tree.name else []
        if tree.edges:
            path = "".join("M{} {}L{} {}".format(*map(_number, edge)) for edge in tree.edges)
            thickness = _number(tree.thickness)
            parts.append(f'<path d="{path}" stroke="currentColor" stroke-width="{thickness}"/>')
        for x, y, radius in (map(_number, dot) for dot in tree.dots):
            parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}"/>')
        lines.append(f"<g>{''.join(parts)}</g>")
    for text in drawing.texts:
        look = f'x="{_number(text.x)}" y="{_number(text.y)}" font-size="{_number(text.size)}"'
        look += ' text-anchor="middle"' * text.centred + ' opacity="0.65"' * text.faint
        lines.append(f"<text {look}>{_clean(text.words)}</text>")
    return "\n".join([*lines, "</svg>"])


def _number(x: float) -> str:
    return f"{round(x, 2):.10g}"


def _clean(words: str) -> str:
    """Escaped, and without the characters that XML has no way to write."""
    allowed = r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    return escape(re.sub(allowed, "\ufffd", words))


def draw_tree(tree: Tree, ax: Axes | None = None) -> Axes:
    """A tree drawn with matplotlib.

    Args:
        tree: the tree.
        ax: the axes to fill with it; None makes a figure, without pyplot.

    Returns:
        The axes; a notebook shows the `.figure` of those made here, as with `draw_series`.

    Raises:
        InputError: matplotlib is not installed.

    Source: HLW III.1, for the root below.

    Example:
        >>> ax = draw_tree(Tree(Tree(), Tree()))
        >>> [len(collection.get_paths()) for collection in ax.collections]  # edges, nodes
        [2, 3]
    """
    drawing = portrait(tree, 48)
    if ax is None:
        ax = _new_figure(drawing).add_axes((0, 0, 1, 1))
    _paint(drawing, ax)
    return ax


def draw_series(
    series: Series, figure: Figure | None = None, width: float = 960, most_trees: int = MOST_DRAWN
) -> Figure:
    """The chart of `series_svg`, drawn with matplotlib.

    Args:
        series: the series.
        figure: the figure to fill with it, as far as its shape allows; None makes one that fits,
            without pyplot. A notebook shows the one made here even if nothing imports pyplot,
            which alone would teach it to show figures.
        width: where the lines of trees are to end, in pixels of 1/96 inch.
        most_trees: refuse to draw more than this.

    Returns:
        The figure.

    Raises:
        InputError: the series has too many trees, or matplotlib is not installed.

    Source: HLW III.1 and IX.9.

    Example:
        >>> from bea.symbolic.series import modified_series
        >>> figure = draw_series(modified_series("euler", order=2))
        >>> figure.axes[0].texts[0].get_text()
        'Modified equation of euler'
    """
    drawing = chart(series, width, most_trees)
    if figure is None:
        figure = _new_figure(drawing)
    _paint(drawing, figure.add_axes((0, 0, 1, 1)))
    return figure


def save_picture(picture: Series | Tree, path: str | Path, most_trees: int = MOST_DRAWN) -> None:
    """Write a tree, or the chart of a series, to a file: complete or not at all.

    Args:
        picture: the tree or the series.
        path: the file; its suffix, .svg, .png or .pdf, is the format. SVG needs no matplotlib.
        most_trees: refuse to draw more than this.

    Returns:
        None; the file is there when it returns.

    Raises:
        InputError: another suffix, a folder that is not there, a file that cannot be written, a
            series with too many trees, or no matplotlib.

    Source: HLW III.1 and IX.9.

    Example:
        >>> save_picture(Tree(), "tree.gif")
        Traceback (most recent call last):
        bea.errors.InputError: tree.gif: a picture is written as .svg, .png or .pdf, not .gif
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png", ".pdf"):
        given = f"not {suffix}" if suffix else "and the name has no suffix"
        raise InputError(f"{path}: a picture is written as .svg, .png or .pdf, {given}")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}, make it first")
    if isinstance(picture, Tree):
        drawing = portrait(picture, 48)
    else:
        drawing = chart(picture, 960, most_trees)
    if suffix == ".svg":
        content = _svg(drawing).encode()
    else:
        figure = _new_figure(drawing)
        _paint(drawing, figure.add_axes((0, 0, 1, 1)))
        content = _content(figure, suffix[1:], 192)
    try:
        with written_atomically(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _new_figure(drawing: Drawing) -> Figure:
    try:
        import matplotlib  # noqa: F401
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures need matplotlib: pip install 'bea[figures]'") from None

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            return _content(self, "png", self.dpi)

    return Shown(figsize=(drawing.width / 96, drawing.height / 96))


def _content(figure: Figure, format: str, dpi: float) -> bytes:
    buffer = BytesIO()
    # Without a date, so that the same picture is the same file.
    metadata = {"CreationDate": None} if format == "pdf" else None
    highest = 2**15 / max(figure.get_size_inches())  # matplotlib refuses twice as many pixels
    figure.savefig(buffer, format=format, dpi=min(dpi, highest), metadata=metadata)
    return buffer.getvalue()


def _paint(drawing: Drawing, ax: Axes) -> None:
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
