"""Coverage-guided fuzzing of the two doors by which text comes in: the parser and the commands.

`python -m fuzz text` and `python -m fuzz command_line`, see README.md. What is checked of one input
stands in `text` and `command_line` and needs no fuzzer, so that the tests check some thousands too.
"""
