"""The suite that needs no network: scikit-learn's bundled data and simulations.

A new method adds its tasks here; :mod:`skext.benchmark._families.catalog` says which
methods meet them.
"""

import numpy as np

from skext.benchmark._engine.tasks import Task
from skext.benchmark._families.clustering.tasks import clustering_tasks
from skext.benchmark._families.llp.tasks import llp_tasks
from skext.benchmark._families.neural.tasks import neural_tasks
from skext.benchmark._families.probes.tasks import probe_tasks
from skext.benchmark._families.quantile.tasks import quantile_tasks
from skext.utils._tables import take_rows

_HERE = "skext.benchmark._families.offline"
# Where many methods are compared, or the rarest class has a dozen rows.
_FEWER_FOLDS = (1, 3)


def offline_tasks():
    """Tasks of the main job, those of each track together."""
    return [
        _bundled("iris", "load_iris"),
        _bundled("wine", "load_wine"),
        _bundled("breast-cancer", "load_breast_cancer"),
        _task("digits-500", "digits", source="scikit-learn, 500 rows"),
        _task(
            "gaussians-3x100",
            "gaussian_mixture",
            source="simulated, one variance for all classes, Bayes error 7 %",
            n_classes=3,
            n_features=100,
            n_samples=600,
            separation=5.0,
        ),
        _task(
            "gaussians-2x400",
            "gaussian_mixture",
            source="simulated, fewer rows than columns, Bayes error 7 %",
            n_classes=2,
            n_features=400,
            n_samples=300,
            separation=3.0,
        ),
        *probe_tasks(),
        *neural_tasks(),
        _task(
            "cancer-rare",
            "rare_cancer",
            track="imbalanced",
            folds=_FEWER_FOLDS,
            source="scikit-learn, 40 of 212 malignant rows",
        ),
        _task(
            "digit-8",
            "rare_digit",
            track="imbalanced",
            folds=_FEWER_FOLDS,
            source="scikit-learn, digit 8 against the rest, first 8 components",
        ),
        _task(
            "mixture-5pct",
            "imbalanced_mixture",
            track="imbalanced",
            folds=_FEWER_FOLDS,
            source="simulated, 5 % positive",
            minority_fraction=0.05,
            n_samples=1000,
        ),
        _task(
            "mixture-1pct",
            "imbalanced_mixture",
            track="imbalanced",
            folds=_FEWER_FOLDS,
            source="simulated, 1 % positive",
            minority_fraction=0.01,
            n_samples=3000,
        ),
        _task(
            "wine-1-vs-rest",
            "rare_wine",
            track="imbalanced",
            folds=_FEWER_FOLDS,
            source="scikit-learn, 15 of 48 rows of class 2",
        ),
        _task(
            "mixture-10pct-wide",
            "imbalanced_mixture",
            track="imbalanced",
            folds=_FEWER_FOLDS,
            source="simulated, 10 % positive, 20 columns",
            minority_fraction=0.10,
            n_samples=1000,
            n_features=20,
            separation=1.0,
        ),
        *_ordinal_tasks(),
        *clustering_tasks(),
        *llp_tasks(),
        *quantile_tasks(),
    ]


def _ordinal_tasks():
    """Ordered classes."""
    options = {"track": "ordinal", "folds": _FEWER_FOLDS}
    simulated = {**options, "n_samples": 2500}
    return [
        _task(
            "ordinal-sparse",
            "ordinal",
            source="simulated, some weights differ between thresholds",
            intercepts=(0.0, 3.0, 5.0),
            **simulated,
        ),
        _task(
            "ordinal-dense",
            "ordinal",
            source="simulated, all weights differ between thresholds",
            design="dense",
            intercepts=(0.0, 2.5, 4.5),
            **simulated,
        ),
        _task(
            "ordinal-parallel",
            "ordinal",
            source="simulated, proportional odds hold",
            design="proportional",
            intercepts=(0.0, 3.0, 5.0),
            **simulated,
        ),
        _task(
            "wine-bitterness",
            "wine_bitterness",
            source="Randall 1989, 72 tastings",
            **options,
        ),
        _task(
            "diabetes-4",
            "diabetes_classes",
            source="scikit-learn, progression in 4 classes of 50, 35, 12 and 3 %",
            **options,
        ),
    ]


def _task(name, loader, *, track="auto", source="", folds=(1, 5), **arguments):
    return Task(
        id=name,
        track=track,
        loader=f"{_HERE}:{loader}",
        arguments=tuple(sorted(arguments.items())),
        folds=folds,
        source=source,
        suite="offline 1",
    )


def _bundled(name, function):
    return _task(name, "bundled", source="scikit-learn", function=function)


def bundled(function):
    """One of scikit-learn's data sets that come with the package."""
    from sklearn import datasets

    bunch = getattr(datasets, function)(as_frame=True)
    y = bunch.target
    task_type = "regression"
    if hasattr(bunch, "target_names"):
        y = np.asarray(bunch.target_names)[y]
        task_type = "binary" if len(bunch.target_names) == 2 else "multiclass"
    return {"X": bunch.data, "y": np.asarray(y), "task_type": task_type}


def digits(n_samples=500):
    """First rows of the digits."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True, as_frame=True)
    return {"X": X[:n_samples], "y": y[:n_samples].to_numpy()}


def gaussian_mixture(**options):
    """Classes for which naive Bayes with one variance is the right model."""
    from skext.datasets import make_gaussian_mixture

    found = make_gaussian_mixture(random_state=0, **options)
    return {"X": found.data, "y": found.target, "bayes_error": found.bayes_error}


def imbalanced_mixture(**options):
    """Simulate a rare class in clusters at the edge of a common one."""
    from skext.datasets import make_imbalanced_mixture

    found = make_imbalanced_mixture(random_state=0, **options)
    return {"X": found.data, "y": found.target, "positive_class": "1"}


def ordinal(**options):
    """Ordered classes of which the last is rare."""
    from skext.datasets import make_ordinal

    found = make_ordinal(random_state=0, **options)
    return {"X": found.data, "y": found.target, "class_order": range(4)}


def wine_bitterness():
    """Ratings of the bitterness of wine."""
    from skext.datasets import load_wine_bitterness

    X, y = load_wine_bitterness(return_X_y=True, as_frame=True)
    return {"X": X, "y": y}


def diabetes_classes():
    """Progression of diabetes, cut where 50, 85 and 97 % of the patients are below."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    names = ("low", "raised", "high", "very high")
    level = np.searchsorted(np.quantile(y, [0.5, 0.85, 0.97]), y, side="left")
    return {"X": X, "y": np.array(names)[level], "class_order": names}


def rare_cancer():
    """Breast cancer with 40 of the malignant rows; malignant is positive."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return _thin_out(X, y.to_numpy() == 0, 40)


def rare_wine():
    """Wine with 15 rows of class 2, which is positive."""
    from sklearn.datasets import load_wine

    X, y = load_wine(return_X_y=True, as_frame=True)
    return _thin_out(X, y.to_numpy() == 2, 15)


def rare_digit():
    """Digit 8 against the rest, on every eighth pixel row's sums."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
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
