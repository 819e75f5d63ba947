"""Questions with yes or no for an answer, as methods that are no answer until they are called.

A bound method is always true: `if series.is_symmetric:` would hold for every series. A `predicate`
refuses to be taken for a truth value, and says how it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def predicate(method: F) -> F:
    """A method that answers yes or no, and is neither before it is called.

    Args:
        method: the method of a class.

    Returns:
        The method; its truth value is an error that says to call it.

    Example:
        >>> class Number(int):
        ...     @predicate
        ...     def is_even(self) -> bool:
        ...         return self % 2 == 0
        >>> Number(3).is_even()
        False
        >>> bool(Number(3).is_even)
        Traceback (most recent call last):
        TypeError: is_even is a method, which is true of everything: call it, is_even()
    """
    return cast(F, _Predicate(method))


class _Predicate:
    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        update_wrapper(self, method)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._method(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else _Question(self._method, instance)

    def __reduce__(self) -> str:
        return self._method.__qualname__  # found again by its name, as a function is


class _Question(partial[Any]):
    """The method of one object; equal, shown and pickled like any bound method."""

    def __init__(self, method: Callable[..., Any], instance: Any) -> None:
        self.__doc__ = method.__doc__
        self.__name__, self.__qualname__ = method.__name__, method.__qualname__
        self.__self__, self.__func__ = instance, method

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__name__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Question):
            return NotImplemented
        return self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((self.__func__, id(self.__self__)))

    def __repr__(self) -> str:
        return f"<bound method {self.__qualname__} of {self.__self__!r}>"

    def __bool__(self) -> bool:
        name = getattr(self.func, "__name__", "this")
        raise TypeError(f"{name} is a method, which is true of everything: call it, {name}()")
