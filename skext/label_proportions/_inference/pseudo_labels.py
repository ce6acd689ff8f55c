"""Labels out of probabilities, and what one round of inference tells the next."""

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from skext.label_proportions._bags.split import split_by_parts
from skext.label_proportions._core.models import (
    LinearModel,
    fit_soft_labels,
    takes_weights,
)
from skext.label_proportions._counts.posterior import as_scores, label_by_counts
from skext.label_proportions._linear.count_likelihood import CountLikelihoodClassifier
from skext.label_proportions._linear.dllp import DLLPClassifier
from skext.label_proportions._linear.mean_map import MeanMapClassifier

_MOST_CERTAIN = 1e-6


def among_all_rows(proba, rows, bags):
    """Put probabilities of some rows among those of all.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        Probabilities.
    rows : ndarray of shape (n_rows,)
        Rows they are of.
    bags : Bags
        All bags.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        The other rows get the share of their bag.
    """
    if rows.size == bags.codes.size:
        return proba
    flat = 1 / proba.shape[1]
    share = np.where(np.isnan(bags.proportions), flat, bags.proportions)
    found = np.concatenate([share, np.full((1, proba.shape[1]), flat)])[bags.codes]
    found[rows] = proba
    return found


def by_threshold(proba, threshold):
    """Label rows by a threshold, or by their most probable class if there are more."""
    if proba.ndim == 1:
        return (proba >= threshold).astype(float)
    return np.eye(proba.shape[1])[proba.argmax(axis=1)]


def scores_of_other_bags(learner, data, counts, proba, cv):
    """Return log-odds of each row by a classifier that did not see its bag.

    Parameters
    ----------
    learner : estimator object
        The classifier.
    data : FitData
        Rows and bags.
    counts : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Numbers of rows of the second class, or of all classes.
    proba : ndarray of shape (n_samples,) or (n_samples, n_classes)
        What was inferred.
    cv : int, splitter or iterable
        Parts into which bags are cut.

    Returns
    -------
    scores : ndarray of the shape of ``proba``
        Log-odds, or log-probabilities of all classes; zero if there is one part only.
    """
    X, bags, weight = data.X, data.bags, data.weight
    scores = np.zeros(proba.shape)
    labels = proba
    if not takes_weights(learner):
        labels = label_by_counts(proba, bags, counts)
    for train, test in split_by_parts(cv, data.parts, bags.codes, bags.ids.size):
        part = None if weight is None else weight[train]
        model = fit_soft_labels(learner, X[train], labels[train], part)
        scores[test] = as_scores(model.predict(X[test]), _MOST_CERTAIN)
    return scores


def linear_starts(data, k):
    """Yield names and scores of linear classifiers, where inference can start.

    Parameters
    ----------
    data : FitData
        Rows, without NaN, and bags.
    k : int or None
        Number of the class; None is all classes.

    Yields
    ------
    name : str
        Of the classifier.
    scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Log-odds, or scores of all classes.
    """
    scaler = StandardScaler(with_mean=not sparse.issparse(data.X))
    data = data._replace(X=scaler.fit_transform(data.X), weight=None)
    models = {"dllp": DLLPClassifier(tol=1e-4), "mean map": MeanMapClassifier(tol=1e-4)}
    counts = data.bags.count_table()
    if np.array_equal(counts, np.round(counts), equal_nan=True):
        models["count likelihood"] = CountLikelihoodClassifier(tol=1e-4)
    for name, classifier in models.items():
        model, _ = classifier._fit_class(data, k)
        if isinstance(model, LinearModel):
            scores = model.scores(data.X)
            if np.isfinite(scores).all():
                yield name, scores
