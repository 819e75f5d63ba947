"""The paper's 2-d model: the least-squares fit of y ≈ abx to one datum, by two parameters.

It is the smallest model whose modified loss differs from its loss in an interesting way (section 5
and appendix D of Barrett and Dherin, *Implicit Gradient Regularization*, 2020):

    E(a, b) = (y − abx)²/2,                 with (x, y) = (1, 3/5)

Its minima fill the hyperbola ab = y/x, and implicit regularization decides which of them is
reached. Here stand the loss, its gradient, the closed forms of its regularizer and Table
A.1 of the paper; modified equations, flows and descents are left to the caller.

Every formula is written once, in operators alone, and so takes what its arguments are: SymPy
symbols give expressions (the default), floats give floats, NumPy and JAX arrays give arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sympy

from bea.errors import InputError

PARAMS: tuple[sympy.Symbol, sympy.Symbol] = sympy.symbols("a b")
"""The parameters θ = (a, b)."""

SYMBOLIC_DATA: tuple[sympy.Symbol, sympy.Symbol] = sympy.symbols("x y")
"""The datum as symbols, for results that hold for every (x, y)."""

DATA: tuple[sympy.Rational, sympy.Rational] = (sympy.Integer(1), sympy.Rational(3, 5))
"""The paper's datum (x, y) = (1, 0.6), exactly."""


@dataclass(frozen=True)
class StartingPoint:
    """One column of Table A.1: where training starts and the settings that start there.

    Attributes:
        name: the paper's name of the point.
        start: (a_0, b_0).
        h_S: the small learning rate.
        h_M: the moderate learning rate.
        h_L: the large learning rate; None where the paper has none.
        mu: the coefficient μ of explicit gradient regularization, in the form (A.31).
        h_euler: the step size with which the paper discretizes that regularized descent.
    """

    name: str
    start: tuple[float, float]
    h_S: float
    h_M: float
    h_L: float | None
    mu: float
    h_euler: float


POINT_I = StartingPoint(
    name="I", start=(2.8, 3.5), h_S=1e-3, h_M=2.5e-2, h_L=1.8e-1, mu=0.5, h_euler=1e-4
)
"""Table A.1, starting point I."""

POINT_II = StartingPoint(
    name="II", start=(75.0, 74.925), h_S=1e-6, h_M=0.5e-4, h_L=None, mu=4.1e-2, h_euler=5e-7
)
"""Table A.1, starting point II.

Its h_euler is not in the stable regime: h_euler times the largest eigenvalue of the Hessian of E_μ
is 9.7 at the start, so the printed discretization leaves the regularized flow with its first step
(docs/where-the-paper-errs.md).
"""


def loss(theta: Sequence[Any] = PARAMS, data: Sequence[Any] = DATA) -> Any:
    """The loss E = (y − abx)²/2.

    Args:
        theta: (a, b): symbols, numbers or arrays; a JAX or NumPy array of shape (2,) will do.
        data: (x, y), likewise. Exact data become floats beside parameters that are numbers.

    Returns:
        E, a SymPy expression for symbols and a number or array otherwise.

    Source: section 5 of the paper.

    Example:
        >>> loss()
        (-a*b + 3/5)**2/2
        >>> loss(data=SYMBOLIC_DATA)
        (-a*b*x + y)**2/2
        >>> round(loss((2.8, 3.5)), 4)
        42.32
    """
    a, b = theta
    x, y = _data_for(theta, data)
    return (y - a * b * x) ** 2 / 2


def gradient(theta: Sequence[Any] = PARAMS, data: Sequence[Any] = DATA) -> tuple[Any, Any]:
    """The gradient ∇E = −(y − abx) x (b, a).

    Args:
        theta: (a, b), as in `loss`.
        data: (x, y), as in `loss`.

    Returns:
        (∂E/∂a, ∂E/∂b).

    Source: appendix D of the paper.

    Example:
        >>> gradient(data=SYMBOLIC_DATA)
        (-b*x*(-a*b*x + y), -a*x*(-a*b*x + y))
    """
    a, b = theta
    x, y = _data_for(theta, data)
    residual = y - a * b * x
    return -b * x * residual, -a * x * residual


def implicit_regularizer(theta: Sequence[Any] = PARAMS, data: Sequence[Any] = DATA) -> Any:
    """The implicit regularizer R_IG = |∇E|²/m = (a² + b²) x² E, with m = 2 parameters.

    Args:
        theta: (a, b), as in `loss`.
        data: (x, y), as in `loss`.

    Returns:
        R_IG; divided by E it is (a² + b²) x², which is |θ|² for the paper's datum.

    Source: (4) of the paper.

    Example:
        >>> implicit_regularizer()
        (a**2 + b**2)*(-a*b + 3/5)**2/2
    """
    a, b = theta
    x, _ = _data_for(theta, data)
    return (a**2 + b**2) * x**2 * loss(theta, data)


def regularization_rate(step_size: Any) -> Any:
    """The implicit regularization rate λ = hm/4 = h/2, with m = 2 parameters.

    Args:
        step_size: the learning rate h, a symbol, a number or an array.

    Returns:
        λ.

    Source: (3) of the paper.

    Example:
        >>> regularization_rate(sympy.Symbol("h"))
        h/2
    """
    return step_size / 2


