"""Over-sampling by moving rows along differences of codewords."""

from numbers import Integral
from threading import Lock

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from skext.over_sampling._core.parameters import constraints
from skext.over_sampling._core.partners import size_of_class
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._placed.lvq_kernels import (
    match_pairs,
    pick_distinct,
    shift_rows,
)
from skext.utils._parallel import run_chunks
from skext.utils._sklearn import Interval
from skext.utils._warnings import warn_user

# Distances between rows and codewords that are held at once.
_BLOCK = 4_000_000

# The limit is that of the process: fits at the same time would restore the wrong one.
_LIMIT = Lock()


@BaseOverSampler.register
class LVQSMOTE(SyntheticSampler):
    """Over-sample by moving rows from one codeword of a class to another.

    A codebook describes the class. For two random codewords a and b, the pair of
    other codewords p and q is found whose difference p - q is most like a - b. A row
    near r, which is p or q, is moved by a - r and becomes the synthetic row [1]_.

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
    n_codewords : int, default=10
        Size of the codebook, at least four.
    k_neighbors : int, default=5
        Number of rows of the class near a codeword that may be moved from there.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class that has fewer different rows than ``n_codewords``, or
        fewer rows than ``k_neighbors``: use as many codewords and neighbours as there
        are and warn (fewer than four different rows are an error), repeat its rows
        and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    codebooks_ : dict of ndarray of shape (n_codewords, n_features)
        The codewords of each class that got rows.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or that was moved.
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
    SMOTE : Draws between neighbours.

    Notes
    -----
    In the paper, which is about biomarkers, the codebooks of other data sets tell
    which differences occur, and learning vector quantization makes them. Without
    other data, both pairs come from one codebook of the class, which k-means makes;
    that is how the method is generally used. The best pair of each pair is found
    once, of M codewords in a time of order M^4.

    k-means runs with one start and on one thread, so that the result is the same
    everywhere. Distances are Euclidean: scale the features before. Weights decide how
    often a row is moved; the codebook does not use them, and a row without weight is
    not moved as long as another one is near the codeword.

    Values of integer columns are rounded and kept in the range of their type. New
    rows of a sparse table are dense.

    References
    ----------
    .. [1] M. Nakamura, Y. Kajiwara, A. Otsuka, H. Kimura, "LVQ-SMOTE - Learning
       Vector Quantization based Synthetic Minority Over-sampling Technique for
       biomedical data", BioData Mining 6, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import LVQSMOTE
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> X_resampled, y_resampled = LVQSMOTE(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    """

    _parameter_constraints: dict = constraints(
        "k_neighbors",
        "on_small_class",
        n_codewords=[Interval(Integral, 4, None, closed="left")],
    )
    _noted = ("codebooks_",)
    _takes_missing = False
    _is_dense = True

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        n_codewords=10,
        k_neighbors=5,
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.n_codewords = n_codewords
        self.k_neighbors = k_neighbors
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _place(self, rare):
        seeds, weights = rare.rows, rare.weights()
        rng, n_samples = rare.rng, rare.n_samples
        table = rare.table()
        distinct = pick_distinct(table, self.n_codewords)
        size = self._check_size(rare.label, seeds.size, distinct.size)
        if size == 0:
            chances = None if weights is None else weights / weights.sum()
            repeated = rng.choice(seeds.size, size=n_samples, p=chances)
            return Plan(seeds[repeated], rows=table[repeated])
        codebook = make_codebook(rng, table, size)
        match = match_all(codebook, self.n_jobs)
        near = nearest_to(codebook, table, min(self.k_neighbors, seeds.size))
        self.codebooks_[rare.label] = codebook
        first, reference = draw_pairs(rng, match, n_samples)
        moved = draw_near(rng, near, reference, weights)
        rows = np.empty((n_samples, table.shape[1]))
        shifts = (codebook, table, first, reference, moved, rows)
        run_chunks(shift_rows, n_samples, *shifts, n_jobs=self.n_jobs)
        return Plan(seeds[moved], rows=rows)

    def _check_size(self, label, n_rows, n_distinct):
        """Return the size of the codebook; 0 to repeat rows."""
        if n_distinct == self.n_codewords and n_rows >= self.k_neighbors:
            return self.n_codewords
        which = f"{size_of_class(label, n_rows)} ({n_distinct} different)"
        wanted = f"n_codewords={self.n_codewords} and k_neighbors={self.k_neighbors}"
        if self.on_small_class == "duplicate":
            warn_user(f"{which}, too few for {wanted}; its rows are repeated.")
            return 0
        if self.on_small_class == "raise" or n_distinct < 4:
            raise ValueError(
                f"{which}, too few for {wanted}, and four different rows are needed in "
                "any case; give smaller numbers, or on_small_class='duplicate'."
            )
        warn_user(f"{which}, too few for {wanted}; as many as there are are used.")
        return n_distinct


