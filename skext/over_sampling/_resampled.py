"""A classifier that learns from resampled data and knows about it."""

from inspect import signature

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import (
    check_consistent_length,
    column_or_1d,
    get_tags,
)
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from skext.base import SkextMixin
from skext.utils._columns import categories_of, library_of
from skext.utils._labels import read_labels
from skext.utils._random import fit_rng, seed_parts
from skext.utils._sklearn import (
    HasMethods,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from skext.utils._tables import explain_columns, refuse_columns, take_rows

# For columns that a step does not take.
_CURE = "encode them, or choose a sampler and a classifier that take them"
# The other solvers stop early in single precision.
_DEFAULT = LogisticRegression(solver="newton-cholesky")


class ResampledClassifier(ClassifierMixin, SkextMixin, BaseEstimator):
    r"""Fit on resampled data and correct the probabilities for it.

    A classifier that has seen resampled data takes rare classes for frequent. Its
    probabilities :math:`p_c` are corrected for the change of the class shares from
    :math:`\pi_c` in the data to :math:`\pi'_c` after resampling [1]_,

    .. math:: p^\ast_c \propto p_c \, \pi_c / \pi'_c ,

    so that they suit the data that were given, not those that were made.

    Parameters
    ----------
    estimator : classifier with ``predict_proba``, default=None
        A clone is fitted on the resampled data. None is
        ``LogisticRegression(solver="newton-cholesky")``.
    sampler : object with ``fit_resample``, default=None
        A clone resamples. None is imbalanced-learn's ``RandomOverSampler()``.
    predict_with : {"corrected", "raw"}, default="corrected"
        Whether ``predict`` returns the class of the largest corrected probability,
        or what the fitted classifier predicts, which favours rare classes as
        resampling without a correction does.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every ``random_state`` of the sampler and the classifier that is None.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    estimator_ : estimator object
        The classifier, fitted on the resampled data.
    sampler_ : object
        The sampler after resampling.
    class_prior_ : ndarray of shape (n_classes,)
        Shares of the classes in the data, by weight.
    resampled_prior_ : ndarray of shape (n_classes,)
        Shares of the classes that the classifier has seen, by weight.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    imblearn.pipeline.Pipeline : Resamples without a correction.
    sklearn.model_selection.TunedThresholdClassifierCV : Chooses a threshold instead.

    Notes
    -----
    The correction is exact if resampling changes the shares of the classes and not
    the distribution within each, as random over- and under-sampling do on average.
    Synthetic rows change the distribution too, which no factor per class can undo.
    ``class_weight`` of the classifier changes the shares once more, which is not
    seen here: leave it at None. A class that resampling has removed gets probability
    zero.

    Rows of weight zero are left out. Weights go to the sampler if its
    ``fit_resample`` takes ``sample_weight``, and those of the resampled rows are
    read from its ``sample_weight_``; otherwise each resampled row has the weight of
    the row that ``sample_indices_`` names. A sampler with neither cannot be used with
    weights.

    References
    ----------
    .. [1] M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the Outputs of a
       Classifier to New a Priori Probabilities: A Simple Procedure", Neural
       Computation 14, 2002.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skext.over_sampling import SMOTE, ResampledClassifier
    >>> X, y = make_classification(2000, weights=[0.9], class_sep=0.3, random_state=0)
    >>> model = ResampledClassifier(LogisticRegression(), SMOTE(random_state=0))
    >>> model = model.fit(X, y)
    >>> model.class_prior_.tolist(), model.resampled_prior_.tolist()
    ([0.896, 0.104], [0.5, 0.5])
    >>> float(model.predict_proba(X)[:, 1].mean().round(2))
    0.1
    >>> float(model.estimator_.predict_proba(X)[:, 1].mean().round(2))
    0.27
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "sampler": [HasMethods(["fit_resample"]), None],
        "predict_with": [StrOptions({"corrected", "raw"})],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        estimator=None,
        sampler=None,
        *,
        predict_with="corrected",
        random_state=None,
    ):
        self.estimator = estimator
        self.sampler = sampler
        self.predict_with = predict_with
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Resample and fit.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The table, of a kind that the sampler and the classifier take.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, which count in the shares of the classes too.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If there is one class only, or there are weights with which the sampler
            or the classifier can do nothing.
        """
        categories, is_ordered = categories_of(y)
        X, y, sample_weight = self._check(X, y, sample_weight)
        estimator, self.sampler_ = self._parts()
        self.classes_ = np.unique(y)
        self.class_prior_ = self._shares(y, sample_weight)
        if sample_weight is not None and not _takes_weights(estimator.fit):
            raise ValueError(
                f"sample_weight is given, but estimator={self.estimator!r} does not "
                "take it in fit; leave it out, or choose another classifier."
            )
        if self.estimator is None:
            refuse_columns(X, {"date"})
        given = X
        try:
            X, y, sample_weight = _resample(self.sampler_, X, y, sample_weight)
            self.resampled_prior_ = self._shares(y, sample_weight)
            if self.estimator is None:
                X = _in_double(X)
            if is_ordered:
                # Their order is for the classifier, whatever the sampler made of it.
                y = _as_ordered(y, categories)
            weights = {} if sample_weight is None else {"sample_weight": sample_weight}
            self.estimator_ = estimator.fit(X, y, **weights)
        except (TypeError, ValueError) as error:
            explain_columns(given, error, _CURE)
            raise
        return self

    def _check(self, X, y, sample_weight):
        validate_data(self, X, y, skip_check_array=True)
        check_consistent_length(X, y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, ensure_non_negative=True
            )
            rows = np.flatnonzero(sample_weight)
            if rows.size < sample_weight.size:
                X, y = take_rows(X, rows), take_rows(y, rows)
                sample_weight = sample_weight[rows]
        y = read_labels(y)
        if type_of_target(y, input_name="y").startswith("multilabel") or (
            type_of_target(y).endswith("-multioutput")
        ):
            raise ValueError(
                "Multilabel and multioutput targets are not supported; give one label "
                "for each row."
            )
        check_classification_targets(y)
        return X, column_or_1d(y, warn=True), sample_weight

    def _parts(self):
        """Return seeded clones of the classifier and the sampler."""
        sampler = RandomOverSampler() if self.sampler is None else clone(self.sampler)
        estimator = _DEFAULT if self.estimator is None else self.estimator
        estimator = clone(estimator)
        if self.random_state is not None:
            seed_parts(fit_rng(self.random_state), sampler, estimator)
        return estimator, sampler

    def _shares(self, y, sample_weight):
        y = np.asarray(y)
        places = np.searchsorted(self.classes_, y)
        places = np.minimum(places, self.classes_.size - 1)
        if not np.array_equal(self.classes_[places], y):
            raise ValueError(
                f"sampler={self.sampler!r} has made classes that y does not have: "
                f"{np.setdiff1d(y, self.classes_).tolist()}; choose another sampler."
            )
        totals = np.bincount(places, sample_weight, minlength=self.classes_.size)
        return totals / totals.sum()

    def predict_log_proba(self, X):
        """Return logarithms of the corrected probabilities.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        with np.errstate(divide="ignore"):
            if hasattr(self.estimator_, "predict_log_proba"):
                found = self.estimator_.predict_log_proba(X)
            else:
                found = np.log(self.estimator_.predict_proba(X))
        places, factors = self._factors()
        log_proba = np.full((found.shape[0], self.classes_.size), -np.inf)
        log_proba[:, places] = found + np.log(factors)
        return log_proba - logsumexp(log_proba, axis=1, keepdims=True)

    def predict_proba(self, X):
        """Return the corrected probabilities.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        found = self.estimator_.predict_proba(X)
        places, factors = self._factors()
        proba = np.zeros((found.shape[0], self.classes_.size))
        proba[:, places] = found * factors
        return proba / proba.sum(axis=1, keepdims=True)

    def _factors(self):
        """Return the places of the classifier's classes, and pi / pi' of each."""
        places = np.searchsorted(self.classes_, self.estimator_.classes_)
        return places, self.class_prior_[places] / self.resampled_prior_[places]

    def predict(self, X):
        """Predict the class of rows.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The most probable class, or, with ``predict_with="raw"``, what the
            classifier says without a correction.
        """
        check_is_fitted(self)
        if self.predict_with == "raw":
            return self.estimator_.predict(X)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        parts = [
            get_tags(_DEFAULT if self.estimator is None else self.estimator),
            get_tags(RandomOverSampler() if self.sampler is None else self.sampler),
        ]
        tags.input_tags.sparse = all(part.input_tags.sparse for part in parts)
        tags.input_tags.allow_nan = all(part.input_tags.allow_nan for part in parts)
        return tags


def _resample(sampler, X, y, sample_weight):
    """Resample rows, labels and, if there are any, weights."""
    if sample_weight is None:
        return *_call(sampler, X, y), None
    if _takes_weights(sampler.fit_resample):
        X, y = sampler.fit_resample(X, y, sample_weight=sample_weight)
        return X, y, sampler.sample_weight_
    X, y = _call(sampler, X, y)
    if not hasattr(sampler, "sample_indices_"):
        raise ValueError(
            f"sample_weight is given, but sampler={sampler!r} neither takes it in "
            "fit_resample nor says with sample_indices_ where rows come from; leave it "
            "out, or choose another sampler, such as those of skext."
        )
    return X, y, sample_weight[sampler.sample_indices_]


def _call(sampler, X, y):
    """Resample without weights; frames of polars by the numbers of their rows."""
    draws = type(sampler) is RandomOverSampler and sampler.shrinkage is None
    if draws and library_of(X) == "polars":
        _, y = sampler.fit_resample(np.arange(X.shape[0])[:, None], y)
        sampler.n_features_in_ = X.shape[1]
        return X[sampler.sample_indices_], y
    return sampler.fit_resample(X, y)


def _in_double(X):
    """Return a table in double precision, in which the default classifier ends."""
    dtypes = getattr(X, "dtypes", None)
    narrow = (np.dtype(np.float32), np.dtype(np.float16))
    if library_of(X) == "pandas" and all(dtype in narrow for dtype in dtypes):
        return X.astype(np.float64)
    if library_of(X) is None and getattr(X, "dtype", None) in narrow:
        return X.astype(np.float64)
    return X


def _takes_weights(method):
    return "sample_weight" in signature(method).parameters


def _as_ordered(y, categories):
    """Return labels with the order that the type of the given ones declared."""
    import pandas as pd

    return pd.Series(pd.Categorical(np.asarray(y), categories, ordered=True))
