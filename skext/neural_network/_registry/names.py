"""Names of losses and modules, and where their classes are: the one list of both.

It loads without torch. The names that estimators take, the registries and the lazy
names of the package are all made of it, so that a new loss or module is a file of its
own and a line here.
"""

import importlib
from typing import NamedTuple


class Named(NamedTuple):
    """Where a class is that is known by a name.

    Attributes
    ----------
    file : str
        Module below ``skext.neural_network``.
    cls : str
        Name of the class, public as ``skext.neural_network.<cls>``.
    targets : tuple of {"classes", "ordered classes", "numbers"}
        What it is for, if it is a loss.
    options : dict
        Arguments that the name implies.
    """

    file: str
    cls: str
    targets: tuple = ()
    options: dict = {}

    def find(self):
        """Return the class; this loads torch."""
        module = importlib.import_module(f"skext.neural_network.{self.file}")
        return getattr(module, self.cls)


_CLASSES, _NUMBERS = ("classes",), ("numbers",)
_ORDERED = ("classes", "ordered classes")

LOSSES = {
    "ensloss": Named("_losses.ensloss", "EnsLoss", _CLASSES),
    "log_hinge": Named("_losses.margin", "LogHingeLoss", _CLASSES),
    "log_loss": Named("_losses.likelihood", "LogLoss", _ORDERED),
    "hinge": Named("_losses.margin", "HingeLoss", _CLASSES),
    "exponential": Named("_losses.margin", "ExponentialLoss", _CLASSES),
    "gce": Named("_losses.likelihood", "GeneralizedCrossEntropy", _ORDERED),
    "ldr": Named("_losses.ldr", "LDRLoss", _ORDERED),
    "aldr": Named("_losses.ldr", "LDRLoss", _ORDERED, {"adaptive": True}),
    "soft_ordinal": Named("_losses.soft_ordinal", "SoftOrdinalLoss", _ORDERED),
    "squared_error": Named("_losses.regression", "SquaredErrorLoss", _NUMBERS),
    "absolute_error": Named("_losses.regression", "AbsoluteErrorLoss", _NUMBERS),
    "huber": Named("_losses.regression", "HuberLoss", _NUMBERS),
    "pinball": Named("_losses.regression", "PinballLoss", _NUMBERS),
}
MODULES = {
    "mlp": Named("_modules.mlp", "MLP"),
    "resnet": Named("_modules.resnet", "ResNet"),
    "realmlp": Named("_modules.realmlp", "RealMLP"),
    "tabm": Named("_modules.tabm", "TabM"),
}

#: Public names that need torch, and their modules below ``skext.neural_network``.
NEED_TORCH = {
    **{named.cls: named.file for named in (*LOSSES.values(), *MODULES.values())},
    "LossReweighting": "_losses.reweighting",
}


def losses_for(target):
    """Return the names of the losses for a kind of target, as a set."""
    return {name for name, named in LOSSES.items() if target in named.targets}
