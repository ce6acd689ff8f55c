"""Data frames on their way into and out of a sampler.

The columns of a frame are extended one type at a time, so that the given rows stay
exactly what they were and every column keeps its type.
"""

import sys
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skext.over_sampling._core.integers import (
    fit_to,
    is_wide,
    measured,
    whole_values,
)
from skext.over_sampling._core.reading import (
    kind_of_objects,
    numpy_type,
    plain_integers,
    read_numbers,
)
from skext.utils._columns import column_kind, column_kinds, library_of
from skext.utils._tables import (
    NO_NUMBERS,
    column_at,
    is_extension,
    join_columns,
    join_rows,
    refuse_columns,
    take_rows,
)

# For what nothing lies between.
_CURE = "encode them, or use SMOTENC"


class Origin(NamedTuple):
    """What synthetic values of a column are made of.

    Attributes
    ----------
    base : ndarray of shape (n_new,)
        Given rows.
    partner : ndarray of shape (n_new,), default=None
        Given rows at the other end of a segment, for methods that have one.
    gaps : ndarray of shape (n_new, 1) or (n_new, n_columns), default=None
        Place between both; NaN for values that are not between them.
    function : {numpy.rint, numpy.trunc}, default=numpy.rint
        How values of whole numbers become whole.
    """

    base: np.ndarray
    partner: np.ndarray | None = None
    gaps: np.ndarray | None = None
    function: np.ufunc = np.rint

    def of_column(self, j):
        """Return base, partner, gap and function for a column."""
        gap = None
        if self.gaps is not None:
            gap = self.gaps[:, j if self.gaps.shape[1] > 1 else 0]
        return self.base, self.partner, gap, self.function


def integer_columns(X):
    """Refuse columns that cannot be interpolated; tell which hold whole numbers.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    columns : ndarray of shape (n_features,)
        True for columns of whole numbers.
    """
    if library_of(X) is None and X.dtype.kind in "fiu":
        return np.full(X.shape[1], X.dtype.kind in "iu")
    kinds = column_kinds(X)
    refuse_columns(X, NO_NUMBERS, cure=_CURE, found=kinds)
    return np.array([kind == "integer" for kind in kinds], dtype=bool)


def refuse_truth_values(X):
    """Refuse truth values among the objects of a table without types."""
    if isinstance(X, list | tuple):
        try:
            X = np.array(X, dtype=object)
        except ValueError:
            return
    if getattr(X, "ndim", 0) == 2 and X.dtype == object:
        refuse_columns(X, {"boolean"}, cure=_CURE)


def as_numbers(X):
    """Return a frame whose columns of objects, all of them numbers, have a type.

    Parameters
    ----------
    X : dataframe of shape (n_samples, n_features)
        Of pandas or polars; it is not changed.

    Returns
    -------
    X : dataframe of shape (n_samples, n_features)
        Columns of objects are floating point.
    """
    if library_of(X) == "polars":
        polars = sys.modules["polars"]
        boxed = [name for name, dtype in X.schema.items() if dtype == polars.Object]
        columns = [
            polars.Series(name, read_numbers(X[name], name)[0]) for name in boxed
        ]
        return X.with_columns(columns)
    boxed = [j for j, dtype in enumerate(X.dtypes) if _is_boxed(dtype)]
    if not boxed:
        return X
    # By position: names may be repeated.
    table = X.set_axis(range(X.shape[1]), axis=1)
    table = table.copy(deep=False)
    for j in boxed:
        table[j] = read_numbers(X.iloc[:, j], X.columns[j])[0]
    return table.set_axis(X.columns, axis=1)


def _is_exact(dtype):
    """Tell whether all numbers of a type are numbers of double precision."""
    if not isinstance(dtype, np.dtype):
        return False
    return dtype.kind == "f" or (dtype.kind in "iu" and dtype.itemsize < 8)


