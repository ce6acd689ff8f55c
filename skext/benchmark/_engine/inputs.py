"""From the tables and targets that people have to those that every method takes."""

import numpy as np

from skext.benchmark._engine.kinds import KINDS, task_types
from skext.benchmark._engine.parsing import unknown
from skext.exceptions import BenchmarkError
from skext.utils._columns import (
    NUMBERS,
    categories_of,
    column_kind,
    column_kinds,
    library_of,
)
from skext.utils._tables import column_at, columns_hold

# Whole numbers with more distinct values than this count as numbers, not as classes.
MOST_CLASSES = 20
# So do those whose values have fewer rows than this on average.
FEWEST_ROWS = 3


def read_bunch(found, name, *, loader=True):
    """Read what a loader returned, or what stands for a task in Python.

    Parameters
    ----------
    found : tuple of (X, y), mapping or Bunch
        With ``X`` and ``y``, or with ``data`` and ``target`` as scikit-learn has them.
    name : str
        Of the task.
    loader : bool, default=True
        Whether a loader is to blame.

    Returns
    -------
    bunch : dict
        With ``X``, ``y`` and whatever else there was.
    """
    if isinstance(found, tuple | list) and len(found) == 2:
        return {"X": found[0], "y": found[1]}
    try:
        bunch = dict(found)
    except (TypeError, ValueError):
        bunch = {}
    for ours, theirs in (("X", "data"), ("y", "target")):
        if ours not in bunch and theirs in bunch:
            bunch[ours] = bunch[theirs]
    if bunch.get("X") is None or bunch.get("y") is None:
        what = f"{type(found).__name__}"
        if isinstance(found, tuple | list):
            what += f" of {len(found)}"
        who = f"The loader of task {name!r} returned {what}; it must return"
        if not loader:
            who = f"Task {name!r} is given as {what}; it must be"
        raise BenchmarkError(
            f"{who} (X, y), or a Bunch or dict with 'X' and 'y' (or 'data' and "
            "'target')."
        )
    return bunch


def as_table(X, name):
    """Return a table as every method takes it; the one given is not changed.

    Parameters
    ----------
    X : array, sparse matrix, list or table of pandas, polars or Arrow
        The table.
    name : str
        Of the task.

    Returns
    -------
    X : ndarray of numbers or DataFrame of shape (n_samples, n_features)
        A frame has distinct texts as names, numbers as numpy has them, and texts and
        categories whose missing values are NaN.
    categorical : tuple of int
        Columns that are not numeric.
    """
    if hasattr(X, "toarray"):
        X = X.toarray()
    if library_of(X) is None and hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if library_of(X) is None:
        X = _as_array(X, name)
    if len(X.shape) != 2 or X.shape[1] == 0:
        raise BenchmarkError(
            f"Task {name!r}: X has shape {tuple(X.shape)}; give a table of two "
            "dimensions with at least one column."
        )
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
        return X, ()
    return _as_frame(X, name)


def _as_array(X, name):
    try:
        found = np.asarray(X)
        if found.dtype.kind in "US" and not hasattr(X, "dtype"):
            # Numbers beside texts, and gaps, stay what they are.
            found = np.array(X, dtype=object)
        return found
    except ValueError as exc:
        raise BenchmarkError(
            f"Task {name!r}: X is no table ({exc}); give rows of the same length."
        ) from None


def _as_frame(X, name):
    import pandas as pd

    kinds = column_kinds(X)
    labels = _labels(X)
    for kind, cure in (
        ("date", "turn them into numbers, such as days since a date"),
        ("complex", "give their parts as columns"),
    ):
        bad = [label for label, k in zip(labels, kinds, strict=True) if k == kind]
        if bad:
            said = columns_hold(bad, kind)
            raise BenchmarkError(f"Task {name!r}: {said}; {cure}, or leave them out.")
    columns, changed = [], not hasattr(X, "iloc") or labels != list(X.columns)
    for j, kind in enumerate(kinds):
        column = column_at(X, j)
        plain = _plain(column, kind)
        if plain is None:
            raise BenchmarkError(
                f"Task {name!r}: {columns_hold([labels[j]], kind)}, which are no "
                "values; leave it out or make columns of it."
            )
        if isinstance(X, np.ndarray) and X.dtype.kind == "U" and kind == "text":
            # An array of numbers and texts has turned its numbers into texts.
            plain, kinds[j] = _numbers_of(plain)
        changed |= plain is not column
        columns.append(plain)
    if changed:
        index = X.index if hasattr(X, "iloc") else range(X.shape[0])
        X = pd.concat([pd.Series(c, index=index) for c in columns], axis=1)
        X.columns = labels
    return X, tuple(j for j, kind in enumerate(kinds) if kind not in NUMBERS)


