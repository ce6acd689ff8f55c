"""Simulated clusters whose number and shape are known, and tables without any."""

from numbers import Integral, Real

import numpy as np
from scipy.special import gammaln, logsumexp
from sklearn.utils import Bunch

from skext.utils._random import fit_rng
from skext.utils._sklearn import Interval, StrOptions, validate_params

_RANDOM_STATE = ["random_state", np.random.Generator]
_SHAPES = (
    "spherical",
    "scaled",
    "rotated",
    "student",
    "uniform",
    "skewed",
    "laplace",
)
_NULLS = (
    "normal",
    "student",
    "lognormal",
    "laplace",
    "exponential",
    "uniform",
    "ball",
)
_SKEWED_SHAPE = 3.0


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "separation": [Interval(Real, 0, None, closed="left")],
        "shape": [StrOptions(set(_SHAPES))],
        "imbalance": [Interval(Real, 0, None, closed="left")],
        "random_state": _RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_separated_clusters(
    n_samples=1000,
    n_features=2,
    *,
    n_clusters=5,
    separation=5.0,
    shape="spherical",
    imbalance=0.0,
    random_state=None,
):
    """Generate clusters whose centres keep a distance from each other.

    Centres are drawn uniformly in a box and rejected if they are nearer than
    ``separation`` to another one. With 15 clusters in two columns and separations
    from 5 down to 2.6 the tables are like the S-sets of [1]_, which are a common
    yardstick for overlap.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows.
    n_features : int, default=2
        Number of features.
    n_clusters : int, default=5
        Number of clusters.
    separation : float, default=5.0
        Smallest distance between two centres. The standard deviations of all shapes
        are near one. Below about 2.5, neighbours have no valley between them that a
        sample could show.
    shape : {"spherical", "scaled", "rotated", "student", "uniform", "skewed", \
            "laplace"}, default="spherical"
        Distribution around the centre: standard normal; normal with a standard
        deviation between 0.4 and 1.1 of each cluster's own; normal with deviations
        between 0.35 and 1.3 along random axes; multivariate t with five degrees of
        freedom; a cube with sides of 3.2; standardised Gamma(3) in each feature;
        Laplace of scale 0.7.
    imbalance : float, default=0.0
        Standard deviation of the logarithm of the cluster sizes.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; an integer makes the result reproducible.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            Features.
        target : ndarray of shape (n_samples,)
            Cluster of each row, shuffled.
        posterior : ndarray of shape (n_samples, n_clusters)
            True probability of each cluster given the row.
        centers : ndarray of shape (n_clusters, n_features)
            True means.
        covariances : ndarray of shape (n_clusters, n_features, n_features)
            True covariances.
        weights : ndarray of shape (n_clusters,)
            Share of the rows of each cluster.

    References
    ----------
    .. [1] Pasi Fränti and Sami Sieranoja, "K-means properties on six clustering
       benchmark datasets", Applied Intelligence 48, 2018.

    Examples
    --------
    >>> from skext.datasets import make_separated_clusters
    >>> data = make_separated_clusters(500, 3, n_clusters=4, random_state=0)
    >>> data.data.shape, len(data.centers)
    ((500, 3), 4)
    >>> hits = data.posterior.argmax(axis=1) == data.target
    >>> bool(hits.mean() > 0.95)
    True
    """
    rng = fit_rng(random_state)
    half = 0.8 * separation * max(1.0, n_clusters ** (1 / n_features))
    centers = _place(rng.uniform, n_clusters, n_features, half, separation)
    shares = np.exp(imbalance * rng.standard_normal(n_clusters))
    sizes = _sizes(n_samples, shares / shares.sum())
    target = rng.permutation(np.repeat(np.arange(n_clusters), sizes))
    axes = _axes(rng, n_clusters, n_features, shape)
    data = np.empty((n_samples, n_features))
    for k in range(n_clusters):
        rows = target == k
        drawn = _draw(rng, int(sizes[k]), n_features, shape)
        data[rows] = drawn @ axes[k].T + centers[k]
    variance = _variance(shape)
    return Bunch(
        data=data,
        target=target,
        posterior=_posterior(data, centers, axes, sizes / n_samples, shape),
        centers=centers,
        covariances=variance * axes @ axes.transpose(0, 2, 1),
        weights=sizes / n_samples,
    )


