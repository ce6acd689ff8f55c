"""From a table to clusters: reduce, search, validate."""

import math
from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.em import Data, Rules
from skext.cluster._mixture.label import Frame
from skext.cluster._mixture.search import Options, Search, find_components
from skext.cluster._mixture.split import canonical_signs
from skext.cluster._mixture.validate import (
    Bounds,
    Clusters,
    Pairs,
    compare_components,
    group_components,
)
from skext.cluster._reduce.canonical import canonical_rows
from skext.cluster._reduce.columns import describe_columns, far_rows
from skext.cluster._reduce.copies import Copies, find_copies
from skext.cluster._reduce.input import HUGE, refuse_huge
from skext.cluster._reduce.variance_tree import build_variance_tree
from skext.utils._warnings import warn_user

# A table with more distinct rows is reduced to as many leaves.
MOST_ROWS = 20_000
N_LEAVES = 4096
_MOST_FEATURES = 32
_KEPT_VARIANCE = 0.9
_VANISHING = 1e-140
# Points that are clusters by their copies alone, and how much heavier than the others
# a row must be if there are more.
_MOST_POINTS = 20
# Copies of each row on average that are too many to be an accident.
_REPEATED = 1.25
# Widths of what is dense that its variance is measured by at most.
_WIDE = 500.0
# Units so unlike that distances are those of some columns only.
_UNLIKE = 1e3
_LOG_FEW = math.log(500.0)
_FAMILIES = {"auto": 15, "spherical": 1, "diag": 2, "ppca": 4, "full": 8}


class Settings(NamedTuple):
    """Parameters of a fit; see those of the estimator."""

    options: Options
    bounds: Bounds
    covariance_type: str
    coarsening: float | None
    reg_covar: float
    row_reduction: object
    feature_reduction: object
    n_jobs: int | None


class Summary(NamedTuple):
    """Representatives of a table, in the user's units.

    Attributes
    ----------
    means : ndarray of shape (n_representatives, n_features)
        Rows, or means of leaves.
    weights : ndarray of shape (n_representatives,)
        Total weight of each.
    variances : ndarray of shape (n_representatives, n_features) or (0, n_features)
        Variances within leaves; none for rows.
    counts : ndarray of shape (n_representatives,)
        Distinct rows of each.
    edges : tuple of two ndarray of shape (n_representatives, n_features)
        Boxes around them.
    """

    means: np.ndarray
    weights: np.ndarray
    variances: np.ndarray
    counts: np.ndarray
    edges: tuple

    def part(self, index):
        """Give some of the representatives."""
        variances = self.variances[index] if self.variances.size else self.variances
        return Summary(
            self.means[index],
            self.weights[index],
            variances,
            self.counts[index],
            tuple(edge[index] for edge in self.edges),
        )


class Solution(NamedTuple):
    """Everything that a fit finds."""

    frame: Frame
    data: Data
    rules: Rules
    search: Search
    pairs: Pairs
    clusters: Clusters
    reduction_loss: float


def summarize(X, sample_weight, settings):
    """Reduce a table to its distinct rows, or to leaves if there are too many.

    Returns
    -------
    summary : Summary
        The same for every order of the rows.
    leaf : ndarray of shape (n_samples,) or None
        Leaf of each row.
    """
    limit, n_leaves = _limits(settings.row_reduction)
    if limit is not None and len(X) > limit:
        tree = build_variance_tree(X, sample_weight, n_leaves, settings.n_jobs)
        if tree.counts.sum() > limit:
            return summary_of_tree(tree), tree.leaf
    refuse_huge(X, sample_weight)
    rows, weights = canonical_rows(X, sample_weight)
    return Summary(rows, weights, rows[:0], np.ones(len(rows)), (rows,)), None


def summary_of_tree(tree):
    """Take the leaves of a variance tree as representatives."""
    kept = tree.weights > 0.0
    return Summary(
        tree.means[kept],
        tree.weights[kept],
        tree.variances[kept],
        tree.counts[kept].astype(np.float64),
        # The edges of the boxes are values that occur.
        (tree.lower[kept], tree.upper[kept]),
    )


def _limits(row_reduction):
    if row_reduction is None:
        return None, None
    if row_reduction == "auto":
        return MOST_ROWS, N_LEAVES
    return int(row_reduction), int(row_reduction)


