"""Tasks for networks: bundled data, and a simulation in which all of them overfit."""

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

from skext.benchmark._engine.tasks import offline_task

_HERE = "skext.benchmark._families.neural.tasks"
_SOURCES = {
    "cancer": "scikit-learn, 30 % of the rows to learn from",
    "odd-digits": "scikit-learn, odd against even digits, 20 % of the labels wrong",
    "overfit": "simulated, 100 columns of which 10 tell, 20 % of the labels random",
}
# Share of the rows to learn from.
_TRAIN = {"cancer": 0.3, "odd-digits": 0.6, "overfit": 0.7}


def noisy_table(name):
    """Load a table with one split.

    Parameters
    ----------
    name : {"cancer", "odd-digits", "overfit"}
        Data set.

    Returns
    -------
    bunch : dict
        Data, with wrong labels among the training rows where the source says so.
    """
    X, y, positive_class = _load(name)
    train, test = train_test_split(
        np.arange(len(y)), train_size=_TRAIN[name], stratify=y, random_state=0
    )
    if name == "odd-digits":
        wrong = np.random.RandomState(0).permutation(train)[: len(train) // 5]
        y = y.copy()
        y[wrong] = np.where(y[wrong] == "odd", "even", "odd")
    splits = [(np.sort(train), np.sort(test))]
    return {"X": X, "y": y, "splits": splits, "positive_class": positive_class}


def _load(name):
    if name == "cancer":
        X, y = datasets.load_breast_cancer(return_X_y=True)
        return X, np.where(y == 0, "malignant", "benign"), "malignant"
    if name == "odd-digits":
        X, y = datasets.load_digits(return_X_y=True)
        return X[:1000], np.where(y[:1000] % 2, "odd", "even"), "odd"
    X, y = datasets.make_classification(
        1200,
        100,
        n_informative=10,
        flip_y=0.2,
        class_sep=0.7,
        random_state=0,
    )
    return X, y.astype(str), "1"


TASKS = tuple(
    offline_task(
        f"{name}-nets",
        f"{_HERE}:noisy_table",
        source,
        track="neural",
        folds="task",
        name=name,
    )
    for name, source in _SOURCES.items()
)
