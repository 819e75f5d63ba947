"""What is checked before a commit is what `make lint` checks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_pre_commit_has_the_checks_of_make_lint():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert lint is not None
    made = {
        line.strip().replace("$(PY)", ".venv/bin/python").replace("$(VENV)", ".venv")
        for line in lint[1].splitlines()
    }
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = set(re.findall(r"entry: (.*)", hooks))
    assert entries == {line.removesuffix(" .") for line in made}  # pre-commit names the files
