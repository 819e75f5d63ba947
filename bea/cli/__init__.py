"""The command line: `bea derive`, `bea series` and `bea verify`, thin over the public face.

A module for each command has its options, its examples and what it does; `command_line` puts them
together and runs one. What they share is in `messages` (how something is said in one line),
`values` (numbers and constants as they are typed), `methods` (how a method is named) and `problem`
(what a command is asked to work on). Nothing heavy is imported before it is needed.
"""

from bea.cli.command_line import main, parser
from bea.cli.verify import table_of_orders

__all__ = ["main", "parser", "table_of_orders"]
