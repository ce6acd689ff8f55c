"""From the user's columns to the coordinates that the mixture is fitted in."""

import math
from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.em import Data
from skext.cluster._mixture.split import canonical_signs
from skext.cluster._reduce.copies import Copies, find_copies
from skext.cluster._reduce.input import HUGE
from skext.utils._warnings import warn_user

_MOST_FEATURES = 32
_KEPT_VARIANCE = 0.9
_VANISHING = 1e-140
# Widths of what is dense that its variance is measured by at most.
_WIDE = 500.0
# Units so unlike that distances are those of some columns only.
_UNLIKE = 1e3


class Frame(NamedTuple):
    """From the user's columns to the coordinates of the mixture.

    Attributes
    ----------
    center : ndarray of shape (n_features,)
        Subtracted.
    scale : float
        A power of two; divided by.
    columns : ndarray of shape (n_varying,)
        Columns that are neither constant nor copies of another one.
    basis : ndarray of shape (n_varying, n_components) or (n_varying, 0)
        Orthonormal projection, or no columns.
    noise : float
        Variance of each direction that the projection leaves out.
    copies : ndarray of shape (n_copies,)
        Columns that are copies.
    sources : ndarray of shape (n_copies,)
        Places of their originals among the varying columns.
    slopes : ndarray of shape (n_copies,)
        Units of a copy per unit of its original.
    """

    center: np.ndarray
    scale: float
    columns: np.ndarray
    basis: np.ndarray
    noise: float
    copies: np.ndarray
    sources: np.ndarray
    slopes: np.ndarray

    def for_kernel(self):
        """Give what the compiled loops read."""
        return self.center, 1.0 / self.scale, self.columns, self.basis

    def restore(self, means):
        """Bring points back to the user's columns."""
        if self.basis.shape[1]:
            means = means @ self.basis.T
        points = np.tile(self.center, (len(means), 1))
        points[:, self.columns] += self.scale * means
        points[:, self.copies] += self.scale * (means[:, self.sources] * self.slopes)
        return points

    def restore_covariances(self, covariances):
        """Bring covariances back; constant columns have none."""
        if self.basis.shape[1]:
            covariances = self.basis @ covariances @ self.basis.T
            rest = np.eye(len(self.basis)) - self.basis @ self.basis.T
            covariances = covariances + self.noise * rest
        d = len(self.center)
        full = np.zeros((len(covariances), d, d))
        full[:, self.columns[:, None], self.columns] = self.scale**2 * covariances
        if self.copies.size:
            originals = self.columns[self.sources]
            full[:, self.copies] = self.slopes[:, None] * full[:, originals]
            full[:, :, self.copies] = self.slopes * full[:, :, originals]
        return full

    def log_volume(self):
        """Give what a log-density in the frame is too large by."""
        n_left_out = 0
        if self.basis.shape[1]:
            n_left_out = len(self.columns) - self.basis.shape[1]
        volume = len(self.columns) * math.log(self.scale)
        if n_left_out:
            volume += 0.5 * n_left_out * math.log(2.0 * math.pi * self.noise)
        return volume


def make_frame(summary, marginals, far, settings):
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


def cells_of(frame, marginals):
    """Variances within the cells of lattices, in the frame; None without any."""
    steps = np.where(marginals.few, 0.0, marginals.steps)[frame.columns] / frame.scale
    if not steps.any():
        return None
    cells = steps**2 / 12.0
    return frame.basis.T**2 @ cells if frame.basis.shape[1] else cells
