"""A question is no answer: a method that was not called is not taken for yes."""

from __future__ import annotations

import inspect
import pickle

import pytest

import bea
from bea.predicates import predicate

EQUATION = bea.modified_equation(field=["y", "-x"], params="x, y", order=1)
SERIES = bea.modified_series("euler", order=2)
QUESTIONS = [
    (SERIES, "is_symmetric"),
    (SERIES, "is_hamiltonian"),
    (SERIES, "is_gradient"),
    (EQUATION, "is_gradient"),
]


@pytest.mark.parametrize(("thing", "question"), QUESTIONS)
def test_a_question_that_was_not_asked_is_neither_true_nor_false(thing, question):
    method = getattr(thing, question)
    with pytest.raises(TypeError, match=rf"{question} is a method.*call it, {question}\(\)"):
        bool(method)
    with pytest.raises(TypeError, match="call it"):
        assert not method


@pytest.mark.parametrize(("thing", "question"), QUESTIONS)
def test_a_question_is_documented_like_any_method(thing, question):
    method = inspect.unwrap(inspect.getattr_static(type(thing), question))
    assert inspect.isfunction(method) and method.__doc__ == getattr(type(thing), question).__doc__
    assert list(inspect.signature(getattr(thing, question)).parameters) == (
        [] if question == "is_symmetric" else ["l"]
    )


def test_the_answers():
    assert SERIES.is_gradient(1) is True and SERIES.is_gradient(l=2) is False
    assert SERIES.is_symmetric() is False and EQUATION.is_gradient(0) is False
    assert type(SERIES).is_gradient(SERIES, 1) is True
    assert pickle.loads(pickle.dumps(EQUATION)).is_gradient(0) is False


def test_of_a_class_of_ones_own():
    class Number(int):
        @predicate
        def is_even(self) -> bool:
            return self % 2 == 0

    assert [n for n in map(Number, range(4)) if n.is_even()] == [0, 2]


@pytest.mark.parametrize(("thing", "question"), QUESTIONS)
def test_a_question_is_a_bound_method_in_all_else(thing, question):
    method, again = getattr(thing, question), getattr(thing, question)
    assert method == again and len({method, again}) == 1
    assert inspect.getdoc(method) == inspect.getdoc(getattr(type(thing), question))
    assert repr(method).startswith("<bound method") and method.__name__ == question
    given = () if question == "is_symmetric" else (1,)
    assert pickle.loads(pickle.dumps(method))(*given) == method(*given)
    assert pickle.loads(pickle.dumps(getattr(type(thing), question))) is getattr(
        type(thing), question
    )
