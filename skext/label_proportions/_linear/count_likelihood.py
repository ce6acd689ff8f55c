"""Classifiers by the exact likelihood of the counts of bags."""

from numbers import Integral

import numpy as np
from sklearn.utils.metaestimators import available_if

from skext.label_proportions._bags.split import split_by_parts
from skext.label_proportions._bags.targets import check_whole_counts
from skext.label_proportions._core.models import fit_soft_labels
from skext.label_proportions._counts.posterior import (
    as_proba,
    as_scores,
    count_posterior,
)
from skext.label_proportions._linear.base import BaseLinearLLPClassifier
from skext.utils._sklearn import HasMethods, Interval, fit_context

__all__ = ["CountLikelihoodClassifier"]

_MOST_CERTAIN = 1e-6
# Largest change of a probability at which expectation-maximization stops.
_SETTLED = 1e-3


def _is_linear(self):
    return self.estimator is None


class CountLikelihoodClassifier(BaseLinearLLPClassifier):
    r"""Classifier by the exact likelihood of the counts of bags.

    Rows are independent given their features, so that the number of positive rows
    of a bag has a Poisson binomial distribution. Minimizes

    .. math:: -C \sum_b w_b \log P(S_b \mid \beta, \alpha)
        + \tfrac12 \lVert \beta \rVert^2,

    where :math:`w_b` is the mean weight of the rows, over linear log-odds, or lets any
    classifier raise the likelihood by expectation-maximization.

    Parameters
    ----------
    estimator : estimator object, default=None
        A classifier with ``predict_proba`` and sample weights: it is fitted again and
        again to the probabilities of rows given its last fit and the counts. None is
        the linear model.
    C : float, default=1.0
        Inverse strength of the penalty of the linear model, as in
        :class:`~sklearn.linear_model.LogisticRegression`.
    fit_intercept : bool, default=True
        Whether the linear model has a constant.
    max_iter : int, default=None
        Largest number of iterations; None is 1000 for the linear model and 10 fits of
        ``estimator``.
    tol : float, default=1e-6
        Largest entry of the gradient of the mean loss of the linear model, per standard
        deviation of a feature.
    cv : int, splitter or iterable, default=3
        Parts into which bags are cut: probabilities of rows come from fits of
        ``estimator`` to the other parts, without which a flexible classifier would
        learn its own guesses by heart. 0 takes those of the fit to all rows, as in
        the book. A splitter or an iterable tests each bag once and as a whole;
        None is 5.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, sorted; of two classes proportions refer to the second.
        None is 0, 1, ....
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of the linear model.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constants of the linear model.
    estimator_ : estimator object
        The fitted classifier of the labels 0, 1, ...; only if ``estimator`` is given.
    bag_ids_ : ndarray of shape (n_bags,)
        The bags.
    bag_sizes_ : ndarray of shape (n_bags,)
        Their numbers of rows.
    bag_counts_ : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Their numbers of rows of ``classes_[1]``, or of all classes if there are more
        than two.
    n_iter_ : int
        Number of iterations.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    DLLPClassifier : Matches mean probabilities.

    Notes
    -----
    The probability of a count and its gradient, which is the difference of the
    probabilities of rows with and without the knowledge of the count, are exact, in
    time linear in the rows. With bags of one row it is logistic regression. Counts
    have to be whole numbers. Features in other units only matter to the penalty: scale
    them first, so that it treats them alike.

    With more than two classes the likelihood is that of the counts of all classes
    together, with the softmax of linear scores. It is exact if the size of a bag times
    the number of partial counts is at most 2e6, and otherwise the saddle-point
    approximation.

    References
    ----------
    .. [1] D. Tarlow, K. Swersky, R. Zemel, R. Adams, B. Frey, "Fast Exact Inference
       for Recursive Cardinality Models", Uncertainty in Artificial Intelligence, 2012.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.label_proportions import CountLikelihoodClassifier, make_bags
    >>> X, y = make_classification(1000, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> model = CountLikelihoodClassifier().fit(bags.data, bags.target)
    >>> model.predict_proba(X).shape
    (1000, 2)
    """

    _parameter_constraints: dict = {
        **BaseLinearLLPClassifier._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "cv": [Interval(Integral, 0, 1, closed="both"), "cv_object"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        C=1.0,
        fit_intercept=True,
        max_iter=None,
        tol=1e-6,
        cv=3,
        classes=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.classes = classes
        self.n_jobs = n_jobs

    def _check_fit(self, X, y, sample_weight, bags, **options):
        data = super()._check_fit(X, y, sample_weight, bags, **options)
        check_whole_counts(data.bags, "take DLLPClassifier, whose shares may be any")
        return data

    def _loss(self, X, bags, units):
        weight = bags.weights / bags.sizes
        of_row, arranged = weight[bags.codes], bags.bags.arranged()

        def loss(scores):
            posterior, logs = count_posterior(
                scores, bags.bags, bags.counts, n_jobs=self.n_jobs, arranged=arranged
            )
            difference = as_proba(scores) - posterior
            return -(weight @ logs), (of_row * difference.T).T

        return loss, None

    _classes_loss = _loss

    @available_if(_is_linear)
    def decision_function(self, X):
        """Compute the linear scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds of ``classes_[1]``, or of each class if there are more than two.
        """
        return super().decision_function(X)

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, bags=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            A target of :func:`bag_target`; or, along with ``bags``, the share of
            positive rows of the bag of each row; or plain labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a bag weighs as much as its rows on average, and
            counts refer to rows whatever their weights.
        bags : array-like of shape (n_samples,), default=None
            Bag of each row, if ``y`` has shares.

        Returns
        -------
        self : CountLikelihoodClassifier
            The fitted estimator.
        """
        return super().fit(X, y, sample_weight, bags)

    def _set_attributes(self):
        if self.estimator is None:
            super()._set_attributes()
        else:
            self.estimator_ = self._fitted_estimators()

    def _most_iterations(self):
        if self.max_iter is None:
            return 1000 if self.estimator is None else 10
        return self.max_iter

    def _fit_known(self, X, known):
        if self.estimator is None:
            return super()._fit_known(X, known)
        label, weight = known.shares[known.codes], known.sample_weight
        if (known.sizes == 1).all():
            # Labels are known, and nothing is left to guess.
            return fit_soft_labels(self.estimator, X, label, weight), 1
        n_iter, change = 0, np.inf
        while change >= _SETTLED and n_iter < self._most_iterations():
            scores = as_scores(self._outside_proba(X, label, known), _MOST_CERTAIN)
            new, _ = count_posterior(
                scores, known.bags, known.counts, n_jobs=self.n_jobs
            )
            change = np.abs(new - label).max()
            label, n_iter = new, n_iter + 1
        return fit_soft_labels(self.estimator, X, label, weight), n_iter

    def _outside_proba(self, X, label, known):
        """Return probabilities of rows, by fits to other bags."""
        weight = known.sample_weight
        splits = split_by_parts(self.cv, known.parts, known.codes, known.sizes.size)
        if not splits:
            return fit_soft_labels(self.estimator, X, label, weight).predict(X)
        p = np.empty_like(label)
        for train, test in splits:
            part = None if weight is None else weight[train]
            model = fit_soft_labels(self.estimator, X[train], label[train], part)
            p[test] = model.predict(X[test])
        return p
