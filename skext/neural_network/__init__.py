"""Neural networks for tables: losses by name, calibrated scores, CPU and GPU.

The estimators import torch when they are fitted; losses, layers and samplers for
training loops of your own import it when they are asked for. Both need the extra
``skext[deep]``.
"""

from skext.neural_network._classifier import TabularNetClassifier
from skext.neural_network._ensloss_classifier import EnsLossClassifier
from skext.neural_network._ordinal import OrdinalNetClassifier
from skext.neural_network._regressor import TabularNetRegressor
from skext.neural_network._samplers import HighLossBatchSampler, TemperatureSampler

# Names that need torch, and where they are.
_TORCH_LEVEL = {
    "AbsoluteErrorLoss": "_losses",
    "EnsLoss": "_losses",
    "ExponentialLoss": "_losses",
    "GeneralizedCrossEntropy": "_losses",
    "GhostBatchNorm1d": "_modules.ghost",
    "HingeLoss": "_losses",
    "HuberLoss": "_losses",
    "LDRLoss": "_losses",
    "LogHingeLoss": "_losses",
    "LogLoss": "_losses",
    "LossReweighting": "_losses",
    "PinballLoss": "_losses",
    "SoftOrdinalLoss": "_losses",
    "SquaredErrorLoss": "_losses",
    "ensloss_derivatives": "_losses",
}

__all__ = [
    "AbsoluteErrorLoss",
    "EnsLoss",
    "EnsLossClassifier",
    "ExponentialLoss",
    "GeneralizedCrossEntropy",
    "GhostBatchNorm1d",
    "HighLossBatchSampler",
    "HingeLoss",
    "HuberLoss",
    "LDRLoss",
    "LogHingeLoss",
    "LogLoss",
    "LossReweighting",
    "OrdinalNetClassifier",
    "PinballLoss",
    "SoftOrdinalLoss",
    "SquaredErrorLoss",
    "TabularNetClassifier",
    "TabularNetRegressor",
    "TemperatureSampler",
    "ensloss_derivatives",
]


def __dir__():
    return sorted(__all__)


def __getattr__(name):
    if name in _TORCH_LEVEL:
        from skext.neural_network._base import torch_level

        return getattr(torch_level(_TORCH_LEVEL[name], name), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
