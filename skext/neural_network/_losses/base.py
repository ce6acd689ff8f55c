"""What all criteria share: shapes of scores, members, weights and reductions."""

import inspect
from typing import NamedTuple

import torch
from torch import nn

REDUCTIONS = ("mean", "sum", "none")


class Layout(NamedTuple):
    """Scores in their canonical shape.

    ``scores`` is of shape (B[, m][, K]); the flags tell which of the two optional axes
    are there.
    """

    scores: torch.Tensor
    members: bool
    columns: bool


def check_choice(name, value, allowed):
    """Return a value that is one of those allowed, or raise.

    Parameters
    ----------
    name : str
        Parameter to name in the error.
    value : object
        What the user gave.
    allowed : tuple
        What may be given.

    Returns
    -------
    value : object
        The same value.

    Raises
    ------
    ValueError
        If it is not allowed.
    """
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {list(allowed)}.")
    return value


def at_least_float32(tensor):
    """Raise half precision and integers to float32, leave float32 and float64.

    Parameters
    ----------
    tensor : Tensor
        Any tensor.

    Returns
    -------
    tensor : Tensor
        The same values; sorting and sums need the mantissa.
    """
    if tensor.dtype in (torch.float32, torch.float64):
        return tensor
    return tensor.float()


def lay_out(scores, ensemble_dim=None, n_outputs=None):
    """Tell members and classes apart in a tensor of scores.

    Parameters
    ----------
    scores : Tensor of shape (B,), (B, K), (B, m) or (B, m, K)
        Output of a network.
    ensemble_dim : {None, 1}, default=None
        1 if a second axis holds members.
    n_outputs : int, default=None
        Outputs of one member, if known: the number of axes then tells whether there
        are members, and ``ensemble_dim`` is not needed.

    Returns
    -------
    layout : Layout
        Scores without axes of length one for a single output.
    """
    scores = at_least_float32(scores)
    if n_outputs is not None:
        columns = n_outputs > 1
        members = scores.ndim == 2 + columns
        return Layout(scores, members, columns)
    members = ensemble_dim is not None and scores.ndim > 1
    columns = scores.ndim > 1 + members
    if columns and scores.shape[-1] == 1:
        return Layout(scores.squeeze(-1), members, False)
    return Layout(scores, members, columns)


def align(values, like):
    """Append axes to values of rows so that they broadcast.

    Parameters
    ----------
    values : Tensor of shape (B,) or (B, 1)
        One value a row.
    like : Tensor of shape (B, ...)
        What they will be combined with.

    Returns
    -------
    values : Tensor of shape (B, 1, ...)
        As many axes as ``like``.
    """
    return values.reshape(-1, *([1] * (like.ndim - 1)))


def class_index(target, layout):
    """Return class codes in the shape that ``gather`` along the classes needs.

    Parameters
    ----------
    target : Tensor of shape (B,)
        Class codes of any dtype.
    layout : Layout
        Scores with columns.

    Returns
    -------
    index : Tensor of shape (B[, m], 1)
        Codes as integers.
    """
    index = align(target.long(), layout.scores)
    return index.expand(*layout.scores.shape[:-1], 1) if layout.members else index


def reduce_losses(losses, sample_weight=None, reduction="mean"):
    """Reduce losses of rows; members are averaged.

    Parameters
    ----------
    losses : Tensor of shape (B,) or (B, m)
        A loss for each row, and member.
    sample_weight : Tensor of shape (B,), default=None
        Weights of the rows.
    reduction : {"mean", "sum", "none"}, default="mean"
        A weighted mean divides by the sum of the weights.

    Returns
    -------
    loss : Tensor
        A scalar, or the weighted losses of the rows.
    """
    if sample_weight is None:
        if reduction == "mean":
            return losses.mean()
        if reduction == "none":
            return losses
    else:
        weight = align(sample_weight.to(losses.dtype), losses)
        losses = losses * weight
        if reduction == "none":
            return losses
        if reduction == "mean":
            # A batch without any weight has no loss, rather than an undefined one.
            losses = losses / weight.sum().clamp_min(torch.finfo(losses.dtype).tiny)
    return losses.sum() if losses.ndim == 1 else losses.sum(0).mean()


class TabularLoss(nn.Module):
    """Base of all criteria: a loss for each row, weighted and reduced.

    Subclasses implement ``_row_losses(layout, target)``.

    Parameters
    ----------
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members that are trained side by side; their
        losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined.

    Attributes
    ----------
    link : {"logit", "symlog", "identity"}
        How scores become probabilities: ``"logit"`` by the logistic function or the
        softmax, ``"symlog"`` by the same of sign(f) log(1 + abs(f)), ``"identity"`` if
        scores are predictions of a number.
    link_scale : float
        Factor of the scores before the link where nothing better was fitted.
    n_outputs : int or None
        Outputs of one member, if known; then the number of axes of the scores tells
        whether there are members, whatever ``ensemble_dim`` says.
    progress : float
        Share of the training that is done, for losses with a schedule.
    robust : bool
        Whether targets that are numbers are scaled by median and absolute deviation.
    """

    link = "logit"
    link_scale = 1.0
    n_outputs = None
    progress = 1.0
    robust = False

    def __init__(self, *, ensemble_dim=None, reduction="mean"):
        super().__init__()
        self.ensemble_dim = check_choice("ensemble_dim", ensemble_dim, (None, 1))
        self.reduction = check_choice("reduction", reduction, REDUCTIONS)

    def forward(self, scores, target, sample_weight=None):
        """Compute the loss of a batch.

        Parameters
        ----------
        scores : Tensor of shape (B,), (B, K), (B, m) or (B, m, K)
            Output of the network; m members if ``ensemble_dim=1``.
        target : Tensor of shape (B,)
            Classes 0, 1, ... or numbers, of any dtype.
        sample_weight : Tensor of shape (B,), default=None
            Weights of the rows.

        Returns
        -------
        loss : Tensor
            A scalar, or for ``reduction="none"`` of shape (B,) or (B, m).
        """
        layout = lay_out(scores, self.ensemble_dim, self.n_outputs)
        losses = self._row_losses(layout, target)
        return reduce_losses(losses, sample_weight, self.reduction)

    @staticmethod
    def defaults(n_outputs):
        """Return parameters that follow from the number of outputs of a member.

        Parameters
        ----------
        n_outputs : int
            Scores of a row and member.

        Returns
        -------
        params : dict
            Used where the loss is made by its name.
        """
        return {}

    def _row_losses(self, layout, target):
        """Compute the loss of each row.

        Parameters
        ----------
        layout : Layout
            Scores and what their axes are.
        target : Tensor of shape (B,)
            Classes or numbers.

        Returns
        -------
        losses : Tensor of shape (B,) or (B, m)
            Not weighted.
        """
        raise NotImplementedError

    def extra_repr(self):
        """Return the parameters that are not at their defaults.

        Returns
        -------
        text : str
            Names and values.
        """
        known = inspect.signature(type(self)).parameters.values()
        return ", ".join(
            f"{item.name}={getattr(self, item.name)!r}"
            for item in known
            if getattr(self, item.name, item.default) != item.default
        )

    def link_scores(self, scores):
        """Transform scores to those that the link applies to.

        Parameters
        ----------
        scores : Tensor of shape (B,) or (B, K)
            Output of the network, without members.

        Returns
        -------
        scores : Tensor of the same shape
            The same scores, unless the loss normalises them.
        """
        return scores
