"""Whether models are trained at once or in turn: whichever takes less time here, by measurement.

At once, all learning rates take a step together, which saves the device from being idle between
small operations. In turn, one learning rate takes a block of steps, and then the next one does,
which is faster where a single model fills the device and its parameters stay in the cache.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bea.numeric.training.checkpoints import CONFIGURATION
from bea.numeric.training.ensemble import Ensemble
from bea.numeric.training.evaluation import Examples
from bea.numeric.training.sharding import MODELS

AT_ONCE, IN_TURN, ONE_BY_ONE = "at once", "in turn", "one by one"
STEPS, ROUNDS = 4, 3
MARGIN = 0.9
"""In turn has to take less than this share of the time: noise should not decide."""


def chosen(
    at_once: Ensemble,
    in_turn: Ensemble,
    *,
    seeds: tuple[int, ...],
    rates: tuple[float, ...],
    train: Examples,
    folder: str | os.PathLike[str] | None,
) -> str:
    """AT_ONCE or IN_TURN: what the folder has, or else what a few steps of each tell."""
    if folder is not None and (before := _before(Path(folder).expanduser())):
        return before
    if len(rates) == 1 or at_once.sharding.parts(MODELS) > 1:
        return AT_ONCE
    seconds = _seconds([at_once, in_turn], seeds, rates, train)
    return IN_TURN if seconds[1] < MARGIN * seconds[0] else AT_ONCE


def _before(folder: Path) -> str | None:
    """What a run in the folder was begun with, so that it goes on in the same bits."""
    try:
        found = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))["together"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found in (AT_ONCE, IN_TURN) else None


def _seconds(
    ensembles: list[Ensemble], seeds: tuple[int, ...], rates: tuple[float, ...], train: Examples
) -> list[float]:
    """The least time of a few steps with each, in rounds."""
    h = np.array(rates, np.float32)
    sharding = ensembles[0].sharding
    examples = sharding.put(train, sharding.whole)
    permutations = None
    if ensembles[0].batch_size is not None:
        permutations = ensembles[0].permutations(seeds, 0)
    models: list[Any] = [each.start(seeds, len(rates))[0] for each in ensembles]
    times: list[list[float]] = [[] for _ in ensembles]
    for turn in range(1 + ROUNDS):
        for k, each in enumerate(ensembles):
            begun = perf_counter()
            models[k], E = each.advance(
                models[k], h, examples, permutations=permutations, step=np.int32(0), count=STEPS
            )
            E.block_until_ready()
            if turn:  # the first one compiles
                times[k].append(perf_counter() - begun)
    return [min(each) for each in times]
