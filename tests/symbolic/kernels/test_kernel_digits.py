"""No kernel returns a number with fewer than half of its digits right without a sign.

The exact values come from SymPy's derivatives and mpmath with hundreds of digits: neither the
corrections nor the balls of the package take part in them.
"""

from __future__ import annotations

from functools import cache
from random import Random

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp

import bea
from bea.flows.precision import double_precision
from bea.symbolic.kernels.running_error import with_bound
from tests.quick import quick

x, y = sp.symbols("x y")
R = sp.Rational


def exact(loss: sp.Expr, params, theta, h, p: int) -> list[mpmath.mpf]:
    """As `exact_to`, with digits for what cancels in the range of floats."""
    return exact_to(400, loss, params, theta, h, p)


def exact_to(digits: int, loss: sp.Expr, params, theta, h, p: int) -> list[mpmath.mpf]:
    """−∇E − (h/2) H∇E + h²(1/12 f''(f, f) + 1/3 f'f'f) at the numbers that the floats are."""
    f = -sp.Matrix([sp.diff(loss, v) for v in params])

    def along(g):
        return g.jacobian(params) * f

    field = f - R(1, 2) * sp.Symbol("h") * along(f) * int(p > 0)
    if p > 1:
        f_2 = along(along(f)) / 12 + f.jacobian(params) * along(f) / 4
        field += sp.Symbol("h") ** 2 * f_2
    evaluate = sp.lambdify([*params, sp.Symbol("h")], list(field), modules="mpmath", cse=True)
    with mpmath.workdps(digits):
        numbers = [mpmath.mpf(float(t)) for t in (*theta, h)]
        return [mpmath.mpmathify(v).real for v in evaluate(*numbers)]


def right_digits(found: float, true: mpmath.mpf) -> float:
    """The number of decimal digits of a float that are right."""
    with mpmath.workdps(50):
        if found == true or (abs(true) < 1e-300 and abs(found) < 1e-300):
            return 50.0
        return float(-mpmath.log10(abs((mpmath.mpf(float(found)) - true) / true))) if true else 0.0


@cache
def kernel_of(loss: str, params: str, p: int):
    """One kernel for several points and dtypes: what takes time is its making."""
    return bea.modified_equation(loss=loss, params=params, order=p).to_jax()


SEEN = [
    # loss, parameters, point, order, dtype, value
    ("sin(2.3*x)+sin(0.7*x)", "x", (0.7,), 1, "float64", -0.381992),
    ("sin(2.3*x)+sin(0.7*x)", "x", (0.7,), 1, "float32", -0.381992),
    ("sin(2.3*x)*cos(0.7*x)", "x", (0.7,), 1, "float64", 0.3058),
    ("sin(12*x)+cos(7*x)", "x", (0.7,), 1, "float32", 3.622),
    ("x**2*sin(2.43)/2+y**2*cos(2)/2", "x,y", (-2.0, 0.0), 0, "float64", 1.306),
    ("sin(x)/x", "x", (1e-3,), 1, "float64", 3.2777775e-4),
    ("sin(x)/x", "x", (0.0,), 1, "float64", 0.0),
    ("(1-cos(x))/x**2", "x", (1e-7,), 1, "float64", 8.2986e-9),
    ("x/tanh(x)", "x", (1e-4,), 1, "float64", -6.888889e-5),
    ("x/tanh(x)", "x", (0.0,), 1, "float64", 0.0),
    ("(x-sin(x))/x**3", "x", (0.0,), 1, "float64", 0.0),
    ("log(1+x)/x", "x", (0.0,), 0, "float64", 0.5),
    ("(x-1000)**4", "x", (1000.5,), 2, "float64", -0.5925),
    ("(x-1000)**4", "x", (1000.5,), 2, "float32", -0.5925),
    ("log(cosh(x))", "x", (100.0,), 1, "float32", -1.0),
    ("log(cosh(x))", "x", (-3e30,), 1, "float32", 1.0),
    ("log(exp(3*x)+2*exp(-x)+1)", "x", (300.0,), 1, "float64", -3.0),
    ("softplus(x)", "x", (-700.0,), 0, "float64", -9.8596765437597708e-305),
]


