"""Tasks of learning from label proportions: bundled and simulated data in bags."""

from dataclasses import replace

import numpy as np
from sklearn import datasets
from sklearn.model_selection import StratifiedShuffleSplit

from skext.benchmark._engine.tasks import offline_task

_HERE = "skext.benchmark._families.llp.tasks"
_BAG_SIZES = (8, 32, 128)
# The sizes of bags are what is repeated here, and each has all the methods.
_TEST_SHARE = 0.4
_SOURCES = {
    "cancer": "scikit-learn",
    "clusters": "simulated, clusters that agree with the classes",
    "odd-digits": "scikit-learn, odd against even digits",
}


def cancer():
    """Breast cancer; malignant is positive."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return _split_once(X, np.where(y == 0, "malignant", "benign"), "malignant")


def clusters():
    """Two classes of two clusters each."""
    X, y = datasets.make_classification(
        1000,
        10,
        n_informative=5,
        n_clusters_per_class=2,
        class_sep=1.2,
        random_state=0,
    )
    return _split_once(X, y, "1")


def odd_digits(n_samples=1000):
    """First rows of the digits: many clusters of each class."""
    X, y = datasets.load_digits(return_X_y=True)
    y = np.where(y[:n_samples] % 2, "odd", "even")
    return _split_once(X[:n_samples], y, "odd")


def _split_once(X, y, positive_class):
    cut = StratifiedShuffleSplit(1, test_size=_TEST_SHARE, random_state=0)
    splits = list(cut.split(X, y))
    return {"X": X, "y": y, "positive_class": positive_class, "splits": splits}


# One for each data set and size of bags; the splits do not depend on the size.
TASKS = tuple(
    replace(
        offline_task(
            f"{name}-bags{size}",
            f"{_HERE}:{name.replace('-', '_')}",
            f"{source}, bags of {size} rows",
            track="llp",
            folds="task",
        ),
        bag_size=size,
    )
    for name, source in _SOURCES.items()
    for size in _BAG_SIZES
)
