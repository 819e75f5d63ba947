"""Fuzzing: text that comes in, answers about random losses, and values of kernels. See README.md.

Targets for atheris are `text` and `command_line`; what is checked of one input needs no fuzzer, so
that the tests check some thousands too. Campaigns are `losses` and `kernels`: `families` draws the
subjects, `truth` knows the answers from `jets` and `readings`, and `pool` runs the checks.
"""
