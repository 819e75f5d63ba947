"""A scalar P with ∇P = g, for a field g without curl.

There are four ways, and the first that succeeds is taken. A field polynomial in θ has P = ∫₀¹ ⟨θ,
g(sθ)⟩ ds term by term. A field in a differential ring often has a P in the same ring, found by
linear algebra on its coefficients (the idea of Risch and Norman). SymPy integrates one variable
after the other, which brings in new logarithms and arctangents. Where none of these gives a closed
form, the integral stands, unevaluated but exact. The curl (`carrier`) decides before whether a
field is a gradient.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import lcm

import sympy as sp
from flint import fmpq, fmpq_mat, fmpq_mpoly, fmpz, nmod_mat
from sympy import QQ, Expr
from sympy.integrals.heurisch import heurisch
from sympy.integrals.rationaltools import ratint
from sympy.integrals.risch import NonElementaryIntegral, risch_integrate

from bea.symbolic.coordinates.carrier import Column, CoordinatesCarrier
from bea.symbolic.functions.rules import DERIVATIVE, exponent
from bea.symbolic.ring.construction import is_rational
from bea.symbolic.ring.differential_ring import DifferentialRing
from bea.symbolic.ring.terms import Monomial
from bea.symbolic.ring.unexpanded_algebra import UnexpandedAlgebra
from bea.symbolic.zero.decision import Answer, decide

MAX_UNKNOWNS = 400
"""The largest linear system tried for the coefficients of P: it takes about a second."""

MAX_ROUNDS = 12
"""Times that the monomials are widened: as many as there are powers of x before exp(x)."""

PRIME = 2**61 - 1
"""The field in which is found out whether it has a solution."""


MAX_OPERATIONS = 60
"""The longest integrand for which SymPy may guess an antiderivative: beyond, it can take hours. So
it can for a short one with functions, √x·exp(x) or arctan(x)², and only roots are guessed at. Each
further symbol in a root leaves half of it."""


MAX_RISCH_OPERATIONS = 80
"""The longest integrand of exponentials and logarithms that the algorithm of Risch is given: some
seconds at most. Other functions it writes by complex logarithms, and can take hours; and so it can
for exponentials of several rates."""

MAX_FACTORS = 2
"""Constants, as exp(b) in exp(ax + b), that may stand in its integrand as symbols."""

MAX_QUOTIENT = 60
"""The degree of a denominator times the number of its factors, up to which SymPy integrates. Each
further symbol leaves a quarter of it: the roots of a resultant are algebraic functions of them."""


def antiderivative(carrier: CoordinatesCarrier, g: Column) -> Expr:
    """A scalar P with ∂P/∂θ_j = g_j for all j.

    Args:
        carrier: the arithmetic of g.
        g: a field without curl.

    Returns:
        P, in closed form where one was found; otherwise with a SymPy `Integral` in it.
    """
    algebra = carrier.algebra
    if isinstance(algebra, DifferentialRing):
        P = _along_rays(algebra, g)
        P = _in_ring(algebra, g) if P is None else P
        if P is not None:
            return algebra.expression(P)
    components = [algebra.expression(c) for c in g.components]
    if isinstance(algebra, UnexpandedAlgebra):  # too long for a closed form to be looked for
        if len(components) == 1:
            return sp.Integral(components[0], algebra.variables[0])
        return _ray_integral(components, algebra.variables)
    return _by_quadrature(components, algebra.variables)


def _along_rays(ring: DifferentialRing, g: Column) -> fmpq_mpoly | None:
    """∫₀¹ ⟨θ, g(sθ)⟩ ds for a g polynomial in θ: a term c·θ^α gives c·θ_j θ^α/(|α| + 1)."""
    variables = {ring.meanings.index(x): j for j, x in enumerate(ring.coordinates)}
    if any(
        any(component.degrees()[i] for i in ring.moving if i not in variables)
        for component in g.components
    ):
        return None
    P = ring.zero
    for i, j in variables.items():
        for monomial, coefficient in g.components[j].to_dict().items():
            degree = sum(monomial[k] for k in variables)
            P += ring.monomial(_shifted(monomial, i, 1)) * (coefficient / (degree + 1))
    return P


def _in_ring(ring: DifferentialRing, g: Column) -> fmpq_mpoly | None:
    """P = Σ c_k μ_k over monomials μ_k near those of g, with Σ c_k ∂_j μ_k = g_j solved for c."""
    candidates = {m for component in g.components for m in component.to_dict()}
    # ∫ exp(ax) dx = exp(ax)/a: a constant loses powers and gains none, and its reciprocal does.
    gaining = [
        i
        for i, meaning in enumerate(ring.meanings)
        if i in ring.moving or (meaning.is_Pow and meaning.exp == -1)
    ]
    shifts = [(i, -1) for i in range(len(ring.meanings))] + [(i, 1) for i in gaining]
    for _ in range(MAX_ROUNDS):
        wider = candidates | {_shifted(m, i, step) for m in candidates for i, step in shifts}
        candidates = {m for m in wider if min(m) >= 0}
        if len(candidates) > MAX_UNKNOWNS:
            return None
        monomials = sorted(candidates)
        if (solution := _solve(ring, monomials, g)) is not None:
            return solution
    return None


def _solve(ring: DifferentialRing, monomials: list[Monomial], g: Column) -> fmpq_mpoly | None:
    columns = [
        [ring.partial(ring.monomial(m), j).to_dict() for m in monomials]
        for j in range(len(ring.variables))
    ]
    rows = []
    for derivatives, component in zip(columns, g.components, strict=True):
        right = component.to_dict()
        occurring = sorted(set(right).union(*derivatives))
        rows += [[d.get(m, 0) for d in derivatives] + [right.get(m, 0)] for m in occurring]
    if not rows:
        return ring.zero
    solution = _particular_solution([[fmpq(x) for x in row] for row in rows])
    if solution is None:
        return None  # 0 = 1: no such P
    P = ring.zero
    for k, x in solution.items():
        P += ring.monomial(monomials[k]) * x
    return P


def _particular_solution(rows: list[list[fmpq]]) -> dict[int, fmpq] | None:
    """The x_k that are not zero in one solution of Σ_k a_ik x_k = b_i; None if there is none.

    Which equations are independent, and whether they agree, is found out modulo a prime: fractions
    would fill pages before it is known that there is no solution, as mostly there is none.

    Args:
        rows: (a_i1, …, a_in, b_i).
    """
    cleared = [_integers(row) for row in rows]
    by_rows = nmod_mat([[int(x) % PRIME for x in row] for row in cleared], PRIME)
    pivots = _pivots(by_rows)
    last = len(rows[0]) - 1
    if last in pivots:
        return None
    independent = _pivots(by_rows.transpose())[: len(pivots)]
    square = [[cleared[i][k] for k in pivots] for i in independent]
    if not square:
        return {}
    try:
        found = fmpq_mat(square).solve(fmpq_mat([[cleared[i][last]] for i in independent]))
    except ZeroDivisionError:  # only modulo this prime it had that rank
        return None
    solution = {k: found[n, 0] for n, k in enumerate(pivots) if found[n, 0] != 0}
    fits = all(sum((row[k] * x for k, x in solution.items()), fmpq(0)) == row[last] for row in rows)
    return solution if fits else None


def _integers(row: list[fmpq]) -> list[fmpz]:
    """The row times its common denominator."""
    common = lcm(*(int(x.q) for x in row))
    return [(x * common).p for x in row]


def _pivots(matrix: nmod_mat) -> list[int]:
    """The columns in which the reduced rows begin."""
    reduced, rank = matrix.rref()
    found: list[int] = []
    for i in range(rank):
        start = found[-1] + 1 if found else 0
        found.append(next(k for k in range(start, reduced.ncols()) if int(reduced[i, k])))
    return found


def _shifted(monomial: Monomial, i: int, by: int) -> Monomial:
    return (*monomial[:i], monomial[i] + by, *monomial[i + 1 :])


def _by_quadrature(components: list[Expr], variables: Iterable[sp.Symbol]) -> Expr:
    """∫ g_1 dθ_1, then what is missing in θ_2, and so on; along a ray from 0 if that fails."""
    P: Expr = sp.Integer(0)
    for component, variable in zip(components, variables, strict=True):
        missing = component - sp.diff(P, variable)
        if missing == 0 or decide(missing).answer is Answer.ZERO:
            continue
        primitive = _primitive(missing, variable, alone=len(components) == 1)
        if primitive is None:
            if missing.free_symbols & set(variables) != {variable}:
                return _ray_integral(components, variables)
            primitive = sp.Integral(missing, variable)
        P += primitive
    return P


def _primitive(f: Expr, x: sp.Symbol, alone: bool) -> Expr | None:
    """An antiderivative of f in closed form, checked by differentiation; None if none is found.

    Args:
        f: the integrand.
        x: the variable.
        alone: f is all of the field, so that its own ring has been searched already.
    """
    if f.has(sp.Derivative, sp.Integral) or {*map(type, f.atoms(sp.Function))} - {*DERIVATIVE}:
        return None  # Γ and its like: SymPy would search for long, and in vain
    divisors = _constant_slopes(f, x)
    if divisors or not alone:  # a ring that is smaller or has the reciprocals that are needed
        ring = DifferentialRing([x], [f, *(1 / d for d in divisors)])
        if (P := _in_ring(ring, Column([ring.element(f)]))) is not None:
            return ring.expression(P)
    F = _rational_primitive(f, x) if is_rational(f) else _elementary_primitive(f, x)
    if F is None or F.has(sp.Integral, sp.I):
        return None  # real it is, but not to be evaluated as such
    return F if decide(sp.diff(F, x) - f).answer is Answer.ZERO else None


def _rational_primitive(f: Expr, x: sp.Symbol) -> Expr | None:
    # One quotient, multiplied out by the fast arithmetic: SymPy would take minutes over (1+x⁵)^−8.
    others = len(f.free_symbols) - 1
    most = MAX_QUOTIENT / 4**others
    if _degree_of_denominators(f, x) > most:
        return None
    quotient = QQ.frac_field(*sorted(f.free_symbols, key=str)).field.from_expr(f)
    powers = [(p.as_expr(), n) for p, n in quotient.denom.factor_list()[1]]
    factors = [p for p, _ in powers]
    if sum(n * sp.degree(p, x) for p, n in powers) * len(powers) > most:
        return None
    # Over the reals SymPy needs the roots in radicals, which can take hours from cubic factors on.
    real = all(sp.degree(p, x) <= 2 or len(sp.Add.make_args(p)) == 2 for p in factors)
    return ratint(quotient.as_expr(), x, real=real)


def _degree_of_denominators(f: Expr, x: sp.Symbol) -> int:
    """The degree of what f would have for a denominator, times the number of its factors."""
    highest: dict[Expr, int] = {}
    for power in f.atoms(sp.Pow):
        if power.exp.is_negative and power.has(x):
            highest[power.base] = max(highest.get(power.base, 0), -int(power.exp))
    degrees = [
        n * (sp.degree(base, x) if base.is_polynomial(x) else 1) for base, n in highest.items()
    ]
    return sum(degrees) * len(degrees)


def _elementary_primitive(f: Expr, x: sp.Symbol) -> Expr | None:
    # exp(ax + b) is exp(ax) times a constant, which Risch would take apart: 1.073y to exp(y/1000).
    factors: dict[Expr, sp.Symbol] = {}

    def split(e: Expr) -> Expr:
        constant, moving = sp.expand(e.args[0]).as_independent(x, as_Add=True)
        if not constant.free_symbols:
            return e
        return factors.setdefault(sp.exp(constant), sp.Dummy(positive=True)) * sp.exp(moving)

    f = f.replace(lambda e: isinstance(e, sp.exp), split)
    if len(factors) > MAX_FACTORS:
        return None
    F = _by_risch(f, x)
    return None if F is None else F.xreplace({d: e for e, d in factors.items()})


def _by_risch(f: Expr, x: sp.Symbol) -> Expr | None:
    functions = f.atoms(sp.Function)
    rates = {sp.diff(e.args[0], x) for e in functions if isinstance(e, sp.exp)}
    if (
        any(type(e) not in (sp.exp, sp.log) for e in functions)
        or f.count_ops() > MAX_RISCH_OPERATIONS
        or len(rates) > 1
    ):
        return None
    try:
        F = risch_integrate(f, x)
    except NotImplementedError:  # algebraic, or no tower of exponentials and logarithms
        roots = [p.base for p in f.atoms(sp.Pow) if p.exp.is_Rational and not p.exp.is_Integer]
        others = max((len(base.free_symbols - {x}) for base in roots), default=0)
        most = MAX_OPERATIONS / 2**others
        guess = not f.atoms(sp.Function) and f.count_ops() <= most
        return heurisch(f, x) if guess else None
    if F.has(NonElementaryIntegral):
        return None  # a proof that there is none
    return F.replace(sp.Piecewise, lambda generic, *special: generic[0])


def _constant_slopes(f: Expr, x: sp.Symbol) -> list[Expr]:
    """The c of the exp(cx), sin(cx + d), … in f: what their integrals divide by."""
    slopes = {sp.diff(u, x) for atom in f.atoms(sp.Function) for u in atom.args}
    slopes |= {sp.diff(v, x) for p in f.atoms(sp.Pow, sp.exp) if (v := exponent(p)) is not None}
    symbolic = (c for c in slopes if not c.has(x) and not c.is_Rational)
    return sorted(symbolic, key=sp.default_sort_key)


def _ray_integral(components: list[Expr], variables: Iterable[sp.Symbol]) -> Expr:
    """∫₀¹ ⟨θ − θ_0, g(θ_0 + s(θ − θ_0))⟩ ds from a point θ_0 = (c, c, …) where g is finite."""
    s, c = sp.Dummy("s"), _finite_at(components, variables)
    path = {v: c + s * (v - c) for v in variables}
    integrand = sum(
        (v - c) * g.subs(path, simultaneous=True)
        for v, g in zip(variables, components, strict=True)
    )
    return sp.Integral(integrand, (s, 0, 1))


def _finite_at(components: list[Expr], variables: Iterable[sp.Symbol]) -> Expr:
    candidates = map(sp.Rational, ("0", "1", "1/2", "2", "3/7"))
    for c in candidates:
        values = sp.Tuple(*components).subs(dict.fromkeys(variables, c))
        if not values.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            break
    return c
