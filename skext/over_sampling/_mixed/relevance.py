"""How much each value of a continuous target matters, from 0 to 1.

The relevance is a monotone piecewise cubic through control points: rare values, far
from the middle of the distribution, get 1, common ones 0.
"""

import numpy as np

# A value beyond the hinges by this many times their distance is an outlier.
_WHISKER = 1.5


def relevance_of(y, relevance):
    """Evaluate a relevance in one of its forms.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Target values.
    relevance : {"auto"}, array-like of shape (n_points, 2 or 3) or callable
        The rule of the box plot, control points, or a function of ``y``.

    Returns
    -------
    phi : ndarray of shape (n_samples,)
        Relevance of each value, from 0 to 1.
    points : ndarray of shape (n_points, 3) or None
        Control points: value, relevance, slope. None for a callable.

    Raises
    ------
    ValueError
        If control points are not of this form, or a callable does not return numbers
        from 0 to 1.
    """
    if callable(relevance):
        phi = np.asarray(relevance(y), dtype=np.float64)
        if phi.shape != y.shape or not ((phi >= 0) & (phi <= 1)).all():
            raise ValueError(
                f"relevance={relevance!r} must return a number from 0 to 1 for each of "
                f"{y.size} values, not these of shape {phi.shape}: {phi.ravel()[:5]}."
            )
        return phi, None
    if isinstance(relevance, str):
        points = box_plot_points(y)
    else:
        points = check_points(relevance)
    return evaluate(points, y), points


