"""The main job of `bea` in one go: derive, compile, verify, draw.

    python examples/lessons/tour.py --out build/tour

On the paper's 2-d model E = (y − abx)²/2 it derives f_1 … f_4, measures that one step of gradient
descent leaves the modified flow of order p by f_{p+1}·h^{p+2}, shows what holds for every loss, and
draws gradient descent with the flow of every order beside it. Half a minute on two cores.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import bea
from bea.models import two_parameter as model

parser = argparse.ArgumentParser(
    description="The main job of bea in one go: derive, compile, verify, draw.",
    epilog="example: python examples/lessons/tour.py --out build/tour",
)
parser.add_argument("--out", type=Path, default=Path("build/tour"), help="where results go")
out: Path = parser.parse_args().out
out.mkdir(parents=True, exist_ok=True)

LAST_ORDER = 4

# 1. The corrections f_1 … f_4 are exact, with the datum (x, y) as symbols.

print("1. Derive: the modified equation of gradient descent, exactly\n")
eq = bea.modified_equation(
    loss=model.loss(data=model.SYMBOLIC_DATA), params=model.PARAMS, order=LAST_ORDER
)
print(eq)
(out / "modified_equation.tex").write_text(eq.latex() + "\n", encoding="utf-8")

# 2. The local error of order p falls with h^(p+2), and over h^(p+2) it tends to |f_(p+1)|. Both
# are measured, in multiprecision where float64 has too few digits.

x, y = model.DATA
a, b = model.POINT_I.start
datum = dict(zip(model.SYMBOLIC_DATA, model.DATA, strict=True))
print(f"\n2. Verify: one step from point I = ({a}, {b}) of Table A.1, (x, y) = ({x}, {y})\n")
reports = bea.verify_orders(eq, at=(a, b), constants=datum)
print(reports)
(out / "orders.json").write_text(
    json.dumps([report.to_dict() for report in reports], indent=1) + "\n", encoding="utf-8"
)

# 3. Without coordinates the same corrections are sums over rooted trees, one for every loss.

print("\n3. For every loss: the same over rooted trees, and a matrix M with f̃ = −M∇E\n")
series = bea.modified_series("euler", order=3)
print(f"θ̇ = {series}")
print(f"θ̇ = {series.text(gradient=True)}")
print(f"Ẽ = {series.modified_loss(1)}")
print(f"M = {series.preconditioner()}")
bea.save_picture(series, out / "trees.svg")

# 4. Gradient descent with the moderate learning rate of Table A.1, and the flows that it follows.

print("\n4. Draw: gradient descent from point I, and the modified flows of orders 0 to 4\n")
h, steps = model.POINT_I.h_M, 200
fitted = bea.modified_equation(loss=model.loss(), params=model.PARAMS, order=LAST_ORDER)
descent: list[Any] = [np.array(model.POINT_I.start)]
while len(descent) <= steps:
    descent.append(descent[-1] - h * np.array(model.gradient(descent[-1])))
times = h * np.arange(1, steps + 1)

figure = Figure(figsize=(6.5, 5), layout="constrained")
axes = figure.subplots()
for p in range(LAST_ORDER + 1):
    path = fitted.flow(descent[0], times[-1], h=h, order=p, times=times)
    distances = np.linalg.norm(path - np.array(descent[1:]), axis=1)
    axes.plot(np.arange(1, steps + 1), distances, label=f"order {p}")
    print(f"   the flow of order {p} ends at a distance of {distances[-1]:.1e} from the descent")
axes.set(yscale="log", xlabel="step", ylabel="distance to the flow", xlim=(0, steps))
axes.set_title(f"Gradient descent with h = {h} stays closer to the flow of each higher order")
axes.legend()
figure.savefig(out / "flows.png", dpi=160)
print(f"\nAll results are in {out}.")