def _labels(X):
    """Distinct texts for the names of columns."""
    names = [str(name) for name in getattr(X, "columns", range(X.shape[1]))]
    taken, labels = set(names), []
    for name in names:
        label, number = name, 1
        while label in labels:
            label = f"{name}.{number}"
            number += 1
            if label in taken:
                label = name
        labels.append(label)
    return labels


def _plain(column, kind):
    """Values of a column as numpy or pandas' categories; None if they are no values."""
    dtype = getattr(column, "dtype", None)
    usual = library_of(column) == "pandas" and isinstance(dtype, np.dtype)
    if usual and dtype.kind in "fiub":
        return column
    if kind in NUMBERS or kind == "boolean":
        values, missing = _values(column)
        if kind == "boolean":
            if not missing.any():
                return values.astype(bool)
            return _texts(values, missing)
        if kind == "integer" and not missing.any():
            return values.astype(np.int64)
        return np.where(missing, np.nan, values).astype(np.float64)
    if kind == "category":
        return _categories(column)
    values, missing = _values(column)
    if kind == "other" and not _are_values(values[~missing]):
        return None
    texts = usual and all(type(value) is str for value in values[~missing])
    if texts and not _other_gaps(values[missing]):
        return column
    return _texts(values, missing)


def _values(column):
    """Values of a column as objects, and which of them are missing."""
    import pandas as pd

    if library_of(column) == "polars":
        listed = column.to_list()
    elif hasattr(column, "sparse"):
        listed = column.sparse.to_dense().tolist()
    else:
        listed = column.tolist()
    values = np.empty(len(listed), dtype=object)
    values[:] = listed
    return values, pd.isna(values)


def _are_values(things):
    """Whether no thing is a list, a mapping or the like."""
    try:
        return all(np.ndim(thing) == 0 and hash(thing) is not None for thing in things)
    except (TypeError, ValueError):
        return False


def _other_gaps(values):
    """Whether something else than NaN stands for a missing value."""
    return any(not isinstance(value, float) for value in values)


def _texts(values, missing):
    texts = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        if missing[i]:
            texts[i] = np.nan
        elif isinstance(value, bytes):
            texts[i] = value.decode(errors="replace")
        else:
            texts[i] = str(value)
    return texts


def _categories(column):
    """Categories of pandas, with texts or numbers as their names."""
    import pandas as pd

    categories, ordered = categories_of(column)
    declared = isinstance(getattr(column, "dtype", None), pd.CategoricalDtype)
    plain = str | int | float | np.number
    if declared and all(isinstance(category, plain) for category in categories):
        return column
    values, missing = _values(column)
    texts = _texts(values, missing)
    if categories is None:
        return texts
    names = [str(category) for category in categories]
    if len(set(names)) < len(names):
        return texts
    return pd.Categorical(texts, categories=names, ordered=ordered)


def _numbers_of(texts):
    """Numbers where all texts of a column are numbers, and the kind of the column."""
    import pandas as pd

    try:
        return pd.to_numeric(pd.Series(texts)).to_numpy(dtype=np.float64), "float"
    except (ValueError, TypeError):
        return texts, "text"


