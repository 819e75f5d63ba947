"""The command line: `bea derive`, `bea series`, `bea verify` and others, thin over the public face.

A module for each command has its options, its examples and what it does; `command_line` puts them
together and runs one. What they share is in `messages` (how something is said in one line),
`values` (numbers and constants as they are typed), `loss_file`, `methods` (how a method is named)
and `problem` (what a command works on). Nothing is imported before it is needed.
"""

from bea.cli.command_line import main, parser

__all__ = ["main", "parser"]
