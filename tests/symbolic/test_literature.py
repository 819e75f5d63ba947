"""Modified equations that are known, as published or derived here in another way.

HLW is Hairer, Lubich, Wanner, *Geometric Numerical Integration*, 2nd ed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import islice, pairwise
from math import factorial
from typing import Any

import mpmath
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import bea
from bea import METHODS, ButcherTableau, Tree, modified_series, modifying_integrator
from bea.symbolic.methods.stages import RungeKuttaStep
from bea.symbolic.recursion import modified_fields
from bea.symbolic.trees.carrier import TreeCarrier
from tests.quick import EVERY_METHOD
from tests.symbolic.strategies import examples, polynomial_losses, rational, tableaus

x, y, u, v, q, p, h = sp.symbols("x y u v q p h")
RATIONAL = [name for name, tableau in METHODS.items() if tableau.is_rational]


def is_zero(matrix: sp.Matrix) -> bool:
    return matrix.applyfunc(lambda e: sp.simplify(sp.expand(e))) == sp.zeros(*matrix.shape)


# --- power series --------------------------------------------------------------------------------
# As lists of coefficients, of fractions or of mpmath numbers.


def product(a: Sequence, b: Sequence) -> list:
    """As far as both are known."""
    length = min(len(a), len(b))
    return [sum(a[i] * b[k - i] for i in range(k + 1)) for k in range(length)]


def power(a: Sequence, n: int) -> list:
    result = [a[0] * 0 + 1] + [a[0] * 0] * (len(a) - 1)
    for _ in range(n):
        result = product(result, a)
    return result


def flow_on_the_square(c: Sequence, length: int) -> list:
    """The S with y·S(hy) the flow of Σ c_l h^l y^{l+2} over the time h.

    With w = hy, hD sends y w^k to (k+1) Σ_l c_l y w^{k+l+1}; the flow is exp(hD) y.
    """
    term = [c[0] * 0 + 1] + [c[0] * 0] * (length - 1)
    total = list(term)
    for n in range(1, length):
        derived = [c[0] * 0] * length
        for k, t in enumerate(term):
            for l in range(min(len(c), length - k - 1)):
                derived[k + l + 1] += (k + 1) * c[l] * t
        term = [d / n for d in derived]
        total = [a + b for a, b in zip(total, term, strict=True)]
    return total


def step_on_the_square(A: Sequence[Sequence], b: Sequence, c: Sequence, length: int) -> list:
    """The S with y·S(hy) one Runge–Kutta step of size h on the field Σ c_l h^l y^{l+2}.

    Stages are y·P_i(w) with P_i = 1 + Σ_j a_ij K_j and K_j = Σ_l c_l w^{l+1} P_j^{l+2}.
    """
    one = [b[0] * 0 + 1] + [b[0] * 0] * (length - 1)
    stages = range(len(b))
    P = [one for _ in stages]
    for _ in range(length):  # each time one more coefficient is right
        K = []
        for i in stages:
            total = [one[1]] * length
            for l, factor in enumerate(c[: length - 1]):
                shifted = [one[1]] * (l + 1) + power(P[i], l + 2)
                total = [t + factor * s for t, s in zip(total, shifted, strict=False)]
            K.append(total)
        P = [
            [e + sum(A[i][j] * K[j][k] for j in stages) for k, e in enumerate(one)] for i in stages
        ]
    return [e + sum(b[i] * K[i][k] for i in stages) for k, e in enumerate(one)]


def flow_on_the_exponential(c: Sequence, length: int) -> list:
    """The S with y + S(h e^y) the flow of Σ c_l h^l e^{(l+1)y}; for c = (1) it is −log(1 − w).

    With w = h e^y, hD sends w^k to k w^k Σ_l c_l w^{l+1}.
    """
    zero = c[0] * 0
    g = [zero, *c, *[zero] * length][:length]
    term, total = g, g
    for n in range(2, length):
        term = [e / n for e in product([k * e for k, e in enumerate(term)], g)]
        total = [a + b for a, b in zip(total, term, strict=True)]
    return total


def step_on_the_exponential(A: Sequence[Sequence], b: Sequence, c: Sequence, length: int) -> list:
    """The S with y + S(h e^y) one Runge–Kutta step; K_j = Σ_l c_l w^{l+1} exp((l+1) P_j)."""
    zero, stages = b[0] * 0, range(len(b))

    def exponential(P: Sequence) -> list:
        term, total = power(P, 0), power(P, 0)
        for n in range(1, length):
            term = [e / n for e in product(term, P)]
            total = [s + t for s, t in zip(total, term, strict=True)]
        return total

    P = [[zero] * length for _ in stages]
    for _ in range(length):
        K = []
        for i in stages:
            once, total = exponential(P[i]), [zero] * length
            factor = power(once, 0)
            for l, c_l in enumerate(c[: length - 1]):
                factor = product(factor, once)
                shifted = [zero] * (l + 1) + factor
                total = [t + c_l * s for t, s in zip(total, shifted, strict=False)]
            K.append(total)
        P = [[sum(A[i][j] * K[j][k] for j in stages) for k in range(length)] for i in stages]
    return [sum(b[i] * K[i][k] for i in stages) for k in range(length)]


def on_the_square(series: bea.Series) -> list:
    """The c_l with Σ_l c_l h^l y^{l+2} the series on y²: f' = 2y, f'' = 2, f''' = 0."""

    def differential(tree: Tree) -> int:
        result = {0: 1, 1: 2, 2: 2}.get(len(tree.children), 0)
        for child in tree.children:
            result *= differential(child)
        return result

    return [
        sum((differential(t) * b for t, b in series.terms(l).items()), Fraction(0))
        for l in range(series.order + 1)
    ]


def iterative_logarithm(series: Sequence[Fraction]) -> list[Fraction]:
    """The g with φ = exp(g d/dw) w, for φ = w + φ_2 w² + …, by the logarithm of its matrix.

    M_ij = [w^j] φ(w)^i is a representation of composition (Carleman, Jabotinsky), and so
    g_j = (log M)_1j.
    """
    n = len(series)  # series[j] = [w^j] φ
    M = sp.Matrix(n - 1, n - 1, lambda i, j: rational(power(series, i + 1)[j + 1]))
    N, term, total = M - sp.eye(n - 1), sp.eye(n - 1), sp.zeros(n - 1, n - 1)
    for k in range(1, n):
        term = term * N
        total += sp.Rational((-1) ** (k + 1), k) * term
    return [Fraction(0), *(Fraction(int(e.p), int(e.q)) for e in total[0, :])]


def numbers(scalars: Sequence[Any], exact: bool) -> list:
    """Fractions, or mpmath numbers of the precision in force."""
    if exact:
        assert all(isinstance(s, Fraction) for s in scalars)
        return list(scalars)
    return [mpmath.mpmathify(sp.N(sp.sympify(s), mpmath.mp.dps + 20)) for s in scalars]


def assert_same(left: Sequence, right: Sequence, exact: bool) -> None:
    for a, b in zip(left, right, strict=True):
        if exact:
            assert a == b
        else:
            assert abs(a - b) < mpmath.mpf(10) ** (20 - mpmath.mp.dps)


# --- y' = y² -------------------------------------------------------------------------------------

EULER_ON_THE_SQUARE = ["1", "-1", "3/2", "-8/3", "31/6", "-157/15"]
MIDPOINT_ON_THE_SQUARE = ["1", "0", "1/4", "0", "1/8", "0", "11/192", "0", "3/128"]


@pytest.mark.parametrize(
    ("name", "published"),
    [("euler", EULER_ON_THE_SQUARE), ("implicit_midpoint", MIDPOINT_ON_THE_SQUARE)],
)
def test_the_square_as_published(name, published):
    """HLW IX.1, Example 1.1: (1.4) for explicit Euler, and the implicit midpoint rule."""
    c = list(map(Fraction, published))
    # what is typed here is right: the flow of the series is the step, as far as it goes
    step = step_on_the_square(METHODS[name].A, METHODS[name].b, [Fraction(1)], len(c) + 1)
    assert flow_on_the_square(c, len(c) + 1) == step
    wrong = [*c[:-1], c[-1] * Fraction(12, 11)]
    assert flow_on_the_square(wrong, len(c) + 1) != step
    order = len(c) - 1
    eq = bea.modified_equation(field=[x**2], params=x, order=order, method=name)
    assert [f[0] for f in eq.corrections] == [rational(a) * x ** (l + 2) for l, a in enumerate(c)]
    assert on_the_square(modified_series(name, order)) == c


def test_euler_on_the_square_is_the_iterative_logarithm_of_x_plus_x_squared():
    """OEIS A005119, the infinitesimal generator of x(x + 1): n! times the coefficients."""
    generator = [1, -1, 3, -16, 124, -1256, 15576, -226248, 3729216]
    c = on_the_square(modified_series("euler", order=11))
    assert [a * factorial(l) for l, a in enumerate(c[:9])] == generator
    phi = [Fraction(0), Fraction(1), Fraction(1), *[Fraction(0)] * 11]
    assert iterative_logarithm(phi)[2:] == c


def test_euler_on_the_exponential_function_is_an_iterative_logarithm():
    """A checksum over all trees through 12 nodes: on e^y all elementary differentials are e^{ny}.

    With w = h e^y a step is w ↦ w e^w, and so Σ b(τ)/σ(τ) over n nodes is the coefficient of
    w^{n+1} in the iterative logarithm of w e^w: 1, −1/2, 5/12, …
    """
    series = modified_series("euler", order=11)
    sums = [sum(series.terms(l).values(), Fraction(0)) for l in range(12)]
    phi = [Fraction(0), *(Fraction(1, factorial(k)) for k in range(13))]
    assert iterative_logarithm(phi)[2:] == sums
    assert sums[:4] == [1, Fraction(-1, 2), Fraction(5, 12), Fraction(-5, 12)]


def test_checksums_of_euler_through_12_nodes():
    """All b(τ), as a multiset, by counting maps on trees that are nested tuples here.

    b(τ) is the derivative at 0 of the strict order polynomial Ω: Ω(t) is the number of maps from
    the nodes into {1, …, t} that decrease from the root outwards.
    """
    nodes = 12
    counts: list[dict[tuple, tuple[int, ...]]] = [{}]  # by size: tree ↦ Ω(0), …, Ω(nodes)

    def multisets(total: int, largest: int):
        """Forests of so many nodes with trees in non-increasing order of (size, tree)."""
        if total == 0:
            yield ()
            return
        for size in range(min(total, largest), 0, -1):
            for tree in sorted(counts[size]):
                for rest in multisets(total - size, size):
                    if not rest or (size, tree) >= (sizes[rest[0]], rest[0]):
                        yield (tree, *rest)

    sizes: dict[tuple, int] = {}
    for n in range(1, nodes + 1):
        counts.append({})
        for forest in multisets(n - 1, n - 1):
            below = [1] * (nodes + 1)
            for tree in forest:
                below = [a * b for a, b in zip(below, counts[sizes[tree]][tree], strict=True)]
            omega = [0]
            for value in below[:nodes]:  # the root at s + 1, what hangs on it in {1, …, s}
                omega.append(omega[-1] + value)
            counts[n][forest] = tuple(omega)
            sizes[forest] = n
    assert [len(of_size) for of_size in counts[1:8]] == [1, 1, 2, 4, 9, 20, 48]
    assert len(counts[12]) == 4766

    def slope(omega: Sequence[int]) -> Fraction:
        """The derivative at 0 of the polynomial, from its differences there."""
        total, row = Fraction(0), list(omega)
        for k in range(1, nodes + 1):
            row = [b - a for a, b in pairwise(row)]
            total += Fraction((-1) ** (k + 1) * row[0], k)
        return total

    series = modified_series("euler", order=nodes - 1)
    for n in range(1, nodes + 1):
        ours = sorted(series.coefficients(n - 1).values())
        assert ours == sorted(map(slope, counts[n].values()))
        assert len(set(ours)) > 1 or n <= 2


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_the_flow_on_the_square_is_the_step_and_with_the_modifying_integrator_exact(name):
    """Every method, through h⁷: y·S(hy), with y/(1 − hy) for the exact solution."""
    method = METHODS[name]
    exact, order = method.is_rational, 6
    with mpmath.workdps(60):
        A, b = [numbers(row, exact) for row in method.A], numbers(method.b, exact)
        one = numbers([Fraction(1)], exact)
        forward = numbers(on_the_square(modified_series(method, order)), exact)
        step = step_on_the_square(A, b, one, order + 2)
        assert_same(flow_on_the_square(forward, order + 2), step, exact)
        inverse = numbers(on_the_square(modifying_integrator(method, order)), exact)
        assert_same(step_on_the_square(A, b, inverse, order + 2), one * (order + 2), exact)
    # These have on y², by the step above, a higher order than on other fields.
    better = name in ("radau_iia5", "gauss6", "lobatto_iiia6", "lobatto_iiic6")
    assert all(any(abs(c) > 1e-9 for c in cs[1:]) != better for cs in (forward, inverse))


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_the_same_on_the_exponential_function(name):
    """There all trees count alike: f̃ = Σ c_l h^l e^{(l+1)y} with c_l = Σ b(τ)/σ(τ)."""
    method = METHODS[name]
    exact, order = method.is_rational, 6
    length = order + 2
    with mpmath.workdps(60):
        A, b = [numbers(row, exact) for row in method.A], numbers(method.b, exact)
        forward, inverse = (
            numbers([sum(series.terms(l).values(), Fraction(0)) for l in range(length - 1)], exact)
            for series in (modified_series(method, order), modifying_integrator(method, order))
        )
        step = step_on_the_exponential(A, b, numbers([Fraction(1)], exact), length)
        assert_same(flow_on_the_exponential(forward, length), step, exact)
        solution = numbers([Fraction(0), *(Fraction(1, k) for k in range(1, length))], exact)
        assert_same(step_on_the_exponential(A, b, inverse, length), solution, exact)
    assert all(any(abs(c) > 1e-9 for c in cs[1:]) for cs in (forward, inverse))


# --- Riccati and logistic equations --------------------------------------------------------------


def test_euler_on_riccati():
    """f_1 = −½ f'f and f_2 = 1/12 f''(f,f) + ⅓ f'f'f on 1 + y², written out."""
    eq = bea.modified_equation(field=[1 + y**2], params=y, order=2)
    assert sp.expand(eq.corrections[1][0] + y * (1 + y**2)) == 0
    expected = (1 + y**2) * (sp.Rational(1, 6) + sp.Rational(3, 2) * y**2)
    assert sp.expand(eq.corrections[2][0] - expected) == 0


