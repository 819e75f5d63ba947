"""What the lessons measure: how far one step of gradient descent leaves a flow, in 50 digits."""

from __future__ import annotations

from collections.abc import Sequence

import mpmath
import numpy as np
import sympy as sp

from bea.flows.extrapolation import displacement

DIGITS = 50
STEP_SIZES = [mpmath.mpf(2) ** -k for k in range(10, 15)]
START = ("2.8", "3.5")  # point I of the paper's Table A.1


def local_errors(params: Sequence[sp.Symbol], fields: Sequence[sp.Matrix]) -> list[mpmath.mpf]:
    """|θ_1 − θ̃(h)| for one gradient descent step θ_1 and the flow θ̃ of Σ h^l fields[l].

    Args:
        params: the two parameters.
        fields: −∇E, and what is added to it.
    """
    start = np.array([mpmath.mpf(x) for x in START], dtype=object)
    functions = [sp.lambdify([params], list(f), modules="mpmath") for f in fields]
    errors = []
    for h in STEP_SIZES:

        def field(theta: np.ndarray, h: mpmath.mpf = h) -> np.ndarray:
            return sum(h**l * np.array(f(theta), dtype=object) for l, f in enumerate(functions))

        step = h * np.array(functions[0](start), dtype=object)
        errors.append(mpmath.norm(list(step - displacement(field, start, h, DIGITS - 10))))
    return errors


def measured_order(errors: Sequence[mpmath.mpf], k: int) -> str:
    """The order between step sizes k − 1 and k, which is half as large; blank for the first."""
    return f"{float(mpmath.log(errors[k - 1] / errors[k], 2)):5.3f}" if k else " " * 5
