"""Kinds of targets: what makes a task of one differ from a task of another."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of target, and how its tasks are split, asked and read.

    Parameters
    ----------
    name : str
        Its name: the type of a task.
    track : str
        Comparison of the tasks that name none.
    target : {"classes", "numbers", "clusters"}
        What the target holds. Where it is clusters, a method is fitted to the whole
        table, and the target only scores.
    by_track : bool, default=False
        Whether all tasks of the track are of this kind, whatever their targets are
        like.
    ask : callable, default=None
        ``ask(estimator, X)`` returns further predictions: a dict of names, which
        metrics may need, to arrays of shape (n_samples, ...) or None.
    lacking : str, default=""
        Why ``ask`` may have found nothing.
    """

    name: str
    track: str
    target: str
    by_track: bool = False
    ask: Callable | None = None
    lacking: str = ""


# Those that can be told by looking at a target; tracks bring others.
_KNOWN = (
    Kind("binary", "classification", "classes"),
    Kind("multiclass", "classification", "classes"),
    Kind("regression", "regression", "numbers"),
)
KINDS = {kind.name: kind for kind in _KNOWN}
CLASSIFICATION = ("binary", "multiclass")


def task_types() -> tuple:
    """Return what a user may say about a target: a kind, or just classification."""
    return (
        *CLASSIFICATION,
        "classification",
        *(k for k in KINDS if k not in CLASSIFICATION),
    )


def target_of(task_type) -> str:
    """Say what the targets of a type of task hold."""
    return KINDS[task_type].target