@pytest.mark.parametrize(
    ("loss", "params", "point", "p", "dtype", "value"),
    quick(SEEN, [*SEEN[:2], *SEEN[4:8], *SEEN[12:17]]),
)
def test_values_that_were_wrong(loss, params, point, p, dtype, value):
    with double_precision():
        kernel = kernel_of(loss, params, p)
        theta = jnp.array(point, dtype)
        found = np.asarray(kernel(theta, 0.1))
        assert found.dtype == dtype
        np.testing.assert_allclose(found[0], value, rtol=3e-4, atol=1e-300)
        in_jit = np.asarray(jax.jit(kernel)(theta, 0.1))
        assert np.isnan(in_jit[0]) or abs(in_jit[0] - value) <= 3e-4 * abs(value)


KINDS = {
    "powers far away": lambda r: (x - r.randrange(1, 2000)) ** r.randrange(3, 9),
    "bells": lambda r: sp.exp(-((x - r.randrange(40)) ** 2)) * r.choice([1, sp.atan(x), x]),
    "logistic": lambda r: sum(
        sp.log(1 + sp.exp(R(str(round(r.uniform(-3, 3), 2))) * x)) for _ in range(r.randrange(1, 9))
    ),
    "saturated": lambda r: sp.tanh(r.randrange(1, 80) * x) * r.choice([1, x]),
    "angles": lambda r: sp.sin(R(r.randrange(99), 10) * x) * sp.cos(R(r.randrange(1, 99), 10) * x),
    "removable": lambda r: r.choice(
        [sp.sin(x) / x, (1 - sp.cos(x)) / x**2, x / sp.tanh(x), (sp.exp(x) - 1) / x,
         sp.log(1 + x**2) / x, (x - sp.sin(x)) / x**3, sp.sinh(3 * x) / x, sp.tanh(x) / x]
    ),
    "rational": lambda r: 1 / (1 + (x - r.randrange(30)) ** 2) + x / (x**2 + R(1, 100)),
    "log cosh": lambda r: sp.log(sp.cosh(x - r.randrange(30))) + sp.log(sp.exp(x) + 2 * sp.exp(-x)),
}  # fmt: skip


@pytest.mark.parametrize("kind", quick(KINDS, ["bells", "logistic", "removable", "rational"]))
@pytest.mark.parametrize(
    ("dtype", "losses"),
    [
        ("float64", 1),
        pytest.param("float32", 1, marks=pytest.mark.slow),
        pytest.param("float64", 6, marks=pytest.mark.slow),
        pytest.param("float32", 6, marks=pytest.mark.slow),
    ],
)
def test_half_of_the_digits_or_a_sign(kind, dtype, losses):
    random = Random(f"{kind} {dtype} {losses}")
    needed = {"float64": 7.8, "float32": 3.4}[dtype]
    signs = values = 0
    for _ in range(losses):
        loss, p = KINDS[kind](random), random.randrange(3)
        scales = [10.0 ** random.uniform(-6, 2.5) * random.choice([1, -1]) for _ in range(12)]
        with double_precision():
            kernel = bea.modified_equation(loss=loss, params=[x], order=p).to_jax()
            theta = jnp.array(scales, dtype)[:, None]
            found = np.asarray(kernel(theta, 0.125))[:, 0]
            in_jit = np.asarray(jax.jit(kernel)(theta, 0.125))[:, 0]
        limits = np.finfo(dtype)
        for t, eager, traced in zip(np.asarray(theta)[:, 0], found, in_jit, strict=True):
            (true,) = exact(loss, [x], [t], 0.125, p)
            if not 1e3 * float(limits.tiny) < abs(true) < limits.max:
                continue
            values += 1
            # Near the largest float something on the way may be beyond it.
            signs += bool(np.isnan(traced) and abs(true) < float(limits.max) ** 0.75)
            # What moving t by a few of its units does is no error of the kernel.
            nearby = [exact(loss, [x], [t * (1 + k * limits.eps)], 0.125, p)[0] for k in (-1, 1)]
            unavoidable = 300 * max(abs(n - true) for n in nearby)
            assert right_digits(eager, true) > needed or abs(eager - true) < unavoidable, (loss, t)
            assert (
                np.isnan(traced)
                or right_digits(traced, true) > needed
                or abs(traced - true) < unavoidable
            ), (loss, t, traced, true)
    assert signs <= values * 0.9
    assert values > 2 * losses or dtype == "float32"  # in which all of them may be zero


