"""The paper's models and data sets: losses, networks, printed settings, and nothing derived.

The networks are Flax modules: its ResNet-18 step took less time and memory than the same network
on Equinox (`benchmarks/network_libraries.py`), and its parameters are plain dictionaries, whose
leaves errors can name.
"""
