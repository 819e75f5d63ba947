"""Lesson: where the modified loss comes from, why order 2 has none, and what to use instead.

    python examples/lessons/what_replaces_the_modified_loss.py [--out build/lesson]

Gradient descent follows θ̇ = f + h f_1 + h² f_2 + … with f = −∇E. Over rooted trees the f_l are the
same formula for every loss. Forget which node is the root: a free tree φ is then a scalar H_φ(E),
and ∇H_φ is the sum over all choices of the root. So f_l is a gradient for every E if and only if
all rootings of each φ have one coefficient b.

1. At order 1 there is one tree with one rooting: Ẽ = E + (h/4)|∇E|², the paper's Theorem 3.1.
2. At order 2 the path of three nodes has two rootings with different b: there is no Ẽ. On the 2-d
   model E = (3/5 − ab)²/2 the curl of f_2 says the same.
3. What there is at order 2, for every loss: the field itself; its split −∇Ẽ_2 + r_2; and
   f̃ = −M∇E with a symmetric matrix M = I + (h/2)H + …, whose eigenvalues tell whether E descends.

With --out the trees and their coefficients are drawn, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import sympy as sp

import bea
from bea.models import two_parameter as model

parser = argparse.ArgumentParser(
    description="Where the modified loss comes from, and what to use where there is none.",
    epilog="example: python examples/lessons/what_replaces_the_modified_loss.py --out build/lesson",
)
parser.add_argument("--out", type=Path, help="where the picture of the trees goes")
out: Path | None = parser.parse_args().out

series = bea.modified_series("euler", order=2)
eq = bea.modified_equation(loss=model.loss(), params=model.PARAMS, order=2)

print("1. Order 1 is a gradient for every loss\n")
print(f"   θ̇ = {series.text(gradient=True)}")
print(f"   Ẽ = {series.modified_loss(1)}")
print(f"   on the 2-d model: Ẽ = {sp.factor(eq.modified_loss(1))}")

print("\n2. Order 2 is not\n")
for ask in (series.modified_loss, eq.modified_loss):
    try:
        ask(2)
    except bea.NotAGradientError as reason:
        print(f"   {reason}\n")

print("3. What there is at order 2\n")
split, M = eq.gradient_split(2), eq.preconditioner(2)
gradient = sp.Matrix([sp.diff(eq.loss, p) for p in eq.params])
residual = sp.Matrix(eq.vector_field() + M * gradient).applyfunc(sp.expand)
print(f"   for every loss:   M = {series.preconditioner()}")
print(f"   on the 2-d model: f + h f_1 + h² f_2 + M∇E = {list(residual)}")
print(f"                     M − Mᵀ = {(M - M.T).applyfunc(sp.expand).tolist()}")

# Which of them does gradient descent follow? Where all of f_0 + h f_1 + h² f_2 is there, a step
# leaves the flow by h⁴, and by h³ where a part of f_2 is missing.

START = (mpmath.mpf("2.8"), mpmath.mpf("3.5"))  # point I of the paper's Table A.1
STEP_SIZES = [mpmath.mpf(2) ** -k for k in range(10, 15)]
mpmath.mp.dps = 25


def local_errors(fields: Sequence[sp.Matrix]) -> list[mpmath.mpf]:
    """|θ_1 − θ̃(h)| for a step of gradient descent, and the flow θ̃ of Σ h^l fields[l]."""
    corrections = [sp.lambdify([eq.params], list(field), modules="mpmath") for field in fields]
    slope = corrections[0](START)
    errors = []
    for h in STEP_SIZES:

        def velocity(t: mpmath.mpf, theta: Sequence[mpmath.mpf], h: mpmath.mpf = h) -> list[Any]:
            terms = [[h**l * v for v in f(theta)] for l, f in enumerate(corrections)]
            return [sum(components) for components in zip(*terms, strict=True)]

        end = mpmath.odefun(velocity, 0, START, degree=10)(h)  # by Taylor polynomials
        left = [x + h * v - e for x, v, e in zip(START, slope, end, strict=True)]
        errors.append(mpmath.norm(left))
    return errors


def measured_order(errors: Sequence[mpmath.mpf], k: int) -> str:
    """The order between step sizes k − 1 and k, which is half as large; blank for the first."""
    return f"{float(mpmath.log(errors[k - 1] / errors[k], 2)):5.3f}" if k else " " * 5


print("\n   One step of gradient descent from (2.8, 3.5) against three flows:\n")
gradient_part = sp.Matrix([-sp.diff(split.potential, p) for p in eq.params])
flows = {
    "−∇(E + h Ẽ_1)": list(eq.corrections[:2]),
    "−∇(E + h Ẽ_1 + h² Ẽ_2)": [*eq.corrections[:2], gradient_part],
    "−M∇E": list(eq.corrections),
}
errors = {name: local_errors(fields) for name, fields in flows.items()}
print("        h    " + "".join(f"{name:>24}  order" for name in errors))
for k, h in enumerate(STEP_SIZES):
    shown = [f"{mpmath.nstr(e[k], 6):>24}  {measured_order(e, k)}" for e in errors.values()]
    print(f"   {mpmath.nstr(h, 4):>9}  " + "".join(shown))
print("\n   The second scalar takes most of the error away, but gains no order: −M∇E does.")

# M tells whether E falls along the modified flow: dE/dt = −∇EᵀM∇E.

print("\n   Does the modified flow descend E? The eigenvalues of M along gradient descent with")
print(f"   the moderate learning rate h = {model.POINT_I.h_M} of Table A.1:\n")
matrix = sp.lambdify([eq.params, eq.step_size], M, modules="numpy")
rate = model.POINT_I.h_M
theta: Any = np.array(model.POINT_I.start)
for n in range(6):
    eigenvalues = np.linalg.eigvalsh(np.array(matrix(theta, rate), dtype=float))
    print(
        f"   step {n}: E = {model.loss(theta):9.5f}   eigenvalues from {eigenvalues.min():.4f} "
        f"to {eigenvalues.max():.4f}"
    )
    theta = theta - rate * np.array(model.gradient(theta))
print("\n   They are positive, so dE/dt = −∇EᵀM∇E < 0, although there is no modified loss.")

if out is not None:
    out.mkdir(parents=True, exist_ok=True)
    bea.save_picture(bea.modified_series("euler", order=3), out / "trees_of_euler.svg")
    print(f"\nThe trees are drawn in {out / 'trees_of_euler.svg'}.")
