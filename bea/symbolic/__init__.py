"""The exact layer: from a loss, a field or a one-step map to its modified equation, and on trees.

Everything in here is SymPy, rational and algebraic numbers. `recursion` is the heart and knows
nothing of coordinates or trees; `methods.tableau` and `methods.named` say what a step is.

In coordinates `ring.differential_ring` and `ring.expression_algebra` do the arithmetic,
`coordinates.carrier` makes carriers of them, and `equation` is what the user holds in the end. For
every field at once `trees` and `trees.carrier` carry the recursion, `trees.coefficients` and
`trees.modifying_integrator` are quicker, and `series` is what the user holds. What of it is a
gradient, and what holds where it is none, is in `structure.free_trees` and
`structure.symmetric_form`; `structure.elementary_differentials` and `structure.gradient_split`
bring it to coordinates. `printing.series`, `structure.contractions` and `printing.pictures` write
and draw it.
"""
