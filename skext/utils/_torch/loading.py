"""torch and skorch, loaded when a network is fitted and no earlier."""

import importlib
import sys
import warnings

from skext.utils._optional import optional_import


def require_torch(purpose):
    """Import torch and skorch, or say how to get them.

    Parameters
    ----------
    purpose : str
        What needs them.

    Raises
    ------
    MissingDependencyError
        If one of them is not installed.
    """
    if None not in (sys.modules.get("torch"), sys.modules.get("skorch")):
        return
    # torch adds warning filters when it is imported, which are not ours to add.
    with warnings.catch_warnings():
        for package in ("torch", "skorch"):
            optional_import(package, extra="deep", purpose=purpose)
        # The first optimiser imports more of torch, and filters with it.
        torch = importlib.import_module("torch")
        torch.optim.SGD([torch.zeros(1)], lr=0.1)
