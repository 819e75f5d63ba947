"""Checks in processes of their own, each with a limit of processor time and memory.

What a check does may hang, also in C where no signal is heard, and may be killed: both are
findings. So each worker is a process; the system ends it when its time is over, and a new one takes
its place.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from queue import Queue
from typing import Any

Tell = Callable[[str], None]
"""Says what is about to be done, so that a hang has a name."""


@dataclass(frozen=True)
class Outcome:
    """What one check of an item found.

    Attributes:
        check: what was checked, such as "is_gradient(1)".
        verdict: a word; "right" if all is well.
        detail: what is needed to see it.
        count: how many values it stands for.
    """

    check: str
    verdict: str
    detail: str = ""
    count: int = 1


def failure(what: str, error: Exception) -> Outcome:
    """How an error counts: "not decided" and "refused" are answers, all else is a crash."""
    import bea

    verdict = "crash"
    if isinstance(error, bea.BeaError):
        verdict = "refused"
    if isinstance(error, getattr(bea, "UndecidedError", ())):
        verdict = "not decided"
    return Outcome(what, verdict, f"{type(error).__name__}: {str(error)[:300]}")


def checked(
    target: str, items: Sequence[Any], *, seconds: float, workers: int, gigabytes: float
) -> Iterator[tuple[Any, list[Outcome]]]:
    """Check all items, in the order in which they get ready.

    Args:
        target: "module:function", a function of an item and of `Tell` that returns outcomes.
        items: what is checked.
        seconds: processor time for one item.
        workers: processes at a time.
        gigabytes: address space of a process.

    Yields:
        Each item with its outcomes; one that never came back has the verdict "hang" or "killed".
    """
    todo: Queue[Any] = Queue()
    done: Queue[Any] = Queue()
    for item in items:
        todo.put(item)
    for _ in range(workers):
        todo.put(None)
        threading.Thread(
            target=_keep_working, args=(target, todo, done, seconds, gigabytes), daemon=True
        ).start()
    for _ in items:
        yield done.get()


def _keep_working(
    target: str, todo: Queue[Any], done: Queue[Any], seconds: float, gigabytes: float
) -> None:
    context, worker, pipe = multiprocessing.get_context("spawn"), None, None
    while (item := todo.get()) is not None:
        if worker is None:
            pipe, other = context.Pipe()
            worker = context.Process(
                target=_serve, args=(target, other, seconds, gigabytes), daemon=True
            )
            worker.start()
            other.close()
        assert pipe is not None
        stage, outcomes = "starting", None
        try:
            pipe.send(item)
            while outcomes is None:
                if not pipe.poll(6 * seconds + 30):  # it waits, and no processor time goes by
                    worker.kill()
                what, value = pipe.recv()
                stage, outcomes = (value, None) if what == "stage" else (stage, value)
        except (EOFError, OSError):
            worker.join()
            ended = worker.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
            verdict = "hang" if ended else "killed"
            if ended and "truth" in stage:  # our own time, and nobody's fault
                verdict = "not checked"
            outcomes = [Outcome(stage, verdict, f"exit code {worker.exitcode}")]
            worker = None
        done.put((item, outcomes))
    if worker is not None and pipe is not None:
        pipe.send(None)
        worker.join()


def _serve(target: str, pipe: Any, seconds: float, gigabytes: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(1000)
    size = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, function = target.partition(":")
    check = getattr(import_module(module), function)
    while (item := pipe.recv()) is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        pipe.send(("done", check(item, lambda stage: pipe.send(("stage", stage)))))
