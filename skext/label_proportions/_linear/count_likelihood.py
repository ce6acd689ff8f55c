"""Classifiers by the exact likelihood of the counts of bags."""

from numbers import Integral

import numpy as np
from scipy.special import expit, logit, softmax
from sklearn.utils.metaestimators import available_if

from skext.label_proportions._bags.split import BagKFold
from skext.label_proportions._bags.targets import check_whole_counts
from skext.label_proportions._core.models import (
    ConstantClasses,
    ConstantModel,
    fit_soft_classes,
    fit_soft_labels,
    predict,
)
from skext.label_proportions._counts.posterior import (
    count_posterior,
    count_vector_posterior,
)
from skext.label_proportions._linear.classifiers import (
    BaseLinearLLPClassifier,
    KnownBags,
)
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
    n_folds : int, default=3
        Into how many parts bags are cut: probabilities of rows come from fits of
        ``estimator`` to the other parts, without which a flexible classifier would
        learn its own guesses by heart. 0 takes those of the fit to all rows, as in
        the book.
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
        "n_folds": [Interval(Integral, 0, None, closed="left")],
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
        n_folds=3,
        classes=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.n_folds = n_folds
        self.classes = classes
        self.n_jobs = n_jobs

    def _loss(self, X, bags, units):
        weight = bags.weights / bags.sizes
        of_row, arranged = weight[bags.codes], bags.bags.arranged()

        def loss(scores):
            posterior, logs = count_posterior(
                scores, bags.bags, bags.counts, n_jobs=self.n_jobs, arranged=arranged
            )
            return -(weight @ logs), of_row * (expit(scores) - posterior)

        return loss, None

    def _classes_loss(self, X, bags, units):
        weight = bags.weights / bags.sizes
        of_row, arranged = weight[bags.codes][:, np.newaxis], bags.bags.arranged()

        def loss(scores):
            posterior, logs = count_vector_posterior(
                scores, bags.bags, bags.counts, n_jobs=self.n_jobs, arranged=arranged
            )
            slope = of_row * (softmax(scores, axis=1) - posterior)
            return -(weight @ logs), slope

        return loss, None

    def _prepare(self, X, bags, sample_weight, rows, given):
        check_whole_counts(bags, "take DLLPClassifier, whose shares may be any")

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

    def _set_coef(self):
        if self.estimator is None:
            super()._set_coef()
            return
        found = [getattr(model, "estimator", None) for model in self._models]
        self.estimator_ = found[0] if len(found) == 1 else found

    def _most_iterations(self):
        if self.max_iter is None:
            return 1000 if self.estimator is None else 10
        return self.max_iter

    def _fit_class(self, X, bags, k, sample_weight):
        if self.estimator is None:
            return super()._fit_class(X, bags, k, sample_weight)
        known = KnownBags(bags, k, sample_weight)
        if known.certain is not None:
            return ConstantModel(known.certain)

        def posterior(p):
            log_odds = logit(np.clip(p, _MOST_CERTAIN, 1 - _MOST_CERTAIN))
            return count_posterior(
                log_odds, known.bags, known.counts, n_jobs=self.n_jobs
            )[0]

        return self._alternate(X, known, sample_weight, fit_soft_labels, posterior)

    def _fit_classes(self, X, bags, sample_weight):
        if self.estimator is None:
            return super()._fit_classes(X, bags, sample_weight)
        known = KnownBags(bags, None, sample_weight)
        if known.certain is not None:
            return ConstantClasses(known.certain)

        def posterior(p):
            return count_vector_posterior(
                np.log(np.maximum(p, _MOST_CERTAIN)),
                known.bags,
                known.counts,
                n_jobs=self.n_jobs,
            )[0]

        return self._alternate(X, known, sample_weight, fit_soft_classes, posterior)

    def _alternate(self, X, known, sample_weight, fit, posterior):
        """Fit to probabilities of rows, and find these given the fit and counts."""
        X = X if known.rows.size == X.shape[0] else X[known.rows]
        weight = None if sample_weight is None else known.row_weight
        label = known.shares[known.codes]
        for n_iter in range(1, self._most_iterations() + 1):
            if (known.sizes == 1).all():
                # Labels are known, and nothing is left to guess.
                break
            new = posterior(self._outside_proba(X, label, known, weight, fit))
            change = np.abs(new - label).max()
            label = new
            self._n_iter.append(n_iter)
            if change < _SETTLED:
                break
        return fit(self.estimator, X, label, weight)

    def _outside_proba(self, X, label, known, weight, fit):
        """Return probabilities of rows, by fits to other bags."""
        n_splits = min(self.n_folds, known.sizes.size)
        if n_splits < 2:
            return predict(fit(self.estimator, X, label, weight), X)
        p = np.empty_like(label)
        for train, test in BagKFold(n_splits).split(X, groups=known.codes):
            part = None if weight is None else weight[train]
            model = fit(self.estimator, X[train], label[train], part)
            p[test] = predict(model, X[test])
        return p
