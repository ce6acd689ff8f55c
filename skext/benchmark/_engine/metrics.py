"""The metrics that the runner can compute from stored predictions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as skm

from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.tasks import NUMERIC
from skext.benchmark._families.llp.metrics import bag_count_log_loss, bag_share_error
from skext.benchmark._families.quantile.scores import QUANTILE_SCORES, ask_quantiles
from skext.exceptions import BenchmarkError

CLASSIFICATION = ("binary", "multiclass")


@dataclass(frozen=True)
class Metric:
    """A score of one test fold.

    ``function(y, prediction)`` gets the true codes (or values) and the entry of
    ``Predictions`` that ``needs`` names.
    """

    name: str
    function: Callable
    needs: str
    greater_is_better: bool
    task_types: tuple[str, ...]
    description: str


@dataclass
class Predictions:
    """What an estimator said about the rows of one test fold.

    Attributes
    ----------
    label : ndarray of shape (n_test,)
        Predicted class codes, or values in regression; medians in quantile tasks.
    proba : ndarray of shape (n_test, n_classes) or None
        Class probabilities; columns in the order of the task's class codes.
    score : ndarray of shape (n_test,) or None
        Ranking score of the positive class (binary tasks only).
    quantiles : ndarray of shape (n_test, n_levels) or None
        Quantiles, one column for each of ``LEVELS`` (quantile tasks only).
    """

    label: np.ndarray
    proba: np.ndarray | None = None
    score: np.ndarray | None = None
    quantiles: np.ndarray | None = None

    def arrays(self) -> dict:
        """Return the arrays that exist, for ``numpy.savez_compressed``."""
        return {name: value for name, value in vars(self).items() if value is not None}


def predict(estimator, X, task_type, n_classes) -> Predictions:
    """Ask a fitted estimator for all that the metrics can use.

    Raises
    ------
    ValueError
        If it says something that no metric could score: not a number where there must
        be one, another number of rows, a label that is no class.
    """
    n_rows = len(X) if isinstance(X, list) else X.shape[0]
    label = _column(estimator.predict(X), n_rows, "predict")
    if task_type not in CLASSIFICATION:
        asked = ask_quantiles(estimator, X) if task_type == "quantile" else None
        if asked is not None and np.isnan(asked).any():
            raise ValueError(f"the quantiles are {_lacking(np.isnan(asked))}")
        return Predictions(_finite(label, "predict"), quantiles=asked)
    proba = score = None
    if hasattr(estimator, "predict_proba"):
        seen = np.asarray(estimator.classes_).astype(np.intp)
        given = np.asarray(estimator.predict_proba(X), dtype=np.float64)
        if given.shape != (n_rows, seen.size):
            raise ValueError(
                f"predict_proba gave an array of shape {given.shape} for {n_rows} rows "
                f"and {seen.size} classes"
            )
        # A class that is absent from the training fold gets probability zero.
        proba = np.zeros((n_rows, n_classes))
        proba[:, seen] = _finite(given, "predict_proba")
        if proba.min(initial=0.0) < 0:
            raise ValueError("predict_proba gave negative probabilities")
        score = proba[:, 1] if task_type == "binary" else None
    elif task_type == "binary" and hasattr(estimator, "decision_function"):
        given = estimator.decision_function(X)
        score = _finite(
            _column(given, n_rows, "decision_function"), "decision_function"
        )
    return Predictions(_codes(label), proba, score)


def _column(values, n_rows, name):
    """Return one value for each row; anything else would be broadcast in silence."""
    values = np.asarray(values)
    if values.shape == (n_rows, 1):
        values = values[:, 0]
    if values.shape != (n_rows,):
        raise ValueError(
            f"{name} gave an array of shape {values.shape} for {n_rows} rows"
        )
    return values


def _finite(values, name):
    values = values.astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        raise ValueError(f"{name} gave {_lacking(bad)}")
    return values


def _lacking(bad):
    return f"not a finite number in {int(bad.sum())} of {bad.size} places"


def _codes(label):
    """Return class codes; a regressor's numbers must not be cut to some."""
    numbers = _finite(label, "predict")
    codes = numbers.astype(np.intp)
    if not np.array_equal(codes, numbers):
        raise ValueError(
            "predict gave numbers between the class codes; is the method a regressor? "
            "A target whose whole numbers are quantities is told by "
            "task_type='regression'"
        )
    return codes


