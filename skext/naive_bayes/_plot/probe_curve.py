"""Learning curves of probes: errors against labelled rows, and where they cross."""

import numpy as np

from skext.naive_bayes._curve.curve import probe_learning_curve
from skext.utils._plotting import (
    check_confidence_level,
    curve_style,
    one_axes,
    plain_legend,
)

_LABELS = {"error": "test error", "log_loss": "test log loss"}


class ProbeLearningCurveDisplay:
    """Mean of a metric against the number of training rows, for several probes.

    Use :meth:`from_estimators` or :meth:`from_result` to make one.

    Parameters
    ----------
    train_sizes : array-like of shape (n_sizes,)
        Numbers of training rows, increasing.
    values : dict of str to array-like of shape (n_repeats, n_sizes)
        Metric of each probe, by name.
    metric : str, default="error"
        Name of the metric, for the axis.
    crossover : Crossover or tuple of (n_train, low, high), default=None
        Where the second of two probes overtakes the first. Infinite ends are drawn
        up to the edge.
    confidence_level : float, default=0.95
        Coverage of the bands around the means.

    Attributes
    ----------
    train_sizes : ndarray of shape (n_sizes,)
        Numbers of training rows.
    values : dict of str to ndarray of shape (n_repeats, n_sizes)
        Metric of each probe.
    mean : dict of str to ndarray of shape (n_sizes,)
        Mean over the repeats.
    half_width : dict of str to ndarray of shape (n_sizes,)
        Half width of the interval of the mean by Student's t; zero for one repeat.
    ax_ : matplotlib Axes
        Axes of the drawing, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the drawing, after :meth:`plot`.
    lines_ : list of matplotlib Line2D
        Curves, after :meth:`plot`.

    See Also
    --------
    skext.naive_bayes.probe_learning_curve : Computes the curves.
    sklearn.model_selection.LearningCurveDisplay : Training and test score of one
        estimator.

    Examples
    --------
    >>> from skext.naive_bayes import ProbeLearningCurveDisplay
    >>> display = ProbeLearningCurveDisplay(
    ...     [10, 100], {"a": [[0.2, 0.2], [0.3, 0.2]], "b": [[0.4, 0.1], [0.5, 0.1]]}
    ... )
    >>> display.mean["b"]
    array([0.45, 0.1 ])
    """

    def __init__(
        self,
        train_sizes,
        values,
        *,
        metric="error",
        crossover=None,
        confidence_level=0.95,
    ):
        check_confidence_level(confidence_level)
        self.train_sizes = np.asarray(train_sizes)
        self.values = {}
        self.mean, self.half_width = {}, {}
        for name, given in values.items():
            table = np.asarray(given, dtype=float)
            if table.ndim != 2 or table.shape[1] != self.train_sizes.size:
                raise ValueError(
                    f"values[{name!r}] has shape {table.shape}; give one row for each "
                    f"repeat and one column for each of the {self.train_sizes.size} "
                    "train_sizes."
                )
            self.values[name] = table
            self.mean[name] = table.mean(axis=0)
            self.half_width[name] = _half_width(table, confidence_level)
        self.metric = metric
        self.crossover = crossover
        self.confidence_level = confidence_level

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        y,
        *,
        train_sizes=None,
        n_repeats=5,
        test_size=0.25,
        sampling="stratified",
        scoring="error",
        crossover="auto",
        confidence_level=0.95,
        n_jobs=None,
        random_state=None,
        ax=None,
        curve_kwargs=None,
    ):
        """Fit probes on growing training sets and draw their curves.

        Parameters
        ----------
        estimators : dict of str to estimator, list of pairs or list of estimator
            The probes.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Class labels.
        train_sizes : array-like of shape (n_sizes,), default=None
            As in :func:`skext.naive_bayes.probe_learning_curve`, like the next ones.
        n_repeats : int, default=5
            How often test and training sets are drawn.
        test_size : float, int or tuple of (X_test, y_test), default=0.25
            Part or number of the rows for the test, or a test set.
        sampling : {"stratified", "reject"}, default="stratified"
            How the training sets are drawn.
        scoring : str, default="error"
            "error", "log_loss" or the name of a scorer of scikit-learn.
        crossover : "auto", tuple of (str, str) or None, default="auto"
            As in :meth:`from_result`.
        confidence_level : float, default=0.95
            Coverage of the bands and of the interval of the crossover.
        n_jobs : int, default=None
            Number of processes for the repeats.
        random_state : int, RandomState, Generator or None, default=None
            Source of randomness.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : ProbeLearningCurveDisplay
            Already drawn.
        """
        result = probe_learning_curve(
            estimators,
            X,
            y,
            train_sizes=train_sizes,
            n_repeats=n_repeats,
            test_size=test_size,
            sampling=sampling,
            scoring=scoring,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        return cls.from_result(
            result,
            crossover=crossover,
            confidence_level=confidence_level,
            ax=ax,
            curve_kwargs=curve_kwargs,
        )

    @classmethod
    def from_result(
        cls,
        result,
        *,
        metric=None,
        crossover="auto",
        confidence_level=0.95,
        ax=None,
        curve_kwargs=None,
    ):
        """Draw the curves of a result.

        Parameters
        ----------
        result : ProbeLearningCurve
            What :func:`skext.naive_bayes.probe_learning_curve` returned.
        metric : str, default=None
            None is the first metric of the result.
        crossover : "auto", tuple of (str, str) or None, default="auto"
            Names of two probes of which the second overtakes the first; "auto" is
            the first two in their order, or none unless there are exactly two.
        confidence_level : float, default=0.95
            Coverage of the bands and of the interval of the crossover.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : ProbeLearningCurveDisplay
            Already drawn.
        """
        metric = result.metrics[0] if metric is None else metric
        names = result.estimator_names
        values = {name: result.values(name, metric) for name in names}
        if crossover == "auto":
            known = all(np.isfinite(table).all() for table in values.values())
            crossover = tuple(names) if len(names) == 2 and known else None
        if crossover is not None:
            crossover = result.crossover(
                *crossover, metric=metric, confidence_level=confidence_level
            )
        display = cls(
            result.train_sizes,
            values,
            metric=metric,
            crossover=crossover,
            confidence_level=confidence_level,
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    def plot(self, ax=None, *, curve_kwargs=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : ProbeLearningCurveDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_ = []
        style = curve_style(curve_kwargs, marker="o", markersize=4)
        for name, mean in self.mean.items():
            (line,) = ax.plot(self.train_sizes, mean, label=name, **style)
            half = self.half_width[name]
            ax.fill_between(
                self.train_sizes,
                mean - half,
                mean + half,
                color=line.get_color(),
                alpha=0.15,
                linewidth=0,
            )
            self.lines_.append(line)
        ax.set_xscale("log")
        ax.set_xlabel("labelled rows")
        ax.set_ylabel(_LABELS.get(self.metric, self.metric))
        self._mark_crossover(ax)
        plain_legend(ax)
        return self

    def _mark_crossover(self, ax):
        """Draw a line where the curves cross and a band for its interval."""
        if self.crossover is None:
            return
        where, low, high = self.crossover[:3]
        first, last = float(self.train_sizes[0]), float(self.train_sizes[-1])
        if not first < where <= last:
            return
        low, high = max(low, first), min(high, last)
        ax.axvspan(low, high, color="gray", alpha=0.12, linewidth=0)
        ax.axvline(where, color="gray", linestyle=":", label=f"crossing at {where:.0f}")


def _half_width(table, confidence_level):
    """Half width of the interval of each column's mean by Student's t."""
    n_repeats = table.shape[0]
    if n_repeats < 2:
        return np.zeros(table.shape[1])
    from scipy.stats import t

    quantile = t.ppf(0.5 + confidence_level / 2, n_repeats - 1)
    return quantile * table.std(axis=0, ddof=1) / np.sqrt(n_repeats)
