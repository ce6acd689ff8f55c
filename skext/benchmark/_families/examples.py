"""A small table for every public estimator: what first fits and warm-up are made of."""

import inspect

import numpy as np
from sklearn.base import is_regressor

from skext.benchmark._engine.warm_up import Example
from skext.label_proportions import bag_target
from skext.quantile import LinearQuantileRegressor, predict_quantiles
from skext.utils.discovery import all_estimators, public_objects

N_ROWS, N_FEATURES = 600, 6

_THREE_LEVELS = {"quantiles": [0.1, 0.5, 0.9]}
_SMALL_NET = {"max_epochs": 2, "batch_size": 256, "device": "cpu"}
_BASE_MODELS = [
    ("free", LinearQuantileRegressor()),
    ("positive", LinearQuantileRegressor(positive=True)),
]

# Estimators that want other targets than two classes, or numbers if they are
# regressors; a second one is tried as well.
_TARGETS = {
    "BagProportionClassifier": ("bags",),
    "BeliefPropagationLLPClassifier": ("bags", "bags of many classes"),
    "CountLikelihoodClassifier": ("bags", "bags of many classes", "large bags"),
    "DLLPClassifier": ("bags",),
    "DLLPNetClassifier": ("bags",),
    "EasyLLPClassifier": ("bags",),
    "EmbeddingRefiner": ("bags",),
    "LeafRefiner": ("bags",),
    "MLSMOTE": ("labels",),
    "MeanMapClassifier": ("bags",),
    "OrdinalNetClassifier": ("ordered",),
    "PRESTO": ("ordered",),
    "PRESTOCV": ("ordered",),
    "ProportionalOdds": ("ordered",),
    "ProportionalOddsCV": ("ordered",),
    "SMOGN": ("numbers",),
    "SMOTEN": ("classes", "three classes"),
    "SMOTER": ("numbers",),
    "SelfLabelingLLPClassifier": ("bags",),
}
_TABLES = {"QuantileAggregator": "predictions", "SMOTEN": "codes", "SMOTENC": "codes"}
_PARAMETERS = {
    "KMeansSMOTE": {"cluster_balance_threshold": 0.05},
    "ConformalQuantileRegressor": _THREE_LEVELS,
    "DLLPNetClassifier": {"max_epochs": 2},
    "EmbeddingRefiner": {"max_epochs": 2},
    "EnsLossClassifier": _SMALL_NET,
    "MultiQuantileRegressor": _THREE_LEVELS,
    "OrdinalNetClassifier": _SMALL_NET,
    "QuantileAdapter": {
        "estimator": LinearQuantileRegressor(),
        "predict_fn": predict_quantiles,
        **_THREE_LEVELS,
    },
    "QuantileAggregator": _THREE_LEVELS,
    "QuantileStackingRegressor": {"estimators": _BASE_MODELS, "cv": 2, **_THREE_LEVELS},
    "SMOTENC": {"categorical_features": [0, 1]},
    "TabularNetClassifier": _SMALL_NET,
    "TabularNetRegressor": _SMALL_NET,
}
# Options that bring other kernels.
_FURTHER = {
    "BeliefPropagationLLPClassifier": {
        "count": {"pseudo_labels": "count"},
    },
    "CCR": {"ball": {"generator": "ball"}},
    "ConformalQuantileRegressor": {"cv+": {"method": "cv+", "cv": 3}},
    "LinearQuantileRegressor": {"isotonic": {"non_crossing": "isotonic"}},
    "PPPClustering": {"reduced": {"row_reduction": 128}},
    "PRESTO": {
        "rows": {"solver": "rows"},
        "train": {"non_crossing": "train", "max_iter": 5},
    },
    "ProportionalOdds": {"lasso": {"alpha": 0.01, "l1_ratio": 0.5}},
    "QuantileAggregator": {
        "probability": {"pool": "probability", "granularity": "average"}
    },
    "SMOTE": {"box": {"interpolation": "box"}},
    "ShrinkageLDA": {"loo": {"shrinkage": "loo", "temperature": "loo"}},
}


def examples(n_rows=N_ROWS):
    """Make examples of all public estimators.

    Parameters
    ----------
    n_rows : int, default=600
        Rows of their tables.

    Returns
    -------
    examples : list of Example
        Sorted by name; the plainest example of a class is named like the class.
    """
    return [
        example
        for module, name, cls in _public_estimators()
        for example in _of(module, name, cls, n_rows)
    ]


def _public_estimators():
    """Rows (module, name, class), sorted by name."""
    wanted = {cls for _, cls in all_estimators()}
    found = [row for row in public_objects() if inspect.isclass(row[2])]
    return sorted((row for row in found if row[2] in wanted), key=lambda row: row[1])


def _of(module, name, cls, n_rows):
    parameters = _PARAMETERS.get(name, {})
    first, *others = _TARGETS.get(name, ("",))
    sets = [("", first, {})]
    sets += [(target, target, {}) for target in others]
    sets += [(what, first, more) for what, more in _FURTHER.get(name, {}).items()]
    for what, target, more in sets:
        estimator = cls(**parameters, **more)
        if "random_state" in estimator.get_params(deep=False):
            estimator.set_params(random_state=0)
        target = target or ("numbers" if is_regressor(estimator) else "classes")
        X, y = _table(_TABLES.get(name, "numbers"), target, n_rows)
        yield Example(f"{name} ({what})" if what else name, module, estimator, X, y)


def _table(table, target, n_rows):
    """Draw a table and a target that depends on it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_FEATURES))
    score = X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=n_rows)
    if target == "numbers":
        y = score
    elif target == "ordered":
        y = np.searchsorted([-1.0, 0.5, 2.0], score)
    elif target == "three classes":
        y = np.searchsorted([0.0, 1.5], score)
    elif target == "labels":
        y = np.column_stack([score > 2.0, score > 0.0, X[:, 2] > 1.5]).astype(int)
    elif target == "bags":
        y = _bags((score > 0).astype(int), 2)
    elif target == "large bags":
        y = _bags((score > 0).astype(int), 2, 100)
    elif target == "bags of many classes":
        y = _bags(np.searchsorted([-0.5, 1.0], score), 3)
    else:
        y = (score > 1.5).astype(int)
    if table == "codes":
        # Categories beside numbers, or in all columns.
        X[:, :3] = np.digitize(X[:, :3], [-1.0, 0.0, 1.0])
    elif table == "predictions":
        shift = np.array([-1.0, 0.0, 1.0])
        X = (score[:, None] + rng.normal(size=(n_rows, 2)))[:, :, None] + shift
    return X, y


def _bags(codes, n_classes, size=8):
    bags = np.arange(codes.size) // size
    counts = np.zeros((bags[-1] + 1, n_classes), dtype=int)
    np.add.at(counts, (bags, codes), 1)
    return bag_target(bags, counts=counts[:, 1] if n_classes == 2 else counts)
