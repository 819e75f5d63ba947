"""The exact layer: from a loss, a field or a one-step map to its modified equation, and on trees.

Everything in here is SymPy, rational and algebraic numbers. `recursion` is the heart and knows
nothing of coordinates or trees; `methods` and `method_table` say what a step is.

In coordinates `ring` and `expressions` do the arithmetic, `coordinates` makes carriers of them, and
`equation` is what the user holds in the end. For every field at once `trees` and `tree_carrier`
carry the recursion, `tree_pass` and `modifying_pass` are quicker, and `series` is what the user
holds. What of it is a gradient, and what holds where it is none, is in `free_trees` and
`symmetric_form`; `differentials` and `on_a_loss` bring it to coordinates. `series_text`,
`contractions` and `pictures` write and draw it.
"""
