"""Scorers that ask a regressor for quantiles."""

import inspect
from numbers import Real

import numpy as np
from sklearn.utils.metadata_routing import MetadataRequest

from skext.metrics._quantile import weighted_interval_score


class _QuantileScorer:
    """Callable ``(estimator, X, y)`` around a metric; see ``make_quantile_scorer``."""

    def __init__(self, metric, quantiles, sign, options):
        self.metric = metric
        self.quantiles = quantiles
        self.sign = sign
        self.options = options

    def __repr__(self):
        name = getattr(self.metric, "__name__", repr(self.metric))
        parts = [name]
        if self.quantiles is not None:
            parts.append(f"quantiles={self.quantiles.tolist()}")
        if self.sign > 0:
            parts.append("greater_is_better=True")
        parts += [f"{key}={value!r}" for key, value in self.options.items()]
        return f"make_quantile_scorer({', '.join(parts)})"

    def __call__(self, estimator, X, y, sample_weight=None):
        # The package loads numba, which displays do not need.
        from skext.quantile import predict_quantiles
        from skext.utils._quantiles.forms import own_levels
        from skext.utils._quantiles.levels import default_levels

        levels = self.quantiles
        if levels is None:
            levels = own_levels(estimator, X)
        if levels is None:
            levels = default_levels()
        Q = predict_quantiles(estimator, X, levels)
        options = dict(self.options)
        if sample_weight is not None:
            options["sample_weight"] = sample_weight
        accepted = inspect.signature(self.metric).parameters
        given = {"quantiles": levels} if "quantiles" in accepted else {}
        args = (y, Q) if next(iter(accepted), "").startswith("y_true") else (Q,)
        value = self.metric(*args, **given, **options)
        if not isinstance(value, Real) or np.ndim(value):
            raise ValueError(
                f"metric must return one number to be a scorer, got {value!r}; check "
                "its options."
            )
        return self.sign * float(value)

    def set_score_request(self, *, sample_weight):
        """Request or refuse sample weights, as scikit-learn's scorers do."""
        request = self.get_metadata_routing()
        request.score.add_request(param="sample_weight", alias=sample_weight)
        self._request = request
        return self

    def get_metadata_routing(self):
        """Return what is requested."""
        if hasattr(self, "_request"):
            return self._request
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=None)
        return request


def make_quantile_scorer(metric, quantiles=None, *, greater_is_better=False, **options):
    """Make a scorer of predicted quantiles from a metric.

    Scikit-learn's own scorers call ``predict``, which returns a single number for each
    row. These call :func:`skext.quantile.predict_quantiles`, so that they take
    regressors of all libraries, also in a pipeline or a search.

    Parameters
    ----------
    metric : callable
        Called as ``metric(y_true, y_quantiles, quantiles=levels, **options)``; without
        ``quantiles`` if it has no such parameter, as
        :func:`interval_coverage`, and without ``y_true`` if that is not its first
        parameter, as :func:`crossing_rate`. Must return one number.
    quantiles : float or array-like of shape (n_levels,), default=None
        Levels to ask for. None is the levels that the regressor was fitted for, or
        0.05, 0.10, ..., 0.95 if it predicts any; set them where regressors are to be
        compared that were fitted for different ones.
    greater_is_better : bool, default=False
        Whether the metric is to be maximised. Otherwise scores are its negative.
    **options : dict
        Handed on to the metric.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, sample_weight=None)``, for the ``scoring``
        of ``cross_validate`` and of searches.

    Raises
    ------
    TypeError
        If the metric is not callable.
    ValueError
        If the levels do not increase strictly between 0 and 1.

    See Also
    --------
    weighted_interval_score : A good metric for several levels.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import cross_val_score
    >>> from skext.metrics import interval_coverage, make_quantile_scorer
    >>> from skext.quantile import LinearQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> coverage = make_quantile_scorer(
    ...     interval_coverage, quantiles=[0.1, 0.9], greater_is_better=True
    ... )
    >>> model = LinearQuantileRegressor(quantiles=[0.1, 0.9])
    >>> scores = cross_val_score(model, X, y, scoring=coverage, cv=3)
    >>> bool(0.7 < scores.mean() < 0.9)
    True
    """
    if not callable(metric):
        raise TypeError(f"metric must be callable, got {metric!r}.")
    if quantiles is not None:
        from skext.utils._quantiles.levels import check_levels

        quantiles = check_levels(quantiles)
    return _QuantileScorer(metric, quantiles, 1 if greater_is_better else -1, options)


neg_wis_scorer = make_quantile_scorer(weighted_interval_score)
