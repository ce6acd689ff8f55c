"""Reliability of the probability of one class, with intervals that say how sure."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skext.metrics import _ordinal
from skext.utils._class_order import find_ordered_classes
from skext.utils._plotting import (
    check_confidence_level,
    check_entries,
    curve_style,
    one_axes,
    percent,
    plain_legend,
)
from skext.utils._probabilities import (
    exact_interval,
    reliability_bins,
    wilson_interval,
)

_INTERVALS = {"wilson": wilson_interval, "clopper-pearson": exact_interval}


class RareClassCalibrationDisplay:
    """Predicted against observed frequency of one, possibly rare, class.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. Bins have as
    many rows each as ties allow, and by default at least 100: the observed frequency
    of a rare class in a small bin says nothing.

    Parameters
    ----------
    predicted : array-like of shape (n_bins,)
        Mean predicted probability of each bin.
    n_events : array-like of shape (n_bins,)
        Rows of the class in each bin.
    n_rows : array-like of shape (n_bins,)
        Rows of each bin.
    interval : {"wilson", "clopper-pearson"}, default="wilson"
        Confidence interval of the observed frequency: Wilson's score interval, or the
        exact one of Clopper and Pearson, which is wider.
    confidence_level : float, default=0.95
        Level of the interval.
    class_name : str, default=None
        Name of the class.
    name : str, default=None
        Name of the classifier, for the legend.
    n_bins_asked : int, default=None
        Number of bins that was asked for, for the note.

    Attributes
    ----------
    predicted : ndarray of shape (n_bins,)
        Mean predicted probability.
    observed : ndarray of shape (n_bins,)
        Frequency of the class.
    low, high : ndarray of shape (n_bins,)
        Confidence interval of the frequency.
    n_events, n_rows : ndarray of shape (n_bins,)
        Rows of the class and of all classes.
    note : str
        How many bins of how many rows there are, and why they are fewer than asked.
    ax_ : matplotlib Axes
        Axes of the drawing, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the drawing, after :meth:`plot`.

    See Also
    --------
    rare_class_log_loss : One number for the same question.
    sklearn.calibration.CalibrationDisplay : Without intervals.

    References
    ----------
    .. [1] L. D. Brown, T. T. Cai, A. DasGupta, "Interval Estimation for a Binomial
       Proportion", Statistical Science 16 (2001).

    Examples
    --------
    >>> from skext.metrics import RareClassCalibrationDisplay
    >>> display = RareClassCalibrationDisplay([0.01, 0.05], [2, 9], [200, 200])
    >>> display.observed.tolist()
    [0.01, 0.045]
    >>> display.high.round(3).tolist()
    [0.036, 0.083]
    """

    def __init__(
        self,
        predicted,
        n_events,
        n_rows,
        *,
        interval="wilson",
        confidence_level=0.95,
        class_name=None,
        name=None,
        n_bins_asked=None,
    ):
        self.predicted = np.asarray(predicted, dtype=np.float64)
        self.n_events, self.n_rows = np.asarray(n_events), np.asarray(n_rows)
        check_entries(self, "bin", "predicted", "n_events", "n_rows")
        if interval not in _INTERVALS:
            raise ValueError(
                f"interval={interval!r} must be one of {tuple(_INTERVALS)}."
            )
        check_confidence_level(confidence_level)
        self.interval, self.confidence_level = interval, confidence_level
        self.class_name, self.name = class_name, name
        self.n_bins_asked = n_bins_asked
        self.observed = self.n_events / self.n_rows
        self.low, self.high = _INTERVALS[interval](
            self.n_events, self.n_rows, confidence_level
        )
        self.note = self._note()

    def _note(self):
        low, high = int(self.n_rows.min()), int(self.n_rows.max())
        rows = f"{low}" if low == high else f"{low} to {high}"
        n_bins = self.n_rows.size
        note = f"{n_bins} bin{'s' * (n_bins > 1)} of {rows} rows"
        if self.n_bins_asked is not None and n_bins < self.n_bins_asked:
            note += f" ({self.n_bins_asked} asked, too few rows or ties)"
        return note

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        rare=None,
        class_order=None,
        classes=None,
        n_bins=10,
        min_rows=100,
        interval="wilson",
        confidence_level=0.95,
        name=None,
        ax=None,
        curve_kwargs=None,
    ):
        """Bin predictions, compare with what happened, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
            Probability of the class, or of all classes with columns in the order of
            ``classes``.
        rare : label, default=None
            The class. None is the highest one.
        class_order : array-like of shape (n_classes,), default=None
            All classes from low to high. None takes the order of an ordered pandas
            categorical, else sorts the labels that occur.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns. None is the sorted labels.
        n_bins : int, default=10
            Largest number of bins.
        min_rows : int, default=100
            Smallest number of rows of a bin; there are fewer bins if there are too
            few rows, and one in the extreme.
        interval : {"wilson", "clopper-pearson"}, default="wilson"
            Confidence interval of the observed frequency.
        confidence_level : float, default=0.95
            Level of the interval.
        name : str, default=None
            Name of the classifier, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``errorbar``, for the curve.

        Returns
        -------
        display : RareClassCalibrationDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If a label is not known, shapes disagree or a parameter is out of range.
        """
        for parameter, value in (("n_bins", n_bins), ("min_rows", min_rows)):
            if value < 1:
                raise ValueError(f"{parameter}={value!r} must be at least 1.")
        y_proba = check_array(y_proba, ensure_2d=False, dtype=np.float64)
        order = _ordinal.find_order(class_order, y_true)
        rare = order.ordered[-1] if rare is None else rare
        if y_proba.ndim == 2:
            event, p = _ordinal.rare_event(y_true, y_proba, class_order, classes, rare)
        else:
            if rare not in order.ordered.tolist():
                raise ValueError(
                    f"rare={rare!r} must be one of {order.ordered.tolist()}."
                )
            check_consistent_length(y_true, y_proba)
            event = column_or_1d(np.asarray(y_true)) == rare
            p = y_proba
            if p.min() < 0 or p.max() > 1:
                raise ValueError(
                    f"y_proba has values from {p.min():.3g} to {p.max():.3g}, and "
                    "must lie between 0 and 1; give probabilities."
                )
        display = cls(
            *reliability_bins(event, p, n_bins, min_rows=min_rows),
            interval=interval,
            confidence_level=confidence_level,
            class_name=str(rare),
            name=name,
            n_bins_asked=n_bins,
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, rare=None, class_order=None, **options):
        """Predict, bin, compare with what happened, and draw.

        Parameters
        ----------
        estimator : estimator object
            A fitted classifier, pipeline or search with ``predict_proba``.
        X : array-like of shape (n_samples, n_features)
            Rows that the estimator has not been fitted to.
        y : array-like of shape (n_samples,)
            True labels.
        rare : label, default=None
            The class. None is the highest one.
        class_order : array-like of shape (n_classes,), default=None
            All classes from low to high. None takes the ``ordered_classes_`` of the
            estimator if it has them, else its sorted ``classes_``.
        **options : dict
            As in :meth:`from_predictions`.

        Returns
        -------
        display : RareClassCalibrationDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If a label is not known or a parameter is out of range.
        """
        check_is_fitted(estimator)
        if class_order is None:
            class_order = find_ordered_classes(estimator)
            class_order = estimator.classes_ if class_order is None else class_order
        options.setdefault("name", type(estimator).__name__)
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            rare=rare,
            class_order=class_order,
            classes=estimator.classes_,
            **options,
        )

    def plot(self, ax=None, *, name=None, curve_kwargs=None):
        """Draw the bins with their intervals, and the line of perfect calibration.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        name : str, default=None
            Name for the legend; None is that of the display.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``errorbar``, for the curve.

        Returns
        -------
        display : RareClassCalibrationDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        top = min(1.0, 1.08 * max(self.predicted.max(), self.high.max()))
        ax.plot([0, top], [0, top], color="0.5", linestyle="--", linewidth=1)
        below, above = self.observed - self.low, self.high - self.observed
        name = self.name if name is None else name
        style = curve_style(
            curve_kwargs,
            marker="o",
            markersize=4,
            linewidth=1,
            color="C0",
            capsize=3,
            label=self.note if name is None else f"{name}, {self.note}",
        )
        ax.errorbar(
            self.predicted,
            self.observed,
            yerr=np.maximum([below, above], 0),
            **style,
        )
        ax.set_xlim(0, top)
        ax.set_ylim(0, top)
        which = "" if self.class_name is None else f" of {self.class_name}"
        ax.set_xlabel(f"predicted probability{which}", parse_math=False)
        share = percent(self.confidence_level)
        ax.set_ylabel(f"observed frequency, {share} {self.interval.title()} interval")
        plain_legend(ax, loc="upper left")
        return self