def _is_boxed(dtype):
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def measured_table(X, checked):
    """Measure columns of large whole numbers from the smallest of each.

    Parameters
    ----------
    X : {ndarray, dataframe} of shape (n_samples, n_features)
        The table with its types.
    checked : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The same as numbers of one type.

    Returns
    -------
    table : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The checked one, unless there are such columns.
    """
    if sparse.issparse(checked):
        return checked
    table = checked
    columns = range(X.shape[1])
    if library_of(X) is None:
        columns = columns if X.dtype.kind in "iu" and is_wide(X) else ()
    elif library_of(X) == "pandas":
        columns = [j for j, dtype in enumerate(X.dtypes) if not _is_exact(dtype)]
    for j in columns:
        given = column_at(X, j)
        if column_kind(given) == "integer":
            plain, missing = plain_integers(given)
            if is_wide(plain):
                table = table.astype(np.float64) if table is checked else table
                table[:, j] = measured(plain, missing)
    return table


def append_to_frame(frame, new, origin):
    """Put synthetic rows behind the rows of a frame.

    Parameters
    ----------
    frame : dataframe of shape (n_samples, n_features)
        The given rows, of pandas or polars.
    new : {ndarray, sparse matrix} of shape (n_new, n_features)
        The synthetic ones, in floating point.
    origin : Origin
        What they are made of.

    Returns
    -------
    frame : dataframe of shape (n_samples + n_new, n_features)
        With a new default index.
    """
    if sparse.issparse(new):
        new = new.tocsc()
    elif library_of(frame) == "pandas" and (frame.dtypes == new.dtype).all():
        import pandas as pd

        rows = pd.DataFrame(new)
        rows.columns = frame.columns
        return join_rows(frame, rows)
    columns = [
        write_column(column_at(frame, j), column_at(new, j), *origin.of_column(j))
        for j in range(frame.shape[1])
    ]
    return join_columns(frame, columns)


def write_column(
    given, new, base, partner=None, gap=None, function=np.rint, *, whole=True
):
    """Return synthetic values as a column of the type of a given one.

    Parameters
    ----------
    given : {ndarray, series} of shape (n_samples,)
        Numbers or truth values, or objects that are such.
    new : ndarray of shape (n_new,)
        Synthetic values in floating point; NaN is a missing value.
    base, partner, gap, function
        What they are made of, see :class:`Origin`.
    whole : bool, default=True
        False if a column of objects is known to hold neither whole numbers nor truth
        values.

    Returns
    -------
    column : {ndarray, series} of shape (n_new,)
        Of the type and, in polars, of the name of ``given``; among objects, missing
        is what it is in the column.
    """
    origin = (base, partner, gap, function)
    library = library_of(given)
    if library is None:
        return _write_array(given, new, *origin, whole=whole)
    write = _write_polars if library == "polars" else _write_pandas
    return write(given, np.asarray(new), *origin)


def _write_pandas(given, new, *origin):
    import pandas as pd

    dtype = given.dtype
    if isinstance(dtype, np.dtype):
        values = _write_array(given.to_numpy(), new, *origin)
        return pd.Series(values, dtype=dtype) if dtype.kind == "O" else values
    kind = column_kind(given)
    if kind == "float":
        arrow = getattr(dtype, "pyarrow_dtype", None)
        if arrow is not None and hasattr(arrow, "scale"):
            new = _as_decimals(new, arrow.scale)
        else:
            new = fit_to(new, numpy_type(dtype))
        return pd.Series(new).astype(dtype)
    lost = np.isnan(new)
    if kind == "boolean":
        values = np.where(lost, 0.0, origin[-1](new)) != 0
        return pd.Series(pd.arrays.BooleanArray(values, lost)).astype(dtype)
    plain, missing = plain_integers(given)
    values = whole_values(plain, missing, new, *origin)
    if isinstance(dtype, pd.SparseDtype):
        return pd.Series(values).astype(dtype)
    return pd.Series(pd.arrays.IntegerArray(values, lost)).astype(dtype)


