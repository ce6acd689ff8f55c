"""Scores of a hold-out by the name of a metric."""

import inspect

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

from skext.neural_network._core.calibration import probabilities
from skext.utils._scoring import explained, with_labels
from skext.utils._warnings import warn_user


class ScoredClasses(ClassifierMixin, BaseEstimator):
    """A classifier whose rows are linked scores, for scikit-learn's scorers.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Labels.
    """

    def __init__(self, classes):
        self.classes = classes

    @property
    def classes_(self):
        """Labels."""
        return self.classes

    def decision_function(self, X):
        """Return the scores."""
        return X

    def predict_proba(self, X):
        """Return probabilities that are not calibrated yet."""
        return probabilities(X)

    def predict(self, X):
        """Return the labels of the highest scores."""
        return self.classes[best_class(X)]


class ScoredNumbers(RegressorMixin, BaseEstimator):
    """A regressor whose rows are predictions, for scikit-learn's scorers."""

    def predict(self, X):
        """Return the rows."""
        return X


class HoldOutScore:
    """Score of rows that are not trained on; larger is better.

    Parameters
    ----------
    scoring : str or callable
        Name of a scorer of scikit-learn, or ``scoring(estimator, X, y)``.
    link : callable
        Turns what a net gives into linked scores, or predictions.
    classes : ndarray of shape (n_classes,), default=None
        Labels of a classifier.
    decode : callable, default=None
        Turns targets of the net into positions in ``classes``, or into numbers of the
        user; None for classes leaves them as they are.
    """

    def __init__(self, scoring, *, link, classes=None, decode=None):
        self.scoring = scoring
        self.link = link
        self.classes = classes
        self.decode = decode
        self.told = False

    def __call__(self, scores, y, sample_weight=None):
        """Score a hold-out.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            What the net gives.
        y : ndarray of shape (n_samples,)
            Targets of the net.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The score.
        """
        linked = self.link(np.asarray(scores))
        y = np.asarray(y) if self.decode is None else self.decode(np.asarray(y))
        if self.classes is not None and self.scoring == "accuracy":
            right = best_class(linked) == y
            # Weights are of single precision, and equal scores have a meaning.
            return round(float(np.average(right, weights=sample_weight)), 6)
        if self.classes is not None:
            model, y = ScoredClasses(self.classes), self.classes[y]
            scorer = with_labels(self.scoring, self.classes)
        else:
            model, scorer = ScoredNumbers(), get_scorer(self.scoring)
        options = {}
        if sample_weight is not None:
            if _takes_weights(scorer, linked.ndim > 1):
                options["sample_weight"] = sample_weight
            elif not self.told:
                self.told = True
                warn_user(
                    f"scoring={self.scoring!r} takes no weights: the rows of the "
                    "hold-out count alike in it. None, the loss, takes them."
                )
        if callable(self.scoring):
            return float(scorer(model, linked, y, **options))
        with explained(self.scoring):
            return float(scorer(model, linked, y, **options))


def _takes_weights(scorer, multiclass):
    """Tell whether a scorer uses weights; those by name all have the argument."""
    metric = getattr(scorer, "_score_func", None)
    if metric is None:
        return "sample_weight" in inspect.signature(scorer).parameters
    pairs = getattr(scorer, "_kwargs", {}).get("multi_class") == "ovo"
    if pairs and multiclass:
        return False
    return "sample_weight" in inspect.signature(metric).parameters


def best_class(scores):
    """Return the position of the highest score, the first of equal ones.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        One-dimensional scores are for the second of two classes, against 0.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        Integers.
    """
    if scores.ndim == 1:
        return (scores > 0).astype(np.intp)
    return scores.argmax(axis=1)


def has_members(module):
    """Tell whether a network gives scores of several members when it predicts."""
    training = module.training
    module.eval()
    try:
        return getattr(module, "ensemble_dim", None) is not None
    finally:
        module.train(training)
