"""What the variants share that look at all rows before they place new ones.

A variant looks once at all classes that are to grow (``_survey``) and then places the
rows of one class after the other (``_place``), with what it has learned.
"""

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.utils import assert_all_finite

from skext._neighbors.engine import NeighborEngine
from skext.over_sampling._core.allocation import allocate, balanced_counts
from skext.over_sampling._core.sampler import SyntheticMixin, _join
from skext.over_sampling._core.small import usable_neighbors
from skext.utils._random import fit_rng
from skext.utils._warnings import warn_user


class SurveyMixin(SyntheticMixin):
    """Mixin for over-samplers that need to see all rows at once.

    It stands left of a sampler of imbalanced-learn and needs the parameters of
    :class:`SyntheticMixin`, ``on_small_class`` and ``on_empty``.
    """

    def _make_plan(self, X, y, sample_weight):
        """Place all synthetic rows, class by class, and note where they come from."""
        self._validate_estimator()
        rng = fit_rng(self.random_state)
        engine = NeighborEngine(X, y, n_jobs=self.n_jobs)
        wanted = {k: int(n) for k, n in self.sampling_strategy_.items() if n > 0}
        known = self._survey(rng, engine, wanted)
        parts, self.n_synthetic_ = [], {}
        for label, n_samples in wanted.items():
            part = self._place(
                rng, engine, label, n_samples, known.get(label), sample_weight
            )
            parts.append(part)
            self.n_synthetic_[label] = part[0].size
        plan = _join(parts, self._gap_width(engine), rng)
        self._note_origins(X.shape[0], plan, sample_weight)
        return plan

    def _survey(self, rng, engine, wanted):
        """Return a dict of what is known about each class of ``wanted``."""
        raise NotImplementedError

    def _place(self, rng, engine, label, n_samples, known, sample_weight):
        """Return base, partner and gaps of the synthetic rows of a class."""
        raise NotImplementedError

    def _between(self, rng, engine, seeds, partners, n_samples, weights):
        """Place rows between seeds and their partners."""
        seed, column = allocate(
            rng, seeds.size, partners.shape[1], n_samples, self.allocation, weights
        )
        base, partner = seeds[seed], partners[seed, column]
        return base, partner, self._gaps(rng, engine, base, partner)

    def _within_class(self, engine, label, seeds, search, name):
        """Return the nearest rows of the class for some of its rows.

        ``search`` is the checked object behind the parameter ``name``.
        """
        rows = engine.rows(label)
        given, k = getattr(self, name), None
        if hasattr(search, "n_neighbors"):
            k = self._limit(label, rows.size, search.n_neighbors - 1, name)
            if k == 0:
                return seeds[:, None]
        own = None if isinstance(given, Integral) else search
        return find_neighbors(engine, seeds, rows, k, own)

    def _limit(self, label, n_rows, k, name):
        """Return how many neighbours a class of this size has; 0 to repeat rows."""
        check_number(k, name, getattr(self, name))
        return usable_neighbors(label, n_rows, k, self.on_small_class, name)

    def _limit_all(self, n_rows, k, name):
        """Return how many neighbours a table of this size has."""
        check_number(k, name, getattr(self, name))
        if n_rows > k:
            return k
        message = f"X has {n_rows} rows, too few for {name}={k}"
        if self.on_small_class == "raise":
            raise ValueError(
                f"{message} (Expected n_neighbors <= n_samples_fit); give at most "
                f"{name}={n_rows - 1}."
            )
        warn_user(f"{message}; all {n_rows - 1} others are used.")
        return n_rows - 1

    def _as_smote(self, rng, engine, label, n_samples, sample_weight, search, name):
        """Place rows between any row of the class and its neighbours."""
        rows = engine.rows(label)
        partners = self._within_class(engine, label, rows, search, name)
        weights = weights_of(rows, sample_weight)
        return self._between(rng, engine, rows, partners, n_samples, weights)


