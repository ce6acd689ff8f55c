"""Simulated data whose truth is known."""

from numbers import Integral, Real

import numpy as np
from scipy.linalg import cho_solve
from scipy.special import expit, logsumexp, ndtr
from sklearn.utils import Bunch

from skext.datasets._correlation import correlation_factor
from skext.utils._random import fit_rng
from skext.utils._sklearn import Interval, validate_params

_RANDOM_STATE = ["random_state", np.random.Generator]


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 2, 64, closed="both")],
        "separation": [Interval(Real, 0, None, closed="neither"), None],
        "rescale": ["boolean"],
        "correlation": [Interval(Real, -1, 1, closed="neither"), "array-like", None],
        "random_state": _RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_gaussian_mixture(
    n_samples=1000,
    n_features=100,
    *,
    n_classes=2,
    separation=None,
    rescale=True,
    correlation=None,
    random_state=None,
):
    """Generate Gaussian classes for which naive Bayes is the right model.

    Class ``k`` has the mean ``a_k`` in every feature, with ``a`` = -1, 1, 2, 4, 8
    and so on. Features are independent given the class, unless ``correlation`` says
    otherwise; the first half has variance ``n_features``, the other half variance
    1, in all classes. Classes have equal probability and sizes that differ by at
    most one row. This is the simulation of [1]_.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows.
    n_features : int, default=100
        Number of features.
    n_classes : int, default=2
        Number of classes, at most 64.
    separation : float, default=None
        Mahalanobis distance between the first two classes; the distances between
        the others grow in proportion. ``None`` leaves it at
        ``2 * sqrt(sum(1 / variance))``, which grows with the number of features
        and makes the problem easier the wider the data.
    rescale : bool, default=True
        Whether to divide by ``2 ** (n_classes - 3)`` and subtract 1 when there are
        more than two classes, as in the reference. Changes no error rate.
    correlation : float or array-like of shape (n_features, n_features), default=None
        Correlation of the features within the classes. A number ``r`` gives
        ``r ** abs(i - j)``, which is a correlation matrix for every ``r`` between -1
        and 1. Naive Bayes is then no longer the right model.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; an integer makes the result reproducible.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            Features.
        target : ndarray of shape (n_samples,)
            Class of each row, shuffled.
        posterior : ndarray of shape (n_samples, n_classes)
            True probability of each class given the row.
        means : ndarray of shape (n_classes, n_features)
            True class means.
        variances : ndarray of shape (n_features,)
            True variances within the classes.
        correlation : ndarray of shape (n_features, n_features) or None
            True correlation within the classes, if asked for.
        priors : ndarray of shape (n_classes,)
            True class probabilities.
        bayes_error : float
            Exact error rate of the best classifier.
        naive_bayes_error : float
            Exact error rate of the classifier that knows the means and variances
            and ignores the correlation: the limit of naive Bayes. Equal to
            ``bayes_error`` without correlation.

    Raises
    ------
    ValueError
        If ``correlation`` is a matrix that is not symmetric and positive definite
        with ones on its diagonal.

    References
    ----------
    .. [1] Chenyu Zheng, Guoqiang Wu, Fan Bao, Yue Cao, Chongxuan Li and Jun Zhu,
       "Revisiting Discriminative vs. Generative Classifiers: Theory and
       Implications", International Conference on Machine Learning, 2023.

    Examples
    --------
    >>> from skext.datasets import make_gaussian_mixture
    >>> data = make_gaussian_mixture(500, 20, separation=2, random_state=0)
    >>> data.data.shape
    (500, 20)
    >>> round(data.bayes_error, 3)
    0.159
    """
    rng = fit_rng(random_state)
    levels = np.concatenate([[-1.0], 2.0 ** np.arange(n_classes - 1)])
    variances = np.ones(n_features)
    variances[: n_features // 2] = n_features
    correlation, factor = correlation_factor(correlation, n_features)
    # All means lie on one line, so one coordinate decides: there the classes are
    # normal with variance 1 and centres at levels * unit.
    naive = 1 / variances
    weights, naive_unit = naive, np.sqrt(naive.sum())
    if factor is not None:
        root = np.sqrt(naive)
        weights = root * cho_solve((factor, True), root)
        naive_unit = naive.sum() / np.linalg.norm(factor.T @ root)
    unit = np.sqrt(weights.sum())
    if separation is not None:
        levels *= separation / (2 * unit)
    gaps = np.diff(levels)
    errors = [2 / n_classes * ndtr(-gaps * u / 2).sum() for u in (unit, naive_unit)]
    target = rng.permutation(np.arange(n_samples) % n_classes)
    noise = rng.standard_normal((n_samples, n_features))
    if factor is not None:
        noise = noise @ factor.T
    noise *= np.sqrt(variances)
    position = levels[target] * unit + noise @ weights / unit
    log_posterior = -0.5 * (position[:, np.newaxis] - levels * unit) ** 2
    log_posterior -= logsumexp(log_posterior, axis=1, keepdims=True)
    means = np.repeat(levels[:, np.newaxis], n_features, axis=1)
    data = means[target] + noise
    if rescale and n_classes > 2:
        scale = 2.0 ** (n_classes - 3)
        data, means, variances = (
            data / scale - 1,
            means / scale - 1,
            variances / scale**2,
        )
    return Bunch(
        data=data,
        target=target,
        posterior=np.exp(log_posterior),
        means=means,
        variances=variances,
        correlation=correlation,
        priors=np.full(n_classes, 1 / n_classes),
        bayes_error=float(errors[0]),
        naive_bayes_error=float(errors[1]),
    )


@validate_params(
    {
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "minority_fraction": [Interval(Real, 0, 0.5, closed="right")],
        "n_minority_clusters": [Interval(Integral, 1, None, closed="left")],
        "separation": [Interval(Real, 0, None, closed="left")],
        "random_state": _RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_imbalanced_mixture(
    n_samples=1000,
    n_features=5,
    *,
    minority_fraction=0.05,
    n_minority_clusters=3,
    separation=2.0,
    random_state=None,
):
    """Generate a rare class that falls into clusters at the edge of a common one.

    The majority (class 0) is standard normal. The minority (class 1) is an equal
    mixture of ``n_minority_clusters`` normal clusters of standard deviation 0.5,
    whose centres lie at distance ``separation`` from the centre of the majority in
    random directions. Rare sub-groups inside the range of the majority are what
    makes imbalanced data hard in practice.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows.
    n_features : int, default=5
        Number of features.
    minority_fraction : float, default=0.05
        Part of the rows in class 1, rounded to whole rows, at least one; also its
        true prior probability.
    n_minority_clusters : int, default=3
        Number of clusters of the minority.
    separation : float, default=2.0
        Distance of the clusters from the centre of the majority.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; an integer makes the result reproducible.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            Features.
        target : ndarray of shape (n_samples,)
            Class of each row, 1 for the minority, shuffled.
        cluster : ndarray of shape (n_samples,)
            Cluster of each minority row, -1 for majority rows.
        posterior : ndarray of shape (n_samples, 2)
            True probability of each class given the row.
        centers : ndarray of shape (n_minority_clusters, n_features)
            Centres of the clusters.
        cluster_std : float
            Standard deviation of the clusters.
        priors : ndarray of shape (2,)
            True class probabilities.

    Examples
    --------
    >>> from skext.datasets import make_imbalanced_mixture
    >>> data = make_imbalanced_mixture(minority_fraction=0.01, random_state=0)
    >>> int(data.target.sum())
    10
    >>> data.posterior.shape
    (1000, 2)
    """
    rng = fit_rng(random_state)
    cluster_std = 0.5
    n_minority = max(1, round(n_samples * minority_fraction))
    directions = rng.standard_normal((n_minority_clusters, n_features))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centers = separation * directions
    target = rng.permutation((np.arange(n_samples) < n_minority).astype(np.intp))
    minority = target == 1
    cluster = np.full(n_samples, -1, dtype=np.intp)
    cluster[minority] = rng.randint(n_minority_clusters, size=n_minority)
    data = rng.standard_normal((n_samples, n_features))
    data[minority] = centers[cluster[minority]] + cluster_std * data[minority]
    # Densities up to the factor (2 pi) ** (-n_features / 2), which is common.
    common = -0.5 * (data**2).sum(axis=1)
    distance = ((data[:, np.newaxis] - centers) ** 2).sum(axis=2)
    rare = logsumexp(-0.5 * distance / cluster_std**2, axis=1)
    rare -= np.log(n_minority_clusters) + n_features * np.log(cluster_std)
    odds = rare - common + np.log(minority_fraction) - np.log1p(-minority_fraction)
    return Bunch(
        data=data,
        target=target,
        cluster=cluster,
        posterior=np.column_stack([expit(-odds), expit(odds)]),
        centers=centers,
        cluster_std=cluster_std,
        priors=np.array([1 - minority_fraction, minority_fraction]),
    )
