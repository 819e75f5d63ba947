"""Rooted trees: one object a tree, the known numbers of them, and their symmetries."""

from __future__ import annotations

import copy
import gc
import pickle
from fractions import Fraction
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bea
from bea.symbolic.trees.table import TreeTable
from bea.symbolic.trees.tree import Tree, neighbours, number_of_trees, trees

A000081 = [1, 1, 2, 4, 9, 20, 48, 115, 286, 719, 1842, 4766, 12486, 32973, 87811]

random_trees = st.recursive(
    st.just(()), lambda children: st.lists(children, max_size=4).map(tuple), max_leaves=12
)


def build(nested: tuple) -> Tree:
    return Tree(*map(build, nested))


def shuffled(nested: tuple, random) -> Tree:
    children = [shuffled(c, random) for c in nested]
    random.shuffle(children)
    return Tree(*children)


def test_numbers_of_trees():
    assert [number_of_trees(n) for n in range(1, 16)] == A000081
    table = TreeTable(12)
    assert all(sum(map(number_of_trees, range(n + 1))) <= 3 ** (n - 1) for n in range(1, 120))
    assert [table.of_order(n).stop - table.of_order(n).start for n in range(1, 13)] == A000081[:12]


def level_sequences(n: int) -> list[tuple[int, ...]]:
    """All of n nodes, each the successor of the one before (Beyer and Hedetniemi 1980).

    The last node above level 2 and all after it are replaced: they repeat what stands from its
    parent on.
    """
    levels = list(range(1, n + 1))
    found = [tuple(levels)]
    while max(levels) > 2:
        p = max(i for i in range(n) if levels[i] > 2)
        parent = max(i for i in range(p) if levels[i] == levels[p] - 1)
        for i in range(p, n):
            levels[i] = levels[i - p + parent]
        found.append(tuple(levels))
    return found


@pytest.mark.parametrize("n", range(1, 12))
def test_the_list_of_trees_is_that_of_beyer_and_hedetniemi(n):
    found = trees(n)
    assert [t.level_sequence for t in found] == level_sequences(n)
    assert found == sorted(found)
    for tree in found[:: 1 + n // 8]:
        again = Tree.from_level_sequence(tree.level_sequence)
        assert (again.children, hash(again)) == (tree.children, hash(tree))
        assert all(
            a.children == b.children for a, b in zip(again.children, tree.children, strict=True)
        )


@pytest.mark.parametrize("collecting", [True, False])
def test_making_trees_leaves_the_garbage_collector_as_it_was(collecting):
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        trees(4)
        with pytest.raises(bea.InputError):
            trees(0)
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if before else gc.disable)()


def test_no_two_trees_are_alike_or_hash_alike_to_order_12():
    table = TreeTable(12)
    everything = [table.tree(k) for k in range(len(table))]
    assert len(set(everything)) == len(everything) == sum(A000081[:12])
    assert len({hash(t) for t in everything}) == len(everything)
    assert [table.number(t) for t in everything] == list(range(len(everything)))


@given(random_trees, st.randoms(use_true_random=False))
def test_the_order_of_children_does_not_matter(nested, random):
    tree, other = build(nested), shuffled(nested, random)
    assert tree == other
    assert hash(tree) == hash(other)
    assert tree.level_sequence == other.level_sequence


@given(random_trees, st.integers(-3, 3))
def test_level_sequences_both_ways(nested, root):
    tree = build(nested)
    shifted = [level - 1 + root for level in tree.level_sequence]
    assert Tree.from_level_sequence(shifted) == tree
    assert Tree.from_level_sequence(tree.level_sequence) is not tree
    assert tree.order == len(tree.level_sequence)
    assert pickle.loads(pickle.dumps(tree)) == tree


def test_canonical_level_sequences_are_the_largest():
    assert Tree.from_level_sequence([1, 2, 2, 3]).level_sequence == (1, 2, 3, 2)
    assert Tree.from_level_sequence([0, 1, 2, 1, 2, 3]).level_sequence == (1, 2, 3, 4, 2, 3)


