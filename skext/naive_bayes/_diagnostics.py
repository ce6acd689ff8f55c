"""How far data are from what the theory of naive Bayes assumes."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skext.utils._labels import read_labels
from skext.utils._tables import check_table

_LEVELS = np.arange(0, 101, 10)
# More triples of classes than this are drawn at random.
_MAX_TRIPLES = 2_000_000
_BLOCK_NUMBERS = 2**21


class NaiveBayesDiagnostics:
    """Percentiles of the quantities that the theory of naive Bayes bounds.

    :func:`naive_bayes_diagnostics` makes one and says how to read it.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Percents of the percentiles.
    variance : ndarray of shape (n_levels,)
        Pooled variances of the features.
    beta : ndarray of shape (n_levels,)
        Expected log-likelihood ratios of two classes per feature.
    separation : ndarray of shape (n_levels,)
        Distances between two class means in units of the standard deviations.
    scaled_variance : ndarray of shape (n_levels,), default=None
        Pooled variances after scaling each feature to the range from 0 to 1.
    alpha : ndarray of shape (n_levels,), default=None
        Variances of the log-likelihood ratio of two classes per feature.
    overcount : ndarray of shape (n_levels,), default=None
        Variances of the log-likelihood ratio divided by what they were if features
        were independent.
    n_features : int
        Number of features that vary within the classes.

    Attributes
    ----------
    frame : DataFrame
        All percentiles, one column for each quantity.

    Examples
    --------
    >>> from skext.naive_bayes import LinearGaussianNB, naive_bayes_diagnostics
    >>> X, y = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 9.0]], [0, 0, 1, 1]
    >>> found = naive_bayes_diagnostics(LinearGaussianNB().fit(X, y))
    >>> found.variance[[0, -1]].round(2)
    array([1. , 2.5])
    """

    def __init__(
        self,
        levels,
        variance,
        beta,
        separation,
        *,
        scaled_variance=None,
        alpha=None,
        overcount=None,
        n_features,
    ):
        self.levels = levels
        self.variance = variance
        self.beta = beta
        self.separation = separation
        self.scaled_variance = scaled_variance
        self.alpha = alpha
        self.overcount = overcount
        self.n_features = n_features

    @property
    def frame(self):
        """All percentiles as a data frame; missing quantities have no column."""
        import pandas as pd

        names = "variance scaled_variance beta alpha overcount separation".split()
        columns = {name: getattr(self, name) for name in names}
        given = {name: column for name, column in columns.items() if column is not None}
        index = pd.Index(self.levels, name="percent")
        return pd.DataFrame(given, index=index)

    def __repr__(self):
        return f"NaiveBayesDiagnostics, percentiles:\n{self.frame}"


def naive_bayes_diagnostics(estimator, X=None, y=None):
    r"""Compute what the theory of naive Bayes assumes to be bounded.

    With class means :math:`\mu_k` and pooled variances :math:`\sigma_j^2` of
    :math:`d` features, the expected log-likelihood ratio of the classes :math:`a` and
    :math:`b` for rows of class :math:`k` is, per feature,

    .. math:: \beta_{abk} = |D_{kb} - D_{ka}|, \qquad
        D_{ka} = \frac1{2d} \sum_j \frac{(\mu_{kj} - \mu_{aj})^2}{\sigma_j^2},

    and :math:`\alpha_{abk}` is the variance of that ratio, divided by :math:`d`.
    Percentiles are over features, and over all pairs of classes :math:`a, b` and
    classes :math:`k`.

    Parameters
    ----------
    estimator : estimator object or ClassMoments
        A fitted linear probe of this package, or its statistics.
    X : array-like of shape (n_samples, n_features), default=None
        Rows for :math:`\alpha` and all that the statistics do not know.
    y : array-like of shape (n_samples,), default=None
        Their labels.

    Returns
    -------
    diagnostics : NaiveBayesDiagnostics
        With ``variance``, ``beta`` and ``separation``; with rows also
        ``scaled_variance``, ``alpha`` and ``overcount``. Each has the percentiles 0,
        10, ..., 100; ``frame`` has them all.

    Raises
    ------
    ValueError
        If there is one class only, no feature varies within the classes, or the rows
        do not fit.
    TypeError
        If ``estimator`` has no class means.

    Notes
    -----
    The theorem of [1]_ is that naive Bayes comes close to its best error with a
    number of rows in the order of :math:`\log d` *if* the variances and
    :math:`\beta` stay away from zero and :math:`\alpha` stays bounded while
    :math:`d` grows. That is a statement about a family of data sets, so numbers of
    one of them prove nothing by themselves:

    * :math:`\beta` bounded from below means that the squared distance between classes
      grows like :math:`2 d \beta`. More features then make the problem easier, and
      the number of rows that naive Bayes needs does not even grow. If instead the
      total ``separation`` is what stays the same, :math:`\beta` falls like
      :math:`1/d` and naive Bayes needs rows in proportion to :math:`d`. To see which
      it is, compare the diagnostics of half of the features, chosen at random, with
      those of all: the same ``beta`` is the good case, the same ``separation`` the
      other one.
    * The minimum of ``beta`` is near zero for many classes, since some class is
      equally far from two others; look at the lower percentiles.
    * ``overcount`` is the quotient of :math:`\alpha` and its value for independent
      features, :math:`2 D_{ab}`. At 1 the model holds. At 10 the evidence varies as
      if each piece had been counted ten times: the probabilities of naive Bayes are
      overconfident, and what logistic regression or a covariance matrix can learn
      is worth more.

    :math:`\beta`, :math:`\alpha`, ``overcount`` and ``separation`` do not depend on the
    scale of the features. For more than about 150 classes the percentiles over
    classes are those of two million random triples. The cost is
    O(n_classes ** 2 * n_features) without rows and a matrix product with them.

    References
    ----------
    .. [1] Chenyu Zheng, Guoqiang Wu, Fan Bao, Yue Cao, Chongxuan Li and Jun Zhu,
       "Revisiting Discriminative vs. Generative Classifiers: Theory and
       Implications", International Conference on Machine Learning, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skext.naive_bayes import LinearGaussianNB, naive_bayes_diagnostics
    >>> X, y = load_digits(return_X_y=True)
    >>> found = naive_bayes_diagnostics(LinearGaussianNB().fit(X, y), X, y)
    >>> found.frame.loc[[10, 50, 90], ["beta", "overcount"]].round(2)
             beta  overcount
    percent
    10       0.04       1.03
    50       0.26       2.06
    90       0.62       4.03
    """
    means, variance, classes = _state(estimator)
    # Smoothing gives features that are constant a variance, too.
    used = variance > getattr(estimator, "epsilon_", 0.0)
    if means.shape[0] < 2:
        raise ValueError(
            f"estimator knows {means.shape[0]} classes with rows and must know at "
            "least two classes; fit it on more."
        )
    if not used.any():
        raise ValueError(
            "estimator has no features that vary within the classes; fit it on more "
            "rows."
        )
    n_features = int(used.sum())
    scaled = (means[:, used] - means[0, used]) / np.sqrt(variance[used])
    norms = np.einsum("kj,kj->k", scaled, scaled)
    distance = norms + norms[:, np.newaxis] - 2 * scaled @ scaled.T
    np.fill_diagonal(distance, 0.0)
    distance = np.maximum(distance, 0.0)
    pairs = np.triu_indices(means.shape[0], 1)
    triples = _draw_triples(pairs, means.shape[0])
    half = distance / (2 * n_features)
    beta = [np.abs(half[k, b] - half[k, a]) for k, a, b in triples]
    found = {
        "variance": _percentiles(variance),
        "beta": _percentiles(np.concatenate(beta)),
        "separation": _percentiles(np.sqrt(distance[pairs])),
    }
    if X is not None:
        X, codes = _check_rows(X, y, variance.size, classes)
        if getattr(estimator, "_normalizes", False):
            # The moments are those of transformed rows.
            parts = estimator._transformed(X, estimator._tuned.origin)
            X = np.concatenate([rows for _, _, rows in parts])
        spread = np.ptp(X, axis=0)
        found["scaled_variance"] = _percentiles(
            np.divide(
                variance, spread**2, out=np.zeros_like(variance), where=spread > 0
            )
        )
        weights = scaled / np.sqrt(variance[used])
        scores = (X[:, used] - means[0, used]) @ weights.T
        found |= _spread_of_ratios(scores, codes, triples, distance, n_features)
    return NaiveBayesDiagnostics(_LEVELS, **found, n_features=n_features)


def _percentiles(values):
    return np.percentile(values, _LEVELS)


def _state(estimator):
    """Return class means, variances within the classes, and labels."""
    moments = getattr(estimator, "moments_", estimator)
    means = getattr(estimator, "theta_", getattr(moments, "mean", None))
    if not isinstance(means, np.ndarray) or means.ndim != 2:
        raise TypeError(
            f"estimator must be a fitted linear probe or ClassMoments, and it is "
            f"{type(estimator).__name__}; call fit first."
        )
    counts = getattr(estimator, "class_count_", getattr(moments, "count", None))
    classes = getattr(estimator, "classes_", getattr(moments, "classes", None))
    if hasattr(estimator, "var_"):
        variance = estimator.var_
    else:
        squares = np.asarray(moments.ss)
        if squares.ndim == 2:
            squares = np.diag(squares)
        elif squares.ndim == 0:
            # The trace, shared by all features.
            squares = np.full(means.shape[1], squares / means.shape[1])
        variance = squares / counts.sum()
    seen = np.asarray(counts) > 0
    return means[seen], np.asarray(variance), np.asarray(classes)[seen]


def _draw_triples(pairs, n_classes):
    """Return (class, first of pairs, second of pairs), one item for each class."""
    n_pairs = pairs[0].size
    each = _MAX_TRIPLES // n_classes
    if n_pairs <= each:
        return [(k, *pairs) for k in range(n_classes)]
    rng = np.random.RandomState(0)
    chosen = rng.randint(n_pairs, size=(n_classes, each))
    return [(k, pairs[0][rows], pairs[1][rows]) for k, rows in enumerate(chosen)]


def _check_rows(X, y, n_features, classes):
    """Return rows in float64 and the positions of their labels in ``classes``."""
    if y is None:
        raise ValueError("y=None must be given with X; pass the labels.")
    X = check_table(X, dtype=np.float64)
    y = column_or_1d(read_labels(y))
    check_consistent_length(X, y)
    if X.shape[1] != n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, and the estimator {n_features} features; "
            "pass the same columns."
        )
    strange = np.setdiff1d(y, classes)
    if strange.size:
        raise ValueError(
            f"y must have labels that the estimator knows, and it has "
            f"{strange.tolist()}; pass rows of classes that it was fitted on."
        )
    return X, np.searchsorted(classes, y)


def _spread_of_ratios(scores, codes, triples, distance, n_features):
    """Return percentiles of alpha and of its quotient with independent features."""
    alpha, overcount = [], []
    for k, first, second in triples:
        mine = scores[codes == k]
        if mine.shape[0] < 2:
            continue
        mine = mine - mine.mean(axis=0)
        variance = np.empty(first.size)
        step = max(1, _BLOCK_NUMBERS // mine.shape[0])
        for start in range(0, first.size, step):
            block = slice(start, start + step)
            ratio = mine[:, first[block]] - mine[:, second[block]]
            variance[block] = np.einsum("ij,ij->j", ratio, ratio) / mine.shape[0]
        alpha.append(variance / n_features)
        expected = distance[first, second]
        apart = expected > 0
        overcount.append(variance[apart] / expected[apart])
    if not alpha:
        raise ValueError("y has no class with two rows; add rows.")
    return {
        "alpha": _percentiles(np.concatenate(alpha)),
        "overcount": _percentiles(np.concatenate(overcount)),
    }