def test_a_zero_of_the_field_is_no_lack_of_digits():
    """Flows end at minima: there the value is as exact as θ is, and no sign is given."""
    with double_precision():
        kernel = jax.jit(bea.modified_equation(loss="(x**2-2)**2/4", params="x", order=2).to_jax())
        for k in range(-3, 4):
            at = np.sqrt(2.0) * (1 + k * 2e-16)
            found = float(kernel(jnp.array([at]), 0.1)[0])
            assert abs(found) < 1e-14
        assert float(kernel(jnp.array([0.0]), 0.1)[0]) == 0
        valley = jax.jit(
            bea.modified_equation(
                loss="log(1+exp(3*x)) + log(1+exp(-3*x))", params="x", order=1
            ).to_jax()
        )
        for at in (0.0, 1e-16, -1e-12, 1e-9, 1e-6):
            assert abs(float(valley(jnp.array([at]), 0.1)[0]) + 4.5 * at) < 1e-15 + 2 * abs(at)


MODELS = {
    "logistic": lambda u, c: sp.log(1 + sp.exp(u)),
    "logistic, by its sigmoid": lambda u, c: sp.exp(-u) / (1 + sp.exp(-u)),
    "least squares": lambda u, c: (u - c) ** 2,
    "robust": lambda u, c: sp.log(1 + (u - c) ** 2),
    "network": lambda u, c: (y * sp.tanh(u) - c) ** 2 / 2,
}


def data_loss(model: str, n: int, random: Random) -> sp.Expr:
    """A loss on n data of three decimals, some of them 0, 1 or −1."""

    def number() -> sp.Rational:
        return random.choice([R(random.randrange(-3000, 3000), 1000)] * 5 + [R(0), R(1), R(-1)])

    term = MODELS[model]
    return sum(term(number() * x + number() * y + number(), number()) for _ in range(n))


@pytest.mark.parametrize("model", quick(MODELS, ("logistic", "network")))
def test_data_are_computed_by_arrays(model):
    """A loss on 60 points is no longer a program than a few terms: term by term it has 20 000."""
    eq = bea.modified_equation(loss=data_loss(model, 60, Random(5)), params=(x, y), order=1)
    bounds = with_bound(eq.to_jax(checked=False))
    assert len(jax.make_jaxpr(bounds)(jnp.ones(2), 0.1).eqns) < 2000


@pytest.mark.parametrize("model", quick(MODELS, ("logistic", "network")))
def test_values_by_arrays_are_right(model):
    random = Random(6)
    loss = data_loss(model, 12, random)
    kernel = bea.modified_equation(loss=loss, params=(x, y), order=1).to_jax()
    with double_precision():
        for scale in (0.3, 30.0):
            point = [scale * random.uniform(-1, 1) for _ in range(2)]
            found = np.asarray(kernel(jnp.array(point), 0.1))
            for value, true in zip(found, exact(loss, (x, y), point, 0.1, 1), strict=True):
                assert right_digits(value, true) > 9


def test_dictionaries_in_and_out():
    kernel = bea.modified_equation(loss=x**2 / 2 + y, params=(x, y), order=0).to_jax()
    by_array = kernel(jnp.array([1.0, 2.0]), 0.1)
    by_name = kernel({"y": 2.0, "x": 1.0}, 0.1)
    assert list(by_name) == ["x", "y"]
    assert [float(by_name["x"]), float(by_name["y"])] == by_array.tolist()
    by_symbol = kernel({x: jnp.ones(3), y: 2.0}, 0.1)
    assert by_symbol[x].shape == (3,) and list(by_symbol) == [x, y]
    for wrong in ({"x": 1.0}, {"x": 1.0, "z": 2.0}, {}):
        with pytest.raises(bea.InputError, match="give one number for each of x, y"):
            kernel(wrong, 0.1)
    with pytest.raises(bea.InputError, match="theta is str: give an array"):
        kernel("x", 0.1)


