"""Scorers: of metrics of our own, and for rows that may not hold every class."""

import contextlib
import copy
import inspect
from numbers import Real

from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer
from sklearn.utils.metadata_routing import UNUSED


def find_metric(metric, known):
    """Return a metric that is given by its name or as a function.

    Parameters
    ----------
    metric : str or callable
        The parameter.
    known : dict of str to callable
        Metrics that have names.

    Returns
    -------
    metric : callable
        The function.
    """
    if callable(metric):
        return metric
    if metric not in known:
        raise ValueError(
            f"metric={metric!r} is not known; give a function, or the name of one of "
            f"{sorted(known)}."
        )
    return known[metric]


class MetricScorer(BaseEstimator):
    """Callable ``scorer(estimator, X, y)``; a base estimator only for its requests.

    Parameters
    ----------
    metric : callable
        Returns one number.
    greater_is_better : bool
        Otherwise scores are the negative of the metric.
    options : dict
        Keywords of the metric.
    """

    # Function that makes such scorers.
    _maker = "make_scorer"
    # What a router may pass is the weights.
    __metadata_request__score = {"estimator": UNUSED}

    def __init__(self, metric, greater_is_better, options):
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.options = options

    def __repr__(self):
        parts = [getattr(self.metric, "__name__", repr(self.metric))]
        given = self.get_params(deep=False) | self.options
        del given["metric"], given["options"]
        given["greater_is_better"] = self.greater_is_better or None
        for name, value in given.items():
            if value is not None:
                parts.append(
                    f"{name}={getattr(value, 'tolist', lambda v=value: v)()!r}"
                )
        return f"{self._maker}({', '.join(parts)})"

    def _ask(self, estimator, X, y):
        """Return positional arguments and keywords of the metric."""
        raise NotImplementedError

    def __call__(self, estimator, X, y, sample_weight=None):
        return self.score(estimator, X, y, sample_weight)

    def score(self, estimator, X, y, sample_weight=None):
        """Return the score of a fitted estimator; greater is better."""
        arguments, known = self._ask(estimator, X, y)
        if sample_weight is not None:
            known["sample_weight"] = sample_weight
        value = self.metric(*arguments, **known, **self.options)
        if not isinstance(value, Real):
            raise ValueError(
                f"metric={self.metric!r} must return one number to be a scorer, and it "
                f"returned {value!r}; check its options."
            )
        return float(value) if self.greater_is_better else -float(value)


def with_labels(scoring, classes, class_order=None):
    """Return a scorer that knows all classes, whichever of them it is given.

    A scorer of probabilities otherwise takes the classes from the rows that it
    scores, and fails where a rare one is missing among them.

    Parameters
    ----------
    scoring : str or callable
        Name of a scorer of scikit-learn, a scorer, or ``scoring(estimator, X, y)``.
    classes : ndarray of shape (n_classes,)
        Labels of the columns of ``predict_proba``, sorted.
    class_order : ndarray of shape (n_classes,), default=None
        The same from low to high, for metrics that take it.

    Returns
    -------
    scorer : callable
        The given one where its metric compares labels, takes neither ``labels`` nor
        ``class_order``, or has them already.
    """
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    metric = getattr(scorer, "_score_func", None)
    if metric is None or scorer._response_method == "predict":
        return scorer
    accepted = inspect.signature(metric).parameters
    name = "labels" if class_order is None or "labels" in accepted else "class_order"
    if name not in accepted or name in scorer._kwargs:
        return scorer
    given = {name: classes if name == "labels" else class_order}
    if len(classes) <= 2 and "pos_label" in accepted:
        given["pos_label"] = classes[-1]
    # A copy keeps what is requested of metadata.
    scorer = copy.copy(scorer)
    scorer._kwargs = given | scorer._kwargs
    return scorer


@contextlib.contextmanager
def explained(scoring):
    """Name the parameter and the cure where a scorer cannot score held-out rows.

    Parameters
    ----------
    scoring : object
        The parameter.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"scoring={scoring!r} cannot score the held-out rows ({error}). With more "
            "than two classes take one that is made for them, such as 'neg_log_loss', "
            "'roc_auc_ovr' or 'balanced_accuracy'; for labels that are no numbers, one "
            "of a classifier."
        ) from error