def check_points(points):
    """Check control points, sort them and add slopes of zero if there are none.

    Parameters
    ----------
    points : array-like of shape (n_points, 2 or 3)
        Value, relevance and, if wanted, slope.

    Returns
    -------
    points : ndarray of shape (n_points, 3)
        Sorted by value.

    Raises
    ------
    ValueError
        If the shape is another, a value occurs twice, or a relevance is not from 0
        to 1.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] not in (2, 3) or len(points) < 2:
        raise ValueError(
            f"relevance={points.tolist()} of shape {points.shape} is no list of "
            "control points; give 'auto', a function, or at least two control points, "
            "each a value of y, its relevance from 0 to 1 and, if wanted, a slope."
        )
    if points.shape[1] == 2:
        points = np.column_stack([points, np.zeros(len(points))])
    points = points[np.argsort(points[:, 0], kind="stable")]
    if not np.isfinite(points).all() or (np.diff(points[:, 0]) == 0).any():
        raise ValueError(
            f"relevance={points.tolist()} must have finite control points at "
            f"different values; they are at {points[:, 0].tolist()}."
        )
    if (points[:, 1] < 0).any() or (points[:, 1] > 1).any():
        raise ValueError(
            f"relevance={points.tolist()} must have relevances from 0 to 1; they are "
            f"{points[:, 1].tolist()}."
        )
    return points


def box_plot_points(y):
    """Place control points at the median and at the ends of the box plot's whiskers.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Target values.

    Returns
    -------
    points : ndarray of shape (n_points, 3)
        The median has relevance 0. A side with outliers has relevance 1 at the
        outermost value that is none, a side without them 0 at its end. All slopes
        are zero. Where half of the values are equal, so that a whisker has no
        length, the nearest outlier takes its place.
    """
    y = np.sort(y).astype(np.float64)
    lower, median, upper = _hinges(y)
    reach = _WHISKER * (upper - lower)
    inside = y[(y >= lower - reach) & (y <= upper + reach)]
    points = [(median, 0.0, 0.0)]
    sides = ((y[0], inside[0], y[::-1]), (y[-1], inside[-1], y))
    for end, whisker, outwards in sides:
        if end == median:
            continue
        if end == whisker:
            points.append((end, 0.0, 0.0))
            continue
        if whisker == median:
            beyond = outwards < median if end < median else outwards > median
            whisker = outwards[beyond][0]
        points.append((whisker, 1.0, 0.0))
    return np.array(sorted(points))


def _hinges(y):
    """Return lower hinge, median and upper hinge of sorted values (Tukey's)."""
    depth = (y.size + 3) // 2 / 2
    places = [depth, (y.size + 1) / 2, y.size + 1 - depth]
    return [(y[int(p) - 1] + y[int(np.ceil(p)) - 1]) / 2 for p in places]


def limited_slopes(points):
    """Limit slopes so that the cubic is monotone between control points.

    Parameters
    ----------
    points : ndarray of shape (n_points, 3)
        Value, relevance and slope, sorted by value.

    Returns
    -------
    slopes : ndarray of shape (n_points,)
        The given ones, made zero where their sign is wrong and shortened into the
        circle of radius three times the secant (Fritsch and Carlson).
    """
    slopes = points[:, 2].copy()
    secants = np.diff(points[:, 1]) / np.diff(points[:, 0])
    for j, secant in enumerate(secants):
        if secant == 0:
            slopes[j : j + 2] = 0
            continue
        ratios = np.maximum(slopes[j : j + 2] / secant, 0)
        length = np.hypot(*ratios)
        slopes[j : j + 2] = ratios * secant * (3 / length if length > 3 else 1)
    return slopes


def evaluate(points, y):
    """Evaluate the piecewise cubic, linear beyond its ends, cut to 0 and 1.

    Parameters
    ----------
    points : ndarray of shape (n_points, 3)
        Value, relevance and slope, sorted by value.
    y : ndarray of shape (n_samples,)
        Where to evaluate.

    Returns
    -------
    phi : ndarray of shape (n_samples,)
        Relevance from 0 to 1.
    """
    y = np.asarray(y, dtype=np.float64)
    x, value = points[:, 0], points[:, 1]
    if len(x) == 1:
        return np.full(y.shape, value[0])
    slopes = limited_slopes(points)
    piece = np.clip(np.searchsorted(x, y, side="right") - 1, 0, len(x) - 2)
    width = np.diff(x)[piece]
    t = np.clip((y - x[piece]) / width, 0, 1)
    # Cubic Hermite basis.
    phi = value[piece] * (1 + 2 * t) * (1 - t) ** 2
    phi += value[piece + 1] * (3 - 2 * t) * t**2
    phi += slopes[piece] * width * t * (1 - t) ** 2
    phi += slopes[piece + 1] * width * (t - 1) * t**2
    phi += slopes[0] * np.minimum(y - x[0], 0) + slopes[-1] * np.maximum(y - x[-1], 0)
    return np.clip(phi, 0, 1)


def number_bumps(y, phi, threshold):
    """Find the runs of target values on one side of the relevance threshold.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Target values.
    phi : ndarray of shape (n_samples,)
        Their relevance.
    threshold : float
        A value with at least this relevance is rare.

    Returns
    -------
    bumps : ndarray of shape (n_samples,)
        Bump of each row; numbers grow with the target.
    """
    order = np.argsort(y, kind="stable")
    rare = phi[order] >= threshold
    bumps = np.empty(y.size, dtype=np.intp)
    bumps[order] = np.concatenate([[0], np.cumsum(rare[1:] != rare[:-1])])
    return bumps


def bump_sizes_wanted(sizes, strategy):
    """Tell how many rows each bump shall have.

    Parameters
    ----------
    sizes : ndarray of shape (n_bumps,)
        Rows of each bump.
    strategy : {"balance", "extreme"} or array-like of shape (n_bumps,)
        Equal sizes, sizes in inverse proportion, or ratios of new to old sizes.

    Returns
    -------
    wanted : ndarray of shape (n_bumps,)
        At least one row each.

    Raises
    ------
    ValueError
        If the number of ratios is not that of the bumps, or one is not positive.
    """
    n_samples, n_bumps = sizes.sum(), sizes.size
    share = np.rint(n_samples / n_bumps)
    if not isinstance(strategy, str):
        ratios = np.asarray(strategy, dtype=np.float64)
        if ratios.shape != (n_bumps,):
            raise ValueError(
                f"sampling_strategy={strategy!r} must have a ratio for each of the "
                f"{n_bumps} bumps of y, which have {sizes.tolist()} rows."
            )
        if not (np.isfinite(ratios) & (ratios > 0)).all():
            raise ValueError(
                f"sampling_strategy={strategy!r} must have positive ratios; give 1 to "
                "leave a bump as it is."
            )
        wanted = ratios * sizes
    elif strategy == "balance":
        wanted = np.full(n_bumps, share)
    else:
        wanted = share**2 / sizes
        wanted *= n_samples / wanted.sum()
    return np.maximum(np.rint(wanted), 1).astype(np.intp)
