"""Weights of an aggregation."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skext.quantile._aggregation.aggregator import QuantileAggregator
from skext.utils._plotting import one_axes, plain_legend
from skext.utils._quantiles.levels import check_levels


class AggregationWeightsDisplay:
    """Weights of the models of a stack: bars, lines or a heat map.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    weights : array-like of shape (n_models,), (n_models, n_levels) or \
            (n_models, n_levels, n_levels)
        Coarse, medium or fine weights, the last by input and output level.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95. Coarse weights need none.
    model_names : list of str, default=None
        Names of the models; None numbers them.
    spread : array-like of shape (n_models, ...), default=None
        Standard deviations over rows, if the weights are means of local ones.

    Attributes
    ----------
    granularity : {"coarse", "medium", "fine"}
        What the weights depend on.
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.

    See Also
    --------
    skext.quantile.QuantileStackingRegressor : Learns the weights.

    Examples
    --------
    >>> from skext.quantile import AggregationWeightsDisplay
    >>> display = AggregationWeightsDisplay([[0.2, 0.7], [0.8, 0.3]], [0.1, 0.9])
    >>> display.granularity, display.model_names
    ('medium', ['model 0', 'model 1'])
    """

    def __init__(self, weights, quantiles=None, *, model_names=None, spread=None):
        self.weights = np.asarray(weights, dtype=np.float64)
        shape = self.weights.shape
        names = {1: "coarse", 2: "medium", 3: "fine"}
        if len(shape) not in names:
            raise ValueError(
                f"weights have {len(shape)} dimensions; give one to three: models, "
                "(input levels,) output levels."
            )
        self.granularity = names[len(shape)]
        self.quantiles = None
        if len(shape) > 1:
            self.quantiles = check_levels(quantiles)
            if any(size != len(self.quantiles) for size in shape[1:]):
                raise ValueError(
                    f"weights have the shape {shape} for {len(self.quantiles)} levels; "
                    "give one entry for each level along every axis but the first."
                )
        if model_names is None:
            model_names = [f"model {j}" for j in range(shape[0])]
        if len(model_names) != shape[0]:
            raise ValueError(
                f"model_names has {len(model_names)} entries for {shape[0]} models."
            )
        self.model_names = list(map(str, model_names))
        self.spread = None if spread is None else np.asarray(spread)

    @classmethod
    def from_estimator(cls, estimator, X=None, *, ax=None, **options):
        """Read the weights of a stack or an aggregator, and draw.

        Parameters
        ----------
        estimator : QuantileStackingRegressor or QuantileAggregator
            A fitted one.
        X : array-like of shape (n_samples, n_features), default=None
            Rows over which local weights are averaged. Global weights need none.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **options : dict
            As in :meth:`plot`.

        Returns
        -------
        display : AggregationWeightsDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If there are no weights, or if they are local and ``X`` is None.
        """
        check_is_fitted(estimator)
        names = list(getattr(estimator, "named_estimators_", {})) or None
        if names is None:
            names = getattr(estimator, "feature_names_in_", None)
        spread = None
        if estimator.local:
            if X is None:
                raise ValueError("Local weights differ by row: pass X to average them.")
            rows = estimator.predict_weights(X)
            weights, spread = rows.mean(axis=0), rows.std(axis=0)
        elif hasattr(estimator, "weights_"):
            weights = estimator.weights_
        else:
            raise ValueError(f"granularity={estimator.granularity!r} has no weights.")
        display = cls(weights, estimator.quantiles_, model_names=names, spread=spread)
        return display.plot(ax=ax, **options)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        Z,
        quantiles=None,
        *,
        granularity="medium",
        model_names=None,
        ax=None,
        **options,
    ):
        """Learn global weights from given predictions, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Targets.
        Z : array-like of shape (n_samples, n_models, n_levels)
            Predictions of models that did not see the rows.
        quantiles : array-like of shape (n_levels,), default=None
            Increasing levels; None is 0.05, 0.10, ..., 0.95.
        granularity : {"coarse", "medium", "fine", "average", "qra"}, default="medium"
            As in :class:`skext.quantile.QuantileAggregator`.
        model_names : list of str, default=None
            Names of the models; None numbers them.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **options : dict
            As in :meth:`plot`.

        Returns
        -------
        display : AggregationWeightsDisplay
            Already drawn.
        """
        model = QuantileAggregator(quantiles, granularity=granularity).fit(Z, y_true)
        display = cls(model.weights_, model.quantiles_, model_names=model_names)
        return display.plot(ax=ax, **options)

    def plot(self, ax=None, *, kind=None, level=None, cmap=None, include_values=None):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        kind : {"bars", "heatmap", "lines"}, default=None
            None is bars for coarse weights and a heat map for others; medium weights
            can also be lines over the levels.
        level : float, default=None
            Output level of which fine weights are shown: models by input levels. None
            shows all: models and input levels by output levels.
        cmap : str, default=None
            Colours of a heat map; None is one for weights of either sign if there are
            negative ones.
        include_values : bool, default=None
            Whether to write the weights of a heat map; None does so if there are few.

        Returns
        -------
        display : AggregationWeightsDisplay
            The object itself.
        """
        kinds = {
            "coarse": ("bars",),
            "medium": ("heatmap", "lines"),
            "fine": ("heatmap",),
        }[self.granularity]
        kind = kinds[0] if kind is None else kind
        if kind not in kinds:
            raise ValueError(
                f"kind={kind!r} does not show {self.granularity} weights; use one of "
                f"{kinds}."
            )
        if level is not None and self.granularity != "fine":
            raise ValueError(f"level={level!r} is for fine weights only.")
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        if kind == "bars":
            self._bars(ax)
        elif kind == "lines":
            self._lines(ax)
        else:
            self._heatmap(ax, *self._matrix(level), cmap, include_values)
        if self.spread is not None:
            ax.set_title("means over rows", fontsize="medium")
        return self

    def _bars(self, ax):
        place = np.arange(len(self.weights))
        ax.barh(place, self.weights, 0.6, xerr=self.spread, color="C0", capsize=3)
        if self.spread is None:
            for i, weight in enumerate(self.weights):
                ax.annotate(
                    f"{weight:.2f}",
                    (max(weight, 0.0), i),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                )
        ax.set_yticks(place, self.model_names, parse_math=False)
        ax.invert_yaxis()
        low, high = self.weights.min(), self.weights.max()
        ax.set_xlim(1.15 * min(low, 0.0), 1.15 * max(high, 0.0) or 1.0)
        ax.set_xlabel("weight")

    def _lines(self, ax):
        for j, (name, weights) in enumerate(
            zip(self.model_names, self.weights, strict=True)
        ):
            marker = "os^Dv<>Pp*"[j % 10]
            ax.plot(
                self.quantiles, weights, marker=marker, ms=4, lw=1.2, label=f" {name}"
            )
        ax.axhline(0.0, color="0.6", lw=0.8)
        ax.set_xlabel("level")
        ax.set_ylabel("weight")
        plain_legend(ax, fontsize="small")

    def _matrix(self, level):
        """Matrix to show, labels of its rows and columns, and rows of each model."""
        n_models = len(self.weights)
        if self.granularity == "medium":
            return self.weights, self.quantiles, "level", 1
        if level is None:
            matrix = self.weights.reshape(-1, len(self.quantiles))
            return (
                matrix,
                self.quantiles,
                "level that comes out",
                len(matrix) // (n_models),
            )
        near = np.abs(self.quantiles - level)
        if near.min() > 1e-9:
            raise ValueError(
                f"level={level!r} is none of the levels {self.quantiles.tolist()}."
            )
        label = f"level that goes into {level:g}"
        return self.weights[:, :, near.argmin()], self.quantiles, label, 1

    def _heatmap(self, ax, matrix, columns, label, rows_each, cmap, include_values):
        largest = np.abs(matrix).max() or 1.0
        signed = matrix.min() < 0
        if cmap is None:
            cmap = "RdBu_r" if signed else "Blues"
        image = ax.imshow(
            matrix,
            cmap=cmap,
            vmin=-largest if signed else 0.0,
            vmax=largest,
            aspect="auto",
            interpolation="nearest",
        )
        step = -(-len(columns) // 10)
        ticks = np.arange(0, len(columns), step)
        ax.set_xticks(ticks, [f"{columns[k]:.3g}" for k in ticks])
        ax.set_xlabel(label)
        centers = np.arange(len(self.weights)) * rows_each + (rows_each - 1) / 2
        ax.set_yticks(centers, self.model_names, parse_math=False)
        if rows_each > 1:
            for j in range(1, len(self.weights)):
                ax.axhline(j * rows_each - 0.5, color="0.4", lw=0.8)
            ax.set_ylabel("model, and level that goes in (low on top)")
            ax.tick_params(axis="y", length=0)
        ax.figure.colorbar(image, ax=ax, label="weight")
        if include_values is None:
            include_values = matrix.size <= 120 and len(columns) <= 12
        if include_values:
            for (i, k), weight in np.ndenumerate(matrix):
                strong = abs(weight) > 0.6 * largest
                ax.text(
                    k,
                    i,
                    _short(weight),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if strong else "0.2",
                )


def _short(weight):
    """Write a weight in few characters; nothing for an exact zero."""
    if weight == 0:
        return ""
    text = f"{weight:.2f}"
    return text.replace("0.", ".", 1) if abs(weight) < 0.995 else text
