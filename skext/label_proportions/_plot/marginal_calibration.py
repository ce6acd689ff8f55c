"""Reliability of probabilities that were inferred from counts."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skext.label_proportions._bags.columns import as_labels
from skext.utils._plotting import (
    check_confidence_level,
    check_entries,
    curve_style,
    one_axes,
    percent,
    plain_legend,
)
from skext.utils._probabilities import (
    calibration_error,
    consistency_band,
    reliability_bins,
)


class MarginalCalibrationDisplay:
    """Inferred probabilities of rows against the frequency of the class among them.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. Rows are sorted
    by their probability into bins of about equal size. The band of a bin has the
    frequencies that are to be expected if its probabilities are right, at the given
    level; a frequency outside of it is a failure of calibration, not of luck.

    Parameters
    ----------
    predicted : array-like of shape (n_bins,)
        Mean probability of each bin.
    n_positive : array-like of shape (n_bins,)
        Rows of the class in each bin.
    n_rows : array-like of shape (n_bins,)
        Rows of each bin.
    confidence_level : float, default=0.95
        Level of the bands.
    name : str, default=None
        Of the probabilities, for the legend.

    Attributes
    ----------
    predicted : ndarray of shape (n_bins,)
        Mean probability.
    observed : ndarray of shape (n_bins,)
        Frequency of the class.
    low, high : ndarray of shape (n_bins,)
        Consistency band: where the frequency is expected.
    n_positive, n_rows : ndarray of shape (n_bins,)
        Rows of the class and of all classes.
    calibration_error : float
        Mean absolute difference of frequency and probability, weighted by rows.
    ax_ : matplotlib Axes
        Axes of the drawing, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the drawing, after :meth:`plot`.
    line_ : matplotlib Line2D
        The curve, after :meth:`plot`.

    See Also
    --------
    BagSizeCurveDisplay : Whether rows are ranked rightly.
    sklearn.calibration.CalibrationDisplay : Without bands.

    Notes
    -----
    The band comes from the binomial distribution, as if rows were independent given
    their probabilities. Counts of bags make rows slightly less variable than that, so
    the bands are, if anything, too wide.

    References
    ----------
    .. [1] J. Bröcker, L. A. Smith, "Increasing the Reliability of Reliability
       Diagrams", Weather and Forecasting 22, 2007.

    Examples
    --------
    >>> from skext.label_proportions import MarginalCalibrationDisplay
    >>> display = MarginalCalibrationDisplay([0.1, 0.9], [12, 60], [100, 100])
    >>> display.low.tolist(), display.high.tolist()
    ([0.05, 0.84], [0.16, 0.95])
    >>> round(display.calibration_error, 2)
    0.16
    """

    def __init__(
        self, predicted, n_positive, n_rows, *, confidence_level=0.95, name=None
    ):
        self.predicted = np.asarray(predicted, dtype=np.float64)
        self.n_positive, self.n_rows = np.asarray(n_positive), np.asarray(n_rows)
        check_entries(self, "bin", "predicted", "n_positive", "n_rows")
        check_confidence_level(confidence_level)
        self.confidence_level, self.name = confidence_level, name
        self.observed = self.n_positive / self.n_rows
        self.low, self.high = consistency_band(
            self.predicted, self.n_rows, confidence_level
        )
        self.calibration_error = calibration_error(
            self.predicted, self.observed, self.n_rows
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        pos_label=None,
        n_bins=10,
        confidence_level=0.95,
        name=None,
        ax=None,
        curve_kwargs=None,
    ):
        """Bin probabilities, compare with the truth, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels of the rows, which have to be known for this.
        y_proba : array-like of shape (n_samples,)
            Probabilities of the class.
        pos_label : label, default=None
            The class. None is the last one of the sorted labels.
        n_bins : int, default=10
            Largest number of bins; ties stay together.
        confidence_level : float, default=0.95
            Level of the bands.
        name : str, default=None
            Of the probabilities, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for the curve.

        Returns
        -------
        display : MarginalCalibrationDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If probabilities are not such, or shapes do not fit.
        """
        if n_bins < 1:
            raise ValueError(f"n_bins={n_bins!r} must be at least 1.")
        y_true, y_proba = column_or_1d(as_labels(y_true)), column_or_1d(y_proba)
        check_consistent_length(y_true, y_proba)
        p = y_proba.astype(np.float64)
        if not (np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1):
            raise ValueError(
                f"y_proba has values from {p.min():.3g} to {p.max():.3g}, and must "
                "lie between 0 and 1; give probabilities."
            )
        pos_label = np.unique(y_true)[-1] if pos_label is None else pos_label
        display = cls(
            *reliability_bins(y_true == pos_label, p, n_bins),
            confidence_level=confidence_level,
            name=name,
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    @classmethod
    def from_estimator(cls, estimator, y_true, *, pos_label=None, **options):
        """Compare the inferred probabilities of training rows with the truth, and draw.

        Parameters
        ----------
        estimator : BeliefPropagationLLPClassifier
            Fitted, so that it has ``pseudo_label_proba_``.
        y_true : array-like of shape (n_samples,)
            True labels of the training rows, in their order.
        pos_label : label, default=None
            One of ``estimator.classes_``; None is the last one.
        **options : dict
            As in :meth:`from_predictions`.

        Returns
        -------
        display : MarginalCalibrationDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If the class is unknown, or shapes do not fit.
        """
        check_is_fitted(estimator, "pseudo_label_proba_")
        classes = estimator.classes_
        pos_label = classes[-1] if pos_label is None else pos_label
        if pos_label not in classes.tolist():
            raise ValueError(
                f"pos_label={pos_label!r} must be one of {classes.tolist()}."
            )
        y_true = column_or_1d(as_labels(y_true))
        other = [y for y in np.unique(y_true).tolist() if y not in classes.tolist()]
        if other:
            raise ValueError(
                f"y_true has the labels {other[:5]}, and must only have those of "
                f"classes_, {classes.tolist()}; give classes to the estimator, or the "
                "labels as it has them."
            )
        column = classes.tolist().index(pos_label)
        options.setdefault("name", type(estimator).__name__)
        return cls.from_predictions(
            y_true,
            estimator.pseudo_label_proba_[:, column],
            pos_label=pos_label,
            **options,
        )

    def plot(self, ax=None, *, name=None, curve_kwargs=None):
        """Draw frequencies with their bands, and the line of perfect calibration.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        name : str, default=None
            Name for the legend; None is that of the display.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for the curve.

        Returns
        -------
        display : MarginalCalibrationDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        ax.plot([0, 1], [0, 1], color="0.5", linestyle="--", linewidth=1)
        name = self.name if name is None else name
        label = f"calibration error {self.calibration_error:.3f}"
        style = curve_style(
            curve_kwargs,
            marker="o",
            markersize=4,
            linewidth=1,
            label=label if name is None else f"{name}, {label}",
        )
        (self.line_,) = ax.plot(self.predicted, self.observed, **style)
        ax.vlines(
            self.predicted,
            self.low,
            self.high,
            color=self.line_.get_color(),
            alpha=0.3,
            linewidth=6,
        )
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)
        ax.set_aspect("equal")
        ax.set_xlabel("inferred probability")
        share = percent(self.confidence_level)
        ax.set_ylabel(f"frequency of the class (bars: {share} if calibrated)")
        plain_legend(ax, loc="lower right", fontsize="small")
        return self
