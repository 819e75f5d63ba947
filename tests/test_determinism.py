"""The same input gives the same letters in every process, whatever Python's hashes are.

Run as a script, this module prints what `bea` makes of a collection of inputs, as JSON. The tests
run it with several hash seeds, which shuffle every set of symbols and of text, and compare byte
for byte.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SEEDS = ("0", "1", "12345")
Named = Iterator[tuple[str, object]]

LOSSES = {
    "polynomial": ("(y - a*b*x)**2/2 + k*a**3", "a,b", 3),
    "transcendental": (
        "exp(u*v*q) + u*tanh(w) + sqrt(1 + p*v**2)/r + sin(u + p*v)*log(r + w**2) "
        "+ v**q/(1 + exp(-w*r))",
        "u,v,w",
        1,
    ),
    "many constants": (
        "+".join(f"{c}*exp({d}*x)*y**{k}/({c} + {d})" for k, (c, d) in enumerate(
            zip("abcdefg", "mnopqrs", strict=True), 1
        )),
        "x,y",
        1,
    ),
    "with a modified loss": ("u**4*q/4 + u*exp(p*u)*r + sin(t*u)/(1 + u**2)", "u", 1),
    "roots of roots": ("sqrt(2 + sqrt(1 + c*x**2*y**2)) + (k + x**2)**(1/3)", "x,y", 1),
}  # fmt: skip

WRONG = {
    "an unknown constant": "eq(loss='c*d*e*a**2', params='a').subs({'k': 1})",
    "no value for constants": "eq(loss='zeta*beta*alpha*a**2 + c*d', params='a').to_mpmath()",
    "no values in JAX": "eq(loss='z*b*y*a**2 + c*d*a', params='a').to_jax(constants={})",
    "unused": "eq(loss='c*d*e*f*g*a**2', params='a,b,k,l')",
    "kinks": "eq(loss=sp.Abs(a) + sp.Max(a, b) + sp.sign(b)*sp.floor(a), params=(a, b))",
    "kinks in text": "eq(loss='abs(a) + max(a, b) + relu(b)', params='a,b')",
    "unknown functions": "eq(loss='foo(a) + bar(b) + baz(a)', params='a,b')",
    "no gradient": "eq(loss='(y - a*b*x)**2/2', params='a,b', order=2).modified_loss()",
    "a missing function": "present.as_python(eq(loss=sp.besselj(0, a) + sp.airyai(a), params=a))",
    "a method's symbols": "eq(loss='b*c*x', params='b,c,x', method=bea.ButcherTableau("
    "[[0, 0], ['c', 0]], ['1-b', 'b']))",
    "a method without a name": "bea.modified_series('runge_kuta')",
    "an inconsistent method": "bea.ButcherTableau([[0, 0], ['p', 0]], ['q*r', 's'])",
    "a series without a loss": "bea.modified_series('euler', 3).modified_loss()",
    "a parameter given twice": "eq(loss='a', params='a,b,a,b')",
    "a set of parameters": "eq(loss='a', params={'a'})",
}


# What is printed


def derivations() -> Named:
    """Every form of a derivation in coordinates."""
    import sympy as sp

    import bea
    from bea.symbolic.printing import equation as present

    for name, (loss, params, order) in LOSSES.items():
        eq = bea.modified_equation(loss=loss, params=params, order=order)
        yield f"{name}: text", present.as_text(eq)
        yield f"{name}: LaTeX", eq.latex()
        yield f"{name}: JSON", json.dumps(present.as_dictionary(eq))
        yield f"{name}: Python", present.as_python(eq)
        yield f"{name}: representation", sp.srepr(eq.vector_field())
        yield f"{name}: constants", eq.constants
        yield f"{name}: Ẽ", eq.modified_loss(1)
        yield f"{name}: split", eq.gradient_split(1)
        yield f"{name}: M", eq.preconditioner(1)
        yield f"{name}: kernel", eq.polynomial_fields()
    eq = bea.modified_equation(loss=LOSSES["polynomial"][0], params="a,b", order=2)
    yield "split", eq.gradient_split(2)
    yield "curl", eq.curl(2)
    yield "M", eq.preconditioner()
    yield "literal corrections", eq.literal_corrections()
    yield "mpmath kernel", eq.to_mpmath(constants={"x": 1, "y": 2, "k": 3})([1, 2], 0.5)

    u, v, w, q, p, r = sp.symbols("u v w q p r")
    F = sp.Function("F")
    fields = {
        "special functions": [sp.gamma(u) * q + v * p, sp.besselj(0, v) * r * u],
        "an undefined function": [F(u) * v * p, F(u).diff(u) * r + F(v) * w],
        "an implicit method": [q * v + p * sp.exp(-r * u), -sp.sin(u) * p - q * v],
    }
    # F(u·v) is left out: SymPy numbers the ξ of ∂F(ξ) at ξ = u·v by a hash, and sorts by that.
    for name, field in fields.items():
        method = "gauss4" if "method" in name else "euler"
        eq = bea.modified_equation(field=field, params=(u, v), order=2, method=method)
        yield name, sp.srepr(eq.corrections)
    integrals = {
        "by a ratio": [(q + p * u) / (r + u**2) ** 2],
        "of unlike functions": [sp.exp(q * u) * sp.sin(p * u) + sp.log(r + u) / (q + u)],
        "left as it is": [sp.exp(-p * u**2) * sp.log(q + u**2) + F(r * u)],
    }
    for name, field in integrals.items():
        eq = bea.modified_equation(field=field, params=u, order=1)
        yield f"an integral {name}", sp.srepr(eq.modified_loss(0))
    step = bea.modified_equation(
        step=lambda t, h: [t[0] + h * (t[1] - h * q * sp.sin(p * t[0])), t[1] - h * r * t[0]],
        params=(u, v),
        order=2,
    )
    yield "a step", present.as_text(step)


def expansions() -> Named:
    """Every form of a series over trees, and its pictures."""
    import bea
    from bea.symbolic.printing import series as series_text
    from bea.symbolic.printing.pictures import series_html

    symbolic = bea.ButcherTableau([[0, 0], ["alpha", 0]], ["1 - beta/alpha", "beta/alpha"])
    series = {name: bea.modified_series(name, order=3) for name in bea.METHODS}
    series["rk4 through h^6"] = bea.modified_series("rk4", order=6)
    series["gauss4 through h^5"] = bea.modified_series("gauss4", order=5)
    series["symbolic"] = bea.modified_series(symbolic, order=3)
    series["modifying"] = bea.modifying_integrator("implicit_midpoint", order=4)
    for name, one in series.items():
        yield f"{name}: report", series_text.as_report(one)
        yield f"{name}: LaTeX", one.latex()
        yield f"{name}: JSON", json.dumps(series_text.as_dictionary(one))
        yield f"{name}: gradients", [one.gradient_structure(l) for l in range(4)]
    for name in ("euler", "gauss4", "symbolic", "modifying"):
        one = series[name]
        yield f"{name}: in the loss", [one.text(gradient=True), one.latex(gradient=True)]
        yield f"{name}: M", [str(one.preconditioner()), one.preconditioner().latex()]
        yield f"{name}: Ẽ", str(one.modified_loss(1))
        yield f"{name}: SVG", one.svg()
        yield f"{name}: HTML", series_html(one)
    yield "symbols", symbolic.symbols
    yield "on a loss", bea.modified_series(symbolic, 2).on(
        loss="c*exp(d*x)*y", params="x,y"
    ).corrections  # fmt: skip
    yield "trees", [str(tree) for tree in bea.trees(7)]
    halves = bea.composition(["euler", "implicit_euler"], steps=["theta", "1 - theta"])
    yield "composition", [halves, bea.modified_series(halves, 2)]


def errors() -> Named:
    """What is said of input that is wrong."""
    import sympy as sp

    import bea
    from bea.symbolic.printing import equation as present

    names = {"bea": bea, "sp": sp, "eq": bea.modified_equation, "present": present}
    names |= {"a": sp.Symbol("a"), "b": sp.Symbol("b")}
    for name, code in WRONG.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                said = f"no error: {eval(code, names)}"
            except bea.BeaError as error:
                said = f"{type(error).__name__}: {error}"
        yield name, [said, *(str(w.message) for w in caught)]


def compiled() -> Named:
    """Programs for JAX, and what comes of running them."""
    import jax
    import numpy as np

    import bea

    for name, (loss, params, order) in LOSSES.items():
        eq = bea.modified_equation(loss=loss, params=params, order=order)
        numbers = {c.name: 0.3 + k / 7 for k, c in enumerate(eq.constants)}
        theta = np.linspace(0.2, 0.4, len(eq.params))
        kernel = eq.to_jax(constants=numbers)
        yield f"{name}: program", jax.make_jaxpr(kernel)(theta, 0.1)
        yield f"{name}: value", kernel(theta, 0.1).tolist()
    for method in ("euler", "rk4"):
        series = bea.modified_series(method, order=3)
        yield f"{method}: program", jax.make_jaxpr(series.to_jax(field))(start(), 0.1)
    yield "f_2", bea.modified_series("euler", order=2).corrections_to_jax(field)(start())


def measured() -> Named:
    """Flows and local errors."""
    import bea

    yield "flow", bea.flow(field, start(), 1.0)
    yield (
        "orders of a series",
        bea.verify_orders(bea.modified_series("euler", order=2), start(), field=field),
    )
    loss, params, order = LOSSES["transcendental"]
    eq = bea.modified_equation(loss=loss, params=params, order=order)
    numbers = {c.name: k + 1 for k, c in enumerate(eq.constants)}
    yield "orders of an equation", bea.verify_orders(eq, [0.1, 0.2, 0.3], constants=numbers)


def field(theta: dict[str, Any]) -> dict[str, Any]:
    """A field on two arrays."""
    import jax.numpy as jnp

    return {"w": -theta["w"] * theta["b"].sum(), "b": jnp.sin(theta["b"]) - theta["w"][:2]}


def start() -> dict[str, Any]:
    import numpy as np

    return {"w": np.arange(3.0), "b": np.ones(2)}


def paintings() -> Named:
    """Pictures by matplotlib."""
    from tempfile import TemporaryDirectory

    import bea

    with TemporaryDirectory() as folder:
        for suffix in ("svg", "png", "pdf"):
            path = Path(folder) / f"a.{suffix}"
            bea.save_picture(bea.modified_series("gauss4", order=4), path)
            yield suffix, base64.b64encode(path.read_bytes()).decode()


PARTS: dict[str, Callable[[], Named]] = {
    part.__name__: part for part in (derivations, expansions, errors, compiled, measured, paintings)
}
QUICK = ("derivations", "errors")


# The tests


def printed(part: str) -> list[dict[str, str]]:
    """What a part prints with each of the hash seeds, by name."""
    return [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, part],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for seed in (SEEDS[::2] if part in QUICK else SEEDS)
    ]


@pytest.mark.parametrize(
    "part",
    [pytest.param(p, marks=() if p in QUICK else pytest.mark.slow) for p in PARTS],
)
def test_the_same_letters_with_every_hash_seed(part):
    first, *others = printed(part)
    assert first
    for other in others:
        assert [name for name, text in first.items() if other[name] != text] == []
        assert list(other) == list(first)


if __name__ == "__main__":
    print(json.dumps({name: str(text) for name, text in PARTS[sys.argv[1]]()}))
