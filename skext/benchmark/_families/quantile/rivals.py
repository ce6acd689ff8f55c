"""Quantile regressors of the benchmark that no library has, and stacks of models."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline

from skext.benchmark._engine.methods import make_preprocessor
from skext.benchmark._engine.tasks import resolve
from skext.datasets._quantile_experts import EXPERTS, expert_quantiles

# Three central intervals and the median; all are among the defaults of the package, so
# that a regressor fitted for those can be asked for them.
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_OURS = "skext.quantile"
_FEW_ROWS = 2000
# Tasks whose models are fixed functions of the features.
EXPERT_TASK = "quantile-experts"


class _Median(RegressorMixin, BaseEstimator):
    """Predict the median; quantiles are the business of ``predict_quantiles``."""

    def predict(self, X):
        """Predict the median."""
        return self.predict_quantiles(X, [0.5])[:, 0]


class NeighbourQuantiles(_Median):
    """Quantiles of the targets of the nearest training rows.

    Parameters
    ----------
    n_neighbors : int, default=40
        Number of rows.
    """

    def __init__(self, n_neighbors=40):
        self.n_neighbors = n_neighbors

    def fit(self, X, y):
        """Keep the rows."""
        k = min(self.n_neighbors, len(y))
        self.search_ = NearestNeighbors(n_neighbors=k).fit(X)
        self.y_ = np.asarray(y, dtype=np.float64)
        return self

    def predict_quantiles(self, X, quantiles=LEVELS):
        """Predict quantiles, one column for each level."""
        near = self.search_.kneighbors(X, return_distance=False)
        return np.quantile(self.y_[near], quantiles, axis=1).T


class Expert(_Median):
    """An expert of :func:`skext.datasets.make_quantile_experts`.

    Parameters
    ----------
    number : int, default=0
        Which one.
    """

    def __init__(self, number=0):
        self.number = number

    def fit(self, X, y):
        """Learn nothing."""
        self.n_features_in_ = X.shape[1]
        return self

    def predict_quantiles(self, X, quantiles=LEVELS):
        """Predict quantiles, one column for each level."""
        return expert_quantiles(np.asarray(X), np.asarray(quantiles), self.number)


def boosting(info, **options):
    """Return a boosted model for each level.

    Parameters
    ----------
    info : TaskInfo
        With few rows there are 15 quick rounds, else 100.
    **options : dict
        For ``MultiQuantileRegressor``.

    Returns
    -------
    estimator : MultiQuantileRegressor
        For the levels of the benchmark.
    """
    few = info.n_rows < _FEW_ROWS
    model = HistGradientBoostingRegressor(
        max_iter=15 if few else 100,
        learning_rate=0.2 if few else 0.1,
        early_stopping=False,
    )
    make = resolve(f"{_OURS}:MultiQuantileRegressor")
    return make(model, quantiles=list(LEVELS), **options)


def base_models(info):
    """List the models of a stack.

    Parameters
    ----------
    info : TaskInfo
        Boosting joins where there are rows enough for it.

    Returns
    -------
    models : list of (str, estimator)
        The experts where the task has some, else models of different kinds.
    """
    if info.id == EXPERT_TASK:
        return [(name, Expert(j)) for j, name in enumerate(EXPERTS)]
    linear = resolve(f"{_OURS}:LinearQuantileRegressor")
    models = [
        ("linear", linear(quantiles=list(LEVELS))),
        ("normal", BayesianRidge()),
        ("neighbours", NeighbourQuantiles()),
    ]
    if info.n_rows >= _FEW_ROWS:
        models.append(("boosting", boosting(info)))
    return models


def stack(info, granularity):
    """Return a stack of the models that suit a task.

    Parameters
    ----------
    info : TaskInfo
        The task.
    granularity : str
        As in ``QuantileStackingRegressor``.

    Returns
    -------
    estimator : estimator object
        With its own preprocessing, because experts want the features as they are.
    """
    model = resolve(f"{_OURS}:QuantileStackingRegressor")(
        base_models(info), quantiles=list(LEVELS), granularity=granularity, cv=3
    )
    if info.id == EXPERT_TASK:
        return model
    return Pipeline([("prepare", make_preprocessor(info)), ("model", model)])


def quantile_forest(info):
    """Return a quantile regression forest of the package quantile-forest."""
    from quantile_forest import RandomForestQuantileRegressor

    return RandomForestQuantileRegressor(n_estimators=100, min_samples_leaf=5)
