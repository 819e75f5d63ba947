"""Ctrl-C: the command ends soon and in one line, and in Python nothing is left half-done."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
import sympy as sp

import bea
from bea.symbolic.coordinates.carrier import CoordinatesCarrier

a, b = sp.symbols("a b")
SOON = 5.0
"""Seconds; it is half of one on a machine with nothing else to do."""

ENDLESS = {
    "derive": ["derive", "sin(a*b)*exp(c+d**2) + tanh(a*c)", "--params", "a,b,c,d", "--order", "9"],
    "series": ["series", "--method", "gauss6", "--order", "14"],
    "verify": ["verify", "sin(a*b)*exp(c+d**2) + tanh(a*c)", "--params", "a,b,c,d",
               "--at", "1,2,1/2,1/3", "--order", "8"],
}  # fmt: skip


HEARD = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
"""Whoever runs the tests in the background may have Ctrl-C ignored, and children inherit that."""


def test_an_interrupt_in_a_callback_of_the_garbage_collector_is_not_lost():
    """Python reports what is raised there and goes on."""
    script = (
        f"import gc, sys, threading; {HEARD} from bea.cli import main\n"
        "def dropped(phase, info):\n"
        "    if armed.is_set():\n"
        "        armed.clear(); raise KeyboardInterrupt\n"
        "armed = threading.Event(); gc.callbacks.append(dropped)\n"
        "threading.Timer(1, armed.set).start(); sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *ENDLESS["derive"]],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "bea: interrupted\n")


@pytest.mark.parametrize("command", ENDLESS)
def test_an_interrupted_command_says_so_in_one_line(command):
    script = (
        f"{HEARD} import sys; from bea.cli import main;"
        "import bea.symbolic.series, bea.symbolic.equation;"
        "print('ready', file=sys.stderr, flush=True); sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, *ENDLESS[command]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "ready\n"
        time.sleep(1)
        assert process.poll() is None
        start = time.perf_counter()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert time.perf_counter() - start < SOON
    assert (process.returncode, out, err) == (130, "", "bea: interrupted\n")


def step(theta, h):
    q, p = theta
    return [q + h * p**2, p - h * q]


PROBLEMS = {
    "gradient descent": {"loss": a**4 * b},
    "a Runge–Kutta method": {"field": [a * b, sp.sin(a)], "method": "rk4"},
    "a step": {"step": step},
    "functions without a rule": {"field": [sp.gamma(a) * b, a]},
}


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_an_equation_goes_on_after_it_was_interrupted_anywhere(monkeypatch, problem, error):
    def equation() -> bea.ModifiedEquation:
        return bea.modified_equation(**PROBLEMS[problem], params=(a, b), order=3)

    expected, honest = equation().corrections, CoordinatesCarrier.derive
    left = 0

    def interrupted(self, g, along):
        nonlocal left
        left -= 1
        if left == 0:
            raise error
        return honest(self, g, along)

    monkeypatch.setattr(CoordinatesCarrier, "derive", interrupted)
    eq = equation()
    for call in (1, 2, 4, 9):  # of ten or more to f_3
        left = call
        with pytest.raises(error):
            eq.derive()
    assert eq.corrections == expected


def test_a_series_on_a_loss_goes_on_after_it_was_interrupted(monkeypatch):
    series = bea.modified_series("rk4", order=4)
    expected = series.on(loss=a**4 * b, params=(a, b)).corrections
    eq = series.on(loss=a**4 * b, params=(a, b))
    assert eq.extended(2).corrections == expected[:3]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CoordinatesCarrier, "combine", _interrupt)
        eq.derive()
    assert eq.corrections == expected


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
