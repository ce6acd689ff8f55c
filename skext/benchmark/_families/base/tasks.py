"""Tables that everybody has: scikit-learn's bundled data, and normal classes."""

import numpy as np
from sklearn import datasets

from skext.benchmark._engine.tasks import offline_task
from skext.datasets import make_gaussian_mixture

_HERE = "skext.benchmark._families.base.tasks"


def bundled(function):
    """One of scikit-learn's data sets that come with the package."""
    bunch = getattr(datasets, function)(as_frame=True)
    y = bunch.target
    task_type = "regression"
    if hasattr(bunch, "target_names"):
        y = np.asarray(bunch.target_names)[y]
        task_type = "binary" if len(bunch.target_names) == 2 else "multiclass"
    return {"X": bunch.data, "y": np.asarray(y), "task_type": task_type}


def digits(n_samples=500):
    """First rows of the digits."""
    X, y = datasets.load_digits(return_X_y=True, as_frame=True)
    return {"X": X[:n_samples], "y": y[:n_samples].to_numpy()}


def gaussian_mixture(**options):
    """Classes for which naive Bayes with one variance is the right model."""
    found = make_gaussian_mixture(random_state=0, **options)
    return {"X": found.data, "y": found.target, "bayes_error": found.bayes_error}


TASKS = (
    *(
        offline_task(name, f"{_HERE}:bundled", "scikit-learn", function=function)
        for name, function in (
            ("iris", "load_iris"),
            ("wine", "load_wine"),
            ("breast-cancer", "load_breast_cancer"),
        )
    ),
    offline_task("digits-500", f"{_HERE}:digits", "scikit-learn, 500 rows"),
    offline_task(
        "gaussians-3x100",
        f"{_HERE}:gaussian_mixture",
        "simulated, one variance for all classes, Bayes error 7 %",
        n_classes=3,
        n_features=100,
        n_samples=600,
        separation=5.0,
    ),
    offline_task(
        "gaussians-2x400",
        f"{_HERE}:gaussian_mixture",
        "simulated, fewer rows than columns, Bayes error 7 %",
        n_classes=2,
        n_features=400,
        n_samples=300,
        separation=3.0,
    ),
)
