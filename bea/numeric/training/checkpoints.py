"""The folder of a training run: its configuration, its state at intervals, its table.

    FOLDER/configuration.json    written first; a run that asks for anything else is refused
    FOLDER/checkpoints/STEP/     the last two states, by Orbax: complete or not there
    FOLDER/measurements.csv      the table so far

Orbax writes a state beside its place and renames it at the end, so that a run killed at any moment
leaves the state before it; names that begin with a dot do not count. Orbax does not notice a byte
that has changed on the disk. So the SHA-256 of all arrays and notes is saved with them, and a state
that differs is refused by its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from bea.errors import InputError
from bea.tables import Row, write_table, write_text

KEPT = 2
BUSY = "another process trains in"
CONFIGURATION, CHECKPOINTS, TABLE = "configuration.json", "checkpoints", "measurements.csv"

Arrays = dict[str, np.ndarray]


class SavedRun:
    """A folder with one run in it.

    Args:
        folder: made if need be.
        configuration: what the run is asked for, in the terms of JSON.

    Raises:
        InputError: the folder holds another run, or other files.
    """

    def __init__(self, folder: str | os.PathLike[str], configuration: Mapping[str, Any]) -> None:
        self.folder = Path(folder).expanduser()
        self._lock: int | None = None
        try:
            self._open(json.loads(json.dumps(configuration)))
        except BaseException:
            self._let_go()
            raise

    def _open(self, asked: dict[str, Any]) -> None:
        refused = None
        if jax.process_index() == 0:
            try:
                self._claim(asked)
            except InputError as error:
                refused = error
        _wait_for_all("the folder is there")
        if refused is not None:
            raise refused
        _compare(self.folder, _read(self.folder / CONFIGURATION), asked)
        self._orbax = _orbax()
        self._manager = self._orbax.CheckpointManager(
            (self.folder / CHECKPOINTS).absolute(),
            options=self._orbax.CheckpointManagerOptions(
                max_to_keep=KEPT,
                enable_async_checkpointing=False,
                create=True,
                cleanup_tmp_directories=True,  # what a run that was killed has left
            ),
        )

    def latest(self, like: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]] | None:
        """The last state saved, and what was noted with it; None where there is none.

        Args:
            like: arrays of the same names and shapes.

        Raises:
            InputError: it is damaged.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        items = self._orbax.args
        try:
            restored = self._manager.restore(
                step,
                args=items.Composite(
                    arrays=items.StandardRestore(dict(like)), notes=items.JsonRestore()
                ),
            )
            arrays = {name: np.asarray(restored["arrays"][name]) for name in like}
            notes = dict(restored["notes"])
            expected = notes.pop("sha256", None)
            reason = "" if expected == digest(arrays, notes) else "its SHA-256 has changed"
        except Exception as error:  # whatever a damaged file leads its readers to raise
            reason = " ".join(str(error).split())[:120] or type(error).__name__
        if reason:
            others = [str(s) for s in sorted(self._manager.all_steps()) if s != step]
            before = f"from step {others[-1]}" if others else "from the start"
            raise InputError(
                f"the checkpoint {self.folder / CHECKPOINTS / str(step)} is damaged ({reason}): "
                f"delete this folder to go on {before}"
            )
        return arrays, notes

    def keep(
        self, step: int, arrays: Arrays, *, notes: Mapping[str, Any], rows: Sequence[Row]
    ) -> None:
        """Save the state of a step, and the table so far.

        Raises:
            InputError: it cannot be saved; the states before it are as they were.
        """
        items = self._orbax.args
        try:
            self._manager.save(
                step,
                args=items.Composite(
                    arrays=items.StandardSave(arrays),
                    notes=items.JsonSave({**notes, "sha256": digest(arrays, notes)}),
                ),
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise self._not_saved(f"the state of step {step}", error) from error
        self.write(rows)

    def write(self, rows: Sequence[Row]) -> None:
        """Write the table so far; after a state, so that what is cut off in between is made up for.

        Raises:
            InputError: it cannot be written.
        """
        if jax.process_index() == 0 and rows:
            try:
                write_table(self.folder / TABLE, rows)
            except OSError as error:
                raise self._not_saved(f"the table {TABLE}", error) from error

    def _not_saved(self, what: str, error: Exception) -> InputError:
        reason = " ".join(str(error).split())[:160]
        return InputError(
            f"{what} could not be saved in {self.folder} ({reason}): make room there, or see to "
            "its permissions, and start again; what was saved before is there"
        )

    def close(self) -> None:
        """Let go of the folder."""
        self._manager.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _claim(self, configuration: dict[str, Any]) -> None:
        """Note the configuration, unless one is there of which something is saved."""
        path = self.folder / CONFIGURATION
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # What begins with a dot is a lock, or left of a claim that was cut off.
            there = [p.name for p in self.folder.iterdir() if not p.name.startswith(".")]
            if there and CONFIGURATION not in there:
                raise InputError(
                    f"{self.folder} holds {there[0]}, and no {CONFIGURATION} of a run: name an "
                    "empty folder or a new one"
                )
            self._lock = locked(self.folder)
            saved = self.folder / CHECKPOINTS
            if not (saved.is_dir() and any(name.name.isdigit() for name in saved.iterdir())):
                write_text(path, json.dumps(configuration, indent=1) + "\n")
        except OSError as error:
            raise InputError(
                f"the folder {self.folder} cannot be written to ({error.strerror}): name another"
            ) from None


def locked(folder: Path) -> int | None:
    """The descriptor of a file in a folder that one process alone can hold.

    The system lets go of it when it is closed, or the process ends. None on Windows.

    Raises:
        InputError: another process holds it.
    """
    if sys.platform == "win32":  # there two processes in one folder are not kept apart
        return None
    import fcntl

    lock = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InputError(f"{BUSY} {folder}: wait for it, or name another folder") from None
    return lock


def _compare(folder: Path, there: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse another configuration; programs are compared where JAX is the same."""
    if there.get("jax") != asked.get("jax"):
        asked = {**asked, "jax": there.get("jax"), "program": there.get("program")}
    differing = [k for k in {**there, **asked} if there.get(k) != asked.get(k)]
    if "epochs" in differing:
        differing = [name for name in differing if name != "measured_steps"]
    if differing:
        named = "; ".join(_difference(k, there.get(k), asked.get(k)) for k in differing)
        raise InputError(
            f"{folder} holds another run: {named}; name another folder, or ask for the same again"
        )


def _difference(name: str, there: Any, asked: Any) -> str:
    """What differs, in a few words: of a mapping the first entry that does."""
    if name == "program":
        return "the network, its loss or its optimizer is another"
    if isinstance(there, dict) and isinstance(asked, dict):
        key = next(k for k in {**there, **asked} if there.get(k) != asked.get(k))
        return _difference(f"{name}{key}", there.get(key), asked.get(key))
    return f"{name} is {_shown(there)} there and {_shown(asked)} now"


def digest(arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any] | None = None) -> str:
    """The SHA-256 of a state: of names, types, shapes and bytes of its arrays, and of its notes."""
    found = hashlib.sha256()
    if notes is not None:
        found.update(json.dumps(dict(notes), sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype} {array.shape}\n".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def _orbax() -> Any:
    """The library that saves; it is not needed where nothing is saved."""
    try:
        import orbax.checkpoint
    except ImportError:
        raise InputError(
            'runs are saved by Orbax: pip install "bea[networks]", or train without a folder'
        ) from None
    return orbax.checkpoint


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): name another folder") from None


def _shown(value: Any) -> str:
    text = "not given" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _wait_for_all(name: str) -> None:
    """No process goes on before all of them are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)
