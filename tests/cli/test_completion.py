"""What a shell offers: asked of bash itself, and for each shell every option is in the script."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from bea import cli
from bea.cli.completion import FILES, SCRIPTS


def script(capsys, shell: str) -> str:
    assert cli.main(["completion", shell]) == 0
    return capsys.readouterr().out


def offered(code: str, *words: str) -> set[str]:
    """What bash offers for the last of the words."""
    asked = f"""{code}
COMP_WORDS=({" ".join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}
compopt() {{ echo "compopt $*"; }}
_bea; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    result = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return set(result.stdout.split("\n")) - {""}


def test_bash_completes_commands_options_and_values(capsys):
    code = script(capsys, "bash")
    assert offered(code, "bea", "") == {*COMMANDS, "--version", "--help"}
    assert offered(code, "bea", "de") == {"derive"}
    assert offered(code, "bea", "derive", "--st") == {"--step", "--step-size"}
    assert offered(code, "bea", "verify", "--precision", "") == {"auto", "float64", "mpmath"}
    assert offered(code, "bea", "series", "--method", "gauss") == {"gauss2", "gauss4", "gauss6"}
    assert offered(code, "bea", "completion", "f") == {"fish"}
    assert offered(code, "bea", "derive", "--params", "") == set()
    assert offered(code, "bea", "series", "--picture", "") == {"compopt -o default"}


COMMANDS = ("derive", "verify", "series", "methods", "completion")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_option_and_choice_is_in_the_script(capsys, shell):
    code = script(capsys, shell)
    (commands,) = (a for a in cli.parser()._actions if isinstance(a.choices, dict))
    assert tuple(commands.choices) == COMMANDS
    for name, parser in commands.choices.items():
        assert name in code
        for action in parser._actions:
            for option in action.option_strings:
                long = f" -l {option[2:]} " if option.startswith("--") else f" -s {option[1:]} "
                assert (long if shell == "fish" else option) in code
            assert all(choice in code for choice in action.choices or ())
    assert "dormand_prince" in code and "rk45" in code
    assert all(option.lstrip("-") in code for option in FILES)
