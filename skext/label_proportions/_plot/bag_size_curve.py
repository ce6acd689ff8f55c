"""Scores of single rows against the size of bags, next to their controls."""

import numpy as np

from skext.utils._plotting import curve_style, one_axes, plain_legend


class BagSizeCurveDisplay:
    """Scores of methods against the size of bags, with the controls of each.

    Use :meth:`from_predictions` to make one from labels that were kept for the test, or
    give scores of any kind. What a method learned from its bags is its distance from
    its control, which had bags without information.

    Parameters
    ----------
    bag_sizes : array-like of shape (n_sizes,)
        Numbers of rows of a bag, increasing.
    scores : dict of str to array-like of shape (n_repeats, n_sizes) or (n_sizes,)
        Scores of each method, by name.
    controls : dict of str to array-like of shape (n_repeats, n_sizes) or (n_sizes,), \
default=None
        Scores of controls. A control with the name of a method is drawn in its colour,
        others in grey.
    baseline : float, default=0.5
        The score of knowing nothing; None draws no line.
    ceiling : float, default=None
        The score with all labels known.
    score_name : str, default="ROC AUC of test rows"
        For the axis.

    Attributes
    ----------
    bag_sizes : ndarray of shape (n_sizes,)
        Numbers of rows of a bag.
    scores, controls : dict of str to ndarray of shape (n_repeats, n_sizes)
        Scores.
    mean : dict of str to ndarray of shape (n_sizes,)
        Mean of each method over the repeats.
    ax_ : matplotlib Axes
        Axes of the drawing, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the drawing, after :meth:`plot`.
    lines_ : dict of str to matplotlib Line2D
        Curves of the methods, after :meth:`plot`.
    control_lines_ : dict of str to matplotlib Line2D
        Curves of the controls, after :meth:`plot`.

    See Also
    --------
    MarginalCalibrationDisplay : Whether inferred probabilities are right.

    Examples
    --------
    >>> from skext.label_proportions import BagSizeCurveDisplay
    >>> display = BagSizeCurveDisplay(
    ...     [8, 32], {"BP": [[0.9, 0.8], [0.8, 0.8]]}, {"BP": [[0.5, 0.5]]}
    ... )
    >>> display.mean["BP"].round(2).tolist()
    [0.85, 0.8]
    """

    def __init__(
        self,
        bag_sizes,
        scores,
        controls=None,
        *,
        baseline=0.5,
        ceiling=None,
        score_name="ROC AUC of test rows",
    ):
        self.bag_sizes = np.asarray(bag_sizes, dtype=np.float64)
        if self.bag_sizes.ndim != 1 or not (np.diff(self.bag_sizes) > 0).all():
            raise ValueError(
                f"bag_sizes={np.asarray(bag_sizes).tolist()} must increase."
            )
        self.scores = self._tables(scores, "scores")
        self.controls = self._tables(controls or {}, "controls")
        self.mean = {name: table.mean(axis=0) for name, table in self.scores.items()}
        self.baseline, self.ceiling = baseline, ceiling
        self.score_name = score_name

    def _tables(self, given, what):
        tables = {}
        for name, values in given.items():
            table = np.atleast_2d(np.asarray(values, dtype=np.float64))
            if table.ndim != 2 or table.shape[1] != self.bag_sizes.size:
                raise ValueError(
                    f"{what}[{name!r}] has shape {np.shape(values)}; give one column "
                    f"for each of the {self.bag_sizes.size} bag_sizes, and one row for "
                    "each repeat."
                )
            tables[name] = table
        return tables

    @classmethod
    def from_predictions(
        cls,
        y_true,
        predictions,
        controls=None,
        *,
        metric=None,
        baseline=0.5,
        ceiling=None,
        score_name="ROC AUC of test rows",
        ax=None,
        curve_kwargs=None,
    ):
        """Score predictions of the same rows for bags of several sizes, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels of rows, which no method has seen.
        predictions : dict of str to dict
            By method and by size of the bags: scores of shape (n_samples,), or of shape
            (n_repeats, n_samples) for several draws of the bags.
        controls : dict of str to dict, default=None
            The same for controls.
        metric : callable, default=None
            ``metric(y_true, scores)``; None is
            :func:`~sklearn.metrics.roc_auc_score`.
        baseline : float, default=0.5
            The score of knowing nothing; None draws no line.
        ceiling : float, default=None
            The score with all labels known.
        score_name : str, default="ROC AUC of test rows"
            For the axis.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for all curves of methods.

        Returns
        -------
        display : BagSizeCurveDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If methods have different sizes.
        """
        if metric is None:
            from sklearn.metrics import roc_auc_score as metric
        sizes = sorted(next(iter(predictions.values())))

        def score(by_size, name):
            if sorted(by_size) != sizes:
                raise ValueError(
                    f"{name!r} has predictions for the bag sizes {sorted(by_size)}, "
                    f"others for {sizes}; give all of them."
                )
            return np.column_stack(
                [
                    [metric(y_true, row) for row in np.atleast_2d(by_size[size])]
                    for size in sizes
                ]
            )

        display = cls(
            sizes,
            {name: score(given, name) for name, given in predictions.items()},
            {name: score(given, name) for name, given in (controls or {}).items()},
            baseline=baseline,
            ceiling=ceiling,
            score_name=score_name,
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    def plot(self, ax=None, *, curve_kwargs=None):
        """Draw means, with a band from the least to the greatest of the repeats.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for all curves of methods.

        Returns
        -------
        display : BagSizeCurveDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.control_lines_ = {}, {}
        sizes, colours = self.bag_sizes, {}
        style = curve_style(curve_kwargs, marker="o", markersize=4)
        for name, table in self.scores.items():
            (line,) = ax.plot(sizes, self.mean[name], label=name, **style)
            self.lines_[name], colours[name] = line, line.get_color()
            if len(table) > 1:
                ax.fill_between(
                    sizes,
                    table.min(axis=0),
                    table.max(axis=0),
                    color=line.get_color(),
                    alpha=0.15,
                    linewidth=0,
                )
        for name, table in self.controls.items():
            own = name in self.scores
            (line,) = ax.plot(
                sizes,
                table.mean(axis=0),
                color=colours.get(name, "0.45"),
                linestyle=":" if own else "-.",
                marker="x",
                markersize=4,
                label=f"{name}, control" if own else name,
            )
            self.control_lines_[name] = line
        if self.ceiling is not None:
            ax.axhline(self.ceiling, color="0.4", linewidth=1, label="all labels known")
        if self.baseline is not None:
            ax.axhline(self.baseline, color="0.6", linestyle="--", linewidth=1)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
        ax.minorticks_off()
        ax.set_xlabel("rows of a bag")
        ax.set_ylabel(self.score_name)
        plain_legend(ax, fontsize="small")
        return self
