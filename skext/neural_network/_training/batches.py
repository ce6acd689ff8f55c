"""Rows that live on the device, cut into batches by one gather an epoch."""

from typing import NamedTuple

import numpy as np
import torch


class Table(NamedTuple):
    """Rows of a data set on one device.

    Attributes
    ----------
    X : Tensor of shape (n_samples, n_features)
        Features, float32.
    y : Tensor of shape (n_samples,)
        Targets, int64 or float32.
    weight : Tensor of shape (n_samples,) or None
        Weights of the loss, float32.
    """

    X: torch.Tensor
    y: torch.Tensor
    weight: torch.Tensor | None

    @property
    def n_rows(self):
        """Number of rows."""
        return self.X.shape[0]


def make_table(X, y, weight, device):
    """Move arrays to the device, once.

    Parameters
    ----------
    X, y, weight : array-like, Tensor or None
        Features, targets and weights.
    device : torch.device
        Where they shall live.

    Returns
    -------
    table : Table
        Contiguous tensors; nothing is copied that fits already.

    Raises
    ------
    ValueError
        If there is no row or the lengths differ.
    """
    X = to_tensor(X, device, torch.float32)
    y = to_tensor(y, device)
    weight = None if weight is None else to_tensor(weight, device, torch.float32)
    lengths = [len(part) for part in (X, y, weight) if part is not None]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"X, y and sample_weight have {lengths} rows; give as many of each."
        )
    if lengths[0] == 0:
        raise ValueError("X has 0 rows; give at least one to train on.")
    return Table(X, y, weight)


def to_tensor(values, device, dtype=None):
    """Return a tensor on the device that shares no memory with a read-only array.

    Parameters
    ----------
    values : array-like or Tensor
        Numbers.
    device : torch.device
        Where the tensor shall live.
    dtype : torch.dtype, default=None
        By default int64 for integers and booleans, float32 for anything else.

    Returns
    -------
    tensor : Tensor
        Contiguous.
    """
    if not isinstance(values, torch.Tensor):
        values = np.ascontiguousarray(values)
        if not values.flags.writeable or any(s < 0 for s in values.strides):
            values = values.copy()
        values = torch.from_numpy(values)
    if dtype is None:
        dtype = torch.float32 if values.is_floating_point() else torch.int64
    return values.to(device=device, dtype=dtype).contiguous()


def batch_sizes(n_rows, batch_size, *, drop_last=False):
    """Return the sizes of the batches of an epoch.

    Parameters
    ----------
    n_rows : int
        Rows of the epoch.
    batch_size : int or None
        Rows of a batch; None takes all at once.
    drop_last : bool, default=False
        Leave out an incomplete last batch, unless it is the only one.

    Returns
    -------
    sizes : list of int
        A last batch of a single row is merged into the one before: batch
        normalisation has no variance of one row, and its gradient would count
        batch_size times as much as another's.
    """
    if batch_size is None or batch_size >= n_rows:
        return [n_rows]
    full, rest = divmod(n_rows, batch_size)
    sizes = [batch_size] * full
    if rest == 1 and not drop_last:
        sizes[-1] += 1
    elif rest and not drop_last:
        sizes.append(rest)
    return sizes


class EpochBuffers:
    """Room for the rows of one epoch in the order of their batches.

    Parameters
    ----------
    table : Table
        The data.
    """

    def __init__(self, table):
        self._table = table
        self._room = None

    def split(self, order, sizes):
        """Gather rows and cut them into batches.

        Parameters
        ----------
        order : Tensor of shape (n_rows,) or None
            Rows in the order of their visit, int64 on the CPU; None leaves them as
            they are and copies nothing.
        sizes : list of int
            Rows of each batch; rows beyond the last batch are left out.

        Returns
        -------
        batches : list of (X, y, weight)
            Views, valid until the next call.
        """
        table = self._table
        total = sum(sizes)
        if order is not None:
            table = self._gather(order[:total].to(table.X.device, non_blocking=True))
        parts = [
            [None] * len(sizes) if part is None else part[:total].split(sizes)
            for part in table
        ]
        return list(zip(*parts, strict=True))

    def _gather(self, order):
        if self._room is None or self._room.n_rows != len(order):
            shapes = [
                None if part is None else part.new_empty((len(order), *part.shape[1:]))
                for part in self._table
            ]
            self._room = Table(*shapes)
        for part, room in zip(self._table, self._room, strict=True):
            if part is not None:
                torch.index_select(part, 0, order, out=room)
        return self._room


def batch_weights(batches):
    """Return the share of each batch in the mean loss of an epoch, on its device."""
    if batches[0][2] is None:
        sizes = [float(len(X)) for X, _, _ in batches]
        return torch.tensor(sizes, device=batches[0][0].device)
    return torch.stack([weight.sum() for _, _, weight in batches])
