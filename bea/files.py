"""Files that are there complete or not at all.

Whatever `bea`, its examples and its benchmarks write goes through `written_atomically`: into a
folder of its own beside its place, and from there, once all has been written, over the file of that
name. A run that is interrupted, a full disk or an error halfway leave what was there before.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        OSError: the folder cannot be written to, or the block has written no file.

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
    target = Path(path).resolve()
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as beside:
        partial = Path(beside) / target.name
        yield partial
        partial.replace(target)