def make_codebook(rng, table, size):
    """Describe rows by the centres of k-means clusters."""
    model = KMeans(size, n_init=1, random_state=rng.randint(2**31 - 1))
    # Sums that several threads share depend on who comes first.
    with _LIMIT, threadpool_limits(1):
        return model.fit(table).cluster_centers_


def match_all(codebook, n_jobs=None):
    """Find for each pair of codewords another pair with nearly the same difference.

    Parameters
    ----------
    codebook : ndarray of shape (n_codewords, n_features)
        At least four codewords.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    match : ndarray of shape (n_codewords, n_codewords, 2)
        The other pair of each ordered pair; the diagonal has no meaning.
    """
    size = codebook.shape[0]
    centered = codebook - codebook.mean(axis=0)
    match = np.empty((size, size, 2), dtype=np.intp)
    run_chunks(
        match_pairs, size, centered @ centered.T, match, n_jobs=n_jobs, min_chunk=8
    )
    return match


def nearest_to(codebook, table, k):
    """Find the rows that are nearest to each codeword.

    Parameters
    ----------
    codebook : ndarray of shape (n_codewords, n_features)
        The codewords.
    table : ndarray of shape (n_rows, n_features)
        The rows.
    k : int
        How many for each codeword.

    Returns
    -------
    near : ndarray of shape (n_codewords, k)
        Row numbers in ascending order: two rows that make a codeword are equally
        far from it, and rounding shall not decide what is drawn.
    """
    distance = np.empty((codebook.shape[0], table.shape[0]))
    block = max(1, _BLOCK // max(1, table.size))
    for start in range(0, codebook.shape[0], block):
        part = codebook[start : start + block, None, :]
        distance[start : start + block] = ((table - part) ** 2).sum(axis=2)
    return np.sort(np.argsort(distance, axis=1, kind="stable")[:, :k], axis=1)


def draw_pairs(rng, match, n_samples):
    """Draw codewords to go to, and those to come from.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    match : ndarray of shape (n_codewords, n_codewords, 2)
        The other pair of each pair.
    n_samples : int
        How many.

    Returns
    -------
    first, reference : ndarray of shape (n_samples,)
        Numbers of codewords.
    """
    size = match.shape[0]
    first = rng.randint(0, size, size=n_samples)
    second = (first + rng.randint(1, size, size=n_samples)) % size
    return first, match[first, second, rng.randint(0, 2, size=n_samples)]


def draw_near(rng, near, reference, weights=None):
    """Draw for each codeword to come from one of the rows near it.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    near : ndarray of shape (n_codewords, k)
        Rows near each codeword.
    reference : ndarray of shape (n_samples,)
        Numbers of codewords.
    weights : ndarray of shape (n_rows,), default=None
        Weights of the rows; where all near a codeword are zero they count alike.

    Returns
    -------
    rows : ndarray of shape (n_samples,)
        Row numbers.
    """
    k = near.shape[1]
    if weights is None:
        return near[reference, rng.randint(0, k, size=reference.size)]
    share = weights[near].astype(np.float64)
    share[~share.any(axis=1)] = 1.0
    bound = np.cumsum(share, axis=1)
    drawn = rng.uniform(size=reference.size) * bound[reference, -1]
    column = (drawn[:, None] >= bound[reference]).sum(axis=1)
    return near[reference, np.minimum(column, k - 1)]
