"""The paper's models on MNIST that the figures here are drawn from."""

from __future__ import annotations

from examples.paper.coverage import Grid
from examples.paper.mnist.runs import PAPER_RATES, PAPER_WIDTHS

EXAMPLES = 60_000
WIDTH = 400
ALL = Grid(PAPER_WIDTHS, PAPER_RATES, EXAMPLES)
"""Of Figure 2."""
COMPARED = Grid((WIDTH,), PAPER_RATES, EXAMPLES)
"""Of Figures 3, A.2, A.3 and A.4, and of the full batch in A.5."""
