"""Learning curves of probes and where they cross."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skext.naive_bayes._curve.crossover import bootstrap_crossover
from skext.naive_bayes._curve.data import check_test_set, check_train_sizes
from skext.naive_bayes._curve.fit import run_repeat
from skext.utils._labels import read_labels
from skext.utils._plotting import check_confidence_level
from skext.utils._random import fit_rng
from skext.utils._sklearn import Interval, StrOptions, validate_params

_LOSSES = ("error", "log_loss")


class ProbeLearningCurve:
    """Errors of several probes on the same growing training sets.

    :func:`probe_learning_curve` makes one.

    Parameters
    ----------
    frame : DataFrame
        One row for each probe, size and repeat, with the columns ``estimator``,
        ``n_train``, ``repeat``, one for each metric, ``fit_time`` and
        ``score_time`` in seconds.
    metrics : list of str
        Names of the metrics.

    Attributes
    ----------
    frame : DataFrame
        As given.
    metrics : list of str
        As given.
    estimator_names : list of str
        Names of the probes, in the order in which they were given.
    train_sizes : ndarray of shape (n_sizes,)
        Numbers of training rows, increasing.

    See Also
    --------
    skext.naive_bayes.ProbeLearningCurveDisplay : The picture.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skext.naive_bayes import LinearGaussianNB, probe_learning_curve
    >>> X, y = load_iris(return_X_y=True)
    >>> curve = probe_learning_curve(
    ...     {"naive Bayes": LinearGaussianNB(), "logistic": LogisticRegression()},
    ...     X, y, train_sizes=[6, 20, 100], random_state=0,
    ... )
    >>> curve.estimator_names
    ['naive Bayes', 'logistic']
    >>> curve.train_sizes
    array([  6,  20, 100])
    """

    def __init__(self, frame, metrics):
        self.frame = frame
        self.metrics = list(metrics)
        self.estimator_names = list(dict.fromkeys(frame["estimator"]))
        self.train_sizes = np.unique(frame["n_train"].to_numpy())

    def __repr__(self):
        n_repeats = self.frame["repeat"].nunique()
        return (
            f"ProbeLearningCurve({self.estimator_names}, "
            f"train_sizes={self.train_sizes.tolist()}, n_repeats={n_repeats})"
        )

    def values(self, estimator, metric=None):
        """Return one metric of one probe.

        Parameters
        ----------
        estimator : str
            Name of the probe.
        metric : str, default=None
            Name of the metric; None is the first one.

        Returns
        -------
        values : ndarray of shape (n_repeats, n_sizes)
            Rows are repeats, paired between the probes.

        Raises
        ------
        ValueError
            If there is no such probe or metric.
        """
        metric = self.metrics[0] if metric is None else metric
        if estimator not in self.estimator_names:
            raise ValueError(
                f"estimator={estimator!r} must be one of {self.estimator_names}."
            )
        if metric not in self.metrics:
            raise ValueError(f"metric={metric!r} must be one of {self.metrics}.")
        mine = self.frame[self.frame["estimator"] == estimator]
        table = mine.pivot(index="repeat", columns="n_train", values=metric)
        return table.to_numpy()

    def crossover(
        self,
        a,
        b,
        *,
        metric=None,
        confidence_level=0.95,
        n_resamples=2000,
        random_state=0,
    ):
        """Find the size from which probe ``b`` is at least as good as probe ``a``.

        Between two sizes the mean difference is interpolated linearly in the
        logarithm of the size. Whole repeats are drawn for the interval, so the
        probes stay paired; with few repeats it is rough. Repeats share rows, so it
        describes the variation between training sets of these data.

        Parameters
        ----------
        a, b : str
            Names of the probe that leads with few rows and of the other one.
        metric : str, default=None
            Name of the metric; None is the first one.
        confidence_level : float, default=0.95
            Coverage of the interval.
        n_resamples : int, default=2000
            Number of bootstrap draws.
        random_state : int, RandomState, Generator or None, default=0
            Source of the draws.

        Returns
        -------
        crossover : Crossover
            Named tuple of ``n_train``, ``low``, ``high`` and ``overtaken``.
            ``n_train`` is the smallest size if ``a`` never leads, and infinity if
            ``b`` is behind at the largest size.

        Raises
        ------
        ValueError
            If a name is unknown or a probe has no values of the metric.
        """
        metric = self.metrics[0] if metric is None else metric
        check_confidence_level(confidence_level)
        gaps = self.values(b, metric) - self.values(a, metric)
        if not np.isfinite(gaps).all():
            raise ValueError(
                f"metric={metric!r} has missing values for {a!r} or {b!r}; a log loss "
                "needs predict_proba."
            )
        # Scorers of scikit-learn are better when they are greater.
        return bootstrap_crossover(
            self.train_sizes,
            gaps if metric in _LOSSES else -gaps,
            confidence_level=confidence_level,
            n_resamples=n_resamples,
            rng=fit_rng(random_state),
        )


def _named(estimators):
    """Return a dict of probes."""
    if isinstance(estimators, Mapping):
        pairs = list(estimators.items())
    else:
        pairs = [
            item if isinstance(item, tuple) else (type(item).__name__, item)
            for item in estimators
        ]
    names = [str(name) for name, _ in pairs]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"estimators must have different names, and they have {names}; give a dict "
            "of names and estimators."
        )
    return dict(zip(names, [model for _, model in pairs], strict=True))


@validate_params(
    {
        "estimators": [Mapping, list, tuple],
        "train_sizes": ["array-like", None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "test_size": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
            tuple,
        ],
        "sampling": [StrOptions({"stratified", "reject"})],
        "scoring": [str, list, tuple],
        "n_jobs": [Integral, None],
        "random_state": ["random_state", np.random.Generator],
    },
    prefer_skip_nested_validation=True,
)
def probe_learning_curve(
    estimators,
    X,
    y,
    *,
    train_sizes=None,
    n_repeats=5,
    test_size=0.25,
    sampling="stratified",
    scoring=("error", "log_loss"),
    n_jobs=None,
    random_state=None,
):
    """Compare probes on the same growing training sets.

    Generative probes lead with few labels, discriminative ones with many: the two
    regimes of [1]_. This finds out where one's own data are.

    Parameters
    ----------
    estimators : dict of str to estimator, list of (str, estimator) or list of estimator
        The probes; without names, the names of their classes. They are cloned.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features.
    y : array-like of shape (n_samples,)
        Class labels.
    train_sizes : array-like of shape (n_sizes,), default=None
        Numbers of training rows, or parts of the rows that are not kept for the
        test. None spaces eight sizes evenly in the logarithm.
    n_repeats : int, default=5
        How often test and training sets are drawn.
    test_size : float, int or tuple of (X_test, y_test), default=0.25
        Part or number of the rows that are drawn for the test in every repeat, in
        the shares of the classes; or one test set for all repeats.
    sampling : {"stratified", "reject"}, default="stratified"
        How the training sets are drawn. "stratified" keeps the shares of the
        classes, with one row of each class at least; "reject" draws at random until
        the smallest set has all classes, as in [1]_, which never ends with rare
        classes and is refused after 1000 draws.
    scoring : str or list of str, default=("error", "log_loss")
        "error" is the part of wrong labels; "log_loss" is missing for probes without
        ``predict_proba``. Other names are those of scikit-learn's scorers.
    n_jobs : int, default=None
        Number of processes for the repeats.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; the result does not depend on ``n_jobs``.

    Returns
    -------
    curve : ProbeLearningCurve
        With the data frame ``frame`` and the method ``crossover``.

    Raises
    ------
    ValueError
        If sizes do not fit the data, names repeat, or classes are too small.

    See Also
    --------
    sklearn.model_selection.learning_curve : For one estimator, with any splitter.
    skext.naive_bayes.ProbeLearningCurveDisplay : The picture.

    Notes
    -----
    The training sets of a repeat are nested. Closed-form probes of this package go
    through them with ``partial_fit``, so the whole curve costs one pass over the
    largest set plus one solution for each size; ``fit_time`` is what one fit of that
    size would take. Probes whose fit needs all rows at once, such as those with a
    parameter "loo", are fitted anew. Logistic regression, alone or as the last step
    of a pipeline, starts from its solution for the size before, and its
    ``fit_time`` gains from that.

    References
    ----------
    .. [1] Chenyu Zheng, Guoqiang Wu, Fan Bao, Yue Cao, Chongxuan Li and Jun Zhu,
       "Revisiting Discriminative vs. Generative Classifiers: Theory and
       Implications", International Conference on Machine Learning, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skext.naive_bayes import LinearGaussianNB, probe_learning_curve
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> logistic = make_pipeline(StandardScaler(), LogisticRegression())
    >>> curve = probe_learning_curve(
    ...     {"naive Bayes": LinearGaussianNB(), "logistic": logistic},
    ...     X, y, train_sizes=[6, 20, 60, 200], n_repeats=10, random_state=0,
    ... )
    >>> mean = curve.frame.groupby(["n_train", "estimator"])["error"].mean().unstack()
    >>> bool(mean.loc[6, "naive Bayes"] < mean.loc[6, "logistic"])
    True
    >>> bool(mean.loc[200, "naive Bayes"] < mean.loc[200, "logistic"])
    False
    >>> 6 < curve.crossover("naive Bayes", "logistic").n_train < 60
    True
    """
    import pandas as pd

    models = _named(estimators)
    scoring = [scoring] if isinstance(scoring, str) else list(scoring)
    if not scoring:
        raise ValueError(f"scoring={scoring!r} must name at least one metric.")
    X = X if hasattr(X, "shape") else np.asarray(X)
    # Rows of other sparse formats cannot be taken.
    X = X.tocsr() if hasattr(X, "tocsr") else X
    y = column_or_1d(read_labels(y))
    check_consistent_length(X, y)
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    test = check_test_set(test_size, X, y)
    n_pool = y.size
    if test is None:
        drawn = test_size if isinstance(test_size, Integral) else test_size * n_pool
        n_pool -= int(np.ceil(drawn))
    sizes = check_train_sizes(train_sizes, n_pool, classes.size)
    seeds = fit_rng(random_state).randint(np.iinfo(np.int32).max, size=n_repeats)
    runs = Parallel(n_jobs=n_jobs)(
        delayed(run_repeat)(
            models, X, y, codes, test, test_size, sizes, sampling, scoring, int(seed)
        )
        for seed in seeds
    )
    frame = pd.DataFrame(
        [
            {**record, "repeat": repeat}
            for repeat, records in enumerate(runs)
            for record in records
        ]
    )
    columns = ["estimator", "n_train", "repeat", *scoring, "fit_time", "score_time"]
    return ProbeLearningCurve(frame[columns], scoring)