def test_kahans_method_on_riccati():
    """y⁺ = (y + h)/(1 − hy) is the flow of 1 + y² over the time arctan h: f̃ = (arctan h)/h · f."""
    eq = bea.modified_equation(step=lambda t, h: [(t[0] + h) / (1 - h * t[0])], params=y, order=7)
    for l, f in enumerate(eq.corrections):
        c = 0 if l % 2 else sp.Rational((-1) ** (l // 2), l + 1)
        assert sp.expand(f[0] - c * (1 + y**2)) == 0


def test_mickens_method_on_the_logistic_equation():
    """y⁺ = y(1 + h)/(1 + hy) is the flow of y(1 − y) over the time log(1 + h)."""
    eq = bea.modified_equation(
        step=lambda t, h: [t[0] * (1 + h) / (1 + h * t[0])], params=y, order=6
    )
    for l, f in enumerate(eq.corrections):
        assert sp.expand(f[0] - sp.Rational((-1) ** l, l + 1) * y * (1 - y)) == 0


# --- Lotka–Volterra ------------------------------------------------------------------------------


def test_lotka_volterra_with_explicit_euler_as_published():
    """HLW IX.1, Example 1.2, for q̇ = q(p − 1), ṗ = p(2 − q)."""
    eq = bea.modified_equation(field=[q * (p - 1), p * (2 - q)], params=(q, p), order=1)
    published = sp.Matrix([-q * (p**2 - p * q + 1) / 2, -p * (q**2 - p * q - 3 * q + 4) / 2])
    assert is_zero(eq.corrections[1] - published)


def test_lotka_volterra_with_symplectic_euler_as_published():
    """HLW IX.1, Example 1.2: q⁺ = q + h q(p⁺ − 1), p⁺ = p + h p⁺(2 − q)."""

    def step(theta, h):
        q, p = theta
        p = p / (1 - h * (2 - q))
        return [q + h * q * (p - 1), p]

    eq = bea.modified_equation(step=step, params=(q, p), order=1)
    published = sp.Matrix([-q * (p**2 + p * q - 4 * p + 1) / 2, p * (q**2 + p * q - 5 * q + 4) / 2])
    assert is_zero(eq.corrections[1] - published)


@pytest.mark.parametrize("order_of_updates", ["v first", "u first"])
def test_symplectic_euler_on_lotka_volterra_has_a_modified_invariant(order_of_updates):
    """In log u and log v it is symplectic: f_l/(uv) is divergence-free; explicit Euler's is not.

    u̇ = u(v − 2), v̇ = v(1 − u), HLW I.1.1.
    """

    def step(theta, h):
        u, v = theta
        if order_of_updates == "v first":
            v = v / (1 - h * (1 - u))
            return [u + h * u * (v - 2), v]
        u = u / (1 - h * (v - 2))
        return [u, v + h * v * (1 - u)]

    def divergence(f) -> sp.Expr:
        return sp.simplify(sp.diff(f[0] / (u * v), u) + sp.diff(f[1] / (u * v), v))

    eq = bea.modified_equation(step=step, params=(u, v), order=3)
    assert is_zero(eq.corrections[0] - sp.Matrix([u * (v - 2), v * (1 - u)]))
    assert [divergence(f) for f in eq.corrections] == [0] * 4
    euler = bea.modified_equation(field=[u * (v - 2), v * (1 - u)], params=(u, v), order=1)
    f, second = euler.corrections
    assert is_zero(second + f.jacobian([u, v]) * f / 2)
    assert divergence(second) != 0


# --- Hamiltonian systems -------------------------------------------------------------------------

T, U = p**2 / 2, -sp.cos(q)
PENDULUM = [p, -sp.sin(q)]


def hamiltonian_field(H: sp.Expr) -> sp.Matrix:
    """(q̇, ṗ) = J⁻¹∇H."""
    return sp.Matrix([sp.diff(H, p), -sp.diff(H, q)])


def bracket(F: sp.Expr, G: sp.Expr) -> sp.Expr:
    """{F, G} = F_q G_p − F_p G_q."""
    return sp.expand(sp.diff(F, q) * sp.diff(G, p) - sp.diff(F, p) * sp.diff(G, q))


def euler_kick_first(theta, h):
    q, p = theta
    p = p - h * sp.sin(q)
    return [q + h * p, p]


def verlet_kick_first(theta, h):
    q, p = theta
    p = p - h / 2 * sp.sin(q)
    q = q + h * p
    return [q, p - h / 2 * sp.sin(q)]


def verlet_drift_first(theta, h):
    q, p = theta
    q = q + h / 2 * p
    p = p - h * sp.sin(q)
    return [q + h / 2 * p, p]


def test_symplectic_euler_on_the_pendulum():
    """H̃ = H − (h/2) H_p H_q + (h²/12)(H_pp H_q² + H_qq H_p²) + …  (HLW IX.3, Example 3.4)."""
    eq = bea.modified_equation(step=euler_kick_first, params=(q, p), order=3)
    H = T + U
    H_p, H_q = sp.diff(H, p), sp.diff(H, q)
    published = [
        H,
        -H_p * H_q / 2,
        (sp.diff(H, p, 2) * H_q**2 + sp.diff(H, q, 2) * H_p**2) / 12,
    ]
    for f, H_l in zip(eq.corrections, published, strict=False):
        assert is_zero(f - hamiltonian_field(H_l))
    # Baker, Campbell, Hausdorff, of the kick and then the drift, with {F, G} for the commutator:
    # A + B + ½[A,B] + 1/12 ([A,[A,B]] + [B,[B,A]]) − 1/24 [B,[A,[A,B]]]
    AB = bracket(U, T)
    terms = [
        T + U,
        -AB / 2,
        (bracket(U, AB) + bracket(T, bracket(T, U))) / 12,
        bracket(T, bracket(U, AB)) / 24,
    ]
    for f, H_l in zip(eq.corrections, terms, strict=True):
        assert is_zero(f - hamiltonian_field(H_l))
    assert sp.simplify(terms[3] + p * sp.sin(q) * sp.cos(q) / 12) == 0


@pytest.mark.parametrize(
    ("step", "kinetic", "potential"),
    [(verlet_kick_first, "1/12", "-1/24"), (verlet_drift_first, "-1/24", "1/12")],
)
def test_stormer_verlet_on_the_pendulum(step, kinetic, potential):
    """H̃ = H + h²(1/12 pᵀU''p − 1/24 |U'|²) + O(h⁴), and the weights exchanged (HLW IX.3)."""
    eq = bea.modified_equation(step=step, params=(q, p), order=4)
    H_2 = sp.Rational(kinetic) * p**2 * sp.diff(U, q, 2)
    H_2 += sp.Rational(potential) * sp.diff(U, q) ** 2
    assert eq.corrections[1] == eq.corrections[3] == sp.zeros(2, 1)
    assert is_zero(eq.corrections[2] - hamiltonian_field(H_2))
    assert not is_zero(eq.corrections[4])
    assert is_zero(sp.Matrix([divergence_on_the_plane(eq.corrections[4])]))


def divergence_on_the_plane(f: sp.Matrix) -> sp.Expr:
    return sp.diff(f[0], q) + sp.diff(f[1], p)


@pytest.mark.parametrize(
    ("name", "order"), [("implicit_midpoint", 4), ("gauss4", 4), ("yoshida4", 4)]
)
def test_symplectic_methods_have_hamiltonian_corrections(name, order):
    """HLW IX.3, Theorem 3.1; in the plane: no divergence."""
    eq = bea.modified_equation(field=PENDULUM, params=(q, p), order=order, method=name)
    for f in eq.corrections:
        assert is_zero(sp.Matrix([divergence_on_the_plane(f)]))
    assert not is_zero(eq.corrections[order])


@pytest.mark.parametrize(
    ("name", "first"),
    [("euler", 1), ("trapezoidal", 2), ("ralston", 2), ("heun", 3), ("rk4", 5), ("radau_iia3", 3)],
)
def test_other_methods_have_not(name, first):
    """Not even on the pendulum, although f_2 of Heun and f_4 of rk4 happen to be Hamiltonian."""
    eq = bea.modified_equation(field=PENDULUM, params=(q, p), order=first, method=name)
    divergences = [sp.simplify(divergence_on_the_plane(f)) for f in eq.corrections]
    assert [l for l, divergence in enumerate(divergences) if divergence != 0] == [first]


def test_the_modified_hamiltonian_of_the_implicit_midpoint_rule():
    """H_2 = −1/24 ∇²H(f, f) (HLW IX.3), here for a Hamiltonian that is not separable."""
    H = p**2 * (1 + q**2) / 2 + q**3 - p * q
    f = hamiltonian_field(H)
    eq = bea.modified_equation(field=[*f], params=(q, p), order=2, method="implicit_midpoint")
    H_2 = -(f.T * sp.hessian(H, (q, p)) * f)[0] / 24
    assert is_zero(eq.corrections[2] - hamiltonian_field(H_2))


@pytest.mark.parametrize(
    ("name", "kept"),
    [("implicit_midpoint", True), ("gauss4", True), ("trapezoidal", False), ("rk4", False)],
)
def test_quadratic_invariants_of_the_rigid_body(name, kept):
    """Gauss's methods keep them, and so do their modified equations (HLW IV.2 and IX.1)."""
    Y = sp.symbols("y_1:4")
    momentum = sp.Matrix(Y)
    f = momentum.cross(sp.Matrix([Y[0] / 2, Y[1], 3 * Y[2] / 2]))
    energy = sp.Matrix([Y[0] / 2, Y[1], 3 * Y[2] / 2])
    eq = bea.modified_equation(field=[*f], params=Y, order=4, method=name)
    for invariant in (momentum, energy):
        changes = [sp.expand((invariant.T * g)[0]) for g in eq.corrections]
        assert changes[0] == 0
        assert (changes == [0] * 5) == kept


# --- linear fields -------------------------------------------------------------------------------


def stability_coefficients(method: ButcherTableau, length: int) -> tuple[Any, list]:
    """The number field of a method, and the coefficients r_k = bᵀA^{k−1}1 of R(z) in it."""
    s = len(method.b)
    domain, entries = sp.construct_domain(
        list(map(sp.sympify, method.entries)), extension=True, field=True
    )
    A, b = [entries[s * i : s * (i + 1)] for i in range(s)], entries[s * s :]
    vector, r = [domain.one] * s, [domain.one]
    for _ in range(length - 1):
        r.append(sum((w * e for w, e in zip(b, vector, strict=True)), domain.zero))
        vector = [sum((a * e for a, e in zip(row, vector, strict=True)), domain.zero) for row in A]
    return domain, r


def logarithm_of_stability(method: ButcherTableau, length: int) -> list[sp.Expr]:
    """The l_k with log R(z) = Σ l_k z^k, from R' = R·(log R)':  k r_k = Σ_j j l_j r_{k−j}."""
    domain, r = stability_coefficients(method, length)
    found = [domain.zero]
    for k in range(1, length):
        known = sum((j * found[j] * r[k - j] for j in range(1, k)), domain.zero)
        found.append((k * r[k] - known) / domain.convert(k))
    return list(map(domain.to_sympy, found))


def tall(n: int) -> Tree:
    return Tree.from_level_sequence(range(1, n + 1))


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_on_linear_fields_it_is_the_logarithm_of_the_stability_function(name):
    """θ⁺ = R(hλ)θ, so that f̃ = log R(hλ)/h · θ: tall trees, through order 6, exactly."""
    series, length = modified_series(name, order=6), 8
    logarithm = logarithm_of_stability(METHODS[name], length)
    for n in range(1, length):
        assert sp.expand(logarithm[n] - sp.sympify(series[tall(n)])) == 0
    assert any(series[tall(n)] for n in range(2, length))


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_on_linear_fields_the_modifying_integrator_is_the_inverse_series(name):
    """R(hλ·g(hλ)) = e^{hλ} with f̂ = g(hλ) λθ: tall trees, through order 6, exactly."""
    series, length = modifying_integrator(name, order=6), 8
    domain, r = stability_coefficients(METHODS[name], length)
    zg = [domain.zero, *(domain.from_sympy(sp.sympify(series[tall(n)])) for n in range(1, length))]
    total, powers = [domain.zero] * length, [domain.one] + [domain.zero] * (length - 1)
    for k in range(length):
        total = [t + r[k] * e for t, e in zip(total, powers, strict=True)]
        powers = [
            sum((powers[i] * zg[n - i] for i in range(n + 1)), domain.zero) for n in range(length)
        ]
    for n, coefficient in enumerate(total):
        assert coefficient * domain.convert(factorial(n)) == domain.one


@pytest.mark.parametrize("name", ["euler", "implicit_midpoint", "rk4", "sdirk2", "gauss4"])
def test_the_scalar_linear_field_in_coordinates(name):
    slope = sp.Symbol("lambda")
    logarithm = logarithm_of_stability(METHODS[name], 6)
    eq = bea.modified_equation(field=[slope * x], params=x, order=4, method=name)
    for l, f in enumerate(eq.corrections):
        assert sp.expand(f[0] - logarithm[l + 1] * slope ** (l + 1) * x) == 0


# --- quadratic and separable losses --------------------------------------------------------------


@pytest.mark.parametrize("name", ["euler", "implicit_euler", "heun", "rk4", "gauss4", "sdirk2"])
def test_quadratic_losses_have_a_modified_loss_to_every_order(name):
    """Ẽ_l = (−1)^l c_l/2 · ∇EᵀS^{l−1}∇E for E = ½θᵀSθ + aᵀθ and log R(z) = Σ c_l z^{l+1}."""
    S, a, theta = sp.Matrix([[3, 1], [1, -2]]), sp.Matrix([1, -5]), sp.Matrix([x, y])
    E = sp.expand((theta.T * S * theta)[0] / 2 + (a.T * theta)[0])
    g = S * theta + a
    order = 5
    eq = bea.modified_equation(loss=E, params=(x, y), order=order, method=name)
    loss = sp.expand(eq.modified_loss())
    logarithm = logarithm_of_stability(METHODS[name], order + 2)
    for l in range(1, order + 1):
        closed = (-1) ** l * logarithm[l + 1] * (g.T * S ** (l - 1) * g)[0] / 2
        difference = loss.coeff(eq.step_size, l) - closed
        assert sp.expand(sp.diff(difference, x)) == sp.expand(sp.diff(difference, y)) == 0
    assert sp.expand(loss.coeff(eq.step_size, 0) - E) == 0


def test_gradient_descent_on_an_exponential_loss():
    """f_l = (−1)^{l+1} s_l e^{(l+1)x} with s_l = Σ b(τ)/σ(τ), so that Ẽ_2 = 5/36 e^{3x}."""
    eq = bea.modified_equation(loss=sp.exp(x), params=x, order=4)
    series = modified_series("euler", order=4)
    for l in range(5):
        # f = −e^x: F(τ)(f) = (−1)^{|τ|} e^{nx}
        total = (-1) ** (l + 1) * rational(sum(series.terms(l).values(), Fraction(0)))
        assert sp.expand(eq.corrections[l][0] - total * sp.exp((l + 1) * x)) == 0
    known = sp.exp(x) + h * sp.exp(2 * x) / 4 + h**2 * sp.Rational(5, 36) * sp.exp(3 * x)
    assert sp.expand(eq.modified_loss(2).subs(eq.step_size, h) - known) == 0


@pytest.mark.parametrize("name", ["euler", "ralston", "implicit_midpoint"])
def test_separable_losses_have_the_sum_of_the_modified_losses(name):
    parts = {x: sp.exp(x) - x**3, y: y**4 / 4 + 2 * y}
    eq = bea.modified_equation(loss=sum(parts.values()), params=(x, y), order=3, method=name)
    total = eq.modified_loss()
    for symbol, part in parts.items():
        alone = bea.modified_equation(loss=part, params=symbol, order=3, method=name)
        slope = sp.diff(total, symbol)
        assert sp.expand(slope + alone.vector_field()[0]) == 0
        assert sp.expand(sp.diff(alone.modified_loss(), symbol) - slope) == 0


# --- the two series are inverse to one another ---------------------------------------------------


@pytest.mark.parametrize("name", [n for n in RATIONAL if modified_series(n, 4).method_order])
def test_on_trees_the_modified_equation_of_the_modified_field_is_the_field(name):
    """A step on f̂ has the modified equation f, and on f̃ the step of the exact flow is undone."""
    method, order = METHODS[name], 4
    fields = [modifying_integrator(name, order).terms(l) for l in range(order + 1)]
    carrier = TreeCarrier()
    step = RungeKuttaStep(carrier, fields.__getitem__, method)
    found = list(islice(modified_fields(carrier, step.displacement), order + 1))
    assert found == [{Tree(): 1}, *[{}] * order]
    assert any(fields[1:])


EXPLICIT_STEPS = {
    "euler": lambda f, theta, h: [t + h * k for t, k in zip(theta, f(theta), strict=True)],
    "midpoint": lambda f, theta, h: [
        t + h * k
        for t, k in zip(
            theta, f([t + h / 2 * k for t, k in zip(theta, f(theta), strict=True)]), strict=True
        )
    ],
}


@pytest.mark.parametrize(
    ("name", "field", "order"),
    [
        ("euler", ["x*y + y", "x - y**2"], 3),
        ("euler", ["y", "-sin(x)"], 4),
        ("midpoint", ["x**2 - x", "x*y"], 3),
    ],
)
def test_in_coordinates_a_step_on_the_modified_field_is_exact(name, field, order):
    modified = modifying_integrator(name, order).on(field=field, params="x, y")
    right_side = modified.vector_field()

    def f(theta):
        at = dict(zip((x, y), theta, strict=True))
        return [component.subs(at, simultaneous=True) for component in right_side]

    def step(theta, step_size):
        moved = EXPLICIT_STEPS[name](f, list(theta), step_size)
        return [component.subs(modified.step_size, step_size) for component in moved]

    eq = bea.modified_equation(step=step, params=(x, y), order=order)
    assert is_zero(eq.corrections[0] - sp.Matrix(list(map(sp.sympify, field))))
    for correction in eq.corrections[1:]:
        assert is_zero(correction)
    assert not all(map(is_zero, modified.corrections[1:]))


# --- gradients -----------------------------------------------------------------------------------

z = sp.Symbol("z")
POOL = [
    ((x, y), sp.exp(x + 2 * y) + x**2 * y - y**3),
    ((x, y), x**3 * y + x * y**2 - 2 * x**2),
    ((x, y, z), x * y * z + x**2 - z**3 + y**2 * z),
]
MAX_L = 3


@cache
def differential_in_pool(index: int, tree: Tree) -> sp.ImmutableMatrix:
    """F(τ)(−∇E) on a loss of the pool, by differentiation along frozen directions."""
    params, E = POOL[index]
    result = sp.Matrix([-sp.diff(E, s) for s in params])
    vectors = [differential_in_pool(index, child) for child in tree.children]
    symbols = [sp.symbols(f"w{k}_:{len(params)}") for k in range(len(vectors))]
    for direction in symbols:
        result = result.jacobian(params) * sp.Matrix(direction)
    frozen = {
        s: value
        for direction, vector in zip(symbols, vectors, strict=True)
        for s, value in zip(direction, vector, strict=True)
    }
    return sp.ImmutableMatrix(result.subs(frozen).applyfunc(sp.expand))


@cache
def curl_in_pool(index: int, tree: Tree) -> sp.ImmutableMatrix:
    J = differential_in_pool(index, tree).jacobian(POOL[index][0])
    return (J - J.T).applyfunc(sp.expand)


def is_free_of_curl_in_pool(index: int, terms: Mapping[Tree, Any]) -> bool:
    """Is Σ c F(τ)(−∇E) a gradient for this loss of the pool?"""
    size = len(POOL[index][0])
    total = sp.zeros(size, size)
    for tree, c in terms.items():
        total += sp.sympify(c) * curl_in_pool(index, tree)
    return total.applyfunc(sp.expand) == sp.zeros(size, size)


TUNED = ButcherTableau([[0, 0], ["c", 0]], ["1 - 1/(6*c**2)", "1/(6*c**2)"], name="tuned")
"""b(cherry) − b(tall) = Σ b_i c_i² − Σ b_i a_ij c_j − 1/6 = 0: f_2 is a gradient for every loss."""


@pytest.mark.slow
@examples(5)
@given(tableaus(stages=2))
def test_the_criterion_says_what_curl_says(method):
    series = modified_series(method, order=MAX_L)
    assert series.is_gradient(0) and series.is_gradient(1)
    for l in range(MAX_L + 1):
        terms = series.terms(l)
        free_of_curl = [is_free_of_curl_in_pool(i, terms) for i in range(len(POOL))]
        assert all(free_of_curl) == series.is_gradient(l)


@examples(6)
@given(polynomial_losses(most=3), st.sampled_from(["1/2", "1/3", "1", "-2/3", "3/2"]))
def test_tuned_methods_have_a_gradient_in_f_2_for_every_loss(problem, c):
    params, E = problem
    method = TUNED.subs({"c": c})
    assert modified_series(method, order=2).is_gradient(2)
    eq = bea.modified_equation(loss=E, params=params, order=2, method=method)
    assert all(e == 0 for e in eq.curl(2))
    H = sp.hessian(E, params)
    g = sp.Matrix([sp.diff(E, s) for s in params])
    # Ẽ_2 = b/2 ∇EᵀH∇E with b = b(tall) = ⅓ − Σ b_i c_i = ⅓ − 1/(6c)
    closed = (sp.Rational(1, 3) - 1 / (6 * sp.Rational(c))) * (g.T * H * g)[0] / 2
    loss = sp.expand(eq.modified_loss(2))
    for s, component in zip(params, eq.corrections[2], strict=True):
        assert sp.expand(sp.diff(closed, s) + component) == 0
        assert sp.expand(sp.diff(loss.coeff(eq.step_size, 2), s) + component) == 0
    # and by quadrature along the ray: Ẽ_2(θ) − Ẽ_2(0) = −∫_0^1 f_2(tθ)·θ dt
    t = sp.Symbol("t")
    scaled = {s: t * s for s in params}
    integrand = sum(
        -f.subs(scaled, simultaneous=True) * s
        for f, s in zip(eq.corrections[2], params, strict=True)
    )
    ray = sp.integrate(sp.expand(integrand), (t, 0, 1))
    assert sp.expand(ray - closed + closed.subs(dict.fromkeys(params, 0))) == 0


def test_the_tuned_family_is_a_gradient_with_its_symbol():
    series = modified_series(TUNED, order=3)
    assert series.is_gradient(2)
    (free, factor), *others = series.modified_loss(2).terms(2).items()
    assert not others and free.contraction() == "E_i E_ij E_j"
    c = sp.Symbol("c")
    assert sp.simplify(factor - (sp.Rational(1, 3) - 1 / (6 * c)) / 2) == 0
    assert not series.is_gradient(3)
    with pytest.raises(bea.NotAGradientError):
        series.modified_loss(3)
    # with any other weight it is none
    other = ButcherTableau([[0, 0], ["c", 0]], ["1 - 1/(5*c**2)", "1/(5*c**2)"])
    assert not modified_series(other, order=2).is_gradient(2)
    terms = modified_series(other.subs({"c": "1/2"}), order=2).terms(2)
    assert not all(is_free_of_curl_in_pool(i, terms) for i in range(len(POOL)))


def test_the_tuned_family_on_the_pool():
    for c in ("1/2", "1", "sqrt(2)"):
        terms = modified_series(TUNED.subs({"c": c}), order=2).terms(2)
        assert terms or c == "1/2"
        for i, (params, E) in enumerate(POOL):
            assert is_free_of_curl_in_pool(i, terms)
            eq = bea.modified_equation(loss=E, params=params, order=2, method=TUNED.subs({"c": c}))
            assert all(e == 0 for e in eq.curl(2))
            gradient = sp.Matrix([sp.diff(eq.modified_loss(2), s) for s in params])
            assert is_zero(gradient + eq.vector_field(2))
