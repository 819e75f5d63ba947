"""When a training run is measured: densely at its start, where everything changes, then evenly.

A measurement of the whole training set costs up to one epoch (less in large batches), so their
number is what tracking costs.
"""

from __future__ import annotations

from itertools import count, takewhile

EVENLY = 20


def default_measured_steps(steps_per_epoch: int, epochs: int) -> tuple[int, ...]:
    """0, the powers of 4, and once they are that far apart, at most 20 epochs evenly spaced.

    Args:
        steps_per_epoch: the steps of an epoch, 1 or more.
        epochs: the length of the run; 0 for a measurement of the start alone.

    Returns:
        The steps, rising; the last one is the end of the run.

    Example:
        >>> default_measured_steps(steps_per_epoch=100, epochs=3)
        (0, 1, 4, 16, 64, 100, 200, 300)
    """
    every = max(-(-epochs // EVENLY), 1)
    even = [steps_per_epoch * epoch for epoch in range(epochs, 0, -every)]
    powers = takewhile(lambda step: step < min(even, default=0), (4**k for k in count()))
    return tuple(sorted({0, *powers, *even}))
