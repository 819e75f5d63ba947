"""The chart of a series: for each power of h its trees τ, with F(τ) and factors b(τ)/σ(τ)."""

from __future__ import annotations

from math import ceil
from typing import Any, Protocol

from bea.errors import InputError
from bea.symbolic.drawing.layout import MARGIN, SIZE, Drawing, Text, extent, tree_at
from bea.symbolic.printing.series import differential
from bea.symbolic.ring.scalars import Scalar
from bea.symbolic.structure.contractions import SUPERSCRIPTS
from bea.symbolic.trees.tree import Tree, number_of_trees

MAX_DRAWN = 500
"""A chart of more trees is refused unless its caller asks for it: through h⁸ there are at most 486,
which is some eighty lines of them, through h⁹ up to 1205."""

MAX_FACTOR_LENGTH = 30
"""Characters of a factor in a chart, where all trees stand equally far apart: a long
symbolic factor would push them off the page. The tooltip and the table give it in full."""

UNIT = 16.0  # pixels between neighbouring leaves of a tree
POWERS = 92.0  # width of the column that names the power of h


class ChartedSeries(Protocol):
    """A series, as far as its chart needs to know it."""

    @property
    def title(self) -> str:
        """What the series is, in a few words."""
        ...

    @property
    def order(self) -> int:
        """The highest power of h."""
        ...

    def terms(self, l: int) -> dict[Tree, Scalar]:
        """The factors b(τ)/σ(τ) of f_l, without zeros."""
        ...


def chart(series: ChartedSeries, width: float, most_trees: int) -> Drawing:
    """The trees of a series by powers of h; see `pictures.series_svg`."""
    rows: list[list[tuple[Tree, Any, str, str]]] = []
    for l in range(series.order + 1):
        terms = series.terms(l)
        total = sum(map(len, rows)) + len(terms)
        if total > most_trees:
            raise InputError(
                f"a chart of the series through order {l} already has {total} trees, more than "
                f"the {most_trees} allowed: lower the order, or pass most_trees= (--most-trees) to "
                "risk it"
            )
        # Bushy trees first, as in the formula.
        rows.append(
            [(tree, c, differential(tree), _factor(c)) for tree, c in reversed(terms.items())]
        )
    cells = [cell for row in rows for cell in row]
    widest = [
        max(extent(tree, UNIT)[0], _text_width(words, SIZE), _text_width(factor, SIZE))
        for tree, _, words, factor in cells
    ]
    cell_width = max([44.0, *widest]) + 16
    columns = max(1, int((width - POWERS - 2 * MARGIN) // cell_width))

    title = Text(MARGIN, MARGIN + 14, title_of(series), 18)
    subtitle = "the trees τ of each power of h, with F(τ) and their factors b(τ)/σ(τ)"
    texts = [title, Text(MARGIN, MARGIN + 34, subtitle, 12, faint=True)]
    right = max(MARGIN + _text_width(text.words, text.size) for text in texts)
    drawing = Drawing(title.words, right + MARGIN, MARGIN + 50, texts=texts)
    for l, row in enumerate(rows):
        _add_row(drawing, l, row, cell_width=cell_width, columns=columns)
    return drawing


def _add_row(
    drawing: Drawing,
    l: int,
    row: list[tuple[Tree, Any, str, str]],
    *,
    cell_width: float,
    columns: int,
) -> None:
    """Add the trees of h^l at the lower end, in several lines if need be."""
    top, left = drawing.height, MARGIN + POWERS
    drawing.rules.append(top)
    lines = ceil(len(row) / columns)
    first = bottom = top + 30
    for i in range(lines):
        # As many trees in each line as in the next, or one more: none ends up alone in the last.
        start, end = (len(row) // lines * j + min(j, len(row) % lines) for j in (i, i + 1))
        line = row[start:end]
        bottom = top + 18 + max(extent(tree, UNIT)[1] for tree, *_ in line)
        first = first if i else bottom
        for k, (tree, c, words, factor) in enumerate(line):
            middle = left + (k + 0.5) * cell_width
            drawing.width = max(drawing.width, middle + cell_width / 2 + MARGIN)
            name = f"{list(tree.level_sequence)}: σ = {tree.symmetry}, b/σ = {c}"
            drawing.trees.append(tree_at(tree, name, unit=UNIT, middle=middle, bottom=bottom))
            drawing.texts.append(Text(middle, bottom + 19, words, centred=True))
            drawing.texts.append(Text(middle, bottom + 37, factor, centred=True))
        top = bottom + 42
    power, total = f"h{str(l).translate(SUPERSCRIPTS)}", number_of_trees(l + 1)
    drawing.texts.append(Text(MARGIN, first, power, 17))
    if len(row) < total:
        zeros = f"{total - len(row)} of {total} zero"
        drawing.texts.append(Text(MARGIN, first + 19, zeros, 11, faint=True))
    drawing.height = max(top, first + 24) + 13


def _factor(c: object) -> str:
    words = str(c).replace("-", "−")
    return words if len(words) <= MAX_FACTOR_LENGTH else f"{words[: MAX_FACTOR_LENGTH - 1]}…"


def _text_width(words: str, size: float) -> float:
    """An upper bound for sans-serif letters, since the font is known only where it is shown."""
    narrow = dict.fromkeys("()/⁽⁾", 0.46) | dict.fromkeys("f, ", 0.37) | {"'": 0.29}
    usual = {c for c in words if c.isdigit() or c.islower() or c in "*_"} - set("mwω")
    return size * sum(narrow.get(c, 0.65 if c in usual else 1.0) for c in words)


def title_of(series: ChartedSeries) -> str:
    """The title of a series, as a headline."""
    title = " ".join(series.title.split())
    return title[:1].upper() + title[1:]
