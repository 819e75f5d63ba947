"""The types of the public face are complete: mypy's strict mode passes on what users write.

pyright's strict mode passes on `users_file.py`, too (pyright 1.1.414, by hand: it needs Node).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("users_file.py", "users_network.py")


def checked(*paths: Path) -> subprocess.CompletedProcess[str]:
    # As an installed package, whose own lines are not judged by a user's settings.
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--no-warn-unused-configs", *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow  # make lint checks the same files by the settings of bea
def test_files_of_users_pass_in_strict_mode() -> None:
    found = checked(*(Path(__file__).parent / name for name in FILES))
    assert found.returncode == 0, found.stdout


MISTAKES = {
    "bea.modified_equation(loss='x', params='x', order='2')": "arg-type",
    "x: int = bea.modified_series('euler').is_gradient(1).nothing": "attr-defined",
    "bea.verify_orders(at=(1,))": "call-arg",
    "y: str = bea.METHODS['euler']": "assignment",
}


@pytest.mark.slow
def test_mistakes_of_a_user_are_found(tmp_path: Path) -> None:
    path = tmp_path / "mistaken.py"
    path.write_text("import bea\n\n" + "\n".join(MISTAKES) + "\n")
    found = checked(path)
    for number, complaint in enumerate(MISTAKES.values(), start=3):
        assert re.search(rf"mistaken\.py:{number}: error: .*\[{complaint}\]", found.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_they_run(name: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    path = Path(__file__).parent / name
    subprocess.run([sys.executable, str(path)], env=environment, cwd=ROOT, check=True)
