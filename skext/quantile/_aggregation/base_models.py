"""Base models of a stack: their rows, their fits, their out-of-fold answers."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from skext.quantile._core.groups import group_params
from skext.quantile._regression.linear import LinearQuantileRegressor
from skext.quantile._regression.multi import MultiQuantileRegressor
from skext.utils._quantiles.forms import ask, check_answer
from skext.utils._sklearn import safe_indexing


class Data:
    """Rows, targets, weights and groups that are split together."""

    def __init__(self, X, y, weights, groups):
        self.X, self.y, self.weights, self.groups = X, y, weights, groups

    def rows(self, index):
        """Return some rows; itself for all of them."""
        if len(index) == len(self.y) and (index == np.arange(len(index))).all():
            return self
        weights = None if self.weights is None else self.weights[index]
        groups = None if self.groups is None else self.groups[index]
        return Data(safe_indexing(self.X, index), self.y[index], weights, groups)

    def positive(self):
        """Return the numbers of the rows that count."""
        if self.weights is None:
            return np.arange(len(self.y))
        return np.flatnonzero(self.weights)


def fit_base(levels, data, keep, name, model, train, test=None):
    """Fit one base model on some rows and predict others."""
    part = data.rows(train)
    if part.weights is not None and (part.weights == 0).any():
        part = part.rows(part.positive())
    fitted = MultiQuantileRegressor(clone(model), quantiles=levels, non_crossing=None)
    try:
        params = group_params(model, part.groups)
        fitted.fit(part.X, part.y, sample_weight=part.weights, **params)
    except (ValueError, TypeError) as error:
        raise type(error)(f"The base model {name!r} failed to fit: {error}") from error
    if test is None:
        return fitted, None
    predicted = answer(fitted, data.rows(test).X, levels, name)
    return (fitted if keep else None), predicted


def fit_models(levels, data, jobs, n_jobs, keep=True):
    """Fit base models; each job is a name, a model, training rows and maybe others.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Levels.
    data : Data
        All rows.
    jobs : list of tuple
        Further arguments of :func:`fit_base`.
    n_jobs : int or None
        Number of workers.
    keep : bool, default=True
        Whether the models of jobs with other rows are kept.

    Returns
    -------
    found : list of (estimator, ndarray)
        Fitted model and its quantiles of the other rows, of each job.
    """
    calls = (delayed(fit_base)(levels, data, keep, *job) for job in jobs)
    return list(Parallel(n_jobs=n_jobs, prefer="threads")(calls))


def answer(model, X, levels, name):
    """Ask a fitted base model, naming it in every error."""
    try:
        Q = ask(model, X, levels, name)
        return check_answer(Q, X, len(levels), name)
    except ValueError as error:
        if repr(name) in str(error):
            raise
        raise ValueError(f"The base model {name!r} failed: {error}") from error


def score(Q, data, levels):
    """Weighted interval score: twice the pinball loss, averaged over levels."""
    r = data.y[:, np.newaxis] - Q
    losses = np.maximum(levels * r, (levels - 1) * r).mean(axis=1)
    return float(2 * np.average(losses, weights=data.weights))


def pair_jobs(models, owner, n_folds):
    """List the fits without one and without two folds.

    Parameters
    ----------
    models : list of (str, estimator)
        Base models.
    owner : ndarray of shape (n_samples,)
        Fold of each row.
    n_folds : int
        Number of folds.

    Returns
    -------
    jobs : list of tuple
        Name, model, training and test rows; the models of a pair one after the other.
    pairs : list of (int, int)
        Folds that are left out; equal for a single one.
    """
    pairs = [(k, j) for k in range(n_folds) for j in range(k + 1)]
    jobs = []
    for k, j in pairs:
        left_out = (owner == k) | (owner == j)
        rows = np.flatnonzero(~left_out), np.flatnonzero(left_out)
        jobs += [(name, model, *rows) for name, model in models]
    return jobs, pairs


def collect_pairs(found, jobs, pairs, owner, n_levels):
    """Sort the answers of the fits of ``pair_jobs``.

    Returns
    -------
    Z : ndarray of shape (n_folds, n_samples, n_models, n_levels)
        For each outer fold, answers about every row by models that saw neither the
        fold of the row nor the outer one.
    singles : list of list of estimators
        Models that left out each fold.
    """
    n_models = len(jobs) // len(pairs)
    n_folds = pairs[-1][0] + 1
    Z = np.empty((n_folds, len(owner), n_models, n_levels))
    singles = [None] * n_folds
    for i, (k, j) in enumerate(pairs):
        part = found[i * n_models : (i + 1) * n_models]
        rows = jobs[i * n_models][3]
        values = np.stack([predicted for _, predicted in part], axis=1)
        if k == j:
            singles[k] = [model for model, _ in part]
            Z[k, rows] = values
        else:
            for outer, inner in ((k, j), (j, k)):
                inside = owner[rows] == inner
                Z[outer, rows[inside]] = values[inside]
    return Z, singles


def collect_folds(found, folds, n_samples, n_models):
    """Put the answers about folds in order; rows in several folds get the mean.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Out-of-fold answers, zero where there are none.
    seen : ndarray of shape (n_samples,)
        Number of folds of each row.
    fitted : list of list of estimators
        Models of each fold.
    """
    n_levels = found[0][1].shape[1]
    Z, seen = np.zeros((n_samples, n_models, n_levels)), np.zeros(n_samples)
    for i, (_, test) in enumerate(folds):
        seen[test] += 1
        for j in range(n_models):
            Z[test, j] += found[i * n_models + j][1]
    repeated = seen > 1
    Z[repeated] /= seen[repeated, np.newaxis, np.newaxis]
    fitted = [
        [model for model, _ in found[i * n_models : (i + 1) * n_models]]
        for i in range(len(folds))
    ]
    return Z, seen, fitted


def check_models(estimators):
    """Return names and base models, without those that are dropped.

    Parameters
    ----------
    estimators : list of (str, estimator) or None
        As given by the user; None is the default.

    Returns
    -------
    models : list of (str, estimator)
        At least one.
    """
    if estimators is None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        boosting = HistGradientBoostingRegressor(
            loss="quantile", quantile=0.5, random_state=0
        )
        return [("linear", LinearQuantileRegressor()), ("boosting", boosting)]
    if not estimators or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in estimators
    ):
        raise ValueError(
            f"estimators={estimators!r} must be a non-empty list of (name, estimator) "
            "pairs."
        )
    kept = [(name, model) for name, model in estimators if model != "drop"]
    if not kept:
        raise ValueError("All estimators are 'drop'; keep one at least.")
    return kept
