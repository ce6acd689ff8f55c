"""Predicted quantiles as nested bands."""

import numpy as np

from skext.metrics._quantile import check_predictions
from skext.utils._plotting import one_axes, percent
from skext.utils._quantiles.forms import predict_levels
from skext.utils._sklearn import safe_indexing


class FanChartDisplay:
    """Nested bands of predicted quantiles, with the targets.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    x : array-like of shape (n_samples,)
        Place of each row on the horizontal axis, in any order.
    y_quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level. Infinite ones reach to the edge.
    quantiles : array-like of shape (n_levels,)
        Increasing levels.
    y_true : array-like of shape (n_samples,), default=None
        Targets.
    x_name : str, default=None
        What the horizontal axis is.

    Attributes
    ----------
    bands : list of (int, int)
        Columns of the lower and upper ends of each band, widest first.
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.

    See Also
    --------
    IntervalWidthDisplay : Widths of all rows.
    QuantileCalibrationDisplay : Whether the bands hold what they promise.

    Examples
    --------
    >>> from skext.quantile import FanChartDisplay
    >>> Q = [[0, 1, 2, 3, 4], [1, 2, 3, 5, 9]]
    >>> FanChartDisplay([0, 1], Q, [0.05, 0.25, 0.5, 0.75, 0.95]).bands
    [(0, 4), (1, 3)]
    """

    def __init__(self, x, y_quantiles, quantiles, *, y_true=None, x_name=None):
        self.x = np.asarray(x)
        self.y_quantiles = np.asarray(y_quantiles, dtype=np.float64)
        self.quantiles = np.asarray(quantiles, dtype=np.float64)
        if self.y_quantiles.shape != (len(self.x), len(self.quantiles)):
            raise ValueError(
                f"y_quantiles has the shape {self.y_quantiles.shape}; give one row for "
                f"each of {len(self.x)} places and one column for each of "
                f"{len(self.quantiles)} levels."
            )
        self.y_true = None if y_true is None else np.asarray(y_true)
        self.x_name = x_name
        n_levels = len(self.quantiles)
        self.bands = [(k, n_levels - 1 - k) for k in range(n_levels // 2)]

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_quantiles,
        quantiles=None,
        *,
        x=None,
        x_name=None,
        max_rows=400,
        max_bands=4,
        ax=None,
        color="C0",
    ):
        """Draw predicted quantiles.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or None
            Targets, if known.
        y_quantiles : array-like of shape (n_samples, n_levels)
            Predicted quantiles, one column per level.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is 0.05, 0.10, ..., 0.95.
        x : array-like of shape (n_samples,), default=None
            Place of each row, such as a time or a feature. None ranks the rows by
            their predicted medians.
        x_name : str, default=None
            What it is.
        max_rows : int, default=400
            Of more rows, in the order of their places, every second, third ... is
            shown.
        max_bands : int, default=4
            Largest number of bands.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        color : matplotlib color, default="C0"
            Colour of the bands, lighter further out.

        Returns
        -------
        display : FanChartDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If the columns do not fit the levels, or something is NaN.
        """
        for name, value in (("max_rows", max_rows), ("max_bands", max_bands)):
            if value < 1:
                raise ValueError(f"{name}={value!r} must be at least 1.")
        data = check_predictions(y_true, y_quantiles, quantiles, None)
        if x is None:
            center = data.Q[:, np.abs(data.levels - 0.5).argmin()]
            order = np.argsort(center, kind="stable")
            x = np.empty(len(order), dtype=np.intp)
            x[order] = np.arange(len(order))
            x_name = "rows by predicted median" if x_name is None else x_name
        x = np.asarray(x)
        if x.shape != (len(data.Q),):
            raise ValueError(
                f"x has the shape {x.shape}; give one place for each of "
                f"{len(data.Q)} rows."
            )
        shown = np.argsort(x, kind="stable")[:: -(-len(x) // max_rows)]
        display = cls(
            x[shown],
            data.Q[shown],
            data.levels,
            y_true=None if data.y is None else data.y[shown],
            x_name=x_name,
        )
        return display.plot(ax=ax, max_bands=max_bands, color=color)

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, quantiles=None, feature=None, **options
    ):
        """Predict quantiles, and draw them.

        Parameters
        ----------
        estimator : estimator object
            Fitted regressor that can predict quantiles, see
            :func:`skext.quantile.predict_quantiles`.
        X : array-like of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples,), default=None
            Targets, if known.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is those of the regressor.
        feature : int or str, default=None
            Column of ``X`` for the horizontal axis; the picture is smooth if the other
            columns do not change, or change with it. None ranks the rows by their
            predicted medians, unless ``x`` is given.
        **options : dict
            As in :meth:`from_predictions`.

        Returns
        -------
        display : FanChartDisplay
            Already drawn.
        """
        Q, levels = predict_levels(estimator, X, quantiles)
        if feature is not None:
            column = safe_indexing(X, feature, axis=1)
            options.setdefault("x", np.ravel(np.asarray(column)))
            name = feature if isinstance(feature, str) else f"feature {feature}"
            options.setdefault("x_name", name)
        return cls.from_predictions(y, Q, levels, **options)

    def plot(self, ax=None, *, max_bands=4, color="C0"):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        max_bands : int, default=4
            Largest number of bands; they are spread evenly over the levels.
        color : matplotlib color, default="C0"
            Colour of the bands, lighter further out.

        Returns
        -------
        display : FanChartDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        order = np.argsort(self.x, kind="stable")
        x, Q = self.x[order], self._finite()[order]
        n_shown = min(max_bands, len(self.bands))
        chosen = np.linspace(0, len(self.bands) - 1, n_shown).round().astype(int)
        if n_shown == 1:
            chosen = [0]
        for rank, k in enumerate(chosen):
            low, high = self.bands[k]
            ax.fill_between(
                x,
                Q[:, low],
                Q[:, high],
                color=_lighter(color, 0.78 - 0.48 * rank / max(n_shown - 1, 1)),
                lw=0,
                label=self._label(low, high),
            )
        if len(self.quantiles) % 2:
            middle = len(self.quantiles) // 2
            level = self.quantiles[middle]
            label = "median" if abs(level - 0.5) < 1e-9 else f"level {level:g}"
            ax.plot(x, Q[:, middle], color=_lighter(color, -0.35), lw=1.2, label=label)
        if self.y_true is not None:
            self._draw_targets(ax, order)
        ax.margins(x=0.01)
        ax.set_xlabel("" if self.x_name is None else self.x_name, parse_math=False)
        ax.set_ylabel("target")
        ax.legend(fontsize="small")
        return self

    def _draw_targets(self, ax, order):
        x, y, Q = self.x[order], self.y_true[order], self.y_quantiles[order]
        outside = (y < Q[:, 0]) | (y > Q[:, -1])
        size = float(np.clip(3000 / max(len(y), 1), 6.0, 16.0))
        style = {"s": size, "lw": 0, "zorder": 3}
        ax.scatter(x[~outside], y[~outside], color="0.15", alpha=0.7, **style)
        share = percent(round(float(outside.mean()), 3))
        label = f"targets outside: {share}"
        ax.scatter(x[outside], y[outside], color="C3", label=label, **style)

    def _finite(self):
        """Let infinite quantiles reach somewhat further than everything else."""
        Q = self.y_quantiles
        if np.isfinite(Q).all():
            return Q
        known = Q[np.isfinite(Q)]
        if self.y_true is not None:
            known = np.concatenate([known, self.y_true])
        low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
        margin = 0.1 * (high - low) or 1.0
        return np.clip(Q, low - margin, high + margin)

    def _label(self, low, high):
        lower, upper = self.quantiles[[low, high]]
        if abs(lower + upper - 1) < 1e-9:
            return percent(upper - lower)
        return f"{lower:g} to {upper:g}"


def _lighter(color, share):
    """Mix a colour with white, or with black if the share is negative."""
    from matplotlib.colors import to_rgb

    rgb, end = np.array(to_rgb(color)), 1.0 if share > 0 else 0.0
    return tuple(rgb + abs(share) * (end - rgb))
