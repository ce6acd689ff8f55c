"""Training of networks on batches of whole bags; only its functions need torch.

All random numbers come from one generator of numpy, so that torch's own stream is
neither read nor moved.
"""

import itertools

import numpy as np

from skext.utils._scaling import apply_scaler


class BagRows:
    """Rows sorted by bag, and batches of whole bags, of any sizes and without padding.

    Parameters
    ----------
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

    def __init__(self, X, codes, bag_values, row_values, scaler, dtype, rng):
        order = np.argsort(codes, kind="stable")
        self.scaler, self.dtype, self.rng = scaler, dtype, rng
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
        from torch import from_numpy

        rows, codes = self._rows(bags)
        table = apply_scaler(self.X[rows], self.scaler, self.dtype)
        inputs = {"x": from_numpy(table), "bag": from_numpy(codes)}
        known = {
            "bags": from_numpy(self.bag_values[bags]),
            "rows": from_numpy(self.row_values[rows]),
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


def mean_log_proba(log_proba, bag, n_bags):
    """Return the logarithm of the mean probability of the rows of each bag.

    Parameters
    ----------
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
    top = log_proba.new_full((n_bags, n_classes), -np.inf)
    top = top.scatter_reduce(0, index, log_proba.detach(), "amax")
    total = log_proba.new_zeros((n_bags, n_classes))
    total = total.index_add(0, bag, (log_proba - top[bag]).exp())
    sizes = bag.bincount(minlength=n_bags).to(log_proba)
    return top + total.log() - sizes.log()[:, None]


def bag_means(values, bag, n_bags):
    """Return the mean of the rows of each bag."""
    total = values.new_zeros((n_bags, values.shape[1]))
    sizes = bag.bincount(minlength=n_bags).to(values)
    return total.index_add(0, bag, values) / sizes[:, None]


def log_probabilities(scores):
    """Return log-probabilities from one log-odds, or from a score per class."""
    if scores.shape[1] > 1:
        return scores.log_softmax(dim=1)
    from torch import cat
    from torch.nn.functional import logsigmoid

    return cat([logsigmoid(-scores), logsigmoid(scores)], dim=1)


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


def train(module, loss, data, shares, options):
    """Train a network; return the losses by epoch.

    Parameters
    ----------
    module : nn.Module
        Takes ``x`` and ``bag``; trained in place.
    loss : callable
        Maps the output, what is known and ``bag`` to the mean loss of a batch.
    data : BagRows
        All bags.
    shares : ndarray of shape (n_bags, n_classes)
        Shares of the classes in bags; NaN is unknown.
    options : estimator object
        Its parameters are those of the network.

    Returns
    -------
    history : dict of ndarray of shape (n_epochs,)
        With ``train_loss`` and, with held-out bags, ``valid_loss``.

    Raises
    ------
    ValueError
        If training diverged.
    """
    from torch.optim import AdamW

    # torch is loaded by those who train.
    from skext.utils._torch.training import loss_history, make_net

    valid = patience = None
    if options.early_stopping and len(data) > 1:
        order = data.rng.permutation(len(data))
        n_valid = max(1, round(options.validation_fraction * len(data)))
        n_valid = min(n_valid, len(data) - 1)
        held = hold_out(order, n_valid, shares)
        valid = data.keep(np.flatnonzero(held))
        data = data.keep(np.flatnonzero(~held))
        patience = options.n_iter_no_change

    def of_batch(output, known, inputs):
        return loss(output, known, inputs["bag"].to(known["bags"].device))

    net = make_net(
        module,
        of_batch,
        BagLoader,
        valid=valid,
        patience=patience,
        device=options.device,
        optimizer=AdamW,
        optimizer__weight_decay=options.weight_decay,
        lr=options.learning_rate_init,
        max_epochs=options.max_epochs,
        batch_size=options.batch_size,
    )
    net.fit(data, None)
    if not all(bool(p.isfinite().all()) for p in module.parameters()):
        raise ValueError(
            f"learning_rate_init={options.learning_rate_init!r} lets the weights of "
            "the network grow beyond all bounds; lower it, scale the features, or clip "
            "what is too large in X."
        )
    return loss_history(net)
