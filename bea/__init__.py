"""`bea`: symbolic backward error analysis.

A gradient descent step does not follow the gradient flow of its loss; it follows, to high order,
the flow of a modified equation θ̇ = f + h f_1 + h² f_2 + … This package derives the f_l exactly,
turns them into JAX kernels, for formulas and for networks, and measures that a step leaves the
modified flow by O(h^{p+2}). Models and data sets are in `bea.models`.

Names are loaded when they are first used: deriving does not wait for JAX, nothing loads matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bea.classifier import Classifier as Classifier
    from bea.errors import BeaError as BeaError
    from bea.errors import InputError as InputError
    from bea.errors import NotAGradientError as NotAGradientError
    from bea.errors import NotSmoothError as NotSmoothError
    from bea.errors import NotSmoothWarning as NotSmoothWarning
    from bea.errors import StepError as StepError
    from bea.errors import UndecidedError as UndecidedError
    from bea.flows.flow import flow as flow
    from bea.numeric.fields.log_shift import log_shift_estimate as log_shift_estimate
    from bea.numeric.orders.local_error import verify_order as verify_order
    from bea.numeric.orders.local_error import verify_orders as verify_orders
    from bea.numeric.orders.report import OrderReport as OrderReport
    from bea.numeric.orders.report import OrderReports as OrderReports
    from bea.numeric.regularization.explicit import (
        add_explicit_gradient_regularization as add_explicit_gradient_regularization,
    )
    from bea.numeric.regularization.explicit import (
        cancel_implicit_regularization as cancel_implicit_regularization,
    )
    from bea.numeric.regularization.explicit import (
        explicit_gradient_regularization as explicit_gradient_regularization,
    )
    from bea.numeric.regularization.explicit import modified_loss as modified_loss
    from bea.numeric.regularization.explicit import (
        without_implicit_regularization as without_implicit_regularization,
    )
    from bea.numeric.regularization.geometry import GradientGeometry as GradientGeometry
    from bea.numeric.regularization.geometry import gradient_geometry as gradient_geometry
    from bea.numeric.regularization.geometry import (
        implicit_gradient_regularizer as implicit_gradient_regularizer,
    )
    from bea.numeric.regularization.geometry import slope as slope
    from bea.numeric.regularization.norm_bound import ParameterNormMonitor as ParameterNormMonitor
    from bea.numeric.regularization.tangent_kernel import (
        least_squares_modified_loss as least_squares_modified_loss,
    )
    from bea.numeric.regularization.tangent_kernel import (
        neural_tangent_kernel as neural_tangent_kernel,
    )
    from bea.numeric.regularization.tangent_kernel import (
        tangent_kernel_product as tangent_kernel_product,
    )
    from bea.numeric.training.robustness import NoiseRobustness as NoiseRobustness
    from bea.numeric.training.robustness import noise_robustness as noise_robustness
    from bea.numeric.training.robustness import perturbed as perturbed
    from bea.numeric.training.run import TrainingRun as TrainingRun
    from bea.numeric.training.train import train as train
    from bea.symbolic.equation import ModifiedEquation as ModifiedEquation
    from bea.symbolic.equation import modified_equation as modified_equation
    from bea.symbolic.methods.composition import composition as composition
    from bea.symbolic.methods.named import METHODS as METHODS
    from bea.symbolic.methods.tableau import ButcherTableau as ButcherTableau
    from bea.symbolic.printing.pictures import save_picture as save_picture
    from bea.symbolic.series import Series as Series
    from bea.symbolic.series import modified_series as modified_series
    from bea.symbolic.series import modifying_integrator as modifying_integrator
    from bea.symbolic.structure.free_trees import FreeTree as FreeTree
    from bea.symbolic.trees.tree import Tree as Tree
    from bea.symbolic.trees.tree import trees as trees

__version__ = "0.1.0"

_HOME = {
    "Classifier": "bea.classifier",
    "train": "bea.numeric.training.train",
    "NoiseRobustness": "bea.numeric.training.robustness",
    "noise_robustness": "bea.numeric.training.robustness",
    "perturbed": "bea.numeric.training.robustness",
    "TrainingRun": "bea.numeric.training.run",
    "BeaError": "bea.errors",
    "InputError": "bea.errors",
    "NotAGradientError": "bea.errors",
    "UndecidedError": "bea.errors",
    "NotSmoothError": "bea.errors",
    "StepError": "bea.errors",
    "ModifiedEquation": "bea.symbolic.equation",
    "modified_equation": "bea.symbolic.equation",
    "composition": "bea.symbolic.methods.composition",
    "FreeTree": "bea.symbolic.structure.free_trees",
    "ButcherTableau": "bea.symbolic.methods.tableau",
    "METHODS": "bea.symbolic.methods.named",
    "Series": "bea.symbolic.series",
    "modified_series": "bea.symbolic.series",
    "modifying_integrator": "bea.symbolic.series",
    "save_picture": "bea.symbolic.printing.pictures",
    "Tree": "bea.symbolic.trees.tree",
    "trees": "bea.symbolic.trees.tree",
    "flow": "bea.flows.flow",
    "log_shift_estimate": "bea.numeric.fields.log_shift",
    "NotSmoothWarning": "bea.errors",
    "gradient_geometry": "bea.numeric.regularization.geometry",
    "GradientGeometry": "bea.numeric.regularization.geometry",
    "implicit_gradient_regularizer": "bea.numeric.regularization.geometry",
    "slope": "bea.numeric.regularization.geometry",
    "modified_loss": "bea.numeric.regularization.explicit",
    "explicit_gradient_regularization": "bea.numeric.regularization.explicit",
    "add_explicit_gradient_regularization": "bea.numeric.regularization.explicit",
    "without_implicit_regularization": "bea.numeric.regularization.explicit",
    "cancel_implicit_regularization": "bea.numeric.regularization.explicit",
    "neural_tangent_kernel": "bea.numeric.regularization.tangent_kernel",
    "tangent_kernel_product": "bea.numeric.regularization.tangent_kernel",
    "least_squares_modified_loss": "bea.numeric.regularization.tangent_kernel",
    "ParameterNormMonitor": "bea.numeric.regularization.norm_bound",
    "OrderReport": "bea.numeric.orders.report",
    "OrderReports": "bea.numeric.orders.report",
    "verify_order": "bea.numeric.orders.local_error",
    "verify_orders": "bea.numeric.orders.local_error",
}

__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bea' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
