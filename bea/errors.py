"""The errors of `bea`.

Every message is one line that names the culprit and the remedy, so that the command line can print
it as it is. All of them are `ValueError`s, so a caller may catch them without an import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sympy import ImmutableDenseMatrix


class BeaError(ValueError):
    """The base of every error that `bea` raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors come back from other processes with all that they know."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[BeaError], args: tuple[Any, ...], attributes: dict[str, Any]) -> BeaError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InputError(BeaError):
    """The input cannot be used as given: an unknown name, a wrong shape, a value out of range."""


class StepError(InputError):
    """A user's step returned what no step can: another shape, too few digits, other numbers."""


class NotSmoothError(InputError):
    """The input is not smooth, and the modified equation needs derivatives of every order."""


class NotSmoothWarning(UserWarning):
    """A field on JAX arrays has kinks, which automatic differentiation does not see."""


class UndecidedError(BeaError):
    """Whether an expression vanishes is not known, and an answer would be a guess.

    Attributes:
        tried: what was tried, in a few words.
    """

    def __init__(self, message: str, tried: str = "") -> None:
        super().__init__(message)
        self.tried = tried


class NotAGradientError(BeaError):
    """A correction f_l has a non-zero curl, so no modified loss of that order exists.

    Attributes:
        order: the index l of the first correction that is not a gradient.
        curl: the antisymmetric matrix ∂_i f_j − ∂_j f_i of that correction; None where no loss is
            given and there is none for a general one.
    """

    def __init__(self, message: str, order: int, curl: ImmutableDenseMatrix | None = None) -> None:
        super().__init__(message)
        self.order = order
        self.curl = curl
