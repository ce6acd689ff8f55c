"""Criteria for networks on tables. Importing this loads torch."""

from skext.neural_network._losses.base import TabularLoss
from skext.neural_network._losses.ensloss import EnsLoss, ensloss_derivatives
from skext.neural_network._losses.ldr import LDRLoss
from skext.neural_network._losses.likelihood import GeneralizedCrossEntropy, LogLoss
from skext.neural_network._losses.margin import (
    ExponentialLoss,
    HingeLoss,
    LogHingeLoss,
)
from skext.neural_network._losses.registry import LOSS_NAMES, make_loss
from skext.neural_network._losses.regression import (
    AbsoluteErrorLoss,
    HuberLoss,
    PinballLoss,
    SquaredErrorLoss,
)
from skext.neural_network._losses.reweighting import LossReweighting
from skext.neural_network._losses.soft_ordinal import SoftOrdinalLoss

__all__ = [
    "LOSS_NAMES",
    "AbsoluteErrorLoss",
    "EnsLoss",
    "ExponentialLoss",
    "GeneralizedCrossEntropy",
    "HingeLoss",
    "HuberLoss",
    "LDRLoss",
    "LogHingeLoss",
    "LogLoss",
    "LossReweighting",
    "PinballLoss",
    "SoftOrdinalLoss",
    "SquaredErrorLoss",
    "TabularLoss",
    "ensloss_derivatives",
    "make_loss",
]
