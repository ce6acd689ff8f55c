"""What all regressors that predict several quantiles have in common."""

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skext.utils._columns import column_kind, library_of
from skext.utils._quantiles.levels import (
    between,
    cdf_from_quantiles,
    change_levels,
    check_levels,
    draw,
)
from skext.utils._warnings import warn_user

# Levels farther apart than this do not tell the median between them.
_NEAR_MEDIAN = 0.2


class QuantilePredictorMixin(RegressorMixin):
    """Prediction methods on top of ``_predict_levels`` and ``quantiles_``.

    ``_predict_levels(X)`` returns an array of shape (n_samples, n_levels) whose rows
    do not decrease, unless the user wants them to cross.
    """

    def predict(self, X, quantiles=None):
        """Predict the median, or the given quantiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.
        quantiles : array-like of shape (n_quantiles,), default=None
            Levels. None predicts one number for each row.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_quantiles)
            Median, interpolated where 0.5 is not a level (with a warning where the
            levels around it are far apart), the level nearest to it where all are on
            one side, or one column for each of ``quantiles``.
        """
        check_is_fitted(self)
        if quantiles is not None:
            return self.predict_quantiles(X, quantiles)
        Q = self._predict_levels(X)
        levels = self.quantiles_
        if getattr(self, "point", "median") == "mean":
            bad = ~np.isfinite(Q).all(axis=1)
            if bad.any():
                # Infinite ends have no mean.
                Q = np.where(bad[:, np.newaxis], self._own_levels(X), Q)
            return _mean(Q, levels)
        if len(levels) == 1:
            return Q[:, 0].copy()
        low, high = between(levels, 0.5)
        if low < 0.5 < high and high - low > _NEAR_MEDIAN:
            own = self._own_median(X)
            if own is not None:
                return own
            warn_user(
                f"0.5 is not among the levels {levels.tolist()}: predict interpolates "
                f"between {low:g} and {high:g}, which may be far from the median. Fit "
                "with the level 0.5."
            )
        return self._change(Q, X, _nearest_to_median(levels))[:, 0].copy()

    def _own_levels(self, X):
        """Quantiles before any calibration."""
        return self._predict_levels(X)

    def _own_median(self, X):
        """Median of a regressor that knows all levels; None for others."""
        return None

    def _change(self, Q, X, wanted, extrapolate=None):
        """Interpolate; what no finite end bounds is the median before calibration."""
        levels = self.quantiles_
        out = change_levels(Q, levels, wanted, extrapolate)
        bad = np.isnan(out)
        if bad.any():
            own = change_levels(self._own_levels(X), levels, wanted, extrapolate)
            low, high = between(levels, 0.5)
            ends = (Q[:, np.isclose(levels, level)] for level in (low, high))
            out = np.where(bad, np.clip(own, *ends), out)
        return out

    def predict_quantiles(self, X, quantiles=None, extrapolate=None):
        """Predict quantiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.
        quantiles : array-like of shape (n_quantiles,), default=None
            Increasing levels; None is ``quantiles_``. Others are interpolated.
        extrapolate : {"gaussian", "exponential"}, default=None
            How to go beyond the fitted levels; None refuses to.

        Returns
        -------
        Q : ndarray of shape (n_samples, n_quantiles)
            One column for each level.
        """
        check_is_fitted(self)
        if extrapolate not in (None, "gaussian", "exponential"):
            raise ValueError(
                f"extrapolate={extrapolate!r} must be None, 'gaussian' or "
                "'exponential'."
            )
        wanted = self.quantiles_ if quantiles is None else check_levels(quantiles)
        Q = self._predict_levels(X)
        return self._change(Q, X, wanted, extrapolate)

    def predict_interval(self, X, coverage=0.9, extrapolate=None):
        """Predict central intervals.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.
        coverage : float, default=0.9
            Probability between the two ends.
        extrapolate : {"gaussian", "exponential"}, default=None
            How to go beyond the fitted levels; None refuses to.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2)
            Lower and upper ends.
        """
        check_is_fitted(self)
        if not isinstance(coverage, Real) or not 0 < coverage < 1:
            raise ValueError(f"coverage={coverage!r} must be a number between 0 and 1.")
        tail = (1 - coverage) / 2
        return self.predict_quantiles(X, [tail, 1 - tail], extrapolate)

    def predict_cdf(self, X, y):
        """Predict the probability of at most a given value.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.
        y : float or array-like of shape (n_samples,)
            Value of each row.

        Returns
        -------
        cdf : ndarray of shape (n_samples,)
            Distribution function, interpolated between the quantiles; 0 below the
            lowest and 1 above the highest.
        """
        check_is_fitted(self)
        Q = self._predict_levels(X)
        if np.ndim(y) == 0:
            y = np.full(len(Q), y)
        y = column_or_1d(y, dtype=np.float64)
        if len(y) != len(Q):
            raise ValueError(
                f"y has {len(y)} values for {len(Q)} rows of X; give one for each row, "
                "or a number."
            )
        return cdf_from_quantiles(np.sort(Q, axis=1), self.quantiles_, y)

    def sample(self, X, n_samples=1, random_state=None):
        """Draw from the predicted distributions.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows to predict.
        n_samples : int, default=1
            Draws for each row.
        random_state : int, RandomState instance or None, default=None
            Source of randomness.

        Returns
        -------
        draws : ndarray of shape (n_rows, n_samples)
            Draws by inverting the interpolated quantiles; beyond the outermost levels
            they are the outermost quantiles.
        """
        check_is_fitted(self)
        Q = np.sort(self._predict_levels(X), axis=1)
        return draw(Q, self.quantiles_, n_samples, random_state)


def refuse_dates(y):
    """Refuse dates as targets, which become nanoseconds or days otherwise."""
    column = y if library_of(y) is not None else np.asarray(y)
    if getattr(column, "ndim", 1) == 1 and column_kind(column) == "date":
        raise ValueError(
            "y holds dates or durations; turn them into numbers, such as days since a "
            "start."
        )


def _nearest_to_median(levels):
    """Return 0.5, or the level nearest to it if all are on one side."""
    return np.clip([0.5], levels[0], levels[-1])


def _mean(Q, levels):
    """Integrate the quantile function; constant beyond the outermost levels."""
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
    return Q @ np.diff(edges)
