"""Files that are written whole or not at all.

Whatever `bea`, its examples and its benchmarks write goes through `written_atomically`: into a
folder of its own beside its place, and from there, once all has been written, over the file of that
name. A run that is interrupted, a full disk or an error halfway leave what was there before.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""The state of an open file, without its name."""


@contextmanager
def written_atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write to in the block; what was written there takes the place of `path` at its end.

    Where the block raises, or leaves nothing there, `path` is as it was.

    Args:
        path: the file; its folder is there. Of a link, the file that it leads to is replaced.

    Yields:
        A path of the same name in a folder of its own, on the same disk, which is removed at the
        end.

    Raises:
        OSError: the folder cannot be written to, the block has written no file, or `path` is a
            folder, a device or a pipe, which are not replaced; it names `path`.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "table.csv"
        ...     with written_atomically(path) as partial:
        ...         _ = partial.write_text("a,b")
        ...         print(path.exists())
        ...     print(path.read_text())
        False
        a,b
    """
    target = _replaceable(Path(path))
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as beside:
            partial = Path(beside) / target.name
            yield partial
            partial.replace(target)
    except OSError as error:
        if _is_of(error, target):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise


def _replaceable(path: Path) -> Path:
    """The file that a path leads to, there or not.

    Raises:
        OSError: it leads nowhere, or to something that is no file.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return path.resolve()
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):  # a rename would put a file where /dev/null was
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", os.fspath(path))
    return path.resolve()


def _is_of(error: OSError, target: Path) -> bool:
    """Is the error about the file, or about the folder beside it, of which no user knows?"""
    if error.filename is None:
        return error.errno in OF_THE_DISK
    return isinstance(error.filename, str) and target.parent in Path(error.filename).parents
