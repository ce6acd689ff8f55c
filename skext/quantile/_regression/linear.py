"""Linear quantile regression for all levels at once."""

from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.quantile._core import row_kernels as _row_kernels
from skext.quantile._core.base import QuantilePredictorMixin, refuse_dates
from skext.quantile._core.crossing import NON_CROSSING, uncross
from skext.quantile._core.ties import Ties
from skext.quantile._solver.blocks import CONSTRAINTS
from skext.quantile._solver.interior_point import is_optimal
from skext.quantile._solver.many_rows import grouped, solve_rows
from skext.utils._parallel import run_chunks
from skext.utils._quantiles.levels import check_levels
from skext.utils._sklearn import (
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from skext.utils._tables import validate_table
from skext.utils._warnings import warn_user

# Largest number of roundings by which a constant is moved.
_STEPS = 50


def _linear(X, coef, intercept, n_jobs=None):
    """Predict all levels, each row by itself, whatever rows come with it."""
    if issparse(X):
        return np.asarray(X @ coef.T + intercept, dtype=np.float64)
    out = np.empty((X.shape[0], len(coef)))
    coef = np.ascontiguousarray(coef.T)
    args = (np.require(X, requirements=["C", "W"]), coef, intercept, out)
    run_chunks(_row_kernels.linear_rows, len(out), *args, n_jobs=n_jobs)
    return out


def _settle(found, near, ties, X, y, s, level):
    """Return the constant with which rows that a quantile runs through are counted.

    The rounding of a prediction decides whether their targets are below it: too few
    may be, and more than need be.

    Parameters
    ----------
    found : Weights
        Exact solution of the level.
    near : ndarray of shape (n_near,)
        Rows that its quantile runs through.
    ties : Ties
        Targets that some of them share.
    X, y, s : array-like, ndarray, ndarray
        All rows, as they are predicted.
    level : float
        The level.

    Returns
    -------
    intercept : float
        The constant, moved by rounding.
    """
    if not len(near):
        return found.intercept
    parts = _linear(X[near], found.w[np.newaxis], np.zeros(1))[:, 0]
    s, aim = s[near], level * s.sum()
    r = y[near] - ties.snap(parts + found.intercept)
    enough = found.below + s @ (r <= 0) >= aim * (1 - 1e-12)
    if enough and found.below + s @ (r < 0) <= aim * (1 + 1e-12):
        return found.intercept
    order = np.argsort(r, kind="stable")
    place = np.searchsorted(found.below + np.cumsum(s[order]), aim * (1 - 1e-12))
    if place == len(order):
        return found.intercept
    target, part = y[near[order[place]]], parts[order[place]]
    intercept = target - part
    # Every prediction rounds in its own way, so that a few more steps may be needed.
    for _ in range(_STEPS):
        met = y[near] <= ties.snap(parts + intercept)
        if found.below + s @ met >= aim * (1 - 1e-12):
            break
        step = np.spacing(max(abs(target), abs(part), abs(intercept)))
        intercept = intercept + step
    return float(intercept)


class LinearQuantileRegressor(QuantilePredictorMixin, SkextMixin, BaseEstimator):
    r"""Linear quantile regression without a penalty, for all levels at once.

    For each level :math:`\tau` it minimises the sum of pinball losses

    .. math::

        \min_{\beta, b} \sum_i s_i \rho_\tau(y_i - x_i^\top \beta - b), \qquad
        \rho_\tau(r) = \max(\tau r, (\tau - 1) r)

    exactly, and proves it by a duality gap. Made for many rows.

    Parameters
    ----------
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    fit_intercept : bool, default=True
        Whether to fit the constant :math:`b`.
    positive : bool, default=False
        Whether coefficients must not be negative.
    non_crossing : {"sort", "isotonic", "minmax"} or None, default="sort"
        How predicted rows are put in order; see :func:`isotonize`. None leaves them.
    tol : float, default=1e-10
        Relative duality gap to stop at.
    max_iter : int, default=100
        Largest number of iterations of one interior-point solution.
    n_jobs : int, default=None
        Number of threads over levels. ``None`` means one unless in a
        :func:`joblib.parallel_config` context, ``-1`` means all cores.

    Attributes
    ----------
    coef_ : ndarray of shape (n_levels, n_features)
        Coefficients.
    intercept_ : ndarray of shape (n_levels,)
        Constants.
    quantiles_ : ndarray of shape (n_levels,)
        Levels.
    duality_gap_ : ndarray of shape (n_levels,)
        Difference between the loss and its lower bound, relative to the loss.
    objective_ : ndarray of shape (n_levels,)
        Weighted sum of the pinball losses.
    n_iter_ : ndarray of shape (n_levels,)
        Iterations over all interior-point solutions.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    sklearn.linear_model.QuantileRegressor : One level, with an L1 penalty, by linear
        programming.
    QuantileStackingRegressor : Combines it with other regressors.

    Notes
    -----
    The solver is a primal-dual interior-point method with preprocessing: rows far
    from the quantile are replaced by one linear term [1]_. The cost is a few passes
    over the rows plus O(n_features ** 2) for each of the rows in doubt, some
    ``n_samples ** (2 / 3)``. ``X`` is copied once, column by column, in its own
    precision; all sums are of float64. From there it goes on to an exact vertex, whose
    quantile runs through rows of the table: with an intercept, the share of targets at
    or below a quantile is at least its level, and targets that many rows share are met
    to the last digit. Where the optimum is not unique, the solution tends to the centre
    of the optimal ones.

    Coefficients of collinear features are not unique; predictions on rows like the
    training rows still are. Directions in which features differ by nothing but the
    rounding of their numbers, such as those of a feature and the same with an offset,
    are left out.

    The gap is computed from the data as given, row by row, so that a few gross targets
    do not hide the others.

    References
    ----------
    .. [1] Stephen Portnoy and Roger Koenker, "The Gaussian Hare and the Laplacian
       Tortoise: Computability of Squared-Error versus Absolute-Error Estimators",
       Statistical Science 12, 1997.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skext.quantile import LinearQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LinearQuantileRegressor(quantiles=[0.1, 0.5, 0.9]).fit(X, y)
    >>> model.predict_quantiles(X[:1]).round()
    array([[114., 204., 286.]])
    >>> bool((model.duality_gap_ < 1e-9).all())
    True
    """

    _parameter_constraints: dict = {
        "quantiles": ["array-like", None],
        "fit_intercept": ["boolean"],
        "positive": ["boolean"],
        "non_crossing": [StrOptions(set(NON_CROSSING)), None],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        quantiles=None,
        *,
        fit_intercept=True,
        positive=False,
        non_crossing="sort",
        tol=1e-10,
        max_iter=100,
        n_jobs=None,
    ):
        self.quantiles = quantiles
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.non_crossing = non_crossing
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit all levels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data; sparse data is made dense for the fit, not for predictions.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A weight of two is the same as the row twice.

        Returns
        -------
        self : object
            The fitted regressor.
        """
        levels = check_levels(self.quantiles)
        refuse_dates(y)
        X, y = validate_table(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            y_numeric=True,
        )
        y = np.ascontiguousarray(y, dtype=np.float64)
        s = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if (s == 0).any():
            X, y, s = X[s > 0], y[s > 0], s[s > 0]
        columns = np.ascontiguousarray((X.toarray() if issparse(X) else X).T)
        rule = CONSTRAINTS["nonneg" if self.positive else "free"]
        found, met = [None] * len(levels), [None] * len(levels)

        def solve_some(start, stop):
            for k in range(start, stop):
                rows = grouped(columns, y, levels[k], s)
                best = solve_rows(
                    rows,
                    rule,
                    fit_intercept=self.fit_intercept,
                    tol=self.tol,
                    max_iter=self.max_iter,
                )
                intercept, near = best.intercept, best.near
                if near is None:
                    near = np.zeros(0, dtype=np.intp)
                if self.fit_intercept:
                    ties = Ties.among([y[near]], best.size)
                    intercept = _settle(best, near, ties, X, y, s, levels[k])
                met[k] = y[near]
                found[k] = best._replace(a=None, near=None, intercept=intercept)

        run_chunks(solve_some, len(levels), n_jobs=self.n_jobs, min_chunk=1)
        self._ties = Ties.among(met, max(block.size for block in found))
        self.quantiles_ = levels
        self.coef_ = np.array([block.w for block in found])
        self.intercept_ = np.array([block.intercept for block in found])
        self.duality_gap_ = np.array([block.gap for block in found])
        self.objective_ = np.array([block.loss for block in found])
        self.n_iter_ = np.array([max(block.n_iter, 1) for block in found])
        if not is_optimal(self.duality_gap_, self.objective_, y, s, self.tol):
            warn_user(
                f"The relative duality gap is {self.duality_gap_.max():.1e}, more than "
                f"tol={self.tol:.1e}; increase max_iter or scale the features.",
                ConvergenceWarning,
            )
        return self

    def _predict_levels(self, X):
        check_is_fitted(self)
        X = validate_table(
            self, X, accept_sparse="csr", reset=False, dtype=[np.float64, np.float32]
        )
        Q = _linear(X, self.coef_, self.intercept_, self.n_jobs)
        return uncross(self._ties.snap(Q), self.non_crossing)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
