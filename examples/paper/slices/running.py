"""Running slices: one by its name, or those that fit into so many seconds, in order of worth."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np

from bea.errors import InputError
from bea.models.dataset import Dataset
from bea.numeric.training.checkpoints import BUSY
from examples.paper.scripts import ask_for_the_same_bits
from examples.paper.slices.catalogue import Slice
from examples.paper.slices.probe import probe, same
from examples.paper.slices.slice_file import ENDING, differences, read_slice, write_slice

STATES = "states"


@dataclass(frozen=True)
class Runner:
    """What runs slices into a folder.

    The state of a slice in training is kept in states/NAME, so that it goes on where it was cut
    off; when its file NAME.json.gz is written the state goes.

    Attributes:
        out: the folder.
        data: where the data sets are, or None.
        progress: whether to show bars.
    """

    out: Path
    data: Path | None
    progress: bool

    def path(self, slice: Slice) -> Path:
        """The file of a slice."""
        return self.out / f"{slice.name}{ENDING}"

    def is_done(self, slice: Slice) -> bool:
        """Is the file of this slice there? One that is damaged is moved aside.

        Raises:
            InputError: a file of its name is there that is of another slice.
        """
        path = self.path(slice)
        if not path.is_file():
            return False
        try:
            file = read_slice(path)
        except InputError as error:
            aside = path.with_name(f"{path.name}.damaged")
            path.replace(aside)
            print(f"{error}; it is {aside} now", file=sys.stderr)
            return False
        if found := differences(file, slice):
            raise InputError(f"{path} is of another slice of this name ({found[0]}): move it away")
        return True

    def run(self, slice: Slice) -> None:
        """Train, measure, and write the file, unless it is there.

        Raises:
            InputError: the data are not there, or another process is at this slice.
        """
        if self.is_done(slice):
            if same(probe(slice.training), read_slice(self.path(slice)).content["probe"]):
                return
            print(f"{self.path(slice)} is of another program: run again", file=sys.stderr)
        ask_for_the_same_bits()
        training, state = slice.training, self.out / STATES / slice.name
        data = self._data(training.data, lambda: training.load(self.data))
        sets = training.sets(data)
        run = training.train(sets, folder=state, progress=slice.name if self.progress else False)
        begun = perf_counter()
        tables = training.tables(run, sets, progress=self.progress)
        seconds = {**run.seconds, "perturbing": perf_counter() - begun}
        write_slice(
            self.path(slice), slice, tables,
            data=fingerprint(data), probe=probe(training), seconds=seconds, together=run.together,
        )  # fmt: skip
        shutil.rmtree(state, ignore_errors=True)

    def run_within(
        self, slices: Sequence[Slice], seconds: float, estimates: Mapping[str, float]
    ) -> list[Slice]:
        """Those that fit into so many seconds, in their order; each file as soon as it is complete.

        Args:
            slices: in the order of their worth.
            seconds: from now.
            estimates: how long each slice takes, by name.

        Returns:
            Those that were run.

        Raises:
            InputError: not even the shortest fits.
        """
        begun, done = perf_counter(), []
        left = [slice for slice in slices if not self.is_done(slice)]
        shortest = min(left, key=lambda slice: estimates[slice.name], default=None)
        if shortest is not None and estimates[shortest.name] > seconds:
            raise InputError(
                f"--within {seconds:g}: no slice is so short; the shortest that is left, "
                f"{shortest.name}, takes about {estimates[shortest.name]:.0f} s here"
            )
        for slice in left:
            remaining = seconds - (perf_counter() - begun)
            if estimates[slice.name] > remaining:
                continue
            try:
                self.run(slice)
            except InputError as error:
                if BUSY not in str(error):
                    raise
                print(f"{slice.name}: {error}", file=sys.stderr)
                continue
            done.append(slice)
            print(
                f"wrote {self.path(slice)} ({perf_counter() - begun:.0f} s of {seconds:g} s)",
                flush=True,
            )
        return done

    def _data(self, name: str, load: Callable[[], Dataset]) -> Dataset:
        """A data set, read once."""
        if name not in self._loaded:
            self._loaded[name] = load()
        return self._loaded[name]

    @cached_property
    def _loaded(self) -> dict[str, Dataset]:
        return {}


def fingerprint(data: Dataset) -> str:
    """The SHA-256 of all images and labels of a data set, whatever part of them is used."""
    found = hashlib.sha256()
    arrays = data.train_images, data.train_labels, data.test_images, data.test_labels
    for array in arrays:
        found.update(f"{array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
