"""The network whose mean probabilities match the proportions of bags."""

from numbers import Integral, Real

import numpy as np

from skext.label_proportions._core.base import BaseLLPClassifier
from skext.label_proportions._counts.posterior import as_proba
from skext.label_proportions._nets import training as nets
from skext.utils._random import fit_rng
from skext.utils._scaling import fit_scaler
from skext.utils._sklearn import Interval, StrOptions, fit_context
from skext.utils._torch.loading import require_torch
from skext.utils._torch.perceptron import Perceptron, as_arrays, layer_sizes

__all__ = ["DLLPNetClassifier"]

# Parameters that all networks on bags share.
NET_CONSTRAINTS: dict = {
    "hidden_layer_sizes": ["array-like"],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "standardize": ["boolean"],
    "dtype": [StrOptions({"float32", "float64"})],
    "device": [str],
    "random_state": ["random_state"],
}


class NetModel:
    """Probabilities from a fitted network.

    Parameters
    ----------
    layers : Perceptron
        With one output, or one for each class.
    """

    def __init__(self, layers):
        self.layers = layers

    def predict(self, X):
        """Return the probabilities of each row."""
        scores = self.layers(X)
        return as_proba(scores[:, 0] if scores.shape[1] == 1 else scores)


class DLLPNetClassifier(BaseLLPClassifier):
    r"""Network whose mean probabilities match the proportions of bags.

    Minimizes the cross-entropy of the proportions :math:`a_b` of each bag and the mean
    of the probabilities of its rows,

    .. math:: \sum_b w_b \, \mathrm{CE}\Bigl(a_b, \frac{1}{B_b}
        \sum_{i \in b} p(x_i)\Bigr) \Big/ \sum_b w_b,

    where :math:`w_b` is the total weight of the :math:`B_b` rows. Needs torch and
    skorch, the extra ``deep``.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,), default=(128, 64)
        Units of the hidden layers, which are rectified linear ones.
    weight_decay : float, default=1e-4
        Weight decay.
    batch_size : int, default=1024
        Most rows of a batch. Batches are made of whole bags; a bag with more rows is
        one on its own.
    learning_rate_init : float, default=1e-3
        Of the optimizer, AdamW.
    max_epochs : int, default=200
        Largest number of epochs.
    early_stopping : bool, default=True
        Whether bags are held out, and the epoch with the best loss on them is taken.
    validation_fraction : float, default=0.1
        Share of the bags that are held out, at least one.
    n_iter_no_change : int, default=10
        Epochs without a better loss on held-out bags before training stops.
    standardize : bool, default=True
        Whether features are scaled to mean 0 and variance 1 first.
    dtype : {"float32", "float64"}, default="float32"
        Precision of training; predictions are computed in float64.
    device : str, default="auto"
        Of torch: "auto" is a GPU if there is one.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, sorted; of two classes proportions refer to the second.
        None is 0, 1, ....
    random_state : int, RandomState instance or None, default=None
        Seed of first weights, held-out bags and batches.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    coefs_ : list of ndarray of shape (n_units, n_next_units)
        Weights of the layers; empty if all rows are of one class.
    intercepts_ : list of ndarray of shape (n_next_units,)
        Constants of the layers.
    history_ : dict of ndarray of shape (n_epochs,)
        Mean loss of each epoch: ``train_loss`` during it and, of held-out bags,
        ``valid_loss`` after it.
    bag_ids_ : ndarray of shape (n_bags,)
        The bags.
    bag_sizes_ : ndarray of shape (n_bags,)
        Their numbers of rows.
    bag_counts_ : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Their numbers of rows of ``classes_[1]``, or of all classes if there are more
        than two.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    DLLPClassifier : The linear one.

    Notes
    -----
    The mean is one of probabilities, and its logarithm is taken afterwards, as in
    [1]_. For more than two classes the mean is that of probability vectors, and is
    compared with the shares of all classes at once. Bags may be of any sizes: batches
    hold the rows of their bags one after the other, and means are sums over segments,
    so that nothing is padded. Only bags are held out, and only their proportions are
    looked at. One bag alone is never held out.

    Results are reproducible bit by bit on a CPU; sums on a GPU have no fixed order.
    Neither training nor prediction touches a global random state, and a fitted model
    pickles and predicts without torch.

    References
    ----------
    .. [1] E. M. Ardehaly, A. Culotta, "Co-training for Demographic Classification
       Using Deep Learning from Label Proportions", ICDM Workshops, 2017.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from skext.label_proportions import DLLPNetClassifier, make_bags
    >>> X, y = make_moons(600, noise=0.2, random_state=0)
    >>> bags = make_bags(X, y, bag_size=6, random_state=0)
    >>> model = DLLPNetClassifier((16,), max_epochs=20, random_state=0)
    >>> model.fit(bags.data, bags.target).predict_proba(X).shape
    (600, 2)
    """

    _parameter_constraints: dict = {**NET_CONSTRAINTS, "classes": ["array-like", None]}

    def __init__(
        self,
        hidden_layer_sizes=(128, 64),
        *,
        weight_decay=1e-4,
        batch_size=1024,
        learning_rate_init=1e-3,
        max_epochs=200,
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=10,
        standardize=True,
        dtype="float32",
        device="auto",
        classes=None,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.standardize = standardize
        self.dtype = dtype
        self.device = device
        self.classes = classes
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, bags=None):
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            A target of :func:`bag_target`; or, along with ``bags``, the share of
            positive rows of the bag of each row; or plain labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a bag weighs as much as its rows together, and counts
            refer to rows whatever their weights.
        bags : array-like of shape (n_samples,), default=None
            Bag of each row, if ``y`` has shares.

        Returns
        -------
        self : DLLPNetClassifier
            The fitted estimator.

        Raises
        ------
        MissingDependencyError
            If torch or skorch is not installed.
        """
        layer_sizes(self.hidden_layer_sizes)
        self.coefs_, self.intercepts_ = [], []
        self.history_, self.n_iter_ = {"train_loss": np.empty(0)}, 1
        self._fit_models(self._check_fit(X, y, sample_weight, bags))
        return self

    def _fit_known(self, X, known):
        """Train the network on bags that have a weight."""
        require_torch(type(self).__name__)
        # torch is loaded by those who train.
        from skext.utils._torch.training import RectifiedLayers

        n_outputs, shares = known.n_classes or 1, known.shares
        if known.n_classes is None:
            shares = np.column_stack([1 - shares, shares])
        rng = fit_rng(self.random_state)
        scaler = fit_scaler(X, known.row_weight, self.standardize)
        weight = known.weights * (known.sizes.sum() / known.weights.sum())
        data = nets.BagRows(
            X,
            known.codes,
            np.column_stack([shares, weight]),
            np.empty((X.shape[0], 0)),
            scaler,
            self.dtype,
            rng,
        )
        sizes = (X.shape[1], *layer_sizes(self.hidden_layer_sizes), n_outputs)
        module = RectifiedLayers(sizes, rng, self.dtype)

        def loss(scores, values, bag):
            share, weight = values["bags"][:, :-1], values["bags"][:, -1]
            log_proba = nets.log_probabilities(scores)
            log_mean = nets.mean_log_proba(log_proba, bag, len(share))
            return -(weight @ (share * log_mean).sum(dim=1)) / len(bag)

        self.history_ = nets.train(module, loss, data, shares, self)
        self.n_iter_ = len(self.history_["train_loss"])
        self.coefs_, self.intercepts_ = as_arrays(module.layers)
        return NetModel(Perceptron(self.coefs_, self.intercepts_, scaler=scaler)), None