def _roc_auc(y, proba):
    """ROC AUC; one against one, macro-averaged, for several classes."""
    if proba.ndim == 1:
        return skm.roc_auc_score(y, proba)
    total = proba.sum(axis=1, keepdims=True)
    proba = np.divide(
        proba, total, out=np.full_like(proba, 1 / proba.shape[1]), where=total > 0
    )
    present = np.unique(y)
    if present.size < proba.shape[1]:
        # A class with no test row has no ROC curve; the others still do.
        proba = proba[:, present] + 1e-300
        proba = proba / proba.sum(axis=1, keepdims=True)
        y = np.searchsorted(present, y)
        if present.size == 2:
            return skm.roc_auc_score(y, proba[:, 1])
    return skm.roc_auc_score(y, proba, multi_class="ovo", average="macro")


def _log_loss(y, proba):
    # Clipped at 1e-7 so that one confident mistake costs 16, not infinity.
    p = np.clip(proba[np.arange(y.size), y], 1e-7, 1.0)
    return float(-np.mean(np.log(p)))


def _brier(y, proba):
    truth = np.zeros_like(proba)
    truth[np.arange(y.size), y] = 1.0
    scale = 2.0 if proba.shape[1] == 2 else 1.0
    return float(np.mean(np.sum((proba - truth) ** 2, axis=1)) / scale)


def _of_ordered_classes(name):
    """Metric of skext.metrics, for codes that are positions of ordered classes."""

    def function(y, proba):
        # The package loads numba, which listing metrics does not need.
        from skext import metrics

        codes = np.arange(proba.shape[1])
        return getattr(metrics, name)(y, proba, class_order=codes, classes=codes)

    return function


def _ordinal_mae(y, label):
    return float(np.mean(np.abs(y - label)))


def _balanced_accuracy(y, label):
    # Mean recall over the classes in the test fold; predictions of a class that
    # the fold lacks count as errors, without scikit-learn's warning about it.
    return float(np.mean([np.mean(label[y == c] == c) for c in np.unique(y)]))


def _geometric_mean(y, label):
    recalls = [np.mean(label[y == c] == c) for c in np.unique(y)]
    return float(np.prod(recalls) ** (1 / len(recalls)))


def _f1(y, label):
    if max(y.max(), label.max()) <= 1:
        return skm.f1_score(y, label, zero_division=0.0)
    return skm.f1_score(y, label, average="macro", zero_division=0.0)


def _accuracy(y, label):
    return float(np.mean(y == label))


def _n_clusters(label):
    """Count the clusters; rows called noise make none."""
    return np.unique(label[label >= 0]).size


def _exact_k(y, label):
    return float(_n_clusters(label) == _n_clusters(y))


def _k_error(y, label):
    return float(abs(_n_clusters(label) - _n_clusters(y)))