QUICK = (sp.besselj(1, x), sp.LambertW(x), sp.fresnels(x), sp.atan2(x, 2), sp.polygamma(1, x))
OF_SCIPY = [
    sp.besselj(1, x), sp.bessely(R(1, 2), x), sp.besseli(0, x), sp.besselk(2, x),
    sp.LambertW(x), sp.Si(x), sp.Ci(x), sp.Shi(x), sp.fresnels(x), sp.erfi(x), sp.li(x + 2),
    sp.atan2(x, 2), sp.erfinv(x / 4), sp.polygamma(1, x), sp.loggamma(x),
]  # fmt: skip


@pytest.mark.parametrize(
    "f",
    [pytest.param(f, id=str(f), marks=() if f in QUICK else pytest.mark.slow) for f in OF_SCIPY],
)
def test_functions_of_scipy_have_kernels(f):
    with double_precision():
        kernel = bea.modified_equation(field=[f], params=[x], order=1).to_jax()
        found = kernel(jnp.array([[1.25], [0.75]]), 0.125)
        np.testing.assert_allclose(jax.jit(kernel)(jnp.array([[1.25], [0.75]]), 0.125), found)
    for t, value in zip((1.25, 0.75), np.asarray(found)[:, 0], strict=True):
        field = f - R(1, 16) * sp.diff(f, x) * f
        true = sp.lambdify(x, field, modules="mpmath")(mpmath.mpf(t))
        assert right_digits(value, mpmath.mpmathify(true).real) > 12


# --- the bound ---------------------------------------------------------------------------------

FUNCTIONS = {
    "cancels": lambda t: (t + 1e6) - 1e6,
    "quotient": lambda t: jnp.sin(t) / t**2 - jnp.cos(t) / t,
    "polynomial": lambda t: jnp.polyval(jnp.array([1.0, -20.0, 150.0, -500.0, 625.0], t.dtype), t),
    "sums": lambda t: jnp.sum(jnp.array([0.1, 0.7, -0.8]) * t) + jnp.exp(t) * 1e-9,
    "products": lambda t: jnp.dot(jnp.array([1.1, -1.1]), jnp.stack([t, t * 1.0000001])),
    "power": lambda t: (t - 1) ** 7 * jnp.log1p(t) / jnp.sqrt(1 + t),
}


@pytest.mark.parametrize("name", quick(FUNCTIONS, list(FUNCTIONS)[::2]))
def test_the_bound_is_one(name):
    """In float32, with float64 as what is exact."""
    with double_precision():
        points = np.geomspace(1e-3, 30, 60).astype(np.float32)
        value, bound = jax.vmap(with_bound(FUNCTIONS[name]))(jnp.asarray(points))
        with_exact = jax.vmap(FUNCTIONS[name])(jnp.asarray(points, jnp.float64))
        # Constants are rounded to float32 in the one and not in the other.
        error = np.abs(np.asarray(value, float) - np.asarray(with_exact))
        assert (error <= np.asarray(bound) + 1e-30).all()
        assert (np.asarray(bound) <= 1e4 * (error + 1e-7 * np.abs(with_exact)) + 1).all()


def test_without_the_check_a_value_is_returned_as_it_comes():
    with double_precision():
        eq = bea.modified_equation(loss="(x - sin(x))/x**3", params="x", order=1)
        theta = jnp.array([[1.5], [1e-4]])
        checked, plain = (np.asarray(eq.to_jax(checked=c)(theta, 0.1)) for c in (True, False))
        assert checked[0] == plain[0] and abs(plain[1] / checked[1] - 1) > 1e-3
        assert np.isfinite(np.asarray(jax.jit(eq.to_jax(checked=False))(theta, 0.1))).all()


def test_what_leaves_the_range_of_floats_on_the_way_is_a_missing_digit():
    """Of e^−88 float32 has nothing left, although 60 times that is in its range."""
    eq = bea.modified_equation(loss="(y/(1+exp(-60*x))-0.259)**2", params="x,y", order=0)
    theta = jnp.array([-1.4683847, 2.4148095], jnp.float32)
    found, traced = (float(k(theta, 0.1)[0]) for k in (eq.to_jax(), jax.jit(eq.to_jax())))
    (true, _) = exact(eq.loss, eq.params, [float(t) for t in theta], 0.1, 0)
    assert true > 4e-37 and abs(found / float(true) - 1) < 1e-6
    assert np.isnan(traced)


