"""Histogram of the levels that targets have."""

import numpy as np

from skext.metrics._quantile_calibration import pit_values
from skext.utils._plotting import (
    check_confidence_level,
    one_axes,
    percent,
)
from skext.utils._probabilities import consistency_band
from skext.utils._quantiles.forms import predict_levels


class PITHistogramDisplay:
    r"""Histogram of the probability integral transform.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. The values of
    true quantiles are uniform: a hump says that quantiles are too far apart, a valley
    that they are too close, a slope that they are too low or too high [1]_.

    Parameters
    ----------
    counts : array-like of shape (n_bins,)
        Number of rows in each bin.
    edges : array-like of shape (n_bins + 1,)
        Ends of the bins, from 0 to 1.
    confidence_level : float, default=0.95
        Probability of the band.
    name : str, default=None
        Name of the regressor, for the title.

    Attributes
    ----------
    density : ndarray of shape (n_bins,)
        Share of the rows in each bin, divided by its width.
    low, high : ndarrays of shape (n_bins,)
        Where the densities of a calibrated regressor lie, each bin by itself.
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.

    See Also
    --------
    QuantileCalibrationDisplay : Draws cumulative shares and no random numbers.
    skext.metrics.pit_values : The values.

    References
    ----------
    .. [1] Tilmann Gneiting, Fadoua Balabdaoui and Adrian E. Raftery, "Probabilistic
       Forecasts, Calibration and Sharpness", Journal of the Royal Statistical Society
       B 69, 2007.

    Examples
    --------
    >>> from skext.quantile import PITHistogramDisplay
    >>> display = PITHistogramDisplay([30, 20, 10, 40], [0, 0.25, 0.5, 0.75, 1])
    >>> display.density.tolist()
    [1.2, 0.8, 0.4, 1.6]
    """

    def __init__(self, counts, edges, *, confidence_level=0.95, name=None):
        check_confidence_level(confidence_level)
        self.counts, self.edges = np.asarray(counts), np.asarray(edges, dtype=float)
        if len(self.edges) != len(self.counts) + 1:
            raise ValueError(
                f"edges has {len(self.edges)} entries for {len(self.counts)} bins; "
                "give one more than bins."
            )
        self.confidence_level, self.name = confidence_level, name
        width, n_rows = np.diff(self.edges), int(self.counts.sum())
        self.density = self.counts / n_rows / width
        low, high = consistency_band(width, n_rows, confidence_level)
        self.low, self.high = low / width, high / width

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_quantiles,
        quantiles=None,
        *,
        n_bins=10,
        confidence_level=0.95,
        random_state=None,
        name=None,
        ax=None,
        color="C0",
    ):
        """Transform the targets, count, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Targets.
        y_quantiles : array-like of shape (n_samples, n_levels)
            Predicted quantiles, one column per level.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is 0.05, 0.10, ..., 0.95.
        n_bins : int, default=10
            Number of bins of equal width. Bins narrower than the distance of levels
            show little but the interpolation between them.
        confidence_level : float, default=0.95
            Probability of the band.
        random_state : int, RandomState instance or None, default=None
            Draws the values that are known up to a range only: of targets beyond the
            outermost quantiles, and of those that equal several of them.
        name : str, default=None
            Name of the regressor, for the title.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        color : matplotlib color, default="C0"
            Colour of the bars.

        Returns
        -------
        display : PITHistogramDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If the columns do not fit the levels, or something is NaN.
        """
        if n_bins < 1:
            raise ValueError(f"n_bins={n_bins!r} must be at least 1.")
        pit = pit_values(y_true, y_quantiles, quantiles, random_state=random_state)
        counts, edges = np.histogram(pit, bins=n_bins, range=(0, 1))
        display = cls(counts, edges, confidence_level=confidence_level, name=name)
        return display.plot(ax=ax, color=color)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, quantiles=None, **options):
        """Predict, transform, count, and draw.

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
        display : PITHistogramDisplay
            Already drawn.
        """
        Q, levels = predict_levels(estimator, X, quantiles)
        options.setdefault("name", type(estimator).__name__)
        return cls.from_predictions(y, Q, levels, **options)

    def plot(self, ax=None, *, name=None, color="C0"):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        name : str, default=None
            Name for the title; None is that of the display.
        color : matplotlib color, default="C0"
            Colour of the bars.

        Returns
        -------
        display : PITHistogramDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        width = np.diff(self.edges)
        ax.bar(
            self.edges[:-1],
            self.density,
            width,
            align="edge",
            color=color,
            alpha=0.75,
            edgecolor="white",
            lw=0.8,
        )
        ax.stairs(
            self.high,
            self.edges,
            baseline=self.low,
            fill=True,
            color="0.4",
            alpha=0.3,
            lw=0,
            zorder=2,
            label=f"{percent(self.confidence_level)} of {int(self.counts.sum())} rows",
        )
        ax.axhline(1.0, ls="--", color="0.3", lw=1)
        ax.set_xlim(0, 1)
        top = max(self.density.max(), self.high.max())
        ax.set_ylim(0, 1.18 * top)
        ax.set_xlabel("level of the target (PIT)")
        ax.set_ylabel("density")
        name = self.name if name is None else name
        if name is not None:
            ax.set_title(name, fontsize="medium", parse_math=False)
        ax.legend(loc="upper center", fontsize="small")
        return self
