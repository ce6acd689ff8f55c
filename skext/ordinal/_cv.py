"""Choosing the strength of a penalty by cross-validation."""

import copy
import warnings
from functools import partial
from numbers import Integral
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)

from skext.ordinal._base import (
    GRID_CONSTRAINTS,
    BaseOrdinal,
    select_training_data,
    spread_path,
    warn_not_converged,
)
from skext.ordinal._solver.repair import crossing_rows
from skext.utils._ordinal_losses import (
    brier_losses,
    event_brier_losses,
    event_log_losses,
    log_losses,
    ranked_probability_losses,
)
from skext.utils._parallel import single_blas_thread
from skext.utils._random import fit_rng
from skext.utils._scoring import explained, with_labels
from skext.utils._sklearn import (
    StrOptions,
    check_method_params,
    raise_for_params,
    routing_enabled,
)
from skext.utils._warnings import warn_user


def _rare(losses):
    """Return losses of the question whether a row is of the last class."""

    def rare_losses(proba, truth):
        return losses(proba[:, -1], truth == proba.shape[1] - 1)

    return rare_losses


# Loss of each row from probabilities in the ordinal order, by the name of the metric.
LOSSES = {
    "brier": brier_losses,
    "log_loss": log_losses,
    "ranked_probability_score": ranked_probability_losses,
    "rare_class_log_loss": _rare(event_log_losses),
    "rare_class_brier": _rare(event_brier_losses),
}

CV_CONSTRAINTS: dict = {
    **GRID_CONSTRAINTS,
    "cv": ["cv_object"],
    "scoring": [StrOptions({*LOSSES, *get_scorer_names()}), callable],
    "selection": [StrOptions({"min", "1se"})],
    "n_jobs": [Integral, None],
    "random_state": ["random_state", np.random.Generator],
}


class Table(NamedTuple):
    """The rows to cross-validate on."""

    X: object
    """{ndarray, sparse matrix} of shape (n_samples, n_features)."""
    positions: np.ndarray
    """Ordinal positions of the classes, shape (n_samples,)."""
    order: object
    """The classes, a ``ClassOrder``."""
    weight: np.ndarray | None
    """Weights of the rows, shape (n_samples,)."""

    def select(self, rows):
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Table(self.X[rows], self.positions[rows], self.order, weight)


def choose(scores, selection, can_drop=False):
    """Return the index of the best strength.

    Parameters
    ----------
    scores : ndarray of shape (n_alphas, n_folds)
        Greater is better; strengths decrease.
    selection : {"min", "1se"}
        The best mean, or the largest strength that is within one standard error of it.
    can_drop : bool, default=False
        Whether folds without any score are left out, with a warning.

    Returns
    -------
    index : int
        The largest of equally good strengths.
    """
    undefined = np.isnan(scores).all(axis=0)
    if can_drop and undefined.any() and not undefined.all():
        warn_user(
            f"scoring gave NaN for every strength in {undefined.sum()} of "
            f"{undefined.size} folds, which are left out of the choice; use fewer "
            "folds, or another scoring."
        )
        scores = scores[:, ~undefined]
    mean = scores.mean(axis=1)
    if np.isnan(mean).all():
        raise ValueError(
            "scoring gave NaN for every strength in some fold; see scores_ with "
            "another scoring, fewer folds or crossing='isotonic'."
        )
    mean = np.where(np.isnan(mean), -np.inf, mean)
    best = int(mean.argmax())
    if selection == "min" or scores.shape[1] == 1:
        return best
    error = scores[best].std(ddof=1) / np.sqrt(scores.shape[1])
    return int(np.flatnonzero(mean >= mean[best] - error)[0])


def _score(model, scoring, test, params):
    """Score a fitted model on validated rows; greater is better."""
    if (
        model.crossing == "raise"
        and crossing_rows(model._finite_predictor(test.X)).size
    ):
        return np.nan
    if isinstance(scoring, str):
        losses = LOSSES[scoring](model._ordered_proba(test.X), test.positions)
        return -np.average(losses, weights=test.weight)
    labels = test.order.ordered[test.positions]
    return scoring(model, test.X, labels, **params)


def _ask(name, scorer, *args, **params):
    """Ask a scorer of scikit-learn, whose errors do not know the parameter."""
    with explained(name):
        return scorer(*args, **params)


def _score_fold(model, table, train, test, alphas, scoring, params):
    """Fit a path to some rows and score it on others."""
    model = copy.copy(model)
    rows = table.select(test)
    if rows.weight is not None and not rows.weight.any():
        raise ValueError(
            "cv has a fold whose test rows all have weight 0; use other folds."
        )
    # Last digits of matrix products depend on the number of threads.
    with single_blas_thread():
        data = select_training_data(*table.select(train), model.class_weight)
        path = model._solve(data, alphas=alphas)
        scores = np.empty(alphas.size)
        for index in range(alphas.size):
            model._publish(path, index, table.order, data.present)
            scores[index] = _score(model, scoring, rows, params)
    return scores, int(path.converged.size - path.converged.sum())