def _write_polars(given, new, *origin):
    polars = sys.modules["polars"]
    dtype, kind, name = given.dtype, column_kind(given), given.name
    if dtype == polars.Object:
        boxed = np.array(given.to_list(), dtype=object)
        values = _write_array(boxed, new, *origin).tolist()
        return polars.Series(name, values, dtype=dtype)
    lost = np.isnan(new)
    if kind == "integer":
        plain, missing = plain_integers(given)
        values = whole_values(plain, missing, new, *origin)
        if values.dtype == object:
            return polars.Series(name, np.where(lost, None, values).tolist(), dtype)
    elif kind == "boolean":
        values = np.where(lost, 0.0, origin[-1](new)) != 0
    else:
        values = np.ascontiguousarray(new)
        if dtype == polars.Float32:
            values = fit_to(values, np.dtype(np.float32))
        if given.null_count() == 0:
            lost[:] = False
    column = polars.Series(name, values).cast(dtype)
    return column.set(polars.Series(lost), None) if lost.any() else column


def _write_array(given, new, *origin, whole=True):
    if given.dtype.kind in "iu":
        return whole_values(given, None, new, *origin)
    if given.dtype.kind == "b":
        return origin[-1](new) != 0
    if given.dtype.kind == "f":
        return fit_to(new, given.dtype)
    lost = np.isnan(new)
    kind = kind_of_objects(given) if whole else "float"
    values = np.empty(new.size, dtype=object)
    if kind == "integer":
        plain, missing = plain_integers(given)
        values[:] = whole_values(plain, missing, new, *origin)
    elif kind == "boolean":
        values[:] = (np.where(lost, 0.0, origin[-1](new)) != 0).tolist()
    elif isinstance(_first_known(given), Decimal):
        values[:] = _as_decimals(new)
    elif not lost.any():
        return new
    else:
        values[:] = new.tolist()
    if lost.any():
        import pandas as pd

        missing = pd.isna(given)
        values[lost] = given[missing][0] if missing.any() else np.nan
    return values


def _first_known(values):
    """Return the first object that is not missing; 0 if there is none."""
    import pandas as pd

    return next((value for value in values if not pd.isna(value)), 0)


def _as_decimals(new, scale=None):
    """Return decimal numbers, with so many digits behind the point."""
    values = [
        None if value != value else Decimal(repr(value)) for value in new.tolist()
    ]
    if scale is None:
        return values
    unit = Decimal(1).scaleb(-scale)
    return [None if value is None else value.quantize(unit) for value in values]


def take_labels(y, checked, rows, indicator):
    """Return the labels of the given rows in the container of ``y``.

    Parameters
    ----------
    y : array-like
        What the user gave.
    checked : ndarray of shape (n_samples,)
        The same as an array of labels.
    rows : ndarray of int
        Row numbers.
    indicator : bool
        Whether ``y`` has a column per class.

    Returns
    -------
    y_resampled : array-like
        Types, categories and names are kept; an index starts anew.
    """
    if library_of(y) is not None or is_extension(y):
        return take_rows(y, rows)
    given = np.asarray(y)
    # Labels among objects stay objects.
    boxed = given.dtype == object and given.ndim == 1
    labels = given[rows] if indicator or boxed else checked[rows]
    return labels.tolist() if isinstance(y, list) else labels


def as_plain_csr(X):
    """Return a sparse table of the kind that compiled code of scikit-learn takes.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features)
        The table.

    Returns
    -------
    X : sparse matrix of shape (n_samples, n_features)
        In CSR format, with indices of 32 bits if they suffice, sorted and without
        repetitions, and writeable; no more is copied than has to be.
    """
    X = X.tocsr()
    if not X.has_canonical_format:
        # Compiled code sorts entries in place, which are the user's.
        X = X.copy()
        X.sum_duplicates()
    parts = [X.data, X.indices, X.indptr]
    if X.nnz <= np.iinfo(np.int32).max:
        parts[1:] = (part.astype(np.int32, copy=False) for part in parts[1:])
    parts = [part if part.flags.writeable else part.copy() for part in parts]
    return type(X)(tuple(parts), shape=X.shape)


def with_names(X):
    """Return a frame that may be checked: without names if one occurs twice.

    Parameters
    ----------
    X : object
        A table of any kind.

    Returns
    -------
    X : object
        The same, but for a frame of pandas with repeated names, whose columns are
        numbered.
    """
    if library_of(X) == "pandas" and not X.columns.is_unique:
        return X.set_axis(range(X.shape[1]), axis=1)
    return X
