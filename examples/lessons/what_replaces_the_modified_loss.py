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

from collections.abc import Sequence
from pathlib import Path

import mpmath
import numpy as np
import sympy as sp
from local_errors import DIGITS, START, STEP_SIZES, local_errors, measured_order

import bea
from bea.models import two_parameter as model
from bea.streams import Parser, run_as_script


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(
        description=__doc__.splitlines()[0],
        epilog="example: python examples/lessons/what_replaces_the_modified_loss.py "
        "--out build/lesson",
    )
    parser.add_argument("--out", type=Path, help="where the picture of the trees goes")
    out: Path | None = parser.parse_args(arguments).out

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
    print(f"   for every loss:   M = {series.preconditioner()}")
    print(f"   on the 2-d model: f + h f_1 + h² f_2 + M∇E = {list(residual(eq, M * gradient))}")
    print(f"                     M − Mᵀ = {(M - M.T).applyfunc(sp.expand).tolist()}")

    print("\n   One step of gradient descent from (2.8, 3.5) against three flows:\n")
    gradient_part = sp.Matrix([-sp.diff(split.potential, p) for p in eq.params])
    flows = {
        "−∇(E + h Ẽ_1)": list(eq.corrections[:2]),
        "−∇(E + h Ẽ_1 + h² Ẽ_2)": [*eq.corrections[:2], gradient_part],
        "−M∇E": list(eq.corrections),
    }
    with mpmath.workdps(DIGITS):
        errors = {name: local_errors(eq.params, fields) for name, fields in flows.items()}
        print("        h    " + "".join(f"{name:>24}  order" for name in errors))
        for k, h in enumerate(STEP_SIZES):
            print(f"   {mpmath.nstr(h, 4):>9}  " + "".join(shown(e, k) for e in errors.values()))
    print("\n   The second scalar takes most of the error away, but gains no order: −M∇E does.")

    print("\n   Does the modified flow descend E? The eigenvalues of M along gradient descent with")
    print(f"   the moderate learning rate h = {model.POINT_I.h_M} of Table A.1:\n")
    for n, (E, least, largest) in enumerate(along_descent(eq, M, steps=6)):
        print(f"   step {n}: E = {E:9.5f}   eigenvalues from {least:.4f} to {largest:.4f}")
    print("\n   They are positive, so dE/dt = −∇EᵀM∇E < 0, although there is no modified loss.")

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        bea.save_picture(bea.modified_series("euler", order=3), out / "trees_of_euler.svg")
        print(f"\nThe trees are drawn in {out / 'trees_of_euler.svg'}.")


def residual(eq: bea.ModifiedEquation, other: sp.Matrix) -> sp.Matrix:
    return sp.Matrix(eq.vector_field() + other).applyfunc(sp.expand)


def shown(errors: list[mpmath.mpf], k: int) -> str:
    return f"{mpmath.nstr(errors[k], 6):>24}  {measured_order(errors, k)}"


def along_descent(
    eq: bea.ModifiedEquation, M: sp.Matrix, steps: int
) -> list[tuple[float, float, float]]:
    """E and the extreme eigenvalues of M at the first iterates from point I."""
    h, theta = model.POINT_I.h_M, np.array(START, dtype=float)
    matrix = sp.lambdify([eq.params, eq.step_size], M, modules="numpy")
    found = []
    for _ in range(steps):
        eigenvalues = np.linalg.eigvalsh(np.array(matrix(theta, h), dtype=float))
        found.append((model.loss(theta), eigenvalues.min(), eigenvalues.max()))
        theta = theta - h * np.array(model.gradient(theta))
    return found


if __name__ == "__main__":
    run_as_script(main)
