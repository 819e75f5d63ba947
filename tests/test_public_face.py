"""What `import bea` gives, and what it leaves alone."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import bea


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(result.stdout.splitlines()[-1].split())


def test_import_is_light():
    modules = modules_after("import bea")
    assert not modules & {"matplotlib", "jax", "diffrax", "sympy", "numpy"}


def test_deriving_loads_no_jax():
    modules = modules_after("from bea.cli import main; main(['derive', 'a**2', '--params', 'a'])")
    assert "sympy" in modules
    assert not modules & {"matplotlib", "jax", "diffrax", "numpy"}


def test_verifying_leaves_the_configuration_of_jax_alone():
    code = """
import jax, bea
eq = bea.modified_equation(loss="a**4", params="a", order=0)
assert bea.verify_order(eq, at=[1.0], precision="float64").passed
assert bea.flow(lambda x: -x, [1.0], 1.0).dtype == "float64"
assert not jax.config.jax_enable_x64
assert jax.numpy.ones(1).dtype == "float32"
"""
    assert "matplotlib" not in modules_after(code)


@pytest.mark.parametrize("name", [n for n in bea.__all__ if n != "__version__"])
def test_every_public_name_is_there_and_documented(name):
    thing = getattr(bea, name)
    if name == "METHODS":
        assert "euler" in thing
        return
    assert inspect.getdoc(thing)
    if inspect.isfunction(thing):
        for section in ("Args:", "Returns:", "Source:", "Example:"):
            assert section in inspect.getdoc(thing), f"{name} has no {section}"


def test_unknown_names_are_no_attributes():
    with pytest.raises(AttributeError, match="no attribute 'modified'"):
        bea.modified  # noqa: B018
    assert "modified_equation" in dir(bea)
