"""How wide intervals are."""

import numpy as np

from skext.metrics._quantile import check_predictions
from skext.quantile._plot.shared import central_pairs
from skext.utils._plotting import curve_style, one_axes, percent, plain_legend
from skext.utils._quantiles.forms import predict_levels


class IntervalWidthDisplay:
    """Widths of central intervals against their nominal and observed coverage.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. A line has the
    mean width for each nominal coverage and a band for the rows in between; circles
    have the same width at the coverage that was observed. Of two regressors whose
    circles lie on their lines, the one with narrower intervals is better; equal widths
    of all rows say that a regressor does not see where the target is uncertain.

    Parameters
    ----------
    coverage : array-like of shape (n_intervals,)
        Nominal coverages.
    widths : array-like of shape (n_samples, n_intervals)
        Widths of the intervals of each row.
    observed : array-like of shape (n_intervals,), default=None
        Observed coverages.
    name : str, default=None
        Name of the regressor, for the legend.

    Attributes
    ----------
    mean : ndarray of shape (n_intervals,)
        Mean widths.
    line_ : matplotlib Line2D
        The mean widths, after :meth:`plot`.
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.

    See Also
    --------
    QuantileCalibrationDisplay : Whether quantiles hold their levels.
    skext.metrics.mean_interval_width : One number.

    Examples
    --------
    >>> from skext.quantile import IntervalWidthDisplay
    >>> display = IntervalWidthDisplay([0.5, 0.9], [[1.0, 2.0], [2.0, 6.0]])
    >>> display.mean.tolist()
    [1.5, 4.0]
    """

    def __init__(self, coverage, widths, *, observed=None, name=None):
        self.coverage = np.asarray(coverage, dtype=np.float64)
        self.widths = np.asarray(widths, dtype=np.float64)
        if self.widths.ndim != 2 or self.widths.shape[1] != len(self.coverage):
            raise ValueError(
                f"widths has the shape {self.widths.shape}; give one row for each "
                f"sample and one column for each of {len(self.coverage)} coverages."
            )
        self.observed = None if observed is None else np.asarray(observed)
        self.name = name
        self.mean = self.widths.mean(axis=0)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_quantiles,
        quantiles=None,
        *,
        band=(0.1, 0.9),
        name=None,
        ax=None,
        curve_kwargs=None,
    ):
        """Measure intervals, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or None
            Targets; None shows no observed coverage.
        y_quantiles : array-like of shape (n_samples, n_levels)
            Predicted quantiles, one column per level.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is 0.05, 0.10, ..., 0.95. Those that come in pairs
            of tau and 1 - tau make intervals.
        band : (float, float) or None, default=(0.1, 0.9)
            Shares of the rows between which the band reaches.
        name : str, default=None
            Name of the regressor, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for the curve.

        Returns
        -------
        display : IntervalWidthDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If the columns do not fit the levels, no levels make an interval, or
            something is NaN.
        """
        data = check_predictions(y_true, y_quantiles, quantiles, None)
        pairs, coverage = central_pairs(data.levels)
        if not pairs:
            raise ValueError(
                f"quantiles={data.levels.tolist()} make no central interval; give "
                "levels in pairs of tau and 1 - tau."
            )
        low, high = np.array(pairs[::-1]).T
        lower, upper = data.Q[:, low], data.Q[:, high]
        with np.errstate(invalid="ignore"):
            widths = upper - lower
        observed = None
        if data.y is not None:
            y = data.y[:, np.newaxis]
            observed = ((lower <= y) & (y <= upper)).mean(axis=0)
        display = cls(coverage[::-1], widths, observed=observed, name=name)
        return display.plot(ax=ax, band=band, curve_kwargs=curve_kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, quantiles=None, **options):
        """Predict, measure intervals, and draw.

        Parameters
        ----------
        estimator : estimator object
            Fitted regressor that can predict quantiles, see
            :func:`skext.quantile.predict_quantiles`.
        X : array-like of shape (n_samples, n_features)
            Rows that it has not been fitted to.
        y : array-like of shape (n_samples,), default=None
            Targets; None shows no observed coverage.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is those of the regressor.
        **options : dict
            As in :meth:`from_predictions`.

        Returns
        -------
        display : IntervalWidthDisplay
            Already drawn.
        """
        Q, levels = predict_levels(estimator, X, quantiles)
        options.setdefault("name", type(estimator).__name__)
        return cls.from_predictions(y, Q, levels, **options)

    def plot(self, ax=None, *, name=None, curve_kwargs=None, band=(0.1, 0.9)):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure. Several regressors may share axes.
        name : str, default=None
            Name for the legend; None is that of the display.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for the curve.
        band : (float, float) or None, default=(0.1, 0.9)
            Shares of the rows between which the band reaches.

        Returns
        -------
        display : IntervalWidthDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        finite = np.isfinite(self.mean)
        x, mean = self.coverage[finite], self.mean[finite]
        name = self.name if name is None else name
        style = curve_style(curve_kwargs, linewidth=1.5, marker=".", label=name)
        (self.line_,) = ax.plot(x, mean, **style)
        color = self.line_.get_color()
        if band is not None and finite.any():
            low, high = np.quantile(self.widths[:, finite], band, axis=0)
            ax.fill_between(x, low, high, color=color, alpha=0.15, lw=0)
        if self.observed is not None:
            ax.hlines(mean, self.observed[finite], x, color=color, lw=0.8, alpha=0.6)
            ax.plot(self.observed[finite], mean, "o", color=color, mfc="none", ms=6)
        ax.set_xlim(0, 1)
        ax.set_ylim(bottom=0, auto=True)
        observed = "" if self.observed is None else ", observed (o)"
        ax.set_xlabel("coverage: nominal" + observed)
        rows = "" if band is None else ", {} to {} of rows".format(*map(percent, band))
        ax.set_ylabel(f"width of intervals: mean{rows}")
        if name is not None:
            plain_legend(ax, loc="upper left")
        return self
