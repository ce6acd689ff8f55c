"""Labels out of probabilities, and what one round of inference tells the next."""

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from skext.label_proportions._bags.split import BagKFold
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


def scores_of_other_bags(learner, X, bags, counts, proba, sample_weight, n_splits):
    """Return log-odds of each row by a classifier that did not see its bag.

    Parameters
    ----------
    learner : estimator object
        The classifier.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    bags : Bags
        The bags.
    counts : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Numbers of rows of the second class, or of all classes.
    proba : ndarray of shape (n_samples,) or (n_samples, n_classes)
        What was inferred.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    n_splits : int
        Number of parts into which bags are cut.

    Returns
    -------
    scores : ndarray of the shape of ``proba``
        Log-odds, or log-probabilities of all classes.
    """
    scores = np.zeros(proba.shape)
    n_splits = min(n_splits, bags.ids.size)
    if n_splits < 2:
        return scores
    labels = proba if takes_weights(learner) else label_by_counts(proba, bags, counts)
    for train, test in BagKFold(n_splits).split(X, groups=bags.codes):
        weight = None if sample_weight is None else sample_weight[train]
        model = fit_soft_labels(learner, X[train], labels[train], weight)
        scores[test] = as_scores(model.predict(X[test]), _MOST_CERTAIN)
    return scores


def linear_starts(X, bags, k):
    """Yield names and scores of linear classifiers, where inference can start.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows, without NaN.
    bags : Bags
        The bags.
    k : int or None
        Number of the class; None is all classes.

    Yields
    ------
    name : str
        Of the classifier.
    scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Log-odds, or scores of all classes.
    """
    X = StandardScaler(with_mean=not sparse.issparse(X)).fit_transform(X)
    models = {"dllp": DLLPClassifier(tol=1e-4), "mean map": MeanMapClassifier(tol=1e-4)}
    counts = bags.count_table()
    if np.array_equal(counts, np.round(counts), equal_nan=True):
        models["count likelihood"] = CountLikelihoodClassifier(tol=1e-4)
    for name, classifier in models.items():
        model, _ = classifier._fit_class(X, bags, k, None)
        if isinstance(model, LinearModel):
            scores = model.scores(X)
            if np.isfinite(scores).all():
                yield name, scores
