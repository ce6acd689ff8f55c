"""Embeddings in which belief propagation looks for neighbours again."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.label_proportions._bags.columns import as_labels, as_numbers, as_proba
from skext.label_proportions._bags.numbering import number_bags
from skext.label_proportions._bags.per_bag import per_bag
from skext.label_proportions._nets import training as nets
from skext.label_proportions._nets.classifier import NET_CONSTRAINTS
from skext.utils._columns import library_of
from skext.utils._random import fit_rng
from skext.utils._scaling import fit_scaler
from skext.utils._sklearn import Interval, fit_context
from skext.utils._tables import validate_table
from skext.utils._torch.loading import require_torch
from skext.utils._torch.perceptron import Perceptron, as_arrays, layer_sizes

__all__ = ["EmbeddingRefiner"]

_BAGLESS = -1


class EmbeddingRefiner(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, SkextMixin, BaseEstimator
):
    r"""Network that embeds rows by their inferred labels and the counts of bags.

    A trunk of hidden layers gives the embedding :math:`z_i` of a row. One head
    predicts the label of the row from it, another the proportion of a bag from the
    mean embedding of its rows, and

    .. math:: \frac{1}{n} \sum_i \mathrm{CE}(p_i, h(z_i)) + \lambda \, \frac{1}{m}
        \sum_b \mathrm{CE}\Bigl(\frac{S_b}{B_b}, \, g\Bigl(\frac{1}{B_b}
        \sum_{i \in b} z_i\Bigr)\Bigr)

    is minimized. Needs torch and skorch, the extra ``deep``.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,), default=(128, 64)
        Units of the hidden layers. The last one is that of the head of bags, the
        others make the trunk, so that the embedding has 128 columns by default.
    aggregate_weight : float, default=0.1
        The factor :math:`\lambda`.
    weight_decay : float, default=0.0
        Weight decay.
    batch_size : int, default=1024
        Most rows of a batch. Batches are made of whole bags.
    learning_rate_init : float, default=1e-3
        Of the optimizer, AdamW.
    max_epochs : int, default=100
        Largest number of epochs.
    early_stopping : bool, default=True
        Whether bags are held out, and the epoch with the best loss on them is taken.
    validation_fraction : float, default=0.1
        Share of the bags that are held out, at least one.
    n_iter_no_change : int, default=4
        Epochs without a better loss on held-out bags before training stops.
    standardize : bool, default=True
        Whether features are scaled to mean 0 and variance 1 first.
    dtype : {"float32", "float64"}, default="float32"
        Precision of training; embeddings are computed in float64.
    device : str, default="auto"
        Of torch: "auto" is a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of first weights, held-out bags and batches.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_units, n_next_units)
        Weights of the layers of the trunk.
    intercepts_ : list of ndarray of shape (n_next_units,)
        Constants of the layers of the trunk.
    history_ : dict of ndarray of shape (n_epochs,)
        Mean loss of each epoch: ``train_loss`` during it and, of held-out bags,
        ``valid_loss`` after it.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    BeliefPropagationLLPClassifier : Takes it as ``refiner``.

    Notes
    -----
    The loss is that of the authors' code for [1]_, with soft labels. Rows in no bag
    are bags of one row without a proportion: they take part in the first sum only.
    With labels in the place of probabilities, rows without ``bags`` are an ordinary
    training set.

    References
    ----------
    .. [1] S. Havaldar, N. Sharma, S. Sareen, K. Shanmugam, A. Raghuveer, "Learning
       from Label Proportions: Bootstrapping Supervised Learners via Belief
       Propagation", International Conference on Learning Representations, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.label_proportions import EmbeddingRefiner
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> proba, bags = 1 / (1 + np.exp(-X[:, 0])), np.arange(60) // 6
    >>> refiner = EmbeddingRefiner((8, 4), max_epochs=3, random_state=0)
    >>> refiner = refiner.fit(X, proba, bags=bags, counts=np.full(10, 3))
    >>> refiner.transform(X).shape
    (60, 8)
    """

    _parameter_constraints: dict = {
        **NET_CONSTRAINTS,
        "aggregate_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 64),
        *,
        aggregate_weight=0.1,
        weight_decay=0.0,
        batch_size=1024,
        learning_rate_init=1e-3,
        max_epochs=100,
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=4,
        standardize=True,
        dtype="float32",
        device="auto",
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.aggregate_weight = aggregate_weight
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
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, bags=None, counts=None):
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Probabilities of the second of two classes, or of all classes; or labels.
        bags : array-like of shape (n_samples,), default=None
            Bag of each row, -1 for none.
        counts : dict, series or array-like of shape (n_bags,) or (n_bags, n_classes), \
default=None
            Number of rows of the second class in each bag, or of all classes: by bag,
            or in their sorted order; NaN is unknown.

        Returns
        -------
        self : EmbeddingRefiner
            The fitted transformer.

        Raises
        ------
        MissingDependencyError
            If torch or skorch is not installed.
        ValueError
            If shapes do not fit, or ``hidden_layer_sizes`` has fewer than two layers.
        """
        require_torch(type(self).__name__)
        sizes = layer_sizes(self.hidden_layer_sizes)
        if len(sizes) < 2:
            raise ValueError(
                f"hidden_layer_sizes={sizes} must have at least two layers; give one "
                "for the embedding and one for bags."
            )
        X, y = validate_table(
            self,
            X,
            as_labels(y),
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=True,
        )
        proba = as_proba(y)
        codes, shares = _bag_shares(X.shape[0], proba.shape[1], bags, counts)
        rng = fit_rng(self.random_state)
        scaler = fit_scaler(X, None, self.standardize)
        data = nets.BagRows(X, codes, shares, proba, scaler, self.dtype, rng)
        layers = (X.shape[1], *sizes[:-1]), sizes[-1], proba.shape[1]
        module = _make_module(*layers, rng, self.dtype)
        loss = _make_loss(self.aggregate_weight)
        self.history_ = nets.train(module, loss, data, shares, self)
        self.n_iter_ = len(self.history_["train_loss"])
        self._trunk = Perceptron(*as_arrays(module.trunk.layers), scaler=scaler)
        self.coefs_, self.intercepts_ = self._trunk.coefs, self._trunk.intercepts
        self._n_features_out = sizes[-2]
        return self

    def transform(self, X):
        """Embed rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_units)
            Outputs of the trunk.
        """
        check_is_fitted(self)
        X = validate_table(
            self,
            X,
            reset=False,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
        )
        return self._trunk(X, activate_last=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


def _bag_shares(n_samples, n_classes, bags, counts):
    """Return the bag of each row and its shares; rows in none are bags of their own."""
    nothing = np.full((n_samples, n_classes), np.nan)
    if bags is None:
        return np.arange(n_samples), nothing
    numbered = number_bags(bags)
    ids, codes = numbered.ids, numbered.codes
    if codes.size != n_samples:
        raise ValueError(
            f"bags has {codes.size} entries; give one for each of the {n_samples} rows."
        )
    sizes = np.bincount(codes[codes >= 0], minlength=ids.size)
    known = np.full(ids.size, np.nan)
    if isinstance(counts, Mapping) or library_of(counts) == "pandas":
        known = per_bag(counts, "counts", numbered)
    elif counts is not None:
        known = as_numbers(counts, "counts")
    if known.ndim not in (1, 2) or known.shape[0] != ids.size:
        raise ValueError(
            f"counts has the shape {known.shape}; give an entry for each of the "
            f"{ids.size} bags."
        )
    if known.ndim == 1:
        known = np.column_stack([sizes - known, known])
    alone = np.flatnonzero(codes == _BAGLESS)
    codes = codes.copy()
    codes[alone] = ids.size + np.arange(alone.size)
    shares = np.clip(known / sizes[:, np.newaxis], 0.0, 1.0)
    return codes, np.concatenate([shares, nothing[: alone.size, : shares.shape[1]]])


def _make_module(trunk_sizes, n_bag_units, n_classes, rng, dtype):
    """Build the trunk and both heads; two classes have one output."""
    import torch

    # torch is loaded by those who train.
    from skext.utils._torch.training import RectifiedLayers

    n_outputs = 1 if n_classes == 2 else n_classes

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            last = trunk_sizes[-1]
            self.trunk = RectifiedLayers(trunk_sizes, rng, dtype)
            self.head = RectifiedLayers((last, n_outputs), rng, dtype)
            self.bag_head = RectifiedLayers((last, n_bag_units, n_outputs), rng, dtype)

        def forward(self, x, bag):
            z = torch.relu(self.trunk(x))
            return self.head(z), self.bag_head(nets.bag_means(z, bag, int(bag[-1]) + 1))

    return Network()


def _make_loss(aggregate_weight):
    """Build the cross-entropy of rows and of bags."""

    def cross_entropy(target, scores):
        return -(target * nets.log_probabilities(scores)).sum(dim=1)

    def loss(scores, values, bag):
        of_rows, of_bags = scores
        total = cross_entropy(values["rows"], of_rows).mean()
        known = ~values["bags"].isnan().any(dim=1)
        if aggregate_weight > 0 and bool(known.any()):
            bags = cross_entropy(values["bags"][known], of_bags[known])
            total = total + aggregate_weight * bags.mean()
        return total

    return loss
