"""Lessons, to be read from top to bottom, and the experiments of the paper."""