@validate_params(
    {"number": [Interval(Integral, 0, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def make_cluster_problem(number):
    """Generate one of the tables of the clustering benchmark by its number.

    The last digit of the number decides about the family: 0 spherical normal
    clusters; 1 the same with very different sizes; 2 with different spread; 3 and 4
    normal with random covariances; 5 heavy tails (t with five degrees of freedom);
    6 uniform cubes; 7 skewed (Gamma); 8 Laplace; 9 a few large spherical clusters.
    The number of clusters (1 to 15), of columns (2 to 15), of rows per cluster and
    the smallest distance between centres (3 to 6 standard deviations, at least 5 in
    the families 5, 7 and 8) are drawn.

    Parameters
    ----------
    number : int
        Which table. It is the seed, too: a number always gives the same table.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            Features.
        target : ndarray of shape (n_samples,)
            Cluster of each row, shuffled.
        centers : ndarray of shape (n_clusters, n_features)
            True means.
        family : str
            Shape of the clusters, as in :func:`make_separated_clusters`.
        separation : float
            Smallest distance between centres that was allowed.

    Examples
    --------
    >>> from skext.datasets import make_cluster_problem
    >>> problem = make_cluster_problem(0)
    >>> problem.family, len(problem.centers), problem.data.shape
    ('spherical', 13, (780, 5))
    """
    # The order of the draws is part of the definition.
    rng = np.random.default_rng(number)
    family = number % 10
    n_clusters = int(rng.integers(1, 16))
    n_features = int(rng.choice([2, 2, 3, 5, 8, 15]))
    separation = float(rng.choice([3.0, 3.5, 4, 5, 6]))
    n_rows = int(rng.choice([60, 100, 200]))
    sizes = np.full(n_clusters, n_rows)
    if family == 1:
        drawn = n_rows * np.exp(rng.normal(0, 0.8, n_clusters))
        sizes = np.maximum(25, drawn.astype(int))
    elif family == 9:
        n_clusters = int(rng.integers(1, 7))
        sizes = np.full(n_clusters, 3 * n_rows)
    shape = (
        "spherical spherical scaled rotated rotated student uniform skewed laplace "
        "spherical"
    ).split()[family]
    if shape in ("student", "skewed", "laplace"):
        separation = max(separation, 5.0)
    half = separation * max(1, n_clusters ** (1 / n_features)) * 0.8
    centers = _place(rng.uniform, n_clusters, n_features, half, separation)
    parts = []
    for center, size in zip(centers, sizes, strict=True):
        # The normal numbers are drawn first, whatever the family makes of them.
        normal = rng.standard_normal((size, n_features))
        parts.append(_transform(rng, normal, shape) + center)
    order = rng.permutation(int(sizes.sum()))
    return Bunch(
        data=np.concatenate(parts)[order],
        target=np.repeat(np.arange(n_clusters), sizes)[order],
        centers=centers,
        family=shape,
        separation=separation,
    )


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "kind": [StrOptions(set(_NULLS))],
        "random_state": _RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_unclustered(n_samples=1000, n_features=2, *, kind="normal", random_state=None):
    """Generate a table without clusters: one mode, whatever its tails.

    Methods that find their number of clusters should answer one.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows.
    n_features : int, default=2
        Number of features.
    kind : {"normal", "student", "lognormal", "laplace", "exponential", "uniform", \
            "ball"}, default="normal"
        Distribution: standard normal; multivariate t with three degrees of freedom;
        log-normal with a scale of 0.5, Laplace, exponential or uniform in each
        feature; uniform in a ball.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; an integer makes the result reproducible.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            Features.
        target : ndarray of shape (n_samples,)
            Zeros.

    Examples
    --------
    >>> from skext.datasets import make_unclustered
    >>> make_unclustered(100, 3, kind="uniform", random_state=0).data.shape
    (100, 3)
    """
    rng = fit_rng(random_state)
    shape = (n_samples, n_features)
    normal = rng.standard_normal(shape)
    if kind == "normal":
        data = normal
    elif kind == "student":
        data = normal / np.sqrt(rng.chisquare(3, (n_samples, 1)) / 3)
    elif kind == "lognormal":
        data = np.exp(0.5 * normal)
    elif kind == "laplace":
        data = rng.laplace(size=shape)
    elif kind == "exponential":
        data = rng.exponential(size=shape)
    elif kind == "uniform":
        data = rng.uniform(size=shape)
    else:
        radius = rng.uniform(size=(n_samples, 1)) ** (1 / n_features)
        data = radius * normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return Bunch(data=data, target=np.zeros(n_samples, dtype=np.intp))


def _place(uniform, n_clusters, n_features, half, separation):
    """Draw centres until each is far enough from all before it."""
    centers = np.empty((n_clusters, n_features))
    n_placed = n_tries = 0
    while n_placed < n_clusters:
        drawn = uniform(-half, half, n_features)
        n_tries += 1
        if n_tries > 20_000:
            half, n_tries = 1.1 * half, 0
        distance = np.linalg.norm(centers[:n_placed] - drawn, axis=1)
        if np.all(distance >= separation):
            centers[n_placed] = drawn
            n_placed += 1
    return centers


def _sizes(n_samples, shares):
    """Whole numbers of rows in the given shares, at most one off."""
    edges = np.round(np.cumsum(shares) * n_samples).astype(np.intp)
    return np.diff(np.concatenate([[0], edges]))


def _axes(rng, n_clusters, n_features, shape):
    """Matrix of each cluster that turns standard draws into its own."""
    axes = np.repeat(np.eye(n_features)[np.newaxis], n_clusters, axis=0)
    for k in range(n_clusters):
        if shape == "scaled":
            axes[k] *= np.exp(rng.uniform(np.log(0.4), np.log(1.1)))
        elif shape == "rotated":
            turn, _ = np.linalg.qr(rng.standard_normal((n_features, n_features)))
            scale = rng.uniform(np.log(0.35), np.log(1.3), n_features)
            axes[k] = turn * np.exp(scale)
    return axes


def _draw(rng, size, n_features, shape):
    """Draws around zero, before the cluster's own axes."""
    if shape in ("scaled", "rotated"):
        shape = "spherical"
    return _transform(rng, rng.standard_normal((size, n_features)), shape)


def _transform(rng, normal, shape):
    """Turn standard normal rows into rows of a cluster around zero."""
    n, d = normal.shape
    if shape == "scaled":
        return normal * np.exp(rng.uniform(np.log(0.4), np.log(1.1)))
    if shape == "rotated":
        turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
        return (normal * np.exp(rng.uniform(np.log(0.35), np.log(1.3), d))) @ turn.T
    if shape == "student":
        return normal / np.sqrt(rng.chisquare(5, (n, 1)) / 5)
    if shape == "uniform":
        return rng.uniform(-1.6, 1.6, (n, d))
    if shape == "skewed":
        root = np.sqrt(_SKEWED_SHAPE)
        return rng.gamma(_SKEWED_SHAPE, 1 / root, (n, d)) - root
    if shape == "laplace":
        return rng.laplace(0, 0.7, (n, d))
    return normal


def _variance(shape):
    """Variance of each feature of a standard draw."""
    return {"student": 5 / 3, "uniform": 3.2**2 / 12, "laplace": 2 * 0.7**2}.get(
        shape, 1.0
    )


def _log_density(z, shape):
    """Log-density of standard draws, up to a constant common to all clusters."""
    d = z.shape[1]
    if shape == "student":
        return -0.5 * (5 + d) * np.log1p((z**2).sum(axis=1) / 5)
    with np.errstate(divide="ignore"):
        if shape == "uniform":
            return np.log((np.abs(z) <= 1.6).all(axis=1))
        if shape == "skewed":
            root = np.sqrt(_SKEWED_SHAPE)
            x = np.maximum(z * root + _SKEWED_SHAPE, 0.0)
            terms = (_SKEWED_SHAPE - 1) * np.log(x) - x - gammaln(_SKEWED_SHAPE)
            return terms.sum(axis=1)
    if shape == "laplace":
        return -np.abs(z).sum(axis=1) / 0.7
    return -0.5 * (z**2).sum(axis=1)


def _posterior(data, centers, axes, weights, shape):
    log_joint = np.empty((len(data), len(centers)))
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    for k, (center, axis) in enumerate(zip(centers, axes, strict=True)):
        z = np.linalg.solve(axis, (data - center).T).T
        log_joint[:, k] = _log_density(z, shape) - np.linalg.slogdet(axis)[1]
    log_joint += log_weights
    return np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