class NoMissingMixin:
    """Mixin for samplers with a step that cannot do with missing values."""

    def _check_X_y(self, X, y, accept_sparse=None):
        checked = super()._check_X_y(X, y, accept_sparse)
        assert_all_finite(
            checked[0], estimator_name=type(self).__name__, input_name="X"
        )
        return checked

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


def weights_of(rows, sample_weight):
    """Return the weights of some rows, or None."""
    return None if sample_weight is None else sample_weight[rows]


def check_number(k, name, given):
    """Refuse a search that finds a row for itself only."""
    if k < 1:
        raise ValueError(
            f"{name}={given!r} finds {k + 1} row, which is the row itself; give it "
            "n_neighbors of at least 2."
        )


def find_neighbors(engine, rows, references, k, search=None):
    """Find the nearest reference rows of some rows, which are among them.

    Parameters
    ----------
    engine : NeighborEngine
        The table, and the exact search.
    rows, references : ndarray of int
        Row numbers in the table.
    k : int or None
        Number of neighbours apart from the row itself; None is as many as ``search``
        finds.
    search : object with ``fit`` and ``kneighbors``, default=None
        A search of the user instead of the exact one. It is cloned.

    Returns
    -------
    neighbors : ndarray of shape (n_rows, k)
        Row numbers in the table, the nearest first, never the row itself.
    """
    if search is None:
        same = rows.size == references.size and np.array_equal(rows, references)
        return engine.nearest(rows, rows if same else references, k)
    search = clone(search)
    if k is not None:
        search.n_neighbors = k + 1
    search.fit(engine.X[references])
    found = search.kneighbors(engine.X[rows], return_distance=False)
    found = references[np.asarray(found)]
    own = found == rows[:, None]
    # Hidden behind its duplicates, a row is not in its list.
    own[~own.any(axis=1), -1] = True
    return found[~own].reshape(rows.size, -1)[:, :k]


def survey_neighbors(engine, labels, k, search=None):
    """Find the nearest rows of any class for all rows of some classes, at once.

    Parameters
    ----------
    engine : NeighborEngine
        The table.
    labels : iterable
        The classes.
    k : int
        Number of neighbours.
    search : object with ``fit`` and ``kneighbors``, default=None
        A search of the user instead of the exact one.

    Returns
    -------
    neighbors : dict of object to ndarray of shape (n_rows, k)
        For each class row numbers in the table, the nearest first.
    """
    each = [engine.rows(label) for label in labels]
    if not each:
        return {}
    everything = np.arange(engine.X.shape[0])
    found = find_neighbors(engine, np.concatenate(each), everything, k, search)
    stops = np.cumsum([rows.size for rows in each])[:-1]
    return dict(zip(labels, np.split(found, stops), strict=True))


def count_foreign(engine, rows, neighbors):
    """Count the neighbours of each row that are of another class."""
    return np.sum(engine.y[neighbors] != engine.y[rows][:, None], axis=1)


def exact_counts(rng, n_samples, weights):
    """Share a number of rows by weights; rounded shares if these add up.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Decides between equal claims, if there is need to.
    n_samples : int
        Number of rows to share.
    weights : ndarray of shape (n_shares,)
        Not negative, and not all zero.

    Returns
    -------
    counts : ndarray of shape (n_shares,)
        Their sum is ``n_samples``.
    """
    counts = np.rint(n_samples * (weights / weights.sum())).astype(np.intp)
    if counts.sum() == n_samples:
        return counts
    return balanced_counts(rng, weights.size, n_samples, weights)


def seed_part(part, rng, random_state):
    """Make an estimator inside a sampler as reproducible as the sampler.

    Parameters
    ----------
    part : estimator object
        Its parameters called ``random_state`` that are None get a number, unless the
        sampler has no seed either.
    rng : numpy.random.RandomState
        The generator of the fit.
    random_state : int, RandomState, Generator or None
        What the user gave to the sampler.
    """
    if random_state is None:
        return
    for name, value in sorted(part.get_params().items()):
        if name.split("__")[-1] != "random_state":
            continue
        if value is None:
            part.set_params(**{name: int(rng.randint(2**31 - 1))})
        elif isinstance(value, np.random.Generator):
            part.set_params(**{name: rng})
