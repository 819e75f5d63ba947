"""`bea completion`: a script that completes commands in a shell, written from the parser itself.

Options, their choices and the commands come from the parser, methods from their table; so there is
no list to forget. A script of some lines for each shell does not justify a dependency of every user
(argcomplete starts Python at each Tab, shtab knows no fish), and names of ours need no quotation.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

EXAMPLES = """\
examples:
  for this session, in bash and in zsh (there after compinit):
    source <(bea completion bash)
    source <(bea completion zsh)
  for good, in bash and in fish:
    bea completion bash > ~/.local/share/bash-completion/completions/bea
    bea completion fish > ~/.config/fish/completions/bea.fish"""

FILES = ("--file", "--picture")
"""Options whose values are files."""


class Option(NamedTuple):
    """An option of a command.

    Attributes:
        names: such as --order, or -h and --help.
        values: what may follow it; empty if that is anything, None if nothing follows.
        help: what it does.
    """

    names: tuple[str, ...]
    values: tuple[str, ...] | None
    help: str


Commands = dict[str, tuple[str, list[Option], tuple[str, ...]]]
"""For each command what it does, its options, and the choices of its argument."""


def describe(command: argparse.ArgumentParser) -> None:
    """The options of the command, and what its help says."""
    command.description = "A script with which a shell completes commands, options and methods."
    command.epilog = EXAMPLES
    command.add_argument("shell", choices=tuple(SCRIPTS), help="the shell")
    command.set_defaults(run=complete)


def complete(options: argparse.Namespace) -> int:
    """Print the script; the exit status."""
    (commands,) = (a for a in options.parser()._actions if isinstance(a.choices, dict))
    helps = {action.dest: action.help or "" for action in commands._choices_actions}
    found = {name: _described(p, helps.get(name, "")) for name, p in commands.choices.items()}
    print(SCRIPTS[options.shell](found))
    return 0


def _described(
    parser: argparse.ArgumentParser, what: str
) -> tuple[str, list[Option], tuple[str, ...]]:
    arguments = [action for action in parser._actions if not action.option_strings]
    choices = tuple(choice for action in arguments for choice in action.choices or ())
    return what, list(_options(parser)), choices


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    for action in parser._actions:
        names = tuple(action.option_strings)
        if not names:
            continue
        values = None if action.nargs == 0 else tuple(action.choices or ())
        if names == ("--method",):
            values = _methods()
        yield Option(names, values, " ".join((action.help or "").split()))


def _methods() -> tuple[str, ...]:
    from bea.symbolic.methods.named import ALIASES
    from bea.symbolic.methods.properties import PROPERTIES

    return (*PROPERTIES, *ALIASES)


def _words(options: list[Option]) -> str:
    return " ".join(name for option in options for name in option.names)


def bash(commands: Commands) -> str:
    """The script for bash."""
    cases, after = [], []
    for command, (_, options, choices) in commands.items():
        cases.append(f'        {command}) words="{" ".join([*choices, _words(options)])}" ;;')
        for option in options:
            pattern = "|".join(f"{command}:{name}" for name in option.names)
            if set(option.names) & set(FILES):
                after.append(f"        {pattern}) compopt -o default; return ;;")
            elif option.values:
                after.append(f'        {pattern}) words="{" ".join(option.values)}" ;;')
            elif option.values is not None:
                after.append(f"        {pattern}) return ;;")
    return "\n".join(
        [
            "_bea() {",
            '    local word="${COMP_WORDS[COMP_CWORD]}" command="${COMP_WORDS[1]}" words=""',
            "    COMPREPLY=()",
            '    case "$command" in',
            *cases,
            "    esac",
            '    case "$command:${COMP_WORDS[COMP_CWORD-1]}" in',
            *after,
            "    esac",
            f'    [ "$COMP_CWORD" = 1 ] && words="{" ".join(commands)} --version --help"',
            '    COMPREPLY=($(compgen -W "$words" -- "$word"))',
            "}",
            "complete -F _bea bea",
        ]
    )


def zsh(commands: Commands) -> str:
    """The script for zsh."""
    lines = ["#compdef bea", "_bea() {", "    local -a commands=("]
    lines += [f"        {_single(f'{name}:{what}')}" for name, (what, _, _) in commands.items()]
    lines += ["    )", "    if (( CURRENT == 2 )); then"]
    lines += ["        _describe command commands; _arguments --version --help; return", "    fi"]
    lines += [
        "    local command=$words[2]",
        "    shift words; (( CURRENT-- ))",
        "    case $command in",
    ]
    for name, (_, options, choices) in commands.items():
        specs = [spec for option in options for spec in _zsh_specs(option)]
        first = f"1:argument:({' '.join(choices)})" if choices else "1:loss:"
        lines += [f"        {name})", f"            _arguments -S {_single(first)} \\"]
        lines += [f"                {spec} \\" for spec in specs[:-1]]
        lines += [f"                {specs[-1]}", "            ;;"]
    lines += [
        "    esac",
        "}",
        'if [ "$funcstack[1]" = _bea ]; then _bea; else compdef _bea bea; fi',
    ]
    return "\n".join(lines)


_ZSH_SPECIAL: dict[str, str | int | None] = {c: f"\\{c}" for c in "[]\\"}


def _zsh_specs(option: Option) -> Iterator[str]:
    meaning = option.help.translate(str.maketrans(_ZSH_SPECIAL))
    for name in option.names:
        spec = f"*{name}[{meaning}]"
        if set(option.names) & set(FILES):
            spec += ":file:_files"
        elif option.values is not None:
            spec += f":value:({' '.join(option.values)})" if option.values else ":value: "
        yield _single(spec)


def fish(commands: Commands) -> str:
    """The script for fish."""
    lines = ["complete -c bea -f", "complete -c bea -n __fish_use_subcommand -l version -l help"]
    for name, (what, options, choices) in commands.items():
        lines.append(f"complete -c bea -n __fish_use_subcommand -a {name} -d {_single(what)}")
        here = f"complete -c bea -n '__fish_seen_subcommand_from {name}'"
        if choices:
            lines.append(f"{here} -a {_single(' '.join(choices))}")
        for option in options:
            names = " ".join(
                f"-{'l' if n.startswith('--') else 's'} {n.lstrip('-')}" for n in option.names
            )
            follows = "" if option.values is None else " -x"
            if set(option.names) & set(FILES):
                follows = " -r -F"
            elif option.values:
                follows += f" -a {_single(' '.join(option.values))}"
            lines.append(f"{here} {names}{follows} -d {_single(option.help)}")
    return "\n".join(lines)


def _single(text: str) -> str:
    """The text in single quotation marks, for zsh and fish alike."""
    return "'" + text.replace("\\", "\\\\").replace("'", "’") + "'"


SCRIPTS: dict[str, Callable[[Commands], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
"""By shell."""