def solve(summary, settings, total_weight=None):
    """Find the clusters of a summary.

    Parameters
    ----------
    summary : Summary
        Representatives.
    settings : Settings
        Parameters.
    total_weight : float, default=None
        Sample size that the weights stand for; None is their sum.

    Returns
    -------
    solution : Solution
        Everything found.
    """
    size = float(summary.weights.sum())
    n_rows = size if total_weight is None else total_weight
    min_rows = settings.options.min_rows
    marginals, counts, wanted = _look_at(summary, n_rows, min_rows)
    far, alone = far_rows(summary.means, counts, marginals, min_rows)
    while alone.any():
        # They are no cluster, and nothing shall be measured by them.
        summary, everything = summary.part(~alone), size
        size = float(summary.weights.sum())
        n_rows *= size / everything
        marginals, counts, wanted = _look_at(summary, n_rows, min_rows)
        far, alone = far_rows(summary.means, counts, marginals, min_rows)
    summary = summary._replace(counts=counts)
    frame, data, floor, variance, loss = _prepare(summary, marginals, far, settings)
    cells = _cells(frame, marginals)
    if settings.coarsening is not None:
        wanted /= 1.0 + wanted / settings.coarsening
    data = data._replace(weights=data.weights * (wanted / size))
    # Below e rows there is no evidence for anything.
    log_n = max(math.log(wanted), 1.0)
    ridge = 1e-3 * settings.reg_covar * variance
    rules = Rules(floor, ridge, log_n, _FAMILIES[settings.covariance_type])
    search = find_components(data, rules, settings.options)
    # A flat density, cut in two, gains evidence with every row.
    evidence = settings.bounds.evidence + 0.5 * max(log_n - _LOG_FEW, 0.0)
    pairs = compare_components(data, search.state, evidence, cells)
    clusters = group_components(data, search.state, pairs, settings.bounds, cells)
    return Solution(frame, data, rules, search, pairs, clusters, loss)


def _look_at(summary, n_rows, min_rows):
    """Describe the columns, and tell what counts as how many rows.

    Numbers without rounding do not meet: copies of a row are one observation, however
    often it was written down. They are evidence if all columns are rounded or have few
    values, and so is a row that has very many.

    Returns
    -------
    marginals : Marginals
        Of the columns.
    counts : ndarray of shape (n_representatives,)
        Rows that each counts as, for the smallest size of a component.
    n_effective : float
        Rows that all count as, for the evidence.
    """
    values = np.concatenate(summary.edges)
    weights = summary.weights * (n_rows / summary.weights.sum())
    shares = np.tile(weights / len(summary.edges), len(summary.edges))
    marginals = describe_columns(values, shares, n_rows, min_rows)
    if (marginals.few | (marginals.steps > 0.0)).all():
        if (marginals.steps > 0.0).any() and _are_points(weights, n_rows):
            warn_user(
                f"X has {len(weights)} different rows, about equally often, whose "
                "values are in equal steps: they are taken for rounded numbers, not "
                "for clusters. If they are categories, encode them by OneHotEncoder."
            )
        # Columns of a few values would have no width, and their points no distance.
        points = marginals.few & (marginals.steps == 0.0)
        steps = np.where(points, marginals.gaps / math.sqrt(3.0), marginals.steps)
        marginals = marginals._replace(steps=steps, gaps=steps, few=points)
        return marginals, weights, n_rows
    counts = summary.counts
    many = weights >= max(math.sqrt(n_rows), 2.0)
    if len(weights) > _MOST_POINTS:
        many &= weights >= _MOST_POINTS * np.median(weights)
    point = many & (counts <= 1.0)
    rest = weights[~point].sum()
    # Kish's effective number of different rows.
    different = rest**2 / max((weights[~point] ** 2 / counts[~point]).sum(), 1e-300)
    if rest > _REPEATED * different:
        n_rows = n_rows - rest + different
    return marginals, np.where(point, weights, counts), n_rows


def _cells(frame, marginals):
    """Variances within the cells of lattices, in the frame; None without any."""
    steps = np.where(marginals.few, 0.0, marginals.steps)[frame.columns] / frame.scale
    if not steps.any():
        return None
    cells = steps**2 / 12.0
    return frame.basis.T**2 @ cells if frame.basis.shape[1] else cells


def _are_points(weights, n_rows):
    """Tell whether a few rows, about equally often, make up the table."""
    few = len(weights) <= _MOST_POINTS and weights.min() >= math.sqrt(n_rows)
    return few and weights.max() <= 3.0 * weights.min()


