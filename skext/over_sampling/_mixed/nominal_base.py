"""What SMOTE-NC and SMOTE-N have in common: votes among neighbours."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from skext.over_sampling._core.frames import Origin, with_names
from skext.over_sampling._core.labels import check_labels
from skext.over_sampling._core.write import Rounding, make_dense
from skext.over_sampling._drop_in.smote import SMOTE
from skext.over_sampling._mixed.tables import (
    MixedRows,
    as_texts,
    check_mixed,
    extend_table,
    first_rows,
    read_table,
    take_columns,
)
from skext.over_sampling._mixed.vote_kernels import draw_winners, tally
from skext.utils._columns import library_of
from skext.utils._parallel import run_chunks


class NominalSampler(SMOTE):
    """Base of samplers whose nominal values are voted by neighbours.

    A sampler says how a table is read (``_read``), which neighbours there are
    (``_engine``), where rows lie (``_place``) and who votes (``_voters``).
    """

    _noted = ("neighbor_indices_",)

    def _check_X_y(self, X, y, accept_sparse=None):
        y, indicator = check_labels(y)
        X = check_mixed(self, X, accept_sparse=accept_sparse or ["csr", "csc"])
        check_consistent_length(X, y)
        return X, y, indicator

    def _read_columns(self, X, nominal, default):
        """Read a table, and fit the encoder; return the number of its columns."""
        X = X.toarray() if sparse.issparse(X) else X
        table = read_table(X, nominal)
        width = None
        if self.categorical_encoder is None:
            examples = take_columns(X, nominal, first_rows(table.codes))
            examples = with_names(examples)
            try:
                self.categorical_encoder_ = clone(default).fit(examples)
            except TypeError:
                self.categorical_encoder_ = clone(default).fit(as_texts(examples))
        else:
            self.categorical_encoder_ = clone(self.categorical_encoder)
            columns = X.iloc[:, nominal] if library_of(X) == "pandas" else X[:, nominal]
            columns = with_names(columns)
            width = self.categorical_encoder_.fit_transform(columns).shape[1]
        return table, width

    def _partners(self, rare, seeds):
        neighbors = super()._partners(rare, seeds)
        self.neighbor_indices_[rare.label] = neighbors
        return neighbors

    def _write(self, given, plan):
        """Make the synthetic rows and put them behind the given ones."""
        table, function = given.table, self._rounding()
        new = np.empty((plan.base.size, table.numbers.shape[1]), table.numbers.dtype)
        if new.size:
            rounding = Rounding(table.whole, function)
            make_dense(table.numbers, plan, rounding, new, self.n_jobs)
        # Ties do not depend on the order in which columns are named.
        numbers = np.argsort(np.argsort(table.nominal))
        ballots = self._ballots(given.labels, plan)
        chosen = elect(table.codes, numbers, ballots, plan, self.n_jobs)
        rows, origin = MixedRows(new, chosen), Origin(*plan[:3], function)
        resampled = extend_table(given.numbers, table, rows, origin)
        return resampled.tolist() if isinstance(given.X, list) else resampled

    def _ballots(self, labels, plan):
        """Return for each class the voters of its rows, and the seeds."""
        ballots, stop = [], 0
        for label, neighbors in self.neighbor_indices_.items():
            start, stop = stop, stop + self.n_synthetic_[label]
            rows = np.flatnonzero(labels == label)
            seed = np.searchsorted(rows, plan.base[start:stop])
            ballots.append((self._voters(rows, neighbors), seed))
        return ballots

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def elect(codes, numbers, ballots, plan, n_jobs=None):
    """Choose the rows from which synthetic rows take their nominal values.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_nominal)
        Levels of the nominal columns.
    numbers : ndarray of shape (n_nominal,)
        Numbers of the columns, for the drawing of lots.
    ballots : list of tuple of ndarray
        For each class the voters of each seed, of shape (n_seeds, n_voters), and the
        seed of each synthetic row.
    plan : Plan
        Its key decides between levels with equally many votes, in each synthetic row
        and column anew.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    chosen : ndarray of shape (n_new, n_nominal)
        Row numbers.
    """
    chosen = np.empty((plan.base.size, codes.shape[1]), dtype=np.intp, order="F")
    first = 0
    for number, (voters, seed) in enumerate(ballots):
        winners = np.empty_like(voters)
        n_winners = np.empty(voters.shape[0], dtype=np.intp)
        key = np.uint64(plan.key + (number + 1) * 2**32)
        for f, levels in enumerate(codes.T):
            tallied = (levels, int(levels.max()) + 1, voters, winners, n_winners)
            run_chunks(tally, voters.shape[0], *tallied, n_jobs=n_jobs)
            drawn = chosen[first : first + seed.size, f]
            drawing = (winners, n_winners, seed, key, numbers[f], drawn)
            run_chunks(draw_winners, seed.size, *drawing, n_jobs=n_jobs, min_chunk=8192)
        first += seed.size
    return chosen
