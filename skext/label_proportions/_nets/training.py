"""Training of networks on batches of whole bags.

torch and skorch are needed to train only; what is fitted are plain arrays, so that
models pickle anywhere and predict without either. All random numbers come from one
generator of numpy, so that torch's own stream is neither read nor moved.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from skext.utils._scaling import Scaler
from skext.utils._torch.device import resolve_device

# Rows that go through a network at a time.
_ROWS = 8192


class Layers(NamedTuple):
    """Weights of a network of rectified linear units."""

    scaler: Scaler
    coefs: list
    intercepts: list

    def __call__(self, X, rectify_last=False):
        """Return the outputs of the last layer for rows."""
        parts = []
        for start in range(0, X.shape[0], _ROWS):
            h = self.scaler(X[start : start + _ROWS])
            for number, (coef, intercept) in enumerate(
                zip(self.coefs, self.intercepts, strict=True), 1
            ):
                h = h @ coef + intercept
                if number < len(self.coefs) or rectify_last:
                    h = np.maximum(h, 0.0)
            parts.append(h)
        return np.concatenate(parts)


class BagRows:
    """Rows sorted by bag, and batches of whole bags, of any sizes and without padding.

    Parameters
    ----------
    torch : module
        Imported by the caller.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows, all in bags.
    codes : ndarray of shape (n_samples,)
        Number of the bag of each row.
    bag_values : ndarray of shape (n_bags, n_values)
        What is known of each bag.
    row_values : ndarray of shape (n_samples, n_row_values)
        What is known of each row.
    scaler : Scaler
        Applied to each batch.
    dtype : str
        Of the tensors.
    rng : RandomState
        Shuffles bags.
    """

    def __init__(self, torch, X, codes, bag_values, row_values, scaler, dtype, rng):
        order = np.argsort(codes, kind="stable")
        self.torch, self.scaler, self.dtype, self.rng = torch, scaler, dtype, rng
        self.X = X[order]
        self.row_values = row_values[order].astype(dtype)
        self.bag_values = bag_values.astype(dtype)
        sizes = np.bincount(codes, minlength=len(bag_values))
        self.indptr = np.concatenate([[0], np.cumsum(sizes)])

    def __len__(self):
        return len(self.bag_values)

    def keep(self, bags):
        """Return the same for some of the bags."""
        new = BagRows.__new__(BagRows)
        new.__dict__.update(self.__dict__)
        rows, codes = self._rows(bags)
        new.X, new.row_values = self.X[rows], self.row_values[rows]
        new.bag_values = self.bag_values[bags]
        sizes = np.bincount(codes, minlength=len(bags))
        new.indptr = np.concatenate([[0], np.cumsum(sizes)])
        return new

    def _rows(self, bags):
        sizes = np.diff(self.indptr)[bags]
        ends = np.cumsum(sizes)
        shift = np.repeat(self.indptr[bags] - (ends - sizes), sizes)
        return shift + np.arange(ends[-1]), np.repeat(np.arange(len(bags)), sizes)

    def batch(self, bags):
        """Return tensors for some of the bags: inputs, and what is known."""
        rows, codes = self._rows(bags)
        try:
            with np.errstate(over="raise"):
                table = self.scaler(self.X[rows])
                table = np.ascontiguousarray(table, dtype=self.dtype)
        except FloatingPointError:
            raise ValueError(
                f"X has values that are too large for {self.dtype}; rescale or clip "
                "them."
            ) from None
        tensor = self.torch.from_numpy
        inputs = {"x": tensor(table), "bag": tensor(codes)}
        known = {
            "bags": tensor(self.bag_values[bags]),
            "rows": tensor(self.row_values[rows]),
        }
        return inputs, known


class BagLoader:
    """Go through all bags once, in batches of about so many rows.

    Parameters
    ----------
    dataset : BagRows
        The bags.
    batch_size : int
        Most rows of a batch; a larger bag is a batch of its own.
    shuffle : bool, default=False
        Whether bags come in random order.
    """

    def __init__(self, dataset, batch_size, shuffle=False):
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle

    def __iter__(self):
        n_bags = len(self.dataset)
        order = np.arange(n_bags)
        if self.shuffle:
            order = self.dataset.rng.permutation(n_bags)
        sizes = np.diff(self.dataset.indptr)[order]
        first = total = 0
        for place, size in enumerate(sizes):
            if total and total + size > self.batch_size:
                yield self.dataset.batch(np.sort(order[first:place]))
                first, total = place, 0
            total += size
        yield self.dataset.batch(np.sort(order[first:]))


def mean_log_proba(torch, log_proba, bag, n_bags):
    """Return the logarithm of the mean probability of the rows of each bag.

    Parameters
    ----------
    torch : module
        Imported by the caller.
    log_proba : tensor of shape (n_rows, n_classes)
        Of the rows.
    bag : tensor of shape (n_rows,)
        Number of the bag of each row.
    n_bags : int
        Number of bags.

    Returns
    -------
    log_mean : tensor of shape (n_bags, n_classes)
        Finite where a row's is.
    """
    n_classes = log_proba.shape[1]
    index = bag[:, None].expand(-1, n_classes)
    # The largest is taken out, so that not all of a bag underflows.
    top = torch.full((n_bags, n_classes), -torch.inf).to(log_proba)
    top = top.scatter_reduce(0, index, log_proba.detach(), "amax")
    total = torch.zeros((n_bags, n_classes)).to(log_proba)
    total = total.index_add(0, bag, torch.exp(log_proba - top[bag]))
    sizes = torch.bincount(bag, minlength=n_bags).to(log_proba)
    return top + torch.log(total) - torch.log(sizes)[:, None]


def bag_means(torch, values, bag, n_bags):
    """Return the mean of the rows of each bag."""
    total = torch.zeros((n_bags, values.shape[1])).to(values)
    sizes = torch.bincount(bag, minlength=n_bags).to(values)
    return total.index_add(0, bag, values) / sizes[:, None]


def log_probabilities(torch, scores):
    """Return log-probabilities from one log-odds, or from a score per class."""
    if scores.shape[1] == 1:
        log_sigmoid = torch.nn.functional.logsigmoid
        return torch.cat([log_sigmoid(-scores), log_sigmoid(scores)], dim=1)
    return torch.log_softmax(scores, dim=1)


def linear_layers(torch, sizes, rng, dtype):
    """Return linear layers between so many units, drawn from numpy's generator."""
    layers = torch.nn.ModuleList()
    for n_in, n_out in itertools.pairwise(sizes):
        layer = torch.nn.utils.skip_init(
            torch.nn.Linear, n_in, n_out, dtype=getattr(torch, dtype)
        )
        bound = math.sqrt(6.0 / n_in)
        drawn = rng.uniform(-bound, bound, size=(n_out, n_in)).astype(dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(drawn))
            layer.bias.zero_()
        layers.append(layer)
    return layers


