"""Output that fails, streams that are closed, Ctrl-C: one line each, and the right status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bea.streams import run_with_streams

ROOT = Path(__file__).parents[1]


def call(command: str) -> tuple[int, str, str]:
    """The status, output and complaints of a shell command; {bea} is the command line."""
    line = command.replace("{bea}", f'"{sys.executable}" -m bea')
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=environment, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_full_disk_behind_the_output():
    status, _, said = call("{bea} derive x**2 --params x > /dev/full")
    assert (status, said) == (2, "bea: the output cannot be written: No space left on device\n")


def test_closed_streams():
    status, _, said = call("{bea} derive x**2 --params x >&-")
    assert status == 2 and said.count("\n") == 1 and "standard output is closed" in said
    status, output, _ = call("{bea} derive x**2 --params x --order 0 2>&-")
    assert status == 0 and "modified loss of order 0: x**2" in output
    status, output, _ = call("{bea} derive x**2 --params x --order 0 <&-")
    assert status == 0 and "modified loss" in output


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "it: stopped\n"),
        (BrokenPipeError(), 0, ""),
        (OSError(28, "No space left on device"), 2, "it: the output cannot be written: No space"),
        (SystemExit(3), 3, ""),
    ],
)
def test_what_ends_a_program(raised, status, said, capfd):
    def run() -> int:
        raise raised

    with open(os.devnull, "w") as nowhere:  # its descriptor may be put in another's place
        before, sys.stdout = sys.stdout, nowhere
        try:
            assert run_with_streams(run, "it", "stopped") == status
        finally:
            sys.stdout = before
    assert capfd.readouterr().err.startswith(said)


def test_errors_about_a_file_that_was_named_are_not_about_the_output():
    def run() -> int:
        raise OSError(28, "No space left on device", "table.csv")

    with pytest.raises(OSError, match=r"table\.csv"):
        run_with_streams(run, "it", "stopped")
