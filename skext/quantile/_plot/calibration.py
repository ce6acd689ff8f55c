"""Nominal against observed levels."""

import numpy as np

from skext.metrics._quantile import check_predictions
from skext.metrics._quantile_calibration import quantile_coverage
from skext.quantile._plot.shared import effective_rows
from skext.utils._plotting import (
    check_confidence_level,
    check_entries,
    curve_style,
    one_axes,
    percent,
    plain_legend,
)
from skext.utils._probabilities import consistency_band
from skext.utils._quantiles.forms import predict_levels


class QuantileCalibrationDisplay:
    """Share of the targets below each predicted quantile, against its level.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. The band says
    where the shares of a calibrated regressor lie: it is that of a binomial number of
    rows, for each level by itself.

    Parameters
    ----------
    quantiles : array-like of shape (n_levels,)
        Levels.
    coverage : array-like of shape (n_levels,)
        Share of the targets at or below each quantile.
    n_rows : int
        Number of rows, for the band.
    below : array-like of shape (n_levels,), default=None
        Share of the targets strictly below each quantile. Where targets are often
        equal to quantiles, the level should lie between the two.
    confidence_level : float, default=0.95
        Probability of the band.
    name : str, default=None
        Name of the regressor, for the legend.

    Attributes
    ----------
    low, high : ndarrays of shape (n_levels,)
        Ends of the band.
    line_ : matplotlib Line2D
        The shares, after :meth:`plot`.
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.

    See Also
    --------
    PITHistogramDisplay : The same question as a histogram.
    skext.metrics.quantile_calibration_error : One number for it.

    Examples
    --------
    >>> from skext.quantile import QuantileCalibrationDisplay
    >>> display = QuantileCalibrationDisplay([0.1, 0.5, 0.9], [0.12, 0.5, 0.8], 100)
    >>> [(float(a), float(b)) for a, b in zip(display.low, display.high)]
    [(0.05, 0.16), (0.4, 0.6), (0.84, 0.95)]
    """

    def __init__(
        self,
        quantiles,
        coverage,
        n_rows,
        *,
        below=None,
        confidence_level=0.95,
        name=None,
    ):
        check_confidence_level(confidence_level)
        self.quantiles = np.asarray(quantiles, dtype=np.float64)
        self.coverage = np.asarray(coverage, dtype=np.float64)
        self.below = self.coverage if below is None else np.asarray(below)
        check_entries(self, "level", "quantiles", "coverage", "below")
        self.n_rows, self.name = n_rows, name
        self.confidence_level = confidence_level
        self.low, self.high = consistency_band(self.quantiles, n_rows, confidence_level)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_quantiles,
        quantiles=None,
        *,
        sample_weight=None,
        confidence_level=0.95,
        difference=False,
        name=None,
        ax=None,
        curve_kwargs=None,
    ):
        """Count targets below predicted quantiles, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Targets.
        y_quantiles : array-like of shape (n_samples, n_levels)
            Predicted quantiles, one column per level.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is 0.05, 0.10, ..., 0.95.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. The band is that of the number of equal rows that tell
            as much.
        confidence_level : float, default=0.95
            Probability of the band.
        difference : bool, default=False
            Whether to draw the shares minus their levels, which shows small errors.
        name : str, default=None
            Name of the regressor, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for the curve.

        Returns
        -------
        display : QuantileCalibrationDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If the columns do not fit the levels, or something is NaN.
        """
        data = check_predictions(y_true, y_quantiles, quantiles, sample_weight)
        args = (y_true, y_quantiles, data.levels)
        display = cls(
            data.levels,
            quantile_coverage(*args, sample_weight=sample_weight),
            effective_rows(data.weights, len(data.y)),
            below=data.average(lambda y, Q: y < Q),
            confidence_level=confidence_level,
            name=name,
        )
        return display.plot(ax=ax, difference=difference, curve_kwargs=curve_kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, quantiles=None, **options):
        """Predict, count, and draw.

        Parameters
        ----------
        estimator : estimator object
            Fitted regressor that can predict quantiles, see
            :func:`skext.quantile.predict_quantiles`.
        X : array-like of shape (n_samples, n_features)
            Rows that it has not been fitted to.
        y : array-like of shape (n_samples,)
            Targets.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is those of the regressor.
        **options : dict
            As in :meth:`from_predictions`.

        Returns
        -------
        display : QuantileCalibrationDisplay
            Already drawn.
        """
        Q, levels = predict_levels(estimator, X, quantiles)
        options.setdefault("name", type(estimator).__name__)
        return cls.from_predictions(y, Q, levels, **options)

    def plot(
        self, ax=None, *, name=None, curve_kwargs=None, difference=False, band=True
    ):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure. Several regressors may share axes.
        name : str, default=None
            Name for the legend; None is that of the display.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for the curve.
        difference : bool, default=False
            Whether to draw the shares minus their levels.
        band : bool, default=True
            Whether to draw the band and the line of perfect calibration.

        Returns
        -------
        display : QuantileCalibrationDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        name = self.name if name is None else name
        levels = self.quantiles
        base = levels if difference else np.zeros_like(levels)
        if band:
            note = f"{percent(self.confidence_level)} of {self.n_rows} rows"
            # Regressors that share axes share the band.
            if note not in ax.get_legend_handles_labels()[1]:
                self._draw_band(ax, base, difference, note)
        style = curve_style(
            curve_kwargs, marker="o", markersize=4, linewidth=1.2, label=name
        )
        (self.line_,) = ax.plot(levels, self.coverage - base, **style)
        tied = self.coverage > self.below
        if tied.any():
            ax.vlines(
                levels[tied],
                (self.below - base)[tied],
                (self.coverage - base)[tied],
                color=self.line_.get_color(),
                lw=2.5,
                alpha=0.4,
            )
        ax.set_xlabel("level")
        ax.set_ylabel("share of targets below" + (" minus level" * difference))
        ax.set_xlim(0, 1)
        if not difference:
            ax.set_ylim(0, 1)
            ax.set_aspect("equal")
        if difference:
            # Room for the legend below everything.
            low, high = ax.dataLim.intervaly
            ax.set_ylim(low - 0.38 * (high - low), high + 0.06 * (high - low))
        if band or name is not None:
            place = "lower right" if difference else "upper left"
            plain_legend(ax, loc=place, fontsize="small")
        return self

    def _draw_band(self, ax, base, difference, note):
        """Draw the band between the levels, and to certainty at both ends."""
        x = np.concatenate([[0.0], self.quantiles, [1.0]])
        low = np.concatenate([[0.0], self.low - base, [1.0 - difference]])
        high = np.concatenate([[0.0], self.high - base, [1.0 - difference]])
        ax.fill_between(x, low, high, color="0.5", alpha=0.25, lw=0, label=note)
        ax.plot([0, 1], [0, 1 - difference], "--", color="0.5", lw=1)
