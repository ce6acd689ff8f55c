"""Combined cleaning and resampling: balls around rare rows, emptied and filled."""

from numbers import Real

import numpy as np

from skext.over_sampling._core.allocation import balanced_counts
from skext.over_sampling._core.parameters import constraints
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._placed.ccr_kernels import (
    draw_evenly,
    draw_in_turn,
    find_radii,
    push_away,
)
from skext.utils._parallel import run_chunks
from skext.utils._sklearn import Interval, StrOptions
from skext.utils._warnings import warn_user

# Share of the width of the table below which balls are points.
_SMALL = 1e-6


class CCR(SyntheticSampler):
    r"""Push other rows out of balls around the rows of a class, and fill these.

    Each row of the class gets the same energy to grow a ball, which is the harder the
    more rows of other classes are inside. These are pushed to its surface, and
    synthetic rows are drawn inside, the more the smaller the ball is [1]_.

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
    energy : float, default=0.25
        What each row may spend, in units of the city-block distance: the radius of a
        ball in which no other row is. It needs tuning, say from 0.001 to 100.
    scaling : float, default=0.0
        The energy is multiplied by the number of features to this power.
    generator : {"sequential", "ball"}, default="sequential"
        How rows are drawn in a ball: one coordinate after the other from what the
        earlier ones have left of the radius, in random order, as in the authors'
        program, or uniformly, which with many features is close to the surface.
    clean : bool, default=True
        Whether rows of other classes are pushed out. If not, all given rows stay as
        they are.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    radii_ : dict of ndarray of shape (n_rows,)
        Radii of the balls of each class that got rows, in the order of the table.
    moved_indices_ : ndarray of shape (n_moved,)
        Given rows that were pushed.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, pushed or not, or at whose
        ball's centre.
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
    GeometricSMOTE : Balls whose radius another row decides.

    Notes
    -----
    This sampler changes given rows: those in ``moved_indices_``. It is therefore no
    over-sampler in the sense of imbalanced-learn, whose given rows stay.

    With the distances :math:`d_j` of a row from those of other classes, its radius is
    the solution of :math:`r + \sum_j \max(0, r - d_j) = energy`, which is found in
    closed form from the sorted distances. A row inside moves away from the centre by
    r - d; one that equals the centre by r in a random direction, where the authors
    add a very small number. What several balls do to a row is summed. With several
    classes, each takes all others as one, and starts from the given table, not from
    what the class before has changed.

    The numbers of rows are proportional to 1 / r, with the method of the largest
    remainder, times the weights if there are some. The energy is absolute: scale the
    features before; there is a warning if all balls are tiny or as large as the table.

    Values of integer columns, of pushed rows as well, are rounded and kept in the
    range of their type. New rows of a sparse table are dense.

    References
    ----------
    .. [1] M. Koziarski, M. Wozniak, "CCR: A combined cleaning and resampling
       algorithm for imbalanced data classification", International Journal of
       Applied Mathematics and Computer Science 27, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import CCR
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> X_resampled, y_resampled = CCR(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    """

    _parameter_constraints: dict = constraints(
        energy=[Interval(Real, 0, None, closed="neither")],
        scaling=[Interval(Real, None, None, closed="neither")],
        generator=[StrOptions({"sequential", "ball"})],
        clean=["boolean"],
    )
    _noted = ("radii_",)
    _takes_missing = False
    _is_dense = True

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        energy=0.25,
        scaling=0.0,
        generator="sequential",
        clean=True,
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.energy = energy
        self.scaling = scaling
        self.generator = generator
        self.clean = clean
        self.n_jobs = n_jobs

    def _place(self, rare):
        seeds, weights, engine = rare.rows, rare.weights(), rare.engine
        table = rare.table()
        others = np.asarray(engine.X[engine.y != rare.label], dtype=np.float64)
        energy = self.energy * float(max(1, table.shape[1])) ** self.scaling
        radii = energy_radii(table, others, energy, self.n_jobs)
        self.radii_[rare.label] = radii
        self._warn_of_units(table, others, radii)
        claims = radii.min() / radii
        claims = claims if weights is None else claims * weights
        counts = balanced_counts(rare.rng, seeds.size, rare.n_samples, claims)
        base = np.repeat(np.arange(seeds.size), counts)
        rows = np.empty((rare.n_samples, table.shape[1]))
        draw = draw_evenly if self.generator == "ball" else draw_in_turn
        balls = (table, base, radii, _key(rare.rng), rows)
        run_chunks(draw, rare.n_samples, *balls, n_jobs=self.n_jobs)
        return Plan(seeds[base], rows=rows)

    def _warn_of_units(self, table, others, radii):
        """Say that the energy has nothing to do with the distances."""
        low = np.minimum(table.min(axis=0), others.min(axis=0))
        high = np.maximum(table.max(axis=0), others.max(axis=0))
        span = float((high - low).sum())
        if span > 0 and (radii.max() < _SMALL * span or radii.min() > span):
            size = "small" if radii.max() < span else "large"
            warn_user(
                f"energy={self.energy!r} is {size} beside distances of up to "
                f"{span:.3g} between rows; scale the features, or give another."
            )

    def _plan(self, engine, rng, sample_weight):
        """Place rows in the balls, and move the others out of them."""
        plan = super()._plan(engine, rng, sample_weight)
        X, y, moves, key = engine.X, engine.y, np.zeros(engine.X.shape), _key(rng)
        for label, radii in self.radii_.items() if self.clean else ():
            others = np.flatnonzero(y != label)
            given, rare = (
                np.ascontiguousarray(X[rows], dtype=np.float64)
                for rows in (others, engine.rows(label))
            )
            moves[others] += displacements(given, rare, radii, key, self.n_jobs)
        moved = self.moved_indices_ = np.flatnonzero(moves.any(axis=1))
        rows = X[moved] + moves[moved]
        if plan.rows is not None:
            rows = np.concatenate([rows, plan.rows])
        return Plan(plan.base, rows=rows, moved=moved)


