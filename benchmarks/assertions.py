"""How often the assertions of `bea.testing` err: false alarms, and planted mistakes not caught.

    python -m benchmarks.assertions --cases 10000

Random losses and fields, random methods, steps in multiprecision, NumPy and JAX. Every correct step
must pass and every planted mistake must be caught, with default settings throughout. What did not
go as it should is printed, so that it can be tried by itself; the exit status is 1 then.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from tqdm import tqdm

import bea
from bea.numeric.orders.displacement import runge_kutta_displacement
from bea.numeric.orders.multiprecision import multiprecise
from bea.testing import (
    SampleField,
    SampleLoss,
    assert_local_error_order,
    assert_modified_equation,
    butcher_tableaus,
    losses,
    pytree_losses,
    vector_fields,
)

FUNCTIONS = ("exp", "tanh", "sin", "sigmoid")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="example: python -m benchmarks.assertions --cases 200 --seed 1",
    )
    parser.add_argument("--cases", type=int, default=1000, help="correct ones; default: 1000")
    parser.add_argument("--planted", type=int, help="mistakes; default: a fifth of the cases")
    parser.add_argument("--networks", type=int, help="of the cases; default: one in 200")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    networks = options.cases // 200 if options.networks is None else options.networks
    planted = options.cases // 5 if options.planted is None else options.planted

    tally = Tally()
    try:
        tally.run("planted", planted, options.seed, planted_cases())
        tally.run("correct networks", networks, options.seed, network_cases())
        tally.run("correct", options.cases - networks, options.seed, correct_cases())
    finally:  # what is known, also when it is interrupted
        tally.show()
    return 1 if tally.failures else 0


class Tally:
    """What became of the cases, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.seconds: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self, title: str, number: int, start: int, cases: st.SearchStrategy[Any]) -> None:
        """Try so many cases; Hypothesis draws them and does not shrink."""
        done = 0
        if not number:
            return
        with tqdm(total=number, desc=title, disable=not sys.stderr.isatty()) as bar:

            @seed(start)
            @settings(
                max_examples=number,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(cases)
            def one(case: tuple[str, bool, str, Callable[[], Any]]) -> None:
                nonlocal done
                done += 1
                self.tried(*case)
                bar.update()
                if bar.disable and done % 500 == 0:
                    print(f"{title}: {done} of {number}", flush=True)

            one()

    def tried(self, kind: str, is_right: bool, shown: str, assertion: Callable[[], Any]) -> None:
        """One case: `kind` for the table, `shown` for who wants to try it alone."""
        begun = time.perf_counter()
        try:
            assertion()
        except AssertionError as error:
            outcome, reason = ("FALSE ALARM" if is_right else "caught"), str(error)
        except bea.BeaError as error:
            outcome, reason = "ERROR", f"{type(error).__name__}: {error}"
        else:
            outcome, reason = ("passed" if is_right else "MISSED"), ""
        self.seconds[kind] += time.perf_counter() - begun
        self.counts[kind, outcome] += 1
        if outcome not in ("passed", "caught"):
            self.failures.append(f"{outcome}: {kind}: {shown}\n    {reason}")
            print(self.failures[-1], flush=True)

    def show(self) -> None:
        """The table."""
        print(f"{'kind':44} {'outcome':12} {'cases':>7} {'s/case':>8}")
        for (kind, outcome), number in sorted(self.counts.items()):
            total = sum(n for (k, _), n in self.counts.items() if k == kind)
            print(f"{kind:44} {outcome:12} {number:7d} {self.seconds[kind] / total:8.3f}")
        for outcome in sorted({outcome for _, outcome in self.counts}):
            print(f"{outcome}: {sum(n for (_, o), n in self.counts.items() if o == outcome)}")


# --- correct steps -----------------------------------------------------------------------------


def runge_kutta(field: Callable[[Any], Any], method: bea.ButcherTableau) -> Callable[..., Any]:
    """The step of a method in the arithmetic of its argument."""

    def step(theta: Any, h: Any) -> Any:
        number = multiprecise if isinstance(theta[0], mpmath.mpf) else float
        return theta + runge_kutta_displacement(field, theta, h, tableau=method, number=number)

    return step


def in_numpy(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that knows float64 only."""
    return lambda theta, h: step(np.asarray(theta.astype(np.float64)), float(h))


def subjects() -> st.SearchStrategy[SampleLoss | SampleField]:
    """Polynomial ones as a rule, and some with functions."""
    return st.one_of(
        losses(), losses(degree=4), vector_fields(), vector_fields(degree=3),
        losses(dim=2, degree=2, terms=2, functions=FUNCTIONS),
        vector_fields(dim=2, degree=1, terms=2, functions=FUNCTIONS),
    )  # fmt: skip


METHODS = st.one_of(
    st.just(bea.METHODS["euler"]),
    butcher_tableaus(order=1, stages=2),
    butcher_tableaus(order=2, explicit=True),
    butcher_tableaus(order=3, explicit=True),
    st.sampled_from([bea.METHODS[name] for name in ("heun", "rk4", "implicit_midpoint", "kutta3")]),
)


@st.composite
def correct_cases(draw: st.DrawFn) -> tuple[str, bool, str, Callable[[], Any]]:
    subject = draw(subjects())
    method = draw(METHODS)
    order = draw(st.integers(0, 2))
    arithmetic = draw(st.sampled_from(["mpmath", "mpmath", "mpmath", "NumPy"]))
    field = subject.field if isinstance(subject, SampleLoss) else subject
    step = runge_kutta(field, method)
    if arithmetic == "NumPy":
        step = in_numpy(step)
    shown = f"{subject!r}, {method!r}, order {order}"
    way = draw(st.sampled_from(["equation", "equation", "all orders", "plain field"]))
    kind = f"{'loss' if field is not subject else 'field'}, {way}, {arithmetic}"

    def assertion() -> None:
        if way == "plain field":
            assert_local_error_order(step, field, method=method)
            return
        equation = subject.equation(order=order, method=method)
        (assert_modified_equation if way == "all orders" else assert_local_error_order)(
            step, equation
        )

    return kind, True, shown, assertion


@st.composite
def network_cases(draw: st.DrawFn) -> tuple[str, bool, str, Callable[[], Any]]:
    network = draw(pytree_losses())
    method = draw(st.sampled_from(["euler", "heun"]))
    order = draw(st.integers(0, 1))
    plain = draw(st.booleans())
    step = _tree_step(network.field, method)

    def assertion() -> None:
        if plain:
            assert_local_error_order(step, network.field, method=method)
        else:
            series = bea.modified_series(method, order)
            assert_local_error_order(step, series, field=network.field)

    kind = f"network, {'plain field' if plain else 'series'}, JAX"
    return kind, True, f"{network!r}, {method}, order {order}", assertion


def _tree_step(field: Callable[[Any], Any], method: str) -> Callable[..., Any]:
    import jax

    def moved(theta: Any, h: Any, v: Any) -> Any:
        return jax.tree.map(lambda x, u: x + h * u, theta, v)

    @jax.jit
    def step(theta: Any, h: Any) -> Any:
        first = field(theta)
        if method == "euler":
            return moved(theta, h, first)
        second = field(moved(theta, h, first))
        return moved(theta, h / 2, jax.tree.map(lambda u, v: u + v, first, second))

    return step


# --- planted mistakes --------------------------------------------------------------------------


@st.composite
def planted_cases(draw: st.DrawFn) -> tuple[str, bool, str, Callable[[], Any]]:
    """A step, or an equation, that is right but for one thing."""
    mistake = draw(st.sampled_from(list(MISTAKES)))
    subject = draw(st.one_of(losses(dim=2), vector_fields(dim=2)))
    if mistake in ("right for gradient fields only", "right for even losses only"):
        subject = draw(SPECIAL[mistake])
    assume(is_fair(mistake, subject))
    numpy_only = draw(st.booleans())
    assertion = MISTAKES[mistake](subject, numpy_only)
    return mistake, False, f"{subject!r}, {'NumPy' if numpy_only else 'mpmath'}", assertion


def differentials(subject: SampleLoss | SampleField) -> tuple[Any, ...]:
    """f, f'f, f''(f, f) and f'f'f as functions in the arithmetic of θ, and the matrix f'."""
    field = subject.field if isinstance(subject, SampleLoss) else subject
    x = sp.Matrix(field.params)
    f = sp.Matrix(field.components)
    J = f.jacobian(x)
    second = sp.Matrix([(f.T * sp.hessian(g, list(x)) * f)[0] for g in f])
    return tuple(SampleField(list(v), field.params) for v in (f, J * f, second, J * J * f, J.T * f))


def taylor_step(
    subject: Any, numpy_only: bool, *, a: Any, b: Any, c: Any, transposed: bool = False
):
    """θ + h f + h² a f'f + h³ (b f''(f, f) + c f'f'f); a = 1/2, b = c = 1/6 is the flow's."""
    f, Jf, second, JJf, JTf = differentials(subject)

    def step(theta: Any, h: Any) -> Any:
        number = mpmath.mpf if isinstance(theta[0], mpmath.mpf) else float
        A, B, C = (number(c.numerator) / number(c.denominator) for c in (a, b, c))
        bent = JTf(theta) if transposed else Jf(theta)
        return theta + h * (f(theta) + h * A * bent + h * h * (B * second(theta) + C * JJf(theta)))

    return in_numpy(step) if numpy_only else step


def held_against_the_flow(order: int, **coefficients: Any) -> Callable[..., Callable[[], Any]]:
    """A Taylor step with these coefficients, asserted to follow f itself to an order."""

    def planted(subject: Any, numpy_only: bool) -> Callable[[], Any]:
        field = subject.field if isinstance(subject, SampleLoss) else subject
        step = taylor_step(subject, numpy_only, **coefficients)
        return lambda: assert_local_error_order(step, lambda theta, h: field(theta), order)

    return planted


def wrong_correction(**coefficients: Any) -> Callable[..., Callable[[], Any]]:
    """Gradient descent compared with f̃ = f − (h/2) a f'f + h² (b f''(f, f) + c f'f'f)."""

    def planted(subject: Any, numpy_only: bool) -> Callable[[], Any]:
        f, Jf, second, JJf, _ = differentials(subject)
        a, b, c = (Fraction(coefficients[name]) for name in "abc")

        def modified(theta: Any, h: Any) -> Any:
            number = mpmath.mpf if isinstance(theta[0], mpmath.mpf) else float
            A, B, C = (number(c.numerator) / number(c.denominator) for c in (a, b, c))
            return f(theta) - h * A / 2 * Jf(theta) + h * h * (B * second(theta) + C * JJf(theta))

        step = runge_kutta(f, bea.METHODS["euler"])
        step = in_numpy(step) if numpy_only else step
        return lambda: assert_local_error_order(step, modified, 2)

    return planted


def float32_inside(where: str) -> Callable[..., Callable[[], Any]]:
    """Gradient descent whose gradient, or everything, is computed in float32."""

    def planted(subject: Any, numpy_only: bool) -> Callable[[], Any]:
        field = subject.field if isinstance(subject, SampleLoss) else subject

        def step(theta: Any, h: Any) -> Any:
            theta = np.asarray(theta, dtype=np.float64)
            velocity = np.asarray(field(theta.astype(np.float32)), dtype=np.float32)
            if where == "the gradient":
                return theta + float(h) * velocity.astype(np.float64)
            return (theta.astype(np.float32) + np.float32(h) * velocity).astype(np.float64)

        return lambda: assert_local_error_order(step, subject.equation(order=0))

    return planted


def wrong_constant(factor: Fraction) -> Callable[..., Callable[[], Any]]:
    """A first-order step with the right slope, and the wrong f_1."""

    def planted(subject: Any, numpy_only: bool) -> Callable[[], Any]:
        step = taylor_step(subject, numpy_only, a=factor, b=Fraction(0), c=Fraction(0))
        return lambda: assert_local_error_order(step, subject.equation(order=0))

    return planted


def transposed(subject: Any, numpy_only: bool) -> Callable[[], Any]:
    """Order 2 on gradient fields only: (f')ᵀf in the place of f'f."""
    half = Fraction(1, 2)
    step = taylor_step(
        subject, numpy_only, a=half, b=Fraction(1, 4), c=Fraction(0), transposed=True
    )
    return lambda: assert_local_error_order(step, subject.equation(order=1, method="heun"))


def even_only(subject: Any, numpy_only: bool) -> Callable[[], Any]:
    """Gradient descent with the slope of E at −θ, which for an even E is minus that at θ."""
    step = in_or_out(lambda theta, h: theta + h * subject.gradient(-theta), numpy_only)
    return lambda: assert_local_error_order(step, subject.equation(order=0))


def in_or_out(step: Callable[..., Any], numpy_only: bool) -> Callable[..., Any]:
    return in_numpy(step) if numpy_only else step


HALF, SIXTH = Fraction(1, 2), Fraction(1, 6)
MISTAKES: dict[str, Callable[..., Callable[[], Any]]] = {
    "wrong sign in f'f'f": held_against_the_flow(2, a=HALF, b=SIXTH, c=-SIXTH),
    "wrong sign in f''(f,f)": held_against_the_flow(2, a=HALF, b=-SIXTH, c=SIXTH),
    "1/6 -> 1/7 in f'f'f": held_against_the_flow(2, a=HALF, b=SIXTH, c=Fraction(1, 7)),
    "1/12 -> 1/11 in f_2": wrong_correction(a="1", b="1/11", c="1/3"),
    "wrong sign in f_1": wrong_correction(a="-1", b="1/12", c="1/3"),
    "right for gradient fields only": transposed,
    "right for even losses only": even_only,
    "the gradient in float32": float32_inside("the gradient"),
    "everything in float32": float32_inside("everything"),
    "slope right, constant 2 % off": wrong_constant(Fraction(1, 100)),
}


def is_fair(mistake: str, subject: Any) -> bool:
    """Does the mistake change anything on this field?"""
    f, Jf, second, JJf, JTf = (sp.Matrix(v.components) for v in differentials(subject))
    changed = {
        "wrong sign in f'f'f": JJf,
        "1/6 -> 1/7 in f'f'f": JJf,
        "wrong sign in f''(f,f)": second,
        "1/12 -> 1/11 in f_2": second,
        "wrong sign in f_1": Jf,
        "right for gradient fields only": Jf - JTf,
        "slope right, constant 2 % off": Jf,
        "the gradient in float32": Jf,  # a constant one may be exact in float32
    }.get(mistake, f)
    if mistake == "right for even losses only":
        E = subject.expression
        odd = E - E.subs({p: -p for p in subject.params}, simultaneous=True)
        changed = sp.Matrix([sp.diff(odd, p) for p in subject.params])
    return any(sp.expand(component) != 0 for component in changed)


SPECIAL = {
    "right for gradient fields only": vector_fields(dim=2),
    "right for even losses only": losses(dim=2),
}


if __name__ == "__main__":
    sys.exit(main())
