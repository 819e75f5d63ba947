"""Output that fails, streams that are closed, Ctrl-C: one line each, and the right status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bea.streams import Terminated, run_with_streams

ROOT = Path(__file__).parents[1]


def call(command: str) -> tuple[int, str, str]:
    """The status, output and complaints of a shell command; {bea} is the command line."""
    line = command.replace("{bea}", f'"{sys.executable}" -m bea')
    line = line.replace("{python}", f'"{sys.executable}"')
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
        (Terminated(), 143, "it: stopped\n"),
        (UnicodeEncodeError("ascii", "θ", 0, 1, "no"), 2, "it: the encoding ascii of the output"),
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


@pytest.mark.parametrize("buffered", ["", "PYTHONUNBUFFERED=1"])
@pytest.mark.parametrize("words", ["--version", "--help", "series --help"])
def test_help_that_cannot_be_written(buffered, words):
    """Argparse ignores it, and without a buffer nobody would notice."""
    status, _, said = call(f"{buffered} {{bea}} {words} > /dev/full")
    assert (status, said) == (2, "bea: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("buffered", ["", "PYTHONUNBUFFERED=1"])
def test_complaints_that_cannot_be_written_change_no_status(buffered):
    """Python would try once more at its end, and make it 120."""
    status, output, _ = call(f"{buffered} {{bea}} derive x**2 --params x,y 2> /dev/full")
    assert status == 0 and "modified loss" in output
    assert call(f"{buffered} {{bea}} derive --nonsense 2> /dev/full")[0] == 2


def test_nothing_is_opened_where_a_stream_was_closed(tmp_path):
    """What a library writes on descriptor 2 would be in the first file that is opened."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os; from bea.streams import run_as_script\n"
        "def main():\n"
        "    with open('table.csv', 'w') as file:\n"
        "        file.write('a,b'); file.flush(); os.write(2, b'a complaint')\n"
        "    print('done')\n"
        "run_as_script(main)\n"
    )
    status, output, _ = call(f"cd {tmp_path} && {{python}} script.py <&- 2>&-")
    assert (status, output) == (0, "done\n")
    assert (tmp_path / "table.csv").read_text() == "a,b"


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_an_interrupted_script_says_how_to_go_on(tmp_path, signal):
    script = tmp_path / "a script.py"
    script.write_text(
        "import os, signal, time; from bea.streams import run_as_script\n"
        "def main():\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"    os.kill(os.getpid(), signal.SIG{signal}); time.sleep(60)\n"
        "run_as_script(main)\n"
    )
    status, output, said = call(f"cd {tmp_path} && {{python}} 'a script.py' --out 'a b' | head -1")
    again = "python 'a script.py' --out 'a b'"
    assert said == f"a script.py: interrupted; to go on, or begin again, call: {again}\n"
    status, *_ = call(f"cd {tmp_path} && {{python}} 'a script.py'")
    assert status == {"INT": 130, "TERM": 143}[signal] and output == ""


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("bea.InputError('no such method')", "script.py: no such method\n"),
        ("open('no/such.csv')", "script.py: no/such.csv: No such file or directory\n"),
        ("open('loop')", "script.py: loop: Too many levels of symbolic links\n"),
    ],
)
def test_errors_of_a_script_are_one_line(tmp_path, raised, said):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "script.py").write_text(
        "import bea; from bea.streams import run_as_script\n"
        f"def main():\n    raise {raised}\n"
        "run_as_script(main)\n"
    )
    assert call(f"cd {tmp_path} && {{python}} script.py") == (2, "", said)


def test_a_picture_without_a_name_is_not_forgotten(capsys):
    from bea import cli

    assert cli.main(["series", "--order", "1", "--picture", ""]) == 2
    assert capsys.readouterr().err.count("\n") == 1