def energy_radii(rare, others, energy, n_jobs=None):
    """Grow a ball around each rare row for as long as the energy lasts.

    Parameters
    ----------
    rare : ndarray of shape (n_rare, n_features)
        Centres.
    others : ndarray of shape (n_others, n_features)
        Rows of other classes, which make growing harder.
    energy : float
        What each ball may spend.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    radii : ndarray of shape (n_rare,)
        The solutions of ``r + sum_j max(0, r - d_j) = energy``.
    """
    column = _widest_column(others)
    ordered, _ = _sort_by(others, column)
    radii = np.empty(rare.shape[0])
    run_chunks(
        find_radii,
        rare.shape[0],
        rare,
        ordered,
        np.searchsorted(ordered[:, column], rare[:, column] - energy),
        column,
        float(energy),
        radii,
        n_jobs=n_jobs,
        min_chunk=32,
    )
    return radii


def displacements(others, rare, radii, key, n_jobs=None):
    """Tell how balls around rare rows push other rows.

    Parameters
    ----------
    others : ndarray of shape (n_others, n_features)
        Rows of other classes.
    rare : ndarray of shape (n_rare, n_features)
        Centres of the balls.
    radii : ndarray of shape (n_rare,)
        Their radii.
    key : numpy.uint64
        Decides where rows at a centre go.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    moves : ndarray of shape (n_others, n_features)
        What to add to the rows.
    """
    column = _widest_column(others)
    ordered, order = _sort_by(rare, column)
    widest = float(radii.max())
    moves = np.zeros_like(others)
    run_chunks(
        push_away,
        others.shape[0],
        others,
        ordered,
        radii[order],
        np.searchsorted(ordered[:, column], others[:, column] - widest),
        column,
        widest,
        key,
        moves,
        n_jobs=n_jobs,
        min_chunk=32,
    )
    return moves


def _widest_column(table):
    return int(np.argmax(np.ptp(table, axis=0)))


def _sort_by(table, column):
    order = np.argsort(table[:, column], kind="stable")
    return np.ascontiguousarray(table[order]), order


def _key(rng):
    return np.uint64(rng.randint(2**31 - 1))
