"""Weights of every threshold along the strength of the penalty."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skext.utils._plotting import curve_style, last_step, plain_legend, pyplot

_PANELS = ("threshold", "feature")


class CoefficientPathDisplay:
    """Weights of an ordinal model along the strength of its penalty.

    Use :meth:`from_estimator` to make one of a model that has chosen its penalty by
    cross-validation. Where the curves of a feature in all panels agree, the model is
    one of proportional odds as far as this feature goes.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Strengths of the penalty.
    coefs : array-like of shape (n_alphas, n_classes - 1, n_features) or \
(n_alphas, n_features)
        Weights; the second form is of models with one vector for all thresholds. A
        list of sparse matrices is accepted.
    alpha : float, default=None
        Chosen strength, which is marked.
    feature_names : list of str of length n_features, default=None
        Names of the features.
    threshold_names : list of str of length n_classes - 1, default=None
        Names of the thresholds, such as ``"low | mid"``.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        Strengths, decreasing.
    coefs : ndarray of shape (n_alphas, n_classes - 1, n_features)
        Weights, in the order of ``alphas``.
    axes_ : ndarray of shape (n_panels,)
        Axes of the drawing, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the drawing, after :meth:`plot`.

    See Also
    --------
    CumulativeProbabilityDisplay : What the weights mean for the probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.ordinal import CoefficientPathDisplay
    >>> coefs = np.array([[[0.0, 0.0]] * 3, [[1.0, 0.0], [1.0, 0.2], [1.0, 0.2]]])
    >>> display = CoefficientPathDisplay([0.3, 0.1], coefs, feature_names=["a", "b"])
    >>> display.coefs.shape
    (2, 3, 2)
    """

    def __init__(
        self, alphas, coefs, *, alpha=None, feature_names=None, threshold_names=None
    ):
        alphas = np.asarray(alphas, dtype=np.float64)
        if (
            isinstance(coefs, list | tuple)
            and len(coefs)
            and hasattr(coefs[0], "tocsr")
        ):
            coefs = [matrix.toarray() for matrix in coefs]
        coefs = np.asarray(coefs, dtype=np.float64)
        if coefs.ndim == 2:
            coefs = coefs[:, np.newaxis]
        if alphas.ndim != 1 or coefs.ndim != 3 or len(coefs) != alphas.size:
            raise ValueError(
                f"coefs has shape {coefs.shape} for alphas of shape {alphas.shape}; "
                "give an array of n_alphas by n_classes - 1 by n_features."
            )
        order = np.argsort(-alphas, kind="stable")
        self.alphas, self.coefs, self.alpha = alphas[order], coefs[order], alpha
        self.feature_names = _names(
            feature_names, "feature_names", coefs.shape[2], "feature {}"
        )
        self.threshold_names = _names(
            threshold_names, "threshold_names", coefs.shape[1], "threshold {}"
        )

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        feature_names=None,
        panel="threshold",
        max_features=10,
        ax=None,
        curve_kwargs=None,
    ):
        """Take the path of a fitted model, and draw.

        Parameters
        ----------
        estimator : estimator object
            A fitted model with ``alphas_`` and ``coef_path_``, or a pipeline that
            ends in one.
        feature_names : list of str of length n_features, default=None
            Names; None takes those that the model saw, or numbers.
        panel : {"threshold", "feature"}, default="threshold"
            What gets a panel of its own.
        max_features : int, default=10
            Number of features with the largest weights that are drawn.
        ax : matplotlib Axes or array-like of shape (n_panels,), default=None
            Axes to draw on; None makes a figure.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : CoefficientPathDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If the model has no path, or a parameter is out of range.
        """
        check_is_fitted(estimator)
        model = last_step(estimator)
        if not hasattr(model, "alphas_") or not hasattr(model, "coef_path_"):
            raise ValueError(
                f"estimator={type(model).__name__} has no path of coefficients; use a "
                "model that chooses its penalty, such as PRESTOCV, or give alphas and "
                "coefs to the constructor."
            )
        if feature_names is None:
            feature_names = getattr(model, "feature_names_in_", None)
        labels = getattr(model, "ordered_classes_", None)
        shared = np.ndim(model.coef_path_) == 2
        thresholds = None
        if shared:
            thresholds = ["all thresholds"]
        elif labels is not None:
            pairs = zip(labels[:-1].tolist(), labels[1:].tolist(), strict=True)
            thresholds = [f"{low} | {high}" for low, high in pairs]
        display = cls(
            model.alphas_,
            model.coef_path_,
            alpha=getattr(model, "alpha_", None),
            feature_names=feature_names,
            threshold_names=thresholds,
        )
        return display.plot(
            ax=ax, panel=panel, max_features=max_features, curve_kwargs=curve_kwargs
        )

    def plot(self, ax=None, *, panel="threshold", max_features=10, curve_kwargs=None):
        """Draw the paths; the penalty becomes weaker from left to right.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of shape (n_panels,), default=None
            Axes to draw on; None makes a figure.
        panel : {"threshold", "feature"}, default="threshold"
            A panel for each threshold with a curve for each feature, or the other way
            round.
        max_features : int, default=10
            Number of features with the largest weights that are drawn. A strength of
            zero has no place on the logarithmic axis and is left out.
        curve_kwargs : dict, default=None
            Passed on to matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : CoefficientPathDisplay
            The object itself.

        Raises
        ------
        ValueError
            If a parameter is out of range, or ``ax`` has too few axes.
        """
        if panel not in _PANELS:
            raise ValueError(f"panel={panel!r} must be one of {_PANELS}.")
        if max_features < 1:
            raise ValueError(f"max_features={max_features!r} must be at least 1.")
        shown = self.alphas > 0
        if not shown.any():
            raise ValueError("alphas has no positive strength to be drawn.")
        size = np.abs(self.coefs).max(axis=(0, 1))
        features = np.sort(np.argsort(-size, kind="stable")[:max_features])
        curves = self.coefs[shown][:, :, features]
        panels, lines = self.threshold_names, [self.feature_names[j] for j in features]
        if panel == "feature":
            curves, panels, lines = curves.transpose(0, 2, 1), lines, panels
        axes = _axes(ax, len(panels))
        self.axes_, self.figure_ = axes, axes[0].figure
        for i, (one, title) in enumerate(zip(axes, panels, strict=True)):
            self._draw_panel(one, self.alphas[shown], curves[:, i], lines, curve_kwargs)
            one.set_title(title, fontsize="medium", parse_math=False)
        axes[0].set_ylabel("coefficient")
        plain_legend(axes[-1], loc="center left", bbox_to_anchor=(1.01, 0.5))
        return self

    def _draw_panel(self, ax, alphas, curves, names, curve_kwargs):
        for j, name in enumerate(names):
            style = curve_style(
                curve_kwargs,
                color=f"C{j % 10}",
                linestyle=("-", "--", ":", "-.")[j // 10 % 4],
                label=name,
            )
            ax.plot(alphas, curves[:, j], **style)
        ax.axhline(0, color="0.6", linewidth=0.6, zorder=0)
        if self.alpha is not None and self.alpha > 0:
            ax.axvline(self.alpha, color="0.4", linestyle=(0, (4, 3)), linewidth=1)
        ax.set_xscale("log")
        if not ax.xaxis_inverted():
            ax.invert_xaxis()
        ax.set_xlabel("alpha")


def _names(names, parameter, n, pattern):
    if names is None:
        return [pattern.format(j) for j in range(n)]
    if len(names) != n:
        raise ValueError(
            f"{parameter} has {len(names)} names for {n} of them; give one for each."
        )
    return [str(name) for name in names]


def _axes(ax, n_panels):
    if ax is None:
        width = min(3.2 * n_panels + 1.5, 18)
        _, ax = pyplot().subplots(
            1,
            n_panels,
            sharex=True,
            sharey=True,
            figsize=(width, 3.4),
            layout="constrained",
        )
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if axes.size != n_panels:
        raise ValueError(
            f"ax has {axes.size} axes for {n_panels} panels; give as many."
        )
    return axes
