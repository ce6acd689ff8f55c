"""The track of ordered classes, and its metrics."""

from functools import partial

import numpy as np

from skext import metrics
from skext.benchmark._engine.metrics import Metric
from skext.benchmark._engine.track import Track
from skext.benchmark._families.ordinal.methods import ORDINAL
from skext.benchmark._families.ordinal.tasks import TASKS


def _ranked_probability_score(y, proba):
    codes = np.arange(proba.shape[1])
    return metrics.ranked_probability_score(y, proba, class_order=codes, classes=codes)


def _rare_class_log_loss(y, proba):
    codes = np.arange(proba.shape[1])
    return metrics.rare_class_log_loss(y, proba, class_order=codes, classes=codes)


def _ordinal_mae(y, label):
    codes = np.arange(max(y.max(), label.max()) + 1)
    return metrics.ordinal_mean_absolute_error(y, label, class_order=codes)


def _scorer_of(name):
    return lambda task_type: metrics.make_ordinal_scorer(name)


_loss = partial(Metric, needs="proba", greater_is_better=False)

_METRICS = (
    _loss(
        "ranked_probability_score",
        _ranked_probability_score,
        "squared error of the cumulative probabilities of ordered classes, summed",
        scoring=_scorer_of("ranked_probability_score"),
    ),
    _loss(
        "rare_class_log_loss",
        _rare_class_log_loss,
        "log loss of the last class against the rest",
        scoring=_scorer_of("rare_class_log_loss"),
    ),
    _loss(
        "ordinal_mae",
        _ordinal_mae,
        "mean number of classes between truth and prediction",
        needs="label",
        scoring=_scorer_of("ordinal_mean_absolute_error"),
    ),
)
_HEADLINES = (
    "ranked_probability_score",
    "rare_class_log_loss",
    "log_loss",
    "ordinal_mae",
)

TRACKS = (
    Track(
        "ordinal",
        "Ordered classes, of which the highest is rare.",
        metrics={"binary": _HEADLINES, "multiclass": _HEADLINES},
        baseline="logistic",
        own_metrics=_METRICS,
        methods=ORDINAL,
        guests=("dummy", "logistic"),
        tasks=TASKS,
        suites=("ordinal",),
        speed="skext.benchmark._families.ordinal.speed:CASES",
    ),
)
