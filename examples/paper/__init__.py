"""The experiments of Barrett and Dherin (2020), arXiv:2009.11162; a room for each of `results/`.

A script is run from the root of the sources, as in `python -m examples.paper.mnist.figure_2`.
"""
