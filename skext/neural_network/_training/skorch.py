"""Callbacks of skorch: copied, and called no more often than they need."""

import copy

from skorch.callbacks import Callback, EpochScoring, LRScheduler
from skorch.callbacks.scoring import ScoringBase


def copy_callbacks(callbacks):
    """Copy the callbacks of the user, so that training leaves his own alone.

    Parameters
    ----------
    callbacks : list or None
        Callbacks, classes of them, or (name, callback) pairs.

    Returns
    -------
    callbacks : list
        Deep copies, or shallow ones of callbacks that hold what cannot be copied, the
        connection of a logger for instance.

    Raises
    ------
    TypeError
        If an entry is not a callback.
    """
    if callbacks is None:
        return []
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(
            f"callbacks={callbacks!r} must be a list of skorch callbacks or None."
        )
    return [_copy_entry(entry) for entry in callbacks]


def _copy_entry(entry):
    if isinstance(entry, tuple) and len(entry) == 2:
        return entry[0], _copy_entry(entry[1])
    if entry is None or isinstance(entry, type):
        return entry
    if not isinstance(entry, Callback):
        raise TypeError(
            f"callbacks contains {entry!r}, which is not a callback of skorch."
        )
    try:
        return copy.deepcopy(entry)
    except Exception:
        return copy.copy(entry)


def overrides(callback, method):
    """Tell whether a callback does anything in a method."""
    return getattr(type(callback), method, None) is not getattr(Callback, method)


def batch_needs(callbacks):
    """Find out which notices of batches anybody wants.

    Parameters
    ----------
    callbacks : list of (name, callback)
        Initialised callbacks.

    Returns
    -------
    training, validation, gradients : bool
        Whether some callback uses the training batches, the hold-out, the gradients.
    """
    training = validation = gradients = False
    for _, callback in callbacks:
        gradients |= overrides(callback, "on_grad_computed")
        if isinstance(callback, LRScheduler) and callback.step_every == "epoch":
            continue
        if isinstance(callback, EpochScoring) and not callback.use_caching:
            continue
        if overrides(callback, "on_batch_begin") or overrides(callback, "on_batch_end"):
            scores = isinstance(callback, ScoringBase)
            training |= not scores or callback.on_train
            validation |= not scores or not callback.on_train
    return training, validation, gradients


def sets_rates(callbacks):
    """Tell whether a callback schedules the learning rate itself."""
    return any(isinstance(callback, LRScheduler) for _, callback in callbacks)


def portable_callbacks(callbacks):
    """Return callbacks for a pickle, without the optimiser that schedulers hold."""
    kept = []
    for name, callback in callbacks:
        if isinstance(callback, LRScheduler):
            callback = copy.copy(callback)
            callback.lr_scheduler_ = None
        kept.append((name, callback))
    return kept
