"""How a script is called, and by which name its results know it.

A script is named by its place in this folder: mnist.figure_2 is run from the root of the sources by
`python -m examples.paper.mnist.figure_2`. Results know it by another name: "made_by" beside a table
says examples/figure_2.py, as when all scripts lay in one folder. That is an identity and no path,
and it stays, so that a table made anew is the committed one byte for byte.
"""

from __future__ import annotations

IDENTITIES = {
    "mnist.runs": "mnist_runs",
    "cifar10.runs": "cifar10_runs",
    "networks.theorem_3_1": "theorem_3_1_on_networks",
}
"""Of those scripts whose results have a name that is not the last part of theirs."""


def command(script: str) -> str:
    """How a script is run from the root of the sources."""
    return f"python -m examples.paper.{script}"


def identity(script: str) -> str:
    """The name of a script in results: that of its table and its figure, without an ending."""
    return IDENTITIES.get(script, script.rpartition(".")[2])


def made_by(script: str) -> str:
    """What the results of a script say of where they come from."""
    return f"examples/{identity(script)}.py"
