"""Stacking of quantile regressors."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.quantile._aggregation.aggregator import (
    SHARED_CONSTRAINTS,
    QuantileAggregator,
    check_options,
)
from skext.quantile._aggregation.base_models import (
    Data,
    answer,
    check_models,
    collect_folds,
    collect_pairs,
    fit_models,
    pair_jobs,
    score,
)
from skext.quantile._core.base import QuantilePredictorMixin
from skext.quantile._core.folds import make_folds, partition, split_rows
from skext.quantile._core.groups import check_groups
from skext.quantile._core.ties import Ties
from skext.quantile._core.training_rows import check_rows, check_table
from skext.quantile._regression.conformal import (
    check_symmetric,
    collect_scores,
    cross_shift,
    fit_shifts,
    nest,
    scores,
    shift,
    warn_if_infinite,
)
from skext.utils._quantiles.forms import allows, find_form
from skext.utils._quantiles.levels import check_levels
from skext.utils._random import fit_rng
from skext.utils._sklearn import (
    BaseComposition,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from skext.utils._warnings import warn_user


class QuantileStackingRegressor(QuantilePredictorMixin, SkextMixin, BaseComposition):
    """Stack quantile regressors of any library by optimal weights.

    Fits each base model on all folds but one to predict that one, learns how to
    combine the out-of-fold quantiles so that their pinball losses are smallest [1]_,
    and fits the base models again on all rows.

    Parameters
    ----------
    estimators : list of (str, estimator), default=None
        Base models with their names: anything that :func:`predict_quantiles` accepts;
        regressors with a parameter for one level are fitted for each. ``"drop"``
        leaves a model out. None is a linear quantile regression and scikit-learn's
        histogram gradient boosting.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    granularity : {"coarse", "medium", "fine", "average", "median", "qra", "fqra"}, \
            default="medium"
        What weights depend on: models; also the level; also the level that is put in.
        ``"average"`` and ``"median"`` of the models learn nothing, ``"qra"`` is
        quantile regression averaging, ``"fqra"`` the same on principal components.
    local : bool, default=False
        Whether weights depend on the features, through a neural network; needs the
        extra ``deep``.
    constraint : {"simplex", "nonneg", "affine", "free"}, default="simplex"
        Constraint of global weights, see :class:`QuantileAggregator`.
    fit_intercept : bool, default=False
        Whether to add constants to global weights.
    shrinkage : float, default=0.0
        Share of the plain average that is mixed into global weights.
    fine_bandwidth : int, default=None
        Distance in levels up to which ``"fine"`` mixes levels; None is any.
    n_components : int, default=2
        Number of principal components for ``"fqra"``.
    pool : {"quantile", "probability"}, default="quantile"
        Whether ``"average"`` is of quantiles or of probabilities.
    non_crossing : {"sort", "isotonic", "minmax"} or None, default="sort"
        How combined rows are put in order; see :func:`isotonize`.
    crossing_penalty : float, default=0.0
        Weight of the crossing penalty while local weights are learned.
    crossing_margin : float or "adaptive", default=0.0
        Distance between levels that the penalty asks for, see
        :class:`QuantileAggregator`.
    conformalize : {"cqr", "cv+"} or None, default=None
        Calibration of the intervals, see :class:`ConformalQuantileRegressor`: on rows
        that are kept back, or by nested cross-validation.
    symmetric : bool, default=True
        Whether both ends of an interval move by the same amount.
    calibration_size : float or int, default=0.2
        Share or number of rows for ``conformalize="cqr"``; about so many if there are
        groups.
    cv : int, splitter, iterable or "prefit", default=5
        Folds. Rows that are in no test fold are not used for the weights. An int stands
        for :class:`~sklearn.model_selection.GroupKFold` if there are groups.
        ``"prefit"``: the base models are fitted, and did not see the rows.
    refit : bool, default=True
        Whether to fit base models again on all rows; otherwise the mean of the models
        of all folds predicts.
    gate : callable or skorch.NeuralNet, default=None
        Network of one's own, see :class:`QuantileAggregator`.
    gate_params : dict, default=None
        Options of the network, see :class:`QuantileAggregator`.
    gate_transformer : transformer, default=None
        Turns the features into numbers for the network. None standardises numbers.
    device : str, default="auto"
        Device of the network; ``"auto"`` is a GPU where there is one.
    point : {"median", "mean"}, default="median"
        What ``predict`` returns.
    solver : {"auto", "ipm", "highs"}, default="auto"
        Solver for global weights.
    tol : float, default=1e-10
        Relative duality gap to stop at.
    max_iter : int, default=100
        Largest number of iterations of one interior-point solution.
    store_oof : bool, default=False
        Whether to keep the out-of-fold quantiles.
    n_jobs : int, default=None
        Number of joblib workers (threads by default) over models and folds, and of
        threads over levels. ``None`` means one unless in a
        :func:`joblib.parallel_config` context, ``-1`` means all cores.
    random_state : int, RandomState instance or None, default=None
        Seed of the network and of the calibration rows. Base models keep their own.

    Attributes
    ----------
    estimators_ : list of estimator objects
        Fitted base models, each a :class:`MultiQuantileRegressor`, or as given if
        prefit; one list for each fold if ``refit=False``.
    named_estimators_ : dict of str to estimator
        The same by name.
    aggregator_ : QuantileAggregator
        The fitted aggregation.
    weights_ : ndarray of shape (n_models,), (n_models, n_levels) or \
            (n_models, n_levels, n_levels)
        Global weights.
    intercept_ : ndarray of shape (n_levels,)
        Constants.
    duality_gap_ : ndarray of shape (n_blocks,)
        Certificates of the global weights.
    n_iter_ : ndarray of shape (n_blocks,) or int
        Iterations of the solver, or epochs of the network.
    quantiles_ : ndarray of shape (n_levels,)
        Levels.
    oof_scores_ : dict of str to float
        Weighted interval score (twice the mean pinball loss) of each base model and,
        as ``"aggregate"``, of the combination on the out-of-fold rows. The
        combination has seen them.
    relative_wis_ : dict of str to float
        The same relative to the combination.
    oof_quantiles_ : ndarray of shape (n_samples, n_models, n_levels)
        Out-of-fold quantiles, NaN where there are none; if ``store_oof``.
    conformity_scores_ : ndarray of shape (n_calibration, n_levels)
        Scores, if conformalized.
    shifts_ : ndarray of shape (n_levels,)
        How far each level moves outward, for ``conformalize="cqr"``.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    QuantileAggregator : The same for given predictions.
    ConformalQuantileRegressor : Calibrates any regressor.
    sklearn.ensemble.StackingRegressor : Stacks point predictions.

    Notes
    -----
    With K folds every base model is fitted K + 1 times, for ``conformalize="cv+"``
    K (K + 1) / 2 times: the combination for an outer fold is learned from models that
    saw neither that fold nor the row's; models without the outer fold predict.

    ``X`` is handed on to the base models untouched.

    References
    ----------
    .. [1] Rasool Fakoor, Taesup Kim, Jonas Mueller, Alexander J. Smola and Ryan J.
       Tibshirani, "Flexible Model Aggregation for Quantile Regression", Journal of
       Machine Learning Research 24, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import GradientBoostingRegressor
    >>> from skext.quantile import LinearQuantileRegressor, QuantileStackingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> boosting = GradientBoostingRegressor(n_estimators=20, random_state=0)
    >>> model = QuantileStackingRegressor(
    ...     [("linear", LinearQuantileRegressor()), ("boosting", boosting)],
    ...     quantiles=[0.1, 0.5, 0.9],
    ... ).fit(X, y)
    >>> model.weights_.shape, model.predict_quantiles(X[:5]).shape
    ((2, 3), (5, 3))
    >>> bool(model.duality_gap_.max() < 1e-9)
    True
    """

    _parameter_constraints: dict = {
        "estimators": [list, None],
        **SHARED_CONSTRAINTS,
        "conformalize": [StrOptions({"cqr", "cv+"}), None],
        "symmetric": ["boolean"],
        "calibration_size": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
        ],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "refit": ["boolean"],
        "store_oof": ["boolean"],
    }

    def __init__(
        self,
        estimators=None,
        *,
        quantiles=None,
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
        conformalize=None,
        symmetric=True,
        calibration_size=0.2,
        cv=5,
        refit=True,
        gate=None,
        gate_params=None,
        gate_transformer=None,
        device="auto",
        point="median",
        solver="auto",
        tol=1e-10,
        max_iter=100,
        store_oof=False,
        n_jobs=None,
        random_state=None,
    ):
        self.estimators = estimators
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
        self.conformalize = conformalize
        self.symmetric = symmetric
        self.calibration_size = calibration_size
        self.cv = cv
        self.refit = refit
        self.gate = gate
        self.gate_params = gate_params
        self.gate_transformer = gate_transformer
        self.device = device
        self.point = point
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.store_oof = store_oof
        self.n_jobs = n_jobs
        self.random_state = random_state

    def get_params(self, deep=True):
        """Get parameters, with those of the base models.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the base models by name and their parameters.

        Returns
        -------
        params : dict
            Names and values.
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params):
        """Set parameters, also of base models, or a base model by its name.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : object
            The estimator.
        """
        self._set_params("estimators", **params)
        return self

    def _base_models(self):
        kept = check_models(self.estimators)
        if self.estimators is not None:
            self._validate_names([name for name, _ in self.estimators])
        return kept

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit base models and weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, handed on to the base models.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows for the pinball losses and for base models that take
            them. Rows of weight zero do not count.
        groups : array-like of shape (n_samples,), default=None
            Labels of rows that belong together: no group is in two folds, and whole
            groups are kept back for calibration and by the network of local weights.
            Also handed on to searches among the base models.

        Returns
        -------
        self : object
            The fitted stack.
        """
        X, y = check_table(self, X, y)
        check_options(self)
        levels = check_levels(self.quantiles)
        if self.conformalize is not None:
            check_symmetric(levels, self.symmetric)
        models = self._base_models()
        for name, model in models:
            find_form(model, name)
        weights = None
        if sample_weight is not None:
            weights = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            positive = weights[weights > 0]
            if self.conformalize and not (positive == positive[0]).all():
                warn_user(
                    "sample_weight is used to fit but not to calibrate: coverage is "
                    "that of unweighted rows."
                )
        self.quantiles_ = levels
        rng = fit_rng(self.random_state)
        # Only a network needs a seed: do not move a global stream for nothing.
        seed = rng.randint(np.iinfo(np.int32).max) if self.local else 0
        data = Data(X, y, weights, check_groups(groups, y))
        self._ties = Ties.of(y if weights is None else y[weights > 0])
        self.shifts_ = None
        if self.conformalize == "cqr":
            data, rest = self._keep_back(data, rng)
        if self.conformalize == "cv+":
            self._fit_nested(data, models, seed)
        else:
            self._fit_stack(data, models, seed)
        if self.conformalize == "cqr":
            Q = self._raw_levels(rest.X)
            E = scores(Q, rest.y, levels, self.symmetric)
            self.conformity_scores_ = E
            self.shifts_ = fit_shifts(E, levels, self.symmetric)
        if self.conformalize is not None:
            n = len(self.conformity_scores_)
            warn_if_infinite(levels, self.symmetric, n)
        return self

    def _keep_back(self, data, rng):
        positive = data.positive()
        if len(positive) < 2:
            raise ValueError(
                f"n_samples={len(positive)} is too few: calibration needs two rows."
            )
        groups = None if data.groups is None else data.groups[positive]
        train, rest = split_rows(len(positive), self.calibration_size, rng, groups)
        return data.rows(positive[train]), data.rows(positive[rest])

    def _folds(self, data):
        """Split rows; weights of zero do not fill folds of our own making."""
        if not isinstance(self.cv, Integral) and self.cv is not None:
            return make_folds(self.cv, data.X, data.y, data.groups)
        rows = data.positive()
        part = data.rows(rows)
        folds = make_folds(self.cv, part.X, part.y, part.groups)
        return [(rows[train], rows[test]) for train, test in folds]

    def _fit_stack(self, data, models, seed):
        names = [name for name, _ in models]
        if self.cv == "prefit":
            self.estimators_ = [model for _, model in models]
            Z = self._ask_models(self.estimators_, names, data.X)
            seen = np.ones(len(data.y))
        else:
            Z, seen, self.estimators_ = self._cross_fit(data, models)
            if self.refit:
                jobs = [(name, model, data.positive()) for name, model in models]
                fitted = fit_models(self.quantiles_, data, jobs, self.n_jobs)
                self.estimators_ = [model for model, _ in fitted]
        self._learn(Z, data, np.flatnonzero(seen), names, seed)
        if self.store_oof:
            Z[seen == 0] = np.nan
            self.oof_quantiles_ = Z

    def _cross_fit(self, data, models):
        """Predict every fold by models that did not see it."""
        folds = self._folds(data)
        jobs = [
            (name, model, train, test)
            for train, test in folds
            for name, model in models
        ]
        found = fit_models(
            self.quantiles_, data, jobs, self.n_jobs, keep=not self.refit
        )
        return collect_folds(found, folds, len(data.y), len(models))

    def _learn(self, Z, data, rows, names, seed):
        """Learn the weights from some rows, and score them."""
        by_model = self.estimators_
        if isinstance(by_model[0], list):
            by_model = list(map(list, zip(*by_model, strict=True)))
        self.named_estimators_ = dict(zip(names, by_model, strict=True))
        part = data.rows(rows)
        Z = Z if len(rows) == len(Z) else Z[rows]
        self.aggregator_ = aggregator = self._aggregate(Z, part, seed)
        for key in ("weights_", "intercept_", "duality_gap_", "n_iter_"):
            if hasattr(aggregator, key):
                setattr(self, key, getattr(aggregator, key))
            elif hasattr(self, key):
                delattr(self, key)
        combined = aggregator._combine(Z, part.X)
        self.oof_scores_ = {
            name: score(Z[:, j], part, self.quantiles_) for j, name in enumerate(names)
        }
        self.oof_scores_["aggregate"] = score(combined, part, self.quantiles_)
        # A perfect combination is as good as a perfect model.
        own = self.oof_scores_["aggregate"] or np.finfo(np.float64).tiny
        self.relative_wis_ = {
            name: (value or np.finfo(np.float64).tiny) / own
            for name, value in self.oof_scores_.items()
        }

    def _aggregate(self, Z, data, seed):
        """Fit an aggregator with the parameters that it shares with the stack."""
        params = {name: getattr(self, name) for name in SHARED_CONSTRAINTS}
        params.update(quantiles=self.quantiles_, random_state=seed)
        return QuantileAggregator(**params).fit(
            Z,
            data.y,
            X=data.X if self.local else None,
            sample_weight=data.weights,
            groups=data.groups if self.local else None,
        )

    def _fit_nested(self, data, models, seed):
        """Fit for CV+: models without one and without two folds."""
        if self.cv == "prefit":
            raise ValueError(
                "conformalize='cv+' fits base models and cannot use cv='prefit'; use "
                "conformalize='cqr'."
            )
        kept = data.positive()
        folds = partition(self.cv, data.X, data.y, data.groups, kept=kept, least=3)
        data = data.rows(kept)
        tests = [test for _, test in folds]
        owner = np.empty(len(data.y), dtype=np.intp)
        for k, test in enumerate(tests):
            owner[test] = k
        jobs, pairs = pair_jobs(models, owner, len(tests))
        found = fit_models(self.quantiles_, data, jobs, self.n_jobs)
        Z, singles = collect_pairs(found, jobs, pairs, owner, len(self.quantiles_))
        self.estimators_ = singles
        names = [name for name, _ in models]
        rows = np.arange(len(owner))
        oof = Z[owner, rows]
        self._learn(oof, data, rows, names, seed)
        if self.store_oof:
            self.oof_quantiles_ = oof
        self._outer, parts = [], []
        for k, test in enumerate(tests):
            inside = np.flatnonzero(owner != k)
            aggregator = self._aggregate(Z[k, inside], data.rows(inside), seed)
            left = data.rows(test)
            Q = aggregator._combine(np.ascontiguousarray(Z[k, test]), left.X)
            parts.append(scores(Q, left.y, self.quantiles_, self.symmetric))
            self._outer.append(aggregator)
        self._scores = collect_scores(parts)
        self.conformity_scores_ = self._scores.E.T

    def base_quantiles(self, X):
        """Predict the quantiles of all base models.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_models, n_levels)
            What is combined; with ``refit=False`` the mean over folds.
        """
        check_is_fitted(self)
        check_rows(self, X)
        names = list(self.named_estimators_)
        if isinstance(self.estimators_[0], list):
            folds = [self._ask_models(fold, names, X) for fold in self.estimators_]
            return np.mean(folds, axis=0)
        return self._ask_models(self.estimators_, names, X)

    def _ask_models(self, models, names, X):
        levels = self.quantiles_
        columns = [
            answer(model, X, levels, name)
            for name, model in zip(names, models, strict=True)
        ]
        return np.stack(columns, axis=1)

    def _raw_levels(self, X):
        return self.aggregator_._combine(self.base_quantiles(X), X)

    def _predict_levels(self, X):
        if self.conformalize != "cv+":
            Q = self._raw_levels(X)
            if self.shifts_ is not None:
                Q = shift(Q, self.shifts_, self.quantiles_)
            return self._ties.snap(Q)
        Q = self._fold_levels(X)
        found = cross_shift(
            Q, self._scores, self.quantiles_, self.symmetric, self.n_jobs
        )
        return self._ties.snap(nest(found, self.quantiles_))

    def _own_levels(self, X):
        if self.conformalize != "cv+":
            return self._raw_levels(X)
        return self._fold_levels(X).mean(axis=0)

    def _fold_levels(self, X):
        """Quantiles of the combination that left each fold out."""
        check_rows(self, X)
        names = list(self.named_estimators_)
        return np.stack(
            [
                aggregator._combine(self._ask_models(models, names, X), X)
                for aggregator, models in zip(
                    self._outer, self.estimators_, strict=True
                )
            ]
        )

    def predict_weights(self, X):
        """Predict the weights of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        weights : ndarray of shape (n_samples, n_models), \
                (n_samples, n_models, n_levels) or \
                (n_samples, n_models, n_levels, n_levels)
            Local weights, or the global ones for every row.
        """
        check_is_fitted(self)
        check_rows(self, X)
        return self.aggregator_.predict_weights(X)

    def get_metadata_routing(self):
        """Get the routing of metadata.

        Returns
        -------
        routing : MetadataRouter
            Own requests and those of the base models' ``fit``.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        for name, model in self._base_models():
            router.add(
                **{name: model},
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        try:
            models = [model for _, model in self._base_models()]
        except (TypeError, ValueError):
            return tags
        for tag in ("allow_nan", "sparse"):
            every = all(allows(model, tag) for model in models) and not self.local
            setattr(tags.input_tags, tag, every)
        return tags
