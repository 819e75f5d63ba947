"""Drawings as SVG, for a file or for a page, which may be dark."""

from __future__ import annotations

import re
from html import escape

from bea.symbolic.drawing.layout import MARGIN, Drawing, Rooted, portrait


def tree_svg(tree: Rooted, unit: float = 24) -> str:
    """A tree as a standalone SVG, in the colour of the text around it.

    Args:
        tree: the tree.
        unit: pixels between neighbouring leaves.

    Returns:
        The SVG; its title, for those who cannot see it, is the level sequence.

    Source: HLW III.1, for the root below.

    Example:
        >>> from bea import Tree
        >>> tree_svg(Tree(Tree(), Tree())).count("<circle")
        3
    """
    return svg(portrait(tree, unit))


def svg(drawing: Drawing) -> str:
    """The drawing as a standalone SVG, in the colour of the text around it."""
    width, height = _number(drawing.width), _number(drawing.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" fill="currentColor" '
        'font-family="DejaVu Sans, Verdana, sans-serif">',
        f"<title>{clean(drawing.name)}</title>",
    ]
    for y in map(_number, drawing.rules):
        line = f"M{MARGIN} {y}H{_number(drawing.width - MARGIN)}"
        lines.append(f'<path d="{line}" stroke="currentColor" opacity="0.25"/>')
    for tree in drawing.trees:
        parts = [f"<title>{clean(tree.name)}</title>"] if tree.name else []
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
        lines.append(f"<text {look}>{clean(text.words)}</text>")
    return "\n".join([*lines, "</svg>"])


def _number(x: float) -> str:
    return f"{round(x, 2):.10g}"


def clean(words: str) -> str:
    """Escaped, and without the characters that XML has no way to write."""
    allowed = r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    return escape(re.sub(allowed, "\ufffd", words))
