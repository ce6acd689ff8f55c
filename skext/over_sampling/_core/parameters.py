"""What the parameters may be that many samplers have in common."""

from numbers import Integral

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from skext.utils._sklearn import HasMethods, Interval, StrOptions

COUNT = Interval(Integral, 1, None, closed="left")
"""A number of neighbours."""

SEARCH = [COUNT, HasMethods(["kneighbors", "kneighbors_graph"])]
"""A number of neighbours, or an object that finds them."""

INTERPOLATION = ("allocation", "interpolation", "integer_features", "on_small_class")
"""Parameters of all samplers whose rows lie between two given ones."""

_COMMON = {
    **BaseOverSampler._parameter_constraints,
    "random_state": ["random_state", np.random.Generator],
    "allocation": [StrOptions({"random", "balanced"})],
    "categorical_features": [StrOptions({"auto"}), "array-like"],
    "integer_features": [StrOptions({"round", "truncate"})],
    "interpolation": [StrOptions({"segment", "box"})],
    "k_neighbors": [COUNT],
    "on_empty": [StrOptions({"raise", "smote"})],
    "on_small_class": [StrOptions({"shrink", "duplicate", "raise"})],
    "n_jobs": [Integral, None],
}


def constraints(*names, **own):
    """Return constraints for ``_parameter_constraints`` of a sampler.

    Parameters
    ----------
    *names : str
        Common parameters, apart from ``sampling_strategy``, ``random_state`` and
        ``n_jobs``, which all have.
    **own : list
        Constraints of the others.

    Returns
    -------
    constraints : dict
        One list for each parameter.
    """
    names = ("sampling_strategy", "random_state", *names, "n_jobs")
    return {name: _COMMON[name] for name in names} | own
