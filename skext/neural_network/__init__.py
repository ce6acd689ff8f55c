"""Neural networks for tables: losses by name, calibrated scores, CPU and GPU.

The estimators import torch when they are fitted; losses and modules for
training loops of your own import it when they are asked for. Both need the extra
``skext[deep]``.
"""

from skext.neural_network._classifier import TabularNetClassifier
from skext.neural_network._core.base import torch_level
from skext.neural_network._ensloss_classifier import EnsLossClassifier
from skext.neural_network._ordinal import OrdinalNetClassifier
from skext.neural_network._registry.names import NEED_TORCH
from skext.neural_network._regressor import TabularNetRegressor
from skext.neural_network._samplers import HighLossBatchSampler, TemperatureSampler

__all__ = [
    "EnsLossClassifier",
    "HighLossBatchSampler",
    "OrdinalNetClassifier",
    "TabularNetClassifier",
    "TabularNetRegressor",
    "TemperatureSampler",
    *NEED_TORCH,
]


def __dir__():
    return sorted(__all__)


def __getattr__(name):
    if name in NEED_TORCH:
        return getattr(torch_level(NEED_TORCH[name], name), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
