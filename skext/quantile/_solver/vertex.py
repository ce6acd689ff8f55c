"""From the neighbourhood of an optimum to an exact vertex, and its proof.

An interior point method ends beside the optimum: quantiles miss the targets that they
run through by some 1e-14, which is much if many targets are tied. Here the rows that
the quantile runs through are told by their dual variable, the weights are solved for
from them alone, and the dual variable of these rows is solved for from that of all
others, which proves the result by complementary slackness, whatever the units.
"""

from typing import NamedTuple

import numpy as np
from numpy.linalg import lstsq
from scipy.linalg import qr
from scipy.linalg.lapack import dgetrf, dgetrs

# Rows to find a basis in at once, and rounds in which others may be added.
_SAMPLE, _ROUNDS = 1000, 5
# Dual variables nearer to the end of their box are at it, in weights of the row.
_INSIDE = 1e-7
# Weights below these shares of their scale are none, tried one after the other.
_USED = (1e-7, 1e-5, 1e-3)
_EPS = float(np.finfo(np.float64).eps)


class Candidates(NamedTuple):
    """Rows that the quantile may run through.

    Attributes
    ----------
    C : ndarray of shape (n_rows, n_columns)
        Their part of the table.
    y, s, share : ndarrays of shape (n_rows,)
        Target, weight and distance of the dual variable from the ends of its box.
    """

    C: np.ndarray
    y: np.ndarray
    s: np.ndarray
    share: np.ndarray

    def part(self, index):
        """Return some of them."""
        return Candidates(*(values[index] for values in self))


class Vertex(NamedTuple):
    """Weights from a basis of rows.

    Attributes
    ----------
    w, intercept : ndarray of shape (n_columns,), float
        Weights.
    basis : ndarray of shape (n_basis,)
        Positions of the rows among the candidates.
    M : ndarray of shape (n_basis, n_directions)
        What the directions do to their quantiles.
    size : float
        Residuals of this size are rounding.
    factor : tuple or None
        LU factors of ``M`` where there are as many rows as directions.
    """

    w: np.ndarray
    intercept: float
    basis: np.ndarray
    M: np.ndarray
    size: float
    factor: tuple | None


def inside_rows(r, y, a, tau, s):
    """Return the positions of rows whose dual variable is inside its box.

    Parameters
    ----------
    r, y, a, tau, s : ndarrays of shape (n_rows,)
        Residuals, targets, dual variable, levels and weights.

    Returns
    -------
    index, share : ndarrays of shape (n_candidates,)
        Positions and the distance from the ends of the box in weights of the row.
    """
    share = np.minimum(tau - a / s, 1.0 - tau + a / s)
    # Nothing but rounding is left of a perfect fit.
    typical = max(float(np.abs(r).mean()), 1e-10 * float(np.abs(y).mean())) or 1.0
    index = np.flatnonzero((share > _INSIDE) & (share * typical > np.abs(r)))
    return index, share[index]


def supports(w, scale, constraint):
    """Yield weights of which those that may be rounding are set to zero.

    Parameters
    ----------
    w, scale : ndarrays of shape (n_columns,)
        Weights near the optimum, and how large those are that matter.
    constraint : Constraint
        What the weights obey; without a sign, all are kept.

    Yields
    ------
    w : ndarray of shape (n_columns,)
        Weights.
    """
    if not constraint.positive:
        yield w
        return
    size = -1
    for share in _USED:
        found = np.where(w > share * scale, w, 0.0)
        if np.count_nonzero(found) != size:
            size = np.count_nonzero(found)
            yield found


def directions(way, w, constraint, center):
    """Directions in which the weights may move without leaving what they obey.

    Parameters
    ----------
    way : Way
        As the solver found it.
    w : ndarray of shape (n_columns,)
        Weights.
    constraint : Constraint
        What they obey.
    center : ndarray of shape (n_columns,)
        Middle of the columns.

    Returns
    -------
    T : ndarray of shape (n_columns + 1, n_directions)
        One column for each; the last row is the intercept.
    start : ndarray of shape (n_columns,)
        Weights from which the directions lead to all that are allowed.
    """
    if not constraint.positive:
        return way.matrix, way.shift[:-1]
    n, start = len(w), np.zeros(len(w))
    scale = np.diagonal(way.matrix)[:n]
    used = np.flatnonzero(w)
    T = np.zeros((n + 1, len(used)))
    T[used, np.arange(len(used))] = scale[used]
    if constraint.total and len(used):
        largest = int(w[used].argmax())
        start[used[largest]] = 1.0
        T = np.delete(T - T[:, [largest]], largest, axis=1)
    if way.matrix.shape[1] > n:
        T[-1] = -center @ T[:-1]
        constant = np.zeros((n + 1, 1))
        constant[-1] = way.matrix[-1, -1]
        T = np.hstack([T, constant])
    return T, start


