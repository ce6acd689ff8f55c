"""Tasks with few labels: nested training sets of bundled and simulated data."""

import numpy as np
from sklearn import datasets

from skext.benchmark._engine.tasks import offline_task
from skext.datasets import make_gaussian_mixture

_HERE = "skext.benchmark._families.probes.tasks"
_N_DRAWS = 2
_N_TEST = 300

_SIZES = {
    "digits": (30, 100, 1000),
    "cancer": (10, 200),
    "gaussians-2x200": (10, 400),
}
_SOURCES = {
    "digits": "scikit-learn",
    "cancer": "scikit-learn",
    "gaussians-2x200": "simulated, one variance for all classes",
}


def few_labels(name, size):
    """Load a data set with draws of ``size`` training rows.

    Parameters
    ----------
    name : {"digits", "cancer", "gaussians-2x200"}
        Data set.
    size : int
        Number of training rows.

    Returns
    -------
    bunch : dict
        Data, and splits whose training rows are those of smaller sizes and more.
    """
    X, y = _load(name)
    codes = np.unique(y, return_inverse=True)[1]
    splits = []
    for draw in range(_N_DRAWS):
        order = _draw(codes, np.random.RandomState(draw))
        splits.append((np.sort(order[:size]), np.sort(order[-_N_TEST:])))
    return {"X": X, "y": y, "splits": splits}


def _draw(codes, rng):
    """Order rows so that each class is met in turn, by its share."""
    # Loads numba, which listing tasks does not need.
    from skext.naive_bayes._curve.data import nested_order

    return nested_order(codes, codes.max() + 1, "stratified", rng)


def _load(name):
    if name == "digits":
        return datasets.load_digits(return_X_y=True)
    if name == "cancer":
        return datasets.load_breast_cancer(return_X_y=True)
    found = make_gaussian_mixture(900, 200, separation=3.0, random_state=0)
    return found.data, found.target


# One for each data set and number of training rows.
TASKS = tuple(
    offline_task(
        f"{name}-n{size}",
        f"{_HERE}:few_labels",
        f"{_SOURCES[name]}, {size} rows to learn from",
        track="probes",
        folds="task",
        name=name,
        size=size,
    )
    for name, sizes in _SIZES.items()
    for size in sizes
)