class BaseOrdinalCV(BaseOrdinal):
    """Cross-validation of an ordinal classifier; left of the class with its model."""

    def _fit_path(self, X, y, sample_weight, params):
        """Fit models for all strengths, and publish the one with the best score."""
        raise_for_params(params, self, "fit")
        table = Table(*self._check_training_set(X, y, sample_weight))
        routed = self._route(sample_weight, params)
        data = select_training_data(*table, self.class_weight)
        grid = {"alphas": self.alphas}
        if self.alphas is None:
            grid.update(n_alphas=self.n_alphas, eps=self.eps)
        path = self._solve(data, n_jobs=self.n_jobs, **grid)
        warn_not_converged(path, type(self).__name__, self.tol)
        folds = self._split(table, routed)
        self.scores_ = self._score_folds(table, folds, path.alphas, routed)
        best = choose(self.scores_, self.selection, self.crossing != "raise")
        self._warn_if_unbounded(path, best, data)
        self.alphas_ = path.alphas
        self.alpha_ = float(path.alphas[best])
        self.threshold_path_, self.coef_path_ = spread_path(
            path, data.present, table.order.ordered.size
        )
        return self._publish(path, best, table.order, data.present)

    def _route(self, sample_weight, params):
        """Return the arguments for the splitter and for the scorer."""
        if routing_enabled():
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            score = {} if self.scoring in LOSSES else routed.scorer.score
            return routed.splitter.split, score
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        return {}, given

    def _split(self, table, routed):
        """Return the folds as pairs of indices."""
        split_params, _ = routed
        n_folds = 5 if self.cv is None else self.cv
        rows = np.arange(table.positions.size)
        if table.weight is not None and (
            isinstance(n_folds, Integral) or hasattr(n_folds, "split")
        ):
            # Folds that are given as numbers of rows count all of them.
            rows = np.flatnonzero(table.weight)
        if not isinstance(n_folds, Integral):
            labels = table.order.ordered[table.positions[rows]]
            splitter = check_cv(n_folds, labels, classifier=True)
            params = check_method_params(table.X, split_params, indices=rows)
            found = splitter.split(table.X[rows], labels, **params)
            return [(rows[train], rows[test]) for train, test in found]
        labels, counts = np.unique(table.positions[rows], return_counts=True)
        small = table.order.ordered[labels[counts < n_folds]].tolist()
        if len(small) == labels.size:
            raise ValueError(
                f"cv={n_folds} must not be larger than the largest class, which has "
                f"{counts.max()} rows; use fewer folds."
            )
        if small:
            warn_user(
                f"The classes {small} have fewer rows than cv={n_folds} folds, so that "
                "some folds score without them; use fewer folds."
            )
        splitter = StratifiedKFold(
            n_folds, shuffle=True, random_state=fit_rng(self.random_state)
        )
        with warnings.catch_warnings():
            # Said above, with names.
            warnings.filterwarnings("ignore", "The least populated class")
            pairs = list(splitter.split(rows, table.positions[rows]))
        return [(rows[train], rows[test]) for train, test in pairs]

    def _score_folds(self, table, folds, alphas, routed):
        """Return scores of shape (n_alphas, n_folds)."""
        if not folds:
            raise ValueError(
                f"cv={self.cv!r} makes no folds; use an int or a splitter that does."
            )
        _, score_params = routed
        # Splitters may be generators, which do not travel to other processes.
        kept = {**self.get_params(deep=False), "cv": None, "scoring": "brier"}
        model = type(self)(**kept)
        model.n_features_in_ = self.n_features_in_
        scoring = self.scoring
        if scoring not in LOSSES:
            order = table.order
            scorer = with_labels(scoring, order.classes, order.ordered)
            named = isinstance(scoring, str)
            scoring = partial(_ask, scoring, scorer) if named else scorer
        with single_blas_thread():
            found = Parallel(n_jobs=self.n_jobs, prefer="threads")(
                delayed(_score_fold)(
                    model,
                    table,
                    train,
                    test,
                    alphas,
                    scoring,
                    check_method_params(table.X, score_params, indices=test),
                )
                for train, test in folds
            )
        missed = sum(n for _, n in found)
        if missed:
            warn_user(
                f"{type(self).__name__} did not converge in the folds for {missed} of "
                f"{alphas.size * len(folds)} models. Increase max_iter or tol; if the "
                "classes can be separated, use larger alphas.",
                ConvergenceWarning,
            )
        return np.column_stack([scores for scores, _ in found])

    def get_metadata_routing(self):
        """Tell which metadata the splitter and the scorer are given.

        Returns
        -------
        routing : MetadataRouter
            For ``fit``: to ``split`` of the splitter and to the scorer. The scorings
            of our own always use the weights.
        """
        router = (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                splitter=check_cv(5 if self.cv is None else self.cv, classifier=True),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )
        if self.scoring not in LOSSES:
            router.add(
                scorer=get_scorer(self.scoring),
                method_mapping=MethodMapping().add(caller="fit", callee="score"),
            )
        return router