def as_target(y, name):
    """Return a target as an array without gaps.

    Parameters
    ----------
    y : array, list, series or frame of one column
        The target.
    name : str
        Of the task.

    Returns
    -------
    y : ndarray of shape (n_samples,)
        Numbers, booleans or texts.
    is_class : bool
        Whether its type says that it holds classes.
    class_order : ndarray or None
        Categories from low to high where the type has an order.
    """
    if hasattr(y, "toarray"):
        y = y.toarray()
    if library_of(y) is None and not hasattr(y, "dtype"):
        y = y.to_pandas() if hasattr(y, "to_pandas") else _as_array(y, name)
    if len(y.shape) == 2 and y.shape[1] == 1:
        y = column_at(y, 0)
    if len(y.shape) != 1:
        raise BenchmarkError(
            f"Task {name!r}: y has shape {tuple(y.shape)}; give one target for each "
            "row, and a task for each of several targets."
        )
    kind = column_kind(y)
    if kind in ("date", "complex"):
        what = "dates or times" if kind == "date" else "complex numbers"
        raise BenchmarkError(
            f"Task {name!r}: the target holds {what}; give numbers or class labels."
        )
    categories, ordered = categories_of(y)
    values, missing = _values(y)
    if missing.any():
        raise BenchmarkError(
            f"Task {name!r}: {int(missing.sum())} of {missing.size} targets are "
            "missing; leave these rows out, or give them a class of their own."
        )
    order = categories if ordered else None
    if kind == "boolean":
        return values.astype(bool), True, order
    if kind in NUMBERS:
        # The type stays where numpy has one.
        numbers = np.asarray(y)
        if numbers.dtype.kind not in "fiu":
            numbers = values.astype(np.int64 if kind == "integer" else np.float64)
        if not np.isfinite(numbers).all():
            raise BenchmarkError(
                f"Task {name!r}: the target holds infinite numbers; leave these rows "
                "out or give the largest number that makes sense."
            )
        return numbers, False, order
    if kind == "other" and not _are_values(values):
        raise BenchmarkError(
            f"Task {name!r}: the target holds lists, mappings or other things that "
            "are no labels; give one label or number for each row."
        )
    if kind == "category" and _all_numbers(values):
        return values.astype(np.float64), True, order
    return _texts(values, missing), True, order


def _all_numbers(values):
    numbers = int | float | np.integer | np.floating
    return all(isinstance(v, numbers) and not isinstance(v, bool) for v in values)


def kind_of_target(y, is_class, told, name):
    """Decide what kind of task a target makes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        As of :func:`as_target`.
    is_class : bool
        Whether its type says that it holds classes.
    told : str or None
        What the user or the loader says.
    name : str
        Of the task.

    Returns
    -------
    task_type : {"binary", "multiclass", "regression", "quantile", "clustering"}
        Kind of target.
    note : str
        What a person should know about the decision; may be empty.
    """
    if told is not None and told not in task_types():
        raise unknown("task_type", told, task_types())
    if told in KINDS and KINDS[told].target != "classes":
        return told, ""
    n_values = np.unique(y).size
    if told == "binary" and n_values != 2:
        raise BenchmarkError(
            f"Task {name!r} has {n_values} distinct targets, so it is not binary; say "
            "task_type='classification' or 'regression'."
        )
    classes = "binary" if n_values == 2 else "multiclass"
    if told is not None or is_class or n_values <= 2:
        whole = is_class or told is not None or np.all(y == np.floor(y))
        return (classes if whole else "regression"), ""
    if not np.all(y == np.floor(y)):
        return "regression", ""
    many = n_values > MOST_CLASSES or y.size < FEWEST_ROWS * n_values
    said = f"Task {name!r}: the {n_values} distinct whole numbers of its target count "
    if many:
        note = f"{said}as numbers (regression); task_type='multiclass' makes classes."
        return "regression", "" if y.dtype.kind == "f" else note
    note = f"{said}as classes; task_type='regression' makes numbers of them."
    return "multiclass", note if y.dtype.kind == "f" else ""


def label_texts(labels):
    """Class labels as texts; whole numbers are written without a point."""
    if labels.dtype.kind == "f":
        return np.array(
            [str(int(v)) if v == np.floor(v) else repr(float(v)) for v in labels]
        )
    return labels.astype(str)
