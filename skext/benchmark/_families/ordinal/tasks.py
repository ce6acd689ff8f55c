"""Ordinal tasks of the suite that needs no network: the highest class is rare."""

import numpy as np
from sklearn import datasets

from skext.benchmark._engine.tasks import offline_task
from skext.datasets import load_wine_bitterness, make_ordinal

_HERE = "skext.benchmark._families.ordinal.tasks"


def ordinal(**options):
    """Ordered classes of which the last is rare."""
    found = make_ordinal(random_state=0, **options)
    return {"X": found.data, "y": found.target, "class_order": range(4)}


def wine_bitterness():
    """Ratings of the bitterness of wine."""
    X, y = load_wine_bitterness(return_X_y=True, as_frame=True)
    return {"X": X, "y": y}


def diabetes_classes():
    """Progression of diabetes, cut where 50, 85 and 97 % of the patients are below."""
    X, y = datasets.load_diabetes(return_X_y=True, as_frame=True)
    names = ("low", "raised", "high", "very high")
    level = np.searchsorted(np.quantile(y, [0.5, 0.85, 0.97]), y, side="left")
    return {"X": X, "y": np.array(names)[level], "class_order": names}


# The rarest class has a dozen rows.
_OPTIONS = {"track": "ordinal", "folds": (1, 3)}
_SIMULATED = {**_OPTIONS, "n_samples": 2500}

TASKS = (
    offline_task(
        "ordinal-sparse",
        f"{_HERE}:ordinal",
        "simulated, some weights differ between thresholds",
        intercepts=(0.0, 3.0, 5.0),
        **_SIMULATED,
    ),
    offline_task(
        "ordinal-dense",
        f"{_HERE}:ordinal",
        "simulated, all weights differ between thresholds",
        design="dense",
        intercepts=(0.0, 2.5, 4.5),
        **_SIMULATED,
    ),
    offline_task(
        "ordinal-parallel",
        f"{_HERE}:ordinal",
        "simulated, proportional odds hold",
        design="proportional",
        intercepts=(0.0, 3.0, 5.0),
        **_SIMULATED,
    ),
    offline_task(
        "wine-bitterness",
        f"{_HERE}:wine_bitterness",
        "Randall 1989, 72 tastings",
        **_OPTIONS,
    ),
    offline_task(
        "diabetes-4",
        f"{_HERE}:diabetes_classes",
        "scikit-learn, progression in 4 classes of 50, 35, 12 and 3 %",
        **_OPTIONS,
    ),
)
