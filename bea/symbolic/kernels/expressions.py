"""SymPy expressions evaluated by JAX, each distinct subexpression once, and so as to keep digits.

`sympy.lambdify` would do some of this by writing source code; it turns integers beyond 2⁶³ into
overflows and knows no way to say which function JAX lacks. Nor does it know that 1 − tanh² is sech²
or that sin(u)/u is no quotient: what loses its digits or overflows as it is written is recognized
(`patterns`) and left to `stable_functions` and `quotients`. Sums over data, whose terms differ in
their numbers only, are computed by arrays: then what XLA sees does not grow with the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import factorial
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
import sympy as sp
from sympy import Expr

from bea.errors import InputError
from bea.symbolic.functions.rules import DISGUISES
from bea.symbolic.kernels import stable_functions as stable
from bea.symbolic.kernels.data_sums import MIN_TERMS, DataSum, data_sums
from bea.symbolic.kernels.patterns import exponential_term, logistic, rational_ratio
from bea.symbolic.kernels.quotients import ARGUMENT_OVER, OVER_ARGUMENT, expm1_over, over_expm1

FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.exp: jnp.exp,
    sp.log: jnp.log,
    sp.sin: jnp.sin,
    sp.cos: jnp.cos,
    sp.tan: jnp.tan,
    sp.asin: jnp.arcsin,
    sp.acos: jnp.arccos,
    sp.atan: jnp.arctan,
    sp.atan2: jnp.arctan2,
    sp.sinh: jnp.sinh,
    sp.cosh: jnp.cosh,
    sp.tanh: stable.tanh,
    sp.sech: stable.sech,
    sp.asinh: jnp.arcsinh,
    sp.acosh: jnp.arccosh,
    sp.atanh: jnp.arctanh,
    sp.sinc: stable.spherical(0, -1),
    sp.erf: special.erf,
    sp.erfc: special.erfc,
    sp.erfinv: special.erfinv,
    sp.Ei: special.expi,
    sp.gamma: special.gamma,
    sp.loggamma: special.gammaln,
    sp.digamma: special.digamma,
}

OF_SCIPY: dict[type, str] = {
    sp.besselj: "jv",
    sp.bessely: "yv",
    sp.besseli: "iv",
    sp.besselk: "kv",
    sp.airyai: "airy",
    sp.airybi: "airy",
    sp.airyaiprime: "airy",
    sp.airybiprime: "airy",
    sp.LambertW: "lambertw",
    sp.Si: "sici",
    sp.Ci: "sici",
    sp.Shi: "shichi",
    sp.Chi: "shichi",
    sp.erfi: "erfi",
    sp.fresnels: "fresnel",
    sp.fresnelc: "fresnel",
    sp.li: "expi",
}
"""Functions that JAX lacks and SciPy has. They are called on the host, from within a kernel."""

_WHICH = {"sici": (sp.Si, sp.Ci), "shichi": (sp.Shi, sp.Chi), "fresnel": (sp.fresnels, sp.fresnelc),
          "airy": (sp.airyai, sp.airyaiprime, sp.airybi, sp.airybiprime)}  # fmt: skip
"""What SciPy computes together, in its order."""


def evaluate(
    expressions: Sequence[Expr], point: Mapping[sp.Symbol, Any], dtype: Any = None
) -> list[Any]:
    """The values of the expressions at a point.

    Args:
        expressions: any SymPy expressions in the symbols of the point.
        point: an array or a number for each symbol. Numbers in the expressions become Python
            floats, so that the arrays decide the dtype.
        dtype: of the point, where it is a single one, of scalars: then sums over data are computed
            by arrays.

    Raises:
        InputError: an expression contains a function that JAX does not have.
    """
    evaluator = _Evaluator(point, dtype)
    return [evaluator.value(e) for e in expressions]


class _Evaluator:
    """Values at one point.

    Args:
        point: by symbol.
        dtype: of the point.
    """

    def __init__(self, point: Mapping[sp.Symbol, Any], dtype: Any) -> None:
        self._known: dict[Expr, Any] = dict(point)
        self._symbols, self._dtype = dict(point), dtype

    def value(self, expr: Expr) -> Any:
        """The value of an expression."""
        if expr not in self._known:
            self._known[expr] = self._computed(expr)
        return self._known[expr]

    def _computed(self, e: Expr) -> Any:
        if e.is_Atom or e.is_number:
            return _constant(e)
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow and not isinstance(e, sp.exp):
            return self._power(e)
        if isinstance(e, sp.log):
            return self._logarithm(e.args[0])
        if isinstance(e, sp.polygamma):
            return special.polygamma(int(e.args[0]), self.value(e.args[1]))
        if isinstance(e, sp.zeta) and len(e.args) == 2 and e.args[0].is_Integer and e.args[0] > 1:
            n = int(e.args[0])  # ζ(n, q) = (−1)ⁿ ψ^{(n−1)}(q)/(n − 1)!, which JAX differentiates
            return (-1) ** n / factorial(n - 1) * special.polygamma(n - 1, self.value(e.args[1]))
        if type(e) in FUNCTIONS:
            return FUNCTIONS[type(e)](*map(self.value, e.args))
        if type(e) in OF_SCIPY:
            return self._by_scipy(e)
        if type(e) in DISGUISES:
            return self.value(DISGUISES[type(e)](e.args[0]))
        raise InputError(f"JAX has no function {type(e).__name__}: use to_mpmath() for {e}")

    # --- sums ---------------------------------------------------------------------------------

    def _sum(self, e: Expr) -> Any:
        # Numbers together, in which they may cancel: pi − 3.14159.
        numbers = [t for t in e.args if t.is_number]
        terms = [t for t in e.args if not t.is_number]
        if numbers:
            terms.insert(0, sp.Add(*numbers))
        if self._dtype is not None and len(terms) >= MIN_TERMS:
            return self._sum_over_data(terms)
        number = next((t for t in terms if t.is_Rational), None)
        if number is not None:
            for term in terms:
                if (value := self._close_to_constant(number, term)) is not None:
                    rest = [t for t in terms if t is not number and t is not term]
                    return self._added([value, *map(self.value, rest)])
        return self._added(list(map(self.value, terms)))

    def _added(self, values: Sequence[Any]) -> Any:
        total, *rest = values
        for value in rest:
            total = total + value
        return total

    def _close_to_constant(self, n: Expr, term: Expr) -> Any:
        """N + term where the term tends to −n for small or large arguments; None for others."""
        c, f = term.as_coeff_Mul()
        c = float(c)
        if n == -sp.Rational(term.as_coeff_Mul()[0]):
            if isinstance(f, sp.exp):
                return c * jnp.expm1(self.value(f.exp))
            if isinstance(f, sp.cos):
                return -2 * c * jnp.sin(self.value(f.args[0]) / 2) ** 2
            if isinstance(f, sp.cosh):
                return 2 * c * jnp.sinh(self.value(f.args[0]) / 2) ** 2
            if isinstance(f, sp.erf):
                return -c * special.erfc(self.value(f.args[0]))
            if f.is_Pow and f.exp == 2:
                u = f.base.args[0] if isinstance(f.base, sp.Function) else None
                if isinstance(f.base, sp.tanh):
                    return -c * stable.sech_squared(self.value(u))
                if isinstance(f.base, sp.sin):
                    return -c * jnp.cos(self.value(u)) ** 2
                if isinstance(f.base, sp.cos):
                    return -c * jnp.sin(self.value(u)) ** 2
                if isinstance(f.base, sp.cosh):
                    return c * jnp.sinh(self.value(u)) ** 2
        if isinstance(f, sp.tanh) and abs(c) == abs(n):  # n (1 ± tanh u) = 2n s(±2u)
            sign = 2.0 if c * n > 0 else -2.0
            return 2 * float(n) * stable.sigmoid(sign * self.value(f.args[0]))
        return None

    def _sum_over_data(self, terms: Sequence[Expr]) -> Any:
        """The terms of one form as one term in arrays of numbers."""
        sums, rest = data_sums(terms)
        values = [self._by_arrays(one) for one in sums]
        if rest:
            together = sp.Add(*rest, evaluate=False) if len(rest) > 1 else rest[0]
            values.append(_Evaluator(self._symbols, None).value(together))
        return self._added(values)

    def _by_arrays(self, data: DataSum) -> Any:
        def array(values: Any) -> jax.Array:
            return jnp.asarray(values, self._dtype)

        inner = {place: array(column) for place, column in data.numbers.items()}
        if data.affine:
            theta = jnp.stack([array(self.value(s)) for s in data.symbols])
        for place, (coefficients, constants) in data.affine.items():
            # TensorFloat-32 would cost half the digits of a float32 product.
            u = jnp.matmul(array(coefficients), theta, precision="highest")
            inner[place] = u + array(constants) if constants.any() else u
        each = _Evaluator({**self._symbols, **inner}, self._dtype).value(data.form)
        return jnp.sum(jnp.broadcast_to(each, (data.rows,)))

    # --- products and powers --------------------------------------------------------------------

    def _product(self, e: Expr) -> Any:
        factors = list(e.args)
        values: list[Any] = []
        for quotient in [f for f in factors if f.is_Pow and f.exp.is_Integer and f.exp < 0]:
            for other in list(factors):
                if other is quotient or other not in factors or quotient not in factors:
                    continue
                found = self._removable(other, quotient.base, int(-quotient.exp))
                if found is not None:
                    value, left = found
                    values.append(value)
                    factors.remove(other)
                    factors.remove(quotient)
                    factors += left
                    break
        factors = self._without_overflow(factors, values)
        for factor in factors:
            values.append(self.value(factor))
        if not values:
            return 1.0
        total, *rest = values
        for value in rest:
            total = total * value
        return total

    def _removable(self, f: Expr, base: Expr, n: int) -> tuple[Any, list[Expr]] | None:
        """f/base^n as a function without a singularity, and the factors that are left."""
        if isinstance(f, sp.sinh) and isinstance(base, sp.cosh) and f.args == base.args:
            return stable.tanh(self.value(f.args[0])), [base ** (1 - n)] * (n > 1)
        if (found := self._over_argument(f)) is not None:  # sin(u)/base^n with base^j = u^k/c
            over, _, u, k = found
            for j in range(n, 0, -1):
                if (c := rational_ratio(u**k, base**j)) is not None:
                    return float(c) * over(), [base ** (j - n)] * (j < n)
        if (found := self._over_argument(base)) is not None:  # f/sin(u)^n with f = x^p, x^j = c u^k
            _, one_over, u, k = found
            x, p = (f.base, int(f.exp)) if f.is_Pow and f.exp.is_Integer else (f, 1)
            for j in range(1, p + 1):
                if (c := rational_ratio(x**j, u**k)) is not None:
                    left = [x ** (p - j)] * (j < p) + [base ** (1 - n)] * (n > 1)
                    return float(c) * one_over(), left
        return None

    def _over_argument(
        self, f: Expr
    ) -> tuple[Callable[[], Any], Callable[[], Any], Expr, int] | None:
        """(f/u^k, u^k/f, u, k) for an f that vanishes with u like u^k; None if it is none."""
        if type(f) in OVER_ARGUMENT:
            u, over = f.args[0], OVER_ARGUMENT[type(f)]
            one_over = ARGUMENT_OVER.get(type(f), lambda v: 1 / over(v))
            return lambda: over(self.value(u)), lambda: one_over(self.value(u)), u, 1
        if not (f.is_Add and len(f.args) == 2 and f.args[0].is_Rational):
            return None
        number, (c, g) = f.args[0], f.args[1].as_coeff_Mul()
        if c != -number or not isinstance(g, (sp.exp, sp.cos, sp.cosh)):
            return None
        factor, u = float(c), g.args[0]
        if isinstance(g, sp.exp):
            return (
                lambda: factor * expm1_over(self.value(u)),
                lambda: over_expm1(self.value(u)) / factor,
                u,
                1,
            )
        sign = -1 if isinstance(g, sp.cos) else 1  # (cos u − 1)/u² = −½ (sin(u/2)/(u/2))²
        over = stable.spherical(0, sign)
        return (
            lambda: sign * factor / 2 * over(self.value(u) / 2) ** 2,
            lambda: 2 / (sign * factor) / over(self.value(u) / 2) ** 2,
            u,
            2,
        )

    def _without_overflow(self, factors: list[Expr], values: list[Any]) -> list[Expr]:
        """exp(u)/(1 + exp(u)) is s(u), though both may overflow; the rest of the factors."""
        for quotient in list(factors):
            parts = logistic(quotient)
            if parts is None:
                continue
            c, shift, u, n = parts
            v = self.value(u) + shift
            for exponential in list(factors):
                if not isinstance(exponential, sp.exp):
                    continue
                m = rational_ratio(exponential.exp, u)
                if m is None or not m.is_Integer or m <= 0:
                    continue
                pairs = min(int(m), n)
                # e^u/(c(1 + e^{u+shift})) = s(u + shift) e^{−shift}/c
                values.append((stable.sigmoid(v) * float(np.exp(-shift)) / c) ** pairs)
                if n > pairs:
                    values.append((stable.sigmoid(-v) / c) ** (n - pairs))
                factors.remove(exponential)
                factors.remove(quotient)
                if m > pairs:
                    factors.append(sp.exp((m - pairs) * u))
                break
        return factors

    def _power(self, e: Expr) -> Any:
        base, exponent = e.args
        if (parts := logistic(e)) is not None:  # 1/(c + k e^u)^n
            c, shift, u, n = parts
            return (stable.sigmoid(-(self.value(u) + shift)) / c) ** n
        if isinstance(base, sp.cosh) and exponent.is_Integer and exponent < 0:
            squares, rest = divmod(int(-exponent), 2)
            value = stable.sech_squared(self.value(base.args[0])) ** squares
            return value * FUNCTIONS[sp.sech](self.value(base.args[0])) if rest else value
        if exponent.is_Integer:
            return self.value(base) ** int(exponent)  # with derivatives also at 0
        if exponent.is_Rational and exponent.q == 2:
            return jnp.sqrt(self.value(base)) ** int(exponent.p)
        return jnp.power(self.value(base), self.value(exponent))

    # --- logarithms and others ------------------------------------------------------------------

    def _logarithm(self, u: Expr) -> Any:
        if isinstance(u, sp.exp):
            return self.value(u.exp)
        if isinstance(u, sp.cosh):
            return stable.log_cosh(self.value(u.args[0]))
        if u.is_Pow and (isinstance(u.base, sp.cosh) or logistic(u) is not None):
            return float(u.exp) * self._logarithm(u.base)
        if u.is_Mul and any((f.is_Pow and logistic(f)) or isinstance(f, sp.cosh) for f in u.args):
            return self._added(list(map(self._logarithm, u.args)))
        if u.is_Add:
            exponents = [exponential_term(term) for term in u.args]
            if all(found is not None for found in exponents) and not u.is_number:
                return self._log_of_exponentials([found for found in exponents if found])
            rest = u - 1
            if u.args[0] == 1:
                return jnp.log1p(self.value(rest))
        return jnp.log(self.value(u))

    def _log_of_exponentials(self, terms: Sequence[tuple[float, Expr]]) -> Any:
        """Log Σ exp(c_i + u_i), two at a time: a + softplus(b − a)."""
        first, *rest = [c + self.value(u) if u != 0 else c for c, u in terms]
        for other in rest:
            first = first + stable.softplus(jnp.asarray(other - first, self._dtype))
        return first

    def _by_scipy(self, e: Expr) -> Any:
        """A function on the host, whose derivatives are those that SymPy knows."""
        if isinstance(e, sp.li):
            return special.expi(jnp.log(self.value(e.args[0])))
        order = [a for a in e.args if not a.free_symbols]
        moving = [a for a in e.args if a.free_symbols]
        if len(moving) != 1:
            raise InputError(f"JAX has no function {type(e).__name__}: use to_mpmath() for {e}")
        name = sp.Symbol("u")
        generic = e.func(*(name if a is moving[0] else a for a in e.args))
        return _on_the_host(generic, name, tuple(map(float, order)))(self.value(moving[0]))


def _on_the_host(generic: Expr, name: sp.Symbol, order: tuple[float, ...]) -> Callable[[Any], Any]:
    kind, scipy_name = type(generic), OF_SCIPY[type(generic)]

    def compute(u: np.ndarray) -> np.ndarray:
        import scipy.special

        u64 = np.asarray(u, np.float64)
        arguments = (u64, *map(int, order)) if kind is sp.LambertW else (*order, u64)
        values = getattr(scipy.special, scipy_name)(*arguments)
        if scipy_name in _WHICH:
            values = values[_WHICH[scipy_name].index(kind)]
        return np.asarray(np.real(values), u.dtype)

    def function(u: Any) -> Any:
        u = jnp.asarray(u)
        shape = jax.ShapeDtypeStruct(u.shape, u.dtype)
        return jax.pure_callback(compute, shape, u, vmap_method="expand_dims")

    def derivative(u: Any) -> Any:
        return _Evaluator({name: u}, None).value(sp.diff(generic, name))

    orders = "_".join(map(str, order))
    return stable.with_derivative(function, derivative, f"{kind.__name__}_{orders}")


def _constant(e: Expr) -> float:
    number = float(e) if e.is_Atom else float(e.evalf(30))
    if number == 0 and e != 0:
        raise InputError(f"{e} is below the range of float64: rescale the loss or the parameters")
    return number
