"""The floating-point layer: flows of modified equations, and what a step's local error measures.

Orders are measured in float64 or in multiprecision, never in JAX's default float32, and without
touching JAX's configuration: `double_precision` switches it on for a block of code.
"""