@pytest.mark.parametrize(
    ("loss", "point"),
    [
        ("x/tanh(x) + y**2/2", ("4.2622856908762863e-08", "-2.26e-07")),
        ("sin(2.2*x) + tanh(2.32*y)", ("0.57", "-55.47527631011825")),
        ("x*y/2*(1+erf(x-3))", ("-40.25", "539.25")),
        ("softplus(1.758*x+2.989*y)", ("-316.19", "-0.0225")),
        ("(x-sin(x))/x**3 + y", ("1e-30", "1")),
    ],
)
def test_multiprecision_has_all_its_digits(loss, point):
    eq = bea.modified_equation(loss=loss, params="x, y", order=1)
    with mpmath.workdps(30):
        theta, h = list(map(mpmath.mpf, point)), mpmath.mpf("0.1")
        found = eq.to_mpmath()(theta, h)
        f = -sp.Matrix([sp.diff(eq.loss, v) for v in eq.params])
        field = f - sp.Symbol("h") / 2 * f.jacobian(eq.params) * f
        evaluate = sp.lambdify([*eq.params, sp.Symbol("h")], list(field), modules="mpmath")
        with mpmath.workdps(1800):
            true = list(map(mpmath.mpmathify, evaluate(*theta, h)))
        for u, v in zip(found, true, strict=True):
            assert abs(u - v) <= abs(v) * mpmath.mpf(10) ** -29
        assert eq.to_mpmath()([0, 0], h)[0] == 0 or "soft" in loss or "erf" in loss or "2.2" in loss


def test_the_derivatives_of_nan_are_nan():
    """Where a value is not known inside a transformation, neither is its slope."""
    with double_precision():
        kernel = bea.modified_equation(loss="(x-sin(x))/x**3", params="x", order=1).to_jax()
        at = jnp.array([0.01])
        assert np.isnan(jax.jit(kernel)(at, 0.1)).all()
        assert np.isnan(jax.grad(lambda theta: kernel(theta, 0.1)[0])(at)).all()
        assert np.isnan(jax.jacfwd(kernel, argnums=1)(at, 0.1)).all()


@pytest.mark.parametrize("x_value", [400.0, 700.0, -400.0, 1e-8, 0.0])
def test_what_overflows_on_the_way_is_no_zero(x_value):
    eq = bea.modified_equation(loss="x/(exp(x)-1)", params="x", order=1)
    with double_precision():
        found = float(kernel_of("x/(exp(x)-1)", "x", 1)(jnp.array([x_value]), 0.25)[0])
    assert found == pytest.approx(float(eq.to_mpmath()([x_value], 0.25)[0]), rel=1e-8)


