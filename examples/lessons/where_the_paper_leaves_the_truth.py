"""Lesson: the paper's formula for the corrections, read literally, is wrong from f_3 on.

    python examples/lessons/where_the_paper_leaves_the_truth.py

Barrett and Dherin (2020) compute f_l = −Σ_{n=2}^{l+1} L_{n,l+1−n}/n! (A.11) with

    L_{n,k} = d^{n−2}/dt^{n−2} ½∇Σ_{i+j=k} ⟨f_i, f_j⟩ (A.14).

Two things go wrong, both hidden in low orders and both visible on the paper's own 2-d model:

1. ½∇⟨f̃, f̃⟩ = f̃'f̃ holds where the matrix f̃' is symmetric, that is, where f̃ is a gradient. f_0 and
   f_1 are gradients, f_2 is not.
2. d/dt runs along f̃ = f_0 + h f_1 + …, and so brings powers of h of its own: D_{f_1} L_{2,0} is a
   part of L_{3,1} that an h-free d/dt leaves out.

What holds is L_{n,k} = Σ_{i+j=k} D_{f_i} L_{n−1,j} (HLW IX.1), which `bea.modified_equation` uses.
This lesson compares the two, exactly and then by what a gradient descent step actually does.
"""

from __future__ import annotations

from collections.abc import Sequence

import mpmath
import sympy as sp

import bea
from bea.models import two_parameter as model

eq = bea.modified_equation(loss=model.loss(), params=model.PARAMS, order=3)
literal = eq.literal_corrections()

print("The 2-d model E = (3/5 − ab)²/2, gradient descent.\n")
for l in range(4):
    difference = sp.expand(literal[l] - eq.corrections[l])
    agrees = difference == sp.zeros(2, 1)
    print(f"f_{l}: literal − true = {'0' if agrees else [sp.factor(d) for d in difference]}")

print(f"\nIs f_2 a gradient? {eq.is_gradient(2)}; its curl is {sp.factor(eq.curl(2)[0, 1])}.")

# A step of gradient descent says which f_3 is right: it leaves the flow of order 3 by h⁵ f_4 + ….
# That needs more digits than float64 has.

STEP_SIZES = [mpmath.mpf(2) ** -k for k in range(10, 15)]
mpmath.mp.dps = 25


def local_errors(fields: Sequence[sp.Matrix]) -> list[mpmath.mpf]:
    """|θ_1 − θ̃(h)| for a step from (2.8, 3.5), and the flow θ̃ of Σ h^l fields[l]."""
    start = [mpmath.mpf("2.8"), mpmath.mpf("3.5")]
    corrections = [sp.lambdify([eq.params], list(field), modules="mpmath") for field in fields]
    slope = corrections[0](start)
    errors = []
    for h in STEP_SIZES:

        def velocity(
            t: mpmath.mpf, theta: Sequence[mpmath.mpf], h: mpmath.mpf = h
        ) -> list[mpmath.mpf]:
            terms = [[h**l * v for v in f(theta)] for l, f in enumerate(corrections)]
            return [sum(components) for components in zip(*terms, strict=True)]

        end = mpmath.odefun(velocity, 0, start, degree=10)(h)  # by Taylor polynomials
        left = [x + h * v - e for x, v, e in zip(start, slope, end, strict=True)]
        errors.append(mpmath.norm(left))
    return errors


def measured_order(errors: Sequence[mpmath.mpf], k: int) -> str:
    """The order between step sizes k − 1 and k, which is half as large; blank for the first."""
    return f"{float(mpmath.log(errors[k - 1] / errors[k], 2)):5.3f}" if k else " " * 5


print("\nOne step from (2.8, 3.5) against the flow of order 3. Its error should fall with h⁵:\n")
print("       h      error, true f_3   order   error, literal f_3   order")
true, wrong = local_errors(eq.corrections), local_errors(literal)
for k, h in enumerate(STEP_SIZES):
    print(
        f"  {mpmath.nstr(h, 4):>9}   {mpmath.nstr(true[k], 5):>14}   {measured_order(true, k)}"
        f"   {mpmath.nstr(wrong[k], 5):>16}     {measured_order(wrong, k)}"
    )
print(
    "\nWith the true f_3 the order is 5; with the literal one it is 4, "
    "as if f_3 had never been added."
)