def _prepare(summary, marginals, far, settings):
    """Centre, scale, leave out constant columns, project wide tables."""
    means, weights, variances, counts, _ = summary
    total = weights.sum()
    # Halves of huge numbers, so that no difference overflows.
    center = 2.0 * (weights @ (0.5 * means) / total)
    low, high = means.min(axis=0), means.max(axis=0)
    largest = np.maximum(np.abs(low), np.abs(high))
    rounding = 8.0 * np.finfo(np.float64).eps * largest
    varying = high - low > rounding
    center = np.where(varying, center, low)
    centered = means - center
    spread = np.abs(centered).max(axis=0)
    if variances.size:
        spread = np.maximum(spread, np.sqrt(variances.max(axis=0)))
        varying |= spread > rounding
    if 0.0 < spread[varying].max(initial=0.0) < 1.0 / HUGE:
        raise ValueError(
            f"All values of X are within {spread[varying].max():.3g} of each other, "
            "and the squares of such numbers vanish; multiply X by a constant first."
        )
    # Squares of what is smaller still would vanish.
    columns = np.flatnonzero(varying & (spread > _VANISHING * spread.max()))
    scale = 1.0
    if columns.size:
        copies = find_copies(centered[:, columns].T, weights, marginals.widths[columns])
        copied, columns = columns[copies.copies], columns[copies.kept]
        scale = 2.0 ** np.floor(np.log2(spread[columns].max()))
    else:
        columns, copied = np.array([0]), np.empty(0, dtype=np.intp)
        copies = Copies(columns, copied, copied, np.empty(0))
        centered = np.zeros_like(centered)
        variances = np.zeros_like(variances)
    rows = np.ascontiguousarray((centered[:, columns] / scale).T)
    inner = np.empty((len(columns), 0))
    if variances.size:
        inner = np.ascontiguousarray((variances[:, columns] / scale**2).T)
    loss = 0.0
    if variances.size:
        data = Data(rows, inner, weights, counts)
        loss = float((inner @ weights).sum() / total / _total_variance(data).sum())
    steps = marginals.steps[columns] / scale
    if steps.any():
        # A rounded number stands for all that are rounded to it.
        cells = np.repeat(steps[:, None] ** 2 / 12.0, len(weights), axis=1)
        inner = inner + cells if inner.size else cells
    data = Data(rows, inner, weights, counts)
    # Among far rows and far clusters, what is dense has its own scale.
    widths = marginals.widths[columns] / scale
    variance = np.minimum(_total_variance(data), (_WIDE * widths) ** 2)
    deviations = np.sqrt(variance[variance > 0.0])
    if deviations.size and deviations.max() > _UNLIKE * deviations.min():
        warn_user(
            f"Columns of X spread by {deviations.min() * scale:.2g} to "
            f"{deviations.max() * scale:.2g}: distances between rows are in the units "
            "given, and the large columns decide. If these have nothing to do with "
            "each other, put a StandardScaler first."
        )
    resolved = (marginals.gaps[columns] / scale) ** 2 / 12.0
    floor = np.maximum(resolved, settings.reg_covar * variance)
    if not floor.any():
        floor = np.ones_like(floor)
    floor = np.maximum(floor, 1e-300)
    no_basis = np.empty((len(columns), 0))
    frame = Frame(
        center,
        float(scale),
        columns,
        no_basis,
        0.0,
        copied,
        copies.sources,
        copies.slopes,
    )
    basis, noise = _leading_directions(data, far, settings.feature_reduction)
    if basis is not None:
        frame = frame._replace(basis=basis, noise=noise)
        square = basis.T**2
        data = Data(
            np.ascontiguousarray(basis.T @ rows),
            np.ascontiguousarray(square @ inner)
            if inner.size
            else inner[:0].reshape(basis.shape[1], 0),
            weights,
            counts,
        )
        # No projection varies more than if all columns went along with it.
        most = len(columns) * (square @ variance)
        variance = np.minimum(_total_variance(data), most)
        floor = np.maximum(square @ floor, settings.reg_covar * variance)
    return frame, data, floor, variance, loss


def _total_variance(data):
    """Variance of each row of a table on its side."""
    total = data.weights.sum()
    mean = data.rows @ data.weights / total
    variance = (data.rows - mean[:, None]) ** 2 @ data.weights / total
    if data.spread.shape[1]:
        variance = variance + data.spread @ data.weights / total
    return variance


def _leading_directions(data, far, feature_reduction):
    """Principal components that hold most of the variance, or None for all.

    Also returns the mean variance of the others.
    """
    d = len(data.rows)
    if feature_reduction is None or (
        feature_reduction == "auto" and d <= _MOST_FEATURES
    ):
        return None, 0.0
    if far.any():
        data = data.part(np.flatnonzero(~far))
    total = data.weights.sum()
    mean = data.rows @ data.weights / total
    centered = data.rows - mean[:, None]
    cov = (centered * data.weights) @ centered.T / total
    if data.spread.shape[1]:
        cov[np.diag_indices(d)] += data.spread @ data.weights / total
    values, vectors = np.linalg.eigh(cov)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    share = _KEPT_VARIANCE if feature_reduction == "auto" else feature_reduction
    if isinstance(share, int | np.integer):
        q = min(int(share), d)
    else:
        q = int(np.searchsorted(np.cumsum(values) / values.sum(), share)) + 1
    noise = float(values[q:].mean()) if q < d else 0.0
    if q >= d or noise <= 1e-12 * values[0]:
        # What would be left out is nothing: keep it.
        return None, 0.0
    return np.ascontiguousarray(canonical_signs(vectors[:, :q])), noise
