"""Tasks with a rare class of the suite that needs no network."""

import numpy as np
from sklearn import datasets

from skext.benchmark._engine.tasks import offline_task
from skext.datasets import make_imbalanced_mixture
from skext.utils._tables import take_rows

_HERE = "skext.benchmark._families.imbalanced.tasks"


def imbalanced_mixture(**options):
    """Simulate a rare class in clusters at the edge of a common one."""
    found = make_imbalanced_mixture(random_state=0, **options)
    return {"X": found.data, "y": found.target, "positive_class": "1"}


def rare_cancer():
    """Breast cancer with 40 of the malignant rows; malignant is positive."""
    X, y = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    return _thin_out(X, y.to_numpy() == 0, 40)


def rare_wine():
    """Wine with 15 rows of class 2, which is positive."""
    X, y = datasets.load_wine(return_X_y=True, as_frame=True)
    return _thin_out(X, y.to_numpy() == 2, 15)


def rare_digit():
    """Digit 8 against the rest, on every eighth pixel row's sums."""
    X, y = datasets.load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    profiles = np.hstack([images.sum(axis=1), images.sum(axis=2)])
    return {"X": profiles, "y": np.where(y == 8, "8", "rest"), "positive_class": "8"}


def _thin_out(X, positive, n_positive):
    rng = np.random.default_rng(0)
    kept = rng.choice(np.flatnonzero(positive), n_positive, replace=False)
    rows = np.sort(np.concatenate([kept, np.flatnonzero(~positive)]))
    labels = np.where(positive, "positive", "negative")
    return {
        "X": take_rows(X, rows),
        "y": labels[rows],
        "positive_class": "positive",
    }


def _task(name, loader, source, **arguments):
    # Many methods are compared.
    options = {"track": "imbalanced", "folds": (1, 3)}
    return offline_task(name, f"{_HERE}:{loader}", source, **options, **arguments)


TASKS = (
    _task("cancer-rare", "rare_cancer", "scikit-learn, 40 of 212 malignant rows"),
    _task(
        "digit-8",
        "rare_digit",
        "scikit-learn, digit 8 against the rest, first 8 components",
    ),
    _task(
        "mixture-5pct",
        "imbalanced_mixture",
        "simulated, 5 % positive",
        minority_fraction=0.05,
        n_samples=1000,
    ),
    _task(
        "mixture-1pct",
        "imbalanced_mixture",
        "simulated, 1 % positive",
        minority_fraction=0.01,
        n_samples=3000,
    ),
    _task("wine-1-vs-rest", "rare_wine", "scikit-learn, 15 of 48 rows of class 2"),
    _task(
        "mixture-10pct-wide",
        "imbalanced_mixture",
        "simulated, 10 % positive, 20 columns",
        minority_fraction=0.10,
        n_samples=1000,
        n_features=20,
        separation=1.0,
    ),
)
