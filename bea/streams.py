"""Standard streams that are full, closed or cut off, and Ctrl-C: one line, and the right status.

A script or a command prints as if nothing could happen to its output. What does happen is dealt
with here, around it: a full disk behind standard output, a reader that has seen enough, a stream
that was closed before the start, an interruption.
"""

from __future__ import annotations

import errno
import io
import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

OF_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG}
"""What is wrong with where the output goes, and not with a file that was named."""

UNUSABLE, INTERRUPTED = 2, 130


def say(name: str, message: str) -> None:
    """A line on standard error, if there is one."""
    with suppress(OSError, ValueError):
        print(f"{name}: {message}", file=sys.stderr, flush=True)


def run_with_streams(run: Callable[[], int | None], name: str, interrupted: str) -> int:
    """The status of a program, whatever becomes of its output.

    Args:
        run: the program; what it returns is its status, and nothing is 0.
        name: what its messages begin with.
        interrupted: what is said after Ctrl-C.

    Returns:
        The status: 2 where the output cannot be written, 130 after Ctrl-C, and 0 where the reader
        of a pipe has seen enough, as in `bea derive … | head`.
    """
    if sys.stderr is None:  # 2>&-: what is printed there goes nowhere, and print does not mind
        sys.stderr = io.StringIO()
    if sys.stdout is None:
        say(name, "standard output is closed: there is nowhere to print to")
        return UNUSABLE
    try:
        try:
            status = run() or 0
        except SystemExit as end:  # of argparse, after --help
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _discard_output()
        return 0
    except OSError as error:
        if error.errno not in OF_OUTPUT or error.filename is not None:
            raise
        _discard_output()
        say(name, f"the output cannot be written: {error.strerror}")
        return UNUSABLE
    except KeyboardInterrupt:
        say(name, interrupted)
        return INTERRUPTED


def run_as_script(main: Callable[[], Any]) -> None:
    """Run the main function of a script, and end the process with its status if that is not 0.

    Args:
        main: it takes its arguments from the command line.
    """
    script = os.path.basename(sys.argv[0])
    again = " ".join(["python", *map(shlex.quote, sys.argv)])

    def run() -> int:
        status = main()
        return status if isinstance(status, int) else 0

    said = f"interrupted; to go on, or begin again, call: {again}"
    if status := run_with_streams(run, script, said):
        sys.exit(status)


def _discard_output() -> None:
    """What is left in the buffer would fail again when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
