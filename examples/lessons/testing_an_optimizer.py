"""Lesson: a test for an optimizer of your own, and a mistake that the slope of an error misses.

    python examples/lessons/testing_an_optimizer.py

Two programs for gradient descent, θ⁺ = θ − h∇E(θ). The second updates θ in place, one coordinate
after the other, so that later coordinates see the new values of earlier ones: a common mistake.

1. The slope of the local error on a log–log plot is 2 for both. It cannot tell them apart: every
   first-order method has it.
2. The leading constant can: error/h² tends to f_1 = −½f'f for gradient descent, and to something
   else for the other. `assert_modified_equation` measures it, at points where nothing vanishes
   by accident, and says which f_l is wrong. With f_1 goes the implicit regularization that the
   program was meant to study.
3. In a test suite the losses are drawn, and the failing one is made as simple as can be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import find, settings

import bea
from bea.testing import SampleLoss, assert_modified_equation, losses

Step = Callable[[Any, Any], Any]


def descent(loss: SampleLoss) -> Step:
    """Gradient descent as it should be."""

    def step(theta: Any, h: Any) -> Any:
        return theta - h * loss.gradient(theta)

    return step


def descent_in_place(loss: SampleLoss) -> Step:
    """Gradient descent that overwrites the parameters while it still needs them."""

    def step(theta: Any, h: Any) -> Any:
        theta = theta.copy()
        for i in range(len(theta)):
            theta[i] -= h * loss.gradient(theta)[i]
        return theta

    return step


loss = SampleLoss("(3/5 - a*b)**2/2", "a, b")
equation = loss.equation(order=1)

# 1. The order q of |θ⁺ − θ̃(h)| ~ h^q, with the flow θ̃ of f itself.

print("1. The slope of the local error says nothing\n")
for program in (descent, descent_in_place):
    report = bea.verify_order(equation, at=("2.8", "3.5"), order=0, step=program(loss))
    print(f"   {program.__name__:17} error ~ h^{report.measured_order:.3f}")

# 2. The limit of error/h², against f_1 and f_2.

print("\n2. Its leading constant does\n")
for program in (descent, descent_in_place):
    try:
        reports = assert_modified_equation(program(loss), equation)
    except AssertionError as reason:
        print(f"   {program.__name__}:\n")
        print("\n".join(f"      {line}" for line in str(reason).splitlines()))
    else:
        defect = max(report.leading_defect or 0 for report in reports)
        print(
            f"   {program.__name__}: f_1 and f_2 are confirmed at {len(reports) // 2} points, "
            f"to a part in {1 / defect:.0e}\n"
        )

# 3. In a test suite Hypothesis draws the losses. Here it is asked for the simplest loss on which
# the program that works in place fails.

print("\n3. In a property-based test\n")
print("   @settings(deadline=None)")
print("   @given(losses(dim=2))")
print("   def test_my_optimizer(loss):")
print("       assert_modified_equation(my_step(loss), loss.equation(order=1))\n")


def is_wrong_on(loss: SampleLoss) -> bool:
    """Does the assertion refuse the program that works in place, on this loss?"""
    try:
        assert_modified_equation(descent_in_place(loss), loss.equation(order=1))
    except AssertionError:
        return True
    return False


repeatable = settings(derandomize=True, database=None, deadline=None)
smallest = find(losses(dim=2), is_wrong_on, settings=repeatable)
print(f"   The simplest loss on which descent_in_place fails: {smallest}")
