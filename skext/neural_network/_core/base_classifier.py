"""What the classifiers on the tabular net have in common."""

from abc import ABCMeta

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skext.neural_network._core.base import BaseTabularNet, torch_level
from skext.neural_network._core.calibration import (
    ScoreLink,
    fit_scale,
    log_probabilities,
    probabilities,
)
from skext.neural_network._core.hold_out import hold_out_classes
from skext.neural_network._core.rows import encode_labels
from skext.neural_network._core.scoring import HoldOutScore, best_class
from skext.utils._class_weights import class_factors
from skext.utils._labels import read_labels
from skext.utils._scaling import apply_scaler
from skext.utils._sklearn import fit_context

_LINKS = {"symlog": "symlog", "temperature": "logit"}


def _has_probabilities(self):
    return self.calibration is not None


def _as_they_are(scores):
    """Return scores of members, which the net links before it averages them."""
    return np.asarray(scores, dtype=np.float64)


class BaseNetClassifier(ClassifierMixin, BaseTabularNet, metaclass=ABCMeta):
    """Base of the classifiers: labels in, probabilities out."""

    _kept = (*BaseTabularNet._kept, "classes_", "calibration_scale_")

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the net.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Labels of two or more classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; a row without weight takes no part.
        groups : array-like of shape (n_samples,), default=None
            Labels of groups, e.g. patients, whose rows are alike: they are held out
            together for early stopping and calibration, or not at all.

        Returns
        -------
        self : estimator
            Fitted.
        """
        return self._fit(X, y, sample_weight, groups)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on rows, going on from where the last call stopped.

        Mean and scale of the features are those of the first call, the learning rate
        is constant, nothing is held out. After ``fit`` its net is trained on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call only.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : estimator
            Fitted.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all rows and cannot be used "
                "by partial_fit; pass the weights as a dict or as sample_weight."
            )
        if classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes)

    def _read_target(self, y):
        return read_labels(y)

    def _encode_target(self, y, classes, reset):
        check_classification_targets(y)
        if reset:
            self._set_classes(np.unique(y if classes is None else classes))
        elif classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"classes={np.asarray(classes).tolist()[:20]} are not those of the "
                f"first call, {self.classes_.tolist()[:20]}."
            )
        return encode_labels(y, self.classes_)

    def _set_classes(self, labels):
        """Learn the classes from the distinct labels."""
        if labels.size < 2:
            raise ValueError(
                f"y has 1 class, {labels.tolist()}; a classifier needs rows of at "
                "least 2 classes."
            )
        self.classes_ = labels

    def _weigh(self, rows):
        factors = class_factors(self.class_weight, rows.y, self.classes_, rows.weight)
        if factors is None:
            return rows
        weight = (
            factors[rows.y] if rows.weight is None else factors[rows.y] * rows.weight
        )
        return rows._replace(weight=weight).take(np.flatnonzero(weight))

    def _check_target(self, rows):
        present = np.unique(rows.y)
        if present.size < 2:
            raise ValueError(
                "y has rows of positive weight of class "
                f"{self.classes_[present].tolist()} only; give at least 2 classes."
            )

    def _hold_out(self, rows, rng, families):
        return hold_out_classes(rows.y, self.validation_fraction, rng, families)

    def _adapt(self, rows, whole):
        pass

    def _targets(self, y):
        return y.astype(np.int64)

    def _decode(self, targets):
        """Return the position of the class of each target of the net."""
        return targets.astype(np.int64)

    def _in_class_order(self, linked):
        """Return linked scores with a column for each of ``classes_``."""
        return linked

    def _n_columns(self):
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    def _loss_options(self):
        """Return the parameters of the loss that the constructor names."""
        return {}

    def _make_loss(self):
        level = torch_level("_registry.losses")
        return level.make_loss(
            self.loss,
            n_classes=len(self.classes_),
            n_outputs=self._n_columns(),
            multiclass=getattr(self, "multiclass", "pairwise"),
            params={**self._loss_options(), **(self.loss_params or {})},
        )

    def _score_options(self, criterion, members):
        natural = getattr(criterion, "link", "logit")
        link = _LINKS.get(self.calibration, natural)
        self._members = members
        self._link = ScoreLink(criterion, link, self._n_columns())
        self._first_scale = (
            float(getattr(criterion, "link_scale", 1.0)) if link == natural else 1.0
        )
        options = {
            "member_link": self._link.average,
            "n_classes": len(self.classes_),
            "record_train_score": self.scoring == "accuracy",
            "predict_fn": self._decide,
            "proba_fn": self._to_proba,
        }
        if self.scoring is not None:
            # Without a score the loss of the hold-out decides.
            options["score_fn"] = HoldOutScore(
                self.scoring,
                link=self._to_linked,
                classes=self.classes_,
                decode=self._decode,
            )
        return options

    def _calibrate(self, valid):
        vars(self).pop("calibration_scale_", None)
        if self.calibration is None:
            return
        self.calibration_scale_ = self._first_scale
        if valid is not None:
            table = apply_scaler(valid.X, self._scaler())
            linked = self._to_linked(self.net_.scores(table))
            self.calibration_scale_ = fit_scale(linked, valid.y, valid.weight)

    def _to_linked(self, scores):
        """Return linked scores, in the order of the classes, of those of the net."""
        linked = _as_they_are(scores) if self._members else self._link(scores)
        return self._in_class_order(linked)

    def _to_proba(self, scores):
        scale = getattr(self, "calibration_scale_", self._first_scale)
        return probabilities(self._to_linked(scores), scale)

    def _decide(self, scores):
        """Return the position of the predicted class of each row of scores."""
        if self.calibration is None:
            return best_class(self._to_linked(scores))
        return self._to_proba(scores).argmax(axis=1)

    def decision_function(self, X):
        """Return the scores of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes positive where the second one is predicted. The scores are
            those that the loss has seen; those of a net with several members are
            linked (see ``calibration``) and averaged.
        """
        check_is_fitted(self, "net_")
        return self._in_class_order(self._raw_scores(X))

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The most probable class of each row.
        """
        check_is_fitted(self, "net_")
        codes = self._decide(self._raw_scores(X))
        return self.classes_[codes]

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Return probabilities of the classes; absent where ``calibration=None``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self, "net_")
        return self._to_proba(self._raw_scores(X))

    @available_if(_has_probabilities)
    def predict_log_proba(self, X):
        """Return logarithms of probabilities; absent where ``calibration=None``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Finite even where a probability is too small for a number.
        """
        check_is_fitted(self, "net_")
        linked = self._to_linked(self._raw_scores(X))
        return log_probabilities(linked, self.calibration_scale_)
