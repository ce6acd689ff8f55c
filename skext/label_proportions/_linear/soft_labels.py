"""Classifiers that give rows labels out of the proportions alone."""

from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skext.label_proportions._core.base import BaseLLPClassifier
from skext.label_proportions._core.models import fit_soft_labels, takes_weights
from skext.label_proportions._counts.posterior import label_by_counts
from skext.label_proportions._linear.logistic import default_learner
from skext.utils._sklearn import HasMethods, Interval, fit_context
from skext.utils._warnings import warn_user

__all__ = ["BagProportionClassifier", "SelfLabelingLLPClassifier"]


class _LabelingClassifier(BaseLLPClassifier):
    """Base of classifiers that fit another one to labels."""

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, bags=None):
        """Fit the classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            A target of :func:`bag_target`; or, along with ``bags``, the share of
            positive rows of the bag of each row; or plain labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the fit of ``estimator``.
        bags : array-like of shape (n_samples,), default=None
            Bag of each row, if ``y`` has shares.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        told = self._fit_models(self._check_fit(X, y, sample_weight, bags))
        self.estimator_ = self._fitted_estimators()
        self._set_n_iter(max([1, *filter(None, told)]))
        return self

    def _set_n_iter(self, n_iter):
        """Keep the number of iterations, if that means anything."""

    def _learner(self):
        return default_learner() if self.estimator is None else self.estimator


class BagProportionClassifier(_LabelingClassifier):
    """Take the proportion of its bag for the probability of each row.

    The naive control: whatever claims to learn from proportions has to beat it.

    Parameters
    ----------
    estimator : estimator object, default=None
        A classifier that takes sample weights: each row takes part with both labels,
        weighted by the proportion. None is
        :class:`~sklearn.linear_model.LogisticRegression`.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, sorted; of two classes proportions refer to the second.
        None is 0, 1, ....

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    estimator_ : estimator object
        The fitted classifier of the labels 0, 1, ...; None if all rows are of one
        class.
    bag_ids_ : ndarray of shape (n_bags,)
        The bags.
    bag_sizes_ : ndarray of shape (n_bags,)
        Their numbers of rows.
    bag_counts_ : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Their numbers of rows of ``classes_[1]``, or of all classes if there are more
        than two.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SelfLabelingLLPClassifier : Goes on from here.

    Notes
    -----
    Good where bags are small or pure. Probabilities are pulled towards the overall
    share, the more the larger the bags.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.label_proportions import BagProportionClassifier, make_bags
    >>> X, y = make_classification(1000, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> model = BagProportionClassifier().fit(bags.data, bags.target)
    >>> model.predict(X).shape
    (1000,)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "classes": ["array-like", None],
    }

    def __init__(self, estimator=None, *, classes=None):
        self.estimator = estimator
        self.classes = classes

    def _fit_known(self, X, known):
        label = known.shares[known.codes]
        return fit_soft_labels(self._learner(), X, label, known.sample_weight), 1


class SelfLabelingLLPClassifier(_LabelingClassifier):
    """Alternate between fitting a classifier and labelling rows by its scores.

    As many rows of each bag are labelled positive as are, those with the largest
    scores, and the classifier is fitted to these labels, until they stay the same.
    This is expectation-maximization with hard labels, and the labelling step of
    several published methods.

    Parameters
    ----------
    estimator : estimator object, default=None
        Any classifier. None is :class:`~sklearn.linear_model.LogisticRegression`.
    max_iter : int, default=20
        Largest number of fits.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, sorted; of two classes proportions refer to the second.
        None is 0, 1, ....

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    estimator_ : estimator object
        The fitted classifier of the labels 0, 1, ...; None if all rows are of one
        class.
    bag_ids_ : ndarray of shape (n_bags,)
        The bags.
    bag_sizes_ : ndarray of shape (n_bags,)
        Their numbers of rows.
    bag_counts_ : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Their numbers of rows of ``classes_[1]``, or of all classes if there are more
        than two.
    n_iter_ : int
        Number of fits.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    CountLikelihoodClassifier : Soft labels, with a likelihood.

    Notes
    -----
    The first scores are those of :class:`BagProportionClassifier` with the same
    classifier, or with logistic regression if that takes no sample weights. Counts
    that are not whole are rounded. Labels at equal scores go to the first rows. With
    more than two classes, rows and classes are matched in the order of their scores
    until all counts are met. The
    alternation can end in a cycle; then, and at ``max_iter``, the last fit stands, with
    a warning.

    References
    ----------
    .. [1] F. X. Yu, D. Liu, S. Kumar, T. Jebara, S.-F. Chang, "proportion-SVM for
       Learning with Label Proportions", International Conference on Machine Learning,
       2013.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.label_proportions import SelfLabelingLLPClassifier, make_bags
    >>> X, y = make_classification(1000, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> model = SelfLabelingLLPClassifier(max_iter=50).fit(bags.data, bags.target)
    >>> model.predict(X).shape
    (1000,)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "classes": ["array-like", None],
    }

    def __init__(self, estimator=None, *, max_iter=20, classes=None):
        self.estimator = estimator
        self.max_iter = max_iter
        self.classes = classes

    def _set_n_iter(self, n_iter):
        self.n_iter_ = n_iter

    def _fit_known(self, X, known):
        """Fit, and label rows by the fit, until labels stay the same."""
        label, weight = known.shares[known.codes], known.sample_weight
        learner, n_iter = self._learner(), 1
        if (known.sizes == 1).all():
            return fit_soft_labels(learner, X, label, weight), n_iter
        first = learner if takes_weights(learner) else default_learner()
        model = fit_soft_labels(first, X, label, weight)
        seen = set()
        for n_iter in range(2, self.max_iter + 2):
            new = label_by_counts(model.predict(X), known.bags, known.counts)
            if np.array_equal(new, label):
                return model, n_iter - 1
            label = new
            digest = label.astype(bool).tobytes()
            model = fit_soft_labels(learner, X, label, weight)
            if digest in seen or n_iter == self.max_iter + 1:
                warn_user(
                    f"{type(self).__name__} did not converge in {n_iter - 1} fits: "
                    "labels still change; increase max_iter, unless they go in a "
                    "circle.",
                    ConvergenceWarning,
                )
                break
            seen.add(digest)
        return model, n_iter
