"""What a metric is, what it needs of an estimator, and how predictions are scored."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skext.benchmark._engine.kinds import CLASSIFICATION, KINDS, target_of
from skext.benchmark._engine.parsing import unknown
from skext.exceptions import BenchmarkError


@dataclass(frozen=True)
class Metric:
    """A score of one test fold.

    Parameters
    ----------
    name : str
        Name in tables and on the command line.
    function : callable
        ``function(y, prediction)`` gets the true codes (or values) and the prediction
        that ``needs`` names.
    description : str
        One line for tables.
    needs : str, default="label"
        "label", "proba", "score", or what the kind of the task asks for.
    greater_is_better : bool, default=True
        Its direction.
    task_types : tuple of str, default=("binary", "multiclass")
        Kinds of tasks that it is for.
    scoring : str, callable or None, default=None
        What a search follows to tune for it: the name of a scorer of scikit-learn, or
        a function that returns a scorer, given the type of the task.
    in_units : bool, default=False
        Whether values are in the units of the target, which differ by task.
    """

    name: str
    function: Callable
    description: str
    needs: str = "label"
    greater_is_better: bool = True
    task_types: tuple[str, ...] = CLASSIFICATION
    scoring: object = None
    in_units: bool = False


# All that tracks have brought.
METRICS: dict[str, Metric] = {}


class Predictions:
    """What an estimator said about the rows of one test fold.

    Parameters
    ----------
    label : ndarray of shape (n_test,)
        Predicted class codes, or values.
    proba : ndarray of shape (n_test, n_classes), default=None
        Class probabilities; columns in the order of the task's class codes.
    score : ndarray of shape (n_test,), default=None
        Ranking score of the positive class (binary tasks only).
    **others : dict of str to ndarray or None
        What the kind of the task asks for beside.
    """

    def __init__(self, label, proba=None, score=None, **others):
        vars(self).update(label=label, proba=proba, score=score, **others)

    def get(self, name):
        """Return one prediction, None where there is none."""
        return vars(self).get(name)

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
    ask = KINDS[task_type].ask
    others = {} if ask is None else ask(estimator, X)
    for name, asked in others.items():
        if asked is not None and np.isnan(asked).any():
            raise ValueError(f"the {name} are {_lacking(np.isnan(asked))}")
    if target_of(task_type) != "classes":
        return Predictions(_finite(label, "predict"), **others)
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
    return Predictions(_codes(label), proba, score, **others)


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


_LACKING = {
    "proba": "the estimator lacks predict_proba",
    "score": "the estimator lacks predict_proba",
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
        prediction = predictions.get(needs)
        if prediction is None:
            lacking = _LACKING.get(needs, KINDS[task_type].lacking)
            values[name] = (np.nan, f"no {needs}: {lacking}")
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
