"""Probabilities of ordered classes along one feature."""

import numbers

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skext.utils._class_order import find_ordered_classes
from skext.utils._plotting import one_axes, plain_legend, shades

_KINDS = ("stacked", "cumulative")


class CumulativeProbabilityDisplay:
    """How the probabilities of ordered classes change with one feature.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    values : array-like of shape (n_points,)
        Values of the feature, increasing.
    proba : array-like of shape (n_points, n_classes)
        Probability of each class at each value, columns from the lowest class to the
        highest.
    class_names : list of str of length n_classes
        Names of the classes, from the lowest to the highest.
    feature_name : str, default=None
        Name of the feature, for the axis.

    Attributes
    ----------
    values : ndarray of shape (n_points,)
        Values of the feature.
    proba : ndarray of shape (n_points, n_classes)
        Class probabilities.
    cumulative : ndarray of shape (n_points, n_classes - 1)
        Probability of each class or a lower one, but for the highest class.
    ax_ : matplotlib Axes
        Axes of the drawing, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the drawing, after :meth:`plot`.

    See Also
    --------
    CoefficientPathDisplay : Weights of all thresholds along the penalty.
    sklearn.inspection.PartialDependenceDisplay : Averages over all rows.

    Examples
    --------
    >>> from skext.ordinal import CumulativeProbabilityDisplay
    >>> display = CumulativeProbabilityDisplay(
    ...     [0.0, 1.0], [[0.7, 0.2, 0.1], [0.2, 0.3, 0.5]], ["low", "mid", "high"]
    ... )
    >>> display.cumulative.round(3).tolist()
    [[0.7, 0.9], [0.2, 0.5]]
    """

    def __init__(self, values, proba, class_names, *, feature_name=None):
        self.values = np.asarray(values, dtype=np.float64)
        self.proba = np.asarray(proba, dtype=np.float64)
        self.class_names = [str(name) for name in class_names]
        shape = (self.values.size, len(self.class_names))
        if self.values.ndim != 1 or self.proba.shape != shape:
            raise ValueError(
                f"proba has shape {self.proba.shape} for values of shape "
                f"{self.values.shape} and {shape[1]} class_names; give a row for each "
                "value and a column for each class."
            )
        self.cumulative = np.cumsum(self.proba, axis=1)[:, :-1]
        self.feature_name = feature_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        feature,
        *,
        row=None,
        percentiles=(0.01, 0.99),
        grid_resolution=100,
        kind="stacked",
        ax=None,
        cmap="viridis",
    ):
        """Predict along one feature while the others stay as they are, and draw.

        Parameters
        ----------
        estimator : estimator object
            A fitted classifier, pipeline or search with ``predict_proba``. The order
            of the classes is that of its ``ordered_classes_`` if it has them, else of
            the sorted labels.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows from which the range of the feature and the values of the others come.
        feature : int or str
            Position or name of a numeric column.
        row : array-like of shape (n_features,), default=None
            Values of the other features. None takes the median of each numeric column
            and the most frequent value of each other one.
        percentiles : tuple of float, default=(0.01, 0.99)
            Range of the feature, as parts of its rows.
        grid_resolution : int, default=100
            Number of points. Features with fewer distinct values are shown at those.
        kind : {"stacked", "cumulative"}, default="stacked"
            Areas, or the curves between them.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str, default="viridis"
            Colours of the classes.

        Returns
        -------
        display : CumulativeProbabilityDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If the feature does not exist or is not numeric, or a parameter is out of
            range.
        """
        check_is_fitted(estimator)
        if hasattr(X, "tocsr"):
            raise ValueError(
                "X is sparse, which has no useful medians; pass some of its rows as "
                "an array."
            )
        frame = hasattr(X, "iloc")
        if not frame:
            X = np.asarray(X)
        place = _find_column(X, feature, frame)
        values = _grid(_column(X, place, frame), place, percentiles, grid_resolution)
        table = _repeat_row(X, row, values.size, frame)
        if frame:
            table[table.columns[place]] = values
        else:
            table[:, place] = values
        classes = np.asarray(estimator.classes_)
        ordered = find_ordered_classes(estimator)
        ordered = classes if ordered is None else ordered
        columns = [classes.tolist().index(label) for label in ordered.tolist()]
        display = cls(
            values,
            np.asarray(estimator.predict_proba(table))[:, columns],
            ordered.tolist(),
            feature_name=str(X.columns[place] if frame else f"feature {place}"),
        )
        return display.plot(ax=ax, kind=kind, cmap=cmap)

    def plot(self, ax=None, *, kind="stacked", cmap="viridis"):
        """Draw areas or curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        kind : {"stacked", "cumulative"}, default="stacked"
            An area for each class, lowest at the bottom, or a curve for the
            probability of each class or a lower one.
        cmap : str, default="viridis"
            Colours of the classes.

        Returns
        -------
        display : CumulativeProbabilityDisplay
            The object itself.

        Raises
        ------
        ValueError
            If ``kind`` is unknown.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind={kind!r} must be one of {_KINDS}.")
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        n_classes = len(self.class_names)
        if kind == "stacked":
            edges = np.pad(np.cumsum(self.proba, axis=1), ((0, 0), (1, 0)))
            for k, color in enumerate(shades(n_classes, cmap)):
                ax.fill_between(
                    self.values,
                    edges[:, k],
                    edges[:, k + 1],
                    color=color,
                    linewidth=0,
                    label=self.class_names[k],
                )
            ax.set_ylabel("probability, summed")
        else:
            for k, color in enumerate(shades(n_classes - 1, cmap)):
                label = f"≤ {self.class_names[k]}"
                ax.plot(self.values, self.cumulative[:, k], color=color, label=label)
            ax.set_ylabel("cumulative probability")
        ax.set_ylim(0, 1)
        if self.values.size > 1:
            ax.set_xlim(self.values[0], self.values[-1])
        if self.feature_name is not None:
            ax.set_xlabel(self.feature_name, parse_math=False)
        handles, labels = ax.get_legend_handles_labels()
        # The highest class is on top in the drawing as well.
        place = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
        plain_legend(ax, handles[::-1], labels[::-1], **place)
        return self


def _find_column(X, feature, frame):
    n_features = X.shape[1]
    if isinstance(feature, numbers.Integral):
        if -n_features <= feature < n_features:
            return int(feature) % n_features
    elif frame and feature in list(X.columns):
        return list(X.columns).index(feature)
    known = list(X.columns) if frame else f"0 to {n_features - 1}"
    raise ValueError(f"feature={feature!r} is not a column of X; it has {known}.")


def _column(X, place, frame):
    if not frame:
        return X[:, place]
    import pandas as pd

    column = X.iloc[:, place]
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.to_numpy(dtype=object)


def _numbers(column):
    """Return a column as float64, or None if it is not numeric."""
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    try:
        return np.asarray(column.tolist(), dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _grid(column, place, percentiles, resolution):
    values = _numbers(column)
    if values is None:
        raise ValueError(f"feature {place} of X is not numeric; choose another one.")
    if not 0 <= percentiles[0] < percentiles[1] <= 1:
        raise ValueError(
            f"percentiles={percentiles!r} must be two increasing parts between 0 and 1."
        )
    if resolution < 2:
        raise ValueError(f"grid_resolution={resolution!r} must be at least 2.")
    distinct = np.unique(values[np.isfinite(values)])
    if distinct.size <= resolution:
        return distinct
    return np.linspace(
        *np.quantile(values[np.isfinite(values)], percentiles), resolution
    )


def _repeat_row(X, row, times, frame):
    """Make a table of equal rows with the column types of X."""
    if row is not None:
        row = list(np.asarray(row, dtype=object).ravel())
        if len(row) != X.shape[1]:
            raise ValueError(
                f"row has {len(row)} values, X has {X.shape[1]} columns; give one "
                "value for each."
            )
    else:
        row = [_typical(_column(X, j, frame)) for j in range(X.shape[1])]
    if not frame:
        dtype = object if X.dtype.kind in "OU" else np.float64
        return np.tile(np.array(row, dtype=dtype), (times, 1))
    import pandas as pd

    table = {}
    for j, name in enumerate(X.columns):
        kind = X.dtypes.iloc[j]
        number = pd.api.types.is_numeric_dtype(kind)
        table[name] = pd.Series([row[j]] * times, dtype=None if number else kind)
    return pd.DataFrame(table)


def _typical(column):
    values = _numbers(column)
    if values is not None and np.isfinite(values).any():
        return np.median(values[np.isfinite(values)])
    import pandas as pd

    kinds = pd.Series(column).dropna().mode()
    return kinds.iloc[0] if kinds.size else np.nan
