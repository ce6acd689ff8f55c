"""Scorers for rows that may not hold every class."""

import contextlib
import copy
import inspect

from sklearn.metrics import get_scorer


def with_labels(scoring, classes):
    """Return a scorer that knows all classes, whichever of them it is given.

    A scorer of probabilities otherwise takes the classes from the rows that it
    scores, and fails where a rare one is missing among them.

    Parameters
    ----------
    scoring : str or callable
        Name of a scorer of scikit-learn, a scorer, or ``scoring(estimator, X, y)``.
    classes : ndarray of shape (n_classes,)
        Labels of the columns of ``predict_proba``, sorted.

    Returns
    -------
    scorer : callable
        The given one where its metric compares labels, takes no ``labels``, or has
        them already.
    """
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    metric = getattr(scorer, "_score_func", None)
    if metric is None or scorer._response_method == "predict":
        return scorer
    accepted = inspect.signature(metric).parameters
    if "labels" not in accepted or "labels" in scorer._kwargs:
        return scorer
    given = {"labels": classes}
    if len(classes) <= 2 and "pos_label" in accepted:
        given["pos_label"] = classes[-1]
    # A copy keeps what is requested of metadata.
    scorer = copy.copy(scorer)
    scorer._kwargs = given | scorer._kwargs
    return scorer


@contextlib.contextmanager
def explained(scoring):
    """Name the parameter and the cure where a scorer cannot score held-out rows.

    Parameters
    ----------
    scoring : object
        The parameter.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"scoring={scoring!r} cannot score the held-out rows ({error}). With more "
            "than two classes take one that is made for them, such as 'neg_log_loss', "
            "'roc_auc_ovr' or 'balanced_accuracy'; for labels that are no numbers, one "
            "of a classifier."
        ) from error
