"""Classifiers that are told counts of bags in the place of labels."""

from sklearn.base import BaseEstimator, ClassifierMixin, clone


class FromBags(ClassifierMixin, BaseEstimator):
    """Cut the training rows into random bags, and keep all labels but their counts.

    What such a classifier loses against one that is told the labels is the price of
    aggregation.

    Parameters
    ----------
    estimator : estimator object
        A classifier of :mod:`skext.label_proportions`.
    bag_size : int, default=32
        Number of rows of a bag.
    random_state : int, RandomState instance or None, default=0
        Seed of the bags.
    """

    def __init__(self, estimator, bag_size=32, random_state=0):
        self.estimator = estimator
        self.bag_size = bag_size
        self.random_state = random_state

    def fit(self, X, y):
        """Fit the classifier to counts.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Codes of the classes.

        Returns
        -------
        model : FromBags
            The model itself.
        """
        from skext.label_proportions import make_bags

        size = min(self.bag_size, len(y))
        bags = make_bags(X, y, bag_size=size, random_state=self.random_state)
        model = clone(self.estimator)
        names = sorted(set(bags.y_true.tolist()))
        self.estimator_ = model.set_params(classes=names).fit(bags.data, bags.target)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self.estimator_.predict_proba(X)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Codes.
        """
        return self.estimator_.predict(X)
