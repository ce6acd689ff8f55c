"""The tracks of classification and regression, and the metrics of every track."""

from functools import partial

import numpy as np
from sklearn import metrics as skm

from skext.benchmark._engine.metrics import Metric
from skext.benchmark._engine.track import Track
from skext.benchmark._families.base.methods import CLASSIFIERS, REGRESSORS
from skext.benchmark._families.base.tasks import TASKS


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
    return skm.brier_score_loss(y, proba, labels=np.arange(proba.shape[1]))


def _recalls(y, label):
    # Over the classes in the test fold; predictions of a class that the fold lacks
    # count as errors, without scikit-learn's warning about it.
    return [np.mean(label[y == c] == c) for c in np.unique(y)]


def _balanced_accuracy(y, label):
    return float(np.mean(_recalls(y, label)))


def _geometric_mean(y, label):
    recalls = _recalls(y, label)
    return float(np.prod(recalls) ** (1 / len(recalls)))


def _f1(y, label):
    if max(y.max(), label.max()) <= 1:
        return skm.f1_score(y, label, zero_division=0.0)
    return skm.f1_score(y, label, average="macro", zero_division=0.0)


def _by_classes(two, several):
    """Name the scorer for two classes, or the one for several."""
    return lambda task_type: two if task_type == "binary" else several


_proba = partial(Metric, needs="proba", greater_is_better=False)
_number = partial(Metric, task_types=("regression", "quantile"))

_METRICS = (
    Metric("accuracy", skm.accuracy_score, "share of hits", scoring="accuracy"),
    Metric(
        "balanced_accuracy",
        _balanced_accuracy,
        "mean recall over classes",
        scoring="balanced_accuracy",
    ),
    Metric(
        "geometric_mean",
        _geometric_mean,
        "geometric mean of the recalls",
        scoring="balanced_accuracy",
    ),
    Metric(
        "f1",
        _f1,
        "F1 of the positive class; macro average for several classes",
        scoring=_by_classes("f1", "f1_macro"),
    ),
    Metric(
        "roc_auc",
        _roc_auc,
        "area under the ROC curve; one against one for several classes",
        needs="score",
        scoring=_by_classes("roc_auc", "roc_auc_ovo"),
    ),
    Metric(
        "average_precision",
        skm.average_precision_score,
        "area under the precision-recall curve",
        needs="score",
        task_types=("binary",),
        scoring="average_precision",
    ),
    _proba(
        "log_loss",
        _log_loss,
        "mean negative log probability, clipped at 1e-7",
        scoring="neg_log_loss",
    ),
    _proba(
        "brier",
        _brier,
        "mean squared error of p",
        scoring=_by_classes("neg_brier_score", "neg_log_loss"),
    ),
    _number("r2", skm.r2_score, "share of variance explained", scoring="r2"),
    _number(
        "rmse",
        skm.root_mean_squared_error,
        "root mean squared error",
        greater_is_better=False,
        scoring="neg_root_mean_squared_error",
        in_units=True,
    ),
    _number(
        "mae",
        skm.mean_absolute_error,
        "mean absolute error",
        greater_is_better=False,
        scoring="neg_mean_absolute_error",
        in_units=True,
    ),
)
_HEADLINES = ("accuracy", "roc_auc", "log_loss", "balanced_accuracy")

TRACKS = (
    Track(
        "classification",
        "Classifiers on tables as they are.",
        metrics={"binary": _HEADLINES, "multiclass": _HEADLINES},
        baseline="logistic",
        own_metrics=_METRICS,
        methods=CLASSIFIERS,
        tasks=TASKS,
    ),
    Track(
        "regression",
        "Regressors on tables as they are.",
        metrics={"regression": ("rmse", "mae", "r2")},
        baseline="ridge",
        dummy="dummy-regressor",
        methods=REGRESSORS,
    ),
)