def modified_loss(step_size: Any, theta: Sequence[Any] = PARAMS, data: Sequence[Any] = DATA) -> Any:
    """The modified loss of order 1, Ẽ = E + λ R_IG = E (1 + λ (a² + b²) x²) with λ = h/2.

    Args:
        step_size: the learning rate h, a symbol, a number or an array.
        theta: (a, b), as in `loss`.
        data: (x, y), as in `loss`.

    Returns:
        Ẽ.

    Source: (2) of the paper.

    Example:
        >>> modified_loss(sympy.Symbol("h"))
        (-a*b + 3/5)**2*(h*(a**2 + b**2)/2 + 1)/2
    """
    return _with_weighted_regularizer(regularization_rate(step_size), theta, data)


def explicitly_regularized_loss(
    mu: Any,
    theta: Sequence[Any] = PARAMS,
    data: Sequence[Any] = DATA,
    *,
    form: Literal["A.31", "8"] = "A.31",
) -> Any:
    """The loss E_μ of explicit gradient regularization (EGR), in either of the paper's two forms.

    The forms differ by a factor of 2 in μ, since m = 2:

    * (A.31): E_μ = E + μ R_IG = E (1 + μ (a² + b²) x²), to which Table A.1 and "h = 2μ" belong;
    * (8): E_μ = E + μ |∇E|² = E (1 + 2μ (a² + b²) x²).

    Args:
        mu: the coefficient μ of the regularizer, a symbol, a number or an array.
        theta: (a, b), as in `loss`.
        data: (x, y), as in `loss`.
        form: which of the two equations defines E_μ, by its number in the paper.

    Returns:
        E_μ.

    Raises:
        InputError: if the form is neither "A.31" nor "8".

    Source: (8) and (A.31) of the paper; docs/where-the-paper-errs.md.

    Example:
        >>> mu = sympy.Symbol("mu")
        >>> explicitly_regularized_loss(mu)
        (-a*b + 3/5)**2*(mu*(a**2 + b**2) + 1)/2
        >>> explicitly_regularized_loss(mu, form="8")
        (-a*b + 3/5)**2*(2*mu*(a**2 + b**2) + 1)/2
    """
    factors = {"A.31": 1, "8": 2}
    if form not in factors:
        raise InputError(f'form={form!r} is not an equation of EGR: choose "A.31" or "8"')
    return _with_weighted_regularizer(factors[form] * mu, theta, data)


def minima(a: Any = PARAMS[0], data: Sequence[Any] = DATA) -> Any:
    """The minima of E, the hyperbola ab = y/x, as b over a.

    Args:
        a: the first parameter, a symbol, a number or an array; not 0.
        data: (x, y), as in `loss`, with x not 0.

    Returns:
        b = y/(ax).

    Raises:
        InputError: if x is 0, where E does not depend on the parameters.

    Source: section 5 of the paper.

    Example:
        >>> minima()
        3/(5*a)
    """
    x, y = _data_for((a,), data)
    return _require_nonzero(y, x) / a


def least_norm_minimum(data: Sequence[Any] = DATA) -> tuple[sympy.Expr, sympy.Expr]:
    """The minimum of E nearest to the origin, with a > 0; its mirror image −θ is as near.

    On ab = c = y/x the squared norm a² + c²/a² is least at |a| = |b| = √|c|, and equals 2|c|. So
    R_IG/E is never below 2|c|x² at a minimum, 6/5 for the paper's datum.

    Args:
        data: (x, y): symbols or numbers, with x not 0.

    Returns:
        (a, b), SymPy expressions.

    Raises:
        InputError: if x is 0, where every θ is a minimum or none is, or the data are text.

    Source: Figure 1a of the paper.

    Example:
        >>> least_norm_minimum()
        (sqrt(15)/5, sqrt(15)/5)
        >>> least_norm_minimum((1, -4))
        (2, -2)
    """
    try:
        x, y = (sympy.sympify(value, strict=True) for value in data)  # without, text is evaluated
    except sympy.SympifyError:
        raise InputError(f"the data are {data!r}: give two symbols or numbers (x, y)") from None
    ratio = _require_nonzero(y, x)
    root = sympy.sqrt(sympy.Abs(ratio))
    return root, root * sympy.sign(ratio)


def _with_weighted_regularizer(weight: Any, theta: Sequence[Any], data: Sequence[Any]) -> Any:
    """E + weight · R_IG, factored: E (1 + weight (a² + b²) x²)."""
    a, b = theta
    x, _ = _data_for(theta, data)
    return loss(theta, data) * (1 + weight * (a**2 + b**2) * x**2)


def _require_nonzero(y: Any, x: Any) -> Any:
    """The ratio y/x, refused where x is 0."""
    if x == 0:
        raise InputError("x = 0 in the data: E does not depend on (a, b), so choose x other than 0")
    return y / x


def _data_for(theta: Sequence[Any], data: Sequence[Any]) -> tuple[Any, Any]:
    """The data in the arithmetic of the parameters: SymPy numbers as floats beside numbers.

    NumPy and JAX arrays know no arithmetic with SymPy's numbers.
    """
    x, y = data
    if isinstance(theta[0], sympy.Basic):
        return x, y
    x, y = (float(value) if isinstance(value, sympy.Number) else value for value in (x, y))
    return x, y
