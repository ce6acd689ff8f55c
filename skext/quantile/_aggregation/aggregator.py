"""Aggregation of given quantile predictions."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.quantile._aggregation.combine_rows import (
    mix,
    plain_average,
    pool_probabilities,
)
from skext.quantile._aggregation.principal_components import find_factors
from skext.quantile._core.base import QuantilePredictorMixin, refuse_dates
from skext.quantile._core.crossing import NON_CROSSING, uncross
from skext.quantile._core.groups import check_groups, group_codes
from skext.quantile._core.ties import Ties
from skext.quantile._gate.gate import fit_gate
from skext.quantile._solver.blocks import CONSTRAINTS
from skext.quantile._solver.global_weights import fit_global
from skext.utils._columns import library_of
from skext.utils._quantiles.forms import count_rows
from skext.utils._quantiles.levels import check_levels, default_levels
from skext.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from skext.utils._tables import validate_table

LEARNED = ("coarse", "medium", "fine")
GRANULARITIES = (*LEARNED, "average", "median", "qra", "fqra")

# Constraints of what the aggregator and the stack have in common.
SHARED_CONSTRAINTS: dict = {
    "quantiles": ["array-like", None],
    "granularity": [StrOptions(set(GRANULARITIES))],
    "local": ["boolean"],
    "constraint": [StrOptions(set(CONSTRAINTS))],
    "fit_intercept": ["boolean"],
    "shrinkage": [Interval(Real, 0, 1, closed="both")],
    "fine_bandwidth": [Interval(Integral, 0, None, closed="left"), None],
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "pool": [StrOptions({"quantile", "probability"})],
    "non_crossing": [StrOptions(set(NON_CROSSING)), None],
    "crossing_penalty": [Interval(Real, 0, None, closed="left")],
    "crossing_margin": [
        Interval(Real, 0, None, closed="left"),
        StrOptions({"adaptive"}),
    ],
    "gate": [callable, HasMethods(["fit", "predict"]), None],
    "gate_params": [dict, None],
    "gate_transformer": [HasMethods(["fit", "transform"]), None],
    "device": [str],
    "point": [StrOptions({"median", "mean"})],
    "solver": [StrOptions({"auto", "ipm", "highs"})],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
}

# What is fitted by some granularities only.
_FITTED = "weights_ duality_gap_ objective_ n_iter_ gate_ history_".split()


class QuantileAggregator(QuantilePredictorMixin, SkextMixin, BaseEstimator):
    r"""Combine quantile predictions of several models by optimal weights.

    For predictions :math:`z_{ijk}` of row i, model j and level :math:`\tau_k` it
    minimises the sum of pinball losses of the combined quantiles [1]_,

    .. math::

        g_k(x_i) = \sum_j w_j z_{ijk}, \qquad \sum_j w_{jk} z_{ijk}
        \quad \text{or} \quad \sum_j \sum_l w_{jlk} z_{ijl},

    named coarse, medium and fine. Global weights are optimal, with a certificate;
    local ones are functions of the features, learned by a neural network.

    Parameters
    ----------
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels of the predictions. None is 0.05, 0.10, ..., 0.95, or the
        median for predictions of a single level.
    granularity : str, default="medium"
        What weights depend on: models, for ``"coarse"``; also the level, for
        ``"medium"``; also the level that is put in, for ``"fine"``. ``"average"`` and
        ``"median"`` of the models learn nothing, ``"qra"`` is quantile regression
        averaging: free weights and a constant for each level; ``"fqra"`` is the same
        on the leading principal components of the predictions of each level [2]_.
    local : bool, default=False
        Whether weights depend on the features; needs the extra ``deep``.
    constraint : {"simplex", "nonneg", "affine", "free"}, default="simplex"
        Global weights are not negative and sum to one, are not negative, sum to one,
        or are free.
    fit_intercept : bool, default=False
        Whether to add constants to global weights: one for each level, or a common
        one if coarse.
    shrinkage : float, default=0.0
        Share of the plain average that is mixed into global weights.
    fine_bandwidth : int, default=None
        Distance in levels up to which ``"fine"`` mixes levels; None is any.
    n_components : int, default=2
        Number of principal components for ``"fqra"``.
    pool : {"quantile", "probability"}, default="quantile"
        Whether ``"average"`` is of quantiles or of probabilities: then the combined
        distribution is the mixture of those of the models. It is wider; other
        granularities have no such form.
    non_crossing : {"sort", "isotonic", "minmax"} or None, default="sort"
        How combined rows are put in order; see :func:`isotonize`.
    crossing_penalty : float, default=0.0
        Weight of the crossing penalty while local weights are learned.
    crossing_margin : float or "adaptive", default=0.0
        Distance between levels that the penalty asks for, in standard deviations of
        the target. ``"adaptive"`` takes the share ``margin_scale`` of the distance of
        the quantiles of the residuals of the median model.
    gate : callable or skorch.NeuralNet, default=None
        Network of one's own: ``gate(n_features, n_outputs)`` returns a module of torch
        that turns a batch of shape (n_rows, n_features) into one of shape (n_rows,
        n_outputs), from which the weights are made by a softmax; the class of a module
        will do. Of a net, its module is called in this way, and its optimiser, batch
        size, epochs and callbacks are used instead of those of ``gate_params``.
    gate_params : dict, default=None
        Options of the network: ``hidden_layer_sizes`` ((64, 64)), ``dropout`` (0.05),
        ``learning_rate_init`` (1e-3), ``weight_decay`` (1e-7), ``batch_size``
        ("auto"), ``max_epochs`` (200), ``n_iter_no_change`` (20),
        ``validation_fraction`` (0.15), ``n_ensemble`` (1), ``start_at_global`` (True),
        ``margin_scale`` (0.05).
    gate_transformer : transformer, default=None
        Turns the features into numbers for the network. None standardises numbers.
    device : str, default="auto"
        Device of the network; ``"auto"`` is a GPU where there is one.
    point : {"median", "mean"}, default="median"
        What ``predict`` returns.
    solver : {"auto", "ipm", "highs"}, default="auto"
        Solver for global weights: our interior-point method or the dual linear program
        by HiGHS. ``"auto"`` is the former, and the latter where that stalls on a small
        table.
    tol : float, default=1e-10
        Relative duality gap to stop at.
    max_iter : int, default=100
        Largest number of iterations of one interior-point solution.
    n_jobs : int, default=None
        Number of threads over levels. ``None`` means one unless in a
        :func:`joblib.parallel_config` context, ``-1`` means all cores.
    random_state : int, RandomState instance or None, default=None
        Seed of the network; global weights are deterministic.

    Attributes
    ----------
    weights_ : ndarray of shape (n_models, ...)
        Global weights: coarse, one for each model; medium, by level as well; fine, by
        input and output level. Those of
        ``"average"`` are equal. Where local, the global weights that training
        started from. Not set by ``"median"``.
    intercept_ : ndarray of shape (n_levels,)
        Constants.
    duality_gap_ : ndarray of shape (n_blocks,)
        Certificates of the global weights: difference between the loss and a lower
        bound, relative to the loss; one number if coarse, else one for each level.
    objective_ : ndarray of shape (n_blocks,)
        Weighted sums of the pinball losses before shrinkage.
    n_iter_ : ndarray of shape (n_blocks,) or int
        Iterations, or epochs of the network.
    gate_ : object
        The networks, if local.
    history_ : dict of ndarray of shape (n_epochs,)
        If local, ``train_loss`` and ``valid_loss`` of each epoch, and its number
        ``epoch`` in the network ``member``.
    quantiles_ : ndarray of shape (n_levels,)
        Levels.
    n_features_in_ : int
        Number of models.
    feature_names_in_ : ndarray of shape (n_models,)
        Names of the models, if the predictions of one level had string column names.

    See Also
    --------
    QuantileStackingRegressor : Also fits the models, out of fold.

    Notes
    -----
    Predictions must come from models that did not see the rows; else the weights
    favour the model that overfits most.

    Global weights are found by an interior-point method with preprocessing and column
    generation; predictions of float32 are not copied to float64 as a whole. Where
    optimal weights are not unique, e.g. for duplicated models, the solution tends to
    the centre of the optimal ones, so that duplicates share their weight.

    References
    ----------
    .. [1] Rasool Fakoor, Taesup Kim, Jonas Mueller, Alexander J. Smola and Ryan J.
       Tibshirani, "Flexible Model Aggregation for Quantile Regression", Journal of
       Machine Learning Research 24, 2023.
    .. [2] Katarzyna Maciejowska, Jakub Nowotarski and Rafal Weron, "Probabilistic
       Forecasting of Electricity Spot Prices Using Factor Quantile Regression
       Averaging", International Journal of Forecasting 32, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from skext.quantile import QuantileAggregator
    >>> rng = np.random.RandomState(0)
    >>> center, levels = rng.normal(size=500), np.array([0.1, 0.5, 0.9])
    >>> y = center + rng.normal(size=500)
    >>> good = center[:, None] + norm.ppf(levels)
    >>> Z = np.stack([good, np.zeros((500, 3)) + norm.ppf(levels)], axis=1)
    >>> model = QuantileAggregator(quantiles=levels).fit(Z, y)
    >>> model.weights_.round(1)
    array([[1., 1., 1.],
           [0., 0., 0.]])
    >>> model.predict_quantiles(Z).shape
    (500, 3)
    """

    _parameter_constraints: dict = SHARED_CONSTRAINTS

    def __init__(
        self,
        quantiles=None,
        *,
        granularity="medium",
        local=False,
        constraint="simplex",
        fit_intercept=False,
        shrinkage=0.0,
        fine_bandwidth=None,
        n_components=2,
        pool="quantile",
        non_crossing="sort",
        crossing_penalty=0.0,
        crossing_margin=0.0,
        gate=None,
        gate_params=None,
        gate_transformer=None,
        device="auto",
        point="median",
        solver="auto",
        tol=1e-10,
        max_iter=100,
        n_jobs=None,
        random_state=None,
    ):
        self.quantiles = quantiles
        self.granularity = granularity
        self.local = local
        self.constraint = constraint
        self.fit_intercept = fit_intercept
        self.shrinkage = shrinkage
        self.fine_bandwidth = fine_bandwidth
        self.n_components = n_components
        self.pool = pool
        self.non_crossing = non_crossing
        self.crossing_penalty = crossing_penalty
        self.crossing_margin = crossing_margin
        self.gate = gate
        self.gate_params = gate_params
        self.gate_transformer = gate_transformer
        self.device = device
        self.point = point
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, Z, y, X=None, sample_weight=None, groups=None):
        """Learn the weights.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_models, n_levels) or (n_samples, n_models)
            Out-of-fold predictions; two dimensions for a single level.
        y : array-like of shape (n_samples,)
            Target.
        X : array-like of shape (n_samples, n_features), default=None
            Features; only local weights need them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A weight of two is the same as the row twice.
        groups : array-like of shape (n_samples,), default=None
            Labels of rows that belong together: the network of local weights keeps
            whole groups back. Global weights keep nothing back.

        Returns
        -------
        self : object
            The fitted aggregator.
        """
        check_options(self)
        refuse_dates(y)
        Z, y = validate_table(
            self,
            _dense(Z),
            y,
            allow_nd=True,
            dtype=[np.float64, np.float32],
            y_numeric=True,
        )
        levels, Z = self._levels_of(Z)
        y = np.asarray(y, dtype=np.float64)
        groups = group_codes(check_groups(groups, y))
        s = check_sample_weight(
            sample_weight, Z, dtype=np.float64, ensure_non_negative=True
        )
        self._forget()
        self._ties = Ties.of(y[s > 0])
        n_models, n_levels = Z.shape[1:]
        if self.pool == "probability" and n_levels < 2:
            raise ValueError(
                f"quantiles={levels.tolist()} is one level; pool='probability' needs "
                "two at least to make distributions."
            )
        self.quantiles_, self.intercept_ = levels, np.zeros(n_levels)
        if self.granularity == "average":
            self.weights_ = np.full((n_models, n_levels), 1.0 / n_models)
        elif self.granularity != "median":
            self._fit_global(Z, y, s)
        if self.local:
            self._fit_gate(Z, y, X, s, groups)
        return self

    def _forget(self):
        """Drop what another granularity may have left from an earlier fit."""
        for name in _FITTED:
            if hasattr(self, name):
                delattr(self, name)

    def _levels_of(self, Z):
        if Z.ndim == 2:
            Z = Z[:, :, np.newaxis]
        if Z.ndim != 3:
            raise ValueError(
                f"Z has {Z.ndim} dimensions; give 2 or 3: rows, models, levels."
            )
        if self.quantiles is None:
            levels = np.array([0.5]) if Z.shape[2] == 1 else default_levels()
        else:
            levels = check_levels(self.quantiles)
        if len(levels) != Z.shape[2]:
            raise ValueError(
                f"Z has predictions of {Z.shape[2]} levels, but quantiles="
                f"{levels.tolist()}; give one level for each along the last axis of Z."
            )
        return levels, Z

    def _fit_global(self, Z, y, s):
        qra = self.granularity in ("qra", "fqra")
        factors = None
        if self.granularity == "fqra":
            factors = find_factors(Z, s, self.n_components)
        found = fit_global(
            Z if factors is None else factors.scores(Z),
            y,
            self.quantiles_,
            "medium" if qra else self.granularity,
            constraint="free" if qra else self.constraint,
            fit_intercept=qra or self.fit_intercept,
            sample_weight=s,
            bandwidth=self.fine_bandwidth,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            n_jobs=self.n_jobs,
        )
        if factors is not None:
            found = factors.back(found)
        keep = 1.0 - self.shrinkage
        self.weights_ = keep * found.weights
        if self.shrinkage:
            self.weights_ += self.shrinkage * plain_average(found.weights)
        self.intercept_ = keep * found.intercept
        self.duality_gap_, self.objective_ = found.gap, found.loss
        self.n_iter_ = np.maximum(found.n_iter, 1)

    def _fit_gate(self, Z, y, X, s, groups):
        if X is None:
            raise ValueError("local=True needs the features: pass X to fit.")
        self.gate_ = fit_gate(self, Z, y, X, s, groups)
        self.history_ = self.gate_.history
        self.n_iter_ = self.gate_.n_epochs

    def predict_weights(self, X):
        """Predict the weights of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features, as given to ``fit``.

        Returns
        -------
        weights : ndarray of shape (n_samples, n_models), \
                (n_samples, n_models, n_levels) or \
                (n_samples, n_models, n_levels, n_levels)
            Local weights, or the global ones for every row.
        """
        check_is_fitted(self)
        if self.local:
            return self.gate_.weights(X)
        if not hasattr(self, "weights_"):
            raise ValueError("granularity='median' has no weights.")
        shape = (count_rows(X), *self.weights_.shape)
        return np.broadcast_to(self.weights_, shape).copy()

    def predict(self, Z, quantiles=None, X=None):
        """Predict the median, or the given quantiles.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_models, n_levels) or (n_samples, n_models)
            Predictions of the models.
        quantiles : array-like of shape (n_quantiles,), default=None
            Levels. None predicts one number for each row.
        X : array-like of shape (n_samples, n_features), default=None
            Features; only local weights need them.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_quantiles)
            Median (or mean), or one column for each of ``quantiles``.
        """
        return super().predict(_Pair.of(Z, X), quantiles)

    def predict_quantiles(self, Z, quantiles=None, extrapolate=None, X=None):
        """Predict quantiles.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_models, n_levels) or (n_samples, n_models)
            Predictions of the models.
        quantiles : array-like of shape (n_quantiles,), default=None
            Increasing levels; None is ``quantiles_``. Others are interpolated.
        extrapolate : {"gaussian", "exponential"}, default=None
            How to go beyond the fitted levels; None refuses to.
        X : array-like of shape (n_samples, n_features), default=None
            Features; only local weights need them.

        Returns
        -------
        Q : ndarray of shape (n_samples, n_quantiles)
            One column for each level.
        """
        return super().predict_quantiles(_Pair.of(Z, X), quantiles, extrapolate)

    def predict_interval(self, Z, coverage=0.9, extrapolate=None, X=None):
        """Predict central intervals.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_models, n_levels) or (n_samples, n_models)
            Predictions of the models.
        coverage : float, default=0.9
            Probability between the two ends.
        extrapolate : {"gaussian", "exponential"}, default=None
            How to go beyond the fitted levels; None refuses to.
        X : array-like of shape (n_samples, n_features), default=None
            Features; only local weights need them.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2)
            Lower and upper ends.
        """
        return super().predict_interval(_Pair.of(Z, X), coverage, extrapolate)

    def predict_cdf(self, Z, y, X=None):
        """Predict the probability of at most a given value.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_models, n_levels) or (n_samples, n_models)
            Predictions of the models.
        y : float or array-like of shape (n_samples,)
            Value of each row.
        X : array-like of shape (n_samples, n_features), default=None
            Features; only local weights need them.

        Returns
        -------
        cdf : ndarray of shape (n_samples,)
            Distribution function, interpolated between the quantiles; 0 below the
            lowest and 1 above the highest.
        """
        return super().predict_cdf(_Pair.of(Z, X), y)

    def sample(self, Z, n_samples=1, random_state=None, X=None):
        """Draw from the predicted distributions.

        Parameters
        ----------
        Z : array-like of shape (n_rows, n_models, n_levels) or (n_rows, n_models)
            Predictions of the models.
        n_samples : int, default=1
            Draws for each row.
        random_state : int, RandomState instance or None, default=None
            Source of randomness.
        X : array-like of shape (n_rows, n_features), default=None
            Features; only local weights need them.

        Returns
        -------
        draws : ndarray of shape (n_rows, n_samples)
            Draws by inverting the interpolated quantiles; beyond the outermost levels
            they are the outermost quantiles.
        """
        return super().sample(_Pair.of(Z, X), n_samples, random_state)

    def _predict_levels(self, pair):
        pair = _Pair.of(pair)
        Z = validate_table(
            self,
            _dense(pair.Z),
            reset=False,
            allow_nd=True,
            dtype=[np.float64, np.float32],
        )
        Z = Z[:, :, np.newaxis] if Z.ndim == 2 else Z
        if Z.ndim != 3 or Z.shape[2] != len(self.quantiles_):
            raise ValueError(
                f"Z has the shape {Z.shape}, expected predictions of "
                f"{len(self.quantiles_)} levels along the last of three axes."
            )
        if self.local and pair.X is None:
            raise ValueError("Local weights need the features: pass X to predict.")
        return self._combine(Z, pair.X)

    def _combine(self, Z, X):
        """Combine checked predictions; the caller guarantees their shape."""
        if self.local:
            Q = self.gate_.combine(Z, X)
        elif self.granularity == "median":
            Q = np.median(np.asarray(Z, dtype=np.float64), axis=1)
        elif self.pool == "probability":
            Q = pool_probabilities(Z, self.quantiles_, self.n_jobs)
            return self._ties.snap(Q)
        else:
            Q = mix(Z, self.weights_, self.intercept_, self.n_jobs)
        center = int(np.abs(self.quantiles_ - 0.5).argmin())
        return self._ties.snap(uncross(Q, self.non_crossing, center, self.n_jobs))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class _Pair:
    """Predictions and features on their way through the shared methods."""

    def __init__(self, Z, X=None):
        self.Z, self.X = Z, X

    @classmethod
    def of(cls, Z, X=None):
        return Z if isinstance(Z, cls) else cls(Z, X)


def _dense(Z):
    """Return the values of a frame of sparse columns; anything else as it is."""
    is_sparse = library_of(Z) == "pandas" and hasattr(Z, "sparse")
    return Z.sparse.to_dense() if is_sparse and Z.ndim == 2 else Z


def check_options(estimator):
    """Refuse combinations of options that mean nothing."""
    if estimator.local and estimator.granularity not in LEARNED:
        raise ValueError(
            f"granularity={estimator.granularity!r} has no local weights; local=True "
            "needs granularity 'coarse', 'medium' or 'fine'."
        )
    if estimator.local and (
        estimator.constraint != "simplex" or estimator.fit_intercept
    ):
        raise ValueError(
            "Local weights are a softmax: they need constraint='simplex' and "
            f"fit_intercept=False, not constraint={estimator.constraint!r} and "
            f"fit_intercept={estimator.fit_intercept!r}."
        )
    if estimator.pool == "probability" and estimator.granularity != "average":
        raise ValueError(
            "pool='probability' mixes the models in equal parts: it needs "
            f"granularity='average', not {estimator.granularity!r}."
        )
    if estimator.gate is not None and not estimator.local:
        raise ValueError("gate is the network of local weights: it needs local=True.")
    if estimator.crossing_penalty > 0 and not estimator.local:
        raise ValueError(
            f"crossing_penalty={estimator.crossing_penalty} needs local=True; global "
            "quantiles are put in order by non_crossing, which never costs anything."
        )
