"""Labels and numbers of rows, from whatever holds them."""

import numpy as np

from skext.utils._columns import column_kind, library_of


def as_labels(y):
    """Return labels as an array of the type that they are of.

    Parameters
    ----------
    y : array-like
        Labels.

    Returns
    -------
    labels : ndarray
        Integers and booleans of pandas' nullable and Arrow types stay what they are;
        scikit-learn makes floats of them, in which large integers collide.
    """
    if isinstance(y, (list, tuple)):
        found = np.asarray(y)
        # Text beside anything else would become text as a whole.
        return np.asarray(y, dtype=object) if found.dtype.kind in "USO" else found
    if library_of(y) == "pandas":
        if y.ndim == 2:
            return (
                as_labels(y.iloc[:, 0])[:, None] if y.shape[1] == 1 else np.asarray(y)
            )
        kind = column_kind(y)
        if kind in ("integer", "boolean") and not isinstance(y.dtype, np.dtype):
            if kind == "boolean":
                return y.to_numpy(dtype=bool, na_value=False)
            unsigned = "uint" in str(y.dtype).lower()
            return y.to_numpy(dtype=np.uint64 if unsigned else np.int64, na_value=0)
        if kind == "category" and not hasattr(y, "cat"):
            # Dictionaries of Arrow, which numpy cannot read.
            return np.asarray(y.tolist(), dtype=object)
    return np.asarray(y)


def find_missing(y):
    """Return the numbers of the rows that have no label.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.

    Returns
    -------
    rows : ndarray of int of shape (n_missing,)
        Increasing.
    """
    y = _only_column(y)
    library = library_of(y)
    if library == "pandas":
        return np.flatnonzero(np.asarray(y.isna(), dtype=bool))
    if library == "polars":
        missing = np.asarray(y.is_null())
        if y.dtype.is_float():
            missing = missing | np.asarray(y.is_nan().fill_null(True))
        return np.flatnonzero(missing)
    values = as_labels(y)
    if values.dtype.kind in "Mm":
        return np.flatnonzero(np.isnat(values.ravel()))
    if values.dtype.kind == "f":
        return np.flatnonzero(np.isnan(values.ravel()))
    if values.dtype.kind != "O":
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero([_is_missing(value) for value in values.ravel()])


def _only_column(y):
    """Return the column of a frame of one, an array of one of more."""
    library = library_of(y)
    if library is None or not hasattr(y, "columns"):
        return y
    if y.shape[1] != 1:
        return np.asarray(y)
    return y.iloc[:, 0] if library == "pandas" else y.to_series()


def _is_missing(value):
    # pandas' NA does not say what it is when it is compared.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)


def read_labels(y):
    """Return labels of classes, or say what is wrong with them.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.

    Returns
    -------
    labels : ndarray
        See :func:`as_labels`; of any shape, which other checks judge.

    Raises
    ------
    ValueError
        If labels are missing, or text is mixed with anything else.
    """
    if y is None or hasattr(y, "tocsr"):
        return y
    missing = find_missing(y)
    if missing.size:
        raise ValueError(
            f"y contains NaN or None in {missing.size} rows, the first of which is row "
            f"{missing[0]}; leave out rows without a label, or give them one of their "
            "own."
        )
    if _holds_dates(y):
        raise ValueError(
            "y has dates or durations, which are no classes; turn them into text, or "
            "into numbers for a regressor."
        )
    labels = as_labels(y)
    if labels.dtype.kind == "O" and labels.ndim == 1 and len(labels):
        texts = np.fromiter((isinstance(v, str) for v in labels), bool, len(labels))
        if texts.any() and not texts.all():
            other = labels[np.flatnonzero(~texts)[0]]
            raise ValueError(
                f"y mixes text, such as {labels[np.flatnonzero(texts)[0]]!r}, with "
                f"{type(other).__name__}, such as {other!r}; make all labels text, by "
                "str, or none."
            )
        if isinstance(y, (list, tuple)) and texts.all():
            return labels.astype(str)
        if not texts.any():
            # Numbers and booleans that have been objects, from a column with gaps, say.
            plain = np.asarray(labels.tolist())
            return plain if plain.dtype.kind in "biuf" else labels
    return labels


def refuse_dates(y):
    """Refuse dates and durations as a target; they become nanoseconds otherwise.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Target.

    Raises
    ------
    ValueError
        If that is what it holds.
    """
    if _holds_dates(y):
        raise ValueError(
            "y has dates or durations, which are no numbers; turn them into numbers, "
            "such as days since a start."
        )


def _holds_dates(y):
    y = np.asarray(y) if isinstance(y, (list, tuple)) else _only_column(y)
    if library_of(y) is None:
        kind = getattr(getattr(y, "dtype", None), "kind", "")
        if kind != "O" or y.ndim != 1:
            return kind in ("M", "m")
    return column_kind(y) == "date"


def read_numbers(y):
    """Return a target as numbers, or say what is wrong with it.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        What scikit-learn's checks left of it.

    Returns
    -------
    numbers : ndarray of shape (n_samples,), dtype float64
        Finite.

    Raises
    ------
    ValueError
        If there are dates, text or values that are not finite.
    """
    refuse_dates(y)
    try:
        numbers = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y must hold numbers, got {column_kind(y)}: {error}. A classifier takes "
            "labels."
        ) from error
    if not np.isfinite(numbers).all():
        row = np.flatnonzero(~np.isfinite(numbers))[0]
        what = "NaN" if np.isnan(numbers).any() else "infinity"
        raise ValueError(
            f"Input y contains {what}, first in row {row}; leave out rows without a "
            "target."
        )
    return numbers
