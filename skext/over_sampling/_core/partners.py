"""Which rows may be at the other end: neighbours, and what is done without enough."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from skext.utils._warnings import warn_user


class Search(NamedTuple):
    """How neighbours are wanted.

    Attributes
    ----------
    name : str
        Parameter that says so, for messages.
    k : int or None
        Number of neighbours without the row itself; None is as many as are found.
    own : object with ``fit`` and ``kneighbors``, default=None
        A search of the user instead of the exact one.
    """

    name: str
    k: int | None
    own: object = None


def own_search(name, given, found):
    """Return a search of the user as samplers use it.

    Parameters
    ----------
    name : str
        Parameter that holds it.
    given, found : object with ``fit`` and ``kneighbors``
        Its value, and a clone of it. The row itself counts in its ``n_neighbors``.

    Returns
    -------
    search : Search
        How neighbours are wanted.
    """
    k = found.n_neighbors - 1 if hasattr(found, "n_neighbors") else None
    if k is not None and k < 1:
        raise ValueError(
            f"{name}={given!r} finds {k + 1} row, which is the row itself; give it "
            "n_neighbors of at least 2."
        )
    return Search(name, k, found)


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


def neighbors_of_all(engine, rows, search, k):
    """Find the nearest rows of any class, ``k`` or as many as a search finds."""
    return find_neighbors(engine, rows, np.arange(engine.X.shape[0]), k, search.own)


def neighbors_by_class(engine, labels, search, k):
    """Find the nearest rows of any class for all rows of some classes, at once.

    Parameters
    ----------
    engine : NeighborEngine
        The table.
    labels : iterable
        The classes.
    search : Search
        How neighbours are found.
    k : int
        Number of neighbours.

    Returns
    -------
    neighbors : dict of object to ndarray of shape (n_rows, k)
        For each class row numbers in the table, the nearest first.
    """
    each = [engine.rows(label) for label in labels]
    if not each:
        return {}
    found = neighbors_of_all(engine, np.concatenate(each), search, k)
    stops = np.cumsum([rows.size for rows in each])[:-1]
    return dict(zip(labels, np.split(found, stops), strict=True))


def count_foreign(engine, rows, neighbors):
    """Count the neighbours of each row that are of another class."""
    return np.sum(engine.y[neighbors] != engine.y[rows][:, None], axis=1)


def draw_companions(rng, groups, seed):
    """Draw another member of the group of each seed.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    groups : ndarray of shape (n_rows,)
        Number of the group of each row, from 0.
    seed : ndarray of shape (n_samples,)
        Positions of rows.

    Returns
    -------
    companion : ndarray of shape (n_samples,)
        Positions of other rows of the same group, all equally likely; the seed itself
        if it is alone.
    """
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    rank -= starts[groups]
    own = groups[seed]
    step = rng.randint(1, np.maximum(sizes[own], 2))
    return order[starts[own] + (rank[seed] + step) % sizes[own]]


def usable_neighbors(
    label, n_rows, k, on_small_class, name="k_neighbors", with_self=False
):
    """Tell how many neighbours the rows of a class have.

    Parameters
    ----------
    label : object
        The class, for messages.
    n_rows : int
        Its number of rows.
    k : int
        Number of neighbours that are wanted.
    on_small_class : {"shrink", "duplicate", "raise"}
        What to do if there are fewer.
    name : str, default="k_neighbors"
        Parameter that says so, for messages.
    with_self : bool, default=False
        Whether the parameter counts the row itself.

    Returns
    -------
    k : int
        Number of neighbours; 0 if the rows are to be repeated.
    """
    if n_rows > k:
        return k
    which = size_of_class(label, n_rows)
    if on_small_class == "duplicate":
        warn_user(f"{which}, too few for {k} neighbours; its rows are repeated.")
        return 0
    if on_small_class == "raise" or n_rows == 1:
        refuse_few(which, n_rows, k + with_self, name, with_self)
    others = "the other is" if n_rows == 2 else f"all {n_rows - 1} others are"
    warn_user(f"{which}, too few for {k} neighbours; {others} used.")
    return n_rows - 1


def size_of_class(label, n_rows):
    """Return the beginning of a sentence about a class that is small."""
    return f"Class {str(label)!r} has {n_rows} {'row' if n_rows == 1 else 'rows'}"


def refuse_few(which, n_rows, k, name="k_neighbors", with_self=False):
    """Refuse a class or another group of rows with too few rows for neighbours."""
    fewer = f"at most {name}={n_rows - 1 + with_self}, or "
    raise ValueError(
        f"{which}, too few for {name}={k} (Expected n_neighbors <= n_samples_fit); "
        f"give {fewer if n_rows > 1 else ''}on_small_class='duplicate'."
    )


def usable_in_table(n_rows, search, on_small_class):
    """Tell how many neighbours the rows of a whole table have.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    search : Search
        How many neighbours are wanted.
    on_small_class : {"shrink", "duplicate", "raise"}
        Whether fewer than that are refused.

    Returns
    -------
    k : int
        Number of neighbours.
    """
    name, k, _ = search
    if n_rows > k:
        return k
    message = f"X has {n_rows} rows, too few for {name}={k}"
    if on_small_class == "raise":
        raise ValueError(
            f"{message} (Expected n_neighbors <= n_samples_fit); give at most "
            f"{name}={n_rows - 1}."
        )
    warn_user(f"{message}; all {n_rows - 1} others are used.")
    return n_rows - 1


def refuse_lonely(label, on_small_class):
    """Refuse a class of one row, beside which nothing lies, or say it is repeated."""
    if on_small_class != "duplicate":
        raise ValueError(
            f"{size_of_class(label, 1)}, and nothing lies between a row and itself "
            "(Expected n_neighbors <= n_samples_fit); give more rows, or "
            "on_small_class='duplicate'."
        )
    warn_user(f"{size_of_class(label, 1)}, which is repeated.")


def require_rows(label, n_rows, needed, why):
    """Refuse a class that is too small for a method."""
    if n_rows < needed:
        raise ValueError(
            f"{size_of_class(label, n_rows)}, and {why} needs at least {needed}; leave "
            "the class out of sampling_strategy, or repeat its rows with "
            "RandomOverSampler."
        )


def as_smote_instead(label, reason, on_empty):
    """Raise, or warn that a class is over-sampled as by SMOTE."""
    message = f"Class {str(label)!r} {reason}"
    if on_empty == "raise":
        raise ValueError(
            f"{message}; scale the features, or give on_empty='smote' to interpolate "
            "between neighbours of the class instead."
        )
    warn_user(f"{message}; its neighbouring rows are interpolated as by SMOTE.")
