"""The file of a slice: its rows, and all that must be known of them; compressed JSON.

    format          of this file
    slice           the name and the description of what was run
    data            the SHA-256 of the data set
    probe           what the program computes on numbers that everybody has (`probe`)
    device          on which it was run
    together        how the models of several learning rates were trained (`bea.TrainingRun`)
    seconds         wall time, by what it was spent on
    tables          by the names of the tables: columns and rows
    …               versions, git revision

What tells a file of other work from one of this is its description, its data and its probe, never
the revision: a later commit must not make it void.
"""

from __future__ import annotations

import gzip
import json
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bea.errors import InputError
from bea.files import written_atomically
from bea.numeric.training.choice import AT_ONCE, IN_TURN
from examples.paper.commands import command
from examples.paper.device import device_name
from examples.paper.results import PACKAGES, REVISION, Row, versions
from examples.paper.scripts import peak_memory
from examples.paper.slices import NAME
from examples.paper.slices.catalogue import Slice

FORMAT = 1
FIELDS: dict[str, type] = {
    "format": int, "slice": dict, "data": str, "probe": list, "device": str, "versions": dict,
    "seconds": dict, "tables": dict,
}  # fmt: skip
"""What every file has, and of which kind."""

ENDING = ".json.gz"
FURTHER_PACKAGES = ("flax", "optax", "jaxlib")


@dataclass(frozen=True)
class SliceFile:
    """What a file says.

    Attributes:
        path: where it is.
        content: all of it.
    """

    path: Path
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Of the slice."""
        return str(self.content["slice"]["name"])

    @property
    def experiment(self) -> str:
        """Of the slice."""
        return str(self.content["slice"]["experiment"])

    @property
    def device(self) -> str:
        """On which it was run, and how if not all models at once: both change the last bits."""
        way = self.content.get("together", AT_ONCE)
        return str(self.content["device"]) + (f", {way}" if way == IN_TURN else "")

    @property
    def wall_time(self) -> float:
        """All seconds."""
        return float(sum(self.content["seconds"].values()))

    def rows(self, table: str) -> list[Row]:
        """The rows of a table, each with its device; none if the slice does not have the table."""
        found = self.content["tables"].get(table)
        if found is None:
            return []
        return [
            {**dict(zip(found["columns"], row, strict=True)), "device": self.device}
            for row in found["rows"]
        ]


def write_slice(
    path: Path,
    slice: Slice,
    tables: Mapping[str, Sequence[Row]],
    *,
    data: str,
    probe: Sequence[float],
    seconds: Mapping[str, float],
    together: str = AT_ONCE,
) -> None:
    """Write the file of a slice; it appears complete or not at all."""
    content = {
        "format": FORMAT,
        "slice": {"name": slice.name, **slice.description},
        "data": data,
        "probe": list(probe),
        "made_by": f"{command(NAME)} run {slice.name}",
        "git_revision": REVISION,
        "python": platform.python_version(),
        "device": device_name(),
        "together": together,
        "versions": versions((*PACKAGES, *FURTHER_PACKAGES)),
        "seconds": {what: round(s, 1) for what, s in seconds.items()},
        "peak_memory_mib": peak_memory(),
        "tables": {
            name: {"columns": list(rows[0]), "rows": [list(row.values()) for row in rows]}
            for name, rows in tables.items()
        },
    }
    with written_atomically(path) as partial:
        # No time stamp: the same content is the same file.
        partial.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))


def read_slice(path: Path) -> SliceFile:
    """Read the file of a slice.

    Raises:
        InputError: it is truncated, damaged, or no such file.
    """
    remedy = "run the slice again, or leave the file out"
    try:
        content = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path} cannot be read ({reason}): {remedy}") from None
    if not isinstance(content, dict) or any(
        not isinstance(content.get(name), kind) for name, kind in FIELDS.items()
    ):
        raise InputError(f"{path} is not the file of a slice: {remedy}")
    if content["format"] != FORMAT:
        raise InputError(f"{path} has the format {content['format']} and not {FORMAT}: {remedy}")
    return SliceFile(path, content)


def differences(file: SliceFile, slice: Slice) -> list[str]:
    """In what the slice that a file is of differs from the one of its name."""
    there, asked = dict(file.content["slice"]), slice.description
    there.pop("name")
    return [
        f"{name} = {there.get(name)!r} and not {asked.get(name)!r}"
        for name in {**asked, **there}
        if there.get(name) != asked.get(name)
    ]
