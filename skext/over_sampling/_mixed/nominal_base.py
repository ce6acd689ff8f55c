"""What SMOTE-NC and SMOTE-N have in common: votes among neighbours."""

import numpy as np
from imblearn.utils import check_sampling_strategy
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from skext.over_sampling._core.frames import Origin, take_labels, with_names
from skext.over_sampling._core.generate import Plan, Rounding, make_dense
from skext.over_sampling._core.labels import check_labels
from skext.over_sampling._core.sampler import SyntheticMixin
from skext.over_sampling._core.weights import weighted
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
from skext.utils._random import fit_rng
from skext.utils._sklearn import fit_context


class NominalMixin(SyntheticMixin):
    """Mixin for samplers whose nominal values are voted by neighbours.

    A sampler says how a table is read (``_read``), which neighbours there are
    (``_engine``), where rows lie (``_place``) and who votes (``_voters``).
    """

    @fit_context(prefer_skip_nested_validation=True)
    @weighted
    def fit_resample(self, X, y, sample_weight=None, **params):
        """Add synthetic rows to the rare classes.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The table. Columns of a data frame keep their types and categories.
            Missing values are allowed.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A row is a seed in proportion to its weight; one of
            weight zero is left out of all that is computed and counted, and stays
            among the given rows. Neighbours and votes do not depend on other weights.
            The weights of the result are in ``sample_weight_``.
        **params : dict
            Not used; for compatibility with imbalanced-learn.

        Returns
        -------
        X_resampled : {ndarray, dataframe, sparse matrix} of shape \
                (n_resampled, n_features)
            The given rows, unchanged and in their order, then the synthetic ones.
        y_resampled : ndarray or Series of shape (n_resampled,)
            Their labels.

        Raises
        ------
        ValueError
            If there is one class only, a column is of an unsuitable type, a number
            is infinite, or a class is too small.
        """
        table_X, labels, indicator = self._check_X_y(X, y)
        self.sampling_strategy_ = check_sampling_strategy(
            self.sampling_strategy, labels, self._sampling_type
        )
        table = self._read(table_X)
        plan, ballots = self._make_plan(table, labels, sample_weight)
        X_resampled = self._append(table_X, table, plan, ballots)
        if isinstance(X, list):
            X_resampled = X_resampled.tolist()
        return X_resampled, take_labels(y, labels, self.sample_indices_, indicator)

    def _fit_resample(self, X, y, **params):
        """Resample checked arrays, as other samplers of imbalanced-learn do."""
        table = self._read(X)
        plan, ballots = self._make_plan(table, y, None)
        return self._append(X, table, plan, ballots), y[self.sample_indices_]

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

    def _make_plan(self, table, y, sample_weight):
        """Place all synthetic rows, class by class, and note who votes for them."""
        rng = fit_rng(self.random_state)
        engine = self._engine(table, y)
        parts, ballots = [], []
        self.n_synthetic_, self.neighbor_indices_ = {}, {}
        for label, n_samples in self.sampling_strategy_.items():
            if n_samples > 0:
                seeds, weights = self._seeds(engine, label, sample_weight)
                neighbors = self._partners(engine, label, seeds)
                seed, *part = self._place(
                    rng, engine, label, seeds, neighbors, n_samples, weights
                )
                parts.append((seeds[seed], *part))
                ballots.append((self._voters(seeds, neighbors), seed))
                self.n_synthetic_[label] = int(n_samples)
                self.neighbor_indices_[label] = neighbors
        plan = _join(parts, rng)
        self._note_origins(y.size, plan, sample_weight)
        return plan, ballots

    def _append(self, X, table, plan, ballots):
        """Make the synthetic rows and put them behind the given ones."""
        new = np.empty((plan.base.size, table.numbers.shape[1]), table.numbers.dtype)
        if new.size:
            rounding = Rounding(table.whole, self._rounding())
            make_dense(table.numbers, plan, rounding, new, self.n_jobs)
        # Ties do not depend on the order in which columns are named.
        numbers = np.argsort(np.argsort(table.nominal))
        chosen = elect(table.codes, numbers, ballots, plan, self.n_jobs)
        function = self._rounding() if new.size else np.rint
        origin = Origin(plan.base, plan.partner, plan.gaps, function)
        return extend_table(X, table, MixedRows(new, chosen), origin)


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


def _join(parts, rng):
    """Concatenate the plans of the classes, of which there may be none."""
    if not parts:
        none = np.empty(0, dtype=np.intp)
        return Plan(none, none, np.empty((0, 1)))
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    # The last number to be drawn: it shifts no other.
    return Plan(*columns, key=int(rng.randint(2**31 - 1)))
