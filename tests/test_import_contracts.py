"""The import contracts bite: one planted arrow against each of them is found, and named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bea", "benchmarks", "examples", "fuzz")

PLANTED = [
    ("bea/errors.py", "import bea.pytrees", "Data goes one way through bea"),
    ("bea/symbolic/series.py", "import bea.models.mlp", "Data goes one way through bea"),
    ("bea/symbolic/ring/terms.py", "import bea.symbolic.trees.tree", "the rooms of symbolic"),
    ("bea/numeric/fields/log_shift.py", "import bea.numeric.orders.report", "rooms of numeric"),
    ("bea/flows/flow.py", "import bea.symbolic.recursion", "Data goes one way through bea"),
    ("bea/symbolic/zero/balls.py", "import jax", "JAX has one exact room"),
    ("benchmarks/report.py", "import benchmarks.networks", "No import circle"),
    ("examples/paper/results.py", "import examples.paper.tables", "experiments of the paper"),
    ("examples/lessons/tour.py", "import bea.streams", "Lessons need what bea offers"),
    # where the contracts look: inside a function, too
    ("bea/symbolic/trees/tree.py", "def f():\n    import bea.symbolic.series", "rooms of symbolic"),
]


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_an_arrow_against_a_contract_is_found(tmp_path, file, line, contract):
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as planted:
        planted.write(f"\n\n{line}\n")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    found = subprocess.run(
        [*command, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1, found.stdout + found.stderr
    broken = [line for line in found.stdout.splitlines() if line.endswith("BROKEN")]
    assert len(broken) >= 1 and any(contract in line for line in broken), found.stdout
