"""How well rows tell clusters apart, as one number and for each pair."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array, check_is_fitted

from skext.cluster._ppp import PPPClustering
from skext.cluster._reduce.input import check_weights


def clusterability_score(X=None, *, proba=None, estimator=None, sample_weight=None):
    r"""Compute the share of the guessing error that knowing the rows removes.

    With the probabilities :math:`T_{ij}` of cluster :math:`j` given row :math:`i`
    and their means :math:`\pi_j`,

    .. math::

        1 - \frac{\mathrm{mean}_i (1 - \max_j T_{ij})}{1 - \max_j \pi_j} .

    The denominator is the error of who always guesses the largest cluster, the
    numerator the error of who knows the row and believes the model. The score is 1
    for clusters without any overlap and 0 if there is only one.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), default=None
        Rows to score. May be left out if ``proba`` is given.
    proba : array-like of shape (n_samples, n_clusters), default=None
        Probabilities of the clusters, from any method.
    estimator : estimator object, default=None
        Clustering with ``predict_proba``; a clone is fitted to ``X`` unless it is
        fitted already. None is :class:`~skext.cluster.PPPClustering`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    score : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If neither ``X`` nor ``proba`` is given, or both are.

    Notes
    -----
    The score believes the model: clusters that are not there, but that the model
    made, look clear too. Selecting data or features for a high score is therefore
    optimistic; :class:`~skext.cluster.SeparableFeatureSelector` corrects for it.

    The definition is ours. The abstract of [1]_ only names clusterability.

    References
    ----------
    .. [1] Mujahid Sultan, "Probabilistic Partitive Partitioning (PPP)",
       arXiv:2003.04372, 2020.

    Examples
    --------
    >>> from skext.cluster import clusterability_score
    >>> round(clusterability_score(proba=[[0.9, 0.1], [0.2, 0.8]]), 3)
    0.667
    """
    if (X is None) == (proba is None):
        given = "neither is" if X is None else "both are"
        raise ValueError(f"X and proba: {given} given; give exactly one of the two.")
    if proba is None:
        proba = _fitted(estimator, X, sample_weight).predict_proba(X)
    proba = check_array(proba, dtype=np.float64, input_name="proba")
    weights = check_weights(sample_weight, proba)
    if weights is not None:
        proba, weights = proba[weights > 0.0], weights[weights > 0.0]
    if np.any(proba < 0) or np.any(abs(proba.sum(axis=1) - 1) > 1e-5):
        raise ValueError(
            "proba has rows that are no probabilities; give numbers of at least 0 that "
            "sum to 1 in each row."
        )
    if proba.shape[1] == 1:
        return 0.0
    largest = np.average(proba.max(axis=1), weights=weights)
    guess = np.average(proba, axis=0, weights=weights).max()
    if guess >= 1.0:
        return 0.0
    return float(min(max(1.0 - (1.0 - largest) / (1.0 - guess), 0.0), 1.0))


def separability_matrix(estimator):
    """Give the depth of the valley between each pair of clusters.

    Parameters
    ----------
    estimator : PPPClustering
        A fitted one.

    Returns
    -------
    matrix : ndarray of shape (n_clusters, n_clusters)
        Symmetric; the entry is by how much the logarithm of the density falls on
        the way from the lower of the two peaks to the best saddle between the
        clusters. 0.7 is a fall to one half. The diagonal is zero.

    See Also
    --------
    clusterability_score : One number for all clusters.
    SeparabilityDisplay : Draws the matrix.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skext.cluster import PPPClustering, separability_matrix
    >>> X, _ = make_blobs(300, centers=3, random_state=0, cluster_std=0.4)
    >>> separability_matrix(PPPClustering().fit(X)).shape
    (3, 3)
    """
    check_is_fitted(estimator, "separability_matrix_")
    matrix = np.array(estimator.separability_matrix_, dtype=np.float64)
    np.fill_diagonal(matrix, 0.0)
    return matrix


def _fitted(estimator, X, sample_weight):
    if estimator is None:
        estimator = PPPClustering()
    elif _is_fitted(estimator):
        return estimator
    fitted = clone(estimator)
    if sample_weight is None:
        return fitted.fit(X)
    return fitted.fit(X, sample_weight=sample_weight)


def _is_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
