"""Pictures of rooted trees, and of a series tree by tree: SVG, HTML for notebooks, matplotlib.

`drawing.layout` and `chart` lay them out; `drawing.svg` and `drawing.painting` draw them. The
coefficients come from a series, the words for F(τ) from `printing.series`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bea.errors import InputError
from bea.files import written_atomically
from bea.symbolic.drawing.layout import portrait
from bea.symbolic.drawing.painting import file_content, new_figure, paint
from bea.symbolic.drawing.svg import clean, svg, tree_svg
from bea.symbolic.printing.chart import MAX_DRAWN, ChartedSeries, chart, title_of
from bea.symbolic.printing.series import differential
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.trees.tree import Tree, number_of_trees

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ROWS = 40
"""Rows of a table: all of a series through h⁵, which has at most 37; more would bury the notebook
cells after it."""


class PicturedSeries(ChartedSeries, Protocol):
    """A series, as far as its table needs to know it."""

    def __getitem__(self, tree: Tree) -> Scalar:
        """b(τ)."""
        ...

    def __len__(self) -> int:
        """The number of its trees."""
        ...


def series_svg(series: PicturedSeries, width: float = 960, most_trees: int = MAX_DRAWN) -> str:
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
    return svg(chart(series, width, most_trees))


def series_html(series: PicturedSeries, most_rows: int = MAX_ROWS) -> str:
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
            words = (clean(str(fact)) for fact in (*facts, series[tree], c))
            rows.append(_row("td", (tree_svg(tree, 14), *words)))
    shown = len(rows) - 1
    more = len(series) - shown - zeros
    notes = [f"{zeros} more with b(τ) = 0"] * (zeros > 0)
    notes += [f"{more} left out after the first {shown}"] * (more > 0)
    caption = ", ".join([f"{clean(title_of(series))}: {shown} of {len(series)} trees", *notes])
    return "\n".join(["<table>", f"<caption>{caption}</caption>", *rows, "</table>"])


def _row(tag: str, cells: tuple[str, ...]) -> str:
    # Centred, because notebooks would set everything flush right.
    inside = "".join(f'<{tag} style="text-align: center">{cell}</{tag}>' for cell in cells)
    return f"<tr>{inside}</tr>"


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
        ax = new_figure(drawing).add_axes((0, 0, 1, 1))
    paint(drawing, ax)
    return ax


def draw_series(
    series: PicturedSeries,
    figure: Figure | None = None,
    width: float = 960,
    most_trees: int = MAX_DRAWN,
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
        figure = new_figure(drawing)
    paint(drawing, figure.add_axes((0, 0, 1, 1)))
    return figure


def save_picture(
    picture: PicturedSeries | Tree, path: str | Path, most_trees: int = MAX_DRAWN
) -> None:
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
        content = svg(drawing).encode()
    else:
        figure = new_figure(drawing)
        paint(drawing, figure.add_axes((0, 0, 1, 1)))
        content = file_content(figure, suffix[1:], 192)
    try:
        with written_atomically(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