@pytest.mark.parametrize("n", range(1, 9))
def test_symmetry_and_density_count_labellings(n):
    """Σ n!/(σγ) = (n−1)!: the monotonic labellings (HLW III.1); Σ n!/σ = n^{n−1} (Cayley)."""
    every = trees(n)
    assert sum(Fraction(factorial(n), t.symmetry * t.density) for t in every) == factorial(n - 1)
    assert sum(Fraction(factorial(n), t.symmetry) for t in every) == n ** (n - 1)


def test_symmetry_and_density_of_known_trees():
    tall = Tree.from_level_sequence([1, 2, 3, 4])
    bushy = Tree.from_level_sequence([1, 2, 2, 2])
    assert (tall.symmetry, tall.density) == (1, 24)
    assert (bushy.symmetry, bushy.density) == (6, 4)
    twins = Tree.from_level_sequence([1, 2, 3, 3, 2, 3, 3])
    assert (twins.symmetry, twins.density) == (8, 63)


@pytest.mark.parametrize("n", range(1, 9))
def test_rerooting_partitions_the_trees_into_free_trees(n):
    classes = {frozenset(t.rootings()) for t in trees(n)}
    A000055 = [1, 1, 1, 2, 3, 6, 11, 23]
    assert len(classes) == A000055[n - 1]
    assert sum(len(c) for c in classes) == A000081[n - 1]
    assert all(t.rootings()[0] == t and len(t.rootings()) == n for t in trees(n))


def test_trees_are_immutable():
    with pytest.raises(AttributeError, match="cannot be changed"):
        Tree().children = ()


@pytest.mark.parametrize(
    ("levels", "culprit"),
    [
        ([], "empty"),
        ([1, 1], "entry 1 is 1"),
        ([1, 3], "entry 1 is 3"),
        ([1, 2, 0], "entry 2 is 0"),
        ([1, 2, 4], "from 2 to 3"),
        ([1, 2.0], "integers"),
    ],
)
def test_what_is_no_tree(levels, culprit):
    with pytest.raises(bea.InputError, match=culprit) as caught:
        Tree.from_level_sequence(levels)
    assert "\n" not in str(caught.value)


def test_too_many_trees_are_refused_before_they_are_made():
    with pytest.raises(bea.InputError, match="there are 1011311 rooted trees with up to 17 nodes"):
        TreeTable(17, most_trees=10**6)
    with pytest.raises(bea.InputError, match="most_trees="):
        TreeTable(60)
    with pytest.raises(bea.InputError, match="a whole number of nodes, 1 or more"):
        TreeTable(0)


def test_what_is_no_tree_is_refused():
    for bad in (None, 5, "abc", range(1, 600), [1, 3]):
        with pytest.raises(bea.InputError) as caught:
            Tree.from_level_sequence(bad)
        assert "\n" not in str(caught.value)
    for bad in (1, [Tree()]):
        with pytest.raises(bea.InputError, match="is no Tree"):
            Tree(bad)
    tall = Tree.from_level_sequence(range(1, 201))
    assert (tall.order, tall.symmetry) == (200, 1)
    with pytest.raises(bea.InputError, match="more than 200 levels"):
        Tree(tall)


def test_trees_cannot_be_changed():
    tree = Tree(Tree())
    with pytest.raises(AttributeError, match="cannot be changed"):
        del tree.children
    free = bea.FreeTree.of(tree)
    with pytest.raises(TypeError):
        free.rootings[Tree()] = 3
    assert pickle.loads(pickle.dumps(free)) == copy.deepcopy(free) == free
    assert repr(free) == "<free tree |∇E|²>"


@pytest.mark.parametrize("nodes", [25, 200, 10**6])
def test_too_many_trees_are_refused_at_once(nodes):
    with pytest.raises(bea.InputError, match=f"rooted trees with up to {nodes} nodes"):
        bea.trees(nodes)
    for bad in (0, -5, "a", None, True):
        with pytest.raises(bea.InputError, match="most_trees is"):
            bea.trees(3, most_trees=bad)


def test_neighbours_are_the_rootings_one_edge_away():
    for tree in bea.trees(6):
        moved = list(neighbours(tree))
        assert len(moved) == len(tree.children)
        assert {bea.FreeTree.of(t) for t in moved} == {bea.FreeTree.of(tree)}
        assert all(tree in neighbours(t) for t in moved)
