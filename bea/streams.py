"""Standard streams that are full, closed or cut off, and Ctrl-C: one line, and the right status.

A script or a command prints as if nothing could happen to its output. This module deals with what
does happen: a full disk behind standard output, a reader that closes its pipe, a stream that was
closed before the start, an interruption. Errors in the input and in named files are left to the
code that reads and writes them.
"""

from __future__ import annotations

import _thread
import argparse
import errno
import io
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from bea.errors import BeaError

OF_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG}
"""What is wrong with where the output goes, and not with a file that was named."""

UNUSABLE, INTERRUPTED, TERMINATED = 2, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, as a scheduler sends it before it ends a process: to be treated like Ctrl-C."""


class Parser(argparse.ArgumentParser):
    """Of command lines: --help is not lost without a word where the output cannot be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout and file is not None:
            file.write(message)  # argparse ignores what happens to it
        else:
            super()._print_message(message, file)


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
    _occupy_descriptors()
    if sys.stderr is None:  # 2>&-: what is printed there goes nowhere, and print does not mind
        sys.stderr = io.StringIO()
    if sys.stdout is None:
        say(name, "standard output is closed: there is nowhere to print to")
        return UNUSABLE
    try:
        with no_interrupt_is_lost():
            return _status_of(run, name)
    except Terminated:
        say(name, interrupted)
        return TERMINATED
    except KeyboardInterrupt:
        say(name, interrupted)
        return INTERRUPTED
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                _discard(stream)  # Python would try again at its end, and change the status


def _status_of(run: Callable[[], int | None], name: str) -> int:
    try:
        try:
            status = run() or 0
        except SystemExit as end:  # of argparse, after --help
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _discard(sys.stdout)
        return 0
    except OSError as error:
        if error.errno not in OF_OUTPUT or error.filename is not None:
            raise
        _discard(sys.stdout)
        say(name, f"the output cannot be written: {error.strerror}")
        return UNUSABLE
    except UnicodeEncodeError as error:
        say(
            name,
            f"the encoding {error.encoding} of the output has no {error.object[error.start]!a}: "
            "set PYTHONUTF8=1",
        )
        return UNUSABLE


def run_as_script(main: Callable[[], Any]) -> None:
    """Run the main function of a script, and end the process with its status if that is not 0.

    Args:
        main: it takes its arguments from the command line. Errors of `bea`, and about files that
            were named, end it in one line and with 2; so do Ctrl-C, with 130, and SIGTERM, with
            143, in a line that says how to go on.
    """
    script = os.path.basename(sys.argv[0])
    again = " ".join(["python", *map(shlex.quote, sys.argv)])

    def run() -> int:
        try:
            status = main()
        except BeaError as error:
            say(script, str(error))
            return UNUSABLE
        except OSError as error:
            if error.filename is None:
                raise
            say(script, f"{error.filename}: {error.strerror}")
            return UNUSABLE
        return status if isinstance(status, int) else 0

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    said = f"interrupted; to go on, or begin again, call: {again}"
    if status := run_with_streams(run, script, said):
        sys.exit(status)


@contextmanager
def no_interrupt_is_lost() -> Iterator[None]:
    """Ctrl-C that Python drops is sent again.

    An exception in a callback of the garbage collector, such as JAX's, is reported and goes no
    further: a KeyboardInterrupt that falls there would not end the command.
    """
    report = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            # Not at once: it would be raised in this very function, and dropped again.
            threading.Timer(0.01, _thread.interrupt_main).start()
        else:
            report(unraisable)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = report


def _terminate(number: int, frame: Any) -> None:
    raise Terminated


def _occupy_descriptors() -> None:
    """Put nothing where a standard stream was closed.

    Otherwise the next file that is opened takes its number, and a library that complains on
    descriptor 2 writes into that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)


def _discard(stream: IO[str]) -> None:
    """Send what is left in the buffer nowhere."""
    with suppress(OSError, ValueError):
        descriptor, nowhere = stream.fileno(), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
