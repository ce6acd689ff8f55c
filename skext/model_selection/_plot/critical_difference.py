"""Critical-difference diagram: mean ranks, and which methods the tests tell apart.

Why not ``critical_difference_diagram`` of scikit-posthocs: its axis begins at the best
mean rank, not at 1, so that near ties look like large differences; its labels run out
of given axes; and it brings seaborn and statsmodels.
"""

import functools
import re

import numpy as np

from skext.model_selection import _statistics as _stats
from skext.utils._plotting import pyplot, shorten, text_color

_TESTS = {
    "wilcoxon": "Wilcoxon signed rank, Holm",
    "nemenyi": "Nemenyi",
}
_PITCH = 1.55  # distance of label rows, in font sizes
_BAR_PITCH = 0.95  # distance of bars, in font sizes
_MAX_LABEL = 24.0  # widest label of a figure of our own, in font sizes
_MARGIN = 2.0  # from the end of the axis to the label and beyond it, in font sizes
_MIN_AXIS = 0.3  # smallest part of the width left to the axis of ranks


class CriticalDifferenceDisplay:
    """Mean ranks of methods, with bars that join what the tests do not tell apart.

    Use :meth:`from_scores` or :meth:`from_results` to make one.

    Every bar is a maximal group of methods without a significant difference inside;
    its dots are the members. Groups come from the matrix of corrected p-values, so
    one may pass over a method that does not belong to it: that method has no dot.

    Parameters
    ----------
    mean_ranks : array-like of shape (n_methods,)
        Mean rank of each method over the tasks; 1 is best.
    method_names : list of str of length n_methods
        Names, in the same order.
    pvalues : array-like of shape (n_methods, n_methods), default=None
        Corrected p-values of all pairs. None draws ranks without bars.
    n_tasks : int, default=None
        Number of tasks, for the caption.
    significance_level : float, default=0.05
        Pairs with a p-value below this differ.
    test : str, default=None
        Name of the test, for the caption.
    critical_difference : float, default=None
        Length of a ruler above the axis, for tests that have one (Nemenyi).

    Attributes
    ----------
    mean_ranks : ndarray of shape (n_methods,)
        Mean ranks, best first.
    method_names : list of str of length n_methods
        Names, best first.
    pvalues : ndarray of shape (n_methods, n_methods) or None
        Corrected p-values, best first.
    cliques : list of list of int
        Groups, as positions in ``method_names``.
    ax_ : matplotlib Axes
        Axes of the drawing, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the drawing, after :meth:`plot`.

    See Also
    --------
    skext.model_selection.corrected_resampled_ttest : Two methods on one task.

    References
    ----------
    .. [1] J. Demšar, "Statistical comparisons of classifiers over multiple data
       sets", Journal of Machine Learning Research 7 (2006).
    .. [2] A. Benavoli, G. Corani, F. Mangili, "Should we really use post-hoc tests
       based on mean-ranks?", Journal of Machine Learning Research 17 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from skext.model_selection import CriticalDifferenceDisplay
    >>> rng = np.random.default_rng(0)
    >>> scores = rng.normal([0.9, 0.8, 0.79], 0.02, size=(12, 3))
    >>> display = CriticalDifferenceDisplay.from_scores(
    ...     scores, method_names=["forest", "logistic", "tree"]
    ... )
    >>> display.method_names
    ['forest', 'logistic', 'tree']
    >>> display.cliques
    [[1, 2]]
    """

    def __init__(
        self,
        mean_ranks,
        method_names,
        *,
        pvalues=None,
        n_tasks=None,
        significance_level=0.05,
        test=None,
        critical_difference=None,
    ):
        ranks = np.asarray(mean_ranks, dtype=float)
        names = [str(name) for name in method_names]
        if ranks.ndim != 1 or len(ranks) != len(names) or len(ranks) == 0:
            raise ValueError(
                f"mean_ranks has shape {ranks.shape} for {len(names)} method_names; "
                "give one rank per method."
            )
        order = np.argsort(ranks, kind="stable")
        self.mean_ranks = ranks[order]
        self.method_names = [names[i] for i in order]
        self.pvalues = None
        self.cliques = []
        if pvalues is not None:
            pvalues = np.asarray(pvalues, dtype=float)
            if pvalues.shape != (len(names), len(names)):
                raise ValueError(
                    f"pvalues has shape {pvalues.shape}; give a square matrix for the "
                    f"{len(names)} methods."
                )
            self.pvalues = pvalues[np.ix_(order, order)]
            self.cliques = _stats.maximal_cliques(
                self.pvalues, significance_level=significance_level
            )
        self.n_tasks = n_tasks
        self.significance_level = significance_level
        self.test = test
        self.critical_difference = critical_difference

    @classmethod
    def from_scores(
        cls,
        scores,
        *,
        method_names=None,
        greater_is_better=True,
        test="wilcoxon",
        relative=False,
        significance_level=0.05,
        ax=None,
    ):
        """Rank and test the scores of several methods on several tasks, and draw.

        Parameters
        ----------
        scores : array-like or DataFrame of shape (n_tasks, n_methods)
            One score per task and method: means over folds, not single folds. Tasks
            with a missing score are left out.
        method_names : list of str of length n_methods, default=None
            Names. None takes the columns of a DataFrame, or numbers.
        greater_is_better : bool, default=True
            False for errors and losses.
        test : {"wilcoxon", "nemenyi"}, default="wilcoxon"
            Test of all pairs: Wilcoxon's signed-rank test with Holm's correction, or
            Nemenyi's, whose answer for a pair depends on the other methods.
        relative : bool, default=False
            Test relative differences, for scores whose units differ by task. Only
            for ``test="wilcoxon"``; Nemenyi's test uses ranks alone.
        significance_level : float, default=0.05
            Pairs with a p-value below this differ.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : CriticalDifferenceDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If a parameter is out of range, or no task has all scores.
        """
        if test not in _TESTS:
            raise ValueError(
                f"test={test!r} is no test of pairs; give 'wilcoxon' or 'nemenyi'."
            )
        if not 0 < significance_level < 1:
            raise ValueError(
                f"significance_level={significance_level!r} must lie between 0 and 1; "
                "give a probability such as 0.05."
            )
        if method_names is None and hasattr(scores, "columns"):
            method_names = list(scores.columns)
        scores = np.asarray(scores, dtype=float)
        if scores.ndim != 2 or scores.shape[1] < 2:
            raise ValueError(
                f"scores has shape {scores.shape}; give a table of tasks by at least "
                "two methods."
            )
        if method_names is None:
            method_names = range(scores.shape[1])
        scores = scores[~np.isnan(scores).any(axis=1)]
        if not len(scores):
            raise ValueError(
                "scores has no task with the scores of all methods; leave methods out."
            )
        ranks = _stats.average_ranks(scores, greater_is_better=greater_is_better)
        length = None
        if test == "nemenyi":
            pvalues = _stats.nemenyi(ranks)
            length = _stats.critical_difference(
                *ranks.shape, significance_level=significance_level
            )
        else:
            pvalues = _stats.pairwise_signed_rank(scores, relative=relative)
        display = cls(
            ranks.mean(axis=0),
            method_names,
            pvalues=pvalues,
            n_tasks=len(scores),
            significance_level=significance_level,
            test=_TESTS[test],
            critical_difference=length,
        )
        return display.plot(ax=ax)

    @classmethod
    def from_analysis(cls, analysis):
        """Take ranks and tests from an analysis of a benchmark, without drawing.

        Parameters
        ----------
        analysis : Analysis
            What ``BenchmarkResults.analyse`` returns.

        Returns
        -------
        display : CriticalDifferenceDisplay
            Call :meth:`plot` to draw it.
        """
        ranks = analysis.summary["mean_rank"]
        pvalues = analysis.pairwise
        if pvalues is not None:
            pvalues = pvalues.loc[ranks.index, ranks.index].to_numpy()
        return cls(
            ranks.to_numpy(),
            list(ranks.index),
            pvalues=pvalues,
            n_tasks=analysis.n_tasks,
            test=_TESTS["wilcoxon"],
        )

    @classmethod
    def from_results(cls, results, *, metric=None, track=None, ax=None):
        """Rank and test the methods of a benchmark run, and draw.

        Parameters
        ----------
        results : BenchmarkResults
            Results of a run, finished or not.
        metric : str, default=None
            None is the primary metric of the track.
        track : str, default=None
            None is the first track of the run.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : CriticalDifferenceDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If no task has been finished by all methods.
        """
        analysis = results.analyse(track, metric)
        if not analysis.n_tasks:
            raise ValueError(
                f"results has no task that all methods have finished by "
                f"{analysis.metric}; let the run go on, or leave methods out."
            )
        return cls.from_analysis(analysis).plot(ax=ax)

    def natural_size(self, font_size=None):
        """Size at which all labels are readable.

        Parameters
        ----------
        font_size : float, default=None
            In points; None is matplotlib's setting.

        Returns
        -------
        width, height : float
            In inches.
        """
        font_size = font_size or pyplot().rcParams["font.size"]
        labels = map("  ".join, self._labels())
        label = min(max(map(_text_width, labels)), _MAX_LABEL)
        axis = max(24.0, 1.8 * len(self.method_names))
        width = max(2 * (label + _MARGIN) + axis, 44.0)
        top, bottom = self._extent()
        return float(width * font_size / 72), float((bottom - top) * font_size / 72)

    def plot(self, ax=None, *, font_size=None):
        """Draw the diagram.

        Colours come from matplotlib's text colour alone, so the diagram prints in
        black and white and follows dark styles.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure of :meth:`natural_size`.
        font_size : float, default=None
            In points; None is matplotlib's setting. It shrinks if the axes are too
            low for all labels.

        Returns
        -------
        display : CriticalDifferenceDisplay
            The object itself.
        """
        font_size = font_size or pyplot().rcParams["font.size"]
        if ax is None:
            _, ax = pyplot().subplots(figsize=self.natural_size(font_size))
            ax.set_position((0, 0, 1, 1))
        self.ax_, self.figure_ = ax, ax.figure
        top, bottom = self._extent()
        place, figure = ax.get_position(), ax.figure
        width = place.width * figure.get_figwidth() * 72
        height = place.height * figure.get_figheight() * 72
        font_size = min(font_size, height / (bottom - top))
        # Coordinates: font sizes, with the line of ranks at zero and down positive.
        ax.set_xlim(0, width / font_size)
        ax.set_ylim(height / font_size + top, top)
        ax.axis("off")
        _Drawing(self, ax, font_size).draw()
        return self

    def _labels(self):
        ranks = (f"{rank:.2f}" for rank in self.mean_ranks)
        return list(zip(self.method_names, ranks, strict=True))

    def _extent(self):
        """Top and bottom of the drawing around the axis, in font sizes."""
        top = -3.4 if self.critical_difference is None else -5.6
        rows = (len(self.method_names) + 1) // 2
        caption = 1.6 if self.pvalues is not None else 0.0
        return top, self._first_row() + _PITCH * (rows - 0.4) + caption

    def _first_row(self):
        return 1.5 + _BAR_PITCH * (max(self._levels(), default=-1) + 1)

    def _levels(self):
        ends = [self.mean_ranks[[clique[0], clique[-1]]] for clique in self.cliques]
        return stack(ends, gap=0.05)


