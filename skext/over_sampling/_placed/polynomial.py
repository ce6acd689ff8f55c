"""Over-sampling along lines and curves that are fitted to a whole class."""

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import linalg

from skext.over_sampling._core.allocation import balanced_counts
from skext.over_sampling._core.kernels import interpolate_dense
from skext.over_sampling._core.parameters import COUNT, constraints
from skext.over_sampling._core.partners import require_rows
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.utils._parallel import run_chunks
from skext.utils._sklearn import StrOptions


@BaseOverSampler.register
class PolynomialFitSMOTE(SyntheticSampler):
    """Over-sample along a star, a bus, a mesh or a curve through a class.

    Rows are laid at equal distances on segments between rows of the class and its
    mean ("star"), between rows that follow each other ("bus") or between random pairs
    ("mesh"), or at random on a polynomial curve through the class ("poly") [1]_.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in imbalanced-learn: "auto" brings all
        classes but the largest to its size, a float is the wanted ratio of minority
        to majority (two classes only), "minority", "not minority", "not majority"
        and "all" name classes, a dict gives the number of rows of each class after
        resampling, and a callable returns such a dict for ``y``.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    topology : {"star", "bus", "mesh", "poly"}, default="star"
        Where the rows lie, see above. The paper found "star" and "mesh" best.
    degree : int, default=2
        Degree of the polynomials of "poly"; less if the class has too few rows.
    shared_parameter : bool, default=True
        For "poly": whether one place on the curve is drawn for each row, or one for
        each of its values, which leaves the curve and loses the dependence between
        features.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row; for
        "bus" and "mesh" only.
    gaps_ : ndarray of shape (n_new,)
        Where on the segment, from 0 to 1; not for "poly".
    n_synthetic_ : dict
        Number of rows made for each class.
    sample_weight_ : ndarray of shape (n_resampled,)
        Weights of the rows, if some were given.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTE : Draws on segments between neighbours.

    Notes
    -----
    The number of rows on the segments differs by one at most, or follows the weights;
    which segments get one more is random. The i-th of c rows on a segment lies at
    i / (c + 1).

    "bus" joins the rows in the order of their first principal component; where the
    order of the table is used instead, the result depends on it. "mesh" draws pairs of
    different rows, and a pair that is drawn several times is divided evenly. "poly"
    orders the rows by their mean, fits each feature by a polynomial of the rank
    (least squares), and draws ranks from 0 to the last; the base of a row is the given
    row of the nearest rank.

    With weights a row is the start of a segment in proportion to its weight ("bus": a
    segment is used in proportion to the mean weight of its ends), and the curve is
    fitted with weights.

    Values of integer columns are rounded and kept in the range of their type. New
    rows of a sparse table are dense.

    References
    ----------
    .. [1] S. Gazzah, N. E. Ben Amara, "New oversampling approaches based on
       polynomial fitting for imbalanced data sets", 8th IAPR International Workshop
       on Document Analysis Systems, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import PolynomialFitSMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> X_resampled, y_resampled = PolynomialFitSMOTE(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    """

    _parameter_constraints: dict = constraints(
        topology=[StrOptions({"star", "bus", "mesh", "poly"})],
        degree=[COUNT],
        shared_parameter=["boolean"],
    )
    _takes_missing = False
    _is_dense = True

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        topology="star",
        degree=2,
        shared_parameter=True,
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.topology = topology
        self.degree = degree
        self.shared_parameter = shared_parameter
        self.n_jobs = n_jobs

    def _place(self, rare):
        seeds, weights = rare.rows, rare.weights()
        rng, n_samples = rare.rng, rare.n_samples
        require_rows(rare.label, seeds.size, 2, f"topology={self.topology!r}")
        table = rare.table()
        if self.topology == "poly":
            rows, base = curve_rows(
                rng, table, n_samples, self.degree, self.shared_parameter, weights
            )
            return Plan(seeds[base], rows=rows)
        if self.topology == "star":
            base, partner, gap = star_plan(rng, table.shape[0], n_samples, weights)
            table = np.vstack([table, table.mean(axis=0)])
        elif self.topology == "bus":
            order = principal_order(table)
            base, partner, gap = bus_plan(rng, order, n_samples, weights)
        else:
            base, partner, gap = mesh_plan(rng, table.shape[0], n_samples, weights)
        rows, gaps = np.empty((n_samples, table.shape[1])), gap[:, None]
        places = (table, base, partner, gaps, rows)
        run_chunks(interpolate_dense, n_samples, *places, n_jobs=self.n_jobs)
        ends = None if self.topology == "star" else seeds[partner]
        return Plan(seeds[base], ends, gaps, rows=rows)


