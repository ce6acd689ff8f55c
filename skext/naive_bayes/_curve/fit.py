"""Fitting a probe on nested training sets, as cheaply as it allows."""

from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from skext.naive_bayes._curve.data import nested_order
from skext.utils._scoring import with_labels
from skext.utils._sklearn import safe_indexing

# Parameters that make a fit depend on more than the merged class moments.
_NEED_ALL_ROWS = ("loo", "ledoit-wolf", "schafer-strimmer", "center-l2")


def is_mergeable(estimator):
    """Tell whether updates in batches give the model of one fit on all rows.

    ``partial_fit`` alone does not say so: elsewhere it is one step of a gradient
    descent, or depends on the order of the batches.
    """
    if not type(estimator).__module__.startswith("skext.naive_bayes."):
        return False
    parameters = estimator.get_params(deep=False).values()
    chosen = [value for value in parameters if isinstance(value, str)]
    return hasattr(estimator, "partial_fit") and not set(chosen) & set(_NEED_ALL_ROWS)


def warm_started(estimator):
    """Return a clone that starts each fit from the last one if that is harmless.

    Logistic regression has one optimum, so the start changes the time only; other
    estimators with ``warm_start`` would keep what they learnt from fewer rows.
    """
    model = clone(estimator)
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if isinstance(last, LogisticRegression) and last.solver != "liblinear":
        last.set_params(warm_start=True)
    return model


def nested_fits(estimator, X, y, order, sizes, classes):
    """Yield the estimator fitted on each beginning of ``order``, with its seconds.

    It is the same object every time: use it before asking for the next one. Seconds
    of merged fits are those of all batches so far and of one solution.

    Parameters
    ----------
    estimator : estimator object
        It is cloned.
    X : array-like of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Labels.
    order : ndarray of shape (n_samples,)
        The first rows are the smallest training set.
    sizes : ndarray of shape (n_sizes,)
        Increasing sizes.
    classes : ndarray of shape (n_classes,)
        All labels.

    Yields
    ------
    model : estimator object
        Fitted.
    seconds : float
        What fitting it took.
    """
    if not is_mergeable(estimator):
        model = warm_started(estimator)
        for size in sizes:
            rows = order[:size]
            X_train, y_train = safe_indexing(X, rows), y[rows]
            began = perf_counter()
            model.fit(X_train, y_train)
            yield model, perf_counter() - began
        return
    model, spent, start = clone(estimator), 0.0, 0
    for size in sizes:
        rows = order[start:size]
        batch = safe_indexing(X, rows), y[rows]
        began = perf_counter()
        model.partial_fit(*batch, classes=classes)
        updated = perf_counter()
        # Solutions are derived when first asked for.
        getattr(model, "coef_", None)
        spent += updated - began
        yield model, spent + perf_counter() - updated
        start = size


def _score(model, X, y, scoring, classes):
    """Return one number for each metric, and the seconds of predicting."""
    began = perf_counter()
    labels = model.predict(X)
    proba = None
    if "log_loss" in scoring and hasattr(model, "predict_proba"):
        proba = np.asarray(model.predict_proba(X), dtype=np.float64)
    seconds = perf_counter() - began
    if proba is not None:
        # Some estimators normalize with less precision than the loss asks for.
        proba = proba / proba.sum(axis=1, keepdims=True)
    found = {}
    for name in scoring:
        if name == "error":
            found[name] = float(np.mean(labels != y))
        elif name == "log_loss":
            missing = proba is None
            found[name] = np.nan if missing else log_loss(y, proba, labels=classes)
        else:
            found[name] = float(with_labels(name, classes)(model, X, y))
    return found, seconds


def run_repeat(models, X, y, codes, test, test_size, sizes, sampling, scoring, seed):
    """Fit and score all probes on the nested training sets of one repeat.

    Parameters
    ----------
    models : dict of str to estimator
        The probes.
    X : array-like of shape (n_samples, n_features)
        Features.
    y, codes : ndarray of shape (n_samples,)
        Labels, and their positions in the sorted list of labels.
    test : tuple of (X_test, y_test) or None
        Test set, else it is drawn with ``test_size``.
    test_size : float or int
        Part or number of the rows to draw, in the shares of the classes.
    sizes : ndarray of shape (n_sizes,)
        Increasing sizes.
    sampling : {"stratified", "reject"}
        How the training sets are drawn.
    scoring : list of str
        Names of the metrics.
    seed : int
        Seed of this repeat.

    Returns
    -------
    records : list of dict
        One for each probe and size.
    """
    rng = np.random.RandomState(seed)
    classes = np.unique(y)
    pool = np.arange(y.size)
    if test is None:
        pool, rows = train_test_split(
            pool, test_size=test_size, stratify=codes, random_state=rng
        )
        test = safe_indexing(X, rows), y[rows]
    local = codes[pool]
    if np.unique(local).size < classes.size:
        absent = classes[~np.isin(np.arange(classes.size), local)]
        raise ValueError(
            f"y has too few rows of the classes {absent.tolist()} to keep some for the "
            "test; give a test set of its own or leave the classes out."
        )
    order = pool[nested_order(local, sizes[0], sampling, rng)]
    records = []
    for name, estimator in models.items():
        fits = nested_fits(estimator, X, y, order, sizes, classes)
        for size, (model, fit_time) in zip(sizes, fits, strict=True):
            found, score_time = _score(model, *test, scoring, classes)
            record = {"estimator": name, "n_train": int(size), **found}
            records.append(record | {"fit_time": fit_time, "score_time": score_time})
    return records