def as_arrays(layers):
    """Copy linear layers into lists of weights and of constants."""
    coefs, intercepts = [], []
    for layer in layers:
        weight = layer.weight.detach().cpu().numpy()
        coefs.append(np.ascontiguousarray(weight.T, dtype=np.float64))
        intercepts.append(layer.bias.detach().cpu().numpy().astype(np.float64))
    return coefs, intercepts


def _unchanged(data, target=None):
    """Keep skorch from wrapping the bags."""
    return data


def hold_out(order, n_valid, shares):
    """Choose bags to hold out.

    Parameters
    ----------
    order : ndarray of shape (n_bags,)
        The bags in random order, of which the first are taken.
    n_valid : int
        How many.
    shares : ndarray of shape (n_bags, n_classes)
        Shares of the classes; NaN is unknown.

    Returns
    -------
    held : ndarray of shape (n_bags,)
        True for the bags that are held out. If it can be, each class is among the
        others, and among them as well.
    """
    held = np.zeros(order.size, dtype=bool)
    held[order[:n_valid]] = True
    has = shares > 0
    for k, part in itertools.product(np.argsort(has.sum(axis=0)), (False, True)):
        if has[held == part, k].any() or has[:, k].sum() <= part:
            continue
        leaves = order[(held[order] == part) & _spare(has, held == part)[order]]
        comes = order[(held[order] != part) & has[order, k]]
        if part:
            # What is learned from comes first.
            comes = comes[_spare(has, ~held)[comes]]
        if comes.size and leaves.size:
            held[[comes[0], leaves[0]]] = part, not part
    return held


def _spare(has, part):
    """Tell which bags are not the last ones of a class in their part."""
    return (~has | (has[part].sum(axis=0) > 1)).all(axis=1)


def train(torch, module, loss, data, shares, options):
    """Train a network; return the losses by epoch.

    Parameters
    ----------
    torch : module
        Imported by the caller.
    module : torch Module
        Takes ``x`` and ``bag``; trained in place.
    loss : callable
        Maps the output, what is known and ``bag`` to the mean loss of a batch.
    data : BagRows
        All bags.
    shares : ndarray of shape (n_bags, n_classes)
        Shares of the classes in bags; NaN is unknown.
    options : estimator object
        Its parameters ``batch_size``, ``learning_rate_init``, ``alpha``, ``max_iter``,
        ``early_stopping``, ``validation_fraction``, ``n_iter_no_change``, ``device``.

    Returns
    -------
    history : list of dict
        With ``train_loss`` and, with held-out bags, ``valid_loss``.

    Raises
    ------
    ValueError
        If training diverged.
    """
    from skorch import NeuralNet
    from skorch.callbacks import EarlyStopping
    from skorch.helper import predefined_split
    from skorch.utils import to_device

    class BagNet(NeuralNet):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            known = to_device(y_true, self.device)
            return loss(y_pred, known, to_device(X["bag"], self.device))

    split, stop = None, []
    if options.early_stopping and len(data) > 1:
        order = data.rng.permutation(len(data))
        n_valid = max(1, round(options.validation_fraction * len(data)))
        n_valid = min(n_valid, len(data) - 1)
        held = hold_out(order, n_valid, shares)
        split = predefined_split(data.keep(np.flatnonzero(held)))
        data = data.keep(np.flatnonzero(~held))
        stop = [EarlyStopping(patience=options.n_iter_no_change, load_best=True)]
    net = BagNet(
        module,
        criterion=torch.nn.Identity,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=options.alpha,
        lr=options.learning_rate_init,
        max_epochs=options.max_iter,
        batch_size=options.batch_size,
        dataset=_unchanged,
        iterator_train=BagLoader,
        iterator_train__shuffle=True,
        iterator_valid=BagLoader,
        train_split=split,
        callbacks=stop,
        device=resolve_device(options.device),
        verbose=0,
    )
    net.fit(data, None)
    if not all(bool(p.isfinite().all()) for p in module.parameters()):
        raise ValueError(
            "Weights of the network grew beyond all bounds; lower learning_rate_init, "
            "scale the features, or clip what is too large in X."
        )
    return net.history
