"""For tests of one's own: strategies that draw losses, fields, methods; assertions on a step.

    from hypothesis import given, settings
    from bea.testing import assert_modified_equation, losses

    @settings(deadline=None)
    @given(losses(dim=2))
    def test_my_optimizer(loss):
        step = lambda theta, h: my_optimizer(loss.gradient, theta, h)
        assert_modified_equation(step, loss.equation(order=2))

The assertions measure the order of a step's local error and its leading constant against the
modified equation, and never pass for want of evidence. The strategies need Hypothesis
(`pip install "bea[testing]"`), the assertions alone do not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bea.testing.assertions import assert_local_error_order as assert_local_error_order
    from bea.testing.assertions import assert_modified_equation as assert_modified_equation
    from bea.testing.samples import ACTIVATIONS as ACTIVATIONS
    from bea.testing.samples import SampleField as SampleField
    from bea.testing.samples import SampleLoss as SampleLoss
    from bea.testing.samples import SampleNetwork as SampleNetwork
    from bea.testing.strategies import losses as losses
    from bea.testing.strategies import pytree_losses as pytree_losses
    from bea.testing.strategies import trees as trees
    from bea.testing.strategies import vector_fields as vector_fields
    from bea.testing.tableaus import butcher_tableaus as butcher_tableaus

_HOME = {
    "assert_local_error_order": "assertions",
    "assert_modified_equation": "assertions",
    "losses": "strategies",
    "vector_fields": "strategies",
    "pytree_losses": "strategies",
    "trees": "strategies",
    "butcher_tableaus": "tableaus",
    "SampleLoss": "samples",
    "SampleField": "samples",
    "SampleNetwork": "samples",
    "ACTIVATIONS": "samples",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bea.testing' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"bea.testing.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ImportError(
            f"bea.testing.{name} draws by Hypothesis: pip install 'bea[testing]'"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