def effects(C, T, center):
    """Return what directions do to quantiles, without rounding of far columns."""
    return (C - center) @ T[:-1] + (T[-1] + center @ T[:-1])


def find_vertex(rows, T, start, point, center, fit_intercept):
    """Solve for the weights of a quantile that runs through candidates.

    Parameters
    ----------
    rows : Candidates
        Rows.
    T, start : ndarrays of shape (n_columns + 1, n_directions), (n_columns,)
        As ``directions`` gives them.
    point : tuple of (ndarray of shape (n_columns,), float)
        Weights near the optimum.
    center : ndarray of shape (n_columns,)
        Middle of the columns.
    fit_intercept : bool
        Whether there is a constant.

    Returns
    -------
    vertex : Vertex
        If the optimum is a face and no point, a point of it near the given one.
    """
    M = effects(rows.C, T, center)
    if not T.shape[1]:
        none = np.zeros(0, dtype=np.intp)
        return Vertex(
            start, 0.0, none, M[:0], 16 * _EPS * np.abs(rows.y).max(initial=0.0), None
        )
    some = np.arange(len(rows.y))
    if len(some) > _SAMPLE:
        some = np.unique(np.linspace(0, len(some) - 1, _SAMPLE).astype(int))
    for _ in range(_ROUNDS):
        basis = some[_basis(M[some], rows.share[some])]
        vertex = _solve(rows, basis, M[basis], T, start, point, center, fit_intercept)
        if len(some) == len(rows.y):
            break
        r = rows.y - vertex.intercept - rows.C @ vertex.w
        missed = np.flatnonzero(np.abs(r) > vertex.size)
        missed = missed[np.argsort(-rows.share[missed], kind="stable")][:_SAMPLE]
        if not len(np.setdiff1d(missed, some)):
            break
        some = np.union1d(basis, missed)
    return vertex


def _basis(M, share):
    """Choose independent rows, those well inside of their box first."""
    R, order = qr((M * share[:, np.newaxis]).T, mode="r", pivoting=True)
    size = np.abs(np.diagonal(R))
    rank = int((size > 1e-8 * size[0]).sum()) if len(size) and size[0] > 0 else 0
    return order[:rank]


def _solve(rows, basis, M, T, start, point, center, fit_intercept):
    """Solve for the weights from a basis, with residuals in extended precision."""
    C, y = rows.C[basis].astype(np.longdouble), rows.y[basis]
    square = len(basis) == T.shape[1]
    w, b = point[0].astype(np.longdouble), np.longdouble(point[1])
    common, factor = 0, None
    if square and len(basis):
        # From scratch, so that what is zero or tied comes out so.
        factor = dgetrf(M)[:2]
        values, counts = np.unique(y, return_counts=True)
        common = int(np.argmax(y == values[counts.argmax()]))
        w = start.astype(np.longdouble)
        b = y[common] - C[common] @ w if fit_intercept else np.longdouble(0.0)
    before = np.inf
    for _ in range(5 if len(basis) else 0):
        r = (y - C @ w - b).astype(np.float64)
        left = np.abs(r).max()
        if not 0 < left < 0.5 * before:
            break
        before = left
        step = T @ (dgetrs(*factor, r)[0] if square else lstsq(M, r, rcond=None)[0])
        w, b = w + step[:-1], b + step[-1] * fit_intercept
    reach = np.abs((C - center * fit_intercept).astype(np.float64))
    w = w.astype(np.float64)
    largest = float(np.abs(C).astype(np.float64).max(axis=0, initial=0.0) @ np.abs(w))
    largest += float(np.abs(y).max(initial=0.0)) + abs(float(b))
    if square and len(basis) and not start.any():
        w[np.abs(w) * reach.max(axis=0) < _EPS * largest] = 0.0
    if fit_intercept and len(basis):
        b = y[common] - C[common] @ w
    return Vertex(w, float(b), basis, M, 16 * _EPS * largest, factor)


def dual_step(vertex, g):
    """Change of the dual variable of the basis that makes up for a gradient.

    Parameters
    ----------
    vertex : Vertex
        With the effects of the directions on the basis.
    g : ndarray of shape (n_directions,)
        Products of the directions with the dual variable of all rows.

    Returns
    -------
    step : ndarray of shape (n_basis,)
        Not finite where there is none.
    """
    if vertex.factor is not None:
        return dgetrs(*vertex.factor, -g, trans=1)[0]
    if not len(vertex.M):
        return np.zeros(0)
    return lstsq(vertex.M.T, -g, rcond=None)[0]
