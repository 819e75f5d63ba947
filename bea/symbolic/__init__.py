"""The exact layer: from a loss, a field or a one-step map to its modified equation.

Everything in here is SymPy and rational numbers. `recursion` is the heart and knows nothing of
coordinates; `ring` and `expressions` do the arithmetic, `coordinates` makes carriers of them;
`methods` says what a step is; `equation` is what the user holds in the end.
"""
