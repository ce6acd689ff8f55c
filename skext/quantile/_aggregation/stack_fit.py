"""The fits behind a stack: base models on folds, weights, nested calibration."""

from numbers import Integral

import numpy as np
from joblib import Parallel, delayed

from skext.quantile._aggregation.aggregator import (
    SHARED_CONSTRAINTS,
    QuantileAggregator,
)
from skext.quantile._aggregation.base_models import (
    answer,
    collect_folds,
    collect_pairs,
    fit_base,
    pair_jobs,
    score,
)
from skext.quantile._regression.conformal import collect_scores, scores
from skext.quantile._regression.conformal_regressor import (
    make_folds,
    partition,
    split_rows,
)

_OF_AGGREGATOR = tuple(SHARED_CONSTRAINTS)


class StackFitMixin:
    """Private steps of ``QuantileStackingRegressor.fit``, with its parameters."""

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
        levels = self.quantiles_
        n, m, q = len(data.y), len(models), len(levels)
        if self.cv == "prefit":
            self.estimators_ = [model for _, model in models]
            Z = np.empty((n, m, q))
            for j, (name, model) in enumerate(models):
                Z[:, j] = answer(model, data.X, levels, name)
            seen = np.ones(n)
        else:
            Z, seen, fitted = self._cross_fit(data, models)
            if self.refit:
                jobs = [(name, model, data.positive()) for name, model in models]
                fitted = self._fit_all(data, jobs)
                self.estimators_ = [model for model, _ in fitted]
            else:
                self.estimators_ = fitted
        names = [name for name, _ in models]
        if self.cv != "prefit" and not self.refit:
            self.named_estimators_ = {
                name: [fold[j] for fold in self.estimators_]
                for j, name in enumerate(names)
            }
        else:
            self.named_estimators_ = dict(zip(names, self.estimators_, strict=True))
        rows = np.flatnonzero(seen)
        self._learn(Z, data, rows, names, seed)
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
        found = self._fit_all(data, jobs, keep=not self.refit)
        return collect_folds(found, folds, len(data.y), len(models))

    def _fit_all(self, data, jobs, keep=True):
        calls = (delayed(fit_base)(self.quantiles_, data, keep, *job) for job in jobs)
        return list(Parallel(n_jobs=self.n_jobs, prefer="threads")(calls))

    def _learn(self, Z, data, rows, names, seed):
        """Learn the weights from some rows, and score them."""
        aggregator = self._aggregator(seed)
        part = data.rows(rows)
        Z = Z if len(rows) == len(Z) else Z[rows]
        aggregator.fit(
            Z,
            part.y,
            X=part.X if self.local else None,
            sample_weight=part.weights,
            groups=part.groups if self.local else None,
        )
        self.aggregator_ = aggregator
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

    def _aggregator(self, seed):
        params = {name: getattr(self, name) for name in _OF_AGGREGATOR}
        params.update(quantiles=self.quantiles_, random_state=seed)
        return QuantileAggregator(**params)

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
        found = self._fit_all(data, jobs)
        Z, singles = collect_pairs(found, jobs, pairs, owner, len(self.quantiles_))
        self.estimators_ = singles
        names = [name for name, _ in models]
        self.named_estimators_ = {
            name: [fold[j] for fold in singles] for j, name in enumerate(names)
        }
        rows = np.arange(len(owner))
        oof = Z[owner, rows]
        self._learn(oof, data, rows, names, seed)
        if self.store_oof:
            self.oof_quantiles_ = oof
        self._outer, parts = [], []
        for k, test in enumerate(tests):
            inside = np.flatnonzero(owner != k)
            part = data.rows(inside)
            aggregator = self._aggregator(seed).fit(
                Z[k, inside],
                part.y,
                X=part.X if self.local else None,
                sample_weight=part.weights,
                groups=part.groups if self.local else None,
            )
            left = data.rows(test)
            Q = aggregator._combine(np.ascontiguousarray(Z[k, test]), left.X)
            parts.append(scores(Q, left.y, self.quantiles_, self.conformal_symmetric))
            self._outer.append(aggregator)
        self._scores = collect_scores(parts)
        self.conformity_scores_ = self._scores.E.T
