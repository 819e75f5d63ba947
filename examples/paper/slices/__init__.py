"""The paper's experiments at their own size, in slices that any machine can run.

A slice is one training of one experiment: a width or a μ, learning rates, a seed. Its run leaves
one file that needs nothing else: the rows of its tables, and what they were made with. So slices
can be run anywhere, in any order, and joined later:

    python -m examples.paper.slices list                            what there is, and what is done
    python -m examples.paper.slices run --within 480 --out DIR      what fits into so many seconds
    python -m examples.paper.slices run mnist-w50-s0 --out DIR      one of them
    python -m examples.paper.slices merge DIR… --out results        the tables of all files there

`catalogue` says which slices there are, `timing` how long they take on this device, `running` runs
them, `slice_file` writes and reads their files, `probe` tells programs apart, and `merging` joins
the files into the tables that figures and claims are drawn from.
"""

from __future__ import annotations

NAME = "slices"