def star_plan(rng, n_rows, n_samples, weights=None):
    """Lay rows on the segments from each row to the mean, which is row ``n_rows``.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    n_rows : int
        Number of given rows.
    n_samples : int
        Number of rows to lay.
    weights : ndarray of shape (n_rows,), default=None
        How often each row is used.

    Returns
    -------
    base, partner : ndarray of shape (n_samples,)
        Both ends.
    gap : ndarray of shape (n_samples,)
        Place between them.
    """
    counts = balanced_counts(rng, n_rows, n_samples, weights)
    base = np.repeat(np.arange(n_rows), counts)
    return base, np.full(n_samples, n_rows), even_gaps(counts)


def bus_plan(rng, order, n_samples, weights=None):
    """Lay rows on the segments between rows that follow each other in an order."""
    if weights is not None:
        weights = (weights[order[:-1]] + weights[order[1:]]) / 2
    counts = balanced_counts(rng, order.size - 1, n_samples, weights)
    segment = np.repeat(np.arange(order.size - 1), counts)
    return order[segment], order[segment + 1], even_gaps(counts)


def mesh_plan(rng, n_rows, n_samples, weights=None):
    """Lay rows on segments between random pairs of different rows."""
    if weights is None:
        first = rng.randint(0, n_rows, size=n_samples)
    else:
        first = rng.choice(n_rows, size=n_samples, p=weights / weights.sum())
    second = (first + rng.randint(1, n_rows, size=n_samples)) % n_rows
    pair = np.minimum(first, second) * n_rows + np.maximum(first, second)
    pairs, counts = np.unique(pair, return_counts=True)
    pair = np.repeat(pairs, counts)
    return pair // n_rows, pair % n_rows, even_gaps(counts)


def even_gaps(counts):
    """Divide segments evenly: 1/(c+1), ..., c/(c+1) for each count c in turn."""
    before = np.cumsum(counts) - counts
    position = np.arange(counts.sum()) - np.repeat(before, counts)
    return (position + 1) / np.repeat(counts + 1, counts)


def principal_order(table):
    """Order rows by their first principal component.

    Its sign makes the largest loading positive; of rows with the same component the
    earlier is first.
    """
    centered = table - table.mean(axis=0)
    n_rows, n_features = centered.shape
    if n_features <= n_rows:
        axis = _last_eigenvector(centered.T @ centered)
    else:
        axis = centered.T @ _last_eigenvector(centered @ centered.T)
    if axis.size > 0 and axis[np.argmax(np.abs(axis))] < 0:
        axis = -axis
    return np.argsort(centered @ axis, kind="stable")


def _last_eigenvector(matrix):
    """Return the eigenvector of the largest eigenvalue of a symmetric matrix."""
    last = matrix.shape[0] - 1
    return linalg.eigh(matrix, subset_by_index=[last, last])[1][:, 0]


def curve_rows(rng, table, n_samples, degree, shared_parameter=True, weights=None):
    """Draw rows on a polynomial curve through the rows of a table.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    table : ndarray of shape (n_rows, n_features)
        The given rows.
    n_samples : int
        Number of rows to draw.
    degree : int
        Degree of the polynomials.
    shared_parameter : bool, default=True
        One place on the curve for each row, or one for each value.
    weights : ndarray of shape (n_rows,), default=None
        Weights of the squared errors.

    Returns
    -------
    rows : ndarray of shape (n_samples, n_features)
        Points on the curve.
    base : ndarray of shape (n_samples,)
        The given row of the nearest rank.
    """
    n_rows, n_features = table.shape
    order = np.argsort(table.mean(axis=1), kind="stable")
    root = np.ones(n_rows) if weights is None else np.sqrt(weights[order])
    # Ranks on [-1, 1] and Legendre polynomials: any degree is well conditioned.
    place = np.linspace(-1, 1, n_rows)
    degree = min(degree, np.count_nonzero(root) - 1)
    basis = np.polynomial.legendre.legvander(place, degree)
    coef = linalg.lstsq(basis * root[:, None], table[order] * root[:, None])[0]
    width = 1 if shared_parameter else n_features
    drawn = rng.uniform(-1, 1, size=(n_samples, width))
    if shared_parameter:
        rows = np.polynomial.legendre.legvander(drawn[:, 0], degree) @ coef
    else:
        rows = np.empty((n_samples, n_features))
        for j in range(n_features):
            rows[:, j] = np.polynomial.legendre.legval(drawn[:, j], coef[:, j])
    # Without a shared place it is the mean of all.
    rank = np.rint((drawn.mean(axis=1) + 1) / 2 * (n_rows - 1)).astype(np.intp)
    return rows, order[rank]
