"""The tracks of classification and regression, and the metrics of every track."""

import numpy as np
from sklearn import metrics as skm

from skext.benchmark._engine.kinds import CLASSIFICATION
from skext.benchmark._engine.metrics import Metric
from skext.benchmark._engine.track import Track
from skext.benchmark._families.base.methods import CLASSIFIERS, REGRESSORS
from skext.benchmark._families.base.tasks import TASKS

_NUMBERS = ("regression", "quantile")


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


_METRICS = (
    Metric(
        "accuracy",
        skm.accuracy_score,
        "label",
        True,
        CLASSIFICATION,
        "share of hits",
        "accuracy",
    ),
    Metric(
        "balanced_accuracy",
        _balanced_accuracy,
        "label",
        True,
        CLASSIFICATION,
        "mean recall over classes",
        "balanced_accuracy",
    ),
    Metric(
        "geometric_mean",
        _geometric_mean,
        "label",
        True,
        CLASSIFICATION,
        "geometric mean of the recalls",
        "balanced_accuracy",
    ),
    Metric(
        "f1",
        _f1,
        "label",
        True,
        CLASSIFICATION,
        "F1 of the positive class; macro average for several classes",
        _by_classes("f1", "f1_macro"),
    ),
    Metric(
        "roc_auc",
        _roc_auc,
        "score",
        True,
        CLASSIFICATION,
        "area under the ROC curve; one against one for several classes",
        _by_classes("roc_auc", "roc_auc_ovo"),
    ),
    Metric(
        "average_precision",
        skm.average_precision_score,
        "score",
        True,
        ("binary",),
        "area under the precision-recall curve",
        "average_precision",
    ),
    Metric(
        "log_loss",
        _log_loss,
        "proba",
        False,
        CLASSIFICATION,
        "mean negative log probability, clipped at 1e-7",
        "neg_log_loss",
    ),
    Metric(
        "brier",
        _brier,
        "proba",
        False,
        CLASSIFICATION,
        "mean squared error of p",
        _by_classes("neg_brier_score", "neg_log_loss"),
    ),
    Metric(
        "r2",
        skm.r2_score,
        "label",
        True,
        _NUMBERS,
        "share of variance explained",
        "r2",
    ),
    Metric(
        "rmse",
        skm.root_mean_squared_error,
        "label",
        False,
        _NUMBERS,
        "root mean squared error",
        "neg_root_mean_squared_error",
        in_units=True,
    ),
    Metric(
        "mae",
        skm.mean_absolute_error,
        "label",
        False,
        _NUMBERS,
        "mean absolute error",
        "neg_mean_absolute_error",
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
