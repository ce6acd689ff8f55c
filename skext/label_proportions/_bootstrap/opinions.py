"""What a linear model of counts thinks of rows in bags that it did not see."""

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.decomposition import TruncatedSVD

from skext.label_proportions._bootstrap.linear_counts import (
    CountData,
    choose_fit,
    fit_counts,
    without_own_bag,
)
from skext.label_proportions._core.known_bags import KnownBags
from skext.label_proportions._counts.posterior import as_scores, normalize_rows

# Log-odds of rows if the counts of all bags say the same without doubt.
_CERTAIN = 10.0
_LEAST = 1e-6
# Bags and columns up to which the larger one may be anything.
_MANY = 2000
_N_DIRECTIONS = 500


class FirstOpinions:
    """Linear models of the counts of one class, or of each.

    Parameters
    ----------
    features : {ndarray, sparse array} of shape (n_samples, n_columns)
        Features of total variance one.
    bags : Bags
        The bags.
    k : int or None
        Number of the class; None is all of them, each against the rest.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    bag_strength : float
        How certain counts are.
    variances : list of float, default=None
        Of the weights; None chooses them by the evidence.
    n_jobs : int, default=None
        Number of threads.
    """

    def __init__(
        self, features, bags, k, weight, bag_strength, variances=None, n_jobs=None
    ):
        numbers = range(bags.classes.size) if k is None else [k]
        self.several = k is None
        center = None
        if sparse.issparse(features):
            center = np.asarray(features.mean(axis=0)).ravel()
        self.fits, self.variances, columns = [], [], []
        for place, number in enumerate(numbers):
            known = KnownBags(bags, number, weight)
            certain = known.certain if known.sizes.size else 0.5
            if certain is not None:
                scores = np.full(bags.codes.size, _CERTAIN * (2 * certain - 1))
                self.fits.append(None)
                self.variances.append(None)
                columns.append(scores)
                continue
            rows = known.rows
            everywhere = rows.size == bags.codes.size
            data = CountData.of(
                features if everywhere else features[rows],
                known,
                bag_strength,
                center,
            )
            variance = None if variances is None else variances[place]
            if variance is None:
                fit = choose_fit(data, n_jobs)
            else:
                fit = fit_counts(data, variance, n_jobs=n_jobs)
            scores = fit.scores.copy() if everywhere else fit.predict(features, center)
            scores[rows] = without_own_bag(data, fit)
            self.fits.append(fit)
            self.variances.append(fit.variance)
            columns.append(scores)
        self.scores = self._joined(columns)

    def _joined(self, columns):
        if not self.several:
            return columns[0]
        return as_scores(normalize_rows(expit(np.column_stack(columns))), _LEAST)


def narrow(features, n_bags):
    """Return fewer columns if there are too many of them and too many bags.

    Parameters
    ----------
    features : {ndarray, sparse array} of shape (n_samples, n_columns)
        Features.
    n_bags : int
        Number of bags.

    Returns
    -------
    features : {ndarray, sparse array} of shape (n_samples, n_kept)
        The leading principal directions, or the same.
    """
    if min(n_bags, features.shape[1]) <= _MANY:
        return features
    directions = TruncatedSVD(_N_DIRECTIONS, random_state=0)
    found = directions.fit_transform(
        sparse.csr_matrix(features) if sparse.issparse(features) else features
    )
    return found
