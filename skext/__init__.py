"""Classical machine learning methods for tabular data as scikit-learn estimators.

Sub-modules load on first use, so ``import skext`` costs next to nothing.
"""

import importlib

__version__ = "0.1.0.dev0"

_submodules = (
    "base",
    "benchmark",
    "cluster",
    "combine",
    "datasets",
    "exceptions",
    "label_proportions",
    "metrics",
    "model_selection",
    "naive_bayes",
    "neural_network",
    "ordinal",
    "over_sampling",
    "quantile",
    "utils",
)

__all__ = ["__version__", *_submodules]


def __dir__():
    return sorted(__all__)


def __getattr__(name):
    if name in _submodules:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
