"""What `import bea` gives, and what it leaves alone."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

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


def rooms_after(code: str) -> set[str]:
    """The rooms of `bea.symbolic` that were entered, and NumPy."""
    modules = {m.removeprefix("bea.symbolic.") for m in modules_after(code)}
    return modules & {"numpy", "parsing.text", "printing", "structure", "drawing", "modified_loss"}


def test_the_first_correction_waits_for_nothing_else():
    """Reading text, printing, trees on a loss and antiderivatives are half of what there is."""
    code = """
import bea, sympy as sp
a, b = sp.symbols("a b")
eq = bea.modified_equation(loss=(sp.Rational(3, 5) - a*b)**2/2, params=(a, b), order=2)
eq.corrections
"""
    assert rooms_after(code) == set()
    assert rooms_after(f"{code}\neq.modified_loss(order=1); str(eq)") >= {
        "modified_loss",
        "printing",
    }


def test_series_and_lists_of_few_trees_need_no_numpy():
    assert "numpy" not in modules_after("import bea; str(bea.modified_series('rk4', order=4))")
    assert not modules_after("import bea; bea.trees(10)") & {"numpy", "sympy"}
    assert "numpy" in modules_after("import bea; bea.modified_series('gauss4', order=2)")


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


# The docstrings


def public_names() -> dict[str, Any]:
    """Everything a user is meant to import, by its full name, without the numbers and tables."""
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, MODULES):
        own = [n for n, thing in vars(module).items() if is_defined_in(module, thing, n)]
        for name in getattr(module, "__all__", own):
            found[f"{module.__name__}.{name}"] = getattr(module, name)
    return {k: thing for k, thing in found.items() if inspect.isclass(thing) or callable(thing)}


def is_defined_in(module: ModuleType, thing: object, name: str) -> bool:
    return getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_")


def members_of(thing: type) -> dict[str, Callable[..., Any]]:
    """The public methods and properties that a class of ours defines, as functions."""
    found = {}
    for base in thing.__mro__:
        if base.__module__.partition(".")[0] == "bea":
            for name, member in vars(base).items():
                function = getattr(member, "__func__", None) or getattr(member, "fget", None)
                function = function or getattr(member, "func", None) or inspect.unwrap(member)
                if inspect.isfunction(function) and is_ours(function, name):
                    found.setdefault(name, function)
    return found


def is_ours(function: Callable[..., Any], name: str) -> bool:
    return function.__module__.startswith("bea.") and not name.startswith("_")


MODULES = ("bea", *(f"bea.models.{name}" for name in ("data", "losses", "mlp", "resnet")))
MODULES += ("bea.models.two_parameter", "bea.testing")
PUBLIC = public_names()
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
MEMBERS = {
    f"{name}.{member}": function
    for name, thing in PUBLIC.items()
    if inspect.isclass(thing)
    for member, function in members_of(thing).items()
}


def arguments(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(function).parameters
    return {name: p for name, p in found.items() if name not in ("self", "cls")}


def sections(function: Callable[..., Any]) -> dict[str, str]:
    """The parts of a docstring by their headings; what comes before them under ""."""
    text = inspect.cleandoc(function.__doc__ or "")
    parts = re.split(r"^(Args|Returns|Yields|Raises|Source|Example|Attributes):", text, flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def described(function: Callable[..., Any]) -> dict[str, str]:
    """What "Args:" says of each argument."""
    entries = re.split(r"^ {4}\*{0,2}(\w+): ", sections(function).get("Args", ""), flags=re.M)
    return dict(zip(entries[1::2], entries[2::2], strict=True))


@pytest.mark.parametrize("name", [*PUBLIC, *MEMBERS])
def test_every_public_name_and_member_has_a_docstring(name):
    own = {**PUBLIC, **MEMBERS}[name].__doc__
    assert own and own.strip().splitlines()[0].rstrip().endswith((".", "?", ":"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_goes_in_what_comes_out_where_it_is_from_and_how_it_is_used(name):
    function, parts = FUNCTIONS[name], sections(FUNCTIONS[name])
    assert list(described(function)) == list(arguments(function))
    assert {"Returns", "Yields"} & parts.keys()
    assert ">>> " in parts["Example"]
    if "SearchStrategy" not in str(inspect.signature(function).return_annotation):
        assert parts["Source"].strip()  # random drawings alone are from nowhere
    if " raise " in inspect.getsource(function):
        assert "Error" in parts["Raises"]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_method_speaks_of_each_of_its_arguments(name):
    function = MEMBERS[name]
    silent = [a for a in arguments(function) if not re.search(rf"\b{a}\b", function.__doc__)]
    assert silent == []
    if "Args" in sections(function):
        assert list(described(function)) == list(arguments(function))
    if re.search(r"raise \w*Error\(", inspect.getsource(function)):
        assert "Error" in sections(function)["Raises"]


ANYTHING = re.compile(r"(typing\.)?Any|PyTree|Sequence\[Any\]|.*\b(Array|ndarray|ArrayLike)\b.*")
SAYS_WHICH = re.compile(
    r"\b(arrays?|pytrees?|of shape|shape \(|(?<!the )numbers?|symbols?|attribute of `)\b"
    r"|as (in|for|of) `|likewise"
)


def is_vague(annotation: object, words: str) -> bool:
    return bool(ANYTHING.fullmatch(str(annotation))) and not SAYS_WHICH.search(words)


@pytest.mark.parametrize("name", [*FUNCTIONS, *MEMBERS])
def test_an_argument_that_may_be_an_array_says_what_it_may_be(name):
    """Where the annotation leaves it open, the words say: arrays, pytrees, numbers, symbols."""
    function = {**FUNCTIONS, **MEMBERS}[name]
    annotations = {argument: p.annotation for argument, p in arguments(function).items()}
    of = described(function)
    assert [a for a in of if is_vague(annotations[a], of[a])] == []


def test_what_leaves_it_open_is_vague():
    """As it was said of θ_0 once, and would be of a count, of text and of a tree."""
    assert set(described(FUNCTIONS["bea.verify_order"])) > {"at", "step"}
    open_ones = ("the point θ_0.", "the number of data.", "what the text says.", "as a tree.", "h.")
    for annotation in ("Any", "typing.Any", "PyTree", "Sequence[Any]", "jax.Array"):
        assert all(is_vague(annotation, words) for words in open_ones)
        for words in ("θ_0, an array.", "m numbers.", "h, a number; not zero.", "as for `loss`."):
            assert not is_vague(annotation, words)
    assert not is_vague("int", "the number of data.")


def test_unknown_names_are_no_attributes():
    with pytest.raises(AttributeError, match="no attribute 'modified'"):
        bea.modified  # noqa: B018
    assert "modified_equation" in dir(bea)
