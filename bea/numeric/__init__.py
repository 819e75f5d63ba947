"""The floating-point layer: local errors, regularization, training, fields of JAX functions.

Orders are measured in float64 or in multiprecision, never in JAX's default float32, and without
touching JAX's configuration: `double_precision` switches it on for a block of code.
"""