_ALL = (
    Metric("accuracy", _accuracy, "label", True, CLASSIFICATION, "share of hits"),
    Metric(
        "balanced_accuracy",
        _balanced_accuracy,
        "label",
        True,
        CLASSIFICATION,
        "mean recall over classes",
    ),
    Metric(
        "geometric_mean",
        _geometric_mean,
        "label",
        True,
        CLASSIFICATION,
        "geometric mean of the recalls",
    ),
    Metric(
        "f1",
        _f1,
        "label",
        True,
        CLASSIFICATION,
        "F1 of the positive class; macro average for several classes",
    ),
    Metric(
        "roc_auc",
        _roc_auc,
        "score",
        True,
        CLASSIFICATION,
        "area under the ROC curve; one against one for several classes",
    ),
    Metric(
        "average_precision",
        skm.average_precision_score,
        "score",
        True,
        ("binary",),
        "area under the precision-recall curve",
    ),
    Metric(
        "log_loss",
        _log_loss,
        "proba",
        False,
        CLASSIFICATION,
        "mean negative log probability, clipped at 1e-7",
    ),
    Metric(
        "ranked_probability_score",
        _of_ordered_classes("ranked_probability_score"),
        "proba",
        False,
        CLASSIFICATION,
        "squared error of the cumulative probabilities of ordered classes, summed",
    ),
    Metric(
        "rare_class_log_loss",
        _of_ordered_classes("rare_class_log_loss"),
        "proba",
        False,
        CLASSIFICATION,
        "log loss of the last class against the rest",
    ),
    Metric(
        "ordinal_mae",
        _ordinal_mae,
        "label",
        False,
        CLASSIFICATION,
        "mean number of classes between truth and prediction",
    ),
    Metric("brier", _brier, "proba", False, CLASSIFICATION, "mean squared error of p"),
    Metric(
        "bag_share_error",
        bag_share_error,
        "proba",
        False,
        CLASSIFICATION,
        "mean absolute error of the shares of classes in bags of 32 test rows",
    ),
    Metric(
        "bag_count_log_loss",
        bag_count_log_loss,
        "proba",
        False,
        CLASSIFICATION,
        "log loss of the counts of bags of 32 test rows, per row",
    ),
    Metric(
        "r2",
        skm.r2_score,
        "label",
        True,
        NUMERIC,
        "share of variance explained",
    ),
    Metric(
        "rmse",
        skm.root_mean_squared_error,
        "label",
        False,
        NUMERIC,
        "root mean squared error",
    ),
    Metric(
        "mae",
        skm.mean_absolute_error,
        "label",
        False,
        NUMERIC,
        "mean absolute error",
    ),
    Metric(
        "adjusted_rand",
        skm.adjusted_rand_score,
        "label",
        True,
        ("clustering",),
        "adjusted Rand index against the true clusters",
    ),
    Metric(
        "adjusted_mutual_info",
        skm.adjusted_mutual_info_score,
        "label",
        True,
        ("clustering",),
        "adjusted mutual information with the true clusters",
    ),
    Metric(
        "exact_k",
        _exact_k,
        "label",
        True,
        ("clustering",),
        "1 if the number of clusters is right",
    ),
    Metric(
        "k_error",
        _k_error,
        "label",
        False,
        ("clustering",),
        "by how much the number of clusters is wrong",
    ),
    *(
        Metric(name, function, "quantiles", False, ("quantile",), description)
        for name, function, description in QUANTILE_SCORES
    ),
)

METRICS = {metric.name: metric for metric in _ALL}

_LACKING = {
    "proba": "the estimator lacks predict_proba",
    "score": "the estimator lacks predict_proba",
    "quantiles": "skext.quantile.predict_quantiles does not know the estimator; wrap "
    "it in MultiQuantileRegressor or QuantileAdapter",
}


def get_metric(name) -> Metric:
    """Return the metric of that name or raise with the nearest names."""
    try:
        return METRICS[name]
    except KeyError:
        raise unknown("metric", name, METRICS) from None


def score(metric_names, y, predictions, task_type) -> dict:
    """Score predictions.

    Returns
    -------
    values : dict of str to (float, str)
        Value (NaN where undefined) and the reason why it is undefined.
    """
    values = {}
    for name in metric_names:
        metric = get_metric(name)
        if task_type not in metric.task_types:
            raise BenchmarkError(
                f"Metric {name!r} is not defined for {task_type} tasks; it needs "
                f"{' or '.join(metric.task_types)}."
            )
        needs = metric.needs
        if needs == "score" and task_type == "multiclass":
            needs = "proba"
        prediction = getattr(predictions, needs)
        if prediction is None:
            values[name] = (np.nan, f"no {needs}: {_LACKING[needs]}")
        elif np.unique(y).size < 2 and metric.needs == "score":
            values[name] = (np.nan, "the test fold has one class only")
        else:
            values[name] = _value(metric, y, prediction)
    return values


def _value(metric, y, prediction):
    """Value of one metric; one that cannot be computed leaves the others alone."""
    try:
        value = float(metric.function(y, prediction))
    except ValueError as exc:
        return np.nan, f"not computable: {' '.join(str(exc).split())[:300]}"
    return (value, "") if np.isfinite(value) else (np.nan, "not a finite number")
