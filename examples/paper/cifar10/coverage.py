"""The paper's models on CIFAR-10 that the figures here are drawn from."""

from __future__ import annotations

from examples.paper.coverage import Grid

PLAIN = Grid(widths=(64,), rates=(0.2, 0.1, 0.05, 0.01, 0.005), examples=50_000)
"""Of Figures A.6 and A.7: ResNet-18, whose first stage has 64 channels, by plain SGD."""
