"""When a training run is measured: densely at its start, where everything changes, then evenly.

A measurement of the whole training and test set costs half an epoch of batches of 32 of a
perceptron, and an epoch of a convolutional network, so their number decides what tracking costs.
The default has eight in 100 epochs, which take less than 5 and 10 %.
"""

from __future__ import annotations

from itertools import count, takewhile

EVENLY, POWERS = 4, 64


def spread_steps(
    steps_per_epoch: int, epochs: int, *, evenly: int = EVENLY, powers: int = POWERS
) -> tuple[int, ...]:
    """0, the powers of a number, and once they are that far apart, some epochs evenly spaced.

    Args:
        steps_per_epoch: the steps of an epoch, 1 or more.
        epochs: the length of the run; 0 for a measurement of the start alone.
        evenly: how many epochs at most are spaced evenly.
        powers: the number whose powers come before, 2 or more.

    Returns:
        The steps, rising; the last one is the end of the run.

    Example:
        >>> spread_steps(steps_per_epoch=1875, epochs=100)
        (0, 1, 64, 4096, 46875, 93750, 140625, 187500)
        >>> spread_steps(steps_per_epoch=100, epochs=3, powers=4)
        (0, 1, 4, 16, 64, 100, 200, 300)
    """
    every = max(-(-epochs // evenly), 1)
    even = [steps_per_epoch * epoch for epoch in range(epochs, 0, -every)]
    early = takewhile(lambda step: step < min(even, default=0), (powers**k for k in count()))
    return tuple(sorted({0, *early, *even}))