@pytest.mark.parametrize("loss", ["x/sinh(x)", "sinh(x)/cosh(x)"])
def test_hyperbolic_quotients_do_not_overflow(loss):
    """Inside jit, where nothing is computed anew: also where sinh is beyond the range of floats."""
    exactly = bea.modified_equation(loss=loss, params="x", order=1).to_mpmath()
    with double_precision():
        inside = jax.jit(kernel_of(loss, "x", 1))
        for at in (0.0, 1e-3, 0.999, -2.0, 40.0, -340.0):
            found = float(inside(jnp.array([at]), 0.25)[0])
            assert found == pytest.approx(float(exactly([at], 0.25)[0]), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("at", [-20.0, -584.6881249498265, -3000.0])
@pytest.mark.parametrize("digits", [15, 60])
def test_terms_that_cancel_at_every_precision_in_force(at, digits):
    """(1/u − 1/u² − e^x)/16 with u = 1 + e^x is −3e^{2x}/16, and not −e^x/16."""
    kernel = bea.modified_equation(loss="sqrt(1 + exp(x))", params="x", order=1).to_mpmath()
    (true,) = exact_to(1500 + digits, sp.sqrt(1 + sp.exp(x)), (x,), (at,), 0.1, 1)
    with mpmath.workdps(digits):
        (found,) = kernel([at], 0.1)
        assert abs(found / true - 1) < mpmath.mpf(10) ** (2 - digits)


x_0 = sp.Symbol("x")
OF_A_BOUND = {
    # what is computed, the point, dtype: a kernel that is called with numbers has all its digits
    "a rounded constant": (x_0 - R(200003, 10), 20000.3, np.float32),
    "a large constant": (x_0 - R(2**60 * 10 + 3, 10), 2.0**60, np.float64),
    "constants that cancel": (x_0 + sp.pi - R(314159265358979323, 10**17), 0.0, np.float64),
    "a square at its zero": ((x_0 - R(1, 10)) ** 2, 0.1, np.float64),
    "a product at its zero": ((x_0 - R(1, 10)) * (x_0 + R(3, 10) - R(4, 10)), 0.1, np.float64),
    "a cosine where it is flat": (sp.cos(10**7 * x_0 / 3), 5.096227, np.float32),
    "sums that underflow": (
        sum(10**300 * sp.sin(n * x_0 / 10**170) for n in range(1, 8)), 1e-170, np.float64,
    ),
    "loggamma near 1": (sp.loggamma(x_0), 1 + 1e-12, np.float64),
    "digamma at its zero": (sp.digamma(x_0), 1.4616321449683622, np.float64),
    "a Bessel function at its zero": (sp.besselj(0, x_0), 2.404825557695773, np.float64),
    "an exponential integral": (sp.Ei(x_0), 0.3725074107813666, np.float64),
    "a cosine integral": (sp.Ci(x_0), 0.6165054856207163, np.float64),
    "another branch": (sp.LambertW(x_0, -1), -0.2, np.float64),
    "1 − tanh² in a sum over data": (
        sum(n * (1 - sp.tanh(x_0 + n) ** 2) ** 2 for n in range(1, 8)), 12.0, np.float64,
    ),
    "1 − exp in a sum over data": (
        sum(n * (1 - sp.exp(n * x_0)) ** 3 for n in range(1, 8)), 1e-9, np.float64,
    ),
    "functions of an order in a sum over data": (
        sum(sp.zeta(3, x_0 + n) for n in range(1, 8)), 1.0, np.float64,
    ),
    "sech": (sp.sech(x_0), -300.0, np.float64),
}  # fmt: skip


@pytest.mark.parametrize("name", quick(OF_A_BOUND, list(OF_A_BOUND)[::2]))
def test_what_a_bound_must_not_miss(name):
    """An independent attack found these: numbers without a right digit, and small bounds."""
    field, at, dtype = OF_A_BOUND[name]
    kernel = bea.modified_equation(field=[field], params=[x_0], order=0).to_jax()
    with double_precision():
        found = float(kernel(jnp.array([at], dtype), 0.1)[0])
    with mpmath.workdps(60):
        true = mpmath.mpmathify(sp.N(field.subs(x_0, R(float(dtype(at)))), 60))
        assert abs(found / true - 1) < (1e-3 if dtype is np.float32 else 1e-7)


def test_a_steep_term_is_no_excuse_near_a_zero():
    """Inside jit the slope is that at θ, and not one from eps^(1/3) away."""
    field = sp.exp(-(10**7) * x_0) / 10**17 + ((1 + x_0) ** 2 - 1 - 2 * x_0 - x_0**2)
    with double_precision():
        kernel = jax.jit(bea.modified_equation(field=[field], params=[x_0], order=0).to_jax())
        assert np.isnan(kernel(jnp.array([7.7e-7]), 0.1)).all()


def test_constants_are_put_in_exactly():
    """(a − b)·x with a = 10²⁰ + 1 and b = 10²⁰; and what is out of range is refused."""
    a, b = 10**20 + 1, 10**20
    with double_precision():
        for loss, true in (("(a - b)*x", -1.0), ("exp(a - b)*x", -np.e)):
            eq = bea.modified_equation(loss=loss, params="x", order=0)
            found = float(eq.to_jax(constants={"a": a, "b": b})(jnp.ones(1), 0.1)[0])
            assert found == pytest.approx(true, rel=1e-15)
        kernel = bea.modified_equation(loss="a**400*x/10**390", params="x", order=0)
        assert float(kernel.to_jax(constants={"a": 10})(jnp.ones(1), 0.1)[0]) == -1e10
        for loss in ("x**2/10**400", "sin(x)*10**(-320)"):
            with pytest.raises(bea.InputError, match="below the range of float64: rescale"):
                bea.modified_equation(loss=loss, params="x", order=0).to_jax()
    small = bea.modified_equation(loss="x**2/10**60", params="x", order=0).to_jax()
    with pytest.raises(bea.InputError, match="below the range of float32: pass theta in float64"):
        small(jnp.ones(1), 0.1)