def stack(intervals, gap):
    """Give every interval the first level on which it meets no other."""
    ends, levels = [], []
    for low, high in intervals:
        free = [i for i, end in enumerate(ends) if end + gap < low]
        level = free[0] if free else len(ends)
        ends[level : level + 1] = [high]
        levels.append(level)
    return levels


@functools.lru_cache(maxsize=1024)
def _text_width(text):
    """Width of a text in font sizes, without a renderer."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    # Letters that the font may lack are as wide as an M; formulas are not meant.
    plain = re.sub(r"[^\x20-\x7e]", "M", text).replace("$", "S").replace("\\", "/")
    if not plain.strip():
        return 0.35 * len(plain)
    path = TextPath((0, 0), plain, prop=FontProperties(size=20))
    # Small letters are drawn a little wider, on whole pixels.
    return 1.05 * float(path.get_extents().width) / 20


class _Drawing:
    """One drawing of a display, in units of the font size."""

    def __init__(self, display, ax, font_size):
        self.display, self.ax, self.size = display, ax, font_size
        self.ink = text_color()
        self.width = ax.get_xlim()[1]
        self.top_rank = max(len(display.method_names), 2)
        most = (1 - _MIN_AXIS) / 2 * self.width - _MARGIN
        self.labels = [_fit(*label, most) for label in display._labels()]
        gutter = max(_text_width("  ".join(label)) for label in self.labels)
        self.left, self.right = gutter + _MARGIN, self.width - gutter - _MARGIN

    def x(self, rank):
        """Place of a rank."""
        share = (np.asarray(rank) - 1) / (self.top_rank - 1)
        return self.left + share * (self.right - self.left)

    def line(self, x, y, *, weight=1.0, **kwargs):
        style = {"color": self.ink, "linewidth": weight * self.size / 12, **kwargs}
        self.ax.plot(x, y, clip_on=False, **style)

    def text(self, x, y, text, *, scale=0.9, ha="center"):
        style = {"fontsize": scale * self.size, "color": self.ink, "ha": ha}
        self.ax.text(x, y, text, va="center_baseline", parse_math=False, **style)

    def draw(self):
        """Draw everything."""
        self._axis()
        self._methods()
        self._bars()
        self._ruler()
        self._caption()

    def _axis(self):
        self.line([self.left, self.right], [0, 0], solid_capstyle="butt")
        step = int(np.ceil(self.top_rank / 10))
        for rank in range(1, self.top_rank + 1):
            long = (rank - 1) % step == 0
            x = float(self.x(rank))
            self.line([x, x], [0, -0.5 if long else -0.3])
            if long:
                self.text(x, -1.15, f"{rank}")
        self.text((self.left + self.right) / 2, -2.45, "mean rank (1 is best)")

    def _methods(self):
        first = self.display._first_row()
        n_methods = len(self.labels)
        for i, (name, rank) in enumerate(self.labels):
            on_left = i < (n_methods + 1) // 2
            x = float(self.x(self.display.mean_ranks[i]))
            y = first + _PITCH * (i if on_left else n_methods - 1 - i)
            end = self.left - 0.7 if on_left else self.right + 0.7
            self.line([x, x, end], [0, y, y], weight=0.9)
            if on_left:
                self.text(end - 0.4, y, f"{name}  {rank}", scale=1, ha="right")
            else:
                self.text(end + 0.4, y, f"{rank}  {name}", scale=1, ha="left")

    def _bars(self):
        display = self.display
        for clique, level in zip(display.cliques, display._levels(), strict=True):
            y = 0.75 + _BAR_PITCH * level
            x = self.x(display.mean_ranks[clique])
            self.line([x[0] - 0.15, x[-1] + 0.15], [y, y], weight=3.2)
            dots = {"linestyle": "none", "marker": "o", "markersize": 0.62 * self.size}
            self.line(x, [y] * len(x), **dots)

    def _ruler(self):
        length = self.display.critical_difference
        if length is None or not np.isfinite(length):
            return
        start, stop, y = self.left, float(self.x(1 + length)), -4.3
        self.line([start, stop], [y, y])
        for x in (start, stop):
            self.line([x, x], [y - 0.3, y + 0.3])
        self.text((start + stop) / 2, y - 0.8, f"critical difference {length:.2f}")

    def _caption(self):
        display = self.display
        if display.pvalues is None:
            return
        what = [display.test] if display.test else []
        what.append(f"α = {display.significance_level:g}")
        if display.n_tasks is not None:
            what.append(f"{display.n_tasks} task{'s' if display.n_tasks != 1 else ''}")
        start = (
            "Bars join methods that do not differ significantly"
            if display.cliques
            else "All pairs differ significantly"
        )
        text = f"{start} ({', '.join(what)})"
        y = display._extent()[1] - 0.9
        scale = min(0.9, (self.width - 1) / _text_width(text))
        self.text(self.width / 2, y, text, scale=scale)


def _fit(name, rank, most):
    """Cut a name in the middle if its label leaves too little to the axis."""
    width, length = _text_width(f"{name}  {rank}"), len(name)
    if width > most:
        # A first guess from the mean width of a letter, then letter by letter.
        length = int((length + 2 + len(rank)) * most / width) - len(rank) - 1
    while length > 4 and _text_width(f"{shorten(name, length)}  {rank}") > most:
        length -= 1
    return shorten(name, max(length, 4)), rank
