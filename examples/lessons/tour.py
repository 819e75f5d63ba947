"""The main job of `bea` in one go: derive, compile, verify, draw.

    python -m examples.lessons.tour --out build/tour

On the paper's 2-d model E = (y − abx)²/2 it derives f_1 … f_4, measures that one step of gradient
descent leaves the modified flow of order p by f_{p+1}·h^{p+2}, shows what holds for every loss, and
makes Figures 1a, 1b and A.1 as tables (CSV) and pictures (PNG). About a minute on two cores.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import bea
from bea.models import two_parameter as model
from bea.streams import Parser, run_as_script
from examples.paper.results import write_text
from examples.paper.two_parameter import figure_1a, figure_1b, figure_a1

LAST_ORDER = 4


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(
        description=__doc__.splitlines()[0],
        epilog="example: python -m examples.lessons.tour --out build/tour",
    )
    parser.add_argument("--out", type=Path, default=Path("build/tour"), help="where results go")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)

    print("1. Derive: the modified equation of gradient descent, exactly\n")
    eq = bea.modified_equation(
        loss=model.loss(data=model.SYMBOLIC_DATA), params=model.PARAMS, order=LAST_ORDER
    )
    print(eq)
    write_text(out / "modified_equation.tex", eq.latex() + "\n")

    x, y = model.DATA
    a, b = model.POINT_I.start
    print(f"\n2. Verify: one step from point I = ({a}, {b}) of Table A.1, (x, y) = ({x}, {y})\n")
    reports = bea.verify_orders(
        eq, at=(a, b), constants=dict(zip(model.SYMBOLIC_DATA, model.DATA, strict=True))
    )
    print(reports)
    write_text(out / "orders.json", json.dumps([r.to_dict() for r in reports], indent=1) + "\n")

    print("\n3. For every loss: the same over rooted trees, and a matrix M with f̃ = −M∇E\n")
    series = bea.modified_series("euler", order=3)
    print(f"θ̇ = {series}")
    print(f"θ̇ = {series.text(gradient=True)}")
    print(f"Ẽ = {series.modified_loss(1)}")
    print(f"M = {series.preconditioner()}")
    bea.save_picture(series, out / "trees.svg")

    print("\n4. Draw: the paper's figures of the 2-d model, with the flows of orders 2, 3, 4\n")
    for figure in (figure_1a, figure_1b, figure_a1):
        figure.main(["--out", str(out)])
    print(f"\nAll results are in {out}.")


if __name__ == "__main__":
    run_as_script(main)
